//! `Ready`, `Progressing` and `Degraded`, as Tunnels and Hosts have them in their status.

use std::time::SystemTime;

use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
    jiff::Timestamp,
};

use crate::{crd::HostPhase, engine::State};

/// Why a resource is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// In a word, such as `RateLimited`.
    pub reason: String,
    /// In a sentence.
    pub message: String,
}

/// The three conditions; the time of one changes only with its status. `pending` names in a word what an active host still
/// lacks for the resource to be of use.
pub(super) fn conditions(
    old: &[Condition],
    state: &State,
    pending: Option<&str>,
    problem: Option<&Problem>,
    generation: Option<i64>,
    now: SystemTime,
) -> Vec<Condition> {
    let phase = state.phase;
    let pending = pending.filter(|_| phase == HostPhase::Active);
    let word = pending.unwrap_or_else(|| phase.as_str()).to_owned();
    let message = state.message.clone().unwrap_or_default();
    let broken = match (problem, phase) {
        (Some(problem), _) => Some((problem.reason.clone(), problem.message.clone())),
        (None, HostPhase::Failed | HostPhase::Gone | HostPhase::Stopped | HostPhase::Unknown) => {
            Some((phase.as_str().to_owned(), message.clone()))
        }
        (None, _) => None,
    };
    let ready = phase == HostPhase::Active && pending.is_none();
    let progressing = pending.is_some()
        || matches!(
            phase,
            HostPhase::Pending | HostPhase::Provisioning | HostPhase::Deleting
        );
    let degraded = broken.is_some();
    let (why, text) = broken.unwrap_or_else(|| ("AsExpected".to_owned(), String::new()));
    let wanted = [
        ("Ready", ready, word.clone(), message),
        ("Progressing", progressing, word, String::new()),
        ("Degraded", degraded, why, text),
    ];
    let make = |(type_, holds, reason, message): (&str, bool, String, String)| {
        let status = if holds { "True" } else { "False" };
        let before = old.iter().find(|condition| condition.type_ == type_);
        let since = before
            .filter(|before| before.status == status)
            .map(|before| before.last_transition_time.clone());
        let now = Timestamp::try_from(now).unwrap_or(Timestamp::UNIX_EPOCH);
        let whole = Timestamp::from_second(now.as_second()).unwrap_or(now);
        Condition {
            type_: type_.to_owned(),
            status: status.to_owned(),
            reason,
            message,
            observed_generation: generation,
            last_transition_time: since.unwrap_or(Time(whole)),
        }
    };
    wanted.into_iter().map(make).collect()
}
