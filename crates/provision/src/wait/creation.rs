use provision_core::{BasicHost, Error, ErrorKind, HostId, Origin, ProvisionedHost, Provisioner, Result};

use super::{Observation, Pace, Timer, attempts::Attempts};

/// Asks for a host until the cloud answers, always with the same key: a create whose answer was lost is adopted by the
/// next attempt, so that it never becomes a second host.
///
/// Ends when the cloud has accepted the host; [`Wait`](super::Wait) then waits until it is active.
///
/// ```
/// # async fn example(cloud: &dyn provision::Provisioner, timer: &dyn provision::wait::Timer) -> provision::Result<()> {
/// use std::time::Duration;
/// use provision::{BasicHost, UserData, wait::{Creation, Pace}};
///
/// let host = BasicHost::new("web-1".parse()?, UserData::new("#!/bin/sh\napt-get install -y nginx\n")?);
/// let mut creation = Creation::new(cloud, &host, timer, Pace::within(Duration::from_secs(60)));
/// match creation.run(|_| {}).await {
///     Ok(host) => println!("{}", host.id),
///     Err(error) if creation.may_exist() => println!("{error}; try again later with the same name"),
///     Err(error) => println!("{error}; nothing was created"),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Creation<'a> {
    attempts: Attempts<'a, ProvisionedHost>,
    host: Option<ProvisionedHost>,
    /// One that exists though the last call failed.
    existing: Option<HostId>,
    unanswered: bool,
    ended: bool,
}

impl<'a> Creation<'a> {
    /// Nothing is sent before [`next`](Self::next) or [`run`](Self::run).
    pub fn new(cloud: &'a dyn Provisioner, host: &'a BasicHost, timer: &'a dyn Timer, pace: Pace) -> Self {
        let call = Box::new(move || cloud.provision(host));
        Self {
            attempts: Attempts::new(timer, pace, call),
            host: None,
            existing: None,
            unanswered: false,
            ended: false,
        }
    }

    /// Asks once, when it is time to; `None` when the creation has ended. Cancel-safe: a create under way goes on with the
    /// next call.
    ///
    /// # Errors
    /// Any error that is not retryable, at once; the last retryable one when the time ran out. With the host that an attempt
    /// made, or that it may have made one, whatever this error is about.
    pub async fn next(&mut self) -> Result<Option<Observation>> {
        if self.ended {
            return Ok(None);
        }
        match self.attempts.next().await {
            Ok(mut host) => {
                self.ended = true;
                if self.unanswered && host.origin == Some(Origin::Adopted) {
                    // It was an earlier attempt of this creation that made it.
                    host.origin = Some(Origin::Created);
                }
                self.host = Some(host.clone());
                Ok(Some(Observation::Host(host)))
            }
            Err(error) => {
                // Only an answer about the create itself can take that back.
                self.unanswered |= error.may_exist();
                if let Some(id) = error.host() {
                    self.existing = Some(id.clone());
                }
                let delay = error.is_retryable().then(|| self.attempts.plan_retry(&error)).flatten();
                match delay {
                    Some(delay) => Ok(Some(Observation::Retrying { error, delay })),
                    None => {
                        self.ended = true;
                        Err(self.with_what_exists(error))
                    }
                }
            }
        }
    }

    /// The last error says what any of the attempts left behind: whoever sees that one alone has to know.
    fn with_what_exists(&self, error: Error) -> Error {
        match &self.existing {
            Some(id) if error.host().is_none() => error.with_host(id.clone()),
            None if self.unanswered => error.with_may_exist(true),
            _ => error,
        }
    }

    /// Calls [`next`](Self::next) to the end and shows each observation. Cancel-safe.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub async fn run(&mut self, mut show: impl FnMut(&Observation)) -> Result<ProvisionedHost> {
        while let Some(observation) = self.next().await? {
            show(&observation);
        }
        let never = || Error::new(ErrorKind::Unavailable, "the creation has ended without a host");
        self.host.clone().ok_or_else(never)
    }

    /// The host, once the cloud has accepted it.
    #[must_use]
    pub fn host(&self) -> Option<&ProvisionedHost> {
        self.host.as_ref()
    }

    /// A host that exists, and bills, though a call failed after it was made.
    #[must_use]
    pub fn existing(&self) -> Option<&HostId> {
        self.existing.as_ref()
    }

    /// Whether a create is under way right now: sent, and not answered yet.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        self.attempts.is_under_way()
    }

    /// Whether a host may exist, and bill, that is not known here: an attempt is under way or got no clear answer. The
    /// same request with the same key finds it.
    #[must_use]
    pub fn may_exist(&self) -> bool {
        self.host.is_none() && (self.unanswered || self.is_under_way())
    }

    /// Whether the cloud refused the host for want of room, by quota or stock, and surely made none: only then may it be asked for in
    /// another region, with another plan or on another cloud without there ever being two. `error` is what
    /// [`next`](Self::next) ended with.
    #[must_use]
    pub fn lacks_room(&self, error: &Error) -> bool {
        let room = matches!(error.kind(), ErrorKind::Capacity | ErrorKind::Quota);
        let nothing = self.existing.is_none() && error.host().is_none() && !error.may_exist();
        room && nothing && self.host.is_none() && !self.may_exist()
    }
}
