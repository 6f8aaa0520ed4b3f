//! Plans, regions and operating systems: a realistic handful, with prices of 2026-09. Among them a region with a surcharge,
//! plans that are missing or out of stock in places, and entries that are no images.

use serde_json::{Value, json};

use super::{error, ok};
use crate::{call::Call, cloud::Handled, kit::answer::Answer};

pub(super) struct Region {
    pub(super) id: &'static str,
    city: &'static str,
    country: &'static str,
    continent: &'static str,
}

const fn place(id: &'static str, city: &'static str, country: &'static str, continent: &'static str) -> Region {
    Region {
        id,
        city,
        country,
        continent,
    }
}

const REGIONS: &[Region] = &[
    place("ams", "Amsterdam", "NL", "Europe"),
    place("blr", "Bangalore", "IN", "Asia"),
    place("ewr", "New Jersey", "US", "North America"),
    place("fra", "Frankfurt", "DE", "Europe"),
    place("lhr", "London", "GB", "Europe"),
    place("nrt", "Tokyo", "JP", "Asia"),
    place("ord", "Chicago", "US", "North America"),
    place("sao", "São Paulo", "BR", "South America"),
    place("sgp", "Singapore", "SG", "Asia"),
    place("syd", "Sydney", "AU", "Australia"),
];

/// Where everything costs half as much again.
const DEAR: &str = "sao";

pub(super) struct Plan {
    pub(super) id: &'static str,
    pub(super) vcpus: u32,
    /// MB.
    pub(super) ram: u32,
    /// GB.
    pub(super) disk: u32,
    /// GB a month.
    bandwidth: u32,
    /// USD.
    monthly: f64,
    /// Where it exists; empty for everywhere.
    only: &'static [&'static str],
    /// Where it exists, but is out of stock.
    empty: &'static [&'static str],
}

const PLANS: &[Plan] = &[
    Plan {
        id: "vc2-1c-0.5gb-free",
        vcpus: 1,
        ram: 512,
        disk: 10,
        bandwidth: 512,
        monthly: 0.0,
        only: &["ewr"],
        empty: &["ewr"],
    },
    Plan {
        id: "vc2-1c-0.5gb-v6",
        vcpus: 1,
        ram: 512,
        disk: 10,
        bandwidth: 512,
        monthly: 2.5,
        only: &["ewr", "ams"],
        empty: &[],
    },
    Plan {
        id: "vc2-1c-0.5gb",
        vcpus: 1,
        ram: 512,
        disk: 10,
        bandwidth: 512,
        monthly: 3.5,
        only: &["ewr", "fra"],
        empty: &["fra"],
    },
    Plan {
        id: "vc2-1c-1gb",
        vcpus: 1,
        ram: 1_024,
        disk: 25,
        bandwidth: 1_024,
        monthly: 5.0,
        only: &[],
        empty: &[],
    },
    Plan {
        id: "vc2-1c-2gb",
        vcpus: 1,
        ram: 2_048,
        disk: 55,
        bandwidth: 2_048,
        monthly: 10.0,
        only: &[],
        empty: &["nrt"],
    },
    Plan {
        id: "vc2-2c-4gb",
        vcpus: 2,
        ram: 4_096,
        disk: 80,
        bandwidth: 3_072,
        monthly: 20.0,
        only: &[],
        empty: &[],
    },
    Plan {
        id: "vhf-1c-2gb",
        vcpus: 1,
        ram: 2_048,
        disk: 64,
        bandwidth: 2_048,
        monthly: 12.0,
        only: &["ams", "ewr", "lhr", "ord", "sgp"],
        empty: &[],
    },
];

/// Number, name, architecture, family.
const SYSTEMS: &[(u64, &str, &str, &str)] = &[
    (124, "Windows 2012 R2 Standard x64", "x64", "windows"),
    (159, "Custom", "x64", "iso"),
    (164, "Snapshot", "x64", "snapshot"),
    (180, "Backup", "x64", "backup"),
    (186, "Application", "x64", "application"),
    (1_743, "Ubuntu 22.04 LTS x64", "x64", "ubuntu"),
    (2_136, "Debian 12 x64 (bookworm)", "x64", "debian"),
    (2_284, "Ubuntu 24.04 LTS x64", "x64", "ubuntu"),
    (2_467, "AlmaLinux 9 x64", "x64", "almalinux"),
    (2_625, "Debian 13 x64 (trixie)", "x64", "debian"),
    (2_760, "Ubuntu 26.04 LTS x64", "x64", "ubuntu"),
];

/// Families that `?type=` knows.
const FAMILIES: &str = "all, vbm, vdc, vhp, vhf, vc2, voc, vcg, vdg, vdm, vx1, voc-g, voc-s, voc-c, voc-m";

impl Plan {
    fn monthly_in(&self, region: &str) -> f64 {
        if region == DEAR {
            self.monthly * 1.5
        } else {
            self.monthly
        }
    }

    fn family(&self) -> &'static str {
        self.id.split('-').next().unwrap_or(self.id)
    }

    fn exists_in(&self, region: &str) -> bool {
        self.only.is_empty() || self.only.contains(&region)
    }

    /// Whether an instance of this plan can be had in a region now.
    pub(super) fn offered_in(&self, region: &str) -> bool {
        self.exists_in(region) && !self.empty.contains(&region)
    }

    /// Whether its instances have an IPv6 address only.
    pub(super) fn is_ipv6_only(&self) -> bool {
        self.id.ends_with("-v6")
    }

    fn show(&self) -> Value {
        let locations: Vec<_> = REGIONS
            .iter()
            .map(|region| region.id)
            .filter(|region| self.exists_in(region))
            .collect();
        // Real prices are those of 672 hours; the field divides by 730 all the same.
        let price =
            |monthly: f64| json!({ "monthly_cost": monthly, "hourly_cost": (monthly / 730.0 * 1e3).round() / 1e3 });
        let dear = if locations.contains(&DEAR) {
            json!({ DEAR: price(self.monthly_in(DEAR)) })
        } else {
            json!([])
        };
        let mut plan = json!({
            "id": self.id, "vcpu_count": self.vcpus, "ram": self.ram, "disk": self.disk, "disk_count": 1,
            "bandwidth": self.bandwidth, "type": self.family(), "locations": locations, "location_cost": dear,
            "invoice_type": "hourly", "deploy_ondemand": true,
        });
        if let (Some(plan), Value::Object(price)) = (plan.as_object_mut(), price(self.monthly)) {
            plan.extend(price);
        }
        plan
    }
}

/// What a plan costs in a month in a region, USD.
pub(super) fn monthly(id: &str, region: &str) -> Option<f64> {
    Some(plan(id)?.monthly_in(region))
}

/// The wanted family of plans, `None` for all.
fn family<'a>(call: &'a Call<'_>) -> Result<Option<&'a str>, Answer> {
    match call.query.filled("type") {
        None | Some("all") => Ok(None),
        Some(family) if FAMILIES.split(", ").any(|known| known == family) => Ok(Some(family)),
        Some(_) => Err(error(400, &format!("Please provide a valid type: {FAMILIES}"))),
    }
}

pub(super) fn plans(call: &Call<'_>) -> Result<Vec<Value>, Answer> {
    let family = family(call)?;
    Ok(PLANS
        .iter()
        .filter(|plan| family.is_none_or(|family| plan.family() == family))
        .map(Plan::show)
        .collect())
}

pub(super) fn availability(call: &Call<'_>, id: &str) -> Handled {
    let family = family(call)?;
    let region = region(id).ok_or_else(|| error(400, "Invalid region."))?;
    let plans: Vec<_> = PLANS
        .iter()
        .filter(|plan| family.is_none_or(|family| plan.family() == family) && plan.offered_in(region.id))
        .map(|plan| plan.id)
        .collect();
    Ok(ok(
        200,
        &json!({ "available_plans": plans, "available_vpc_only_plans": [] }),
    ))
}

pub(super) fn regions() -> Vec<Value> {
    let show = |region: &Region| {
        json!({
            "id": region.id, "city": region.city, "country": region.country, "continent": region.continent,
            "options": ["ddos_protection", "block_storage_high_perf", "kubernetes"], "connectivity": [],
        })
    };
    REGIONS.iter().map(show).collect()
}

pub(super) fn systems() -> Vec<Value> {
    let show = |(id, name, arch, family): &(u64, &str, &str, &str)| json!({ "id": id, "name": name, "arch": arch, "family": family });
    SYSTEMS.iter().map(show).collect()
}

pub(super) fn region(id: &str) -> Option<&'static Region> {
    REGIONS.iter().find(|region| region.id == id)
}

pub(super) fn plan(id: &str) -> Option<&'static Plan> {
    PLANS.iter().find(|plan| plan.id == id)
}

/// The name of a system.
pub(super) fn system(id: u64) -> Option<&'static str> {
    SYSTEMS.iter().find(|system| system.0 == id).map(|system| system.1)
}

/// Whether it stands for another way to install, which needs more than its number.
pub(super) fn is_placeholder(id: u64) -> bool {
    let others = ["iso", "snapshot", "backup", "application"];
    SYSTEMS
        .iter()
        .any(|system| system.0 == id && others.contains(&system.3))
}
