//! SSH keys of the account.

use serde_json::{Value, json};

use super::{
    body, not_found, page,
    state::{Key, State},
    unprocessable, wrong_type,
};
use crate::{
    call::Call,
    cloud::Handled,
    kit::{
        answer::Answer,
        text::{fingerprint, is_ssh_key},
    },
};

fn show(key: &Key) -> Value {
    json!({ "id": key.id, "name": key.name, "fingerprint": key.fingerprint, "public_key": key.public_key })
}

/// Whether a number or a fingerprint names a key.
pub(super) fn is_named_by(key: &Key, id: &str) -> bool {
    key.fingerprint == id || key.id.to_string() == id
}

pub(super) fn list(call: &Call<'_>, state: &State) -> Handled {
    page(call, "ssh_keys", &state.keys, show)
}

pub(super) fn create(call: &mut Call<'_>, state: &mut State) -> Handled {
    let fields = body(call)?;
    let read = |field: &str| fields.text(field).map_err(|problem| wrong_type(call, &problem));
    let (name, public_key) = (
        read("name")?.unwrap_or_default(),
        read("public_key")?.unwrap_or_default(),
    );
    if name.is_empty() {
        return Err(unprocessable(call, "Name can't be blank"));
    }
    if !is_ssh_key(public_key) {
        return Err(unprocessable(
            call,
            "Key invalid, key should be of the format `ssh-rsa AAAA...`",
        ));
    }
    let fingerprint = fingerprint(public_key);
    if state.keys.iter().any(|key| key.fingerprint == fingerprint) {
        return Err(unprocessable(call, "SSH Key is already in use on your account"));
    }
    let key = Key {
        id: 40_000_000 + call.next_number(),
        name: name.to_owned(),
        public_key: public_key.to_owned(),
        fingerprint,
    };
    let answer = Answer::json(201, &json!({ "ssh_key": show(&key) }));
    state.keys.push(key);
    Ok(answer)
}

pub(super) fn get(call: &Call<'_>, state: &State, id: &str) -> Handled {
    let key = state
        .keys
        .iter()
        .find(|key| is_named_by(key, id))
        .ok_or_else(|| not_found(call))?;
    Ok(Answer::json(200, &json!({ "ssh_key": show(key) })))
}

pub(super) fn delete(call: &Call<'_>, state: &mut State, id: &str) -> Handled {
    let before = state.keys.len();
    state.keys.retain(|key| !is_named_by(key, id));
    if state.keys.len() == before {
        Err(not_found(call))
    } else {
        Ok(Answer::empty(204))
    }
}
