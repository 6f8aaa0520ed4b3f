//! OVHcloud, over `Sim::handle`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod support;

use http::Method;
use provision_sim::{Effect, Fault, Sim, SimRequest};
use serde_json::{Value, json};
use sha1::{Digest, Sha1};
use support::{Got, advance, got, items, sim};

const HOST: &str = "https://eu.api.ovh.com";
const PROJECT: &str = "/1.0/cloud/project/5ec0ffee5ec0ffee5ec0ffee5ec0ffee";
const NOW: u64 = 1_795_168_800;

/// The account's application key, secret and consumer key.
struct Keys<'a> {
    application: &'a str,
    secret: &'a str,
    consumer: &'a str,
}

const KEYS: Keys<'static> = Keys {
    application: "simApplicationKy",
    secret: "simApplicationSecret0123456789ab",
    consumer: "simConsumerKey0123456789abcdefgh",
};

impl Keys<'_> {
    /// A request as the official clients sign it.
    fn request(&self, method: &str, url: &str, body: &str, time: u64) -> SimRequest {
        let text = format!("{}+{}+{method}+{url}+{body}+{time}", self.secret, self.consumer);
        let digest = Sha1::digest(text.as_bytes());
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        SimRequest::new(method.parse().unwrap(), url)
            .header("content-type", "application/json")
            .header("x-ovh-application", self.application)
            .header("x-ovh-consumer", self.consumer)
            .header("x-ovh-timestamp", &time.to_string())
            .header("x-ovh-signature", &format!("$1${hex}"))
            .body(body.to_owned())
    }
}

fn send(sim: &Sim, method: &str, path: &str, body: Value) -> Got {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let now = sim
        .clock()
        .now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    got(sim.handle(KEYS.request(method, &format!("{HOST}{PROJECT}{path}"), &body, now)))
}

fn get(sim: &Sim, path: &str) -> Got {
    send(sim, "GET", path, Value::Null)
}

fn id_of(sim: &Sim, list: &str, name: &str) -> Value {
    let all = get(sim, &format!("/{list}?region=GRA11")).json;
    let found = all.as_array().unwrap().iter().find(|item| item["name"] == name);
    found.unwrap()["id"].clone()
}

fn order(sim: &Sim, name: &str) -> Value {
    json!({
        "name": name, "region": "GRA11", "flavorId": id_of(sim, "flavor", "d2-2"),
        "imageId": id_of(sim, "image", "Ubuntu 24.04"), "userData": "#!/bin/sh\n", "monthlyBilling": false,
    })
}

fn refusal(got: &Got) -> (u16, &str, &str) {
    let text = |field: &str| got.json[field].as_str().unwrap_or_default();
    let code = if got.json["errorCode"].is_null() {
        text("class")
    } else {
        text("errorCode")
    };
    (got.status, code, text("message"))
}

#[test]
fn an_instance_comes_up_and_goes() {
    let sim = sim();
    let made = send(&sim, "POST", "/instance", order(&sim, "web-1"));
    assert_eq!((made.status, &made.json["status"]), (200, &json!("BUILD")));
    assert_eq!(made.json["ipAddresses"], json!([]));
    assert_eq!(made.json["created"], "2026-11-20T10:00:00Z");
    let path = format!("/instance/{}", made.json["id"].as_str().unwrap());
    advance(&sim, 3_000);
    let active = get(&sim, &path).json;
    assert_eq!(
        (&active["status"], &active["flavor"]["name"]),
        (&json!("ACTIVE"), &json!("d2-2"))
    );
    let v4 = &active["ipAddresses"][1];
    assert_eq!(
        (&v4["version"], &v4["type"], &v4["ip"]),
        (&json!(4), &json!("public"), &json!("203.0.113.1"))
    );
    let listed = get(&sim, "/instance?region=GRA11").json;
    assert_eq!(
        (&listed[0]["flavorId"], &listed[0]["flavor"]),
        (&active["flavor"]["id"], &Value::Null)
    );
    assert_eq!(get(&sim, "/instance?region=DE1").json, json!([]));

    let deleted = send(&sim, "DELETE", &path, Value::Null);
    assert_eq!((deleted.status, deleted.json), (200, Value::Null));
    assert_eq!(get(&sim, &path).json["status"], "DELETING");
    assert_eq!(send(&sim, "DELETE", &path, Value::Null).status, 409);
    assert_eq!(items(&sim, "host").len(), 1);
    advance(&sim, 2_000);
    let gone = get(&sim, &path);
    assert_eq!(
        refusal(&gone),
        (404, "Client::NotFound::InstanceDoesNotExist", "Instance not found")
    );
    assert_eq!(get(&sim, "/instance").json[0]["status"], "DELETED");
    assert!(items(&sim, "host").is_empty());
    advance(&sim, 30_000);
    assert_eq!(get(&sim, "/instance").json, json!([]));
}

#[test]
fn a_request_is_signed_with_the_right_keys_at_the_right_time() {
    let sim = sim();
    let url = format!("{HOST}{PROJECT}/region");
    let ask = |keys: &Keys<'_>, time: u64| got(sim.handle(keys.request("GET", &url, "", time)));
    assert_eq!(ask(&KEYS, NOW).status, 200);
    assert_eq!(ask(&KEYS, NOW - 300).status, 200);
    assert_eq!(
        refusal(&ask(&KEYS, NOW - 301)),
        (400, "QUERY_TIME_OUT", "Query out of time")
    );
    assert_eq!(refusal(&ask(&KEYS, NOW + 301)).1, "QUERY_TIME_OUT");
    let secret = Keys {
        secret: "wrong",
        ..KEYS
    };
    assert_eq!(
        refusal(&ask(&secret, NOW)),
        (400, "INVALID_SIGNATURE", "Invalid signature")
    );
    let consumer = Keys {
        consumer: "wrong",
        ..KEYS
    };
    assert_eq!(
        refusal(&ask(&consumer, NOW)),
        (403, "INVALID_CREDENTIAL", "This credential is not valid")
    );
    let application = Keys {
        application: "wrong",
        ..KEYS
    };
    assert_eq!(
        refusal(&ask(&application, NOW)),
        (403, "INVALID_KEY", "This application key is invalid")
    );
    let pending = Keys {
        consumer: "simPendingKey00123456789abcdefgh",
        ..KEYS
    };
    assert_eq!(refusal(&ask(&pending, NOW)).1, "NOT_CREDENTIAL");
    let nobody = got(sim.handle(SimRequest::new(Method::GET, &url)));
    assert_eq!(refusal(&nobody), (401, "Client::Unauthorized", "You must login first"));
    // The signature covers the query and the body.
    let mut moved = KEYS.request("GET", &url, "", NOW);
    moved.query = "a=b".to_owned();
    assert_eq!(refusal(&got(sim.handle(moved))).1, "INVALID_SIGNATURE");
    let changed = KEYS.request("POST", &url, "{}", NOW).body("{ }");
    assert_eq!(refusal(&got(sim.handle(changed))).1, "INVALID_SIGNATURE");
}

#[test]
fn a_key_for_reading_changes_nothing() {
    let sim = sim();
    let reader = Keys {
        consumer: "simReadOnlyKey0123456789abcdefgh",
        ..KEYS
    };
    let url = format!("{HOST}{PROJECT}/instance");
    assert_eq!(got(sim.handle(reader.request("GET", &url, "", NOW))).status, 200);
    let refused = got(sim.handle(reader.request("POST", &url, "{}", NOW)));
    assert_eq!(
        refusal(&refused),
        (403, "NOT_GRANTED_CALL", "This call has not been granted")
    );
}

#[test]
fn by_path_the_prefix_is_signed_too() {
    let sim = sim();
    let url = format!("http://127.0.0.1:8080/ovh{PROJECT}/region");
    assert_eq!(got(sim.handle(KEYS.request("GET", &url, "", NOW))).status, 200);
    let time = got(sim.handle(SimRequest::new(Method::GET, "/ovh/1.0/auth/time")));
    assert_eq!((time.status, time.json), (200, json!(NOW)));
    let us = SimRequest::new(Method::GET, "https://api.us.ovhcloud.com/v1/auth/time");
    assert_eq!(got(sim.handle(us)).json, json!(NOW));
}

#[test]
fn an_order_is_read_strictly() {
    let sim = sim();
    let order = order(&sim, "web-1");
    let de_flavor = get(&sim, "/flavor?region=DE1").json[0]["id"].clone();
    for (field, value, says) in [
        ("name", Value::Null, "Missing parameter: name"),
        ("name", json!("no blanks"), "Invalid name"),
        ("name", json!("n".repeat(256)), "Invalid name"),
        ("name", json!(7), "[name] Given data is not a string"),
        ("region", json!("XX9"), "Region XX9 not found"),
        ("flavorId", json!("d2-2"), "Invalid flavorId"),
        ("flavorId", de_flavor, "Invalid flavorId"),
        ("imageId", json!("Ubuntu 24.04"), "Invalid imageId"),
        ("userData", json!("x".repeat(49_150)), "userData is too long"),
        ("tags", json!([]), "Received not described parameters: (tags)"),
        ("monthlyBilling", json!(true), "monthlyBilling is not simulated"),
    ] {
        let mut wrong = order.clone();
        wrong[field] = value;
        let refused = send(&sim, "POST", "/instance", wrong);
        let (status, class, message) = refusal(&refused);
        assert_eq!((status, class), (400, "Client::BadRequest"), "{field}");
        assert!(message.contains(says), "{message}");
    }
    assert!(items(&sim, "host").is_empty());
    let other = format!("{HOST}/1.0/cloud/project/other/instance");
    let refused = got(sim.handle(KEYS.request("GET", &other, "", NOW)));
    assert_eq!(
        refusal(&refused),
        (404, "Client::NotFound", "This service does not exist")
    );
}

#[test]
fn windows_and_sold_out_flavors_are_there_to_be_refused() {
    let sim = sim();
    let flavors = get(&sim, "/flavor?region=GRA11").json;
    let names: Vec<&str> = flavors
        .as_array()
        .unwrap()
        .iter()
        .map(|flavor| flavor["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        ["s1-2", "d2-2", "d2-4", "d2-8", "b3-8", "win-b3-8", "c2-7", "win-c2-7"]
    );
    assert_eq!(
        get(&sim, "/image?region=GRA11&osType=windows")
            .json
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        refusal(&get(&sim, "/flavor?region=nowhere")).2,
        "Region nowhere not found"
    );
    let mut order = order(&sim, "web-1");
    order["flavorId"] = id_of(&sim, "flavor", "c2-7");
    let refused = send(&sim, "POST", "/instance", order.clone());
    assert_eq!(refusal(&refused).2, "Flavor is not available in this region");
    order["flavorId"] = id_of(&sim, "flavor", "win-b3-8");
    assert!(
        refusal(&send(&sim, "POST", "/instance", order))
            .2
            .contains("Invalid imageId")
    );
}

#[test]
fn faults_speak_the_cloud_s_words() {
    let sim = sim();
    let order = order(&sim, "web-1");
    sim.faults().add(Fault::new(Effect::Quota).times(1));
    assert_eq!(
        refusal(&send(&sim, "POST", "/instance", order.clone())).1,
        "Client::Forbidden"
    );
    sim.faults()
        .add(Fault::new(Effect::RateLimited { retry_after: Some(7) }).times(1));
    let limited = send(&sim, "POST", "/instance", order);
    assert_eq!(
        (limited.status, &limited.headers["retry-after"]),
        (429, &"7".parse().unwrap())
    );
    assert!(limited.headers.contains_key("x-ovh-queryid"));
}

#[test]
fn an_instance_can_be_renamed_and_stopped() {
    let sim = sim();
    let made = send(&sim, "POST", "/instance", order(&sim, "web-1")).json;
    let path = format!("/instance/{}", made["id"].as_str().unwrap());
    assert_eq!(send(&sim, "POST", &format!("{path}/stop"), Value::Null).status, 409);
    advance(&sim, 3_000);
    for (action, status) in [
        ("stop", "SHUTOFF"),
        ("start", "ACTIVE"),
        ("shelve", "SHELVED_OFFLOADED"),
    ] {
        assert_eq!(send(&sim, "POST", &format!("{path}/{action}"), Value::Null).status, 200);
        assert_eq!(get(&sim, &path).json["status"], status);
    }
    assert_eq!(send(&sim, "PUT", &path, json!({ "instanceName": "web-2" })).status, 200);
    assert_eq!(get(&sim, &path).json["name"], "web-2");
}

#[test]
fn keys_are_kept_until_deleted() {
    let sim = sim();
    let key = json!({ "name": "laptop", "publicKey": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== me@host" });
    let made = send(&sim, "POST", "/sshkey", key.clone()).json;
    assert_eq!(send(&sim, "POST", "/sshkey", key).status, 409);
    let mut order = order(&sim, "web-1");
    order["sshKeyId"] = made["id"].clone();
    let host = send(&sim, "POST", "/instance", order.clone()).json;
    assert_eq!(host["sshKey"]["name"], "laptop");
    // Go's client sends an empty one for none.
    let mut none = order.clone();
    none["sshKeyId"] = json!("");
    assert!(send(&sim, "POST", "/instance", none).json["sshKey"].is_null());
    let path = format!("/sshkey/{}", made["id"].as_str().unwrap());
    assert_eq!(send(&sim, "DELETE", &path, Value::Null).status, 200);
    assert_eq!(get(&sim, &path).status, 404);
    assert_eq!(send(&sim, "POST", "/instance", order).status, 404);
}

#[test]
fn the_price_list_is_public() {
    let sim = sim();
    let ask = |query: &str| {
        got(sim.handle(SimRequest::new(
            Method::GET,
            &format!("{HOST}/1.0/order/catalog/public/cloud{query}"),
        )))
    };
    let prices = ask("?ovhSubsidiary=IE").json;
    assert_eq!(prices["locale"]["currencyCode"], "EUR");
    let addons = prices["addons"].as_array().unwrap();
    let cheapest = addons
        .iter()
        .find(|addon| addon["planCode"] == "d2-2.consumption")
        .unwrap();
    assert_eq!(cheapest["pricings"][0]["price"], 1_040_000);
    assert_eq!(ask("").status, 400);
}

#[test]
fn what_is_stored_can_be_rewritten() {
    let sim = sim();
    send(&sim, "POST", "/instance", order(&sim, "web-1"));
    sim.rewrite("ovh", |state| state.replace("web-1", "web-9")).unwrap();
    assert_eq!(get(&sim, "/instance").json[0]["name"], "web-9");
    assert!(sim.rewrite("ovh", |_| "nonsense".to_owned()).is_err());
    assert!(sim.rewrite("nowhere", str::to_owned).is_err());
    assert_eq!(items(&sim, "host").len(), 1);
}
