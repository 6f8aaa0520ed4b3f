//! Pins every request that the provider sends, over the real transport against a mock server. Those that delete, and
//! those about firewalls, are in `wire_delete.rs`.

#![allow(clippy::unwrap_used, reason = "a failed check ends the test")]

mod support;

use provision_civo::Civo;
use provision_core::{
    BasicHost, CatalogQuery, ErrorKind, HostStatus, ListFilter, OpenPorts, Origin, Provisioner, RegionFilter, Settings,
    UserData,
};
use provision_testkit::wire::{self, answer, answer_once, received};
use serde_json::{Value, json};

use support::*;

#[tokio::test]
async fn create_with_defaults() {
    let server = wire::server().await;
    answer(&server, "GET", "/v2/instances", 200, page(json!([]), 1, 0)).await;
    answer_lookups(&server).await;
    let mut created = instance("BUILDING", None, &ours());
    created["created_at"] = json!("0001-01-01T00:00:00Z");
    answer(&server, "POST", "/v2/instances", 200, created).await;
    let host = connect(&server).provision(&small_host()).await.unwrap();
    assert_eq!((&host.id, host.status), (&id(), HostStatus::Provisioning));
    assert_eq!((host.ip, host.created), (None, None));
    insta::assert_snapshot!(sent(&server).await);
}

#[tokio::test]
async fn create_with_everything_makes_a_firewall_and_names_it_after_the_host() {
    let server = wire::server().await;
    answer_firewall(&server).await;
    let mut created = instance("BUILDING", None, &fenced(&full_host()));
    created["region"] = json!("FRA1");
    answer(&server, "POST", "/v2/instances", 200, created).await;
    let wall = format!("/v2/firewalls/{FIREWALL}");
    answer(&server, "PUT", &wall, 200, json!({"result": "success"})).await;
    let host = connect(&server).provision(&full_host()).await.unwrap();
    assert_eq!(host.id.to_text(), format!("{ID}/FRA1"));
    insta::assert_snapshot!(sent(&server).await);
}

#[tokio::test]
async fn a_lost_create_is_adopted_and_its_firewall_named() {
    let server = wire::server().await;
    let found = instance("ACTIVE", Some("203.0.113.7"), &fenced(&full_host()));
    let going = instance("DELETING", None, &tags(&full_host()));
    answer(&server, "GET", "/v2/instances", 200, page(json!([going, found]), 1, 1)).await;
    let wall = format!("/v2/firewalls/{FIREWALL}");
    // That it has the name already is as good.
    answer_once(&server, "PUT", &wall, 200, json!({"result": "success"})).await;
    answer_once(&server, "PUT", &wall, 409, error("database_firewall_duplicate_name")).await;
    answer_once(&server, "PUT", &wall, 404, error("database_firewall_not_found")).await;
    answer_once(&server, "PUT", &wall, 403, error("authentication_access_denied")).await;
    let cloud = connect(&server);
    for number in 0..3 {
        let host = cloud.provision(&full_host()).await.unwrap();
        assert_eq!(
            (host.id, host.status, host.origin),
            (id(), HostStatus::Active, Some(Origin::Adopted))
        );
        if number == 0 {
            insta::assert_snapshot!(sent(&server).await);
        }
    }
    let refused = cloud.provision(&full_host()).await.unwrap_err();
    assert_eq!((refused.kind(), refused.host()), (ErrorKind::Forbidden, Some(&id())));
}

#[tokio::test]
async fn a_dying_host_is_not_adopted() {
    let server = wire::server().await;
    let going = instance("DELETING", None, &ours());
    answer(&server, "GET", "/v2/instances", 200, page(json!([going]), 1, 1)).await;
    let refused = connect(&server).provision(&small_host()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict, "{refused}");
    assert_eq!(paths(&server).await, ["GET /v2/instances"]);
}

#[tokio::test]
async fn a_taken_name_is_adopted_only_with_the_same_key() {
    let server = wire::server().await;
    answer_lookups(&server).await;
    let host = small_host();
    let taken = || error("database_instance_duplicate_name");
    answer(&server, "POST", "/v2/instances", 409, taken()).await;
    answer_once(&server, "GET", "/v2/instances", 200, page(json!([]), 1, 1)).await;
    let late = instance("BUILDING", None, &ours());
    answer_once(&server, "GET", "/v2/instances", 200, page(json!([late]), 1, 1)).await;
    let cloud = connect(&server);
    let adopted = cloud.provision(&host).await.unwrap();
    assert_eq!((adopted.id, adopted.origin), (id(), Some(Origin::Adopted)));
    // One that is not ours is never listed, but it has the name.
    let foreign = instance("ACTIVE", None, &["web".to_owned()]);
    answer(&server, "GET", "/v2/instances", 200, page(json!([foreign]), 1, 1)).await;
    let refused = cloud.provision(&host).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AlreadyExists);
    assert!(refused.to_string().contains(&id().to_text()), "{refused}");
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
    assert!(paths(&server).await.is_empty());
}

#[tokio::test]
async fn an_id_without_its_region_is_refused_and_never_looked_for_in_the_configured_one() {
    let server = wire::server().await;
    let cloud = connect(&server);
    for text in [
        ID.to_owned(),
        format!("{ID}|LON1|x"),
        "web-1|LON1".to_owned(),
        format!("{ID}|LON(1)"),
    ] {
        let bad: provision_core::HostId = text.parse().unwrap();
        let status = cloud.status(&bad).await.unwrap_err();
        let delete = cloud.delete(&bad.clone().into()).await.unwrap_err();
        for refused in [status, delete] {
            assert_eq!(refused.kind(), ErrorKind::InvalidRequest, "{text}");
            let message = refused.to_string();
            let tells = message.contains("`civo/<uuid>/<REGION>`") && message.contains(&bad.to_text());
            assert!(tells && !message.contains('|'), "{message}");
        }
    }
    assert!(paths(&server).await.is_empty());
}

#[tokio::test]
async fn an_unknown_image_is_told_with_the_known_ones() {
    let server = wire::server().await;
    answer(&server, "GET", "/v2/instances", 200, page(json!([]), 1, 0)).await;
    answer_lookups(&server).await;
    let mut host = small_host();
    host.image = Some("ubuntu-24.04".into());
    insta::assert_snapshot!(connect(&server).provision(&host).await.unwrap_err());
}

#[tokio::test]
async fn an_answer_without_a_usable_id_leaves_the_outcome_open() {
    let server = wire::server().await;
    answer(&server, "GET", "/v2/instances", 200, page(json!([]), 1, 0)).await;
    answer_lookups(&server).await;
    let mut created = instance("BUILDING", None, &ours());
    created["id"] = json!("");
    answer(&server, "POST", "/v2/instances", 200, created).await;
    let error = connect(&server).provision(&small_host()).await.unwrap_err();
    assert_eq!((error.kind(), error.may_exist()), (ErrorKind::UnexpectedResponse, true));
}

#[tokio::test]
async fn status() {
    let server = wire::server().await;
    let path = format!("/v2/instances/{ID}");
    let active = |ip| instance("ACTIVE", Some(ip), &ours());
    answer_once(&server, "GET", &path, 200, active("203.0.113.7")).await;
    answer_once(&server, "GET", &path, 200, active("")).await;
    answer_once(&server, "GET", &path, 404, error("database_account_not_found")).await;
    answer_once(&server, "GET", &path, 404, gone()).await;
    let cloud = connect(&server);
    let host = cloud.status(&id()).await.unwrap();
    insta::assert_json_snapshot!(host);
    // The region is a part of the id, in any letter case.
    let lower = format!("{ID}|lon1").parse().unwrap();
    assert_eq!(cloud.status(&lower).await.unwrap().status, HostStatus::Provisioning);
    assert_eq!(cloud.status(&id()).await.unwrap_err().kind(), ErrorKind::Unauthorized);
    assert_eq!(cloud.status(&id()).await.unwrap_err().kind(), ErrorKind::NotFound);
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn no_404_but_civo_s_own_means_gone() {
    let server = wire::server().await;
    let path = format!("/v2/instances/{ID}");
    let cloud = connect(&server);
    for body in [
        json!({"error": "not found"}),
        error("database_network_not_found"),
        Value::Null,
    ] {
        answer_once(&server, "GET", &path, 404, body.clone()).await;
        answer_once(&server, "GET", &path, 404, body.clone()).await;
        let status = cloud.status(&id()).await.unwrap_err();
        let delete = cloud.delete(&id().into()).await.unwrap_err();
        assert_eq!(
            (status.kind(), delete.kind()),
            (ErrorKind::UnexpectedResponse, ErrorKind::UnexpectedResponse),
            "{body}"
        );
    }
}

#[tokio::test]
async fn list_reads_every_page() {
    let server = wire::server().await;
    let own = instance("ACTIVE", Some("203.0.113.7"), &ours());
    let mut second = instance("SHUTOFF", Some("203.0.113.8"), &ours());
    second["id"] = json!("3f1c6f0e-7a55-4d3b-9c65-0a7d3f0f6f11");
    let foreign = json!({"id": "not ours", "hostname": "x", "status": "ACTIVE", "tags": null});
    answer_once(&server, "GET", "/v2/instances", 200, page(json!([own]), 1, 2)).await;
    let last = page(json!([foreign, second]), 2, 2);
    answer_once(&server, "GET", "/v2/instances", 200, last).await;
    let hosts = connect(&server).list(&ListFilter::all()).await.unwrap();
    let states: Vec<_> = hosts.iter().map(|host| host.status).collect();
    assert_eq!(states, [HostStatus::Active, HostStatus::Stopped]);
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn a_list_without_its_items_is_no_empty_list() {
    for answered in [
        json!({}),
        json!({"page": 1, "per_page": 100, "pages": 1}),
        json!({"page": 1, "per_page": 100, "pages": 1, "items": null}),
        json!({"items": []}),
        json!([]),
    ] {
        let server = wire::server().await;
        answer(&server, "GET", "/v2/instances", 200, answered.clone()).await;
        let error = connect(&server).list(&ListFilter::all()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedResponse, "{answered}");
    }
    for answered in [json!({}), Value::Null] {
        let server = wire::server().await;
        answer(&server, "GET", "/v2/regions", 200, answered.clone()).await;
        let error = connect(&server).catalog(&CatalogQuery::regions()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedResponse, "{answered}");
    }
}

#[tokio::test]
async fn what_may_be_null_is_read() {
    let server = wire::server().await;
    let nulls = json!({
        "id": NETWORK, "hostname": null, "status": null, "region": null, "size": null, "source_id": null,
        "public_ip": null, "firewall_id": null, "tags": null, "created_at": null,
    });
    let own = instance("ACTIVE", Some("203.0.113.7"), &ours());
    answer(&server, "GET", "/v2/instances", 200, page(json!([nulls, own]), 1, 1)).await;
    let regions = json!([{"code": "LON1", "name": null, "out_of_capacity": null, "features": null}]);
    answer(&server, "GET", "/v2/regions", 200, regions).await;
    let sizes = json!([
        {"name": "g4s.xsmall", "type": "Instance", "nice_name": null, "cpu_cores": null, "ram_mb": null, "disk_gb": null, "selectable": null},
        {"name": "other", "type": null},
    ]);
    answer(&server, "GET", "/v2/sizes", 200, sizes).await;
    let images = json!([{"id": IMAGE, "name": "ubuntu-noble", "version": null, "distribution": null, "state": null}]);
    answer(&server, "GET", "/v2/disk_images", 200, images).await;
    let cloud = connect(&server);
    assert_eq!(cloud.list(&ListFilter::all()).await.unwrap().len(), 1);
    let catalog = cloud.catalog(&CatalogQuery::all()).await.unwrap();
    assert_eq!(
        (catalog.regions.len(), catalog.plans.len(), catalog.images.len()),
        (1, 1, 1)
    );
}

#[tokio::test]
async fn list_of_other_regions() {
    let server = wire::server().await;
    let regions = json!([
        {"code": "LON1", "name": "London 1", "out_of_capacity": false, "features": {"iaas": true}},
        {"code": "TYO9", "name": "Tokyo", "out_of_capacity": false, "features": {"iaas": false}},
        {"code": "fra1", "name": "Frankfurt 1", "out_of_capacity": true},
    ]);
    answer(&server, "GET", "/v2/regions", 200, regions).await;
    let mut answered = instance("ACTIVE", Some("203.0.113.7"), &ours());
    answered["region"] = Value::Null;
    answer(&server, "GET", "/v2/instances", 200, page(json!([answered]), 1, 1)).await;
    let cloud = connect(&server);
    let mut filter = ListFilter::all();
    filter.region = RegionFilter::All;
    let hosts = cloud.list(&filter).await.unwrap();
    let ids: Vec<_> = hosts.iter().map(|host| host.id.to_text()).collect();
    assert_eq!(ids, [format!("{ID}/LON1"), format!("{ID}/FRA1")]);
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
        {"code": "TYO9", "name": "Tokyo", "out_of_capacity": false, "features": {"iaas": false}},
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
    insta::assert_json_snapshot!(cloud.catalog(&CatalogQuery::all().with_region("fra1")).await.unwrap());
    insta::assert_snapshot!(received(&server).await);
    let unknown = cloud
        .catalog(&CatalogQuery::plans().with_region("mars1"))
        .await
        .unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "civo: catalog: region \"mars1\" does not exist; known: FRA1, LON1"
    );
}

#[tokio::test]
async fn the_configured_region_and_additional_settings_are_used() {
    let server = wire::server().await;
    answer(&server, "GET", "/v2/instances", 200, page(json!([]), 1, 0)).await;
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
    host.ports = OpenPorts::All;
    host.additional = [("network", NETWORK), ("firewall", FIREWALL)]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
    let made = cloud.provision(&host).await.unwrap();
    assert_eq!(made.id.to_text(), format!("{ID}/NYC1"));
    insta::assert_snapshot!(sent(&server).await);
    let bad = Settings::new().with("token", "t").with("region", "lon/1");
    assert_eq!(
        Civo::from_settings(&bad, wire::transport()).unwrap_err().kind(),
        ErrorKind::InvalidRequest
    );
}
