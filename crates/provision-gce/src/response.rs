//! What the API answers, as far as the provider reads it. 64-bit numbers come as texts.

use std::{collections::BTreeMap, net::IpAddr};

use provision_core::{
    Error, ErrorKind, HostStatus, Image, Labels, Plan, ProvisionedHost, Region, Result, parse_rfc3339,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    config::{INFO, Target, monthly_price},
    error::kind_of_operation,
    request,
    status::host_status,
};

/// How far a part of a host has gone; the later word is the further from being gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Going {
    /// It is not there.
    Gone,
    /// Its deletion was accepted.
    Accepted,
    /// It cannot be deleted yet.
    Busy,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Instance {
    name: String,
    status: String,
    #[serde(default)]
    status_message: String,
    /// A link, as are the machine type and others; only what follows the last slash is read.
    zone: String,
    machine_type: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    network_interfaces: Vec<NetworkInterface>,
    creation_timestamp: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NetworkInterface {
    #[serde(default)]
    access_configs: Vec<AccessConfig>,
}

/// The address is missing before it is allocated and after a halt.
#[derive(Deserialize)]
struct AccessConfig {
    #[serde(rename = "natIP")]
    nat_ip: Option<IpAddr>,
}

impl Instance {
    /// Whose name, zone and project these are.
    pub(crate) fn target(&self, project: &str) -> Target {
        Target {
            name: self.name.clone(),
            zone: last(&self.zone).to_owned(),
            project: project.to_owned(),
            address_region: None,
        }
    }

    pub(crate) fn into_host(self, target: &Target) -> Result<ProvisionedHost> {
        let configs = self
            .network_interfaces
            .iter()
            .flat_map(|interface| &interface.access_configs);
        let ip = configs.filter_map(|config| config.nat_ip).next();
        let status = host_status(&self.status, ip.is_some());
        let mut host = ProvisionedHost::new(INFO.id, target.id()?, self.name, status, self.status);
        host.ip = ip;
        host.region = Some(target.zone.clone());
        host.plan = self.machine_type.as_deref().map(|link| last(link).to_owned());
        host.labels = labels(&self.labels);
        host.created = self.creation_timestamp.as_deref().and_then(parse_rfc3339);
        host.message = (!self.status_message.is_empty()).then_some(self.status_message);
        Ok(host)
    }
}

/// What follows the last slash of a link.
fn last(link: &str) -> &str {
    link.rsplit('/').next().unwrap_or(link)
}

fn labels(pairs: &BTreeMap<String, String>) -> Labels {
    Labels::from_vendor(pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())))
}

#[derive(Deserialize)]
pub(crate) struct Disk {
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

impl Disk {
    pub(crate) fn labels(&self) -> Labels {
        labels(&self.labels)
    }
}

/// What a change is doing, or did.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Operation {
    operation_type: String,
    pub(crate) status: String,
    #[serde(default)]
    target_link: String,
    pub(crate) insert_time: Option<String>,
    error: Option<OperationErrors>,
}

#[derive(Deserialize)]
struct OperationErrors {
    #[serde(default)]
    errors: Vec<OperationError>,
}

#[derive(Deserialize)]
struct OperationError {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

impl Operation {
    pub(crate) fn is_insert(&self) -> bool {
        self.operation_type == "insert"
    }

    pub(crate) fn is_done(&self) -> bool {
        self.status == "DONE"
    }

    /// Whether it makes or removes this instance. Links may start with either of two host names.
    pub(crate) fn is_life_of(&self, target: &Target) -> bool {
        let path = format!("/zones/{}/instances/{}", target.zone, target.name);
        self.target_link.ends_with(&path) && (self.is_insert() || self.operation_type == "delete")
    }

    /// Why it failed.
    pub(crate) fn failure(&self) -> Option<Error> {
        let errors = &self.error.as_ref()?.errors;
        let kind = errors.iter().find_map(|error| kind_of_operation(&error.code));
        let text: Vec<&str> = errors
            .iter()
            .map(|error| error.message.trim_end_matches('.'))
            .filter(|text| !text.is_empty())
            .collect();
        let text = match text.is_empty() {
            true => "the operation failed without a message".to_owned(),
            false => text.join("; "),
        };
        let error = Error::new(kind.unwrap_or(ErrorKind::InvalidRequest), text)
            .with_provider(INFO.id)
            .with_operation("create instance");
        Some(match errors.first() {
            Some(first) if !first.code.is_empty() => error.with_code(first.code.clone()),
            _ => error,
        })
    }

    /// The host of an insert, as long as there is no instance to be read.
    pub(crate) fn to_host(&self, target: &Target) -> Result<ProvisionedHost> {
        let failure = self.failure();
        let status = match failure {
            Some(_) => HostStatus::Failed,
            None => HostStatus::Provisioning,
        };
        let mut host = ProvisionedHost::new(INFO.id, target.id()?, &target.name, status, &self.status);
        host.region = Some(target.zone.clone());
        host.created = self.insert_time.as_deref().and_then(parse_rfc3339);
        host.message = failure.map(|failure| match failure.code() {
            Some(code) => format!("{}: {} ({code})", failure.kind(), failure.message()),
            None => failure.message().to_owned(),
        });
        Ok(host)
    }
}

/// A firewall rule of one host; with the same names in requests and answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Firewall {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) description: String,
    pub(crate) network: String,
    #[serde(default)]
    pub(crate) direction: String,
    pub(crate) priority: u16,
    #[serde(default)]
    pub(crate) source_ranges: Vec<String>,
    #[serde(default)]
    pub(crate) target_tags: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) allowed: Vec<Protocols>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) denied: Vec<Protocols>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Protocols {
    #[serde(rename = "IPProtocol")]
    pub(crate) protocol: String,
    /// None for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) ports: Vec<String>,
}

impl Firewall {
    /// Whether it was made for this host. Firewall rules have no labels.
    pub(crate) fn is_of(&self, target: &Target) -> bool {
        self.description == request::description(target)
    }

    /// Whether it does what `wanted` does. The network comes back as a whole link.
    pub(crate) fn does(&self, wanted: &Self) -> bool {
        let sorted = |list: &[Protocols]| {
            let mut list = list.to_vec();
            list.sort_by(|a, b| (&a.protocol, &a.ports).cmp(&(&b.protocol, &b.ports)));
            list
        };
        self.network.ends_with(&wanted.network)
            && self.priority == wanted.priority
            && self.source_ranges == wanted.source_ranges
            && self.target_tags == wanted.target_tags
            && sorted(&self.allowed) == sorted(&wanted.allowed)
            && sorted(&self.denied) == sorted(&wanted.denied)
    }
}

/// One page of a list; the items are absent when there are none.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound = "T: DeserializeOwned")]
pub(crate) struct Page<T> {
    #[serde(default = "Vec::new")]
    pub(crate) items: Vec<T>,
    pub(crate) next_page_token: Option<String>,
    pub(crate) warning: Option<Warning>,
}

/// One page of the list over all zones.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AggregatedPage {
    #[serde(default)]
    items: BTreeMap<String, ZoneItems>,
    next_page_token: Option<String>,
    warning: Option<Warning>,
}

#[derive(Deserialize)]
struct ZoneItems {
    #[serde(default)]
    instances: Vec<Instance>,
    warning: Option<Warning>,
}

#[derive(Deserialize)]
pub(crate) struct Warning {
    code: String,
}

impl Warning {
    /// Whether something could not be read: a zone that does not answer, say.
    fn is_partial(&self) -> bool {
        !matches!(self.code.as_str(), "NO_RESULTS_ON_PAGE" | "DEPRECATED_RESOURCE_USED")
    }
}

impl<T> Page<T> {
    pub(crate) fn is_partial(&self) -> bool {
        self.warning.as_ref().is_some_and(Warning::is_partial)
    }
}

impl From<AggregatedPage> for Page<Instance> {
    fn from(page: AggregatedPage) -> Self {
        let zones = page.items.into_values();
        let mut warning = page.warning;
        let mut items = Vec::new();
        for zone in zones {
            items.extend(zone.instances);
            warning = warning.or(zone.warning.filter(Warning::is_partial));
        }
        Self {
            items,
            next_page_token: page.next_page_token,
            warning,
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct Zone {
    pub(crate) name: String,
    status: Option<String>,
    region: Option<String>,
}

impl Zone {
    pub(crate) fn into_region(self) -> Region {
        Region {
            id: self.name,
            description: self.region.as_deref().map(last).unwrap_or_default().to_owned(),
            available: self.status.map(|status| status == "UP"),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MachineType {
    name: String,
    #[serde(default)]
    description: String,
    guest_cpus: Option<f64>,
    memory_mb: Option<u64>,
    deprecated: Option<Deprecated>,
}

/// Present for what is on its way out: `DEPRECATED`, `OBSOLETE`, `DELETED`; or `ACTIVE`.
#[derive(Deserialize)]
struct Deprecated {
    state: Option<String>,
}

fn is_current(deprecated: Option<&Deprecated>) -> bool {
    deprecated
        .and_then(|deprecated| deprecated.state.as_deref())
        .is_none_or(|state| state == "ACTIVE")
}

impl MachineType {
    pub(crate) fn into_plan(self, zone: &str) -> Plan {
        Plan {
            monthly_cost: monthly_price(&self.name, zone),
            currency: "USD".to_owned(),
            available: Some(is_current(self.deprecated.as_ref())),
            regions: Vec::new(),
            id: self.name,
            description: self.description,
            vcpus: self.guest_cpus,
            memory_mib: self.memory_mb,
            // Disks are chosen apart from the plan.
            disk_gb: None,
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct OsImage {
    family: Option<String>,
    #[serde(default)]
    description: String,
    architecture: Option<String>,
    deprecated: Option<Deprecated>,
}

impl OsImage {
    /// The image's family: the newest image of each is the one that is not deprecated.
    pub(crate) fn into_image(self) -> Option<Image> {
        if !is_current(self.deprecated.as_ref()) {
            return None;
        }
        Some(Image {
            id: self.family?,
            description: self.description,
            architecture: self.architecture.map(|name| name.to_ascii_lowercase()),
        })
    }
}
