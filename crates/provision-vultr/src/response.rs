//! What the API answers, as far as the provider reads it. Empty values are `""`, `0` or `0.0.0.0`, not null; null is taken
//! for them, too. The `default_password` of a create is left unread.

use std::{collections::BTreeMap, net::IpAddr};

use provision_core::{HostId, HostStatus, Image, Labels, Plan, ProvisionedHost, Region, Result, parse_rfc3339};
use serde::{Deserialize, de::DeserializeOwned};

use crate::{config::INFO, request::has_no_ipv4, status::host_status};

#[derive(Deserialize)]
pub(crate) struct InstanceAnswer {
    pub(crate) instance: Instance,
}

#[derive(Deserialize)]
pub(crate) struct Instance {
    id: String,
    status: String,
    power_status: Option<String>,
    server_status: Option<String>,
    main_ip: Option<String>,
    label: Option<String>,
    hostname: Option<String>,
    region: Option<String>,
    plan: Option<String>,
    os: Option<String>,
    os_id: Option<u64>,
    tags: Option<Vec<String>>,
    date_created: Option<String>,
}

impl Instance {
    pub(crate) fn into_host(self) -> Result<ProvisionedHost> {
        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        let ip = self
            .main_ip
            .and_then(|ip| ip.parse::<IpAddr>().ok())
            .filter(|ip| !ip.is_unspecified());
        let server = self.server_status.unwrap_or_default();
        let power = self.power_status.unwrap_or_default();
        let status = host_status(&self.status, &server, &power, ip.is_some());
        let raw = format!("{}/{server}/{power}", self.status);
        let name = filled(self.label).or(filled(self.hostname)).unwrap_or_default();
        let mut host = ProvisionedHost::new(INFO.id, HostId::new(self.id)?, name, status, raw);
        host.ip = ip;
        host.region = filled(self.region);
        host.plan = filled(self.plan);
        // Snapshots, applications and ISOs have a name only.
        host.image = self
            .os_id
            .filter(|id| *id > 0)
            .map(|id| id.to_string())
            .or(filled(self.os));
        host.labels = Labels::from_tags(self.tags.iter().flatten().map(String::as_str));
        host.created = self.date_created.as_deref().and_then(parse_rfc3339);
        if status == HostStatus::Failed {
            host.message = Some("Vultr suspended the instance: see the console for the reason".to_owned());
        }
        Ok(host)
    }
}

/// One page of a list.
pub(crate) trait Page: DeserializeOwned {
    type Item;
    /// The items, and the cursor of the next page.
    fn into_parts(self) -> (Vec<Self::Item>, Option<String>);
}

#[derive(Deserialize, Default)]
struct Meta {
    links: Option<Links>,
}

/// The cursor of the next page, empty on the last.
#[derive(Deserialize)]
struct Links {
    next: Option<String>,
}

impl Meta {
    fn next(self) -> Option<String> {
        self.links?.next.filter(|cursor| !cursor.is_empty())
    }
}

macro_rules! page {
    ($page:ident, $field:ident, $item:ty) => {
        #[derive(Deserialize)]
        pub(crate) struct $page {
            $field: Vec<$item>,
            #[serde(default)]
            meta: Meta,
        }

        impl Page for $page {
            type Item = $item;
            fn into_parts(self) -> (Vec<$item>, Option<String>) {
                (self.$field, self.meta.next())
            }
        }
    };
}

page!(Instances, instances, Instance);
page!(Regions, regions, RegionEntry);
page!(Plans, plans, PlanEntry);
page!(Images, os, OperatingSystem);

#[derive(Deserialize)]
pub(crate) struct RegionEntry {
    pub(crate) id: String,
    #[serde(default)]
    city: String,
    #[serde(default)]
    country: String,
}

impl RegionEntry {
    pub(crate) fn into_region(self) -> Region {
        Region {
            id: self.id,
            description: format!("{}, {}", self.city, self.country),
            available: None,
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct Availability {
    pub(crate) available_plans: Vec<String>,
}

#[derive(Deserialize)]
pub(crate) struct PlanEntry {
    id: String,
    vcpu_count: f64,
    /// In MB.
    ram: u64,
    disk: u64,
    /// In GB a month.
    #[serde(default)]
    bandwidth: u64,
    monthly_cost: f64,
    #[serde(default, rename = "type")]
    family: String,
    /// Where the plan exists, in stock or not.
    #[serde(default)]
    locations: Vec<String>,
    location_cost: Option<LocationCosts>,
}

/// Prices of regions that differ from the common one. No differences may be written as an empty list instead of a map
/// (UNCONFIRMED).
#[derive(Deserialize)]
#[serde(untagged)]
enum LocationCosts {
    ByRegion(BTreeMap<String, LocationCost>),
    Other(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
struct LocationCost {
    monthly_cost: Option<f64>,
}

impl PlanEntry {
    /// Whether a host of this plan can be made here: it has an IPv4, and is not for accounts of the free programme only.
    pub(crate) fn is_offered(&self) -> bool {
        !has_no_ipv4(&self.id) && self.monthly_cost > 0.0
    }

    pub(crate) fn into_plan(self, region: &str, in_stock: &[String]) -> Plan {
        let there = match &self.location_cost {
            Some(LocationCosts::ByRegion(costs)) => costs.get(region).and_then(|cost| cost.monthly_cost),
            Some(LocationCosts::Other(_)) | None => None,
        };
        Plan {
            description: format!("{}, {} GB transfer", self.family, self.bandwidth),
            vcpus: Some(self.vcpu_count),
            memory_mib: Some(self.ram),
            disk_gb: Some(self.disk),
            monthly_cost: Some(there.unwrap_or(self.monthly_cost)),
            currency: "USD".to_owned(),
            available: Some(in_stock.contains(&self.id)),
            regions: self.locations,
            id: self.id,
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct OperatingSystem {
    pub(crate) id: u64,
    pub(crate) name: String,
    #[serde(default)]
    arch: String,
    #[serde(default)]
    family: String,
}

impl OperatingSystem {
    /// Whether it is an image that runs our user data: neither a way to install (ISO, snapshot, application) nor Windows.
    pub(crate) fn runs_user_data(&self) -> bool {
        let others = ["iso", "snapshot", "backup", "application", "marketplace", "windows"];
        !others.contains(&self.family.as_str())
    }

    /// Whether it has `ufw`, or can get it from its own packages. Seen on Ubuntu; Debian UNCONFIRMED.
    pub(crate) fn has_ufw(&self) -> bool {
        matches!(self.family.as_str(), "ubuntu" | "debian")
    }

    pub(crate) fn into_image(self) -> Image {
        let architecture = match self.arch.as_str() {
            "x64" => Some("x86_64".to_owned()),
            "" => None,
            other => Some(other.to_owned()),
        };
        Image {
            id: self.id.to_string(),
            description: self.name,
            architecture,
        }
    }
}
