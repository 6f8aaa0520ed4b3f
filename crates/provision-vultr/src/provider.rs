use std::sync::Arc;

use provision_core::{
    BasicHost, Catalog, CatalogQuery, CatalogSection, Deletion, Error, ErrorKind, ExposeSecret, HostDeleteRequest,
    HostId, ListFilter, Plan, ProviderInfo, ProvisionedHost, Provisioner, Result, Settings, async_trait,
};
use provision_http::{Answer, Client, IdOrName, Request, Transport};

use crate::{
    config::{Config, INFO},
    error::VENDOR,
    request::{self, Find, Order},
    response::{
        Availability, Images, Instance, InstanceAnswer, Instances, OperatingSystem, Page, PlanEntry, Plans,
        RegionEntry, Regions,
    },
};

/// Vultr as a [`Provisioner`]. Clones share the connection pool.
#[derive(Debug, Clone)]
pub struct Vultr {
    client: Client,
    config: Config,
}

impl Vultr {
    /// Static facts about the provider.
    pub const INFO: &'static ProviderInfo = &INFO;

    /// A provider with checked settings that sends its requests over `transport`.
    ///
    /// # Errors
    /// `InvalidRequest` when the token holds characters that no token has.
    pub fn new(config: Config, transport: Arc<dyn Transport>) -> Result<Self> {
        let client = Client::builder(VENDOR, transport)
            .secret_header("authorization", Some("Bearer"), config.token.expose_secret())?
            .build();
        Ok(Self { client, config })
    }

    /// As [`new`](Self::new), from a flat map of settings; see [`INFO`](Self::INFO) for the names.
    ///
    /// # Errors
    /// As [`Config::from_settings`] and [`new`](Self::new).
    pub fn from_settings(settings: &Settings, transport: Arc<dyn Transport>) -> Result<Self> {
        Self::new(Config::from_settings(settings)?, transport)
    }

    /// All pages of a list. A cursor is only ever a parameter, so that no answer can send us elsewhere.
    async fn pages<P: Page>(&self, request: impl Fn(Option<&str>) -> Request + Send + Sync) -> Result<Vec<P::Item>>
    where
        P::Item: Send,
    {
        let read = |answer: &Answer, _page: usize| {
            let (items, next) = answer.json::<P>()?.into_parts();
            Ok((items, next.map(|cursor| request(Some(&cursor)))))
        };
        self.client.pages(request(None), read).await
    }

    async fn instances(&self, find: Find<'_>) -> Result<Vec<ProvisionedHost>> {
        let endpoint = &self.config.endpoint;
        let found = self
            .pages::<Instances>(|cursor| request::list_instances(endpoint, find, cursor))
            .await?;
        found.into_iter().map(Instance::into_host).collect()
    }

    /// The host that an earlier call with the same key made. Tags are compared in any case by the API, exactly here.
    async fn find_by_key(&self, host: &BasicHost) -> Result<Option<ProvisionedHost>> {
        let Some(key) = &host.key else { return Ok(None) };
        let found = self.instances(Find::Key(key)).await?;
        Ok(found.into_iter().find(|found| found.labels.has_key(key)))
    }

    async fn images(&self) -> Result<Vec<OperatingSystem>> {
        let endpoint = &self.config.endpoint;
        self.pages::<Images>(|cursor| request::list_images(endpoint, cursor))
            .await
    }

    /// The number of the image, where the order needs to know more about it.
    async fn look_up_image(&self, order: &Order<'_>) -> Result<Option<u64>> {
        let Some(wanted) = order.image_to_look_up() else {
            return Ok(None);
        };
        let known = self.images().await?.into_iter().find(|known| match wanted {
            IdOrName::Id(id) => known.id == id,
            IdOrName::Name(name) => known.name.eq_ignore_ascii_case(name),
        });
        let shown = match wanted {
            IdOrName::Id(id) => id.to_string(),
            IdOrName::Name(name) => name.to_owned(),
        };
        match known {
            None => Err(request::unknown_image(&shown)),
            Some(known) if order.restricts_ports() && !known.has_ufw() => Err(request::image_without_firewall(&shown)),
            Some(known) => Ok(Some(known.id)),
        }
    }

    /// The instance is all that there is to remove. Vultr accepts a deletion with 204 and shows the instance as missing
    /// right after; that is asked for, because only then is nothing left.
    async fn delete_by_id(&self, id: &HostId) -> Result<Deletion> {
        let (endpoint, uuid) = (&self.config.endpoint, request::instance_id(id)?);
        match self.client.send(request::delete_instance(endpoint, uuid)).await {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Deletion::Removed),
            Err(error) => return Err(error),
        }
        match self.client.send(request::get_instance(endpoint, uuid)).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Deletion::Removed),
            // Still there, or not to be known now: the deletion stands, and the next call looks again.
            Ok(_) | Err(_) => Ok(Deletion::InProgress),
        }
    }

    async fn regions(&self) -> Result<Vec<RegionEntry>> {
        let endpoint = &self.config.endpoint;
        self.pages::<Regions>(|cursor| request::list_regions(endpoint, cursor))
            .await
    }

    /// The plans with the prices and the stock of a region.
    async fn plans(&self, region: &str) -> Result<Vec<Plan>> {
        let endpoint = &self.config.endpoint;
        let plans = self
            .pages::<Plans>(|cursor| request::list_plans(endpoint, cursor))
            .await?;
        let stock: Availability = self
            .client
            .send(request::availability(endpoint, region))
            .await?
            .json()?;
        let offered = plans.into_iter().filter(PlanEntry::is_offered);
        Ok(offered
            .map(|plan| plan.into_plan(region, &stock.available_plans))
            .collect())
    }
}

#[async_trait]
impl Provisioner for Vultr {
    fn info(&self) -> &'static ProviderInfo {
        &INFO
    }

    async fn provision(&self, host: &BasicHost) -> Result<ProvisionedHost> {
        let order = Order::new(host)?;
        if let Some(found) = self.find_by_key(host).await? {
            return Ok(found);
        }
        let image = self.look_up_image(&order).await?;
        let create = order.request(&self.config.endpoint, image)?;
        let answer = self
            .client
            .send(create)
            .await
            .map_err(|error| error.asked_for(&INFO, host))?;
        answer.json::<InstanceAnswer>()?.instance.into_host()
    }

    async fn status(&self, id: &HostId) -> Result<ProvisionedHost> {
        let uuid = request::instance_id(id)?;
        match self
            .client
            .send(request::get_instance(&self.config.endpoint, uuid))
            .await
        {
            Ok(answer) => answer.json::<InstanceAnswer>()?.instance.into_host(),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(Error::host_not_found(id).with_provider(INFO.id)),
            Err(error) => Err(error),
        }
    }

    async fn delete(&self, request: &HostDeleteRequest) -> Result<Deletion> {
        match request {
            HostDeleteRequest::Id(id) => self.delete_by_id(id).await,
            HostDeleteRequest::Ip { ip, .. } => {
                let found = self.instances(Find::Address(*ip)).await?;
                let ours = |host: &ProvisionedHost| host.ip == Some(*ip) && host.labels.is_managed();
                match found.into_iter().find(ours) {
                    Some(host) => self.delete_by_id(&host.id).await,
                    None => Err(Error::no_host_with_ip(*ip).with_provider(INFO.id)),
                }
            }
            _ => Err(
                Error::new(ErrorKind::Unsupported, "this way to name a host is not supported").with_provider(INFO.id),
            ),
        }
    }

    async fn list(&self, filter: &ListFilter) -> Result<Vec<ProvisionedHost>> {
        let mut hosts = self.instances(Find::Ours).await?;
        hosts.retain(|host| filter.matches(host));
        Ok(hosts)
    }

    async fn catalog(&self, query: &CatalogQuery) -> Result<Catalog> {
        let mut catalog = Catalog::default();
        // The list of regions also tells whether the wanted one exists.
        if query.wants(CatalogSection::Regions) || query.wanted_region().is_some() {
            let regions = self.regions().await?;
            if let Some(wanted) = query.wanted_region()
                && !regions.iter().any(|known| known.id == wanted)
            {
                let known: Vec<&str> = regions.iter().map(|known| known.id.as_str()).collect();
                return Err(Error::unknown_region(wanted, &known).with_provider(INFO.id));
            }
            if query.wants(CatalogSection::Regions) {
                catalog.regions = regions.into_iter().map(RegionEntry::into_region).collect();
            }
        }
        if query.wants(CatalogSection::Plans) {
            let region = query.wanted_region().unwrap_or(INFO.default_region);
            catalog.plans = self.plans(region).await?;
        }
        if query.wants(CatalogSection::Images) {
            let images = self.images().await?.into_iter();
            catalog.images = images
                .filter(OperatingSystem::runs_user_data)
                .map(OperatingSystem::into_image)
                .collect();
        }
        Ok(catalog.sorted())
    }
}
