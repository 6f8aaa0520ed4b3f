//! Pins every request of a create, over the real transport against a mock server. The answers are those of
//! <https://cloud.google.com/compute/docs/reference/rest/v1> (read 2026-11), shortened.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed check ends the test"
)]

mod support;

use provision_core::{BasicHost, ErrorKind, HostStatus, IdempotencyKey, Labels, OpenPorts, Origin, Provisioner};
use provision_testkit::wire::{self, answer, answer_once};
use serde_json::json;

use support::{
    AGGREGATED, DISK, ID, INSTANCE, INSTANCES, OPERATIONS, OURS, RULES, accepts, aggregated, connect, count, disk,
    error, failed, full_host, instance, keyed_host, labels, list, missing, old_rule, received, rule, running,
    small_host,
};

fn only(port: &str) -> OpenPorts {
    OpenPorts::Only(vec![port.parse().unwrap()])
}

#[tokio::test]
async fn create_with_defaults() {
    let server = wire::server().await;
    accepts(&server).await;
    let host = connect(&server).provision(&small_host()).await.unwrap();
    assert_eq!((host.id.as_str(), host.status), (ID, HostStatus::Provisioning));
    assert_eq!(
        (host.plan.as_deref(), host.region.as_deref()),
        (Some("e2-micro"), Some("us-central1-a"))
    );
    assert_eq!(
        (host.origin, host.labels),
        (Some(Origin::Created), labels(&small_host()))
    );
    insta::assert_snapshot!(received(&server, &[(1, 3)]).await);
}

#[tokio::test]
async fn create_with_everything() {
    let server = wire::server().await;
    accepts(&server).await;
    connect(&server).provision(&full_host()).await.unwrap();
    insta::assert_snapshot!(received(&server, &[(1, 3), (4, 6)]).await);
}

#[tokio::test]
async fn create_with_every_port_closed_removes_a_rule_that_was_left() {
    let server = wire::server().await;
    answer(&server, "GET", RULES, 200, list("firewall", &[old_rule("exit-1-fw")])).await;
    accepts(&server).await;
    answer(&server, "DELETE", &format!("{RULES}/exit-1-fw"), 200, running("delete")).await;
    let mut host = small_host();
    host.ports = OpenPorts::Only(Vec::new());
    connect(&server).provision(&host).await.unwrap();
    insta::assert_snapshot!(received(&server, &[(1, 3), (5, 7)]).await);
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
            wire::received(&server)
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
    assert_eq!(wire::received(&server).await, "");
}

#[tokio::test]
async fn the_answer_to_an_earlier_create_is_recognised() {
    let server = wire::server().await;
    answer_once(&server, "POST", INSTANCES, 200, failed()).await;
    accepts(&server).await;
    let host = connect(&server).provision(&keyed_host()).await.unwrap();
    assert_eq!(host.status, HostStatus::Provisioning);
    insta::assert_snapshot!(received(&server, &[(1, 3)]).await);
}

#[tokio::test]
async fn a_create_that_failed_at_once_is_rolled_back() {
    let server = wire::server().await;
    answer(&server, "POST", INSTANCES, 200, failed()).await;
    accepts(&server).await;
    answer(&server, "GET", OPERATIONS, 200, list("operation", &[failed()])).await;
    missing(&server, "DELETE", INSTANCE).await;
    let error = connect(&server).provision(&keyed_host()).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.code(), error.provider()),
        (ErrorKind::Quota, Some("QUOTA_EXCEEDED"), Some("gce"))
    );
    // The cloud may only not know it yet.
    assert!(
        error.host().is_some() && error.to_string().contains("is being removed again"),
        "{error}"
    );
    assert_eq!(count(&server, "DELETE", INSTANCE).await, 1);
    assert_eq!(count(&server, "POST", RULES).await, 0);
}

#[tokio::test]
async fn a_policy_of_the_organisation_is_forbidden_at_once() {
    let server = wire::server().await;
    let policy = "Constraint constraints/compute.vmExternalIpAccess violated for project 1";
    answer(&server, "POST", INSTANCES, 412, error(412, "conditionNotMet", policy)).await;
    accepts(&server).await;
    let error = connect(&server).provision(&keyed_host()).await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Forbidden, false));
    assert!(error.to_string().contains("vmExternalIpAccess"), "{error}");
    assert_eq!(count(&server, "POST", INSTANCES).await, 1);
}

#[tokio::test]
async fn the_host_of_a_key_is_found_in_every_zone_and_under_another_name() {
    let server = wire::server().await;
    let mut first = instance("RUNNING", &labels(&keyed_host()));
    first["name"] = json!("exit-9");
    first["zone"] = json!("https://www.googleapis.com/compute/v1/projects/p1/zones/us-east1-b");
    answer(&server, "GET", AGGREGATED, 200, aggregated(&[first])).await;
    let there = rule("exit-9-fw", "managed-by=provision host=us-east1-b/exit-9");
    answer(&server, "GET", RULES, 200, list("firewall", &[there])).await;
    let host = connect(&server).provision(&keyed_host()).await.unwrap();
    assert_eq!(
        (host.id.as_str(), host.origin),
        ("exit-9|us-east1-b|p1", Some(Origin::Adopted))
    );
    insta::assert_snapshot!(wire::received(&server).await);
}

/// What is missing is made, what an earlier host of the name left is changed, and what was made for this host stays.
#[tokio::test]
async fn an_adopted_host_gets_what_it_lacks() {
    let server = wire::server().await;
    let mut host = keyed_host();
    host.ports = only("443");
    let found = instance("RUNNING", &labels(&host));
    answer(&server, "GET", AGGREGATED, 200, aggregated(&[found])).await;
    let own = rule("exit-1-fw", OURS);
    answer_once(&server, "GET", RULES, 200, list("firewall", &[own])).await;
    answer(&server, "GET", RULES, 200, list("firewall", &[old_rule("exit-1-fw")])).await;
    answer(&server, "POST", RULES, 200, running("insert")).await;
    answer(&server, "PATCH", &format!("{RULES}/exit-1-fw"), 200, running("patch")).await;
    let cloud = connect(&server);
    for patches in [0, 1] {
        let adopted = cloud.provision(&host).await.unwrap();
        assert_eq!((adopted.id.as_str(), adopted.status), (ID, HostStatus::Active));
        assert_eq!(adopted.ip, Some("203.0.113.7".parse().unwrap()));
        assert_eq!(count(&server, "PATCH", &format!("{RULES}/exit-1-fw")).await, patches);
    }
    assert_eq!(count(&server, "POST", RULES).await, 2);
    insta::assert_snapshot!(received(&server, &[(5, 7)]).await);

    // A rule of somebody else's, and one that goes before it is changed.
    server.reset().await;
    let found = instance("RUNNING", &labels(&host));
    answer(&server, "GET", AGGREGATED, 200, aggregated(&[found])).await;
    let foreign = rule("exit-1-fw", "mine");
    answer_once(&server, "GET", RULES, 200, list("firewall", &[foreign])).await;
    answer(&server, "GET", RULES, 200, list("firewall", &[old_rule("exit-1-fw")])).await;
    answer(&server, "POST", RULES, 200, running("insert")).await;
    missing(&server, "PATCH", &format!("{RULES}/exit-1-fw")).await;
    for kind in [ErrorKind::InvalidRequest, ErrorKind::Conflict] {
        let error = cloud.provision(&host).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.host().map(|id| id.as_str())),
            (kind, Some(ID)),
            "{error}"
        );
    }
}

/// The disk is there as soon as the instance is, and lists are late.
#[tokio::test]
async fn a_host_that_lists_do_not_show_is_known_by_its_name() {
    let server = wire::server().await;
    let ours = labels(&keyed_host());
    answer(&server, "GET", AGGREGATED, 200, aggregated(&[])).await;
    let mut there = rule("exit-1-fw", OURS);
    there["creationTimestamp"] = json!("2026-11-20T07:03:17.000-08:00");
    answer(&server, "GET", RULES, 200, list("firewall", &[there])).await;
    answer(&server, "GET", DISK, 200, disk(&ours)).await;
    answer_once(&server, "GET", INSTANCE, 200, instance("STAGING", &ours)).await;
    missing(&server, "GET", INSTANCE).await;
    answer(&server, "GET", OPERATIONS, 200, list("operation", &[running("insert")])).await;
    // As an instance, and as an operation that makes one.
    for word in ["STAGING", "RUNNING"] {
        let found = connect(&server).provision(&keyed_host()).await.unwrap();
        assert_eq!((found.id.as_str(), found.raw_status.as_str()), (ID, word));
        assert_eq!((found.origin, &found.labels), (Some(Origin::Adopted), &ours));
    }
    let mut other = keyed_host();
    other = other.with_key(IdempotencyKey::new("order-18").unwrap());
    let error = connect(&server).provision(&other).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert!(error.to_string().contains("was made with another key"), "{error}");
    assert_eq!(count(&server, "POST", INSTANCES).await, 0);
}

#[tokio::test]
async fn a_name_is_nobody_s_as_long_as_nothing_tells_whose_it_is() {
    let server = wire::server().await;
    let exists = "The resource 'projects/p1/zones/us-central1-a/instances/exit-1' already exists";
    answer(&server, "POST", INSTANCES, 409, error(409, "alreadyExists", exists)).await;
    accepts(&server).await;
    missing(&server, "GET", INSTANCE).await;
    answer(&server, "GET", OPERATIONS, 200, list("operation", &[running("insert")])).await;
    let error = connect(&server).provision(&keyed_host()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert!(error.retry_after().is_some() && error.host().is_none(), "{error}");
    // Once the instance shows, it tells: it is not ours.
    server.reset().await;
    answer(
        &server,
        "POST",
        INSTANCES,
        409,
        support::error(409, "alreadyExists", exists),
    )
    .await;
    accepts(&server).await;
    answer(&server, "GET", INSTANCE, 200, instance("RUNNING", &Labels::new())).await;
    answer(&server, "GET", OPERATIONS, 200, list("operation", &[])).await;
    let error = connect(&server).provision(&keyed_host()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
    assert!(error.to_string().contains("was not made by this tool"), "{error}");
}

/// What does not even name a disk says nothing about one.
#[tokio::test]
async fn an_empty_object_is_no_disk() {
    let server = wire::server().await;
    answer(&server, "GET", DISK, 200, json!({})).await;
    accepts(&server).await;
    let error = connect(&server).provision(&keyed_host()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedResponse, "{error}");
    assert_eq!(count(&server, "POST", INSTANCES).await, 0);
}

#[tokio::test]
async fn nothing_is_made_for_a_name_whose_disk_or_rule_is_somebody_else_s() {
    for (path, there, text) in [
        (
            DISK,
            json!({"name": "exit-1", "labels": null}),
            "a new host would boot from it",
        ),
        (
            RULES,
            list("firewall", &[rule("exit-1-no", "mine")]),
            "firewall rule `exit-1-no`",
        ),
    ] {
        let server = wire::server().await;
        answer(&server, "GET", path, 200, there).await;
        accepts(&server).await;
        let error = connect(&server).provision(&keyed_host()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(error.to_string().contains(text), "{error}");
        assert_eq!(count(&server, "POST", INSTANCES).await, 0);
    }
}

#[tokio::test]
async fn an_instance_whose_rule_is_refused_is_removed_again() {
    let server = wire::server().await;
    let message = "Required 'compute.firewalls.create' permission for 'projects/p1'";
    answer(&server, "POST", RULES, 403, error(403, "forbidden", message)).await;
    accepts(&server).await;
    answer(&server, "DELETE", INSTANCE, 200, running("delete")).await;
    let error = connect(&server).provision(&keyed_host()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(error.to_string().contains("removed again"), "{error}");
    insta::assert_snapshot!(received(&server, &[(1, 3)]).await);
}

#[tokio::test]
async fn a_rule_that_an_earlier_host_left_is_taken_up_by_the_next_call() {
    let server = wire::server().await;
    let exists = "The resource 'projects/p1/global/firewalls/exit-1-fw' already exists";
    answer(&server, "POST", RULES, 409, error(409, "alreadyExists", exists)).await;
    answer(&server, "GET", RULES, 200, list("firewall", &[old_rule("exit-1-fw")])).await;
    accepts(&server).await;
    let cloud = connect(&server);
    let error = cloud.provision(&keyed_host()).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.host().map(|id| id.as_str())),
        (ErrorKind::Conflict, Some(ID)),
        "{error}"
    );
    assert_eq!(count(&server, "DELETE", INSTANCE).await, 0);

    answer(
        &server,
        "GET",
        INSTANCE,
        200,
        instance("RUNNING", &labels(&keyed_host())),
    )
    .await;
    answer(&server, "PATCH", &format!("{RULES}/exit-1-fw"), 200, running("patch")).await;
    let host = cloud.provision(&keyed_host()).await.unwrap();
    assert_eq!((host.id.as_str(), host.status), (ID, HostStatus::Active));
    assert_eq!(count(&server, "PATCH", &format!("{RULES}/exit-1-fw")).await, 1);
}
