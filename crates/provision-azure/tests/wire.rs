//! Pins every request that the provider sends, over the real transport against a mock server. The answers are those of
//! <https://learn.microsoft.com/en-us/rest/api/resources/> and <https://learn.microsoft.com/en-us/rest/api/compute/> (read
//! 2026-11), shortened.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed check ends the test"
)]

#[path = "wire/adoption.rs"]
mod adoption;
#[path = "wire/deletes.rs"]
mod deletes;
#[path = "wire/reads.rs"]
mod reads;
#[path = "wire/tokens.rs"]
mod tokens;

use std::time::{Duration, SystemTime};

use provision_azure::Azure;
use provision_core::{
    BasicHost, ErrorKind, HostId, HostStatus, Hosted, IdempotencyKey, OpenPorts, Origin, ProvisionedHost, Provisioner,
    Settings, UserData,
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

async fn connect(server: &MockServer) -> Hosted<Azure> {
    let token =
        json!({"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": "eyJ0-fetched"});
    answer(server, "POST", TOKEN, 200, token).await;
    Azure::from_settings(&settings(server), wire::transport()).unwrap()
}

async fn received(server: &MockServer) -> String {
    received_with(server, &Render::new().redact_field("provision-created")).await
}

/// As [`received`], for requests that are sent side by side: sorted, because they arrive in any order.
async fn received_in_any_order(server: &MockServer) -> String {
    const LINE: &str = "\n\n--------\n\n";
    let received = received(server).await;
    let mut requests: Vec<&str> = received.split(LINE).collect();
    requests.sort_unstable();
    requests.join(LINE)
}

/// What was sent, as `METHOD last-part` lines; the token's request left out. The two requests of the look-up, which arrive in any
/// order, are the list and then the group.
async fn sent(server: &MockServer) -> Vec<String> {
    let requests = server.received_requests().await.unwrap();
    let line = |request: &provision_testkit::wiremock::Request| {
        let last = request.url.path().rsplit('/').next().unwrap_or_default().to_owned();
        format!("{} {last}", request.method)
    };
    let mut lines: Vec<String> = requests.iter().map(line).filter(|line| line != "POST token").collect();
    if lines.get(..2).is_some_and(|both| both == [CREATE[1], CREATE[0]]) {
        lines.swap(0, 1);
    }
    lines
}

fn path(rest: &str) -> String {
    format!("/subscriptions/{SUBSCRIPTION}/{rest}")
}

fn groups_path() -> String {
    path("resourcegroups")
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
    host = host.with_key(IdempotencyKey::new("order-17").unwrap());
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
    for (key, value) in &wire::labels(Azure::INFO, host) {
        tags[key] = json!(value);
    }
    tags
}

fn ours(host: &BasicHost) -> Value {
    let mut group = group("provision-exit-1", "Succeeded", tags(host));
    if let Some(region) = &host.region {
        group["location"] = json!(region);
    }
    group
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

fn ids(error: &provision_core::Error) -> Option<&str> {
    error.host().map(HostId::as_str)
}

/// Neither a group with the key nor one of the name.
async fn nothing_is_there(server: &MockServer) {
    answer(server, "GET", &groups_path(), 200, json!({"value": []})).await;
    answer(server, "GET", &group_path(), 404, error("ResourceGroupNotFound")).await;
}

/// Nothing is there, the group is made, and the deployment is answered so.
async fn deploying(host: &BasicHost, status: u16, body: Value) -> (MockServer, Hosted<Azure>) {
    let server = wire::server().await;
    let cloud = connect(&server).await;
    nothing_is_there(&server).await;
    answer(&server, "PUT", &group_path(), 201, ours(host)).await;
    answer(&server, "PUT", &deployment_path(), status, body).await;
    (server, cloud)
}

const CREATE: [&str; 4] = [
    "GET resourcegroups",
    "GET provision-exit-1",
    "PUT provision-exit-1",
    "PUT exit-1",
];

async fn create(host: &BasicHost) -> (MockServer, ProvisionedHost) {
    let (server, cloud) = deploying(host, 201, deployment("Accepted")).await;
    let created = cloud.provision(host).await.unwrap();
    (server, created)
}

#[tokio::test]
async fn create_with_defaults() {
    let (server, host) = create(&small_host()).await;
    assert_eq!(
        (host.id.as_str(), host.status, host.raw_status.as_str(), host.ip),
        ("provision-exit-1|exit-1", HostStatus::Provisioning, "Accepted", None)
    );
    assert_eq!(host.origin, Some(Origin::Created));
    insta::assert_snapshot!(received_in_any_order(&server).await);
}

#[tokio::test]
async fn create_with_everything() {
    let (server, host) = create(&full_host()).await;
    assert!(host.labels.has_key(&IdempotencyKey::new("order-17").unwrap()));
    assert_eq!(host.labels, wire::labels(Azure::INFO, &full_host()));
    insta::assert_snapshot!(received_in_any_order(&server).await);
}

#[tokio::test]
async fn a_refused_deployment_takes_its_group_along() {
    let refusal = json!({"error": {
        "code": "InvalidTemplateDeployment", "message": "The template deployment 'exit-1' is not valid",
        "details": [{"code": "QuotaExceeded", "message": "exceeding quota limits of Core, not IyEvYmluL3NoCmVjaG8gaGkK"}],
    }});
    for (status, body, kind) in [
        (400, refusal, ErrorKind::Quota),
        (409, error("ResourceCountExceedsLimit"), ErrorKind::Quota),
        (403, error("RequestDisallowedByPolicy"), ErrorKind::Forbidden),
        (404, json!("no such route"), ErrorKind::UnexpectedResponse),
    ] {
        let server = wire::server().await;
        let cloud = connect(&server).await;
        answer(&server, "GET", &groups_path(), 200, json!({"value": []})).await;
        wire::answer_once(&server, "GET", &group_path(), 404, error("ResourceGroupNotFound")).await;
        answer(&server, "GET", &group_path(), 200, ours(&keyed_host())).await;
        answer(&server, "PUT", &group_path(), 201, ours(&keyed_host())).await;
        answer(&server, "PUT", &deployment_path(), status, body).await;
        answer(&server, "GET", &deployment_path(), 404, error("DeploymentNotFound")).await;
        answer(&server, "DELETE", &group_path(), 202, Value::Null).await;
        let error = cloud.provision(&keyed_host()).await.unwrap_err();
        assert_eq!(
            (error.kind(), ids(&error)),
            (kind, Some("provision-exit-1|exit-1")),
            "{error}"
        );
        assert!(!error.to_string().contains("IyEvYmlu"), "{error}");
        // The look-up is one step, so that it is five to the end.
        let rolled_back = ["GET exit-1", "DELETE provision-exit-1"];
        assert_eq!(sent(&server).await, [&CREATE[..], &rolled_back].concat());
    }
}

#[tokio::test]
async fn a_group_in_which_another_call_deploys_is_not_taken_back() {
    // Refused, and answered with something that cannot be read.
    for (status, body) in [(400, error("QuotaExceeded")), (201, json!({}))] {
        let (server, cloud) = deploying(&keyed_host(), status, body).await;
        answer(&server, "GET", &deployment_path(), 200, deployment("Running")).await;
        let host = cloud.provision(&keyed_host()).await.unwrap();
        assert_eq!(
            (host.raw_status.as_str(), host.status),
            ("Running", HostStatus::Provisioning)
        );
        assert_eq!(sent(&server).await, [&CREATE[..], &["GET exit-1"]].concat());
    }
}

#[tokio::test]
async fn nothing_is_taken_back_while_it_is_not_known_whether_another_call_deploys() {
    let (server, cloud) = deploying(&keyed_host(), 400, error("QuotaExceeded")).await;
    answer(&server, "GET", &deployment_path(), 429, error("TooManyRequests")).await;
    let error = cloud.provision(&keyed_host()).await.unwrap_err();
    assert_eq!(
        (error.kind(), ids(&error)),
        (ErrorKind::RateLimited, Some("provision-exit-1|exit-1"))
    );
    assert_eq!(sent(&server).await, [&CREATE[..], &["GET exit-1"]].concat());
}

#[tokio::test]
async fn a_deployment_that_may_pass_later_stays_and_the_error_names_it() {
    for (status, code, kind) in [
        (503, "ServerBusy", ErrorKind::Unavailable),
        (429, "TooManyRequests", ErrorKind::RateLimited),
        (404, "ResourceGroupNotFound", ErrorKind::Conflict),
    ] {
        let (server, cloud) = deploying(&small_host(), status, error(code)).await;
        let error = cloud.provision(&small_host()).await.unwrap_err();
        assert_eq!(
            (error.kind(), ids(&error)),
            (kind, Some("provision-exit-1|exit-1")),
            "{error}"
        );
        assert!(error.to_string().contains("azure/provision-exit-1/exit-1"), "{error}");
        assert_eq!(sent(&server).await, CREATE, "sent once, and nothing deleted");
    }
}

#[tokio::test]
async fn two_calls_at_once_deploy_once() {
    let (server, cloud) = deploying(&small_host(), 409, error("DeploymentActive")).await;
    let host = cloud.provision(&small_host()).await.unwrap();
    assert_eq!(
        (host.raw_status.as_str(), host.status),
        ("Running", HostStatus::Provisioning)
    );
    assert_eq!(sent(&server).await, CREATE);
}

#[tokio::test]
async fn what_cannot_succeed_is_refused_before_any_request() {
    let server = wire::server().await;
    let cloud = connect(&server).await;
    type Change = fn(&mut BasicHost);
    let changes: [(&str, Change); 9] = [
        ("59 at most", |host| host.name = "a".repeat(60).parse().unwrap()),
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
    for id in ["provision-x", "provision-x|a|b", "provision-x|a:b", "provision-x.|x"] {
        let id: HostId = id.parse().unwrap();
        let read = cloud.status(&id).await.unwrap_err();
        assert_eq!(read.kind(), ErrorKind::InvalidRequest, "{id}");
        assert!(read.to_string().contains(&format!("`{}`", id.to_text())), "{read}");
        assert!(read.to_string().contains("azure/provision-web-1/web-1"), "{read}");
        assert_eq!(
            cloud.delete(&id.into()).await.unwrap_err().kind(),
            ErrorKind::InvalidRequest
        );
    }
    assert!(server.received_requests().await.unwrap().is_empty());
}
