use std::{net::IpAddr, sync::Arc};

use provision_core::{
    BasicHost, Catalog, CatalogQuery, CatalogSection, Deletion, Error, ErrorKind, ExposeSecret, HostDeleteRequest,
    HostId, ListFilter, PortRange, ProviderInfo, ProvisionedHost, Provisioner, Result, Settings, async_trait,
};
use provision_http::{Answer, Client, Request, Transport};

use crate::{
    config::{Config, INFO},
    error::VENDOR,
    request,
    response::{
        Firewall, Firewalls, Images, Locations, Page, PricingAnswer, PrimaryIps, Server, ServerAnswer, ServerTypes,
        Servers,
    },
};

/// Hetzner Cloud as a [`Provisioner`]. Clones share the connection pool.
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

    /// All pages of a list, asked for by number.
    async fn pages<P: Page>(&self, request: impl Fn(usize) -> Request + Send + Sync) -> Result<Vec<P::Item>>
    where
        P::Item: Send,
    {
        let read = |answer: &Answer, page: usize| {
            let (items, more) = answer.json::<P>()?.into_parts();
            Ok((items, more.then(|| request(page + 1))))
        };
        self.client.pages(request(1), read).await
    }

    /// A list that a filter narrows down to a single page.
    async fn one_page<P: Page>(&self, request: Request) -> Result<Vec<P::Item>> {
        Ok(self.client.send(request).await?.json::<P>()?.into_parts().0)
    }

    /// Names are unique in a project: the host of this name is ours if it carries the key, and somebody else's if not.
    async fn adopt(&self, host: &BasicHost, refused: Error) -> Result<Server> {
        let Some(key) = &host.key else { return Err(refused) };
        let named = self
            .one_page::<Servers>(request::find_server(&self.config.endpoint, &host.name))
            .await?;
        named
            .into_iter()
            .find(|server| server.labels().has_key(key))
            .ok_or(refused)
    }

    async fn create_firewall(&self, server: &Server, ports: &[PortRange]) -> Result<()> {
        let create = request::create_firewall(&self.config.endpoint, server.id, server.ip(), ports)?;
        self.client.send(create).await.map(|_| ())
    }

    /// Whether a firewall is gone; one that is still attached to a vanishing server is not yet.
    async fn delete_firewall(&self, firewall: &Firewall) -> Result<bool> {
        match self
            .client
            .send(request::delete_firewall(&self.config.endpoint, firewall.id))
            .await
        {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn delete_by_number(&self, server: u64) -> Result<Deletion> {
        let server_gone = match self
            .client
            .send(request::delete_server(&self.config.endpoint, server))
            .await
        {
            Ok(_) => false,
            Err(error) if error.kind() == ErrorKind::NotFound => true,
            Err(error) => return Err(error),
        };
        let mut firewalls_gone = true;
        for firewall in self
            .one_page::<Firewalls>(request::find_firewall(&self.config.endpoint, server))
            .await?
        {
            firewalls_gone &= self.delete_firewall(&firewall).await?;
        }
        Ok(if server_gone && firewalls_gone {
            Deletion::Removed
        } else {
            Deletion::InProgress
        })
    }

    /// The number of the marked server with this address, or of one that is gone and left its firewall behind.
    async fn find_by_ip(&self, ip: IpAddr) -> Result<Option<u64>> {
        let endpoint = &self.config.endpoint;
        let addresses = self
            .one_page::<PrimaryIps>(request::find_primary_ip(endpoint, ip))
            .await?;
        let owner = addresses
            .into_iter()
            .filter(|address| address.ip == ip && address.assignee_type.as_deref() == Some("server"))
            .find_map(|address| address.assignee_id);
        if let Some(number) = owner {
            match self.client.send(request::get_server(endpoint, number)).await {
                Ok(answer) => {
                    let found = answer.json::<ServerAnswer>()?.server.into_host()?;
                    return Ok(found.labels.is_managed().then_some(number));
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        let firewalls = self
            .one_page::<Firewalls>(request::find_firewall_by_ip(endpoint, ip))
            .await?;
        Ok(firewalls
            .iter()
            .find_map(|firewall| request::server_of_firewall(&firewall.name)))
    }
}

#[async_trait]
impl Provisioner for Hetzner {
    fn info(&self) -> &'static ProviderInfo {
        &INFO
    }

    async fn provision(&self, host: &BasicHost) -> Result<ProvisionedHost> {
        INFO.check(host)?;
        let create = request::create_server(&self.config.endpoint, host)?;
        let (server, adopted) = match self.client.send(create).await {
            Ok(answer) => (answer.json::<ServerAnswer>()?.server, false),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => (self.adopt(host, error).await?, true),
            Err(error) => return Err(error.asked_for(&INFO, host)),
        };
        let Some(ports) = host.ports.restricted() else {
            return server.into_host();
        };
        match self.create_firewall(&server, ports).await {
            Ok(()) => server.into_host(),
            // An earlier call with the same key came this far; firewall names are unique too.
            Err(error) if adopted && error.kind() == ErrorKind::AlreadyExists => server.into_host(),
            Err(error) if adopted => Err(error),
            // The next call with the same key finds the server and goes on with its firewall.
            Err(error) if host.key.is_some() && error.is_retryable() => {
                Err(error.context(format!("server {} was created, its firewall may be missing", server.id)))
            }
            // A host with more ports open than asked for must not stay.
            Err(error) => Err(match self.delete_by_number(server.id).await {
                Ok(_) => error.context("the new server was removed again because its firewall could not be created"),
                Err(_) => error.context(format!(
                    "server {0} has no firewall yet and could not be removed: delete host `{0}`",
                    server.id
                )),
            }),
        }
    }

    async fn status(&self, id: &HostId) -> Result<ProvisionedHost> {
        match self
            .client
            .send(request::get_server(&self.config.endpoint, id.as_number()?))
            .await
        {
            Ok(answer) => answer.json::<ServerAnswer>()?.server.into_host(),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(Error::host_not_found(id).with_provider(INFO.id)),
            Err(error) => Err(error),
        }
    }

    async fn delete(&self, request: &HostDeleteRequest) -> Result<Deletion> {
        match request {
            HostDeleteRequest::Id(id) => self.delete_by_number(id.as_number()?).await,
            HostDeleteRequest::Ip { ip, .. } => match self.find_by_ip(*ip).await? {
                Some(server) => self.delete_by_number(server).await,
                None => Err(Error::no_host_with_ip(*ip).with_provider(INFO.id)),
            },
            _ => Err(
                Error::new(ErrorKind::Unsupported, "this way to name a host is not supported").with_provider(INFO.id),
            ),
        }
    }

    async fn list(&self, filter: &ListFilter) -> Result<Vec<ProvisionedHost>> {
        let servers = self
            .pages::<Servers>(|page| request::list_servers(&self.config.endpoint, page))
            .await?;
        let hosts = servers.into_iter().map(Server::into_host);
        hosts
            .filter(|host| host.as_ref().map_or(true, |host| filter.matches(host)))
            .collect()
    }

    async fn catalog(&self, query: &CatalogQuery) -> Result<Catalog> {
        let endpoint = &self.config.endpoint;
        let mut catalog = Catalog::default();
        if query.wants(CatalogSection::Plans) {
            let currency = self
                .client
                .send(request::pricing(endpoint))
                .await?
                .json::<PricingAnswer>()?
                .pricing
                .currency;
            let types = self
                .pages::<ServerTypes>(|page| request::list_server_types(endpoint, page))
                .await?;
            let region = query.wanted_region().unwrap_or(INFO.default_region);
            let known: std::collections::BTreeSet<&str> = types.iter().flat_map(|plan| plan.locations()).collect();
            if !known.contains(region) {
                return Err(Error::unknown_region(region, &Vec::from_iter(known)).with_provider(INFO.id));
            }
            catalog.plans = types
                .into_iter()
                .map(|plan| plan.into_plan(region, &currency))
                .collect();
        }
        if query.wants(CatalogSection::Images) {
            let images = self
                .pages::<Images>(|page| request::list_images(endpoint, page))
                .await?;
            catalog.images = images.into_iter().map(|image| image.into_image()).collect();
        }
        if query.wants(CatalogSection::Regions) {
            let locations = self
                .pages::<Locations>(|page| request::list_locations(endpoint, page))
                .await?;
            catalog.regions = locations.into_iter().map(|location| location.into_region()).collect();
        }
        Ok(catalog.sorted())
    }
}
