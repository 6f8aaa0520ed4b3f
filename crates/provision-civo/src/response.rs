//! What the API answers, as far as the provider reads it. Anything but ids, names and lists may be null.

use std::net::IpAddr;

use provision_core::{Error, HostId, HostStatus, Image, Labels, Plan, ProvisionedHost, Region, Result, parse_rfc3339};
use provision_http::{Answer, NumberedPage};
use serde::Deserialize;

use crate::{id, info::INFO, status::host_status};

/// What Civo answers to a deletion.
/// <https://github.com/civo/civogo/blob/master/client.go>
#[derive(Deserialize)]
struct Done {
    result: String,
}

/// Whether an answer is Civo's own word for success, and not a page of something in between.
pub(crate) fn check_success(answer: &Answer) -> Result<()> {
    match answer.json::<Done>()?.result.as_str() {
        "success" => Ok(()),
        other => Err(answer.unexpected(format!("the result of the deletion is {other:?}, not success"))),
    }
}

#[derive(Deserialize)]
pub(crate) struct Instance {
    id: String,
    hostname: Option<String>,
    status: Option<String>,
    region: Option<String>,
    size: Option<String>,
    source_id: Option<String>,
    /// Null or empty while the instance is built.
    public_ip: Option<String>,
    tags: Option<Vec<String>>,
    created_at: Option<String>,
}

impl Instance {
    fn ip(&self) -> Option<IpAddr> {
        self.public_ip.as_deref()?.parse().ok()
    }

    pub(crate) fn status(&self) -> HostStatus {
        host_status(self.status.as_deref().unwrap_or_default(), self.ip().is_some())
    }

    pub(crate) fn labels(&self) -> Labels {
        Labels::from_tags(self.tags.iter().flatten().map(String::as_str))
    }

    pub(crate) fn is_named(&self, name: &str) -> bool {
        self.hostname.as_deref() == Some(name)
    }

    /// The host, found in a region unless the answer itself names one.
    pub(crate) fn into_host(self, asked: &str) -> Result<ProvisionedHost> {
        let region = match self.region.as_deref() {
            None | Some("") => asked.to_owned(),
            Some(region) => id::region(region)?,
        };
        let (ip, status, labels) = (self.ip(), self.status(), self.labels());
        let id = HostId::from_parts([HostId::check_uuid(&self.id)?, &region])?;
        let (name, word) = (self.hostname.unwrap_or_default(), self.status.unwrap_or_default());
        let mut host = ProvisionedHost::new(INFO.id, id, name, status, word);
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
    pages: usize,
    items: Vec<Instance>,
}

impl NumberedPage for Instances {
    type Item = Instance;

    fn has_more(&self, page: usize, _seen: &mut usize, _answer: &Answer) -> bool {
        !self.items.is_empty() && self.pages > page
    }

    fn into_items(self) -> Vec<Instance> {
        self.items
    }
}

#[derive(Deserialize)]
pub(crate) struct DiskImage {
    id: String,
    name: String,
    version: Option<String>,
    distribution: Option<String>,
    state: Option<String>,
}

impl DiskImage {
    /// Whether it can be used now; a state that is not given counts as usable.
    pub(crate) fn is_available(&self) -> bool {
        let state = self.state.as_deref().unwrap_or_default();
        state.is_empty() || state.eq_ignore_ascii_case("available")
    }

    pub(crate) fn into_image(self) -> Image {
        let words = [self.distribution, self.version].map(Option::unwrap_or_default);
        Image::new(self.name, words.join(" ").trim()).with_architecture("x86_64")
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
    )))
}

#[derive(Deserialize)]
pub(crate) struct Network {
    id: String,
    default: Option<bool>,
}

/// The id of the network that hosts are put into unless another is asked for.
///
/// # Errors
/// `InvalidRequest` when there is none.
pub(crate) fn default_network(networks: Vec<Network>, region: &str) -> Result<String> {
    let default = networks.into_iter().find(|network| network.default == Some(true));
    default.map(|network| network.id).ok_or_else(|| {
        Error::invalid(format!(
            "region {region} has no default network: name one with the additional setting `network`"
        ))
    })
}

#[derive(Deserialize)]
pub(crate) struct Firewall {
    id: String,
    name: Option<String>,
    instance_count: Option<u64>,
}

impl Firewall {
    /// The id, checked before it becomes part of a URL.
    pub(crate) fn id(&self) -> Result<&str> {
        Ok(HostId::check_uuid(&self.id)?)
    }

    pub(crate) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }

    pub(crate) fn is_used(&self) -> bool {
        self.instance_count.is_some_and(|count| count > 0)
    }
}

/// The answer to the create of a firewall.
#[derive(Deserialize)]
pub(crate) struct NewFirewall {
    pub(crate) id: String,
}

#[derive(Deserialize)]
pub(crate) struct Size {
    name: String,
    #[serde(rename = "type")]
    kind: Option<String>,
    nice_name: Option<String>,
    cpu_cores: Option<u32>,
    ram_mb: Option<u64>,
    disk_gb: Option<u64>,
    selectable: Option<bool>,
}

impl Size {
    /// Sizes of Kubernetes nodes and databases stand in the same list.
    pub(crate) fn is_for_instances(&self) -> bool {
        self.kind
            .as_deref()
            .is_some_and(|kind| kind.eq_ignore_ascii_case("instance"))
    }

    /// The API has no prices.
    pub(crate) fn into_plan(self) -> Plan {
        let mut plan = Plan::new(self.name);
        plan.description = self.nice_name.unwrap_or_default();
        plan.vcpus = self.cpu_cores.map(f64::from);
        plan.memory_mib = self.ram_mb;
        plan.disk_gb = self.disk_gb;
        plan.available = Some(self.selectable == Some(true));
        plan
    }
}

#[derive(Deserialize)]
pub(crate) struct RegionEntry {
    code: String,
    name: Option<String>,
    out_of_capacity: Option<bool>,
    features: Option<Features>,
}

#[derive(Deserialize)]
struct Features {
    iaas: Option<bool>,
}

impl RegionEntry {
    /// Whether it has instances at all; without a word about it, it does.
    pub(crate) fn has_instances(&self) -> bool {
        self.features
            .as_ref()
            .is_none_or(|features| features.iaas == Some(true))
    }

    pub(crate) fn into_region(self) -> Result<Region> {
        let region = Region::new(id::region(&self.code)?, self.name.unwrap_or_default());
        Ok(region.with_available(self.out_of_capacity != Some(true)))
    }
}
