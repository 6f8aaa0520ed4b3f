//! Zones, plans and images: a realistic handful, among them plans without local disks, a plan that is sold out and an
//! image without a build for local disks. Plans and prices after a recording of 2026-07-30.

use serde_json::{Value, json};

use super::{
    PROJECT, invalid,
    lists::{page_of_map, page_with_total},
    not_found,
};
use crate::{call::Call, cloud::Handled, kit::answer::Answer};

const ZONES: &[&str] = &[
    "fr-par-1", "fr-par-2", "fr-par-3", "nl-ams-1", "nl-ams-2", "nl-ams-3", "pl-waw-1", "pl-waw-2", "pl-waw-3",
    "it-mil-1",
];

/// Scaleway's own project, to which the images belong.
const VENDOR: &str = "51b656e3-4865-41e8-adbc-0c45bdd780db";

pub(super) fn zone(name: &str) -> Option<&'static str> {
    ZONES.iter().find(|zone| **zone == name).copied()
}

/// The place of a zone in the list; for ids.
pub(super) fn zone_number(name: &str) -> usize {
    ZONES.iter().position(|zone| *zone == name).unwrap_or_default()
}

pub(super) struct Plan {
    pub(super) name: &'static str,
    pub(super) arch: &'static str,
    cpus: u32,
    /// In GiB.
    memory: u64,
    /// Of the local disks together, in GB; 0 for none.
    pub(super) disk: u64,
    /// EUR.
    pub(super) monthly: f64,
    hourly: f64,
    /// Zones that have it; empty for all.
    zones: &'static [&'static str],
    pub(super) sold_out: bool,
}

const fn x86(name: &'static str, cpus: u32, memory: u64, disk: u64, monthly: f64, hourly: f64) -> Plan {
    Plan {
        name,
        arch: "x86_64",
        cpus,
        memory,
        disk,
        monthly,
        hourly,
        zones: &[],
        sold_out: false,
    }
}

const PLANS: &[Plan] = &[
    Plan {
        zones: &["fr-par-1", "nl-ams-1"],
        sold_out: true,
        ..x86("STARDUST1-S", 1, 1, 10, 0.438, 0.0006)
    },
    x86("DEV1-S", 2, 2, 20, 6.55248, 0.008976),
    x86("DEV1-M", 3, 4, 40, 14.74308, 0.020196),
    x86("DEV1-L", 4, 8, 80, 31.2732, 0.04284),
    x86("DEV1-XL", 4, 12, 120, 47.50548, 0.065076),
    x86("GP1-XS", 4, 16, 150, 67.7586, 0.09282),
    x86("PLAY2-PICO", 1, 2, 0, 10.4244, 0.01428),
    x86("PRO2-XXS", 2, 8, 0, 40.953, 0.0561),
    Plan {
        arch: "arm64",
        ..x86("BASIC2-A2C-4G", 2, 4, 0, 16.79, 0.023)
    },
];

impl Plan {
    fn is_in(&self, zone: &str) -> bool {
        match zone {
            "it-mil-1" => self.disk == 0,
            _ => self.zones.is_empty() || self.zones.contains(&zone),
        }
    }

    fn show(&self) -> Value {
        let size = self.disk * 1_000_000_000;
        json!({
            "alt_names": [], "arch": self.arch, "ncpus": self.cpus, "ram": self.memory << 30, "gpu": 0,
            "gpu_info": null, "mig_profile": null, "volumes_constraint": { "min_size": 0, "max_size": size },
            "per_volume_constraint": { "l_ssd": { "min_size": 0, "max_size": size } },
            "scratch_storage_max_size": 0, "scratch_storage_max_volumes_count": 0,
            "monthly_price": self.monthly, "hourly_price": self.hourly,
            "capabilities": {
                "boot_types": ["local", "rescue"], "placement_groups": true, "block_storage": true,
                "hot_snapshots_local_volume": true, "private_network": 8, "max_file_systems": 0,
            },
            "network": {
                "ipv6_support": true, "sum_internal_bandwidth": 200_000_000, "sum_internet_bandwidth": 200_000_000,
                "interfaces": [],
            },
            "block_bandwidth": 20_971_520, "end_of_service": false,
        })
    }
}

fn plans_of(zone: &str) -> impl Iterator<Item = &'static Plan> {
    PLANS.iter().filter(move |plan| plan.is_in(zone))
}

pub(super) fn plan(zone: &str, name: &str) -> Option<&'static Plan> {
    plans_of(zone).find(|plan| plan.name == name)
}

pub(super) fn list_plans(call: &Call<'_>, zone: &str) -> Handled {
    let plans = plans_of(zone).map(|plan| (plan.name, plan.show()));
    page_of_map(call, "servers", plans.collect())
}

pub(super) fn list_availability(call: &Call<'_>, zone: &str) -> Handled {
    let stock = |plan: &Plan| if plan.sold_out { "shortage" } else { "available" };
    let plans = plans_of(zone).map(|plan| (plan.name, json!({ "availability": stock(plan) })));
    page_of_map(call, "servers", plans.collect())
}

struct Distribution {
    label: &'static str,
    name: &'static str,
    /// Whether it has a build for local disks.
    is_local: bool,
}

const DISTRIBUTIONS: &[Distribution] = &[
    Distribution {
        label: "debian_trixie",
        name: "Debian Trixie",
        is_local: true,
    },
    Distribution {
        label: "fedora_42",
        name: "Fedora 42",
        is_local: false,
    },
    Distribution {
        label: "ubuntu_jammy",
        name: "Ubuntu 22.04 Jammy Jellyfish",
        is_local: true,
    },
    Distribution {
        label: "ubuntu_noble",
        name: "Ubuntu 24.04 Noble Numbat",
        is_local: true,
    },
];

/// A build of an image in a zone.
pub(super) struct Build {
    pub(super) id: String,
    label: &'static str,
    pub(super) name: &'static str,
    zone: &'static str,
    pub(super) arch: &'static str,
    /// `instance_local` or `instance_sbs`.
    kind: &'static str,
}

/// Every build: for local disks (x86), for block storage (both architectures).
fn builds() -> impl Iterator<Item = Build> {
    let kinds = [
        ("instance_local", "x86_64"),
        ("instance_sbs", "x86_64"),
        ("instance_sbs", "arm64"),
    ];
    let each = move |(number, image): (usize, &'static Distribution)| {
        let usable = kinds.into_iter().enumerate();
        usable
            .filter(move |(_, (kind, _))| image.is_local || *kind != "instance_local")
            .flat_map(move |(place, (kind, arch))| {
                ZONES.iter().enumerate().map(move |(at, zone)| Build {
                    id: format!("08176977-2d0e-4db0-a604-f81daa{number:02x}{place:02x}{at:02x}"),
                    label: image.label,
                    name: image.name,
                    zone,
                    arch,
                    kind,
                })
            })
    };
    DISTRIBUTIONS.iter().enumerate().flat_map(each)
}

impl Build {
    pub(super) fn is_local(&self) -> bool {
        self.kind == "instance_local"
    }

    /// Whether a plan can boot it.
    pub(super) fn runs_on(&self, plan: &Plan) -> bool {
        plan.arch == self.arch && (plan.disk > 0 || !self.is_local())
    }

    fn show_local(&self) -> Value {
        let plans = PLANS.iter().filter(|plan| self.runs_on(plan));
        let plans: Vec<&str> = plans.map(|plan| plan.name).collect();
        json!({
            "id": self.id, "arch": self.arch, "zone": self.zone, "compatible_commercial_types": plans,
            "label": self.label, "type": self.kind,
        })
    }

    /// As the Instance API shows it.
    pub(super) fn show(&self) -> Value {
        let root = match self.is_local() {
            true => json!({
                "id": "37000787-865a-4306-8ac4-5a0b2e2fcbbe", "name": self.name, "volume_type": "l_ssd",
                "size": 10_000_000_000_u64,
            }),
            false => json!({
                "id": "36b4ce54-c67a-4f68-ab74-839515834352", "name": "", "volume_type": "sbs_snapshot", "size": 0,
            }),
        };
        json!({
            "id": self.id, "name": self.name, "organization": VENDOR, "project": VENDOR, "root_volume": root,
            "extra_volumes": {}, "public": true, "arch": self.arch, "default_bootscript": null, "from_server": "",
            "state": "available", "tags": [], "zone": self.zone,
            "creation_date": "2026-05-12T15:20:10.934226+00:00", "modification_date": "2026-05-12T15:20:10.934226+00:00",
        })
    }
}

pub(super) fn build(zone: &str, id: &str) -> Option<Build> {
    builds().find(|build| build.zone == zone && build.id == id)
}

/// The build of a label that a plan can boot: for local disks where there is one.
pub(super) fn build_for(zone: &str, label: &str, plan: &Plan) -> Option<Build> {
    builds().find(|build| build.zone == zone && build.label == label && build.runs_on(plan))
}

pub(super) fn get_image(zone: &str, id: &str) -> Handled {
    let build = build(zone, id).ok_or_else(|| not_found("instance_image", id))?;
    Ok(Answer::json(200, &json!({ "image": build.show() })))
}

pub(super) fn get_local_image(id: &str) -> Handled {
    let build = builds()
        .find(|build| build.id == id)
        .ok_or_else(|| not_found("LocalImage", id))?;
    Ok(Answer::json(200, &build.show_local()))
}

pub(super) fn list_images(call: &Call<'_>) -> Handled {
    let category = call.query.filled("category");
    let images = DISTRIBUTIONS.iter().enumerate();
    let shown = images
        .filter(|_| category.is_none_or(|category| category == "distribution"))
        .map(|(number, image)| {
            json!({
                "id": format!("0d3a22da-c634-45d6-a7dd-aff402f8{number:04x}"), "name": image.name,
                "label": image.label, "description": "A distribution.", "logo": "", "categories": ["distribution"],
                "valid_until": null, "created_at": "2024-04-26T09:00:00.000000Z",
                "updated_at": "2026-05-12T15:20:10.934226Z",
            })
        });
    page_with_total(call, "images", shown.collect())
}

/// Exactly one of label, image and version has to be named.
pub(super) fn list_local_images(call: &Call<'_>) -> Handled {
    let named = ["image_label", "image_id", "version_id"].map(|name| call.query.filled(name));
    let label = match named {
        [Some(label), None, None] => label,
        [None, Some(id), None] | [None, None, Some(id)] => return Err(not_found("MarketplaceImage", id)),
        // UNCONFIRMED: the answer to none, or to several.
        _ => {
            return Err(invalid(
                "image_label",
                "constraint",
                "exactly one of image_label, image_id, version_id",
            ));
        }
    };
    if !DISTRIBUTIONS.iter().any(|image| image.label == label) {
        return Err(not_found("MarketplaceImage", label));
    }
    let (zone, arch) = (call.query.filled("zone"), call.query.filled("arch"));
    let kind = call.query.filled("type").filter(|kind| *kind != "unknown_type");
    if kind.is_some_and(|kind| !["instance_local", "instance_sbs"].contains(&kind)) {
        return Err(invalid("type", "constraint", "not a valid value"));
    }
    let found = builds().filter(|build| {
        build.label == label
            && zone.is_none_or(|zone| zone == build.zone)
            && arch.is_none_or(|arch| arch == build.arch)
            && kind.is_none_or(|kind| kind == build.kind)
    });
    page_with_total(call, "local_images", found.map(|build| build.show_local()).collect())
}

/// Who owns the account's own things, as servers show it.
pub(super) fn owner() -> (&'static str, &'static str) {
    (PROJECT, PROJECT)
}
