use provision_core::{Error, ErrorKind};
use provision_http::{Failure, Subject, Vendor, VendorError, kind_of_status};
use serde::Deserialize;

/// How Vultr reports errors. It names no request id; a 429 comes with `Retry-After` in seconds.
pub(crate) const VENDOR: Vendor = Vendor::new("vultr", "Vultr", classify);

/// In an answer to the deletion of an instance whose deletion was asked for before: an older text, its status UNCONFIRMED.
const GOING: &str = "already pending destruction";

#[derive(Deserialize)]
struct Body {
    error: String,
}

/// There are no machine-readable codes, and the same status stands for different things: the text decides, by parts of it
/// in any case, because wordings have changed over the years.
fn classify(failure: &Failure<'_>) -> VendorError {
    let Some(message) = words(failure) else {
        return failure.by_status();
    };
    let text = message.to_ascii_lowercase();
    let has = |part: &str| text.contains(part);
    let create = failure.subject == Subject::NewHost;
    let kind = match failure.status {
        401 if has("unauthorized ip") => {
            let hint = "the API key is not to be used from this address: add it in the console under Account > API > Access Control";
            let message = format!("{}: {hint}", message.trim_end_matches('.'));
            return VendorError::new(ErrorKind::Unauthorized, message);
        }
        status @ (401 | 429) => kind_of_status(status),
        _ if has(GOING) => ErrorKind::Conflict,
        // While an instance is being installed: "Unable to destroy server: ... Server is currently locked", as a 500.
        _ if has("currently locked") => ErrorKind::Conflict,
        // For plans that are sold out in a region and for those that were never sold there.
        400 | 403 if create && has("not available") => ErrorKind::Capacity,
        // "You have reached the maximum number of active virtual machines for this account"; 400 or 403 UNCONFIRMED.
        400 | 403 if create && (has("maximum number") || has("limit")) => ErrorKind::Quota,
        400 | 404 if failure.subject == Subject::Host && is_gone(failure.status, &text) => ErrorKind::NotFound,
        // "Not found." is said of a path (<https://github.com/vultr/terraform-provider-vultr/issues/753>): the endpoint is wrong,
        // or a part of the API was withdrawn. No instance is gone because of that.
        404 if failure.subject == Subject::Host => return unrelated(message),
        410 => return unrelated(message),
        status => kind_of_status(status),
    };
    VendorError::new(kind, message)
}

/// What Vultr says: in its JSON, or in plain text, as which the reason of a 403 comes, too (UNCONFIRMED).
fn words(failure: &Failure<'_>) -> Option<String> {
    if let Some(Body { error }) = failure.json() {
        return Some(error);
    }
    let text = std::str::from_utf8(failure.body).ok()?.trim();
    let is_plain = !text.is_empty() && !text.starts_with(['<', '{', '[']);
    (failure.status == 403 && is_plain).then(|| text.to_owned())
}

/// Whether a text says that there is no such instance. Seen were "instance not found" and "Invalid instance-id." with 404, and
/// "invalid instance ID" with 400 (<https://github.com/vultr/terraform-provider-vultr/issues/688>, `/177`). One that repeats
/// the path is about the path.
fn is_gone(status: u16, text: &str) -> bool {
    match status {
        404 => text.contains("instance") && !text.contains('/'),
        _ => text.replace(['-', '_'], " ").contains("invalid instance id"),
    }
}

fn unrelated(message: String) -> VendorError {
    VendorError::new(ErrorKind::UnexpectedResponse, message).not_about_it()
}

/// Whether a deletion was refused because an earlier one is at work.
pub(crate) fn is_going(error: &Error) -> bool {
    error.message().to_ascii_lowercase().contains(GOING)
}

#[cfg(test)]
mod tests {
    use provision_http::http::Method;
    use provision_testkit::tables;

    use super::*;

    fn check(method: &Method, subject: Subject, rows: &[(u16, &str, ErrorKind)]) {
        for (status, text, kind) in rows {
            let body = format!(r#"{{"error":"{text}","status":{status}}}"#);
            tables::errors_of(&VENDOR, method, subject, &[(*status, &body, *kind)]);
        }
    }

    #[test]
    fn every_error_of_the_vendor_has_its_kind() {
        const LOCKED: &str = "Unable to destroy server: Unable to remove VM: Server is currently locked";
        const QUOTA: &str = "You have reached the maximum number of active virtual machines for this account";
        use ErrorKind::{
            Capacity, Conflict, Forbidden, InvalidRequest, NotFound, Quota, RateLimited, Unauthorized, Unavailable,
            UnexpectedResponse,
        };
        check(
            &Method::GET,
            Subject::Host,
            &[
                (401, "Invalid API token.", Unauthorized),
                (401, "Unauthorized IP address: 203.0.113.9", Unauthorized),
                (403, "Forbidden", Forbidden),
                (404, "Invalid instance-id.", NotFound),
                (404, "instance not found", NotFound),
                (400, "invalid instance ID", NotFound),
                (400, "Invalid Instance ID.", NotFound),
                (400, "Invalid instance state", InvalidRequest),
                (404, "Invalid API endpoint.", UnexpectedResponse),
                (404, "No route for /vultr/v2/v2/instances/5d1c2f0e", UnexpectedResponse),
                (404, "Not found.", UnexpectedResponse),
                (
                    410,
                    "API v1 is gone: its instance calls were retired",
                    UnexpectedResponse,
                ),
            ],
        );
        check(
            &Method::DELETE,
            Subject::Host,
            &[
                (404, "Invalid instance-id.", NotFound),
                (400, "invalid instance ID", NotFound),
                (404, "Invalid API endpoint.", UnexpectedResponse),
                (500, LOCKED, Conflict),
                (500, "Server is already pending destruction", Conflict),
                (400, "This subscription is already pending destruction.", Conflict),
                (500, "Internal server error", Unavailable),
            ],
        );
        check(
            &Method::POST,
            Subject::NewHost,
            &[
                (400, "Invalid plan chosen.", InvalidRequest),
                (400, "Invalid region.", InvalidRequest),
                (400, "Invalid os_id.", InvalidRequest),
                (400, "Bad request.", InvalidRequest),
                // No host is gone: the client makes `InvalidRequest` of it.
                (404, "Invalid sshkey_id.", NotFound),
                (400, "plan is not available in the selected region", Capacity),
                (400, QUOTA, Quota),
                (403, QUOTA, Quota),
                (400, "Instance limit reached", Quota),
                (403, "Forbidden", Forbidden),
                (429, "Rate limit reached", RateLimited),
                (500, "Unable to create server", Unavailable),
            ],
        );
        check(
            &Method::GET,
            Subject::Other,
            &[(400, "Limit is not a number", InvalidRequest)],
        );
    }

    #[test]
    fn answers_of_others_are_never_gone() {
        for body in [
            "<html>gateway</html>",
            "",
            r#"{"message":"no route"}"#,
            "Invalid instance-id.",
        ] {
            for subject in [Subject::Host, Subject::NewHost, Subject::Other] {
                let rows = [
                    (404, body, ErrorKind::UnexpectedResponse),
                    (410, body, ErrorKind::UnexpectedResponse),
                    (401, body, ErrorKind::Unauthorized),
                    (429, body, ErrorKind::RateLimited),
                    (502, body, ErrorKind::Unavailable),
                ];
                tables::errors_of(&VENDOR, &Method::DELETE, subject, &rows);
            }
        }
    }

    #[test]
    fn the_reason_of_a_403_is_shown_where_it_is_plain_text() {
        let classified = |subject, body| tables::classify(&VENDOR, &Method::POST, subject, 403, body);
        let refused = classified(Subject::Host, "This key lacks the right to manage servers.\n");
        assert_eq!(refused.kind, ErrorKind::Forbidden);
        assert_eq!(refused.message, "This key lacks the right to manage servers.");
        let quota = "You have reached the maximum number of active virtual machines for this account";
        assert_eq!(classified(Subject::NewHost, quota).kind, ErrorKind::Quota);
        for page in ["<html>denied</html>", r#"{"message":"denied"}"#, " \n"] {
            let refused = classified(Subject::Host, page);
            assert_eq!(
                (refused.kind, refused.message.as_str()),
                (ErrorKind::Forbidden, ""),
                "{page}"
            );
        }
    }

    #[test]
    fn an_address_that_may_not_use_the_key_is_told_from_a_wrong_key() {
        let message = |text| {
            let body = format!(r#"{{"error":"{text}","status":401}}"#);
            tables::classify(&VENDOR, &Method::GET, Subject::Host, 401, &body).message
        };
        let refused = message("Unauthorized IP address: 203.0.113.9");
        assert!(
            refused.contains("203.0.113.9") && refused.contains("Access Control"),
            "{refused}"
        );
        assert!(!message("Invalid API token.").contains("Access Control"));
    }
}
