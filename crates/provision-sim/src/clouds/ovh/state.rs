//! What the project holds.

use serde::{Deserialize, Serialize};

use super::{ID, catalog};
use crate::{
    kit::life::{Life, Stage},
    record::Item,
};

/// How long lists go on showing a deleted instance as DELETED, milliseconds (UNCONFIRMED that they do).
const REMEMBERED: u64 = 30_000;

#[derive(Default, Serialize, Deserialize)]
pub(crate) struct State {
    pub(super) instances: Vec<Instance>,
    /// Instances that are gone and that lists still show.
    pub(super) remembered: Vec<Instance>,
    pub(super) keys: Vec<Key>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Instance {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) region: String,
    pub(super) flavor: String,
    /// Name of the flavor.
    pub(super) plan: String,
    pub(super) image: String,
    pub(super) ssh_key: Option<String>,
    pub(super) zone: Option<String>,
    pub(super) user_data_sha256: Option<String>,
    pub(super) ip: String,
    pub(super) ipv6: String,
    /// `SHUTOFF` or `SHELVED_OFFLOADED`, when it does not run.
    pub(super) halted: Option<String>,
    pub(super) life: Life,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Key {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) public_key: String,
}

impl State {
    pub(super) fn tick(&mut self, now: u64) {
        let (gone, there) = std::mem::take(&mut self.instances)
            .into_iter()
            .partition(|instance| instance.life.stage(now) == Stage::Gone);
        self.instances = there;
        self.remembered.extend::<Vec<Instance>>(gone);
        let recent = |gone: u64| now < gone.saturating_add(REMEMBERED);
        self.remembered
            .retain(|instance| instance.life.gone.is_some_and(recent));
    }

    pub(super) fn inventory(&self) -> Vec<Item> {
        let hosts = self.instances.iter().map(|instance| {
            Item::new(ID, "host", &instance.id, &instance.name)
                .bills()
                .plan(&instance.plan)
                .costs("EUR", catalog::monthly(&instance.plan))
                .region(&instance.region)
                .ip(Some(instance.ip.clone()))
                .user_data(&instance.user_data_sha256)
        });
        let keys = self.keys.iter().map(|key| Item::new(ID, "ssh-key", &key.id, &key.name));
        hosts.chain(keys).collect()
    }
}
