//! Pins every request that reads and deletes, over the real transport against a mock server. The answers are those of
//! <https://cloud.google.com/compute/docs/reference/rest/v1> (read 2026-11), shortened.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed check ends the test"
)]

mod support;

use provision_core::{
    CatalogQuery, Deletion, ErrorKind, HostDeleteRequest, HostStatus, Labels, ListFilter, Provisioner, RegionFilter,
};
use provision_testkit::wire::{self, answer, answer_once, received};
use serde_json::json;

use support::{
    ID, LINK, OURS, PROJECT, ZONE, connect, error, failed, instance, not_found, operation, rule, running, small_host,
};

#[tokio::test]
async fn status_reads_the_instance_then_its_operations() {
    let server = wire::server().await;
    let path = format!("{ZONE}/instances/exit-1");
    let cloud = connect(&server);
    let id = ID.parse().unwrap();
    answer_once(
        &server,
        "GET",
        &path,
        200,
        instance("RUNNING", &small_host().all_labels()),
    )
    .await;
    let active = cloud.status(&id).await.unwrap();
    assert_eq!(
        (active.status, active.raw_status.as_str()),
        (HostStatus::Active, "RUNNING")
    );
    assert_eq!(active.region.as_deref(), Some("us-central1-a"));

    answer(
        &server,
        "GET",
        &path,
        404,
        not_found("zones/us-central1-a/instances/exit-1"),
    )
    .await;
    let mut other = running("insert");
    other["targetLink"] = json!(format!("{LINK}/instances/exit-11"));
    let page = json!({"items": [running("insert"), other], "nextPageToken": "t/2"});
    let operations = format!("{ZONE}/operations");
    answer_once(&server, "GET", &operations, 200, page).await;
    answer_once(&server, "GET", &operations, 200, json!({"items": [failed()]})).await;
    answer_once(
        &server,
        "GET",
        &format!("{PROJECT}/global/firewalls"),
        200,
        json!({"items": [rule("exit-1-fw", OURS)]}),
    )
    .await;
    let failed_host = cloud.status(&id).await.unwrap();
    assert_eq!(failed_host.status, HostStatus::Failed);
    assert_eq!(
        failed_host.message.unwrap(),
        "quota: Quota 'CPUS' exceeded.  Limit: 8.0 in region us-central1 (QUOTA_EXCEEDED)"
    );
    insta::assert_snapshot!(received(&server).await);

    // In another season the offset is another: the later instant counts.
    let deleted = operation("delete", "DONE", "2026-11-20T16:03:17.000+01:00");
    answer_once(
        &server,
        "GET",
        &operations,
        200,
        json!({"items": [deleted, running("insert")]}),
    )
    .await;
    assert_eq!(cloud.status(&id).await.unwrap_err().kind(), ErrorKind::NotFound);
    answer_once(&server, "GET", &operations, 200, json!({"items": [running("insert")]})).await;
    assert_eq!(cloud.status(&id).await.unwrap().status, HostStatus::Provisioning);
}

#[tokio::test]
async fn a_project_that_is_not_there_is_not_a_host_that_is_gone() {
    let server = wire::server().await;
    let gone = error(404, "notFound", "The resource 'projects/p1' was not found");
    answer(&server, "GET", &format!("{PROJECT}/global/firewalls"), 200, json!({})).await;
    answer(
        &server,
        "DELETE",
        &format!("{ZONE}/instances/exit-1"),
        404,
        gone.clone(),
    )
    .await;
    answer(&server, "GET", &format!("{ZONE}/instances/exit-1"), 404, gone).await;
    let cloud = connect(&server);
    let delete = cloud.delete(&HostDeleteRequest::Id(ID.parse().unwrap())).await;
    assert_eq!(delete.unwrap_err().kind(), ErrorKind::InvalidRequest);
    let status = cloud.status(&ID.parse().unwrap()).await;
    assert_eq!(status.unwrap_err().kind(), ErrorKind::InvalidRequest);
}

#[tokio::test]
async fn list_reads_every_page() {
    let server = wire::server().await;
    let path = format!("{PROJECT}/aggregated/instances");
    let ours = small_host().all_labels();
    let first = json!({"items": {"zones/us-central1-a": {"instances": [instance("RUNNING", &ours)]},
        "zones/us-east1-b": {"warning": {"code": "NO_RESULTS_ON_PAGE"}}}, "nextPageToken": "t/2"});
    let mut second = instance("TERMINATED", &ours);
    second["name"] = json!("exit-2");
    second["networkInterfaces"] = json!([]);
    let foreign = instance("RUNNING", &Labels::new());
    answer_once(&server, "GET", &path, 200, first).await;
    answer_once(
        &server,
        "GET",
        &path,
        200,
        json!({"items": {"zones/us-central1-a": {"instances": [second, foreign]}}}),
    )
    .await;
    answer(
        &server,
        "GET",
        &format!("{ZONE}/instances"),
        200,
        json!({"kind": "compute#instanceList"}),
    )
    .await;
    let cloud = connect(&server);
    let hosts = cloud.list(&ListFilter::all()).await.unwrap();
    let seen: Vec<_> = hosts.iter().map(|host| (host.id.as_str(), host.status)).collect();
    assert_eq!(
        seen,
        [
            (ID, HostStatus::Active),
            ("exit-2|us-central1-a|p1", HostStatus::Stopped)
        ]
    );
    let mut zone = ListFilter::all();
    zone.region = RegionFilter::Only("us-central1-a".to_owned());
    assert!(cloud.list(&zone).await.unwrap().is_empty());
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn a_zone_that_does_not_answer_makes_no_partial_list() {
    let server = wire::server().await;
    let partial = json!({"items": {"zones/us-east1-b": {"warning": {"code": "UNREACHABLE"}}}});
    answer(&server, "GET", &format!("{PROJECT}/aggregated/instances"), 200, partial).await;
    let error = connect(&server).list(&ListFilter::all()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn delete_by_id_until_nothing_is_left() {
    let server = wire::server().await;
    let (rules, instances) = (
        format!("{PROJECT}/global/firewalls"),
        format!("{ZONE}/instances/exit-1"),
    );
    let both = json!({"items": [rule("exit-1-fw", OURS), rule("exit-1-no", OURS)]});
    answer_once(&server, "GET", &rules, 200, both).await;
    answer(&server, "DELETE", &format!("{rules}/exit-1-fw"), 200, running("delete")).await;
    answer(&server, "DELETE", &format!("{rules}/exit-1-no"), 200, running("delete")).await;
    answer_once(&server, "DELETE", &instances, 200, running("delete")).await;
    let cloud = connect(&server);
    let request = HostDeleteRequest::Id(ID.parse().unwrap());
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::InProgress);

    // Somebody else's rule and disk of that name are left alone.
    answer(
        &server,
        "GET",
        &rules,
        200,
        json!({"items": [rule("exit-1-fw", "mine")]}),
    )
    .await;
    answer_once(
        &server,
        "DELETE",
        &instances,
        400,
        error(400, "resourceNotReady", "not ready"),
    )
    .await;
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::InProgress);

    answer(
        &server,
        "DELETE",
        &instances,
        404,
        not_found("zones/us-central1-a/instances/exit-1"),
    )
    .await;
    answer_once(
        &server,
        "GET",
        &format!("{ZONE}/operations"),
        200,
        json!({"items": [running("insert")]}),
    )
    .await;
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::InProgress);

    answer(
        &server,
        "GET",
        &format!("{ZONE}/operations"),
        200,
        json!({"items": [failed()]}),
    )
    .await;
    let disk = format!("{ZONE}/disks/exit-1");
    let stray = json!({"name": "exit-1", "labels": small_host().all_labels()});
    answer_once(&server, "GET", &disk, 200, stray).await;
    answer(&server, "DELETE", &disk, 200, running("delete")).await;
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::InProgress);

    answer(
        &server,
        "GET",
        &disk,
        200,
        json!({"name": "exit-1", "labels": {"owner": "me"}}),
    )
    .await;
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::Removed);
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn the_go_package_s_id_deletes_the_reserved_address_too() {
    let server = wire::server().await;
    let address = format!("{PROJECT}/regions/us-central1/addresses/exit-1");
    answer(&server, "GET", &format!("{PROJECT}/global/firewalls"), 200, json!({})).await;
    answer(
        &server,
        "DELETE",
        &format!("{ZONE}/instances/exit-1"),
        404,
        not_found("zones/us-central1-a/instances/exit-1"),
    )
    .await;
    answer(&server, "GET", &format!("{ZONE}/operations"), 200, json!({})).await;
    answer(
        &server,
        "GET",
        &format!("{ZONE}/disks/exit-1"),
        404,
        not_found("zones/us-central1-a/disks/exit-1"),
    )
    .await;
    answer_once(
        &server,
        "DELETE",
        &address,
        400,
        error(400, "resourceInUseByAnotherResource", "in use"),
    )
    .await;
    answer_once(&server, "DELETE", &address, 200, running("delete")).await;
    answer(
        &server,
        "DELETE",
        &address,
        404,
        not_found("regions/us-central1/addresses/exit-1"),
    )
    .await;
    let cloud = connect(&server);
    let request = HostDeleteRequest::Id("exit-1|us-central1-a|p1|us-central1".parse().unwrap());
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::InProgress);
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::InProgress);
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::Removed);
    let sent = received(&server).await;
    assert_eq!(sent.matches(&format!("DELETE {address}")).count(), 3, "{sent}");
    for bad in [
        "exit-1|us-central1-a|p1|europe-west1",
        "exit-1|us-central1|p1",
        "Exit|us-central1-a|p1",
    ] {
        let refused = cloud.delete(&HostDeleteRequest::Id(bad.parse().unwrap())).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidRequest, "{bad}");
    }
}

#[tokio::test]
async fn delete_by_ip_removes_the_rules_first() {
    let server = wire::server().await;
    let listed =
        json!({"items": {"zones/us-central1-a": {"instances": [instance("RUNNING", &small_host().all_labels())]}}});
    answer(&server, "GET", &format!("{PROJECT}/aggregated/instances"), 200, listed).await;
    let rules = format!("{PROJECT}/global/firewalls");
    answer(&server, "GET", &rules, 200, json!({"items": [rule("exit-1-fw", OURS)]})).await;
    let busy = error(400, "resourceNotReady", "not ready");
    answer_once(&server, "DELETE", &format!("{rules}/exit-1-fw"), 400, busy).await;
    answer(&server, "DELETE", &format!("{rules}/exit-1-fw"), 200, running("delete")).await;
    answer(
        &server,
        "DELETE",
        &format!("{ZONE}/instances/exit-1"),
        200,
        running("delete"),
    )
    .await;
    let cloud = connect(&server);
    let by_ip = HostDeleteRequest::ip("203.0.113.7".parse().unwrap());
    // As long as a rule stays, the host does, too: without it nothing would lead to the rule.
    assert_eq!(cloud.delete(&by_ip).await.unwrap(), Deletion::InProgress);
    assert!(!received(&server).await.contains("/instances/exit-1"));
    assert_eq!(cloud.delete(&by_ip).await.unwrap(), Deletion::InProgress);
    insta::assert_snapshot!(received(&server).await);
    let nobody = HostDeleteRequest::ip("192.0.2.1".parse().unwrap());
    assert_eq!(cloud.delete(&nobody).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn catalog_of_a_zone() {
    let server = wire::server().await;
    let zone = json!({"name": "us-central1-a", "status": "UP", "region": "https://x/regions/us-central1"});
    answer(
        &server,
        "GET",
        &format!("{PROJECT}/zones"),
        200,
        json!({"items": [zone]}),
    )
    .await;
    let types = json!({"items": [
        {"name": "e2-micro", "description": "2 vCPU, 1 GB RAM", "guestCpus": 2, "memoryMb": 1024},
        {"name": "n1-old", "guestCpus": 1, "memoryMb": 614, "deprecated": {"state": "DEPRECATED"}}]});
    answer(&server, "GET", &format!("{ZONE}/machineTypes"), 200, types).await;
    let images = json!({"items": [
        {"name": "ubuntu-old", "family": "ubuntu-2404-lts-amd64", "deprecated": {"state": "OBSOLETE"}},
        {"name": "ubuntu-new", "family": "ubuntu-2404-lts-amd64", "description": "Ubuntu", "architecture": "X86_64"}]});
    answer(
        &server,
        "GET",
        "/compute/v1/projects/ubuntu-os-cloud/global/images",
        200,
        images,
    )
    .await;
    answer(
        &server,
        "GET",
        "/compute/v1/projects/debian-cloud/global/images",
        200,
        json!({}),
    )
    .await;
    let cloud = connect(&server);
    let catalog = cloud
        .catalog(&CatalogQuery::all().region("us-central1-a"))
        .await
        .unwrap();
    let plans: Vec<_> = catalog
        .plans
        .iter()
        .map(|plan| (plan.id.as_str(), plan.monthly_cost, plan.available))
        .collect();
    assert_eq!(
        plans,
        [("e2-micro", Some(10.17), Some(true)), ("n1-old", None, Some(false))]
    );
    assert_eq!(catalog.images.len(), 1);
    assert_eq!(catalog.images[0].architecture.as_deref(), Some("x86_64"));
    insta::assert_snapshot!(received(&server).await);
}
