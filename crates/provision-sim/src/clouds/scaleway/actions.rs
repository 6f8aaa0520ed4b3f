//! What is done to servers: power, termination, deletion.

use serde_json::json;

use super::{
    body, error, invalid, not_found,
    state::{Address, Power, State, Volume},
    still_in_use, time, wrong_type,
};
use crate::{call::Call, cloud::Handled, kit::answer::Answer};

/// Every action that the API knows.
const ACTIONS: &[&str] = &[
    "poweron",
    "backup",
    "stop_in_place",
    "poweroff",
    "terminate",
    "reboot",
    "enable_routed_ip",
];

pub(super) fn list(call: &Call<'_>, state: &mut State, zone: &str, id: &str) -> Handled {
    let server = state.server(zone, id).ok_or_else(|| not_found("instance_server", id))?;
    Ok(Answer::json(
        200,
        &json!({ "actions": server.allowed_actions(call.now) }),
    ))
}

/// The answer is a task that says nothing: what happens shows in the server.
pub(super) fn act(call: &mut Call<'_>, state: &mut State, zone: &str, id: &str) -> Handled {
    let fields = body(call, &["action", "name", "volumes", "disk_usage"])?;
    let action = fields
        .text("action")
        .map_err(wrong_type)?
        .ok_or_else(|| invalid("action", "required", "required key not provided"))?
        .to_owned();
    if !ACTIONS.contains(&action.as_str()) {
        return Err(invalid("action", "constraint", "not a valid value"));
    }
    let (now, boot, stop) = (call.now, call.boot_ms, call.delete_ms);
    let server = state.server(zone, id).ok_or_else(|| not_found("instance_server", id))?;
    if !server.allowed_actions(now).contains(&action.as_str()) {
        let (word, _) = server.words(now);
        // UNCONFIRMED: the code for an action that the state does not allow.
        return Err(match word {
            "starting" | "stopping" => error(
                409,
                "transient_state",
                "resource is in a transient state",
                json!({ "resource": "instance_server", "resource_id": id, "current_state": word }),
            ),
            _ => still_in_use(&format!("instance should not be {word}")),
        });
    }
    let server = state.server(zone, id).ok_or_else(|| not_found("instance_server", id))?;
    match action.as_str() {
        "poweron" => {
            server.power = Power::Starting {
                since: now,
                ready: now.saturating_add(boot),
            };
            if server.booted_with.is_none() {
                server.booted_with = server.user_data.get("cloud-init").map(|data| data.sha256.clone());
            }
            if server.dynamic_ip && server.address.is_none() {
                server.address = Some(Address {
                    id: call.uuid(),
                    ip: call.ipv4().to_string(),
                });
            }
        }
        "reboot" => {
            server.power = Power::Starting {
                since: now,
                ready: now.saturating_add(boot),
            };
        }
        "poweroff" => {
            server.power = Power::Stopping {
                until: now.saturating_add(stop),
            };
        }
        "stop_in_place" => server.power = Power::OffInPlace,
        // UNCONFIRMED: how a protected server refuses.
        "terminate" if server.protected => {
            return Err(still_in_use("instance is protected"));
        }
        "terminate" => call.end_life(&mut server.life),
        // UNCONFIRMED: backups are not played.
        _ => return Err(invalid("action", "constraint", "not simulated")),
    }
    let task = json!({
        "id": call.uuid(), "description": format!("server_{action}"), "status": "pending", "progress": 0,
        "href_from": format!("/servers/{id}/action"), "href_result": format!("/servers/{id}"),
        "started_at": time(now), "terminated_at": null, "zone": zone,
    });
    Ok(Answer::json(202, &json!({ "task": task })))
}

/// Only a server that is switched off; gone at once, its disks stay.
pub(super) fn delete(call: &Call<'_>, state: &mut State, zone: &str, id: &str) -> Handled {
    let server = state.server(zone, id).ok_or_else(|| not_found("instance_server", id))?;
    if server.words(call.now).0 != "stopped" {
        return Err(still_in_use("instance should be powered off"));
    }
    if server.protected {
        return Err(still_in_use("instance is protected"));
    }
    state.servers.retain(|server| server.id != id);
    let attached = |volume: &&mut Volume| volume.server.as_deref() == Some(id);
    for volume in state.volumes.iter_mut().filter(attached) {
        volume.server = None;
    }
    Ok(Answer::empty(204))
}
