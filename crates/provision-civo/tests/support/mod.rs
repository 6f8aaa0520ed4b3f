//! What the wire tests share. The answers are those of <https://www.civo.com/api> and of the tests of
//! <https://github.com/civo/civogo> (read 2026-11), shortened.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "test code")]

use std::time::{Duration, SystemTime};

use provision_civo::Civo;
use provision_core::{BasicHost, HostId, Hosted, IdempotencyKey, OpenPorts, Settings, UserData};
use provision_testkit::{
    wire::{self, answer, received},
    wiremock::{self, MockServer},
};
use serde_json::{Value, json};

pub(crate) const ID: &str = "715f5ec2-9a4e-4a7c-8a7b-0d2d4d1c6b11";
pub(crate) const FIREWALL: &str = "76cc107f-fbef-4e2b-b97f-f5d34f4075d3";
pub(crate) const NETWORK: &str = "ef7cf1ab-ecee-407a-b7ac-e134614647e2";
pub(crate) const IMAGE: &str = "d2c2c728-512d-4087-906a-8486fcf4a1c7";

pub(crate) fn connect(server: &MockServer) -> Hosted<Civo> {
    let settings = Settings::new()
        .with("token", "civo-secret")
        .with("endpoint", server.uri());
    Civo::from_settings(&settings, wire::transport()).unwrap()
}

pub(crate) fn id() -> HostId {
    HostId::from_parts([ID, "LON1"]).unwrap()
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
    host = host.with_key(IdempotencyKey::new("order-17").unwrap());
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

/// The tags of a host; its region is ordered in upper case.
pub(crate) fn tags(host: &BasicHost) -> Vec<String> {
    let mut host = host.clone();
    host.region = host.region.map(|region| region.to_uppercase());
    wire::labels(Civo::INFO, &host).to_tags()
}

pub(crate) fn ours() -> Vec<String> {
    tags(&small_host())
}

/// The tags of a host with a firewall of its own.
pub(crate) fn fenced(host: &BasicHost) -> Vec<String> {
    [tags(host), vec![format!("provision-firewall:{FIREWALL}")]].concat()
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

/// The answers of a create with restricted ports, up to the firewall.
pub(crate) async fn answer_firewall(server: &MockServer) {
    answer(server, "GET", "/v2/instances", 200, page(json!([]), 1, 0)).await;
    answer(
        server,
        "GET",
        "/v2/firewalls",
        200,
        json!([firewall("default-default", 3)]),
    )
    .await;
    let made = json!({"id": FIREWALL, "name": "n", "result": "success"});
    answer(server, "POST", "/v2/firewalls", 200, made).await;
}

/// The requests for a snapshot. Those that are sent side by side come in any order, and are put into one here.
pub(crate) async fn sent(server: &MockServer) -> String {
    const BETWEEN: &str = "\n\n--------\n\n";
    let text = received(server).await;
    let mut requests: Vec<&str> = text.split(BETWEEN).collect();
    let side_by_side: [&[&str]; 2] = [
        &["GET /v2/disk_images", "GET /v2/networks", "GET /v2/firewalls"],
        &["PUT /v2/firewalls", "DELETE /v2/instances"],
    ];
    let group = |request: &str| {
        let starts = |group: &&[&str]| group.iter().any(|start| request.starts_with(start));
        side_by_side.iter().position(starts)
    };
    for run in requests.chunk_by_mut(|one, next| group(one).is_some() && group(one) == group(next)) {
        run.sort_unstable();
    }
    requests.join(BETWEEN)
}

/// The methods and paths of all requests, in their order.
pub(crate) async fn paths(server: &MockServer) -> Vec<String> {
    let sent = server.received_requests().await.unwrap();
    let path = |request: &wiremock::Request| format!("{} {}", request.method, request.url.path());
    sent.iter().map(path).collect()
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
