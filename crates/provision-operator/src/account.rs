//! One account at one cloud: what all resources that use it share. Polls all of their hosts with one list per interval,
//! and keeps everybody away while the cloud asks for a pause or refuses the credentials.

mod guard;
mod leaving;
mod lists;
mod owner;
mod twins;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use provision::{
    ErrorKind, HostId, IdempotencyKey, ListFilter, ProviderInfo, ProvisionedHost, Provisioner, RegionFilter, Result,
    poller::{Poller, PollerPace},
};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Mutex as AsyncMutex, Notify};

use guard::{Gate, Guarded};
pub use guard::{Pause, Purpose};
use leaving::Leaving;
pub use leaving::Left;
pub use lists::Listed;
use lists::Lists;
pub use owner::{Claim, Deleted, Owner, Verdict};

use crate::{clock::Clock, engine::Seen, metrics::Metrics};

/// Which resource wants to hear of a host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Watcher {
    /// `Tunnel` or `Host`.
    pub kind: &'static str,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// How often accounts are polled.
#[derive(Debug, Clone, PartialEq)]
pub struct Pace {
    /// Between polls while a host is on its way.
    pub busy: Duration,
    /// Between polls while every host is settled.
    pub idle: Duration,
    /// How long a host must be missing before it counts as gone: some clouds show new hosts late.
    pub gone_after: Duration,
    /// Between the beginnings of two lists that are not polls; longer where lists are long.
    pub list_gap: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            busy: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            gone_after: Duration::from_secs(120),
            list_gap: Duration::from_secs(10),
        }
    }
}

/// When to poll again, from now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextPoll {
    /// When there is news: a host that came to be watched, or the last deletion that was waited for.
    pub soonest: Duration,
    /// Without news.
    pub planned: Duration,
}

/// One account at one cloud.
#[derive(Debug)]
pub struct Account {
    cloud: Arc<Guarded>,
    gate: Arc<Gate>,
    clock: Clock,
    pace: Pace,
    poller: AsyncMutex<Poller>,
    state: Mutex<State>,
    lists: AsyncMutex<Lists>,
    prices: AsyncMutex<BTreeMap<String, Option<(f64, String)>>>,
    wake: Notify,
    retirement: Notify,
    events: UnboundedSender<Watcher>,
}

#[derive(Debug, Default)]
struct State {
    watched: BTreeMap<HostId, Watched>,
    /// Watched since the last poll, or no longer.
    changed: BTreeSet<HostId>,
    /// Hosts whose deletion was begun.
    leaving: BTreeMap<HostId, Leaving>,
    /// Those of them that no resource asks for.
    orphans: BTreeSet<HostId>,
    /// The host of each resource that is watched, by the hash of the resource's key.
    keys: BTreeMap<String, HostId>,
    /// Hosts whose resource has another one as well.
    twins: BTreeSet<HostId>,
    retired: bool,
}

#[derive(Debug)]
struct Watched {
    watchers: BTreeSet<Watcher>,
    region: Option<String>,
    seen: Seen,
    /// When the cloud first said that it does not exist.
    missing_since: Option<SystemTime>,
}

impl Account {
    /// An account that is not polled yet.
    pub(crate) fn new(
        cloud: Arc<dyn Provisioner>,
        clock: Clock,
        pace: Pace,
        metrics: Metrics,
        events: UnboundedSender<Watcher>,
    ) -> Self {
        let gate = Arc::new(Gate::new(clock.clone(), cloud.info().polling.hourly_limit));
        let cloud = Arc::new(Guarded::new(cloud, gate.clone(), clock.clone(), metrics));
        let mut poller_pace = PollerPace::default();
        poller_pace.interval = pace.busy;
        Self {
            poller: AsyncMutex::new(Poller::new(cloud.clone(), poller_pace)),
            cloud,
            gate,
            clock,
            pace,
            state: Mutex::default(),
            lists: AsyncMutex::default(),
            prices: AsyncMutex::default(),
            wake: Notify::new(),
            retirement: Notify::new(),
            events,
        }
    }

    /// Static facts about the cloud.
    pub fn info(&self) -> &'static ProviderInfo {
        self.cloud.info()
    }

    /// The cloud, with every call counted and every pause it asks for noted. Ask [`pause`](Self::pause) first. It deletes
    /// nothing: [`delete`](Self::delete) does.
    pub fn cloud(&self) -> &dyn Provisioner {
        &*self.cloud
    }

    /// Why nothing should be asked of the cloud now, and for how long.
    #[must_use]
    pub fn pause(&self, purpose: Purpose) -> Option<Pause> {
        self.gate.pause(purpose)
    }

    /// Whether the cloud refused the credentials.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.gate.is_refused()
    }

    /// Says that a resource has something to delete, until it says [`no_longer_deletes`](Self::no_longer_deletes).
    pub fn deletes(&self, uid: &str) {
        self.gate.deletes(uid);
    }

    /// The deletion is done, or given up.
    pub fn no_longer_deletes(&self, uid: &str) {
        if self.gate.no_longer_deletes(uid) {
            self.wake.notify_one();
        }
    }

    /// Has a host watched and returns what was last seen of it.
    pub fn watch(&self, id: &HostId, region: Option<&str>, watcher: &Watcher) -> Seen {
        let mut state = self.state();
        if let Some(watched) = state.watched.get_mut(id) {
            watched.watchers.insert(watcher.clone());
            return watched.seen.clone();
        }
        let watched = Watched {
            watchers: [watcher.clone()].into(),
            region: region.map(str::to_owned),
            seen: Seen::Unread,
            missing_since: None,
        };
        state.watched.insert(id.clone(), watched);
        state.changed.insert(id.clone());
        drop(state);
        self.wake.notify_one();
        Seen::Unread
    }

    /// No longer watches a host, unless somebody else does.
    pub fn unwatch(&self, id: &HostId, watcher: &Watcher) {
        let mut state = self.state();
        let Some(watched) = state.watched.get_mut(id) else {
            return;
        };
        watched.watchers.remove(watcher);
        if watched.watchers.is_empty() {
            state.watched.remove(id);
            state.changed.insert(id.clone());
            state.keys.retain(|_, own| own != id);
            state.twins.remove(id);
        }
    }

    /// Whose a host is, as far as the cloud has shown it: no request.
    #[must_use]
    pub fn known_owner(&self, id: &HostId) -> Option<Owner> {
        self.cloud.owners().get(id)
    }

    /// Deletes a host, as far as the cloud allows it now, if it is the claimant's own. Asks the cloud whose it is where none of
    /// its last answers told; a list that lacks the host tells nothing.
    ///
    /// # Errors
    /// Any error of the cloud.
    pub async fn delete(&self, id: &HostId, claim: &Claim) -> Result<Deleted> {
        let owner = match self.known_owner(id) {
            Some(owner) => Some(owner),
            // It was shown before it was asked to go.
            None if self.is_leaving(id) => None,
            None => match self.cloud.status(id).await {
                Ok(host) => Some(Owner::of(&host)),
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                Err(error) => return Err(error),
            },
        };
        match owner.map_or(Verdict::Own, |owner| claim.to(&owner)) {
            // Of a host that is gone there may be something left, which is known by its id.
            Verdict::Own => Ok(Deleted::Done(self.remove(id).await?)),
            refused => Ok(Deleted::Refused(refused)),
        }
    }

    /// Polls every watched host once, tells the resources whose host changed, and returns when to poll again.
    pub async fn poll(&self) -> NextPoll {
        if let Some(pause) = self.pause(Purpose::Other) {
            return NextPoll {
                soonest: self.pace.busy.min(pause.lasts),
                planned: pause.lasts,
            };
        }
        let mut poller = self.poller.lock().await;
        {
            let mut state = self.state();
            let State { watched, changed, .. } = &mut *state;
            for id in std::mem::take(changed) {
                match watched.get(&id) {
                    Some(host) => poller.watch(id, host.region.clone()),
                    None => poller.unwatch(&id),
                }
            }
        }
        let tick = poller.tick().await;
        self.note_twins(&tick.unwatched);
        let now = self.clock.now();
        let mut state = self.state();
        for host in tick.hosts {
            if let Some(watched) = state.watched.get_mut(&host.id) {
                watched.missing_since = None;
                watched.region = host.region.clone().or(watched.region.take());
                self.tell(watched, seen(host));
            }
        }
        for id in tick.gone {
            if let Some(watched) = state.watched.get_mut(&id) {
                let since = *watched.missing_since.get_or_insert(now);
                if now.duration_since(since).unwrap_or_default() >= self.pace.gone_after {
                    self.tell(watched, Seen::Gone);
                }
            }
        }
        for (id, message) in self.gate.take_no_ids() {
            // One that can be no host's would end every tick before the others had their turn.
            poller.unwatch(&id);
            if let Some(watched) = state.watched.get_mut(&id) {
                self.tell(watched, Seen::NoId(message));
            }
        }
        let busy = tick.error.is_some() || state.watched.values().any(Watched::is_on_its_way);
        let soonest = poller.delay();
        let planned = if busy { soonest } else { soonest.max(self.pace.idle) };
        NextPoll { soonest, planned }
    }

    fn tell(&self, watched: &mut Watched, seen: Seen) {
        if watched.seen != seen {
            watched.seen = seen;
            self.send_all(watched);
        }
    }

    fn send_all(&self, watched: &Watched) {
        for watcher in &watched.watchers {
            // Nobody listens any more while the operator stops.
            let _ = self.events.send(watcher.clone());
        }
    }

    /// Polls for as long as the account is in use.
    pub async fn keep_polling(&self) {
        loop {
            // A host that comes to be watched meanwhile must not wait for the idle interval, nor cost a poll of its own.
            let idle = self.state().watched.is_empty();
            let next = if idle {
                NextPoll {
                    soonest: self.pace.busy,
                    planned: self.pace.idle,
                }
            } else {
                self.poll().await
            };
            if self.state().retired {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(next.planned) => {}
                () = self.retirement.notified() => return,
                () = self.wake.notified() => tokio::select! {
                    () = tokio::time::sleep(next.soonest) => {}
                    () = self.retirement.notified() => return,
                },
            }
        }
    }

    /// Ends [`keep_polling`](Self::keep_polling) and sends every watching resource to the account that takes its place.
    pub(crate) fn retire(&self) {
        let mut state = self.state();
        state.retired = true;
        for watched in state.watched.values() {
            self.send_all(watched);
        }
        drop(state);
        self.retirement.notify_one();
    }

    /// Every host with the key of a host, those on their way out among them. On clouds that list by region, in its region.
    ///
    /// # Errors
    /// Any error of the cloud's list.
    pub async fn hosts_with_key(&self, key: &IdempotencyKey, id: &HostId) -> Result<Vec<ProvisionedHost>> {
        let mut filter = ListFilter::all().with_key(key);
        let region = self.state().watched.get(id).and_then(|watched| watched.region.clone());
        if let Some(region) = region.filter(|_| !self.info().capabilities.lists_all_regions) {
            filter.region = RegionFilter::Only(region);
        }
        self.cloud.list(&filter).await
    }

    /// What a month of a plan costs, with the currency; `None` when no price is known. The default plan's price is known
    /// without asking, others are asked for once.
    pub async fn monthly_cost(&self, plan: Option<&str>, region: Option<&str>) -> Option<(f64, String)> {
        let info = self.info();
        let Some(plan) = plan.filter(|plan| *plan != info.default_plan) else {
            return info
                .monthly_cost
                .amount
                .map(|amount| (amount, info.monthly_cost.currency.to_owned()));
        };
        let mut prices = self.prices.lock().await;
        if let Some(price) = prices.get(plan) {
            return price.clone();
        }
        if self.pause(Purpose::Other).is_some() {
            return None;
        }
        let mut query = provision::CatalogQuery::plans();
        if let Some(region) = region {
            query = query.with_region(region);
        }
        let catalog = self.cloud.catalog(&query).await.ok()?;
        let found = catalog.plans.iter().find(|known| known.id == plan);
        let price = found.and_then(|plan| Some((plan.monthly_cost?, plan.currency.clone())));
        prices.insert(plan.to_owned(), price.clone());
        price
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watched {
    fn is_on_its_way(&self) -> bool {
        use provision::HostStatus::{Active, Failed, Stopped};
        match &self.seen {
            Seen::Unread => true,
            Seen::Gone | Seen::NoId(_) => false,
            Seen::Host { status, .. } => self.missing_since.is_some() || !matches!(status, Active | Failed | Stopped),
        }
    }
}

/// What a host that was read comes to.
#[must_use]
pub fn seen(host: ProvisionedHost) -> Seen {
    Seen::Host {
        status: host.status,
        ip: host.ip,
        message: host.message,
    }
}
