//! Pins every request of a create, over the real transport against a mock server. The answers are those of
//! <https://cloud.google.com/compute/docs/reference/rest/v1> (read 2026-11), shortened.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed check ends the test"
)]

mod support;

use provision_core::{BasicHost, ErrorKind, HostStatus, IdempotencyKey, OpenPorts, Provisioner};
use provision_testkit::wire::{self, answer, answer_once, received};
use serde_json::json;

use support::{
    ID, OURS, PROJECT, ZONE, accepts, connect, error, failed, full_host, instance, keyed_host, not_found, rule,
    running, small_host,
};

#[tokio::test]
async fn create_with_defaults() {
    let server = wire::server().await;
    accepts(&server).await;
    let host = connect(&server).provision(&small_host()).await.unwrap();
    assert_eq!((host.id.as_str(), host.status), (ID, HostStatus::Provisioning));
    assert_eq!(host.plan.as_deref(), Some("e2-micro"));
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn create_with_everything() {
    let server = wire::server().await;
    accepts(&server).await;
    connect(&server).provision(&full_host()).await.unwrap();
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn create_with_every_port_closed_removes_a_rule_that_was_left() {
    let server = wire::server().await;
    accepts(&server).await;
    let rules = json!({"items": [rule("exit-1-fw", OURS)]});
    answer(&server, "GET", &format!("{PROJECT}/global/firewalls"), 200, rules).await;
    answer(
        &server,
        "DELETE",
        &format!("{PROJECT}/global/firewalls/exit-1-fw"),
        200,
        running("delete"),
    )
    .await;
    let mut host = small_host();
    host.ports = OpenPorts::Only(Vec::new());
    connect(&server).provision(&host).await.unwrap();
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn images_are_named_in_four_ways() {
    for (wanted, link) in [
        ("debian-13", "projects/debian-cloud/global/images/family/debian-13"),
        (
            "rocky-linux-cloud/rocky-linux-9",
            "projects/rocky-linux-cloud/global/images/family/rocky-linux-9",
        ),
        ("golden-1", "projects/p1/global/images/golden-1"),
        ("projects/p2/global/images/x-1", "projects/p2/global/images/x-1"),
    ] {
        let server = wire::server().await;
        accepts(&server).await;
        let mut host = small_host();
        host.image = Some(wanted.to_owned());
        connect(&server).provision(&host).await.unwrap();
        assert!(
            received(&server)
                .await
                .contains(&format!("\"sourceImage\": \"{link}\"")),
            "{wanted}"
        );
    }
}

#[tokio::test]
async fn what_cannot_be_is_refused_before_any_request() {
    let server = wire::server().await;
    let cloud = connect(&server);
    type Change = fn(&mut BasicHost);
    let changes: [(&str, Change); 8] = [
        ("zone", |host| host.region = Some("us-central1".into())),
        ("machine type", |host| host.plan = Some("../x".into())),
        ("image", |host| host.image = Some("https://example.com/x".into())),
        ("ssh key", |host| host.ssh_keys = vec!["my-key".into()]),
        ("`network`", |host| {
            drop(host.additional.insert("network".into(), "a/b".into()))
        }),
        ("needs `network`", |host| {
            drop(host.additional.insert("subnetwork".into(), "a".into()))
        }),
        ("`disk-gb`", |host| {
            drop(host.additional.insert("disk-gb".into(), "5".into()))
        }),
        ("`tags`", |host| {
            drop(host.additional.insert("tags".into(), "A b".into()))
        }),
    ];
    for (word, change) in changes {
        let mut host = small_host();
        change(&mut host);
        let error = cloud.provision(&host).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(error.to_string().contains(word), "{word}: {error}");
    }
    assert_eq!(received(&server).await, "");
}

#[tokio::test]
async fn the_answer_to_an_earlier_create_is_recognised() {
    let server = wire::server().await;
    answer(
        &server,
        "GET",
        &format!("{ZONE}/disks/exit-1"),
        404,
        not_found("zones/us-central1-a/disks/exit-1"),
    )
    .await;
    answer_once(&server, "POST", &format!("{ZONE}/instances"), 200, failed()).await;
    answer(
        &server,
        "GET",
        &format!("{ZONE}/instances/exit-1"),
        404,
        not_found("zones/us-central1-a/instances/exit-1"),
    )
    .await;
    answer(&server, "POST", &format!("{ZONE}/instances"), 200, running("insert")).await;
    answer(
        &server,
        "POST",
        &format!("{PROJECT}/global/firewalls"),
        200,
        running("insert"),
    )
    .await;
    let host = connect(&server).provision(&keyed_host()).await.unwrap();
    assert_eq!(host.status, HostStatus::Provisioning);
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn a_taken_name_is_adopted_only_with_the_same_key() {
    let server = wire::server().await;
    let labels = keyed_host().all_labels();
    answer(
        &server,
        "GET",
        &format!("{ZONE}/disks/exit-1"),
        200,
        json!({"name": "exit-1", "labels": labels}),
    )
    .await;
    answer(
        &server,
        "GET",
        &format!("{ZONE}/instances/exit-1"),
        200,
        instance("RUNNING", &labels),
    )
    .await;
    // The rule is missing, or lets in something else.
    answer_once(
        &server,
        "GET",
        &format!("{PROJECT}/global/firewalls/exit-1-no"),
        404,
        not_found("global/firewalls/exit-1-no"),
    )
    .await;
    answer(
        &server,
        "POST",
        &format!("{PROJECT}/global/firewalls"),
        200,
        running("insert"),
    )
    .await;
    answer(
        &server,
        "GET",
        &format!("{PROJECT}/global/firewalls/exit-1-fw"),
        200,
        rule("exit-1-fw", OURS),
    )
    .await;
    answer(
        &server,
        "PATCH",
        &format!("{PROJECT}/global/firewalls/exit-1-fw"),
        200,
        running("patch"),
    )
    .await;
    let cloud = connect(&server);
    let mut host = keyed_host();
    host.ports = OpenPorts::Only(vec!["443".parse().unwrap()]);
    let adopted = cloud.provision(&host).await.unwrap();
    assert_eq!((adopted.id.as_str(), adopted.status), (ID, HostStatus::Active));
    assert_eq!(adopted.ip, Some("203.0.113.7".parse().unwrap()));
    insta::assert_snapshot!(received(&server).await);

    host.key = Some(IdempotencyKey::new("order-18").unwrap());
    for host in [host, small_host()] {
        let error = cloud.provision(&host).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        assert!(error.to_string().contains("instance `exit-1` exists"), "{error}");
    }
}

#[tokio::test]
async fn a_disk_of_somebody_else_s_is_told() {
    let server = wire::server().await;
    answer(
        &server,
        "GET",
        &format!("{ZONE}/disks/exit-1"),
        200,
        json!({"name": "exit-1"}),
    )
    .await;
    answer(
        &server,
        "GET",
        &format!("{ZONE}/instances/exit-1"),
        404,
        not_found("zones/us-central1-a/instances/exit-1"),
    )
    .await;
    let error = connect(&server).provision(&keyed_host()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert!(error.to_string().contains("a new host would boot from it"), "{error}");
}

#[tokio::test]
async fn an_instance_whose_rule_is_refused_is_removed_again() {
    let server = wire::server().await;
    answer(
        &server,
        "GET",
        &format!("{ZONE}/disks/exit-1"),
        404,
        not_found("zones/us-central1-a/disks/exit-1"),
    )
    .await;
    answer(&server, "POST", &format!("{ZONE}/instances"), 200, running("insert")).await;
    let forbidden = error(
        403,
        "forbidden",
        "Required 'compute.firewalls.create' permission for 'projects/p1'",
    );
    answer(&server, "POST", &format!("{PROJECT}/global/firewalls"), 403, forbidden).await;
    answer(
        &server,
        "GET",
        &format!("{PROJECT}/global/firewalls"),
        200,
        json!({"kind": "compute#firewallList"}),
    )
    .await;
    answer(
        &server,
        "DELETE",
        &format!("{ZONE}/instances/exit-1"),
        200,
        running("delete"),
    )
    .await;
    let error = connect(&server).provision(&keyed_host()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(error.to_string().contains("removed again"), "{error}");
    insta::assert_snapshot!(received(&server).await);
}
