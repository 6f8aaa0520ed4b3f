//! Pins every request that the provider sends, over the real transport against a mock server.

#![allow(clippy::unwrap_used, reason = "a failed check ends the test")]

mod support;

use std::sync::Arc;

use provision_core::{
    CatalogQuery, Deletion, ErrorKind, HostDeleteRequest, HostId, HostStatus, ListFilter, Origin, Provisioner,
    RegionFilter,
};
use provision_ovh::Ovh;
use provision_testkit::{
    Observer,
    wire::{self, answer, answer_once},
};
use serde_json::{Value, json};

use support::{
    FLAVOR, ID, IMAGE, addresses, by_id, connect, connect_over, empty, error, flavors, full_host, id, images, instance,
    listed, name, name_of, path, received, server, small_host, ssh_keys, stocked,
};

#[tokio::test]
async fn create_with_defaults() {
    let server = stocked().await;
    answer(
        &server,
        "POST",
        &path("instance"),
        200,
        instance(&name(), "BUILD", json!([])),
    )
    .await;
    let host = connect(&server).provision(&small_host()).await.unwrap();
    assert_eq!(host.id, id());
    assert_eq!(
        (host.name.as_str(), host.status, host.ip, host.origin),
        ("exit-1", HostStatus::Provisioning, None, Some(Origin::Created))
    );
    assert_eq!(host.labels, wire::labels(Ovh::INFO, &small_host()));
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn create_with_everything_looks_up_the_key_and_the_ids() {
    let server = server().await;
    // Somebody else's instance, and one of ours with another key.
    let others = json!([listed(ID, "web", "ACTIVE"), listed(ID, &name(), "ACTIVE")]);
    answer(&server, "GET", &path("instance"), 200, others).await;
    answer(&server, "GET", &path("flavor"), 200, flavors()).await;
    answer(&server, "GET", &path("image"), 200, images()).await;
    answer(&server, "GET", &path("sshkey"), 200, ssh_keys()).await;
    answer(
        &server,
        "POST",
        &path("instance"),
        403,
        error("Client::Forbidden", "Quota exceeded"),
    )
    .await;
    let refused = connect(&server).provision(&full_host()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Quota);
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn the_ids_are_looked_up_side_by_side() {
    let server = stocked().await;
    answer(&server, "GET", &path("sshkey"), 200, ssh_keys()).await;
    let made = instance(&name_of(&full_host()), "BUILD", json!([]));
    answer(&server, "POST", &path("instance"), 200, made).await;
    let observer = Observer::new();
    let cloud = connect_over(&server, Arc::new(observer.around(wire::transport())));
    cloud.provision(&full_host()).await.unwrap();
    // The time, the host of the key, three ids at once, the create.
    assert_eq!((observer.sent().len(), observer.longest_chain()), (6, 4));
}

#[tokio::test]
async fn ids_are_not_looked_up() {
    let server = empty().await;
    let mut host = small_host();
    host.plan = Some(FLAVOR.into());
    host.image = Some(IMAGE.into());
    answer(
        &server,
        "POST",
        &path("instance"),
        200,
        instance(&name_of(&host), "BUILD", json!([])),
    )
    .await;
    connect(&server).provision(&host).await.unwrap();
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn a_lost_create_is_adopted() {
    let server = server().await;
    let mut other = small_host();
    other.plan = Some("b3-8".into());
    // A memory of an earlier host with the same key is no host.
    let instances = json!([
        listed("00000000-0000-4000-8000-000000000000", &name(), "DELETED"),
        listed(ID, &name(), "ACTIVE")
    ]);
    answer(&server, "GET", &path("instance"), 200, instances).await;
    let cloud = connect(&server);
    let found = cloud.provision(&small_host()).await.unwrap();
    assert_eq!((&found.id, found.origin), (&id(), Some(Origin::Adopted)));
    assert_eq!(
        (found.status, found.plan.as_deref()),
        (HostStatus::Active, Some("d2-2"))
    );
    insta::assert_snapshot!(received(&server).await);
    let found = cloud.provision(&other).await.unwrap();
    assert_eq!(found.origin, Some(Origin::AdoptedDifferent));
}

#[tokio::test]
async fn a_dying_instance_is_not_adopted_and_a_dead_one_is_no_host() {
    for dying in ["DELETING", "SOFT_DELETED"] {
        let server = server().await;
        answer(
            &server,
            "GET",
            &path("instance"),
            200,
            json!([listed(ID, &name(), dying)]),
        )
        .await;
        let refused = connect(&server).provision(&small_host()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Conflict, "{refused}");
        assert!(refused.to_string().contains("is being deleted"), "{refused}");
    }
    let server = server().await;
    answer(
        &server,
        "GET",
        &path("instance"),
        200,
        json!([listed(ID, &name(), "DELETED")]),
    )
    .await;
    assert_eq!(connect(&server).list(&ListFilter::all()).await.unwrap(), []);
}

#[tokio::test]
async fn an_instance_whose_name_was_changed_is_removed_again() {
    let server = stocked().await;
    answer(
        &server,
        "POST",
        &path("instance"),
        200,
        instance("exit-1", "BUILD", json!([])),
    )
    .await;
    answer_once(&server, "DELETE", &path(&format!("instance/{ID}")), 200, json!(null)).await;
    let removed = connect(&server).provision(&small_host()).await.unwrap_err();
    assert!(removed.to_string().contains("was removed again"), "{removed}");
    assert_eq!((removed.kind(), removed.host()), (ErrorKind::UnexpectedResponse, None));
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn an_instance_whose_name_was_changed_and_that_stays_is_named() {
    for (status, refusal) in [
        (409, error("Client::Conflict", "busy")),
        (403, error("Client::Forbidden", "User not granted for this request")),
        // Too new for that part of the cloud: it is not gone.
        (404, error("Client::NotFound", "Instance not found")),
    ] {
        let server = stocked().await;
        let url = path(&format!("instance/{ID}"));
        let cut = instance("exit-1", "BUILD", json!([]));
        answer(&server, "POST", &path("instance"), 200, cut.clone()).await;
        answer(&server, "GET", &url, 200, cut).await;
        answer(&server, "DELETE", &url, status, refusal).await;
        let left = connect(&server).provision(&small_host()).await.unwrap_err();
        assert_eq!(left.host(), Some(&id()), "{left}");
        assert!(!left.is_retryable() && left.to_string().contains("delete it"), "{left}");
    }
}

#[tokio::test]
async fn status_picks_the_public_ipv4_address() {
    let server = server().await;
    let named = format!("{}--0e--1800000000--team--web", name());
    answer(
        &server,
        "GET",
        &path(&format!("instance/{ID}")),
        200,
        instance(&named, "ACTIVE", addresses()),
    )
    .await;
    let host = connect(&server).status(&id()).await.unwrap();
    insta::assert_json_snapshot!(host);
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn an_id_without_its_project_is_refused_unsent() {
    let server = server().await;
    let cloud = connect(&server);
    let bare: HostId = ID.parse().unwrap();
    let status = cloud.status(&bare).await.unwrap_err();
    let delete = cloud.delete(&HostDeleteRequest::Id(bare)).await.unwrap_err();
    for error in [status, delete] {
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(error.to_string().contains("ovh/<uuid>/<project>"), "{error}");
    }
    assert_eq!(received(&server).await, "");
}

#[tokio::test]
async fn list_leaves_out_what_is_not_ours_or_gone() {
    let server = server().await;
    let mut instances: Vec<Value> = (0..450)
        .map(|number| listed(&format!("00000000-0000-4000-8000-{number:012}"), &name(), "ACTIVE"))
        .collect();
    instances.push(listed(ID, "somebody-else", "ACTIVE"));
    instances.push(listed(ID, &name(), "DELETED"));
    answer(&server, "GET", &path("instance"), 200, json!(instances)).await;
    let cloud = connect(&server);
    assert_eq!(cloud.list(&ListFilter::all()).await.unwrap().len(), 450);
    let mut elsewhere = ListFilter::all();
    elsewhere.region = RegionFilter::Only("DE1".into());
    assert_eq!(cloud.list(&elsewhere).await.unwrap(), []);
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn delete_by_id_until_it_is_gone() {
    let server = server().await;
    let url = path(&format!("instance/{ID}"));
    answer_once(&server, "DELETE", &url, 200, json!(null)).await;
    answer_once(
        &server,
        "DELETE",
        &url,
        409,
        error("Client::Conflict", "Instance is being deleted"),
    )
    .await;
    answer_once(&server, "GET", &url, 200, instance(&name(), "DELETING", json!([]))).await;
    answer_once(
        &server,
        "DELETE",
        &url,
        404,
        error("Client::NotFound", "Instance not found"),
    )
    .await;
    let cloud = connect(&server);
    assert_eq!(cloud.delete(&by_id()).await.unwrap(), Deletion::InProgress);
    assert_eq!(cloud.delete(&by_id()).await.unwrap(), Deletion::InProgress);
    assert_eq!(cloud.delete(&by_id()).await.unwrap(), Deletion::NotFound);
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn delete_by_ip_finds_the_host_among_ours() {
    let server = server().await;
    // Somebody else's has the same address: not even then.
    let foreign = listed("00000000-0000-4000-8000-000000000000", "web-1", "ACTIVE");
    answer_once(&server, "GET", &path("instance"), 200, json!([foreign])).await;
    answer(
        &server,
        "GET",
        &path("instance"),
        200,
        json!([foreign, listed(ID, &name(), "ACTIVE")]),
    )
    .await;
    answer(&server, "DELETE", &path(&format!("instance/{ID}")), 200, json!(null)).await;
    let cloud = connect(&server);
    let by_ip = HostDeleteRequest::ip("203.0.113.7".parse().unwrap());
    assert_eq!(cloud.delete(&by_ip).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(cloud.delete(&by_ip).await.unwrap(), Deletion::InProgress);
    insta::assert_snapshot!(received(&server).await);
    // Private addresses name nothing.
    let by_private_ip = HostDeleteRequest::ip("10.0.0.7".parse().unwrap());
    assert_eq!(
        cloud.delete(&by_private_ip).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
}

#[tokio::test]
async fn catalog_of_a_region() {
    let server = server().await;
    let addon = |code: &str, unit: &str, price: u64| {
        json!({"planCode": code, "product": "publiccloud-instance",
            "pricings": [{"price": price, "intervalUnit": unit, "interval": 1, "capacities": ["consumption"]}]})
    };
    let prices = json!({
        "catalogId": 1, "locale": {"currencyCode": "EUR", "subsidiary": "IE", "taxRate": 23}, "plans": [],
        "addons": [addon("d2-2.monthly.postpaid", "month", 500_000_000), addon("d2-2.consumption", "hour", 1_040_000),
            addon("b3-8.consumption", "hour", 5_120_000)],
    });
    answer(&server, "GET", &path("region"), 200, json!(["GRA11", "DE1"])).await;
    answer(&server, "GET", &path("flavor"), 200, flavors()).await;
    answer(&server, "GET", &path("image"), 200, images()).await;
    answer(&server, "GET", "/1.0/order/catalog/public/cloud", 200, prices).await;
    let cloud = connect(&server);
    insta::assert_json_snapshot!(cloud.catalog(&CatalogQuery::all().with_region("GRA11")).await.unwrap());
    insta::assert_snapshot!(received(&server).await);
    let unknown = cloud
        .catalog(&CatalogQuery::plans().with_region("XX9"))
        .await
        .unwrap_err();
    assert!(
        unknown
            .to_string()
            .contains("\"XX9\" does not exist; known: DE1, GRA11"),
        "{unknown}"
    );
}
