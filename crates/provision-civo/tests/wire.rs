//! Pins every request that the provider sends, over the real transport against a mock server. Those that delete, and
//! those about firewalls, are in `wire_delete.rs`.

#![allow(clippy::unwrap_used, reason = "a failed check ends the test")]

mod support;

use provision_civo::Civo;
use provision_core::{
    BasicHost, CatalogQuery, ErrorKind, HostStatus, ListFilter, OpenPorts, Provisioner, RegionFilter, Settings,
    UserData,
};
use provision_testkit::wire::{self, answer, answer_once, received};
use serde_json::{Value, json};

use support::*;

#[tokio::test]
async fn create_with_defaults() {
    let server = wire::server().await;
    answer_lookups(&server).await;
    let mut created = instance("BUILDING", None, &ours());
    created["created_at"] = json!("0001-01-01T00:00:00Z");
    answer(&server, "POST", "/v2/instances", 200, created).await;
    let host = connect(&server).provision(&small_host()).await.unwrap();
    assert_eq!(
        (host.id.as_str(), host.status),
        (format!("{ID}|LON1").as_str(), HostStatus::Provisioning)
    );
    assert_eq!((host.ip, host.created), (None, None));
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn create_with_everything_looks_up_the_key_and_makes_a_firewall() {
    let server = wire::server().await;
    answer(&server, "GET", "/v2/instances", 200, page(json!([]), 1, 0)).await;
    answer(
        &server,
        "POST",
        "/v2/firewalls",
        200,
        json!({"id": FIREWALL, "name": "n", "result": "success"}),
    )
    .await;
    answer(
        &server,
        "POST",
        "/v2/instances",
        200,
        instance("BUILDING", None, &fenced()),
    )
    .await;
    connect(&server).provision(&full_host()).await.unwrap();
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn a_lost_create_is_adopted() {
    let server = wire::server().await;
    let labels = full_host().all_labels().to_tags();
    let going = instance("DELETING", None, &labels);
    let found = instance("ACTIVE", Some("203.0.113.7"), &labels);
    answer(&server, "GET", "/v2/instances", 200, page(json!([going, found]), 1, 1)).await;
    let host = connect(&server).provision(&full_host()).await.unwrap();
    assert_eq!(
        (host.id.as_str(), host.status),
        (format!("{ID}|LON1").as_str(), HostStatus::Active)
    );
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn a_taken_name_is_adopted_only_with_the_same_key() {
    let server = wire::server().await;
    let mut host = full_host();
    host.ports = OpenPorts::All;
    answer_once(&server, "GET", "/v2/instances", 200, page(json!([]), 1, 1)).await;
    answer(
        &server,
        "POST",
        "/v2/instances",
        409,
        error("database_instance_duplicate_name"),
    )
    .await;
    let late = instance("BUILDING", None, &host.all_labels().to_tags());
    answer_once(&server, "GET", "/v2/instances", 200, page(json!([late]), 1, 1)).await;
    let cloud = connect(&server);
    cloud.provision(&host).await.unwrap();
    answer(&server, "GET", "/v2/instances", 200, page(json!([]), 1, 1)).await;
    assert_eq!(
        cloud.provision(&host).await.unwrap_err().kind(),
        ErrorKind::AlreadyExists
    );
}

#[tokio::test]
async fn what_civo_cannot_take_is_refused_before_any_request() {
    let server = wire::server().await;
    let cloud = connect(&server);
    let changes: [fn(&mut BasicHost); 8] = [
        |host| host.ssh_keys.push("b".into()),
        |host| host.ssh_keys = vec!["my-key".into()],
        |host| host.region = Some("lon 1".into()),
        |host| drop(host.additional.insert("network".into(), "default".into())),
        |host| drop(host.additional.insert("firewall".into(), FIREWALL.into())),
        |host| host.user_data = UserData::new("#cloud-config\nusers: []\n").unwrap(),
        |host| host.user_data = UserData::new("#cloud-config\nruncmd: [").unwrap(),
        |host| {
            host.image = Some("rocky-9-1".into());
            host.user_data = UserData::new("#cloud-config\npackages: [x]\n").unwrap();
        },
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut host = full_host();
        change(&mut host);
        let refused = cloud.provision(&host).await.unwrap_err();
        assert_eq!(
            (refused.kind(), refused.provider()),
            (ErrorKind::InvalidRequest, Some("civo")),
            "{number}: {refused}"
        );
    }
    for id in [format!("{ID}|LON1|x"), "web-1".to_owned(), format!("{ID}|LON(1)")] {
        let refused = cloud.status(&id.parse().unwrap()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidRequest, "{id}");
    }
    assert!(server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_unknown_image_is_told_with_the_known_ones() {
    let server = wire::server().await;
    answer_lookups(&server).await;
    let mut host = small_host();
    host.image = Some("ubuntu-24.04".into());
    insta::assert_snapshot!(connect(&server).provision(&host).await.unwrap_err());
}

#[tokio::test]
async fn status() {
    let server = wire::server().await;
    let path = format!("/v2/instances/{ID}");
    answer_once(
        &server,
        "GET",
        &path,
        200,
        instance("ACTIVE", Some("203.0.113.7"), &ours()),
    )
    .await;
    answer_once(&server, "GET", &path, 200, instance("ACTIVE", Some(""), &ours())).await;
    answer_once(&server, "GET", &path, 404, error("database_account_not_found")).await;
    answer_once(&server, "GET", &path, 404, gone()).await;
    let cloud = connect(&server);
    let host = cloud.status(&format!("{ID}|LON1").parse().unwrap()).await.unwrap();
    insta::assert_json_snapshot!(host);
    // A bare id is looked for in the configured region.
    let bare = ID.parse().unwrap();
    assert_eq!(cloud.status(&bare).await.unwrap().status, HostStatus::Provisioning);
    assert_eq!(cloud.status(&bare).await.unwrap_err().kind(), ErrorKind::Unauthorized);
    assert_eq!(cloud.status(&bare).await.unwrap_err().kind(), ErrorKind::NotFound);
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn list_reads_every_page() {
    let server = wire::server().await;
    let own = instance("ACTIVE", Some("203.0.113.7"), &ours());
    let mut second = instance("SHUTOFF", Some("203.0.113.8"), &ours());
    second["id"] = json!("3f1c6f0e-7a55-4d3b-9c65-0a7d3f0f6f11");
    let foreign = json!({"id": "not ours", "hostname": "x", "status": "ACTIVE", "tags": null});
    answer_once(&server, "GET", "/v2/instances", 200, page(json!([own]), 1, 2)).await;
    answer_once(
        &server,
        "GET",
        "/v2/instances",
        200,
        page(json!([foreign, second]), 2, 2),
    )
    .await;
    let hosts = connect(&server).list(&ListFilter::all()).await.unwrap();
    let states: Vec<_> = hosts.iter().map(|host| host.status).collect();
    assert_eq!(states, [HostStatus::Active, HostStatus::Stopped]);
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn list_of_other_regions() {
    let server = wire::server().await;
    let regions = json!([
        {"code": "LON1", "name": "London 1", "out_of_capacity": false, "features": {"iaas": true}},
        {"code": "TYO9", "name": "Tokyo", "out_of_capacity": false, "features": {"iaas": false}},
        {"code": "FRA1", "name": "Frankfurt 1", "out_of_capacity": true},
    ]);
    answer(&server, "GET", "/v2/regions", 200, regions).await;
    let mut answered = instance("ACTIVE", Some("203.0.113.7"), &ours());
    answered["region"] = Value::Null;
    answer(&server, "GET", "/v2/instances", 200, page(json!([answered]), 1, 1)).await;
    let cloud = connect(&server);
    let mut filter = ListFilter::all();
    filter.region = RegionFilter::All;
    let hosts = cloud.list(&filter).await.unwrap();
    let ids: Vec<_> = hosts.iter().map(|host| host.id.to_string()).collect();
    assert_eq!(ids, [format!("{ID}|LON1"), format!("{ID}|FRA1")]);
    filter.region = RegionFilter::Only("fra1".into());
    assert_eq!(cloud.list(&filter).await.unwrap().len(), 1);
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn catalog_of_a_region() {
    let server = wire::server().await;
    let regions = json!([
        {"code": "LON1", "name": "London 1", "country": "uk", "out_of_capacity": false, "default": true, "features": {"iaas": true}},
        {"code": "FRA1", "name": "Frankfurt 1", "out_of_capacity": true, "features": {"iaas": true}},
    ]);
    let sizes = json!([
        {"type": "Instance", "name": "g4s.small", "nice_name": "Small", "cpu_cores": 1, "ram_mb": 2048, "disk_gb": 25, "transfer_tb": 2, "selectable": true},
        {"type": "Instance", "name": "g4s.xsmall", "nice_name": "xSmall", "cpu_cores": 1, "ram_mb": 1024, "disk_gb": 25, "transfer_tb": 1, "selectable": false},
        {"type": "Kubernetes", "name": "g4s.kube.xsmall", "nice_name": "xSmall", "cpu_cores": 1, "ram_mb": 1024, "disk_gb": 30, "selectable": true},
    ]);
    answer(&server, "GET", "/v2/regions", 200, regions).await;
    answer(&server, "GET", "/v2/sizes", 200, sizes).await;
    answer_lookups(&server).await;
    let cloud = connect(&server);
    insta::assert_json_snapshot!(cloud.catalog(&CatalogQuery::all().region("fra1")).await.unwrap());
    insta::assert_snapshot!(received(&server).await);
    let unknown = cloud.catalog(&CatalogQuery::plans().region("mars1")).await.unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "civo: region \"mars1\" does not exist; known: FRA1, LON1"
    );
}

#[tokio::test]
async fn the_configured_region_and_additional_settings_are_used() {
    let server = wire::server().await;
    answer_lookups(&server).await;
    let mut created = instance("BUILDING", None, &ours());
    created["region"] = json!("NYC1");
    answer(&server, "POST", "/v2/instances", 200, created).await;
    let settings = Settings::new()
        .with("token", "civo-secret")
        .with("region", "nyc1")
        .with("endpoint", server.uri());
    let cloud = Civo::from_settings(&settings, wire::transport()).unwrap();
    let mut host = small_host();
    host.user_data = UserData::empty();
    host.additional = [("network", NETWORK), ("firewall", FIREWALL)]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
    assert_eq!(cloud.provision(&host).await.unwrap().id.as_str(), format!("{ID}|NYC1"));
    insta::assert_snapshot!(received(&server).await);
    let bad = Settings::new().with("token", "t").with("region", "lon/1");
    assert_eq!(
        Civo::from_settings(&bad, wire::transport()).unwrap_err().kind(),
        ErrorKind::InvalidRequest
    );
}
