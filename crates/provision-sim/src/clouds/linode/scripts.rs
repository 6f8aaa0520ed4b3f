//! StackScripts: scripts that an instance runs when it first boots. Only the account's own are simulated.

use serde_json::{Value, json};

use super::{
    USER, body, catalog, check_label, invalid, not_found, page, reply,
    state::{Script, State},
    time, wrong_type,
};
use crate::{
    call::Call,
    cloud::Handled,
    kit::{answer::Answer, text::sha256},
};

/// Largest script, bytes.
const SCRIPT_LIMIT: usize = 65_535;
/// Stands for all images.
const ANY: &str = "any/all";

fn show(script: &Script) -> Value {
    json!({
        "id": script.id, "label": script.label, "description": script.description, "rev_note": script.rev_note,
        "images": script.images, "script": "", "username": USER, "user_gravatar_id": "", "is_public": false, "mine": true,
        "deployments_total": 0, "deployments_active": 0, "created": time(script.created), "updated": time(script.created), "user_defined_fields": [],
    })
}

pub(super) fn list(call: &Call<'_>, state: &State) -> Handled {
    let scripts = state.scripts.iter().map(show).collect();
    page(
        call,
        &["description", "is_public", "label", "mine", "rev_note", "username"],
        scripts,
    )
}

pub(super) fn create(call: &mut Call<'_>, state: &mut State) -> Handled {
    let fields = body(
        call,
        &["description", "images", "is_public", "label", "rev_note", "script"],
    )?;
    let text = |field: &str| Ok(fields.text(field).map_err(wrong_type)?.unwrap_or_default().to_owned());
    let label = text("label")?;
    check_label(&label, 128)?;
    let images = fields.texts("images").map_err(wrong_type)?;
    // Wordings UNCONFIRMED.
    if images.is_empty() {
        return Err(invalid("images", "images is required"));
    }
    if let Some(image) = images
        .iter()
        .find(|image| *image != ANY && catalog::image(image).is_none())
    {
        return Err(invalid("images", &format!("{image} is not valid")));
    }
    let script = text("script")?;
    if !script.starts_with("#!") {
        return Err(invalid("script", "Script must begin with a shebang (#!)"));
    }
    if script.len() > SCRIPT_LIMIT {
        return Err(invalid("script", "Script must not exceed 65535 bytes"));
    }
    if script.contains("<UDF") {
        return Err(invalid("script", "user-defined fields are not simulated"));
    }
    if fields.flag("is_public").map_err(wrong_type)? == Some(true) {
        return Err(invalid("is_public", "public StackScripts are not simulated"));
    }
    let made = Script {
        id: 1_500_000 + call.next_number(),
        label,
        description: text("description")?,
        rev_note: text("rev_note")?,
        images,
        sha256: sha256(&script),
        created: call.now,
    };
    let mut shown = show(&made);
    if let Value::Object(shown) = &mut shown {
        // Later it is left empty, as the text is not kept.
        shown.insert("script".to_owned(), script.into());
    }
    state.scripts.push(made);
    Ok(reply(200, &shown))
}

/// The script of an instance that is installed from an image.
pub(super) fn for_image<'a>(state: &'a State, id: u64, image: Option<&str>) -> Result<&'a Script, Answer> {
    let mut scripts = state.scripts.iter();
    // Wordings UNCONFIRMED.
    let script = scripts
        .find(|script| script.id == id)
        .ok_or_else(|| invalid("stackscript_id", "StackScript not found"))?;
    match image {
        Some(image) if script.images.iter().any(|known| known == ANY || known == image) => Ok(script),
        Some(_) => Err(invalid("image", "This image is not compatible with the StackScript")),
        None => Err(invalid("image", "image is required with a StackScript")),
    }
}

fn position(state: &State, id: &str) -> Result<usize, Answer> {
    let mut scripts = state.scripts.iter();
    scripts
        .position(|script| script.id.to_string() == id)
        .ok_or_else(not_found)
}

pub(super) fn get(state: &State, id: &str) -> Handled {
    let script = state.scripts.get(position(state, id)?).ok_or_else(not_found)?;
    Ok(reply(200, &show(script)))
}

pub(super) fn delete(state: &mut State, id: &str) -> Handled {
    state.scripts.remove(position(state, id)?);
    Ok(reply(200, &json!({})))
}
