use std::time::Duration;

use provision_core::ErrorKind;
use provision_http::{Failure, Subject, Vendor, VendorError, kind_of_status};
use serde::Deserialize;

/// How Scaleway reports errors.
pub(crate) const VENDOR: Vendor =
    Vendor::new("scaleway", "Scaleway", classify).with_request_id_headers(&["x-request-id"]);

/// The wait after a 429, which names none: what Scaleway's own clients begin with.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// A flat object whose further fields depend on the type; any of them may be null. Source:
/// <https://github.com/scaleway/scaleway-sdk-go/blob/master/scw/errors.go>
#[derive(Deserialize)]
struct Body {
    #[serde(rename = "type")]
    kind: String,
    message: Option<String>,
    resource: Option<String>,
    resource_id: Option<String>,
    reason: Option<String>,
    help_message: Option<String>,
    current_state: Option<String>,
    details: Option<Vec<Detail>>,
}

/// Of `invalid_arguments` the first three, of `permissions_denied` the next two, of `quotas_exceeded` the last.
#[derive(Deserialize)]
struct Detail {
    argument_name: Option<String>,
    reason: Option<String>,
    help_message: Option<String>,
    resource: Option<String>,
    action: Option<String>,
}

impl Detail {
    fn text(self) -> String {
        let words = [
            self.argument_name.map(|name| format!("{name}:")),
            self.help_message.or(self.reason),
            self.action,
            self.resource,
        ];
        words.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

impl Body {
    /// What is not there. Only a thing that the request names by its id can be gone, and only when the answer says so of a
    /// thing of its kind, with an id.
    fn not_found(&self, subject: Subject) -> Option<ErrorKind> {
        let resource = self.resource.as_deref();
        let is_it = match subject {
            Subject::Host => resource == Some("instance_server"),
            // UNCONFIRMED: the exact word for a security group.
            Subject::Part => resource.is_some_and(|word| word.ends_with("volume") || word.ends_with("security_group")),
            // Something that the request names, such as an image; the client takes it for that.
            Subject::NewHost | Subject::Other => return Some(ErrorKind::NotFound),
        };
        match resource {
            Some(_) if is_it && self.resource_id.is_some() => Some(ErrorKind::NotFound),
            Some(_) if !is_it => Some(ErrorKind::InvalidRequest),
            _ => None,
        }
    }

    fn text(self) -> String {
        let mut facts: Vec<String> = self.details.into_iter().flatten().map(Detail::text).collect();
        let more = [
            self.resource,
            self.resource_id,
            self.reason,
            self.help_message,
            self.current_state,
        ];
        facts.extend(more.into_iter().flatten());
        let message = self.message.unwrap_or_default();
        match facts.is_empty() {
            true => message,
            false => format!("{message} ({})", facts.join("; ")),
        }
    }
}

fn classify(failure: &Failure<'_>) -> VendorError {
    let error = match failure.json::<Body>() {
        None => failure.by_status(),
        Some(body) => read(failure, body),
    };
    match error.kind {
        // The gateway's answer has neither a body nor `Retry-After`.
        ErrorKind::RateLimited => error.retry_after(Some(FIRST_WAIT)),
        _ => error,
    }
}

fn read(failure: &Failure<'_>, body: Body) -> VendorError {
    let exhausted = |message: &str| message.to_ascii_lowercase().contains("quota exceeded");
    let kind = match body.kind.as_str() {
        "denied_authentication" => Some(ErrorKind::Unauthorized),
        "permissions_denied" | "locked" => Some(ErrorKind::Forbidden),
        "quotas_exceeded" => Some(ErrorKind::Quota),
        "invalid_request_error" if body.message.as_deref().is_some_and(exhausted) => Some(ErrorKind::Quota),
        "out_of_stock" => Some(ErrorKind::Capacity),
        // UNCONFIRMED: that a zone which does not exist is an `unknown_resource`.
        "not_found" | "resource_expired" | "unknown_resource" => body.not_found(failure.subject),
        "transient_state" | "precondition_failed" | "conflict" => Some(ErrorKind::Conflict),
        "invalid_arguments" => Some(ErrorKind::InvalidRequest),
        _ => Some(kind_of_status(failure.status)).filter(|kind| *kind != ErrorKind::NotFound),
    };
    let code = body.kind.clone();
    match kind {
        Some(kind) => VendorError::new(kind, body.text()).code(code),
        None => VendorError::new(ErrorKind::UnexpectedResponse, "").not_about_it(),
    }
}

#[cfg(test)]
mod tests {
    use provision_http::http::Method;
    use provision_testkit::tables::{self, classify};

    use super::*;

    #[test]
    fn every_error_of_the_vendor_has_its_kind() {
        tables::errors(
            &VENDOR,
            &[
                (
                    401,
                    r#"{"type":"denied_authentication","message":"authentication is denied","method":"api_key","reason":"not_found"}"#,
                    ErrorKind::Unauthorized,
                ),
                (
                    403,
                    r#"{"details":[{"action":"read","resource":"snapshot"}],"message":"insufficient permissions","type":"permissions_denied"}"#,
                    ErrorKind::Forbidden,
                ),
                (
                    403,
                    r#"{"type":"quotas_exceeded","message":"quota exceeded","resource":"cp_servers_type_DEV1_S","quota":2,"current":2}"#,
                    ErrorKind::Quota,
                ),
                (
                    403,
                    r#"{"type":"quotas_exceeded","message":"quotas exceeded","details":[{"resource":"cp_servers","quota":2,"current":2}]}"#,
                    ErrorKind::Quota,
                ),
                (
                    403,
                    r#"{"type":"quotas_exceeded","message":"quotas exceeded","details":null}"#,
                    ErrorKind::Quota,
                ),
                (
                    403,
                    r#"{"type":"invalid_request_error","message":"Quota exceeded for this resource."}"#,
                    ErrorKind::Quota,
                ),
                (
                    400,
                    r#"{"type":"invalid_arguments","message":"invalid argument(s)","details":[{"argument_name":"commercial_type","reason":"required"}]}"#,
                    ErrorKind::InvalidRequest,
                ),
                (
                    400,
                    r#"{"type":"precondition_failed","message":"precondition failed","precondition":"resource_still_in_use","help_message":"instance should be powered off","details":null}"#,
                    ErrorKind::Conflict,
                ),
                (
                    412,
                    r#"{"type":"precondition_failed","message":null}"#,
                    ErrorKind::Conflict,
                ),
                (
                    409,
                    r#"{"type":"transient_state","message":"busy","resource":"instance_server","current_state":"starting"}"#,
                    ErrorKind::Conflict,
                ),
                (
                    409,
                    r#"{"message": "Group is in use. You cannot delete it.", "type": "conflict"}"#,
                    ErrorKind::Conflict,
                ),
                (
                    403,
                    r#"{"type":"locked","message":"resource is locked"}"#,
                    ErrorKind::Forbidden,
                ),
                (
                    412,
                    r#"{"type":"out_of_stock","message":"resource is out of stock","resource":"L40S-1-48G"}"#,
                    ErrorKind::Capacity,
                ),
                (429, "", ErrorKind::RateLimited),
                (500, r#"{"type":"internal","message":"fault"}"#, ErrorKind::Unavailable),
                (503, "upstream connect error", ErrorKind::Unavailable),
            ],
        );
    }

    #[test]
    fn a_host_is_gone_only_in_words_about_a_server_with_its_id() {
        let server = r#"{"type":"not_found","message":"resource is not found","resource":"instance_server","resource_id":"x","details":null}"#;
        let expired = r#"{"type":"resource_expired","message":"resource is expired","resource":"instance_server","resource_id":"x"}"#;
        tables::errors(
            &VENDOR,
            &[
                (404, server, ErrorKind::NotFound),
                (410, expired, ErrorKind::NotFound),
                (
                    404,
                    r#"{"type":"not_found","message":"resource is not found","resource":"instance_server"}"#,
                    ErrorKind::UnexpectedResponse,
                ),
                (
                    404,
                    r#"{"type":"not_found","message":"resource is not found"}"#,
                    ErrorKind::UnexpectedResponse,
                ),
                (
                    404,
                    r#"{"type":"not_found","message":"resource is not found","resource":"instance_image","resource_id":"x"}"#,
                    ErrorKind::InvalidRequest,
                ),
                (
                    404,
                    r#"{"type":"not_found","message":"resource is not found","resource":"zone","resource_id":"xx-yyy-9"}"#,
                    ErrorKind::InvalidRequest,
                ),
                (
                    404,
                    r#"{"type":"unknown_resource","message":"\"x\" not found"}"#,
                    ErrorKind::UnexpectedResponse,
                ),
                (
                    404,
                    r#"{"type":"whatever","message":"no"}"#,
                    ErrorKind::UnexpectedResponse,
                ),
                (404, r#"{"error":"not found"}"#, ErrorKind::UnexpectedResponse),
                (410, r#"{"message":"retired"}"#, ErrorKind::UnexpectedResponse),
                (404, "<html>no such page</html>", ErrorKind::UnexpectedResponse),
                (404, "", ErrorKind::UnexpectedResponse),
            ],
        );
        let group = r#"{"type":"not_found","message":"resource is not found","resource":"instance_security_group","resource_id":"x"}"#;
        let parts = [
            (404, group, ErrorKind::NotFound),
            (404, server, ErrorKind::InvalidRequest),
            (404, "", ErrorKind::UnexpectedResponse),
        ];
        tables::errors_of(&VENDOR, &Method::DELETE, Subject::Part, &parts);
    }

    #[test]
    fn a_rate_limit_without_a_body_still_says_how_long_to_wait() {
        let limited = classify(&VENDOR, &Method::GET, Subject::Host, 429, "");
        assert_eq!(limited.retry_after, Some(FIRST_WAIT));
    }

    #[test]
    fn the_argument_that_is_wrong_is_named() {
        let body = r#"{"type":"invalid_arguments","message":"invalid argument(s)","details":[
            {"argument_name":"placement_group","reason":"constraint","help_message":"not a valid value"}]}"#;
        assert_eq!(
            classify(&VENDOR, &Method::POST, Subject::NewHost, 400, body).message,
            "invalid argument(s) (placement_group: not a valid value)"
        );
    }
}
