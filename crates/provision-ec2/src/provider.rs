use std::sync::Arc;

use futures_util::future::join;
use provision_core::{
    Cloud, Deletion, Error, ErrorKind, ExposeSecret, Find, HostId, HostStatus, Hosted, IdempotencyKey, Image, Made,
    Order, Plan, ProviderInfo, ProvisionedHost, REQUEST_LABEL, Region, Result, Settings, async_trait,
};
use provision_http::{Client, Going, Transport};

use crate::{
    api::Api,
    auth::{Credentials, Source},
    config::Config,
    error::VENDOR,
    id::{InstanceId, check_region},
    info::{GROUP_LABEL, INFO},
    request::{self, Groups, Launch},
    response,
    sign::Signer,
};

/// EC2 as a [`Cloud`]. Clones share the connection pool.
#[derive(Debug, Clone)]
pub struct Ec2 {
    transport: Arc<dyn Transport>,
    source: Arc<Source>,
    config: Config,
}

impl Ec2 {
    /// Static facts about the provider.
    pub const INFO: &'static ProviderInfo = &INFO;

    /// A provider with checked settings that sends its requests over `transport`.
    ///
    /// # Errors
    /// `InvalidRequest` for a region that cannot be one.
    pub fn new(config: Config, transport: Arc<dyn Transport>) -> Result<Hosted<Self>> {
        check_region(&config.region)?;
        let clock = transport.clock();
        let source = Arc::new(Source::new(config.credentials.clone(), &transport));
        let cloud = Self {
            transport,
            source,
            config,
        };
        Ok(Hosted::new(cloud, clock))
    }

    /// As [`new`](Self::new), from a flat map of settings; see [`INFO`](Self::INFO) for the names.
    ///
    /// # Errors
    /// As [`Config::from_settings`].
    pub fn from_settings(settings: &Settings, transport: Arc<dyn Transport>) -> Result<Hosted<Self>> {
        Self::new(Config::from_settings(settings)?, transport)
    }

    fn api(&self, region: &str) -> Result<Api> {
        let signer = Signer {
            source: self.source.clone(),
            region: region.to_owned(),
        };
        let mut client = Client::builder(VENDOR, self.transport.clone())
            .header("accept", "text/xml")?
            .authorizer(Arc::new(signer));
        #[cfg_attr(
            not(feature = "aws-config"),
            expect(irrefutable_let_patterns, reason = "there is a chain with the feature")
        )]
        if let Credentials::Keys(keys) = &self.config.credentials {
            client = client.redact(keys.secret_access_key.expose_secret());
            if let Some(token) = &keys.session_token {
                client = client.redact(token.expose_secret());
            }
        }
        Ok(Api {
            client: client.build(),
            endpoint: self.config.endpoint(region)?,
            region: region.to_owned(),
        })
    }
}

#[async_trait]
impl Cloud for Ec2 {
    fn info(&self) -> &'static ProviderInfo {
        &INFO
    }

    fn home_region(&self) -> &str {
        &self.config.region
    }

    fn region(&self, region: &str) -> Result<String> {
        check_region(region)?;
        Ok(region.to_owned())
    }

    fn check(&self, order: &Order) -> Result<()> {
        let endpoint = self.config.endpoint(&order.region)?;
        request::run_instance(&endpoint, order, Launch::default()).map(|_| ())
    }

    async fn hosts(&self, find: Find<'_>, region: Option<&str>) -> Result<Vec<ProvisionedHost>> {
        let api = self.api(region.unwrap_or(self.home_region()))?;
        let list = |next: Option<&str>| request::list_instances(&api.endpoint, find, next);
        let instances = api.client.pages(list(None), |answer, _| {
            let (instances, next) = response::instances(answer)?;
            Ok((instances, next.map(|next| list(Some(&next)))))
        });
        // One that AWS terminated is shown for an hour more, and has a status until then; there is no host any more.
        let alive = instances
            .await?
            .into_iter()
            .filter(|instance| !instance.is_terminated());
        let hosts: Result<Vec<_>> = alive.map(|instance| instance.into_host(&api.region)).collect();
        Ok(hosts?.into_iter().flatten().collect())
    }

    async fn create(&self, order: &Order) -> Result<ProvisionedHost> {
        let api = self.api(&order.region)?;
        let launched = match request::own_group(order) {
            Some(group) => api.launch_in_group_of_user(order, group).await?,
            None => api.launch_in_group_of_key(order).await?,
        };
        let id = launched.id.clone();
        launched.into_host(&api.region)?.ok_or_else(|| {
            let message = format!("instance {id} was terminated as soon as it was made: try again");
            Error::new(ErrorKind::Unavailable, message)
        })
    }

    async fn complete(&self, order: &Order, host: ProvisionedHost, made: Made) -> Result<ProvisionedHost> {
        let Some(group) = host.labels.get(GROUP_LABEL) else {
            return Ok(host);
        };
        let id = InstanceId::parse(&host.id)?;
        let api = self.api(id.region)?;
        let (mut closed, mut untied) = (true, true);
        if made == Made::Earlier {
            let found = api.groups(Groups::Id(group)).await?;
            let Some(found) = found.first() else {
                return Ok(host);
            };
            // No rules are what another order may have asked for.
            let same_order = host.labels.get(REQUEST_LABEL) == order.labels.get(REQUEST_LABEL);
            closed = !found.has_rules && same_order;
            untied = found.host().is_none();
        }
        let open = request::open_ports(&api.endpoint, group, &order.ports).filter(|_| closed);
        let tie = untied.then(|| request::tag_group(&api.endpoint, group, id.instance));
        // Both to their end, so that none is lost.
        let (opened, tied) = join(api.change_new_group(open), api.change_new_group(tie)).await;
        match opened.and(tied) {
            Ok(()) => Ok(host),
            // No port of it is open that should not be: it can stay.
            Err(error) => Err(error.with_host(host.id)),
        }
    }

    async fn read(&self, id: &HostId) -> Result<ProvisionedHost> {
        let parts = InstanceId::parse(id)?;
        let found = self.api(parts.region)?.find(parts.instance).await?;
        let host = found.map(|instance| instance.into_host(parts.region)).transpose()?;
        host.flatten().ok_or_else(|| Error::host_not_found(id))
    }

    async fn remove(&self, id: &HostId) -> Result<Deletion> {
        let id = InstanceId::parse(id)?;
        let api = self.api(id.region)?;
        let terminate = || request::terminate_instance(&api.endpoint, id.instance);
        match api.find(id.instance).await? {
            Some(instance) if instance.is_terminated() => {
                if instance.group_of_inlets().is_some() {
                    api.tie_group_of(&instance).await?;
                }
                // It may have lost its tags.
                let wanted = instance.own_group().map_or(Groups::Host(id.instance), Groups::Id);
                let mut groups = api.groups(wanted).await?;
                groups.retain(|group| group.host().is_none_or(|host| host == id.instance));
                api.delete_groups(&groups).await
            }
            Some(instance) => {
                // Its group is in use until it is terminated, and then found by the tag alone.
                let end = async {
                    match instance.is_ending() {
                        true => Ok(Going::Accepted),
                        false => api.client.remove(terminate()).await,
                    }
                };
                let (ended, tied) = join(end, api.tie_group_of(&instance)).await;
                ended?.accepted()?;
                tied?;
                Ok(Deletion::InProgress)
            }
            None => {
                // It is gone, or too new to be known everywhere.
                let groups = api.groups(Groups::Host(id.instance));
                let (ended, groups) = join(api.client.remove(terminate()), groups).await;
                let gone = ended?.accepted()?.is_gone();
                let removed = api.delete_groups(&groups?).await?;
                Ok(if gone { removed } else { Deletion::InProgress })
            }
        }
    }

    async fn remove_known(&self, host: &ProvisionedHost) -> Result<Deletion> {
        if host.status == HostStatus::Deleting {
            return self.remove(&host.id).await;
        }
        let id = InstanceId::parse(&host.id)?;
        let api = self.api(id.region)?;
        let end = api
            .client
            .remove(request::terminate_instance(&api.endpoint, id.instance));
        let tie = api.tie_group(host.labels.get(GROUP_LABEL), id.instance);
        let (ended, tied) = join(end, tie).await;
        ended?.accepted()?;
        tied?;
        // Its group is still there, also when the instance is terminated by now.
        Ok(Deletion::InProgress)
    }

    async fn remove_leftovers(&self, key: &IdempotencyKey, region: &str) -> Result<Deletion> {
        let api = self.api(region)?;
        let groups = api.groups(Groups::Key(&key.hash())).await?;
        api.delete_groups(&groups).await
    }

    async fn regions(&self) -> Result<Vec<Region>> {
        let api = self.api(self.home_region())?;
        response::regions(&api.client.send(request::list_regions(&api.endpoint)).await?)
    }

    async fn plans(&self, region: Option<&str>) -> Result<Vec<Plan>> {
        let api = self.api(region.unwrap_or(self.home_region()))?;
        let list = |next: Option<&str>| request::list_types(&api.endpoint, next);
        let plans = api.client.pages(list(None), |answer, _| {
            let (plans, next) = response::plans(answer, &api.region)?;
            Ok((plans, next.map(|next| list(Some(&next)))))
        });
        plans.await
    }

    async fn images(&self, region: Option<&str>) -> Result<Vec<Image>> {
        let api = self.api(region.unwrap_or(self.home_region()))?;
        let answer = api.client.send(request::list_images(&api.endpoint, None)).await?;
        let mut images = response::newest_images(&answer)?;
        images.extend(response::default_images());
        Ok(images)
    }
}
