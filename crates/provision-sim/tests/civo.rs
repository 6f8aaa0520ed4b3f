//! Civo over `Sim::handle`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod support;

use http::Method;
use provision_sim::{Sim, SimRequest};
use serde_json::{Value, json};
use support::{Account, Got, advance, got, items, sim};

fn account(sim: &Sim) -> Account<'_> {
    Account {
        sim,
        base: "/civo/v2",
        token: "sim-token-civo",
    }
}

fn code(answer: &Got) -> (u16, &str) {
    (answer.status, answer.json["code"].as_str().unwrap_or_default())
}

/// The id of a region's Ubuntu 24.04.
fn image(account: &Account<'_>, region: &str) -> Value {
    let images = account.get(&format!("/disk_images?region={region}")).json;
    let noble = images
        .as_array()
        .unwrap()
        .iter()
        .find(|image| image["name"] == "ubuntu-noble");
    noble.unwrap()["id"].clone()
}

fn network(account: &Account<'_>, region: &str) -> Value {
    account.get(&format!("/networks?region={region}")).json[0]["id"].clone()
}

fn order(account: &Account<'_>, name: &str) -> Value {
    json!({
        "count": 1, "hostname": name, "size": "g4s.xsmall", "region": "LON1", "network_id": network(account, "LON1"),
        "template_id": image(account, "LON1"), "public_ip": "create", "initial_user": "civo", "script": "#!/bin/sh\n",
        "tags": "managed-by:provision team:web", "firewall_id": "", "ssh_key_id": "",
    })
}

fn with(account: &Account<'_>, field: &str, value: Value) -> Value {
    let mut order = order(account, "web-1");
    order[field] = value;
    order
}

fn firewall(account: &Account<'_>, name: &str) -> Value {
    json!({
        "name": name, "region": "LON1", "network_id": network(account, "LON1"), "create_rules": false,
        "rules": [{"protocol": "tcp", "start_port": "80", "end_port": "80", "cidr": ["0.0.0.0/0"], "direction": "ingress",
            "action": "allow", "label": "web"}],
    })
}

#[test]
fn an_instance_is_built_and_goes() {
    let sim = sim();
    let account = account(&sim);
    let made = account.post("/instances?region=LON1", order(&account, "web-1"));
    assert_eq!((made.status, &made.json["status"]), (200, &json!("BUILDING")));
    assert_eq!(made.json["created_at"], "0001-01-01T00:00:00Z");
    assert!(made.json["public_ip"].is_null() && made.json["initial_password"].is_string());
    assert_eq!(made.json["tags"], json!(["managed-by:provision", "team:web"]));
    let path = format!("/instances/{}", made.json["id"].as_str().unwrap());
    advance(&sim, 3_000);
    let active = account.get(&format!("{path}?region=lon1")).json;
    assert_eq!(
        (&active["status"], &active["public_ip"]),
        (&json!("ACTIVE"), &json!("203.0.113.1"))
    );
    assert_eq!(
        (&active["source_id"], &active["initial_password"]),
        (&json!("ubuntu-noble"), &Value::Null)
    );
    // The wrong region does not know it.
    assert_eq!(
        code(&account.get(&format!("{path}?region=FRA1"))),
        (404, "database_instance_find")
    );
    assert_eq!(account.put(&format!("{path}/stop?region=LON1"), json!({})).status, 200);
    assert_eq!(account.get(&path).json["status"], "SHUTOFF");
    for _ in 0..2 {
        assert_eq!(account.delete(&path).json["result"], "success");
        assert_eq!(account.get(&path).json["status"], "DELETING");
    }
    assert_eq!(
        code(&account.put(&format!("{path}/start"), json!({}))),
        (409, "instance_state_must_be_active_or_shutoff")
    );
    advance(&sim, 2_000);
    assert_eq!(code(&account.delete(&path)), (404, "database_instance_find"));
    assert!(sim.inventory().is_empty());
}

#[test]
fn keys_are_checked_before_anything_else() {
    let sim = sim();
    let send = |token: Option<&str>, method: Method| {
        let request = SimRequest::new(method, "/civo/v2/instances");
        let request = match token {
            Some(token) => request.bearer(token),
            None => request,
        };
        got(sim.handle(request))
    };
    let none = send(None, Method::GET);
    assert_eq!(
        (none.status, &none.json["result"]),
        (401, &json!("requires_authentication"))
    );
    assert_eq!(
        code(&send(Some("wrong"), Method::GET)),
        (404, "database_account_not_found")
    );
    assert_eq!(
        code(&send(Some("sim-token-civo-readonly"), Method::POST)),
        (403, "authentication_access_denied")
    );
    assert_eq!(send(Some("sim-token-civo-readonly"), Method::GET).status, 200);
}

#[test]
fn fields_are_read_wherever_they_stand() {
    let sim = sim();
    let account = account(&sim);
    let fields = order(&account, "web-1");
    let pairs = fields.as_object().unwrap().iter();
    let pairs = pairs.map(|(name, value)| {
        (
            name.clone(),
            value.as_str().map_or_else(|| value.to_string(), str::to_owned),
        )
    });
    let form = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish();
    // As the old Python client sends it, and as the documentation does.
    let in_query = got(sim.handle(account.request(Method::POST, &format!("/instances?{form}"))));
    assert_eq!((in_query.status, &in_query.json["hostname"]), (200, &json!("web-1")));
    let request = account
        .request(Method::POST, "/instances")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form);
    let in_form = got(sim.handle(request));
    assert_eq!((in_form.status, &in_form.json["tags"][1]), (200, &json!("team:web")));
    // The vendor's client claims gzip for every plain body.
    let request = account
        .request(Method::POST, "/instances")
        .header("content-encoding", "gzip")
        .json(&fields);
    assert_eq!(got(sim.handle(request)).status, 200);
    let scripts = sim
        .requests()
        .iter()
        .filter(|request| request.query.contains("bin%2Fsh"))
        .count();
    assert_eq!(scripts, 0, "a script in a query is not logged");
}

#[test]
fn a_create_is_checked() {
    let sim = sim();
    let account = account(&sim);
    let other = image(&account, "FRA1");
    let table = [
        ("hostname", json!("web_1"), (400, "parameter_name_invalid")),
        ("hostname", json!("web-"), (400, "parameter_name_invalid")),
        ("hostname", json!("x".repeat(64)), (400, "parameter_name_invalid")),
        ("size", json!(""), (400, "parameter_size_missing")),
        ("size", json!("g9.none"), (404, "database_size_not_found")),
        ("size", json!("g4s.kube.small"), (404, "database_size_not_found")),
        ("size", json!("g2.xsmall"), (404, "database_size_not_found")),
        (
            "template_id",
            json!("ubuntu-noble"),
            (404, "database_disk_image_not_found"),
        ),
        ("template_id", other, (404, "database_disk_image_not_found")),
        ("network_id", json!("x"), (404, "database_network_not_found")),
        ("firewall_id", json!("x"), (404, "database_firewall_not_found")),
        ("ssh_key_id", json!("x"), (404, "database_ssh_key_not_found")),
        ("public_ip", json!("maybe"), (400, "parameter_public_ip_missing")),
        ("script", json!("#cloud-config\n"), (400, "parameter_value_missing")),
        (
            "script",
            json!(format!("#!{}", "x".repeat(16_384))),
            (400, "parameter_value_missing"),
        ),
        ("tags", json!(["a"]), (400, "parameter_invalid")),
        ("image", json!("x"), (400, "parameter_unknown")),
        ("region", json!("MOON1"), (400, "region_unavailable")),
    ];
    for (field, value, expected) in table {
        let refused = account.post("/instances", with(&account, field, value.clone()));
        assert_eq!(code(&refused), expected, "{field}: {value}");
    }
    assert_eq!(
        code(&account.get("/instances?region=TYO9")),
        (400, "region_unavailable")
    );
    let full = json!({"hostname": "a", "size": "g4s.xsmall", "template_id": image(&account, "PHX1")});
    assert_eq!(
        code(&account.post("/instances?region=PHX1", full)),
        (503, "out_of_capacity")
    );
    let malformed = account.request(Method::POST, "/instances").body("{");
    assert_eq!(got(sim.handle(malformed)).status, 400);
    assert!(sim.inventory().is_empty());
}

#[test]
fn lists_have_pages_and_tags() {
    let sim = sim();
    let account = account(&sim);
    for number in 0..25 {
        let mut order = order(&account, &format!("web-{number}"));
        order["tags"] = json!(if number < 3 { "a b" } else { "a" });
        assert_eq!(account.post("/instances", order).status, 200);
    }
    let count = |path: &str| {
        let page = account.get(path).json;
        (
            page["items"].as_array().unwrap().len(),
            page["pages"].clone(),
            page["page"].clone(),
        )
    };
    assert_eq!(count("/instances"), (20, json!(2), json!(1)));
    assert_eq!(count("/instances?page=2&per_page=20"), (5, json!(2), json!(2)));
    assert_eq!(count("/instances?page=1&per_page=99999999"), (25, json!(1), json!(1)));
    assert_eq!(count("/instances?tags=b%20a"), (3, json!(1), json!(1)));
    assert_eq!(count("/instances?tags=c"), (0, json!(1), json!(1)));
    assert_eq!(count("/instances?region=NYC1"), (0, json!(1), json!(1)));
}

#[test]
fn a_firewall_stays_until_its_instance_is_gone() {
    let sim = sim();
    let account = account(&sim);
    let made = account.post("/firewalls?region=LON1", firewall(&account, "own-1"));
    assert_eq!((made.status, &made.json["result"]), (200, &json!("success")));
    assert_eq!(
        code(&account.post("/firewalls?region=LON1", firewall(&account, "own-1"))),
        (409, "database_firewall_duplicate_name")
    );
    let mut order = order(&account, "web-1");
    order["firewall_id"] = made.json["id"].clone();
    let instance = account.post("/instances", order).json["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/firewalls/{}", made.json["id"].as_str().unwrap());
    let list = account.get("/vpc/firewalls?region=LON1").json;
    assert_eq!(
        (list.as_array().unwrap().len(), &list[1]["instance_count"]),
        (2, &json!(1))
    );
    assert_eq!(list[1]["rules"][0]["ports"], "80");
    assert_eq!(account.get("/firewalls?region=FRA1").json.as_array().unwrap().len(), 1);
    assert_eq!(
        code(&account.delete(&path)),
        (409, "database_firewall_inuse_by_instance")
    );
    assert_eq!(
        account.put(&path, json!({"name": "own-2", "region": "LON1"})).status,
        200
    );
    assert_eq!(
        code(&account.put(&path, json!({"name": "own 3"}))),
        (400, "parameter_name_invalid")
    );
    account.delete(&format!("/instances/{instance}"));
    assert_eq!(
        code(&account.delete(&path)),
        (409, "database_firewall_inuse_by_instance")
    );
    advance(&sim, 2_000);
    assert_eq!(items(&sim, "firewall").len(), 1);
    assert_eq!(account.delete(&path).status, 200);
    assert_eq!(code(&account.delete(&path)), (404, "database_firewall_not_found"));
    assert!(sim.inventory().is_empty());
}

#[test]
fn rules_are_checked() {
    let sim = sim();
    let account = account(&sim);
    let made = account.post("/firewalls", firewall(&account, "own-1"));
    let path = format!("/firewalls/{}/rules", made.json["id"].as_str().unwrap());
    let rule = |changes: Value| {
        let mut rule =
            json!({"protocol": "udp", "ports": "53", "cidr": ["0.0.0.0/0"], "direction": "ingress", "action": "allow"});
        for (field, value) in changes.as_object().unwrap() {
            rule[field] = value.clone();
        }
        rule
    };
    let good = account.post(
        &path,
        rule(json!({"ports": "8000-8100", "start_port": "1", "end_port": "2"})),
    );
    assert_eq!(
        (good.status, &good.json["start_port"], &good.json["end_port"]),
        (200, &json!("8000"), &json!("8100"))
    );
    assert_eq!(
        account
            .post(&path, rule(json!({"protocol": "icmp", "ports": ""})))
            .status,
        200
    );
    for (changes, expected) in [
        (json!({"protocol": "gre"}), "database_firewall_rules_invalid_params"),
        (
            json!({"direction": "inbound"}),
            "database_firewall_rules_invalid_params",
        ),
        (json!({"action": ""}), "database_firewall_rules_invalid_params"),
        (
            json!({"cidr": ["everywhere"]}),
            "database_firewall_rules_invalid_params",
        ),
        (json!({"cidr": []}), "database_firewall_rules_invalid_params"),
        (json!({"ports": "9-1"}), "database_firewall_rules_invalid_params"),
        (json!({"ports": ""}), "parameter_start_port_missing"),
        (json!({"port": "1"}), "database_firewall_rules_invalid_params"),
    ] {
        assert_eq!(
            code(&account.post(&path, rule(changes.clone()))),
            (400, expected),
            "{changes}"
        );
    }
    assert_eq!(account.get(&path).json.as_array().unwrap().len(), 3);
    let id = good.json["id"].as_str().unwrap();
    assert_eq!(account.delete(&format!("{path}/{id}")).status, 200);
    assert_eq!(
        code(&account.delete(&format!("{path}/{id}"))),
        (404, "database_firewall_rules_find")
    );
    let mut open = firewall(&account, "own-2");
    open["create_rules"] = json!(true);
    account.post("/firewalls", open);
    assert_eq!(
        account.get("/firewalls").json[2]["rules_count"],
        4,
        "Civo's own three are added"
    );
}

#[test]
fn ssh_keys_tags_and_the_rest() {
    let sim = sim();
    let account = account(&sim);
    let key = json!({"name": "me", "public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== me"});
    let made = account.post("/sshkeys", key.clone());
    assert_eq!(made.json["result"], "success");
    assert_eq!(
        code(&account.post("/sshkeys", key)),
        (409, "database_ssh_key_duplicate_name")
    );
    let with_key = account.post("/instances", with(&account, "ssh_key_id", made.json["id"].clone()));
    assert!(with_key.json.get("initial_password").is_none());
    let path = format!("/instances/{}", with_key.json["id"].as_str().unwrap());
    account.put(&format!("{path}/tags"), json!({"tags": "x y", "region": "LON1"}));
    account.put(&path, json!({"hostname": "web-9", "region": "LON1"}));
    let shown = account.get(&path).json;
    assert_eq!(
        (&shown["tags"], &shown["hostname"]),
        (&json!(["x", "y"]), &json!("web-9"))
    );
    assert_eq!(account.get("/sshkeys").json[0]["name"], "me");
    assert_eq!(
        account
            .delete(&format!("/sshkeys/{}", made.json["id"].as_str().unwrap()))
            .status,
        200
    );
    assert_eq!(account.get("/quota").json["instance_count_usage"], 1);
    assert!(account.get("/regions").json.as_array().unwrap().len() > 3);
    let lost = sim.handle(account.request(Method::GET, "/nothing")).answer().unwrap();
    assert_eq!(
        (lost.status().as_u16(), lost.body().as_ref()),
        (404, b"404 page not found".as_slice())
    );
}
