//! Pure functions that build every request of the provider.
//! Source: <https://www.vultr.com/api/> and the structs of its Go client,
//! <https://github.com/vultr/govultr/blob/master/instance.go>.

use std::net::IpAddr;

use provision_core::{
    BasicHost, Error, ErrorKind, HostId, IdempotencyKey, Invalid, KEY_LABEL, MANAGED_BY, MANAGED_BY_LABEL, OpenPorts,
    PortRange, Result, UserData,
};
use provision_http::{Endpoint, IdOrName, Request};
use serde::Serialize;

use crate::config::{INFO, MOST_TAGS, MOST_USER_DATA};

/// The largest page that the API gives.
const PAGE_SIZE: usize = 500;

/// The name of the operation in which a 404 or "limit" does not mean a host.
pub(crate) const CREATE: &str = "create instance";

#[derive(Serialize)]
struct CreateInstance<'a> {
    region: &'a str,
    plan: &'a str,
    os_id: u64,
    label: &'a str,
    hostname: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    user_data: &'a str,
    tags: Vec<String>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    sshkey_id: &'a [String],
    enable_ipv6: bool,
    /// Costs a fifth of the plan where it is on, which is the account's choice without this.
    backups: &'static str,
    activation_email: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attach_vpc: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    firewall_group_id: Option<&'a str>,
}

/// A create whose every wish is checked, before anything is sent. Only a named image is still to be looked up.
pub(crate) struct Order<'a> {
    host: &'a BasicHost,
    image: IdOrName<'a>,
    user_data: UserData,
    tags: Vec<String>,
    ipv6: bool,
    vpc: Option<&'a str>,
    firewall_group: Option<&'a str>,
}

impl<'a> Order<'a> {
    pub(crate) fn new(host: &'a BasicHost) -> Result<Self> {
        INFO.check(host)?;
        if let Some(plan) = host.plan.as_deref().filter(|plan| has_no_ipv4(plan)) {
            return Err(invalid(format!(
                "plan `{plan}` has no public IPv4: choose one without `-v6` at its end"
            )));
        }
        if let Some(key) = host.ssh_keys.iter().find(|key| !is_uuid(key)) {
            return Err(invalid(format!(
                "ssh key {key:?} is not the id of one: Vultr wants the UUIDs of keys of the account, as `GET /v2/ssh-keys` lists them"
            )));
        }
        let tags = host.all_labels().to_tags();
        if tags.len() > MOST_TAGS {
            return Err(invalid(format!(
                "the host has {} labels with ours, Vultr takes {MOST_TAGS}: leave some out",
                tags.len()
            )));
        }
        Ok(Self {
            host,
            image: host.image.as_deref().unwrap_or(INFO.default_image).into(),
            user_data: user_data(host)?,
            tags,
            ipv6: flag(host, "ipv6")?,
            vpc: uuid(host, "vpc")?,
            firewall_group: uuid(host, "firewall-group")?,
        })
    }

    /// The image, when it has to be looked up: because only its name is known, or to see whether it has the firewall that
    /// restricts ports.
    pub(crate) fn image_to_look_up(&self) -> Option<IdOrName<'a>> {
        let chosen = self
            .host
            .image
            .as_deref()
            .is_some_and(|image| image != INFO.default_image);
        match self.image {
            IdOrName::Id(_) if self.host.ports.restricted().is_none() || !chosen => None,
            image => Some(image),
        }
    }

    pub(crate) fn restricts_ports(&self) -> bool {
        self.host.ports.restricted().is_some()
    }

    /// The request, with the number of the image where that was looked up.
    pub(crate) fn request(self, endpoint: &Endpoint, looked_up: Option<u64>) -> Result<Request> {
        let os_id = match (looked_up, self.image) {
            (Some(id), _) | (None, IdOrName::Id(id)) => id,
            (None, IdOrName::Name(name)) => return Err(unknown_image(name)),
        };
        let user_data = self.user_data.to_base64();
        let body = CreateInstance {
            region: self.host.region.as_deref().unwrap_or(INFO.default_region),
            plan: self.host.plan.as_deref().unwrap_or(INFO.default_plan),
            os_id,
            label: self.host.name.as_str(),
            hostname: self.host.name.as_str(),
            user_data: &user_data,
            tags: self.tags,
            sshkey_id: &self.host.ssh_keys,
            enable_ipv6: self.ipv6,
            backups: "disabled",
            activation_email: false,
            attach_vpc: self.vpc.into_iter().collect(),
            firewall_group_id: self.firewall_group,
        };
        Ok(Request::post(CREATE, endpoint.join(["v2", "instances"]))
            .json(&body)?
            .redact(&user_data)
            .redact(self.user_data.expose())
            .redact(self.host.user_data.expose()))
    }
}

/// What is sent: the user's own text behind the part that sets the host's firewall.
fn user_data(host: &BasicHost) -> Result<UserData> {
    let own = match host.additional.get("host-firewall").map(String::as_str) {
        None => with_ports(&host.ports, &host.user_data).map_err(|error| Error::from(error).with_provider(INFO.id))?,
        Some("keep") if host.ports.restricted().is_some() => {
            return Err(invalid(
                "ports are restricted by the host's own firewall, which `host-firewall=keep` leaves alone: drop one of the two",
            ));
        }
        Some("keep") => host.user_data.clone(),
        Some(_) => return Err(invalid("additional setting `host-firewall` can only be `keep`")),
    };
    if own.len() > MOST_USER_DATA {
        return Err(invalid(format!(
            "user data has {} bytes together with the part that opens the ports, {MOST_USER_DATA} are sent at most: list fewer ports, or let the script download the rest",
            own.len()
        )));
    }
    Ok(own)
}

/// The user's own text behind the part of ours that lets the wanted ports through the host's own firewall. cloud-init runs
/// scripts in their order, and `runcmd` of a cloud-config after them.
///
/// Vultr's Ubuntu images run `ufw` with everything but 22/tcp denied, so that a host needs such a part whatever stands in
/// front of it. It therefore does the restricting, too. A firewall group of the cloud would take one request for the group
/// and one for each port and IP family, would have to be made before the host, and has neither tags nor a name by which
/// one that was left behind could be told from somebody else's.
fn with_ports(ports: &OpenPorts, own: &UserData) -> Result<UserData, Invalid> {
    let script = match ports.restricted() {
        None => OPEN.to_owned(),
        Some(ranges) => only(ranges),
    };
    UserData::combine(&[UserData::new(script)?, own.clone()])
}

/// `firewalld` is what images of the Red Hat family have in the place of `ufw` (UNCONFIRMED for Vultr's).
const OPEN: &str = "#!/bin/sh
# Written by provision: the image's own firewall lets in 22/tcp only, but every port was asked for.
PATH=\"$PATH:/usr/sbin:/usr/bin:/sbin:/bin\"
if command -v ufw >/dev/null; then ufw disable; fi
if command -v firewall-cmd >/dev/null; then systemctl disable --now firewalld; fi
";

/// The firewall is on, and denies, from the first line to the last: what fails leaves ports closed, and the host off.
/// The image's rules go first, so that 22/tcp is closed unless it was asked for.
fn only(ranges: &[PortRange]) -> String {
    let ports: String = ranges
        .iter()
        .map(|range| format!(" {}/{}", range.ports().replace('-', ":"), range.protocol()))
        .collect();
    format!(
        "#!/bin/sh
# Written by provision: only the ports that were asked for let anything in.
export LC_ALL=C PATH=\"$PATH:/usr/sbin:/usr/bin:/sbin:/bin\"
fail() {{
  echo 'provision: cannot restrict the inbound ports: powering off' >&2
  poweroff
  sleep infinity
}}
command -v ufw >/dev/null || {{ apt-get -qq update && apt-get -qq -y install ufw; }} || fail
{{ ufw default deny incoming && ufw --force enable; }} || fail
while :; do
  rules=$(ufw status numbered) || fail
  case \"$rules\" in
    *'[ 1]'*) ufw --force delete 1 || fail ;;
    *) break ;;
  esac
done
for port in{ports}; do
  ufw allow \"$port\" || fail
done
"
    )
}

pub(crate) fn get_instance(endpoint: &Endpoint, id: &str) -> Request {
    Request::get("get instance", endpoint.join(["v2", "instances", id]))
}

pub(crate) fn delete_instance(endpoint: &Endpoint, id: &str) -> Request {
    Request::delete("delete instance", endpoint.join(["v2", "instances", id]))
}

/// By which instances are narrowed down. The API compares tags whole, but in any case.
#[derive(Clone, Copy)]
pub(crate) enum Find<'a> {
    /// All that are ours.
    Ours,
    /// Those made with this key.
    Key(&'a IdempotencyKey),
    /// The one with this address, whoever's it is.
    Address(IpAddr),
}

pub(crate) fn list_instances(endpoint: &Endpoint, find: Find<'_>, cursor: Option<&str>) -> Request {
    let request = Request::get("list instances", endpoint.join(["v2", "instances"]));
    let request = match find {
        Find::Ours => request.query("tag", format!("{MANAGED_BY_LABEL}:{MANAGED_BY}")),
        Find::Key(key) => request.query("tag", format!("{KEY_LABEL}:{}", key.hash())),
        Find::Address(ip) => request.query("main_ip", ip),
    };
    paged(request, cursor)
}

pub(crate) fn list_regions(endpoint: &Endpoint, cursor: Option<&str>) -> Request {
    paged(Request::get("list regions", endpoint.join(["v2", "regions"])), cursor)
}

pub(crate) fn list_plans(endpoint: &Endpoint, cursor: Option<&str>) -> Request {
    paged(Request::get("list plans", endpoint.join(["v2", "plans"])), cursor)
}

/// Which plans can be ordered in a region right now; has no pages.
pub(crate) fn availability(endpoint: &Endpoint, region: &str) -> Request {
    let url = endpoint.join(["v2", "regions", region, "availability"]);
    Request::get("list available plans", url)
}

pub(crate) fn list_images(endpoint: &Endpoint, cursor: Option<&str>) -> Request {
    paged(
        Request::get("list operating systems", endpoint.join(["v2", "os"])),
        cursor,
    )
}

fn paged(request: Request, cursor: Option<&str>) -> Request {
    let request = request.query("per_page", PAGE_SIZE);
    match cursor {
        Some(cursor) => request.query("cursor", cursor),
        None => request,
    }
}

/// The UUID that every instance id is, checked before it reaches a URL.
pub(crate) fn instance_id(id: &HostId) -> Result<&str> {
    HostId::check_uuid(id.as_str()).map_err(|invalid| Error::from(invalid).with_provider(INFO.id))
}

/// Whether a plan's hosts have an IPv6 address only: `vc2-1c-0.5gb-v6` and the like. They would never be active here.
pub(crate) fn has_no_ipv4(plan: &str) -> bool {
    plan.ends_with("-v6")
}

pub(crate) fn unknown_image(image: &str) -> Error {
    invalid(format!(
        "image {image:?} does not exist on Vultr: take the number or the whole name of one that the list of images holds, such as `Ubuntu 24.04 LTS x64`"
    ))
}

pub(crate) fn image_without_firewall(image: &str) -> Error {
    let message = format!(
        "image {image:?} is not known to have ufw, which restricts the ports on Vultr: choose an Ubuntu or Debian image, or leave the ports open"
    );
    Error::new(ErrorKind::Unsupported, message).with_provider(INFO.id)
}

fn is_uuid(text: &str) -> bool {
    HostId::check_uuid(text).is_ok()
}

fn uuid<'a>(host: &'a BasicHost, key: &str) -> Result<Option<&'a str>> {
    match host.additional.get(key).map(String::as_str) {
        Some(id) if !is_uuid(id) => Err(invalid(format!(
            "additional setting `{key}` must be a UUID, as the console and the API show it"
        ))),
        other => Ok(other),
    }
}

fn flag(host: &BasicHost, key: &str) -> Result<bool> {
    match host.additional.get(key).map(String::as_str) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(invalid(format!("additional setting `{key}` must be `true` or `false`"))),
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::invalid(message).with_provider(INFO.id)
}

#[cfg(test)]
mod tests;
