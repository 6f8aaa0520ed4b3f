//! Exit codes, and what stderr says beside them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

mod common;

use common::{Run, Sandbox, Server, clouds, sandbox_with_wrong_credentials, settings, token, token_clouds};

/// Not the cloud's fault, and nothing that goes away when it is tried again.
#[test]
fn a_simulator_that_cannot_write_its_state_says_so_at_once() {
    let sandbox = Sandbox::new();
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("sim.json");
    // What is written beside the file cannot be written while a folder lies there.
    std::fs::create_dir(folder.path().join("sim.json.new")).unwrap();
    for cloud in clouds() {
        let start = std::time::Instant::now();
        let arguments = [
            "--sim",
            "--sim-state",
            state.to_str().unwrap(),
            "-p",
            cloud,
            "create",
            "web-1",
        ];
        let run = sandbox.run(&arguments).exits(1);
        assert!(run.stderr.contains("cannot write"), "{}", run.stderr);
        assert!(
            run.stderr.contains("sim.json") && !run.stderr.contains("has a fault"),
            "{}",
            run.stderr
        );
        assert!(!run.stderr.contains("trying again"), "{}", run.stderr);
        assert!(start.elapsed().as_secs() < 20, "{cloud}");
    }
}

#[test]
fn usage_is_2() {
    let sandbox = Sandbox::new();
    let run = sandbox.run(&["-p", "digtalocean", "list"]).exits(2);
    assert_eq!(run.stdout, "");
    assert!(run.stderr.contains("did you mean `digitalocean`?"), "{}", run.stderr);
    for cloud in clouds() {
        assert!(run.stderr.contains(cloud), "{}", run.stderr);
    }
    for (arguments, text) in [
        (&["create", "Web_1"][..], "try `web-1`"),
        (&["create", "w", "--label", "Team=web"], "label key"),
        (&["create", "w", "--label", "team"], "write NAME=VALUE"),
        (&["create", "w", "--label", "managed-by=me"], "reserved"),
        (&["create", "w", "--port", "0"], "ports are 1 to 65535"),
        (&["create", "w", "--ttl", "soon"], "write a time such as"),
        (&["create", "w", "-x", "colour=red"], "no additional setting `colour`"),
        (&["create", "w", "--key", ""], "idempotency key"),
        (&["-p", "hetzner", "status", "digitalocean/1"], "leave -p out"),
        (&["status", "nowhere/1"], "unknown provider `nowhere`"),
        (&["status", "../1"], "unknown provider"),
        (&["status", "a|"], "is not a host id"),
        (&["status"], "Usage"),
        (&["delete"], "Usage"),
        (&["delete", "1", "--ip", "192.0.2.1"], "cannot be used with"),
        (&["delete", "--ip", "192.0.2"], "invalid IP address"),
        (&["launch"], "unrecognized subcommand"),
        (&["--sim", "--endpoint", "http://127.0.0.1:1", "list"], "use one"),
        (&["--sim-state", "x", "list"], "needs --sim"),
        (&["--set", "tokn=x", "list"], "no setting `tokn`"),
        (
            &["--endpoint", "http://198.51.100.1", "--set", "token=x", "list"],
            "in the clear",
        ),
    ] {
        let run = sandbox.run(arguments).exits(2);
        assert!(run.stderr.contains(text), "{arguments:?}: {}", run.stderr);
        assert_eq!(run.stdout, "", "{arguments:?}");
    }
    // An alias is the same provider.
    sandbox
        .run(&[
            "-p",
            "do",
            "--set",
            "token=x",
            "--endpoint",
            "http://127.0.0.1:1",
            "status",
            "digitalocean/1",
        ])
        .exits(1);
}

#[test]
fn a_refusal_names_the_nearest_on_every_cloud() {
    let sandbox = Sandbox::new();
    for cloud in clouds() {
        let facts = sandbox.run(&["providers", "-o", "json"]).exits(0).json();
        let facts = facts
            .as_array()
            .unwrap()
            .iter()
            .find(|row| row["id"] == cloud)
            .unwrap()
            .clone();
        let plan = facts["default_plan"].as_str().unwrap();
        let run = sandbox
            .sim(&["-p", cloud, "create", "web-1", "--plan", &format!("{plan}-x")])
            .exits(2);
        let meant = format!("plan `{plan}-x` is not in the catalog: did you mean `");
        assert!(run.stderr.contains(&meant), "{cloud}: {}", run.stderr);
    }
}

#[test]
fn user_data_is_checked_before_any_request() {
    let sandbox = Sandbox::new();
    let large = sandbox.file("large.sh", &format!("#!/bin/sh\n#{}\n", "x".repeat(70_000)));
    let text = sandbox.file("text", "hello\n");
    for cloud in token_clouds() {
        let create = |file: &str| sandbox.run(&["-p", cloud, "create", "w", "--dry-run", "-u", file]);
        let run = create(&large).exits(2);
        assert!(
            run.stderr.contains("let the script download the rest"),
            "{}",
            run.stderr
        );
        let run = create(&text).exits(2);
        assert!(run.stderr.contains("must start with `#!`"), "{}", run.stderr);
        create("missing.sh").exits(1);
    }
}

#[test]
fn an_unknown_host_is_3() {
    for cloud in token_clouds() {
        let sandbox = Sandbox::new();
        for command in ["status", "wait"] {
            let run = sandbox.sim(&["-p", cloud, command, "999", "-o", "json"]).exits(3);
            assert_eq!(run.stdout, "");
            assert!(run.stderr.contains("none has that id"), "{}", run.stderr);
            // What is an id for sure is said in other words.
            let id = format!("{cloud}/999");
            let run = sandbox.sim(&[command, &id, "-o", "json"]).exits(3);
            assert!(
                run.stderr.contains("does not exist, or no longer does"),
                "{}",
                run.stderr
            );
        }
    }
    for cloud in clouds() {
        let sandbox = Sandbox::new();
        sandbox.sim(&["-p", cloud, "delete", "--ip", "198.51.100.7"]).exits(3);
    }
}

#[test]
fn credentials_are_4() {
    for cloud in clouds() {
        let (sandbox, wrong) = sandbox_with_wrong_credentials(cloud);
        let arguments: Vec<&str> = wrong.iter().map(String::as_str).chain(["-p", cloud, "list"]).collect();
        let run = sandbox.sim(&arguments).exits(4);
        assert_eq!(run.stdout, "");
        let run = sandbox.run(&["-p", cloud, "list"]).exits(4);
        let says = |word| run.stderr.contains(word);
        assert!(says("needs ") || says("missing"), "{cloud}: {}", run.stderr);
    }
}

#[test]
fn a_secret_on_the_command_line_is_warned_about_and_not_shown() {
    for cloud in token_clouds() {
        let sandbox = Sandbox::new();
        let run = sandbox.sim(&["-p", cloud, "--set", "token=hunter2", "list"]).exits(4);
        assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);
        assert!(run.stderr.contains("warning: other users"), "{}", run.stderr);
        let run = sandbox.run(&["-p", cloud, "list"]).exits(4);
        assert!(run.stderr.contains("environment: "), "{}", run.stderr);
    }
}

/// Runs a command on a served cloud.
fn at(sandbox: &Sandbox, server: &Server, cloud: &str, arguments: &[&str]) -> Run {
    at_endpoint(sandbox, &server.endpoint(cloud), cloud, arguments)
}

fn at_endpoint(sandbox: &Sandbox, endpoint: &str, cloud: &str, arguments: &[&str]) -> Run {
    let settings = settings(cloud);
    let mut words = vec!["-p", cloud, "--endpoint", endpoint, "-o", "json"];
    words.extend(settings.iter().flat_map(|setting| ["--set", setting.as_str()]));
    words.extend(arguments);
    sandbox.run(&words)
}

#[test]
fn quota_and_capacity_are_5() {
    let sandbox = Sandbox::new();
    for fault in ["sold-out", "quota"] {
        let server = sandbox.serve(&["--fault", fault]);
        for cloud in token_clouds() {
            let run = at(&sandbox, &server, cloud, &["create", "w"]).exits(5);
            assert_eq!(run.stdout, "");
            assert!(!run.stderr.contains("may have created"), "{}", run.stderr);
        }
    }
}

#[test]
fn a_timeout_is_6_and_the_host_is_kept_and_known() {
    for cloud in clouds() {
        let sandbox = Sandbox::new();
        // It is not active before the last command, however busy the machine is.
        let sim = |arguments: &[&str]| sandbox.sim(&[&["--sim-boot-time", "1h"], arguments].concat());
        let run = sim(&["-p", cloud, "-o", "json", "create", "web", "--wait", "--timeout", "1ms"]).exits(6);
        let id = run.text("id");
        sandbox.shell(&run.after("look at it:")).exits(0);
        for (command, options) in [("status", ""), ("wait", ""), ("delete", " --wait")] {
            let line = format!("{command} {id}{options}\n");
            assert!(run.stderr.contains(&line), "{line} is not in {}", run.stderr);
        }
        let waited = sim(&["-o", "json", "wait", &id, "--timeout", "1ms"]).exits(6);
        assert_eq!(waited.text("id"), id);
    }
}

#[test]
fn a_deletion_that_takes_too_long_is_6() {
    let sandbox = Sandbox::new();
    let server = sandbox.serve(&["--boot-time", "1ms"]);
    for cloud in token_clouds() {
        let id = at(&sandbox, &server, cloud, &["create", "w", "--wait"])
            .exits(0)
            .text("id");
        let run = at(&sandbox, &server, cloud, &["delete", &id, "--wait", "--timeout", "1ms"]);
        // A cloud may be quicker than that.
        if run.code != Some(0) {
            let run = run.exits(6);
            assert_eq!((run.text("id"), run.text("status")), (id, "deleting".to_owned()));
            assert!(run.stderr.contains("may still bill"), "{}", run.stderr);
        }
    }
}

#[test]
fn an_unreachable_cloud_is_1_with_its_causes() {
    let sandbox = Sandbox::new();
    let arguments = ["--set", "token=x", "--endpoint", "http://127.0.0.1:1", "list"];
    let run = sandbox.run(&arguments).exits(1);
    assert!(run.stderr.contains("cannot connect to 127.0.0.1:1"), "{}", run.stderr);
    assert!(run.stderr.contains("  caused by: "), "{}", run.stderr);
}

#[test]
fn the_server_says_where_it_is_first_and_ends_with_ctrl_c() {
    let sandbox = Sandbox::new();
    let server = sandbox.serve(&["--listen", "127.0.0.1:0", "--boot-time", "100ms"]);
    assert!(server.base_url.starts_with("http://127.0.0.1:"), "{}", server.base_url);
    // Side by side: what takes long is to ask again whether a host is gone.
    std::thread::scope(|scope| {
        for cloud in clouds() {
            let (sandbox, endpoint) = (&sandbox, server.endpoint(cloud));
            let run = move |words: &[&str]| at_endpoint(sandbox, &endpoint, cloud, words).exits(0);
            scope.spawn(move || {
                let id = run(&["create", "web"]).text("id");
                run(&["status", &id]);
                run(&["delete", &id, "--wait"]);
            });
        }
    });
    let run = server.stop().exits(0);
    assert_eq!(run.stdout.lines().count(), 1, "{}", run.stdout);
}

#[test]
fn a_create_whose_answer_is_lost_is_looked_for() {
    let sandbox = Sandbox::new();
    for cloud in token_clouds() {
        let fault = format!("reset-after:cloud={cloud},method=POST,times=1");
        let server = sandbox.serve(&["--fault", &fault]);
        let run = at(&sandbox, &server, cloud, &["create", "w"]).exits(0);
        assert!(run.stderr.contains("trying again in"), "{}", run.stderr);
        assert_eq!(run.json()["origin"], "created");
        let hosts = at(&sandbox, &server, cloud, &["list"]).exits(0).json();
        assert_eq!(hosts.as_array().unwrap().len(), 1, "{hosts}");
        assert_eq!(hosts[0]["id"], run.text("id"));
    }
}

#[test]
fn a_lost_answer_and_a_list_that_lags_make_one_host() {
    let sandbox = Sandbox::new();
    for cloud in token_clouds() {
        let late = format!("late-visibility:cloud={cloud},millis=1500");
        let lost = format!("reset-after:cloud={cloud},method=POST,times=1");
        let server = sandbox.serve(&["--boot-time", "1ms", "--fault", &late, "--fault", &lost]);
        let run = at(&sandbox, &server, cloud, &["create", "w", "--wait"]).exits(0);
        assert_eq!(
            (run.text("status"), run.text("name")),
            ("active".to_owned(), "w".to_owned())
        );
        let hosts = at(&sandbox, &server, cloud, &["list"]).exits(0).json();
        assert_eq!(hosts.as_array().unwrap().len(), 1, "{hosts}");
    }
}

#[test]
fn a_server_that_is_not_to_be_trusted_is_asked_once() {
    let sandbox = Sandbox::new();
    let server = sandbox.serve(&["--tls"]);
    for cloud in token_clouds() {
        let run = at(&sandbox, &server, cloud, &["create", "w"]).exits(1);
        assert!(
            run.stderr.contains("is not to be trusted; nothing was sent"),
            "{}",
            run.stderr
        );
        assert!(!run.stderr.contains("trying again"), "{}", run.stderr);
    }
}

#[test]
fn what_was_not_sent_is_not_called_sent() {
    let sandbox = Sandbox::new();
    for cloud in token_clouds() {
        let settings = settings(cloud);
        let mut words = vec!["-p", cloud, "--endpoint", "http://127.0.0.1:1", "-o", "json"];
        words.extend(settings.iter().flat_map(|setting| ["--set", setting.as_str()]));
        let run = |rest: &[&str]| sandbox.run(&[&words[..], rest].concat());
        let create = run(&["create", "w", "--timeout", "1ms"]).exits(1);
        assert!(create.stderr.contains("nothing was sent"), "{}", create.stderr);
        assert!(!create.stderr.contains("may have"), "{}", create.stderr);
        let list = run(&["list"]).exits(1);
        assert!(!list.stderr.contains("name or key"), "{}", list.stderr);
        let delete = run(&["delete", "5", "--wait", "--timeout", "1ms"]);
        assert!(delete.code == Some(6) || delete.code == Some(2), "{delete:#?}");
        assert_eq!(delete.stdout, "", "nothing is being deleted");
    }
}

#[test]
fn a_create_that_stays_lost_leaves_the_command_that_finds_it() {
    let sandbox = Sandbox::new();
    for cloud in token_clouds() {
        // The create is applied and its answer lost; whatever comes then fails for a while.
        let lost = format!("reset-after:cloud={cloud},method=POST,times=1");
        let down = format!("server-error:cloud={cloud},status=503,skip=1,times=4");
        let server = sandbox.serve(&["--fault", &lost, "--fault", &down]);
        let secret = sandbox.file("token", token(cloud));
        let endpoint = server.endpoint(cloud);
        let options = [
            "-p",
            cloud,
            "--secret-file",
            &format!("token={secret}"),
            "--endpoint",
            &endpoint,
        ];
        let run = sandbox.run(&[&options[..], &["create", "w", "--timeout", "1ms"]].concat());
        let run = run.exits(1);
        assert_eq!(run.stdout, "");
        let again = run.after("never a second one: ");
        // Until the cloud is well again.
        let mut runs = (0..6).map(|_| sandbox.shell(&again.replace("--timeout 1ms", "--timeout 20s")));
        assert!(runs.any(|run| run.code == Some(0)), "{run:#?}");
        let hosts = sandbox
            .run(&[&options[..], &["-o", "json", "list"]].concat())
            .exits(0)
            .json();
        assert_eq!(hosts.as_array().unwrap().len(), 1, "{hosts}");
    }
}
