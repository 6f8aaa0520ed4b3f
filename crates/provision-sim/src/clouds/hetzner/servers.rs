//! Servers: reading, changing, deleting.

use serde_json::{Value, json};

use super::{
    actions, body, catalog, error, invalid_field, is_named, labels, not_found, page, placement, selector,
    state::{Server, State},
    wrong_type,
};
use crate::{
    call::Call,
    cloud::Handled,
    kit::{answer::Answer, life::Stage, text::rfc3339},
};

/// Up to this share of the boot time, percent, a server is `initializing` and locked; then it is `starting`.
pub(super) const MADE_AT_PERCENT: u64 = 60;

/// The API's word for what the server does.
fn status(server: &Server, now: u64) -> &'static str {
    match server.life.stage(now) {
        Stage::Starting if server.life.booted_percent(now) < MADE_AT_PERCENT => "initializing",
        _ if server.off => "off",
        Stage::Starting => "starting",
        Stage::Ready => "running",
        Stage::Ending | Stage::Gone => "deleting",
    }
}

pub(super) fn show(state: &State, server: &Server, now: u64) -> Value {
    let kind = catalog::server_type(&server.server_type);
    let image = catalog::image(&server.image.to_string(), "");
    let v4 = state.address_of(server.id, "ipv4").map(|address| {
        let reversed: Vec<_> = address.ip.rsplit('.').collect();
        let dns = format!("static.{}.clients.your-server.de", reversed.join("."));
        json!({ "id": address.id, "ip": address.ip, "blocked": false, "dns_ptr": dns })
    });
    let v6 = state
        .address_of(server.id, "ipv6")
        .map(|address| json!({ "id": address.id, "ip": address.ip, "blocked": false, "dns_ptr": [] }));
    let firewalls: Vec<_> = state
        .firewalls_of(server)
        .iter()
        .map(|id| json!({ "id": id, "status": "applied" }))
        .collect();
    let mut groups = state.placement_groups.iter();
    let group = groups
        .find(|group| Some(group.id) == server.placement_group)
        .map(|group| placement::show(state, group));
    json!({
        "id": server.id, "name": server.name, "status": status(server, now), "created": rfc3339(server.life.born),
        "locked": state.is_locked(server.id, now),
        "public_net": { "ipv4": v4, "ipv6": v6, "floating_ips": [], "firewalls": firewalls },
        "private_net": [], "server_type": kind.map(catalog::ServerType::show),
        "image": image.map(catalog::Image::show),
        "location": catalog::location(&server.location).map(catalog::Location::show),
        "labels": server.labels, "protection": { "delete": server.protected, "rebuild": server.protected },
        "rescue_enabled": false, "backup_window": null, "iso": null, "volumes": [], "load_balancers": [],
        "primary_disk_size": kind.map_or(0, |kind| kind.disk), "included_traffic": 21_990_232_555_520_u64,
        "ingoing_traffic": null, "outgoing_traffic": null, "placement_group": group,
    })
}

/// Refuses what is not a host name as of RFC 1123, or is longer than 63 characters.
pub(super) fn check_name(name: &str) -> Result<(), Answer> {
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    if name.len() <= 63 && name.split('.').all(label) {
        Ok(())
    } else {
        Err(invalid_field("name", "is not a valid hostname"))
    }
}

pub(super) fn get(call: &Call<'_>, state: &mut State, id: &str) -> Handled {
    let server = state.server(id).ok_or_else(|| not_found("server"))?.clone();
    Ok(Answer::json(200, &json!({ "server": show(state, &server, call.now) })))
}

pub(super) fn list(call: &Call<'_>, state: &State) -> Handled {
    let selector = selector(call)?;
    let wanted: Vec<&str> = call.query.all("status").collect();
    let servers = state
        .servers
        .iter()
        .filter(|server| {
            server.life.listed(call.now) && is_named(call, &server.name) && selector.selects(&server.labels)
        })
        .filter(|server| wanted.is_empty() || wanted.contains(&status(server, call.now)));
    page(call, "servers", servers, |server| show(state, server, call.now))
}

/// Changes name or labels.
pub(super) fn update(call: &Call<'_>, state: &mut State, id: &str) -> Handled {
    let fields = body(call, &["name", "labels"])?;
    let name = fields.text("name").map_err(wrong_type)?.map(str::to_owned);
    let labels = labels::read(&fields)?;
    let own = state.server(id).ok_or_else(|| not_found("server"))?.id;
    if let Some(name) = &name {
        check_name(name)?;
        if state
            .servers
            .iter()
            .any(|server| server.name == *name && server.id != own)
        {
            return Err(error(409, "uniqueness_error", "server name is already used"));
        }
    }
    let server = state.server(id).ok_or_else(|| not_found("server"))?;
    if let Some(name) = name {
        server.name = name;
    }
    if let Some(labels) = labels {
        server.labels = labels;
    }
    get(call, state, id)
}

pub(super) fn delete(call: &mut Call<'_>, state: &mut State, id: &str) -> Handled {
    let server = state.server(id).ok_or_else(|| not_found("server"))?.clone();
    if server.protected {
        return Err(error(423, "protected", "server deletion is protected"));
    }
    check_lock(call, state, server.id)?;
    // The server is gone at once, the action takes its time.
    let action = actions::start(
        call,
        "delete_server",
        &[("server", server.id)],
        call.now + call.delete_ms,
    );
    let answer = Answer::json(200, &json!({ "action": action.show(call.now) }));
    state.actions.push(action);
    state.remove_server(server.id);
    Ok(answer)
}

fn check_lock(call: &Call<'_>, state: &State, server: u64) -> Result<(), Answer> {
    if state.is_locked(server, call.now) {
        return Err(error(
            423,
            "locked",
            "cannot perform operation because resource is locked",
        ));
    }
    Ok(())
}

/// Power and protection.
pub(super) fn act(call: &mut Call<'_>, state: &mut State, id: &str, command: &str) -> Handled {
    let own = state.server(id).ok_or_else(|| not_found("server"))?.id;
    check_lock(call, state, own)?;
    let server = state.server(id).ok_or_else(|| not_found("server"))?;
    let command = match command {
        "poweroff" | "shutdown" => {
            server.off = true;
            if command == "poweroff" {
                "stop_server"
            } else {
                "shutdown_server"
            }
        }
        "poweron" | "reset" | "reboot" => {
            server.off = false;
            if command == "poweron" {
                "start_server"
            } else {
                "reboot_server"
            }
        }
        "change_protection" => {
            let fields = body(call, &["delete", "rebuild"])?;
            let delete = fields.flag("delete").map_err(wrong_type)?;
            let rebuild = fields.flag("rebuild").map_err(wrong_type)?;
            if delete.is_some() && rebuild.is_some() && delete != rebuild {
                return Err(invalid_field("rebuild", "must be the same as delete"));
            }
            server.protected = delete.or(rebuild).unwrap_or(server.protected);
            "change_protection"
        }
        _ => return Err(not_found("action")),
    };
    let action = actions::start(call, command, &[("server", own)], call.now);
    let answer = Answer::json(201, &json!({ "action": action.show(call.now) }));
    state.actions.push(action);
    Ok(answer)
}
