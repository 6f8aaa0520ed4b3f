//! Instances: reading, changing, deleting.

use serde_json::{Value, json};

use super::{
    body, catalog, check_label, error, invalid, page, reply,
    state::{Instance, State},
    tags, time, wrong_type,
};
use crate::{
    call::Call,
    cloud::Handled,
    kit::{answer::Answer, fields::Kind, life::Stage},
};

/// Up to this share of the boot time, percent, an instance is `provisioning`; then it is `booting`.
const MADE_AT_PERCENT: u64 = 60;
/// Fields that may stand in `X-Filter`.
const FILTERABLE: &[&str] = &[
    "group",
    "id",
    "image",
    "interface_generation",
    "ipv4",
    "label",
    "region",
    "tags",
];

fn status(instance: &Instance, now: u64) -> &'static str {
    match instance.life.stage(now) {
        Stage::Starting if instance.life.booted_percent(now) < MADE_AT_PERCENT => "provisioning",
        _ if instance.off => "offline",
        Stage::Starting => "booting",
        Stage::Ready => "running",
        Stage::Ending | Stage::Gone => "deleting",
    }
}

pub(super) fn show(instance: &Instance, now: u64) -> Value {
    json!({
        "id": instance.id, "label": instance.label, "group": instance.group, "status": status(instance, now),
        "created": time(instance.life.born), "updated": time(instance.updated), "type": instance.plan,
        "ipv4": instance.ipv4, "ipv6": format!("{}/128", instance.ipv6), "image": instance.image,
        "region": instance.region, "site_type": "core", "specs": catalog::specs(&instance.plan),
        "alerts": { "cpu": 90, "io": 10_000, "network_in": 10, "network_out": 10, "transfer_quota": 80 },
        "backups": {
            "enabled": instance.backups, "available": false, "schedule": { "day": null, "window": null },
            "last_successful": null,
        },
        "hypervisor": "kvm", "watchdog_enabled": true, "tags": instance.tags, "host_uuid": instance.host_uuid,
        "has_user_data": instance.user_data_sha256.is_some(), "placement_group": null, "disk_encryption": "enabled",
        "lke_cluster_id": null, "interface_generation": instance.generation, "capabilities": [], "locks": [],
    })
}

pub(super) fn list(call: &Call<'_>, state: &State) -> Handled {
    let listed = state.instances.iter().filter(|instance| instance.life.listed(call.now));
    page(
        call,
        FILTERABLE,
        listed.map(|instance| show(instance, call.now)).collect(),
    )
}

pub(super) fn get(call: &Call<'_>, state: &mut State, id: &str) -> Handled {
    Ok(reply(200, &show(state.instance(id)?, call.now)))
}

/// Refuses a label that another instance has.
pub(super) fn check_unique(state: &State, label: &str, own: Option<u64>) -> Result<(), Answer> {
    let taken = |instance: &Instance| instance.label == label && Some(instance.id) != own;
    if state.instances.iter().any(taken) {
        return Err(invalid("label", "Label must be unique among your linodes"));
    }
    Ok(())
}

/// Changes label or tags.
pub(super) fn update(call: &Call<'_>, state: &mut State, id: &str) -> Handled {
    let fields = body(
        call,
        &["label", "tags", "group", "alerts", "backups", "watchdog_enabled"],
    )?;
    let own = state.instance(id)?.id;
    let label = fields.text("label").map_err(wrong_type)?.map(str::to_owned);
    if let Some(label) = &label {
        check_label(label, 64)?;
        check_unique(state, label, Some(own))?;
    }
    let tags = tags(&fields)?;
    let group = fields.text("group").map_err(wrong_type)?;
    fields
        .check(&[
            ("alerts", Kind::Object),
            ("backups", Kind::Object),
            ("watchdog_enabled", Kind::Flag),
        ])
        .map_err(wrong_type)?;
    let instance = state.instance(id)?;
    if let Some(group) = group {
        group.clone_into(&mut instance.group);
    }
    if let Some(label) = label {
        instance.label = label;
    }
    if let Some(tags) = tags {
        instance.tags = tags;
    }
    instance.updated = call.now;
    get(call, state, id)
}

/// Works at once, also while the instance is made.
pub(super) fn delete(state: &mut State, id: &str) -> Handled {
    let id = state.instance(id)?.id;
    state.remove_instance(id);
    Ok(reply(200, &json!({})))
}

pub(super) fn power(call: &Call<'_>, state: &mut State, id: &str, action: &str) -> Handled {
    let instance = state.instance(id)?;
    if status(instance, call.now) == "provisioning" {
        return Err(error(400, "Linode busy."));
    }
    instance.off = action == "shutdown";
    instance.updated = call.now;
    Ok(reply(200, &json!({})))
}
