//! Pins every request of reads and deletions, over the real transport against a mock server.
#![allow(clippy::unwrap_used, reason = "a failed check ends the test")]

mod support;

use provision_core::{
    CatalogQuery, Deletion, ErrorKind, HostDeleteRequest, HostId, HostStatus, ListFilter, Provisioner, RegionFilter,
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

/// An answer that lacks the instance is not EC2's word that it is gone.
#[tokio::test]
async fn an_answer_without_the_instance_is_no_gone() {
    let server = wire::server().await;
    reply(&server, "DescribeInstances", 200, NO_INSTANCES, true).await;
    let cloud = connect(&server);
    let status = cloud.status(&id()).await.unwrap_err();
    assert_eq!(status.kind(), ErrorKind::UnexpectedResponse);
    let delete = cloud.delete(&id().into()).await.unwrap_err();
    assert_eq!(delete.kind(), ErrorKind::UnexpectedResponse);
    assert_eq!(
        fields(&server, "Action").await,
        ["DescribeInstances", "DescribeInstances"]
    );
}

#[tokio::test]
async fn an_id_without_its_region_is_refused_and_nothing_is_asked() {
    let server = wire::server().await;
    let cloud = connect(&server);
    let short = HostId::new(ID).unwrap();
    let status = cloud.status(&short).await.unwrap_err();
    let delete = cloud.delete(&short.into()).await.unwrap_err();
    for error in [status, delete] {
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(
            error.to_string().contains("ec2/i-0a1b2c3d4e5f60718/eu-west-1"),
            "{error}"
        );
    }
    assert!(fields(&server, "Action").await.is_empty());
}

/// Where an instance lives is in its id: another region knows nothing of it, and would call it gone.
#[tokio::test]
async fn the_region_of_the_id_is_asked() {
    let server = wire::server().await;
    once(
        &server,
        "DescribeInstances",
        &reservations(&ours("running", RUNNING), ""),
    )
    .await;
    once(&server, "TerminateInstances", "<instancesSet/>").await;
    once(&server, "CreateTags", DONE).await;
    let there = HostId::new(format!("{ID}|us-west-2")).unwrap();
    assert_eq!(
        connect(&server).delete(&there.into()).await.unwrap(),
        Deletion::InProgress
    );
    for request in server.received_requests().await.unwrap() {
        let signed = request.headers["authorization"].to_str().unwrap();
        assert!(signed.contains("/us-west-2/ec2/"), "{signed}");
    }
}

#[tokio::test]
async fn expired_credentials_are_told() {
    for code in ["RequestExpired", "ExpiredToken"] {
        let server = wire::server().await;
        refuse(&server, "DescribeInstances", code).await;
        let error = connect(&server).status(&id()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
        assert!(error.to_string().contains("renew the session token"), "{error}");
    }
}

/// EC2 may deny a new instance for a moment: it is neither called gone nor left behind.
#[tokio::test]
async fn a_new_host_that_is_not_visible_yet_is_not_gone() {
    let server = wire::server().await;
    once(&server, "DescribeInstances", NO_INSTANCES).await;
    once(&server, "DescribeImages", &images("amd64")).await;
    once(&server, "DescribeSecurityGroups", &groups("")).await;
    once(&server, "CreateSecurityGroup", NEW_GROUP).await;
    once(&server, "RunInstances", &launched()).await;
    once(&server, "AuthorizeSecurityGroupIngress", DONE).await;
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
    let tied = groups(&group("sg-0cc", "", Some(ID)));
    once(&server, "DescribeSecurityGroups", &tied).await;
    refuse(&server, "DeleteSecurityGroup", "DependencyViolation").await;
    once(&server, "TerminateInstances", "<instancesSet/>").await;
    assert_eq!(other.delete(&id().into()).await.unwrap(), Deletion::InProgress);
    // Where even the end is denied, the group tells that it is not over.
    once(&server, "DescribeSecurityGroups", &tied).await;
    refuse(&server, "DeleteSecurityGroup", "DependencyViolation").await;
    refuse(&server, "TerminateInstances", "InvalidInstanceID.NotFound").await;
    assert_eq!(other.delete(&id().into()).await.unwrap(), Deletion::InProgress);
    // Where only the end is known, that tells it.
    once(&server, "DescribeSecurityGroups", &groups("")).await;
    once(&server, "TerminateInstances", "<instancesSet/>").await;
    assert_eq!(other.delete(&id().into()).await.unwrap(), Deletion::InProgress);
    let ended = fields(&server, "Action").await;
    assert_eq!(
        ended.iter().filter(|action| *action == "TerminateInstances").count(),
        4,
        "{ended:?}"
    );
}

/// What AWS terminated has a status that tells why, but holds its key no longer and is not listed.
#[tokio::test]
async fn a_terminated_instance_is_not_listed() {
    let server = wire::server().await;
    let failed = "<stateReason><code>Server.InternalError</code><message>x</message></stateReason>";
    once(
        &server,
        "DescribeInstances",
        &reservations(&ours("terminated", failed), ""),
    )
    .await;
    assert_eq!(connect(&server).list(&ListFilter::all()).await.unwrap(), []);
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
    once(&server, "DescribeRegions", REGIONS).await;
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
async fn lists_the_host_of_a_key() {
    let server = wire::server().await;
    let found = reservations(&ours("running", RUNNING), "");
    once(&server, "DescribeInstances", &found).await;
    let filter = ListFilter::all().with_key(&small_key());
    assert_eq!(connect(&server).list(&filter).await.unwrap().len(), 1);
    pin("list_key", &server).await;
}

/// The instance goes at once; its group when the instance is terminated, and may have lost its tags.
#[tokio::test]
async fn deletes_without_waiting() {
    let server = wire::server().await;
    let cloud = connect(&server);
    once(
        &server,
        "DescribeInstances",
        &reservations(&ours("running", RUNNING), ""),
    )
    .await;
    reply(&server, "CreateTags", 200, DONE, true).await;
    once(&server, "TerminateInstances", "<instancesSet/>").await;
    assert_eq!(cloud.delete(&id().into()).await.unwrap(), Deletion::InProgress);
    once(
        &server,
        "DescribeInstances",
        &reservations(&ours("shutting-down", ""), ""),
    )
    .await;
    assert_eq!(cloud.delete(&id().into()).await.unwrap(), Deletion::InProgress);
    once(
        &server,
        "DescribeInstances",
        &reservations(&instance("terminated", ""), ""),
    )
    .await;
    once(
        &server,
        "DescribeSecurityGroups",
        &groups(&group("sg-0cc", "", Some(ID))),
    )
    .await;
    once(&server, "DeleteSecurityGroup", DONE).await;
    assert_eq!(cloud.delete(&id().into()).await.unwrap(), Deletion::Removed);
    pin("delete", &server).await;
    refuse(&server, "DescribeInstances", "InvalidInstanceID.NotFound").await;
    refuse(&server, "TerminateInstances", "InvalidInstanceID.NotFound").await;
    once(&server, "DescribeSecurityGroups", &groups("")).await;
    assert_eq!(cloud.delete(&id().into()).await.unwrap(), Deletion::NotFound);
}

/// A page of a gateway, with status 200, in the place of EC2's word: the group is still there, and nobody would look for it again.
#[tokio::test]
async fn only_ec2s_own_word_says_that_a_group_went() {
    let server = wire::server().await;
    let cloud = connect(&server);
    for (word, removed) in [
        (None, false),
        (Some("<return>false</return>"), false),
        (Some(DONE), true),
    ] {
        once(&server, "DescribeInstances", &reservations(&ours("terminated", ""), "")).await;
        let tied = groups(&group("sg-0cc", "", Some(ID)));
        once(&server, "DescribeSecurityGroups", &tied).await;
        match word {
            Some(word) => once(&server, "DeleteSecurityGroup", word).await,
            None => page_once(&server, "DeleteSecurityGroup").await,
        }
        match cloud.delete(&id().into()).await {
            Ok(deletion) => assert_eq!((deletion, removed), (Deletion::Removed, true)),
            Err(error) => assert_eq!(
                (error.kind(), removed),
                (ErrorKind::UnexpectedResponse, false),
                "{error}"
            ),
        }
    }
}

/// A group may meanwhile be that of the next host of the same key.
#[tokio::test]
async fn the_group_of_another_instance_stays() {
    let server = wire::server().await;
    let ended = reservations(&ours("terminated", ""), "");
    once(&server, "DescribeInstances", &ended).await;
    let next = group("sg-0cc", ALL_PORTS, Some("i-0b1b2c3d4e5f60718"));
    once(&server, "DescribeSecurityGroups", &groups(&next)).await;
    assert_eq!(connect(&server).delete(&id().into()).await.unwrap(), Deletion::NotFound);
    assert_eq!(
        fields(&server, "Action").await,
        ["DescribeInstances", "DescribeSecurityGroups"]
    );
}

/// A permission that is missing does not keep the instance alive, and is told.
#[tokio::test]
async fn an_instance_ends_though_its_group_may_not_be_tagged() {
    let server = wire::server().await;
    once(
        &server,
        "DescribeInstances",
        &reservations(&ours("running", RUNNING), ""),
    )
    .await;
    reply(&server, "CreateTags", 403, "UnauthorizedOperation", false).await;
    once(&server, "TerminateInstances", "<instancesSet/>").await;
    let error = connect(&server).delete(&id().into()).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.operation()),
        (ErrorKind::Forbidden, Some("tag security group"))
    );
    assert!(
        fields(&server, "Action")
            .await
            .contains(&"TerminateInstances".to_owned())
    );
}

/// Five requests one after another at most: the home list, the regions, the other lists, the instance, its end.
#[tokio::test]
async fn deletes_by_address_in_another_region() {
    let server = wire::server().await;
    let by_ip = HostDeleteRequest::ip("203.0.113.7".parse().unwrap());
    once(&server, "DescribeInstances", NO_INSTANCES).await;
    once(&server, "DescribeRegions", REGIONS).await;
    for _ in 0..2 {
        let found = reservations(&ours("running", RUNNING), "");
        once(&server, "DescribeInstances", &found).await;
    }
    once(&server, "TerminateInstances", "<instancesSet/>").await;
    once(&server, "CreateTags", DONE).await;
    assert_eq!(connect(&server).delete(&by_ip).await.unwrap(), Deletion::InProgress);
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
    let query = CatalogQuery::all().with_region("us-east-1");
    let catalog = connect(&server).catalog(&query).await.unwrap();
    let plans: Vec<_> = catalog
        .plans
        .iter()
        .map(|plan| (plan.id.as_str(), plan.monthly_cost))
        .collect();
    assert_eq!(plans, [("t3.nano", Some(8.09)), ("t3.micro", Some(11.88))]);
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
