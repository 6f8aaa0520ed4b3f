use std::{fmt, time::Duration};

use provision_core::{Error, Result};

use super::{BoxFuture, Pace, Timer};

type Call<'a, T> = Box<dyn FnMut() -> BoxFuture<'a, Result<T>> + Send + 'a>;

/// One call to a cloud, made again and again: the pauses between, the back-off and the deadline. Both the pause and the
/// call under way are kept here, so that dropping the future of [`next`](Self::next) loses neither.
pub(super) struct Attempts<'a, T> {
    timer: &'a dyn Timer,
    pace: Pace,
    deadline: Option<Duration>,
    call: Call<'a, T>,
    under_way: Option<BoxFuture<'a, Result<T>>>,
    pause: Option<BoxFuture<'a, ()>>,
    failures: u32,
    chance: fastrand::Rng,
}

impl<'a, T> Attempts<'a, T> {
    pub(super) fn new(timer: &'a dyn Timer, pace: Pace, call: Call<'a, T>) -> Self {
        let deadline = pace.timeout.map(|timeout| timer.now().saturating_add(timeout));
        Self {
            timer,
            pace,
            deadline,
            call,
            under_way: None,
            pause: None,
            failures: 0,
            chance: fastrand::Rng::new(),
        }
    }

    /// Waits for the planned moment, then makes the call, or carries on with the one under way.
    pub(super) async fn next(&mut self) -> Result<T> {
        if let Some(pause) = self.pause.as_mut() {
            pause.await;
            self.pause = None;
        }
        let result = self.under_way.get_or_insert_with(&mut self.call).await;
        self.under_way = None;
        if result.is_ok() {
            self.failures = 0;
        }
        result
    }

    /// Whether a call was sent and not answered yet.
    pub(super) fn is_under_way(&self) -> bool {
        self.under_way.is_some()
    }

    /// The caller's time.
    pub(super) fn now(&self) -> Duration {
        self.timer.now()
    }

    /// How long a new host may be unknown to the cloud.
    pub(super) fn grace(&self) -> Duration {
        self.pace.grace
    }

    /// Plans the next call one interval from now; `false` when the deadline has passed.
    pub(super) fn plan(&mut self) -> bool {
        self.plan_after(self.pace.interval, None).is_some()
    }

    /// Plans the next call after an error and returns the delay; `None` when it would come after the deadline.
    pub(super) fn plan_retry(&mut self, error: &Error) -> Option<Duration> {
        let doubled = 2_u32.checked_pow(self.failures).unwrap_or(u32::MAX);
        let delay = self.pace.backoff.saturating_mul(doubled).min(self.pace.backoff_cap);
        self.failures = self.failures.saturating_add(1);
        // A create with an unknown outcome only keeps others from being made until then: its host may be shown any moment.
        let at_least = error.retry_after().filter(|_| !error.may_exist());
        self.plan_after(delay, at_least)
    }

    fn plan_after(&mut self, delay: Duration, at_least: Option<Duration>) -> Option<Duration> {
        let at_least = at_least.unwrap_or_default();
        let share = 1.0 + self.pace.jitter.clamp(0.0, 1.0) * (2.0 * self.chance.f64() - 1.0);
        let mut delay = delay.mul_f64(share).max(at_least);
        if let Some(deadline) = self.deadline {
            let left = deadline.saturating_sub(self.timer.now());
            if left.is_zero() || at_least > left {
                return None;
            }
            // The last call is made at the deadline, not an interval before it.
            delay = delay.min(left);
        }
        self.pause = Some(self.timer.sleep(delay));
        Some(delay)
    }
}

impl<T> fmt::Debug for Attempts<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempts")
            .field("pace", &self.pace)
            .field("under_way", &self.under_way.is_some())
            .field("failures", &self.failures)
            .finish_non_exhaustive()
    }
}
