//! As `wire.rs`: deletions, and the life of a host's own firewall.

#![allow(clippy::unwrap_used, reason = "a failed check ends the test")]

mod support;

use provision_core::{BasicHost, Deletion, ErrorKind, HostDeleteRequest, OpenPorts, Provisioner, RegionFilter};
use provision_testkit::{
    wire::{self, answer, answer_once},
    wiremock::MockServer,
};
use serde_json::{Value, json};

use support::*;

/// The name under which the firewall of a host is made.
async fn name_of_new_firewall(host: &BasicHost) -> String {
    let server = wire::server().await;
    answer_firewall(&server).await;
    answer(&server, "POST", "/v2/instances", 429, Value::Null).await;
    connect(&server).provision(host).await.unwrap_err();
    let sent = server.received_requests().await.unwrap();
    let create = sent.iter().find(|request| request.method.as_str() == "POST").unwrap();
    let body: Value = serde_json::from_slice(&create.body).unwrap();
    body.get("name").unwrap().as_str().unwrap().to_owned()
}

async fn answer_success(server: &MockServer, verb: &str, path: &str) {
    answer(server, verb, path, 200, json!({"result": "success"})).await;
}

fn wall() -> String {
    format!("/v2/firewalls/{FIREWALL}")
}

fn instance_path() -> String {
    format!("/v2/instances/{ID}")
}

#[tokio::test]
async fn the_firewall_of_an_earlier_call_is_used_unless_an_instance_has_it() {
    let name = name_of_new_firewall(&full_host()).await;
    let server = wire::server().await;
    answer(&server, "GET", "/v2/instances", 200, page(json!([]), 1, 1)).await;
    answer_once(&server, "GET", "/v2/firewalls", 200, json!([firewall(&name, 1)])).await;
    answer(&server, "GET", "/v2/firewalls", 200, json!([firewall(&name, 0)])).await;
    let made = instance("BUILDING", None, &fenced(&full_host()));
    answer(&server, "POST", "/v2/instances", 200, made).await;
    answer_success(&server, "PUT", &wall()).await;
    let cloud = connect(&server);
    let busy = cloud.provision(&full_host()).await.unwrap_err();
    assert_eq!(busy.kind(), ErrorKind::Conflict);
    cloud.provision(&full_host()).await.unwrap();
    let sent = server.received_requests().await.unwrap();
    let create = sent.iter().find(|request| request.method.as_str() == "POST").unwrap();
    let body: Value = serde_json::from_slice(&create.body).unwrap();
    assert_eq!(body["firewall_id"], FIREWALL);
}

#[tokio::test]
async fn a_firewall_that_was_left_with_other_ports_is_not_used() {
    let left = name_of_new_firewall(&full_host()).await;
    let mut host = full_host();
    host.ports = OpenPorts::Only(vec!["443".parse().unwrap()]);
    let other = name_of_new_firewall(&host).await;
    assert_ne!(left, other);
    let server = wire::server().await;
    answer(&server, "GET", "/v2/instances", 200, page(json!([]), 1, 1)).await;
    answer(&server, "GET", "/v2/firewalls", 200, json!([firewall(&left, 0)])).await;
    // Another call makes the right one at the same moment.
    answer(
        &server,
        "POST",
        "/v2/firewalls",
        409,
        error("database_firewall_duplicate_name"),
    )
    .await;
    let busy = connect(&server).provision(&host).await.unwrap_err();
    assert_eq!(
        (busy.kind(), busy.operation()),
        (ErrorKind::Conflict, Some("create firewall"))
    );
    // It is not the host's name that is taken: no host is looked for by it.
    assert_eq!(paths(&server).await.last().unwrap(), "POST /v2/firewalls");
}

#[tokio::test]
async fn a_refused_create_takes_its_firewall_with_it() {
    let server = wire::server().await;
    answer_firewall(&server).await;
    answer_once(&server, "POST", "/v2/instances", 409, error("quota_limit_reached")).await;
    answer(&server, "POST", "/v2/instances", 503, error("out_of_capacity")).await;
    answer_once(&server, "DELETE", &wall(), 200, json!({"result": "success"})).await;
    answer(&server, "DELETE", &wall(), 403, error("authentication_access_denied")).await;
    let cloud = connect(&server);
    let refused = cloud.provision(&full_host()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Quota);
    assert!(!refused.to_string().contains(FIREWALL), "{refused}");
    insta::assert_snapshot!(sent(&server).await);
    // Nothing was made, although this comes with 503.
    let refused = cloud.provision(&full_host()).await.unwrap_err();
    assert_eq!((refused.kind(), refused.may_exist()), (ErrorKind::Capacity, false));
    assert!(refused.to_string().contains(FIREWALL), "{refused}");
}

#[tokio::test]
async fn a_firewall_stays_that_the_next_call_may_need() {
    for (status, body, kind) in [
        (500, json!({"status": 500}), ErrorKind::Unavailable),
        (200, json!({}), ErrorKind::UnexpectedResponse),
        (429, Value::Null, ErrorKind::RateLimited),
        (409, error("instance_duplicate"), ErrorKind::Conflict),
    ] {
        let server = wire::server().await;
        answer_firewall(&server).await;
        answer(&server, "POST", "/v2/instances", status, body).await;
        let lost = connect(&server).provision(&full_host()).await.unwrap_err();
        assert_eq!(lost.kind(), kind, "{lost}");
        let paths = paths(&server).await;
        assert!(!paths.iter().any(|path| path.starts_with("DELETE")), "{paths:?}");
    }
}

#[tokio::test]
async fn a_host_whose_firewall_cannot_be_named_stays_and_is_named() {
    let server = wire::server().await;
    answer_firewall(&server).await;
    let made = instance("BUILDING", None, &fenced(&full_host()));
    answer(&server, "POST", "/v2/instances", 200, made).await;
    answer_once(&server, "PUT", &wall(), 400, error("parameter_name_invalid")).await;
    let error = connect(&server).provision(&full_host()).await.unwrap_err();
    assert_eq!(error.host().map(|id| id.parts().count()), Some(2));
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    let paths = paths(&server).await;
    assert!(!paths.iter().any(|path| path.starts_with("DELETE")), "{paths:?}");
}

#[tokio::test]
async fn delete_by_id() {
    let server = wire::server().await;
    let active = instance("ACTIVE", Some("203.0.113.7"), &ours());
    answer_once(&server, "GET", &instance_path(), 200, active).await;
    answer_success(&server, "DELETE", &instance_path()).await;
    let going = instance("DELETING", None, &ours());
    answer_once(&server, "GET", &instance_path(), 200, going).await;
    answer(&server, "GET", &instance_path(), 404, gone()).await;
    answer(
        &server,
        "GET",
        "/v2/firewalls",
        200,
        json!([firewall("default-default", 3)]),
    )
    .await;
    let cloud = connect(&server);
    let request = HostDeleteRequest::from(id());
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::InProgress);
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::InProgress);
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::NotFound);
    insta::assert_snapshot!(sent(&server).await);
}

#[tokio::test]
async fn delete_of_a_host_with_a_firewall_until_nothing_is_left() {
    let server = wire::server().await;
    let active = instance("ACTIVE", Some("203.0.113.7"), &fenced(&small_host()));
    answer_once(&server, "GET", &instance_path(), 200, active).await;
    answer_success(&server, "PUT", &wall()).await;
    answer_success(&server, "DELETE", &instance_path()).await;
    answer(&server, "GET", &instance_path(), 404, gone()).await;
    let other = json!({"id": NETWORK, "name": "provision-new-2", "instance_count": 0});
    let named = firewall(&format!("provision-{ID}"), 0);
    answer_once(&server, "GET", "/v2/firewalls", 200, json!([other, named])).await;
    answer_once(&server, "GET", "/v2/firewalls", 200, json!([other, named])).await;
    answer(&server, "GET", "/v2/firewalls", 200, json!([other])).await;
    // The count of its instances may be ahead of what Civo goes by.
    answer_once(&server, "DELETE", &wall(), 409, in_use()).await;
    answer_once(&server, "DELETE", &wall(), 200, json!({"result": "success"})).await;
    let cloud = connect(&server);
    let request = HostDeleteRequest::from(id());
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::InProgress);
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::InProgress);
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::Removed);
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::NotFound);
    insta::assert_snapshot!(sent(&server).await);
}

#[tokio::test]
async fn a_firewall_that_cannot_be_named_keeps_no_host_alive() {
    let server = wire::server().await;
    let active = instance("ACTIVE", None, &fenced(&small_host()));
    answer_once(&server, "GET", &instance_path(), 200, active).await;
    let going = instance("DELETING", None, &fenced(&small_host()));
    answer(&server, "GET", &instance_path(), 200, going).await;
    answer_once(&server, "PUT", &wall(), 429, Value::Null).await;
    answer_once(&server, "PUT", &wall(), 403, error("authentication_access_denied")).await;
    answer_success(&server, "PUT", &wall()).await;
    answer_success(&server, "DELETE", &instance_path()).await;
    let cloud = connect(&server);
    let request = HostDeleteRequest::from(id());
    assert_eq!(cloud.delete(&request).await.unwrap_err().kind(), ErrorKind::RateLimited);
    assert_eq!(cloud.delete(&request).await.unwrap_err().kind(), ErrorKind::Forbidden);
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::InProgress);
    let deletes = paths(&server).await;
    assert_eq!(deletes.iter().filter(|path| path.starts_with("DELETE")).count(), 1);
}

#[tokio::test]
async fn a_deletion_that_is_not_accepted_is_an_error() {
    let server = wire::server().await;
    let active = instance("ACTIVE", None, &fenced(&small_host()));
    answer(&server, "GET", &instance_path(), 200, active).await;
    answer_success(&server, "PUT", &wall()).await;
    let busy = error("instance_state_must_be_active_or_shutoff");
    answer_once(&server, "DELETE", &instance_path(), 409, busy).await;
    answer(&server, "DELETE", &instance_path(), 404, gone()).await;
    let cloud = connect(&server);
    let refused = cloud.delete(&id().into()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    // Gone between two requests: its firewall is still to go.
    assert_eq!(cloud.delete(&id().into()).await.unwrap(), Deletion::InProgress);
}

#[tokio::test]
async fn whoever_may_not_see_firewalls_is_told_so_and_nothing_is_called_gone() {
    let server = wire::server().await;
    answer(&server, "GET", &instance_path(), 404, gone()).await;
    answer(
        &server,
        "GET",
        "/v2/firewalls",
        403,
        error("authentication_access_denied"),
    )
    .await;
    let cloud = connect(&server);
    let by_id = cloud.delete(&id().into()).await.unwrap_err();
    let key = full_host().key();
    let by_key = cloud.delete_leftovers(&key, &RegionFilter::Default).await.unwrap_err();
    for error in [by_id, by_key] {
        assert_eq!(
            (error.kind(), error.operation()),
            (ErrorKind::Forbidden, Some("list firewalls"))
        );
    }
}

#[tokio::test]
async fn a_firewall_without_its_list_is_not_called_gone() {
    let server = wire::server().await;
    answer(&server, "GET", &instance_path(), 404, gone()).await;
    answer_once(&server, "GET", "/v2/firewalls", 200, json!({})).await;
    answer_once(&server, "GET", "/v2/firewalls", 200, Value::Null).await;
    let cloud = connect(&server);
    for _ in 0..2 {
        let error = cloud.delete(&id().into()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedResponse);
    }
}

/// Two calls with one key at the same moment, the second of which used the firewall of the first.
#[tokio::test]
async fn a_firewall_that_two_hosts_share_goes_with_the_last() {
    let server = wire::server().await;
    answer(&server, "GET", &instance_path(), 404, gone()).await;
    let named = firewall(&format!("provision-{ID}"), 1);
    answer(&server, "GET", "/v2/firewalls", 200, json!([named])).await;
    // The list still shows the host that is gone.
    let late = instance("DELETING", None, &fenced(&small_host()));
    answer_once(&server, "GET", "/v2/instances", 200, page(json!([late]), 1, 1)).await;
    let mut heir = instance("ACTIVE", Some("203.0.113.8"), &fenced(&small_host()));
    heir["id"] = json!("3f1c6f0e-7a55-4d3b-9c65-0a7d3f0f6f11");
    answer(&server, "GET", "/v2/instances", 200, page(json!([heir]), 1, 1)).await;
    answer_once(&server, "DELETE", &wall(), 409, in_use()).await;
    answer_success(&server, "PUT", &wall()).await;
    let cloud = connect(&server);
    // Nobody else uses it: the count lags behind, too.
    assert_eq!(cloud.delete(&id().into()).await.unwrap(), Deletion::InProgress);
    assert_eq!(cloud.delete(&id().into()).await.unwrap(), Deletion::Removed);
    let sent = server.received_requests().await.unwrap();
    let body: Value = serde_json::from_slice(&sent.last().unwrap().body).unwrap();
    assert_eq!(body["name"], "provision-3f1c6f0e-7a55-4d3b-9c65-0a7d3f0f6f11");
}

#[tokio::test]
async fn delete_by_ip_takes_no_more_than_five_requests_in_a_row() {
    let server = wire::server().await;
    let foreign = instance("ACTIVE", Some("203.0.113.7"), &[]);
    answer_once(&server, "GET", "/v2/instances", 200, page(json!([foreign]), 1, 1)).await;
    let regions = json!([{"code": "LON1"}, {"code": "FRA1"}]);
    answer(&server, "GET", "/v2/regions", 200, regions).await;
    let mut own = instance("ACTIVE", Some("203.0.113.7"), &fenced(&small_host()));
    own["region"] = json!("FRA1");
    answer_once(&server, "GET", "/v2/instances", 200, page(json!([own]), 1, 1)).await;
    answer_once(&server, "GET", &instance_path(), 200, own).await;
    answer_success(&server, "PUT", &wall()).await;
    answer_success(&server, "DELETE", &instance_path()).await;
    let cloud = connect(&server);
    let request = HostDeleteRequest::ip("203.0.113.7".parse().unwrap());
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::InProgress);
    insta::assert_snapshot!(sent(&server).await);
    answer(&server, "GET", "/v2/instances", 200, page(json!([]), 1, 1)).await;
    assert_eq!(cloud.delete(&request).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn the_firewall_of_a_host_that_never_came_to_be_is_found_by_the_key() {
    let key = full_host().key();
    let name = name_of_new_firewall(&full_host()).await;
    let server = wire::server().await;
    let regions = json!([{"code": "LON1"}, {"code": "FRA1"}]);
    answer(&server, "GET", "/v2/regions", 200, regions).await;
    let other = json!({"id": NETWORK, "name": "provision-new-2", "instance_count": 0});
    let listed = |instances| json!([other, firewall(&name, instances)]);
    let cloud = connect(&server);
    // One that an instance uses stays, and so does one that an instance came to use meanwhile.
    let fra1 = RegionFilter::Only("fra1".into());
    answer_once(&server, "GET", "/v2/firewalls", 200, listed(1)).await;
    assert_eq!(cloud.delete_leftovers(&key, &fra1).await.unwrap(), Deletion::InProgress);
    assert_eq!(paths(&server).await, ["GET /v2/firewalls"]);
    answer_once(&server, "GET", "/v2/firewalls", 200, listed(0)).await;
    answer_once(&server, "DELETE", &wall(), 409, in_use()).await;
    assert_eq!(cloud.delete_leftovers(&key, &fra1).await.unwrap(), Deletion::InProgress);
    answer_once(&server, "GET", "/v2/firewalls", 200, listed(0)).await;
    answer(&server, "GET", "/v2/firewalls", 200, json!([other])).await;
    answer_success(&server, "DELETE", &wall()).await;
    let all = RegionFilter::All;
    assert_eq!(cloud.delete_leftovers(&key, &all).await.unwrap(), Deletion::Removed);
    assert_eq!(cloud.delete_leftovers(&key, &all).await.unwrap(), Deletion::NotFound);
    assert_eq!(
        paths(&server)
            .await
            .iter()
            .filter(|path| path.starts_with("DELETE"))
            .count(),
        2
    );
}

/// A page of a gateway, with status 200, in the place of Civo's word: the firewall is still there, and nobody would look for it
/// again.
#[tokio::test]
async fn only_civos_own_word_says_that_a_firewall_went() {
    let server = wire::server().await;
    answer(&server, "GET", &instance_path(), 404, gone()).await;
    let named = firewall(&format!("provision-{ID}"), 0);
    answer(&server, "GET", "/v2/firewalls", 200, json!([named])).await;
    answer_once(&server, "DELETE", &wall(), 200, json!({})).await;
    answer_once(&server, "DELETE", &wall(), 200, json!({"result": "queued"})).await;
    answer_success(&server, "DELETE", &wall()).await;
    let cloud = connect(&server);
    for _ in 0..2 {
        let error = cloud.delete(&id().into()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedResponse, "{error}");
    }
    assert_eq!(cloud.delete(&id().into()).await.unwrap(), Deletion::Removed);
}
