//! What the API answers, as far as the provider reads it.

use std::{collections::BTreeMap, net::IpAddr, time::SystemTime};

use provision_core::{Error, Image, Labels, Plan, ProvisionedHost, Region, Result, parse_rfc3339};
use provision_http::{Answer, NumberedPage};
use serde::Deserialize;

use crate::{
    id::{ServerId, Uuid, Zone},
    info::{INFO, ZONES},
    status::{Removal, host_status, removal},
};

#[derive(Deserialize)]
pub(crate) struct ServerAnswer {
    pub(crate) server: Server,
}

#[derive(Deserialize)]
pub(crate) struct Server {
    id: Uuid,
    name: String,
    state: String,
    state_detail: Option<String>,
    commercial_type: Option<String>,
    tags: Option<Vec<String>>,
    public_ips: Option<Vec<PublicIp>>,
    public_ip: Option<PublicIp>,
    volumes: Option<BTreeMap<String, AttachedVolume>>,
    security_group: Option<Named>,
    allowed_actions: Option<Vec<String>>,
    protected: Option<bool>,
    creation_date: Option<String>,
}

#[derive(Deserialize)]
struct PublicIp {
    address: Option<String>,
}

#[derive(Deserialize)]
struct AttachedVolume {
    id: Uuid,
    volume_type: Option<String>,
}

/// The server of a thing, or the security group of a server.
#[derive(Deserialize)]
pub(crate) struct Named {
    id: Uuid,
    name: Option<String>,
}

impl Server {
    /// The first public IPv4.
    fn ip(&self) -> Option<IpAddr> {
        // `public_ip` is deprecated; it is all that older answers have.
        let addresses = self.public_ips.iter().flatten().chain(&self.public_ip);
        addresses
            .filter_map(|ip| ip.address.as_deref()?.parse().ok())
            .find(IpAddr::is_ipv4)
    }

    pub(crate) fn labels(&self) -> Labels {
        Labels::from_tags(self.tags.iter().flatten().map(String::as_str))
    }

    pub(crate) fn removal(&self) -> Removal {
        let allowed = self.allowed_actions.as_deref().unwrap_or_default();
        removal(&self.state, allowed, self.protected.unwrap_or_default())
    }

    /// The local disks, which a plain delete leaves behind.
    pub(crate) fn local_volumes(&self) -> Vec<Uuid> {
        let volumes = self.volumes.iter().flatten().map(|(_, volume)| volume);
        let local = volumes.filter(|volume| volume.volume_type.as_deref() == Some("l_ssd"));
        local.map(|volume| volume.id.clone()).collect()
    }

    /// Whether it uses this security group, and the group has that name.
    pub(crate) fn has_group(&self, group: &Uuid, name: &str) -> bool {
        let used = self.security_group.as_ref();
        used.is_some_and(|used| used.id == *group && used.name.as_deref() == Some(name))
    }

    pub(crate) fn into_host(self, zone: &Zone) -> Result<ProvisionedHost> {
        let (ip, labels) = (self.ip(), self.labels());
        let detail = self.state_detail.as_deref().unwrap_or_default();
        let status = host_status(&self.state, detail, ip.is_some());
        let raw = match detail {
            "" => self.state.clone(),
            detail => format!("{} ({detail})", self.state),
        };
        let id = ServerId {
            zone: zone.clone(),
            server: self.id,
        };
        let mut host = ProvisionedHost::new(INFO.id, id.host_id()?, self.name, status, raw);
        host.ip = ip;
        host.region = Some(zone.as_str().to_owned());
        host.labels = labels;
        host.created = self.creation_date.as_deref().and_then(parse_rfc3339);
        host.plan = self.commercial_type;
        // The answer has the id of the image's build only, not the label by which it was asked for.
        host.image = None;
        Ok(host)
    }
}

/// The instance API tells the total in a header, the marketplace in the body. The last page is the one with which it is
/// reached, or an empty one.
macro_rules! page {
    ($page:ident, $field:ident, $items:ty, $item:ty) => {
        #[derive(Deserialize)]
        pub(crate) struct $page {
            $field: $items,
            total_count: Option<usize>,
        }

        impl NumberedPage for $page {
            type Item = $item;
            fn has_more(&self, _page: usize, seen: &mut usize, answer: &Answer) -> bool {
                let in_header = answer
                    .header("x-total-count")
                    .and_then(|total| total.parse().ok());
                let total: Option<usize> = in_header.or(self.total_count);
                *seen += self.$field.len();
                !self.$field.is_empty() && total.is_none_or(|total| *seen < total)
            }
            fn into_items(self) -> Vec<$item> {
                self.$field.into_iter().collect()
            }
        }
    };
}

page!(Servers, servers, Vec<Server>, Server);
page!(Groups, security_groups, Vec<Group>, Group);
page!(Rules, rules, Vec<Rule>, Rule);
page!(Volumes, volumes, Vec<Volume>, Volume);
page!(Plans, servers, BTreeMap<String, ServerType>, (String, ServerType));
page!(Availabilities, servers, BTreeMap<String, Availability>, (String, Availability));
page!(LocalImages, local_images, Vec<LocalImage>, LocalImage);
page!(Images, images, Vec<MarketplaceImage>, MarketplaceImage);

#[derive(Deserialize)]
pub(crate) struct UserDataNames {
    pub(crate) user_data: Vec<String>,
}

#[derive(Deserialize)]
pub(crate) struct GroupAnswer {
    pub(crate) security_group: Group,
}

#[derive(Deserialize)]
pub(crate) struct Group {
    pub(crate) id: Uuid,
    pub(crate) name: Option<String>,
    servers: Option<Vec<Named>>,
    creation_date: Option<String>,
}

impl Group {
    pub(crate) fn is_unused(&self) -> bool {
        self.servers.as_ref().is_none_or(Vec::is_empty)
    }

    /// Whether it was made for a server, and no other uses it.
    pub(crate) fn belongs_to(&self, server: &Uuid, name: &str) -> bool {
        let is_it = |user: &Named| user.id == *server;
        self.name.as_deref() == Some(name) && self.servers.iter().flatten().all(is_it)
    }

    /// By this the oldest comes first, for everybody who sees the same groups.
    pub(crate) fn age(&self) -> (Option<SystemTime>, Uuid) {
        let created = self.creation_date.as_deref().and_then(parse_rfc3339);
        (created, self.id.clone())
    }
}

#[derive(Deserialize)]
pub(crate) struct Rule {
    editable: Option<bool>,
}

impl Rule {
    /// Whether it is one of the rules that every group has from the start.
    pub(crate) fn is_fixed(&self) -> bool {
        self.editable == Some(false)
    }
}

#[derive(Deserialize)]
pub(crate) struct Volume {
    pub(crate) id: Uuid,
    name: Option<String>,
    server: Option<Named>,
}

impl Volume {
    /// Whether it was a disk of a server, and no other uses it.
    pub(crate) fn belongs_to(&self, server: &Uuid, name: &str) -> bool {
        let is_it = |user: &Named| user.id == *server;
        self.name.as_deref() == Some(name) && self.server.as_ref().is_none_or(is_it)
    }
}

#[derive(Deserialize)]
pub(crate) struct LocalImage {
    id: Uuid,
    compatible_commercial_types: Option<Vec<String>>,
}

#[derive(Deserialize)]
pub(crate) struct ImageAnswer {
    pub(crate) image: InstanceImage,
}

#[derive(Deserialize)]
pub(crate) struct InstanceImage {
    id: Uuid,
    root_volume: RootVolume,
}

#[derive(Deserialize)]
struct RootVolume {
    volume_type: String,
}

impl InstanceImage {
    /// Its id, if a server made from it has a local disk.
    pub(crate) fn for_local_disks(self) -> Result<Uuid> {
        if self.root_volume.volume_type == "l_ssd" {
            return Ok(self.id);
        }
        Err(Error::invalid(format!(
            "image `{}` is for block storage, which would outlive the host: choose one for local disks",
            self.id.as_str()
        )))
    }
}

/// The id of the build that a plan can run.
pub(crate) fn choose_build(builds: Vec<LocalImage>, zone: &Zone, image: &str, plan: &str) -> Result<Uuid> {
    let plans_of = |build: &LocalImage| build.compatible_commercial_types.clone().unwrap_or_default();
    let known: Vec<String> = builds.iter().flat_map(plans_of).collect();
    let runs = |build: &LocalImage| plans_of(build).iter().any(|known| known == plan);
    if let Some(build) = builds.into_iter().find(runs) {
        return Ok(build.id);
    }
    Err(Error::invalid(match known.is_empty() {
        true => format!("image {image:?} has no build for local disks in {zone}: choose another image"),
        false => format!(
            "plan {plan:?} does not exist, or cannot run image {image:?} from a local disk in {zone}; plans that can: {}",
            known.join(", ")
        ),
    }))
}

#[derive(Deserialize)]
pub(crate) struct ServerType {
    ncpus: f64,
    /// In bytes.
    ram: u64,
    arch: Option<String>,
    monthly_price: Option<f64>,
    volumes_constraint: Option<VolumesConstraint>,
    end_of_service: Option<bool>,
}

#[derive(Deserialize)]
struct VolumesConstraint {
    /// In bytes, of all local disks together; 0 for plans that have none.
    max_size: Option<u64>,
}

#[derive(Deserialize)]
pub(crate) struct Availability {
    availability: String,
}

/// What a public IPv4 costs in a month of 730 hours, in EUR; it is in no plan's price:
/// <https://www.scaleway.com/en/pricing/network/#additional-ip>, 0.004 an hour, read 2026-07-30.
const IPV4_MONTHLY: f64 = 2.92;

impl ServerType {
    fn local_disk(&self) -> u64 {
        let volumes = self.volumes_constraint.as_ref();
        volumes.and_then(|volumes| volumes.max_size).unwrap_or_default()
    }

    /// A plan without local disks cannot be used: its disk would outlive the host.
    fn is_usable(&self) -> bool {
        self.local_disk() > 0 && self.end_of_service != Some(true)
    }

    fn into_plan(self, id: String, zone: &Zone, availability: Option<&Availability>) -> Plan {
        let mut plan = Plan::new(id);
        plan.disk_gb = Some(self.local_disk() / 1_000_000_000);
        plan.description = self.arch.unwrap_or_default();
        plan.vcpus = Some(self.ncpus);
        plan.memory_mib = Some(self.ram / (1024 * 1024));
        plan.monthly_cost = self
            .monthly_price
            .filter(|price| *price > 0.0)
            .map(|price| price + IPV4_MONTHLY);
        plan.currency = "EUR".to_owned();
        plan.regions = vec![zone.as_str().to_owned()];
        plan.available = availability.map(|known| known.availability != "shortage");
        plan
    }
}

/// The plans that a host can have, with their stock as far as it is told.
pub(crate) fn offered(
    plans: Vec<(String, ServerType)>,
    stock: &BTreeMap<String, Availability>,
    zone: &Zone,
) -> Vec<Plan> {
    let usable = plans.into_iter().filter(|(_, plan)| plan.is_usable());
    usable
        .map(|(id, plan)| {
            let availability = stock.get(&id);
            plan.into_plan(id, zone, availability)
        })
        .collect()
}

#[derive(Deserialize)]
pub(crate) struct MarketplaceImage {
    label: String,
    name: Option<String>,
}

impl MarketplaceImage {
    pub(crate) fn into_image(self) -> Image {
        Image::new(self.label, self.name.unwrap_or_default())
    }
}

pub(crate) fn regions() -> Vec<Region> {
    ZONES.map(|(id, city)| Region::new(id, city)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_null_is_read() {
        let server = r#"{"server": {"id": "5d1c2f0e-7a55-4d3b-9c65-0a7d3f0f6f11", "name": "exit-1", "state": "stopped",
            "state_detail": null, "commercial_type": null, "tags": null, "public_ips": null, "public_ip": null,
            "volumes": null, "security_group": null, "allowed_actions": null, "protected": null, "creation_date": null}}"#;
        let server = serde_json::from_str::<ServerAnswer>(server).unwrap().server;
        assert_eq!(
            (server.removal(), server.local_volumes()),
            (Removal::Delete, Vec::new())
        );
        let host = server.into_host(&Zone::new("fr-par-1").unwrap()).unwrap();
        assert_eq!((host.raw_status.as_str(), host.ip, host.plan), ("stopped", None, None));
        let groups = r#"{"security_groups": [{"id": "98cc7dc1-392f-4318-9f19-b9d7ef608527", "name": null, "servers": null,
            "creation_date": null}]}"#;
        assert!(serde_json::from_str::<Groups>(groups).unwrap().into_items()[0].is_unused());
        let plans = r#"{"servers": {"DEV1-S": {"ncpus": 2, "ram": 2147483648, "arch": null, "monthly_price": null,
            "volumes_constraint": {"min_size": 0, "max_size": null}, "end_of_service": null}}}"#;
        assert_eq!(serde_json::from_str::<Plans>(plans).unwrap().into_items().len(), 1);
        // A list without its list is no empty list.
        assert!(serde_json::from_str::<Servers>(r#"{"servers": null}"#).is_err());
        assert!(serde_json::from_str::<Groups>("{}").is_err());
    }
}
