//! Small things that people run into: proxies, lists of ports, the simulator's commands, keys of another cloud.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests"
)]

mod common;

use std::{
    io::{self, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    thread,
};

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

/// A SOCKS5 proxy without a password that leads every name to one address. It ends with the test.
fn socks_proxy(to: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for client in listener.incoming() {
            let to = to.clone();
            thread::spawn(move || relay(client.unwrap(), &to));
        }
    });
    address
}

/// <https://www.rfc-editor.org/rfc/rfc1928>
fn relay(mut client: TcpStream, to: &str) -> io::Result<()> {
    let mut start = [0; 2];
    client.read_exact(&mut start)?;
    client.read_exact(&mut vec![0; start[1].into()])?;
    client.write_all(&[5, 0])?;
    let mut request = [0; 5];
    client.read_exact(&mut request)?;
    assert_eq!(request[..4], [5, 1, 0, 3], "a connection to a name");
    client.read_exact(&mut vec![0; usize::from(request[4]) + 2])?;
    client.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 0])?;
    let mut cloud = TcpStream::connect(to)?;
    let (mut from_client, mut to_cloud) = (client.try_clone()?, cloud.try_clone()?);
    thread::spawn(move || io::copy(&mut from_client, &mut to_cloud));
    io::copy(&mut cloud, &mut client)?;
    Ok(())
}

#[test]
fn a_socks_proxy_leads_to_the_cloud() {
    let sandbox = Sandbox::new();
    let server = sandbox.serve(&[]);
    let proxy = socks_proxy(server.base_url.trim_start_matches("http://").to_owned());
    let token = sandbox.file("token", common::token("digitalocean"));
    let settings = [
        "--endpoint",
        "http://cloud.example/digitalocean",
        "--set",
        "allow-http=true",
        "--secret-file",
        &format!("token={token}"),
    ];
    let mut command = sandbox.command(&[&settings[..], &["list"]].concat());
    let output = command.env("ALL_PROXY", format!("socks5h://{proxy}")).output().unwrap();
    let run = common::Run::from(output).exits(0);
    assert!(run.stderr.contains("no hosts on DigitalOcean"), "{}", run.stderr);
    // Without the proxy the name leads nowhere.
    sandbox.run(&[&settings[..], &["list"]].concat()).exits(1);
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
