//! Hetzner Cloud, over `Sim::handle`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod support;

use http::Method;
use provision_sim::{Effect, Fault, Sim, SimRequest};
use serde_json::{Value, json};
use support::{Account, Got, advance, got, sim};

fn account(sim: &Sim) -> Account<'_> {
    Account {
        sim,
        base: "/hetzner/v1",
        token: "sim-token-hetzner",
    }
}

fn order(name: &str) -> Value {
    json!({
        "name": name, "server_type": "cx23", "image": "ubuntu-24.04", "location": "nbg1", "user_data": "#!/bin/sh\n",
        "labels": { "managed-by": "provision" }, "start_after_create": true,
    })
}

fn with(field: &str, value: Value) -> Value {
    let mut order = order("web-1");
    order[field] = value;
    order
}

fn code(got: &Got) -> (u16, &str) {
    (got.status, got.json["error"]["code"].as_str().unwrap_or_default())
}

fn message(got: &Got) -> &str {
    got.json["error"]["message"].as_str().unwrap_or_default()
}

#[test]
fn a_server_comes_up_and_goes() {
    let sim = sim();
    let account = account(&sim);
    let made = account.post("/servers", order("web-1"));
    assert_eq!(made.status, 201);
    let server = &made.json["server"];
    assert_eq!(
        (&server["status"], &server["locked"]),
        (&json!("initializing"), &json!(true))
    );
    assert_eq!(server["public_net"]["ipv4"]["ip"], "203.0.113.1");
    assert_eq!(
        server["public_net"]["ipv4"]["dns_ptr"],
        "static.1.113.0.203.clients.your-server.de"
    );
    assert!(server["public_net"]["ipv6"]["ip"].as_str().unwrap().ends_with("::/64"));
    assert_eq!(made.json["action"]["command"], "create_server");
    assert_eq!(made.json["next_actions"][0]["command"], "start_server");
    assert!(made.json["root_password"].is_string());
    let path = format!("/servers/{}", server["id"]);
    let action = format!("/actions/{}", made.json["next_actions"][0]["id"]);

    assert_eq!(code(&account.delete(&path)), (423, "locked"));
    advance(&sim, 1_800);
    let starting = account.get(&path).json["server"].clone();
    assert_eq!(
        (&starting["status"], &starting["locked"]),
        (&json!("starting"), &json!(false))
    );
    assert_eq!(account.get(&action).json["action"]["status"], "running");
    advance(&sim, 1_200);
    assert_eq!(account.get(&path).json["server"]["status"], "running");
    assert_eq!(account.get(&action).json["action"]["status"], "success");
    let bills: Vec<_> = sim
        .inventory()
        .into_iter()
        .filter(|item| item.bills)
        .map(|item| item.kind)
        .collect();
    assert_eq!(bills, ["host", "address"]);

    let deleted = account.delete(&path);
    assert_eq!(
        (deleted.status, &deleted.json["action"]["command"]),
        (200, &json!("delete_server"))
    );
    assert_eq!(code(&account.get(&path)), (404, "not_found"));
    assert_eq!(code(&account.delete(&path)), (404, "not_found"));
    assert!(sim.inventory().is_empty(), "{:?}", sim.inventory());
    advance(&sim, 2_000);
    let action = format!("/actions/{}", deleted.json["action"]["id"]);
    assert_eq!(account.get(&action).json["action"]["status"], "success");
}

#[test]
fn bad_requests_are_refused_in_the_cloud_s_words() {
    let sim = sim();
    let account = account(&sim);
    for (body, status, kind, part) in [
        (with("image", json!("windows")), 422, "invalid_input", "image not found"),
        (
            with("location", json!("xyz")),
            422,
            "invalid_input",
            "location 'xyz' not found",
        ),
        (
            with("server_type", json!("huge")),
            422,
            "invalid_input",
            "server type 'huge' not found",
        ),
        (
            with("server_type", json!("cpx11")),
            422,
            "invalid_input",
            "unsupported location for server type",
        ),
        (
            with("server_type", json!("cax11")),
            422,
            "invalid_input",
            "unsupported location for server type",
        ),
        (
            with("location", json!("hil")),
            412,
            "resource_unavailable",
            "server location disabled",
        ),
        (
            with("name", json!("under_score")),
            422,
            "invalid_input",
            "invalid input in field 'name'",
        ),
        (
            with("name", json!("a".repeat(64))),
            422,
            "invalid_input",
            "invalid input in field 'name'",
        ),
        (
            with("name", json!(null)),
            422,
            "invalid_input",
            "invalid input in field 'name'",
        ),
        (
            with("user_data", json!("x".repeat(32_769))),
            422,
            "invalid_input",
            "invalid input in field 'user_data'",
        ),
        (
            with("labels", json!({ "a b": "c" })),
            422,
            "invalid_input",
            "invalid input in field 'labels'",
        ),
        (
            with("labels", json!({ "a": "c=d" })),
            422,
            "invalid_input",
            "invalid input in field 'labels'",
        ),
        (
            with("labels", json!({ "hetzner.cloud/x": "" })),
            422,
            "invalid_input",
            "invalid input in field 'labels'",
        ),
        (
            with("ssh_keys", json!(["none"])),
            422,
            "invalid_input",
            "SSH key 'none' not found",
        ),
        (
            with("firewalls", json!([{ "firewall": 1 }])),
            422,
            "invalid_input",
            "firewall with ID '1' not found",
        ),
        (
            with("datacenter", json!("nbg1-dc3")),
            422,
            "invalid_input",
            "invalid input in field 'datacenter'",
        ),
        (
            with("public_net", json!({ "ipv4": 7 })),
            422,
            "invalid_input",
            "primary ip not found",
        ),
        (
            with("public_net", json!({ "enable_ipv4": "no" })),
            422,
            "invalid_input",
            "invalid input in field",
        ),
        (json!([]), 400, "json_error", ""),
    ] {
        let got = account.post("/servers", body.clone());
        assert_eq!(code(&got), (status, kind), "{body}");
        assert!(message(&got).contains(part), "{body}: {:?}", got.json);
    }
    let long = account.post("/servers", with("user_data", json!("x".repeat(32_769))));
    let field = &long.json["error"]["details"]["fields"][0];
    assert_eq!(
        *field,
        json!({ "name": "user_data", "messages": ["Length must be between 0 and 32768."] })
    );
    let broken = account.request(Method::POST, "/servers").body("{\"name\":");
    assert_eq!(code(&got(sim.handle(broken))), (400, "json_error"));
    assert_eq!(code(&account.get("/datacenters")), (410, "deprecated_api_endpoint"));
    assert_eq!(code(&account.get("/nothing")), (404, "not_found"));
    assert!(sim.inventory().is_empty(), "{:?}", sim.inventory());
    assert_eq!(
        account
            .post("/servers", with("user_data", json!("x".repeat(32_768))))
            .status,
        201
    );
}

#[test]
fn names_are_unique() {
    let sim = sim();
    let account = account(&sim);
    assert_eq!(account.post("/servers", order("web-1")).status, 201);
    assert_eq!(
        code(&account.post("/servers", order("web-1"))),
        (409, "uniqueness_error")
    );
    let other = account.post("/servers", order("web-2")).json["server"]["id"].clone();
    let path = format!("/servers/{other}");
    assert_eq!(
        code(&account.put(&path, json!({ "name": "web-1" }))),
        (409, "uniqueness_error")
    );
    let changed = account.put(&path, json!({ "name": "web-3", "labels": { "a": "" } }));
    assert_eq!(changed.json["server"]["labels"], json!({ "a": "" }));
    assert_eq!(account.get("/servers?name=web-3").json["servers"][0]["id"], other);
    assert_eq!(account.get("/servers?name=web-2").json["servers"], json!([]));
}

#[test]
fn references_may_be_numbers_or_strings() {
    let sim = sim();
    let account = account(&sim);
    let mut by_number = order("web-1");
    by_number["server_type"] = json!(114);
    by_number["image"] = json!(161_547_269);
    by_number["location"] = json!("2");
    let made = account.post("/servers", by_number);
    assert_eq!(made.json["server"]["server_type"]["name"], "cx23");
    assert_eq!(made.json["server"]["location"]["name"], "nbg1");
    // The name of an image leads to the one for the type's architecture.
    let mut arm = with("server_type", json!("cax11"));
    arm["location"] = json!("hel1");
    arm["name"] = json!("arm");
    assert_eq!(
        account.post("/servers", arm).json["server"]["image"]["architecture"],
        "arm"
    );
}

#[test]
fn tokens_decide_what_is_allowed() {
    let sim = sim();
    let anonymous = got(sim.handle(SimRequest::new(Method::GET, "/hetzner/v1/servers")));
    assert_eq!(code(&anonymous), (401, "unauthorized"));
    assert!(anonymous.headers.contains_key("x-correlation-id"));
    let other_cloud = Account {
        token: "sim-token-digitalocean",
        ..account(&sim)
    };
    assert_eq!(other_cloud.get("/servers").status, 401);
    let reader = Account {
        token: "sim-token-hetzner-readonly",
        ..account(&sim)
    };
    assert_eq!(reader.get("/servers").status, 200);
    assert_eq!(code(&reader.post("/servers", order("web-1"))), (401, "token_readonly"));
    assert!(sim.inventory().is_empty());
}

#[test]
fn faults_are_told_in_the_cloud_s_words() {
    let sim = sim();
    let account = account(&sim);
    let once = |effect| sim.faults().add(Fault::new(effect).times(1));
    once(Effect::Quota);
    let got = account.post("/servers", order("web-1"));
    assert_eq!(code(&got), (403, "resource_limit_exceeded"));
    assert_eq!(
        got.json["error"]["details"]["limits"],
        json!([{ "name": "server_limit" }])
    );
    once(Effect::SoldOut);
    assert_eq!(
        code(&account.post("/servers", order("web-1"))),
        (412, "resource_unavailable")
    );
    once(Effect::Unauthorized);
    assert_eq!(code(&account.get("/servers")), (401, "unauthorized"));
    for (status, name) in [
        (500, "server_error"),
        (502, "bad_gateway"),
        (503, "unavailable"),
        (504, "timeout"),
    ] {
        once(Effect::ServerError { status });
        assert_eq!(code(&account.get("/servers")), (status, name));
    }
    once(Effect::RateLimited { retry_after: Some(30) });
    let got = account.get("/servers");
    assert_eq!(code(&got), (429, "rate_limit_exceeded"));
    assert!(!got.headers.contains_key("retry-after"));
    assert_eq!(got.headers["ratelimit-remaining"], "0");
    assert_eq!(got.headers["ratelimit-reset"], "1795168830");
    assert!(sim.inventory().is_empty());
}

#[test]
fn a_late_server_is_missing_from_lists() {
    let sim = sim();
    let account = account(&sim);
    sim.faults()
        .add(Fault::new(Effect::LateVisibility { millis: 500 }).times(1));
    let id = account.post("/servers", order("web-1")).json["server"]["id"].clone();
    assert_eq!(account.get("/servers?name=web-1").json["servers"], json!([]));
    assert_eq!(account.get(&format!("/servers/{id}")).status, 200);
    advance(&sim, 500);
    assert_eq!(account.get("/servers?name=web-1").json["servers"][0]["id"], id);
}

#[test]
fn four_hundred_and_fifty_servers_come_in_pages() {
    let sim = sim();
    let account = account(&sim);
    for number in 0..450 {
        assert_eq!(account.post("/servers", order(&format!("web-{number}"))).status, 201);
    }
    account.post("/servers", with("labels", json!({})));
    let mut ips = std::collections::BTreeSet::new();
    let mut page = json!(1);
    let mut pages = 0;
    while !page.is_null() {
        let path = format!("/servers?label_selector=managed-by%3Dprovision&per_page=50&page={page}");
        let got = account.get(&path);
        for server in got.json["servers"].as_array().unwrap() {
            ips.insert(server["public_net"]["ipv4"]["ip"].as_str().unwrap().to_owned());
        }
        pages += 1;
        let pagination = &got.json["meta"]["pagination"];
        assert_eq!(
            (&pagination["total_entries"], &pagination["last_page"]),
            (&json!(450), &json!(9))
        );
        page = pagination["next_page"].clone();
    }
    assert_eq!((pages, ips.len()), (9, 450));
    let second = account.get("/servers?page=2");
    assert_eq!(second.json["servers"].as_array().unwrap().len(), 25);
    let link = second.headers["link"].to_str().unwrap();
    assert!(
        link.contains("<http://localhost/hetzner/v1/servers?page=3>; rel=\"next\""),
        "{link}"
    );
    for query in [
        "per_page=51",
        "per_page=0",
        "page=0",
        "page=x",
        "sort=age",
        "label_selector=%3D",
    ] {
        assert_eq!(
            code(&account.get(&format!("/servers?{query}"))),
            (422, "invalid_input"),
            "{query}"
        );
    }
}

#[test]
fn lists_are_narrowed_and_sorted() {
    let sim = sim();
    let account = account(&sim);
    account.post("/servers", order("b"));
    advance(&sim, 3_000);
    let mut stopped = order("a");
    stopped["start_after_create"] = json!(false);
    stopped["labels"] = json!({ "env": "test" });
    assert_eq!(account.post("/servers", stopped).json["next_actions"], json!([]));
    advance(&sim, 3_000);
    let names = |query: &str| -> Vec<String> {
        let list = account.get(&format!("/servers?{query}")).json["servers"]
            .as_array()
            .unwrap()
            .clone();
        list.iter()
            .map(|server| server["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(""), ["b", "a"]);
    assert_eq!(names("sort=name"), ["a", "b"]);
    assert_eq!(names("sort=id:desc"), ["a", "b"]);
    assert_eq!(names("status=off"), ["a"]);
    assert_eq!(names("status=off&status=running"), ["b", "a"]);
    assert_eq!(names("label_selector=env%20in%20(test,prod)"), ["a"]);
    assert_eq!(names("label_selector=!env"), ["b"]);
}

#[test]
fn several_actions_are_polled_at_once() {
    let sim = sim();
    let account = account(&sim);
    let made = account.post("/servers", order("web-1")).json;
    let (first, second) = (&made["action"]["id"], &made["next_actions"][0]["id"]);
    let path = format!("/actions?id={first}&id={second}");
    assert_eq!(account.get(&path).json["actions"].as_array().unwrap().len(), 2);
    assert_eq!(
        account.get(&format!("/servers/{}/actions", made["server"]["id"])).json["meta"]["pagination"]["total_entries"],
        2
    );
    assert_eq!(code(&account.get("/actions")), (422, "invalid_input"));
    assert_eq!(code(&account.get("/actions/1")), (404, "not_found"));
}
