//! For a provider's `tests/wire.rs`: the provider over the real transport against a mock server, its whole requests as
//! snapshots.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use provision_testkit::wire;
//!
//! let server = wire::server().await;
//! wire::answer(&server, "GET", "/v2/hosts/7", 200, serde_json::json!({"id": 7})).await;
//! // let cloud = MyCloud::from_settings(&settings.with("endpoint", server.uri()), wire::transport())?;
//! // cloud.status(&"7".parse()?).await?;
//! // insta::assert_snapshot!(wire::received(&server).await);
//! # Ok(()) }
//! ```

use std::sync::Arc;

use provision_core::{BasicHost, Labels, Order, ProviderInfo};
use provision_http::{ReqwestTransport, Transport};
use serde_json::Value;
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{method, path},
};

use crate::Render;

/// A mock server on a free port of the loopback address, for one test.
pub async fn server() -> MockServer {
    MockServer::start().await
}

/// The transport that programs use.
///
/// # Panics
/// When the system has no certificates.
#[must_use]
pub fn transport() -> Arc<dyn Transport> {
    match ReqwestTransport::new() {
        Ok(transport) => Arc::new(transport),
        Err(error) => panic!("{error}"),
    }
}

/// Answers requests with this method and path (any query) in JSON. The answer that was set first wins until it is used up:
/// set the answers of [`answer_once`] in their order.
pub async fn answer(server: &MockServer, verb: &str, url_path: &str, status: u16, body: Value) {
    Mock::given(method(verb))
        .and(path(url_path))
        .respond_with(template(status, body))
        .mount(server)
        .await;
}

/// As [`answer`], for the next such request only.
pub async fn answer_once(server: &MockServer, verb: &str, url_path: &str, status: u16, body: Value) {
    Mock::given(method(verb))
        .and(path(url_path))
        .respond_with(template(status, body))
        .up_to_n_times(1)
        .mount(server)
        .await;
}

/// What a provider is handed for a host, with its labels.
///
/// # Panics
/// When the host is not one that the provider takes.
#[must_use]
pub fn order(info: &ProviderInfo, host: &BasicHost) -> Order {
    let region = host.region.as_deref().unwrap_or(info.default_region);
    match Order::new(info, region, host) {
        Ok(order) => order,
        Err(error) => panic!("{error}"),
    }
}

/// Every label of a host that the provider made.
///
/// # Panics
/// As [`order`].
#[must_use]
pub fn labels(info: &ProviderInfo, host: &BasicHost) -> Labels {
    order(info, host).labels
}

fn template(status: u16, body: Value) -> ResponseTemplate {
    let template = ResponseTemplate::new(status);
    if body.is_null() {
        template
    } else {
        template.set_body_json(body)
    }
}

/// Every request that the server received, in order, as text for a snapshot.
///
/// # Panics
/// When the server does not record requests.
pub async fn received(server: &MockServer) -> String {
    received_with(server, &Render::new()).await
}

/// As [`received`], with further redactions.
///
/// # Panics
/// When the server does not record requests.
pub async fn received_with(server: &MockServer, render: &Render) -> String {
    match server.received_requests().await {
        Some(requests) => requests
            .iter()
            .map(|request| render.request(request))
            .collect::<Vec<_>>()
            .join("\n\n--------\n\n"),
        None => panic!("the mock server does not record requests"),
    }
}
