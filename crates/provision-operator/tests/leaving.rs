//! Removal when something that it needs is gone already.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod world;

use std::time::Duration;

use k8s_openapi::ByteString;
use serde_json::{Value, json};
use world::{HOSTS, World, clouds};

#[tokio::test]
async fn a_namespace_is_deleted_with_the_credentials_of_its_hosts() {
    let (own, other) = (clouds()[0], clouds()[1]);
    let world = World::new(own);
    let settings = World::settings(other);
    let data: serde_json::Map<String, Value> = settings
        .names()
        .map(|name| {
            let value = settings.get(name).unwrap().as_bytes().to_vec();
            (name.to_owned(), json!(ByteString(value)))
        })
        .collect();
    let secret = json!({ "metadata": { "name": "account", "namespace": "shop" }, "data": data });
    world.cluster.create("secrets", secret);
    world.make_host(
        "runner",
        json!({ "provider": other, "credentialsRef": { "name": "account" } }),
    );
    let mut operator = world.start();
    operator
        .until("the host is active", || {
            world.host("runner")["status"]["phase"] == "Active"
        })
        .await;
    // The order in which a cluster empties a namespace, long after the Secret was last read.
    world.cluster.delete("secrets", "shop", "account");
    world.sim.clock().advance(Duration::from_secs(600));
    world.cluster.delete(HOSTS, "shop", "runner");
    operator
        .until("the host is gone", || world.host("runner").is_null())
        .await;
    world.assert_empty();
}
