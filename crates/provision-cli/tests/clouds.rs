//! Several clouds at once: one table, and one that fails hides no other.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

mod common;

use common::{Sandbox, clouds};

#[test]
fn hosts_of_every_cloud_are_one_list() {
    let sandbox = Sandbox::new();
    for cloud in clouds() {
        sandbox.sim(&["-p", cloud, "create", "web-1", "--ttl", "1ms"]).exits(0);
    }
    let listed = sandbox.sim(&["-p", "all", "-o", "json", "list"]).exits(0).json();
    let mut providers: Vec<&str> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|host| host["provider"].as_str().unwrap())
        .collect();
    providers.sort_unstable();
    assert_eq!(providers, clouds());
    let two = sandbox.sim(&["-p", "do,hetzner", "-o", "name", "list"]).exits(0);
    assert_eq!(two.stdout.lines().count(), 2, "{}", two.stdout);
    // The name is ambiguous now, and the candidates of all clouds are named.
    let run = sandbox.sim(&["-p", "all", "status", "web-1"]).exits(2);
    assert!(
        clouds().iter().all(|cloud| run.stderr.contains(&format!("{cloud}/"))),
        "{}",
        run.stderr
    );
    let collected = sandbox
        .sim(&["-p", "all", "-o", "json", "gc", "--delete"])
        .exits(0)
        .json();
    let hosts = collected["hosts"].as_array().unwrap();
    assert_eq!(hosts.len(), clouds().len());
    assert!(hosts.iter().all(|host| host["action"] == "deleted"), "{collected}");
}

#[test]
fn a_cloud_that_fails_is_said_and_the_others_are_shown() {
    let sandbox = Sandbox::new();
    let fault = "server-error:cloud=hetzner,method=GET,status=500";
    let server = sandbox.serve(&["--fault", fault, "--boot-time", "1ms"]);
    let config = sandbox.config(&server, &["digitalocean", "hetzner"]);
    let run = |arguments: &[&str]| sandbox.run(&[&["--config", &config, "-o", "json"], arguments].concat());
    run(&["-p", "do", "create", "web-1", "--ttl", "1ms", "--wait"]).exits(0);
    for command in [&["list"][..], &["plans"], &["regions"], &["images"], &["gc"]] {
        // Every cloud with credentials: those in the configuration.
        for clouds in ["all", "do,hetzner"] {
            let run = run(&[&["-p", clouds], command].concat()).exits(1);
            assert!(run.stdout.contains("digitalocean"), "{command:?}: {run:?}");
            assert!(run.stderr.contains("hetzner"), "{command:?}: {run:?}");
            assert!(!run.stderr.contains("azure"), "{command:?}: {run:?}");
        }
    }
    // Alone it is what it is.
    let alone = run(&["-p", "hetzner", "list"]).exits(1);
    assert_eq!(alone.stdout, "", "an empty list would say that there are none");
    // One that is seen is not ambiguous; one that is not may be where nobody could look.
    run(&["-p", "do", "create", "web-2"]).exits(0);
    run(&["-p", "all", "status", "web-2"]).exits(0);
    let missing = run(&["-p", "all", "status", "web-9"]).exits(1);
    assert!(
        missing.stderr.contains("not every place could be read: hetzner"),
        "{}",
        missing.stderr
    );
}

#[test]
fn without_credentials_there_is_no_cloud_to_ask() {
    let sandbox = Sandbox::new();
    let run = sandbox.run(&["-p", "all", "list"]).exits(4);
    assert!(run.stderr.contains("no cloud has credentials"), "{}", run.stderr);
    for (arguments, text) in [
        (&["-p", "all,do", "list"][..], "stands alone"),
        (&["-p", ",", "list"], "names no cloud"),
        (&["-p", "do,nowhere", "list"], "unknown provider `nowhere`"),
        (
            &["-p", "all", "create", "w"],
            "in the order in which they are to be tried",
        ),
    ] {
        let run = sandbox.sim(arguments).exits(2);
        assert!(run.stderr.contains(text), "{arguments:?}: {}", run.stderr);
    }
    let run = sandbox
        .run(&["-p", "do,hetzner", "--endpoint", "http://127.0.0.1:1", "list"])
        .exits(2);
    assert!(run.stderr.contains("--endpoint is of one cloud"), "{}", run.stderr);
}

#[test]
fn the_cheapest_host_anywhere_is_found() {
    let sandbox = Sandbox::new();
    let rates = ["--currency", "USD", "--rate", "EUR=1.1", "--rate", "GBP=1.3"];
    let plans = |options: &[&str]| sandbox.sim(&[&["-p", "all", "-o", "json", "plans"], options].concat());
    let found = plans(&[&["--min-memory", "1GiB", "--max-price", "12"], &rates[..]].concat())
        .exits(0)
        .json();
    let found = found.as_array().unwrap();
    assert!(found.len() > 3, "{found:?}");
    let price = |plan: &serde_json::Value| plan["converted_cost"].as_f64().unwrap();
    assert!(found.is_sorted_by(|a, b| price(a) <= price(b)), "{found:?}");
    for plan in found {
        assert!(
            price(plan) <= 12.0 && plan["memory_mib"].as_u64().unwrap() >= 1024,
            "{plan}"
        );
        let factor = match plan["currency"].as_str().unwrap() {
            "EUR" => 1.1,
            "GBP" => 1.3,
            _ => 1.0,
        };
        assert!(
            (price(plan) - plan["monthly_cost"].as_f64().unwrap() * factor).abs() < 1e-6,
            "{plan}"
        );
    }
    let orderable = plans(&[&["--available"], &rates[..]].concat()).exits(0).json();
    let orderable = orderable.as_array().unwrap();
    assert!(
        !orderable.is_empty() && orderable.iter().all(|plan| plan["available"] != false),
        "{orderable:?}"
    );
    // Without a common currency there is no limit, and a missing rate is named.
    let run = plans(&["--max-price", "6"]).exits(2);
    assert!(
        run.stderr.contains("say which one counts with --currency"),
        "{}",
        run.stderr
    );
    let run = plans(&["--max-price", "6", "--currency", "USD"]).exits(2);
    assert!(run.stderr.contains("--rate EUR=VALUE"), "{}", run.stderr);
}
