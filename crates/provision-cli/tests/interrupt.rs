//! Ctrl-C, SIGTERM and closed pipes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]
#![cfg(unix)]

mod common;

use std::process::Stdio;

use common::{Sandbox, Server, token, token_clouds};

fn options(server: &Server, cloud: &str) -> Vec<String> {
    let words = ["-p", cloud, "--endpoint", &server.endpoint(cloud), "-o", "json"];
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Arguments that reach a served cloud, the token in a file.
fn arguments(sandbox: &Sandbox, server: &Server, cloud: &str, rest: &[&str]) -> Vec<String> {
    let secret = sandbox.file("token", token(cloud));
    let mut words = options(server, cloud);
    words.extend(["--secret-file".to_owned(), format!("token={secret}")]);
    words.extend(rest.iter().map(|word| (*word).to_owned()));
    words
}

fn borrow(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

#[test]
fn during_the_wait_the_host_stays_and_is_printed() {
    for (cloud, signal) in token_clouds().into_iter().zip(["INT", "TERM"].into_iter().cycle()) {
        let sandbox = Sandbox::new();
        let server = sandbox.serve(&["--boot-time", "4s"]);
        let create = arguments(&sandbox, &server, cloud, &["create", "w", "--wait"]);
        let mut running = sandbox.start(&borrow(&create));
        running.wait_for("provisioning");
        running.signal(signal);
        let run = running.finish().exits(130);
        let id = run.text("id");
        assert!(
            run.stderr.contains(&format!("interrupted: {id} is kept")),
            "{}",
            run.stderr
        );

        let listed = sandbox
            .run(&borrow(&arguments(&sandbox, &server, cloud, &["list"])))
            .exits(0);
        assert_eq!(listed.json()[0]["id"], id);
        sandbox.shell(&run.after("delete it:")).exits(0);
        let listed = sandbox
            .run(&borrow(&arguments(&sandbox, &server, cloud, &["list"])))
            .exits(0);
        assert_eq!(listed.json().as_array().unwrap().len(), 0);
    }
}

#[test]
fn during_the_create_its_answer_is_still_taken() {
    for cloud in token_clouds() {
        let sandbox = Sandbox::new();
        let fault = format!("latency:cloud={cloud},method=POST,millis=1500");
        let server = sandbox.serve(&["--fault", &fault]);
        let create = arguments(&sandbox, &server, cloud, &["create", "w", "--wait"]);
        let running = sandbox.start(&borrow(&create));
        let list = arguments(&sandbox, &server, cloud, &["list"]);
        // The cloud has it, the answer is on its way.
        while sandbox
            .run(&borrow(&list))
            .exits(0)
            .json()
            .as_array()
            .unwrap()
            .is_empty()
        {}
        running.signal("INT");
        let run = running.finish().exits(130);
        let listed = sandbox.run(&borrow(&list)).exits(0).json();
        assert_eq!(listed[0]["id"], run.text("id"));
        assert_eq!(listed.as_array().unwrap().len(), 1);
        sandbox.shell(&run.after("delete it: ")).exits(0);
    }
}

#[test]
fn a_second_signal_ends_it_at_once_and_the_command_to_repeat_is_known() {
    let sandbox = Sandbox::new();
    let server = sandbox.serve(&["--fault", "latency:method=POST,millis=600000"]);
    let cloud = token_clouds()[0];
    let create = arguments(&sandbox, &server, cloud, &["create", "w"]);
    let mut running = sandbox.start(&borrow(&create));
    let list = arguments(&sandbox, &server, cloud, &["list"]);
    while sandbox
        .run(&borrow(&list))
        .exits(0)
        .json()
        .as_array()
        .unwrap()
        .is_empty()
    {}
    running.signal("INT");
    running.wait_for("waiting a moment");
    running.signal("INT");
    let run = running.finish().exits(130);
    assert!(
        run.after("never a second one: ").ends_with("create w"),
        "{}",
        run.stderr
    );
    assert_eq!(run.stdout, "");
}

#[test]
fn during_a_deletion_it_says_how_to_go_on() {
    let sandbox = Sandbox::new();
    let server = sandbox.serve(&["--boot-time", "1ms", "--fault", "server-error:method=DELETE"]);
    let cloud = token_clouds()[0];
    let call = |rest: &[&str]| arguments(&sandbox, &server, cloud, rest);
    let id = sandbox
        .run(&borrow(&call(&["create", "w", "--wait"])))
        .exits(0)
        .text("id");
    let mut running = sandbox.start(&borrow(&call(&["delete", &id, "--wait"])));
    running.wait_for("trying again");
    running.signal("INT");
    let run = running.finish().exits(130);
    assert_eq!(run.stdout, "", "the cloud has not accepted it");
    assert!(
        run.after("repeat: ").contains(&format!("delete {id} --wait")),
        "{}",
        run.stderr
    );
}

#[test]
fn a_reader_that_has_gone_is_no_failure() {
    let sandbox = Sandbox::new();
    for arguments in [
        &["completions", "bash"][..],
        &["providers"],
        &["--help"],
        &["sim", "hosts"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = sandbox.command(arguments).stdout(Stdio::from(writer)).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), stderr.as_str()), (Some(0), ""), "{arguments:?}");
    }
}
