//! Neutron: security groups and their rules.

use serde_json::{Value, json};

use super::{
    catalog::{Region, listed, slice},
    fault::{malformed, neutron, unrecognized, wrong_attribute},
    identity::PROJECT,
    networks::body,
    state::{Group, State},
};
use crate::{
    call::Call,
    cloud::Handled,
    kit::{answer::Answer, fields::Fields, text::rfc3339},
};

const RULE_FIELDS: &[&str] = &[
    "security_group_id",
    "direction",
    "ethertype",
    "protocol",
    "port_range_min",
    "port_range_max",
    "remote_ip_prefix",
    "description",
];

pub(super) fn not_found(id: &str) -> Answer {
    neutron(
        404,
        "SecurityGroupNotFound",
        &format!("Security group {id} does not exist"),
    )
}

pub(super) fn exists(state: &State, region: &Region, id: &str) -> bool {
    id == region.default_group()
        || state
            .groups
            .iter()
            .any(|group| group.id == id && group.region == region.name)
}

/// A group by its id or its name, as Nova takes it.
pub(super) fn resolve(state: &State, region: &Region, wanted: &str) -> Option<String> {
    if wanted == "default" || wanted == region.default_group() {
        return Some(region.default_group());
    }
    let mut here = state.groups.iter().filter(|group| group.region == region.name);
    here.find(|group| group.id == wanted || group.name == wanted)
        .map(|group| group.id.clone())
}

fn show(group: &Group) -> Value {
    // Rules have more fields here than in the answer to their create (seen).
    let rule = |(number, rule): (usize, &Value)| {
        let mut rule = rule.clone();
        if let Some(rule) = rule.as_object_mut() {
            rule.insert("standard_attr_id".into(), json!(number));
            rule.insert("tags".into(), json!([]));
        }
        rule
    };
    let rules: Vec<Value> = group.rules.iter().enumerate().map(rule).collect();
    json!({
        "id": group.id, "name": group.name, "stateful": true, "tenant_id": PROJECT, "project_id": PROJECT,
        "description": group.description, "shared": false, "security_group_rules": rules, "tags": [],
        "created_at": rfc3339(group.created), "updated_at": rfc3339(group.created), "revision_number": 0,
    })
}

fn answer(status: u16, group: &Group) -> Answer {
    Answer::json(status, &json!({ "security_group": show(group) })).content_type("application/json")
}

fn rule(call: &mut Call<'_>, group: &str, direction: &str, ethertype: &str, fields: &Fields) -> Result<Value, Answer> {
    let protocol = fields.text("protocol").map_err(wrong_attribute)?;
    let from = fields.number("port_range_min").map_err(wrong_attribute)?;
    let to = fields.number("port_range_max").map_err(wrong_attribute)?;
    let known = protocol.is_none_or(|protocol| ["tcp", "udp", "icmp", "icmpv6"].contains(&protocol));
    if !known {
        let message = "Security group rule protocol not supported. Only protocol values [None, 'tcp', 'udp', ..] and integer representations [0 to 255] are supported.";
        return Err(neutron(400, "SecurityGroupRuleInvalidProtocol", message));
    }
    if protocol.is_none() && (from.is_some() || to.is_some()) {
        let message = "Must also specify protocol if port range is given.";
        return Err(neutron(400, "SecurityGroupProtocolRequiredWithPorts", message));
    }
    if from.is_some() != to.is_some() || from > to || to.is_some_and(|to| to > 65_535) {
        let message = "For TCP/UDP protocols, port_range_min must be <= port_range_max";
        return Err(neutron(400, "SecurityGroupInvalidPortRange", message));
    }
    let now = rfc3339(call.now);
    Ok(json!({
        "id": call.uuid(), "project_id": PROJECT, "security_group_id": group, "ethertype": ethertype,
        "direction": direction, "protocol": protocol, "port_range_min": from, "port_range_max": to,
        "remote_ip_prefix": fields.get("remote_ip_prefix"), "remote_address_group_id": null, "normalized_cidr": null,
        "remote_group_id": null, "belongs_to_default_sg": false, "description": "", "created_at": now,
        "updated_at": now, "revision_number": 0, "tenant_id": PROJECT,
    }))
}

/// A new group lets everything out, and nothing in.
pub(super) fn create(call: &mut Call<'_>, state: &mut State, region: &Region) -> Handled {
    let fields = body(call, "security_group", &["name", "description", "stateful"])?;
    let text = |field: &str| {
        Ok::<_, Answer>(
            fields
                .text(field)
                .map_err(wrong_attribute)?
                .unwrap_or_default()
                .to_owned(),
        )
    };
    let (name, description) = (text("name")?, text("description")?);
    if name == "default" {
        return Err(neutron(
            409,
            "SecurityGroupDefaultAlreadyExists",
            "Default security group already exists.",
        ));
    }
    let id = call.uuid();
    let mut rules = Vec::new();
    for ethertype in ["IPv4", "IPv6"] {
        rules.push(rule(call, &id, "egress", ethertype, &Fields::default())?);
    }
    let group = Group {
        id,
        name,
        description,
        region: region.name.to_owned(),
        rules,
        created: call.now,
    };
    let shown = answer(201, &group);
    state.groups.push(group);
    Ok(shown)
}

fn find<'a>(state: &'a mut State, region: &Region, id: &str) -> Result<&'a mut Group, Answer> {
    let mut groups = state.groups.iter_mut();
    let found = groups.find(|group| group.id == id && group.region == region.name);
    found.ok_or_else(|| not_found(id))
}

pub(super) fn get(state: &mut State, region: &Region, id: &str) -> Handled {
    find(state, region, id).map(|group| answer(200, group))
}

pub(super) fn list(call: &Call<'_>, state: &State, region: &Region) -> Handled {
    let (name, description) = (call.query.get("name"), call.query.get("description"));
    let fits = |group: &&Group| {
        group.region == region.name
            && name.is_none_or(|name| group.name == name)
            && description.is_none_or(|text| group.description == text)
    };
    let (page, next) = slice(call, state.groups.iter().filter(fits).collect(), |group| {
        group.id.clone()
    })?;
    Ok(listed(call, "security_groups", page.into_iter().map(show).collect(), next).content_type("application/json"))
}

pub(super) fn change(call: &Call<'_>, state: &mut State, region: &Region, id: &str) -> Handled {
    let fields = body(call, "security_group", &["name", "description"])?;
    let text = |field: &str| Ok::<_, Answer>(fields.text(field).map_err(wrong_attribute)?.map(str::to_owned));
    let (name, description) = (text("name")?, text("description")?);
    let group = find(state, region, id)?;
    group.name = name.unwrap_or_else(|| group.name.clone());
    group.description = description.unwrap_or_else(|| group.description.clone());
    Ok(answer(200, group))
}

/// Refused as long as a port is in it.
pub(super) fn delete(state: &mut State, region: &Region, id: &str) -> Handled {
    find(state, region, id)?;
    if state
        .ports
        .iter()
        .any(|port| port.groups.iter().any(|group| group == id))
    {
        return Err(neutron(
            409,
            "SecurityGroupInUse",
            &format!("Security Group {id} in use."),
        ));
    }
    state.groups.retain(|group| group.id != id);
    Ok(Answer::empty(204))
}

/// One rule, or several together: all of them are made, or none.
pub(super) fn create_rules(call: &mut Call<'_>, state: &mut State, region: &Region) -> Handled {
    let whole = call.json().map_err(malformed)?;
    let one = whole.object("security_group_rule").map_err(wrong_attribute)?;
    let single = one.is_some();
    let wanted = match one {
        Some(one) => vec![one],
        None => whole.objects("security_group_rules").map_err(wrong_attribute)?,
    };
    if wanted.is_empty() {
        let message = "Unable to find 'security_group_rule' in request body";
        return Err(neutron(400, "HTTPBadRequest", message));
    }
    let mut made: Vec<(String, Value)> = Vec::new();
    for fields in &wanted {
        if let Some(field) = fields.unknown(RULE_FIELDS) {
            return Err(unrecognized(field));
        }
        let text = |field: &str| {
            Ok::<_, Answer>(
                fields
                    .text(field)
                    .map_err(wrong_attribute)?
                    .unwrap_or_default()
                    .to_owned(),
            )
        };
        let (group, direction, ethertype) = (text("security_group_id")?, text("direction")?, text("ethertype")?);
        if !["ingress", "egress"].contains(&direction.as_str()) || !["IPv4", "IPv6"].contains(&ethertype.as_str()) {
            return Err(neutron(
                400,
                "HTTPBadRequest",
                "Invalid input for direction or ethertype.",
            ));
        }
        let new = rule(call, &group, &direction, &ethertype, fields)?;
        let known = &find(state, region, &group)?.rules;
        let same = |other: &Value| {
            [
                "direction",
                "ethertype",
                "protocol",
                "port_range_min",
                "port_range_max",
                "remote_ip_prefix",
            ]
            .iter()
            .all(|field| other.get(*field) == new.get(*field))
        };
        if let Some(other) = known
            .iter()
            .chain(made.iter().map(|(_, rule)| rule))
            .find(|rule| same(rule))
        {
            let id = other["id"].as_str().unwrap_or_default();
            let message = format!("Security group rule already exists. Rule id is {id}.");
            return Err(neutron(409, "SecurityGroupRuleExists", &message));
        }
        made.push((group, new));
    }
    for (group, rule) in &made {
        find(state, region, group)?.rules.push(rule.clone());
    }
    let rules: Vec<Value> = made.into_iter().map(|(_, rule)| rule).collect();
    let body = match (single, rules.first()) {
        (true, Some(rule)) => json!({ "security_group_rule": rule }),
        _ => json!({ "security_group_rules": rules }),
    };
    Ok(Answer::json(201, &body).content_type("application/json"))
}
