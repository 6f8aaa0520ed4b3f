//! What the tests over a mock server share: the provider, hosts, and answers of the API.

#![allow(dead_code, missing_docs, reason = "each test program uses some of it")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, unreachable_pub, reason = "test code")]

use std::time::{Duration, SystemTime};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use provision_core::{BasicHost, IdempotencyKey, Labels, OpenPorts, Provisioner, Settings, UserData};
use provision_gce::Gce;
use provision_testkit::{
    wire::{self, answer},
    wiremock::MockServer,
};
use serde_json::{Value, json};

/// Where a key file of Google's sends an assertion.
pub const TOKEN_URI: &str = "https://oauth2.googleapis.com/token";
pub const PROJECT: &str = "/compute/v1/projects/p1";
pub const ZONE: &str = "/compute/v1/projects/p1/zones/us-central1-a";
pub const AGGREGATED: &str = "/compute/v1/projects/p1/aggregated/instances";
pub const INSTANCES: &str = "/compute/v1/projects/p1/zones/us-central1-a/instances";
pub const INSTANCE: &str = "/compute/v1/projects/p1/zones/us-central1-a/instances/exit-1";
pub const OPERATIONS: &str = "/compute/v1/projects/p1/zones/us-central1-a/operations";
pub const DISK: &str = "/compute/v1/projects/p1/zones/us-central1-a/disks/exit-1";
pub const RULES: &str = "/compute/v1/projects/p1/global/firewalls";
pub const LINK: &str = "https://www.googleapis.com/compute/v1/projects/p1/zones/us-central1-a";
pub const ID: &str = "exit-1|us-central1-a|p1";

/// A key file of a service account. Its key was made for these tests and opens nothing else; it is kept as plain PKCS#8, as
/// secret scanners stop a push for one that stands in a file as PEM.
pub fn account(token_uri: &str) -> String {
    let (key, label) = (STANDARD.encode(include_bytes!("../account.der")), "PRIVATE KEY");
    let file = json!({
        "type": "service_account", "project_id": "p1", "private_key_id": "test-only-key",
        "private_key": format!("-----BEGIN {label}-----\n{key}\n-----END {label}-----\n"),
        "client_email": "test-only@p1.iam.gserviceaccount.com", "client_id": "1", "token_uri": token_uri,
        "universe_domain": "googleapis.com",
    });
    file.to_string()
}

pub fn with(server: &MockServer, name: &str, value: &str) -> impl Provisioner + use<> {
    let settings = Settings::new()
        .with("project", "p1")
        .with(name, value)
        .with("endpoint", server.uri());
    Gce::from_settings(&settings, wire::transport()).unwrap()
}

pub fn connect(server: &MockServer) -> impl Provisioner + use<> {
    with(server, "access-token", "ya29.a-secret-token")
}

pub fn small_host() -> BasicHost {
    BasicHost::new(
        "exit-1".parse().unwrap(),
        UserData::new("#!/bin/sh\necho hi\n").unwrap(),
    )
}

pub fn keyed_host() -> BasicHost {
    let mut host = small_host();
    host = host.with_key(IdempotencyKey::new("order-17").unwrap());
    host
}

pub fn full_host() -> BasicHost {
    let mut host = keyed_host();
    host.region = Some("us-central1-a".into());
    host.plan = Some("t2a-standard-1".into());
    host.labels = "team=web".parse().unwrap();
    host.ports = OpenPorts::Only(vec![
        "80".parse().unwrap(),
        "443".parse().unwrap(),
        "8000-8100/udp".parse().unwrap(),
    ]);
    host.ssh_keys = vec!["ssh-ed25519 AAAA me".into(), "debian:ssh-ed25519 BBBB me".into()];
    host.expires = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    host.additional = [
        ("network", "my-vpc"),
        ("subnetwork", "my-subnet"),
        ("disk-gb", "20"),
        ("disk-type", "pd-balanced"),
        ("vm-service-account", "vm@p1.iam.gserviceaccount.com"),
        ("tags", "inlets, http-server"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into();
    host
}

pub fn labels(host: &BasicHost) -> Labels {
    wire::labels(Gce::INFO, host)
}

pub fn error(status: u16, reason: &str, message: &str) -> Value {
    json!({"error": {"code": status, "message": message,
        "errors": [{"message": message, "domain": "global", "reason": reason}]}})
}

pub fn not_found(path: &str) -> Value {
    let path = path.strip_prefix("/compute/v1/").unwrap();
    error(404, "notFound", &format!("The resource '{path}' was not found"))
}

pub fn operation(kind: &str, status: &str, inserted: &str) -> Value {
    json!({"kind": "compute#operation", "id": "5123", "name": "operation-1", "operationType": kind, "status": status,
        "targetLink": format!("{LINK}/instances/exit-1"), "targetId": "8812", "insertTime": inserted})
}

pub fn running(kind: &str) -> Value {
    operation(kind, "RUNNING", "2026-11-20T07:03:16.120-08:00")
}

pub fn failed() -> Value {
    let mut failed = operation("insert", "DONE", "2026-11-20T07:03:16.120-08:00");
    failed["error"] = json!({"errors": [{"code": "QUOTA_EXCEEDED",
        "message": "Quota 'CPUS' exceeded.  Limit: 8.0 in region us-central1."}]});
    failed
}

pub fn instance(status: &str, labels: &Labels) -> Value {
    json!({"kind": "compute#instance", "id": "8812734450912", "name": "exit-1", "status": status,
        "creationTimestamp": "2026-11-20T02:00:00.001-08:00", "zone": LINK,
        "machineType": format!("{LINK}/machineTypes/e2-micro"), "labels": labels,
        "networkInterfaces": [{"name": "nic0", "networkIP": "10.128.0.5",
            "accessConfigs": [{"name": "External NAT", "type": "ONE_TO_ONE_NAT", "natIP": "203.0.113.7"}]}]})
}

pub fn disk(labels: &Labels) -> Value {
    json!({"kind": "compute#disk", "name": "exit-1", "labels": labels, "users": [format!("{LINK}/instances/exit-1")]})
}

/// A rule that was made a second after the host of [`instance`].
pub fn rule(name: &str, description: &str) -> Value {
    json!({"kind": "compute#firewall", "id": "1", "name": name, "priority": 999, "direction": "INGRESS",
        "description": description, "targetTags": ["exit-1-fw"], "sourceRanges": ["0.0.0.0/0"],
        "creationTimestamp": "2026-11-20T02:00:01.000-08:00",
        "network": "https://www.googleapis.com/compute/v1/projects/p1/global/networks/default",
        "allowed": [{"IPProtocol": "all"}]})
}

/// A rule that an earlier host of the name left.
pub fn old_rule(name: &str) -> Value {
    let mut rule = rule(name, OURS);
    rule["creationTimestamp"] = json!("2026-11-19T02:00:00.000-08:00");
    rule
}

pub const OURS: &str = "managed-by=provision host=us-central1-a/exit-1";

pub fn list(kind: &str, items: &[Value]) -> Value {
    let kind = format!("compute#{kind}List");
    match items {
        [] => json!({"kind": kind}),
        items => json!({"kind": kind, "items": items}),
    }
}

pub fn aggregated(instances: &[Value]) -> Value {
    json!({"kind": "compute#instanceAggregatedList", "items": {
        "zones/us-central1-a": {"instances": instances},
        "zones/us-east1-b": {"warning": {"code": "NO_RESULTS_ON_PAGE"}}}})
}

pub async fn missing(server: &MockServer, verb: &str, path: &str) {
    answer(server, verb, path, 404, not_found(path)).await;
}

/// No host with the key, no disk, and a create that is accepted with its rules.
pub async fn accepts(server: &MockServer) {
    answer(server, "GET", AGGREGATED, 200, aggregated(&[])).await;
    missing(server, "GET", DISK).await;
    answer(server, "GET", RULES, 200, list("firewall", &[])).await;
    answer(server, "POST", INSTANCES, 200, running("insert")).await;
    answer(server, "POST", RULES, 200, running("insert")).await;
}

/// Every request that the server received, as text for a snapshot. Those from one number up to another were sent side
/// by side, and stand in the order of the alphabet.
pub async fn received(server: &MockServer, side_by_side: &[(usize, usize)]) -> String {
    let all = wire::received(server).await;
    let mut requests: Vec<&str> = all.split(SEPARATOR).collect();
    for (from, to) in side_by_side {
        requests[*from..*to].sort_unstable();
    }
    requests.join(SEPARATOR)
}

const SEPARATOR: &str = "\n\n--------\n\n";

/// How many requests with this method and path, exactly, the server received.
pub async fn count(server: &MockServer, verb: &str, path: &str) -> usize {
    let requests = server.received_requests().await.unwrap();
    let same = requests
        .iter()
        .filter(|one| one.method.as_str() == verb && one.url.path() == path);
    same.count()
}
