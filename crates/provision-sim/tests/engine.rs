//! What all clouds have in common: faults, clock, log, routing, state file, admin API.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "test code")]

mod support;

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use http::Method;
use provision_sim::{Clock, Effect, Fault, Sim, SimOutcome, SimRequest};
use serde_json::{Value, json};
use support::{Account, advance, clock, got, items, sim};

fn hetzner(sim: &Sim) -> Account<'_> {
    Account {
        sim,
        base: "/hetzner/v1",
        token: "sim-token-hetzner",
    }
}

fn admin(sim: &Sim) -> Account<'_> {
    Account {
        sim,
        base: "/_sim",
        token: "",
    }
}

fn order(name: &str) -> Value {
    json!({ "name": name, "server_type": "cx23", "image": "ubuntu-24.04" })
}

#[test]
fn every_cloud_tells_how_to_reach_it() {
    let clouds = provision_sim::clouds();
    assert!(clouds.iter().any(|cloud| cloud.id == "hetzner") && clouds.iter().any(|cloud| cloud.id == "digitalocean"));
    for cloud in clouds {
        assert!(cloud.endpoint_path.starts_with(&format!("/{}", cloud.id)), "{cloud:?}");
        assert!(!cloud.hosts.is_empty() && !cloud.settings.is_empty(), "{cloud:?}");
    }
}

#[test]
fn limits_are_announced_and_enforced_on_request() {
    let accounts = [
        (
            "/digitalocean/v2",
            "sim-token-digitalocean",
            "/account",
            250,
            "retry-after",
        ),
        (
            "/hetzner/v1",
            "sim-token-hetzner",
            "/locations",
            3_600,
            "ratelimit-reset",
        ),
        ("/linode/v4", "sim-token-linode", "/regions", 1_840, "retry-after"),
    ];
    for (base, token, path, burst, said) in accounts {
        let enforced = Sim::builder().clock(clock()).enforce_limits(true).build().unwrap();
        for (sim, enforces) in [(&enforced, true), (&sim(), false)] {
            let account = Account { sim, base, token };
            for number in 0..burst {
                assert_eq!(account.get(path).status, 200, "{base}: request {number}");
            }
            let over = account.get(path);
            assert_eq!(over.status == 429, enforces, "{base}: {over:?}");
            if enforces {
                assert!(over.headers.contains_key(said), "{base}: {over:?}");
                advance(sim, 60_000);
                assert_eq!(account.get(path).status, 200, "{base}: after a minute");
            }
        }
        // Empty clouds, and full buckets.
        let account = Account {
            sim: &enforced,
            base,
            token,
        };
        for _ in 0..burst {
            account.get(path);
        }
        assert_eq!(account.get(path).status, 429, "{base}");
        enforced.reset();
        assert_eq!(account.get(path).status, 200, "{base}: after a reset");
    }
}

#[test]
fn the_host_header_decides_without_a_prefix() {
    let sim = sim();
    let request = SimRequest::new(Method::GET, "https://api.hetzner.cloud/v1/locations").bearer("sim-token-hetzner");
    assert_eq!(got(sim.handle(request)).status, 200);
    let request = SimRequest::new(Method::GET, "https://api.digitalocean.com/v2/sizes?per_page=1");
    let page = got(sim.handle(request.bearer("sim-token-digitalocean"))).json;
    assert_eq!(
        page["links"]["pages"]["next"],
        "https://api.digitalocean.com/v2/sizes?per_page=1&page=2"
    );
    let lost = got(sim.handle(SimRequest::new(Method::GET, "https://example.com/v1/locations")));
    assert_eq!(lost.status, 404);
    assert!(lost.json["paths"].as_array().unwrap().contains(&json!("/hetzner/")));
}

#[test]
fn a_reset_before_is_not_applied_and_one_after_is() {
    let sim = sim();
    let account = hetzner(&sim);
    let create = || sim.handle(account.request(Method::POST, "/servers").json(&order("web-1")));
    sim.faults().add(Fault::new(Effect::ResetBefore).times(1));
    assert!(matches!(create(), SimOutcome::Drop));
    assert!(sim.inventory().is_empty());
    sim.faults().add(Fault::new(Effect::ResetAfter).times(1));
    assert!(matches!(create(), SimOutcome::Drop));
    assert_eq!(items(&sim, "host").len(), 1);
    assert_eq!(got(create()).status, 409);
    let statuses: Vec<_> = sim.requests().iter().map(|request| request.status).collect();
    assert_eq!(statuses, [0, 0, 409]);
    assert_eq!(sim.requests()[1].faults, ["reset_after"]);
}

#[test]
fn a_truncated_answer_announces_more_than_it_holds() {
    let sim = sim();
    sim.faults().add(Fault::new(Effect::Truncated));
    let answer = sim
        .handle(hetzner(&sim).request(Method::GET, "/locations"))
        .answer()
        .unwrap();
    let announced: usize = answer.headers()["content-length"].to_str().unwrap().parse().unwrap();
    assert_eq!(answer.body().len(), announced / 2);
    assert!(announced > 100);
}

#[test]
fn latency_holds_back_the_answer_but_not_the_effect() {
    let sim = sim();
    let fault: Fault = "latency:millis=250,cloud=hetzner".parse().unwrap();
    sim.faults().add(fault);
    let outcome = sim.handle(hetzner(&sim).request(Method::POST, "/servers").json(&order("web-1")));
    assert_eq!(outcome.delay(), Duration::from_millis(250));
    assert_eq!(items(&sim, "host").len(), 1);
    let other = SimRequest::new(Method::GET, "/digitalocean/v2/droplets");
    assert_eq!(sim.handle(other).delay(), Duration::ZERO);
}

#[test]
fn the_log_holds_no_secrets() {
    let sim = sim();
    let account = hetzner(&sim);
    let mut order = order("web-1");
    order["user_data"] = json!("top-secret");
    account.post("/servers", order);
    account.get("/servers?token=top-secret&page=1");
    let log = serde_json::to_string(&sim.requests()).unwrap();
    assert!(!log.contains("top-secret") && !log.contains("sim-token"), "{log}");
    let entry = &sim.requests()[1];
    assert_eq!((entry.cloud.as_str(), entry.path.as_str()), ("hetzner", "/v1/servers"));
    assert_eq!((entry.query.as_str(), entry.status), ("token=***&page=1", 200));
    assert!(log.contains("\"at\":\"2026-11-20T10:00:00Z\""), "{log}");
    sim.clear_requests();
    assert!(sim.requests().is_empty());
}

#[test]
fn a_reset_empties_everything() {
    let sim = sim();
    let id = hetzner(&sim).post("/servers", order("web-1")).json["server"]["id"].clone();
    sim.faults().add(Fault::new(Effect::Quota));
    sim.reset();
    assert!(sim.inventory().is_empty() && sim.requests().is_empty() && sim.faults().list().is_empty());
    assert_eq!(hetzner(&sim).post("/servers", order("web-1")).json["server"]["id"], id);
}

#[test]
fn odd_requests_are_answered_and_never_panic() {
    let sim = sim();
    for target in [
        "",
        "/",
        "//",
        "/hetzner",
        "/hetzner/",
        "/hetzner/v1/servers/%ff%00",
        "/hetzner/v1/servers/%",
        "/_sim",
        "/hetzner/v1/servers/99999999999999999999",
        "/hetzner/v1/servers?%ff=%ff&&=",
        "/digitalocean/v2/actions/-1",
        "/digitalocean//v2///droplets",
        "http://[::1/x",
        "https://",
        "/ü/ü",
    ] {
        for cloud in ["hetzner", "digitalocean"] {
            for method in [Method::GET, Method::POST, Method::DELETE, Method::PUT, Method::OPTIONS] {
                let token = format!("sim-token-{cloud}");
                let request = SimRequest::new(method, target)
                    .bearer(&token)
                    .body(&b"\xff{\"name\":[[["[..]);
                assert!(sim.handle(request).answer().unwrap().status().as_u16() >= 200);
            }
        }
    }
    let weird = SimRequest::new(Method::GET, "/hetzner/v1/servers").header("authorization", "Bearer");
    assert_eq!(got(sim.handle(weird)).status, 401);
}

fn with_file(path: &Path) -> std::io::Result<Sim> {
    Sim::builder().clock(clock()).state_file(path.to_owned()).build()
}

#[test]
fn two_simulators_on_one_file_see_one_cloud() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep").join("state.json");
    let (one, two) = (with_file(&path).unwrap(), with_file(&path).unwrap());
    let id = hetzner(&one).post("/servers", order("web-1")).json["server"]["id"].clone();
    let server = format!("/servers/{id}");
    assert_eq!(hetzner(&two).get(&server).json["server"]["status"], "initializing");
    let second = hetzner(&two).post("/servers", order("web-2")).json["server"].clone();
    assert_ne!(second["id"], id);
    assert_ne!(
        second["public_net"]["ipv4"]["ip"],
        hetzner(&one).get(&server).json["server"]["public_net"]["ipv4"]["ip"]
    );
    assert_eq!(items(&one, "host").len(), 2);

    // The clock's offset is shared as well, once a request or the admin API stores it.
    advance(&one, 3_000);
    assert_eq!(hetzner(&one).get(&server).json["server"]["status"], "running");
    assert_eq!(hetzner(&two).get(&server).json["server"]["status"], "running");
    assert_eq!(two.clock().now(), one.clock().now());

    assert_eq!(hetzner(&two).delete(&server).status, 200);
    assert_eq!(hetzner(&one).get(&server).status, 404);
    drop((one, two));
    let later = with_file(&path).unwrap();
    assert_eq!(items(&later, "host"), [second["id"].to_string()]);
    later.reset();
    assert!(with_file(&path).unwrap().inventory().is_empty());
}

#[test]
fn writers_at_the_same_time_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let path = &path;
            scope.spawn(move || {
                let sim = with_file(path).unwrap();
                for number in 0..10 {
                    let made = hetzner(&sim).post("/servers", order(&format!("web-{writer}-{number}")));
                    assert_eq!(made.status, 201);
                }
            });
        }
    });
    let items = with_file(&path).unwrap().inventory();
    let ids: std::collections::BTreeSet<_> = items.iter().map(|item| &item.id).collect();
    let hosts = items.iter().filter(|item| item.kind == "host");
    assert_eq!((hosts.count(), ids.len()), (40, 120));
}

#[test]
fn reading_does_not_write() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    let sim = with_file(&path).unwrap();
    assert_eq!(hetzner(&sim).get("/servers").status, 200);
    assert!(!path.exists());
    hetzner(&sim).post("/servers", order("web-1"));
    let before = std::fs::read(&path).unwrap();
    hetzner(&sim).get("/servers");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    let sim = with_file(&path).unwrap();
    let mut order = order("web-1");
    order["user_data"] = json!("top-secret");
    hetzner(&sim).post("/servers", order);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!std::fs::read_to_string(&path).unwrap().contains("top-secret"));
}

#[test]
fn a_damaged_or_newer_file_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    let cases = [
        ("", "is empty"),
        ("{\"version\":", "is damaged"),
        ("[]", "is damaged"),
        (r#"{"version":99,"more":1}"#, "has version 99"),
        (
            r#"{"version":1,"clock_offset_ms":0,"addresses":0,"clouds":{"hetzner":{"last_id":"x"}}}"#,
            "cloud hetzner",
        ),
    ];
    for (text, part) in cases {
        std::fs::write(&path, text).unwrap();
        let error = with_file(&path).unwrap_err().to_string();
        assert!(error.contains(part) && error.contains("delete it"), "{error}");
        assert!(error.contains(&path.display().to_string()), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    std::fs::File::create(&path).unwrap().set_len((1 << 30) + 1).unwrap();
    let error = with_file(&path).unwrap_err().to_string();
    assert!(
        error.contains("larger than 1 GiB") && error.contains("state.json"),
        "{error}"
    );
}

#[test]
fn a_write_that_fails_is_told_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    let sim = with_file(&path).unwrap();
    hetzner(&sim).post("/servers", order("web-1"));
    // What is written beside the file cannot be written while a folder lies there.
    let beside = folder.path().join("state.json.new");
    std::fs::create_dir(&beside).unwrap();
    let refused = hetzner(&sim).post("/servers", order("web-2"));
    assert_eq!(refused.status, 500);
    let told = sim.trouble().unwrap();
    assert!(told.contains("cannot write") && told.contains("state.json"), "{told}");
    assert!(
        refused.json["error"].as_str().unwrap().contains(&told),
        "{:?}",
        refused.json
    );
    assert_eq!(items(&sim, "host").len(), 1);
    std::fs::remove_dir(&beside).unwrap();
    assert_eq!(hetzner(&sim).post("/servers", order("web-2")).status, 201);
    assert_eq!((items(&sim, "host").len(), sim.trouble()), (2, None));
}

#[test]
fn a_file_damaged_while_running_is_told_and_can_be_reset() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    let sim = with_file(&path).unwrap();
    hetzner(&sim).post("/servers", order("web-1"));
    std::fs::write(&path, "oops").unwrap();
    let got = hetzner(&sim).get("/servers");
    assert_eq!(got.status, 500);
    assert!(
        got.json["error"].as_str().unwrap().contains("is damaged"),
        "{:?}",
        got.json
    );
    assert!(sim.try_inventory().is_err());
    assert_eq!(admin(&sim).get("/inventory").status, 500);
    sim.try_reset().unwrap();
    assert_eq!(hetzner(&sim).get("/servers").json["servers"], json!([]));
}

#[test]
fn clouds_of_other_builds_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    let stranger = r#""nowhere-cloud":{"last_id":3,"state":{"x":[1]}}"#;
    let text = format!(r#"{{"version":1,"clock_offset_ms":0,"addresses":0,"clouds":{{{stranger}}}}}"#);
    std::fs::write(&path, text).unwrap();
    let sim = with_file(&path).unwrap();
    assert_eq!(hetzner(&sim).post("/servers", order("web-1")).status, 201);
    assert!(std::fs::read_to_string(&path).unwrap().contains(stranger));
}

#[test]
fn the_admin_api_drives_the_simulator() {
    let sim = sim();
    let admin = admin(&sim);
    hetzner(&sim).post("/servers", order("web-1"));
    assert_eq!(admin.get("/inventory").json[0]["kind"], "host");
    assert_eq!(admin.get("/requests").json[0]["path"], "/v1/servers");
    assert_eq!(admin.delete("/requests").status, 204);
    assert_eq!(admin.get("/requests").json, json!([]));

    let fault = json!({ "effect": { "type": "server_error", "status": 502 }, "cloud": "hetzner", "times": 1 });
    let id = admin.post("/faults", fault).json["id"].clone();
    assert_eq!(hetzner(&sim).get("/servers").status, 502);
    assert_eq!(admin.get("/faults").json[0]["applied"], 1);
    assert_eq!(admin.delete(&format!("/faults/{id}")).status, 204);
    assert_eq!(admin.delete(&format!("/faults/{id}")).status, 404);
    for bad in [
        json!({ "effect": { "type": "explode" } }),
        json!({ "effect": { "type": "quota" }, "cloud": "nowhere" }),
        json!({ "effect": { "type": "quota" }, "tims": 1 }),
        json!({ "effect": { "type": "quota" }, "probability": 2.0 }),
        json!({ "effect": { "type": "server_error", "status": 200 } }),
    ] {
        assert_eq!(admin.post("/faults", bad.clone()).status, 400, "{bad}");
    }
    admin.post("/faults", json!({ "effect": { "type": "quota" } }));
    assert_eq!(admin.delete("/faults").status, 204);
    assert_eq!(admin.get("/faults").json, json!([]));

    assert_eq!(admin.get("/clock").json["now"], "2026-11-20T10:00:00Z");
    assert_eq!(
        admin.post("/clock", json!({ "advance_ms": 1_500 })).json["now"],
        "2026-11-20T10:00:01.5Z"
    );
    assert_eq!(admin.post("/clock", json!({ "advance_ms": -1 })).status, 400);
    let clouds = admin.get("/clouds").json;
    assert!(
        clouds
            .as_array()
            .unwrap()
            .iter()
            .any(|cloud| cloud["settings"]["token"] == "sim-token-hetzner")
    );
    let lost = admin.get("/nothing");
    assert_eq!(lost.status, 404);
    assert!(
        lost.json["routes"]
            .as_array()
            .unwrap()
            .contains(&json!("POST /_sim/clock"))
    );
    assert_eq!(admin.post("/reset", json!({})).status, 204);
    assert!(sim.inventory().is_empty());
    // The admin API is no cloud: it is not in the log.
    assert!(sim.requests().is_empty());
}

#[test]
fn the_page_and_what_it_asks_for_are_served() {
    let sim = sim();
    let admin = admin(&sim);
    for (path, kind, part) in [
        ("/", "text/html", "<title>provision-sim</title>"),
        ("/page.js", "text/javascript", "setInterval"),
        ("/page.css", "text/css", "font"),
    ] {
        let answer = sim.handle(admin.request(Method::GET, path)).answer().unwrap();
        assert!(answer.headers()["content-type"].to_str().unwrap().starts_with(kind));
        let text = String::from_utf8_lossy(answer.body()).into_owned();
        assert!(text.contains(part), "{path}");
        // It works without a network.
        assert!(!text.contains("http://") && !text.contains("https://"), "{path}");
    }
    let mut order = order("web-1");
    order["user_data"] = json!("top-secret");
    hetzner(&sim).post("/servers", order);
    hetzner(&sim).get("/servers");
    let news = admin.get("/requests?after=1").json;
    assert_eq!((news.as_array().unwrap().len(), &news[0]["number"]), (1, &json!(2)));
    assert_eq!(admin.get("/requests?after=x").status, 400);
    let answer = admin.get("/requests/1").json["text"].as_str().unwrap().to_owned();
    assert!(
        answer.contains("web-1") && answer.contains("\"root_password\": \"***\""),
        "{answer}"
    );
    assert_eq!(admin.get("/requests/3").status, 404);
}

#[test]
fn a_page_of_another_site_is_refused() {
    let sim = sim();
    for (origin, status) in [
        ("https://example.com", 403),
        ("null", 403),
        ("http://127.0.0.1:8080", 200),
    ] {
        let mut request = SimRequest::new(Method::GET, "/_sim/clouds").header("origin", origin);
        request.authority = "127.0.0.1:8080".to_owned();
        assert_eq!(got(sim.handle(request)).status, status, "{origin}");
    }
}

#[test]
fn the_clock_is_paused_over_the_admin_api() {
    let sim = Sim::builder().build().unwrap();
    let admin = admin(&sim);
    assert_eq!(admin.get("/clock").json["paused"], false);
    assert_eq!(admin.post("/clock", json!({ "paused": true })).json["paused"], true);
    assert_eq!(admin.get("/clock").json["now"], admin.get("/clock").json["now"]);
    assert_eq!(admin.post("/clock", json!({ "paused": false })).json["paused"], false);
    for bad in [json!({}), json!({ "paused": 1 }), json!({ "pause": true }), json!([])] {
        assert_eq!(admin.post("/clock", bad.clone()).status, 400, "{bad}");
    }
}

/// A month's price is the one that the cloud's API tells, of the region where the host is.
#[test]
fn what_a_host_costs_is_known_where_the_api_tells_it() {
    let sim = sim();
    let droplet = json!({ "name": "a", "region": "lon1", "size": "s-1vcpu-1gb", "image": "ubuntu-24-04-x64" });
    let linode = json!({ "label": "web-a", "region": "br-gru", "type": "g6-nanode-1" });
    for (path, cloud, order, price) in [
        ("/digitalocean/v2/droplets", "digitalocean", droplet, (600, "USD")),
        ("/hetzner/v1/servers", "hetzner", order("a"), (549, "EUR")),
        ("/linode/v4/linode/instances", "linode", linode, (700, "USD")),
    ] {
        let request = SimRequest::new(Method::POST, path).bearer(&format!("sim-token-{cloud}"));
        let answer = got(sim.handle(request.json(&order)));
        assert!(answer.status < 300, "{:?}", answer.json);
        let items = sim.inventory();
        let host = items
            .iter()
            .find(|item| item.cloud == cloud && item.kind == "host")
            .unwrap();
        assert_eq!((host.monthly_cents.unwrap(), host.currency), price, "{cloud}");
        assert!(host.plan.is_some());
    }
}

#[test]
fn the_admin_api_is_for_this_machine() {
    let sim = sim();
    for (peer, status) in [
        ("192.0.2.1", 403),
        ("127.0.0.1", 200),
        ("::1", 200),
        ("::ffff:127.0.0.1", 200),
    ] {
        let mut request = SimRequest::new(Method::GET, "/_sim/clouds");
        request.peer = Some(peer.parse().unwrap());
        assert_eq!(got(sim.handle(request)).status, status, "{peer}");
    }
}

#[test]
fn the_system_clock_runs() {
    let sim = Sim::builder()
        .clock(Clock::system())
        .boot_time(Duration::from_secs(3_600))
        .build()
        .unwrap();
    let id = hetzner(&sim).post("/servers", order("web-1")).json["server"]["id"].clone();
    let status = || hetzner(&sim).get(&format!("/servers/{id}")).json["server"]["status"].clone();
    assert_eq!(status(), "initializing");
    sim.clock().advance(Duration::from_secs(3_600));
    assert_eq!(status(), "running");
    assert!(sim.clock().now() > SystemTime::now() + Duration::from_secs(3_500));
}
