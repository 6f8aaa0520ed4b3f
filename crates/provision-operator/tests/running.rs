//! What brings resources up: the controllers as they run in production, over a cluster's API in memory and the simulator.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod world;

use std::time::{Duration, Instant};

use provision_operator::controllers::{self, OrphanChecks};
use serde_json::{Value, json};
use tokio::{sync::watch, task::JoinHandle};
use world::{Setup, TUNNELS, World, clouds::TWO};

/// An operator that looks at what the cluster tells it, and at nothing else.
async fn run() -> (World, watch::Sender<bool>, JoinHandle<()>) {
    let setup = Setup {
        polls_itself: true,
        real_time: true,
        ..Setup::default()
    };
    let world = World::with(TWO[0], setup);
    let operator = world.start();
    let (stop, stopped) = watch::channel(false);
    let checks = OrphanChecks {
        interval: Duration::ZERO,
        delete: false,
    };
    let running = tokio::spawn(controllers::run(operator.context, operator.events, stopped, checks));
    (world, stop, running)
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

fn uid(tunnel: &Value) -> String {
    tunnel["metadata"]["uid"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_made_again_at_once_gets_a_tunnel_again() {
    let (world, stop, running) = run().await;
    world.make_service("web");
    eventually("the tunnel is active", || world.is_active("web-tunnel")).await;
    let first = uid(&world.tunnel("web-tunnel"));
    world.cluster.delete("services", "shop", "web");
    world.make_service("web");
    eventually("another tunnel is active", || {
        world.is_active("web-tunnel") && uid(&world.tunnel("web-tunnel")) != first
    })
    .await;
    assert_eq!(world.hosts_at_cloud(), 1);
    stop.send(true).unwrap();
    running.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tunnel_that_is_deleted_is_made_again_while_its_service_wants_it() {
    let (world, stop, running) = run().await;
    world.make_service("web");
    eventually("the tunnel is active", || world.is_active("web-tunnel")).await;
    let first = uid(&world.tunnel("web-tunnel"));
    world.cluster.delete(TUNNELS, "shop", "web-tunnel");
    eventually("another tunnel is active", || {
        world.is_active("web-tunnel") && uid(&world.tunnel("web-tunnel")) != first
    })
    .await;
    // Refused and wanted again before the deletion is through.
    let manage = |value: &str| json!({ "metadata": { "annotations": { "operator.inlets.dev/manage": value } } });
    let second = uid(&world.tunnel("web-tunnel"));
    world.cluster.patch("services", "shop", "web", &manage("0"));
    eventually("the tunnel is on its way out", || {
        world.tunnel("web-tunnel")["metadata"]["deletionTimestamp"].is_string()
    })
    .await;
    world.cluster.patch("services", "shop", "web", &manage("1"));
    eventually("a third tunnel is active", || {
        world.is_active("web-tunnel") && uid(&world.tunnel("web-tunnel")) != second
    })
    .await;
    assert_eq!(world.hosts_at_cloud(), 1);
    stop.send(true).unwrap();
    running.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_is_deleted_when_its_time_has_passed() {
    let (world, stop, running) = run().await;
    world.make_host("runner", json!({ "ttl": "6s" }));
    eventually("the host is active", || {
        world.host("runner")["status"]["phase"] == "Active"
    })
    .await;
    eventually("the host is gone", || world.host("runner").is_null()).await;
    world.assert_empty("its time has passed");
    stop.send(true).unwrap();
    running.await.unwrap();
}
