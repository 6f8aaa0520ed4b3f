//! What the account holds.

use serde::{Deserialize, Serialize};

use super::{ID, catalog};
use crate::{kit::life::Life, record::Item};

#[derive(Default, Serialize, Deserialize)]
pub(crate) struct State {
    pub(super) instances: Vec<Instance>,
    /// SSH keys, firewall groups, VPCs and startup scripts.
    pub(super) others: Vec<Other>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Instance {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) hostname: String,
    pub(super) region: String,
    pub(super) plan: String,
    pub(super) os_id: u64,
    pub(super) tags: Vec<String>,
    pub(super) user_data_sha256: Option<String>,
    /// Halted by its owner.
    pub(super) off: bool,
    pub(super) backups: bool,
    /// Absent for an IPv6-only instance.
    pub(super) ip: Option<String>,
    /// Network and address.
    pub(super) ipv6: Option<(String, String)>,
    pub(super) firewall_group: String,
    pub(super) vpcs: Vec<String>,
    pub(super) user_scheme: String,
    pub(super) life: Life,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Kind {
    SshKey,
    FirewallGroup,
    Vpc,
    Script,
}

/// A thing of the account that instances refer to.
#[derive(Serialize, Deserialize)]
pub(super) struct Other {
    pub(super) kind: Kind,
    pub(super) id: String,
    /// Name or description.
    pub(super) name: String,
    /// Key, where it is one; the digest of a script.
    pub(super) key: String,
    /// Region, where it is of one.
    pub(super) region: String,
    /// `boot` or `pxe`, where it is a script.
    #[serde(default)]
    pub(super) script_type: String,
    pub(super) created: u64,
}

impl Kind {
    /// How the inventory calls it.
    fn item(self) -> &'static str {
        match self {
            Self::SshKey => "ssh-key",
            Self::FirewallGroup => "firewall",
            Self::Vpc => "network",
            Self::Script => "script",
        }
    }
}

impl State {
    pub(super) fn has(&self, kind: Kind, id: &str) -> bool {
        self.other(kind, id).is_some()
    }

    pub(super) fn other(&self, kind: Kind, id: &str) -> Option<&Other> {
        self.others.iter().find(|other| other.kind == kind && other.id == id)
    }

    pub(super) fn inventory(&self) -> Vec<Item> {
        let instances = self.instances.iter().map(|instance| {
            Item::new(ID, "host", &instance.id, &instance.label)
                .bills()
                .plan(&instance.plan)
                .costs("USD", catalog::monthly(&instance.plan, &instance.region))
                .region(&instance.region)
                .ip(instance.ip.clone())
                .user_data(&instance.user_data_sha256)
        });
        let others = self
            .others
            .iter()
            .map(|other| Item::new(ID, other.kind.item(), &other.id, &other.name).region(&other.region));
        instances.chain(others).collect()
    }
}
