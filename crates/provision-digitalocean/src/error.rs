use provision_core::ErrorKind;
use provision_http::{Failure, Vendor, VendorError, kind_of_status};
use serde::Deserialize;

/// How DigitalOcean reports errors.
pub(crate) const VENDOR: Vendor = Vendor::new("digitalocean", "DigitalOcean", classify)
    .with_request_id_headers(&["x-request-id"])
    // `retry-after` comes with the burst limit only; the hourly limit has just this.
    .with_rate_limit_reset_header("ratelimit-reset");

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
    use super::*;

    #[test]
    fn every_error_of_the_vendor_has_its_kind() {
        provision_testkit::tables::errors(
            &VENDOR,
            &[
                (
                    401,
                    r#"{"id":"unauthorized","message":"Unable to authenticate you"}"#,
                    ErrorKind::Unauthorized,
                ),
                (
                    403,
                    r#"{"id":"forbidden","message":"You are not authorized to perform this operation"}"#,
                    ErrorKind::Forbidden,
                ),
                (
                    404,
                    r#"{"id":"not_found","message":"The resource you requested could not be found."}"#,
                    ErrorKind::NotFound,
                ),
                (404, "<html>not found</html>", ErrorKind::UnexpectedResponse),
                (404, r#"{"error":"not found"}"#, ErrorKind::UnexpectedResponse),
                (
                    409,
                    r#"{"id":"conflict","message":"duplicate name"}"#,
                    ErrorKind::AlreadyExists,
                ),
                (
                    422,
                    r#"{"id":"unprocessable_entity","message":"You specified an invalid image for Droplet creation."}"#,
                    ErrorKind::InvalidRequest,
                ),
                (
                    422,
                    r#"{"id":"unprocessable_entity","message":"Region is not available"}"#,
                    ErrorKind::Capacity,
                ),
                (
                    422,
                    r#"{"id":"unprocessable_entity","message":"Size is not available in this region."}"#,
                    ErrorKind::Capacity,
                ),
                (
                    422,
                    r#"{"id":"unprocessable_entity","message":"creating this/these droplet(s) will exceed your droplet limit"}"#,
                    ErrorKind::Quota,
                ),
                (
                    422,
                    r#"{"id":"unprocessable_entity","message":"Droplet already has a pending event."}"#,
                    ErrorKind::Conflict,
                ),
                (
                    429,
                    r#"{"id":"too_many_requests","message":"API rate limit exceeded."}"#,
                    ErrorKind::RateLimited,
                ),
                (
                    500,
                    r#"{"id":"server_error","message":"Unexpected server-side error"}"#,
                    ErrorKind::Unavailable,
                ),
                (503, "<html>gateway</html>", ErrorKind::Unavailable),
                (429, "", ErrorKind::RateLimited),
            ],
        );
    }
}
