//! Pure functions that build every request of the provider.
//! Source: <https://docs.digitalocean.com/reference/api/digitalocean/>

use provision_core::{Find, HostId, KEY_LABEL, MANAGED_BY, MANAGED_BY_LABEL, Order, PortRange, Result};
use provision_http::{Endpoint, IdOrName, Request, Subject, http::StatusCode};
use serde::Serialize;

/// The largest page that the API gives.
pub(crate) const PAGE_SIZE: usize = 200;

#[derive(Serialize)]
struct CreateDroplet<'a> {
    name: &'a str,
    region: &'a str,
    size: &'a str,
    image: IdOrName<'a>,
    #[serde(skip_serializing_if = "str::is_empty")]
    user_data: &'a str,
    tags: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ssh_keys: Vec<IdOrName<'a>>,
    ipv6: bool,
    monitoring: bool,
    backups: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    vpc_uuid: Option<&'a str>,
}

pub(crate) fn create_droplet(endpoint: &Endpoint, order: &Order) -> Result<Request> {
    let body = CreateDroplet {
        name: order.name.as_str(),
        region: &order.region,
        size: &order.plan,
        image: order.image.as_str().into(),
        user_data: order.user_data.expose(),
        tags: order.labels.to_tags(),
        ssh_keys: order.ssh_keys.iter().map(|key| key.as_str().into()).collect(),
        ipv6: order.flag("ipv6")?,
        monitoring: order.flag("monitoring")?,
        backups: false,
        vpc_uuid: order.extra("vpc-uuid"),
    };
    let url = endpoint.join(["v2", "droplets"]);
    let create = Request::post("create droplet", url).about(Subject::NewHost);
    Ok(create.json(&body)?.redact(order.user_data.expose()))
}

pub(crate) fn get_droplet(endpoint: &Endpoint, id: u64) -> Request {
    Request::get("get droplet", endpoint.join(["v2", "droplets", &id.to_string()])).about(Subject::Host)
}

pub(crate) fn delete_droplet(endpoint: &Endpoint, id: u64) -> Request {
    let delete = Request::delete("delete droplet", endpoint.join(["v2", "droplets", &id.to_string()]));
    delete.about(Subject::Host).answered_with(StatusCode::NO_CONTENT)
}

/// Tags filter one at a time: the key's hash when there is one, because it is the narrower, else the marker.
pub(crate) fn list_droplets(endpoint: &Endpoint, find: Find<'_>, page: usize) -> Request {
    let tag = match find {
        Find::Key(hash) => format!("{KEY_LABEL}:{hash}"),
        _ => format!("{MANAGED_BY_LABEL}:{MANAGED_BY}"),
    };
    let list = Request::get("list droplets", endpoint.join(["v2", "droplets"]));
    paged(list.query("tag_name", tag), page)
}

#[derive(Serialize)]
struct CreateFirewall {
    name: String,
    droplet_ids: [u64; 1],
    inbound_rules: Vec<Rule>,
    outbound_rules: Vec<Rule>,
}

#[derive(Serialize)]
struct Rule {
    protocol: &'static str,
    ports: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sources: Option<Addresses>,
    #[serde(skip_serializing_if = "Option::is_none")]
    destinations: Option<Addresses>,
}

#[derive(Serialize)]
struct Addresses {
    addresses: [&'static str; 2],
}

const EVERYWHERE: Addresses = Addresses {
    addresses: ["0.0.0.0/0", "::/0"],
};

/// The name of a Droplet's own firewall: found again with the Droplet's id alone, even when the Droplet is gone.
pub(crate) fn firewall_name(droplet: u64) -> String {
    format!("provision-{droplet}")
}

/// A firewall drops what no rule allows, in both directions: inbound only the given ports, outbound everything.
pub(crate) fn create_firewall(endpoint: &Endpoint, droplet: u64, ports: &[PortRange]) -> Result<Request> {
    let inbound = |range: &PortRange| Rule {
        protocol: range.protocol().as_str(),
        ports: range.ports(),
        sources: Some(EVERYWHERE),
        destinations: None,
    };
    // Ports are required for every protocol: https://docs.digitalocean.com/reference/api/reference/firewalls/
    let outbound = |protocol| Rule {
        protocol,
        ports: "all".to_owned(),
        sources: None,
        destinations: Some(EVERYWHERE),
    };
    let body = CreateFirewall {
        name: firewall_name(droplet),
        droplet_ids: [droplet],
        inbound_rules: ports.iter().map(inbound).collect(),
        outbound_rules: vec![outbound("tcp"), outbound("udp"), outbound("icmp")],
    };
    Request::post("create firewall", endpoint.join(["v2", "firewalls"])).json(&body)
}

pub(crate) fn list_firewalls(endpoint: &Endpoint, page: usize) -> Request {
    paged(Request::get("list firewalls", endpoint.join(["v2", "firewalls"])), page)
}

pub(crate) fn delete_firewall(endpoint: &Endpoint, id: &HostId) -> Request {
    let delete = Request::delete("delete firewall", endpoint.join(["v2", "firewalls", id.as_str()]));
    delete.about(Subject::Part).answered_with(StatusCode::NO_CONTENT)
}

pub(crate) fn list_sizes(endpoint: &Endpoint, page: usize) -> Request {
    paged(Request::get("list sizes", endpoint.join(["v2", "sizes"])), page)
}

pub(crate) fn list_images(endpoint: &Endpoint, page: usize) -> Request {
    paged(
        Request::get("list images", endpoint.join(["v2", "images"])).query("type", "distribution"),
        page,
    )
}

pub(crate) fn list_regions(endpoint: &Endpoint, page: usize) -> Request {
    paged(Request::get("list regions", endpoint.join(["v2", "regions"])), page)
}

fn paged(request: Request, page: usize) -> Request {
    request.query("per_page", PAGE_SIZE).query("page", page)
}
