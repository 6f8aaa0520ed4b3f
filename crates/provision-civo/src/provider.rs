use std::sync::Arc;

use futures_util::future::{join, join_all, join3};
use provision_core::{
    Cloud, Deletion, Error, ErrorKind, Find, HostId, HostStatus, Hosted, IdempotencyKey, Image, Labels, Made, Order,
    Plan, PortRange, ProviderInfo, ProvisionedHost, Region, Result, Settings, async_trait,
};
use provision_http::{Client, Going, Request, Transport};

use crate::{
    config::Config,
    error::VENDOR,
    firewall, id,
    info::INFO,
    request::{self, Place},
    response::{self, DiskImage, Firewall, Instance, Instances, Network, NewFirewall, RegionEntry, Size},
};

/// Civo as a [`Cloud`]. Clones share the connection pool.
#[derive(Debug, Clone)]
pub struct Civo {
    client: Client,
    config: Config,
}

impl Civo {
    /// Static facts about the provider.
    pub const INFO: &'static ProviderInfo = &INFO;

    /// A provider with checked settings that sends its requests over `transport`.
    ///
    /// # Errors
    /// `InvalidRequest` when the token holds characters that no token has.
    pub fn new(config: Config, transport: Arc<dyn Transport>) -> Result<Hosted<Self>> {
        let clock = transport.clock();
        let client = Client::builder(VENDOR, transport).bearer(&config.token)?.build();
        Ok(Hosted::new(Self { client, config }, clock))
    }

    /// As [`new`](Self::new), from a flat map of settings; see [`INFO`](Self::INFO) for the names.
    ///
    /// # Errors
    /// As [`Config::from_settings`] and [`new`](Self::new).
    pub fn from_settings(settings: &Settings, transport: Arc<dyn Transport>) -> Result<Hosted<Self>> {
        Self::new(Config::from_settings(settings)?, transport)
    }
}

#[async_trait]
impl Cloud for Civo {
    fn info(&self) -> &'static ProviderInfo {
        &INFO
    }

    fn home_region(&self) -> &str {
        &self.config.region
    }

    fn region(&self, region: &str) -> Result<String> {
        id::region(region)
    }

    fn check(&self, order: &Order) -> Result<()> {
        // Wherever it is put.
        request::create_instance(&self.config.endpoint, order, &Place::default()).map(|_| ())
    }

    async fn hosts(&self, find: Find<'_>, region: Option<&str>) -> Result<Vec<ProvisionedHost>> {
        let region = self.here(region);
        let list = |page| request::list_instances(&self.config.endpoint, region, page);
        let mut instances = self.client.numbered_pages::<Instances>(list).await?;
        // What is not asked for need not be understood.
        instances.retain(|instance| match find {
            Find::Name(name) => instance.is_named(name.as_str()),
            _ => instance.labels().is_managed(),
        });
        instances
            .into_iter()
            .map(|instance| instance.into_host(region))
            .collect()
    }

    async fn create(&self, order: &Order) -> Result<ProvisionedHost> {
        let (image, network, known) = join3(
            self.image_id(order),
            self.network_id(order),
            self.known_firewalls(order),
        )
        .await;
        let (image, network, known) = (image?, network?, known?);
        let firewall = match order.ports.restricted() {
            Some(ports) => Some(self.make_firewall(order, &network, ports, &known).await?),
            None => None,
        };
        let place = Place {
            network: &network,
            image: &image,
            firewall: firewall.as_deref(),
        };
        let create = request::create_instance(&self.config.endpoint, order, &place)?;
        match (self.make_instance(create, &order.region).await, firewall) {
            (Err(error), Some(firewall)) => Err(self.take_back(&firewall, &order.region, error).await),
            (made, _) => made,
        }
    }

    /// The host's firewall was made before it; from now on the host's id leads to it.
    async fn complete(&self, _order: &Order, host: ProvisionedHost, _made: Made) -> Result<ProvisionedHost> {
        let (uuid, region) = id::parse(&host.id)?;
        match self.name_firewall(uuid, &region, &host.labels).await {
            Ok(()) => Ok(host),
            // Somebody else answered. The host is what was asked for, and `remove` names its firewall as well.
            Err(error) if error.kind() == ErrorKind::UnexpectedResponse => Ok(host),
            Err(error) => Err(error.with_host(host.id)),
        }
    }

    async fn read(&self, id: &HostId) -> Result<ProvisionedHost> {
        let (uuid, region) = id::parse(id)?;
        let get = request::get_instance(&self.config.endpoint, uuid, &region);
        self.client.send(get).await?.json::<Instance>()?.into_host(&region)
    }

    async fn remove(&self, id: &HostId) -> Result<Deletion> {
        let (uuid, region) = id::parse(id)?;
        let get = request::get_instance(&self.config.endpoint, uuid, &region);
        let Some(instance) = self.client.find::<Instance>(get).await? else {
            return self.remove_firewall_of(uuid, &region).await;
        };
        self.remove_instance(uuid, &region, instance.status(), &instance.labels())
            .await
    }

    async fn remove_known(&self, host: &ProvisionedHost) -> Result<Deletion> {
        let (uuid, region) = id::parse(&host.id)?;
        self.remove_instance(uuid, &region, host.status, &host.labels).await
    }

    async fn remove_leftovers(&self, key: &IdempotencyKey, region: &str) -> Result<Deletion> {
        let prefix = firewall::of_key(key);
        let mut left = self.firewalls(region).await?;
        left.retain(|firewall| firewall.name().starts_with(&prefix));
        let (used, unused): (Vec<_>, Vec<_>) = left.into_iter().partition(Firewall::is_used);
        let removed = self.remove_firewalls(&unused, region).await?;
        // A host that is being made or removed has one.
        Ok(if used.is_empty() { removed } else { Deletion::InProgress })
    }

    async fn regions(&self) -> Result<Vec<Region>> {
        let list = request::list_regions(&self.config.endpoint, &self.config.region);
        let regions = self.client.send(list).await?.json::<Vec<RegionEntry>>()?;
        let offered = regions.into_iter().filter(RegionEntry::has_instances);
        offered.map(RegionEntry::into_region).collect()
    }

    async fn plans(&self, region: Option<&str>) -> Result<Vec<Plan>> {
        let list = request::list_sizes(&self.config.endpoint, self.here(region));
        let sizes = self.client.send(list).await?.json::<Vec<Size>>()?;
        let offered = sizes.into_iter().filter(Size::is_for_instances);
        Ok(offered.map(Size::into_plan).collect())
    }

    async fn images(&self, region: Option<&str>) -> Result<Vec<Image>> {
        let images = self.disk_images(self.here(region)).await?.into_iter();
        let offered = images.filter(DiskImage::is_available);
        Ok(offered.map(DiskImage::into_image).collect())
    }
}

/// Instances and what they need.
impl Civo {
    fn here<'a>(&'a self, region: Option<&'a str>) -> &'a str {
        region.unwrap_or(&self.config.region)
    }

    async fn disk_images(&self, region: &str) -> Result<Vec<DiskImage>> {
        let list = request::list_disk_images(&self.config.endpoint, region);
        self.client.send(list).await?.json()
    }

    /// The id of the image in the region; an id is taken as it is.
    async fn image_id(&self, order: &Order) -> Result<String> {
        if HostId::check_uuid(&order.image).is_ok() {
            return Ok(order.image.clone());
        }
        let images = self.disk_images(&order.region).await?;
        response::image_id(images, &order.image, &order.region)
    }

    /// The network that was asked for, or the region's default one.
    async fn network_id(&self, order: &Order) -> Result<String> {
        if let Some(network) = order.extra("network") {
            return Ok(network.to_owned());
        }
        let list = request::list_networks(&self.config.endpoint, &order.region);
        let networks = self.client.send(list).await?.json::<Vec<Network>>()?;
        response::default_network(networks, &order.region)
    }

    async fn make_instance(&self, create: Request, region: &str) -> Result<ProvisionedHost> {
        let answer = self.client.send(create).await.map_err(|error| {
            // A code counts for more than the status: `out_of_capacity` comes with 503, and nothing was made.
            let open = matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::UnexpectedResponse);
            let may_exist = error.may_exist() && open;
            error.with_may_exist(may_exist)
        })?;
        let made = answer.json::<Instance>()?.into_host(region);
        // Whatever is wrong with the answer, there is a host.
        made.map_err(|error| answer.unexpected(error.message()))
    }

    /// Deletes an instance, and names its firewall after it side by side: a host that bills must not stay because of a
    /// firewall that does not.
    async fn remove_instance(&self, uuid: &str, region: &str, status: HostStatus, labels: &Labels) -> Result<Deletion> {
        let delete = async {
            match status {
                HostStatus::Deleting => Ok(Going::Accepted),
                _ => {
                    let delete = request::delete_instance(&self.config.endpoint, uuid, region);
                    self.client.remove(delete).await
                }
            }
        };
        let (named, deleted) = join(self.name_firewall(uuid, region, labels), delete).await;
        deleted?.accepted()?;
        named?;
        // Its firewall is still there, also when the instance went in between.
        Ok(Deletion::InProgress)
    }
}

/// The firewalls of hosts with restricted ports.
impl Civo {
    async fn firewalls(&self, region: &str) -> Result<Vec<Firewall>> {
        let list = request::list_firewalls(&self.config.endpoint, region);
        self.client.send(list).await?.json()
    }

    /// Those among which one for the order may be, left by an earlier call.
    async fn known_firewalls(&self, order: &Order) -> Result<Vec<Firewall>> {
        match order.ports.restricted() {
            Some(_) => self.firewalls(&order.region).await,
            None => Ok(Vec::new()),
        }
    }

    /// The id of a firewall for a host that is to be created: the one that an earlier call left, or a new one.
    async fn make_firewall(
        &self,
        order: &Order,
        network: &str,
        ports: &[PortRange],
        known: &[Firewall],
    ) -> Result<String> {
        let name = firewall::new_name(&order.key, &order.region, network, ports);
        let busy = "a host with this name or key is being created or removed: call again in a while";
        match known.iter().find(|firewall| firewall.name() == name) {
            Some(unused) if !unused.is_used() => return Ok(unused.id()?.to_owned()),
            // Its instance is not listed yet, or no longer.
            Some(_) => return Err(Error::new(ErrorKind::Conflict, busy)),
            None => {}
        }
        let create = request::create_firewall(&self.config.endpoint, &name, &order.region, network, ports)?;
        let answer = self.client.send(create).await.map_err(|error| match error.kind() {
            // The name is the firewall's, not the host's.
            ErrorKind::AlreadyExists => error.with_kind(ErrorKind::Conflict).context(busy),
            _ => error,
        })?;
        let id = answer.json::<NewFirewall>()?.id;
        match HostId::check_uuid(&id) {
            Ok(_) => Ok(id),
            Err(_) => Err(answer.unexpected("the cloud made a firewall and gave it no usable id: report it")),
        }
    }

    /// After a create that made no instance its firewall goes, unless the next call with the key needs it.
    async fn take_back(&self, firewall: &str, region: &str, error: Error) -> Error {
        if error.may_exist() || error.is_retryable() {
            return error;
        }
        let left = format!("firewall `{firewall}`, which is free of charge, is left");
        // The host that has the name is looked for at once, and may be the key's own.
        if error.kind() == ErrorKind::AlreadyExists {
            return error.hint(left);
        }
        let delete = request::delete_firewall(&self.config.endpoint, firewall, region);
        match self.client.remove(delete).await {
            Ok(Going::Gone | Going::Accepted) => error,
            Ok(Going::Busy(_)) | Err(_) => error.hint(left),
        }
    }

    /// Names the firewall that was made for an instance after it, so that the id leads to it when the instance is gone.
    async fn name_firewall(&self, uuid: &str, region: &str, labels: &Labels) -> Result<()> {
        let own = labels.get(firewall::LABEL).and_then(|own| HostId::check_uuid(own).ok());
        let Some(own) = own else { return Ok(()) };
        let rename = request::rename_firewall(&self.config.endpoint, own, region, &firewall::name_of(uuid))?;
        match self.client.send(rename).await {
            Ok(_) => Ok(()),
            // Only it can have that name already. UNCONFIRMED whether Civo refuses a name that stays the same.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::AlreadyExists) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Removes the firewall of an instance that is gone.
    async fn remove_firewall_of(&self, uuid: &str, region: &str) -> Result<Deletion> {
        let name = firewall::name_of(uuid);
        let mut left = self.firewalls(region).await?;
        left.retain(|firewall| firewall.name() == name);
        for used in left.iter().filter(|firewall| firewall.is_used()) {
            if self.pass_on(used.id()?, uuid, region).await? {
                return Ok(Deletion::Removed);
            }
        }
        self.remove_firewalls(&left, region).await
    }

    /// Two calls with one key at the same moment can put two hosts behind one firewall: when one is gone, it belongs to the
    /// other. Whether there is another.
    async fn pass_on(&self, firewall: &str, gone: &str, region: &str) -> Result<bool> {
        for host in self.hosts(Find::Ours, Some(region)).await? {
            let (uuid, region) = id::parse(&host.id)?;
            if uuid != gone && host.labels.get(firewall::LABEL) == Some(firewall) {
                self.name_firewall(uuid, &region, &host.labels).await?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Civo refuses to delete one that an instance uses, or that is still counted as used. Nothing looks for it again: only Civo's
    /// own word counts as success.
    async fn remove_firewalls(&self, left: &[Firewall], region: &str) -> Result<Deletion> {
        let deletes = left.iter().map(|firewall| async {
            let delete = request::delete_firewall(&self.config.endpoint, firewall.id()?, region);
            match self.client.send(delete).await {
                Ok(answer) => response::check_success(&answer).map(|()| Going::Accepted),
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(Going::Gone),
                Err(error) if error.kind() == ErrorKind::Conflict => Ok(Going::Busy(error)),
                Err(error) => Err(error),
            }
        });
        let going = join_all(deletes).await.into_iter().collect::<Result<Vec<_>>>()?;
        Ok(match () {
            () if going.iter().any(Going::is_busy) => Deletion::InProgress,
            () if going.iter().any(|going| !going.is_gone()) => Deletion::Removed,
            () => Deletion::NotFound,
        })
    }
}
