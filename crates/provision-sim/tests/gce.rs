//! Google Compute Engine, over `Sim::handle`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod support;

use http::Method;
use provision_sim::{Effect, Fault, Sim};
use serde_json::{Value, json};
use support::{Account, Got, advance, got, items, sim};

const ZONE: &str = "/zones/us-central1-a";
const WEB1: &str = "/zones/us-central1-a/instances/web-1";

fn account(sim: &Sim) -> Account<'_> {
    Account {
        sim,
        base: "/gce/compute/v1/projects/sim-project",
        token: "sim-token-gce",
    }
}

fn order(name: &str) -> Value {
    json!({
        "name": name, "machineType": "zones/us-central1-a/machineTypes/e2-micro", "labels": { "managed-by": "x" },
        "tags": { "items": [name] },
        "disks": [{ "boot": true, "autoDelete": true, "initializeParams": {
            "sourceImage": "projects/ubuntu-os-cloud/global/images/family/ubuntu-2404-lts-amd64", "diskSizeGb": "10",
            "diskType": "zones/us-central1-a/diskTypes/pd-standard", "labels": { "managed-by": "x" } } }],
        "networkInterfaces": [{ "network": "global/networks/default",
            "accessConfigs": [{ "name": "External NAT", "type": "ONE_TO_ONE_NAT", "networkTier": "PREMIUM" }] }],
        "metadata": { "items": [{ "key": "user-data", "value": "#!/bin/sh\n" }] },
        "scheduling": { "automaticRestart": true, "onHostMaintenance": "MIGRATE" },
    })
}

fn make(account: &Account<'_>, name: &str) -> Got {
    account.post(&format!("{ZONE}/instances"), order(name))
}

fn reason(got: &Got) -> (u16, &str) {
    (
        got.status,
        got.json["error"]["errors"][0]["reason"].as_str().unwrap_or_default(),
    )
}

fn message(got: &Got) -> &str {
    got.json["error"]["message"].as_str().unwrap_or_default()
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[test]
fn an_instance_comes_up_and_goes_with_its_disk() {
    let sim = sim();
    let account = account(&sim);
    let made = make(&account, "web-1");
    assert_eq!((made.status, &made.json["operationType"]), (200, &json!("insert")));
    let link = "https://www.googleapis.com/compute/v1/projects/sim-project/zones/us-central1-a";
    assert_eq!(made.json["targetLink"], format!("{link}/instances/web-1"));
    assert_eq!(
        (&made.json["status"], &made.json["zone"]),
        (&json!("PENDING"), &json!(link))
    );
    let operation = format!("{ZONE}/operations/{}", made.json["name"].as_str().unwrap());

    let fresh = account.get(WEB1).json;
    assert_eq!(fresh["status"], "PROVISIONING");
    assert!(fresh["id"].is_string());
    assert_eq!(fresh["creationTimestamp"], "2026-11-20T02:00:00.000-08:00");
    assert_eq!(fresh["networkInterfaces"][0]["accessConfigs"][0]["natIP"], Value::Null);
    advance(&sim, 1_500);
    assert_eq!(account.get(WEB1).json["status"], "STAGING");
    assert_eq!(account.get(&operation).json["status"], "RUNNING");
    advance(&sim, 1_500);
    let running = account.get(WEB1).json;
    assert_eq!(
        (&running["status"], &running["labels"]["managed-by"]),
        (&json!("RUNNING"), &json!("x"))
    );
    assert_eq!(
        running["networkInterfaces"][0]["accessConfigs"][0]["natIP"],
        "203.0.113.1"
    );
    assert_eq!(account.get(&operation).json["status"], "DONE");
    assert_eq!(
        account.get(&format!("{ZONE}/disks/web-1")).json["users"][0],
        format!("{link}/instances/web-1")
    );
    assert_eq!(items(&sim, "volume"), Vec::<String>::new());

    assert_eq!(account.delete(WEB1).json["operationType"], "delete");
    assert_eq!(account.get(WEB1).json["status"], "STOPPING");
    assert_eq!(reason(&account.delete(WEB1)), (400, "resourceNotReady"));
    advance(&sim, 60_000);
    let gone = account.get(WEB1);
    assert_eq!(reason(&gone), (404, "notFound"));
    assert_eq!(
        message(&gone),
        "The resource 'projects/sim-project/zones/us-central1-a/instances/web-1' was not found"
    );
    assert_eq!(account.get(&format!("{ZONE}/disks/web-1")).status, 404);
    assert!(sim.inventory().is_empty());
}

#[test]
fn a_request_id_repeats_the_operation_and_nothing_else() {
    let sim = sim();
    let account = account(&sim);
    let path = format!("{ZONE}/instances?requestId=37e90799-4870-568e-b809-0b8e2d5492c5");
    let first = account.post(&path, order("web-1"));
    let again = account.post(&path, order("web-1"));
    assert_eq!((again.status, &again.json["name"]), (200, &first.json["name"]));
    assert_eq!(first.json["clientOperationId"], "37e90799-4870-568e-b809-0b8e2d5492c5");
    assert_eq!(items(&sim, "host").len(), 1);
    assert_eq!(reason(&make(&account, "web-1")), (409, "alreadyExists"));
    // Not even when the instance is gone.
    advance(&sim, 60_000);
    account.delete(WEB1);
    advance(&sim, 60_000);
    assert_eq!(account.post(&path, order("web-1")).json["status"], "DONE");
    assert!(items(&sim, "host").is_empty());
    for bad in ["x", "00000000-0000-0000-0000-000000000000"] {
        let refused = account.post(&format!("{ZONE}/instances?requestId={bad}"), order("web-2"));
        assert_eq!(reason(&refused), (400, "invalid"), "{bad}");
    }
}

#[test]
fn a_failure_shows_in_the_operation() {
    for (effect, code, volumes) in [
        (Effect::SoldOut, "ZONE_RESOURCE_POOL_EXHAUSTED", 1),
        (Effect::Quota, "QUOTA_EXCEEDED", 0),
    ] {
        let sim = sim();
        let account = account(&sim);
        sim.faults().add(Fault::new(effect));
        let made = make(&account, "web-1");
        assert_eq!((made.status, &made.json["error"]), (200, &Value::Null));
        assert_eq!(account.get(WEB1).status, 404);
        advance(&sim, 1_000);
        let filter = encoded("targetLink eq \".*/instances/web-1\"");
        let found = account
            .get(&format!("{ZONE}/operations?filter={filter}&maxResults=20"))
            .json;
        let operation = &found["items"][0];
        assert_eq!(
            (&operation["status"], &operation["name"]),
            (&json!("DONE"), &made.json["name"])
        );
        assert_eq!(operation["error"]["errors"][0]["code"], code);
        assert_eq!((items(&sim, "host").len(), items(&sim, "volume").len()), (0, volumes));
        // The trap: the next create boots from what was left.
        sim.faults().clear();
        make(&account, "web-1");
        assert_eq!((items(&sim, "host").len(), items(&sim, "volume").len()), (1, 0));
    }
}

#[test]
fn an_order_is_read_strictly() {
    let sim = sim();
    let account = account(&sim);
    let send = |pointer: &str, value: Value| {
        let mut order = order("web-1");
        *order.pointer_mut(pointer).unwrap() = value;
        account.post(&format!("{ZONE}/instances"), order)
    };
    let image = "/disks/0/initializeParams/sourceImage";
    let table = [
        ("/name", json!("Web"), 400, "invalid", "resource.name"),
        ("/name", json!(7), 400, "badRequest", "resource.name"),
        (
            "/machineType",
            json!("zones/us-central1-a/machineTypes/x1"),
            400,
            "invalid",
            "Machine type with name 'x1' does not exist",
        ),
        (
            "/machineType",
            json!("zones/us-east1-b/machineTypes/e2-micro"),
            400,
            "invalid",
            "not in zone",
        ),
        (
            "/machineType",
            json!("zones/us-central1-a/machineTypes/c4a-standard-1"),
            400,
            "invalid",
            "not compatible",
        ),
        ("/disks", json!([]), 400, "invalid", "resource.disks"),
        (
            image,
            json!("projects/ubuntu-os-cloud/global/images/family/no"),
            404,
            "notFound",
            "family/no' was not found",
        ),
        (image, json!("ubuntu"), 400, "invalid", "malformed"),
        (
            "/disks/0/initializeParams/diskSizeGb",
            json!("5"),
            400,
            "invalid",
            "smaller than the image",
        ),
        (
            "/networkInterfaces/0/network",
            json!("global/networks/no"),
            400,
            "invalid",
            "referenced network resource cannot be found",
        ),
        (
            "/labels",
            json!({ "Team": "x" }),
            400,
            "invalid",
            "violates format constraints",
        ),
        ("/tags/items", json!(["A"]), 400, "invalid", "resource.tags"),
        (
            "/metadata/items/0/value",
            json!("x".repeat(262_145)),
            400,
            "invalid",
            "too large",
        ),
        (
            "/metadata/items/0",
            json!({ "key": "a", "vale": "b" }),
            400,
            "badRequest",
            "Unknown name \"vale\"",
        ),
    ];
    for (pointer, value, status, kind, text) in table {
        let refused = send(pointer, value);
        assert_eq!(reason(&refused), (status, kind), "{pointer}: {}", message(&refused));
        assert!(message(&refused).contains(text), "{pointer}: {}", message(&refused));
    }
    let mut extra = order("web-1");
    extra["colour"] = json!("red");
    assert_eq!(
        reason(&account.post(&format!("{ZONE}/instances"), extra)),
        (400, "badRequest")
    );
    let unknown = account.get("/zones/nowhere-9/instances");
    assert_eq!(
        message(&unknown),
        "Invalid value for field 'zone': 'nowhere-9'. Unknown zone."
    );
    assert_eq!(reason(&account.get("/zones?colour=red")), (400, "badRequest"));
    assert!(sim.inventory().is_empty());
}

#[test]
fn lists_are_filtered_and_paged() {
    let sim = sim();
    let account = account(&sim);
    for name in ["web-1", "web-2", "web-3"] {
        make(&account, name);
    }
    let filter = encoded("labels.managed-by=x");
    let page = account
        .get(&format!("{ZONE}/instances?filter={filter}&maxResults=2"))
        .json;
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
    let token = page["nextPageToken"].as_str().unwrap();
    let rest = account
        .get(&format!(
            "{ZONE}/instances?filter={filter}&maxResults=2&pageToken={token}"
        ))
        .json;
    assert_eq!(
        (&rest["items"][0]["name"], &rest["nextPageToken"]),
        (&json!("web-3"), &Value::Null)
    );
    let none = account
        .get(&format!("{ZONE}/instances?filter={}", encoded("labels.managed-by=y")))
        .json;
    assert_eq!(
        (&none["items"], &none["kind"]),
        (&Value::Null, &json!("compute#instanceList"))
    );
    let all = account.get(&format!("/aggregated/instances?filter={filter}")).json;
    assert_eq!(
        all["items"]["zones/us-central1-a"]["instances"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    assert_eq!(
        all["items"]["zones/us-east1-b"]["warning"]["code"],
        "NO_RESULTS_ON_PAGE"
    );
    for bad in ["filter=%28a%3Db", "maxResults=501", "pageToken=x", "orderBy=size"] {
        assert_eq!(
            reason(&account.get(&format!("{ZONE}/instances?{bad}"))),
            (400, "invalid"),
            "{bad}"
        );
    }
    let zones = account.get("/zones").json;
    assert!(
        zones["items"]
            .as_array()
            .unwrap()
            .iter()
            .any(|zone| zone["name"] == "us-central1-a")
    );
}

#[test]
fn firewall_rules_are_made_changed_and_deleted() {
    let sim = sim();
    let account = account(&sim);
    let rule = json!({ "name": "web-1-fw", "network": "global/networks/default", "direction": "INGRESS", "priority": 999,
        "sourceRanges": ["0.0.0.0/0"], "targetTags": ["web-1"], "description": "managed-by=x",
        "allowed": [{ "IPProtocol": "tcp", "ports": ["80", "8000-8100"] }] });
    assert_eq!(
        account.post("/global/firewalls", rule.clone()).json["operationType"],
        "insert"
    );
    assert_eq!(
        reason(&account.post("/global/firewalls", rule.clone())),
        (409, "alreadyExists")
    );
    let path = "/global/firewalls/web-1-fw";
    assert_eq!(reason(&account.delete(path)), (400, "resourceNotReady"));
    advance(&sim, 1_000);
    let patch = account
        .request(Method::PATCH, path)
        .json(&json!({ "allowed": [{ "IPProtocol": "all" }] }));
    assert_eq!(got(sim.handle(patch)).json["operationType"], "patch");
    let shown = account.get(path).json;
    assert_eq!(shown["allowed"], json!([{ "IPProtocol": "all" }]));
    assert_eq!(
        (&shown["priority"], &shown["targetTags"]),
        (&json!(999), &json!(["web-1"]))
    );
    let found = account
        .get(&format!(
            "/global/firewalls?filter={}",
            encoded("name eq \"web-1-(fw|no)\"")
        ))
        .json;
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
    advance(&sim, 1_000);
    assert_eq!(account.delete(path).json["operationType"], "delete");
    assert_eq!(account.get(path).status, 200);
    advance(&sim, 60_000);
    assert_eq!(reason(&account.delete(path)), (404, "notFound"));
    let table = [
        ("allowed", json!([])),
        ("allowed", json!([{ "IPProtocol": "tcp", "ports": ["80-"] }])),
        ("allowed", json!([{ "IPProtocol": "icmp", "ports": ["80"] }])),
        ("sourceRanges", json!(["0.0.0.0"])),
        ("priority", json!(70_000)),
        ("denied", json!([{ "IPProtocol": "all" }])),
    ];
    for (field, value) in table {
        let mut bad = rule.clone();
        bad[field] = value;
        assert_eq!(
            reason(&account.post("/global/firewalls", bad)),
            (400, "invalid"),
            "{field}"
        );
    }
}

#[test]
fn an_address_outlives_its_instance() {
    let sim = sim();
    let account = account(&sim);
    let path = "/regions/us-central1/addresses/web-1";
    account.post("/regions/us-central1/addresses", json!({ "name": "web-1" }));
    let address = account.get(path).json["address"].clone();
    let mut order = order("web-1");
    order["networkInterfaces"][0]["accessConfigs"][0]["natIP"] = address.clone();
    assert_eq!(account.post(&format!("{ZONE}/instances"), order).status, 200);
    let in_use = account.delete(path);
    assert_eq!(reason(&in_use), (400, "resourceInUseByAnotherResource"));
    let said = in_use.json["error"]["message"].as_str().unwrap();
    assert!(said.starts_with("The address resource 'projects/"), "{said}");
    assert_eq!(
        reason(&account.delete(&format!("{ZONE}/disks/web-1"))),
        (400, "resourceInUseByAnotherResource")
    );
    account.delete(WEB1);
    advance(&sim, 60_000);
    assert_eq!(account.get(path).json["status"], "RESERVED");
    assert_eq!(items(&sim, "address").len(), 1);
    assert_eq!(account.delete(path).status, 200);
    advance(&sim, 60_000);
    assert!(sim.inventory().is_empty());
}

#[test]
fn a_new_instance_may_be_invisible_for_a_moment() {
    let sim = sim();
    let account = account(&sim);
    sim.faults().add(Fault::new(Effect::LateVisibility { millis: 500 }));
    make(&account, "web-1");
    assert_eq!(account.get(WEB1).status, 404);
    assert_eq!(account.delete(WEB1).status, 404);
    assert_eq!(items(&sim, "host").len(), 1);
    advance(&sim, 500);
    assert_eq!(account.get(WEB1).status, 200);
}

#[test]
fn too_many_requests_are_a_403() {
    let sim = sim();
    let account = account(&sim);
    sim.faults()
        .add(Fault::new(Effect::RateLimited { retry_after: Some(7) }).times(1));
    let limited = account.get("/zones");
    assert_eq!(reason(&limited), (403, "rateLimitExceeded"));
    assert!(!limited.headers.contains_key("retry-after"));
    assert_eq!(account.get("").json["name"], "sim-project");
    let other = Account {
        base: "/gce/compute/v1/projects/other",
        ..account
    };
    assert_eq!(
        message(&other.get("/zones")),
        "The resource 'projects/other' was not found"
    );
}

#[test]
fn a_startup_script_is_what_the_guest_runs() {
    let sim = sim();
    let account = account(&sim);
    let mut order = order("web-1");
    order["metadata"] = json!({ "items": [{ "key": "startup-script", "value": "#!/bin/sh\n" }] });
    assert_eq!(account.post(&format!("{ZONE}/instances"), order).status, 200);
    let host = sim.inventory().into_iter().find(|item| item.kind == "host").unwrap();
    // Of "#!/bin/sh" and a line's end.
    let digest = "a8076d3d28d21e02012b20eaf7dbf75409a6277134439025f282e368e3305abf";
    assert_eq!(host.user_data_sha256.as_deref(), Some(digest));
}
