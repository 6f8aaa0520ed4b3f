//! Placement groups: the servers of one stand on different machines.

use serde_json::{Value, json};

use super::{
    body, error, invalid_field, is_named, labels, name_of, not_found, page, quota, selector,
    state::{PlacementGroup, State},
    wrong_type,
};
use crate::{
    call::Call,
    cloud::Handled,
    kit::{answer::Answer, text::rfc3339},
};

/// Groups of a project, and servers of a group: <https://docs.hetzner.com/cloud/placement-groups/overview/>.
const GROUP_LIMIT: usize = 50;
const SERVERS_OF_GROUP: usize = 10;

pub(super) fn show(state: &State, group: &PlacementGroup) -> Value {
    json!({
        "id": group.id, "name": group.name, "type": "spread", "labels": group.labels, "created": rfc3339(group.created),
        "servers": servers(state, group.id),
    })
}

fn servers(state: &State, group: u64) -> Vec<u64> {
    let of_group = state
        .servers
        .iter()
        .filter(|server| server.placement_group == Some(group));
    of_group.map(|server| server.id).collect()
}

/// Refuses to place a server in a group that is not there or is full.
pub(super) fn check_place(state: &State, group: u64) -> Result<(), Answer> {
    // Wording UNCONFIRMED.
    find(state, &group.to_string())?;
    if servers(state, group).len() >= SERVERS_OF_GROUP {
        return Err(error(422, "placement_error", "placement group is full"));
    }
    Ok(())
}

pub(super) fn list(call: &Call<'_>, state: &State) -> Handled {
    let selector = selector(call)?;
    let wanted = |group: &&PlacementGroup| is_named(call, &group.name) && selector.selects(&group.labels);
    let groups = state.placement_groups.iter().filter(wanted);
    page(call, "placement_groups", groups, |group| show(state, group))
}

pub(super) fn create(call: &mut Call<'_>, state: &mut State) -> Handled {
    let fields = body(call, &["name", "type", "labels"])?;
    let name = name_of(&fields)?;
    if fields.text("type").map_err(wrong_type)? != Some("spread") {
        return Err(invalid_field("type", "must be one of spread"));
    }
    let labels = labels::read(&fields)?.unwrap_or_default();
    if state.placement_groups.iter().any(|group| group.name == name) {
        return Err(error(409, "uniqueness_error", "name is already used"));
    }
    if state.placement_groups.len() >= GROUP_LIMIT || call.over_quota() {
        return Err(quota("placement_group_limit"));
    }
    let group = PlacementGroup {
        id: 600_000 + call.next_number(),
        name,
        labels,
        created: call.now,
    };
    let answer = json!({ "placement_group": show(state, &group), "action": null });
    state.placement_groups.push(group);
    Ok(Answer::json(201, &answer))
}

fn find<'a>(state: &'a State, id: &str) -> Result<&'a PlacementGroup, Answer> {
    let mut groups = state.placement_groups.iter();
    groups
        .find(|group| group.id.to_string() == id)
        .ok_or_else(|| not_found("placement_group"))
}

pub(super) fn get(state: &State, id: &str) -> Handled {
    let group = show(state, find(state, id)?);
    Ok(Answer::json(200, &json!({ "placement_group": group })))
}

pub(super) fn delete(state: &mut State, id: &str) -> Handled {
    let id = find(state, id)?.id;
    if !servers(state, id).is_empty() {
        // UNCONFIRMED for groups; the words are those for firewalls.
        return Err(error(
            422,
            "resource_in_use",
            "placement group must not be in use to be deleted",
        ));
    }
    state.placement_groups.retain(|group| group.id != id);
    Ok(Answer::empty(204))
}
