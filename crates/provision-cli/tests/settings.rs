//! Where settings come from, and that secrets go nowhere.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

mod common;

use common::{Run, Sandbox, token, token_clouds};
use serde_json::Value;

/// What a dry run would ask for.
fn plan(sandbox: &Sandbox, environment: &[(&str, &str)], arguments: &[&str]) -> Value {
    let mut command = sandbox.command(&[arguments, &["create", "w", "--dry-run", "-o", "json"]].concat());
    Run::from(command.envs(environment.iter().copied()).output().unwrap())
        .exits(0)
        .json()
}

#[test]
fn the_provider_is_of_the_option_then_the_environment_then_the_file_then_the_default() {
    let sandbox = Sandbox::new();
    let config = sandbox.file("config.toml", "default-provider = \"hetzner\"\n");
    let (file, variable) = (["--config", &config], [("PROVISION_PROVIDER", "do")]);
    assert_eq!(plan(&sandbox, &[], &[])["provider"], "digitalocean");
    assert_eq!(plan(&sandbox, &[], &file)["provider"], "hetzner");
    assert_eq!(
        plan(&sandbox, &[("PROVISION_CONFIG", &config)], &[])["provider"],
        "hetzner"
    );
    assert_eq!(plan(&sandbox, &variable, &file)["provider"], "digitalocean");
    assert_eq!(
        plan(&sandbox, &variable, &["--config", &config, "-p", "hcloud"])["provider"],
        "hetzner"
    );
}

#[test]
fn the_file_in_the_usual_place_is_read_and_hosts_get_its_defaults() {
    let sandbox = Sandbox::new();
    std::fs::create_dir_all(sandbox.path(".config/provision")).unwrap();
    sandbox.file(
        ".config/provision/config.toml",
        "default-provider = \"hetzner\"\n[provider.hcloud]\nregion = \"fsn1\"\nplan = \"cpx12\"\n",
    );
    let wanted = plan(&sandbox, &[], &[]);
    assert_eq!((&wanted["region"], &wanted["plan"]), (&"fsn1".into(), &"cpx12".into()));
    let run = sandbox
        .run(&["create", "w", "--dry-run", "-o", "json", "--region", "hel1"])
        .exits(0);
    assert_eq!(run.text("region"), "hel1");
}

#[test]
fn a_token_is_of_the_option_then_the_environment_then_the_file() {
    let sandbox = Sandbox::new();
    let server = sandbox.serve(&[]);
    for cloud in token_clouds() {
        let providers = sandbox.run(&["providers", "-p", cloud, "-o", "json"]).exits(0).json();
        let variable = providers[0]["settings"][0]["env"][0].as_str().unwrap().to_owned();
        let (right, wrong) = (
            sandbox.file("right", &format!("{}\n", token(cloud))),
            sandbox.file("wrong", "wrong"),
        );
        let endpoint = server.endpoint(cloud);
        let config = |token_file: &str| {
            let text = format!("[provider.{cloud}]\ntoken-file = \"{token_file}\"\nendpoint = \"{endpoint}\"\n");
            sandbox.file(&format!("{token_file}.toml"), &text)
        };
        let (right_config, wrong_config) = (config("right"), config("wrong"));
        let list = |config: &str, value: Option<&str>, options: &[&str]| {
            let mut command = sandbox.command(&[&["-p", cloud, "--config", config, "list"], options].concat());
            if let Some(value) = value {
                command.env(&variable, value);
            }
            Run::from(command.output().unwrap())
        };
        list(&right_config, None, &[]).exits(0);
        list(&wrong_config, None, &[]).exits(4);
        list(&wrong_config, Some(token(cloud)), &[]).exits(0);
        list(&right_config, Some("wrong"), &[]).exits(4);
        list(
            &wrong_config,
            Some("wrong"),
            &["--secret-file", &format!("token={right}")],
        )
        .exits(0);
        list(
            &right_config,
            Some(token(cloud)),
            &["--secret-file", &format!("token={wrong}")],
        )
        .exits(4);
        list(&right_config, Some(token(cloud)), &["--set", "token=wrong"]).exits(4);
        list(&right_config, None, &["--endpoint", "http://127.0.0.1:1"]).exits(1);
    }
}

#[test]
fn what_the_file_may_not_say_is_an_error_that_quotes_no_value() {
    let sandbox = Sandbox::new();
    for (text, expected) in [
        ("defualt-provider = \"hunter2\"\n", "line 1: unknown field"),
        ("\n\n[provider.hetzner]\ntoken = hunter2\n", "line 4: "),
        ("[provider.hetzner]\ntokn = \"hunter2\"\n", "has no key `tokn`"),
        (
            "[provider.hetzner]\ntoken = \"hunter2\"\ntoken-file = \"x\"\n",
            "keep one",
        ),
        (
            "[provider.nowhere]\ntoken = \"hunter2\"\n",
            "unknown provider `nowhere`",
        ),
        (
            "[provider.hetzner]\nregion = \"hunter2\"\n[provider.hcloud]\nplan = \"x\"\n",
            "stands twice",
        ),
    ] {
        let config = sandbox.file("config.toml", text);
        let run = sandbox.run(&["--config", &config, "providers"]).exits(2);
        assert!(run.stderr.contains(expected), "{text}: {}", run.stderr);
        assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);
    }
    sandbox.run(&["--config", "missing.toml", "providers"]).exits(1);
}

#[test]
fn a_token_that_others_can_read_is_warned_about() {
    let sandbox = Sandbox::new();
    let config = sandbox.file("config.toml", "[provider.hetzner]\ntoken = \"hunter2\"\n");
    let run = sandbox.run(&["--config", &config, "providers"]).exits(0);
    assert!(run.stderr.contains("chmod 600"), "{}", run.stderr);
    assert!(!run.stderr.contains("hunter2"));
}

#[test]
fn real_credentials_are_neither_needed_nor_used_by_the_simulator() {
    let sandbox = Sandbox::new();
    let config = sandbox.file("config.toml", "[provider.hetzner]\ntoken-file = \"missing\"\n");
    let state = sandbox.path("sim.json");
    let arguments = [
        "--sim",
        "--sim-state",
        state.to_str().unwrap(),
        "--config",
        &config,
        "-p",
        "hetzner",
        "list",
    ];
    let output = sandbox
        .command(&arguments)
        .env("HCLOUD_TOKEN", "hunter2")
        .output()
        .unwrap();
    // With one of them it would be refused.
    let run = Run::from(output).exits(0);
    assert!(run.stderr.contains("simulated Hetzner Cloud"), "{}", run.stderr);
}

#[test]
fn the_state_of_simulated_clouds_is_in_the_users_folder() {
    let sandbox = Sandbox::new();
    sandbox.run(&["--sim", "create", "w"]).exits(0);
    assert!(sandbox.path(".local/state/provision/sim.json").is_file());
    sandbox.run(&["sim", "reset"]).exits(0);
    assert_eq!(sandbox.run(&["--sim", "list", "-o", "json"]).exits(0).stdout, "[]\n");
    let state = sandbox.path("elsewhere");
    let output = sandbox
        .command(&["--sim", "list"])
        .env("XDG_STATE_HOME", &state)
        .output()
        .unwrap();
    Run::from(output).exits(0);
    assert!(state.join("provision").is_dir());
}

#[test]
fn secrets_and_user_data_are_in_no_output() {
    let sandbox = Sandbox::new();
    let server = sandbox.serve(&["--boot-time", "1ms"]);
    let data = sandbox.file("data.sh", "#!/bin/sh\necho user-data-hunter2\n");
    for cloud in token_clouds() {
        let secret = sandbox.file("token", token(cloud));
        let mut outputs = String::new();
        let mut call = |rest: &[&str], secret: &str| {
            let setting = format!("token={secret}");
            let options = [
                "-vv",
                "-p",
                cloud,
                "--endpoint",
                &server.endpoint(cloud),
                "--secret-file",
                &setting,
            ];
            let run = sandbox.run(&[&options[..], rest].concat());
            outputs.push_str(&run.stdout);
            outputs.push_str(&run.stderr);
            run
        };
        let id = call(&["-o", "json", "create", "w", "-u", &data, "--wait"], &secret)
            .exits(0)
            .text("id");
        call(&["create", "w2", "-u", &data, "--dry-run"], &secret).exits(0);
        call(&["list"], &secret).exits(0);
        call(&["create", "w3", "-u", &data, "--region", "nowhere"], &secret).exits(2);
        call(&["delete", &id, "--wait"], &secret).exits(0);
        let wrong = sandbox.file("wrong", "wrong-token-hunter2");
        call(&["list"], &wrong).exits(4);
        assert!(outputs.contains("http_request"), "-vv shows requests: {outputs}");
        for secret in [token(cloud), "hunter2"] {
            assert!(!outputs.contains(secret), "{secret} is in {outputs}");
        }
    }
}
