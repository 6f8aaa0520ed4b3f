//! What the subscription holds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{ID, SUBSCRIPTION, put};
use crate::{
    kit::{
        life::{Life, Stage},
        text::rfc3339,
    },
    record::Item,
};

pub(super) const NSG: &str = "Microsoft.Network/networkSecurityGroups";
pub(super) const ADDRESS: &str = "Microsoft.Network/publicIPAddresses";
pub(super) const NETWORK: &str = "Microsoft.Network/virtualNetworks";
pub(super) const INTERFACE: &str = "Microsoft.Network/networkInterfaces";
pub(super) const MACHINE: &str = "Microsoft.Compute/virtualMachines";
pub(super) const DISK: &str = "Microsoft.Compute/disks";
/// Every type that can exist, in its proper spelling.
pub(super) const TYPES: [&str; 6] = [NSG, ADDRESS, NETWORK, INTERFACE, MACHINE, DISK];

pub(super) type Tags = BTreeMap<String, String>;

#[derive(Default, Serialize, Deserialize)]
pub(crate) struct State {
    pub(super) groups: Vec<Group>,
    /// Namespaces that the subscription is not registered for, lower-case.
    pub(super) unregistered: Vec<String>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) location: String,
    pub(super) tags: Tags,
    pub(super) life: Life,
    pub(super) deployments: Vec<Deployment>,
    pub(super) resources: Vec<Resource>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Deployment {
    pub(super) name: String,
    pub(super) operation: String,
    pub(super) life: Life,
    pub(super) tags: Tags,
    /// Those of secure types without their value.
    pub(super) parameters: Value,
    pub(super) outputs: Value,
    pub(super) resources: Vec<String>,
    /// Why it will have failed, at half of its time.
    pub(super) error: Option<Value>,
    pub(super) canceled: bool,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Resource {
    /// One of [`TYPES`].
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) location: String,
    pub(super) tags: Tags,
    pub(super) sku: Option<Value>,
    /// As shown, without secrets and without what changes.
    pub(super) properties: Value,
    pub(super) life: Life,
    /// Public address.
    pub(super) ip: Option<String>,
    pub(super) user_data_sha256: Option<String>,
    /// SHA-256 of what must not change later: password, keys, custom data.
    pub(super) frozen: String,
    /// Machines: `deallocated` or `stopped`, unless it runs.
    pub(super) off: Option<String>,
    /// Machines: why it could not be made.
    pub(super) failed: Option<String>,
}

impl State {
    pub(super) fn tick(&mut self, now: u64) {
        self.groups.retain(|group| group.life.stage(now) != Stage::Gone);
        for group in &mut self.groups {
            group
                .resources
                .retain(|resource| resource.life.stage(now) != Stage::Gone);
        }
    }

    pub(super) fn group(&mut self, name: &str) -> Option<&mut Group> {
        self.groups
            .iter_mut()
            .find(|group| group.name.eq_ignore_ascii_case(name))
    }

    pub(super) fn find(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.name.eq_ignore_ascii_case(name))
    }

    pub(super) fn inventory(&self) -> Vec<Item> {
        let groups = self
            .groups
            .iter()
            .map(|group| Item::new(ID, "resource-group", group_id(&group.name), &group.name).region(&group.location));
        let parts = self.groups.iter().flat_map(|group| {
            group.resources.iter().map(|resource| {
                let id = resource.id(group);
                let kind = match resource.kind.as_str() {
                    MACHINE => "host",
                    ADDRESS => "address",
                    DISK => "volume",
                    NSG => "firewall",
                    NETWORK => "network",
                    _ => "network-interface",
                };
                let item = Item::new(ID, kind, id, &resource.name)
                    .region(&resource.location)
                    .ip(resource.ip.clone())
                    .user_data(&resource.user_data_sha256);
                match kind {
                    "host" => item.ip(group.address()).bills(),
                    "address" | "volume" => item.bills(),
                    _ => item,
                }
            })
        });
        groups.chain(parts).collect()
    }
}

pub(super) fn group_id(name: &str) -> String {
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{name}")
}

impl Group {
    pub(super) fn is_ending(&self) -> bool {
        self.life.ended.is_some()
    }

    pub(super) fn resource(&self, kind: &str, name: &str) -> Option<&Resource> {
        let wanted =
            |resource: &&Resource| resource.kind.eq_ignore_ascii_case(kind) && resource.name.eq_ignore_ascii_case(name);
        self.resources.iter().find(wanted)
    }

    /// The public address of the group's machine.
    pub(super) fn address(&self) -> Option<String> {
        self.resources.iter().find_map(|resource| resource.ip.clone())
    }
}

impl Resource {
    pub(super) fn id(&self, group: &Group) -> String {
        format!("{}/providers/{}/{}", group_id(&group.name), self.kind, self.name)
    }
}

impl Deployment {
    pub(super) fn state(&self, now: u64) -> &'static str {
        match self.life.booted_percent(now) {
            _ if self.canceled => "Canceled",
            50.. if self.error.is_some() => "Failed",
            100.. => "Succeeded",
            10.. => "Running",
            _ => "Accepted",
        }
    }

    pub(super) fn is_running(&self, now: u64) -> bool {
        matches!(self.state(now), "Accepted" | "Running")
    }

    pub(super) fn show(&self, group: &Group, now: u64) -> Value {
        self.show_as(group, now, self.state(now))
    }

    pub(super) fn show_as(&self, group: &Group, now: u64, state: &str) -> Value {
        let ended = if self.is_running(now) {
            now
        } else {
            now.min(self.life.ready)
        };
        let seconds = ended.saturating_sub(self.life.born) / 1_000;
        let mut properties = json!({
            "mode": "Incremental", "provisioningState": state, "timestamp": rfc3339(ended), "duration": format!("PT{seconds}S"),
            "correlationId": self.operation, "parameters": self.parameters, "outputResources": [],
        });
        if state == "Succeeded" {
            put(&mut properties, "/outputs", self.outputs.clone());
            let made: Vec<Value> = self.resources.iter().map(|id| json!({ "id": id })).collect();
            put(&mut properties, "/outputResources", made);
        }
        if let (Some(why), "Failed") = (&self.error, state) {
            put(&mut properties, "/error", why.clone());
        }
        json!({
            "id": self.id(group), "name": self.name, "type": "Microsoft.Resources/deployments", "tags": self.tags,
            "properties": properties,
        })
    }

    pub(super) fn id(&self, group: &Group) -> String {
        format!(
            "{}/providers/Microsoft.Resources/deployments/{}",
            group_id(&group.name),
            self.name
        )
    }

    pub(super) fn operations(&self, group: &Group, now: u64) -> Vec<Value> {
        let of = |id: &String| {
            let failed = self.state(now) == "Failed" && id.to_ascii_lowercase().contains("/virtualmachines/");
            let state = if failed { "Failed" } else { self.state(now) };
            let mut properties = json!({
                "provisioningOperation": "Create", "provisioningState": state, "timestamp": rfc3339(now),
                "targetResource": { "id": id },
            });
            if let (true, Some(why)) = (failed, &self.error) {
                put(&mut properties, "/statusMessage", json!({ "error": why }));
            }
            let operation = id.rsplit('/').next().unwrap_or_default();
            json!({ "id": format!("{}/operations/{operation}", self.id(group)), "operationId": operation, "properties": properties })
        };
        self.resources.iter().map(of).collect()
    }
}
