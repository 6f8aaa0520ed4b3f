//! Making a server.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    SERVER_LIMIT, actions, addresses, body, catalog, error, invalid, invalid_field, labels, name_of, placement, quota,
    servers,
    state::{Address, Server, State},
    wrong_type,
};
use crate::{
    call::Call,
    cloud::Handled,
    kit::{answer::Answer, fields::Fields, text::sha256},
};

/// Largest user data, bytes.
const USER_DATA_LIMIT: usize = 32 * 1024;
/// Fields that the API documents; `datacenter` was removed from it on 2026-07-01.
const FIELDS: &[&str] = &[
    "name",
    "server_type",
    "image",
    "location",
    "start_after_create",
    "placement_group",
    "ssh_keys",
    "volumes",
    "networks",
    "firewalls",
    "user_data",
    "labels",
    "automount",
    "public_net",
];

/// One family of the public network.
#[derive(Clone, Copy)]
enum Net {
    Off,
    New,
    /// An address that exists, by its id.
    Existing(u64),
}

/// A create request that passed all checks.
struct Order {
    name: String,
    server_type: &'static catalog::ServerType,
    image: u64,
    location: &'static catalog::Location,
    labels: BTreeMap<String, String>,
    user_data_sha256: Option<String>,
    start: bool,
    has_keys: bool,
    firewalls: Vec<u64>,
    placement_group: Option<u64>,
    v4: Net,
    v6: Net,
}

pub(super) fn create(call: &mut Call<'_>, state: &mut State) -> Handled {
    let order = read_order(call, state)?;
    if state.servers.len() >= SERVER_LIMIT || call.over_quota() {
        return Err(quota("server_limit"));
    }
    if !order.location.enabled {
        return Err(error(412, "resource_unavailable", "server location disabled"));
    }
    if !order.server_type.available_in(order.location.name) {
        return Err(invalid("unsupported location for server type"));
    }
    if call.sold_out() {
        return Err(error(412, "resource_unavailable", "error during placement"));
    }
    let server = make(call, state, &order);
    let made_at = server.life.born + (server.life.ready - server.life.born) * servers::MADE_AT_PERCENT / 100;
    let subject = [("server", server.id)];
    let action = actions::start(call, "create_server", &subject, made_at);
    let next = order
        .start
        .then(|| actions::start(call, "start_server", &subject, server.life.ready));
    let password = (!order.has_keys).then(|| call.hex(20));
    let shown_action = action.show(call.now);
    let next_actions: Vec<_> = next.iter().map(|action| action.show(call.now)).collect();
    state.actions.push(action);
    state.actions.extend(next);
    state.servers.push(server.clone());
    Ok(Answer::json(
        201,
        &json!({
            "server": servers::show(state, &server, call.now), "action": shown_action, "next_actions": next_actions,
            "root_password": password,
        }),
    ))
}

fn read_order(call: &Call<'_>, state: &State) -> Result<Order, Answer> {
    let fields = body(call, FIELDS)?;
    let name = name_of(&fields)?;
    servers::check_name(&name)?;
    for field in ["volumes", "networks"] {
        if fields
            .list(field)
            .map_err(wrong_type)?
            .is_some_and(|list| !list.is_empty())
        {
            return Err(invalid_field(field, "is not simulated"));
        }
    }
    if fields.flag("automount").map_err(wrong_type)? == Some(true) {
        // There are no volumes.
        return Err(invalid_field("automount", "is not simulated"));
    }
    let placement_group = fields.number("placement_group").map_err(wrong_type)?;
    let user_data = fields.text("user_data").map_err(wrong_type)?;
    if user_data.is_some_and(|data| data.len() > USER_DATA_LIMIT) {
        return Err(invalid_field("user_data", "Length must be between 0 and 32768."));
    }
    let labels = labels::read(&fields)?.unwrap_or_default();
    let (v4, v6) = read_net(&fields)?;
    let start = fields.flag("start_after_create").map_err(wrong_type)?.unwrap_or(true);
    if state.servers.iter().any(|server| server.name == name) {
        return Err(error(409, "uniqueness_error", "server name is already used"));
    }
    // Wording for types by analogy with locations, UNCONFIRMED.
    let wanted = reference(&fields, "server_type")?.ok_or_else(|| missing("server_type"))?;
    let server_type =
        catalog::server_type(&wanted).ok_or_else(|| invalid(&format!("server type '{wanted}' not found")))?;
    let image = reference(&fields, "image")?.ok_or_else(|| missing("image"))?;
    let image = catalog::image(&image, server_type.architecture)
        .ok_or_else(|| invalid("image not found"))?
        .id;
    // Without a location the API chooses.
    let location = match reference(&fields, "location")? {
        Some(id) => catalog::location(&id).ok_or_else(|| invalid(&format!("location '{id}' not found")))?,
        None => catalog::location("nbg1").ok_or_else(|| invalid("location not found"))?,
    };
    let keys = fields
        .list("ssh_keys")
        .map_err(wrong_type)?
        .map(Vec::as_slice)
        .unwrap_or_default();
    for key in keys {
        let id = text_of(key).ok_or_else(|| invalid_field("ssh_keys", "must be names or ids"))?;
        if !state
            .keys
            .iter()
            .any(|known| known.name == id || known.id.to_string() == id)
        {
            // Wording UNCONFIRMED.
            return Err(invalid(&format!("SSH key '{id}' not found")));
        }
    }
    if let Some(group) = placement_group {
        placement::check_place(state, group)?;
    }
    let firewalls = read_firewalls(&fields, state)?;
    for (kind, net) in [("ipv4", v4), ("ipv6", v6)] {
        if let Net::Existing(id) = net {
            let fits =
                |address: &Address| address.id == id && address.kind == kind && address.location == location.name;
            match state.addresses.iter().find(|address| fits(address)) {
                None => return Err(invalid("primary ip not found")),
                Some(address) if address.server.is_some() => {
                    return Err(error(422, "primary_ip_assigned", "primary IP is already assigned"));
                }
                Some(_) => {}
            }
        }
    }
    let user_data_sha256 = user_data.map(sha256);
    let has_keys = !keys.is_empty();
    Ok(Order {
        name,
        server_type,
        image,
        location,
        labels,
        user_data_sha256,
        start,
        has_keys,
        firewalls,
        placement_group,
        v4,
        v6,
    })
}

fn missing(field: &str) -> Answer {
    invalid_field(field, "Missing data for required field.")
}

/// A name or an id, which may come as a number or as a string.
fn reference(fields: &Fields, field: &str) -> Result<Option<String>, Answer> {
    let Some(value) = fields.get(field) else {
        return Ok(None);
    };
    text_of(value)
        .map(Some)
        .ok_or_else(|| invalid_field(field, "must be a name or an id"))
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn read_firewalls(fields: &Fields, state: &State) -> Result<Vec<u64>, Answer> {
    let mut firewalls = Vec::new();
    for entry in fields.objects("firewalls").map_err(wrong_type)? {
        let id = entry.number("firewall").map_err(wrong_type)?;
        let id = id.ok_or_else(|| invalid_field("firewalls", "each entry needs a firewall"))?;
        if !state.firewalls.iter().any(|firewall| firewall.id == id) {
            // Status and wording UNCONFIRMED.
            return Err(invalid(&format!("firewall with ID '{id}' not found")));
        }
        firewalls.push(id);
    }
    Ok(firewalls)
}

fn read_net(fields: &Fields) -> Result<(Net, Net), Answer> {
    let net = fields.object("public_net").map_err(wrong_type)?.unwrap_or_default();
    if let Some(field) = net.unknown(&["enable_ipv4", "enable_ipv6", "ipv4", "ipv6"]) {
        return Err(invalid_field(&format!("public_net.{field}"), "unknown field"));
    }
    let family = |enable: &str, address: &str| {
        let on = net.flag(enable).map_err(wrong_type)?.unwrap_or(true);
        let existing = net.number(address).map_err(wrong_type)?;
        Ok(match (on, existing) {
            (false, _) => Net::Off,
            (true, None) => Net::New,
            (true, Some(id)) => Net::Existing(id),
        })
    };
    Ok((family("enable_ipv4", "ipv4")?, family("enable_ipv6", "ipv6")?))
}

fn make(call: &mut Call<'_>, state: &mut State, order: &Order) -> Server {
    let id = 105_000_000 + call.next_number();
    for (kind, net) in [("ipv4", order.v4), ("ipv6", order.v6)] {
        match net {
            Net::Off => {}
            Net::New => {
                let mut address = addresses::make(call, kind, order.location.name, None);
                address.auto_delete = true;
                address.server = Some(id);
                state.addresses.push(address);
            }
            Net::Existing(wanted) => {
                if let Some(address) = state.addresses.iter_mut().find(|address| address.id == wanted) {
                    address.server = Some(id);
                }
            }
        }
    }
    Server {
        id,
        name: order.name.clone(),
        server_type: order.server_type.name.to_owned(),
        image: order.image,
        location: order.location.name.to_owned(),
        labels: order.labels.clone(),
        user_data_sha256: order.user_data_sha256.clone(),
        life: call.new_life(),
        off: !order.start,
        protected: false,
        firewalls: order.firewalls.clone(),
        placement_group: order.placement_group,
    }
}
