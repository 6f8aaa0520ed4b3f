//! Prices: known without asking, or with one look into the catalog.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, which clippy does not count as tests"
)]

mod fake;

use provision::{
    ErrorKind, HostStatus, Plan, Price, ProvisionedHost, Provisioner as _,
    prices::{Prices, Totals},
};

use fake::{FakeCloud, Step, host_called};

fn host(plan: &str, region: &str) -> ProvisionedHost {
    let mut host = host_called("1", HostStatus::Active);
    (host.plan, host.region) = (Some(plan.to_owned()), Some(region.to_owned()));
    host
}

fn plan(id: &str, cost: f64, regions: &[&str]) -> Plan {
    let mut plan = Plan::new(id);
    (plan.monthly_cost, plan.currency) = (Some(cost), "EUR".to_owned());
    plan.regions = regions.iter().map(ToString::to_string).collect();
    plan
}

fn shown(prices: &Prices, plan: &str, region: &str) -> Option<String> {
    prices.of(plan, region).map(|price| price.to_string())
}

#[tokio::test]
async fn the_default_plan_needs_no_request() {
    let cloud = FakeCloud::new([]);
    let hosts = [host("small", "here"), host("small", "here")];
    let prices = Prices::of_hosts(&cloud, &hosts).await.unwrap();
    assert_eq!(shown(&prices, "small", "here").as_deref(), Some("3.00 EUR"));
    assert_eq!(prices.of_host(&hosts[0]).unwrap().as_of.as_deref(), Some("2026-11-20"));
    assert!(cloud.calls().is_empty());
}

#[tokio::test]
async fn one_look_tells_the_prices_of_many_hosts_in_many_regions() {
    let mut large = plan("large", 9.0, &["here", "there", "far"]);
    large.regional_costs.insert("far".into(), 12.0);
    let cloud = FakeCloud::new([Step::Plans(vec![plan("small", 3.0, &["here"]), large])]);
    let hosts = [
        host("large", "here"),
        host("large", "there"),
        host("large", "far"),
        host("small", "there"),
    ];
    let prices = Prices::of_hosts(&cloud, &hosts).await.unwrap();
    assert_eq!(cloud.calls(), ["catalog -"]);
    let told = hosts
        .each_ref()
        .map(|host| prices.of_host(host).map(|price| price.to_string()));
    // The last: the plan is not said to be sold there, so that its price there is not known.
    let known = ["9.00 EUR", "9.00 EUR", "12.00 EUR"].map(|price| Some(price.to_owned()));
    assert_eq!(told, [&known[..], &[None]].concat()[..]);
    let totals: Totals = hosts.iter().map(|host| prices.of_host(host)).collect();
    assert_eq!(totals.to_string(), "30.00 EUR, and 1 host of unknown price");
}

#[tokio::test]
async fn hosts_of_one_region_are_looked_up_there() {
    let cloud = FakeCloud::new([Step::Plans(vec![plan("small", 4.0, &["there"])])]);
    let prices = Prices::of_hosts(&cloud, &[host("small", "there")]).await.unwrap();
    assert_eq!(cloud.calls(), ["catalog there"]);
    assert_eq!(shown(&prices, "small", "there").as_deref(), Some("4.00 EUR"));
    assert_eq!(shown(&prices, "small", "here").as_deref(), Some("3.00 EUR"));
    assert_eq!(shown(&prices, "small", "far"), None);
}

#[test]
fn a_catalog_that_was_read_anyway_tells_the_prices_of_its_region() {
    let prices = Prices::of_plans(FakeCloud::new([]).info(), vec![plan("large", 9.0, &[])], "there");
    assert_eq!(shown(&prices, "large", "there").as_deref(), Some("9.00 EUR"));
    assert_eq!(shown(&prices, "large", "here"), None);
    assert_eq!(shown(&prices, "small", "here").as_deref(), Some("3.00 EUR"));
}

#[tokio::test]
async fn hosts_without_a_plan_are_not_looked_up() {
    let cloud = FakeCloud::new([]);
    let nameless = host_called("1", HostStatus::Active);
    let prices = Prices::of_hosts(&cloud, std::slice::from_ref(&nameless)).await.unwrap();
    assert_eq!(prices.of_host(&nameless), None);
}

#[tokio::test]
async fn a_catalog_that_cannot_be_read_is_an_error() {
    let cloud = FakeCloud::new([Step::Fails(ErrorKind::Unavailable)]);
    let error = Prices::of_hosts(&cloud, &[host("large", "here")]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[test]
fn totals_keep_currencies_apart() {
    let prices = [
        Price::new(4.1, "USD"),
        Price::new(4.2, "USD"),
        Price::new(5.99, "EUR"),
        None,
        None,
    ];
    let totals: Totals = prices.into_iter().collect();
    assert_eq!(totals.to_string(), "5.99 EUR, 8.30 USD, and 2 hosts of unknown price");
    assert_eq!(
        [None].into_iter().collect::<Totals>().to_string(),
        "1 host of unknown price"
    );
    assert_eq!(Totals::default().to_string(), "");
}
