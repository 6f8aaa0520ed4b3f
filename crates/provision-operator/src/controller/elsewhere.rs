//! The next region or plan, when there was no room in one or the cloud could not build the host there.

use kube::runtime::controller::Action;
use provision::{HostId, RegionFilter};

use super::{
    effects::Effects,
    one::AGAIN,
    ownership::refused,
    work::{Then, Work},
};
use crate::{
    account::{Deleted, Left, Purpose},
    crd::HostPhase,
    engine::State,
    failure::Failure,
    managed::News,
    mapping::{
        choices::{Attempt, is_shortage},
        conditions::Problem,
    },
};

/// After a create that failed: asks elsewhere when there was no room, and sets a date for the next attempt otherwise, or once
/// every choice was tried.
pub(super) async fn after_refusal<K: Effects>(work: &mut Work<'_, K>, failure: Failure) -> Result<Then, Failure> {
    let Failure::Cloud(error) = failure else {
        return work.failed(&failure, "Create").await;
    };
    if !is_shortage(&error) {
        return work.failed(&Failure::Cloud(error), "Create").await;
    }
    let options = &work.context.options;
    let (choices, attempt) = (work.resource.choices(options), work.resource.attempt());
    let here = work.resource.choice(options);
    // What was made all the same bills there.
    if let Some(id) = error.host()
        && let Some(next) = attempt.after_failure(id, choices.len())
    {
        let why = format!("in {}: {error}", here.shown());
        return move_on(work, next, "SoldOut", &why).await;
    }
    let Some((next, is_over)) = attempt.after_refusal(choices.len()).filter(|_| error.host().is_none()) else {
        return work.failed(&Failure::Cloud(error), "Create").await;
    };
    if choices.get(next.choice).map(|choice| &choice.region) != Some(&here.region)
        && let Some(then) = clear(work, here.region.clone()).await?
    {
        return Ok(then);
    }
    // The plan may be another one, with another price.
    work.context.budget.release(&work.uid);
    if is_over {
        work.patch_metadata(annotated(&next)).await?;
        let error = error.context(format!("the last of {} choices, {}", choices.len(), here.shown()));
        return work.failed(&Failure::Cloud(error), "Create").await;
    }
    let why = format!("in {}: {error}", here.shown());
    move_on(work, next, "SoldOut", &why).await
}

/// Removes what was made in a region for a host that never came to be; `None` when nothing is left of it.
async fn clear<K: Effects>(work: &mut Work<'_, K>, region: Option<String>) -> Result<Option<Then>, Failure> {
    let region = region.map_or(RegionFilter::Default, RegionFilter::Only);
    match work.account.cloud().delete_leftovers(&work.key()?, &region).await {
        Ok(deletion) if deletion.is_over() => Ok(None),
        Ok(_) => Ok(Some(Then::Stop(Action::requeue(AGAIN)))),
        Err(error) => work.failed(&Failure::Cloud(error), "Create").await.map(Some),
    }
}

/// Gives up a host that failed before it had an address, when there is another choice. `None`: it stays as it is, and the status
/// says so.
pub(super) async fn give_up<K: Effects>(work: &mut Work<'_, K>, state: &State) -> Result<Option<Then>, Failure> {
    if state.phase != HostPhase::Failed || attempt_without(work).is_none() {
        return Ok(None);
    }
    let settled = work.stored_id();
    // What a cache shows may be older than what was reported of the host.
    if let Some(Then::Stop(action)) = work.refresh().await? {
        return Ok(Some(Then::Stop(action)));
    }
    if work.stored_id() != settled {
        return Ok(Some(Then::GoOn));
    }
    let Some((id, next)) = attempt_without(work) else {
        return Ok(None);
    };
    let why = format!(
        "host {} failed: {}",
        work.name_of(&id),
        state.message.as_deref().unwrap_or("the cloud does not say why")
    );
    move_on(work, next, "HostGivenUp", &why).await.map(Some)
}

/// The host that the resource has, if it never worked, and the attempt that comes after it, if there is one.
fn attempt_without<K: Effects>(work: &Work<'_, K>) -> Option<(HostId, Attempt)> {
    let resource = &work.resource;
    let never_worked = resource.stored_phase() == HostPhase::Provisioning && resource.stored_address().is_none();
    let id = work.stored_id().filter(|_| never_worked)?;
    let choices = resource.choices(&work.context.options).len();
    let next = resource.attempt().after_failure(&id, choices)?;
    Some((id, next))
}

/// Makes the next choice the one that is tried, and says so.
async fn move_on<K: Effects>(work: &mut Work<'_, K>, next: Attempt, reason: &str, why: &str) -> Result<Then, Failure> {
    work.patch_metadata(annotated(&next)).await?;
    let next = work.resource.choice(&work.context.options).shown();
    let problem = Problem {
        reason: reason.to_owned(),
        message: format!("{why}; {next} is tried"),
    };
    work.tell_problem(&problem, "Create", AGAIN).await?;
    work.succeeded();
    Ok(Then::GoOn)
}

fn annotated(attempt: &Attempt) -> serde_json::Value {
    serde_json::json!({ "annotations": attempt.annotations() })
}

/// Forgets the host that was given up, of which nothing is left.
pub(super) async fn forget<K: Effects>(work: &mut Work<'_, K>) -> Result<Then, Failure> {
    let attempt = Attempt {
        replaces: None,
        ..work.resource.attempt()
    };
    work.patch_metadata(annotated(&attempt)).await?;
    Ok(Then::GoOn)
}

/// Deletes the host that was given up, until nothing is left of it, and forgets its id.
pub(super) async fn replace<K: Effects>(work: &mut Work<'_, K>, id: &HostId) -> Result<Then, Failure> {
    if let Some(then) = work.wait_for_next_attempt() {
        return Ok(then);
    }
    // What a cache shows may be older than the next host.
    if let Some(then) = work.refresh().await? {
        return Ok(then);
    }
    if let Some(pause) = work.account.pause(Purpose::Delete) {
        return work.wait_for(&pause).await;
    }
    match work.account.delete(id, &work.claim_to_hosts()?).await {
        Ok(Deleted::Refused(verdict)) => return refused(work, id, verdict).await,
        Ok(Deleted::Done(Left::Nothing)) => {}
        Ok(Deleted::Done(Left::Something(wait))) => {
            work.account.unwatch(id, &work.watcher());
            return Ok(Then::Stop(Action::requeue(wait)));
        }
        Err(error) => return work.failed(&Failure::Cloud(error), "Delete").await,
    }
    work.resource.withdraw(work.context).await?;
    work.account.unwatch(id, &work.watcher());
    work.context.budget.release(&work.uid);
    let now = work.context.clock.now();
    work.context.remember(&work.uid, |memory| {
        memory.removed.insert(id.clone(), now);
        memory.certain_by = None;
    });
    let note = format!("host {} and everything made for it are gone", work.name_of(id));
    work.context
        .tell(&work.resource, false, "HostDeleted", "Replace", &note)
        .await;
    let state = State {
        phase: HostPhase::Pending,
        ip: None,
        message: None,
    };
    work.show_without_id(&state, &News::default()).await?;
    work.succeeded();
    Ok(Then::GoOn)
}
