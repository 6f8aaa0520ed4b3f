//! Packet (Equinix Metal), over `Sim::handle`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod support;

use http::Method;
use provision_sim::{Effect, Fault, Sim, SimRequest};
use serde_json::{Value, json};
use support::{Got, advance, got, items, sim};

const BASE: &str = "/packet/metal/v1";
const PROJECT: &str = "5ec0ffee-0001-4000-8000-5ec0ffee5ec0";
const DEVICES: &str = "/projects/5ec0ffee-0001-4000-8000-5ec0ffee5ec0/devices";

fn send(sim: &Sim, token: &str, method: &str, path: &str, body: Value) -> Got {
    let request = SimRequest::new(method.parse().unwrap(), &format!("{BASE}{path}")).header("x-auth-token", token);
    got(sim.handle(if body.is_null() { request } else { request.json(&body) }))
}

fn ask(sim: &Sim, method: &str, path: &str, body: Value) -> Got {
    send(sim, "sim-token-packet", method, path, body)
}

fn get(sim: &Sim, path: &str) -> Got {
    ask(sim, "GET", path, Value::Null)
}

fn delete(sim: &Sim, path: &str) -> Got {
    ask(sim, "DELETE", path, Value::Null)
}

fn order(name: &str) -> Value {
    json!({
        "hostname": name, "plan": "c3.small.x86", "metro": "am", "operating_system": "ubuntu_24_04",
        "billing_cycle": "hourly", "userdata": "#!/bin/sh\n", "tags": ["inlets"], "no_ssh_keys": true,
    })
}

fn create(sim: &Sim, order: Value) -> String {
    let made = ask(sim, "POST", DEVICES, order);
    assert_eq!(made.status, 201, "{}", made.json);
    format!("/devices/{}", made.json["id"].as_str().unwrap())
}

/// The status with the text, or all texts, of a refusal.
fn refusal(got: &Got) -> (u16, String) {
    let texts = got.json["errors"].as_array().cloned().unwrap_or_default();
    let one = got.json["error"].as_str().map(str::to_owned);
    let texts = texts.iter().map(|text| text.as_str().unwrap().to_owned()).chain(one);
    (got.status, texts.collect::<Vec<_>>().join("; "))
}

fn refused(got: &Got, status: u16, text: &str) {
    assert_eq!(refusal(got), (status, text.to_owned()));
}

#[test]
fn a_device_comes_up_and_goes() {
    let sim = sim();
    let made = ask(&sim, "POST", DEVICES, order("web-1"));
    assert_eq!((made.status, &made.json["state"]), (201, &json!("queued")));
    assert_eq!(
        (&made.json["ip_addresses"], &made.json["userdata"]),
        (&json!([]), &json!("#!/bin/sh\n"))
    );
    assert_eq!(made.json["created_at"], "2026-11-20T10:00:00Z");
    assert_eq!(made.json["project"]["href"], format!("/metal/v1/projects/{PROJECT}"));
    let path = format!("/devices/{}", made.json["id"].as_str().unwrap());
    refused(&delete(&sim, &path), 422, "Cannot delete a device while it is queued");
    advance(&sim, 1_500);
    let building = get(&sim, &path).json;
    assert_eq!(
        (&building["state"], &building["provisioning_percentage"]),
        (&json!("provisioning"), &json!(50.0))
    );
    let first = &building["ip_addresses"][0];
    assert_eq!((&first["address_family"], &first["public"]), (&json!(6), &json!(true)));
    let v4 = &building["ip_addresses"][2];
    assert_eq!(
        (&v4["address"], &v4["public"], &v4["management"]),
        (&json!("203.0.113.1"), &json!(true), &json!(true))
    );
    refused(
        &delete(&sim, &format!("{path}?force_delete=true")),
        422,
        "Cannot delete a device while it is provisioning",
    );
    advance(&sim, 1_500);
    assert_eq!(get(&sim, &path).json["state"], "active");
    // packngo sends the flag in the body.
    let deleted = ask(&sim, "DELETE", &path, json!({"force_delete": true}));
    assert_eq!((deleted.status, deleted.json), (204, Value::Null));
    assert_eq!(get(&sim, &path).json["state"], "deprovisioning");
    refused(
        &delete(&sim, &path),
        422,
        "Cannot delete a device while it is deprovisioning",
    );
    assert_eq!(items(&sim, "host").len(), 1);
    advance(&sim, 2_000);
    refused(&get(&sim, &path), 404, "Not found");
    refused(&delete(&sim, &path), 404, "Not found");
    assert!(items(&sim, "host").is_empty());
}

#[test]
fn tokens_see_their_own_project() {
    let sim = sim();
    let path = create(&sim, order("web-1"));
    refused(
        &send(&sim, "wrong", "GET", "/projects", Value::Null),
        401,
        "Invalid authentication token",
    );
    let nobody = got(sim.handle(SimRequest::new(Method::GET, &format!("{BASE}/plans"))));
    refused(&nobody, 401, "Invalid authentication token");
    let reader = "sim-token-packet-readonly";
    assert_eq!(send(&sim, reader, "GET", &path, Value::Null).status, 200);
    assert_eq!(send(&sim, reader, "DELETE", &path, Value::Null).status, 403);
    let other = "sim-token-packet-other";
    let hidden = send(&sim, other, "DELETE", &path, Value::Null);
    refused(&hidden, 403, "You are not authorized to delete this device");
    assert_eq!(send(&sim, other, "GET", DEVICES, Value::Null).status, 403);
    let own = send(&sim, other, "GET", "/projects", Value::Null).json;
    let own = own["projects"][0]["id"].as_str().unwrap().to_owned();
    let empty = send(&sim, other, "GET", &format!("/projects/{own}/devices"), Value::Null);
    assert_eq!(empty.json["devices"], json!([]));
    let nowhere = get(&sim, "/projects/11111111-0001-4000-8000-5ec0ffee5ec0/devices");
    refused(&nowhere, 404, "Not found");
}

#[test]
fn an_order_is_read_strictly() {
    let sim = sim();
    let reservation = json!("next-available");
    for (field, value, says) in [
        ("hostname", Value::Null, "Hostname can't be blank"),
        (
            "hostname",
            json!("no_underscores"),
            "Hostname no_underscores is invalid",
        ),
        ("hostname", json!(7), "hostname must be of type string"),
        ("plan", json!("t1.small.x86"), "Plan t1.small.x86 is invalid"),
        ("metro", json!("am6"), "Metro am6 is invalid"),
        ("metro", Value::Null, "Metro can't be blank"),
        (
            "facility",
            json!(["am6"]),
            "Facility is no longer supported, please use metro",
        ),
        (
            "operating_system",
            json!("ubuntu"),
            "Operating system ubuntu is invalid",
        ),
        ("billing_cycle", json!("weekly"), "Billing cycle is invalid"),
        ("userdata", json!("x".repeat(65_536)), "Userdata is too long"),
        ("tags", json!("inlets"), "tags must be of type array"),
        ("user_data", json!(""), "Unpermitted parameter: user_data"),
        (
            "termination_time",
            json!("2026-11-20T09:59:59Z"),
            "Termination time must be in the future",
        ),
        (
            "hardware_reservation_id",
            reservation,
            "Hardware reservation is not available",
        ),
        (
            "ip_addresses",
            json!([{"address_family": 4, "public": true}]),
            "Private IPv4 address is required",
        ),
        (
            "project_ssh_keys",
            json!(["084a5dec-30be-415a-8937-9c615932e459"]),
            "Project ssh key 084a5dec-30be-415a-8937-9c615932e459 is invalid",
        ),
    ] {
        let mut wrong = order("web-1");
        wrong[field] = value;
        refused(&ask(&sim, "POST", DEVICES, wrong), 422, says);
    }
    let two =
        json!({"hostname": "web-1", "metro": "am", "operating_system": "ubuntu_24_04", "plan": "", "tags": {}, "x": 1});
    refused(
        &ask(&sim, "POST", DEVICES, two),
        422,
        "Unpermitted parameter: x; Plan can't be blank",
    );
    let malformed =
        SimRequest::new(Method::POST, &format!("{BASE}{DEVICES}")).header("x-auth-token", "sim-token-packet");
    assert_eq!(got(sim.handle(malformed.body("{"))).status, 400);
    assert!(items(&sim, "host").is_empty());
}

#[test]
fn stock_and_limits_are_told() {
    let sim = sim();
    let mut sold_out = order("web-1");
    sold_out["plan"] = json!("c3.medium.x86");
    refused(
        &ask(&sim, "POST", DEVICES, sold_out.clone()),
        422,
        "There aren't available servers in that metro",
    );
    let stock = get(&sim, "/capacity/metros").json["capacity"].clone();
    assert_eq!(stock["am"]["c3.medium.x86"]["level"], "unavailable");
    assert_eq!(stock["sg"]["c3.medium.x86"], Value::Null);
    // Anywhere else will do.
    sold_out["metro"] = json!("any");
    let path = create(&sim, sold_out);
    assert_eq!(get(&sim, &path).json["metro"]["code"], "da");
    let check = json!({"servers": [{"metro": "am", "plan": "c3.small.x86", "quantity": 1}]});
    let checked = ask(&sim, "POST", "/capacity/metros", check).json;
    assert_eq!(checked["servers"][0]["available"], true);
    let mut arm = order("web-1");
    (arm["plan"], arm["metro"], arm["operating_system"]) = (json!("c3.large.arm64"), json!("da"), json!("rocky_9"));
    refused(
        &ask(&sim, "POST", DEVICES, arm),
        422,
        "Operating system rocky_9 is not provisionable on c3.large.arm64",
    );
    sim.faults().add(Fault::new(Effect::Quota).times(1));
    assert!(
        refusal(&ask(&sim, "POST", DEVICES, order("web-1")))
            .1
            .contains("device limit")
    );
    let limit = Effect::RateLimited { retry_after: Some(7) };
    sim.faults().add(Fault::new(limit).times(1));
    let limited = ask(&sim, "POST", DEVICES, order("web-1"));
    assert_eq!(limited.status, 429);
    assert_eq!(limited.headers["x-ratelimit-reset"], "1795168807");
    assert!(limited.headers.contains_key("x-request-id"));
}

#[test]
fn lists_have_pages_and_filters() {
    let sim = sim();
    for number in 1..=23 {
        let mut order = order(&format!("web-{number}"));
        order["tags"] = json!([format!("n:{number}"), "all"]);
        create(&sim, order);
    }
    let page = |query: &str| get(&sim, &format!("{DEVICES}{query}")).json;
    let first = page("?tag=all");
    assert_eq!(first["devices"].as_array().unwrap().len(), 10);
    assert_eq!(
        first["meta"]["next"]["href"],
        format!("/metal/v1{DEVICES}?tag=all&page=2")
    );
    assert_eq!(
        (&first["meta"]["previous"], &first["meta"]["total"]),
        (&Value::Null, &json!(23))
    );
    let last = page("?tag=all&page=3");
    assert_eq!(last["devices"].as_array().unwrap().len(), 3);
    assert_eq!(
        (&last["meta"]["next"], &last["meta"]["last_page"]),
        (&Value::Null, &json!(3))
    );
    for (query, count) in [
        ("?tag=n:7", 1),
        ("?tag=n", 0),
        ("?hostname=web-2&per_page=100", 5),
        ("?metro=sv", 0),
        ("?search=203.0.113.7", 1),
        ("?search=nowhere", 0),
        ("?has_termination_time=true", 0),
        ("?type=spot", 0),
    ] {
        assert_eq!(page(query)["meta"]["total"], count, "{query}");
    }
    assert_eq!(get(&sim, &format!("{DEVICES}?per_page=1001")).status, 422);
    assert_eq!(get(&sim, &format!("{DEVICES}?page=0")).status, 422);
}

#[test]
fn a_device_can_be_changed_and_switched() {
    let sim = sim();
    let path = create(&sim, order("web-1"));
    let act = |kind: &str| ask(&sim, "POST", &format!("{path}/actions"), json!({ "type": kind })).status;
    assert_eq!(act("power_off"), 422);
    advance(&sim, 3_000);
    for (kind, state) in [
        ("power_off", "inactive"),
        ("power_on", "active"),
        ("reboot", "active"),
        ("reinstall", "reinstalling"),
    ] {
        assert_eq!(act(kind), 202, "{kind}");
        assert_eq!(get(&sim, &path).json["state"], state);
    }
    advance(&sim, 3_000);
    assert_eq!(act("dance"), 422);
    let changed = ask(
        &sim,
        "PUT",
        &path,
        json!({"hostname": "web-2", "tags": ["a"], "locked": true}),
    );
    assert_eq!((changed.status, &changed.json["hostname"]), (200, &json!("web-2")));
    refused(&delete(&sim, &path), 422, "Cannot delete a locked device");
    assert_eq!(ask(&sim, "PATCH", &path, json!({"locked": false})).status, 200);
    assert_eq!(delete(&sim, &path).status, 204);
}

#[test]
fn the_cloud_deletes_a_device_at_its_termination_time() {
    let sim = sim();
    let mut order = order("web-1");
    // Without a time zone it is UTC.
    order["termination_time"] = json!("2026-11-20T10:00:10");
    let path = create(&sim, order);
    advance(&sim, 9_000);
    let device = get(&sim, &path).json;
    assert_eq!(
        (&device["state"], &device["termination_time"]),
        (&json!("active"), &json!("2026-11-20T10:00:10Z"))
    );
    advance(&sim, 1_000);
    assert_eq!(get(&sim, &path).status, 404);
    assert!(items(&sim, "host").is_empty());
}

#[test]
fn a_device_that_failed_is_moved_out_of_the_account() {
    for (status, text) in [(403, "You are not authorized to view this device"), (404, "Not found")] {
        let sim = sim();
        let path = create(&sim, order("web-1"));
        let moved = format!("\"moved\":{status}");
        sim.rewrite("packet", |state| state.replace("\"moved\":null", &moved))
            .unwrap();
        refused(&get(&sim, &path), status, text);
        assert_eq!(get(&sim, DEVICES).json["devices"], json!([]));
        assert!(items(&sim, "host").is_empty());
    }
}

#[test]
fn keys_that_a_create_makes_stay() {
    let sim = sim();
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== me@host";
    let keys = format!("/projects/{PROJECT}/ssh-keys");
    let made = ask(&sim, "POST", &keys, json!({"label": "laptop", "key": key})).json;
    let mut all = order("web-1");
    all["no_ssh_keys"] = json!(false);
    let path = create(&sim, all.clone());
    assert_eq!(get(&sim, &path).json["ssh_keys"][0]["href"], made["href"]);
    all["ssh_keys"] = json!([{"label": "new", "key": key}]);
    let path = create(&sim, all);
    assert_eq!(get(&sim, &path).json["ssh_keys"].as_array().unwrap().len(), 1);
    assert_eq!(get(&sim, &create(&sim, order("web-3"))).json["ssh_keys"], json!([]));
    assert_eq!(items(&sim, "ssh-key").len(), 2);
    let path = format!("/ssh-keys/{}", made["id"].as_str().unwrap());
    assert_eq!(delete(&sim, &path).status, 204);
    assert_eq!(delete(&sim, &path).status, 404);
    assert_eq!(get(&sim, &keys).json["ssh_keys"].as_array().unwrap().len(), 1);
    let bad = ask(&sim, "POST", &keys, json!({"label": "laptop", "key": "nonsense"}));
    refused(&bad, 422, "Key is not a valid public key");
}

#[test]
fn both_host_names_are_served() {
    let sim = sim();
    for (url, status) in [
        ("https://api.equinix.com/metal/v1/plans", 200),
        ("https://api.equinix.com/plans", 404),
        ("https://api.packet.net/plans", 200),
        ("https://api.packet.net/metal/v1/plans", 200),
        ("/packet/plans", 404),
    ] {
        let request = SimRequest::new(Method::GET, url).header("x-auth-token", "sim-token-packet");
        assert_eq!(got(sim.handle(request)).status, status, "{url}");
    }
}
