//! Pure functions that build every request of the provider: the Query API, version 2016-11-15.
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/>

use std::{
    collections::{BTreeSet, hash_map::RandomState},
    hash::{BuildHasher as _, Hasher as _},
    net::IpAddr,
    time::SystemTime,
};

use provision_core::{BasicHost, Error, IdempotencyKey, Labels, MANAGED_BY, MANAGED_BY_LABEL, PortRange, Result};
use provision_http::{Endpoint, Request, Retry};

use crate::config::{INFO, PRICES, UBUNTU_ARM, UBUNTU_X86, check_region, is_arm};

/// Tag of an instance that names its own security group. Its colon keeps it apart from labels.
pub(crate) const GROUP_TAG: &str = "provision:group";
/// Tag of a security group that names its instance, so that it is found when the instance is long gone.
pub(crate) const HOST_TAG: &str = "provision:host";
/// Tag of a security group that could not be deleted with its host: the address of that host.
pub(crate) const IP_TAG: &str = "provision:ip";
/// Canonical's account: <https://documentation.ubuntu.com/aws/aws-how-to/instances/find-ubuntu-images/>.
const CANONICAL: &str = "099720109477";
/// Size of Ubuntu's images and of the disk.
const DISK_GIB: &str = "8";
/// How often a key may be used again after its host was deleted; AWS remembers client tokens of terminated instances.
pub(crate) const GENERATIONS: usize = 8;

/// A host to create, checked and completed.
pub(crate) struct Order<'a> {
    pub(crate) host: &'a BasicHost,
    pub(crate) region: &'a str,
    pub(crate) plan: &'a str,
    pub(crate) image: String,
    pub(crate) labels: Labels,
    /// Name of the group that is made for the host.
    pub(crate) group: String,
    key_name: Option<&'a str>,
}

impl<'a> Order<'a> {
    pub(crate) fn new(host: &'a BasicHost, default_region: &'a str) -> Result<Self> {
        let refuse = |message: String| Err(Error::invalid(message).with_provider(INFO.id));
        let region = host.region.as_deref().unwrap_or(default_region);
        check_region(region)?;
        let plan = host.plan.as_deref().unwrap_or(INFO.default_plan);
        let is_plan = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !plan
            .split_once('.')
            .is_some_and(|(family, size)| is_plan(family) && is_plan(size))
        {
            return refuse(format!(
                "plan {plan:?} is not an instance type such as `t3.micro`: see the list of plans"
            ));
        }
        let image = match host.image.as_deref() {
            None if is_arm(plan) => UBUNTU_ARM.to_owned(),
            None => UBUNTU_X86.to_owned(),
            Some(image) if image.starts_with("ami-") || image.starts_with("resolve:ssm:/") => image.to_owned(),
            Some(parameter) if parameter.starts_with("/aws/service/") => format!("resolve:ssm:{parameter}"),
            Some(other) => {
                return refuse(format!(
                    "image {other:?} is neither an AMI id (`ami-...`) nor a public parameter (`resolve:ssm:/aws/service/...`); names are not accepted, as anybody may publish an image of any name"
                ));
            }
        };
        for (key, prefix) in [("vpc-id", "vpc-"), ("subnet-id", "subnet-"), ("security-group", "sg-")] {
            if let Some(value) = host.additional.get(key).filter(|value| !value.starts_with(prefix)) {
                return refuse(format!(
                    "additional setting `{key}` is {value:?}, but must be an id such as `{prefix}0123abcd`"
                ));
            }
        }
        if host.additional.contains_key("security-group") && host.ports.restricted().is_some() {
            return refuse(
                "the ports are those of your own `security-group`: leave out either that or the ports".to_owned(),
            );
        }
        let named = host.additional.get("key-name").map(String::as_str);
        let key_name = match (named, host.ssh_keys.as_slice()) {
            (None, []) => None,
            (Some(name), []) => Some(name),
            (None, [name]) => Some(name.as_str()),
            _ => return refuse("EC2 installs one key pair: name one ssh key, or one `key-name`".to_owned()),
        };
        let labels = host.all_labels();
        // https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html: 50 for each resource; two are ours.
        if labels.iter().count() > 48 {
            return refuse("EC2 takes 50 tags: leave out some labels".to_owned());
        }
        let group = match &host.key {
            Some(key) => group_name(key),
            None => format!("provision-{}", unique(host)?),
        };
        Ok(Self {
            host,
            region,
            plan,
            image,
            labels,
            group,
            key_name,
        })
    }

    pub(crate) fn additional(&self, key: &str) -> Option<&str> {
        self.host.additional.get(key).map(String::as_str)
    }

    /// The images that are tried in order: the second is for accounts that may not read SSM parameters.
    pub(crate) fn is_default_image(&self) -> bool {
        self.image == UBUNTU_X86 || self.image == UBUNTU_ARM
    }

    /// The client token of one use of the key. The fallback image has a token of its own, as a token stands for one set of
    /// parameters.
    pub(crate) fn token(&self, generation: usize, fallback: bool) -> Option<String> {
        let key = self.host.key.as_ref()?;
        Some(match (generation, fallback) {
            (0, false) => key.hash(),
            (_, false) => key.hash_with(&[&generation.to_string()]),
            (_, true) => key.hash_with(&[&generation.to_string(), "image"]),
        })
    }

    /// The tokens of every use.
    pub(crate) fn tokens(&self) -> Vec<String> {
        let of = |generation| [self.token(generation, false), self.token(generation, true)];
        (0..GENERATIONS).flat_map(of).flatten().collect()
    }
}

/// The name of the group that is made for a key's host.
pub(crate) fn group_name(key: &IdempotencyKey) -> String {
    format!("provision-{}", key.hash())
}

/// A name for the group of a host without a key, which nobody else uses.
fn unique(host: &BasicHost) -> Result<String> {
    let random = RandomState::new().build_hasher().finish();
    let seed = format!("{random:x} {:?}", SystemTime::now());
    Ok(IdempotencyKey::new(seed)?.hash_with(&[host.name.as_str()]))
}

/// The parameters of a call in their order.
struct Call {
    operation: &'static str,
    parameters: Vec<(String, String)>,
}

impl Call {
    fn new(operation: &'static str, action: &str) -> Self {
        let parameters = vec![
            ("Action".into(), action.into()),
            ("Version".into(), "2016-11-15".into()),
        ];
        Self { operation, parameters }
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
        Request::post(self.operation, endpoint.join([])).form(pairs)
    }

    /// A read.
    fn read(self, endpoint: &Endpoint) -> Request {
        self.change(endpoint).retry(Retry::Safe)
    }
}

pub(crate) fn get_instance(endpoint: &Endpoint, id: &str) -> Request {
    Call::new("get instance", "DescribeInstances")
        .with("InstanceId.1", id)
        .read(endpoint)
}

pub(crate) fn find_by_token(endpoint: &Endpoint, tokens: &[String]) -> Request {
    Call::new("find instance", "DescribeInstances")
        .filter("client-token", tokens.iter().map(String::as_str))
        .read(endpoint)
}

pub(crate) fn find_by_ip(endpoint: &Endpoint, ip: IpAddr) -> Request {
    let filter = match ip {
        IpAddr::V4(_) => "ip-address",
        IpAddr::V6(_) => "network-interface.ipv6-addresses.ipv6-address",
    };
    Call::new("find instance", "DescribeInstances")
        .filter(filter, [ip.to_string().as_str()])
        .ours()
        .read(endpoint)
}

/// Half of what a page may hold: an instance takes 5 KB.
pub(crate) fn list_instances(endpoint: &Endpoint, next: Option<&str>) -> Request {
    Call::new("list instances", "DescribeInstances")
        .with("MaxResults", "500")
        .ours()
        .with_some("NextToken", next)
        .read(endpoint)
}

/// What `RunInstances` needs beyond the order.
pub(crate) struct Launch<'a> {
    pub(crate) image: &'a str,
    pub(crate) token: Option<&'a str>,
    pub(crate) group: &'a str,
    pub(crate) subnet: Option<&'a str>,
}

pub(crate) fn run_instance(endpoint: &Endpoint, order: &Order<'_>, launch: &Launch<'_>) -> Request {
    let host = order.host;
    let user_data = host.user_data.to_base64_for(INFO.user_data);
    let profile = order.additional("instance-profile");
    let (arn, profile) = match profile {
        Some(arn) if arn.starts_with("arn:") => (Some(arn), None),
        name => (None, name),
    };
    let mut call = Call::new("run instance", "RunInstances")
        .with("MinCount", "1")
        .with("MaxCount", "1")
        .with_some("ClientToken", launch.token)
        .with("InstanceType", order.plan)
        .with("ImageId", launch.image)
        .with_some("UserData", Some(user_data.as_str()).filter(|data| !data.is_empty()))
        .with_some("KeyName", order.key_name)
        .with_some("IamInstanceProfile.Name", profile)
        .with_some("IamInstanceProfile.Arn", arn)
        .with("NetworkInterface.1.DeviceIndex", "0")
        .with("NetworkInterface.1.AssociatePublicIpAddress", "true")
        .with("NetworkInterface.1.DeleteOnTermination", "true")
        .with("NetworkInterface.1.SecurityGroupId.1", launch.group)
        .with_some("NetworkInterface.1.SubnetId", launch.subnet)
        .with("MetadataOptions.HttpTokens", "required");
    if order.is_default_image() {
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
    let own_group = order
        .additional("security-group")
        .is_none()
        .then_some((GROUP_TAG, order.group.as_str()));
    let tags = |extra: Option<(&'static str, &'_ str)>| {
        let mut tags: Vec<(&str, String)> = vec![("Name", host.name.to_string())];
        tags.extend(order.labels.iter().map(|(key, value)| (key, value.to_owned())));
        tags.extend(extra.map(|(key, value)| (key, value.to_owned())));
        tags
    };
    for (number, (kind, tags)) in [("instance", tags(own_group)), ("volume", tags(None))]
        .into_iter()
        .enumerate()
    {
        let prefix = format!("TagSpecification.{}.", number + 1);
        call = call
            .with(format!("{prefix}ResourceType"), kind)
            .tags(&prefix, tags.iter().map(|(key, value)| (*key, value.as_str())));
    }
    call.change(endpoint).redact(host.user_data.expose()).redact(&user_data)
}

pub(crate) fn terminate_instance(endpoint: &Endpoint, id: &str) -> Request {
    Call::new("terminate instance", "TerminateInstances")
        .with("InstanceId.1", id)
        .change(endpoint)
}

/// Moves an instance from its own group to another, so that its own can be deleted at once.
pub(crate) fn set_group(endpoint: &Endpoint, instance: &str, group: &str) -> Request {
    Call::new("change security group of instance", "ModifyInstanceAttribute")
        .with("InstanceId", instance)
        .with("GroupId.1", group)
        .change(endpoint)
}

pub(crate) fn create_group(endpoint: &Endpoint, order: &Order<'_>, vpc: Option<&str>) -> Request {
    let name = order.host.name.as_str();
    let tags = [("Name", name), (MANAGED_BY_LABEL, MANAGED_BY)];
    Call::new("create security group", "CreateSecurityGroup")
        .with("GroupName", &order.group)
        .with("GroupDescription", format!("Ports of host {name}"))
        .with_some("VpcId", vpc)
        .with("TagSpecification.1.ResourceType", "security-group")
        .tags("TagSpecification.1.", tags)
        .change(endpoint)
}

/// The rules of a group that lets these ports in, from anywhere; `None` for all ports and protocols. Protocol, first and
/// last port, as EC2 shows them.
pub(crate) fn rules(ports: Option<&[PortRange]>) -> BTreeSet<(String, String, String)> {
    let all = || BTreeSet::from([("-1".to_owned(), String::new(), String::new())]);
    let rule = |range: &PortRange| {
        (
            range.protocol().as_str().to_owned(),
            range.from().to_string(),
            range.to().to_string(),
        )
    };
    ports.map_or_else(all, |ports| ports.iter().map(rule).collect())
}

pub(crate) fn open_ports(endpoint: &Endpoint, group: &str, rules: &BTreeSet<(String, String, String)>) -> Request {
    let mut call = Call::new("open ports of security group", "AuthorizeSecurityGroupIngress").with("GroupId", group);
    for (at, (protocol, from, to)) in rules.iter().enumerate() {
        let prefix = format!("IpPermissions.{}.", at + 1);
        call = call
            .with(format!("{prefix}IpProtocol"), protocol)
            .with_some(
                &format!("{prefix}FromPort"),
                Some(from.as_str()).filter(|port| !port.is_empty()),
            )
            .with_some(
                &format!("{prefix}ToPort"),
                Some(to.as_str()).filter(|port| !port.is_empty()),
            )
            .with(format!("{prefix}IpRanges.1.CidrIp"), "0.0.0.0/0")
            .with(format!("{prefix}Ipv6Ranges.1.CidrIpv6"), "::/0");
    }
    call.change(endpoint)
}

/// Ties a group to its host.
pub(crate) fn tag_group(endpoint: &Endpoint, group: &str, instance: &str, ip: Option<IpAddr>) -> Request {
    let ip = ip.map(|ip| ip.to_string());
    let tags = [(HOST_TAG, instance)]
        .into_iter()
        .chain(ip.as_deref().map(|ip| (IP_TAG, ip)));
    Call::new("tag security group", "CreateTags")
        .with("ResourceId.1", group)
        .tags("", tags)
        .change(endpoint)
}

/// Groups of these names; those that are not ours among them.
pub(crate) fn find_groups(endpoint: &Endpoint, vpc: Option<&str>, names: &[&str]) -> Request {
    let call = Call::new("find security group", "DescribeSecurityGroups").filter("group-name", names.iter().copied());
    match vpc {
        Some(vpc) => call.filter("vpc-id", [vpc]).read(endpoint),
        None => call.read(endpoint),
    }
}

/// Our groups with a tag.
pub(crate) fn find_groups_by_tag(endpoint: &Endpoint, tag: &str, value: &str) -> Request {
    Call::new("find security group", "DescribeSecurityGroups")
        .filter(&format!("tag:{tag}"), [value])
        .ours()
        .read(endpoint)
}

pub(crate) fn delete_group(endpoint: &Endpoint, group: &str) -> Request {
    Call::new("delete security group", "DeleteSecurityGroup")
        .with("GroupId", group)
        .change(endpoint)
}

pub(crate) fn find_subnets(endpoint: &Endpoint, subnet: Option<&str>, vpc: Option<&str>) -> Request {
    let mut call = Call::new("find subnet", "DescribeSubnets");
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
    Call::new("find image", "DescribeImages")
        .with("Owner.1", CANONICAL)
        .filter("name", names.iter().copied())
        .filter("state", ["available"])
        .read(endpoint)
}

/// The types whose price is known. A filter, as a type that a region lacks would be an error by name.
pub(crate) fn list_types(endpoint: &Endpoint, next: Option<&str>) -> Request {
    Call::new("list instance types", "DescribeInstanceTypes")
        .with("MaxResults", "100")
        .filter("instance-type", PRICES.iter().map(|(plan, _)| *plan))
        .with_some("NextToken", next)
        .read(endpoint)
}

/// The regions that the account may use.
pub(crate) fn list_regions(endpoint: &Endpoint) -> Request {
    Call::new("list regions", "DescribeRegions").read(endpoint)
}
