//! What a create sends, and what becomes of it when a step fails.

use provision_core::{BasicHost, Deletion, ErrorKind, HostStatus, Origin, Provisioner, RegionFilter};
use provision_testkit::{
    wire::{self, answer, answer_once, received},
    wiremock::MockServer,
};
use serde_json::{Value, json};

use super::*;

const LEFT: &str = "11cc7dc1-392f-4318-9f19-b9d7ef608527";
const OLD: &str = "2026-11-19T10:00:00.000000+00:00";
const NEW: &str = "2026-11-20T10:00:00.000000+00:00";

async fn image_for(server: &MockServer, plans: Value) {
    let images = json!([{"id": IMAGE, "arch": "x86_64", "zone": "fr-par-1", "label": "ubuntu_noble",
        "type": "instance_local", "compatible_commercial_types": plans}]);
    let body = json!({"local_images": images, "total_count": 1});
    answer(server, "GET", "/marketplace/v2/local-images", 200, body).await;
}

fn name_for_key(host: &BasicHost) -> String {
    format!("provision-{}", host.key().hash())
}

/// No host and no group of the key, and an image.
async fn nothing_yet(server: &MockServer, host: &BasicHost) {
    serve(server, "GET", par("servers"), 200, list(&[])).await;
    image_for(server, json!(["DEV1-S"])).await;
    serve(
        server,
        "GET",
        par("security_groups"),
        200,
        json!({"security_groups": []}),
    )
    .await;
    let made = json!({ "security_group": group_json(GROUP, &name_for_key(host), &[], NEW) });
    serve(server, "POST", par("security_groups"), 201, made).await;
}

/// What follows the create of a server in Paris and goes well.
async fn the_rest(server: &MockServer, host: &BasicHost) {
    serve(server, "POST", par("servers"), 201, one("stopped", host)).await;
    let user_data = par(&format!("servers/{SERVER}/user_data/cloud-init"));
    serve(server, "PATCH", user_data, 204, Value::Null).await;
    let group = json!({ "security_group": group_json(GROUP, "provision-x", &[SERVER], NEW) });
    serve(server, "PATCH", par(&format!("security_groups/{GROUP}")), 200, group).await;
    let rules = par(&format!("security_groups/{GROUP}/rules"));
    serve(server, "PUT", rules, 200, json!({"rules": []})).await;
    serve(server, "POST", par(&format!("servers/{SERVER}/action")), 202, task()).await;
}

#[tokio::test]
async fn create_with_defaults() {
    let server = wire::server().await;
    let host = small_host();
    nothing_yet(&server, &host).await;
    the_rest(&server, &host).await;
    let made = connect(&server).provision(&host).await.unwrap();
    assert_eq!((made.id, made.status), (id(), HostStatus::Provisioning));
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn create_with_everything() {
    let server = wire::server().await;
    let at = |path: &str| zone("nl-ams-1", path);
    let host = full_host();
    serve(&server, "GET", at("servers"), 200, list(&[])).await;
    let image = json!({"image": {"id": IMAGE, "root_volume": {"volume_type": "l_ssd"}}});
    serve(&server, "GET", at(&format!("images/{IMAGE}")), 200, image).await;
    serve(
        &server,
        "GET",
        at("security_groups"),
        200,
        json!({"security_groups": []}),
    )
    .await;
    let group = json!({ "security_group": group_json(GROUP, &name_for_key(&host), &[], NEW) });
    serve(&server, "POST", at("security_groups"), 201, group.clone()).await;
    serve(&server, "POST", at("servers"), 201, one("stopped", &host)).await;
    serve(&server, "PATCH", at(&format!("security_groups/{GROUP}")), 200, group).await;
    let rules = at(&format!("security_groups/{GROUP}/rules"));
    serve(&server, "PUT", rules, 200, json!({"rules": []})).await;
    let user_data = at(&format!("servers/{SERVER}/user_data/cloud-init"));
    serve(&server, "PATCH", user_data, 204, Value::Null).await;
    serve(&server, "POST", at(&format!("servers/{SERVER}/action")), 202, task()).await;
    let made = connect(&server).provision(&host).await.unwrap();
    assert_eq!(made.id.as_str(), format!("{SERVER}|nl-ams-1"));
    insta::assert_snapshot!(received_in_any_order(&server).await);
}

#[tokio::test]
async fn a_running_host_of_the_key_is_adopted_as_it_is_and_a_dying_one_is_not() {
    let server = wire::server().await;
    let host = closed_host();
    let running = list(&[server_json("running", &host)]);
    answer_once(&server, "GET", &par("servers"), 200, running).await;
    serve(
        &server,
        "GET",
        par("servers"),
        200,
        list(&[server_json("stopping", &host)]),
    )
    .await;
    let cloud = connect(&server);
    let found = cloud.provision(&host).await.unwrap();
    assert_eq!(
        (found.status, found.origin),
        (HostStatus::Active, Some(Origin::Adopted))
    );
    assert_eq!(cloud.provision(&host).await.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(server.received_requests().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_host_that_was_never_started_gets_what_it_lacks() {
    let server = wire::server().await;
    let host = closed_host();
    let found = list(&[server_json("stopped", &host)]);
    serve(&server, "GET", par("servers"), 200, found).await;
    the_rest(&server, &host).await;
    let fixed = json!({"rules": [{"id": IMAGE, "direction": "outbound", "editable": false}]});
    let rules = par(&format!("security_groups/{GROUP}/rules"));
    answer_once(&server, "GET", &rules, 200, fixed).await;
    let names = par(&format!("servers/{SERVER}/user_data"));
    answer_once(&server, "GET", &names, 200, json!({"user_data": []})).await;
    let cloud = connect(&server);
    assert_eq!(cloud.provision(&host).await.unwrap().status, HostStatus::Provisioning);
    insta::assert_snapshot!(received_in_any_order(&server).await);

    let ours = json!({"rules": [{"id": IMAGE, "direction": "inbound", "editable": true}]});
    serve(&server, "GET", rules, 200, ours).await;
    serve(&server, "GET", names, 200, json!({"user_data": ["cloud-init"]})).await;
    cloud.provision(&host).await.unwrap();
    // What is there is not changed.
    assert_eq!(count(&server, "PUT", "/rules").await, 1);
    assert_eq!(count(&server, "PATCH", "/cloud-init").await, 1);
    assert_eq!(count(&server, "POST", "/action").await, 2);
    assert_eq!(count(&server, "POST", "/servers").await, 0);
}

#[tokio::test]
async fn a_host_whose_later_step_is_refused_stays_and_is_named() {
    let user_data = par(&format!("servers/{SERVER}/user_data/cloud-init"));
    let action = par(&format!("servers/{SERVER}/action"));
    let denied = json!({"type": "permissions_denied", "message": "insufficient permissions", "details": null});
    let sold_out = json!({"type": "out_of_stock", "message": "resource is out of stock", "resource": "DEV1-S"});
    for (verb, path, status, body, kind) in [
        ("PATCH", &user_data, 403, denied.clone(), ErrorKind::Forbidden),
        ("POST", &action, 403, denied, ErrorKind::Forbidden),
        ("POST", &action, 412, sold_out, ErrorKind::Capacity),
    ] {
        let server = wire::server().await;
        let host = closed_host();
        nothing_yet(&server, &host).await;
        answer_once(&server, verb, path, status, body).await;
        the_rest(&server, &host).await;
        let error = connect(&server).provision(&host).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(
            error.host().is_some_and(|id| id.as_str().starts_with(SERVER)),
            "{error}"
        );
        for stays in [SERVER, VOLUME, GROUP] {
            assert_eq!(count(&server, "DELETE", stays).await, 0, "{stays}");
        }
    }
}

#[tokio::test]
async fn a_host_that_can_neither_be_started_nor_removed_is_named() {
    let user_data = par(&format!("servers/{SERVER}/user_data/cloud-init"));
    let action = par(&format!("servers/{SERVER}/action"));
    let expired = json!({"type": "denied_authentication", "message": "authentication is denied", "reason": "expired"});
    for (verb, path, status, body, kind) in [
        ("PATCH", &user_data, 401, expired.clone(), ErrorKind::Unauthorized),
        ("POST", &action, 401, expired.clone(), ErrorKind::Unauthorized),
        ("PATCH", &user_data, 429, Value::Null, ErrorKind::RateLimited),
        ("POST", &action, 429, Value::Null, ErrorKind::RateLimited),
    ] {
        let server = wire::server().await;
        let host = closed_host();
        nothing_yet(&server, &host).await;
        answer_once(&server, verb, path, status, body).await;
        the_rest(&server, &host).await;
        // The credentials are good for nothing any more.
        serve(&server, "GET", this_server(), 401, expired.clone()).await;
        let error = connect(&server).provision(&host).await.unwrap_err();
        assert_eq!((error.kind(), error.host()), (kind, Some(&id())), "{error}");
        assert!(
            error.to_string().contains(&format!("scaleway/{SERVER}/fr-par-1")),
            "{error}"
        );
        assert_eq!(count(&server, "DELETE", "").await, 0);
    }
}

#[tokio::test]
async fn a_group_that_an_earlier_call_left_is_taken_up() {
    let server = wire::server().await;
    let host = closed_host();
    let name = name_for_key(&host);
    let groups = json!({"security_groups": [
        group_json(GROUP, &name, &[], OLD),
        // Used by another server, and made for another server.
        group_json(DEFAULT_GROUP, &name, &[OTHER], "2026-11-18T10:00:00.000000+00:00"),
        group_json(VOLUME, &format!("provision-{OTHER}"), &[], "2026-11-18T10:00:00.000000+00:00"),
    ]});
    serve(&server, "GET", par("security_groups"), 200, groups).await;
    let made = json!({ "security_group": group_json(LEFT, &name, &[], NEW) });
    serve(&server, "POST", par("security_groups"), 201, made).await;
    serve(
        &server,
        "DELETE",
        par(&format!("security_groups/{LEFT}")),
        204,
        Value::Null,
    )
    .await;
    nothing_yet(&server, &host).await;
    the_rest(&server, &host).await;
    connect(&server).provision(&host).await.unwrap();
    assert_eq!(count(&server, "DELETE", LEFT).await, 1);
    assert_eq!(count(&server, "DELETE", "").await, 1);
    let requests = server.received_requests().await.unwrap();
    let create = requests
        .iter()
        .find(|request| request.method.as_str() == "POST" && request.url.path().ends_with("/servers"))
        .unwrap();
    let create: Value = serde_json::from_slice(&create.body).unwrap();
    assert_eq!(create["security_group"], GROUP);
}

#[tokio::test]
async fn a_refused_create_takes_its_group_with_it_and_a_lost_one_leaves_it() {
    let host = closed_host();
    let sold_out = json!({"type": "out_of_stock", "message": "resource is out of stock", "resource": "DEV1-S"});
    let fault = json!({"type": "internal_error", "message": "internal error"});
    for (status, body, kind, removed) in [
        (412, sold_out, ErrorKind::Capacity, 1),
        (404, not_found("instance_image", IMAGE), ErrorKind::InvalidRequest, 1),
        (500, fault, ErrorKind::Unavailable, 0),
    ] {
        let server = wire::server().await;
        nothing_yet(&server, &host).await;
        serve(&server, "POST", par("servers"), status, body).await;
        serve(
            &server,
            "DELETE",
            par(&format!("security_groups/{GROUP}")),
            204,
            Value::Null,
        )
        .await;
        let error = connect(&server).provision(&host).await.unwrap_err();
        assert_eq!((error.kind(), error.may_exist()), (kind, removed == 0), "{error}");
        assert_eq!(count(&server, "DELETE", GROUP).await, removed, "{error}");
    }
}

#[tokio::test]
async fn a_missing_permission_to_list_groups_leaves_nothing() {
    let server = wire::server().await;
    let host = closed_host();
    let denied = json!({"type": "permissions_denied", "message": "insufficient permissions", "details": null});
    answer_once(&server, "GET", &par("security_groups"), 403, denied).await;
    nothing_yet(&server, &host).await;
    serve(
        &server,
        "DELETE",
        par(&format!("security_groups/{GROUP}")),
        204,
        Value::Null,
    )
    .await;
    let error = connect(&server).provision(&host).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert_eq!(count(&server, "DELETE", GROUP).await, 1);
    assert_eq!(count(&server, "POST", "/servers").await, 0);
}

#[tokio::test]
async fn what_a_key_left_is_removed_unless_a_server_uses_it() {
    let server = wire::server().await;
    let host = closed_host();
    let left = group_json(GROUP, &name_for_key(&host), &[], OLD);
    let used = group_json(LEFT, &format!("provision-{SERVER}"), &[SERVER], OLD);
    let groups = par("security_groups");
    answer_once(&server, "GET", &groups, 200, json!({"security_groups": [left, used]})).await;
    answer_once(&server, "GET", &groups, 200, json!({"security_groups": [left]})).await;
    serve(&server, "GET", groups, 200, json!({"security_groups": []})).await;
    serve(
        &server,
        "DELETE",
        par(&format!("security_groups/{GROUP}")),
        204,
        Value::Null,
    )
    .await;
    let (cloud, key) = (connect(&server), host.key());
    let here = RegionFilter::Default;
    for expected in [Deletion::InProgress, Deletion::Removed, Deletion::NotFound] {
        assert_eq!(cloud.delete_leftovers(&key, &here).await.unwrap(), expected);
    }
    assert_eq!(count(&server, "DELETE", LEFT).await, 0);
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn a_plan_without_a_local_disk_and_an_image_for_block_storage_are_refused() {
    let server = wire::server().await;
    let mut host = small_host();
    serve(&server, "GET", par("servers"), 200, list(&[])).await;
    image_for(&server, json!(["DEV1-S", "DEV1-M"])).await;
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
    assert_eq!(server.received_requests().await.unwrap().len(), 4);
}
