//! Vultr, over `Sim::handle`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod support;

use http::Method;
use provision_sim::{Effect, Fault, Sim, SimRequest};
use serde_json::{Value, json};
use support::{Account, Got, advance, got, items, sim};

fn account(sim: &Sim) -> Account<'_> {
    Account {
        sim,
        base: "/vultr/v2",
        token: "sim-token-vultr",
    }
}

fn order(name: &str) -> Value {
    json!({
        "region": "lhr", "plan": "vc2-1c-1gb", "os_id": 2284, "label": name, "hostname": name,
        "user_data": "IyEvYmluL3NoCg==", "tags": ["managed-by:provision"], "backups": "disabled",
    })
}

fn with(field: &str, value: Value) -> Value {
    let mut order = order("web-1");
    order[field] = value;
    order
}

fn refusal(got: &Got) -> (u16, &str) {
    let text = got.json["error"].as_str().unwrap_or_default();
    if got.status >= 400 {
        assert_eq!(got.json["status"], got.status);
    }
    (got.status, text)
}

fn words(got: &Got) -> [&str; 4] {
    let text = |field: &str| got.json["instance"][field].as_str().unwrap();
    [
        text("status"),
        text("server_status"),
        text("power_status"),
        text("main_ip"),
    ]
}

#[test]
fn an_instance_comes_up_and_goes() {
    let sim = sim();
    let account = account(&sim);
    let made = account.post("/instances", order("web-1"));
    assert_eq!(made.status, 202);
    // The Go client reads nothing of another type.
    assert_eq!(made.headers["content-type"], "application/json");
    assert_eq!(words(&made), ["pending", "none", "running", "0.0.0.0"]);
    let instance = &made.json["instance"];
    assert_eq!(instance["default_password"].as_str().unwrap().len(), 16);
    assert_eq!(instance["date_created"], "2026-11-20T10:00:00+00:00");
    assert_eq!(
        (&instance["os"], &instance["v6_main_ip"]),
        (&json!("Ubuntu 24.04 LTS x64"), &json!(""))
    );
    let path = format!("/instances/{}", instance["id"].as_str().unwrap());

    let locked = account.delete(&path);
    assert_eq!(
        refusal(&locked),
        (
            500,
            "Unable to destroy server: Unable to remove VM: Server is currently locked"
        )
    );
    advance(&sim, 1_199);
    assert_eq!(words(&account.get(&path))[0], "pending");
    advance(&sim, 1);
    // With its address, stopped, but not yet of use.
    assert_eq!(
        words(&account.get(&path)),
        ["active", "locked", "stopped", "203.0.113.1"]
    );
    advance(&sim, 900);
    assert_eq!(words(&account.get(&path))[1..3], ["installingbooting", "running"]);
    advance(&sim, 900);
    let running = account.get(&path);
    assert_eq!(words(&running), ["active", "ok", "running", "203.0.113.1"]);
    assert_eq!(running.json["instance"].get("default_password"), None);

    let item = sim.inventory().pop().unwrap();
    assert_eq!(
        (item.kind.as_str(), item.bills, item.region.as_str()),
        ("host", true, "lhr")
    );
    // printf '#!/bin/sh\n' | sha256sum
    assert_eq!(
        item.user_data_sha256.unwrap(),
        "a8076d3d28d21e02012b20eaf7dbf75409a6277134439025f282e368e3305abf"
    );

    assert_eq!(account.delete(&path).status, 204);
    assert_eq!(refusal(&account.get(&path)), (404, "instance not found"));
    assert_eq!(refusal(&account.delete(&path)), (404, "instance not found"));
    assert!(sim.inventory().is_empty());
}

#[test]
fn an_unknown_path_is_told_from_an_unknown_instance() {
    let sim = sim();
    let account = account(&sim);
    // Withdrawn from the real API: https://github.com/vultr/terraform-provider-vultr/issues/753
    let withdrawn = account.get("/vpc2");
    assert_eq!(withdrawn.json, json!({ "error": "Not found.", "status": 404 }));
    let outside = Account {
        base: "/vultr",
        ..account
    };
    for path in ["/v1/instances", "/v2/v2/instances", "/"] {
        assert_eq!(refusal(&outside.get(path)), (404, "Not found."), "{path}");
    }
    // https://github.com/vultr/terraform-provider-vultr/issues/688
    let unknown = outside.get("/v2/instances/c6b59703-a9e9-4909-b83b-69e33ac4c84b");
    assert_eq!(unknown.json, json!({ "error": "instance not found", "status": 404 }));
    let missing = outside.post("/v2/instances/c6b59703-a9e9-4909-b83b-69e33ac4c84b/halt", json!({}));
    assert_eq!(refusal(&missing), (404, "instance not found"));
}

#[test]
fn a_halted_instance_is_stopped_until_it_is_started() {
    let sim = sim();
    let account = account(&sim);
    let made = account.post("/instances", order("web-1"));
    let path = format!("/instances/{}", made.json["instance"]["id"].as_str().unwrap());
    let act = |action: &str| account.post(&format!("{path}/{action}"), json!({})).status;
    assert_eq!(act("halt"), 500);
    advance(&sim, 3_000);
    assert_eq!((act("halt"), act("halt")), (204, 204));
    assert_eq!(words(&account.get(&path))[..3], ["active", "ok", "stopped"]);
    assert_eq!(act("start"), 204);
    assert_eq!(words(&account.get(&path))[2], "running");
    assert_eq!(act("melt"), 404);
}

#[test]
fn create_is_strict() {
    let sim = sim();
    let account = account(&sim);
    let mut unsourced = order("web-1");
    unsourced.as_object_mut().unwrap().remove("os_id");
    let mut without_plan = order("web-1");
    without_plan.as_object_mut().unwrap().remove("plan");
    let nobody = "0f3a9a6c-5c1b-4a63-8a57-2f0a5c1f7e01";
    let table = [
        (unsourced, "Bad request."),
        (without_plan, "Bad request."),
        (with("image_id", json!("docker")), "Bad request."),
        (with("colour", json!("red")), "Bad request."),
        (with("label", json!(7)), "Bad request."),
        (with("os_id", json!("2284")), "Bad request."),
        (with("tags", json!("web")), "Bad request."),
        (with("region", json!("mars")), "Invalid region."),
        (with("plan", json!("vc2-9c")), "Invalid plan chosen."),
        (with("os_id", json!(9)), "Invalid os_id."),
        (with("os_id", json!(164)), "Invalid os_id."),
        (with("user_data", json!("#!/bin/sh")), "Invalid user_data."),
        (with("hostname", json!("-a")), "Invalid hostname."),
        (with("tags", json!(vec!["x"; 51])), "Invalid tags."),
        (with("sshkey_id", json!([nobody])), "Invalid sshkey_id."),
        (with("firewall_group_id", json!(nobody)), "Invalid firewall_group_id."),
        (with("attach_vpc", json!([nobody])), "Invalid attach_vpc."),
        (with("backups", json!("maybe")), "Invalid backups."),
        (
            with("disable_public_ipv4", json!(true)),
            "IPv6 must be enabled when public IPv4 is disabled.",
        ),
        // In stock elsewhere, and not sold here at all.
        (
            json!({"region": "nrt", "plan": "vc2-1c-2gb", "os_id": 2284}),
            "plan is not available in the selected region",
        ),
        (
            json!({"region": "lhr", "plan": "vc2-1c-0.5gb", "os_id": 2284}),
            "plan is not available in the selected region",
        ),
    ];
    for (order, text) in table {
        assert_eq!(
            refusal(&account.post("/instances", order.clone())),
            (400, text),
            "{order}"
        );
    }
    assert!(sim.inventory().is_empty());
    // As the Go client sends it.
    let nulls = json!({"region": "lhr", "plan": "vc2-1c-1gb", "os_id": 2284, "tags": null, "block_devices": null});
    assert_eq!(account.post("/instances", nulls).status, 202);
}

#[test]
fn lists_are_filtered_and_paged() {
    let sim = sim();
    let account = account(&sim);
    for number in 0..5 {
        assert_eq!(account.post("/instances", order(&format!("web-{number}"))).status, 202);
    }
    let mut other = with("tags", json!(["Other"]));
    other["region"] = json!("ewr");
    account.post("/instances", other);
    let count = |query: &str| {
        account.get(&format!("/instances?{query}")).json["instances"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(count(""), 6);
    // Whole, but in any case.
    assert_eq!((count("tag=MANAGED-BY:provision"), count("tag=managed-by")), (5, 0));
    assert_eq!(
        (count("label=web-3"), count("label=web"), count("region=ewr")),
        (1, 0, 1)
    );
    assert_eq!(count("main_ip=203.0.113.2"), 0);
    advance(&sim, 3_000);
    assert_eq!((count("main_ip=203.0.113.2"), count("main_ip=203.0.113.99")), (1, 0));

    let mut cursor = String::new();
    let mut seen = Vec::new();
    loop {
        let page = account.get(&format!("/instances?per_page=4&cursor={cursor}")).json;
        assert_eq!(page["meta"]["total"], 6);
        seen.extend(
            page["instances"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one["id"].clone()),
        );
        cursor = page["meta"]["links"]["next"].as_str().unwrap().to_owned();
        if cursor.is_empty() {
            break;
        }
    }
    seen.dedup();
    assert_eq!(seen.len(), 6);
    assert_eq!(
        refusal(&account.get("/instances?cursor=elsewhere")),
        (400, "Invalid cursor.")
    );
    assert_eq!(account.get("/instances?per_page=501").status, 400);
}

#[test]
fn keys_are_checked() {
    let sim = sim();
    let as_who = |token: &'static str| Account {
        sim: &sim,
        base: "/vultr/v2",
        token,
    };
    assert_eq!(refusal(&as_who("wrong").get("/instances")), (401, "Invalid API token."));
    assert_eq!(
        refusal(&as_who("sim-token-vultr-elsewhere").get("/instances")),
        (401, "Unauthorized IP address: 203.0.113.9")
    );
    let reader = as_who("sim-token-vultr-readonly");
    assert_eq!(reader.get("/instances").status, 200);
    assert_eq!(reader.post("/instances", order("web-1")).status, 403);
    // The catalog is open to all without a key.
    for path in ["/regions", "/plans", "/os", "/regions/lhr/availability"] {
        let request = SimRequest::new(Method::GET, &format!("/vultr/v2{path}"));
        assert_eq!(got(sim.handle(request)).status, 200, "{path}");
        assert_eq!(as_who("wrong").get(path).status, 401, "{path}");
    }
    let request = SimRequest::new(Method::GET, "/vultr/v2/instances");
    assert_eq!(got(sim.handle(request)).status, 401);
    // By its real name, as with the hosts file.
    let request = SimRequest::new(Method::GET, "https://api.vultr.com/v2/regions");
    assert_eq!(got(sim.handle(request)).status, 200);
}

#[test]
fn trouble_is_told_in_the_vendor_s_words() {
    let sim = sim();
    let account = account(&sim);
    let meets = |effect: Effect| {
        sim.faults().add(Fault::new(effect).times(1));
        account.post("/instances", order("web-1"))
    };
    let limited = meets(Effect::RateLimited { retry_after: Some(7) });
    assert_eq!(
        (limited.status, &limited.headers["retry-after"]),
        (429, &"7".parse().unwrap())
    );
    assert_eq!(refusal(&meets(Effect::ServerError { status: 502 })).0, 502);
    assert_eq!(refusal(&meets(Effect::Unauthorized)), (401, "Invalid API token."));
    assert_eq!(
        refusal(&meets(Effect::SoldOut)),
        (400, "plan is not available in the selected region")
    );
    let quota = meets(Effect::Quota);
    assert!(refusal(&quota).1.contains("maximum number of active virtual machines"));
    assert!(sim.inventory().is_empty());
    meets(Effect::LateVisibility { millis: 1_000 });
    let listed = || account.get("/instances?tag=managed-by:provision").json["meta"]["total"].clone();
    assert_eq!(listed(), 0);
    advance(&sim, 1_000);
    assert_eq!(listed(), 1);
}

#[test]
fn the_catalog_tells_prices_and_stock() {
    let sim = sim();
    let account = account(&sim);
    let plans = account.get("/plans?type=vc2&per_page=500").json;
    let plans = plans["plans"].as_array().unwrap();
    let small = plans.iter().find(|plan| plan["id"] == "vc2-1c-1gb").unwrap();
    assert_eq!(
        (&small["monthly_cost"], &small["location_cost"]["sao"]["monthly_cost"]),
        (&json!(5.0), &json!(7.5))
    );
    assert!(plans.iter().all(|plan| plan["type"] == "vc2"));
    assert!(
        refusal(&account.get("/plans?type=tiny"))
            .1
            .starts_with("Please provide a valid type")
    );
    let stock = account.get("/regions/nrt/availability?type=vc2").json;
    assert!(
        !stock["available_plans"]
            .as_array()
            .unwrap()
            .contains(&json!("vc2-1c-2gb"))
    );
    assert_eq!(
        refusal(&account.get("/regions/mars/availability")),
        (400, "Invalid region.")
    );
    assert_eq!(account.get("/account").status, 200);
    assert_eq!(account.get("/blocks").status, 404);
}

#[test]
fn what_a_create_refers_to_can_be_made_and_removed() {
    let sim = sim();
    let account = account(&sim);
    let key = json!({"name": "me", "ssh_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA=="});
    assert_eq!(
        account.post("/ssh-keys", json!({"name": "me", "ssh_key": "x"})).status,
        400
    );
    let made = |path: &str, field: &str, body: Value| {
        let made = account.post(path, body);
        assert_eq!(made.status, 201, "{path}");
        made.json[field]["id"].as_str().unwrap().to_owned()
    };
    let key = made("/ssh-keys", "ssh_key", key);
    let group = made("/firewalls", "firewall_group", json!({"description": "mine"}));
    assert_eq!(account.post("/vpcs", json!({"region": "mars"})).status, 400);
    let vpc = made("/vpcs", "vpc", json!({"region": "lhr", "description": "mine"}));
    let mut order = with("sshkey_id", json!([key]));
    order["firewall_group_id"] = json!(group);
    order["attach_vpc"] = json!([vpc]);
    order["enable_ipv6"] = json!(true);
    let instance = account.post("/instances", order).json["instance"]["id"].clone();
    advance(&sim, 3_000);
    let path = format!("/instances/{}", instance.as_str().unwrap());
    let shown = account.get(&path).json["instance"].clone();
    assert_eq!(
        (&shown["firewall_group_id"], &shown["features"]),
        (&json!(group), &json!(["ipv6"]))
    );
    assert!(
        shown["v6_main_ip"].as_str().unwrap().starts_with("2001:db8:"),
        "{shown}"
    );
    let group_path = format!("/firewalls/{group}");
    assert_eq!(account.get(&group_path).json["firewall_group"]["instance_count"], 1);
    assert_eq!(refusal(&account.delete(&format!("/vpcs/{vpc}"))).0, 400);
    assert_eq!(account.delete(&path).status, 204);
    for (path, kind) in [
        (format!("/vpcs/{vpc}"), "network"),
        (group_path, "firewall"),
        (format!("/ssh-keys/{key}"), "ssh-key"),
    ] {
        assert_eq!(items(&sim, kind).len(), 1);
        assert_eq!(
            (account.delete(&path).status, account.delete(&path).status),
            (204, 404),
            "{path}"
        );
    }
    assert!(sim.inventory().is_empty());
}

#[test]
fn a_startup_script_is_what_the_instance_runs() {
    let sim = sim();
    let account = account(&sim);
    let script = json!({ "name": "web-1", "type": "boot", "script": "IyEvYmluL3NoCg==" });
    let made = account.post("/startup-scripts", script.clone());
    assert_eq!(
        (made.status, &made.json["startup_script"]["type"]),
        (201, &json!("boot"))
    );
    let id = made.json["startup_script"]["id"].clone();
    assert_eq!(
        account.get("/startup-scripts").json["startup_scripts"][0]["name"],
        "web-1"
    );
    // As Go's client of 2023 sends it: a tag by itself.
    let order = json!({
        "region": "lhr", "plan": "vc2-1c-1gb", "os_id": 2284, "label": "web-1", "hostname": "web-1", "script_id": id,
        "tag": "inlets-exit-node",
    });
    let instance = account.post("/instances", order.clone()).json["instance"].clone();
    assert_eq!(
        (&instance["tag"], &instance["tags"]),
        (&json!("inlets-exit-node"), &json!(["inlets-exit-node"]))
    );
    let host = sim.inventory().into_iter().find(|item| item.kind == "host").unwrap();
    // Of "#!/bin/sh" and a line's end.
    assert_eq!(
        host.user_data_sha256.as_deref(),
        Some("a8076d3d28d21e02012b20eaf7dbf75409a6277134439025f282e368e3305abf")
    );
    let path = format!("/startup-scripts/{}", id.as_str().unwrap());
    assert_eq!(account.delete(&path).status, 204);
    assert_eq!(account.delete(&path).status, 404);
    assert_eq!(refusal(&account.post("/instances", order)), (400, "Invalid script_id."));
    for (name, value, text) in [
        ("script", json!("#!/bin/sh"), "Invalid script."),
        ("script", json!(""), "Invalid script."),
        ("type", json!("cron"), "Invalid type."),
        ("name", json!(""), "Bad request."),
    ] {
        let mut script = script.clone();
        script[name] = value;
        assert_eq!(refusal(&account.post("/startup-scripts", script)), (400, text));
    }
}
