use std::sync::Arc;

use provision_core::{
    BasicHost, Catalog, CatalogQuery, CatalogSection, Deletion, Error, ErrorKind, ExposeSecret, HostDeleteRequest,
    HostId, IdempotencyKey, ListFilter, ProviderInfo, ProvisionedHost, Provisioner, RegionFilter, Result, Settings,
    async_trait,
};
use provision_http::{Client, Transport};

use crate::{
    config::{self, Config, INFO},
    error::VENDOR,
    request,
    response::{DiskImage, Instance, RegionEntry, Size},
    script::script,
};

/// Civo as a [`Provisioner`]. Clones share the connection pool.
#[derive(Debug, Clone)]
pub struct Civo {
    pub(crate) client: Client,
    pub(crate) config: Config,
}

impl Civo {
    /// Static facts about the provider.
    pub const INFO: &'static ProviderInfo = &INFO;

    /// A provider with checked settings that sends its requests over `transport`.
    ///
    /// # Errors
    /// `InvalidRequest` when the token holds characters that no token has.
    pub fn new(config: Config, transport: Arc<dyn Transport>) -> Result<Self> {
        let client = Client::builder(VENDOR, transport)
            .secret_header("authorization", Some("bearer"), config.token.expose_secret())?
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

    /// The vendor's id and the region. A bare id is looked for in the configured region.
    fn parse<'a>(&'a self, id: &'a HostId) -> Result<(&'a str, String)> {
        let mut parts = id.parts();
        let (uuid, region, more) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
        if more.is_some() {
            let message = format!("{:?} is not a host id of Civo: it must be `uuid|region`", id.as_str());
            return Err(Error::invalid(message).with_provider(INFO.id));
        }
        Ok((
            HostId::check_uuid(uuid)?,
            config::region(region.unwrap_or(&self.config.region))?,
        ))
    }
}

#[async_trait]
impl Provisioner for Civo {
    fn info(&self) -> &'static ProviderInfo {
        &INFO
    }

    async fn provision(&self, host: &BasicHost) -> Result<ProvisionedHost> {
        INFO.check(host)?;
        request::check(host)?;
        let region = config::region(host.region.as_deref().unwrap_or(&self.config.region))?;
        let image = host.image.as_deref().unwrap_or(INFO.default_image);
        let script = script(&host.user_data, image)?;
        let created = self.create(host, &region, image, &script).await;
        created.map_err(|error| {
            let mut wish = host.clone();
            wish.region = Some(region);
            error.asked_for(&INFO, &wish)
        })
    }

    async fn status(&self, id: &HostId) -> Result<ProvisionedHost> {
        let (uuid, region) = self.parse(id)?;
        let get = request::get_instance(&self.config.endpoint, uuid, &region);
        match self.client.send(get).await {
            Ok(answer) => answer.json::<Instance>()?.into_host(&region),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(Error::host_not_found(id).with_provider(INFO.id)),
            Err(error) => Err(error),
        }
    }

    async fn delete(&self, request: &HostDeleteRequest) -> Result<Deletion> {
        match request {
            HostDeleteRequest::Id(id) => {
                let (uuid, region) = self.parse(id)?;
                self.delete_by_uuid(uuid, &region).await
            }
            HostDeleteRequest::Ip { ip, region } => self.delete_by_ip(*ip, region).await,
            _ => Err(
                Error::new(ErrorKind::Unsupported, "this way to name a host is not supported").with_provider(INFO.id),
            ),
        }
    }

    async fn delete_leftovers(&self, key: &IdempotencyKey, region: &RegionFilter) -> Result<Deletion> {
        let mut left = Deletion::Removed;
        for region in self.regions_of(region).await? {
            if !self.delete_new_firewall(key, &region).await? {
                left = Deletion::InProgress;
            }
        }
        Ok(left)
    }

    async fn list(&self, filter: &ListFilter) -> Result<Vec<ProvisionedHost>> {
        let mut filter = filter.clone();
        let regions = self.regions_of(&filter.region).await?;
        if let (RegionFilter::Only(wanted), Some(region)) = (&mut filter.region, regions.first()) {
            wanted.clone_from(region);
        }
        let mut hosts = Vec::new();
        for region in &regions {
            for instance in self.instances(region).await? {
                // What is not ours need not be understood.
                if instance.labels().is_managed() {
                    hosts.push(instance.into_host(region)?);
                }
            }
        }
        hosts.retain(|host| filter.matches(host));
        Ok(hosts)
    }

    async fn catalog(&self, query: &CatalogQuery) -> Result<Catalog> {
        let endpoint = &self.config.endpoint;
        let mut catalog = Catalog::default();
        let mut region = self.config.region.clone();
        // The list of regions also tells whether the wanted one exists.
        if query.wants(CatalogSection::Regions) || query.wanted_region().is_some() {
            let regions: Vec<_> = self
                .regions()
                .await?
                .into_iter()
                .map(RegionEntry::into_region)
                .collect();
            if let Some(wanted) = query.wanted_region() {
                let found = regions.iter().find(|known| known.id.eq_ignore_ascii_case(wanted));
                region = found.map(|found| found.id.clone()).ok_or_else(|| {
                    let known: Vec<&str> = regions.iter().map(|known| known.id.as_str()).collect();
                    Error::unknown_region(wanted, &known).with_provider(INFO.id)
                })?;
            }
            if query.wants(CatalogSection::Regions) {
                catalog.regions = regions;
            }
        }
        if query.wants(CatalogSection::Plans) {
            let sizes: Vec<Size> = self.client.send(request::list_sizes(endpoint, &region)).await?.json()?;
            catalog.plans = sizes
                .into_iter()
                .filter(Size::is_for_instances)
                .map(Size::into_plan)
                .collect();
        }
        if query.wants(CatalogSection::Images) {
            let images: Vec<DiskImage> = self
                .client
                .send(request::list_disk_images(endpoint, &region))
                .await?
                .json()?;
            catalog.images = images
                .into_iter()
                .filter(DiskImage::is_available)
                .map(DiskImage::into_image)
                .collect();
        }
        Ok(catalog.sorted())
    }
}
