//! How many hosts the operator may have, and what they may cost in a month.

mod cost;

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

pub use cost::{Amount, CostCap, Price};

/// Caps on what the operator creates, and what it has. Deleting is never capped.
#[derive(Debug, Default)]
pub struct Budget {
    max_hosts: Option<usize>,
    max_monthly_cost: Option<CostCap>,
    held: Mutex<BTreeMap<String, Option<Price>>>,
}

impl Budget {
    /// A budget with these caps.
    #[must_use]
    pub fn new(max_hosts: Option<usize>, max_monthly_cost: Option<CostCap>) -> Self {
        Self {
            max_hosts,
            max_monthly_cost,
            held: Mutex::default(),
        }
    }

    /// Whether the price of this resource's host has to be known, and is not.
    #[must_use]
    pub fn lacks_price(&self, uid: &str) -> bool {
        self.max_monthly_cost.is_some() && self.held().get(uid).is_none_or(Option::is_none)
    }

    /// Reserves room for a resource's host, or says in a sentence why there is none. A resource that has room keeps it.
    ///
    /// # Errors
    /// The sentence.
    pub fn reserve(&self, uid: &str, price: Option<Price>) -> Result<(), String> {
        let mut held = self.held();
        if held.contains_key(uid) {
            return Ok(());
        }
        if let Some(most) = self.max_hosts
            && held.len() >= most
        {
            return Err(format!(
                "{most} hosts exist, and --max-hosts allows no more: delete one or raise it"
            ));
        }
        if let Some(cap) = &self.max_monthly_cost {
            let Some(price) = &price else {
                return Err("the price of the plan is not known, so --max-monthly-cost cannot be kept: choose a plan with a price, or leave the cap out".to_owned());
            };
            let unknown = held.values().filter(|price| price.is_none()).count();
            if unknown > 0 {
                return Err(format!(
                    "the prices of {unknown} hosts that exist are not known, so --max-monthly-cost cannot be kept"
                ));
            }
            cap.allows(held.values().flatten(), price)?;
        }
        held.insert(uid.to_owned(), price);
        Ok(())
    }

    /// Notes a host that exists, cap or no cap.
    pub fn note(&self, uid: &str, price: Option<Price>) {
        let mut held = self.held();
        let entry = held.entry(uid.to_owned()).or_default();
        if price.is_some() {
            *entry = price;
        }
    }

    /// Gives a resource's room back.
    pub fn release(&self, uid: &str) {
        self.held().remove(uid);
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<String, Option<Price>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(amount: f64) -> Option<Price> {
        Some((amount, "USD".to_owned()))
    }

    #[test]
    fn hosts_are_counted_until_they_are_gone() {
        let budget = Budget::new(Some(2), None);
        budget.note("a", None);
        budget.reserve("b", None).unwrap();
        budget.reserve("b", None).unwrap();
        assert!(budget.reserve("c", None).unwrap_err().contains("--max-hosts"));
        budget.release("a");
        budget.reserve("c", None).unwrap();
    }

    #[test]
    fn costs_add_up_and_an_unknown_price_is_no_price() {
        let budget = Budget::new(None, Some(CostCap::Single(10.0)));
        budget.reserve("a", usd(6.0)).unwrap();
        let refused = budget.reserve("b", usd(6.0)).unwrap_err();
        assert!(refused.contains("6.00") && refused.contains("10"), "{refused}");
        assert!(budget.reserve("b", None).unwrap_err().contains("not known"));
        budget.reserve("b", usd(4.0)).unwrap();
        assert!(Budget::new(None, None).reserve("x", None).is_ok());
    }

    #[test]
    fn nothing_joins_a_host_whose_price_is_not_known() {
        let budget = Budget::new(None, Some(CostCap::Single(10.0)));
        budget.note("a", None);
        assert!(budget.lacks_price("a") && budget.lacks_price("b"));
        assert!(budget.reserve("b", usd(1.0)).unwrap_err().contains("1 hosts"));
        budget.note("a", usd(9.0));
        assert!(!budget.lacks_price("a"));
        budget.reserve("b", usd(1.0)).unwrap();
        assert!(!Budget::new(None, None).lacks_price("a"));
    }
}
