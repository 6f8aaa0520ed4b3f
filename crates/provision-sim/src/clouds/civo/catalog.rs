//! Regions, sizes, disk images and networks: a realistic handful, among them a region without capacity, one without
//! instances, and sizes that are none for instances. Ids of images and networks differ by region.

use serde_json::{Value, json};

/// Where a request goes that names no region.
pub(super) const DEFAULT_REGION: &str = "LON1";

pub(super) struct Region {
    pub(super) code: &'static str,
    name: &'static str,
    country: &'static str,
    pub(super) out_of_capacity: bool,
    iaas: bool,
    /// Tells its ids from those of the others.
    number: u32,
}

const REGIONS: &[Region] = &[
    Region {
        code: "LON1",
        name: "London 1",
        country: "gb",
        out_of_capacity: false,
        iaas: true,
        number: 1,
    },
    Region {
        code: "FRA1",
        name: "Frankfurt 1",
        country: "de",
        out_of_capacity: false,
        iaas: true,
        number: 2,
    },
    Region {
        code: "NYC1",
        name: "New York 1",
        country: "us",
        out_of_capacity: false,
        iaas: true,
        number: 3,
    },
    Region {
        code: "PHX1",
        name: "Phoenix 1",
        country: "us",
        out_of_capacity: true,
        iaas: true,
        number: 4,
    },
    Region {
        code: "MUM1",
        name: "Mumbai 1",
        country: "in",
        out_of_capacity: false,
        iaas: true,
        number: 5,
    },
    Region {
        code: "TYO9",
        name: "Tokyo, no instances",
        country: "jp",
        out_of_capacity: false,
        iaas: false,
        number: 6,
    },
];

pub(super) struct Size {
    pub(super) name: &'static str,
    kind: &'static str,
    nice_name: &'static str,
    pub(super) cores: u32,
    /// MB.
    pub(super) ram: u32,
    /// GB.
    pub(super) disk: u32,
    pub(super) selectable: bool,
}

const SIZES: &[Size] = &[
    Size {
        name: "g3.xsmall",
        kind: "Instance",
        nice_name: "Extra Small",
        cores: 1,
        ram: 1_024,
        disk: 25,
        selectable: true,
    },
    Size {
        name: "g4s.xsmall",
        kind: "Instance",
        nice_name: "xSmall - Standard",
        cores: 1,
        ram: 1_024,
        disk: 25,
        selectable: true,
    },
    Size {
        name: "g4s.small",
        kind: "Instance",
        nice_name: "Small - Standard",
        cores: 1,
        ram: 2_048,
        disk: 25,
        selectable: true,
    },
    Size {
        name: "g4s.medium",
        kind: "Instance",
        nice_name: "Medium - Standard",
        cores: 2,
        ram: 4_096,
        disk: 50,
        selectable: true,
    },
    Size {
        name: "g2.xsmall",
        kind: "Instance",
        nice_name: "Extra Small, withdrawn",
        cores: 1,
        ram: 512,
        disk: 25,
        selectable: false,
    },
    Size {
        name: "g4s.kube.small",
        kind: "Kubernetes",
        nice_name: "Small - Standard",
        cores: 1,
        ram: 2_048,
        disk: 40,
        selectable: true,
    },
    Size {
        name: "g3.db.small",
        kind: "Database",
        nice_name: "Small",
        cores: 2,
        ram: 4_096,
        disk: 40,
        selectable: true,
    },
];

/// Name, version, distribution, state, and the beginning of the ids.
const IMAGES: &[(&str, &str, &str, &str, &str)] = &[
    (
        "ubuntu-noble",
        "24.04",
        "ubuntu",
        "available",
        "d2c2c728-512d-4087-906a",
    ),
    (
        "ubuntu-jammy",
        "22.04",
        "ubuntu",
        "available",
        "eda67ea0-4282-4945-9b7b",
    ),
    ("debian-13", "13", "debian", "available", "1a7c1d9e-60f1-4a3d-8b54"),
    ("rocky-9-1", "9.1", "rocky", "available", "25fbbd96-d5ec-4d08-9c75"),
    (
        "ubuntu-bionic",
        "18.04",
        "ubuntu",
        "deprecated",
        "33d2b0a6-7f1c-4e61-a3a8",
    ),
];

pub(super) fn region(code: &str) -> Option<&'static Region> {
    REGIONS
        .iter()
        .find(|region| region.code.eq_ignore_ascii_case(code) && region.iaas)
}

pub(super) fn regions() -> Value {
    let show = |region: &Region| {
        json!({
            "code": region.code, "name": region.name, "type": "civostack", "country": region.country,
            "country_name": region.country, "out_of_capacity": region.out_of_capacity,
            "default": region.code == DEFAULT_REGION,
            "features": { "iaas": region.iaas, "kubernetes": true, "object_store": true, "loadbalancer": true },
        })
    };
    REGIONS.iter().map(show).collect()
}

/// A size that an instance can have.
pub(super) fn size(name: &str) -> Option<&'static Size> {
    SIZES
        .iter()
        .find(|size| size.name == name && size.kind == "Instance" && size.selectable)
}

pub(super) fn sizes() -> Value {
    let show = |size: &Size| {
        json!({
            "type": size.kind, "name": size.name, "nice_name": size.nice_name, "cpu_cores": size.cores,
            "gpu_count": 0, "gpu_type": "", "ram_mb": size.ram, "disk_gb": size.disk, "transfer_tb": 1,
            "description": size.nice_name, "selectable": size.selectable,
        })
    };
    SIZES.iter().map(show).collect()
}

fn image_id(region: &Region, beginning: &str) -> String {
    // The ids of London are the real ones of 2026-08 in their first parts.
    format!("{beginning}-{:012x}", 0x8486_fcf4_a1c6_u64 + u64::from(region.number))
}

/// The name of the image with that id in that region.
pub(super) fn image(region: &Region, id: &str) -> Option<&'static str> {
    let available = IMAGES.iter().filter(|image| image.3 == "available");
    available
        .into_iter()
        .find(|image| image_id(region, image.4) == id)
        .map(|image| image.0)
}

pub(super) fn disk_images(region: &Region) -> Value {
    let show = |(name, version, distribution, state, id): &(&str, &str, &str, &str, &str)| {
        json!({
            "id": image_id(region, id), "name": name, "version": version, "state": state,
            "distribution": distribution, "description": "", "label": "", "initial_user": "civo",
            "created_at": "2026-01-10T00:00:00Z", "distribution_default": false,
        })
    };
    IMAGES.iter().map(show).collect()
}

pub(super) fn network_id(region: &Region) -> String {
    format!("7c6a2ee3-1f4d-4f0e-b0a5-{:012x}", region.number)
}

pub(super) fn network(region: &Region) -> Value {
    json!({
        "id": network_id(region), "name": format!("cust-default-{}", region.number), "label": "default",
        "default": true, "cidr": "192.168.1.0/24", "status": "Active", "ipv4_enabled": true,
    })
}

/// The firewall that every region has from the start, open in all directions.
pub(super) fn default_firewall_id(region: &Region) -> String {
    format!("5b0d0ad8-93a5-4a9c-9f21-{:012x}", region.number)
}
