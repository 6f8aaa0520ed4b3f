use std::sync::Arc;

use futures_util::future::try_join;
use provision_core::{
    Cloud, Deletion, Find, HostId, Hosted, Image, Order, Plan, ProviderInfo, ProvisionedHost, Region, Result, Settings,
    async_trait,
};
use provision_http::{Client, Going, IdOrName, Transport};

use crate::{
    config::Config,
    error::{VENDOR, is_going},
    info::INFO,
    request,
    response::{
        Availability, Instance, InstanceAnswer, Instances, OperatingSystem, OperatingSystems, PlanEntry, Plans,
        RegionEntry, Regions,
    },
};

/// Vultr as a [`Cloud`]. Clones share the connection pool.
#[derive(Debug, Clone)]
pub struct Vultr {
    client: Client,
    config: Config,
}

impl Vultr {
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

    async fn operating_systems(&self) -> Result<Vec<OperatingSystem>> {
        let list = |cursor: Option<&str>| request::list_operating_systems(&self.config.endpoint, cursor);
        self.client.chained_pages::<OperatingSystems>(list).await
    }

    /// The number of an image, looked up by its name or, where that has to be known, to see whether it has the firewall that
    /// restricts ports.
    async fn image(&self, order: &Order) -> Result<u64> {
        let wanted = IdOrName::from(order.image.as_str());
        if let IdOrName::Id(id) = wanted
            && !request::needs_firewall(order)
        {
            return Ok(id);
        }
        let known = self.operating_systems().await?;
        match known.into_iter().find(|known| known.is(wanted)) {
            None => Err(request::unknown_image(&order.image)),
            Some(known) if request::needs_firewall(order) && !known.has_ufw() => {
                Err(request::image_without_firewall(&order.image))
            }
            Some(known) => Ok(known.id),
        }
    }
}

#[async_trait]
impl Cloud for Vultr {
    fn info(&self) -> &'static ProviderInfo {
        &INFO
    }

    fn check(&self, order: &Order) -> Result<()> {
        // Whatever number the image has.
        request::create_instance(&self.config.endpoint, order, 0).map(|_| ())
    }

    async fn hosts(&self, find: Find<'_>, _region: Option<&str>) -> Result<Vec<ProvisionedHost>> {
        let list = |cursor: Option<&str>| request::list_instances(&self.config.endpoint, find, cursor);
        let instances = self.client.chained_pages::<Instances>(list).await?;
        Ok(instances.into_iter().map(Instance::into_host).collect())
    }

    async fn create(&self, order: &Order) -> Result<ProvisionedHost> {
        let image = self.image(order).await?;
        let create = request::create_instance(&self.config.endpoint, order, image)?;
        let answer = self.client.send(create).await?;
        Ok(answer.json::<InstanceAnswer>()?.instance.into_host())
    }

    async fn read(&self, id: &HostId) -> Result<ProvisionedHost> {
        let get = request::get_instance(&self.config.endpoint, HostId::check_uuid(id.as_str())?);
        let answer = self.client.send(get).await?;
        Ok(answer.json::<InstanceAnswer>()?.instance.into_host())
    }

    /// The instance is all that there is to remove. Vultr accepts a deletion with 204 and shows the instance as missing
    /// right after; that is asked for, because only then is nothing left.
    async fn remove(&self, id: &HostId) -> Result<Deletion> {
        let (endpoint, uuid) = (&self.config.endpoint, HostId::check_uuid(id.as_str())?);
        match self.client.remove(request::delete_instance(endpoint, uuid)).await? {
            Going::Gone => return Ok(Deletion::NotFound),
            Going::Busy(error) if !is_going(&error) => return Err(error),
            Going::Accepted | Going::Busy(_) => {}
        }
        let look = request::get_instance(endpoint, uuid);
        Ok(match self.client.find::<InstanceAnswer>(look).await {
            Ok(None) => Deletion::Removed,
            // Still there, or not to be known now: the deletion stands, and the next call looks again.
            Ok(Some(_)) | Err(_) => Deletion::InProgress,
        })
    }

    async fn regions(&self) -> Result<Vec<Region>> {
        let list = |cursor: Option<&str>| request::list_regions(&self.config.endpoint, cursor);
        let regions = self.client.chained_pages::<Regions>(list).await?;
        Ok(regions.into_iter().map(RegionEntry::into_region).collect())
    }

    async fn plans(&self, region: Option<&str>) -> Result<Vec<Plan>> {
        let region = region.unwrap_or(INFO.default_region);
        let list = |cursor: Option<&str>| request::list_plans(&self.config.endpoint, cursor);
        let stock = self.client.send(request::availability(&self.config.endpoint, region));
        let (plans, stock) = try_join(self.client.chained_pages::<Plans>(list), stock).await?;
        let stock = stock.json::<Availability>()?.available_plans;
        let offered = plans.into_iter().filter(PlanEntry::is_offered);
        Ok(offered.map(|plan| plan.into_plan(region, &stock)).collect())
    }

    async fn images(&self, _region: Option<&str>) -> Result<Vec<Image>> {
        let systems = self.operating_systems().await?.into_iter();
        let offered = systems.filter(OperatingSystem::runs_user_data);
        Ok(offered.map(OperatingSystem::into_image).collect())
    }
}
