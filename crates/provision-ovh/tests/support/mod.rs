//! What the tests share: a connection, and answers as the API's schema has them
//! (<https://eu.api.ovh.com/console/?section=%2Fcloud&branch=v1>, read 2026-08), shortened.

#![allow(dead_code, reason = "each test file uses its part")]

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use provision_core::{BasicHost, HostDeleteRequest, HostId, IdempotencyKey, Provisioner, Settings, UserData};
use provision_http::Transport;
use provision_ovh::Ovh;
use provision_testkit::{
    wire::{self, answer},
    wiremock::MockServer,
};
use serde_json::{Value, json};

pub(crate) const PROJECT: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const PATH: &str = "/1.0/cloud/project/0123456789abcdef0123456789abcdef";
pub(crate) const ID: &str = "b3a8c1de-7a2f-4b21-9d0a-3e5d5c1f0001";
pub(crate) const FLAVOR: &str = "9350d9c9-5709-4839-86ad-000000000001";
pub(crate) const IMAGE: &str = "c5c89a50-a112-4b84-a5d5-000000000001";
/// What an instance is called that is made for a host.
pub(crate) fn name_of(host: &BasicHost) -> String {
    let labels = wire::labels(Ovh::INFO, host);
    let ours = [
        ("managed-by", "managed-by"),
        ("provision-key", "0k"),
        ("provision-request", "0r"),
        ("provision-expires", "0e"),
    ];
    let first = ours
        .iter()
        .filter_map(|(key, written)| Some((*written, labels.get(key)?)));
    let others = labels
        .iter()
        .filter(|(key, _)| *key != "managed-by" && !key.starts_with("provision-"));
    let pairs = first.chain(others).map(|(key, value)| format!("--{key}--{value}"));
    format!("{}{}", host.name, pairs.collect::<String>())
}

/// What a host without wishes is called at the cloud.
pub(crate) fn name() -> String {
    name_of(&small_host())
}

/// A server that tells the time and shows no instance.
pub(crate) async fn empty() -> MockServer {
    let server = server().await;
    answer(&server, "GET", &path("instance"), 200, json!([])).await;
    server
}

/// As [`empty`], with the flavors and images of a region.
pub(crate) async fn stocked() -> MockServer {
    let server = empty().await;
    answer(&server, "GET", &path("flavor"), 200, flavors()).await;
    answer(&server, "GET", &path("image"), 200, images()).await;
    server
}

pub(crate) fn connect(server: &MockServer) -> impl Provisioner {
    connect_over(server, wire::transport())
}

pub(crate) fn connect_over(server: &MockServer, transport: Arc<dyn Transport>) -> impl Provisioner + use<> {
    let settings = Settings::new()
        .with("application-key", "application-key")
        .with("application-secret", "application-secret")
        .with("consumer-key", "consumer-key")
        .with("project", PROJECT)
        .with("endpoint", format!("{}/1.0", server.uri()));
    Ovh::from_settings(&settings, transport).unwrap()
}

/// A server that tells the time.
pub(crate) async fn server() -> MockServer {
    let server = wire::server().await;
    answer(&server, "GET", "/1.0/auth/time", 200, json!(1_795_168_800)).await;
    server
}

/// The requests without what depends on the moment.
pub(crate) async fn received(server: &MockServer) -> String {
    let text = wire::received(server).await;
    let lines = text
        .lines()
        .map(|line| match line.strip_prefix("x-ovh-timestamp: 17951688") {
            Some(_) => "x-ovh-timestamp: [the cloud's time]",
            None => line,
        });
    lines.collect::<Vec<_>>().join("\n")
}

pub(crate) fn small_host() -> BasicHost {
    BasicHost::new(
        "exit-1".parse().unwrap(),
        UserData::new("#!/bin/sh\necho hi\n").unwrap(),
    )
}

pub(crate) fn full_host() -> BasicHost {
    let mut host = small_host();
    host.region = Some("DE1".into());
    host.plan = Some("b3-8".into());
    host.image = Some("Debian 13".into());
    host.labels = "team=web".parse().unwrap();
    host.ssh_keys = vec!["laptop".into()];
    host = host.with_key(IdempotencyKey::new("order-17").unwrap());
    host.expires = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    host.additional = [
        ("availability-zone", "eu-west-par-a"),
        ("group-id", "0f6a2a5e-3c1b-4c55-9f10-000000000001"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into();
    host
}

pub(crate) fn flavors() -> Value {
    let flavor = |id: &str, name: &str, os: &str, available: bool| {
        json!({"id": id, "name": name, "region": "GRA11", "ram": 2000, "disk": 25, "vcpus": 1, "type": "ovh.d2",
            "osType": os, "available": available, "quota": 20,
            "planCodes": {"hourly": format!("{name}.consumption"), "monthly": format!("{name}.monthly.postpaid")}})
    };
    json!([
        flavor("9350d9c9-5709-4839-86ad-000000000002", "b3-8", "linux", true),
        flavor("9350d9c9-5709-4839-86ad-000000000003", "win-b3-8", "windows", true),
        flavor("9350d9c9-5709-4839-86ad-000000000004", "c2-7", "linux", false),
        flavor(FLAVOR, "d2-2", "linux", true),
    ])
}

pub(crate) fn images() -> Value {
    let image = |id: &str, name: &str, status: &str| {
        json!({"id": id, "name": name, "region": "GRA11", "visibility": "public", "type": "linux", "status": status,
            "user": "ubuntu", "minDisk": 0})
    };
    json!([
        image("c5c89a50-a112-4b84-a5d5-000000000002", "Debian 13", "active"),
        image("c5c89a50-a112-4b84-a5d5-000000000003", "Ubuntu 24.04", "queued"),
        image(IMAGE, "Ubuntu 24.04", "active"),
        // Another build under the same name.
        image("c5c89a50-a112-4b84-a5d5-000000000004", "Ubuntu 24.04", "active"),
    ])
}

pub(crate) fn ssh_keys() -> Value {
    json!([
        {"id": "6f7468", "name": "other", "publicKey": "ssh-ed25519 AAAA other", "regions": []},
        {"id": "6c6170", "name": "laptop", "publicKey": "ssh-ed25519 BBBB laptop", "regions": []},
    ])
}

pub(crate) fn addresses() -> Value {
    json!([
        {"ip": "2001:db8::7", "type": "public", "version": 6, "networkId": "n", "gatewayIp": null},
        {"ip": "10.0.0.7", "type": "private", "version": 4, "networkId": "p", "gatewayIp": null},
        {"ip": "203.0.113.7", "type": "public", "version": 4, "networkId": "n", "gatewayIp": "203.0.113.1"},
    ])
}

/// As single reads and creates show it.
pub(crate) fn instance(name: &str, status: &str, addresses: Value) -> Value {
    json!({
        "id": ID, "name": name, "status": status, "region": "GRA11", "created": "2026-11-20T10:00:00Z",
        "flavor": {"id": FLAVOR, "name": "d2-2", "vcpus": 1}, "image": {"id": IMAGE, "name": "Ubuntu 24.04"},
        "sshKey": null, "ipAddresses": addresses, "monthlyBilling": null, "planCode": "d2-2.consumption",
        "operationIds": [], "currentMonthOutgoingTraffic": null, "rescuePassword": null,
    })
}

/// As lists show it.
pub(crate) fn listed(id: &str, name: &str, status: &str) -> Value {
    json!({
        "id": id, "name": name, "status": status, "region": "GRA11", "created": "2026-11-20T10:00:00Z",
        "flavorId": FLAVOR, "imageId": IMAGE, "sshKeyId": null, "ipAddresses": addresses(), "monthlyBilling": null,
        "planCode": "d2-2.consumption", "operationIds": [], "currentMonthOutgoingTraffic": null,
    })
}

pub(crate) fn error(class: &str, message: &str) -> Value {
    json!({"class": class, "message": message, "details": {}})
}

pub(crate) fn out_of_time() -> Value {
    json!({"errorCode": "QUERY_TIME_OUT", "httpCode": "400 Bad Request", "message": "Query out of time"})
}

pub(crate) fn path(rest: &str) -> String {
    format!("{PATH}/{rest}")
}

pub(crate) fn id() -> HostId {
    HostId::from_text(&format!("{ID}/{PROJECT}")).unwrap()
}

pub(crate) fn by_id() -> HostDeleteRequest {
    HostDeleteRequest::Id(id())
}
