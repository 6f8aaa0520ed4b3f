//! AWS EC2, over `Sim::handle`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod support;

use http::Method;
use provision_sim::{Effect, Fault, Sim, SimRequest};
use support::{advance, items, sigv4, sim};

const IMAGE: &str = "resolve:ssm:/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id";
const RUN: &[(&str, &str)] = &[
    ("MinCount", "1"),
    ("MaxCount", "1"),
    ("InstanceType", "t3.micro"),
    ("ImageId", IMAGE),
];

/// A request signed now; `target` is a path or a whole URL.
fn signed(target: &str, host: &str, region: &str, secret: &str, body: String) -> SimRequest {
    let path = if target.starts_with('/') { target } else { "/" };
    let (date, authorization) = sigv4::sign(path, host, region, secret, &body);
    SimRequest::new(Method::POST, target)
        .header("x-amz-date", &date)
        .header("authorization", &authorization)
        .body(body)
}

fn form(action: &str, parameters: &[(&str, &str)]) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", action).append_pair("Version", "2016-11-15");
    form.extend_pairs(parameters).finish()
}

fn answer(sim: &Sim, request: SimRequest) -> (u16, String) {
    let answer = sim.handle(request).answer().unwrap();
    (
        answer.status().as_u16(),
        String::from_utf8(answer.body().to_vec()).unwrap(),
    )
}

fn call(sim: &Sim, action: &str, parameters: &[(&str, &str)]) -> String {
    answer(
        sim,
        signed(
            "/ec2",
            "localhost",
            "us-east-1",
            "sim-secret-ec2",
            form(action, parameters),
        ),
    )
    .1
}

fn with<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    RUN.iter()
        .copied()
        .filter(|(name, _)| !more.iter().any(|(other, _)| other == name))
        .chain(more.iter().copied())
        .collect()
}

fn element(xml: &str, name: &str) -> String {
    let (_, rest) = xml.split_once(&format!("<{name}>")).unwrap_or_default();
    rest.split('<').next().unwrap_or_default().to_owned()
}

#[test]
fn only_a_good_signature_is_accepted() {
    let sim = sim();
    let body = || form("DescribeInstances", &[]);
    let good = signed("/ec2", "localhost", "us-east-1", "sim-secret-ec2", body());
    assert_eq!(answer(&sim, good).0, 200);
    let host = "ec2.eu-west-1.amazonaws.com";
    let target = format!("https://{host}/");
    assert_eq!(
        answer(&sim, signed(&target, host, "eu-west-1", "sim-secret-ec2", body())).0,
        200
    );
    for (what, request) in [
        (
            "another secret",
            signed("/ec2", "localhost", "us-east-1", "sim-secret-ec3", body()),
        ),
        (
            "another host",
            signed("/ec2", "example.com", "us-east-1", "sim-secret-ec2", body()),
        ),
        (
            "the region of another host",
            signed(&target, host, "us-east-1", "sim-secret-ec2", body()),
        ),
        (
            "an unknown region",
            signed("/ec2", "localhost", "nowhere-9", "sim-secret-ec2", body()),
        ),
        (
            "a region that is off",
            signed("/ec2", "localhost", "af-south-1", "sim-secret-ec2", body()),
        ),
        (
            "another body",
            signed("/ec2", "localhost", "us-east-1", "sim-secret-ec2", body()).body("Action=RunInstances"),
        ),
    ] {
        let (status, xml) = answer(&sim, request);
        assert_eq!((status, element(&xml, "Code").as_str()), (401, "AuthFailure"), "{what}");
    }
    let bare = SimRequest::new(Method::POST, "/ec2").body(body());
    assert_eq!(element(&answer(&sim, bare).1, "Code"), "MissingAuthenticationToken");
    let write = signed(
        "/ec2",
        "localhost",
        "us-east-1",
        "sim-secret-ec2-readonly",
        form("RunInstances", RUN),
    );
    assert_eq!(element(&answer(&sim, write).1, "Code"), "UnauthorizedOperation");
}

#[test]
fn launches_are_checked() {
    let sim = sim();
    for (more, code) in [
        (vec![("InstanceType", "no-such-plan")], "InvalidParameterValue"),
        (vec![("InstanceType", "t4g.nano")], "UnsupportedOperation"),
        (vec![("ImageId", "ami-0ffffffffffffffff")], "InvalidAMIID.NotFound"),
        (vec![("ImageId", "ubuntu")], "InvalidAMIID.Malformed"),
        (
            vec![("ImageId", "resolve:ssm:/aws/service/none")],
            "InvalidParameterValue",
        ),
        (vec![("UserData", "#!/bin/sh")], "InvalidUserData.Malformed"),
        (vec![("KeyName", "none")], "InvalidKeyPair.NotFound"),
        (vec![("SubnetId", "subnet-0")], "InvalidSubnetID.NotFound"),
        (vec![("SecurityGroupId.1", "sg-0")], "InvalidGroup.NotFound"),
        (
            vec![("NetworkInterface.1.DeviceIndex", "0"), ("SubnetId", "subnet-0")],
            "InvalidParameterCombination",
        ),
        (
            vec![
                ("InstanceType", "c5.large"),
                ("CreditSpecification.CpuCredits", "standard"),
            ],
            "InvalidParameterCombination",
        ),
        (
            vec![
                ("BlockDeviceMapping.1.DeviceName", "/dev/sda1"),
                ("BlockDeviceMapping.1.Ebs.VolumeSize", "4"),
            ],
            "InvalidBlockDeviceMapping",
        ),
        (
            vec![
                ("TagSpecification.1.ResourceType", "instance"),
                ("TagSpecification.1.Tag.1.Key", "aws:x"),
            ],
            "InvalidTagKey.Malformed",
        ),
        (vec![("MinCount", "2")], "InvalidParameterValue"),
        (vec![("Colour", "red")], "UnknownParameter"),
        (vec![("DryRun", "true")], "DryRunOperation"),
    ] {
        let xml = call(&sim, "RunInstances", &with(&more));
        assert_eq!(element(&xml, "Code"), code, "{more:?}: {xml}");
    }
    assert!(sim.inventory().is_empty());
    let nowhere = signed(
        "/ec2",
        "localhost",
        "us-west-1",
        "sim-secret-ec2",
        form("RunInstances", &with(&[])),
    );
    assert_eq!(element(&answer(&sim, nowhere).1, "Code"), "VPCIdNotSpecified");
}

#[test]
fn an_instance_comes_up_and_goes_with_its_disk_and_address() {
    let sim = sim();
    let made = call(&sim, "RunInstances", &with(&[("ClientToken", "once")]));
    let id = element(&made, "instanceId");
    assert!(!made.contains("<ipAddress>"), "{made}");
    let get = || call(&sim, "DescribeInstances", &[("InstanceId.1", &id)]);
    assert_eq!(element(&get(), "name"), "pending");
    advance(&sim, 3_000);
    assert_eq!(
        (element(&get(), "name").as_str(), element(&get(), "ipAddress").as_str()),
        ("running", "203.0.113.1")
    );
    assert_eq!((items(&sim, "host").len(), items(&sim, "volume").len()), (1, 1));
    call(&sim, "TerminateInstances", &[("InstanceId.1", &id)]);
    assert!(get().contains("shutting-down") && !get().contains("<ipAddress>"));
    let going = sim.inventory();
    assert!(going.len() == 2 && going.iter().all(|item| !item.bills), "{going:?}");
    advance(&sim, 2_000);
    assert_eq!(element(&get(), "name"), "terminated");
    assert!(sim.inventory().is_empty());
    advance(&sim, 3_600_000);
    assert_eq!(element(&get(), "Code"), "InvalidInstanceID.NotFound");
}

#[test]
fn a_client_token_stands_for_one_instance() {
    let sim = sim();
    let run = |more: &[(&str, &str)]| call(&sim, "RunInstances", &with(more));
    let id = element(&run(&[("ClientToken", "once")]), "instanceId");
    assert_eq!(element(&run(&[("ClientToken", "once")]), "instanceId"), id);
    assert_eq!(
        element(&run(&[("ClientToken", "once"), ("InstanceType", "t3.nano")]), "Code"),
        "IdempotentParameterMismatch"
    );
    call(&sim, "TerminateInstances", &[("InstanceId.1", &id)]);
    assert_eq!(
        element(&run(&[("ClientToken", "once")]), "Code"),
        "IdempotentInstanceTerminated"
    );
    advance(&sim, 25 * 3_600_000);
    assert_ne!(element(&run(&[("ClientToken", "once")]), "instanceId"), id);
}

#[test]
fn a_group_stays_as_long_as_an_instance_refers_to_it() {
    let sim = sim();
    let group = element(
        &call(
            &sim,
            "CreateSecurityGroup",
            &[("GroupName", "web"), ("GroupDescription", "d")],
        ),
        "groupId",
    );
    let again = call(
        &sim,
        "CreateSecurityGroup",
        &[("GroupName", "WEB"), ("GroupDescription", "d")],
    );
    assert_eq!(element(&again, "Code"), "InvalidGroup.Duplicate");
    let rule = [
        ("GroupId", group.as_str()),
        ("IpPermissions.1.IpProtocol", "tcp"),
        ("IpPermissions.1.FromPort", "80"),
        ("IpPermissions.1.ToPort", "80"),
        ("IpPermissions.1.IpRanges.1.CidrIp", "0.0.0.0/0"),
    ];
    let made = call(&sim, "AuthorizeSecurityGroupIngress", &rule);
    assert_eq!(element(&made, "return"), "true");
    // SDKs read the new rules from the answer.
    for (name, value) in [("fromPort", "80"), ("cidrIpv4", "0.0.0.0/0"), ("isEgress", "false")] {
        assert_eq!(element(&made, name), value);
    }
    assert!(element(&made, "securityGroupRuleId").starts_with("sgr-0"));
    assert_eq!(
        element(&call(&sim, "AuthorizeSecurityGroupIngress", &rule), "Code"),
        "InvalidPermission.Duplicate"
    );
    // The short form of one rule, which Go programs send.
    let short = |port| {
        let rule = [
            ("GroupId", group.as_str()),
            ("IpProtocol", "tcp"),
            ("FromPort", port),
            ("ToPort", port),
            ("CidrIp", "0.0.0.0/0"),
        ];
        call(&sim, "AuthorizeSecurityGroupIngress", &rule)
    };
    assert_eq!(element(&short("8123"), "fromPort"), "8123");
    assert_eq!(element(&short("80"), "Code"), "InvalidPermission.Duplicate");
    assert_eq!(element(&short("x"), "Code"), "InvalidParameterValue");
    let both = [rule.as_slice(), &[("IpProtocol", "tcp"), ("CidrIp", "0.0.0.0/0")]].concat();
    assert_eq!(
        element(&call(&sim, "AuthorizeSecurityGroupIngress", &both), "Code"),
        "InvalidParameterCombination"
    );
    // Not even an instance that nobody sees yet loses its group.
    sim.faults()
        .add(Fault::new(Effect::LateVisibility { millis: 4_000 }).times(1));
    let id = element(
        &call(&sim, "RunInstances", &with(&[("SecurityGroupId.1", &group)])),
        "instanceId",
    );
    let get = || call(&sim, "DescribeInstances", &[("InstanceId.1", &id)]);
    assert_eq!(element(&get(), "Code"), "InvalidInstanceID.NotFound");
    let delete = || call(&sim, "DeleteSecurityGroup", &[("GroupId", &group)]);
    assert_eq!(element(&delete(), "Code"), "DependencyViolation");
    advance(&sim, 4_000);
    assert!(get().contains("<groupName>web</groupName>"));
    let default = call(
        &sim,
        "DescribeSecurityGroups",
        &[("Filter.1.Name", "group-name"), ("Filter.1.Value.1", "default")],
    );
    let default = element(&default, "groupId");
    assert_eq!(
        element(&call(&sim, "DeleteSecurityGroup", &[("GroupId", &default)]), "Code"),
        "CannotDelete"
    );
    let swap = [("InstanceId", id.as_str()), ("GroupId.1", default.as_str())];
    assert_eq!(element(&call(&sim, "ModifyInstanceAttribute", &swap), "return"), "true");
    assert_eq!(element(&delete(), "return"), "true");
    assert_eq!(element(&delete(), "Code"), "InvalidGroup.NotFound");
}

#[test]
fn a_status_is_that_of_running_instances() {
    let sim = sim();
    let id = element(&call(&sim, "RunInstances", &with(&[])), "instanceId");
    let ask = |more: &[(&str, &str)]| call(&sim, "DescribeInstanceStatus", more);
    assert!(!ask(&[]).contains(&id));
    let all = ask(&[("IncludeAllInstances", "true"), ("InstanceId.1", &id)]);
    assert_eq!(
        (element(&all, "name"), element(&all, "status")),
        ("pending".to_owned(), "not-applicable".to_owned())
    );
    advance(&sim, 3_000);
    assert_eq!(
        (element(&ask(&[]), "instanceId"), element(&ask(&[]), "status")),
        (id, "ok".to_owned())
    );
    let unknown = ask(&[("InstanceId.1", "i-0123456789abcdef0")]);
    assert_eq!(element(&unknown, "Code"), "InvalidInstanceID.NotFound");
}

#[test]
fn lists_have_filters_and_pages() {
    let sim = sim();
    // Names of filters are checked where there is nothing to filter, too.
    let odd = [("Filter.1.Name", "colour"), ("Filter.1.Value.1", "red")];
    for action in [
        "DescribeInstances",
        "DescribeVolumes",
        "DescribeInstanceStatus",
        "DescribeSecurityGroups",
    ] {
        assert_eq!(
            element(&call(&sim, action, &odd), "Code"),
            "InvalidParameterValue",
            "{action}"
        );
    }
    for number in 0..7 {
        let owner = if number < 6 { "me" } else { "you" };
        let tags = [
            ("TagSpecification.1.ResourceType", "instance"),
            ("TagSpecification.1.Tag.1.Key", "owner"),
            ("TagSpecification.1.Tag.1.Value", owner),
        ];
        call(&sim, "RunInstances", &with(&tags));
    }
    let mine = [
        ("Filter.1.Name", "tag:owner"),
        ("Filter.1.Value.1", "m*"),
        ("MaxResults", "5"),
    ];
    let first = call(&sim, "DescribeInstances", &mine);
    let token = element(&first, "nextToken");
    assert_eq!(first.matches("<instanceId>").count(), 5);
    let second = [mine.as_slice(), &[("NextToken", token.as_str())]].concat();
    assert_eq!(
        call(&sim, "DescribeInstances", &second).matches("<instanceId>").count(),
        1
    );
    for (parameters, code) in [
        (vec![("MaxResults", "4")], "InvalidParameterValue"),
        (
            vec![("Filter.1.Name", "colour"), ("Filter.1.Value.1", "red")],
            "InvalidParameterValue",
        ),
        (vec![("InstanceId.1", "i-xyz")], "InvalidInstanceID.Malformed"),
        (
            vec![("InstanceId.1", "i-0123456789abcdef0"), ("MaxResults", "5")],
            "InvalidParameterCombination",
        ),
    ] {
        assert_eq!(
            element(&call(&sim, "DescribeInstances", &parameters), "Code"),
            code,
            "{parameters:?}"
        );
    }
    let elsewhere = signed(
        "/ec2",
        "localhost",
        "eu-west-1",
        "sim-secret-ec2",
        form("DescribeInstances", &[]),
    );
    assert!(
        !answer(&sim, elsewhere).1.contains("<instanceId>"),
        "a region of its own"
    );
}

#[test]
fn trouble_comes_in_the_words_of_ec2() {
    for (effect, status, code) in [
        (
            Effect::RateLimited { retry_after: Some(3) },
            503,
            "RequestLimitExceeded",
        ),
        (Effect::ServerError { status: 500 }, 500, "InternalError"),
        (Effect::ServerError { status: 503 }, 503, "Unavailable"),
        (Effect::Unauthorized, 401, "AuthFailure"),
        (Effect::SoldOut, 500, "InsufficientInstanceCapacity"),
        (Effect::Quota, 400, "VcpuLimitExceeded"),
    ] {
        let sim = sim();
        sim.faults().add(Fault::new(effect).cloud("ec2"));
        let request = signed(
            "/ec2",
            "localhost",
            "us-east-1",
            "sim-secret-ec2",
            form("RunInstances", RUN),
        );
        let (found, xml) = answer(&sim, request);
        assert_eq!((found, element(&xml, "Code").as_str()), (status, code));
        assert!(xml.contains("<RequestID>"), "{xml}");
    }
}
