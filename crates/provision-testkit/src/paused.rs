//! Shows whether a provider waits.
//!
//! The provider runs on a runtime whose clock stands still and jumps ahead only when something waits for it; its
//! requests are carried out on another runtime, so that no timer of the HTTP stack is on that clock. A clock that moved
//! means that the provider slept. Waiting by other means, such as `std::thread::sleep`, shows as time that passed while
//! no request was under way.

use std::{
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use provision_core::Clock;
use provision_http::{Bounds, Request, Response, Transport, TransportError};
use tokio::runtime::Handle;

use crate::Failure;

/// What an operation spent besides its requests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waited {
    /// On the runtime's timers.
    pub(crate) timers: Duration,
    /// In all, by the computer's clock.
    pub(crate) total: Duration,
}

/// Runs something on a runtime with a standing clock, on a thread of its own.
pub(crate) async fn run<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Result<(T, Waited), Failure> {
    let (done, outcome) = tokio::sync::oneshot::channel();
    let thread = std::thread::Builder::new().name("standing clock".to_owned());
    let spawned = thread.spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build();
        let Ok(runtime) = runtime else { return };
        let outcome = runtime.block_on(async move {
            let (clock, real) = (tokio::time::Instant::now(), Instant::now());
            let value = work.await;
            let waited = Waited {
                timers: clock.elapsed(),
                total: real.elapsed(),
            };
            (value, waited)
        });
        let _ = done.send(outcome);
    });
    spawned.map_err(|error| Failure::new(format!("no thread for a standing clock: {error}")))?;
    outcome
        .await
        .map_err(|_| Failure::new("the operation panicked; its message stands above"))
}

/// Carries requests out on another runtime.
#[derive(Debug)]
pub(crate) struct Bridge {
    inner: Arc<dyn Transport>,
    runtime: Handle,
}

impl Bridge {
    /// To the runtime of the caller.
    pub(crate) fn new(inner: Arc<dyn Transport>, runtime: Handle) -> Self {
        Self { inner, runtime }
    }
}

#[async_trait]
impl Transport for Bridge {
    fn clock(&self) -> Clock {
        self.inner.clock()
    }

    fn bounds(&self) -> Bounds {
        self.inner.bounds()
    }

    async fn send(&self, request: &Request, timeout: Duration) -> Result<Response, TransportError> {
        let (inner, request) = (self.inner.clone(), request.clone());
        let sent = self.runtime.spawn(async move { inner.send(&request, timeout).await });
        match sent.await {
            Ok(answer) => answer,
            Err(error) => Err(TransportError::Interrupted(error.into())),
        }
    }
}
