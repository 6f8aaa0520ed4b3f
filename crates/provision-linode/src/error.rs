use std::time::Duration;

use provision_core::ErrorKind;
use provision_http::{Failure, Vendor, VendorError, kind_of_status};
use serde::Deserialize;

/// How Linode reports errors. Answers carry no request id.
pub(crate) const VENDOR: Vendor = Vendor {
    provider: "linode",
    title: "Linode",
    request_id_headers: &[],
    // Unix seconds. `Retry-After` comes with it, even with answers that refuse nothing; both were seen negative, which
    // the client takes for zero.
    rate_limit_reset_header: Some("x-ratelimit-reset"),
    classify,
};

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
        return VendorError {
            retry_after: Some(MAINTENANCE),
            ..VendorError::new(ErrorKind::Unavailable, "the API is under maintenance")
        };
    }
    let problems = failure.json::<Body>().map(|body| body.errors).unwrap_or_default();
    let kind = match failure.status {
        // A token without the scope is 401, too. Only for a token that it knows does the API name the scopes.
        401 if header("x-oauth-scopes").is_some_and(|scopes| scopes != "unknown") => ErrorKind::Forbidden,
        401 if problems.iter().any(|problem| problem.has(&["not authorized"])) => ErrorKind::Forbidden,
        // There is no 409 or 422: every problem with a request is 400, told apart by its words alone.
        400 => problems
            .iter()
            .find_map(|problem| problem.kind(failure.operation))
            .unwrap_or(ErrorKind::InvalidRequest),
        // On a create it is about something that the request names, never about the host.
        404 if failure.operation == "create instance" => ErrorKind::InvalidRequest,
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
    fn kind(&self, operation: &str) -> Option<ErrorKind> {
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
        } else if operation == "create instance"
            // UNCONFIRMED: "no open slots" is the text of API v3, no source has that of v4.
            && self.has(&["no open slots", "capacity", "sold out", "not available in", "unavailable in"])
        {
            Some(ErrorKind::Capacity)
        } else if operation == "delete instance" && self.has(&["lock"]) {
            // A `cannot_delete` lock (beta, wording UNCONFIRMED): somebody protects the instance.
            Some(ErrorKind::Forbidden)
        } else if operation.starts_with("delete") && self.has(&["clon", "restor", "migrat", "in progress", "currently"])
        {
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

    use super::*;

    fn classified(
        operation: &'static str,
        status: u16,
        header: Option<(&'static str, &'static str)>,
        body: &str,
    ) -> VendorError {
        let mut headers = HeaderMap::new();
        if let Some((name, value)) = header {
            headers.insert(name, HeaderValue::from_static(value));
        }
        classify(&Failure {
            operation,
            subject: provision_http::Subject::Host,
            method: &provision_http::http::Method::GET,
            status,
            headers: &headers,
            body: body.as_bytes(),
        })
    }

    #[test]
    fn every_error_of_the_vendor_has_its_kind() {
        let create = "create instance";
        let table = [
            (create, 401, "Invalid Token", "", ErrorKind::Unauthorized),
            (
                create,
                401,
                "Your OAuth token is not authorized to use this endpoint.",
                "",
                ErrorKind::Forbidden,
            ),
            (create, 403, "Unauthorized", "", ErrorKind::Forbidden),
            ("get instance", 404, "Not found", "", ErrorKind::NotFound),
            ("delete instance", 404, "Not found", "", ErrorKind::NotFound),
            (create, 404, "Not found", "", ErrorKind::InvalidRequest),
            (create, 400, "region is not valid", "region", ErrorKind::InvalidRequest),
            (
                create,
                400,
                "A valid plan type by that ID was not found",
                "type",
                ErrorKind::InvalidRequest,
            ),
            (create, 400, "image is not valid", "image", ErrorKind::InvalidRequest),
            (
                create,
                400,
                "Label must be unique among your linodes",
                "label",
                ErrorKind::AlreadyExists,
            ),
            (
                create,
                400,
                "Label must be unique among your linodes",
                "",
                ErrorKind::AlreadyExists,
            ),
            (
                create,
                400,
                "Must provide valid root_pass, authorized_keys, or authorized_users",
                "",
                ErrorKind::InvalidRequest,
            ),
            (
                create,
                400,
                "Password does not meet strength requirement",
                "root_pass",
                ErrorKind::InvalidRequest,
            ),
            (
                create,
                400,
                "Length must be 3-64 characters",
                "label",
                ErrorKind::InvalidRequest,
            ),
            (
                create,
                400,
                "Account Limit reached. Please open a support ticket.",
                "",
                ErrorKind::Quota,
            ),
            (create, 400, "No open slots for this plan!", "type", ErrorKind::Capacity),
            (
                create,
                400,
                "This plan is not available in the region",
                "region",
                ErrorKind::Capacity,
            ),
            ("delete instance", 400, "Linode busy.", "", ErrorKind::Conflict),
            (
                "delete instance",
                400,
                "Linode is being restored from a backup",
                "",
                ErrorKind::Conflict,
            ),
            (
                "delete instance",
                400,
                "Linode has a cannot_delete lock",
                "",
                ErrorKind::Forbidden,
            ),
            (
                "list instances",
                400,
                "Cannot filter on foo",
                "X-Filter",
                ErrorKind::InvalidRequest,
            ),
            (create, 408, "Request timeout", "", ErrorKind::Unavailable),
            (create, 429, "Too many requests", "", ErrorKind::RateLimited),
            (create, 500, "An unexpected error occurred", "", ErrorKind::Unavailable),
            (create, 503, "Service unavailable", "", ErrorKind::Unavailable),
        ];
        for (operation, status, reason, field, kind) in table {
            let field = if field.is_empty() {
                String::new()
            } else {
                format!(r#","field":"{field}""#)
            };
            let body = format!(r#"{{"errors":[{{"reason":"{reason}"{field}}}]}}"#);
            assert_eq!(
                classified(operation, status, None, &body).kind,
                kind,
                "{operation} {status} {reason}"
            );
        }
        for (status, kind) in [
            (401, ErrorKind::Unauthorized),
            (429, ErrorKind::RateLimited),
            (502, ErrorKind::Unavailable),
        ] {
            assert_eq!(classified(create, status, None, "<html>gateway</html>").kind, kind);
        }
    }

    #[test]
    fn the_scopes_tell_a_poor_token_from_a_bad_one() {
        let body = r#"{"errors":[{"reason":"Invalid Token"}]}"#;
        for (scopes, kind) in [
            ("linodes:read_only", ErrorKind::Forbidden),
            ("unknown", ErrorKind::Unauthorized),
        ] {
            let error = classified("list instances", 401, Some(("x-oauth-scopes", scopes)), body);
            assert_eq!(error.kind, kind, "{scopes}");
        }
    }

    #[test]
    fn maintenance_asks_for_a_pause() {
        let body = r#"{"errors":[{"reason":"Service unavailable"}]}"#;
        let error = classified("get instance", 503, Some(("x-maintenance-mode", "all")), body);
        assert_eq!(
            (error.kind, error.retry_after),
            (ErrorKind::Unavailable, Some(MAINTENANCE))
        );
        assert_eq!(classified("get instance", 503, None, body).retry_after, None);
    }

    #[test]
    fn all_problems_are_told_with_their_fields() {
        let body = r#"{"errors":[{"reason":"Length must be 3-64 characters","field":"label"},
            {"reason":"region is not valid","field":"region"},{"reason":"Other"}]}"#;
        assert_eq!(
            classified("create instance", 400, None, body).message,
            "label: Length must be 3-64 characters; region is not valid; Other"
        );
    }
}
