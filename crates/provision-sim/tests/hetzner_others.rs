//! Hetzner Cloud: firewalls, addresses, keys and the catalog, over `Sim::handle`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod support;

use provision_sim::Sim;
use serde_json::{Value, json};
use support::{Account, Got, advance, items, sim};

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

#[test]
fn addresses_lead_to_their_server() {
    let sim = sim();
    let account = account(&sim);
    let server = account.post("/servers", order("web-1")).json["server"].clone();
    let ip = server["public_net"]["ipv4"]["ip"].as_str().unwrap().to_owned();
    let found = account.get(&format!("/primary_ips?ip={ip}")).json["primary_ips"].clone();
    assert_eq!(found.as_array().unwrap().len(), 1);
    assert_eq!(
        (&found[0]["assignee_id"], &found[0]["auto_delete"]),
        (&server["id"], &json!(true))
    );
    assert_eq!(
        account.get("/primary_ips?ip=192.0.2.200").json["primary_ips"],
        json!([])
    );
    assert_eq!(
        code(&account.delete(&format!("/primary_ips/{}", found[0]["id"]))),
        (422, "must_be_unassigned")
    );

    // One that was made by itself stays when its server goes.
    let own = account.post(
        "/primary_ips",
        json!({ "name": "ip-1", "type": "ipv4", "location": "nbg1" }),
    );
    let id = own.json["primary_ip"]["id"].clone();
    let mut order = order("web-2");
    order["public_net"] = json!({ "ipv4": id, "enable_ipv6": false });
    let second = account.post("/servers", order.clone()).json["server"].clone();
    assert_eq!(second["public_net"]["ipv4"]["ip"], own.json["primary_ip"]["ip"]);
    assert_eq!(second["public_net"]["ipv6"], Value::Null);
    order["name"] = json!("web-3");
    assert_eq!(code(&account.post("/servers", order)), (422, "primary_ip_assigned"));
    advance(&sim, 3_000);
    for server in [&server, &second] {
        assert_eq!(account.delete(&format!("/servers/{}", server["id"])).status, 200);
    }
    assert_eq!(items(&sim, "address"), [id.to_string()]);
    assert_eq!(account.delete(&format!("/primary_ips/{id}")).status, 204);
    assert!(sim.inventory().is_empty());
}

fn rule() -> Value {
    json!({ "direction": "in", "protocol": "tcp", "port": "443", "source_ips": ["0.0.0.0/0", "::/0"] })
}

#[test]
fn a_firewall_in_use_cannot_be_deleted() {
    let sim = sim();
    let account = account(&sim);
    let made = account.post("/firewalls", json!({ "name": "fw-1", "rules": [rule()] }));
    assert_eq!(made.status, 201);
    let id = made.json["firewall"]["id"].clone();
    let path = format!("/firewalls/{id}");
    assert_eq!(
        code(&account.post("/firewalls", json!({ "name": "fw-1" }))),
        (409, "uniqueness_error")
    );
    let server = account
        .post("/servers", with("firewalls", json!([{ "firewall": id }])))
        .json["server"]
        .clone();
    assert_eq!(
        server["public_net"]["firewalls"],
        json!([{ "id": id, "status": "applied" }])
    );
    let applied = account.get(&path).json["firewall"]["applied_to"].clone();
    assert_eq!(applied, json!([{ "type": "server", "server": { "id": server["id"] } }]));
    assert_eq!(code(&account.delete(&path)), (422, "resource_in_use"));
    advance(&sim, 3_000);
    account.delete(&format!("/servers/{}", server["id"]));
    assert_eq!(items(&sim, "firewall"), [id.to_string()]);
    assert_eq!(account.delete(&path).status, 204);
    assert_eq!(code(&account.delete(&path)), (404, "not_found"));
    assert!(sim.inventory().is_empty());
}

#[test]
fn firewalls_are_applied_by_server_or_label() {
    let sim = sim();
    let account = account(&sim);
    let server = account.post("/servers", order("web-1")).json["server"]["id"].clone();
    let selector = json!({ "type": "label_selector", "label_selector": { "selector": "managed-by=provision" } });
    let made = account.post(
        "/firewalls",
        json!({ "name": "fw-1", "rules": [rule()], "apply_to": [selector] }),
    );
    let id = made.json["firewall"]["id"].clone();
    let applied = &made.json["firewall"]["applied_to"][0]["applied_to_resources"];
    assert_eq!(*applied, json!([{ "type": "server", "server": { "id": server } }]));
    let attached = || account.get(&format!("/servers/{server}")).json["server"]["public_net"]["firewalls"].clone();
    assert_eq!(attached(), json!([{ "id": id, "status": "applied" }]));
    let path = format!("/firewalls/{id}");
    assert_eq!(code(&account.delete(&path)), (422, "resource_in_use"));
    let remove = json!({ "remove_from": [selector] });
    assert_eq!(
        account
            .post(&format!("{path}/actions/remove_from_resources"), remove)
            .status,
        201
    );
    assert_eq!(attached(), json!([]));
    let target = json!([{ "type": "server", "server": { "id": server } }]);
    let apply = account.post(
        &format!("{path}/actions/apply_to_resources"),
        json!({ "apply_to": target }),
    );
    assert_eq!(apply.json["actions"][0]["command"], "apply_firewall");
    assert_eq!(attached(), json!([{ "id": id, "status": "applied" }]));
    account.post(
        &format!("{path}/actions/remove_from_resources"),
        json!({ "remove_from": target }),
    );
    let set = account.post(&format!("{path}/actions/set_rules"), json!({ "rules": [] }));
    assert_eq!(set.status, 201);
    assert_eq!(account.get(&path).json["firewall"]["rules"], json!([]));
    assert_eq!(account.delete(&path).status, 204);
}

#[test]
fn bad_firewall_rules_are_refused() {
    let sim = sim();
    let account = account(&sim);
    for (field, value) in [
        ("direction", json!("both")),
        ("protocol", json!("sctp")),
        ("port", json!(null)),
        ("port", json!("0")),
        ("port", json!("9-1")),
        ("port", json!(443)),
        ("source_ips", json!([])),
        ("source_ips", json!(["192.0.2.1"])),
        ("destination_ips", json!(["0.0.0.0/0"])),
        ("ports", json!("80")),
    ] {
        let mut rule = rule();
        rule[field] = value;
        let got = account.post("/firewalls", json!({ "name": "fw-1", "rules": [rule] }));
        assert_eq!(code(&got), (422, "invalid_input"), "{rule}");
    }
    let targets = json!([{ "type": "server", "server": { "id": 1 } }]);
    let got = account.post(
        "/firewalls",
        json!({ "name": "fw-1", "rules": [rule()], "apply_to": targets }),
    );
    assert_eq!(code(&got), (422, "invalid_input"));
    assert!(sim.inventory().is_empty());
}

#[test]
fn the_catalog_has_its_gaps_and_prices() {
    let sim = sim();
    let account = account(&sim);
    let cax11 = account.get("/server_types?name=cax11").json["server_types"][0].clone();
    let nbg1 = cax11["locations"]
        .as_array()
        .unwrap()
        .iter()
        .find(|place| place["name"] == "nbg1")
        .unwrap()
        .clone();
    assert_eq!(nbg1["available"], false);
    let cx23 = account.get("/server_types/114").json["server_type"].clone();
    assert_eq!(cx23["prices"][0]["price_monthly"]["net"], "5.4900");
    assert_eq!(account.get("/server_types/1").status, 404);
    let images = account
        .get("/images?name=ubuntu-24.04&architecture=x86&type=system")
        .json["images"]
        .clone();
    assert_eq!(images.as_array().unwrap().len(), 1);
    assert_eq!(account.get("/images?type=snapshot").json["images"], json!([]));
    assert_eq!(account.get("/locations").json["meta"]["pagination"]["total_entries"], 6);
    // Fields which the types of the crate hcloud require.
    assert_eq!(cx23["prices"][0]["price_per_tb_traffic"]["net"], "1.0000");
    assert_eq!(cx23["deprecated"], false);
    let pricing = account.get("/pricing").json["pricing"].clone();
    assert_eq!(pricing["floating_ip"]["price_monthly"]["net"], "3.0000");
    assert_eq!(pricing["floating_ips"][0]["prices"][0]["location"], "fsn1");
    assert_eq!(pricing["load_balancer_types"], json!([]));
    assert_eq!(pricing["currency"], "EUR");
    assert_eq!(pricing["primary_ips"][0]["prices"][0]["price_monthly"]["net"], "0.5000");
}

#[test]
fn keys_are_named_by_name_or_number() {
    let sim = sim();
    let account = account(&sim);
    let body = json!({ "name": "me", "public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== me" });
    let key = account.post("/ssh_keys", body.clone()).json["ssh_key"].clone();
    assert_eq!(code(&account.post("/ssh_keys", body)), (409, "uniqueness_error"));
    let made = account.post("/servers", with("ssh_keys", json!(["me", key["id"]])));
    assert_eq!((made.status, &made.json["root_password"]), (201, &Value::Null));
    assert_eq!(account.get("/ssh_keys?name=me").json["ssh_keys"][0]["id"], key["id"]);
    assert_eq!(account.delete(&format!("/ssh_keys/{}", key["id"])).status, 204);
    assert!(items(&sim, "ssh-key").is_empty());
}

#[test]
fn protected_servers_stay() {
    let sim = sim();
    let account = account(&sim);
    let id = account.post("/servers", order("web-1")).json["server"]["id"].clone();
    advance(&sim, 3_000);
    let path = format!("/servers/{id}");
    let protect = |on: bool| {
        let body = json!({ "delete": on, "rebuild": on });
        account.post(&format!("{path}/actions/change_protection"), body).status
    };
    assert_eq!(protect(true), 201);
    assert_eq!(code(&account.delete(&path)), (423, "protected"));
    assert_eq!(protect(false), 201);
    assert_eq!(account.post(&format!("{path}/actions/poweroff"), json!({})).status, 201);
    assert_eq!(account.get(&path).json["server"]["status"], "off");
    assert_eq!(account.delete(&path).status, 200);
}

#[test]
fn servers_are_placed_in_groups_that_exist() {
    let sim = sim();
    let account = account(&sim);
    let made = account.post("/placement_groups", json!({ "name": "apart", "type": "spread" }));
    assert_eq!((made.status, &made.json["action"]), (201, &Value::Null));
    let group = made.json["placement_group"]["id"].clone();
    let path = format!("/placement_groups/{group}");
    for number in 0..10 {
        let mut order = with("placement_group", group.clone());
        order["name"] = json!(format!("web-{number}"));
        let server = account.post("/servers", order).json["server"].clone();
        assert_eq!(server["placement_group"]["id"], group);
    }
    let servers = account.get(&path).json["placement_group"]["servers"].clone();
    assert_eq!(servers.as_array().unwrap().len(), 10);
    // Ten is the most, and what is in use cannot be deleted.
    let mut eleventh = with("placement_group", group);
    eleventh["name"] = json!("web-10");
    assert_eq!(code(&account.post("/servers", eleventh)), (422, "placement_error"));
    assert_eq!(code(&account.delete(&path)), (422, "resource_in_use"));
    assert_eq!(
        code(&account.post("/placement_groups", json!({ "name": "apart", "type": "spread" }))),
        (409, "uniqueness_error")
    );
    assert_eq!(
        code(&account.post("/placement_groups", json!({ "name": "other", "type": "pack" }))),
        (422, "invalid_input")
    );
    advance(&sim, 10_000);
    for server in servers.as_array().unwrap() {
        account.delete(&format!("/servers/{server}"));
    }
    assert_eq!(account.delete(&path).status, 204);
    assert!(items(&sim, "placement-group").is_empty());
}
