//! Primary IPs: made with a server and gone with it, or made by themselves and staying.

use serde_json::{Value, json};

use super::{
    body, catalog, error, invalid, invalid_field, is_named, labels, name_of, not_found, page, quota, selector,
    state::{Address, State},
    wrong_type,
};
use crate::{
    call::Call,
    cloud::Handled,
    kit::{answer::Answer, text::rfc3339},
};

fn show(address: &Address) -> Value {
    json!({
        "id": address.id, "name": address.name, "ip": address.ip, "type": address.kind,
        "location": catalog::location(&address.location).map(catalog::Location::show), "labels": address.labels,
        "auto_delete": address.auto_delete, "assignee_id": address.server, "assignee_type": "server",
        "blocked": false, "created": rfc3339(address.created), "dns_ptr": [], "protection": { "delete": false },
    })
}

/// Makes an address; `name` is chosen when there is none.
pub(super) fn make(call: &mut Call<'_>, kind: &str, location: &str, name: Option<String>) -> Address {
    let id = 90_000_000 + call.next_number();
    let ip = match kind {
        "ipv4" => call.ipv4().to_string(),
        _ => format!("{}/64", call.ipv6_net()),
    };
    Address {
        id,
        name: name.unwrap_or_else(|| format!("primary_ip-{id}")),
        ip,
        kind: kind.to_owned(),
        location: location.to_owned(),
        labels: Default::default(),
        auto_delete: false,
        server: None,
        created: call.now,
    }
}

pub(super) fn list(call: &Call<'_>, state: &State) -> Handled {
    let selector = selector(call)?;
    // An IPv6 network is found by the network, with or without its length.
    let is_ip = |address: &Address, ip: &str| address.ip == ip || address.ip.strip_suffix("/64") == Some(ip);
    let wanted = |address: &&Address| {
        is_named(call, &address.name)
            && selector.selects(&address.labels)
            && call.query.get("ip").is_none_or(|ip| is_ip(address, ip))
    };
    page(call, "primary_ips", state.addresses.iter().filter(wanted), show)
}

pub(super) fn create(call: &mut Call<'_>, state: &mut State) -> Handled {
    let known = [
        "name",
        "type",
        "assignee_type",
        "assignee_id",
        "auto_delete",
        "location",
        "labels",
    ];
    let fields = body(call, &known)?;
    let name = name_of(&fields)?;
    let kind = fields.text("type").map_err(wrong_type)?.unwrap_or_default();
    if !["ipv4", "ipv6"].contains(&kind) {
        return Err(invalid_field("type", "must be one of ipv4, ipv6"));
    }
    if !matches!(fields.text("assignee_type").map_err(wrong_type)?, None | Some("server")) {
        return Err(invalid_field("assignee_type", "must be one of server"));
    }
    if fields.get("assignee_id").is_some() {
        // Only addresses that wait for a server are simulated.
        return Err(invalid_field("assignee_id", "is not simulated"));
    }
    let location = fields.text("location").map_err(wrong_type)?.unwrap_or("fsn1");
    if catalog::location(location).is_none() {
        return Err(invalid(&format!("location '{location}' not found")));
    }
    if state.addresses.iter().any(|address| address.name == name) {
        return Err(error(409, "uniqueness_error", "name is already used"));
    }
    if call.over_quota() {
        return Err(quota("primary_ip_limit"));
    }
    let mut address = make(call, kind, location, Some(name));
    address.auto_delete = fields.flag("auto_delete").map_err(wrong_type)?.unwrap_or(false);
    address.labels = labels::read(&fields)?.unwrap_or_default();
    let answer = Answer::json(201, &json!({ "primary_ip": show(&address), "action": null }));
    state.addresses.push(address);
    Ok(answer)
}

fn find<'a>(state: &'a State, id: &str) -> Result<&'a Address, Answer> {
    state
        .addresses
        .iter()
        .find(|address| address.id.to_string() == id)
        .ok_or_else(|| not_found("primary_ip"))
}

pub(super) fn get(state: &State, id: &str) -> Handled {
    Ok(Answer::json(200, &json!({ "primary_ip": show(find(state, id)?) })))
}

pub(super) fn delete(state: &mut State, id: &str) -> Handled {
    let address = find(state, id)?;
    if address.server.is_some() {
        return Err(error(
            422,
            "must_be_unassigned",
            "primary IP must be unassigned to be deleted",
        ));
    }
    let id = address.id;
    state.addresses.retain(|address| address.id != id);
    Ok(Answer::empty(204))
}
