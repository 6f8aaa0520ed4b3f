//! Pins every request that the provider sends, over the real transport against a mock server. The answers are those of
//! <https://learn.microsoft.com/en-us/rest/api/resources/> and <https://learn.microsoft.com/en-us/rest/api/compute/> (read
//! 2026-11), shortened.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed check ends the test"
)]

#[path = "wire/deletes.rs"]
mod deletes;
#[path = "wire/reads.rs"]
mod reads;

use std::time::{Duration, SystemTime};

use provision_azure::Azure;
use provision_core::{
    BasicHost, ErrorKind, HostId, HostStatus, IdempotencyKey, OpenPorts, Provisioner, Settings, UserData,
};
use provision_testkit::{
    Render,
    wire::{self, answer, received_with},
    wiremock::MockServer,
};
use serde_json::{Value, json};

const SUBSCRIPTION: &str = "5d1c2f0e-7a55-4d3b-9c65-0a7d3f0f6f11";
const SECRET: &str = "client~secret~of~the~application";
const TOKEN: &str = "/contoso.example/oauth2/v2.0/token";

fn settings(server: &MockServer) -> Settings {
    Settings::new()
        .with("subscription-id", SUBSCRIPTION)
        .with("tenant-id", "contoso.example")
        .with("client-id", "3e9c1a57-6d2f-4b80-a4c3-7f5e9d1b0c26")
        .with("client-secret", SECRET)
        .with("endpoint", server.uri())
}

async fn connect(server: &MockServer) -> Azure {
    let token =
        json!({"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": "eyJ0-fetched"});
    answer(server, "POST", TOKEN, 200, token).await;
    Azure::from_settings(&settings(server), wire::transport()).unwrap()
}

async fn received(server: &MockServer) -> String {
    received_with(server, &Render::new().redact_field("provision-created")).await
}

/// What was sent, as `METHOD last-part` lines; the token's request left out.
async fn sent(server: &MockServer) -> Vec<String> {
    let requests = server.received_requests().await.unwrap();
    let line = |request: &provision_testkit::wiremock::Request| {
        let last = request.url.path().rsplit('/').next().unwrap_or_default().to_owned();
        format!("{} {last}", request.method)
    };
    requests.iter().map(line).filter(|line| line != "POST token").collect()
}

fn path(rest: &str) -> String {
    format!("/subscriptions/{SUBSCRIPTION}/{rest}")
}

fn group_path() -> String {
    path("resourcegroups/provision-exit-1")
}

fn deployment_path() -> String {
    path("resourcegroups/provision-exit-1/providers/Microsoft.Resources/deployments/exit-1")
}

fn machine_path() -> String {
    path("resourceGroups/provision-exit-1/providers/Microsoft.Compute/virtualMachines/exit-1")
}

fn small_host() -> BasicHost {
    BasicHost::new(
        "exit-1".parse().unwrap(),
        UserData::new("#!/bin/sh\necho hi\n").unwrap(),
    )
}

fn keyed_host() -> BasicHost {
    let mut host = small_host();
    host.key = Some(IdempotencyKey::new("order-17").unwrap());
    host
}

fn full_host() -> BasicHost {
    let mut host = keyed_host();
    host.region = Some("westeurope".into());
    host.plan = Some("Standard_B1s".into());
    host.image = Some("Debian:debian-12:12-gen2:latest".into());
    host.labels = "team=web".parse().unwrap();
    host.ports = OpenPorts::Only(vec![
        "80".parse().unwrap(),
        "443".parse().unwrap(),
        "8000-8100/udp".parse().unwrap(),
    ]);
    host.ssh_keys = vec!["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample me@example".into()];
    host.expires = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    let subnet = path("resourceGroups/net/providers/Microsoft.Network/virtualNetworks/v/subnets/s");
    host.additional = [("subnet", subnet.as_str()), ("admin-username", "operator")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
    host
}

fn group(name: &str, state: &str, tags: Value) -> Value {
    json!({
        "id": path(&format!("resourceGroups/{name}")), "name": name, "location": "eastus", "tags": tags,
        "properties": {"provisioningState": state},
    })
}

fn tags(host: &BasicHost) -> Value {
    let mut tags =
        json!({"provision-created": "1795168800", "provision-plan": "Standard_B1s", "provision-image": "a:b:c:d"});
    for (key, value) in &host.all_labels() {
        tags[key] = json!(value);
    }
    tags
}

fn ours(host: &BasicHost) -> Value {
    group("provision-exit-1", "Succeeded", tags(host))
}

fn deployment(state: &str) -> Value {
    let mut properties =
        json!({"provisioningState": state, "mode": "Incremental", "timestamp": "2026-11-20T10:00:00Z"});
    if state == "Succeeded" {
        properties["outputs"] = json!({"publicIP": {"type": "String", "value": "203.0.113.7"}});
    }
    json!({"id": deployment_path(), "name": "exit-1", "properties": properties})
}

fn machine(group: &str, name: &str, power: &str) -> Value {
    json!({
        "id": path(&format!("resourceGroups/{group}/providers/Microsoft.Compute/virtualMachines/{name}")), "name": name,
        "location": "eastus", "properties": {
            "vmId": "1", "instanceView": {"statuses": [
                {"code": "ProvisioningState/succeeded", "level": "Info", "displayStatus": "Provisioning succeeded"},
                {"code": format!("PowerState/{power}"), "level": "Info", "displayStatus": "VM"},
            ]},
        },
    })
}

fn address(group: &str, ip: &str) -> Value {
    json!({
        "id": path(&format!("resourceGroups/{group}/providers/Microsoft.Network/publicIPAddresses/x-ip")), "name": "x-ip",
        "properties": {"provisioningState": "Succeeded", "ipAddress": ip, "publicIPAllocationMethod": "Static"},
    })
}

fn error(code: &str) -> Value {
    json!({"error": {"code": code, "message": "because"}})
}

fn id() -> HostId {
    "provision-exit-1|exit-1".parse().unwrap()
}

async fn create(host: &BasicHost, server: &MockServer) -> provision_core::ProvisionedHost {
    let cloud = connect(server).await;
    answer(server, "GET", &group_path(), 404, error("ResourceGroupNotFound")).await;
    answer(server, "PUT", &group_path(), 201, ours(host)).await;
    answer(server, "PUT", &deployment_path(), 201, deployment("Accepted")).await;
    cloud.provision(host).await.unwrap()
}

#[tokio::test]
async fn create_with_defaults() {
    let server = wire::server().await;
    let host = create(&small_host(), &server).await;
    assert_eq!(
        (host.id.as_str(), host.status, host.raw_status.as_str(), host.ip),
        ("provision-exit-1|exit-1", HostStatus::Provisioning, "Accepted", None)
    );
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn create_with_everything() {
    let server = wire::server().await;
    let host = create(&full_host(), &server).await;
    assert!(host.labels.has_key(&IdempotencyKey::new("order-17").unwrap()));
    assert_eq!(host.labels, full_host().all_labels());
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn a_lost_create_is_adopted_by_its_key() {
    let server = wire::server().await;
    let cloud = connect(&server).await;
    answer(&server, "GET", &group_path(), 200, ours(&keyed_host())).await;
    answer(&server, "GET", &deployment_path(), 200, deployment("Running")).await;
    let host = cloud.provision(&keyed_host()).await.unwrap();
    assert_eq!(host.status, HostStatus::Provisioning);
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn a_create_that_was_cut_off_is_continued() {
    for (state, found) in [(404, error("DeploymentNotFound")), (200, deployment("Failed"))] {
        let server = wire::server().await;
        let cloud = connect(&server).await;
        answer(&server, "GET", &group_path(), 200, ours(&keyed_host())).await;
        answer(&server, "GET", &deployment_path(), state, found).await;
        answer(&server, "PUT", &deployment_path(), 409, error("DeploymentActive")).await;
        let host = cloud.provision(&keyed_host()).await.unwrap();
        assert_eq!(host.status, HostStatus::Provisioning);
        let expected = ["GET provision-exit-1", "GET exit-1", "PUT exit-1"];
        assert_eq!(sent(&server).await, expected, "the group keeps its tags");
    }
}

#[tokio::test]
async fn a_deployment_that_is_done_is_never_put_again() {
    let server = wire::server().await;
    let cloud = connect(&server).await;
    answer(&server, "GET", &group_path(), 200, ours(&keyed_host())).await;
    answer(&server, "GET", &deployment_path(), 200, deployment("Succeeded")).await;
    answer(
        &server,
        "GET",
        &machine_path(),
        200,
        machine("provision-exit-1", "exit-1", "running"),
    )
    .await;
    let host = cloud.provision(&keyed_host()).await.unwrap();
    assert_eq!((host.status, host.ip), (HostStatus::Active, "203.0.113.7".parse().ok()));
    assert_eq!(
        sent(&server).await,
        ["GET provision-exit-1", "GET exit-1", "GET exit-1"]
    );
}

#[tokio::test]
async fn a_taken_name_is_left_alone() {
    let foreign = group("provision-exit-1", "Succeeded", json!({"owner": "somebody"}));
    let untagged = group("provision-exit-1", "Succeeded", Value::Null);
    let deleting = group("provision-exit-1", "Deleting", tags(&keyed_host()));
    let other_key = group("provision-exit-1", "Succeeded", tags(&small_host()));
    for (found, kind) in [
        (foreign, ErrorKind::AlreadyExists),
        (untagged, ErrorKind::AlreadyExists),
        (deleting, ErrorKind::Conflict),
        (other_key, ErrorKind::AlreadyExists),
    ] {
        let server = wire::server().await;
        let cloud = connect(&server).await;
        answer(&server, "GET", &group_path(), 200, found).await;
        let error = cloud.provision(&keyed_host()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(sent(&server).await, ["GET provision-exit-1"]);
    }
}

#[tokio::test]
async fn a_refused_deployment_takes_its_group_along() {
    let server = wire::server().await;
    let cloud = connect(&server).await;
    answer(&server, "GET", &group_path(), 404, error("ResourceGroupNotFound")).await;
    answer(&server, "PUT", &group_path(), 201, ours(&keyed_host())).await;
    let refusal = json!({"error": {
        "code": "InvalidTemplateDeployment", "message": "The template deployment 'exit-1' is not valid",
        "details": [{"code": "QuotaExceeded", "message": "exceeding quota limits of Core, not IyEvYmluL3NoCmVjaG8gaGkK"}],
    }});
    answer(&server, "PUT", &deployment_path(), 400, refusal).await;
    answer(&server, "GET", &deployment_path(), 404, error("DeploymentNotFound")).await;
    answer(&server, "DELETE", &group_path(), 202, Value::Null).await;
    let error = cloud.provision(&keyed_host()).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Quota, Some("QuotaExceeded")));
    assert!(!error.to_string().contains("IyEvYmlu"), "{error}");
    let expected = [
        "GET provision-exit-1",
        "PUT provision-exit-1",
        "PUT exit-1",
        "GET exit-1",
        "DELETE provision-exit-1",
    ];
    assert_eq!(sent(&server).await, expected);
}

#[tokio::test]
async fn a_group_in_which_another_call_deploys_is_not_rolled_back() {
    let server = wire::server().await;
    let cloud = connect(&server).await;
    answer(&server, "GET", &group_path(), 404, error("ResourceGroupNotFound")).await;
    answer(&server, "PUT", &group_path(), 200, ours(&keyed_host())).await;
    answer(&server, "PUT", &deployment_path(), 400, error("QuotaExceeded")).await;
    answer(&server, "GET", &deployment_path(), 200, deployment("Running")).await;
    let host = cloud.provision(&keyed_host()).await.unwrap();
    assert_eq!(host.raw_status, "Running");
    assert!(!sent(&server).await.iter().any(|line| line.starts_with("DELETE")));
}

#[tokio::test]
async fn a_deployment_without_an_answer_stays() {
    let server = wire::server().await;
    let cloud = connect(&server).await;
    answer(&server, "GET", &group_path(), 404, error("ResourceGroupNotFound")).await;
    answer(&server, "PUT", &group_path(), 201, ours(&keyed_host())).await;
    answer(&server, "PUT", &deployment_path(), 503, error("ServerBusy")).await;
    let error = cloud.provision(&keyed_host()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let expected = ["GET provision-exit-1", "PUT provision-exit-1", "PUT exit-1"];
    assert_eq!(sent(&server).await, expected, "sent once, and nothing deleted");
}

#[tokio::test]
async fn a_throttled_deployment_waits_for_the_next_call_where_there_is_a_key() {
    for (host, deleted) in [(keyed_host(), false), (small_host(), true)] {
        let server = wire::server().await;
        let cloud = connect(&server).await;
        answer(&server, "GET", &group_path(), 404, error("ResourceGroupNotFound")).await;
        answer(&server, "PUT", &group_path(), 201, ours(&host)).await;
        answer(&server, "PUT", &deployment_path(), 429, error("TooManyRequests")).await;
        answer(&server, "GET", &deployment_path(), 404, error("DeploymentNotFound")).await;
        answer(&server, "DELETE", &group_path(), 202, Value::Null).await;
        let error = cloud.provision(&host).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RateLimited);
        let last = sent(&server).await.pop();
        assert_eq!(last.as_deref() == Some("DELETE provision-exit-1"), deleted);
    }
}

#[tokio::test]
async fn what_cannot_succeed_is_refused_before_any_request() {
    let server = wire::server().await;
    let cloud = connect(&server).await;
    type Change = fn(&mut BasicHost);
    let changes: [(&str, Change); 8] = [
        ("region", |host| host.region = Some("East US".into())),
        ("plan", |host| host.plan = Some("[resourceGroup().id]".into())),
        ("image", |host| host.image = Some("ubuntu-24.04".into())),
        ("image", |host| host.image = Some("[x]:y:z:w".into())),
        ("ssh key", |host| {
            host.ssh_keys = vec!["ecdsa-sha2-nistp256 AAAA".into()]
        }),
        ("ssh key", |host| host.ssh_keys = vec!["40112233".into()]),
        ("admin-username", |host| {
            drop(host.additional.insert("admin-username".into(), "root".into()))
        }),
        ("subnet", |host| {
            drop(host.additional.insert("subnet".into(), "default".into()))
        }),
    ];
    for (word, change) in changes {
        let mut host = small_host();
        change(&mut host);
        let error = cloud.provision(&host).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
        assert!(error.to_string().contains(word), "{error}");
    }
    for id in ["other-group", "provision-x|a|b", "provision-x|a:b", "provision-x.|x"] {
        assert_eq!(
            cloud.status(&id.parse().unwrap()).await.unwrap_err().kind(),
            ErrorKind::InvalidRequest,
            "{id}"
        );
    }
    assert!(server.received_requests().await.unwrap().is_empty());
}
