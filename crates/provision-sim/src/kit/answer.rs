//! Answers of a cloud.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde_json::Value;

/// An answer before it is put on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
}

impl Answer {
    /// No body, no content type: 204 and the like.
    pub(crate) fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    /// A JSON body.
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::empty(status)
            .header("content-type", "application/json; charset=utf-8")
            .body(body.to_string())
    }

    /// An XML body; escape values with [`escape_xml`](crate::kit::text::escape_xml).
    pub(crate) fn xml(status: u16, body: impl Into<Bytes>) -> Self {
        Self::empty(status)
            .header("content-type", "text/xml;charset=UTF-8")
            .body(body)
    }

    /// A plain text body.
    pub(crate) fn text(status: u16, body: impl Into<Bytes>) -> Self {
        Self::empty(status)
            .header("content-type", "text/plain; charset=utf-8")
            .body(body)
    }

    /// Sets another content type.
    pub(crate) fn content_type(mut self, value: &str) -> Self {
        self.headers.retain(|(name, _)| *name != "content-type");
        self.header("content-type", value)
    }

    /// Adds a header, lower-case name.
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// The answer for the wire. `defaults` are headers for which the answer has none of its own. A header value that
    /// HTTP does not allow is left out.
    pub(crate) fn into_response(self, defaults: Vec<(&'static str, String)>) -> Response<Bytes> {
        let mut response = Response::new(self.body);
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::try_from(value) {
                response.headers_mut().append(HeaderName::from_static(name), value);
            }
        }
        for (name, value) in defaults {
            if let (false, Ok(value)) = (response.headers().contains_key(name), HeaderValue::try_from(value)) {
                response.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
        if self.status != 204 && self.status != 304 {
            let length = response.body().len();
            response
                .headers_mut()
                .insert(http::header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn own_headers_win_over_defaults() {
        let answer = Answer::json(200, &json!({}))
            .header("x-a", "own")
            .header("x-bad", "a\nb");
        let response = answer.into_response(vec![("x-a", "default".into()), ("x-b", "default".into())]);
        assert_eq!(response.headers()["x-a"], "own");
        assert_eq!(response.headers()["x-b"], "default");
        assert_eq!(response.headers()["content-length"], "2");
        assert!(!response.headers().contains_key("x-bad"));
    }
}
