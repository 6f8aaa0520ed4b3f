//! Pure functions that build every request of the provider, and the name that carries an instance's labels.
//! Source: <https://eu.api.ovh.com/console/?section=%2Fcloud&branch=v1>

use provision_core::{
    BasicHost, EXPIRES_LABEL, Error, HostId, HostName, KEY_LABEL, Labels, MANAGED_BY, MANAGED_BY_LABEL, Result,
};
use provision_http::{Endpoint, Request};
use serde::Serialize;

use crate::config::{Config, INFO};

/// The longest instance name: [Nova's limit](https://docs.openstack.org/api-ref/compute/#create-server). OVH's own is
/// UNCONFIRMED: the provider compares the name of a new instance with the one it asked for.
pub(crate) const MAX_NAME_LEN: usize = 255;

/// Between the parts of an instance's name.
const SEPARATOR: &str = "--";
/// Stands for an empty value, because it is no value itself.
const EMPTY: &str = "_";

/// The name under which a host is created: its own name, then the key and the value of every label, the marker first, all
/// joined by `--`. The API has no tags, and a name is the one thing that is set in the create request, shown by every list
/// and free to choose: `web-1--managed-by--provision--provision-key--c4719afa76fa448b5eca99e673688584--team--web`.
///
/// Nothing but `a-z`, `0-9` and `-` is used (and `_` where a label has it or is empty), because the name becomes the host
/// name too. Inside a part, two or more hyphens in a row are written with one hyphen more, so that exactly two always
/// separate.
pub(crate) fn instance_name(host: &BasicHost) -> Result<String> {
    let labels = host.all_labels();
    let reserved = [MANAGED_BY_LABEL, KEY_LABEL, EXPIRES_LABEL];
    let first = reserved.iter().filter_map(|key| Some((*key, labels.get(key)?)));
    let rest = labels.iter().filter(|(key, _)| !reserved.contains(key));
    let mut parts = vec![escape(host.name.as_str())];
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
    ))
    .with_provider(INFO.id))
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
        [key, value] => Some((key.as_str(), if value == EMPTY { "" } else { value.as_str() })),
        _ => None,
    });
    let good = pairs.take_while(|pair| !Labels::from_vendor([*pair]).is_empty());
    let labels = Labels::from_vendor([(MANAGED_BY_LABEL, MANAGED_BY)].into_iter().chain(good));
    Some((host.clone(), labels))
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

/// A create that passed every check which needs no request.
#[derive(Debug)]
pub(crate) struct Order<'a> {
    /// The instance's name, labels included.
    pub(crate) name: String,
    pub(crate) region: &'a str,
    /// Name or id of the flavor.
    pub(crate) plan: &'a str,
    /// Name or id of the image.
    pub(crate) image: &'a str,
    /// Name, id or text of the key.
    pub(crate) ssh_key: Option<&'a str>,
    zone: Option<&'a str>,
    group: Option<&'a str>,
    user_data: &'a str,
}

/// What the names in an [`Order`] mean in its region.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) flavor: String,
    pub(crate) image: String,
    pub(crate) ssh_key: Option<String>,
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

impl<'a> Order<'a> {
    pub(crate) fn new(config: &'a Config, host: &'a BasicHost) -> Result<Self> {
        let additional = |key: &str| host.additional.get(key).map(String::as_str);
        let ssh_key = match host.ssh_keys.as_slice() {
            [] => None,
            [key] => Some(key.as_str()),
            _ => {
                let message = "OVHcloud installs one ssh key only: name one, and put the others into the user data";
                return Err(Error::invalid(message).with_provider(INFO.id));
            }
        };
        let group = additional("group-id");
        if group.is_some_and(|group| HostId::check_uuid(group).is_err()) {
            return Err(
                Error::invalid("additional setting `group-id` must be the UUID of an instance group")
                    .with_provider(INFO.id),
            );
        }
        Ok(Self {
            name: instance_name(host)?,
            region: host.region.as_deref().unwrap_or(&config.region),
            plan: host.plan.as_deref().unwrap_or(INFO.default_plan),
            image: host.image.as_deref().unwrap_or(INFO.default_image),
            ssh_key,
            zone: additional("availability-zone"),
            group,
            user_data: host.user_data.expose(),
        })
    }

    /// The create request. Without `networks` an instance is on the public network, with one IPv4 and one IPv6 address.
    pub(crate) fn request(&self, config: &Config, resolved: &Resolved) -> Result<Request> {
        let body = CreateInstance {
            name: &self.name,
            region: self.region,
            flavor_id: &resolved.flavor,
            image_id: &resolved.image,
            user_data: self.user_data,
            ssh_key_id: resolved.ssh_key.as_deref(),
            availability_zone: self.zone,
            group_id: self.group,
            monthly_billing: false,
        };
        Ok(Request::post("create instance", project_url(config, "instance"))
            .json(&body)?
            .redact(self.user_data))
    }
}

pub(crate) fn get_instance(endpoint: &Endpoint, project: &str, instance: &str) -> Request {
    Request::get(
        "get instance",
        endpoint.join(["cloud", "project", project, "instance", instance]),
    )
}

pub(crate) fn delete_instance(endpoint: &Endpoint, project: &str, instance: &str) -> Request {
    let url = endpoint.join(["cloud", "project", project, "instance", instance]);
    Request::delete("delete instance", url)
}

/// All instances of the project, in one region or in every one. The API has no pages.
pub(crate) fn list_instances(config: &Config, region: Option<&str>) -> Request {
    let request = Request::get("list instances", project_url(config, "instance"));
    match region {
        Some(region) => request.query("region", region),
        None => request,
    }
}

pub(crate) fn list_flavors(config: &Config, region: &str) -> Request {
    Request::get("list flavors", project_url(config, "flavor")).query("region", region)
}

pub(crate) fn list_images(config: &Config, region: &str) -> Request {
    Request::get("list images", project_url(config, "image"))
        .query("region", region)
        .query("osType", "linux")
}

pub(crate) fn list_regions(config: &Config) -> Request {
    Request::get("list regions", project_url(config, "region"))
}

pub(crate) fn list_ssh_keys(config: &Config) -> Request {
    Request::get("list ssh keys", project_url(config, "sshkey"))
}

/// Needs no credentials.
pub(crate) fn read_time(endpoint: &Endpoint) -> Request {
    Request::get("read the cloud's time", endpoint.join(["auth", "time"]))
}

/// Needs no credentials. About 8 MB.
pub(crate) fn read_prices(config: &Config) -> Request {
    let url = config.endpoint.join(["order", "catalog", "public", "cloud"]);
    Request::get("read the price list", url).query("ovhSubsidiary", &config.subsidiary)
}

fn project_url(config: &Config, what: &str) -> provision_http::url::Url {
    config.endpoint.join(["cloud", "project", &config.project, what])
}

#[cfg(test)]
mod tests;
