//! Tunnels and hosts of inlets-operator, on every cloud that it knew.

use serde_json::json;

use super::reason;
use crate::world::{
    World,
    clouds::on,
    inlets::{CLOUDS, SHARED},
};

#[test]
fn a_tunnel_of_inlets_operator_is_taken_over_polled_and_deleted() {
    on(&CLOUDS, async |cloud| {
        let mut world = World::new(cloud);
        let id = world.leave_by_inlets_operator("web").await;
        let region = match cloud {
            "civo" => Some("LON1".to_owned()),
            "ec2" => Some("us-east-1".to_owned()),
            "scaleway" => Some("fr-par-1".to_owned()),
            _ => None,
        };
        world.setup.regions = region.into_iter().collect();
        let mut operator = world.start();
        operator
            .until("the tunnel is active", || world.is_active("web-tunnel"))
            .await;
        let tunnel = world.tunnel("web-tunnel");
        let stored = tunnel["status"]["hostId"].as_str().unwrap();
        assert!(
            stored == id || stored.starts_with(&format!("{id}|")),
            "{cloud}: {stored}"
        );
        assert_eq!(reason(&tunnel, "Ready").0, "True", "{cloud}: {tunnel:#}");
        let service = world.cluster.get("services", "shop", "web").unwrap();
        assert_eq!(service["spec"]["externalIPs"], json!([tunnel["status"]["hostIP"]]));
        assert_eq!(world.hosts_at_cloud(), 1, "{cloud}: no other host is made");

        // Nothing proves whose it is: without the flag it stays, and the tunnel says why.
        world.cluster.delete("services", "shop", "web");
        let told = || reason(&world.tunnel("web-tunnel"), "Degraded").1 == "UnmarkedHost";
        for mut operator in [operator, world.start()] {
            operator.until("it is told", told).await;
            operator.round().await;
        }
        assert!(world.tunnel("web-tunnel").to_string().contains("--adopt-unmarked"));
        assert_eq!(world.hosts_at_cloud(), 1);

        world.setup.adopt_unmarked = true;
        let mut operator = world.start();
        operator
            .until("the tunnel is gone", || world.tunnel("web-tunnel").is_null())
            .await;
        // The rule of the whole project is used by other hosts of inlets-operator.
        world.assert_empty_but(&[SHARED], "at the end");
        assert_eq!(world.cluster.events("NotOwnHost"), 0);
    });
}
