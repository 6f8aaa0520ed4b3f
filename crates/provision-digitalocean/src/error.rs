use provision_core::ErrorKind;
use provision_http::{Failure, Vendor, VendorError, kind_of_status};
use serde::Deserialize;

/// How DigitalOcean reports errors.
pub(crate) const VENDOR: Vendor = Vendor {
    provider: "digitalocean",
    request_id_headers: &["x-request-id"],
    // `retry-after` comes with the burst limit only; the hourly limit has just this.
    rate_limit_reset_header: Some("ratelimit-reset"),
    classify,
};

#[derive(Deserialize)]
struct Body {
    id: String,
    #[serde(default)]
    message: String,
}

/// Every refused create is a 422 `unprocessable_entity`, so the text has to tell a sold-out region from a wrong one.
fn classify(failure: &Failure<'_>) -> VendorError {
    let Some(Body { id, message }) = failure.json::<Body>() else {
        return failure.by_status();
    };
    let text = message.to_ascii_lowercase();
    let kind = match failure.status {
        422 if text.contains("droplet limit") => ErrorKind::Quota,
        422 if text.contains("pending event") => ErrorKind::Conflict,
        // "Region is not available", "Size is not available in this region." (the second wording is UNCONFIRMED)
        422 if text.contains("not available") => ErrorKind::Capacity,
        // A firewall's name is taken; not known for Droplets.
        409 => ErrorKind::AlreadyExists,
        status => kind_of_status(status),
    };
    VendorError::new(kind, message).code(id)
}

#[cfg(test)]
mod tests {
    use provision_http::http::HeaderMap;

    use super::*;

    #[test]
    fn every_error_of_the_vendor_has_its_kind() {
        let body = |id: &str, message: &str| format!(r#"{{"id":"{id}","message":"{message}"}}"#);
        let table = [
            (
                401,
                body("unauthorized", "Unable to authenticate you"),
                ErrorKind::Unauthorized,
            ),
            (
                403,
                body("forbidden", "You are not authorized to perform this operation"),
                ErrorKind::Forbidden,
            ),
            (
                404,
                body("not_found", "The resource you requested could not be found."),
                ErrorKind::NotFound,
            ),
            (409, body("conflict", "duplicate name"), ErrorKind::AlreadyExists),
            (
                422,
                body(
                    "unprocessable_entity",
                    "You specified an invalid image for Droplet creation.",
                ),
                ErrorKind::InvalidRequest,
            ),
            (
                422,
                body("unprocessable_entity", "Region is not available"),
                ErrorKind::Capacity,
            ),
            (
                422,
                body("unprocessable_entity", "Size is not available in this region."),
                ErrorKind::Capacity,
            ),
            (
                422,
                body(
                    "unprocessable_entity",
                    "creating this/these droplet(s) will exceed your droplet limit",
                ),
                ErrorKind::Quota,
            ),
            (
                422,
                body("unprocessable_entity", "Droplet already has a pending event."),
                ErrorKind::Conflict,
            ),
            (
                429,
                body("too_many_requests", "API rate limit exceeded."),
                ErrorKind::RateLimited,
            ),
            (
                500,
                body("server_error", "Unexpected server-side error"),
                ErrorKind::Unavailable,
            ),
            (503, "<html>gateway</html>".to_owned(), ErrorKind::Unavailable),
            (429, String::new(), ErrorKind::RateLimited),
        ];
        for (status, body, kind) in table {
            let headers = HeaderMap::new();
            let failure = Failure {
                operation: "test",
                status,
                headers: &headers,
                body: body.as_bytes(),
            };
            assert_eq!(classify(&failure).kind, kind, "{status} {body}");
        }
    }
}
