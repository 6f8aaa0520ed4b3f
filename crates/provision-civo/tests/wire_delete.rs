//! As `wire.rs`: deletions, and the life of a host's own firewall.

#![allow(clippy::unwrap_used, reason = "a failed check ends the test")]

mod support;

use provision_core::{Deletion, ErrorKind, HostDeleteRequest, Provisioner, RegionFilter};
use provision_testkit::wire::{self, answer, answer_once, received};
use serde_json::{Value, json};

use support::*;

#[tokio::test]
async fn the_firewall_of_an_earlier_call_is_used_unless_an_instance_has_it() {
    let server = wire::server().await;
    let mut host = full_host();
    host.image = Some(IMAGE.into());
    let name = "provision-new-5c2ef9b6d2d8c8b5b9ac3a4a65a6ea3e";
    answer(&server, "GET", "/v2/instances", 200, page(json!([]), 1, 1)).await;
    answer(
        &server,
        "POST",
        "/v2/firewalls",
        409,
        error("database_firewall_duplicate_name"),
    )
    .await;
    // Whatever the hash is: it stands in the request.
    let cloud = connect(&server);
    answer_once(&server, "GET", "/v2/firewalls", 200, json!([firewall(name, 0)])).await;
    let unknown = cloud.provision(&host).await.unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::AlreadyExists);
    let sent = server.received_requests().await.unwrap();
    let create = sent.iter().find(|request| request.method.as_str() == "POST").unwrap();
    let body: Value = serde_json::from_slice(&create.body).unwrap();
    let name = body["name"].as_str().unwrap().to_owned();

    answer_once(&server, "GET", "/v2/firewalls", 200, json!([firewall(&name, 1)])).await;
    let busy = cloud.provision(&host).await.unwrap_err();
    assert_eq!(busy.kind(), ErrorKind::Conflict);

    answer_once(&server, "GET", "/v2/firewalls", 200, json!([firewall(&name, 0)])).await;
    answer(
        &server,
        "POST",
        "/v2/instances",
        200,
        instance("BUILDING", None, &fenced()),
    )
    .await;
    cloud.provision(&host).await.unwrap();
    let sent = server.received_requests().await.unwrap();
    let body: Value = serde_json::from_slice(&sent.last().unwrap().body).unwrap();
    assert_eq!(body["firewall_id"], FIREWALL);
}

#[tokio::test]
async fn a_refused_create_takes_its_firewall_with_it() {
    let server = wire::server().await;
    let mut host = full_host();
    answer(&server, "GET", "/v2/instances", 200, page(json!([]), 1, 1)).await;
    answer(
        &server,
        "POST",
        "/v2/firewalls",
        200,
        json!({"id": FIREWALL, "name": "n", "result": "success"}),
    )
    .await;
    answer_once(&server, "POST", "/v2/instances", 409, error("quota_limit_reached")).await;
    answer(
        &server,
        "DELETE",
        &format!("/v2/firewalls/{FIREWALL}"),
        200,
        json!({"result": "success"}),
    )
    .await;
    let cloud = connect(&server);
    assert_eq!(cloud.provision(&host).await.unwrap_err().kind(), ErrorKind::Quota);
    insta::assert_snapshot!(received(&server).await);

    // The outcome is unknown: with a key the next call goes on, without one the host may need its firewall.
    answer(&server, "POST", "/v2/instances", 500, json!({"status": 500})).await;
    let before = server.received_requests().await.unwrap().len();
    assert_eq!(cloud.provision(&host).await.unwrap_err().kind(), ErrorKind::Unavailable);
    host.key = None;
    let lost = cloud.provision(&host).await.unwrap_err();
    assert!(lost.to_string().contains(FIREWALL), "{lost}");
    let sent = server.received_requests().await.unwrap();
    assert!(
        sent.iter()
            .skip(before)
            .all(|request| request.method.as_str() != "DELETE")
    );
}

#[tokio::test]
async fn delete_by_id() {
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
    answer(&server, "DELETE", &path, 200, json!({"result": "success"})).await;
    answer_once(&server, "GET", &path, 200, instance("DELETING", None, &ours())).await;
    answer(&server, "GET", &path, 404, gone()).await;
    answer(
        &server,
        "GET",
        "/v2/firewalls",
        200,
        json!([firewall("default-default", 3)]),
    )
    .await;
    let cloud = connect(&server);
    let request = HostDeleteRequest::Id(format!("{ID}|LON1").parse().unwrap());
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::InProgress);
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::InProgress);
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::Removed);
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn delete_of_a_host_with_a_firewall_until_nothing_is_left() {
    let server = wire::server().await;
    let (path, wall) = (format!("/v2/instances/{ID}"), format!("/v2/firewalls/{FIREWALL}"));
    let success = || json!({"result": "success"});
    answer_once(
        &server,
        "GET",
        &path,
        200,
        instance("ACTIVE", Some("203.0.113.7"), &fenced()),
    )
    .await;
    let other = json!({"id": NETWORK, "name": "provision-new-2", "instance_count": 1});
    answer_once(
        &server,
        "GET",
        "/v2/firewalls",
        200,
        json!([other, firewall("provision-new-1", 1)]),
    )
    .await;
    answer(&server, "PUT", &wall, 200, success()).await;
    answer(&server, "DELETE", &path, 200, success()).await;
    answer_once(&server, "DELETE", &wall, 409, in_use()).await;
    // The count of its instances may lag behind.
    answer_once(&server, "DELETE", &wall, 409, in_use()).await;
    answer(&server, "GET", &path, 404, gone()).await;
    let named = firewall(&format!("provision-{ID}-203-0-113-7"), 0);
    answer(&server, "GET", "/v2/firewalls", 200, json!([other, named])).await;
    answer_once(&server, "DELETE", &wall, 200, success()).await;
    let cloud = connect(&server);
    let request = HostDeleteRequest::Id(ID.parse().unwrap());
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::InProgress);
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::InProgress);
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::Removed);
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn a_firewall_that_somebody_else_made_stays() {
    let server = wire::server().await;
    let path = format!("/v2/instances/{ID}");
    answer(&server, "GET", &path, 200, instance("ACTIVE", None, &fenced())).await;
    // The host was moved behind another firewall since.
    answer(&server, "GET", "/v2/firewalls", 200, json!([firewall("office", 1)])).await;
    answer(&server, "DELETE", &path, 200, json!({"result": "success"})).await;
    let request = HostDeleteRequest::Id(ID.parse().unwrap());
    assert_eq!(connect(&server).delete(&request).await.unwrap(), Deletion::InProgress);
}

#[tokio::test]
async fn a_firewall_that_cannot_be_renamed_keeps_no_host_alive() {
    let server = wire::server().await;
    let (path, wall) = (format!("/v2/instances/{ID}"), format!("/v2/firewalls/{FIREWALL}"));
    answer(&server, "GET", &path, 200, instance("ACTIVE", None, &fenced())).await;
    answer(
        &server,
        "GET",
        "/v2/firewalls",
        200,
        json!([firewall("provision-new-1", 1)]),
    )
    .await;
    answer_once(&server, "PUT", &wall, 429, Value::Null).await;
    answer_once(&server, "PUT", &wall, 403, error("authentication_access_denied")).await;
    answer(&server, "DELETE", &path, 200, json!({"result": "success"})).await;
    answer(&server, "DELETE", &wall, 409, in_use()).await;
    let cloud = connect(&server);
    let request = HostDeleteRequest::Id(ID.parse().unwrap());
    assert_eq!(cloud.delete(&request).await.unwrap_err().kind(), ErrorKind::RateLimited);
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::InProgress);
}

#[tokio::test]
async fn a_firewall_keeps_the_address_that_its_host_had() {
    let server = wire::server().await;
    let (path, wall) = (format!("/v2/instances/{ID}"), format!("/v2/firewalls/{FIREWALL}"));
    let named = firewall(&format!("provision-{ID}-203-0-113-70"), 1);
    answer(&server, "GET", "/v2/firewalls", 200, json!([named])).await;
    answer(&server, "DELETE", &wall, 409, in_use()).await;
    let cloud = connect(&server);
    let request = HostDeleteRequest::Id(ID.parse().unwrap());
    answer_once(&server, "GET", &path, 200, instance("DELETING", None, &fenced())).await;
    answer_once(
        &server,
        "GET",
        &path,
        200,
        instance("DELETING", Some("203.0.113.70"), &fenced()),
    )
    .await;
    for _ in 0..2 {
        assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::InProgress);
    }
    let sent = server.received_requests().await.unwrap();
    assert!(sent.iter().all(|request| request.method.as_str() != "PUT"));
    answer_once(
        &server,
        "GET",
        &path,
        200,
        instance("DELETING", Some("203.0.113.7"), &fenced()),
    )
    .await;
    answer(&server, "PUT", &wall, 200, json!({"result": "success"})).await;
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::InProgress);
    let sent = server.received_requests().await.unwrap();
    assert!(sent.iter().any(|request| request.method.as_str() == "PUT"));
}

#[tokio::test]
async fn delete_by_ip_until_the_firewall_is_gone() {
    let server = wire::server().await;
    let (path, wall) = (format!("/v2/instances/{ID}"), format!("/v2/firewalls/{FIREWALL}"));
    let foreign = instance("ACTIVE", Some("203.0.113.7"), &[]);
    let own = instance("ACTIVE", Some("203.0.113.7"), &fenced());
    answer_once(&server, "GET", "/v2/instances", 200, page(json!([foreign, own]), 1, 1)).await;
    answer_once(
        &server,
        "GET",
        "/v2/firewalls",
        200,
        json!([firewall("provision-new-1", 1)]),
    )
    .await;
    answer(&server, "PUT", &wall, 200, json!({"result": "success"})).await;
    answer(&server, "DELETE", &path, 200, json!({"result": "success"})).await;
    answer_once(&server, "DELETE", &wall, 409, in_use()).await;
    // The host is gone, in every region.
    answer(&server, "GET", "/v2/instances", 200, page(json!([]), 1, 1)).await;
    answer(
        &server,
        "GET",
        "/v2/regions",
        200,
        json!([{"code": "LON1"}, {"code": "FRA1"}]),
    )
    .await;
    let left = || json!([firewall(&format!("provision-{ID}-203-0-113-7"), 0)]);
    answer(&server, "GET", "/v2/firewalls", 200, left()).await;
    answer(&server, "GET", &path, 404, gone()).await;
    answer(&server, "DELETE", &wall, 200, json!({"result": "success"})).await;
    let cloud = connect(&server);
    let request = HostDeleteRequest::ip("203.0.113.7".parse().unwrap());
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::InProgress);
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::Removed);
    insta::assert_snapshot!(received(&server).await);
    let nobody = HostDeleteRequest::ip("203.0.113.70".parse().unwrap());
    assert_eq!(cloud.delete(&nobody).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn the_firewall_of_a_host_that_never_came_to_be_is_found_by_the_key() {
    let server = wire::server().await;
    let key = full_host().key.unwrap();
    let regions = json!([{"code": "LON1"}, {"code": "FRA1"}]);
    answer(&server, "GET", "/v2/regions", 200, regions).await;
    let name = format!("provision-new-{}", key.hash_with(&["FRA1"]));
    let other = json!({"id": NETWORK, "name": "provision-new-2", "instance_count": 0});
    let listed = |instances| json!([other, firewall(&name, instances)]);
    let cloud = connect(&server);
    // One that an instance uses stays, and so does one that an instance came to use meanwhile.
    let fra1 = RegionFilter::Only("fra1".into());
    answer_once(&server, "GET", "/v2/firewalls", 200, listed(1)).await;
    assert_eq!(cloud.delete_leftovers(&key, &fra1).await.unwrap(), Deletion::InProgress);
    let wall = format!("/v2/firewalls/{FIREWALL}");
    answer_once(&server, "GET", "/v2/firewalls", 200, listed(0)).await;
    answer_once(&server, "DELETE", &wall, 409, in_use()).await;
    assert_eq!(cloud.delete_leftovers(&key, &fra1).await.unwrap(), Deletion::InProgress);
    answer(&server, "GET", "/v2/firewalls", 200, listed(0)).await;
    answer(&server, "DELETE", &wall, 200, json!({"result": "success"})).await;
    let all = RegionFilter::All;
    assert_eq!(cloud.delete_leftovers(&key, &all).await.unwrap(), Deletion::Removed);
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn what_cannot_be_read_is_not_called_gone() {
    let server = wire::server().await;
    let key = full_host().key.unwrap();
    let here = RegionFilter::Default;
    let cloud = connect(&server);
    answer_once(&server, "GET", "/v2/firewalls", 429, Value::Null).await;
    let limited = cloud.delete_leftovers(&key, &here).await.unwrap_err();
    assert_eq!(limited.kind(), ErrorKind::RateLimited);
    // Whoever may not read firewalls has never made one.
    answer(
        &server,
        "GET",
        "/v2/firewalls",
        403,
        error("authentication_access_denied"),
    )
    .await;
    assert_eq!(cloud.delete_leftovers(&key, &here).await.unwrap(), Deletion::Removed);
}
