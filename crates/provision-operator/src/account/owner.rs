//! Whose a host is: by the labels that it was made with, as the cloud last showed them.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use provision::{HostId, IdempotencyKey, ProvisionedHost};

use super::Left;
use crate::clock::Clock;

/// How long what was seen of a host counts. Ids of some clouds are names, which may be given to another host.
const LASTS: Duration = Duration::from_secs(600);
/// The label that inlets-operator gave its hosts at clouds that have labels.
const EXIT_NODE: (&str, &str) = ("inlets", "exit-node");

/// At EC2 hosts have the name of their security group.
fn is_exit_name(name: &str) -> bool {
    name.strip_prefix("inlets-")
        .is_some_and(|uuid| HostId::check_uuid(uuid).is_ok())
}

/// What a host says of who made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// It carries our marker and the key with this hash, or no key.
    Marked(Option<String>),
    /// It carries no marker of ours.
    Unmarked {
        /// Its name.
        name: String,
        /// Whether it is labelled, or named, as inlets-operator does it where it does not give the Tunnel's name.
        exit_node: bool,
    },
}

impl Owner {
    /// The owner by the labels of a host.
    #[must_use]
    pub fn of(host: &ProvisionedHost) -> Self {
        match host.labels.is_managed() {
            true => Self::Marked(host.labels.key_hash().map(str::to_owned)),
            false => Self::Unmarked {
                name: host.name.clone(),
                exit_node: host.labels.get(EXIT_NODE.0) == Some(EXIT_NODE.1) || is_exit_name(&host.name),
            },
        }
    }
}

/// Who says that a host is theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The key of the resource: its UID.
    pub key: IdempotencyKey,
    /// The name that inlets-operator gave the host of such a resource.
    pub predecessor: Option<String>,
    /// Whether hosts that inlets-operator made are taken for the resource's own.
    pub adopts_unmarked: bool,
}

/// What a claim comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The host carries the resource's key, or is one of inlets-operator's that may be adopted.
    Own,
    /// It may be one that inlets-operator made for the resource; nothing at the cloud proves it.
    Unproven,
    /// It was made for something else.
    Foreign,
}

impl Claim {
    /// Judges the claim.
    #[must_use]
    pub fn to(&self, owner: &Owner) -> Verdict {
        match owner {
            Owner::Marked(key) if key.as_deref() == Some(self.key.hash().as_str()) => Verdict::Own,
            Owner::Unmarked { name, exit_node }
                if self
                    .predecessor
                    .as_ref()
                    .is_some_and(|given| *exit_node || name == given) =>
            {
                match self.adopts_unmarked {
                    true => Verdict::Own,
                    false => Verdict::Unproven,
                }
            }
            Owner::Marked(_) | Owner::Unmarked { .. } => Verdict::Foreign,
        }
    }
}

/// What became of a host whose deletion was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a deletion in progress has to be called again, and one that was refused has to be told"]
pub enum Deleted {
    /// It was the claimant's own, or the cloud has no such host.
    Done(Left),
    /// Nothing was deleted, as it is not known to be the claimant's.
    Refused(Verdict),
}

/// What the answers of a cloud showed of the owners of its hosts.
#[derive(Debug)]
pub(super) struct Owners {
    clock: Clock,
    known: Mutex<BTreeMap<HostId, (SystemTime, Owner)>>,
}

impl Owners {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            known: Mutex::default(),
        }
    }

    /// Notes a host by the id that it was asked for with, which may be another spelling of its own.
    pub(super) fn note(&self, id: &HostId, host: &ProvisionedHost) {
        let now = self.clock.now();
        self.known().insert(id.clone(), (now, Owner::of(host)));
    }

    /// Notes the hosts of a list, and forgets what is out of date.
    pub(super) fn note_all(&self, hosts: &[ProvisionedHost]) {
        let now = self.clock.now();
        let mut known = self.known();
        known.retain(|_, (seen, _)| is_fresh(*seen, now));
        known.extend(hosts.iter().map(|host| (host.id.clone(), (now, Owner::of(host)))));
    }

    pub(super) fn forget(&self, id: &HostId) {
        self.known().remove(id);
    }

    pub(super) fn get(&self, id: &HostId) -> Option<Owner> {
        let now = self.clock.now();
        let known = self.known();
        let (seen, owner) = known.get(id)?;
        is_fresh(*seen, now).then(|| owner.clone())
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<HostId, (SystemTime, Owner)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A clock that was set back makes it out of date, too.
fn is_fresh(seen: SystemTime, now: SystemTime) -> bool {
    now.duration_since(seen).is_ok_and(|age| age < LASTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_key_proves_and_a_host_of_the_predecessor_has_to_look_like_one() {
        let key = IdempotencyKey::new("uid-1").unwrap();
        let claim = |predecessor: Option<&str>, adopts_unmarked| Claim {
            key: key.clone(),
            predecessor: predecessor.map(str::to_owned),
            adopts_unmarked,
        };
        let unmarked = |name: &str, exit_node| Owner::Unmarked {
            name: name.to_owned(),
            exit_node,
        };
        let other = Owner::Marked(Some("0123".to_owned()));
        for adopts in [false, true] {
            for tunnel in [claim(Some("web-tunnel"), adopts), claim(None, adopts)] {
                assert_eq!(tunnel.to(&Owner::Marked(Some(key.hash()))), Verdict::Own);
                assert_eq!(tunnel.to(&other), Verdict::Foreign);
                assert_eq!(tunnel.to(&Owner::Marked(None)), Verdict::Foreign);
                assert_eq!(tunnel.to(&unmarked("database", false)), Verdict::Foreign);
            }
            // Hosts are ours alone: inlets-operator made none for them.
            assert_eq!(claim(None, adopts).to(&unmarked("x", true)), Verdict::Foreign);
        }
        for looks in [unmarked("web-tunnel", false), unmarked("inlets-1", true)] {
            assert_eq!(claim(Some("web-tunnel"), false).to(&looks), Verdict::Unproven);
            assert_eq!(claim(Some("web-tunnel"), true).to(&looks), Verdict::Own);
        }
    }
}
