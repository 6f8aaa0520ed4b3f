//! Devices that exist.

use serde_json::{Value, json};

use super::{
    body, catalog, forbidden, not_found, page,
    state::{Device, State},
    unprocessable, user_lite, wrong_type,
};
use crate::{
    call::Call,
    cloud::Handled,
    kit::{
        answer::Answer,
        fields::FieldError,
        life::{Life, Stage},
        text::rfc3339,
    },
};

/// A time as the API takes it, in milliseconds; without a time zone it is UTC.
pub(super) fn time(text: &str) -> Option<u64> {
    let stamp = text.parse::<jiff::Timestamp>().or_else(|_| {
        text.parse::<jiff::civil::DateTime>()
            .and_then(|time| time.to_zoned(jiff::tz::TimeZone::UTC))
            .map(|zoned| zoned.timestamp())
    });
    u64::try_from(stamp.ok()?.as_millisecond()).ok()
}

/// Letters, digits, dots and hyphens: <https://deploy.equinix.com/developers/docs/metal/deploy/on-demand/>.
pub(super) fn is_hostname(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(label)
}

pub(super) fn show(device: &Device, now: u64) -> Value {
    let state = device.state(now);
    let href = format!("/metal/v1/devices/{}", device.id);
    let created = rfc3339(device.life.born);
    let keys: Vec<Value> = device
        .keys
        .iter()
        .map(|key| json!({ "href": format!("/metal/v1/ssh-keys/{key}") }))
        .collect();
    let mut shown = json!({
        "id": device.id, "short_id": device.id.get(..8), "hostname": device.hostname,
        "description": device.description, "state": state, "tags": device.tags,
        "billing_cycle": device.billing_cycle, "locked": device.locked, "created_at": created, "updated_at": created,
        "user": "root", "image_url": null, "ipxe_script_url": "", "iqn": null, "always_pxe": false, "customdata": {},
        "bonding_mode": 5, "network_frozen": null, "spot_instance": false, "storage": {}, "switch_uuid": "5ec0ffee",
        "operating_system": catalog::show_operating_system(&device.operating_system),
        "plan": catalog::plan(&device.plan).map(catalog::Plan::show),
        "metro": catalog::metro(&device.metro).map(catalog::Metro::show),
        "facility": catalog::metro(&device.metro).map(catalog::Metro::show_facility),
        "project": { "href": format!("/metal/v1/projects/{}", device.project) },
        "created_by": user_lite(),
        "ip_addresses": addresses(device, state, &href), "network_ports": [], "provisioning_events": [],
        "ssh_keys": keys, "volumes": [], "actions": [], "href": href,
        "termination_time": device.termination.map(rfc3339),
    });
    for (field, value) in &device.extras {
        add(&mut shown, field, value.clone());
    }
    if device.life.stage(now) == Stage::Starting {
        let percent = u32::try_from(device.life.booted_percent(now)).unwrap_or_default();
        add(&mut shown, "provisioning_percentage", json!(f64::from(percent)));
    }
    shown
}

/// Adds a field to an object.
pub(super) fn add(object: &mut Value, field: &str, value: Value) {
    if let Value::Object(fields) = object {
        fields.insert(field.to_owned(), value);
    }
}

/// The addresses, IPv6 first so that nobody takes the first public one. They are there from `provisioning` on.
fn addresses(device: &Device, state: &str, href: &str) -> Vec<Value> {
    if state == "queued" {
        return Vec::new();
    }
    let show = |address: &str, family: u8, public: bool, cidr: u8| {
        json!({
            "id": format!("{}{family}{}", device.id.get(..34).unwrap_or_default(), u8::from(public)),
            "address": address, "address_family": family, "public": public, "management": true, "manageable": true,
            "enabled": true, "global_ip": false, "cidr": cidr, "network": address, "gateway": address,
            "netmask": if family == 4 { "255.255.255.254" } else { "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe" },
            "created_at": rfc3339(device.life.born), "assigned_to": { "href": href },
            "metro": catalog::metro(&device.metro).map(catalog::Metro::show),
            "href": format!("/metal/v1/ips/{}", device.id),
        })
    };
    let v6 = device.ipv6.iter().map(|address| show(address, 6, true, 127));
    let private = [show(&device.private_ip, 4, false, 31)];
    let v4 = device.public_ip.iter().map(|address| show(address, 4, true, 31));
    v6.chain(private).chain(v4).collect()
}

/// The device of that id, if the token may see it.
fn find<'a>(state: &'a mut State, own: &str, id: &str, what: &str) -> Result<&'a mut Device, Answer> {
    let device = state.devices.iter_mut().find(|device| device.id == id);
    match device {
        None => Err(not_found()),
        Some(device) => match device.moved {
            Some(404) => Err(not_found()),
            Some(_) => Err(forbidden(what)),
            None if device.project != own => Err(forbidden(what)),
            None => Ok(device),
        },
    }
}

pub(super) fn get(call: &Call<'_>, state: &mut State, own: &str, id: &str) -> Handled {
    let device = find(state, own, id, "view this device")?;
    Ok(Answer::json(200, &show(device, call.now)))
}

/// `include`, `exclude` and filters that the specification does not have are ignored.
pub(super) fn list(call: &Call<'_>, state: &State, project: &str) -> Handled {
    let query = |name: &str| call.query.filled(name);
    let flag = |name: &str, value: bool| query(name).is_none_or(|wanted| wanted == value.to_string());
    let found = |device: &&Device| {
        device.project == project
            && device.moved.is_none()
            && device.life.listed(call.now)
            && query("tag").is_none_or(|tag| device.tags.iter().any(|known| known == tag))
            && query("hostname").is_none_or(|name| device.hostname.contains(name))
            && query("metro").is_none_or(|metro| device.metro == metro)
            && query("type").is_none_or(|kind| kind == "ondemand")
            && query("search").is_none_or(|text| is_hit(device, text))
            && flag("reserved", false)
            && flag("has_termination_time", device.termination.is_some())
    };
    let devices: Vec<&Device> = state.devices.iter().filter(found).collect();
    page(call, "devices", devices, |device| show(device, call.now))
}

/// Hostname, description, short id, tags, plan, operating system and addresses.
fn is_hit(device: &Device, text: &str) -> bool {
    let texts = [
        device.hostname.as_str(),
        device.description.as_deref().unwrap_or_default(),
        device.id.get(..8).unwrap_or_default(),
        &device.plan,
        &device.operating_system,
        &device.private_ip,
    ];
    let addresses = device.public_ip.iter().chain(&device.ipv6).map(String::as_str);
    let tags = device.tags.iter().map(String::as_str);
    let mut all = texts.into_iter().chain(addresses).chain(tags);
    all.any(|known| known.contains(text))
}

pub(super) fn update(call: &Call<'_>, state: &mut State, own: &str, id: &str) -> Handled {
    let fields = body(call)?;
    let wrong = |problem: FieldError| wrong_type(&problem);
    let device = find(state, own, id, "update this device")?;
    let hostname = fields.text("hostname").map_err(wrong)?;
    if hostname.is_some_and(|name| !is_hostname(name)) {
        return Err(unprocessable("Hostname is invalid"));
    }
    if let Some(hostname) = hostname {
        hostname.clone_into(&mut device.hostname);
    }
    if fields.get("tags").is_some() {
        device.tags = fields.texts("tags").map_err(wrong)?;
    }
    if let Some(text) = fields.text("description").map_err(wrong)? {
        device.description = Some(text.to_owned());
    }
    if let Some(locked) = fields.flag("locked").map_err(wrong)? {
        device.locked = locked;
    }
    Ok(Answer::json(200, &show(device, call.now)))
}

/// `force_delete` comes in the query, or from packngo in the body; there are no volumes for which it would matter.
pub(super) fn delete(call: &Call<'_>, state: &mut State, own: &str, id: &str) -> Handled {
    body(call)?
        .flag("force_delete")
        .map_err(|problem| wrong_type(&problem))?;
    let device = find(state, own, id, "delete this device")?;
    if device.locked {
        // Status and wording UNCONFIRMED.
        return Err(unprocessable("Cannot delete a locked device"));
    }
    match device.state(call.now) {
        // Known for `provisioning`: https://github.com/redhat-cop/agnosticd/pull/4307; the others are UNCONFIRMED.
        state @ ("queued" | "provisioning" | "reinstalling" | "deprovisioning") => {
            Err(unprocessable(&format!("Cannot delete a device while it is {state}")))
        }
        _ => {
            call.end_life(&mut device.life);
            Ok(Answer::empty(204))
        }
    }
}

/// Power actions take effect at once.
pub(super) fn act(call: &Call<'_>, state: &mut State, own: &str, id: &str) -> Handled {
    let fields = body(call)?;
    let kind = fields
        .text("type")
        .map_err(|problem| wrong_type(&problem))?
        .unwrap_or_default();
    let device = find(state, own, id, "perform this action")?;
    let now = device.state(call.now);
    if !["active", "inactive"].contains(&now) {
        // Wording UNCONFIRMED.
        return Err(unprocessable(&format!("Cannot perform {kind} while it is {now}")));
    }
    match kind {
        "power_off" => device.off = true,
        "power_on" | "reboot" | "rescue" => device.off = false,
        "reinstall" => {
            device.life = Life {
                born: device.life.born,
                ..Life::new(call.now, call.boot_ms, 0)
            };
            (device.off, device.reinstalled) = (false, true);
        }
        // Wording UNCONFIRMED.
        _ => return Err(unprocessable("Type is invalid")),
    }
    Ok(Answer::empty(202))
}
