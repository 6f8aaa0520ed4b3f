//! What the account holds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ID, catalog};
use crate::{
    kit::life::{Life, Stage},
    record::Item,
};

#[derive(Default, Serialize, Deserialize)]
pub(crate) struct State {
    pub(super) servers: Vec<Server>,
    pub(super) volumes: Vec<Volume>,
    pub(super) groups: Vec<Group>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Server {
    pub(super) id: String,
    pub(super) zone: String,
    pub(super) name: String,
    pub(super) plan: String,
    pub(super) image: String,
    pub(super) tags: Vec<String>,
    pub(super) group: String,
    pub(super) dynamic_ip: bool,
    pub(super) protected: bool,
    pub(super) user_data: BTreeMap<String, UserData>,
    /// SHA-256 of the user data that the first boot found.
    pub(super) booted_with: Option<String>,
    pub(super) power: Power,
    /// The dynamic address, from the start to the end of a run.
    pub(super) address: Option<Address>,
    /// Its `ended` is when it was terminated; `ready` means nothing, as nothing boots by itself.
    pub(super) life: Life,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct UserData {
    pub(super) text: String,
    pub(super) sha256: String,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Address {
    pub(super) id: String,
    pub(super) ip: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Power {
    Off,
    Starting { since: u64, ready: u64 },
    On { since: u64 },
    Stopping { until: u64 },
    OffInPlace,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Volume {
    pub(super) id: String,
    pub(super) zone: String,
    pub(super) name: String,
    /// `l_ssd`, or `sbs_volume`, which only the block storage API shows.
    pub(super) kind: String,
    /// In bytes.
    pub(super) size: u64,
    pub(super) tags: Vec<String>,
    pub(super) server: Option<String>,
    pub(super) created: u64,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Group {
    pub(super) id: String,
    pub(super) zone: String,
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) tags: Vec<String>,
    pub(super) stateful: bool,
    pub(super) inbound: String,
    pub(super) outbound: String,
    pub(super) created: u64,
    /// As they are shown.
    pub(super) rules: Vec<Value>,
}

impl State {
    pub(super) fn tick(&mut self, now: u64) {
        for server in &mut self.servers {
            match server.power {
                Power::Starting { ready, .. } if now >= ready => server.power = Power::On { since: ready },
                Power::Stopping { until } if now >= until => {
                    server.power = Power::Off;
                    server.address = None;
                }
                _ => {}
            }
        }
        let gone = |server: &Server| server.life.stage(now) == Stage::Gone;
        // `terminate` takes the local disks along and detaches those of the block storage.
        for server in self.servers.iter().filter(|server| gone(server)) {
            let attached = |volume: &Volume| volume.server.as_deref() == Some(server.id.as_str());
            self.volumes
                .retain(|volume| !(attached(volume) && volume.kind == "l_ssd"));
            for volume in self.volumes.iter_mut().filter(|volume| attached(volume)) {
                volume.server = None;
            }
        }
        self.servers.retain(|server| !gone(server));
    }

    pub(super) fn server(&mut self, zone: &str, id: &str) -> Option<&mut Server> {
        self.servers
            .iter_mut()
            .find(|server| server.zone == zone && server.id == id)
    }

    /// The group of that id: one that was made, or the zone's default one.
    pub(super) fn group(&self, zone: &str, id: &str) -> Option<Group> {
        let made = self.groups.iter().find(|group| group.zone == zone && group.id == id);
        made.cloned()
            .or_else(|| Some(Group::default_of(zone)).filter(|group| group.id == id))
    }

    pub(super) fn inventory(&self) -> Vec<Item> {
        let servers = self.servers.iter().map(|server| {
            Item::new(ID, "host", &server.id, &server.name)
                .bills()
                .plan(&server.plan)
                .costs("EUR", server.plan().map(|plan| plan.monthly))
                .region(&server.zone)
                .ip(server.address.as_ref().map(|address| address.ip.clone()))
                .user_data(&server.booted_with)
        });
        // Those of a server are counted with it.
        let detached = self.volumes.iter().filter(|volume| volume.server.is_none());
        let volumes = detached.map(|volume| {
            Item::new(ID, "volume", &volume.id, &volume.name)
                .bills()
                .region(&volume.zone)
        });
        let groups = self
            .groups
            .iter()
            .map(|group| Item::new(ID, "security-group", &group.id, &group.name).region(&group.zone));
        servers.chain(volumes).chain(groups).collect()
    }
}

impl Group {
    /// The group that every zone of a project has from the start; it lets everything through.
    pub(super) fn default_of(zone: &str) -> Self {
        Self {
            id: format!("5881315f-2400-43a0-ac75-08adf6cb{:04x}", catalog::zone_number(zone)),
            zone: zone.to_owned(),
            name: "Default security group".to_owned(),
            description: Some("Auto generated security group.".to_owned()),
            tags: Vec::new(),
            stateful: true,
            inbound: "accept".to_owned(),
            outbound: "accept".to_owned(),
            created: 1_700_000_000_000,
            rules: Vec::new(),
        }
    }
}

impl Server {
    /// `state` and `state_detail`.
    pub(super) fn words(&self, now: u64) -> (&'static str, &'static str) {
        if self.life.stage(now) == Stage::Ending {
            return ("stopping", "terminating");
        }
        match self.power {
            Power::Off => ("stopped", ""),
            Power::Starting { .. } if self.boot_percent(now) < 30 => ("starting", "allocating node"),
            Power::Starting { .. } => ("starting", "provisioning node"),
            Power::On { since } if now < since.saturating_add(5_000) => ("running", "booting kernel"),
            Power::On { .. } => ("running", "booted"),
            Power::Stopping { .. } => ("stopping", "stopping"),
            Power::OffInPlace => ("stopped in place", ""),
        }
    }

    pub(super) fn allowed_actions(&self, now: u64) -> &'static [&'static str] {
        if self.life.stage(now) == Stage::Ending {
            return &[];
        }
        match self.power {
            Power::Off => &["poweron", "backup"],
            Power::Starting { .. } | Power::Stopping { .. } => &["stop_in_place", "backup"],
            Power::On { .. } => &["poweroff", "terminate", "reboot", "stop_in_place", "backup"],
            Power::OffInPlace => &["poweron", "poweroff", "terminate", "reboot", "backup"],
        }
    }

    /// The address, once the start has come so far.
    pub(super) fn visible_address(&self, now: u64) -> Option<&Address> {
        match self.power {
            Power::Starting { .. } if self.boot_percent(now) < 50 => None,
            _ => self.address.as_ref(),
        }
    }

    fn boot_percent(&self, now: u64) -> u64 {
        let Power::Starting { since, ready } = self.power else {
            return 100;
        };
        let (done, whole) = (now.saturating_sub(since), ready.saturating_sub(since));
        done.saturating_mul(100).checked_div(whole).unwrap_or(100)
    }

    pub(super) fn plan(&self) -> Option<&'static catalog::Plan> {
        catalog::plan(&self.zone, &self.plan)
    }
}
