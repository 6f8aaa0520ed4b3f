//! Waiting for a cloud, without a runtime: the caller brings the timer and draws the progress.
//!
//! - [`Creation`] asks for a host until the cloud answers, always with the same key: never a second host.
//! - [`Wait`] reads a host until it is active, failed or gone.
//! - [`Removal`] repeats a deletion until nothing is left.
//!
//! All three are driven by `next`, which yields one [`Observation`] per call to the cloud, or by `run`, which calls it to
//! the end. Both are cancel-safe: a call to the cloud that is under way belongs to the value, not to the future of `next`.
//! Whoever drops that future, for a Ctrl-C for example, and calls `next` again carries on with the same call; nothing is
//! sent twice and no answer is lost.
//!
//! What is tried again, within [`Pace::timeout`]: errors that [are retryable](provision_core::Error::is_retryable), with
//! a delay that doubles up to a limit and is never shorter than the cloud asks for. Every other error is returned at once.

mod attempts;
mod creation;
mod host;
mod removal;
#[cfg(feature = "tokio")]
mod tokio;

use std::{future::Future, pin::Pin, time::Duration};

use provision_core::{Error, ProvisionedHost};

pub use creation::Creation;
pub use host::{Outcome, Wait};
pub use removal::{Removal, RemovalOutcome, find_by_ip};
#[cfg(feature = "tokio")]
pub use tokio::{TokioTimer, create, delete};

/// A future behind a pointer, as [`Timer`] returns it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Time, from the caller's runtime. For tokio there is `TokioTimer` (feature `tokio`, on by default); for another runtime it is
/// a few lines:
///
/// ```
/// use std::time::{Duration, Instant};
/// use provision::wait::{BoxFuture, Timer};
///
/// struct MyTimer(Instant);
///
/// impl Timer for MyTimer {
///     fn now(&self) -> Duration {
///         self.0.elapsed()
///     }
///     fn sleep(&self, time: Duration) -> BoxFuture<'_, ()> {
///         Box::pin(tokio::time::sleep(time)) // your runtime's
///     }
/// }
/// ```
pub trait Timer: Send + Sync {
    /// Time since some fixed moment; never runs backwards.
    fn now(&self) -> Duration;

    /// Completes once that much time has passed since this call.
    fn sleep(&self, time: Duration) -> BoxFuture<'_, ()>;
}

/// How often to ask, and for how long.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Pace {
    /// Between two answers of the cloud.
    pub interval: Duration,
    /// How far a delay is moved up or down by chance, as a share of it (0 to 1), so that many callers do not ask in step.
    pub jitter: f64,
    /// After the first retryable error; doubles with each further one in a row.
    pub backoff: Duration,
    /// The longest delay after an error, unless the cloud asks for a longer one.
    pub backoff_cap: Duration,
    /// Ends everything that long after the start; `None` never does. A call under way is not cut off, and at least one is
    /// made.
    pub timeout: Option<Duration>,
    /// For how long a host that was just created may be unknown to the cloud before that counts as gone.
    pub grace: Duration,
}

impl Default for Pace {
    /// Every 3 seconds, errors after 1 second doubling to 30, jitter of a fifth, no timeout, 30 seconds of grace.
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(3),
            jitter: 0.2,
            backoff: Duration::from_secs(1),
            backoff_cap: Duration::from_secs(30),
            timeout: None,
            grace: Duration::from_secs(30),
        }
    }
}

impl Pace {
    /// The default with a timeout.
    #[must_use]
    pub fn within(timeout: Duration) -> Self {
        Self {
            timeout: Some(timeout),
            ..Self::default()
        }
    }
}

/// What one call to the cloud brought.
#[derive(Debug)]
#[non_exhaustive]
#[expect(clippy::large_enum_variant, reason = "short-lived: one for each call to a cloud")]
pub enum Observation {
    /// The host, as it is now.
    Host(ProvisionedHost),
    /// The cloud does not know the new host yet; asked again after an interval.
    NotVisible,
    /// The deletion was accepted, but something is still there; asked again after an interval.
    Deleting,
    /// The call failed in a way that may pass; tried again after the delay.
    Retrying {
        /// What went wrong.
        error: Error,
        /// Until the next call.
        delay: Duration,
    },
}
