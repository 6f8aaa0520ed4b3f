//! What the project holds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ID;
use crate::{
    kit::life::{Life, Stage},
    record::Item,
};

#[derive(Default, Serialize, Deserialize)]
pub(crate) struct State {
    pub(super) instances: Vec<Instance>,
    pub(super) disks: Vec<Disk>,
    pub(super) addresses: Vec<Address>,
    pub(super) firewalls: Vec<Firewall>,
    pub(super) operations: Vec<Operation>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Instance {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) zone: String,
    pub(super) machine_type: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) tags: Vec<String>,
    pub(super) network: String,
    pub(super) subnetwork: Option<String>,
    pub(super) tier: String,
    pub(super) private_ip: String,
    /// `None` for an instance without an access config.
    pub(super) public_ip: Option<String>,
    /// Metadata without user data and keys' values, which are secrets: names alone.
    pub(super) metadata: Vec<String>,
    pub(super) user_data_sha256: Option<String>,
    pub(super) service_accounts: Vec<Value>,
    pub(super) life: Life,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Disk {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) zone: String,
    pub(super) size_gb: u64,
    pub(super) kind: String,
    pub(super) image: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) created: u64,
    /// The instance that uses it.
    pub(super) user: Option<String>,
    pub(super) auto_delete: bool,
    pub(super) gone: Option<u64>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Address {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) region: String,
    pub(super) address: String,
    pub(super) created: u64,
    pub(super) gone: Option<u64>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Firewall {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) created: u64,
    /// When it can be changed or deleted.
    pub(super) ready: u64,
    pub(super) gone: Option<u64>,
    /// Everything else as it is shown.
    pub(super) shown: serde_json::Map<String, Value>,
}

/// What a change is doing.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Operation {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) kind: String,
    /// `zones/us-central1-a`, `regions/us-central1` or `global`.
    pub(super) scope: String,
    /// What it is about, behind `projects/{project}/`.
    pub(super) target: String,
    pub(super) target_id: u64,
    pub(super) request_id: Option<String>,
    pub(super) inserted: u64,
    pub(super) done: u64,
    /// Code and message of a failure, shown once it is done.
    pub(super) failure: Option<(String, String)>,
}

/// Finished operations are kept this long, milliseconds; UNCONFIRMED.
const OPERATIONS_KEPT: u64 = 14 * 24 * 3_600_000;

impl State {
    pub(super) fn tick(&mut self, now: u64) {
        let is_gone = |gone: Option<u64>| gone.is_some_and(|gone| now >= gone);
        let ended: Vec<(String, String)> = self
            .instances
            .iter()
            .filter(|instance| instance.life.stage(now) == Stage::Gone)
            .map(|instance| (instance.zone.clone(), instance.name.clone()))
            .collect();
        for disk in &mut self.disks {
            let of_ended = |(zone, name): &(String, String)| *zone == disk.zone && disk.user.as_ref() == Some(name);
            if ended.iter().any(of_ended) {
                disk.user = None;
                disk.gone = disk.gone.or(disk.auto_delete.then_some(now));
            }
        }
        self.instances
            .retain(|instance| instance.life.stage(now) != Stage::Gone);
        self.disks.retain(|disk| !is_gone(disk.gone));
        self.addresses.retain(|address| !is_gone(address.gone));
        self.firewalls.retain(|firewall| !is_gone(firewall.gone));
        self.operations
            .retain(|operation| now < operation.done.saturating_add(OPERATIONS_KEPT));
    }

    pub(super) fn instance(&mut self, zone: &str, name: &str) -> Option<&mut Instance> {
        let mut instances = self.instances.iter_mut();
        instances.find(|instance| instance.zone == zone && instance.name == name)
    }

    pub(super) fn disk(&mut self, zone: &str, name: &str) -> Option<&mut Disk> {
        let mut disks = self.disks.iter_mut();
        disks.find(|disk| disk.zone == zone && disk.name == name)
    }

    pub(super) fn firewall(&mut self, name: &str) -> Option<&mut Firewall> {
        self.firewalls.iter_mut().find(|firewall| firewall.name == name)
    }

    /// A disk that an instance uses is a part of it; the others bill by themselves.
    pub(super) fn inventory(&self) -> Vec<Item> {
        let hosts = self.instances.iter().map(|instance| {
            Item::new(ID, "host", instance.id, &instance.name)
                .bills()
                .region(&instance.zone)
                .ip(instance.public_ip.clone())
                .user_data(&instance.user_data_sha256)
        });
        let disks = self.disks.iter().filter(|disk| disk.user.is_none());
        let disks = disks.map(|disk| Item::new(ID, "volume", disk.id, &disk.name).bills().region(&disk.zone));
        let addresses = self.addresses.iter().map(|address| {
            Item::new(ID, "address", address.id, &address.name)
                .bills()
                .region(&address.region)
                .ip(Some(address.address.clone()))
        });
        let firewalls = self.firewalls.iter();
        let firewalls = firewalls.map(|firewall| Item::new(ID, "firewall", firewall.id, &firewall.name));
        hosts.chain(disks).chain(addresses).chain(firewalls).collect()
    }
}
