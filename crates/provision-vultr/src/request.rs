//! Pure functions that build every request of the provider.
//! Source: <https://www.vultr.com/api/> and the structs of its Go client,
//! <https://github.com/vultr/govultr/blob/master/instance.go>.

use provision_core::{
    Error, ErrorKind, Find, HostId, Invalid, KEY_LABEL, MANAGED_BY, MANAGED_BY_LABEL, OpenPorts, Order, PortRange,
    Result, UserData,
};
use provision_http::{Endpoint, Request, Subject};
use serde::Serialize;

use crate::info::{INFO, has_no_ipv4};

/// The largest page that the API gives.
const PAGE_SIZE: usize = 500;

/// The most bytes of user data that are sent, before the base64 of the API. Vultr documents no limit and took 4 MiB, but
/// only 64 KiB were seen to arrive at the guest whole (2026-09).
const MOST_USER_DATA: usize = 65_536;

/// The most tags of an instance: 50 were accepted, 100 refused, and one of 512 characters accepted, which is more than a label
/// can have (2026-09); nothing is documented.
const MOST_TAGS: usize = 50;

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

/// The create, given the number of the order's image.
pub(crate) fn create_instance(endpoint: &Endpoint, order: &Order, os_id: u64) -> Result<Request> {
    if has_no_ipv4(&order.plan) {
        return Err(Error::invalid(format!(
            "plan `{}` has no public IPv4: choose one without `-v6` at its end",
            order.plan
        )));
    }
    if let Some(key) = order.ssh_keys.iter().find(|key| !is_uuid(key)) {
        return Err(Error::invalid(format!(
            "ssh key {key:?} is not the id of one: Vultr wants the UUIDs of keys of the account, as `GET /v2/ssh-keys` lists them"
        )));
    }
    let tags = order.labels.to_tags();
    if tags.len() > MOST_TAGS {
        return Err(Error::invalid(format!(
            "the host has {} labels with ours, Vultr takes {MOST_TAGS}: leave some out",
            tags.len()
        )));
    }
    let sent = user_data(order)?;
    let encoded = sent.to_base64();
    let body = CreateInstance {
        region: &order.region,
        plan: &order.plan,
        os_id,
        label: order.name.as_str(),
        hostname: order.name.as_str(),
        user_data: &encoded,
        tags,
        sshkey_id: &order.ssh_keys,
        enable_ipv6: order.flag("ipv6")?,
        backups: "disabled",
        activation_email: false,
        attach_vpc: uuid(order, "vpc")?.into_iter().collect(),
        firewall_group_id: uuid(order, "firewall-group")?,
    };
    let create = Request::post("create instance", endpoint.join(["v2", "instances"])).about(Subject::NewHost);
    Ok(create
        .json(&body)?
        .redact(&encoded)
        .redact(sent.expose())
        .redact(order.user_data.expose()))
}

/// Whether it has to be known that the image has the firewall which restricts ports; the default image has.
pub(crate) fn needs_firewall(order: &Order) -> bool {
    order.ports.restricted().is_some() && order.image != INFO.default_image
}

/// What is sent: the user's own text behind the part that sets the host's firewall.
fn user_data(order: &Order) -> Result<UserData> {
    let sent = match order.extra("host-firewall") {
        None => with_ports(&order.ports, &order.user_data)?,
        Some("keep") if order.ports.restricted().is_some() => {
            return Err(Error::invalid(
                "ports are restricted by the host's own firewall, which `host-firewall=keep` leaves alone: drop one of the two",
            ));
        }
        Some("keep") => order.user_data.clone(),
        Some(_) => return Err(Error::invalid("additional setting `host-firewall` can only be `keep`")),
    };
    if sent.len() > MOST_USER_DATA {
        return Err(Error::invalid(format!(
            "user data has {} bytes together with the part that opens the ports, {MOST_USER_DATA} are sent at most: list fewer ports, or let the script download the rest",
            sent.len()
        )));
    }
    Ok(sent)
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
    Request::get("get instance", endpoint.join(["v2", "instances", id])).about(Subject::Host)
}

pub(crate) fn delete_instance(endpoint: &Endpoint, id: &str) -> Request {
    Request::delete("delete instance", endpoint.join(["v2", "instances", id])).about(Subject::Host)
}

/// The API compares tags whole, but in any case.
pub(crate) fn list_instances(endpoint: &Endpoint, find: Find<'_>, cursor: Option<&str>) -> Request {
    let list = Request::get("list instances", endpoint.join(["v2", "instances"]));
    let list = match find {
        Find::Key(hash) => list.query("tag", format_args!("{KEY_LABEL}:{hash}")),
        Find::Address(ip) => list.query("main_ip", ip),
        _ => list.query("tag", format_args!("{MANAGED_BY_LABEL}:{MANAGED_BY}")),
    };
    paged(list, cursor)
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
    Request::get("list available plans", url).about(Subject::Other)
}

pub(crate) fn list_operating_systems(endpoint: &Endpoint, cursor: Option<&str>) -> Request {
    paged(
        Request::get("list operating systems", endpoint.join(["v2", "os"])),
        cursor,
    )
}

fn paged(list: Request, cursor: Option<&str>) -> Request {
    let list = list.about(Subject::Other).query("per_page", PAGE_SIZE);
    match cursor {
        Some(cursor) => list.query("cursor", cursor),
        None => list,
    }
}

pub(crate) fn unknown_image(image: &str) -> Error {
    Error::invalid(format!(
        "image {image:?} does not exist on Vultr: take the number or the whole name of one that the list of images holds, such as `Ubuntu 24.04 LTS x64`"
    ))
}

pub(crate) fn image_without_firewall(image: &str) -> Error {
    let message = format!(
        "image {image:?} is not known to have ufw, which restricts the ports on Vultr: choose an Ubuntu or Debian image, or leave the ports open"
    );
    Error::new(ErrorKind::Unsupported, message)
}

fn is_uuid(text: &str) -> bool {
    HostId::check_uuid(text).is_ok()
}

fn uuid<'a>(order: &'a Order, key: &str) -> Result<Option<&'a str>> {
    match order.extra(key) {
        Some(id) if !is_uuid(id) => Err(Error::invalid(format!(
            "additional setting `{key}` must be a UUID, as the console and the API show it"
        ))),
        other => Ok(other),
    }
}

#[cfg(test)]
mod tests;
