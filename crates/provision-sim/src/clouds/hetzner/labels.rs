//! Labels.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{invalid_field, wrong_type};
use crate::kit::{answer::Answer, fields::Fields};

/// 1 to 63 letters, digits, `-`, `_` and `.`, the first and the last a letter or digit.
fn is_word(text: &str) -> bool {
    let edges = text.bytes().next().into_iter().chain(text.bytes().next_back());
    (1..=63).contains(&text.len())
        && edges.into_iter().all(|byte| byte.is_ascii_alphanumeric())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// A word, with an optional prefix (`example.com/`).
pub(super) fn is_key(key: &str) -> bool {
    match key.rsplit_once('/') {
        Some((prefix, word)) => {
            let dns = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
            (1..=253).contains(&prefix.len()) && prefix.bytes().all(dns) && is_word(word)
        }
        None => is_word(key),
    }
}

/// A word, or nothing.
pub(super) fn is_value(value: &str) -> bool {
    value.is_empty() || is_word(value)
}

/// The field `labels`, checked; `None` when it is absent.
pub(super) fn read(fields: &Fields) -> Result<Option<BTreeMap<String, String>>, Answer> {
    let Some(labels) = fields.object("labels").map_err(wrong_type)? else {
        return Ok(None);
    };
    let label = |(key, value): (&str, &Value)| match value.as_str() {
        // The prefix is the vendor's own.
        Some(value) if is_key(key) && is_value(value) && !key.starts_with("hetzner.cloud/") => {
            Ok((key.to_owned(), value.to_owned()))
        }
        _ => Err(invalid_field("labels", &format!("invalid label '{key}'"))),
    };
    labels.iter().map(label).collect::<Result<_, _>>().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_follow_the_grammar() {
        assert!(is_key("managed-by") && is_key("a") && is_key("example.com/a_b.c") && is_key(&"k".repeat(63)));
        assert!(!is_key("") && !is_key("-a") && !is_key("a-") && !is_key("a b") && !is_key("/a"));
        assert!(!is_key(&"k".repeat(64)));
        assert!(is_value("") && is_value("1.2") && !is_value("a=b") && !is_value(&"v".repeat(64)));
    }
}
