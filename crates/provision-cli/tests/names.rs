//! Hosts by their names, several at once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

mod common;

use common::{Sandbox, clouds, token_clouds};
use serde_json::{Value, json};

fn names(hosts: &Value) -> Vec<&str> {
    let hosts = hosts.as_array().unwrap().iter();
    hosts.map(|host| host["name"].as_str().unwrap()).collect()
}

#[test]
fn a_host_is_known_by_its_name_from_start_to_end() {
    for cloud in clouds() {
        let sandbox = Sandbox::new();
        let sim = |arguments: &[&str]| sandbox.sim(&[&["-p", cloud, "-o", "json"], arguments].concat());
        let id = sim(&["create", "web-1"]).exits(0).text("id");
        assert_eq!(sim(&["wait", "web-1"]).exits(0).text("id"), id);
        let status = sim(&["status", "web-1"]).exits(0);
        assert_eq!(
            (status.text("id"), status.text("status")),
            (id.clone(), "active".to_owned())
        );
        let deleted = sim(&["delete", "web-1", "--wait"]).exits(0);
        assert_eq!((deleted.text("id"), deleted.text("name")), (id, "web-1".to_owned()));
        assert_eq!(deleted.text("status"), "deleted");
        for command in ["status", "wait", "delete"] {
            let run = sim(&[command, "web-1"]).exits(3);
            assert!(run.stderr.contains("is called `web-1`"), "{cloud}: {}", run.stderr);
            assert_eq!(run.stdout, "", "{cloud} {command}");
        }
    }
}

#[test]
fn a_name_is_found_in_every_region() {
    for cloud in clouds() {
        let sandbox = Sandbox::new();
        let sim = |arguments: &[&str]| sandbox.sim(&[&["-p", cloud, "-o", "json"], arguments].concat());
        let info = sandbox.run(&["providers", "-p", cloud, "-o", "json"]).exits(0).json();
        let regions = sim(&["regions"]).exits(0).json();
        let other = regions
            .as_array()
            .unwrap()
            .iter()
            .find(|region| region["id"] != info[0]["default_region"] && region["available"] != false);
        // Not every cloud sells the default plan everywhere.
        let Some(other) = other else { continue };
        let created = sim(&["create", "far-1", "--region", other["id"].as_str().unwrap()]);
        if created.code != Some(0) {
            continue;
        }
        assert_eq!(
            sim(&["status", "far-1"]).exits(0).text("id"),
            created.text("id"),
            "{cloud}"
        );
        assert_eq!(names(&sim(&["list"]).exits(0).json()), ["far-1"], "{cloud}");
        sim(&["delete", "far-1", "--wait"]).exits(0);
    }
}

#[test]
fn several_hosts_are_made_shown_and_deleted_at_once() {
    for cloud in token_clouds() {
        let sandbox = Sandbox::new();
        let sim = |arguments: &[&str]| sandbox.sim(&[&["-p", cloud, "-o", "json"], arguments].concat());
        let made = sim(&["create", "--count", "3", "--name-prefix", "web", "--wait"])
            .exits(0)
            .json();
        assert_eq!(names(&made), ["web-1", "web-2", "web-3"]);
        assert!(
            made.as_array().unwrap().iter().all(|host| host["status"] == "active"),
            "{made}"
        );
        // Again: they are there.
        let again = sim(&["create", "web-1", "web-2"]).exits(0);
        assert_eq!(again.stderr.matches("exists already").count(), 2, "{}", again.stderr);
        // By name and by id, each once.
        let id = made[0]["id"].as_str().unwrap();
        let shown = sim(&["status", "web-3", id, "web-1"]).exits(0).json();
        assert_eq!(names(&shown).len(), 2, "{shown}");
        // What is there is deleted; what is not is said.
        let deleted = sim(&["delete", "web-1", "web-9", "web-2", "--wait"]).exits(3);
        assert_eq!(names(&deleted.json()), ["web-1", "web-2"]);
        assert!(deleted.stderr.contains("web-9"), "{}", deleted.stderr);
        assert_eq!(names(&sim(&["list"]).exits(0).json()), ["web-3"]);
    }
}

#[test]
fn an_ambiguous_name_is_answered_with_the_hosts_that_have_it() {
    let sandbox = Sandbox::new();
    let ids = ["a", "b"].map(|key| {
        let made = sandbox.sim(&["-o", "json", "create", "web-1", "--key", key]);
        made.exits(0).text("id")
    });
    for command in ["status", "wait", "delete"] {
        let run = sandbox.sim(&[command, "web-1"]).exits(2);
        assert!(run.stderr.contains("2 hosts are called `web-1`"), "{}", run.stderr);
        assert!(ids.iter().all(|id| run.stderr.contains(id)), "{}", run.stderr);
        assert_eq!(run.stdout, "");
    }
    assert_eq!(sandbox.sim(&["-o", "json", "list"]).json().as_array().unwrap().len(), 2);
}

#[test]
fn names_are_checked_before_anything_is_made() {
    let sandbox = Sandbox::new();
    for (arguments, text) in [
        (&["create", "web-1", "Web_2"][..], "try `web-2`"),
        (&["create", "web-1", "web-1"], "stands twice"),
        (&["create", "a", "b", "--key", "k"], "--key is of one host"),
        (&["create", "--count", "2"], "--name-prefix"),
        (
            &["create", "--count", "0", "--name-prefix", "w"],
            "0 is not in 1..=1000",
        ),
        (
            &["create", "a", "--count", "2", "--name-prefix", "w"],
            "cannot be used with",
        ),
    ] {
        let run = sandbox.sim(arguments).exits(2);
        assert!(run.stderr.contains(text), "{arguments:?}: {}", run.stderr);
    }
    assert_eq!(sandbox.sim(&["-o", "json", "list"]).json(), json!([]));
}

#[test]
fn lists_take_globs_and_conditions() {
    let sandbox = Sandbox::new();
    for (name, label) in [("web-1", "team=web"), ("web-2", "team=data"), ("db-1", "tier=x")] {
        sandbox.sim(&["create", name, "--label", label]).exits(0);
    }
    let shown = |options: &[&str]| {
        let listed = sandbox
            .sim(&[&["-o", "json", "list"], options].concat())
            .exits(0)
            .json();
        names(&listed).join(" ")
    };
    assert_eq!(shown(&["web-*"]), "web-1 web-2");
    assert_eq!(shown(&["web-?", "db-1"]), "db-1 web-1 web-2");
    assert_eq!(shown(&["-l", "team"]), "web-1 web-2");
    assert_eq!(shown(&["-l", "team!=web"]), "db-1 web-2");
    assert_eq!(shown(&["-l", "team=web"]), "web-1");
    assert_eq!(shown(&["-l", "team", "-l", "team!=web"]), "web-2");
    let none = sandbox.sim(&["list", "x-*"]).exits(0);
    assert!(none.stderr.contains("no such hosts"), "{}", none.stderr);
    let run = sandbox.sim(&["list", "--region", "lon9"]).exits(2);
    assert!(
        run.stderr.contains("lon9") && run.stderr.contains("lon1"),
        "{}",
        run.stderr
    );
}

#[test]
fn what_no_repetition_can_delete_is_not_to_be_repeated() {
    for cloud in clouds() {
        let id = format!("{cloud}/nonsense");
        let run = Sandbox::new().sim(&["delete", &id, "--wait"]).exits(2);
        assert!(!run.stderr.contains("repeat:"), "{}", run.stderr);
    }
}
