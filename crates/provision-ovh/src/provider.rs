use std::sync::Arc;

use provision_core::{
    BasicHost, Catalog, CatalogQuery, CatalogSection, Deletion, Error, ErrorKind, ExposeSecret, HostDeleteRequest,
    HostId, ListFilter, ProviderInfo, ProvisionedHost, Provisioner, RegionFilter, Result, Settings, async_trait,
};
use provision_http::{Answer, Client, Request, Retry, Transport, http::Method};

use crate::{
    auth::{CloudClock, Keys},
    config::{Config, INFO},
    error::{OUT_OF_TIME, VENDOR},
    request::{self, Order, Resolved},
    response::{self, Flavor, Instance, PriceList, SshKey, SystemImage},
};

/// OVHcloud Public Cloud as a [`Provisioner`]. Clones share the connection pool and what is known of the cloud's clock.
#[derive(Debug, Clone)]
pub struct Ovh {
    client: Client,
    /// Without credentials: what everybody may read.
    public: Client,
    clock: CloudClock,
    config: Config,
}

impl Ovh {
    /// Static facts about the provider.
    pub const INFO: &'static ProviderInfo = &INFO;

    /// A provider with checked settings that sends its requests over `transport`.
    ///
    /// # Errors
    /// None today; reserved for settings that only a client can refuse.
    pub fn new(config: Config, transport: Arc<dyn Transport>) -> Result<Self> {
        let public = Client::builder(VENDOR, transport.clone()).build();
        let clock = CloudClock::default();
        let client = Client::builder(VENDOR, transport)
            .redact(config.application_secret.expose_secret())
            .redact(config.consumer_key.expose_secret())
            .authorizer(Arc::new(Keys::new(config.clone(), clock.clone(), public.clone())))
            .build();
        Ok(Self {
            client,
            public,
            clock,
            config,
        })
    }

    /// As [`new`](Self::new), from a flat map of settings; see [`INFO`](Self::INFO) for the names.
    ///
    /// # Errors
    /// As [`Config::from_settings`] and [`new`](Self::new).
    pub fn from_settings(settings: &Settings, transport: Arc<dyn Transport>) -> Result<Self> {
        Self::new(Config::from_settings(settings)?, transport)
    }

    /// Sends a request. When its signature was refused for its time, the cloud's time is read anew and the request sent
    /// once more, unless it is a create: that is the caller's to repeat, with the same key.
    async fn send(&self, request: Request) -> Result<Answer> {
        let harmless = request.retry_class() == Retry::Safe || request.method() == Method::DELETE;
        let again = harmless.then(|| request.clone());
        match self.client.send(request).await {
            Err(error) if error.code() == Some(OUT_OF_TIME) => {
                self.clock.forget();
                match again {
                    Some(request) => self.client.send(request).await,
                    None => Err(error),
                }
            }
            other => other,
        }
    }

    async fn instances(&self, region: Option<&str>) -> Result<Vec<Instance>> {
        let answer = self.send(request::list_instances(&self.config, region)).await?;
        let mut instances: Vec<Instance> = answer.json()?;
        instances.retain(|instance| !instance.is_gone());
        Ok(instances)
    }

    /// The host that an earlier call with the same key made, in whatever region.
    async fn find_by_key(&self, host: &BasicHost) -> Result<Option<Instance>> {
        let Some(key) = &host.key else { return Ok(None) };
        let instances = self.instances(None).await?;
        Ok(instances.into_iter().find(|instance| instance.labels().has_key(key)))
    }

    async fn read_instance(&self, project: &str, instance: &str) -> Result<Instance> {
        self.send(request::get_instance(&self.config.endpoint, project, instance))
            .await?
            .json()
    }

    /// Ids of flavors, images and keys by their names in the order's region. What is a UUID already costs no request.
    async fn resolve(&self, order: &Order<'_>) -> Result<Resolved> {
        Ok(Resolved {
            flavor: self.flavor_id(order).await?,
            image: self.image_id(order).await?,
            ssh_key: match order.ssh_key {
                Some(key) => Some(self.ssh_key_id(key).await?),
                None => None,
            },
        })
    }

    async fn flavor_id(&self, order: &Order<'_>) -> Result<String> {
        if HostId::check_uuid(order.plan).is_ok() {
            return Ok(order.plan.to_owned());
        }
        let flavors = self.flavors(order.region).await?;
        if flavors.is_empty() {
            return Err(unknown_region(order.region, &self.regions().await?));
        }
        let mut named = flavors.iter().filter(|flavor| flavor.name == order.plan).peekable();
        if named.peek().is_none() {
            let known = flavors.iter().map(|flavor| flavor.name.as_str());
            return Err(unknown("plan", order.plan, order.region, known));
        }
        match named.find(|flavor| flavor.available != Some(false)) {
            Some(flavor) => Ok(flavor.id.clone()),
            None => Err(Error::new(
                ErrorKind::Capacity,
                format!(
                    "plan `{}` is sold out in {}: choose another plan or region",
                    order.plan, order.region
                ),
            )
            .with_provider(INFO.id)),
        }
    }

    async fn image_id(&self, order: &Order<'_>) -> Result<String> {
        if HostId::check_uuid(order.image).is_ok() {
            return Ok(order.image.to_owned());
        }
        let images = self.images(order.region).await?;
        match images.iter().find(|image| image.name == order.image) {
            Some(image) => Ok(image.id.clone()),
            None => {
                let known = images.iter().map(|image| image.name.as_str());
                Err(unknown("image", order.image, order.region, known))
            }
        }
    }

    async fn ssh_key_id(&self, wanted: &str) -> Result<String> {
        let keys: Vec<SshKey> = self.send(request::list_ssh_keys(&self.config)).await?.json()?;
        let found = keys.into_iter().find(|key| key.is_called(wanted));
        found.map(|key| key.id).ok_or_else(|| {
            Error::invalid(
                "the project has no such ssh key: add it to the project first, and name it by its name or id",
            )
            .with_provider(INFO.id)
        })
    }

    /// The Linux flavors of a region.
    async fn flavors(&self, region: &str) -> Result<Vec<Flavor>> {
        let answer = self
            .in_region(region, request::list_flavors(&self.config, region))
            .await?;
        let mut flavors: Vec<Flavor> = answer.json()?;
        flavors.retain(Flavor::is_linux);
        Ok(flavors)
    }

    async fn images(&self, region: &str) -> Result<Vec<SystemImage>> {
        let answer = self
            .in_region(region, request::list_images(&self.config, region))
            .await?;
        let mut images: Vec<SystemImage> = answer.json()?;
        images.retain(SystemImage::is_active);
        Ok(images)
    }

    /// Sends a request about a region; a refusal says which regions there are.
    async fn in_region(&self, region: &str, request: Request) -> Result<Answer> {
        match self.send(request).await {
            Err(error) if error.kind() == ErrorKind::InvalidRequest => {
                let regions = self.regions().await?;
                if regions.iter().any(|known| known == region) {
                    return Err(error);
                }
                Err(unknown_region(region, &regions))
            }
            other => other,
        }
    }

    async fn regions(&self) -> Result<Vec<String>> {
        self.send(request::list_regions(&self.config)).await?.json()
    }

    /// Removes an instance whose name the cloud changed: without its labels nothing would find it again.
    async fn take_back(&self, instance: &Instance) -> Error {
        let project = &self.config.project;
        let changed = "the cloud changed the name of the new instance, which carries its labels";
        let removed = self
            .send(request::delete_instance(&self.config.endpoint, project, &instance.id))
            .await;
        match removed {
            Ok(_) => Error::new(
                ErrorKind::UnexpectedResponse,
                format!("{changed}: it was removed again; use a shorter name and fewer labels, or report it"),
            ),
            // Not to be repeated, whatever kept it from being removed: nothing would find this instance by its key.
            Err(error) => error.with_kind(ErrorKind::UnexpectedResponse).context(format!(
                "{changed}, and removing it failed: delete host `{}|{project}`",
                instance.id
            )),
        }
        .with_provider(INFO.id)
    }

    /// One request removes an instance with its disk and addresses; nothing else was ever made for it.
    async fn delete_instance(&self, project: &str, instance: &str) -> Result<Deletion> {
        let delete = request::delete_instance(&self.config.endpoint, project, instance);
        let refused = match self.send(delete).await {
            Ok(_) => return Ok(Deletion::InProgress),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Deletion::Removed),
            Err(error) if error.kind() == ErrorKind::Conflict => error,
            Err(error) => return Err(error),
        };
        // Being built, which may pass, or on its way out already.
        match self.read_instance(project, instance).await {
            Ok(found) if found.is_gone() => Ok(Deletion::Removed),
            Ok(found) if found.is_deleting() => Ok(Deletion::InProgress),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Deletion::Removed),
            Ok(_) => Err(refused),
            Err(error) => Err(error),
        }
    }
}

#[async_trait]
impl Provisioner for Ovh {
    fn info(&self) -> &'static ProviderInfo {
        &INFO
    }

    async fn provision(&self, host: &BasicHost) -> Result<ProvisionedHost> {
        INFO.check(host)?;
        let order = Order::new(&self.config, host)?;
        let project = &self.config.project;
        if let Some(found) = self.find_by_key(host).await? {
            return found.into_host(project);
        }
        let resolved = self.resolve(&order).await?;
        let create = order.request(&self.config, &resolved)?;
        let created: Instance = self.send(create).await?.json()?;
        if created.name != order.name {
            return Err(self.take_back(&created).await);
        }
        created.into_host(project)
    }

    async fn status(&self, id: &HostId) -> Result<ProvisionedHost> {
        let (instance, project) = self.config.instance(id)?;
        match self.read_instance(project, instance).await {
            Ok(found) if found.is_gone() => Err(Error::host_not_found(id).with_provider(INFO.id)),
            Ok(found) => found.into_host(project),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(Error::host_not_found(id).with_provider(INFO.id)),
            Err(error) => Err(error),
        }
    }

    async fn delete(&self, request: &HostDeleteRequest) -> Result<Deletion> {
        match request {
            HostDeleteRequest::Id(id) => {
                let (instance, project) = self.config.instance(id)?;
                self.delete_instance(project, instance).await
            }
            HostDeleteRequest::Ip { ip, region } => {
                let instances = self.instances(only(region)).await?;
                let ours = |instance: &Instance| instance.labels().is_managed();
                let found = instances
                    .iter()
                    .find(|instance| ours(instance) && instance.public_addresses().contains(ip));
                match found {
                    Some(found) => self.delete_instance(&self.config.project, &found.id).await,
                    None => Err(Error::no_host_with_ip(*ip).with_provider(INFO.id)),
                }
            }
            _ => Err(
                Error::new(ErrorKind::Unsupported, "this way to name a host is not supported").with_provider(INFO.id),
            ),
        }
    }

    async fn list(&self, filter: &ListFilter) -> Result<Vec<ProvisionedHost>> {
        let instances = self.instances(only(&filter.region)).await?.into_iter();
        let ours = instances.filter(|instance| instance.labels().is_managed());
        ours.map(|instance| instance.into_host(&self.config.project))
            .filter(|host| host.as_ref().map_or(true, |host| filter.matches(host)))
            .collect()
    }

    async fn catalog(&self, query: &CatalogQuery) -> Result<Catalog> {
        let mut catalog = Catalog::default();
        let region = query.wanted_region().unwrap_or(&self.config.region);
        // The list of regions also tells whether the wanted one exists.
        if query.wants(CatalogSection::Regions) || query.wanted_region().is_some() {
            let regions = self.regions().await?;
            if query.wanted_region().is_some() && !regions.iter().any(|known| known == region) {
                return Err(unknown_region(region, &regions));
            }
            if query.wants(CatalogSection::Regions) {
                catalog.regions = regions.into_iter().map(response::region).collect();
            }
        }
        if query.wants(CatalogSection::Plans) {
            let flavors = self.flavors(region).await?;
            let prices: PriceList = self.public.send(request::read_prices(&self.config)).await?.json()?;
            catalog.plans = flavors
                .into_iter()
                .map(|flavor| flavor.into_plan(region, &prices))
                .collect();
        }
        if query.wants(CatalogSection::Images) {
            let images = self.images(region).await?;
            catalog.images = images.into_iter().map(SystemImage::into_image).collect();
        }
        let mut catalog = catalog.sorted();
        // A name may stand for several builds of an image.
        catalog.images.dedup();
        Ok(catalog)
    }
}

fn only(region: &RegionFilter) -> Option<&str> {
    match region {
        RegionFilter::Only(region) => Some(region),
        _ => None,
    }
}

fn unknown_region(region: &str, known: &[String]) -> Error {
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    Error::unknown_region(region, &known)
        .hint("a region that is missing can be activated in the control panel")
        .with_provider(INFO.id)
}

/// A plan or image that the region does not have.
fn unknown<'a>(what: &str, name: &str, region: &str, known: impl Iterator<Item = &'a str>) -> Error {
    let mut known: Vec<&str> = known.collect();
    known.sort_unstable();
    known.dedup();
    let known = known.join(", ");
    Error::invalid(format!("{what} {name:?} does not exist in {region}; known: {known}")).with_provider(INFO.id)
}
