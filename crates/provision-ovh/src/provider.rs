use std::sync::Arc;

use futures_util::future::{join3, try_join};
use provision_core::{
    Cloud, Deletion, Error, ErrorKind, ExposeSecret, Find, HostId, HostStatus, Hosted, Image, Order, Plan,
    ProviderInfo, ProvisionedHost, Region, Result, Settings, async_trait,
};
use provision_http::{Answer, Client, Request, Retry, Transport, http::Method};

use crate::{
    auth::{CloudTime, Keys},
    config::Config,
    error::{VENDOR, is_out_of_time},
    id::InstanceId,
    info::INFO,
    request::{self, Ids},
    response::{Flavor, Instance, PriceList, SshKey, SystemImage},
};

/// OVHcloud Public Cloud as a [`Cloud`]. Clones share the connection pool and what is known of the cloud's time.
#[derive(Debug, Clone)]
pub struct Ovh {
    client: Client,
    /// Without credentials: what everybody may read.
    public: Client,
    time: CloudTime,
    config: Config,
}

impl Ovh {
    /// Static facts about the provider.
    pub const INFO: &'static ProviderInfo = &INFO;

    /// A provider with checked settings that sends its requests over `transport`.
    ///
    /// # Errors
    /// None today; reserved for settings that only a client can refuse.
    pub fn new(config: Config, transport: Arc<dyn Transport>) -> Result<Hosted<Self>> {
        let clock = transport.clock();
        let time = CloudTime::new(clock.clone());
        let public = Client::builder(VENDOR, transport.clone()).build();
        let client = Client::builder(VENDOR, transport)
            .redact(config.application_secret.expose_secret())
            .redact(config.consumer_key.expose_secret())
            .authorizer(Arc::new(Keys::new(config.clone(), time.clone(), public.clone())))
            .build();
        let cloud = Self {
            client,
            public,
            time,
            config,
        };
        Ok(Hosted::new(cloud, clock))
    }

    /// As [`new`](Self::new), from a flat map of settings; see [`INFO`](Self::INFO) for the names.
    ///
    /// # Errors
    /// As [`Config::from_settings`] and [`new`](Self::new).
    pub fn from_settings(settings: &Settings, transport: Arc<dyn Transport>) -> Result<Hosted<Self>> {
        Self::new(Config::from_settings(settings)?, transport)
    }

    /// Sends a request. When its signature was refused for its time, the cloud's time is read anew and the request sent
    /// once more, unless it is a create: that is the caller's to repeat.
    async fn send(&self, request: Request) -> Result<Answer> {
        let harmless = request.retry_class() == Retry::Safe || request.method() == Method::DELETE;
        let again = harmless.then(|| request.clone());
        match self.client.send(request).await {
            Err(error) if is_out_of_time(&error) => {
                self.time.forget();
                match again {
                    Some(request) => self.client.send(request).await,
                    None => Err(error),
                }
            }
            other => other,
        }
    }

    /// What the names in an order mean in its region. What is a UUID already costs no request.
    async fn look_up(&self, order: &Order) -> Result<Ids> {
        let (flavor, image, ssh_key) = join3(self.flavor_id(order), self.image_id(order), self.ssh_key_id(order)).await;
        Ok(Ids {
            flavor: flavor?,
            image: image?,
            ssh_key: ssh_key?,
        })
    }

    async fn flavor_id(&self, order: &Order) -> Result<String> {
        if HostId::check_uuid(&order.plan).is_ok() {
            return Ok(order.plan.clone());
        }
        let flavors = self.flavors(&order.region).await?;
        let mut named = flavors.iter().filter(|flavor| flavor.name == order.plan).peekable();
        if named.peek().is_none() {
            let known = flavors.iter().map(|flavor| flavor.name.as_str());
            return Err(unknown("plan", &order.plan, &order.region, known));
        }
        let in_stock = named.find(|flavor| flavor.available != Some(false));
        in_stock.map(|flavor| flavor.id.clone()).ok_or_else(|| {
            Error::new(
                ErrorKind::Capacity,
                format!(
                    "plan `{}` is sold out in {}: choose another plan or region",
                    order.plan, order.region
                ),
            )
        })
    }

    async fn image_id(&self, order: &Order) -> Result<String> {
        if HostId::check_uuid(&order.image).is_ok() {
            return Ok(order.image.clone());
        }
        let images = self.system_images(&order.region).await?;
        let found = images.iter().find(|image| image.name == order.image);
        found.map(|image| image.id.clone()).ok_or_else(|| {
            let known = images.iter().map(|image| image.name.as_str());
            unknown("image", &order.image, &order.region, known)
        })
    }

    async fn ssh_key_id(&self, order: &Order) -> Result<Option<String>> {
        let Some(wanted) = order.ssh_keys.first() else {
            return Ok(None);
        };
        let keys: Vec<SshKey> = self.send(request::list_ssh_keys(&self.config)).await?.json()?;
        match keys.into_iter().find(|key| key.is_called(wanted)) {
            Some(key) => Ok(Some(key.id)),
            None => Err(Error::invalid(
                "the project has no such ssh key: add it to the project first, and name it by its name or id",
            )),
        }
    }

    /// The Linux flavors of a region.
    async fn flavors(&self, region: &str) -> Result<Vec<Flavor>> {
        let answer = self.send(request::list_flavors(&self.config, region)).await?;
        let mut flavors: Vec<Flavor> = answer.json()?;
        flavors.retain(Flavor::is_linux);
        Ok(flavors)
    }

    async fn system_images(&self, region: &str) -> Result<Vec<SystemImage>> {
        let answer = self.send(request::list_images(&self.config, region)).await?;
        let mut images: Vec<SystemImage> = answer.json()?;
        images.retain(SystemImage::is_active);
        Ok(images)
    }

    async fn region_names(&self) -> Result<Vec<String>> {
        self.send(request::list_regions(&self.config)).await?.json()
    }

    /// What a look-up in a region refused, or that there is no such region.
    async fn refused_in(&self, region: &str, refused: Error) -> Error {
        if refused.kind() != ErrorKind::InvalidRequest {
            return refused;
        }
        match self.region_names().await {
            Ok(known) if !known.iter().any(|known| known == region) => {
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                Error::unknown_region(region, &known)
                    .hint("a region that is missing can be activated in the control panel")
            }
            _ => refused,
        }
    }

    /// Removes an instance whose name the cloud changed: without its labels nothing would find it again.
    async fn take_back(&self, id: HostId) -> Error {
        let changed = Error::new(
            ErrorKind::UnexpectedResponse,
            "the cloud changed the name that carries its labels: use a shorter name and fewer labels, or report it",
        );
        match self.remove(&id).await {
            Ok(Deletion::InProgress | Deletion::Removed) => changed.context("the new instance was removed again"),
            // It was made a moment ago: whoever does not know it yet has not removed it.
            Ok(Deletion::NotFound) => changed
                .context("the new instance could not be removed again: delete it by its id")
                .with_host(id),
            Err(cause) => changed
                .context("the new instance could not be removed again: delete it by its id")
                .with_host(id)
                .with_source(cause),
        }
    }
}

#[async_trait]
impl Cloud for Ovh {
    fn info(&self) -> &'static ProviderInfo {
        &INFO
    }

    fn home_region(&self) -> &str {
        &self.config.region
    }

    fn check(&self, order: &Order) -> Result<()> {
        request::create_instance(&self.config, order, &Ids::asked_for(order)).map(|_| ())
    }

    async fn hosts(&self, _find: Find<'_>, region: Option<&str>) -> Result<Vec<ProvisionedHost>> {
        let answer = self.send(request::list_instances(&self.config, region)).await?;
        let instances = answer.json::<Vec<Instance>>()?.into_iter();
        let there = instances.filter(|instance| !instance.is_gone());
        there.map(|instance| instance.into_host(&self.config.project)).collect()
    }

    async fn create(&self, order: &Order) -> Result<ProvisionedHost> {
        let ids = match self.look_up(order).await {
            Ok(ids) => ids,
            Err(error) => return Err(self.refused_in(&order.region, error).await),
        };
        let create = request::create_instance(&self.config, order, &ids)?;
        let created: Instance = self.send(create).await?.json()?;
        let host = created.into_host(&self.config.project)?;
        match host.name == order.name.as_str() && host.labels == order.labels {
            true => Ok(host),
            false => Err(self.take_back(host.id).await),
        }
    }

    async fn read(&self, id: &HostId) -> Result<ProvisionedHost> {
        let wanted = InstanceId::read(id)?;
        let answer = self.send(request::get_instance(&self.config.endpoint, wanted)).await?;
        match answer.json::<Instance>()? {
            gone if gone.is_gone() => Err(Error::host_not_found(id)),
            found => found.into_host(wanted.project),
        }
    }

    /// One request removes an instance with its disk and addresses; nothing else was ever made for it.
    async fn remove(&self, id: &HostId) -> Result<Deletion> {
        let delete = request::delete_instance(&self.config.endpoint, InstanceId::read(id)?);
        let refused = match self.send(delete).await {
            Ok(_) => return Ok(Deletion::InProgress),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Deletion::NotFound),
            Err(error) if error.kind() == ErrorKind::Conflict => error,
            Err(error) => return Err(error),
        };
        // Being built, which may pass, or on its way out already.
        match self.read(id).await {
            Ok(host) if host.status == HostStatus::Deleting => Ok(Deletion::InProgress),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Deletion::NotFound),
            Ok(_) => Err(refused),
            Err(error) => Err(error),
        }
    }

    async fn regions(&self) -> Result<Vec<Region>> {
        let names = self.region_names().await?;
        Ok(names.into_iter().map(|name| Region::new(name, "")).collect())
    }

    async fn plans(&self, region: Option<&str>) -> Result<Vec<Plan>> {
        let region = region.unwrap_or(&self.config.region);
        let prices = async {
            self.public
                .send(request::read_prices(&self.config))
                .await?
                .json::<PriceList>()
        };
        let (flavors, prices) = try_join(self.flavors(region), prices).await?;
        let plans = flavors.into_iter().map(|flavor| flavor.into_plan(region, &prices));
        Ok(plans.collect())
    }

    async fn images(&self, region: Option<&str>) -> Result<Vec<Image>> {
        let images = self.system_images(region.unwrap_or(&self.config.region)).await?;
        let mut images: Vec<Image> = images.into_iter().map(SystemImage::into_image).collect();
        // A name may stand for several builds of an image.
        images.sort_by(|a, b| a.id.cmp(&b.id));
        images.dedup();
        Ok(images)
    }
}

/// A plan or image that the region does not have.
fn unknown<'a>(what: &str, name: &str, region: &str, known: impl Iterator<Item = &'a str>) -> Error {
    let mut known: Vec<&str> = known.collect();
    known.sort_unstable();
    known.dedup();
    let known = if known.is_empty() {
        "none".to_owned()
    } else {
        known.join(", ")
    };
    Error::invalid(format!("{what} {name:?} does not exist in {region}; known: {known}"))
}
