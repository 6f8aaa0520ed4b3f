//! The life of something that takes time to come and to go, computed from the clock.

use serde::{Deserialize, Serialize};

/// Where a life stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Asked for, not usable yet.
    Starting,
    /// Usable.
    Ready,
    /// Deleted, but still to be seen.
    Ending,
    /// Not there any more.
    Gone,
}

/// Moments of a life, milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Life {
    /// When it was made.
    pub(crate) born: u64,
    /// When it becomes usable.
    pub(crate) ready: u64,
    /// When lists begin to show it.
    pub(crate) shown: u64,
    /// When it was deleted.
    pub(crate) ended: Option<u64>,
    /// When it is gone.
    pub(crate) gone: Option<u64>,
}

impl Life {
    pub(crate) fn new(now: u64, boot_ms: u64, late_ms: u64) -> Self {
        let (ready, shown) = (now.saturating_add(boot_ms), now.saturating_add(late_ms));
        Self {
            born: now,
            ready,
            shown,
            ended: None,
            gone: None,
        }
    }

    pub(crate) fn stage(&self, now: u64) -> Stage {
        match (self.ended, self.gone) {
            (_, Some(gone)) if now >= gone => Stage::Gone,
            (Some(_), _) => Stage::Ending,
            _ if now >= self.ready => Stage::Ready,
            _ => Stage::Starting,
        }
    }

    /// How much of the boot time has passed, in percent: for clouds with more than one step before `Ready`.
    pub(crate) fn booted_percent(&self, now: u64) -> u64 {
        let whole = self.ready.saturating_sub(self.born);
        let done = now.saturating_sub(self.born).min(whole);
        done.saturating_mul(100).checked_div(whole).unwrap_or(100)
    }

    /// Whether lists show it.
    pub(crate) fn listed(&self, now: u64) -> bool {
        now >= self.shown && self.stage(now) != Stage::Gone
    }

    /// Deletes it; it stays to be seen for `delete_ms`. A second delete changes nothing.
    pub(crate) fn end(&mut self, now: u64, delete_ms: u64) {
        if self.ended.is_none() {
            self.ended = Some(now);
            self.gone = Some(now.saturating_add(delete_ms));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_goes_through_its_stages() {
        let mut life = Life::new(1_000, 3_000, 500);
        assert_eq!(life.stage(1_000), Stage::Starting);
        assert_eq!(
            (
                life.booted_percent(1_000),
                life.booted_percent(2_500),
                life.booted_percent(9_000)
            ),
            (0, 50, 100)
        );
        assert!(!life.listed(1_499) && life.listed(1_500));
        assert_eq!(life.stage(3_999), Stage::Starting);
        assert_eq!(life.stage(4_000), Stage::Ready);
        life.end(5_000, 2_000);
        life.end(6_000, 2_000);
        assert_eq!(life.stage(6_999), Stage::Ending);
        assert_eq!(life.stage(7_000), Stage::Gone);
        assert!(!life.listed(7_000));
    }

    #[test]
    fn without_a_boot_time_it_is_ready_at_once() {
        let life = Life::new(5, 0, 0);
        assert_eq!((life.stage(5), life.booted_percent(5)), (Stage::Ready, 100));
    }
}
