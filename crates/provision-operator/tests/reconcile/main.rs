//! Every transition and every kind of trouble, against a cluster in memory and simulated clouds.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod caps;
mod elsewhere;
mod ids;
mod inlets;
mod installations;
mod ownership;
mod tenants;
mod trouble;
mod twins;
#[path = "../world/mod.rs"]
mod world;

use std::time::Duration;

use provision::{BasicHost, UserData};
use provision_operator::{
    account::{Listed, Watcher},
    cleanup, orphans,
};
use provision_sim::{Effect, Fault};
use serde_json::{Value, json};
use world::{
    HOSTS, TUNNELS, World,
    clouds::{TWO, on_every_cloud},
    gate::{Fate, Gate},
};

fn reason(host: &Value, condition: &str) -> (String, String) {
    let conditions = host["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let found = conditions
        .into_iter()
        .find(|c| c["type"] == condition)
        .unwrap_or_default();
    let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
    (text("status"), text("reason"))
}

async fn active(cloud: &'static str) -> (World, world::Operator) {
    let world = World::new(cloud);
    world.make_service("web");
    let mut operator = world.start();
    operator
        .until("the tunnel is active", || world.is_active("web-tunnel"))
        .await;
    (world, operator)
}

#[test]
fn a_service_gets_the_hosts_address_and_loses_it_with_the_tunnel() {
    on_every_cloud(async |cloud| {
        let (world, mut operator) = active(cloud).await;
        let ip = world.tunnel("web-tunnel")["status"]["hostIP"].clone();
        let service = || world.cluster.get("services", "shop", "web").unwrap();
        assert_eq!(service()["spec"]["externalIPs"], json!([ip]));
        assert_eq!(service()["status"]["loadBalancer"]["ingress"], json!([{ "ip": ip }]));
        let client = world
            .cluster
            .get("apps/deployments", "shop", "web-tunnel-client")
            .unwrap();
        assert!(client.to_string().contains("--ports=80"), "{client}");
        let is = |condition: &str| reason(&world.tunnel("web-tunnel"), condition);
        let told = |status: &str, reason: &str| (status.to_owned(), reason.to_owned());
        assert_eq!(is("Ready"), told("True", "Active"), "{cloud}");
        assert_eq!(is("Progressing"), told("False", "Active"));
        assert_eq!(is("Degraded"), told("False", "AsExpected"));
        // Nine writes, one more where the address is known before the host is active, and one for the namespace's license; a
        // settled tunnel costs no further one.
        let before = world.cluster.writes();
        assert!(before.values().sum::<u64>() <= 11, "{cloud}: {before:?}");
        for _ in 0..20 {
            operator.round().await;
            world.sim.clock().advance(Duration::from_secs(60));
        }
        assert_eq!(world.cluster.writes(), before);
        let refuse = json!({ "metadata": { "annotations": { "operator.inlets.dev/manage": "0" } } });
        world.cluster.patch("services", "shop", "web", &refuse);
        operator
            .until("the tunnel is gone", || world.tunnel("web-tunnel").is_null())
            .await;
        world.assert_empty("at the end");
        assert_eq!(service()["spec"]["externalIPs"], json!([]));
        assert_eq!(service()["status"]["loadBalancer"]["ingress"], json!([]));
    });
}

#[tokio::test]
async fn what_hinders_a_tunnel_is_told_once_and_taken_back() {
    let (world, mut operator) = active(TWO[0]).await;
    let ports = |protocol: &str| json!({ "spec": { "ports": [{ "port": 53, "protocol": protocol }] } });
    let degraded = || reason(&world.tunnel("web-tunnel"), "Degraded");
    world.cluster.patch("services", "shop", "web", &ports("UDP"));
    operator.until("it is told", || degraded().1 == "NoTcpPorts").await;
    let before = world.cluster.writes();
    for _ in 0..50 {
        operator.round().await;
        world.sim.clock().advance(Duration::from_secs(20));
    }
    assert_eq!(world.cluster.writes(), before);
    world.cluster.patch("services", "shop", "web", &ports("TCP"));
    operator.until("it is taken back", || degraded().0 == "False").await;
}

#[tokio::test]
async fn a_service_that_becomes_an_ordinary_one_loses_its_tunnel_and_costs_no_more_reads() {
    for cleared in [json!(null), json!(["192.0.2.9"])] {
        let (world, mut operator) = active(TWO[0]).await;
        // The cluster clears the status of a Service of another type; its external IPs may have been refused, or stay.
        let change =
            json!({ "spec": { "type": "ClusterIP", "externalIPs": cleared }, "status": { "loadBalancer": null } });
        world.cluster.patch("services", "shop", "web", &change);
        let writes = || world.cluster.writes().get("PATCH services").copied();
        let before = writes();
        operator
            .until("the tunnel is gone", || world.tunnel("web-tunnel").is_null())
            .await;
        world.assert_empty("after the change");
        assert_eq!(writes(), before, "the address went into a Service that is not for it");
    }
    let world = World::new(TWO[0]);
    world.make_service("web");
    world
        .cluster
        .patch("services", "shop", "web", &json!({ "spec": { "type": "ClusterIP" } }));
    let mut operator = world.start();
    operator.round().await;
    assert_eq!((world.cluster.reads(), world.cluster.writes().len()), (0, 0));
}

#[tokio::test]
async fn port_changes_reach_the_client() {
    let (world, mut operator) = active(TWO[0]).await;
    world.cluster.patch(
        "services",
        "shop",
        "web",
        &json!({ "spec": { "ports": [{ "port": 443 }] } }),
    );
    let client = || {
        world
            .cluster
            .get("apps/deployments", "shop", "web-tunnel-client")
            .unwrap()
            .to_string()
    };
    operator
        .until("the client has the new port", || client().contains("--ports=443"))
        .await;
}

#[tokio::test]
async fn hundred_hosts_cost_one_list_a_poll() {
    let world = World::new(TWO[0]);
    for number in 0..100 {
        world.make_service(&format!("web-{number}"));
    }
    let mut operator = world.start();
    let all = || {
        world
            .cluster
            .list(TUNNELS)
            .iter()
            .filter(|tunnel| tunnel["status"]["hostStatus"] == "active")
            .count()
            == 100
    };
    operator.until("all are active", all).await;
    world.sim.clear_requests();
    for account in operator.context.accounts.all() {
        account.poll().await;
    }
    let requests = world.sim.requests().len();
    assert!(requests <= 2, "{requests} requests for 100 hosts");
}

/// 301 hosts are seven pages at Hetzner, which allows a request a second: half of them are for polls, a quarter for other
/// lists.
#[tokio::test]
async fn long_lists_are_read_less_often() {
    let world = World::new("hetzner");
    world.make_host("runner", json!({}));
    let mut operator = world.start();
    operator.round().await;
    let account = operator.context.accounts.all().remove(0);
    for number in 0..300 {
        let host = BasicHost::new(format!("other-{number}").parse().unwrap(), UserData::empty());
        let id = account.cloud().provision(&host).await.unwrap().id;
        let watcher = Watcher {
            kind: "Host",
            namespace: "shop".into(),
            name: host.name.to_string(),
        };
        account.watch(&id, None, &watcher);
    }
    let next = account.poll().await;
    let seconds = Duration::from_secs;
    assert_eq!((next.soonest, next.planned), (seconds(14), seconds(14)));
    let clock = world.sim.clock();
    let listed = account.list_begun_after(clock.now()).await.unwrap();
    assert!(matches!(listed, Listed::Hosts { hosts, .. } if hosts.len() == 301));
    clock.advance(seconds(20));
    let listed = account.list_begun_after(clock.now()).await.unwrap();
    assert!(matches!(listed, Listed::Wait(wait) if wait == seconds(8)), "{listed:?}");
    // News do not bring the next poll forward beyond that, nor does quiet hold it up for less than a minute.
    clock.advance(seconds(600));
    let next = account.poll().await;
    assert_eq!((next.soonest, next.planned), (seconds(14), seconds(60)));
}

#[test]
fn a_create_that_shows_up_late_is_still_found_by_the_deletion() {
    on_every_cloud(async |cloud| {
        // Dies as soon as the host exists, which is in no list for half a minute.
        let mut number = 0;
        let world = loop {
            let world = World::new(cloud);
            world.make_host("runner", json!({}));
            let late = Fault::new(Effect::LateVisibility { millis: 30_000 });
            world.sim.faults().add(late.times(1));
            let mut first = world.start_with(Gate::die_at(number, Fate::DieAfter));
            first.round().await;
            if world.hosts_at_cloud() == 1 {
                break world;
            }
            number += 1;
        };
        assert!(world.host("runner")["status"]["id"].is_null());
        let mut operator = world.start();
        world.cluster.delete(HOSTS, "shop", "runner");
        operator
            .until("the host resource is gone", || world.host("runner").is_null())
            .await;
        world.assert_empty("at the end");
    });
}

#[test]
fn what_a_host_resource_says_is_kept_to() {
    on_every_cloud(async |cloud| {
        let world = World::new(cloud);
        world.make_host("short", json!({ "ttl": "10m" }));
        world.make_host("kept", json!({ "deletionPolicy": "Retain" }));
        let mut operator = world.start();
        let phase = |name: &str| world.host(name)["status"]["phase"].clone();
        operator
            .until("both are active", || {
                phase("short") == "Active" && phase("kept") == "Active"
            })
            .await;
        let price = provision::find(cloud).unwrap().monthly_cost.amount;
        let told = world.host("kept")["status"]["monthlyCost"].is_string();
        assert_eq!(told, price.is_some(), "{cloud}");
        world.cluster.delete(HOSTS, "shop", "kept");
        operator
            .until("the resource is gone", || world.host("kept").is_null())
            .await;
        assert_eq!(world.hosts_at_cloud(), 2, "a retained host stays");
        operator
            .until("the time to live passes", || world.host("short").is_null())
            .await;
        assert_eq!(world.hosts_at_cloud(), 1);
    });
}

#[tokio::test]
async fn a_tunnel_of_inlets_operator_is_taken_over() {
    let (world, mut operator) = active(TWO[0]).await;
    // What it looked like before: no finalizer, no annotation.
    let version = json!({ "metadata": { "finalizers": [], "annotations": { "provision.dev/provider": null } } });
    world.cluster.patch(TUNNELS, "shop", "web-tunnel", &version);
    let id = world.tunnel("web-tunnel")["status"]["hostId"].clone();
    operator.round().await;
    let tunnel = world.tunnel("web-tunnel");
    assert_eq!(tunnel["metadata"]["finalizers"], json!(["provision.dev/host"]));
    assert_eq!((tunnel["status"]["hostId"].clone(), world.hosts_at_cloud()), (id, 1));
}

#[test]
fn orphans_are_reported_and_deleted_only_when_asked_to() {
    on_every_cloud(async |cloud| {
        let (world, mut operator) = active(cloud).await;
        assert!(
            orphans::check(&operator.context, true).await.unwrap().is_empty(),
            "a host with a resource is none"
        );
        // Somebody took the finalizer off by force.
        world.cluster.patch(
            TUNNELS,
            "shop",
            "web-tunnel",
            &json!({ "metadata": { "finalizers": [] } }),
        );
        world.cluster.delete("services", "shop", "web");
        assert!(world.tunnel("web-tunnel").is_null());
        world.sim.clock().advance(Duration::from_secs(11));
        let found = orphans::check(&operator.context, false).await.unwrap();
        assert_eq!((found.len(), found[0].deleted, world.hosts_at_cloud()), (1, false, 1));
        for _ in 0..5 {
            world.sim.clock().advance(Duration::from_secs(11));
            orphans::check(&operator.context, true).await.unwrap();
        }
        world.assert_empty("at the end");
        operator.round().await;
    });
}

#[test]
fn cleaning_up_leaves_neither_hosts_nor_finalizers() {
    on_every_cloud(async |cloud| {
        let (world, mut operator) = active(cloud).await;
        world.make_host("runner", json!({}));
        operator
            .until("the host is active", || {
                world.host("runner")["status"]["phase"] == "Active"
            })
            .await;
        drop(operator);
        let operator = world.start();
        let mut report = cleanup::Report::default();
        for _ in 0..20 {
            report = cleanup::run(&operator.context, Duration::ZERO, Duration::ZERO)
                .await
                .unwrap();
            if report.left.is_empty() {
                break;
            }
            world.sim.clock().advance(Duration::from_secs(5));
        }
        assert_eq!(report.left, Vec::<String>::new());
        assert!(world.tunnel("web-tunnel").is_null() && world.host("runner").is_null());
        world.assert_empty("at the end");
    });
}

#[test]
fn neither_token_nor_license_nor_user_data_is_in_a_status() {
    on_every_cloud(async |cloud| {
        let (world, mut operator) = active(cloud).await;
        world.make_host("runner", json!({ "userData": { "inline": "#!/bin/sh\n# hunter2\n" } }));
        operator
            .until("the host is active", || {
                world.host("runner")["status"]["phase"] == "Active"
            })
            .await;
        let secret = world.cluster.get("secrets", "shop", "web-tunnel").unwrap();
        let token: k8s_openapi::ByteString = serde_json::from_value(secret["data"]["token"].clone()).unwrap();
        let token = String::from_utf8(token.0).unwrap();
        let seen = format!(
            "{:?} {:?} {:?}",
            world.tunnel("web-tunnel"),
            world.host("runner")["status"],
            world.cluster.list("apps/deployments")
        );
        for text in [token.as_str(), "license-1", "hunter2"] {
            assert!(!seen.contains(text));
        }
    });
}
