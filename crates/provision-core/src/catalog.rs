use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Price, ProviderInfo, price::cents};

/// What a cloud offers right now, as its API says: plans with price, images, regions.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Catalog {
    /// The plans, cheapest first; plans without a known price come last.
    pub plans: Vec<Plan>,
    /// The images, ordered by id.
    pub images: Vec<Image>,
    /// The regions (or zones), ordered by id.
    pub regions: Vec<Region>,
}

impl Catalog {
    /// Puts plans (by price, then id), images and regions (by id) into their documented order.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        let price = |plan: &Plan| plan.monthly_cost.unwrap_or(f64::INFINITY);
        self.plans
            .sort_by(|a, b| price(a).total_cmp(&price(b)).then_with(|| a.id.cmp(&b.id)));
        self.images.sort_by(|a, b| a.id.cmp(&b.id));
        self.regions.sort_by(|a, b| a.id.cmp(&b.id));
        self
    }
}

/// A part of the catalog. Each costs requests of its own, so that callers ask for what they need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CatalogSection {
    /// Plans with prices.
    Plans,
    /// Images.
    Images,
    /// Regions.
    Regions,
}

/// Which part of the catalog to read, and for which region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogQuery {
    sections: Vec<CatalogSection>,
    region: Option<String>,
}

impl CatalogQuery {
    /// Only the plans.
    #[must_use]
    pub fn plans() -> Self {
        Self {
            sections: vec![CatalogSection::Plans],
            region: None,
        }
    }

    /// Only the images.
    #[must_use]
    pub fn images() -> Self {
        Self {
            sections: vec![CatalogSection::Images],
            region: None,
        }
    }

    /// Only the regions.
    #[must_use]
    pub fn regions() -> Self {
        Self {
            sections: vec![CatalogSection::Regions],
            region: None,
        }
    }

    /// Everything.
    #[must_use]
    pub fn all() -> Self {
        Self {
            sections: vec![CatalogSection::Plans, CatalogSection::Images, CatalogSection::Regions],
            region: None,
        }
    }

    /// Prices, stock and images of one region. Without it, clouds whose catalog differs by region use the default one.
    #[must_use]
    pub fn with_region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// Whether a section is asked for.
    #[must_use]
    pub fn wants(&self, section: CatalogSection) -> bool {
        self.sections.contains(&section)
    }

    /// The region asked for.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }
}

/// A plan: the size of a host and what it costs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Plan {
    /// The vendor's id, as [`BasicHost::plan`](crate::BasicHost::plan) takes it.
    pub id: String,
    /// A text for people; empty when the vendor has none.
    pub description: String,
    /// Virtual processors.
    pub vcpus: Option<f64>,
    /// Memory in MiB.
    pub memory_mib: Option<u64>,
    /// Disk that comes with the plan, in GB.
    pub disk_gb: Option<u64>,
    /// What a host of the plan bills in a month in the region asked for, as a [`Price`]: public IPv4 and default disk
    /// included, without tax and traffic. In the currency's main unit, in whole cents; `None` when unknown.
    pub monthly_cost: Option<f64>,
    /// ISO 4217 code of the currency, such as `USD`.
    pub currency: String,
    /// The day (`YYYY-MM-DD`) on which a price list was read, where the cloud's API tells no prices; `None` when the cloud
    /// told the price just now.
    #[serde(default)]
    pub cost_as_of: Option<String>,
    /// The same cost in regions where the same answer tells that it differs from the home region's.
    #[serde(default)]
    pub regional_costs: BTreeMap<String, f64>,
    /// Regions where the plan is sold; empty when the vendor does not say.
    pub regions: Vec<String>,
    /// Whether it can be ordered now, as far as the vendor says.
    pub available: Option<bool>,
}

impl Plan {
    /// A plan of which only the id is known; what else is known is filled in.
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            ..Self::default()
        }
    }

    /// What a host of the plan bills in a month in the region that the catalog was asked for.
    #[must_use]
    pub fn price(&self) -> Option<Price> {
        self.priced(self.monthly_cost?)
    }

    /// What a host of the plan bills in a month in a region, as far as a catalog that was asked for without a region tells.
    #[must_use]
    pub fn price_in(&self, region: &str) -> Option<Price> {
        match self.regional_costs.get(region) {
            Some(cost) => self.priced(*cost),
            None if self.regions.is_empty() || self.regions.iter().any(|known| known == region) => self.price(),
            None => None,
        }
    }

    fn priced(&self, amount: f64) -> Option<Price> {
        let price = Price::new(amount, &self.currency)?;
        Some(match &self.cost_as_of {
            Some(day) => price.with_as_of(day),
            None => price,
        })
    }

    /// Keeps what can be a price, in whole cents, and fills in what is known where the cloud's API tells none.
    pub(crate) fn check_price(&mut self, info: &ProviderInfo, region: &str) {
        self.monthly_cost = self.monthly_cost.and_then(cents);
        self.regional_costs = std::mem::take(&mut self.regional_costs)
            .into_iter()
            .filter_map(|(region, cost)| Some((region, cents(cost)?)))
            .collect();
        if info.price_list.is_some() {
            let price = info.price(&self.id, region);
            self.currency = info.monthly_cost.currency.to_owned();
            self.monthly_cost = price.as_ref().map(|price| price.amount);
            self.cost_as_of = price.and_then(|price| price.as_of);
        }
    }
}

/// An operating system image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Image {
    /// The vendor's id or name, as [`BasicHost::image`](crate::BasicHost::image) takes it.
    pub id: String,
    /// A text for people; empty when the vendor has none.
    pub description: String,
    /// Processor architecture, such as `x86_64` or `arm64`, where the vendor says.
    pub architecture: Option<String>,
}

impl Image {
    /// An image with the text that people read.
    pub fn new(id: impl Into<String>, description: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            description: description.into(),
            architecture: None,
        }
    }

    /// For this processor architecture, such as `x86_64`.
    #[must_use]
    pub fn with_architecture(mut self, architecture: impl Into<String>) -> Self {
        self.architecture = Some(architecture.into());
        self
    }
}

/// A region, zone, location or metro: where a host can run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Region {
    /// The vendor's id, as [`BasicHost::region`](crate::BasicHost::region) takes it.
    pub id: String,
    /// A text for people, such as the city; empty when the vendor has none.
    pub description: String,
    /// Whether new hosts are accepted there, as far as the vendor says.
    pub available: Option<bool>,
}

impl Region {
    /// A region with the text that people read.
    pub fn new(id: impl Into<String>, description: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            description: description.into(),
            available: None,
        }
    }

    /// Whether new hosts are accepted there.
    #[must_use]
    pub fn with_available(mut self, available: bool) -> Self {
        self.available = Some(available);
        self
    }
}
