use std::{collections::BTreeMap, sync::Arc};

use provision_core::{
    BasicHost, Catalog, CatalogQuery, CatalogSection, Deletion, Error, ErrorKind, HostDeleteRequest, HostId,
    HostStatus, ListFilter, ProviderInfo, ProvisionedHost, Provisioner, RegionFilter, Result, Settings, async_trait,
    parse_rfc3339,
};
use provision_http::{Answer, Client, Request, Transport};
use serde::de::DeserializeOwned;

use crate::{
    auth::Authorizer,
    config::{Config, INFO, Target, check_zone},
    error::VENDOR,
    request,
    response::{AggregatedPage, Disk, Firewall, Going, Instance, MachineType, Operation, OsImage, Page, Zone},
};

/// Google Compute Engine as a [`Provisioner`]. Clones share the connection pool and the access token.
#[derive(Debug, Clone)]
pub struct Gce {
    client: Client,
    config: Config,
}

impl Gce {
    /// Static facts about the provider.
    pub const INFO: &'static ProviderInfo = &INFO;

    /// A provider with checked settings that sends its requests over `transport`.
    ///
    /// # Errors
    /// None today.
    pub fn new(config: Config, transport: Arc<dyn Transport>) -> Result<Self> {
        let authorizer = Authorizer::new(config.credentials.clone(), transport.clone());
        let client = Client::builder(VENDOR, transport)
            .authorizer(Arc::new(authorizer))
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

    /// All pages of a list, each asked for with the token that the one before it gave.
    async fn pages<T, P>(&self, request: impl Fn(Option<&str>) -> Request + Send + Sync) -> Result<Vec<T>>
    where
        T: Send,
        P: DeserializeOwned + Into<Page<T>>,
    {
        let read = |answer: &Answer, _: usize| {
            let page: Page<T> = answer.json::<P>()?.into();
            if page.is_partial() {
                let error = answer.unexpected("the cloud could not read every zone: try again, or name one zone");
                return Err(error.with_kind(ErrorKind::Unavailable));
            }
            let next = page.next_page_token.filter(|token| !token.is_empty());
            Ok((page.items, next.map(|token| request(Some(&token)))))
        };
        self.client.pages(request(None), read).await
    }

    /// What a read finds, `None` when the cloud says that it is not there.
    async fn find<T: DeserializeOwned>(&self, request: Request) -> Result<Option<T>> {
        match self.client.send(request).await {
            Ok(answer) => Ok(Some(answer.json()?)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn instance(&self, target: &Target) -> Result<Option<Instance>> {
        self.find(request::get_instance(&self.config.endpoint, target)).await
    }

    /// The newest creation or deletion of an instance. Its time is compared as an instant: offsets change with the season.
    async fn newest_operation(&self, target: &Target) -> Result<Option<Operation>> {
        let operations = self
            .pages::<Operation, Page<_>>(|token| request::list_operations(&self.config.endpoint, target, token))
            .await?;
        let time = |operation: &Operation| {
            let text = operation.insert_time.clone().unwrap_or_default();
            // The text tells apart what happened in one second.
            (parse_rfc3339(&text), text)
        };
        Ok(operations
            .into_iter()
            .filter(|operation| operation.is_life_of(target))
            .max_by_key(time))
    }

    /// The host whose instance cannot be read: it is on its way, or could not be made.
    async fn host_of_operation(&self, target: &Target) -> Result<Option<ProvisionedHost>> {
        match self.newest_operation(target).await? {
            Some(newest) if newest.is_insert() && (!newest.is_done() || newest.failure().is_some()) => {
                newest.to_host(target).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The instance of this name as the host asked for, if it was made with the same key.
    fn adopt(&self, instance: Instance, target: &Target, host: &BasicHost) -> Result<ProvisionedHost> {
        let found = instance.into_host(target)?;
        if !host.key.as_ref().is_some_and(|key| found.labels.has_key(key)) {
            let text = format!("instance `{}` exists in zone {}", target.name, target.zone);
            return Err(taken(format!("{text}: choose another name, or delete that host")));
        }
        if found.status == HostStatus::Deleting {
            let text = format!("host `{}` is still being deleted: try again in a while", found.id);
            return Err(Error::new(ErrorKind::Conflict, text).with_provider(INFO.id));
        }
        Ok(found)
    }

    /// What a disk of the host's name means: the boot disk of an earlier call's host, or somebody else's, which the new
    /// host would silently boot from.
    async fn adopt_by_disk(&self, disk: &Disk, target: &Target, host: &BasicHost) -> Result<ProvisionedHost> {
        if let Some(instance) = self.instance(target).await? {
            return self.adopt(instance, target, host);
        }
        let ours = host.key.as_ref().is_some_and(|key| disk.labels().has_key(key));
        if ours && let Some(found) = self.host_of_operation(target).await? {
            return Ok(found);
        }
        let text = format!("a disk named `{}` exists in zone {}", target.name, target.zone);
        Err(taken(match disk.labels().is_managed() {
            true => format!(
                "{text}, left over from an earlier host: delete host `{}` first",
                target.id()?
            ),
            false => format!("{text}, and a new host would boot from it: choose another name, or delete the disk"),
        }))
    }

    /// Makes the instance. `true` stands for one that an earlier call made.
    async fn create(&self, create: Request, target: &Target, host: &BasicHost) -> Result<(ProvisionedHost, bool)> {
        let mut answer = self.client.send(create).await;
        // A new operation is never done yet: this is the answer to an earlier create with the same key.
        if let (Ok(first), true) = (&answer, host.key.is_some())
            && first.json::<Operation>()?.is_done()
        {
            if let Some(instance) = self.instance(target).await? {
                return Ok((self.adopt(instance, target, host)?, true));
            }
            // That host failed or was deleted since, and its request id would give the same answer for ever. Without one
            // there still cannot be two hosts: names are unique.
            let anew = request::create_instance(&self.config.endpoint, target, host, None)?;
            answer = self.client.send(anew).await;
        }
        let operation = match answer {
            Ok(answer) => answer.json::<Operation>()?,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                return match self.instance(target).await? {
                    Some(instance) => Ok((self.adopt(instance, target, host)?, true)),
                    None => Err(error),
                };
            }
            Err(error) => return Err(error),
        };
        if let Some(failure) = operation.failure() {
            return Err(self
                .roll_back(target, failure, "the new instance was removed again")
                .await);
        }
        let mut created = operation.to_host(target)?;
        created.plan = Some(host.plan.as_deref().unwrap_or(INFO.default_plan).to_owned());
        created.labels = host.all_labels();
        Ok((created, false))
    }

    /// Makes the firewall rules, or mends those that are there.
    async fn open_ports(&self, target: &Target, host: &BasicHost, adopted: bool) -> Result<()> {
        let endpoint = &self.config.endpoint;
        let rules = request::firewall_rules(target, host);
        for rule in &rules {
            if !adopted {
                match self
                    .client
                    .send(request::create_firewall(endpoint, target, rule)?)
                    .await
                {
                    Ok(_) => continue,
                    Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                    Err(error) => return Err(error),
                }
            }
            match self
                .find::<Firewall>(request::get_firewall(endpoint, target, &rule.name))
                .await?
            {
                Some(found) if !found.is_of(target) => {
                    let text = format!("firewall rule `{}` exists and is not of this host", rule.name);
                    return Err(taken(format!("{text}: choose another name, or delete that rule")));
                }
                // One that a new host finds may be on its way out: only a change tells.
                Some(found) if adopted && found.does(rule) => {}
                Some(_) => drop(
                    self.client
                        .send(request::patch_firewall(endpoint, target, rule)?)
                        .await?,
                ),
                None => drop(
                    self.client
                        .send(request::create_firewall(endpoint, target, rule)?)
                        .await?,
                ),
            }
        }
        // With every port closed, a rule that an earlier host of this name left would still let something in.
        let allow = request::allow_name(target);
        if !rules.iter().any(|rule| rule.name == allow) {
            let left = self.firewalls(target).await?;
            if left.iter().any(|rule| rule.name == allow) {
                self.remove(request::delete_firewall(endpoint, target, &allow)).await?;
            }
        }
        Ok(())
    }

    /// Deletes what was made, and says so in the error.
    async fn roll_back(&self, target: &Target, error: Error, done: &str) -> Error {
        match self.delete_host(target, false).await {
            Ok(_) => error.context(done),
            Err(_) => error.context(format!(
                "what was made for host `{0}|{1}|{2}` could not be removed again, delete that host",
                target.name, target.zone, target.project
            )),
        }
    }

    /// Sends a deletion.
    async fn remove(&self, request: Request) -> Result<Going> {
        match self.client.send(request).await {
            Ok(_) => Ok(Going::Accepted),
            Err(error) => match error.kind() {
                ErrorKind::NotFound => Ok(Going::Gone),
                ErrorKind::Conflict => Ok(Going::Busy),
                _ => Err(error),
            },
        }
    }

    /// The firewall rules that were made for the host. Credentials that may not read rules have never made one.
    async fn firewalls(&self, target: &Target) -> Result<Vec<Firewall>> {
        let find = request::find_firewalls(&self.config.endpoint, target);
        let mut found = match self.client.send(find).await {
            Ok(answer) => answer.json::<Page<Firewall>>()?.items,
            Err(error) if error.kind() == ErrorKind::Forbidden => Vec::new(),
            Err(error) => return Err(error),
        };
        found.retain(|rule| rule.is_of(target));
        Ok(found)
    }

    async fn delete_firewalls(&self, target: &Target) -> Result<Going> {
        let mut all = Going::Gone;
        for rule in self.firewalls(target).await? {
            let delete = request::delete_firewall(&self.config.endpoint, target, &rule.name);
            all = all.max(self.remove(delete).await?);
        }
        Ok(all)
    }

    /// Removes the boot disk that a failed create left. A disk that we did not make is left alone.
    async fn delete_stray_disk(&self, target: &Target) -> Result<Going> {
        let endpoint = &self.config.endpoint;
        match self.find::<Disk>(request::get_disk(endpoint, target)).await? {
            Some(disk) if disk.labels().is_managed() => self.remove(request::delete_disk(endpoint, target)).await,
            _ => Ok(Going::Gone),
        }
    }

    /// Rules first: by IP the host can only be found again as long as it is there, so that it goes last.
    async fn delete_host(&self, target: &Target, by_ip: bool) -> Result<Deletion> {
        let endpoint = &self.config.endpoint;
        let rules = self.delete_firewalls(target).await?;
        if by_ip && rules == Going::Busy {
            return Ok(Deletion::InProgress);
        }
        // UNCONFIRMED: what a deletion answers while another one runs; busy counts as on its way.
        if self.remove(request::delete_instance(endpoint, target)).await? != Going::Gone {
            return Ok(Deletion::InProgress);
        }
        // A create that was accepted may not show its instance yet.
        if let Some(newest) = self.newest_operation(target).await?
            && newest.is_insert()
            && !newest.is_done()
        {
            return Ok(Deletion::InProgress);
        }
        let disk = self.delete_stray_disk(target).await?;
        let address = match &target.address_region {
            Some(region) => self.remove(request::delete_address(endpoint, target, region)).await?,
            None => Going::Gone,
        };
        Ok(match rules.max(disk).max(address) {
            Going::Gone => Deletion::Removed,
            Going::Accepted | Going::Busy => Deletion::InProgress,
        })
    }

    async fn zones(&self) -> Result<Vec<Zone>> {
        let (endpoint, project) = (&self.config.endpoint, &self.config.project);
        self.pages::<Zone, Page<_>>(|token| request::list_zones(endpoint, project, token))
            .await
    }
}

fn taken(message: String) -> Error {
    Error::new(ErrorKind::AlreadyExists, message)
        .with_provider(INFO.id)
        .with_operation("create instance")
}

#[async_trait]
impl Provisioner for Gce {
    fn info(&self) -> &'static ProviderInfo {
        &INFO
    }

    async fn provision(&self, host: &BasicHost) -> Result<ProvisionedHost> {
        INFO.check(host)?;
        let target = Target::of_new(host, &self.config)?;
        let id = host.key.as_ref().map(|key| request::request_id(key, &target));
        let create = request::create_instance(&self.config.endpoint, &target, host, id.as_deref())?;
        let disk = self
            .find::<Disk>(request::get_disk(&self.config.endpoint, &target))
            .await?;
        let (found, adopted) = match disk {
            Some(disk) => (self.adopt_by_disk(&disk, &target, host).await?, true),
            None => self.create(create, &target, host).await?,
        };
        if found.status == HostStatus::Failed {
            return Ok(found);
        }
        match self.open_ports(&target, host, adopted).await {
            Ok(()) => Ok(found),
            // Nothing is open before the rules are there: with the key, the next call makes them.
            Err(error) if adopted || (host.key.is_some() && error.is_retryable()) => Err(error.context(format!(
                "host `{}` lacks a firewall rule, provision it again with its key",
                found.id
            ))),
            Err(error) => {
                let done = "the new instance was removed again because its firewall rules could not be made";
                Err(self.roll_back(&target, error, done).await)
            }
        }
    }

    async fn status(&self, id: &HostId) -> Result<ProvisionedHost> {
        let target = Target::parse(id, &self.config)?;
        if let Some(instance) = self.instance(&target).await? {
            return instance.into_host(&target);
        }
        let found = self.host_of_operation(&target).await?;
        let found = match found {
            // Operations are remembered for days: once its rules are deleted, a failed host is gone.
            Some(failed) if failed.status == HostStatus::Failed && self.firewalls(&target).await?.is_empty() => None,
            other => other,
        };
        found.ok_or_else(|| Error::host_not_found(id).with_provider(INFO.id))
    }

    async fn delete(&self, request: &HostDeleteRequest) -> Result<Deletion> {
        match request {
            HostDeleteRequest::Id(id) => self.delete_host(&Target::parse(id, &self.config)?, false).await,
            HostDeleteRequest::Ip { ip, region } => {
                let mut filter = ListFilter::all();
                filter.region = region.clone();
                let hosts = self.list(&filter).await?;
                let Some(host) = hosts.into_iter().find(|host| host.ip == Some(*ip)) else {
                    return Err(Error::no_host_with_ip(*ip).with_provider(INFO.id));
                };
                self.delete_host(&Target::parse(&host.id, &self.config)?, true).await
            }
            _ => Err(
                Error::new(ErrorKind::Unsupported, "this way to name a host is not supported").with_provider(INFO.id),
            ),
        }
    }

    async fn list(&self, filter: &ListFilter) -> Result<Vec<ProvisionedHost>> {
        let (endpoint, project) = (&self.config.endpoint, &self.config.project);
        let instances = match &filter.region {
            RegionFilter::Only(zone) => {
                check_zone(zone)?;
                let request = |token: Option<&str>| request::list_instances(endpoint, project, Some(zone), token);
                self.pages::<Instance, Page<_>>(request).await?
            }
            // One list covers every zone.
            _ => {
                let request = |token: Option<&str>| request::list_instances(endpoint, project, None, token);
                self.pages::<Instance, AggregatedPage>(request).await?
            }
        };
        let hosts = instances.into_iter().map(|instance| {
            let target = instance.target(project);
            instance.into_host(&target)
        });
        hosts
            .filter(|host| host.as_ref().map_or(true, |host| filter.matches(host)))
            .collect()
    }

    async fn catalog(&self, query: &CatalogQuery) -> Result<Catalog> {
        let (endpoint, project) = (&self.config.endpoint, &self.config.project);
        let mut catalog = Catalog::default();
        // The list of zones also tells whether the wanted one exists.
        if query.wants(CatalogSection::Regions) || query.wanted_region().is_some() {
            let zones = self.zones().await?;
            if let Some(wanted) = query.wanted_region()
                && !zones.iter().any(|known| known.name == wanted)
            {
                let known: Vec<&str> = zones.iter().map(|known| known.name.as_str()).collect();
                return Err(Error::unknown_region(wanted, &known).with_provider(INFO.id));
            }
            if query.wants(CatalogSection::Regions) {
                catalog.regions = zones.into_iter().map(Zone::into_region).collect();
            }
        }
        if query.wants(CatalogSection::Plans) {
            let zone = query.wanted_region().unwrap_or(&self.config.zone);
            let types = self
                .pages::<MachineType, Page<_>>(|token| request::list_machine_types(endpoint, project, zone, token))
                .await?;
            catalog.plans = types.into_iter().map(|plan| plan.into_plan(zone)).collect();
        }
        if query.wants(CatalogSection::Images) {
            let mut families = BTreeMap::new();
            for (owner, pattern) in request::CATALOG_IMAGES {
                let images = self
                    .pages::<OsImage, Page<_>>(|token| request::list_images(endpoint, owner, pattern, token))
                    .await?;
                let current = images.into_iter().filter_map(OsImage::into_image);
                families.extend(current.map(|image| (image.id.clone(), image)));
            }
            catalog.images = families.into_values().collect();
        }
        Ok(catalog.sorted())
    }
}
