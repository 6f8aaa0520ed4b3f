//! Whose host it is that a status names. Whoever may write the status may write anything into it, so that an id there proves
//! nothing: the labels of the host do.

use provision::HostId;

use super::work::{Then, Work};
use crate::{
    account::{Claim, Verdict},
    failure::Failure,
    managed::Managed,
};

impl<K: Managed> Work<'_, K> {
    /// What this resource can say for itself when it asks for a host's deletion.
    pub(super) fn claim_to_hosts(&self) -> Result<Claim, Failure> {
        Ok(Claim {
            key: self.key()?,
            predecessor: self.resource.predecessor_name(),
            adopts_unmarked: self.context.options.adopt_unmarked,
        })
    }

    /// Takes an id out of account that the cloud has shown to be another's: the resource goes on as if it had none, and is led
    /// to its own host by its key. Costs no request.
    pub(super) async fn disown_what_is_foreign(&mut self) -> Result<(), Failure> {
        let Some(id) = self.stored_id() else { return Ok(()) };
        let Some(owner) = self.account.known_owner(&id) else {
            return Ok(());
        };
        if self.claim_to_hosts()?.to(&owner) == Verdict::Foreign {
            self.disown(&id).await;
        }
        Ok(())
    }

    /// Says of a host that it is another's.
    pub(super) async fn disown(&mut self, id: &HostId) {
        self.account.unwatch(id, &self.watcher());
        self.context.remember(&self.uid, |memory| {
            memory.disowned.insert(id.clone());
        });
        let note = format!(
            "host {} in the status was not made for this resource, which is known by its labels: it is left alone, and the \
             resource's own host is looked for",
            self.name_of(id)
        );
        self.context
            .tell(&self.resource, true, "NotOwnHost", "Check", &note)
            .await;
    }
}

/// What follows when a deletion was refused.
pub(super) async fn refused<K: Managed>(
    work: &mut Work<'_, K>,
    id: &HostId,
    verdict: Verdict,
) -> Result<Then, Failure> {
    if verdict == Verdict::Foreign {
        work.disown(id).await;
        return Ok(Then::GoOn);
    }
    let failure = Failure::Missing {
        reason: "UnmarkedHost",
        message: format!(
            "host {} carries no label of this operator, as hosts of inlets-operator do: nothing proves that it was made for this \
             tunnel. Start the operator with --adopt-unmarked to have it deleted, or delete it at the cloud",
            work.name_of(id)
        ),
    };
    work.failed(&failure, "Delete").await
}
