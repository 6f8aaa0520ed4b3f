//! The simulator on sockets: plain and TLS.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::net::{Ipv4Addr, SocketAddr};

use provision_sim::{Effect, Fault, Server, Sim, TlsIdentity};
use reqwest::{Certificate, Client, StatusCode};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

fn client() -> Client {
    // Fails when another test was quicker; the provider is the same.
    drop(rustls::crypto::ring::default_provider().install_default());
    Client::builder().no_proxy().build().unwrap()
}

async fn start() -> (Sim, Server) {
    let sim = Sim::builder().build().unwrap();
    let server = sim.serve(ANY_PORT).await.unwrap();
    (sim, server)
}

fn order() -> Value {
    json!({ "name": "web-1", "server_type": "cx23", "image": "ubuntu-24.04" })
}

#[tokio::test]
async fn a_server_is_made_over_http() {
    let (sim, server) = start().await;
    let url = format!("{}/hetzner/v1/servers", server.base_url());
    assert_eq!(server.base_url(), format!("http://{}", server.local_addr()));
    let made = client()
        .post(&url)
        .bearer_auth("sim-token-hetzner")
        .json(&order())
        .send()
        .await
        .unwrap();
    assert_eq!(made.status(), StatusCode::CREATED);
    assert!(made.headers().contains_key("x-correlation-id") && made.headers().contains_key("ratelimit-limit"));
    let id = made.json::<Value>().await.unwrap()["server"]["id"].clone();
    assert_eq!(sim.inventory().first().unwrap().id, id.to_string());
    let admin = client()
        .get(format!("{}/_sim/inventory", server.base_url()))
        .send()
        .await
        .unwrap();
    assert_eq!(admin.json::<Value>().await.unwrap()[0]["id"], id.to_string());
    server.shutdown().await;
    assert!(client().get(&url).send().await.is_err());
}

#[tokio::test]
async fn a_dropped_connection_is_one_to_the_client() {
    let (sim, server) = start().await;
    let url = format!("{}/hetzner/v1/servers", server.base_url());
    let create = || {
        client()
            .post(&url)
            .bearer_auth("sim-token-hetzner")
            .json(&order())
            .send()
    };
    sim.faults().add(Fault::new(Effect::ResetBefore).times(1));
    assert!(create().await.is_err());
    assert!(sim.inventory().is_empty());
    sim.faults().add(Fault::new(Effect::ResetAfter).times(1));
    assert!(create().await.is_err());
    assert!(sim.inventory().iter().any(|item| item.kind == "host"));
    assert_eq!(create().await.unwrap().status(), StatusCode::CONFLICT);
    assert_eq!(sim.requests().len(), 3);
}

#[tokio::test]
async fn a_truncated_body_breaks_off_behind_the_head() {
    let (sim, server) = start().await;
    sim.faults().add(Fault::new(Effect::Truncated));
    let url = format!("{}/hetzner/v1/locations", server.base_url());
    let answer = client()
        .get(&url)
        .bearer_auth("sim-token-hetzner")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.bytes().await.is_err());

    // Half of the body really went over the wire.
    let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
    let request = "GET /hetzner/v1/locations HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sim-token-hetzner\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let announced = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .unwrap();
    assert_eq!(body.len(), announced.parse::<usize>().unwrap() / 2);
}

#[tokio::test]
async fn an_empty_answer_has_no_body() {
    let (_sim, server) = start().await;
    let url = format!("{}/_sim/requests", server.base_url());
    let answer = client().delete(&url).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert!(!answer.headers().contains_key("content-length"));
}

#[tokio::test]
async fn too_large_and_malformed_requests_are_refused() {
    let (sim, server) = start().await;
    let url = format!("{}/hetzner/v1/servers", server.base_url());
    let large = vec![b'x'; 9 * 1024 * 1024];
    // The server may close before all of it is sent.
    if let Ok(answer) = client().post(&url).body(large).send().await {
        assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    }
    assert!(sim.requests().is_empty());
    let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
    stream.write_all(b"\x16\x03\x01 nonsense\r\n\r\n").await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 400"), "{text}");
    assert_eq!(
        client().get(&url).send().await.unwrap().status(),
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn unmodified_programs_are_served_by_their_host_names() {
    let sim = Sim::builder().build().unwrap();
    let tls = TlsIdentity::generate().unwrap();
    let server = sim.serve_tls(ANY_PORT, &tls).await.unwrap();
    assert!(server.base_url().starts_with("https://127.0.0.1:"));
    client();
    let ca = Certificate::from_pem(tls.ca_pem().as_bytes()).unwrap();
    let mut builder = Client::builder().no_proxy().tls_certs_only([ca]);
    for cloud in provision_sim::clouds() {
        for host in cloud.hosts {
            builder = builder.resolve(host, server.local_addr());
        }
    }
    let port = server.local_addr().port();
    let trusting = builder.resolve("other.example", server.local_addr()).build().unwrap();
    for (url, token) in [
        (
            format!("https://api.hetzner.cloud:{port}/v1/servers"),
            "sim-token-hetzner",
        ),
        (
            format!("https://api.digitalocean.com:{port}/v2/droplets"),
            "sim-token-digitalocean",
        ),
        (format!("{}/hetzner/v1/servers", server.base_url()), "sim-token-hetzner"),
        (
            format!("https://localhost:{port}/hetzner/v1/servers"),
            "sim-token-hetzner",
        ),
    ] {
        let answer = trusting.get(&url).bearer_auth(token).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{url}");
    }
    // No certificate for names that belong to no cloud, and none that others would trust.
    assert!(
        trusting
            .get(format!("https://other.example:{port}/"))
            .send()
            .await
            .is_err()
    );
    let stranger = TlsIdentity::generate().unwrap();
    let other_ca = Certificate::from_pem(stranger.ca_pem().as_bytes()).unwrap();
    let wary = Client::builder().no_proxy().tls_certs_only([other_ca]).build().unwrap();
    assert!(wary.get(server.base_url()).send().await.is_err());
}
