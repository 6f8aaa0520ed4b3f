//! Getting started: `login`, `doctor`, and what is said when credentials are missing or malformed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

mod common;

use std::{io::Write as _, process::Stdio};

use common::{Run, Sandbox, Server, token};
use insta::assert_snapshot;

/// Runs a command with a text on stdin.
fn with_stdin(sandbox: &Sandbox, arguments: &[&str], text: &str) -> Run {
    let mut child = sandbox.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
    // A command that refuses at once does not read it.
    let _ = child.stdin.take().unwrap().write_all(text.as_bytes());
    Run::from(child.wait_with_output().unwrap())
}

/// The output with this folder and the server's port replaced, without what a token looks like.
fn clean(sandbox: &Sandbox, server: &Server, run: &Run) -> String {
    let text = format!(
        "exit {}\n--- stdout\n{}--- stderr\n{}",
        run.code.unwrap(),
        run.stdout,
        run.stderr
    );
    let text = sandbox.clean(&text).replace(&server.base_url, "[SERVER]");
    // An id of its own for each request.
    match text.split_once(", request id ") {
        Some((before, behind)) => format!("{before}){}", behind.split_once(')').unwrap().1),
        None => text,
    }
}

fn stored(sandbox: &Sandbox) -> String {
    std::fs::read_to_string(sandbox.path(".config/provision/credentials.toml")).unwrap_or_default()
}

#[test]
fn a_login_checks_and_stores_what_later_commands_use() {
    let sandbox = Sandbox::new();
    let server = sandbox.serve(&[]);
    let endpoint = server.endpoint("hetzner");
    let login = ["-p", "hetzner", "--endpoint", &endpoint, "login"];
    let run = with_stdin(&sandbox, &login, &format!("  {}\r\n", token("hetzner")));
    assert_snapshot!(clean(&sandbox, &server, &run), @r"
        exit 0
        --- stdout
        --- stderr
        Hetzner Cloud: make credentials at https://console.hetzner.com/projects
        Hetzner Cloud accepts them
        stored in [FOLDER]/.config/provision/credentials.toml, which only you can read
        hint: look at your hosts: provision -p hetzner list
    ");
    assert!(!run.stderr.contains(token("hetzner")) && run.stdout.is_empty());
    // Without any option or variable.
    sandbox.run(&["-p", "hetzner", "list"]).exits(0);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |name: &str| std::fs::metadata(sandbox.path(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(".config/provision/credentials.toml"), 0o600);
    }

    let wrong = with_stdin(
        &sandbox,
        &["-p", "do", "--endpoint", &server.endpoint("digitalocean"), "login"],
        "wrong\n",
    );
    assert_snapshot!(clean(&sandbox, &server, &wrong), @r"
        exit 4
        --- stdout
        --- stderr
        DigitalOcean: make credentials at https://cloud.digitalocean.com/account/api/tokens
        error: digitalocean: list droplets: Unable to authenticate you; check the credentials (http 401, code unauthorized)
        hint: nothing was stored
    ");
    assert!(!stored(&sandbox).contains("digitalocean"));
    with_stdin(&sandbox, &login, "\n").exits(4);
    with_stdin(&sandbox, &login, "\"quoted\"\n").exits(4);
    sandbox.run(&["--sim", "login"]).exits(2);
    assert!(
        stored(&sandbox).contains(token("hetzner")),
        "a login that failed leaves the one before"
    );
}

#[test]
fn a_login_of_a_profile_is_another_account() {
    let sandbox = Sandbox::new();
    let server = sandbox.serve(&[]);
    let endpoint = server.endpoint("hetzner");
    let login = ["-p", "hetzner", "--profile", "work", "--endpoint", &endpoint, "login"];
    with_stdin(&sandbox, &login, token("hetzner")).exits(0);
    sandbox.run(&["-p", "hetzner", "list"]).exits(4);
    sandbox.run(&["-p", "hetzner", "--profile", "work", "list"]).exits(0);
    // The account of the profile, whatever token the environment has.
    let mut command = sandbox.command(&["-p", "hetzner", "--profile", "work", "list"]);
    Run::from(command.env("HCLOUD_TOKEN", "other").output().unwrap()).exits(0);
    let mut command = sandbox.command(&["-p", "hetzner", "list"]);
    Run::from(command.env("PROVISION_PROFILE", "work").output().unwrap()).exits(0);
    assert_snapshot!(sandbox.run(&["--profile", "wrk", "list"]).exits(2).stderr, @r"
        error: there is no profile `wrk`; known: work
        hint: make it: provision login --profile wrk
    ");
    let listed = sandbox.run(&["config", "list", "--profile", "work"]).exits(0);
    assert_snapshot!(sandbox.clean(&listed.stdout), @r"
        PROFILE        CLOUD    SETTINGS         FILE
        work (in use)  hetzner  endpoint, token  [FOLDER]/.config/provision/credentials.toml
    ");
}

#[test]
fn what_is_missing_is_said_at_once_with_where_to_get_it() {
    let sandbox = Sandbox::new();
    assert_snapshot!(sandbox.run(&["-p", "hetzner", "list"]).exits(4).stderr, @r"
        error: Hetzner Cloud needs the setting `token` (environment: HCLOUD_TOKEN)
        hint: make credentials at https://console.hetzner.com/projects
        hint: store them with `provision login -p hetzner`
        hint: to try it without any: add --sim
    ");
    assert_snapshot!(sandbox.run(&["-p", "ovh", "list"]).exits(4).stderr, @r"
        error: OVHcloud Public Cloud needs the settings `application-key` (environment: OVH_APPLICATION_KEY), `application-secret` (environment: OVH_APPLICATION_SECRET), `consumer-key` (environment: OVH_CONSUMER_KEY), `project` (environment: OVH_CLOUD_PROJECT_SERVICE)
        hint: make credentials at https://eu.api.ovh.com/createToken/
        hint: store them with `provision login -p ovh`
        hint: to try it without any: add --sim
    ");
    for cloud in common::clouds() {
        let run = sandbox.run(&["-p", cloud, "list"]).exits(4);
        for needed in ["make credentials at https://", "provision login -p", "--sim"] {
            assert!(run.stderr.contains(needed), "{cloud}: {}", run.stderr);
        }
    }
}

#[test]
fn a_malformed_token_is_named_with_where_it_comes_from_and_never_sent() {
    let sandbox = Sandbox::new();
    let server = sandbox.serve(&[]);
    let endpoint = server.endpoint("hetzner");
    let list = ["-p", "hetzner", "--endpoint", &endpoint, "list"];
    let with_variable = |value: &str| {
        let mut command = sandbox.command(&list);
        Run::from(command.env("HCLOUD_TOKEN", value).output().unwrap())
    };
    with_variable(&format!(" {}\n", token("hetzner"))).exits(0);
    assert_snapshot!(with_variable("\"hunter2\"").exits(4).stderr, @r"
        error: `token` of Hetzner Cloud (environment variable HCLOUD_TOKEN) is in quotes: remove them
    ");
    assert_snapshot!(with_variable("hunter2 hunter2").exits(4).stderr, @r"
        error: `token` of Hetzner Cloud (environment variable HCLOUD_TOKEN) has white space or a control character within: copy it anew, alone and whole
    ");
    let file = sandbox.file("token", "\u{feff}hunter2");
    let run = sandbox
        .run(&["-p", "hetzner", "--secret-file", &format!("token={file}"), "list"])
        .exits(4);
    assert_snapshot!(sandbox.clean(&run.stderr), @r"
        warning: [FOLDER]/token holds a secret and other users can read it: chmod 600 it
        error: `token` of Hetzner Cloud (file ~/token) starts with a byte order mark: save the file as UTF-8 without one
    ");
}

#[test]
fn the_doctor_tells_for_each_cloud_what_is_there_and_what_to_do() {
    let sandbox = Sandbox::new();
    let server = sandbox.serve(&[]);
    let login = ["-p", "hetzner", "--endpoint", &server.endpoint("hetzner"), "login"];
    with_stdin(&sandbox, &login, token("hetzner")).exits(0);
    std::fs::create_dir_all(sandbox.path(".config/doctl")).unwrap();
    sandbox.file(".config/doctl/config.yaml", "access-token: hunter2\n");
    let run = sandbox.run(&["doctor"]).exits(0);
    assert_snapshot!(clean(&sandbox, &server, &run), @r"
        exit 0
        --- stdout
        CLOUD         STATE           CREDENTIALS FROM                           WHAT TO DO
        azure         no credentials  -                                          provision login -p azure
        civo          no credentials  -                                          provision login -p civo
        digitalocean  no credentials  -                                          provision login -p digitalocean; doctl has its own in ~/.config/doctl/config.yaml
        ec2           no credentials  -                                          provision login -p ec2
        gce           no credentials  -                                          provision login -p gce
        hetzner       ok              file ~/.config/provision/credentials.toml  -
        linode        no credentials  -                                          provision login -p linode
        openstack     no credentials  -                                          provision login -p openstack
        ovh           no credentials  -                                          provision login -p ovh
        packet        no credentials  -                                          provision login -p packet
        scaleway      no credentials  -                                          provision login -p scaleway
        vultr         no credentials  -                                          provision login -p vultr
        --- stderr
        warning: ~/.config/doctl/config.yaml holds credentials of doctl and other users can read it: chmod 600 it
    ");

    let wrong = ["-p", "vultr", "--endpoint", &server.endpoint("vultr"), "doctor"];
    let mut command = sandbox.command(&[&wrong[..], &["-o", "json"]].concat());
    let run = Run::from(command.env("VULTR_API_KEY", "hunter2").output().unwrap()).exits(4);
    assert!(!run.stdout.contains("hunter2") && !run.stderr.contains("hunter2"));
    let report = &run.json()[0];
    assert_eq!(report["state"], "problem");
    assert_eq!(report["credentials"][0]["source"], "environment variable VULTR_API_KEY");
    assert_eq!(report["remedy"], "make new credentials, then provision login -p vultr");
    assert!(report["clock_skew_seconds"].as_i64().unwrap().abs() < 60);
    sandbox.run(&["-p", "vultr", "doctor"]).exits(4);
}
