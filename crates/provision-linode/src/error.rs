use std::time::Duration;

use provision_core::ErrorKind;
use provision_http::{Failure, Subject, Vendor, VendorError, http::Method, kind_of_status};
use serde::Deserialize;

/// How Linode reports errors. Answers carry no request id.
pub(crate) const VENDOR: Vendor = Vendor::new("linode", "Linode", classify)
    // Unix seconds. `Retry-After` comes with it, even with answers that refuse nothing; both were seen negative, which
    // the client takes for zero.
    .with_rate_limit_reset_header("x-ratelimit-reset");

/// How long to leave the API alone while it is under maintenance; it does not say how long that takes.
const MAINTENANCE: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
struct Body {
    errors: Vec<Problem>,
}

#[derive(Deserialize)]
struct Problem {
    reason: String,
    field: Option<String>,
}

fn classify(failure: &Failure<'_>) -> VendorError {
    let header = |name: &str| failure.headers.get(name).and_then(|value| value.to_str().ok());
    if failure.status == 503 && header("x-maintenance-mode").is_some() {
        return VendorError::new(ErrorKind::Unavailable, "the API is under maintenance").retry_after(Some(MAINTENANCE));
    }
    let problems = failure.json::<Body>().map(|body| body.errors).unwrap_or_default();
    let says = |words: &[&str]| problems.iter().any(|problem| problem.has(words));
    let kind = match failure.status {
        // A token without the scope is 401, too. Only for a token that it knows does the API name the scopes.
        401 if header("x-oauth-scopes").is_some_and(|scopes| scopes != "unknown") => ErrorKind::Forbidden,
        401 if says(&["not authorized"]) => ErrorKind::Forbidden,
        // There is no 409 or 422: every problem with a request is 400, told apart by its words alone.
        400 => problems
            .iter()
            .find_map(|problem| problem.kind(failure))
            .unwrap_or(ErrorKind::InvalidRequest),
        404 if says(&["not found"]) => ErrorKind::NotFound,
        404 | 410 => return failure.by_status(),
        status => kind_of_status(status),
    };
    let texts: Vec<String> = problems.into_iter().map(Problem::into_text).collect();
    VendorError::new(kind, texts.join("; "))
}

impl Problem {
    /// Whether the reason holds one of the words.
    fn has(&self, words: &[&str]) -> bool {
        let reason = self.reason.to_ascii_lowercase();
        words.iter().any(|word| reason.contains(word))
    }

    /// What a 400 for this reason is, where it is more than a bad request.
    fn kind(&self, failure: &Failure<'_>) -> Option<ErrorKind> {
        let deletes = *failure.method == Method::DELETE;
        let about_label = self.field.as_deref().is_none_or(|field| field == "label");
        if about_label && self.has(&["must be unique", "already in use", "already exists"]) {
            Some(ErrorKind::AlreadyExists)
        } else if self.has(&[
            "account limit",
            "limit reached",
            "limit has been reached",
            "support ticket",
        ]) {
            Some(ErrorKind::Quota)
        } else if self.has(&["busy"]) {
            Some(ErrorKind::Conflict)
        } else if failure.subject == Subject::NewHost
            // UNCONFIRMED: "no open slots" is the text of API v3, no source has that of v4.
            && self.has(&["no open slots", "capacity", "sold out", "not available in", "unavailable in"])
        {
            Some(ErrorKind::Capacity)
        } else if deletes && failure.subject == Subject::Host && self.has(&["lock"]) {
            // A `cannot_delete` lock (beta, wording UNCONFIRMED): somebody protects the instance.
            Some(ErrorKind::Forbidden)
        } else if deletes && self.has(&["clon", "restor", "migrat", "in progress", "currently"]) {
            // Refused while the instance is cloned, restored or moved; wording UNCONFIRMED.
            Some(ErrorKind::Conflict)
        } else {
            None
        }
    }

    fn into_text(self) -> String {
        match self.field {
            Some(field) if !self.reason.to_ascii_lowercase().contains(&field.to_ascii_lowercase()) => {
                format!("{field}: {}", self.reason)
            }
            _ => self.reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use provision_http::http::{HeaderMap, HeaderValue};
    use provision_testkit::tables::{errors, errors_of};

    use super::*;

    type Row = (u16, &'static str, &'static str, ErrorKind);

    fn body(reason: &str, field: &str) -> String {
        let field = match field {
            "" => String::new(),
            field => format!(r#","field":"{field}""#),
        };
        format!(r#"{{"errors":[{{"reason":"{reason}"{field}}}]}}"#)
    }

    fn check(method: &Method, subject: Subject, rows: &[Row]) {
        for (status, reason, field, kind) in rows {
            errors_of(&VENDOR, method, subject, &[(*status, &body(reason, field), *kind)]);
        }
    }

    fn with_header(status: u16, name: &'static str, value: &'static str, reason: &str) -> VendorError {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_static(value));
        let body = body(reason, "");
        classify(&Failure::new(
            Subject::Host,
            &Method::GET,
            status,
            &headers,
            body.as_bytes(),
        ))
    }

    #[test]
    fn every_refused_create_has_its_kind() {
        check(
            &Method::POST,
            Subject::NewHost,
            &[
                (401, "Invalid Token", "", ErrorKind::Unauthorized),
                (
                    401,
                    "Your OAuth token is not authorized to use this endpoint.",
                    "",
                    ErrorKind::Forbidden,
                ),
                (403, "Unauthorized", "", ErrorKind::Forbidden),
                (400, "region is not valid", "region", ErrorKind::InvalidRequest),
                (
                    400,
                    "A valid plan type by that ID was not found",
                    "type",
                    ErrorKind::InvalidRequest,
                ),
                (400, "image is not valid", "image", ErrorKind::InvalidRequest),
                (
                    400,
                    "Label must be unique among your linodes",
                    "label",
                    ErrorKind::AlreadyExists,
                ),
                (
                    400,
                    "Label must be unique among your linodes",
                    "",
                    ErrorKind::AlreadyExists,
                ),
                (
                    400,
                    "Must provide valid root_pass, authorized_keys, or authorized_users",
                    "",
                    ErrorKind::InvalidRequest,
                ),
                (
                    400,
                    "Password does not meet strength requirement",
                    "root_pass",
                    ErrorKind::InvalidRequest,
                ),
                (
                    400,
                    "Length must be 3-64 characters",
                    "label",
                    ErrorKind::InvalidRequest,
                ),
                (
                    400,
                    "Account Limit reached. Please open a support ticket.",
                    "",
                    ErrorKind::Quota,
                ),
                (400, "No open slots for this plan!", "type", ErrorKind::Capacity),
                (
                    400,
                    "This plan is not available in the region",
                    "region",
                    ErrorKind::Capacity,
                ),
                (408, "Request timeout", "", ErrorKind::Unavailable),
                (429, "Too many requests", "", ErrorKind::RateLimited),
                (500, "An unexpected error occurred", "", ErrorKind::Unavailable),
                (503, "Service unavailable", "", ErrorKind::Unavailable),
            ],
        );
    }

    #[test]
    fn every_refused_delete_has_its_kind() {
        check(
            &Method::DELETE,
            Subject::Host,
            &[
                (404, "Not found", "", ErrorKind::NotFound),
                (400, "Linode busy.", "", ErrorKind::Conflict),
                (400, "Linode is being restored from a backup", "", ErrorKind::Conflict),
                (400, "Linode has a cannot_delete lock", "", ErrorKind::Forbidden),
                // Words of a create.
                (
                    400,
                    "This plan is not available in the region",
                    "",
                    ErrorKind::InvalidRequest,
                ),
            ],
        );
        check(
            &Method::DELETE,
            Subject::Part,
            &[
                (404, "Not found", "", ErrorKind::NotFound),
                (400, "Firewall is currently updated", "", ErrorKind::Conflict),
            ],
        );
        check(
            &Method::GET,
            Subject::Other,
            &[(400, "Cannot filter on foo", "X-Filter", ErrorKind::InvalidRequest)],
        );
    }

    #[test]
    fn only_the_vendors_own_words_say_that_something_is_gone() {
        errors(
            &VENDOR,
            &[
                (404, r#"{"errors":[{"reason":"Not found"}]}"#, ErrorKind::NotFound),
                (
                    404,
                    r#"{"errors":[{"reason":"Not found","field":null}]}"#,
                    ErrorKind::NotFound,
                ),
                (404, "<html>not found</html>", ErrorKind::UnexpectedResponse),
                (404, "", ErrorKind::UnexpectedResponse),
                (404, r#"{"errors":[]}"#, ErrorKind::UnexpectedResponse),
                (
                    404,
                    r#"{"errors":[{"message":"Not found"}]}"#,
                    ErrorKind::UnexpectedResponse,
                ),
                (404, r#"{"error":"not found"}"#, ErrorKind::UnexpectedResponse),
                (410, r#"{"errors":[{"reason":"Gone"}]}"#, ErrorKind::UnexpectedResponse),
                (401, "<html>gateway</html>", ErrorKind::Unauthorized),
                (429, "<html>gateway</html>", ErrorKind::RateLimited),
                (502, "<html>gateway</html>", ErrorKind::Unavailable),
            ],
        );
    }

    #[test]
    fn the_scopes_tell_a_poor_token_from_a_bad_one() {
        for (scopes, kind) in [
            ("linodes:read_only", ErrorKind::Forbidden),
            ("unknown", ErrorKind::Unauthorized),
        ] {
            let error = with_header(401, "x-oauth-scopes", scopes, "Invalid Token");
            assert_eq!(error.kind, kind, "{scopes}");
        }
    }

    #[test]
    fn maintenance_asks_for_a_pause() {
        let error = with_header(503, "x-maintenance-mode", "all", "Service unavailable");
        assert_eq!(
            (error.kind, error.retry_after),
            (ErrorKind::Unavailable, Some(MAINTENANCE))
        );
        let error = with_header(503, "x-other", "all", "Service unavailable");
        assert_eq!(error.retry_after, None);
    }

    #[test]
    fn all_problems_are_told_with_their_fields() {
        let body = r#"{"errors":[{"reason":"Length must be 3-64 characters","field":"label"},
            {"reason":"region is not valid","field":"region"},{"reason":"Other"}]}"#;
        let error = provision_testkit::tables::classify(&VENDOR, &Method::POST, Subject::NewHost, 400, body);
        assert_eq!(
            error.message,
            "label: Length must be 3-64 characters; region is not valid; Other"
        );
    }
}
