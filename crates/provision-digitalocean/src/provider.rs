use std::sync::Arc;

use provision_core::{
    Cloud, Deletion, Find, HostId, Hosted, Image, Made, Order, Plan, ProviderInfo, ProvisionedHost, Region, Result,
    Settings, async_trait,
};
use provision_http::{Client, Going, Transport};

use crate::{
    config::Config,
    error::VENDOR,
    info::INFO,
    request,
    response::{Droplet, DropletAnswer, Droplets, Firewall, Firewalls, Images, Regions, Sizes},
};

/// DigitalOcean as a [`Cloud`]. Clones share the connection pool.
#[derive(Debug, Clone)]
pub struct DigitalOcean {
    client: Client,
    config: Config,
}

impl DigitalOcean {
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

    async fn firewalls_of(&self, droplet: u64) -> Result<Vec<Firewall>> {
        let name = request::firewall_name(droplet);
        let list = |page| request::list_firewalls(&self.config.endpoint, page);
        let mut firewalls = self.client.numbered_pages::<Firewalls>(list).await?;
        firewalls.retain(|firewall| firewall.name == name);
        Ok(firewalls)
    }
}

#[async_trait]
impl Cloud for DigitalOcean {
    fn info(&self) -> &'static ProviderInfo {
        &INFO
    }

    fn check(&self, order: &Order) -> Result<()> {
        request::create_droplet(&self.config.endpoint, order).map(|_| ())
    }

    async fn hosts(&self, find: Find<'_>, _region: Option<&str>) -> Result<Vec<ProvisionedHost>> {
        let list = |page| request::list_droplets(&self.config.endpoint, find, page);
        let droplets = self.client.numbered_pages::<Droplets>(list).await?;
        let read = match find {
            Find::Key(_) => Droplet::into_candidate,
            _ => Droplet::into_host,
        };
        droplets.into_iter().map(read).collect()
    }

    async fn create(&self, order: &Order) -> Result<ProvisionedHost> {
        let create = request::create_droplet(&self.config.endpoint, order)?;
        let answer = self.client.send(create).await?;
        answer.json::<DropletAnswer>()?.droplet.into_host()
    }

    async fn complete(&self, order: &Order, host: ProvisionedHost, made: Made) -> Result<ProvisionedHost> {
        if let Some(ports) = order.ports.restricted() {
            let droplet = host.id.as_number()?;
            if made == Made::Now || self.firewalls_of(droplet).await?.is_empty() {
                let create = request::create_firewall(&self.config.endpoint, droplet, ports)?;
                self.client.send(create).await?;
            }
        }
        Ok(host)
    }

    async fn read(&self, id: &HostId) -> Result<ProvisionedHost> {
        let get = request::get_droplet(&self.config.endpoint, id.as_number()?);
        let answer = self.client.send(get).await?;
        answer.json::<DropletAnswer>()?.droplet.into_host()
    }

    async fn remove(&self, id: &HostId) -> Result<Deletion> {
        let (endpoint, droplet) = (&self.config.endpoint, id.as_number()?);
        let delete = request::delete_droplet(endpoint, droplet);
        let gone = self.client.remove(delete).await?.accepted()?.is_gone();
        // Also in the first call: a firewall goes at any time, whatever it is attached to.
        let mut found = Going::Gone;
        for firewall in self.firewalls_of(droplet).await? {
            let delete = request::delete_firewall(endpoint, &firewall.id()?);
            found = self.client.remove(delete).await?.accepted()?;
        }
        // After 204 the Droplet is still visible for a few seconds; the next call's 404 confirms that it is gone.
        Ok(match (gone, found) {
            (false, _) => Deletion::InProgress,
            (true, Going::Gone) => Deletion::NotFound,
            (true, _) => Deletion::Removed,
        })
    }

    async fn regions(&self) -> Result<Vec<Region>> {
        let list = |page| request::list_regions(&self.config.endpoint, page);
        let regions = self.client.numbered_pages::<Regions>(list).await?;
        Ok(regions.into_iter().map(|region| region.into_region()).collect())
    }

    async fn plans(&self, region: Option<&str>) -> Result<Vec<Plan>> {
        let list = |page| request::list_sizes(&self.config.endpoint, page);
        let sizes = self.client.numbered_pages::<Sizes>(list).await?;
        Ok(sizes.into_iter().map(|size| size.into_plan(region)).collect())
    }

    async fn images(&self, region: Option<&str>) -> Result<Vec<Image>> {
        let list = |page| request::list_images(&self.config.endpoint, page);
        let images = self.client.numbered_pages::<Images>(list).await?.into_iter();
        let offered = images.filter(|image| region.is_none_or(|region| image.is_in(region)));
        Ok(offered.map(|image| image.into_image()).collect())
    }
}
