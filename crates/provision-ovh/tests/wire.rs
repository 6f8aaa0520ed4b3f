//! Pins every request that the provider sends, over the real transport against a mock server.

#![allow(clippy::unwrap_used, reason = "a failed check ends the test")]

mod support;

use provision_core::{
    CatalogQuery, Deletion, ErrorKind, HostDeleteRequest, HostStatus, IdempotencyKey, ListFilter, Provisioner,
    RegionFilter,
};
use provision_testkit::wire::{answer, answer_once};
use serde_json::{Value, json};

use support::{
    FLAVOR, ID, IMAGE, NAME, PROJECT, addresses, by_id, connect, error, flavors, full_host, images, instance, listed,
    path, received, server, small_host,
};

#[tokio::test]
async fn create_with_defaults() {
    let server = server().await;
    answer(&server, "GET", &path("flavor"), 200, flavors()).await;
    answer(&server, "GET", &path("image"), 200, images()).await;
    answer(
        &server,
        "POST",
        &path("instance"),
        200,
        instance(NAME, "BUILD", json!([])),
    )
    .await;
    let host = connect(&server).provision(&small_host()).await.unwrap();
    assert_eq!(host.id.as_str(), format!("{ID}|{PROJECT}"));
    assert_eq!(
        (host.name.as_str(), host.status, host.ip),
        ("exit-1", HostStatus::Provisioning, None)
    );
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn create_with_everything_looks_up_the_key_and_the_ids() {
    let server = server().await;
    let name = "exit-1--managed-by--provision--provision-key--4d0e1e2a0b7a8e7a";
    let keys = json!([
        {"id": "6f7468", "name": "other", "publicKey": "ssh-ed25519 AAAA other", "regions": []},
        {"id": "6c6170", "name": "laptop", "publicKey": "ssh-ed25519 BBBB laptop", "regions": []},
    ]);
    // Somebody else's instance, and one of ours with another key.
    let others = json!([listed(ID, "web", "ACTIVE"), listed(ID, name, "ACTIVE")]);
    answer(&server, "GET", &path("instance"), 200, others).await;
    answer(&server, "GET", &path("flavor"), 200, flavors()).await;
    answer(&server, "GET", &path("image"), 200, images()).await;
    answer(&server, "GET", &path("sshkey"), 200, keys).await;
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
async fn ids_are_not_looked_up() {
    let server = server().await;
    answer(
        &server,
        "POST",
        &path("instance"),
        200,
        instance(NAME, "BUILD", json!([])),
    )
    .await;
    let mut host = small_host();
    host.plan = Some(FLAVOR.into());
    host.image = Some(IMAGE.into());
    connect(&server).provision(&host).await.unwrap();
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn a_lost_create_is_adopted() {
    let server = server().await;
    let mut host = small_host();
    host.key = Some(IdempotencyKey::new("web-1").unwrap());
    let name = format!("{NAME}--provision-key--c4719afa76fa448b5eca99e673688584");
    // A memory of an earlier host with the same key is no host.
    let instances = json!([
        listed("00000000-0000-4000-8000-000000000000", &name, "DELETED"),
        listed(ID, &name, "ACTIVE")
    ]);
    answer(&server, "GET", &path("instance"), 200, instances).await;
    let found = connect(&server).provision(&host).await.unwrap();
    assert_eq!(found.id.as_str(), format!("{ID}|{PROJECT}"));
    assert_eq!(
        (found.status, found.plan.as_deref()),
        (HostStatus::Active, Some("d2-2"))
    );
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn an_instance_whose_name_was_changed_is_removed_again() {
    let server = server().await;
    answer(&server, "GET", &path("flavor"), 200, flavors()).await;
    answer(&server, "GET", &path("image"), 200, images()).await;
    answer(
        &server,
        "POST",
        &path("instance"),
        200,
        instance("exit-1", "BUILD", json!([])),
    )
    .await;
    answer_once(&server, "DELETE", &path(&format!("instance/{ID}")), 200, json!(null)).await;
    let cloud = connect(&server);
    let removed = cloud.provision(&small_host()).await.unwrap_err();
    assert!(removed.to_string().contains("was removed again"), "{removed}");
    insta::assert_snapshot!(received(&server).await);

    answer(
        &server,
        "DELETE",
        &path(&format!("instance/{ID}")),
        409,
        error("Client::Conflict", "busy"),
    )
    .await;
    let left = cloud.provision(&small_host()).await.unwrap_err();
    assert!(!left.is_retryable());
    assert!(
        left.to_string().contains(&format!("delete host `{ID}|{PROJECT}`")),
        "{left}"
    );
}

#[tokio::test]
async fn status_picks_the_public_ipv4_address() {
    let server = server().await;
    let name = format!("{NAME}--provision-expires--1800000000--team--web");
    answer(
        &server,
        "GET",
        &path(&format!("instance/{ID}")),
        200,
        instance(&name, "ACTIVE", addresses()),
    )
    .await;
    // A bare id is of the configured project.
    let host = connect(&server).status(&ID.parse().unwrap()).await.unwrap();
    insta::assert_json_snapshot!(host);
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn list_leaves_out_what_is_not_ours_or_gone() {
    let server = server().await;
    let mut instances: Vec<Value> = (0..450)
        .map(|number| listed(&format!("00000000-0000-4000-8000-{number:012}"), NAME, "ACTIVE"))
        .collect();
    instances.push(listed(ID, "somebody-else", "ACTIVE"));
    instances.push(listed(ID, NAME, "SOFT_DELETED"));
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
    answer_once(&server, "GET", &url, 200, instance(NAME, "DELETING", json!([]))).await;
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
    assert_eq!(cloud.delete(&by_id()).await.unwrap(), Deletion::Removed);
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
        json!([foreign, listed(ID, NAME, "ACTIVE")]),
    )
    .await;
    answer(&server, "DELETE", &path(&format!("instance/{ID}")), 200, json!(null)).await;
    let cloud = connect(&server);
    let by_ip = HostDeleteRequest::ip("203.0.113.7".parse().unwrap());
    assert_eq!(cloud.delete(&by_ip).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(cloud.delete(&by_ip).await.unwrap(), Deletion::InProgress);
    insta::assert_snapshot!(received(&server).await);
    let by_ipv6 = HostDeleteRequest::ip("2001:db8::7".parse().unwrap());
    assert_eq!(cloud.delete(&by_ipv6).await.unwrap(), Deletion::InProgress);
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
    insta::assert_json_snapshot!(cloud.catalog(&CatalogQuery::all().region("GRA11")).await.unwrap());
    insta::assert_snapshot!(received(&server).await);
    let unknown = cloud.catalog(&CatalogQuery::plans().region("XX9")).await.unwrap_err();
    assert!(
        unknown
            .to_string()
            .contains("\"XX9\" does not exist; known: DE1, GRA11"),
        "{unknown}"
    );
}
