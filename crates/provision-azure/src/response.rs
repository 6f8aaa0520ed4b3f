//! What the API answers, as far as the provider reads it.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    time::{Duration, SystemTime},
};

use provision_core::{Error, HostId, HostStatus, Labels, Plan, ProvisionedHost, Region, Result};
use serde::Deserialize;

use crate::{
    config::INFO,
    error::Detail,
    request::{CREATED_TAG, IMAGE_TAG, PLAN_TAG},
    status::machine_status,
};

/// What the name of a host's resource group starts with.
const PREFIX: &str = "provision-";
/// The name of the host that a group of ours belongs to.
pub(crate) fn host_of_group(group: &str) -> &str {
    group.strip_prefix(PREFIX).unwrap_or(group)
}

/// Where a host is: its group, and its deployment with the machine of the same name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) group: String,
    pub(crate) name: String,
}

impl Target {
    pub(crate) fn of_host(name: &str) -> Self {
        Self {
            group: format!("{PREFIX}{name}"),
            name: name.to_owned(),
        }
    }

    /// Reads `group|deployment`, or the group alone where it is one of ours.
    pub(crate) fn of_id(id: &HostId) -> Result<Self> {
        let parts: Vec<&str> = id.parts().collect();
        let target = match parts.as_slice() {
            [group, name] => Some((*group, *name)),
            [group] => group.strip_prefix(PREFIX).map(|name| (*group, name)),
            _ => None,
        };
        // https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/resource-name-rules
        let valid = |name: &str, most: usize| {
            (1..=most).contains(&name.len())
                && !name.ends_with('.')
                && name.chars().all(|c| c.is_ascii_alphanumeric() || "._()-".contains(c))
        };
        match target {
            Some((group, name)) if valid(group, 90) && valid(name, 64) => Ok(Self {
                group: group.to_owned(),
                name: name.to_owned(),
            }),
            _ => Err(Error::invalid(format!(
                "{:?} is not a host id of Azure: it must be `group|deployment`, such as `provision-web-1|web-1`",
                id.as_str()
            ))
            .with_provider(INFO.id)),
        }
    }

    pub(crate) fn id(&self) -> Result<HostId> {
        Ok(HostId::from_parts([self.group.as_str(), self.name.as_str()])?)
    }
}

/// One page of a list.
#[derive(Deserialize)]
pub(crate) struct Page<T> {
    pub(crate) value: Vec<T>,
    #[serde(rename = "nextLink")]
    pub(crate) next_link: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Group {
    pub(crate) name: String,
    location: String,
    #[serde(default)]
    tags: Option<BTreeMap<String, String>>,
    properties: Option<State>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct State {
    provisioning_state: Option<String>,
}

impl Group {
    pub(crate) fn labels(&self) -> Labels {
        labels(self.tags.iter().flatten())
    }

    pub(crate) fn is_deleting(&self) -> bool {
        let state = self
            .properties
            .as_ref()
            .and_then(|state| state.provisioning_state.as_deref());
        state.is_some_and(|state| state.eq_ignore_ascii_case("Deleting"))
    }

    fn tag(&self, name: &str) -> Option<&str> {
        // Names of tags compare without case.
        let mut tags = self.tags.iter().flatten();
        tags.find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    fn created(&self) -> Option<SystemTime> {
        let seconds = self.tag(CREATED_TAG)?.parse().ok()?;
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
    }

    /// Where the host of this group is. Its name is that of the group, except in groups that somebody else named.
    pub(crate) fn target(&self, machine: Option<&Machine>) -> Target {
        let named = host_of_group(&self.name);
        let name = match machine {
            Some(machine) if named == self.name => machine.name.clone(),
            _ => named.to_owned(),
        };
        Target {
            group: self.name.clone(),
            name,
        }
    }

    /// The host, with everything that the group says about it.
    pub(crate) fn host(&self, target: &Target, status: HostStatus, word: impl Into<String>) -> Result<ProvisionedHost> {
        let mut host = ProvisionedHost::new(INFO.id, target.id()?, target.name.clone(), status, word);
        host.region = Some(self.location.clone());
        host.plan = self.tag(PLAN_TAG).map(str::to_owned);
        host.image = self.tag(IMAGE_TAG).map(str::to_owned);
        host.labels = self.labels();
        host.created = self.created();
        Ok(host)
    }

    /// The host, when there is no machine to be seen.
    pub(crate) fn host_without_machine(&self, target: &Target, now: SystemTime) -> Result<ProvisionedHost> {
        /// Machines are to be seen within a minute of the deployment's start; deployments wait in a queue now and then.
        const GRACE: Duration = Duration::from_secs(600);
        if self.is_deleting() {
            return self.host(target, HostStatus::Deleting, "Deleting");
        }
        // A clock that is behind makes the group seem to come from the future.
        let young = self
            .created()
            .is_some_and(|created| now.duration_since(created).map_or(true, |age| age < GRACE));
        if young {
            return self.host(target, HostStatus::Provisioning, "no machine yet");
        }
        self.host_without_its_machine(target)
    }

    /// The host, whose machine should be there but is not.
    pub(crate) fn host_without_its_machine(&self, target: &Target) -> Result<ProvisionedHost> {
        let mut host = self.host(target, HostStatus::Failed, "no machine")?;
        host.message =
            Some("the machine was never made, or was deleted outside of this tool: delete the host".to_owned());
        Ok(host)
    }

    /// The host, with what its machine says.
    pub(crate) fn host_with_machine(
        &self,
        target: &Target,
        machine: Machine,
        ip: Option<IpAddr>,
    ) -> Result<ProvisionedHost> {
        if self.is_deleting() {
            return self.host(target, HostStatus::Deleting, "Deleting");
        }
        let (status, word) = machine.status(ip.is_some());
        let mut host = self.host(target, status, word)?;
        host.ip = ip;
        if status == HostStatus::Failed {
            host.message = machine.failure();
        }
        if let Some(size) = machine.properties.hardware_profile.and_then(|profile| profile.vm_size) {
            host.plan = Some(size);
        }
        Ok(host)
    }
}

/// Labels among tags; those of the provider's own use are left out.
pub(crate) fn labels<'a>(tags: impl IntoIterator<Item = (&'a String, &'a String)>) -> Labels {
    let own = [CREATED_TAG, PLAN_TAG, IMAGE_TAG];
    let tags = tags
        .into_iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.as_str()));
    let tags: Vec<(String, &str)> = tags.filter(|(name, _)| !own.contains(&name.as_str())).collect();
    Labels::from_vendor(tags.iter().map(|(name, value)| (name.as_str(), *value)))
}

#[derive(Deserialize)]
pub(crate) struct Deployment {
    properties: DeploymentProperties,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeploymentProperties {
    provisioning_state: String,
    error: Option<Detail>,
    outputs: Option<Outputs>,
}

#[derive(Deserialize)]
struct Outputs {
    #[serde(rename = "publicIP")]
    public_ip: Option<Output>,
}

#[derive(Deserialize)]
struct Output {
    value: Option<IpAddr>,
}

impl Deployment {
    pub(crate) fn state(&self) -> &str {
        &self.properties.provisioning_state
    }

    /// Why it failed.
    pub(crate) fn failure(&self) -> Option<String> {
        self.properties.error.as_ref().map(Detail::cause)
    }

    /// The address, once the deployment is done.
    pub(crate) fn ip(&self) -> Option<IpAddr> {
        self.properties.outputs.as_ref()?.public_ip.as_ref()?.value
    }
}

#[derive(Deserialize)]
pub(crate) struct Machine {
    #[serde(default)]
    id: String,
    name: String,
    properties: MachineProperties,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MachineProperties {
    provisioning_state: Option<String>,
    hardware_profile: Option<HardwareProfile>,
    instance_view: Option<InstanceView>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HardwareProfile {
    vm_size: Option<String>,
}

#[derive(Deserialize)]
struct InstanceView {
    #[serde(default)]
    statuses: Vec<InstanceStatus>,
}

/// Such as `ProvisioningState/succeeded`, `ProvisioningState/failed/AllocationFailed` or `PowerState/running`.
#[derive(Deserialize)]
struct InstanceStatus {
    code: String,
    message: Option<String>,
}

impl Machine {
    /// The group that it is in, lower-case: answers spell it as they like.
    pub(crate) fn group(&self) -> Option<String> {
        group_of(&self.id)
    }

    fn word(&self, what: &str) -> Option<&str> {
        let view = self.properties.instance_view.as_ref()?;
        view.statuses.iter().find_map(|status| {
            let (kind, word) = status.code.split_once('/')?;
            kind.eq_ignore_ascii_case(what).then_some(word)
        })
    }

    fn status(&self, has_public_ip: bool) -> (HostStatus, String) {
        let in_view = self.word("ProvisioningState").and_then(|word| word.split('/').next());
        // UNCONFIRMED whether a list of states alone holds `provisioningState`.
        let provisioning = self
            .properties
            .provisioning_state
            .as_deref()
            .or(in_view)
            .unwrap_or("unknown");
        let power = self.word("PowerState").map(str::to_ascii_lowercase);
        machine_status(provisioning, power.as_deref(), has_public_ip)
    }

    fn failure(&self) -> Option<String> {
        let view = self.properties.instance_view.as_ref()?;
        let failed = view
            .statuses
            .iter()
            .find(|status| status.code.to_ascii_lowercase().contains("/failed"))?;
        let code = failed.code.rsplit('/').next().unwrap_or_default();
        Some(format!(
            "{code}: {}",
            failed.message.as_deref().unwrap_or("the machine could not be made")
        ))
    }
}

#[derive(Deserialize)]
pub(crate) struct Address {
    #[serde(default)]
    id: String,
    properties: AddressProperties,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AddressProperties {
    ip_address: Option<IpAddr>,
}

impl Address {
    pub(crate) fn group(&self) -> Option<String> {
        group_of(&self.id)
    }

    pub(crate) fn ip(&self) -> Option<IpAddr> {
        self.properties.ip_address
    }
}

/// The group in a resource's id, lower-case.
fn group_of(id: &str) -> Option<String> {
    let mut parts = id.split('/');
    parts.find(|part| part.eq_ignore_ascii_case("resourceGroups"))?;
    parts.next().map(str::to_ascii_lowercase)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Size {
    name: String,
    number_of_cores: f64,
    #[serde(rename = "memoryInMB")]
    memory_in_mb: u64,
}

impl Size {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// `price` in USD a month.
    pub(crate) fn into_plan(self, price: Option<f64>) -> Plan {
        Plan {
            id: self.name,
            vcpus: Some(self.number_of_cores),
            memory_mib: Some(self.memory_in_mb),
            // The disk comes with the image and is billed by itself.
            disk_gb: None,
            monthly_cost: price,
            currency: INFO.monthly_cost.currency.to_owned(),
            ..Plan::default()
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Location {
    name: String,
    #[serde(default)]
    display_name: String,
    metadata: Option<LocationMetadata>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LocationMetadata {
    region_type: Option<String>,
}

impl Location {
    /// `None` for a group of regions such as `europe`.
    pub(crate) fn into_region(self) -> Option<Region> {
        let kind = self.metadata.and_then(|metadata| metadata.region_type);
        let physical = kind.is_none_or(|kind| kind.eq_ignore_ascii_case("Physical"));
        physical.then_some(Region {
            id: self.name,
            description: self.display_name,
            available: None,
        })
    }
}
