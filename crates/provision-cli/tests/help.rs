//! Help pages, flags of peers, completions and manual pages.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

mod common;

use common::{Run, Sandbox};

/// What fish is answered for a line, its last word being typed.
fn completed(sandbox: &Sandbox, line: &[&str]) -> Vec<String> {
    let mut command = sandbox.command(&[&["--", "provision"], line].concat());
    let run = Run::from(command.env("COMPLETE", "fish").output().unwrap()).exits(0);
    assert_eq!(run.stderr, "");
    let values = run
        .stdout
        .lines()
        .map(|line| line.split('\t').next().unwrap_or_default());
    values.map(str::to_owned).collect()
}

#[test]
fn options_of_every_command_stand_apart_and_examples_at_the_end() {
    let sandbox = Sandbox::new();
    let page = sandbox.run(&["regions", "-h"]).exits(0).stdout;
    let (own, globals) = page.split_once("\nOptions of every command:\n").unwrap();
    assert!(!own.contains("--provider"), "{own}");
    assert!(globals.contains("--provider") && globals.contains("--sim"), "{globals}");
    let (_, examples) = page.split_once("\nExamples:\n").unwrap();
    assert!(
        examples.contains("\n  provision ") || examples.starts_with("  provision "),
        "{examples}"
    );
}

#[test]
fn names_and_flags_of_peers_are_understood_or_answered() {
    let sandbox = Sandbox::new();
    for line in [&["ls"][..], &["list"]] {
        sandbox.sim(line).exits(0);
    }
    let id = sandbox
        .sim(&["-o", "json", "create", "web-1", "--wait"])
        .exits(0)
        .text("id");
    for word in ["show", "get"] {
        sandbox.sim(&[word, &id]).exits(0);
    }
    sandbox.sim(&["rm", &id, "--wait"]).exits(0);

    let run = sandbox.run(&["create", "web-1", "--size", "s-1vcpu-1gb"]).exits(2);
    assert!(run.stderr.ends_with("hint: here it is `--plan`\n"), "{}", run.stderr);
    let run = sandbox.run(&["create", "web-1", "--frobnicate"]).exits(2);
    assert!(!run.stderr.contains("hint: "), "{}", run.stderr);
}

#[test]
fn completions_know_the_clouds_at_once_and_the_rest_from_earlier_commands() {
    let sandbox = Sandbox::new();
    assert_eq!(completed(&sandbox, &["-p", "he"]), ["hetzner"]);
    assert_eq!(completed(&sandbox, &["-p", "hc"]), ["hcloud"]);
    assert!(completed(&sandbox, &["-p", ""]).len() >= 11);
    assert!(completed(&sandbox, &["cre"]).contains(&"create".to_owned()));

    // Nobody is asked: without earlier commands there is nothing to offer.
    let plans = ["--sim", "-p", "hetzner", "create", "web-1", "--plan", "cx"];
    assert!(completed(&sandbox, &plans).is_empty());
    sandbox.sim(&["-p", "hetzner", "plans"]).exits(0);
    sandbox.sim(&["-p", "hetzner", "regions"]).exits(0);
    sandbox.sim(&["-p", "hetzner", "create", "web-1"]).exits(0);
    assert!(completed(&sandbox, &plans).contains(&"cx23".to_owned()));
    let region = ["--sim", "-p", "hetzner", "create", "web-1", "--region", "nb"];
    assert_eq!(completed(&sandbox, &region), ["nbg1"]);
    assert_eq!(
        completed(&sandbox, &["--sim", "-p", "hetzner", "status", "we"]),
        ["web-1"]
    );
    // Another cloud has other plans, and the simulated one is not the real one.
    assert!(completed(&sandbox, &["--sim", "create", "w", "--plan", "cx"]).is_empty());
    assert!(completed(&sandbox, &["-p", "hetzner", "create", "w", "--plan", "cx"]).is_empty());
}

#[test]
fn every_command_has_a_manual_page() {
    let sandbox = Sandbox::new();
    let folder = sandbox.path("man");
    sandbox.run(&["man", folder.to_str().unwrap()]).exits(0);
    for page in [
        "provision",
        "provision-create",
        "provision-inlets-create",
        "provision-sim-serve",
    ] {
        let text = std::fs::read_to_string(folder.join(format!("{page}.1"))).unwrap();
        assert!(text.contains(".SH NAME") && text.contains(".SH SYNOPSIS"), "{page}");
    }
    sandbox.run(&["man", "/dev/null/x"]).exits(1);
}

/// What the workspace's README shows is what the commands print, but for ages.
#[test]
fn the_readme_shows_what_is_printed() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let sandbox = Sandbox::new();
    std::fs::create_dir(sandbox.path("examples")).unwrap();
    std::fs::copy(root.join("examples/nginx.yaml"), sandbox.path("examples/nginx.yaml")).unwrap();
    let is_age = |word: &str| {
        let digits = word.strip_suffix('s').unwrap_or_default();
        !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
    };
    let ageless = |text: &str| {
        let text = sandbox.clean(text);
        let words = text.split(' ').map(|word| if is_age(word) { "0s" } else { word });
        words.collect::<Vec<_>>().join(" ")
    };
    let captures = readme.split("```console\n").skip(1);
    let captures: Vec<&str> = captures.map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(captures.len() >= 2);
    for capture in captures {
        for example in capture.split("$ ").skip(1) {
            let (command, shown) = example.split_once('\n').unwrap();
            let run = sandbox.shell(&format!("{command} 2>&1")).exits(0);
            assert_eq!(ageless(shown.trim_end()), ageless(run.stdout.trim_end()), "{command}");
        }
    }
}
