//! What the API answers, as far as the provider reads it. 64-bit numbers come as texts; what is empty is left out.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use provision_core::{
    Error, ErrorKind, HostStatus, Image, Labels, Plan, ProvisionedHost, Region, Result, parse_rfc3339,
};
use provision_http::{Answer, ChainedPage};
use serde::{Deserialize, de::DeserializeOwned};

use crate::{error::kind_of_operation, id::Target, info::INFO, status::host_status};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Instance {
    name: String,
    status: String,
    status_message: Option<String>,
    /// A link, as are the machine type and others; only what follows the last slash is read.
    zone: String,
    machine_type: Option<String>,
    labels: Option<BTreeMap<String, String>>,
    network_interfaces: Option<Vec<NetworkInterface>>,
    creation_timestamp: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NetworkInterface {
    access_configs: Option<Vec<AccessConfig>>,
}

/// The address is missing before it is allocated and after a halt.
#[derive(Deserialize)]
struct AccessConfig {
    #[serde(rename = "natIP")]
    nat_ip: Option<IpAddr>,
}

impl Instance {
    /// Of a list, in which an instance tells its name and zone.
    pub(crate) fn into_listed(self, project: &str) -> Result<ProvisionedHost> {
        let target = Target::new(&self.name, last(&self.zone), project);
        self.into_host(&target)
    }

    pub(crate) fn into_host(self, target: &Target) -> Result<ProvisionedHost> {
        let interfaces = self.network_interfaces.iter().flatten();
        let mut configs = interfaces.flat_map(|interface| interface.access_configs.iter().flatten());
        let ip = configs.find_map(|config| config.nat_ip);
        let status = host_status(&self.status, ip.is_some());
        let mut host = ProvisionedHost::new(INFO.id, target.id()?, self.name, status, self.status);
        host.ip = ip;
        host.region = Some(target.zone.clone());
        host.plan = self.machine_type.as_deref().map(|link| last(link).to_owned());
        host.labels = labels(self.labels.as_ref());
        host.created = self.creation_timestamp.as_deref().and_then(parse_rfc3339);
        host.message = self.status_message.filter(|text| !text.is_empty());
        Ok(host)
    }
}

/// What follows the last slash of a link.
fn last(link: &str) -> &str {
    link.rsplit('/').next().unwrap_or(link)
}

fn labels(pairs: Option<&BTreeMap<String, String>>) -> Labels {
    let pairs = pairs.into_iter().flatten();
    Labels::from_vendor(pairs.map(|(key, value)| (key.as_str(), value.as_str())))
}

#[derive(Deserialize)]
pub(crate) struct Disk {
    pub(crate) name: String,
    labels: Option<BTreeMap<String, String>>,
    /// Links of the instances that use it.
    users: Option<Vec<String>>,
}

impl Disk {
    pub(crate) fn labels(&self) -> Labels {
        labels(self.labels.as_ref())
    }

    /// Whether the instance of that name uses it.
    pub(crate) fn is_used_by(&self, target: &Target) -> bool {
        let path = format!("/zones/{}/instances/{}", target.zone, target.name);
        self.users.iter().flatten().any(|user| user.ends_with(&path))
    }
}

/// What a change is doing, or did.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Operation {
    operation_type: String,
    status: String,
    target_link: Option<String>,
    pub(crate) insert_time: Option<String>,
    error: Option<OperationErrors>,
}

#[derive(Deserialize)]
struct OperationErrors {
    errors: Option<Vec<OperationError>>,
}

#[derive(Deserialize)]
struct OperationError {
    code: Option<String>,
    message: Option<String>,
}

impl Operation {
    pub(crate) fn is_done(&self) -> bool {
        self.status == "DONE"
    }

    /// Whether it makes or removes this instance. Links may start with either of two host names.
    pub(crate) fn is_life_of(&self, target: &Target) -> bool {
        let path = format!("/zones/{}/instances/{}", target.zone, target.name);
        let target_link = self.target_link.as_deref().unwrap_or_default();
        target_link.ends_with(&path) && matches!(self.operation_type.as_str(), "insert" | "delete")
    }

    /// Whether its instance may still come.
    pub(crate) fn is_making(&self) -> bool {
        self.operation_type == "insert" && !self.is_done()
    }

    /// Whether its instance may still be seen going.
    pub(crate) fn is_removing(&self) -> bool {
        self.operation_type == "delete" && !self.is_done()
    }

    /// Why there is no instance, of an insert that failed.
    pub(crate) fn failure(&self) -> Option<Error> {
        let error = self.error.as_ref().filter(|_| self.operation_type == "insert")?;
        let errors = error.errors.as_deref().unwrap_or_default();
        let mut codes = errors.iter().filter_map(|error| error.code.as_deref());
        let code = codes.clone().next().filter(|code| !code.is_empty());
        let kind = codes.find_map(kind_of_operation).unwrap_or(ErrorKind::InvalidRequest);
        let texts = errors.iter().filter_map(|error| error.message.as_deref());
        let texts: Vec<&str> = texts
            .map(|text| text.trim_end_matches('.'))
            .filter(|text| !text.is_empty())
            .collect();
        let text = match texts.is_empty() {
            true => "the operation failed without a message".to_owned(),
            false => texts.join("; "),
        };
        let error = Error::new(kind, text).with_operation("create instance");
        Some(match code {
            Some(code) => error.with_code(code),
            None => error,
        })
    }

    /// The host of an insert that is under way or failed, as long as there is no instance to be read.
    pub(crate) fn to_host(&self, target: &Target, labels: Labels) -> Result<ProvisionedHost> {
        let failure = self.failure();
        let status = match failure {
            Some(_) => HostStatus::Failed,
            None => HostStatus::Provisioning,
        };
        let mut host = ProvisionedHost::new(INFO.id, target.id()?, &target.name, status, &self.status);
        host.region = Some(target.zone.clone());
        host.labels = labels;
        host.created = self.insert_time.as_deref().and_then(parse_rfc3339);
        host.message = failure.map(|failure| match failure.code() {
            Some(code) => format!("{}: {} ({code})", failure.kind(), failure.message()),
            None => failure.message().to_owned(),
        });
        Ok(host)
    }
}

/// A firewall rule that is there.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FoundRule {
    pub(crate) name: String,
    description: Option<String>,
    creation_timestamp: Option<String>,
}

/// An instance tells as its creation a moment shortly after the insert was accepted, when its first rule may be there.
const ACCEPTED_BEFORE: Duration = Duration::from_secs(5);

impl FoundRule {
    /// Whether it was made for a host of this name and zone.
    pub(crate) fn is_of(&self, target: &Target) -> bool {
        self.description.as_deref() == Some(&target.rule_mark())
    }

    /// Whether it was there before the host, so that an earlier host of its name left it.
    pub(crate) fn is_older_than(&self, host: &ProvisionedHost) -> bool {
        let made = self.creation_timestamp.as_deref().and_then(parse_rfc3339);
        match (made.and_then(|made| made.checked_add(ACCEPTED_BEFORE)), host.created) {
            (Some(made), Some(created)) => made < created,
            _ => false,
        }
    }
}

/// One page of a list. Its items are left out when there are none, so that its kind, `compute#zoneList` and the like, has to
/// tell that it is a list.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound = "T: DeserializeOwned")]
pub(crate) struct Page<T> {
    kind: String,
    items: Option<Vec<T>>,
    next_page_token: Option<String>,
    warning: Option<Warning>,
}

impl<T: DeserializeOwned + Send> ChainedPage for Page<T> {
    type Item = T;
    fn into_parts(self, answer: &Answer) -> Result<(Vec<T>, Option<String>)> {
        check_page(answer, &self.kind, self.warning.as_ref())?;
        Ok((self.items.unwrap_or_default(), self.next_page_token))
    }
}

/// One page of the list over all zones.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AggregatedPage {
    kind: String,
    items: Option<BTreeMap<String, ZoneItems>>,
    next_page_token: Option<String>,
    warning: Option<Warning>,
}

#[derive(Deserialize)]
struct ZoneItems {
    instances: Option<Vec<Instance>>,
    warning: Option<Warning>,
}

impl ChainedPage for AggregatedPage {
    type Item = Instance;
    fn into_parts(self, answer: &Answer) -> Result<(Vec<Instance>, Option<String>)> {
        check_page(answer, &self.kind, self.warning.as_ref())?;
        let mut instances = Vec::new();
        for zone in self.items.unwrap_or_default().into_values() {
            check_page(answer, &self.kind, zone.warning.as_ref())?;
            instances.extend(zone.instances.unwrap_or_default());
        }
        Ok((instances, self.next_page_token))
    }
}

#[derive(Deserialize)]
struct Warning {
    code: Option<String>,
}

fn check_page(answer: &Answer, kind: &str, warning: Option<&Warning>) -> Result<()> {
    if !kind.ends_with("List") {
        return Err(answer.unexpected("the answer is not a list: is the endpoint right?"));
    }
    match warning.map(|warning| warning.code.as_deref().unwrap_or_default()) {
        None | Some("NO_RESULTS_ON_PAGE" | "DEPRECATED_RESOURCE_USED") => Ok(()),
        // A zone that does not answer, say.
        Some(_) => Err(answer
            .unexpected("the cloud could not read every zone: try again, or name one zone")
            .with_kind(ErrorKind::Unavailable)),
    }
}

#[derive(Deserialize)]
pub(crate) struct Zone {
    name: String,
    status: Option<String>,
    region: Option<String>,
}

impl Zone {
    pub(crate) fn into_region(self) -> Region {
        let region = Region::new(self.name, self.region.as_deref().map(last).unwrap_or_default());
        match self.status {
            Some(status) => region.with_available(status == "UP"),
            None => region,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MachineType {
    name: String,
    description: Option<String>,
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
    /// Without a disk: it is chosen apart from the plan.
    pub(crate) fn into_plan(self) -> Plan {
        let mut plan = Plan::new(self.name);
        plan.description = self.description.unwrap_or_default();
        plan.vcpus = self.guest_cpus;
        plan.memory_mib = self.memory_mb;
        plan.available = Some(is_current(self.deprecated.as_ref()));
        plan
    }
}

#[derive(Deserialize)]
pub(crate) struct OsImage {
    family: Option<String>,
    description: Option<String>,
    architecture: Option<String>,
    deprecated: Option<Deprecated>,
}

impl OsImage {
    /// The image's family: the newest image of each is the one that is not deprecated.
    pub(crate) fn into_image(self) -> Option<Image> {
        if !is_current(self.deprecated.as_ref()) {
            return None;
        }
        let image = Image::new(self.family?, self.description.unwrap_or_default());
        Some(match self.architecture {
            Some(architecture) => image.with_architecture(architecture.to_ascii_lowercase()),
            None => image,
        })
    }
}
