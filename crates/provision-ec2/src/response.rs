//! What the API answers, as far as the provider reads it: XML with lists of `item`.

use std::net::IpAddr;

use provision_core::{HostId, HostStatus, Image, Labels, Plan, ProvisionedHost, Region, Result, parse_rfc3339};
use provision_http::Answer;
use roxmltree::{Document, Node, ParsingOptions};

use crate::{
    info::{GROUP_LABEL, HOST_TAG, INFO, UBUNTU_ARM, UBUNTU_X86},
    status::host_status,
};

/// Elements, attributes and texts of an answer. A page of 500 instances has some 150,000; an empty element takes twenty times
/// its four bytes.
const MOST_NODES: u32 = 500_000;

/// Reads an answer's XML, without entities of its own.
fn parse(body: &[u8]) -> Option<Document<'_>> {
    let options = ParsingOptions {
        nodes_limit: MOST_NODES,
        ..ParsingOptions::default()
    };
    Document::parse_with_options(std::str::from_utf8(body).ok()?, options).ok()
}

/// The code and message of an error answer.
pub(crate) fn error(body: &[u8]) -> Option<(String, String)> {
    let document = parse(body)?;
    let find = |name: &str| document.descendants().find(|node| node.tag_name().name() == name);
    let code = text(find("Error")?, "Code")?;
    Some((code, text(find("Error")?, "Message").unwrap_or_default()))
}

/// Reads an answer with `read`, which is given the root element.
fn read<T>(answer: &Answer, read: impl FnOnce(Node<'_, '_>) -> Option<T>) -> Result<T> {
    let parsed = parse(answer.body()).and_then(|document| read(document.root_element()));
    parsed.ok_or_else(|| {
        answer.unexpected("the answer does not have the expected form: update this program, or report it")
    })
}

fn child<'a, 'd>(node: Node<'a, 'd>, name: &str) -> Option<Node<'a, 'd>> {
    node.children().find(|child| child.tag_name().name() == name)
}

/// The text at the end of a path of elements; `None` when absent or empty.
fn text(node: Node<'_, '_>, path: &str) -> Option<String> {
    let node = path.split('/').try_fold(node, child)?;
    node.text()
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

/// The items of a list at the end of a path; none when there is no such list.
fn items<'a, 'd: 'a>(node: Node<'a, 'd>, path: &str) -> impl Iterator<Item = Node<'a, 'd>> + use<'a, 'd> {
    let list = path.split('/').try_fold(node, child);
    list.into_iter()
        .flat_map(|list| list.children())
        .filter(|item| item.tag_name().name() == "item")
}

fn tags(node: Node<'_, '_>) -> Vec<(String, String)> {
    items(node, "tagSet")
        .filter_map(|tag| Some((text(tag, "key")?, text(tag, "value").unwrap_or_default())))
        .collect()
}

fn tag<'t>(tags: &'t [(String, String)], wanted: &str) -> Option<&'t str> {
    let found = tags.iter().find(|(key, _)| key == wanted);
    found.map(|(_, value)| value.as_str())
}

fn labels(tags: &[(String, String)]) -> Labels {
    Labels::from_vendor(tags.iter().map(|(key, value)| (key.as_str(), value.as_str())))
}

/// An instance.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Instance {
    pub(crate) id: String,
    state: String,
    reason: Option<String>,
    message: Option<String>,
    ip: Option<IpAddr>,
    plan: Option<String>,
    image: Option<String>,
    launched: Option<String>,
    pub(crate) token: Option<String>,
    /// Id and name of each.
    groups: Vec<(String, String)>,
    tags: Vec<(String, String)>,
}

impl Instance {
    fn read(node: Node<'_, '_>) -> Option<Self> {
        let ipv6 = || {
            text(node, "ipv6Address").or_else(|| {
                items(node, "networkInterfaceSet")
                    .flat_map(|interface| items(interface, "ipv6AddressesSet"))
                    .find_map(|address| text(address, "ipv6Address"))
            })
        };
        Some(Self {
            id: text(node, "instanceId")?,
            state: text(node, "instanceState/name")?,
            reason: text(node, "stateReason/code"),
            message: text(node, "stateReason/message"),
            ip: text(node, "ipAddress").or_else(ipv6).and_then(|ip| ip.parse().ok()),
            plan: text(node, "instanceType"),
            image: text(node, "imageId"),
            launched: text(node, "launchTime"),
            token: text(node, "clientToken"),
            groups: items(node, "groupSet")
                .filter_map(|group| Some((text(group, "groupId")?, text(group, "groupName")?)))
                .collect(),
            tags: tags(node),
        })
    }

    /// Whether it is on its way out, or out.
    pub(crate) fn is_ending(&self) -> bool {
        self.state == "shutting-down" || self.is_terminated()
    }

    pub(crate) fn is_terminated(&self) -> bool {
        self.state == "terminated"
    }

    /// The id of the group that was made for it.
    pub(crate) fn own_group(&self) -> Option<&str> {
        tag(&self.tags, GROUP_LABEL)
    }

    /// Id and name of the group that inlets-operator made for it. It has no tags, and whether its instance has some was not
    /// looked at: <https://github.com/inlets/cloud-provision/blob/5786ca1/provision/ec2.go>.
    pub(crate) fn group_of_inlets(&self) -> Option<(&str, &str)> {
        let is_uuid = |text: &str| HostId::check_uuid(text).is_ok();
        let mut groups = self.groups.iter().map(|(id, name)| (id.as_str(), name.as_str()));
        groups
            .find(|(_, name)| name.strip_prefix("inlets-").is_some_and(is_uuid))
            .filter(|_| !labels(&self.tags).is_managed())
    }

    /// The host, unless it is gone.
    pub(crate) fn into_host(self, region: &str) -> Result<Option<ProvisionedHost>> {
        let Some(status) = host_status(&self.state, self.reason.as_deref(), self.ip.is_some()) else {
            return Ok(None);
        };
        let of_inlets = self.group_of_inlets().map(|(_, name)| name);
        let name = tag(&self.tags, "Name").or(of_inlets).unwrap_or(&self.id).to_owned();
        let id = HostId::from_parts([self.id.as_str(), region])?;
        let mut host = ProvisionedHost::new(INFO.id, id, name, status, self.state);
        host.ip = self.ip;
        host.region = Some(region.to_owned());
        host.plan = self.plan;
        host.image = self.image;
        host.labels = labels(&self.tags);
        host.created = self.launched.as_deref().and_then(parse_rfc3339);
        host.message = self.message.filter(|_| status == HostStatus::Failed);
        Ok(Some(host))
    }
}

/// The instance of a `RunInstances` answer.
pub(crate) fn launched(answer: &Answer) -> Result<Instance> {
    read(answer, |root| items(root, "instancesSet").find_map(Instance::read))
}

/// A page of instances and the token of the next one.
pub(crate) fn instances(answer: &Answer) -> Result<(Vec<Instance>, Option<String>)> {
    read(answer, |root| {
        child(root, "reservationSet")?;
        let all = items(root, "reservationSet").flat_map(|reservation| items(reservation, "instancesSet"));
        Some((all.map(Instance::read).collect::<Option<_>>()?, text(root, "nextToken")))
    })
}

/// A security group.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Group {
    pub(crate) id: String,
    /// Whether anything may come in.
    pub(crate) has_rules: bool,
    tags: Vec<(String, String)>,
}

impl Group {
    pub(crate) fn is_ours(&self) -> bool {
        labels(&self.tags).is_managed()
    }

    /// The instance that it was tied to.
    pub(crate) fn host(&self) -> Option<&str> {
        tag(&self.tags, HOST_TAG)
    }
}

/// Whether an answer is EC2's own word that it did what it was told, and not a page of something in between.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSecurityGroup.html>; moto leaves `return` out.
pub(crate) fn check_done(answer: &Answer) -> Result<()> {
    let said = read(answer, |root| {
        let own = root.tag_name().name().ends_with("Response");
        own.then(|| text(root, "return"))
    })?;
    match said.as_deref() {
        None | Some("true") => Ok(()),
        Some(other) => Err(answer.unexpected(format!("EC2 answers {other:?}, not true: try again"))),
    }
}

/// The id of a group that was just made.
pub(crate) fn created_group(answer: &Answer) -> Result<String> {
    read(answer, |root| text(root, "groupId"))
}

pub(crate) fn groups(answer: &Answer) -> Result<Vec<Group>> {
    let group = |item: Node<'_, '_>| {
        Some(Group {
            id: text(item, "groupId")?,
            has_rules: items(item, "ipPermissions").next().is_some(),
            tags: tags(item),
        })
    };
    read(answer, |root| {
        child(root, "securityGroupInfo")?;
        items(root, "securityGroupInfo").map(group).collect()
    })
}

/// Subnet and VPC of the subnet with the most free addresses.
pub(crate) fn best_subnet(answer: &Answer) -> Result<Option<(String, String)>> {
    let subnet = |item: Node<'_, '_>| {
        let free: u64 = text(item, "availableIpAddressCount")?.parse().ok()?;
        Some((free, text(item, "subnetId")?, text(item, "vpcId")?))
    };
    read(answer, |root| {
        child(root, "subnetSet")?;
        let all = items(root, "subnetSet").filter_map(subnet);
        Some(all.max_by_key(|(free, ..)| *free).map(|(_, subnet, vpc)| (subnet, vpc)))
    })
}

/// The newest of each series: names differ in the date at their end.
pub(crate) fn newest_images(answer: &Answer) -> Result<Vec<Image>> {
    let image = |item: Node<'_, '_>| {
        let name = text(item, "name")?;
        let series = name
            .rsplit_once('-')
            .map_or(name.as_str(), |(series, _)| series)
            .to_owned();
        let mut image = Image::new(text(item, "imageId")?, name);
        image.architecture = text(item, "architecture");
        let usable = text(item, "imageState").is_none_or(|state| state == "available");
        usable.then_some((series, text(item, "creationDate")?, image))
    };
    read(answer, |root| {
        child(root, "imagesSet")?;
        let mut all: Vec<_> = items(root, "imagesSet").filter_map(image).collect();
        // Dates are of one form, so that they sort as text.
        all.sort_by(|a, b| (&a.0, &b.1).cmp(&(&b.0, &a.1)));
        all.dedup_by(|a, b| a.0 == b.0);
        Some(all.into_iter().map(|(_, _, image)| image).collect())
    })
}

/// The default images, which EC2 resolves at launch.
pub(crate) fn default_images() -> Vec<Image> {
    let image =
        |id, architecture| Image::new(id, "Ubuntu 24.04 LTS, the newest at launch").with_architecture(architecture);
    vec![image(UBUNTU_X86, "x86_64"), image(UBUNTU_ARM, "arm64")]
}

/// A page of plans and the token of the next one.
pub(crate) fn plans(answer: &Answer, region: &str) -> Result<(Vec<Plan>, Option<String>)> {
    let plan = |item: Node<'_, '_>| {
        let id = text(item, "instanceType")?;
        let processors: Vec<String> = items(item, "processorInfo/supportedArchitectures")
            .filter_map(|item| item.text().map(str::to_owned))
            .collect();
        let mut plan = Plan::new(id);
        plan.description = processors.join(", ");
        plan.vcpus = text(item, "vCpuInfo/defaultVCpus").and_then(|count| count.parse().ok());
        plan.memory_mib = text(item, "memoryInfo/sizeInMiB").and_then(|size| size.parse().ok());
        plan.regions = vec![region.to_owned()];
        Some(plan)
    };
    read(answer, |root| {
        child(root, "instanceTypeSet")?;
        let all: Option<Vec<Plan>> = items(root, "instanceTypeSet").map(plan).collect();
        Some((all?, text(root, "nextToken")))
    })
}

pub(crate) fn regions(answer: &Answer) -> Result<Vec<Region>> {
    let region = |item: Node<'_, '_>| Some(Region::new(text(item, "regionName")?, "").with_available(true));
    read(answer, |root| {
        child(root, "regionInfo")?;
        items(root, "regionInfo").map(region).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_nothing_but_tags_is_not_read() {
        let of = |tags: String| format!("<r>{tags}</r>");
        assert!(parse(of("<a/>".repeat(100_000)).as_bytes()).is_some());
        assert!(parse(of("<a/>".repeat(600_000)).as_bytes()).is_none());
        let nested = |depth: usize| of("<a>".repeat(depth) + &"</a>".repeat(depth));
        assert!(parse(nested(100).as_bytes()).is_some());
        assert!(parse(nested(600_000).as_bytes()).is_none());
        let entity = r#"<!DOCTYPE r [<!ENTITY a "aaaa">]><r>&a;</r>"#;
        assert!(parse(entity.as_bytes()).is_none());
    }
}
