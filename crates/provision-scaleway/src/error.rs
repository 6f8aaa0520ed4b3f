use std::time::Duration;

use provision_core::ErrorKind;
use provision_http::{Failure, Vendor, VendorError};
use serde::Deserialize;

/// How Scaleway reports errors.
pub(crate) const VENDOR: Vendor = Vendor {
    provider: "scaleway",
    title: "Scaleway",
    request_id_headers: &["x-request-id"],
    rate_limit_reset_header: None,
    classify,
};

/// The wait after a 429, which names none: what Scaleway's own clients begin with.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// A flat object whose further fields depend on the type. Source:
/// <https://github.com/scaleway/scaleway-sdk-go/blob/master/scw/errors.go>
#[derive(Deserialize)]
struct Body {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    message: String,
    resource: Option<String>,
    reason: Option<String>,
    help_message: Option<String>,
    current_state: Option<String>,
    #[serde(default)]
    details: Vec<Detail>,
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

fn classify(failure: &Failure<'_>) -> VendorError {
    let Some(body) = failure.json::<Body>() else {
        let mut error = failure.by_status();
        match error.kind {
            // The gateway answers a 429 with no body and no `Retry-After`.
            ErrorKind::RateLimited => error.retry_after = Some(FIRST_WAIT),
            // Scaleway says in JSON what is not found: anything else may be a proxy, and nothing is gone.
            ErrorKind::NotFound => {
                error.kind = ErrorKind::UnexpectedResponse;
                error.message = "not found, but not in Scaleway's words: check the endpoint".to_owned();
            }
            _ => {}
        }
        return error;
    };
    let creates = matches!(failure.operation, "create server" | "find image" | "get image");
    let quota = body.message.to_ascii_lowercase().contains("quota exceeded");
    let kind = match body.kind.as_str() {
        "denied_authentication" => ErrorKind::Unauthorized,
        "permissions_denied" | "locked" => ErrorKind::Forbidden,
        "quotas_exceeded" => ErrorKind::Quota,
        "invalid_request_error" if quota => ErrorKind::Quota,
        "out_of_stock" => ErrorKind::Capacity,
        // On a create a 404 is about the image, plan or project, never about the host.
        "not_found" | "resource_expired" if creates => ErrorKind::InvalidRequest,
        "not_found" if !is_ours(body.resource.as_deref()) => ErrorKind::InvalidRequest,
        "not_found" | "resource_expired" => ErrorKind::NotFound,
        // UNCONFIRMED: the type for an unknown zone; it is of the path, not of the server.
        "unknown_resource" => ErrorKind::InvalidRequest,
        "transient_state" | "precondition_failed" | "conflict" => ErrorKind::Conflict,
        "invalid_arguments" => ErrorKind::InvalidRequest,
        // A status alone never makes something gone.
        _ => match failure.by_status().kind {
            ErrorKind::NotFound => ErrorKind::UnexpectedResponse,
            kind => kind,
        },
    };
    let mut facts: Vec<String> = body.details.into_iter().map(Detail::text).collect();
    let more = [body.resource, body.reason, body.help_message, body.current_state];
    facts.extend(more.into_iter().flatten());
    let message = if facts.is_empty() {
        body.message
    } else {
        format!("{} ({})", body.message, facts.join("; "))
    };
    let mut error = VendorError::new(kind, message).code(body.kind);
    if kind == ErrorKind::RateLimited {
        error.retry_after = Some(FIRST_WAIT);
    }
    error
}

/// Whether what is not found is a thing of the Instance API: `instance_server`, `instance_volume`, ...
fn is_ours(resource: Option<&str>) -> bool {
    resource.is_none_or(|resource| resource.starts_with("instance_"))
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
                r#"{"type":"invalid_request_error","message":"Quota exceeded for this resource."}"#,
                ErrorKind::Quota,
            ),
            (
                404,
                r#"{"type":"not_found","message":"resource is not found","resource":"instance_server","resource_id":"x"}"#,
                ErrorKind::NotFound,
            ),
            (
                404,
                r#"{"type":"unknown_resource","message":"\"x\" not found"}"#,
                ErrorKind::InvalidRequest,
            ),
            (
                404,
                r#"{"type":"not_found","message":"resource is not found","resource":"zone","resource_id":"xx-yyy-9"}"#,
                ErrorKind::InvalidRequest,
            ),
            (404, "", ErrorKind::UnexpectedResponse),
            (404, "<html>no such page</html>", ErrorKind::UnexpectedResponse),
            (
                404,
                r#"{"type":"whatever","message":"no"}"#,
                ErrorKind::UnexpectedResponse,
            ),
            (
                400,
                r#"{"type":"invalid_arguments","message":"invalid argument(s)","details":[{"argument_name":"commercial_type","reason":"required"}]}"#,
                ErrorKind::InvalidRequest,
            ),
            (
                400,
                r#"{"type":"precondition_failed","message":"precondition failed","precondition":"resource_still_in_use","help_message":"instance should be powered off"}"#,
                ErrorKind::Conflict,
            ),
            (
                412,
                r#"{"type":"precondition_failed","message":"precondition failed"}"#,
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
                410,
                r#"{"type":"resource_expired","message":"resource is expired","resource":"instance_server"}"#,
                ErrorKind::NotFound,
            ),
            (
                412,
                r#"{"type":"out_of_stock","message":"resource is out of stock","resource":"L40S-1-48G"}"#,
                ErrorKind::Capacity,
            ),
            (429, "", ErrorKind::RateLimited),
            (500, r#"{"type":"internal","message":"fault"}"#, ErrorKind::Unavailable),
            (503, "upstream connect error", ErrorKind::Unavailable),
        ];
        for (status, body, kind) in table {
            assert_eq!(classified("get server", status, body).kind, kind, "{status} {body}");
        }
    }

    #[test]
    fn a_404_on_create_is_not_a_missing_host() {
        let body =
            r#"{"type":"not_found","message":"resource is not found","resource":"instance_image","resource_id":"x"}"#;
        for operation in ["create server", "get image"] {
            assert_eq!(classified(operation, 404, body).kind, ErrorKind::InvalidRequest);
        }
    }

    #[test]
    fn a_rate_limit_without_a_body_still_says_how_long_to_wait() {
        assert_eq!(classified("get server", 429, "").retry_after, Some(FIRST_WAIT));
    }

    #[test]
    fn the_argument_that_is_wrong_is_named() {
        let body = r#"{"type":"invalid_arguments","message":"invalid argument(s)","details":[
            {"argument_name":"placement_group","reason":"constraint","help_message":"not a valid value"}]}"#;
        assert_eq!(
            classified("create server", 400, body).message,
            "invalid argument(s) (placement_group: not a valid value)"
        );
    }
}
