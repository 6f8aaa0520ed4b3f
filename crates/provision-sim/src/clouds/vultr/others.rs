//! SSH keys, firewall groups (without their rules), VPCs and startup scripts: what a create can refer to.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    bad_request, body, catalog, error, ok, page,
    state::{Kind, Other, State},
};
use crate::{
    call::Call,
    cloud::Handled,
    kit::{
        answer::Answer,
        text::{is_ssh_key, rfc3339, sha256},
    },
};

impl Kind {
    /// The kind that a path starts with.
    pub(super) fn named(path: &str) -> Option<Self> {
        match path {
            "ssh-keys" => Some(Self::SshKey),
            "firewalls" => Some(Self::FirewallGroup),
            "vpcs" => Some(Self::Vpc),
            "startup-scripts" => Some(Self::Script),
            _ => None,
        }
    }

    /// Fields of one and of many.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::SshKey => ("ssh_key", "ssh_keys"),
            Self::FirewallGroup => ("firewall_group", "firewall_groups"),
            Self::Vpc => ("vpc", "vpcs"),
            Self::Script => ("startup_script", "startup_scripts"),
        }
    }

    /// Wording UNCONFIRMED.
    fn not_found(self) -> Answer {
        error(404, &format!("Invalid {}.", self.words().0.replace('_', "-")))
    }
}

fn show(state: &State, other: &Other) -> Value {
    let created = rfc3339(other.created).replace('Z', "+00:00");
    match other.kind {
        Kind::SshKey => {
            json!({ "id": other.id, "date_created": created, "name": other.name, "ssh_key": other.key })
        }
        Kind::FirewallGroup => {
            let users = state.instances.iter();
            let count = users.filter(|instance| instance.firewall_group == other.id).count();
            json!({
                "id": other.id, "description": other.name, "date_created": created, "date_modified": created,
                "instance_count": count, "rule_count": 0, "max_rule_count": 50,
            })
        }
        Kind::Vpc => json!({
            "id": other.id, "region": other.region, "description": other.name, "date_created": created,
            "v4_subnet": "10.64.0.0", "v4_subnet_mask": 20,
        }),
        // Lists have no script. Asked for one, the API gives it back; like all user data it is not kept here.
        Kind::Script => json!({
            "id": other.id, "name": other.name, "type": other.script_type, "date_created": created, "date_modified": created,
        }),
    }
}

pub(super) fn create(call: &mut Call<'_>, state: &mut State, kind: Kind) -> Handled {
    let fields = body(call)?;
    let text = |field: &str| {
        let read = fields.text(field).map_err(|_| bad_request())?;
        Ok(read.unwrap_or_default().to_owned())
    };
    let mut script_type = String::new();
    let (name, key, region) = match kind {
        Kind::SshKey => (text("name")?, text("ssh_key")?, String::new()),
        Kind::FirewallGroup => (text("description")?, String::new(), String::new()),
        Kind::Vpc => (text("description")?, String::new(), text("region")?),
        Kind::Script => {
            script_type = match text("type")?.as_str() {
                "" => "boot".to_owned(),
                known @ ("boot" | "pxe") => known.to_owned(),
                _ => return Err(error(400, "Invalid type.")),
            };
            // Wording UNCONFIRMED.
            let script = STANDARD
                .decode(text("script")?)
                .map_err(|_| error(400, "Invalid script."))?;
            if script.is_empty() {
                return Err(error(400, "Invalid script."));
            }
            (text("name")?, sha256(script), String::new())
        }
    };
    match kind {
        // Wording UNCONFIRMED.
        Kind::SshKey if !is_ssh_key(&key) => return Err(error(400, "Invalid SSH Key.")),
        Kind::SshKey | Kind::Script if name.is_empty() => return Err(bad_request()),
        Kind::Vpc if catalog::region(&region).is_none() => return Err(error(400, "Invalid region.")),
        _ => {}
    }
    let other = Other {
        kind,
        id: call.uuid(),
        name,
        key,
        region,
        script_type,
        created: call.now,
    };
    let answer = ok(201, &json!({ kind.words().0: show(state, &other) }));
    state.others.push(other);
    Ok(answer)
}

pub(super) fn list(call: &Call<'_>, state: &State, kind: Kind) -> Handled {
    let all = state.others.iter().filter(|other| other.kind == kind);
    page(call, kind.words().1, all, |other| show(state, other))
}

pub(super) fn get(state: &State, kind: Kind, id: &str) -> Handled {
    let found = state.others.iter().find(|other| other.kind == kind && other.id == id);
    let other = found.ok_or_else(|| kind.not_found())?;
    Ok(ok(200, &json!({ kind.words().0: show(state, other) })))
}

pub(super) fn delete(state: &mut State, kind: Kind, id: &str) -> Handled {
    if !state.has(kind, id) {
        return Err(kind.not_found());
    }
    if kind == Kind::Vpc {
        let attached = state.instances.iter().find(|one| one.vpcs.iter().any(|vpc| vpc == id));
        if let Some(instance) = attached {
            let ip = instance.ip.as_deref().unwrap_or_default();
            let text = format!("The following servers are attached to this VPC network: {ip}");
            return Err(error(400, &text));
        }
    }
    state.others.retain(|other| other.kind != kind || other.id != id);
    // A firewall group that is in use goes all the same: its instances have none afterwards.
    for instance in &mut state.instances {
        if instance.firewall_group == id {
            instance.firewall_group.clear();
        }
    }
    Ok(Answer::empty(204))
}
