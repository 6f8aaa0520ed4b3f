//! Pins every request of a create, over the real transport against a mock server.
#![allow(clippy::unwrap_used, reason = "a failed check ends the test")]

mod support;

use provision_core::{Deletion, ErrorKind, HostStatus, OpenPorts, Provisioner, RegionFilter};
use provision_testkit::wire;
use support::*;

#[tokio::test]
async fn creates_a_small_host() {
    let server = wire::server().await;
    once(&server, "CreateSecurityGroup", NEW_GROUP).await;
    once(&server, "AuthorizeSecurityGroupIngress", DONE).await;
    once(&server, "RunInstances", &launched()).await;
    once(&server, "CreateTags", DONE).await;
    let host = connect(&server).provision(&small_host()).await.unwrap();
    assert_eq!((host.id, host.status), (id(), HostStatus::Provisioning));
    assert_eq!((host.name.as_str(), host.raw_status.as_str()), ("exit-1", "pending"));
    assert_eq!(host.region.as_deref(), Some("eu-west-1"));
    pin("create_small", &server).await;
}

#[tokio::test]
async fn creates_a_host_with_every_wish() {
    let server = wire::server().await;
    once(&server, "DescribeInstances", NO_INSTANCES).await;
    let subnet = "<subnetSet><item><subnetId>subnet-0aa</subnetId><vpcId>vpc-0bb</vpcId><availableIpAddressCount>5</availableIpAddressCount></item></subnetSet>";
    once(&server, "DescribeSubnets", subnet).await;
    once(&server, "CreateSecurityGroup", NEW_GROUP).await;
    once(&server, "AuthorizeSecurityGroupIngress", DONE).await;
    once(&server, "RunInstances", &launched()).await;
    once(&server, "CreateTags", DONE).await;
    let host = connect(&server).provision(&full_host()).await.unwrap();
    assert_eq!(host.id.as_str(), format!("{ID}|us-west-2"));
    pin("create_full", &server).await;
}

#[tokio::test]
async fn uses_the_users_own_group_and_never_deletes_it() {
    let server = wire::server().await;
    let mut host = small_host();
    host.additional.insert("security-group".into(), "sg-0users".into());
    host.additional.insert("vpc-id".into(), "vpc-0bb".into());
    let subnet = |id: &str, free: u32| {
        format!(
            "<item><subnetId>{id}</subnetId><vpcId>vpc-0bb</vpcId><availableIpAddressCount>{free}</availableIpAddressCount></item>"
        )
    };
    let subnets = format!(
        "<subnetSet>{}{}</subnetSet>",
        subnet("subnet-full", 0),
        subnet("subnet-free", 9)
    );
    once(&server, "DescribeSubnets", &subnets).await;
    refuse(&server, "RunInstances", "InvalidKeyPair.NotFound").await;
    let error = connect(&server).provision(&host).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    let alien = instance(
        "running",
        "<groupSet><item><groupId>sg-0users</groupId><groupName>mine</groupName></item></groupSet>",
    );
    once(&server, "DescribeInstances", &reservations(&alien, "")).await;
    once(&server, "TerminateInstances", "<instancesSet/>").await;
    assert_eq!(
        connect(&server).delete(&id().into()).await.unwrap(),
        Deletion::InProgress
    );
    pin("own_group", &server).await;
}

#[tokio::test]
async fn adopts_by_the_client_token() {
    let server = wire::server().await;
    let token = format!(
        "{RUNNING}<clientToken>{}</clientToken>",
        keyed_host().key.unwrap().hash()
    );
    once(
        &server,
        "DescribeInstances",
        &reservations(&ours("running", &token), ""),
    )
    .await;
    once(&server, "CreateTags", DONE).await;
    let host = connect(&server).provision(&keyed_host()).await.unwrap();
    assert_eq!((host.id, host.status), (id(), HostStatus::Active));
    pin("adopt", &server).await;
}

/// The group of an earlier call is used again, and a token that stands for a deleted host is passed over.
#[tokio::test]
async fn continues_what_an_earlier_call_began() {
    let server = wire::server().await;
    once(&server, "DescribeInstances", NO_INSTANCES).await;
    refuse(&server, "CreateSecurityGroup", "InvalidGroup.Duplicate").await;
    let name = format!("provision-{}", keyed_host().key.unwrap().hash());
    let all = "<item><ipProtocol>-1</ipProtocol><ipRanges/></item>";
    once(&server, "DescribeSecurityGroups", &groups(&group("sg-0cc", &name, all))).await;
    refuse(&server, "RunInstances", "IdempotentInstanceTerminated").await;
    once(&server, "RunInstances", &launched()).await;
    once(&server, "CreateTags", DONE).await;
    connect(&server).provision(&keyed_host()).await.unwrap();
    pin("continue", &server).await;
}

#[tokio::test]
async fn a_key_that_was_used_too_often_asks_for_a_new_one() {
    let server = wire::server().await;
    once(&server, "DescribeInstances", NO_INSTANCES).await;
    once(&server, "CreateSecurityGroup", NEW_GROUP).await;
    once(&server, "AuthorizeSecurityGroupIngress", DONE).await;
    reply(&server, "RunInstances", 400, "IdempotentInstanceTerminated", true).await;
    once(&server, "DeleteSecurityGroup", DONE).await;
    let error = connect(&server).provision(&keyed_host()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(error.to_string().contains("use a new key"), "{error}");
}

#[tokio::test]
async fn looks_the_image_up_where_the_parameter_is_refused() {
    let server = wire::server().await;
    once(&server, "CreateSecurityGroup", NEW_GROUP).await;
    reply(&server, "RunInstances", 403, "UnauthorizedOperation", false).await;
    let image = |id: &str, date: &str| {
        format!(
            "<item><imageId>{id}</imageId><name>ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-arm64-server-{date}</name><creationDate>{date}T00:00:00.000Z</creationDate><imageState>available</imageState><architecture>arm64</architecture></item>"
        )
    };
    let images = format!(
        "<imagesSet>{}{}</imagesSet>",
        image("ami-old", "20260101"),
        image("ami-new", "20260904")
    );
    once(&server, "DescribeImages", &images).await;
    once(&server, "RunInstances", &launched()).await;
    once(&server, "CreateTags", DONE).await;
    let mut host = small_host();
    host.plan = Some("t4g.nano".into());
    host.ports = OpenPorts::Only(Vec::new());
    connect(&server).provision(&host).await.unwrap();
    pin("image_fallback", &server).await;
}

#[tokio::test]
async fn a_rule_that_fails_takes_the_group_with_it() {
    let server = wire::server().await;
    once(&server, "CreateSecurityGroup", NEW_GROUP).await;
    refuse(
        &server,
        "AuthorizeSecurityGroupIngress",
        "RulesPerSecurityGroupLimitExceeded",
    )
    .await;
    once(&server, "DeleteSecurityGroup", DONE).await;
    let error = connect(&server).provision(&small_host()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Quota);
    pin("roll_back", &server).await;
}

#[tokio::test]
async fn the_group_of_a_host_that_never_came_to_be_is_found_by_the_key() {
    let server = wire::server().await;
    let key = keyed_host().key.unwrap();
    let name = format!("provision-{}", key.hash());
    let foreign = format!("<item><groupId>sg-0users</groupId><groupName>{name}</groupName></item>");
    let found = groups(&(foreign + &group("sg-0cc", &name, "")));
    let here = RegionFilter::Default;
    let cloud = connect(&server);
    once(&server, "DescribeSecurityGroups", &found).await;
    refuse(&server, "DeleteSecurityGroup", "DependencyViolation").await;
    assert_eq!(cloud.delete_leftovers(&key, &here).await.unwrap(), Deletion::InProgress);
    let regions = "<regionInfo><item><regionName>us-west-2</regionName></item></regionInfo>";
    once(&server, "DescribeRegions", regions).await;
    once(&server, "DescribeSecurityGroups", &found).await;
    once(&server, "DeleteSecurityGroup", DONE).await;
    let all = RegionFilter::All;
    assert_eq!(cloud.delete_leftovers(&key, &all).await.unwrap(), Deletion::Removed);
    pin("leftovers", &server).await;
    refuse(&server, "DescribeSecurityGroups", "RequestLimitExceeded").await;
    let limited = cloud.delete_leftovers(&key, &here).await.unwrap_err();
    assert_eq!(limited.kind(), ErrorKind::RateLimited);
}

#[tokio::test]
async fn without_a_default_vpc_the_settings_are_named() {
    let server = wire::server().await;
    refuse(&server, "CreateSecurityGroup", "VPCIdNotSpecified").await;
    let error = connect(&server).provision(&small_host()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(
        error.to_string().contains("`subnet-id`") && error.to_string().contains("`vpc-id`"),
        "{error}"
    );
}
