//! How many hosts the operator may have, and what they may cost in a month.
//!
//! What counts is what bills: a host from the moment at which it may be made, until it is gone or, where it was made with a
//! tenant's own credentials, until nobody asks for it any more. Hosts of the operator's own account that no resource asks for
//! (retained ones, and those whose resource was removed by force) are found by their labels.

mod cost;
mod room;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use provision::IdempotencyKey;

pub use cost::{Amount, CostCap, Price, from_text, sound, to_text};
pub use room::{AccountKey, Place};

/// How much older than its beginning an answer of the cloud may be.
const MARGIN: Duration = Duration::from_secs(30);

/// Caps on what the operator creates, and what it has, in each account. Deleting is never capped.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Caps {
    /// Hosts.
    pub max_hosts: Option<usize>,
    /// What they cost in a month.
    pub max_monthly_cost: Option<CostCap>,
    /// Hosts for the resources of one namespace.
    pub max_hosts_per_namespace: Option<usize>,
    /// What these cost in a month.
    pub max_monthly_cost_per_namespace: Option<CostCap>,
}

impl Caps {
    fn want_prices(&self) -> bool {
        self.max_monthly_cost.is_some() || self.max_monthly_cost_per_namespace.is_some()
    }

    fn are_none(&self) -> bool {
        *self == Self::default()
    }
}

/// What exists, and whether there is room for more.
#[derive(Debug, Default)]
pub struct Budget {
    caps: Caps,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Hosts of resources, by their UIDs.
    held: BTreeMap<String, Counted>,
    /// Hosts that no resource asks for, by the hashes of their keys.
    kept: BTreeMap<(AccountKey, String), (SystemTime, Counted)>,
    /// When accounts were last looked at for such hosts.
    looked: BTreeMap<AccountKey, SystemTime>,
}

#[derive(Debug, Clone)]
struct Counted {
    place: Place,
    price: Option<Price>,
}

/// A host that a list showed.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The hash of its key.
    pub key_hash: String,
    /// The mark of its resource's namespace.
    pub namespace: Option<String>,
    /// What it costs.
    pub price: Option<Price>,
}

impl Budget {
    /// A budget with these caps.
    #[must_use]
    pub fn new(caps: Caps) -> Self {
        Self {
            caps,
            state: Mutex::default(),
        }
    }

    /// Whether there is any cap.
    #[must_use]
    pub fn is_capped(&self) -> bool {
        !self.caps.are_none()
    }

    /// Whether the price of this resource's host has to be known, and is not.
    #[must_use]
    pub fn lacks_price(&self, uid: &str) -> bool {
        self.caps.want_prices() && self.state().held.get(uid).is_none_or(|held| held.price.is_none())
    }

    /// As [`lacks_price`](Self::lacks_price), for a host in a list.
    #[must_use]
    pub fn lacks_price_of(&self, account: &AccountKey, key_hash: &str) -> bool {
        let state = self.state();
        let kept = state.kept.get(&(account.clone(), key_hash.to_owned()));
        self.caps.want_prices() && kept.is_none_or(|(_, kept)| kept.price.is_none())
    }

    /// Reserves room for a resource's host, or says in a sentence why there is none. A resource that has room keeps it.
    ///
    /// # Errors
    /// The sentence.
    pub fn reserve(&self, uid: &str, place: &Place, price: Option<Price>) -> Result<(), String> {
        let mut state = self.state();
        if state.held.contains_key(uid) {
            return Ok(());
        }
        let counted = Counted {
            place: place.clone(),
            price: price.and_then(sound),
        };
        // What a list showed of it bills already.
        let listed = key_hash(uid).and_then(|hash| state.kept.remove(&(place.account.clone(), hash)));
        if listed.is_none() {
            let of_account: Vec<&Counted> = state.of(&place.account).collect();
            let of_namespace = of_account
                .iter()
                .copied()
                .filter(|other| other.place.namespace == place.namespace);
            let of_namespace: Vec<&Counted> = of_namespace.collect();
            let caps = &self.caps;
            allows_one_more(&of_account, caps.max_hosts, "--max-hosts", "")?;
            let flag = "--max-hosts-per-namespace";
            allows_one_more(&of_namespace, caps.max_hosts_per_namespace, flag, " for this namespace")?;
            allows_cost(
                &of_account,
                caps.max_monthly_cost.as_ref(),
                "--max-monthly-cost",
                &counted,
            )?;
            let flag = "--max-monthly-cost-per-namespace";
            allows_cost(
                &of_namespace,
                caps.max_monthly_cost_per_namespace.as_ref(),
                flag,
                &counted,
            )?;
        }
        state.held.insert(uid.to_owned(), counted);
        Ok(())
    }

    /// Notes a host that exists, cap or no cap.
    pub fn note(&self, uid: &str, place: &Place, price: Option<Price>) {
        let mut state = self.state();
        let entry = state.held.entry(uid.to_owned()).or_insert_with(|| Counted {
            place: place.clone(),
            price: None,
        });
        if let Some(price) = price.and_then(sound) {
            entry.price = Some(price);
        }
    }

    /// Gives a resource's room back, with its host.
    pub fn release(&self, uid: &str) {
        self.state().held.remove(uid);
    }

    /// The resource is gone, and its host stays. In the operator's own account it goes on counting.
    pub fn keep(&self, uid: &str, now: SystemTime) {
        let mut state = self.state();
        let Some(counted) = state.held.remove(uid) else { return };
        if self.is_capped()
            && counted.place.is_own()
            && let Some(hash) = key_hash(uid)
        {
            let key = (counted.place.account.clone(), hash);
            state.kept.insert(key, (now, counted));
        }
    }

    /// When an account was last looked at for hosts that no resource asks for.
    #[must_use]
    pub fn looked_at(&self, account: &AccountKey) -> Option<SystemTime> {
        self.state().looked.get(account).copied()
    }

    /// The UIDs of resources with a host in an account.
    #[must_use]
    pub fn held_in(&self, account: &AccountKey) -> BTreeSet<String> {
        let state = self.state();
        let here = state.held.iter().filter(|(_, held)| held.place.account == *account);
        here.map(|(uid, _)| uid.clone()).collect()
    }

    /// Compares what is counted in an account with a list of its hosts that was begun a moment ago. `gone` are resources that
    /// do not exist any more. A new host may be missing from a list for a while.
    pub fn recount(
        &self,
        account: &AccountKey,
        listed: Vec<Found>,
        gone: &BTreeSet<String>,
        now: SystemTime,
        visible_within: Duration,
    ) {
        let mut state = self.state();
        state.looked.insert(account.clone(), now);
        let mut left: Vec<(String, Counted)> = Vec::new();
        for uid in gone {
            if let (Some(hash), Some(held)) = (key_hash(uid), state.held.remove(uid)) {
                left.push((hash, held));
            }
        }
        for (hash, held) in left {
            state.kept.entry((account.clone(), hash)).or_insert((now, held));
        }
        let is_listed: BTreeSet<String> = listed.iter().map(|found| found.key_hash.clone()).collect();
        state.kept.retain(|(of, hash), (since, _)| {
            of != account || is_listed.contains(hash) || now < *since + visible_within + MARGIN
        });
        let held: BTreeSet<String> = state.held.keys().filter_map(|uid| key_hash(uid)).collect();
        for found in listed.into_iter().filter(|found| !held.contains(&found.key_hash)) {
            let counted = Counted {
                place: Place {
                    account: account.clone(),
                    namespace: found.namespace,
                },
                price: found.price.and_then(sound),
            };
            let entry = state.kept.entry((account.clone(), found.key_hash));
            let (_, entry) = entry.or_insert_with(|| (now, counted.clone()));
            if entry.price.is_none() {
                entry.price = counted.price;
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn of<'a>(&'a self, account: &'a AccountKey) -> impl Iterator<Item = &'a Counted> {
        let kept = self.kept.values().map(|(_, kept)| kept);
        let all = self.held.values().chain(kept);
        all.filter(move |counted| counted.place.account == *account)
    }
}

fn allows_one_more(hosts: &[&Counted], most: Option<usize>, flag: &str, whose: &str) -> Result<(), String> {
    match most {
        Some(most) if hosts.len() >= most => Err(format!(
            "{} hosts exist{whose}, and {flag} allows no more than {most}: delete one or raise it; hosts that were retained count",
            hosts.len()
        )),
        _ => Ok(()),
    }
}

fn allows_cost(hosts: &[&Counted], cap: Option<&CostCap>, flag: &str, host: &Counted) -> Result<(), String> {
    let Some(cap) = cap else { return Ok(()) };
    let Some(price) = &host.price else {
        return Err(format!(
            "the price of the plan is not known, so {flag} cannot be kept: choose a plan with a price, or leave the cap out"
        ));
    };
    let unknown = hosts.iter().filter(|host| host.price.is_none()).count();
    if unknown > 0 {
        return Err(format!(
            "the prices of {unknown} hosts that exist are not known, so {flag} cannot be kept"
        ));
    }
    cap.allows(hosts.iter().filter_map(|host| host.price.as_ref()), price, flag)
}

fn key_hash(uid: &str) -> Option<String> {
    IdempotencyKey::new(uid).ok().map(|key| key.hash())
}

#[cfg(test)]
mod tests;
