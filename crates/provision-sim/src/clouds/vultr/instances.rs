//! Instances.

use std::net::Ipv6Addr;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    bad_request, body, catalog, error, ok, page,
    state::{Instance, Kind, State},
};
use crate::{
    call::Call,
    cloud::Handled,
    kit::{
        answer::Answer,
        fields::{self, Fields},
        life::Stage,
        text::{rfc3339, sha256},
    },
};

/// Instances that the simulated account may have.
const INSTANCE_LIMIT: usize = 10_000;
/// Most tags of an instance: 50 were accepted and 100 refused.
const TAG_LIMIT: usize = 50;
/// Most characters of a tag that were seen to be accepted.
const TAG_LENGTH: usize = 512;
/// Most bytes of user data that were seen to be accepted, before base64.
const USER_DATA_LIMIT: usize = 4 * 1024 * 1024;

/// Where an instance is installed from: exactly one of them in a create.
const SOURCES: [&str; 5] = ["os_id", "image_id", "snapshot_id", "app_id", "iso_id"];
/// The fields of a create, those of the Go client's struct. UNCONFIRMED: whether others are refused or left alone.
const KNOWN: [&str; 32] = [
    "region",
    "plan",
    "label",
    "hostname",
    "tags",
    "tag",
    "os_id",
    "image_id",
    "snapshot_id",
    "app_id",
    "iso_id",
    "user_data",
    "sshkey_id",
    "enable_ipv6",
    "disable_public_ipv4",
    "backups",
    "activation_email",
    "firewall_group_id",
    "script_id",
    "ipxe_chain_url",
    "enable_vpc",
    "attach_vpc",
    "vpc_only",
    "attach_private_network",
    "enable_private_network",
    "enable_vpc2",
    "attach_vpc2",
    "ddos_protection",
    "reserved_ipv4",
    "user_scheme",
    "app_variables",
    "block_devices",
];

/// What is refused when it is wanted.
const NOT_SIMULATED: [(&str, fields::Kind); 10] = [
    ("ipxe_chain_url", fields::Kind::Text),
    ("reserved_ipv4", fields::Kind::Text),
    ("vpc_only", fields::Kind::Flag),
    ("enable_vpc", fields::Kind::Flag),
    ("enable_private_network", fields::Kind::Flag),
    ("enable_vpc2", fields::Kind::Flag),
    ("ddos_protection", fields::Kind::Flag),
    ("attach_vpc2", fields::Kind::List),
    ("attach_private_network", fields::Kind::List),
    ("block_devices", fields::Kind::List),
];

/// A create request that passed all checks.
struct Order {
    region: &'static catalog::Region,
    plan: &'static catalog::Plan,
    os_id: u64,
    label: String,
    hostname: String,
    tags: Vec<String>,
    user_data_sha256: Option<String>,
    ipv4: bool,
    ipv6: bool,
    backups: bool,
    firewall_group: String,
    vpcs: Vec<String>,
    user_scheme: String,
}

pub(super) fn create(call: &mut Call<'_>, state: &mut State) -> Handled {
    let fields = body(call)?;
    let order = read_order(state, &fields)?;
    // The text of API v1; UNCONFIRMED for v2, and whether as 400 or 403.
    if state.instances.len() >= INSTANCE_LIMIT || call.over_quota() {
        return Err(error(
            400,
            "You have reached the maximum number of active virtual machines for this account",
        ));
    }
    if !order.plan.offered_in(order.region.id) || call.sold_out() {
        return Err(error(400, "plan is not available in the selected region"));
    }
    let ipv6 = order.ipv6.then(|| {
        let network = call.ipv6_net();
        let address = Ipv6Addr::from_bits(network.to_bits() | 0x5400_00ff_fe00_0001);
        (network.to_string(), address.to_string())
    });
    let instance = Instance {
        id: call.uuid(),
        label: order.label,
        hostname: order.hostname,
        region: order.region.id.to_owned(),
        plan: order.plan.id.to_owned(),
        os_id: order.os_id,
        tags: order.tags,
        user_data_sha256: order.user_data_sha256,
        off: false,
        backups: order.backups,
        ip: order.ipv4.then(|| call.ipv4().to_string()),
        ipv6,
        firewall_group: order.firewall_group,
        vpcs: order.vpcs,
        user_scheme: order.user_scheme,
        life: call.new_life(),
    };
    let mut shown = show(&instance, call.now);
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("default_password".into(), call.hex(16).into());
    }
    state.instances.push(instance);
    Ok(ok(202, &json!({ "instance": shown })))
}

/// Checks a create request. The wordings of all refusals but those of region and plan are UNCONFIRMED.
fn read_order(state: &State, fields: &Fields) -> Result<Order, Answer> {
    let wrong = |_| bad_request();
    let text = |field: &str| Ok(fields.text(field).map_err(wrong)?.unwrap_or_default());
    let flag = |field: &str| Ok(fields.flag(field).map_err(wrong)?.unwrap_or(false));
    if fields.unknown(&KNOWN).is_some() || SOURCES.iter().filter(|name| fields.get(name).is_some()).count() != 1 {
        return Err(bad_request());
    }
    let (Some(region), Some(plan)) = (
        fields.text("region").map_err(wrong)?,
        fields.text("plan").map_err(wrong)?,
    ) else {
        return Err(bad_request());
    };
    let region = catalog::region(region).ok_or_else(|| error(400, "Invalid region."))?;
    let plan = catalog::plan(plan).ok_or_else(|| error(400, "Invalid plan chosen."))?;
    // Only operating systems are simulated: the account has no snapshots, applications or ISOs.
    let os_id = fields.number("os_id").map_err(wrong)?;
    let os_id = os_id
        .filter(|id| catalog::system(*id).is_some() && !catalog::is_placeholder(*id))
        .ok_or_else(|| error(400, "Invalid os_id."))?;
    let hostname: &str = text("hostname")?;
    if !is_host_name(hostname) {
        return Err(error(400, "Invalid hostname."));
    }
    let mut tags = fields.texts("tags").map_err(wrong)?;
    // Deprecated, and what older Go clients send.
    let tag: &str = text("tag")?;
    if !tag.is_empty() {
        tags.insert(0, tag.to_owned());
    }
    let fits = |tag: &String| (1..=TAG_LENGTH).contains(&tag.chars().count());
    if tags.len() > TAG_LIMIT || !tags.iter().all(fits) {
        return Err(error(400, "Invalid tags."));
    }
    let user_data = match text("user_data")? {
        "" => None,
        encoded => match STANDARD.decode(encoded) {
            Ok(data) if data.len() <= USER_DATA_LIMIT => Some(sha256(data)),
            _ => return Err(error(400, "Invalid user_data.")),
        },
    };
    let script: &str = text("script_id")?;
    let script = match script {
        "" => None,
        id => Some(
            state
                .other(Kind::Script, id)
                .ok_or_else(|| error(400, "Invalid script_id."))?,
        ),
    };
    fields.check(&NOT_SIMULATED).map_err(wrong)?;
    let is_wanted = |field: &str| match fields.get(field) {
        Some(Value::Array(list)) => !list.is_empty(),
        Some(value) => *value != json!(false) && *value != json!(""),
        None => false,
    };
    if let Some(field) = NOT_SIMULATED
        .iter()
        .map(|(field, _)| *field)
        .find(|field| is_wanted(field))
    {
        return Err(error(400, &format!("{field} is not simulated")));
    }
    // Mails, and variables of the applications that there are not.
    flag("activation_email")?;
    fields.object("app_variables").map_err(wrong)?;
    let refers = |field: &str, kind: Kind| {
        let ids = fields.texts(field).map_err(wrong)?;
        match ids.iter().all(|id| state.has(kind, id)) {
            true => Ok(ids),
            false => Err(error(400, &format!("Invalid {field}."))),
        }
    };
    refers("sshkey_id", Kind::SshKey)?;
    let firewall_group: &str = text("firewall_group_id")?;
    if !firewall_group.is_empty() && !state.has(Kind::FirewallGroup, firewall_group) {
        return Err(error(400, "Invalid firewall_group_id."));
    }
    let backups = match text("backups")? {
        "" | "disabled" => false,
        "enabled" => true,
        _ => return Err(error(400, "Invalid backups.")),
    };
    let user_scheme = match text("user_scheme")? {
        "" => "root",
        scheme @ ("root" | "limited") => scheme,
        _ => return Err(error(400, "Invalid user_scheme.")),
    };
    let ipv6 = flag("enable_ipv6")?;
    let ipv4 = !flag("disable_public_ipv4")? && !plan.is_ipv6_only();
    if !ipv4 && !ipv6 {
        return Err(error(400, "IPv6 must be enabled when public IPv4 is disabled."));
    }
    Ok(Order {
        region,
        plan,
        os_id,
        label: text("label")?.to_owned(),
        hostname: hostname.to_owned(),
        tags,
        // What the guest runs.
        user_data_sha256: user_data.or_else(|| script.map(|script| script.key.clone())),
        ipv4,
        ipv6,
        backups,
        firewall_group: firewall_group.to_owned(),
        vpcs: refers("attach_vpc", Kind::Vpc)?,
        user_scheme: user_scheme.to_owned(),
    })
}

/// Empty, or labels of letters, digits and hyphens joined by dots (UNCONFIRMED).
fn is_host_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    name.is_empty() || (name.len() <= 253 && name.split('.').all(is_label))
}

/// How far an instance is: `status`, `power_status` and `server_status`. Its shares of the boot time are those of a measured
/// run; that `installingbooting` follows `locked` is UNCONFIRMED.
fn words(instance: &Instance, now: u64) -> (&'static str, &'static str, &'static str) {
    match instance.life.booted_percent(now) {
        0..40 => ("pending", "running", "none"),
        40..70 => ("active", "stopped", "locked"),
        70..100 => ("active", "running", "installingbooting"),
        _ if instance.off => ("active", "stopped", "ok"),
        _ => ("active", "running", "ok"),
    }
}

fn show(instance: &Instance, now: u64) -> Value {
    let (status, power, server) = words(instance, now);
    let has_addresses = status == "active";
    let unless_pending = |address: Option<&String>, none: &str| match address {
        Some(address) if has_addresses => address.clone(),
        _ => none.to_owned(),
    };
    let main_ip = unless_pending(instance.ip.as_ref(), "0.0.0.0");
    let gateway = main_ip
        .rsplit_once('.')
        .map_or_else(|| "0.0.0.0".to_owned(), |(network, _)| format!("{network}.1"));
    let (network, address) = (
        instance.ipv6.as_ref().map(|(network, _)| network),
        instance.ipv6.as_ref().map(|(_, address)| address),
    );
    let v6 = unless_pending(network, "");
    let plan = catalog::plan(&instance.plan);
    let features: Vec<&str> = [("auto_backups", instance.backups), ("ipv6", instance.ipv6.is_some())]
        .iter()
        .filter(|(_, on)| *on)
        .map(|(name, _)| *name)
        .collect();
    json!({
        "id": instance.id, "os": catalog::system(instance.os_id), "os_id": instance.os_id,
        "ram": plan.map_or(0, |plan| plan.ram), "disk": plan.map_or(0, |plan| plan.disk),
        "vcpu_count": plan.map_or(0, |plan| plan.vcpus), "main_ip": main_ip,
        "region": instance.region, "plan": instance.plan,
        "date_created": rfc3339(instance.life.born).replace('Z', "+00:00"),
        "status": status, "power_status": power, "server_status": server, "allowed_bandwidth": 1,
        "netmask_v4": if main_ip == "0.0.0.0" { "" } else { "255.255.254.0" },
        "gateway_v4": if main_ip == "0.0.0.0" { "0.0.0.0" } else { gateway.as_str() },
        "v6_network_size": if v6.is_empty() { 0 } else { 64 }, "v6_network": v6,
        "v6_main_ip": unless_pending(address, ""),
        "label": instance.label, "hostname": instance.hostname, "tag": instance.tags.first().map_or("", String::as_str),
        "tags": instance.tags, "internal_ip": if instance.vpcs.is_empty() { "" } else { "10.64.0.3" },
        "vpc_only": false, "kvm": "", "app_id": 0, "image_id": "", "snapshot_id": "",
        "firewall_group_id": instance.firewall_group, "features": features, "user_scheme": instance.user_scheme,
    })
}

/// Seen at <https://github.com/vultr/terraform-provider-vultr/issues/688>; in 2021 (`/177`) it was a 400 "invalid instance ID".
fn not_found() -> Answer {
    error(404, "instance not found")
}

fn find<'a>(state: &'a mut State, id: &str) -> Result<&'a mut Instance, Answer> {
    let found = state.instances.iter_mut().find(|instance| instance.id == id);
    found.ok_or_else(not_found)
}

pub(super) fn get(call: &Call<'_>, state: &mut State, id: &str) -> Handled {
    let instance = find(state, id)?;
    Ok(ok(200, &json!({ "instance": show(instance, call.now) })))
}

/// Tags are compared whole, in any case; everything else exactly.
pub(super) fn list(call: &Call<'_>, state: &State) -> Handled {
    let query = |name: &str| call.query.filled(name);
    let (tag, label, region) = (query("tag"), query("label"), query("region"));
    let (hostname, group, main_ip) = (query("hostname"), query("firewall_group_id"), query("main_ip"));
    let is = |wanted: Option<&str>, found: &str| wanted.is_none_or(|wanted| wanted == found);
    let shown_ip = |instance: &Instance| match words(instance, call.now).0 {
        "active" => instance.ip.clone().unwrap_or_default(),
        _ => "0.0.0.0".to_owned(),
    };
    let found = state
        .instances
        .iter()
        .filter(|one| one.life.listed(call.now))
        .filter(|one| {
            let same = |known: &String| tag.is_none_or(|tag| known.eq_ignore_ascii_case(tag));
            tag.is_none() || one.tags.iter().any(same)
        })
        .filter(|one| is(label, &one.label) && is(region, &one.region) && is(hostname, &one.hostname))
        .filter(|one| is(group, &one.firewall_group))
        .filter(|one| main_ip.is_none_or(|ip| shown_ip(one) == ip));
    page(call, "instances", found, |one| show(one, call.now))
}

/// An instance that is still being installed is locked (reports of 2023 and 2024; UNCONFIRMED for today). One that is
/// deleted is missing at once.
pub(super) fn delete(call: &Call<'_>, state: &mut State, id: &str) -> Handled {
    let instance = find(state, id)?;
    if instance.life.stage(call.now) == Stage::Starting {
        return Err(error(
            500,
            "Unable to destroy server: Unable to remove VM: Server is currently locked",
        ));
    }
    state.instances.retain(|one| one.id != id);
    Ok(Answer::empty(204))
}

/// Takes effect at once. Halting what is halted is no error.
pub(super) fn power(call: &Call<'_>, state: &mut State, id: &str, action: &str) -> Handled {
    let instance = find(state, id)?;
    if instance.life.stage(call.now) == Stage::Starting {
        return Err(error(500, "Server is currently locked"));
    }
    instance.off = action == "halt";
    Ok(Answer::empty(204))
}
