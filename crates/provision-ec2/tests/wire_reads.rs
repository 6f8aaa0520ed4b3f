//! Pins every request of reads and deletions, over the real transport against a mock server.
#![allow(clippy::unwrap_used, reason = "a failed check ends the test")]

mod support;

use provision_core::{
    CatalogQuery, Deletion, ErrorKind, HostDeleteRequest, HostStatus, ListFilter, Provisioner, RegionFilter,
};
use provision_testkit::{
    wire,
    wiremock::{Mock, ResponseTemplate, matchers::body_string_contains},
};
use support::*;

#[tokio::test]
async fn reads_the_status() {
    let server = wire::server().await;
    once(
        &server,
        "DescribeInstances",
        &reservations(&ours("running", RUNNING), ""),
    )
    .await;
    let cloud = connect(&server);
    let host = cloud.status(&id()).await.unwrap();
    assert_eq!(
        (host.status, host.ip),
        (HostStatus::Active, Some("203.0.113.7".parse().unwrap()))
    );
    pin("status", &server).await;

    let failed = "<stateReason><code>Server.InternalError</code><message>Server.InternalError: on launch</message></stateReason>";
    once(
        &server,
        "DescribeInstances",
        &reservations(&ours("terminated", failed), ""),
    )
    .await;
    let host = cloud.status(&id()).await.unwrap();
    assert_eq!(
        (host.status, host.message.as_deref()),
        (HostStatus::Failed, Some("Server.InternalError: on launch"))
    );
    let gone = failed.replace("Server.InternalError", "Client.UserInitiatedShutdown");
    once(
        &server,
        "DescribeInstances",
        &reservations(&ours("terminated", &gone), ""),
    )
    .await;
    assert_eq!(cloud.status(&id()).await.unwrap_err().kind(), ErrorKind::NotFound);
    refuse(&server, "DescribeInstances", "InvalidInstanceID.NotFound").await;
    assert_eq!(cloud.status(&id()).await.unwrap_err().kind(), ErrorKind::NotFound);
}

/// What a list has shown is not new any more: when it is denied after that, it is gone.
#[tokio::test]
async fn a_new_host_that_a_list_has_shown_can_be_gone() {
    let server = wire::server().await;
    once(&server, "CreateSecurityGroup", NEW_GROUP).await;
    once(&server, "AuthorizeSecurityGroupIngress", DONE).await;
    once(&server, "RunInstances", &launched()).await;
    once(&server, "CreateTags", DONE).await;
    let cloud = connect(&server);
    cloud.provision(&small_host()).await.unwrap();
    let listed = reservations(&ours("running", RUNNING), "");
    once(&server, "DescribeInstances", &listed).await;
    assert_eq!(cloud.list(&ListFilter::all()).await.unwrap().len(), 1);
    refuse(&server, "DescribeInstances", "InvalidInstanceID.NotFound").await;
    assert_eq!(cloud.status(&id()).await.unwrap_err().kind(), ErrorKind::NotFound);
}

/// EC2 may deny a new instance for a moment: it is neither called gone nor left behind.
#[tokio::test]
async fn a_new_host_that_is_not_visible_yet_is_not_gone() {
    let server = wire::server().await;
    once(&server, "CreateSecurityGroup", NEW_GROUP).await;
    once(&server, "AuthorizeSecurityGroupIngress", DONE).await;
    once(&server, "RunInstances", &launched()).await;
    once(&server, "CreateTags", DONE).await;
    let cloud = connect(&server);
    cloud.provision(&small_host()).await.unwrap();
    reply(&server, "DescribeInstances", 400, "InvalidInstanceID.NotFound", true).await;
    assert_eq!(cloud.status(&id()).await.unwrap().status, HostStatus::Provisioning);
    once(&server, "DescribeSecurityGroups", &groups("")).await;
    refuse(&server, "TerminateInstances", "InvalidInstanceID.NotFound").await;
    assert_eq!(cloud.delete(&id().into()).await.unwrap(), Deletion::InProgress);
    // Another process knows only the group, which something refers to.
    let other = connect(&server);
    once(
        &server,
        "DescribeSecurityGroups",
        &groups(&group("sg-0cc", "provision-own", "")),
    )
    .await;
    refuse(&server, "DeleteSecurityGroup", "DependencyViolation").await;
    once(&server, "TerminateInstances", "<instancesSet/>").await;
    assert_eq!(other.delete(&id().into()).await.unwrap(), Deletion::InProgress);
}

#[tokio::test]
async fn lists_all_pages() {
    let server = wire::server().await;
    let alien = instance("running", "").replace(ID, "i-0ffffffffffffffff");
    let first = reservations(&(ours("running", RUNNING) + &alien), "<nextToken>page=2+</nextToken>");
    once(&server, "DescribeInstances", &first).await;
    let second = ours("stopped", "").replace(ID, "i-0b1b2c3d4e5f60718");
    once(&server, "DescribeInstances", &reservations(&second, "")).await;
    let hosts = connect(&server).list(&ListFilter::all()).await.unwrap();
    assert_eq!(
        hosts.iter().map(|host| host.status).collect::<Vec<_>>(),
        [HostStatus::Active, HostStatus::Stopped]
    );
    pin("list", &server).await;
}

#[tokio::test]
async fn lists_every_region_that_the_account_may_use() {
    let server = wire::server().await;
    let regions = "<regionInfo><item><regionName>eu-west-1</regionName></item><item><regionName>us-east-1</regionName></item></regionInfo>";
    once(&server, "DescribeRegions", regions).await;
    reply(
        &server,
        "DescribeInstances",
        200,
        &reservations(&ours("running", RUNNING), ""),
        true,
    )
    .await;
    let mut filter = ListFilter::all();
    filter.region = RegionFilter::All;
    let hosts = connect(&server).list(&filter).await.unwrap();
    let ids: Vec<_> = hosts.iter().map(|host| host.id.as_str()).collect();
    assert_eq!(ids, [format!("{ID}|eu-west-1"), format!("{ID}|us-east-1")]);
}

#[tokio::test]
async fn deletes_without_waiting() {
    let server = wire::server().await;
    once(
        &server,
        "DescribeInstances",
        &reservations(&ours("running", RUNNING), ""),
    )
    .await;
    let both = group("sg-0def", "default", "").replace("managed-by", "x") + &group("sg-0cc", "provision-own", "");
    once(&server, "DescribeSecurityGroups", &groups(&both)).await;
    once(&server, "ModifyInstanceAttribute", DONE).await;
    once(&server, "DeleteSecurityGroup", DONE).await;
    once(&server, "TerminateInstances", "<instancesSet/>").await;
    let cloud = connect(&server);
    assert_eq!(cloud.delete(&id().into()).await.unwrap(), Deletion::InProgress);
    once(
        &server,
        "DescribeInstances",
        &reservations(&ours("shutting-down", ""), ""),
    )
    .await;
    once(&server, "DescribeSecurityGroups", &groups("")).await;
    assert_eq!(cloud.delete(&id().into()).await.unwrap(), Deletion::InProgress);
    refuse(&server, "DescribeInstances", "InvalidInstanceID.NotFound").await;
    once(&server, "DescribeSecurityGroups", &groups("")).await;
    assert_eq!(cloud.delete(&id().into()).await.unwrap(), Deletion::Removed);
    pin("delete", &server).await;
}

/// Where the group cannot be taken off, it is tagged, and found by the address although the host has lost it.
#[tokio::test]
async fn deletes_by_ip_until_the_group_is_gone() {
    let server = wire::server().await;
    let by_ip = HostDeleteRequest::ip("203.0.113.7".parse().unwrap());
    once(
        &server,
        "DescribeInstances",
        &reservations(&ours("running", RUNNING), ""),
    )
    .await;
    let both = group("sg-0def", "default", "") + &group("sg-0cc", "provision-own", "");
    once(&server, "DescribeSecurityGroups", &groups(&both)).await;
    reply(&server, "ModifyInstanceAttribute", 403, "UnauthorizedOperation", false).await;
    refuse(&server, "DeleteSecurityGroup", "DependencyViolation").await;
    once(&server, "CreateTags", DONE).await;
    once(&server, "TerminateInstances", "<instancesSet/>").await;
    let cloud = connect(&server);
    assert_eq!(cloud.delete(&by_ip).await.unwrap(), Deletion::InProgress);
    once(&server, "DescribeInstances", NO_INSTANCES).await;
    let tagged = group("sg-0cc", "provision-own", "").replace(
        "<tagSet>",
        &format!("<tagSet><item><key>provision:host</key><value>{ID}</value></item>"),
    );
    once(&server, "DescribeSecurityGroups", &groups(&tagged)).await;
    once(
        &server,
        "DescribeInstances",
        &reservations(&instance("terminated", ""), ""),
    )
    .await;
    once(&server, "DescribeSecurityGroups", &groups(&tagged)).await;
    once(&server, "DeleteSecurityGroup", DONE).await;
    assert_eq!(cloud.delete(&by_ip).await.unwrap(), Deletion::Removed);
    pin("delete_by_ip", &server).await;
}

#[tokio::test]
async fn reads_the_catalog() {
    let server = wire::server().await;
    let regions = "<regionInfo><item><regionName>us-east-1</regionName></item></regionInfo>";
    once(&server, "DescribeRegions", regions).await;
    let plan = |id: &str| {
        format!(
            "<item><instanceType>{id}</instanceType><vCpuInfo><defaultVCpus>2</defaultVCpus></vCpuInfo><memoryInfo><sizeInMiB>1024</sizeInMiB></memoryInfo><processorInfo><supportedArchitectures><item>x86_64</item></supportedArchitectures></processorInfo></item>"
        )
    };
    let types = |items: &str, next: &str| format!("<instanceTypeSet>{items}</instanceTypeSet>{next}");
    once(
        &server,
        "DescribeInstanceTypes",
        &types(&plan("t3.micro"), "<nextToken>two</nextToken>"),
    )
    .await;
    once(&server, "DescribeInstanceTypes", &types(&plan("t3.nano"), "")).await;
    once(&server, "DescribeImages", "<imagesSet/>").await;
    let query = CatalogQuery::all().region("us-east-1");
    let catalog = connect(&server).catalog(&query).await.unwrap();
    let plans: Vec<_> = catalog
        .plans
        .iter()
        .map(|plan| (plan.id.as_str(), plan.monthly_cost))
        .collect();
    assert_eq!(plans, [("t3.nano", Some(3.8)), ("t3.micro", Some(7.59))]);
    assert_eq!((catalog.images.len(), catalog.regions.len()), (2, 1));
    pin("catalog", &server).await;
}

/// A gateway's page is neither a refusal nor "gone", and a cut answer is no list.
#[tokio::test]
async fn odd_answers_are_no_facts() {
    for (status, body, kind) in [
        (404, "<html>not here</html>", ErrorKind::UnexpectedResponse),
        (200, "<html>hello</html>", ErrorKind::UnexpectedResponse),
        (
            200,
            "<DescribeInstancesResponse><reservationSet>",
            ErrorKind::UnexpectedResponse,
        ),
        (500, "", ErrorKind::Unavailable),
    ] {
        let server = wire::server().await;
        let answer = ResponseTemplate::new(status).set_body_raw(body, "text/html");
        Mock::given(body_string_contains("Action"))
            .respond_with(answer)
            .mount(&server)
            .await;
        let cloud = connect(&server);
        assert_eq!(cloud.status(&id()).await.unwrap_err().kind(), kind, "{status} {body}");
        assert_eq!(
            cloud.delete(&id().into()).await.unwrap_err().kind(),
            kind,
            "{status} {body}"
        );
        assert_eq!(
            cloud.list(&ListFilter::all()).await.unwrap_err().kind(),
            kind,
            "{status} {body}"
        );
    }
}
