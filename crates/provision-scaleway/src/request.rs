//! Pure functions that build every request of the provider. Sources:
//! <https://www.scaleway.com/en/developers/api/instance/>, <https://www.scaleway.com/en/developers/api/marketplace/>

use std::net::IpAddr;

use provision_core::{BasicHost, Error, IdempotencyKey, KEY_LABEL, MANAGED_BY, MANAGED_BY_LABEL, PortRange, Result};
use provision_http::{Endpoint, Request, url::Url};
use serde::Serialize;

use crate::config::{Config, INFO, Zone, is_uuid};

/// The largest page that the API gives.
pub(crate) const PAGE_SIZE: usize = 100;

/// The tag of a security group that holds the address of its host, so that a deletion by IP finds it after the host is
/// gone.
const IP_TAG: &str = "provision-ip";

fn zonal<'a>(endpoint: &Endpoint, zone: &'a Zone, rest: &[&'a str]) -> Url {
    let base = ["instance", "v1", "zones", zone.as_str()];
    endpoint.join(base.into_iter().chain(rest.iter().copied()))
}

fn marker() -> String {
    format!("{MANAGED_BY_LABEL}:{MANAGED_BY}")
}

/// What the create request asks for, but for the image's id.
#[derive(Serialize)]
pub(crate) struct NewServer<'a> {
    name: &'a str,
    commercial_type: &'a str,
    project: &'a str,
    image: String,
    dynamic_ip_required: bool,
    boot_type: &'static str,
    tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    placement_group: Option<&'a str>,
    // No `volumes`: with an image for local disks the server gets one local disk of the plan's full size.
}

impl<'a> NewServer<'a> {
    /// Reads and checks what can be checked without the cloud.
    pub(crate) fn new(config: &'a Config, host: &'a BasicHost) -> Result<Self> {
        let placement_group = host.additional.get("placement-group").map(String::as_str);
        if placement_group.is_some_and(|id| !is_uuid(id)) {
            return Err(
                Error::invalid("additional setting `placement-group` must be an id, a UUID").with_provider(INFO.id),
            );
        }
        Ok(Self {
            name: host.name.as_str(),
            commercial_type: host.plan.as_deref().unwrap_or(INFO.default_plan),
            project: &config.project,
            image: String::new(),
            dynamic_ip_required: true,
            boot_type: "local",
            tags: host.all_labels().to_tags(),
            placement_group,
        })
    }

    pub(crate) fn plan(&self) -> &'a str {
        self.commercial_type
    }
}

/// A new server is switched off.
pub(crate) fn create_server(
    endpoint: &Endpoint,
    zone: &Zone,
    server: &NewServer<'_>,
    image: String,
) -> Result<Request> {
    let body = NewServer {
        image,
        tags: server.tags.clone(),
        ..*server
    };
    Request::post("create server", zonal(endpoint, zone, &["servers"])).json(&body)
}

/// The raw text, neither JSON nor base64.
pub(crate) fn set_user_data(endpoint: &Endpoint, zone: &Zone, server: &str, user_data: &str) -> Request {
    let url = zonal(endpoint, zone, &["servers", server, "user_data", "cloud-init"]);
    Request::patch("set user data", url)
        .body("text/plain", user_data.to_owned())
        .redact(user_data)
}

#[derive(Serialize)]
struct Action {
    action: &'static str,
}

pub(crate) fn power_on(endpoint: &Endpoint, zone: &Zone, server: &str) -> Result<Request> {
    act("power on", "poweron", endpoint, zone, server)
}

pub(crate) fn power_off(endpoint: &Endpoint, zone: &Zone, server: &str) -> Result<Request> {
    act("power off", "poweroff", endpoint, zone, server)
}

pub(crate) fn terminate(endpoint: &Endpoint, zone: &Zone, server: &str) -> Result<Request> {
    act("terminate server", "terminate", endpoint, zone, server)
}

fn act(
    operation: &'static str,
    action: &'static str,
    endpoint: &Endpoint,
    zone: &Zone,
    server: &str,
) -> Result<Request> {
    let url = zonal(endpoint, zone, &["servers", server, "action"]);
    Request::post(operation, url).json(&Action { action })
}

pub(crate) fn get_server(endpoint: &Endpoint, zone: &Zone, server: &str) -> Request {
    Request::get("get server", zonal(endpoint, zone, &["servers", server]))
}

/// Leaves the disks behind; refused unless the server is switched off.
pub(crate) fn delete_server(endpoint: &Endpoint, zone: &Zone, server: &str) -> Request {
    Request::delete("delete server", zonal(endpoint, zone, &["servers", server]))
}

/// Oldest first, so that a server made meanwhile does not move the others to other pages.
pub(crate) fn list_servers(config: &Config, zone: &Zone, page: usize) -> Request {
    servers("list servers", config, zone, marker())
        .query("order", "creation_date_asc")
        .query("page", page)
}

pub(crate) fn find_server(config: &Config, zone: &Zone, key: &IdempotencyKey) -> Request {
    let tags = format!("{},{KEY_LABEL}:{}", marker(), key.hash());
    servers("find server", config, zone, tags).query("order", "creation_date_asc")
}

pub(crate) fn find_server_by_ip(config: &Config, zone: &Zone, ip: IpAddr) -> Request {
    servers("find server", config, zone, marker()).query("with_ip", ip)
}

/// Several tags are joined by commas; a server must have all of them.
fn servers(operation: &'static str, config: &Config, zone: &Zone, tags: String) -> Request {
    Request::get(operation, zonal(&config.endpoint, zone, &["servers"]))
        .query("project", &config.project)
        .query("tags", tags)
        .query("per_page", PAGE_SIZE)
}

/// The image's builds for local disks in a zone: one for each architecture.
pub(crate) fn find_image(endpoint: &Endpoint, zone: &Zone, label: &str) -> Request {
    Request::get("find image", endpoint.join(["marketplace", "v2", "local-images"]))
        .query("image_label", label)
        .query("zone", zone)
        .query("type", "instance_local")
        .query("page_size", PAGE_SIZE)
}

pub(crate) fn get_image(endpoint: &Endpoint, zone: &Zone, image: &str) -> Request {
    Request::get("get image", zonal(endpoint, zone, &["images", image]))
}

/// The name of what belongs to a server: found again with the server's id alone, even when the server is gone.
pub(crate) fn belonging(server: &str) -> String {
    format!("provision-{server}")
}

/// The id of the server to which a thing of this name belongs.
pub(crate) fn owner(name: &str) -> Option<&str> {
    name.strip_prefix("provision-").filter(|id| is_uuid(id))
}

#[derive(Serialize)]
struct NewGroup<'a> {
    name: String,
    project: &'a str,
    tags: [String; 1],
    stateful: bool,
    inbound_default_policy: &'static str,
    outbound_default_policy: &'static str,
}

/// Nothing comes in; answers to what goes out do.
pub(crate) fn create_group(config: &Config, zone: &Zone, server: &str) -> Result<Request> {
    let body = NewGroup {
        name: belonging(server),
        project: &config.project,
        tags: [marker()],
        stateful: true,
        inbound_default_policy: "drop",
        outbound_default_policy: "accept",
    };
    let url = zonal(&config.endpoint, zone, &["security_groups"]);
    Request::post("create security group", url).json(&body)
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
pub(crate) fn set_rules(endpoint: &Endpoint, zone: &Zone, group: &str, ports: &[PortRange]) -> Result<Request> {
    let rule = |(at, range): (usize, &PortRange)| Rule {
        id: None,
        action: "accept",
        protocol: match range.protocol() {
            provision_core::Protocol::Tcp => "TCP",
            provision_core::Protocol::Udp => "UDP",
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
    let url = zonal(endpoint, zone, &["security_groups", group, "rules"]);
    Request::put("set security group rules", url).json(&body)
}

#[derive(Serialize)]
struct UseGroup<'a> {
    security_group: Id<'a>,
}

#[derive(Serialize)]
struct Id<'a> {
    id: &'a str,
}

pub(crate) fn use_group(endpoint: &Endpoint, zone: &Zone, server: &str, group: &str) -> Result<Request> {
    let body = UseGroup {
        security_group: Id { id: group },
    };
    let url = zonal(endpoint, zone, &["servers", server]);
    Request::patch("use security group", url).json(&body)
}

#[derive(Serialize)]
struct Tags {
    tags: [String; 2],
}

fn ip_tags(ip: IpAddr) -> [String; 2] {
    [marker(), format!("{IP_TAG}:{ip}")]
}

pub(crate) fn mark_group(endpoint: &Endpoint, zone: &Zone, group: &str, ip: IpAddr) -> Result<Request> {
    let url = zonal(endpoint, zone, &["security_groups", group]);
    Request::patch("mark security group", url).json(&Tags { tags: ip_tags(ip) })
}

/// The name filters by a part of it.
pub(crate) fn find_groups(endpoint: &Endpoint, zone: &Zone, server: &str) -> Request {
    Request::get("find security group", zonal(endpoint, zone, &["security_groups"]))
        .query("name", belonging(server))
        .query("per_page", PAGE_SIZE)
}

pub(crate) fn find_groups_by_ip(config: &Config, zone: &Zone, ip: IpAddr) -> Request {
    Request::get(
        "find security group",
        zonal(&config.endpoint, zone, &["security_groups"]),
    )
    .query("project", &config.project)
    .query("tags", ip_tags(ip).join(","))
    .query("per_page", PAGE_SIZE)
}

pub(crate) fn delete_group(endpoint: &Endpoint, zone: &Zone, group: &str) -> Request {
    Request::delete(
        "delete security group",
        zonal(endpoint, zone, &["security_groups", group]),
    )
}

#[derive(Serialize)]
struct Name {
    name: String,
}

/// Names a disk after its server, so that it is found when the server is gone.
pub(crate) fn name_volume(endpoint: &Endpoint, zone: &Zone, volume: &str, server: &str) -> Result<Request> {
    let url = zonal(endpoint, zone, &["volumes", volume]);
    Request::patch("name volume", url).json(&Name {
        name: belonging(server),
    })
}

pub(crate) fn find_volumes(endpoint: &Endpoint, zone: &Zone, server: &str) -> Request {
    Request::get("find volumes", zonal(endpoint, zone, &["volumes"]))
        .query("name", belonging(server))
        .query("per_page", PAGE_SIZE)
}

pub(crate) fn delete_volume(endpoint: &Endpoint, zone: &Zone, volume: &str) -> Request {
    Request::delete("delete volume", zonal(endpoint, zone, &["volumes", volume]))
}

pub(crate) fn list_plans(endpoint: &Endpoint, zone: &Zone, page: usize) -> Request {
    Request::get("list server types", zonal(endpoint, zone, &["products", "servers"]))
        .query("per_page", PAGE_SIZE)
        .query("page", page)
}

pub(crate) fn list_availability(endpoint: &Endpoint, zone: &Zone, page: usize) -> Request {
    let url = zonal(endpoint, zone, &["products", "servers", "availability"]);
    Request::get("list availability", url)
        .query("per_page", PAGE_SIZE)
        .query("page", page)
}

pub(crate) fn list_images(endpoint: &Endpoint, page: usize) -> Request {
    Request::get("list images", endpoint.join(["marketplace", "v2", "images"]))
        .query("category", "distribution")
        .query("include_eol", false)
        .query("order_by", "name_asc")
        .query("page_size", PAGE_SIZE)
        .query("page", page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_ours_lead_to_a_server() {
        let server = "5d1c2f0e-7a55-4d3b-9c65-0a7d3f0f6f11";
        assert_eq!(owner(&belonging(server)), Some(server));
        assert_eq!(owner("provision-web"), None);
        assert_eq!(owner(server), None);
    }
}
