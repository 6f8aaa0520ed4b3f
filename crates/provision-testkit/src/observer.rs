use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use http::HeaderMap;
use provision_core::Clock;
use provision_http::{Request, Response, Transport, TransportError};

/// Counts and remembers the requests that a provider sends. Clones share what they saw.
#[derive(Clone, Default)]
pub struct Observer(Arc<Mutex<Vec<Sent>>>);

/// A request that was sent.
#[derive(Debug, Clone)]
pub struct Sent {
    /// The request.
    pub request: Request,
    /// When it was sent.
    pub started: Instant,
    /// How long its answer took.
    pub took: Duration,
    /// The headers of its answer; empty when there was none.
    pub answer_headers: HeaderMap,
}

impl Observer {
    /// One that saw nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts itself around a transport.
    #[must_use]
    pub fn around(&self, inner: Arc<dyn Transport>) -> impl Transport + use<> {
        Observed {
            inner,
            observer: self.clone(),
        }
    }

    /// Everything sent since [`forget`](Self::forget), in order.
    #[must_use]
    pub fn sent(&self) -> Vec<Sent> {
        self.lock().clone()
    }

    /// The longest chain of requests since then of which each was sent after the answer to the one before it.
    #[must_use]
    pub fn longest_chain(&self) -> usize {
        let mut spans: Vec<(Instant, Instant)> = self
            .lock()
            .iter()
            .map(|sent| (sent.started + sent.took, sent.started))
            .collect();
        spans.sort();
        let mut last_end = None;
        let mut chain = 0;
        for (end, start) in spans {
            if last_end.is_none_or(|last| start >= last) {
                chain += 1;
                last_end = Some(end);
            }
        }
        chain
    }

    /// Starts anew.
    pub fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Sent>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Observer({} requests)", self.lock().len())
    }
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let request = &self.request;
        write!(
            f,
            "{} {} ({})",
            request.method(),
            request.url().path(),
            request.operation()
        )
    }
}

#[derive(Debug)]
struct Observed {
    inner: Arc<dyn Transport>,
    observer: Observer,
}

#[async_trait]
impl Transport for Observed {
    fn clock(&self) -> Clock {
        self.inner.clock()
    }

    fn bounds(&self) -> provision_http::Bounds {
        self.inner.bounds()
    }

    async fn send(&self, request: &Request, timeout: Duration) -> Result<Response, TransportError> {
        let started = Instant::now();
        let answer = self.inner.send(request, timeout).await;
        self.observer.lock().push(Sent {
            request: request.clone(),
            started,
            took: started.elapsed(),
            answer_headers: answer.as_ref().map(|answer| answer.headers.clone()).unwrap_or_default(),
        });
        answer
    }
}
