//! Ids of inlets-operator, which at some clouds lack the region that ours have.

use provision::{ErrorKind, HostId};

use super::{
    effects::Effects,
    removal,
    work::{Then, Work},
};
use crate::{
    account::{Owner, Purpose, Verdict},
    engine::State,
    failure::Failure,
    managed::News,
};

/// Completes the id in the status with the region that the operator was started with, and stores it as the cloud has it. That
/// the host is not there says nothing: it may be in another region.
pub(super) async fn complete_id<K: Effects>(work: &mut Work<'_, K>) -> Result<Then, Failure> {
    if work.resource.meta().deletion_timestamp.is_some() {
        removal::begin(work).await?;
    }
    let Some(id) = work.stored_id() else {
        return Ok(Then::GoOn);
    };
    if let Some(then) = work.wait_for_next_attempt() {
        return Ok(then);
    }
    let cloud = work.account.info().id;
    let Some(region) = work.resource.choice(&work.context.options).region else {
        let message = format!(
            "the id `{id}` in the status lacks its region, as inlets-operator stored it: start the operator with the --region that the host is in"
        );
        return incomplete(work, message).await;
    };
    if let Some(pause) = work.account.pause(Purpose::Delete) {
        return work.wait_for(&pause).await;
    }
    let whole = HostId::from_parts([id.as_str(), &region]).map_err(provision::Error::from)?;
    match work.account.cloud().status(&whole).await {
        // The part that is there is another's: by its key the resource is led to its own.
        Ok(host) if work.claim_to_hosts()?.to(&Owner::of(&host)) == Verdict::Foreign => {
            work.disown(&id).await;
            Ok(Then::GoOn)
        }
        Ok(host) => {
            let state = State {
                phase: work.resource.stored_phase(),
                ip: None,
                message: None,
            };
            work.show_with_id(&host.id, &state, &News::default()).await?;
            work.succeeded();
            Ok(Then::GoOn)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let message = format!(
                "there is no host `{id}` in region `{region}` of {cloud}: start the operator with the --region that the host is in; if it no longer exists, take hostId out of the status"
            );
            incomplete(work, message).await
        }
        Err(error) => work.failed(&Failure::Cloud(error), "Read").await,
    }
}

async fn incomplete<K: Effects>(work: &mut Work<'_, K>, message: String) -> Result<Then, Failure> {
    let failure = Failure::Missing {
        reason: "IncompleteId",
        message,
    };
    work.failed(&failure, "Read").await
}
