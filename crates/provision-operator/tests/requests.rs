//! What the operator costs its clouds and its cluster in requests.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests"
)]

mod world;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use provision_operator::controllers::{self, OrphanChecks};
use provision_sim::{Effect, Fault};
use serde_json::json;
use world::{
    HOSTS, Operator, Setup, TUNNELS, World,
    clouds::{TWO, on, on_every_cloud},
};

const HOW_MANY: usize = 5;

fn with_delete_time(cloud: &'static str, seconds: u64) -> World {
    let setup = Setup {
        delete_time: Some(Duration::from_secs(seconds)),
        ..Setup::default()
    };
    World::with(cloud, setup)
}

async fn with_hosts(world: &World, count: usize) -> Operator {
    let restricts = provision::find(world.cloud).unwrap().capabilities.restrict_ports;
    for number in 0..count {
        let spec = if restricts {
            json!({ "ports": ["22"] })
        } else {
            json!({})
        };
        world.make_host(&format!("host-{number}"), spec);
    }
    let mut operator = world.start();
    let active = || {
        let hosts = world.cluster.list(HOSTS);
        hosts.len() == count && hosts.iter().all(|host| host["status"]["phase"] == "Active")
    };
    operator.until("all hosts are active", active).await;
    operator
}

fn delete_hosts(world: &World, count: usize) {
    for number in 0..count {
        world.cluster.delete(HOSTS, "shop", &format!("host-{number}"));
    }
}

#[test]
fn a_deletion_is_asked_for_twice_at_most_whatever_the_clouds_time() {
    on_every_cloud(async |cloud| {
        for seconds in [2, 20, 120] {
            let world = with_delete_time(cloud, seconds);
            let mut operator = with_hosts(&world, HOW_MANY).await;
            let calls = |operator: &Operator, what| operator.context.metrics.calls(cloud, what, "ok");
            let before = (calls(&operator, "delete"), calls(&operator, "list"));
            world.sim.clear_requests();
            delete_hosts(&world, HOW_MANY);
            let start = world.sim.clock().now();
            operator
                .until("all are gone", || world.cluster.list(HOSTS).is_empty())
                .await;
            let took = world.sim.clock().now().duration_since(start).unwrap().as_secs();
            world.assert_empty("at the end");
            let deletes = calls(&operator, "delete") - before.0;
            let lists = calls(&operator, "list") - before.1;
            let requests = world.sim.requests().len();
            eprintln!(
                "{cloud}: deleted within {seconds} s: {deletes} deletions, {lists} lists, {requests} requests for {HOW_MANY} hosts; gone after {took} s"
            );
            assert!(
                deletes <= 2 * HOW_MANY as u64,
                "{cloud}, {seconds} s: {deletes} deletions"
            );
            assert!(
                lists <= took / 10 + 2,
                "{cloud}, {seconds} s: {lists} lists in {took} s"
            );
            assert!(took <= seconds + 60, "{cloud}: gone {took} s after the deletion began");
        }
    });
}

#[test]
fn after_a_rate_limit_the_accounts_pause_alone_decides() {
    on(&TWO, async |cloud| {
        let count = 30;
        let world = with_delete_time(cloud, 2);
        let mut operator = with_hosts(&world, count).await;
        delete_hosts(&world, count);
        // A storm: for 160 seconds every request is one too many, and the cloud says to wait for ten.
        let storm = Effect::RateLimited { retry_after: Some(10) };
        let storm = world.sim.faults().add(Fault::new(storm));
        let turn = Duration::from_secs(2);
        // All of them were under way before anybody knew.
        operator.reconcile_hosts_at_once().await;
        world.sim.clear_requests();
        for _ in 0..80 {
            operator.reconcile_hosts_at_once().await;
            world.sim.clock().advance(turn);
        }
        let refused = world.sim.requests().len();
        world.sim.faults().remove(storm);
        world.sim.clear_requests();
        let start = world.sim.clock().now();
        while !world.cluster.list(HOSTS).is_empty() {
            operator.reconcile_hosts_at_once().await;
            world.sim.clock().advance(turn);
            let waited = world.sim.clock().now().duration_since(start).unwrap().as_secs();
            assert!(waited <= 60, "{cloud}: not gone {waited} s after the limit was lifted");
        }
        let waited = world.sim.clock().now().duration_since(start).unwrap().as_secs();
        eprintln!("{cloud}: {refused} requests refused in 160 s; {count} hosts gone {waited} s afterwards");
        assert!(refused <= 2 * 16, "{cloud}: {refused} requests in 160 s of limits");
    });
}

#[track_caller]
fn eventually(what: &str, mut holds: impl FnMut() -> bool) -> impl Future<Output = ()> {
    let caller = std::panic::Location::caller();
    let start = Instant::now();
    async move {
        while !holds() {
            assert!(start.elapsed() < Duration::from_secs(180), "{caller}: never: {what}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Requests of each kind since then, for each of so many.
fn since(now: BTreeMap<String, u64>, before: &BTreeMap<String, u64>) -> (u64, BTreeMap<String, u64>) {
    let kinds = now.into_iter().map(|(kind, count)| {
        let more = count - before.get(&kind).copied().unwrap_or(0);
        (kind, more)
    });
    let kinds: BTreeMap<String, u64> = kinds.filter(|(_, count)| *count > 0).collect();
    (kinds.values().sum(), kinds)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tunnel_costs_the_cluster_twelve_requests_and_its_deletion_four() {
    let setup = Setup {
        polls_itself: true,
        real_time: true,
        ..Setup::default()
    };
    let world = World::with(TWO[0], setup);
    let operator = world.start();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let checks = OrphanChecks {
        interval: Duration::ZERO,
        delete: false,
    };
    let running = tokio::spawn(controllers::run(operator.context, operator.events, stopped, checks));
    // What an operator asks once, when it starts, and once for each namespace, is not counted.
    world.make_service("first");
    eventually("the first tunnel is active", || world.is_active("first-tunnel")).await;
    let before = world.cluster.requests();
    for number in 0..HOW_MANY {
        world.make_service(&format!("web-{number}"));
    }
    eventually("all are active", || {
        (0..HOW_MANY).all(|number| world.is_active(&format!("web-{number}-tunnel")))
    })
    .await;
    let (made, kinds) = since(world.cluster.requests(), &before);
    eprintln!("{:.1} requests for a tunnel: {kinds:?}", made as f64 / HOW_MANY as f64);
    let before = world.cluster.requests();
    let asked = |world: &World| {
        let requests = world.sim.requests().into_iter();
        requests
            .filter(|request| request.method == "DELETE" && request.path.contains("/droplets/"))
            .count()
    };
    assert_eq!(asked(&world), 0);
    for number in 0..HOW_MANY {
        world.cluster.delete("services", "shop", &format!("web-{number}"));
    }
    eventually("all are gone", || world.cluster.list(TUNNELS).len() == 1).await;
    let (gone, kinds) = since(world.cluster.requests(), &before);
    eprintln!(
        "{:.1} requests for its deletion: {kinds:?}",
        gone as f64 / HOW_MANY as f64
    );
    assert_eq!(
        asked(&world),
        2 * HOW_MANY,
        "a DELETE, and one when the list no longer shows the host"
    );
    assert!(made <= 12 * HOW_MANY as u64 && gone <= 4 * HOW_MANY as u64);
    stop.send(true).unwrap();
    running.await.unwrap();
}
