//! What takes several calls: to create an instance with its firewall, and to remove both until nothing is left.

use std::{
    net::IpAddr,
    time::{SystemTime, UNIX_EPOCH},
};

use provision_core::{
    BasicHost, Deletion, Error, ErrorKind, HostId, HostStatus, IdempotencyKey, PortRange, ProvisionedHost,
    RegionFilter, Result,
};
use provision_http::Answer;

use crate::{
    config::{self, INFO},
    provider::Civo,
    request::{self, Place},
    response::{self, DiskImage, Firewall, FirewallCreated, Instance, Instances, RegionEntry},
};

impl Civo {
    /// All instances of a region, ours or not.
    pub(crate) async fn instances(&self, region: &str) -> Result<Vec<Instance>> {
        let endpoint = &self.config.endpoint;
        let read = |answer: &Answer, page: usize| {
            let found = answer.json::<Instances>()?;
            let items = found.items.unwrap_or_default();
            let more = !items.is_empty() && found.pages > page.max(found.page);
            Ok((items, more.then(|| request::list_instances(endpoint, region, page + 1))))
        };
        self.client
            .pages(request::list_instances(endpoint, region, 1), read)
            .await
    }

    async fn firewalls(&self, region: &str) -> Result<Vec<Firewall>> {
        let answer = self
            .client
            .send(request::list_firewalls(&self.config.endpoint, region))
            .await?;
        answer.json()
    }

    /// All that the API knows about regions.
    pub(crate) async fn regions(&self) -> Result<Vec<RegionEntry>> {
        let list = request::list_regions(&self.config.endpoint, &self.config.region);
        self.client.send(list).await?.json()
    }

    /// The codes of the regions that have instances, upper case.
    pub(crate) async fn region_codes(&self) -> Result<Vec<String>> {
        let regions = self.regions().await?.into_iter();
        regions
            .filter(RegionEntry::has_instances)
            .map(|region| config::region(&region.code))
            .collect()
    }

    /// The regions of a filter, upper case.
    pub(crate) async fn regions_of(&self, filter: &RegionFilter) -> Result<Vec<String>> {
        match filter {
            RegionFilter::All => self.region_codes().await,
            RegionFilter::Only(region) => Ok(vec![config::region(region)?]),
            _ => Ok(vec![self.config.region.clone()]),
        }
    }

    /// The host that an earlier call with the same key made. One that is being deleted does not count.
    async fn find_by_key(&self, host: &BasicHost, region: &str) -> Result<Option<ProvisionedHost>> {
        let Some(key) = &host.key else { return Ok(None) };
        let instances = self.instances(region).await?.into_iter();
        instances
            .filter(|instance| instance.labels().has_key(key) && instance.status() != HostStatus::Deleting)
            .map(|instance| instance.into_host(region))
            .next()
            .transpose()
    }

    /// The id of an image in a region; an id is taken as it is.
    async fn image_id(&self, image: &str, region: &str) -> Result<String> {
        if HostId::check_uuid(image).is_ok() {
            return Ok(image.to_owned());
        }
        let list = request::list_disk_images(&self.config.endpoint, region);
        let images: Vec<DiskImage> = self.client.send(list).await?.json()?;
        response::image_id(images, image, region)
    }

    /// The network that was asked for, or the region's default one.
    async fn network_id(&self, host: &BasicHost, region: &str) -> Result<String> {
        if let Some(network) = host.additional.get("network") {
            return Ok(network.clone());
        }
        let answer = self
            .client
            .send(request::list_networks(&self.config.endpoint, region))
            .await?;
        response::default_network(answer.json()?, region)
    }

    /// A firewall for a host that is to be created, or the one that an earlier call with the same key left.
    async fn make_firewall(
        &self,
        host: &BasicHost,
        region: &str,
        network: &str,
        ports: &[PortRange],
    ) -> Result<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let name = request::new_firewall_name(host, region, now.as_nanos());
        let create = request::create_firewall(&self.config.endpoint, &name, region, network, ports)?;
        let taken = match self.client.send(create).await {
            Ok(answer) => return checked(answer.json::<FirewallCreated>()?.id),
            Err(error) if error.kind() == ErrorKind::AlreadyExists && host.key.is_some() => error,
            Err(error) => return Err(error),
        };
        match self
            .firewalls(region)
            .await?
            .into_iter()
            .find(|firewall| firewall.name == name)
        {
            Some(unused) if unused.instance_count == 0 => checked(unused.id),
            // Its instance was made with the same key, and is not listed yet.
            Some(_) => Err(taken
                .with_kind(ErrorKind::Conflict)
                .context("a host with this key is being created or removed: call again in a while")),
            None => Err(taken),
        }
    }

    /// After a create that did not succeed: nothing is left of it, unless a call with the same key may still need it.
    async fn abandon_firewall(&self, host: &BasicHost, region: &str, firewall: &str, error: Error) -> Error {
        if host.key.is_some() && error.is_retryable() {
            return error;
        }
        if error.kind() == ErrorKind::Unavailable {
            // The instance may exist, and would be open without it.
            return error.context(format!("the host may exist with firewall {firewall}: list the hosts"));
        }
        match self.delete_firewall(firewall, region).await {
            Ok(true) => error,
            _ => error.context(format!(
                "firewall {firewall}, which is free of charge, could not be removed again"
            )),
        }
    }

    /// Whether a firewall is gone; one that an instance still uses is not.
    async fn delete_firewall(&self, id: &str, region: &str) -> Result<bool> {
        let delete = request::delete_firewall(&self.config.endpoint, HostId::check_uuid(id)?, region);
        match self.client.send(delete).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Removes the firewall that was made with a key, if no instance uses it; whether none is left.
    pub(crate) async fn delete_new_firewall(&self, key: &IdempotencyKey, region: &str) -> Result<bool> {
        let name = request::keyed_firewall_name(key, region);
        let found = match self.firewalls(region).await {
            // A key that may not read firewalls has never made one.
            Err(error) if error.kind() == ErrorKind::Forbidden => return Ok(true),
            other => other?,
        };
        match found.into_iter().find(|firewall| firewall.name == name) {
            None => Ok(true),
            // Civo refuses to delete one that an instance came to use meanwhile.
            Some(unused) if unused.instance_count == 0 => self.delete_firewall(&unused.id, region).await,
            Some(_) => Ok(false),
        }
    }

    pub(crate) async fn create(
        &self,
        host: &BasicHost,
        region: &str,
        image: &str,
        script: &str,
    ) -> Result<ProvisionedHost> {
        if let Some(found) = self.find_by_key(host, region).await? {
            return Ok(found);
        }
        let image = self.image_id(image, region).await?;
        let network = self.network_id(host, region).await?;
        let firewall = match host.ports.restricted() {
            Some(ports) => Some(self.make_firewall(host, region, &network, ports).await?),
            None => None,
        };
        let place = Place {
            region,
            network: &network,
            image: &image,
            firewall: firewall.as_deref(),
            script,
        };
        let create = request::create_instance(&self.config.endpoint, host, &place)?;
        let error = match self.client.send(create).await {
            Ok(answer) => return answer.json::<Instance>()?.into_host(region),
            Err(error) => error,
        };
        // UNCONFIRMED whether names are unique: if they are, the instance may be that of an earlier call.
        if error.kind() == ErrorKind::AlreadyExists
            && let Some(found) = self.find_by_key(host, region).await?
        {
            return Ok(found);
        }
        Err(match &firewall {
            Some(firewall) => self.abandon_firewall(host, region, firewall, error).await,
            None => error,
        })
    }

    pub(crate) async fn delete_by_uuid(&self, uuid: &str, region: &str) -> Result<Deletion> {
        let get = request::get_instance(&self.config.endpoint, uuid, region);
        let instance = match self.client.send(get).await {
            Ok(answer) => Some(answer.json::<Instance>()?),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        self.delete_found(uuid, region, instance).await
    }

    /// Removes an instance and its firewall. A firewall cannot go before its instance is gone, so it is given a name by
    /// which a later call finds it then.
    async fn delete_found(&self, uuid: &str, region: &str, instance: Option<Instance>) -> Result<Deletion> {
        let endpoint = &self.config.endpoint;
        let own = instance.as_ref().map(Instance::own_firewall);
        let firewalls = match own {
            Some(None) => Vec::new(),
            _ => match self.firewalls(region).await {
                // A key that may not read firewalls has never made one.
                Err(error) if error.kind() == ErrorKind::Forbidden => Vec::new(),
                other => other?,
            },
        };
        let is_its = |firewall: &Firewall| {
            request::instance_of_firewall(&firewall.name) == Some(uuid)
                || own.flatten() == Some(&firewall.id) && request::is_own_firewall(&firewall.name)
        };
        let firewalls: Vec<Firewall> = firewalls.into_iter().filter(is_its).collect();
        if let Some(instance) = &instance {
            let name = request::old_firewall_name(uuid, instance.ip());
            // One that was named after the address keeps its name when the cloud takes the address away.
            let is_named = |firewall: &Firewall| {
                firewall.name == name
                    || instance.ip().is_none() && request::instance_of_firewall(&firewall.name) == Some(uuid)
            };
            for firewall in firewalls.iter().filter(|firewall| !is_named(firewall)) {
                let rename = request::rename_firewall(endpoint, HostId::check_uuid(&firewall.id)?, region, &name)?;
                match self.client.send(rename).await {
                    Err(error) if error.is_retryable() || error.kind() == ErrorKind::Unauthorized => return Err(error),
                    // A host that bills must not stay because of a firewall that does not.
                    _ => {}
                }
            }
            if instance.status() != HostStatus::Deleting {
                match self.client.send(request::delete_instance(endpoint, uuid, region)).await {
                    Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
        }
        let mut gone = instance.is_none();
        for firewall in &firewalls {
            gone &= self.delete_firewall(&firewall.id, region).await?;
        }
        Ok(if gone { Deletion::Removed } else { Deletion::InProgress })
    }

    pub(crate) async fn delete_by_ip(&self, ip: IpAddr, filter: &RegionFilter) -> Result<Deletion> {
        let mut regions = match filter {
            RegionFilter::Only(region) => vec![config::region(region)?],
            _ => vec![self.config.region.clone()],
        };
        let mut others = Vec::new();
        let mut next = 0;
        while let Some(region) = regions.get(next).cloned() {
            let has_it = |instance: &Instance| instance.ip() == Some(ip) && instance.labels().is_managed();
            if let Some(found) = self.instances(&region).await?.into_iter().find(has_it) {
                let uuid = HostId::check_uuid(&found.id)?.to_owned();
                return self.delete_found(&uuid, &region, Some(found)).await;
            }
            if next == 0 && *filter == RegionFilter::All {
                others = self.region_codes().await?;
                others.retain(|other| *other != region);
            }
            regions.append(&mut others);
            next += 1;
        }
        // The host may be gone, and its firewall left.
        for region in &regions {
            for firewall in self.firewalls(region).await? {
                if request::is_firewall_of_ip(&firewall.name, ip)
                    && let Some(uuid) = request::instance_of_firewall(&firewall.name)
                {
                    return self.delete_by_uuid(uuid, region).await;
                }
            }
        }
        Err(Error::no_host_with_ip(ip).with_provider(INFO.id))
    }
}

/// An id of a firewall that is fit to be sent back.
fn checked(id: String) -> Result<String> {
    if HostId::check_uuid(&id).is_ok() {
        return Ok(id);
    }
    let message = "the cloud made a firewall and gave it no usable id: report it";
    Err(Error::new(ErrorKind::UnexpectedResponse, message).with_provider(INFO.id))
}
