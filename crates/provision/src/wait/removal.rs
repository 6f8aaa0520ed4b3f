use std::net::IpAddr;

use provision_core::{
    Deletion, Error, ErrorKind, HostDeleteRequest, HostId, ListFilter, ProvisionedHost, Provisioner, RegionFilter,
    Result,
};

use super::{Observation, Pace, Timer, attempts::Attempts};

/// Repeats a deletion until neither the host nor anything that was created for it is left.
///
/// Works by id, because a host that is gone has no address any more by which the rest could be found; [`find_by_ip`]
/// gives the id of an address.
#[derive(Debug)]
pub struct Removal<'a> {
    attempts: Attempts<'a, Deletion>,
    /// Whether the cloud has accepted the deletion.
    accepted: bool,
    last_error: Option<Error>,
    outcome: Option<RemovalOutcome>,
}

/// How a deletion ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RemovalOutcome {
    /// Nothing is left.
    Complete,
    /// There was no such host, and nothing was left of one: the id is mistyped, or it was deleted before.
    NotFound,
    /// The time ran out: something may still be there, and bill. Delete again.
    TimedOut,
}

impl<'a> Removal<'a> {
    /// Deletes the host with this id, marked or not.
    pub fn new(cloud: &'a dyn Provisioner, id: HostId, timer: &'a dyn Timer, pace: Pace) -> Self {
        let call = Box::new(move || {
            let request = HostDeleteRequest::Id(id.clone());
            let delete = async move { cloud.delete(&request).await };
            Box::pin(delete) as super::BoxFuture<'a, Result<Deletion>>
        });
        Self {
            attempts: Attempts::new(timer, pace, call),
            accepted: false,
            last_error: None,
            outcome: None,
        }
    }

    /// Asks once, when it is time to; `None` when the deletion has ended. Cancel-safe.
    ///
    /// # Errors
    /// Any error that is not retryable, at once.
    pub async fn next(&mut self) -> Result<Option<Observation>> {
        if self.outcome.is_some() {
            return Ok(None);
        }
        match self.attempts.next().await {
            Ok(Deletion::NotFound) if !self.accepted => {
                self.outcome = Some(RemovalOutcome::NotFound);
                Ok(None)
            }
            Ok(Deletion::Removed | Deletion::NotFound) => {
                self.outcome = Some(RemovalOutcome::Complete);
                Ok(None)
            }
            Ok(Deletion::InProgress) => {
                self.accepted = true;
                if !self.attempts.plan() {
                    self.outcome = Some(RemovalOutcome::TimedOut);
                }
                Ok(Some(Observation::Deleting))
            }
            Err(error) if error.is_retryable() => match self.attempts.plan_retry(&error) {
                Some(delay) => Ok(Some(Observation::Retrying { error, delay })),
                None => {
                    self.last_error = Some(error);
                    self.outcome = Some(RemovalOutcome::TimedOut);
                    Ok(None)
                }
            },
            Err(error) => Err(error),
        }
    }

    /// Calls [`next`](Self::next) to the end and shows each observation. Cancel-safe.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub async fn run(&mut self, mut show: impl FnMut(&Observation)) -> Result<RemovalOutcome> {
        while let Some(observation) = self.next().await? {
            show(&observation);
        }
        Ok(self.outcome.unwrap_or(RemovalOutcome::TimedOut))
    }

    /// Whether the cloud has accepted the deletion: before that, nothing of the host was touched as far as is known.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.accepted
    }

    /// What the last call failed with, when the time ran out over errors.
    #[must_use]
    pub fn last_error(&self) -> Option<&Error> {
        self.last_error.as_ref()
    }
}

/// The one marked host that has a public address.
///
/// # Errors
/// `NotFound` when none has it; `InvalidRequest` when several do; any error of the list.
pub async fn find_by_ip(cloud: &dyn Provisioner, ip: IpAddr, region: RegionFilter) -> Result<ProvisionedHost> {
    let mut filter = ListFilter::all();
    filter.region = region;
    let mut hosts = cloud.list(&filter).await?;
    hosts.retain(|host| host.ip == Some(ip));
    let provider = cloud.info().id;
    match (hosts.pop(), hosts.pop()) {
        (Some(host), None) => Ok(host),
        (Some(one), Some(other)) => Err(Error::invalid(format!(
            "hosts `{}` and `{}` both have the address {ip}: delete by id",
            one.id, other.id
        ))
        .with_provider(provider)),
        (None, _) => Err(Error::new(
            ErrorKind::NotFound,
            format!("no host of ours has the address {ip}: only hosts with label `managed-by=provision` are looked at"),
        )
        .with_provider(provider)),
    }
}
