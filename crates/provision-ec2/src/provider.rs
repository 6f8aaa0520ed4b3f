use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures_util::future::try_join_all;
use provision_core::{
    BasicHost, Catalog, CatalogQuery, CatalogSection, Deletion, Error, ErrorKind, ExposeSecret, HostDeleteRequest,
    HostId, IdempotencyKey, ListFilter, ProviderInfo, ProvisionedHost, Provisioner, RegionFilter, Result, Settings,
    async_trait,
};
use provision_http::{Answer, Client, Transport};

use crate::{
    auth::{Credentials, Source},
    config::{Config, INFO, check_region},
    error::VENDOR,
    request::{self, HOST_TAG, IP_TAG, Order},
    response::{self, Instance},
    sign::Signer,
    steps::{Api, Known},
};

/// EC2 as a [`Provisioner`]. Clones share the connection pool.
#[derive(Debug, Clone)]
pub struct Ec2 {
    transport: Arc<dyn Transport>,
    source: Arc<Source>,
    config: Config,
    /// Hosts that were made here and not seen since: EC2 may deny a new instance for some seconds.
    unseen: Arc<Mutex<Vec<(Instant, ProvisionedHost)>>>,
}

/// How long a new instance may be denied by EC2 before it is believed. Usually it is seen within seconds:
/// <https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html>.
const UNSEEN: Duration = Duration::from_secs(60);

impl Ec2 {
    /// Static facts about the provider.
    pub const INFO: &'static ProviderInfo = &INFO;

    /// A provider with checked settings that sends its requests over `transport`.
    #[must_use]
    pub fn new(config: Config, transport: Arc<dyn Transport>) -> Self {
        Self {
            source: Arc::new(Source::new(config.credentials.clone(), &transport)),
            transport,
            config,
            unseen: Arc::default(),
        }
    }

    /// As [`new`](Self::new), from a flat map of settings; see [`INFO`](Self::INFO) for the names.
    ///
    /// # Errors
    /// As [`Config::from_settings`].
    pub fn from_settings(settings: &Settings, transport: Arc<dyn Transport>) -> Result<Self> {
        Ok(Self::new(Config::from_settings(settings)?, transport))
    }

    fn api(&self, region: &str) -> Result<Api> {
        let signer = Signer {
            source: self.source.clone(),
            region: region.to_owned(),
        };
        let mut client = Client::builder(VENDOR, self.transport.clone())
            .header("accept", "text/xml")?
            .authorizer(Arc::new(signer));
        #[cfg_attr(
            not(feature = "aws-config"),
            expect(irrefutable_let_patterns, reason = "there is a chain with the feature")
        )]
        if let Credentials::Keys(keys) = &self.config.credentials {
            client = client.redact(keys.secret_access_key.expose_secret());
            if let Some(token) = &keys.session_token {
                client = client.redact(token.expose_secret());
            }
        }
        Ok(Api {
            client: client.build(),
            endpoint: self.config.endpoint(region)?,
            region: region.to_owned(),
        })
    }

    /// The API of the region in an id, and the instance's own id.
    fn api_of<'a>(&self, id: &'a HostId) -> Result<(Api, &'a str)> {
        let parts: Vec<&str> = id.parts().collect();
        let (instance, region) = match parts.as_slice() {
            [instance] => (*instance, self.config.region.as_str()),
            [instance, region] => (*instance, *region),
            _ => ("", ""),
        };
        let hex = instance.strip_prefix("i-").unwrap_or_default();
        if !matches!(hex.len(), 8 | 17) || !hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            let message = format!(
                "{:?} is not a host id of EC2, such as `i-0a1b2c3d4e5f60718|us-east-1`",
                id.as_str()
            );
            return Err(Error::invalid(message).with_provider(INFO.id));
        }
        check_region(region)?;
        Ok((self.api(region)?, instance))
    }

    fn unseen(&self, id: &str) -> Option<ProvisionedHost> {
        let unseen = self.unseen.lock().unwrap_or_else(PoisonError::into_inner);
        let known = unseen
            .iter()
            .find(|(since, host)| since.elapsed() < UNSEEN && host.id.parts().next() == Some(id));
        known.map(|(_, host)| host.clone())
    }

    fn forget_unseen(&self, id: &str) {
        let mut unseen = self.unseen.lock().unwrap_or_else(PoisonError::into_inner);
        unseen.retain(|(since, host)| since.elapsed() < UNSEEN && host.id.parts().next() != Some(id));
    }

    fn remember_unseen(&self, host: &ProvisionedHost) {
        let mut unseen = self.unseen.lock().unwrap_or_else(PoisonError::into_inner);
        unseen.retain(|(since, _)| since.elapsed() < UNSEEN);
        unseen.push((Instant::now(), host.clone()));
    }

    async fn find(&self, api: &Api, id: &str) -> Result<Option<Instance>> {
        let found = match api.send(request::get_instance(&api.endpoint, id)).await {
            Ok(answer) => response::instances(&answer)?
                .0
                .into_iter()
                .find(|instance| instance.id == id),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        if found.is_some() {
            self.forget_unseen(id);
        }
        Ok(found)
    }

    /// Removes an instance that was just read, or what is left of it. Every step can be repeated.
    async fn remove(&self, api: &Api, id: &str, instance: Option<Instance>) -> Result<Deletion> {
        let gone = match &instance {
            Some(instance) if instance.is_ending() => {
                let left = api.drop_leftovers(id, instance.own_group()).await?;
                !left && instance.is_terminated()
            }
            None => {
                let left = api.drop_leftovers(id, None).await?;
                if left || self.unseen(id).is_some() {
                    // It is too new to be seen, or just vanished: something refers to its group.
                    api.terminate(id).await?;
                    false
                } else {
                    true
                }
            }
            Some(instance) => {
                api.drop_group_of(instance).await?;
                api.terminate(id).await?;
                false
            }
        };
        Ok(if gone { Deletion::Removed } else { Deletion::InProgress })
    }

    /// The regions of a filter; `All` are those that the account may use.
    async fn regions(&self, filter: &RegionFilter) -> Result<Vec<String>> {
        match filter {
            RegionFilter::Only(region) => {
                check_region(region)?;
                Ok(vec![region.clone()])
            }
            RegionFilter::All => {
                let api = self.api(&self.config.region)?;
                let regions = response::regions(&api.send(request::list_regions(&api.endpoint)).await?)?;
                Ok(regions.into_iter().map(|region| region.id).collect())
            }
            _ => Ok(vec![self.config.region.clone()]),
        }
    }

    /// Deletes by address in one region; `None` when nothing of ours has, or had, the address there.
    async fn delete_by_ip(&self, region: &str, ip: IpAddr) -> Result<Option<Deletion>> {
        let api = self.api(region)?;
        let found = api.instances(request::find_by_ip(&api.endpoint, ip)).await?;
        let ours = |instance: &Instance| instance.ip == Some(ip) && instance.labels().is_managed();
        if let Some(instance) = found.into_iter().find(ours) {
            let id = instance.id.clone();
            return self.remove(&api, &id, Some(instance)).await.map(Some);
        }
        let groups = api
            .groups(request::find_groups_by_tag(&api.endpoint, IP_TAG, &ip.to_string()))
            .await?;
        match groups.iter().find_map(|group| group.tag(HOST_TAG)) {
            Some(id) => self.remove(&api, id, self.find(&api, id).await?).await.map(Some),
            None => Ok(None),
        }
    }

    async fn list_region(&self, region: &str, filter: &ListFilter) -> Result<Vec<ProvisionedHost>> {
        let api = self.api(region)?;
        let read = |answer: &Answer, _| {
            let (items, next) = response::instances(answer)?;
            Ok((
                items,
                next.map(|next| request::list_instances(&api.endpoint, Some(&next))),
            ))
        };
        let instances = api
            .client
            .pages(request::list_instances(&api.endpoint, None), read)
            .await?;
        let mut hosts = Vec::with_capacity(instances.len());
        for instance in instances {
            self.forget_unseen(&instance.id);
            hosts.extend(instance.into_host(region)?.filter(|host| filter.matches(host)));
        }
        Ok(hosts)
    }
}

#[async_trait]
impl Provisioner for Ec2 {
    fn info(&self) -> &'static ProviderInfo {
        &INFO
    }

    async fn provision(&self, host: &BasicHost) -> Result<ProvisionedHost> {
        INFO.check(host)?;
        let order = Order::new(host, &self.config.region)?;
        let api = self.api(order.region)?;
        let known = api.find_by_key(&order).await?;
        let instance = match known {
            Known::Host(instance) => *instance,
            Known::Nothing { generation } => api.create(&order, generation).await?,
        };
        // Again for a host that is adopted: the earlier call may have ended before this.
        if let Some(group) = instance.own_group_id() {
            api.send(request::tag_group(&api.endpoint, group, &instance.id, None))
                .await?;
        }
        let id = instance.id.clone();
        let created = instance.into_host(order.region)?.ok_or_else(|| {
            Error::new(
                ErrorKind::Unavailable,
                format!("instance {id} was terminated as soon as it was made: try again"),
            )
            .with_provider(INFO.id)
        })?;
        self.remember_unseen(&created);
        Ok(created)
    }

    async fn status(&self, id: &HostId) -> Result<ProvisionedHost> {
        let (api, instance) = self.api_of(id)?;
        let found = match self.find(&api, instance).await? {
            Some(found) => found.into_host(&api.region)?,
            None => self.unseen(instance),
        };
        found.ok_or_else(|| Error::host_not_found(id).with_provider(INFO.id))
    }

    async fn delete(&self, request: &HostDeleteRequest) -> Result<Deletion> {
        match request {
            HostDeleteRequest::Id(id) => {
                let (api, instance) = self.api_of(id)?;
                let found = self.find(&api, instance).await?;
                self.remove(&api, instance, found).await
            }
            HostDeleteRequest::Ip { ip, region } => {
                let home = &self.config.region;
                let everywhere = *region == RegionFilter::All;
                // Most likely it is in the configured region, which saves asking for the others.
                if everywhere && let Some(deletion) = self.delete_by_ip(home, *ip).await? {
                    return Ok(deletion);
                }
                let regions = self.regions(region).await?;
                let left = regions.iter().filter(|region| !everywhere || *region != home);
                let found = try_join_all(left.map(|region| self.delete_by_ip(region, *ip))).await?;
                let found = found.into_iter().flatten().next();
                found.ok_or_else(|| Error::no_host_with_ip(*ip).with_provider(INFO.id))
            }
            _ => Err(
                Error::new(ErrorKind::Unsupported, "this way to name a host is not supported").with_provider(INFO.id),
            ),
        }
    }

    async fn delete_leftovers(&self, key: &IdempotencyKey, region: &RegionFilter) -> Result<Deletion> {
        let regions = self.regions(region).await?;
        let left = try_join_all(regions.iter().map(|region| async move {
            let api = self.api(region)?;
            api.drop_group_of_key(key).await
        }));
        Ok(match left.await?.contains(&true) {
            true => Deletion::InProgress,
            false => Deletion::Removed,
        })
    }

    async fn list(&self, filter: &ListFilter) -> Result<Vec<ProvisionedHost>> {
        let regions = self.regions(&filter.region).await?;
        let hosts = try_join_all(regions.iter().map(|region| self.list_region(region, filter))).await?;
        Ok(hosts.into_iter().flatten().collect())
    }

    async fn catalog(&self, query: &CatalogQuery) -> Result<Catalog> {
        let mut catalog = Catalog::default();
        let wanted = query.wanted_region();
        let region = wanted.unwrap_or(&self.config.region);
        check_region(region)?;
        // The list of regions also tells whether the wanted one exists.
        if query.wants(CatalogSection::Regions) || wanted.is_some() {
            let home = self.api(&self.config.region)?;
            let regions = response::regions(&home.send(request::list_regions(&home.endpoint)).await?)?;
            if !regions.iter().any(|known| known.id == region) {
                let known: Vec<&str> = regions.iter().map(|known| known.id.as_str()).collect();
                return Err(Error::unknown_region(region, &known).with_provider(INFO.id));
            }
            if query.wants(CatalogSection::Regions) {
                catalog.regions = regions;
            }
        }
        let api = self.api(region)?;
        if query.wants(CatalogSection::Plans) {
            let read = |answer: &Answer, _| {
                let (plans, next) = response::plans(answer, region)?;
                Ok((plans, next.map(|next| request::list_types(&api.endpoint, Some(&next)))))
            };
            catalog.plans = api.client.pages(request::list_types(&api.endpoint, None), read).await?;
        }
        if query.wants(CatalogSection::Images) {
            catalog.images = response::newest_images(&api.send(request::list_images(&api.endpoint, None)).await?)?;
            catalog.images.extend(response::default_images());
        }
        Ok(catalog.sorted())
    }
}
