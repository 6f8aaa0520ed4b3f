//! What the project holds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{ID, catalog, selector::Selector};
use crate::{
    kit::{life::Life, text::rfc3339},
    record::Item,
};

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    pub(super) servers: Vec<Server>,
    pub(super) firewalls: Vec<Firewall>,
    pub(super) keys: Vec<Key>,
    pub(super) addresses: Vec<Address>,
    pub(super) placement_groups: Vec<PlacementGroup>,
    pub(super) actions: Vec<Action>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Server {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) server_type: String,
    pub(super) image: u64,
    pub(super) location: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) user_data_sha256: Option<String>,
    pub(super) life: Life,
    pub(super) off: bool,
    /// Against deletion.
    pub(super) protected: bool,
    /// Firewalls by id; those that apply by label are not in it.
    pub(super) firewalls: Vec<u64>,
    #[serde(default)]
    pub(super) placement_group: Option<u64>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Firewall {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) created: u64,
    pub(super) labels: BTreeMap<String, String>,
    /// Rules as they are shown.
    pub(super) rules: Vec<Value>,
    /// Label selectors by which it is applied.
    pub(super) selectors: Vec<String>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Key {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) public_key: String,
    pub(super) fingerprint: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) created: u64,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct PlacementGroup {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) created: u64,
}

/// A primary IP.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Address {
    pub(super) id: u64,
    pub(super) name: String,
    /// Address, or network for IPv6.
    pub(super) ip: String,
    /// `ipv4` or `ipv6`.
    pub(super) kind: String,
    pub(super) location: String,
    pub(super) labels: BTreeMap<String, String>,
    /// Goes with its server.
    pub(super) auto_delete: bool,
    pub(super) server: Option<u64>,
    pub(super) created: u64,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Action {
    pub(super) id: u64,
    pub(super) command: String,
    pub(super) started: u64,
    pub(super) finished: u64,
    /// Type and id of what it is about.
    pub(super) resources: Vec<(String, u64)>,
}

/// Actions are kept this long, milliseconds.
const ACTIONS_KEPT: u64 = 3_600_000;

impl State {
    pub(super) fn tick(&mut self, now: u64) {
        self.actions
            .retain(|action| now < action.finished.saturating_add(ACTIONS_KEPT));
    }

    pub(super) fn server(&mut self, id: &str) -> Option<&mut Server> {
        let id: u64 = id.parse().ok()?;
        self.servers.iter_mut().find(|server| server.id == id)
    }

    /// Whether an action on a server is still running.
    pub(super) fn is_locked(&self, server: u64, now: u64) -> bool {
        // A server that starts up can be deleted; one that is being made cannot.
        let locks = |action: &&Action| action.command != "start_server" && now < action.finished;
        let of_server = |action: &Action| {
            action
                .resources
                .iter()
                .any(|(kind, id)| kind == "server" && *id == server)
        };
        self.actions.iter().filter(locks).any(of_server)
    }

    /// The firewalls that apply to a server, by id or by label.
    pub(super) fn firewalls_of(&self, server: &Server) -> Vec<u64> {
        let by_label = |firewall: &Firewall| {
            let selects = |text: &String| Selector::parse(text).is_ok_and(|selector| selector.selects(&server.labels));
            firewall.selectors.iter().any(selects)
        };
        let applies = |firewall: &&Firewall| server.firewalls.contains(&firewall.id) || by_label(firewall);
        self.firewalls
            .iter()
            .filter(applies)
            .map(|firewall| firewall.id)
            .collect()
    }

    /// Takes a server away, with the addresses that go with it.
    pub(super) fn remove_server(&mut self, id: u64) {
        self.servers.retain(|server| server.id != id);
        self.addresses
            .retain(|address| !(address.auto_delete && address.server == Some(id)));
        for address in self.addresses.iter_mut().filter(|address| address.server == Some(id)) {
            address.server = None;
        }
    }

    pub(super) fn address_of(&self, server: u64, kind: &str) -> Option<&Address> {
        self.addresses
            .iter()
            .find(|address| address.server == Some(server) && address.kind == kind)
    }

    pub(super) fn inventory(&self) -> Vec<Item> {
        let servers = self.servers.iter().map(|server| {
            Item::new(ID, "host", server.id, &server.name)
                .bills()
                .plan(&server.server_type)
                .costs("EUR", catalog::monthly(&server.server_type, &server.location))
                .region(&server.location)
                .ip(self.address_of(server.id, "ipv4").map(|address| address.ip.clone()))
                .user_data(&server.user_data_sha256)
        });
        let addresses = self.addresses.iter().map(|address| {
            let item = Item::new(ID, "address", address.id, &address.name);
            let item = item.region(&address.location).ip(Some(address.ip.clone()));
            // Only IPv4 costs something.
            if address.kind == "ipv4" {
                item.bills().costs("EUR", Some(catalog::IPV4_MONTHLY))
            } else {
                item
            }
        });
        let firewalls = self
            .firewalls
            .iter()
            .map(|firewall| Item::new(ID, "firewall", firewall.id, &firewall.name));
        let keys = self.keys.iter().map(|key| Item::new(ID, "ssh-key", key.id, &key.name));
        let groups = self
            .placement_groups
            .iter()
            .map(|group| Item::new(ID, "placement-group", group.id, &group.name));
        let others = firewalls.chain(keys).chain(groups);
        servers.chain(addresses).chain(others).collect()
    }
}

impl Action {
    pub(super) fn show(&self, now: u64) -> Value {
        let done = now >= self.finished;
        let whole = self.finished.saturating_sub(self.started);
        let passed = now.saturating_sub(self.started).min(whole);
        let progress = if done {
            100
        } else {
            passed.saturating_mul(100).checked_div(whole).unwrap_or(0)
        };
        let resources: Vec<_> = self
            .resources
            .iter()
            .map(|(kind, id)| json!({ "id": id, "type": kind }))
            .collect();
        json!({
            "id": self.id, "command": self.command, "status": if done { "success" } else { "running" },
            "progress": progress, "started": rfc3339(self.started),
            "finished": done.then(|| rfc3339(self.finished)), "resources": resources, "error": null,
        })
    }
}
