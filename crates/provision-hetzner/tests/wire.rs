//! Pins every request that the provider sends, over the real transport against a mock server. The answers are those of
//! <https://docs.hetzner.cloud/reference/cloud> (read 2026-11), shortened.

#![allow(clippy::unwrap_used, reason = "a failed check ends the test")]

use std::time::{Duration, SystemTime};

use provision_core::{
    BasicHost, CatalogQuery, Deletion, ErrorKind, HostDeleteRequest, HostId, HostStatus, IdempotencyKey, Labels,
    ListFilter, OpenPorts, Provisioner, Settings, UserData,
};
use provision_hetzner::Hetzner;
use provision_testkit::{
    wire::{self, answer, answer_once, received},
    wiremock::{self, MockServer},
};
use serde_json::{Value, json};

fn connect(server: &MockServer) -> impl Provisioner {
    let settings = Settings::new()
        .with("token", "hcloud-secret")
        .with("endpoint", server.uri());
    Hetzner::from_settings(&settings, wire::transport()).unwrap()
}

fn small_host() -> BasicHost {
    BasicHost::new(
        "exit-1".parse().unwrap(),
        UserData::new("#!/bin/sh\necho hi\n").unwrap(),
    )
}

fn full_host() -> BasicHost {
    let mut host = small_host();
    host.region = Some("hel1".into());
    host.plan = Some("cpx12".into());
    host.image = Some("161547269".into());
    host.labels = "team=web".parse().unwrap();
    host.ports = OpenPorts::Only(vec!["80".parse().unwrap(), "8000-8100/udp".parse().unwrap()]);
    host.ssh_keys = vec!["my-key".into(), "4711".into()];
    host = host.with_key(IdempotencyKey::new("order-17").unwrap());
    host.expires = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    host.additional = [("network", "11"), ("placement-group", "12")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
    host
}

fn server_json(id: u64, status: &str, labels: &Labels) -> Value {
    json!({
        "id": id, "name": "exit-1", "status": status, "created": "2026-11-20T10:00:00+00:00", "locked": false,
        "public_net": {"ipv4": {"id": 9, "ip": "203.0.113.7", "blocked": false}, "ipv6": null, "floating_ips": [], "firewalls": []},
        "server_type": {"id": 114, "name": "cx23"}, "image": {"id": 161_547_269, "name": "ubuntu-24.04"},
        "location": {"id": 2, "name": "nbg1"}, "labels": labels,
    })
}

fn created(id: u64, labels: &Labels) -> Value {
    json!({"server": server_json(id, "initializing", labels), "action": {"id": 1, "status": "running"}, "root_password": "pw-secret"})
}

fn list(field: &str, items: Value, next: Option<u64>) -> Value {
    json!({field: items, "meta": {"pagination": {"page": 1, "per_page": 50, "previous_page": null, "next_page": next,
        "last_page": null, "total_entries": null}}})
}

fn error(code: &str, message: &str) -> Value {
    json!({"error": {"code": code, "message": message, "details": null}})
}

fn labels(host: &BasicHost) -> Labels {
    wire::labels(Hetzner::INFO, host)
}

fn ours() -> Labels {
    labels(&small_host())
}

fn servers(items: Value) -> Value {
    list("servers", items, None)
}

/// The look for the host of the key finds nothing.
async fn nothing_known(server: &MockServer) {
    answer_once(server, "GET", "/v1/servers", 200, servers(json!([]))).await;
}

fn going() -> Value {
    json!({"action": {"id": 2, "command": "delete_server", "status": "running"}})
}

#[tokio::test]
async fn create_with_defaults() {
    let server = wire::server().await;
    nothing_known(&server).await;
    answer(&server, "POST", "/v1/servers", 201, created(7, &ours())).await;
    let host = connect(&server).provision(&small_host()).await.unwrap();
    assert_eq!((host.id.as_str(), host.status), ("7", HostStatus::Provisioning));
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn create_with_everything_makes_a_firewall() {
    let server = wire::server().await;
    nothing_known(&server).await;
    answer(&server, "POST", "/v1/servers", 201, created(7, &labels(&full_host()))).await;
    answer(
        &server,
        "POST",
        "/v1/firewalls",
        201,
        json!({"firewall": {"id": 38, "name": "provision-7"}}),
    )
    .await;
    connect(&server).provision(&full_host()).await.unwrap();
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn a_wish_that_is_no_id_is_refused_before_any_request() {
    let server = wire::server().await;
    let mut host = small_host();
    host.additional.insert("network".into(), "my-net".into());
    let refused = connect(&server).provision(&host).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidRequest);
    assert!(server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_adopted_server_gets_its_missing_firewall_and_no_second_one() {
    let server = wire::server().await;
    let found = server_json(7, "running", &labels(&full_host()));
    answer(&server, "GET", "/v1/servers", 200, servers(json!([found]))).await;
    let other = json!({"id": 39, "name": "provision-77"});
    answer_once(
        &server,
        "GET",
        "/v1/firewalls",
        200,
        list("firewalls", json!([other]), None),
    )
    .await;
    answer_once(
        &server,
        "POST",
        "/v1/firewalls",
        201,
        json!({"firewall": {"id": 38, "name": "provision-7"}}),
    )
    .await;
    let own = json!({"id": 38, "name": "provision-7"});
    answer(
        &server,
        "GET",
        "/v1/firewalls",
        200,
        list("firewalls", json!([own]), None),
    )
    .await;
    let cloud = connect(&server);
    for _ in 0..2 {
        let host = cloud.provision(&full_host()).await.unwrap();
        assert_eq!((host.id.as_str(), host.status), ("7", HostStatus::Active));
    }
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn a_name_that_is_taken_is_looked_up() {
    let server = wire::server().await;
    let mut host = small_host();
    host = host.with_key(IdempotencyKey::new("order-17").unwrap());
    let taken = || error("uniqueness_error", "server name is already used");
    // The list by label lags behind, the one by name does not.
    nothing_known(&server).await;
    answer(&server, "POST", "/v1/servers", 409, taken()).await;
    answer(
        &server,
        "GET",
        "/v1/servers",
        200,
        servers(json!([server_json(7, "running", &labels(&host))])),
    )
    .await;
    let cloud = connect(&server);
    let adopted = cloud.provision(&host).await.unwrap();
    assert_eq!((adopted.id.as_str(), adopted.status), ("7", HostStatus::Active));
    insta::assert_snapshot!(received(&server).await);

    host = host.with_key(IdempotencyKey::new("order-18").unwrap());
    for host in [host, small_host()] {
        assert_eq!(
            cloud.provision(&host).await.unwrap_err().kind(),
            ErrorKind::AlreadyExists
        );
    }
}

#[tokio::test]
async fn a_server_whose_firewall_is_refused_is_removed_again() {
    let server = wire::server().await;
    let mut host = small_host();
    host.ports = OpenPorts::Only(vec!["443".parse().unwrap()]);
    nothing_known(&server).await;
    answer(&server, "POST", "/v1/servers", 201, created(7, &ours())).await;
    answer(
        &server,
        "POST",
        "/v1/firewalls",
        403,
        error("resource_limit_exceeded", "firewall limit exceeded"),
    )
    .await;
    answer(&server, "DELETE", "/v1/servers/7", 200, going()).await;
    answer(&server, "GET", "/v1/firewalls", 200, list("firewalls", json!([]), None)).await;
    let refused = connect(&server).provision(&host).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Quota);
    assert!(refused.to_string().contains("is being removed again"), "{refused}");
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn a_firewall_that_another_call_made_first_is_as_good() {
    let server = wire::server().await;
    let mut host = small_host();
    host.ports = OpenPorts::Only(vec!["443".parse().unwrap()]);
    nothing_known(&server).await;
    answer(&server, "POST", "/v1/servers", 201, created(7, &ours())).await;
    answer(
        &server,
        "POST",
        "/v1/firewalls",
        409,
        error("uniqueness_error", "firewall name is already used"),
    )
    .await;
    let host = connect(&server).provision(&host).await.unwrap();
    assert_eq!(host.id.as_str(), "7");
}

#[tokio::test]
async fn status() {
    let server = wire::server().await;
    answer(
        &server,
        "GET",
        "/v1/servers/7",
        200,
        json!({"server": server_json(7, "running", &ours())}),
    )
    .await;
    let host = connect(&server).status(&"7".parse().unwrap()).await.unwrap();
    insta::assert_json_snapshot!(host);
    insta::assert_snapshot!(received(&server).await);
}

fn action(id: u64, command: &str, status: &str, error: Value) -> Value {
    json!({"id": id, "command": command, "status": status, "progress": 0, "started": "2026-11-20T10:00:00Z", "finished": null,
        "resources": [{"id": 7, "type": "server"}], "error": error})
}

#[tokio::test]
async fn a_server_that_could_not_be_made_has_failed_and_says_why() {
    let reason = json!({"code": "action_failed", "message": "no host found"});
    for (state, error, message) in [
        ("initializing", reason.clone(), "no host found (action_failed)"),
        ("off", json!({"code": "action_failed", "message": ""}), "action_failed"),
        (
            "unknown",
            Value::Null,
            "Hetzner Cloud could not make the server, and does not say why",
        ),
    ] {
        let server = wire::server().await;
        let found = json!({"server": server_json(7, state, &ours())});
        answer(&server, "GET", "/v1/servers/7", 200, found).await;
        let failed = json!([
            action(1, "create_server", "error", error),
            action(2, "start_server", "error", reason.clone())
        ]);
        answer(
            &server,
            "GET",
            "/v1/servers/7/actions",
            200,
            list("actions", failed, None),
        )
        .await;
        let host = connect(&server).status(&"7".parse().unwrap()).await.unwrap();
        assert_eq!(
            (host.status, host.message.as_deref()),
            (HostStatus::Failed, Some(message)),
            "{state}"
        );
        assert_eq!(host.raw_status, state);
        if state == "initializing" {
            insta::assert_snapshot!(received(&server).await);
        }
    }
}

#[tokio::test]
async fn a_server_that_is_not_running_yet_has_not_failed() {
    let failed_later = action(
        3,
        "poweroff_server",
        "error",
        json!({"code": "action_failed", "message": "x"}),
    );
    let made = action(1, "create_server", "success", Value::Null);
    for (status, body) in [
        (200, list("actions", json!([]), None)),
        (200, list("actions", json!([made, failed_later]), None)),
        (410, error("deprecated_api_endpoint", "the endpoint was removed")),
    ] {
        let server = wire::server().await;
        let found = json!({"server": server_json(7, "initializing", &ours())});
        answer(&server, "GET", "/v1/servers/7", 200, found).await;
        answer(&server, "GET", "/v1/servers/7/actions", status, body).await;
        let host = connect(&server).status(&"7".parse().unwrap()).await.unwrap();
        assert_eq!((host.status, host.message), (HostStatus::Provisioning, None));
    }
}

#[tokio::test]
async fn what_may_be_null_is_read() {
    let server = wire::server().await;
    let bare = json!({"id": 7, "name": "exit-1", "status": "running", "created": null, "public_net": null,
        "server_type": null, "image": null, "location": null, "labels": null});
    answer(&server, "GET", "/v1/servers/7", 200, json!({"server": bare})).await;
    answer(
        &server,
        "GET",
        "/v1/servers/7/actions",
        200,
        json!({"actions": [], "meta": null}),
    )
    .await;
    let host = connect(&server).status(&"7".parse().unwrap()).await.unwrap();
    assert_eq!((host.status, host.ip), (HostStatus::Provisioning, None));
}

#[tokio::test]
async fn a_list_without_its_list_is_an_error() {
    let server = wire::server().await;
    answer(&server, "GET", "/v1/servers", 200, json!({"meta": null})).await;
    let error = connect(&server).list(&ListFilter::all()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedResponse);
}

#[tokio::test]
async fn a_404_that_is_not_in_the_vendors_words_says_nothing_about_a_host() {
    let foreign = [
        Value::Null,
        json!("<html>not found</html>"),
        json!({"error": "not found"}),
        json!({"error": {"code": "not_found", "message": "route not found", "details": null}}),
    ];
    for body in foreign {
        let server = wire::server().await;
        let any = wiremock::Mock::given(wiremock::matchers::any());
        let template = wiremock::ResponseTemplate::new(404);
        let template = match &body {
            Value::Null => template,
            body => template.set_body_json(body),
        };
        any.respond_with(template).mount(&server).await;
        let cloud = connect(&server);
        let id: HostId = "7".parse().unwrap();
        let gone = HostDeleteRequest::Id(id.clone());
        let errors = [
            cloud.status(&id).await.unwrap_err(),
            cloud.delete(&gone).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::UnexpectedResponse, "{body} {error}");
        }
        let errors = [
            cloud.list(&ListFilter::all()).await.unwrap_err(),
            cloud.provision(&small_host()).await.unwrap_err(),
            cloud.catalog(&CatalogQuery::all()).await.unwrap_err(),
        ];
        for error in errors {
            let kind = error.kind();
            assert!(
                matches!(kind, ErrorKind::UnexpectedResponse | ErrorKind::InvalidRequest),
                "{body} {error}"
            );
            assert!(
                kind == ErrorKind::UnexpectedResponse || error.code() == Some("not_found"),
                "{body} {error}"
            );
        }
    }
}

#[tokio::test]
async fn an_endpoint_that_was_removed_is_not_a_host_that_is_gone() {
    let server = wire::server().await;
    let removed = || error("deprecated_api_endpoint", "the endpoint was removed");
    for verb in ["GET", "DELETE"] {
        answer(&server, verb, "/v1/servers/7", 410, removed()).await;
    }
    let cloud = connect(&server);
    let id: HostId = "7".parse().unwrap();
    let status = cloud.status(&id).await.unwrap_err();
    assert_eq!(status.kind(), ErrorKind::Unsupported);
    assert!(status.to_string().contains("use a newer version"), "{status}");
    let deleted = cloud.delete(&HostDeleteRequest::Id(id)).await.unwrap_err();
    assert_eq!(deleted.kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn list_reads_every_page() {
    let server = wire::server().await;
    answer_once(
        &server,
        "GET",
        "/v1/servers",
        200,
        list("servers", json!([server_json(1, "running", &ours())]), Some(2)),
    )
    .await;
    let foreign = server_json(3, "running", &Labels::new());
    answer_once(
        &server,
        "GET",
        "/v1/servers",
        200,
        list("servers", json!([server_json(2, "off", &ours()), foreign]), None),
    )
    .await;
    let hosts = connect(&server).list(&ListFilter::all()).await.unwrap();
    assert_eq!(
        hosts.iter().map(|host| host.id.as_str()).collect::<Vec<_>>(),
        ["1", "2"]
    );
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn delete_by_id_until_nothing_is_left() {
    let server = wire::server().await;
    let firewall = || list("firewalls", json!([{"id": 38, "name": "provision-7"}]), None);
    answer_once(&server, "DELETE", "/v1/servers/7", 200, going()).await;
    answer_once(&server, "GET", "/v1/firewalls", 200, firewall()).await;
    answer_once(
        &server,
        "DELETE",
        "/v1/firewalls/38",
        409,
        error("resource_in_use", "firewall is in use"),
    )
    .await;
    answer_once(
        &server,
        "DELETE",
        "/v1/servers/7",
        404,
        error("not_found", "server not found"),
    )
    .await;
    answer_once(&server, "GET", "/v1/firewalls", 200, firewall()).await;
    answer_once(&server, "DELETE", "/v1/firewalls/38", 204, Value::Null).await;
    let cloud = connect(&server);
    let request = HostDeleteRequest::Id("7".parse().unwrap());
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::InProgress);
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::Removed);
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn a_firewall_that_is_still_attached_keeps_a_deletion_going() {
    let server = wire::server().await;
    let gone = || error("not_found", "server not found");
    answer(&server, "DELETE", "/v1/servers/7", 404, gone()).await;
    let firewall = list("firewalls", json!([{"id": 38, "name": "provision-7"}]), None);
    answer_once(&server, "GET", "/v1/firewalls", 200, firewall).await;
    answer(
        &server,
        "DELETE",
        "/v1/firewalls/38",
        422,
        error("resource_in_use", "firewall still applied to a resource"),
    )
    .await;
    answer(&server, "GET", "/v1/firewalls", 200, list("firewalls", json!([]), None)).await;
    let cloud = connect(&server);
    let request = HostDeleteRequest::Id("7".parse().unwrap());
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::InProgress);
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::NotFound);
}

#[tokio::test]
async fn a_server_is_busy_while_an_action_runs_and_not_while_it_is_protected_or_locked_for_good() {
    for (code, kind) in [
        ("locked", ErrorKind::Conflict),
        ("resource_locked", ErrorKind::Forbidden),
        ("protected", ErrorKind::Forbidden),
    ] {
        let server = wire::server().await;
        answer(&server, "DELETE", "/v1/servers/7", 423, error(code, "no")).await;
        let request = HostDeleteRequest::Id("7".parse().unwrap());
        let refused = connect(&server).delete(&request).await.unwrap_err();
        assert_eq!(
            (refused.kind(), refused.is_retryable()),
            (kind, code == "locked"),
            "{code}"
        );
    }
}

#[tokio::test]
async fn a_token_that_may_not_see_firewalls_is_told_so_and_nothing_is_called_removed() {
    let server = wire::server().await;
    answer(
        &server,
        "DELETE",
        "/v1/servers/7",
        404,
        error("not_found", "server not found"),
    )
    .await;
    answer(
        &server,
        "GET",
        "/v1/firewalls",
        403,
        error("forbidden", "insufficient permissions"),
    )
    .await;
    let request = HostDeleteRequest::Id("7".parse().unwrap());
    let refused = connect(&server).delete(&request).await.unwrap_err();
    assert_eq!(
        (refused.kind(), refused.operation()),
        (ErrorKind::Forbidden, Some("find firewall"))
    );
}

#[tokio::test]
async fn delete_by_ip_finds_the_host_among_ours() {
    let server = wire::server().await;
    // A simulator may not filter by label: one that is not ours is left alone.
    let found = json!([
        server_json(6, "running", &Labels::new()),
        server_json(7, "running", &ours()),
    ]);
    answer(&server, "GET", "/v1/servers", 200, servers(found)).await;
    answer(&server, "DELETE", "/v1/servers/7", 200, going()).await;
    answer(&server, "GET", "/v1/firewalls", 200, list("firewalls", json!([]), None)).await;
    let cloud = connect(&server);
    let missing = HostDeleteRequest::ip("203.0.113.8".parse().unwrap());
    assert_eq!(cloud.delete(&missing).await.unwrap_err().kind(), ErrorKind::NotFound);
    let request = HostDeleteRequest::ip("203.0.113.7".parse().unwrap());
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::InProgress);
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn catalog_of_a_location() {
    let server = wire::server().await;
    let price = |location: &str, net: &str| {
        json!({"location": location, "price_hourly": {"net": "0.008", "gross": "0.01"},
        "price_monthly": {"net": net, "gross": "9.99"}})
    };
    let types = json!([
        {"id": 1, "name": "cpx12", "description": "CPX 12", "cores": 1, "memory": 2.0, "disk": 40, "architecture": "x86",
         "prices": [price("nbg1", "11.4900"), price("sin", "15.9900")],
         "locations": [{"name": "nbg1", "available": true}, {"name": "sin", "available": true}]},
        {"id": 2, "name": "cx23", "description": "CX23", "cores": 2, "memory": 4.0, "disk": 40, "architecture": "x86",
         "prices": [price("nbg1", "5.4900")], "locations": [{"name": "nbg1", "available": false}]},
    ]);
    let images = json!([
        {"id": 1, "name": "ubuntu-24.04", "description": "Ubuntu 24.04", "architecture": "x86", "type": "system"},
        {"id": 2, "name": "ubuntu-24.04", "description": "Ubuntu 24.04", "architecture": "arm", "type": "system"},
    ]);
    let locations = json!([{"id": 2, "name": "nbg1", "city": "Nuremberg", "country": "DE"}]);
    answer(
        &server,
        "GET",
        "/v1/pricing",
        200,
        json!({"pricing": {"currency": "EUR", "vat_rate": "19.00", "primary_ips": [
            {"type": "ipv6", "prices": [price("nbg1", "0.0000")]}, {"type": "ipv4", "prices": [price("nbg1", "0.5000")]},
        ]}}),
    )
    .await;
    answer(
        &server,
        "GET",
        "/v1/server_types",
        200,
        list("server_types", types, None),
    )
    .await;
    answer(&server, "GET", "/v1/images", 200, list("images", images, None)).await;
    answer(&server, "GET", "/v1/locations", 200, list("locations", locations, None)).await;
    let cloud = connect(&server);
    insta::assert_json_snapshot!(cloud.catalog(&CatalogQuery::all().with_region("nbg1")).await.unwrap());
    insta::assert_snapshot!(received(&server).await);
    let unknown = cloud
        .catalog(&CatalogQuery::plans().with_region("mars1"))
        .await
        .unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "hetzner: catalog: region \"mars1\" does not exist; known: nbg1"
    );
}
