//! The engine: every cloud with its account, and what happens to a request to one of them.

use std::{
    io,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::Response;
use percent_encoding::percent_decode_str;
use serde_json::{json, value::RawValue};

use crate::{
    call::Call,
    clock::Clock,
    cloud::{CloudInfo, Trouble},
    fault::Effect,
    faults::{Faults, Verdict},
    kit::{answer::Answer, ids::uuid_from, query::Query},
    record::{Item, Log, LoggedRequest, mask_query},
    request::{Delay, SimOutcome, SimRequest},
    store::World,
};

/// How much of a path and of a query the log keeps, characters.
const LOGGED: usize = 2_000;

/// What all clones of a simulator share.
pub(crate) struct Engine {
    /// Static facts of the clouds, in the order of their seats.
    pub(crate) clouds: Vec<CloudInfo>,
    pub(crate) clock: Clock,
    pub(crate) faults: Faults,
    pub(crate) log: Log,
    world: Mutex<World>,
    /// For request ids; not stored, so that reading changes nothing.
    random: Mutex<fastrand::Rng>,
    boot_ms: u64,
    delete_ms: u64,
    enforces_limits: bool,
    /// Why the last request to a cloud could not be carried out, if so.
    trouble: Mutex<Option<String>>,
}

impl Engine {
    /// Reads the world's file, if it has one.
    pub(crate) fn new(
        mut world: World,
        clock: Clock,
        seed: u64,
        boot_time: Duration,
        delete_time: Duration,
        enforces_limits: bool,
    ) -> io::Result<Self> {
        drop(world.open()?);
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Ok(Self {
            clouds: world.seats.iter().map(|seat| seat.slot.info()).collect(),
            clock,
            faults: Faults::new(seed),
            log: Log::default(),
            world: Mutex::new(world),
            random: Mutex::new(fastrand::Rng::with_seed(!seed)),
            boot_ms: millis(boot_time),
            delete_ms: millis(delete_time),
            enforces_limits,
            trouble: Mutex::default(),
        })
    }

    /// Everything that exists, as of the state that was last read when the file cannot be read now.
    pub(crate) fn inventory(&self) -> Vec<Item> {
        let mut world = self.world();
        let _guard = world.open();
        self.take_stock(&mut world)
    }

    pub(crate) fn try_inventory(&self) -> io::Result<Vec<Item>> {
        let mut world = self.world();
        let _guard = world.open()?;
        Ok(self.take_stock(&mut world))
    }

    fn take_stock(&self, world: &mut World) -> Vec<Item> {
        let now = self.clock.now_ms();
        world
            .seats
            .iter_mut()
            .flat_map(|seat| seat.slot.inventory(now))
            .collect()
    }

    pub(crate) fn reset(&self) -> io::Result<()> {
        self.faults.clear();
        self.log.clear();
        self.world().reset()
    }

    /// Changes the JSON text of what a cloud's account holds.
    pub(crate) fn rewrite(&self, cloud: &str, change: impl FnOnce(&str) -> String) -> io::Result<()> {
        let mut world = self.world();
        let _guard = world.open()?;
        let seat = world.seats.iter_mut().find(|seat| seat.slot.info().id == cloud);
        let seat = seat.ok_or_else(|| io::Error::other(format!("there is no cloud `{cloud}`")))?;
        let changed = change(seat.slot.save()?.get());
        seat.slot.load(Some(&RawValue::from_string(changed)?))?;
        world.commit(None)
    }

    /// Stores what has no request of its own to be stored with: the clock's offset.
    pub(crate) fn store(&self) -> io::Result<()> {
        let mut world = self.world();
        let _guard = world.open()?;
        world.commit(None)
    }

    /// Answers a request to the cloud at that place of the list; `prefix` was taken off its path.
    pub(crate) fn handle(&self, request: &SimRequest, index: usize, prefix: &str, path: &str) -> SimOutcome {
        let mut world = self.world();
        let _guard = match world.open() {
            Ok(guard) => guard,
            Err(error) => return self.stop(&error),
        };
        let at = self.clock.now();
        let now = self.clock.now_ms();
        let World {
            seats,
            addresses,
            networks,
            ..
        } = &mut *world;
        let Some(seat) = seats.get_mut(index) else {
            let error = io::Error::other(format!("there is no cloud number {index}"));
            return self.stop(&error);
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
        } = self.faults.judge(cloud, method, path);
        let limits = seat.slot.limits();
        let taken = match self.enforces_limits {
            true => seat.meter.take(limits, request, now),
            false => Ok(()),
        };
        let before = match taken {
            Ok(()) => before,
            Err(wait) => Some(Effect::RateLimited {
                retry_after: Some(wait),
            }),
        };
        let mut call = Call {
            request,
            path,
            segments: decoded.iter().map(String::as_str).collect(),
            query: Query::parse(&request.query),
            now,
            request_id: uuid_from(&mut self.random.lock().unwrap_or_else(PoisonError::into_inner)),
            served: seat.served,
            left: self.enforces_limits.then(|| seat.meter.left(limits)),
            prefix,
            cloud,
            faults: &self.faults,
            fault_names: names,
            ids: &mut seat.ids,
            addresses,
            networks,
            boot_ms: self.boot_ms,
            delete_ms: self.delete_ms,
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
        self.note(None);
        let outcome = match (world.commit(Some(index)), answer) {
            (Err(error), _) => self.stop(&error),
            (Ok(()), None) => SimOutcome::Drop,
            (Ok(()), Some(answer)) => SimOutcome::Answer(finish(
                answer.into_response(headers),
                delay,
                after == Some(Effect::Truncated),
            )),
        };
        let entry = LoggedRequest {
            number: 0,
            cloud: cloud.to_owned(),
            method: method.to_owned(),
            path: path.chars().take(LOGGED).collect(),
            query: mask_query(&request.query).chars().take(LOGGED).collect(),
            status: match &outcome {
                SimOutcome::Answer(answer) => answer.status().as_u16(),
                SimOutcome::Drop => 0,
            },
            at,
            request_id,
            faults: fault_names,
        };
        let answer = match &outcome {
            SimOutcome::Answer(answer) => Some(answer),
            SimOutcome::Drop => None,
        };
        self.log.add(entry, answer);
        outcome
    }

    pub(crate) fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, trouble: Option<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    fn stop(&self, error: &io::Error) -> SimOutcome {
        self.note(Some(error.to_string()));
        SimOutcome::Answer(broken(error).into_response(Vec::new()))
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
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
