//! Pins every request of a create, over the real transport against a mock server.
#![allow(clippy::unwrap_used, reason = "a failed check ends the test")]

mod support;

use provision_core::{Deletion, ErrorKind, HostStatus, IdempotencyKey, OpenPorts, Origin, Provisioner, RegionFilter};
use provision_testkit::wire;
use support::*;

#[tokio::test]
async fn creates_a_small_host() {
    let server = wire::server().await;
    once(&server, "DescribeInstances", NO_INSTANCES).await;
    once(&server, "DescribeImages", &images("amd64")).await;
    once(&server, "DescribeSecurityGroups", &groups("")).await;
    once(&server, "CreateSecurityGroup", NEW_GROUP).await;
    once(&server, "RunInstances", &launched()).await;
    once(&server, "AuthorizeSecurityGroupIngress", DONE).await;
    once(&server, "CreateTags", DONE).await;
    let host = connect(&server).provision(&small_host()).await.unwrap();
    assert_eq!((host.id, host.status), (id(), HostStatus::Provisioning));
    assert_eq!((host.name.as_str(), host.raw_status.as_str()), ("exit-1", "pending"));
    assert_eq!(
        (host.region.as_deref(), host.origin),
        (Some("eu-west-1"), Some(Origin::Created))
    );
    pin("create_small", &server).await;
}

#[tokio::test]
async fn creates_a_host_with_every_wish() {
    let server = wire::server().await;
    once(&server, "DescribeInstances", NO_INSTANCES).await;
    let subnet = "<subnetSet><item><subnetId>subnet-0aa</subnetId><vpcId>vpc-0bb</vpcId><availableIpAddressCount>5</availableIpAddressCount></item></subnetSet>";
    once(&server, "DescribeSubnets", subnet).await;
    once(&server, "DescribeSecurityGroups", &groups("")).await;
    once(&server, "CreateSecurityGroup", NEW_GROUP).await;
    once(&server, "RunInstances", &launched()).await;
    once(&server, "AuthorizeSecurityGroupIngress", DONE).await;
    once(&server, "CreateTags", DONE).await;
    let host = connect(&server).provision(&full_host()).await.unwrap();
    assert_eq!(host.id.as_str(), format!("{ID}|us-west-2"));
    pin("create_full", &server).await;
}

#[tokio::test]
async fn the_parameter_is_the_image_where_images_may_not_be_listed() {
    let server = wire::server().await;
    once(&server, "DescribeInstances", NO_INSTANCES).await;
    reply(&server, "DescribeImages", 403, "UnauthorizedOperation", false).await;
    once(&server, "DescribeSecurityGroups", &groups("")).await;
    once(&server, "CreateSecurityGroup", NEW_GROUP).await;
    once(&server, "RunInstances", &launched()).await;
    once(&server, "CreateTags", DONE).await;
    let mut host = small_host();
    host.plan = Some("t4g.nano".into());
    host.ports = OpenPorts::Only(Vec::new());
    connect(&server).provision(&host).await.unwrap();
    pin("image_parameter", &server).await;
}

/// Hosts in the user's own group are told apart by their number, as AWS remembers the tokens of those that are gone. The
/// group is neither changed nor deleted.
#[tokio::test]
async fn uses_the_users_own_group() {
    let server = wire::server().await;
    let host = in_own_group();
    let first = small_key().hash_with(&["0"]);
    let gone = instance("terminated", &format!("<clientToken>{first}</clientToken>"));
    once(&server, "DescribeInstances", NO_INSTANCES).await;
    once(&server, "DescribeInstances", &reservations(&gone, "")).await;
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
    once(&server, "DescribeImages", "<imagesSet/>").await;
    refuse(&server, "RunInstances", "IdempotentInstanceTerminated").await;
    let alien = instance("running", TAGS_OF_NO_GROUP);
    once(
        &server,
        "RunInstances",
        &format!("<instancesSet>{alien}</instancesSet>"),
    )
    .await;
    let cloud = connect(&server);
    cloud.provision(&host).await.unwrap();
    once(&server, "DescribeInstances", &reservations(&alien, "")).await;
    once(&server, "TerminateInstances", "<instancesSet/>").await;
    assert_eq!(cloud.delete(&id().into()).await.unwrap(), Deletion::InProgress);
    let tokens = fields(&server, "ClientToken").await;
    assert_eq!(tokens, [small_key().hash_with(&["1"]), small_key().hash_with(&["2"])]);
    pin("own_group", &server).await;
}

#[tokio::test]
async fn a_key_that_was_used_too_often_in_the_users_group_asks_for_another() {
    let server = wire::server().await;
    reply(&server, "DescribeInstances", 200, NO_INSTANCES, true).await;
    once(&server, "DescribeSubnets", SUBNET).await;
    once(&server, "DescribeImages", "<imagesSet/>").await;
    reply(&server, "RunInstances", 400, "IdempotentInstanceTerminated", true).await;
    let error = connect(&server).provision(&in_own_group()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(error.to_string().contains("use another name or key"), "{error}");
    assert_eq!(fields(&server, "ClientToken").await.len(), 3);
}

/// What an earlier call did not come to is done, after a look at what is there.
#[tokio::test]
async fn adopts_the_host_of_its_key_and_completes_it() {
    let server = wire::server().await;
    once(
        &server,
        "DescribeInstances",
        &reservations(&ours("running", RUNNING), ""),
    )
    .await;
    once(&server, "DescribeSecurityGroups", &groups(&group("sg-0cc", "", None))).await;
    once(&server, "AuthorizeSecurityGroupIngress", DONE).await;
    once(&server, "CreateTags", DONE).await;
    let host = connect(&server).provision(&small_host()).await.unwrap();
    assert_eq!((host.id, host.status), (id(), HostStatus::Active));
    assert_eq!(host.origin, Some(Origin::Adopted));
    pin("adopt", &server).await;
}

#[tokio::test]
async fn nothing_is_changed_at_a_host_that_is_complete_or_was_asked_for_differently() {
    let mut closed = small_host();
    closed.ports = OpenPorts::Only(Vec::new());
    for (wanted, made_for, rules, origin) in [
        (small_host(), small_host(), ALL_PORTS, Origin::Adopted),
        (small_host(), closed, "", Origin::AdoptedDifferent),
    ] {
        let server = wire::server().await;
        let found = instance("running", &tags(&made_for));
        once(&server, "DescribeInstances", &reservations(&found, "")).await;
        let own = group("sg-0cc", rules, Some(ID));
        once(&server, "DescribeSecurityGroups", &groups(&own)).await;
        let host = connect(&server).provision(&wanted).await.unwrap();
        assert_eq!(host.origin, Some(origin));
        assert_eq!(
            fields(&server, "Action").await,
            ["DescribeInstances", "DescribeSecurityGroups"]
        );
    }
}

/// The group of a call whose answer was lost is taken up, and with it the client token.
#[tokio::test]
async fn continues_what_an_earlier_call_began() {
    let server = wire::server().await;
    for _ in 0..2 {
        once(&server, "DescribeInstances", NO_INSTANCES).await;
        once(&server, "DescribeImages", &images("amd64")).await;
    }
    once(&server, "DescribeSecurityGroups", &groups("")).await;
    once(&server, "CreateSecurityGroup", NEW_GROUP).await;
    reply(&server, "RunInstances", 500, "InternalError", false).await;
    let cloud = connect(&server);
    let error = cloud.provision(&small_host()).await.unwrap_err();
    assert_eq!((error.kind(), error.may_exist()), (ErrorKind::Unavailable, true));
    once(&server, "DescribeSecurityGroups", &groups(&group("sg-0cc", "", None))).await;
    once(&server, "RunInstances", &launched()).await;
    once(&server, "AuthorizeSecurityGroupIngress", DONE).await;
    once(&server, "CreateTags", DONE).await;
    cloud.provision(&small_host()).await.unwrap();
    let tokens = fields(&server, "ClientToken").await;
    assert!(matches!(tokens.as_slice(), [one, other] if one == other), "{tokens:?}");
    pin("continue", &server).await;
}

/// A name is free when its host is gone, however often: the next group makes another client token.
#[tokio::test]
async fn the_next_host_of_a_key_has_another_client_token() {
    let mut tokens = Vec::new();
    for new_group in [NEW_GROUP, "<groupId>sg-0dd</groupId>"] {
        let server = wire::server().await;
        once(&server, "DescribeInstances", NO_INSTANCES).await;
        once(&server, "DescribeImages", &images("amd64")).await;
        once(&server, "DescribeSecurityGroups", &groups("")).await;
        once(&server, "CreateSecurityGroup", new_group).await;
        once(&server, "RunInstances", &launched()).await;
        once(&server, "AuthorizeSecurityGroupIngress", DONE).await;
        once(&server, "CreateTags", DONE).await;
        connect(&server).provision(&small_host()).await.unwrap();
        tokens.extend(fields(&server, "ClientToken").await);
    }
    assert!(matches!(tokens.as_slice(), [one, other] if one != other), "{tokens:?}");
}

/// Only a group in use tells that the host which it was made for is there and not shown yet.
#[tokio::test]
async fn the_group_of_an_earlier_host_goes_unless_that_is_only_not_shown_yet() {
    for (refusal, made) in [(None, false), (Some("DependencyViolation"), true)] {
        let server = wire::server().await;
        once(&server, "DescribeInstances", NO_INSTANCES).await;
        once(&server, "DescribeImages", &images("amd64")).await;
        let used = group("sg-0cc", ALL_PORTS, Some(ID));
        once(&server, "DescribeSecurityGroups", &groups(&used)).await;
        match refusal {
            None => once(&server, "DeleteSecurityGroup", DONE).await,
            Some(code) => refuse(&server, "DeleteSecurityGroup", code).await,
        }
        once(&server, "RunInstances", &launched()).await;
        refuse(&server, "AuthorizeSecurityGroupIngress", "InvalidPermission.Duplicate").await;
        once(&server, "CreateTags", DONE).await;
        let result = connect(&server).provision(&small_host()).await;
        assert_eq!(result.is_ok(), made, "{result:?}");
        if let Err(error) = result {
            assert_eq!(error.kind(), ErrorKind::Conflict);
            assert!(!fields(&server, "Action").await.contains(&"RunInstances".to_owned()));
        }
    }
}

/// A launch that EC2 refuses takes the group with it, whatever status the refusal has; one that may succeed later leaves it.
#[tokio::test]
async fn a_refused_launch_takes_the_group_with_it() {
    for (status, code, kind, goes) in [
        (400, "InvalidKeyPair.NotFound", ErrorKind::InvalidRequest, true),
        (500, "InsufficientInstanceCapacity", ErrorKind::Capacity, true),
        (400, "IdempotentInstanceTerminated", ErrorKind::Conflict, true),
        (503, "RequestLimitExceeded", ErrorKind::RateLimited, false),
        (400, "InvalidGroup.NotFound", ErrorKind::Conflict, false),
        (400, "IdempotentParameterMismatch", ErrorKind::Conflict, false),
    ] {
        let server = wire::server().await;
        once(&server, "DescribeInstances", NO_INSTANCES).await;
        once(&server, "DescribeImages", &images("amd64")).await;
        once(&server, "DescribeSecurityGroups", &groups("")).await;
        once(&server, "CreateSecurityGroup", NEW_GROUP).await;
        reply(&server, "RunInstances", status, code, false).await;
        once(&server, "DeleteSecurityGroup", DONE).await;
        let error = connect(&server).provision(&small_host()).await.unwrap_err();
        assert_eq!((error.kind(), error.may_exist()), (kind, false), "{error}");
        let deleted = fields(&server, "Action")
            .await
            .contains(&"DeleteSecurityGroup".to_owned());
        assert_eq!(deleted, goes, "{code}");
    }
}

#[tokio::test]
async fn two_calls_at_the_same_moment_are_a_conflict_and_not_a_taken_name() {
    let server = wire::server().await;
    once(&server, "DescribeInstances", NO_INSTANCES).await;
    once(&server, "DescribeImages", &images("amd64")).await;
    once(&server, "DescribeSecurityGroups", &groups("")).await;
    refuse(&server, "CreateSecurityGroup", "InvalidGroup.Duplicate").await;
    let error = connect(&server).provision(&small_host()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
}

#[tokio::test]
async fn a_host_whose_ports_cannot_be_opened_stays_closed_and_is_named() {
    let server = wire::server().await;
    once(&server, "DescribeInstances", NO_INSTANCES).await;
    once(&server, "DescribeImages", &images("amd64")).await;
    once(&server, "DescribeSecurityGroups", &groups("")).await;
    once(&server, "CreateSecurityGroup", NEW_GROUP).await;
    once(&server, "RunInstances", &launched()).await;
    refuse(
        &server,
        "AuthorizeSecurityGroupIngress",
        "RulesPerSecurityGroupLimitExceeded",
    )
    .await;
    reply(&server, "CreateTags", 200, DONE, true).await;
    let error = connect(&server).provision(&small_host()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Quota);
    assert!(error.host().is_some(), "{error}");
    assert!(error.to_string().contains("exists and bills"), "{error}");
}

/// Credentials that expire, lack a permission or are throttled after the instance exists do not lose it.
#[tokio::test]
async fn a_create_that_fails_after_the_instance_exists_keeps_its_id() {
    for (status, code, kind) in [
        (401, "AuthFailure", ErrorKind::Unauthorized),
        (400, "ExpiredToken", ErrorKind::Unauthorized),
        (403, "UnauthorizedOperation", ErrorKind::Forbidden),
        (503, "RequestLimitExceeded", ErrorKind::RateLimited),
    ] {
        let server = wire::server().await;
        once(&server, "DescribeInstances", NO_INSTANCES).await;
        once(&server, "DescribeImages", &images("amd64")).await;
        once(&server, "DescribeSecurityGroups", &groups("")).await;
        once(&server, "CreateSecurityGroup", NEW_GROUP).await;
        once(&server, "RunInstances", &launched()).await;
        once(&server, "AuthorizeSecurityGroupIngress", DONE).await;
        for action in ["CreateTags", "DescribeInstances", "TerminateInstances"] {
            reply(&server, action, status, code, true).await;
        }
        let error = connect(&server).provision(&small_host()).await.unwrap_err();
        assert_eq!((error.kind(), error.host()), (kind, Some(&id())), "{error}");
        assert!(error.to_string().contains(&format!("ec2/{ID}/eu-west-1")), "{error}");
    }
}

#[tokio::test]
async fn the_group_of_a_host_that_never_came_to_be_is_found_by_the_key() {
    let server = wire::server().await;
    let key = IdempotencyKey::new("order-17").unwrap();
    let foreign = "<item><groupId>sg-0users</groupId><groupName>mine</groupName></item>";
    let found = groups(&(foreign.to_owned() + &group("sg-0cc", "", None)));
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
    once(&server, "DescribeSecurityGroups", &groups("")).await;
    assert_eq!(cloud.delete_leftovers(&key, &here).await.unwrap(), Deletion::NotFound);
    refuse(&server, "DescribeSecurityGroups", "RequestLimitExceeded").await;
    let limited = cloud.delete_leftovers(&key, &here).await.unwrap_err();
    assert_eq!(limited.kind(), ErrorKind::RateLimited);
}

#[tokio::test]
async fn without_a_default_vpc_the_settings_are_named() {
    let server = wire::server().await;
    once(&server, "DescribeInstances", NO_INSTANCES).await;
    once(&server, "DescribeImages", &images("amd64")).await;
    once(&server, "DescribeSecurityGroups", &groups("")).await;
    refuse(&server, "CreateSecurityGroup", "VPCIdNotSpecified").await;
    let error = connect(&server).provision(&small_host()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(
        error.to_string().contains("`subnet-id`") && error.to_string().contains("`vpc-id`"),
        "{error}"
    );
}
