mod memory;

use std::{cmp::Reverse, net::IpAddr, time::SystemTime};

use async_trait::async_trait;
use futures_util::future::try_join_all;

use crate::{
    BasicHost, Catalog, CatalogQuery, CatalogSection, Clock, Cloud, Deletion, Error, ErrorKind, Find,
    HostDeleteRequest, HostId, HostName, HostStatus, IdempotencyKey, ListFilter, Made, Order, Origin, ProviderInfo,
    ProvisionedHost, Provisioner, REQUEST_LABEL, Region, RegionFilter, Result, Settled,
};
use memory::{Known, Memory};

/// Makes a [`Provisioner`] of a [`Cloud`] and keeps the promises, each in one place:
///
/// - **A host is known by its key**, which is its name unless the caller chose another: before a host is made it is looked
///   for, and one that is there is answered, whatever else was asked for. [`ProvisionedHost::origin`] tells which it was.
/// - **Never two.** After a create whose outcome is unknown nothing is created before lists must show what was made
///   ([`ProviderInfo::visible_within`], carried as [`Error::retry_after`]), unless the cloud itself refuses a second one. Calls
///   of one process with one key take turns. What several processes make at the same moment, [`settle`](Provisioner::settle)
///   makes one again.
/// - **A dying host is not adopted**: `Conflict`, until it is gone.
/// - **Gone means gone**: `NotFound` is what the cloud said about this very host.
/// - **Nothing bills unsaid**: a host that could not be finished is taken back, or the error carries its id.
/// - **Only ours**: lists, and deletion by address, look at hosts with our marker.
///
/// Clones share what is remembered of creates that are under way.
#[derive(Debug, Clone)]
pub struct Hosted<C> {
    cloud: C,
    memory: Memory,
}

impl<C: Cloud> Hosted<C> {
    /// A cloud as callers use it. The clock tells for how long a create with an unknown outcome counts.
    pub fn new(cloud: C, clock: Clock) -> Self {
        Self {
            cloud,
            memory: Memory::new(clock),
        }
    }

    /// The cloud as its author wrote it.
    pub fn cloud(&self) -> &C {
        &self.cloud
    }

    async fn make(&self, host: &BasicHost) -> Result<ProvisionedHost> {
        let info = self.cloud.info();
        let region = host.region.as_deref().unwrap_or(self.cloud.home_region());
        let order = Order::new(info, &self.cloud.region(region)?, host)?;
        self.cloud.check(&order)?;
        let hash = order.key.hash();
        let _turn = self.memory.turn(&hash).await;
        let (of_key, others): (Vec<_>, Vec<_>) = self.cloud.find(&order).await?.into_iter().partition(has_key(&hash));
        if let Some(found) = choose(of_key) {
            return self.adopt(&order, found).await;
        }
        if let Some(known) = self.memory.get(&hash)
            && let Some(found) = self.recall(known, &order).await?
        {
            return self.adopt(&order, found).await;
        }
        if info.capabilities.unique_names
            && let Some(named) = others.into_iter().find(|host| host.name == order.name.as_str())
        {
            return self.not_free(&order, named, taken(&order)).await;
        }
        let pending = self.memory.begin(&hash, &order, info.visible_within);
        match self.cloud.create(&order).await {
            Ok(host) => {
                pending.made(&host);
                self.finish(&order, host).await
            }
            Err(error) if error.may_exist() => {
                drop(pending);
                let wait = Some(info.visible_within).filter(|_| !self.refuses_second(&order, &order.name));
                let wait = error.retry_after().max(wait);
                Err(error.with_retry_after(wait))
            }
            Err(error) => {
                pending.made_nothing();
                match error.kind() {
                    ErrorKind::AlreadyExists => self.taken(&order, error).await,
                    _ => Err(error.with_order(&order)),
                }
            }
        }
    }

    /// Whether the cloud itself refuses a second host after a create of that name, so that this one is safe to send at any time.
    fn refuses_second(&self, order: &Order, earlier: &HostName) -> bool {
        let capabilities = &self.cloud.info().capabilities;
        capabilities.create_tokens || capabilities.unique_names && order.name == *earlier
    }

    async fn with_key(&self, hash: &str, region: &str) -> Result<Vec<ProvisionedHost>> {
        let region = Some(region).filter(|_| !self.cloud.info().capabilities.lists_all_regions);
        let mut found = self.cloud.hosts(Find::Key(hash), region).await?;
        found.retain(has_key(hash));
        Ok(found)
    }

    /// The host that this process made a moment ago and no list shows yet. `None` when it is safe to create.
    async fn recall(&self, known: Known, order: &Order) -> Result<Option<ProvisionedHost>> {
        let not_yet = |kind, text: String, left| Err(Error::new(kind, text).with_retry_after(Some(left)));
        match known {
            Known::Made(host, left) => match self.cloud.read(&host.id).await {
                Ok(found) => Ok(Some(found)),
                Err(error) if error.kind() == ErrorKind::NotFound => not_yet(
                    ErrorKind::Conflict,
                    format!(
                        "host `{}` was made a moment ago and the cloud does not show it yet: try again in a while",
                        host.id.to_text()
                    ),
                    left,
                ),
                Err(error) => Err(error),
            },
            Known::Unknown(name, _) if self.refuses_second(order, &name) => Ok(None),
            Known::Unknown(_, left) => not_yet(
                ErrorKind::Unavailable,
                "the outcome of an earlier create is unknown, and a list may not show its host yet: nothing is created until it would"
                    .to_owned(),
                left,
            )
            .map_err(|error| error.with_may_exist(true)),
        }
    }

    /// Goes on with a host that an earlier call made.
    async fn adopt(&self, order: &Order, found: ProvisionedHost) -> Result<ProvisionedHost> {
        let id = found.id.clone();
        if found.status == HostStatus::Deleting || self.memory.is_dying(&id) {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!(
                    "host `{}` of this name or key is being deleted: call again when it is gone",
                    id.to_text()
                ),
            ));
        }
        let asked_for = found.labels.get(REQUEST_LABEL);
        let origin = match asked_for.is_none() || asked_for == order.labels.get(REQUEST_LABEL) {
            true => Origin::Adopted,
            false => Origin::AdoptedDifferent,
        };
        let completed = match found.status {
            HostStatus::Failed => Ok(found),
            _ => self.cloud.complete(order, found, Made::Earlier).await,
        };
        match completed {
            Ok(mut host) => {
                host.origin = Some(origin);
                Ok(host)
            }
            Err(error) => Err(error.with_host(id)),
        }
    }

    /// Does what is left to do for a new host, or takes it back: one that has more ports open than asked for must not stay.
    async fn finish(&self, order: &Order, host: ProvisionedHost) -> Result<ProvisionedHost> {
        let (id, made) = (host.id.clone(), host.clone());
        let error = match self.cloud.complete(order, host, Made::Now).await {
            Ok(mut host) => {
                host.origin = Some(Origin::Created);
                return Ok(host);
            }
            Err(error) => error.with_order(order),
        };
        if error.is_retryable() || error.host().is_some() {
            return Err(error
                .context("the host was created, but not everything for it was done")
                .with_host(id));
        }
        match self.remove_known(&made).await {
            Ok(removed) => {
                Err(if removed.is_over() {
                    error.context("the new host was removed again, because not everything for it could be done")
                } else {
                    // Until the deletion is over something of it is left.
                    error
                        .context("the new host is being removed again, because not everything for it could be done")
                        .with_host(id)
                })
            }
            Err(_) => Err(error
                .context("not everything could be done for the new host, and removing it failed, too")
                .with_host(id)),
        }
    }

    /// The name is taken: by the host of the same key that lists did not show yet, or by another one.
    async fn taken(&self, order: &Order, refused: Error) -> Result<ProvisionedHost> {
        let region = Some(order.region.as_str());
        let named = self.cloud.hosts(Find::Name(&order.name), region).await?;
        let Some(found) = named.into_iter().find(|host| host.name == order.name.as_str()) else {
            let wait = self.cloud.info().visible_within;
            return Err(refused
                .with_kind(ErrorKind::Conflict)
                .context("the name is taken by a host that is not shown yet, or no longer: try again in a while")
                .with_retry_after(Some(wait.min(NAME_TAKEN_WAIT))));
        };
        self.not_free(order, found, refused).await
    }

    /// Goes on with the host that has the name, or says whose it is.
    async fn not_free(&self, order: &Order, found: ProvisionedHost, refused: Error) -> Result<ProvisionedHost> {
        if found.labels.has_key(&order.key) || found.status == HostStatus::Deleting {
            return self.adopt(order, found).await;
        }
        let id = found.id.to_text();
        Err(match found.labels.is_managed() {
            true => refused.context(format!(
                "host `{id}` has the name `{}` and was made with another key: choose another name, delete that host, or use its key",
                order.name
            )),
            false => refused.context(format!(
                "the name `{}` is taken by `{id}`, which was not made by this tool: choose another name",
                order.name
            )),
        })
    }

    /// Hosts of the regions that a filter names.
    async fn sweep(&self, find: Find<'_>, filter: &RegionFilter) -> Result<Vec<ProvisionedHost>> {
        let home = self.cloud.home_region();
        match filter {
            RegionFilter::Only(region) => {
                let region = self.cloud.region(region)?;
                let mut hosts = self.cloud.hosts(find, Some(&region)).await?;
                hosts.retain(|host| host.region.as_deref() == Some(region.as_str()));
                Ok(hosts)
            }
            _ if self.cloud.info().capabilities.lists_all_regions => self.cloud.hosts(find, None).await,
            RegionFilter::Default => self.cloud.hosts(find, Some(&self.cloud.region(home)?)).await,
            RegionFilter::All => {
                let home = self.cloud.region(home)?;
                // A rejected credential or a rate limit shows before all others are asked at the same time.
                let mut hosts = self.cloud.hosts(find, Some(&home)).await?;
                if let Find::Address(ip) = find
                    && hosts.iter().any(|host| host.ip == Some(ip) && host.labels.is_managed())
                {
                    return Ok(hosts);
                }
                let regions = self.cloud.regions().await?;
                let others = regions.iter().filter(|region| region.id != home);
                for more in try_join_all(others.map(|region| self.cloud.hosts(find, Some(&region.id)))).await? {
                    hosts.extend(more);
                }
                Ok(hosts)
            }
        }
    }

    async fn find_by_ip(&self, ip: IpAddr, region: &RegionFilter) -> Result<ProvisionedHost> {
        let mut hosts = self.sweep(Find::Address(ip), region).await?;
        hosts.retain(|host| host.ip == Some(ip) && host.labels.is_managed());
        match (hosts.pop(), hosts.pop()) {
            (Some(host), None) => Ok(host),
            (Some(one), Some(other)) => Err(Error::invalid(format!(
                "hosts `{}` and `{}` both have the address {ip}: delete by id",
                one.id.to_text(),
                other.id.to_text()
            ))),
            (None, _) => Err(Error::no_host_with_ip(ip)),
        }
    }

    async fn remove(&self, id: &HostId) -> Result<Deletion> {
        Ok(self.removed(id, self.cloud.remove(id).await?))
    }

    async fn remove_known(&self, host: &ProvisionedHost) -> Result<Deletion> {
        Ok(self.removed(&host.id, self.cloud.remove_known(host).await?))
    }

    fn removed(&self, id: &HostId, removed: Deletion) -> Deletion {
        if removed == Deletion::NotFound && self.memory.recent(id).is_some() {
            // Too new for the cloud to know it everywhere: it is not gone.
            return Deletion::InProgress;
        }
        self.memory.is_being_deleted(id, removed.is_over());
        removed
    }

    async fn remove_leftovers(&self, key: &IdempotencyKey, filter: &RegionFilter) -> Result<Deletion> {
        let home = self.cloud.region(self.cloud.home_region())?;
        let regions = match filter {
            RegionFilter::Only(region) => vec![self.cloud.region(region)?],
            RegionFilter::All if !self.cloud.info().capabilities.lists_all_regions => self
                .cloud
                .regions()
                .await?
                .into_iter()
                .map(|region| region.id)
                .collect(),
            _ => vec![home],
        };
        let removed = regions.iter().map(|region| self.cloud.remove_leftovers(key, region));
        let removed = try_join_all(removed).await?;
        Ok(match removed {
            all if all.contains(&Deletion::InProgress) => Deletion::InProgress,
            all if all.contains(&Deletion::Removed) => Deletion::Removed,
            _ => Deletion::NotFound,
        })
    }

    async fn keep_oldest(&self, host: &ProvisionedHost) -> Result<Settled> {
        let alone = |certain| Settled {
            host: host.clone(),
            duplicates: Vec::new(),
            certain,
        };
        let Some(hash) = host.labels.key_hash() else {
            return Ok(alone(true));
        };
        let region = host.region.as_deref().unwrap_or(self.cloud.home_region());
        let mut found = self.with_key(hash, region).await?;
        found.retain(|host| host.status != HostStatus::Deleting);
        // A list that shows a host shows every older one: vendors publish nothing about it, but each is known to show what it
        // accepted in the order in which it did. UNCONFIRMED.
        let certain = found.iter().any(|found| found.id == host.id);
        let Some(stays) = choose(found.clone()) else {
            return Ok(alone(false));
        };
        // A stale list may still show one that is gone: the others must not go for its sake.
        if certain && found.len() > 1 {
            match self.cloud.read(&stays.id).await {
                Ok(now) if now.status != HostStatus::Deleting => {}
                Ok(_) => return Ok(alone(false)),
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(alone(false)),
                Err(error) => return Err(error),
            }
        }
        let mut duplicates = Vec::new();
        for other in found.into_iter().filter(|other| certain && other.id != stays.id) {
            match self.remove_known(&other).await {
                Ok(removed) if removed.is_over() => {}
                Ok(_) => duplicates.push(other.id),
                Err(error) if error.is_retryable() => duplicates.push(other.id),
                Err(error) => {
                    return Err(error
                        .context("a second host with the same key could not be deleted")
                        .with_host(other.id));
                }
            }
        }
        Ok(Settled {
            host: self.completed(hash, host, stays).await?,
            duplicates,
            certain,
        })
    }

    /// The host that stays may be another caller's who never came to complete it, such as one that lost the answer to its create:
    /// its ports would stay open. Who settles for it knows what was asked for.
    async fn completed(&self, hash: &str, asked: &ProvisionedHost, stays: ProvisionedHost) -> Result<ProvisionedHost> {
        let waits = asked.id != stays.id && stays.status != HostStatus::Failed;
        match self.memory.order(hash).filter(|_| waits) {
            Some(order) => {
                let id = stays.id.clone();
                let completed = self.cloud.complete(&order, stays, Made::Earlier).await;
                completed.map_err(|error| error.with_host(id))
            }
            None => Ok(stays),
        }
    }

    async fn read_catalog(&self, query: &CatalogQuery) -> Result<Catalog> {
        let mut catalog = Catalog::default();
        let mut region = None;
        // The list of regions also tells whether the wanted one exists.
        if query.wants(CatalogSection::Regions) || query.region().is_some() {
            let regions = self.cloud.regions().await?;
            if let Some(wanted) = query.region() {
                region = Some(known_region(&regions, wanted)?);
            }
            if query.wants(CatalogSection::Regions) {
                catalog.regions = regions;
            }
        }
        if query.wants(CatalogSection::Plans) {
            catalog.plans = self.cloud.plans(region.as_deref()).await?;
            let region = region.as_deref().unwrap_or(self.cloud.home_region());
            for plan in &mut catalog.plans {
                plan.check_price(self.cloud.info(), region);
            }
        }
        if query.wants(CatalogSection::Images) {
            catalog.images = self.cloud.images(region.as_deref()).await?;
        }
        Ok(catalog.sorted())
    }

    /// Says in an error whose it is and what was tried, where nobody has yet.
    fn named<T>(&self, operation: &'static str, result: Result<T>) -> Result<T> {
        result.map_err(|error| {
            let error = match error.provider() {
                Some(_) => error,
                None => error.with_provider(self.cloud.info().id),
            };
            let error = match self.cloud.hint() {
                Some(hint) if !error.message().contains(hint) => error.hint(hint),
                _ => error,
            };
            match error.operation() {
                Some(_) => error,
                None => error.with_operation(operation),
            }
        })
    }
}

/// A name that is taken and not shown is looked for again soon: only the list lags, the cloud itself makes no second host.
const NAME_TAKEN_WAIT: std::time::Duration = std::time::Duration::from_secs(2);

/// The host that stays of several with one key: one that lives rather than one that failed or dies, and then the oldest. The
/// same for everybody who sees the same hosts.
fn choose(hosts: Vec<ProvisionedHost>) -> Option<ProvisionedHost> {
    let fitness = |host: &ProvisionedHost| match host.status {
        HostStatus::Deleting => 0,
        HostStatus::Failed => 1,
        _ => 2,
    };
    let age = |host: &ProvisionedHost| host.created.unwrap_or(SystemTime::UNIX_EPOCH);
    hosts
        .into_iter()
        .min_by(|a, b| (Reverse(fitness(a)), age(a), &a.id).cmp(&(Reverse(fitness(b)), age(b), &b.id)))
}

fn has_key(hash: &str) -> impl Fn(&ProvisionedHost) -> bool {
    move |host| host.labels.key_hash() == Some(hash)
}

fn taken(order: &Order) -> Error {
    Error::new(ErrorKind::AlreadyExists, format!("the name `{}` is taken", order.name))
}

fn known_region(regions: &[Region], wanted: &str) -> Result<String> {
    let known = regions.iter().find(|known| known.id.eq_ignore_ascii_case(wanted));
    known.map(|known| known.id.clone()).ok_or_else(|| {
        let known: Vec<&str> = regions.iter().map(|known| known.id.as_str()).collect();
        Error::unknown_region(wanted, &known)
    })
}

#[async_trait]
impl<C: Cloud> Provisioner for Hosted<C> {
    fn info(&self) -> &'static ProviderInfo {
        self.cloud.info()
    }

    async fn provision(&self, host: &BasicHost) -> Result<ProvisionedHost> {
        self.named("provision", self.make(host).await)
    }

    async fn status(&self, id: &HostId) -> Result<ProvisionedHost> {
        let read = match self.cloud.read(id).await {
            // Too new for the cloud to know it everywhere.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.memory.recent(id).ok_or_else(|| Error::host_not_found(id))
            }
            other => other,
        };
        self.named("status", read)
    }

    async fn delete(&self, request: &HostDeleteRequest) -> Result<Deletion> {
        let removed = async {
            match request {
                HostDeleteRequest::Id(id) => self.remove(id).await,
                HostDeleteRequest::Ip { ip, region } => self.remove_known(&self.find_by_ip(*ip, region).await?).await,
            }
        };
        self.named("delete", removed.await)
    }

    async fn delete_leftovers(&self, key: &IdempotencyKey, region: &RegionFilter) -> Result<Deletion> {
        self.named("delete leftovers", self.remove_leftovers(key, region).await)
    }

    async fn settle(&self, host: &ProvisionedHost) -> Result<Settled> {
        self.named("settle", self.keep_oldest(host).await)
    }

    async fn list(&self, filter: &ListFilter) -> Result<Vec<ProvisionedHost>> {
        let listed = async {
            let mut filter = filter.clone();
            if let RegionFilter::Only(region) = &mut filter.region {
                *region = self.cloud.region(region)?;
            }
            let find = filter.key_hash.as_deref().map_or(Find::Ours, Find::Key);
            let mut hosts = self.sweep(find, &filter.region).await?;
            hosts.retain(|host| filter.matches(host));
            Ok(hosts)
        };
        self.named("list", listed.await)
    }

    async fn catalog(&self, query: &CatalogQuery) -> Result<Catalog> {
        self.named("catalog", self.read_catalog(query).await)
    }
}
