//! Actions: what the API does after it has answered.

use serde_json::json;

use super::{
    invalid_field, not_found, page,
    state::{Action, State},
};
use crate::{call::Call, cloud::Handled, kit::answer::Answer};

/// Most ids in one query.
const IDS_LIMIT: usize = 25;

/// Starts an action that is done at `finished`.
pub(super) fn start(call: &mut Call<'_>, command: &str, resources: &[(&str, u64)], finished: u64) -> Action {
    Action {
        id: 598_000_000 + call.next_number(),
        command: command.to_owned(),
        started: call.now,
        finished,
        resources: resources.iter().map(|(kind, id)| ((*kind).to_owned(), *id)).collect(),
    }
}

pub(super) fn get(call: &Call<'_>, state: &State, id: &str) -> Handled {
    let action = state.actions.iter().find(|action| action.id.to_string() == id);
    let action = action.ok_or_else(|| not_found("action"))?;
    Ok(Answer::json(200, &json!({ "action": action.show(call.now) })))
}

/// Several actions at once. Without ids there is nothing to list any more: the API wants them named.
pub(super) fn list(call: &Call<'_>, state: &State) -> Handled {
    let ids: Vec<&str> = call.query.all("id").collect();
    if ids.is_empty() || ids.len() > IDS_LIMIT || !ids.iter().all(|id| id.parse::<u64>().is_ok()) {
        return Err(invalid_field("id", "between 1 and 25 ids are needed"));
    }
    let wanted = |action: &&Action| ids.contains(&action.id.to_string().as_str());
    page(call, "actions", state.actions.iter().filter(wanted), |action| {
        action.show(call.now)
    })
}

pub(super) fn list_of_server(call: &Call<'_>, state: &mut State, id: &str) -> Handled {
    let server = state.server(id).ok_or_else(|| not_found("server"))?.id;
    let of_server = |action: &&Action| {
        action
            .resources
            .iter()
            .any(|(kind, id)| kind == "server" && *id == server)
    };
    page(call, "actions", state.actions.iter().filter(of_server), |action| {
        action.show(call.now)
    })
}
