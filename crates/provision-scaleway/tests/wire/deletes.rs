//! What a deletion sends.

use provision_core::{Deletion, ErrorKind, HostDeleteRequest, Provisioner, RegionFilter};
use provision_testkit::{
    wire::{self, answer_once, received},
    wiremock::MockServer,
};
use serde_json::{Value, json};

use super::*;

fn gone() -> Value {
    not_found("instance_server", SERVER)
}

async fn left(server: &MockServer, volumes: Value, groups: Value) {
    serve(server, "GET", par("volumes"), 200, json!({ "volumes": volumes })).await;
    let groups = json!({ "security_groups": groups });
    serve(server, "GET", par("security_groups"), 200, groups).await;
}

#[tokio::test]
async fn delete_by_id_until_nothing_is_left() {
    let server = wire::server().await;
    for state in ["running", "stopping"] {
        answer_once(&server, "GET", &this_server(), 200, one(state, &closed_host())).await;
    }
    serve(&server, "GET", this_server(), 404, gone()).await;
    serve(&server, "POST", par(&format!("servers/{SERVER}/action")), 202, task()).await;
    let name = format!("provision-{SERVER}");
    let group = group_json(GROUP, &name, &[], "2026-11-20T10:00:00.000000+00:00");
    let none = json!({"security_groups": []});
    for _ in 0..2 {
        let groups = json!({ "security_groups": [group] });
        answer_once(&server, "GET", &par("security_groups"), 200, groups).await;
    }
    serve(&server, "GET", par("security_groups"), 200, none).await;
    let volumes = json!({"volumes": []});
    serve(&server, "GET", par("volumes"), 200, volumes).await;
    let in_use = json!({"type": "conflict", "message": "Group is in use. You cannot delete it."});
    let path = par(&format!("security_groups/{GROUP}"));
    answer_once(&server, "DELETE", &path, 409, in_use).await;
    serve(&server, "DELETE", path, 204, Value::Null).await;
    let cloud = connect(&server);
    let request = HostDeleteRequest::from(id());
    for _ in 0..3 {
        assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::InProgress);
    }
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::Removed);
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::NotFound);
    insta::assert_snapshot!(received_in_any_order(&server).await);
}

#[tokio::test]
async fn a_server_that_is_switched_off_goes_with_its_disk_and_group_which_are_named_first() {
    let server = wire::server().await;
    let mut half = server_json("stopped", &closed_host());
    half["security_group"]["name"] = json!("provision-of-its-key");
    serve(&server, "GET", this_server(), 200, json!({ "server": half })).await;
    let (volume, group) = (
        par(&format!("volumes/{VOLUME}")),
        par(&format!("security_groups/{GROUP}")),
    );
    serve(&server, "PATCH", volume.clone(), 200, json!({"volume": {"id": VOLUME}})).await;
    serve(
        &server,
        "PATCH",
        group.clone(),
        200,
        json!({"security_group": {"id": GROUP}}),
    )
    .await;
    serve(&server, "DELETE", this_server(), 204, Value::Null).await;
    serve(&server, "DELETE", volume, 204, Value::Null).await;
    serve(&server, "DELETE", group, 204, Value::Null).await;
    let deleted = connect(&server).delete(&id().into()).await.unwrap();
    assert_eq!(deleted, Deletion::Removed);
    let text = received(&server).await;
    let place = |start: &str| text.find(start).unwrap();
    let delete = place(&format!("DELETE {}", this_server()));
    assert!(place(&format!("PATCH {}", par("volumes"))) < delete);
    assert!(place(&format!("PATCH {}", par("security_groups"))) < delete);
    insta::assert_snapshot!(received_in_any_order(&server).await);
}

#[tokio::test]
async fn what_a_gone_server_left_is_found_by_its_id_and_what_another_uses_stays() {
    let server = wire::server().await;
    serve(&server, "GET", this_server(), 404, gone()).await;
    let name = format!("provision-{SERVER}");
    let volumes = json!([
        {"id": VOLUME, "name": name, "server": null},
        {"id": IMAGE, "name": name, "server": {"id": OTHER, "name": "web"}},
        {"id": OTHER, "name": format!("{name}-data"), "server": null},
    ]);
    let groups = json!([
        group_json(GROUP, &name, &[], "2026-11-20T10:00:00.000000+00:00"),
        group_json(DEFAULT_GROUP, &name, &[OTHER], "2026-11-20T10:00:00.000000+00:00"),
    ]);
    left(&server, volumes, groups).await;
    serve(&server, "DELETE", par(&format!("volumes/{VOLUME}")), 204, Value::Null).await;
    serve(
        &server,
        "DELETE",
        par(&format!("security_groups/{GROUP}")),
        204,
        Value::Null,
    )
    .await;
    let deleted = connect(&server).delete(&id().into()).await.unwrap();
    assert_eq!(deleted, Deletion::Removed);
    assert_eq!(count(&server, "DELETE", "").await, 2);
}

#[tokio::test]
async fn a_disk_that_is_still_attached_to_the_vanished_server_is_waited_for() {
    let server = wire::server().await;
    serve(&server, "GET", this_server(), 404, gone()).await;
    let name = format!("provision-{SERVER}");
    let attached = json!([{"id": VOLUME, "name": name, "server": {"id": SERVER, "name": "exit-1"}}]);
    left(&server, attached, json!([])).await;
    let in_use = json!({"type": "precondition_failed", "message": "precondition failed",
        "precondition": "resource_still_in_use", "help_message": "volume is attached to a server"});
    serve(&server, "DELETE", par(&format!("volumes/{VOLUME}")), 400, in_use).await;
    let deleted = connect(&server).delete(&id().into()).await.unwrap();
    assert_eq!(deleted, Deletion::InProgress);
}

#[tokio::test]
async fn nothing_but_this_server_s_own_not_found_ends_a_deletion() {
    for (status, body) in [
        (404, Value::Null),
        (404, json!({"fault": "no such route"})),
        (404, json!({"type": "not_found", "message": "resource is not found"})),
        (
            404,
            json!({"type": "unknown_resource", "message": "the requested path is not found"}),
        ),
        (404, not_found("instance_volume", VOLUME)),
        (404, not_found("instance_server", OTHER)),
        (410, json!({"message": "this API is retired"})),
    ] {
        let server = wire::server().await;
        serve(&server, "GET", this_server(), status, body.clone()).await;
        left(&server, json!([]), json!([])).await;
        let error = connect(&server).delete(&id().into()).await.unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::UnexpectedResponse | ErrorKind::InvalidRequest),
            "{body}: {error}"
        );
    }
    // Of a step that follows the look, not even that.
    let server = wire::server().await;
    serve(&server, "GET", this_server(), 200, one("running", &small_host())).await;
    serve(&server, "POST", par(&format!("servers/{SERVER}/action")), 404, gone()).await;
    let deleted = connect(&server).delete(&id().into()).await.unwrap();
    assert_eq!(deleted, Deletion::InProgress);
}

#[tokio::test]
async fn a_missing_permission_to_see_leftovers_is_an_error() {
    let server = wire::server().await;
    serve(&server, "GET", this_server(), 404, gone()).await;
    serve(&server, "GET", par("volumes"), 200, json!({"volumes": []})).await;
    let denied = json!({"type": "permissions_denied", "message": "insufficient permissions", "details": null});
    serve(&server, "GET", par("security_groups"), 403, denied).await;
    let error = connect(&server).delete(&id().into()).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.operation()),
        (ErrorKind::Forbidden, Some("list security groups"))
    );
}

#[tokio::test]
async fn a_server_that_cannot_be_terminated_is_switched_off_first() {
    let server = wire::server().await;
    let mut gpu = server_json("running", &small_host());
    gpu["allowed_actions"] = json!(["poweroff", "reboot"]);
    serve(&server, "GET", par("servers"), 200, list(&[gpu.clone()])).await;
    serve(&server, "GET", this_server(), 200, json!({ "server": gpu })).await;
    serve(&server, "POST", par(&format!("servers/{SERVER}/action")), 202, task()).await;
    let by_ip = HostDeleteRequest::ip("203.0.113.7".parse().unwrap());
    let deleted = connect(&server).delete(&by_ip).await.unwrap();
    assert_eq!(deleted, Deletion::InProgress);
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn a_protected_host_is_not_deleted() {
    let server = wire::server().await;
    let mut guarded = server_json("running", &small_host());
    guarded["protected"] = json!(true);
    serve(&server, "GET", this_server(), 200, json!({ "server": guarded })).await;
    let refused = connect(&server).delete(&id().into()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Forbidden);
    assert!(
        refused.to_string().contains(&format!("`{SERVER}/fr-par-1`")),
        "{refused}"
    );
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn delete_by_ip_looks_in_every_zone() {
    let server = wire::server().await;
    let found = list(&[server_json("running", &closed_host())]);
    answer_once(&server, "GET", &zone("pl-waw-1", "servers"), 200, found).await;
    for name in [
        "fr-par-1", "fr-par-2", "fr-par-3", "it-mil-1", "nl-ams-1", "nl-ams-2", "nl-ams-3", "pl-waw-1", "pl-waw-2",
        "pl-waw-3",
    ] {
        serve(&server, "GET", zone(name, "servers"), 200, list(&[])).await;
    }
    let at = |path: &str| zone("pl-waw-1", path);
    let running = one("running", &closed_host());
    serve(&server, "GET", at(&format!("servers/{SERVER}")), 200, running).await;
    serve(&server, "POST", at(&format!("servers/{SERVER}/action")), 202, task()).await;
    let cloud = connect(&server);
    let ip = "203.0.113.7".parse().unwrap();
    let here = HostDeleteRequest::Ip {
        ip,
        region: RegionFilter::Default,
    };
    assert_eq!(cloud.delete(&here).await.unwrap_err().kind(), ErrorKind::NotFound);
    let deleted = cloud.delete(&HostDeleteRequest::ip(ip)).await.unwrap();
    assert_eq!(deleted, Deletion::InProgress);
    insta::assert_snapshot!(received_in_any_order(&server).await);
}

#[tokio::test]
async fn a_step_that_the_state_no_longer_allows_is_tried_again_later() {
    let server = wire::server().await;
    answer_once(&server, "GET", &this_server(), 200, one("running", &small_host())).await;
    serve(&server, "GET", this_server(), 200, one("stopping", &small_host())).await;
    let busy = json!({"type": "transient_state", "message": "busy", "current_state": "stopping"});
    serve(&server, "POST", par(&format!("servers/{SERVER}/action")), 409, busy).await;
    let deleted = connect(&server).delete(&id().into()).await.unwrap();
    assert_eq!(deleted, Deletion::InProgress);
}
