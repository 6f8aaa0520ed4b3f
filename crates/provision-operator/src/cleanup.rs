//! Before an uninstall: deletes every Tunnel and Host, and waits until the clouds say that their hosts are gone, so that no
//! finalizer is left without anybody to take it off.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use kube::{
    Api, ResourceExt as _,
    api::{DeleteParams, ListParams},
};

use crate::{
    context::Context,
    controller::{Failure, Managed, reconcile},
    crd::{FINALIZER, Host, Tunnel},
};

/// What cleaning up came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Resources that are gone.
    pub removed: usize,
    /// Resources whose hosts are still there, as `Kind namespace/name`.
    pub left: Vec<String>,
}

/// Deletes everything, and looks every `interval` until it is gone or the time is up. Nobody else may work meanwhile: the
/// caller holds the Lease.
///
/// # Errors
/// When the cluster's API cannot be read.
pub async fn run(context: &Arc<Context>, timeout: Duration, interval: Duration) -> Result<Report, Failure> {
    let start = Instant::now();
    let mut report = Report::default();
    let mut before = None;
    loop {
        let mut left = remove_all::<Tunnel>(context).await?;
        left.extend(remove_all::<Host>(context).await?);
        let at_first = *before.get_or_insert(left.len());
        report.removed = at_first.saturating_sub(left.len());
        report.left = left;
        if report.left.is_empty() {
            report.removed = at_first;
            return Ok(report);
        }
        if start.elapsed() >= timeout {
            return Ok(report);
        }
        tracing::info!(left = report.left.len(), "waiting for the clouds");
        tokio::time::sleep(interval).await;
    }
}

/// Deletes what is there and does the operator's part. What is left was there at the last look.
async fn remove_all<K: Managed>(context: &Arc<Context>) -> Result<Vec<String>, Failure> {
    let all = Api::<K>::all(context.client.clone());
    for resource in all.list(&ListParams::default()).await?.items {
        let api = context.api::<K>(&resource.namespace().unwrap_or_default());
        let name = resource.name_any();
        if resource.meta().deletion_timestamp.is_none() {
            match api.delete(&name, &DeleteParams::background()).await {
                Ok(_) => {}
                Err(kube::Error::Api(status)) if status.code == 404 => continue,
                Err(error) => return Err(error.into()),
            }
        }
        if let Some(now) = api.get_opt(&name).await?
            && let Err(error) = reconcile(Arc::new(now), context.clone()).await
        {
            tracing::warn!(kind = K::KIND, name, %error, "will be tried again");
        }
    }
    let left = all.list(&ListParams::default()).await?.items;
    let held = left
        .iter()
        .filter(|resource| resource.finalizers().iter().any(|name| name == FINALIZER));
    Ok(held
        .map(|resource| {
            format!(
                "{} {}/{}",
                K::KIND,
                resource.namespace().unwrap_or_default(),
                resource.name_any()
            )
        })
        .collect())
}
