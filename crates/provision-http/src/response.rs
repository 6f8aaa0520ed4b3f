use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use provision_core::{Error, ErrorKind, Result};
use serde::de::DeserializeOwned;

use crate::Subject;

/// An answer as it came, whatever its status.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Response {
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body, decompressed.
    pub body: Bytes,
}

impl Response {
    /// An answer.
    pub fn new(status: StatusCode, headers: HeaderMap, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers,
            body: body.into(),
        }
    }
}

/// An answer with a success status, ready to be read.
#[derive(Debug, Clone)]
pub struct Answer {
    pub(crate) response: Response,
    pub(crate) provider: &'static str,
    pub(crate) operation: &'static str,
    pub(crate) subject: Subject,
    pub(crate) request_id: Option<String>,
}

impl Answer {
    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.response.status
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.response.headers
    }

    /// A header's text, if it is there and readable.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.headers.get(name)?.to_str().ok()
    }

    /// The raw body.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.response.body
    }

    /// Reads the body as JSON.
    ///
    /// # Errors
    /// `UnexpectedResponse` that names the field which did not fit, never its content.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        let deserializer = &mut serde_json::Deserializer::from_slice(&self.response.body);
        serde_path_to_error::deserialize(deserializer).map_err(|error| {
            // The text of the inner error may quote the value, which may be a secret: only its place is told.
            let (path, inner) = (error.path().to_string(), error.inner());
            let place = if path == "." { String::new() } else { format!(" at `{path}`") };
            self.unexpected(format!(
                "the answer does not have the expected form{place} (line {}, column {}): update this program, or report it",
                inner.line(),
                inner.column()
            ))
        })
    }

    /// An `UnexpectedResponse` about this answer, for what is missing or makes no sense.
    #[must_use]
    pub fn unexpected(&self, message: impl Into<String>) -> Error {
        let error = Error::new(ErrorKind::UnexpectedResponse, message)
            .with_provider(self.provider)
            .with_operation(self.operation)
            .with_http_status(self.response.status.as_u16())
            // The cloud accepted it, whatever it says.
            .with_may_exist(self.subject == Subject::NewHost);
        match &self.request_id {
            Some(id) => error.with_request_id(id.clone()),
            None => error,
        }
    }
}
