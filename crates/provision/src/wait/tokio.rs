use std::time::{Duration, Instant};

use provision_core::{BasicHost, Error, ErrorKind, HostId, ProvisionedHost, Provisioner, Result};

use super::{BoxFuture, Creation, Outcome, Pace, Removal, RemovalOutcome, Timer, Wait};

/// The timer of the tokio runtime in which it is used.
#[derive(Debug, Clone)]
pub struct TokioTimer(Instant);

impl TokioTimer {
    /// Its time starts now.
    #[must_use]
    pub fn new() -> Self {
        Self(Instant::now())
    }
}

impl Default for TokioTimer {
    fn default() -> Self {
        Self::new()
    }
}

impl Timer for TokioTimer {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'_, ()> {
        Box::pin(::tokio::time::sleep(time))
    }
}

/// Makes a host and waits until it is active and has its address: [`Creation`] and [`Wait`] for whoever wants to show nothing
/// in between.
///
/// # Errors
/// Any error that trying again does not mend, or the last one when the time ran out. A host that exists in spite of it is in
/// [`Error::host`]; calling again goes on with it.
pub async fn create(cloud: &dyn Provisioner, host: &BasicHost, timeout: Duration) -> Result<ProvisionedHost> {
    let timer = TokioTimer::new();
    let created = Creation::new(cloud, host, &timer, Pace::within(timeout))
        .run(|_| {})
        .await?;
    let id = created.id.clone();
    let left = timeout.saturating_sub(timer.now());
    let mut wait = Wait::until_active(cloud, id.clone(), &timer, Pace::within(left)).created(created);
    let failed = |kind, text: &str| Err(Error::new(kind, text).with_provider(cloud.info().id));
    let outcome = wait.run(|_| {}).await.map_err(|error| match error.host() {
        Some(_) => error,
        None => error.with_host(id.clone()),
    })?;
    match (outcome, wait.host()) {
        (Outcome::Active, Some(host)) => Ok(host.clone()),
        (Outcome::Gone, _) => failed(
            ErrorKind::NotFound,
            "the host was deleted before it was active: delete it by its id, so that nothing of it is left",
        )
        .map_err(|error| error.with_host(id)),
        (Outcome::Failed, Some(host)) => {
            let reason = host.message.as_deref().unwrap_or("the cloud says no reason");
            failed(
                ErrorKind::UnexpectedResponse,
                &format!("the host could not be built: {reason}"),
            )
            .map_err(|error| error.with_host(host.id.clone()))
        }
        (_, host) => {
            let id = host.map_or(id, |host| host.id.clone());
            failed(ErrorKind::Unavailable, "the host was not active in time").map_err(|error| error.with_host(id))
        }
    }
}

/// Deletes a host and waits until nothing is left of it. One that is not there is fine.
///
/// # Errors
/// Any error that trying again does not mend, or that the time ran out; the host is in [`Error::host`].
pub async fn delete(cloud: &dyn Provisioner, id: &HostId, timeout: Duration) -> Result<()> {
    let timer = TokioTimer::new();
    let mut removal = Removal::new(cloud, id.clone(), &timer, Pace::within(timeout));
    match removal.run(|_| {}).await {
        Ok(RemovalOutcome::Complete | RemovalOutcome::NotFound) => Ok(()),
        Ok(RemovalOutcome::TimedOut) => Err(Error::new(
            ErrorKind::Unavailable,
            "the deletion did not complete in time",
        )
        .with_provider(cloud.info().id)
        .with_host(id.clone())),
        Err(error) => Err(error.with_host(id.clone())),
    }
}
