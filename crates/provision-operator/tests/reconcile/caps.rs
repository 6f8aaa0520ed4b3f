//! What caps count: everything that bills, and nothing that somebody else pays.

use std::sync::Arc;

use async_trait::async_trait;
use provision::{
    BasicHost, Catalog, CatalogQuery, Deletion, HostDeleteRequest, HostId, ListFilter, ProviderInfo, ProvisionedHost,
    Provisioner, Result,
};
use provision_operator::budget::CostCap;
use serde_json::{Value, json};

use super::{reason, trouble::secret};
use crate::world::{
    HOSTS, Operator, World,
    clouds::{TWO, on_every_cloud},
};

fn host_in(world: &World, namespace: &str, name: &str, spec: Value) {
    let host = json!({
        "apiVersion": "provision.dev/v1alpha1", "kind": "Host", "metadata": { "name": name, "namespace": namespace },
        "spec": spec,
    });
    world.cluster.create(HOSTS, host);
}

fn in_namespace(world: &World, namespace: &str, name: &str) -> Value {
    world.cluster.get(HOSTS, namespace, name).unwrap_or_default()
}

fn is_active(world: &World, name: &str) -> bool {
    world.host(name)["status"]["phase"] == "Active"
}

fn is_over_budget(host: &Value) -> bool {
    reason(host, "Degraded").1 == "OverBudget"
}

/// Makes a host that stays behind its resource.
async fn retain(world: &World, operator: &mut Operator) {
    world.make_host("kept", json!({ "deletionPolicy": "Retain" }));
    operator.until("the host is active", || is_active(world, "kept")).await;
    world.cluster.delete(HOSTS, "shop", "kept");
    operator
        .until("the resource is gone", || world.host("kept").is_null())
        .await;
}

#[test]
fn a_retained_host_goes_on_counting_until_it_is_gone() {
    on_every_cloud(async |cloud| {
        let mut world = World::new(cloud);
        world.setup.caps.max_hosts = Some(1);
        let mut operator = world.start();
        retain(&world, &mut operator).await;
        world.make_host("next", json!({}));
        // Neither the operator that saw it go nor one that has to find it makes another.
        for mut operator in [operator, world.start()] {
            operator.context.count_what_exists().await.unwrap();
            for _ in 0..10 {
                operator.round().await;
                world.sim.clock().advance(std::time::Duration::from_secs(30));
            }
            assert!(is_over_budget(&world.host("next")), "{cloud}: {:#}", world.host("next"));
            assert_eq!(world.hosts_at_cloud(), 1, "{cloud}");
        }
        let kept = world.by_hand().list(&everywhere(&world)).await.unwrap().remove(0);
        while !world.by_hand().delete(&kept.id.clone().into()).await.unwrap().is_over() {
            world.sim.clock().advance(std::time::Duration::from_secs(5));
        }
        let mut operator = world.start();
        operator
            .until("there is room again", || is_active(&world, "next"))
            .await;
    });
}

fn everywhere(world: &World) -> ListFilter {
    match world.by_hand().info().capabilities.lists_all_regions {
        true => ListFilter::all(),
        false => ListFilter::all().with_region(provision::RegionFilter::All),
    }
}

#[tokio::test]
async fn a_retained_host_costs_what_its_plan_costs() {
    let mut world = World::new(TWO[0]);
    let price = provision::find(TWO[0]).unwrap().monthly_cost.amount.unwrap();
    world.setup.caps.max_monthly_cost = Some(CostCap::Single(price * 1.5));
    let mut operator = world.start();
    retain(&world, &mut operator).await;
    world.make_host("next", json!({}));
    for mut operator in [operator, world.start()] {
        operator.round().await;
        operator.round().await;
        assert!(is_over_budget(&world.host("next")));
    }
    assert_eq!(world.hosts_at_cloud(), 1);
}

#[tokio::test]
async fn hosts_on_a_tenants_credentials_take_no_room_from_the_operators() {
    let mut world = World::new(TWO[0]);
    world.setup.caps.max_hosts = Some(1);
    world.cluster.create("secrets", secret(TWO[1], &[]));
    let theirs = json!({ "provider": TWO[1], "credentialsRef": { "name": "account" } });
    world.make_host("theirs", theirs.clone());
    let mut operator = world.start();
    operator
        .until("the tenant's host is active", || is_active(&world, "theirs"))
        .await;
    world.make_host("ours", json!({}));
    operator
        .until("the operator's host is active", || is_active(&world, "ours"))
        .await;
    world.make_host("theirs-2", theirs);
    world.make_host("ours-2", json!({}));
    operator.round().await;
    operator.round().await;
    for name in ["theirs-2", "ours-2"] {
        assert!(is_over_budget(&world.host(name)), "{name}");
    }
}

#[tokio::test]
async fn a_namespace_has_caps_of_its_own_also_after_a_restart() {
    let mut world = World::new(TWO[0]);
    world.setup.caps.max_hosts_per_namespace = Some(1);
    let mut operator = world.start();
    retain(&world, &mut operator).await;
    world.make_host("next", json!({}));
    host_in(&world, "other", "one", json!({}));
    host_in(&world, "other", "two", json!({}));
    for mut operator in [operator, world.start()] {
        operator.context.count_what_exists().await.unwrap();
        operator
            .until("the other namespace has its host", || {
                in_namespace(&world, "other", "one")["status"]["phase"] == "Active"
            })
            .await;
        operator.round().await;
        assert!(is_over_budget(&world.host("next")));
        assert!(is_over_budget(&in_namespace(&world, "other", "two")));
    }
    assert_eq!(world.hosts_at_cloud(), 2);
}

/// Says of every plan but the default one that it costs this.
#[derive(Debug)]
struct Priced {
    cloud: Arc<dyn Provisioner>,
    price: Option<f64>,
}

#[async_trait]
impl Provisioner for Priced {
    fn info(&self) -> &'static ProviderInfo {
        self.cloud.info()
    }
    async fn provision(&self, host: &BasicHost) -> Result<ProvisionedHost> {
        self.cloud.provision(host).await
    }
    async fn status(&self, id: &HostId) -> Result<ProvisionedHost> {
        self.cloud.status(id).await
    }
    async fn delete(&self, request: &HostDeleteRequest) -> Result<Deletion> {
        self.cloud.delete(request).await
    }
    async fn list(&self, filter: &ListFilter) -> Result<Vec<ProvisionedHost>> {
        self.cloud.list(filter).await
    }
    async fn catalog(&self, query: &CatalogQuery) -> Result<Catalog> {
        let mut catalog = self.cloud.catalog(query).await?;
        for plan in &mut catalog.plans {
            plan.monthly_cost = self.price;
        }
        Ok(catalog)
    }
}

#[tokio::test]
async fn a_price_that_is_none_opens_no_gate() {
    let clouds: [crate::world::Between; 4] = [
        |cloud| {
            Arc::new(Priced {
                cloud,
                price: Some(-1_000.0),
            })
        },
        |cloud| {
            Arc::new(Priced {
                cloud,
                price: Some(f64::NAN),
            })
        },
        |cloud| {
            Arc::new(Priced {
                cloud,
                price: Some(f64::NEG_INFINITY),
            })
        },
        |cloud| Arc::new(Priced { cloud, price: None }),
    ];
    for between in clouds {
        let mut world = World::new(TWO[0]);
        world.setup.between = Some(between);
        world.setup.caps.max_monthly_cost = Some(CostCap::Single(1.0));
        let info = provision::find(TWO[0]).unwrap();
        let plans = world.by_hand().catalog(&CatalogQuery::plans()).await.unwrap().plans;
        let plan = plans.into_iter().find(|plan| plan.id != info.default_plan).unwrap().id;
        world.make_host("cheap", json!({ "plan": plan }));
        world.make_host("next", json!({}));
        let mut operator = world.start();
        operator.round().await;
        operator.round().await;
        assert!(is_over_budget(&world.host("cheap")), "{:#}", world.host("cheap"));
        assert!(is_over_budget(&world.host("next")));
        assert_eq!(world.hosts_at_cloud(), 0);
    }
}

#[tokio::test]
async fn a_tenant_does_not_hide_a_host_behind_labels() {
    let world = World::new(TWO[0]);
    world.make_host("hidden", json!({ "labels": { "kubernetes-cluster": "elsewhere" } }));
    let mut operator = world.start();
    operator.round().await;
    assert_eq!(reason(&world.host("hidden"), "Degraded").1, "InvalidRequest");
    assert_eq!(world.hosts_at_cloud(), 0);
}
