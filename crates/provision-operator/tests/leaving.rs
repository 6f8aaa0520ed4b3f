//! Removal when something that it needs is gone already.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod world;

use std::{sync::Arc, time::Duration};

use http::{Method, Request, Response, StatusCode};
use k8s_openapi::ByteString;
use kube::{Client, client::Body};
use provision_operator::cleanup;
use serde_json::{Value, json};
use tower_test::mock;
use world::{HOSTS, Operator, World, clouds::TWO};

/// Answers some requests in the place of the cluster.
fn refuse(operator: &mut Operator, answer: impl Fn(&Method, &str) -> Option<(StatusCode, Value)> + Send + 'static) {
    let context = Arc::get_mut(&mut operator.context).unwrap();
    let cluster = context.client.clone();
    let (service, mut handle) = mock::pair::<Request<Body>, Response<Body>>();
    tokio::spawn(async move {
        while let Some((request, send)) = handle.next_request().await {
            match answer(request.method(), request.uri().path()) {
                Some((status, body)) => {
                    let body = Body::from(serde_json::to_vec(&body).unwrap());
                    send.send_response(Response::builder().status(status).body(body).unwrap());
                }
                None => send.send_response(cluster.send(request).await.unwrap()),
            }
        }
    });
    context.client = Client::new(service, "default");
}

fn status(code: StatusCode, message: &str) -> (StatusCode, Value) {
    let body =
        json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code.as_u16() });
    (code, body)
}

#[tokio::test]
async fn a_namespace_is_deleted_with_the_credentials_of_its_hosts() {
    let (own, other) = (TWO[0], TWO[1]);
    let world = World::new(own);
    let settings = World::settings(other);
    let data: serde_json::Map<String, Value> = settings
        .names()
        .map(|name| {
            let value = settings.get(name).unwrap().as_bytes().to_vec();
            (name.to_owned(), json!(ByteString(value)))
        })
        .collect();
    let secret = json!({ "metadata": { "name": "account", "namespace": "shop" }, "data": data });
    world.cluster.create("secrets", secret);
    world.make_host(
        "runner",
        json!({ "provider": other, "credentialsRef": { "name": "account" } }),
    );
    let mut operator = world.start();
    operator
        .until("the host is active", || {
            world.host("runner")["status"]["phase"] == "Active"
        })
        .await;
    // The order in which a cluster empties a namespace, long after the Secret was last read.
    world.cluster.delete("secrets", "shop", "account");
    world.sim.clock().advance(Duration::from_secs(600));
    world.cluster.delete(HOSTS, "shop", "runner");
    operator
        .until("the host is gone", || world.host("runner").is_null())
        .await;
    world.assert_empty("the namespace was deleted");
}

#[tokio::test]
async fn a_service_shows_its_address_where_external_ips_are_not_allowed() {
    let world = World::new(TWO[0]);
    world.make_service("web");
    let mut operator = world.start();
    refuse(&mut operator, |method, path| {
        (method == Method::PATCH && path == "/api/v1/namespaces/shop/services/web").then(|| {
            status(
                StatusCode::FORBIDDEN,
                "Use of external IPs is denied by admission control",
            )
        })
    });
    operator
        .until("the tunnel is active", || world.is_active("web-tunnel"))
        .await;
    let web = world.cluster.get("services", "shop", "web").unwrap();
    assert!(web["status"]["loadBalancer"]["ingress"][0]["ip"].is_string(), "{web:#}");
    assert!(web["spec"]["externalIPs"].is_null());
}

#[tokio::test]
async fn there_is_nothing_to_clean_up_without_definitions() {
    let world = World::new(TWO[0]);
    let mut operator = world.start();
    refuse(&mut operator, |_, path| {
        path.starts_with("/apis/")
            .then(|| (StatusCode::NOT_FOUND, json!("404 page not found")))
    });
    let report = cleanup::run(&operator.context, Duration::ZERO, Duration::ZERO).await;
    assert_eq!(report.unwrap(), cleanup::Report::default());
    let refused = operator.context.count_what_exists().await.unwrap_err().to_string();
    assert!(refused.contains("deploy/crds"), "{refused}");
}

#[tokio::test]
async fn what_a_clean_up_leaves_is_listed_with_the_reason() {
    let world = World::new(TWO[0]);
    world.make_service("web");
    world.make_host("runner", json!({}));
    let mut operator = world.start();
    operator
        .until("both are active", || {
            world.is_active("web-tunnel") && world.host("runner")["status"]["phase"] == "Active"
        })
        .await;
    let refusal = serde_json::from_value(json!({ "effect": { "type": "unauthorized" } })).unwrap();
    world.sim.faults().add(refusal);
    let report = cleanup::run(&operator.context, Duration::ZERO, Duration::ZERO)
        .await
        .unwrap();
    assert_eq!((report.removed, report.left.len()), (0, 2), "{report:?}");
    assert!(
        report.left[0].starts_with("Tunnel shop/web-tunnel (Unauthorized: "),
        "{report:?}"
    );
    assert!(report.left[1].starts_with("Host shop/runner ("), "{report:?}");
}
