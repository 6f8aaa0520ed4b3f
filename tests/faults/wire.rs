//! The way from a provider to the simulated cloud, without sockets: every request can be hit by a fault on it.

use std::{
    fmt,
    future::{pending, poll_fn},
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
    time::{Duration, SystemTime},
};

use provision_core::Clock;
use provision_http::{
    Request, Response, Subject, Transport, TransportError, async_trait,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
};
use provision_sim::{Effect, Sim, SimOutcome, SimRequest};

use crate::fault::{End, Fault, RetryAfter, Scope, WAIT};

/// What went over the wire. Clones share it.
#[derive(Clone)]
pub(crate) struct Wire {
    sim: Sim,
    start: SystemTime,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    aim: Option<Aim>,
    sent: Vec<Sent>,
    moment: u64,
    killed: bool,
}

struct Aim {
    fault: &'static Fault,
    request: usize,
    /// What the request that it is aimed at is for.
    operation: Option<&'static str>,
}

/// A request that was sent.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) operation: &'static str,
    pub(crate) subject: Subject,
    text: String,
    hit: bool,
    started: u64,
    ended: u64,
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.hit { "! " } else { "" };
        write!(f, "{mark}{} ({})", self.text, self.operation)
    }
}

impl Wire {
    pub(crate) fn new(sim: Sim, start: SystemTime) -> Self {
        Self {
            sim,
            start,
            state: Arc::default(),
        }
    }

    /// Aims a fault at the request of that number, from 0, counted from now.
    pub(crate) fn aim(&self, fault: &'static Fault, request: usize) {
        self.listen();
        self.lock().aim = Some(Aim {
            fault,
            request,
            operation: None,
        });
    }

    /// Begins to listen, and leaves everything alone.
    pub(crate) fn listen(&self) {
        *self.lock() = State::default();
    }

    /// Everything sent since.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.lock().sent.clone()
    }

    /// Carries out what a caller does, until it is done or the caller is killed.
    pub(crate) async fn run<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        poll_fn(|context| match work.as_mut().poll(context) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending if self.lock().killed => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a request and says which fault hits it.
    fn begin(&self, request: &Request) -> (usize, Option<&'static Fault>) {
        let state = &mut *self.lock();
        let number = state.sent.len();
        let fault = state.aim.as_mut().and_then(|aim| {
            if number == aim.request {
                aim.operation = Some(request.operation());
            }
            let hit = match aim.fault.scope {
                Scope::Once => number == aim.request,
                Scope::FromThere => number >= aim.request,
                Scope::SameSort => aim.operation == Some(request.operation()),
            };
            hit.then_some(aim.fault)
        });
        state.moment += 1;
        let url = request.url();
        let query = url.query().map_or_else(String::new, |query| format!("?{query}"));
        state.sent.push(Sent {
            operation: request.operation(),
            subject: request.subject(),
            text: format!("{} {}{query}", request.method(), url.path()),
            hit: fault.is_some(),
            started: state.moment,
            ended: u64::MAX,
        });
        (number, fault)
    }

    fn end(&self, number: usize) {
        let state = &mut *self.lock();
        state.moment += 1;
        if let Some(sent) = state.sent.get_mut(number) {
            sent.ended = state.moment;
        }
    }

    /// What becomes of a request; `None` when the caller is killed.
    fn carry_out(&self, request: &Request, fault: &Fault) -> Option<Result<Response, TransportError>> {
        let answer = fault.applied.then(|| self.exchange(request));
        Some(match fault.end {
            End::Unharmed => answer.unwrap_or_else(|| self.exchange(request)),
            End::Unconnected => Err(TransportError::Connect("no route to the cloud".into())),
            End::Broken => Err(TransportError::Interrupted("connection reset".into())),
            End::TimedOut => Err(TransportError::Timeout),
            End::Killed => return None,
            End::ServerError(status) => self.words(request, Effect::ServerError { status }),
            End::Unauthorized => self.words(request, Effect::Unauthorized),
            End::RateLimited(wait) => self.limited(request, wait),
            End::Forged(status, kind, body) => Ok(forged(status, kind, body)),
            End::HalfABody => answer.unwrap_or_else(|| self.exchange(request)).map(|mut answer| {
                // What is left of a refusal still has its status.
                if answer.status.is_success() {
                    answer.body.truncate(answer.body.len() / 2);
                }
                answer
            }),
        })
    }

    fn limited(&self, request: &Request, wait: RetryAfter) -> Result<Response, TransportError> {
        let effect = Effect::RateLimited {
            retry_after: Some(WAIT),
        };
        let mut answer = self.words(request, effect)?;
        let value = match wait {
            RetryAfter::Absent => None,
            RetryAfter::Seconds => Some(WAIT.to_string()),
            RetryAfter::Negative => Some("-3".to_owned()),
            RetryAfter::Date => Some(httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(WAIT))),
        };
        answer.headers.remove(header::RETRY_AFTER);
        if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
            answer.headers.insert(header::RETRY_AFTER, value);
        }
        Ok(answer)
    }

    /// The cloud's own words for a trouble; the request is not carried out.
    fn words(&self, request: &Request, effect: Effect) -> Result<Response, TransportError> {
        let id = self.sim.faults().add(provision_sim::Fault::new(effect).times(1));
        let answer = self.exchange(request);
        self.sim.faults().remove(id);
        answer
    }

    fn exchange(&self, request: &Request) -> Result<Response, TransportError> {
        let mut sent = SimRequest::new(request.method().clone(), request.url().as_str());
        sent.headers = request.headers().clone();
        if let Ok(host) = HeaderValue::try_from(sent.authority.as_str()) {
            sent.headers.entry(HeaderName::from_static("host")).or_insert(host);
        }
        sent.body = request.body_bytes().clone();
        match self.sim.handle(sent) {
            SimOutcome::Answer(answer) => {
                let (parts, body) = answer.into_parts();
                Ok(Response::new(parts.status, parts.headers, body))
            }
            SimOutcome::Drop => Err(TransportError::Interrupted("connection reset".into())),
        }
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wire({} requests)", self.lock().sent.len())
    }
}

fn forged(status: u16, kind: &'static str, body: &'static str) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    Response::new(status, headers, body)
}

#[async_trait]
impl Transport for Wire {
    async fn send(&self, request: &Request, _timeout: Duration) -> Result<Response, TransportError> {
        let (number, fault) = self.begin(request);
        let outcome = match fault {
            None => Some(self.exchange(request)),
            Some(fault) => self.carry_out(request, fault),
        };
        let Some(outcome) = outcome else {
            self.lock().killed = true;
            return pending().await;
        };
        // Whatever is sent side by side with it is sent before its answer is there.
        let mut waited = false;
        poll_fn(|context| {
            if std::mem::replace(&mut waited, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        self.end(number);
        outcome
    }

    fn clock(&self) -> Clock {
        let (clock, start) = (self.sim.clock().clone(), self.start);
        Clock::new(move || clock.now().duration_since(start).unwrap_or_default())
    }
}

/// The longest chain of requests of which each was sent after the answer to the one before it.
pub(crate) fn longest_chain(sent: &[Sent]) -> usize {
    let mut spans: Vec<(u64, u64)> = sent.iter().map(|sent| (sent.ended, sent.started)).collect();
    spans.sort_unstable();
    let (mut chain, mut last_end) = (0, 0);
    for (end, start) in spans {
        if start > last_end || chain == 0 {
            (chain, last_end) = (chain + 1, end);
        }
    }
    chain
}
