//! What hosts cost: prices that are known without asking, and for the others one look into the cloud's catalog, however many
//! hosts there are.
//!
//! ```no_run
//! # async fn example(cloud: &dyn provision::Provisioner) -> provision::Result<()> {
//! use provision::{ListFilter, prices::{Prices, Totals}};
//!
//! let hosts = cloud.list(&ListFilter::all()).await?;
//! let prices = Prices::of_hosts(cloud, &hosts).await?;
//! let totals: Totals = hosts.iter().map(|host| prices.of_host(host)).collect();
//! println!("{totals}"); // 12.00 USD, and 1 host of unknown price
//! # Ok(())
//! # }
//! ```

use std::{collections::BTreeMap, fmt};

use provision_core::{CatalogQuery, Plan, Price, ProviderInfo, ProvisionedHost, Provisioner, Result};

/// The prices of one cloud.
#[derive(Debug, Clone)]
pub struct Prices {
    info: &'static ProviderInfo,
    plans: Vec<Plan>,
    /// The region that the catalog was asked for.
    region: Option<String>,
}

impl Prices {
    /// What is known without asking.
    #[must_use]
    pub fn known(info: &'static ProviderInfo) -> Self {
        Self {
            info,
            plans: Vec::new(),
            region: None,
        }
    }

    /// What the plans of a catalog cost, for whoever has one. The region is the one that the catalog was asked for.
    #[must_use]
    pub fn of_plans(info: &'static ProviderInfo, plans: Vec<Plan>, region: &str) -> Self {
        Self {
            info,
            plans,
            region: Some(region.to_owned()),
        }
    }

    /// The cloud whose prices these are.
    #[must_use]
    pub fn info(&self) -> &'static ProviderInfo {
        self.info
    }

    /// The prices of these hosts. See [`look_up`](Self::look_up).
    ///
    /// # Errors
    /// Any error of the catalog.
    pub async fn of_hosts(cloud: &dyn Provisioner, hosts: &[ProvisionedHost]) -> Result<Self> {
        Self::look_up(cloud, hosts.iter().filter_map(plan_and_region)).await
    }

    /// The prices of plans in regions. The catalog is read at most once, and only when a price is not known without and the
    /// cloud's API tells prices.
    ///
    /// # Errors
    /// Any error of the catalog.
    pub async fn look_up(cloud: &dyn Provisioner, wanted: impl IntoIterator<Item = (&str, &str)>) -> Result<Self> {
        let mut prices = Self::known(cloud.info());
        let mut regions: Vec<&str> = wanted
            .into_iter()
            .filter(|(plan, region)| prices.info.price(plan, region).is_none())
            .map(|(_, region)| region)
            .collect();
        regions.sort_unstable();
        regions.dedup();
        if regions.is_empty() || prices.info.price_list.is_some() {
            return Ok(prices);
        }
        let mut query = CatalogQuery::plans();
        // What one answer tells of several regions is in the catalog without a region.
        if let [region] = regions[..]
            && region != prices.info.default_region
        {
            query = query.with_region(region);
            prices.region = Some(region.to_owned());
        }
        prices.plans = cloud.catalog(&query).await?.plans;
        Ok(prices)
    }

    /// What a host of the plan bills in a month in the region; `None` when that is not known.
    #[must_use]
    pub fn of(&self, plan: &str, region: &str) -> Option<Price> {
        let told = self.plans.iter().find(|known| known.id == plan);
        let told = told.and_then(|plan| match &self.region {
            Some(asked) => plan.price().filter(|_| asked == region),
            None => plan.price_in(region),
        });
        told.or_else(|| self.info.price(plan, region))
    }

    /// What a host bills in a month; `None` when that is not known.
    #[must_use]
    pub fn of_host(&self, host: &ProvisionedHost) -> Option<Price> {
        let (plan, region) = plan_and_region(host)?;
        self.of(plan, region)
    }
}

fn plan_and_region(host: &ProvisionedHost) -> Option<(&str, &str)> {
    Some((host.plan.as_deref()?, host.region.as_deref()?))
}

/// Sums of prices, one for each currency: nothing is converted.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Totals {
    /// Amounts in a month by currency.
    pub amounts: BTreeMap<String, f64>,
    /// How many hosts have a price that is not known.
    pub unknown: usize,
}

impl FromIterator<Option<Price>> for Totals {
    fn from_iter<I: IntoIterator<Item = Option<Price>>>(prices: I) -> Self {
        let mut totals = Self::default();
        for price in prices {
            match price {
                Some(price) => {
                    let sum = totals.amounts.entry(price.currency).or_default();
                    // Sums of cents stay in cents.
                    *sum = ((*sum + price.amount) * 100.0).round() / 100.0;
                }
                None => totals.unknown += 1,
            }
        }
        totals
    }
}

/// Such as `12.00 USD, 5.99 EUR, and 1 host of unknown price`.
impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = self
            .amounts
            .iter()
            .map(|(currency, amount)| format!("{amount:.2} {currency}"))
            .collect();
        if self.unknown > 0 {
            let hosts = if self.unknown == 1 { "host" } else { "hosts" };
            let and = if parts.is_empty() { "" } else { "and " };
            parts.push(format!("{and}{} {hosts} of unknown price", self.unknown));
        }
        f.write_str(&parts.join(", "))
    }
}
