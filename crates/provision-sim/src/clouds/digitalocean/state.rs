//! What the account holds.

use serde::{Deserialize, Serialize};

use super::{ID, catalog};
use crate::{
    kit::life::{Life, Stage},
    record::Item,
};

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    pub(super) droplets: Vec<Droplet>,
    pub(super) actions: Vec<Action>,
    /// Tag names in their first spelling.
    pub(super) tags: Vec<String>,
    pub(super) keys: Vec<Key>,
    pub(super) firewalls: Vec<Firewall>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Droplet {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) region: String,
    pub(super) size: String,
    pub(super) image: String,
    pub(super) tags: Vec<String>,
    pub(super) user_data_sha256: Option<String>,
    pub(super) life: Life,
    pub(super) off: bool,
    pub(super) features: Vec<String>,
    pub(super) vpc_uuid: String,
    pub(super) private_ip: String,
    /// `None` for a droplet that was made without public networking.
    pub(super) public_ip: Option<String>,
    pub(super) ipv6: Option<String>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Action {
    pub(super) id: u64,
    pub(super) kind: String,
    pub(super) droplet: u64,
    pub(super) region: String,
    pub(super) started: u64,
    pub(super) completed: u64,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Key {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) public_key: String,
    pub(super) fingerprint: String,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Firewall {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) created: u64,
    /// Rules as they are shown.
    pub(super) inbound: Vec<serde_json::Value>,
    pub(super) outbound: Vec<serde_json::Value>,
    pub(super) droplets: Vec<u64>,
    pub(super) tags: Vec<String>,
}

/// Actions of droplets that are gone are kept this long, milliseconds.
const ACTIONS_KEPT: u64 = 3_600_000;

impl State {
    pub(super) fn tick(&mut self, now: u64) {
        let before = self.droplets.len();
        self.droplets.retain(|droplet| droplet.life.stage(now) != Stage::Gone);
        let droplets = &self.droplets;
        let exists = |id: u64| droplets.iter().any(|droplet| droplet.id == id);
        self.actions
            .retain(|action| now < action.completed.saturating_add(ACTIONS_KEPT) || exists(action.droplet));
        // A firewall loses the droplets that are gone, and stays.
        if self.droplets.len() == before {
            return;
        }
        for firewall in &mut self.firewalls {
            firewall.droplets.retain(|id| exists(*id));
        }
    }

    pub(super) fn droplet(&mut self, id: &str) -> Option<&mut Droplet> {
        let id: u64 = id.parse().ok()?;
        self.droplets.iter_mut().find(|droplet| droplet.id == id)
    }

    /// Makes the tags that do not exist yet; gives back all of them in their first spelling.
    pub(super) fn ensure_tags(&mut self, names: &[String]) -> Vec<String> {
        let mut spelled: Vec<String> = Vec::new();
        for name in names {
            let known = self.tags.iter().find(|known| known.eq_ignore_ascii_case(name)).cloned();
            let name = known.unwrap_or_else(|| {
                self.tags.push(name.clone());
                name.clone()
            });
            if !spelled.contains(&name) {
                spelled.push(name);
            }
        }
        spelled
    }

    pub(super) fn inventory(&self) -> Vec<Item> {
        let droplets = self.droplets.iter().map(|droplet| {
            Item::new(ID, "host", droplet.id, &droplet.name)
                .bills()
                .plan(&droplet.size)
                .costs("USD", catalog::size(&droplet.size).map(|size| size.monthly))
                .region(&droplet.region)
                .ip(droplet.public_ip.clone())
                .user_data(&droplet.user_data_sha256)
        });
        let firewalls = self
            .firewalls
            .iter()
            .map(|firewall| Item::new(ID, "firewall", &firewall.id, &firewall.name));
        let keys = self.keys.iter().map(|key| Item::new(ID, "ssh-key", key.id, &key.name));
        let tags = self.tags.iter().map(|tag| Item::new(ID, "tag", tag, tag));
        droplets.chain(firewalls).chain(keys).chain(tags).collect()
    }
}

impl Droplet {
    pub(super) fn has_tag(&self, tag: &str) -> bool {
        self.tags.iter().any(|known| known.eq_ignore_ascii_case(tag))
    }
}
