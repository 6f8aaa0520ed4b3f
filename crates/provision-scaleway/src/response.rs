//! What the API answers, as far as the provider reads it.

use std::{collections::BTreeMap, net::IpAddr};

use provision_core::{
    Error, HostId, HostStatus, Image, Invalid, Labels, Plan, ProvisionedHost, Region, Result, parse_rfc3339,
};
use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    config::{INFO, ZONES, Zone},
    status::{Removal, host_status, removal},
};

/// The id of a thing, checked because it goes into URLs.
#[derive(Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Uuid(String);

impl TryFrom<String> for Uuid {
    type Error = Invalid;
    fn try_from(text: String) -> Result<Self, Invalid> {
        HostId::check_uuid(&text)?;
        Ok(Self(text))
    }
}

impl Uuid {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[derive(Deserialize)]
pub(crate) struct ServerAnswer {
    pub(crate) server: Server,
}

#[derive(Deserialize)]
pub(crate) struct Server {
    pub(crate) id: Uuid,
    name: String,
    pub(crate) state: String,
    #[serde(default)]
    state_detail: Option<String>,
    commercial_type: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    public_ips: Vec<PublicIp>,
    public_ip: Option<PublicIp>,
    #[serde(default)]
    volumes: BTreeMap<String, AttachedVolume>,
    pub(crate) security_group: Option<Named>,
    #[serde(default)]
    allowed_actions: Vec<String>,
    #[serde(default)]
    protected: bool,
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

/// A security group, or a volume that may belong to a server.
#[derive(Deserialize)]
pub(crate) struct Named {
    pub(crate) id: Uuid,
    #[serde(default)]
    pub(crate) name: String,
}

impl Server {
    /// The first public IPv4.
    pub(crate) fn ip(&self) -> Option<IpAddr> {
        // `public_ip` is deprecated; it is all that older answers have.
        let addresses = self.public_ips.iter().chain(&self.public_ip);
        addresses
            .filter_map(|ip| ip.address.as_deref()?.parse().ok())
            .find(IpAddr::is_ipv4)
    }

    pub(crate) fn labels(&self) -> Labels {
        Labels::from_tags(self.tags.iter().map(String::as_str))
    }

    pub(crate) fn status(&self) -> HostStatus {
        host_status(&self.state, self.detail(), self.ip().is_some())
    }

    pub(crate) fn removal(&self) -> Removal {
        removal(&self.state, &self.allowed_actions, self.protected)
    }

    /// The local disks, which a plain delete leaves behind.
    pub(crate) fn local_volumes(&self) -> impl Iterator<Item = &str> {
        let is_local = |volume: &&AttachedVolume| volume.volume_type.as_deref() == Some("l_ssd");
        self.volumes.values().filter(is_local).map(|volume| volume.id.as_str())
    }

    fn detail(&self) -> &str {
        self.state_detail.as_deref().unwrap_or_default()
    }

    pub(crate) fn host_id(&self, zone: &Zone) -> Result<HostId> {
        Ok(HostId::from_parts([self.id.as_str(), zone.as_str()])?)
    }

    pub(crate) fn into_host(self, zone: &Zone) -> Result<ProvisionedHost> {
        let raw = match self.detail() {
            "" => self.state.clone(),
            detail => format!("{} ({detail})", self.state),
        };
        let mut host = ProvisionedHost::new(INFO.id, self.host_id(zone)?, self.name.clone(), self.status(), raw);
        host.ip = self.ip();
        host.region = Some(zone.as_str().to_owned());
        host.labels = self.labels();
        host.created = self.creation_date.as_deref().and_then(parse_rfc3339);
        host.plan = self.commercial_type;
        // The answer has the id of the image's build only, not the label by which it was asked for.
        host.image = None;
        Ok(host)
    }

    /// As [`into_host`](Self::into_host), for a server whose start the cloud has accepted since this was answered.
    pub(crate) fn into_started_host(mut self, zone: &Zone) -> Result<ProvisionedHost> {
        "starting".clone_into(&mut self.state);
        self.state_detail = None;
        self.into_host(zone)
    }
}

/// One page of a list, and how many items there are in all where the body says so.
pub(crate) trait Page: DeserializeOwned {
    type Item;
    fn into_parts(self) -> (Vec<Self::Item>, Option<usize>);
}

macro_rules! page {
    ($page:ident, $field:ident, $items:ty, $item:ty) => {
        #[derive(Deserialize)]
        pub(crate) struct $page {
            $field: $items,
            total_count: Option<usize>,
        }

        impl Page for $page {
            type Item = $item;
            fn into_parts(self) -> (Vec<$item>, Option<usize>) {
                (self.$field.into_iter().collect(), self.total_count)
            }
        }
    };
}

page!(Servers, servers, Vec<Server>, Server);
page!(Groups, security_groups, Vec<Named>, Named);
page!(Volumes, volumes, Vec<Volume>, Volume);
page!(Plans, servers, BTreeMap<String, ServerType>, (String, ServerType));
page!(Availabilities, servers, BTreeMap<String, Availability>, (String, Availability));
page!(LocalImages, local_images, Vec<LocalImage>, LocalImage);
page!(Images, images, Vec<MarketplaceImage>, MarketplaceImage);

#[derive(Deserialize)]
pub(crate) struct GroupAnswer {
    pub(crate) security_group: Named,
}

#[derive(Deserialize)]
pub(crate) struct Volume {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    server: Option<Named>,
}

impl Volume {
    pub(crate) fn is_detached(&self) -> bool {
        self.server.is_none()
    }
}

#[derive(Deserialize)]
pub(crate) struct LocalImage {
    id: Uuid,
    #[serde(default)]
    compatible_commercial_types: Vec<String>,
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
    pub(crate) fn for_local_disks(self) -> Result<String> {
        let id = self.id.0;
        if self.root_volume.volume_type == "l_ssd" {
            return Ok(id);
        }
        let message =
            format!("image `{id}` is for block storage, which would outlive the host: choose one for local disks");
        Err(Error::invalid(message).with_provider(INFO.id))
    }
}

/// The id of the build that a plan can run.
pub(crate) fn choose_build(builds: &[LocalImage], zone: &Zone, image: &str, plan: &str) -> Result<String> {
    let runs = |build: &&LocalImage| build.compatible_commercial_types.iter().any(|known| known == plan);
    if let Some(build) = builds.iter().find(runs) {
        return Ok(build.id.as_str().to_owned());
    }
    let plans = builds.iter().flat_map(|build| &build.compatible_commercial_types);
    let known: Vec<&str> = plans.map(String::as_str).collect();
    let message = if known.is_empty() {
        format!("image {image:?} has no build for local disks in {zone}: choose another image")
    } else {
        format!(
            "plan {plan:?} does not exist, or cannot run image {image:?} from a local disk in {zone}; plans that can: {}",
            known.join(", ")
        )
    };
    Err(Error::invalid(message).with_provider(INFO.id))
}

#[derive(Deserialize)]
pub(crate) struct ServerType {
    ncpus: f64,
    /// In bytes.
    ram: u64,
    #[serde(default)]
    arch: String,
    monthly_price: Option<f64>,
    volumes_constraint: Option<VolumesConstraint>,
    #[serde(default)]
    end_of_service: bool,
}

#[derive(Deserialize)]
struct VolumesConstraint {
    /// In bytes, of all local disks together; 0 for plans that have none.
    #[serde(default)]
    max_size: u64,
}

#[derive(Deserialize)]
pub(crate) struct Availability {
    availability: String,
}

impl ServerType {
    fn local_disk(&self) -> u64 {
        self.volumes_constraint.as_ref().map_or(0, |volumes| volumes.max_size)
    }

    /// A plan without local disks cannot be used: its disk would outlive the host.
    fn is_usable(&self) -> bool {
        self.local_disk() > 0 && !self.end_of_service
    }

    fn into_plan(self, id: String, zone: &Zone, availability: Option<&Availability>) -> Plan {
        Plan {
            disk_gb: Some(self.local_disk() / 1_000_000_000),
            description: self.arch,
            vcpus: Some(self.ncpus),
            memory_mib: Some(self.ram / (1024 * 1024)),
            monthly_cost: self.monthly_price.filter(|price| *price > 0.0),
            currency: "EUR".to_owned(),
            regions: vec![zone.as_str().to_owned()],
            available: availability.map(|known| known.availability != "shortage"),
            id,
        }
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
    #[serde(default)]
    name: String,
}

impl MarketplaceImage {
    pub(crate) fn into_image(self) -> Image {
        Image {
            id: self.label,
            description: self.name,
            architecture: None,
        }
    }
}

pub(crate) fn regions() -> Vec<Region> {
    let region = |(id, city): (&str, &str)| Region {
        id: id.to_owned(),
        description: city.to_owned(),
        available: None,
    };
    ZONES.map(region).into()
}
