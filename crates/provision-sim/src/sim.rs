//! The simulator as its users see it.

use std::{fmt, io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use serde_json::json;

use crate::{
    admin,
    clock::Clock,
    clouds,
    engine::Engine,
    faults::Faults,
    kit::answer::Answer,
    record::{Item, LoggedRequest},
    request::{SimOutcome, SimRequest},
    route::{Route, route},
    server::{Handler, Server},
    store::World,
    tls::TlsIdentity,
};

/// A simulator of every cloud's API. Clones share one world.
#[derive(Clone)]
pub struct Sim {
    engine: Arc<Engine>,
}

impl fmt::Debug for Sim {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<_> = self.engine.clouds.iter().map(|cloud| cloud.id).collect();
        formatter
            .debug_struct("Sim")
            .field("clouds", &ids)
            .finish_non_exhaustive()
    }
}

/// Settings of a simulator.
#[derive(Clone, Debug)]
pub struct SimBuilder {
    clock: Clock,
    boot_time: Duration,
    delete_time: Duration,
    state_file: Option<PathBuf>,
    seed: u64,
    enforces_limits: bool,
}

impl SimBuilder {
    /// The clock; the computer's by default.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// How long a new host takes to become active; 3 seconds by default.
    #[must_use]
    pub fn boot_time(mut self, boot_time: Duration) -> Self {
        self.boot_time = boot_time;
        self
    }

    /// How long a deleted host is still to be seen, at clouds where it is; 2 seconds by default.
    #[must_use]
    pub fn delete_time(mut self, delete_time: Duration) -> Self {
        self.delete_time = delete_time;
        self
    }

    /// Keeps the clouds and the clock's offset in this file (made when missing, mode 0600), so that separate processes
    /// see the same clouds. A lock file lies beside it. In memory by default.
    #[must_use]
    pub fn state_file(mut self, path: PathBuf) -> Self {
        self.state_file = Some(path);
        self
    }

    /// Where ids and the draws of faults start from; 0 by default.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Whether the clouds refuse requests beyond the limits that they announce (DigitalOcean, Hetzner, Linode, Packet, Azure). They
    /// do not by default: with a clock that stands still a limit would be used up for good.
    #[must_use]
    pub fn enforce_limits(mut self, enforce: bool) -> Self {
        self.enforces_limits = enforce;
        self
    }

    /// Makes the simulator.
    ///
    /// # Errors
    /// When the state file cannot be locked or read, is empty, damaged or larger than 1 GiB, or comes from another version;
    /// the message names the file and says what to do.
    pub fn build(self) -> io::Result<Sim> {
        let world = World::new(clouds::all(), self.clock.clone(), self.seed, self.state_file);
        let engine = Engine::new(
            world,
            self.clock,
            self.seed,
            self.boot_time,
            self.delete_time,
            self.enforces_limits,
        )?;
        Ok(Sim {
            engine: Arc::new(engine),
        })
    }
}

impl Sim {
    /// A simulator with the computer's clock, 3 seconds to boot, 2 seconds to delete, in memory.
    pub fn builder() -> SimBuilder {
        SimBuilder {
            clock: Clock::system(),
            boot_time: Duration::from_secs(3),
            delete_time: Duration::from_secs(2),
            state_file: None,
            seed: 0,
            enforces_limits: false,
        }
    }

    /// The clock that all clouds go by.
    pub fn clock(&self) -> &Clock {
        &self.engine.clock
    }

    /// What is made to go wrong.
    pub fn faults(&self) -> &Faults {
        &self.engine.faults
    }

    /// Everything that exists and bills or would be a leftover, at all clouds. When the state file cannot be read, the
    /// state that was last read; see [`try_inventory`](Self::try_inventory).
    pub fn inventory(&self) -> Vec<Item> {
        self.engine.inventory()
    }

    /// Everything that exists and bills or would be a leftover, at all clouds.
    ///
    /// # Errors
    /// When the state file cannot be locked or read.
    pub fn try_inventory(&self) -> io::Result<Vec<Item>> {
        self.engine.try_inventory()
    }

    /// Why the last request to a cloud was answered with status 500 and a text that starts with `simulator:`: what keeps
    /// the state file from being read or written. `None` when it was carried out.
    pub fn trouble(&self) -> Option<String> {
        self.engine.trouble()
    }

    /// The requests to clouds since the start or the last clearing, oldest first; the last 10,000. Requests made by
    /// other processes on the same state file are not in it.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.engine.log.list()
    }

    /// Empties the request log.
    pub fn clear_requests(&self) {
        self.engine.log.clear();
    }

    /// Empties the clouds, the faults and the log. The clock stays as it is. A state file is written anew, even when
    /// it was damaged; if that fails, see [`try_reset`](Self::try_reset).
    pub fn reset(&self) {
        drop(self.try_reset());
    }

    /// As [`reset`](Self::reset).
    ///
    /// # Errors
    /// When the state file cannot be locked or written.
    pub fn try_reset(&self) -> io::Result<()> {
        self.engine.reset()
    }

    /// Changes what a cloud's account holds, as the JSON text of its state: for tests of what no request brings about, such
    /// as a host of somebody else's.
    ///
    /// # Errors
    /// When there is no such cloud, the new text is no state of it, or the state file cannot be read or written.
    pub fn rewrite(&self, cloud: &str, change: impl FnOnce(&str) -> String) -> io::Result<()> {
        self.engine.rewrite(cloud, change)
    }

    /// Serves plain HTTP: clouds by path prefix (`/hetzner/v1/servers`) and by Host header, the admin API under
    /// `/_sim/`.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn serve(&self, listen: SocketAddr) -> io::Result<Server> {
        Server::start(self.handler(), listen, None).await
    }

    /// Serves HTTPS, otherwise as [`serve`](Self::serve). Each connection gets a certificate for the host it asks for.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn serve_tls(&self, listen: SocketAddr, tls: &TlsIdentity) -> io::Result<Server> {
        Server::start(self.handler(), listen, Some(tls)).await
    }

    /// Answers a request, without a transport. Never panics, whatever the request holds.
    pub fn handle(&self, request: SimRequest) -> SimOutcome {
        match route(&request, &self.engine.clouds) {
            Route::Admin(path) => {
                SimOutcome::Answer(admin::handle(&self.engine, &request, path).into_response(Vec::new()))
            }
            Route::Cloud { index, prefix, path } => self.engine.handle(&request, index, prefix, path),
            Route::Nowhere => SimOutcome::Answer(self.nowhere().into_response(Vec::new())),
        }
    }

    fn handler(&self) -> Handler {
        let sim = self.clone();
        Arc::new(move |request| sim.handle(request))
    }

    fn nowhere(&self) -> Answer {
        let clouds: Vec<_> = self
            .engine
            .clouds
            .iter()
            .map(|cloud| format!("/{}/", cloud.id))
            .collect();
        let hosts: Vec<_> = self.engine.clouds.iter().flat_map(|cloud| cloud.hosts).collect();
        Answer::json(
            404,
            &json!({
                "error": "neither the path nor the Host header belongs to a simulated cloud",
                "paths": clouds, "hosts": hosts, "admin": admin::ROUTES,
            }),
        )
    }
}
