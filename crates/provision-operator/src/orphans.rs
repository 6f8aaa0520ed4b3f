//! Hosts of this installation that no resource asks for: reported, and deleted only when asked to.

use std::collections::BTreeSet;

use kube::{ResourceExt as _, api::ListParams};
use provision::{HostId, IdempotencyKey, KEEP_LABEL, ProvisionedHost};

use crate::{
    account::{Account, Listed, Purpose},
    context::Context,
    crd::{Host, Tunnel},
    failure::Failure,
    managed::Managed,
    mapping::KIND_LABEL,
};

/// A host that no resource asks for, or that a resource has besides its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Orphan {
    /// The provider's id.
    pub provider: &'static str,
    /// The host.
    pub id: HostId,
    /// Its name.
    pub name: String,
    /// Whether nothing is left of it.
    pub deleted: bool,
}

/// Compares the hosts of this cluster in every account with the cluster's resources. With `delete`, those that were made
/// for Tunnels are deleted; those that were made for Hosts may have been kept on purpose and are only reported.
///
/// Nothing at the cloud tells a Host that was kept on purpose from one that was lost. A label set at its creation would say
/// what `deletionPolicy` was then, and the policy may be changed to `Retain` up to the deletion of the resource, which is
/// when it is usually done; labels are never changed afterwards. Nor is a record in the cluster any help: the check is for
/// clusters that lost their records. A host too many is a bill, a host too few may be somebody's data.
///
/// What was made for a host that never came to be is not seen here, as no list of hosts shows it; it bills nothing.
///
/// # Errors
/// When the cluster's API fails. An account whose hosts cannot be listed is left out.
pub async fn check(context: &Context, delete: bool) -> Result<Vec<Orphan>, Failure> {
    let mut orphans = Vec::new();
    for account in context.accounts.all() {
        if account.pause(Purpose::Other).is_some() {
            continue;
        }
        // Hosts first, then resources: a host made in between is in neither.
        let hosts = match account.recent_list().await {
            Ok(Listed::Hosts { hosts, .. }) => hosts,
            Ok(Listed::Wait(_)) => continue,
            Err(error) => {
                tracing::warn!(provider = account.info().id, %error, "hosts cannot be compared with resources");
                continue;
            }
        };
        let mut known = Known::default();
        // Whatever their labels are: one that has left the labels of this installation still has its host.
        let scope = &context.options.scope;
        let tunnels = scope.api::<Tunnel>(context.client.clone());
        for tunnel in tunnels.list(&ListParams::default()).await?.items {
            known.add(&tunnel);
        }
        let own = scope.api::<Host>(context.client.clone());
        for host in own.list(&ListParams::default()).await?.items {
            known.add(&host);
        }
        let ours = |host: &&ProvisionedHost| context.options.defaults.is_ours(&host.labels);
        let mut count = 0;
        // Their resources are woken, and see to it that one is left.
        let seconds = account.note_twins(&hosts);
        let is_second = |host: &&ProvisionedHost| seconds.contains(&host.id);
        for host in hosts.iter().filter(is_second) {
            count += 1;
            tracing::warn!(
                provider = account.info().id,
                id = host.id.to_text(),
                name = host.name,
                "a resource has this host besides its own"
            );
            orphans.push(Orphan {
                provider: account.info().id,
                id: host.id.clone(),
                name: host.name.clone(),
                deleted: false,
            });
        }
        let mut leaving = account.leaving_orphans();
        for host in hosts.iter().filter(ours).filter(|host| !known.has(host)) {
            count += 1;
            leaving.remove(&host.id);
            let may_delete = delete && host.labels.get(KIND_LABEL) == Some("tunnel");
            let deleted = may_delete && remove(&account, &host.id).await;
            tracing::warn!(
                provider = account.info().id,
                id = host.id.to_text(),
                name = host.name,
                deleted,
                "no resource asks for this host"
            );
            orphans.push(Orphan {
                provider: account.info().id,
                id: host.id.clone(),
                name: host.name.clone(),
                deleted,
            });
        }
        for id in leaving {
            remove(&account, &id).await;
        }
        context.metrics.orphans(account.info().id, count);
    }
    Ok(orphans)
}

async fn remove(account: &Account, id: &HostId) -> bool {
    match account.delete_orphan(id).await {
        // One that is not over is asked for again by the next check.
        Ok(is_over) => is_over,
        Err(error) => {
            tracing::warn!(id = id.to_text(), %error, "an orphaned host cannot be deleted");
            false
        }
    }
}

/// What resources ask for.
#[derive(Default)]
struct Known {
    ids: BTreeSet<String>,
    keys: Vec<IdempotencyKey>,
}

impl Known {
    fn add<K: Managed>(&mut self, resource: &K) {
        self.ids.extend(resource.stored_id().map(str::to_owned));
        self.keys
            .extend(resource.uid().and_then(|uid| IdempotencyKey::new(uid).ok()));
    }

    fn has(&self, host: &ProvisionedHost) -> bool {
        host.labels.get(KEEP_LABEL) == Some("true")
            || self.ids.contains(host.id.as_str())
            || self.keys.iter().any(|key| host.labels.has_key(key))
    }
}
