//! The page at `/_sim/`, in a real browser: with the `chromedriver` of CHROMEDRIVER or of the path, and the Chromium that it
//! finds. Without one it says so; PROVISION_REQUIRE_BROWSER=1 makes that a failure.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "test code"
)]

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use provision_sim::Sim;
use reqwest::{Client, Method};
use serde_json::{Value, json};

/// A browser with one window.
struct Browser {
    driver: Child,
    client: Client,
    session: String,
}

impl Browser {
    async fn start() -> Option<Self> {
        let program = std::env::var("CHROMEDRIVER").unwrap_or_else(|_| "chromedriver".to_owned());
        let mut driver = Command::new(program)
            .arg("--port=0")
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines.map_while(Result::ok).find_map(|line| {
            let (_, port) = line.split_once("successfully on port ")?;
            port.trim_end_matches('.').parse::<u16>().ok()
        });
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = Client::builder().no_proxy().build().unwrap();
        let mut browser = Self {
            driver,
            client,
            session: format!("http://127.0.0.1:{}/session", port.unwrap()),
        };
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--window-size=1240,1300",
        ];
        let wanted = json!({ "capabilities": { "alwaysMatch": { "goog:chromeOptions": { "args": arguments } } } });
        let made = browser.must(Method::POST, "", wanted).await;
        browser.session = format!("{}/{}", browser.session, made["sessionId"].as_str().unwrap());
        Some(browser)
    }

    async fn send(&self, method: Method, path: &str, body: Value) -> Value {
        let request = self.client.request(method.clone(), format!("{}{path}", self.session));
        let request = if method == Method::POST {
            request.json(&body)
        } else {
            request
        };
        request.send().await.unwrap().json::<Value>().await.unwrap()["value"].clone()
    }

    /// As [`send`](Self::send), for what has to succeed.
    async fn must(&self, method: Method, path: &str, body: Value) -> Value {
        let answer = self.send(method, path, body).await;
        assert!(answer["error"].is_null(), "{path}: {answer}");
        answer
    }

    async fn run(&self, script: &str) -> Value {
        self.must(Method::POST, "/execute/sync", json!({ "script": script, "args": [] }))
            .await
    }

    /// The text that a person sees there.
    async fn text(&self, selector: &str) -> String {
        let text = self
            .run(&format!("return document.querySelector({selector:?})?.innerText ?? ''"))
            .await;
        text.as_str().unwrap().to_owned()
    }

    /// Waits until the text there says this.
    async fn sees(&self, selector: &str, part: &str) {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let text = self.text(selector).await;
            if text.contains(part) {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "{selector} does not show `{part}` but `{text}`"
            );
        }
    }

    /// Clicks as a person does: what is hidden or covered cannot be clicked. What is drawn anew at that moment is clicked again.
    async fn click(&self, selector: &str) {
        let deadline = Instant::now() + Duration::from_secs(30);
        let find = json!({ "using": "css selector", "value": selector });
        loop {
            let found = self.must(Method::POST, "/element", find.clone()).await;
            let element = found.as_object().unwrap().values().next().unwrap().as_str().unwrap();
            let path = format!("/element/{element}/click");
            let clicked = self.send(Method::POST, &path, json!({})).await;
            if clicked["error"].is_null() {
                return;
            }
            assert_eq!(clicked["error"], "stale element reference", "{selector}: {clicked}");
            assert!(Instant::now() < deadline, "{selector} never stands still");
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        drop(self.driver.kill());
        drop(self.driver.wait());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_see_and_drive_the_simulator() {
    let Some(browser) = Browser::start().await else {
        let required = std::env::var("PROVISION_REQUIRE_BROWSER").is_ok_and(|value| value == "1");
        assert!(!required, "there is no chromedriver");
        println!("skipped: there is no chromedriver");
        return;
    };
    let sim = Sim::builder().build().unwrap();
    let server = sim.serve(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let servers = format!("{}/hetzner/v1/servers", server.base_url());
    let make = async |name: &str| {
        let order = json!({ "name": name, "server_type": "cx23", "image": "ubuntu-24.04", "user_data": "hush",
            "labels": { "by": "page" } });
        let request = browser
            .client
            .post(&servers)
            .bearer_auth("sim-token-hetzner")
            .json(&order);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(make("web-1").await, 201);

    // What is there, and what it costs.
    browser
        .must(
            Method::POST,
            "/url",
            json!({ "url": format!("{}/_sim/", server.base_url()) }),
        )
        .await;
    browser.sees("#inventory", "web-1").await;
    browser.sees("#inventory", "5.49 EUR").await;
    browser.sees("#total", "1 hosts, 5.99 EUR a month").await;
    browser.sees("#clouds", "/digitalocean").await;
    assert_eq!(
        browser
            .run("return document.querySelectorAll('#clouds tbody tr').length")
            .await,
        provision_sim::clouds().len()
    );

    // It is live, and what comes from outside is text.
    assert_eq!(make("web-2").await, 201);
    browser.sees("#inventory", "web-2").await;
    assert_eq!(make("<img/src=x>").await, 422);
    let odd = format!("{}/hetzner/v1/x?name=<img/src=x>", server.base_url());
    drop(
        browser
            .client
            .get(odd)
            .bearer_auth("sim-token-hetzner")
            .send()
            .await
            .unwrap(),
    );
    browser.sees("#requests tbody tr", "GET /v1/x").await;
    assert_eq!(browser.run("return document.images.length").await, 0);

    // A request with its answer, without secrets.
    browser.sees("#requests tbody tr:last-child", "POST /v1/servers").await;
    browser.click("#requests tbody tr:last-child td").await;
    browser.sees("#answer pre", "\"root_password\": \"***\"").await;
    browser.click("#answer button").await;

    // A picture for the README.
    if let Ok(path) = std::env::var("PROVISION_PAGE_PICTURE") {
        let picture = browser.must(Method::GET, "/screenshot", Value::Null).await;
        std::fs::write(path, STANDARD.decode(picture.as_str().unwrap()).unwrap()).unwrap();
    }

    // The clock.
    browser.click("#pause").await;
    browser.sees("#ahead", "stands still").await;
    assert!(sim.clock().is_paused());
    browser.click("[data-advance='3600000']").await;
    browser.sees("#ahead", "3600 s put ahead").await;
    browser.click("#pause").await;
    browser.sees("#pause", "Pause").await;
    assert!(!sim.clock().is_paused());

    // A fault.
    let choose = "const fault = document.querySelector('#add').elements;
        fault.effect.value = 'server_error'; fault.effect.dispatchEvent(new Event('change')); fault.cloud.value = 'hetzner'";
    browser.run(choose).await;
    browser.click("#add button").await;
    browser.sees("#faults", "server_error status=503 cloud=hetzner").await;
    assert_eq!(make("web-3").await, 503);
    browser.click("#faults button").await;
    let deadline = Instant::now() + Duration::from_secs(30);
    while !sim.faults().list().is_empty() {
        assert!(Instant::now() < deadline, "the fault is not removed");
        browser.text("#faults").await;
    }
    assert_eq!(make("web-3").await, 201);

    // Reset: the first click asks.
    browser.click("#reset").await;
    browser.sees("#reset", "Really").await;
    assert!(!sim.inventory().is_empty());
    browser.click("#reset").await;
    browser.sees("#total", "0 things").await;
    assert!(sim.inventory().is_empty());
    drop(browser.must(Method::DELETE, "", Value::Null).await);
}
