use std::{collections::BTreeMap, fmt, sync::Mutex, time::Duration};

use provision_core::{
    BasicHost, Catalog, CatalogQuery, Deletion, Error, ErrorKind, HostDeleteRequest, HostId, HostStatus,
    IdempotencyKey, Labels, ListFilter, OpenPorts, ProviderInfo, ProvisionedHost, Provisioner, RegionFilter, Result,
    Settings, Settled, UserData, async_trait,
};

/// What goes wrong inside a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    ActiveTooEarly,
    AdoptsTheDying,
    AsksBeforeChecking,
    BlocksTheThread,
    CompleteTooEarly,
    CutsUserData,
    DeletesTheWrongOne,
    DropsExtras,
    EmptyCatalog,
    EncodesUserDataTwice,
    FallsBackToDefaults,
    FirstPageOnly,
    ForbiddenIsEmpty,
    ForeignNotFoundIsGone,
    ForgetsLabels,
    GoneIsAnError,
    GoneIsDeleting,
    GuessesTheRegion,
    HidesYoungHosts,
    IgnoresFilter,
    IgnoresKey,
    IgnoresPorts,
    LeaksToken,
    LeavesLeftovers,
    LogsUserData,
    LosesTheId,
    NeverSettles,
    PollsUntilActive,
    PricesPlansWithoutAddress,
    ProvisionsAgain,
    QuotaIsInvalid,
    RateLimitIsGone,
    RateLimitIsNotFound,
    RemembersKeysInMemory,
    RenamesHosts,
    RetriesRateLimit,
    RetriesReads,
    SleepsInDelete,
    SleepsInStatus,
    SoldOutIsInvalid,
    TriesBadTokenAgain,
    UnauthorizedIsGone,
    UnknownRegionIsEmpty,
    UnsortedCatalog,
}

/// A real provider with one bug around it.
pub(crate) struct Broken {
    inner: Box<dyn Provisioner>,
    bug: Bug,
    secret: String,
    known: Mutex<BTreeMap<String, ProvisionedHost>>,
}

impl Broken {
    pub(crate) fn new(inner: Box<dyn Provisioner>, bug: Bug, settings: &Settings) -> Self {
        let secrets = inner.info().settings.iter().filter(|setting| setting.secret);
        let secret = secrets.into_iter().find_map(|setting| settings.get(setting.name));
        Self {
            secret: secret.unwrap_or_default().to_owned(),
            inner,
            bug,
            known: Mutex::new(BTreeMap::new()),
        }
    }

    fn is(&self, bug: Bug) -> bool {
        self.bug == bug
    }

    /// What is wrong with the request before it is carried out.
    fn spoil(&self, host: &mut BasicHost) {
        match self.bug {
            Bug::IgnoresKey | Bug::RemembersKeysInMemory => *host = host.clone().with_key(IdempotencyKey::random()),
            Bug::IgnoresPorts => host.ports = OpenPorts::All,
            Bug::ForgetsLabels => host.labels = Labels::new(),
            Bug::DropsExtras => host.additional.clear(),
            Bug::FallsBackToDefaults => (host.region, host.plan, host.image) = (None, None, None),
            Bug::CutsUserData => {
                let start: String = host.user_data.expose().chars().take(1000).collect();
                host.user_data = UserData::new(start).unwrap();
            }
            Bug::EncodesUserDataTwice => {
                host.user_data = UserData::new(format!("#!{}", host.user_data.to_base64())).unwrap();
            }
            Bug::RenamesHosts => host.name = "renamed".parse().unwrap(),
            Bug::LogsUserData => tracing::trace!(user_data = host.user_data.expose(), "creating"),
            Bug::BlocksTheThread => std::thread::sleep(Duration::from_millis(500)),
            _ => {}
        }
    }

    /// What is wrong with the error.
    fn retell<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|error| match (self.bug, error.kind()) {
            (Bug::RateLimitIsNotFound, ErrorKind::RateLimited) => error.with_kind(ErrorKind::NotFound),
            (Bug::SoldOutIsInvalid, ErrorKind::Capacity) | (Bug::QuotaIsInvalid, ErrorKind::Quota) => {
                error.with_kind(ErrorKind::InvalidRequest)
            }
            (Bug::LeaksToken, _) => error.context(&self.secret),
            (Bug::ForeignNotFoundIsGone, ErrorKind::UnexpectedResponse) if error.http_status() == Some(404) => {
                error.with_kind(ErrorKind::NotFound)
            }
            (Bug::LosesTheId, kind) => Error::new(kind, error.message()),
            _ => error,
        })
    }

    /// The id, with the default region where it lacks one.
    fn guess(&self, id: &HostId) -> HostId {
        if self.is(Bug::GuessesTheRegion) && id.parts().count() == 1 {
            return HostId::from_parts([id.as_str(), self.info().default_region]).unwrap();
        }
        id.clone()
    }

    fn wants_again(&self, error: Option<&Error>) -> bool {
        matches!(
            (self.bug, error.map(Error::kind)),
            (Bug::TriesBadTokenAgain, Some(ErrorKind::Unauthorized))
                | (Bug::RetriesRateLimit, Some(ErrorKind::RateLimited))
        )
    }
}

/// A provisioner that says of every host that it is the only one.
#[derive(Debug)]
struct Unsettled(&'static ProviderInfo);

#[async_trait]
impl Provisioner for Unsettled {
    fn info(&self) -> &'static ProviderInfo {
        self.0
    }
    async fn provision(&self, _host: &BasicHost) -> Result<ProvisionedHost> {
        unreachable!("only asked to settle")
    }
    async fn status(&self, _id: &HostId) -> Result<ProvisionedHost> {
        unreachable!("only asked to settle")
    }
    async fn delete(&self, _request: &HostDeleteRequest) -> Result<Deletion> {
        unreachable!("only asked to settle")
    }
    async fn list(&self, _filter: &ListFilter) -> Result<Vec<ProvisionedHost>> {
        unreachable!("only asked to settle")
    }
    async fn catalog(&self, _query: &CatalogQuery) -> Result<Catalog> {
        unreachable!("only asked to settle")
    }
}

impl fmt::Debug for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl Provisioner for Broken {
    fn info(&self) -> &'static ProviderInfo {
        self.inner.info()
    }

    async fn provision(&self, host: &BasicHost) -> Result<ProvisionedHost> {
        let asked = host.key();
        let key = asked.hash();
        if self.is(Bug::RemembersKeysInMemory)
            && let Some(known) = self.known.lock().unwrap().get(&key).cloned()
        {
            return Ok(known);
        }
        let mut host = host.clone();
        self.spoil(&mut host);
        let mut result = self.inner.provision(&host).await;
        if self.wants_again(result.as_ref().err()) {
            result = self.inner.provision(&host).await;
        }
        if self.is(Bug::ProvisionsAgain) && result.is_err() {
            host = host.with_key(IdempotencyKey::random());
            result = result.or(self.inner.provision(&host).await);
        }
        if let Ok(created) = &result {
            if self.is(Bug::PollsUntilActive) {
                for _ in 0..5 {
                    let _ = self.inner.status(&created.id).await;
                }
            }
            self.known.lock().unwrap().insert(key, created.clone());
        }
        if self.is(Bug::AdoptsTheDying)
            && result.as_ref().is_err_and(|error| error.kind() == ErrorKind::Conflict)
            && let Some(dying) = self.inner.list(&ListFilter::all().with_key(&asked)).await?.pop()
        {
            return Ok(dying);
        }
        self.retell(result)
    }

    async fn status(&self, id: &HostId) -> Result<ProvisionedHost> {
        if self.is(Bug::SleepsInStatus) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        if self.is(Bug::AsksBeforeChecking) {
            let _ = self.inner.list(&ListFilter::all()).await;
        }
        let id = &self.guess(id);
        let mut result = self.inner.status(id).await;
        let unavailable = result
            .as_ref()
            .is_err_and(|error| error.kind() == ErrorKind::Unavailable);
        if self.wants_again(result.as_ref().err()) || self.is(Bug::RetriesReads) && unavailable {
            result = self.inner.status(id).await;
        }
        match result {
            Ok(mut host) if self.is(Bug::ActiveTooEarly) => {
                host.status = HostStatus::Active;
                Ok(host)
            }
            Err(error) if self.is(Bug::GoneIsDeleting) && error.kind() == ErrorKind::NotFound => Ok(
                ProvisionedHost::new(self.info().id, id.clone(), "gone", HostStatus::Deleting, "gone"),
            ),
            other => self.retell(other),
        }
    }

    async fn delete(&self, request: &HostDeleteRequest) -> Result<Deletion> {
        if self.is(Bug::SleepsInDelete) {
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
        if self.is(Bug::DeletesTheWrongOne) && matches!(request, HostDeleteRequest::Ip { .. }) {
            let all = self.inner.list(&ListFilter::all()).await?;
            let newest = all.into_iter().max_by(|a, b| a.name.cmp(&b.name));
            return match newest {
                Some(host) => self.inner.delete(&host.id.into()).await.map(|_| Deletion::Removed),
                None => Ok(Deletion::Removed),
            };
        }
        let guessed = match request {
            HostDeleteRequest::Id(id) => self.guess(id).into(),
            other => other.clone(),
        };
        let result = self.inner.delete(&guessed).await;
        match (self.bug, result) {
            (Bug::GoneIsAnError, Ok(Deletion::NotFound)) => Err(Error::new(ErrorKind::NotFound, "no such host")),
            (Bug::ForbiddenIsEmpty, Err(error)) if error.kind() == ErrorKind::Forbidden => Ok(Deletion::NotFound),
            (Bug::CompleteTooEarly, Ok(_)) => Ok(Deletion::Removed),
            (Bug::UnauthorizedIsGone, Err(error)) if error.kind() == ErrorKind::Unauthorized => Ok(Deletion::Removed),
            (Bug::RateLimitIsGone, Err(error)) if error.kind() == ErrorKind::RateLimited => Ok(Deletion::Removed),
            (_, result) => self.retell(result),
        }
    }

    async fn delete_leftovers(&self, key: &IdempotencyKey, region: &RegionFilter) -> Result<Deletion> {
        if self.is(Bug::LeavesLeftovers) {
            return Ok(Deletion::Removed);
        }
        self.inner.delete_leftovers(key, region).await
    }

    async fn settle(&self, host: &ProvisionedHost) -> Result<Settled> {
        if self.is(Bug::NeverSettles) {
            return Provisioner::settle(&Unsettled(self.info()), host).await;
        }
        self.retell(self.inner.settle(host).await)
    }

    async fn list(&self, filter: &ListFilter) -> Result<Vec<ProvisionedHost>> {
        let all = ListFilter::all();
        let filter = if self.is(Bug::IgnoresFilter) { &all } else { filter };
        let listed = match self.inner.list(filter).await {
            Err(error) if self.is(Bug::ForbiddenIsEmpty) && error.kind() == ErrorKind::Forbidden => Ok(Vec::new()),
            other => other,
        };
        let mut hosts = self.retell(listed)?;
        if self.is(Bug::FirstPageOnly) {
            hosts.truncate(20);
        }
        if self.is(Bug::HidesYoungHosts) {
            hosts.retain(|host| host.status != HostStatus::Provisioning);
        }
        Ok(hosts)
    }

    async fn catalog(&self, query: &CatalogQuery) -> Result<Catalog> {
        if self.is(Bug::EmptyCatalog) {
            return Ok(Catalog::default());
        }
        let result = self.inner.catalog(query).await;
        if self.is(Bug::UnknownRegionIsEmpty) && result.is_err() {
            return Ok(Catalog::default());
        }
        let mut catalog = self.retell(result)?;
        if self.is(Bug::PricesPlansWithoutAddress) {
            for cost in catalog.plans.iter_mut().filter_map(|plan| plan.monthly_cost.as_mut()) {
                *cost -= 0.5;
            }
        }
        if self.is(Bug::UnsortedCatalog) {
            catalog.plans.reverse();
            catalog.regions.reverse();
        }
        Ok(catalog)
    }
}
