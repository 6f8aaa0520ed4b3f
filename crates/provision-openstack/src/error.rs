use std::collections::BTreeMap;

use provision_core::ErrorKind;
use provision_http::{Failure, Subject, Vendor, VendorError, kind_of_status};
use serde::Deserialize;

/// How OpenStack's services report errors: <https://docs.openstack.org/api-guide/compute/faults.html>,
/// <https://docs.openstack.org/api-ref/network/v2/#response-codes>; the words are those that a real cloud of 2026-11 gave.
pub(crate) const VENDOR: Vendor = Vendor::new("openstack", "OpenStack", classify)
    .with_request_id_headers(&["x-openstack-request-id", "x-compute-request-id"]);

/// `{"itemNotFound": {"code": 404, "message": ".."}}` of Nova, `{"NeutronError": {"type": "..", "message": ".."}}` of Neutron,
/// `{"error": {"code": 401, "message": ".."}}` of Keystone and of whatever checks tokens.
#[derive(Deserialize)]
struct Fault {
    #[serde(rename = "type")]
    kind: Option<String>,
    message: String,
    #[serde(rename = "retryAfter")]
    retry_after: Option<u64>,
}

fn classify(failure: &Failure<'_>) -> VendorError {
    let Some((name, fault)) = failure.json::<BTreeMap<String, Fault>>().and_then(only) else {
        return failure.by_status();
    };
    let code = fault.kind.unwrap_or(name);
    let (status, message) = (failure.status, fault.message.trim());
    let kind = match code.as_str() {
        _ if status == 401 => ErrorKind::Unauthorized,
        _ if status == 429 => ErrorKind::RateLimited,
        "OverQuota" => ErrorKind::Quota,
        // Nova's refusals are told apart by their words alone; old ones come with 413.
        "forbidden" | "overLimit" if message.starts_with("Quota exceeded") => ErrorKind::Quota,
        "overLimit" => ErrorKind::RateLimited,
        // The network has no free address.
        "IpAddressGenerationFailure" | "ExternalIpAddressExhausted" => ErrorKind::Capacity,
        "SecurityGroupRuleExists" => ErrorKind::AlreadyExists,
        // A part of the create that somebody removed in between: it is made anew.
        "badRequest" if message.starts_with("Port ") && message.ends_with("could not be found.") => ErrorKind::Conflict,
        _ if status == 404 => return missing(failure.subject, &code, message),
        _ => kind_of_status(status),
    };
    let wait = fault.retry_after.map(std::time::Duration::from_secs);
    VendorError::new(kind, message).code(code).retry_after(wait)
}

fn only(mut faults: BTreeMap<String, Fault>) -> Option<(String, Fault)> {
    let first = faults.pop_first();
    first.filter(|_| faults.is_empty())
}

/// What is missing is the very thing that the request names only if the words are about such a thing.
fn missing(subject: Subject, code: &str, message: &str) -> VendorError {
    let gone = match (subject, code) {
        (Subject::Host, "itemNotFound") => message.starts_with("Instance ") && message.contains("could not be found"),
        (Subject::Part, "PortNotFound" | "SecurityGroupNotFound" | "FloatingIPNotFound") => true,
        _ => false,
    };
    match gone {
        true => VendorError::new(ErrorKind::NotFound, message).code(code),
        // Of an order: an image, a network or a group that it names.
        false if matches!(subject, Subject::NewHost | Subject::Other) && code.ends_with("NotFound") => {
            VendorError::new(ErrorKind::InvalidRequest, message).code(code)
        }
        false => VendorError::new(ErrorKind::UnexpectedResponse, message)
            .code(code)
            .not_about_it(),
    }
}

#[cfg(test)]
mod tests {
    use provision_http::http::Method;
    use provision_testkit::tables::{classify, errors, errors_of};

    use super::*;

    const INSTANCE: &str = r#"{"itemNotFound": {"code": 404, "message": "Instance 7e1104d3-9dea-4c9c-ad91-9d84139edc8f could not be found."}}"#;
    const PORT: &str =
        r#"{"NeutronError": {"type": "PortNotFound", "message": "Port 2406949f could not be found.", "detail": ""}}"#;

    fn nova(name: &str, message: &str) -> String {
        format!(r#"{{"{name}": {{"code": 400, "message": "{message}"}}}}"#)
    }

    fn neutron(kind: &str) -> String {
        format!(r#"{{"NeutronError": {{"type": "{kind}", "message": "No.", "detail": ""}}}}"#)
    }

    #[test]
    fn every_refusal_of_a_create_has_its_kind() {
        let quota = "Quota exceeded for instances: Requested 1, but already used 10 of 10 instances";
        let table = [
            (
                400,
                nova("badRequest", "Flavor nope could not be found."),
                ErrorKind::InvalidRequest,
            ),
            (
                400,
                nova("badRequest", "Can not find requested image"),
                ErrorKind::InvalidRequest,
            ),
            (
                400,
                nova("badRequest", "Port 2406949f could not be found."),
                ErrorKind::Conflict,
            ),
            (403, nova("forbidden", quota), ErrorKind::Quota),
            (413, nova("overLimit", quota), ErrorKind::Quota),
            (
                413,
                nova("overLimit", "This request was rate-limited."),
                ErrorKind::RateLimited,
            ),
            (403, nova("forbidden", "Policy does not allow it"), ErrorKind::Forbidden),
            (
                409,
                nova("conflictingRequest", "Multiple possible networks found"),
                ErrorKind::Conflict,
            ),
            (
                500,
                nova("computeFault", "Unexpected API Error."),
                ErrorKind::Unavailable,
            ),
            (
                401,
                nova("error", "The request you have made requires authentication."),
                ErrorKind::Unauthorized,
            ),
            (429, nova("overLimit", "Slow down"), ErrorKind::RateLimited),
            (409, neutron("OverQuota"), ErrorKind::Quota),
            (409, neutron("IpAddressGenerationFailure"), ErrorKind::Capacity),
            (409, neutron("SecurityGroupInUse"), ErrorKind::Conflict),
            (409, neutron("SecurityGroupRuleExists"), ErrorKind::AlreadyExists),
            (403, neutron("PolicyNotAuthorized"), ErrorKind::Forbidden),
            (404, neutron("NetworkNotFound"), ErrorKind::InvalidRequest),
            (404, neutron("SecurityGroupNotFound"), ErrorKind::InvalidRequest),
        ];
        for (status, body, kind) in table {
            errors_of(&VENDOR, &Method::POST, Subject::NewHost, &[(status, &body, kind)]);
            errors_of(&VENDOR, &Method::POST, Subject::Other, &[(status, &body, kind)]);
        }
    }

    #[test]
    fn only_the_cloud_s_word_about_the_very_thing_means_gone() {
        errors(
            &VENDOR,
            &[
                (404, INSTANCE, ErrorKind::NotFound),
                (404, PORT, ErrorKind::UnexpectedResponse),
                (
                    404,
                    &nova("itemNotFound", "The resource could not be found."),
                    ErrorKind::UnexpectedResponse,
                ),
                (
                    404,
                    r#"{"error": {"code": 404, "message": "Not Found", "title": "Not Found"}}"#,
                    ErrorKind::UnexpectedResponse,
                ),
                (404, "404 page not found", ErrorKind::UnexpectedResponse),
                (404, "<html>not found</html>", ErrorKind::UnexpectedResponse),
                (404, "", ErrorKind::UnexpectedResponse),
                (404, "{}", ErrorKind::UnexpectedResponse),
                (410, "", ErrorKind::UnexpectedResponse),
                (502, "<html>gateway</html>", ErrorKind::Unavailable),
                (429, "", ErrorKind::RateLimited),
            ],
        );
        let part = [
            (404, PORT, ErrorKind::NotFound),
            (404, INSTANCE, ErrorKind::UnexpectedResponse),
            (404, "", ErrorKind::UnexpectedResponse),
        ];
        errors_of(&VENDOR, &Method::DELETE, Subject::Part, &part);
    }

    #[test]
    fn code_text_and_wait_are_kept() {
        let read = |body| classify(&VENDOR, &Method::POST, Subject::NewHost, 413, body);
        let error = read(r#"{"overLimit": {"code": 413, "message": "Too many.", "retryAfter": 7}}"#);
        assert_eq!(error.code.as_deref(), Some("overLimit"));
        assert_eq!(error.retry_after, Some(std::time::Duration::from_secs(7)));
        let error = classify(&VENDOR, &Method::POST, Subject::Other, 409, &neutron("OverQuota"));
        assert_eq!(
            (error.code.as_deref(), error.message.as_str()),
            (Some("OverQuota"), "No.")
        );
    }
}
