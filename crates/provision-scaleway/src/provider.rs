use std::{net::IpAddr, sync::Arc};

use futures_util::future::try_join_all;
use provision_core::{
    BasicHost, Catalog, CatalogQuery, CatalogSection, Deletion, Error, ErrorKind, ExposeSecret, HostDeleteRequest,
    HostId, HostStatus, ListFilter, PortRange, ProviderInfo, ProvisionedHost, Provisioner, RegionFilter, Result,
    Settings, async_trait,
};
use provision_http::{Answer, Client, Request, Transport};

use crate::{
    config::{Config, INFO, Zone, is_uuid},
    error::VENDOR,
    request,
    response::{
        Availabilities, GroupAnswer, Groups, ImageAnswer, Images, LocalImages, Page, Plans, Server, ServerAnswer,
        Servers, Volumes, choose_build, offered, regions,
    },
    status::Removal,
};

/// Scaleway Instances as a [`Provisioner`]. Clones share the connection pool.
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
    pub fn new(config: Config, transport: Arc<dyn Transport>) -> Result<Self> {
        let client = Client::builder(VENDOR, transport)
            .secret_header("x-auth-token", None, config.secret_key.expose_secret())?
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

    /// All pages of a list, asked for by number, until the announced total is reached or a page is empty.
    async fn pages<P: Page>(&self, request: impl Fn(usize) -> Request + Send + Sync) -> Result<Vec<P::Item>>
    where
        P::Item: Send,
    {
        let mut seen = 0;
        let read = |answer: &Answer, page: usize| {
            let (items, in_body) = answer.json::<P>()?.into_parts();
            let in_header = answer.header("x-total-count").and_then(|total| total.parse().ok());
            seen += items.len();
            let more = !items.is_empty() && in_header.or(in_body).is_none_or(|total: usize| seen < total);
            Ok((items, more.then(|| request(page + 1))))
        };
        self.client.pages(request(1), read).await
    }

    /// A list that a filter narrows down to a single page.
    async fn one_page<P: Page>(&self, request: Request) -> Result<Vec<P::Item>> {
        Ok(self.client.send(request).await?.json::<P>()?.into_parts().0)
    }

    /// The host that an earlier call with the same key made.
    async fn find_by_key(&self, zone: &Zone, host: &BasicHost) -> Result<Option<Server>> {
        let Some(key) = &host.key else { return Ok(None) };
        let found = self
            .one_page::<Servers>(request::find_server(&self.config, zone, key))
            .await?;
        let made_by_key = found.into_iter().filter(|server| server.labels().has_key(key));
        Ok(made_by_key.min_by_key(|server| server.status() == HostStatus::Deleting))
    }

    /// The id of the image for local disks: the one that a label stands for in the zone, or the given one.
    async fn image_id(&self, zone: &Zone, host: &BasicHost, plan: &str) -> Result<String> {
        let endpoint = &self.config.endpoint;
        let wanted = host.image.as_deref().unwrap_or(INFO.default_image);
        if is_uuid(wanted) {
            let answer = self.client.send(request::get_image(endpoint, zone, wanted)).await?;
            let image = answer.json::<ImageAnswer>()?.image;
            return image.for_local_disks();
        }
        let builds = self
            .one_page::<LocalImages>(request::find_image(endpoint, zone, wanted))
            .await
            .map_err(|error| match error.kind() {
                ErrorKind::InvalidRequest => error.context(format!("image {wanted:?} does not exist in {zone}")),
                _ => error,
            })?;
        choose_build(&builds, zone, wanted, plan)
    }

    /// Everything between a server that exists, switched off, and one that boots. May be repeated.
    async fn finish(&self, zone: &Zone, host: &BasicHost, server: &Server, is_new: bool) -> Result<()> {
        let (endpoint, id) = (&self.config.endpoint, server.id.as_str());
        if let Some(ports) = host.ports.restricted() {
            self.close_ports(zone, server, ports, is_new).await?;
        }
        if !host.user_data.is_empty() {
            self.client
                .send(request::set_user_data(endpoint, zone, id, host.user_data.expose()))
                .await?;
        }
        self.client.send(request::power_on(endpoint, zone, id)?).await?;
        Ok(())
    }

    async fn close_ports(&self, zone: &Zone, server: &Server, ports: &[PortRange], is_new: bool) -> Result<()> {
        let (endpoint, id) = (&self.config.endpoint, server.id.as_str());
        let found = if is_new {
            None
        } else {
            self.groups_of(zone, id).await?.pop()
        };
        let group = match found {
            Some(group) => group,
            None => {
                let create = request::create_group(&self.config, zone, id)?;
                let created = self.client.send(create).await?.json::<GroupAnswer>()?;
                created.security_group.id.as_str().to_owned()
            }
        };
        self.client
            .send(request::set_rules(endpoint, zone, &group, ports)?)
            .await?;
        let in_use = server.security_group.as_ref().map(|group| group.id.as_str());
        if in_use != Some(group.as_str()) {
            self.client
                .send(request::use_group(endpoint, zone, id, &group)?)
                .await?;
        }
        Ok(())
    }

    /// What to do about a new server that could not be finished: with a key a passing fault is left to the next call,
    /// anything else takes the server away again.
    async fn give_up(&self, zone: &Zone, host: &BasicHost, server: &Server, error: Error) -> Error {
        let id = match server.host_id(zone) {
            Ok(id) => id,
            Err(invalid) => return invalid,
        };
        if host.key.is_some() && error.is_retryable() {
            return error.context(format!(
                "host `{id}` exists but is not started: call again with the same key, or delete it"
            ));
        }
        match self.delete_in_zone(zone, server.id.as_str(), None).await {
            Ok(Deletion::Removed) => {
                error.context("the new server was removed again because it could not be finished and started")
            }
            _ => error.context(format!(
                "host `{id}` could neither be finished and started nor removed: delete it"
            )),
        }
    }

    /// Continues with a host that an earlier call with the same key made. One that was never started cannot be told from
    /// one that was switched off: both are started.
    async fn carry_on(&self, zone: &Zone, host: &BasicHost, found: Server) -> Result<ProvisionedHost> {
        let id = found.host_id(zone)?;
        if found.status() == HostStatus::Deleting {
            let message = format!("host `{id}` of this key is being deleted: call again once it is gone");
            return Err(Error::new(ErrorKind::Conflict, message).with_provider(INFO.id));
        }
        if found.state != "stopped" {
            return found.into_host(zone);
        }
        match self.finish(zone, host, &found, false).await {
            Ok(()) => found.into_started_host(zone),
            Err(error) => Err(error.context(format!("host `{id}` exists but could not be started"))),
        }
    }

    async fn read(&self, zone: &Zone, server: &str) -> Result<Option<Server>> {
        match self
            .client
            .send(request::get_server(&self.config.endpoint, zone, server))
            .await
        {
            Ok(answer) => Ok(Some(answer.json::<ServerAnswer>()?.server)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// One step of a deletion. With an address, the deletion is by IP and has to be found by it again.
    async fn delete_in_zone(&self, zone: &Zone, id: &str, ip: Option<IpAddr>) -> Result<Deletion> {
        match self.read(zone, id).await? {
            Some(server) => self.delete_server(zone, &server, ip).await,
            None => self.delete_leftovers(zone, id, None).await,
        }
    }

    async fn delete_server(&self, zone: &Zone, server: &Server, ip: Option<IpAddr>) -> Result<Deletion> {
        let (endpoint, id) = (&self.config.endpoint, server.id.as_str());
        let step = server.removal();
        let remove = match step {
            Removal::Wait => return Ok(Deletion::InProgress),
            Removal::Barred => {
                let message = format!(
                    "host `{}` is locked or protected: remove its protection in the console, or ask Scaleway's support",
                    server.host_id(zone)?
                );
                return Err(Error::new(ErrorKind::Forbidden, message).with_provider(INFO.id));
            }
            Removal::Terminate => request::terminate(endpoint, zone, id)?,
            Removal::PowerOff if ip.is_some() => {
                let message = format!(
                    "host `{0}` has to be switched off first, and loses its address by that: delete host `{0}` instead",
                    server.host_id(zone)?
                );
                return Err(Error::new(ErrorKind::Unsupported, message).with_provider(INFO.id));
            }
            Removal::PowerOff => request::power_off(endpoint, zone, id)?,
            Removal::Delete => request::delete_server(endpoint, zone, id),
        };
        if let (Some(ip), Some(group)) = (ip, &server.security_group)
            && group.name == request::belonging(id)
        {
            self.change(request::mark_group(endpoint, zone, group.id.as_str(), ip)?)
                .await?;
        }
        if step == Removal::Delete {
            for volume in server.local_volumes() {
                self.change(request::name_volume(endpoint, zone, volume, id)?).await?;
            }
        }
        match self.client.send(remove).await {
            Ok(_) if step == Removal::Delete => {
                let volumes = server.local_volumes().map(str::to_owned).collect();
                self.delete_leftovers(zone, id, Some(volumes)).await
            }
            Ok(_) => Ok(Deletion::InProgress),
            Err(error) if error.kind() == ErrorKind::NotFound => self.delete_leftovers(zone, id, None).await,
            // The state changed since it was read. UNCONFIRMED: with which code a step is refused that is no longer allowed.
            Err(error) if matches!(error.kind(), ErrorKind::Conflict | ErrorKind::InvalidRequest) => {
                match self.read(zone, id).await? {
                    None => self.delete_leftovers(zone, id, None).await,
                    Some(now) if now.removal() != step => Ok(Deletion::InProgress),
                    Some(_) => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Removes what a server that is gone has left: its disks, if it was not terminated, and its security group.
    async fn delete_leftovers(&self, zone: &Zone, id: &str, volumes: Option<Vec<String>>) -> Result<Deletion> {
        let endpoint = &self.config.endpoint;
        let volumes = match volumes {
            Some(volumes) => volumes,
            None => self
                .one_page::<Volumes>(request::find_volumes(endpoint, zone, id))
                .await?
                .into_iter()
                .filter(|volume| volume.is_detached() && volume.name == request::belonging(id))
                .map(|volume| volume.id.as_str().to_owned())
                .collect(),
        };
        let mut gone = true;
        for volume in volumes {
            gone &= self.remove(request::delete_volume(endpoint, zone, &volume)).await?;
        }
        for group in self.groups_of(zone, id).await? {
            gone &= self.remove(request::delete_group(endpoint, zone, &group)).await?;
        }
        Ok(if gone { Deletion::Removed } else { Deletion::InProgress })
    }

    /// Changes something that may be gone by now.
    async fn change(&self, request: Request) -> Result<()> {
        match self.client.send(request).await {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Whether a leftover is gone; one that is still in use by a vanishing server is not yet.
    async fn remove(&self, request: Request) -> Result<bool> {
        match self.client.send(request).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn groups_of(&self, zone: &Zone, server: &str) -> Result<Vec<String>> {
        let name = request::belonging(server);
        let found = self
            .one_page::<Groups>(request::find_groups(&self.config.endpoint, zone, server))
            .await?;
        let ours = found.into_iter().filter(|group| group.name == name);
        Ok(ours.map(|group| group.id.as_str().to_owned()).collect())
    }

    async fn marked_with_ip(&self, zone: &Zone, ip: IpAddr) -> Result<Option<Server>> {
        let found = self
            .one_page::<Servers>(request::find_server_by_ip(&self.config, zone, ip))
            .await?;
        // The cloud's filter looks at private addresses as well.
        let is_it = |server: &Server| server.ip() == Some(ip) && server.labels().is_managed();
        Ok(found.into_iter().find(is_it))
    }

    /// The server that had this address when its deletion began, and left its security group behind.
    async fn gone_with_ip(&self, zone: &Zone, ip: IpAddr) -> Result<Option<String>> {
        let found = self
            .one_page::<Groups>(request::find_groups_by_ip(&self.config, zone, ip))
            .await?;
        Ok(found
            .iter()
            .find_map(|group| request::owner(&group.name))
            .map(str::to_owned))
    }

    async fn delete_by_ip(&self, ip: IpAddr, region: &RegionFilter) -> Result<Deletion> {
        let zones = self.config.zones(region)?;
        let Some((first, others)) = zones.split_first() else {
            return Err(Error::no_host_with_ip(ip).with_provider(INFO.id));
        };
        // Most hosts are in the configured zone; only without luck there all others are asked, at the same time.
        let mut hits = vec![self.marked_with_ip(first, ip).await?];
        if hits.iter().all(Option::is_none) {
            hits.extend(try_join_all(others.iter().map(|zone| self.marked_with_ip(zone, ip))).await?);
        }
        if let Some((zone, server)) = zones
            .iter()
            .zip(&hits)
            .find_map(|(zone, hit)| Some((zone, hit.as_ref()?)))
        {
            return self.delete_server(zone, server, Some(ip)).await;
        }
        let left = try_join_all(zones.iter().map(|zone| self.gone_with_ip(zone, ip))).await?;
        if let Some((zone, server)) = zones
            .iter()
            .zip(&left)
            .find_map(|(zone, hit)| Some((zone, hit.as_ref()?)))
        {
            match self.read(zone, server).await? {
                None => return self.delete_leftovers(zone, server, None).await,
                Some(server) if server.status() == HostStatus::Deleting => return Ok(Deletion::InProgress),
                // It lives on, so that it has another address by now.
                Some(_) => {}
            }
        }
        Err(Error::no_host_with_ip(ip).with_provider(INFO.id))
    }

    async fn servers_in(&self, zone: &Zone) -> Result<Vec<ProvisionedHost>> {
        let servers = self
            .pages::<Servers>(|page| request::list_servers(&self.config, zone, page))
            .await?;
        servers.into_iter().map(|server| server.into_host(zone)).collect()
    }
}

#[async_trait]
impl Provisioner for Scaleway {
    fn info(&self) -> &'static ProviderInfo {
        &INFO
    }

    async fn provision(&self, host: &BasicHost) -> Result<ProvisionedHost> {
        INFO.check(host)?;
        let zone = self.config.zone_or(host.region.as_deref())?;
        let wanted = request::NewServer::new(&self.config, host)?;
        if let Some(found) = self.find_by_key(&zone, host).await? {
            return self.carry_on(&zone, host, found).await;
        }
        let image = self.image_id(&zone, host, wanted.plan()).await?;
        let create = request::create_server(&self.config.endpoint, &zone, &wanted, image)?;
        let server = self.client.send(create).await?.json::<ServerAnswer>()?.server;
        match self.finish(&zone, host, &server, true).await {
            Ok(()) => server.into_started_host(&zone),
            Err(error) => Err(self.give_up(&zone, host, &server, error).await),
        }
    }

    async fn status(&self, id: &HostId) -> Result<ProvisionedHost> {
        let (zone, server) = self.config.parse_id(id)?;
        match self.read(&zone, &server).await? {
            Some(server) => server.into_host(&zone),
            None => Err(Error::host_not_found(id).with_provider(INFO.id)),
        }
    }

    async fn delete(&self, request: &HostDeleteRequest) -> Result<Deletion> {
        match request {
            HostDeleteRequest::Id(id) => {
                let (zone, server) = self.config.parse_id(id)?;
                self.delete_in_zone(&zone, &server, None).await
            }
            HostDeleteRequest::Ip { ip, region } => self.delete_by_ip(*ip, region).await,
            _ => Err(
                Error::new(ErrorKind::Unsupported, "this way to name a host is not supported").with_provider(INFO.id),
            ),
        }
    }

    async fn list(&self, filter: &ListFilter) -> Result<Vec<ProvisionedHost>> {
        let zones = self.config.zones(&filter.region)?;
        let Some((first, others)) = zones.split_first() else {
            return Ok(Vec::new());
        };
        // A rejected credential or a rate limit shows in the first zone, before all others are asked at the same time.
        let mut hosts = self.servers_in(first).await?;
        for more in try_join_all(others.iter().map(|zone| self.servers_in(zone))).await? {
            hosts.extend(more);
        }
        hosts.retain(|host| filter.matches(host));
        Ok(hosts)
    }

    async fn catalog(&self, query: &CatalogQuery) -> Result<Catalog> {
        let endpoint = &self.config.endpoint;
        let zone = self.config.zone_or(query.wanted_region())?;
        let mut catalog = Catalog::default();
        if query.wants(CatalogSection::Plans) {
            let plans = self
                .pages::<Plans>(|page| request::list_plans(endpoint, &zone, page))
                .await?;
            let stock = self
                .pages::<Availabilities>(|page| request::list_availability(endpoint, &zone, page))
                .await?;
            catalog.plans = offered(plans, &stock.into_iter().collect(), &zone);
        }
        if query.wants(CatalogSection::Images) {
            let images = self
                .pages::<Images>(|page| request::list_images(endpoint, page))
                .await?;
            catalog.images = images.into_iter().map(|image| image.into_image()).collect();
        }
        if query.wants(CatalogSection::Regions) {
            catalog.regions = regions();
        }
        Ok(catalog.sorted())
    }
}
