//! Neutron: networks and ports.

use serde_json::{Value, json};

use super::{
    catalog::{Region, listed, slice},
    fault::{malformed, neutron, unrecognized, wrong_attribute},
    identity::PROJECT,
    state::{Port, State},
};
use crate::{
    call::Call,
    cloud::Handled,
    kit::{answer::Answer, fields::Fields, text::rfc3339},
};

/// Whoever runs the cloud has the external networks.
const ADMIN_PROJECT: &str = "147b69e0e3f040ccb80aa7d8205c8ec3";

/// The object that a body is about, with none but the known fields.
pub(super) fn body(call: &Call<'_>, what: &str, known: &[&str]) -> Result<Fields, Answer> {
    let whole = call.json().map_err(malformed)?;
    let Some(fields) = whole.object(what).map_err(wrong_attribute)? else {
        return Err(neutron(
            400,
            "HTTPBadRequest",
            &format!("Unable to find '{what}' in request body"),
        ));
    };
    match fields.unknown(known) {
        Some(field) => Err(unrecognized(field)),
        None => Ok(fields),
    }
}

fn network(region: &Region, external: bool) -> Value {
    let (id, name, project, shared) = match external {
        true => {
            let name = if region.direct { "Ext-Net" } else { "public" };
            (region.external_network(), name, ADMIN_PROJECT, region.direct)
        }
        false => (region.own_network(), "private", PROJECT, false),
    };
    json!({
        "subnets": [region.subnet_of(&id)], "id": id, "name": name, "tenant_id": project, "project_id": project,
        "admin_state_up": true, "mtu": 1500, "status": "ACTIVE", "shared": shared, "availability_zone_hints": [],
        "availability_zones": [], "ipv4_address_scope": null, "ipv6_address_scope": null, "router:external": external,
        "qinq": false, "vlan_transparent": false, "description": "", "port_security_enabled": true,
        "is_default": false, "tags": [], "created_at": "2026-01-10T00:00:00Z", "updated_at": "2026-01-10T00:00:00Z",
        "revision_number": 2,
    })
}

pub(super) fn get(region: &Region, id: &str) -> Handled {
    let found = [true, false]
        .map(|external| network(region, external))
        .into_iter()
        .find(|network| network["id"] == id);
    match found {
        Some(network) => Ok(Answer::json(200, &json!({ "network": network })).content_type("application/json")),
        None => Err(neutron(
            404,
            "NetworkNotFound",
            &format!("Network {id} could not be found."),
        )),
    }
}

pub(super) fn list(call: &Call<'_>, region: &Region) -> Handled {
    let all = [network(region, true), network(region, false)];
    let (external, name) = (call.query.get("router:external"), call.query.get("name"));
    let fits = |network: &&Value| {
        external.is_none_or(|wanted| network["router:external"] == (wanted == "true"))
            && name.is_none_or(|wanted| network["name"] == wanted)
    };
    let id = |network: &Value| network["id"].as_str().unwrap_or_default().to_owned();
    let (page, next) = slice(call, all.iter().filter(fits).collect(), id)?;
    Ok(listed(call, "networks", page.into_iter().cloned().collect(), next).content_type("application/json"))
}

pub(super) fn show_port(port: &Port, region: &Region) -> Value {
    let used = !port.device.is_empty();
    json!({
        "id": port.id, "name": port.name, "network_id": port.network, "project_id": PROJECT, "mac_address": port.mac,
        "admin_state_up": true, "status": if used { "ACTIVE" } else { "DOWN" }, "device_id": port.device,
        "device_owner": if used { "compute:nova" } else { "" },
        "fixed_ips": [{ "subnet_id": region.subnet_of(&port.network), "ip_address": port.address }],
        "tenant_id": PROJECT, "port_security_enabled": true, "security_groups": port.groups,
        "binding:vnic_type": "normal", "allowed_address_pairs": [], "extra_dhcp_opts": [],
        "description": port.description, "tags": [], "created_at": rfc3339(port.created), "updated_at": rfc3339(port.created), "revision_number": 1,
    })
}

/// A port on a network, in these groups.
pub(super) fn new_port(call: &mut Call<'_>, region: &Region, network: &str, groups: Vec<String>) -> Port {
    let number = call.next_number();
    let external = network == region.external_network();
    let address = match external {
        true => call.ipv4().to_string(),
        false => format!("10.9.{}.{}", number / 254 % 256, number % 254 + 1),
    };
    Port {
        id: call.uuid(),
        name: String::new(),
        description: String::new(),
        region: region.name.to_owned(),
        network: network.to_owned(),
        address,
        mac: format!(
            "fa:16:3e:{:02x}:{:02x}:{:02x}",
            number >> 16 & 255,
            number >> 8 & 255,
            number & 255
        ),
        groups,
        device: String::new(),
        of_nova: false,
        created: call.now,
    }
}

/// Whether a network exists.
pub(super) fn exists(region: &Region, network: &str) -> bool {
    network == region.own_network() || network == region.external_network()
}

fn groups(fields: &Fields, state: &State, region: &Region) -> Result<Option<Vec<String>>, Answer> {
    if fields.get("security_groups").is_none() {
        return Ok(None);
    }
    let wanted = fields.texts("security_groups").map_err(wrong_attribute)?;
    match wanted.iter().find(|id| !super::groups::exists(state, region, id)) {
        Some(unknown) => Err(super::groups::not_found(unknown)),
        None => Ok(Some(wanted)),
    }
}

pub(super) fn create_port(call: &mut Call<'_>, state: &mut State, region: &Region) -> Handled {
    let fields = body(
        call,
        "port",
        &["network_id", "name", "security_groups", "description", "admin_state_up"],
    )?;
    let network = fields.text("network_id").map_err(wrong_attribute)?.unwrap_or_default();
    if !exists(region, network) || network == region.external_network() && !region.direct {
        let message = format!("Network {network} could not be found.");
        return Err(neutron(404, "NetworkNotFound", &message));
    }
    let wanted = groups(&fields, state, region)?.unwrap_or_else(|| vec![region.default_group()]);
    let mut port = new_port(call, region, network, wanted);
    let text = |field: &str| {
        Ok::<_, Answer>(
            fields
                .text(field)
                .map_err(wrong_attribute)?
                .unwrap_or_default()
                .to_owned(),
        )
    };
    (port.name, port.description) = (text("name")?, text("description")?);
    let shown = show_port(&port, region);
    state.ports.push(port);
    Ok(Answer::json(201, &json!({ "port": shown })).content_type("application/json"))
}

fn find<'a>(state: &'a mut State, region: &Region, id: &str) -> Result<&'a mut Port, Answer> {
    let mut ports = state.ports.iter_mut();
    let found = ports.find(|port| port.id == id && port.region == region.name);
    found.ok_or_else(|| port_not_found(id))
}

pub(super) fn port_not_found(id: &str) -> Answer {
    neutron(404, "PortNotFound", &format!("Port {id} could not be found."))
}

pub(super) fn get_port(state: &mut State, region: &Region, id: &str) -> Handled {
    let port = find(state, region, id)?;
    Ok(Answer::json(200, &json!({ "port": show_port(port, region) })).content_type("application/json"))
}

pub(super) fn list_ports(call: &Call<'_>, state: &State, region: &Region) -> Handled {
    let (name, device) = (call.query.get("name"), call.query.get("device_id"));
    let description = call.query.get("description");
    let fits = |port: &&Port| {
        port.region == region.name
            && name.is_none_or(|name| port.name == name)
            && description.is_none_or(|text| port.description == text)
            && device.is_none_or(|device| port.device == device)
    };
    let (page, next) = slice(call, state.ports.iter().filter(fits).collect(), |port| port.id.clone())?;
    let items = page.into_iter().map(|port| show_port(port, region)).collect();
    Ok(listed(call, "ports", items, next).content_type("application/json"))
}

pub(super) fn change_port(call: &Call<'_>, state: &mut State, region: &Region, id: &str) -> Handled {
    let fields = body(
        call,
        "port",
        &["name", "security_groups", "description", "admin_state_up"],
    )?;
    let wanted = groups(&fields, state, region)?;
    let text = |field: &str| Ok::<_, Answer>(fields.text(field).map_err(wrong_attribute)?.map(str::to_owned));
    let (name, description) = (text("name")?, text("description")?);
    let port = find(state, region, id)?;
    port.name = name.unwrap_or_else(|| port.name.clone());
    port.description = description.unwrap_or_else(|| port.description.clone());
    port.groups = wanted.unwrap_or_else(|| port.groups.clone());
    Ok(Answer::json(200, &json!({ "port": show_port(port, region) })).content_type("application/json"))
}

pub(super) fn delete_port(state: &mut State, region: &Region, id: &str) -> Handled {
    find(state, region, id)?;
    state.remove_port(id);
    Ok(Answer::empty(204))
}
