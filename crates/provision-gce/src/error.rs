use std::time::Duration;

use provision_core::ErrorKind;
use provision_http::{Failure, Vendor, VendorError, kind_of_status};
use serde::Deserialize;

/// How Compute Engine reports errors: <https://cloud.google.com/compute/docs/reference/rest/v1#errors>. No header names
/// the request.
pub(crate) const VENDOR: Vendor = Vendor {
    provider: "gce",
    title: "Google Cloud",
    request_id_headers: &[],
    rate_limit_reset_header: None,
    classify,
};

/// How the token endpoint reports errors (RFC 6749, section 5.2).
pub(crate) const TOKEN_VENDOR: Vendor = Vendor {
    classify: classify_token,
    ..VENDOR
};

/// Rate limits are refilled at the start of each minute and come without a `Retry-After`:
/// <https://cloud.google.com/compute/api-quota>
const RATE_LIMIT_WAIT: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
struct Body {
    error: Detail,
}

#[derive(Deserialize)]
struct Detail {
    #[serde(default)]
    message: String,
    #[serde(default)]
    errors: Vec<Item>,
    /// Only in newer failures.
    status: Option<String>,
    #[serde(default)]
    details: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    reason: Option<String>,
}

fn classify(failure: &Failure<'_>) -> VendorError {
    let Some(Body { error }) = failure.json::<Body>() else {
        return waiting(failure.by_status());
    };
    let reason = error.errors.iter().find_map(|item| item.reason.as_deref());
    let detail = |wanted: &str| error.details.iter().any(|item| item.reason.as_deref() == Some(wanted));
    let message = error.message.as_str();
    let kind = match reason.unwrap_or_default() {
        "rateLimitExceeded" | "userRateLimitExceeded" => ErrorKind::RateLimited,
        "quotaExceeded" => ErrorKind::Quota,
        "authError" => ErrorKind::Unauthorized,
        // "Permission denied on 'locations/x' (or it may not exist)": a zone that the organisation forbids, or a typo.
        "forbidden" if detail("LOCATION_POLICY_VIOLATED") || message.contains("'locations/") => {
            ErrorKind::InvalidRequest
        }
        "forbidden" | "accessNotConfigured" => ErrorKind::Forbidden,
        "alreadyExists" => ErrorKind::AlreadyExists,
        "conditionNotMet" | "resourceInUseByAnotherResource" | "resourceNotReady" => ErrorKind::Conflict,
        "notFound" if failure.operation == "create instance" || !names_a_thing(message) => ErrorKind::InvalidRequest,
        // UNCONFIRMED: whether a sold-out zone is ever told in the answer instead of in the operation.
        _ if failure.status == 503 && message.contains("does not have enough resources") => ErrorKind::Capacity,
        _ => kind_of_status(failure.status),
    };
    let mut found = VendorError::new(kind, message);
    found.code = reason.map(str::to_owned).or(error.status);
    waiting(found)
}

fn waiting(mut error: VendorError) -> VendorError {
    error.retry_after = (error.kind == ErrorKind::RateLimited).then_some(RATE_LIMIT_WAIT);
    error
}

/// Whether a 404 is about a thing inside a zone, region or project. One about the project or zone itself
/// ("The resource 'projects/p' was not found") says nothing about the host: it must never be taken for gone.
fn names_a_thing(message: &str) -> bool {
    let path = message.split('\'').find(|part| part.starts_with("projects/"));
    path.is_none_or(|path| path.split('/').count() > 4)
}

#[derive(Deserialize)]
struct TokenBody {
    error: String,
    #[serde(default)]
    error_description: String,
}

fn classify_token(failure: &Failure<'_>) -> VendorError {
    let Some(body) = failure.json::<TokenBody>() else {
        return waiting(failure.by_status());
    };
    let kind = match body.error.as_str() {
        // Also answered when this machine's clock is off.
        "invalid_grant" | "invalid_client" | "unauthorized_client" | "invalid_scope" => ErrorKind::Unauthorized,
        _ => kind_of_status(failure.status),
    };
    waiting(VendorError::new(kind, body.error_description).code(body.error))
}

/// What the code of a failed operation means. Codes from memory are marked UNCONFIRMED; an unknown code is `None`.
pub(crate) fn kind_of_operation(code: &str) -> Option<ErrorKind> {
    Some(match code {
        "QUOTA_EXCEEDED" => ErrorKind::Quota,
        _ if code.starts_with("ZONE_RESOURCE_POOL_EXHAUSTED") => ErrorKind::Capacity,
        "RESOURCE_NOT_FOUND" | "INVALID_FIELD_VALUE" | "INVALID_USAGE" => ErrorKind::InvalidRequest,
        "INTERNAL_ERROR" => ErrorKind::Unavailable,
        // UNCONFIRMED, all four:
        "PERMISSIONS_ERROR" => ErrorKind::Forbidden,
        "RATE_LIMIT_EXCEEDED" | "RESOURCE_OPERATION_RATE_EXCEEDED" => ErrorKind::RateLimited,
        "RESOURCE_ALREADY_EXISTS" => ErrorKind::AlreadyExists,
        "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE" => ErrorKind::Conflict,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use provision_http::http::HeaderMap;

    use super::*;

    fn failure(operation: &'static str, status: u16, body: &str, read: fn(&Failure<'_>) -> VendorError) -> VendorError {
        read(&Failure {
            operation,
            subject: provision_http::Subject::Host,
            method: &provision_http::http::Method::GET,
            status,
            headers: &HeaderMap::new(),
            body: body.as_bytes(),
        })
    }

    fn answer(status: u16, reason: &str, message: &str) -> String {
        format!(
            r#"{{"error":{{"code":{status},"message":"{message}","errors":[{{"message":"{message}","domain":"global","reason":"{reason}"}}]}}}}"#
        )
    }

    const GONE: &str = "The resource 'projects/p1/zones/us-central1-a/instances/web1' was not found";

    #[test]
    fn every_error_of_the_vendor_has_its_kind() {
        let table = [
            (401, "authError", "Invalid Credentials", ErrorKind::Unauthorized),
            (
                403,
                "forbidden",
                "Required 'compute.instances.create' permission for 'x'",
                ErrorKind::Forbidden,
            ),
            (
                403,
                "accessNotConfigured",
                "Compute Engine API has not been used",
                ErrorKind::Forbidden,
            ),
            (
                403,
                "forbidden",
                "Permission denied on 'locations/x' (or it may not exist)",
                ErrorKind::InvalidRequest,
            ),
            (404, "notFound", GONE, ErrorKind::NotFound),
            (
                404,
                "notFound",
                "The resource 'projects/p1' was not found",
                ErrorKind::InvalidRequest,
            ),
            (
                404,
                "notFound",
                "The resource 'projects/p1/zones/z' was not found",
                ErrorKind::InvalidRequest,
            ),
            (
                400,
                "invalid",
                "Invalid value for field 'zone': 'x'. Unknown zone.",
                ErrorKind::InvalidRequest,
            ),
            (400, "required", "Required field", ErrorKind::InvalidRequest),
            (400, "badRequest", "bad", ErrorKind::InvalidRequest),
            (403, "quotaExceeded", "Quota 'CPUS' exceeded.", ErrorKind::Quota),
            (403, "rateLimitExceeded", "Rate Limit Exceeded", ErrorKind::RateLimited),
            (
                403,
                "userRateLimitExceeded",
                "User Rate Limit Exceeded",
                ErrorKind::RateLimited,
            ),
            (429, "other", "Too many", ErrorKind::RateLimited),
            (409, "alreadyExists", "already exists", ErrorKind::AlreadyExists),
            (412, "conditionNotMet", "fingerprint", ErrorKind::Conflict),
            (400, "resourceInUseByAnotherResource", "in use", ErrorKind::Conflict),
            (400, "resourceNotReady", "not ready", ErrorKind::Conflict),
            (
                503,
                "backendError",
                "The zone 'z' does not have enough resources available",
                ErrorKind::Capacity,
            ),
            (503, "backendError", "Backend Error", ErrorKind::Unavailable),
            (500, "internalError", "Internal Error", ErrorKind::Unavailable),
        ];
        for (status, reason, message, kind) in table {
            let error = failure("get instance", status, &answer(status, reason, message), classify);
            assert_eq!(error.kind, kind, "{status} {reason} {message}");
            assert_eq!(error.retry_after.is_some(), kind == ErrorKind::RateLimited, "{reason}");
        }
        assert_eq!(failure("x", 502, "<html>", classify).kind, ErrorKind::Unavailable);
        assert!(failure("x", 429, "", classify).retry_after.is_some());
    }

    #[test]
    fn a_404_on_create_is_about_image_or_project() {
        let image = "The resource 'projects/x/global/images/family/y' was not found";
        let error = failure("create instance", 404, &answer(404, "notFound", image), classify);
        assert_eq!(error.kind, ErrorKind::InvalidRequest);
    }

    #[test]
    fn a_forbidden_location_is_told_by_its_details() {
        let body = r#"{"error":{"code":403,"message":"no","status":"PERMISSION_DENIED","errors":[{"reason":"forbidden"}],
            "details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"LOCATION_POLICY_VIOLATED"}]}}"#;
        assert_eq!(failure("x", 403, body, classify).kind, ErrorKind::InvalidRequest);
    }

    #[test]
    fn the_token_endpoint_has_its_own_form() {
        let table = [
            (400, "invalid_grant", ErrorKind::Unauthorized),
            (401, "invalid_client", ErrorKind::Unauthorized),
            (400, "invalid_scope", ErrorKind::Unauthorized),
            (400, "unsupported_grant_type", ErrorKind::InvalidRequest),
            (503, "unavailable", ErrorKind::Unavailable),
        ];
        for (status, code, kind) in table {
            let body = format!(r#"{{"error":"{code}","error_description":"Invalid JWT Signature."}}"#);
            assert_eq!(failure("x", status, &body, classify_token).kind, kind, "{code}");
        }
        assert_eq!(failure("x", 503, "<html>", classify_token).kind, ErrorKind::Unavailable);
    }

    #[test]
    fn codes_of_operations_have_their_kinds() {
        let table = [
            ("QUOTA_EXCEEDED", Some(ErrorKind::Quota)),
            ("ZONE_RESOURCE_POOL_EXHAUSTED", Some(ErrorKind::Capacity)),
            ("ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS", Some(ErrorKind::Capacity)),
            ("RESOURCE_NOT_FOUND", Some(ErrorKind::InvalidRequest)),
            ("INVALID_FIELD_VALUE", Some(ErrorKind::InvalidRequest)),
            ("PERMISSIONS_ERROR", Some(ErrorKind::Forbidden)),
            ("RESOURCE_OPERATION_RATE_EXCEEDED", Some(ErrorKind::RateLimited)),
            ("RESOURCE_ALREADY_EXISTS", Some(ErrorKind::AlreadyExists)),
            ("RESOURCE_IN_USE_BY_ANOTHER_RESOURCE", Some(ErrorKind::Conflict)),
            ("INTERNAL_ERROR", Some(ErrorKind::Unavailable)),
            ("SOMETHING_NEW", None),
        ];
        for (code, kind) in table {
            assert_eq!(kind_of_operation(code), kind, "{code}");
        }
    }
}
