use std::sync::Arc;

use provision_core::{
    Cloud, Deletion, ErrorKind, Find, HostId, Hosted, Image, Made, Order, Plan, ProviderInfo, ProvisionedHost, Region,
    Result, Settings, async_trait,
};
use provision_http::{Client, Going, Transport};

use crate::{
    config::Config,
    error::VENDOR,
    info::INFO,
    request,
    response::{DiskImage, Firewall, Instance, LinodeRegion, LinodeType, Page},
};

/// Linode as a [`Cloud`]. Clones share the connection pool.
#[derive(Debug, Clone)]
pub struct Linode {
    client: Client,
    /// Without the token, for what the API tells everybody.
    public: Client,
    config: Config,
}

impl Linode {
    /// Static facts about the provider.
    pub const INFO: &'static ProviderInfo = &INFO;

    /// A provider with checked settings that sends its requests over `transport`.
    ///
    /// # Errors
    /// `InvalidRequest` when the token holds characters that no token has.
    pub fn new(config: Config, transport: Arc<dyn Transport>) -> Result<Hosted<Self>> {
        let clock = transport.clock();
        let public = Client::builder(VENDOR, transport.clone()).build();
        let client = Client::builder(VENDOR, transport).bearer(&config.token)?.build();
        Ok(Hosted::new(Self { client, public, config }, clock))
    }

    /// As [`new`](Self::new), from a flat map of settings; see [`INFO`](Self::INFO) for the names.
    ///
    /// # Errors
    /// As [`Config::from_settings`] and [`new`](Self::new).
    pub fn from_settings(settings: &Settings, transport: Arc<dyn Transport>) -> Result<Hosted<Self>> {
        Self::new(Config::from_settings(settings)?, transport)
    }

    async fn firewalls_of(&self, instance: u64) -> Result<Vec<Firewall>> {
        let label = request::firewall_label(instance);
        let find = request::find_firewall(&self.config.endpoint, instance)?;
        let mut firewalls = self.client.one_page::<Page<Firewall>>(find).await?;
        firewalls.retain(|firewall| firewall.label == label);
        Ok(firewalls)
    }
}

#[async_trait]
impl Cloud for Linode {
    fn info(&self) -> &'static ProviderInfo {
        &INFO
    }

    fn check(&self, order: &Order) -> Result<()> {
        order.ports.restricted().map(request::firewall_rules).transpose()?;
        request::create_instance(&self.config.endpoint, order, &request::root_password()?).map(|_| ())
    }

    async fn hosts(&self, find: Find<'_>, _region: Option<&str>) -> Result<Vec<ProvisionedHost>> {
        let list = request::list_instances(&self.config.endpoint, find)?;
        let page = |number| request::page(list.clone(), number);
        let instances = self.client.numbered_pages::<Page<Instance>>(page).await?;
        instances.into_iter().map(Instance::into_host).collect()
    }

    async fn create(&self, order: &Order) -> Result<ProvisionedHost> {
        let create = request::create_instance(&self.config.endpoint, order, &request::root_password()?)?;
        self.client.send(create).await?.json::<Instance>()?.into_host()
    }

    async fn complete(&self, order: &Order, host: ProvisionedHost, made: Made) -> Result<ProvisionedHost> {
        let Some(ports) = order.ports.restricted() else {
            return Ok(host);
        };
        let instance = host.id.as_number()?;
        if made == Made::Now || self.firewalls_of(instance).await?.is_empty() {
            let rules = request::firewall_rules(ports)?;
            let create = request::create_firewall(&self.config.endpoint, instance, &rules)?;
            match self.client.send(create).await {
                // Another call with the same key was quicker: labels of firewalls are unique, too.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                other => drop(other?),
            }
        }
        Ok(host)
    }

    async fn read(&self, id: &HostId) -> Result<ProvisionedHost> {
        let get = request::get_instance(&self.config.endpoint, id.as_number()?);
        self.client.send(get).await?.json::<Instance>()?.into_host()
    }

    async fn remove(&self, id: &HostId) -> Result<Deletion> {
        let (endpoint, instance) = (&self.config.endpoint, id.as_number()?);
        let delete = request::delete_instance(endpoint, instance);
        // The next call's 404 confirms that the instance is gone.
        let mut going = !self.client.remove(delete).await?.accepted()?.is_gone();
        let mut removed = false;
        // Also in the first call: a firewall goes at any time, whatever it is attached to.
        for firewall in self.firewalls_of(instance).await? {
            let delete = request::delete_firewall(endpoint, firewall.id);
            match self.client.remove(delete).await? {
                Going::Gone => {}
                Going::Accepted => removed = true,
                Going::Busy(_) => going = true,
            }
        }
        Ok(match (going, removed) {
            (true, _) => Deletion::InProgress,
            (false, true) => Deletion::Removed,
            (false, false) => Deletion::NotFound,
        })
    }

    async fn regions(&self) -> Result<Vec<Region>> {
        let list = |page| request::list_regions(&self.config.endpoint, page);
        let regions = self.client.numbered_pages::<Page<LinodeRegion>>(list).await?;
        Ok(regions.into_iter().map(LinodeRegion::into_region).collect())
    }

    async fn plans(&self, region: Option<&str>) -> Result<Vec<Plan>> {
        let list = |page| request::list_types(&self.config.endpoint, page);
        let types = self.client.numbered_pages::<Page<LinodeType>>(list).await?;
        let region = region.unwrap_or(self.home_region());
        Ok(types.into_iter().map(|plan| plan.into_plan(region)).collect())
    }

    async fn images(&self, _region: Option<&str>) -> Result<Vec<Image>> {
        let list = |page| request::list_images(&self.config.endpoint, page);
        let images = match self.client.numbered_pages::<Page<DiskImage>>(list).await {
            // A token for instances only may not see the account's own images; those of the vendor everybody may.
            Err(error) if error.kind() == ErrorKind::Forbidden => {
                self.public.numbered_pages::<Page<DiskImage>>(list).await?
            }
            other => other?,
        };
        let usable = images.into_iter().filter(DiskImage::is_usable);
        Ok(usable.map(DiskImage::into_image).collect())
    }
}
