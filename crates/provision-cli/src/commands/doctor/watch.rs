//! A transport that compares the clocks.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::{Timestamp, fmt::rfc2822};
use provision::{
    Result, async_trait,
    http::{Request, ReqwestTransport, Response, Transport, TransportError},
};

/// Sends as always, and remembers how far this computer's clock was ahead of the `Date` of the last answer.
#[derive(Debug)]
pub(super) struct Watch {
    inner: ReqwestTransport,
    skew: Mutex<Option<i64>>,
}

impl Watch {
    pub(super) fn new() -> Result<Self> {
        Ok(Self {
            inner: ReqwestTransport::new()?,
            skew: Mutex::new(None),
        })
    }

    /// In seconds; `None` before an answer with a date.
    pub(super) fn skew(&self) -> Option<i64> {
        *self.skew.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Transport for Watch {
    async fn send(&self, request: &Request, timeout: Duration) -> std::result::Result<Response, TransportError> {
        let response = self.inner.send(request, timeout).await?;
        let date = response.headers.get("date").and_then(|date| date.to_str().ok());
        if let Some(ahead) = date.and_then(|date| ahead_of(date, Timestamp::now())) {
            *self.skew.lock().unwrap_or_else(PoisonError::into_inner) = Some(ahead);
        }
        Ok(response)
    }

    fn clock(&self) -> provision::Clock {
        self.inner.clock()
    }
}

fn ahead_of(date: &str, now: Timestamp) -> Option<i64> {
    let then = rfc2822::parse(date).ok()?.timestamp();
    Some(now.as_second() - then.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_of_an_answer_is_compared_with_the_clock() {
        let now: Timestamp = "1994-11-06T08:51:37Z".parse().unwrap();
        assert_eq!(ahead_of("Sun, 06 Nov 1994 08:49:37 GMT", now), Some(120));
        assert_eq!(ahead_of("Sun, 06 Nov 1994 08:52:37 GMT", now), Some(-60));
        assert_eq!(ahead_of("yesterday", now), None);
    }
}
