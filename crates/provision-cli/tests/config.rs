//! Profiles, defaults, the tool's own environment variables, and `provision config`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

mod common;

use common::{Run, Sandbox};
use insta::assert_snapshot;
use serde_json::{Value, json};

const CONFIG: &str = r#"
default-provider = "hetzner"

[defaults]
output = "json"
labels = { team = "web", tier = "a" }
ports = [80, "8000-8100"]
ttl = "7d"

[provider.hetzner]
token = "hunter2"
region = "fsn1"

[profile.work]
default-provider = "digitalocean"
[profile.work.defaults]
labels = { tier = "b" }
ports = ["443"]
[profile.work.provider.digitalocean]
token = "hunter3"
region = "ams3"
"#;

/// What a dry run would ask for.
fn plan(sandbox: &Sandbox, environment: &[(&str, &str)], arguments: &[&str]) -> Value {
    let config = sandbox.file("config.toml", CONFIG);
    let arguments = [
        &["--config", &config, "create", "w", "--dry-run", "-o", "json"],
        arguments,
    ]
    .concat();
    let mut command = sandbox.command(&arguments);
    Run::from(command.envs(environment.iter().copied()).output().unwrap())
        .exits(0)
        .json()
}

#[test]
fn hosts_get_the_defaults_and_the_command_line_comes_first() {
    let sandbox = Sandbox::new();
    let plain = plan(&sandbox, &[], &[]);
    assert_eq!(
        (&plain["provider"], &plain["region"]),
        (&json!("hetzner"), &json!("fsn1"))
    );
    assert_eq!(
        (&plain["labels"]["team"], &plain["labels"]["tier"]),
        (&json!("web"), &json!("a"))
    );
    assert_eq!(plain["ports"].as_array().unwrap().len(), 2);
    assert!(plain["expires"].is_string());

    let own = plan(
        &sandbox,
        &[],
        &["--label", "tier=c", "--port", "22", "--region", "hel1"],
    );
    assert_eq!(
        (&own["labels"]["team"], &own["labels"]["tier"]),
        (&json!("web"), &json!("c"))
    );
    assert_eq!(own["ports"].as_array().unwrap().len(), 1);
    assert_eq!(own["region"], "hel1");
}

#[test]
fn a_profile_comes_before_the_rest_of_the_file() {
    let sandbox = Sandbox::new();
    for work in [
        plan(&sandbox, &[], &["--profile", "work"]),
        plan(&sandbox, &[("PROVISION_PROFILE", "work")], &[]),
    ] {
        assert_eq!(
            (&work["provider"], &work["region"]),
            (&json!("digitalocean"), &json!("ams3"))
        );
        assert_eq!(
            (&work["labels"]["team"], &work["labels"]["tier"]),
            (&json!("web"), &json!("b"))
        );
        assert_eq!(work["ports"].as_array().unwrap().len(), 1);
    }
    let region = plan(&sandbox, &[("PROVISION_REGION", "hel1")], &[]);
    assert_eq!(region["region"], "hel1");
}

#[test]
fn the_form_of_the_data_is_of_the_option_then_the_environment_then_the_file() {
    let sandbox = Sandbox::new();
    let config = sandbox.file("config.toml", CONFIG);
    let first = |environment: &[(&str, &str)], arguments: &[&str]| {
        let mut command = sandbox.command(&[&["--config", &config, "providers"], arguments].concat());
        let run = Run::from(command.envs(environment.iter().copied()).output().unwrap()).exits(0);
        run.stdout.chars().next().unwrap()
    };
    assert_eq!(first(&[], &[]), '[');
    assert_eq!(first(&[("PROVISION_OUTPUT", "yaml")], &[]), '-');
    assert_eq!(first(&[("PROVISION_OUTPUT", "yaml")], &["-o", "table"]), 'I');
    let mut command = sandbox.command(&["providers"]);
    Run::from(command.env("PROVISION_OUTPUT", "xml").output().unwrap()).exits(2);
}

#[test]
fn the_simulator_can_be_chosen_by_the_environment() {
    let sandbox = Sandbox::new();
    let list = |value: &str| {
        let mut command = sandbox.command(&["list", "-o", "json"]);
        Run::from(command.env("PROVISION_SIM", value).output().unwrap())
    };
    assert!(list("1").exits(0).stderr.contains("simulated"));
    assert!(!list("false").exits(4).stderr.contains("simulated"));
    list("maybe").exits(2);
}

#[test]
fn a_variable_that_means_nothing_is_pointed_out() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(&["config", "path"]);
    let run = Run::from(command.env("PROVISION_PROVIDR", "hetzner").output().unwrap()).exits(0);
    assert_snapshot!(run.stderr, @r"
        warning: the environment variable PROVISION_PROVIDR means nothing to this tool: did you mean PROVISION_PROVIDER?
    ");
    assert_eq!(sandbox.clean(&run.stdout), "[FOLDER]/.config/provision/config.toml\n");
}

#[test]
fn the_configuration_is_shown_with_where_it_comes_from_and_without_secrets() {
    let sandbox = Sandbox::new();
    let config = sandbox.file("config.toml", CONFIG);
    #[cfg(unix)]
    std::fs::set_permissions(&config, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let show = |arguments: &[&str]| {
        let run = sandbox
            .run(&[&["--config", &config, "-o", "table", "config"], arguments].concat())
            .exits(0);
        assert!(
            !run.stdout.contains("hunter") && !run.stderr.contains("hunter"),
            "{run:#?}"
        );
        sandbox.clean(&format!("--- stdout\n{}--- stderr\n{}", run.stdout, run.stderr))
    };
    assert_snapshot!(show(&["show"]), @r"
        --- stdout
        CLOUD    SETTING          VALUE     FROM
        hetzner  token            ********  file ~/config.toml
        hetzner  region of hosts  fsn1      file ~/config.toml
        --- stderr
        configuration: [FOLDER]/config.toml
    ");
    assert_snapshot!(show(&["show", "--profile", "work"]), @r"
        --- stdout
        CLOUD         SETTING          VALUE     FROM
        digitalocean  token            ********  file ~/config.toml
        digitalocean  region of hosts  ams3      file ~/config.toml
        --- stderr
        configuration: [FOLDER]/config.toml
        profile: work
    ");
    assert_snapshot!(show(&["list"]), @r"
        --- stdout
        PROFILE     CLOUD         SETTINGS       FILE
        - (in use)  hetzner       region, token  [FOLDER]/config.toml
        work        digitalocean  region, token  [FOLDER]/config.toml
        --- stderr
    ");
}

#[test]
fn a_file_to_begin_with_is_written_once() {
    let sandbox = Sandbox::new();
    let run = sandbox.run(&["config", "init"]).exits(0);
    assert_eq!(sandbox.clean(&run.stdout), "[FOLDER]/.config/provision/config.toml\n");
    let text = std::fs::read_to_string(sandbox.path(".config/provision/config.toml")).unwrap();
    sandbox.run(&["providers"]).exits(0);
    sandbox.run(&["config", "init"]).exits(2);
    // With everything in it uncommented it is a configuration as well.
    let lines = text.lines().map(|line| match line.strip_prefix('#') {
        Some(rest) if !rest.starts_with(' ') => rest,
        _ => line,
    });
    let whole: Vec<&str> = lines.collect();
    let file = sandbox.file("whole.toml", &whole.join("\n"));
    let shown = sandbox.run(&["--config", &file, "config", "list", "-o", "json"]);
    assert!(shown.exits(0).json().as_array().unwrap().len() == 2);
}
