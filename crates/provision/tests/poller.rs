//! The poller: how many calls a tick makes, whom it forgets, and how it backs off.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

mod fake;

use std::{sync::Arc, time::Duration};

use fake::{FakeCloud, Step};
use provision::{
    ErrorKind, HostId, HostStatus, ProvisionedHost,
    poller::{Poller, PollerPace},
};

fn host(id: &str) -> ProvisionedHost {
    let mut host = fake::host(HostStatus::Active);
    host.id = HostId::new(id).unwrap();
    host
}

fn id(id: &str) -> HostId {
    HostId::new(id).unwrap()
}

/// A poller that watches these hosts, over a script.
fn poller(watched: &[&str], script: impl IntoIterator<Item = Step>) -> (Arc<FakeCloud>, Poller) {
    let cloud = Arc::new(FakeCloud::new(script));
    let mut poller = Poller::new(cloud.clone(), PollerPace::default());
    for name in watched {
        poller.watch(id(name), None);
    }
    (cloud, poller)
}

fn ids(hosts: &[ProvisionedHost]) -> Vec<&str> {
    hosts.iter().map(|host| host.id.as_str()).collect()
}

#[tokio::test]
async fn nothing_watched_costs_nothing() {
    let (cloud, mut poller) = poller(&[], []);
    let tick = poller.tick().await;
    assert!(tick.error.is_none() && tick.hosts.is_empty());
    assert_eq!(cloud.calls().len(), 0);
}

#[tokio::test]
async fn one_host_is_asked_for_and_not_listed() {
    let (cloud, mut poller) = poller(&["1"], [Step::Read(host("1"))]);
    assert_eq!(ids(&poller.tick().await.hosts), ["1"]);
    assert_eq!(cloud.calls(), ["status 1"]);
}

#[tokio::test]
async fn a_host_is_told_by_the_id_that_it_is_watched_by() {
    let (_, mut poller) = poller(&["1"], [Step::Read(host("1|project"))]);
    let tick = poller.tick().await;
    assert_eq!((ids(&tick.hosts), tick.unread.len()), (vec!["1"], 0));
}

#[tokio::test]
async fn many_hosts_cost_one_list_and_a_status_for_each_that_it_lacks() {
    let listed = vec![host("1"), host("3"), host("9")];
    let script = [
        Step::List(listed),
        Step::Fails(ErrorKind::NotFound),
        Step::Read(host("4")),
    ];
    let (cloud, mut poller) = poller(&["1", "2", "3", "4"], script);
    let tick = poller.tick().await;
    assert_eq!(ids(&tick.hosts), ["1", "3", "4"]);
    assert_eq!(tick.gone, [id("2")]);
    assert_eq!(ids(&tick.unwatched), ["9"]);
    assert!(tick.unread.is_empty() && tick.error.is_none());
    assert_eq!(cloud.calls().len(), 3);
    assert_eq!(poller.delay(), PollerPace::default().interval);
}

#[tokio::test]
async fn a_budget_smaller_than_the_missing_hosts_starves_none() {
    let list = || Step::List(vec![]);
    let script = [
        list(),
        Step::Read(host("1")),
        Step::Read(host("2")),
        list(),
        Step::Read(host("3")),
        Step::Read(host("1")),
    ];
    let cloud = Arc::new(FakeCloud::new(script));
    let mut pace = PollerPace::default();
    pace.statuses = 2;
    let mut poller = Poller::new(cloud.clone(), pace);
    for name in ["1", "2", "3"] {
        poller.watch(id(name), None);
    }
    assert_eq!(poller.tick().await.unread, [id("3")]);
    assert_eq!(poller.tick().await.unread, [id("2")]);
    assert_eq!(cloud.calls()[3..], ["list", "status 3", "status 1"]);
}

#[tokio::test]
async fn a_failed_list_reports_nobody_as_gone() {
    let (cloud, mut poller) = poller(&["1", "2"], [Step::Fails(ErrorKind::Unauthorized)]);
    let tick = poller.tick().await;
    assert_eq!(tick.error.unwrap().kind(), ErrorKind::Unauthorized);
    assert!(tick.gone.is_empty());
    assert_eq!(tick.unread, [id("1"), id("2")]);
    assert_eq!(cloud.calls().len(), 1, "no further call after the failure");
}

#[tokio::test]
async fn failures_back_off_and_a_wait_is_honoured() {
    let script = [
        Step::Fails(ErrorKind::Unavailable),
        Step::Fails(ErrorKind::Unavailable),
        Step::FailsFor(ErrorKind::RateLimited, Duration::from_secs(90)),
        Step::Read(host("1")),
    ];
    let (_, mut poller) = poller(&["1"], script);
    let mut delays = Vec::new();
    for _ in 0..4 {
        poller.tick().await;
        delays.push(poller.delay().as_secs());
    }
    assert_eq!(delays, [5, 10, 90, 10]);
}

#[tokio::test]
async fn a_host_that_is_no_longer_watched_is_not_asked_for() {
    let (cloud, mut poller) = poller(&["1", "2"], [Step::Read(host("1"))]);
    poller.unwatch(&id("2"));
    poller.tick().await;
    assert_eq!(cloud.calls(), ["status 1"]);
}

/// The fake's lists hold two hosts a page, and it allows 7,200 requests an hour.
#[tokio::test]
async fn the_more_requests_a_tick_needs_the_longer_the_delay() {
    let delay_for = async |listed: usize, share: f64| {
        let hosts: Vec<_> = (0..listed).map(|number| host(&number.to_string())).collect();
        let cloud = Arc::new(FakeCloud::new([
            Step::List(hosts),
            Step::Read(host("a")),
            Step::Read(host("b")),
        ]));
        let mut pace = PollerPace::default();
        pace.limit_share = share;
        let mut poller = Poller::new(cloud, pace);
        poller.watch(id("a"), None);
        poller.watch(id("b"), None);
        assert!(poller.tick().await.error.is_none());
        poller.delay()
    };
    let seconds = Duration::from_secs;
    assert_eq!(
        delay_for(0, 0.5).await,
        seconds(10),
        "three requests fit into the interval"
    );
    assert_eq!(delay_for(16, 0.5).await, seconds(10), "as ten do");
    assert_eq!(
        delay_for(97, 0.5).await,
        seconds(51),
        "49 pages and two statuses, at one a second"
    );
    assert_eq!(delay_for(97, 0.25).await, seconds(102));
    assert_eq!(delay_for(97, 0.0).await, seconds(86_400), "no share at all");
}
