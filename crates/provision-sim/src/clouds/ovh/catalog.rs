//! Regions, flavors, images and the public price list. Flavors and images have other ids in each region.

use serde_json::{Value, json};

use super::{bad_request, list, not_found};
use crate::{
    call::Call,
    cloud::Handled,
    kit::{answer::Answer, text::sha256},
};

/// Regions that the project has activated.
pub(super) const REGIONS: &[&str] = &["BHS5", "DE1", "GRA11", "SBG5", "UK1", "WAW1"];

struct Size {
    name: &'static str,
    /// MB.
    ram: u32,
    vcpus: u32,
    /// GB.
    disk: u32,
    kind: &'static str,
    /// Hundred-millionths of a euro for an hour.
    hourly: u64,
    /// Sold out everywhere when false.
    available: bool,
    /// Regions that do not have it.
    missing: &'static [&'static str],
}

/// Prices as the public order catalog had them in June 2026.
const SIZES: &[Size] = &[
    // Legacy, which inletsctl orders; price UNCONFIRMED.
    Size {
        name: "s1-2",
        ram: 2_000,
        vcpus: 1,
        disk: 10,
        kind: "ovh.vps-ssd",
        hourly: 810_000,
        available: true,
        missing: &[],
    },
    Size {
        name: "d2-2",
        ram: 2_000,
        vcpus: 1,
        disk: 25,
        kind: "ovh.d2",
        hourly: 1_040_000,
        available: true,
        missing: &[],
    },
    Size {
        name: "d2-4",
        ram: 4_000,
        vcpus: 2,
        disk: 50,
        kind: "ovh.d2",
        hourly: 2_060_000,
        available: true,
        missing: &[],
    },
    Size {
        name: "d2-8",
        ram: 8_000,
        vcpus: 4,
        disk: 50,
        kind: "ovh.d2",
        hourly: 3_720_000,
        available: true,
        missing: &["UK1"],
    },
    Size {
        name: "b3-8",
        ram: 8_000,
        vcpus: 2,
        disk: 50,
        kind: "ovh.b3",
        hourly: 5_120_000,
        available: true,
        missing: &["UK1", "WAW1"],
    },
    Size {
        name: "c2-7",
        ram: 7_000,
        vcpus: 2,
        disk: 50,
        kind: "ovh.c2",
        hourly: 10_180_000,
        available: false,
        missing: &[],
    },
];

/// Name and login user; `windows` runs on the flavors `win-...` only.
const IMAGES: &[(&str, &str, &str)] = &[
    ("Ubuntu 24.04", "linux", "ubuntu"),
    ("Ubuntu 22.04", "linux", "ubuntu"),
    ("Debian 13", "linux", "debian"),
    ("Rocky Linux 9", "linux", "rocky"),
    ("Windows Server 2022 Standard (Desktop)", "windows", "admin"),
];

/// A flavor in a region.
pub(super) struct Flavor {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) region: &'static str,
    pub(super) os: &'static str,
    pub(super) available: bool,
    size: &'static Size,
}

/// An image in a region.
pub(super) struct Image {
    pub(super) id: String,
    pub(super) region: &'static str,
    pub(super) kind: &'static str,
    name: &'static str,
    user: &'static str,
}

impl Flavor {
    pub(super) fn show(&self) -> Value {
        let size = self.size;
        json!({
            "id": self.id, "name": self.name, "region": self.region, "ram": size.ram, "disk": size.disk,
            "vcpus": size.vcpus, "type": size.kind, "osType": self.os, "inboundBandwidth": 100,
            "outboundBandwidth": 100, "available": self.available, "quota": 20, "capabilities": [],
            "planCodes": {
                "hourly": format!("{}.consumption", self.name),
                "monthly": format!("{}.monthly.postpaid", self.name), "license": null,
            },
        })
    }
}

impl Image {
    pub(super) fn show(&self) -> Value {
        json!({
            "id": self.id, "name": self.name, "region": self.region, "visibility": "public", "type": self.kind,
            "status": "active", "user": self.user, "minDisk": 0, "minRam": 0, "size": 2.25, "flavorType": null,
            "creationDate": "2026-10-01T08:00:00Z", "planCode": null, "tags": [],
        })
    }
}

/// A UUID that belongs to a thing of a region, always the same.
fn id(what: &str, name: &str, region: &str) -> String {
    let digest = sha256(format!("{what} {name} {region}"));
    let part = |from: usize, to: usize| digest.get(from..to).unwrap_or_default();
    format!(
        "{}-{}-4{}-8{}-{}",
        part(0, 8),
        part(8, 12),
        part(12, 15),
        part(15, 18),
        part(18, 30)
    )
}

fn all_flavors() -> impl Iterator<Item = Flavor> {
    let flavor = |size: &'static Size, region: &'static str, os: &'static str| {
        let name = if os == "linux" {
            size.name.to_owned()
        } else {
            format!("win-{}", size.name)
        };
        Flavor {
            id: id("flavor", &name, region),
            name,
            region,
            os,
            available: size.available,
            size,
        }
    };
    REGIONS.iter().flat_map(move |region| {
        let there = SIZES.iter().filter(move |size| !size.missing.contains(region));
        there.flat_map(move |size| {
            // Windows is only sold on the larger kinds.
            let has_windows = !["ovh.d2", "ovh.vps-ssd"].contains(&size.kind);
            let windows = has_windows.then(|| flavor(size, region, "windows"));
            [Some(flavor(size, region, "linux")), windows].into_iter().flatten()
        })
    })
}

fn all_images() -> impl Iterator<Item = Image> {
    REGIONS.iter().flat_map(|region| {
        IMAGES.iter().map(move |(name, kind, user)| Image {
            id: id("image", name, region),
            region,
            kind,
            name,
            user,
        })
    })
}

pub(super) fn flavor_by_id(id: &str) -> Option<Flavor> {
    all_flavors().find(|flavor| flavor.id == id)
}

pub(super) fn image_by_id(id: &str) -> Option<Image> {
    all_images().find(|image| image.id == id)
}

/// Status and wording as on the flavor list; on other lists UNCONFIRMED.
pub(super) fn check_region(region: &str) -> Result<(), Answer> {
    if REGIONS.contains(&region) {
        return Ok(());
    }
    Err(bad_request(&format!("Region {region} not found")))
}

/// The region that a list is narrowed to.
fn wanted_region<'a>(call: &'a Call<'_>) -> Result<Option<&'a str>, Answer> {
    let region = call.query.filled("region");
    region.map_or(Ok(()), check_region)?;
    Ok(region)
}

pub(super) fn region(name: &str) -> Handled {
    if !REGIONS.contains(&name) {
        return Err(not_found("Region"));
    }
    Ok(Answer::json(
        200,
        &json!({ "name": name, "type": "region", "status": "UP", "continentCode": "EU",
            "datacenterLocation": name.trim_end_matches(|c: char| c.is_ascii_digit()), "ipCountries": [],
            "services": [{ "name": "instance", "status": "UP", "endpoint": "" }] }),
    ))
}

pub(super) fn flavors(call: &Call<'_>) -> Handled {
    let region = wanted_region(call)?;
    let flavors = all_flavors().filter(|flavor| region.is_none_or(|region| flavor.region == region));
    Ok(list(flavors.map(|flavor| flavor.show()).collect()))
}

pub(super) fn get_flavor(id: &str) -> Handled {
    let flavor = flavor_by_id(id).ok_or_else(|| not_found("Flavor"))?;
    Ok(Answer::json(200, &flavor.show()))
}

pub(super) fn images(call: &Call<'_>) -> Handled {
    let region = wanted_region(call)?;
    let kind = call.query.filled("osType");
    if kind.is_some_and(|kind| !["linux", "windows", "bsd"].contains(&kind)) {
        // Wording UNCONFIRMED.
        return Err(bad_request("[osType] Given data is not valid"));
    }
    let images = all_images()
        .filter(|image| region.is_none_or(|region| image.region == region))
        .filter(|image| kind.is_none_or(|kind| image.kind == kind));
    Ok(list(images.map(|image| image.show()).collect()))
}

pub(super) fn get_image(id: &str) -> Handled {
    let image = image_by_id(id).ok_or_else(|| not_found("Image"))?;
    Ok(Answer::json(200, &image.show()))
}

/// What a flavor costs in a month of 730 hours, EUR.
pub(super) fn monthly(name: &str) -> Option<f64> {
    let size = SIZES.iter().find(|size| size.name == name)?;
    #[expect(clippy::cast_precision_loss, reason = "prices are small")]
    Some(size.hourly as f64 / 1e8 * 730.0)
}

/// The public price list, the part about instances. Needs no credentials.
pub(super) fn prices(call: &Call<'_>) -> Handled {
    let currency = match call.query.get("ovhSubsidiary") {
        Some("DE" | "ES" | "FI" | "FR" | "IE" | "IT" | "NL" | "PT") => "EUR",
        Some("CA") => "CAD",
        Some("US" | "WE") => "USD",
        _ => return Err(bad_request("Missing or invalid parameter: ovhSubsidiary")),
    };
    // The same numbers for every currency: they are not what this is for.
    let addon = |code: String, hourly: u64, unit: &str| {
        json!({
            "planCode": code, "invoiceName": code, "product": "publiccloud-instance", "pricingType": "consumption",
            "pricings": [{ "phase": 1, "capacities": ["consumption"], "commitment": 0, "interval": 1,
                "intervalUnit": unit, "price": hourly, "tax": hourly / 5, "type": "consumption", "strategy": "tiered" }],
        })
    };
    let addons: Vec<Value> = SIZES
        .iter()
        .flat_map(|size| {
            [
                addon(format!("{}.monthly.postpaid", size.name), size.hourly * 500, "month"),
                addon(format!("{}.consumption", size.name), size.hourly, "hour"),
            ]
        })
        .collect();
    Ok(Answer::json(
        200,
        &json!({
            "catalogId": 1234, "locale": { "currencyCode": currency, "subsidiary": call.query.get("ovhSubsidiary"), "taxRate": 23 },
            "plans": [], "products": [], "planFamilies": [], "addons": addons,
        }),
    ))
}
