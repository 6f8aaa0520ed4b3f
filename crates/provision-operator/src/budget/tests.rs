use super::*;
use crate::accounts::Credentials;

fn usd(amount: f64) -> Option<Price> {
    Some((amount, "USD".to_owned()))
}

fn own(namespace: &str) -> Place {
    Place::new(("digitalocean", Credentials::Own), namespace)
}

fn tenant(namespace: &str) -> Place {
    let secret = Credentials::Secret {
        namespace: namespace.to_owned(),
        name: "account".to_owned(),
    };
    Place::new(("digitalocean", secret), namespace)
}

fn hosts(most: usize) -> Budget {
    Budget::new(Caps {
        max_hosts: Some(most),
        ..Caps::default()
    })
}

fn cost(most: f64) -> Budget {
    Budget::new(Caps {
        max_monthly_cost: Some(CostCap::Single(most)),
        ..Caps::default()
    })
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

#[test]
fn hosts_are_counted_until_they_are_gone() {
    let budget = hosts(2);
    budget.note("a", &own("x"), None);
    budget.reserve("b", &own("x"), None).unwrap();
    budget.reserve("b", &own("x"), None).unwrap();
    assert!(
        budget
            .reserve("c", &own("x"), None)
            .unwrap_err()
            .contains("--max-hosts")
    );
    budget.release("a");
    budget.reserve("c", &own("x"), None).unwrap();
}

#[test]
fn hosts_on_a_tenants_credentials_take_no_room_from_the_operators() {
    let budget = hosts(1);
    budget.reserve("a", &tenant("x"), None).unwrap();
    assert!(budget.reserve("b", &tenant("x"), None).is_err());
    budget.reserve("c", &tenant("y"), None).unwrap();
    budget.reserve("d", &own("x"), None).unwrap();
    assert!(budget.reserve("e", &own("y"), None).is_err());
}

#[test]
fn a_namespace_has_caps_of_its_own() {
    let budget = Budget::new(Caps {
        max_hosts_per_namespace: Some(1),
        max_monthly_cost_per_namespace: Some(CostCap::Single(10.0)),
        ..Caps::default()
    });
    budget.reserve("a", &own("x"), usd(4.0)).unwrap();
    let refused = budget.reserve("b", &own("x"), usd(4.0)).unwrap_err();
    assert!(refused.contains("--max-hosts-per-namespace"), "{refused}");
    budget.reserve("c", &own("y"), usd(4.0)).unwrap();
    let refused = budget.reserve("d", &own("z"), usd(11.0)).unwrap_err();
    assert!(refused.contains("--max-monthly-cost-per-namespace"), "{refused}");
}

#[test]
fn a_host_that_was_kept_goes_on_counting_until_no_list_shows_it() {
    let budget = Budget::new(Caps {
        max_hosts: Some(1),
        max_monthly_cost: Some(CostCap::Single(10.0)),
        ..Caps::default()
    });
    let account = own("x").account;
    budget.reserve("a", &own("x"), usd(4.0)).unwrap();
    budget.keep("a", at(100));
    let full = || budget.reserve("b", &own("y"), usd(4.0)).is_err();
    assert!(full());
    let found = || Found {
        key_hash: key_hash("a").unwrap(),
        namespace: own("x").namespace,
        price: None,
    };
    let none = BTreeSet::new();
    let wait = Duration::from_secs(60);
    budget.recount(&account, vec![], &none, at(110), wait);
    assert!(full(), "the list may be older than the host");
    budget.recount(&account, vec![found()], &none, at(1_000), wait);
    assert!(full());
    budget.recount(&account, vec![], &none, at(2_000), wait);
    assert!(!full());

    // After a restart the list is all that is known, and a price that nobody knows lets nobody in.
    let budget = cost(10.0);
    budget.recount(&account, vec![found()], &none, at(1), wait);
    let refused = budget.reserve("b", &own("y"), usd(1.0)).unwrap_err();
    assert!(refused.contains("1 hosts that exist are not known"), "{refused}");
    assert!(budget.lacks_price_of(&account, &found().key_hash));
    let priced = Found {
        price: usd(9.5),
        ..found()
    };
    budget.recount(&account, vec![priced], &none, at(1), wait);
    assert!(budget.reserve("b", &own("y"), usd(1.0)).unwrap_err().contains("9.50"));
    // Its own resource asks for it again: it bills already.
    budget.reserve("a", &own("x"), usd(9.5)).unwrap();
    assert!(budget.reserve("b", &own("y"), usd(1.0)).unwrap_err().contains("9.50"));

    // A tenant's own account is the tenant's affair.
    let budget = hosts(1);
    budget.reserve("a", &tenant("x"), None).unwrap();
    budget.keep("a", at(1));
    budget.reserve("b", &tenant("x"), None).unwrap();
}

#[test]
fn a_resource_that_was_removed_by_force_counts_for_as_long_as_its_host_is_there() {
    let budget = hosts(1);
    let account = own("x").account;
    budget.reserve("a", &own("x"), None).unwrap();
    let gone: BTreeSet<String> = budget.held_in(&account);
    budget.recount(&account, vec![], &gone, at(0), Duration::ZERO);
    assert!(budget.reserve("b", &own("x"), None).is_err());
    budget.recount(&account, vec![], &gone, at(60), Duration::ZERO);
    budget.reserve("b", &own("x"), None).unwrap();
}

#[test]
fn costs_add_up_and_an_unknown_price_is_no_price() {
    let budget = cost(10.0);
    budget.reserve("a", &own("x"), usd(6.0)).unwrap();
    let refused = budget.reserve("b", &own("x"), usd(6.0)).unwrap_err();
    assert!(refused.contains("6.00") && refused.contains("10"), "{refused}");
    assert!(budget.reserve("b", &own("x"), None).unwrap_err().contains("not known"));
    budget.reserve("b", &own("x"), usd(4.0)).unwrap();
    assert!(Budget::default().reserve("x", &own("x"), None).is_ok());
}

#[test]
fn a_price_that_is_none_opens_no_gate() {
    for price in [-1.0, -1e300, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let budget = cost(10.0);
        let refused = budget.reserve("a", &own("x"), usd(price)).unwrap_err();
        assert!(refused.contains("not known"), "{price}: {refused}");
        budget.note("b", &own("x"), usd(price));
        assert!(budget.lacks_price("b"), "{price}");
        assert!(budget.reserve("c", &own("x"), usd(1.0)).is_err(), "{price}");
    }
    for currency in ["", "US", "usd\u{0}", "€"] {
        assert!(
            cost(10.0)
                .reserve("a", &own("x"), Some((1.0, currency.to_owned())))
                .is_err()
        );
    }
}

#[test]
fn nothing_joins_a_host_whose_price_is_not_known() {
    let budget = cost(10.0);
    budget.note("a", &own("x"), None);
    assert!(budget.lacks_price("a") && budget.lacks_price("b"));
    assert!(
        budget
            .reserve("b", &own("x"), usd(1.0))
            .unwrap_err()
            .contains("1 hosts")
    );
    budget.note("a", &own("x"), usd(9.0));
    assert!(!budget.lacks_price("a"));
    budget.reserve("b", &own("x"), usd(1.0)).unwrap();
    assert!(!Budget::default().lacks_price("a"));
}
