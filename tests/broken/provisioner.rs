use std::{collections::BTreeMap, fmt, sync::Mutex, time::Duration};

use provision_core::{
    BasicHost, Catalog, CatalogQuery, Deletion, Error, ErrorKind, HostDeleteRequest, HostId, HostStatus,
    IdempotencyKey, Labels, ListFilter, OpenPorts, ProviderInfo, ProvisionedHost, Provisioner, RegionFilter, Result,
    Settings, UserData, async_trait,
};

/// What goes wrong inside a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    ActiveTooEarly,
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
    ForgetsLabels,
    GoneIsAnError,
    GoneIsDeleting,
    HidesYoungHosts,
    IgnoresFilter,
    IgnoresKey,
    IgnoresPorts,
    LeaksToken,
    LeavesLeftovers,
    LogsUserData,
    PollsUntilActive,
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
            Bug::IgnoresKey | Bug::RemembersKeysInMemory => host.key = None,
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
            _ => error,
        })
    }

    fn wants_again(&self, error: Option<&Error>) -> bool {
        matches!(
            (self.bug, error.map(Error::kind)),
            (Bug::TriesBadTokenAgain, Some(ErrorKind::Unauthorized))
                | (Bug::RetriesRateLimit, Some(ErrorKind::RateLimited))
        )
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
        let key = host.key.as_ref().map(|key| key.hash());
        if self.is(Bug::RemembersKeysInMemory)
            && let Some(known) = key
                .as_ref()
                .and_then(|key| self.known.lock().unwrap().get(key).cloned())
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
            host.key = None;
            result = result.or(self.inner.provision(&host).await);
        }
        if let Ok(created) = &result {
            if self.is(Bug::PollsUntilActive) {
                for _ in 0..5 {
                    let _ = self.inner.status(&created.id).await;
                }
            }
            if let Some(key) = key {
                self.known.lock().unwrap().insert(key, created.clone());
            }
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
        let gone_before = match request {
            HostDeleteRequest::Id(id) if self.is(Bug::GoneIsAnError) => self.inner.status(id).await.err(),
            _ => None,
        };
        let result = self.inner.delete(request).await;
        match (self.bug, result) {
            (Bug::GoneIsAnError, Ok(Deletion::Removed)) => match gone_before {
                Some(error) => Err(error),
                None => Ok(Deletion::Removed),
            },
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

    async fn list(&self, filter: &ListFilter) -> Result<Vec<ProvisionedHost>> {
        let all = ListFilter::all();
        let filter = if self.is(Bug::IgnoresFilter) { &all } else { filter };
        let mut hosts = self.retell(self.inner.list(filter).await)?;
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
        if self.is(Bug::UnsortedCatalog) {
            catalog.plans.reverse();
            catalog.regions.reverse();
        }
        Ok(catalog)
    }
}
