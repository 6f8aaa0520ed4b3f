//! What the tests share.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

pub(crate) mod sigv4;

use std::time::{Duration, UNIX_EPOCH};

use http::Method;
use provision_sim::{Clock, Sim, SimOutcome, SimRequest};
use serde_json::Value;

/// An answer, taken apart.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) json: Value,
}

/// A simulator that starts empty, on a clock that stands until advanced.
pub(crate) fn sim() -> Sim {
    Sim::builder().clock(clock()).build().unwrap()
}

/// A clock that stands at 2026-11-20 10:00 UTC.
pub(crate) fn clock() -> Clock {
    Clock::manual(UNIX_EPOCH + Duration::from_secs(1_795_168_800))
}

pub(crate) fn advance(sim: &Sim, millis: u64) {
    sim.clock().advance(Duration::from_millis(millis));
}

/// One account of a simulated cloud.
pub(crate) struct Account<'a> {
    pub(crate) sim: &'a Sim,
    pub(crate) base: &'static str,
    pub(crate) token: &'static str,
}

impl Account<'_> {
    pub(crate) fn get(&self, path: &str) -> Got {
        self.send(Method::GET, path, None)
    }

    pub(crate) fn post(&self, path: &str, body: Value) -> Got {
        self.send(Method::POST, path, Some(body))
    }

    pub(crate) fn put(&self, path: &str, body: Value) -> Got {
        self.send(Method::PUT, path, Some(body))
    }

    pub(crate) fn delete(&self, path: &str) -> Got {
        self.send(Method::DELETE, path, None)
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> SimRequest {
        SimRequest::new(method, &format!("{}{path}", self.base)).bearer(self.token)
    }

    fn send(&self, method: Method, path: &str, body: Option<Value>) -> Got {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.json(&body);
        }
        got(self.sim.handle(request))
    }
}

/// The answer of an outcome that must have one.
pub(crate) fn got(outcome: SimOutcome) -> Got {
    let Some(answer) = outcome.answer() else {
        panic!("the connection was dropped")
    };
    let (head, body) = answer.into_parts();
    let json = if body.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(&body).unwrap()
    };
    Got {
        status: head.status.as_u16(),
        headers: head.headers,
        json,
    }
}

/// Ids of everything of a kind in the inventory.
pub(crate) fn items(sim: &Sim, kind: &str) -> Vec<String> {
    sim.inventory()
        .into_iter()
        .filter(|item| item.kind == kind)
        .map(|item| item.id)
        .collect()
}
