//! Before an uninstall: deletes every Tunnel and Host of this installation, and waits until the clouds say that their hosts are gone, so that no
//! finalizer is left without anybody to take it off.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{TryStreamExt as _, stream};
use kube::{ResourceExt, api::DeleteParams};

use crate::{
    causes::with_causes,
    context::Context,
    controller::{Effects, reconcile},
    controllers::CONCURRENCY,
    crd::{FINALIZER, Host, Tunnel},
    failure::Failure,
    managed::Managed,
};

/// What cleaning up came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Resources that are gone.
    pub removed: usize,
    /// Resources whose hosts are still there, as `Kind namespace/name`, with what was last said of them.
    pub left: Vec<String>,
}

/// Deletes everything, and looks every `interval` until it is gone or the time is up. Nobody else may work meanwhile: the
/// caller holds the Lease.
///
/// # Errors
/// When the cluster's API cannot be read at the end of the time.
pub async fn run(context: &Arc<Context>, timeout: Duration, interval: Duration) -> Result<Report, Failure> {
    let start = Instant::now();
    let mut seen = BTreeSet::new();
    loop {
        let is_last = start.elapsed() >= timeout;
        match remove_everything(context, &mut seen).await {
            Ok(left) if left.is_empty() || is_last => {
                let removed = seen.len().saturating_sub(left.len());
                return Ok(Report { removed, left });
            }
            Ok(left) => tracing::info!(left = left.len(), "waiting for the clouds"),
            Err(error) if is_last => return Err(error),
            Err(error) => tracing::warn!(error = with_causes(&error), "will be tried again"),
        }
        tokio::time::sleep(interval).await;
    }
}

async fn remove_everything(context: &Arc<Context>, seen: &mut BTreeSet<String>) -> Result<Vec<String>, Failure> {
    let mut left = remove_all::<Tunnel>(context, seen).await?;
    left.extend(remove_all::<Host>(context, seen).await?);
    Ok(left)
}

/// Deletes what is there and does the operator's part. What is left was there at the last look.
async fn remove_all<K: Effects>(context: &Arc<Context>, seen: &mut BTreeSet<String>) -> Result<Vec<String>, Failure> {
    let found = list::<K>(context).await?;
    seen.extend(found.iter().filter_map(ResourceExt::uid));
    stream::iter(found.into_iter().map(Ok))
        .try_for_each_concurrent(usize::from(CONCURRENCY), |resource| remove(context, resource))
        .await?;
    let left = list::<K>(context).await?;
    let held = left
        .iter()
        .filter(|resource| resource.finalizers().iter().any(|name| name == FINALIZER));
    Ok(held.map(|resource| describe(context, resource)).collect())
}

async fn remove<K: Effects>(context: &Arc<Context>, resource: K) -> Result<(), Failure> {
    let api = context.api::<K>(&resource.namespace().unwrap_or_default());
    let name = resource.name_any();
    if resource.meta().deletion_timestamp.is_none() {
        match api.delete(&name, &DeleteParams::background()).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.code == 404 => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
    if let Some(now) = api.get_opt(&name).await?
        && let Err(error) = reconcile(Arc::new(now), context.clone()).await
    {
        tracing::warn!(kind = K::KIND, name, error = with_causes(&error), "will be tried again");
    }
    Ok(())
}

async fn list<K: Managed>(context: &Context) -> Result<Vec<K>, Failure> {
    let scope = &context.options.scope;
    match scope.api::<K>(context.client.clone()).list(&scope.list()).await {
        Ok(list) => Ok(list.items.into_iter().filter(|item| scope.has(item)).collect()),
        // The definition was deleted, and every resource before it.
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

fn describe<K: Managed>(context: &Context, resource: &K) -> String {
    let (namespace, name) = (resource.namespace().unwrap_or_default(), resource.name_any());
    let told = context.memory(&resource.uid().unwrap_or_default()).told;
    let said = told.map_or_else(String::new, |(reason, note)| format!(" ({reason}: {note})"));
    format!("{} {namespace}/{name}{said}", K::KIND)
}
