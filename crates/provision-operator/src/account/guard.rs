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

use super::owner::Owners;
use crate::{clock::Clock, metrics::Metrics};

/// The first pause after a rate limit that says nothing of its length; doubles up to [`LONGEST`].
const RATE_LIMITED: Duration = Duration::from_secs(10);
/// Pause after refused credentials. New credentials make a new account and end it.
const REFUSED: Duration = Duration::from_secs(300);
const LONGEST: Duration = Duration::from_secs(300);
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
    /// `RateLimited`, `Unauthorized`, `Forbidden`, or `DeletionsFirst`.
    pub reason: &'static str,
    /// From now.
    pub lasts: Duration,
}

/// Whether an account may be asked.
#[derive(Debug)]
pub(super) struct Gate {
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    closed_until: Option<(SystemTime, &'static str)>,
    short_until: Option<SystemTime>,
    limits_in_a_row: u32,
    deleting: BTreeSet<String>,
    /// Ids that the cloud was asked about and that can be no host's, and why.
    no_ids: BTreeMap<HostId, String>,
}

impl Gate {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            state: Mutex::default(),
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
        let short = state.short_until.is_some_and(|until| now < until);
        (short && purpose == Purpose::Other && !state.deleting.is_empty()).then_some(Pause {
            reason: "DeletionsFirst",
            lasts: TURN,
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
            Ok(_) => state.limits_in_a_row = 0,
            Err(error) => match error.kind() {
                ErrorKind::RateLimited => {
                    let doubled = RATE_LIMITED.saturating_mul(2_u32.saturating_pow(state.limits_in_a_row));
                    let lasts = error.retry_after().unwrap_or_else(|| doubled.min(LONGEST));
                    state.limits_in_a_row = state.limits_in_a_row.saturating_add(1);
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
        let deleted = self.note("delete", self.inner.delete(&id.clone().into()).await);
        if deleted.as_ref().is_ok_and(|deletion| deletion.is_over()) {
            self.owners.forget(id);
        }
        deleted
    }

    fn note<T>(&self, operation: &'static str, result: Result<T>) -> Result<T> {
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
        let made = self.note("provision", self.inner.provision(host).await)?;
        self.owners.note(&made.id, &made);
        Ok(made)
    }
    async fn status(&self, id: &HostId) -> Result<ProvisionedHost> {
        let result = self.note("status", self.inner.status(id).await);
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
        self.note("delete_leftovers", self.inner.delete_leftovers(key, region).await)
    }
    async fn settle(&self, host: &ProvisionedHost) -> Result<Settled> {
        self.note("settle", self.inner.settle(host).await)
    }
    async fn list(&self, filter: &ListFilter) -> Result<Vec<ProvisionedHost>> {
        let hosts = self.note("list", self.inner.list(filter).await)?;
        self.owners.note_all(&hosts);
        Ok(hosts)
    }
    async fn catalog(&self, query: &CatalogQuery) -> Result<Catalog> {
        self.note("catalog", self.inner.catalog(query).await)
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
        (Gate::new(clock), seconds)
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
        for expected in [20, 40] {
            fails(&gate, ErrorKind::RateLimited, None);
            assert_eq!(pause(&gate, Purpose::Other), Some(("RateLimited", expected)));
        }
        gate.note(&Ok(()));
        fails(&gate, ErrorKind::RateLimited, None);
        assert_eq!(pause(&gate, Purpose::Other), Some(("RateLimited", 10)));
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
