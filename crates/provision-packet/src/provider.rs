use std::{collections::BTreeSet, sync::Arc};

use provision_core::{
    BasicHost, Catalog, CatalogQuery, CatalogSection, Deletion, Error, ErrorKind, ExposeSecret, HostDeleteRequest,
    HostId, HostStatus, ListFilter, ProviderInfo, ProvisionedHost, Provisioner, Result, Settings, async_trait,
};
use provision_http::{Answer, Client, Transport};

use crate::{
    config::{Config, DeviceId, INFO},
    error::{VENDOR, is_being_deleted},
    request::{self, Devices},
    response::{self, Capacity, Device, Metro, Metros, OperatingSystems, Plans},
};

/// Packet, later Equinix Metal, as a [`Provisioner`]. Clones share the connection pool.
#[derive(Debug, Clone)]
pub struct Packet {
    client: Client,
    config: Config,
}

impl Packet {
    /// Static facts about the provider.
    pub const INFO: &'static ProviderInfo = &INFO;

    /// A provider with checked settings that sends its requests over `transport`.
    ///
    /// # Errors
    /// `InvalidRequest` when the token holds characters that no token has.
    pub fn new(config: Config, transport: Arc<dyn Transport>) -> Result<Self> {
        let client = Client::builder(VENDOR, transport)
            .secret_header("x-auth-token", None, config.token.expose_secret())?
            .hint(config.retired())
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

    /// Gives an error that no request brought the hint that the others have.
    fn hinted(&self, error: Error) -> Error {
        match self.config.retired() {
            Some(hint) if !error.message().contains(hint) => error.hint(hint),
            _ => error,
        }
    }

    /// All devices of a project that are asked for, and how many there are as the last page says.
    async fn counted_devices(&self, project: &str, which: Devices<'_>) -> Result<(Vec<Device>, Option<usize>)> {
        let request = |page| request::list_devices(&self.config.endpoint, project, which, page);
        let mut total = None;
        let read = |answer: &Answer, page: usize| {
            let devices = answer.json::<response::Devices>()?;
            total = devices.total();
            let (devices, more) = devices.into_parts();
            Ok((devices, more.then(|| request(page + 1))))
        };
        let devices = self.client.pages(request(1), read).await?;
        Ok((devices, total))
    }

    async fn devices(&self, project: &str, which: Devices<'_>) -> Result<Vec<Device>> {
        self.counted_devices(project, which).await.map(|(devices, _)| devices)
    }

    /// The host that an earlier call with the same key made; one that stays rather than one that is being deleted.
    async fn find_by_key(&self, host: &BasicHost) -> Result<Option<Device>> {
        let Some(key) = &host.key else { return Ok(None) };
        let devices = self.devices(&self.config.project, Devices::MadeWith(key)).await?;
        // The API's filter is not relied on.
        let made_by_key = devices.into_iter().filter(|device| device.labels().has_key(key));
        Ok(made_by_key.min_by_key(|device| device.status() == HostStatus::Deleting))
    }

    async fn create(&self, host: &BasicHost) -> Result<ProvisionedHost> {
        INFO.check(host)?;
        let create = request::create_device(&self.config, host)?;
        let project = Some(self.config.project.as_str());
        if let Some(found) = self.find_by_key(host).await? {
            if found.status() == HostStatus::Deleting {
                let id = found.host_id(project)?;
                let message = format!("host `{id}` of this key is being deleted: call again once it is gone");
                return Err(Error::new(ErrorKind::Conflict, message).with_provider(INFO.id));
            }
            return found.into_host(project);
        }
        let created = self.client.send(create).await;
        let created = created.map_err(|error| error.asked_for(&INFO, host))?;
        created.json::<Device>()?.into_host(project)
    }

    async fn read(&self, id: &HostId) -> Result<ProvisionedHost> {
        let host = DeviceId::parse(id)?;
        let answer = self
            .client
            .send(request::get_device(&self.config.endpoint, host.device))
            .await;
        match answer {
            Ok(answer) => return answer.json::<Device>()?.into_host(host.project),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) if error.http_status() == Some(403) => self.check_gone(&host, error).await?,
            Err(error) => return Err(error),
        }
        Err(Error::host_not_found(id).with_provider(INFO.id))
    }

    async fn remove(&self, host: &DeviceId<'_>) -> Result<Deletion> {
        let answer = self
            .client
            .send(request::delete_device(&self.config.endpoint, host.device))
            .await;
        match answer {
            // Nothing but the device was created, and its addresses go with it.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Deletion::Removed),
            Ok(_) => Ok(Deletion::InProgress),
            Err(error) if is_being_deleted(&error) => Ok(Deletion::InProgress),
            Err(error) if error.http_status() == Some(403) => {
                self.check_gone(host, error).await.map(|()| Deletion::Removed)
            }
            Err(error) => Err(error),
        }
    }

    /// Succeeds when a device that the cloud refused with 403 is really gone, and gives back the refusal when not.
    ///
    /// 403 is the answer for a device that failed and was moved out of the account
    /// (<https://github.com/crossplane-contrib/provider-equinix-metal/issues/51>), and just the same for one that lives
    /// and that the token has no right to (<https://github.com/equinix/terraform-provider-metal/issues/114>). A token that
    /// can list the project of the device tells: then the device is gone if it is not in the list. The project must be
    /// the one that the id names; the configured one may be another.
    async fn check_gone(&self, host: &DeviceId<'_>, refused: Error) -> Result<()> {
        let Some(project) = host.project else {
            return Err(refused.hint(
                "give the id as `device|project`, as `list` prints it: then a device that is gone from its project is told from one that the token may not see",
            ));
        };
        match self.counted_devices(project, Devices::All).await {
            Ok((devices, total)) => {
                let ids: BTreeSet<String> = devices.iter().map(|device| device.id.to_ascii_lowercase()).collect();
                // Pages that moved while they were read may have left it out.
                let complete = total == Some(ids.len());
                let listed = ids.contains(&host.device.to_ascii_lowercase());
                if complete && !listed { Ok(()) } else { Err(refused) }
            }
            // No right to the project, or no such project: nothing is known about the device.
            Err(error) if matches!(error.kind(), ErrorKind::Forbidden | ErrorKind::InvalidRequest) => Err(refused),
            Err(error) => Err(error),
        }
    }

    async fn delete_host(&self, request: &HostDeleteRequest) -> Result<Deletion> {
        match request {
            HostDeleteRequest::Id(id) => self.remove(&DeviceId::parse(id)?).await,
            HostDeleteRequest::Ip { ip, region } => {
                let mut filter = ListFilter::all();
                filter.region = region.clone();
                let hosts = self.list_hosts(&filter).await?;
                match hosts.iter().find(|host| host.ip == Some(*ip)) {
                    Some(host) => self.remove(&DeviceId::parse(&host.id)?).await,
                    None => Err(Error::no_host_with_ip(*ip).with_provider(INFO.id)),
                }
            }
            _ => Err(
                Error::new(ErrorKind::Unsupported, "this way to name a host is not supported").with_provider(INFO.id),
            ),
        }
    }

    async fn list_hosts(&self, filter: &ListFilter) -> Result<Vec<ProvisionedHost>> {
        let project = self.config.project.as_str();
        let devices = self.devices(project, Devices::Ours).await?;
        let hosts = devices.into_iter().map(|device| device.into_host(Some(project)));
        hosts
            .filter(|host| host.as_ref().map_or(true, |host| filter.matches(host)))
            .collect()
    }

    async fn read_catalog(&self, query: &CatalogQuery) -> Result<Catalog> {
        let mut catalog = Catalog::default();
        let plans = query.wants(CatalogSection::Plans);
        if plans || query.wants(CatalogSection::Regions) || query.wanted_region().is_some() {
            let metros = self.metros(query.wanted_region()).await?;
            if plans {
                catalog.plans = self.plans(query.wanted_region(), &metros).await?;
            }
            if query.wants(CatalogSection::Regions) {
                catalog.regions = metros.iter().filter_map(Metro::to_region).collect();
            }
        }
        if query.wants(CatalogSection::Images) {
            let systems = request::list_operating_systems(&self.config.endpoint);
            let systems = self.client.send(systems).await?.json::<OperatingSystems>()?;
            let systems = systems.operating_systems.into_iter();
            catalog.images = systems.map(|system| system.into_image()).collect();
        }
        Ok(catalog.sorted())
    }

    /// The metros, among which a wanted one has to be.
    async fn metros(&self, wanted: Option<&str>) -> Result<Vec<Metro>> {
        let request = request::list_metros(&self.config.endpoint);
        let metros = self.client.send(request).await?.json::<Metros>()?.metros;
        let known: Vec<&str> = metros.iter().filter_map(|metro| metro.code.as_deref()).collect();
        match wanted {
            Some(wanted) if !known.contains(&wanted) => {
                Err(Error::unknown_region(wanted, &known).with_provider(INFO.id))
            }
            _ => Ok(metros),
        }
    }

    /// The plans with price and stock of a region: the wanted one, or the default one where it exists.
    async fn plans(&self, wanted: Option<&str>, metros: &[Metro]) -> Result<Vec<provision_core::Plan>> {
        let endpoint = &self.config.endpoint;
        let plans = self.client.send(request::list_plans(endpoint)).await?;
        let plans = plans.json::<Plans>()?.plans;
        let capacity = match self.client.send(request::list_capacity(endpoint)).await {
            Ok(answer) => answer.json::<Capacity>()?,
            // A project's key may see the plans, but not the stock.
            Err(error) if error.kind() == ErrorKind::Forbidden => Capacity::default(),
            Err(error) => return Err(error),
        };
        let is_known = |code: &&str| metros.iter().any(|metro| metro.code.as_deref() == Some(code));
        let region = wanted.or(Some(INFO.default_region).filter(is_known));
        let plans = plans.into_iter();
        Ok(plans.map(|plan| plan.into_plan(region, metros, &capacity)).collect())
    }
}

#[async_trait]
impl Provisioner for Packet {
    fn info(&self) -> &'static ProviderInfo {
        &INFO
    }

    async fn provision(&self, host: &BasicHost) -> Result<ProvisionedHost> {
        self.create(host).await.map_err(|error| self.hinted(error))
    }

    async fn status(&self, id: &HostId) -> Result<ProvisionedHost> {
        self.read(id).await.map_err(|error| self.hinted(error))
    }

    async fn delete(&self, request: &HostDeleteRequest) -> Result<Deletion> {
        self.delete_host(request).await.map_err(|error| self.hinted(error))
    }

    async fn list(&self, filter: &ListFilter) -> Result<Vec<ProvisionedHost>> {
        self.list_hosts(filter).await.map_err(|error| self.hinted(error))
    }

    async fn catalog(&self, query: &CatalogQuery) -> Result<Catalog> {
        self.read_catalog(query).await.map_err(|error| self.hinted(error))
    }
}
