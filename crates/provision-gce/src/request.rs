//! Pure functions that build every request of the provider, and what they are made of.
//! Source: <https://cloud.google.com/compute/docs/reference/rest/v1>

use std::collections::BTreeMap;

use provision_core::{BasicHost, IdempotencyKey, MANAGED_BY, MANAGED_BY_LABEL, Protocol, Result};
use provision_http::{Endpoint, Request, url::Url};
use serde::Serialize;

use crate::{
    config::{INFO, Target, is_name, is_project, refused, region_of},
    response::{Firewall, Protocols},
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
    labels: &'a BTreeMap<String, String>,
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
    labels: &'a BTreeMap<String, String>,
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
    host: &BasicHost,
    request_id: Option<&str>,
) -> Result<Request> {
    let zone = &target.zone;
    let option = |key: &str| host.additional.get(key).map(String::as_str);
    let name_option = |key: &'static str, default: &'static str| match option(key) {
        Some(name) if !is_name(name) => Err(refused(format!(
            "additional setting `{key}` must be a name, without slashes"
        ))),
        other => Ok(other.unwrap_or(default)),
    };
    let plan = host.plan.as_deref().unwrap_or(INFO.default_plan);
    if !is_name(plan) {
        return Err(refused(format!(
            "plan {plan:?} is not the name of a machine type, such as e2-micro"
        )));
    }
    let labels: BTreeMap<String, String> = host
        .all_labels()
        .iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    if labels.len() > MOST_LABELS {
        return Err(refused(format!(
            "{} labels are too many: {MOST_LABELS} fit, ours included",
            labels.len()
        )));
    }
    let network = name_option("network", "default")?;
    let subnetwork = option("subnetwork")
        .map(|_| name_option("subnetwork", ""))
        .transpose()?;
    if subnetwork.is_some() && option("network").is_none() {
        return Err(refused(
            "additional setting `subnetwork` needs `network`, for the firewall rule",
        ));
    }
    let disk_gb = option("disk-gb").unwrap_or("10");
    if !disk_gb.parse::<u32>().is_ok_and(|size| (10..=65_536).contains(&size)) {
        return Err(refused(
            "additional setting `disk-gb` must be a whole number from 10 to 65536",
        ));
    }
    let mut tags = vec![tag(target)];
    for tag in option("tags")
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|tag| !tag.is_empty())
    {
        if !is_name(tag) {
            return Err(refused("additional setting `tags` must be names, separated by commas"));
        }
        tags.push(tag.to_owned());
    }
    let body = InsertInstance {
        name: &target.name,
        machine_type: format!("zones/{zone}/machineTypes/{plan}"),
        labels: &labels,
        tags: Tags { items: tags },
        disks: [AttachedDisk {
            boot: true,
            auto_delete: true,
            initialize_params: NewDisk {
                source_image: image(host.image.as_deref(), plan, &target.project)?,
                disk_size_gb: disk_gb.to_owned(),
                disk_type: format!("zones/{zone}/diskTypes/{}", name_option("disk-type", "pd-standard")?),
                labels: &labels,
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
        metadata: Metadata { items: metadata(host)? },
        service_accounts: option("vm-service-account")
            .into_iter()
            .map(|email| VmServiceAccount {
                email,
                scopes: ["https://www.googleapis.com/auth/cloud-platform"],
            })
            .collect(),
    };
    let request = Request::post("create instance", zonal(endpoint, target, &["instances"]));
    let request = request_id
        .into_iter()
        .fold(request, |request, id| request.query("requestId", id));
    Ok(request.json(&body)?.redact(host.user_data.expose()))
}

fn metadata(host: &BasicHost) -> Result<Vec<MetadataItem<'_>>> {
    let mut items = Vec::new();
    if !host.user_data.is_empty() {
        // Read by cloud-init at the first boot; `startup-script` would run at every one.
        items.push(MetadataItem {
            key: "user-data",
            value: host.user_data.expose().into(),
        });
    }
    let mut lines = Vec::new();
    for key in &host.ssh_keys {
        let key = key.trim();
        let (user, text) = match key.split_once(':') {
            Some((user, text)) if is_name(user) => (user, text),
            _ => ("ubuntu", key),
        };
        let known = ["ssh-", "ecdsa-", "sk-"].iter().any(|start| text.starts_with(start));
        if !known || text.contains(['\n', '\r']) {
            return Err(refused(
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
fn image(wanted: Option<&str>, plan: &str, project: &str) -> Result<String> {
    let wanted = wanted.unwrap_or_else(|| match ARM_PLANS.iter().any(|start| plan.starts_with(start)) {
        true => "ubuntu-2404-lts-arm64",
        false => INFO.default_image,
    });
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
        _ => Err(refused(format!(
            "image {wanted:?} is not one: give a family such as ubuntu-2404-lts-amd64, `project/family`, the name of an image of your project, or projects/<project>/global/images/<name>"
        ))),
    }
}

pub(crate) fn get_instance(endpoint: &Endpoint, target: &Target) -> Request {
    Request::get("get instance", zonal(endpoint, target, &["instances", &target.name]))
}

pub(crate) fn delete_instance(endpoint: &Endpoint, target: &Target) -> Request {
    Request::delete("delete instance", zonal(endpoint, target, &["instances", &target.name]))
}

/// Our instances: of one zone, or of all.
pub(crate) fn list_instances(endpoint: &Endpoint, project: &str, zone: Option<&str>, token: Option<&str>) -> Request {
    let url = match zone {
        Some(zone) => compute(endpoint, project, ["zones", zone, "instances"]),
        None => compute(endpoint, project, ["aggregated", "instances"]),
    };
    let filter = format!("labels.{MANAGED_BY_LABEL}={MANAGED_BY}");
    paged(Request::get("list instances", url).query("filter", filter), token)
}

/// Everything that was done to an instance, and is still remembered.
pub(crate) fn list_operations(endpoint: &Endpoint, target: &Target, token: Option<&str>) -> Request {
    let filter = format!("targetLink eq \".*/instances/{}\"", target.name);
    let request = Request::get("list operations", zonal(endpoint, target, &["operations"]));
    paged(request.query("filter", filter), token)
}

pub(crate) fn get_disk(endpoint: &Endpoint, target: &Target) -> Request {
    Request::get("get disk", zonal(endpoint, target, &["disks", &target.name]))
}

pub(crate) fn delete_disk(endpoint: &Endpoint, target: &Target) -> Request {
    Request::delete("delete disk", zonal(endpoint, target, &["disks", &target.name]))
}

pub(crate) fn delete_address(endpoint: &Endpoint, target: &Target, region: &str) -> Request {
    let path = ["regions", region, "addresses", target.name.as_str()];
    Request::delete("delete address", compute(endpoint, &target.project, path))
}

/// The name of the rule that lets ports in, and the network tag that ties rules to the host.
pub(crate) fn allow_name(target: &Target) -> String {
    format!("{}-fw", target.name)
}

/// The name of the rule that closes everything else.
pub(crate) fn deny_name(target: &Target) -> String {
    format!("{}-no", target.name)
}

fn tag(target: &Target) -> String {
    allow_name(target)
}

pub(crate) fn description(target: &Target) -> String {
    format!("{MANAGED_BY_LABEL}={MANAGED_BY} host={}/{}", target.zone, target.name)
}

/// The rules that a host needs. A network of Compute Engine lets nothing in by itself, but the one named `default` comes
/// with rules for SSH, RDP and ICMP: restricted ports take a rule that denies the rest, too. Rules of the default priority
/// (1000) that somebody made for the whole network do not open what is closed here: at the same priority, deny wins.
/// <https://cloud.google.com/firewall/docs/firewalls#priority_order_for_firewall_rules>
pub(crate) fn firewall_rules(target: &Target, host: &BasicHost) -> Vec<Firewall> {
    let network = host.additional.get("network").map_or("default", String::as_str);
    let everything = || Protocols {
        protocol: "all".to_owned(),
        ports: Vec::new(),
    };
    let rule = |name: String, priority: u16, allowed: Vec<Protocols>, denied: Vec<Protocols>| Firewall {
        name,
        description: description(target),
        network: format!("global/networks/{network}"),
        direction: "INGRESS".to_owned(),
        priority,
        source_ranges: vec!["0.0.0.0/0".to_owned()],
        target_tags: vec![tag(target)],
        allowed,
        denied,
    };
    let Some(ranges) = host.ports.restricted() else {
        return vec![rule(allow_name(target), 999, vec![everything()], Vec::new())];
    };
    let of = |protocol: Protocol| Protocols {
        protocol: protocol.as_str().to_owned(),
        ports: ranges
            .iter()
            .filter(|range| range.protocol() == protocol)
            .map(|range| range.ports())
            .collect(),
    };
    let mut allowed = vec![of(Protocol::Tcp), of(Protocol::Udp)];
    // Without ports it would mean all of them.
    allowed.retain(|protocols| !protocols.ports.is_empty());
    let mut rules = vec![rule(deny_name(target), 1000, Vec::new(), vec![everything()])];
    if !allowed.is_empty() {
        rules.push(rule(allow_name(target), 999, allowed, Vec::new()));
    }
    rules
}

pub(crate) fn create_firewall(endpoint: &Endpoint, target: &Target, rule: &Firewall) -> Result<Request> {
    Request::post("create firewall rule", firewalls(endpoint, target, None)).json(rule)
}

pub(crate) fn get_firewall(endpoint: &Endpoint, target: &Target, name: &str) -> Request {
    Request::get("get firewall rule", firewalls(endpoint, target, Some(name)))
}

pub(crate) fn patch_firewall(endpoint: &Endpoint, target: &Target, rule: &Firewall) -> Result<Request> {
    Request::patch("change firewall rule", firewalls(endpoint, target, Some(&rule.name))).json(rule)
}

/// At most two rules: one page.
pub(crate) fn find_firewalls(endpoint: &Endpoint, target: &Target) -> Request {
    let filter = format!("name eq \"{}-(fw|no)\"", target.name);
    Request::get("find firewall rules", firewalls(endpoint, target, None)).query("filter", filter)
}

pub(crate) fn delete_firewall(endpoint: &Endpoint, target: &Target, name: &str) -> Request {
    Request::delete("delete firewall rule", firewalls(endpoint, target, Some(name)))
}

pub(crate) fn list_zones(endpoint: &Endpoint, project: &str, token: Option<&str>) -> Request {
    paged(Request::get("list zones", compute(endpoint, project, ["zones"])), token)
}

pub(crate) fn list_machine_types(endpoint: &Endpoint, project: &str, zone: &str, token: Option<&str>) -> Request {
    let url = compute(endpoint, project, ["zones", zone, "machineTypes"]);
    paged(Request::get("list machine types", url), token)
}

/// Whose images the catalog shows, and of which families.
pub(crate) const CATALOG_IMAGES: [(&str, &str); 2] = [
    ("ubuntu-os-cloud", "ubuntu-(minimal-)?2[0-9]04-lts.*"),
    ("debian-cloud", "debian-[0-9]+.*"),
];

pub(crate) fn list_images(endpoint: &Endpoint, project: &str, families: &str, token: Option<&str>) -> Request {
    let request = Request::get("list images", compute(endpoint, project, ["global", "images"]));
    paged(request.query("filter", format!("family eq \"{families}\"")), token)
}

fn paged(request: Request, token: Option<&str>) -> Request {
    let request = request.query("maxResults", PAGE_SIZE);
    token
        .into_iter()
        .fold(request, |request, token| request.query("pageToken", token))
}
