//! SSH keys of a project. They stay until somebody deletes them, and cost nothing.

use serde_json::{Value, json};

use super::{
    body, forbidden, not_found,
    state::{Key, State},
    unprocessable, wrong_type,
};
use crate::{
    call::Call,
    cloud::Handled,
    kit::{
        answer::Answer,
        text::{fingerprint, is_ssh_key, rfc3339},
    },
};

fn show(key: &Key) -> Value {
    let created = rfc3339(key.created);
    json!({ "id": key.id, "label": key.label, "key": key.key, "fingerprint": key.fingerprint, "created_at": created,
        "updated_at": created, "entity": { "href": format!("/metal/v1/projects/{}", key.project) },
        "href": format!("/metal/v1/ssh-keys/{}", key.id) })
}

pub(super) fn list(state: &State, project: &str) -> Answer {
    let keys = state.keys.iter().filter(|key| key.project == project).map(show);
    Answer::json(200, &json!({ "ssh_keys": keys.collect::<Vec<_>>() }))
}

pub(super) fn create(call: &mut Call<'_>, state: &mut State, project: &str) -> Handled {
    let fields = body(call)?;
    let text = |field: &str| fields.text(field).map_err(|problem| wrong_type(&problem));
    let (label, key) = (text("label")?.unwrap_or_default(), text("key")?.unwrap_or_default());
    let made = make(call, project, label, key)?;
    let answer = Answer::json(201, &show(&made));
    state.keys.push(made);
    Ok(answer)
}

/// A new key, checked; wording UNCONFIRMED.
pub(super) fn make(call: &mut Call<'_>, project: &str, label: &str, key: &str) -> Result<Key, Answer> {
    if label.is_empty() {
        return Err(unprocessable("Label can't be blank"));
    }
    if !is_ssh_key(key) {
        return Err(unprocessable("Key is not a valid public key"));
    }
    Ok(Key {
        id: call.uuid(),
        project: project.to_owned(),
        label: label.to_owned(),
        key: key.to_owned(),
        fingerprint: fingerprint(key),
        created: call.now,
    })
}

fn find(state: &State, own: &str, id: &str) -> Result<usize, Answer> {
    let place = state.keys.iter().position(|key| key.id == id).ok_or_else(not_found)?;
    match state.keys.get(place) {
        Some(key) if key.project == own => Ok(place),
        _ => Err(forbidden("view this ssh key")),
    }
}

pub(super) fn get(state: &State, own: &str, id: &str) -> Handled {
    let place = find(state, own, id)?;
    let key = state.keys.get(place).ok_or_else(not_found)?;
    Ok(Answer::json(200, &show(key)))
}

pub(super) fn delete(state: &mut State, own: &str, id: &str) -> Handled {
    let place = find(state, own, id)?;
    state.keys.remove(place);
    Ok(Answer::empty(204))
}
