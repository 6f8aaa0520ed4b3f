//! Pure functions that build every request of the provider. Source: <https://docs.hetzner.cloud/reference/cloud>

use std::collections::BTreeMap;

use provision_core::{Error, Find, HostName, KEY_LABEL, MANAGED_BY, MANAGED_BY_LABEL, Order, PortRange, Result};
use provision_http::{Endpoint, IdOrName, Request, Subject, http::StatusCode};
use serde::Serialize;

/// The largest page that the API gives.
pub(crate) const PAGE_SIZE: usize = 50;

#[derive(Serialize)]
struct CreateServer<'a> {
    name: &'a str,
    server_type: IdOrName<'a>,
    image: IdOrName<'a>,
    location: IdOrName<'a>,
    #[serde(skip_serializing_if = "str::is_empty")]
    user_data: &'a str,
    labels: BTreeMap<&'a str, &'a str>,
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

pub(crate) fn create_server(endpoint: &Endpoint, order: &Order) -> Result<Request> {
    let body = CreateServer {
        name: order.name.as_str(),
        server_type: order.plan.as_str().into(),
        image: order.image.as_str().into(),
        location: order.region.as_str().into(),
        user_data: order.user_data.expose(),
        labels: order.labels.iter().collect(),
        ssh_keys: order.ssh_keys.iter().map(|key| key.as_str().into()).collect(),
        networks: id(order, "network")?.into_iter().collect(),
        placement_group: id(order, "placement-group")?,
        start_after_create: true,
        // IPv6 is free.
        public_net: PublicNet {
            enable_ipv4: true,
            enable_ipv6: true,
        },
    };
    let create = Request::post("create server", endpoint.join(["v1", "servers"])).about(Subject::NewHost);
    Ok(create.json(&body)?.redact(order.user_data.expose()))
}

fn id(order: &Order, key: &str) -> Result<Option<u64>> {
    let refused = |_| Error::invalid(format!("additional setting `{key}` must be an id, a whole number"));
    order.extra(key).map(|text| text.parse().map_err(refused)).transpose()
}

pub(crate) fn get_server(endpoint: &Endpoint, id: u64) -> Request {
    let url = endpoint.join(["v1", "servers", &id.to_string()]);
    Request::get("get server", url).about(Subject::Host)
}

/// The actions of a server that failed, the oldest first: the one that made it stands at the head.
pub(crate) fn failed_actions(endpoint: &Endpoint, server: u64) -> Request {
    let url = endpoint.join(["v1", "servers", &server.to_string(), "actions"]);
    let list = Request::get("list failed actions", url).about(Subject::Host);
    list.query("status", "error").query("sort", "id:asc")
}

/// Names are unique in a project.
pub(crate) fn find_server(endpoint: &Endpoint, name: &HostName) -> Request {
    list("find server", endpoint, "servers").query("name", name)
}

pub(crate) fn list_servers(endpoint: &Endpoint, find: Find<'_>, page: usize) -> Request {
    let selector = match find {
        Find::Key(hash) => format!("{KEY_LABEL}={hash}"),
        _ => format!("{MANAGED_BY_LABEL}={MANAGED_BY}"),
    };
    paged(
        list("list servers", endpoint, "servers").query("label_selector", selector),
        page,
    )
}

pub(crate) fn delete_server(endpoint: &Endpoint, id: u64) -> Request {
    let url = endpoint.join(["v1", "servers", &id.to_string()]);
    Request::delete("delete server", url).about(Subject::Host)
}

#[derive(Serialize)]
struct CreateFirewall {
    name: String,
    labels: BTreeMap<&'static str, &'static str>,
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

/// With a firewall, inbound traffic needs a rule; outbound is open as long as there is no outbound rule.
pub(crate) fn create_firewall(endpoint: &Endpoint, server: u64, ports: &[PortRange]) -> Result<Request> {
    let rule = |range: &PortRange| Rule {
        direction: "in",
        protocol: range.protocol().as_str(),
        port: range.ports(),
        source_ips: ["0.0.0.0/0", "::/0"],
    };
    let body = CreateFirewall {
        name: firewall_name(server),
        labels: BTreeMap::from([(MANAGED_BY_LABEL, MANAGED_BY)]),
        rules: ports.iter().map(rule).collect(),
        apply_to: [ApplyTo {
            kind: "server",
            server: ServerRef { id: server },
        }],
    };
    let create = Request::post("create firewall", endpoint.join(["v1", "firewalls"])).about(Subject::Other);
    create.json(&body)
}

/// Names are unique in a project.
pub(crate) fn find_firewall(endpoint: &Endpoint, server: u64) -> Request {
    list("find firewall", endpoint, "firewalls").query("name", firewall_name(server))
}

pub(crate) fn delete_firewall(endpoint: &Endpoint, id: u64) -> Request {
    let url = endpoint.join(["v1", "firewalls", &id.to_string()]);
    let delete = Request::delete("delete firewall", url).about(Subject::Part);
    delete.answered_with(StatusCode::NO_CONTENT)
}

pub(crate) fn list_server_types(endpoint: &Endpoint, page: usize) -> Request {
    paged(list("list server types", endpoint, "server_types"), page)
}

pub(crate) fn pricing(endpoint: &Endpoint) -> Request {
    list("get pricing", endpoint, "pricing")
}

pub(crate) fn list_images(endpoint: &Endpoint, page: usize) -> Request {
    let list = list("list images", endpoint, "images");
    paged(list.query("type", "system").query("status", "available"), page)
}

pub(crate) fn list_locations(endpoint: &Endpoint, page: usize) -> Request {
    paged(list("list locations", endpoint, "locations"), page)
}

fn list(operation: &'static str, endpoint: &Endpoint, kind: &str) -> Request {
    Request::get(operation, endpoint.join(["v1", kind])).about(Subject::Other)
}

fn paged(request: Request, page: usize) -> Request {
    request.query("page", page).query("per_page", PAGE_SIZE)
}
