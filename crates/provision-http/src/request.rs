use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use provision_core::{Error, ErrorKind, Result};
use serde::Serialize;
use url::Url;

use crate::redact::Secrets;

/// A request as a value: what a provider's pure functions build and what a [`Transport`](crate::Transport) sends.
///
/// `Debug` shows neither the body nor header values marked sensitive.
#[derive(Clone)]
#[must_use]
pub struct Request {
    operation: &'static str,
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Bytes,
    retry: Retry,
    subject: Subject,
    success: Option<StatusCode>,
    secrets: Secrets,
}

/// What a request is about. It decides what "not found" means: only of the very thing that a request names can an answer say
/// that it is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A host that its id names: reads, changes and deletions of it.
    Host,
    /// Something that was made for a host and is named by its id: reads, changes and deletions of a firewall, a volume, an
    /// address. A request that makes such a thing is [`Other`](Self::Other).
    Part,
    /// The create that makes a host. A "not found" is about something that the order names.
    NewHost,
    /// Anything else: lists, catalogs, tokens.
    Other,
}

/// Whether the client may send a request a second time on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Repeating it changes nothing: may be sent once more after a connection failure or 502, 503, 504.
    Safe,
    /// Sent once, whatever happens. Every create and delete is of this class.
    Never,
}

/// A reference that vendors take as a number when it is an id and as a text when it is a name, such as an image or a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum IdOrName<'a> {
    /// An id.
    Id(u64),
    /// A name or slug.
    Name(&'a str),
}

impl<'a> From<&'a str> for IdOrName<'a> {
    fn from(text: &'a str) -> Self {
        text.parse().map_or(Self::Name(text), Self::Id)
    }
}

impl Request {
    /// A request with an empty body. GET and HEAD are [`Retry::Safe`], everything else [`Retry::Never`]. The operation names
    /// it in errors and traces, such as `create droplet`.
    pub fn new(operation: &'static str, method: Method, url: Url) -> Self {
        let retry = if method.is_safe() { Retry::Safe } else { Retry::Never };
        Self {
            operation,
            method,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            retry,
            subject: Subject::Other,
            success: None,
            secrets: Secrets::default(),
        }
    }

    /// A GET request.
    pub fn get(operation: &'static str, url: Url) -> Self {
        Self::new(operation, Method::GET, url)
    }

    /// A POST request.
    pub fn post(operation: &'static str, url: Url) -> Self {
        Self::new(operation, Method::POST, url)
    }

    /// A PUT request.
    pub fn put(operation: &'static str, url: Url) -> Self {
        Self::new(operation, Method::PUT, url)
    }

    /// A PATCH request.
    pub fn patch(operation: &'static str, url: Url) -> Self {
        Self::new(operation, Method::PATCH, url)
    }

    /// A DELETE request.
    pub fn delete(operation: &'static str, url: Url) -> Self {
        Self::new(operation, Method::DELETE, url)
    }

    /// Adds a query parameter, percent-encoded.
    pub fn query(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.url.query_pairs_mut().append_pair(name, &value.to_string());
        self
    }

    /// Adds or replaces a header.
    ///
    /// # Errors
    /// `InvalidRequest` when the value cannot stand in a header.
    pub fn header(mut self, name: &'static str, value: &str) -> Result<Self> {
        self.headers
            .insert(HeaderName::from_static(name), header_value(name, value)?);
        Ok(self)
    }

    /// Adds or replaces a header whose value is a secret.
    ///
    /// # Errors
    /// `InvalidRequest` when the value cannot stand in a header; the value is not repeated.
    pub fn secret_header(mut self, name: &'static str, value: &str) -> Result<Self> {
        self.set_secret_header(name, value)?;
        Ok(self)
    }

    /// As [`secret_header`](Self::secret_header), in place: for an [`Authorize`](crate::Authorize).
    ///
    /// # Errors
    /// `InvalidRequest` when the value cannot stand in a header; the value is not repeated.
    pub fn set_secret_header(&mut self, name: &'static str, value: &str) -> Result<()> {
        let mut header = header_value(name, value)?;
        header.set_sensitive(true);
        self.headers.insert(HeaderName::from_static(name), header);
        self.secrets.add(value);
        Ok(())
    }

    /// Replaces all headers, for a request that somebody else's library built. Every value counts as a secret.
    pub fn header_map(mut self, mut headers: HeaderMap) -> Self {
        for value in headers.values_mut() {
            value.set_sensitive(true);
        }
        self.headers = headers;
        self
    }

    /// As [`header`](Self::header), in place: for an [`Authorize`](crate::Authorize).
    ///
    /// # Errors
    /// `InvalidRequest` when the value cannot stand in a header.
    pub fn set_header(&mut self, name: &'static str, value: &str) -> Result<()> {
        self.headers
            .insert(HeaderName::from_static(name), header_value(name, value)?);
        Ok(())
    }

    /// Sets a JSON body with its content type.
    ///
    /// # Errors
    /// `InvalidRequest` when the value has no JSON form.
    pub fn json(self, value: &impl Serialize) -> Result<Self> {
        let body = serde_json::to_vec(value).map_err(|_| {
            Error::new(
                ErrorKind::InvalidRequest,
                "the request has no JSON form: report this as a bug",
            )
        })?;
        Ok(self.body("application/json", body))
    }

    /// Sets a form body (`a=b&c=d`) with its content type.
    pub fn form<'a>(self, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .finish();
        self.body("application/x-www-form-urlencoded; charset=utf-8", body)
    }

    /// Sets a body with its content type.
    pub fn body(mut self, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        self.headers
            .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        self.body = body.into();
        self
    }

    /// Names a text that must not appear in an error should the cloud echo it: user data, a password.
    pub fn redact(mut self, secret: &str) -> Self {
        self.secrets.add_text(secret);
        self
    }

    /// Says what the request is about; otherwise it is [`Subject::Other`].
    pub fn about(mut self, subject: Subject) -> Self {
        self.subject = subject;
        self
    }

    /// What the request is about.
    #[must_use]
    pub fn subject(&self) -> Subject {
        self.subject
    }

    /// The one status with which this cloud answers a success. Another one, such as a gateway's 200 with a page of its own, is
    /// then an error. For what nobody looks at again, such as the deletion of a part, where the vendor documents 204 without a
    /// body.
    pub fn answered_with(mut self, success: StatusCode) -> Self {
        self.success = Some(success);
        self
    }

    /// Overrides the retry class, for APIs that read with POST.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// What the request is for.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        self.operation
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The whole URL.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The headers that are set so far.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The exact bytes of the body.
    #[must_use]
    pub fn body_bytes(&self) -> &Bytes {
        &self.body
    }

    /// The retry class.
    #[must_use]
    pub fn retry_class(&self) -> Retry {
        self.retry
    }

    pub(crate) fn success(&self) -> Option<StatusCode> {
        self.success
    }

    pub(crate) fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    pub(crate) fn fill_header(&mut self, name: &HeaderName, value: &HeaderValue) {
        self.headers.entry(name).or_insert_with(|| value.clone());
    }
}

pub(crate) fn header_value(name: &str, value: &str) -> Result<HeaderValue> {
    HeaderValue::from_str(value).map_err(|_| {
        Error::invalid(format!(
            "the value for header `{name}` holds a line break or control character: check the setting it comes from"
        ))
    })
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("operation", &self.operation)
            .field("method", &self.method)
            .field("url", &self.url.as_str())
            .field("headers", &self.headers)
            .field("body", &format_args!("[{} bytes]", self.body.len()))
            .finish_non_exhaustive()
    }
}
