//! OpenStack over `Sim::handle`, compared with what a real cloud answered.
//!
//! `openstack-recorded.jsonl` holds answers of Keystone 30, Nova 34 (with its fake driver), Neutron 29 and Glance 33, recorded on
//! 2026-11-28 and shortened: lists to three items at most, without tokens and the client library's own properties of images.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod support;

use std::collections::BTreeMap;

use http::Method;
use provision_sim::{Effect, Fault, Sim, SimRequest};
use serde_json::{Value, json};
use support::{Got, advance, got, items, sim};

const COMPUTE: &str = "/RegionOne/compute/v2.1";
const NETWORK: &str = "/RegionOne/network/v2.0";

struct Project<'a> {
    sim: &'a Sim,
    token: String,
}

fn log_in(sim: &Sim, password: &str) -> Got {
    let user = json!({"name": "sim", "domain": {"name": "Default"}, "password": password});
    let scope = json!({"project": {"name": "sim-project", "domain": {"id": "default"}}});
    let auth = json!({"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}});
    got(sim.handle(SimRequest::new(Method::POST, "/openstack/identity/v3/auth/tokens").json(&auth)))
}

fn project(sim: &Sim) -> Project<'_> {
    let token = log_in(sim, "sim-token-openstack").headers["x-subject-token"]
        .to_str()
        .unwrap()
        .to_owned();
    Project { sim, token }
}

impl Project<'_> {
    fn send(&self, method: Method, path: &str, body: Option<Value>) -> Got {
        self.in_version("2.52", method, path, body)
    }

    fn in_version(&self, version: &str, method: Method, path: &str, body: Option<Value>) -> Got {
        let mut request = SimRequest::new(method, &format!("/openstack{path}")).header("x-auth-token", &self.token);
        if path.contains("/compute/") {
            request = request.header("openstack-api-version", &format!("compute {version}"));
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        got(self.sim.handle(request))
    }

    fn get(&self, path: &str) -> Got {
        self.send(Method::GET, path, None)
    }

    fn post(&self, path: &str, body: Value) -> Got {
        self.send(Method::POST, path, Some(body))
    }

    fn delete(&self, path: &str) -> Got {
        self.send(Method::DELETE, path, None)
    }

    fn id(&self, path: &str, list: &str, name: &str) -> String {
        let answer = self.get(path).json;
        let found = answer[list]
            .as_array()
            .unwrap()
            .iter()
            .find(|item| item["name"] == name)
            .unwrap();
        found["id"].as_str().unwrap().to_owned()
    }

    fn network(&self, name: &str) -> String {
        self.id(&format!("{NETWORK}/networks"), "networks", name)
    }

    /// A create that is complete but for its network.
    fn order(&self, changes: Value) -> Value {
        let mut server = json!({
            "name": "web-1", "imageRef": self.id("/RegionOne/image/v2/images", "images", "Ubuntu 24.04"),
            "flavorRef": self.id(&format!("{COMPUTE}/flavors/detail"), "flavors", "m1.small"),
            "user_data": "IyEvYmluL3NoCg==", "metadata": {"managed-by": "provision"}, "tags": ["managed-by:provision"],
        });
        for (key, value) in changes.as_object().unwrap() {
            server[key] = value.clone();
        }
        json!({"server": server})
    }

    fn port(&self) -> Got {
        let port = json!({"port": {"network_id": self.network("private"), "name": "p", "security_groups": []}});
        self.post(&format!("{NETWORK}/ports"), port)
    }
}

fn id(answer: &Got, what: &str) -> String {
    answer.json[what]["id"].as_str().unwrap().to_owned()
}

/// What differs in form: fields that one has and the other lacks, and values of another kind. A value that is null says nothing, nor
/// does a list without items.
fn differences(at: &str, real: &Value, simulated: &Value, found: &mut Vec<String>) {
    match (real, simulated) {
        (Value::Null, _) | (_, Value::Null) => {}
        (Value::Object(real), Value::Object(simulated)) => {
            // Names that users or faults choose.
            let free = ["metadata", "addresses"].iter().any(|name| at.ends_with(name));
            for (key, value) in real {
                match simulated.get(key) {
                    Some(other) => differences(&format!("{at}.{key}"), value, other, found),
                    None if !free => found.push(format!("{at}.{key} is missing")),
                    None => {}
                }
            }
            for key in simulated.keys().filter(|key| !real.contains_key(*key) && !free) {
                found.push(format!("{at}.{key} is not real"));
            }
        }
        (Value::Array(real), Value::Array(simulated)) => {
            if let (Some(one), Some(other)) = (real.first(), simulated.first()) {
                differences(&format!("{at}[]"), one, other, found);
            }
        }
        (one, other) if std::mem::discriminant(one) == std::mem::discriminant(other) => {}
        (one, other) => found.push(format!("{at} is {other} where {one} is real")),
    }
}

fn recorded() -> BTreeMap<String, (u16, Value)> {
    let lines = include_str!("openstack-recorded.jsonl").lines();
    let read = |line: &str| {
        let mut entry: Value = serde_json::from_str(line).unwrap();
        let status = u16::try_from(entry["status"].as_u64().unwrap()).unwrap();
        (
            entry["name"].as_str().unwrap().to_owned(),
            (status, entry["answer"].take()),
        )
    };
    lines.map(read).collect()
}

/// The same requests as were recorded, in an order that a create has.
fn play(sim: &Sim) -> Vec<(&'static str, Got)> {
    let cloud = project(sim);
    let mut played: Vec<(&'static str, Got)> = vec![
        ("token", log_in(sim, "sim-token-openstack")),
        ("token refused", log_in(sim, "wrong")),
        ("catalog", cloud.get("/identity/v3/auth/catalog")),
        ("version", cloud.get(&format!("{COMPUTE}/"))),
        ("identity version", cloud.get("/identity/v3")),
        ("network versions", cloud.get("/RegionOne/network/")),
        ("image versions", cloud.get("/RegionOne/image/")),
        (
            "version refused",
            cloud.in_version("2.999", Method::GET, &format!("{COMPUTE}/servers/detail"), None),
        ),
        (
            "images",
            cloud.get("/RegionOne/image/v2/images?name=Ubuntu%2024.04&status=active"),
        ),
        ("image page", cloud.get("/RegionOne/image/v2/images?limit=1")),
        ("flavors", cloud.get(&format!("{COMPUTE}/flavors/detail"))),
        ("flavor page", cloud.get(&format!("{COMPUTE}/flavors/detail?limit=1"))),
        (
            "networks",
            cloud.get(&format!("{NETWORK}/networks?router:external=true")),
        ),
        ("limits", cloud.get(&format!("{COMPUTE}/limits"))),
        ("zones", cloud.get(&format!("{COMPUTE}/os-availability-zone"))),
    ];
    let stranger = Project { sim, token: "x".into() };
    played.push(("bad token", stranger.get(&format!("{COMPUTE}/servers/detail"))));
    let key = json!({"keypair": {"name": "k", "public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== me"}});
    played.push((
        "key pair made",
        cloud.post(&format!("{COMPUTE}/os-keypairs"), key.clone()),
    ));
    played.push(("key pair again", cloud.post(&format!("{COMPUTE}/os-keypairs"), key)));

    let groups = format!("{NETWORK}/security-groups");
    let group_made = cloud.post(&groups, json!({"security_group": {"name": "g", "description": "d"}}));
    let group = id(&group_made, "security_group");
    played.push(("group made", group_made));
    let port_made = cloud.port();
    let port = id(&port_made, "port");
    played.push(("port made", port_made));
    let servers = format!("{COMPUTE}/servers");
    let server_made = cloud.post(&servers, cloud.order(json!({"networks": [{"port": port}]})));
    let server = id(&server_made, "server");
    played.push(("server made", server_made));
    let rule = |ethertype: &str, port: u16| {
        json!({"security_group_id": group, "direction": "ingress", "ethertype": ethertype, "protocol": "tcp",
            "port_range_min": port, "port_range_max": port})
    };
    let rules = format!("{NETWORK}/security-group-rules");
    played.push((
        "rule made",
        cloud.post(&rules, json!({"security_group_rule": rule("IPv4", 80)})),
    ));
    let many = json!({"security_group_rules": [rule("IPv6", 80), rule("IPv6", 443)]});
    played.push(("rules made", cloud.post(&rules, many.clone())));
    played.push(("rule again", cloud.post(&rules, many)));
    let change = json!({"port": {"name": "q", "security_groups": [group]}});
    played.push((
        "port changed",
        cloud.send(Method::PUT, &format!("{NETWORK}/ports/{port}"), Some(change)),
    ));
    let change = json!({"security_group": {"name": "h"}});
    played.push((
        "group changed",
        cloud.send(Method::PUT, &format!("{groups}/{group}"), Some(change)),
    ));
    let floating =
        json!({"floatingip": {"floating_network_id": cloud.network("public"), "port_id": port, "description": "d"}});
    let floating_made = cloud.post(&format!("{NETWORK}/floatingips"), floating);
    let floating = format!("{NETWORK}/floatingips/{}", id(&floating_made, "floatingip"));
    played.push(("floating IP made", floating_made));
    let one = format!("{servers}/{server}");
    played.push(("server building", cloud.get(&one)));
    advance(sim, 60_000);
    played.push(("server active", cloud.get(&one)));
    played.push((
        "servers by tag",
        cloud.get(&format!("{servers}/detail?tags=managed-by:provision")),
    ));
    played.push(("server page", cloud.get(&format!("{servers}/detail?limit=1"))));
    played.push(("ports", cloud.get(&format!("{NETWORK}/ports?name=q"))));
    played.push(("groups", cloud.get(&format!("{groups}?name=h"))));
    played.push(("group in use", cloud.delete(&format!("{groups}/{group}"))));

    sim.faults()
        .add(Fault::new(Effect::SoldOut).cloud("openstack").times(1));
    let private = json!({"networks": [{"uuid": cloud.network("private")}]});
    let failed = cloud.post(&servers, cloud.order(private.clone()));
    advance(sim, 60_000);
    played.push((
        "server failed",
        cloud.get(&format!("{servers}/{}", id(&failed, "server"))),
    ));

    assert_eq!(cloud.delete(&one).status, 204);
    advance(sim, 60_000);
    played.push(("server gone", cloud.get(&one)));
    assert_eq!(cloud.delete(&format!("{NETWORK}/ports/{port}")).status, 204);
    played.push(("floating IP after its server", cloud.get(&floating)));
    for (gone, path) in [
        ("port gone", format!("{NETWORK}/ports/{port}")),
        ("floating IP gone", floating),
        ("group gone", format!("{groups}/{group}")),
    ] {
        cloud.delete(&path);
        played.push((gone, cloud.delete(&path)));
    }
    for (what, changes) in [
        ("port unknown", json!({"networks": [{"port": port}]})),
        ("network unknown", json!({"networks": [{"uuid": port}]})),
        (
            "group unknown",
            json!({"networks": private["networks"], "security_groups": [{"name": "nope"}]}),
        ),
        (
            "key pair unknown",
            json!({"networks": private["networks"], "key_name": "nope"}),
        ),
        (
            "zone unknown",
            json!({"networks": private["networks"], "availability_zone": "nope"}),
        ),
        ("field unknown", json!({"networks": private["networks"], "foo": 1})),
        (
            "flavor unknown",
            json!({"networks": private["networks"], "flavorRef": "nope"}),
        ),
        (
            "image unknown",
            json!({"networks": private["networks"], "imageRef": "nope"}),
        ),
        (
            "tag with a slash",
            json!({"networks": private["networks"], "tags": ["a/b"]}),
        ),
        ("no network named", json!({"networks": "auto"})),
    ] {
        played.push((what, cloud.post(&servers, cloud.order(changes))));
    }
    let unknown = json!({"security_group": {"name": "x", "foo": 1}});
    played.push(("attribute unknown", cloud.post(&groups, unknown)));
    played
}

#[test]
fn every_answer_has_the_form_of_the_recorded_one() {
    let sim = sim();
    let mut recorded = recorded();
    let mut found = Vec::new();
    for (name, answer) in play(&sim) {
        let (status, real) = recorded
            .remove(name)
            .unwrap_or_else(|| unreachable!("{name} was not recorded"));
        if answer.status != status {
            found.push(format!(
                "{name}: {} where {status} is real: {}",
                answer.status, answer.json
            ));
        }
        differences(name, &real, &answer.json, &mut found);
    }
    assert_eq!(recorded.keys().collect::<Vec<_>>(), [""; 0], "recorded, but not played");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_words_of_refusals_are_the_recorded_ones() {
    let sim = sim();
    let mut recorded = recorded();
    for (name, answer) in play(&sim).into_iter().filter(|(_, answer)| answer.status >= 400) {
        let (_, real) = recorded.remove(name).unwrap();
        let words = |answer: &Value| {
            let fault = answer.as_object().unwrap().values().next().unwrap();
            let message = fault["message"].as_str().unwrap_or_default().to_owned();
            // Up to the first thing that differs from cloud to cloud: an id, a value.
            let known = message.split([':', '\'']).next().unwrap_or_default();
            let is_word = |word: &&str| !word.contains(|c: char| c.is_ascii_digit());
            (
                fault["type"].clone(),
                known
                    .split_whitespace()
                    .take_while(is_word)
                    .collect::<Vec<_>>()
                    .join(" "),
            )
        };
        let ((real_type, real), (simulated_type, simulated)) = (words(&real), words(&answer.json));
        assert_eq!(real_type, simulated_type, "{name}");
        let common = real.split(". Value").next().unwrap();
        assert!(
            simulated.starts_with(common) || real.starts_with(&simulated),
            "{name}: {simulated:?} where {real:?} is real"
        );
    }
}

#[test]
fn a_token_runs_out_and_may_be_for_reading_only() {
    let sim = sim();
    let cloud = project(&sim);
    let list = format!("{COMPUTE}/servers/detail");
    assert_eq!(cloud.get(&list).status, 200);
    advance(&sim, 3_600_000);
    assert_eq!(cloud.get(&list).status, 401);
    let token = log_in(&sim, "sim-token-openstack-readonly").headers["x-subject-token"].clone();
    let reader = Project {
        sim: &sim,
        token: token.to_str().unwrap().to_owned(),
    };
    assert_eq!(reader.get(&list).status, 200);
    assert_eq!(reader.port().status, 403);
}

#[test]
fn an_application_credential_brings_its_own_scope() {
    let sim = sim();
    let log_in = |scope: bool, secret: &str| {
        let credential = json!({"id": "8edde78a27df46f991f618069539043b", "secret": secret});
        let mut auth =
            json!({"identity": {"methods": ["application_credential"], "application_credential": credential}});
        if scope {
            auth["scope"] = json!({"project": {"id": "b58112659c6b427fba21cfe20a019d2b"}});
        }
        let request = SimRequest::new(Method::POST, "/openstack/identity/v3/auth/tokens");
        got(sim.handle(request.json(&json!({"auth": auth})))).status
    };
    assert_eq!(log_in(false, "sim-token-openstack"), 201);
    assert_eq!(log_in(true, "sim-token-openstack"), 401);
    assert_eq!(log_in(false, "other"), 401);
}

#[test]
fn old_versions_know_no_tags() {
    let sim = sim();
    let cloud = project(&sim);
    let order = cloud.order(json!({"networks": [{"uuid": cloud.network("private")}]}));
    let path = format!("{COMPUTE}/servers");
    let old = cloud.in_version("2.51", Method::POST, &path, Some(order.clone()));
    assert_eq!(old.status, 400, "{:?}", old.json);
    let made = cloud.post(&path, order);
    let one = format!("{path}/{}", id(&made, "server"));
    let shown = cloud.in_version("2.1", Method::GET, &one, None).json;
    assert!(shown["server"]["tags"].is_null() && shown["server"]["flavor"]["id"].is_string());
    // The filter is not looked at.
    let all = cloud.in_version("2.1", Method::GET, &format!("{path}/detail?tags=nobody-s"), None);
    assert_eq!(all.json["servers"].as_array().unwrap().len(), 1);
    assert_eq!(
        cloud.get(&format!("{path}/detail?tags=nobody-s")).json["servers"],
        json!([])
    );
}

#[test]
fn what_users_made_outlives_the_server_and_what_nova_made_does_not() {
    let sim = sim();
    let cloud = project(&sim);
    let path = format!("{COMPUTE}/servers");
    let port = id(&cloud.port(), "port");
    let made = cloud.post(&path, cloud.order(json!({"networks": [{"port": port}]})));
    let other = cloud.post(
        &path,
        cloud.order(json!({"networks": [{"uuid": cloud.network("private")}]})),
    );
    // A port belongs to one server.
    let again = cloud.post(&path, cloud.order(json!({"networks": [{"port": port}]})));
    assert_eq!(again.status, 409);
    let public = json!({"networks": [{"uuid": cloud.network("public")}]});
    assert_eq!(cloud.post(&path, cloud.order(public)).status, 403, "not shared here");
    assert_eq!(
        cloud.get(&format!("{NETWORK}/ports")).json["ports"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    for made in [made, other] {
        let one = format!("{path}/{}", id(&made, "server"));
        assert_eq!((cloud.delete(&one).status, cloud.delete(&one).status), (204, 204));
    }
    advance(&sim, 60_000);
    let left = cloud.get(&format!("{NETWORK}/ports")).json;
    assert_eq!(left["ports"][0]["device_id"], "");
    assert_eq!(items(&sim, "port").len(), 1);
}
