//! What the wire tests share. The answers are those of <https://www.civo.com/api> and of the tests of
//! <https://github.com/civo/civogo> (read 2026-11), shortened.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "test code")]

use std::time::{Duration, SystemTime};

use provision_civo::Civo;
use provision_core::{BasicHost, IdempotencyKey, OpenPorts, Settings, UserData};
use provision_testkit::{
    wire::{self, answer},
    wiremock::MockServer,
};
use serde_json::{Value, json};

pub(crate) const ID: &str = "715f5ec2-9a4e-4a7c-8a7b-0d2d4d1c6b11";
pub(crate) const FIREWALL: &str = "76cc107f-fbef-4e2b-b97f-f5d34f4075d3";
pub(crate) const NETWORK: &str = "ef7cf1ab-ecee-407a-b7ac-e134614647e2";
pub(crate) const IMAGE: &str = "d2c2c728-512d-4087-906a-8486fcf4a1c7";

pub(crate) fn connect(server: &MockServer) -> Civo {
    let settings = Settings::new()
        .with("token", "civo-secret")
        .with("endpoint", server.uri());
    Civo::from_settings(&settings, wire::transport()).unwrap()
}

pub(crate) fn small_host() -> BasicHost {
    BasicHost::new(
        "exit-1".parse().unwrap(),
        UserData::new("#!/bin/sh\necho hi\n").unwrap(),
    )
}

pub(crate) fn full_host() -> BasicHost {
    let mut host = small_host();
    host.user_data = UserData::new("#cloud-config\nruncmd: [[echo, hi]]\n").unwrap();
    host.region = Some("fra1".into());
    host.plan = Some("g4s.small".into());
    host.image = Some(IMAGE.into());
    host.labels = "team=web".parse().unwrap();
    host.ports = OpenPorts::Only(vec!["80".parse().unwrap(), "8000-8100/udp".parse().unwrap()]);
    host.ssh_keys = vec!["730c960f-a51f-44e5-9c21-bd135d015d12".into()];
    host.key = Some(IdempotencyKey::new("order-17").unwrap());
    host.expires = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    host.additional = [("network".to_owned(), NETWORK.to_owned())].into();
    host
}

pub(crate) fn instance(status: &str, ip: Option<&str>, tags: &[String]) -> Value {
    json!({
        "id": ID, "hostname": "exit-1", "size": "g4s.xsmall", "region": "LON1", "network_id": NETWORK,
        "firewall_id": FIREWALL, "source_type": "diskimage", "source_id": "ubuntu-noble", "status": status,
        "public_ip": ip, "private_ip": null, "tags": tags, "initial_user": "civo", "initial_password": "pw-secret",
        "cpu_cores": 1, "ram_mb": 1024, "disk_gb": 25, "script": "IyEvYmluL3No", "created_at": "2026-11-20T10:00:00Z",
    })
}

pub(crate) fn ours() -> Vec<String> {
    small_host().all_labels().to_tags()
}

/// With a firewall of its own.
pub(crate) fn fenced() -> Vec<String> {
    [ours(), vec!["provision-own-firewall".to_owned()]].concat()
}

pub(crate) fn page(items: Value, number: u32, pages: u32) -> Value {
    json!({"page": number, "per_page": null, "pages": pages, "items": items})
}

pub(crate) fn firewall(name: &str, instances: u32) -> Value {
    json!({"id": FIREWALL, "name": name, "network_id": NETWORK, "rules_count": 1, "instance_count": instances})
}

pub(crate) fn error(code: &str) -> Value {
    json!({"code": code, "reason": "It did not work", "details": "record not found"})
}

pub(crate) fn gone() -> Value {
    error("database_instance_find")
}

pub(crate) fn in_use() -> Value {
    json!({"code": "database_firewall_inuse_by_instance", "result": "failed", "reason": "Failed to delete the firewall as a instance(s) using"})
}

pub(crate) async fn answer_lookups(server: &MockServer) {
    let images = json!([
        {"id": "x", "name": "ubuntu-noble", "version": "24.04", "state": "deprecated", "distribution": "ubuntu"},
        {"id": IMAGE, "name": "ubuntu-noble", "version": "24.04", "state": "available", "distribution": "ubuntu"},
    ]);
    answer(server, "GET", "/v2/disk_images", 200, images).await;
    let networks =
        json!([{"id": "x", "label": "other", "default": false}, {"id": NETWORK, "label": "default", "default": true}]);
    answer(server, "GET", "/v2/networks", 200, networks).await;
}
