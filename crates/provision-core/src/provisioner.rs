use std::{fmt::Debug, sync::Arc};

use async_trait::async_trait;

use crate::{
    BasicHost, Catalog, CatalogQuery, Deletion, HostDeleteRequest, HostId, IdempotencyKey, ListFilter, ProviderInfo,
    ProvisionedHost, RegionFilter, Result, Settled,
};

/// A cloud that can create, report, list and delete hosts: what callers use. Authors of a cloud write [`Cloud`](crate::Cloud), and
/// [`Hosted`](crate::Hosted) makes a provisioner of it.
///
/// No method waits: each makes a bounded number of HTTP requests and returns, ideally within a second. Callers poll
/// [`status`](Self::status) until the host is active and call [`delete`](Self::delete) until the deletion
/// [is over](Deletion::is_over). Dropping a future loses nothing that a repeated call does not find again.
#[async_trait]
pub trait Provisioner: Debug + Send + Sync {
    /// Static facts about the provider: no I/O.
    fn info(&self) -> &'static ProviderInfo;

    /// Asks the cloud for a host and returns as soon as the cloud accepts.
    ///
    /// A [`key`](BasicHost::key), which is the name unless another was set, that has a host is answered with that host, whatever
    /// else is asked for; [`origin`](ProvisionedHost::origin) tells. Everything that can be checked is checked before the first
    /// request.
    ///
    /// When nothing tells whether a create made a host, the error says that it [may exist](crate::Error::may_exist): call again.
    /// Until [`retry_after`](crate::Error::retry_after) has passed such a call only looks.
    ///
    /// # Errors
    /// `InvalidRequest` for a request that cannot succeed; `AlreadyExists` when the name is taken on a cloud with unique
    /// names; `Conflict` while a host with the key is being deleted; `Capacity`, `Quota`. An error after the host was made
    /// carries its [id](crate::Error::host), unless the host was removed again. [`explain_refusal`](crate::explain_refusal) adds
    /// to an `InvalidRequest` what the caller may have meant.
    async fn provision(&self, host: &BasicHost) -> Result<ProvisionedHost>;

    /// Reads one host.
    ///
    /// # Errors
    /// `NotFound` when the cloud says that there is no such host; `InvalidRequest` for what is no id of this cloud, or lacks a
    /// part.
    async fn status(&self, id: &HostId) -> Result<ProvisionedHost>;

    /// Removes a host and everything that was created for it. Repeat until it [is over](Deletion::is_over).
    ///
    /// By id, any host of the account is removed; where there is none, the answer is [`Deletion::NotFound`]. By IP, only hosts
    /// that carry our marker are looked at; as a host that is gone has no address, repeat by its id.
    ///
    /// # Errors
    /// `Conflict` when the cloud is too busy to accept the deletion: call again. `NotFound` only by IP, when no marked
    /// host has that address; `InvalidRequest` for an id that lacks a part.
    async fn delete(&self, request: &HostDeleteRequest) -> Result<Deletion>;

    /// Removes what [`provision`](Self::provision) calls with this key made for a host that was never created, such as a
    /// firewall that has to exist before its host. No list shows such a thing, and there is no id to delete it by.
    ///
    /// For whoever gives up a key: first [`list`](Self::list) and delete the hosts with the key, then call this, and repeat it
    /// until it [is over](Deletion::is_over). What a host uses stays: as long as there is such a thing, the answer is
    /// [`Deletion::InProgress`], and the host is to be looked for again. Not while a `provision` with the key is under way.
    ///
    /// A provider that makes nothing before the host needs no such method: this one answers `NotFound` without a request.
    ///
    /// # Errors
    /// Any error of the cloud.
    async fn delete_leftovers(&self, key: &IdempotencyKey, region: &RegionFilter) -> Result<Deletion> {
        let _ = (key, region);
        Ok(Deletion::NotFound)
    }

    /// Makes one of several hosts with the same key, which callers in different processes may have made at the same moment on
    /// a cloud that refuses no second one: the oldest stays, the deletion of the others is begun, and every caller is told the
    /// same host. For whoever waits until a host is active; `host` is what `provision`, `status` or `list` answered.
    ///
    /// A provisioner that can make no second host needs no such method: this one answers the host without a request.
    ///
    /// # Errors
    /// Any error of the cloud; with the [host](crate::Error::host) that could not be deleted.
    async fn settle(&self, host: &ProvisionedHost) -> Result<Settled> {
        Ok(Settled {
            host: host.clone(),
            duplicates: Vec::new(),
            certain: true,
        })
    }

    /// Reads all hosts that carry our marker and match the filter, over all pages.
    ///
    /// # Errors
    /// Any error of the cloud: a partial list is never returned as if it were whole.
    async fn list(&self, filter: &ListFilter) -> Result<Vec<ProvisionedHost>>;

    /// Reads what the cloud offers: plans with prices, images, regions.
    ///
    /// # Errors
    /// `InvalidRequest` for an unknown region.
    async fn catalog(&self, query: &CatalogQuery) -> Result<Catalog>;
}

/// Whoever can reach a provisioner can use it as one.
macro_rules! forward {
    ($($pointer:ty),*) => {$(
        #[async_trait]
        impl<P: Provisioner + ?Sized> Provisioner for $pointer {
            fn info(&self) -> &'static ProviderInfo {
                (**self).info()
            }
            async fn provision(&self, host: &BasicHost) -> Result<ProvisionedHost> {
                (**self).provision(host).await
            }
            async fn status(&self, id: &HostId) -> Result<ProvisionedHost> {
                (**self).status(id).await
            }
            async fn delete(&self, request: &HostDeleteRequest) -> Result<Deletion> {
                (**self).delete(request).await
            }
            async fn delete_leftovers(&self, key: &IdempotencyKey, region: &RegionFilter) -> Result<Deletion> {
                (**self).delete_leftovers(key, region).await
            }
            async fn settle(&self, host: &ProvisionedHost) -> Result<Settled> {
                (**self).settle(host).await
            }
            async fn list(&self, filter: &ListFilter) -> Result<Vec<ProvisionedHost>> {
                (**self).list(filter).await
            }
            async fn catalog(&self, query: &CatalogQuery) -> Result<Catalog> {
                (**self).catalog(query).await
            }
        }
    )*};
}

forward!(&P, Box<P>, Arc<P>);
