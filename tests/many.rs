//! Many hosts on every cloud: a list holds each of them once, and a tick of the poller costs no more than the list.
//!
//! `PROVISION_MANY_HOSTS=450 cargo test -p provision-tests --test many -- --nocapture` prints the requests for that many
//! hosts; without it, 120 are enough for a second page on the clouds with the smallest pages.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests, which clippy does not count as tests"
)]

use std::{collections::BTreeSet, sync::Arc, thread};

use provision::{
    BasicHost, IdempotencyKey, ListFilter, Settings, UserData,
    poller::{Poller, PollerPace},
};
use provision_http::Transport;
use provision_testkit::{Connect, ConnectFn, Manifest, SimStand, Stand as _};

/// What reading that many hosts cost on one cloud.
struct Cost {
    hosts: usize,
    list: usize,
    tick_of_one: usize,
    tick_of_all: usize,
}

fn connect(id: &str) -> Arc<ConnectFn> {
    let id = id.to_owned();
    Arc::new(move |settings: &Settings, transport: Arc<dyn Transport>| {
        provision::connect_with(&id, settings, transport)
    })
}

#[tokio::main(flavor = "current_thread")]
async fn measure(id: &str, hosts: usize) -> Cost {
    let stand = SimStand::start(id, connect(id)).await.unwrap();
    let cloud = stand.connect(&Connect::new()).unwrap();
    for number in 0..hosts {
        let mut host = BasicHost::new(format!("many-{number}").parse().unwrap(), UserData::empty());
        host.key = (number < 2).then(|| IdempotencyKey::new(format!("key-{number}")).unwrap());
        cloud.provision(&host).await.unwrap();
    }
    stand.advance(std::time::Duration::from_secs(600));

    stand.forget_requests();
    let listed = cloud.list(&ListFilter::all()).await.unwrap();
    let list = stand.requests().len();
    let ids: BTreeSet<_> = listed.iter().map(|host| host.id.clone()).collect();
    assert_eq!((listed.len(), ids.len()), (hosts, hosts), "{id}: each host once");

    let mut poller = Poller::new(Arc::from(cloud), PollerPace::default());
    let mut ticks = Vec::new();
    for watched in [1, hosts] {
        for host in listed.iter().take(watched) {
            poller.watch(host.id.clone(), host.region.clone());
        }
        stand.forget_requests();
        let tick = poller.tick().await;
        assert!(tick.error.is_none(), "{id}: {:?}", tick.error);
        assert_eq!((tick.hosts.len(), tick.unread.len()), (watched, 0), "{id}");
        ticks.push(stand.requests().len());
    }
    Cost {
        hosts,
        list,
        tick_of_one: ticks.remove(0),
        tick_of_all: ticks.remove(0),
    }
}

#[test]
fn many_hosts_cost_a_list_and_no_more() {
    let hosts = std::env::var("PROVISION_MANY_HOSTS").map_or(120, |number| number.parse().unwrap());
    let manifest = Manifest::find(env!("CARGO_MANIFEST_DIR")).unwrap();
    let costs: Vec<(String, Cost)> = thread::scope(|scope| {
        let start = |id: String| scope.spawn(move || (id.clone(), measure(&id, hosts)));
        let running: Vec<_> = manifest.rows.iter().map(|row| start(row.id.clone())).collect();
        running.into_iter().map(|cloud| cloud.join().unwrap()).collect()
    });
    println!(
        "{:<14} {:>6} {:>14} {:>14} {:>14}",
        "cloud", "hosts", "list", "tick of 1", "tick of all"
    );
    for (id, cost) in &costs {
        let Cost {
            hosts,
            list,
            tick_of_one,
            tick_of_all,
        } = cost;
        println!("{id:<14} {hosts:>6} {list:>14} {tick_of_one:>14} {tick_of_all:>14}");
        // Azure reads three lists, its pages and Hetzner's are the smallest.
        assert!(*list <= hosts / 10 + 3, "{id}: {list} requests for a list of {hosts}");
        assert!(*tick_of_one <= 4, "{id}: {tick_of_one} requests for one host");
        assert!(
            *tick_of_all <= list + 1,
            "{id}: {tick_of_all} requests for a tick, {list} for a list"
        );
    }
    assert_eq!(costs.len(), manifest.rows.len());
}
