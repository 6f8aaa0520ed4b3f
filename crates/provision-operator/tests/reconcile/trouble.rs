//! What goes wrong: limits, refusals, shortages, and hosts that others delete.

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime},
};

use k8s_openapi::ByteString;
use provision_operator::{
    account::Purpose,
    budget::{Amount, CostCap},
};
use provision_sim::{Effect, Fault};
use serde_json::{Map, Value, json};

use super::{active, reason};
use crate::world::{
    HOSTS, Operator, World,
    clouds::{TWO, on, on_every_cloud},
};

#[test]
fn a_rate_limit_is_waited_for_and_told() {
    on_every_cloud(async |cloud| {
        let world = World::new(cloud);
        world.make_host("runner", json!({}));
        world
            .sim
            .faults()
            .add(Fault::new(Effect::RateLimited { retry_after: Some(60) }).times(1));
        let mut operator = world.start();
        operator.round().await;
        world.sim.clear_requests();
        // Not every cloud says for how long: then the pause may be short, but there is one.
        let step = if TWO[0] == cloud { 11 } else { 0 };
        for _ in 0..5 {
            operator.round().await;
            world.sim.clock().advance(Duration::from_secs(step));
        }
        assert!(
            world.sim.requests().is_empty(),
            "the cloud asked for a pause: {:?}",
            world.sim.requests()
        );
        assert_eq!(
            reason(&world.host("runner"), "Degraded"),
            ("True".to_owned(), "RateLimited".to_owned())
        );
        operator
            .until("it is active all the same", || {
                world.host("runner")["status"]["phase"] == "Active"
            })
            .await;
        assert_eq!(reason(&world.host("runner"), "Degraded").0, "False");
        assert_eq!(world.hosts_at_cloud(), 1);
    });
}

#[test]
fn after_a_rate_limit_deletions_go_before_creates_and_polls() {
    on(&TWO, async |cloud| {
        let (world, mut operator) = active(cloud).await;
        world.make_host("old", json!({}));
        operator
            .until("the host is active", || {
                world.host("old")["status"]["phase"] == "Active"
            })
            .await;
        // A poll is one request too many. Then a Tunnel and a Host are to go, and another Host is to come.
        let limit = Effect::RateLimited { retry_after: Some(20) };
        world.sim.faults().add(Fault::new(limit).times(1));
        operator.poll().await;
        world.cluster.delete("services", "shop", "web");
        world.cluster.delete(HOSTS, "shop", "old");
        world.make_host("new", json!({}));
        let creates = |operator: &Operator| operator.context.metrics.calls(world.cloud, "provision", "ok");
        let (before, mut turns, mut gave_way) = (creates(&operator), 0, false);
        let gone = || world.tunnel("web-tunnel").is_null() && world.host("old").is_null();
        loop {
            operator.reconcile_all().await;
            if gone() {
                break;
            }
            world.sim.clear_requests();
            operator.poll().await;
            let asked = world.sim.requests();
            assert!(asked.is_empty(), "a poll went before a deletion: {asked:?}");
            assert_eq!(creates(&operator), before, "a create went before a deletion");
            let pauses = operator.context.accounts.all().into_iter();
            gave_way |= pauses
                .filter_map(|account| account.pause(Purpose::Other))
                .any(|pause| pause.reason == "DeletionsFirst");
            world.sim.clock().advance(Duration::from_secs(5));
            turns += 1;
            assert!(turns < 20, "the deletions are not through while the budget is short");
        }
        assert!(gave_way, "the account was only ever closed to everybody");
        operator
            .until("the new host is active", || {
                world.host("new")["status"]["phase"] == "Active"
            })
            .await;
        assert_eq!(world.hosts_at_cloud(), 1);
    });
}

#[test]
fn refused_credentials_are_tried_again_when_they_change_and_never_taken_for_gone() {
    on_every_cloud(async |cloud| {
        let (world, mut operator) = active(cloud).await;
        // The token is revoked, a deletion comes: nothing may be given up.
        world.sim.faults().add(Fault::new(Effect::Unauthorized));
        world.sim.clear_requests();
        world.cluster.delete("services", "shop", "web");
        for _ in 0..40 {
            operator.round().await;
            world.sim.clock().advance(Duration::from_secs(5));
        }
        assert!(!world.tunnel("web-tunnel").is_null());
        let asked = world.sim.requests();
        // Within one attempt five: what goes side by side, and a login.
        let attempts: BTreeSet<SystemTime> = asked.iter().map(|request| request.at).collect();
        let most = if attempts.len() == 1 { 5 } else { 3 };
        assert!(
            asked.len() <= most,
            "calls with a refused token in 200 seconds: {asked:?}"
        );
        world.sim.faults().clear();
        operator
            .until("the tunnel is gone once the token is good", || {
                world.tunnel("web-tunnel").is_null()
            })
            .await;
        world.assert_empty("at the end");
    });
}

/// A Secret as a user makes it: each setting of a simulated cloud's account is a key, and so are others.
pub(super) fn secret(cloud: &str, more: &[(&str, &str)]) -> Value {
    let known = provision_sim::clouds();
    let account = known.iter().find(|known| known.id == cloud).unwrap().settings;
    let settings = World::settings(cloud);
    let endpoint = ("endpoint", settings.get("endpoint").unwrap());
    let data: Map<String, Value> = account
        .iter()
        .copied()
        .chain([endpoint])
        .chain(more.iter().copied())
        .map(|(name, text)| (name.to_owned(), json!(ByteString(text.as_bytes().to_vec()))))
        .collect();
    json!({ "metadata": { "name": "account", "namespace": "shop" }, "data": data })
}

#[test]
fn a_secret_that_changes_is_a_new_attempt_at_once() {
    on_every_cloud(async |cloud| {
        let world = World::new(cloud);
        world.cluster.create("secrets", secret(cloud, &[]));
        world.make_host(
            "runner",
            json!({ "provider": cloud, "credentialsRef": { "name": "account" } }),
        );
        world.sim.faults().add(Fault::new(Effect::Unauthorized));
        let mut operator = world.start();
        operator
            .until("the refusal is told", || {
                reason(&world.host("runner"), "Degraded").1 == "Unauthorized"
            })
            .await;
        world.sim.faults().clear();
        let endpoint = World::settings(cloud).get("endpoint").map(|url| format!("{url}/"));
        let other = secret(cloud, &[("endpoint", &endpoint.unwrap())]);
        world.cluster.patch("secrets", "shop", "account", &other);
        let before = world.sim.clock().now();
        operator
            .until("the host is active", || {
                world.host("runner")["status"]["phase"] == "Active"
            })
            .await;
        // As they were, they would not be tried again for five minutes.
        let took = world.sim.clock().now().duration_since(before).unwrap();
        assert!(took < Duration::from_secs(250), "{cloud}: {took:?}");
    });
}

#[test]
fn a_sold_out_plan_and_a_missing_secret_are_told_and_left_alone() {
    on_every_cloud(async |cloud| {
        let world = World::new(cloud);
        world.make_host("runner", json!({}));
        world.make_host(
            "lost",
            json!({ "credentialsRef": { "name": "nowhere" }, "provider": world.cloud }),
        );
        world.sim.faults().add(Fault::new(Effect::SoldOut).times(1));
        let mut operator = world.start();
        operator.round().await;
        assert_eq!(reason(&world.host("lost"), "Degraded").1, "Unauthorized");
        let why = || reason(&world.host("runner"), "Degraded").1;
        // Some clouds accept the order and say later that it could not be filled: that host is there, and failed.
        if world.host("runner")["status"]["phase"] != "Pending" {
            operator.until("the failure is told", || why() == "Failed").await;
            world.cluster.delete(HOSTS, "shop", "runner");
            operator
                .until("the host is gone", || world.host("runner").is_null())
                .await;
            return world.assert_empty("at the end");
        }
        assert_eq!(why(), "SoldOut");
        operator
            .until("it is tried again", || {
                world.host("runner")["status"]["phase"] == "Active"
            })
            .await;
    });
}

#[test]
fn a_host_that_somebody_else_deleted_is_told_after_a_while() {
    on_every_cloud(async |cloud| {
        let (world, mut operator) = active(cloud).await;
        world.make_host("runner", json!({}));
        operator
            .until("the host is active", || {
                world.host("runner")["status"]["phase"] == "Active"
            })
            .await;
        world.sim.reset();
        operator
            .until("it is gone", || world.host("runner")["status"]["phase"] == "Gone")
            .await;
        assert_eq!(
            reason(&world.host("runner"), "Degraded"),
            ("True".to_owned(), "Gone".to_owned())
        );
        operator
            .until("so is the tunnel's", || {
                world.tunnel("web-tunnel")["status"]["hostStatus"] == "gone"
            })
            .await;
        operator.round().await;
        let service = world.cluster.get("services", "shop", "web").unwrap();
        assert_eq!(
            service["spec"]["externalIPs"],
            json!([]),
            "somebody else may have the address"
        );
    });
}

#[tokio::test]
async fn the_budget_is_kept_from_the_start() {
    let (mut world, operator) = active(TWO[0]).await;
    drop(operator);
    world.setup.caps.max_hosts = Some(1);
    world.make_host("runner", json!({}));
    let mut operator = world.start();
    operator.context.count_what_exists().await.unwrap();
    operator.round().await;
    operator.round().await;
    assert_eq!(reason(&world.host("runner"), "Degraded").1, "OverBudget");
    assert_eq!(world.hosts_at_cloud(), 1);
    world.cluster.delete("services", "shop", "web");
    operator
        .until("there is room", || world.host("runner")["status"]["phase"] == "Active")
        .await;
}

#[tokio::test]
async fn each_currency_has_its_own_cap() {
    let (mut world, operator) = active(TWO[0]).await;
    drop(operator);
    // The Tunnel's host is priced in dollars, this one in euros.
    world.cluster.create("secrets", secret(TWO[1], &[]));
    world.make_host(
        "runner",
        json!({ "provider": TWO[1], "credentialsRef": { "name": "account" } }),
    );
    let cap = |text: &str| {
        let amounts: Vec<Amount> = text.split(',').map(|amount| amount.parse().unwrap()).collect();
        CostCap::new("--max-monthly-cost", &amounts).unwrap()
    };
    for (flag, advice) in [
        ("50USD", "--max-monthly-cost 50USD,"),
        ("50USD,1EUR", "allows 1.00 EUR"),
    ] {
        world.setup.caps.max_monthly_cost = cap(flag);
        let mut operator = world.start();
        operator.context.count_what_exists().await.unwrap();
        operator.round().await;
        let runner = world.host("runner");
        assert_eq!(reason(&runner, "Degraded").1, "OverBudget", "{flag}");
        assert!(runner["status"].to_string().contains(advice), "{flag}: {runner:#?}");
    }
    assert_eq!(world.hosts_at_cloud(), 1);
    world.setup.caps.max_monthly_cost = cap("50USD,50EUR");
    let mut operator = world.start();
    operator.context.count_what_exists().await.unwrap();
    operator
        .until("there is room", || world.host("runner")["status"]["phase"] == "Active")
        .await;
}

#[tokio::test]
async fn an_operator_of_another_cloud_never_calls_a_host_gone() {
    let (mut world, operator) = active(TWO[0]).await;
    drop(operator);
    world.cloud = TWO[1];
    world.cluster.delete("services", "shop", "web");
    let mut moved = world.start();
    for _ in 0..30 {
        moved.round().await;
        world.sim.clock().advance(Duration::from_secs(10));
    }
    assert!(!world.tunnel("web-tunnel").is_null(), "the finalizer holds");
    assert_eq!(world.hosts_at_cloud(), 1);
    world.cloud = TWO[0];
    let mut back = world.start();
    back.until("the right cloud deletes it", || world.tunnel("web-tunnel").is_null())
        .await;
    world.assert_empty("at the end");
}
