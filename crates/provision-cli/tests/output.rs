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
ID                      NAME   STATUS  IP           REGION  PLAN                AGE  EXPIRES
digitalocean/512000001  web-1  active  203.0.113.1  lon1    s-1vcpu-512mb-10gb  [AGE]  -
--- stderr
simulated DigitalOcean: nothing here is real or bills
created digitalocean/512000001
digitalocean/512000001: provisioning (new)
digitalocean/512000001: active
"#);
    snapshot!(sandbox, sandbox.sim(&["list"]), @r#"
exit 0
--- stdout
ID                      NAME   STATUS  IP           REGION  PLAN                AGE  EXPIRES
digitalocean/512000001  web-1  active  203.0.113.1  lon1    s-1vcpu-512mb-10gb  [AGE]  -
--- stderr
simulated DigitalOcean: nothing here is real or bills
"#);
    snapshot!(sandbox, sandbox.sim(&["delete", "digitalocean/512000001", "--wait"]), @r#"
exit 0
--- stdout
ID                      NAME  STATUS   IP  REGION  PLAN  AGE  EXPIRES
digitalocean/512000001  -     deleted  -   -       -     -    -
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
--- stderr
simulated Hetzner Cloud: nothing here is real or bills
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
error: digitalocean: DigitalOcean needs the setting `token` (environment: DIGITALOCEAN_ACCESS_TOKEN or DIGITALOCEAN_TOKEN)
"#);
    snapshot!(sandbox, sandbox.sim(&["status", "1"]), @r#"
exit 3
--- stdout
--- stderr
simulated DigitalOcean: nothing here is real or bills
error: digitalocean: status: host `1` does not exist, or no longer does
"#);
    snapshot!(sandbox, sandbox.run(&["create", "Web_1"]), @r#"
exit 2
--- stdout
--- stderr
error: host name "Web_1" is not valid: a host name is 1 to 63 characters of a-z, 0-9 and `-`, starting and ending with a letter or digit; try `web-1`
"#);
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
