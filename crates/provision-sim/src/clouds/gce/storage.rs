//! Disks and reserved addresses: what can stay behind and bills.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    already_exists, body, catalog, check_fields, check_name, in_use, invalid, link, list_page, not_found, not_ready,
    operations::{Change, repeated, start},
    state::{Address, Disk, State},
    time_text, wrong_type,
};
use crate::{call::Call, cloud::Handled, kit::answer::Answer};

fn disk_path(zone: &str, name: &str) -> String {
    format!("zones/{zone}/disks/{name}")
}

fn show_disk(disk: &Disk) -> Value {
    let zone = format!("zones/{}", disk.zone);
    let mut shown = json!({
        "kind": "compute#disk", "id": disk.id.to_string(), "name": disk.name, "status": "READY", "zone": link(&zone),
        "sizeGb": disk.size_gb.to_string(), "type": link(&format!("{zone}/diskTypes/{}", disk.kind)),
        "creationTimestamp": time_text(disk.created), "selfLink": link(&disk_path(&disk.zone, &disk.name)),
        "sourceImage": format!("https://www.googleapis.com/compute/v1/{}", disk.image), "labelFingerprint": "42WmSpB8rSM=",
    });
    if let Some(fields) = shown.as_object_mut() {
        if !disk.labels.is_empty() {
            fields.insert("labels".to_owned(), json!(disk.labels));
        }
        if let Some(user) = &disk.user {
            fields.insert("users".to_owned(), json!([link(&format!("{zone}/instances/{user}"))]));
        }
    }
    shown
}

/// An empty disk, or one from an image; of the other fields only those that matter here.
pub(super) fn insert_disk(call: &mut Call<'_>, state: &mut State, zone: &str) -> Handled {
    if let Some(answer) = repeated(call, state)? {
        return Ok(answer);
    }
    let fields = body(call)?;
    check_fields(
        &fields,
        "resource",
        &["description", "labels", "name", "sizeGb", "sourceImage", "type", "zone"],
    )?;
    let name = fields
        .text("name")
        .map_err(|problem| wrong_type(&problem))?
        .unwrap_or_default();
    check_name(name)?;
    let path = disk_path(zone, name);
    if state.disk(zone, name).is_some() {
        return Err(already_exists(&path));
    }
    let labels = fields
        .object("labels")
        .map_err(|problem| wrong_type(&problem))?
        .unwrap_or_default();
    let labels: BTreeMap<String, String> = labels
        .iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value.as_str()?.to_owned())))
        .collect();
    let disk = Disk {
        id: 7_700_000_000_000 + call.next_number(),
        name: name.to_owned(),
        zone: zone.to_owned(),
        size_gb: fields
            .text("sizeGb")
            .ok()
            .flatten()
            .and_then(|size| size.parse().ok())
            .unwrap_or(10),
        kind: "pd-standard".to_owned(),
        image: String::new(),
        labels,
        created: call.now,
        user: None,
        auto_delete: false,
        gone: None,
    };
    let id = disk.id;
    state.disks.push(disk);
    Ok(change(call, state, "insert", format!("zones/{zone}"), path, id))
}

/// An operation that is over at once.
fn change(call: &mut Call<'_>, state: &mut State, kind: &str, scope: String, target: String, target_id: u64) -> Answer {
    let done = call.now;
    let change = Change {
        kind,
        scope,
        target,
        target_id,
        done,
        failure: None,
    };
    start(call, state, change)
}

pub(super) fn get_disk(state: &mut State, zone: &str, name: &str) -> Handled {
    match state.disk(zone, name) {
        Some(disk) => Ok(Answer::json(200, &show_disk(disk))),
        None => Err(not_found(&disk_path(zone, name))),
    }
}

pub(super) fn list_disks(call: &Call<'_>, state: &State, zone: &str) -> Handled {
    let disks = state.disks.iter().filter(|disk| disk.zone == zone);
    list_page(call, "compute#diskList", disks.map(show_disk).collect())
}

pub(super) fn delete_disk(call: &mut Call<'_>, state: &mut State, zone: &str, name: &str) -> Handled {
    if let Some(answer) = repeated(call, state)? {
        return Ok(answer);
    }
    let path = disk_path(zone, name);
    let gone = call.now + call.delete_ms;
    let disk = state.disk(zone, name).ok_or_else(|| not_found(&path))?;
    if let Some(user) = &disk.user {
        return Err(in_use(&path, &format!("zones/{zone}/instances/{user}")));
    }
    if disk.gone.is_some() {
        return Err(not_ready(&path));
    }
    disk.gone = Some(gone);
    let id = disk.id;
    Ok(change(call, state, "delete", format!("zones/{zone}"), path, id))
}

fn address_path(region: &str, name: &str) -> String {
    format!("regions/{region}/addresses/{name}")
}

fn user_of(state: &State, address: &Address) -> Option<String> {
    let mut instances = state.instances.iter();
    let user = instances.find(|instance| instance.public_ip.as_deref() == Some(&address.address))?;
    Some(format!("zones/{}/instances/{}", user.zone, user.name))
}

fn show_address(state: &State, address: &Address) -> Value {
    let user = user_of(state, address);
    json!({
        "kind": "compute#address", "id": address.id.to_string(), "name": address.name, "address": address.address,
        "status": if user.is_some() { "IN_USE" } else { "RESERVED" }, "addressType": "EXTERNAL", "networkTier": "PREMIUM",
        "region": link(&format!("regions/{}", address.region)), "creationTimestamp": time_text(address.created),
        "users": user.iter().map(|user| link(user)).collect::<Vec<_>>(),
        "selfLink": link(&address_path(&address.region, &address.name)),
    })
}

fn check_region(region: &str) -> Result<(), Answer> {
    match catalog::is_region(region) {
        true => Ok(()),
        false => Err(invalid(&format!(
            "Invalid value for field 'region': '{region}'. Unknown region."
        ))),
    }
}

pub(super) fn insert_address(call: &mut Call<'_>, state: &mut State, region: &str) -> Handled {
    if let Some(answer) = repeated(call, state)? {
        return Ok(answer);
    }
    check_region(region)?;
    let fields = body(call)?;
    check_fields(
        &fields,
        "resource",
        &["addressType", "description", "labels", "name", "networkTier", "region"],
    )?;
    let name = fields
        .text("name")
        .map_err(|problem| wrong_type(&problem))?
        .unwrap_or_default();
    check_name(name)?;
    let path = address_path(region, name);
    if state
        .addresses
        .iter()
        .any(|address| address.region == region && address.name == name)
    {
        return Err(already_exists(&path));
    }
    let address = Address {
        id: 6_600_000_000_000 + call.next_number(),
        name: name.to_owned(),
        region: region.to_owned(),
        address: call.ipv4().to_string(),
        created: call.now,
        gone: None,
    };
    let id = address.id;
    state.addresses.push(address);
    Ok(change(call, state, "insert", format!("regions/{region}"), path, id))
}

pub(super) fn get_address(state: &State, region: &str, name: &str) -> Handled {
    check_region(region)?;
    let mut addresses = state.addresses.iter();
    match addresses.find(|address| address.region == region && address.name == name) {
        Some(address) => Ok(Answer::json(200, &show_address(state, address))),
        None => Err(not_found(&address_path(region, name))),
    }
}

pub(super) fn delete_address(call: &mut Call<'_>, state: &mut State, region: &str, name: &str) -> Handled {
    if let Some(answer) = repeated(call, state)? {
        return Ok(answer);
    }
    check_region(region)?;
    let path = address_path(region, name);
    let found = state
        .addresses
        .iter()
        .find(|address| address.region == region && address.name == name);
    let found = found.ok_or_else(|| not_found(&path))?;
    if let Some(user) = user_of(state, found) {
        return Err(in_use(&path, &user));
    }
    if found.gone.is_some() {
        return Err(not_ready(&path));
    }
    let (id, gone) = (found.id, call.now + call.delete_ms);
    for address in state.addresses.iter_mut().filter(|address| address.id == id) {
        address.gone = Some(gone);
    }
    Ok(change(call, state, "delete", format!("regions/{region}"), path, id))
}
