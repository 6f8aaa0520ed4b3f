//! What the account holds, in all regions.

use serde::{Deserialize, Serialize};

use super::ID;
use crate::{
    kit::life::{Life, Stage},
    record::Item,
};

/// Terminated instances are shown this long, milliseconds.
const SHOWN_AFTER_END: u64 = 3_600_000;
/// Client tokens of terminated instances are remembered this long, milliseconds.
const TOKENS_KEPT: u64 = 24 * 3_600_000;

#[derive(Default, Serialize, Deserialize)]
pub(crate) struct State {
    pub(super) instances: Vec<Instance>,
    pub(super) volumes: Vec<Volume>,
    pub(super) groups: Vec<Group>,
    pub(super) tokens: Vec<Token>,
}

pub(super) type Tags = Vec<(String, String)>;

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Instance {
    pub(super) id: String,
    pub(super) reservation: String,
    pub(super) region: String,
    pub(super) zone: String,
    pub(super) vpc: String,
    pub(super) subnet: String,
    pub(super) kind: String,
    pub(super) image: String,
    pub(super) life: Life,
    /// Set by [`State::tick`] once it is terminated.
    pub(super) terminated: bool,
    pub(super) private_ip: String,
    pub(super) public_ip: Option<String>,
    /// Ids.
    pub(super) groups: Vec<String>,
    pub(super) tags: Tags,
    pub(super) token: Option<String>,
    pub(super) key_name: Option<String>,
    pub(super) profile: Option<String>,
    pub(super) user_data_sha256: Option<String>,
}

impl Instance {
    /// A new instance may be denied for a while, a terminated one is shown for an hour.
    pub(super) fn is_visible(&self, now: u64) -> bool {
        now >= self.life.shown
    }

    pub(super) fn state(&self, now: u64) -> (&'static str, &'static str) {
        match self.life.stage(now) {
            Stage::Starting => ("0", "pending"),
            Stage::Ready => ("16", "running"),
            Stage::Ending => ("32", "shutting-down"),
            Stage::Gone => ("48", "terminated"),
        }
    }

    /// The address is assigned as the instance comes up, and released as it goes down.
    pub(super) fn shown_ip(&self, now: u64) -> Option<&str> {
        let up = self.life.stage(now) == Stage::Ready;
        self.public_ip.as_deref().filter(|_| up)
    }

    fn name(&self) -> &str {
        self.tags
            .iter()
            .find(|(key, _)| key == "Name")
            .map_or("", |(_, name)| name)
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Volume {
    pub(super) id: String,
    pub(super) region: String,
    pub(super) zone: String,
    pub(super) instance: String,
    pub(super) device: String,
    pub(super) size: u64,
    pub(super) kind: String,
    pub(super) goes_with_instance: bool,
    pub(super) attached: bool,
    pub(super) created: u64,
    pub(super) tags: Tags,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Group {
    pub(super) id: String,
    pub(super) region: String,
    pub(super) vpc: String,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) tags: Tags,
    pub(super) rules: Vec<Rule>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Rule {
    pub(super) protocol: String,
    /// First and last port; none for all protocols.
    pub(super) ports: Option<(i64, i64)>,
    pub(super) network: String,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Token {
    pub(super) token: String,
    pub(super) region: String,
    pub(super) instances: Vec<String>,
    pub(super) fingerprint: String,
    /// Set when the instances were terminated.
    pub(super) forget: Option<u64>,
}

impl State {
    pub(super) fn tick(&mut self, now: u64) {
        for instance in &mut self.instances {
            if !instance.terminated && instance.life.stage(now) == Stage::Gone {
                instance.terminated = true;
                // What a terminated instance still tells is UNCONFIRMED: here the least.
                instance.tags.clear();
                instance.groups.clear();
                instance.public_ip = None;
            }
        }
        let (instances, volumes) = (&mut self.instances, &mut self.volumes);
        volumes.retain_mut(|volume| {
            let lives = instances
                .iter()
                .any(|instance| instance.id == volume.instance && !instance.terminated);
            volume.attached = lives;
            lives || !volume.goes_with_instance
        });
        instances.retain(|instance| {
            let gone = instance.life.gone.filter(|_| instance.terminated);
            gone.is_none_or(|gone| now < gone.saturating_add(SHOWN_AFTER_END))
        });
        self.tokens.retain(|token| token.forget.is_none_or(|at| now < at));
    }

    /// Notes that the token of an instance is to be forgotten in a day.
    pub(super) fn end_token(&mut self, instance: &str, now: u64) {
        for token in &mut self.tokens {
            if token.instances.iter().any(|id| id == instance) {
                token.forget.get_or_insert(now.saturating_add(TOKENS_KEPT));
            }
        }
    }

    /// Whether something refers to a group; instances that are not visible yet do, too.
    pub(super) fn is_used(&self, group: &str) -> bool {
        self.instances
            .iter()
            .any(|instance| !instance.terminated && instance.groups.iter().any(|id| id == group))
    }

    pub(super) fn inventory(&self) -> Vec<Item> {
        let ending = self.instances.iter().filter(|instance| instance.life.ended.is_some());
        let ending: Vec<&str> = ending.map(|instance| instance.id.as_str()).collect();
        let is_ending = |id: &str| ending.contains(&id);
        let hosts = self
            .instances
            .iter()
            .filter(|instance| !instance.terminated)
            .map(|instance| {
                let item = Item::new(ID, "host", &instance.id, instance.name());
                // One that is shutting down bills no more.
                // https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-lifecycle.html
                let item = match is_ending(&instance.id) {
                    true => item,
                    false => item.bills(),
                };
                item.plan(&instance.kind)
                    .region(&instance.region)
                    .ip(instance.public_ip.clone())
                    .user_data(&instance.user_data_sha256)
            });
        let volumes = self.volumes.iter().map(|volume| {
            let item = Item::new(ID, "volume", &volume.id, "").region(&volume.region);
            match volume.goes_with_instance && is_ending(&volume.instance) {
                true => item,
                false => item.bills(),
            }
        });
        let groups = self
            .groups
            .iter()
            .map(|group| Item::new(ID, "security-group", &group.id, &group.name).region(&group.region));
        hosts.chain(volumes).chain(groups).collect()
    }
}
