use std::{fmt, time::Duration};

use async_trait::async_trait;
use provision_core::Clock;

use crate::{Bounds, Request, Response};

/// Sends one request and brings back its answer. Implemented by `ReqwestTransport`, and by tests to script a cloud.
#[async_trait]
pub trait Transport: fmt::Debug + Send + Sync {
    /// Sends the request exactly once, without following redirects, and reads the whole answer within `timeout`.
    ///
    /// # Errors
    /// [`TransportError`] when no complete answer came. An answer with an error status is not an error here.
    async fn send(&self, request: &Request, timeout: Duration) -> Result<Response, TransportError>;

    /// The clock by which those go who have to remember when something was sent. A transport to a cloud whose time is not ours,
    /// as in tests, has its own; one that wraps another hands on the inner one's.
    fn clock(&self) -> Clock {
        Clock::system()
    }

    /// What answers and lists may cost. A transport that wraps another hands on the inner one's.
    fn bounds(&self) -> Bounds {
        Bounds::default()
    }
}

/// Why no complete answer came. Except for [`Connect`](Self::Connect) and [`Certificate`](Self::Certificate) the cloud may
/// have acted on the request.
#[derive(Debug)]
#[non_exhaustive]
pub enum TransportError {
    /// No connection: the request was not sent.
    Connect(Box<dyn std::error::Error + Send + Sync>),
    /// The server's certificate is not to be trusted: the request was not sent.
    Certificate(Box<dyn std::error::Error + Send + Sync>),
    /// The time ran out.
    Timeout,
    /// The connection broke before the answer was complete.
    Interrupted(Box<dyn std::error::Error + Send + Sync>),
    /// The answer is larger than any that the API should give.
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(_) => f.write_str("cannot connect"),
            Self::Certificate(_) => f.write_str("the server's certificate is not to be trusted"),
            Self::Timeout => f.write_str("no answer in time"),
            Self::Interrupted(_) => f.write_str("the connection broke before the answer was complete"),
            Self::TooLarge { limit } => write!(f, "the answer has more than {limit} bytes"),
        }
    }
}

impl std::error::Error for TransportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Connect(source) | Self::Certificate(source) | Self::Interrupted(source) => Some(&**source),
            Self::Timeout | Self::TooLarge { .. } => None,
        }
    }
}
