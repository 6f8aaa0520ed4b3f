//! What the project holds, besides what every region has from the start.

use std::collections::BTreeMap;

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
    pub(super) tokens: Vec<Token>,
    pub(super) servers: Vec<Server>,
    pub(super) ports: Vec<Port>,
    pub(super) groups: Vec<Group>,
    pub(super) floating_ips: Vec<FloatingIp>,
    pub(super) key_pairs: Vec<KeyPair>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Token {
    pub(super) text: String,
    pub(super) expires: u64,
    pub(super) read_only: bool,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Server {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) region: String,
    pub(super) flavor: String,
    pub(super) image: String,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) tags: Vec<String>,
    pub(super) key_name: Option<String>,
    pub(super) config_drive: bool,
    pub(super) user_data_sha256: Option<String>,
    /// Why it ends in `ERROR` when it would be ready.
    pub(super) fault: Option<String>,
    pub(super) life: Life,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Port {
    pub(super) id: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) description: String,
    pub(super) region: String,
    pub(super) network: String,
    pub(super) address: String,
    pub(super) mac: String,
    pub(super) groups: Vec<String>,
    /// The server that has it, empty for none.
    pub(super) device: String,
    /// Whether Nova made it, so that it goes with its server.
    pub(super) of_nova: bool,
    pub(super) created: u64,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Group {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) region: String,
    /// Rules as they are shown.
    pub(super) rules: Vec<Value>,
    pub(super) created: u64,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct FloatingIp {
    pub(super) id: String,
    pub(super) region: String,
    pub(super) address: String,
    pub(super) description: String,
    /// Empty when it belongs to none.
    pub(super) port: String,
    pub(super) created: u64,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct KeyPair {
    pub(super) name: String,
    pub(super) public_key: String,
}

impl State {
    pub(super) fn tick(&mut self, now: u64) {
        self.tokens.retain(|token| token.expires > now);
        let gone: Vec<String> = self
            .servers
            .iter()
            .filter(|server| server.life.stage(now) == Stage::Gone)
            .map(|server| server.id.clone())
            .collect();
        self.servers.retain(|server| !gone.contains(&server.id));
        for server in &gone {
            // A port that Nova did not make stays.
            let its: Vec<String> = self
                .ports
                .iter()
                .filter(|port| port.device == *server && port.of_nova)
                .map(|port| port.id.clone())
                .collect();
            its.iter().for_each(|port| self.remove_port(port));
            for port in self.ports.iter_mut().filter(|port| port.device == *server) {
                port.device.clear();
            }
        }
    }

    /// Removes a port. A floating IP outlives it.
    pub(super) fn remove_port(&mut self, id: &str) {
        self.ports.retain(|port| port.id != id);
        for floating in self.floating_ips.iter_mut().filter(|floating| floating.port == id) {
            floating.port.clear();
        }
    }

    pub(super) fn ports_of<'a>(&'a self, server: &'a str) -> impl Iterator<Item = &'a Port> {
        self.ports.iter().filter(move |port| port.device == server)
    }

    pub(super) fn floating_of<'a>(&'a self, port: &'a str) -> impl Iterator<Item = &'a FloatingIp> {
        self.floating_ips.iter().filter(move |floating| floating.port == port)
    }

    /// The address by which a server is reached from outside.
    fn public_ip(&self, server: &Server) -> Option<String> {
        let mut addresses = self.ports_of(&server.id).map(|port| {
            let floating = self.floating_of(&port.id).next();
            floating.map(|floating| floating.address.clone()).or_else(|| {
                let external = super::catalog::region(&port.region)?.external_network();
                (port.network == external).then(|| port.address.clone())
            })
        });
        addresses.find_map(|address| address)
    }

    pub(super) fn inventory(&self) -> Vec<Item> {
        let servers = self.servers.iter().map(|server| {
            Item::new(ID, "host", &server.id, &server.name)
                .bills()
                .plan(&server.flavor)
                .region(&server.region)
                .ip(self.public_ip(server))
                .user_data(&server.user_data_sha256)
        });
        // Those that Nova made are a part of their servers.
        let ports = self.ports.iter().filter(|port| !port.of_nova);
        let ports = ports.map(|port| Item::new(ID, "port", &port.id, &port.name).region(&port.region));
        let groups = self
            .groups
            .iter()
            .map(|group| Item::new(ID, "security-group", &group.id, &group.name).region(&group.region));
        let floating = self.floating_ips.iter().map(|floating| {
            Item::new(ID, "address", &floating.id, &floating.description)
                .bills()
                .region(&floating.region)
                .ip(Some(floating.address.clone()))
        });
        let keys = self
            .key_pairs
            .iter()
            .map(|key| Item::new(ID, "ssh-key", &key.name, &key.name));
        servers.chain(ports).chain(groups).chain(floating).chain(keys).collect()
    }
}
