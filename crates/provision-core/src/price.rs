use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ProviderInfo;

/// What a host bills in a month, as this library makes it: the plan, its public IPv4 and its default disk, without tax and
/// without traffic beyond what the plan includes.
///
/// An amount that no cloud can mean (negative, zero, not a number, more than [`Price::MOST`]) never becomes one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Price {
    /// In the currency's main unit, in whole cents.
    pub amount: f64,
    /// ISO 4217 code, such as `USD`.
    pub currency: String,
    /// The day (`YYYY-MM-DD`) on which a price list was read, where the cloud's API tells no prices; `None` when the cloud
    /// told it just now.
    pub as_of: Option<String>,
}

impl Price {
    /// Amounts above are taken for a misreading.
    pub const MOST: f64 = 1_000_000.0;

    /// A price that the cloud tells now. `None` when the amount cannot be one.
    pub fn new(amount: f64, currency: impl Into<String>) -> Option<Self> {
        Some(Self {
            amount: cents(amount)?,
            currency: currency.into(),
            as_of: None,
        })
    }

    /// From a list that was read on a day, as `YYYY-MM-DD`.
    #[must_use]
    pub fn with_as_of(mut self, day: impl Into<String>) -> Self {
        self.as_of = Some(day.into());
        self
    }
}

/// Such as `4.00 USD`.
impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} {}", self.amount, self.currency)
    }
}

/// The amount for a plan in a region, where it is known, in the currency of [`MonthlyCost`].
pub type PriceList = fn(plan: &str, region: &str) -> Option<f64>;

/// What a default host costs in a month: the [`Price`] of the default plan in the default region.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MonthlyCost {
    /// Total of a month in the currency's main unit, as [`Price::amount`]; `None` when no price can be known.
    pub amount: Option<f64>,
    /// ISO 4217 code of the currency.
    pub currency: &'static str,
    /// The day on which the price was read, as `YYYY-MM-DD`.
    pub as_of: &'static str,
    /// What the amount covers, for people: public IPv4, disk.
    pub includes: &'static str,
    /// Whether the plan costs the same in every region.
    pub everywhere: bool,
}

impl MonthlyCost {
    /// A price in the currency's main unit (ISO 4217), the day on which it was read (`YYYY-MM-DD`), and what it covers.
    #[must_use]
    pub const fn new(amount: f64, currency: &'static str, as_of: &'static str, includes: &'static str) -> Self {
        Self {
            amount: Some(amount),
            currency,
            as_of,
            includes,
            everywhere: false,
        }
    }

    /// A price that cannot be known.
    #[must_use]
    pub const fn unknown(currency: &'static str, as_of: &'static str, includes: &'static str) -> Self {
        Self {
            amount: None,
            currency,
            as_of,
            includes,
            everywhere: false,
        }
    }

    /// The plan costs the same in every region.
    #[must_use]
    pub const fn everywhere(mut self) -> Self {
        self.everywhere = true;
        self
    }
}

impl ProviderInfo {
    /// What a host of a plan bills in a month in a region, as far as it is known without asking the cloud.
    #[must_use]
    pub fn price(&self, plan: &str, region: &str) -> Option<Price> {
        let cost = &self.monthly_cost;
        let default = || {
            let there = cost.everywhere || region == self.default_region;
            cost.amount.filter(|_| plan == self.default_plan && there)
        };
        let listed = self.price_list.and_then(|prices| prices(plan, region));
        Some(Price::new(listed.or_else(default)?, cost.currency)?.with_as_of(cost.as_of))
    }
}

/// An amount in whole cents, unless it cannot be a price.
pub(crate) fn cents(amount: f64) -> Option<f64> {
    // Not a number is in no range.
    let amount = Some(amount).filter(|amount| (0.0..=Price::MOST).contains(amount))?;
    Some((amount * 100.0).round() / 100.0).filter(|amount| *amount > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_cloud_can_mean_is_no_price() {
        for amount in [
            -1.0,
            -0.0,
            0.0,
            0.004,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            1e300,
        ] {
            assert_eq!(Price::new(amount, "USD"), None, "{amount}");
        }
    }

    #[test]
    fn prices_are_in_whole_cents() {
        let price = Price::new(5.49 + 0.5, "EUR").unwrap();
        assert_eq!((price.amount, price.to_string().as_str()), (5.99, "5.99 EUR"));
        assert_eq!(Price::new(11.882, "USD").unwrap().amount, 11.88);
    }
}
