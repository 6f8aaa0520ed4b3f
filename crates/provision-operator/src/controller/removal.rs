//! Removing a host: until nothing with the resource's key is left at the cloud, and not a moment sooner.

use std::time::{Duration, SystemTime};

use kube::{ResourceExt as _, runtime::controller::Action};
use provision::{Deletion, HostId, IdempotencyKey, RegionFilter};
use serde_json::json;

use super::{
    effects::Effects,
    one::{self, AGAIN},
    ownership::refused,
    work::{Then, Work},
};
use crate::{
    account::{Deleted, Left, Listed, Purpose},
    crd::{FINALIZER, HostPhase},
    engine::{Removal, State},
    failure::Failure,
    managed::{Managed, News},
};

/// Asks the cloud to delete a host.
pub(super) async fn delete<K: Effects>(work: &mut Work<'_, K>, id: &HostId) -> Result<Then, Failure> {
    begin(work).await?;
    if let Some(then) = work.wait_for_next_attempt() {
        return Ok(then);
    }
    if let Some(pause) = work.account.pause(Purpose::Delete) {
        return work.wait_for(&pause).await;
    }
    match work.account.delete(id, &work.claim_to_hosts()?).await {
        Ok(Deleted::Refused(verdict)) => refused(work, id, verdict).await,
        Ok(Deleted::Done(Left::Nothing)) => {
            let begun = work.context.memory(&work.uid).duplicates;
            if let Some(then) = one::remove(work, begun).await? {
                return Ok(then);
            }
            let now = work.context.clock.now();
            let since = work.known().deleting.unwrap_or(now);
            work.context.remember(&work.uid, |memory| {
                memory.removal = Removal::Removed(since);
                memory.removed.insert(id.clone(), now);
            });
            work.succeeded();
            let note = format!("host {} and everything made for it are gone", work.name_of(id));
            work.context
                .tell(&work.resource, false, "HostDeleted", "Delete", &note)
                .await;
            Ok(Then::GoOn)
        }
        Ok(Deleted::Done(Left::Something(wait))) => {
            // Nobody else needs to know how it is doing: the list that everybody shares tells when it is gone.
            work.account.unwatch(id, &work.watcher());
            Ok(Then::Stop(Action::requeue(wait)))
        }
        Err(error) => work.failed(&Failure::Cloud(error), "Delete").await,
    }
}

/// Looks for a host that was created for the resource though its id was never stored.
pub(super) async fn look_for_strays<K: Effects>(
    work: &mut Work<'_, K>,
    begun_after: SystemTime,
) -> Result<Then, Failure> {
    begin(work).await?;
    if let Some(then) = work.wait_for_next_attempt() {
        return Ok(then);
    }
    if let Some(then) = work.refresh().await? {
        return Ok(then);
    }
    if let Some(pause) = work.account.pause(Purpose::Delete) {
        return work.wait_for(&pause).await;
    }
    let now = work.context.clock.now();
    let early = begun_after.duration_since(now).unwrap_or_default();
    // An early look ends the bill sooner, though only a later one can say that nothing is left.
    let since = if early.is_zero() {
        begun_after
    } else {
        work.known().deleting.unwrap_or(now).min(now)
    };
    let (begun, hosts) = match work.account.list_begun_after(since).await {
        Ok(Listed::Hosts { begun, hosts }) => (begun, hosts),
        Ok(Listed::Wait(wait)) => return Ok(Then::Stop(Action::requeue(wait))),
        Err(error) => return work.failed(&Failure::Cloud(error), "Delete").await,
    };
    let key = work.key()?;
    let known = work.known().id;
    // A list that is older than the removal may show what is gone.
    let removed = work.context.memory(&work.uid).removed;
    let is_gone = |id: &HostId| removed.get(id).is_some_and(|at| begun <= *at);
    let stray = hosts
        .iter()
        .find(|host| host.labels.has_key(&key) && !is_gone(&host.id))
        .map(|host| host.id.clone());
    let removal = match stray {
        // A list may go on showing for a while what is gone.
        Some(id)
            if matches!(work.context.memory(&work.uid).removal, Removal::Removed(_)) && known.as_ref() == Some(&id) =>
        {
            Removal::Found(id)
        }
        Some(id) => {
            let note = format!(
                "host {} was made for this resource though its id was never stored",
                work.name_of(&id)
            );
            work.context
                .tell(&work.resource, true, "StrayFound", "Delete", &note)
                .await;
            Removal::Found(id)
        }
        None if !early.is_zero() => return Ok(Then::Stop(Action::requeue(early + Duration::from_secs(1)))),
        // Of a create whose id was stored the deletion by id removes everything.
        None if known.is_some() => Removal::Clear,
        None => match delete_leftovers(work, &key).await {
            Ok(deletion) if deletion.is_over() => Removal::Clear,
            // Something uses them that no list shows yet: only a new one can tell what.
            Ok(_) => {
                let now = work.context.clock.now();
                work.context
                    .remember(&work.uid, |memory| memory.removal = Removal::Removed(now));
                return Ok(Then::Stop(Action::requeue(AGAIN)));
            }
            Err(error) => return work.failed(&Failure::Cloud(error), "Delete").await,
        },
    };
    // What a list still shows after a complete deletion is asked for again, but not in a hurry.
    let again = matches!(&removal, Removal::Found(id) if known.as_ref() == Some(id));
    work.context.remember(&work.uid, |memory| memory.removal = removal);
    Ok(if again {
        Then::Stop(Action::requeue(AGAIN))
    } else {
        Then::GoOn
    })
}

/// Removes what was made for a host that never came to be: it is in no list, and has no id.
async fn delete_leftovers<K: Managed>(work: &Work<'_, K>, key: &IdempotencyKey) -> provision::Result<Deletion> {
    let cloud = work.account.cloud();
    // The region may have been another one when the create was begun: the operator's own can be changed.
    cloud.delete_leftovers(key, &RegionFilter::All).await
}

/// Takes the finalizer off.
pub(super) async fn release<K: Effects>(work: &mut Work<'_, K>) -> Result<Then, Failure> {
    if let Some(then) = work.refresh().await? {
        return Ok(then);
    }
    work.resource.withdraw(work.context).await?;
    if work.resource.retains() {
        let note = match work.stored_id() {
            Some(id) => format!("host {} stays and goes on billing", work.name_of(&id)),
            None => "no host was made, or none whose id is known".to_owned(),
        };
        work.context
            .tell(&work.resource, false, "HostRetained", "Delete", &note)
            .await;
    }
    let finalizers: Vec<&String> = work
        .resource
        .finalizers()
        .iter()
        .filter(|name| *name != FINALIZER)
        .collect();
    work.patch_metadata(json!({ "finalizers": finalizers })).await?;
    work.account.no_longer_deletes(&work.uid);
    match work.resource.retains() {
        true => work.context.budget.keep(&work.uid, work.context.clock.now()),
        false => work.context.budget.release(&work.uid),
    }
    if let Some(id) = work.known().id {
        work.account.unwatch(&id, &work.watcher());
    }
    let memory = work.context.forget(&work.uid);
    work.context.metrics.moved(K::KIND, memory.counted, None);
    Ok(Then::Stop(Action::await_change()))
}

/// What comes before the first word to the cloud: nobody is sent to the host any more, and the resource says so.
pub(super) async fn begin<K: Effects>(work: &mut Work<'_, K>) -> Result<(), Failure> {
    work.account.deletes(&work.uid);
    if work.resource.stored_phase() != HostPhase::Deleting {
        work.resource.withdraw(work.context).await?;
        let state = State {
            phase: HostPhase::Deleting,
            ip: None,
            message: None,
        };
        work.show(&state, &News::default()).await?;
        work.count(HostPhase::Deleting);
    }
    Ok(())
}
