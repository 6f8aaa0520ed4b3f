//! Several hosts with the key of one resource, and hosts that exist in spite of an error.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use provision::{
    BasicHost, Catalog, CatalogQuery, Deletion, Error, ErrorKind, HostDeleteRequest, HostId, ListFilter, ProviderInfo,
    ProvisionedHost, Provisioner, Result,
};
use provision_operator::orphans;
use provision_sim::{Effect, Fault};
use serde_json::{Value, json};

use super::reason;
use crate::world::{
    Between, HOSTS, Setup, World,
    clouds::{TWO, on, with_twins},
};

fn next_host_is_late(world: &World, seconds: u64) {
    let late = Effect::LateVisibility { millis: seconds * 1000 };
    world.sim.faults().add(Fault::new(late).times(1));
}

fn id_of_runner(world: &World) -> Value {
    world.host("runner")["status"]["id"].clone()
}

fn is_active(world: &World) -> bool {
    world.host("runner")["status"]["phase"] == "Active"
}

/// What everybody ends with: the older host, whoever made it, and nothing of the other.
async fn one_is_left(world: &World, mut operator: crate::world::Operator, stays: &str) {
    assert_eq!(world.hosts_at_cloud(), 2, "{}: there is nothing to settle", world.cloud);
    operator.until("the host is active", || is_active(world)).await;
    assert_eq!((id_of_runner(world), world.hosts_at_cloud()), (json!(stays), 1));
    assert_eq!(world.cluster.events("SecondHost"), 1);
    // Settled is settled.
    let asked = |operator: &crate::world::Operator| operator.context.metrics.calls(world.cloud, "settle", "ok");
    let before = asked(&operator);
    for _ in 0..5 {
        operator.round().await;
        world.sim.clock().advance(Duration::from_secs(60));
    }
    assert_eq!((asked(&operator), is_active(world)), (before, true));
    world.cluster.delete(HOSTS, "shop", "runner");
    operator
        .until("the resource is gone", || world.host("runner").is_null())
        .await;
    world.assert_empty("at the end");
}

#[test]
fn a_younger_host_with_the_key_is_deleted() {
    on(&with_twins(), async |cloud| {
        let world = World::new(cloud);
        world.make_host("runner", json!({}));
        next_host_is_late(&world, 4);
        let mut operator = world.start();
        operator.round().await;
        world.sim.clock().advance(Duration::from_secs(2));
        world.make_twin_of("runner").await;
        let own = id_of_runner(&world);
        one_is_left(&world, operator, own.as_str().unwrap()).await;
    });
}

#[test]
fn an_older_host_with_the_key_becomes_the_resources_own() {
    on(&with_twins(), async |cloud| {
        let world = World::new(cloud);
        world.make_host("runner", json!({}));
        next_host_is_late(&world, 4);
        let twin = world.make_twin_of("runner").await;
        world.sim.clock().advance(Duration::from_secs(2));
        let mut operator = world.start();
        operator.round().await;
        assert_ne!(id_of_runner(&world), json!(twin.as_str()));
        one_is_left(&world, operator, twin.as_str()).await;
    });
}

#[tokio::test]
async fn a_host_that_was_settled_away_is_followed_by_the_one_that_stays() {
    let world = World::new(TWO[0]);
    world.make_host("runner", json!({}));
    next_host_is_late(&world, 4);
    let twin = world.make_twin_of("runner").await;
    let mut operator = world.start();
    operator.round().await;
    let own = HostId::new(id_of_runner(&world).as_str().unwrap()).unwrap();
    drop(operator);
    // Somebody else who waits for the twin deletes the operator's host.
    let mut operator = world.start();
    operator.round().await;
    let _ = world.by_hand().delete(&own.into()).await.unwrap();
    operator.until("the host is active", || is_active(&world)).await;
    assert_eq!(
        (id_of_runner(&world), world.hosts_at_cloud()),
        (json!(twin.as_str()), 1)
    );
}

#[tokio::test]
async fn a_host_that_no_list_shows_is_waited_for_but_not_for_ever() {
    let world = World::new(TWO[0]);
    world.make_host("runner", json!({}));
    next_host_is_late(&world, 86_400);
    let mut operator = world.start();
    let account = |operator: &crate::world::Operator| operator.context.accounts.all().remove(0);
    operator.round().await;
    let id = HostId::new(id_of_runner(&world).as_str().unwrap()).unwrap();
    let mut since = None;
    for _ in 0..100 {
        if is_active(&world) {
            break;
        }
        let host = account(&operator).cloud().status(&id).await.unwrap();
        if host.status == provision::HostStatus::Active {
            since.get_or_insert(world.sim.clock().now());
        }
        operator.round().await;
        world.sim.clock().advance(Duration::from_secs(2));
    }
    assert!(is_active(&world));
    let waited = world.sim.clock().now().duration_since(since.unwrap()).unwrap();
    let most = account(&operator).info().visible_within;
    assert!(waited >= most && waited < most + Duration::from_secs(30), "{waited:?}");
}

/// Two hosts for one resource, of which one is in no list until long after the resource is active.
async fn with_a_late_twin(cloud: &'static str) -> (World, crate::world::Operator) {
    let world = World::new(cloud);
    world.make_host("runner", json!({}));
    next_host_is_late(&world, 600);
    let mut operator = world.start();
    operator.until("the host is active", || is_active(&world)).await;
    world.make_twin_of("runner").await;
    assert_eq!(world.hosts_at_cloud(), 2, "{cloud}: there is no twin");
    (world, operator)
}

#[test]
fn a_second_host_of_a_living_resource_is_found_by_polls() {
    on(&with_twins(), async |cloud| {
        let (world, mut operator) = with_a_late_twin(cloud).await;
        // One host alone is not polled with a list.
        world.make_host("other", json!({}));
        operator
            .until("one is left for each", || {
                world.hosts_at_cloud() == 2 && world.host("other")["status"]["phase"] == "Active"
            })
            .await;
        assert!(is_active(&world));
        world.cluster.delete(HOSTS, "shop", "runner");
        world.cluster.delete(HOSTS, "shop", "other");
        operator
            .until("both are gone", || world.cluster.list(HOSTS).is_empty())
            .await;
        world.assert_empty("at the end");
    });
}

#[tokio::test]
async fn a_second_host_of_a_living_resource_is_reported_as_an_orphan_and_settled() {
    let (world, mut operator) = with_a_late_twin(TWO[0]).await;
    world.sim.clock().advance(Duration::from_secs(600));
    operator.round().await;
    assert_eq!(world.hosts_at_cloud(), 2, "one host is not polled with a list");
    let found = orphans::check(&operator.context, false).await.unwrap();
    assert_eq!((found.len(), found[0].deleted), (1, false));
    operator.until("one is left", || world.hosts_at_cloud() == 1).await;
    world.sim.clock().advance(Duration::from_secs(60));
    assert!(orphans::check(&operator.context, false).await.unwrap().is_empty());
    assert!(is_active(&world));
}

/// Makes a host, and says that something else failed; no list ever shows it.
#[derive(Debug)]
struct Halfway {
    cloud: Arc<dyn Provisioner>,
    mends: bool,
}

#[async_trait]
impl Provisioner for Halfway {
    fn info(&self) -> &'static ProviderInfo {
        self.cloud.info()
    }
    async fn provision(&self, host: &BasicHost) -> Result<ProvisionedHost> {
        let made = self.cloud.provision(host).await?;
        if self.mends && made.origin == Some(provision::Origin::Adopted) {
            return Ok(made);
        }
        Err(Error::new(ErrorKind::Unavailable, "its ports are still open").with_host(made.id))
    }
    async fn status(&self, id: &HostId) -> Result<ProvisionedHost> {
        self.cloud.status(id).await
    }
    async fn delete(&self, request: &HostDeleteRequest) -> Result<Deletion> {
        self.cloud.delete(request).await
    }
    async fn list(&self, filter: &ListFilter) -> Result<Vec<ProvisionedHost>> {
        match self.mends {
            true => self.cloud.list(filter).await,
            false => Ok(Vec::new()),
        }
    }
    async fn catalog(&self, query: &CatalogQuery) -> Result<Catalog> {
        self.cloud.catalog(query).await
    }
}

fn halfway(between: Between) -> World {
    let setup = Setup {
        between: Some(between),
        ..Setup::default()
    };
    let world = World::with(TWO[0], setup);
    world.make_host("runner", json!({}));
    world
}

#[tokio::test]
async fn a_host_that_exists_in_spite_of_an_error_is_deleted_by_its_id() {
    let world = halfway(|cloud| Arc::new(Halfway { cloud, mends: false }));
    let mut operator = world.start();
    operator.round().await;
    let runner = world.host("runner");
    assert!(runner["status"]["id"].is_string(), "{runner:#}");
    assert_eq!(runner["status"]["phase"], "Pending");
    assert_eq!(reason(&runner, "Degraded").1, "CloudUnavailable");
    assert!(
        runner["status"].to_string().contains("its ports are still open"),
        "{runner:#}"
    );
    drop(operator);
    world.cluster.delete(HOSTS, "shop", "runner");
    let mut operator = world.start();
    operator
        .until("the resource is gone", || world.host("runner").is_null())
        .await;
    world.assert_empty("at the end");
}

#[tokio::test]
async fn a_host_that_exists_in_spite_of_an_error_is_gone_on_with() {
    let world = halfway(|cloud| Arc::new(Halfway { cloud, mends: true }));
    let mut operator = world.start();
    operator.round().await;
    let id = id_of_runner(&world);
    assert!(id.is_string() && !is_active(&world));
    drop(operator);
    let mut operator = world.start();
    operator.until("the host is active", || is_active(&world)).await;
    assert_eq!((id_of_runner(&world), world.hosts_at_cloud()), (id, 1));
}
