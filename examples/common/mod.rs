//! What the examples share: a cloud from the environment, and a timer.

#![allow(dead_code, reason = "each example uses a part of it")]

use std::time::{Duration, Instant};

use provision::{
    Provisioner, Settings,
    wait::{BoxFuture, Timer},
};

/// The cloud that `PROVISION_PROVIDER` names, with its credentials from the environment.
pub(crate) fn cloud() -> provision::Result<Box<dyn Provisioner>> {
    let variable = |name: &str| std::env::var(name).ok();
    let info = provision::find(&variable("PROVISION_PROVIDER").unwrap_or_else(|| "digitalocean".to_owned()))?;
    let mut settings = Settings::new();
    settings.set("endpoint", variable("PROVISION_ENDPOINT").unwrap_or_default());
    settings.fill_from(info, variable);
    provision::connect(info.id, &settings)
}

/// Tokio's timer for the library's pollers.
pub(crate) struct TokioTimer(Instant);

impl TokioTimer {
    /// Starts now.
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
