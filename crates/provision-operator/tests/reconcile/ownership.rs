//! Ids in a status that lead to somebody else's host: whoever may patch the status writes what they like.

use std::time::Duration;

use provision::{BasicHost, HostId, HostStatus, UserData};
use serde_json::{Value, json};

use crate::world::{
    HOSTS, TUNNELS, World,
    clouds::{TWO, on_every_cloud},
};

fn phase(world: &World, name: &str) -> Value {
    world.host(name)["status"]["phase"].clone()
}

fn id_of(world: &World, name: &str) -> Value {
    world.host(name)["status"]["id"].clone()
}

fn forge(world: &World, name: &str, status: &Value) {
    let status = json!({ "status": status });
    world.cluster.patch_status(HOSTS, "shop", name, &status);
}

/// A machine of the account that nobody here made a resource for.
async fn make_victim(world: &World) -> HostId {
    let host = BasicHost::new("database".parse().unwrap(), UserData::empty());
    world.by_hand().provision(&host).await.unwrap().id
}

async fn assert_lives(world: &World, victim: &HostId) {
    let status = world.by_hand().status(victim).await.map(|host| host.status);
    assert!(
        !matches!(status, Ok(HostStatus::Deleting) | Err(_)),
        "{}: {status:?}",
        world.cloud
    );
}

#[test]
fn a_host_that_only_the_status_names_is_never_deleted() {
    on_every_cloud(async |cloud| {
        let world = World::new(cloud);
        let victim = make_victim(&world).await;
        world.make_host("runner", json!({}));
        let mut operator = world.start();
        operator
            .until("the host is active", || phase(&world, "runner") == "Active")
            .await;
        forge(&world, "runner", &json!({ "id": victim.as_str() }));
        world.cluster.delete(HOSTS, "shop", "runner");
        // Neither the operator that knows the host from its lists nor one that has just started believes it.
        let mut operators = [operator, world.start()];
        for operator in &mut operators {
            operator.round().await;
            assert_lives(&world, &victim).await;
        }
        let [_, mut operator] = operators;
        operator
            .until("the resource is gone", || world.host("runner").is_null())
            .await;
        assert_lives(&world, &victim).await;
        assert_eq!(world.hosts_at_cloud(), 1, "{cloud}: the resource's own host is deleted");
        assert!(world.cluster.events("NotOwnHost") > 0);
    });
}

#[test]
fn a_resource_goes_back_from_anothers_host_to_its_own() {
    on_every_cloud(async |cloud| {
        let world = World::new(cloud);
        let victim = make_victim(&world).await;
        world.make_host("runner", json!({}));
        let mut operator = world.start();
        operator
            .until("the host is active", || phase(&world, "runner") == "Active")
            .await;
        let own = id_of(&world, "runner");
        // As if it were about to become active, and as if it were not made yet: second hosts are deleted then.
        for phase_now in ["Active", "Provisioning", "Pending"] {
            forge(&world, "runner", &json!({ "id": victim.as_str(), "phase": phase_now }));
            let mut operator = world.start();
            operator
                .until("it has its own again", || id_of(&world, "runner") == own)
                .await;
            operator
                .until("it is active", || phase(&world, "runner") == "Active")
                .await;
            assert_lives(&world, &victim).await;
        }
        assert_eq!(world.hosts_at_cloud(), 2);
    });
}

#[tokio::test]
async fn whoever_names_anothers_host_takes_no_news_from_it() {
    let world = World::new(TWO[0]);
    world.make_host("thief", json!({}));
    world.make_host("victim", json!({}));
    let mut operator = world.start();
    let active = |name: &str| phase(&world, name) == "Active";
    operator
        .until("both are active", || active("thief") && active("victim"))
        .await;
    forge(&world, "thief", &json!({ "id": id_of(&world, "victim") }));
    let mut operator = world.start();
    operator
        .until("the thief has its own again", || {
            id_of(&world, "thief") != id_of(&world, "victim")
        })
        .await;
    let id = HostId::new(id_of(&world, "victim").as_str().unwrap()).unwrap();
    let _ = world.by_hand().delete(&id.into()).await.unwrap();
    operator
        .until("the victim hears of it", || phase(&world, "victim") == "Gone")
        .await;
}

#[tokio::test]
async fn a_list_that_lacks_the_host_does_not_make_it_anothers() {
    let world = World::new(TWO[0]);
    world.make_host("runner", json!({}));
    let late = provision_sim::Effect::LateVisibility { millis: 86_400_000 };
    world.sim.faults().add(provision_sim::Fault::new(late).times(1));
    let mut operator = world.start();
    operator.round().await;
    assert!(id_of(&world, "runner").is_string());
    drop(operator);
    world.cluster.delete(HOSTS, "shop", "runner");
    world.sim.clear_requests();
    let mut operator = world.start();
    operator
        .until("the resource is gone", || world.host("runner").is_null())
        .await;
    world.assert_empty("at the end");
    // The proof is one request of a new operator, and none of one that has seen the host.
    let asked = |operator: &crate::world::Operator| operator.context.metrics.calls(TWO[0], "status", "ok");
    assert_eq!(asked(&operator), 1);
    world.make_host("other", json!({}));
    operator
        .until("it is active", || phase(&world, "other") == "Active")
        .await;
    let before = asked(&operator);
    world.cluster.delete(HOSTS, "shop", "other");
    // Polls ask for a single host by its status, too: none meanwhile.
    while !world.host("other").is_null() {
        operator.reconcile_all().await;
        world.sim.clock().advance(Duration::from_secs(5));
    }
    assert_eq!(asked(&operator), before);
}

#[test]
fn a_tunnel_takes_no_machine_that_is_not_as_inlets_operator_made_it() {
    on_every_cloud(async |cloud| {
        let mut world = World::new(cloud);
        world.setup.adopt_unmarked = true;
        let victim = make_victim(&world).await;
        world.make_service("web");
        let mut operator = world.start();
        operator
            .until("the tunnel is active", || world.is_active("web-tunnel"))
            .await;
        let status = json!({ "status": { "hostId": victim.as_str() } });
        world.cluster.patch_status(TUNNELS, "shop", "web-tunnel", &status);
        world.cluster.delete("services", "shop", "web");
        let mut operator = world.start();
        operator
            .until("the tunnel is gone", || world.tunnel("web-tunnel").is_null())
            .await;
        world.sim.clock().advance(Duration::from_secs(60));
        assert_lives(&world, &victim).await;
        assert_eq!(world.hosts_at_cloud(), 1);
    });
}
