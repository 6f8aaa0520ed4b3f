//! What the API answers, as far as the provider reads it. Empty values are `""`, `0` or `0.0.0.0`, not null; null is taken
//! for them, too. The `default_password` of a create is left unread.

use std::{collections::BTreeMap, net::IpAddr};

use provision_core::{HostId, HostStatus, Image, Labels, Plan, ProvisionedHost, Region, Result, parse_rfc3339};
use provision_http::{Answer, ChainedPage, IdOrName};
use serde::Deserialize;

use crate::{
    info::{INFO, has_no_ipv4},
    status::host_status,
};

#[derive(Deserialize)]
pub(crate) struct InstanceAnswer {
    pub(crate) instance: Instance,
}

#[derive(Deserialize)]
pub(crate) struct Instance {
    /// Checked here, so that an answer with a strange one does not pass for a refusal of what was asked.
    id: HostId,
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
    pub(crate) fn into_host(self) -> ProvisionedHost {
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
        let mut host = ProvisionedHost::new(INFO.id, self.id, name, status, raw);
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
        host
    }
}

#[derive(Deserialize)]
struct Meta {
    links: Option<Links>,
}

/// The cursor of the next page, empty on the last.
#[derive(Deserialize)]
struct Links {
    next: Option<String>,
}

macro_rules! page {
    ($page:ident, $field:ident, $item:ty) => {
        #[derive(Deserialize)]
        pub(crate) struct $page {
            $field: Vec<$item>,
            meta: Option<Meta>,
        }

        impl ChainedPage for $page {
            type Item = $item;
            fn into_parts(self, _answer: &Answer) -> Result<(Vec<$item>, Option<String>)> {
                let links = self.meta.and_then(|meta| meta.links);
                Ok((self.$field, links.and_then(|links| links.next)))
            }
        }
    };
}

page!(Instances, instances, Instance);
page!(Regions, regions, RegionEntry);
page!(Plans, plans, PlanEntry);
page!(OperatingSystems, os, OperatingSystem);

#[derive(Deserialize)]
pub(crate) struct RegionEntry {
    id: String,
    city: Option<String>,
    country: Option<String>,
}

impl RegionEntry {
    pub(crate) fn into_region(self) -> Region {
        let place: Vec<String> = self.city.into_iter().chain(self.country).collect();
        Region::new(self.id, place.join(", "))
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
    bandwidth: Option<u64>,
    monthly_cost: f64,
    #[serde(rename = "type")]
    family: Option<String>,
    /// Where the plan exists, in stock or not.
    locations: Option<Vec<String>>,
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
        let elsewhere: BTreeMap<String, f64> = match self.location_cost {
            Some(LocationCosts::ByRegion(costs)) => {
                let told = costs.into_iter();
                told.filter_map(|(region, cost)| Some((region, cost.monthly_cost?)))
                    .collect()
            }
            Some(LocationCosts::Other(_)) | None => BTreeMap::new(),
        };
        let transfer = self.bandwidth.map(|gigabytes| format!("{gigabytes} GB transfer"));
        let description: Vec<String> = self.family.into_iter().chain(transfer).collect();
        let mut plan = Plan::new(self.id);
        plan.description = description.join(", ");
        plan.vcpus = Some(self.vcpu_count);
        plan.memory_mib = Some(self.ram);
        plan.disk_gb = Some(self.disk);
        plan.monthly_cost = Some(elsewhere.get(region).copied().unwrap_or(self.monthly_cost));
        plan.regional_costs = elsewhere;
        plan.currency = "USD".to_owned();
        plan.available = Some(in_stock.contains(&plan.id));
        plan.regions = self.locations.unwrap_or_default();
        plan
    }
}

#[derive(Deserialize)]
pub(crate) struct OperatingSystem {
    pub(crate) id: u64,
    name: String,
    arch: Option<String>,
    family: Option<String>,
}

impl OperatingSystem {
    /// Whether it is the one of this number or whole name.
    pub(crate) fn is(&self, wanted: IdOrName<'_>) -> bool {
        match wanted {
            IdOrName::Id(id) => self.id == id,
            IdOrName::Name(name) => self.name.eq_ignore_ascii_case(name),
        }
    }

    /// Whether it is an image that runs our user data: neither a way to install (ISO, snapshot, application) nor Windows.
    pub(crate) fn runs_user_data(&self) -> bool {
        let others = ["iso", "snapshot", "backup", "application", "marketplace", "windows"];
        self.family.as_deref().is_none_or(|family| !others.contains(&family))
    }

    /// Whether it has `ufw`, or can get it from its own packages. Seen on Ubuntu; Debian UNCONFIRMED.
    pub(crate) fn has_ufw(&self) -> bool {
        matches!(self.family.as_deref(), Some("ubuntu" | "debian"))
    }

    pub(crate) fn into_image(self) -> Image {
        let image = Image::new(self.id.to_string(), self.name);
        match self.arch.as_deref() {
            None | Some("") => image,
            Some("x64") => image.with_architecture("x86_64"),
            Some(other) => image.with_architecture(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    use super::*;

    fn read<T: DeserializeOwned>(value: Value) -> Option<T> {
        serde_json::from_value(value).ok()
    }

    #[test]
    fn null_is_nothing_and_a_list_without_its_list_is_an_error() {
        let instance = read::<Instance>(json!({
            "id": "5d1c2f0e-7a55-4d3b-9c65-0a7d3f0f6f11", "status": "pending", "power_status": null, "server_status": null,
            "main_ip": null, "label": null, "hostname": null, "region": null, "plan": null, "os": null, "os_id": null,
            "tags": null, "date_created": null,
        }));
        assert_eq!(instance.unwrap().into_host().status, HostStatus::Provisioning);
        let region = read::<RegionEntry>(json!({"id": "lhr", "city": null, "country": "GB"}));
        assert_eq!(region.unwrap().into_region().description, "GB");
        let plan = read::<PlanEntry>(json!({
            "id": "vc2", "vcpu_count": 1, "ram": 1024, "disk": 25, "bandwidth": null, "monthly_cost": 5, "type": null,
            "locations": null, "location_cost": null,
        }));
        assert_eq!(plan.unwrap().into_plan("lhr", &[]).available, Some(false));
        let system = read::<OperatingSystem>(json!({"id": 1, "name": "x", "arch": null, "family": null}));
        assert_eq!(system.unwrap().into_image().architecture, None);
        assert!(read::<Instances>(json!({"instances": [], "meta": null})).is_some());
        assert!(read::<Instances>(json!({"meta": {"links": {"next": ""}}})).is_none());
    }
}
