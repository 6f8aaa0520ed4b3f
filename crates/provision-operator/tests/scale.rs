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

/// What is measured.
struct Case {
    count: usize,
    /// How long the cloud takes to make a host, and to delete one.
    cloud_time: Duration,
    /// How long the operator is left alone with what it has made.
    idle: Duration,
    /// Whether it polls as in production.
    unhurried: bool,
}

/// Requests to the cloud and to the cluster.
#[derive(Clone, Copy)]
struct Requests {
    cloud: usize,
    cluster: u64,
}

/// What a case took.
struct Figures {
    active_after: Duration,
    create: Requests,
    idle: Requests,
    gone_after: Duration,
    delete: Requests,
    /// Requests that the cloud refused because there were too many.
    refused: usize,
}

const HEADER: &str = "cloud         tunnels  cloud's time  active after  cloud, cluster for each  cloud, cluster in an idle minute  gone \
                      after  cloud, cluster for each  refused";

impl Figures {
    fn row(&self, cloud: &str, case: &Case) -> String {
        let count = case.count as f64;
        let each = |requests: Requests| {
            format!(
                "{:.1}, {:.1}",
                requests.cloud as f64 / count,
                requests.cluster as f64 / count
            )
        };
        let minutes = case.idle.as_secs_f64() / 60.0;
        let idle = match case.idle.is_zero() {
            true => "-".to_owned(),
            false => format!(
                "{:.1}, {:.1}",
                self.idle.cloud as f64 / minutes,
                self.idle.cluster as f64 / minutes
            ),
        };
        format!(
            "{cloud:<12}  {:>7}  {:>10} s  {:>10.1} s  {:>23}  {idle:>31}  {:>8.1} s  {:>23}  {:>7}",
            case.count,
            case.cloud_time.as_secs(),
            self.active_after.as_secs_f64(),
            each(self.create),
            self.gone_after.as_secs_f64(),
            each(self.delete),
            self.refused,
        )
    }
}

/// The requests since the last look.
fn requests(world: &World, cluster_before: &mut u64, refused: &mut usize) -> Requests {
    // The simulator's log holds the last 10,000.
    let made = world.sim.requests();
    world.sim.clear_requests();
    *refused += made.iter().filter(|request| request.status == 429).count();
    let cluster = world.cluster.writes().values().sum::<u64>() + world.cluster.reads();
    let since = cluster - *cluster_before;
    *cluster_before = cluster;
    Requests {
        cloud: made.len(),
        cluster: since,
    }
}

/// Runs the controllers on so many Services and says what it took.
async fn run(cloud: &'static str, case: &Case) -> Figures {
    let setup = Setup {
        polls_itself: true,
        real_time: true,
        limits: true,
        unhurried: case.unhurried,
        boot_time: Some(case.cloud_time),
        delete_time: Some(case.cloud_time),
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
    let (mut cluster, mut refused) = (0, 0);
    let start = Instant::now();
    for number in 0..case.count {
        world.make_service(&format!("web-{number}"));
    }
    let active = |tunnel: &Value| {
        tunnel["status"]["hostStatus"] == "active" && tunnel["status"]["clientDeploymentRef"].is_object()
    };
    wait(&format!("{} tunnels are active", case.count), || {
        let tunnels = world.cluster.list(TUNNELS);
        tunnels.len() == case.count && tunnels.iter().all(active)
    })
    .await;
    let active_after = start.elapsed();
    assert_eq!(world.hosts_at_cloud(), case.count);
    let create = requests(&world, &mut cluster, &mut refused);
    let start = Instant::now();
    wait("the idle time is over", || start.elapsed() >= case.idle).await;
    let idle = requests(&world, &mut cluster, &mut refused);
    let start = Instant::now();
    for number in 0..case.count {
        world.cluster.delete("services", "shop", &format!("web-{number}"));
    }
    wait("nothing is left", || world.cluster.list(TUNNELS).is_empty()).await;
    assert_eq!(world.hosts_at_cloud(), 0);
    let gone_after = start.elapsed();
    let delete = requests(&world, &mut cluster, &mut refused);
    stop.send(true).unwrap();
    running.await.unwrap();
    let _: Arc<_> = operator.context;
    Figures {
        active_after,
        create,
        idle,
        gone_after,
        delete,
        refused,
    }
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
    let case = Case {
        count: 5,
        cloud_time: Duration::from_secs(2),
        idle: Duration::ZERO,
        unhurried: false,
    };
    let figures = run(TWO[0], &case).await;
    eprintln!("{HEADER}\n{}", figures.row(TWO[0], &case));
    assert_eq!(figures.refused, 0);
    assert!(figures.create.cloud <= 25, "{} requests for five", figures.create.cloud);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: cargo xtask bench operator"]
async fn what_tunnels_cost_cloud_and_cluster() {
    eprintln!("{HEADER}");
    // DigitalOcean allows 5,000 requests an hour, below which the operator keeps by itself: with 2,000 hosts it would be a
    // measurement of patience. Vultr publishes no limit for an hour.
    let few = [1, 50, 200].map(|count| (TWO[0], count));
    let many = [200, 2_000].map(|count| ("vultr", count));
    for seconds in [2, 20] {
        for (cloud, count) in few.into_iter().chain(many) {
            let case = Case {
                count,
                cloud_time: Duration::from_secs(seconds),
                idle: Duration::from_secs(60),
                unhurried: true,
            };
            eprintln!("{}", run(cloud, &case).await.row(cloud, &case));
        }
    }
    eprintln!(
        "peak memory of operator, simulator and cluster together: {} MiB",
        peak_memory()
    );
}
