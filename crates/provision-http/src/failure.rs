use std::time::Duration;

use http::{HeaderMap, Method};
use provision_core::ErrorKind;
use serde::de::DeserializeOwned;

use crate::Subject;

/// How one vendor reports errors: static facts that the client needs to turn an answer into an error.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Vendor {
    /// The provider's id.
    pub provider: &'static str,
    /// The cloud's name for people.
    pub title: &'static str,
    /// Headers that may carry the vendor's id of the request, the first present one wins. Lower-case.
    pub request_id_headers: &'static [&'static str],
    /// Header with the unix second at which a rate limit ends, used where `Retry-After` is absent. Lower-case.
    pub rate_limit_reset_header: Option<&'static str>,
    /// Turns an error answer into kind, code and message.
    pub classify: fn(&Failure<'_>) -> VendorError,
}

impl Vendor {
    /// A vendor by its provider's id, its name for people, and how its error answers are read.
    #[must_use]
    pub const fn new(provider: &'static str, title: &'static str, classify: fn(&Failure<'_>) -> VendorError) -> Self {
        Self {
            provider,
            title,
            request_id_headers: &[],
            rate_limit_reset_header: None,
            classify,
        }
    }

    /// Headers that may carry the vendor's id of the request, the first present one wins. Lower-case.
    #[must_use]
    pub const fn with_request_id_headers(mut self, headers: &'static [&'static str]) -> Self {
        self.request_id_headers = headers;
        self
    }

    /// Header with the unix second at which a rate limit ends. Lower-case.
    #[must_use]
    pub const fn with_rate_limit_reset_header(mut self, header: &'static str) -> Self {
        self.rate_limit_reset_header = Some(header);
        self
    }
}

/// An answer with an error status, as a vendor's classification sees it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Failure<'a> {
    /// What the request was about.
    pub subject: Subject,
    /// The method of the request.
    pub method: &'a Method,
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The raw body.
    pub body: &'a [u8],
}

impl<'a> Failure<'a> {
    /// An answer to a request.
    #[must_use]
    pub fn new(subject: Subject, method: &'a Method, status: u16, headers: &'a HeaderMap, body: &'a [u8]) -> Self {
        Self {
            subject,
            method,
            status,
            headers,
            body,
        }
    }

    /// The body as JSON, `None` when it is not of that form: gateways answer with HTML or nothing.
    #[must_use]
    pub fn json<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(self.body).ok()
    }

    /// The error for an answer without a readable body, which a gateway may have sent: classified by its status alone, see
    /// [`kind_of_status`]. That something is gone it can never say.
    #[must_use]
    pub fn by_status(&self) -> VendorError {
        match kind_of_status(self.status) {
            ErrorKind::NotFound => VendorError {
                foreign: true,
                ..VendorError::new(ErrorKind::UnexpectedResponse, "")
            },
            kind => VendorError::new(kind, ""),
        }
    }
}

/// What a vendor's error answer means.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VendorError {
    /// The kind.
    pub kind: ErrorKind,
    /// The vendor's machine-readable code.
    pub code: Option<String>,
    /// The vendor's text; empty for a standard one.
    pub message: String,
    /// How long to wait, where only the body says so.
    pub retry_after: Option<Duration>,
    /// Whether these are not the vendor's own words, so that nothing can be concluded from a 404.
    pub foreign: bool,
}

impl VendorError {
    /// A kind with the vendor's text.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            code: None,
            message: message.into(),
            retry_after: None,
            foreign: false,
        }
    }

    /// Adds how long to wait, where only the body says so.
    #[must_use]
    pub fn retry_after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait;
        self
    }

    /// The answer is no word of the vendor's about what the request names: [`Failure::by_status`] for one whose body can be read.
    #[must_use]
    pub fn not_about_it(mut self) -> Self {
        self.foreign = true;
        self
    }

    /// Adds the vendor's code.
    #[must_use]
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }
}

/// What an HTTP status means when the body says nothing more.
#[must_use]
pub fn kind_of_status(status: u16) -> ErrorKind {
    match status {
        401 => ErrorKind::Unauthorized,
        402 | 403 => ErrorKind::Forbidden,
        404 | 410 => ErrorKind::NotFound,
        408 => ErrorKind::Unavailable,
        409 | 423 | 425 => ErrorKind::Conflict,
        429 => ErrorKind::RateLimited,
        501 => ErrorKind::Unsupported,
        400..=499 => ErrorKind::InvalidRequest,
        500..=599 => ErrorKind::Unavailable,
        _ => ErrorKind::UnexpectedResponse,
    }
}

/// What to tell the user where the vendor's answer has no text of its own.
pub(crate) fn standard_message(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Unauthorized => "the credentials were rejected",
        ErrorKind::Forbidden => "the credentials lack a permission",
        ErrorKind::NotFound => "not found",
        ErrorKind::AlreadyExists => "the name is taken",
        ErrorKind::Conflict => "the cloud is busy with it",
        ErrorKind::Quota => "an account limit is reached",
        ErrorKind::Capacity => "sold out",
        ErrorKind::RateLimited => "too many requests",
        ErrorKind::Unavailable => "the cloud has a fault",
        ErrorKind::InvalidRequest => "the cloud refused the request",
        ErrorKind::Unsupported => "the cloud cannot do that",
        _ => "the answer could not be understood",
    }
}

/// What the user can do about a kind of error, put behind the vendor's text.
pub(crate) fn advice(kind: ErrorKind, may_exist: bool) -> Option<&'static str> {
    Some(match kind {
        ErrorKind::Unauthorized => "check the credentials",
        ErrorKind::Forbidden => "give the credentials the permission, see the provider's README",
        ErrorKind::AlreadyExists => "choose another name, or delete that host",
        ErrorKind::Conflict => "try again in a while",
        ErrorKind::Quota => "delete hosts, or ask the cloud for a higher limit",
        ErrorKind::Capacity => "choose another plan or region",
        ErrorKind::RateLimited => "wait before the next request",
        ErrorKind::Unavailable if may_exist => {
            "the host may have been made: call again with the same name or key, which finds it"
        }
        ErrorKind::Unavailable => "try again",
        _ => return None,
    })
}

/// The wait that `Retry-After` (seconds or date) or the vendor's reset header asks for. Past times and negative numbers,
/// which clouds have been seen to send, count as zero; nothing is longer than an hour.
pub(crate) fn retry_after(
    headers: &HeaderMap,
    reset_header: Option<&str>,
    now: std::time::SystemTime,
) -> Option<Duration> {
    const LONGEST: Duration = Duration::from_secs(3600);
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let standard = text("retry-after").and_then(|value| match value.parse::<i64>() {
        Ok(seconds) => Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0))),
        Err(_) => httpdate::parse_http_date(value)
            .ok()
            .map(|date| date.duration_since(now).unwrap_or_default()),
    });
    let by_reset = || {
        let seconds = text(reset_header?)?.parse::<i64>().ok()?;
        let now = provision_core::unix_seconds(now);
        Some(Duration::from_secs(
            u64::try_from(seconds).unwrap_or(0).saturating_sub(now),
        ))
    };
    standard.or_else(by_reset).map(|wait| wait.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn every_form_of_retry_after_is_read() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let wait = |name: &'static str, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            retry_after(&headers, Some("x-reset"), now).map(|wait| wait.as_secs())
        };
        assert_eq!(wait("retry-after", "7"), Some(7));
        assert_eq!(wait("retry-after", "-3"), Some(0));
        assert_eq!(wait("retry-after", "99999999"), Some(3600));
        assert_eq!(wait("retry-after", "Mon, 12 Jan 1970 13:46:50 GMT"), Some(10));
        assert_eq!(wait("retry-after", "soon"), None);
        assert_eq!(wait("x-reset", "1000030"), Some(30));
        assert_eq!(wait("x-reset", "-5"), Some(0));
        assert_eq!(wait("x-other", "5"), None);
    }

    #[test]
    fn statuses_have_their_kinds() {
        let table = [
            (400, ErrorKind::InvalidRequest),
            (401, ErrorKind::Unauthorized),
            (403, ErrorKind::Forbidden),
            (404, ErrorKind::NotFound),
            (409, ErrorKind::Conflict),
            (422, ErrorKind::InvalidRequest),
            (423, ErrorKind::Conflict),
            (429, ErrorKind::RateLimited),
            (500, ErrorKind::Unavailable),
            (504, ErrorKind::Unavailable),
            (302, ErrorKind::UnexpectedResponse),
        ];
        for (status, kind) in table {
            assert_eq!(kind_of_status(status), kind, "{status}");
        }
    }
}
