//! Nova: servers and key pairs. A create is accepted at once; whether there is a place for the server shows later.

use std::fmt;

use serde_json::{Map, Value, json};

use super::{
    catalog::{self, Region, listed, slice},
    fault::{bad_request, malformed, nova, wrong},
    identity::{PROJECT, USER},
    networks,
    order::{self, Attachment},
    state::{KeyPair, Server, State},
};
use crate::{
    call::Call,
    cloud::Handled,
    kit::{
        answer::Answer,
        life::Stage,
        text::{fingerprint, is_ssh_key, rfc3339},
    },
};

const SERVER_LIMIT: usize = 2_000;

/// A microversion.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(u32);

impl Version {
    const OLDEST: Self = Self(1);
    const NEWEST: Self = Self(104);
    /// From here on a server shows its flavor in whole.
    const FLAVOR: Self = Self(47);
    /// From here on a create takes tags.
    pub(super) const TAGS: Self = Self(52);
    /// From here on lists are filtered by tags.
    const TAG_FILTER: Self = Self(26);
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "2.{}", self.0)
    }
}

pub(super) fn version(call: &Call<'_>) -> Answer {
    let version = json!({
        "id": "v2.1", "status": "CURRENT", "version": Version::NEWEST.to_string(),
        "min_version": Version::OLDEST.to_string(), "updated": "2013-07-23T11:33:21Z",
        "links": [
            { "rel": "self", "href": format!("{}{}", call.base_url(), call.path) },
            { "rel": "describedby", "type": "text/html", "href": "http://docs.openstack.org/" },
        ],
        "media-types": [{ "base": "application/json", "type": "application/vnd.openstack.compute+json;version=2.1" }],
    });
    Answer::json(200, &json!({ "version": version }))
}

/// The version that a request asks for; without a word the oldest.
pub(super) fn asked_version(call: &Call<'_>) -> Result<Version, Answer> {
    let Some(asked) = call.header("openstack-api-version") else {
        return Ok(Version::OLDEST);
    };
    let number = asked
        .strip_prefix("compute ")
        .and_then(|version| version.strip_prefix("2.")?.parse().ok());
    match number.map(Version) {
        Some(version) if (Version::OLDEST..=Version::NEWEST).contains(&version) => Ok(version),
        _ => {
            let asked = asked.trim_start_matches("compute ");
            let message = format!(
                "Version {asked} is not supported by the API. Minimum is {} and maximum is {}.",
                Version::OLDEST,
                Version::NEWEST
            );
            Err(nova(406, "computeFault", &message))
        }
    }
}

fn not_found(id: &str) -> Answer {
    nova(404, "itemNotFound", &format!("Instance {id} could not be found."))
}

pub(super) fn create(call: &mut Call<'_>, state: &mut State, region: &'static Region, version: Version) -> Handled {
    let order = order::read(call, state, region, version)?;
    if state.servers.len() >= SERVER_LIMIT || call.over_quota() {
        let used = state.servers.len();
        return Err(nova(
            403,
            "forbidden",
            &format!("Quota exceeded for instances: Requested 1, but already used {used} of {used} instances"),
        ));
    }
    let fault = call.sold_out().then(|| "No valid host was found. ".to_owned());
    let id = call.uuid();
    // What finds no place gets no port either.
    match &order.attachment {
        Attachment::Network(network) if fault.is_none() => {
            let mut port = networks::new_port(call, region, network, order.groups);
            port.device.clone_from(&id);
            port.of_nova = true;
            state.ports.push(port);
        }
        Attachment::Port(wanted) if fault.is_none() => {
            for port in state.ports.iter_mut().filter(|port| port.id == *wanted) {
                port.device.clone_from(&id);
            }
        }
        Attachment::Network(_) | Attachment::Port(_) => {}
    }
    let server = Server {
        id: id.clone(),
        name: order.name,
        region: region.name.to_owned(),
        flavor: order.flavor.name.to_owned(),
        image: order.image,
        metadata: order.metadata,
        tags: order.tags,
        key_name: order.key_name,
        config_drive: order.config_drive,
        user_data_sha256: order.user_data_sha256,
        fault,
        life: call.new_life(),
    };
    state.servers.push(server);
    let body = json!({ "server": {
        "id": id, "links": links(call, region, &id), "OS-DCF:diskConfig": "MANUAL",
        "security_groups": [{ "name": "default" }], "adminPass": call.hex(12),
    }});
    let own = format!("{}/{}/compute/v2.1/servers/{id}", call.base_url(), region.name);
    Ok(Answer::json(202, &body).header("location", own))
}

fn links(call: &Call<'_>, region: &Region, id: &str) -> Value {
    let base = format!("{}/{}/compute", call.base_url(), region.name);
    json!([
        { "rel": "self", "href": format!("{base}/v2.1/servers/{id}") },
        { "rel": "bookmark", "href": format!("{base}/servers/{id}") },
    ])
}

fn addresses(state: &State, region: &Region, server: &Server) -> Value {
    let mut networks: Map<String, Value> = Map::new();
    for port in state.ports_of(&server.id) {
        let name = match (port.network == region.external_network(), region.direct) {
            (true, true) => "Ext-Net",
            (true, false) => "public",
            (false, _) => "private",
        };
        let fixed = (port.address.clone(), "fixed");
        let floating = state
            .floating_of(&port.id)
            .map(|floating| (floating.address.clone(), "floating"));
        let shown: Vec<Value> = std::iter::once(fixed)
            .chain(floating)
            .map(|(address, kind)| {
                json!({
                    "version": 4, "addr": address, "OS-EXT-IPS:type": kind, "OS-EXT-IPS-MAC:mac_addr": port.mac,
                })
            })
            .collect();
        networks.insert(name.to_owned(), json!(shown));
    }
    Value::Object(networks)
}

fn show(call: &Call<'_>, state: &State, region: &Region, server: &Server, version: Version) -> Value {
    let stage = server.life.stage(call.now);
    let ready = call.now >= server.life.ready;
    let failed = server.fault.as_ref().filter(|_| ready);
    let (status, vm_state) = match (failed, ready) {
        (Some(_), _) => ("ERROR", "error"),
        (None, true) => ("ACTIVE", "active"),
        (None, false) => ("BUILD", "building"),
    };
    let task = match stage {
        Stage::Ending | Stage::Gone => json!("deleting"),
        Stage::Starting => json!("spawning"),
        Stage::Ready => Value::Null,
    };
    let launched = (ready && failed.is_none()).then(|| rfc3339(server.life.ready).replace('Z', ".000000"));
    let base = format!("{}/{}/compute", call.base_url(), region.name);
    let flavor = catalog::flavor_by_name(&server.flavor);
    let flavor = match version >= Version::FLAVOR {
        true => json!({
            "vcpus": flavor.map(|flavor| flavor.vcpus), "ram": flavor.map(|flavor| flavor.ram),
            "disk": flavor.map(|flavor| flavor.disk), "ephemeral": 0, "swap": 0, "original_name": server.flavor,
            "extra_specs": {},
        }),
        false => json!({
            "id": server.flavor, "links": [{ "rel": "bookmark", "href": format!("{base}/flavors/{}", server.flavor) }],
        }),
    };
    let up = ready && failed.is_none();
    let mut shown = json!({
        "accessIPv4": "", "accessIPv6": "",
        "addresses": if ready { addresses(state, region, server) } else { json!({}) },
        "created": rfc3339(server.life.born), "flavor": flavor,
        "hostId": if up { "79890004460db2e31333a2826e860f2d1692571786218510baa719b5" } else { "" },
        "id": server.id,
        "image": { "id": server.image, "links": [{ "rel": "bookmark", "href": format!("{base}/images/{}", server.image) }] },
        "links": links(call, region, &server.id), "metadata": server.metadata, "name": server.name, "status": status,
        "tenant_id": PROJECT, "user_id": USER, "updated": rfc3339(server.life.born), "OS-DCF:diskConfig": "MANUAL",
        "OS-EXT-AZ:availability_zone": if up { "nova" } else { "" },
        "config_drive": if server.config_drive { "True" } else { "" }, "key_name": server.key_name,
        "OS-SRV-USG:launched_at": launched, "OS-SRV-USG:terminated_at": null,
        "OS-EXT-STS:task_state": task, "OS-EXT-STS:vm_state": vm_state,
        "OS-EXT-STS:power_state": u8::from(up), "os-extended-volumes:volumes_attached": [],
    });
    if let Some(shown) = shown.as_object_mut() {
        match failed {
            Some(message) => shown.insert(
                "fault".into(),
                json!({ "code": 500, "created": rfc3339(server.life.ready), "message": message }),
            ),
            None => shown.insert("progress".into(), json!(0)),
        };
        if version >= Version::TAG_FILTER {
            shown.insert("locked".into(), json!(false));
            shown.insert("description".into(), Value::Null);
            shown.insert("tags".into(), json!(server.tags));
        }
        if up {
            let groups = state.ports_of(&server.id).flat_map(|port| &port.groups);
            let name = |id: &String| {
                let group = state.groups.iter().find(|group| group.id == *id);
                json!({ "name": group.map_or("default", |group| &group.name) })
            };
            shown.insert("security_groups".into(), groups.map(name).collect());
        }
    }
    shown
}

fn find<'a>(state: &'a State, region: &Region, id: &str) -> Result<&'a Server, Answer> {
    let mut servers = state.servers.iter();
    let found = servers.find(|server| server.id == id && server.region == region.name);
    found.ok_or_else(|| not_found(id))
}

pub(super) fn get(call: &Call<'_>, state: &State, region: &Region, version: Version, id: &str) -> Handled {
    let server = find(state, region, id)?;
    Ok(Answer::json(
        200,
        &json!({ "server": show(call, state, region, server, version) }),
    ))
}

/// The newest first. A server must have all the tags.
pub(super) fn list(call: &Call<'_>, state: &State, region: &Region, version: Version) -> Handled {
    let tags: Vec<&str> = match version >= Version::TAG_FILTER {
        true => call
            .query
            .filled("tags")
            .map(|tags| tags.split(',').collect())
            .unwrap_or_default(),
        false => Vec::new(),
    };
    let found = state.servers.iter().rev().filter(|server| {
        server.region == region.name
            && server.life.listed(call.now)
            && tags.iter().all(|tag| server.tags.iter().any(|known| known == tag))
    });
    let (page, next) = slice(call, found.collect(), |server: &Server| server.id.clone())?;
    let items = page
        .into_iter()
        .map(|server| show(call, state, region, server, version))
        .collect();
    Ok(listed(call, "servers", items, next))
}

/// Accepted again while the server is being removed.
pub(super) fn delete(call: &Call<'_>, state: &mut State, region: &Region, id: &str) -> Handled {
    find(state, region, id)?;
    for server in state.servers.iter_mut().filter(|server| server.id == id) {
        call.end_life(&mut server.life);
    }
    Ok(Answer::empty(204))
}

pub(super) fn limits(state: &State) -> Answer {
    let used = state.servers.len();
    Answer::json(
        200,
        &json!({ "limits": { "rate": [], "absolute": {
            "maxTotalCores": -1, "maxPersonality": 5, "maxPersonalitySize": 10_240, "maxTotalInstances": SERVER_LIMIT,
            "maxTotalKeypairs": 100, "maxServerMeta": 128, "maxTotalRAMSize": -1, "maxServerGroups": 10,
            "maxServerGroupMembers": 10, "totalRAMUsed": 0, "totalCoresUsed": used, "totalInstancesUsed": used,
            "totalServerGroupsUsed": 0,
        }}}),
    )
}

pub(super) fn key_pairs(state: &State) -> Answer {
    let show = |key: &KeyPair| json!({ "keypair": { "name": key.name, "public_key": key.public_key, "fingerprint": fingerprint(&key.public_key) } });
    Answer::json(
        200,
        &json!({ "keypairs": state.key_pairs.iter().map(show).collect::<Value>() }),
    )
}

pub(super) fn create_key_pair(call: &Call<'_>, state: &mut State) -> Handled {
    let whole = call.json().map_err(malformed)?;
    let fields = whole.object("keypair").map_err(wrong)?;
    let fields = fields.ok_or_else(|| bad_request("'keypair' is a required property"))?;
    let text = |field: &str| Ok::<_, Answer>(fields.text(field).map_err(wrong)?.unwrap_or_default().to_owned());
    let (name, public_key) = (text("name")?, text("public_key")?);
    if name.is_empty() || !is_ssh_key(&public_key) {
        return Err(bad_request("Keypair data is invalid: failed to generate fingerprint"));
    }
    if state.key_pairs.iter().any(|key| key.name == name) {
        let message = format!("Key pair '{name}' already exists.");
        return Err(nova(409, "conflictingRequest", &message));
    }
    let shown = json!({ "keypair": {
        "name": name, "public_key": public_key, "fingerprint": fingerprint(&public_key), "user_id": USER,
    }});
    state.key_pairs.push(KeyPair { name, public_key });
    Ok(Answer::json(200, &shown))
}

pub(super) fn delete_key_pair(state: &mut State, name: &str) -> Handled {
    let before = state.key_pairs.len();
    state.key_pairs.retain(|key| key.name != name);
    match state.key_pairs.len() == before {
        true => Err(nova(
            404,
            "itemNotFound",
            &format!("Keypair {name} not found for user {USER}"),
        )),
        false => Ok(Answer::empty(202)),
    }
}
