//! Answers of the Query API: XML in its namespace, errors in theirs.

use crate::{
    call::Call,
    kit::{answer::Answer, text::escape_xml},
};

/// An element with text.
pub(super) fn text(name: &str, value: impl AsRef<str>) -> String {
    format!("<{name}>{}</{name}>", escape_xml(value.as_ref()))
}

/// An element with text, or nothing.
pub(super) fn some(name: &str, value: Option<&str>) -> String {
    value.map(|value| text(name, value)).unwrap_or_default()
}

/// An element with elements.
pub(super) fn wrap(name: &str, inner: &str) -> String {
    format!("<{name}>{inner}</{name}>")
}

/// A list: an element of items.
pub(super) fn list(name: &str, items: impl IntoIterator<Item = String>) -> String {
    let items: String = items.into_iter().map(|item| wrap("item", &item)).collect();
    wrap(name, &items)
}

/// Tags as a list.
pub(super) fn tags(tags: &[(String, String)]) -> String {
    list(
        "tagSet",
        tags.iter().map(|(key, value)| text("key", key) + &text("value", value)),
    )
}

/// The answer of an action.
pub(super) fn answer(call: &Call<'_>, action: &str, inner: &str) -> Answer {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{action}Response xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">{}{inner}</{action}Response>",
        text("requestId", &call.request_id)
    );
    Answer::xml(200, body)
}

/// `<return>true</return>`.
pub(super) fn done(call: &Call<'_>, action: &str) -> Answer {
    answer(call, action, "<return>true</return>")
}

/// A refusal.
pub(super) fn error(call: &Call<'_>, status: u16, code: &str, message: &str) -> Answer {
    let inner = text("Code", code) + &text("Message", message);
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors>{}</Errors>{}</Response>",
        wrap("Error", &inner),
        text("RequestID", &call.request_id)
    );
    Answer::xml(status, body)
}

/// A refusal for what the request says.
pub(super) fn bad(call: &Call<'_>, code: &str, message: impl AsRef<str>) -> Answer {
    error(call, 400, code, message.as_ref())
}
