//! Many Tunnels at once: the controllers as they run in production, over a cluster's API in memory and the simulator. Run by
//! `cargo xtask bench operator`.

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
    sync::Arc,
    time::{Duration, Instant},
};

use provision_operator::controllers::{self, OrphanChecks};
use serde_json::Value;
use tokio::sync::watch;
use world::{Setup, TUNNELS, World, clouds::TWO};

/// Runs the controllers on so many Services and says what it took.
async fn run(cloud: &'static str, count: usize) {
    let setup = Setup {
        polls_itself: true,
        real_time: true,
        ..Setup::default()
    };
    let world = World::with(cloud, setup);
    let operator = world.start();
    let (stop, stopped) = watch::channel(false);
    let checks = OrphanChecks {
        interval: Duration::ZERO,
        delete: false,
    };
    let (context, events) = (operator.context.clone(), operator.events);
    let running = tokio::spawn(controllers::run(context, events, stopped, checks));
    let start = Instant::now();
    for number in 0..count {
        world.make_service(&format!("web-{number}"));
    }
    let active = |tunnel: &Value| {
        tunnel["status"]["hostStatus"] == "active" && tunnel["status"]["clientDeploymentRef"].is_object()
    };
    wait(&format!("{count} tunnels are active"), || {
        let tunnels = world.cluster.list(TUNNELS);
        tunnels.len() == count && tunnels.iter().all(active)
    })
    .await;
    let took = start.elapsed();
    let requests = world.sim.requests();
    let posts = requests.iter().filter(|request| request.method == "POST").count();
    let writes: u64 = world.cluster.writes().values().sum();
    assert_eq!(world.hosts_at_cloud(), count);
    eprintln!("{cloud}: {count} tunnels active after {:.1} s", took.as_secs_f64());
    // The simulator's log holds the last 10,000.
    let calls = |operation| operator.context.metrics.calls(cloud, operation, "ok");
    eprintln!(
        "  cloud: {} creates, {} lists, {} statuses; {} requests logged, {posts} of them POST",
        calls("provision"),
        calls("list"),
        calls("status"),
        requests.len()
    );
    eprintln!(
        "  cluster: {:.1} writes and {:.1} reads for each tunnel: {:?}",
        writes as f64 / count as f64,
        world.cluster.reads() as f64 / count as f64,
        world.cluster.writes()
    );
    eprintln!(
        "  peak memory of operator, simulator and cluster together: {} MiB",
        peak_memory()
    );
    let start = Instant::now();
    for number in 0..count {
        world.cluster.delete("services", "shop", &format!("web-{number}"));
    }
    wait("nothing is left", || world.cluster.list(TUNNELS).is_empty()).await;
    assert_eq!(world.hosts_at_cloud(), 0);
    eprintln!(
        "  all gone {:.1} s after their deletion, with {} lists in all",
        start.elapsed().as_secs_f64(),
        calls("list")
    );
    stop.send(true).unwrap();
    running.await.unwrap();
    let _: Arc<_> = operator.context;
}

async fn wait(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(900), "never: {what}");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok())
        .unwrap_or(0)
        / 1024
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_few_tunnels_run_as_in_production() {
    run(TWO[0], 5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: cargo xtask bench operator"]
async fn two_thousand_tunnels() {
    run(TWO[0], 2_000).await;
}
