use provision_core::ErrorKind;
use provision_http::{Failure, Vendor, VendorError, kind_of_status};
use serde::Deserialize;

/// How Civo reports errors. No client of Civo's knows a request id or a rate limit header.
pub(crate) const VENDOR: Vendor = Vendor {
    provider: "civo",
    title: "Civo",
    request_id_headers: &["x-request-id"],
    rate_limit_reset_header: None,
    classify,
};

/// Every field may be missing: there are errors with `result` or a numeric `status` alone.
#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    code: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    details: String,
    #[serde(default)]
    result: String,
    status: Option<u16>,
}

/// The code counts for more than the status: a key that is not known is answered with 404, as is an unknown image.
/// Codes: <https://github.com/civo/civogo/blob/master/errors.go>, read 2026-11-20.
fn classify(failure: &Failure<'_>) -> VendorError {
    let Some(body) = failure.json::<Body>() else {
        return VendorError::new(by_status(failure, false), "");
    };
    let kind = match body.code.as_str() {
        _ if body.result == "requires_authentication" => ErrorKind::Unauthorized,
        "authentication_access_denied" => ErrorKind::Forbidden,
        "database_account_not_found" => ErrorKind::Unauthorized,
        code if code.starts_with("authentication_") => ErrorKind::Unauthorized,
        "account_not_enabled_inc_card" | "account_not_enabled_without_card" | "disabled_service" => {
            ErrorKind::Forbidden
        }
        _ if failure.status == 429 => ErrorKind::RateLimited,
        "database_instance_find" if is_about_an_instance(failure) => ErrorKind::NotFound,
        "database_firewall_not_found" if is_about_a_firewall(failure) => ErrorKind::NotFound,
        "quota_limit_reached" => ErrorKind::Quota,
        "database_quota_lock_failed" => ErrorKind::Conflict,
        "out_of_capacity" => ErrorKind::Capacity,
        "instance_duplicate" | "database_instance_duplicate_name" => ErrorKind::AlreadyExists,
        "firewall_duplicate" | "database_firewall_duplicate_name" | "database_firewall_exists" => {
            ErrorKind::AlreadyExists
        }
        code if code.contains("_inuse_") || code.contains("_used_by_") || code.starts_with("instance_state_") => {
            ErrorKind::Conflict
        }
        // Seen with 500 while a firewall was in use: https://github.com/civo/terraform-provider-civo/issues/138
        "database_firewall_delete_failed" | "database_firewall_deleted_failed" => ErrorKind::Conflict,
        "region_unavailable" => ErrorKind::InvalidRequest,
        code if code.starts_with("parameter_") || code.ends_with("_id_invalid") => ErrorKind::InvalidRequest,
        "" if body.status == Some(500) => ErrorKind::Unavailable,
        _ => by_status(failure, true),
    };
    let texts = [body.reason.as_str(), body.details.as_str()];
    let texts: Vec<&str> = texts
        .into_iter()
        .map(|text| text.trim().trim_end_matches('.'))
        .filter(|text| !text.is_empty())
        .collect();
    let error = VendorError::new(kind, texts.join(": "));
    if body.code.is_empty() {
        error
    } else {
        error.code(body.code)
    }
}

/// A 404 is "gone" only where one thing is asked for by its id, and nothing readable says otherwise.
fn by_status(failure: &Failure<'_>, readable: bool) -> ErrorKind {
    match failure.status {
        404 | 410 if is_about_an_instance(failure) || is_about_a_firewall(failure) => {
            if readable {
                ErrorKind::UnexpectedResponse
            } else {
                ErrorKind::NotFound
            }
        }
        // Image, plan or network of a create, or a path that a wrong endpoint does not have.
        404 | 410 => ErrorKind::InvalidRequest,
        status => kind_of_status(status),
    }
}

fn is_about_an_instance(failure: &Failure<'_>) -> bool {
    matches!(failure.operation, "get instance" | "delete instance")
}

fn is_about_a_firewall(failure: &Failure<'_>) -> bool {
    matches!(failure.operation, "rename firewall" | "delete firewall")
}

#[cfg(test)]
mod tests {
    use provision_http::http::HeaderMap;

    use super::*;

    fn kind(operation: &'static str, status: u16, body: &str) -> ErrorKind {
        let headers = HeaderMap::new();
        let failure = Failure {
            operation,
            subject: provision_http::Subject::Host,
            method: &provision_http::http::Method::GET,
            status,
            headers: &headers,
            body: body.as_bytes(),
        };
        classify(&failure).kind
    }

    #[test]
    fn every_error_of_the_vendor_has_its_kind() {
        let table = [
            (404, "database_account_not_found", ErrorKind::Unauthorized),
            (401, "authentication_invalid_key", ErrorKind::Unauthorized),
            (401, "authentication_failed", ErrorKind::Unauthorized),
            (403, "authentication_access_denied", ErrorKind::Forbidden),
            (402, "account_not_enabled_inc_card", ErrorKind::Forbidden),
            (400, "account_not_enabled_without_card", ErrorKind::Forbidden),
            (404, "database_disk_image_not_found", ErrorKind::InvalidRequest),
            (400, "database_image_id_invalid", ErrorKind::InvalidRequest),
            (404, "database_size_not_found", ErrorKind::InvalidRequest),
            (404, "database_network_not_found", ErrorKind::InvalidRequest),
            (404, "database_template_not_found", ErrorKind::InvalidRequest),
            (500, "parameter_name_invalid", ErrorKind::InvalidRequest),
            (400, "region_unavailable", ErrorKind::InvalidRequest),
            (503, "region_unavailable", ErrorKind::InvalidRequest),
            (409, "quota_limit_reached", ErrorKind::Quota),
            (403, "quota_limit_reached", ErrorKind::Quota),
            (500, "database_quota_lock_failed", ErrorKind::Conflict),
            (503, "out_of_capacity", ErrorKind::Capacity),
            (409, "instance_duplicate", ErrorKind::AlreadyExists),
            (409, "database_instance_duplicate_name", ErrorKind::AlreadyExists),
            (409, "database_firewall_duplicate_name", ErrorKind::AlreadyExists),
            (409, "database_firewall_exists", ErrorKind::AlreadyExists),
            (409, "instance_state_must_be_active_or_shutoff", ErrorKind::Conflict),
            (409, "database_network_inuse_by_instance", ErrorKind::Conflict),
            (409, "database_firewall_inuse_by_instance", ErrorKind::Conflict),
            (409, "database_firewall_used_by_loadbalancer", ErrorKind::Conflict),
            (500, "database_firewall_deleted_failed", ErrorKind::Conflict),
            (429, "database_instance_find", ErrorKind::RateLimited),
            (500, "database_instance_create", ErrorKind::Unavailable),
        ];
        for (status, code, expected) in table {
            let body = format!(r#"{{"code":"{code}","reason":"No.","details":"record not found"}}"#);
            for operation in ["create instance", "get instance", "list instances", "delete instance"] {
                let found = kind(operation, status, &body);
                let unclear = status == 404
                    && expected == ErrorKind::InvalidRequest
                    && matches!(operation, "get instance" | "delete instance");
                let expected = if unclear {
                    ErrorKind::UnexpectedResponse
                } else {
                    expected
                };
                assert_eq!(found, expected, "{operation}: {status} {code}");
            }
        }
    }

    #[test]
    fn only_a_clear_answer_means_gone() {
        let find = r#"{"code":"database_instance_find","reason":"Failed to find the instance within the internal database","details":"record not found"}"#;
        let firewall = r#"{"code":"database_firewall_not_found","reason":"Failed to find the firewall"}"#;
        let table = [
            ("get instance", 404, find, ErrorKind::NotFound),
            ("delete instance", 404, find, ErrorKind::NotFound),
            ("delete instance", 404, "404 page not found", ErrorKind::NotFound),
            ("get instance", 404, "", ErrorKind::NotFound),
            ("get instance", 404, "{}", ErrorKind::UnexpectedResponse),
            (
                "get instance",
                404,
                r#"{"code":"database_account_not_found"}"#,
                ErrorKind::Unauthorized,
            ),
            (
                "delete instance",
                404,
                r#"{"result":"requires_authentication"}"#,
                ErrorKind::Unauthorized,
            ),
            (
                "get instance",
                401,
                r#"{"result":"requires_authentication"}"#,
                ErrorKind::Unauthorized,
            ),
            (
                "get instance",
                404,
                r#"{"code":"something_new","reason":"?"}"#,
                ErrorKind::UnexpectedResponse,
            ),
            ("get instance", 429, "Too Many Requests", ErrorKind::RateLimited),
            ("get instance", 400, r#"{"status":500}"#, ErrorKind::Unavailable),
            ("get instance", 502, "<html>gateway</html>", ErrorKind::Unavailable),
            ("list instances", 404, find, ErrorKind::InvalidRequest),
            ("list instances", 404, "404 page not found", ErrorKind::InvalidRequest),
            ("create instance", 404, find, ErrorKind::InvalidRequest),
            ("delete firewall", 404, firewall, ErrorKind::NotFound),
            ("rename firewall", 404, firewall, ErrorKind::NotFound),
            ("delete firewall", 404, "", ErrorKind::NotFound),
            ("delete firewall", 404, find, ErrorKind::UnexpectedResponse),
            ("create instance", 404, firewall, ErrorKind::InvalidRequest),
        ];
        for (operation, status, body, expected) in table {
            assert_eq!(kind(operation, status, body), expected, "{operation}: {status} {body}");
        }
    }
}
