//! DigitalOcean: firewalls, keys and the catalog, over `Sim::handle`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod support;

use http::Method;
use provision_sim::Sim;
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
fn a_firewall_outlives_its_droplet() {
    let sim = sim();
    let account = account(&sim);
    let id = account.post("/droplets", order("web-1")).json["droplet"]["id"].clone();
    let rule = json!({ "protocol": "tcp", "ports": "443", "sources": { "addresses": ["0.0.0.0/0", "::/0"] } });
    let firewall = json!({ "name": "fw-1", "inbound_rules": [rule], "droplet_ids": [id], "tags": ["new-tag"] });
    let made = account.post("/firewalls", firewall.clone());
    assert_eq!(
        (made.status, &made.json["firewall"]["status"]),
        (202, &json!("waiting"))
    );
    let path = format!("/firewalls/{}", made.json["firewall"]["id"].as_str().unwrap());
    assert_eq!(
        refusal(&account.post("/firewalls", firewall.clone())),
        (409, "conflict", "duplicate name")
    );
    assert_eq!(
        account.get(&format!("/droplets/{id}/firewalls")).json["meta"]["total"],
        1
    );
    assert_eq!(account.get("/tags/NEW-tag").status, 200);

    assert_eq!(account.delete(&format!("/droplets/{id}")).status, 204);
    advance(&sim, 2_000);
    assert_eq!(account.get(&path).json["firewall"]["droplet_ids"], json!([]));
    assert_eq!(items(&sim, "firewall").len(), 1);
    assert_eq!(account.delete(&path).status, 204);
    assert_eq!(account.delete(&path).status, 404);
    assert!(items(&sim, "firewall").is_empty());
}

#[test]
fn bad_firewalls_are_refused() {
    let sim = sim();
    let account = account(&sim);
    let targets = json!({ "addresses": ["0.0.0.0/0"] });
    let good = json!({ "protocol": "tcp", "ports": "1-65535", "sources": targets });
    let rule = |field: &str, value: Value| {
        let mut rule = good.clone();
        rule[field] = value;
        json!({ "name": "fw-1", "inbound_rules": [rule] })
    };
    for body in [
        json!({ "name": "fw-1" }),
        json!({ "name": "-fw", "inbound_rules": [good] }),
        json!({ "name": "fw-1", "inbound_rules": [good], "droplet_ids": [1] }),
        json!({ "name": "fw-1", "inbound_rules": [good], "tags": ["a b"] }),
        rule("protocol", json!("sctp")),
        rule("ports", json!("9-1")),
        rule("ports", json!("70000")),
        rule("ports", json!(80)),
        rule("ports", json!(null)),
        rule("sources", json!({})),
        rule("sources", json!({ "addresses": ["example.com"] })),
        rule("sources", json!({ "tags": ["unknown"] })),
        rule("action", json!("log")),
    ] {
        assert_eq!(account.post("/firewalls", body.clone()).status, 422, "{body}");
    }
    assert!(items(&sim, "firewall").is_empty());
    for (ports, shown) in [("1-65535", "1-65535"), ("all", "0"), ("0", "0"), ("80", "80")] {
        let mut body = rule("ports", json!(ports));
        body["name"] = json!(format!("fw-{ports}"));
        let made = account.post("/firewalls", body);
        assert_eq!(made.json["firewall"]["inbound_rules"][0]["ports"], shown);
    }
}

#[test]
fn a_firewall_can_be_changed() {
    let sim = sim();
    let account = account(&sim);
    let id = account.post("/droplets", order("web-1")).json["droplet"]["id"].clone();
    let rules = json!([{ "protocol": "icmp", "sources": { "addresses": ["192.0.2.1"] } }]);
    let made = account.post("/firewalls", json!({ "name": "fw-1", "inbound_rules": rules }));
    let path = format!("/firewalls/{}", made.json["firewall"]["id"].as_str().unwrap());
    assert_eq!(
        account
            .post(&format!("{path}/droplets"), json!({ "droplet_ids": [id] }))
            .status,
        204
    );
    assert_eq!(account.get(&path).json["firewall"]["droplet_ids"], json!([id]));
    let remove = account
        .request(Method::DELETE, &format!("{path}/droplets"))
        .json(&json!({ "droplet_ids": [id] }));
    assert_eq!(got(sim.handle(remove)).status, 204);
    assert_eq!(account.get(&path).json["firewall"]["droplet_ids"], json!([]));
    let renamed = account.put(&path, json!({ "name": "fw-2", "inbound_rules": rules }));
    assert_eq!(
        (renamed.status, &renamed.json["firewall"]["name"]),
        (200, &json!("fw-2"))
    );
}

#[test]
fn the_catalog_has_its_gaps() {
    let sim = sim();
    let account = account(&sim);
    let regions = account.get("/regions?per_page=200").json["regions"]
        .as_array()
        .unwrap()
        .clone();
    let nyc2 = regions.iter().find(|region| region["slug"] == "nyc2").unwrap();
    assert_eq!(nyc2["available"], false);
    let sizes = account.get("/sizes?per_page=200").json["sizes"]
        .as_array()
        .unwrap()
        .clone();
    let size = |slug: &str| sizes.iter().find(|size| size["slug"] == slug).unwrap();
    assert_eq!(size("s-1vcpu-512mb-10gb")["price_monthly"], 4.0);
    assert!(
        !size("s-1vcpu-2gb")["regions"]
            .as_array()
            .unwrap()
            .contains(&json!("blr1"))
    );
    assert_eq!(
        (&size("c-2")["available"], &size("c-2")["regions"]),
        (&json!(false), &json!([]))
    );
    assert_eq!(account.get("/images/ubuntu-24-04-x64").json["image"]["id"], 181_234_567);
    assert_eq!(account.get("/images/none").status, 404);
    assert!(
        account.get("/images?type=distribution").json["meta"]["total"]
            .as_u64()
            .unwrap()
            >= 3
    );
    assert_eq!(account.get("/images?type=application").json["meta"]["total"], 0);
    assert_eq!(account.get("/account").json["account"]["droplet_limit"], 10_000);
}

#[test]
fn keys_are_named_by_number_or_fingerprint() {
    let sim = sim();
    let account = account(&sim);
    let body = json!({ "name": "me", "public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== me" });
    let key = account.post("/account/keys", body.clone()).json["ssh_key"].clone();
    assert_eq!(account.post("/account/keys", body).status, 422);
    assert_eq!(
        account
            .post("/account/keys", json!({ "name": "x", "public_key": "x" }))
            .status,
        422
    );
    let keys = json!([key["id"], key["fingerprint"]]);
    assert_eq!(account.post("/droplets", with("ssh_keys", keys)).status, 202);
    assert_eq!(
        account
            .get(&format!("/account/keys/{}", key["fingerprint"].as_str().unwrap()))
            .status,
        200
    );
    assert_eq!(items(&sim, "ssh-key").len(), 1);
    assert_eq!(account.delete(&format!("/account/keys/{}", key["id"])).status, 204);
    assert!(items(&sim, "ssh-key").is_empty());
}
