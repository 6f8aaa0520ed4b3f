//! What the account holds, besides what every region has from the start.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ID;
use crate::{
    kit::life::{Life, Stage},
    record::Item,
};

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    pub(super) instances: Vec<Instance>,
    pub(super) firewalls: Vec<Firewall>,
    pub(super) keys: Vec<Key>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Instance {
    pub(super) id: String,
    pub(super) hostname: String,
    pub(super) region: String,
    pub(super) size: String,
    pub(super) image: String,
    pub(super) network: String,
    pub(super) firewall: String,
    pub(super) tags: Vec<String>,
    pub(super) user: String,
    pub(super) ssh_key: Option<String>,
    pub(super) script_sha256: Option<String>,
    pub(super) private_ip: String,
    pub(super) public_ip: Option<String>,
    pub(super) off: bool,
    pub(super) life: Life,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Firewall {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) region: String,
    pub(super) network: String,
    /// Rules as they are shown.
    pub(super) rules: Vec<Value>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Key {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) public_key: String,
    pub(super) created: u64,
}

impl State {
    pub(super) fn tick(&mut self, now: u64) {
        self.instances
            .retain(|instance| instance.life.stage(now) != Stage::Gone);
    }

    /// How many instances a firewall has, those that are being deleted included.
    pub(super) fn users_of(&self, firewall: &str) -> usize {
        self.instances
            .iter()
            .filter(|instance| instance.firewall == firewall)
            .count()
    }

    pub(super) fn inventory(&self) -> Vec<Item> {
        let instances = self.instances.iter().map(|instance| {
            Item::new(ID, "host", &instance.id, &instance.hostname)
                .bills()
                .plan(&instance.size)
                .region(&instance.region)
                .ip(instance.public_ip.clone())
                .user_data(&instance.script_sha256)
        });
        let firewalls = self
            .firewalls
            .iter()
            .map(|firewall| Item::new(ID, "firewall", &firewall.id, &firewall.name).region(&firewall.region));
        let keys = self.keys.iter().map(|key| Item::new(ID, "ssh-key", &key.id, &key.name));
        instances.chain(firewalls).chain(keys).collect()
    }
}
