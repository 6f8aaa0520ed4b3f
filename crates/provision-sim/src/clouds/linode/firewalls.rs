//! Cloud Firewalls. One that is not deleted stays behind when its instance goes.

use serde_json::{Value, json};

use super::{
    body, check_known, check_label, devices, invalid, page, reply, rules,
    state::{Firewall, State},
    tags, time, wrong_type,
};
use crate::{call::Call, cloud::Handled, kit::answer::Answer};

/// Fields that may stand in `X-Filter`.
const FILTERABLE: &[&str] = &["created", "id", "label", "tags", "updated"];

fn show(state: &State, firewall: &Firewall) -> Value {
    let entities: Vec<_> = firewall
        .devices
        .iter()
        .map(|device| devices::entity(state, device.instance))
        .collect();
    json!({
        "id": firewall.id, "label": firewall.label, "created": time(firewall.created),
        "updated": time(firewall.updated), "status": if firewall.enabled { "enabled" } else { "disabled" },
        "tags": firewall.tags, "rules": rules::show(firewall), "entities": entities,
    })
}

fn answer(state: &mut State, id: &str) -> Handled {
    let firewall = state.firewall(id)?.clone();
    Ok(reply(200, &show(state, &firewall)))
}

pub(super) fn list(call: &Call<'_>, state: &State) -> Handled {
    let all = state.firewalls.iter().map(|firewall| show(state, firewall)).collect();
    page(call, FILTERABLE, all)
}

/// Those of an instance.
pub(super) fn list_of(call: &Call<'_>, state: &mut State, instance: &str) -> Handled {
    let instance = state.instance(instance)?.id;
    let assigned = |firewall: &&Firewall| firewall.devices.iter().any(|device| device.instance == instance);
    let firewalls = state.firewalls.iter().filter(assigned);
    let shown = firewalls.map(|firewall| show(state, firewall)).collect();
    page(call, FILTERABLE, shown)
}

pub(super) fn get(state: &mut State, id: &str) -> Handled {
    answer(state, id)
}

/// Refuses a label that another firewall has. Wording by analogy with instances, UNCONFIRMED.
fn check_unique(state: &State, label: &str, own: Option<u64>) -> Result<(), Answer> {
    check_label(label, 32)?;
    let taken = |firewall: &Firewall| firewall.label == label && Some(firewall.id) != own;
    if state.firewalls.iter().any(taken) {
        return Err(invalid("label", "Label must be unique among your firewalls"));
    }
    Ok(())
}

pub(super) fn create(call: &mut Call<'_>, state: &mut State) -> Handled {
    let fields = body(call, &["label", "rules", "tags", "devices"])?;
    let label = fields.text("label").map_err(wrong_type)?;
    let label = label.ok_or_else(|| invalid("label", "label is required"))?.to_owned();
    let rules = fields.object("rules").map_err(wrong_type)?;
    let rules = rules::read(&rules.ok_or_else(|| invalid("rules", "rules is required"))?)?;
    let tags = tags(&fields)?.unwrap_or_default();
    let targets = fields.object("devices").map_err(wrong_type)?.unwrap_or_default();
    check_known(&targets, "devices.", &["linodes", "linode_interfaces", "nodebalancers"])?;
    for field in ["linode_interfaces", "nodebalancers"] {
        if !targets.numbers(field).map_err(wrong_type)?.is_empty() {
            return Err(invalid(&format!("devices.{field}"), "is not simulated"));
        }
    }
    let instances = targets.numbers("linodes").map_err(wrong_type)?;
    for instance in &instances {
        devices::check(state, *instance)?;
    }
    check_unique(state, &label, None)?;
    let id = 59_000 + call.next_number();
    let assigned = instances
        .iter()
        .map(|instance| devices::make(call, *instance))
        .collect();
    state.firewalls.push(Firewall {
        id,
        label,
        created: call.now,
        updated: call.now,
        enabled: true,
        tags,
        rules,
        version: 1,
        devices: assigned,
    });
    answer(state, &id.to_string())
}

/// Changes label, tags or status.
pub(super) fn update(call: &Call<'_>, state: &mut State, id: &str) -> Handled {
    let fields = body(call, &["label", "status", "tags"])?;
    let own = state.firewall(id)?.id;
    let label = fields.text("label").map_err(wrong_type)?.map(str::to_owned);
    if let Some(label) = &label {
        check_unique(state, label, Some(own))?;
    }
    let enabled = match fields.text("status").map_err(wrong_type)? {
        None => None,
        Some("enabled") => Some(true),
        Some("disabled") => Some(false),
        Some(_) => return Err(invalid("status", "Must be one of enabled, disabled")),
    };
    let tags = tags(&fields)?;
    let now = call.now;
    let firewall = state.firewall(id)?;
    firewall.label = label.unwrap_or_else(|| firewall.label.clone());
    firewall.enabled = enabled.unwrap_or(firewall.enabled);
    firewall.tags = tags.unwrap_or_else(|| firewall.tags.clone());
    firewall.updated = now;
    answer(state, id)
}

/// Also takes it off whatever it is assigned to.
pub(super) fn delete(state: &mut State, id: &str) -> Handled {
    let id = state.firewall(id)?.id;
    state.firewalls.retain(|firewall| firewall.id != id);
    Ok(reply(200, &json!({})))
}

pub(super) fn get_rules(state: &mut State, id: &str) -> Handled {
    Ok(reply(200, &rules::show(state.firewall(id)?)))
}

pub(super) fn set_rules(call: &Call<'_>, state: &mut State, id: &str) -> Handled {
    let known = [
        "inbound",
        "inbound_policy",
        "outbound",
        "outbound_policy",
        "version",
        "fingerprint",
    ];
    let fields = body(call, &known)?;
    let firewall = state.firewall(id)?;
    firewall.rules = rules::read(&fields)?;
    firewall.version += 1;
    firewall.updated = call.now;
    get_rules(state, id)
}
