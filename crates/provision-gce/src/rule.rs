//! The firewall rules of a host.

use provision_core::{Order, Protocol};
use serde::Serialize;

use crate::id::Target;

/// A firewall rule of one host.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Rule {
    pub(crate) name: String,
    description: String,
    network: String,
    direction: &'static str,
    priority: u16,
    source_ranges: [&'static str; 1],
    target_tags: [String; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    allowed: Vec<Protocols>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    denied: Vec<Protocols>,
}

#[derive(Debug, Serialize)]
struct Protocols {
    #[serde(rename = "IPProtocol")]
    protocol: &'static str,
    /// None for all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ports: Vec<String>,
}

/// The rules that a host needs. A network of Compute Engine lets nothing in by itself, but the one named `default` comes
/// with rules for SSH, RDP and ICMP: restricted ports take a rule that denies the rest, too. Rules of the default priority
/// (1000) that somebody made for the whole network do not open what is closed here: at the same priority, deny wins.
/// <https://cloud.google.com/firewall/docs/firewalls#priority_order_for_firewall_rules>
pub(crate) fn rules(target: &Target, order: &Order) -> Vec<Rule> {
    let network = order.extra("network").unwrap_or("default");
    let everything = || Protocols {
        protocol: "all",
        ports: Vec::new(),
    };
    let rule = |name: String, priority: u16, allowed: Vec<Protocols>, denied: Vec<Protocols>| Rule {
        name,
        description: target.rule_mark(),
        network: format!("global/networks/{network}"),
        direction: "INGRESS",
        priority,
        source_ranges: ["0.0.0.0/0"],
        target_tags: [target.allow_rule()],
        allowed,
        denied,
    };
    let Some(ranges) = order.ports.restricted() else {
        return vec![rule(target.allow_rule(), 999, vec![everything()], Vec::new())];
    };
    let of = |protocol: Protocol| Protocols {
        protocol: protocol.as_str(),
        ports: ranges
            .iter()
            .filter(|range| range.protocol() == protocol)
            .map(|range| range.ports())
            .collect(),
    };
    let mut allowed = vec![of(Protocol::Tcp), of(Protocol::Udp)];
    // Without ports it would mean all of them.
    allowed.retain(|protocols| !protocols.ports.is_empty());
    let mut rules = vec![rule(target.deny_rule(), 1000, Vec::new(), vec![everything()])];
    if !allowed.is_empty() {
        rules.push(rule(target.allow_rule(), 999, allowed, Vec::new()));
    }
    rules
}
