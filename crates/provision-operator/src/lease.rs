//! Leader election: of several replicas only the one that holds the Lease works.
//!
//! A replica takes a Lease that nobody holds, or that was not renewed for as long as it says. Time is measured from when a
//! change was seen here, so that clocks need not agree. Every write goes through an optimistic lock.

use std::time::Duration;

use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
    jiff::Timestamp,
};
use kube::{
    Api,
    api::{ObjectMeta, PostParams},
};
use tokio::time::Instant;

/// How long a Lease is good for after it was renewed: so long nothing happens after a leader was killed. Shorter would turn a
/// hiccup of the cluster's API, such as an election of its own, into a restart of the leader.
pub const DURATION: Duration = Duration::from_secs(10);
/// How often it is renewed: three attempts before the leader gives up.
pub const RENEWAL: Duration = Duration::from_secs(2);
/// A leader that could not renew for so long stops, well before another replica may begin.
pub const GIVE_UP: Duration = Duration::from_secs(7);
/// How often those who wait look at it.
pub const LOOK: Duration = Duration::from_secs(1);

/// A replica's view of the Lease.
pub struct Elector {
    api: Api<Lease>,
    name: String,
    holder: String,
    lasts: Duration,
    /// What was last seen, and when.
    observed: Option<(LeaseSpec, Instant)>,
    /// The Lease as this replica wrote it last: as long as nobody else writes, it need not be read.
    own: Option<Lease>,
}

impl Elector {
    /// Takes part under this name.
    #[must_use]
    pub fn new(api: Api<Lease>, name: impl Into<String>, holder: impl Into<String>) -> Self {
        Self {
            api,
            name: name.into(),
            holder: holder.into(),
            lasts: DURATION,
            observed: None,
            own: None,
        }
    }

    /// Takes or renews the Lease if that is allowed. `false`: somebody else has it.
    ///
    /// # Errors
    /// When the cluster's API fails; whether the Lease is still held is then unknown.
    pub async fn acquire(&mut self) -> Result<bool, kube::Error> {
        self.write(false).await
    }

    /// Takes the Lease from whoever has it. They notice when they renew: within [`RENEWAL`], or stop after [`GIVE_UP`].
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire).
    pub async fn take_over(&mut self) -> Result<bool, kube::Error> {
        self.write(true).await
    }

    /// Who held the Lease when it was last read.
    #[must_use]
    pub fn seen_holder(&self) -> Option<&str> {
        let (spec, _) = self.observed.as_ref()?;
        spec.holder_identity.as_deref().filter(|holder| !holder.is_empty())
    }

    /// Holds the Lease for so long without renewing it: whoever waits goes on waiting after this process ended.
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire).
    pub async fn hold_for(&mut self, lasts: Duration) -> Result<bool, kube::Error> {
        self.lasts = lasts;
        self.write(false).await
    }

    /// Gives the Lease up, so that another replica need not wait.
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire).
    pub async fn release(&mut self) -> Result<(), kube::Error> {
        if let Some(mut lease) = self.api.get_opt(&self.name).await?
            && let Some(spec) = lease.spec.as_mut()
            && spec.holder_identity.as_deref() == Some(&self.holder)
        {
            spec.holder_identity = Some(String::new());
            spec.lease_duration_seconds = Some(1);
            self.api.replace(&self.name, &PostParams::default(), &lease).await?;
        }
        Ok(())
    }

    async fn write(&mut self, by_force: bool) -> Result<bool, kube::Error> {
        let now = Instant::now();
        if let Some(lease) = self.own.take()
            && self.replace(lease, now).await?
        {
            return Ok(true);
        }
        let Some(lease) = self.api.get_opt(&self.name).await? else {
            let lease = Lease {
                metadata: ObjectMeta {
                    name: Some(self.name.clone()),
                    ..ObjectMeta::default()
                },
                spec: Some(self.renewed(None)),
            };
            return won(self.api.create(&PostParams::default(), &lease).await);
        };
        let spec = lease.spec.clone().unwrap_or_default();
        if self.observed.as_ref().is_none_or(|(seen, _)| *seen != spec) {
            self.observed = Some((spec.clone(), now));
        }
        let seen = self.observed.as_ref().map_or(now, |(_, seen)| *seen);
        if !by_force && !may_take(&spec, &self.holder, now.duration_since(seen)) {
            return Ok(false);
        }
        self.replace(lease, now).await
    }

    /// Writes this replica into the Lease. The version that was read goes with it: if two write, one loses.
    async fn replace(&mut self, mut lease: Lease, now: Instant) -> Result<bool, kube::Error> {
        let renewed = self.renewed(lease.spec.as_ref());
        lease.spec = Some(renewed.clone());
        match self.api.replace(&self.name, &PostParams::default(), &lease).await {
            Ok(written) => {
                self.observed = Some((renewed, now));
                self.own = Some(written);
                Ok(true)
            }
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn renewed(&self, old: Option<&LeaseSpec>) -> LeaseSpec {
        let now = MicroTime(Timestamp::now());
        let same = old.is_some_and(|old| old.holder_identity.as_deref() == Some(&self.holder));
        let transitions = old.and_then(|old| old.lease_transitions).unwrap_or(0);
        LeaseSpec {
            holder_identity: Some(self.holder.clone()),
            lease_duration_seconds: i32::try_from(self.lasts.as_secs()).ok(),
            acquire_time: old
                .filter(|_| same)
                .and_then(|old| old.acquire_time.clone())
                .or(Some(now.clone())),
            renew_time: Some(now),
            lease_transitions: Some(if same {
                transitions
            } else {
                transitions.saturating_add(1)
            }),
            ..LeaseSpec::default()
        }
    }
}

/// Whether a replica may write itself into a Lease that has not changed for so long.
fn may_take(spec: &LeaseSpec, holder: &str, unchanged: Duration) -> bool {
    match spec.holder_identity.as_deref() {
        None | Some("") => true,
        Some(other) if other == holder => true,
        Some(_) => {
            let seconds = spec
                .lease_duration_seconds
                .and_then(|seconds| u64::try_from(seconds).ok());
            unchanged > seconds.map_or(DURATION, Duration::from_secs)
        }
    }
}

fn won<T>(result: Result<T, kube::Error>) -> Result<bool, kube::Error> {
    match result {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leader_has_stopped_before_another_one_may_begin() {
        // The last renewal may have been written at any moment of the attempt, and seen as late as that.
        assert!(
            GIVE_UP + RENEWAL < DURATION,
            "time for what is under way, and for clocks that run at different speeds"
        );
        assert!(RENEWAL * 3 < GIVE_UP, "two attempts may fail");
        assert!(DURATION + LOOK <= Duration::from_secs(11), "as the README says");
    }

    #[test]
    fn a_lease_is_taken_only_when_it_is_free_or_was_left() {
        let held = |by: &str, seconds: i32| LeaseSpec {
            holder_identity: Some(by.to_owned()),
            lease_duration_seconds: Some(seconds),
            ..LeaseSpec::default()
        };
        let table = [
            (LeaseSpec::default(), 0, true),
            (held("", 15), 0, true),
            (held("me", 15), 0, true),
            (held("you", 15), 14, false),
            (held("you", 15), 16, true),
            (held("you", 600), 16, false),
            (held("you", 600), 601, true),
        ];
        for (spec, unchanged, expected) in table {
            assert_eq!(
                may_take(&spec, "me", Duration::from_secs(unchanged)),
                expected,
                "{spec:?} {unchanged}"
            );
        }
    }
}
