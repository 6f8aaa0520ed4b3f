//! User data: raw texts by key, neither JSON nor base64.

use serde_json::json;

use super::{
    invalid, not_found,
    state::{State, UserData},
};
use crate::{
    call::Call,
    cloud::Handled,
    kit::{answer::Answer, text::sha256},
};

/// Most characters, as Scaleway's Terraform provider checks.
const LIMIT: usize = 127_998;

pub(super) fn list(state: &mut State, zone: &str, id: &str) -> Handled {
    let server = state.server(zone, id).ok_or_else(|| not_found("instance_server", id))?;
    let keys: Vec<&String> = server.user_data.keys().collect();
    Ok(Answer::json(200, &json!({ "user_data": keys })))
}

pub(super) fn get(state: &mut State, zone: &str, id: &str, key: &str) -> Handled {
    let server = state.server(zone, id).ok_or_else(|| not_found("instance_server", id))?;
    match server.user_data.get(key) {
        Some(data) => Ok(Answer::text(200, data.text.clone())),
        // Without a body.
        None => Err(Answer::empty(404)),
    }
}

pub(super) fn set(call: &Call<'_>, state: &mut State, zone: &str, id: &str, key: &str) -> Handled {
    let server = state.server(zone, id).ok_or_else(|| not_found("instance_server", id))?;
    // UNCONFIRMED: the answers to another content type and to a text that is too long.
    if !call
        .header("content-type")
        .unwrap_or_default()
        .starts_with("text/plain")
    {
        return Err(invalid("content-type", "constraint", "must be text/plain"));
    }
    let text = String::from_utf8_lossy(&call.request.body).into_owned();
    if text.is_empty() || text.chars().count() > LIMIT {
        return Err(invalid("content", "constraint", "length must be between 1 and 127998"));
    }
    let sha256 = sha256(&call.request.body);
    server.user_data.insert(key.to_owned(), UserData { text, sha256 });
    Ok(Answer::empty(204))
}

pub(super) fn delete(state: &mut State, zone: &str, id: &str, key: &str) -> Handled {
    let server = state.server(zone, id).ok_or_else(|| not_found("instance_server", id))?;
    match server.user_data.remove(key) {
        Some(_) => Ok(Answer::empty(204)),
        None => Err(Answer::empty(404)),
    }
}
