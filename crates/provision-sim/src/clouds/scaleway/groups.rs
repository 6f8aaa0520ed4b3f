//! Security groups. One outlives its servers: what is not deleted stays behind.

use serde_json::{Value, json};

use super::{
    PROJECT, body, check_project, error, invalid,
    lists::{has_name, has_tags, in_project, page},
    not_found,
    state::{Group, Server, State},
    time, wrong_type,
};
use crate::{
    call::Call,
    cloud::Handled,
    kit::{answer::Answer, fields::Fields, text::is_network},
};

const FIELDS: &[&str] = &[
    "name",
    "description",
    "organization",
    "project",
    "tags",
    "organization_default",
    "project_default",
    "stateful",
    "inbound_default_policy",
    "outbound_default_policy",
    "enable_default_security",
];

fn show(group: &Group, servers: &[Server]) -> Value {
    let members = servers.iter().filter(|server| server.group == group.id);
    let members: Vec<Value> = members
        .map(|server| json!({ "id": server.id, "name": server.name }))
        .collect();
    let is_default = group.id == Group::default_of(&group.zone).id;
    json!({
        "id": group.id, "name": group.name, "description": group.description, "organization": PROJECT,
        "project": PROJECT, "servers": members, "stateful": group.stateful,
        "inbound_default_policy": group.inbound, "outbound_default_policy": group.outbound,
        "organization_default": is_default, "project_default": is_default, "enable_default_security": true,
        "state": "available", "tags": group.tags, "zone": group.zone,
        "creation_date": time(group.created), "modification_date": time(group.created),
    })
}

fn shown(state: &State, group: &Group, status: u16) -> Answer {
    Answer::json(status, &json!({ "security_group": show(group, &state.servers) }))
}

fn made<'a>(state: &'a mut State, zone: &str, id: &str) -> Result<&'a mut Group, Answer> {
    state
        .groups
        .iter_mut()
        .find(|group| group.zone == zone && group.id == id)
        .ok_or_else(|| not_found("instance_security_group", id))
}

/// Takes over what a body says.
fn apply(group: &mut Group, fields: &Fields) -> Result<(), Answer> {
    if let Some(name) = fields.text("name").map_err(wrong_type)? {
        name.clone_into(&mut group.name);
    }
    if let Some(text) = fields.text("description").map_err(wrong_type)? {
        group.description = Some(text.to_owned());
    }
    if fields.get("tags").is_some() {
        group.tags = fields.texts("tags").map_err(wrong_type)?;
    }
    // Mail goes out of no group here, and the default group of a zone stays what it is.
    for (field, only) in [
        ("enable_default_security", true),
        ("organization_default", false),
        ("project_default", false),
    ] {
        if fields.flag(field).map_err(wrong_type)?.is_some_and(|flag| flag != only) {
            return Err(invalid(field, "constraint", &format!("only {only} is simulated")));
        }
    }
    if let Some(stateful) = fields.flag("stateful").map_err(wrong_type)? {
        group.stateful = stateful;
    }
    for (field, policy) in [
        ("inbound_default_policy", &mut group.inbound),
        ("outbound_default_policy", &mut group.outbound),
    ] {
        match fields.text(field).map_err(wrong_type)? {
            None => {}
            Some(word @ ("accept" | "drop")) => word.clone_into(policy),
            Some(_) => return Err(invalid(field, "constraint", "not a valid value")),
        }
    }
    Ok(())
}

pub(super) fn create(call: &mut Call<'_>, state: &mut State, zone: &str) -> Handled {
    let fields = body(call, FIELDS)?;
    check_project(&fields)?;
    if fields.text("name").map_err(wrong_type)?.unwrap_or_default().is_empty() {
        return Err(invalid("name", "required", "required key not provided"));
    }
    let mut group = Group {
        id: call.uuid(),
        description: None,
        stateful: false,
        created: call.now,
        ..Group::default_of(zone)
    };
    apply(&mut group, &fields)?;
    let answer = shown(state, &group, 201);
    state.groups.push(group);
    Ok(answer)
}

pub(super) fn list(call: &Call<'_>, state: &State, zone: &str) -> Handled {
    let default = Group::default_of(zone);
    let all = state.groups.iter().filter(|group| group.zone == zone).chain([&default]);
    let found = all.filter(|group| in_project(call) && has_name(call, &group.name) && has_tags(call, &group.tags));
    page(
        call,
        "security_groups",
        found.map(|group| show(group, &state.servers)).collect(),
    )
}

pub(super) fn get(state: &State, zone: &str, id: &str) -> Handled {
    let group = state
        .group(zone, id)
        .ok_or_else(|| not_found("instance_security_group", id))?;
    Ok(shown(state, &group, 200))
}

pub(super) fn update(call: &Call<'_>, state: &mut State, zone: &str, id: &str) -> Handled {
    let fields = body(call, FIELDS)?;
    apply(made(state, zone, id)?, &fields)?;
    get(state, zone, id)
}

pub(super) fn delete(state: &mut State, zone: &str, id: &str) -> Handled {
    if id == Group::default_of(zone).id {
        let message = "Group is default group. You cannot delete it.";
        return Err(error(409, "conflict", message, json!({})));
    }
    made(state, zone, id)?;
    if state.servers.iter().any(|server| server.group == id) {
        return Err(error(
            409,
            "conflict",
            "Group is in use. You cannot delete it.",
            json!({}),
        ));
    }
    state.groups.retain(|group| group.id != id);
    Ok(Answer::empty(204))
}

/// Rules that every group has: no mail goes out. They cannot be edited.
fn fixed_rules(zone: &str) -> Vec<Value> {
    let ports = [25, 465, 587].into_iter().zip(1_u64..);
    ports
        .map(|(port, number)| {
            json!({
                "id": format!("11111111-2222-4333-8444-{number:012}"), "protocol": "TCP", "direction": "outbound",
                "ip_range": "0.0.0.0/0", "dest_ip_range": null, "dest_port_from": port, "dest_port_to": null,
                "position": number, "editable": false, "action": "drop", "zone": zone,
            })
        })
        .collect()
}

pub(super) fn list_rules(call: &Call<'_>, state: &State, zone: &str, id: &str) -> Handled {
    let group = state
        .group(zone, id)
        .ok_or_else(|| not_found("instance_security_group", id))?;
    let mut rules = fixed_rules(zone);
    rules.extend(group.rules);
    page(call, "rules", rules)
}

/// Replaces all rules but the fixed ones.
pub(super) fn set_rules(call: &mut Call<'_>, state: &mut State, zone: &str, id: &str) -> Handled {
    let fields = body(call, &["rules"])?;
    let wanted = fields.objects("rules").map_err(wrong_type)?;
    // Rules that cannot be edited are ignored.
    let editable = wanted
        .iter()
        .filter(|rule| rule.flag("editable").ok().flatten() != Some(false));
    let rules: Vec<Value> = editable
        .map(|rule| read_rule(call, rule, zone))
        .collect::<Result<_, _>>()?;
    made(state, zone, id)?.rules = rules;
    list_rules(call, state, zone, id)
}

pub(super) fn add_rule(call: &mut Call<'_>, state: &mut State, zone: &str, id: &str) -> Handled {
    let fields = call
        .json()
        .map_err(|_| invalid("body", "format", "must be a JSON object"))?;
    let rule = read_rule(call, &fields, zone)?;
    made(state, zone, id)?.rules.push(rule.clone());
    Ok(Answer::json(201, &json!({ "rule": rule })))
}

fn read_rule(call: &mut Call<'_>, rule: &Fields, zone: &str) -> Result<Value, Answer> {
    const KNOWN: &[&str] = &[
        "id",
        "action",
        "protocol",
        "direction",
        "ip_range",
        "dest_port_from",
        "dest_port_to",
        "position",
        "editable",
        "zone",
    ];
    if let Some(field) = rule.unknown(KNOWN) {
        return Err(invalid(field, "unknown", "unknown key"));
    }
    let word = |field: &str, known: &[&str]| {
        let text = rule.text(field).map_err(wrong_type)?.unwrap_or_default().to_owned();
        match known.contains(&text.as_str()) {
            true => Ok(text),
            false => Err(invalid(field, "constraint", "not a valid value")),
        }
    };
    let action = word("action", &["accept", "drop"])?;
    let protocol = word("protocol", &["TCP", "UDP", "ICMP", "ANY"])?;
    let direction = word("direction", &["inbound", "outbound"])?;
    let range = rule.text("ip_range").map_err(wrong_type)?.unwrap_or_default();
    if !is_network(range, true) {
        return Err(invalid("ip_range", "format", "expected a network"));
    }
    let port = |field: &str| match rule.number(field).map_err(wrong_type)? {
        // What the Python SDK sends for a port that its user leaves out.
        Some(0) => Ok(None),
        Some(port) if !(1..=65_535).contains(&port) => Err(invalid(field, "constraint", "not a valid port")),
        port => Ok(port),
    };
    let (from, to) = (port("dest_port_from")?, port("dest_port_to")?);
    if to.is_some_and(|to| from.is_none_or(|from| to < from)) {
        return Err(invalid(
            "dest_port_to",
            "constraint",
            "must not be below dest_port_from",
        ));
    }
    // Without ports, and a single port without an end.
    let (from, to) = match protocol.as_str() {
        "ICMP" | "ANY" => (None, None),
        _ => (from, to.filter(|to| Some(*to) != from)),
    };
    let position = rule.number("position").map_err(wrong_type)?.unwrap_or_default();
    Ok(json!({
        "id": call.uuid(), "protocol": protocol, "direction": direction, "ip_range": range, "dest_ip_range": null,
        "dest_port_from": from, "dest_port_to": to, "position": position, "editable": true, "action": action,
        "zone": zone,
    }))
}
