//! A host that is up, not only active; and who deletes it when its time has passed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

mod common;

use std::{fs, net::TcpListener, process::Stdio};

use common::Sandbox;

#[test]
fn a_create_waits_until_something_answers() {
    let sandbox = Sandbox::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let check = format!("tcp:{}", listener.local_addr().unwrap());
    let created = sandbox
        .sim(&["create", "web-1", "--wait-for", &check, "-o", "json"])
        .exits(0);
    assert_eq!(created.text("status"), "active");
    assert!(
        created.stderr.contains(&format!("{check} answers")),
        "{}",
        created.stderr
    );
    let id = created.text("id");
    sandbox.sim(&["wait", &id, "--wait-for", &check]).exits(0);
}

#[test]
fn the_address_of_a_simulated_host_is_not_waited_for() {
    let sandbox = Sandbox::new();
    let created = sandbox.sim(&["create", "web-1", "--wait-for", "tcp:22"]).exits(0);
    let said = "simulated hosts run nothing: tcp:22 was not waited for";
    assert!(created.stderr.contains(said), "{}", created.stderr);
    assert!(created.stdout.contains("active"), "{}", created.stdout);
}

#[cfg(unix)]
#[test]
fn the_last_words_on_a_terminal_are_what_one_needs_to_know() {
    let sandbox = Sandbox::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let check = format!("tcp:{}", listener.local_addr().unwrap());
    let arguments = ["--sim", "create", "web-1", "--ttl", "2h", "--wait-for", &check];
    let shown = sandbox.on_terminal(80, "", &arguments).exits(0).stdout;
    let block = shown.split("web-1 is up").nth(1).unwrap_or_else(|| panic!("{shown}"));
    for line in [
        "  address  203.0.113.1",
        &format!("  answers  {check}"),
        "  price    4.00 USD a month (without tax and traffic, price of ",
        "  expires  in ",
        "  show     provision --sim status digitalocean/512000001",
        "  delete   provision --sim delete digitalocean/512000001 --wait",
    ] {
        assert!(block.contains(line), "{line} is not in {block}");
    }
    // For programs there is none.
    let plain = sandbox.run(&["--sim", "wait", "web-1"]).exits(0);
    assert!(!plain.stderr.contains("web-1 is"), "{}", plain.stderr);
}

#[test]
fn a_host_on_which_nothing_answers_is_kept_and_named() {
    let sandbox = Sandbox::new();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let check = format!("http://{closed}/ready");
    let run = sandbox
        .sim(&["create", "web-1", "--wait-for", &check, "--timeout", "6s"])
        .exits(6);
    assert!(run.stdout.contains("active"), "{}", run.stdout);
    for part in [
        "is active and bills, but",
        &format!("within 6s {check} did not answer: Connection refused"),
        &format!("--wait-for {check}"),
        "delete it:    provision --sim",
    ] {
        assert!(run.stderr.contains(part), "{part} is not in {}", run.stderr);
    }
}

#[test]
fn what_is_no_check_is_refused_before_anything_is_made() {
    let sandbox = Sandbox::new();
    let run = sandbox.sim(&["create", "web-1", "--wait-for", "ssh"]).exits(2);
    assert!(run.stderr.contains("write tcp:22"), "{}", run.stderr);
    assert_eq!(sandbox.sim(&["list"]).exits(0).stdout, "");
    sandbox
        .sim(&["wait", "1", "--deleted", "--wait-for", "tcp:22"])
        .exits(2);
}

#[test]
fn a_full_disk_behind_stdout_does_not_hide_the_id() {
    let Ok(full) = fs::OpenOptions::new().write(true).open("/dev/full") else {
        println!("skipped: this system has no /dev/full");
        return;
    };
    let sandbox = Sandbox::new();
    for wait in [&[][..], &["--wait"]] {
        let state = sandbox.path("sim.json");
        let name = format!("web-{}", wait.len());
        let arguments = [
            &["--sim", "--sim-state", state.to_str().unwrap(), "create", &name],
            wait,
        ]
        .concat();
        let to_a_full_disk = |arguments: &[&str]| {
            let mut command = sandbox.command(arguments);
            command.stdout(Stdio::from(full.try_clone().unwrap())).output().unwrap()
        };
        let output = to_a_full_disk(&arguments);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains("created digitalocean/"), "{stderr}");
        assert!(stderr.contains("hint: not printed: digitalocean/"), "{stderr}");
        assert!(stderr.contains("cannot write to stdout"), "{stderr}");
        // Also where it is to be quiet.
        let output = to_a_full_disk(&[&["-q"], &arguments[..]].concat());
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains("digitalocean/512"), "{stderr}");
    }
}

#[test]
fn a_time_to_live_says_who_deletes() {
    let sandbox = Sandbox::new();
    let created = sandbox.sim(&["create", "web-1", "--ttl", "2h"]).exits(0);
    let hint = "nothing deletes it by itself: `provision --sim";
    assert!(
        created.stderr.contains(hint) && !created.stderr.contains("--install"),
        "{}",
        created.stderr
    );
    let server = sandbox.serve(&[]);
    let config = sandbox.config(&server, &["hetzner"]);
    let real = ["--config", &config, "-p", "hetzner", "create", "web-1", "--ttl", "2h"];
    let created = sandbox.run(&real).exits(0);
    let hint = format!("to run that every hour: provision --config {config} -p hetzner gc --install systemd");
    assert!(created.stderr.contains(&hint), "{}", created.stderr);
    let plain = sandbox.sim(&["create", "web-2"]).exits(0);
    assert!(!plain.stderr.contains("gc --delete"), "{}", plain.stderr);
}

#[test]
fn the_script_for_systemd_writes_and_starts_a_timer() {
    let sandbox = Sandbox::new();
    let install = ["--set", "region=LON 100%", "-p", "civo", "gc", "--install", "systemd"];
    let script = sandbox.run(&install).exits(0).stdout;
    fs::create_dir(sandbox.path("bin")).unwrap();
    let systemctl = sandbox.file("bin/systemctl", "#!/bin/sh\necho \"$@\" >> \"$HOME/systemctl.log\"\n");
    sandbox.shell(&format!("chmod +x {systemctl}")).exits(0);
    let script = sandbox.file("install.sh", &script);
    sandbox.shell(&format!("PATH=\"$HOME/bin:$PATH\" sh {script}")).exits(0);
    let unit = |kind: &str| {
        let name = format!(".config/systemd/user/provision-gc-civo.{kind}");
        fs::read_to_string(sandbox.path(&name)).unwrap()
    };
    let service = unit("service");
    let start = service
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart="))
        .unwrap();
    let binary = env!("CARGO_BIN_EXE_provision");
    assert_eq!(
        start,
        format!(r#""{binary}" "--set" "region=LON 100%%" "-p" "civo" "gc" "--delete""#)
    );
    assert!(unit("timer").contains("OnCalendar=hourly"));
    assert_eq!(
        fs::read_to_string(sandbox.path("systemctl.log")).unwrap(),
        "--user daemon-reload\n--user enable --now provision-gc-civo.timer\n"
    );
}

#[test]
fn several_clouds_are_one_job() {
    let sandbox = Sandbox::new();
    let install = |clouds| {
        sandbox
            .run(&["-p", clouds, "gc", "--install", "systemd"])
            .exits(0)
            .stdout
    };
    let two = install("do,hetzner");
    assert!(two.contains("/provision-gc-digitalocean-hetzner.timer"), "{two}");
    assert!(two.contains(r#""-p" "digitalocean,hetzner" "gc" "--delete""#), "{two}");
    assert!(install("all").contains(r#""-p" "all" "gc" "--delete""#));
}

#[test]
fn each_profile_is_a_job_of_its_own() {
    let sandbox = Sandbox::new();
    let config = sandbox.file("accounts.toml", "[profile.work]\n[profile.\"at home\"]\n");
    let install = |profile: &str, kind: &str| {
        let arguments = [
            "--config",
            &config,
            "--profile",
            profile,
            "-p",
            "hetzner",
            "gc",
            "--install",
            kind,
        ];
        sandbox.run(&arguments)
    };
    let work = install("work", "systemd").exits(0);
    assert!(
        work.stdout.contains("/provision-gc-hetzner-work.timer"),
        "{}",
        work.stdout
    );
    let command = format!(r#""--config" "{config}" "--profile" "work" "-p" "hetzner" "gc" "--delete""#);
    assert!(work.stdout.contains(&command), "{}", work.stdout);
    let again = format!("install it: provision --config {config} --profile work -p hetzner gc --install systemd | sh");
    assert!(work.stderr.contains(&again), "{}", work.stderr);
    let home = install("at home", "systemd").exits(0);
    assert!(
        home.stdout.contains("/provision-gc-hetzner-at-home.timer"),
        "{}",
        home.stdout
    );
    let line = install("at home", "cron").exits(0).stdout;
    assert!(line.ends_with("--profile 'at home' -p hetzner gc --delete\n"), "{line}");
    let refused = install("work", "github-actions").exits(2);
    assert!(
        refused.stdout.is_empty() && refused.stderr.contains("profile `work`"),
        "{refused:?}"
    );
}

#[test]
fn a_line_for_cron_runs_as_it_stands() {
    let sandbox = Sandbox::new();
    let crontab = sandbox
        .run(&["-p", "vultr", "gc", "--install", "cron", "--region", "a%b"])
        .exits(0)
        .stdout;
    let line = crontab.lines().last().unwrap();
    assert!(line.starts_with("17 * * * * /"), "{line}");
    assert!(line.ends_with(r"-p vultr gc --delete --region a\%b"), "{line}");
    // The command of the hint prints the same line.
    let again = [
        "-p",
        "do",
        "gc",
        "--install",
        "cron",
        "--region",
        "fra1",
        "--timeout",
        "90s",
    ];
    let run = sandbox.run(&again).exits(0);
    let hint = "(crontab -l; provision -p digitalocean gc --install cron --region fra1 --timeout 90s) | crontab -";
    assert!(run.stderr.contains(hint), "{}", run.stderr);
    assert!(
        run.stdout.ends_with("gc --delete --region fra1 --timeout 90s\n"),
        "{}",
        run.stdout
    );
}

#[test]
fn a_workflow_has_the_secrets_of_the_cloud_and_none_of_their_values() {
    let sandbox = Sandbox::new();
    for cloud in common::clouds() {
        let run = sandbox
            .run(&["-p", cloud, "gc", "--install", "github-actions"])
            .exits(0);
        assert!(
            run.stdout.contains(&format!("provision -p {cloud} gc --delete\n")),
            "{}",
            run.stdout
        );
        assert!(
            run.stdout.contains("_") && run.stdout.contains(": ${{ secrets."),
            "{}",
            run.stdout
        );
    }
    let run = sandbox
        .run(&["--set", "token=hunter2", "gc", "--install", "github-actions"])
        .exits(2);
    assert!(run.stdout.is_empty() && !run.stderr.contains("hunter2"), "{run:?}");
    let run = sandbox.sim(&["gc", "--install", "cron"]).exits(2);
    assert!(run.stderr.contains("real clouds"), "{}", run.stderr);
}
