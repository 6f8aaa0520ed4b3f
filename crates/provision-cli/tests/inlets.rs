//! `provision inlets`: a tunnel's server in one command, with inletsctl's flags.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

mod common;

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
};

use common::{Sandbox, clouds, token};
use serde_json::{Value, json};

macro_rules! snapshot {
    ($sandbox:expr, $run:expr, @$expected:literal) => {{
        let run = $run;
        let text = format!("exit {}\n--- stdout\n{}--- stderr\n{}", run.code.unwrap(), run.stdout, run.stderr);
        let mut settings = insta::Settings::clone_current();
        settings.add_filter("[0-9a-f]{64}", "[TOKEN]");
        settings.add_filter(r"(?m)\b\d+s\b +-$", "[AGE]  -");
        settings.bind(|| insta::assert_snapshot!($sandbox.clean(&text), @$expected));
    }};
}

fn kept_token(sandbox: &Sandbox, name: &str) -> std::path::PathBuf {
    sandbox.path(&format!(".local/state/provision/inlets/{name}.token"))
}

#[test]
fn a_tcp_tunnel_from_its_creation_to_its_end() {
    let sandbox = Sandbox::new();
    snapshot!(sandbox, sandbox.sim(&["inlets", "create", "tunnel-1", "--tcp"]), @r#"
exit 0
--- stdout
TCP TUNNEL
id          digitalocean/512000001
name        tunnel-1
status      active
address     203.0.113.1
monthly     4.00 USD
token       [TOKEN]
token file  [FOLDER]/.local/state/provision/inlets/sim-digitalocean-tunnel-1.token
client      inlets-pro tcp client --url=wss://203.0.113.1:8123 --token-file=[FOLDER]/.local/state/provision/inlets/sim-digitalocean-tunnel-1.token --upstream=127.0.0.1 --ports=2222
delete      provision --sim --sim-state [FOLDER]/sim.json inlets delete digitalocean/512000001
--- stderr
simulated DigitalOcean: nothing here is real or bills
tunnel-1: 4.00 USD a month (without tax and traffic, price of 2026-09-20)
created digitalocean/512000001
digitalocean/512000001: active
simulated hosts run nothing: the tunnel's server was not waited for
"#);
    snapshot!(sandbox, sandbox.sim(&["inlets", "status"]), @r#"
exit 0
--- stdout
ID                      NAME      STATUS  IP           REGION  PLAN                MONTHLY   AGE  EXPIRES
digitalocean/512000001  tunnel-1  active  203.0.113.1  lon1    s-1vcpu-512mb-10gb  4.00 USD  [AGE]  -
--- stderr
simulated DigitalOcean: nothing here is real or bills
"#);
    snapshot!(sandbox, sandbox.sim(&["inlets", "status", "tunnel-1"]), @r#"
exit 0
--- stdout
TCP TUNNEL
id          digitalocean/512000001
name        tunnel-1
status      active
address     203.0.113.1
monthly     4.00 USD
token       [TOKEN]
token file  [FOLDER]/.local/state/provision/inlets/sim-digitalocean-tunnel-1.token
client      inlets-pro tcp client --url=wss://203.0.113.1:8123 --token-file=[FOLDER]/.local/state/provision/inlets/sim-digitalocean-tunnel-1.token --upstream=127.0.0.1 --ports=2222
delete      provision --sim --sim-state [FOLDER]/sim.json inlets delete digitalocean/512000001
--- stderr
simulated DigitalOcean: nothing here is real or bills
"#);
    snapshot!(sandbox, sandbox.sim(&["inlets", "delete", "tunnel-1"]), @r#"
exit 0
--- stdout
ID                      NAME  STATUS   IP  REGION  PLAN  MONTHLY  AGE  EXPIRES
digitalocean/512000001  -     deleted  -   -       -     -        -    -
--- stderr
simulated DigitalOcean: nothing here is real or bills
digitalocean/512000001: deleting
"#);
    snapshot!(sandbox, sandbox.sim(&["inlets", "delete", "tunnel-1"]), @r#"
exit 3
--- stdout
--- stderr
simulated DigitalOcean: nothing here is real or bills
error: no tunnel's server is called `tunnel-1`, and it is no id of this cloud
hint: list the servers with `provision --sim --sim-state [FOLDER]/sim.json inlets status`; one that inletsctl made is only known by its --id
"#);
    snapshot!(sandbox, sandbox.sim(&["inlets", "status"]), @r#"
exit 0
--- stdout
--- stderr
simulated DigitalOcean: nothing here is real or bills
hint: no tunnels' servers on DigitalOcean that were created with this tool
"#);
}

#[test]
fn what_cannot_work_is_refused_before_any_request() {
    let sandbox = Sandbox::new();
    for (arguments, said) in [
        (&["inlets", "create", "tun"][..], "--tcp"),
        (
            &[
                "inlets",
                "create",
                "tun",
                "--tcp",
                "--letsencrypt-domain",
                "a.example.com",
            ],
            "cannot be used with",
        ),
        (
            &["inlets", "create", "tun", "--letsencrypt-domain", "*.example.com"],
            "no wildcard",
        ),
        (
            &[
                "inlets",
                "create",
                "tun",
                "--letsencrypt-domain",
                "a.example.com",
                "--letsencrypt-issuer",
                "x",
            ],
            "staging",
        ),
        (
            &[
                "inlets",
                "create",
                "tun",
                "--tcp",
                "--letsencrypt-email",
                "a@example.com",
            ],
            "cannot be used with",
        ),
        (
            &["inlets", "create", "tun", "--tcp", "--inlets-version", "1; reboot"],
            "is not a version",
        ),
        (
            &["inlets", "create", "tun", "--tcp", "--inlets-checksum", "abc"],
            "64 hexadecimal digits",
        ),
        (
            &["inlets", "create", "tun", "--tcp", "--inlets-token", "a'b"],
            "1 to 512 letters",
        ),
        (
            &["inlets", "create", "tun", "--tcp", "--secret-key", "x"],
            "DigitalOcean has no --secret-key",
        ),
        (
            &["inlets", "create", "tun", "--tcp", "--zone", "x"],
            "DigitalOcean has no --zone",
        ),
        (
            &["inlets", "create", "tun", "--tcp", "--aws-key-name", "x"],
            "DigitalOcean has no --aws-key-name",
        ),
        (
            &["-p", "ec2", "inlets", "create", "tun", "--tcp", "--vpc-id", "vpc-1"],
            "--subnet-id",
        ),
        (
            &["-p", "azure", "inlets", "create", "tun", "--tcp", "--access-token", "x"],
            "needs --access-token-file",
        ),
        (&["inlets", "delete"], "--ip"),
    ] {
        let run = sandbox.sim(arguments).exits(2);
        assert!(run.stderr.contains(said), "{arguments:?}: {}", run.stderr);
        assert!(!run.stderr.contains("created"), "{}", run.stderr);
    }
    assert!(!kept_token(&sandbox, "sim-digitalocean-tun").exists());
}

#[test]
fn every_cloud_opens_what_https_needs_or_says_that_it_cannot() {
    let sandbox = Sandbox::new();
    let ports = ["80/tcp", "443/tcp", "8123/tcp"];
    let mut open = Vec::new();
    for cloud in clouds() {
        let run = sandbox
            .sim(&[
                "-p",
                cloud,
                "-o",
                "json",
                "inlets",
                "create",
                "tun",
                "--letsencrypt-domain",
                "a.example.com",
                "--dry-run",
            ])
            .exits(0);
        if run.json()["ports"] == json!(ports) {
            assert!(!run.stderr.contains("no firewall"), "{cloud}");
        } else {
            assert_eq!(run.json()["ports"], Value::Null, "{cloud}");
            assert!(
                run.stderr
                    .contains("every port is open, not only 80/tcp, 443/tcp, 8123/tcp"),
                "{}",
                run.stderr
            );
            open.push(cloud);
        }
    }
    assert_eq!(open, ["ovh", "packet"]);
    // A TCP tunnel's client says which ports it uses.
    let tcp = |options: &[&str]| {
        let create = ["-o", "json", "inlets", "create", "tun", "--tcp", "--dry-run"];
        sandbox.sim(&[&create[..], options].concat()).exits(0).json()["ports"].clone()
    };
    assert_eq!(tcp(&[]), Value::Null);
    assert_eq!(tcp(&["--port", "2222"]), json!(["2222/tcp", "8123/tcp"]));
    assert!(!kept_token(&sandbox, "sim-digitalocean-tun").exists());
}

#[test]
fn every_cloud_makes_shows_and_deletes_a_server() {
    for cloud in clouds() {
        let sandbox = Sandbox::new();
        let sim = |arguments: &[&str]| sandbox.sim(&[&["-p", cloud, "-o", "json"], arguments].concat());
        let created = sim(&["inlets", "create", "t-1", "--letsencrypt-domain", "a.example.com"]).exits(0);
        let (host, tunnel) = (created.json(), created.json()["tunnel"].clone());
        assert_eq!(
            (&host["status"], &host["labels"]["inlets"]),
            (&json!("active"), &json!("https")),
            "{cloud}"
        );
        let url = format!("wss://{}:8123", host["ip"].as_str().unwrap());
        assert_eq!(tunnel["url"], url);
        let client = tunnel["client_command"].as_str().unwrap();
        assert!(
            client.starts_with(&format!("inlets-pro http client --url={url} --token-file=/")),
            "{client}"
        );
        let file = kept_token(&sandbox, &format!("sim-{cloud}-t-1"));
        assert_eq!(
            json!(fs::read_to_string(&file).unwrap().trim()),
            tunnel["token"],
            "{cloud}"
        );

        assert_eq!(
            sim(&["inlets", "status"]).exits(0).json()[0]["tunnel"]["token"],
            tunnel["token"]
        );
        let status = sim(&["inlets", "status", "t-1"]).exits(0).json();
        assert_eq!((&status["id"], &status["tunnel"]), (&host["id"], &tunnel), "{cloud}");
        sandbox.shell(tunnel["delete_command"].as_str().unwrap()).exits(0);
        assert_eq!(sim(&["inlets", "status"]).exits(0).json(), json!([]), "{cloud}");
    }
}

#[test]
fn the_same_command_finds_the_server_and_its_token() {
    let sandbox = Sandbox::new();
    let create = |options: &[&str]| sandbox.sim(&[&["-o", "json", "inlets", "create", "--tcp"], options].concat());
    let first = create(&["t-1"]).exits(0).json();
    let again = create(&["t-1"]).exits(0);
    assert!(
        again.stderr.contains("exists already: nothing was created"),
        "{}",
        again.stderr
    );
    assert_eq!(
        (&again.json()["id"], &again.json()["tunnel"]),
        (&first["id"], &first["tunnel"])
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(kept_token(&sandbox, "sim-digitalocean-t-1"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    // With another token it would be another server.
    create(&["t-1", "--inlets-token", "another"]).exits(2);

    // A token that the user has is not kept a second time.
    let given = create(&["t-2", "--inlets-token", "abc123"]).exits(0).json();
    assert_eq!(given["tunnel"]["token"], "abc123");
    assert!(
        given["tunnel"]["client_command"]
            .as_str()
            .unwrap()
            .contains(" --token=abc123 ")
    );
    let file = sandbox.file("my token", "def456\n");
    let given = create(&["t-3", "--inlets-token-file", &file]).exits(0).json();
    assert_eq!(given["tunnel"]["token"], "def456");
    assert!(
        given["tunnel"]["client_command"]
            .as_str()
            .unwrap()
            .contains("/my token' ")
    );
    assert!(
        !kept_token(&sandbox, "sim-digitalocean-t-2").exists()
            && !kept_token(&sandbox, "sim-digitalocean-t-3").exists()
    );
    create(&["t-4", "--inlets-token-file", "missing"]).exits(1);

    // Without a name each is a new one.
    let names: Vec<Value> = (0..2).map(|_| create(&[]).exits(0).json()["name"].clone()).collect();
    assert_ne!(names[0], names[1]);
}

#[test]
fn a_real_server_is_waited_for_and_its_printed_command_is_whole() {
    let sandbox = Sandbox::new();
    let server = sandbox.serve(&["--boot-time", "1ms"]);
    let file = sandbox.file("token", token("digitalocean"));
    let endpoint = server.endpoint("digitalocean");
    let account = ["--endpoint", &endpoint, "--access-token-file", &file];
    let create = ["inlets", "create", "t-1", "--tcp", "--timeout", "1500ms"];
    let run = sandbox.run(&[&create[..], &account[..]].concat());
    // Whether a documentation address answers is up to the network.
    let answers = run.stdout.lines().find_map(|line| line.strip_prefix("answers "));
    let expected = if answers.unwrap().trim() == "yes" { 0 } else { 6 };
    let run = run.exits(expected);
    assert!(run.stderr.contains("waiting for port 8123"), "{}", run.stderr);
    // It carries inletsctl's flags in our own form.
    let delete = run
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix("delete "))
        .unwrap();
    sandbox.shell(delete.trim()).exits(0);
}

#[test]
fn inletsctls_flags_and_variables_lead_to_the_account() {
    let sandbox = Sandbox::new();
    let server = sandbox.serve(&["--boot-time", "1ms"]);
    let endpoint = server.endpoint("digitalocean");
    let status = ["inlets", "status", "--endpoint", &endpoint];
    sandbox.run(&status).exits(4);
    sandbox
        .run(&[&status[..], &["-a", token("digitalocean")]].concat())
        .exits(0);
    let mut command = sandbox.command(&status);
    let run = command
        .env("INLETS_ACCESS_TOKEN", token("digitalocean"))
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));

    let file = sandbox.file("secret", token_of("ovh", "application-secret"));
    let endpoint = server.endpoint("ovh");
    let project = token_of("ovh", "project");
    let flags = [
        "-p",
        "ovh",
        "inlets",
        "status",
        "--endpoint",
        &endpoint,
        "--access-token",
        token_of("ovh", "application-key"),
        "--secret-key-file",
        &file,
        "--consumer-key",
        token_of("ovh", "consumer-key"),
        "--project-id",
        project,
    ];
    sandbox.run(&flags).exits(0);
}

fn token_of(cloud: &str, setting: &str) -> &'static str {
    let clouds = provision_sim::clouds();
    let known = clouds.iter().find(|known| known.id == cloud).unwrap();
    known.settings.iter().find(|(name, _)| *name == setting).unwrap().1
}

#[test]
fn a_server_that_inletsctl_made_is_deleted_by_its_id() {
    let sandbox = Sandbox::new();
    let server = sandbox.serve(&["--boot-time", "1ms"]);
    let body = json!({
        "name": "optimistic-host", "region": "lon1", "size": "s-1vcpu-512mb-10gb", "image": "debian-13-x64",
        "user_data": "#!/bin/bash\n", "tags": ["inlets"],
    });
    let created = post(
        &server.base_url,
        "/digitalocean/v2/droplets",
        token("digitalocean"),
        &body,
    );
    let id = created["droplet"]["id"].to_string();
    let endpoint = server.endpoint("digitalocean");
    let account = ["--endpoint", &endpoint, "--access-token", token("digitalocean")];
    let delete = |which: &[&str]| sandbox.run(&[&["inlets", "delete"], which, &account[..]].concat());
    // It carries no mark of ours, so that no name and no address leads to it.
    delete(&["optimistic-host"]).exits(3);
    delete(&["--id", &id]).exits(0);
    delete(&["--id", &id]).exits(3);
}

/// Sends what inletsctl sends.
fn post(base_url: &str, path: &str, token: &str, body: &Value) -> Value {
    let address = base_url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let body = body.to_string();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 20"), "{answer}");
    serde_json::from_str(body).unwrap()
}

#[test]
fn inletsctls_ids_are_completed_by_its_flags_and_never_guessed() {
    for (cloud, flag) in [
        ("ec2", "--region"),
        ("scaleway", "--zone"),
        ("scaleway", "--region"),
        ("ovh", "--project-id"),
    ] {
        let sandbox = Sandbox::new();
        let created = sandbox
            .sim(&["-p", cloud, "-o", "json", "create", "t-1", "--wait"])
            .exits(0)
            .text("id");
        let mut parts = created.split('/').skip(1);
        let (bare, place) = (parts.next().unwrap(), parts.next().unwrap());
        sandbox.sim(&["-p", cloud, "inlets", "delete", "--id", bare]).exits(2);
        sandbox
            .sim(&["-p", cloud, "inlets", "delete", "--id", bare, flag, place])
            .exits(0);
        assert_eq!(
            sandbox.sim(&["-p", cloud, "-o", "json", "list"]).exits(0).json(),
            json!([]),
            "{cloud}"
        );
    }
    // Google's have four parts.
    let sandbox = Sandbox::new();
    let created = sandbox
        .sim(&["-p", "gce", "-o", "json", "create", "t-1", "--wait"])
        .exits(0)
        .text("id");
    let parts: Vec<&str> = created.split('/').skip(1).collect();
    let region = parts[1].rsplit_once('-').unwrap().0;
    let id = format!("{}|{region}", parts.join("|"));
    sandbox.sim(&["-p", "gce", "inlets", "delete", "--id", &id]).exits(0);
    assert_eq!(
        sandbox.sim(&["-p", "gce", "-o", "json", "list"]).exits(0).json(),
        json!([])
    );
}

#[test]
fn an_address_finds_the_server_too() {
    let sandbox = Sandbox::new();
    let ip = sandbox
        .sim(&["-o", "json", "inlets", "create", "t-1", "--tcp"])
        .exits(0)
        .text("ip");
    sandbox.sim(&["inlets", "delete", "--ip", &ip]).exits(0);
    sandbox.sim(&["inlets", "delete", "--ip", &ip]).exits(3);
}
