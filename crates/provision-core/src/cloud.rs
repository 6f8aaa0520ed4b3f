use std::{fmt::Debug, net::IpAddr};

use async_trait::async_trait;

use crate::{
    Deletion, HostId, HostName, IdempotencyKey, Image, Order, Plan, ProviderInfo, ProvisionedHost, Region, Result,
};

/// What the author of a cloud writes: its facts, and the steps that only this cloud knows. [`Hosted`](crate::Hosted) makes a
/// [`Provisioner`](crate::Provisioner) of it and keeps the promises: it checks and fills in what is asked for, looks for the
/// host of a key before one is made, takes back what could not be finished, filters lists, and says in every error whose it is.
///
/// A method makes its few requests and returns; none waits, sleeps or repeats itself. Each can be called again after it failed
/// or was dropped half-way.
#[async_trait]
pub trait Cloud: Debug + Send + Sync {
    /// Static facts about the provider.
    fn info(&self) -> &'static ProviderInfo;

    /// A text that belongs behind every error, such as that the service is closed.
    fn hint(&self) -> Option<&'static str> {
        None
    }

    /// The region of a host that names none; a setting may change it.
    fn home_region(&self) -> &str {
        self.info().default_region
    }

    /// A region as this cloud spells it, checked by rule alone: what is not of the right form is refused before it becomes
    /// part of a URL.
    ///
    /// # Errors
    /// `InvalidRequest` for what cannot be a region.
    fn region(&self, region: &str) -> Result<String> {
        Ok(region.to_owned())
    }

    /// Checks what only this cloud knows about an order, without a request.
    ///
    /// # Errors
    /// `InvalidRequest` or `Unsupported`, saying what to change.
    fn check(&self, order: &Order) -> Result<()>;

    /// Hosts that carry our marker. More may be answered than asked for: everything is looked at again.
    ///
    /// Where lists are per region ([`lists_all_regions`](crate::Capabilities::lists_all_regions) is off) a region is always
    /// given; elsewhere `None` means all of them.
    ///
    /// # Errors
    /// Any error of the cloud. A missing permission is an error, not an empty answer.
    async fn hosts(&self, find: Find<'_>, region: Option<&str>) -> Result<Vec<ProvisionedHost>>;

    /// The hosts of an order's key. Where names are unique, whatever else has the order's name may be answered as well, so that
    /// [`create`](Self::create) need not look for it.
    ///
    /// # Errors
    /// As [`hosts`](Self::hosts).
    async fn find(&self, order: &Order) -> Result<Vec<ProvisionedHost>> {
        let region = Some(order.region.as_str()).filter(|_| !self.info().capabilities.lists_all_regions);
        self.hosts(Find::Key(&order.key.hash()), region).await
    }

    /// Makes the host, with all of its labels in the request that makes it. No host with the order's key was found.
    ///
    /// What has to exist before the host is made here as well, and named after the key, so that a second call takes it up.
    /// What is made after the host belongs into [`complete`](Self::complete).
    ///
    /// # Errors
    /// `AlreadyExists` when the name is taken: the host of that name is then looked for with [`Find::Name`]. `Capacity`,
    /// `Quota` and others when nothing was made.
    async fn create(&self, order: &Order) -> Result<ProvisionedHost>;

    /// Does what is left to do for a host that [`create`](Self::create) made: close its ports, start it. For a host that an
    /// earlier call made it looks first what is missing, and changes nothing that is there.
    ///
    /// # Errors
    /// Any error of the cloud. A host that was just made is then removed again, unless the same call may succeed later or the
    /// error names the host. A cloud names one that is harmless as it is, to be completed or deleted by the caller, or one that it
    /// is removing already.
    async fn complete(&self, order: &Order, host: ProvisionedHost, made: Made) -> Result<ProvisionedHost> {
        let _ = (order, made);
        Ok(host)
    }

    /// Reads one host.
    ///
    /// # Errors
    /// `InvalidRequest` for what is no id of this cloud, before any request; `NotFound` when the cloud says that there is no
    /// such host.
    async fn read(&self, id: &HostId) -> Result<ProvisionedHost>;

    /// Removes a host, marked or not, and everything that was made for it, as far as the cloud allows it now. Called again
    /// until it is over.
    ///
    /// # Errors
    /// `InvalidRequest` for what is no id of this cloud, before any request; `Conflict` when the cloud is too busy to accept.
    async fn remove(&self, id: &HostId) -> Result<Deletion>;

    /// As [`remove`](Self::remove), for a host that was made or listed a moment ago: where it need not be read again, that saves
    /// a request.
    ///
    /// # Errors
    /// As [`remove`](Self::remove).
    async fn remove_known(&self, host: &ProvisionedHost) -> Result<Deletion> {
        self.remove(&host.id).await
    }

    /// Removes what [`create`](Self::create) made with a key for a host that was never created, unless a host uses it.
    ///
    /// # Errors
    /// Any error of the cloud.
    async fn remove_leftovers(&self, key: &IdempotencyKey, region: &str) -> Result<Deletion> {
        let _ = (key, region);
        Ok(Deletion::NotFound)
    }

    /// The regions in which hosts can be made.
    ///
    /// # Errors
    /// Any error of the cloud.
    async fn regions(&self) -> Result<Vec<Region>>;

    /// The plans, with prices and stock of a region that exists; without one, of the [home region](Self::home_region) where
    /// that makes a difference.
    ///
    /// # Errors
    /// Any error of the cloud.
    async fn plans(&self, region: Option<&str>) -> Result<Vec<Plan>>;

    /// The images, of a region that exists; without one, of the [home region](Self::home_region) where that makes a
    /// difference.
    ///
    /// # Errors
    /// Any error of the cloud.
    async fn images(&self, region: Option<&str>) -> Result<Vec<Image>>;
}

/// Which hosts a cloud is asked for. It filters as well as it can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Find<'a> {
    /// All that carry our marker.
    Ours,
    /// Those whose label [`KEY_LABEL`](crate::KEY_LABEL) has this value, a key's [hash](crate::IdempotencyKey::hash).
    Key(&'a str),
    /// The host of this name, whoever made it. Only asked where names are unique.
    Name(&'a HostName),
    /// The one with this public address.
    Address(IpAddr),
}

/// When a host was made that [`Cloud::complete`] is called for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// By this call: nothing of what follows the create can be there yet.
    Now,
    /// By an earlier call, which may have ended anywhere.
    Earlier,
}
