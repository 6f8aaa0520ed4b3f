//! The state machine that Tunnels and Hosts share: from what is known of a resource and its host to the one next step.
//!
//! Pure: no clock, no client, no cloud. Whoever drives it carries out a step, looks again, and asks for the next one, so
//! that a crash between any two steps is the same as a pause.

use std::{
    net::IpAddr,
    time::{Duration, SystemTime},
};

use provision::{HostId, HostStatus};

use crate::crd::HostPhase;

/// How long a create may be under way when its resource's deletion begins. What it makes is in lists as much later as the cloud
/// takes to show a new host.
pub const UNDER_WAY: Duration = Duration::from_secs(30);

/// What is known of a resource.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Known {
    /// When its deletion was asked for.
    pub deleting: Option<SystemTime>,
    /// Whether it carries our finalizer.
    pub claimed: bool,
    /// The host's id, once it is stored.
    pub id: Option<HostId>,
    /// Whether the id is one of inlets-operator's that lacks its region.
    pub lacks_region: bool,
    /// How long a list may lack a new host.
    pub visible_within: Duration,
    /// Whether its host was given up because it failed, and another one is to take its place.
    pub given_up: bool,
    /// Whether a list showed another host with the resource's key.
    pub twin: bool,
    /// The phase that the status has on record; `None` while the host is not made, or not yet all that was asked for.
    pub phase: Option<HostPhase>,
    /// Whether the host outlives the resource.
    pub retain: bool,
    /// Whether its time to live has passed.
    pub expired: bool,
}

/// What the cloud last said of the host.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Seen {
    /// Nothing yet, or nothing that could be read.
    #[default]
    Unread,
    /// It exists.
    Host {
        /// Its state.
        status: HostStatus,
        /// Its public address.
        ip: Option<IpAddr>,
        /// Why it failed, in the cloud's words.
        message: Option<String>,
    },
    /// The cloud says, and goes on saying, that it does not exist.
    Gone,
    /// Why the id can be no host's at this cloud.
    NoId(String),
}

/// How far the removal of a host has come. Kept in memory only: forgotten, it starts again and finds nothing to do.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Removal {
    /// Nothing was done yet.
    #[default]
    Begun,
    /// A host with the resource's key was found though its id was never stored.
    Found(HostId),
    /// The host that was known is gone; another one with the same key was not looked for, in a list of this moment or later.
    Removed(SystemTime),
    /// No host with the resource's key is left.
    Clear,
}

/// The one next thing to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Nothing, until something changes.
    Rest,
    /// Put the finalizer on the resource, before the cloud hears of it.
    Claim,
    /// Ask the cloud for a host with the resource's key, and store its id at once.
    Create,
    /// Add the region to the id.
    CompleteId,
    /// See to it that the host is the only one with its key, before the resource's status says this.
    Settle(State),
    /// Delete the host that was given up, and forget its id.
    Replace(HostId),
    /// Bring the resource's status up to this.
    Report(State),
    /// Delete the resource itself, whose time to live has passed.
    Expire,
    /// Ask the cloud to delete the host, again and again until nothing of it is left.
    Delete(HostId),
    /// Read a list that was begun at or after this moment, and look for a host with the resource's key.
    LookForStrays {
        /// Lists that were begun earlier may lack a host that was created late.
        begun_after: SystemTime,
    },
    /// Take the finalizer off: nothing is left at the cloud, or the host is meant to stay.
    Release,
}

/// What a resource's status says of its host.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// Its state.
    pub phase: HostPhase,
    /// Its public address, once there is one.
    pub ip: Option<IpAddr>,
    /// Why, in the cloud's words.
    pub message: Option<String>,
}

/// The next step for a resource.
#[must_use]
pub fn next(known: &Known, seen: &Seen, removal: &Removal) -> Step {
    match known.deleting {
        Some(since) => next_of_removal(known, since, removal),
        None if !known.claimed => Step::Claim,
        None if known.expired => Step::Expire,
        None if known.lacks_region => Step::CompleteId,
        None if let Some(id) = known.id.as_ref().filter(|_| known.given_up) => Step::Replace(id.clone()),
        None if known.id.is_none() || known.phase.is_none() => Step::Create,
        None => {
            let state = state(known, seen);
            match known.twin || decides(known, &state) {
                true => Step::Settle(state),
                false => Step::Report(state),
            }
        }
    }
}

fn next_of_removal(known: &Known, since: SystemTime, removal: &Removal) -> Step {
    if !known.claimed {
        return Step::Rest;
    }
    if known.retain {
        return Step::Release;
    }
    if known.lacks_region {
        return Step::CompleteId;
    }
    // A create may be under way whose answer nobody has: only a list that is young enough counts.
    let settled = match known.id {
        Some(_) => since,
        None => since + UNDER_WAY + known.visible_within,
    };
    match (removal, &known.id) {
        (Removal::Clear, _) => Step::Release,
        (Removal::Found(id), _) | (Removal::Begun, Some(id)) => Step::Delete(id.clone()),
        (Removal::Begun, None) => Step::LookForStrays { begun_after: settled },
        (Removal::Removed(at), _) => Step::LookForStrays {
            begun_after: settled.max(*at),
        },
    }
}

/// Whether a change of the host ends its making, or the host itself: when another one may have to take its place.
fn decides(known: &Known, state: &State) -> bool {
    use HostPhase::{Active, Deleting, Failed, Gone};
    known.phase != Some(state.phase) && matches!(state.phase, Active | Failed | Gone | Deleting)
}

fn state(known: &Known, seen: &Seen) -> State {
    match seen {
        // After a restart the status is what is known.
        Seen::Unread => State {
            phase: known.phase.unwrap_or(HostPhase::Provisioning),
            ip: None,
            message: None,
        },
        Seen::Gone => State {
            phase: HostPhase::Gone,
            ip: None,
            message: Some("the cloud no longer has the host, though nobody deleted it here".to_owned()),
        },
        Seen::NoId(message) => State {
            phase: HostPhase::Unknown,
            ip: None,
            message: Some(message.clone()),
        },
        Seen::Host { status, ip, message } => State {
            phase: phase(*status),
            ip: *ip,
            message: message.clone(),
        },
    }
}

fn phase(status: HostStatus) -> HostPhase {
    match status {
        HostStatus::Provisioning => HostPhase::Provisioning,
        HostStatus::Active => HostPhase::Active,
        HostStatus::Stopped => HostPhase::Stopped,
        HostStatus::Deleting => HostPhase::Deleting,
        HostStatus::Failed => HostPhase::Failed,
        _ => HostPhase::Unknown,
    }
}

#[cfg(test)]
mod tests;
