//! Droplets and their actions.

use std::net::Ipv6Addr;

use serde_json::{Value, json};

use super::{
    DROPLET_LIMIT, body, catalog, error, keys, not_found, page,
    state::{Action, Droplet, State},
    tags, unprocessable, wrong_type,
};
use crate::{
    call::Call,
    cloud::Handled,
    kit::{
        answer::Answer,
        fields::{FieldError, Fields},
        life::Stage,
        text::{rfc3339, sha256},
    },
};

/// Largest user data, bytes.
const USER_DATA_LIMIT: usize = 64 * 1024;
/// Most droplets in one create.
const NAMES_LIMIT: usize = 10;
/// The account's default network.
const VPC: &str = "c2b5d7e0-41aa-4f6e-8a1d-93f0a5b6e712";

/// A create request that passed all checks.
struct Order {
    names: Vec<String>,
    region: String,
    size: &'static catalog::Size,
    image: &'static catalog::Image,
    tags: Vec<String>,
    user_data: Option<String>,
    ipv6: bool,
    public: bool,
    features: Vec<String>,
    vpc_uuid: String,
}

pub(super) fn create(call: &mut Call<'_>, state: &mut State) -> Handled {
    let fields = body(call)?;
    let many = fields.get("names").is_some();
    let order = read_order(call, state, &fields)?;
    if order.names.len() + state.droplets.len() > DROPLET_LIMIT || call.over_quota() {
        return Err(unprocessable(
            call,
            "creating this/these droplet(s) will exceed your droplet limit",
        ));
    }
    // Wording UNCONFIRMED.
    if !order.size.offered_in(&order.region) || call.sold_out() {
        return Err(unprocessable(call, "Size is not available in this region."));
    }
    let tags = state.ensure_tags(&order.tags);
    let mut made = Vec::new();
    let mut actions = Vec::new();
    for name in &order.names {
        let (droplet, action) = make(call, &order, name, &tags);
        actions.push(json!({
            "id": action.id, "rel": "create", "href": format!("{}/v2/actions/{}", call.base_url(), action.id),
        }));
        made.push(show(&droplet, call.now));
        state.droplets.push(droplet);
        state.actions.push(action);
    }
    let links = json!({ "actions": actions });
    Ok(Answer::json(
        202,
        &match made.pop() {
            Some(only) if !many => json!({ "droplet": only, "links": links }),
            last => {
                made.extend(last);
                json!({ "droplets": made, "links": links })
            }
        },
    ))
}

/// Checks a create request. Fields that the API does not know are left alone, as SDKs send some.
fn read_order(call: &Call<'_>, state: &State, fields: &Fields) -> Result<Order, Answer> {
    let wrong = |problem: FieldError| wrong_type(call, &problem);
    let text = |field: &str| fields.text(field).map_err(wrong);
    let flag = |field: &str| fields.flag(field).map_err(wrong);
    let names = match fields.get("names") {
        Some(_) => fields.texts("names").map_err(wrong)?,
        None => text("name")?.map(str::to_owned).into_iter().collect(),
    };
    if names.is_empty() || names.len() > NAMES_LIMIT || (fields.get("names").is_some() && fields.get("name").is_some())
    {
        return Err(unprocessable(call, "Name can't be blank"));
    }
    if !names.iter().all(|name| is_name(name)) {
        return Err(unprocessable(
            call,
            "Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)",
        ));
    }
    // Without a region the API chooses one.
    let region = match text("region")? {
        Some(slug) => catalog::region(slug)
            .ok_or_else(|| unprocessable(call, "You specified an invalid region for Droplet creation."))?,
        None => catalog::region("nyc3").ok_or_else(|| not_found(call))?,
    };
    let size = text("size")?
        .and_then(catalog::size)
        .ok_or_else(|| unprocessable(call, "You specified an invalid size for Droplet creation."))?;
    let image = fields
        .get("image")
        .and_then(|image| match image {
            Value::String(slug) => catalog::image(slug),
            Value::Number(id) => catalog::image(&id.to_string()),
            _ => None,
        })
        .ok_or_else(|| unprocessable(call, "You specified an invalid image for Droplet creation."))?;
    if !region.available {
        return Err(unprocessable(call, "Region is not available"));
    }
    let tags = fields.texts("tags").map_err(wrong)?;
    tags::check(call, &tags)?;
    let user_data = text("user_data")?;
    if user_data.is_some_and(|data| data.len() > USER_DATA_LIMIT) {
        // Wording UNCONFIRMED.
        return Err(unprocessable(call, "User data is too long (maximum is 64 KiB)"));
    }
    for key in fields.list("ssh_keys").map_err(wrong)?.into_iter().flatten() {
        let id = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
        if !state.keys.iter().any(|known| keys::is_named_by(known, &id)) {
            return Err(unprocessable(
                call,
                &format!("{id} are invalid key identifiers for Droplet creation."),
            ));
        }
    }
    let ipv6 = flag("ipv6")?.unwrap_or(false);
    let mut features = vec!["private_networking".to_owned()];
    for (name, on) in [
        ("backups", flag("backups")?.unwrap_or(false)),
        ("ipv6", ipv6),
        ("monitoring", flag("monitoring")?.unwrap_or(false)),
        ("droplet_agent", flag("with_droplet_agent")?.unwrap_or(false)),
    ] {
        if on {
            features.push(name.to_owned());
        }
    }
    Ok(Order {
        names,
        region: region.slug.to_owned(),
        size,
        image,
        tags,
        user_data: user_data.map(sha256),
        ipv6,
        public: flag("public_networking")?.unwrap_or(true),
        features,
        vpc_uuid: text("vpc_uuid")?.unwrap_or(VPC).to_owned(),
    })
}

/// 1 to 255 characters, letters, digits, dots and hyphens, the last one a letter or digit.
fn is_name(name: &str) -> bool {
    let ends_well = name
        .bytes()
        .next_back()
        .is_some_and(|byte| byte.is_ascii_alphanumeric());
    name.len() <= 255
        && ends_well
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
}

fn make(call: &mut Call<'_>, order: &Order, name: &str, tags: &[String]) -> (Droplet, Action) {
    let number = call.next_number();
    let id = 512_000_000 + number;
    let life = call.new_life();
    let droplet = Droplet {
        id,
        name: name.to_owned(),
        region: order.region.clone(),
        size: order.size.slug.to_owned(),
        image: order.image.slug.to_owned(),
        tags: tags.to_vec(),
        user_data_sha256: order.user_data.clone(),
        off: false,
        features: order.features.clone(),
        vpc_uuid: order.vpc_uuid.clone(),
        private_ip: format!("10.106.{}.{}", number / 254 % 256, number % 254 + 1),
        public_ip: order.public.then(|| call.ipv4().to_string()),
        ipv6: order
            .ipv6
            .then(|| Ipv6Addr::from_bits(call.ipv6_net().to_bits() | 0xa001).to_string()),
        life: life.clone(),
    };
    let action = action(call, &droplet, "create", life.ready);
    (droplet, action)
}

fn action(call: &mut Call<'_>, droplet: &Droplet, kind: &str, completed: u64) -> Action {
    Action {
        id: 2_210_000_000 + call.next_number(),
        kind: kind.to_owned(),
        droplet: droplet.id,
        region: droplet.region.clone(),
        started: call.now,
        completed,
    }
}

fn show(droplet: &Droplet, now: u64) -> Value {
    let stage = droplet.life.stage(now);
    // A droplet that is being destroyed still reads as it was.
    let status = match stage {
        Stage::Starting => "new",
        _ if now < droplet.life.ready => "new",
        _ if droplet.off => "off",
        _ => "active",
    };
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    if status != "new" {
        let private = &droplet.private_ip;
        v4.push(
            json!({ "ip_address": private, "netmask": "255.255.240.0", "gateway": "10.106.0.1", "type": "private" }),
        );
        if let Some(ip) = &droplet.public_ip {
            let gateway = ip
                .rsplit_once('.')
                .map_or_else(|| ip.clone(), |(net, _)| format!("{net}.1"));
            v4.push(json!({ "ip_address": ip, "netmask": "255.255.240.0", "gateway": gateway, "type": "public" }));
        }
        if let Some(ip) = &droplet.ipv6 {
            let gateway = ip
                .rsplit_once(':')
                .map_or_else(|| ip.clone(), |(net, _)| format!("{net}:1"));
            v6.push(json!({ "ip_address": ip, "netmask": 64, "gateway": gateway, "type": "public" }));
        }
    }
    let size = catalog::size(&droplet.size);
    json!({
        "id": droplet.id, "name": droplet.name,
        "memory": size.map_or(0, |size| size.memory), "vcpus": size.map_or(0, |size| size.vcpus),
        "disk": size.map_or(0, |size| size.disk), "locked": matches!(stage, Stage::Starting | Stage::Ending),
        "status": status, "kernel": null, "created_at": rfc3339(droplet.life.born), "features": droplet.features,
        "backup_ids": [], "next_backup_window": null, "snapshot_ids": [], "volume_ids": [],
        "size_slug": droplet.size, "size": size.map(catalog::Size::show),
        "networks": { "v4": v4, "v6": v6 },
        "image": catalog::image(&droplet.image).map(catalog::Image::show),
        "region": catalog::region(&droplet.region).map(catalog::Region::show),
        "tags": droplet.tags, "vpc_uuid": droplet.vpc_uuid,
    })
}

pub(super) fn get(call: &Call<'_>, state: &mut State, id: &str) -> Handled {
    let droplet = state.droplet(id).ok_or_else(|| not_found(call))?;
    Ok(Answer::json(200, &json!({ "droplet": show(droplet, call.now) })))
}

pub(super) fn list(call: &Call<'_>, state: &State) -> Handled {
    let (tag, name) = (call.query.filled("tag_name"), call.query.filled("name"));
    if tag.is_some() && name.is_some() {
        // Wording UNCONFIRMED.
        return Err(unprocessable(call, "name and tag_name cannot be used together."));
    }
    let droplets = state
        .droplets
        .iter()
        .filter(|droplet| droplet.life.listed(call.now))
        .filter(|droplet| tag.is_none_or(|tag| droplet.has_tag(tag)))
        .filter(|droplet| name.is_none_or(|name| droplet.name.eq_ignore_ascii_case(name)));
    page(call, "droplets", droplets, |droplet| show(droplet, call.now))
}

pub(super) fn delete(call: &Call<'_>, state: &mut State, id: &str) -> Handled {
    let droplet = state.droplet(id).ok_or_else(|| not_found(call))?;
    // UNCONFIRMED: what a delete while `new`, or a second one while the first is at work, answers today; both are
    // accepted here.
    call.end_life(&mut droplet.life);
    Ok(Answer::empty(204))
}

pub(super) fn delete_by_tag(call: &Call<'_>, state: &mut State) -> Handled {
    let Some(tag) = call.query.filled("tag_name") else {
        // Wording UNCONFIRMED.
        return Err(unprocessable(call, "tag_name is required."));
    };
    for droplet in state.droplets.iter_mut().filter(|droplet| droplet.has_tag(tag)) {
        call.end_life(&mut droplet.life);
    }
    Ok(Answer::empty(204))
}

pub(super) fn destroy_with_associated(call: &Call<'_>, state: &mut State, id: &str) -> Handled {
    let droplet = state.droplet(id).ok_or_else(|| not_found(call))?;
    if call.header("x-dangerous") != Some("true") {
        // Wording UNCONFIRMED.
        return Err(error(
            call,
            400,
            "bad_request",
            "The X-Dangerous header must be set to true.",
        ));
    }
    call.end_life(&mut droplet.life);
    Ok(Answer::empty(202))
}

fn show_action(action: &Action, now: u64) -> Value {
    let done = now >= action.completed;
    json!({
        "id": action.id, "status": if done { "completed" } else { "in-progress" }, "type": action.kind,
        "started_at": rfc3339(action.started), "completed_at": done.then(|| rfc3339(action.completed)),
        "resource_id": action.droplet, "resource_type": "droplet", "region_slug": action.region,
        "region": catalog::region(&action.region).map(catalog::Region::show),
    })
}

pub(super) fn get_action(call: &Call<'_>, state: &State, id: &str) -> Handled {
    let action = state
        .actions
        .iter()
        .find(|action| action.id.to_string() == id)
        .ok_or_else(|| not_found(call))?;
    Ok(Answer::json(200, &json!({ "action": show_action(action, call.now) })))
}

pub(super) fn list_actions(call: &Call<'_>, state: &mut State, id: &str) -> Handled {
    let droplet = state.droplet(id).ok_or_else(|| not_found(call))?.id;
    let actions = state.actions.iter().filter(|action| action.droplet == droplet);
    page(call, "actions", actions, |action| show_action(action, call.now))
}

/// Power actions; they take effect at once.
pub(super) fn act(call: &mut Call<'_>, state: &mut State, id: &str) -> Handled {
    let fields = body(call)?;
    let kind = fields
        .text("type")
        .map_err(|problem| wrong_type(call, &problem))?
        .unwrap_or_default();
    let now = call.now;
    let droplet = state.droplet(id).ok_or_else(|| not_found(call))?;
    if droplet.life.stage(now) != Stage::Ready {
        return Err(unprocessable(call, "Droplet already has a pending event."));
    }
    match kind {
        "power_off" | "shutdown" => droplet.off = true,
        "power_on" | "reboot" | "power_cycle" => droplet.off = false,
        // Wording UNCONFIRMED.
        _ => return Err(unprocessable(call, "You specified an invalid action type.")),
    }
    let action = action(call, droplet, kind, now);
    let answer = Answer::json(201, &json!({ "action": show_action(&action, now) }));
    state.actions.push(action);
    Ok(answer)
}
