//! Pins every request that the provider sends when it deletes, over the real transport against a mock server.

#![allow(clippy::unwrap_used, reason = "a failed check ends the test")]

mod support;

use provision_core::{Deletion, ErrorKind, HostDeleteRequest, Provisioner, RegionFilter};
use provision_testkit::wire::{self, answer_once, received};
use serde_json::{Value, json};

use self::support::*;

#[tokio::test]
async fn a_server_that_cannot_be_started_is_removed_again() {
    let server = wire::server().await;
    image_for(&server, json!(["DEV1-S"])).await;
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
    let sold_out = json!({"type": "out_of_stock", "message": "resource is out of stock", "resource": "DEV1-S"});
    serve(&server, "POST", par(&format!("servers/{SERVER}/action")), 412, sold_out).await;
    let stopped = one("stopped", DEFAULT_GROUP, &ours());
    serve(&server, "GET", par(&format!("servers/{SERVER}")), 200, stopped).await;
    let named = json!({"volume": {"id": VOLUME, "name": format!("provision-{SERVER}")}});
    serve(&server, "PATCH", par(&format!("volumes/{VOLUME}")), 200, named).await;
    serve(&server, "DELETE", par(&format!("servers/{SERVER}")), 204, Value::Null).await;
    serve(&server, "DELETE", par(&format!("volumes/{VOLUME}")), 204, Value::Null).await;
    serve(
        &server,
        "GET",
        par("security_groups"),
        200,
        json!({"security_groups": []}),
    )
    .await;
    let refused = connect(&server).provision(&small_host()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Capacity);
    assert!(refused.to_string().contains("was removed again"), "{refused}");
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn delete_by_id_until_nothing_is_left() {
    let server = wire::server().await;
    let path = par(&format!("servers/{SERVER}"));
    for state in ["running", "stopping"] {
        answer_once(&server, "GET", &path, 200, one(state, GROUP, &ours())).await;
    }
    serve(&server, "GET", path, 404, not_found()).await;
    serve(&server, "POST", par(&format!("servers/{SERVER}/action")), 202, task()).await;
    let volumes = json!({"volumes": [{"id": VOLUME, "name": format!("provision-{SERVER}"), "server": null}]});
    serve(&server, "GET", par("volumes"), 200, volumes).await;
    serve(&server, "DELETE", par(&format!("volumes/{VOLUME}")), 204, Value::Null).await;
    let groups = json!({"security_groups": [{"id": GROUP, "name": format!("provision-{SERVER}")}]});
    serve(&server, "GET", par("security_groups"), 200, groups).await;
    let in_use = json!({"type": "conflict", "message": "Group is in use. You cannot delete it."});
    let group = par(&format!("security_groups/{GROUP}"));
    answer_once(&server, "DELETE", &group, 409, in_use).await;
    serve(&server, "DELETE", group, 204, Value::Null).await;
    let cloud = connect(&server);
    let request = HostDeleteRequest::from(id());
    for _ in 0..3 {
        assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::InProgress);
    }
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::Removed);
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn a_host_that_loses_its_address_to_a_switch_off_is_not_deleted_by_it() {
    let server = wire::server().await;
    let mut gpu = server_json("running", DEFAULT_GROUP, &ours());
    gpu["allowed_actions"] = json!(["poweroff", "reboot"]);
    serve(&server, "GET", par("servers"), 200, json!({"servers": [gpu.clone()]})).await;
    serve(
        &server,
        "GET",
        par(&format!("servers/{SERVER}")),
        200,
        json!({"server": gpu}),
    )
    .await;
    serve(&server, "POST", par(&format!("servers/{SERVER}/action")), 202, task()).await;
    let cloud = connect(&server);
    let by_ip = HostDeleteRequest::ip("203.0.113.7".parse().unwrap());
    let refused = cloud.delete(&by_ip).await.unwrap_err();
    assert!(refused.to_string().contains(id().as_str()), "{refused}");
    assert_eq!(cloud.delete(&id().into()).await.unwrap(), Deletion::InProgress);
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn a_protected_host_is_not_deleted() {
    let server = wire::server().await;
    let mut guarded = server_json("running", DEFAULT_GROUP, &ours());
    guarded["protected"] = json!(true);
    serve(
        &server,
        "GET",
        par(&format!("servers/{SERVER}")),
        200,
        json!({"server": guarded}),
    )
    .await;
    let refused = connect(&server).delete(&id().into()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Forbidden);
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn delete_by_ip_looks_in_every_zone_and_finds_what_a_gone_host_left() {
    let server = wire::server().await;
    let nobody = json!({"servers": []});
    answer_once(&server, "GET", &par("servers"), 200, nobody.clone()).await;
    let found = json!({"servers": [server_json("running", GROUP, &ours())]});
    answer_once(&server, "GET", &zone("pl-waw-1", "servers"), 200, found).await;
    for name in [
        "fr-par-1", "fr-par-2", "fr-par-3", "it-mil-1", "nl-ams-1", "nl-ams-2", "nl-ams-3", "pl-waw-1", "pl-waw-2",
        "pl-waw-3",
    ] {
        serve(&server, "GET", zone(name, "servers"), 200, nobody.clone()).await;
        if name != "pl-waw-1" {
            let none = json!({"security_groups": []});
            serve(&server, "GET", zone(name, "security_groups"), 200, none).await;
        }
    }
    let at = |path: &str| zone("pl-waw-1", path);
    let group = at(&format!("security_groups/{GROUP}"));
    serve(
        &server,
        "PATCH",
        group.clone(),
        200,
        json!({"security_group": {"id": GROUP}}),
    )
    .await;
    serve(&server, "POST", at(&format!("servers/{SERVER}/action")), 202, task()).await;
    let groups = json!({"security_groups": [{"id": GROUP, "name": format!("provision-{SERVER}")}]});
    serve(&server, "GET", at("security_groups"), 200, groups).await;
    serve(&server, "GET", at(&format!("servers/{SERVER}")), 404, not_found()).await;
    serve(&server, "GET", at("volumes"), 200, json!({"volumes": []})).await;
    serve(&server, "DELETE", group, 204, Value::Null).await;
    let cloud = connect(&server);
    let by_ip = HostDeleteRequest::ip("203.0.113.7".parse().unwrap());
    assert_eq!(cloud.delete(&by_ip).await.unwrap(), Deletion::InProgress);
    assert_eq!(cloud.delete(&by_ip).await.unwrap(), Deletion::Removed);
    // The other zones are asked at the same time, so that their order is not fixed.
    let text = received(&server).await;
    let mut requests: Vec<&str> = text.split("\n\n--------\n\n").collect();
    requests.sort_unstable();
    requests.dedup();
    insta::assert_snapshot!(requests.join("\n\n--------\n\n"));
}

#[tokio::test]
async fn the_group_of_a_host_that_lives_on_deletes_nothing() {
    let server = wire::server().await;
    serve(&server, "GET", par("servers"), 200, json!({"servers": []})).await;
    let groups = json!({"security_groups": [{"id": GROUP, "name": format!("provision-{SERVER}")}]});
    serve(&server, "GET", par("security_groups"), 200, groups).await;
    let alive = one("running", GROUP, &ours());
    serve(&server, "GET", par(&format!("servers/{SERVER}")), 200, alive).await;
    let request = HostDeleteRequest::Ip {
        ip: "203.0.113.99".parse().unwrap(),
        region: RegionFilter::Default,
    };
    let refused = connect(&server).delete(&request).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotFound);
    assert_eq!(server.received_requests().await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_step_that_the_state_no_longer_allows_is_tried_again_later() {
    let server = wire::server().await;
    let path = par(&format!("servers/{SERVER}"));
    answer_once(&server, "GET", &path, 200, one("running", DEFAULT_GROUP, &ours())).await;
    serve(&server, "GET", path, 200, one("stopping", DEFAULT_GROUP, &ours())).await;
    let busy = json!({"type": "transient_state", "message": "busy", "current_state": "stopping"});
    serve(&server, "POST", par(&format!("servers/{SERVER}/action")), 409, busy).await;
    no_leftovers(&server).await;
    let deleted = connect(&server).delete(&id().into()).await.unwrap();
    assert_eq!(deleted, Deletion::InProgress);
}
