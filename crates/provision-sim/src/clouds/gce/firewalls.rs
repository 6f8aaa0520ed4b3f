//! Firewall rules of the project's networks. A rule outlives the instances that it was made for.

use serde_json::{Map, Value, json};

use super::{
    already_exists, body, catalog, check_fields, check_name, in_our_project, invalid, is_name, link, list_page,
    not_found, not_ready,
    operations::{Change, repeated, start},
    state::{Firewall, State},
    time_text, wrong_type,
};
use crate::{
    call::Call,
    cloud::Handled,
    kit::{answer::Answer, fields::Fields, text::is_network},
};

const FIREWALL: &[&str] = &[
    "allowed",
    "creationTimestamp",
    "denied",
    "description",
    "destinationRanges",
    "direction",
    "disabled",
    "id",
    "kind",
    "logConfig",
    "name",
    "network",
    "params",
    "priority",
    "selfLink",
    "sourceRanges",
    "sourceServiceAccounts",
    "sourceTags",
    "targetServiceAccounts",
    "targetTags",
];
/// Protocols by name; numbers are taken as well.
const PROTOCOLS: &[&str] = &["ah", "all", "esp", "icmp", "ipip", "sctp", "tcp", "udp"];

fn path(name: &str) -> String {
    format!("global/firewalls/{name}")
}

fn show(firewall: &Firewall) -> Value {
    let mut shown = firewall.shown.clone();
    let mut set = |name: &str, value: Value| drop(shown.insert(name.to_owned(), value));
    set("kind", json!("compute#firewall"));
    set("id", json!(firewall.id.to_string()));
    set("name", json!(firewall.name));
    set("creationTimestamp", json!(time_text(firewall.created)));
    set("selfLink", json!(link(&path(&firewall.name))));
    Value::Object(shown)
}

/// `80` or `8000-8100`.
fn is_ports(text: &str) -> bool {
    let port = |text: &str| text.parse::<u16>().ok();
    match text.split_once('-') {
        Some((from, to)) => matches!((port(from), port(to)), (Some(from), Some(to)) if from <= to),
        None => port(text).is_some(),
    }
}

/// Checks a whole rule and gives back what is kept of it. `fields` has a name already.
fn read(fields: &Fields) -> Result<Map<String, Value>, Answer> {
    let wrong = |problem| wrong_type(&problem);
    check_fields(fields, "resource", FIREWALL)?;
    let network = fields
        .text("network")
        .map_err(wrong)?
        .unwrap_or("global/networks/default");
    let network_path = in_our_project(network).unwrap_or_default();
    let name = network_path.strip_prefix("global/networks/").unwrap_or_default();
    if !catalog::is_network(name) {
        return Err(invalid(&format!(
            "Invalid value for field 'resource.network': '{network}'. The referenced network resource cannot be found."
        )));
    }
    let direction = fields.text("direction").map_err(wrong)?.unwrap_or("INGRESS");
    if !["INGRESS", "EGRESS"].contains(&direction) {
        return Err(invalid(&format!(
            "Invalid value for field 'resource.direction': '{direction}'."
        )));
    }
    let priority = fields.number("priority").map_err(wrong)?.unwrap_or(1_000);
    if priority > 65_535 {
        return Err(invalid(&format!(
            "Invalid value for field 'resource.priority': '{priority}'. Must be less than or equal to 65535"
        )));
    }
    let ranges = fields.texts("sourceRanges").map_err(wrong)?;
    if let Some(range) = ranges.iter().find(|range| !is_network(range, false)) {
        return Err(invalid(&format!(
            "Invalid value for field 'resource.sourceRanges[0]': '{range}'. Must be a valid CIDR address range."
        )));
    }
    let tags = fields.texts("targetTags").map_err(wrong)?;
    if let Some(tag) = tags.iter().find(|tag| !is_name(tag)) {
        return Err(invalid(&format!(
            "Invalid value for field 'resource.targetTags[0]': '{tag}'."
        )));
    }
    let (allowed, denied) = (protocols(fields, "allowed")?, protocols(fields, "denied")?);
    if allowed.is_empty() == denied.is_empty() {
        return Err(invalid(
            "Invalid value for field 'resource': ''. Exactly one of allowed and denied must be specified.",
        ));
    }
    let mut kept: Map<String, Value> = Map::new();
    kept.insert("network".to_owned(), json!(link(network_path)));
    kept.insert("direction".to_owned(), json!(direction));
    kept.insert("priority".to_owned(), json!(priority));
    kept.insert(
        "disabled".to_owned(),
        json!(fields.flag("disabled").map_err(wrong)?.unwrap_or(false)),
    );
    kept.insert("logConfig".to_owned(), json!({ "enable": false }));
    let description = fields.text("description").map_err(wrong)?.unwrap_or_default();
    kept.insert("description".to_owned(), json!(description));
    let ranges = if ranges.is_empty() {
        vec!["0.0.0.0/0".to_owned()]
    } else {
        ranges
    };
    kept.insert("sourceRanges".to_owned(), json!(ranges));
    for (name, list) in [
        ("targetTags", json!(tags)),
        ("allowed", json!(allowed)),
        ("denied", json!(denied)),
    ] {
        if list.as_array().is_some_and(|list| !list.is_empty()) {
            kept.insert(name.to_owned(), list);
        }
    }
    Ok(kept)
}

fn protocols(fields: &Fields, field: &str) -> Result<Vec<Value>, Answer> {
    let wrong = |problem| wrong_type(&problem);
    let mut shown = Vec::new();
    for entry in fields.objects(field).map_err(wrong)? {
        check_fields(&entry, &format!("resource.{field}"), &["IPProtocol", "ports"])?;
        let protocol = entry.text("IPProtocol").map_err(wrong)?.unwrap_or_default();
        if !PROTOCOLS.contains(&protocol) && protocol.parse::<u8>().is_err() {
            return Err(invalid(&format!(
                "Invalid value for field 'resource.{field}[0].IPProtocol': '{protocol}'. Must be a known protocol or a number."
            )));
        }
        let ports = entry.texts("ports").map_err(wrong)?;
        if let Some(port) = ports.iter().find(|port| !is_ports(port)) {
            return Err(invalid(&format!(
                "Invalid value for field 'resource.{field}[0].ports[0]': '{port}'. Must be a port or a range."
            )));
        }
        if !ports.is_empty() && !["tcp", "udp", "sctp"].contains(&protocol) {
            return Err(invalid(&format!(
                "Invalid value for field 'resource.{field}[0].ports': ''. Ports cannot be specified for protocol '{protocol}'."
            )));
        }
        shown.push(match ports.is_empty() {
            true => json!({ "IPProtocol": protocol }),
            false => json!({ "IPProtocol": protocol, "ports": ports }),
        });
    }
    Ok(shown)
}

fn operation(call: &mut Call<'_>, state: &mut State, kind: &str, name: &str, id: u64, done: u64) -> Answer {
    let change = Change {
        kind,
        scope: "global".to_owned(),
        target: path(name),
        target_id: id,
        done,
        failure: None,
    };
    start(call, state, change)
}

pub(super) fn insert(call: &mut Call<'_>, state: &mut State) -> Handled {
    if let Some(answer) = repeated(call, state)? {
        return Ok(answer);
    }
    let fields = body(call)?;
    let name = fields
        .text("name")
        .map_err(|problem| wrong_type(&problem))?
        .unwrap_or_default();
    check_name(name)?;
    let shown = read(&fields)?;
    if state.firewall(name).is_some() {
        return Err(already_exists(&path(name)));
    }
    let firewall = Firewall {
        id: 3_300_000_000_000 + call.next_number(),
        name: name.to_owned(),
        created: call.now,
        ready: call.now + call.boot_ms / 10,
        gone: None,
        shown,
    };
    let (id, ready) = (firewall.id, firewall.ready);
    state.firewalls.push(firewall);
    Ok(operation(call, state, "insert", name, id, ready))
}

pub(super) fn get(state: &mut State, name: &str) -> Handled {
    match state.firewall(name) {
        Some(firewall) => Ok(Answer::json(200, &show(firewall))),
        None => Err(not_found(&path(name))),
    }
}

pub(super) fn list(call: &Call<'_>, state: &State) -> Handled {
    list_page(call, "compute#firewallList", state.firewalls.iter().map(show).collect())
}

/// `PATCH` keeps what the body does not name, `PUT` does not.
pub(super) fn update(call: &mut Call<'_>, state: &mut State, name: &str, keep: bool) -> Handled {
    if let Some(answer) = repeated(call, state)? {
        return Ok(answer);
    }
    let fields = body(call)?;
    let now = call.now;
    let firewall = state.firewall(name).ok_or_else(|| not_found(&path(name)))?;
    if now < firewall.ready || firewall.gone.is_some() {
        return Err(not_ready(&path(name)));
    }
    let mut whole = if keep { firewall.shown.clone() } else { Map::new() };
    for (field, value) in fields.iter().filter(|(field, _)| *field != "name") {
        whole.insert(field.to_owned(), value.clone());
    }
    let whole = Fields::of(&Value::Object(whole), "resource").map_err(|problem| wrong_type(&problem))?;
    firewall.shown = read(&whole)?;
    firewall.ready = now + call.boot_ms / 10;
    let (id, ready) = (firewall.id, firewall.ready);
    Ok(operation(
        call,
        state,
        if keep { "patch" } else { "update" },
        name,
        id,
        ready,
    ))
}

pub(super) fn delete(call: &mut Call<'_>, state: &mut State, name: &str) -> Handled {
    if let Some(answer) = repeated(call, state)? {
        return Ok(answer);
    }
    let (now, gone) = (call.now, call.now + call.delete_ms);
    let firewall = state.firewall(name).ok_or_else(|| not_found(&path(name)))?;
    // UNCONFIRMED: that a rule which is being made or deleted answers so.
    if now < firewall.ready || firewall.gone.is_some() {
        return Err(not_ready(&path(name)));
    }
    firewall.gone = Some(gone);
    let id = firewall.id;
    Ok(operation(call, state, "delete", name, id, gone))
}
