//! Ctrl-C and SIGTERM: the first one is for the command to act on, the second one ends the process at once.

use tokio::sync::watch;

use crate::{
    failure::{Exit, Failure, Outcome},
    progress,
};

/// Tells a command that the user wants it to stop.
#[derive(Debug, Clone)]
pub(crate) struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    /// From now on signals do not end the process by themselves.
    pub(crate) fn listen() -> Outcome<Self> {
        let mut signals = Signals::new().map_err(|error| Failure::other("cannot listen for Ctrl-C", &error))?;
        let (sender, receiver) = watch::channel(false);
        tokio::spawn(async move {
            signals.next().await;
            // Nobody listens any more when the command has ended.
            let _ = sender.send(true);
            signals.next().await;
            progress::clear();
            std::process::exit(Exit::Interrupted as i32);
        });
        Ok(Self(receiver))
    }

    /// What the work came to; `None` when a signal came first, and the work was dropped.
    pub(crate) async fn or<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.happened() => None,
            done = work => Some(done),
        }
    }

    /// Completes with the first signal, also when that came earlier.
    pub(crate) async fn happened(&self) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|happened| *happened).await.is_err() {
            // Without the task that listens there will be none.
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(unix)]
struct Signals(tokio::signal::unix::Signal, tokio::signal::unix::Signal);

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self(signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?))
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.0.recv() => {}
            _ = self.1.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
