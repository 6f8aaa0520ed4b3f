//! What a host costs: the same in every command.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

mod common;

use common::{Sandbox, clouds};
use serde_json::{Value, json};

/// The default plan's price in the catalog.
fn of_plan(sandbox: &Sandbox, cloud: &str, plan: &Value) -> Value {
    let plans = sandbox.sim(&["-p", cloud, "plans", "-o", "json"]).exits(0).json();
    let found = plans.as_array().unwrap().iter().find(|known| known["id"] == *plan);
    let found = found.unwrap_or_else(|| panic!("{cloud}: no plan {plan}"));
    json!([found["monthly_cost"], found["currency"]])
}

fn shown(host: &Value) -> Value {
    json!([host["price"]["amount"], host["price"]["currency"]])
}

/// Whether a living cloud says that it has no prices to tell.
fn tells_no_prices(sandbox: &Sandbox, cloud: &str) -> bool {
    let known = sandbox.sim(&["providers", "-o", "json"]).exits(0).json();
    let found = known
        .as_array()
        .unwrap()
        .iter()
        .find(|info| info["id"] == cloud)
        .unwrap();
    found["monthly_cost"]["amount"].is_null() && found["retired"].is_null()
}

#[test]
fn every_command_says_the_same_price() {
    for cloud in clouds() {
        let sandbox = Sandbox::new();
        let sim = |arguments: &[&str]| {
            sandbox
                .sim(&[&["-p", cloud, "-o", "json"], arguments].concat())
                .exits(0)
        };
        let created = sim(&["create", "web-1", "--wait"]);
        let price = shown(&created.json());
        if price[0].is_null() && tells_no_prices(&sandbox, cloud) {
            assert_eq!(
                of_plan(&sandbox, cloud, &created.json()["plan"])[0],
                Value::Null,
                "{cloud}"
            );
            assert_eq!(shown(&sim(&["list"]).json()[0]), price, "{cloud}");
            continue;
        }
        assert!(price[0].as_f64().is_some_and(|amount| amount > 0.0), "{cloud}: {price}");
        assert_eq!(price, of_plan(&sandbox, cloud, &created.json()["plan"]), "{cloud}");
        let id = created.text("id");
        assert_eq!(shown(&sim(&["status", &id]).json()), price, "{cloud}");
        assert_eq!(shown(&sim(&["wait", &id]).json()), price, "{cloud}");
        let list = sim(&["list"]);
        assert_eq!(shown(&list.json()[0]), price, "{cloud}");
        let amount = format!("{:.2} {}", price[0].as_f64().unwrap(), price[1].as_str().unwrap());
        for run in [&created, &list] {
            assert!(
                run.stderr.contains(&amount),
                "{cloud}: {amount} is not in {}",
                run.stderr
            );
        }
        // A dry run asks nobody, so that it knows what `providers` knows.
        let planned = sim(&["create", "web-2", "--dry-run"]).json();
        if cloud == "packet" {
            assert_eq!(planned["price"], Value::Null);
        } else {
            assert_eq!(shown(&planned), price, "{cloud}");
            assert_eq!(planned["price"]["as_of"].as_str().unwrap().len(), 10);
        }
    }
}

#[test]
fn another_plan_is_looked_up_and_totals_keep_currencies_apart() {
    let sandbox = Sandbox::new();
    let create = |name, plan: &[&str]| sandbox.sim(&[&["create", name], plan].concat()).exits(0);
    let created = create("web-1", &["--plan", "s-1vcpu-1gb"]);
    assert!(
        created
            .stderr
            .contains("web-1: 6.00 USD a month (without tax and traffic)"),
        "{}",
        created.stderr
    );
    assert!(created.stdout.contains("6.00 USD"), "{}", created.stdout);
    create("web-2", &[]);
    let several = sandbox
        .sim(&["create", "db-1", "db-2", "--plan", "s-1vcpu-1gb"])
        .exits(0);
    assert!(
        several.stderr.contains("each of 2 hosts: 6.00 USD a month"),
        "{}",
        several.stderr
    );
    let list = sandbox.sim(&["list"]).exits(0);
    assert!(
        list.stdout.contains("6.00 USD") && list.stdout.contains("4.00 USD"),
        "{}",
        list.stdout
    );
    assert!(
        list.stderr.contains("a month, without tax and traffic: 22.00 USD"),
        "{}",
        list.stderr
    );
}

#[test]
fn a_dry_run_says_the_price_or_where_it_is_said() {
    let sandbox = Sandbox::new();
    let known = sandbox.run(&["-p", "ec2", "create", "web-1", "--dry-run"]).exits(0);
    assert!(known.stdout.contains("11.88 USD a month"), "{}", known.stdout);
    let unknown = sandbox
        .run(&["-p", "hetzner", "create", "web-1", "--plan", "cpx22", "--dry-run"])
        .exits(0);
    let hint = "not known without asking the cloud, see: provision -p hetzner plans --region nbg1";
    assert!(unknown.stdout.contains(hint), "{}", unknown.stdout);
}

#[test]
fn the_cheapest_plan_is_shown_with_its_price_before_anything_is_made() {
    let sandbox = Sandbox::new();
    let cheapest = ["create", "web-1", "--min-memory", "2GiB", "--dry-run"];
    let planned = sandbox.sim(&cheapest).exits(0);
    assert!(planned.stdout.contains("12.00 USD a month"), "{}", planned.stdout);
}

#[test]
fn a_cheapest_plan_that_does_not_run_the_image_is_said_to_be_the_reason() {
    let sandbox = Sandbox::new();
    let images = sandbox.sim(&["-p", "ec2", "images", "-o", "json"]).exits(0).json();
    let image = images
        .as_array()
        .unwrap()
        .iter()
        .find(|image| image["architecture"] == "x86_64" && image["id"].as_str().unwrap().starts_with("ami-"));
    let image = image.unwrap()["id"].as_str().unwrap();
    let create = ["-p", "ec2", "create", "web-1", "--plan", "cheapest"];
    // The default image is that of the plan's processor.
    sandbox.sim(&create).exits(0);
    let run = sandbox
        .sim(&["-p", "ec2", "create", "web-2", "--plan", "cheapest", "--image", image])
        .exits(2);
    assert!(run.stderr.contains("name a plan with --plan"), "{}", run.stderr);
}

#[test]
fn what_is_deleted_has_no_price_and_asks_for_none() {
    let sandbox = Sandbox::new();
    sandbox
        .sim(&["create", "web-1", "--plan", "s-1vcpu-1gb", "--wait"])
        .exits(0);
    let deleted = sandbox.sim(&["-v", "-o", "json", "delete", "web-1"]).exits(0);
    assert_eq!(deleted.json()["price"], Value::Null);
    assert!(!deleted.stderr.contains("list sizes"), "{}", deleted.stderr);
}

#[test]
fn memory_is_shown_in_gibibytes() {
    let sandbox = Sandbox::new();
    let plans = sandbox.sim(&["plans"]).exits(0).stdout;
    assert!(plans.contains("0.5 GiB") && !plans.contains("MiB"), "{plans}");
}

#[test]
fn refused_credentials_are_tried_once() {
    let sandbox = Sandbox::new();
    let server = sandbox.serve(&[]);
    let endpoint = format!("{}/digitalocean", server.base_url);
    let token = sandbox.file("token", "wrong");
    let arguments = [
        "--endpoint",
        &endpoint,
        "--secret-file",
        &format!("token={token}"),
        "-v",
    ];
    let run = sandbox
        .run(&[&arguments[..], &["create", "web-1", "--plan", "s-1vcpu-1gb"]].concat())
        .exits(4);
    let requests: Vec<&str> = run
        .stderr
        .lines()
        .filter(|line| line.contains("http_request"))
        .collect();
    assert!(
        matches!(requests[..], [one] if one.contains("status=401")),
        "{}",
        run.stderr
    );
}
