//! A request and its outcome, without a transport.

use std::{net::IpAddr, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

/// How the request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

impl Scheme {
    /// `http` or `https`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// A request as the client sent it: nothing decoded, nothing normalised, so that signatures can be checked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SimRequest {
    /// Method.
    pub method: Method,
    /// Scheme of the connection.
    pub scheme: Scheme,
    /// The Host header (or the authority of an absolute request line), with the port where one was sent.
    pub authority: String,
    /// Path as sent, percent-encoded, with a cloud's prefix if there is one.
    pub path: String,
    /// Query as sent, without the question mark.
    pub query: String,
    /// Headers as sent.
    pub headers: HeaderMap,
    /// Body as sent.
    pub body: Bytes,
    /// The other end of the connection; `None` for a request made in this process.
    pub peer: Option<IpAddr>,
}

impl SimRequest {
    /// A request to `target`: a path with an optional query (`/hetzner/v1/servers?page=1`), or a whole URL
    /// (`https://api.hetzner.cloud/v1/servers`). A path alone goes to host `localhost`.
    pub fn new(method: Method, target: &str) -> Self {
        let (scheme, rest) = match (target.strip_prefix("https://"), target.strip_prefix("http://")) {
            (Some(rest), _) => (Scheme::Https, Some(rest)),
            (None, Some(rest)) => (Scheme::Http, Some(rest)),
            (None, None) => (Scheme::Http, None),
        };
        let (authority, target) = match rest {
            Some(rest) => rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len())),
            None => ("localhost", target),
        };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let path = if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("/{path}")
        };
        Self {
            method,
            scheme,
            authority: authority.to_owned(),
            path,
            query: query.to_owned(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            peer: None,
        }
    }

    /// Adds a header. A name or value that HTTP does not allow is left out.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            self.headers.append(name, value);
        }
        self
    }

    /// Adds `Authorization: Bearer <token>`.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets a JSON body and its content type.
    #[must_use]
    pub fn json(self, body: &serde_json::Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }
}

/// What becomes of a request.
#[derive(Clone, Debug)]
pub enum SimOutcome {
    /// The answer. Its [`delay`](Self::delay) is in its extensions; a body shorter than its `content-length` is a
    /// truncated one, to be followed by the end of the connection.
    Answer(http::Response<Bytes>),
    /// The connection is closed without an answer.
    Drop,
}

/// How long an answer is held back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delay(pub(crate) Duration);

impl SimOutcome {
    /// How long to wait before the answer is sent; zero unless a latency fault applied.
    pub fn delay(&self) -> Duration {
        match self {
            Self::Answer(answer) => answer
                .extensions()
                .get::<Delay>()
                .map_or(Duration::ZERO, |delay| delay.0),
            Self::Drop => Duration::ZERO,
        }
    }

    /// The answer, unless the connection is dropped.
    pub fn answer(self) -> Option<http::Response<Bytes>> {
        match self {
            Self::Answer(answer) => Some(answer),
            Self::Drop => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_taken_apart_as_sent() {
        let request = SimRequest::new(Method::GET, "https://ec2.eu-west-1.amazonaws.com?Action=a%20b");
        assert_eq!(request.scheme, Scheme::Https);
        assert_eq!(request.authority, "ec2.eu-west-1.amazonaws.com");
        assert_eq!((request.path.as_str(), request.query.as_str()), ("/", "Action=a%20b"));

        let request = SimRequest::new(Method::GET, "/hetzner/v1/a%2Fb?");
        assert_eq!(request.authority, "localhost");
        assert_eq!(
            (request.path.as_str(), request.query.as_str()),
            ("/hetzner/v1/a%2Fb", "")
        );
    }
}
