//! Firewalls. One that is applied cannot be deleted, and one that is not deleted stays behind.

use serde_json::{Value, json};

use super::{
    actions, body, error, invalid, invalid_field, is_named, labels, name_of, not_found, page, selector,
    selector::Selector,
    state::{Firewall, Server, State},
    wrong_type,
};
use crate::{
    call::Call,
    cloud::Handled,
    kit::{
        answer::Answer,
        fields::Fields,
        text::{is_network, rfc3339},
    },
};

/// Most rules of a firewall.
const RULES_LIMIT: usize = 50;

/// What a firewall is applied to.
enum Target {
    Server(u64),
    Labels(String),
}

fn show(state: &State, firewall: &Firewall) -> Value {
    let server = |server: &Server| json!({ "type": "server", "server": { "id": server.id } });
    let own = |server: &&Server| server.firewalls.contains(&firewall.id);
    let by_label = |text: &String| {
        let selector = Selector::parse(text).ok();
        let selects = |server: &&Server| {
            selector
                .as_ref()
                .is_some_and(|selector| selector.selects(&server.labels))
        };
        let servers: Vec<_> = state.servers.iter().filter(selects).map(server).collect();
        json!({ "type": "label_selector", "label_selector": { "selector": text }, "applied_to_resources": servers })
    };
    let applied: Vec<_> = state
        .servers
        .iter()
        .filter(own)
        .map(server)
        .chain(firewall.selectors.iter().map(by_label))
        .collect();
    json!({
        "id": firewall.id, "name": firewall.name, "labels": firewall.labels, "created": rfc3339(firewall.created),
        "rules": firewall.rules, "applied_to": applied,
    })
}

fn find<'a>(state: &'a State, id: &str) -> Result<&'a Firewall, Answer> {
    state
        .firewalls
        .iter()
        .find(|firewall| firewall.id.to_string() == id)
        .ok_or_else(|| not_found("firewall"))
}

pub(super) fn list(call: &Call<'_>, state: &State) -> Handled {
    let selector = selector(call)?;
    let firewalls = state
        .firewalls
        .iter()
        .filter(|firewall| is_named(call, &firewall.name) && selector.selects(&firewall.labels));
    page(call, "firewalls", firewalls, |firewall| show(state, firewall))
}

pub(super) fn get(state: &State, id: &str) -> Handled {
    Ok(Answer::json(200, &json!({ "firewall": show(state, find(state, id)?) })))
}

pub(super) fn create(call: &mut Call<'_>, state: &mut State) -> Handled {
    let fields = body(call, &["name", "labels", "rules", "apply_to"])?;
    let name = name_of(&fields)?;
    let labels = labels::read(&fields)?.unwrap_or_default();
    let rules = read_rules(&fields)?;
    let targets = read_targets(state, &fields, "apply_to")?;
    if state.firewalls.iter().any(|firewall| firewall.name == name) {
        return Err(error(409, "uniqueness_error", "firewall name is already used"));
    }
    let id = 1_000 + call.next_number();
    let created = call.now;
    state.firewalls.push(Firewall {
        id,
        name,
        created,
        labels,
        rules,
        selectors: Vec::new(),
    });
    let actions = apply(call, state, id, &targets);
    let firewall = show(state, find(state, &id.to_string())?);
    Ok(Answer::json(201, &json!({ "firewall": firewall, "actions": actions })))
}

pub(super) fn update(call: &Call<'_>, state: &mut State, id: &str) -> Handled {
    let fields = body(call, &["name", "labels"])?;
    let own = find(state, id)?.id;
    let name = fields.text("name").map_err(wrong_type)?.map(str::to_owned);
    let labels = labels::read(&fields)?;
    if state
        .firewalls
        .iter()
        .any(|firewall| firewall.id != own && Some(&firewall.name) == name.as_ref())
    {
        return Err(error(409, "uniqueness_error", "firewall name is already used"));
    }
    for firewall in state.firewalls.iter_mut().filter(|firewall| firewall.id == own) {
        firewall.name = name.clone().unwrap_or_else(|| firewall.name.clone());
        firewall.labels = labels.clone().unwrap_or_else(|| firewall.labels.clone());
    }
    get(state, id)
}

pub(super) fn delete(state: &mut State, id: &str) -> Handled {
    let firewall = find(state, id)?;
    let id = firewall.id;
    // UNCONFIRMED: a label selector that selects no server counts as use here.
    if !firewall.selectors.is_empty() || state.servers.iter().any(|server| server.firewalls.contains(&id)) {
        // The status that the API documents for this operation.
        return Err(error(
            422,
            "resource_in_use",
            "firewall must not be in use to be deleted",
        ));
    }
    state.firewalls.retain(|firewall| firewall.id != id);
    Ok(Answer::empty(204))
}

pub(super) fn act(call: &mut Call<'_>, state: &mut State, id: &str, action: &str) -> Handled {
    let own = find(state, id)?.id;
    let actions = match action {
        "apply_to_resources" => {
            let targets = read_targets(state, &body(call, &["apply_to"])?, "apply_to")?;
            apply(call, state, own, &targets)
        }
        "remove_from_resources" => {
            let targets = read_targets(state, &body(call, &["remove_from"])?, "remove_from")?;
            remove(call, state, own, &targets)
        }
        "set_rules" => {
            let rules = read_rules(&body(call, &["rules"])?)?;
            for firewall in state.firewalls.iter_mut().filter(|firewall| firewall.id == own) {
                firewall.rules.clone_from(&rules);
            }
            vec![record(call, state, "set_firewall_rules", &[("firewall", own)])]
        }
        _ => return Err(not_found("action")),
    };
    Ok(Answer::json(201, &json!({ "actions": actions })))
}

fn apply(call: &mut Call<'_>, state: &mut State, id: u64, targets: &[Target]) -> Vec<Value> {
    let mut actions = Vec::new();
    for target in targets {
        match target {
            Target::Server(server) => {
                for server in state.servers.iter_mut().filter(|known| known.id == *server) {
                    if !server.firewalls.contains(&id) {
                        server.firewalls.push(id);
                    }
                }
                let subjects = [("firewall", id), ("server", *server)];
                actions.push(record(call, state, "apply_firewall", &subjects));
            }
            Target::Labels(selector) => {
                for firewall in state.firewalls.iter_mut().filter(|firewall| firewall.id == id) {
                    if !firewall.selectors.contains(selector) {
                        firewall.selectors.push(selector.clone());
                    }
                }
                actions.push(record(call, state, "apply_firewall", &[("firewall", id)]));
            }
        }
    }
    actions
}

fn remove(call: &mut Call<'_>, state: &mut State, id: u64, targets: &[Target]) -> Vec<Value> {
    let mut actions = Vec::new();
    for target in targets {
        match target {
            Target::Server(server) => {
                for server in state.servers.iter_mut().filter(|known| known.id == *server) {
                    server.firewalls.retain(|firewall| *firewall != id);
                }
                let subjects = [("firewall", id), ("server", *server)];
                actions.push(record(call, state, "remove_firewall", &subjects));
            }
            Target::Labels(selector) => {
                for firewall in state.firewalls.iter_mut().filter(|firewall| firewall.id == id) {
                    firewall.selectors.retain(|known| known != selector);
                }
                actions.push(record(call, state, "remove_firewall", &[("firewall", id)]));
            }
        }
    }
    actions
}

/// An action that is done at once.
fn record(call: &mut Call<'_>, state: &mut State, command: &str, subjects: &[(&str, u64)]) -> Value {
    let action = actions::start(call, command, subjects, call.now);
    let shown = action.show(call.now);
    state.actions.push(action);
    shown
}

fn read_targets(state: &State, fields: &Fields, field: &str) -> Result<Vec<Target>, Answer> {
    let targets = fields.objects(field).map_err(wrong_type)?;
    let target = |target: &Fields| match target.text("type").map_err(wrong_type)? {
        Some("server") => {
            let server = target.object("server").map_err(wrong_type)?.unwrap_or_default();
            match server.number("id").map_err(wrong_type)? {
                Some(id) if state.servers.iter().any(|server| server.id == id) => Ok(Target::Server(id)),
                Some(id) => Err(invalid(&format!("server with ID '{id}' not found"))),
                None => Err(invalid_field(field, "a server needs an id")),
            }
        }
        Some("label_selector") => {
            let selector = target.object("label_selector").map_err(wrong_type)?.unwrap_or_default();
            let text = selector.text("selector").map_err(wrong_type)?.unwrap_or_default();
            match Selector::parse(text) {
                Ok(_) if !text.trim().is_empty() => Ok(Target::Labels(text.to_owned())),
                Ok(_) => Err(invalid_field(field, "a label selector must not be empty")),
                Err(problem) => Err(invalid_field(field, &problem)),
            }
        }
        _ => Err(invalid_field(field, "type must be server or label_selector")),
    };
    targets.iter().map(target).collect()
}

fn read_rules(fields: &Fields) -> Result<Vec<Value>, Answer> {
    let rules = fields.objects("rules").map_err(wrong_type)?;
    if rules.len() > RULES_LIMIT {
        return Err(invalid_field("rules", "at most 50 rules are allowed"));
    }
    rules.iter().map(read_rule).collect()
}

fn read_rule(rule: &Fields) -> Result<Value, Answer> {
    let bad = |problem: &str| invalid_field("rules", problem);
    let known = [
        "direction",
        "protocol",
        "port",
        "source_ips",
        "destination_ips",
        "description",
    ];
    if let Some(field) = rule.unknown(&known) {
        return Err(bad(&format!("unknown field {field}")));
    }
    let direction = rule.text("direction").map_err(wrong_type)?.unwrap_or_default();
    let protocol = rule.text("protocol").map_err(wrong_type)?.unwrap_or_default();
    let port = rule.text("port").map_err(wrong_type)?;
    let sources = rule.texts("source_ips").map_err(wrong_type)?;
    let destinations = rule.texts("destination_ips").map_err(wrong_type)?;
    let (needed, other) = match direction {
        "in" => (&sources, &destinations),
        "out" => (&destinations, &sources),
        _ => return Err(bad("direction must be in or out")),
    };
    if needed.is_empty() || !other.is_empty() {
        return Err(bad(
            "a rule for in needs source_ips, one for out destination_ips, and neither takes the other",
        ));
    }
    if !needed.iter().all(|network| is_network(network, false)) {
        return Err(bad("addresses must be in CIDR notation"));
    }
    match (protocol, port) {
        ("tcp" | "udp", Some(port)) if is_port(port) => {}
        ("icmp" | "esp" | "gre", None) => {}
        ("tcp" | "udp" | "icmp" | "esp" | "gre", _) => return Err(bad("port is needed for tcp and udp only")),
        _ => return Err(bad("protocol must be one of tcp, udp, icmp, esp, gre")),
    }
    let description = rule.text("description").map_err(wrong_type)?;
    if description.is_some_and(|text| text.chars().count() > 255) {
        return Err(bad("description is too long"));
    }
    Ok(json!({
        "direction": direction, "protocol": protocol, "port": port, "source_ips": sources,
        "destination_ips": destinations, "description": description,
    }))
}

/// `80`, `1024-5000` or `any`.
fn is_port(text: &str) -> bool {
    let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0);
    match text.split_once('-') {
        Some((from, to)) => matches!((port(from), port(to)), (Some(from), Some(to)) if from <= to),
        None => text == "any" || port(text).is_some(),
    }
}
