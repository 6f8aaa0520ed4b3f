//! What the API answers, as far as the provider reads it. Objects may be shortened to an `href`, and nothing but an id is
//! promised, so that everything else may be absent. User data and root passwords, which a device carries, are not read.

use std::{
    collections::{BTreeMap, HashMap},
    net::{IpAddr, Ipv4Addr},
};

use provision_core::{HostId, Image, Labels, Plan, ProvisionedHost, Region, Result, parse_rfc3339};
use provision_http::{Answer, NumberedPage};
use serde::Deserialize;

use crate::{info::INFO, status::host_status};

/// One page of a project's devices.
#[derive(Deserialize)]
pub(crate) struct Devices {
    pub(crate) devices: Vec<Device>,
    meta: Option<Meta>,
}

#[derive(Deserialize)]
struct Meta {
    next: Option<Href>,
    total: Option<usize>,
}

#[derive(Deserialize)]
struct Href {
    href: Option<String>,
}

impl Devices {
    /// How many devices the whole list has.
    pub(crate) fn total(&self) -> Option<usize> {
        self.meta.as_ref()?.total
    }

    /// Pages are asked for by number: the link to the next is not followed.
    pub(crate) fn has_next(&self) -> bool {
        self.meta.as_ref().is_some_and(|meta| meta.next.is_some())
    }
}

impl NumberedPage for Devices {
    type Item = Device;
    fn has_more(&self, _page: usize, _seen: &mut usize, _answer: &Answer) -> bool {
        self.has_next()
    }
    fn into_items(self) -> Vec<Device> {
        self.devices
    }
}

#[derive(Deserialize)]
pub(crate) struct Device {
    /// Checked here, so that an answer with a strange one does not pass for a refusal of what was asked.
    id: HostId,
    hostname: Option<String>,
    state: Option<String>,
    ip_addresses: Option<Vec<Address>>,
    metro: Option<Metro>,
    plan: Option<Slug>,
    operating_system: Option<Slug>,
    project: Option<Href>,
    tags: Option<Vec<String>>,
    created_at: Option<String>,
}

#[derive(Deserialize)]
struct Slug {
    slug: Option<String>,
}

#[derive(Deserialize)]
struct Address {
    address: Option<String>,
    address_family: Option<u8>,
    public: Option<bool>,
    management: Option<bool>,
}

impl Address {
    fn public_ipv4(&self) -> Option<Ipv4Addr> {
        let wanted = self.address_family == Some(4) && self.public == Some(true);
        self.address.as_deref()?.parse().ok().filter(|_| wanted)
    }
}

impl Device {
    /// The device's own address rather than one that was assigned to it later. IPv6 addresses are public, too.
    fn ip(&self) -> Option<IpAddr> {
        let addresses = self.ip_addresses.iter().flatten();
        addresses
            .filter_map(|address| Some((address.management != Some(true), address.public_ipv4()?)))
            .min_by_key(|(assigned, _)| *assigned)
            .map(|(_, ip)| IpAddr::V4(ip))
    }

    /// In lower case, as the API writes it.
    pub(crate) fn uuid(&self) -> String {
        self.id.as_str().to_ascii_lowercase()
    }

    /// `device|project`. Only the project tells a device that is gone from one that the credentials may not see.
    fn host_id(&self, asked_in: Option<&str>) -> Result<HostId> {
        let href = self.project.as_ref().and_then(|project| project.href.as_deref());
        let project = href
            .and_then(|href| HostId::check_uuid(href.rsplit('/').next()?).ok())
            .or(asked_in);
        Ok(HostId::from_parts(
            [Some(self.id.as_str()), project].into_iter().flatten(),
        )?)
    }

    /// The host, given the project in which it was asked for, if it is known.
    pub(crate) fn into_host(self, asked_in: Option<&str>) -> Result<ProvisionedHost> {
        let (id, ip) = (self.host_id(asked_in)?, self.ip());
        let state = self.state.unwrap_or_default();
        let status = host_status(&state, ip.is_some());
        let mut host = ProvisionedHost::new(INFO.id, id, self.hostname.unwrap_or_default(), status, state);
        host.ip = ip;
        host.region = self.metro.and_then(|metro| metro.code);
        host.plan = self.plan.and_then(|plan| plan.slug);
        host.image = self.operating_system.and_then(|system| system.slug);
        host.labels = Labels::from_tags(self.tags.iter().flatten().map(String::as_str));
        host.created = self.created_at.as_deref().and_then(parse_rfc3339);
        Ok(host)
    }
}

#[derive(Deserialize)]
pub(crate) struct Metros {
    pub(crate) metros: Vec<Metro>,
}

#[derive(Deserialize)]
pub(crate) struct Metro {
    id: Option<String>,
    code: Option<String>,
    name: Option<String>,
    country: Option<String>,
}

impl Metro {
    pub(crate) fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }

    pub(crate) fn to_region(&self) -> Option<Region> {
        let place = [self.name.as_deref(), self.country.as_deref()];
        let place: Vec<&str> = place.into_iter().flatten().collect();
        Some(Region::new(self.code.clone()?, place.join(", ")))
    }
}

/// `{"capacity": {"am": {"c3.small.x86": {"level": "normal"}}}}`
#[derive(Deserialize, Default)]
pub(crate) struct Capacity {
    capacity: BTreeMap<String, BTreeMap<String, Level>>,
}

#[derive(Deserialize)]
struct Level {
    level: Option<String>,
}

impl Capacity {
    /// Whether a plan can be had in a metro, as far as the API says.
    fn of(&self, metro: &str, plan: &str) -> Option<bool> {
        let level = self.capacity.get(metro)?.get(plan)?.level.as_deref()?;
        Some(level != "unavailable")
    }
}

#[derive(Deserialize)]
pub(crate) struct Plans {
    pub(crate) plans: Vec<ServerPlan>,
}

#[derive(Deserialize)]
pub(crate) struct ServerPlan {
    slug: String,
    name: Option<String>,
    description: Option<String>,
    deployment_types: Option<Vec<String>>,
    specs: Option<Specs>,
    pricing: Option<Price>,
    available_in_metros: Option<Vec<Offer>>,
}

#[derive(Deserialize)]
struct Specs {
    memory: Option<Memory>,
    drives: Option<Vec<Drive>>,
}

#[derive(Deserialize)]
struct Memory {
    total: Option<String>,
}

#[derive(Deserialize)]
struct Drive {
    count: Option<u64>,
    size: Option<String>,
}

impl Drive {
    fn gigabytes(&self) -> Option<u64> {
        Some(
            self.count
                .unwrap_or(1)
                .saturating_mul(gigabytes(self.size.as_deref()?)?),
        )
    }
}

#[derive(Deserialize)]
struct Price {
    hour: Option<f64>,
}

/// A metro that has the plan, with its price there if that is another one.
#[derive(Deserialize)]
struct Offer {
    href: Option<String>,
    price: Option<Price>,
}

/// Hours of a month: 365 days of 24 hours in 12 parts. Hourly billing has no monthly cap.
const HOURS: f64 = 730.0;

impl ServerPlan {
    /// The plan with its price and stock in a region, given the metros by which offers are named.
    pub(crate) fn into_plan(self, region: Option<&str>, metros: &[Metro], capacity: &Capacity) -> Plan {
        let codes: HashMap<&str, &str> = metros
            .iter()
            .filter_map(|metro| Some((metro.id.as_deref()?, metro.code.as_deref()?)))
            .collect();
        let mut regions = Vec::new();
        let mut hour = self.pricing.and_then(|price| price.hour);
        let mut elsewhere = BTreeMap::new();
        for offer in self.available_in_metros.iter().flatten() {
            let metro = offer.href.as_deref().and_then(|href| href.rsplit('/').next());
            let Some(code) = metro.and_then(|metro| codes.get(metro)) else {
                continue;
            };
            let there = offer.price.as_ref().and_then(|price| price.hour);
            if region == Some(code) {
                hour = there.or(hour);
            }
            elsewhere.extend(there.map(|hour| ((*code).to_owned(), hour * HOURS)));
            regions.push((*code).to_owned());
        }
        regions.sort_unstable();
        let on_demand = self
            .deployment_types
            .is_none_or(|types| types.iter().any(|kind| kind == "on_demand"));
        let sold_there = region.is_none_or(|region| regions.is_empty() || regions.iter().any(|known| known == region));
        let available = if on_demand && sold_there {
            region.and_then(|region| capacity.of(region, &self.slug))
        } else {
            Some(false)
        };
        let (memory, drives) = self.specs.map_or((None, None), |specs| (specs.memory, specs.drives));
        let drives = drives.filter(|drives| !drives.is_empty());
        let sizes = |drives: Vec<Drive>| drives.iter().map(Drive::gigabytes).sum();
        let mut plan = Plan::new(self.slug);
        plan.description = self.description.or(self.name).unwrap_or_default();
        // `vcpus` stays unknown: the API counts processors, not cores.
        plan.memory_mib = memory
            .and_then(|memory| gigabytes(&memory.total?))
            .map(|gigabytes| gigabytes * 1024);
        plan.disk_gb = drives.and_then(sizes);
        plan.monthly_cost = hour.map(|hour| hour * HOURS);
        plan.regional_costs = elsewhere;
        plan.currency = "USD".to_owned();
        plan.regions = regions;
        plan.available = available;
        plan
    }
}

/// `32GB`, `480GB`, `3.84TB` in gigabytes.
fn gigabytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let (number, factor) = match (text.strip_suffix("GB"), text.strip_suffix("TB")) {
        (Some(number), _) => (number, 1.0),
        (None, Some(number)) => (number, 1000.0),
        (None, None) => return None,
    };
    let number: f64 = number.trim().parse().ok()?;
    let whole = (number * factor).round();
    // Beyond any server, and far below where an `f64` is inexact.
    (0.0..1e9).contains(&whole).then_some(whole as u64)
}

#[derive(Deserialize)]
pub(crate) struct OperatingSystems {
    pub(crate) operating_systems: Vec<OperatingSystem>,
}

#[derive(Deserialize)]
pub(crate) struct OperatingSystem {
    slug: String,
    name: Option<String>,
}

impl OperatingSystem {
    /// One slug stands for the builds of every architecture.
    pub(crate) fn into_image(self) -> Image {
        Image::new(self.slug, self.name.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use provision_core::HostStatus;

    use super::*;

    const DEVICE: &str = "9f7eafab-6f6b-4ae4-988d-c2a686367791";
    const PROJECT: &str = "f3f131c8-f302-49ef-8c44-9405022dc6dd";
    const OTHER: &str = "084a5dec-30be-415a-8937-9c615932e459";

    fn device(more: serde_json::Value) -> Device {
        let mut device = serde_json::json!({"id": DEVICE, "state": "active"});
        for (field, value) in more.as_object().unwrap() {
            device[field] = value.clone();
        }
        serde_json::from_value(device).unwrap()
    }

    #[test]
    fn the_address_is_the_devices_own_public_ipv4() {
        let v6 = serde_json::json!({"address": "2001:db8::1", "address_family": 6, "public": true, "management": true});
        let private =
            serde_json::json!({"address": "10.80.1.3", "address_family": 4, "public": false, "management": true});
        let elastic =
            serde_json::json!({"address": "198.51.100.9", "address_family": 4, "public": true, "management": false});
        let own =
            serde_json::json!({"address": "203.0.113.10", "address_family": 4, "public": true, "management": true});
        let shortened = serde_json::json!({"href": "/metal/v1/ips/1"});
        let table = [
            (serde_json::json!([v6, private, elastic, own]), Some("203.0.113.10")),
            (serde_json::json!([v6, private, elastic]), Some("198.51.100.9")),
            (serde_json::json!([v6, private, shortened]), None),
            (serde_json::json!([]), None),
            (serde_json::Value::Null, None),
        ];
        for (addresses, expected) in table {
            let found = device(serde_json::json!({ "ip_addresses": addresses }));
            assert_eq!(found.ip().map(|ip| ip.to_string()).as_deref(), expected);
            let active = found.into_host(None).unwrap().status == HostStatus::Active;
            assert_eq!(active, expected.is_some());
        }
    }

    #[test]
    fn the_id_holds_the_project_that_the_device_says_it_is_in() {
        let both = |project: &str| Some(format!("{DEVICE}|{project}"));
        let elsewhere = serde_json::json!({"project": {"href": format!("/metal/v1/projects/{OTHER}")}});
        let silent = serde_json::json!({"project": null, "tags": null});
        let strange = serde_json::json!({"project": {"href": "/metal/v1/projects/.."}});
        let table = [
            (&elsewhere, Some(PROJECT), both(OTHER)),
            (&elsewhere, None, both(OTHER)),
            (&silent, Some(PROJECT), both(PROJECT)),
            (&strange, Some(PROJECT), both(PROJECT)),
            (&silent, None, Some(DEVICE.to_owned())),
        ];
        for (more, asked_in, expected) in table {
            let id = device(more.clone()).host_id(asked_in).ok();
            assert_eq!(id.map(String::from), expected);
        }
        assert!(serde_json::from_value::<Device>(serde_json::json!({"id": "../projects", "state": "active"})).is_err());
    }

    #[test]
    fn null_is_nothing_and_a_list_without_its_list_is_an_error() {
        let read = |value: serde_json::Value| serde_json::from_value::<Devices>(value).ok();
        let bare = serde_json::json!({
            "id": DEVICE, "hostname": null, "state": null, "ip_addresses": null, "metro": null, "plan": {"slug": null},
            "operating_system": null, "project": {"href": null}, "tags": null, "created_at": null,
        });
        let listed = read(serde_json::json!({"devices": [bare], "meta": null})).unwrap();
        assert!(!listed.has_next() && listed.total().is_none());
        let host = listed.devices.into_iter().next().unwrap().into_host(None).unwrap();
        assert_eq!(host.status, HostStatus::Unknown);
        assert!(read(serde_json::json!({"meta": {"next": null, "total": 0}})).is_none());
        let plan = serde_json::json!({"slug": "c3", "specs": null, "pricing": null, "available_in_metros": null});
        let plan: ServerPlan = serde_json::from_value(plan).unwrap();
        assert_eq!(plan.into_plan(None, &[], &Capacity::default()).monthly_cost, None);
    }

    #[test]
    fn sizes_are_read_as_the_api_writes_them() {
        for (text, expected) in [
            ("32GB", Some(32)),
            ("3.84TB", Some(3840)),
            ("480 GB", Some(480)),
            ("lots", None),
            ("-1GB", None),
            ("nanGB", None),
        ] {
            assert_eq!(gigabytes(text), expected, "{text}");
        }
    }
}
