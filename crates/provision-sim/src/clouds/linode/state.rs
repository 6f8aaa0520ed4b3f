//! What the account holds.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ID, catalog, not_found};
use crate::{
    kit::{answer::Answer, life::Life},
    record::Item,
};

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    pub(super) instances: Vec<Instance>,
    pub(super) firewalls: Vec<Firewall>,
    pub(super) scripts: Vec<Script>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Instance {
    pub(super) id: u64,
    pub(super) label: String,
    pub(super) region: String,
    pub(super) plan: String,
    pub(super) image: Option<String>,
    pub(super) tags: Vec<String>,
    pub(super) ipv4: Vec<String>,
    pub(super) ipv6: String,
    pub(super) host_uuid: String,
    /// Of the decoded text.
    pub(super) user_data_sha256: Option<String>,
    pub(super) backups: bool,
    /// `legacy_config` or `linode`.
    pub(super) generation: String,
    pub(super) off: bool,
    /// Deprecated, and still shown.
    #[serde(default)]
    pub(super) group: String,
    pub(super) updated: u64,
    pub(super) life: Life,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Firewall {
    pub(super) id: u64,
    pub(super) label: String,
    pub(super) created: u64,
    pub(super) updated: u64,
    pub(super) enabled: bool,
    pub(super) tags: Vec<String>,
    /// Rules and policies as they are shown.
    pub(super) rules: Value,
    /// Counts the changes of the rules, from 1.
    pub(super) version: u64,
    pub(super) devices: Vec<Device>,
}

/// A StackScript. Of its text only the digest is kept.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Script {
    pub(super) id: u64,
    pub(super) label: String,
    pub(super) description: String,
    pub(super) rev_note: String,
    pub(super) images: Vec<String>,
    pub(super) sha256: String,
    pub(super) created: u64,
}

/// What a firewall is assigned to; only instances are simulated.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Device {
    pub(super) id: u64,
    pub(super) instance: u64,
    pub(super) created: u64,
}

impl State {
    pub(super) fn instance(&mut self, id: &str) -> Result<&mut Instance, Answer> {
        let found = self.instances.iter_mut().find(|instance| instance.id.to_string() == id);
        found.ok_or_else(not_found)
    }

    pub(super) fn firewall(&mut self, id: &str) -> Result<&mut Firewall, Answer> {
        let found = self.firewalls.iter_mut().find(|firewall| firewall.id.to_string() == id);
        found.ok_or_else(not_found)
    }

    /// Takes an instance away, and off every firewall. The firewalls stay.
    pub(super) fn remove_instance(&mut self, id: u64) {
        self.instances.retain(|instance| instance.id != id);
        for firewall in &mut self.firewalls {
            firewall.devices.retain(|device| device.instance != id);
        }
    }

    pub(super) fn inventory(&self) -> Vec<Item> {
        let instances = self.instances.iter().map(|instance| {
            Item::new(ID, "host", instance.id, &instance.label)
                .bills()
                .plan(&instance.plan)
                .costs("USD", catalog::monthly(&instance.plan, &instance.region))
                .region(&instance.region)
                .ip(instance.ipv4.first().cloned())
                .user_data(&instance.user_data_sha256)
        });
        let firewalls = self
            .firewalls
            .iter()
            .map(|firewall| Item::new(ID, "firewall", firewall.id, &firewall.label));
        let scripts = self
            .scripts
            .iter()
            .map(|script| Item::new(ID, "script", script.id, &script.label));
        instances.chain(firewalls).chain(scripts).collect()
    }
}
