use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use http::{HeaderMap, StatusCode};
use provision_core::Clock;
use provision_http::{Request, Response, Transport, TransportError};

/// Answers requests in the place of the cloud, as a gateway in between does: the cloud never sees them. Clones share their
/// orders.
#[derive(Clone, Default)]
pub struct Forger(Arc<Mutex<Orders>>);

#[derive(Default)]
struct Orders {
    forgery: Option<Forgery>,
    skip: usize,
    times: usize,
    forged: usize,
}

/// What a gateway answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forgery {
    /// 404 with a page in HTML.
    NotFoundPage,
    /// 404 without a body.
    NotFoundEmpty,
    /// 404 in JSON of a shape that no cloud uses.
    NotFoundJson,
    /// 403 with a page in HTML.
    ForbiddenPage,
}

impl Forgery {
    /// Every "not found" that is not a cloud's.
    pub const NOT_FOUND: [Self; 3] = [Self::NotFoundPage, Self::NotFoundEmpty, Self::NotFoundJson];

    fn answer(self) -> Response {
        let (status, kind, body) = match self {
            Self::NotFoundPage => (404, "text/html", "<html><body><h1>404 Not Found</h1></body></html>"),
            Self::NotFoundEmpty => (404, "text/plain", ""),
            Self::NotFoundJson => (404, "application/json", r#"{"fault":{"faultstring":"no such route"}}"#),
            Self::ForbiddenPage => (403, "text/html", "<html><body><h1>403 Forbidden</h1></body></html>"),
        };
        let mut headers = HeaderMap::new();
        headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(kind));
        Response::new(
            StatusCode::from_u16(status).unwrap_or(StatusCode::NOT_FOUND),
            headers,
            body,
        )
    }
}

impl Forger {
    /// One that leaves everything alone.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts itself around a transport.
    #[must_use]
    pub fn around(&self, inner: Arc<dyn Transport>) -> impl Transport + use<> {
        Forged {
            inner,
            forger: self.clone(),
        }
    }

    /// Lets `skip` requests pass, then answers `times` of them.
    pub fn forge(&self, forgery: Forgery, skip: usize, times: usize) {
        *self.lock() = Orders {
            forgery: Some(forgery),
            skip,
            times,
            forged: 0,
        };
    }

    /// Leaves everything alone from now on, and says how many requests it answered.
    pub fn stop(&self) -> usize {
        std::mem::take(&mut *self.lock()).forged
    }

    fn next(&self) -> Option<Forgery> {
        let mut orders = self.lock();
        let forgery = orders.forgery?;
        if orders.skip > 0 {
            orders.skip -= 1;
            return None;
        }
        if orders.forged == orders.times {
            return None;
        }
        orders.forged += 1;
        Some(forgery)
    }

    fn lock(&self) -> MutexGuard<'_, Orders> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Forger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Forger({:?})", self.lock().forgery)
    }
}

#[derive(Debug)]
struct Forged {
    inner: Arc<dyn Transport>,
    forger: Forger,
}

#[async_trait]
impl Transport for Forged {
    async fn send(&self, request: &Request, timeout: Duration) -> Result<Response, TransportError> {
        match self.forger.next() {
            Some(forgery) => Ok(forgery.answer()),
            None => self.inner.send(request, timeout).await,
        }
    }

    fn clock(&self) -> Clock {
        self.inner.clock()
    }

    fn bounds(&self) -> provision_http::Bounds {
        self.inner.bounds()
    }
}
