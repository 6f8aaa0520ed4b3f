//! Rules of firewalls.

use serde_json::{Map, Value, json};

use super::{check_known, invalid, state::Firewall, wrong_type};
use crate::kit::{
    answer::Answer,
    fields::Fields,
    text::{is_network, sha256},
};

/// Most rules of a firewall, inbound and outbound together.
const RULES_LIMIT: usize = 25;
/// Most pieces of a rule's ports: a port is one, a range two.
const PIECES_LIMIT: usize = 15;

pub(super) fn show(firewall: &Firewall) -> Value {
    let mut rules = firewall.rules.clone();
    if let Some(fields) = rules.as_object_mut() {
        let fingerprint = sha256(firewall.rules.to_string()).chars().take(8).collect::<String>();
        fields.insert("version".into(), json!(firewall.version));
        fields.insert("fingerprint".into(), json!(fingerprint));
    }
    rules
}

/// The rules of a body, checked, as they are shown.
pub(super) fn read(fields: &Fields) -> Result<Value, Answer> {
    let known = [
        "inbound",
        "inbound_policy",
        "outbound",
        "outbound_policy",
        "version",
        "fingerprint",
    ];
    check_known(fields, "rules.", &known)?;
    let policy = |field: &str| match fields.text(field).map_err(wrong_type)? {
        Some(policy @ ("ACCEPT" | "DROP")) => Ok(policy.to_owned()),
        Some(_) => Err(invalid(&format!("rules.{field}"), "Must be one of ACCEPT, DROP")),
        None => Err(invalid(&format!("rules.{field}"), &format!("{field} is required"))),
    };
    let rules = |field: &str| -> Result<Vec<Value>, Answer> {
        let rules = fields.objects(field).map_err(wrong_type)?;
        let numbered = rules.iter().enumerate();
        numbered
            .map(|(number, rule)| read_rule(rule, &format!("rules.{field}[{number}].")))
            .collect()
    };
    let (inbound, outbound) = (rules("inbound")?, rules("outbound")?);
    if inbound.len() + outbound.len() > RULES_LIMIT {
        // Wording UNCONFIRMED.
        return Err(invalid("rules", "A firewall can have up to 25 rules"));
    }
    Ok(json!({
        "inbound": inbound, "inbound_policy": policy("inbound_policy")?, "outbound": outbound,
        "outbound_policy": policy("outbound_policy")?,
    }))
}

/// Wording UNCONFIRMED, except that of lengths.
fn read_rule(rule: &Fields, place: &str) -> Result<Value, Answer> {
    let bad = |field: &str, reason: &str| invalid(&format!("{place}{field}"), reason);
    check_known(
        rule,
        place,
        &["action", "addresses", "description", "label", "ports", "protocol"],
    )?;
    let text = |field: &str| rule.text(field).map_err(wrong_type);
    let action = text("action")?.unwrap_or_default();
    if !["ACCEPT", "DROP"].contains(&action) {
        return Err(bad("action", "Must be one of ACCEPT, DROP"));
    }
    let protocol = text("protocol")?.unwrap_or_default();
    if !["TCP", "UDP", "ICMP", "IPENCAP", "ALL"].contains(&protocol) {
        return Err(bad("protocol", "Must be one of TCP, UDP, ICMP, IPENCAP, ALL"));
    }
    let ports = text("ports")?;
    match ports {
        Some(ports) if !["TCP", "UDP"].contains(&protocol) && !ports.is_empty() => {
            return Err(bad("ports", "Ports are not allowed for this protocol"));
        }
        Some(ports) if !ports.is_empty() && !are_ports(ports) => {
            return Err(bad(
                "ports",
                "Must be ports 1-65535, or ranges of them, in up to 15 pieces",
            ));
        }
        _ => {}
    }
    let label = text("label")?;
    if label.is_some_and(|label| !(3..=32).contains(&label.chars().count())) {
        return Err(bad("label", "Length must be 3-32 characters"));
    }
    let description = text("description")?;
    if description.is_some_and(|text| !(1..=100).contains(&text.chars().count())) {
        return Err(bad("description", "Length must be 1-100 characters"));
    }
    let addresses = rule.object("addresses").map_err(wrong_type)?.unwrap_or_default();
    check_known(&addresses, place, &["ipv4", "ipv6"])?;
    let networks = |field: &str, colons: bool| -> Result<Vec<String>, Answer> {
        let networks = addresses.texts(field).map_err(wrong_type)?;
        let fits = |network: &String| is_network(network, true) && network.contains(':') == colons;
        if networks.iter().all(fits) {
            return Ok(networks);
        }
        Err(bad("addresses", &format!("Must be {field} addresses or networks")))
    };
    let (v4, v6) = (networks("ipv4", false)?, networks("ipv6", true)?);
    if v4.is_empty() && v6.is_empty() {
        return Err(bad("addresses", "Must contain ipv4, ipv6, or both"));
    }
    let mut shown = Map::new();
    let mut lists = Map::new();
    for (field, networks) in [("ipv4", v4), ("ipv6", v6)] {
        if !networks.is_empty() {
            lists.insert(field.to_owned(), json!(networks));
        }
    }
    shown.insert("addresses".to_owned(), Value::Object(lists));
    for (field, value) in [
        ("action", Some(action)),
        ("protocol", Some(protocol)),
        ("ports", ports),
        ("label", label),
        ("description", description),
    ] {
        if let Some(value) = value {
            shown.insert(field.to_owned(), json!(value));
        }
    }
    Ok(Value::Object(shown))
}

/// `22-24, 80, 443`: no leading zeros, a single space at most after a comma.
fn are_ports(text: &str) -> bool {
    let port = |text: &str| {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
        text.parse::<u16>().ok().filter(|port| plain && *port > 0)
    };
    let mut pieces = 0;
    let fits = text.split(',').all(|piece| {
        let piece = piece.strip_prefix(' ').unwrap_or(piece);
        pieces += 1;
        match piece.split_once('-') {
            Some((from, to)) => {
                pieces += 1;
                matches!((port(from), port(to)), (Some(from), Some(to)) if from < to)
            }
            None => port(piece).is_some(),
        }
    });
    fits && pieces <= PIECES_LIMIT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_follow_the_grammar() {
        for good in ["22", "22-24, 80, 443", "1-65535", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15"] {
            assert!(are_ports(good), "{good}");
        }
        for bad in [
            "0",
            "080",
            "65536",
            "24-22",
            "22-22",
            "22,  80",
            "a",
            "1-2,3-4,5-6,7-8,9-10,11-12,13-14,15-16",
        ] {
            assert!(!are_ports(bad), "{bad}");
        }
    }
}
