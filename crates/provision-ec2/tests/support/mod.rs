//! What the wire tests share: the provider before a mock server, and answers as
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/> shows them (read 2026-11), shortened.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a failed check ends the test")]

use std::time::{Duration, SystemTime};

use provision_core::{BasicHost, HostId, IdempotencyKey, OpenPorts, Settings, UserData};
use provision_ec2::Ec2;
use provision_testkit::{
    Render,
    wire::{self, received_with},
    wiremock::{Mock, MockServer, ResponseTemplate, matchers::body_string_contains},
};

pub(crate) const ID: &str = "i-0a1b2c3d4e5f60718";
pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

pub(crate) fn connect(server: &MockServer) -> Ec2 {
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

pub(crate) fn keyed_host() -> BasicHost {
    let mut host = small_host();
    host.key = Some(IdempotencyKey::new("order-17").unwrap());
    host
}

pub(crate) fn full_host() -> BasicHost {
    let mut host = keyed_host();
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

pub(crate) async fn refuse(server: &MockServer, action: &str, code: &str) {
    reply(server, action, 400, code, false).await;
}

pub(crate) fn instance(state: &str, more: &str) -> String {
    format!(
        "<item><instanceId>{ID}</instanceId><imageId>ami-0123456789abcdef0</imageId><instanceState><code>16</code><name>{state}</name></instanceState><instanceType>t3.micro</instanceType><launchTime>2026-11-20T07:23:16.000Z</launchTime><vpcId>vpc-0bb</vpcId>{more}</item>"
    )
}

pub(crate) const TAGS: &str = "<tagSet><item><key>Name</key><value>exit-1</value></item><item><key>managed-by</key><value>provision</value></item><item><key>provision-key</key><value>KEY</value></item><item><key>provision:group</key><value>provision-own</value></item></tagSet><groupSet><item><groupId>sg-0cc</groupId><groupName>provision-own</groupName></item></groupSet>";

pub(crate) fn ours(state: &str, more: &str) -> String {
    let hash = keyed_host().key.unwrap().hash();
    instance(state, &(TAGS.replace("KEY", &hash) + more))
}

pub(crate) fn reservations(instances: &str, next: &str) -> String {
    format!(
        "<reservationSet><item><reservationId>r-1</reservationId><instancesSet>{instances}</instancesSet></item></reservationSet>{next}"
    )
}

pub(crate) fn launched() -> String {
    format!("<instancesSet>{}</instancesSet>", ours("pending", ""))
}

pub(crate) fn group(id: &str, name: &str, rules: &str) -> String {
    format!(
        "<item><groupId>{id}</groupId><groupName>{name}</groupName><ipPermissions>{rules}</ipPermissions><tagSet><item><key>managed-by</key><value>provision</value></item></tagSet></item>"
    )
}

pub(crate) fn groups(items: &str) -> String {
    format!("<securityGroupInfo>{items}</securityGroupInfo>")
}

pub(crate) const NO_INSTANCES: &str = "<reservationSet/>";
pub(crate) const RUNNING: &str = "<ipAddress>203.0.113.7</ipAddress>";
pub(crate) const NEW_GROUP: &str = "<groupId>sg-0cc</groupId>";
pub(crate) const DONE: &str = "<return>true</return>";

/// What differs from run to run is left out.
pub(crate) async fn pin(name: &str, server: &MockServer) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_snapshot_path("../snapshots");
    settings.set_omit_expression(true);
    settings.add_filter(r"x-amz-date: \d{8}T\d{6}Z", "x-amz-date: [time]");
    // A group without a key is named at random.
    settings.add_filter(r"provision-[0-9a-f]{32}\b", "provision-[hash]");
    let render = Render::new().redact_field("UserData");
    let text = received_with(server, &render).await;
    settings.bind(|| insta::assert_snapshot!(name, text));
}
