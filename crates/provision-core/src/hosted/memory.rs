//! What a process remembers of its own creates, for as long as lists may lag behind them.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use futures_util::lock::{Mutex as AsyncMutex, OwnedMutexGuard};

use crate::{Clock, HostId, HostName, Order, ProvisionedHost};

/// For how long it is remembered what was asked for: until then whoever waits for the host is done.
const ORDER_KEPT: Duration = Duration::from_secs(3600);

/// For how long a host whose deletion was begun is taken for a dying one, on clouds that do not say so themselves.
const DYING: Duration = Duration::from_secs(60);

/// What became of a create with a key.
#[derive(Debug, Clone)]
pub(super) enum Known {
    /// It made this host, which lists may not show before the time is over.
    Made(Box<ProvisionedHost>, Duration),
    /// It was sent for a host of this name, and nothing tells what became of it: if it made a host, lists show it when the time
    /// is over.
    Unknown(HostName, Duration),
}

struct Create {
    /// When it may be forgotten.
    until: Duration,
    name: HostName,
    /// The host, if it is known.
    host: Option<Box<ProvisionedHost>>,
}

/// Clones share what they know.
#[derive(Clone)]
pub(super) struct Memory {
    clock: Clock,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// By a key's hash.
    creates: BTreeMap<String, Create>,
    /// What was asked for, and until when it is kept, by a key's hash.
    orders: BTreeMap<String, (Duration, Order)>,
    /// Hosts whose deletion was begun, and until when that counts.
    dying: BTreeMap<HostId, Duration>,
    turns: BTreeMap<String, Weak<AsyncMutex<()>>>,
}

impl Memory {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            state: Arc::default(),
        }
    }

    /// Waits until no other call of this process creates with the key.
    pub(super) async fn turn(&self, hash: &str) -> OwnedMutexGuard<()> {
        let lock = {
            let mut state = self.state();
            state.turns.retain(|_, turn| turn.strong_count() > 0);
            let known = state.turns.get(hash).and_then(Weak::upgrade);
            known.unwrap_or_else(|| {
                let lock = Arc::new(AsyncMutex::new(()));
                state.turns.insert(hash.to_owned(), Arc::downgrade(&lock));
                lock
            })
        };
        lock.lock_owned().await
    }

    pub(super) fn get(&self, hash: &str) -> Option<Known> {
        let now = self.clock.now();
        let state = self.state();
        let create = state.creates.get(hash)?;
        let left = create.until.checked_sub(now).filter(|left| !left.is_zero())?;
        Some(match &create.host {
            Some(host) => Known::Made(host.clone(), left),
            None => Known::Unknown(create.name.clone(), left),
        })
    }

    /// A create with the key is about to be sent. Unless the result is told what became of it, that is unknown.
    pub(super) fn begin(&self, hash: &str, order: &Order, visible_within: Duration) -> Pending<'_> {
        let now = self.clock.now();
        let mut state = self.state();
        state.orders.retain(|_, (until, _)| *until > now);
        let kept = (now.saturating_add(ORDER_KEPT), order.clone());
        state.orders.insert(hash.to_owned(), kept);
        Pending {
            memory: self,
            hash: hash.to_owned(),
            name: order.name.clone(),
            visible_within,
            told: false,
        }
    }

    /// A host that was made here so recently that the cloud may not know it everywhere yet.
    pub(super) fn recent(&self, id: &HostId) -> Option<ProvisionedHost> {
        let now = self.clock.now();
        let state = self.state();
        let mut recent = state.creates.values().filter(|create| create.until > now);
        let found = recent.find_map(|create| create.host.as_deref().filter(|host| host.id == *id));
        found.cloned()
    }

    /// What was asked for with the key, by the last create of this process.
    pub(super) fn order(&self, hash: &str) -> Option<Order> {
        let now = self.clock.now();
        let state = self.state();
        let kept = state.orders.get(hash).filter(|(until, _)| *until > now);
        kept.map(|(_, order)| order.clone())
    }

    /// A host is being deleted, or is gone: some clouds give its id to the next host of its name.
    pub(super) fn is_being_deleted(&self, id: &HostId, over: bool) {
        let now = self.clock.now();
        let mut state = self.state();
        state
            .creates
            .retain(|_, create| create.host.as_ref().is_none_or(|host| host.id != *id));
        state.dying.retain(|_, until| *until > now);
        match over {
            true => drop(state.dying.remove(id)),
            false => drop(state.dying.insert(id.clone(), now.saturating_add(DYING))),
        }
    }

    /// Whether this process began to delete the host a moment ago.
    pub(super) fn is_dying(&self, id: &HostId) -> bool {
        let now = self.clock.now();
        self.state().dying.get(id).is_some_and(|until| *until > now)
    }

    fn remember(&self, hash: &str, name: &HostName, host: Option<&ProvisionedHost>, visible_within: Duration) {
        let now = self.clock.now();
        let mut state = self.state();
        state.creates.retain(|_, create| create.until > now);
        if let Some(host) = host {
            state.dying.remove(&host.id);
        }
        let create = Create {
            until: now.saturating_add(visible_within),
            name: name.clone(),
            host: host.cloned().map(Box::new),
        };
        state.creates.insert(hash.to_owned(), create);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Memory({} creates)", self.state().creates.len())
    }
}

/// A create that is under way. Dropped without a word, as when its future is dropped, its outcome is unknown.
pub(super) struct Pending<'a> {
    memory: &'a Memory,
    hash: String,
    name: HostName,
    visible_within: Duration,
    told: bool,
}

impl Pending<'_> {
    pub(super) fn made(mut self, host: &ProvisionedHost) {
        self.told = true;
        self.memory
            .remember(&self.hash, &self.name, Some(host), self.visible_within);
    }

    /// What is known of an earlier create stays: this one tells nothing about it.
    pub(super) fn made_nothing(mut self) {
        self.told = true;
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if !self.told {
            self.memory.remember(&self.hash, &self.name, None, self.visible_within);
        }
    }
}
