//! The simulator: the core that turns a request into an outcome.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use percent_encoding::percent_decode_str;
use serde_json::json;
use serde_json::value::RawValue;

use crate::admin;
use crate::call::Call;
use crate::clock::Clock;
use crate::cloud::{CloudInfo, Slot, Trouble};
use crate::clouds;
use crate::fault::Effect;
use crate::faults::{Faults, Verdict};
use crate::kit::answer::Answer;
use crate::kit::ids::uuid_from;
use crate::kit::query::Query;
use crate::record::{Item, Log, LoggedRequest, mask_query};
use crate::request::{Delay, SimOutcome, SimRequest};
use crate::route::{Route, route};
use crate::server::Server;
use crate::store::World;
use crate::tls::TlsIdentity;

/// A simulator of every cloud's API. Clones share one world.
#[derive(Clone)]
pub struct Sim {
    shared: Arc<Shared>,
}

struct Shared {
    clouds: Vec<CloudInfo>,
    world: Mutex<World>,
    clock: Clock,
    faults: Faults,
    log: Log,
    /// For request ids; not stored, so that reading changes nothing.
    random: Mutex<fastrand::Rng>,
    boot_ms: u64,
    delete_ms: u64,
}

impl std::fmt::Debug for Sim {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ids: Vec<_> = self.shared.clouds.iter().map(|cloud| cloud.id).collect();
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

    /// Makes the simulator.
    ///
    /// # Errors
    /// When the state file cannot be locked or read, is damaged, or comes from another version; the message names the
    /// file and says what to do.
    pub fn build(self) -> io::Result<Sim> {
        self.build_with(clouds::all())
    }

    fn build_with(self, slots: Vec<Box<dyn Slot>>) -> io::Result<Sim> {
        let clouds = slots.iter().map(|slot| slot.info()).collect();
        let mut world = World::new(slots, self.clock.clone(), self.seed, self.state_file);
        drop(world.open()?);
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let shared = Shared {
            clouds,
            world: Mutex::new(world),
            clock: self.clock,
            faults: Faults::new(self.seed),
            log: Log::default(),
            random: Mutex::new(fastrand::Rng::with_seed(!self.seed)),
            boot_ms: millis(self.boot_time),
            delete_ms: millis(self.delete_time),
        };
        Ok(Sim {
            shared: Arc::new(shared),
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
        }
    }

    /// The clock that all clouds go by.
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// What is made to go wrong.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// Everything that exists and bills or would be a leftover, at all clouds. When the state file cannot be read, the
    /// state that was last read; see [`try_inventory`](Self::try_inventory).
    pub fn inventory(&self) -> Vec<Item> {
        let mut world = self.world();
        let _guard = world.open();
        self.take_stock(&mut world)
    }

    /// Everything that exists and bills or would be a leftover, at all clouds.
    ///
    /// # Errors
    /// When the state file cannot be locked or read.
    pub fn try_inventory(&self) -> io::Result<Vec<Item>> {
        let mut world = self.world();
        let _guard = world.open()?;
        Ok(self.take_stock(&mut world))
    }

    fn take_stock(&self, world: &mut World) -> Vec<Item> {
        let now = self.shared.clock.now_ms();
        world
            .seats
            .iter_mut()
            .flat_map(|seat| seat.slot.inventory(now))
            .collect()
    }

    /// The requests to clouds since the start or the last clearing, oldest first; the last 10,000. Requests made by
    /// other processes on the same state file are not in it.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.shared.log.list()
    }

    /// Empties the request log.
    pub fn clear_requests(&self) {
        self.shared.log.clear();
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
        self.shared.faults.clear();
        self.shared.log.clear();
        self.world().reset()
    }

    /// Changes what a cloud's account holds, as the JSON text of its state: for tests of what no request brings about, such
    /// as a host of somebody else's.
    ///
    /// # Errors
    /// When there is no such cloud, the new text is no state of it, or the state file cannot be read or written.
    pub fn rewrite(&self, cloud: &str, change: impl FnOnce(&str) -> String) -> io::Result<()> {
        let mut world = self.world();
        let _guard = world.open()?;
        let seat = world.seats.iter_mut().find(|seat| seat.slot.info().id == cloud);
        let seat = seat.ok_or_else(|| io::Error::other(format!("there is no cloud `{cloud}`")))?;
        let changed = change(seat.slot.save()?.get());
        seat.slot.load(Some(&RawValue::from_string(changed)?))?;
        world.commit()
    }

    /// Stores what has no request of its own to be stored with: the clock's offset.
    pub(crate) fn store(&self) -> io::Result<()> {
        let mut world = self.world();
        let _guard = world.open()?;
        world.commit()
    }

    /// Serves plain HTTP: clouds by path prefix (`/hetzner/v1/servers`) and by Host header, the admin API under
    /// `/_sim/`.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn serve(&self, listen: SocketAddr) -> io::Result<Server> {
        Server::start(self.clone(), listen, None).await
    }

    /// Serves HTTPS, otherwise as [`serve`](Self::serve). Each connection gets a certificate for the host it asks for.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn serve_tls(&self, listen: SocketAddr, tls: &TlsIdentity) -> io::Result<Server> {
        Server::start(self.clone(), listen, Some(tls)).await
    }

    /// Answers a request, without a transport. Never panics, whatever the request holds.
    pub fn handle(&self, request: SimRequest) -> SimOutcome {
        match route(&request, &self.shared.clouds) {
            Route::Admin(path) => SimOutcome::Answer(admin::handle(self, &request, path).into_response(Vec::new())),
            Route::Cloud { index, prefix, path } => self.handle_cloud(&request, index, prefix, path),
            Route::Nowhere => SimOutcome::Answer(self.nowhere().into_response(Vec::new())),
        }
    }

    fn handle_cloud(&self, request: &SimRequest, index: usize, prefix: &str, path: &str) -> SimOutcome {
        let mut world = self.world();
        let _guard = match world.open() {
            Ok(guard) => guard,
            Err(error) => return SimOutcome::Answer(broken(&error).into_response(Vec::new())),
        };
        let shared = &*self.shared;
        let at = shared.clock.now();
        let now = shared.clock.now_ms();
        let World {
            seats,
            addresses,
            networks,
            ..
        } = &mut *world;
        let Some(seat) = seats.get_mut(index) else {
            return SimOutcome::Answer(self.nowhere().into_response(Vec::new()));
        };
        seat.served += 1;
        let cloud = seat.slot.info().id;
        let decoded: Vec<String> = path
            .split('/')
            .filter(|part| !part.is_empty())
            .map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned())
            .collect();
        let method = request.method.as_str();
        let Verdict {
            delay,
            before,
            after,
            names,
        } = shared.faults.judge(cloud, method, path);
        let mut call = Call {
            request,
            path,
            segments: decoded.iter().map(String::as_str).collect(),
            query: Query::parse(&request.query),
            now,
            request_id: uuid_from(&mut shared.random.lock().unwrap_or_else(PoisonError::into_inner)),
            served: seat.served,
            prefix,
            cloud,
            faults: &shared.faults,
            fault_names: names,
            ids: &mut seat.ids,
            addresses,
            networks,
            boot_ms: shared.boot_ms,
            delete_ms: shared.delete_ms,
        };
        let answer = match before {
            Some(Effect::ResetBefore) => None,
            Some(Effect::RateLimited { retry_after }) => {
                Some(seat.slot.trouble(&call, Trouble::RateLimited(retry_after)))
            }
            Some(Effect::ServerError { status }) => Some(seat.slot.trouble(&call, Trouble::ServerError(status))),
            Some(Effect::Unauthorized) => Some(seat.slot.trouble(&call, Trouble::Unauthorized)),
            _ => {
                let answer = seat.slot.handle(&mut call);
                (after != Some(Effect::ResetAfter)).then_some(answer)
            }
        };
        let headers = seat.slot.headers(&call);
        let Call {
            request_id,
            fault_names,
            ..
        } = call;
        let outcome = match (world.commit(), answer) {
            (Err(error), _) => SimOutcome::Answer(broken(&error).into_response(Vec::new())),
            (Ok(()), None) => SimOutcome::Drop,
            (Ok(()), Some(answer)) => SimOutcome::Answer(finish(
                answer.into_response(headers),
                delay,
                after == Some(Effect::Truncated),
            )),
        };
        shared.log.add(LoggedRequest {
            cloud: cloud.to_owned(),
            method: method.to_owned(),
            path: path.to_owned(),
            query: mask_query(&request.query),
            status: match &outcome {
                SimOutcome::Answer(answer) => answer.status().as_u16(),
                SimOutcome::Drop => 0,
            },
            at,
            request_id,
            faults: fault_names,
        });
        outcome
    }

    pub(crate) fn cloud_infos(&self) -> &[CloudInfo] {
        &self.shared.clouds
    }

    fn nowhere(&self) -> Answer {
        let clouds: Vec<_> = self
            .shared
            .clouds
            .iter()
            .map(|cloud| format!("/{}/", cloud.id))
            .collect();
        let hosts: Vec<_> = self.shared.clouds.iter().flat_map(|cloud| cloud.hosts).collect();
        Answer::json(
            404,
            &json!({
                "error": "neither the path nor the Host header belongs to a simulated cloud",
                "paths": clouds, "hosts": hosts, "admin": admin::ROUTES,
            }),
        )
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.shared.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The simulator itself cannot go on: its state file is unusable.
pub(crate) fn broken(error: &io::Error) -> Answer {
    Answer::json(500, &json!({ "error": format!("simulator: {error}") }))
}

fn finish(mut response: Response<Bytes>, delay: Duration, truncated: bool) -> Response<Bytes> {
    if delay > Duration::ZERO {
        response.extensions_mut().insert(Delay(delay));
    }
    if truncated {
        // The length stays that of the whole body.
        let half = response.body().len() / 2;
        response.body_mut().truncate(half);
    }
    response
}
