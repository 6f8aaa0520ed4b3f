//! Instances.

use std::net::Ipv6Addr;

use serde_json::{Value, json};

use super::{
    bad_request, body, catalog, error, not_found, required,
    state::{Instance, State},
    wrong_type,
};
use crate::{
    call::Call,
    cloud::Handled,
    kit::{
        answer::Answer,
        fields::Fields,
        life::{Life, Stage},
        text::{rfc3339, sha256},
    },
};

/// Nova's limit, bytes: 65,535 characters of base64. OVH's own is UNCONFIRMED.
const USER_DATA_LIMIT: usize = 49_149;
/// Nova's limit; OVH's own is UNCONFIRMED.
const NAME_LIMIT: usize = 255;
/// Instances that the project may have.
const INSTANCE_LIMIT: usize = 10_000;

/// Fields of `cloud.ProjectInstanceCreation`.
const FIELDS: &[&str] = &[
    "autobackup",
    "availabilityZone",
    "flavorId",
    "groupId",
    "imageId",
    "monthlyBilling",
    "name",
    "networks",
    "region",
    "sshKeyId",
    "userData",
    "volumeId",
];

pub(super) fn create(call: &mut Call<'_>, state: &mut State) -> Handled {
    let fields = body(call, FIELDS)?;
    let mut instance = read_order(state, &fields)?;
    if state.instances.len() >= INSTANCE_LIMIT || call.over_quota() {
        // UNCONFIRMED: status and wording.
        return Err(error(
            403,
            "Client::Forbidden",
            "Quota exceeded: maximum number of instances reached in this region",
        ));
    }
    if call.sold_out() || catalog::flavor_by_id(&instance.flavor).is_none_or(|flavor| !flavor.available) {
        // UNCONFIRMED: status and wording.
        return Err(bad_request("Flavor is not available in this region"));
    }
    instance.id = call.uuid();
    instance.life = call.new_life();
    instance.ip = call.ipv4().to_string();
    instance.ipv6 = Ipv6Addr::from_bits(call.ipv6_net().to_bits() | 0x1).to_string();
    let answer = Answer::json(200, &show(&instance, state, call.now, true));
    state.instances.push(instance);
    Ok(answer)
}

/// Checks a create request; wording UNCONFIRMED throughout.
fn read_order(state: &State, fields: &Fields) -> Result<Instance, Answer> {
    let text = |field: &str| fields.text(field).map_err(|problem| wrong_type(&problem));
    let flag = |field: &str| fields.flag(field).map_err(|problem| wrong_type(&problem));
    let (name, region, flavor) = (
        required(fields, "name")?,
        required(fields, "region")?,
        required(fields, "flavorId")?,
    );
    check_name(name)?;
    if !catalog::REGIONS.contains(&region) {
        return Err(bad_request(&format!("Region {region} not found")));
    }
    let flavor = catalog::flavor_by_id(flavor)
        .filter(|flavor| flavor.region == region)
        .ok_or_else(|| bad_request("Invalid flavorId: no such flavor in this region"))?;
    let image = required(fields, "imageId")?;
    let image = catalog::image_by_id(image)
        .filter(|image| image.region == region && image.kind == flavor.os)
        .ok_or_else(|| bad_request("Invalid imageId: no such image in this region for this flavor"))?;
    let user_data = text("userData")?;
    if user_data.is_some_and(|data| data.len() > USER_DATA_LIMIT) {
        return Err(bad_request("userData is too long"));
    }
    // Go's client sends an empty one for none.
    let ssh_key = text("sshKeyId")?.filter(|id| !id.is_empty());
    if ssh_key.is_some_and(|id| !state.keys.iter().any(|key| key.id == id)) {
        return Err(not_found("SSH key"));
    }
    for field in ["autobackup", "volumeId", "networks"] {
        if fields.get(field).is_some() {
            return Err(bad_request(&format!("{field} is not simulated")));
        }
    }
    if flag("monthlyBilling")?.unwrap_or(false) {
        return Err(bad_request("monthlyBilling is not simulated"));
    }
    // Instance groups are not simulated: every id is one.
    text("groupId")?;
    let zone = text("availabilityZone")?.map(str::to_owned);
    Ok(Instance {
        id: String::new(),
        name: name.to_owned(),
        region: region.to_owned(),
        flavor: flavor.id,
        plan: flavor.name,
        image: image.id,
        ssh_key: ssh_key.map(str::to_owned),
        zone,
        user_data_sha256: user_data.map(sha256),
        ip: String::new(),
        ipv6: String::new(),
        halted: None,
        life: Life::new(0, 0, 0),
    })
}

/// Stricter than Nova, which takes any printable text: what becomes a host name unchanged, underscores excepted.
fn check_name(name: &str) -> Result<(), Answer> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if name.len() > NAME_LIMIT || !name.bytes().all(allowed) {
        return Err(bad_request("Invalid name"));
    }
    Ok(())
}

fn status(instance: &Instance, now: u64) -> &str {
    match (instance.life.stage(now), &instance.halted) {
        (Stage::Starting, _) => "BUILD",
        (Stage::Ending, _) => "DELETING",
        (Stage::Gone, _) => "DELETED",
        (Stage::Ready, Some(halted)) => halted,
        (Stage::Ready, None) => "ACTIVE",
    }
}

/// Single reads hold the flavor and the image, lists only their ids.
fn show(instance: &Instance, state: &State, now: u64, whole: bool) -> Value {
    let status = status(instance, now);
    let booted = now >= instance.life.ready;
    let addresses = if booted && status != "DELETED" {
        let network = "b2c02fdc-ffdf-40f6-9722-533bd7058c06";
        let gateway = instance.ip.rsplit_once('.').map(|(net, _)| format!("{net}.254"));
        json!([
            { "ip": instance.ipv6, "type": "public", "version": 6, "networkId": network, "gatewayIp": null },
            { "ip": instance.ip, "type": "public", "version": 4, "networkId": network, "gatewayIp": gateway },
        ])
    } else {
        json!([])
    };
    let mut shown = json!({
        "id": instance.id, "name": instance.name, "status": status, "region": instance.region,
        "created": rfc3339(instance.life.born), "ipAddresses": addresses, "monthlyBilling": null,
        "planCode": format!("{}.consumption", instance.plan), "operationIds": [],
        "currentMonthOutgoingTraffic": null, "availabilityZone": instance.zone,
    });
    let more = if whole {
        let key = state.keys.iter().find(|key| Some(&key.id) == instance.ssh_key.as_ref());
        json!({
            "flavor": catalog::flavor_by_id(&instance.flavor).map(|flavor| flavor.show()),
            "image": catalog::image_by_id(&instance.image).map(|image| image.show()),
            "sshKey": key.map(|key| json!({ "id": key.id, "name": key.name, "publicKey": key.public_key })),
            "rescuePassword": null,
        })
    } else {
        json!({ "flavorId": instance.flavor, "imageId": instance.image, "sshKeyId": instance.ssh_key })
    };
    if let (Value::Object(shown), Value::Object(more)) = (&mut shown, more) {
        shown.extend(more);
    }
    shown
}

pub(super) fn list(call: &Call<'_>, state: &State) -> Handled {
    // Only in lower case; `Region` is ignored.
    let region = call.query.filled("region");
    if let Some(region) = region {
        catalog::check_region(region)?;
    }
    let there = state.instances.iter().filter(|instance| instance.life.listed(call.now));
    let shown = there
        .chain(&state.remembered)
        .filter(|instance| region.is_none_or(|region| instance.region == region))
        .map(|instance| show(instance, state, call.now, false));
    Ok(super::list(shown.collect()))
}

fn find<'a>(state: &'a mut State, id: &str) -> Result<&'a mut Instance, Answer> {
    state
        .instances
        .iter_mut()
        .find(|instance| instance.id == id)
        .ok_or_else(|| error(404, "Client::NotFound::InstanceDoesNotExist", "Instance not found"))
}

pub(super) fn get(call: &Call<'_>, state: &mut State, id: &str) -> Handled {
    let instance = find(state, id)?.clone();
    Ok(Answer::json(200, &show(&instance, state, call.now, true)))
}

pub(super) fn rename(call: &Call<'_>, state: &mut State, id: &str) -> Handled {
    let fields = body(call, &["instanceName"])?;
    let name = required(&fields, "instanceName")?;
    check_name(name)?;
    find(state, id)?.name = name.to_owned();
    Ok(Answer::json(200, &Value::Null))
}

pub(super) fn delete(call: &Call<'_>, state: &mut State, id: &str) -> Handled {
    let instance = find(state, id)?;
    if instance.life.stage(call.now) == Stage::Ending {
        // UNCONFIRMED: a second delete may be accepted, too.
        return Err(error(409, "Client::Conflict", "Instance is being deleted"));
    }
    // While BUILD as well: OpenStack permits it; an old report that OVH does not is UNCONFIRMED.
    call.end_life(&mut instance.life);
    Ok(Answer::json(200, &Value::Null))
}

/// Power actions; they take effect at once.
pub(super) fn act(call: &Call<'_>, state: &mut State, id: &str, action: &str) -> Handled {
    if action == "reboot" {
        let fields = body(call, &["type"])?;
        if !["soft", "hard"].contains(&required(&fields, "type")?) {
            return Err(bad_request("[type] Given data is not valid: soft, hard"));
        }
    }
    let instance = find(state, id)?;
    if instance.life.stage(call.now) != Stage::Ready {
        return Err(error(409, "Client::Conflict", "Instance is busy"));
    }
    instance.halted = match action {
        "stop" => Some("SHUTOFF".to_owned()),
        "shelve" => Some("SHELVED_OFFLOADED".to_owned()),
        _ => None,
    };
    Ok(Answer::json(200, &Value::Null))
}
