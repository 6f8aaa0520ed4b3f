//! SSH keys. They belong to the account and stay until somebody deletes them.

use serde_json::{Value, json};

use super::{
    error,
    fields::Input,
    state::{Key, State},
    success,
};
use crate::{
    call::Call,
    cloud::Handled,
    kit::{
        answer::Answer,
        text::{fingerprint, is_ssh_key, rfc3339},
    },
};

pub(super) fn list(state: &State) -> Answer {
    let show = |key: &Key| {
        json!({
            "id": key.id, "name": key.name, "fingerprint": fingerprint(&key.public_key), "public_key": key.public_key,
            "created_at": rfc3339(key.created),
        })
    };
    Answer::json(200, &state.keys.iter().map(show).collect::<Value>())
}

pub(super) fn create(call: &mut Call<'_>, state: &mut State) -> Handled {
    let input = Input::read(call)?;
    input.only(&["name", "public_key", "region"])?;
    let name = input
        .text("name")?
        .ok_or_else(|| error(400, "parameter_name_invalid", "The name is missing"))?;
    let public_key = input
        .text("public_key")?
        .filter(|key| is_ssh_key(key))
        .ok_or_else(|| error(400, "parameter_public_key_empty", "The public key is missing or no key"))?;
    if state.keys.iter().any(|key| key.name == name) {
        return Err(error(
            409,
            "database_ssh_key_duplicate_name",
            "A key with this name exists",
        ));
    }
    let key = Key {
        id: call.uuid(),
        name,
        public_key,
        created: call.now,
    };
    let answer = json!({ "result": "success", "id": key.id });
    state.keys.push(key);
    Ok(Answer::json(200, &answer))
}

pub(super) fn delete(state: &mut State, id: &str) -> Handled {
    let before = state.keys.len();
    state.keys.retain(|key| key.id != id);
    if state.keys.len() == before {
        return Err(error(404, "database_ssh_key_not_found", "Failed to find the key"));
    }
    Ok(success())
}
