use std::{net::IpAddr, sync::Arc};

use provision_core::{
    BasicHost, Catalog, CatalogQuery, CatalogSection, Deletion, Error, ErrorKind, ExposeSecret, HostDeleteRequest,
    HostId, ListFilter, ProviderInfo, ProvisionedHost, Provisioner, Result, Settings, async_trait,
};
use provision_http::{Answer, Client, Request, Transport};
use serde::de::DeserializeOwned;

use crate::{
    config::{Config, INFO},
    error::VENDOR,
    request::{self, Rule},
    response::{DiskImage, Firewall, Instance, LinodeRegion, LinodeType, Page},
};

/// Linode as a [`Provisioner`]. Clones share the connection pool.
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
    pub fn new(config: Config, transport: Arc<dyn Transport>) -> Result<Self> {
        let public = Client::builder(VENDOR, transport.clone()).build();
        let client = Client::builder(VENDOR, transport)
            .secret_header("authorization", Some("Bearer"), config.token.expose_secret())?
            .build();
        Ok(Self { client, public, config })
    }

    /// As [`new`](Self::new), from a flat map of settings; see [`INFO`](Self::INFO) for the names.
    ///
    /// # Errors
    /// As [`Config::from_settings`] and [`new`](Self::new).
    pub fn from_settings(settings: &Settings, transport: Arc<dyn Transport>) -> Result<Self> {
        Self::new(Config::from_settings(settings)?, transport)
    }

    /// Labels are unique in an account: the host of this name is ours if it carries the key, and somebody else's if not.
    async fn adopt(&self, host: &BasicHost, refused: Error) -> Result<Instance> {
        let Some(key) = &host.key else { return Err(refused) };
        let named: Vec<Instance> =
            one_page(&self.client, request::find_instance(&self.config.endpoint, &host.name)?).await?;
        match named.into_iter().find(|instance| instance.is_named(&host.name)) {
            Some(instance) if instance.labels().has_key(key) && instance.is_being_deleted() => Err(refused
                .with_kind(ErrorKind::Conflict)
                .context("the host that was made with this key is just being deleted, try again in a while")),
            Some(instance) if instance.labels().has_key(key) => Ok(instance),
            Some(_) => Err(refused),
            // It may not be listed yet, or no longer hold the label by the next try.
            None => Err(refused
                .with_kind(ErrorKind::Conflict)
                .context("the name is taken by an instance that is not listed, try again in a while")),
        }
    }

    async fn firewalls_of(&self, instance: u64) -> Result<Vec<Firewall>> {
        let label = request::firewall_label(instance);
        let found: Vec<Firewall> =
            one_page(&self.client, request::find_firewall(&self.config.endpoint, instance)?).await?;
        Ok(found.into_iter().filter(|firewall| firewall.label == label).collect())
    }

    async fn create_firewall(&self, instance: &Instance, rules: &[Rule]) -> Result<()> {
        let create = request::create_firewall(&self.config.endpoint, instance.id, instance.ip(), rules)?;
        self.client.send(create).await.map(|_| ())
    }

    /// Removes an instance's own firewalls. A token that may not read firewalls has never made one.
    async fn delete_firewalls(&self, instance: u64) -> Result<()> {
        let firewalls = match self.firewalls_of(instance).await {
            Err(error) if error.kind() == ErrorKind::Forbidden => return Ok(()),
            other => other?,
        };
        for firewall in firewalls {
            match self
                .client
                .send(request::delete_firewall(&self.config.endpoint, firewall.id))
                .await
            {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    async fn delete_by_number(&self, instance: u64) -> Result<Deletion> {
        let gone = match self
            .client
            .send(request::delete_instance(&self.config.endpoint, instance))
            .await
        {
            Ok(_) => false,
            Err(error) if error.kind() == ErrorKind::NotFound => true,
            Err(error) => return Err(error),
        };
        // Also in the first call: a firewall goes at any time, whatever it is attached to.
        self.delete_firewalls(instance).await?;
        // The next call's 404 confirms that the instance is gone.
        Ok(if gone { Deletion::Removed } else { Deletion::InProgress })
    }

    async fn delete_by_ip(&self, ip: IpAddr) -> Result<Deletion> {
        let ours = self.instances().await?;
        if let Some(instance) = ours.into_iter().find(|instance| instance.has_ip(ip)) {
            return self.delete_by_number(instance.id).await;
        }
        match self.left_behind(ip).await? {
            Some(instance) => {
                self.delete_firewalls(instance).await?;
                Ok(Deletion::Removed)
            }
            None => Err(Error::no_host_with_ip(ip).with_provider(INFO.id)),
        }
    }

    /// The number of an instance that had the address, is gone, and left its firewall behind.
    async fn left_behind(&self, ip: IpAddr) -> Result<Option<u64>> {
        let Some(tag) = request::ip_tag(ip) else {
            return Ok(None);
        };
        let find = request::find_firewall_by_tag(&self.config.endpoint, &tag)?;
        let firewalls: Vec<Firewall> = match one_page(&self.client, find).await {
            Err(error) if error.kind() == ErrorKind::Forbidden => return Ok(None),
            other => other?,
        };
        let owner = firewalls
            .into_iter()
            .filter(|firewall| firewall.tags.contains(&tag))
            .find_map(|firewall| request::instance_of_firewall(&firewall.label));
        let Some(instance) = owner else { return Ok(None) };
        // A living instance has another address by now, and was not meant.
        match self
            .client
            .send(request::get_instance(&self.config.endpoint, instance))
            .await
        {
            Ok(_) => Ok(None),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Some(instance)),
            Err(error) => Err(error),
        }
    }

    /// All instances that carry our marker.
    async fn instances(&self) -> Result<Vec<Instance>> {
        let endpoint = &self.config.endpoint;
        let all: Vec<Instance> = pages(&self.client, |page| request::list_instances(endpoint, page)).await?;
        Ok(all
            .into_iter()
            .filter(|instance| instance.labels().is_managed())
            .collect())
    }

    /// The account's own images are listed as well, if the token may read them.
    async fn images(&self) -> Result<Vec<DiskImage>> {
        let request = |page| Ok(request::list_images(&self.config.endpoint, page));
        match pages(&self.client, request).await {
            Err(error) if error.kind() == ErrorKind::Forbidden => pages(&self.public, request).await,
            other => other,
        }
    }
}

/// All pages of a list, asked for by number.
async fn pages<T: DeserializeOwned + Send>(
    client: &Client,
    request: impl Fn(usize) -> Result<Request> + Send + Sync,
) -> Result<Vec<T>> {
    let read = |answer: &Answer, page: usize| {
        let found = answer.json::<Page<T>>()?;
        let next = (page < found.pages).then(|| request(page + 1)).transpose()?;
        Ok((found.data, next))
    };
    client.pages(request(1)?, read).await
}

/// A list that a filter narrows down to a single page.
async fn one_page<T: DeserializeOwned>(client: &Client, request: Request) -> Result<Vec<T>> {
    Ok(client.send(request).await?.json::<Page<T>>()?.data)
}

#[async_trait]
impl Provisioner for Linode {
    fn info(&self) -> &'static ProviderInfo {
        &INFO
    }

    async fn provision(&self, host: &BasicHost) -> Result<ProvisionedHost> {
        INFO.check(host)?;
        let rules = host.ports.restricted().map(request::firewall_rules).transpose()?;
        let create = request::create_instance(&self.config.endpoint, host, &request::root_password()?)?;
        let (instance, adopted) = match self.client.send(create).await {
            Ok(answer) => (answer.json::<Instance>()?, false),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => (self.adopt(host, error).await?, true),
            Err(error) => return Err(error.asked_for(&INFO, host)),
        };
        let Some(rules) = rules else {
            return instance.into_host();
        };
        // The earlier call may have ended between the instance and its firewall.
        if adopted && !self.firewalls_of(instance.id).await?.is_empty() {
            return instance.into_host();
        }
        match self.create_firewall(&instance, &rules).await {
            Ok(()) => instance.into_host(),
            // Another call with the same key was quicker; firewall labels are unique, too.
            Err(error) if adopted && error.kind() == ErrorKind::AlreadyExists => instance.into_host(),
            Err(error) if adopted => Err(error),
            // The next call with the same key finds the instance and goes on with its firewall.
            Err(error) if host.key.is_some() && error.is_retryable() => Err(error.context(format!(
                "instance {} was created, its firewall may be missing",
                instance.id
            ))),
            // A host with more ports open than asked for must not stay.
            Err(error) => Err(match self.delete_by_number(instance.id).await {
                Ok(_) => error.context("the new instance was removed again because its firewall could not be created"),
                Err(_) => error.context(format!(
                    "instance {0} has no firewall yet and could not be removed: delete host `{0}`",
                    instance.id
                )),
            }),
        }
    }

    async fn status(&self, id: &HostId) -> Result<ProvisionedHost> {
        match self
            .client
            .send(request::get_instance(&self.config.endpoint, id.as_number()?))
            .await
        {
            Ok(answer) => answer.json::<Instance>()?.into_host(),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(Error::host_not_found(id).with_provider(INFO.id)),
            Err(error) => Err(error),
        }
    }

    async fn delete(&self, request: &HostDeleteRequest) -> Result<Deletion> {
        match request {
            HostDeleteRequest::Id(id) => self.delete_by_number(id.as_number()?).await,
            HostDeleteRequest::Ip { ip, .. } => self.delete_by_ip(*ip).await,
            _ => Err(
                Error::new(ErrorKind::Unsupported, "this way to name a host is not supported").with_provider(INFO.id),
            ),
        }
    }

    async fn list(&self, filter: &ListFilter) -> Result<Vec<ProvisionedHost>> {
        let hosts = self.instances().await?.into_iter().map(Instance::into_host);
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
            let regions: Vec<LinodeRegion> =
                pages(&self.client, |page| Ok(request::list_regions(endpoint, page))).await?;
            if let Some(wanted) = region
                && !regions.iter().any(|known| known.id == wanted)
            {
                let known: Vec<&str> = regions.iter().map(|known| known.id.as_str()).collect();
                return Err(Error::unknown_region(wanted, &known).with_provider(INFO.id));
            }
            if query.wants(CatalogSection::Regions) {
                catalog.regions = regions.into_iter().map(LinodeRegion::into_region).collect();
            }
        }
        if query.wants(CatalogSection::Plans) {
            let types: Vec<LinodeType> = pages(&self.client, |page| Ok(request::list_types(endpoint, page))).await?;
            let region = region.unwrap_or(INFO.default_region);
            catalog.plans = types.into_iter().map(|plan| plan.into_plan(region)).collect();
        }
        if query.wants(CatalogSection::Images) {
            let images = self.images().await?.into_iter();
            catalog.images = images.filter(DiskImage::is_usable).map(DiskImage::into_image).collect();
        }
        Ok(catalog.sorted())
    }
}
