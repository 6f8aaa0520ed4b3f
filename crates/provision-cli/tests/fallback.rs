//! Another region, plan or cloud when there is no room: never two hosts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

mod common;

use common::{Run, Sandbox, Server};
use serde_json::Value;

struct Land {
    sandbox: Sandbox,
    server: Server,
    config: String,
}

impl Land {
    fn new(faults: &[&str]) -> Self {
        let sandbox = Sandbox::new();
        let mut options = vec!["--boot-time", "1ms"];
        options.extend(faults.iter().flat_map(|fault| ["--fault", *fault]));
        let server = sandbox.serve(&options);
        let config = sandbox.config(&server, &["digitalocean", "hetzner"]);
        Self {
            sandbox,
            server,
            config,
        }
    }

    fn run(&self, arguments: &[&str]) -> Run {
        self.sandbox
            .run(&[&["--config", &self.config, "-o", "json"], arguments].concat())
    }

    /// The hosts of both clouds, as `provider region`.
    fn hosts(&self) -> Vec<String> {
        let listed = self.run(&["-p", "do,hetzner", "list"]).exits(0).json();
        let text = |host: &Value, key: &str| host[key].as_str().unwrap().to_owned();
        let hosts = listed.as_array().unwrap().iter();
        hosts
            .map(|host| format!("{} {}", text(host, "provider"), text(host, "region")))
            .collect()
    }
}

#[test]
fn the_next_region_is_asked_when_there_is_no_room() {
    for fault in ["sold-out:times=1", "quota:times=1"] {
        let land = Land::new(&[fault]);
        let run = land
            .run(&["-p", "hetzner", "create", "w", "--region", "nbg1,fsn1,hel1"])
            .exits(0);
        assert_eq!(run.text("region"), "fsn1");
        assert!(run.stderr.contains("no room on hetzner nbg1"), "{}", run.stderr);
        assert!(run.stderr.contains("trying hetzner fsn1"), "{}", run.stderr);
        assert_eq!(land.hosts(), ["hetzner fsn1"]);
        // The same command finds the host where it is.
        let again = land
            .run(&["-p", "hetzner", "create", "w", "--region", "nbg1,fsn1,hel1"])
            .exits(0);
        assert_eq!(again.text("id"), run.text("id"));
        assert!(again.stderr.contains("exists already"), "{}", again.stderr);
        assert_eq!(land.hosts().len(), 1);
    }
}

#[test]
fn the_next_plan_and_the_next_cloud_are_asked() {
    let land = Land::new(&["sold-out:cloud=hetzner"]);
    let create = [
        "-p",
        "hetzner,do",
        "create",
        "w",
        "--plan",
        "hetzner/cx23,hetzner/cpx12",
        "--wait",
    ];
    let run = land.run(&create).exits(0);
    assert_eq!(run.text("provider"), "digitalocean");
    for place in [
        "no room on hetzner cx23",
        "no room on hetzner cpx12",
        "made on digitalocean",
    ] {
        assert!(run.stderr.contains(place), "{place}: {}", run.stderr);
    }
    assert_eq!(land.run(&create).exits(0).text("id"), run.text("id"));
    assert_eq!(land.hosts().len(), 1);
}

#[test]
fn without_room_anywhere_it_is_5_and_every_place_is_named() {
    let land = Land::new(&["sold-out"]);
    let run = land
        .run(&[
            "-p",
            "hetzner,do",
            "create",
            "w",
            "--region",
            "hetzner/nbg1,hetzner/fsn1",
        ])
        .exits(5);
    assert_eq!(run.stdout, "");
    for place in ["hetzner nbg1", "hetzner fsn1"] {
        assert!(
            run.stderr.contains(&format!("no room before that: {place}")),
            "{}",
            run.stderr
        );
    }
    assert_eq!(land.hosts(), [""; 0]);
}

#[test]
fn no_other_place_is_asked_after_anything_else() {
    // A refusal for another reason, and a create whose outcome is not known.
    let land = Land::new(&[]);
    let run = land
        .run(&["-p", "hetzner,do", "create", "w", "--plan", "hetzner/nonsense"])
        .exits(2);
    assert!(!run.stderr.contains("trying digitalocean"), "{}", run.stderr);
    assert_eq!(land.hosts(), [""; 0]);
    let lost = "reset-after:cloud=hetzner,method=POST,times=1";
    let down = "server-error:cloud=hetzner,method=GET,status=503,skip=1,times=40";
    let land = Land::new(&[lost, down]);
    let run = land.run(&["-p", "hetzner,do", "create", "w", "--timeout", "1ms"]);
    assert_ne!(run.code, Some(0), "{run:?}");
    assert!(!run.stderr.contains("trying digitalocean"), "{}", run.stderr);
    let listed = land.run(&["-p", "do", "list"]).exits(0).json();
    assert_eq!(listed, serde_json::json!([]));
}

#[test]
fn a_place_that_cannot_be_read_may_have_the_host_so_nothing_is_made() {
    let land = Land::new(&["server-error:cloud=digitalocean,method=GET,status=500"]);
    let run = land.run(&["-p", "hetzner,do", "create", "w"]).exits(1);
    assert!(run.stderr.contains("leave that place out"), "{}", run.stderr);
    assert_eq!(
        land.run(&["-p", "hetzner", "list"]).exits(0).json(),
        serde_json::json!([])
    );
}

#[test]
fn a_host_in_a_later_place_is_found_before_one_is_made_in_an_earlier() {
    let land = Land::new(&[]);
    let made = land.run(&["-p", "do", "create", "w"]).exits(0);
    let run = land.run(&["-p", "hetzner,do", "create", "w"]).exits(0);
    assert_eq!(run.text("id"), made.text("id"));
    assert_eq!(land.hosts().len(), 1);
    assert!(land.server.base_url.starts_with("http://"));
}

#[test]
fn the_cheapest_plan_that_is_large_enough_is_taken_and_stays() {
    let land = Land::new(&[]);
    for cloud in ["do", "hetzner"] {
        let plans = land
            .run(&["-p", cloud, "plans", "--min-memory", "2GiB"])
            .exits(0)
            .json();
        let expected = plans
            .as_array()
            .unwrap()
            .iter()
            .find(|plan| plan["available"] != false)
            .unwrap()["id"]
            .clone();
        let name = format!("{cloud}-1");
        let create = [
            "-p",
            cloud,
            "create",
            &name,
            "--plan",
            "cheapest",
            "--min-memory",
            "2GiB",
        ];
        let run = land.run(&create).exits(0);
        assert_eq!(run.json()["plan"], expected);
        assert_eq!(land.run(&create).exits(0).text("id"), run.text("id"));
    }
    let run = land
        .run(&["-p", "do", "create", "w", "--min-memory", "9999GiB"])
        .exits(5);
    assert!(run.stderr.contains("no plan"), "{}", run.stderr);
}
