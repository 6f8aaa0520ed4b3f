use std::sync::Arc;

use futures_util::future::{join, join_all, try_join, try_join_all};
use provision_core::{
    Cloud, Deletion, Error, ErrorKind, ExposeSecret, Find, HostId, HostStatus, Hosted, IdempotencyKey, Image, Made,
    Order, Plan, PortRange, ProviderInfo, ProvisionedHost, Region, Result, Settings, async_trait,
};
use provision_http::{Client, Going, Request, Transport};

use crate::{
    config::Config,
    error::VENDOR,
    id::{ServerId, Uuid, Zone, group_of},
    info::INFO,
    request,
    response::{
        Availabilities, Group, GroupAnswer, Groups, ImageAnswer, Images, LocalImages, Plans, Rule, Rules, Server,
        ServerAnswer, Servers, UserDataNames, Volumes, choose_build, offered, regions,
    },
    status::{Removal, is_off},
};

/// Scaleway Instances as a [`Cloud`]. Clones share the connection pool.
#[derive(Debug, Clone)]
pub struct Scaleway {
    client: Client,
    config: Config,
}

impl Scaleway {
    /// Static facts about the provider.
    pub const INFO: &'static ProviderInfo = &INFO;

    /// A provider with checked settings that sends its requests over `transport`.
    ///
    /// # Errors
    /// `InvalidRequest` when the secret key holds characters that no key has.
    pub fn new(config: Config, transport: Arc<dyn Transport>) -> Result<Hosted<Self>> {
        let clock = transport.clock();
        let client = Client::builder(VENDOR, transport)
            .secret_header("x-auth-token", None, config.secret_key.expose_secret())?
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

    fn zone(&self, region: Option<&str>) -> Result<Zone> {
        region.map_or_else(|| Ok(self.config.zone.clone()), Zone::new)
    }

    /// The id of the image for local disks: the one that a label stands for in the zone, or the given one.
    async fn image_id(&self, zone: &Zone, order: &Order) -> Result<Uuid> {
        let (endpoint, wanted) = (&self.config.endpoint, order.image.as_str());
        if let Ok(id) = Uuid::new(wanted) {
            let answer = self.client.send(request::get_image(endpoint, zone, &id)).await?;
            return answer.json::<ImageAnswer>()?.image.for_local_disks();
        }
        let find = request::find_image(endpoint, zone, wanted);
        let builds = self.client.one_page::<LocalImages>(find).await;
        let builds = builds.map_err(|error| match error.kind() {
            ErrorKind::InvalidRequest => error.context(format!("image {wanted:?} does not exist in {zone}")),
            _ => error,
        })?;
        choose_build(builds, zone, wanted, &order.plan)
    }

    /// The security group for the server to come, in which every port is closed; no group when all are open.
    ///
    /// A new one is made while those are looked for that earlier calls with the key left behind: one after the other, a create
    /// would be a chain of six requests. The first is the oldest and the one to use; the others, if any, are to go.
    async fn closed_groups(&self, zone: &Zone, order: &Order) -> Result<Vec<Group>> {
        if order.ports.restricted().is_none() {
            return Ok(Vec::new());
        }
        let hash = order.key.hash();
        let left = request::list_groups_of_key(&self.config, zone, &hash);
        let make = request::create_group(&self.config, zone, &hash)?;
        let (left, made) = join(self.client.one_page::<Groups>(left), self.client.send(make)).await;
        let made = made?.json::<GroupAnswer>()?.security_group;
        let mut groups = match left {
            Ok(groups) => groups,
            Err(error) => {
                self.drop_groups(zone, &[made]).await;
                return Err(error);
            }
        };
        let name = request::name_for_key(&hash);
        groups.retain(|group| group.id != made.id && group.is_unused() && group.name.as_deref() == Some(&name));
        groups.push(made);
        groups.sort_by_cached_key(Group::age);
        Ok(groups)
    }

    /// Removes groups that no server came to use. One that stays for want of an answer costs nothing, and is taken up or
    /// removed by its key.
    async fn drop_groups(&self, zone: &Zone, groups: &[Group]) {
        let delete = |group: &Group| request::delete_group(&self.config.endpoint, zone, &group.id);
        join_all(groups.iter().map(|group| self.client.remove(delete(group)))).await;
    }

    async fn create_server(
        &self,
        zone: &Zone,
        order: &Order,
        image: Result<Uuid>,
        group: Option<&Group>,
    ) -> Result<ProvisionedHost> {
        let group = group.map(|group| &group.id);
        let create = request::create_server(&self.config, zone, order, image?.as_str(), group)?;
        let answer = self.client.send(create).await?;
        answer.json::<ServerAnswer>()?.server.into_host(zone)
    }

    async fn give_user_data(&self, order: &Order, id: &ServerId, made: Made) -> Result<()> {
        let endpoint = &self.config.endpoint;
        if order.user_data.is_empty() {
            return Ok(());
        }
        if made == Made::Earlier {
            let list = request::list_user_data(endpoint, id);
            let names = self.client.send(list).await?.json::<UserDataNames>()?.user_data;
            if names.iter().any(|name| name == request::CLOUD_INIT) {
                return Ok(());
            }
        }
        let set = request::set_user_data(endpoint, id, order.user_data.expose());
        self.client.send(set).await.map(|_| ())
    }

    /// A server that was never started cannot be told from one that was switched off: both are started.
    async fn start(&self, order: &Order, mut host: ProvisionedHost, made: Made) -> Result<ProvisionedHost> {
        if made == Made::Earlier && !is_off(&host.raw_status) {
            return Ok(host);
        }
        let id = ServerId::parse(&host.id)?;
        let ports = self.open_ports(order, &id, group_of(&host.labels), made);
        // Both to their end, here and below: what is given up half-way may have been done or not.
        let (given, opened) = join(self.give_user_data(order, &id, made), ports).await;
        given.and(opened)?;
        self.client.send(request::power_on(&self.config.endpoint, &id)?).await?;
        (host.status, host.raw_status) = (HostStatus::Provisioning, "starting".to_owned());
        Ok(host)
    }

    /// Opens the ports in the group that the server was made with, and names the group after it.
    async fn open_ports(&self, order: &Order, id: &ServerId, group: Option<Uuid>, made: Made) -> Result<()> {
        let Some(ports) = order.ports.restricted() else {
            return Ok(());
        };
        let group = match (group, made) {
            (Some(group), _) => group,
            // It was asked for with all ports open, and is as it was then.
            (None, Made::Earlier) => return Ok(()),
            (None, Made::Now) => {
                let message = "the new server lacks the tags that were asked for: report this as a bug";
                return Err(Error::new(ErrorKind::UnexpectedResponse, message));
            }
        };
        let name = request::name_group(&self.config.endpoint, id, &group)?;
        let (named, set) = join(self.client.send(name), self.set_rules(&id.zone, &group, ports, made)).await;
        named.map(drop).and(set)
    }

    async fn set_rules(&self, zone: &Zone, group: &Uuid, ports: &[PortRange], made: Made) -> Result<()> {
        let endpoint = &self.config.endpoint;
        if made == Made::Earlier {
            let list = request::list_rules(endpoint, zone, group);
            if !self.client.one_page::<Rules>(list).await?.iter().all(Rule::is_fixed) {
                return Ok(());
            }
        }
        let set = request::set_rules(endpoint, zone, group, ports)?;
        self.client.send(set).await.map(|_| ())
    }

    async fn get_server(&self, id: &ServerId) -> Result<Server> {
        match self.client.send(request::get_server(&self.config.endpoint, id)).await {
            Ok(answer) => Ok(answer.json::<ServerAnswer>()?.server),
            // The text has the id of what is not there: only this very server is gone.
            Err(error) if error.kind() == ErrorKind::NotFound && !error.message().contains(id.server.as_str()) => {
                let error = error.with_kind(ErrorKind::UnexpectedResponse);
                Err(error.context("the answer is about another server: is the endpoint right?"))
            }
            Err(error) => Err(error),
        }
    }

    async fn find_server(&self, id: &ServerId) -> Result<Option<Server>> {
        match self.get_server(id).await {
            Ok(server) => Ok(Some(server)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Names something after its server, unless it is gone by now.
    async fn name(&self, request: Request) -> Result<()> {
        match self.client.send(request).await {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Removes what a server that is gone has left: its disks, if it was not terminated, and its security group.
    async fn remove_left_by(&self, id: &ServerId) -> Result<Deletion> {
        let endpoint = &self.config.endpoint;
        let (volumes, groups) = try_join(
            self.client
                .one_page::<Volumes>(request::list_volumes_of_server(endpoint, id)),
            self.client
                .one_page::<Groups>(request::list_groups_of_server(endpoint, id)),
        )
        .await?;
        let name = request::name_for_server(&id.server);
        let volumes = volumes.iter().filter(|volume| volume.belongs_to(&id.server, &name));
        let groups = groups.iter().filter(|group| group.belongs_to(&id.server, &name));
        let volumes = volumes.map(|volume| request::delete_volume(endpoint, &id.zone, &volume.id));
        let groups = groups.map(|group| request::delete_group(endpoint, &id.zone, &group.id));
        self.remove_parts(volumes.chain(groups).collect()).await
    }

    /// One that is still in use by a vanishing server is not gone yet.
    async fn remove_parts(&self, parts: Vec<Request>) -> Result<Deletion> {
        let going = try_join_all(parts.into_iter().map(|part| self.client.remove(part))).await?;
        Ok(match going {
            going if going.iter().any(Going::is_busy) => Deletion::InProgress,
            going if going.iter().all(Going::is_gone) => Deletion::NotFound,
            _ => Deletion::Removed,
        })
    }
}

#[async_trait]
impl Cloud for Scaleway {
    fn info(&self) -> &'static ProviderInfo {
        &INFO
    }

    fn home_region(&self) -> &str {
        self.config.zone.as_str()
    }

    fn region(&self, region: &str) -> Result<String> {
        Zone::new(region).map(|zone| zone.as_str().to_owned())
    }

    fn check(&self, order: &Order) -> Result<()> {
        let zone = Zone::new(&order.region)?;
        request::create_server(&self.config, &zone, order, "", None).map(|_| ())
    }

    async fn hosts(&self, find: Find<'_>, region: Option<&str>) -> Result<Vec<ProvisionedHost>> {
        let zone = self.zone(region)?;
        let list = |page| request::list_servers(&self.config, &zone, find, page);
        let servers = self.client.numbered_pages::<Servers>(list).await?;
        servers.into_iter().map(|server| server.into_host(&zone)).collect()
    }

    async fn create(&self, order: &Order) -> Result<ProvisionedHost> {
        let zone = Zone::new(&order.region)?;
        // Neither is given up when the other fails: a group for whose answer nobody waits would stay.
        let (image, groups) = join(self.image_id(&zone, order), self.closed_groups(&zone, order)).await;
        let groups = groups?;
        let (group, surplus) = groups.split_at(groups.len().min(1));
        let create = self.create_server(&zone, order, image, group.first());
        let (made, ()) = join(create, self.drop_groups(&zone, surplus)).await;
        if made.as_ref().is_err_and(|error| !error.may_exist()) {
            self.drop_groups(&zone, group).await;
        }
        made
    }

    async fn complete(&self, order: &Order, host: ProvisionedHost, made: Made) -> Result<ProvisionedHost> {
        let id = host.id.clone();
        // Until it is started it is off, so that it can stay.
        self.start(order, host, made).await.map_err(|error| error.with_host(id))
    }

    async fn read(&self, id: &HostId) -> Result<ProvisionedHost> {
        let id = ServerId::parse(id)?;
        self.get_server(&id).await?.into_host(&id.zone)
    }

    async fn remove(&self, id: &HostId) -> Result<Deletion> {
        let (endpoint, id) = (&self.config.endpoint, &ServerId::parse(id)?);
        let Some(server) = self.find_server(id).await? else {
            return self.remove_left_by(id).await;
        };
        let step = server.removal();
        let remove = match step {
            Removal::Wait => return Ok(Deletion::InProgress),
            Removal::Barred => {
                return Err(Error::new(
                    ErrorKind::Forbidden,
                    format!(
                        "host `{}` is locked or protected: remove its protection in the console, or ask Scaleway's support",
                        id.host_id()?.to_text()
                    ),
                ));
            }
            Removal::Terminate => request::terminate(endpoint, id)?,
            Removal::PowerOff => request::power_off(endpoint, id)?,
            Removal::Delete => request::delete_server(endpoint, id),
        };
        let group = group_of(&server.labels());
        let volumes = match step {
            Removal::Delete => server.local_volumes(),
            _ => Vec::new(),
        };
        // What stays behind has to be found by the server's id should this call end early.
        let name = request::name_for_server(&id.server);
        let unnamed = group.iter().filter(|group| !server.has_group(group, &name));
        let names = volumes.iter().map(|volume| request::name_volume(endpoint, id, volume));
        let names = names.chain(unnamed.map(|group| request::name_group(endpoint, id, group)));
        let names = names.collect::<Result<Vec<_>>>()?;
        try_join_all(names.into_iter().map(|name| self.name(name))).await?;
        match self.client.send(remove).await {
            Ok(_) if step == Removal::Delete => {
                let zone = &id.zone;
                let volumes = volumes.iter().map(|id| request::delete_volume(endpoint, zone, id));
                let group = group.iter().map(|id| request::delete_group(endpoint, zone, id));
                match self.remove_parts(volumes.chain(group).collect()).await? {
                    Deletion::InProgress => Ok(Deletion::InProgress),
                    _ => Ok(Deletion::Removed),
                }
            }
            Ok(_) => Ok(Deletion::InProgress),
            // The next call finds what it left.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Deletion::InProgress),
            // The state changed since it was read. UNCONFIRMED: with which code a step is refused that is no longer allowed.
            Err(error) if matches!(error.kind(), ErrorKind::Conflict | ErrorKind::InvalidRequest) => {
                match self.find_server(id).await? {
                    Some(now) if now.removal() == step => Err(error),
                    _ => Ok(Deletion::InProgress),
                }
            }
            Err(error) => Err(error),
        }
    }

    async fn remove_leftovers(&self, key: &IdempotencyKey, region: &str) -> Result<Deletion> {
        let zone = Zone::new(region)?;
        let list = request::list_groups_of_key(&self.config, &zone, &key.hash());
        let (unused, used): (Vec<_>, Vec<_>) = self
            .client
            .one_page::<Groups>(list)
            .await?
            .into_iter()
            .partition(Group::is_unused);
        let delete = |group: &Group| request::delete_group(&self.config.endpoint, &zone, &group.id);
        let removed = self.remove_parts(unused.iter().map(delete).collect()).await?;
        Ok(match used.is_empty() {
            true => removed,
            false => Deletion::InProgress,
        })
    }

    async fn regions(&self) -> Result<Vec<Region>> {
        Ok(regions())
    }

    async fn plans(&self, region: Option<&str>) -> Result<Vec<Plan>> {
        let (endpoint, zone) = (&self.config.endpoint, self.zone(region)?);
        // One after the other, so that a rate limit is met once.
        let list = |page| request::list_plans(endpoint, &zone, page);
        let plans = self.client.numbered_pages::<Plans>(list).await?;
        let list = |page| request::list_availability(endpoint, &zone, page);
        let stock = self.client.numbered_pages::<Availabilities>(list).await?;
        Ok(offered(plans, &stock.into_iter().collect(), &zone))
    }

    async fn images(&self, _region: Option<&str>) -> Result<Vec<Image>> {
        let list = |page| request::list_images(&self.config.endpoint, page);
        let images = self.client.numbered_pages::<Images>(list).await?;
        Ok(images.into_iter().map(|image| image.into_image()).collect())
    }
}
