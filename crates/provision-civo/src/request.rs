//! Pure functions that build every request of the provider. Sources: <https://www.civo.com/api> and Civo's own client,
//! <https://github.com/civo/civogo>, read 2026-11-20. The region is part of every query: without it the server picks one.

use std::net::IpAddr;

use provision_core::{BasicHost, Error, HostId, IdempotencyKey, PortRange, Result};
use provision_http::{Endpoint, Request};
use serde::Serialize;

use crate::config::INFO;

/// Instances on a page.
pub(crate) const PAGE_SIZE: usize = 100;

/// A tag of instances whose firewall was made for them alone. Not of the form `key:value`, so that it is no label.
pub(crate) const OWN_FIREWALL_TAG: &str = "provision-own-firewall";

/// What has to be known before an instance can be created.
pub(crate) struct Place<'a> {
    pub(crate) region: &'a str,
    pub(crate) network: &'a str,
    /// Id of the disk image.
    pub(crate) image: &'a str,
    /// Id of the host's own firewall.
    pub(crate) firewall: Option<&'a str>,
    pub(crate) script: &'a str,
}

#[derive(Serialize)]
struct CreateInstance<'a> {
    count: u32,
    hostname: &'a str,
    size: &'a str,
    region: &'a str,
    network_id: &'a str,
    /// The old name of a field that takes the id of a disk image.
    template_id: &'a str,
    public_ip: &'static str,
    initial_user: &'static str,
    /// Separated by spaces; answers have a list.
    tags: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    script: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    firewall_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    ssh_key_id: &'a str,
}

pub(crate) fn create_instance(endpoint: &Endpoint, host: &BasicHost, place: &Place<'_>) -> Result<Request> {
    let mut tags = host.all_labels().to_tags();
    if place.firewall.is_some() {
        tags.push(OWN_FIREWALL_TAG.to_owned());
    }
    let chosen = host.additional.get("firewall").map_or("", String::as_str);
    let body = CreateInstance {
        count: 1,
        hostname: host.name.as_str(),
        size: host.plan.as_deref().unwrap_or(INFO.default_plan),
        region: place.region,
        network_id: place.network,
        template_id: place.image,
        public_ip: "create",
        initial_user: "civo",
        tags: tags.join(" "),
        script: place.script,
        firewall_id: place.firewall.unwrap_or(chosen),
        ssh_key_id: host.ssh_keys.first().map_or("", String::as_str),
    };
    let request = Request::post("create instance", endpoint.join(["v2", "instances"]))
        .query("region", place.region)
        .json(&body)?;
    // The lines of a cloud-config are not those of its script.
    Ok(if place.script == host.user_data.expose() {
        request.redact(place.script)
    } else {
        request.redact(place.script).redact(host.user_data.expose())
    })
}

/// Checks what only this cloud wants of a host, so that nothing is asked of the API for one that it cannot take.
pub(crate) fn check(host: &BasicHost) -> Result<()> {
    let refuse = |message: String| Err(Error::invalid(message).with_provider(INFO.id));
    for key in ["network", "firewall"] {
        if let Some(id) = host.additional.get(key)
            && HostId::check_uuid(id).is_err()
        {
            return refuse(format!(
                "additional setting `{key}` must be the id of a {key}, a UUID: see the dashboard, or `civo {key} list`"
            ));
        }
    }
    if host.additional.contains_key("firewall") && host.ports.restricted().is_some() {
        return refuse(
            "restricted ports make a firewall of their own: leave out the additional setting `firewall`, or the ports"
                .to_owned(),
        );
    }
    match host.ssh_keys.as_slice() {
        [] => Ok(()),
        [key] if HostId::check_uuid(key).is_ok() => Ok(()),
        [_] => refuse("an ssh key is given by its id on Civo, a UUID: see `civo sshkey list`".to_owned()),
        _ => refuse("Civo installs one ssh key at most: put the others into the user data".to_owned()),
    }
}

pub(crate) fn get_instance(endpoint: &Endpoint, id: &str, region: &str) -> Request {
    Request::get("get instance", endpoint.join(["v2", "instances", id])).query("region", region)
}

pub(crate) fn delete_instance(endpoint: &Endpoint, id: &str, region: &str) -> Request {
    Request::delete("delete instance", endpoint.join(["v2", "instances", id])).query("region", region)
}

/// One page of all instances of a region. Ours are picked out of the answer: UNCONFIRMED whether the API's filter by tags
/// takes tags with a colon, and a host that a list misses would be lost.
pub(crate) fn list_instances(endpoint: &Endpoint, region: &str, page: usize) -> Request {
    list("list instances", endpoint, "instances", region)
        .query("page", page)
        .query("per_page", PAGE_SIZE)
}

pub(crate) fn list_disk_images(endpoint: &Endpoint, region: &str) -> Request {
    list("list disk images", endpoint, "disk_images", region)
}

pub(crate) fn list_networks(endpoint: &Endpoint, region: &str) -> Request {
    list("list networks", endpoint, "networks", region)
}

pub(crate) fn list_firewalls(endpoint: &Endpoint, region: &str) -> Request {
    list("list firewalls", endpoint, "firewalls", region)
}

pub(crate) fn list_sizes(endpoint: &Endpoint, region: &str) -> Request {
    list("list sizes", endpoint, "sizes", region)
}

pub(crate) fn list_regions(endpoint: &Endpoint, region: &str) -> Request {
    list("list regions", endpoint, "regions", region)
}

fn list(operation: &'static str, endpoint: &Endpoint, what: &str, region: &str) -> Request {
    Request::get(operation, endpoint.join(["v2", what])).query("region", region)
}

/// The name of a firewall whose host does not exist yet: found again with the key. Without a key, `token` tells it from
/// all others. Names are unique in an account.
pub(crate) fn new_firewall_name(host: &BasicHost, region: &str, token: u128) -> String {
    match &host.key {
        Some(key) => keyed_firewall_name(key, region),
        None => format!("provision-new-{token:x}"),
    }
}

/// As [`new_firewall_name`], for whoever has only the key.
pub(crate) fn keyed_firewall_name(key: &IdempotencyKey, region: &str) -> String {
    format!("provision-new-{}", key.hash_with(&[region]))
}

/// The name of a firewall whose host is being deleted: found again with the host's id, or its address, when the host is
/// gone.
pub(crate) fn old_firewall_name(instance: &str, ip: Option<IpAddr>) -> String {
    let address = ip.map(|ip| format!("-{}", address(ip))).unwrap_or_default();
    format!("provision-{instance}{address}")
}

/// The instance that a firewall with such a name belonged to.
pub(crate) fn instance_of_firewall(name: &str) -> Option<&str> {
    HostId::check_uuid(name.strip_prefix("provision-")?.get(..36)?).ok()
}

/// Whether a firewall of a host that is being deleted names this address.
pub(crate) fn is_firewall_of_ip(name: &str, ip: IpAddr) -> bool {
    instance_of_firewall(name).is_some_and(|instance| old_firewall_name(instance, Some(ip)) == name)
}

/// Whether a firewall is one that this provider makes.
pub(crate) fn is_own_firewall(name: &str) -> bool {
    name.starts_with("provision-new-") || instance_of_firewall(name).is_some()
}

fn address(ip: IpAddr) -> String {
    ip.to_string().replace(['.', ':'], "-")
}

#[derive(Serialize)]
struct CreateFirewall<'a> {
    name: &'a str,
    region: &'a str,
    network_id: &'a str,
    /// `false`: Civo's own rules would open more.
    create_rules: bool,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
struct Rule {
    label: &'static str,
    direction: &'static str,
    action: &'static str,
    protocol: &'static str,
    /// These two and `ports` say the same; the API prefers `ports`. All are empty for ICMP.
    start_port: String,
    end_port: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    ports: String,
    cidr: [&'static str; 1],
}

impl Rule {
    fn inbound(range: &PortRange) -> Self {
        Self {
            label: "inbound",
            direction: "ingress",
            action: "allow",
            protocol: range.protocol().as_str(),
            start_port: range.from().to_string(),
            end_port: range.to().to_string(),
            ports: range.ports(),
            cidr: ["0.0.0.0/0"],
        }
    }

    fn outbound(protocol: &'static str, from: &str, to: &str) -> Self {
        let ports = if from.is_empty() {
            String::new()
        } else {
            format!("{from}-{to}")
        };
        Self {
            label: "outbound",
            direction: "egress",
            action: "allow",
            protocol,
            start_port: from.to_owned(),
            end_port: to.to_owned(),
            ports,
            cidr: ["0.0.0.0/0"],
        }
    }
}

/// The firewall with all its rules in one request, as Civo's Terraform provider makes it: inbound only the given ports,
/// outbound everything. What no rule allows is dropped.
pub(crate) fn create_firewall(
    endpoint: &Endpoint,
    name: &str,
    region: &str,
    network: &str,
    ports: &[PortRange],
) -> Result<Request> {
    let outbound = [
        Rule::outbound("tcp", "1", "65535"),
        Rule::outbound("udp", "1", "65535"),
        Rule::outbound("icmp", "", ""),
    ];
    let body = CreateFirewall {
        name,
        region,
        network_id: network,
        create_rules: false,
        rules: ports.iter().map(Rule::inbound).chain(outbound).collect(),
    };
    Request::post("create firewall", endpoint.join(["v2", "firewalls"]))
        .query("region", region)
        .json(&body)
}

#[derive(Serialize)]
struct RenameFirewall<'a> {
    name: &'a str,
    region: &'a str,
}

pub(crate) fn rename_firewall(endpoint: &Endpoint, id: &str, region: &str, name: &str) -> Result<Request> {
    Request::put("rename firewall", endpoint.join(["v2", "firewalls", id]))
        .query("region", region)
        .json(&RenameFirewall { name, region })
}

pub(crate) fn delete_firewall(endpoint: &Endpoint, id: &str, region: &str) -> Request {
    Request::delete("delete firewall", endpoint.join(["v2", "firewalls", id])).query("region", region)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn firewall_names_lead_back_to_their_host() {
        let uuid = "715f5ec2-9a4e-4a7c-8a7b-0d2d4d1c6b11";
        let (ip, other) = ("203.0.113.7".parse().unwrap(), "203.0.113.70".parse().unwrap());
        let name = old_firewall_name(uuid, Some(ip));
        assert_eq!(name, format!("provision-{uuid}-203-0-113-7"));
        assert!(name.len() <= 63);
        assert_eq!(instance_of_firewall(&name), Some(uuid));
        assert!(is_firewall_of_ip(&name, ip) && !is_firewall_of_ip(&name, other));
        assert_eq!(instance_of_firewall(&old_firewall_name(uuid, None)), Some(uuid));
        for foreign in [
            "default-default",
            "provision-",
            "provision-web",
            "provision-new",
            "my-provision-new-1",
        ] {
            assert!(!is_own_firewall(foreign), "{foreign}");
        }
        assert!(is_own_firewall("provision-new-12ab") && is_own_firewall(&name));
    }
}
