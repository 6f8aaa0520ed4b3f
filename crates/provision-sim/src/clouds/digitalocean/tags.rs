//! Tags. The object survives the droplets that carry it; it costs nothing.

use serde_json::{Value, json};

use super::{body, not_found, page, state::State, unprocessable, wrong_type};
use crate::{call::Call, cloud::Handled, kit::answer::Answer};

/// 1 to 255 letters, digits, colons, hyphens and underscores.
pub(super) fn is_tag(name: &str) -> bool {
    (1..=255).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b":-_".contains(&byte))
}

/// Refuses names that cannot be tags; wording UNCONFIRMED.
pub(super) fn check(call: &Call<'_>, names: &[String]) -> Result<(), Answer> {
    match names.iter().find(|name| !is_tag(name)) {
        Some(name) => Err(unprocessable(
            call,
            &format!(
                "Tag name '{name}' is invalid: only letters, numbers, colons, dashes and underscores are allowed."
            ),
        )),
        None => Ok(()),
    }
}

fn show(state: &State, name: &str) -> Value {
    let count = state.droplets.iter().filter(|droplet| droplet.has_tag(name)).count();
    json!({ "name": name, "resources": {
        "count": count, "droplets": { "count": count }, "images": { "count": 0 }, "volumes": { "count": 0 },
        "volume_snapshots": { "count": 0 }, "databases": { "count": 0 },
    }})
}

fn find(state: &State, name: &str) -> Option<String> {
    state.tags.iter().find(|tag| tag.eq_ignore_ascii_case(name)).cloned()
}

pub(super) fn list(call: &Call<'_>, state: &State) -> Handled {
    page(call, "tags", &state.tags, |tag| show(state, tag))
}

pub(super) fn create(call: &Call<'_>, state: &mut State) -> Handled {
    let fields = body(call)?;
    let name = fields
        .text("name")
        .map_err(|problem| wrong_type(call, &problem))?
        .unwrap_or_default()
        .to_owned();
    check(call, std::slice::from_ref(&name))?;
    let name = state.ensure_tags(&[name]).pop().unwrap_or_default();
    Ok(Answer::json(201, &json!({ "tag": show(state, &name) })))
}

pub(super) fn get(call: &Call<'_>, state: &State, name: &str) -> Handled {
    let name = find(state, name).ok_or_else(|| not_found(call))?;
    Ok(Answer::json(200, &json!({ "tag": show(state, &name) })))
}

pub(super) fn delete(call: &Call<'_>, state: &mut State, name: &str) -> Handled {
    let name = find(state, name).ok_or_else(|| not_found(call))?;
    state.tags.retain(|tag| *tag != name);
    for droplet in &mut state.droplets {
        droplet.tags.retain(|tag| *tag != name);
    }
    for firewall in &mut state.firewalls {
        firewall.tags.retain(|tag| *tag != name);
    }
    Ok(Answer::empty(204))
}
