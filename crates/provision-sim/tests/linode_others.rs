//! Linode: firewalls and the catalog, over `Sim::handle`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod support;

use http::Method;
use provision_sim::Sim;
use serde_json::{Value, json};
use support::{Account, Got, got, items, sim};

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
    })
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

fn wall(label: &str, instance: &Value) -> Value {
    json!({
        "label": label, "tags": ["managed-by:provision"], "devices": { "linodes": [instance] },
        "rules": {
            "inbound": [{
                "action": "ACCEPT", "label": "tcp-443", "protocol": "TCP", "ports": "443",
                "addresses": { "ipv4": ["0.0.0.0/0"], "ipv6": ["::/0"] },
            }],
            "inbound_policy": "DROP", "outbound": [], "outbound_policy": "ACCEPT",
        },
    })
}

#[test]
fn a_firewall_outlives_its_instance() {
    let sim = sim();
    let account = account(&sim);
    let instance = account.post("/linode/instances", order("web-1")).json["id"].clone();
    let made = account.post("/networking/firewalls", wall("wall", &instance));
    assert_eq!((made.status, &made.json["status"]), (200, &json!("enabled")));
    assert_eq!(made.json["entities"][0]["id"], instance);
    assert_eq!(made.json["rules"]["version"], 1);
    let id = made.json["id"].clone();
    let of_instance = account.get(&format!("/linode/instances/{instance}/firewalls"));
    assert_eq!(of_instance.json["data"][0]["id"], id);
    assert_eq!(
        reason(&account.post("/networking/firewalls", wall("other", &instance))),
        (400, "Linode has an enabled firewall assigned to it")
    );
    assert_eq!(account.delete(&format!("/linode/instances/{instance}")).status, 200);
    assert_eq!(items(&sim, "firewall"), [id.to_string()]);
    let path = format!("/networking/firewalls/{id}");
    assert_eq!(account.get(&path).json["entities"], json!([]));
    let found = filtered(&account, "/networking/firewalls", r#"{"label":"wall"}"#);
    assert_eq!(found.json["results"], 1);
    assert_eq!(account.delete(&path).status, 200);
    assert_eq!(reason(&account.delete(&path)), (404, "Not found"));
    assert!(sim.inventory().is_empty());
}

#[test]
fn a_firewall_goes_while_it_is_assigned() {
    let sim = sim();
    let account = account(&sim);
    let instance = account.post("/linode/instances", order("web-1")).json["id"].clone();
    let id = account.post("/networking/firewalls", wall("wall", &instance)).json["id"].clone();
    let path = format!("/networking/firewalls/{id}");
    let devices = account.get(&format!("{path}/devices"));
    let device = &devices.json["data"][0];
    assert_eq!(device["entity"]["id"], instance);
    assert_eq!(
        account.delete(&format!("{path}/devices/{}", device["id"])).json,
        json!({})
    );
    let again = account.post(&format!("{path}/devices"), json!({ "id": instance, "type": "linode" }));
    assert_eq!(again.status, 200);
    let rules = account.put(
        &format!("{path}/rules"),
        json!({ "inbound_policy": "DROP", "outbound_policy": "DROP" }),
    );
    assert_eq!((rules.status, &rules.json["version"]), (200, &json!(2)));
    assert_eq!(account.delete(&path).status, 200);
    assert_eq!(items(&sim, "host").len(), 1);
}

#[test]
fn bad_firewalls_are_refused() {
    let sim = sim();
    let account = account(&sim);
    let instance = account.post("/linode/instances", order("web-1")).json["id"].clone();
    let change = |pointer: &str, value: Value| {
        let mut wall = wall("wall", &instance);
        *wall.pointer_mut(pointer).unwrap() = value;
        wall
    };
    let rule = wall("wall", &instance)["rules"]["inbound"][0].clone();
    for (body, name) in [
        (change("/label", json!("x".repeat(33))), "label"),
        (change("/devices/linodes/0", json!(1)), "devices.linodes"),
        (change("/rules/inbound_policy", json!(null)), "rules.inbound_policy"),
        (change("/rules/inbound", json!(vec![rule; 26])), "rules"),
        (change("/rules/inbound/0/label", json!("x")), "rules.inbound[0].label"),
        (
            change("/rules/inbound/0/protocol", json!("tcp")),
            "rules.inbound[0].protocol",
        ),
        (change("/rules/inbound/0/ports", json!("0")), "rules.inbound[0].ports"),
        (
            change("/rules/inbound/0/addresses", json!({})),
            "rules.inbound[0].addresses",
        ),
        (
            change("/rules/inbound/0/addresses/ipv4", json!(["::/0"])),
            "rules.inbound[0].addresses",
        ),
    ] {
        let got = account.post("/networking/firewalls", body.clone());
        assert!(got.status == 400 && field(&got) == name, "{body}: {:?}", got.json);
    }
    assert_eq!(
        account.post("/networking/firewalls", wall("wall", &instance)).status,
        200
    );
    let taken = account.post("/networking/firewalls", wall("wall", &json!(1)));
    assert_eq!(taken.status, 400);
    let mut modern = order("web-2");
    let fields = modern.as_object_mut().unwrap();
    fields.remove("firewall_id");
    fields.insert("interface_generation".into(), json!("linode"));
    fields.insert("interfaces".into(), json!([{ "public": {}, "firewall_id": -1 }]));
    let modern = account.post("/linode/instances", modern).json;
    assert_eq!(modern["interface_generation"], "linode");
    let got = account.post("/networking/firewalls", wall("new-wall", &modern["id"]));
    assert!(
        reason(&got).1.starts_with("Linode is using Linode Interfaces"),
        "{:?}",
        got.json
    );
}

#[test]
fn the_catalog_has_its_oddities() {
    let sim = sim();
    let account = account(&sim);
    let types = account.get("/linode/types").json;
    assert_eq!(
        (&types["data"][0]["id"], &types["data"][0]["price"]["monthly"]),
        (&json!("g6-nanode-1"), &json!(5.0))
    );
    assert_eq!(types["data"][0]["region_prices"][0]["monthly"], 7.0);
    assert_eq!(
        filtered(&account, "/images", r#"{"vendor":"Debian","deprecated":false}"#).json["results"],
        1
    );
    assert_eq!(account.get("/regions/ap-south").json["status"], "outage");
    assert_eq!(account.get("/linode/types/none").status, 404);
}

#[test]
fn a_stackscript_is_what_the_instance_runs() {
    let sim = sim();
    let account = account(&sim);
    let script =
        json!({ "label": "web-1", "images": ["linode/ubuntu24.04"], "script": "#!/bin/sh\n", "is_public": false });
    let made = account.post("/linode/stackscripts", script.clone()).json;
    assert_eq!((&made["script"], &made["mine"]), (&json!("#!/bin/sh\n"), &json!(true)));
    let path = format!("/linode/stackscripts/{}", made["id"]);
    let listed = filtered(&account, "/linode/stackscripts", r#"{"mine":true}"#).json;
    assert_eq!(
        (&listed["results"], &listed["data"][0]["script"]),
        (&json!(1), &json!(""))
    );

    let mut order = order("web-1");
    let fields = order.as_object_mut().unwrap();
    fields.remove("metadata");
    fields.remove("firewall_id");
    fields.insert("stackscript_id".into(), made["id"].clone());
    fields.insert("image".into(), json!("linode/debian12"));
    let other_image = account.post("/linode/instances", order.clone());
    assert_eq!((other_image.status, field(&other_image)), (400, "image"));
    order["image"] = json!("linode/ubuntu24.04");
    assert_eq!(account.post("/linode/instances", order.clone()).status, 200);
    let host = sim.inventory().into_iter().find(|item| item.kind == "host").unwrap();
    // Of "#!/bin/sh" and a line's end.
    assert_eq!(
        host.user_data_sha256.as_deref(),
        Some("a8076d3d28d21e02012b20eaf7dbf75409a6277134439025f282e368e3305abf")
    );

    assert_eq!(account.delete(&path).status, 200);
    assert_eq!(account.get(&path).status, 404);
    order["label"] = json!("web-2");
    let gone = account.post("/linode/instances", order);
    assert_eq!((gone.status, field(&gone)), (400, "stackscript_id"));
    for (name, value) in [
        ("script", json!("echo")),
        ("images", json!([])),
        ("images", json!(["linode/none"])),
        ("is_public", json!(true)),
        ("label", json!("x")),
    ] {
        let mut script = script.clone();
        script[name] = value;
        let got = account.post("/linode/stackscripts", script);
        assert_eq!((got.status, field(&got)), (400, name));
    }
}
