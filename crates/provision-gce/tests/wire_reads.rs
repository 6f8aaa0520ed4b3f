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
use provision_testkit::wire::{self, answer, answer_once};
use serde_json::{Value, json};

use support::{
    AGGREGATED, DISK, ID, INSTANCE, INSTANCES, LINK, OPERATIONS, OURS, PROJECT, RULES, ZONE, aggregated, connect,
    count, disk, error, failed, instance, labels, list, missing, not_found, operation, received, rule, running,
    small_host,
};

fn by_id(id: &str) -> HostDeleteRequest {
    HostDeleteRequest::Id(id.parse().unwrap())
}

#[tokio::test]
async fn status_reads_the_instance_then_its_operations() {
    let server = wire::server().await;
    let cloud = connect(&server);
    let id = ID.parse().unwrap();
    answer_once(
        &server,
        "GET",
        INSTANCE,
        200,
        instance("RUNNING", &labels(&small_host())),
    )
    .await;
    let active = cloud.status(&id).await.unwrap();
    assert_eq!(
        (active.status, active.raw_status.as_str()),
        (HostStatus::Active, "RUNNING")
    );
    assert_eq!(active.region.as_deref(), Some("us-central1-a"));

    missing(&server, "GET", INSTANCE).await;
    missing(&server, "GET", DISK).await;
    let mut other = running("insert");
    other["targetLink"] = json!(format!("{LINK}/instances/exit-11"));
    let mut page = list("operation", &[running("insert"), other]);
    page["nextPageToken"] = json!("t/2");
    answer_once(&server, "GET", OPERATIONS, 200, page).await;
    answer_once(&server, "GET", OPERATIONS, 200, list("operation", &[failed()])).await;
    let rules = list("firewall", &[rule("exit-1-fw", OURS)]);
    answer_once(&server, "GET", RULES, 200, rules).await;
    let failed_host = cloud.status(&id).await.unwrap();
    assert_eq!(failed_host.status, HostStatus::Failed);
    assert_eq!(
        failed_host.message.unwrap(),
        "quota: Quota 'CPUS' exceeded.  Limit: 8.0 in region us-central1 (QUOTA_EXCEEDED)"
    );
    insta::assert_snapshot!(received(&server, &[(2, 5)]).await);

    // In another season the offset is another: the later instant counts.
    let deleted = operation("delete", "DONE", "2026-11-20T16:03:17.000+01:00");
    let both = list("operation", &[deleted, running("insert")]);
    answer_once(&server, "GET", OPERATIONS, 200, both).await;
    assert_eq!(cloud.status(&id).await.unwrap_err().kind(), ErrorKind::NotFound);
    answer_once(&server, "GET", OPERATIONS, 200, list("operation", &[running("insert")])).await;
    assert_eq!(cloud.status(&id).await.unwrap().status, HostStatus::Provisioning);
}

/// A disk bills, whatever became of the instance.
#[tokio::test]
async fn a_host_that_failed_is_there_until_its_disk_and_rules_are_gone() {
    let server = wire::server().await;
    missing(&server, "GET", INSTANCE).await;
    answer(&server, "GET", OPERATIONS, 200, list("operation", &[failed()])).await;
    answer_once(&server, "GET", DISK, 200, disk(&labels(&small_host()))).await;
    missing(&server, "GET", DISK).await;
    answer(
        &server,
        "GET",
        RULES,
        200,
        list("firewall", &[rule("exit-1-fw", "mine")]),
    )
    .await;
    let cloud = connect(&server);
    let host = cloud.status(&ID.parse().unwrap()).await.unwrap();
    assert_eq!((host.status, host.labels), (HostStatus::Failed, labels(&small_host())));
    let gone = cloud.status(&ID.parse().unwrap()).await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn what_is_not_said_about_the_instance_does_not_say_that_it_is_gone() {
    let html = Value::String("<html><title>Error 404 (Not Found)!!1</title></html>".to_owned());
    for (status, body, kind) in [
        (404, not_found(PROJECT), ErrorKind::InvalidRequest),
        (404, not_found(ZONE), ErrorKind::InvalidRequest),
        (404, html, ErrorKind::UnexpectedResponse),
        (404, Value::Null, ErrorKind::UnexpectedResponse),
        (
            404,
            json!({"error": {"code": 404, "message": "Requested entity was not found.", "status": "NOT_FOUND"}}),
            ErrorKind::UnexpectedResponse,
        ),
        (410, error(410, "gone", "retired"), ErrorKind::UnexpectedResponse),
    ] {
        let server = wire::server().await;
        for verb in ["GET", "DELETE"] {
            answer(&server, verb, INSTANCE, status, body.clone()).await;
        }
        let cloud = connect(&server);
        let delete = cloud.delete(&by_id(ID)).await.unwrap_err();
        assert_eq!(delete.kind(), kind, "{delete}");
        let status = cloud.status(&ID.parse().unwrap()).await.unwrap_err();
        assert_eq!(status.kind(), kind, "{status}");
    }
}

#[tokio::test]
async fn list_reads_every_page() {
    let server = wire::server().await;
    let ours = labels(&small_host());
    let mut first = aggregated(&[instance("RUNNING", &ours)]);
    first["nextPageToken"] = json!("t/2");
    let mut second = instance("TERMINATED", &ours);
    second["name"] = json!("exit-2");
    second["networkInterfaces"] = json!([]);
    let foreign = instance("RUNNING", &Labels::new());
    answer_once(&server, "GET", AGGREGATED, 200, first).await;
    answer_once(&server, "GET", AGGREGATED, 200, aggregated(&[second, foreign])).await;
    answer(&server, "GET", INSTANCES, 200, list("instance", &[])).await;
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
    insta::assert_snapshot!(wire::received(&server).await);
}

#[tokio::test]
async fn what_is_empty_may_be_null_and_what_is_no_list_is_an_error() {
    let server = wire::server().await;
    let mut bare = instance("RUNNING", &labels(&small_host()));
    for field in ["networkInterfaces", "machineType", "creationTimestamp", "statusMessage"] {
        bare[field] = Value::Null;
    }
    let mut nulls = aggregated(&[bare]);
    nulls["items"]["zones/us-east1-b"] = json!({"instances": null, "warning": null});
    nulls["nextPageToken"] = Value::Null;
    answer_once(&server, "GET", AGGREGATED, 200, nulls).await;
    let empty = json!({"kind": "compute#instanceAggregatedList", "items": null});
    answer_once(&server, "GET", AGGREGATED, 200, empty).await;
    let cloud = connect(&server);
    let hosts = cloud.list(&ListFilter::all()).await.unwrap();
    assert_eq!((hosts.len(), hosts[0].status), (1, HostStatus::Provisioning));
    assert_eq!(cloud.list(&ListFilter::all()).await.unwrap(), []);

    for (body, kind) in [
        (json!({}), ErrorKind::UnexpectedResponse),
        (json!({"kind": "compute#instance"}), ErrorKind::UnexpectedResponse),
        (
            json!({"kind": "compute#instanceAggregatedList",
                "items": {"zones/us-east1-b": {"warning": {"code": "UNREACHABLE"}}}}),
            ErrorKind::Unavailable,
        ),
    ] {
        answer_once(&server, "GET", AGGREGATED, 200, body.clone()).await;
        let error = cloud.list(&ListFilter::all()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{body}");
    }
}

#[tokio::test]
async fn delete_by_id_until_nothing_is_left() {
    let server = wire::server().await;
    let rules = list("firewall", &[rule("exit-1-fw", OURS), rule("exit-1-no", OURS)]);
    answer_once(&server, "GET", RULES, 200, rules).await;
    for name in ["exit-1-fw", "exit-1-no"] {
        answer(&server, "DELETE", &format!("{RULES}/{name}"), 200, running("delete")).await;
    }
    answer_once(&server, "DELETE", INSTANCE, 200, running("delete")).await;
    let cloud = connect(&server);
    assert_eq!(cloud.delete(&by_id(ID)).await.unwrap(), Deletion::InProgress);
    let first = wire::received(&server).await;
    assert!(first.starts_with(&format!("DELETE {INSTANCE}\n")), "{first}");

    // Somebody else's rule and disk of that name are left alone.
    answer(
        &server,
        "GET",
        RULES,
        200,
        list("firewall", &[rule("exit-1-fw", "mine")]),
    )
    .await;
    missing(&server, "DELETE", INSTANCE).await;
    answer_once(&server, "GET", OPERATIONS, 200, list("operation", &[running("insert")])).await;
    assert_eq!(cloud.delete(&by_id(ID)).await.unwrap(), Deletion::InProgress);
    assert_eq!(count(&server, "GET", DISK).await, 0);

    answer(&server, "GET", OPERATIONS, 200, list("operation", &[failed()])).await;
    answer_once(&server, "GET", DISK, 200, disk(&labels(&small_host()))).await;
    answer(&server, "DELETE", DISK, 200, running("delete")).await;
    assert_eq!(cloud.delete(&by_id(ID)).await.unwrap(), Deletion::InProgress);

    let foreign = json!({"name": "exit-1", "labels": {"owner": "me"}});
    answer(&server, "GET", DISK, 200, foreign).await;
    assert_eq!(cloud.delete(&by_id(ID)).await.unwrap(), Deletion::NotFound);
    insta::assert_snapshot!(received(&server, &[(2, 4), (5, 7), (8, 12), (13, 16)]).await);
}

#[tokio::test]
async fn what_is_busy_goes_later_and_only_what_goes_is_in_progress() {
    let server = wire::server().await;
    let busy = error(400, "resourceNotReady", "The resource is not ready");
    answer(&server, "DELETE", INSTANCE, 400, busy).await;
    answer_once(&server, "GET", OPERATIONS, 200, list("operation", &[running("insert")])).await;
    let cloud = connect(&server);
    let refused = cloud.delete(&by_id(ID)).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);

    let going = operation("delete", "RUNNING", "2026-11-20T07:05:00.000-08:00");
    let both = list("operation", &[running("insert"), going]);
    answer_once(&server, "GET", OPERATIONS, 200, both).await;
    answer(&server, "GET", RULES, 200, list("firewall", &[rule("exit-1-fw", OURS)])).await;
    let in_use = error(409, "conflict", "The resource is in use");
    answer(&server, "DELETE", &format!("{RULES}/exit-1-fw"), 409, in_use).await;
    assert_eq!(cloud.delete(&by_id(ID)).await.unwrap(), Deletion::InProgress);
    assert_eq!(count(&server, "DELETE", &format!("{RULES}/exit-1-fw")).await, 1);
}

#[tokio::test]
async fn credentials_that_may_not_see_rules_are_told_so_and_nothing_is_called_removed() {
    let server = wire::server().await;
    missing(&server, "DELETE", INSTANCE).await;
    missing(&server, "GET", DISK).await;
    answer(&server, "GET", OPERATIONS, 200, list("operation", &[])).await;
    let message = "Required 'compute.firewalls.list' permission for 'projects/p1'";
    answer(&server, "GET", RULES, 403, error(403, "forbidden", message)).await;
    let error = connect(&server).delete(&by_id(ID)).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.operation()),
        (ErrorKind::Forbidden, Some("list firewall rules"))
    );
}

#[tokio::test]
async fn the_go_package_s_id_deletes_the_reserved_address_too() {
    let server = wire::server().await;
    let address = format!("{PROJECT}/regions/us-central1/addresses/exit-1");
    answer(&server, "GET", RULES, 200, list("firewall", &[])).await;
    missing(&server, "DELETE", INSTANCE).await;
    answer(&server, "GET", OPERATIONS, 200, list("operation", &[])).await;
    missing(&server, "GET", DISK).await;
    let in_use = error(400, "resourceInUseByAnotherResource", "in use");
    answer_once(&server, "DELETE", &address, 400, in_use).await;
    answer_once(&server, "DELETE", &address, 200, running("delete")).await;
    missing(&server, "DELETE", &address).await;
    let cloud = connect(&server);
    let request = by_id("exit-1|us-central1-a|p1|us-central1");
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::InProgress);
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::InProgress);
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::NotFound);
    assert_eq!(count(&server, "DELETE", &address).await, 3);
}

/// The zone and project of the settings may have hosts of that name, too.
#[tokio::test]
async fn what_an_id_lacks_is_not_guessed() {
    let server = wire::server().await;
    let cloud = connect(&server);
    for bad in [
        "exit-1",
        "exit-1|us-central1-a",
        "exit-1|p1",
        "exit-1|us-central1|p1",
        "exit-1|us-central1-a|p1|europe-west1",
        "Exit|us-central1-a|p1",
    ] {
        let deleted = cloud.delete(&by_id(bad)).await.unwrap_err();
        let status = cloud.status(&bad.parse().unwrap()).await.unwrap_err();
        for error in [deleted, status] {
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{bad}");
            assert!(
                error.to_string().contains("`gce/web-1/us-central1-a/my-project`"),
                "{error}"
            );
        }
    }
    assert_eq!(wire::received(&server).await, "");
}

#[tokio::test]
async fn delete_by_ip_finds_the_host_among_ours() {
    let server = wire::server().await;
    let listed = aggregated(&[instance("RUNNING", &labels(&small_host()))]);
    answer(&server, "GET", AGGREGATED, 200, listed).await;
    answer(&server, "GET", RULES, 200, list("firewall", &[])).await;
    answer(&server, "DELETE", INSTANCE, 200, running("delete")).await;
    let cloud = connect(&server);
    let nobody = HostDeleteRequest::ip("192.0.2.1".parse().unwrap());
    assert_eq!(cloud.delete(&nobody).await.unwrap_err().kind(), ErrorKind::NotFound);
    let by_ip = HostDeleteRequest::ip("203.0.113.7".parse().unwrap());
    assert_eq!(cloud.delete(&by_ip).await.unwrap(), Deletion::InProgress);
    insta::assert_snapshot!(wire::received(&server).await);
}

#[tokio::test]
async fn catalog_of_a_zone() {
    let server = wire::server().await;
    let zone = json!({"name": "us-central1-a", "status": "UP", "region": "https://x/regions/us-central1"});
    answer(&server, "GET", &format!("{PROJECT}/zones"), 200, list("zone", &[zone])).await;
    let types = [
        json!({"name": "e2-micro", "description": "2 vCPU, 1 GB RAM", "guestCpus": 2, "memoryMb": 1024}),
        json!({"name": "n1-old", "guestCpus": 1, "memoryMb": 614, "deprecated": {"state": "DEPRECATED"}}),
    ];
    answer(
        &server,
        "GET",
        &format!("{ZONE}/machineTypes"),
        200,
        list("machineType", &types),
    )
    .await;
    let images = [
        json!({"name": "ubuntu-old", "family": "ubuntu-2404-lts-amd64", "deprecated": {"state": "OBSOLETE"}}),
        json!({"name": "ubuntu-new", "family": "ubuntu-2404-lts-amd64", "description": "Ubuntu", "architecture": "X86_64"}),
    ];
    for (owner, images) in [("ubuntu-os-cloud", images.as_slice()), ("debian-cloud", &[])] {
        let path = format!("/compute/v1/projects/{owner}/global/images");
        answer(&server, "GET", &path, 200, list("image", images)).await;
    }
    let cloud = connect(&server);
    let catalog = cloud
        .catalog(&CatalogQuery::all().with_region("us-central1-a"))
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
    insta::assert_snapshot!(received(&server, &[(2, 4)]).await);
}
