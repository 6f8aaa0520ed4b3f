//! What the API answers, as far as the provider reads it.

use std::net::IpAddr;

use provision_core::{Error, HostId, HostStatus, Image, Labels, Plan, ProvisionedHost, Region, Result, parse_rfc3339};
use serde::Deserialize;

use crate::{
    config::{self, INFO},
    request::OWN_FIREWALL_TAG,
    status::host_status,
};

#[derive(Deserialize)]
pub(crate) struct Instance {
    pub(crate) id: String,
    #[serde(default)]
    hostname: String,
    #[serde(default)]
    status: String,
    region: Option<String>,
    size: Option<String>,
    source_id: Option<String>,
    /// `null` or empty while the instance is built.
    public_ip: Option<String>,
    firewall_id: Option<String>,
    tags: Option<Vec<String>>,
    created_at: Option<String>,
}

impl Instance {
    pub(crate) fn ip(&self) -> Option<IpAddr> {
        self.public_ip.as_deref()?.parse().ok()
    }

    pub(crate) fn status(&self) -> HostStatus {
        host_status(&self.status, self.ip().is_some())
    }

    /// The firewall that was made for it alone.
    pub(crate) fn own_firewall(&self) -> Option<&str> {
        let tags = self.tags.as_deref().unwrap_or_default();
        let marked = tags.iter().any(|tag| tag == OWN_FIREWALL_TAG);
        self.firewall_id.as_deref().filter(|_| marked)
    }

    pub(crate) fn labels(&self) -> Labels {
        Labels::from_tags(self.tags.iter().flatten().map(String::as_str))
    }

    /// The host, found in a region unless the answer itself names one.
    pub(crate) fn into_host(self, asked: &str) -> Result<ProvisionedHost> {
        let region = match self.region.as_deref() {
            None | Some("") => asked.to_owned(),
            Some(region) => config::region(region)?,
        };
        let (ip, status, labels) = (self.ip(), self.status(), self.labels());
        let id = HostId::from_parts([HostId::check_uuid(&self.id)?, &region])?;
        let mut host = ProvisionedHost::new(INFO.id, id, self.hostname, status, self.status);
        host.ip = ip;
        host.region = Some(region);
        host.plan = self.size;
        host.image = self.source_id;
        host.labels = labels;
        // Right after the create it may be the year 1, which is no time here.
        host.created = self.created_at.as_deref().and_then(parse_rfc3339);
        Ok(host)
    }
}

#[derive(Deserialize)]
pub(crate) struct Instances {
    #[serde(default)]
    pub(crate) page: usize,
    #[serde(default)]
    pub(crate) pages: usize,
    pub(crate) items: Option<Vec<Instance>>,
}

#[derive(Deserialize)]
pub(crate) struct DiskImage {
    id: String,
    name: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    distribution: String,
    #[serde(default)]
    state: String,
}

impl DiskImage {
    /// Whether it can be used now; a state that is not given counts as usable.
    pub(crate) fn is_available(&self) -> bool {
        self.state.is_empty() || self.state.eq_ignore_ascii_case("available")
    }

    pub(crate) fn into_image(self) -> Image {
        Image {
            id: self.name,
            description: format!("{} {}", self.distribution, self.version).trim().to_owned(),
            architecture: Some("x86_64".to_owned()),
        }
    }
}

/// The id of the image with a name.
///
/// # Errors
/// `InvalidRequest` that lists the names which can be used.
pub(crate) fn image_id(mut images: Vec<DiskImage>, name: &str, region: &str) -> Result<String> {
    images.retain(DiskImage::is_available);
    if let Some(found) = images.iter().find(|image| image.name == name) {
        return Ok(found.id.clone());
    }
    let mut known: Vec<&str> = images.iter().map(|image| image.name.as_str()).collect();
    known.sort_unstable();
    let known = known.join(", ");
    Err(Error::invalid(format!(
        "image {name:?} does not exist in region {region}; known: {known}"
    ))
    .with_provider(INFO.id))
}

#[derive(Deserialize)]
pub(crate) struct Network {
    id: String,
    #[serde(default)]
    default: bool,
}

/// The id of the network that hosts are put into unless another is asked for.
///
/// # Errors
/// `InvalidRequest` when there is none.
pub(crate) fn default_network(networks: Vec<Network>, region: &str) -> Result<String> {
    let default = networks.into_iter().find(|network| network.default);
    default.map(|network| network.id).ok_or_else(|| {
        let message = format!("region {region} has no default network: name one with the additional setting `network`");
        Error::invalid(message).with_provider(INFO.id)
    })
}

#[derive(Deserialize)]
pub(crate) struct Firewall {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) instance_count: u64,
}

#[derive(Deserialize)]
pub(crate) struct FirewallCreated {
    pub(crate) id: String,
}

#[derive(Deserialize)]
pub(crate) struct Size {
    name: String,
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    nice_name: String,
    cpu_cores: Option<u32>,
    ram_mb: Option<u64>,
    disk_gb: Option<u64>,
    #[serde(default)]
    selectable: bool,
}

impl Size {
    /// Sizes of Kubernetes nodes and databases stand in the same list.
    pub(crate) fn is_for_instances(&self) -> bool {
        self.kind.eq_ignore_ascii_case("instance")
    }

    /// The API has no prices; that of the default plan is known from elsewhere.
    pub(crate) fn into_plan(self) -> Plan {
        let is_default = self.name == INFO.default_plan;
        Plan {
            monthly_cost: INFO.monthly_cost.amount.filter(|_| is_default),
            currency: INFO.monthly_cost.currency.to_owned(),
            id: self.name,
            description: self.nice_name,
            vcpus: self.cpu_cores.map(f64::from),
            memory_mib: self.ram_mb,
            disk_gb: self.disk_gb,
            regions: Vec::new(),
            available: Some(self.selectable),
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct RegionEntry {
    pub(crate) code: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    out_of_capacity: bool,
    features: Option<Features>,
}

#[derive(Deserialize)]
struct Features {
    #[serde(default)]
    iaas: bool,
}

impl RegionEntry {
    /// Whether it has instances at all; without a word about it, it does.
    pub(crate) fn has_instances(&self) -> bool {
        self.features.as_ref().is_none_or(|features| features.iaas)
    }

    pub(crate) fn into_region(self) -> Region {
        Region {
            available: Some(self.has_instances() && !self.out_of_capacity),
            id: self.code.to_ascii_uppercase(),
            description: self.name,
        }
    }
}
