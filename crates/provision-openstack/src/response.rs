//! What the services answer, as far as the provider reads it.

use std::{collections::BTreeMap, net::IpAddr};

use provision_core::{Error, HostId, HostStatus, Image, Labels, Order, Plan, ProvisionedHost, Result, parse_rfc3339};
use provision_http::{Answer, ChainedPage};
use serde::Deserialize;

use crate::{
    info::INFO,
    network::Network,
    parts::Parts,
    request::MICROVERSION,
    session::Place,
    status::{failure, host_status},
};

#[derive(Deserialize)]
pub(crate) struct VersionAnswer {
    version: Version,
}

#[derive(Deserialize)]
struct Version {
    /// The newest version, such as `2.104`; empty where there is only one.
    #[serde(default)]
    version: String,
}

impl VersionAnswer {
    /// Whether tags can be given with a create.
    pub(crate) fn has_tags(&self) -> bool {
        let (major, minor) = self.version.version.split_once('.').unwrap_or_default();
        major.parse().ok().zip(minor.parse().ok()) >= Some(MICROVERSION)
    }
}

#[derive(Deserialize)]
pub(crate) struct ServerAnswer {
    pub(crate) server: Server,
}

#[derive(Deserialize)]
pub(crate) struct NewServerAnswer {
    pub(crate) server: NewServer,
}

/// All that a create tells.
#[derive(Deserialize)]
pub(crate) struct NewServer {
    id: String,
}

impl NewServer {
    pub(crate) fn into_host(self, place: &Place, order: &Order, plan: &str, parts: &Parts) -> Result<ProvisionedHost> {
        let id = host_id(&self.id, place)?;
        let mut host = ProvisionedHost::new(INFO.id, id, order.name.as_str(), HostStatus::Provisioning, "BUILD");
        host.region = Some(place.region.clone());
        host.plan = Some(plan.to_owned());
        host.labels = parts.added_to(&order.labels);
        Ok(host)
    }
}

#[derive(Deserialize)]
pub(crate) struct Server {
    pub(crate) id: String,
    name: String,
    status: String,
    #[serde(rename = "OS-EXT-STS:task_state")]
    task: Option<String>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    #[serde(default)]
    addresses: BTreeMap<String, Vec<Address>>,
    flavor: Option<ServerFlavor>,
    created: Option<String>,
    fault: Option<Fault>,
}

#[derive(Deserialize)]
struct Address {
    addr: IpAddr,
    #[serde(rename = "OS-EXT-IPS:type")]
    kind: Option<String>,
}

#[derive(Deserialize)]
struct ServerFlavor {
    /// The name, from version 2.47 on.
    original_name: Option<String>,
    /// Before.
    id: Option<String>,
}

#[derive(Deserialize)]
struct Fault {
    message: String,
}

impl Server {
    pub(crate) fn labels(&self) -> Labels {
        let pairs = self.metadata.iter();
        Labels::from_vendor(pairs.map(|(key, value)| (key.as_str(), value.as_str())))
    }

    /// The floating IP; on a host that needs none the address on its network, version 4 first.
    fn ip(&self, parts: &Parts) -> Option<IpAddr> {
        let mut all: Vec<&Address> = self.addresses.values().flatten().collect();
        all.sort_by_key(|address| address.addr.is_ipv6());
        let is_floating = |address: &&&Address| address.kind.as_deref() == Some("floating");
        let floating = all.iter().find(is_floating);
        let found = match parts.floating {
            Some(_) => floating,
            None => floating.or(all.first()),
        };
        found.map(|address| address.addr)
    }

    pub(crate) fn into_host(self, place: &Place) -> Result<ProvisionedHost> {
        let labels = self.labels();
        let ip = self.ip(&Parts::of(&labels));
        let status = host_status(&self.status, self.task.as_deref(), ip.is_some());
        let mut host = ProvisionedHost::new(INFO.id, host_id(&self.id, place)?, self.name, status, self.status);
        host.ip = ip;
        host.region = Some(place.region.clone());
        host.plan = self.flavor.and_then(|flavor| flavor.original_name.or(flavor.id));
        host.labels = labels;
        host.created = self.created.as_deref().and_then(parse_rfc3339);
        host.message = self.fault.map(|fault| failure(&fault.message));
        Ok(host)
    }
}

fn host_id(server: &str, place: &Place) -> Result<HostId> {
    Ok(HostId::from_parts([HostId::check_uuid(server)?, &place.region])?)
}

/// A link to another page. Only that there is one counts: the next page is asked for by the id of the last item, so that no answer
/// can send us elsewhere.
#[derive(Deserialize)]
struct Link {
    rel: String,
}

fn next<T>(items: &[T], has_more: bool, id: impl Fn(&T) -> &str) -> Option<String> {
    let last = items.last().filter(|_| has_more)?;
    Some(id(last).to_owned())
}

/// A page of a list that has its links beside it.
macro_rules! page {
    ($page:ident, $item:ident, $items:literal, $links:literal) => {
        #[derive(Deserialize)]
        pub(crate) struct $page {
            #[serde(rename = $items)]
            items: Vec<$item>,
            #[serde(rename = $links, default)]
            links: Vec<Link>,
        }

        impl ChainedPage for $page {
            type Item = $item;

            fn into_parts(self, _answer: &Answer) -> Result<(Vec<$item>, Option<String>)> {
                let has_more = self.links.iter().any(|link| link.rel == "next");
                let next = next(&self.items, has_more, |item| &item.id);
                Ok((self.items, next))
            }
        }
    };
}

page!(Servers, Server, "servers", "servers_links");
page!(Flavors, Flavor, "flavors", "flavors_links");
page!(Networks, Network, "networks", "networks_links");
page!(Ports, Port, "ports", "ports_links");
page!(Groups, Group, "security_groups", "security_groups_links");
page!(FloatingIps, FloatingIp, "floatingips", "floatingips_links");

#[derive(Deserialize)]
pub(crate) struct Images {
    images: Vec<ImageEntry>,
    next: Option<String>,
}

impl ChainedPage for Images {
    type Item = ImageEntry;

    fn into_parts(self, _answer: &Answer) -> Result<(Vec<ImageEntry>, Option<String>)> {
        let next = next(&self.images, self.next.is_some(), |image| &image.id);
        Ok((self.images, next))
    }
}

impl Images {
    pub(crate) fn into_first(self) -> Option<ImageEntry> {
        self.images.into_iter().next()
    }
}

#[derive(Deserialize)]
pub(crate) struct ImageEntry {
    pub(crate) id: String,
    name: Option<String>,
    os_distro: Option<String>,
    os_version: Option<String>,
    architecture: Option<String>,
    /// In MB.
    #[serde(default)]
    min_ram: u64,
    /// In GB.
    #[serde(default)]
    min_disk: u64,
}

impl ImageEntry {
    /// One that is known by its id alone.
    pub(crate) fn of_id(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            name: None,
            os_distro: None,
            os_version: None,
            architecture: None,
            min_ram: 0,
            min_disk: 0,
        }
    }

    pub(crate) fn into_image(self) -> Option<Image> {
        let words = [self.os_distro, self.os_version].map(Option::unwrap_or_default);
        let mut image = Image::new(self.name.filter(|name| !name.is_empty())?, words.join(" ").trim());
        image.architecture = self.architecture;
        Some(image)
    }
}

#[derive(Deserialize)]
pub(crate) struct Flavor {
    pub(crate) id: String,
    pub(crate) name: String,
    /// In MB.
    ram: u64,
    /// In GB; 0 where the root disk is a volume, or as large as the image.
    disk: u64,
    vcpus: u64,
    #[serde(rename = "OS-FLV-DISABLED:disabled", default)]
    disabled: bool,
}

impl Flavor {
    /// What Ubuntu's image needs to boot and to install something, whatever the image says: <https://ubuntu.com/server/docs/system-requirements>.
    const LEAST_RAM: u64 = 1_000;
    const LEAST_DISK: u64 = 5;

    fn fits(&self, image: &ImageEntry) -> bool {
        !self.disabled
            && self.ram >= image.min_ram.max(Self::LEAST_RAM)
            && self.disk >= image.min_disk.max(Self::LEAST_DISK)
    }

    pub(crate) fn into_plan(self) -> Plan {
        let mut plan = Plan::new(self.name);
        plan.vcpus = u32::try_from(self.vcpus).ok().map(f64::from);
        plan.memory_mib = Some(self.ram);
        plan.disk_gb = Some(self.disk);
        plan.available = self.disabled.then_some(false);
        plan
    }
}

/// The flavor that was asked for, by its name or id; without a wish the smallest that fits the image.
///
/// # Errors
/// `InvalidRequest` that lists the flavors there are.
pub(crate) fn choose_flavor(flavors: Vec<Flavor>, order: &Order, image: &ImageEntry) -> Result<Flavor> {
    let mut known: Vec<String> = flavors.iter().map(|flavor| flavor.name.clone()).collect();
    known.sort_unstable();
    let known = known.join(", ");
    if order.default_plan {
        let fitting = flavors.into_iter().filter(|flavor| flavor.fits(image));
        let smallest = fitting.min_by_key(|flavor| (flavor.ram, flavor.vcpus, flavor.disk, flavor.name.clone()));
        return smallest.ok_or_else(|| {
            Error::invalid(format!(
                "region {} has no plan with memory and disk enough for the image: name one of {known}",
                order.region
            ))
        });
    }
    let mut named = flavors.into_iter();
    let found = named.find(|flavor| flavor.name == order.plan || flavor.id == order.plan);
    found.ok_or_else(|| {
        Error::invalid(format!(
            "plan {:?} does not exist in region {}; known: {known}",
            order.plan, order.region
        ))
    })
}

#[derive(Deserialize)]
pub(crate) struct PortAnswer {
    pub(crate) port: Port,
}

#[derive(Deserialize)]
pub(crate) struct Port {
    id: String,
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) description: String,
    #[serde(default)]
    device_id: String,
    #[serde(default)]
    pub(crate) security_groups: Vec<String>,
}

impl Port {
    pub(crate) fn id(&self) -> Result<&str> {
        Ok(HostId::check_uuid(&self.id)?)
    }

    /// Whether a server has it.
    pub(crate) fn is_used(&self) -> bool {
        !self.device_id.is_empty()
    }
}

#[derive(Deserialize)]
pub(crate) struct GroupAnswer {
    pub(crate) security_group: Group,
}

#[derive(Deserialize)]
pub(crate) struct Group {
    id: String,
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) description: String,
    #[serde(rename = "security_group_rules", default)]
    pub(crate) rules: Vec<Rule>,
}

impl Group {
    pub(crate) fn id(&self) -> Result<&str> {
        Ok(HostId::check_uuid(&self.id)?)
    }
}

#[derive(Deserialize)]
pub(crate) struct Rule {
    pub(crate) direction: String,
}

#[derive(Deserialize)]
pub(crate) struct FloatingIp {
    id: String,
    description: Option<String>,
}

impl FloatingIp {
    pub(crate) fn id(&self) -> Result<&str> {
        Ok(HostId::check_uuid(&self.id)?)
    }

    pub(crate) fn description(&self) -> &str {
        self.description.as_deref().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use provision_core::{BasicHost, UserData};
    use serde_json::json;

    use super::*;

    fn flavors() -> Vec<Flavor> {
        let flavor = |name: &str, ram: u64, disk: u64| json!({"id": format!("id-{name}"), "name": name, "ram": ram, "disk": disk, "vcpus": 1, "swap": ""});
        serde_json::from_value(json!([
            flavor("m1.large", 8_192, 80),
            flavor("m1.tiny", 512, 1),
            flavor("m1.small", 2_048, 20),
            flavor("volume-only", 1_024, 0),
        ]))
        .unwrap()
    }

    fn order(plan: Option<&str>) -> Order {
        let mut host = BasicHost::new("web-1".parse().unwrap(), UserData::empty());
        host.plan = plan.map(str::to_owned);
        Order::new(&INFO, "GRA9", &host).unwrap()
    }

    #[test]
    fn without_a_wish_the_smallest_flavor_that_fits_is_taken() {
        let image = |min_ram, min_disk| ImageEntry {
            min_ram,
            min_disk,
            ..ImageEntry::of_id("x")
        };
        let chosen = |plan, image| choose_flavor(flavors(), &order(plan), &image).map(|flavor| flavor.id);
        assert_eq!(chosen(None, image(0, 0)).unwrap(), "id-m1.small");
        assert_eq!(chosen(None, image(4_096, 0)).unwrap(), "id-m1.large");
        assert_eq!(chosen(None, image(0, 40)).unwrap(), "id-m1.large");
        let none = chosen(None, image(0, 400)).unwrap_err().to_string();
        assert!(none.contains("GRA9") && none.contains("m1.tiny"), "{none}");
        // A wish is a wish, also for the default's name.
        assert_eq!(chosen(Some("m1.tiny"), image(0, 40)).unwrap(), "id-m1.tiny");
        assert_eq!(chosen(Some("id-m1.large"), image(0, 0)).unwrap(), "id-m1.large");
        let unknown = chosen(Some("d2-2"), image(0, 0)).unwrap_err().to_string();
        assert!(
            unknown.contains("d2-2") && unknown.contains("known: m1.large"),
            "{unknown}"
        );
    }

    #[test]
    fn tags_are_known_from_a_version_on() {
        let tags = |version: &str| {
            let answer = json!({"version": {"id": "v2.1", "version": version, "min_version": "2.1"}});
            serde_json::from_value::<VersionAnswer>(answer).unwrap().has_tags()
        };
        assert!(tags("2.52") && tags("2.104") && tags("3.1"));
        assert!(!tags("2.51") && !tags("2.1") && !tags(""));
    }

    #[test]
    fn the_public_address_is_the_floating_one_where_there_is_to_be_one() {
        let ip = |labels: serde_json::Value, addresses: serde_json::Value| {
            let server: Server = serde_json::from_value(json!({
                "id": "x", "name": "x", "status": "ACTIVE", "metadata": labels, "addresses": addresses,
            }))
            .unwrap();
            let parts = Parts::of(&server.labels());
            server.ip(&parts).map(|ip| ip.to_string())
        };
        let to_float = json!({"provision-floating": "5d1c2f0e-7a55-4d3b-9c65-0a7d3f0f6f11"});
        let fixed = json!({"addr": "10.9.0.5", "version": 4, "OS-EXT-IPS:type": "fixed"});
        let six = json!({"addr": "2001:db8::5", "version": 6, "OS-EXT-IPS:type": "fixed"});
        let floating = json!({"addr": "203.0.113.5", "version": 4, "OS-EXT-IPS:type": "floating"});
        assert_eq!(ip(to_float.clone(), json!({"private": [fixed]})), None);
        assert_eq!(
            ip(to_float, json!({"private": [fixed, floating]})).as_deref(),
            Some("203.0.113.5")
        );
        assert_eq!(
            ip(json!({}), json!({"private": [six, fixed, floating]})).as_deref(),
            Some("203.0.113.5")
        );
        assert_eq!(ip(json!({}), json!({"net": [six, fixed]})).as_deref(), Some("10.9.0.5"));
        assert_eq!(ip(json!({}), json!({"net": [six]})).as_deref(), Some("2001:db8::5"));
        assert_eq!(ip(json!({}), json!({})), None);
    }
}
