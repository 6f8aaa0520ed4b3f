//! What the API answers, as far as the provider reads it.

use std::{
    net::IpAddr,
    time::{Duration, SystemTime},
};

use provision_core::{HostStatus, Plan, ProvisionedHost, Region, Result};
use serde::Deserialize;

use crate::{
    error::Detail,
    id::Target,
    info::INFO,
    status::{DELETING, machine_status},
    tags::Tags,
};

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
    tags: Option<Tags>,
    properties: Option<State>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct State {
    provisioning_state: Option<String>,
}

impl Group {
    pub(crate) fn is_ours(&self) -> bool {
        self.tags.as_ref().is_some_and(|tags| tags.labels().is_managed())
    }

    pub(crate) fn is_deleting(&self) -> bool {
        let state = self.properties.as_ref();
        let state = state.and_then(|state| state.provisioning_state.as_deref());
        state.is_some_and(|state| state.eq_ignore_ascii_case(DELETING))
    }

    /// The host, with everything that the group says about it.
    pub(crate) fn host(&self, target: &Target, status: HostStatus, word: impl Into<String>) -> Result<ProvisionedHost> {
        let mut host = ProvisionedHost::new(INFO.id, target.id()?, target.name.clone(), status, word);
        host.region = Some(self.location.clone());
        if let Some(tags) = &self.tags {
            host.plan = tags.plan().map(str::to_owned);
            host.image = tags.image().map(str::to_owned);
            host.labels = tags.labels();
            host.created = tags.created();
        }
        Ok(host)
    }

    /// The host, when there is no machine to be seen, which `word` says: it is being built while the group is young.
    pub(crate) fn host_without_machine(
        &self,
        target: &Target,
        word: &'static str,
        now: SystemTime,
    ) -> Result<ProvisionedHost> {
        /// Machines are to be seen within a minute of the deployment's start; deployments wait in a queue now and then.
        const GRACE: Duration = Duration::from_secs(600);
        let created = self.tags.as_ref().and_then(Tags::created);
        // A clock that is behind makes the group seem to come from the future.
        if created.is_some_and(|created| now.duration_since(created).map_or(true, |age| age < GRACE)) {
            return self.host(target, HostStatus::Provisioning, word);
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
        let (status, word) = machine.status(ip.is_some());
        let mut host = self.host(target, status, word)?;
        host.ip = ip;
        if status == HostStatus::Failed {
            host.message = machine.failure();
        }
        if let Some(size) = machine.size() {
            host.plan = Some(size.to_owned());
        }
        Ok(host)
    }
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
    id: Option<String>,
    pub(crate) name: String,
    properties: Option<MachineProperties>,
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
    statuses: Option<Vec<InstanceStatus>>,
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
        group_of(self.id.as_deref()?)
    }

    fn size(&self) -> Option<&str> {
        let profile = self.properties.as_ref()?.hardware_profile.as_ref()?;
        profile.vm_size.as_deref()
    }

    fn statuses(&self) -> impl Iterator<Item = &InstanceStatus> {
        let properties = self.properties.iter();
        let views = properties.filter_map(|properties| properties.instance_view.as_ref());
        views.flat_map(|view| view.statuses.iter().flatten())
    }

    fn word(&self, what: &str) -> Option<&str> {
        self.statuses().find_map(|status| {
            let (kind, word) = status.code.split_once('/')?;
            kind.eq_ignore_ascii_case(what).then_some(word)
        })
    }

    fn status(&self, has_public_ip: bool) -> (HostStatus, String) {
        let in_view = self.word("ProvisioningState").and_then(|word| word.split('/').next());
        // UNCONFIRMED whether a list of states alone holds `provisioningState`.
        let properties = self.properties.as_ref();
        let provisioning = properties
            .and_then(|properties| properties.provisioning_state.as_deref())
            .or(in_view)
            .unwrap_or("unknown");
        let power = self.word("PowerState").map(str::to_ascii_lowercase);
        machine_status(provisioning, power.as_deref(), has_public_ip)
    }

    fn failure(&self) -> Option<String> {
        let failed = |status: &&InstanceStatus| status.code.to_ascii_lowercase().contains("/failed");
        let failed = self.statuses().find(failed)?;
        let code = failed.code.rsplit('/').next().unwrap_or_default();
        Some(format!(
            "{code}: {}",
            failed.message.as_deref().unwrap_or("the machine could not be made")
        ))
    }
}

#[derive(Deserialize)]
pub(crate) struct Address {
    id: Option<String>,
    properties: Option<AddressProperties>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AddressProperties {
    /// A list holds everybody's addresses: one that cannot be read is none of ours.
    ip_address: Option<String>,
}

impl Address {
    pub(crate) fn group(&self) -> Option<String> {
        group_of(self.id.as_deref()?)
    }

    pub(crate) fn ip(&self) -> Option<IpAddr> {
        self.properties.as_ref()?.ip_address.as_deref()?.parse().ok()
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
    /// The disk comes with the image, and the API tells no prices.
    pub(crate) fn into_plan(self) -> Plan {
        let mut plan = Plan::new(self.name);
        plan.vcpus = Some(self.number_of_cores);
        plan.memory_mib = Some(self.memory_in_mb);
        plan
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Location {
    name: String,
    display_name: Option<String>,
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
        physical.then(|| Region::new(self.name, self.display_name.unwrap_or_default()))
    }
}
