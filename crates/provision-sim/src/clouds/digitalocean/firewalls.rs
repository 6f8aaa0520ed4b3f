//! Cloud firewalls. One outlives its droplets: what is not deleted stays behind.
//!
//! Fields after the vendor's OpenAPI description (`resources/firewalls`); the 409 on a used name from public reports of
//! it. Wording of the other refusals UNCONFIRMED.

use serde_json::{Value, json};

use super::{
    body, error, not_found, page,
    state::{Firewall, State},
    tags, unprocessable, wrong_type,
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

fn show(firewall: &Firewall) -> Value {
    json!({
        "id": firewall.id, "name": firewall.name, "status": "succeeded", "created_at": rfc3339(firewall.created),
        "inbound_rules": firewall.inbound, "outbound_rules": firewall.outbound, "droplet_ids": firewall.droplets,
        "tags": firewall.tags, "pending_changes": [],
    })
}

/// A letter or digit, then letters, digits, dots and hyphens; two characters or more.
fn is_name(name: &str) -> bool {
    name.len() >= 2
        && name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
}

/// `80`, `8000-9000`, `0` or `all`.
fn is_ports(ports: &str) -> bool {
    let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0);
    match ports.split_once('-') {
        Some((from, to)) => matches!((port(from), port(to)), (Some(from), Some(to)) if from <= to),
        None => ports == "0" || ports == "all" || port(ports).is_some(),
    }
}

/// What a create or an update asks for; `own` is the firewall that may have the name already.
fn read(call: &Call<'_>, state: &State, own: Option<&str>) -> Result<Firewall, Answer> {
    let fields = body(call)?;
    let wrong = |problem| wrong_type(call, &problem);
    let name = fields.text("name").map_err(wrong)?.unwrap_or_default();
    if !is_name(name) {
        return Err(unprocessable(call, "invalid name"));
    }
    let inbound = rules(call, state, &fields, "inbound_rules", "sources")?;
    let outbound = rules(call, state, &fields, "outbound_rules", "destinations")?;
    if inbound.is_empty() && outbound.is_empty() {
        return Err(unprocessable(call, "must have at least one rule"));
    }
    let droplets = fields.numbers("droplet_ids").map_err(wrong)?;
    check_droplets(call, state, &droplets)?;
    let tags = fields.texts("tags").map_err(wrong)?;
    tags::check(call, &tags)?;
    if state
        .firewalls
        .iter()
        .any(|firewall| firewall.name == name && own != Some(&firewall.id))
    {
        return Err(error(call, 409, "conflict", "duplicate name"));
    }
    Ok(Firewall {
        id: String::new(),
        name: name.to_owned(),
        created: call.now,
        inbound,
        outbound,
        droplets,
        tags,
    })
}

fn check_droplets(call: &Call<'_>, state: &State, droplets: &[u64]) -> Result<(), Answer> {
    match droplets
        .iter()
        .find(|id| !state.droplets.iter().any(|droplet| droplet.id == **id))
    {
        Some(id) => Err(unprocessable(call, &format!("droplet {id} not found"))),
        None => Ok(()),
    }
}

fn rules(call: &Call<'_>, state: &State, fields: &Fields, field: &str, target: &str) -> Result<Vec<Value>, Answer> {
    let rules = fields.objects(field).map_err(|problem| wrong_type(call, &problem))?;
    rules.iter().map(|rule| read_rule(call, state, rule, target)).collect()
}

fn read_rule(call: &Call<'_>, state: &State, rule: &Fields, target: &str) -> Shown {
    let wrong = |problem| wrong_type(call, &problem);
    let protocol = rule.text("protocol").map_err(wrong)?.unwrap_or_default();
    if !["tcp", "udp", "icmp"].contains(&protocol) {
        return Err(unprocessable(call, "invalid protocol"));
    }
    // A rule for ICMP is always shown with port 0.
    let ports = match (protocol, rule.text("ports").map_err(wrong)?) {
        ("icmp", _) => "0",
        (_, Some(ports)) if is_ports(ports) => ports,
        _ => return Err(unprocessable(call, "invalid ports")),
    };
    let ports = if ports == "all" { "0" } else { ports };
    let targets = rule.object(target).map_err(wrong)?.unwrap_or_default();
    let addresses = targets.texts("addresses").map_err(wrong)?;
    if !addresses.iter().all(|address| is_network(address, true)) {
        return Err(unprocessable(call, "invalid address"));
    }
    check_droplets(call, state, &targets.numbers("droplet_ids").map_err(wrong)?)?;
    // Other than a firewall's own tags, those in rules have to exist.
    for tag in targets.texts("tags").map_err(wrong)? {
        if !state.tags.iter().any(|known| known.eq_ignore_ascii_case(&tag)) {
            return Err(unprocessable(call, &format!("tag {tag} not found")));
        }
    }
    let shown: serde_json::Map<String, Value> = targets
        .iter()
        .filter(|(_, value)| value.as_array().is_some_and(|list| !list.is_empty()))
        .map(|(name, value)| (name.to_owned(), value.clone()))
        .collect();
    if shown.is_empty() {
        return Err(unprocessable(
            call,
            &format!("a rule needs at least one of its {target}"),
        ));
    }
    let action = rule.text("action").map_err(wrong)?.unwrap_or("allow");
    if !["allow", "deny"].contains(&action) {
        return Err(unprocessable(call, "invalid action"));
    }
    Ok(json!({ "protocol": protocol, "ports": ports, "action": action, target: shown }))
}

/// A rule as it is shown, or the refusal.
type Shown = Result<Value, Answer>;

pub(super) fn create(call: &mut Call<'_>, state: &mut State) -> Handled {
    let mut firewall = read(call, state, None)?;
    firewall.id = call.uuid();
    // Tags of the firewall itself are made when they are new.
    firewall.tags = state.ensure_tags(&firewall.tags);
    let mut shown = show(&firewall);
    // The rules take a moment to reach the droplets.
    if let Some(shown) = shown.as_object_mut() {
        let pending = |id: &u64| json!({ "droplet_id": id, "removing": false, "status": "waiting" });
        shown.insert("status".into(), json!("waiting"));
        shown.insert(
            "pending_changes".into(),
            firewall.droplets.iter().map(pending).collect(),
        );
    }
    state.firewalls.push(firewall);
    Ok(Answer::json(202, &json!({ "firewall": shown })))
}

pub(super) fn update(call: &Call<'_>, state: &mut State, id: &str) -> Handled {
    let at = state
        .firewalls
        .iter()
        .position(|firewall| firewall.id == id)
        .ok_or_else(|| not_found(call))?;
    let mut new = read(call, state, Some(id))?;
    new.tags = state.ensure_tags(&new.tags);
    let old = state.firewalls.get_mut(at).ok_or_else(|| not_found(call))?;
    *old = Firewall {
        id: old.id.clone(),
        created: old.created,
        ..new
    };
    Ok(Answer::json(200, &json!({ "firewall": show(old) })))
}

pub(super) fn list(call: &Call<'_>, state: &State) -> Handled {
    page(call, "firewalls", &state.firewalls, show)
}

pub(super) fn list_of_droplet(call: &Call<'_>, state: &mut State, id: &str) -> Handled {
    let droplet = state.droplet(id).ok_or_else(|| not_found(call))?.clone();
    let applies = |firewall: &&Firewall| {
        firewall.droplets.contains(&droplet.id) || firewall.tags.iter().any(|tag| droplet.has_tag(tag))
    };
    page(call, "firewalls", state.firewalls.iter().filter(applies), show)
}

pub(super) fn get(call: &Call<'_>, state: &State, id: &str) -> Handled {
    let firewall = state
        .firewalls
        .iter()
        .find(|firewall| firewall.id == id)
        .ok_or_else(|| not_found(call))?;
    Ok(Answer::json(200, &json!({ "firewall": show(firewall) })))
}

pub(super) fn delete(call: &Call<'_>, state: &mut State, id: &str) -> Handled {
    let before = state.firewalls.len();
    state.firewalls.retain(|firewall| firewall.id != id);
    if state.firewalls.len() == before {
        Err(not_found(call))
    } else {
        Ok(Answer::empty(204))
    }
}

/// Adds droplets to a firewall, or takes them out.
pub(super) fn attach(call: &Call<'_>, state: &mut State, id: &str, add: bool) -> Handled {
    let fields = body(call)?;
    let droplets = fields
        .numbers("droplet_ids")
        .map_err(|problem| wrong_type(call, &problem))?;
    if droplets.is_empty() {
        return Err(unprocessable(call, "droplet_ids is required"));
    }
    check_droplets(call, state, &droplets)?;
    let firewall = state
        .firewalls
        .iter_mut()
        .find(|firewall| firewall.id == id)
        .ok_or_else(|| not_found(call))?;
    firewall.droplets.retain(|known| !droplets.contains(known));
    if add {
        firewall.droplets.extend(droplets);
    }
    Ok(Answer::empty(204))
}
