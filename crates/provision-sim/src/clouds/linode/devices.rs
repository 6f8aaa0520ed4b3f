//! What firewalls are assigned to.

use serde_json::{Value, json};

use super::{
    body, error, invalid, not_found, page, reply,
    state::{Device, State},
    time, wrong_type,
};
use crate::{call::Call, cloud::Handled, kit::answer::Answer};

pub(super) fn new_id(call: &mut Call<'_>) -> u64 {
    107_000 + call.next_number()
}

pub(super) fn make(call: &mut Call<'_>, instance: u64) -> Device {
    Device {
        id: new_id(call),
        instance,
        created: call.now,
    }
}

/// The instance, as a firewall names it.
pub(super) fn entity(state: &State, instance: u64) -> Value {
    let label = state
        .instances
        .iter()
        .find(|known| known.id == instance)
        .map(|known| &known.label);
    json!({
        "id": instance, "type": "linode", "label": label, "url": format!("/v4/linode/instances/{instance}"),
        "parent_entity": null,
    })
}

fn show(state: &State, device: &Device) -> Value {
    json!({
        "id": device.id, "created": time(device.created), "updated": time(device.created),
        "entity": entity(state, device.instance),
    })
}

/// Whether a firewall may be assigned to an instance: it has to exist, to have legacy interfaces, and no other enabled
/// firewall.
pub(super) fn check(state: &State, instance: u64) -> Result<(), Answer> {
    let Some(found) = state.instances.iter().find(|known| known.id == instance) else {
        // Status and wording UNCONFIRMED.
        return Err(invalid("devices.linodes", &format!("Linode {instance} was not found")));
    };
    if found.generation == "linode" {
        return Err(error(
            400,
            "Linode is using Linode Interfaces. Please apply Cloud Firewall to the interfaces of the Linode instead of directly to the Linode.",
        ));
    }
    let mut enabled = state.firewalls.iter().filter(|firewall| firewall.enabled);
    if enabled.any(|firewall| firewall.devices.iter().any(|device| device.instance == instance)) {
        // Wording UNCONFIRMED.
        return Err(error(400, "Linode has an enabled firewall assigned to it"));
    }
    Ok(())
}

pub(super) fn list(call: &Call<'_>, state: &mut State, firewall: &str) -> Handled {
    let devices = state.firewall(firewall)?.devices.clone();
    page(
        call,
        &["id"],
        devices.iter().map(|device| show(state, device)).collect(),
    )
}

pub(super) fn create(call: &mut Call<'_>, state: &mut State, firewall: &str) -> Handled {
    let fields = body(call, &["id", "type"])?;
    state.firewall(firewall)?;
    if fields.text("type").map_err(wrong_type)? != Some("linode") {
        return Err(invalid("type", "only linode is simulated"));
    }
    let instance = fields.number("id").map_err(wrong_type)?;
    let instance = instance.ok_or_else(|| invalid("id", "id is required"))?;
    check(state, instance)?;
    let device = make(call, instance);
    state.firewall(firewall)?.devices.push(device.clone());
    Ok(reply(200, &show(state, &device)))
}

fn find(state: &mut State, firewall: &str, device: &str) -> Result<Device, Answer> {
    let devices = &state.firewall(firewall)?.devices;
    let found = devices.iter().find(|known| known.id.to_string() == device);
    found.cloned().ok_or_else(not_found)
}

pub(super) fn get(state: &mut State, firewall: &str, device: &str) -> Handled {
    let device = find(state, firewall, device)?;
    Ok(reply(200, &show(state, &device)))
}

pub(super) fn delete(state: &mut State, firewall: &str, device: &str) -> Handled {
    let id = find(state, firewall, device)?.id;
    state.firewall(firewall)?.devices.retain(|known| known.id != id);
    Ok(reply(200, &json!({})))
}
