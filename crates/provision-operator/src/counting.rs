//! What the budget knows of the cluster and its clouds.

use std::{collections::BTreeSet, time::Duration};

use kube::{ResourceExt as _, api::ListParams};

use crate::{
    account::{Account, Listed},
    budget::{AccountKey, Found, Place, Price},
    context::Context,
    crd::{Host, Tunnel},
    failure::Failure,
    managed::Managed,
    mapping::additional::changes_price,
};

/// How long a look at the hosts that no resource asks for counts.
const LOOK_LASTS: Duration = Duration::from_secs(60);

impl Context {
    /// Counts what exists already, so that the budget holds from the start. Called before anything is created.
    ///
    /// # Errors
    /// When the cluster does not answer.
    pub async fn count_what_exists(&self) -> Result<(), Failure> {
        for tunnel in self.all::<Tunnel>().await? {
            self.count(&tunnel).await;
        }
        for host in self.all::<Host>().await? {
            self.count(&host).await;
        }
        Ok(())
    }

    /// Every resource that this installation works on.
    async fn all<K: Managed>(&self) -> Result<Vec<K>, Failure> {
        let scope = &self.options.scope;
        match scope.api::<K>(self.client.clone()).list(&scope.list()).await {
            Ok(list) => Ok(list.items.into_iter().filter(|item| scope.has(item)).collect()),
            Err(kube::Error::Api(status)) if status.code == 404 => Err(Failure::Missing {
                reason: "NoDefinition",
                message: format!("the cluster does not know {}: kubectl apply -f deploy/crds", K::KIND),
            }),
            Err(error) => Err(error.into()),
        }
    }

    async fn count<K: Managed>(&self, resource: &K) {
        let (Some(uid), Some(place)) = (resource.uid(), self.place(resource)) else {
            return;
        };
        if resource.stored_id().is_none() {
            return;
        }
        self.budget.note(&uid, &place, None);
        if self.budget.lacks_price(&uid)
            && let Ok(account) = self.account(resource).await
        {
            self.note_price(resource, &uid, &account).await;
        }
    }

    /// Counts a host that exists, with its price where that has to be known: the plan's, or what the host was admitted with
    /// where that was more, or where the plan is not sold any more.
    pub async fn note_price<K: Managed>(&self, resource: &K, uid: &str, account: &Account) {
        let Some(place) = self.place(resource) else { return };
        let mut price = None;
        if self.budget.lacks_price(uid) {
            price = dearer(self.monthly_cost(resource, account).await, resource.admitted_cost());
        }
        self.budget.note(uid, &place, price);
    }

    /// What a month of a resource's host costs; `None` when that is not known, as with extras that change the plan's price.
    pub async fn monthly_cost<K: Managed>(&self, resource: &K, account: &Account) -> Option<Price> {
        if changes_price(resource.additional(), account.info()) {
            return None;
        }
        let choice = resource.choice(&self.options);
        account
            .monthly_cost(choice.plan.as_deref(), choice.region.as_deref())
            .await
    }

    /// Where a resource's host is counted; `None` without a cloud.
    #[must_use]
    pub fn place<K: Managed>(&self, resource: &K) -> Option<Place> {
        let (provider, credentials) = resource.account(&self.options);
        let info = provision::find(&provider?).ok()?;
        let namespace = resource.namespace().unwrap_or_default();
        Some(Place::new((info.id, credentials), &namespace))
    }

    /// Looks for hosts in the operator's own account that no resource asks for, unless that was done a moment ago. Answers how
    /// long to wait where the list cannot be had now.
    ///
    /// # Errors
    /// When the cloud's list or the cluster's API fails.
    pub(crate) async fn recount(&self, account: &Account, key: &AccountKey) -> Result<Option<Duration>, Failure> {
        let now = self.clock.now();
        let looked = self.budget.looked_at(key);
        if looked.is_some_and(|at| now.duration_since(at).is_ok_and(|age| age < LOOK_LASTS)) {
            return Ok(None);
        }
        // Before the resources: one that comes to be meanwhile is not gone.
        let held = self.budget.held_in(key);
        let hosts = match account.recent_list().await? {
            Listed::Hosts { hosts, .. } => hosts,
            Listed::Wait(wait) => return Ok(Some(wait)),
        };
        let mut there: BTreeSet<String> = self.uids::<Tunnel>().await?;
        there.extend(self.uids::<Host>().await?);
        let gone = held.difference(&there).cloned().collect();
        let mut found = Vec::new();
        for host in hosts.iter().filter(|host| self.options.defaults.is_ours(&host.labels)) {
            let Some(hash) = host.labels.key_hash() else { continue };
            let mut price = None;
            if self.budget.lacks_price_of(key, hash) {
                price = account.monthly_cost(host.plan.as_deref(), host.region.as_deref()).await;
            }
            found.push(Found {
                key_hash: hash.to_owned(),
                namespace: self.options.defaults.namespace_of(&host.labels),
                price,
            });
        }
        let visible_within = account.info().visible_within;
        self.budget.recount(key, found, &gone, now, visible_within);
        Ok(None)
    }

    /// Of every resource, also of those that have left the labels of this installation.
    async fn uids<K: Managed>(&self) -> Result<BTreeSet<String>, Failure> {
        let api = self.options.scope.api::<K>(self.client.clone());
        let all = api.list_metadata(&ListParams::default()).await?;
        Ok(all.items.into_iter().filter_map(|item| item.metadata.uid).collect())
    }
}

fn dearer(one: Option<Price>, other: Option<Price>) -> Option<Price> {
    match (one, other) {
        (Some(one), Some(other)) if one.1 == other.1 && other.0 > one.0 => Some(other),
        (None, other) => other,
        (one, _) => one,
    }
}
