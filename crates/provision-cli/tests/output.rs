//! What people see, word for word.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

mod common;

use common::Sandbox;

/// The parts of an output that differ from run to run.
fn filters(settings: &mut insta::Settings) {
    settings.add_filter(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "[UUID]");
    settings.add_filter(r"127\.0\.0\.1:\d+", "127.0.0.1:[PORT]");
    settings.add_filter(r"(?m)\b\d+s\b +-$", "[AGE]  -");
    settings.add_filter(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "[TIME]");
    settings.add_filter(
        r"(?m)(unknown provider .*; known): azure, .*, vultr$",
        "$1: [EVERY CLOUD]",
    );
    settings.add_filter(r"provision-(key|request): [0-9a-f]{32}", "provision-$1: [HASH]");
}

macro_rules! snapshot {
    ($sandbox:expr, $run:expr, @$expected:literal) => {{
        let run = $run;
        let text = format!("exit {}\n--- stdout\n{}--- stderr\n{}", run.code.unwrap(), run.stdout, run.stderr);
        let mut settings = insta::Settings::clone_current();
        filters(&mut settings);
        settings.bind(|| insta::assert_snapshot!($sandbox.clean(&text), @$expected));
    }};
}

#[test]
fn a_session() {
    let sandbox = Sandbox::new();
    snapshot!(sandbox, sandbox.sim(&["create", "web-1", "--wait"]), @r#"
exit 0
--- stdout
ID                      NAME   STATUS  IP           REGION  PLAN                MONTHLY   AGE  EXPIRES
digitalocean/512000001  web-1  active  203.0.113.1  lon1    s-1vcpu-512mb-10gb  4.00 USD  [AGE]  -
--- stderr
simulated DigitalOcean: nothing here is real or bills
web-1: 4.00 USD a month (without tax and traffic, price of 2026-09-20)
created digitalocean/512000001
digitalocean/512000001: active
"#);
    snapshot!(sandbox, sandbox.sim(&["list"]), @r#"
exit 0
--- stdout
ID                      NAME   STATUS  IP           REGION  PLAN                MONTHLY   AGE  EXPIRES
digitalocean/512000001  web-1  active  203.0.113.1  lon1    s-1vcpu-512mb-10gb  4.00 USD  [AGE]  -
--- stderr
simulated DigitalOcean: nothing here is real or bills
a month, without tax and traffic: 4.00 USD
"#);
    snapshot!(sandbox, sandbox.sim(&["delete", "digitalocean/512000001", "--wait"]), @r#"
exit 0
--- stdout
ID                      NAME  STATUS   IP  REGION  PLAN  MONTHLY  AGE  EXPIRES
digitalocean/512000001  -     deleted  -   -       -     -        -    -
--- stderr
simulated DigitalOcean: nothing here is real or bills
digitalocean/512000001: deleting
"#);
    snapshot!(sandbox, sandbox.sim(&["list"]), @r#"
exit 0
--- stdout
--- stderr
simulated DigitalOcean: nothing here is real or bills
hint: no hosts on DigitalOcean that were created with this tool
"#);
}

#[test]
fn a_timeout_and_errors() {
    let sandbox = Sandbox::new();
    snapshot!(sandbox, sandbox.sim(&["-p", "hetzner", "create", "web-1", "-o", "yaml", "--wait", "--timeout", "1ms"]), @r#"
exit 6
--- stdout
provider: hetzner
id: hetzner/105000001
name: web-1
status: provisioning
raw_status: initializing
ip: "203.0.113.1"
region: nbg1
plan: cx23
image: ubuntu-24.04
labels:
  managed-by: provision
  provision-key: [HASH]
  provision-request: [HASH]
created: "[TIME]"
expires: null
message: null
origin: created
price:
  amount: 5.99
  currency: EUR
  as_of: "2026-09-25"
--- stderr
simulated Hetzner Cloud: nothing here is real or bills
web-1: 5.99 EUR a month (without tax and traffic, price of 2026-09-25)
created hetzner/105000001
hint: look at it:   provision --sim --sim-state [FOLDER]/sim.json status hetzner/105000001
hint: wait for it:  provision --sim --sim-state [FOLDER]/sim.json wait hetzner/105000001
hint: delete it:    provision --sim --sim-state [FOLDER]/sim.json delete hetzner/105000001 --wait
error: hetzner/105000001 was not ready within 1ms, it is kept
"#);
    snapshot!(sandbox, sandbox.run(&["-p", "digtalocean", "list"]), @r#"
exit 2
--- stdout
--- stderr
error: unknown provider `digtalocean` (did you mean `digitalocean`?); known: [EVERY CLOUD]
"#);
    snapshot!(sandbox, sandbox.run(&["list"]), @r#"
exit 4
--- stdout
--- stderr
error: DigitalOcean needs the setting `token` (environment: DIGITALOCEAN_ACCESS_TOKEN or DIGITALOCEAN_TOKEN)
hint: make credentials at https://cloud.digitalocean.com/account/api/tokens
hint: store them with `provision login -p digitalocean`
hint: to try it without any: add --sim
"#);
    snapshot!(sandbox, sandbox.sim(&["status", "1"]), @r#"
exit 3
--- stdout
--- stderr
simulated DigitalOcean: nothing here is real or bills
error: no host on DigitalOcean that was created with this tool is called `1`, and none has that id
hint: `provision --sim --sim-state [FOLDER]/sim.json list` shows the hosts; -p names other clouds, `-p all` every one with credentials
"#);
    snapshot!(sandbox, sandbox.run(&["create", "Web_1"]), @r#"
exit 2
--- stdout
--- stderr
error: host name "Web_1" is not valid: a host name is 1 to 63 characters of a-z, 0-9 and `-`, starting and ending with a letter or digit; try `web-1`
"#);
}

/// As `snapshot`, in a file of its own.
macro_rules! page {
    ($sandbox:expr, $name:literal, $run:expr) => {{
        let run = $run;
        let text = format!(
            "exit {}\n--- stdout\n{}--- stderr\n{}",
            run.code.unwrap(),
            run.stdout,
            run.stderr
        );
        let mut settings = insta::Settings::clone_current();
        filters(&mut settings);
        settings.add_filter(r"(?m)\b\d+s +(in \d+[hm]|-)$", "[AGE]  $1");
        // Which of two is made first is not said.
        settings.add_filter(r"digitalocean/5120000\d\d", "digitalocean/[NUMBER]");
        settings.bind(|| insta::assert_snapshot!($name, $sandbox.clean(&text)));
    }};
}

#[test]
fn names_and_several_hosts() {
    let sandbox = Sandbox::new();
    page!(
        sandbox,
        "create_two",
        sandbox.sim(&["create", "web-1", "web-2", "--ttl", "9h"])
    );
    // Once it is known, what follows does not hang on the time that it takes.
    sandbox.sim(&["wait", "web-1", "web-2"]).exits(0);
    page!(sandbox, "create_two_again", sandbox.sim(&["create", "web-1", "web-2"]));
    page!(
        sandbox,
        "create_different",
        sandbox.sim(&["create", "web-1", "--plan", "s-1vcpu-1gb"])
    );
    page!(sandbox, "wait_two", sandbox.sim(&["wait", "web-1", "web-2"]));
    page!(sandbox, "status_two", sandbox.sim(&["status", "web-1", "web-2"]));
    page!(sandbox, "status_unknown", sandbox.sim(&["status", "web-9"]));
    page!(
        sandbox,
        "status_unknown_json",
        sandbox.sim(&["status", "web-9", "-o", "json"])
    );
    page!(
        sandbox,
        "delete_one_unknown",
        sandbox.sim(&["delete", "web-1", "web-9", "--wait"])
    );
    page!(sandbox, "delete_unknown", sandbox.sim(&["delete", "web-1"]));
    sandbox.sim(&["create", "web-2", "--key", "other", "--wait"]).exits(0);
    page!(sandbox, "status_ambiguous", sandbox.sim(&["status", "web-2"]));
    page!(sandbox, "list_narrow", sandbox.sim(&["list", "db-*"]));
    page!(
        sandbox,
        "list_unknown_region",
        sandbox.sim(&["list", "--region", "lon9"])
    );
    page!(
        sandbox,
        "list_unknown_column",
        sandbox.sim(&["list", "--columns", "name,size"])
    );
}

#[test]
fn several_clouds() {
    let sandbox = Sandbox::new();
    for cloud in ["do", "hetzner", "linode"] {
        sandbox.sim(&["-p", cloud, "create", "web-1", "--wait"]).exits(0);
    }
    page!(
        sandbox,
        "clouds_list",
        sandbox.sim(&["-p", "do,hetzner,linode", "list"])
    );
    page!(
        sandbox,
        "clouds_status",
        sandbox.sim(&["-p", "do,hetzner,linode", "status", "web-1"])
    );
    let plans = ["-p", "do,hetzner", "plans", "--min-memory", "4GiB", "--max-price", "25"];
    let rates = [
        "--currency",
        "USD",
        "--rate",
        "EUR=1.1",
        "--columns",
        "plan,provider,memory,monthly",
    ];
    page!(sandbox, "clouds_plans", sandbox.sim(&[&plans[..], &rates].concat()));
    page!(sandbox, "clouds_plans_no_currency", sandbox.sim(&plans));
    page!(sandbox, "clouds_no_credentials", sandbox.run(&["-p", "all", "list"]));
    page!(sandbox, "clouds_create", sandbox.run(&["-p", "all", "create", "w"]));
    let dry = [
        "-p",
        "hetzner,do",
        "create",
        "w",
        "--dry-run",
        "--plan",
        "hetzner/cx23,hetzner/cpx12",
    ];
    page!(sandbox, "fallback_dry_run", sandbox.run(&dry));
}

#[test]
fn no_room() {
    let sandbox = Sandbox::new();
    let server = sandbox.serve(&["--fault", "sold-out:times=3", "--boot-time", "1ms"]);
    let config = sandbox.config(&server, &["digitalocean", "hetzner"]);
    let create = [
        "--config",
        &config,
        "-p",
        "hetzner,do",
        "create",
        "w",
        "--region",
        "hetzner/nbg1,hetzner/fsn1",
    ];
    page!(sandbox, "fallback_no_room", sandbox.run(&create));
    page!(sandbox, "fallback_made", sandbox.run(&create));
}

#[test]
fn facts_about_providers_for_programs() {
    let sandbox = Sandbox::new();
    let infos = sandbox.run(&["providers", "-o", "json"]).exits(0).json();
    for info in infos.as_array().unwrap() {
        for key in [
            "id",
            "aliases",
            "title",
            "default_region",
            "default_plan",
            "default_image",
            "monthly_cost",
            "user_data",
            "settings",
            "additional",
            "capabilities",
            "retired",
        ] {
            assert!(info.get(key).is_some(), "{key} is not in {info}");
        }
    }
}

#[test]
fn every_shell_gets_a_completion_script() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(
            sandbox
                .run(&["completions", shell])
                .exits(0)
                .stdout
                .contains("provision"),
            "{shell}"
        );
    }
}
