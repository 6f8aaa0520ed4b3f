//! How many hosts the operator may have, and what they may cost in a month.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// Caps on what the operator creates, and what it has. Deleting is never capped.
#[derive(Debug, Default)]
pub struct Budget {
    max_hosts: Option<usize>,
    max_monthly_cost: Option<f64>,
    held: Mutex<BTreeMap<String, Option<f64>>>,
}

impl Budget {
    /// A budget with these caps; the cost is in the currency of the clouds, which is not converted.
    #[must_use]
    pub fn new(max_hosts: Option<usize>, max_monthly_cost: Option<f64>) -> Self {
        Self {
            max_hosts,
            max_monthly_cost,
            held: Mutex::default(),
        }
    }

    /// Whether a host's price has to be known.
    #[must_use]
    pub fn caps_cost(&self) -> bool {
        self.max_monthly_cost.is_some()
    }

    /// Reserves room for a resource's host, or says in a sentence why there is none. A resource that has room keeps it.
    ///
    /// # Errors
    /// The sentence.
    pub fn reserve(&self, uid: &str, cost: Option<f64>) -> Result<(), String> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.contains_key(uid) {
            return Ok(());
        }
        if let Some(most) = self.max_hosts
            && held.len() >= most
        {
            return Err(format!("{most} hosts exist, and --max-hosts allows no more"));
        }
        if let Some(most) = self.max_monthly_cost {
            let Some(cost) = cost else {
                return Err("the price of the plan is not known, so --max-monthly-cost cannot be kept".to_owned());
            };
            let spent: f64 = held.values().flatten().sum();
            if spent + cost > most {
                return Err(format!(
                    "the hosts that exist cost {spent:.2} a month, this one {cost:.2}, and --max-monthly-cost allows {most:.2}"
                ));
            }
        }
        held.insert(uid.to_owned(), cost);
        Ok(())
    }

    /// Notes a host that exists, cap or no cap.
    pub fn note(&self, uid: &str, cost: Option<f64>) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = held.entry(uid.to_owned()).or_default();
        if cost.is_some() {
            *entry = cost;
        }
    }

    /// Gives a resource's room back.
    pub fn release(&self, uid: &str) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let budget = Budget::new(None, Some(10.0));
        budget.reserve("a", Some(6.0)).unwrap();
        let refused = budget.reserve("b", Some(6.0)).unwrap_err();
        assert!(refused.contains("6.00") && refused.contains("10.00"), "{refused}");
        assert!(budget.reserve("b", None).unwrap_err().contains("not known"));
        budget.reserve("b", Some(4.0)).unwrap();
        assert!(Budget::new(None, None).reserve("x", None).is_ok());
    }
}
