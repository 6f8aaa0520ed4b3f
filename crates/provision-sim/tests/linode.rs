//! Linode, over `Sim::handle`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod support;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::Method;
use provision_sim::{Effect, Fault, Sim, SimRequest};
use serde_json::{Value, json};
use support::{Account, Got, advance, got, items, sim};

fn account(sim: &Sim) -> Account<'_> {
    Account {
        sim,
        base: "/linode/v4",
        token: "sim-token-linode",
    }
}

fn order(label: &str) -> Value {
    json!({
        "label": label, "region": "eu-west", "type": "g6-nanode-1", "image": "linode/ubuntu24.04",
        "root_pass": "R4ndom-long-Secret", "tags": ["managed-by:provision"], "firewall_id": -1,
        "metadata": { "user_data": STANDARD.encode("#!/bin/sh\n") },
    })
}

fn with(field: &str, value: Value) -> Value {
    let mut order = order("web-1");
    order[field] = value;
    order
}

fn reason(got: &Got) -> (u16, &str) {
    (got.status, got.json["errors"][0]["reason"].as_str().unwrap_or_default())
}

fn field(got: &Got) -> &str {
    got.json["errors"][0]["field"].as_str().unwrap_or_default()
}

fn filtered(account: &Account<'_>, path: &str, filter: &str) -> Got {
    let request = account.request(Method::GET, path).header("X-Filter", filter);
    got(account.sim.handle(request))
}

#[test]
fn an_instance_comes_up_and_goes() {
    let sim = sim();
    let account = account(&sim);
    let made = account.post("/linode/instances", order("web-1"));
    assert_eq!(made.status, 200);
    assert_eq!(
        (&made.json["status"], &made.json["created"]),
        (&json!("provisioning"), &json!("2026-11-20T10:00:00"))
    );
    assert_eq!(made.json["ipv4"], json!(["203.0.113.1"]));
    assert_eq!(made.json["ipv6"], "2001:db8:0:1::f03c:95ff:fe00:1/128");
    assert_eq!(made.json["has_user_data"], true);
    assert!(made.json.get("root_pass").is_none());
    let path = format!("/linode/instances/{}", made.json["id"]);
    advance(&sim, 1_800);
    assert_eq!(account.get(&path).json["status"], "booting");
    advance(&sim, 1_200);
    assert_eq!(account.get(&path).json["status"], "running");
    assert_eq!(items(&sim, "host").len(), 1);
    let deleted = account.delete(&path);
    assert_eq!((deleted.status, deleted.json), (200, json!({})));
    assert_eq!(reason(&account.get(&path)), (404, "Not found"));
    assert_eq!(reason(&account.delete(&path)), (404, "Not found"));
    assert!(sim.inventory().is_empty());
    // While it is made, too.
    let young = account.post("/linode/instances", order("web-1")).json["id"].clone();
    assert_eq!(account.delete(&format!("/linode/instances/{young}")).status, 200);
}

#[test]
fn bad_requests_are_refused_in_the_cloud_s_words() {
    let sim = sim();
    let account = account(&sim);
    let no_login = {
        let mut order = order("web-1");
        order.as_object_mut().unwrap().remove("root_pass");
        order
    };
    let no_image = {
        let mut order = no_login.clone();
        order.as_object_mut().unwrap().remove("image");
        order
    };
    for (body, name, part) in [
        (with("region", json!("mars")), "region", "region is not valid"),
        (
            with("type", json!("huge")),
            "type",
            "A valid plan type by that ID was not found",
        ),
        (with("image", json!("linode/windows")), "image", "image is not valid"),
        (with("label", json!("ab")), "label", "Length must be 3-64 characters"),
        (
            with("label", json!("a".repeat(65))),
            "label",
            "Length must be 3-64 characters",
        ),
        (with("label", json!("1st")), "label", "Must begin with a letter"),
        (with("label", json!("two--dashes")), "label", "single dashes"),
        (with("label", json!("ends-")), "label", "Must begin with a letter"),
        (no_login, "", "Must provide valid root_pass"),
        (no_image, "metadata.user_data", "not supported"),
        (
            with("root_pass", json!("aaaaaaaaaaaaaaaa")),
            "root_pass",
            "Password does not meet strength requirement",
        ),
        (with("root_pass", json!("aA1-")), "root_pass", "Length must be 7-128"),
        (with("tags", json!(["x".repeat(51)])), "tags", "1-50 characters"),
        (with("tags", json!("x")), "tags", "Must be of type"),
        (
            with("metadata", json!({ "user_data": "#!/bin/sh" })),
            "metadata.user_data",
            "base64",
        ),
        (
            with("metadata", json!({ "user_data": STANDARD.encode("x".repeat(65_536)) })),
            "metadata.user_data",
            "65535 bytes",
        ),
        (with("authorized_keys", json!(["me"])), "authorized_keys", "SSH Key"),
        (
            with("authorized_users", json!(["nobody"])),
            "authorized_users",
            "nobody",
        ),
        (with("firewall_id", json!(7)), "firewall_id", "not valid"),
        (
            with("interface_generation", json!("linode")),
            "firewall_id",
            "Linode Interfaces",
        ),
        (with("stackscript", json!(1)), "stackscript", "not a valid field"),
        (with("region", json!("old-one")), "metadata.user_data", "not supported"),
    ] {
        let got = account.post("/linode/instances", body.clone());
        assert!(
            reason(&got).0 == 400 && field(&got) == name && reason(&got).1.contains(part),
            "{body}: {:?}",
            got.json
        );
    }
    let broken = account.request(Method::POST, "/linode/instances").body("{\"label\":");
    assert_eq!(reason(&got(sim.handle(broken))), (400, "Invalid JSON"));
    let missing = account.get("/nothing");
    assert_eq!(reason(&missing), (404, "Not found"));
    // With a charset, linodego would not read it.
    assert_eq!(missing.headers["content-type"], "application/json");
    assert_eq!(account.post("/regions", json!({})).status, 405);
    assert!(sim.inventory().is_empty());
    let largest = json!({ "user_data": STANDARD.encode("x".repeat(65_535)) });
    assert_eq!(account.post("/linode/instances", with("metadata", largest)).status, 200);
}

#[test]
fn labels_are_unique() {
    let sim = sim();
    let account = account(&sim);
    assert_eq!(account.post("/linode/instances", order("web-1")).status, 200);
    let again = account.post("/linode/instances", order("web-1"));
    assert_eq!(
        (reason(&again), field(&again)),
        ((400, "Label must be unique among your linodes"), "label")
    );
    let other = account.post("/linode/instances", order("web-2")).json["id"].clone();
    let path = format!("/linode/instances/{other}");
    assert_eq!(account.put(&path, json!({ "label": "web-1" })).status, 400);
    let changed = account.put(&path, json!({ "label": "web-3", "tags": ["b", "a"] }));
    assert_eq!(
        (&changed.json["label"], &changed.json["tags"]),
        (&json!("web-3"), &json!(["a", "b"]))
    );
    let found = filtered(&account, "/linode/instances", r#"{"label":"web-3"}"#);
    assert_eq!(found.json["data"][0]["id"], other);
    assert_eq!(
        filtered(&account, "/linode/instances", r#"{"label":"web-2"}"#).json["results"],
        0
    );
}

#[test]
fn tokens_decide_what_is_allowed() {
    let sim = sim();
    let anonymous = |path: &str| got(sim.handle(SimRequest::new(Method::GET, &format!("/linode/v4{path}"))));
    for path in ["/linode/types", "/regions", "/images", "/images/linode/ubuntu24.04"] {
        assert_eq!(anonymous(path).status, 200, "{path}");
    }
    let refused = anonymous("/linode/instances");
    assert_eq!(reason(&refused), (401, "Invalid Token"));
    assert_eq!(refused.headers["x-oauth-scopes"], "unknown");
    let wrong = Account {
        token: "sim-token-hetzner",
        ..account(&sim)
    };
    assert_eq!(reason(&wrong.get("/regions")), (401, "Invalid Token"));
    let reader = Account {
        token: "sim-token-linode-readonly",
        ..account(&sim)
    };
    assert_eq!(reader.get("/linode/instances").status, 200);
    let refused = reader.post("/linode/instances", order("web-1"));
    assert_eq!(
        reason(&refused),
        (401, "Your OAuth token is not authorized to use this endpoint.")
    );
    assert_eq!(refused.headers["x-accepted-oauth-scopes"], "linodes:read_write");
    assert!(
        refused.headers["x-oauth-scopes"]
            .to_str()
            .unwrap()
            .contains("linodes:read_only")
    );
    assert!(sim.inventory().is_empty());
}

#[test]
fn faults_are_told_in_the_cloud_s_words() {
    let sim = sim();
    let account = account(&sim);
    let once = |effect| sim.faults().add(Fault::new(effect).times(1));
    once(Effect::Quota);
    assert_eq!(
        reason(&account.post("/linode/instances", order("web-1"))),
        (400, "Account Limit reached. Please open a support ticket.")
    );
    once(Effect::SoldOut);
    assert_eq!(
        reason(&account.post("/linode/instances", order("web-1"))),
        (400, "No open slots for this plan!")
    );
    once(Effect::Unauthorized);
    let refused = account.get("/linode/instances");
    assert_eq!(reason(&refused), (401, "Invalid Token"));
    assert_eq!(refused.headers["x-oauth-scopes"], "unknown");
    once(Effect::ServerError { status: 500 });
    assert_eq!(account.get("/linode/instances").status, 500);
    once(Effect::RateLimited { retry_after: Some(30) });
    let limited = account.get("/linode/instances");
    assert_eq!(reason(&limited), (429, "Too many requests"));
    assert_eq!(
        (
            &limited.headers["retry-after"],
            &limited.headers["x-ratelimit-remaining"]
        ),
        (&"30".parse().unwrap(), &"0".parse().unwrap())
    );
    // Not only a refused request is told when the window ends.
    assert_eq!(account.get("/linode/instances").headers["retry-after"], "60");
    assert!(sim.inventory().is_empty());
}

#[test]
fn four_hundred_and_fifty_instances_come_in_pages() {
    let sim = sim();
    let account = account(&sim);
    for number in 0..450 {
        let made = account.post("/linode/instances", order(&format!("web-{number}")));
        assert_eq!(made.status, 200);
    }
    account.post("/linode/instances", with("tags", json!([])));
    let filter = r#"{"tags":"managed-by:provision"}"#;
    let mut ips = std::collections::BTreeSet::new();
    for page in 1..=5 {
        let got = filtered(
            &account,
            &format!("/linode/instances?page={page}&page_size=100"),
            filter,
        );
        assert_eq!(
            (&got.json["page"], &got.json["pages"], &got.json["results"]),
            (&json!(page), &json!(5), &json!(450))
        );
        for instance in got.json["data"].as_array().unwrap() {
            ips.insert(instance["ipv4"][0].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(ips.len(), 450);
    let all = filtered(&account, "/linode/instances?page_size=500", filter);
    assert_eq!(all.json["data"].as_array().unwrap().len(), 450);
    for (query, name, text) in [
        ("page_size=1", "page_size", "Must be 25-500"),
        ("page_size=501", "page_size", "Must be 25-500"),
        ("page=x", "page", "Must be an integer"),
    ] {
        let got = account.get(&format!("/linode/instances?{query}"));
        assert_eq!((reason(&got), field(&got)), ((400, text), name), "{query}");
    }
    assert_eq!(account.get("/linode/instances?page=6").status, 404);
    for (filter, text) in [
        ("tags", "Filter not valid JSON"),
        (r#"{"status":"running"}"#, "Cannot filter on status"),
    ] {
        let got = filtered(&account, "/linode/instances", filter);
        assert_eq!((reason(&got), field(&got)), ((400, text), "X-Filter"));
    }
}

#[test]
fn a_late_instance_is_missing_from_lists() {
    let sim = sim();
    let account = account(&sim);
    sim.faults()
        .add(Fault::new(Effect::LateVisibility { millis: 500 }).times(1));
    let id = account.post("/linode/instances", order("web-1")).json["id"].clone();
    assert_eq!(account.get("/linode/instances").json["results"], 0);
    assert_eq!(account.get(&format!("/linode/instances/{id}")).status, 200);
    advance(&sim, 500);
    assert_eq!(account.get("/linode/instances").json["data"][0]["id"], id);
}
