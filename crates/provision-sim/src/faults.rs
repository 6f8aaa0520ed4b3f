//! The faults in force, and the verdict on each request.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::Serialize;

use crate::fault::{Effect, Fault};

/// The faults of a simulator. Clones share one list. Faults live in the process and are never stored.
#[derive(Clone, Debug)]
pub struct Faults {
    inner: Arc<Mutex<Inner>>,
}

/// A fault in force.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ActiveFault {
    /// Number to remove it by.
    pub id: u64,
    /// How many requests it has hit.
    pub applied: u32,
    /// The rule.
    pub fault: Fault,
}

#[derive(Debug)]
struct Inner {
    seed: u64,
    random: fastrand::Rng,
    last_id: u64,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    active: ActiveFault,
    passed: u32,
}

/// What a request has coming before a cloud sees it.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) delay: Duration,
    pub(crate) before: Option<Effect>,
    pub(crate) after: Option<Effect>,
    /// Names of the effects, for the log.
    pub(crate) names: Vec<String>,
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        let inner = Inner {
            seed,
            random: fastrand::Rng::with_seed(seed),
            last_id: 0,
            entries: Vec::new(),
        };
        Self {
            inner: Arc::new(Mutex::new(inner)),
        }
    }

    /// Puts a fault in force; the number is for [`remove`](Self::remove).
    pub fn add(&self, fault: Fault) -> u64 {
        let mut inner = self.lock();
        inner.last_id += 1;
        let id = inner.last_id;
        inner.entries.push(Entry {
            active: ActiveFault { id, applied: 0, fault },
            passed: 0,
        });
        id
    }

    /// Takes a fault away; `false` when there is none with that number.
    pub fn remove(&self, id: u64) -> bool {
        let mut inner = self.lock();
        let before = inner.entries.len();
        inner.entries.retain(|entry| entry.active.id != id);
        inner.entries.len() < before
    }

    /// All faults that were added and not removed, with how often each has hit; used-up ones are still listed.
    pub fn list(&self) -> Vec<ActiveFault> {
        self.lock().entries.iter().map(|entry| entry.active.clone()).collect()
    }

    /// Takes all faults away and starts the random draws again from the seed.
    pub fn clear(&self) {
        let mut inner = self.lock();
        inner.entries.clear();
        inner.random = fastrand::Rng::with_seed(inner.seed);
    }

    /// What happens to a request around the cloud's own handling. A fault behind one that keeps the request from the
    /// cloud is not used up.
    pub(crate) fn judge(&self, cloud: &str, method: &str, path: &str) -> Verdict {
        let mut verdict = Verdict::default();
        let inner = &mut *self.lock();
        for entry in &mut inner.entries {
            let effect = entry.active.fault.effect.clone();
            let lazy = matches!(effect, Effect::SoldOut | Effect::Quota | Effect::LateVisibility { .. });
            if lazy || !entry.hits(&mut inner.random, cloud, method, path) {
                continue;
            }
            verdict.names.push(effect.name().to_owned());
            match effect {
                Effect::Latency { millis } => verdict.delay += Duration::from_millis(millis),
                Effect::ResetAfter | Effect::Truncated => {
                    verdict.after.get_or_insert(effect);
                }
                other => {
                    verdict.before = Some(other);
                    break;
                }
            }
        }
        verdict
    }

    /// The first fault for this request whose effect `wanted` picks, used up by one; for effects that only a create
    /// can suffer.
    pub(crate) fn claim(
        &self,
        cloud: &str,
        method: &str,
        path: &str,
        wanted: impl Fn(&Effect) -> bool,
    ) -> Option<Effect> {
        let inner = &mut *self.lock();
        let random = &mut inner.random;
        let hit =
            |entry: &&mut Entry| wanted(&entry.active.fault.effect) && entry.active.fault.matches(cloud, method, path);
        for entry in inner.entries.iter_mut().filter(hit) {
            if entry.hits(random, cloud, method, path) {
                return Some(entry.active.fault.effect.clone());
            }
        }
        None
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn hits(&mut self, random: &mut fastrand::Rng, cloud: &str, method: &str, path: &str) -> bool {
        let fault = &self.active.fault;
        if !fault.matches(cloud, method, path) || fault.times.is_some_and(|times| self.active.applied >= times) {
            return false;
        }
        if self.passed < fault.skip {
            self.passed += 1;
            return false;
        }
        if fault.probability.is_some_and(|share| random.f64() >= share) {
            return false;
        }
        self.active.applied += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn before(faults: &Faults) -> bool {
        faults.judge("c", "GET", "/").before.is_some()
    }

    #[test]
    fn skip_and_times_are_counted() {
        let faults = Faults::new(1);
        faults.add(Fault::new(Effect::ResetBefore).skip(1).times(2));
        assert_eq!(
            [before(&faults), before(&faults), before(&faults), before(&faults)],
            [false, true, true, false]
        );
        assert_eq!(faults.list()[0].applied, 2);
    }

    #[test]
    fn draws_repeat_with_the_seed() {
        let faults = Faults::new(7);
        let draw = || {
            faults.add(Fault::new(Effect::ResetBefore).probability(0.5));
            let hits: Vec<bool> = (0..64).map(|_| before(&faults)).collect();
            faults.clear();
            hits
        };
        let first = draw();
        assert!(first.contains(&true) && first.contains(&false));
        assert_eq!(first, draw());
    }

    #[test]
    fn effects_on_creates_wait_until_they_are_claimed() {
        let faults = Faults::new(1);
        faults.add(Fault::new(Effect::SoldOut).times(1));
        assert!(!before(&faults));
        assert_eq!(faults.claim("c", "POST", "/", |effect| *effect == Effect::Quota), None);
        let sold_out = |effect: &Effect| *effect == Effect::SoldOut;
        assert_eq!(faults.claim("c", "POST", "/", sold_out), Some(Effect::SoldOut));
        assert_eq!(faults.claim("c", "POST", "/", sold_out), None);
    }

    #[test]
    fn a_fault_behind_one_that_stops_the_request_is_kept() {
        let faults = Faults::new(1);
        let first = faults.add(Fault::new(Effect::Unauthorized));
        faults.add(Fault::new(Effect::ResetBefore).times(1));
        assert_eq!(faults.judge("c", "GET", "/").before, Some(Effect::Unauthorized));
        assert!(faults.remove(first));
        assert!(!faults.remove(first));
        assert_eq!(faults.judge("c", "GET", "/").before, Some(Effect::ResetBefore));
    }

    #[test]
    fn latencies_add_up_and_join_other_effects() {
        let faults = Faults::new(1);
        faults.add(Fault::new(Effect::Latency { millis: 2 }));
        faults.add(Fault::new(Effect::Latency { millis: 3 }));
        faults.add(Fault::new(Effect::Truncated));
        let verdict = faults.judge("c", "GET", "/");
        assert_eq!(verdict.delay, Duration::from_millis(5));
        assert_eq!(verdict.after, Some(Effect::Truncated));
        assert_eq!(verdict.names, ["latency", "latency", "truncated"]);
    }
}
