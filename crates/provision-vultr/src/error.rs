use provision_core::ErrorKind;
use provision_http::{Failure, Vendor, VendorError, kind_of_status};
use serde::Deserialize;

use crate::request::CREATE;

/// How Vultr reports errors. It names no request id; a 429 comes with `Retry-After` in seconds.
pub(crate) const VENDOR: Vendor = Vendor {
    provider: "vultr",
    title: "Vultr",
    request_id_headers: &[],
    rate_limit_reset_header: None,
    classify,
};

#[derive(Deserialize)]
struct Body {
    error: String,
}

/// There are no machine-readable codes, and the same status stands for different things: the text decides, by parts of it
/// in any case, because wordings have changed over the years.
fn classify(failure: &Failure<'_>) -> VendorError {
    let Some(Body { error }) = failure.json::<Body>() else {
        return match failure.status {
            // "Gone" is only what the cloud itself says, not a gateway or a mistyped endpoint.
            404 | 410 => VendorError::new(
                ErrorKind::UnexpectedResponse,
                "the answer is not one of Vultr's API: check the endpoint",
            ),
            _ => failure.by_status(),
        };
    };
    let text = error.to_ascii_lowercase();
    let has = |part: &str| text.contains(part);
    let create = failure.operation == CREATE;
    let kind = match failure.status {
        401 if has("unauthorized ip") => {
            let hint = "the API key is not to be used from this address: add it in the console under Account > API > Access Control";
            return VendorError::new(
                ErrorKind::Unauthorized,
                format!("{}: {hint}", error.trim_end_matches('.')),
            );
        }
        status @ (401 | 429) => kind_of_status(status),
        // An older text for a deletion that was asked for before; its status is UNCONFIRMED.
        _ if has("already pending destruction") => ErrorKind::NotFound,
        // While an instance is being installed: "Unable to destroy server: ... Server is currently locked", as a 500.
        _ if has("currently locked") => ErrorKind::Conflict,
        // For plans that are sold out in a region and for those that were never sold there.
        400 | 403 if create && has("not available") => ErrorKind::Capacity,
        // "You have reached the maximum number of active virtual machines for this account"; 400 or 403 UNCONFIRMED.
        400 | 403 if create && (has("maximum number") || has("limit")) => ErrorKind::Quota,
        // Something that the request names, not a host.
        404 if create => ErrorKind::InvalidRequest,
        status => kind_of_status(status),
    };
    VendorError::new(kind, error)
}

#[cfg(test)]
mod tests {
    use provision_http::http::HeaderMap;

    use super::*;

    fn classified(operation: &'static str, status: u16, body: &str) -> VendorError {
        let headers = HeaderMap::new();
        classify(&Failure {
            operation,
            subject: provision_http::Subject::Host,
            method: &provision_http::http::Method::GET,
            status,
            headers: &headers,
            body: body.as_bytes(),
        })
    }

    fn said(operation: &'static str, status: u16, text: &str) -> ErrorKind {
        let body = format!(r#"{{"error":"{text}","status":{status}}}"#);
        classified(operation, status, &body).kind
    }

    #[test]
    fn every_error_of_the_vendor_has_its_kind() {
        const LOCKED: &str = "Unable to destroy server: Unable to remove VM: Server is currently locked";
        const QUOTA: &str = "You have reached the maximum number of active virtual machines for this account";
        use ErrorKind::{
            Capacity, Conflict, Forbidden, InvalidRequest, NotFound, Quota, RateLimited, Unauthorized, Unavailable,
        };
        let table = [
            ("get instance", 401, "Invalid API token.", Unauthorized),
            (
                "get instance",
                401,
                "Unauthorized IP address: 203.0.113.9",
                Unauthorized,
            ),
            ("get instance", 403, "Forbidden", Forbidden),
            ("get instance", 404, "Invalid instance-id.", NotFound),
            ("delete instance", 404, "Invalid instance-id.", NotFound),
            ("delete instance", 500, LOCKED, Conflict),
            (
                "delete instance",
                500,
                "Server is already pending destruction",
                NotFound,
            ),
            (
                "delete instance",
                400,
                "This subscription is already pending destruction.",
                NotFound,
            ),
            ("delete instance", 500, "Internal server error", Unavailable),
            (CREATE, 400, "Invalid plan chosen.", InvalidRequest),
            (CREATE, 400, "Invalid region.", InvalidRequest),
            (CREATE, 400, "Invalid os_id.", InvalidRequest),
            (CREATE, 400, "Bad request.", InvalidRequest),
            (CREATE, 404, "Invalid sshkey_id.", InvalidRequest),
            (CREATE, 400, "plan is not available in the selected region", Capacity),
            (CREATE, 400, QUOTA, Quota),
            (CREATE, 403, QUOTA, Quota),
            (CREATE, 400, "Instance limit reached", Quota),
            (CREATE, 403, "Forbidden", Forbidden),
            (CREATE, 429, "Rate limit reached", RateLimited),
            (CREATE, 500, "Unable to create server", Unavailable),
            ("list instances", 400, "Limit is not a number", InvalidRequest),
        ];
        for (operation, status, text, kind) in table {
            assert_eq!(said(operation, status, text), kind, "{operation} {status} {text}");
        }
    }

    #[test]
    fn answers_of_others_are_never_gone() {
        let table = [
            (404, ErrorKind::UnexpectedResponse),
            (410, ErrorKind::UnexpectedResponse),
            (401, ErrorKind::Unauthorized),
            (429, ErrorKind::RateLimited),
            (502, ErrorKind::Unavailable),
        ];
        for (status, kind) in table {
            for body in ["<html>gateway</html>", "", r#"{"message":"no route"}"#] {
                assert_eq!(
                    classified("delete instance", status, body).kind,
                    kind,
                    "{status} {body}"
                );
            }
        }
    }

    #[test]
    fn an_address_that_may_not_use_the_key_is_told_from_a_wrong_key() {
        let message = |text| {
            let body = format!(r#"{{"error":"{text}","status":401}}"#);
            classified("get instance", 401, &body).message
        };
        let refused = message("Unauthorized IP address: 203.0.113.9");
        assert!(
            refused.contains("203.0.113.9") && refused.contains("Access Control"),
            "{refused}"
        );
        assert!(!message("Invalid API token.").contains("Access Control"));
    }
}
