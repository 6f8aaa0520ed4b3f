//! Pins every request that the provider sends, over the real transport against a mock server. The vendor's answers are
//! shortened recordings from its own SDK, CLI and Terraform repositories (2025-11 to 2026-08).

#![allow(clippy::unwrap_used, reason = "a failed check ends the test")]

use std::time::{Duration, SystemTime};

use provision_core::{
    BasicHost, CatalogQuery, ErrorKind, HostId, IdempotencyKey, ListFilter, OpenPorts, Provisioner, RegionFilter,
    Settings, UserData,
};
use provision_scaleway::Scaleway;
use provision_testkit::{
    wire::{self, answer, answer_once, received},
    wiremock::MockServer,
};
use serde_json::{Value, json};

#[path = "wire/creates.rs"]
mod creates;
#[path = "wire/deletes.rs"]
mod deletes;

const SERVER: &str = "5d1c2f0e-7a55-4d3b-9c65-0a7d3f0f6f11";
const OTHER: &str = "6e2d3a1f-8b66-4e4c-8d76-1b8e4a1a7a22";
const GROUP: &str = "98cc7dc1-392f-4318-9f19-b9d7ef608527";
const DEFAULT_GROUP: &str = "5881315f-2400-43a0-ac75-08adf6cb8c12";
const VOLUME: &str = "b700a74c-89b8-4507-b0f8-5762b52a5f9d";
const IMAGE: &str = "08176977-2d0e-4db0-a604-f81daa390f81";
const PROJECT: &str = "11111111-1111-4111-8111-111111111111";

fn connect(server: &MockServer) -> impl Provisioner {
    let settings = Settings::new()
        .with("secret-key", "7f2d1c3a-0b4e-4c5d-9e6f-1a2b3c4d5e6f")
        .with("access-key", "SCW5IMULAT0R00000000")
        .with("project", PROJECT)
        .with("endpoint", server.uri());
    Scaleway::from_settings(&settings, wire::transport()).unwrap()
}

fn small_host() -> BasicHost {
    BasicHost::new(
        "exit-1".parse().unwrap(),
        UserData::new("#!/bin/sh\necho hi\n").unwrap(),
    )
}

fn closed_host() -> BasicHost {
    small_host().with_ports(OpenPorts::Only(vec!["443".parse().unwrap()]))
}

fn full_host() -> BasicHost {
    let mut host = small_host();
    host.region = Some("nl-ams-1".into());
    host.plan = Some("DEV1-M".into());
    host.image = Some(IMAGE.into());
    host.labels = "team=web".parse().unwrap();
    host.ports = OpenPorts::Only(vec!["80".parse().unwrap(), "8000-8100/udp".parse().unwrap()]);
    host = host.with_key(IdempotencyKey::new("order-17").unwrap());
    host.expires = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    host.additional = [("placement-group".to_owned(), DEFAULT_GROUP.to_owned())].into();
    host
}

/// The tags of a server: those of the host's labels, and with closed ports that of its group.
fn tags(host: &BasicHost) -> Vec<String> {
    let mut tags = wire::labels(Scaleway::INFO, host).to_tags();
    if host.ports.restricted().is_some() {
        tags.push(format!("provision-group:{GROUP}"));
    }
    tags
}

fn zone(zone: &str, path: &str) -> String {
    format!("/instance/v1/zones/{zone}/{path}")
}

fn par(path: &str) -> String {
    zone("fr-par-1", path)
}

fn this_server() -> String {
    par(&format!("servers/{SERVER}"))
}

fn server_json(state: &str, host: &BasicHost) -> Value {
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
    let group = match host.ports.restricted() {
        Some(_) => json!({"id": GROUP, "name": format!("provision-{SERVER}")}),
        None => json!({"id": DEFAULT_GROUP, "name": "Default security group"}),
    };
    json!({
        "id": SERVER, "name": "exit-1", "commercial_type": "DEV1-S", "project": PROJECT, "state": state,
        "state_detail": detail, "allowed_actions": actions, "protected": false, "tags": tags(host),
        "public_ip": null, "public_ips": ips, "zone": "fr-par-1",
        "volumes": {"0": {"id": VOLUME, "volume_type": "l_ssd", "name": "Ubuntu", "size": 20_000_000_000_u64}},
        "image": {"id": IMAGE, "name": "Ubuntu 24.04 Noble Numbat"},
        "security_group": group,
        "creation_date": "2026-11-20T10:00:00.000000+00:00",
    })
}

fn one(state: &str, host: &BasicHost) -> Value {
    json!({ "server": server_json(state, host) })
}

fn list(servers: &[Value]) -> Value {
    json!({"servers": servers, "total_count": servers.len()})
}

fn group_json(id: &str, name: &str, users: &[&str], created: &str) -> Value {
    let users: Vec<Value> = users.iter().map(|id| json!({"id": id, "name": "exit-1"})).collect();
    json!({"id": id, "name": name, "servers": users, "creation_date": created})
}

fn task() -> Value {
    json!({"task": {"id": IMAGE, "status": "pending", "progress": 0}})
}

fn not_found(resource: &str, id: &str) -> Value {
    json!({"type": "not_found", "message": "resource is not found", "resource": resource, "resource_id": id, "details": null})
}

fn id() -> HostId {
    HostId::new(format!("{SERVER}|fr-par-1")).unwrap()
}

async fn serve(server: &MockServer, verb: &str, path: String, status: u16, body: Value) {
    answer(server, verb, &path, status, body).await;
}

/// Every request, in the order of its text: those that are sent side by side arrive in any order.
async fn received_in_any_order(server: &MockServer) -> String {
    const BETWEEN: &str = "\n\n--------\n\n";
    let text = received(server).await;
    let mut requests: Vec<&str> = text.split(BETWEEN).collect();
    requests.sort_unstable();
    requests.join(BETWEEN)
}

/// How many requests of this method the server received for paths that end so.
async fn count(server: &MockServer, verb: &str, end: &str) -> usize {
    let requests = server.received_requests().await.unwrap().into_iter();
    let is_it = |request: &provision_testkit::wiremock::Request| {
        request.method.as_str() == verb && request.url.path().ends_with(end)
    };
    requests.filter(is_it).count()
}

#[tokio::test]
async fn status() {
    let server = wire::server().await;
    serve(&server, "GET", this_server(), 200, one("running", &small_host())).await;
    let cloud = connect(&server);
    insta::assert_json_snapshot!(cloud.status(&id()).await.unwrap());
    insta::assert_snapshot!(received(&server).await);
    // The zone of a bare id is not guessed.
    let refused = cloud.status(&SERVER.parse().unwrap()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidRequest);
    assert!(refused.to_string().contains("`scaleway/<uuid>/<zone>`"), "{refused}");
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn only_the_cloud_s_own_words_about_this_server_make_a_host_gone() {
    let server = wire::server().await;
    let path = this_server();
    answer_once(&server, "GET", &path, 404, Value::Null).await;
    answer_once(&server, "GET", &path, 404, not_found("instance_server", OTHER)).await;
    answer_once(&server, "GET", &path, 404, not_found("instance_volume", VOLUME)).await;
    answer_once(&server, "GET", &path, 429, Value::Null).await;
    serve(&server, "GET", path, 404, not_found("instance_server", SERVER)).await;
    let cloud = connect(&server);
    for kind in [
        ErrorKind::UnexpectedResponse,
        ErrorKind::UnexpectedResponse,
        ErrorKind::InvalidRequest,
        ErrorKind::RateLimited,
        ErrorKind::NotFound,
    ] {
        let error = cloud.status(&id()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
    }
}

#[tokio::test]
async fn list_reads_every_page_of_a_zone() {
    let server = wire::server().await;
    let first = json!({"servers": [server_json("running", &small_host())], "total_count": 2});
    answer_once(&server, "GET", &zone("pl-waw-1", "servers"), 200, first).await;
    // Somebody else's, should the cloud not filter.
    let mut foreign = server_json("stopped", &small_host());
    foreign["tags"] = json!(null);
    let second = json!({"servers": [foreign], "total_count": 2});
    serve(&server, "GET", zone("pl-waw-1", "servers"), 200, second).await;
    let filter = ListFilter::all().with_region(RegionFilter::Only("pl-waw-1".into()));
    let hosts = connect(&server).list(&filter).await.unwrap();
    assert_eq!(hosts.len(), 1);
    assert_eq!(hosts[0].region.as_deref(), Some("pl-waw-1"));
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn catalog_of_a_zone() {
    let server = wire::server().await;
    let at = |path: &str| zone("fr-par-2", path);
    let plans = json!({"servers": {
        "DEV1-S": {"ncpus": 2, "ram": 2_147_483_648_u64, "arch": "x86_64", "monthly_price": 6.55248, "hourly_price": 0.008976,
            "volumes_constraint": {"min_size": 0, "max_size": 20_000_000_000_u64}, "end_of_service": false},
        "PLAY2-PICO": {"ncpus": 1, "ram": 2_147_483_648_u64, "arch": "x86_64", "monthly_price": 10.4244,
            "volumes_constraint": {"min_size": 0, "max_size": 0}, "end_of_service": false},
    }, "total_count": 2});
    serve(&server, "GET", at("products/servers"), 200, plans).await;
    let stock = json!({"servers": {"DEV1-S": {"availability": "scarce"}}, "total_count": 1});
    serve(&server, "GET", at("products/servers/availability"), 200, stock).await;
    let images = json!({"images": [{"id": IMAGE, "label": "ubuntu_noble", "name": "Ubuntu 24.04 Noble Numbat"}],
        "total_count": 1});
    answer(&server, "GET", "/marketplace/v2/images", 200, images).await;
    let query = CatalogQuery::all().with_region("fr-par-2");
    let catalog = connect(&server).catalog(&query).await.unwrap();
    // What a host of the plan bills, as `INFO` says it.
    assert_eq!(catalog.plans[0].monthly_cost, Scaleway::INFO.monthly_cost.amount);
    insta::assert_json_snapshot!(catalog);
    insta::assert_snapshot!(received(&server).await);
}
