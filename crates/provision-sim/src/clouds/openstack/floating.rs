//! Neutron: floating IPs. They bill from the moment they are made, and outlive port and server.

use serde_json::{Value, json};

use super::{
    catalog::{Region, listed, slice},
    fault::{neutron, wrong_attribute},
    identity::PROJECT,
    networks::{body, port_not_found},
    state::{FloatingIp, State},
};
use crate::{
    call::Call,
    cloud::Handled,
    kit::{answer::Answer, text::rfc3339},
};

fn show(floating: &FloatingIp, state: &State, region: &Region) -> Value {
    let port = state.ports.iter().find(|port| port.id == floating.port);
    let details = port.map(|port| {
        let used = !port.device.is_empty();
        json!({
            "name": port.name, "network_id": port.network, "mac_address": port.mac, "admin_state_up": true,
            "status": if used { "ACTIVE" } else { "DOWN" }, "device_id": port.device,
            "device_owner": if used { "compute:nova" } else { "" },
        })
    });
    json!({
        "id": floating.id, "tenant_id": PROJECT, "project_id": PROJECT, "floating_ip_address": floating.address,
        "floating_network_id": region.external_network(), "router_id": port.map(|_| region.router()),
        "port_id": port.map(|port| &port.id), "fixed_ip_address": port.map(|port| &port.address), "status": "DOWN",
        "description": floating.description, "port_details": details, "tags": [],
        "created_at": rfc3339(floating.created), "updated_at": rfc3339(floating.created), "revision_number": 0,
    })
}

pub(super) fn create(call: &mut Call<'_>, state: &mut State, region: &Region) -> Handled {
    let fields = body(call, "floatingip", &["floating_network_id", "port_id", "description"])?;
    let text = |field: &str| {
        Ok::<_, Answer>(
            fields
                .text(field)
                .map_err(wrong_attribute)?
                .unwrap_or_default()
                .to_owned(),
        )
    };
    let (network, port, description) = (text("floating_network_id")?, text("port_id")?, text("description")?);
    if network != region.external_network() {
        return Err(neutron(
            404,
            "NetworkNotFound",
            &format!("Network {network} could not be found."),
        ));
    }
    if !port.is_empty() {
        let Some(found) = state
            .ports
            .iter()
            .find(|known| known.id == port && known.region == region.name)
        else {
            return Err(port_not_found(&port));
        };
        if found.network != region.own_network() {
            let message = format!("External network {network} is not reachable from subnet of port {port}.");
            return Err(neutron(404, "ExternalGatewayForFloatingIPNotFound", &message));
        }
        if state.floating_of(&port).next().is_some() {
            let message = format!("Cannot associate floating IP with port {port}: it has one already.");
            return Err(neutron(409, "FloatingIPPortAlreadyAssociated", &message));
        }
    }
    let floating = FloatingIp {
        id: call.uuid(),
        region: region.name.to_owned(),
        address: call.ipv4().to_string(),
        description,
        port,
        created: call.now,
    };
    let shown = show(&floating, state, region);
    state.floating_ips.push(floating);
    Ok(Answer::json(201, &json!({ "floatingip": shown })).content_type("application/json"))
}

fn find<'a>(state: &'a State, region: &Region, id: &str) -> Result<&'a FloatingIp, Answer> {
    let mut all = state.floating_ips.iter();
    let found = all.find(|floating| floating.id == id && floating.region == region.name);
    found.ok_or_else(|| {
        neutron(
            404,
            "FloatingIPNotFound",
            &format!("Floating IP {id} could not be found"),
        )
    })
}

pub(super) fn get(state: &State, region: &Region, id: &str) -> Handled {
    let floating = find(state, region, id)?;
    let shown = show(floating, state, region);
    Ok(Answer::json(200, &json!({ "floatingip": shown })).content_type("application/json"))
}

pub(super) fn list(call: &Call<'_>, state: &State, region: &Region) -> Handled {
    let (port, description) = (call.query.get("port_id"), call.query.get("description"));
    let fits = |floating: &&FloatingIp| {
        floating.region == region.name
            && port.is_none_or(|port| floating.port == port)
            && description.is_none_or(|text| floating.description == text)
    };
    let (page, next) = slice(call, state.floating_ips.iter().filter(fits).collect(), |floating| {
        floating.id.clone()
    })?;
    let items = page.into_iter().map(|floating| show(floating, state, region)).collect();
    Ok(listed(call, "floatingips", items, next).content_type("application/json"))
}

pub(super) fn delete(state: &mut State, region: &Region, id: &str) -> Handled {
    find(state, region, id)?;
    state.floating_ips.retain(|floating| floating.id != id);
    Ok(Answer::empty(204))
}
