use provision_core::ErrorKind;
use provision_http::{Failure, Subject, Vendor, VendorError, kind_of_status};
use serde::Deserialize;

/// How Civo reports errors. No client of Civo's knows a request id or a rate limit header.
pub(crate) const VENDOR: Vendor = Vendor::new("civo", "Civo", classify).with_request_id_headers(&["x-request-id"]);

/// Every field may be missing or null: there are errors with `result` or a numeric `status` alone. A key may have a capital.
#[derive(Deserialize)]
struct Body {
    #[serde(alias = "Code")]
    code: Option<String>,
    #[serde(alias = "Reason")]
    reason: Option<String>,
    #[serde(alias = "Details")]
    details: Option<String>,
    #[serde(alias = "Result")]
    result: Option<String>,
    status: Option<u16>,
}

impl Body {
    fn text(&self) -> String {
        let texts = [&self.reason, &self.details].into_iter().flatten();
        let texts = texts.map(|text| text.trim().trim_end_matches('.'));
        texts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join(": ")
    }
}

/// The code counts for more than the status: a key that is not known is answered with 404, as is an unknown image.
/// Codes: <https://github.com/civo/civogo/blob/master/errors.go>, read 2026-11-20.
fn classify(failure: &Failure<'_>) -> VendorError {
    let Some(body) = failure.json::<Body>() else {
        return failure.by_status();
    };
    let code = body.code.as_deref().unwrap_or_default();
    let kind = match code {
        _ if body.result.as_deref() == Some("requires_authentication") => ErrorKind::Unauthorized,
        "" if body.status == Some(500) => ErrorKind::Unavailable,
        "" => return without_code(failure, &body),
        "authentication_access_denied" => ErrorKind::Forbidden,
        "database_account_not_found" => ErrorKind::Unauthorized,
        _ if code.starts_with("authentication_") => ErrorKind::Unauthorized,
        "account_not_enabled_inc_card" | "account_not_enabled_without_card" | "disabled_service" => {
            ErrorKind::Forbidden
        }
        _ if failure.status == 429 => ErrorKind::RateLimited,
        "quota_limit_reached" => ErrorKind::Quota,
        "database_quota_lock_failed" => ErrorKind::Conflict,
        "out_of_capacity" => ErrorKind::Capacity,
        "instance_duplicate" | "database_instance_duplicate_name" => ErrorKind::AlreadyExists,
        "firewall_duplicate" | "database_firewall_duplicate_name" | "database_firewall_exists" => {
            ErrorKind::AlreadyExists
        }
        _ if code.contains("_inuse_") || code.contains("_used_by_") || code.starts_with("instance_state_") => {
            ErrorKind::Conflict
        }
        // Seen with 500 while a firewall was in use: https://github.com/civo/terraform-provider-civo/issues/138
        "database_firewall_delete_failed" | "database_firewall_deleted_failed" => ErrorKind::Conflict,
        "region_unavailable" => ErrorKind::InvalidRequest,
        _ if code.starts_with("parameter_") || code.ends_with("_id_invalid") => ErrorKind::InvalidRequest,
        _ if matches!(failure.status, 404 | 410) => return missing(failure, &body, code),
        _ => kind_of_status(failure.status),
    };
    VendorError::new(kind, body.text()).code(code)
}

fn without_code(failure: &Failure<'_>, body: &Body) -> VendorError {
    let mut error = failure.by_status();
    error.message = body.text();
    error
}

/// What is missing is the very thing that the request names only if the code says so.
fn missing(failure: &Failure<'_>, body: &Body, code: &str) -> VendorError {
    let error = |kind| VendorError::new(kind, body.text()).code(code);
    match (failure.subject, code) {
        (Subject::Host, "database_instance_find" | "database_instance_not_found")
        | (Subject::Part, "database_firewall_not_found") => error(ErrorKind::NotFound),
        // Image, plan or network of a create.
        (Subject::NewHost | Subject::Other, _) if code.starts_with("database_") => error(ErrorKind::InvalidRequest),
        (_, _) if code.starts_with("database_") => error(ErrorKind::UnexpectedResponse),
        _ => error(ErrorKind::UnexpectedResponse).not_about_it(),
    }
}

#[cfg(test)]
mod tests {
    use provision_http::{Subject, http::Method};
    use provision_testkit::tables::{classify, errors, errors_of};

    use super::*;

    const INSTANCE: &str = r#"{"code":"database_instance_find","reason":"Failed to find the instance within the internal database","details":"record not found"}"#;
    const FIREWALL: &str = r#"{"code":"database_firewall_not_found","reason":"Failed to find the firewall"}"#;

    fn of(code: &str) -> String {
        format!(r#"{{"code":"{code}","reason":"No.","details":"record not found"}}"#)
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
            (404, "database_firewall_not_found", ErrorKind::InvalidRequest),
            (404, "database_instance_find", ErrorKind::InvalidRequest),
            (500, "parameter_name_invalid", ErrorKind::InvalidRequest),
            (400, "region_unavailable", ErrorKind::InvalidRequest),
            (503, "region_unavailable", ErrorKind::InvalidRequest),
            (404, "region_unavailable", ErrorKind::InvalidRequest),
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
        for (status, code, kind) in table {
            errors_of(&VENDOR, &Method::POST, Subject::NewHost, &[(status, &of(code), kind)]);
            errors_of(&VENDOR, &Method::GET, Subject::Other, &[(status, &of(code), kind)]);
        }
    }

    #[test]
    fn only_civo_s_word_about_the_very_host_means_gone() {
        errors(
            &VENDOR,
            &[
                (404, INSTANCE, ErrorKind::NotFound),
                (404, &of("database_instance_not_found"), ErrorKind::NotFound),
                (500, INSTANCE, ErrorKind::Unavailable),
                (404, "404 page not found", ErrorKind::UnexpectedResponse),
                (404, "<html>not found</html>", ErrorKind::UnexpectedResponse),
                (404, "", ErrorKind::UnexpectedResponse),
                (410, "", ErrorKind::UnexpectedResponse),
                (404, "{}", ErrorKind::UnexpectedResponse),
                (404, r#"{"error":"not found"}"#, ErrorKind::UnexpectedResponse),
                (
                    404,
                    r#"{"code":"not_found","reason":"?"}"#,
                    ErrorKind::UnexpectedResponse,
                ),
                (404, r#"{"code":5,"reason":"?"}"#, ErrorKind::UnexpectedResponse),
                (404, &of("database_network_not_found"), ErrorKind::UnexpectedResponse),
                (404, FIREWALL, ErrorKind::UnexpectedResponse),
                (404, &of("region_unavailable"), ErrorKind::InvalidRequest),
                (404, &of("database_account_not_found"), ErrorKind::Unauthorized),
                (404, r#"{"result":"requires_authentication"}"#, ErrorKind::Unauthorized),
                (401, r#"{"result":"requires_authentication"}"#, ErrorKind::Unauthorized),
                (429, "Too Many Requests", ErrorKind::RateLimited),
                (400, r#"{"status":500}"#, ErrorKind::Unavailable),
                (502, "<html>gateway</html>", ErrorKind::Unavailable),
            ],
        );
        let firewall = [
            (404, FIREWALL, ErrorKind::NotFound),
            (404, "", ErrorKind::UnexpectedResponse),
            (404, INSTANCE, ErrorKind::UnexpectedResponse),
        ];
        errors_of(&VENDOR, &Method::DELETE, Subject::Part, &firewall);
        let list = [(404, "404 page not found", ErrorKind::UnexpectedResponse)];
        errors_of(&VENDOR, &Method::GET, Subject::Other, &list);
    }

    #[test]
    fn null_and_capital_keys_are_read() {
        let read = |body| classify(&VENDOR, &Method::POST, Subject::NewHost, 409, body);
        let null = read(r#"{"code":"quota_limit_reached","reason":"Too many.","details":null}"#);
        let capital = read(r#"{"Code":"quota_limit_reached","Reason":"Too many.","Details":"CPU"}"#);
        assert_eq!((null.kind, null.message.as_str()), (ErrorKind::Quota, "Too many"));
        assert_eq!(
            (capital.kind, capital.message.as_str()),
            (ErrorKind::Quota, "Too many: CPU")
        );
        assert_eq!(capital.code.as_deref(), Some("quota_limit_reached"));
    }
}
