//! Pure functions that build every request of the provider, and what they are made of.
//! Source: <https://cloud.google.com/compute/docs/reference/rest/v1>

use provision_core::{Error, Find, IdempotencyKey, KEY_LABEL, Labels, MANAGED_BY, MANAGED_BY_LABEL, Order, Result};
use provision_http::{Endpoint, Request, Subject, url::Url};
use serde::Serialize;

use crate::{
    id::{Target, is_name, is_project, region_of},
    rule::Rule,
};

/// The largest page that the API gives.
const PAGE_SIZE: usize = 500;
/// Labels that a resource can have: <https://cloud.google.com/compute/docs/labeling-resources#restrictions>
const MOST_LABELS: usize = 64;

fn zonal(endpoint: &Endpoint, target: &Target, rest: &[&str]) -> Url {
    let start = ["zones", target.zone.as_str()];
    compute(endpoint, &target.project, start.into_iter().chain(rest.iter().copied()))
}

fn firewalls(endpoint: &Endpoint, target: &Target, name: Option<&str>) -> Url {
    compute(
        endpoint,
        &target.project,
        ["global", "firewalls"].into_iter().chain(name),
    )
}

fn compute<'a>(endpoint: &Endpoint, project: &'a str, rest: impl IntoIterator<Item = &'a str>) -> Url {
    endpoint.join(["compute", "v1", "projects", project].into_iter().chain(rest))
}

/// A `requestId` that is the same for the same key and place: a repeated create is then the first one again. Sixteen bytes
/// of SHA-256 in the shape of a UUID (RFC 9562, version 5).
pub(crate) fn request_id(key: &IdempotencyKey, target: &Target) -> String {
    let hex = key.hash_with(&[&target.project, &target.zone, &target.name]);
    let digits: String = hex
        .char_indices()
        .map(|(at, digit)| match at {
            12 => '5',
            16 => char::from_digit(digit.to_digit(16).unwrap_or_default() & 3 | 8, 16).unwrap_or('8'),
            _ => digit,
        })
        .collect();
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InsertInstance<'a> {
    name: &'a str,
    machine_type: String,
    labels: &'a Labels,
    tags: Tags,
    disks: [AttachedDisk<'a>; 1],
    network_interfaces: [NetworkInterface; 1],
    metadata: Metadata<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    service_accounts: Vec<VmServiceAccount<'a>>,
}

#[derive(Serialize)]
struct Tags {
    items: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AttachedDisk<'a> {
    boot: bool,
    /// The disk goes with the instance.
    auto_delete: bool,
    initialize_params: NewDisk<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NewDisk<'a> {
    source_image: String,
    disk_size_gb: String,
    disk_type: String,
    labels: &'a Labels,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NetworkInterface {
    network: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    subnetwork: Option<String>,
    access_configs: [AccessConfig; 1],
}

/// Without an address in it: an ephemeral one, which goes with the instance.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AccessConfig {
    name: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    network_tier: &'static str,
}

#[derive(Serialize)]
struct Metadata<'a> {
    items: Vec<MetadataItem<'a>>,
}

#[derive(Serialize)]
struct MetadataItem<'a> {
    key: &'static str,
    value: std::borrow::Cow<'a, str>,
}

#[derive(Serialize)]
struct VmServiceAccount<'a> {
    email: &'a str,
    scopes: [&'static str; 1],
}

pub(crate) fn create_instance(
    endpoint: &Endpoint,
    target: &Target,
    order: &Order,
    request_id: Option<&str>,
) -> Result<Request> {
    let (zone, plan) = (&target.zone, order.plan.as_str());
    let name_option = |key: &'static str, default: &'static str| match order.extra(key) {
        Some(name) if !is_name(name) => Err(Error::invalid(format!(
            "additional setting `{key}` must be a name, without slashes"
        ))),
        other => Ok(other.unwrap_or(default)),
    };
    if !is_name(plan) {
        return Err(Error::invalid(format!(
            "plan {plan:?} is not the name of a machine type, such as e2-micro"
        )));
    }
    let labels = order.labels.iter().count();
    if labels > MOST_LABELS {
        return Err(Error::invalid(format!(
            "{labels} labels are too many: {MOST_LABELS} fit, ours included"
        )));
    }
    let network = name_option("network", "default")?;
    let subnetwork = order
        .extra("subnetwork")
        .map(|_| name_option("subnetwork", ""))
        .transpose()?;
    if subnetwork.is_some() && order.extra("network").is_none() {
        return Err(Error::invalid(
            "additional setting `subnetwork` needs `network`, for the firewall rule",
        ));
    }
    let disk_gb = order.extra("disk-gb").unwrap_or("10");
    if !disk_gb.parse::<u32>().is_ok_and(|size| (10..=65_536).contains(&size)) {
        return Err(Error::invalid(
            "additional setting `disk-gb` must be a whole number from 10 to 65536",
        ));
    }
    let mut tags = vec![target.allow_rule()];
    let asked = order.extra("tags").unwrap_or_default().split(',').map(str::trim);
    for tag in asked.filter(|tag| !tag.is_empty()) {
        if !is_name(tag) {
            return Err(Error::invalid(
                "additional setting `tags` must be names, separated by commas",
            ));
        }
        tags.push(tag.to_owned());
    }
    let body = InsertInstance {
        name: &target.name,
        machine_type: format!("zones/{zone}/machineTypes/{plan}"),
        labels: &order.labels,
        tags: Tags { items: tags },
        disks: [AttachedDisk {
            boot: true,
            auto_delete: true,
            initialize_params: NewDisk {
                source_image: image(order, &target.project)?,
                disk_size_gb: disk_gb.to_owned(),
                disk_type: format!("zones/{zone}/diskTypes/{}", name_option("disk-type", "pd-standard")?),
                labels: &order.labels,
            },
        }],
        network_interfaces: [NetworkInterface {
            network: format!("global/networks/{network}"),
            subnetwork: subnetwork.map(|name| format!("regions/{}/subnetworks/{name}", region_of(zone))),
            access_configs: [AccessConfig {
                name: "External NAT",
                kind: "ONE_TO_ONE_NAT",
                network_tier: "PREMIUM",
            }],
        }],
        metadata: Metadata {
            items: metadata(order)?,
        },
        service_accounts: order
            .extra("vm-service-account")
            .into_iter()
            .map(|email| VmServiceAccount {
                email,
                scopes: ["https://www.googleapis.com/auth/cloud-platform"],
            })
            .collect(),
    };
    let create = Request::post("create instance", zonal(endpoint, target, &["instances"])).about(Subject::NewHost);
    let create = request_id
        .into_iter()
        .fold(create, |create, id| create.query("requestId", id));
    Ok(create.json(&body)?.redact(order.user_data.expose()))
}

fn metadata(order: &Order) -> Result<Vec<MetadataItem<'_>>> {
    let mut items = Vec::new();
    if !order.user_data.is_empty() {
        // Read by cloud-init at the first boot; `startup-script` would run at every one.
        items.push(MetadataItem {
            key: "user-data",
            value: order.user_data.expose().into(),
        });
    }
    let mut lines = Vec::new();
    for key in &order.ssh_keys {
        let key = key.trim();
        let (user, text) = match key.split_once(':') {
            Some((user, text)) if is_name(user) => (user, text),
            _ => ("ubuntu", key),
        };
        let known = ["ssh-", "ecdsa-", "sk-"].iter().any(|start| text.starts_with(start));
        if !known || text.contains(['\n', '\r']) {
            return Err(Error::invalid(
                "an ssh key must be the text of a public key, such as `ssh-ed25519 AAAA... me`, or `user:ssh-ed25519 AAAA... me`",
            ));
        }
        lines.push(format!("{user}:{text}"));
    }
    if !lines.is_empty() {
        items.push(MetadataItem {
            key: "ssh-keys",
            value: lines.join("\n").into(),
        });
    }
    Ok(items)
}

/// Where bare family names live.
const FAMILIES: [(&str, &str); 2] = [("ubuntu-", "ubuntu-os-cloud"), ("debian-", "debian-cloud")];
/// Plans with Arm processors: <https://cloud.google.com/compute/docs/instances/arm-on-compute>
const ARM_PLANS: [&str; 4] = ["t2a-", "c4a-", "n4a-", "a4x-"];

/// The link of an image: a family of Ubuntu or Debian, `project/family`, an image of the own project, or a whole path.
fn image(order: &Order, project: &str) -> Result<String> {
    let is_arm = ARM_PLANS.iter().any(|start| order.plan.starts_with(start));
    let wanted = match order.default_image && is_arm {
        true => "ubuntu-2404-lts-arm64",
        false => order.image.as_str(),
    };
    let path = wanted
        .strip_prefix("https://www.googleapis.com/compute/v1/")
        .unwrap_or(wanted);
    let parts: Vec<&str> = path.split('/').collect();
    let known = FAMILIES.iter().find(|(start, _)| path.starts_with(start));
    match (parts.as_slice(), known) {
        ([family], Some((_, owner))) if is_name(family) => {
            Ok(format!("projects/{owner}/global/images/family/{family}"))
        }
        ([name], None) if is_name(name) => Ok(format!("projects/{project}/global/images/{name}")),
        ([owner, family], _) if is_project(owner) && is_name(family) => {
            Ok(format!("projects/{owner}/global/images/family/{family}"))
        }
        (
            ["projects", owner, "global", "images", "family", name] | ["projects", owner, "global", "images", name],
            _,
        ) if is_project(owner) && is_name(name) => Ok(path.to_owned()),
        _ => Err(Error::invalid(format!(
            "image {wanted:?} is not one: give a family such as ubuntu-2404-lts-amd64, `project/family`, the name of an image of your project, or projects/<project>/global/images/<name>"
        ))),
    }
}

pub(crate) fn get_instance(endpoint: &Endpoint, target: &Target) -> Request {
    Request::get("get instance", zonal(endpoint, target, &["instances", &target.name])).about(Subject::Host)
}

pub(crate) fn delete_instance(endpoint: &Endpoint, target: &Target) -> Request {
    Request::delete("delete instance", zonal(endpoint, target, &["instances", &target.name])).about(Subject::Host)
}

/// Instances of one zone, or of all: those of a key or name, or all of ours.
pub(crate) fn list_instances(
    endpoint: &Endpoint,
    project: &str,
    zone: Option<&str>,
    find: Find<'_>,
    token: Option<&str>,
) -> Request {
    let url = match zone {
        Some(zone) => compute(endpoint, project, ["zones", zone, "instances"]),
        None => compute(endpoint, project, ["aggregated", "instances"]),
    };
    let filter = match find {
        Find::Key(hash) => format!("labels.{KEY_LABEL}={hash}"),
        Find::Name(name) => format!("name={name}"),
        _ => format!("labels.{MANAGED_BY_LABEL}={MANAGED_BY}"),
    };
    listed("list instances", url, Some(&filter), token)
}

/// Everything that was done to an instance, and is still remembered.
pub(crate) fn list_operations(endpoint: &Endpoint, target: &Target, token: Option<&str>) -> Request {
    let filter = format!("targetLink eq \".*/instances/{}\"", target.name);
    listed(
        "list operations",
        zonal(endpoint, target, &["operations"]),
        Some(&filter),
        token,
    )
}

pub(crate) fn get_disk(endpoint: &Endpoint, target: &Target) -> Request {
    Request::get("get disk", zonal(endpoint, target, &["disks", &target.name])).about(Subject::Part)
}

pub(crate) fn delete_disk(endpoint: &Endpoint, target: &Target) -> Request {
    Request::delete("delete disk", zonal(endpoint, target, &["disks", &target.name])).about(Subject::Part)
}

pub(crate) fn delete_address(endpoint: &Endpoint, target: &Target, region: &str) -> Request {
    let path = ["regions", region, "addresses", target.name.as_str()];
    Request::delete("delete address", compute(endpoint, &target.project, path)).about(Subject::Part)
}

pub(crate) fn create_rule(endpoint: &Endpoint, target: &Target, rule: &Rule) -> Result<Request> {
    Request::post("create firewall rule", firewalls(endpoint, target, None))
        .about(Subject::Other)
        .json(rule)
}

pub(crate) fn change_rule(endpoint: &Endpoint, target: &Target, rule: &Rule) -> Result<Request> {
    Request::patch("change firewall rule", firewalls(endpoint, target, Some(&rule.name)))
        .about(Subject::Part)
        .json(rule)
}

/// Rules with the names that those of a host have, whoever made them.
pub(crate) fn list_rules(endpoint: &Endpoint, target: &Target, token: Option<&str>) -> Request {
    let filter = format!("name eq \"{}-(fw|no)\"", target.name);
    listed(
        "list firewall rules",
        firewalls(endpoint, target, None),
        Some(&filter),
        token,
    )
}

pub(crate) fn delete_rule(endpoint: &Endpoint, target: &Target, name: &str) -> Request {
    Request::delete("delete firewall rule", firewalls(endpoint, target, Some(name))).about(Subject::Part)
}

pub(crate) fn list_zones(endpoint: &Endpoint, project: &str, token: Option<&str>) -> Request {
    listed("list zones", compute(endpoint, project, ["zones"]), None, token)
}

pub(crate) fn list_machine_types(endpoint: &Endpoint, project: &str, zone: &str, token: Option<&str>) -> Request {
    let url = compute(endpoint, project, ["zones", zone, "machineTypes"]);
    listed("list machine types", url, None, token)
}

/// Whose images the catalog shows, and of which families.
pub(crate) const CATALOG_IMAGES: [(&str, &str); 2] = [
    ("ubuntu-os-cloud", "ubuntu-(minimal-)?2[0-9]04-lts.*"),
    ("debian-cloud", "debian-[0-9]+.*"),
];

pub(crate) fn list_images(endpoint: &Endpoint, project: &str, families: &str, token: Option<&str>) -> Request {
    let url = compute(endpoint, project, ["global", "images"]);
    listed("list images", url, Some(&format!("family eq \"{families}\"")), token)
}

fn listed(operation: &'static str, url: Url, filter: Option<&str>, token: Option<&str>) -> Request {
    let mut list = Request::get(operation, url).about(Subject::Other);
    if let Some(filter) = filter {
        list = list.query("filter", filter);
    }
    list = list.query("maxResults", PAGE_SIZE);
    match token {
        Some(token) => list.query("pageToken", token),
        None => list,
    }
}
