//! What the wire tests share. The answers are those that a real cloud gave (Keystone 30, Nova 34, Neutron 29, Glance 33, recorded
//! 2026-11-28), shortened, with other ids.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

use std::time::{Duration, SystemTime};

use provision_core::{BasicHost, HostId, Hosted, IdempotencyKey, OpenPorts, Settings, UserData};
use provision_openstack::OpenStack;
use provision_testkit::{
    Render,
    wire::{self, answer, received_with},
    wiremock::{
        Mock, MockServer, ResponseTemplate,
        matchers::{method, path},
    },
};
use serde_json::{Value, json};

pub(crate) const ID: &str = "83fd735f-00e6-4bfe-92d6-594a885c1fc9";
pub(crate) const GROUP: &str = "c400c1cb-a342-47ea-9fcd-8cede1babe8b";
pub(crate) const PORT: &str = "a05fd965-c822-40d3-85bf-c7241984eee8";
pub(crate) const FLOATING: &str = "f8dc80ad-eb64-46bc-a269-9858d14d27c2";
pub(crate) const PUBLIC: &str = "6d985901-2825-47c8-841c-775e10f501f7";
pub(crate) const PRIVATE: &str = "8d22954f-272b-4da7-b843-7783e8a9cc0a";
pub(crate) const IMAGE: &str = "918ba65a-6096-4e1f-a644-9818a003f7e0";
pub(crate) const FLAVOR: &str = "8d8ef813-8604-4032-bf3b-92f93c53e02d";
const PROJECT: &str = "64db9e05e7894403bee821fce1dfaf27";

pub(crate) fn settings(server: &MockServer) -> Settings {
    Settings::new()
        .with("username", "demo")
        .with("password", "lab-secret")
        .with("project", "web")
        .with("endpoint", server.uri())
}

pub(crate) fn connect(server: &MockServer) -> Hosted<OpenStack> {
    OpenStack::from_settings(&settings(server), wire::transport()).unwrap()
}

pub(crate) fn id() -> HostId {
    HostId::from_parts([ID, "RegionOne"]).unwrap()
}

/// A token with the catalog, as often as it is asked for.
pub(crate) async fn answer_token(server: &MockServer, token: &str) {
    let service = |kind: &str, path: &str| {
        let endpoint = |interface: &str| {
            let url = match interface {
                "public" => format!("{}/{path}", server.uri()),
                _ => "http://192.0.2.1/elsewhere".to_owned(),
            };
            json!({"id": "e", "interface": interface, "region_id": "RegionOne", "url": url, "region": "RegionOne"})
        };
        json!({"endpoints": [endpoint("internal"), endpoint("public")], "id": "s", "type": kind, "name": kind})
    };
    let body = json!({"token": {
        "methods": ["password"], "expires_at": "2026-11-28T14:14:42.000000Z", "issued_at": "2026-11-28T13:14:42.000000Z",
        "project": {"domain": {"id": "default", "name": "Default"}, "id": PROJECT, "name": "web"},
        "catalog": [service("compute", "compute/v2.1"), service("network", "network"), service("image", "image")],
    }});
    let answer = ResponseTemplate::new(201)
        .insert_header("X-Subject-Token", token)
        .set_body_json(body);
    let asked = Mock::given(method("POST")).and(path("/v3/auth/tokens"));
    asked.respond_with(answer).up_to_n_times(1).mount(server).await;
}

pub(crate) async fn answer_version(server: &MockServer, newest: &str) {
    let version = json!({"version": {"id": "v2.1", "status": "CURRENT", "version": newest, "min_version": "2.1"}});
    answer(server, "GET", "/compute/v2.1/", 200, version).await;
}

/// A server with a token, and with Nova's version.
pub(crate) async fn cloud() -> MockServer {
    let server = wire::server().await;
    answer_token(&server, "TOKEN-1").await;
    answer_version(&server, "2.104").await;
    server
}

pub(crate) fn network(id: &str, name: &str, external: bool, shared: bool) -> Value {
    let project = if external { "admin" } else { PROJECT };
    json!({"id": id, "name": name, "project_id": project, "tenant_id": project, "status": "ACTIVE", "subnets": ["s"],
        "shared": shared, "router:external": external})
}

/// Images, flavors and networks; hosts are attached to the external network where it is shared.
pub(crate) async fn answer_look_ups(server: &MockServer, shared: bool) {
    let image = json!({"images": [{"id": IMAGE, "name": "Ubuntu 24.04", "status": "active", "min_ram": 0, "min_disk": 4}],
        "next": "/v2/images?limit=1&marker=x"});
    answer(server, "GET", "/image/v2/images", 200, image).await;
    let flavor = |id: &str, name: &str, ram: u32, disk: u32| json!({"id": id, "name": name, "ram": ram, "disk": disk, "vcpus": 1, "OS-FLV-DISABLED:disabled": false});
    let flavors = json!({"flavors": [
        flavor("29d9a533-f16c-47b6-99f8-f3c0282181d0", "d2-8", 8_192, 50), flavor(FLAVOR, "d2-2", 2_048, 25),
    ]});
    answer(server, "GET", "/compute/v2.1/flavors/detail", 200, flavors).await;
    let networks = json!({"networks": [
        network(PUBLIC, "public", true, shared), network(PRIVATE, "private", false, false),
    ]});
    answer(server, "GET", "/network/v2.0/networks", 200, networks).await;
}

/// What a create makes beside the server.
pub(crate) async fn answer_parts(server: &MockServer) {
    let group = json!({"security_group": {"id": GROUP, "name": "provision-new-x", "security_group_rules": []}});
    answer(server, "POST", "/network/v2.0/security-groups", 201, group.clone()).await;
    let at = format!("/network/v2.0/security-groups/{GROUP}");
    answer(server, "PUT", &at, 200, group).await;
    answer(
        server,
        "POST",
        "/network/v2.0/security-group-rules",
        201,
        json!({"security_group_rules": []}),
    )
    .await;
    answer(server, "POST", "/network/v2.0/ports", 201, json!({"port": port("")})).await;
    answer(
        server,
        "PUT",
        &format!("/network/v2.0/ports/{PORT}"),
        200,
        json!({"port": port(ID)}),
    )
    .await;
    let floating = json!({"floatingip": {"id": FLOATING, "floating_ip_address": "203.0.113.241", "port_id": PORT}});
    answer(server, "POST", "/network/v2.0/floatingips", 201, floating).await;
}

pub(crate) fn port(device: &str) -> Value {
    json!({"id": PORT, "name": "provision-new-x", "device_id": device, "security_groups": []})
}

pub(crate) fn small_host() -> BasicHost {
    BasicHost::new("web-1".parse().unwrap(), UserData::new("#!/bin/sh\necho hi\n").unwrap())
}

pub(crate) fn full_host() -> BasicHost {
    let mut host = small_host();
    host.plan = Some("d2-8".into());
    host.image = Some("os_distro=debian,os_version=12".into());
    host.labels = "team=web".parse().unwrap();
    host.ports = OpenPorts::Only(vec!["80".parse().unwrap(), "8000-8100/udp".parse().unwrap()]);
    host.ssh_keys = vec!["mine".into()];
    host = host.with_key(IdempotencyKey::new("order-17").unwrap());
    host.expires = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    host.additional = [("availability-zone".to_owned(), "nova".to_owned())].into();
    host
}

/// A server with a floating IP, as Nova shows it.
pub(crate) fn server(host: &BasicHost, status: &str, task: Option<&str>) -> Value {
    let mut metadata = serde_json::Map::new();
    for (key, value) in &wire::labels(OpenStack::INFO, host) {
        metadata.insert(key.to_owned(), json!(value));
    }
    for (key, value) in [
        ("provision-group", GROUP),
        ("provision-port", PORT),
        ("provision-floating", PUBLIC),
    ] {
        metadata.insert(key.to_owned(), json!(value));
    }
    let address = |kind: &str, address: &str| json!({"version": 4, "addr": address, "OS-EXT-IPS:type": kind, "OS-EXT-IPS-MAC:mac_addr": "fa:16:3e:eb:49:09"});
    json!({
        "id": ID, "name": "web-1", "status": status, "OS-EXT-STS:task_state": task, "metadata": metadata,
        "addresses": {"private": [address("fixed", "10.9.0.55"), address("floating", "203.0.113.241")]},
        "flavor": {"vcpus": 1, "ram": 2048, "original_name": "d2-2"}, "image": {"id": IMAGE},
        "created": "2026-11-28T13:14:50Z", "tags": [],
    })
}

pub(crate) fn not_found() -> Value {
    json!({"itemNotFound": {"code": 404, "message": format!("Instance {ID} could not be found.")}})
}

pub(crate) fn neutron(kind: &str) -> Value {
    json!({"NeutronError": {"type": kind, "message": "No.", "detail": ""}})
}

/// Requests in the order in which they came. Those that are sent side by side are sorted by what they are.
pub(crate) async fn sent(server: &MockServer) -> String {
    let text = received_with(server, &Render::new().redact_field("secret")).await;
    let mut parts: Vec<&str> = text.split("\n\n--------\n\n").collect();
    parts.sort_unstable();
    parts.join("\n\n--------\n\n")
}

/// Method and path of each request, in the order in which they came.
pub(crate) async fn paths(server: &MockServer) -> Vec<String> {
    let requests = server.received_requests().await.unwrap();
    requests
        .iter()
        .map(|request| format!("{} {}", request.method, request.url.path()))
        .collect()
}
