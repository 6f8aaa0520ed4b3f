//! Servers: a new one is switched off.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    body, catalog, check_project, error, invalid, is_uuid,
    lists::{has_name, has_tags, in_project, page},
    not_found,
    state::{Group, Power, Server, State, Volume},
    time, volumes, wrong_type,
};
use crate::{
    call::Call,
    cloud::Handled,
    kit::{
        answer::Answer,
        fields::{Fields, Kind},
        life::Life,
    },
};

/// Servers that the account may have.
const SERVER_LIMIT: usize = 10_000;

const CREATE_FIELDS: &[&str] = &[
    "name",
    "dynamic_ip_required",
    "routed_ip_enabled",
    "commercial_type",
    "image",
    "volumes",
    "enable_ipv6",
    "public_ip",
    "public_ips",
    "boot_type",
    "organization",
    "project",
    "tags",
    "security_group",
    "placement_group",
    "admin_password_encryption_ssh_key_id",
    "protected",
];

const UPDATE_FIELDS: &[&str] = &[
    "name",
    "tags",
    "security_group",
    "protected",
    "dynamic_ip_required",
    "boot_type",
];

pub(super) fn show(server: &Server, state: &State, now: u64) -> Value {
    let (word, detail) = server.words(now);
    let (organization, project) = catalog::owner();
    let address = server.visible_address(now).map(|address| {
        json!({
            "id": address.id, "address": address.ip, "dynamic": true, "gateway": "62.210.0.1", "netmask": "32",
            "family": "inet", "provisioning_mode": "dhcp", "tags": [], "state": "attached",
        })
    });
    let attached = state
        .volumes
        .iter()
        .filter(|volume| volume.server.as_deref() == Some(server.id.as_str()));
    let attached: Map<String, Value> = attached
        .enumerate()
        .map(|(at, volume)| (at.to_string(), volumes::show_attached(volume, &state.servers)))
        .collect();
    let group = state
        .group(&server.zone, &server.group)
        .unwrap_or_else(|| Group::default_of(&server.zone));
    json!({
        "id": server.id, "name": server.name, "hostname": server.name, "commercial_type": server.plan,
        "arch": server.plan().map(|plan| plan.arch), "boot_type": "local", "organization": organization,
        "project": project, "image": catalog::build(&server.zone, &server.image).map(|build| build.show()),
        "volumes": attached, "tags": server.tags, "state": word, "state_detail": detail,
        "protected": server.protected, "public_ip": address, "public_ips": address.iter().collect::<Vec<_>>(),
        "mac_address": "de:00:00:c6:ec:c5", "routed_ip_enabled": true, "ipv6": null, "extra_networks": [],
        "dynamic_ip_required": server.dynamic_ip, "enable_ipv6": false, "private_ip": null, "private_nics": [],
        "creation_date": time(server.life.born), "modification_date": time(server.life.born), "bootscript": null,
        "security_group": { "id": group.id, "name": group.name }, "location": null, "maintenances": [],
        "allowed_actions": server.allowed_actions(now), "placement_group": null, "filesystems": [],
        "end_of_service": false, "zone": server.zone,
    })
}

fn shown(call: &Call<'_>, state: &State, id: &str, status: u16) -> Handled {
    let server = state.servers.iter().find(|server| server.id == id);
    let server = server.ok_or_else(|| not_found("instance_server", id))?;
    Ok(Answer::json(
        status,
        &json!({ "server": show(server, state, call.now) }),
    ))
}

pub(super) fn create(call: &mut Call<'_>, state: &mut State, zone: &'static str) -> Handled {
    let fields = body(call, CREATE_FIELDS)?;
    let (mut server, volume) = read_order(call, state, &fields, zone)?;
    if state.servers.len() >= SERVER_LIMIT || call.over_quota() {
        let resource = format!("cp_servers_type_{}", server.plan.replace('-', "_"));
        let more = json!({ "resource": resource, "quota": 2, "current": 2 });
        return Err(error(403, "quotas_exceeded", "quota exceeded", more));
    }
    if server.plan().is_some_and(|plan| plan.sold_out) || call.sold_out() {
        let more = json!({ "resource": server.plan });
        return Err(error(412, "out_of_stock", "resource is out of stock", more));
    }
    server.id = call.uuid();
    server.life = call.new_life();
    state.volumes.push(Volume {
        id: call.uuid(),
        server: Some(server.id.clone()),
        ..volume
    });
    let id = server.id.clone();
    state.servers.push(server);
    let location = format!("{}{}/{id}", call.base_url(), call.path);
    Ok(shown(call, state, &id, 201)?.header("location", location))
}

/// Checks a create request.
fn read_order(
    call: &mut Call<'_>,
    state: &State,
    fields: &Fields,
    zone: &'static str,
) -> Result<(Server, Volume), Answer> {
    let text = |field: &str| fields.text(field).map_err(wrong_type);
    let flag = |field: &str| fields.flag(field).map_err(wrong_type);
    let required = |field: &str| text(field)?.ok_or_else(|| invalid(field, "required", "required key not provided"));
    fields
        .check(&[
            ("admin_password_encryption_ssh_key_id", Kind::Text),
            ("enable_ipv6", Kind::Flag),
            ("public_ip", Kind::Text),
            ("routed_ip_enabled", Kind::Flag),
        ])
        .map_err(wrong_type)?;
    let (name, plan, image) = (required("name")?, required("commercial_type")?, required("image")?);
    check_project(fields)?;
    if !is_name(name) {
        return Err(invalid(
            "name",
            "format",
            "only letters, digits, dots, hyphens and spaces",
        ));
    }
    // UNCONFIRMED: the code for a plan that does not exist.
    let plan =
        catalog::plan(zone, plan).ok_or_else(|| invalid("commercial_type", "constraint", "not a valid value"))?;
    let build = match is_uuid(image) {
        true => catalog::build(zone, image),
        // UNCONFIRMED: which build a label stands for; the vendor's Python examples send one.
        false => catalog::build_for(zone, image, plan),
    };
    let build = build.ok_or_else(|| not_found("instance_image", image))?;
    if !build.runs_on(plan) {
        return Err(invalid(
            "image",
            "constraint",
            "image is not compatible with the commercial type",
        ));
    }
    if text("boot_type")?.is_some_and(|word| !["local", "rescue"].contains(&word)) {
        return Err(invalid("boot_type", "constraint", "not a valid value"));
    }
    if text("placement_group")?.is_some() {
        // There are none.
        return Err(invalid("placement_group", "constraint", "not a valid value"));
    }
    if let Some(ip) = fields.texts("public_ips").map_err(wrong_type)?.first() {
        return Err(not_found("instance_ip", ip));
    }
    let group = match text("security_group")? {
        Some(id) if !is_uuid(id) => return Err(invalid("security_group", "format", "expected UUID")),
        Some(id) => state
            .group(zone, id)
            .ok_or_else(|| not_found("instance_security_group", id))?,
        None => Group::default_of(zone),
    };
    let most = plan.disk * 1_000_000_000;
    let wanted = fields.object("volumes").map_err(wrong_type)?.unwrap_or_default();
    let root = wanted.object("0").map_err(wrong_type)?.unwrap_or_default();
    let size = root.number("size").map_err(wrong_type)?;
    if build.is_local() && size.is_some_and(|size| size == 0 || size > most) {
        return Err(invalid(
            "volumes",
            "constraint",
            "total local volume size must be within the plan's limits",
        ));
    }
    let volume = Volume {
        id: String::new(),
        zone: zone.to_owned(),
        name: root.text("name").map_err(wrong_type)?.unwrap_or(build.name).to_owned(),
        kind: if build.is_local() { "l_ssd" } else { "sbs_volume" }.to_owned(),
        // Without a size the whole local disk, or 10 GB of block storage.
        size: size.unwrap_or(if build.is_local() { most } else { 10_000_000_000 }),
        tags: Vec::new(),
        server: None,
        created: call.now,
    };
    let server = Server {
        id: String::new(),
        zone: zone.to_owned(),
        name: name.to_owned(),
        plan: plan.name.to_owned(),
        image: build.id,
        tags: fields.texts("tags").map_err(wrong_type)?,
        group: group.id,
        dynamic_ip: flag("dynamic_ip_required")?.unwrap_or(true),
        protected: flag("protected")?.unwrap_or(false),
        user_data: BTreeMap::new(),
        booted_with: None,
        power: Power::Off,
        address: None,
        life: Life::new(call.now, 0, 0),
    };
    Ok((server, volume))
}

fn is_name(name: &str) -> bool {
    (1..=255).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".- ".contains(&byte))
}

pub(super) fn get(call: &Call<'_>, state: &mut State, zone: &str, id: &str) -> Handled {
    state.server(zone, id).ok_or_else(|| not_found("instance_server", id))?;
    shown(call, state, id, 200)
}

pub(super) fn update(call: &Call<'_>, state: &mut State, zone: &str, id: &str) -> Handled {
    let fields = body(call, UPDATE_FIELDS)?;
    let group = match fields.object("security_group").map_err(wrong_type)? {
        Some(group) => {
            let group_id = group.text("id").map_err(wrong_type)?.unwrap_or_default().to_owned();
            let known = state.group(zone, &group_id);
            Some(known.ok_or_else(|| not_found("instance_security_group", &group_id))?)
        }
        None => None,
    };
    let server = state.server(zone, id).ok_or_else(|| not_found("instance_server", id))?;
    if let Some(name) = fields.text("name").map_err(wrong_type)? {
        if !is_name(name) {
            return Err(invalid(
                "name",
                "format",
                "only letters, digits, dots, hyphens and spaces",
            ));
        }
        name.clone_into(&mut server.name);
    }
    if fields.get("tags").is_some() {
        server.tags = fields.texts("tags").map_err(wrong_type)?;
    }
    if let Some(group) = group {
        server.group = group.id;
    }
    if let Some(protected) = fields.flag("protected").map_err(wrong_type)? {
        server.protected = protected;
    }
    if let Some(wanted) = fields.flag("dynamic_ip_required").map_err(wrong_type)? {
        server.dynamic_ip = wanted;
    }
    shown(call, state, id, 200)
}

pub(super) fn list(call: &Call<'_>, state: &State, zone: &str) -> Handled {
    let filter = |name: &str| call.query.filled(name);
    let (ip, word, plan) = (filter("with_ip"), filter("state"), filter("commercial_type"));
    let ids: Option<Vec<&str>> = filter("servers").map(|ids| ids.split(',').collect());
    let now = call.now;
    let passes = |server: &&Server| {
        let address = server.visible_address(now).map(|address| address.ip.as_str());
        server.zone == zone
            && server.life.listed(now)
            && in_project(call)
            && has_name(call, &server.name)
            && has_tags(call, &server.tags)
            && ip.is_none_or(|ip| address == Some(ip))
            && (filter("without_ip") != Some("true") || address.is_none())
            && word.is_none_or(|word| server.words(now).0 == word)
            && plan.is_none_or(|plan| server.plan == plan)
            && ids.as_ref().is_none_or(|ids| ids.contains(&server.id.as_str()))
    };
    let mut found: Vec<&Server> = state.servers.iter().filter(passes).collect();
    match filter("order").unwrap_or("creation_date_desc") {
        "creation_date_asc" => {}
        "creation_date_desc" => found.reverse(),
        "modification_date_asc" => {}
        "modification_date_desc" => found.reverse(),
        _ => return Err(invalid("order", "constraint", "not a valid value")),
    }
    page(
        call,
        "servers",
        found.into_iter().map(|server| show(server, state, now)).collect(),
    )
}
