//! Pure functions that build every request of the provider. Sources:
//! <https://www.scaleway.com/en/developers/api/instance/>, <https://www.scaleway.com/en/developers/api/marketplace/>

use provision_core::{Error, Find, KEY_LABEL, MANAGED_BY, MANAGED_BY_LABEL, Order, PortRange, Protocol, Result};
use provision_http::{Endpoint, Request, Subject, http::StatusCode, url::Url};
use serde::Serialize;

use crate::{
    config::Config,
    id::{GROUP_TAG, ServerId, Uuid, Zone},
};

/// The largest page that the API gives.
pub(crate) const PAGE_SIZE: usize = 100;

/// Where the script of a server is kept among its user data.
pub(crate) const CLOUD_INIT: &str = "cloud-init";

fn zonal<'a>(endpoint: &Endpoint, zone: &'a Zone, rest: &[&'a str]) -> Url {
    let base = ["instance", "v1", "zones", zone.as_str()];
    endpoint.join(base.into_iter().chain(rest.iter().copied()))
}

fn of_server(endpoint: &Endpoint, id: &ServerId, rest: &[&str]) -> Url {
    zonal(endpoint, &id.zone, &[&["servers", id.server.as_str()], rest].concat())
}

fn of_group(endpoint: &Endpoint, zone: &Zone, group: &Uuid, rest: &[&str]) -> Url {
    zonal(endpoint, zone, &[&["security_groups", group.as_str()], rest].concat())
}

fn marker() -> String {
    format!("{MANAGED_BY_LABEL}:{MANAGED_BY}")
}

fn key_tag(hash: &str) -> String {
    format!("{KEY_LABEL}:{hash}")
}

#[derive(Serialize)]
struct NewServer<'a> {
    name: &'a str,
    commercial_type: &'a str,
    project: &'a str,
    image: &'a str,
    dynamic_ip_required: bool,
    boot_type: &'static str,
    tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    security_group: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    placement_group: Option<&'a str>,
    // No `volumes`: with an image for local disks the server gets one local disk of the plan's full size.
}

/// A new server is switched off. Without a security group it gets the project's default one, which lets everything in.
pub(crate) fn create_server(
    config: &Config,
    zone: &Zone,
    order: &Order,
    image: &str,
    group: Option<&Uuid>,
) -> Result<Request> {
    let placement_group = order.extra("placement-group");
    if placement_group.is_some_and(|id| Uuid::new(id).is_err()) {
        return Err(Error::invalid(
            "additional setting `placement-group` must be an id, a UUID",
        ));
    }
    let mut tags = order.labels.to_tags();
    tags.extend(group.map(|group| format!("{GROUP_TAG}:{}", group.as_str())));
    let body = NewServer {
        name: order.name.as_str(),
        commercial_type: &order.plan,
        project: &config.project,
        image,
        dynamic_ip_required: true,
        boot_type: "local",
        tags,
        security_group: group.map(Uuid::as_str),
        placement_group,
    };
    Request::post("create server", zonal(&config.endpoint, zone, &["servers"]))
        .about(Subject::NewHost)
        .json(&body)
}

/// The raw text, neither JSON nor base64.
pub(crate) fn set_user_data(endpoint: &Endpoint, id: &ServerId, user_data: &str) -> Request {
    Request::patch("set user data", of_server(endpoint, id, &["user_data", CLOUD_INIT]))
        .about(Subject::Host)
        .body("text/plain", user_data.to_owned())
        .redact(user_data)
}

/// The names of a server's user data, without the texts.
pub(crate) fn list_user_data(endpoint: &Endpoint, id: &ServerId) -> Request {
    Request::get("list user data", of_server(endpoint, id, &["user_data"])).about(Subject::Host)
}

#[derive(Serialize)]
struct Action {
    action: &'static str,
}

pub(crate) fn power_on(endpoint: &Endpoint, id: &ServerId) -> Result<Request> {
    act("power on", "poweron", endpoint, id)
}

pub(crate) fn power_off(endpoint: &Endpoint, id: &ServerId) -> Result<Request> {
    act("power off", "poweroff", endpoint, id)
}

pub(crate) fn terminate(endpoint: &Endpoint, id: &ServerId) -> Result<Request> {
    act("terminate server", "terminate", endpoint, id)
}

fn act(operation: &'static str, action: &'static str, endpoint: &Endpoint, id: &ServerId) -> Result<Request> {
    Request::post(operation, of_server(endpoint, id, &["action"]))
        .about(Subject::Host)
        .json(&Action { action })
}

pub(crate) fn get_server(endpoint: &Endpoint, id: &ServerId) -> Request {
    Request::get("get server", of_server(endpoint, id, &[])).about(Subject::Host)
}

/// Leaves the disks behind; refused unless the server is switched off.
pub(crate) fn delete_server(endpoint: &Endpoint, id: &ServerId) -> Request {
    let delete = Request::delete("delete server", of_server(endpoint, id, &[]));
    delete.about(Subject::Host).answered_with(StatusCode::NO_CONTENT)
}

/// Several tags are joined by commas; a server must have all of them. Oldest first, so that a server made meanwhile does not
/// move the others to other pages.
pub(crate) fn list_servers(config: &Config, zone: &Zone, find: Find<'_>, page: usize) -> Request {
    let tags = match find {
        Find::Key(hash) => format!("{},{}", marker(), key_tag(hash)),
        _ => marker(),
    };
    let list = Request::get("list servers", zonal(&config.endpoint, zone, &["servers"]))
        .about(Subject::Other)
        .query("project", &config.project)
        .query("tags", tags)
        .query("order", "creation_date_asc");
    let list = match find {
        // It looks at private addresses as well.
        Find::Address(ip) => list.query("with_ip", ip),
        _ => list,
    };
    paged(list, page)
}

/// The image's builds for local disks in a zone: one for each architecture.
pub(crate) fn find_image(endpoint: &Endpoint, zone: &Zone, label: &str) -> Request {
    Request::get("find image", endpoint.join(["marketplace", "v2", "local-images"]))
        .about(Subject::Other)
        .query("image_label", label)
        .query("zone", zone)
        .query("type", "instance_local")
        .query("page_size", PAGE_SIZE)
}

pub(crate) fn get_image(endpoint: &Endpoint, zone: &Zone, image: &Uuid) -> Request {
    Request::get("get image", zonal(endpoint, zone, &["images", image.as_str()])).about(Subject::Other)
}

/// The name of what was made for a server: found again with the server's id alone, even when the server is gone.
pub(crate) fn name_for_server(server: &Uuid) -> String {
    format!("provision-{}", server.as_str())
}

/// The name of a security group whose server is yet to be made.
pub(crate) fn name_for_key(hash: &str) -> String {
    format!("provision-{hash}")
}

#[derive(Serialize)]
struct NewGroup<'a> {
    name: String,
    project: &'a str,
    tags: [String; 2],
    stateful: bool,
    inbound_default_policy: &'static str,
    outbound_default_policy: &'static str,
}

/// Nothing comes in; answers to what goes out do.
pub(crate) fn create_group(config: &Config, zone: &Zone, hash: &str) -> Result<Request> {
    let body = NewGroup {
        name: name_for_key(hash),
        project: &config.project,
        tags: [marker(), key_tag(hash)],
        stateful: true,
        inbound_default_policy: "drop",
        outbound_default_policy: "accept",
    };
    let url = zonal(&config.endpoint, zone, &["security_groups"]);
    Request::post("create security group", url)
        .about(Subject::Other)
        .json(&body)
}

pub(crate) fn list_groups_of_key(config: &Config, zone: &Zone, hash: &str) -> Request {
    list_groups(&config.endpoint, zone)
        .query("project", &config.project)
        .query("tags", format!("{},{}", marker(), key_tag(hash)))
}

/// The name filters by a part of it.
pub(crate) fn list_groups_of_server(endpoint: &Endpoint, id: &ServerId) -> Request {
    list_groups(endpoint, &id.zone).query("name", name_for_server(&id.server))
}

fn list_groups(endpoint: &Endpoint, zone: &Zone) -> Request {
    Request::get("list security groups", zonal(endpoint, zone, &["security_groups"]))
        .about(Subject::Other)
        .query("per_page", PAGE_SIZE)
}

pub(crate) fn delete_group(endpoint: &Endpoint, zone: &Zone, group: &Uuid) -> Request {
    let delete = Request::delete("delete security group", of_group(endpoint, zone, group, &[]));
    delete.about(Subject::Part).answered_with(StatusCode::NO_CONTENT)
}

pub(crate) fn list_rules(endpoint: &Endpoint, zone: &Zone, group: &Uuid) -> Request {
    Request::get("list security group rules", of_group(endpoint, zone, group, &["rules"]))
        .about(Subject::Part)
        .query("per_page", PAGE_SIZE)
}

#[derive(Serialize)]
struct Rules<'a> {
    rules: Vec<Rule<'a>>,
}

/// With every field that Scaleway's SDK sends; `null` lets the API choose.
#[derive(Serialize)]
struct Rule<'a> {
    id: Option<&'static str>,
    action: &'static str,
    protocol: &'static str,
    direction: &'static str,
    ip_range: &'static str,
    dest_port_from: u16,
    dest_port_to: Option<u16>,
    position: usize,
    editable: Option<bool>,
    zone: &'a str,
}

/// Replaces all rules of a group, so that it may be repeated. The host has no IPv6 address, so that IPv4 rules are all.
pub(crate) fn set_rules(endpoint: &Endpoint, zone: &Zone, group: &Uuid, ports: &[PortRange]) -> Result<Request> {
    let rule = |(at, range): (usize, &PortRange)| Rule {
        id: None,
        action: "accept",
        protocol: match range.protocol() {
            Protocol::Tcp => "TCP",
            Protocol::Udp => "UDP",
        },
        direction: "inbound",
        ip_range: "0.0.0.0/0",
        dest_port_from: range.from(),
        dest_port_to: (range.to() != range.from()).then_some(range.to()),
        position: at + 1,
        editable: None,
        zone: zone.as_str(),
    };
    let body = Rules {
        rules: ports.iter().enumerate().map(rule).collect(),
    };
    Request::put("set security group rules", of_group(endpoint, zone, group, &["rules"]))
        .about(Subject::Part)
        .json(&body)
}

#[derive(Serialize)]
struct Name {
    name: String,
}

/// Names a security group after its server, so that it is found when the server is gone.
pub(crate) fn name_group(endpoint: &Endpoint, id: &ServerId, group: &Uuid) -> Result<Request> {
    name_part("name security group", of_group(endpoint, &id.zone, group, &[]), id)
}

/// Names a disk after its server, so that it is found when the server is gone.
pub(crate) fn name_volume(endpoint: &Endpoint, id: &ServerId, volume: &Uuid) -> Result<Request> {
    name_part(
        "name volume",
        zonal(endpoint, &id.zone, &["volumes", volume.as_str()]),
        id,
    )
}

fn name_part(operation: &'static str, url: Url, id: &ServerId) -> Result<Request> {
    let body = Name {
        name: name_for_server(&id.server),
    };
    Request::patch(operation, url).about(Subject::Part).json(&body)
}

pub(crate) fn list_volumes_of_server(endpoint: &Endpoint, id: &ServerId) -> Request {
    Request::get("list volumes", zonal(endpoint, &id.zone, &["volumes"]))
        .about(Subject::Other)
        .query("name", name_for_server(&id.server))
        .query("per_page", PAGE_SIZE)
}

pub(crate) fn delete_volume(endpoint: &Endpoint, zone: &Zone, volume: &Uuid) -> Request {
    let delete = Request::delete("delete volume", zonal(endpoint, zone, &["volumes", volume.as_str()]));
    delete.about(Subject::Part).answered_with(StatusCode::NO_CONTENT)
}

pub(crate) fn list_plans(endpoint: &Endpoint, zone: &Zone, page: usize) -> Request {
    let list = Request::get("list server types", zonal(endpoint, zone, &["products", "servers"]));
    paged(list.about(Subject::Other), page)
}

pub(crate) fn list_availability(endpoint: &Endpoint, zone: &Zone, page: usize) -> Request {
    let url = zonal(endpoint, zone, &["products", "servers", "availability"]);
    paged(Request::get("list availability", url).about(Subject::Other), page)
}

fn paged(request: Request, page: usize) -> Request {
    request.query("per_page", PAGE_SIZE).query("page", page)
}

pub(crate) fn list_images(endpoint: &Endpoint, page: usize) -> Request {
    Request::get("list images", endpoint.join(["marketplace", "v2", "images"]))
        .about(Subject::Other)
        .query("category", "distribution")
        .query("include_eol", false)
        .query("order_by", "name_asc")
        .query("page_size", PAGE_SIZE)
        .query("page", page)
}
