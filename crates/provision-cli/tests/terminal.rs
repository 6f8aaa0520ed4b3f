//! What is seen on a terminal: tables that fit, colours, questions, spinners that go away.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

mod common;

use common::{Sandbox, Terminal, clouds};
use unicode_width::UnicodeWidthStr as _;

/// A sandbox with a host on every simulated cloud, and the options that lead there.
fn everywhere() -> (Sandbox, String) {
    let sandbox = Sandbox::new();
    for cloud in clouds() {
        sandbox.sim(&["-p", cloud, "create", "web-1", "--wait"]).exits(0);
    }
    let state = sandbox.path("sim.json").to_str().unwrap().to_owned();
    (sandbox, state)
}

/// The text as it is seen: colours have no width.
fn seen(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c == '\u{1b}' {
            for c in rest.by_ref() {
                if c.is_ascii_alphabetic() {
                    break;
                }
            }
        } else {
            shown.push(c);
        }
    }
    shown
}

#[test]
fn every_table_fits_80_and_120_columns_on_all_clouds() {
    let (sandbox, state) = everywhere();
    for columns in [80_u16, 120] {
        for command in ["list", "plans", "regions", "images", "providers", "gc"] {
            let arguments = ["--sim", "--sim-state", &state, "-q", "-p", "all", command];
            let run = sandbox.on_terminal(columns, "", &arguments).exits(0);
            let text = seen(&run.stdout);
            let lines: Vec<&str> = text.lines().map(|line| line.rsplit('\r').next().unwrap()).collect();
            assert!(lines.len() > clouds().len(), "{command}: {text}");
            for line in &lines {
                assert!(line.width() <= usize::from(columns), "{command} {columns}: {line:?}");
            }
            if command == "list" {
                // What tells the host, and what it is for, is there in full.
                assert!(lines[0].starts_with("ID ") && lines[0].contains("NAME"), "{}", lines[0]);
                assert!(
                    lines[1..]
                        .iter()
                        .all(|line| line.contains("web-1") && line.contains("active")),
                    "{text}"
                );
            }
        }
    }
    // In full, however narrow.
    let wide = ["--sim", "--sim-state", &state, "-q", "-p", "all", "list", "-o", "wide"];
    let run = sandbox.on_terminal(40, "", &wide).exits(0);
    assert!(seen(&run.stdout).contains("LABELS"), "{}", run.stdout);
}

#[test]
fn a_list_at_80_and_at_120_columns() {
    let (sandbox, state) = everywhere();
    let list = |columns| {
        let arguments = [
            "--sim",
            "--sim-state",
            &state,
            "-q",
            "-p",
            "do,azure,scaleway",
            "list",
            "--columns",
        ];
        let arguments = [&arguments[..], &["id,name,status,ip,region,plan"]].concat();
        let run = sandbox
            .on_terminal_with(columns, "", &[("TERM", "dumb")], &arguments)
            .exits(0);
        let mut settings = insta::Settings::clone_current();
        settings.add_filter(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "[UUID]");
        settings.add_filter(r"203\.0\.113\.\d+ *", "[IP]  ");
        (settings, run.stdout)
    };
    let (settings, text) = list(80);
    settings.bind(|| insta::assert_snapshot!("list_80", text));
    let (settings, text) = list(120);
    settings.bind(|| insta::assert_snapshot!("list_120", text));
}

#[test]
fn states_and_errors_have_colours_where_they_are_wanted() {
    let sandbox = Sandbox::new();
    sandbox.sim(&["create", "web-1", "--wait"]).exits(0);
    let state = sandbox.path("sim.json").to_str().unwrap().to_owned();
    let list = ["--sim", "--sim-state", &state, "-q", "list"];
    let failing = ["--sim", "--sim-state", &state, "-q", "status", "web-9"];
    let (active, error) = ("\u{1b}[32mactive\u{1b}[0m", "\u{1b}[31merror: \u{1b}[0m");
    let run = sandbox.on_terminal(120, "", &list).exits(0);
    assert!(run.stdout.contains(active), "{}", run.stdout);
    let run = sandbox.on_terminal(120, "", &failing).exits(3);
    assert!(
        run.stdout.contains("\u{1b}[1m") && seen(&run.stdout).contains("error: no host"),
        "{error}: {}",
        run.stdout
    );
    for plain in [
        [("TERM", "xterm"), ("NO_COLOR", "1")],
        [("TERM", "dumb"), ("LANG", "C")],
    ] {
        let run = sandbox.on_terminal_with(120, "", &plain, &list).exits(0);
        assert!(!run.stdout.contains("[32m"), "{plain:?}: {}", run.stdout);
        let run = sandbox.on_terminal_with(120, "", &plain, &failing).exits(3);
        assert!(!run.stdout.contains("[31m"), "{plain:?}: {}", run.stdout);
    }
    assert!(!sandbox.sim(&["list"]).stdout.contains('\u{1b}'));
}

#[test]
fn several_hosts_and_foreign_ones_are_asked_about() {
    let sandbox = Sandbox::new();
    let state = sandbox.path("sim.json").to_str().unwrap().to_owned();
    let sim = |input: &str, arguments: &[&str]| {
        sandbox.on_terminal(
            120,
            input,
            &[&["--sim", "--sim-state", &state, "-q"], arguments].concat(),
        )
    };
    sandbox.sim(&["create", "web-1", "web-2", "web-3", "--wait"]).exits(0);
    let run = sim("n\n", &["delete", "web-1", "web-2"]).exits(1);
    assert!(run.stdout.contains("Delete these 2 hosts? [y/N]"), "{}", run.stdout);
    assert!(run.stdout.contains("nothing was deleted"), "{}", run.stdout);
    assert_eq!(sandbox.sim(&["-o", "name", "list"]).stdout.lines().count(), 3);
    // One of ours needs no question, nor does `--yes`, nor a pipe.
    let run = sim("", &["delete", "web-3", "--wait"]).exits(0);
    assert!(!run.stdout.contains("[y/N]"), "{}", run.stdout);
    let run = sim("y\n", &["delete", "web-1", "web-2", "--wait"]).exits(0);
    assert!(run.stdout.contains("[y/N]"), "{}", run.stdout);
    sandbox.sim(&["create", "web-1", "web-2", "--wait"]).exits(0);
    let run = sim("", &["delete", "web-1", "web-2", "--yes", "--wait"]).exits(0);
    assert!(!run.stdout.contains("[y/N]"), "{}", run.stdout);
    assert_eq!(sandbox.sim(&["-o", "name", "list"]).stdout, "");
}

/// Makes a droplet as somebody else would: without our marker.
fn foreign_host(server: &common::Server) -> String {
    use std::io::{Read as _, Write as _};
    let url = server.endpoint("digitalocean");
    let (address, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let body = r#"{"name":"foreign","region":"lon1","size":"s-1vcpu-1gb","image":"ubuntu-24-04-x64"}"#;
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST /{path}/v2/droplets HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        common::token("digitalocean"),
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (_, json) = answer.split_once("\r\n\r\n").unwrap();
    let start = json.find("\"id\":").unwrap_or_else(|| panic!("{answer}")) + 5;
    let id: String = json[start..].chars().take_while(char::is_ascii_digit).collect();
    format!("digitalocean/{id}")
}

#[test]
fn a_foreign_host_is_only_deleted_by_its_id_and_after_a_question() {
    let sandbox = Sandbox::new();
    let server = sandbox.serve(&["--boot-time", "1ms"]);
    let config = sandbox.config(&server, &["digitalocean"]);
    let id = foreign_host(&server);
    let on_terminal = |input: &str, arguments: &[&str]| {
        sandbox.on_terminal(120, input, &[&["--config", &config, "-q"], arguments].concat())
    };
    // No name and no list shows it.
    sandbox.run(&["--config", &config, "delete", "foreign"]).exits(3);
    let run = on_terminal("\n", &["delete", &id]).exits(1);
    assert!(run.stdout.contains("not created with this tool"), "{}", run.stdout);
    assert!(run.stdout.contains("Delete this host? [y/N]"), "{}", run.stdout);
    sandbox.run(&["--config", &config, "status", &id]).exits(0);
    on_terminal("yes\n", &["delete", &id, "--wait"]).exits(0);
    sandbox.run(&["--config", &config, "status", &id]).exits(3);
}

#[test]
fn ctrl_c_leaves_no_spinner_and_a_dumb_terminal_gets_lines() {
    let sandbox = Sandbox::new();
    let server = sandbox.serve(&["--boot-time", "1h"]);
    let config = sandbox.config(&server, &["digitalocean"]);
    sandbox.run(&["--config", &config, "create", "web-1"]).exits(0);
    let spawn = |term: &str| {
        let mut command = sandbox.command(&["--config", &config, "wait", "web-1"]);
        command.env("TERM", term);
        Terminal::spawn(80, command)
    };
    let terminal = spawn("xterm");
    terminal.wait_for("provisioning");
    terminal.signal("INT");
    let run = terminal.finish().exits(130);
    let last = run.stdout.lines().last().unwrap();
    // The spinner's line was cleared and hints stand below.
    assert!(
        run.stdout.contains("\u{1b}[2K") || run.stdout.contains("\u{1b}[J"),
        "{:?}",
        run.stdout
    );
    assert!(!seen(last).contains("(0s)"), "{:?}", run.stdout);
    assert!(seen(&run.stdout).contains("is kept"), "{}", run.stdout);
    let terminal = spawn("dumb");
    let shown = terminal.wait_for("provisioning");
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
    terminal.signal("INT");
    let run = terminal.finish().exits(130);
    assert!(!run.stdout.contains('\u{1b}'), "{:?}", run.stdout);
}

#[test]
fn a_list_is_watched_until_ctrl_c() {
    let sandbox = Sandbox::new();
    let server = sandbox.serve(&["--boot-time", "300ms"]);
    let config = sandbox.config(&server, &["digitalocean"]);
    let mut watch = sandbox.start(&["--config", &config, "-o", "json", "list", "--watch=200ms"]);
    sandbox.run(&["--config", &config, "create", "web-1"]).exits(0);
    let next =
        |watch: &mut common::Running| -> serde_json::Value { serde_json::from_str(&watch.stdout_line()).unwrap() };
    // A document for each change.
    let mut states = vec![next(&mut watch)["status"].clone()];
    if states[0] != "active" {
        states.push(next(&mut watch)["status"].clone());
    }
    assert_eq!(states.last().unwrap(), "active");
    sandbox
        .run(&["--config", &config, "delete", "web-1", "--wait"])
        .exits(0);
    while next(&mut watch)["status"] != "deleted" {}
    watch.signal("INT");
    watch.finish().exits(130);
}

#[test]
fn nothing_is_said_when_it_is_to_be_quiet_and_errors_are_json_for_programs() {
    let sandbox = Sandbox::new();
    let run = sandbox.sim(&["-q", "create", "web-1", "--wait"]).exits(0);
    assert_eq!(run.stderr, "");
    let run = sandbox.sim(&["-q", "-o", "json", "status", "web-9"]).exits(3);
    let error: serde_json::Value = serde_json::from_str(&run.stderr).unwrap();
    assert_eq!(error["error"]["exit_code"], 3);
    assert!(error["error"]["message"].as_str().unwrap().contains("web-9"), "{error}");
    assert!(error["error"]["hints"].is_array(), "{error}");
    let run = sandbox
        .sim(&["-q", "-o", "json", "--set", "token=wrong", "list"])
        .exits(4);
    let last: serde_json::Value = serde_json::from_str(run.stderr.lines().last().unwrap()).unwrap();
    assert_eq!(last["error"]["kind"], "unauthorized");
}

#[test]
fn columns_order_and_header_are_the_users() {
    let sandbox = Sandbox::new();
    sandbox.sim(&["create", "b-1", "a-1", "c-1", "--wait"]).exits(0);
    let list = |options: &[&str]| sandbox.sim(&[&["list"], options].concat()).exits(0).stdout;
    assert_eq!(
        list(&["--columns", "name,status", "--no-header"]),
        "a-1   active\nb-1   active\nc-1   active\n".replace("   ", "  ")
    );
    assert_eq!(list(&["--columns", "name", "--sort", "-name"]), "NAME\nc-1\nb-1\na-1\n");
    let ids = list(&["-o", "name"]);
    assert_eq!(ids.lines().count(), 3);
    assert!(ids.lines().all(|line| line.starts_with("digitalocean/")), "{ids}");
    let run = sandbox.sim(&["list", "--columns", "name,size"]).exits(2);
    assert!(
        run.stderr.contains("there is no column `size`; known: id, name"),
        "{}",
        run.stderr
    );
}
