use std::sync::Arc;

use provision_core::{
    BasicHost, Catalog, CatalogQuery, CatalogSection, Deletion, Error, ErrorKind, ExposeSecret, HostDeleteRequest,
    HostId, Labels, ListFilter, PortRange, ProviderInfo, ProvisionedHost, Provisioner, Result, Settings, async_trait,
};
use provision_http::{Answer, Client, Request, Transport};

use crate::{
    config::{Config, INFO},
    error::VENDOR,
    request,
    response::{Droplet, DropletAnswer, Droplets, Firewalls, Images, Page, Regions, Sizes},
};

/// DigitalOcean as a [`Provisioner`]. Clones share the connection pool.
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

    /// All pages of a list. Pages are asked for by number, so that no answer can send us elsewhere.
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

    async fn droplets(&self, labels: &Labels) -> Result<Vec<Droplet>> {
        self.pages::<Droplets>(|page| request::list_droplets(&self.config.endpoint, labels, page))
            .await
    }

    /// The host that an earlier call with the same key made.
    async fn find_by_key(&self, host: &BasicHost) -> Result<Option<ProvisionedHost>> {
        let Some(key) = &host.key else { return Ok(None) };
        for droplet in self.droplets(&host.all_labels()).await? {
            let found = droplet.into_host()?;
            if found.labels.has_key(key) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    async fn firewalls_of(&self, droplet: u64) -> Result<Vec<HostId>> {
        let name = request::firewall_name(droplet);
        let all = self
            .pages::<Firewalls>(|page| request::list_firewalls(&self.config.endpoint, page))
            .await?;
        all.into_iter()
            .filter(|firewall| firewall.name == name)
            .map(|firewall| Ok(HostId::new(firewall.id)?))
            .collect()
    }

    async fn create_firewall(&self, droplet: u64, ports: &[PortRange]) -> Result<()> {
        self.client
            .send(request::create_firewall(&self.config.endpoint, droplet, ports)?)
            .await
            .map(|_| ())
    }

    /// Removes the firewalls of a Droplet. A token that may not read firewalls has never made one.
    async fn delete_firewalls(&self, droplet: u64) -> Result<()> {
        let firewalls = match self.firewalls_of(droplet).await {
            Err(error) if error.kind() == ErrorKind::Forbidden => return Ok(()),
            other => other?,
        };
        for firewall in firewalls {
            match self
                .client
                .send(request::delete_firewall(&self.config.endpoint, &firewall))
                .await
            {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether the Droplet is gone; if not, the cloud accepted its deletion.
    async fn delete_droplet(&self, droplet: u64) -> Result<bool> {
        match self
            .client
            .send(request::delete_droplet(&self.config.endpoint, droplet))
            .await
        {
            Ok(_) => Ok(false),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
            Err(error) => Err(error),
        }
    }

    async fn delete_by_number(&self, droplet: u64) -> Result<Deletion> {
        let gone = self.delete_droplet(droplet).await?;
        // Also in the first call: a caller that deletes by IP cannot find the host a second time.
        self.delete_firewalls(droplet).await?;
        // After 204 the Droplet is still visible for a few seconds; the next call's 404 confirms that it is gone.
        Ok(if gone { Deletion::Complete } else { Deletion::InProgress })
    }
}

#[async_trait]
impl Provisioner for DigitalOcean {
    fn info(&self) -> &'static ProviderInfo {
        &INFO
    }

    async fn provision(&self, host: &BasicHost) -> Result<ProvisionedHost> {
        INFO.check(host)?;
        let create = request::create_droplet(&self.config.endpoint, host)?;
        if let Some(found) = self.find_by_key(host).await? {
            // The earlier call may have ended between the Droplet and its firewall.
            if let Some(ports) = host.ports.restricted() {
                let droplet = found.id.as_number()?;
                if self.firewalls_of(droplet).await?.is_empty() {
                    self.create_firewall(droplet, ports).await?;
                }
            }
            return Ok(found);
        }
        let answer = self
            .client
            .send(create)
            .await
            .map_err(|error| error.asked_for(&INFO, host))?;
        let created = answer.json::<DropletAnswer>()?.droplet;
        let droplet = created.id;
        if let Some(ports) = host.ports.restricted()
            && let Err(error) = self.create_firewall(droplet, ports).await
        {
            if host.key.is_some() && error.is_retryable() {
                // The next call with the same key finds the Droplet and goes on with its firewall.
                return Err(error.context(format!("droplet {droplet} was created, its firewall may be missing")));
            }
            // A host with more ports open than asked for must not stay.
            return Err(match self.delete_by_number(droplet).await {
                Ok(_) => error.context("the new droplet was removed again because its firewall could not be created"),
                Err(_) => error.context(format!(
                    "droplet {droplet} has no firewall yet and could not be removed: delete host `{droplet}`"
                )),
            });
        }
        created.into_host()
    }

    async fn status(&self, id: &HostId) -> Result<ProvisionedHost> {
        let answer = self
            .client
            .send(request::get_droplet(&self.config.endpoint, id.as_number()?))
            .await;
        match answer {
            Ok(answer) => answer.json::<DropletAnswer>()?.droplet.into_host(),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(Error::host_not_found(id).with_provider(INFO.id)),
            Err(error) => Err(error),
        }
    }

    async fn delete(&self, request: &HostDeleteRequest) -> Result<Deletion> {
        match request {
            HostDeleteRequest::Id(id) => self.delete_by_number(id.as_number()?).await,
            HostDeleteRequest::Ip { ip, .. } => {
                let hosts = self.list(&ListFilter::all()).await?;
                let Some(host) = hosts.into_iter().find(|host| host.ip == Some(*ip)) else {
                    return Err(Error::no_host_with_ip(*ip).with_provider(INFO.id));
                };
                self.delete_by_number(host.id.as_number()?).await
            }
            _ => Err(
                Error::new(ErrorKind::Unsupported, "this way to name a host is not supported").with_provider(INFO.id),
            ),
        }
    }

    async fn list(&self, filter: &ListFilter) -> Result<Vec<ProvisionedHost>> {
        let hosts = self.droplets(&Labels::new()).await?.into_iter().map(Droplet::into_host);
        hosts
            .filter(|host| host.as_ref().map_or(true, |host| filter.matches(host)))
            .collect()
    }

    async fn catalog(&self, query: &CatalogQuery) -> Result<Catalog> {
        let endpoint = &self.config.endpoint;
        let mut catalog = Catalog::default();
        let region = query.wanted_region();
        // The list of regions also tells whether the wanted one exists.
        if query.wants(CatalogSection::Regions) || region.is_some() {
            let regions = self
                .pages::<Regions>(|page| request::list_regions(endpoint, page))
                .await?;
            if let Some(wanted) = region
                && !regions.iter().any(|known| known.slug == wanted)
            {
                let known: Vec<&str> = regions.iter().map(|known| known.slug.as_str()).collect();
                return Err(Error::unknown_region(wanted, &known).with_provider(INFO.id));
            }
            if query.wants(CatalogSection::Regions) {
                catalog.regions = regions.into_iter().map(|region| region.into_region()).collect();
            }
        }
        if query.wants(CatalogSection::Plans) {
            let sizes = self.pages::<Sizes>(|page| request::list_sizes(endpoint, page)).await?;
            catalog.plans = sizes.into_iter().map(|size| size.into_plan(region)).collect();
        }
        if query.wants(CatalogSection::Images) {
            let images = self
                .pages::<Images>(|page| request::list_images(endpoint, page))
                .await?;
            let offered = |regions: &[String]| region.is_none_or(|region| regions.iter().any(|known| known == region));
            catalog.images = images
                .into_iter()
                .filter(|image| offered(&image.regions))
                .map(|image| image.into_image())
                .collect();
        }
        Ok(catalog.sorted())
    }
}
