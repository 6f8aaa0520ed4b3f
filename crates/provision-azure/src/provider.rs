use std::{collections::BTreeMap, net::IpAddr, sync::Arc, time::SystemTime};

use futures_util::future::{join, try_join, try_join_all};
use provision_core::{
    Cloud, Deletion, Error, ErrorKind, Find, HostId, HostStatus, Hosted, IdempotencyKey, Image, Made, Order, Plan,
    ProviderInfo, ProvisionedHost, Region, Result, Settings, async_trait,
};
use provision_http::{Going, Transport, http::StatusCode};

use crate::{
    auth::throw_away_password,
    config::Config,
    error::{BEING_DELETED, DEPLOYMENT_ACTIVE},
    id::Target,
    info::{INFO, images},
    request::{self, Arm},
    response::{Address, Deployment, Group, Location, Machine, Page, Size},
    session::Session,
    status::{DELETING, NOT_DEPLOYED, deployment_status},
};

/// Microsoft Azure as a [`Cloud`]. Clones share the connection pool and the access token.
#[derive(Debug, Clone)]
pub struct Azure {
    session: Session,
    arm: Arm,
}

impl Azure {
    /// Static facts about the provider.
    pub const INFO: &'static ProviderInfo = &INFO;

    /// A provider with checked settings that sends its requests over `transport`.
    ///
    /// # Errors
    /// `InvalidRequest` when the access token holds characters that no token has.
    pub fn new(config: Config, transport: Arc<dyn Transport>) -> Result<Hosted<Self>> {
        let clock = transport.clock();
        let session = Session::new(&config, transport)?;
        let arm = Arm {
            endpoint: config.endpoint,
            subscription: config.subscription,
        };
        Ok(Hosted::new(Self { session, arm }, clock))
    }

    /// As [`new`](Self::new), from a flat map of settings; see [`INFO`](Self::INFO) for the names.
    ///
    /// # Errors
    /// As [`Config::from_settings`] and [`new`](Self::new).
    pub fn from_settings(settings: &Settings, transport: Arc<dyn Transport>) -> Result<Hosted<Self>> {
        Self::new(Config::from_settings(settings)?, transport)
    }

    /// All hosts with our marker. Their deployments would be a request each and are left out.
    async fn all_hosts(&self) -> Result<Vec<ProvisionedHost>> {
        let groups: Vec<Group> = self.session.pages(&self.arm, self.arm.list_groups()).await?;
        if groups.is_empty() {
            return Ok(Vec::new());
        }
        let (addresses, machines) = try_join(
            self.session.pages::<Address>(&self.arm, self.arm.list_addresses()),
            self.session.pages::<Machine>(&self.arm, self.arm.list_machines()),
        )
        .await?;
        let addresses = addresses.iter();
        let addresses: BTreeMap<String, IpAddr> = addresses
            .filter_map(|address| Some((address.group()?, address.ip()?)))
            .collect();
        let machines = machines.into_iter();
        let mut machines: BTreeMap<String, Machine> = machines
            .filter_map(|machine| Some((machine.group()?, machine)))
            .collect();
        let now = SystemTime::now();
        let hosts = groups.into_iter().map(|group| {
            let key = group.name.to_ascii_lowercase();
            let machine = machines.remove(&key);
            let target = Target::of_group(&group.name, machine.as_ref().map(|machine| machine.name.as_str()));
            let ip = addresses.get(&key).copied();
            let mut host = match machine {
                _ if group.is_deleting() => group.host(&target, HostStatus::Deleting, DELETING)?,
                Some(machine) => group.host_with_machine(&target, machine, ip)?,
                None => group.host_without_machine(&target, "no machine yet", now)?,
            };
            // Also of a host that is going: its deletion by address is called until it is over.
            host.ip = ip;
            Ok(host)
        });
        hosts.collect()
    }

    async fn hosts_in(&self, groups: &[Group]) -> Result<Vec<ProvisionedHost>> {
        let hosts = groups.iter().map(async |group| {
            let target = Target::of_group(&group.name, None);
            self.host_in(group, &target).await
        });
        try_join_all(hosts).await
    }

    /// The host in a group, from its deployment and, once that is done, its machine. Where nothing was deployed it is
    /// [`NOT_DEPLOYED`], whatever its age.
    async fn host_in(&self, group: &Group, target: &Target) -> Result<ProvisionedHost> {
        if group.is_deleting() {
            return group.host(target, HostStatus::Deleting, DELETING);
        }
        let (deployment, machine) = try_join(
            self.session.find::<Deployment>(self.arm.get_deployment(target)),
            self.session.find::<Machine>(self.arm.get_machine(target)),
        )
        .await?;
        if let Some(deployment) = &deployment
            && let Some(status) = deployment_status(deployment.state())
        {
            let mut host = group.host(target, status, deployment.state())?;
            if status == HostStatus::Failed {
                host.message = deployment.failure();
            }
            return Ok(host);
        }
        match (machine, deployment) {
            (Some(machine), deployment) => {
                let ip = match deployment.and_then(|deployment| deployment.ip()) {
                    Some(ip) => Some(ip),
                    None => self.address_of(target).await?,
                };
                group.host_with_machine(target, machine, ip)
            }
            (None, None) => group.host(target, HostStatus::Provisioning, NOT_DEPLOYED),
            (None, Some(_)) => group.host_without_its_machine(target),
        }
    }

    /// The address in a host's group, for a deployment that does not tell.
    async fn address_of(&self, target: &Target) -> Result<Option<IpAddr>> {
        let list = self.arm.list_addresses_of(target);
        let addresses: Option<Page<Address>> = self.session.find(list).await?;
        let addresses = addresses.map_or_else(Vec::new, |page| page.value);
        Ok(addresses.iter().find_map(Address::ip))
    }

    /// Deletes a group of ours with everything in it.
    async fn remove_group(&self, target: &Target) -> Result<Deletion> {
        match self.session.remove(self.arm.delete_group(target)).await? {
            Going::Gone => Ok(Deletion::NotFound),
            Going::Accepted => Ok(Deletion::InProgress),
            Going::Busy(error) if error.code() == Some(BEING_DELETED) => Ok(Deletion::InProgress),
            Going::Busy(error) => Err(error),
        }
    }

    /// Whether inlets-operator made this group, which it does not mark: its deployment is there, whose name nobody can guess.
    async fn is_of_inlets(&self, target: &Target) -> Result<bool> {
        if !target.is_of_inlets() {
            return Ok(false);
        }
        let found: Option<Deployment> = self.session.find(self.arm.get_deployment(target)).await?;
        Ok(found.is_some())
    }

    /// The state of a deployment that another call with the same key sent, if it is on its way.
    async fn deployed_by_another(&self, target: &Target) -> Result<Option<String>> {
        let found: Option<Deployment> = self.session.find(self.arm.get_deployment(target)).await?;
        let state = found.map(|deployment| deployment.state().to_owned());
        Ok(state.filter(|state| deployment_status(state) != Some(HostStatus::Failed)))
    }
}

#[async_trait]
impl Cloud for Azure {
    fn info(&self) -> &'static ProviderInfo {
        &INFO
    }

    fn region(&self, region: &str) -> Result<String> {
        request::region(region)
    }

    fn check(&self, order: &Order) -> Result<()> {
        let (target, password) = (Target::of_host(order.name.as_str()), throw_away_password()?);
        let create = self
            .arm
            .create_deployment(&target, order, &order.region, SystemTime::now(), &password);
        create.map(|_| ())
    }

    async fn hosts(&self, find: Find<'_>, _region: Option<&str>) -> Result<Vec<ProvisionedHost>> {
        let groups: Vec<Group> = match find {
            Find::Key(hash) => {
                let list = self.arm.list_groups_of_key(hash);
                self.session.pages(&self.arm, list).await?
            }
            Find::Name(name) => {
                let get = self.arm.get_group(&Target::of_host(name.as_str()));
                self.session.find(get).await?.into_iter().collect()
            }
            _ => return self.all_hosts().await,
        };
        self.hosts_in(&groups).await
    }

    /// Also the group of the name, whosever it is: the PUT in [`create`](Self::create) would replace its tags, and takes no
    /// condition that would prevent it.
    async fn find(&self, order: &Order) -> Result<Vec<ProvisionedHost>> {
        self.session.log_in().await?;
        let list = self.arm.list_groups_of_key(&order.key.hash());
        let get = self.arm.get_group(&Target::of_host(order.name.as_str()));
        let (of_key, named) = join(
            self.session.pages::<Group>(&self.arm, list),
            self.session.find::<Group>(get),
        )
        .await;
        let (mut groups, named) = (of_key?, named?);
        if let Some(named) = named
            && !groups.iter().any(|group| group.name.eq_ignore_ascii_case(&named.name))
        {
            groups.push(named);
        }
        self.hosts_in(&groups).await
    }

    async fn create(&self, order: &Order) -> Result<ProvisionedHost> {
        let target = Target::of_host(order.name.as_str());
        let create = self.arm.create_group(&target, order, SystemTime::now())?;
        let answer = self.session.send(create).await?;
        // 200 is for a group that was there: another call was quicker, and it may have deployed already.
        if answer.status() != StatusCode::CREATED {
            let message = format!("resource group `{}` exists", target.group);
            return Err(Error::new(ErrorKind::AlreadyExists, message));
        }
        answer
            .json::<Group>()?
            .host(&target, HostStatus::Provisioning, NOT_DEPLOYED)
    }

    async fn complete(&self, order: &Order, mut host: ProvisionedHost, made: Made) -> Result<ProvisionedHost> {
        // Whatever found the host has looked for its deployment. One that runs or is done is never sent again: its new
        // password alone would be refused.
        if made == Made::Earlier && host.raw_status != NOT_DEPLOYED {
            return Ok(host);
        }
        let target = Target::of_id(&host.id)?;
        let region = host.region.as_deref().unwrap_or(&order.region);
        let created = host.created.unwrap_or_else(SystemTime::now);
        let password = throw_away_password()?;
        let create = self.arm.create_deployment(&target, order, region, created, &password)?;
        let sent = self.session.send(create).await;
        let state = match sent.and_then(|answer| answer.json::<Deployment>()) {
            Ok(deployment) => deployment.state().to_owned(),
            // Another call with the same key was quicker.
            Err(error) if error.code() == Some(DEPLOYMENT_ACTIVE) => "Running".to_owned(),
            Err(error) if error.is_retryable() => return Err(error),
            // It would take the other call's host along when this one's is taken back.
            Err(error) => match self.deployed_by_another(&target).await? {
                Some(state) => state,
                None => return Err(error),
            },
        };
        host.raw_status = state;
        host.plan = Some(order.plan.clone());
        host.image = Some(order.image.clone());
        Ok(host)
    }

    async fn read(&self, id: &HostId) -> Result<ProvisionedHost> {
        let target = Target::of_id(id)?;
        let group: Group = self.session.send(self.arm.get_group(&target)).await?.json()?;
        let host = self.host_in(&group, &target).await?;
        if host.raw_status == NOT_DEPLOYED {
            return group.host_without_machine(&target, NOT_DEPLOYED, SystemTime::now());
        }
        Ok(host)
    }

    async fn remove(&self, id: &HostId) -> Result<Deletion> {
        let target = Target::of_id(id)?;
        let Some(group) = self.session.find::<Group>(self.arm.get_group(&target)).await? else {
            // Everything of a host is in its group, so that nothing can be left.
            return Ok(Deletion::NotFound);
        };
        if group.is_deleting() {
            return Ok(Deletion::InProgress);
        }
        if !group.is_ours() && !self.is_of_inlets(&target).await? {
            return Err(Error::invalid(format!(
                "resource group `{}` was not made by this tool, and deleting it would delete everything in it: use `az group delete` if you mean it",
                target.group
            )));
        }
        self.remove_group(&target).await
    }

    async fn remove_known(&self, host: &ProvisionedHost) -> Result<Deletion> {
        match host.status {
            HostStatus::Deleting => Ok(Deletion::InProgress),
            _ if host.labels.is_managed() => self.remove_group(&Target::of_id(&host.id)?).await,
            _ => self.remove(&host.id).await,
        }
    }

    async fn remove_leftovers(&self, key: &IdempotencyKey, _region: &str) -> Result<Deletion> {
        let mut found = self.hosts(Find::Key(&key.hash()), None).await?;
        // A group with something in it is a host.
        let is_empty = |host: &ProvisionedHost| host.raw_status == NOT_DEPLOYED || host.status == HostStatus::Deleting;
        found.retain(|host| host.labels.has_key(key) && is_empty(host));
        let removed = try_join_all(found.iter().map(|host| self.remove(&host.id))).await?;
        let going = removed.contains(&Deletion::InProgress);
        Ok(if going {
            Deletion::InProgress
        } else {
            Deletion::NotFound
        })
    }

    async fn regions(&self) -> Result<Vec<Region>> {
        let regions: Vec<Location> = self.session.pages(&self.arm, self.arm.list_regions()).await?;
        Ok(regions.into_iter().filter_map(Location::into_region).collect())
    }

    async fn plans(&self, region: Option<&str>) -> Result<Vec<Plan>> {
        let region = region.unwrap_or(self.home_region());
        let sizes: Vec<Size> = self.session.pages(&self.arm, self.arm.list_sizes(region)).await?;
        Ok(sizes.into_iter().map(Size::into_plan).collect())
    }

    async fn images(&self, _region: Option<&str>) -> Result<Vec<Image>> {
        Ok(images())
    }
}
