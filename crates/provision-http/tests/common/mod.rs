//! A transport that answers from a list, and a vendor to go with it.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime},
};

use http::{HeaderMap, HeaderName, Method};
use provision_core::unix_seconds;
use provision_http::{
    Client, ClientBuilder, Failure, Request, Response, Transport, TransportError, Vendor, VendorError, async_trait,
    kind_of_status,
};
use serde::Deserialize;

pub(crate) type Reply = Result<Response, TransportError>;

#[derive(Clone)]
pub(crate) struct Script(Arc<Mutex<State>>);

struct State {
    replies: VecDeque<Reply>,
    timeouts: Vec<Duration>,
    takes: Duration,
}

impl Script {
    pub(crate) fn new(replies: impl IntoIterator<Item = Reply>) -> Self {
        Self(Arc::new(Mutex::new(State {
            replies: replies.into_iter().collect(),
            timeouts: Vec::new(),
            takes: Duration::ZERO,
        })))
    }

    /// Each answer keeps the caller busy for this long.
    pub(crate) fn taking(self, takes: Duration) -> Self {
        self.0.lock().unwrap().takes = takes;
        self
    }

    pub(crate) fn sent(&self) -> usize {
        self.timeouts().len()
    }

    pub(crate) fn timeouts(&self) -> Vec<Duration> {
        self.0.lock().unwrap().timeouts.clone()
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Script")
    }
}

#[async_trait]
impl Transport for Script {
    async fn send(&self, _request: &Request, timeout: Duration) -> Reply {
        let mut state = self.0.lock().unwrap();
        state.timeouts.push(timeout);
        let until = Instant::now() + state.takes;
        while Instant::now() < until {
            std::hint::spin_loop();
        }
        state.replies.pop_front().expect("no further request")
    }
}

pub(crate) fn response(status: u16, body: &str, headers: &[(&str, &str)]) -> Response {
    let pairs = headers
        .iter()
        .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()));
    Response::new(
        status.try_into().unwrap(),
        pairs.collect::<HeaderMap>(),
        body.to_owned(),
    )
}

pub(crate) fn answer(status: u16, body: &str) -> Reply {
    Ok(response(status, body, &[]))
}

pub(crate) fn answer_with(status: u16, name: &str, value: &str) -> Reply {
    Ok(response(status, "", &[(name, value)]))
}

/// A unix time that many seconds ahead.
pub(crate) fn in_seconds(seconds: u64) -> String {
    (unix_seconds(SystemTime::now()) + seconds).to_string()
}

#[derive(Deserialize)]
struct Trouble {
    code: String,
    text: String,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "only its form matters")]
pub(crate) struct HostAnswer {
    host: Host,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "only its form matters")]
struct Host {
    id: u64,
}

fn classify(failure: &Failure<'_>) -> VendorError {
    match failure.json::<Trouble>() {
        Some(trouble) => VendorError::new(kind_of_status(failure.status), trouble.text).code(trouble.code),
        None => failure.by_status(),
    }
}

const VENDOR: Vendor = Vendor::new("example", "the cloud", classify)
    .with_request_id_headers(&["x-request-id"])
    .with_rate_limit_reset_header("x-reset");

pub(crate) fn vendor() -> Vendor {
    VENDOR
}

pub(crate) fn builder(script: &Script) -> ClientBuilder {
    Client::builder(VENDOR, Arc::new(script.clone()))
        .secret_header("authorization", Some("Bearer"), "hunter2hunter2")
        .unwrap()
}

pub(crate) fn client(script: &Script) -> Client {
    builder(script).build()
}

pub(crate) fn request(method: Method) -> Request {
    Request::new("create host", method, "https://api.example.com/hosts".parse().unwrap())
}
