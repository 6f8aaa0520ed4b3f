//! Small things that people run into: lists of ports, the simulator's commands, keys of another cloud.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

mod common;

use common::Sandbox;

#[test]
fn ports_are_taken_one_by_one_and_as_a_list() {
    let sandbox = Sandbox::new();
    let plan = sandbox
        .run(&[
            "create",
            "web-1",
            "--port",
            "80,443",
            "--port",
            "53/udp",
            "--dry-run",
            "-o",
            "json",
        ])
        .exits(0);
    assert_eq!(plan.json()["ports"].as_array().unwrap().len(), 3, "{}", plan.stdout);
    sandbox.run(&["create", "web-1", "--port", "80,", "--dry-run"]).exits(2);
}

#[test]
fn what_the_simulator_prints_can_be_pasted() {
    let sandbox = Sandbox::new();
    let server = sandbox.serve(&["--listen", "localhost:0"]);
    assert!(server.base_url.starts_with("http://127.0.0.1:"), "{}", server.base_url);
    let (_server, commands) = server.commands();
    for command in &commands {
        let run = sandbox.shell(command).exits(0);
        assert!(run.stderr.contains("no hosts on"), "{command}: {}", run.stderr);
    }
    let gce = commands.iter().find(|command| command.contains("-p gce")).unwrap();
    assert!(
        gce.contains("--secret-file service-account=") && !gce.contains('{'),
        "{gce}"
    );
}

#[test]
fn a_key_of_another_cloud_is_answered_with_the_right_form() {
    let sandbox = Sandbox::new();
    for (text, advice) in [
        (
            "[provider.digitalocean]\nzone = 'x'\n",
            "which belongs to gce, scaleway: here it is `region`",
        ),
        ("[provider.hetzner]\nsize = 'x'\n", "no key `size`: here it is `plan`"),
        (
            "[provider.linode]\naccess-key-id = 'x'\n",
            "which belongs to ec2: here it is `token`",
        ),
        (
            "[provider.hetzner]\napi_key = 'x'\n",
            "no key `api_key`: here it is `token`",
        ),
        (
            "[provider.vultr]\nsubscription-id = 'x'\n",
            "which belongs to azure: move it to [provider.azure]",
        ),
        (
            "[provider.gce]\nservice_account_file = 'x'\n",
            "write `service-account-file`",
        ),
        (
            "[digitalocean]\ntoken = 'x'\n",
            "write [provider.digitalocean] instead of [digitalocean]",
        ),
        ("[do]\ntoken = 'x'\n", "write [provider.digitalocean] instead of [do]"),
        ("token = 'x'\n", "write `token` below the provider that it is for"),
    ] {
        let file = sandbox.file("config.toml", text);
        let run = sandbox.run(&["--config", &file, "list"]).exits(2);
        assert!(run.stderr.contains(advice), "{text}: {advice} is not in {}", run.stderr);
    }
}
