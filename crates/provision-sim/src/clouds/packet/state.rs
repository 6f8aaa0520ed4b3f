//! What the projects hold.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ID, catalog};
use crate::{
    kit::life::{Life, Stage},
    record::Item,
};

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    pub(super) devices: Vec<Device>,
    pub(super) keys: Vec<Key>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Device {
    pub(super) id: String,
    pub(super) project: String,
    pub(super) hostname: String,
    pub(super) description: Option<String>,
    pub(super) plan: String,
    pub(super) metro: String,
    pub(super) operating_system: String,
    pub(super) billing_cycle: String,
    pub(super) tags: Vec<String>,
    /// Ids of the project's keys that were installed.
    pub(super) keys: Vec<String>,
    pub(super) user_data_sha256: Option<String>,
    pub(super) locked: bool,
    /// Fields of its create that are shown and have no effect here.
    #[serde(default)]
    pub(super) extras: Map<String, Value>,
    /// When the cloud deletes it by itself.
    pub(super) termination: Option<u64>,
    pub(super) public_ip: Option<String>,
    pub(super) private_ip: String,
    pub(super) ipv6: Option<String>,
    pub(super) life: Life,
    pub(super) off: bool,
    /// Whether its life started anew with another image.
    pub(super) reinstalled: bool,
    /// A device that failed is moved out of the account; it then answers this status. Set by tests, in the stored text.
    pub(super) moved: Option<u16>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Key {
    pub(super) id: String,
    pub(super) project: String,
    pub(super) label: String,
    pub(super) key: String,
    pub(super) fingerprint: String,
    pub(super) created: u64,
}

impl Device {
    /// The `state` of the API.
    pub(super) fn state(&self, now: u64) -> &'static str {
        match self.life.stage(now) {
            Stage::Gone => "deleted",
            Stage::Ending => "deprovisioning",
            Stage::Starting if self.reinstalled => "reinstalling",
            Stage::Starting if self.life.booted_percent(now) < 20 => "queued",
            Stage::Starting => "provisioning",
            Stage::Ready if self.off => "inactive",
            Stage::Ready => "active",
        }
    }
}

impl State {
    pub(super) fn tick(&mut self, now: u64) {
        for device in &mut self.devices {
            if let Some(end) = device.termination.filter(|end| now >= *end) {
                device.life.end(end, 0);
            }
        }
        self.devices.retain(|device| device.life.stage(now) != Stage::Gone);
    }

    pub(super) fn inventory(&self) -> Vec<Item> {
        let devices = self.devices.iter().filter(|device| device.moved.is_none());
        let devices = devices.map(|device| {
            Item::new(ID, "host", &device.id, &device.hostname)
                .bills()
                .plan(&device.plan)
                .costs("USD", catalog::monthly(&device.plan, &device.metro))
                .region(&device.metro)
                .ip(device.public_ip.clone())
                .user_data(&device.user_data_sha256)
        });
        let keys = self
            .keys
            .iter()
            .map(|key| Item::new(ID, "ssh-key", &key.id, &key.label));
        devices.chain(keys).collect()
    }
}
