//! Security groups. One outlives its instances, and cannot be deleted while one refers to it.

use std::collections::BTreeMap;

use super::{
    NO_DEFAULT_VPC, OWNER,
    catalog::no_such_filter,
    network::{default_group, default_vpc, vpcs},
    params::{Filter, Params},
    state::{Group, Rule, State},
    xml::{answer, bad, done, error, list, some, tags, text},
};
use crate::{
    call::Call,
    cloud::Handled,
    kit::{
        answer::Answer,
        text::{is_network, sha256},
    },
};

/// Most groups in a region (2,500 until the account asks for more), and most rules of a group for each version of IP.
const GROUPS: usize = 10_000;
const RULES: usize = 60;

/// All groups of a region: the default ones first.
fn all(state: &State, region: &str) -> Vec<Group> {
    let default = vpcs(region).into_iter().map(|vpc| Group {
        id: default_group(&vpc.id),
        region: region.to_owned(),
        vpc: vpc.id,
        name: "default".to_owned(),
        description: "default VPC security group".to_owned(),
        tags: Vec::new(),
        rules: Vec::new(),
    });
    let made = state.groups.iter().filter(|group| group.region == region);
    default.chain(made.cloned()).collect()
}

pub(super) fn find(state: &State, region: &str, id: &str) -> Option<Group> {
    all(state, region).into_iter().find(|group| group.id == id)
}

/// The refusal of a group id that does not exist.
pub(super) fn not_found(call: &Call<'_>, id: &str) -> Answer {
    bad(
        call,
        "InvalidGroup.NotFound",
        format!("The security group '{id}' does not exist"),
    )
}

fn is_text(value: &str) -> bool {
    value.len() <= 255
        && value
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b" ._-:/()#,@[]+=&;{}!$*".contains(&b))
}

pub(super) fn create(call: &mut Call<'_>, state: &mut State, params: &Params, region: &str) -> Handled {
    let name = params.require(call, "GroupName")?.to_owned();
    let description = params.require(call, "GroupDescription")?.to_owned();
    let vpc = params.get("VpcId").map(str::to_owned).or_else(|| default_vpc(region));
    let mut specified = params.tag_specifications(call, &["security-group"])?;
    params.finish(call)?;
    let vpc = vpc.ok_or_else(|| bad(call, "VPCIdNotSpecified", NO_DEFAULT_VPC))?;
    if !vpcs(region).iter().any(|known| known.id == vpc) {
        return Err(bad(
            call,
            "InvalidVpcID.NotFound",
            format!("The vpc ID '{vpc}' does not exist"),
        ));
    }
    if !is_text(&name) || name.starts_with("sg-") || name.eq_ignore_ascii_case("default") {
        let message = format!(
            "Value ({name}) for parameter GroupName is invalid. Character sets beyond ASCII are not supported."
        );
        return Err(bad(call, "InvalidParameterValue", message));
    }
    if !is_text(&description) {
        let message = format!("Value ({description}) for parameter GroupDescription is invalid.");
        return Err(bad(call, "InvalidParameterValue", message));
    }
    let in_region = all(state, region);
    if in_region
        .iter()
        .any(|group| group.vpc == vpc && group.name.eq_ignore_ascii_case(&name))
    {
        let message = format!("The security group '{name}' already exists for VPC '{vpc}'");
        return Err(bad(call, "InvalidGroup.Duplicate", message));
    }
    if in_region.len() >= GROUPS {
        let message = "The maximum number of security groups has been reached.";
        return Err(bad(call, "SecurityGroupLimitExceeded", message));
    }
    let group = Group {
        id: format!("sg-0{}", call.hex(16)),
        region: region.to_owned(),
        vpc,
        name,
        description,
        tags: specified.remove("security-group").unwrap_or_default(),
        rules: Vec::new(),
    };
    let shown = text("groupId", &group.id) + &tags(&group.tags) + "<return>true</return>";
    state.groups.push(group);
    Ok(answer(call, "CreateSecurityGroup", &shown))
}

pub(super) fn describe(call: &Call<'_>, state: &State, params: &Params, region: &str) -> Handled {
    let (filters, ids) = (params.filters(call)?, params.list("GroupId"));
    if !ids.is_empty() && params.get("MaxResults").is_some() {
        let message = "The parameter groupIds cannot be used with the parameter maxResults";
        return Err(bad(call, "InvalidParameterCombination", message));
    }
    let in_region = all(state, region);
    if let Some(unknown) = ids.iter().find(|id| !in_region.iter().any(|group| group.id == **id)) {
        return Err(not_found(call, unknown));
    }
    let mut shown = Vec::new();
    for group in &in_region {
        let mut passes = ids.is_empty() || ids.contains(&group.id.as_str());
        for filter in &filters {
            passes &= allows(filter, group).ok_or_else(|| no_such_filter(call, filter))?;
        }
        if passes {
            shown.push(show(group));
        }
    }
    let (page, next) = params.page(call, shown, 1_000)?;
    params.finish(call)?;
    Ok(answer(
        call,
        "DescribeSecurityGroups",
        &(list("securityGroupInfo", page) + &next),
    ))
}

fn allows(filter: &Filter, group: &Group) -> Option<bool> {
    Some(match filter.name.as_str() {
        "group-name" => filter.allows(&group.name),
        "group-id" => filter.allows(&group.id),
        "vpc-id" => filter.allows(&group.vpc),
        "description" => filter.allows(&group.description),
        "owner-id" => filter.allows(OWNER),
        _ => return filter.allows_tags(&group.tags),
    })
}

fn show(group: &Group) -> String {
    // Rules of the same protocol and ports are one permission.
    let mut permissions: BTreeMap<_, Vec<&str>> = BTreeMap::new();
    for rule in &group.rules {
        permissions
            .entry((rule.protocol.as_str(), rule.ports))
            .or_default()
            .push(&rule.network);
    }
    let permissions = permissions.into_iter().map(|((protocol, ports), networks)| {
        let port = |name: &str, port: Option<i64>| some(name, port.map(|port| port.to_string()).as_deref());
        let of = |v6: bool| networks.iter().filter(move |network| network.contains(':') == v6);
        text("ipProtocol", protocol)
            + &port("fromPort", ports.map(|(from, _)| from))
            + &port("toPort", ports.map(|(_, to)| to))
            + "<groups/>"
            + &list("ipRanges", of(false).map(|network| text("cidrIp", network)))
            + &list("ipv6Ranges", of(true).map(|network| text("cidrIpv6", network)))
            + "<prefixListIds/>"
    });
    text("ownerId", OWNER)
        + &text("groupId", &group.id)
        + &text("groupName", &group.name)
        + &text("groupDescription", &group.description)
        + &text("vpcId", &group.vpc)
        + &list("ipPermissions", permissions)
        + &tags(&group.tags)
}

pub(super) fn authorize(call: &Call<'_>, state: &mut State, params: &Params, region: &str) -> Handled {
    let id = params.require(call, "GroupId")?;
    let mut rules = Vec::new();
    for number in 1..=params.count("IpPermissions") {
        rules.extend(permission(call, params, &format!("IpPermissions.{number}."))?);
    }
    // The short form: one rule at the top level.
    if params.get("IpProtocol").is_some() {
        if !rules.is_empty() {
            let message = "The request must not contain both IpProtocol and IpPermissions";
            return Err(bad(call, "InvalidParameterCombination", message));
        }
        let (protocol, ports) = protocol(call, params, "")?;
        let network = params.require(call, "CidrIp")?;
        rules.push(rule(call, &protocol, ports, network, false)?);
    }
    params.ignore(&["TagSpecification."]);
    params.finish(call)?;
    if rules.is_empty() {
        let message = "The request must contain the parameter IpPermissions";
        return Err(bad(call, "MissingParameter", message));
    }
    let group = state
        .groups
        .iter_mut()
        .find(|group| group.region == region && group.id == id);
    let group = group.ok_or_else(|| not_found(call, id))?;
    for (at, rule) in rules.iter().enumerate() {
        let same = |other: &Rule| {
            (&other.protocol, other.ports, &other.network) == (&rule.protocol, rule.ports, &rule.network)
        };
        if rules.iter().skip(at + 1).any(same) {
            let message = "The same permission must not appear multiple times";
            return Err(bad(call, "InvalidParameterValue", message));
        }
        // UNCONFIRMED: one rule that is there already refuses the whole call.
        if group.rules.iter().any(same) {
            let message = format!("the specified rule \"peer: {}\" already exists", rule.network);
            return Err(bad(call, "InvalidPermission.Duplicate", message));
        }
    }
    for v6 in [false, true] {
        let of = |rules: &[Rule]| rules.iter().filter(|rule| rule.network.contains(':') == v6).count();
        if of(&group.rules) + of(&rules) > RULES {
            let message = "The maximum number of rules per security group has been reached.";
            return Err(bad(call, "RulesPerSecurityGroupLimitExceeded", message));
        }
    }
    let shown = list("securityGroupRuleSet", rules.iter().map(|rule| show_rule(id, rule)));
    group.rules.extend(rules);
    let shown = text("return", "true") + &shown;
    Ok(answer(call, "AuthorizeSecurityGroupIngress", &shown))
}

/// A rule on its own, as the answer that made it shows it. Its id follows from what it says, as two rules of a group never
/// say the same.
fn show_rule(group: &str, rule: &Rule) -> String {
    let digest = sha256(format!("{group} {} {:?} {}", rule.protocol, rule.ports, rule.network));
    let (from, to) = rule.ports.unwrap_or((-1, -1));
    let network = if rule.network.contains(':') {
        "cidrIpv6"
    } else {
        "cidrIpv4"
    };
    text(
        "securityGroupRuleId",
        format!("sgr-0{}", digest.get(..16).unwrap_or_default()),
    ) + &text("groupId", group)
        + &text("groupOwnerId", OWNER)
        + &text("isEgress", "false")
        + &text("ipProtocol", &rule.protocol)
        + &text("fromPort", from.to_string())
        + &text("toPort", to.to_string())
        + &text(network, &rule.network)
}

type Ports = Option<(i64, i64)>;

fn protocol(call: &Call<'_>, params: &Params, prefix: &str) -> Result<(String, Ports), Answer> {
    let protocol = params.require(call, &format!("{prefix}IpProtocol"))?.to_owned();
    let port = |name: &str| {
        params
            .get(&format!("{prefix}{name}"))
            .and_then(|port| port.parse::<i64>().ok())
    };
    let ports = match (protocol.as_str(), port("FromPort"), port("ToPort")) {
        ("-1", ..) => None,
        ("tcp" | "udp", Some(from), Some(to)) if (0..=65_535).contains(&from) && from <= to && to <= 65_535 => {
            Some((from, to))
        }
        ("tcp" | "udp", ..) => {
            let message = "TCP/UDP port (-1) out of range, or ports missing";
            return Err(bad(call, "InvalidParameterValue", message));
        }
        ("icmp" | "icmpv6", from, to) => Some((from.unwrap_or(-1), to.unwrap_or(-1))),
        (other, ..) => {
            let message = format!("Invalid value '{other}' for IP protocol. Unknown protocol.");
            return Err(bad(call, "InvalidParameterValue", message));
        }
    };
    Ok((protocol, ports))
}

fn rule(call: &Call<'_>, protocol: &str, ports: Ports, network: &str, v6: bool) -> Result<Rule, Answer> {
    if !is_network(network, false) || network.contains(':') != v6 {
        let message = format!("CIDR block {network} is malformed");
        return Err(bad(call, "InvalidParameterValue", message));
    }
    Ok(Rule {
        protocol: protocol.to_owned(),
        ports,
        network: network.to_owned(),
    })
}

fn permission(call: &Call<'_>, params: &Params, prefix: &str) -> Result<Vec<Rule>, Answer> {
    let (protocol, ports) = protocol(call, params, prefix)?;
    let mut rules = Vec::new();
    for (range, field) in [("IpRanges", "CidrIp"), ("Ipv6Ranges", "CidrIpv6")] {
        for number in 1..=params.count(&format!("{prefix}{range}")) {
            let network = params.require(call, &format!("{prefix}{range}.{number}.{field}"))?;
            params.get(&format!("{prefix}{range}.{number}.Description"));
            rules.push(rule(call, &protocol, ports, network, field == "CidrIpv6")?);
        }
    }
    if rules.is_empty() {
        let message = format!("The parameter {prefix}IpRanges must not be empty");
        return Err(bad(call, "MissingParameter", message));
    }
    Ok(rules)
}

pub(super) fn delete(call: &Call<'_>, state: &mut State, params: &Params, region: &str) -> Handled {
    let id = params.require(call, "GroupId")?;
    params.finish(call)?;
    let group = find(state, region, id).ok_or_else(|| not_found(call, id))?;
    if group.name == "default" {
        let message = format!("the specified group: \"{id}\" name: \"default\" cannot be deleted by a user");
        return Err(bad(call, "CannotDelete", message));
    }
    if state.is_used(id) {
        let message = format!("resource {id} has a dependent object");
        return Err(error(call, 400, "DependencyViolation", &message));
    }
    state.groups.retain(|group| group.id != id);
    Ok(done(call, "DeleteSecurityGroup"))
}
