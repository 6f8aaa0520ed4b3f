use std::time::Duration;

use provision_core::ErrorKind;
use provision_http::{Failure, Subject, Vendor, VendorError, kind_of_status};
use serde::Deserialize;

/// How Hetzner Cloud reports errors.
///
/// `ratelimit-reset` is left out: it tells when the bucket is full again, up to an hour ahead, while one request is refilled
/// every second.
pub(crate) const VENDOR: Vendor =
    Vendor::new("hetzner", "Hetzner Cloud", classify).with_request_id_headers(&["x-correlation-id"]);

#[derive(Deserialize)]
struct Body {
    error: Detail,
}

#[derive(Deserialize)]
struct Detail {
    code: String,
    message: Option<String>,
    details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    fields: Option<Vec<Field>>,
}

#[derive(Deserialize)]
struct Field {
    name: String,
    messages: Option<Vec<String>>,
}

/// The codes are those of <https://docs.hetzner.cloud/reference/cloud#errors> and
/// <https://github.com/hetznercloud/hcloud-go/blob/main/hcloud/error.go> (read 2026-11).
fn classify(failure: &Failure<'_>) -> VendorError {
    let Some(Body { error }) = failure.json::<Body>() else {
        return failure.by_status();
    };
    let mut message = error.text();
    let text = message.to_ascii_lowercase();
    let kind = match error.code.as_str() {
        "unauthorized" => ErrorKind::Unauthorized,
        // `token_readonly` is answered with 401, but the token itself is good.
        "token_readonly" | "forbidden" => ErrorKind::Forbidden,
        // Both with 423 like `locked`, but waiting changes nothing: somebody has to take the protection away, and what is
        // `resource_locked` only Hetzner's support sets free.
        "protected" | "resource_locked" => ErrorKind::Forbidden,
        "resource_limit_exceeded" => ErrorKind::Quota,
        "uniqueness_error" => ErrorKind::AlreadyExists,
        // `locked`: an action is running.
        "conflict" | "locked" | "resource_in_use" => ErrorKind::Conflict,
        "resource_unavailable" | "placement_error" => ErrorKind::Capacity,
        // The same text for a plan that is not offered there and for one that is sold out.
        "invalid_input" if text.contains("unsupported location") => ErrorKind::Capacity,
        "invalid_input" | "json_error" | "service_error" | "unsupported_error" => ErrorKind::InvalidRequest,
        "deprecated_api_endpoint" => {
            message.push_str(": Hetzner has removed this part of its API, use a newer version of this program");
            ErrorKind::Unsupported
        }
        "not_found" if names_the_subject(failure.subject, &text) => ErrorKind::NotFound,
        "rate_limit_exceeded" => ErrorKind::RateLimited,
        "maintenance" | "unavailable" | "server_error" | "bad_gateway" | "timeout" => ErrorKind::Unavailable,
        _ => return by_status(failure, message).code(error.code),
    };
    // One request is refilled each second, and no header says so.
    let wait = (kind == ErrorKind::RateLimited).then_some(Duration::from_secs(1));
    VendorError::new(kind, message).code(error.code).retry_after(wait)
}

/// "server not found" of a server, "firewall with ID '38' not found" of a firewall: an unknown route has the same code.
fn names_the_subject(subject: Subject, text: &str) -> bool {
    match subject {
        Subject::Host => text.contains("server"),
        Subject::Part => text.contains("firewall"),
        Subject::NewHost | Subject::Other => true,
    }
}

/// What a code without a meaning of its own is: never that something is gone.
fn by_status(failure: &Failure<'_>, message: String) -> VendorError {
    match kind_of_status(failure.status) {
        ErrorKind::NotFound => failure.by_status(),
        kind => VendorError::new(kind, message),
    }
}

impl Detail {
    /// The message, with the fields that are wrong.
    fn text(&self) -> String {
        let message = self.message.clone().unwrap_or_default();
        let fields = self.details.iter().flat_map(|details| details.fields.iter().flatten());
        let fields: Vec<String> = fields
            .map(|field| {
                format!(
                    "{}: {}",
                    field.name,
                    field.messages.as_deref().unwrap_or_default().join(", ")
                )
            })
            .collect();
        match fields.is_empty() {
            true => message,
            false => format!("{message} ({})", fields.join("; ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use provision_http::http::Method;
    use provision_testkit::tables::{classify, errors, errors_of};

    use super::*;

    fn body(code: &str, message: &str) -> String {
        format!(r#"{{"error":{{"code":"{code}","message":"{message}","details":null}}}}"#)
    }

    #[test]
    fn every_error_of_the_vendor_has_its_kind() {
        let table = [
            (401, "unauthorized", "unable to authenticate", ErrorKind::Unauthorized),
            (
                401,
                "token_readonly",
                "token is only allowed to perform GET requests",
                ErrorKind::Forbidden,
            ),
            (403, "forbidden", "insufficient permissions", ErrorKind::Forbidden),
            (
                403,
                "resource_limit_exceeded",
                "server limit exceeded",
                ErrorKind::Quota,
            ),
            (404, "not_found", "server not found", ErrorKind::NotFound),
            (404, "not_found", "server with ID '42' not found", ErrorKind::NotFound),
            (404, "not_found", "route not found", ErrorKind::UnexpectedResponse),
            (404, "something_new", "server not found", ErrorKind::UnexpectedResponse),
            (410, "something_new", "server is gone", ErrorKind::UnexpectedResponse),
            (
                409,
                "uniqueness_error",
                "server name is already used",
                ErrorKind::AlreadyExists,
            ),
            (
                409,
                "conflict",
                "the resource has changed during the request",
                ErrorKind::Conflict,
            ),
            (409, "resource_in_use", "firewall is in use", ErrorKind::Conflict),
            (422, "resource_in_use", "firewall is in use", ErrorKind::Conflict),
            (410, "deprecated_api_endpoint", "removed", ErrorKind::Unsupported),
            (
                412,
                "resource_unavailable",
                "error during placement",
                ErrorKind::Capacity,
            ),
            (422, "placement_error", "error during placement", ErrorKind::Capacity),
            (422, "invalid_input", "image not found", ErrorKind::InvalidRequest),
            (
                422,
                "invalid_input",
                "unsupported location for server type",
                ErrorKind::Capacity,
            ),
            (400, "json_error", "invalid json", ErrorKind::InvalidRequest),
            (422, "service_error", "service refused", ErrorKind::InvalidRequest),
            (422, "unsupported_error", "not supported", ErrorKind::InvalidRequest),
            (
                423,
                "locked",
                "cannot perform operation because resource is locked",
                ErrorKind::Conflict,
            ),
            (423, "protected", "server is protected", ErrorKind::Forbidden),
            (423, "resource_locked", "the resource is locked", ErrorKind::Forbidden),
            (
                429,
                "rate_limit_exceeded",
                "limit of 3600 requests per hour reached",
                ErrorKind::RateLimited,
            ),
            (403, "maintenance", "maintenance", ErrorKind::Unavailable),
            (503, "unavailable", "unavailable", ErrorKind::Unavailable),
            (500, "server_error", "fault", ErrorKind::Unavailable),
            (502, "bad_gateway", "gateway", ErrorKind::Unavailable),
            (504, "timeout", "timeout", ErrorKind::Unavailable),
            (409, "something_new", "new", ErrorKind::Conflict),
        ];
        for (status, code, message, kind) in table {
            errors(&VENDOR, &[(status, &body(code, message), kind)]);
        }
        errors(
            &VENDOR,
            &[
                (502, "<html>", ErrorKind::Unavailable),
                (404, "<html>not found</html>", ErrorKind::UnexpectedResponse),
                (404, "", ErrorKind::UnexpectedResponse),
                (404, r#"{"error":"server not found"}"#, ErrorKind::UnexpectedResponse),
                (404, r#"{"code":"not_found"}"#, ErrorKind::UnexpectedResponse),
                (410, "", ErrorKind::UnexpectedResponse),
            ],
        );
    }

    #[test]
    fn only_a_firewall_is_gone_when_a_firewall_is_not_found() {
        let (gone, route) = (
            body("not_found", "firewall with ID '38' not found"),
            body("not_found", "route not found"),
        );
        let rows: [(u16, &str, ErrorKind); 2] = [
            (404, &gone, ErrorKind::NotFound),
            (404, &route, ErrorKind::UnexpectedResponse),
        ];
        errors_of(&VENDOR, &Method::DELETE, Subject::Part, &rows);
        errors(&VENDOR, &[(404, &gone, ErrorKind::UnexpectedResponse)]);
    }

    #[test]
    fn a_part_of_the_api_that_was_removed_is_called_so() {
        let removed = body("deprecated_api_endpoint", "the endpoint was removed");
        let error = classify(&VENDOR, &Method::GET, Subject::Host, 410, &removed);
        assert_eq!(
            error.message,
            "the endpoint was removed: Hetzner has removed this part of its API, use a newer version of this program"
        );
    }

    #[test]
    fn the_field_that_is_wrong_is_named() {
        let wrong = r#"{"error":{"code":"invalid_input","message":"invalid input in field 'name'",
            "details":{"fields":[{"name":"name","messages":["is not a valid hostname"]}]}}}"#;
        let error = classify(&VENDOR, &Method::POST, Subject::NewHost, 422, wrong);
        assert_eq!(
            error.message,
            "invalid input in field 'name' (name: is not a valid hostname)"
        );
    }

    #[test]
    fn what_may_be_null_is_no_foreign_answer() {
        for details in [
            "null",
            r#"{"fields":null}"#,
            r#"{"fields":[{"name":"x","messages":null}]}"#,
            "{}",
        ] {
            let body = format!(r#"{{"error":{{"code":"locked","message":null,"details":{details}}}}}"#);
            errors(&VENDOR, &[(400, &body, ErrorKind::Conflict)]);
        }
    }
}
