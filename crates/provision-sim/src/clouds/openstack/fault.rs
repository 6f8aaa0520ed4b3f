//! Refusals in the words of each service.

use serde_json::json;

use crate::kit::{
    answer::Answer,
    fields::{BodyError, FieldError},
};

/// Nova's.
pub(super) fn nova(status: u16, name: &str, message: &str) -> Answer {
    Answer::json(status, &json!({ name: { "code": status, "message": message } }))
}

pub(super) fn bad_request(message: &str) -> Answer {
    nova(400, "badRequest", message)
}

/// Neutron's.
pub(super) fn neutron(status: u16, kind: &str, message: &str) -> Answer {
    let error = json!({ "NeutronError": { "type": kind, "message": message, "detail": "" } });
    Answer::json(status, &error).content_type("application/json")
}

pub(super) fn unrecognized(field: &str) -> Answer {
    neutron(400, "HTTPBadRequest", &format!("Unrecognized attribute(s) '{field}'"))
}

/// A route that Nova's routing does not know (seen).
pub(super) fn no_resource() -> Answer {
    Answer::text(404, "404 Not Found\n\nThe resource could not be found.\n\n   ")
}

/// A path that belongs to no service.
pub(super) fn no_route() -> Answer {
    Answer::text(404, "<html><body>404 Not Found</body></html>").content_type("text/html")
}

/// Keystone's word about a password, and that of every service about a token (seen).
pub(super) fn unauthorized() -> Answer {
    let message = "The request you have made requires authentication.";
    let error = json!({ "error": { "code": 401, "message": message, "title": "Unauthorized" } });
    Answer::json(401, &error)
        .content_type("application/json")
        .header("www-authenticate", "Keystone uri=\"http://127.0.0.1/identity/v3\"")
}

/// A role that may not do it.
pub(super) fn forbidden(service: &str) -> Answer {
    match service {
        "network" => neutron(403, "PolicyNotAuthorized", "rule is disallowed by policy"),
        _ => nova(403, "forbidden", "Policy doesn't allow this action to be performed."),
    }
}

/// A field of the wrong type.
pub(super) fn wrong(error: FieldError) -> Answer {
    bad_request(&format!(
        "Invalid input for field/attribute {}. It is not of type '{}'",
        error.field, error.expected
    ))
}

pub(super) fn malformed(_error: BodyError) -> Answer {
    bad_request("Malformed request body")
}

/// The same in Neutron's words.
pub(super) fn wrong_attribute(error: FieldError) -> Answer {
    neutron(
        400,
        "HTTPBadRequest",
        &format!(
            "Invalid input for {}. Reason: it is not a {}.",
            error.field, error.expected
        ),
    )
}
