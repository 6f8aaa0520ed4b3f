//! Firewalls. One belongs to a network, cannot go while an instance uses it, and outlives its instances.

use serde_json::{Value, json};

use super::{
    catalog::{self, Region},
    error,
    fields::{Input, refused},
    state::{Firewall, State},
    success,
};
use crate::{
    call::Call,
    cloud::Handled,
    kit::{answer::Answer, fields::Fields, text::is_network},
};

fn show(state: &State, firewall: &Firewall) -> Value {
    json!({
        "id": firewall.id, "name": firewall.name, "network_id": firewall.network, "rules_count": firewall.rules.len(),
        "instance_count": state.users_of(&firewall.id), "cluster_count": 0, "loadbalancer_count": 0,
        "rules": firewall.rules,
    })
}

/// The region's default firewall, which is made with the region.
fn default(region: &Region) -> Firewall {
    let open = |direction: &str, protocol: &str| {
        json!({
            "id": format!("{}-{direction}-{protocol}", region.code), "protocol": protocol, "start_port": "1",
            "end_port": "65535", "ports": "1-65535", "cidr": ["0.0.0.0/0"], "direction": direction, "action": "allow",
            "label": "",
        })
    };
    Firewall {
        id: catalog::default_firewall_id(region),
        name: "default-default".to_owned(),
        region: region.code.to_owned(),
        network: catalog::network_id(region),
        rules: vec![
            open("ingress", "tcp"),
            open("ingress", "udp"),
            open("egress", "tcp"),
            open("egress", "udp"),
        ],
    }
}

fn not_found() -> Answer {
    error(
        404,
        "database_firewall_not_found",
        "Failed to find the firewall within the internal database",
    )
}

fn find<'a>(state: &'a mut State, region: &Region, id: &str) -> Result<&'a mut Firewall, Answer> {
    let mut all = state.firewalls.iter_mut();
    all.find(|firewall| firewall.id == id && firewall.region == region.code)
        .ok_or_else(not_found)
}

/// Whether an instance in that region may use the firewall.
pub(super) fn usable(state: &State, region: &Region, id: &str) -> bool {
    id == catalog::default_firewall_id(region)
        || state
            .firewalls
            .iter()
            .any(|firewall| firewall.id == id && firewall.region == region.code)
}

/// All firewalls of the region. There are no pages.
pub(super) fn list(_call: &Call<'_>, state: &State, region: &Region) -> Handled {
    let default = default(region);
    let own = state.firewalls.iter().filter(|firewall| firewall.region == region.code);
    let all = std::iter::once(&default)
        .chain(own)
        .map(|firewall| show(state, firewall));
    Ok(Answer::json(200, &all.collect::<Value>()))
}

/// Letters, digits and `-_.`; UNCONFIRMED.
fn name(input: &Input) -> Result<String, Answer> {
    let is_name = |name: &String| {
        name.len() <= 63
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    input
        .text("name")?
        .filter(is_name)
        .ok_or_else(|| error(400, "parameter_name_invalid", "The name you've provided isn't valid"))
}

/// Names are unique in the account, whatever the region.
fn check_unique(state: &State, name: &str, own: &str) -> Result<(), Answer> {
    match state
        .firewalls
        .iter()
        .any(|firewall| firewall.name == name && firewall.id != own)
    {
        true => Err(error(
            409,
            "database_firewall_duplicate_name",
            "A firewall with that name already exists",
        )),
        false => Ok(()),
    }
}

pub(super) fn create(call: &mut Call<'_>, state: &mut State, region: &Region) -> Handled {
    let input = Input::read(call)?;
    input.only(&["name", "region", "network_id", "create_rules", "rules"])?;
    let name = name(&input)?;
    if input
        .text("network_id")?
        .is_none_or(|network| network != catalog::network_id(region))
    {
        return Err(error(404, "database_network_not_found", "Failed to find the network"));
    }
    check_unique(state, &name, "")?;
    let create_rules = input.text("create_rules")?.is_none_or(|flag| flag == "true");
    let wanted = input.objects("rules")?;
    let mut rules = Vec::new();
    for rule in &wanted {
        rules.push(read_rule(call, rule)?);
    }
    if create_rules {
        for port in ["22", "80", "443"] {
            let id = call.uuid();
            rules.push(json!({
                "id": id, "protocol": "tcp", "start_port": port, "end_port": port, "ports": port, "cidr": ["0.0.0.0/0"],
                "direction": "ingress", "action": "allow", "label": "",
            }));
        }
    }
    let firewall = Firewall {
        id: call.uuid(),
        name,
        region: region.code.to_owned(),
        network: catalog::network_id(region),
        rules,
    };
    let answer = json!({ "id": firewall.id, "name": firewall.name, "result": "success" });
    state.firewalls.push(firewall);
    Ok(Answer::json(200, &answer))
}

/// A rule as it is shown. `ports` wins over `start_port` and `end_port`; ICMP has none of them.
fn read_rule(call: &mut Call<'_>, rule: &Fields) -> Result<Value, Answer> {
    let invalid = |what: &str| {
        error(
            400,
            "database_firewall_rules_invalid_params",
            &format!("The {what} is not valid"),
        )
    };
    let known = [
        "id",
        "firewall_id",
        "region",
        "protocol",
        "start_port",
        "end_port",
        "ports",
        "cidr",
        "direction",
        "action",
        "label",
    ];
    if let Some(field) = rule.unknown(&known) {
        return Err(invalid(field));
    }
    let text = |field: &str| rule.text(field).map_err(refused).map(Option::unwrap_or_default);
    let (protocol, direction, action) = (text("protocol")?, text("direction")?, text("action")?);
    if !["tcp", "udp", "icmp"].contains(&protocol) {
        return Err(invalid("protocol"));
    }
    if !["ingress", "egress"].contains(&direction) {
        return Err(invalid("direction"));
    }
    if !["allow", "deny"].contains(&action) {
        return Err(invalid("action"));
    }
    let cidr = rule.texts("cidr").map_err(refused)?;
    if cidr.is_empty() || !cidr.iter().all(|network| is_network(network, false)) {
        return Err(invalid("cidr"));
    }
    let (start, end) = match text("ports")? {
        "" => (text("start_port")?, text("end_port")?),
        ports => ports.split_once('-').unwrap_or((ports, ports)),
    };
    let end = if end.is_empty() { start } else { end };
    if protocol != "icmp" {
        let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0);
        match (port(start), port(end)) {
            (None, _) => return Err(error(400, "parameter_start_port_missing", "The start port is missing")),
            (Some(from), Some(to)) if from <= to => {}
            _ => return Err(invalid("end_port")),
        }
    }
    let ports = if start == end {
        start.to_owned()
    } else {
        format!("{start}-{end}")
    };
    Ok(json!({
        "id": call.uuid(), "protocol": protocol, "start_port": start, "end_port": end, "ports": ports, "cidr": cidr,
        "direction": direction, "action": action, "label": text("label")?,
    }))
}

pub(super) fn rename(call: &Call<'_>, state: &mut State, region: &Region, id: &str) -> Handled {
    let input = Input::read(call)?;
    input.only(&["name", "region", "network_id"])?;
    let name = name(&input)?;
    find(state, region, id)?;
    check_unique(state, &name, id)?;
    find(state, region, id)?.name = name;
    Ok(success())
}

/// Status and code of the refusal as reported in <https://github.com/civo/terraform-provider-civo/issues/410>.
pub(super) fn delete(_call: &Call<'_>, state: &mut State, region: &Region, id: &str) -> Handled {
    find(state, region, id)?;
    if state.users_of(id) > 0 {
        let reason = "Failed to delete the firewall as a instance(s) using";
        return Err(error(409, "database_firewall_inuse_by_instance", reason));
    }
    state.firewalls.retain(|firewall| firewall.id != id);
    Ok(success())
}

pub(super) fn list_rules(state: &mut State, region: &Region, id: &str) -> Handled {
    let rules = &find(state, region, id)?.rules;
    Ok(Answer::json(200, &json!(rules)))
}

pub(super) fn add_rule(call: &mut Call<'_>, state: &mut State, region: &Region, id: &str) -> Handled {
    let fields = call.json().unwrap_or_default();
    let firewall = find(state, region, id)?;
    let mut rule = read_rule(call, &fields)?;
    firewall.rules.push(rule.clone());
    if let Some(shown) = rule.as_object_mut() {
        shown.insert("firewall_id".into(), json!(id));
    }
    Ok(Answer::json(200, &rule))
}

pub(super) fn delete_rule(state: &mut State, region: &Region, id: &str, rule: &str) -> Handled {
    let firewall = find(state, region, id)?;
    let before = firewall.rules.len();
    firewall.rules.retain(|known| known["id"] != rule);
    if firewall.rules.len() == before {
        return Err(error(404, "database_firewall_rules_find", "Failed to find the rule"));
    }
    Ok(success())
}
