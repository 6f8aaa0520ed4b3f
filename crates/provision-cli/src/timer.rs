use std::time::{Duration, Instant};

use provision::wait::{BoxFuture, Timer};

/// The runtime's timer, for the library's pollers.
#[derive(Debug)]
pub(crate) struct TokioTimer(Instant);

impl TokioTimer {
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }
}

impl Timer for TokioTimer {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(time))
    }
}
