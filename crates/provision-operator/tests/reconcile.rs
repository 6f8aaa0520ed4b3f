//! Every transition and every kind of trouble, against a cluster in memory and simulated clouds.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod world;

use std::time::Duration;

use provision_operator::{cleanup, orphans};
use provision_sim::{Effect, Fault};
use serde_json::{Value, json};
use world::{HOSTS, TUNNELS, World, clouds};

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

#[tokio::test]
async fn a_service_gets_the_hosts_address_and_loses_it_with_the_tunnel() {
    for cloud in clouds() {
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
        // A settled tunnel costs no further write.
        let before = world.cluster.writes();
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
        world.assert_empty();
        assert_eq!(service()["spec"]["externalIPs"], json!([]));
        assert_eq!(service()["status"]["loadBalancer"]["ingress"], json!([]));
    }
}

#[tokio::test]
async fn port_changes_reach_the_client() {
    let (world, mut operator) = active(clouds()[0]).await;
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
    let world = World::new(clouds()[0]);
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

#[tokio::test]
async fn a_create_that_shows_up_late_is_still_found_by_the_deletion() {
    for cloud in clouds() {
        let world = World::new(cloud);
        world.make_host("runner", json!({}));
        // The answer is lost, and the host is in no list for half a minute.
        world
            .sim
            .faults()
            .add(Fault::new(Effect::ResetAfter).method("POST").times(1));
        world
            .sim
            .faults()
            .add(Fault::new(Effect::LateVisibility { millis: 30_000 }).times(1));
        let mut operator = world.start();
        operator.round().await;
        assert_eq!(world.hosts_at_cloud(), 1, "{cloud}");
        assert!(world.host("runner")["status"]["id"].is_null());
        world.cluster.delete(HOSTS, "shop", "runner");
        operator
            .until("the host resource is gone", || world.host("runner").is_null())
            .await;
        world.assert_empty();
    }
}

#[tokio::test]
async fn a_rate_limit_is_waited_for_and_told() {
    let world = World::new(clouds()[0]);
    world.make_host("runner", json!({}));
    world
        .sim
        .faults()
        .add(Fault::new(Effect::RateLimited { retry_after: Some(60) }).times(1));
    let mut operator = world.start();
    operator.round().await;
    world.sim.clear_requests();
    for _ in 0..5 {
        operator.round().await;
        world.sim.clock().advance(Duration::from_secs(5));
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
}

#[tokio::test]
async fn refused_credentials_are_tried_again_when_they_change_and_never_taken_for_gone() {
    let (mut world, mut operator) = active(clouds()[0]).await;
    // The token is revoked, a deletion comes: nothing may be given up.
    world.sim.faults().add(Fault::new(Effect::Unauthorized));
    world.cluster.delete("services", "shop", "web");
    for _ in 0..40 {
        operator.round().await;
        world.sim.clock().advance(Duration::from_secs(5));
    }
    assert!(!world.tunnel("web-tunnel").is_null());
    let asked = world
        .sim
        .requests()
        .iter()
        .filter(|request| request.status == 401)
        .count();
    assert!(asked <= 3, "{asked} calls with a refused token in 200 seconds");
    world.sim.faults().clear();
    world.setup.token = None;
    operator
        .until("the tunnel is gone once the token is good", || {
            world.tunnel("web-tunnel").is_null()
        })
        .await;
    world.assert_empty();
}

#[tokio::test]
async fn a_secret_that_changes_is_a_new_attempt_at_once() {
    let world = World::new(clouds()[0]);
    let good: Vec<(&str, &str)> = provision_sim::clouds()
        .into_iter()
        .find(|known| known.id == world.cloud)
        .unwrap()
        .settings
        .to_vec();
    let encode = |text: &str| {
        let bytes = k8s_openapi::ByteString(text.as_bytes().to_vec());
        serde_json::to_value(bytes).unwrap()
    };
    let endpoint = World::settings(world.cloud).get("endpoint").unwrap().to_owned();
    let secret = |token: &str| json!({ "data": { "token": encode(token), "endpoint": encode(&endpoint) } });
    let mut made = secret("wrong");
    made["metadata"] = json!({ "name": "account", "namespace": "shop" });
    world.cluster.create("secrets", made);
    world.make_host(
        "runner",
        json!({ "provider": world.cloud, "credentialsRef": { "name": "account" } }),
    );
    let mut operator = world.start();
    operator
        .until("the refusal is told", || {
            reason(&world.host("runner"), "Degraded").1 == "Unauthorized"
        })
        .await;
    let token = good.iter().find(|(name, _)| *name == "token").unwrap().1;
    world.cluster.patch("secrets", "shop", "account", &secret(token));
    let before = world.sim.clock().now();
    operator
        .until("the host is active", || {
            world.host("runner")["status"]["phase"] == "Active"
        })
        .await;
    let took = world.sim.clock().now().duration_since(before).unwrap();
    assert!(took < Duration::from_secs(200), "{took:?}");
}

#[tokio::test]
async fn a_sold_out_plan_and_a_missing_secret_are_told_and_left_alone() {
    let world = World::new(clouds()[0]);
    world.make_host("runner", json!({}));
    world.make_host(
        "lost",
        json!({ "credentialsRef": { "name": "nowhere" }, "provider": world.cloud }),
    );
    world.sim.faults().add(Fault::new(Effect::SoldOut).times(1));
    let mut operator = world.start();
    operator.round().await;
    assert_eq!(reason(&world.host("runner"), "Degraded").1, "SoldOut");
    assert_eq!(reason(&world.host("lost"), "Degraded").1, "Unauthorized");
    operator
        .until("it is tried again", || {
            world.host("runner")["status"]["phase"] == "Active"
        })
        .await;
}

#[tokio::test]
async fn what_a_host_resource_says_is_kept_to() {
    for cloud in clouds() {
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
        assert!(world.host("kept")["status"]["monthlyCost"].is_string());
        world.cluster.delete(HOSTS, "shop", "kept");
        operator
            .until("the resource is gone", || world.host("kept").is_null())
            .await;
        assert_eq!(world.hosts_at_cloud(), 2, "a retained host stays");
        operator
            .until("the time to live passes", || world.host("short").is_null())
            .await;
        assert_eq!(world.hosts_at_cloud(), 1);
    }
}

#[tokio::test]
async fn a_host_that_somebody_else_deleted_is_told_after_a_while() {
    let (world, mut operator) = active(clouds()[0]).await;
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
}

#[tokio::test]
async fn the_budget_is_kept_from_the_start() {
    let (mut world, operator) = active(clouds()[0]).await;
    drop(operator);
    world.setup.max_hosts = Some(1);
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
async fn an_operator_of_another_cloud_never_calls_a_host_gone() {
    let clouds = clouds();
    let (mut world, operator) = active(clouds[0]).await;
    drop(operator);
    world.cloud = clouds[1];
    world.cluster.delete("services", "shop", "web");
    let mut moved = world.start();
    for _ in 0..30 {
        moved.round().await;
        world.sim.clock().advance(Duration::from_secs(10));
    }
    assert!(!world.tunnel("web-tunnel").is_null(), "the finalizer holds");
    assert_eq!(world.hosts_at_cloud(), 1);
    world.cloud = clouds[0];
    let mut back = world.start();
    back.until("the right cloud deletes it", || world.tunnel("web-tunnel").is_null())
        .await;
    world.assert_empty();
}

#[tokio::test]
async fn a_tunnel_of_inlets_operator_is_taken_over() {
    let (world, mut operator) = active(clouds()[0]).await;
    // What it looked like before: no finalizer, no annotation.
    let version = json!({ "metadata": { "finalizers": [], "annotations": { "provision.dev/provider": null } } });
    world.cluster.patch(TUNNELS, "shop", "web-tunnel", &version);
    let id = world.tunnel("web-tunnel")["status"]["hostId"].clone();
    operator.round().await;
    let tunnel = world.tunnel("web-tunnel");
    assert_eq!(tunnel["metadata"]["finalizers"], json!(["provision.dev/host"]));
    assert_eq!((tunnel["status"]["hostId"].clone(), world.hosts_at_cloud()), (id, 1));
}

#[tokio::test]
async fn orphans_are_reported_and_deleted_only_when_asked_to() {
    for cloud in clouds() {
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
        world.assert_empty();
        operator.round().await;
    }
}

#[tokio::test]
async fn cleaning_up_leaves_neither_hosts_nor_finalizers() {
    let (world, mut operator) = active(clouds()[0]).await;
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
    world.assert_empty();
}

#[tokio::test]
async fn neither_token_nor_license_nor_user_data_is_in_a_status() {
    let (world, mut operator) = active(clouds()[0]).await;
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
}
