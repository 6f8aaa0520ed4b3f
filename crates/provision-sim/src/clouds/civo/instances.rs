//! Instances.

use serde_json::{Value, json};

use super::{
    catalog::{self, Region, Size},
    error,
    fields::Input,
    firewalls,
    state::{Instance, State},
    success,
};
use crate::{
    call::Call,
    cloud::Handled,
    kit::{
        answer::Answer,
        life::Stage,
        page::Page,
        text::{rfc3339, sha256},
    },
};

/// Instances that the simulated account may have.
const INSTANCE_LIMIT: usize = 10_000;
/// Longest script, bytes. UNCONFIRMED: Civo states none.
const SCRIPT_LIMIT: usize = 16 * 1024;
/// What a create may hold, after `InstanceConfig` of the vendor's client.
const CREATE_FIELDS: &[&str] = &[
    "count",
    "hostname",
    "reverse_dns",
    "size",
    "region",
    "public_ip",
    "reserved_ipv4",
    "private_ipv4",
    "network_id",
    "template_id",
    "source_type",
    "source_id",
    "snapshot_id",
    "subnets",
    "initial_user",
    "ssh_key_id",
    "script",
    "tags",
    "firewall_id",
    "volume_type",
    "attached_volumes",
    "placement_rule",
    "network_bandwidth_limit",
    "allowed_ips",
];

fn not_found() -> Answer {
    error(
        404,
        "database_instance_find",
        "Failed to find the instance within the internal database",
    )
}

fn find<'a>(state: &'a mut State, region: &Region, id: &str) -> Result<&'a mut Instance, Answer> {
    let mut all = state.instances.iter_mut();
    // In another region it is "not found", too.
    all.find(|instance| instance.id == id && instance.region == region.code)
        .ok_or_else(not_found)
}

/// Letters, digits, dots and hyphens, ending with a letter or digit, 63 characters at most.
fn is_hostname(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && name
            .bytes()
            .next_back()
            .is_some_and(|byte| byte.is_ascii_alphanumeric())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
}

fn tags(text: Option<String>) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    for tag in text.unwrap_or_default().split_whitespace() {
        if !tags.iter().any(|known| known == tag) {
            tags.push(tag.to_owned());
        }
    }
    tags
}

/// A create request that passed all checks.
struct Order {
    hostname: String,
    size: &'static Size,
    image: &'static str,
    firewall: String,
    tags: Vec<String>,
    user: String,
    ssh_key: Option<String>,
    script: Option<String>,
    public: bool,
}

fn read_order(call: &Call<'_>, state: &State, region: &Region) -> Result<Order, Answer> {
    let input = Input::read(call)?;
    input.only(CREATE_FIELDS)?;
    if input.text("count")?.is_some_and(|count| count != "1") {
        return Err(error(
            400,
            "parameter_value_missing",
            "The simulator makes one instance at a time",
        ));
    }
    let hostname = input
        .text("hostname")?
        .filter(|name| is_hostname(name))
        .ok_or_else(|| {
            error(
                400,
                "parameter_name_invalid",
                "The hostname you've provided isn't valid",
            )
        })?;
    let size = input
        .text("size")?
        .ok_or_else(|| error(400, "parameter_size_missing", "The size is missing"))?;
    let size = catalog::size(&size).ok_or_else(|| error(404, "database_size_not_found", "Failed to find the size"))?;
    // Only the id of this region's image: there are no slugs.
    let image = input.text("template_id")?.unwrap_or_default();
    let image = catalog::image(region, &image)
        .ok_or_else(|| error(404, "database_disk_image_not_found", "Failed to find the disk image"))?;
    let network = input.text("network_id")?;
    if network.is_some_and(|network| network != catalog::network_id(region)) {
        return Err(error(404, "database_network_not_found", "Failed to find the network"));
    }
    let firewall = input
        .text("firewall_id")?
        .unwrap_or_else(|| catalog::default_firewall_id(region));
    if !firewalls::usable(state, region, &firewall) {
        return Err(error(404, "database_firewall_not_found", "Failed to find the firewall"));
    }
    let public = match input.text("public_ip")?.as_deref() {
        None | Some("create" | "true") => true,
        Some("none") => false,
        Some(_) => {
            return Err(error(
                400,
                "parameter_public_ip_missing",
                "public_ip must be create or none",
            ));
        }
    };
    let ssh_key = input.text("ssh_key_id")?;
    if let Some(id) = &ssh_key
        && !state.keys.iter().any(|key| key.id == *id)
    {
        return Err(error(404, "database_ssh_key_not_found", "Failed to find the SSH key"));
    }
    let script = input.text("script")?;
    // Stricter than Civo, which would take anything and run nothing: a script begins with `#!`, as its own tool demands.
    if script
        .as_deref()
        .is_some_and(|script| !script.starts_with("#!") || script.len() > SCRIPT_LIMIT)
    {
        return Err(error(
            400,
            "parameter_value_missing",
            "The script has no shebang, or is too long",
        ));
    }
    Ok(Order {
        hostname,
        size,
        image,
        firewall,
        tags: tags(input.text("tags")?),
        user: input.text("initial_user")?.unwrap_or_else(|| "civo".to_owned()),
        ssh_key,
        script: script.map(sha256),
        public,
    })
}

pub(super) fn create(call: &mut Call<'_>, state: &mut State, region: &Region) -> Handled {
    let order = read_order(call, state, region)?;
    if state.instances.len() >= INSTANCE_LIMIT || call.over_quota() {
        return Err(error(
            409,
            "quota_limit_reached",
            "The instance count quota would be exceeded\nThe CPU core quota would be exceeded",
        ));
    }
    if region.out_of_capacity || call.sold_out() {
        return Err(error(503, "out_of_capacity", "The region is out of capacity"));
    }
    let number = call.next_number();
    let instance = Instance {
        id: call.uuid(),
        hostname: order.hostname,
        region: region.code.to_owned(),
        size: order.size.name.to_owned(),
        image: order.image.to_owned(),
        network: catalog::network_id(region),
        firewall: order.firewall,
        tags: order.tags,
        user: order.user,
        ssh_key: order.ssh_key,
        script_sha256: order.script,
        private_ip: format!("192.168.{}.{}", number / 254 % 256, number % 254 + 1),
        public_ip: order.public.then(|| call.ipv4().to_string()),
        off: false,
        life: call.new_life(),
    };
    let mut shown = show(&instance, call.now);
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("created_at".into(), json!("0001-01-01T00:00:00Z"));
        if instance.ssh_key.is_none() {
            shown.insert("initial_password".into(), json!(call.hex(16)));
        }
    }
    state.instances.push(instance);
    Ok(Answer::json(200, &shown))
}

fn show(instance: &Instance, now: u64) -> Value {
    let stage = instance.life.stage(now);
    let built = now >= instance.life.ready;
    let status = match stage {
        Stage::Starting => "BUILDING",
        Stage::Ending | Stage::Gone => "DELETING",
        Stage::Ready if instance.off => "SHUTOFF",
        Stage::Ready => "ACTIVE",
    };
    let size = catalog::size(&instance.size);
    json!({
        "id": instance.id, "hostname": instance.hostname, "reverse_dns": "", "size": instance.size,
        "region": instance.region, "network_id": instance.network, "firewall_id": instance.firewall,
        "source_type": "diskimage", "source_id": instance.image, "template_id": "", "status": status,
        "public_ip": built.then_some(instance.public_ip.as_deref()).flatten(),
        "private_ip": built.then_some(&instance.private_ip), "tags": instance.tags, "initial_user": instance.user,
        "ssh_key_id": instance.ssh_key.as_deref().unwrap_or_default(),
        "cpu_cores": size.map_or(0, |size| size.cores), "ram_mb": size.map_or(0, |size| size.ram),
        "disk_gb": size.map_or(0, |size| size.disk),
        // The real one gives the script back in base64; only its digest is kept here.
        "script": "", "created_at": rfc3339(instance.life.born), "notes": "", "volume_backed": true,
    })
}

pub(super) fn get(call: &Call<'_>, state: &mut State, region: &Region, id: &str) -> Handled {
    let instance = find(state, region, id)?;
    Ok(Answer::json(200, &show(instance, call.now)))
}

/// One page; 20 without a word about it, and as many as one likes.
pub(super) fn list(call: &Call<'_>, state: &State, region: &Region) -> Handled {
    let number = |name: &str, default: u64| match call.query.number(name) {
        Ok(number) => Ok(number.unwrap_or(default).max(1)),
        Err(_) => Err(error(400, "parameter_id_to_integer", "page and per_page are numbers")),
    };
    let (at, size) = (number("page", 1)?, number("per_page", 20)?);
    // An instance must carry all of them.
    let wanted = tags(call.query.filled("tags").map(str::to_owned));
    let found = state.instances.iter().filter(|instance| {
        instance.region == region.code
            && instance.life.listed(call.now)
            && wanted.iter().all(|tag| instance.tags.contains(tag))
    });
    let page = Page::cut(found.collect(), at, size);
    let (pages, number) = (page.last, page.number);
    let items: Vec<Value> = page
        .items
        .into_iter()
        .map(|instance| show(instance, call.now))
        .collect();
    let body = json!({ "page": number, "per_page": call.query.number("per_page").ok().flatten(), "pages": pages, "items": items });
    Ok(Answer::json(200, &body))
}

/// Accepted at once, whatever the state (UNCONFIRMED while it is built or deleted already); the instance takes a while to
/// go.
pub(super) fn delete(call: &Call<'_>, state: &mut State, region: &Region, id: &str) -> Handled {
    let instance = find(state, region, id)?;
    call.end_life(&mut instance.life);
    Ok(success())
}

pub(super) fn rename(call: &Call<'_>, state: &mut State, region: &Region, id: &str) -> Handled {
    let hostname = Input::read(call)?.text("hostname")?;
    let instance = find(state, region, id)?;
    match hostname {
        Some(name) if is_hostname(&name) => instance.hostname = name,
        Some(_) => {
            return Err(error(
                400,
                "parameter_name_invalid",
                "The hostname you've provided isn't valid",
            ));
        }
        None => {}
    }
    Ok(success())
}

pub(super) fn set_tags(call: &Call<'_>, state: &mut State, region: &Region, id: &str) -> Handled {
    let new = tags(Input::read(call)?.text("tags")?);
    find(state, region, id)?.tags = new;
    Ok(success())
}

pub(super) fn set_firewall(call: &Call<'_>, state: &mut State, region: &Region, id: &str) -> Handled {
    let firewall = Input::read(call)?.text("firewall_id")?.unwrap_or_default();
    if !firewalls::usable(state, region, &firewall) {
        return Err(error(404, "database_firewall_not_found", "Failed to find the firewall"));
    }
    find(state, region, id)?.firewall = firewall;
    Ok(success())
}

pub(super) fn switch(call: &Call<'_>, state: &mut State, region: &Region, id: &str, on: bool) -> Handled {
    let instance = find(state, region, id)?;
    if instance.life.stage(call.now) != Stage::Ready {
        let reason = "The instance must be active or shut off";
        return Err(error(409, "instance_state_must_be_active_or_shutoff", reason));
    }
    instance.off = !on;
    Ok(success())
}

pub(super) fn quota(state: &State) -> Value {
    json!({
        "id": "44aab548-61ca-11e5-860e-5cf9389be614", "default_user_email_address": "sim@example.com",
        "instance_count_limit": INSTANCE_LIMIT, "instance_count_usage": state.instances.len(),
        "security_group_limit": INSTANCE_LIMIT, "security_group_usage": state.firewalls.len(),
    })
}
