use std::time::Duration;

use provision_core::ErrorKind;
use provision_http::{Failure, Subject, Vendor, VendorError, http::Method, kind_of_status};
use serde::Deserialize;

/// How Compute Engine reports errors: <https://cloud.google.com/compute/docs/reference/rest/v1#errors>. No header names
/// the request.
pub(crate) const VENDOR: Vendor = Vendor::new("gce", "Google Cloud", classify);

/// How the token endpoint reports errors (RFC 6749, section 5.2).
pub(crate) const TOKEN_VENDOR: Vendor = Vendor::new("gce", "Google", classify_token);

/// Rate limits are refilled at the start of each minute and come without a `Retry-After`:
/// <https://cloud.google.com/compute/api-quota>
const RATE_LIMIT_WAIT: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
struct Body {
    error: Detail,
}

#[derive(Deserialize)]
struct Detail {
    message: Option<String>,
    errors: Option<Vec<Item>>,
    /// Only in newer failures.
    status: Option<String>,
    details: Option<Vec<Item>>,
}

#[derive(Deserialize)]
struct Item {
    reason: Option<String>,
}

fn classify(failure: &Failure<'_>) -> VendorError {
    let Some(Body { error }) = failure.json::<Body>() else {
        return finished(failure.by_status());
    };
    let reason = error.errors.iter().flatten().find_map(|item| item.reason.clone());
    let mut details = error.details.iter().flatten();
    let location_forbidden = details.any(|item| item.reason.as_deref() == Some("LOCATION_POLICY_VIOLATED"));
    let message = error.message.unwrap_or_default();
    let kind = match reason.as_deref().unwrap_or_default() {
        // Something uses it, whatever the reason is called: it goes later.
        _ if failure.status == 409 && failure.method == Method::DELETE => ErrorKind::Conflict,
        "rateLimitExceeded" | "userRateLimitExceeded" => ErrorKind::RateLimited,
        "quotaExceeded" => ErrorKind::Quota,
        "authError" => ErrorKind::Unauthorized,
        // "Permission denied on 'locations/x' (or it may not exist)": a zone that the organisation forbids, or a typo.
        "forbidden" if location_forbidden || message.contains("'locations/") => ErrorKind::InvalidRequest,
        // 412 `conditionNotMet` is a policy of the organisation, "Constraint constraints/compute.vmExternalIpAccess violated":
        // it stays until somebody changes the policy. Fingerprints, which it is for as well, are not sent here.
        "forbidden" | "accessNotConfigured" | "conditionNotMet" => ErrorKind::Forbidden,
        "alreadyExists" => ErrorKind::AlreadyExists,
        "resourceInUseByAnotherResource" | "resourceNotReady" => ErrorKind::Conflict,
        "notFound" => match missing(&message) {
            Some(path) if is_the(failure.subject, path) => ErrorKind::NotFound,
            // Its project, its zone, or something that the request names: no host is gone because of that.
            Some(_) => ErrorKind::InvalidRequest,
            None => ErrorKind::UnexpectedResponse,
        },
        // UNCONFIRMED: whether a sold-out zone is ever told in the answer instead of in the operation.
        _ if failure.status == 503 && message.contains("does not have enough resources") => ErrorKind::Capacity,
        _ => by_status(failure.status),
    };
    let mut found = VendorError::new(kind, message);
    found.code = reason.or(error.status);
    finished(found)
}

/// What the status alone says: never that something is gone.
fn by_status(status: u16) -> ErrorKind {
    match kind_of_status(status) {
        ErrorKind::NotFound => ErrorKind::UnexpectedResponse,
        kind => kind,
    }
}

fn finished(mut error: VendorError) -> VendorError {
    error.foreign = error.kind == ErrorKind::UnexpectedResponse;
    error.retry_after = (error.kind == ErrorKind::RateLimited).then_some(RATE_LIMIT_WAIT);
    error
}

/// What is missing: `projects/p/zones/z/instances/i` in "The resource 'projects/p/zones/z/instances/i' was not found".
fn missing(message: &str) -> Option<&str> {
    let message = message.trim_end_matches('.');
    let path = message
        .strip_prefix("The resource '")?
        .strip_suffix("' was not found")?;
    path.starts_with("projects/").then_some(path)
}

/// Whether a path leads to what a request is about.
fn is_the(subject: Subject, path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    match (subject, parts.as_slice()) {
        (Subject::Host, ["projects", _, "zones", _, kind, _]) => *kind == "instances",
        (Subject::Part, ["projects", _, "zones", _, kind, _]) => *kind == "disks",
        (Subject::Part, ["projects", _, "regions", _, kind, _]) => *kind == "addresses",
        (Subject::Part, ["projects", _, "global", kind, _]) => *kind == "firewalls",
        _ => false,
    }
}

#[derive(Deserialize)]
struct TokenBody {
    error: String,
    error_description: Option<String>,
}

fn classify_token(failure: &Failure<'_>) -> VendorError {
    let Some(body) = failure.json::<TokenBody>() else {
        return finished(failure.by_status());
    };
    let kind = match body.error.as_str() {
        // Also answered when this machine's clock is off.
        "invalid_grant" | "invalid_client" | "unauthorized_client" | "invalid_scope" => ErrorKind::Unauthorized,
        _ => by_status(failure.status),
    };
    finished(VendorError::new(kind, body.error_description.unwrap_or_default()).code(body.error))
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
    use provision_testkit::tables;

    use super::*;

    fn answer(status: u16, reason: &str, message: &str) -> String {
        format!(
            r#"{{"error":{{"code":{status},"message":"{message}","errors":[{{"message":"{message}","domain":"global","reason":"{reason}"}}]}}}}"#
        )
    }

    fn gone(path: &str) -> String {
        answer(404, "notFound", &format!("The resource '{path}' was not found"))
    }

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
            (
                412,
                "conditionNotMet",
                "Constraint constraints/compute.vmExternalIpAccess violated for project 1",
                ErrorKind::Forbidden,
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
            let body = answer(status, reason, message);
            let error = tables::classify(&VENDOR, &Method::GET, Subject::Host, status, &body);
            assert_eq!(error.kind, kind, "{status} {reason} {message}");
            assert_eq!(error.retry_after.is_some(), kind == ErrorKind::RateLimited, "{reason}");
        }
        let bare = tables::classify(&VENDOR, &Method::GET, Subject::Host, 429, "");
        assert!(bare.retry_after.is_some());
    }

    #[test]
    fn only_words_about_the_thing_itself_say_that_it_is_gone() {
        const INSTANCE: &str = "projects/p1/zones/us-central1-a/instances/web1";
        const DISK: &str = "projects/p1/zones/us-central1-a/disks/web1";
        const ADDRESS: &str = "projects/p1/regions/us-central1/addresses/web1";
        const RULE: &str = "projects/p1/global/firewalls/web1-fw";
        let (host, part) = (Subject::Host, Subject::Part);
        let (gone_kind, other) = (ErrorKind::NotFound, ErrorKind::InvalidRequest);
        for (subject, path, kind) in [
            (host, INSTANCE, gone_kind),
            (part, DISK, gone_kind),
            (part, ADDRESS, gone_kind),
            (part, RULE, gone_kind),
            (host, DISK, other),
            (part, INSTANCE, other),
            (host, "projects/p1", other),
            (host, "projects/p1/zones/us-central1-a", other),
            (part, "projects/p1/zones/us-central1-a", other),
            (Subject::NewHost, "projects/x/global/images/family/y", other),
            (Subject::Other, "projects/p1", other),
        ] {
            tables::errors_of(&VENDOR, &Method::GET, subject, &[(404, &gone(path), kind)]);
        }
        let unexpected = ErrorKind::UnexpectedResponse;
        for (status, body) in [
            (404, "<html><title>Error 404 (Not Found)!!1</title></html>"),
            (404, ""),
            (404, r#"{"error":"not found"}"#),
            (404, r#"{"message":"no Route matched with those values"}"#),
            (
                404,
                r#"{"error":{"code":404,"message":"Requested entity was not found.","status":"NOT_FOUND"}}"#,
            ),
            (404, &answer(404, "notFound", "Not Found")),
            (410, &answer(410, "gone", "The API is no longer there")),
        ] {
            for subject in [host, part, Subject::NewHost, Subject::Other] {
                tables::errors_of(&VENDOR, &Method::DELETE, subject, &[(status, body, unexpected)]);
            }
            assert!(
                tables::classify(&VENDOR, &Method::GET, host, status, body).foreign,
                "{body}"
            );
        }
    }

    #[test]
    fn what_is_in_use_goes_later() {
        let rows = ["resourceInUseByAnotherResource", "conflict", "alreadyExists"];
        for reason in rows {
            let body = answer(409, reason, "in use");
            tables::errors_of(
                &VENDOR,
                &Method::DELETE,
                Subject::Part,
                &[(409, &body, ErrorKind::Conflict)],
            );
        }
    }

    #[test]
    fn a_forbidden_location_is_told_by_its_details() {
        let body = r#"{"error":{"code":403,"message":"no","status":"PERMISSION_DENIED","errors":[{"reason":"forbidden"}],
            "details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"LOCATION_POLICY_VIOLATED"}]}}"#;
        tables::errors(&VENDOR, &[(403, body, ErrorKind::InvalidRequest)]);
        let nulls = r#"{"error":{"code":403,"message":null,"errors":null,"details":null}}"#;
        tables::errors(&VENDOR, &[(403, nulls, ErrorKind::Forbidden)]);
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
            tables::errors_of(&TOKEN_VENDOR, &Method::POST, Subject::Other, &[(status, &body, kind)]);
        }
        let rows = [
            (503, "<html>", ErrorKind::Unavailable),
            (404, "<html>", ErrorKind::UnexpectedResponse),
            (404, "", ErrorKind::UnexpectedResponse),
            (
                404,
                r#"{"error":"not_found","error_description":"service account not found"}"#,
                ErrorKind::UnexpectedResponse,
            ),
        ];
        tables::errors_of(&TOKEN_VENDOR, &Method::POST, Subject::Other, &rows);
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
