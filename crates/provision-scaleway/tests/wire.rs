//! Pins every request that the provider sends when it creates and reads, over the real transport against a mock server.
//! Deletion is in `wire_delete.rs`.

#![allow(clippy::unwrap_used, reason = "a failed check ends the test")]

mod support;

use provision_core::{
    CatalogQuery, ErrorKind, HostStatus, IdempotencyKey, Labels, ListFilter, OpenPorts, Provisioner, RegionFilter,
};
use provision_testkit::wire::{self, answer, answer_once, received};
use serde_json::{Value, json};

use self::support::*;

#[tokio::test]
async fn create_with_defaults() {
    let server = wire::server().await;
    image_for(&server, json!(["DEV1-S", "DEV1-M"])).await;
    serve(
        &server,
        "POST",
        par("servers"),
        201,
        one("stopped", DEFAULT_GROUP, &ours()),
    )
    .await;
    let user_data = par(&format!("servers/{SERVER}/user_data/cloud-init"));
    serve(&server, "PATCH", user_data, 204, Value::Null).await;
    serve(&server, "POST", par(&format!("servers/{SERVER}/action")), 202, task()).await;
    let host = connect(&server).provision(&small_host()).await.unwrap();
    assert_eq!((host.id, host.status), (id(), HostStatus::Provisioning));
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn create_with_everything() {
    let server = wire::server().await;
    let at = |path: &str| zone("nl-ams-1", path);
    let host = full_host();
    let labels = host.all_labels();
    serve(&server, "GET", at("servers"), 200, json!({"servers": []})).await;
    let image = json!({"image": {"id": IMAGE, "root_volume": {"volume_type": "l_ssd"}}});
    serve(&server, "GET", at(&format!("images/{IMAGE}")), 200, image).await;
    serve(
        &server,
        "POST",
        at("servers"),
        201,
        one("stopped", DEFAULT_GROUP, &labels),
    )
    .await;
    let group = json!({"security_group": {"id": GROUP, "name": format!("provision-{SERVER}")}});
    serve(&server, "POST", at("security_groups"), 201, group).await;
    let rules = at(&format!("security_groups/{GROUP}/rules"));
    serve(&server, "PUT", rules, 200, json!({"rules": []})).await;
    let used = one("stopped", GROUP, &labels);
    serve(&server, "PATCH", at(&format!("servers/{SERVER}")), 200, used).await;
    let user_data = at(&format!("servers/{SERVER}/user_data/cloud-init"));
    serve(&server, "PATCH", user_data, 204, Value::Null).await;
    serve(&server, "POST", at(&format!("servers/{SERVER}/action")), 202, task()).await;
    let made = connect(&server).provision(&host).await.unwrap();
    assert_eq!(made.id.as_str(), format!("{SERVER}|nl-ams-1"));
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn a_host_of_the_same_key_is_adopted_and_one_that_never_started_is_finished() {
    let server = wire::server().await;
    let mut host = small_host();
    host.key = Some(IdempotencyKey::new("order-17").unwrap());
    host.ports = OpenPorts::Only(vec!["443".parse().unwrap()]);
    let labels = host.all_labels();
    let found = json!({"servers": [server_json("running", GROUP, &labels)]});
    answer_once(&server, "GET", &par("servers"), 200, found).await;
    let cloud = connect(&server);
    assert_eq!(cloud.provision(&host).await.unwrap().status, HostStatus::Active);

    let going = json!({"servers": [server_json("stopping", GROUP, &labels)]});
    answer_once(&server, "GET", &par("servers"), 200, going).await;
    assert_eq!(cloud.provision(&host).await.unwrap_err().kind(), ErrorKind::Conflict);

    let half = json!({"servers": [server_json("stopped", DEFAULT_GROUP, &labels)]});
    serve(&server, "GET", par("servers"), 200, half).await;
    let groups = json!({"security_groups": [
        {"id": DEFAULT_GROUP, "name": format!("provision-{SERVER}-other")},
        {"id": GROUP, "name": format!("provision-{SERVER}")},
    ]});
    serve(&server, "GET", par("security_groups"), 200, groups).await;
    let rules = par(&format!("security_groups/{GROUP}/rules"));
    serve(&server, "PUT", rules, 200, json!({"rules": []})).await;
    let used = one("stopped", GROUP, &labels);
    serve(&server, "PATCH", par(&format!("servers/{SERVER}")), 200, used).await;
    let user_data = par(&format!("servers/{SERVER}/user_data/cloud-init"));
    serve(&server, "PATCH", user_data, 204, Value::Null).await;
    serve(&server, "POST", par(&format!("servers/{SERVER}/action")), 202, task()).await;
    assert_eq!(cloud.provision(&host).await.unwrap().status, HostStatus::Provisioning);
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn a_plan_without_a_local_disk_and_an_image_for_block_storage_are_refused() {
    let server = wire::server().await;
    image_for(&server, json!(["DEV1-S", "DEV1-M"])).await;
    let mut host = small_host();
    host.plan = Some("PLAY2-PICO".into());
    let refused = connect(&server).provision(&host).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidRequest);
    assert!(refused.to_string().contains("DEV1-S, DEV1-M"), "{refused}");

    let image = json!({"image": {"id": IMAGE, "root_volume": {"volume_type": "sbs_snapshot"}}});
    serve(&server, "GET", par(&format!("images/{IMAGE}")), 200, image).await;
    host.image = Some(IMAGE.into());
    let refused = connect(&server).provision(&host).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidRequest);
    assert!(refused.to_string().contains("would outlive the host"), "{refused}");
    assert_eq!(server.received_requests().await.unwrap().len(), 2);
}

#[tokio::test]
async fn status() {
    let server = wire::server().await;
    let running = one("running", DEFAULT_GROUP, &ours());
    serve(&server, "GET", par(&format!("servers/{SERVER}")), 200, running).await;
    let cloud = connect(&server);
    let host = cloud.status(&id()).await.unwrap();
    insta::assert_json_snapshot!(host);
    // A bare id is one of the configured zone.
    assert_eq!(cloud.status(&SERVER.parse().unwrap()).await.unwrap(), host);
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn only_the_cloud_s_own_words_make_a_host_gone() {
    let server = wire::server().await;
    let path = par(&format!("servers/{SERVER}"));
    answer_once(&server, "GET", &path, 404, Value::Null).await;
    answer_once(&server, "GET", &path, 429, Value::Null).await;
    serve(&server, "GET", path, 404, not_found()).await;
    let cloud = connect(&server);
    for kind in [
        ErrorKind::UnexpectedResponse,
        ErrorKind::RateLimited,
        ErrorKind::NotFound,
    ] {
        assert_eq!(cloud.status(&id()).await.unwrap_err().kind(), kind);
    }
}

#[tokio::test]
async fn list_reads_every_page_of_a_zone() {
    let server = wire::server().await;
    let first = json!({"servers": [server_json("running", DEFAULT_GROUP, &ours())], "total_count": 2});
    answer_once(&server, "GET", &zone("pl-waw-1", "servers"), 200, first).await;
    // Somebody else's, should the cloud not filter.
    let second = json!({"servers": [server_json("stopped", DEFAULT_GROUP, &Labels::new())], "total_count": 2});
    serve(&server, "GET", zone("pl-waw-1", "servers"), 200, second).await;
    let mut filter = ListFilter::all();
    filter.region = RegionFilter::Only("pl-waw-1".into());
    let hosts = connect(&server).list(&filter).await.unwrap();
    assert_eq!(hosts.len(), 1);
    assert_eq!(hosts[0].region.as_deref(), Some("pl-waw-1"));
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn catalog_of_a_zone() {
    let server = wire::server().await;
    let at = |path: &str| zone("fr-par-2", path);
    let plans = json!({"servers": {
        "DEV1-S": {"ncpus": 2, "ram": 2_147_483_648_u64, "arch": "x86_64", "monthly_price": 6.55248, "hourly_price": 0.008976,
            "volumes_constraint": {"min_size": 0, "max_size": 20_000_000_000_u64}, "end_of_service": false},
        "PLAY2-PICO": {"ncpus": 1, "ram": 2_147_483_648_u64, "arch": "x86_64", "monthly_price": 10.4244,
            "volumes_constraint": {"min_size": 0, "max_size": 0}, "end_of_service": false},
    }, "total_count": 2});
    serve(&server, "GET", at("products/servers"), 200, plans).await;
    let stock = json!({"servers": {"DEV1-S": {"availability": "scarce"}}, "total_count": 1});
    serve(&server, "GET", at("products/servers/availability"), 200, stock).await;
    let images = json!({"images": [{"id": IMAGE, "label": "ubuntu_noble", "name": "Ubuntu 24.04 Noble Numbat"}],
        "total_count": 1});
    answer(&server, "GET", "/marketplace/v2/images", 200, images).await;
    let query = CatalogQuery::all().region("fr-par-2");
    let catalog = connect(&server).catalog(&query).await.unwrap();
    insta::assert_json_snapshot!(catalog);
    insta::assert_snapshot!(received(&server).await);
}
