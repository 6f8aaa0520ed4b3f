//! What hosts cost, as commands show it.

use std::collections::BTreeSet;

use provision::{Error, ErrorKind, Plan, Price, ProviderInfo, ProvisionedHost, prices::Prices};

use crate::{context::Cloud, failure::Outcome, output::HostDocument};

/// The prices of several clouds, as far as a command needed them. A price that cannot be had is no reason to fail.
#[derive(Debug, Default)]
pub(crate) struct PriceBook {
    pages: Vec<Prices>,
    /// The plans and regions that were looked up.
    asked: BTreeSet<Key>,
}

/// Provider, plan and region.
pub(crate) type Key = (&'static str, String, String);

impl PriceBook {
    /// The prices of these hosts.
    pub(crate) async fn of_hosts(clouds: &[&Cloud], hosts: &[ProvisionedHost]) -> Self {
        let mut book = Self::default();
        book.learn_hosts(clouds, hosts).await;
        book
    }

    /// Looks up what these hosts cost, unless it is known.
    pub(crate) async fn learn_hosts(&mut self, clouds: &[&Cloud], hosts: &[ProvisionedHost]) {
        let keys = hosts.iter().filter_map(|host| {
            let (plan, region) = (host.plan.clone()?, host.region.clone()?);
            Some((host.provider, plan, region))
        });
        self.learn(clouds, keys.collect()).await;
    }

    /// Looks up what is not known yet, with one look into each cloud's catalog at most. What failed is answered.
    pub(crate) async fn learn(&mut self, clouds: &[&Cloud], keys: BTreeSet<Key>) -> Vec<Error> {
        let new: BTreeSet<Key> = keys.difference(&self.asked).cloned().collect();
        let looking = clouds.iter().filter_map(|cloud| {
            let info = cloud.provisioner.info();
            let wanted: Vec<(&str, &str)> = new
                .iter()
                .filter(|(provider, ..)| *provider == info.id)
                .map(|(_, plan, region)| (plan.as_str(), region.as_str()))
                .collect();
            (!wanted.is_empty()).then(|| Prices::look_up(&*cloud.provisioner, wanted))
        });
        let mut failures = Vec::new();
        for answer in futures_util::future::join_all(looking).await {
            match answer {
                Ok(prices) => self.pages.push(prices),
                Err(error) => {
                    tracing::info!(%error, "the prices cannot be read");
                    failures.push(error);
                }
            }
        }
        self.asked.extend(new);
        failures
    }

    /// Keeps the plans of a catalog that was read for something else.
    pub(crate) fn keep(&mut self, info: &'static ProviderInfo, plans: Vec<Plan>, region: &str) {
        let known = plans.iter().map(|plan| (info.id, plan.id.clone(), region.to_owned()));
        self.asked.extend(known);
        self.pages.push(Prices::of_plans(info, plans, region));
    }

    /// What a host bills in a month at a place.
    pub(crate) fn at(&self, (provider, plan, region): &Key) -> Option<Price> {
        self.of(provision::find(provider).ok()?, plan, region)
    }

    /// What a host of the plan bills in a month.
    pub(crate) fn of(&self, info: &'static ProviderInfo, plan: &str, region: &str) -> Option<Price> {
        let mut pages = self.pages.iter().filter(|prices| prices.info().id == info.id);
        pages
            .find_map(|prices| prices.of(plan, region))
            .or_else(|| info.price(plan, region))
    }

    /// What a host bills in a month.
    pub(crate) fn of_host(&self, host: &ProvisionedHost) -> Option<Price> {
        let info = provision::find(host.provider).ok()?;
        self.of(info, host.plan.as_deref()?, host.region.as_deref()?)
    }

    /// The host as commands show it.
    pub(crate) fn document(&self, host: &ProvisionedHost) -> HostDocument {
        HostDocument::from(host).with_price(self.of_host(host))
    }
}

/// What is asked for, with the defaults of the cloud where nothing is named.
pub(crate) fn place(cloud: &Cloud, plan: Option<&str>, region: Option<&str>) -> Key {
    let info = cloud.provisioner.info();
    let region = region.or(cloud.region.as_deref());
    (
        info.id,
        plan.unwrap_or(info.default_plan).to_owned(),
        region.unwrap_or(info.default_region).to_owned(),
    )
}

/// Credentials that the cloud refused while the prices were looked up are not tried again.
pub(crate) fn refused(cloud: &Cloud, failures: Vec<Error>) -> Outcome<()> {
    let id = cloud.provisioner.info().id;
    let refused = |error: &Error| error.kind() == ErrorKind::Unauthorized && error.provider() == Some(id);
    match failures.into_iter().find(refused) {
        Some(error) => Err(error.into()),
        None => Ok(()),
    }
}

/// A line that says what a host costs in a month.
pub(crate) fn announced(price: Option<&Price>) -> String {
    let Some(price) = price else {
        return "its price is not known".to_owned();
    };
    // A price of a list says how old the list is.
    let day = price.as_of.as_deref();
    let day = day.map_or_else(String::new, |day| format!(", price of {day}"));
    format!("{price} a month (without tax and traffic{day})")
}
