//! Pure functions that build every request of the provider: the Query API, version 2016-11-15.
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/>

use std::{borrow::Cow, net::IpAddr};

use provision_core::{Error, Find, KEY_LABEL, MANAGED_BY, MANAGED_BY_LABEL, OpenPorts, Order, PortRange, Result};
use provision_http::{Endpoint, Request, Retry, Subject};

use crate::info::{GROUP_LABEL, HOST_TAG, INFO, PRICES, UBUNTU_ARM, UBUNTU_X86};

/// Canonical's account: <https://documentation.ubuntu.com/aws/aws-how-to/instances/find-ubuntu-images/>.
const CANONICAL: &str = "099720109477";
/// Size of Ubuntu's images and of the disk.
const DISK_GIB: &str = "8";

/// The parameters of a call in their order.
struct Call {
    operation: &'static str,
    subject: Subject,
    parameters: Vec<(String, String)>,
}

impl Call {
    fn new(operation: &'static str, subject: Subject, action: &str) -> Self {
        Self {
            operation,
            subject,
            parameters: vec![
                ("Action".into(), action.into()),
                ("Version".into(), "2016-11-15".into()),
            ],
        }
    }

    fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.push((name.into(), value.into()));
        self
    }

    fn with_some(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    fn filter<'a>(mut self, name: &str, values: impl IntoIterator<Item = &'a str>) -> Self {
        let number = self
            .parameters
            .iter()
            .filter(|(known, _)| known.ends_with(".Name"))
            .count()
            + 1;
        self = self.with(format!("Filter.{number}.Name"), name);
        for (at, value) in values.into_iter().enumerate() {
            self = self.with(format!("Filter.{number}.Value.{}", at + 1), value);
        }
        self
    }

    fn ours(self) -> Self {
        self.filter(&format!("tag:{MANAGED_BY_LABEL}"), [MANAGED_BY])
    }

    fn tags<'a>(mut self, prefix: &str, tags: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        for (at, (key, value)) in tags.into_iter().enumerate() {
            self = self
                .with(format!("{prefix}Tag.{}.Key", at + 1), key)
                .with(format!("{prefix}Tag.{}.Value", at + 1), value);
        }
        self
    }

    /// A change, which is never sent twice.
    fn change(self, endpoint: &Endpoint) -> Request {
        let pairs = self
            .parameters
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        Request::post(self.operation, endpoint.join([]))
            .about(self.subject)
            .form(pairs)
    }

    /// A read.
    fn read(self, endpoint: &Endpoint) -> Request {
        self.change(endpoint).retry(Retry::Safe)
    }
}

pub(crate) fn get_instance(endpoint: &Endpoint, id: &str) -> Request {
    Call::new("get instance", Subject::Host, "DescribeInstances")
        .with("InstanceId.1", id)
        .read(endpoint)
}

/// Half of what a page may hold: an instance takes 5 KB.
pub(crate) fn list_instances(endpoint: &Endpoint, find: Find<'_>, next: Option<&str>) -> Request {
    let call = Call::new("list instances", Subject::Other, "DescribeInstances")
        .with("MaxResults", "500")
        .ours();
    let call = match find {
        Find::Key(hash) => call.filter(&format!("tag:{KEY_LABEL}"), [hash]),
        Find::Address(ip @ IpAddr::V4(_)) => call.filter("ip-address", [ip.to_string().as_str()]),
        Find::Address(ip @ IpAddr::V6(_)) => call.filter(
            "network-interface.ipv6-addresses.ipv6-address",
            [ip.to_string().as_str()],
        ),
        _ => call,
    };
    call.with_some("NextToken", next).read(endpoint)
}

/// Those that were made with one of these client tokens.
pub(crate) fn find_by_token(endpoint: &Endpoint, tokens: &[String]) -> Request {
    Call::new("find instances by token", Subject::Other, "DescribeInstances")
        .filter("client-token", tokens.iter().map(String::as_str))
        .read(endpoint)
}

/// The client token of one host of a key. `which` tells it from those that the key had before and whose tokens AWS remembers:
/// <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html>.
pub(crate) fn token(order: &Order, which: &str) -> String {
    order.key.hash_with(&[which])
}

/// What `RunInstances` needs beyond the order.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Launch<'a> {
    /// The image that the default one stands for.
    pub(crate) image: Option<&'a str>,
    pub(crate) token: &'a str,
    pub(crate) group: &'a str,
    pub(crate) subnet: Option<&'a str>,
}

pub(crate) fn run_instance(endpoint: &Endpoint, order: &Order, launch: Launch<'_>) -> Result<Request> {
    check_plan(&order.plan)?;
    check_network(order)?;
    let image = image(order)?;
    let user_data = order.user_data.to_base64_for(INFO.user_data);
    let (arn, profile) = match order.extra("instance-profile") {
        Some(arn) if arn.starts_with("arn:") => (Some(arn), None),
        name => (None, name),
    };
    let mut call = Call::new("run instance", Subject::NewHost, "RunInstances")
        .with("MinCount", "1")
        .with("MaxCount", "1")
        .with("ClientToken", launch.token)
        .with("InstanceType", &order.plan)
        .with("ImageId", launch.image.unwrap_or(&image))
        .with_some("UserData", Some(user_data.as_str()).filter(|data| !data.is_empty()))
        .with_some("KeyName", key_name(order)?)
        .with_some("IamInstanceProfile.Name", profile)
        .with_some("IamInstanceProfile.Arn", arn)
        .with("NetworkInterface.1.DeviceIndex", "0")
        .with("NetworkInterface.1.AssociatePublicIpAddress", "true")
        .with("NetworkInterface.1.DeleteOnTermination", "true")
        .with("NetworkInterface.1.SecurityGroupId.1", launch.group)
        .with_some("NetworkInterface.1.SubnetId", launch.subnet)
        .with("MetadataOptions.HttpTokens", "required");
    if [UBUNTU_X86, UBUNTU_ARM].contains(&image.as_ref()) {
        // Other images have their root volume elsewhere, where this would add a second one.
        call = call
            .with("BlockDeviceMapping.1.DeviceName", "/dev/sda1")
            .with("BlockDeviceMapping.1.Ebs.VolumeSize", DISK_GIB)
            .with("BlockDeviceMapping.1.Ebs.VolumeType", "gp3")
            .with("BlockDeviceMapping.1.Ebs.DeleteOnTermination", "true");
    }
    if ["t2.", "t3.", "t3a.", "t4g."]
        .iter()
        .any(|family| order.plan.starts_with(family))
    {
        // `unlimited`, the default, bills extra for a busy processor.
        call = call.with("CreditSpecification.CpuCredits", "standard");
    }
    let labels: Vec<(&str, &str)> = [("Name", order.name.as_str())]
        .into_iter()
        .chain(&order.labels)
        .collect();
    // https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html: 50 for each resource, the group's among them.
    if labels.len() > 49 {
        return Err(Error::invalid("EC2 takes 50 tags: leave out some labels"));
    }
    let own = own_group(order).is_none().then_some((GROUP_LABEL, launch.group));
    let call = call
        .with("TagSpecification.1.ResourceType", "instance")
        .tags("TagSpecification.1.", labels.iter().copied().chain(own))
        .with("TagSpecification.2.ResourceType", "volume")
        .tags("TagSpecification.2.", labels);
    Ok(call
        .change(endpoint)
        .redact(order.user_data.expose())
        .redact(&user_data))
}

fn check_plan(plan: &str) -> Result<()> {
    let is_word = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    match plan.split_once('.') {
        Some((family, size)) if is_word(family) && is_word(size) => Ok(()),
        _ => Err(Error::invalid(format!(
            "plan {plan:?} is not an instance type such as `t3.micro`: see the list of plans"
        ))),
    }
}

fn check_network(order: &Order) -> Result<()> {
    for (key, prefix) in [("vpc-id", "vpc-"), ("subnet-id", "subnet-"), ("security-group", "sg-")] {
        if let Some(value) = order.extra(key).filter(|value| !value.starts_with(prefix)) {
            return Err(Error::invalid(format!(
                "additional setting `{key}` is {value:?}, but must be an id such as `{prefix}0123abcd`"
            )));
        }
    }
    if own_group(order).is_some() && order.ports != OpenPorts::All {
        return Err(Error::invalid(
            "the ports are those of your own `security-group`: leave out either that or the ports",
        ));
    }
    Ok(())
}

/// The image as `ImageId` takes it.
fn image(order: &Order) -> Result<Cow<'_, str>> {
    match order.image.as_str() {
        _ if order.default_image && is_arm(&order.plan) => Ok(UBUNTU_ARM.into()),
        image if image.starts_with("ami-") || image.starts_with("resolve:ssm:/") => Ok(image.into()),
        parameter if parameter.starts_with("/aws/service/") => Ok(format!("resolve:ssm:{parameter}").into()),
        other => Err(Error::invalid(format!(
            "image {other:?} is neither an AMI id (`ami-...`) nor a public parameter (`resolve:ssm:/aws/service/...`); names are not accepted, as anybody may publish an image of any name"
        ))),
    }
}

fn key_name(order: &Order) -> Result<Option<&str>> {
    match (order.extra("key-name"), order.ssh_keys.as_slice()) {
        (named, []) => Ok(named),
        (None, [name]) => Ok(Some(name)),
        _ => Err(Error::invalid(
            "EC2 installs one key pair: name one ssh key, or one `key-name`",
        )),
    }
}

/// Whether a plan has an ARM processor: its family has a `g` behind its generation (`t4g`, `c7gn`, `im4gn`), or is `a1`.
/// <https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html>
pub(crate) fn is_arm(plan: &str) -> bool {
    let family = plan.split('.').next().unwrap_or_default();
    let options = family.trim_start_matches(|c: char| c.is_ascii_lowercase());
    family == "a1" || options.starts_with(|c: char| c.is_ascii_digit()) && options.contains('g')
}

pub(crate) fn terminate_instance(endpoint: &Endpoint, id: &str) -> Request {
    Call::new("terminate instance", Subject::Host, "TerminateInstances")
        .with("InstanceId.1", id)
        .change(endpoint)
}

/// The user's group, where one is to be used.
pub(crate) fn own_group(order: &Order) -> Option<&str> {
    order.extra("security-group")
}

/// The name of the group that is made for an order. Names are unique in a VPC only: whoever names another place for a key
/// gets another group.
fn group_name(order: &Order) -> String {
    let place: Vec<&str> = ["vpc-id", "subnet-id"]
        .iter()
        .filter_map(|key| order.extra(key))
        .collect();
    format!("provision-{}", order.key.hash_with(&place))
}

pub(crate) fn create_group(endpoint: &Endpoint, order: &Order, vpc: Option<&str>) -> Request {
    let (name, key) = (order.name.as_str(), order.key.hash());
    let tags = [("Name", name), (MANAGED_BY_LABEL, MANAGED_BY), (KEY_LABEL, &key)];
    Call::new("create security group", Subject::Other, "CreateSecurityGroup")
        .with("GroupName", group_name(order))
        .with("GroupDescription", format!("Ports of host {name}"))
        .with_some("VpcId", vpc)
        .with("TagSpecification.1.ResourceType", "security-group")
        .tags("TagSpecification.1.", tags)
        .change(endpoint)
}

/// Lets these ports in, from anywhere. `None` when there are none to let in.
pub(crate) fn open_ports(endpoint: &Endpoint, group: &str, ports: &OpenPorts) -> Option<Request> {
    let mut ranges: Vec<&PortRange> = ports.restricted().unwrap_or_default().iter().collect();
    // EC2 refuses a rule that is named twice.
    ranges.sort_unstable_by_key(|range| (range.protocol().as_str(), range.from(), range.to()));
    ranges.dedup();
    let rules: Vec<_> = match ports.restricted() {
        None => vec![("-1", None)],
        Some(_) => ranges
            .iter()
            .map(|range| (range.protocol().as_str(), Some(range)))
            .collect(),
    };
    let mut call = Call::new(
        "open ports of security group",
        Subject::Part,
        "AuthorizeSecurityGroupIngress",
    )
    .with("GroupId", group);
    for (at, (protocol, range)) in rules.iter().enumerate() {
        let prefix = format!("IpPermissions.{}.", at + 1);
        call = call.with(format!("{prefix}IpProtocol"), *protocol);
        if let Some(range) = range {
            call = call
                .with(format!("{prefix}FromPort"), range.from().to_string())
                .with(format!("{prefix}ToPort"), range.to().to_string());
        }
        call = call
            .with(format!("{prefix}IpRanges.1.CidrIp"), "0.0.0.0/0")
            .with(format!("{prefix}Ipv6Ranges.1.CidrIpv6"), "::/0");
    }
    (!rules.is_empty()).then(|| call.change(endpoint))
}

/// Ties a group to its host.
pub(crate) fn tag_group(endpoint: &Endpoint, group: &str, instance: &str) -> Request {
    Call::new("tag security group", Subject::Part, "CreateTags")
        .with("ResourceId.1", group)
        .tags("", [(HOST_TAG, instance)])
        .change(endpoint)
}

/// As [`tag_group`], for a group that inlets-operator made: from now on it is found as one of ours is.
pub(crate) fn adopt_group(endpoint: &Endpoint, group: &str, instance: &str) -> Request {
    Call::new("tag security group", Subject::Part, "CreateTags")
        .with("ResourceId.1", group)
        .tags("", [(HOST_TAG, instance), (MANAGED_BY_LABEL, MANAGED_BY)])
        .change(endpoint)
}

/// Groups of ours, by what tells them from others.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Groups<'a> {
    /// The one that is made for an order.
    Of(&'a Order),
    /// The one with this id.
    Id(&'a str),
    /// Those that were made with the key of this hash.
    Key(&'a str),
    /// The one of this instance.
    Host(&'a str),
}

pub(crate) fn find_groups(endpoint: &Endpoint, wanted: Groups<'_>) -> Request {
    let call = Call::new("find security group", Subject::Other, "DescribeSecurityGroups").ours();
    match wanted {
        Groups::Of(order) => call.filter("group-name", [group_name(order).as_str()]),
        Groups::Id(id) => call.filter("group-id", [id]),
        Groups::Key(hash) => call.filter(&format!("tag:{KEY_LABEL}"), [hash]),
        Groups::Host(instance) => call.filter(&format!("tag:{HOST_TAG}"), [instance]),
    }
    .read(endpoint)
}

pub(crate) fn delete_group(endpoint: &Endpoint, group: &str) -> Request {
    Call::new("delete security group", Subject::Part, "DeleteSecurityGroup")
        .with("GroupId", group)
        .change(endpoint)
}

pub(crate) fn find_subnets(endpoint: &Endpoint, subnet: Option<&str>, vpc: Option<&str>) -> Request {
    let mut call = Call::new("find subnet", Subject::Other, "DescribeSubnets");
    for (filter, value) in [("subnet-id", subnet), ("vpc-id", vpc)] {
        if let Some(value) = value {
            call = call.filter(filter, [value]);
        }
    }
    call.read(endpoint)
}

/// Canonical's images of Ubuntu 24.04 for a processor, or all that the catalog shows.
pub(crate) fn list_images(endpoint: &Endpoint, arm: Option<bool>) -> Request {
    let processor = match arm {
        Some(true) => "arm64",
        Some(false) => "amd64",
        None => "*",
    };
    let noble = format!("ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-{processor}-server-*");
    let jammy = "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-*-server-*";
    let names: &[&str] = if arm.is_some() { &[&noble] } else { &[&noble, jammy] };
    Call::new("find image", Subject::Other, "DescribeImages")
        .with("Owner.1", CANONICAL)
        .filter("name", names.iter().copied())
        .filter("state", ["available"])
        .read(endpoint)
}

/// The types whose price is known. A filter, as a type that a region lacks would be an error by name.
pub(crate) fn list_types(endpoint: &Endpoint, next: Option<&str>) -> Request {
    Call::new("list instance types", Subject::Other, "DescribeInstanceTypes")
        .with("MaxResults", "100")
        .filter("instance-type", PRICES.iter().map(|(plan, _)| *plan))
        .with_some("NextToken", next)
        .read(endpoint)
}

/// The regions that the account may use.
pub(crate) fn list_regions(endpoint: &Endpoint) -> Request {
    Call::new("list regions", Subject::Other, "DescribeRegions").read(endpoint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arm_is_told_by_the_family() {
        for arm in [
            "t4g.nano",
            "c7gn.large",
            "im4gn.large",
            "a1.medium",
            "g5g.xlarge",
            "m8g.medium",
            "x2gd.medium",
        ] {
            assert!(is_arm(arm), "{arm}");
        }
        for x86 in [
            "t3.micro",
            "t3a.nano",
            "g4dn.xlarge",
            "m5zn.large",
            "u-6tb1.metal",
            "p4d.24xlarge",
            "gr6.4xlarge",
        ] {
            assert!(!is_arm(x86), "{x86}");
        }
    }
}
