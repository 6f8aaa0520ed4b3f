//! Instances. An insert is accepted first; a used-up quota or a sold-out zone shows in its operation only.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    already_exists, body, catalog, cut, in_use, invalid, link, list_page, not_found, not_ready,
    operations::{Change, repeated, start},
    order::{self, Order},
    state::{Disk, Instance, State},
    time_text,
};
use crate::{
    call::Call,
    cloud::Handled,
    kit::{answer::Answer, life::Stage},
};

pub(super) fn insert(call: &mut Call<'_>, state: &mut State, zone: &str) -> Handled {
    if let Some(answer) = repeated(call, state)? {
        return Ok(answer);
    }
    let order = order::read(&body(call)?, zone)?;
    let path = format!("zones/{zone}/instances/{}", order.name);
    if state.instance(zone, &order.name).is_some() {
        return Err(already_exists(&path));
    }
    let used = state.disk(zone, &order.disk.name).and_then(|disk| disk.user.clone());
    if let Some(user) = used {
        let disk = format!("zones/{zone}/disks/{}", order.disk.name);
        return Err(in_use(&disk, &format!("zones/{zone}/instances/{user}")));
    }
    let address = reserved(call, state, &order)?;
    let id = 8_800_000_000_000 + call.next_number();
    let failure = failure(call, zone, &order);
    let done = match failure {
        // Told after a moment.
        Some(_) => call.now + (call.boot_ms / 10).max(1),
        None => call.now + call.boot_ms,
    };
    let exhausted = failure.as_ref().is_some_and(|(code, _)| code.starts_with("ZONE"));
    if failure.is_none() {
        let instance = make(call, &order, zone, id, address);
        state.instances.push(instance);
    }
    // UNCONFIRMED: that a create which fails for want of room leaves its disk; it does here, so that leaks show.
    if failure.is_none() || exhausted {
        let user = failure.is_none().then(|| order.name.clone());
        make_disk(call, state, &order, zone, user);
    }
    let change = Change {
        kind: "insert",
        scope: format!("zones/{zone}"),
        target: path,
        target_id: id,
        done,
        failure,
    };
    Ok(start(call, state, change))
}

/// Why the operation will fail.
fn failure(call: &mut Call<'_>, zone: &str, order: &Order) -> Option<(String, String)> {
    if call.over_quota() {
        let region = catalog::region_of(zone);
        let message = format!("Quota 'CPUS' exceeded.  Limit: 8.0 in region {region}.");
        return Some(("QUOTA_EXCEEDED".to_owned(), message));
    }
    call.sold_out().then(|| {
        let message = format!(
            "The zone '{}' does not have enough resources available to fulfill the request.  Try a different zone, or try again later. ({})",
            link(&format!("zones/{zone}")),
            order.machine_type.name
        );
        ("ZONE_RESOURCE_POOL_EXHAUSTED".to_owned(), message)
    })
}

/// The reserved address that the order names.
fn reserved(call: &Call<'_>, state: &State, order: &Order) -> Result<Option<String>, Answer> {
    let Some(wanted) = &order.reserved else {
        return Ok(None);
    };
    let used = |ip: &str| {
        let mut instances = state.instances.iter();
        instances
            .any(|instance| instance.life.stage(call.now) != Stage::Gone && instance.public_ip.as_deref() == Some(ip))
    };
    match state.addresses.iter().find(|address| address.address == *wanted) {
        Some(address) if !used(&address.address) => Ok(Some(address.address.clone())),
        _ => Err(invalid(&format!(
            "Invalid value for field 'resource.networkInterfaces[0].accessConfigs[0].natIP': '{wanted}'. The specified external IP address '{wanted}' was not found in region."
        ))),
    }
}

fn make(call: &mut Call<'_>, order: &Order, zone: &str, id: u64, reserved: Option<String>) -> Instance {
    let number = id % 60_000;
    let public_ip = match (reserved, &order.public) {
        (Some(address), _) => Some(address),
        (None, Some(_)) => Some(call.ipv4().to_string()),
        (None, None) => None,
    };
    Instance {
        id,
        name: order.name.clone(),
        zone: zone.to_owned(),
        machine_type: order.machine_type.name.to_owned(),
        labels: order.labels.clone(),
        tags: order.tags.clone(),
        network: order.network.clone(),
        subnetwork: order.subnetwork.clone(),
        tier: order.public.clone().unwrap_or_default(),
        private_ip: format!("10.128.{}.{}", number / 254, number % 254 + 1),
        public_ip,
        metadata: order.metadata.clone(),
        user_data_sha256: order.user_data.clone(),
        service_accounts: order.service_accounts.clone(),
        life: call.new_life(),
    }
}

/// A disk of that name which exists already is attached as it is, whatever the image: a trap of the API.
fn make_disk(call: &mut Call<'_>, state: &mut State, order: &Order, zone: &str, user: Option<String>) {
    let wanted = &order.disk;
    if let Some(disk) = state.disk(zone, &wanted.name) {
        disk.user = user;
        disk.auto_delete = wanted.auto_delete;
        return;
    }
    state.disks.push(Disk {
        id: 7_700_000_000_000 + call.next_number(),
        name: wanted.name.clone(),
        zone: zone.to_owned(),
        size_gb: wanted.size_gb,
        kind: wanted.kind.clone(),
        image: wanted.image.clone(),
        labels: wanted.labels.clone(),
        created: call.now,
        user,
        auto_delete: wanted.auto_delete,
        gone: None,
    });
}

fn show(instance: &Instance, disks: &[Disk], now: u64) -> Value {
    let status = match (instance.life.stage(now), instance.life.booted_percent(now)) {
        (Stage::Ending | Stage::Gone, _) => "STOPPING",
        (Stage::Ready, _) => "RUNNING",
        (Stage::Starting, 0..30) => "PROVISIONING",
        (Stage::Starting, _) => "STAGING",
    };
    let zone = format!("zones/{}", instance.zone);
    let region = catalog::region_of(&instance.zone);
    let subnetwork = instance.subnetwork.as_deref().unwrap_or("default");
    let mut interface = json!({
        "kind": "compute#networkInterface", "name": "nic0", "networkIP": instance.private_ip, "stackType": "IPV4_ONLY",
        "network": link(&format!("global/networks/{}", instance.network)), "fingerprint": fingerprint(instance.id),
        "subnetwork": link(&format!("regions/{region}/subnetworks/{subnetwork}")),
    });
    if !instance.tier.is_empty() {
        let mut access = json!({
            "kind": "compute#accessConfig", "type": "ONE_TO_ONE_NAT", "name": "External NAT", "networkTier": instance.tier,
        });
        // UNCONFIRMED: when the address first shows.
        if let (Some(ip), true, Some(access)) = (&instance.public_ip, status != "PROVISIONING", access.as_object_mut())
        {
            access.insert("natIP".to_owned(), json!(ip));
        }
        if let Some(interface) = interface.as_object_mut() {
            interface.insert("accessConfigs".to_owned(), json!([access]));
        }
    }
    let own = |disk: &&Disk| disk.zone == instance.zone && disk.user.as_deref() == Some(&instance.name);
    let disks: Vec<Value> = disks.iter().filter(own).map(|disk| show_disk(disk, &zone)).collect();
    // Values are secrets.
    let metadata: Vec<Value> = instance
        .metadata
        .iter()
        .map(|key| json!({ "key": key, "value": "" }))
        .collect();
    json!({
        "kind": "compute#instance", "id": instance.id.to_string(), "name": instance.name, "status": status,
        "creationTimestamp": time_text(instance.life.born), "zone": link(&zone),
        "machineType": link(&format!("{zone}/machineTypes/{}", instance.machine_type)),
        "labels": instance.labels, "labelFingerprint": fingerprint(instance.id + 1),
        "tags": { "items": instance.tags, "fingerprint": fingerprint(instance.id + 2) },
        "metadata": { "kind": "compute#metadata", "fingerprint": fingerprint(instance.id + 3), "items": metadata },
        "networkInterfaces": [interface], "disks": disks, "serviceAccounts": instance.service_accounts,
        "scheduling": { "onHostMaintenance": "MIGRATE", "automaticRestart": true, "preemptible": false },
        "canIpForward": false, "deletionProtection": false, "startRestricted": false, "cpuPlatform": "Intel Broadwell",
        "selfLink": link(&format!("{zone}/instances/{}", instance.name)),
    })
}

fn show_disk(disk: &Disk, zone: &str) -> Value {
    json!({
        "kind": "compute#attachedDisk", "type": "PERSISTENT", "mode": "READ_WRITE", "deviceName": "persistent-disk-0",
        "source": link(&format!("{zone}/disks/{}", disk.name)), "index": 0, "boot": true, "interface": "SCSI",
        "autoDelete": disk.auto_delete, "diskSizeGb": disk.size_gb.to_string(),
    })
}

fn fingerprint(number: u64) -> String {
    STANDARD.encode(number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes())
}

pub(super) fn get(call: &Call<'_>, state: &mut State, zone: &str, name: &str) -> Handled {
    let path = format!("zones/{zone}/instances/{name}");
    // A fresh name answers 404 as long as a fault says so.
    let shown = |instance: &&Instance| instance.zone == zone && instance.name == name && instance.life.listed(call.now);
    match state.instances.iter().find(shown) {
        Some(instance) => Ok(Answer::json(200, &show(instance, &state.disks, call.now))),
        None => Err(not_found(&path)),
    }
}

fn shown(call: &Call<'_>, state: &State, zone: &str) -> Vec<Value> {
    let here = |instance: &&Instance| instance.zone == zone && instance.life.listed(call.now);
    let mut found: Vec<&Instance> = state.instances.iter().filter(here).collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
        .into_iter()
        .map(|instance| show(instance, &state.disks, call.now))
        .collect()
}

pub(super) fn list(call: &Call<'_>, state: &State, zone: &str) -> Handled {
    list_page(call, "compute#instanceList", shown(call, state, zone))
}

/// Every zone is named, those without an instance on the page with a warning.
pub(super) fn list_aggregated(call: &Call<'_>, state: &State) -> Handled {
    let all = catalog::ZONES
        .iter()
        .flat_map(|zone| shown(call, state, zone))
        .collect();
    let (items, next) = cut(call, all)?;
    let mut zones = serde_json::Map::new();
    for zone in catalog::ZONES {
        let key = format!("zones/{zone}");
        let here = |item: &&Value| item.get("zone").and_then(Value::as_str) == Some(&link(&key));
        let instances: Vec<&Value> = items.iter().filter(here).collect();
        let value = match instances.is_empty() {
            false => json!({ "instances": instances }),
            true => json!({ "warning": {
                "code": "NO_RESULTS_ON_PAGE", "message": format!("There are no results for scope '{key}' on this page."),
                "data": [{ "key": "scope", "value": key }],
            }}),
        };
        zones.insert(key, value);
    }
    let mut page = json!({
        "kind": "compute#instanceAggregatedList", "id": call.path.trim_start_matches("/compute/v1/"), "items": zones,
        "selfLink": link("aggregated/instances"),
    });
    if let (Some(next), Some(page)) = (next, page.as_object_mut()) {
        page.insert("nextPageToken".to_owned(), json!(next));
    }
    Ok(Answer::json(200, &page))
}

pub(super) fn delete(call: &mut Call<'_>, state: &mut State, zone: &str, name: &str) -> Handled {
    if let Some(answer) = repeated(call, state)? {
        return Ok(answer);
    }
    let path = format!("zones/{zone}/instances/{name}");
    let instance = state
        .instance(zone, name)
        .filter(|instance| instance.life.listed(call.now));
    let instance = instance.ok_or_else(|| not_found(&path))?;
    // UNCONFIRMED: what a second delete answers while the first is at work.
    if instance.life.stage(call.now) == Stage::Ending {
        return Err(not_ready(&path));
    }
    call.end_life(&mut instance.life);
    let change = Change {
        kind: "delete",
        scope: format!("zones/{zone}"),
        target: path,
        target_id: instance.id,
        done: instance.life.gone.unwrap_or(call.now),
        failure: None,
    };
    Ok(start(call, state, change))
}
