use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use provision_http::{Request, Response, Transport, TransportError};
use serde_json::Value;

use crate::render_request;

/// A transport that follows a script to the letter: it panics on a request that the script does not expect next, showing
/// it without its secrets, and when steps are left at the end.
///
/// ```
/// # async fn example() {
/// use std::sync::Arc;
/// use provision_testkit::{ScriptedTransport, Step};
/// use serde_json::json;
///
/// let script = ScriptedTransport::new([
///     Step::get("/v2/hosts").query("name", "web-1").answer(200, json!({"hosts": []})),
///     Step::post("/v2/hosts").json(json!({"name": "web-1"})).interrupted(),
/// ]);
/// // let cloud = MyCloud::from_settings(&settings, Arc::new(script.clone()))?;
/// // ...
/// script.finish();
/// # }
/// ```
#[derive(Clone)]
pub struct ScriptedTransport(Arc<Script>);

struct Script {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    steps: VecDeque<Step>,
    seen: Vec<Request>,
    /// Nothing more is to be said: the script was finished or has failed.
    closed: bool,
}

/// One expected request and what comes back.
#[must_use]
pub struct Step {
    method: Method,
    path: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    json: Option<Value>,
    body: Option<String>,
    outcome: Result<Response, TransportError>,
}

impl ScriptedTransport {
    /// Expects these requests in this order and no other.
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        let state = State {
            steps: steps.into_iter().collect(),
            ..State::default()
        };
        Self(Arc::new(Script {
            state: Mutex::new(state),
        }))
    }

    /// The requests so far, in order.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.0.lock().seen.clone()
    }

    /// Checks that every step was used. Dropping the last clone does so too.
    ///
    /// # Panics
    /// When steps are left, naming them.
    pub fn finish(&self) {
        self.0.finish();
    }
}

impl fmt::Debug for ScriptedTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ScriptedTransport({} steps left)", self.0.lock().steps.len())
    }
}

impl Script {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finish(&self) {
        let left: Vec<String> = {
            let mut state = self.lock();
            if std::mem::replace(&mut state.closed, true) {
                return;
            }
            state
                .steps
                .iter()
                .map(|step| format!("{} {}", step.method, step.path))
                .collect()
        };
        assert!(
            left.is_empty(),
            "the script expects further requests: {}",
            left.join(", ")
        );
    }

    fn next(&self, request: &Request) -> Result<Response, TransportError> {
        let mut state = self.lock();
        state.seen.push(request.clone());
        let problem = match state.steps.pop_front() {
            None => "the script expects no further request".to_owned(),
            Some(step) => match step.mismatch(request) {
                None => return step.outcome,
                Some(difference) => format!(
                    "the script expects {} {} here, and {difference}",
                    step.method, step.path
                ),
            },
        };
        state.closed = true;
        drop(state);
        panic!("{problem}; the request is:\n{}", render_request(request));
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.finish();
        }
    }
}

#[async_trait]
impl Transport for ScriptedTransport {
    async fn send(&self, request: &Request, _timeout: Duration) -> Result<Response, TransportError> {
        self.0.next(request)
    }
}

impl Step {
    /// A request with this method and URL path, answered with 200 and no body until told otherwise.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            query: Vec::new(),
            headers: Vec::new(),
            json: None,
            body: None,
            outcome: Ok(response(StatusCode::OK, Vec::new())),
        }
    }

    /// A GET.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    /// A POST.
    pub fn post(path: impl Into<String>) -> Self {
        Self::new(Method::POST, path)
    }

    /// A PUT.
    pub fn put(path: impl Into<String>) -> Self {
        Self::new(Method::PUT, path)
    }

    /// A DELETE.
    pub fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::DELETE, path)
    }

    /// The query must hold this parameter, decoded.
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.query.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The headers must hold this one.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The body must be this JSON value, whatever the order of its fields.
    pub fn json(mut self, body: Value) -> Self {
        self.json = Some(body);
        self
    }

    /// The body must be this text.
    pub fn body(mut self, body: impl Into<String>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Answers with a status and a JSON body; `Value::Null` for no body.
    ///
    /// # Panics
    /// When the status is not 100 to 999.
    pub fn answer(self, status: u16, body: Value) -> Self {
        let bytes = if body.is_null() {
            Vec::new()
        } else {
            body.to_string().into_bytes()
        };
        let code = StatusCode::from_u16(status).unwrap_or_else(|_| panic!("{status} is no HTTP status"));
        self.outcome(Ok(response(code, bytes)))
    }

    /// Answers with a body that need not be JSON.
    ///
    /// # Panics
    /// When the status is not 100 to 999.
    pub fn answer_text(mut self, status: u16, body: &str) -> Self {
        self = self.answer(status, Value::Null);
        if let Ok(response) = &mut self.outcome {
            response.body = body.to_owned().into();
        }
        self
    }

    /// Adds a header to the answer.
    ///
    /// # Panics
    /// When the name or value cannot stand in a header.
    pub fn answer_header(mut self, name: &str, value: &str) -> Self {
        match (
            &mut self.outcome,
            HeaderName::try_from(name),
            HeaderValue::try_from(value),
        ) {
            (Ok(response), Ok(name), Ok(value)) => {
                response.headers.append(name, value);
            }
            _ => panic!("`{name}: {value}` cannot stand in an answer"),
        }
        self
    }

    /// The connection breaks: the cloud may have acted.
    pub fn interrupted(self) -> Self {
        self.outcome(Err(TransportError::Interrupted("scripted".into())))
    }

    /// No connection: the request was not sent.
    pub fn no_connection(self) -> Self {
        self.outcome(Err(TransportError::Connect("scripted".into())))
    }

    /// The time runs out.
    pub fn times_out(self) -> Self {
        self.outcome(Err(TransportError::Timeout))
    }

    /// Any outcome.
    pub fn outcome(mut self, outcome: Result<Response, TransportError>) -> Self {
        self.outcome = outcome;
        self
    }

    fn mismatch(&self, request: &Request) -> Option<String> {
        if *request.method() != self.method || request.url().path() != self.path {
            return Some("another request came".to_owned());
        }
        let query: Vec<(String, String)> = request.url().query_pairs().into_owned().collect();
        if let Some((name, value)) = self.query.iter().find(|pair| !query.contains(pair)) {
            return Some(format!("`{name}={value}` is not in its query"));
        }
        let missing = self.headers.iter().find(|(name, value)| {
            let found = request.headers().get(name.as_str());
            found.is_none_or(|found| found.as_bytes() != value.as_bytes())
        });
        if let Some((name, _)) = missing {
            return Some(format!("header `{name}` does not have the expected value"));
        }
        let bytes = request.body_bytes();
        if let Some(expected) = &self.json {
            let found: Option<Value> = serde_json::from_slice(bytes).ok();
            if found.as_ref() != Some(expected) {
                return Some(format!("its body is not the JSON {expected:#}"));
            }
        }
        if let Some(expected) = &self.body
            && bytes != expected.as_bytes()
        {
            return Some(format!("its body is not {expected:?}"));
        }
        None
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Step({} {})", self.method, self.path)
    }
}

fn response(status: StatusCode, body: Vec<u8>) -> Response {
    Response {
        status,
        headers: HeaderMap::new(),
        body: body.into(),
    }
}
