//! DigitalOcean, over `Sim::handle`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod support;

use http::Method;
use provision_sim::{Effect, Fault, Sim, SimRequest};
use serde_json::{Value, json};
use support::{Account, Got, advance, got, items, sim};

fn account(sim: &Sim) -> Account<'_> {
    Account {
        sim,
        base: "/digitalocean/v2",
        token: "sim-token-digitalocean",
    }
}

fn order(name: &str) -> Value {
    json!({
        "name": name, "region": "lon1", "size": "s-1vcpu-512mb-10gb", "image": "ubuntu-24-04-x64",
        "user_data": "#!/bin/sh\n", "tags": ["managed-by:provision"],
    })
}

fn with(field: &str, value: Value) -> Value {
    let mut order = order("web-1");
    order[field] = value;
    order
}

fn refusal(got: &Got) -> (u16, &str, &str) {
    let text = |field: &str| got.json[field].as_str().unwrap_or_default();
    (got.status, text("id"), text("message"))
}

#[test]
fn a_droplet_comes_up_and_goes() {
    let sim = sim();
    let account = account(&sim);
    let made = account.post("/droplets", order("web-1"));
    assert_eq!(made.status, 202);
    let droplet = &made.json["droplet"];
    assert_eq!((&droplet["status"], &droplet["locked"]), (&json!("new"), &json!(true)));
    assert_eq!(droplet["networks"], json!({ "v4": [], "v6": [] }));
    assert_eq!(droplet["created_at"], "2026-11-20T10:00:00Z");
    let path = format!("/droplets/{}", droplet["id"]);
    let action = format!("/actions/{}", made.json["links"]["actions"][0]["id"]);
    assert_eq!(account.get(&action).json["action"]["status"], "in-progress");

    advance(&sim, 2_999);
    assert_eq!(account.get(&path).json["droplet"]["status"], "new");
    advance(&sim, 1);
    let active = account.get(&path).json["droplet"].clone();
    assert_eq!(active["status"], "active");
    assert_eq!(active["networks"]["v4"][0]["type"], "private");
    assert_eq!(active["networks"]["v4"][1]["type"], "public");
    assert_eq!(active["networks"]["v4"][1]["ip_address"], "203.0.113.1");
    assert_eq!(account.get(&action).json["action"]["status"], "completed");

    let deleted = account.delete(&path);
    assert_eq!((deleted.status, deleted.json), (204, Value::Null));
    assert_eq!(account.get(&path).json["droplet"]["status"], "active");
    assert_eq!(items(&sim, "host").len(), 1);
    advance(&sim, 2_000);
    assert_eq!(refusal(&account.get(&path)).1, "not_found");
    assert_eq!(account.delete(&path).status, 404);
    assert!(items(&sim, "host").is_empty());
    // The tag stays behind, and costs nothing.
    assert_eq!(items(&sim, "tag"), ["managed-by:provision"]);
    assert!(!sim.inventory().iter().any(|item| item.bills));
}

#[test]
fn the_inventory_tells_what_the_guest_would_run() {
    let sim = sim();
    account(&sim).post("/droplets", with("user_data", json!("abc")));
    let item = sim.inventory().into_iter().find(|item| item.kind == "host").unwrap();
    assert_eq!(
        (item.cloud.as_str(), item.region.as_str(), item.bills),
        ("digitalocean", "lon1", true)
    );
    let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(item.user_data_sha256.as_deref(), Some(sha256));
}

#[test]
fn bad_requests_are_refused_in_the_cloud_s_words() {
    let sim = sim();
    let account = account(&sim);
    for (body, status, part) in [
        (with("size", json!("huge")), 422, "invalid size for Droplet creation"),
        (
            with("image", json!("windows")),
            422,
            "invalid image for Droplet creation",
        ),
        (with("image", json!(1)), 422, "invalid image for Droplet creation"),
        (
            with("region", json!("xyz1")),
            422,
            "invalid region for Droplet creation",
        ),
        (with("region", json!("nyc2")), 422, "Region is not available"),
        (with("size", json!("c-2")), 422, "Size is not available in this region."),
        (
            with("name", json!("under_score")),
            422,
            "Only valid hostname characters",
        ),
        (with("name", json!("ends-")), 422, "Only valid hostname characters"),
        (with("name", json!(null)), 422, "Name can't be blank"),
        (with("name", json!(7)), 422, "name must be of type string"),
        (with("tags", json!(["a=b"])), 422, "Tag name 'a=b' is invalid"),
        (with("ssh_keys", json!([1])), 422, "invalid key identifiers"),
        (
            with("user_data", json!("x".repeat(65_537))),
            422,
            "User data is too long",
        ),
        (json!([]), 400, "missing"),
    ] {
        let got = account.post("/droplets", body.clone());
        assert_eq!(got.status, status, "{body}");
        assert!(refusal(&got).2.contains(part), "{body}: {:?}", got.json);
        assert_eq!(got.json["request_id"], got.headers["x-request-id"].to_str().unwrap());
    }
    let broken = account.request(Method::POST, "/droplets").body("{\"name\":");
    assert_eq!(got(sim.handle(broken)).status, 400);
    let mut missing_in_region = with("size", json!("s-1vcpu-2gb"));
    missing_in_region["region"] = json!("blr1");
    assert_eq!(account.post("/droplets", missing_in_region).status, 422);
    assert!(sim.inventory().is_empty(), "{:?}", sim.inventory());
    // At the limits.
    assert_eq!(
        account
            .post("/droplets", with("user_data", json!("x".repeat(65_536))))
            .status,
        202
    );
    assert_eq!(account.post("/droplets", with("image", json!(181_234_567))).status, 202);
    // What SDKs send besides.
    let mut odd = with("ssh_keys", json!(null));
    odd["private_networking"] = json!(false);
    odd["something_new"] = json!({});
    assert_eq!(account.post("/droplets", odd).status, 202);
}

#[test]
fn tokens_decide_what_is_allowed() {
    let sim = sim();
    let anonymous = SimRequest::new(Method::GET, "/digitalocean/v2/droplets");
    let refused = got(sim.handle(anonymous));
    assert_eq!(refusal(&refused), (401, "unauthorized", "Unable to authenticate you"));
    let wrong = Account {
        token: "nonsense",
        ..account(&sim)
    };
    assert_eq!(wrong.post("/droplets", order("web-1")).status, 401);
    let reader = Account {
        token: "sim-token-digitalocean-readonly",
        ..account(&sim)
    };
    assert_eq!(reader.get("/droplets").status, 200);
    assert_eq!(refusal(&reader.post("/droplets", order("web-1"))).1, "forbidden");
    assert_eq!(reader.delete("/droplets/1").status, 403);
    assert!(sim.inventory().is_empty());
}

#[test]
fn faults_are_told_in_the_cloud_s_words() {
    let sim = sim();
    let account = account(&sim);
    let once = |effect| sim.faults().add(Fault::new(effect).times(1));
    once(Effect::Quota);
    let got = account.post("/droplets", order("web-1"));
    assert!(
        refusal(&got).2.contains("will exceed your droplet limit"),
        "{:?}",
        got.json
    );
    once(Effect::SoldOut);
    assert_eq!(account.get("/droplets").status, 200);
    assert_eq!(account.post("/droplets", order("web-1")).status, 422);
    once(Effect::Unauthorized);
    assert_eq!(account.get("/droplets").status, 401);
    once(Effect::ServerError { status: 503 });
    assert_eq!(account.get("/droplets").status, 503);
    once(Effect::RateLimited { retry_after: Some(7) });
    let got = account.get("/droplets");
    assert_eq!(refusal(&got), (429, "too_many_requests", "API rate limit exceeded."));
    assert_eq!(got.headers["retry-after"], "7");
    assert_eq!(got.headers["ratelimit-reset"], "1795168807");
    assert_eq!(got.headers["ratelimit-remaining"], "0");
    once(Effect::RateLimited { retry_after: None });
    let got = account.get("/droplets");
    assert!(!got.headers.contains_key("retry-after"));
    assert_eq!(got.headers["ratelimit-reset"], "1795172400");
    assert!(items(&sim, "host").is_empty());
    assert_eq!(account.post("/droplets", order("web-1")).status, 202);
}

#[test]
fn a_late_droplet_is_missing_from_lists_only() {
    let sim = sim();
    let account = account(&sim);
    sim.faults()
        .add(Fault::new(Effect::LateVisibility { millis: 500 }).times(1));
    let id = account.post("/droplets", order("web-1")).json["droplet"]["id"].clone();
    assert_eq!(account.get("/droplets").json["droplets"], json!([]));
    assert_eq!(account.get(&format!("/droplets/{id}")).status, 200);
    assert_eq!(items(&sim, "host").len(), 1);
    advance(&sim, 500);
    assert_eq!(account.get("/droplets").json["droplets"][0]["id"], id);
}

#[test]
fn four_hundred_and_fifty_droplets_come_in_pages() {
    let sim = sim();
    let account = account(&sim);
    for batch in 0..45 {
        let names: Vec<_> = (0..10).map(|number| format!("web-{batch}-{number}")).collect();
        let mut order = order("x");
        order.as_object_mut().unwrap().remove("name");
        order["names"] = json!(names);
        let made = account.post("/droplets", order);
        assert_eq!(
            (made.status, made.json["droplets"].as_array().unwrap().len()),
            (202, 10)
        );
    }
    account.post("/droplets", with("tags", json!(["other"])));
    advance(&sim, 3_000);

    let mut ips = std::collections::BTreeSet::new();
    let mut path = "/digitalocean/v2/droplets?tag_name=managed-by%3Aprovision&per_page=200".to_owned();
    let mut pages = 0;
    loop {
        let request = SimRequest::new(Method::GET, &format!("http://127.0.0.1:1234{path}"));
        let page = got(sim.handle(request.bearer("sim-token-digitalocean"))).json;
        assert_eq!(page["meta"]["total"], 450);
        pages += 1;
        for droplet in page["droplets"].as_array().unwrap() {
            ips.insert(droplet["networks"]["v4"][1]["ip_address"].as_str().unwrap().to_owned());
        }
        let Some(next) = page["links"]["pages"]["next"].as_str() else {
            break;
        };
        path = next.strip_prefix("http://127.0.0.1:1234").unwrap().to_owned();
    }
    assert_eq!((pages, ips.len()), (3, 450));
    assert_eq!(account.get("/droplets?per_page=1&page=452").json["droplets"], json!([]));
    assert_eq!(account.get("/droplets").json["droplets"].as_array().unwrap().len(), 20);
    for query in ["per_page=201", "per_page=0", "page=0", "page=x"] {
        assert_eq!(account.get(&format!("/droplets?{query}")).status, 422, "{query}");
    }
}

#[test]
fn lists_are_narrowed_by_tag_or_name() {
    let sim = sim();
    let account = account(&sim);
    account.post("/droplets", order("Web-1"));
    account.post("/droplets", with("tags", json!(["Other"])));
    let names = |path: &str| -> Vec<String> {
        let list = account.get(path).json["droplets"].as_array().unwrap().clone();
        list.iter()
            .map(|droplet| droplet["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names("/droplets?name=WEB-1"), ["Web-1", "web-1"]);
    assert_eq!(names("/droplets?tag_name=other"), ["web-1"]);
    assert!(names("/droplets?tag_name=unknown").is_empty());
    assert_eq!(account.get("/droplets?tag_name=other&name=web-1").status, 422);
    assert_eq!(account.get("/droplets").json["links"], json!({}));
    assert_eq!(account.delete("/droplets").status, 422);
    assert_eq!(account.delete("/droplets?tag_name=other").status, 204);
    advance(&sim, 2_000);
    assert_eq!(names("/droplets"), ["Web-1"]);
}

#[test]
fn power_and_dangerous_destroy() {
    let sim = sim();
    let account = account(&sim);
    let id = account.post("/droplets", order("web-1")).json["droplet"]["id"].clone();
    let path = format!("/droplets/{id}");
    let actions = format!("{path}/actions");
    let busy = account.post(&actions, json!({ "type": "power_off" }));
    assert_eq!(refusal(&busy).2, "Droplet already has a pending event.");
    advance(&sim, 3_000);
    assert_eq!(account.post(&actions, json!({ "type": "power_off" })).status, 201);
    assert_eq!(account.get(&path).json["droplet"]["status"], "off");
    assert_eq!(account.get(&actions).json["meta"]["total"], 2);
    let destroy = format!("{path}/destroy_with_associated_resources/dangerous");
    assert_eq!(account.delete(&destroy).status, 400);
    let request = account.request(Method::DELETE, &destroy).header("X-Dangerous", "true");
    assert_eq!(got(sim.handle(request)).status, 202);
    advance(&sim, 2_000);
    assert_eq!(account.get(&path).status, 404);
}
