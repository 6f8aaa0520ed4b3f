//! SSH keys of the project.

use serde_json::{Value, json};

use super::{
    body, error, invalid_field, is_named, labels, name_of, not_found, page, selector,
    state::{Key, State},
    wrong_type,
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
    json!({
        "id": key.id, "name": key.name, "fingerprint": key.fingerprint, "public_key": key.public_key,
        "labels": key.labels, "created": rfc3339(key.created),
    })
}

pub(super) fn list(call: &Call<'_>, state: &State) -> Handled {
    let selector = selector(call)?;
    let wanted = |key: &&Key| {
        is_named(call, &key.name)
            && selector.selects(&key.labels)
            && call
                .query
                .get("fingerprint")
                .is_none_or(|wanted| wanted == key.fingerprint)
    };
    page(call, "ssh_keys", state.keys.iter().filter(wanted), show)
}

pub(super) fn create(call: &mut Call<'_>, state: &mut State) -> Handled {
    let fields = body(call, &["name", "public_key", "labels"])?;
    let name = name_of(&fields)?;
    let public_key = fields.text("public_key").map_err(wrong_type)?.unwrap_or_default();
    if !is_ssh_key(public_key) {
        return Err(invalid_field("public_key", "is not a valid SSH public key"));
    }
    let fingerprint = fingerprint(public_key);
    if state
        .keys
        .iter()
        .any(|key| key.name == name || key.fingerprint == fingerprint)
    {
        return Err(error(
            409,
            "uniqueness_error",
            "SSH key with the same name or fingerprint already exists",
        ));
    }
    let key = Key {
        id: 30_000_000 + call.next_number(),
        name,
        public_key: public_key.to_owned(),
        fingerprint,
        labels: labels::read(&fields)?.unwrap_or_default(),
        created: call.now,
    };
    let answer = Answer::json(201, &json!({ "ssh_key": show(&key) }));
    state.keys.push(key);
    Ok(answer)
}

pub(super) fn get(state: &State, id: &str) -> Handled {
    let key = state
        .keys
        .iter()
        .find(|key| key.id.to_string() == id)
        .ok_or_else(|| not_found("ssh_key"))?;
    Ok(Answer::json(200, &json!({ "ssh_key": show(key) })))
}

pub(super) fn delete(state: &mut State, id: &str) -> Handled {
    let before = state.keys.len();
    state.keys.retain(|key| key.id.to_string() != id);
    if state.keys.len() == before {
        Err(not_found("ssh_key"))
    } else {
        Ok(Answer::empty(204))
    }
}
