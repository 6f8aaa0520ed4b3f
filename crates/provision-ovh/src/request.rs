//! Pure functions that build every request of the provider, and the name that carries an instance's labels.
//! Source: <https://eu.api.ovh.com/console/?section=%2Fcloud&branch=v1>

use provision_core::{
    EXPIRES_LABEL, Error, HostId, HostName, KEY_LABEL, Labels, MANAGED_BY, MANAGED_BY_LABEL, Order, REQUEST_LABEL,
    Result,
};
use provision_http::{Endpoint, Request, Subject, url::Url};
use serde::Serialize;

use crate::{config::Config, id::InstanceId, info::INFO};

/// The longest instance name: [Nova's limit](https://docs.openstack.org/api-ref/compute/#create-server). OVH's own is
/// UNCONFIRMED: the provider compares the name of a new instance with the one it asked for.
pub(crate) const MAX_NAME_LEN: usize = 255;

/// Between the parts of an instance's name.
const SEPARATOR: &str = "--";
/// Stands for an empty value, because it is no value itself.
const EMPTY: &str = "_";

/// Our own labels, in the order in which a name has them, and how it writes their keys. Room is scarce: with the whole keys
/// a host of the operator with a lifetime would have 16 characters left for its name. Users' keys never start with a digit.
const RESERVED: [(&str, &str); 4] = [
    (MANAGED_BY_LABEL, MANAGED_BY_LABEL),
    (KEY_LABEL, "0k"),
    (REQUEST_LABEL, "0r"),
    (EXPIRES_LABEL, "0e"),
];

/// The name under which a host is created: its own name, then the key and the value of every label, the marker first, all
/// joined by `--`. The API has no tags, and a name is the one thing that is set in the create request, shown by every list
/// and free to choose: `web-1--managed-by--provision--0k--c4719afa76fa448b5eca99e673688584--team--web`.
///
/// Nothing but `a-z`, `0-9` and `-` is used (and `_` where a label has it or is empty), because the name becomes the host
/// name too. Inside a part, two or more hyphens in a row are written with one hyphen more, so that exactly two always
/// separate.
pub(crate) fn instance_name(host: &HostName, labels: &Labels) -> Result<String> {
    let is_reserved = |key: &str| RESERVED.iter().any(|(reserved, _)| *reserved == key);
    let first = RESERVED
        .iter()
        .filter_map(|(key, written)| Some((*written, labels.get(key)?)));
    let rest = labels.iter().filter(|(key, _)| !is_reserved(key));
    let mut parts = vec![escape(host.as_str())];
    for (key, value) in first.chain(rest) {
        parts.push(escape(key));
        parts.push(if value.is_empty() {
            EMPTY.to_owned()
        } else {
            escape(value)
        });
    }
    let name = parts.join(SEPARATOR);
    if name.len() <= MAX_NAME_LEN {
        return Ok(name);
    }
    Err(Error::invalid(format!(
        "the host's name and labels take {} characters together, {} holds {MAX_NAME_LEN} of them in an instance's name: shorten the name or the labels by {}",
        name.len(),
        INFO.title,
        name.len() - MAX_NAME_LEN
    )))
}

/// Reads a name that [`instance_name`] wrote; `None` for an instance of somebody else's.
///
/// The marker decides whose it is. Labels are read up to the first pair that is not one, so that a name which somebody
/// edited behind the marker still belongs to a host that can be found and removed.
pub(crate) fn read_name(name: &str) -> Option<(String, Labels)> {
    let parts = split(name);
    let [host, marker, marked_by, rest @ ..] = parts.as_slice() else {
        return None;
    };
    if marker != MANAGED_BY_LABEL || marked_by != MANAGED_BY || HostName::new(host.as_str()).is_err() {
        return None;
    }
    let pairs = rest.chunks_exact(2).filter_map(|pair| match pair {
        [key, value] => Some((whole_key(key), if value == EMPTY { "" } else { value.as_str() })),
        _ => None,
    });
    let good = pairs.take_while(|pair| !Labels::from_vendor([*pair]).is_empty());
    let labels = Labels::from_vendor([(MANAGED_BY_LABEL, MANAGED_BY)].into_iter().chain(good));
    Some((host.clone(), labels))
}

fn whole_key(written: &str) -> &str {
    let reserved = RESERVED.iter().find(|(_, short)| *short == written);
    reserved.map_or(written, |(key, _)| key)
}

/// Makes every run of two or more hyphens one longer.
fn escape(part: &str) -> String {
    let mut written = String::with_capacity(part.len());
    let mut hyphens = 0;
    for character in part.chars() {
        hyphens = if character == '-' { hyphens + 1 } else { 0 };
        if hyphens == 2 {
            written.push('-');
        }
        written.push(character);
    }
    written
}

/// Cuts a name at every run of exactly two hyphens and makes longer runs one shorter.
fn split(name: &str) -> Vec<String> {
    let (mut parts, mut part, mut hyphens) = (Vec::new(), String::new(), 0_usize);
    for character in name.chars() {
        if character == '-' {
            hyphens += 1;
            continue;
        }
        match hyphens {
            2 => parts.push(std::mem::take(&mut part)),
            0 | 1 => part.push_str(&"-".repeat(hyphens)),
            _ => part.push_str(&"-".repeat(hyphens - 1)),
        }
        hyphens = 0;
        part.push(character);
    }
    parts.push(part);
    parts
}

/// What the plan, the image and the SSH key of an order are called in its region.
#[derive(Debug)]
pub(crate) struct Ids {
    pub(crate) flavor: String,
    pub(crate) image: String,
    pub(crate) ssh_key: Option<String>,
}

impl Ids {
    /// As long as nothing was looked up: what the order says.
    pub(crate) fn asked_for(order: &Order) -> Self {
        Self {
            flavor: order.plan.clone(),
            image: order.image.clone(),
            ssh_key: order.ssh_keys.first().cloned(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CreateInstance<'a> {
    name: &'a str,
    region: &'a str,
    flavor_id: &'a str,
    image_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    user_data: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ssh_key_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    availability_zone: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_id: Option<&'a str>,
    /// Monthly billing cannot be undone.
    monthly_billing: bool,
}

/// Without `networks` an instance is on the public network, with one IPv4 and one IPv6 address.
pub(crate) fn create_instance(config: &Config, order: &Order, ids: &Ids) -> Result<Request> {
    if order.ssh_keys.len() > 1 {
        return Err(Error::invalid(
            "OVHcloud installs one ssh key only: name one, and put the others into the user data",
        ));
    }
    let group_id = order.extra("group-id");
    if group_id.is_some_and(|group| HostId::check_uuid(group).is_err()) {
        return Err(Error::invalid(
            "additional setting `group-id` must be the UUID of an instance group",
        ));
    }
    let body = CreateInstance {
        name: &instance_name(&order.name, &order.labels)?,
        region: &order.region,
        flavor_id: &ids.flavor,
        image_id: &ids.image,
        user_data: order.user_data.expose(),
        ssh_key_id: ids.ssh_key.as_deref(),
        availability_zone: order.extra("availability-zone"),
        group_id,
        monthly_billing: false,
    };
    let create = Request::post("create instance", project_url(config, "instance")).about(Subject::NewHost);
    Ok(create.json(&body)?.redact(order.user_data.expose()))
}

pub(crate) fn get_instance(endpoint: &Endpoint, id: InstanceId<'_>) -> Request {
    Request::get("get instance", instance_url(endpoint, id)).about(Subject::Host)
}

pub(crate) fn delete_instance(endpoint: &Endpoint, id: InstanceId<'_>) -> Request {
    Request::delete("delete instance", instance_url(endpoint, id)).about(Subject::Host)
}

/// All instances of the project, in one region or in every one. The API has no pages, and filters by nothing else.
pub(crate) fn list_instances(config: &Config, region: Option<&str>) -> Request {
    let list = get("list instances", project_url(config, "instance"));
    match region {
        Some(region) => list.query("region", region),
        None => list,
    }
}

pub(crate) fn list_flavors(config: &Config, region: &str) -> Request {
    get("list flavors", project_url(config, "flavor")).query("region", region)
}

pub(crate) fn list_images(config: &Config, region: &str) -> Request {
    get("list images", project_url(config, "image"))
        .query("region", region)
        .query("osType", "linux")
}

pub(crate) fn list_regions(config: &Config) -> Request {
    get("list regions", project_url(config, "region"))
}

pub(crate) fn list_ssh_keys(config: &Config) -> Request {
    get("list ssh keys", project_url(config, "sshkey"))
}

/// Needs no credentials.
pub(crate) fn read_time(endpoint: &Endpoint) -> Request {
    get("read the cloud's time", endpoint.join(["auth", "time"]))
}

/// Needs no credentials. About 8 MB.
pub(crate) fn read_prices(config: &Config) -> Request {
    let url = config.endpoint.join(["order", "catalog", "public", "cloud"]);
    get("read the price list", url).query("ovhSubsidiary", &config.subsidiary)
}

/// Reads what is no host.
fn get(operation: &'static str, url: Url) -> Request {
    Request::get(operation, url).about(Subject::Other)
}

fn instance_url(endpoint: &Endpoint, id: InstanceId<'_>) -> Url {
    endpoint.join(["cloud", "project", id.project, "instance", id.instance])
}

fn project_url(config: &Config, what: &str) -> Url {
    config.endpoint.join(["cloud", "project", &config.project, what])
}

#[cfg(test)]
mod tests;
