//! No room, or a host that could not be built: the next region or plan that is given is tried.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use provision::{
    BasicHost, Catalog, CatalogQuery, Deletion, HostDeleteRequest, HostId, HostStatus, ListFilter, ProviderInfo,
    ProvisionedHost, Provisioner, RegionFilter, Result,
};
use provision_sim::{Effect, Fault};
use serde_json::json;

use super::reason;
use crate::world::{
    HOSTS, World,
    clouds::{on, on_every_cloud},
};

/// Clouds that accept an order and say later that there is no room.
const ACCEPTS: [&str; 2] = ["gce", "openstack"];

async fn region_at_cloud(world: &World) -> Vec<String> {
    let all = ListFilter::all().with_region(RegionFilter::All);
    let hosts = world.by_hand().list(&all).await.unwrap();
    hosts
        .into_iter()
        .map(|host| host.region.unwrap().to_lowercase())
        .collect()
}

#[test]
fn a_host_is_made_in_the_next_region_when_there_is_no_room_in_one() {
    on_every_cloud(async |cloud| {
        let world = World::new(cloud);
        let regions = world.two_regions().await;
        let mut spec = json!({ "regions": regions });
        // A firewall is one more thing to leave behind.
        if world.by_hand().info().capabilities.restrict_ports {
            spec["ports"] = json!(["22"]);
        }
        world.make_host("runner", spec);
        world.sim.faults().add(Fault::new(Effect::SoldOut).times(1));
        let mut operator = world.start();
        operator
            .until("it is active", || world.host("runner")["status"]["phase"] == "Active")
            .await;
        let runner = world.host("runner");
        assert_eq!(region_at_cloud(&world).await, [regions[1].to_lowercase()], "{runner:#}");
        let shown = runner["status"]["region"].as_str().unwrap().to_lowercase();
        assert_eq!(shown, regions[1].to_lowercase());
        assert_eq!(reason(&runner, "Degraded").0, "False");
        world.cluster.delete(HOSTS, "shop", "runner");
        operator.until("it is gone", || world.host("runner").is_null()).await;
        world.assert_empty("at the end");
    });
}

/// What was made before the host, as Civo's and Scaleway's firewalls, could not be taken back when the host was refused.
#[test]
fn nothing_stays_in_a_region_that_is_left() {
    on(&["civo", "scaleway"], async |cloud| {
        let world = World::new(cloud);
        let regions = world.two_regions().await;
        world.make_host("runner", json!({ "regions": regions, "ports": ["22"] }));
        let faults = world.sim.faults();
        faults.add(Fault::new(Effect::SoldOut).times(1));
        faults.add(
            Fault::new(Effect::ServerError { status: 500 })
                .method("DELETE")
                .times(1),
        );
        let mut operator = world.start();
        operator
            .until("it is active", || world.host("runner")["status"]["phase"] == "Active")
            .await;
        assert!(
            faults.list().iter().all(|fault| fault.applied == 1),
            "{:?}",
            faults.list()
        );
        assert_eq!(region_at_cloud(&world).await, [regions[1].to_lowercase()]);
        let mut made = world.made();
        assert!(
            made.iter().any(|item| item.region.eq_ignore_ascii_case(&regions[1])),
            "{made:#?}"
        );
        made.retain(|item| item.region.eq_ignore_ascii_case(&regions[0]));
        assert!(made.is_empty(), "{made:#?}");
        world.cluster.delete(HOSTS, "shop", "runner");
        operator.until("it is gone", || world.host("runner").is_null()).await;
        world.assert_empty("at the end");
    });
}

#[test]
fn a_tunnels_host_goes_where_there_is_room_too() {
    on_every_cloud(async |cloud| {
        let mut world = World::new(cloud);
        let regions = world.two_regions().await;
        world.setup.regions = regions.to_vec();
        world.make_service("web");
        world.sim.faults().add(Fault::new(Effect::SoldOut).times(1));
        let mut operator = world.start();
        operator
            .until("the tunnel is active", || world.is_active("web-tunnel"))
            .await;
        assert_eq!(region_at_cloud(&world).await, [regions[1].to_lowercase()]);
        world.cluster.delete("services", "shop", "web");
        operator
            .until("the tunnel is gone", || world.tunnel("web-tunnel").is_null())
            .await;
        world.assert_empty("at the end");
    });
}

#[test]
fn where_there_is_no_room_anywhere_it_begins_again_after_a_while() {
    on_every_cloud(async |cloud| {
        let world = World::new(cloud);
        let regions = world.two_regions().await;
        world.make_host("runner", json!({ "regions": regions }));
        let fault = world.sim.faults().add(Fault::new(Effect::SoldOut));
        let mut operator = world.start();
        let why = || reason(&world.host("runner"), "Degraded").1;
        // Hosts that were accepted and failed are not made again and again. Azure has begun to make it.
        let (last, message, at) = match cloud {
            cloud if ACCEPTS.contains(&cloud) => ("Failed", "", 1),
            "azure" => ("SoldOut", "", 1),
            _ => ("SoldOut", "the last of 2 choices", 0),
        };
        let all_tried = || {
            let runner = world.host("runner");
            let attempt = runner["metadata"]["annotations"]["provision.dev/attempt"].as_str();
            let told = runner["status"]["conditions"].to_string();
            attempt.is_some_and(|attempt| attempt.starts_with(&at.to_string()))
                && why() == last
                && told.contains(message)
        };
        operator.until("everything was tried", all_tried).await;
        let begun = world.sim.clock().now();
        world.sim.faults().remove(fault);
        if ACCEPTS.contains(&cloud) {
            for _ in 0..30 {
                operator.round().await;
                world.sim.clock().advance(Duration::from_secs(60));
            }
            assert_eq!(world.host("runner")["status"]["phase"], "Failed");
        } else {
            operator
                .until("it is active", || world.host("runner")["status"]["phase"] == "Active")
                .await;
            let took = world.sim.clock().now().duration_since(begun).unwrap();
            assert!(took > Duration::from_secs(20), "it was tried again at once");
            assert_eq!(region_at_cloud(&world).await, [regions[at].to_lowercase()]);
        }
        world.cluster.delete(HOSTS, "shop", "runner");
        operator.until("it is gone", || world.host("runner").is_null()).await;
        world.assert_empty("at the end");
    });
}

#[test]
fn a_host_that_failed_is_gone_before_the_next_one_is_asked_for() {
    on(&ACCEPTS, async |cloud| {
        let world = World::new(cloud);
        let regions = world.two_regions().await;
        world.make_host("runner", json!({ "regions": regions }));
        world.sim.faults().add(Fault::new(Effect::SoldOut).times(1));
        let mut operator = world.start();
        let mut told = String::new();
        for _ in 0..500 {
            operator.round().await;
            assert!(world.hosts_at_cloud() <= 1, "two hosts at a time");
            let runner = world.host("runner");
            assert_ne!(runner["status"]["phase"], "Failed", "it has not failed for good");
            told.push_str(&runner["status"]["conditions"].to_string());
            if runner["status"]["phase"] == "Active" {
                break;
            }
            world.sim.clock().advance(Duration::from_secs(2));
        }
        assert_eq!(world.host("runner")["status"]["phase"], "Active");
        assert!(told.contains("HostGivenUp") && told.contains(&regions[1]), "{told}");
    });
}

/// A cloud on which every host has failed.
#[derive(Debug)]
struct Failing(Arc<dyn Provisioner>);

fn failed(mut host: ProvisionedHost) -> ProvisionedHost {
    host.status = HostStatus::Failed;
    host
}

#[async_trait]
impl Provisioner for Failing {
    fn info(&self) -> &'static ProviderInfo {
        self.0.info()
    }
    async fn provision(&self, host: &BasicHost) -> Result<ProvisionedHost> {
        self.0.provision(host).await
    }
    async fn status(&self, id: &HostId) -> Result<ProvisionedHost> {
        self.0.status(id).await.map(failed)
    }
    async fn delete(&self, request: &HostDeleteRequest) -> Result<Deletion> {
        self.0.delete(request).await
    }
    async fn list(&self, filter: &ListFilter) -> Result<Vec<ProvisionedHost>> {
        let hosts = self.0.list(filter).await?;
        Ok(hosts.into_iter().map(failed).collect())
    }
    async fn catalog(&self, query: &CatalogQuery) -> Result<Catalog> {
        self.0.catalog(query).await
    }
}

#[test]
fn a_host_that_had_an_address_is_never_given_up() {
    on_every_cloud(async |cloud| {
        let mut world = World::new(cloud);
        let regions = world.two_regions().await;
        world.make_host("runner", json!({ "regions": regions }));
        let mut operator = world.start();
        operator
            .until("it is active", || world.host("runner")["status"]["phase"] == "Active")
            .await;
        drop(operator);
        let id = world.host("runner")["status"]["id"].clone();
        // It is restarted, which looks like the beginning, and does not come up again.
        let status = json!({ "status": { "phase": "Provisioning" } });
        world.cluster.patch_status(HOSTS, "shop", "runner", &status);
        assert_eq!(world.host("runner")["status"]["phase"], "Provisioning");
        world.setup.between = Some(|cloud| Arc::new(Failing(cloud)));
        let mut operator = world.start();
        operator
            .until("it has failed", || world.host("runner")["status"]["phase"] == "Failed")
            .await;
        for _ in 0..5 {
            operator.round().await;
            world.sim.clock().advance(Duration::from_secs(60));
        }
        let runner = world.host("runner");
        assert_eq!(runner["status"]["id"], id, "{runner:#}");
        assert_eq!(region_at_cloud(&world).await, [regions[0].to_lowercase()]);
    });
}
