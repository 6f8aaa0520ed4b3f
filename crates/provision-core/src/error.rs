use std::{fmt, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{HostId, HostRef, Invalid};

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Source = Box<dyn std::error::Error + Send + Sync + 'static>;

/// What kind of failure a call met: what a caller branches on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request cannot succeed as it stands: a bad name, region, plan, image or setting. Nothing was created.
    InvalidRequest,
    /// The credentials are missing, wrong or expired.
    Unauthorized,
    /// The credentials are good but lack a permission.
    Forbidden,
    /// The host, or something the request names, does not exist. Never used for a rejected credential or a rate limit.
    NotFound,
    /// Another host has that name and was not made with this key.
    AlreadyExists,
    /// The cloud is busy with that host; call again in a while.
    Conflict,
    /// An account limit is reached.
    Quota,
    /// The plan is sold out in that region; another plan or region may do.
    Capacity,
    /// Too many requests; wait for [`Error::retry_after`].
    RateLimited,
    /// The cloud did not answer, or answered 5xx. After a create the outcome is unknown: call again with the same key.
    Unavailable,
    /// The cloud answered something that could not be understood.
    UnexpectedResponse,
    /// The cloud, or this crate, cannot do what was asked.
    Unsupported,
}

impl ErrorKind {
    /// The name in snake case, for metrics and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::AlreadyExists => "already_exists",
            Self::Conflict => "conflict",
            Self::Quota => "quota",
            Self::Capacity => "capacity",
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
            Self::UnexpectedResponse => "unexpected_response",
            Self::Unsupported => "unsupported",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why a call failed: a kind to branch on and a text to show. Never holds a secret or user data.
///
/// The text is lower-case, says what to do, and is followed by the operation, the vendor's own code and message and the
/// vendor's request id where they are known.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    provider: Option<&'static str>,
    operation: Option<&'static str>,
    code: Option<String>,
    http_status: Option<u16>,
    request_id: Option<String>,
    retry_after: Option<Duration>,
    host: Option<HostId>,
    may_exist: bool,
    /// Shared by all who waited for what failed.
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of a kind with its text.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            provider: None,
            operation: None,
            code: None,
            http_status: None,
            request_id: None,
            retry_after: None,
            host: None,
            may_exist: false,
            source: None,
        }))
    }

    /// An [`ErrorKind::InvalidRequest`].
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidRequest, message)
    }

    /// An [`ErrorKind::NotFound`] for a host id, in the same words for every cloud.
    pub fn host_not_found(id: &crate::HostId) -> Self {
        Self::new(
            ErrorKind::NotFound,
            format!("host `{}` does not exist, or no longer does", id.to_text()),
        )
    }

    /// An [`ErrorKind::NotFound`] for an address that none of our hosts has, in the same words for every cloud.
    pub fn no_host_with_ip(ip: std::net::IpAddr) -> Self {
        Self::new(
            ErrorKind::NotFound,
            format!("no host that this tool created has the address {ip}: list the hosts, or delete by id"),
        )
    }

    /// An [`ErrorKind::InvalidRequest`] for a region that the cloud does not have, listing those it has.
    pub fn unknown_region(region: &str, known: &[&str]) -> Self {
        let mut known = known.to_vec();
        known.sort_unstable();
        Self::invalid(format!("region {region:?} does not exist; known: {}", known.join(", ")))
    }

    /// Adds the provider's id.
    #[must_use]
    pub fn with_provider(mut self, provider: &'static str) -> Self {
        self.0.provider = Some(provider);
        self
    }

    /// Adds the name of the operation, such as `create droplet`.
    #[must_use]
    pub fn with_operation(mut self, operation: &'static str) -> Self {
        self.0.operation = Some(operation);
        self
    }

    /// Adds the vendor's own error code.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.0.code = Some(code.into());
        self
    }

    /// Adds the HTTP status of the answer.
    #[must_use]
    pub fn with_http_status(mut self, status: u16) -> Self {
        self.0.http_status = Some(status);
        self
    }

    /// Adds the vendor's id of the request, which its support asks for.
    #[must_use]
    pub fn with_request_id(mut self, id: impl Into<String>) -> Self {
        self.0.request_id = Some(id.into());
        self
    }

    /// Adds how long to wait before the next call.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Option<Duration>) -> Self {
        self.0.retry_after = wait;
        self
    }

    /// Adds the underlying error. Its text must hold no secret.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Source>) -> Self {
        self.0.source = Some(source.into().into());
        self
    }

    /// Replaces the kind, for a provider that knows more than the general classification.
    #[must_use]
    pub fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self
    }

    /// Puts further text before the message.
    #[must_use]
    pub fn context(mut self, context: impl fmt::Display) -> Self {
        self.0.message = format!("{context}: {}", self.0.message);
        self
    }

    /// Puts further text, such as a hint, behind the message.
    #[must_use]
    pub fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.0.message = format!("{}; {hint}", self.0.message);
        self
    }

    /// Says that a host exists in spite of the error, and bills until it is deleted.
    #[must_use]
    pub fn with_host(mut self, id: HostId) -> Self {
        self.0.host = Some(id);
        self
    }

    /// Says that a create was sent and that nothing tells whether it made a host.
    #[must_use]
    pub fn with_may_exist(mut self, may_exist: bool) -> Self {
        self.0.may_exist = may_exist;
        self
    }

    /// Says which plan, image and region a refused create asked for, because clouds seldom repeat what they refuse.
    #[must_use]
    pub(crate) fn with_order(self, order: &crate::Order) -> Self {
        match self.kind() {
            ErrorKind::InvalidRequest | ErrorKind::Capacity | ErrorKind::NotFound => self.hint(order.describe()),
            _ => self,
        }
    }

    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The text without provider, operation, code and request id.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The provider's id, where the error came from one.
    #[must_use]
    pub fn provider(&self) -> Option<&'static str> {
        self.0.provider
    }

    /// The operation that failed.
    #[must_use]
    pub fn operation(&self) -> Option<&'static str> {
        self.0.operation
    }

    /// The vendor's own error code.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// The HTTP status of the vendor's answer, when there was an answer.
    #[must_use]
    pub fn http_status(&self) -> Option<u16> {
        self.0.http_status
    }

    /// The vendor's id of the failed request.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// How long the vendor asks to wait before the next call.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The host that exists in spite of the error. It bills: call again with the same key, or delete it.
    #[must_use]
    pub fn host(&self) -> Option<&HostId> {
        self.0.host.as_ref()
    }

    /// Whether a create was sent of which nobody knows whether it made a host. The same call finds it, if there is one.
    #[must_use]
    pub fn may_exist(&self) -> bool {
        self.0.may_exist
    }

    /// Whether the same call may succeed later without a change: busy, rate limited or unavailable.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(
            self.0.kind,
            ErrorKind::Conflict | ErrorKind::RateLimited | ErrorKind::Unavailable
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &self.0;
        if let Some(provider) = inner.provider {
            write!(f, "{provider}: ")?;
        }
        if let Some(operation) = inner.operation {
            write!(f, "{operation}: ")?;
        }
        f.write_str(&inner.message)?;
        if let Some(id) = &inner.host {
            let host = HostRef::new(inner.provider.unwrap_or("host"), id.clone());
            write!(
                f,
                "; {host} exists and bills until it is deleted: delete it, or go on with it by calling again with the same name or key"
            )?;
        }
        let facts: Vec<String> = [
            inner.http_status.map(|status| format!("http {status}")),
            inner.code.as_ref().map(|code| format!("code {code}")),
            inner.request_id.as_ref().map(|id| format!("request id {id}")),
            inner
                .retry_after
                .map(|wait| format!("retry after {} s", wait.as_secs_f64().ceil())),
        ]
        .into_iter()
        .flatten()
        .collect();
        if facts.is_empty() {
            Ok(())
        } else {
            write!(f, " ({})", facts.join(", "))
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|source| source as &(dyn std::error::Error + 'static))
    }
}

impl From<Invalid> for Error {
    fn from(invalid: Invalid) -> Self {
        Self::invalid(invalid.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_carries_every_known_fact_once() {
        let error = Error::new(ErrorKind::RateLimited, "too many requests")
            .with_provider("digitalocean")
            .with_operation("list droplets")
            .with_code("too_many_requests")
            .with_http_status(429)
            .with_request_id("abc")
            .with_retry_after(Some(Duration::from_millis(1500)));
        assert_eq!(
            error.to_string(),
            "digitalocean: list droplets: too many requests (http 429, code too_many_requests, request id abc, retry after 2 s)"
        );
        assert!(error.is_retryable());
        assert!(!Error::invalid("x").is_retryable());
    }
}
