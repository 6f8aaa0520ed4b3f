//! Tags in requests: <https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/tag-resources>.

use super::{error, state::Tags, wrong_type};
use crate::kit::{answer::Answer, fields::Fields};

/// Tags in a body; empty when there are none.
pub(super) fn read(fields: &Fields) -> Result<Tags, Answer> {
    let Some(tags) = fields.object("tags").map_err(wrong_type)? else {
        return Ok(Tags::new());
    };
    let mut read = Tags::new();
    for (name, value) in tags.iter() {
        let Some(value) = value.as_str() else {
            return Err(error(400, "InvalidTagValueDataType", "The tag values must be strings."));
        };
        if name.is_empty() || name.len() > 512 || name.contains(['<', '>', '%', '&', '\\', '?', '/']) {
            return Err(error(
                400,
                "InvalidTagNameCharacters",
                &format!("The tag name '{name}' is not valid."),
            ));
        }
        if value.len() > 256 {
            return Err(error(
                400,
                "InvalidTagValueLength",
                "Tag value too large. It can be at most 256 characters.",
            ));
        }
        if read.keys().any(|known| known.eq_ignore_ascii_case(name)) {
            return Err(error(
                400,
                "DuplicateTagName",
                &format!("The tag name '{name}' is there twice."),
            ));
        }
        read.insert(name.to_owned(), value.to_owned());
    }
    if read.len() > 50 {
        return Err(error(400, "InvalidTags", "A resource can have 50 tags at most."));
    }
    Ok(read)
}
