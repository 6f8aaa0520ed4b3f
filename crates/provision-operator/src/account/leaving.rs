//! Hosts on their way out. A host is asked to go once; then the list that everybody shares tells when the cloud no longer has
//! it; then what was made for it is removed. So a deletion costs two calls, however long the cloud takes.

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime},
};

use provision::{HostId, HostStatus, Result};

use super::{Account, Listed};

/// How soon after a deletion was asked for the list is looked at. Most clouds are through by then.
const FIRST_LOOK: Duration = Duration::from_secs(5);
/// How long a host may be shown as if nothing had been asked before it is asked again; doubles up to [`LONGEST`].
const UNMOVED: Duration = Duration::from_secs(120);
/// How long a host may be on its way out before it is asked again.
const LONGEST: Duration = Duration::from_secs(600);

/// What is left of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// Nothing.
    Nothing,
    /// Something. How long until there is anything to ask.
    Something(Duration),
}

/// A host whose deletion was begun.
#[derive(Debug, Clone)]
pub(super) struct Leaving {
    region: Option<String>,
    /// When it was last asked to go.
    asked: SystemTime,
    /// How often.
    times: u32,
    /// The beginning of the list that comes next: what earlier ones show is known.
    next_list: SystemTime,
    /// A list lacked it before it was last asked: it was not the host that was still there, but something of it.
    unlisted: bool,
}

impl Leaving {
    /// After so many calls that did not end it, how long until the next one.
    fn backoff(&self, first: Duration) -> Duration {
        let doubled = 2_u32.saturating_pow(self.times.saturating_sub(1).min(10));
        first.saturating_mul(doubled).min(LONGEST)
    }

    /// How long a list may show the host in this state before it is asked again.
    fn patience(&self, status: HostStatus) -> Duration {
        match status {
            HostStatus::Deleting => LONGEST,
            // At some clouds a host is stopped first, and then there is a second step to ask for.
            HostStatus::Stopped => self.backoff(2 * FIRST_LOOK),
            _ => self.backoff(UNMOVED),
        }
    }
}

impl Account {
    /// Deletes a host as far as the cloud allows it now. Called again and again, it asks the cloud no more than it has to.
    ///
    /// # Errors
    /// Any error of the cloud.
    pub(super) async fn remove(&self, id: &HostId) -> Result<Left> {
        let known = self.state().leaving.get(id).cloned();
        let mut unlisted = false;
        if let Some(leaving) = &known {
            unlisted = match self.is_listed(id, leaving).await? {
                Some(wait) => return Ok(Left::Something(wait.max(Duration::from_secs(1)))),
                None => true,
            };
        }
        let deletion = self.cloud.delete_proven(id).await?;
        let mut state = self.state();
        if deletion.is_over() {
            state.leaving.remove(id);
            return Ok(Left::Nothing);
        }
        let now = self.clock.now();
        let region = state.watched.get(id).and_then(|watched| watched.region.clone());
        let leaving = Leaving {
            region: known.as_ref().and_then(|known| known.region.clone()).or(region),
            asked: now,
            times: known.map_or(0, |known| known.times).saturating_add(1),
            next_list: now,
            unlisted,
        };
        state.leaving.insert(id.clone(), leaving);
        Ok(Left::Something(FIRST_LOOK))
    }

    /// How long until the cloud can be asked something new about a host on its way out; `None`: it is to be asked now.
    async fn is_listed(&self, id: &HostId, leaving: &Leaving) -> Result<Option<Duration>> {
        let now = self.clock.now();
        let passed = now.duration_since(leaving.asked).unwrap_or_default();
        if let Some(early) = FIRST_LOOK.checked_sub(passed).filter(|early| !early.is_zero()) {
            return Ok(Some(early));
        }
        if leaving.unlisted {
            let wait = leaving.backoff(FIRST_LOOK / 2).min(Duration::from_secs(60));
            return Ok(wait.checked_sub(passed).filter(|left| !left.is_zero()));
        }
        match self.list_of(leaving.region.clone(), leaving.next_list).await? {
            Listed::Wait(wait) => Ok(Some(wait)),
            Listed::Hosts { begun, hosts } => {
                let Some(host) = hosts.iter().find(|host| host.id == *id) else {
                    return Ok(None);
                };
                let Some(left) = leaving.patience(host.status).checked_sub(passed) else {
                    return Ok(None);
                };
                if let Some(leaving) = self.state().leaving.get_mut(id) {
                    leaving.next_list = begun + Duration::from_millis(1);
                }
                Ok(Some(left.min(self.pace.list_gap)))
            }
        }
    }

    /// Whether the deletion of a host was begun and is not over.
    pub(super) fn is_leaving(&self, id: &HostId) -> bool {
        self.state().leaving.contains_key(id)
    }

    /// Deletes an orphan, which a list showed with the label of this cluster, as far as the cloud allows it now, and remembers it
    /// until nothing of it is left: lists may no longer show it by then. Whether nothing is left.
    ///
    /// # Errors
    /// Any error of the cloud.
    pub async fn delete_orphan(&self, id: &HostId) -> Result<bool> {
        self.state().orphans.insert(id.clone());
        let left = self.remove(id).await?;
        if left == Left::Nothing {
            self.state().orphans.remove(id);
        }
        Ok(left == Left::Nothing)
    }

    /// Orphans whose deletion was begun and is not over.
    #[must_use]
    pub fn leaving_orphans(&self) -> BTreeSet<HostId> {
        self.state().orphans.clone()
    }
}
