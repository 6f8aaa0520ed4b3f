//! How many requests a second a simulator with many hosts answers: `cargo xtask bench sim`.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement")]

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use provision_sim::Sim;
use reqwest::{Client, Method};
use serde_json::json;

const HOSTS: usize = 10_000;
const CLIENTS: usize = 8;
const REQUESTS: usize = 1_000;

/// Every client lists, reads, makes and deletes by turns.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement: minutes without optimisation"]
async fn ten_thousand_hosts_and_a_thousand_requests_a_second() {
    drop(rustls::crypto::ring::default_provider().install_default());
    let sim = Sim::builder().boot_time(Duration::ZERO).build().unwrap();
    let server = sim.serve(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let base = format!("{}/hetzner/v1/servers", server.base_url());
    let client = Client::builder().no_proxy().build().unwrap();
    let send = async |method: Method, url: String, body: Option<serde_json::Value>| {
        let request = client.request(method, &url).bearer_auth("sim-token-hetzner");
        let request = match &body {
            Some(body) => request.json(body),
            None => request,
        };
        let answer = request.send().await.unwrap().error_for_status().unwrap();
        answer.json::<serde_json::Value>().await.unwrap()
    };
    let order = |name: String| Some(json!({ "name": name, "server_type": "cx23", "image": "ubuntu-24.04" }));

    let start = Instant::now();
    let mut last = json!(null);
    for number in 0..HOSTS {
        last = send(Method::POST, base.clone(), order(format!("web-{number}"))).await["server"]["id"].clone();
    }
    println!("{HOSTS} hosts made in {:.1?}", start.elapsed());

    let slowest = AtomicU64::new(0);
    let start = Instant::now();
    let clients = (0..CLIENTS).map(|client| {
        let (send, base, last, slowest, order) = (&send, &base, &last, &slowest, &order);
        async move {
            let mut own = Vec::new();
            for number in 0..REQUESTS {
                let sent = Instant::now();
                match number % 4 {
                    0 => {
                        let made = send(Method::POST, base.clone(), order(format!("new-{client}-{number}"))).await;
                        own.push(made["server"]["id"].clone());
                    }
                    1 => drop(
                        send(
                            Method::GET,
                            format!("{base}?page={}&per_page=50", number % 200 + 1),
                            None,
                        )
                        .await,
                    ),
                    2 => drop(send(Method::GET, format!("{base}/{last}"), None).await),
                    _ => {
                        let id = own.pop().unwrap();
                        drop(send(Method::DELETE, format!("{base}/{id}"), None).await);
                    }
                }
                let took = u64::try_from(sent.elapsed().as_micros()).unwrap();
                slowest.fetch_max(took, Ordering::Relaxed);
            }
        }
    });
    futures_util::future::join_all(clients).await;
    let took = start.elapsed();
    let total = u32::try_from(CLIENTS * REQUESTS).unwrap();
    let rate = f64::from(total) / took.as_secs_f64();
    println!(
        "{total} requests in {took:.1?}: {rate:.0} a second, the slowest in {} ms",
        slowest.load(Ordering::Relaxed) / 1_000
    );
    assert!(rate >= 1_000.0, "{rate:.0} requests a second");
}
