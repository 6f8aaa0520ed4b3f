//! Pure functions that build every request of the provider. Sources: <https://www.civo.com/api> and Civo's own client,
//! <https://github.com/civo/civogo>, read 2026-11-20. The region is part of every query: without it the server picks one.

use provision_core::{Error, HostId, Order, PortRange, Result};
use provision_http::{Endpoint, Request, Subject};
use serde::Serialize;

use crate::{firewall, script::script};

/// Instances on a page.
pub(crate) const PAGE_SIZE: usize = 100;

/// What has to be looked up or made before an instance can be created.
#[derive(Default)]
pub(crate) struct Place<'a> {
    pub(crate) network: &'a str,
    /// Id of the disk image.
    pub(crate) image: &'a str,
    /// Id of the host's own firewall.
    pub(crate) firewall: Option<&'a str>,
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

/// The create, with everything checked that can be without asking the API.
pub(crate) fn create_instance(endpoint: &Endpoint, order: &Order, place: &Place<'_>) -> Result<Request> {
    let chosen = extra_id(order, "firewall")?;
    if chosen.is_some() && order.ports.restricted().is_some() {
        return Err(Error::invalid(
            "restricted ports make a firewall of their own: leave out the additional setting `firewall`, or the ports",
        ));
    }
    extra_id(order, "network")?;
    let script = script(&order.user_data, &order.image)?;
    let mut tags = order.labels.to_tags();
    tags.extend(place.firewall.map(|own| format!("{}:{own}", firewall::LABEL)));
    let body = CreateInstance {
        count: 1,
        hostname: order.name.as_str(),
        size: &order.plan,
        region: &order.region,
        network_id: place.network,
        template_id: place.image,
        public_ip: "create",
        initial_user: "civo",
        tags: tags.join(" "),
        script: &script,
        firewall_id: place.firewall.or(chosen).unwrap_or_default(),
        ssh_key_id: ssh_key(order)?,
    };
    let create = Request::post("create instance", endpoint.join(["v2", "instances"])).about(Subject::NewHost);
    let create = create.query("region", &order.region).json(&body)?.redact(&script);
    // The lines of a cloud-config are not those of its script.
    Ok(if script == order.user_data.expose() {
        create
    } else {
        create.redact(order.user_data.expose())
    })
}

/// The id of something in the account that an additional setting names.
fn extra_id<'a>(order: &'a Order, key: &str) -> Result<Option<&'a str>> {
    match order.extra(key) {
        Some(id) if HostId::check_uuid(id).is_err() => Err(Error::invalid(format!(
            "additional setting `{key}` must be the id of a {key}, a UUID: see the dashboard, or `civo {key} list`"
        ))),
        other => Ok(other),
    }
}

fn ssh_key(order: &Order) -> Result<&str> {
    match order.ssh_keys.as_slice() {
        [] => Ok(""),
        [key] if HostId::check_uuid(key).is_ok() => Ok(key),
        [_] => Err(Error::invalid(
            "an ssh key is given by its id on Civo, a UUID: see `civo sshkey list`",
        )),
        _ => Err(Error::invalid(
            "Civo installs one ssh key at most: put the others into the user data",
        )),
    }
}

pub(crate) fn get_instance(endpoint: &Endpoint, id: &str, region: &str) -> Request {
    let get = Request::get("get instance", endpoint.join(["v2", "instances", id]));
    get.about(Subject::Host).query("region", region)
}

pub(crate) fn delete_instance(endpoint: &Endpoint, id: &str, region: &str) -> Request {
    let delete = Request::delete("delete instance", endpoint.join(["v2", "instances", id]));
    delete.about(Subject::Host).query("region", region)
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
    let list = Request::get(operation, endpoint.join(["v2", what]));
    list.about(Subject::Other).query("region", region)
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
    let create = Request::post("create firewall", endpoint.join(["v2", "firewalls"]));
    create.about(Subject::Other).query("region", region).json(&body)
}

#[derive(Serialize)]
struct RenameFirewall<'a> {
    name: &'a str,
    region: &'a str,
}

pub(crate) fn rename_firewall(endpoint: &Endpoint, id: &str, region: &str, name: &str) -> Result<Request> {
    let rename = Request::put("rename firewall", endpoint.join(["v2", "firewalls", id]));
    let rename = rename.about(Subject::Part).query("region", region);
    rename.json(&RenameFirewall { name, region })
}

pub(crate) fn delete_firewall(endpoint: &Endpoint, id: &str, region: &str) -> Request {
    let delete = Request::delete("delete firewall", endpoint.join(["v2", "firewalls", id]));
    delete.about(Subject::Part).query("region", region)
}
