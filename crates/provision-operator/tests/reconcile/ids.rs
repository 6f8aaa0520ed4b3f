//! Ids in a status that cannot be used as they are.

use std::time::Duration;

use provision_sim::{Effect, Fault};
use serde_json::{Value, json};

use super::{active, reason};
use crate::world::{
    HOSTS, TUNNELS, World,
    clouds::{TWO, every_cloud, on},
};

/// A Tunnel as inlets-operator left it, with the id that it stored, and the parts of its whole id.
async fn left_by_inlets_operator(cloud: &'static str) -> (World, String, [String; 2]) {
    let (world, operator) = active(cloud).await;
    drop(operator);
    let whole = world.tunnel("web-tunnel")["status"]["hostId"]
        .as_str()
        .unwrap()
        .to_owned();
    let (id, region) = whole.split_once('|').unwrap();
    let parts = [id.to_owned(), region.to_owned()];
    let bare = json!({ "metadata": { "finalizers": [], "annotations": { "provision.dev/provider": null } } });
    world.cluster.patch(TUNNELS, "shop", "web-tunnel", &bare);
    let short = json!({ "status": { "hostId": id } });
    world.cluster.patch_status(TUNNELS, "shop", "web-tunnel", &short);
    (world, whole, parts)
}

fn by_region() -> Vec<&'static str> {
    let clouds = ["civo", "ec2", "scaleway"].into_iter();
    clouds.filter(|cloud| every_cloud().contains(cloud)).collect()
}

#[test]
fn an_id_without_its_region_is_completed_with_the_operators_own() {
    on(&by_region(), async |cloud| {
        let (mut world, whole, [_, region]) = left_by_inlets_operator(cloud).await;
        // Civo answers regions in upper case, whatever was asked.
        world.setup.regions = vec![if cloud == "civo" { region.to_lowercase() } else { region }];
        let mut operator = world.start();
        operator.round().await;
        assert_eq!(world.tunnel("web-tunnel")["status"]["hostId"], json!(whole));
        operator.round().await;
        assert!(world.is_active("web-tunnel"));
        world.cluster.delete("services", "shop", "web");
        operator
            .until("the tunnel is gone", || world.tunnel("web-tunnel").is_null())
            .await;
        world.assert_empty("at the end");
    });
}

#[test]
fn an_id_without_its_region_is_never_guessed_and_its_host_never_called_gone() {
    on(&by_region(), async |cloud| {
        let (mut world, _, [id, region]) = left_by_inlets_operator(cloud).await;
        let elsewhere = match cloud {
            "civo" => "FRA1",
            "ec2" => "eu-west-1",
            _ => "pl-waw-1",
        };
        assert_ne!(region, elsewhere);
        for (given, advice) in [(None, "lacks its region"), (Some(elsewhere), elsewhere)] {
            world.setup.regions = given.into_iter().map(str::to_owned).collect();
            let mut operator = world.start();
            for _ in 0..60 {
                operator.round().await;
                world.sim.clock().advance(Duration::from_secs(10));
            }
            let tunnel = world.tunnel("web-tunnel");
            assert_eq!(reason(&tunnel, "Degraded").1, "IncompleteId", "{tunnel:#}");
            let told = tunnel["status"].to_string();
            assert!(told.contains(advice) && told.contains("--region"), "{told}");
            assert_eq!(
                (&tunnel["status"]["hostId"], &tunnel["status"]["hostStatus"]),
                (&json!(id), &json!("active"))
            );
        }
        world.cluster.delete("services", "shop", "web");
        let mut operator = world.start();
        for _ in 0..30 {
            operator.round().await;
            world.sim.clock().advance(Duration::from_secs(10));
        }
        assert!(!world.tunnel("web-tunnel").is_null(), "the finalizer holds");
        world.setup.regions = vec![region];
        let mut operator = world.start();
        operator
            .until("the tunnel is gone", || world.tunnel("web-tunnel").is_null())
            .await;
        world.assert_empty("at the end");
    });
}

#[tokio::test]
async fn an_id_that_is_none_is_told_and_holds_nobody_up() {
    let world = World::new(TWO[0]);
    world.make_host("odd", json!({}));
    let mut operator = world.start();
    operator
        .until("the host is active", || {
            world.host("odd")["status"]["phase"] == "Active"
        })
        .await;
    let id = world.host("odd")["status"]["id"].clone();
    let store = |id: &Value| {
        let status = json!({ "status": { "id": id } });
        world.cluster.patch_status(HOSTS, "shop", "odd", &status);
    };
    store(&json!("0-no-number"));
    // Two hosts that no list shows are asked for one by one, the odd one first.
    let late = Effect::LateVisibility { millis: 86_400_000 };
    world.sim.faults().add(Fault::new(late).times(1));
    world.make_host("runner", json!({}));
    let mut operator = world.start();
    operator
        .until("the other host is active", || {
            world.host("runner")["status"]["phase"] == "Active"
        })
        .await;
    operator.round().await;
    let odd = world.host("odd");
    assert_eq!(reason(&odd, "Degraded"), ("True".to_owned(), "Unknown".to_owned()));
    assert!(odd["status"].to_string().contains("is not a host id"), "{odd:#}");
    store(&id);
    operator
        .until("it is seen again", || world.host("odd")["status"]["phase"] == "Active")
        .await;
}
