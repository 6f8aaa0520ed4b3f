//! Watching many hosts of one account with as few requests as the cloud allows: one list for all of them, not one status
//! for each.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
    time::Duration,
};

use provision_core::{Error, ErrorKind, HostId, ListFilter, ProvisionedHost, Provisioner, RegionFilter, Result};

/// Watches hosts of one provider account. Has no timer and no runtime: call [`tick`](Self::tick), hand the findings on, wait
/// for as long as [`delay`](Self::delay) says, and call it again.
///
/// A tick costs one list per watched region (one in all, on clouds whose lists cover every region) and one status for each
/// watched host that the lists lack, [`PollerPace::statuses`] at most. A single watched host is read with one status instead.
/// The more requests a tick needs, the longer the delay after it, so that polling keeps to its share of what the vendor allows.
///
/// ```
/// # async fn example(cloud: std::sync::Arc<dyn provision::Provisioner>, host: provision::ProvisionedHost) {
/// use provision::poller::{Poller, PollerPace};
///
/// let mut poller = Poller::new(cloud, PollerPace::default());
/// poller.watch(host.id.clone(), host.region.clone());
/// let tick = poller.tick().await;
/// for host in &tick.hosts {
///     println!("{} is {}", host.name, host.status);
/// }
/// for id in &tick.gone {
///     println!("{id} does not exist any more");
/// }
/// println!("ask again in {:?}", poller.delay());
/// # }
/// ```
pub struct Poller {
    cloud: Arc<dyn Provisioner>,
    pace: PollerPace,
    watched: BTreeMap<HostId, Option<String>>,
    /// Where the look-ups by status go on: hosts that the last tick had no budget for come first.
    last_asked: Option<HostId>,
    /// What the last tick came to by what the vendor's lists hold; requests that the client repeats are not counted.
    requests: usize,
    failures: u32,
    delay: Duration,
}

/// How often a [`Poller`] asks, and how much.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PollerPace {
    /// Between two ticks that went well; longer where [`limit_share`](Self::limit_share) asks for it.
    pub interval: Duration,
    /// The largest share of the vendor's request limit ([`Polling::hourly_limit`](provision_core::Polling::hourly_limit)) that
    /// ticks may take, above 0 to 1. The rest is for creating and deleting, and for others who use the account.
    pub limit_share: f64,
    /// After the first failed tick; doubles with each further one in a row.
    pub backoff: Duration,
    /// The longest delay after a failure, unless the cloud asks for a longer one.
    pub backoff_cap: Duration,
    /// The most status requests in one tick, for hosts that the lists lack; the others follow in the next ticks.
    pub statuses: usize,
}

impl Default for PollerPace {
    /// Every 10 seconds, half of the vendor's limit, failures after 5 seconds doubling to 5 minutes, 20 statuses a tick.
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(10),
            limit_share: 0.5,
            backoff: Duration::from_secs(5),
            backoff_cap: Duration::from_secs(300),
            statuses: 20,
        }
    }
}

/// What one tick found.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Tick {
    /// Watched hosts, as the cloud reports them now.
    pub hosts: Vec<ProvisionedHost>,
    /// Watched hosts of which the cloud says that they do not exist. A host made a moment ago may be among them on clouds
    /// that show a new host late: the caller knows how old it is.
    pub gone: Vec<HostId>,
    /// Marked hosts that nobody watches: candidates for an orphan check. Only what the lists of this tick showed.
    pub unwatched: Vec<ProvisionedHost>,
    /// Watched hosts about which this tick says nothing: a failure, or no budget left.
    pub unread: Vec<HostId>,
    /// What failed first; the tick stopped there. What was read before it is in the other fields.
    pub error: Option<Error>,
}

impl Poller {
    /// Watches nothing yet.
    pub fn new(cloud: Arc<dyn Provisioner>, pace: PollerPace) -> Self {
        Self {
            cloud,
            pace,
            watched: BTreeMap::new(),
            last_asked: None,
            requests: 0,
            failures: 0,
            delay: Duration::ZERO,
        }
    }

    /// Watches a host; the region, where it is known, tells which list to look at on clouds whose lists are per region.
    pub fn watch(&mut self, id: HostId, region: Option<String>) {
        self.watched.insert(id, region);
    }

    /// No longer watches a host.
    pub fn unwatch(&mut self, id: &HostId) {
        self.watched.remove(id);
    }

    /// How many hosts are watched.
    #[must_use]
    pub fn len(&self) -> usize {
        self.watched.len()
    }

    /// Whether nothing is watched; a tick then makes no request.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.watched.is_empty()
    }

    /// How long to wait before the next tick: the interval, or longer where the last tick took more of the vendor's limit than
    /// its share; after failures the back-off, which is never shorter than the cloud asks for.
    #[must_use]
    pub fn delay(&self) -> Duration {
        self.delay
    }

    /// Reads all watched hosts once. Never fails as a whole: see [`Tick::error`]. Dropping the future loses nothing but the
    /// answers under way.
    pub async fn tick(&mut self) -> Tick {
        let mut tick = Tick::default();
        self.requests = 0;
        if !self.watched.is_empty() {
            if let Err(error) = self.read(&mut tick).await {
                tick.error = Some(error);
            }
            let read: BTreeSet<&HostId> = tick.hosts.iter().map(|host| &host.id).chain(&tick.gone).collect();
            let unread = self.watched.keys().filter(|id| !read.contains(id)).cloned().collect();
            tick.unread = unread;
        }
        self.plan(tick.error.as_ref());
        tick
    }

    async fn read(&mut self, tick: &mut Tick) -> Result<()> {
        let polling = self.cloud.info().polling;
        let mut missing: Vec<HostId> = self.watched.keys().cloned().collect();
        // A list may have many pages of other hosts; one host is cheaper to ask for.
        if missing.len() > 1 {
            let mut listed = BTreeSet::new();
            for region in self.regions() {
                let mut filter = ListFilter::all();
                filter.region = region;
                let hosts = self.cloud.list(&filter).await?;
                self.requests += polling.requests_for_list(hosts.len());
                for host in hosts {
                    // The default region's list and that of the same region by name show the same hosts.
                    if !listed.insert(host.id.clone()) {
                        continue;
                    }
                    let watched = self.watched.contains_key(&host.id);
                    if watched { &mut tick.hosts } else { &mut tick.unwatched }.push(host);
                }
            }
            missing.retain(|id| !listed.contains(id));
        }
        for id in self.turn(missing) {
            self.requests += polling.requests_per_page;
            match self.cloud.status(&id).await {
                Ok(mut host) => {
                    // The cloud may know it by more parts than whoever watches it.
                    host.id = id.clone();
                    tick.hosts.push(host);
                }
                Err(error) if error.kind() == ErrorKind::NotFound => tick.gone.push(id.clone()),
                Err(error) => return Err(error),
            }
            self.last_asked = Some(id);
        }
        Ok(())
    }

    /// The lists to read: one, or one for each region that a watched host is in.
    fn regions(&self) -> Vec<RegionFilter> {
        if self.cloud.info().capabilities.lists_all_regions {
            return vec![RegionFilter::Default];
        }
        let regions: BTreeSet<Option<&String>> = self.watched.values().map(Option::as_ref).collect();
        let filter =
            |region: Option<&String>| region.map_or(RegionFilter::Default, |name| RegionFilter::Only(name.clone()));
        regions.into_iter().map(filter).collect()
    }

    /// Those of the missing hosts whose turn it is, so that a budget smaller than their number starves none.
    fn turn(&self, missing: Vec<HostId>) -> Vec<HostId> {
        let (mut later, mut first): (Vec<HostId>, Vec<HostId>) = missing
            .into_iter()
            .partition(|id| self.last_asked.as_ref().is_some_and(|last| id <= last));
        first.append(&mut later);
        first.truncate(self.pace.statuses.max(1));
        first
    }

    fn plan(&mut self, error: Option<&Error>) {
        match error {
            None => {
                self.failures = 0;
                let polling = self.cloud.info().polling;
                self.delay = self
                    .pace
                    .interval
                    .max(polling.time_for(self.requests, self.pace.limit_share));
            }
            Some(error) => {
                let doubled = 2_u32.checked_pow(self.failures).unwrap_or(u32::MAX);
                self.failures = self.failures.saturating_add(1);
                let backoff = self.pace.backoff.saturating_mul(doubled).min(self.pace.backoff_cap);
                self.delay = backoff.max(error.retry_after().unwrap_or_default());
            }
        }
    }
}

impl fmt::Debug for Poller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poller")
            .field("provider", &self.cloud.info().id)
            .field("watched", &self.watched.len())
            .field("failures", &self.failures)
            .field("delay", &self.delay)
            .finish_non_exhaustive()
    }
}
