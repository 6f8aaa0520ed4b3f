//! What the wire tests share: the provider before a mock server, and answers as
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/> shows them (read 2026-11), shortened.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a failed check ends the test")]

use std::time::{Duration, SystemTime};

use provision_core::{BasicHost, HostId, Hosted, IdempotencyKey, OpenPorts, Settings, UserData};
use provision_ec2::Ec2;
use provision_testkit::{
    Render,
    wire::{self, received_with},
    wiremock::{Mock, MockServer, ResponseTemplate, matchers::body_string_contains},
};

pub(crate) const ID: &str = "i-0a1b2c3d4e5f60718";
pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

pub(crate) fn connect(server: &MockServer) -> Hosted<Ec2> {
    let settings = Settings::new()
        .with("access-key-id", "AKIDEXAMPLE")
        .with("secret-access-key", SECRET)
        .with("session-token", "session-token-example")
        .with("region", "eu-west-1")
        .with("endpoint", server.uri());
    Ec2::from_settings(&settings, wire::transport()).unwrap()
}

pub(crate) fn small_host() -> BasicHost {
    BasicHost::new(
        "exit-1".parse().unwrap(),
        UserData::new("#!/bin/sh\necho hi\n").unwrap(),
    )
}

/// The key that it has by its name.
pub(crate) fn small_key() -> IdempotencyKey {
    small_host().key()
}

pub(crate) fn in_own_group() -> BasicHost {
    small_host()
        .with_additional("security-group", "sg-0users")
        .with_additional("vpc-id", "vpc-0bb")
}

pub(crate) fn full_host() -> BasicHost {
    let mut host = small_host();
    host = host.with_key(IdempotencyKey::new("order-17").unwrap());
    host.region = Some("us-west-2".into());
    host.plan = Some("m7g.medium".into());
    host.image = Some("ami-0123456789abcdef0".into());
    host.labels = "team=web".parse().unwrap();
    host.ports = OpenPorts::Only(vec![
        "80".parse().unwrap(),
        "8000-8100/udp".parse().unwrap(),
        "80".parse().unwrap(),
    ]);
    host.ssh_keys = vec!["my-key".into()];
    host.expires = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    host.additional = [
        ("subnet-id", "subnet-0aa"),
        ("instance-profile", "arn:aws:iam::123456789012:instance-profile/web"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into();
    host
}

pub(crate) fn id() -> HostId {
    HostId::new(format!("{ID}|eu-west-1")).unwrap()
}

/// Answers the next call of an action, or all with `always`.
pub(crate) async fn reply(server: &MockServer, action: &str, status: u16, inner: &str, always: bool) {
    let body = match status {
        200 => format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><{action}Response xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>r</requestId>{inner}</{action}Response>"
        ),
        _ => format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Errors><Error><Code>{inner}</Code><Message>said by EC2.</Message></Error></Errors><RequestID>r</RequestID></Response>"
        ),
    };
    let answer = ResponseTemplate::new(status).set_body_raw(body, "text/xml;charset=UTF-8");
    let mock = Mock::given(body_string_contains(format!("Action={action}&"))).respond_with(answer);
    match always {
        true => mock.mount(server).await,
        false => mock.up_to_n_times(1).mount(server).await,
    }
}

pub(crate) async fn once(server: &MockServer, action: &str, inner: &str) {
    reply(server, action, 200, inner, false).await;
}

/// A page of something in between, with status 200.
pub(crate) async fn page_once(server: &MockServer, action: &str) {
    let page = ResponseTemplate::new(200).set_body_raw("<html><h1>Welcome</h1></html>", "text/html");
    let mock = Mock::given(body_string_contains(format!("Action={action}&"))).respond_with(page);
    mock.up_to_n_times(1).mount(server).await;
}

pub(crate) async fn refuse(server: &MockServer, action: &str, code: &str) {
    reply(server, action, 400, code, false).await;
}

pub(crate) fn instance(state: &str, more: &str) -> String {
    format!(
        "<item><instanceId>{ID}</instanceId><imageId>ami-0123456789abcdef0</imageId><instanceState><code>16</code><name>{state}</name></instanceState><instanceType>t3.micro</instanceType><launchTime>2026-11-20T07:23:16.000Z</launchTime><vpcId>vpc-0bb</vpcId>{more}</item>"
    )
}

/// The tags of an instance that was made for a host in the configured region, in a group of its own.
pub(crate) fn tags(host: &BasicHost) -> String {
    let labels = wire::labels(Ec2::INFO, &host.clone().with_region("eu-west-1"));
    let own = [("Name", host.name.as_str()), ("provision-group", "sg-0cc")];
    let tags: String = own
        .into_iter()
        .chain(&labels)
        .map(|(key, value)| format!("<item><key>{key}</key><value>{value}</value></item>"))
        .collect();
    format!("<tagSet>{tags}</tagSet>")
}

pub(crate) const TAGS_OF_NO_GROUP: &str = "<tagSet><item><key>Name</key><value>exit-1</value></item><item><key>managed-by</key><value>provision</value></item></tagSet>";

pub(crate) fn ours(state: &str, more: &str) -> String {
    instance(state, &(tags(&small_host()) + more))
}

pub(crate) fn reservations(instances: &str, next: &str) -> String {
    format!(
        "<reservationSet><item><reservationId>r-1</reservationId><instancesSet>{instances}</instancesSet></item></reservationSet>{next}"
    )
}

pub(crate) fn launched() -> String {
    format!("<instancesSet>{}</instancesSet>", ours("pending", ""))
}

/// A group of ours with these rules, and the host that it is tied to.
pub(crate) fn group(id: &str, rules: &str, host: Option<&str>) -> String {
    let host = host.map(|host| format!("<item><key>provision:host</key><value>{host}</value></item>"));
    format!(
        "<item><groupId>{id}</groupId><groupName>provision-own</groupName><ipPermissions>{rules}</ipPermissions><tagSet><item><key>managed-by</key><value>provision</value></item>{}</tagSet></item>",
        host.unwrap_or_default()
    )
}

pub(crate) fn groups(items: &str) -> String {
    format!("<securityGroupInfo>{items}</securityGroupInfo>")
}

pub(crate) const REGIONS: &str = "<regionInfo><item><regionName>eu-west-1</regionName></item><item><regionName>us-east-1</regionName></item></regionInfo>";
pub(crate) const NO_INSTANCES: &str = "<reservationSet/>";
pub(crate) const RUNNING: &str = "<ipAddress>203.0.113.7</ipAddress>";
pub(crate) const NEW_GROUP: &str = "<groupId>sg-0cc</groupId>";
pub(crate) const ALL_PORTS: &str = "<item><ipProtocol>-1</ipProtocol><ipRanges/></item>";
pub(crate) const SUBNET: &str = "<subnetSet><item><subnetId>subnet-0aa</subnetId><vpcId>vpc-0bb</vpcId><availableIpAddressCount>5</availableIpAddressCount></item></subnetSet>";
pub(crate) const DONE: &str = "<return>true</return>";

/// Two images of Ubuntu, the newer one last.
pub(crate) fn images(processor: &str) -> String {
    let image = |id: &str, date: &str| {
        format!(
            "<item><imageId>{id}</imageId><name>ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-{processor}-server-{date}</name><creationDate>{date}T00:00:00.000Z</creationDate><imageState>available</imageState></item>"
        )
    };
    format!(
        "<imagesSet>{}{}</imagesSet>",
        image("ami-old", "20260101"),
        image("ami-new", "20260904")
    )
}

/// The values of a field in all requests that have it, in their order.
pub(crate) async fn fields(server: &MockServer, name: &str) -> Vec<String> {
    let requests = server.received_requests().await.unwrap();
    let value = |body: &[u8]| {
        let body = String::from_utf8(body.to_vec()).unwrap();
        let mut pairs = body.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
    };
    requests.iter().filter_map(|request| value(&request.body)).collect()
}

/// What differs from run to run is left out, the order of requests that are sent at the same time included.
pub(crate) async fn pin(name: &str, server: &MockServer) {
    const LINE: &str = "\n\n--------\n\n";
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_snapshot_path("../snapshots");
    settings.set_omit_expression(true);
    settings.add_filter(r"x-amz-date: \d{8}T\d{6}Z", "x-amz-date: [time]");
    let render = Render::new().redact_field("UserData");
    let text = received_with(server, &render).await;
    let mut requests: Vec<&str> = text.split(LINE).collect();
    for together in requests.chunk_by_mut(|one, next| at_once(one).is_some() && at_once(one) == at_once(next)) {
        // Not by the headers, which tell the second.
        together.sort_unstable_by_key(|request| request.split_once("\n\n").map(|(_, body)| body));
    }
    settings.bind(|| insta::assert_snapshot!(name, requests.join(LINE)));
}

/// Requests of the same number are sent at the same time.
fn at_once(request: &str) -> Option<u8> {
    let is = |actions: &[&str]| {
        actions
            .iter()
            .any(|action| request.contains(&format!("Action={action}\n")))
    };
    match () {
        () if is(&["DescribeImages", "DescribeSubnets", "DescribeSecurityGroups"]) => Some(0),
        () if request.contains("client-token") => Some(0),
        () if is(&["AuthorizeSecurityGroupIngress", "CreateTags", "TerminateInstances"]) => Some(1),
        () => None,
    }
}
