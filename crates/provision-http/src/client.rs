use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use async_trait::async_trait;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use provision_core::{Error, ErrorKind, ExposeSecret, Result, SecretString};
use serde::de::DeserializeOwned;
use tracing::Instrument as _;

use crate::{
    Answer, ChainedPage, Failure, NumberedPage, Request, Response, Retry, Subject, Transport, TransportError, Vendor,
    bounds::Progress,
    failure::{advice, retry_after, standard_message},
    redact::Secrets,
    request::header_value,
};

/// Sends a provider's requests: adds the credentials, keeps the deadline, repeats safe requests once, and turns every
/// failure into an [`Error`] without secrets. Clones share the connection pool.
#[derive(Debug, Clone)]
pub struct Client {
    transport: Arc<dyn Transport>,
    vendor: Vendor,
    headers: HeaderMap,
    secrets: Secrets,
    deadline: Duration,
    authorizer: Option<Arc<dyn Authorize>>,
}

/// What became of a deletion.
#[derive(Debug)]
pub enum Going {
    /// The cloud says that there is no such thing.
    Gone,
    /// The cloud accepted it.
    Accepted,
    /// The cloud is too busy with it to accept: something uses it, or it is being changed. The error says so.
    Busy(Error),
}

impl Going {
    /// Whether the thing is gone.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Gone)
    }

    /// Whether the cloud is too busy to accept.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Busy(_))
    }

    /// Takes a refusal for lack of time as an error: of a host's own deletion, which has to be accepted some time.
    ///
    /// # Errors
    /// `Conflict`, when the cloud is too busy.
    pub fn accepted(self) -> Result<Self> {
        match self {
            Self::Busy(error) => Err(error),
            other => Ok(other),
        }
    }
}

/// Adds credentials that depend on the request or have to be fetched first: a signature, or an access token with an expiry.
///
/// Credentials that never change are a [`secret_header`](ClientBuilder::secret_header) of the client instead.
#[async_trait]
pub trait Authorize: fmt::Debug + Send + Sync {
    /// Adds the credentials. Runs after all other headers are set, once for each request that is sent, repeats excepted.
    ///
    /// # Errors
    /// Whatever keeps the credentials from being made; the request is then not sent.
    async fn authorize(&self, request: &mut Request) -> Result<()>;
}

/// Builds a [`Client`].
#[derive(Debug)]
#[must_use]
pub struct ClientBuilder(Client);

impl Client {
    /// A client of a vendor's API over a transport. The deadline of a call is 15 seconds, a retry included.
    pub fn builder(vendor: Vendor, transport: Arc<dyn Transport>) -> ClientBuilder {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(
            header::USER_AGENT,
            HeaderValue::from_static(concat!("provision/", env!("CARGO_PKG_VERSION"))),
        );
        let deadline = Duration::from_secs(15);
        ClientBuilder(Self {
            transport,
            vendor,
            headers,
            secrets: Secrets::default(),
            deadline,
            authorizer: None,
        })
    }

    /// Sends a request and returns its answer if that is a success (2xx).
    ///
    /// # Errors
    /// What the vendor's classification makes of an error answer; `Unavailable` when no answer came.
    pub async fn send(&self, mut request: Request) -> Result<Answer> {
        for (name, value) in &self.headers {
            request.fill_header(name, value);
        }
        if let Some(authorizer) = &self.authorizer {
            authorizer.authorize(&mut request).await?;
        }
        let span = tracing::debug_span!(
            "http_request",
            provider = self.vendor.provider,
            operation = request.operation(),
            method = %request.method(),
            status = tracing::field::Empty,
            request_id = tracing::field::Empty,
            attempts = tracing::field::Empty,
            duration_ms = tracing::field::Empty,
        );
        let result = self.attempt(&request).instrument(span.clone()).await;
        let _entered = span.enter();
        match &result {
            Ok(_) => tracing::debug!("answered"),
            Err(error) => tracing::debug!(kind = %error.kind(), "failed"),
        }
        result
    }

    /// Reads something that may not be there: `None` when the cloud says so.
    ///
    /// # Errors
    /// Any other error, and an answer of another form.
    pub async fn find<T: DeserializeOwned>(&self, request: Request) -> Result<Option<T>> {
        match self.send(request).await {
            Ok(answer) => answer.json().map(Some),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Deletes something, or tells that it is gone, or that the cloud is too busy with it to accept.
    ///
    /// # Errors
    /// Any other error.
    pub async fn remove(&self, request: Request) -> Result<Going> {
        match self.send(request).await {
            Ok(_) => Ok(Going::Accepted),
            Err(error) => match error.kind() {
                ErrorKind::NotFound => Ok(Going::Gone),
                ErrorKind::Conflict => Ok(Going::Busy(error)),
                _ => Err(error),
            },
        }
    }

    /// All pages of a list whose pages have numbers, from 1. Each is asked for by number, so that no answer can send us
    /// elsewhere.
    ///
    /// # Errors
    /// As [`pages`](Self::pages).
    pub async fn numbered_pages<P: NumberedPage>(
        &self,
        request: impl Fn(usize) -> Request + Send + Sync,
    ) -> Result<Vec<P::Item>> {
        let mut seen = 0;
        let read = |answer: &Answer, page: usize| {
            let read = answer.json::<P>()?;
            let more = read.has_more(page, &mut seen, answer);
            Ok((read.into_items(), more.then(|| request(page + 1))))
        };
        self.pages(request(1), read).await
    }

    /// All pages of a list, each asked for with the token that the one before it gave. A token is only ever a parameter, so
    /// that no answer can send us elsewhere.
    ///
    /// # Errors
    /// As [`pages`](Self::pages).
    pub async fn chained_pages<P: ChainedPage>(
        &self,
        request: impl Fn(Option<&str>) -> Request + Send + Sync,
    ) -> Result<Vec<P::Item>> {
        let read = |answer: &Answer, _: usize| {
            let (items, next) = answer.json::<P>()?.into_parts(answer)?;
            let next = next.filter(|token| !token.is_empty());
            Ok((items, next.map(|token| request(Some(&token)))))
        };
        self.pages(request(None), read).await
    }

    /// A list that a filter narrows down to a single page.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn one_page<P: NumberedPage>(&self, request: Request) -> Result<Vec<P::Item>> {
        Ok(self.send(request).await?.json::<P>()?.into_items())
    }

    /// Reads all pages of a list. `read` takes an answer and the number of its page, from 1, and gives the items and the
    /// request for the next page, if there is one.
    ///
    /// # Errors
    /// That of the page which failed: a partial list is never returned. `UnexpectedResponse` for a list that is larger or takes
    /// longer than the transport's [`Bounds`](crate::Bounds), or whose pages lead in a circle.
    pub async fn pages<T>(
        &self,
        first: Request,
        mut read: impl FnMut(&Answer, usize) -> Result<(Vec<T>, Option<Request>)> + Send,
    ) -> Result<Vec<T>>
    where
        T: Send,
    {
        let mut progress = Progress::new(self.transport.bounds(), self.transport.clock(), &first);
        let (mut items, mut request, mut page) = (Vec::new(), first, 1);
        loop {
            let answer = self.send(request).await?;
            progress.count(&answer)?;
            let (found, next) = read(&answer, page)?;
            progress.go_on(&answer, found.len(), next.as_ref())?;
            items.extend(found);
            match next {
                None => return Ok(items),
                Some(next) => (request, page) = (next, page + 1),
            }
        }
    }

    async fn attempt(&self, request: &Request) -> Result<Answer> {
        let started = Instant::now();
        let span = tracing::Span::current();
        let mut attempts = 0_u32;
        loop {
            attempts += 1;
            let left = self.deadline.saturating_sub(started.elapsed());
            let outcome = self.transport.send(request, left).await;
            span.record("attempts", attempts);
            span.record(
                "duration_ms",
                u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            );
            let (result, may_repeat) = match outcome {
                Ok(response) => {
                    span.record("status", response.status.as_u16());
                    if let Some(id) = self.request_id(&response) {
                        span.record("request_id", id.as_str());
                    }
                    self.read(request, response)
                }
                Err(error) => {
                    let may_repeat = matches!(error, TransportError::Connect(_) | TransportError::Interrupted(_));
                    (Err(self.unavailable(request, error)), may_repeat)
                }
            };
            let time_left = self.deadline.saturating_sub(started.elapsed()) > Duration::ZERO;
            if result.is_ok() || attempts > 1 || !may_repeat || request.retry_class() == Retry::Never || !time_left {
                return result;
            }
            tracing::debug!("repeating a safe request");
        }
    }

    /// The result, and whether a safe request may be repeated.
    fn read(&self, request: &Request, response: Response) -> (Result<Answer>, bool) {
        let request_id = self.request_id(&response);
        if response.status.is_success() {
            let (provider, operation) = (self.vendor.provider, request.operation());
            let answer = Answer {
                response,
                provider,
                operation,
                subject: request.subject(),
                request_id,
            };
            let status = answer.response.status;
            return match request.success().filter(|expected| *expected != status) {
                None => (Ok(answer), false),
                Some(expected) => {
                    let text = format!(
                        "the answer is {}, but {} answers {}: is the endpoint right?",
                        status.as_u16(),
                        self.vendor.title,
                        expected.as_u16()
                    );
                    (Err(answer.unexpected(text)), false)
                }
            };
        }
        let failure = Failure::new(
            request.subject(),
            request.method(),
            response.status.as_u16(),
            &response.headers,
            &response.body,
        );
        let mut classified = (self.vendor.classify)(&failure);
        let gone = matches!(classified.kind, ErrorKind::NotFound | ErrorKind::UnexpectedResponse);
        if classified.foreign && gone {
            classified.kind = ErrorKind::UnexpectedResponse;
            classified.message = format!(
                "the answer is {}, but not in {}'s words: is the endpoint right?",
                response.status.as_u16(),
                self.vendor.title
            );
        } else if classified.kind == ErrorKind::NotFound
            && matches!(request.subject(), Subject::NewHost | Subject::Other)
        {
            // Something that the request names does not exist; no host is gone because of that.
            classified.kind = ErrorKind::InvalidRequest;
        }
        // A reset header stands on every answer; only a refused request has to wait for it.
        let reset_header = self
            .vendor
            .rate_limit_reset_header
            .filter(|_| classified.kind == ErrorKind::RateLimited);
        let may_wait = matches!(
            classified.kind,
            ErrorKind::RateLimited | ErrorKind::Unavailable | ErrorKind::Conflict
        );
        let wait = retry_after(&response.headers, reset_header, SystemTime::now())
            .filter(|_| may_wait)
            .or(classified.retry_after);
        let may_repeat = classified.kind == ErrorKind::Unavailable
            && wait.is_none()
            && matches!(
                response.status,
                StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
            );
        // A refusal in the vendor's words is one, whatever its status: sold out is sometimes a 503.
        let unclear = matches!(classified.kind, ErrorKind::Unavailable | ErrorKind::UnexpectedResponse);
        let may_exist = unclear && request.subject() == Subject::NewHost && response.status.is_server_error();
        let mut error = self
            .error(request, classified.kind, &classified.message, may_exist)
            .with_http_status(response.status.as_u16())
            .with_retry_after(wait);
        if let Some(code) = classified.code {
            error = error.with_code(self.clean(request, &code));
        }
        if let Some(id) = request_id {
            error = error.with_request_id(id);
        }
        (Err(error), may_repeat)
    }

    fn unavailable(&self, request: &Request, cause: TransportError) -> Error {
        let host = request.url().host_str().unwrap_or_default();
        let port = request.url().port().map(|port| format!(":{port}")).unwrap_or_default();
        let (kind, message) = match &cause {
            TransportError::Connect(_) => {
                let error = self.plain(
                    request,
                    ErrorKind::Unavailable,
                    &format!("cannot connect to {host}{port}"),
                );
                return error
                    .hint("nothing was sent; check the network, and `endpoint` if you set it")
                    .with_source(cause);
            }
            TransportError::Certificate(_) => {
                let text = format!("the certificate of {host}{port} is not to be trusted");
                let error = self.plain(request, ErrorKind::UnexpectedResponse, &text);
                return error
                    .hint("nothing was sent; check `endpoint`, this machine's clock and its certificates")
                    .with_source(cause);
            }
            TransportError::Timeout => (
                ErrorKind::Unavailable,
                format!("{host}{port} did not answer within {} s", self.deadline.as_secs()),
            ),
            TransportError::Interrupted(_) => (
                ErrorKind::Unavailable,
                format!("the connection to {host}{port} broke before the answer was complete"),
            ),
            TransportError::TooLarge { .. } => (ErrorKind::UnexpectedResponse, format!("{cause} from {host}{port}")),
        };
        let may_exist = request.subject() == Subject::NewHost;
        self.error(request, kind, &message, may_exist).with_source(cause)
    }

    fn error(&self, request: &Request, kind: ErrorKind, message: &str, may_exist: bool) -> Error {
        let error = self.plain(request, kind, message).with_may_exist(may_exist);
        match advice(kind, may_exist) {
            Some(advice) => error.hint(advice),
            None => error,
        }
    }

    fn plain(&self, request: &Request, kind: ErrorKind, message: &str) -> Error {
        let message = self.clean(request, message);
        let message = if message.is_empty() {
            standard_message(kind).to_owned()
        } else {
            message
        };
        Error::new(kind, message)
            .with_provider(self.vendor.provider)
            .with_operation(request.operation())
    }

    /// A vendor's text made fit to show: one line, no trailing period, not endless, no secrets.
    fn clean(&self, request: &Request, text: &str) -> String {
        const LONGEST: usize = 400;
        let scrubbed = self.secrets.scrub(text);
        let scrubbed = request.secrets().scrub(&scrubbed);
        let words = scrubbed.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut line: String = words.chars().filter(|c| !c.is_control()).take(LONGEST).collect();
        if words.chars().count() > LONGEST {
            line.push_str("...");
        }
        line.trim_end_matches('.').to_owned()
    }

    fn request_id(&self, response: &Response) -> Option<String> {
        let header = self
            .vendor
            .request_id_headers
            .iter()
            .find_map(|name| response.headers.get(*name))?;
        Some(header.to_str().ok()?.chars().take(128).collect())
    }
}

impl ClientBuilder {
    /// Sends a header with every request that does not set it itself.
    ///
    /// # Errors
    /// `InvalidRequest` when the value cannot stand in a header.
    pub fn header(mut self, name: &'static str, value: &str) -> Result<Self> {
        self.0
            .headers
            .insert(HeaderName::from_static(name), header_value(name, value)?);
        Ok(self)
    }

    /// As [`header`](Self::header), for a secret: never shown, and removed from errors should the cloud echo it. A scheme
    /// such as `Bearer` is written before the secret.
    ///
    /// # Errors
    /// `InvalidRequest` when the value cannot stand in a header, without repeating it.
    pub fn secret_header(mut self, name: &'static str, scheme: Option<&str>, secret: &str) -> Result<Self> {
        let text = scheme.map_or_else(|| secret.to_owned(), |scheme| format!("{scheme} {secret}"));
        let mut value = header_value(name, &text)?;
        value.set_sensitive(true);
        self.0.headers.insert(HeaderName::from_static(name), value);
        self.0.secrets.add(secret);
        Ok(self)
    }

    /// Sends `Authorization: Bearer <token>` with every request.
    ///
    /// # Errors
    /// `InvalidRequest` when the token holds characters that no token has.
    pub fn bearer(self, token: &SecretString) -> Result<Self> {
        self.secret_header("authorization", Some("Bearer"), token.expose_secret())
    }

    /// Keeps a text out of every error.
    pub fn redact(mut self, secret: &str) -> Self {
        self.0.secrets.add(secret);
        self
    }

    /// Adds credentials to every request through `authorizer`.
    pub fn authorizer(mut self, authorizer: Arc<dyn Authorize>) -> Self {
        self.0.authorizer = Some(authorizer);
        self
    }

    /// The longest that one call may take, a retry included.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.0.deadline = deadline;
        self
    }

    /// The client.
    #[must_use]
    pub fn build(self) -> Client {
        self.0
    }
}
