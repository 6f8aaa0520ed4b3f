//! What the wire tests share: a provider in front of a mock server, and the vendor's answers. They are shortened
//! recordings from the vendor's own SDK, CLI and Terraform repositories (2025-11 to 2026-08).

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "not every test needs everything; a failed check ends the test"
)]

use std::time::{Duration, SystemTime};

use provision_core::{BasicHost, HostId, IdempotencyKey, Labels, OpenPorts, Settings, UserData};
use provision_scaleway::Scaleway;
use provision_testkit::{
    wire::{self, answer},
    wiremock::MockServer,
};
use serde_json::{Value, json};

pub(crate) const SERVER: &str = "5d1c2f0e-7a55-4d3b-9c65-0a7d3f0f6f11";
pub(crate) const GROUP: &str = "98cc7dc1-392f-4318-9f19-b9d7ef608527";
pub(crate) const DEFAULT_GROUP: &str = "5881315f-2400-43a0-ac75-08adf6cb8c12";
pub(crate) const VOLUME: &str = "b700a74c-89b8-4507-b0f8-5762b52a5f9d";
pub(crate) const IMAGE: &str = "08176977-2d0e-4db0-a604-f81daa390f81";
pub(crate) const PROJECT: &str = "11111111-1111-4111-8111-111111111111";

pub(crate) fn connect(server: &MockServer) -> Scaleway {
    let settings = Settings::new()
        .with("secret-key", "7f2d1c3a-0b4e-4c5d-9e6f-1a2b3c4d5e6f")
        .with("access-key", "SCW5IMULAT0R00000000")
        .with("project", PROJECT)
        .with("endpoint", server.uri());
    Scaleway::from_settings(&settings, wire::transport()).unwrap()
}

pub(crate) fn small_host() -> BasicHost {
    BasicHost::new(
        "exit-1".parse().unwrap(),
        UserData::new("#!/bin/sh\necho hi\n").unwrap(),
    )
}

pub(crate) fn full_host() -> BasicHost {
    let mut host = small_host();
    host.region = Some("nl-ams-1".into());
    host.plan = Some("DEV1-M".into());
    host.image = Some(IMAGE.into());
    host.labels = "team=web".parse().unwrap();
    host.ports = OpenPorts::Only(vec!["80".parse().unwrap(), "8000-8100/udp".parse().unwrap()]);
    host.key = Some(IdempotencyKey::new("order-17").unwrap());
    host.expires = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    host.additional = [("placement-group".to_owned(), GROUP.to_owned())].into();
    host
}

pub(crate) fn zone(zone: &str, path: &str) -> String {
    format!("/instance/v1/zones/{zone}/{path}")
}

pub(crate) fn par(path: &str) -> String {
    zone("fr-par-1", path)
}

pub(crate) fn server_json(state: &str, group: &str, labels: &Labels) -> Value {
    let ips = match state {
        "running" | "stopping" => json!([{"id": IMAGE, "address": "203.0.113.7", "family": "inet", "dynamic": true}]),
        _ => json!([]),
    };
    let (detail, actions) = match state {
        "running" => (
            "booted",
            json!(["poweroff", "terminate", "reboot", "stop_in_place", "backup"]),
        ),
        "stopping" => ("terminating", json!([])),
        _ => ("", json!(["poweron", "backup"])),
    };
    let group_name = match group {
        GROUP => format!("provision-{SERVER}"),
        _ => "Default security group".to_owned(),
    };
    json!({
        "id": SERVER, "name": "exit-1", "commercial_type": "DEV1-S", "project": PROJECT, "state": state,
        "state_detail": detail, "allowed_actions": actions, "protected": false, "tags": labels.to_tags(),
        "public_ip": null, "public_ips": ips, "zone": "fr-par-1",
        "volumes": {"0": {"id": VOLUME, "volume_type": "l_ssd", "name": "Ubuntu", "size": 20_000_000_000_u64}},
        "image": {"id": IMAGE, "name": "Ubuntu 24.04 Noble Numbat"},
        "security_group": {"id": group, "name": group_name},
        "creation_date": "2026-11-20T10:00:00.000000+00:00",
    })
}

pub(crate) fn one(state: &str, group: &str, labels: &Labels) -> Value {
    json!({ "server": server_json(state, group, labels) })
}

pub(crate) fn task() -> Value {
    json!({"task": {"id": IMAGE, "status": "pending", "progress": 0}})
}

pub(crate) fn not_found() -> Value {
    json!({"type": "not_found", "message": "resource is not found", "resource": "instance_server", "resource_id": SERVER})
}

pub(crate) fn ours() -> Labels {
    small_host().all_labels()
}

pub(crate) fn id() -> HostId {
    HostId::new(format!("{SERVER}|fr-par-1")).unwrap()
}

pub(crate) async fn serve(server: &MockServer, verb: &str, path: String, status: u16, body: Value) {
    answer(server, verb, &path, status, body).await;
}

pub(crate) async fn image_for(server: &MockServer, plans: Value) {
    let images = json!([{"id": IMAGE, "arch": "x86_64", "zone": "fr-par-1", "label": "ubuntu_noble",
        "type": "instance_local", "compatible_commercial_types": plans}]);
    let body = json!({"local_images": images, "total_count": 1});
    answer(server, "GET", "/marketplace/v2/local-images", 200, body).await;
}

pub(crate) async fn no_leftovers(server: &MockServer) {
    serve(server, "GET", par("volumes"), 200, json!({"volumes": []})).await;
    serve(
        server,
        "GET",
        par("security_groups"),
        200,
        json!({"security_groups": []}),
    )
    .await;
}
