use provision_core::{Error, ErrorKind};
use provision_http::{Failure, Subject, Vendor, VendorError, http::Method, kind_of_status};
use serde::{Deserialize, de::IgnoredAny};

/// How OVHcloud reports errors. Rate limits have no headers of their own; whether 429 comes with `Retry-After` is UNCONFIRMED.
pub(crate) const VENDOR: Vendor = Vendor::new("ovh", "OVHcloud", classify).with_request_id_headers(&["x-ovh-queryid"]);

/// Whether a signature was refused for its time. Nothing was done then: the refusal comes from the check of the credentials,
/// before the request is looked at.
pub(crate) fn is_out_of_time(error: &Error) -> bool {
    says_out_of_time(error.code().unwrap_or_default(), &error.message().to_ascii_lowercase())
}

/// Gateway errors have `errorCode`, those of the service behind it `class`; the gateway has been seen to send both forms.
/// <https://github.com/ovh/python-ovh/blob/master/ovh/exceptions.py>
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Body {
    error_code: Option<String>,
    class: Option<String>,
    message: Option<String>,
    details: Option<Details>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Details {
    Iam {
        #[serde(rename = "unauthorizedActionsByIAM")]
        unauthorized: String,
    },
    Other(IgnoredAny),
}

fn classify(failure: &Failure<'_>) -> VendorError {
    let body = failure.json::<Body>().unwrap_or_default();
    let code = body.error_code.or(body.class).unwrap_or_default();
    let missing = matches!(failure.status, 404 | 410);
    if code.is_empty() && missing {
        return failure.by_status();
    }
    let message = body.message.unwrap_or_default();
    let (kind, hint) = match missing {
        true => what_is_missing(failure, &code, &message.to_ascii_lowercase()),
        false => what_is_wrong(failure, &code, &message.to_ascii_lowercase()),
    };
    let not_allowed = match body.details {
        Some(Details::Iam { unauthorized }) => format!("not allowed: {unauthorized}"),
        _ => String::new(),
    };
    let error = VendorError::new(kind, with_hints(message, [hint, &not_allowed]));
    if code.is_empty() { error } else { error.code(code) }
}

/// A 404 says that an instance is gone only where it speaks of the instance: "Instance not found". "This service does not
/// exist" means the project, "Got an invalid (or empty) URL" the path.
fn what_is_missing(failure: &Failure<'_>, code: &str, text: &str) -> (ErrorKind, &'static str) {
    let of_class = code == "Client::NotFound" || code.starts_with("Client::NotFound::");
    let speaks_of = |word: &str| text.contains(word);
    let is_host = failure.subject == Subject::Host;
    if failure.status != 404 || !of_class {
        (ErrorKind::UnexpectedResponse, ASK_ENDPOINT)
    } else if is_host && code.ends_with("::InstanceDoesNotExist") {
        (ErrorKind::NotFound, "")
    } else if speaks_of("url") {
        (ErrorKind::UnexpectedResponse, ASK_ENDPOINT)
    } else if speaks_of("service") || speaks_of("project") {
        (ErrorKind::InvalidRequest, ASK_PROJECT)
    } else if is_host && speaks_of("instance") {
        (ErrorKind::NotFound, "")
    } else if is_host {
        (
            ErrorKind::UnexpectedResponse,
            "this does not say that the instance is gone",
        )
    } else {
        // The region, flavor, image or key that a request names.
        (ErrorKind::InvalidRequest, "")
    }
}

fn what_is_wrong(failure: &Failure<'_>, code: &str, text: &str) -> (ErrorKind, &'static str) {
    let is_create = failure.subject == Subject::NewHost;
    let is_delete = failure.subject == Subject::Host && failure.method == Method::DELETE;
    let kind = match failure.status {
        _ if says_out_of_time(code, text) => ErrorKind::Unavailable,
        _ if code == "NOT_CREDENTIAL" || text.contains("credential is not validated") => {
            return (ErrorKind::Unauthorized, NOT_VALIDATED);
        }
        _ if rejects_credentials(code) => ErrorKind::Unauthorized,
        400 | 403 if REJECTIONS.iter().any(|words| text.contains(words)) => ErrorKind::Unauthorized,
        // UNCONFIRMED whether 400 or 403.
        400 | 403 if is_create && text.contains("quota") => ErrorKind::Quota,
        400 | 409 if is_create && SOLD_OUT.iter().any(|words| text.contains(words)) => ErrorKind::Capacity,
        // Deleting an instance that is being built, or deleted already: UNCONFIRMED whether and how it is refused.
        400 | 409 if is_delete => ErrorKind::Conflict,
        460 => return (ErrorKind::InvalidRequest, SUSPENDED),
        status => kind_of_status(status),
    };
    match kind {
        ErrorKind::Unauthorized => (kind, "keys work only on the endpoint where they were made"),
        _ => (kind, ""),
    }
}

fn says_out_of_time(code: &str, text: &str) -> bool {
    code == "QUERY_TIME_OUT" || text.contains("query out of time")
}

fn rejects_credentials(code: &str) -> bool {
    // A signature also for some malformed bodies, which this crate does not send.
    matches!(code, "INVALID_SIGNATURE" | "INVALID_CREDENTIAL" | "INVALID_KEY")
}

/// How the gateway rejects credentials where a class stands in the place of its code, in lower case.
/// <https://github.com/mlabouardy/komiser/issues/1490>, <https://github.com/baarde/cert-manager-webhook-ovh/issues/5>
const REJECTIONS: [&str; 4] = [
    "invalid signature",
    "application key is invalid",
    "credential is not valid",
    "credential does not exist",
];

/// Wording UNCONFIRMED, in lower case.
const SOLD_OUT: [&str; 4] = ["not available", "out of stock", "no valid host", "sold out"];

/// Only the answer to the request that made the key has the address:
/// <https://docs.ovh.com/gb/en/customer/first-steps-with-ovh-api/>
const NOT_VALIDATED: &str = "open the `validationUrl` that came with the consumer key and log in, or make keys that need no validation at https://eu.api.ovh.com/createToken/ or the same page of your endpoint";

const ASK_ENDPOINT: &str = "is the setting `endpoint` right?";

const ASK_PROJECT: &str = "check the project, in the setting `project` or in the host's id, and the setting `endpoint`";

const SUSPENDED: &str = "the service is suspended or expired: renew it in the control panel";

fn with_hints(message: String, hints: [&str; 2]) -> String {
    let given = hints.into_iter().filter(|hint| !hint.is_empty());
    given.fold(message, |text, hint| match text.is_empty() {
        true => hint.to_owned(),
        false => format!("{text} ({hint})"),
    })
}

#[cfg(test)]
mod tests {
    use provision_testkit::tables::{classify, errors, errors_of};

    use super::*;

    fn by_class(class: &str, message: &str) -> String {
        format!(r#"{{"class":"{class}","message":"{message}","details":{{}}}}"#)
    }

    fn by_code(code: &str, message: &str) -> String {
        format!(r#"{{"errorCode":"{code}","httpCode":"403 Forbidden","message":"{message}"}}"#)
    }

    /// Checks rows for a read and a delete of an instance, the create of one, and a list.
    fn everywhere(rows: &[(u16, &str, ErrorKind)]) {
        errors(&VENDOR, rows);
        errors_of(&VENDOR, &Method::DELETE, Subject::Host, rows);
        errors_of(&VENDOR, &Method::POST, Subject::NewHost, rows);
        errors_of(&VENDOR, &Method::GET, Subject::Other, rows);
    }

    #[test]
    fn rejected_credentials_are_told_from_a_missing_right() {
        use ErrorKind::{Forbidden, Unauthorized};
        everywhere(&[
            (400, &by_code("INVALID_SIGNATURE", "Invalid signature"), Unauthorized),
            (403, &by_code("INVALID_SIGNATURE", "Invalid signature"), Unauthorized),
            (400, &by_class("Client::BadRequest", "Invalid signature"), Unauthorized),
            (403, &by_class("Client::Forbidden", "Invalid signature"), Unauthorized),
            (
                403,
                &by_code("INVALID_CREDENTIAL", "This credential is not valid"),
                Unauthorized,
            ),
            (
                403,
                &by_code("INVALID_CREDENTIAL", "This credential does not exist"),
                Unauthorized,
            ),
            (
                403,
                &by_class("Client::Forbidden", "This credential does not exist"),
                Unauthorized,
            ),
            (
                403,
                &by_class("Client::Forbidden", "This credential is not valid"),
                Unauthorized,
            ),
            (403, r#"{"message":"This credential does not exist"}"#, Unauthorized),
            (
                403,
                &by_code("INVALID_KEY", "This application key is invalid"),
                Unauthorized,
            ),
            (
                403,
                &by_class("Client::Forbidden", "This application key is invalid"),
                Unauthorized,
            ),
            (
                403,
                &by_code("NOT_CREDENTIAL", "This credential is not validated"),
                Unauthorized,
            ),
            (
                403,
                &by_class("Client::Forbidden", "This credential is not validated"),
                Unauthorized,
            ),
            (
                401,
                &by_class("Client::Unauthorized", "You must login first"),
                Unauthorized,
            ),
            (401, "{}", Unauthorized),
            (
                403,
                &by_code("NOT_GRANTED_CALL", "This call has not been granted"),
                Forbidden,
            ),
            (
                403,
                &by_class("Client::Forbidden", "User not granted for this request"),
                Forbidden,
            ),
            (403, "<html>", Forbidden),
        ]);
    }

    #[test]
    fn an_instance_is_gone_only_where_the_answer_speaks_of_it() {
        use ErrorKind::{InvalidRequest, NotFound, UnexpectedResponse};
        let rows = [
            (
                404,
                by_class("Client::NotFound::InstanceDoesNotExist", "Instance not found"),
                NotFound,
            ),
            (404, by_class("Client::NotFound::InstanceDoesNotExist", ""), NotFound),
            (404, by_class("Client::NotFound", "Instance not found"), NotFound),
            // Whatever form the details have.
            (
                404,
                r#"{"class":"Client::NotFound","message":"Instance not found","details":[]}"#.to_owned(),
                NotFound,
            ),
            (
                404,
                r#"{"class":"Client::NotFound","message":"Instance not found"}"#.to_owned(),
                NotFound,
            ),
            (
                404,
                by_class("Client::NotFound", "This service does not exist"),
                InvalidRequest,
            ),
            (
                404,
                by_class("Client::NotFound", "Got an invalid (or empty) URL"),
                UnexpectedResponse,
            ),
            (
                404,
                by_class("Client::NotFound", "Got an invalid (or empty) URL: /instance"),
                UnexpectedResponse,
            ),
            (
                404,
                by_code("INVALID_URL", "Got an invalid (or empty) URL"),
                UnexpectedResponse,
            ),
            (
                404,
                by_class("Client::NotFound", "The requested object does not exist"),
                UnexpectedResponse,
            ),
            (404, by_class("Client::Gone", "Instance not found"), UnexpectedResponse),
            (
                410,
                by_class("Client::NotFound", "Instance not found"),
                UnexpectedResponse,
            ),
            (
                404,
                r#"{"message":"Instance not found"}"#.to_owned(),
                UnexpectedResponse,
            ),
            (404, r#"{"error":"not found"}"#.to_owned(), UnexpectedResponse),
            (404, r#""Instance not found""#.to_owned(), UnexpectedResponse),
            (404, "<html>Instance not found</html>".to_owned(), UnexpectedResponse),
            (404, String::new(), UnexpectedResponse),
        ];
        let rows: Vec<_> = rows
            .iter()
            .map(|(status, body, kind)| (*status, body.as_str(), *kind))
            .collect();
        errors(&VENDOR, &rows);
        errors_of(&VENDOR, &Method::DELETE, Subject::Host, &rows);
    }

    #[test]
    fn no_host_is_gone_because_something_else_is_missing() {
        use ErrorKind::{InvalidRequest, UnexpectedResponse};
        let rows = [
            (404, by_class("Client::NotFound", "Image not found"), InvalidRequest),
            (404, by_class("Client::NotFound", "SSH key not found"), InvalidRequest),
            (
                404,
                by_class("Client::NotFound", "Instance group not found"),
                InvalidRequest,
            ),
            (
                404,
                by_class("Client::NotFound", "This service does not exist"),
                InvalidRequest,
            ),
            (
                404,
                by_class("Client::NotFound", "Got an invalid (or empty) URL"),
                UnexpectedResponse,
            ),
        ];
        let rows: Vec<_> = rows
            .iter()
            .map(|(status, body, kind)| (*status, body.as_str(), *kind))
            .collect();
        errors_of(&VENDOR, &Method::POST, Subject::NewHost, &rows);
        errors_of(&VENDOR, &Method::GET, Subject::Other, &rows);
    }

    #[test]
    fn refused_creates_have_their_kinds() {
        use ErrorKind::{Capacity, Conflict, InvalidRequest, Quota};
        let rows = [
            (400, by_class("Client::BadRequest", "Invalid flavorId"), InvalidRequest),
            (
                400,
                by_class("Client::BadRequest", "Region XX9 not found"),
                InvalidRequest,
            ),
            (
                400,
                by_class("Client::BadRequest", "Flavor is not available in this region"),
                Capacity,
            ),
            (
                403,
                by_class("Client::Forbidden", "Quota exceeded for instances"),
                Quota,
            ),
            (400, by_class("Client::BadRequest", "Quota exceeded for cores"), Quota),
            (409, by_class("Client::Conflict", "busy"), Conflict),
        ];
        let rows: Vec<_> = rows
            .iter()
            .map(|(status, body, kind)| (*status, body.as_str(), *kind))
            .collect();
        errors_of(&VENDOR, &Method::POST, Subject::NewHost, &rows);
    }

    #[test]
    fn a_refused_delete_is_only_too_early() {
        use ErrorKind::Conflict;
        let rows = [
            (
                400,
                &*by_class("Client::BadRequest", "Instance is not active"),
                Conflict,
            ),
            (
                400,
                &by_class("Client::BadRequest", "Instance is not available"),
                Conflict,
            ),
            (
                409,
                &by_class("Client::Conflict", "Instance is being deleted"),
                Conflict,
            ),
        ];
        errors_of(&VENDOR, &Method::DELETE, Subject::Host, &rows);
    }

    #[test]
    fn what_passes_and_what_does_not() {
        use ErrorKind::{InvalidRequest, RateLimited, Unavailable};
        everywhere(&[
            (400, &by_code("QUERY_TIME_OUT", "Query out of time"), Unavailable),
            (400, &by_class("Client::BadRequest", "Query out of time"), Unavailable),
            (
                429,
                &by_class("Client::TooManyRequests", "Too many requests"),
                RateLimited,
            ),
            (429, "", RateLimited),
            (429, "{}", RateLimited),
            (460, &by_class("Client::Suspended", "Service suspended"), InvalidRequest),
            (460, "", InvalidRequest),
            (
                500,
                &by_class("Server::InternalServerError", "Internal server error"),
                Unavailable,
            ),
            (502, "<html>", Unavailable),
            (503, &by_class("Server::ServiceUnavailable", "later"), Unavailable),
        ]);
    }

    #[test]
    fn messages_say_what_to_do() {
        let says = |status: u16, body: &str| {
            let error = classify(&VENDOR, &Method::POST, Subject::NewHost, status, body);
            (error.code.unwrap_or_default(), error.message)
        };
        let iam = r#"{"class":"Client::Forbidden","message":"User not granted for this request",
            "details":{"unauthorizedActionsByIAM":"publicCloudProject:apiovh:instance/create"}}"#;
        assert_eq!(
            says(403, iam),
            (
                "Client::Forbidden".to_owned(),
                "User not granted for this request (not allowed: publicCloudProject:apiovh:instance/create)".to_owned()
            )
        );
        let (code, pending) = says(403, &by_code("NOT_CREDENTIAL", "This credential is not validated"));
        assert_eq!(code, "NOT_CREDENTIAL");
        for words in [
            "This credential is not validated",
            "`validationUrl`",
            "https://eu.api.ovh.com/createToken/",
        ] {
            assert!(pending.contains(words), "{pending}");
        }
        let foreign = |body| classify(&VENDOR, &Method::GET, Subject::Host, 404, body).foreign;
        assert!(foreign("<html>") && foreign("{}") && !foreign(&by_class("Client::NotFound", "Instance not found")));
        let (_, suspended) = says(460, "");
        assert!(suspended.contains("renew it"), "{suspended}");
        let (_, project) = says(404, &by_class("Client::NotFound", "This service does not exist"));
        assert!(project.contains("`project`"), "{project}");
    }
}
