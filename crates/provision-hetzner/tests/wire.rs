//! Pins every request that the provider sends, over the real transport against a mock server. The answers are those of
//! <https://docs.hetzner.cloud/reference/cloud> (read 2026-11), shortened.

#![allow(clippy::unwrap_used, reason = "a failed check ends the test")]

use std::time::{Duration, SystemTime};

use provision_core::{
    BasicHost, CatalogQuery, Deletion, ErrorKind, HostDeleteRequest, HostStatus, IdempotencyKey, Labels, ListFilter,
    OpenPorts, Provisioner, Settings, UserData,
};
use provision_hetzner::Hetzner;
use provision_testkit::{
    wire::{self, answer, answer_once, received},
    wiremock::MockServer,
};
use serde_json::{Value, json};

fn connect(server: &MockServer) -> Hetzner {
    let settings = Settings::new()
        .with("token", "hcloud-secret")
        .with("endpoint", server.uri());
    Hetzner::from_settings(&settings, wire::transport()).unwrap()
}

fn small_host() -> BasicHost {
    BasicHost::new(
        "exit-1".parse().unwrap(),
        UserData::new("#!/bin/sh\necho hi\n").unwrap(),
    )
}

fn full_host() -> BasicHost {
    let mut host = small_host();
    host.region = Some("hel1".into());
    host.plan = Some("cpx12".into());
    host.image = Some("161547269".into());
    host.labels = "team=web".parse().unwrap();
    host.ports = OpenPorts::Only(vec!["80".parse().unwrap(), "8000-8100/udp".parse().unwrap()]);
    host.ssh_keys = vec!["my-key".into(), "4711".into()];
    host.key = Some(IdempotencyKey::new("order-17").unwrap());
    host.expires = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    host.additional = [("network", "11"), ("placement-group", "12")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
    host
}

fn server_json(id: u64, status: &str, labels: &Labels) -> Value {
    json!({
        "id": id, "name": "exit-1", "status": status, "created": "2026-11-20T10:00:00+00:00", "locked": false,
        "public_net": {"ipv4": {"id": 9, "ip": "203.0.113.7", "blocked": false}, "ipv6": null, "floating_ips": [], "firewalls": []},
        "server_type": {"id": 114, "name": "cx23"}, "image": {"id": 161_547_269, "name": "ubuntu-24.04"},
        "location": {"id": 2, "name": "nbg1"}, "labels": labels,
    })
}

fn created(id: u64, labels: &Labels) -> Value {
    json!({"server": server_json(id, "initializing", labels), "action": {"id": 1, "status": "running"}, "root_password": "pw-secret"})
}

fn list(field: &str, items: Value, next: Option<u64>) -> Value {
    json!({field: items, "meta": {"pagination": {"page": 1, "per_page": 50, "previous_page": null, "next_page": next,
        "last_page": null, "total_entries": null}}})
}

fn error(code: &str, message: &str) -> Value {
    json!({"error": {"code": code, "message": message, "details": null}})
}

fn ours() -> Labels {
    small_host().all_labels()
}

#[tokio::test]
async fn create_with_defaults() {
    let server = wire::server().await;
    answer(&server, "POST", "/v1/servers", 201, created(7, &ours())).await;
    let host = connect(&server).provision(&small_host()).await.unwrap();
    assert_eq!((host.id.as_str(), host.status), ("7", HostStatus::Provisioning));
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn create_with_everything_makes_a_firewall() {
    let server = wire::server().await;
    answer(
        &server,
        "POST",
        "/v1/servers",
        201,
        created(7, &full_host().all_labels()),
    )
    .await;
    answer(
        &server,
        "POST",
        "/v1/firewalls",
        201,
        json!({"firewall": {"id": 38, "name": "provision-7"}}),
    )
    .await;
    connect(&server).provision(&full_host()).await.unwrap();
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn a_taken_name_is_adopted_only_with_the_same_key() {
    let server = wire::server().await;
    let mut host = small_host();
    host.key = Some(IdempotencyKey::new("order-17").unwrap());
    answer(
        &server,
        "POST",
        "/v1/servers",
        409,
        error("uniqueness_error", "server name is already used"),
    )
    .await;
    answer(
        &server,
        "GET",
        "/v1/servers",
        200,
        list("servers", json!([server_json(7, "running", &host.all_labels())]), None),
    )
    .await;
    let cloud = connect(&server);
    let adopted = cloud.provision(&host).await.unwrap();
    assert_eq!((adopted.id.as_str(), adopted.status), ("7", HostStatus::Active));
    insta::assert_snapshot!(received(&server).await);

    host.key = Some(IdempotencyKey::new("order-18").unwrap());
    assert_eq!(
        cloud.provision(&host).await.unwrap_err().kind(),
        ErrorKind::AlreadyExists
    );
    assert_eq!(
        cloud.provision(&small_host()).await.unwrap_err().kind(),
        ErrorKind::AlreadyExists
    );
}

#[tokio::test]
async fn a_server_whose_firewall_is_refused_is_removed_again() {
    let server = wire::server().await;
    let mut host = small_host();
    host.ports = OpenPorts::Only(vec!["443".parse().unwrap()]);
    answer(&server, "POST", "/v1/servers", 201, created(7, &ours())).await;
    answer(
        &server,
        "POST",
        "/v1/firewalls",
        403,
        error("resource_limit_exceeded", "firewall limit exceeded"),
    )
    .await;
    answer(
        &server,
        "DELETE",
        "/v1/servers/7",
        200,
        json!({"action": {"id": 2, "status": "running"}}),
    )
    .await;
    answer(&server, "GET", "/v1/firewalls", 200, list("firewalls", json!([]), None)).await;
    let refused = connect(&server).provision(&host).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Quota);
    assert!(refused.to_string().contains("was removed again"), "{refused}");
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn status() {
    let server = wire::server().await;
    answer(
        &server,
        "GET",
        "/v1/servers/7",
        200,
        json!({"server": server_json(7, "running", &ours())}),
    )
    .await;
    let host = connect(&server).status(&"7".parse().unwrap()).await.unwrap();
    insta::assert_json_snapshot!(host);
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn list_reads_every_page() {
    let server = wire::server().await;
    answer_once(
        &server,
        "GET",
        "/v1/servers",
        200,
        list("servers", json!([server_json(1, "running", &ours())]), Some(2)),
    )
    .await;
    let foreign = server_json(3, "running", &Labels::new());
    answer_once(
        &server,
        "GET",
        "/v1/servers",
        200,
        list("servers", json!([server_json(2, "off", &ours()), foreign]), None),
    )
    .await;
    let hosts = connect(&server).list(&ListFilter::all()).await.unwrap();
    assert_eq!(
        hosts.iter().map(|host| host.id.as_str()).collect::<Vec<_>>(),
        ["1", "2"]
    );
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn delete_by_id_until_nothing_is_left() {
    let server = wire::server().await;
    let firewall = || list("firewalls", json!([{"id": 38, "name": "provision-7"}]), None);
    answer_once(
        &server,
        "DELETE",
        "/v1/servers/7",
        200,
        json!({"action": {"id": 2, "status": "running"}}),
    )
    .await;
    answer_once(&server, "GET", "/v1/firewalls", 200, firewall()).await;
    answer_once(
        &server,
        "DELETE",
        "/v1/firewalls/38",
        409,
        error("resource_in_use", "firewall is in use"),
    )
    .await;
    answer_once(
        &server,
        "DELETE",
        "/v1/servers/7",
        404,
        error("not_found", "server not found"),
    )
    .await;
    answer_once(&server, "GET", "/v1/firewalls", 200, firewall()).await;
    answer_once(&server, "DELETE", "/v1/firewalls/38", 204, Value::Null).await;
    let cloud = connect(&server);
    let request = HostDeleteRequest::Id("7".parse().unwrap());
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::InProgress);
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::Removed);
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn delete_by_ip_asks_the_owner_of_the_address() {
    let server = wire::server().await;
    let address = json!([{"id": 9, "ip": "203.0.113.7", "assignee_id": 7, "assignee_type": "server"}]);
    answer(
        &server,
        "GET",
        "/v1/primary_ips",
        200,
        list("primary_ips", address, None),
    )
    .await;
    answer(
        &server,
        "GET",
        "/v1/servers/7",
        200,
        json!({"server": server_json(7, "running", &ours())}),
    )
    .await;
    answer(
        &server,
        "DELETE",
        "/v1/servers/7",
        200,
        json!({"action": {"id": 2, "status": "running"}}),
    )
    .await;
    answer(&server, "GET", "/v1/firewalls", 200, list("firewalls", json!([]), None)).await;
    let request = HostDeleteRequest::ip("203.0.113.7".parse().unwrap());
    assert_eq!(connect(&server).delete(&request).await.unwrap(), Deletion::InProgress);
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn delete_by_ip_finds_the_firewall_of_a_server_that_is_gone() {
    let server = wire::server().await;
    answer(
        &server,
        "GET",
        "/v1/primary_ips",
        200,
        list("primary_ips", json!([]), None),
    )
    .await;
    answer(
        &server,
        "GET",
        "/v1/firewalls",
        200,
        list("firewalls", json!([{"id": 38, "name": "provision-7"}]), None),
    )
    .await;
    answer(
        &server,
        "DELETE",
        "/v1/servers/7",
        404,
        error("not_found", "server not found"),
    )
    .await;
    answer(&server, "DELETE", "/v1/firewalls/38", 204, Value::Null).await;
    let request = HostDeleteRequest::ip("203.0.113.7".parse().unwrap());
    assert_eq!(connect(&server).delete(&request).await.unwrap(), Deletion::Removed);
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn a_foreign_server_is_not_deleted_by_ip() {
    let server = wire::server().await;
    let address = json!([{"id": 9, "ip": "203.0.113.7", "assignee_id": 7, "assignee_type": "server"}]);
    answer(
        &server,
        "GET",
        "/v1/primary_ips",
        200,
        list("primary_ips", address, None),
    )
    .await;
    answer(
        &server,
        "GET",
        "/v1/servers/7",
        200,
        json!({"server": server_json(7, "running", &Labels::new())}),
    )
    .await;
    let request = HostDeleteRequest::ip("203.0.113.7".parse().unwrap());
    assert_eq!(
        connect(&server).delete(&request).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
}

#[tokio::test]
async fn catalog_of_a_location() {
    let server = wire::server().await;
    let price = |location: &str, net: &str| {
        json!({"location": location, "price_hourly": {"net": "0.008", "gross": "0.01"},
        "price_monthly": {"net": net, "gross": "9.99"}})
    };
    let types = json!([
        {"id": 1, "name": "cpx12", "description": "CPX 12", "cores": 1, "memory": 2.0, "disk": 40, "architecture": "x86",
         "prices": [price("nbg1", "11.4900"), price("sin", "15.9900")],
         "locations": [{"name": "nbg1", "available": true}, {"name": "sin", "available": true}]},
        {"id": 2, "name": "cx23", "description": "CX23", "cores": 2, "memory": 4.0, "disk": 40, "architecture": "x86",
         "prices": [price("nbg1", "5.4900")], "locations": [{"name": "nbg1", "available": false}]},
    ]);
    let images = json!([
        {"id": 1, "name": "ubuntu-24.04", "description": "Ubuntu 24.04", "architecture": "x86", "type": "system"},
        {"id": 2, "name": "ubuntu-24.04", "description": "Ubuntu 24.04", "architecture": "arm", "type": "system"},
    ]);
    let locations = json!([{"id": 2, "name": "nbg1", "city": "Nuremberg", "country": "DE"}]);
    answer(
        &server,
        "GET",
        "/v1/pricing",
        200,
        json!({"pricing": {"currency": "EUR", "vat_rate": "19.00"}}),
    )
    .await;
    answer(
        &server,
        "GET",
        "/v1/server_types",
        200,
        list("server_types", types, None),
    )
    .await;
    answer(&server, "GET", "/v1/images", 200, list("images", images, None)).await;
    answer(&server, "GET", "/v1/locations", 200, list("locations", locations, None)).await;
    let cloud = connect(&server);
    insta::assert_json_snapshot!(cloud.catalog(&CatalogQuery::all()).await.unwrap());
    insta::assert_snapshot!(received(&server).await);
    let unknown = cloud.catalog(&CatalogQuery::plans().region("mars1")).await.unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "hetzner: region \"mars1\" does not exist; known: nbg1, sin"
    );
}
