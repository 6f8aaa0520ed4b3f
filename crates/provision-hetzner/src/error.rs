use std::time::Duration;

use provision_core::ErrorKind;
use provision_http::{Failure, Vendor, VendorError, kind_of_status};
use serde::Deserialize;

/// How Hetzner Cloud reports errors.
pub(crate) const VENDOR: Vendor = Vendor {
    provider: "hetzner",
    title: "Hetzner Cloud",
    request_id_headers: &["x-correlation-id"],
    // `ratelimit-reset` tells when the bucket is full again, up to an hour ahead; one request is refilled every second,
    // so that it would be far too long a wait.
    rate_limit_reset_header: None,
    classify,
};

#[derive(Deserialize)]
struct Body {
    error: Detail,
}

#[derive(Deserialize)]
struct Detail {
    code: String,
    #[serde(default)]
    message: String,
    details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    #[serde(default)]
    fields: Vec<Field>,
}

#[derive(Deserialize)]
struct Field {
    name: String,
    #[serde(default)]
    messages: Vec<String>,
}

fn classify(failure: &Failure<'_>) -> VendorError {
    let Some(Body { error }) = failure.json::<Body>() else {
        return failure.by_status();
    };
    let text = error.message.to_ascii_lowercase();
    let kind = match error.code.as_str() {
        "unauthorized" => ErrorKind::Unauthorized,
        // Answered with 401, but the token itself is good.
        "token_readonly" | "forbidden" | "protected" => ErrorKind::Forbidden,
        "resource_limit_exceeded" => ErrorKind::Quota,
        "uniqueness_error" => ErrorKind::AlreadyExists,
        "conflict" | "locked" | "resource_in_use" => ErrorKind::Conflict,
        "resource_unavailable" | "placement_error" => ErrorKind::Capacity,
        // The same text for a plan that is not offered there and for one that is sold out.
        "invalid_input" if text.contains("unsupported location") => ErrorKind::Capacity,
        // On a create a 404 is about the image, plan or location, never about the host.
        "not_found" if failure.operation == "create server" => ErrorKind::InvalidRequest,
        "invalid_input" | "json_error" | "service_error" | "unsupported_error" => ErrorKind::InvalidRequest,
        "not_found" => ErrorKind::NotFound,
        "rate_limit_exceeded" => ErrorKind::RateLimited,
        "maintenance" | "unavailable" | "server_error" | "bad_gateway" | "timeout" => ErrorKind::Unavailable,
        _ => kind_of_status(failure.status),
    };
    // One request is refilled each second, and no header says so.
    let retry_after = (kind == ErrorKind::RateLimited).then_some(Duration::from_secs(1));
    let fields: Vec<String> = error
        .details
        .map(|details| details.fields)
        .unwrap_or_default()
        .into_iter()
        .map(|field| format!("{}: {}", field.name, field.messages.join(", ")))
        .collect();
    let message = if fields.is_empty() {
        error.message
    } else {
        format!("{} ({})", error.message, fields.join("; "))
    };
    VendorError {
        retry_after,
        ..VendorError::new(kind, message).code(error.code)
    }
}

#[cfg(test)]
mod tests {
    use provision_http::http::HeaderMap;

    use super::*;

    fn classified(operation: &'static str, status: u16, body: &str) -> VendorError {
        classify(&Failure {
            operation,
            subject: provision_http::Subject::Host,
            method: &provision_http::http::Method::GET,
            status,
            headers: &HeaderMap::new(),
            body: body.as_bytes(),
        })
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
            (410, "deprecated_api_endpoint", "gone", ErrorKind::NotFound),
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
            let body = format!(r#"{{"error":{{"code":"{code}","message":"{message}","details":null}}}}"#);
            assert_eq!(
                classified("delete server", status, &body).kind,
                kind,
                "{status} {code} {message}"
            );
        }
        assert_eq!(classified("get server", 502, "<html>").kind, ErrorKind::Unavailable);
    }

    #[test]
    fn the_field_that_is_wrong_is_named() {
        let body = r#"{"error":{"code":"invalid_input","message":"invalid input in field 'name'",
            "details":{"fields":[{"name":"name","messages":["is not a valid hostname"]}]}}}"#;
        let error = classified("create server", 422, body);
        assert_eq!(
            error.message,
            "invalid input in field 'name' (name: is not a valid hostname)"
        );
    }

    #[test]
    fn a_404_on_create_is_not_a_missing_host() {
        let body = r#"{"error":{"code":"not_found","message":"image not found"}}"#;
        assert_eq!(classified("create server", 404, body).kind, ErrorKind::InvalidRequest);
    }
}
