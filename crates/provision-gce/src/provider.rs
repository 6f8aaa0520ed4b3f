use std::{collections::BTreeMap, sync::Arc};

use futures_util::future::{join, join_all, try_join, try_join_all};
use provision_core::{
    Cloud, Deletion, Error, ErrorKind, Find, HostId, HostStatus, Hosted, Image, Made, Order, Plan, ProviderInfo,
    ProvisionedHost, Region, Result, Settings, async_trait, parse_rfc3339,
};
use provision_http::{Client, Going, Transport};

use crate::{
    auth::Authorizer,
    config::Config,
    error::VENDOR,
    id::{Target, check_zone},
    info::INFO,
    request,
    response::{AggregatedPage, Disk, FoundRule, Instance, MachineType, Operation, OsImage, Page, Zone},
    rule::{self, Rule},
};

/// Google Compute Engine as a [`Cloud`]. Clones share the connection pool and the access token.
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
    pub fn new(config: Config, transport: Arc<dyn Transport>) -> Result<Hosted<Self>> {
        let clock = transport.clock();
        let authorizer = Authorizer::new(config.credentials.clone(), transport.clone());
        let client = Client::builder(VENDOR, transport)
            .authorizer(Arc::new(authorizer))
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

    fn target(&self, name: &str, zone: &str) -> Target {
        Target::new(name, zone, &self.config.project)
    }

    async fn instance(&self, target: &Target) -> Result<Option<ProvisionedHost>> {
        let get = request::get_instance(&self.config.endpoint, target);
        let found = self.client.find::<Instance>(get).await?;
        found.map(|instance| instance.into_host(target)).transpose()
    }

    async fn disk(&self, target: &Target) -> Result<Option<Disk>> {
        let get = request::get_disk(&self.config.endpoint, target);
        match self.client.find::<Disk>(get).await? {
            Some(other) if other.name != target.name => Err(Error::new(
                ErrorKind::UnexpectedResponse,
                "the answer is about another disk: is the endpoint right?",
            )),
            found => Ok(found),
        }
    }

    /// The newest creation or deletion of an instance. Its time is compared as an instant: offsets change with the season.
    async fn newest_operation(&self, target: &Target) -> Result<Option<Operation>> {
        let list = |token: Option<&str>| request::list_operations(&self.config.endpoint, target, token);
        let operations = self.client.chained_pages::<Page<Operation>>(list).await?;
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

    /// The host whose instance cannot be read, because it is on its way or could not be made. An operation has no labels;
    /// those of the boot disk, which has the host's name, tell whose it is.
    async fn host_of_operation(&self, target: &Target) -> Result<Option<ProvisionedHost>> {
        let (newest, disk) = try_join(self.newest_operation(target), self.disk(target)).await?;
        match newest.filter(|newest| newest.is_making() || newest.failure().is_some()) {
            Some(newest) => {
                let labels = disk.map(|disk| disk.labels()).unwrap_or_default();
                newest.to_host(target, labels).map(Some)
            }
            None => Ok(None),
        }
    }

    /// The rules with the names of a host's, whoever made them.
    async fn rules(&self, target: &Target) -> Result<Vec<FoundRule>> {
        let list = |token: Option<&str>| request::list_rules(&self.config.endpoint, target, token);
        self.client.chained_pages::<Page<FoundRule>>(list).await
    }

    /// Makes a rule that is missing. One that an earlier host of the name left may let in something else, or be on its way
    /// out, which only a change tells. One that was made for the host stays as it is.
    async fn complete_rule(
        &self,
        target: &Target,
        rule: &Rule,
        there: Option<&FoundRule>,
        host: &ProvisionedHost,
    ) -> Result<()> {
        let step = match there {
            None => request::create_rule(&self.config.endpoint, target, rule)?,
            Some(found) if !found.is_of(target) => return Err(taken(&rule.name)),
            Some(found) if found.is_older_than(host) => request::change_rule(&self.config.endpoint, target, rule)?,
            Some(_) => return Ok(()),
        };
        match self.client.send(step).await {
            Ok(_) => Ok(()),
            // The next call looks what is there.
            Err(error) if matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::NotFound) => Err(Error::new(
                ErrorKind::Conflict,
                format!(
                    "firewall rule `{}` of an earlier host of that name is still there: call again",
                    rule.name
                ),
            )),
            Err(error) => Err(error),
        }
    }

    /// Begins to remove a new instance, more ports of which are open than asked for, with the rules that were made for it. That
    /// their names are known saves looking for them: with the create before it, it would be seven requests in a row.
    async fn take_back(&self, target: &Target, rules: &[&str], error: Error) -> Error {
        let endpoint = &self.config.endpoint;
        let rules = rules.iter().map(|rule| request::delete_rule(endpoint, target, rule));
        let rules = join_all(rules.map(|delete| self.client.remove(delete)));
        let instance = self.client.remove(request::delete_instance(endpoint, target));
        // A rule that stays goes with the host's next deletion.
        let (_, removed) = join(rules, instance).await;
        error.context(match removed {
            Ok(Going::Gone | Going::Accepted) => "it is being removed again",
            Ok(Going::Busy(_)) | Err(_) => "removing it failed, too",
        })
    }

    /// Whether the host's rules are gone; if not, their deletion is under way now.
    async fn remove_rules(&self, target: &Target) -> Result<bool> {
        let rules = self.rules(target).await?;
        let ours = rules.iter().filter(|rule| rule.is_of(target));
        let delete = ours.map(|rule| request::delete_rule(&self.config.endpoint, target, &rule.name));
        let removed = try_join_all(delete.map(|delete| self.client.remove(delete))).await?;
        Ok(removed.iter().all(Going::is_gone))
    }

    /// What an instance that is gone, or never came, may have left besides its rules. `true` when nothing is there.
    async fn remove_remains(&self, target: &Target) -> Result<bool> {
        // A create that was accepted may not show its instance yet, and its disk must not be taken away from it.
        if self
            .newest_operation(target)
            .await?
            .is_some_and(|newest| newest.is_making())
        {
            return Ok(false);
        }
        let (disk, address) = try_join(self.remove_disk(target), self.remove_address(target)).await?;
        Ok(disk && address)
    }

    /// Removes the boot disk that a failed create left. A disk that we did not make is left alone.
    async fn remove_disk(&self, target: &Target) -> Result<bool> {
        match self.disk(target).await? {
            Some(disk) if disk.labels().is_managed() => {
                let delete = request::delete_disk(&self.config.endpoint, target);
                Ok(self.client.remove(delete).await?.is_gone())
            }
            _ => Ok(true),
        }
    }

    async fn remove_address(&self, target: &Target) -> Result<bool> {
        match &target.address_region {
            Some(region) => {
                let delete = request::delete_address(&self.config.endpoint, target, region);
                Ok(self.client.remove(delete).await?.is_gone())
            }
            None => Ok(true),
        }
    }
}

/// Rules belong to the whole project, hosts to a zone.
fn taken(rule: &str) -> Error {
    Error::invalid(format!(
        "firewall rule `{rule}` exists and is not of this host: choose another name, or delete that rule"
    ))
}

/// A new instance would boot from a disk of its name instead of from the image.
fn refuse_disk(disk: &Disk, target: &Target) -> Error {
    let text = format!("a disk named `{}` exists in zone {}", target.name, target.zone);
    match disk.labels().is_managed() || disk.is_used_by(target) {
        true => Error::new(
            ErrorKind::AlreadyExists,
            format!(
                "{text}; if no host uses it any more, delete host `{}/{}/{}` to remove it",
                target.name, target.zone, target.project
            ),
        ),
        false => Error::invalid(format!(
            "{text}, and a new host would boot from it: choose another name, or delete the disk"
        )),
    }
}

#[async_trait]
impl Cloud for Gce {
    fn info(&self) -> &'static ProviderInfo {
        &INFO
    }

    fn home_region(&self) -> &str {
        &self.config.zone
    }

    fn region(&self, region: &str) -> Result<String> {
        check_zone(region)?;
        Ok(region.to_owned())
    }

    fn check(&self, order: &Order) -> Result<()> {
        let target = self.target(order.name.as_str(), &order.region);
        request::create_instance(&self.config.endpoint, &target, order, None).map(|_| ())
    }

    async fn hosts(&self, find: Find<'_>, region: Option<&str>) -> Result<Vec<ProvisionedHost>> {
        if let (Find::Name(name), Some(zone)) = (find, region) {
            let target = self.target(name.as_str(), zone);
            let (instance, coming) = try_join(self.instance(&target), self.host_of_operation(&target)).await?;
            // Nothing is said about a host as long as nothing tells whose it is.
            let coming = coming.filter(|host| host.labels.is_managed());
            return Ok(instance.or(coming).into_iter().collect());
        }
        let project = &self.config.project;
        let list = |token: Option<&str>| request::list_instances(&self.config.endpoint, project, region, find, token);
        let instances = match region {
            Some(_) => self.client.chained_pages::<Page<Instance>>(list).await?,
            None => self.client.chained_pages::<AggregatedPage>(list).await?,
        };
        let hosts = instances.into_iter().map(|instance| instance.into_listed(project));
        hosts.collect()
    }

    async fn create(&self, order: &Order) -> Result<ProvisionedHost> {
        let endpoint = &self.config.endpoint;
        let target = self.target(order.name.as_str(), &order.region);
        let (disk, rules) = join(self.disk(&target), self.rules(&target)).await;
        if let Some(disk) = disk? {
            return Err(refuse_disk(&disk, &target));
        }
        if let Some(rule) = rules?.iter().find(|rule| !rule.is_of(&target)) {
            return Err(taken(&rule.name));
        }
        let id = request::request_id(&order.key, &target);
        let create = request::create_instance(endpoint, &target, order, Some(&id))?;
        let mut operation = self.client.send(create).await?.json::<Operation>()?;
        // A new operation is never done yet: this is that of an earlier create with the same key, whose host failed or was
        // deleted since, and whose request id would give the same answer forever. Without one there still cannot be two
        // hosts, because names are unique.
        if operation.is_done() {
            let anew = request::create_instance(endpoint, &target, order, None)?;
            operation = self.client.send(anew).await?.json::<Operation>()?;
        }
        let mut host = operation.to_host(&target, order.labels.clone())?;
        host.plan = Some(order.plan.clone());
        Ok(host)
    }

    async fn complete(&self, order: &Order, host: ProvisionedHost, made: Made) -> Result<ProvisionedHost> {
        let target = Target::parse(&host.id)?;
        if host.status == HostStatus::Failed {
            // Its operation was over before it was answered. What was made is taken back.
            let failure = self
                .newest_operation(&target)
                .await?
                .and_then(|newest| newest.failure());
            return failure.map_or(Ok(host), Err);
        }
        let rules = rule::rules(&target, order);
        let opens = rules.iter().any(|rule| rule.name == target.allow_rule());
        let there = match made {
            // What an earlier host of the name left shows when a rule of that name is refused.
            Made::Now if opens => Vec::new(),
            _ => self.rules(&target).await?,
        };
        let of_name = |name: &str| there.iter().find(|found| found.name == name);
        let steps = rules
            .iter()
            .map(|rule| self.complete_rule(&target, rule, of_name(&rule.name), &host));
        // With every port closed, a rule that an earlier host of this name left would still let something in.
        let left = of_name(&target.allow_rule()).filter(|found| !opens && found.is_of(&target));
        let close = async {
            match left.filter(|found| made == Made::Now || found.is_older_than(&host)) {
                Some(found) => {
                    let delete = request::delete_rule(&self.config.endpoint, &target, &found.name);
                    self.client.remove(delete).await?.accepted().map(drop)
                }
                None => Ok(()),
            }
        };
        // All of them to their end: a rule that is still being made would escape a roll back.
        let (steps, closed) = join(join_all(steps), close).await;
        let done = rules.iter().zip(&steps).filter(|(_, step)| step.is_ok());
        let done: Vec<&str> = done.map(|(rule, _)| rule.name.as_str()).collect();
        match steps.into_iter().collect::<Result<()>>().and(closed) {
            Ok(()) => Ok(host),
            Err(error) if made == Made::Now && !error.is_retryable() => {
                Err(self.take_back(&target, &done, error).await.with_host(host.id))
            }
            Err(error) => Err(error),
        }
    }

    async fn read(&self, id: &HostId) -> Result<ProvisionedHost> {
        let target = Target::parse(id)?;
        if let Some(host) = self.instance(&target).await? {
            return Ok(host);
        }
        let coming = self.host_of_operation(&target).await?;
        let host = coming.ok_or_else(|| Error::host_not_found(id))?;
        // Operations are remembered for days: a host that failed is gone when nothing of it is left.
        if host.status == HostStatus::Failed && !host.labels.is_managed() {
            let rules = self.rules(&target).await?;
            if !rules.iter().any(|rule| rule.is_of(&target)) {
                return Err(Error::host_not_found(id));
            }
        }
        Ok(host)
    }

    async fn remove(&self, id: &HostId) -> Result<Deletion> {
        let target = Target::parse(id)?;
        let delete = request::delete_instance(&self.config.endpoint, &target);
        let gone = match self.client.remove(delete).await? {
            Going::Gone => true,
            Going::Accepted => false,
            // UNCONFIRMED: what a deletion answers while another one runs.
            Going::Busy(error) => match self.newest_operation(&target).await? {
                Some(newest) if newest.is_removing() => false,
                _ => return Err(error),
            },
        };
        let remains = async {
            match gone {
                true => self.remove_remains(&target).await,
                false => Ok(false),
            }
        };
        Ok(match try_join(self.remove_rules(&target), remains).await? {
            // A deletion that is accepted is not over: the next call finds nothing any more.
            (true, true) => Deletion::NotFound,
            _ => Deletion::InProgress,
        })
    }

    async fn regions(&self) -> Result<Vec<Region>> {
        let list = |token: Option<&str>| request::list_zones(&self.config.endpoint, &self.config.project, token);
        let zones = self.client.chained_pages::<Page<Zone>>(list).await?;
        Ok(zones.into_iter().map(Zone::into_region).collect())
    }

    async fn plans(&self, region: Option<&str>) -> Result<Vec<Plan>> {
        let (endpoint, project) = (&self.config.endpoint, &self.config.project);
        let zone = region.unwrap_or(&self.config.zone);
        let list = |token: Option<&str>| request::list_machine_types(endpoint, project, zone, token);
        let types = self.client.chained_pages::<Page<MachineType>>(list).await?;
        Ok(types.into_iter().map(MachineType::into_plan).collect())
    }

    async fn images(&self, _region: Option<&str>) -> Result<Vec<Image>> {
        let endpoint = &self.config.endpoint;
        let lists = request::CATALOG_IMAGES.map(|(owner, pattern)| async move {
            let list = |token: Option<&str>| request::list_images(endpoint, owner, pattern, token);
            self.client.chained_pages::<Page<OsImage>>(list).await
        });
        let images = try_join_all(lists).await?.into_iter().flatten();
        let current = images.filter_map(OsImage::into_image);
        let families: BTreeMap<_, _> = current.map(|image| (image.id.clone(), image)).collect();
        Ok(families.into_values().collect())
    }
}
