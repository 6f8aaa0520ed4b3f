use std::sync::Arc;

use futures_util::future::try_join;
use provision_core::{
    Cloud, Deletion, ErrorKind, Find, HostId, HostStatus, Hosted, Image, Made, Order, Plan, ProviderInfo,
    ProvisionedHost, Region, Result, Settings, async_trait,
};
use provision_http::{Client, Going, Transport};

use crate::{
    config::Config,
    error::VENDOR,
    info::INFO,
    request,
    response::{
        Action, Actions, Firewall, Firewalls, Images, Locations, PricingAnswer, Server, ServerAnswer, ServerTypes,
        Servers,
    },
};

/// Hetzner Cloud as a [`Cloud`]. Clones share the connection pool.
#[derive(Debug, Clone)]
pub struct Hetzner {
    client: Client,
    config: Config,
}

impl Hetzner {
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

    /// Why the server was not made, if it was not. Its own state does not say so.
    async fn failed_create(&self, server: u64) -> Result<Option<String>> {
        let list = request::failed_actions(&self.config.endpoint, server);
        match self.client.one_page::<Actions>(list).await {
            // Lists of actions are being taken out of the API one by one; without this one a server is still what its state says.
            Err(error) if error.kind() == ErrorKind::Unsupported => Ok(None),
            other => Ok(other?.into_iter().find_map(Action::failed_create)),
        }
    }

    async fn firewalls_of(&self, server: u64) -> Result<Vec<Firewall>> {
        let name = request::firewall_name(server);
        let find = request::find_firewall(&self.config.endpoint, server);
        let mut firewalls = self.client.one_page::<Firewalls>(find).await?;
        firewalls.retain(|firewall| firewall.name == name);
        Ok(firewalls)
    }
}

#[async_trait]
impl Cloud for Hetzner {
    fn info(&self) -> &'static ProviderInfo {
        &INFO
    }

    fn check(&self, order: &Order) -> Result<()> {
        request::create_server(&self.config.endpoint, order).map(|_| ())
    }

    async fn hosts(&self, find: Find<'_>, _region: Option<&str>) -> Result<Vec<ProvisionedHost>> {
        let endpoint = &self.config.endpoint;
        let servers = match find {
            Find::Name(name) => {
                let find = request::find_server(endpoint, name);
                self.client.one_page::<Servers>(find).await?
            }
            _ => {
                let list = |page| request::list_servers(endpoint, find, page);
                self.client.numbered_pages::<Servers>(list).await?
            }
        };
        servers.into_iter().map(Server::into_host).collect()
    }

    async fn create(&self, order: &Order) -> Result<ProvisionedHost> {
        let create = request::create_server(&self.config.endpoint, order)?;
        let answer = self.client.send(create).await?;
        answer.json::<ServerAnswer>()?.server.into_host()
    }

    async fn complete(&self, order: &Order, host: ProvisionedHost, made: Made) -> Result<ProvisionedHost> {
        let Some(ports) = order.ports.restricted() else {
            return Ok(host);
        };
        let server = host.id.as_number()?;
        if made == Made::Now || self.firewalls_of(server).await?.is_empty() {
            let create = request::create_firewall(&self.config.endpoint, server, ports)?;
            match self.client.send(create).await {
                // Another call with the same key was quicker: names of firewalls are unique, too.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                other => drop(other?),
            }
        }
        Ok(host)
    }

    async fn read(&self, id: &HostId) -> Result<ProvisionedHost> {
        let server = id.as_number()?;
        let get = request::get_server(&self.config.endpoint, server);
        let answer = self.client.send(get).await?;
        let mut host = answer.json::<ServerAnswer>()?.server.into_host()?;
        if !matches!(host.status, HostStatus::Active | HostStatus::Deleting)
            && let Some(reason) = self.failed_create(server).await?
        {
            host.status = HostStatus::Failed;
            host.message = Some(reason);
        }
        Ok(host)
    }

    async fn remove(&self, id: &HostId) -> Result<Deletion> {
        let (endpoint, server) = (&self.config.endpoint, id.as_number()?);
        let delete = request::delete_server(endpoint, server);
        let mut going = !self.client.remove(delete).await?.accepted()?.is_gone();
        let mut removed = false;
        for firewall in self.firewalls_of(server).await? {
            let delete = request::delete_firewall(endpoint, firewall.id);
            match self.client.remove(delete).await? {
                Going::Gone => {}
                Going::Accepted => removed = true,
                // It is attached until the server has really vanished.
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
        let list = |page| request::list_locations(&self.config.endpoint, page);
        let locations = self.client.numbered_pages::<Locations>(list).await?;
        Ok(locations.into_iter().map(|location| location.into_region()).collect())
    }

    async fn plans(&self, region: Option<&str>) -> Result<Vec<Plan>> {
        let endpoint = &self.config.endpoint;
        let list = |page| request::list_server_types(endpoint, page);
        let (pricing, types) = try_join(
            self.client.send(request::pricing(endpoint)),
            self.client.numbered_pages::<ServerTypes>(list),
        )
        .await?;
        let pricing = pricing.json::<PricingAnswer>()?.pricing;
        let region = region.unwrap_or(self.home_region());
        Ok(types.into_iter().map(|plan| plan.into_plan(region, &pricing)).collect())
    }

    async fn images(&self, _region: Option<&str>) -> Result<Vec<Image>> {
        let list = |page| request::list_images(&self.config.endpoint, page);
        let images = self.client.numbered_pages::<Images>(list).await?;
        Ok(images.into_iter().map(|image| image.into_image()).collect())
    }
}
