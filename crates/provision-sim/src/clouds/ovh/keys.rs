//! SSH keys of the project.

use serde_json::{Value, json};

use super::{
    bad_request, body, error, not_found, required,
    state::{Key, State},
};
use crate::{
    call::Call,
    cloud::Handled,
    kit::{answer::Answer, text::is_ssh_key},
};

fn show(key: &Key) -> Value {
    json!({ "id": key.id, "name": key.name, "publicKey": key.public_key, "regions": [] })
}

pub(super) fn list(state: &State) -> Answer {
    super::list(state.keys.iter().map(show).collect())
}

pub(super) fn create(call: &mut Call<'_>, state: &mut State) -> Handled {
    let fields = body(call, &["name", "publicKey", "region"])?;
    let (name, public_key) = (required(&fields, "name")?, required(&fields, "publicKey")?);
    if !is_ssh_key(public_key) {
        // Wording UNCONFIRMED.
        return Err(bad_request("Invalid publicKey"));
    }
    if state.keys.iter().any(|key| key.name == name) {
        // Wording UNCONFIRMED.
        return Err(error(409, "Client::Conflict", "A key of this name exists already"));
    }
    let key = Key {
        id: call.hex(20),
        name: name.to_owned(),
        public_key: public_key.to_owned(),
    };
    let answer = Answer::json(200, &show(&key));
    state.keys.push(key);
    Ok(answer)
}

pub(super) fn get(state: &State, id: &str) -> Handled {
    let key = state.keys.iter().find(|key| key.id == id);
    key.map(|key| Answer::json(200, &show(key)))
        .ok_or_else(|| not_found("SSH key"))
}

pub(super) fn delete(state: &mut State, id: &str) -> Handled {
    let before = state.keys.len();
    state.keys.retain(|key| key.id != id);
    if state.keys.len() == before {
        return Err(not_found("SSH key"));
    }
    Ok(Answer::json(200, &Value::Null))
}
