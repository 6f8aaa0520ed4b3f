use provision_core::{Error, ErrorKind};
use provision_http::{Failure, Vendor, VendorError, kind_of_status};
use serde::Deserialize;

use crate::request::{CREATE, DELETE, READ};

/// How Equinix Metal reports errors.
pub(crate) const VENDOR: Vendor = Vendor {
    provider: "packet",
    title: "Packet",
    request_id_headers: &["x-request-id"],
    // https://github.com/packethost/packngo/blob/master/packngo.go; whether 429 comes with `Retry-After` is UNCONFIRMED.
    rate_limit_reset_header: Some("x-ratelimit-reset"),
    classify,
};

/// Either one text or a list of them; there are no codes.
/// <https://github.com/equinix/equinix-sdk-go/blob/v0.66.0/spec/services/metalv1/oas3.fetched/components/schemas/Error.yaml>
#[derive(Deserialize)]
struct Body {
    error: Option<String>,
    errors: Option<Vec<String>>,
}

impl Body {
    fn text(self) -> Option<String> {
        let texts: Vec<String> = self.error.into_iter().chain(self.errors.unwrap_or_default()).collect();
        (!texts.is_empty()).then(|| texts.join("; "))
    }
}

fn classify(failure: &Failure<'_>) -> VendorError {
    let Some(message) = failure.json::<Body>().and_then(Body::text) else {
        return match failure.status {
            // A proxy's page, not the API: says nothing about a device. To be expected of a service that is closed.
            404 | 410 => VendorError::new(
                ErrorKind::UnexpectedResponse,
                "there is no Equinix Metal API at that address: check the setting `endpoint`",
            ),
            _ => failure.by_status(),
        };
    };
    let text = message.to_ascii_lowercase();
    let says_locked = || {
        text.split(|c: char| !c.is_ascii_alphabetic())
            .any(|word| word == "locked")
    };
    let kind = match failure.status {
        // Long ago a bad token was answered with 404.
        404 if text.contains("authentication token") => ErrorKind::Unauthorized,
        404 if matches!(failure.operation, READ | DELETE) => ErrorKind::NotFound,
        // The project, never the host.
        404 => ErrorKind::InvalidRequest,
        // A resource of the API that was withdrawn, never a device.
        410 => ErrorKind::UnexpectedResponse,
        // 503 is UNCONFIRMED.
        422 | 503 if is_sold_out(&text) => ErrorKind::Capacity,
        // Status and wording UNCONFIRMED.
        403 | 422 if failure.operation == CREATE && is_quota(&text) => ErrorKind::Quota,
        422 if text.contains("while it is") => ErrorKind::Conflict,
        // The status is UNCONFIRMED. Somebody locked the device: that does not pass by itself.
        422 if failure.operation == DELETE && says_locked() => ErrorKind::Forbidden,
        status => kind_of_status(status),
    };
    let message = match (kind, failure.status) {
        (ErrorKind::InvalidRequest, 404) => format!("{message} (check the settings `project` and `endpoint`)"),
        (ErrorKind::Forbidden, _) if failure.operation == DELETE && says_locked() => {
            format!("{message} (somebody locked the device against deletion: unlock it)")
        }
        _ => message,
    };
    VendorError::new(kind, message)
}

/// "There aren't available servers in that metro", "... at any facility", "The facility ewr1 has no provisionable
/// g2.large.x86 servers matching your criteria" (<https://github.com/kubermatic/kubermatic/issues/7834>).
fn is_sold_out(text: &str) -> bool {
    text.contains("available servers") || (text.contains("no provisionable") && text.contains("servers"))
}

fn is_quota(text: &str) -> bool {
    let limit = ["limit", "quota", "maximum number"]
        .iter()
        .any(|word| text.contains(word));
    limit && ["device", "server", "instance"].iter().any(|word| text.contains(word))
}

/// Whether a deletion was refused because an earlier one is at work; UNCONFIRMED, in the words of the other states.
pub(crate) fn is_being_deleted(error: &Error) -> bool {
    error.kind() == ErrorKind::Conflict && error.message().contains("while it is deprovisioning")
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
        use ErrorKind as Kind;
        let list = "list devices";
        let table = [
            (READ, 401, "Invalid authentication token", Kind::Unauthorized),
            (READ, 404, "Invalid authentication token", Kind::Unauthorized),
            (READ, 403, "You are not authorized to view this device", Kind::Forbidden),
            (
                DELETE,
                403,
                "You are not authorized to delete this device",
                Kind::Forbidden,
            ),
            (READ, 404, "Not found", Kind::NotFound),
            (DELETE, 404, "Not found", Kind::NotFound),
            (list, 404, "Not found", Kind::InvalidRequest),
            (CREATE, 404, "Not found", Kind::InvalidRequest),
            (READ, 410, "This resource was removed", Kind::UnexpectedResponse),
            (CREATE, 422, "Facility can't be blank", Kind::InvalidRequest),
            (
                CREATE,
                422,
                "There aren't available servers in that metro",
                Kind::Capacity,
            ),
            (
                CREATE,
                503,
                "There aren't available servers at any facility",
                Kind::Capacity,
            ),
            (
                CREATE,
                422,
                "The facility ewr1 has no provisionable g2.large.x86 servers matching your criteria",
                Kind::Capacity,
            ),
            (CREATE, 422, "You have reached your device limit", Kind::Quota),
            (CREATE, 403, "The project's device quota is used up", Kind::Quota),
            (CREATE, 403, "You are not authorized to create devices", Kind::Forbidden),
            (
                DELETE,
                422,
                "Cannot delete a device while it is provisioning",
                Kind::Conflict,
            ),
            (DELETE, 422, "Cannot delete a locked device", Kind::Forbidden),
            (DELETE, 403, "The device is locked", Kind::Forbidden),
            (CREATE, 422, "The address is blocked", Kind::InvalidRequest),
            (list, 429, "Too many requests", Kind::RateLimited),
            (list, 500, "Oh snap, something went wrong!", Kind::Unavailable),
            (list, 503, "Service unavailable", Kind::Unavailable),
        ];
        for (operation, status, message, kind) in table {
            for body in [
                format!(r#"{{"error":"{message}"}}"#),
                format!(r#"{{"errors":["{message}"]}}"#),
            ] {
                let error = classified(operation, status, &body);
                assert_eq!(error.kind, kind, "{operation}: {status} {body}");
                assert!(error.message.starts_with(message), "{}", error.message);
            }
        }
    }

    #[test]
    fn an_answer_that_is_not_the_api_s_is_never_a_host_that_is_gone() {
        let table = [
            (404, "<html>not found</html>", ErrorKind::UnexpectedResponse),
            (404, "", ErrorKind::UnexpectedResponse),
            (404, r#"{"message":"no Route matched"}"#, ErrorKind::UnexpectedResponse),
            (404, r#"{"errors":[]}"#, ErrorKind::UnexpectedResponse),
            (410, "gone", ErrorKind::UnexpectedResponse),
            (401, "", ErrorKind::Unauthorized),
            (403, "<html>denied</html>", ErrorKind::Forbidden),
            (429, "", ErrorKind::RateLimited),
            (503, "<html>gateway</html>", ErrorKind::Unavailable),
        ];
        for (status, body, kind) in table {
            for operation in [READ, DELETE] {
                assert_eq!(classified(operation, status, body).kind, kind, "{status} {body}");
            }
        }
    }

    #[test]
    fn several_texts_are_all_shown() {
        let body = r#"{"errors":["Plan can't be blank","Hostname is invalid"]}"#;
        assert_eq!(
            classified(CREATE, 422, body).message,
            "Plan can't be blank; Hostname is invalid"
        );
    }

    #[test]
    fn a_second_deletion_is_told_from_one_that_comes_too_early() {
        let busy = |text: &str| is_being_deleted(&Error::new(ErrorKind::Conflict, text));
        assert!(busy("Cannot delete a device while it is deprovisioning; try again"));
        assert!(!busy("Cannot delete a device while it is provisioning"));
        assert!(!is_being_deleted(&Error::new(
            ErrorKind::InvalidRequest,
            "while it is deprovisioning"
        )));
    }
}
