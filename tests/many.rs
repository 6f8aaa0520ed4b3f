//! Many hosts on every cloud: a list holds each of them once, a tick of the poller costs no more than the list, and what the
//! providers say of their requests is what they send. `cargo xtask bench poller` measures it with 5,000 hosts on each.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests, which clippy does not count as tests"
)]

use std::{collections::BTreeSet, sync::Arc, thread, time::Duration};

use provision::{
    BasicHost, ListFilter, Provisioner, Settings, UserData,
    poller::{Poller, PollerPace},
};
use provision_http::Transport;
use provision_testkit::{Connect, ConnectFn, Manifest, SimStand, Stand as _};

/// What reading so many hosts of one account cost.
struct Cost {
    hosts: usize,
    list: usize,
    tick: usize,
    delay: Duration,
    hourly_limit: Option<u32>,
}

fn connect(id: &str) -> Arc<ConnectFn> {
    let id = id.to_owned();
    Arc::new(move |settings: &Settings, transport: Arc<dyn Transport>| {
        provision::connect_with(&id, settings, transport)
    })
}

/// Fills an account up to each of the numbers in turn, and looks at all of its hosts.
#[tokio::main(flavor = "current_thread")]
async fn measure(id: &str, steps: &[usize]) -> Vec<Cost> {
    let stand = SimStand::start(id, connect(id)).await.unwrap();
    let cloud: Arc<dyn Provisioner> = Arc::from(stand.connect(&Connect::new()).unwrap());
    let mut poller = Poller::new(cloud.clone(), PollerPace::default());
    let mut costs = Vec::new();
    let mut made = 0;
    for &hosts in steps {
        for number in made..hosts {
            let host = BasicHost::new(format!("many-{number}").parse().unwrap(), UserData::empty());
            cloud.provision(&host).await.unwrap();
        }
        made = hosts;
        stand.advance(Duration::from_secs(600));

        stand.forget_requests();
        let listed = cloud.list(&ListFilter::all()).await.unwrap();
        let list = stand.requests().len();
        let ids: BTreeSet<_> = listed.iter().map(|host| host.id.clone()).collect();
        assert_eq!((listed.len(), ids.len()), (hosts, hosts), "{id}: each host once");

        for host in listed {
            poller.watch(host.id, host.region);
        }
        stand.forget_requests();
        let tick = poller.tick().await;
        assert!(tick.error.is_none(), "{id}: {:?}", tick.error);
        assert_eq!((tick.hosts.len(), tick.unread.len()), (hosts, 0), "{id}");
        let tick = stand.requests().len();
        let polling = cloud.info().polling;
        assert_eq!(
            tick,
            polling.requests_for_list(hosts),
            "{id}: requests for {hosts} hosts, and {polling:?}"
        );
        costs.push(Cost {
            hosts,
            list,
            tick,
            delay: poller.delay(),
            hourly_limit: polling.hourly_limit,
        });
    }
    costs
}

/// Measures every cloud of the manifest and prints what it costs.
fn measure_all(steps: &[usize]) {
    let manifest = Manifest::find(env!("CARGO_MANIFEST_DIR")).unwrap();
    let costs: Vec<(String, Vec<Cost>)> = thread::scope(|scope| {
        let start = |id: String| scope.spawn(move || (id.clone(), measure(&id, steps)));
        let running: Vec<_> = manifest.rows.iter().map(|row| start(row.id.clone())).collect();
        running.into_iter().map(|cloud| cloud.join().unwrap()).collect()
    });
    println!(
        "{:<14} {:>6} {:>10} {:>10} {:>10} {:>10} {:>10}",
        "cloud", "hosts", "list", "tick", "delay (s)", "an hour", "allowed"
    );
    for (id, costs) in &costs {
        for cost in costs {
            let an_hour = cost.tick as f64 * 3_600.0 / cost.delay.as_secs_f64();
            let allowed = cost.hourly_limit.map_or("-".to_owned(), |limit| limit.to_string());
            println!(
                "{id:<14} {:>6} {:>10} {:>10} {:>10.0} {an_hour:>10.0} {allowed:>10}",
                cost.hosts,
                cost.list,
                cost.tick,
                cost.delay.as_secs_f64(),
            );
            // What a list needs once, such as names of plans, is known at the tick.
            assert!(
                cost.tick <= cost.list,
                "{id}: {} for a tick, {} for a list",
                cost.tick,
                cost.list
            );
            let limit = f64::from(cost.hourly_limit.unwrap_or(3_600));
            assert!(
                an_hour <= limit / 2.0 + 1.0,
                "{id}: {an_hour:.0} requests an hour of {limit}"
            );
        }
    }
    assert_eq!(costs.len(), manifest.rows.len());
}

/// 120 hosts are enough for a second page on the clouds with the smallest pages.
#[test]
fn many_hosts_cost_a_list_and_no_more() {
    measure_all(&[1, 120]);
}

#[test]
#[ignore = "a measurement: cargo xtask bench poller"]
fn five_thousand_hosts() {
    measure_all(&[1, 100, 5_000]);
}
