use std::time::Duration;

use provision_core::{Error, ErrorKind, HostId, HostStatus, ProvisionedHost, Provisioner, Result};

use super::{Observation, Pace, Timer, attempts::Attempts};

/// Reads a host until it is active, failed or gone.
///
/// ```
/// # async fn example(cloud: &dyn provision::Provisioner, timer: &dyn provision::wait::Timer, host: provision::ProvisionedHost) -> provision::Result<()> {
/// use std::time::Duration;
/// use provision::wait::{Observation, Outcome, Pace, Wait};
///
/// let mut wait = Wait::until_active(cloud, host.id.clone(), timer, Pace::within(Duration::from_secs(600))).created(host);
/// while let Some(observation) = wait.next().await? {
///     if let Observation::Host(host) = observation {
///         println!("{}: {}", host.name, host.raw_status);
///     }
/// }
/// assert_eq!(wait.outcome(), Some(Outcome::Active));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Wait<'a> {
    attempts: Attempts<'a, ProvisionedHost>,
    goal: Goal,
    host: Option<ProvisionedHost>,
    /// Until then "not found" means "not visible yet".
    may_be_unknown_until: Option<Duration>,
    last_error: Option<Error>,
    outcome: Option<Outcome>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Goal {
    Active,
    Gone,
}

/// How waiting for a host ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It is active and has its address.
    Active,
    /// It could not be built; delete it. Why is in [`ProvisionedHost::message`].
    Failed,
    /// It does not exist, or no longer does.
    Gone,
    /// The time ran out; the host stays as it is.
    TimedOut,
}

impl<'a> Wait<'a> {
    /// Waits until the host is active; a failed or missing one ends it too.
    pub fn until_active(cloud: &'a dyn Provisioner, id: HostId, timer: &'a dyn Timer, pace: Pace) -> Self {
        Self::new(cloud, id, timer, pace, Goal::Active)
    }

    /// Waits until the host is gone. Deletes nothing, see [`Removal`](super::Removal) for that.
    pub fn until_gone(cloud: &'a dyn Provisioner, id: HostId, timer: &'a dyn Timer, pace: Pace) -> Self {
        Self::new(cloud, id, timer, pace, Goal::Gone)
    }

    fn new(cloud: &'a dyn Provisioner, id: HostId, timer: &'a dyn Timer, pace: Pace, goal: Goal) -> Self {
        let call = Box::new(move || {
            let id = id.clone();
            let read = async move { cloud.status(&id).await };
            Box::pin(read) as super::BoxFuture<'a, Result<ProvisionedHost>>
        });
        Self {
            attempts: Attempts::new(timer, pace, call),
            goal,
            host: None,
            may_be_unknown_until: None,
            last_error: None,
            outcome: None,
        }
    }

    /// Tells what the create answered: the first read comes an interval later, and for [`Pace::grace`] the cloud may not
    /// know the host yet.
    #[must_use]
    pub fn created(mut self, host: ProvisionedHost) -> Self {
        self.may_be_unknown_until = Some(self.attempts.now().saturating_add(self.attempts.grace()));
        self.settle(&host);
        self.host = Some(host);
        self
    }

    /// Reads the host once, when it is time to; `None` when waiting has ended. Cancel-safe.
    ///
    /// # Errors
    /// Any error that is not retryable, at once.
    pub async fn next(&mut self) -> Result<Option<Observation>> {
        if self.outcome.is_some() {
            return Ok(None);
        }
        match self.attempts.next().await {
            Ok(host) => {
                self.may_be_unknown_until = None;
                self.last_error = None;
                self.settle(&host);
                self.host = Some(host.clone());
                Ok(Some(Observation::Host(host)))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(self.missing()),
            Err(error) if error.is_retryable() => Ok(self.retry(error)),
            Err(error) => Err(error),
        }
    }

    /// Calls [`next`](Self::next) to the end and shows each observation. Cancel-safe.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub async fn run(&mut self, mut show: impl FnMut(&Observation)) -> Result<Outcome> {
        while let Some(observation) = self.next().await? {
            show(&observation);
        }
        Ok(self.outcome.unwrap_or(Outcome::TimedOut))
    }

    /// How waiting ended; `None` while it has not.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }

    /// The host as it was last seen.
    #[must_use]
    pub fn host(&self) -> Option<&ProvisionedHost> {
        self.host.as_ref()
    }

    /// What the last call failed with, when the time ran out over errors.
    #[must_use]
    pub fn last_error(&self) -> Option<&Error> {
        self.last_error.as_ref()
    }

    fn settle(&mut self, host: &ProvisionedHost) {
        self.outcome = match (self.goal, host.status) {
            (Goal::Active, HostStatus::Active) => Some(Outcome::Active),
            (Goal::Active, HostStatus::Failed) => Some(Outcome::Failed),
            _ if self.attempts.plan() => None,
            _ => Some(Outcome::TimedOut),
        };
    }

    fn missing(&mut self) -> Option<Observation> {
        let hidden = self
            .may_be_unknown_until
            .is_some_and(|moment| self.attempts.now() < moment);
        if !hidden {
            self.outcome = Some(Outcome::Gone);
            return None;
        }
        if !self.attempts.plan() {
            self.outcome = Some(Outcome::TimedOut);
        }
        Some(Observation::NotVisible)
    }

    fn retry(&mut self, error: Error) -> Option<Observation> {
        match self.attempts.plan_retry(&error) {
            Some(delay) => Some(Observation::Retrying { error, delay }),
            None => {
                self.last_error = Some(error);
                self.outcome = Some(Outcome::TimedOut);
                None
            }
        }
    }
}
