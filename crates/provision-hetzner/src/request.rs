//! Pure functions that build every request of the provider. Source: <https://docs.hetzner.cloud/reference/cloud>

use std::{collections::BTreeMap, net::IpAddr};

use provision_core::{BasicHost, Error, HostName, MANAGED_BY, MANAGED_BY_LABEL, PortRange, Result};
use provision_http::{Endpoint, IdOrName, Request};
use serde::Serialize;

use crate::config::INFO;

/// The largest page that the API gives.
pub(crate) const PAGE_SIZE: usize = 50;

/// The label of a firewall that holds the address of its host, so that a deletion by IP finds it after the host is gone.
const IP_LABEL: &str = "provision-ip";

#[derive(Serialize)]
struct CreateServer<'a> {
    name: &'a str,
    server_type: IdOrName<'a>,
    image: IdOrName<'a>,
    location: IdOrName<'a>,
    #[serde(skip_serializing_if = "str::is_empty")]
    user_data: &'a str,
    labels: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ssh_keys: Vec<IdOrName<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    networks: Vec<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    placement_group: Option<u64>,
    start_after_create: bool,
    public_net: PublicNet,
}

#[derive(Serialize)]
struct PublicNet {
    enable_ipv4: bool,
    enable_ipv6: bool,
}

pub(crate) fn create_server(endpoint: &Endpoint, host: &BasicHost) -> Result<Request> {
    let labels = host
        .all_labels()
        .iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    let body = CreateServer {
        name: host.name.as_str(),
        server_type: host.plan.as_deref().unwrap_or(INFO.default_plan).into(),
        image: host.image.as_deref().unwrap_or(INFO.default_image).into(),
        location: host.region.as_deref().unwrap_or(INFO.default_region).into(),
        user_data: host.user_data.expose(),
        labels,
        ssh_keys: host.ssh_keys.iter().map(|key| key.as_str().into()).collect(),
        networks: id(host, "network")?.into_iter().collect(),
        placement_group: id(host, "placement-group")?,
        start_after_create: true,
        // IPv6 is free.
        public_net: PublicNet {
            enable_ipv4: true,
            enable_ipv6: true,
        },
    };
    let url = endpoint.join(["v1", "servers"]);
    Ok(Request::post("create server", url)
        .json(&body)?
        .redact(host.user_data.expose()))
}

pub(crate) fn get_server(endpoint: &Endpoint, id: u64) -> Request {
    Request::get("get server", endpoint.join(["v1", "servers", &id.to_string()]))
}

pub(crate) fn find_server(endpoint: &Endpoint, name: &HostName) -> Request {
    Request::get("find server", endpoint.join(["v1", "servers"])).query("name", name)
}

pub(crate) fn list_servers(endpoint: &Endpoint, page: usize) -> Request {
    let selector = format!("{MANAGED_BY_LABEL}={MANAGED_BY}");
    paged(
        Request::get("list servers", endpoint.join(["v1", "servers"])).query("label_selector", selector),
        page,
    )
}

pub(crate) fn delete_server(endpoint: &Endpoint, id: u64) -> Request {
    Request::delete("delete server", endpoint.join(["v1", "servers", &id.to_string()]))
}

pub(crate) fn find_primary_ip(endpoint: &Endpoint, ip: IpAddr) -> Request {
    Request::get("find primary ip", endpoint.join(["v1", "primary_ips"])).query("ip", ip)
}

#[derive(Serialize)]
struct CreateFirewall {
    name: String,
    labels: BTreeMap<&'static str, String>,
    rules: Vec<Rule>,
    apply_to: [ApplyTo; 1],
}

#[derive(Serialize)]
struct Rule {
    direction: &'static str,
    protocol: &'static str,
    port: String,
    source_ips: [&'static str; 2],
}

#[derive(Serialize)]
struct ApplyTo {
    #[serde(rename = "type")]
    kind: &'static str,
    server: ServerRef,
}

#[derive(Serialize)]
struct ServerRef {
    id: u64,
}

/// The name of a server's own firewall: found again with the server's id alone, even when the server is gone.
pub(crate) fn firewall_name(server: u64) -> String {
    format!("provision-{server}")
}

/// The id of the server that a firewall of this name belongs to.
pub(crate) fn server_of_firewall(name: &str) -> Option<u64> {
    name.strip_prefix("provision-")?.parse().ok()
}

/// With a firewall, inbound traffic needs a rule; outbound is open as long as there is no outbound rule.
pub(crate) fn create_firewall(
    endpoint: &Endpoint,
    server: u64,
    ip: Option<IpAddr>,
    ports: &[PortRange],
) -> Result<Request> {
    let mut labels = BTreeMap::from([(MANAGED_BY_LABEL, MANAGED_BY.to_owned())]);
    // A label's value may hold dots but no colons: only IPv4 fits, and only IPv4 is ever a host's address here.
    if let Some(ip) = ip.filter(IpAddr::is_ipv4) {
        labels.insert(IP_LABEL, ip.to_string());
    }
    let rule = |range: &PortRange| Rule {
        direction: "in",
        protocol: range.protocol().as_str(),
        port: range.ports(),
        source_ips: ["0.0.0.0/0", "::/0"],
    };
    let body = CreateFirewall {
        name: firewall_name(server),
        labels,
        rules: ports.iter().map(rule).collect(),
        apply_to: [ApplyTo {
            kind: "server",
            server: ServerRef { id: server },
        }],
    };
    Request::post("create firewall", endpoint.join(["v1", "firewalls"])).json(&body)
}

pub(crate) fn find_firewall(endpoint: &Endpoint, server: u64) -> Request {
    Request::get("find firewall", endpoint.join(["v1", "firewalls"])).query("name", firewall_name(server))
}

pub(crate) fn find_firewall_by_ip(endpoint: &Endpoint, ip: IpAddr) -> Request {
    let selector = format!("{MANAGED_BY_LABEL}={MANAGED_BY},{IP_LABEL}={ip}");
    Request::get("find firewall", endpoint.join(["v1", "firewalls"])).query("label_selector", selector)
}

pub(crate) fn delete_firewall(endpoint: &Endpoint, id: u64) -> Request {
    Request::delete("delete firewall", endpoint.join(["v1", "firewalls", &id.to_string()]))
}

pub(crate) fn list_server_types(endpoint: &Endpoint, page: usize) -> Request {
    paged(
        Request::get("list server types", endpoint.join(["v1", "server_types"])),
        page,
    )
}

pub(crate) fn pricing(endpoint: &Endpoint) -> Request {
    Request::get("get pricing", endpoint.join(["v1", "pricing"]))
}

pub(crate) fn list_images(endpoint: &Endpoint, page: usize) -> Request {
    let request = Request::get("list images", endpoint.join(["v1", "images"]));
    paged(request.query("type", "system").query("status", "available"), page)
}

pub(crate) fn list_locations(endpoint: &Endpoint, page: usize) -> Request {
    paged(Request::get("list locations", endpoint.join(["v1", "locations"])), page)
}

fn paged(request: Request, page: usize) -> Request {
    request.query("page", page).query("per_page", PAGE_SIZE)
}

fn id(host: &BasicHost, key: &str) -> Result<Option<u64>> {
    let Some(text) = host.additional.get(key) else {
        return Ok(None);
    };
    let refused =
        || Error::invalid(format!("additional setting `{key}` must be an id, a whole number")).with_provider(INFO.id);
    text.parse().map(Some).map_err(|_| refused())
}
