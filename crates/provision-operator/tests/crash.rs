//! The operator dies before and after each of its writes to the cluster and each of its requests to the cloud. Its successor
//! finds one host, never two, and leaves none behind.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests"
)]

mod world;

use std::time::Duration;

use provision_sim::{Effect, Fault};
use serde_json::json;
use world::{
    World,
    clouds::{on, on_every_cloud, with_twins},
    gate::{Fate, Gate},
};

const FATES: [Fate; 2] = [Fate::DieBefore, Fate::DieAfter];

/// Runs a life up to its death at each call in turn. `live` says what the first operator does; `then` what comes after.
async fn at_every_call<L, T>(cloud: &'static str, prepare: impl AsyncFn(&World), live: L, then: T) -> usize
where
    L: AsyncFn(&World, &mut world::Operator),
    T: AsyncFn(&World, &str),
{
    let mut number = 0;
    loop {
        let mut reached = false;
        for fate in FATES {
            let world = World::new(cloud);
            prepare(&world).await;
            let mut first = world.start_with(Gate::die_at(number, fate));
            live(&world, &mut first).await;
            reached = first.gate.is_dead();
            if reached {
                let calls = first.gate.calls();
                let place = format!("{cloud}: {fate:?} at {number}: {:?}", calls.last());
                drop(first);
                then(&world, &place).await;
            }
        }
        if !reached {
            return number;
        }
        number += 1;
        assert!(number < 200, "a life has no end");
    }
}

async fn make(world: &World) {
    world.make_service("web");
    let mut spec = json!({ "userData": { "inline": "#!/bin/sh\ntrue\n" } });
    // A firewall is one more thing to lose, at clouds that have them.
    if provision::find(world.cloud).unwrap().capabilities.restrict_ports {
        spec["ports"] = json!(["22"]);
    }
    world.make_host("runner", spec);
}

fn is_made(world: &World) -> bool {
    world.is_active("web-tunnel") && world.host("runner")["status"]["phase"] == "Active"
}

async fn made(world: &World) {
    make(world).await;
    let mut operator = world.start();
    operator.until("both are active", || is_made(world)).await;
}

fn ask_to_delete(world: &World) {
    world.cluster.delete("services", "shop", "web");
    world.cluster.delete(world::HOSTS, "shop", "runner");
}

fn is_gone(world: &World) -> bool {
    world.tunnel("web-tunnel").is_null() && world.host("runner").is_null()
}

#[test]
fn a_successor_finds_the_one_host_of_each_resource() {
    on_every_cloud(async |cloud| {
        let calls = at_every_call(
            cloud,
            make,
            async |world, operator| operator.until("both are active", || is_made(world)).await,
            async |world, place| {
                let mut second = world.start();
                second.until(place, || is_made(world)).await;
                assert_eq!(world.hosts_at_cloud(), 2, "{place}");
                ask_to_delete(world);
                second.until(place, || is_gone(world)).await;
                world.assert_empty(place);
            },
        )
        .await;
        eprintln!("{cloud}: died at each of {calls} calls, twice");
        assert!(calls > 15, "{cloud}: only {calls} calls");
    });
}

#[test]
fn a_move_to_another_region_survives_a_crash_at_every_call() {
    // One that accepts the order and fails, one that begins to make the host, one that refuses, one whose lists are by region.
    on(&["gce", "azure", "digitalocean", "scaleway"], async |cloud| {
        let is_active = |world: &World| world.host("runner")["status"]["phase"] == "Active";
        let calls = at_every_call(
            cloud,
            async |world| {
                let regions = world.two_regions().await;
                world.make_host("runner", json!({ "regions": regions }));
                world.sim.faults().add(Fault::new(Effect::SoldOut).times(1));
            },
            async |world, operator| operator.until("it is active", || is_active(world)).await,
            async |world, place| {
                let mut second = world.start();
                second.until(place, || is_active(world)).await;
                assert_eq!(world.hosts_at_cloud(), 1, "{place}");
                world.cluster.delete(world::HOSTS, "shop", "runner");
                second.until(place, || world.host("runner").is_null()).await;
                world.assert_empty(place);
            },
        )
        .await;
        assert!(calls > 10, "{cloud}: only {calls} calls");
    });
}

#[test]
fn what_is_deleted_right_after_a_crash_leaves_nothing() {
    on_every_cloud(async |cloud| {
        let calls = at_every_call(
            cloud,
            make,
            async |world, operator| operator.until("both are active", || is_made(world)).await,
            async |world, place| {
                ask_to_delete(world);
                let mut second = world.start();
                second.until(place, || is_gone(world)).await;
                world.assert_empty(place);
            },
        )
        .await;
        assert!(calls > 15, "{cloud}: only {calls} calls");
    });
}

#[test]
fn a_deletion_survives_a_crash_at_every_call() {
    on_every_cloud(async |cloud| {
        let calls = at_every_call(
            cloud,
            made,
            async |world, operator| {
                ask_to_delete(world);
                operator.until("both are gone", || is_gone(world)).await;
            },
            async |world, place| {
                let mut second = world.start();
                second.until(place, || is_gone(world)).await;
                world.assert_empty(place);
            },
        )
        .await;
        eprintln!("{cloud}: died at each of {calls} calls, twice");
        assert!(calls > 8, "{cloud}: only {calls} calls");
    });
}

/// Two hosts with the key of one resource: a second one that lists show late is made first, or afterwards.
async fn twins(world: &World, is_older: bool) {
    world.make_host("runner", json!({ "userData": { "inline": "#!/bin/sh\ntrue\n" } }));
    let late = Fault::new(Effect::LateVisibility { millis: 4_000 });
    world.sim.faults().add(late.times(1));
    if !is_older {
        let mut operator = world.start();
        operator.round().await;
        world.sim.clock().advance(Duration::from_secs(2));
    }
    world.make_twin_of("runner").await;
    if is_older {
        world.sim.clock().advance(Duration::from_secs(2));
    }
}

#[test]
fn of_two_hosts_one_is_left_wherever_the_operator_dies() {
    on(&with_twins(), async |cloud| {
        for is_older in [true, false] {
            let is_settled = |world: &World| world.host("runner")["status"]["phase"] == "Active";
            let calls = at_every_call(
                cloud,
                async |world| twins(world, is_older).await,
                async |world, operator| operator.until("it is active", || is_settled(world)).await,
                async |world, place| {
                    let mut second = world.start();
                    second.until(place, || is_settled(world)).await;
                    assert_eq!(world.hosts_at_cloud(), 1, "{place}");
                    world.cluster.delete(world::HOSTS, "shop", "runner");
                    second.until(place, || world.host("runner").is_null()).await;
                    world.assert_empty(place);
                },
            )
            .await;
            eprintln!("{cloud}: died at each of {calls} calls, twice");
            assert!(calls > 8, "{cloud}: only {calls} calls");
        }
    });
}

#[test]
fn a_successor_that_cannot_see_the_first_host_yet_ends_with_one() {
    on(&with_twins(), async |cloud| {
        let mut number = 0;
        let world = loop {
            let world = World::new(cloud);
            world.make_host("runner", json!({}));
            let late = Fault::new(Effect::LateVisibility { millis: 4_000 });
            world.sim.faults().add(late.times(1));
            let mut first = world.start_with(Gate::die_at(number, Fate::DieAfter));
            first.round().await;
            if world.hosts_at_cloud() == 1 {
                break world;
            }
            number += 1;
        };
        world.sim.clock().advance(Duration::from_secs(2));
        let mut second = world.start();
        second.round().await;
        assert_eq!(world.hosts_at_cloud(), 2, "{cloud}: nothing to settle");
        second
            .until("it is active", || world.host("runner")["status"]["phase"] == "Active")
            .await;
        assert_eq!(world.hosts_at_cloud(), 1, "{cloud}");
    });
}
