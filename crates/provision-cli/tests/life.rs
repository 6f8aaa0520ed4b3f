//! A host's life on every simulated cloud, each step a command of its own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

mod common;

use common::{Run, Sandbox, clouds};
use serde_json::{Value, json};

const KEYS: [&str; 7] = ["provider", "id", "name", "status", "ip", "region", "plan"];

#[track_caller]
fn has_every_key(host: &Value) {
    for key in KEYS {
        assert!(host.get(key).is_some(), "{key} is not in {host}");
    }
}

#[test]
fn create_list_status_delete() {
    for cloud in clouds() {
        let sandbox = Sandbox::new();
        let data = sandbox.file("nginx.yaml", "#cloud-config\npackages: [nginx]\n");
        let sim = |arguments: &[&str]| sandbox.sim(&[arguments, &["-o", "json"]].concat());

        let created = sim(&["-p", cloud, "create", "web-1", "--user-data", &data, "--wait"]).exits(0);
        has_every_key(&created.json());
        let id = created.text("id");
        assert!(id.starts_with(&format!("{cloud}/")), "{id}");
        assert_eq!(created.text("status"), "active");
        let ip = created.text("ip");

        let listed = sim(&["-p", cloud, "list"]).exits(0).json();
        assert_eq!(listed.as_array().unwrap().len(), 1);
        has_every_key(&listed[0]);
        assert_eq!((&listed[0]["id"], &listed[0]["ip"]), (&json!(id), &json!(ip)));

        // The id alone is enough: it names its provider.
        let status = sim(&["status", &id]).exits(0);
        has_every_key(&status.json());
        assert_eq!(status.text("status"), "active");
        sim(&["wait", &id]).exits(0);

        let deleted = sim(&["delete", &id, "--wait"]).exits(0);
        has_every_key(&deleted.json());
        assert_eq!(
            (deleted.text("id"), deleted.text("status")),
            (id.clone(), "deleted".to_owned())
        );

        assert_eq!(sim(&["-p", cloud, "list"]).exits(0).json(), json!([]));
        assert_eq!(sandbox.sim(&["-p", cloud, "list"]).exits(0).stdout, "");
        sim(&["status", &id]).exits(3);
        // It is not called deleted a second time.
        for wait in [&[][..], &["--wait"]] {
            let again = sim(&[&["delete", &id], wait].concat()).exits(3);
            assert!(again.stderr.contains("nothing was deleted"), "{}", again.stderr);
            assert_eq!(again.stdout, "");
        }
        assert_eq!(billing(&sandbox), json!([]));
    }
}

#[test]
fn delete_by_address_removes_the_firewall_too() {
    for cloud in clouds() {
        let sandbox = Sandbox::new();
        let mut create = vec!["-p", cloud, "-o", "json", "create", "web-1", "--wait"];
        if restricts_ports(&sandbox, cloud) {
            create.extend(["--port", "80"]);
        }
        let created = sandbox.sim(&create).exits(0);
        let ip = created.text("ip");
        let of_kind = |kinds: &[&str]| {
            let items = inventory(&sandbox);
            items
                .iter()
                .filter(|item| kinds.iter().any(|kind| item["kind"] == *kind))
                .count()
        };
        assert_eq!(of_kind(&["host"]), 1, "{cloud}");
        // Vultr's images have a firewall of their own, which the user data sets.
        if create.contains(&"--port") && cloud != "vultr" {
            assert!(of_kind(&["firewall", "security-group"]) >= 1, "{cloud}");
        }

        let deleted = sandbox
            .sim(&["-p", cloud, "-o", "json", "delete", "--ip", &ip, "--wait"])
            .exits(0);
        assert_eq!(
            (deleted.text("id"), deleted.text("name")),
            (created.text("id"), "web-1".to_owned())
        );
        let left: Vec<Value> = inventory(&sandbox)
            .into_iter()
            .filter(|item| ["host", "firewall"].iter().any(|kind| item["kind"] == *kind) || item["bills"] == true)
            .collect();
        assert!(left.is_empty(), "{cloud}: {left:?}");
        sandbox.sim(&["-p", cloud, "delete", "--ip", &ip]).exits(3);
    }
}

#[test]
fn printed_commands_work_as_they_stand() {
    for cloud in clouds() {
        let sandbox = Sandbox::new();
        let created = sandbox.sim(&["-p", cloud, "create", "web-1"]).exits(0);
        sandbox.shell(&created.after("active: ")).exits(0);
        sandbox.shell(&created.after("delete it: ")).exits(0);
        assert_eq!(billing(&sandbox), json!([]));
    }
}

#[test]
fn a_deletion_without_wait_says_how_to_go_on() {
    for cloud in clouds() {
        let sandbox = Sandbox::new();
        let id = sandbox
            .sim(&["-p", cloud, "-o", "json", "create", "web-1", "--wait"])
            .exits(0)
            .text("id");
        let deleting = sandbox.sim(&["-o", "json", "delete", &id]).exits(0);
        if deleting.text("status") == "deleting" {
            // By then it may be gone.
            let repeated = sandbox.shell(&deleting.after("nothing is left: "));
            assert!(matches!(repeated.code, Some(0 | 3)), "{repeated:#?}");
        }
        sandbox.sim(&["wait", &id, "--deleted"]).exits(0);
        assert_eq!(billing(&sandbox), json!([]));
    }
}

#[test]
fn the_same_name_or_key_gives_the_same_host() {
    for cloud in clouds() {
        let sandbox = Sandbox::new();
        let create = |options: &[&str]| sandbox.sim(&[&["-p", cloud, "-o", "json", "create"], options].concat());
        let first = create(&["web-1"]).exits(0);
        assert_eq!(first.json()["origin"], "created");
        let again = create(&["web-1"]).exits(0);
        assert_eq!(again.text("id"), first.text("id"));
        assert_eq!(again.json()["origin"], "adopted");
        assert!(
            again.stderr.contains("exists already: nothing was created"),
            "{}",
            again.stderr
        );
        // Another name does not make another host of one key, and says so.
        let keyed = create(&["web-2", "--key", "order-17"]).exits(0).text("id");
        let renamed = create(&["web-3", "--key", "order-17"]).exits(2);
        assert_eq!((renamed.text("id"), renamed.text("name")), (keyed, "web-2".to_owned()));
        assert!(
            renamed.stderr.contains("its name is web-2, not web-3"),
            "{}",
            renamed.stderr
        );
        let different = create(&["web-1", "--label", "team=web"]).exits(2);
        assert!(
            different.stderr.contains("it lacks the label team=web"),
            "{}",
            different.stderr
        );
        let different = sandbox
            .sim(&["-p", cloud, "create", "web-1", "--label", "team=web"])
            .exits(2);
        sandbox.shell(&different.after("delete it: ")).exits(0);
        let hosts = sandbox.sim(&["-p", cloud, "-o", "json", "list"]).exits(0).json();
        assert_eq!(hosts.as_array().unwrap().len(), 1);
    }
}

#[test]
fn an_id_without_its_region_is_not_guessed() {
    for cloud in clouds() {
        let sandbox = Sandbox::new();
        let id = sandbox
            .sim(&["-p", cloud, "-o", "json", "create", "web-1", "--wait"])
            .exits(0)
            .text("id");
        let parts: Vec<&str> = id.split('/').collect();
        if parts.len() < 3 || cloud == "packet" {
            continue;
        }
        let bare = parts[..2].join("/");
        for command in [
            &["delete", bare.as_str(), "--wait"][..],
            &["delete", &bare],
            &["status", &bare],
        ] {
            let run = sandbox.sim(command).exits(2);
            assert!(run.stderr.contains(&format!("{cloud}/")), "{cloud}: {}", run.stderr);
        }
        sandbox.sim(&["status", &id]).exits(0);
        // As before, with `|`.
        let old = format!("{}/{}", parts[0], parts[1..].join("|"));
        sandbox.sim(&["delete", &old, "--wait"]).exits(0);
    }
}

#[test]
fn lists_are_filtered() {
    let sandbox = Sandbox::new();
    for (name, team) in [("web-1", "team=web"), ("db-1", "team=data")] {
        sandbox.sim(&["create", name, "--label", team]).exits(0);
    }
    let names = |options: &[&str]| -> Vec<String> {
        let listed = sandbox
            .sim(&[&["-o", "json", "list"], options].concat())
            .exits(0)
            .json();
        let hosts = listed.as_array().unwrap();
        hosts
            .iter()
            .map(|host| host["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(&[]), ["db-1", "web-1"]);
    assert_eq!(names(&["--label", "team=web"]), ["web-1"]);
    assert_eq!(names(&["--name", "db-1"]), ["db-1"]);
    assert_eq!(names(&["--all-regions"]), ["db-1", "web-1"]);
    let region = sandbox.sim(&["-o", "json", "list"]).json()[0]["region"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(names(&["--region", &region]).len(), 2);
    sandbox.sim(&["list", "--region", "elsewhere"]).exits(2);
}

#[test]
fn garbage_collection_shows_first_and_deletes_what_expired() {
    for cloud in clouds() {
        let sandbox = Sandbox::new();
        let create = |name: &str, options: &[&str]| {
            let arguments = [&["-p", cloud, "-o", "json", "create", name, "--wait"], options].concat();
            sandbox.sim(&arguments).exits(0).text("id")
        };
        // It expires while it boots.
        let restricted: &[&str] = if restricts_ports(&sandbox, cloud) {
            &["--port", "80"]
        } else {
            &[]
        };
        let expired = create("old-1", &[&["--ttl", "1s"], restricted].concat());
        let kept = create("old-2", &["--ttl", "1s", "--label", "keep=true"]);
        let gc = |options: &[&str]| {
            sandbox
                .sim(&[&["-p", cloud, "-o", "json", "gc"], options].concat())
                .exits(0)
        };
        let action = |run: &Run, id: &str| {
            let document = run.json();
            let hosts = document["hosts"].as_array().unwrap().clone();
            hosts.iter().find(|host| host["id"] == id).unwrap()["action"].clone()
        };
        let shown = gc(&[]);
        assert_eq!(action(&shown, &expired), "would-delete");
        assert_eq!(action(&shown, &kept), "kept");
        assert!(shown.stderr.contains("gc --delete"), "{}", shown.stderr);
        let done = gc(&["--delete"]);
        assert_eq!(action(&done, &expired), "deleted");
        let left = inventory(&sandbox);
        assert_eq!(left.iter().filter(|item| item["kind"] == "host").count(), 1, "{left:?}");
        // What belongs to a host is named after it, or after its id.
        let number = expired.split('/').nth(1).unwrap().to_owned();
        let of_expired = |item: &&Value| {
            ["old-1", &number]
                .iter()
                .any(|mark| item["name"].as_str().unwrap().contains(mark))
        };
        let firewalls = left
            .iter()
            .filter(|item| item["kind"] == "firewall" || item["bills"] == true);
        assert_eq!(firewalls.filter(of_expired).count(), 0, "{left:?}");
    }
}

#[test]
fn the_catalog_is_listed_in_every_form() {
    for cloud in clouds() {
        let sandbox = Sandbox::new();
        for what in ["plans", "images", "regions"] {
            let listed = sandbox.sim(&["-p", cloud, "-o", "json", what]).exits(0).json();
            assert!(!listed.as_array().unwrap().is_empty(), "{cloud} {what}");
            assert!(listed[0]["id"].is_string(), "{listed}");
            assert!(
                sandbox
                    .sim(&["-p", cloud, "-o", "yaml", what])
                    .exits(0)
                    .stdout
                    .starts_with("- ")
            );
            assert!(sandbox.sim(&["-p", cloud, what]).exits(0).stdout.lines().count() > 1);
        }
    }
}

fn restricts_ports(sandbox: &Sandbox, cloud: &str) -> bool {
    let providers = sandbox.run(&["providers", "-p", cloud, "-o", "json"]).exits(0).json();
    providers[0]["capabilities"]["restrict_ports"] == true
}

fn inventory(sandbox: &Sandbox) -> Vec<Value> {
    let items = sandbox.sim(&["-o", "json", "sim", "inventory"]).exits(0).json();
    items.as_array().unwrap().clone()
}

/// Names of everything that the clouds charge for.
fn billing(sandbox: &Sandbox) -> Value {
    let items = inventory(sandbox);
    items
        .iter()
        .filter(|item| item["bills"] == true)
        .map(|item| item["name"].clone())
        .collect()
}
