//! Whether there is room for one more host.

use std::time::Duration;

use super::{
    effects::Effects,
    work::{Then, Work},
};
use crate::{budget::Price, failure::Failure, mapping::conditions::Problem};

/// Reserves room for the resource's host, or tells why there is none. What a cap is measured with has to be known: hosts that
/// were retained, and those that this process knows nothing of, are looked for first.
pub(super) async fn admit<K: Effects>(work: &mut Work<'_, K>, cost: Option<&Price>) -> Result<Option<Then>, Failure> {
    let Some(place) = work.context.place(&work.resource) else {
        return Ok(None);
    };
    let budget = &work.context.budget;
    let reserve = || budget.reserve(&work.uid, &place, cost.cloned());
    let looks = budget.is_capped() && place.is_own();
    let mut room = match looks && budget.looked_at(&place.account).is_none() {
        true => Err(String::new()),
        false => reserve(),
    };
    if room.is_err() && looks {
        match work.context.recount(&work.account, &place.account).await {
            Ok(None) => {}
            Ok(Some(wait)) if budget.looked_at(&place.account).is_none() => {
                return Ok(Some(Then::Stop(kube::runtime::controller::Action::requeue(wait))));
            }
            Ok(Some(_)) => {}
            Err(Failure::Kube(error)) => return Err(error.into()),
            Err(failure) => return work.failed(&failure, "Create").await.map(Some),
        }
        room = budget.reserve(&work.uid, &place, cost.cloned());
    }
    let Err(message) = room else { return Ok(None) };
    let problem = Problem {
        reason: "OverBudget".to_owned(),
        message,
    };
    let told = work.tell_problem(&problem, "Create", Duration::from_secs(60)).await?;
    Ok(Some(Then::Stop(told)))
}
