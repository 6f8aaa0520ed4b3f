use provision_core::ErrorKind;
use provision_http::{Failure, Vendor, VendorError, kind_of_status};
use serde::Deserialize;

/// How OVHcloud reports errors.
pub(crate) const VENDOR: Vendor = Vendor {
    provider: "ovh",
    title: "OVHcloud",
    request_id_headers: &["x-ovh-queryid"],
    // Rate limits have no headers of their own; whether 429 comes with `Retry-After` is UNCONFIRMED.
    rate_limit_reset_header: None,
    classify,
};

/// The code of a signature that was refused for its time. Nothing was done: the refusal comes from the check of the
/// credentials, before the request is looked at.
pub(crate) const OUT_OF_TIME: &str = "QUERY_TIME_OUT";

/// Gateway errors have `errorCode`, those of the service behind it `class`.
/// <https://github.com/ovh/python-ovh/blob/master/ovh/exceptions.py>
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Body {
    error_code: Option<String>,
    class: Option<String>,
    message: Option<String>,
    details: Option<Details>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Details {
    #[serde(rename = "unauthorizedActionsByIAM")]
    unauthorized: Option<String>,
}

fn classify(failure: &Failure<'_>) -> VendorError {
    let Some(body) = failure.json::<Body>() else {
        return match failure.status {
            // A proxy's page, not the API: says nothing about the host.
            404 | 410 => VendorError::new(
                ErrorKind::UnexpectedResponse,
                "there is no OVHcloud API at that address: check the setting `endpoint`",
            ),
            460 => VendorError::new(ErrorKind::InvalidRequest, SUSPENDED),
            _ => failure.by_status(),
        };
    };
    let message = body.message.unwrap_or_default();
    let text = message.to_ascii_lowercase();
    let code = body.error_code.or(body.class).unwrap_or_default();
    let iam = body.details.and_then(|details| details.unauthorized);
    let on_one_instance = matches!(failure.operation, "get instance" | "delete instance");
    let kind = match (code.as_str(), failure.status) {
        // Also for some malformed bodies, which this crate does not send.
        ("INVALID_SIGNATURE" | "INVALID_CREDENTIAL" | "INVALID_KEY" | "NOT_CREDENTIAL", _) => ErrorKind::Unauthorized,
        (OUT_OF_TIME, _) => ErrorKind::Unavailable,
        ("NOT_GRANTED_CALL", _) => ErrorKind::Forbidden,
        (_, 403) if text.contains("application key") || text.contains("credential is not valid") => {
            ErrorKind::Unauthorized
        }
        // UNCONFIRMED whether 400 or 403.
        (_, 400 | 403) if text.contains("quota") => ErrorKind::Quota,
        // Wording UNCONFIRMED.
        (_, 400 | 409) if sold_out(&text) => ErrorKind::Capacity,
        // Deleting an instance that is being built, or deleted already: UNCONFIRMED whether and how it is refused.
        (_, 400 | 409) if failure.operation == "delete instance" => ErrorKind::Conflict,
        (_, 404) if on_one_instance && !about_something_else(&text) => ErrorKind::NotFound,
        // The project, region, flavor, image or key that a request names: never the host.
        (_, 404) => ErrorKind::InvalidRequest,
        (_, 460) => ErrorKind::InvalidRequest,
        (_, status) => kind_of_status(status),
    };
    let message = match (kind, failure.status) {
        (ErrorKind::InvalidRequest, 404) => format!("{message} (check the settings `project` and `endpoint`)"),
        (ErrorKind::Unauthorized, _) => format!("{message} (keys work only on the endpoint where they were made)"),
        (_, 460) => format!("{message} ({SUSPENDED})"),
        _ => message,
    };
    let message = match iam {
        Some(action) => format!("{message} (not allowed: {action})"),
        None => message,
    };
    let error = VendorError::new(kind, message);
    if code.is_empty() { error } else { error.code(code) }
}

const SUSPENDED: &str = "the service is suspended or expired: renew it in the control panel";

fn sold_out(text: &str) -> bool {
    ["not available", "out of stock", "no valid host", "sold out"]
        .iter()
        .any(|words| text.contains(words))
}

/// Whether a 404 is about the project or the path instead of the instance: "This service does not exist", "Got an invalid
/// (or empty) URL". Such an answer must not be read as a host that is gone.
fn about_something_else(text: &str) -> bool {
    !text.contains("instance") && ["service", "project", "url"].iter().any(|word| text.contains(word))
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
        let (create, read, delete) = ("create instance", "get instance", "delete instance");
        let table = [
            (
                read,
                400,
                "INVALID_SIGNATURE",
                "Invalid signature",
                ErrorKind::Unauthorized,
            ),
            (read, 400, "QUERY_TIME_OUT", "Query out of time", ErrorKind::Unavailable),
            (
                read,
                403,
                "INVALID_CREDENTIAL",
                "This credential is not valid",
                ErrorKind::Unauthorized,
            ),
            (
                read,
                403,
                "INVALID_KEY",
                "This application key is invalid",
                ErrorKind::Unauthorized,
            ),
            (
                read,
                403,
                "Client::Forbidden",
                "This application key is invalid",
                ErrorKind::Unauthorized,
            ),
            (
                read,
                403,
                "NOT_CREDENTIAL",
                "This credential is not validated",
                ErrorKind::Unauthorized,
            ),
            (
                read,
                401,
                "Client::Unauthorized",
                "You must login first",
                ErrorKind::Unauthorized,
            ),
            (
                create,
                403,
                "NOT_GRANTED_CALL",
                "This call has not been granted",
                ErrorKind::Forbidden,
            ),
            (
                create,
                403,
                "Client::Forbidden",
                "User not granted for this request",
                ErrorKind::Forbidden,
            ),
            (read, 404, "Client::NotFound", "Instance not found", ErrorKind::NotFound),
            (
                read,
                404,
                "Client::NotFound::InstanceDoesNotExist",
                "",
                ErrorKind::NotFound,
            ),
            (
                delete,
                404,
                "Client::NotFound",
                "The requested object does not exist",
                ErrorKind::NotFound,
            ),
            (
                delete,
                404,
                "Client::NotFound",
                "This service does not exist",
                ErrorKind::InvalidRequest,
            ),
            (
                delete,
                404,
                "Client::NotFound",
                "Got an invalid (or empty) URL",
                ErrorKind::InvalidRequest,
            ),
            (
                create,
                404,
                "Client::NotFound",
                "Image not found",
                ErrorKind::InvalidRequest,
            ),
            (
                "list flavors",
                404,
                "Client::NotFound",
                "This service does not exist",
                ErrorKind::InvalidRequest,
            ),
            (
                "list flavors",
                400,
                "Client::BadRequest",
                "Region XX9 not found",
                ErrorKind::InvalidRequest,
            ),
            (
                create,
                400,
                "Client::BadRequest",
                "Invalid flavorId",
                ErrorKind::InvalidRequest,
            ),
            (
                create,
                400,
                "Client::BadRequest",
                "Flavor is not available in this region",
                ErrorKind::Capacity,
            ),
            (
                create,
                403,
                "Client::Forbidden",
                "Quota exceeded for instances",
                ErrorKind::Quota,
            ),
            (
                create,
                400,
                "Client::BadRequest",
                "Quota exceeded for cores",
                ErrorKind::Quota,
            ),
            (
                delete,
                400,
                "Client::BadRequest",
                "Instance is not active",
                ErrorKind::Conflict,
            ),
            (
                delete,
                409,
                "Client::Conflict",
                "Instance is being built",
                ErrorKind::Conflict,
            ),
            (create, 409, "Client::Conflict", "busy", ErrorKind::Conflict),
            (
                create,
                460,
                "Client::Suspended",
                "Service suspended",
                ErrorKind::InvalidRequest,
            ),
            (
                create,
                429,
                "Client::TooManyRequests",
                "Too many requests",
                ErrorKind::RateLimited,
            ),
            (
                create,
                500,
                "Server::InternalServerError",
                "Internal server error",
                ErrorKind::Unavailable,
            ),
            (read, 503, "Server::ServiceUnavailable", "later", ErrorKind::Unavailable),
        ];
        for (operation, status, code, message, kind) in table {
            let field = if code.contains("::") { "class" } else { "errorCode" };
            let body = format!(r#"{{"{field}":"{code}","message":"{message}","details":{{}}}}"#);
            let error = classified(operation, status, &body);
            assert_eq!(error.kind, kind, "{operation} {status} {code} {message}");
            assert_eq!(error.code.as_deref(), Some(code));
            assert!(error.message.starts_with(message));
        }
    }

    #[test]
    fn an_answer_without_a_readable_body_goes_by_its_status() {
        for (status, body, kind) in [
            (429, "", ErrorKind::RateLimited),
            (502, "<html>", ErrorKind::Unavailable),
            (403, "<html>", ErrorKind::Forbidden),
            (404, "<html>", ErrorKind::UnexpectedResponse),
            (460, "", ErrorKind::InvalidRequest),
            (401, "{}", ErrorKind::Unauthorized),
            (429, "{}", ErrorKind::RateLimited),
        ] {
            assert_eq!(
                classified("delete instance", status, body).kind,
                kind,
                "{status} {body}"
            );
        }
    }

    #[test]
    fn a_missing_permission_is_named() {
        let body = r#"{"class":"Client::Forbidden","message":"User not granted for this request",
            "details":{"unauthorizedActionsByIAM":"publicCloudProject:apiovh:instance/create"}}"#;
        let error = classified("create instance", 403, body);
        assert_eq!(
            error.message,
            "User not granted for this request (not allowed: publicCloudProject:apiovh:instance/create)"
        );
    }
}
