use std::{future::Future, time::Duration};

use provision_core::{
    BasicHost, Deletion, HostDeleteRequest, HostId, HostName, HostStatus, IdempotencyKey, ListFilter, OpenPorts,
    ProvisionedHost, Provisioner, RegionFilter, UserData,
};

use crate::{
    Connect, Failure, Forger, Item, Observer, Stand,
    failure::{During, ensure},
};

/// A text in the user data of every host that a case makes.
pub(super) const MARKER: &str = "marker-5f1d0c77e2a94b38";

/// How far the clock is put ahead between two looks at a host.
const STEP: Duration = Duration::from_secs(5);
/// Ten minutes of the cloud's time.
const LOOKS: u32 = 120;

/// A stand with the provider in front of it and an eye on its requests.
pub(super) struct Bench<'a> {
    pub(super) stand: &'a dyn Stand,
    pub(super) cloud: Box<dyn Provisioner>,
    pub(super) observer: Observer,
    pub(super) forger: Forger,
    /// What the account held at the start: its default network, for example.
    before: Vec<Item>,
}

impl<'a> Bench<'a> {
    pub(super) fn new(stand: &'a dyn Stand) -> Result<Self, Failure> {
        Self::overriding(stand, Vec::new())
    }

    /// With other settings.
    pub(super) fn overriding(stand: &'a dyn Stand, settings: Vec<(String, String)>) -> Result<Self, Failure> {
        let observer = Observer::new();
        let forger = Forger::new();
        let (eye, hand) = (observer.clone(), forger.clone());
        let connect = Connect::new()
            .overriding(settings)
            .through(move |inner| eye.around(inner))
            .through(move |inner| hand.around(inner));
        let cloud = stand.connect(&connect).during("connecting")?;
        let before = stand.inventory();
        stand.forget_requests();
        Ok(Self {
            stand,
            cloud,
            observer,
            forger,
            before,
        })
    }

    /// Has the provider do what it does once before its first request, such as reading the cloud's time.
    pub(super) async fn warm_up(&self) {
        drop(self.cloud.list(&ListFilter::all()).await);
    }

    /// The requests that a call took. They are counted at the cloud, and have to be those that went through the transport.
    pub(super) async fn counted<T>(&self, call: impl Future<Output = T>) -> Result<(T, usize), Failure> {
        self.observer.forget();
        self.stand.forget_requests();
        let value = call.await;
        let (sent, received) = (self.observer.sent(), self.stand.requests());
        ensure!(
            sent.len() == received.len(),
            "the provider sent {} requests through its transport, but the cloud received {}: each request has to go through the transport, once (sent: {}; received: {})",
            sent.len(),
            received.len(),
            join(&sent),
            join(&received)
        );
        Ok((value, received.len()))
    }

    /// The last counted requests, for messages.
    pub(super) fn log(&self) -> String {
        join(&self.stand.requests())
    }

    /// What the account holds beyond what it held at the start. Tags of no further use are left out: they are names that
    /// a cloud keeps, free of charge.
    pub(super) fn ours(&self) -> Vec<Item> {
        let items = self.stand.inventory().into_iter();
        items
            .filter(|item| !self.before.contains(item))
            .filter(|item| item.kind != "tag" || item.bills)
            .collect()
    }

    pub(super) fn hosts(&self) -> Vec<Item> {
        self.ours().into_iter().filter(Item::is_host).collect()
    }

    pub(super) fn nothing_left(&self, after: &str) -> Result<(), Failure> {
        let left = self.ours();
        ensure!(left.is_empty(), "{after} the account still holds {}", join(&left));
        Ok(())
    }

    /// Asks until the host is active.
    pub(super) async fn until_active(&self, id: &HostId) -> Result<ProvisionedHost, Failure> {
        for _ in 0..LOOKS {
            let host = self.cloud.status(id).await.during("status of a new host")?;
            match host.status {
                HostStatus::Active => return Ok(host),
                HostStatus::Provisioning => self.stand.advance(STEP),
                other => {
                    return Err(Failure::new(format!(
                        "a new host should be provisioning until it is active, but is {other} ({:?})",
                        host.raw_status
                    )));
                }
            }
        }
        Err(Failure::new(format!(
            "the host was not active after ten minutes of the cloud's time: status never became active, or has no public address ({:?})",
            self.cloud.status(id).await
        )))
    }

    /// Provisions as callers are told to: what may succeed later is called again, no sooner than the error says.
    pub(super) async fn provision(&self, host: &BasicHost, what: &str) -> Result<ProvisionedHost, Failure> {
        for _ in 0..LOOKS {
            match self.cloud.provision(host).await {
                Ok(host) => return Ok(host),
                Err(error) if error.is_retryable() => self.stand.advance(error.retry_after().unwrap_or(STEP)),
                Err(error) => return Err(error).during(what),
            }
        }
        Err(Failure::new(format!(
            "{what} went on failing for ten minutes of the cloud's time: {:?}",
            self.cloud.provision(host).await
        )))
    }

    pub(super) async fn active(&self, host: &BasicHost) -> Result<ProvisionedHost, Failure> {
        let created = self.cloud.provision(host).await.during("provision")?;
        self.until_active(&created.id).await
    }

    /// Deletes until it is complete.
    pub(super) async fn delete(&self, request: impl Into<HostDeleteRequest>) -> Result<(), Failure> {
        let request = request.into();
        for _ in 0..LOOKS {
            match self.cloud.delete(&request).await {
                Ok(Deletion::Removed | Deletion::NotFound) => return Ok(()),
                Ok(Deletion::InProgress) => {}
                // Busy is what a cloud may be; the contract says to call again.
                Err(error) if error.kind() == provision_core::ErrorKind::Conflict => {}
                Err(error) => return Err(error).during("delete"),
            }
            self.stand.advance(STEP);
        }
        Err(Failure::new(format!(
            "delete never became complete in ten minutes of the cloud's time; the account holds {}",
            join(&self.ours())
        )))
    }

    /// Gives up the key of a host that was never created.
    pub(super) async fn delete_leftovers(&self, host: &BasicHost) -> Result<(), Failure> {
        let key = &host.key();
        for _ in 0..LOOKS {
            match self.cloud.delete_leftovers(key, &RegionFilter::All).await {
                Ok(Deletion::Removed | Deletion::NotFound) => return Ok(()),
                Ok(Deletion::InProgress) => self.stand.advance(STEP),
                Err(error) => return Err(error).during("delete_leftovers"),
            }
        }
        Err(Failure::new(format!(
            "delete_leftovers never became complete in ten minutes of the cloud's time; the account holds {}",
            join(&self.ours())
        )))
    }

    pub(super) fn restricts_ports(&self) -> bool {
        self.cloud.info().capabilities.restrict_ports
    }
}

/// A host with the suite's user data.
pub(super) fn host(name: &str) -> Result<BasicHost, Failure> {
    let invalid = |invalid: provision_core::Invalid| Failure::new(invalid.to_string());
    let name = HostName::new(name).map_err(invalid)?;
    let user_data = UserData::new(format!("#!/bin/sh\necho '{MARKER}' > /root/marker\n")).map_err(invalid)?;
    Ok(BasicHost::new(name, user_data))
}

pub(super) fn with_key(name: &str) -> Result<BasicHost, Failure> {
    let mut host = host(name)?;
    host = host.with_key(key(name)?);
    Ok(host)
}

pub(super) fn key(name: &str) -> Result<IdempotencyKey, Failure> {
    IdempotencyKey::new(format!("order of {name}")).map_err(|invalid| Failure::new(invalid.to_string()))
}

/// With a key, and with closed ports where the cloud can close them: the create with the most steps.
pub(super) fn elaborate(bench: &Bench<'_>, name: &str) -> Result<BasicHost, Failure> {
    let mut host = with_key(name)?;
    if bench.restricts_ports() {
        host.ports = ports(&["443", "34567/tcp"])?;
    }
    Ok(host)
}

pub(super) fn ports(texts: &[&str]) -> Result<OpenPorts, Failure> {
    let ranges = texts.iter().map(|text| text.parse()).collect::<Result<_, _>>();
    Ok(OpenPorts::Only(ranges.map_err(
        |invalid: provision_core::Invalid| Failure::new(invalid.to_string()),
    )?))
}

/// An id of the same form that names no host: the last letters and digits of its first part are others.
pub(super) fn other_id(id: &HostId) -> Result<HostId, Failure> {
    let (first, rest) = match id.as_str().split_once(HostId::SEPARATOR) {
        Some((first, rest)) => (first, format!("|{rest}")),
        None => (id.as_str(), String::new()),
    };
    let keep = first.chars().count().saturating_sub(4);
    let changed: String = first
        .chars()
        .enumerate()
        .map(|(at, c)| match c {
            '9' if at >= keep => '1',
            'f' | 'z' if at >= keep => 'a',
            c if at >= keep && c.is_ascii_alphanumeric() => char::from(c as u8 + 1),
            c => c,
        })
        .collect();
    HostId::new(format!("{changed}{rest}")).map_err(|invalid| Failure::new(invalid.to_string()))
}

pub(super) fn join<T: ToString>(things: &[T]) -> String {
    if things.is_empty() {
        return "nothing".to_owned();
    }
    things.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
