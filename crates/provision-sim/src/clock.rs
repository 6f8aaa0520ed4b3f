//! The simulator's clock: every eventual step is computed from it, never from a timer.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Time as the simulated clouds see it. Clones share one clock.
///
/// With a state file the distance by which the clock was advanced is kept in that file, so that separate processes
/// agree on the time; use one clock per state file.
#[derive(Clone, Debug)]
pub struct Clock {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug)]
struct Inner {
    /// `None`: the computer's clock.
    start: Option<SystemTime>,
    /// When the clock was stopped, by the computer's clock.
    stopped: Option<SystemTime>,
    /// How long it stood in all before.
    stood: Duration,
    /// Offset that the state file holds already, milliseconds.
    stored: u64,
    /// Offset that was added here and that no state file holds yet, milliseconds.
    pending: u64,
}

impl Clock {
    /// A clock that runs with the computer's clock; [`advance`](Self::advance) puts it ahead.
    pub fn system() -> Self {
        Self::new(None)
    }

    /// A clock that stands at `start` until it is advanced.
    pub fn manual(start: SystemTime) -> Self {
        Self::new(Some(start))
    }

    fn new(start: Option<SystemTime>) -> Self {
        Self {
            inner: Arc::new(Mutex::new(Inner {
                start,
                stopped: None,
                stood: Duration::ZERO,
                stored: 0,
                pending: 0,
            })),
        }
    }

    /// The time now.
    pub fn now(&self) -> SystemTime {
        let inner = self.lock();
        let base = inner.start.or(inner.stopped).unwrap_or_else(SystemTime::now);
        let base = base.checked_sub(inner.stood).unwrap_or(base);
        let offset = Duration::from_millis(inner.stored.saturating_add(inner.pending));
        base.checked_add(offset).unwrap_or(base)
    }

    /// Puts the clock ahead by `by` (whole milliseconds).
    pub fn advance(&self, by: Duration) {
        let mut inner = self.lock();
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        inner.pending = inner.pending.saturating_add(by);
    }

    /// Stops the clock where it is, or lets it go on from there. A state file does not keep this. A manual clock stands anyway.
    pub fn pause(&self, paused: bool) {
        let inner = &mut *self.lock();
        match (inner.start, inner.stopped) {
            (None, None) if paused => inner.stopped = Some(SystemTime::now()),
            (None, Some(since)) if !paused => {
                inner.stood += SystemTime::now().duration_since(since).unwrap_or_default();
                inner.stopped = None;
            }
            _ => {}
        }
    }

    /// Whether it stands until it is advanced.
    pub fn is_paused(&self) -> bool {
        let inner = self.lock();
        inner.start.is_some() || inner.stopped.is_some()
    }

    /// Milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> u64 {
        let since = self.now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    /// Takes over the offset that a state file holds; what was added here since the last save stays on top.
    pub(crate) fn take_stored(&self, offset_ms: u64) {
        self.lock().stored = offset_ms;
    }

    /// The whole offset, milliseconds: what a state file has to hold.
    pub(crate) fn offset_ms(&self) -> u64 {
        let inner = self.lock();
        inner.stored.saturating_add(inner.pending)
    }

    /// Tells the clock that the state file holds its whole offset now.
    pub(crate) fn mark_stored(&self) {
        let mut inner = self.lock();
        inner.stored = inner.stored.saturating_add(inner.pending);
        inner.pending = 0;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_stands_until_advanced() {
        let start = UNIX_EPOCH + Duration::from_secs(1_000);
        let clock = Clock::manual(start);
        assert_eq!(clock.now(), start);
        clock.clone().advance(Duration::from_millis(1_500));
        assert_eq!(clock.now(), start + Duration::from_millis(1_500));
        assert_eq!(clock.now_ms(), 1_001_500);
    }

    #[test]
    fn a_system_clock_can_be_put_ahead() {
        let clock = Clock::system();
        clock.advance(Duration::from_secs(3_600));
        assert!(clock.now() >= SystemTime::now() + Duration::from_secs(3_590));
    }

    #[test]
    fn a_paused_clock_stands_and_goes_on_from_there() {
        let clock = Clock::system();
        clock.pause(true);
        let (stood, start) = (clock.now(), SystemTime::now());
        while SystemTime::now() == start {}
        assert_eq!((clock.now(), clock.is_paused()), (stood, true));
        clock.advance(Duration::from_secs(5));
        assert_eq!(clock.now(), stood + Duration::from_secs(5));
        clock.pause(false);
        assert!(!clock.is_paused() && clock.now() >= stood + Duration::from_secs(5));
        assert!(clock.now() < SystemTime::now() + Duration::from_secs(5));
    }

    #[test]
    fn what_a_file_holds_is_not_counted_twice() {
        let clock = Clock::manual(UNIX_EPOCH);
        clock.advance(Duration::from_millis(5));
        assert_eq!(clock.offset_ms(), 5);
        clock.mark_stored();
        clock.take_stored(5);
        assert_eq!(clock.now_ms(), 5);
        clock.advance(Duration::from_millis(1));
        clock.take_stored(9);
        assert_eq!(clock.now_ms(), 10);
    }
}
