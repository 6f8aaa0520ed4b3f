//! Scaleway, over `Sim::handle`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod support;

use http::Method;
use provision_sim::{Effect, Fault, Sim, SimRequest};
use serde_json::{Value, json};
use support::{Got, advance, got, items, sim};

const KEY: &str = "7f2d1c3a-0b4e-4c5d-9e6f-1a2b3c4d5e6f";
const READ_ONLY: &str = "7f2d1c3a-0b4e-4c5d-9e6f-1a2b3c4d5e70";
const PROJECT: &str = "11111111-1111-4111-8111-111111111111";
const ZONE: &str = "/scaleway/instance/v1/zones/fr-par-1";

fn request(method: &str, path: &str) -> SimRequest {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    SimRequest::new(method, path).header("x-auth-token", KEY)
}

fn send(sim: &Sim, method: &str, path: &str, body: Value) -> Got {
    let request = request(method, &format!("{ZONE}{path}"));
    let request = if body.is_null() { request } else { request.json(&body) };
    got(sim.handle(request))
}

fn image(sim: &Sim, kind: &str) -> String {
    let path = format!("/scaleway/marketplace/v2/local-images?image_label=ubuntu_noble&zone=fr-par-1&type={kind}");
    let found = got(sim.handle(request("GET", &path)));
    found.json["local_images"][0]["id"].as_str().unwrap().to_owned()
}

fn order(sim: &Sim) -> Value {
    json!({
        "name": "web-1", "commercial_type": "DEV1-S", "project": PROJECT, "image": image(sim, "instance_local"),
        "tags": ["managed-by:provision"],
    })
}

/// A new server's id.
fn made(sim: &Sim, order: Value) -> String {
    let made = send(sim, "POST", "/servers", order);
    assert_eq!(made.status, 201, "{:?}", made.json);
    made.json["server"]["id"].as_str().unwrap().to_owned()
}

fn act(sim: &Sim, id: &str, action: &str) -> u16 {
    send(
        sim,
        "POST",
        &format!("/servers/{id}/action"),
        json!({ "action": action }),
    )
    .status
}

fn refusal(got: &Got) -> (u16, &str, &str, &str) {
    let detail = &got.json["details"][0];
    (
        got.status,
        got.json["type"].as_str().unwrap_or_default(),
        detail["argument_name"].as_str().unwrap_or_default(),
        detail["reason"].as_str().unwrap_or_default(),
    )
}

#[test]
fn a_server_boots_when_told_and_is_terminated() {
    let sim = sim();
    let id = made(&sim, order(&sim));
    let path = format!("/servers/{id}");
    let state = |wanted: &str| {
        let server = send(&sim, "GET", &path, Value::Null).json["server"].clone();
        assert_eq!(server["state"], wanted);
        server
    };
    advance(&sim, 60_000);
    assert_eq!(state("stopped")["allowed_actions"], json!(["poweron", "backup"]));
    let user_data = request("PATCH", &format!("{ZONE}{path}/user_data/cloud-init"))
        .header("content-type", "text/plain")
        .body("#!/bin/sh\n");
    assert_eq!(sim.handle(user_data).answer().unwrap().status(), 204);
    assert_eq!(act(&sim, &id, "terminate"), 400);
    assert_eq!(act(&sim, &id, "poweron"), 202);
    assert_eq!(state("starting")["public_ips"], json!([]));
    assert_eq!(act(&sim, &id, "terminate"), 409);
    assert_eq!(send(&sim, "DELETE", &path, Value::Null).status, 400);
    advance(&sim, 3_000);
    let running = state("running");
    assert_eq!(running["public_ips"][0]["address"], "203.0.113.1");
    assert_eq!(running["volumes"]["0"]["size"], json!(20_000_000_000_u64));
    let host = sim.inventory().into_iter().find(|item| item.kind == "host").unwrap();
    assert!(host.bills && host.user_data_sha256.is_some());
    assert_eq!(act(&sim, &id, "terminate"), 202);
    assert_eq!(state("stopping")["state_detail"], "terminating");
    assert_eq!(act(&sim, &id, "terminate"), 409);
    advance(&sim, 2_000);
    let gone = send(&sim, "GET", &path, Value::Null);
    assert_eq!((gone.status, &gone.json["resource"]), (404, &json!("instance_server")));
    assert!(sim.inventory().is_empty(), "{:?}", sim.inventory());
}

#[test]
fn a_plain_delete_leaves_the_disk_and_a_group_outlives_its_server() {
    let sim = sim();
    let group = json!({ "name": "provision-x", "project": PROJECT, "inbound_default_policy": "drop" });
    let group = send(&sim, "POST", "/security_groups", group);
    assert_eq!(group.status, 201);
    let group = group.json["security_group"]["id"].as_str().unwrap().to_owned();
    let id = made(&sim, order(&sim));
    let server = format!("/servers/{id}");
    let used = send(&sim, "PATCH", &server, json!({ "security_group": { "id": group } }));
    assert_eq!(used.json["server"]["security_group"]["name"], "provision-x");
    let group = format!("/security_groups/{group}");
    let refused = send(&sim, "DELETE", &group, Value::Null);
    assert_eq!((refused.status, &refused.json["type"]), (409, &json!("conflict")));
    let disk = used.json["server"]["volumes"]["0"]["id"].as_str().unwrap().to_owned();
    let disk = format!("/volumes/{disk}");
    assert_eq!(send(&sim, "DELETE", &disk, Value::Null).status, 400);
    assert_eq!(send(&sim, "DELETE", &server, Value::Null).status, 204);
    assert_eq!(
        (items(&sim, "volume").len(), items(&sim, "security-group").len()),
        (1, 1)
    );
    assert_eq!(send(&sim, "DELETE", &disk, Value::Null).status, 204);
    assert_eq!(send(&sim, "DELETE", &group, Value::Null).status, 204);
    assert!(sim.inventory().is_empty());
}

#[test]
fn a_block_storage_volume_survives_termination() {
    let sim = sim();
    let mut order = order(&sim);
    order["image"] = json!(image(&sim, "instance_sbs"));
    order["commercial_type"] = json!("PLAY2-PICO");
    let id = made(&sim, order);
    assert_eq!(act(&sim, &id, "poweron"), 202);
    advance(&sim, 3_000);
    assert_eq!(act(&sim, &id, "terminate"), 202);
    advance(&sim, 2_000);
    let [volume] = items(&sim, "volume").try_into().unwrap();
    let block = format!("/scaleway/block/v1/zones/fr-par-1/volumes/{volume}");
    assert_eq!(got(sim.handle(request("GET", &block))).json["status"], "available");
    assert_eq!(got(sim.handle(request("DELETE", &block))).status, 204);
    assert!(sim.inventory().is_empty());
}

#[test]
fn a_create_is_checked() {
    let sim = sim();
    let with = |field: &str, value: Value| {
        let mut order = order(&sim);
        order[field] = value;
        send(&sim, "POST", "/servers", order)
    };
    let cases = [
        ("name", Value::Null, (400, "invalid_arguments", "name", "required")),
        ("name", json!("web_1"), (400, "invalid_arguments", "name", "format")),
        (
            "project",
            Value::Null,
            (400, "invalid_arguments", "project", "required"),
        ),
        ("project", json!(KEY), (403, "permissions_denied", "", "")),
        (
            "organization",
            json!(PROJECT),
            (400, "invalid_arguments", "project", "constraint"),
        ),
        (
            "commercial_type",
            json!("X"),
            (400, "invalid_arguments", "commercial_type", "constraint"),
        ),
        (
            "commercial_type",
            json!("PLAY2-PICO"),
            (400, "invalid_arguments", "image", "constraint"),
        ),
        ("commercial_type", json!("STARDUST1-S"), (412, "out_of_stock", "", "")),
        ("image", json!(KEY), (404, "not_found", "", "")),
        ("tags", json!("x"), (400, "invalid_arguments", "tags", "format")),
        (
            "placement_group",
            json!(KEY),
            (400, "invalid_arguments", "placement_group", "constraint"),
        ),
        (
            "user_data",
            json!("x"),
            (400, "invalid_arguments", "user_data", "unknown"),
        ),
    ];
    for (field, value, expected) in cases {
        let refused = with(field, value.clone());
        assert_eq!(refusal(&refused), expected, "{field} {value}");
    }
    sim.faults().add(Fault::new(Effect::Quota).times(1));
    assert_eq!(with("name", json!("web-1")).json["type"], "quotas_exceeded");
    assert!(sim.inventory().is_empty());
}

#[test]
fn credentials_zones_and_the_rate_limit_are_answered_as_the_cloud_does() {
    let sim = sim();
    let path = format!("{ZONE}/servers");
    let none = got(sim.handle(SimRequest::new(Method::GET, &path)));
    assert_eq!(
        (none.status, &none.json["type"]),
        (401, &json!("denied_authentication"))
    );
    let reader = |method: Method| SimRequest::new(method, &path).header("x-auth-token", READ_ONLY);
    assert_eq!(got(sim.handle(reader(Method::GET))).status, 200);
    let refused = got(sim.handle(reader(Method::POST).json(&json!({}))));
    assert_eq!(
        (refused.status, &refused.json["type"]),
        (403, &json!("permissions_denied"))
    );
    let nowhere = got(sim.handle(request("GET", "/scaleway/instance/v1/zones/fr-par-9/servers")));
    assert_eq!(
        (nowhere.status, &nowhere.json["type"]),
        (404, &json!("unknown_resource"))
    );
    sim.faults()
        .add(Fault::new(Effect::RateLimited { retry_after: Some(9) }));
    let limited = got(sim.handle(request("GET", &path)));
    assert_eq!((limited.status, limited.json), (429, Value::Null));
    assert_eq!(limited.headers["x-envoy-ratelimited"], "true");
    assert!(!limited.headers.contains_key("retry-after"));
}

#[test]
fn lists_are_filtered_and_cut_into_pages() {
    let sim = sim();
    for number in 0..3 {
        let mut order = order(&sim);
        order["name"] = json!(format!("web-{number}"));
        order["tags"] = json!(["managed-by:provision", format!("number:{number}")]);
        made(&sim, order);
    }
    let list = |query: &str| {
        let found = send(&sim, "GET", &format!("/servers?{query}"), Value::Null);
        let servers = found.json["servers"].as_array().unwrap();
        let names: Vec<&str> = servers.iter().map(|server| server["name"].as_str().unwrap()).collect();
        format!(
            "{} of {}",
            names.join(" "),
            found.headers["x-total-count"].to_str().unwrap()
        )
    };
    assert_eq!(list("per_page=2&order=creation_date_asc"), "web-0 web-1 of 3");
    assert_eq!(list("per_page=2&order=creation_date_asc&page=2"), "web-2 of 3");
    assert_eq!(list(""), "web-2 web-1 web-0 of 3");
    assert_eq!(list("tags=managed-by:provision,number:1"), "web-1 of 1");
    assert_eq!(list("tags=number:1,number:2"), " of 0");
    assert_eq!(list("name=b-2"), "web-2 of 1");
    assert_eq!(list("with_ip=203.0.113.1"), " of 0");
    assert_eq!(send(&sim, "GET", "/servers?per_page=101", Value::Null).status, 400);
}

#[test]
fn a_rules_port_of_zero_is_none() {
    let sim = sim();
    let group = send(
        &sim,
        "POST",
        "/security_groups",
        json!({ "name": "web", "project": PROJECT, "stateful": true }),
    );
    let id = group.json["security_group"]["id"].as_str().unwrap();
    // As the Python SDK writes them: https, and a protocol without ports.
    let rule = |protocol: &str, port: u16| {
        json!({ "action": "accept", "protocol": protocol, "direction": "inbound", "ip_range": "0.0.0.0/0", "position": 1,
            "dest_port_from": port, "dest_port_to": 0, "editable": true })
    };
    let path = format!("/security_groups/{id}/rules");
    let answer = send(
        &sim,
        "PUT",
        &path,
        json!({ "rules": [rule("TCP", 443), rule("ICMP", 0)] }),
    );
    assert_eq!(answer.status, 200, "{}", answer.json);
    let rules = answer.json["rules"].as_array().unwrap();
    let ports: Vec<_> = rules
        .iter()
        .rev()
        .take(2)
        .map(|rule| (&rule["dest_port_from"], &rule["dest_port_to"]))
        .collect();
    assert_eq!(ports, [(&Value::Null, &Value::Null), (&json!(443), &Value::Null)]);
}
