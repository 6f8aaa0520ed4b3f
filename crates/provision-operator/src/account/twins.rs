//! Second hosts of living resources, as lists show them: a create whose answer was lost, and which no list showed in time.

use std::collections::BTreeSet;

use provision::{HostId, HostStatus, IdempotencyKey, ProvisionedHost};

use super::{Account, State, Watched};
use crate::engine::Seen;

impl Account {
    /// Says which host a resource has, by the resource's key: another host with the key is one too many.
    pub fn belongs(&self, id: &HostId, key: &IdempotencyKey) {
        self.state().keys.insert(key.hash(), id.clone());
    }

    /// Whether a list showed another host with the key of this one's resource.
    #[must_use]
    pub fn has_twin(&self, id: &HostId) -> bool {
        self.state().twins.contains(id)
    }

    /// The resource of this host has no other one.
    pub fn is_alone(&self, id: &HostId) {
        self.state().twins.remove(id);
    }

    /// Picks those out of a list that are second hosts of living resources, and wakes the resources.
    pub fn note_twins(&self, hosts: &[ProvisionedHost]) -> BTreeSet<HostId> {
        let mut state = self.state();
        let State {
            watched,
            leaving,
            keys,
            twins,
            ..
        } = &mut *state;
        let mut found = BTreeSet::new();
        for host in hosts {
            let own = host.labels.key_hash().and_then(|hash| keys.get(hash));
            let Some(own) = own.filter(|own| **own != host.id) else {
                continue;
            };
            // Of an id that somebody put into the status, or whose host is gone, there is no second one.
            let is_there = |watched: &Watched| matches!(watched.seen, Seen::Host { .. });
            if !watched.get(own).is_some_and(is_there) {
                continue;
            }
            if host.status == HostStatus::Deleting || leaving.contains_key(&host.id) {
                continue;
            }
            found.insert(host.id.clone());
            if twins.insert(own.clone())
                && let Some(watched) = watched.get(own)
            {
                // Nobody listens any more while the operator stops.
                for watcher in &watched.watchers {
                    let _ = self.events.send(watcher.clone());
                }
            }
        }
        found
    }
}
