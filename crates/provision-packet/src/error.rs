use provision_core::{Error, ErrorKind};
use provision_http::{Failure, Subject, Vendor, VendorError, http::Method, kind_of_status};
use serde::Deserialize;

/// How Equinix Metal reports errors.
pub(crate) const VENDOR: Vendor = Vendor::new("packet", "Packet", classify)
    .with_request_id_headers(&["x-request-id"])
    // https://github.com/packethost/packngo/blob/master/packngo.go; whether 429 comes with `Retry-After` is UNCONFIRMED.
    .with_rate_limit_reset_header("x-ratelimit-reset");

/// Either one text or a list of them; there are no codes.
/// <https://github.com/equinix/equinix-sdk-go/blob/v0.66.0/spec/services/metalv1/oas3.fetched/components/schemas/Error.yaml>
#[derive(Deserialize)]
struct Body {
    error: Option<String>,
    errors: Option<Vec<String>>,
}

impl Body {
    fn texts(&self) -> Vec<&str> {
        let texts = self.error.iter().chain(self.errors.iter().flatten());
        texts.map(String::as_str).collect()
    }

    /// Whether it says that there is no such device: in words about a device, or "Not found" in the list, whose exact text is
    /// UNCONFIRMED. `{"status":404,"error":"Not Found"}` is what many a server says of a path. One that repeats the path is
    /// about the path.
    fn says_gone(&self) -> bool {
        let of_device = |text: &str| {
            let text = text.to_ascii_lowercase();
            let missing = ["not found", "not be found", "not exist"];
            text.contains("device") && !text.contains('/') && missing.iter().any(|words| text.contains(words))
        };
        let bare = |text: &String| text.trim_end_matches('.').eq_ignore_ascii_case("not found");
        self.errors.iter().flatten().any(bare) || self.texts().into_iter().any(of_device)
    }
}

fn classify(failure: &Failure<'_>) -> VendorError {
    let Some(body) = failure.json::<Body>().filter(|body| !body.texts().is_empty()) else {
        return failure.by_status();
    };
    let message = body.texts().join("; ");
    let text = message.to_ascii_lowercase();
    let of_host = failure.subject == Subject::Host;
    let deletes = of_host && *failure.method == Method::DELETE;
    let creates = failure.subject == Subject::NewHost;
    let says_locked = || {
        text.split(|c: char| !c.is_ascii_alphabetic())
            .any(|word| word == "locked")
    };
    let kind = match failure.status {
        // Long ago a bad token was answered with 404.
        404 if text.contains("authentication token") => ErrorKind::Unauthorized,
        404 if of_host && !body.says_gone() => return unrelated(message),
        // A part of the API that was withdrawn, never a device.
        410 => return unrelated(message),
        // 503 is UNCONFIRMED.
        422 | 503 if is_sold_out(&text) => ErrorKind::Capacity,
        // Status and wording UNCONFIRMED.
        403 | 422 if creates && is_quota(&text) => ErrorKind::Quota,
        422 if text.contains("while it is") => ErrorKind::Conflict,
        // The status is UNCONFIRMED. Somebody locked the device: that does not pass by itself.
        422 if deletes && says_locked() => ErrorKind::Forbidden,
        status => kind_of_status(status),
    };
    let message = match (kind, failure.status) {
        // The project, never the host.
        (_, 404) if !of_host => format!("{message} (check the settings `project` and `endpoint`)"),
        (ErrorKind::Forbidden, _) if deletes && says_locked() => {
            format!("{message} (somebody locked the device against deletion: unlock it)")
        }
        _ => message,
    };
    VendorError::new(kind, message)
}

fn unrelated(message: String) -> VendorError {
    VendorError::new(ErrorKind::UnexpectedResponse, message).not_about_it()
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
    use provision_testkit::tables;

    use super::*;

    const READ: (&Method, Subject) = (&Method::GET, Subject::Host);
    const DELETE: (&Method, Subject) = (&Method::DELETE, Subject::Host);
    const CREATE: (&Method, Subject) = (&Method::POST, Subject::NewHost);
    const LIST: (&Method, Subject) = (&Method::GET, Subject::Other);

    fn classified((method, subject): (&Method, Subject), status: u16, body: &str) -> VendorError {
        tables::classify(&VENDOR, method, subject, status, body)
    }

    #[test]
    fn every_error_of_the_vendor_has_its_kind() {
        use ErrorKind as Kind;
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
            (READ, 404, "Device not found", Kind::NotFound),
            // No host is gone: the client makes `InvalidRequest` of them.
            (LIST, 404, "Not found", Kind::NotFound),
            (CREATE, 404, "Not found", Kind::NotFound),
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
            (LIST, 429, "Too many requests", Kind::RateLimited),
            (LIST, 500, "Oh snap, something went wrong!", Kind::Unavailable),
            (LIST, 503, "Service unavailable", Kind::Unavailable),
        ];
        for (request, status, message, kind) in table {
            for body in [
                format!(r#"{{"error":"{message}"}}"#),
                format!(r#"{{"errors":["{message}"]}}"#),
            ] {
                let error = classified(request, status, &body);
                assert_eq!(error.kind, kind, "{request:?}: {status} {body}");
                assert!(error.message.starts_with(message), "{}", error.message);
            }
        }
    }

    #[test]
    fn only_packet_s_own_words_about_a_device_say_that_it_is_gone() {
        let table = [
            (404, r#"{"errors":["Not found"]}"#, ErrorKind::NotFound),
            (404, r#"{"errors":["not found."]}"#, ErrorKind::NotFound),
            (404, r#"{"error":"The device could not be found"}"#, ErrorKind::NotFound),
            (
                404,
                r#"{"status":404,"error":"Not Found"}"#,
                ErrorKind::UnexpectedResponse,
            ),
            (
                404,
                r#"{"errors":["Project not found"]}"#,
                ErrorKind::UnexpectedResponse,
            ),
            (
                404,
                r#"{"error":"GET /metal/v1/metal/v1/devices/9f7eafab not found"}"#,
                ErrorKind::UnexpectedResponse,
            ),
            (410, r#"{"errors":["Not found"]}"#, ErrorKind::UnexpectedResponse),
            (
                410,
                r#"{"error":"This device API was removed"}"#,
                ErrorKind::UnexpectedResponse,
            ),
        ];
        for (method, subject) in [READ, DELETE] {
            tables::errors_of(&VENDOR, method, subject, &table);
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
        for (method, subject) in [READ, DELETE, CREATE, LIST] {
            tables::errors_of(&VENDOR, method, subject, &table);
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
