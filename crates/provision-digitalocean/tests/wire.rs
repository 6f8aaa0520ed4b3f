//! Pins every request that the provider sends, over the real transport against a mock server. The answers are those of
//! <https://docs.digitalocean.com/reference/api/digitalocean/> (read 2026-11), shortened.

#![allow(clippy::unwrap_used, reason = "a failed check ends the test")]

use std::time::{Duration, SystemTime};

use provision_core::{
    BasicHost, CatalogQuery, Deletion, ErrorKind, HostDeleteRequest, HostStatus, IdempotencyKey, ListFilter, OpenPorts,
    Provisioner, Settings, UserData,
};
use provision_digitalocean::DigitalOcean;
use provision_testkit::{
    wire::{self, answer, answer_once, received},
    wiremock::MockServer,
};
use serde_json::{Value, json};

fn connect(server: &MockServer) -> impl Provisioner {
    let settings = Settings::new()
        .with("token", "dop_v1_secret")
        .with("endpoint", server.uri());
    DigitalOcean::from_settings(&settings, wire::transport()).unwrap()
}

fn small_host() -> BasicHost {
    BasicHost::new(
        "exit-1".parse().unwrap(),
        UserData::new("#!/bin/sh\necho hi\n").unwrap(),
    )
}

fn full_host() -> BasicHost {
    let mut host = small_host();
    host.region = Some("fra1".into());
    host.plan = Some("s-1vcpu-1gb".into());
    host.image = Some("181234567".into());
    host.labels = "team=web".parse().unwrap();
    host.ports = OpenPorts::Only(vec!["80".parse().unwrap(), "8000-8100/udp".parse().unwrap()]);
    host.ssh_keys = vec![
        "40112233".into(),
        "aa:01:bb:02:cc:03:dd:04:ee:05:ff:06:11:07:22:08".into(),
    ];
    host = host.with_key(IdempotencyKey::new("order-17").unwrap());
    host.expires = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    host.additional = [
        ("vpc-uuid", "c2b5d7e0-41aa-4f6e-8a1d-93f0a5b6e712"),
        ("ipv6", "true"),
        ("monitoring", "true"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into();
    host
}

fn droplet(id: u64, status: &str, v4: Value, tags: &[String]) -> Value {
    json!({
        "id": id, "name": "exit-1", "memory": 512, "vcpus": 1, "disk": 10, "locked": false, "status": status,
        "created_at": "2026-11-20T10:00:00Z", "size_slug": "s-1vcpu-512mb-10gb", "networks": {"v4": v4, "v6": []},
        "image": {"id": 181_234_567, "name": "24.04 (LTS) x64", "distribution": "Ubuntu", "slug": "ubuntu-24-04-x64"},
        "region": {"slug": "lon1", "name": "London 1"}, "tags": tags,
    })
}

fn addresses() -> Value {
    json!([
        {"ip_address": "10.106.0.2", "netmask": "255.255.240.0", "gateway": "10.106.0.1", "type": "private"},
        {"ip_address": "203.0.113.7", "netmask": "255.255.240.0", "gateway": "203.0.113.1", "type": "public"},
    ])
}

fn ours() -> Vec<String> {
    wire::labels(DigitalOcean::INFO, &small_host()).to_tags()
}

fn page(field: &str, items: Value, more: bool) -> Value {
    let links = if more {
        json!({"pages": {"next": "https://elsewhere.example/"}})
    } else {
        json!({})
    };
    json!({field: items, "links": links, "meta": {"total": 1}})
}

fn not_found() -> Value {
    json!({"id": "not_found", "message": "The resource you requested could not be found.", "request_id": "8a1f0c52"})
}

#[tokio::test]
async fn create_with_defaults() {
    let server = wire::server().await;
    answer(&server, "GET", "/v2/droplets", 200, page("droplets", json!([]), false)).await;
    answer(
        &server,
        "POST",
        "/v2/droplets",
        202,
        json!({"droplet": droplet(512_345_678, "new", json!([]), &ours())}),
    )
    .await;
    let host = connect(&server).provision(&small_host()).await.unwrap();
    assert_eq!(
        (host.id.as_str(), host.status, host.ip),
        ("512345678", HostStatus::Provisioning, None)
    );
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn create_with_everything_looks_up_the_key_and_makes_a_firewall() {
    let server = wire::server().await;
    answer(&server, "GET", "/v2/droplets", 200, page("droplets", json!([]), false)).await;
    let created = droplet(
        512_345_678,
        "new",
        json!([]),
        &wire::labels(DigitalOcean::INFO, &full_host()).to_tags(),
    );
    answer(&server, "POST", "/v2/droplets", 202, json!({"droplet": created})).await;
    answer(
        &server,
        "POST",
        "/v2/firewalls",
        202,
        json!({"firewall": {"id": "fw-1", "name": "provision-512345678"}}),
    )
    .await;
    let host = connect(&server).provision(&full_host()).await.unwrap();
    assert!(host.labels.has_key(&IdempotencyKey::new("order-17").unwrap()));
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn a_lost_create_is_adopted_and_its_missing_firewall_is_made() {
    let server = wire::server().await;
    let found = droplet(
        512_345_678,
        "active",
        addresses(),
        &wire::labels(DigitalOcean::INFO, &full_host()).to_tags(),
    );
    answer(
        &server,
        "GET",
        "/v2/droplets",
        200,
        page("droplets", json!([found]), false),
    )
    .await;
    answer(
        &server,
        "GET",
        "/v2/firewalls",
        200,
        page("firewalls", json!([]), false),
    )
    .await;
    answer(
        &server,
        "POST",
        "/v2/firewalls",
        202,
        json!({"firewall": {"id": "fw-1", "name": "provision-512345678"}}),
    )
    .await;
    let host = connect(&server).provision(&full_host()).await.unwrap();
    assert_eq!((host.id.as_str(), host.status), ("512345678", HostStatus::Active));
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn a_droplet_whose_firewall_is_refused_is_removed_again() {
    let server = wire::server().await;
    let mut host = small_host();
    host.ports = OpenPorts::Only(vec!["443".parse().unwrap()]);
    answer(&server, "GET", "/v2/droplets", 200, page("droplets", json!([]), false)).await;
    answer(
        &server,
        "POST",
        "/v2/droplets",
        202,
        json!({"droplet": droplet(7, "new", json!([]), &ours())}),
    )
    .await;
    let refused = json!({"id": "forbidden", "message": "You are not authorized to perform this operation"});
    answer(&server, "POST", "/v2/firewalls", 403, refused).await;
    answer(&server, "DELETE", "/v2/droplets/7", 204, Value::Null).await;
    answer(
        &server,
        "GET",
        "/v2/firewalls",
        200,
        page("firewalls", json!([]), false),
    )
    .await;
    let error = connect(&server).provision(&host).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(error.to_string().contains("is being removed again"), "{error}");
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn a_token_that_may_not_see_firewalls_is_told_so_and_nothing_is_called_removed() {
    let server = wire::server().await;
    let refused = json!({"id": "forbidden", "message": "You are not authorized to perform this operation"});
    answer(&server, "DELETE", "/v2/droplets/7", 404, not_found()).await;
    answer(&server, "GET", "/v2/firewalls", 403, refused).await;
    let request = HostDeleteRequest::Id("7".parse().unwrap());
    let error = connect(&server).delete(&request).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.operation()),
        (ErrorKind::Forbidden, Some("list firewalls"))
    );
}

#[tokio::test]
async fn status_picks_the_public_address() {
    let server = wire::server().await;
    answer(
        &server,
        "GET",
        "/v2/droplets/7",
        200,
        json!({"droplet": droplet(7, "active", addresses(), &ours())}),
    )
    .await;
    let host = connect(&server).status(&"7".parse().unwrap()).await.unwrap();
    assert_eq!(
        (host.status, host.ip),
        (HostStatus::Active, Some("203.0.113.7".parse().unwrap()))
    );
    insta::assert_json_snapshot!(host);
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn list_reads_every_page_from_the_configured_endpoint() {
    let server = wire::server().await;
    let first = page("droplets", json!([droplet(1, "active", addresses(), &ours())]), true);
    let foreign = droplet(3, "active", addresses(), &["web".to_owned()]);
    let second = page(
        "droplets",
        json!([droplet(2, "off", json!([]), &ours()), foreign]),
        false,
    );
    answer_once(&server, "GET", "/v2/droplets", 200, first).await;
    answer_once(&server, "GET", "/v2/droplets", 200, second).await;
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
    let own = json!({"id": "fw-1", "name": "provision-7"});
    let other = json!({"id": "fw-2", "name": "provision-77"});
    answer_once(&server, "DELETE", "/v2/droplets/7", 204, Value::Null).await;
    answer_once(
        &server,
        "GET",
        "/v2/firewalls",
        200,
        page("firewalls", json!([other, own]), false),
    )
    .await;
    answer_once(&server, "DELETE", "/v2/firewalls/fw-1", 204, Value::Null).await;
    answer_once(&server, "DELETE", "/v2/droplets/7", 404, not_found()).await;
    answer_once(
        &server,
        "GET",
        "/v2/firewalls",
        200,
        page("firewalls", json!([other]), false),
    )
    .await;
    let cloud = connect(&server);
    let request = HostDeleteRequest::Id("7".parse().unwrap());
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::InProgress);
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::NotFound);
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn delete_by_ip_finds_the_host_among_ours() {
    let server = wire::server().await;
    answer(
        &server,
        "GET",
        "/v2/droplets",
        200,
        page("droplets", json!([droplet(7, "active", addresses(), &ours())]), false),
    )
    .await;
    answer(&server, "DELETE", "/v2/droplets/7", 204, Value::Null).await;
    answer(
        &server,
        "GET",
        "/v2/firewalls",
        200,
        page("firewalls", json!([]), false),
    )
    .await;
    let cloud = connect(&server);
    let missing = cloud
        .delete(&HostDeleteRequest::ip("203.0.113.8".parse().unwrap()))
        .await
        .unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    assert_eq!(
        cloud
            .delete(&HostDeleteRequest::ip("203.0.113.7".parse().unwrap()))
            .await
            .unwrap(),
        Deletion::InProgress
    );
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn catalog_of_a_region() {
    let server = wire::server().await;
    let regions = json!([
        {"slug": "lon1", "name": "London 1", "available": true, "features": [], "sizes": []},
        {"slug": "nyc2", "name": "New York 2", "available": false, "features": [], "sizes": []},
    ]);
    let sizes = json!([
        {"slug": "s-1vcpu-1gb", "memory": 1024, "vcpus": 1, "disk": 25, "transfer": 1.0, "price_monthly": 6.0,
         "price_hourly": 0.00893, "regions": ["lon1"], "available": true, "description": "Basic"},
        {"slug": "s-1vcpu-512mb-10gb", "memory": 512, "vcpus": 1, "disk": 10, "transfer": 0.5, "price_monthly": 4.0,
         "price_hourly": 0.00595, "regions": ["fra1"], "available": true, "description": "Basic"},
    ]);
    let images = json!([
        {"id": 1, "name": "24.04 (LTS) x64", "distribution": "Ubuntu", "slug": "ubuntu-24-04-x64", "regions": ["lon1"]},
        {"id": 2, "name": "12 x64", "distribution": "Debian", "slug": null, "regions": ["fra1"]},
    ]);
    answer(&server, "GET", "/v2/regions", 200, page("regions", regions, false)).await;
    answer(&server, "GET", "/v2/sizes", 200, page("sizes", sizes, false)).await;
    answer(&server, "GET", "/v2/images", 200, page("images", images, false)).await;
    let cloud = connect(&server);
    insta::assert_json_snapshot!(cloud.catalog(&CatalogQuery::all().with_region("lon1")).await.unwrap());
    insta::assert_snapshot!(received(&server).await);
    let unknown = cloud
        .catalog(&CatalogQuery::plans().with_region("mars1"))
        .await
        .unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "digitalocean: catalog: region \"mars1\" does not exist; known: lon1, nyc2"
    );
}
