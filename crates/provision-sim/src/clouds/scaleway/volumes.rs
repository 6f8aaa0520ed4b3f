//! Disks. The Instance API shows local ones, the block storage API the others.

use serde_json::{Value, json};

use super::{
    PROJECT, body, error,
    lists::{has_name, has_tags, in_project, page, page_with_total},
    not_found,
    state::{Server, State, Volume},
    still_in_use, time, wrong_type,
};
use crate::{call::Call, cloud::Handled, kit::answer::Answer};

const LOCAL: &str = "l_ssd";

/// A local disk as the Instance API shows it.
fn show(volume: &Volume, servers: &[Server]) -> Value {
    let server = servers.iter().find(|server| Some(&server.id) == volume.server.as_ref());
    json!({
        "id": volume.id, "name": volume.name, "volume_type": volume.kind, "size": volume.size, "export_uri": null,
        "organization": PROJECT, "project": PROJECT, "state": "available", "tags": volume.tags, "zone": volume.zone,
        "server": server.map(|server| json!({ "id": server.id, "name": server.name })),
        "creation_date": time(volume.created), "modification_date": time(volume.created),
    })
}

/// A disk as the server that it belongs to shows it.
pub(super) fn show_attached(volume: &Volume, servers: &[Server]) -> Value {
    if volume.kind == LOCAL {
        let mut shown = show(volume, servers);
        if let Some(shown) = shown.as_object_mut() {
            shown.insert("boot".into(), json!(false));
        }
        return shown;
    }
    json!({
        "boot": false, "volume_type": volume.kind, "id": volume.id, "state": "available", "zone": volume.zone,
    })
}

fn local<'a>(state: &'a mut State, zone: &str, id: &str) -> Result<&'a mut Volume, Answer> {
    find(state, zone, id, true).ok_or_else(|| not_found("instance_volume", id))
}

fn find<'a>(state: &'a mut State, zone: &str, id: &str, is_local: bool) -> Option<&'a mut Volume> {
    state
        .volumes
        .iter_mut()
        .find(|volume| volume.zone == zone && volume.id == id && (volume.kind == LOCAL) == is_local)
}

pub(super) fn list(call: &Call<'_>, state: &State, zone: &str) -> Handled {
    let kind = call.query.filled("volume_type").unwrap_or(LOCAL);
    let volumes = state
        .volumes
        .iter()
        .filter(|volume| volume.zone == zone && volume.kind == LOCAL && kind == LOCAL)
        .filter(|volume| in_project(call) && has_name(call, &volume.name) && has_tags(call, &volume.tags));
    page(
        call,
        "volumes",
        volumes.map(|volume| show(volume, &state.servers)).collect(),
    )
}

pub(super) fn get(state: &mut State, zone: &str, id: &str) -> Handled {
    let volume = local(state, zone, id)?.clone();
    Ok(Answer::json(200, &json!({ "volume": show(&volume, &state.servers) })))
}

pub(super) fn update(call: &Call<'_>, state: &mut State, zone: &str, id: &str) -> Handled {
    let fields = body(call, &["name", "tags", "size"])?;
    let volume = local(state, zone, id)?;
    if let Some(name) = fields.text("name").map_err(wrong_type)? {
        name.clone_into(&mut volume.name);
    }
    if fields.get("tags").is_some() {
        volume.tags = fields.texts("tags").map_err(wrong_type)?;
    }
    get(state, zone, id)
}

pub(super) fn delete(state: &mut State, zone: &str, id: &str) -> Handled {
    if local(state, zone, id)?.server.is_some() {
        return Err(still_in_use("volume is attached to a server"));
    }
    state.volumes.retain(|volume| volume.id != id);
    Ok(Answer::empty(204))
}

/// A disk as the block storage API shows it.
fn show_block(volume: &Volume) -> Value {
    let reference = volume.server.as_ref().map(|server| {
        json!({
            "product_resource_type": "instance_server", "product_resource_id": server, "type": "exclusive",
            "status": "attached",
        })
    });
    json!({
        "id": volume.id, "name": volume.name, "type": "sbs_5k", "size": volume.size, "project_id": PROJECT,
        "created_at": time(volume.created), "updated_at": time(volume.created), "tags": volume.tags,
        "status": if reference.is_some() { "in_use" } else { "available" },
        "references": reference.into_iter().collect::<Vec<_>>(),
        "specs": { "perf_iops": 5_000, "class": "sbs" }, "zone": volume.zone,
    })
}

pub(super) fn list_block(call: &Call<'_>, state: &State, zone: &str) -> Handled {
    let volumes = state
        .volumes
        .iter()
        .filter(|volume| volume.zone == zone && volume.kind != LOCAL && has_name(call, &volume.name));
    page_with_total(call, "volumes", volumes.map(show_block).collect())
}

pub(super) fn get_block(state: &mut State, zone: &str, id: &str) -> Handled {
    let volume = find(state, zone, id, false).ok_or_else(|| not_found("volume", id))?;
    Ok(Answer::json(200, &show_block(volume)))
}

pub(super) fn delete_block(state: &mut State, zone: &str, id: &str) -> Handled {
    let volume = find(state, zone, id, false).ok_or_else(|| not_found("volume", id))?;
    if volume.server.is_some() {
        let more = json!({ "precondition": "resource_still_in_use", "help_message": "volume is in use" });
        return Err(error(412, "precondition_failed", "precondition failed", more));
    }
    state.volumes.retain(|volume| volume.id != id);
    Ok(Answer::empty(204))
}
