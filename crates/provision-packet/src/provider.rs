use std::{collections::BTreeSet, sync::Arc};

use futures_util::future::try_join3;
use provision_core::{
    Cloud, Deletion, Error, ErrorKind, ExposeSecret, Find, HostId, Hosted, Image, Order, Plan, ProviderInfo,
    ProvisionedHost, Region, Result, Settings, async_trait,
};
use provision_http::{Answer, Client, Transport};

use crate::{
    config::Config,
    error::{VENDOR, is_being_deleted},
    id::{DeviceId, WHOLE},
    info::INFO,
    request,
    response::{Capacity, Device, Devices, Metro, Metros, OperatingSystem, OperatingSystems, Plans},
};

/// Packet, later Equinix Metal, as a [`Cloud`]. Clones share the connection pool.
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
    pub fn new(config: Config, transport: Arc<dyn Transport>) -> Result<Hosted<Self>> {
        let clock = transport.clock();
        let client = Client::builder(VENDOR, transport)
            .secret_header("x-auth-token", None, config.token.expose_secret())?
            .build();
        Ok(Hosted::new(Self { client, config }, clock))
    }

    /// As [`new`](Self::new), from a flat map of settings; see [`INFO`](Self::INFO) for the names.
    ///
    /// # Errors
    /// As [`Config::from_settings`] and [`new`](Self::new).
    pub fn from_settings(settings: &Settings, transport: Arc<dyn Transport>) -> Result<Hosted<Self>> {
        Self::new(Config::from_settings(settings)?, transport)
    }

    /// Succeeds when a device that the cloud refused is really gone, and gives back the refusal, or what kept us from
    /// knowing, when not.
    async fn check_gone(&self, host: &DeviceId<'_>, refused: Error) -> Result<()> {
        match (refused.kind(), refused.http_status()) {
            (ErrorKind::NotFound, _) => self.check_endpoint().await,
            (_, Some(403)) => self.check_left(host, refused).await,
            _ => Err(refused),
        }
    }

    /// A path that the API does not have is "Not found" in the same words as a device
    /// (<https://github.com/equinix/terraform-provider-metal/issues/198>). Our project, which is there, tells whether the
    /// endpoint is right.
    async fn check_endpoint(&self) -> Result<()> {
        let get = request::get_project(&self.config.endpoint, &self.config.project);
        self.client.send(get).await.map(|_| ())
    }

    /// 403 is the answer for a device that failed and was moved out of the account
    /// (<https://github.com/crossplane-contrib/provider-equinix-metal/issues/51>), and just the same for one that lives
    /// and that the token has no right to (<https://github.com/equinix/terraform-provider-metal/issues/114>). A token that
    /// can list the project of the device tells: then the device is gone if it is not in the list. The project must be
    /// the one that the id names; the configured one may be another.
    async fn check_left(&self, host: &DeviceId<'_>, refused: Error) -> Result<()> {
        let Some(project) = host.project else {
            return Err(refused.hint(format_args!(
                "give the id as {WHOLE}: then a device that is gone from its project is told from one that the token may not see"
            )));
        };
        match self.is_without(project, host.device).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(refused),
            // No right to the project, or no such project: nothing is known about the device.
            Err(error) if matches!(error.kind(), ErrorKind::Forbidden | ErrorKind::InvalidRequest) => Err(refused),
            Err(error) => Err(error),
        }
    }

    /// Whether the whole list of a project lacks a device.
    async fn is_without(&self, project: &str, device: &str) -> Result<bool> {
        let list = |page| request::list_devices(&self.config.endpoint, project, None, page);
        let mut totals = BTreeSet::new();
        let read = |answer: &Answer, page: usize| {
            let read = answer.json::<Devices>()?;
            totals.insert(read.total());
            let more = read.has_next();
            Ok((read.devices, more.then(|| list(page + 1))))
        };
        let devices = self.client.pages(list(1), read).await?;
        let ids: BTreeSet<String> = devices.iter().map(Device::uuid).collect();
        // Pages that moved while they were read may have left it out: each must count the same devices, and as many as came.
        let complete = totals.into_iter().eq([Some(ids.len())]);
        Ok(complete && !ids.contains(&device.to_ascii_lowercase()))
    }

    async fn metros(&self) -> Result<Vec<Metro>> {
        let list = request::list_metros(&self.config.endpoint);
        Ok(self.client.send(list).await?.json::<Metros>()?.metros)
    }

    /// The stock, which a project's key may not be allowed to see: then nothing is known about it.
    async fn capacity(&self) -> Result<Capacity> {
        match self.client.send(request::list_capacity(&self.config.endpoint)).await {
            Ok(answer) => answer.json(),
            Err(error) if error.kind() == ErrorKind::Forbidden => Ok(Capacity::default()),
            Err(error) => Err(error),
        }
    }
}

#[async_trait]
impl Cloud for Packet {
    fn info(&self) -> &'static ProviderInfo {
        &INFO
    }

    fn hint(&self) -> Option<&'static str> {
        self.config.retired()
    }

    fn check(&self, order: &Order) -> Result<()> {
        request::create_device(&self.config, order).map(|_| ())
    }

    async fn hosts(&self, find: Find<'_>, _region: Option<&str>) -> Result<Vec<ProvisionedHost>> {
        let project = self.config.project.as_str();
        let list = |page| request::list_devices(&self.config.endpoint, project, Some(find), page);
        let devices = self.client.numbered_pages::<Devices>(list).await?.into_iter();
        let hosts = devices.map(|device| device.into_host(Some(project)));
        hosts.collect()
    }

    async fn create(&self, order: &Order) -> Result<ProvisionedHost> {
        let create = request::create_device(&self.config, order)?;
        let answer = self.client.send(create).await?;
        answer.json::<Device>()?.into_host(Some(&self.config.project))
    }

    async fn read(&self, id: &HostId) -> Result<ProvisionedHost> {
        let host = DeviceId::parse(id)?;
        let get = request::get_device(&self.config.endpoint, host.device);
        match self.client.send(get).await {
            Ok(answer) => answer.json::<Device>()?.into_host(host.project),
            Err(error) => {
                self.check_gone(&host, error).await?;
                Err(Error::host_not_found(id))
            }
        }
    }

    /// Nothing but the device was created, and its addresses go with it.
    async fn remove(&self, id: &HostId) -> Result<Deletion> {
        let host = DeviceId::parse(id)?;
        let delete = request::delete_device(&self.config.endpoint, host.device);
        match self.client.send(delete).await {
            Ok(_) => Ok(Deletion::InProgress),
            Err(error) if is_being_deleted(&error) => Ok(Deletion::InProgress),
            Err(error) => {
                self.check_gone(&host, error).await?;
                Ok(Deletion::NotFound)
            }
        }
    }

    async fn regions(&self) -> Result<Vec<Region>> {
        Ok(self.metros().await?.iter().filter_map(Metro::to_region).collect())
    }

    async fn plans(&self, region: Option<&str>) -> Result<Vec<Plan>> {
        let list = self.client.send(request::list_plans(&self.config.endpoint));
        let (metros, plans, capacity) = try_join3(self.metros(), list, self.capacity()).await?;
        let plans = plans.json::<Plans>()?.plans.into_iter();
        // A private copy need not have the default region.
        let is_known = |code: &&str| metros.iter().any(|metro| metro.is(code));
        let region = region.or(Some(INFO.default_region).filter(is_known));
        Ok(plans.map(|plan| plan.into_plan(region, &metros, &capacity)).collect())
    }

    async fn images(&self, _region: Option<&str>) -> Result<Vec<Image>> {
        let list = request::list_operating_systems(&self.config.endpoint);
        let systems = self.client.send(list).await?.json::<OperatingSystems>()?;
        let systems = systems.operating_systems.into_iter();
        Ok(systems.map(OperatingSystem::into_image).collect())
    }
}
