use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use provision_core::{Error, ErrorKind, HostDeleteRequest, HostId, HostStatus, ProvisionedHost, Provisioner, Result};

use super::{BoxFuture, Observation, Pace, Timer, attempts::Attempts};

/// Reads a host until it is active, failed or gone.
///
/// Whoever waits until a host is active also sees to it that there is one: of several hosts that were made with one key at the
/// same moment the oldest stays, the others are deleted, and [`host`](Self::host) is the one that stays.
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
    attempts: Attempts<'a, Look>,
    subject: Arc<Mutex<Subject>>,
    goal: Goal,
    host: Option<ProvisionedHost>,
    /// Until then "not found" means "not visible yet".
    may_be_unknown_until: Option<Duration>,
    /// How long a list may lack a host, and until when it may lack this one.
    visible_within: Duration,
    certain_by: Option<Duration>,
    last_error: Option<Error>,
    outcome: Option<Outcome>,
}

/// What is waited for.
#[derive(Debug)]
struct Subject {
    id: HostId,
    /// As it was last seen.
    host: Option<ProvisionedHost>,
    /// Second hosts with the same key, which are deleted.
    duplicates: Vec<HostId>,
}

/// What one look brought.
#[derive(Debug)]
struct Look {
    host: ProvisionedHost,
    /// Whether it is the one host of its key, as far as that matters yet.
    settled: bool,
    certain: bool,
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
    /// It does not exist, or no longer does. What was made for it may still be there: delete it by its id.
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
        let subject = Arc::new(Mutex::new(Subject {
            id,
            host: None,
            duplicates: Vec::new(),
        }));
        let shared = subject.clone();
        let call = Box::new(move || {
            let subject = shared.clone();
            Box::pin(async move { look(cloud, goal, &subject).await }) as BoxFuture<'a, Result<Look>>
        });
        Self {
            attempts: Attempts::new(timer, pace, call),
            subject,
            goal,
            host: None,
            may_be_unknown_until: None,
            visible_within: cloud.info().visible_within,
            certain_by: None,
            last_error: None,
            outcome: None,
        }
    }

    /// Tells what the create answered: the first read comes an interval later, unless the host is active already, and for
    /// [`Pace::grace`] the cloud may not know the host yet.
    #[must_use]
    pub fn created(mut self, host: ProvisionedHost) -> Self {
        self.may_be_unknown_until = Some(self.attempts.now().saturating_add(self.attempts.grace()));
        lock(&self.subject).host = Some(host.clone());
        let look = Look {
            settled: false,
            certain: true,
            host,
        };
        if look.host.status != HostStatus::Active {
            self.take(&look);
        }
        self.host = Some(look.host);
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
            Ok(look) => {
                self.may_be_unknown_until = None;
                self.last_error = None;
                self.take(&look);
                self.host = Some(look.host.clone());
                Ok(Some(Observation::Host(look.host)))
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

    fn take(&mut self, look: &Look) {
        let now = self.attempts.now();
        // A list that does not show the host yet cannot tell whether it is the only one; but it is not waited for for ever.
        let patience = *self.certain_by.get_or_insert(now.saturating_add(self.visible_within));
        let settled = look.settled && (look.certain || now >= patience);
        self.outcome = match (self.goal, look.host.status) {
            (Goal::Active, HostStatus::Active) if settled => Some(Outcome::Active),
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

/// Reads the host. Once it is active, or gone while another one with its key is there, sees to it that one host is left: every
/// caller ends with the same one.
async fn look(cloud: &dyn Provisioner, goal: Goal, subject: &Mutex<Subject>) -> Result<Look> {
    let (id, known, duplicates) = {
        let subject = lock(subject);
        (subject.id.clone(), subject.host.clone(), subject.duplicates.clone())
    };
    let read = cloud.status(&id).await;
    if goal == Goal::Gone {
        return read.map(|host| Look {
            host,
            settled: true,
            certain: true,
        });
    }
    let vanishing = match &read {
        Ok(host) => host.status == HostStatus::Deleting,
        Err(error) => error.kind() == ErrorKind::NotFound,
    };
    let host = match (read, known) {
        // Another caller may have settled for another host.
        (read, Some(known)) if vanishing => match cloud.settle(&known).await {
            Ok(settled) if settled.host.id != id => settled.host,
            Ok(_) => read?,
            Err(error) if error.kind() == ErrorKind::NotFound => read?,
            Err(error) => return Err(error),
        },
        (read, _) => read?,
    };
    lock(subject).id = host.id.clone();
    lock(subject).host = Some(host.clone());
    if host.status != HostStatus::Active {
        return Ok(Look {
            host,
            settled: false,
            certain: true,
        });
    }
    let mut settled = cloud.settle(&host).await?;
    if !settled.certain {
        // A list that lacks this host may lack older ones as well: nothing is given up for what it shows.
        settled.host = host;
    }
    let mut left = Vec::new();
    for duplicate in duplicates.into_iter().chain(settled.duplicates) {
        if duplicate != settled.host.id && !left.contains(&duplicate) {
            let request = HostDeleteRequest::Id(duplicate.clone());
            match cloud.delete(&request).await {
                Ok(deletion) if deletion.is_over() => {}
                Ok(_) => left.push(duplicate),
                Err(error) if error.is_retryable() => left.push(duplicate),
                Err(error) => return Err(error.with_host(duplicate)),
            }
        }
    }
    let alone = left.is_empty();
    let mut subject = lock(subject);
    subject.id = settled.host.id.clone();
    subject.host = Some(settled.host.clone());
    subject.duplicates = left;
    Ok(Look {
        host: settled.host,
        settled: alone,
        certain: settled.certain,
    })
}

fn lock(subject: &Mutex<Subject>) -> MutexGuard<'_, Subject> {
    subject.lock().unwrap_or_else(PoisonError::into_inner)
}
