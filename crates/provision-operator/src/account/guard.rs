//! Counts every call to a cloud, and notes when the cloud wants to be left alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use provision::{
    BasicHost, Catalog, CatalogQuery, Deletion, Error, ErrorKind, HostDeleteRequest, HostId, IdempotencyKey,
    ListFilter, ProviderInfo, ProvisionedHost, Provisioner, RegionFilter, Result, Settled,
};
use tokio::sync::Notify;

use super::owner::Owners;
use crate::{clock::Clock, metrics::Metrics};

/// The first pause after a rate limit that says nothing of its length; doubles up to [`LONGEST`].
const RATE_LIMITED: Duration = Duration::from_secs(10);
/// Pause after refused credentials. New credentials make a new account and end it.
const REFUSED: Duration = Duration::from_secs(300);
const LONGEST: Duration = Duration::from_secs(60);
/// The longest pause after a rate limit that said of a shorter one.
const LEAST: Duration = Duration::from_secs(30);
/// How many requests are under way at a time right after a rate limit; doubles with each that is answered.
const A_FEW: usize = 2;
/// The most that are under way at a time until [`SHORT`] has passed; half as many after each limit that was met again meanwhile.
const MANY: usize = 16;
/// The share of the cloud's request limit that is kept for deletions.
const KEPT: f64 = 0.1;
/// How long after a rate limit the budget counts as short, so that deletions go first.
const SHORT: Duration = Duration::from_secs(60);
/// How soon to ask again whether the deletions are through.
const TURN: Duration = Duration::from_secs(5);

/// What an operation is for: when the budget of requests is short, deletions come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It ends something that bills.
    Delete,
    /// Anything else.
    Other,
}

/// Why an account is left alone, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// `RateLimited`, `Unauthorized`, `Forbidden`, `DeletionsFirst` or `KeptForDeletions`.
    pub reason: &'static str,
    /// From now.
    pub lasts: Duration,
}

/// Whether an account may be asked.
#[derive(Debug)]
pub(super) struct Gate {
    clock: Clock,
    state: Mutex<State>,
    /// Somebody left, or there is more room.
    turn: Notify,
    /// Requests that the cloud allows in an hour.
    hourly_limit: Option<f64>,
}

#[derive(Debug, Default)]
struct State {
    /// Calls under way.
    inside: usize,
    /// How many may be; `None`: as many as like.
    room: Option<usize>,
    /// Deletions that wait for room.
    deletions_wait: usize,
    /// Requests that were made and not yet made up for by time, at a moment.
    spent: f64,
    spent_at: Option<SystemTime>,
    closed_until: Option<(SystemTime, &'static str)>,
    short_until: Option<SystemTime>,
    /// Since a call succeeded.
    limits_in_a_row: u32,
    /// Since the budget was last not short.
    limits_lately: u32,
    deleting: BTreeSet<String>,
    /// Ids that the cloud was asked about and that can be no host's, and why.
    no_ids: BTreeMap<HostId, String>,
}

impl Gate {
    pub(super) fn new(clock: Clock, hourly_limit: Option<u32>) -> Self {
        Self {
            clock,
            state: Mutex::default(),
            turn: Notify::new(),
            hourly_limit: hourly_limit.map(f64::from),
        }
    }

    /// Waits until there is room for a call. Deletions go first.
    async fn enter(&self, purpose: Purpose) -> Result<Inside<'_>> {
        let waits = Waits {
            gate: self,
            deletes: purpose == Purpose::Delete,
        };
        if waits.deletes {
            self.state().deletions_wait += 1;
        }
        loop {
            let turn = self.turn.notified();
            {
                let now = self.clock.now();
                let mut state = self.state();
                if let Some(lasts) = state.limited(now) {
                    let error = Error::new(ErrorKind::RateLimited, "the cloud asked for a pause: too many requests");
                    return Err(error.with_retry_after(Some(lasts)));
                }
                let is_first = waits.deletes || state.deletions_wait == 0;
                if state.room.is_none_or(|room| state.inside < room && is_first) {
                    state.inside += 1;
                    return Ok(Inside { gate: self });
                }
            }
            turn.await;
        }
    }

    /// Counts requests that were made.
    fn spend(&self, requests: usize) {
        if let Some(limit) = self.hourly_limit {
            let now = self.clock.now();
            let mut state = self.state();
            state.spent = state.spent_by(now, limit) + f64::from(u32::try_from(requests).unwrap_or(u32::MAX));
            state.spent_at = Some(now);
        }
    }

    pub(super) fn pause(&self, purpose: Purpose) -> Option<Pause> {
        let now = self.clock.now();
        let state = self.state();
        if let Some((until, reason)) = state.closed_until
            && let Ok(lasts) = until.duration_since(now)
            && !lasts.is_zero()
        {
            return Some(Pause { reason, lasts });
        }
        if purpose == Purpose::Delete {
            return None;
        }
        if state.is_short(now) && !state.deleting.is_empty() {
            return Some(Pause {
                reason: "DeletionsFirst",
                lasts: TURN,
            });
        }
        let limit = self.hourly_limit?;
        let over = state.spent_by(now, limit) - limit * (1.0 - KEPT);
        (over > 0.0).then(|| Pause {
            reason: "KeptForDeletions",
            lasts: Duration::try_from_secs_f64(over * 3_600.0 / limit)
                .unwrap_or(LONGEST)
                .clamp(TURN, LONGEST),
        })
    }

    pub(super) fn is_refused(&self) -> bool {
        let now = self.clock.now();
        self.state()
            .closed_until
            .is_some_and(|(until, reason)| reason != "RateLimited" && now < until)
    }

    pub(super) fn deletes(&self, uid: &str) {
        self.state().deleting.insert(uid.to_owned());
    }

    /// Whether it was the last one.
    pub(super) fn no_longer_deletes(&self, uid: &str) -> bool {
        let mut state = self.state();
        state.deleting.remove(uid) && state.deleting.is_empty()
    }

    /// Ids that turned out to be none since the last call.
    pub(super) fn take_no_ids(&self) -> BTreeMap<HostId, String> {
        std::mem::take(&mut self.state().no_ids)
    }

    fn note<T>(&self, result: &Result<T>) {
        let now = self.clock.now();
        let mut state = self.state();
        match result {
            Ok(_) => {
                state.limits_in_a_row = 0;
                if state.is_short(now) {
                    let most = state.most();
                    state.room = state.room.map(|room| (room * 2).min(most));
                } else {
                    state.limits_lately = 0;
                    state.room = None;
                }
            }
            Err(error) => match error.kind() {
                ErrorKind::RateLimited => {
                    // Calls that were under way together are refused together: that is one limit.
                    let again = u32::from(state.limited(now).is_some());
                    let lately = match state.is_short(now) {
                        true => state.limits_lately.saturating_sub(again),
                        false => 0,
                    };
                    let row = state.limits_in_a_row.saturating_sub(again);
                    let doubled = RATE_LIMITED.saturating_mul(2_u32.saturating_pow(row));
                    // What the cloud says counts, but not again and again when that turns out to be too short.
                    let least = Duration::from_secs(1).saturating_mul(2_u32.saturating_pow(lately));
                    let lasts = error
                        .retry_after()
                        .map_or(doubled.min(LONGEST), |said| said.max(least.min(LEAST)));
                    state.limits_in_a_row = row.saturating_add(1);
                    state.limits_lately = lately.saturating_add(1);
                    state.room = Some(A_FEW.min(state.most()));
                    state.closed_until = Some((now + lasts, "RateLimited"));
                    state.short_until = Some(now + lasts + SHORT);
                }
                ErrorKind::Unauthorized => state.closed_until = Some((now + REFUSED, "Unauthorized")),
                ErrorKind::Forbidden => state.closed_until = Some((now + REFUSED, "Forbidden")),
                _ => {}
            },
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// How long a rate limit lasts from now on.
    fn limited(&self, now: SystemTime) -> Option<Duration> {
        let (until, reason) = self.closed_until?;
        let left = until.duration_since(now).ok().filter(|left| !left.is_zero());
        left.filter(|_| reason == "RateLimited")
    }

    /// Whether there was a rate limit a moment ago.
    fn is_short(&self, now: SystemTime) -> bool {
        self.short_until.is_some_and(|until| now < until)
    }

    /// How many requests may be under way at a time while the budget is short.
    fn most(&self) -> usize {
        MANY.checked_shr(self.limits_lately.saturating_sub(1))
            .unwrap_or_default()
            .max(1)
    }

    /// Requests that count against the limit at a moment: it allows as many in an hour again.
    fn spent_by(&self, now: SystemTime, limit: f64) -> f64 {
        let passed = self.spent_at.and_then(|at| now.duration_since(at).ok());
        let made_up = passed.unwrap_or_default().as_secs_f64() * limit / 3_600.0;
        (self.spent - made_up).max(0.0)
    }
}

/// A call that waits for room.
struct Waits<'a> {
    gate: &'a Gate,
    deletes: bool,
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        if self.deletes {
            let mut state = self.gate.state();
            state.deletions_wait = state.deletions_wait.saturating_sub(1);
            drop(state);
            self.gate.turn.notify_waiters();
        }
    }
}

/// A call under way.
struct Inside<'a> {
    gate: &'a Gate,
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        let mut state = self.gate.state();
        state.inside = state.inside.saturating_sub(1);
        drop(state);
        self.gate.turn.notify_waiters();
    }
}

/// A cloud whose every answer is counted and noted.
#[derive(Debug)]
pub(super) struct Guarded {
    inner: Arc<dyn Provisioner>,
    gate: Arc<Gate>,
    owners: Owners,
    metrics: Metrics,
}

impl Guarded {
    pub(super) fn new(inner: Arc<dyn Provisioner>, gate: Arc<Gate>, clock: Clock, metrics: Metrics) -> Self {
        let owners = Owners::new(clock);
        Self {
            inner,
            gate,
            owners,
            metrics,
        }
    }

    /// Whose hosts are, by what the cloud answered.
    pub(super) fn owners(&self) -> &Owners {
        &self.owners
    }

    /// Deletes a host of which it was shown that it may be deleted.
    pub(super) async fn delete_proven(&self, id: &HostId) -> Result<Deletion> {
        let request = id.clone().into();
        let call = self.inner.delete(&request);
        let deleted = self.call("delete", Purpose::Delete, 2, call).await;
        if deleted.as_ref().is_ok_and(|deletion| deletion.is_over()) {
            self.owners.forget(id);
        }
        deleted
    }

    /// One call: waits for its turn, and takes down what it came to. `most` is what it usually takes in requests.
    async fn call<T: Send>(
        &self,
        operation: &'static str,
        purpose: Purpose,
        most: usize,
        call: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        let _inside = self.gate.enter(purpose).await?;
        let result = call.await;
        self.gate.spend(most);
        self.gate.note(&result);
        let outcome = result.as_ref().map_or_else(|error| error.kind().as_str(), |_| "ok");
        self.metrics.called(self.inner.info().id, operation, outcome);
        if let Err(error) = &result {
            tracing::debug!(provider = self.inner.info().id, operation, %error, "a call to the cloud failed");
        }
        result
    }
}

#[async_trait]
impl Provisioner for Guarded {
    fn info(&self) -> &'static ProviderInfo {
        self.inner.info()
    }
    async fn provision(&self, host: &BasicHost) -> Result<ProvisionedHost> {
        let made = self
            .call("provision", Purpose::Other, 2, self.inner.provision(host))
            .await?;
        self.owners.note(&made.id, &made);
        Ok(made)
    }
    async fn status(&self, id: &HostId) -> Result<ProvisionedHost> {
        let result = self.call("status", Purpose::Other, 1, self.inner.status(id)).await;
        match &result {
            Ok(host) => self.owners.note(id, host),
            Err(error) if error.kind() == ErrorKind::InvalidRequest => {
                self.gate.state().no_ids.insert(id.clone(), error.to_string());
            }
            Err(_) => {}
        }
        result
    }
    /// Refuses: whoever deletes shows first whose the host is.
    async fn delete(&self, _request: &HostDeleteRequest) -> Result<Deletion> {
        Err(Error::invalid(
            "the operator deletes only hosts that are shown to be a resource's own",
        ))
    }
    async fn delete_leftovers(&self, key: &IdempotencyKey, region: &RegionFilter) -> Result<Deletion> {
        let call = self.inner.delete_leftovers(key, region);
        self.call("delete_leftovers", Purpose::Delete, 1, call).await
    }
    async fn settle(&self, host: &ProvisionedHost) -> Result<Settled> {
        self.call("settle", Purpose::Other, 2, self.inner.settle(host)).await
    }
    async fn list(&self, filter: &ListFilter) -> Result<Vec<ProvisionedHost>> {
        // Deletions wait for it as well.
        let hosts = self.call("list", Purpose::Delete, 0, self.inner.list(filter)).await?;
        self.gate
            .spend(self.inner.info().polling.requests_for_list(hosts.len()));
        self.owners.note_all(&hosts);
        Ok(hosts)
    }
    async fn catalog(&self, query: &CatalogQuery) -> Result<Catalog> {
        self.call("catalog", Purpose::Other, 1, self.inner.catalog(query)).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    fn gate() -> (Gate, Arc<AtomicU64>) {
        let seconds = Arc::new(AtomicU64::new(1_000));
        let shared = seconds.clone();
        let clock = Clock::new(move || SystemTime::UNIX_EPOCH + Duration::from_secs(shared.load(Ordering::SeqCst)));
        (Gate::new(clock, Some(3_600)), seconds)
    }

    fn fails(gate: &Gate, kind: ErrorKind, wait: Option<u64>) {
        let error = Error::new(kind, "no").with_retry_after(wait.map(Duration::from_secs));
        gate.note::<()>(&Err(error));
    }

    fn pause(gate: &Gate, purpose: Purpose) -> Option<(&'static str, u64)> {
        gate.pause(purpose).map(|pause| (pause.reason, pause.lasts.as_secs()))
    }

    #[test]
    fn a_rate_limit_closes_the_account_for_as_long_as_the_cloud_says() {
        let (gate, seconds) = gate();
        assert_eq!(pause(&gate, Purpose::Other), None);
        fails(&gate, ErrorKind::RateLimited, Some(7));
        assert_eq!(pause(&gate, Purpose::Delete), Some(("RateLimited", 7)));
        assert!(!gate.is_refused());
        seconds.store(1_007, Ordering::SeqCst);
        assert_eq!(pause(&gate, Purpose::Other), None);
        // Without a word from the cloud the pauses double, until a call succeeds.
        let mut now = 1_007;
        for expected in [20, 40, 60, 60] {
            // Two that were under way together.
            fails(&gate, ErrorKind::RateLimited, None);
            fails(&gate, ErrorKind::RateLimited, None);
            assert_eq!(pause(&gate, Purpose::Other), Some(("RateLimited", expected)));
            now += expected;
            seconds.store(now, Ordering::SeqCst);
        }
        gate.note(&Ok(()));
        fails(&gate, ErrorKind::RateLimited, None);
        assert_eq!(pause(&gate, Purpose::Other), Some(("RateLimited", 10)));
    }

    /// As where the cloud says a second each time, in which a single request is made up for.
    #[test]
    fn a_limit_that_is_met_again_and_again_is_asked_less_often() {
        let (gate, seconds) = gate();
        let mut now = 1_000;
        for expected in [1, 2, 4, 8, 16, 30, 30] {
            gate.note(&Ok(()));
            fails(&gate, ErrorKind::RateLimited, Some(1));
            fails(&gate, ErrorKind::RateLimited, Some(1));
            assert_eq!(pause(&gate, Purpose::Delete), Some(("RateLimited", expected)));
            now += expected;
            seconds.store(now, Ordering::SeqCst);
        }
        assert_eq!(gate.state().most(), 1);
        seconds.store(now + 60, Ordering::SeqCst);
        gate.note(&Ok(()));
        assert_eq!(gate.state().room, None, "a minute without a limit");
        fails(&gate, ErrorKind::RateLimited, Some(1));
        assert_eq!(pause(&gate, Purpose::Delete), Some(("RateLimited", 1)));
    }

    #[test]
    fn after_a_rate_limit_deletions_go_first() {
        let (gate, seconds) = gate();
        gate.deletes("a");
        gate.deletes("b");
        assert_eq!(pause(&gate, Purpose::Other), None, "the budget is not short");
        fails(&gate, ErrorKind::RateLimited, Some(5));
        seconds.store(1_006, Ordering::SeqCst);
        assert_eq!(pause(&gate, Purpose::Delete), None);
        assert_eq!(pause(&gate, Purpose::Other), Some(("DeletionsFirst", 5)));
        assert!(!gate.no_longer_deletes("a"));
        assert!(gate.no_longer_deletes("b"));
        assert_eq!(pause(&gate, Purpose::Other), None);
    }

    #[test]
    fn the_last_requests_of_an_hour_are_kept_for_deletions() {
        let (gate, seconds) = gate();
        gate.spend(3_240);
        assert_eq!(pause(&gate, Purpose::Other), None);
        gate.spend(20);
        assert_eq!(pause(&gate, Purpose::Other), Some(("KeptForDeletions", 20)));
        assert_eq!(pause(&gate, Purpose::Delete), None);
        seconds.store(1_020, Ordering::SeqCst);
        assert_eq!(pause(&gate, Purpose::Other), None);
    }

    #[tokio::test]
    async fn after_a_rate_limit_a_few_go_at_a_time_and_deletions_first() {
        let (gate, seconds) = gate();
        fails(&gate, ErrorKind::RateLimited, Some(5));
        let refused = gate.enter(Purpose::Delete).await.err().unwrap();
        assert_eq!(refused.retry_after(), Some(Duration::from_secs(5)));
        seconds.store(1_005, Ordering::SeqCst);
        let first = gate.enter(Purpose::Other).await.unwrap();
        let _second = gate.enter(Purpose::Other).await.unwrap();
        let mut other = std::pin::pin!(gate.enter(Purpose::Other));
        let mut deletion = std::pin::pin!(gate.enter(Purpose::Delete));
        assert!(futures_util::poll!(other.as_mut()).is_pending());
        assert!(futures_util::poll!(deletion.as_mut()).is_pending());
        drop(first);
        assert!(futures_util::poll!(other.as_mut()).is_pending());
        let entered = futures_util::poll!(deletion.as_mut());
        assert!(matches!(entered, std::task::Poll::Ready(Ok(_))));
        gate.note(&Ok(()));
        assert!(
            futures_util::poll!(other.as_mut()).is_ready(),
            "each answer makes room for more"
        );
    }

    #[test]
    fn refused_credentials_close_the_account() {
        for kind in [ErrorKind::Unauthorized, ErrorKind::Forbidden] {
            let (gate, seconds) = gate();
            fails(&gate, kind, None);
            assert!(gate.is_refused());
            assert_eq!(pause(&gate, Purpose::Delete).map(|(_, lasts)| lasts), Some(300));
            seconds.store(1_301, Ordering::SeqCst);
            assert!(!gate.is_refused());
        }
        let (gate, _) = gate();
        fails(&gate, ErrorKind::Unavailable, None);
        assert_eq!(pause(&gate, Purpose::Other), None);
    }
}
