//! Pins every request that the provider sends, over the real transport against a mock server.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed check ends the test"
)]

mod support;

use provision_core::{
    BasicHost, CatalogQuery, Deletion, ErrorKind, HostId, HostStatus, ListFilter, Origin, Provisioner, RegionFilter,
    UserData,
};
use provision_openstack::OpenStack;
use provision_testkit::wire::{self, answer, answer_once};
use serde_json::{Value, json};

use support::*;

const SERVERS: &str = "/compute/v2.1/servers";
const DETAIL: &str = "/compute/v2.1/servers/detail";

fn made() -> Value {
    json!({"server": {"id": ID, "links": [], "adminPass": "pw-secret", "security_groups": [{"name": "default"}]}})
}

#[tokio::test]
async fn create_on_an_own_network_makes_group_port_server_and_floating_ip() {
    let server = cloud().await;
    answer(&server, "GET", DETAIL, 200, json!({"servers": []})).await;
    answer_look_ups(&server, false).await;
    answer_parts(&server).await;
    answer(&server, "POST", SERVERS, 202, made()).await;
    let host = connect(&server).provision(&small_host()).await.unwrap();
    assert_eq!(
        (&host.id, host.status, host.origin),
        (&id(), HostStatus::Provisioning, Some(Origin::Created))
    );
    assert_eq!(host.plan.as_deref(), Some("d2-2"), "the smallest that fits");
    insta::assert_snapshot!(sent(&server).await);
    let order = paths(&server).await;
    let at = |wanted: &str| order.iter().position(|path| path == wanted).unwrap();
    let server_at = at("POST /compute/v2.1/servers");
    // What bills comes when there is a server that it belongs to.
    assert!(at("POST /network/v2.0/ports") < server_at && server_at < at("POST /network/v2.0/floatingips"));
}

#[tokio::test]
async fn create_with_everything() {
    let server = cloud().await;
    answer(&server, "GET", DETAIL, 200, json!({"servers": []})).await;
    answer_look_ups(&server, false).await;
    answer_parts(&server).await;
    answer(&server, "POST", SERVERS, 202, made()).await;
    connect(&server).provision(&full_host()).await.unwrap();
    insta::assert_snapshot!(sent(&server).await);
}

#[tokio::test]
async fn create_on_a_shared_external_network_makes_a_group_only() {
    let server = cloud().await;
    answer(&server, "GET", DETAIL, 200, json!({"servers": []})).await;
    answer_look_ups(&server, true).await;
    answer_parts(&server).await;
    answer(&server, "POST", SERVERS, 202, made()).await;
    connect(&server).provision(&small_host()).await.unwrap();
    insta::assert_snapshot!(sent(&server).await);
}

#[tokio::test]
async fn an_own_security_group_is_used_as_it_is() {
    let server = cloud().await;
    answer(&server, "GET", DETAIL, 200, json!({"servers": []})).await;
    answer_look_ups(&server, false).await;
    answer_parts(&server).await;
    answer(&server, "POST", SERVERS, 202, made()).await;
    let host = small_host().with_additional("security-group", GROUP);
    connect(&server).provision(&host).await.unwrap();
    let all = sent(&server).await;
    assert!(!all.contains("POST /network/v2.0/security-group"), "{all}");
    assert!(!all.contains("PUT /network/v2.0/security-groups"), "{all}");
}

#[tokio::test]
async fn an_old_cloud_knows_no_tags() {
    let server = wire::server().await;
    answer_token(&server, "TOKEN-1").await;
    answer_version(&server, "2.38").await;
    let ours = support::server(&small_host(), "ACTIVE", None);
    let mut foreign = ours.clone();
    foreign["metadata"] = json!({"owner": "Somebody Else"});
    answer(&server, "GET", DETAIL, 200, json!({"servers": [foreign, ours]})).await;
    let listed = connect(&server).list(&ListFilter::all()).await.unwrap();
    assert_eq!(listed.len(), 1);
    let all = sent(&server).await;
    assert!(!all.contains("tags") && !all.contains("openstack-api-version"), "{all}");
}

#[tokio::test]
async fn a_host_whose_create_was_lost_is_adopted_and_completed() {
    let server = cloud().await;
    let found = support::server(&small_host(), "BUILD", None);
    answer(&server, "GET", DETAIL, 200, json!({"servers": [found]})).await;
    answer_parts(&server).await;
    let group = json!({"security_group": {"id": GROUP, "name": "provision-new-x", "security_group_rules": [
        {"direction": "egress", "ethertype": "IPv4", "protocol": null},
    ]}});
    answer(
        &server,
        "GET",
        &format!("/network/v2.0/security-groups/{GROUP}"),
        200,
        group,
    )
    .await;
    answer(
        &server,
        "GET",
        &format!("/network/v2.0/ports/{PORT}"),
        200,
        json!({"port": port(ID)}),
    )
    .await;
    answer(
        &server,
        "GET",
        "/network/v2.0/floatingips",
        200,
        json!({"floatingips": []}),
    )
    .await;
    let host = connect(&server).provision(&small_host()).await.unwrap();
    assert_eq!((host.id, host.origin), (id(), Some(Origin::Adopted)));
    insta::assert_snapshot!(sent(&server).await);
}

#[tokio::test]
async fn a_host_that_was_asked_for_with_other_ports_keeps_them_closed() {
    let server = cloud().await;
    let mut closed = small_host();
    closed.ports = provision_core::OpenPorts::Only(Vec::new());
    let found = support::server(&closed, "ACTIVE", None);
    answer(&server, "GET", DETAIL, 200, json!({"servers": [found]})).await;
    answer_parts(&server).await;
    let group = json!({"security_group": {"id": GROUP, "name": "provision-new-x", "security_group_rules": []}});
    answer(
        &server,
        "GET",
        &format!("/network/v2.0/security-groups/{GROUP}"),
        200,
        group,
    )
    .await;
    answer(
        &server,
        "GET",
        &format!("/network/v2.0/ports/{PORT}"),
        200,
        json!({"port": port(ID)}),
    )
    .await;
    answer(
        &server,
        "GET",
        "/network/v2.0/floatingips",
        200,
        json!({"floatingips": []}),
    )
    .await;
    let host = connect(&server).provision(&small_host()).await.unwrap();
    assert_eq!(host.origin, Some(Origin::AdoptedDifferent));
    let sent = paths(&server).await;
    assert!(!sent.iter().any(|path| path.contains("rules")), "{sent:?}");
}

#[tokio::test]
async fn a_complete_host_is_left_as_it_is() {
    let server = cloud().await;
    let found = support::server(&small_host(), "ACTIVE", None);
    answer(&server, "GET", DETAIL, 200, json!({"servers": [found]})).await;
    let name = format!("provision-{ID}");
    let group = json!({"security_group": {"id": GROUP, "name": name, "security_group_rules": [
        {"direction": "ingress", "ethertype": "IPv4", "protocol": null},
    ]}});
    answer(
        &server,
        "GET",
        &format!("/network/v2.0/security-groups/{GROUP}"),
        200,
        group,
    )
    .await;
    let port = json!({"port": {"id": PORT, "name": name, "device_id": ID, "security_groups": [GROUP]}});
    let port_path = format!("/network/v2.0/ports/{PORT}");
    answer_once(&server, "GET", &port_path, 200, port).await;
    let floating = json!({"floatingips": [{"id": FLOATING, "description": format!("{name} key x"), "port_id": PORT}]});
    answer(&server, "GET", "/network/v2.0/floatingips", 200, floating).await;
    let cloud = connect(&server);
    cloud.provision(&small_host()).await.unwrap();
    assert!(
        paths(&server)
            .await
            .iter()
            .all(|path| path.starts_with("GET") || path.contains("tokens"))
    );
    // Whoever removes it took the port away.
    answer(&server, "GET", &port_path, 404, neutron("PortNotFound")).await;
    let refused = cloud.provision(&small_host()).await.unwrap_err();
    assert_eq!((refused.kind(), refused.host()), (ErrorKind::Conflict, Some(&id())));
}

#[tokio::test]
async fn a_token_that_is_no_longer_accepted_is_renewed_once() {
    let server = wire::server().await;
    answer_token(&server, "TOKEN-1").await;
    answer_token(&server, "TOKEN-2").await;
    answer_version(&server, "2.104").await;
    let rejected = json!({"error": {"code": 401, "title": "Unauthorized", "message": "No."}});
    answer_once(&server, "GET", DETAIL, 401, rejected.clone()).await;
    answer_once(&server, "GET", DETAIL, 200, json!({"servers": []})).await;
    let cloud = connect(&server);
    assert!(cloud.list(&ListFilter::all()).await.unwrap().is_empty());
    let tokens = || async {
        paths(&server)
            .await
            .iter()
            .filter(|path| path.contains("tokens"))
            .count()
    };
    assert_eq!(tokens().await, 2);
    let last = server.received_requests().await.unwrap().pop().unwrap();
    assert_eq!(last.headers["x-auth-token"], "TOKEN-2");
    // Within a create, whose chain is as long as it may be, the next call renews it.
    answer(&server, "GET", DETAIL, 401, rejected).await;
    let refused = cloud.provision(&small_host()).await.unwrap_err();
    assert_eq!(
        (refused.kind(), refused.may_exist()),
        (ErrorKind::Unavailable, false),
        "{refused}"
    );
    assert_eq!(tokens().await, 2);
    // What Keystone itself rejects is the credential.
    answer(
        &server,
        "POST",
        "/v3/auth/tokens",
        401,
        json!({"error": {"code": 401, "message": "No."}}),
    )
    .await;
    let refused = cloud.provision(&small_host()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unauthorized);
}

#[tokio::test]
async fn a_user_logs_in_for_a_project() {
    let server = cloud().await;
    answer(&server, "GET", DETAIL, 200, json!({"servers": []})).await;
    connect(&server).list(&ListFilter::all()).await.unwrap();
    let first = server.received_requests().await.unwrap().remove(0);
    let body: Value = serde_json::from_slice(&first.body).unwrap();
    let user = json!({"name": "demo", "domain": {"id": "default"}, "password": "lab-secret"});
    assert_eq!(
        body["auth"]["identity"],
        json!({"methods": ["password"], "password": {"user": user}})
    );
    assert_eq!(
        body["auth"]["scope"],
        json!({"project": {"name": "web", "domain": {"id": "default"}}})
    );
}

#[tokio::test]
async fn an_application_credential_has_no_scope() {
    let server = wire::server().await;
    answer_token(&server, "TOKEN-1").await;
    let settings = provision_core::Settings::new()
        .with("application-credential-id", "8edde78a27df46f991f618069539043b")
        .with("application-credential-secret", "hush-hush")
        .with("endpoint", server.uri());
    let cloud = OpenStack::from_settings(&settings, wire::transport()).unwrap();
    let catalog = cloud.catalog(&CatalogQuery::regions()).await.unwrap();
    assert_eq!(catalog.regions[0].id, "RegionOne");
    insta::assert_snapshot!(sent(&server).await);
}

#[tokio::test]
async fn a_region_that_the_catalog_lacks_is_told_with_those_that_it_has() {
    let server = wire::server().await;
    answer_token(&server, "TOKEN-1").await;
    let filter = ListFilter::all().with_region(RegionFilter::Only("GRA9".into()));
    let refused = connect(&server).list(&filter).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidRequest);
    let text = refused.to_string();
    assert!(
        text.contains("known: RegionOne") && text.contains("OS_REGION_NAME"),
        "{text}"
    );
}

#[tokio::test]
async fn status() {
    let server = cloud().await;
    let path = format!("{SERVERS}/{ID}");
    let failed = || {
        let mut failed = support::server(&small_host(), "ERROR", None);
        failed["fault"] =
            json!({"code": 500, "created": "2026-11-28T13:14:56Z", "message": "No valid host was found. "});
        failed["addresses"] = json!({});
        failed
    };
    let active = support::server(&small_host(), "ACTIVE", None);
    answer_once(&server, "GET", &path, 200, json!({"server": active})).await;
    answer_once(&server, "GET", &path, 200, json!({"server": failed()})).await;
    let deleting = support::server(&small_host(), "ACTIVE", Some("deleting"));
    answer_once(&server, "GET", &path, 200, json!({"server": deleting})).await;
    answer_once(&server, "GET", &path, 404, not_found()).await;
    let cloud = connect(&server);
    insta::assert_json_snapshot!(cloud.status(&id()).await.unwrap());
    let host = cloud.status(&id()).await.unwrap();
    assert_eq!(host.status, HostStatus::Failed);
    assert_eq!(host.message.as_deref(), Some("capacity: No valid host was found."));
    assert_eq!(cloud.status(&id()).await.unwrap().status, HostStatus::Deleting);
    assert_eq!(cloud.status(&id()).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn list_goes_on_behind_the_last_server_of_a_page() {
    let server = cloud().await;
    let one = support::server(&small_host(), "ACTIVE", None);
    let mut other = one.clone();
    other["id"] = json!("c445650d-2611-44bb-9306-9c392e8ecff3");
    // The link leads elsewhere, where the token must not go.
    let elsewhere = json!([{"rel": "next", "href": "http://192.0.2.1/servers/detail?marker=x"}]);
    answer_once(
        &server,
        "GET",
        DETAIL,
        200,
        json!({"servers": [one], "servers_links": elsewhere}),
    )
    .await;
    answer_once(&server, "GET", DETAIL, 200, json!({"servers": [other]})).await;
    let listed = connect(&server).list(&ListFilter::all()).await.unwrap();
    assert_eq!(listed.len(), 2);
    insta::assert_snapshot!(sent(&server).await);
}

#[tokio::test]
async fn catalog() {
    let server = cloud().await;
    answer_look_ups(&server, false).await;
    let catalog = connect(&server).catalog(&CatalogQuery::all()).await;
    // The link to a next page is there, but the mock answers the same one: a circle.
    assert_eq!(catalog.unwrap_err().kind(), ErrorKind::UnexpectedResponse);
    let images = json!({"images": [
        {"id": IMAGE, "name": "Ubuntu 24.04", "os_distro": "ubuntu", "os_version": "24.04", "architecture": "x86_64"},
        {"id": "x", "name": "Ubuntu 24.04"}, {"id": "y", "name": null},
    ]});
    let server = cloud_with(images).await;
    let catalog = connect(&server).catalog(&CatalogQuery::all()).await.unwrap();
    insta::assert_json_snapshot!(catalog);
}

async fn cloud_with(images: Value) -> provision_testkit::wiremock::MockServer {
    let server = cloud().await;
    answer(&server, "GET", "/image/v2/images", 200, images).await;
    answer_look_ups(&server, false).await;
    server
}

#[tokio::test]
async fn what_openstack_cannot_take_is_refused_before_any_request() {
    let server = wire::server().await;
    let cloud = connect(&server);
    let changes: [fn(&mut BasicHost); 6] = [
        |host| host.ssh_keys.push("b".into()),
        |host| host.region = Some("Region One".into()),
        |host| host.image = Some("os_distro=".into()),
        |host| drop(host.additional.insert("security-group".into(), GROUP.into())),
        |host| {
            host.ports = provision_core::OpenPorts::All;
            host.additional.insert("security-group".into(), "default".into());
        },
        |host| host.user_data = UserData::new(format!("#!/bin/sh\n{}", "x".repeat(49_149))).unwrap(),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut host = full_host();
        change(&mut host);
        let refused = cloud.provision(&host).await.unwrap_err();
        let said = (refused.kind(), refused.provider());
        assert_eq!(
            said,
            (ErrorKind::InvalidRequest, Some("openstack")),
            "{number}: {refused}"
        );
    }
    for text in [ID.to_owned(), format!("{ID}|RegionOne|x"), "web-1|RegionOne".to_owned()] {
        let bad: HostId = text.parse().unwrap();
        for refused in [
            cloud.status(&bad).await.map(|_| ()),
            cloud.delete(&bad.clone().into()).await.map(|_| ()),
        ] {
            let refused = refused.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::InvalidRequest);
            assert!(refused.to_string().contains("`openstack/<uuid>/<region>`"), "{refused}");
        }
    }
    assert!(paths(&server).await.is_empty());
}

/// What a deletion looks at.
async fn answer_names(server: &provision_testkit::wiremock::MockServer, ports: Value, groups: Value, floating: Value) {
    answer(server, "GET", "/network/v2.0/ports", 200, json!({"ports": ports})).await;
    answer(
        server,
        "GET",
        "/network/v2.0/security-groups",
        200,
        json!({"security_groups": groups}),
    )
    .await;
    answer(
        server,
        "GET",
        "/network/v2.0/floatingips",
        200,
        json!({"floatingips": floating}),
    )
    .await;
}

#[tokio::test]
async fn delete_names_the_parts_before_the_server_goes() {
    let server = cloud().await;
    let path = format!("{SERVERS}/{ID}");
    let found = support::server(&small_host(), "ACTIVE", None);
    answer(&server, "GET", &path, 200, json!({"server": found})).await;
    answer(&server, "GET", DETAIL, 200, json!({"servers": [found]})).await;
    // What an earlier call with the key left of a host of its own, which is gone, and somebody else's.
    let gone = "0f9ab2e4-5a0e-4c61-9f0b-3a6a1c1f7d22";
    let hash = wire::labels(OpenStack::INFO, &small_host())
        .key_hash()
        .unwrap()
        .to_owned();
    let port = "16ff5ec2-9a4e-4a7c-8a7b-0d2d4d1c6b11";
    let address = "7be1c0de-0d7a-4c62-8c6e-0f6f3f1b2a33";
    let left = json!([
        {"id": port, "name": format!("provision-{gone}"), "description": format!("provision key {hash}"), "device_id": ""},
        {"id": "other", "name": format!("provision-{ID}-too"), "description": "mine", "device_id": ""},
    ]);
    let floating = json!([
        {"id": FLOATING, "description": format!("provision-{ID} key {hash}"), "port_id": PORT},
        {"id": address, "description": format!("provision-{gone} key {hash}"), "port_id": null},
        {"id": "other", "description": "mine", "port_id": null},
    ]);
    answer_names(&server, left, json!([]), floating).await;
    answer_parts(&server).await;
    answer(&server, "DELETE", &path, 204, Value::Null).await;
    let floating = format!("/network/v2.0/floatingips/{FLOATING}");
    let (left, port) = (
        format!("/network/v2.0/floatingips/{address}"),
        format!("/network/v2.0/ports/{port}"),
    );
    for part in [&floating, &left, &port] {
        answer(&server, "DELETE", part, 204, Value::Null).await;
    }
    let deleted = connect(&server).delete(&id().into()).await.unwrap();
    assert_eq!(deleted, Deletion::InProgress);
    insta::assert_snapshot!(sent(&server).await);
    let order = paths(&server).await;
    let at = |wanted: &str| order.iter().position(|path| path.starts_with(wanted)).unwrap();
    assert!(at("PUT /network/v2.0/security-groups") < at("DELETE /compute"));
    // An address before its server would leave one that is never active again, were this the last request.
    assert!(at("DELETE /compute") < at(&format!("DELETE {floating}")));
}

#[tokio::test]
async fn delete_of_a_server_that_is_gone_removes_what_it_left() {
    let server = cloud().await;
    answer(&server, "GET", &format!("{SERVERS}/{ID}"), 404, not_found()).await;
    let name = format!("provision-{ID}");
    let port = json!({"id": PORT, "name": name, "device_id": ""});
    let group = json!({"id": GROUP, "name": name, "security_group_rules": []});
    let floating = json!({"id": FLOATING, "description": format!("{name} key x"), "port_id": null});
    answer_names(&server, json!([port]), json!([group]), json!([floating])).await;
    answer(
        &server,
        "DELETE",
        &format!("/network/v2.0/ports/{PORT}"),
        204,
        Value::Null,
    )
    .await;
    answer(
        &server,
        "DELETE",
        &format!("/network/v2.0/floatingips/{FLOATING}"),
        204,
        Value::Null,
    )
    .await;
    let group_path = format!("/network/v2.0/security-groups/{GROUP}");
    answer_once(&server, "DELETE", &group_path, 409, neutron("SecurityGroupInUse")).await;
    answer_once(&server, "DELETE", &group_path, 204, Value::Null).await;
    let cloud = connect(&server);
    let by_id = id().into();
    assert_eq!(cloud.delete(&by_id).await.unwrap(), Deletion::InProgress);
    assert_eq!(cloud.delete(&by_id).await.unwrap(), Deletion::Removed);
    // Names that others chose are none of ours.
    let order = paths(&server).await;
    let at = |wanted: &str| order.iter().position(|path| path.starts_with(wanted)).unwrap();
    assert!(at("DELETE /network/v2.0/ports") < at("DELETE /network/v2.0/security-groups"));
}

#[tokio::test]
async fn a_refused_server_takes_its_parts_with_it() {
    let server = cloud().await;
    answer(&server, "GET", DETAIL, 200, json!({"servers": []})).await;
    answer_look_ups(&server, false).await;
    answer_parts(&server).await;
    let quota = "Quota exceeded for instances: Requested 1, but already used 10 of 10 instances";
    answer_once(
        &server,
        "POST",
        SERVERS,
        403,
        json!({"forbidden": {"code": 403, "message": quota}}),
    )
    .await;
    answer(
        &server,
        "DELETE",
        &format!("/network/v2.0/ports/{PORT}"),
        204,
        Value::Null,
    )
    .await;
    answer(
        &server,
        "DELETE",
        &format!("/network/v2.0/security-groups/{GROUP}"),
        204,
        Value::Null,
    )
    .await;
    let cloud = connect(&server);
    let refused = cloud.provision(&small_host()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Quota);
    let sent = paths(&server).await;
    assert_eq!(
        sent.iter().filter(|path| path.starts_with("DELETE")).count(),
        2,
        "{sent:?}"
    );
    // Of one whose outcome is open nothing is taken away.
    let fault = json!({"computeFault": {"code": 500, "message": "Unexpected API Error."}});
    answer(&server, "POST", SERVERS, 500, fault).await;
    let open = cloud.provision(&small_host()).await.unwrap_err();
    assert!(open.may_exist(), "{open}");
    let sent = paths(&server).await;
    assert_eq!(
        sent.iter().filter(|path| path.starts_with("DELETE")).count(),
        2,
        "{sent:?}"
    );
}
