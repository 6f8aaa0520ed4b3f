//! Pure functions that build every request of the provider but that for a token. Sources, read 2026-11-28:
//! <https://docs.openstack.org/api-ref/compute/>, <https://docs.openstack.org/api-ref/network/v2/>,
//! <https://docs.openstack.org/api-ref/image/v2/>.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use provision_core::{Error, HostId, KEY_LABEL, MANAGED_BY, MANAGED_BY_LABEL, Order, PortRange, Result};
use provision_http::{Endpoint, Request, Subject, http::StatusCode};
use serde::Serialize;

use crate::{
    parts::{self, Parts},
    session::Place,
};

/// Items on a page.
pub(crate) const PAGE_SIZE: usize = 100;

/// The first version of Nova's that takes tags with a create; the filter by tags is older.
pub(crate) const MICROVERSION: (u32, u32) = (2, 52);
const VERSION_HEADER: &str = "openstack-api-version";

/// How many pairs of metadata a server may have (`maxServerMeta`), three of which are ids of its parts.
const MOST_LABELS: usize = 128 - 3;

/// Which versions Nova speaks.
pub(crate) fn get_version(compute: &Endpoint) -> Request {
    Request::get("get compute version", compute.join([""])).about(Subject::Other)
}

/// In the version that the cloud is known to speak.
fn in_version(request: Request, place: &Place) -> Result<Request> {
    match place.tags {
        true => request.header(
            VERSION_HEADER,
            &format!("compute {}.{}", MICROVERSION.0, MICROVERSION.1),
        ),
        false => Ok(request),
    }
}

/// What was looked up and made before the server can be.
#[derive(Debug, Default)]
pub(crate) struct Ground<'a> {
    pub(crate) image: &'a str,
    pub(crate) flavor: &'a str,
    pub(crate) network: &'a str,
    pub(crate) parts: Parts,
}

#[derive(Serialize)]
struct CreateServer<'a> {
    server: NewServer<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NewServer<'a> {
    name: &'a str,
    image_ref: &'a str,
    flavor_ref: &'a str,
    #[serde(rename = "user_data", skip_serializing_if = "String::is_empty")]
    user_data: String,
    metadata: BTreeMap<&'a str, &'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    networks: [Attachment<'a>; 1],
    /// Of the port that Nova makes; one of ours has its own.
    #[serde(rename = "security_groups", skip_serializing_if = "Vec::is_empty")]
    security_groups: Vec<GroupName<'a>>,
    #[serde(rename = "key_name", skip_serializing_if = "Option::is_none")]
    key_name: Option<&'a str>,
    #[serde(rename = "availability_zone", skip_serializing_if = "Option::is_none")]
    availability_zone: Option<&'a str>,
    /// External networks often have no metadata service.
    #[serde(rename = "config_drive", skip_serializing_if = "std::ops::Not::not")]
    config_drive: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Attachment<'a> {
    Uuid(&'a str),
    Port(&'a str),
}

#[derive(Serialize)]
struct GroupName<'a> {
    /// A name or an id.
    name: &'a str,
}

/// The create, with everything checked that can be without asking the cloud.
pub(crate) fn create_server(place: &Place, order: &Order, ground: &Ground<'_>) -> Result<Request> {
    let chosen = order.extra("security-group");
    if chosen.is_some() && order.ports.restricted().is_some() {
        return Err(Error::invalid(
            "restricted ports make a security group of their own: leave out the additional setting `security-group`, or the ports",
        ));
    }
    if chosen.is_some_and(|group| HostId::check_uuid(group).is_err()) {
        return Err(Error::invalid(
            "additional setting `security-group` must be the id of a security group, a UUID: see `openstack security group list`",
        ));
    }
    let key_name = match order.ssh_keys.as_slice() {
        [] => None,
        [one] => Some(one.as_str()),
        _ => {
            return Err(Error::invalid(
                "OpenStack installs one key pair at most: put the others into the user data",
            ));
        }
    };
    let labels = ground.parts.added_to(&order.labels);
    let metadata: BTreeMap<&str, &str> = labels.iter().collect();
    if metadata.len() > MOST_LABELS {
        return Err(Error::invalid(format!("a server takes {MOST_LABELS} labels at most")));
    }
    let tags = match place.tags {
        true => [MANAGED_BY_LABEL, KEY_LABEL]
            .into_iter()
            .filter_map(|label| tag(label, order.labels.get(label)?).into())
            .collect(),
        false => Vec::new(),
    };
    let group = ground.parts.group.as_deref().or(chosen);
    let (attachment, groups) = match &ground.parts.port {
        Some(port) => (Attachment::Port(port), None),
        None => (Attachment::Uuid(ground.network), group),
    };
    let user_data = match order.user_data.is_empty() {
        true => String::new(),
        false => STANDARD.encode(order.user_data.expose()),
    };
    let create = Request::post("create server", place.compute.join(["servers"])).about(Subject::NewHost);
    let create = create.redact(&user_data).redact(order.user_data.expose());
    let server = NewServer {
        name: order.name.as_str(),
        image_ref: ground.image,
        flavor_ref: ground.flavor,
        user_data,
        metadata,
        tags,
        config_drive: ground.parts.port.is_none(),
        networks: [attachment],
        security_groups: groups.into_iter().map(|name| GroupName { name }).collect(),
        key_name,
        availability_zone: order.extra("availability-zone"),
    };
    in_version(create.json(&CreateServer { server })?, place)
}

/// A label as a tag: Nova takes 60 characters without `,` and `/`, and the two that are used fit.
fn tag(label: &str, value: &str) -> String {
    format!("{label}:{value}")
}

pub(crate) fn get_server(place: &Place, id: &str) -> Result<Request> {
    let get = Request::get("get server", place.compute.join(["servers", id]));
    in_version(get.about(Subject::Host), place)
}

pub(crate) fn delete_server(place: &Place, id: &str) -> Request {
    Request::delete("delete server", place.compute.join(["servers", id]))
        .about(Subject::Host)
        .answered_with(StatusCode::NO_CONTENT)
}

/// One page of the servers with our marker, or with a key. A cloud without tags gives all servers of the project.
pub(crate) fn list_servers(place: &Place, key_hash: Option<&str>) -> Result<Request> {
    let list = Request::get("list servers", place.compute.join(["servers", "detail"]));
    let list = list.about(Subject::Other).query("limit", PAGE_SIZE);
    let list = match (place.tags, key_hash) {
        (false, _) => list,
        (true, None) => list.query("tags", tag(MANAGED_BY_LABEL, MANAGED_BY)),
        (true, Some(hash)) => list.query("tags", tag(KEY_LABEL, hash)),
    };
    in_version(list, place)
}

pub(crate) fn list_flavors(place: &Place) -> Request {
    let list = Request::get("list flavors", place.compute.join(["flavors", "detail"]));
    list.about(Subject::Other).query("limit", PAGE_SIZE)
}

/// Images that can be used, the newest first.
pub(crate) fn list_images(place: &Place) -> Request {
    let list = Request::get("list images", place.image.join(["images"]));
    list.about(Subject::Other)
        .query("status", "active")
        .query("sort", "created_at:desc")
}

/// The newest image with these properties, of which the name is one.
pub(crate) fn find_image<'a>(place: &Place, properties: impl IntoIterator<Item = (&'a str, &'a str)>) -> Request {
    let list = list_images(place).query("limit", 1);
    properties
        .into_iter()
        .fold(list, |list, (name, value)| list.query(name, value))
}

fn list(place: &Place, operation: &'static str, what: &str) -> Request {
    let list = Request::get(operation, place.network.join([what]));
    list.about(Subject::Other).query("limit", PAGE_SIZE)
}

pub(crate) fn list_networks(place: &Place) -> Request {
    list(place, "list networks", "networks")
}

pub(crate) fn list_ports(place: &Place, name: &str) -> Request {
    list(place, "list ports", "ports").query("name", name)
}

pub(crate) fn list_groups(place: &Place, name: &str) -> Request {
    list(place, "list security groups", "security-groups").query("name", name)
}

/// Those of a key, whatever they are called by now.
pub(crate) fn list_ports_of_key(place: &Place, hash: &str) -> Request {
    list(place, "list ports", "ports").query("description", parts::description_of_part(hash))
}

pub(crate) fn list_groups_of_key(place: &Place, hash: &str) -> Request {
    list(place, "list security groups", "security-groups").query("description", parts::description_of_part(hash))
}

/// All of the project's: not every cloud filters by description.
pub(crate) fn list_floating_ips(place: &Place) -> Request {
    list(place, "list floating IPs", "floatingips")
}

/// The page behind the item with that id.
pub(crate) fn after(request: Request, marker: Option<&str>) -> Request {
    match marker {
        Some(marker) => request.query("marker", marker),
        None => request,
    }
}

/// Neutron wants what it is about to be named: `{"port": {..}}`.
fn about<T: Serialize>(what: &'static str, body: T) -> BTreeMap<&'static str, T> {
    BTreeMap::from([(what, body)])
}

#[derive(Serialize)]
struct NewGroup<'a> {
    name: &'a str,
    description: &'a str,
}

/// A security group that lets nothing in, and everything out.
pub(crate) fn create_group(place: &Place, key_hash: &str) -> Result<Request> {
    let body = NewGroup {
        name: &parts::name_for_key(key_hash),
        description: &parts::description_of_part(key_hash),
    };
    let create = Request::post("create security group", place.network.join(["security-groups"]));
    create.about(Subject::Other).json(&about("security_group", &body))
}

pub(crate) fn get_group(place: &Place, id: &str) -> Request {
    Request::get("get security group", place.network.join(["security-groups", id])).about(Subject::Part)
}

#[derive(Serialize)]
struct Name<'a> {
    name: &'a str,
}

pub(crate) fn name_group(place: &Place, id: &str, server: &str) -> Result<Request> {
    let name = parts::name_for_host(server);
    let rename = Request::put("name security group", place.network.join(["security-groups", id]));
    rename
        .about(Subject::Part)
        .json(&about("security_group", &Name { name: &name }))
}

pub(crate) fn delete_group(place: &Place, id: &str) -> Request {
    Request::delete("delete security group", place.network.join(["security-groups", id]))
        .about(Subject::Part)
        .answered_with(StatusCode::NO_CONTENT)
}

/// What a security group lets in. Without a protocol it is everything, without ports all of the protocol's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Opening {
    ethertype: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port_range_min: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port_range_max: Option<u16>,
}

impl Opening {
    /// What an order wants to be let in.
    pub(crate) fn of(order: &Order) -> Vec<Self> {
        let both = |protocol, from, to| {
            ["IPv4", "IPv6"].map(|ethertype| Self {
                ethertype,
                protocol,
                port_range_min: from,
                port_range_max: to,
            })
        };
        let port = |range: &PortRange| both(Some(range.protocol().as_str()), Some(range.from()), Some(range.to()));
        match order.ports.restricted() {
            None => both(None, None, None).into(),
            Some(ports) => ports.iter().flat_map(port).collect(),
        }
    }
}

#[derive(Serialize)]
struct NewRule<'a> {
    security_group_id: &'a str,
    direction: &'static str,
    #[serde(flatten)]
    opening: &'a Opening,
}

/// All rules in one request: they are made together or not at all.
pub(crate) fn create_rules(place: &Place, group: &str, openings: &[Opening]) -> Result<Request> {
    let rule = |opening| NewRule {
        security_group_id: group,
        direction: "ingress",
        opening,
    };
    let rules: Vec<NewRule<'_>> = openings.iter().map(rule).collect();
    let create = Request::post(
        "create security group rules",
        place.network.join(["security-group-rules"]),
    );
    create
        .about(Subject::Other)
        .json(&about("security_group_rules", &rules))
}

#[derive(Serialize)]
struct NewPort<'a> {
    network_id: &'a str,
    name: &'a str,
    description: &'a str,
    security_groups: Vec<&'a str>,
}

/// A port. Unless a security group was chosen nothing gets through: it need not wait for its own.
pub(crate) fn create_port(place: &Place, network: &str, key_hash: &str, chosen: Option<&str>) -> Result<Request> {
    let body = NewPort {
        network_id: network,
        name: &parts::name_for_key(key_hash),
        description: &parts::description_of_part(key_hash),
        security_groups: chosen.into_iter().collect(),
    };
    let create = Request::post("create port", place.network.join(["ports"]));
    create.about(Subject::Other).json(&about("port", &body))
}

pub(crate) fn get_port(place: &Place, id: &str) -> Request {
    Request::get("get port", place.network.join(["ports", id])).about(Subject::Part)
}

#[derive(Serialize)]
struct PortChange<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    security_groups: Option<[&'a str; 1]>,
}

/// Names a port after its host, and puts it into its security group.
pub(crate) fn change_port(place: &Place, id: &str, server: &str, group: Option<&str>) -> Result<Request> {
    let body = PortChange {
        name: &parts::name_for_host(server),
        security_groups: group.map(|group| [group]),
    };
    let change = Request::put("change port", place.network.join(["ports", id]));
    change.about(Subject::Part).json(&about("port", &body))
}

pub(crate) fn delete_port(place: &Place, id: &str) -> Request {
    Request::delete("delete port", place.network.join(["ports", id]))
        .about(Subject::Part)
        .answered_with(StatusCode::NO_CONTENT)
}

#[derive(Serialize)]
struct NewFloatingIp<'a> {
    floating_network_id: &'a str,
    port_id: &'a str,
    description: &'a str,
}

pub(crate) fn create_floating_ip(
    place: &Place,
    network: &str,
    port: &str,
    server: &str,
    key_hash: &str,
) -> Result<Request> {
    let body = NewFloatingIp {
        floating_network_id: network,
        port_id: port,
        description: &parts::description(server, key_hash),
    };
    let create = Request::post("create floating IP", place.network.join(["floatingips"]));
    create.about(Subject::Other).json(&about("floatingip", &body))
}

pub(crate) fn delete_floating_ip(place: &Place, id: &str) -> Request {
    Request::delete("delete floating IP", place.network.join(["floatingips", id]))
        .about(Subject::Part)
        .answered_with(StatusCode::NO_CONTENT)
}
