//! One host for each resource. Callers that know nothing of each other, such as an operator that died and its successor, may
//! have made several with the resource's key at clouds that refuse no second one: one stays, and the others are deleted.

use std::{collections::BTreeSet, time::Duration};

use kube::runtime::controller::Action;
use provision::{HostId, HostStatus, ProvisionedHost};

use super::{
    effects::Effects,
    ownership::refused,
    work::{Then, Work},
};
use crate::{
    account::{Deleted, Left, Purpose, Verdict},
    crd::HostPhase,
    engine::State,
    failure::Failure,
    managed::{Managed, News},
};

/// How soon something that goes on is asked for again.
pub(super) const AGAIN: Duration = Duration::from_secs(5);

/// Sees to it that the resource's host is the only one with its key, or takes the one that is: called before the status says
/// that the host is active, has failed or is gone. `None`: it is so, and the status may say it.
///
/// What is left to do is found again by whoever comes after a crash: until everything is done, the status has the id that it
/// had, and does not say yet what brought this about; the other hosts are in the list of the key.
pub(super) async fn settle<K: Effects>(work: &mut Work<'_, K>, state: &State) -> Result<Option<Then>, Failure> {
    let Some(id) = work.stored_id() else { return Ok(None) };
    // The date of the next attempt may be that of something in the cluster, for which nobody waits here.
    if work.context.memory(&work.uid).hitch.is_none()
        && let Some(then) = work.wait_for_next_attempt()
    {
        return Ok(Some(then));
    }
    if let Some(pause) = work.account.pause(Purpose::Other) {
        return work.wait_for(&pause).await.map(Some);
    }
    // Not what `settle` answers: it does not tell of hosts that are being deleted, and those may leave something behind.
    let found = match work.account.hosts_with_key(&work.key()?, &id).await {
        Ok(found) => found,
        Err(error) => return work.failed(&Failure::Cloud(error), "Settle").await.map(Some),
    };
    let is_there = matches!(state.phase, HostPhase::Active | HostPhase::Failed);
    if is_there
        && !found.iter().any(|host| host.id == id)
        && let Some(wait) = left_until_certain(work)
    {
        return Ok(Some(Then::Stop(Action::requeue(wait.min(AGAIN)))));
    }
    let begun = work.context.memory(&work.uid).duplicates;
    let mut others: BTreeSet<HostId> = found.iter().map(|host| host.id.clone()).collect();
    others.extend(begun.iter().cloned());
    let stays = match living(&found, &id).as_slice() {
        [] => id.clone(),
        [only] => only.id.clone(),
        [host, ..] => match work.account.cloud().settle(host).await {
            // The list has changed meanwhile.
            Ok(settled) if !settled.certain => return Ok(Some(Then::Stop(Action::requeue(AGAIN)))),
            Ok(settled) => {
                others.extend(settled.duplicates);
                settled.host.id
            }
            Err(error) => return work.failed(&Failure::Cloud(error), "Settle").await.map(Some),
        },
    };
    others.insert(id.clone());
    others.remove(&stays);
    if begun.is_empty() && !others.is_empty() {
        let names: Vec<String> = others.iter().map(|id| work.name_of(id)).collect();
        let note = format!(
            "{} and {} were made for this resource: {0} stays, the rest is deleted",
            work.name_of(&stays),
            names.join(", ")
        );
        work.context
            .tell(&work.resource, true, "SecondHost", "Settle", &note)
            .await;
    }
    if let Some(then) = leave_only(work, &stays, others).await? {
        return Ok(Some(then));
    }
    work.context.remember(&work.uid, |memory| memory.certain_by = None);
    work.account.is_alone(&id);
    work.succeeded();
    if stays == id {
        return Ok(None);
    }
    take(work, &stays).await?;
    Ok(Some(Then::GoOn))
}

/// Those that are not on their way out, the resource's own first.
fn living<'a>(found: &'a [ProvisionedHost], id: &HostId) -> Vec<&'a ProvisionedHost> {
    let mut living: Vec<_> = found
        .iter()
        .filter(|host| host.status != HostStatus::Deleting)
        .collect();
    living.sort_by_key(|host| host.id != *id);
    living
}

/// A list that does not show the host cannot tell whether it is the only one. It is not waited for for ever.
fn left_until_certain<K: Managed>(work: &Work<'_, K>) -> Option<Duration> {
    let now = work.context.clock.now();
    let by = now + work.account.info().visible_within;
    let by = work.context.memory(&work.uid).certain_by.unwrap_or(by);
    work.context.remember(&work.uid, |memory| memory.certain_by = Some(by));
    by.duration_since(now).ok().filter(|left| !left.is_zero())
}

/// Deletes the others of a resource's hosts; `None` when nothing is left of them.
pub(super) async fn leave_only<K: Managed>(
    work: &mut Work<'_, K>,
    stays: &HostId,
    others: BTreeSet<HostId>,
) -> Result<Option<Then>, Failure> {
    if others.iter().any(|other| work.stored_id().as_ref() == Some(other)) {
        // A list may go on showing what is gone: that must not cost the resource the host that it has.
        match work.account.cloud().status(stays).await {
            Ok(host) if host.status != HostStatus::Deleting => {}
            Ok(_) => return Ok(Some(Then::Stop(Action::requeue(AGAIN)))),
            Err(error) => return work.failed(&Failure::Cloud(error), "Settle").await.map(Some),
        }
    }
    remove(work, others).await
}

/// Deletes second hosts of a resource; `None` when nothing is left of them.
pub(super) async fn remove<K: Managed>(
    work: &mut Work<'_, K>,
    hosts: BTreeSet<HostId>,
) -> Result<Option<Then>, Failure> {
    let mut left = hosts.clone();
    let mut wait = Duration::MAX;
    let remember = |work: &Work<'_, K>, left: &BTreeSet<HostId>| {
        let left = left.clone();
        work.context.remember(&work.uid, |memory| memory.duplicates = left);
    };
    for id in hosts {
        match work.account.delete(&id, &work.claim_to_hosts()?).await {
            Ok(Deleted::Done(Left::Nothing)) => {
                work.account.unwatch(&id, &work.watcher());
                left.remove(&id);
            }
            Ok(Deleted::Done(Left::Something(until))) => wait = wait.min(until),
            // What is another's is none of this resource's hosts.
            Ok(Deleted::Refused(Verdict::Foreign)) => {
                left.remove(&id);
                work.disown(&id).await;
            }
            Ok(Deleted::Refused(verdict)) => {
                remember(work, &left);
                return refused(work, &id, verdict).await.map(Some);
            }
            Err(error) => {
                remember(work, &left);
                let error = error
                    .context("a second host of this resource cannot be deleted")
                    .with_host(id);
                return work.failed(&Failure::Cloud(error), "Delete").await.map(Some);
            }
        }
    }
    remember(work, &left);
    Ok((!left.is_empty()).then(|| Then::Stop(Action::requeue(wait))))
}

/// Makes another host the resource's own. Whoever made it may have died before it was done: the next step is to ask for it.
async fn take<K: Effects>(work: &mut Work<'_, K>, id: &HostId) -> Result<(), Failure> {
    // Somebody else may have the address of the other one by now.
    work.resource.withdraw(work.context).await?;
    let state = State {
        phase: HostPhase::Pending,
        ip: None,
        message: None,
    };
    work.show_with_id(id, &state, &News::default()).await
}
