//! Types, images and regions: a realistic handful, among them a region that is out of order, one without the Metadata
//! service, regions with other prices, and images that are deprecated or without cloud-init.
//!
//! Prices in USD of <https://api.linode.com/v4/linode/types> as of 2026-09.

use serde_json::{Value, json};

pub(super) struct Region {
    pub(super) id: &'static str,
    country: &'static str,
    label: &'static str,
    status: &'static str,
    /// Whether user data arrives.
    pub(super) metadata: bool,
}

const fn region_of(
    id: &'static str,
    country: &'static str,
    label: &'static str,
    status: &'static str,
    metadata: bool,
) -> Region {
    Region {
        id,
        country,
        label,
        status,
        metadata,
    }
}

const REGIONS: &[Region] = &[
    region_of("eu-west", "gb", "London, UK", "ok", true),
    region_of("us-east", "us", "Newark, NJ", "ok", true),
    region_of("eu-central", "de", "Frankfurt, DE", "ok", true),
    region_of("ap-south", "sg", "Singapore, SG", "outage", true),
    region_of("br-gru", "br", "Sao Paulo, BR", "ok", true),
    region_of("id-cgk", "id", "Jakarta, ID", "ok", true),
    region_of("old-one", "us", "Without Metadata (made up)", "ok", false),
];

/// Regions with prices of their own.
const DEAR: [&str; 2] = ["br-gru", "id-cgk"];

struct Type {
    id: &'static str,
    label: &'static str,
    class: &'static str,
    /// MiB.
    memory: u32,
    /// MiB.
    disk: u32,
    vcpus: u32,
    /// GB.
    transfer: u32,
    monthly: f64,
    hourly: f64,
    /// In the regions of [`DEAR`].
    monthly_elsewhere: [f64; 2],
}

const TYPES: &[Type] = &[
    Type {
        id: "g6-nanode-1",
        label: "Nanode 1GB",
        class: "nanode",
        memory: 1_024,
        disk: 25_600,
        vcpus: 1,
        transfer: 1_000,
        monthly: 5.0,
        hourly: 0.0075,
        monthly_elsewhere: [7.0, 6.0],
    },
    Type {
        id: "g6-standard-1",
        label: "Linode 2GB",
        class: "standard",
        memory: 2_048,
        disk: 51_200,
        vcpus: 1,
        transfer: 2_000,
        monthly: 12.0,
        hourly: 0.018,
        monthly_elsewhere: [16.8, 14.4],
    },
    Type {
        id: "g6-standard-2",
        label: "Linode 4GB",
        class: "standard",
        memory: 4_096,
        disk: 81_920,
        vcpus: 2,
        transfer: 4_000,
        monthly: 24.0,
        hourly: 0.036,
        monthly_elsewhere: [33.6, 28.8],
    },
    Type {
        id: "g6-dedicated-2",
        label: "Dedicated 4GB",
        class: "dedicated",
        memory: 4_096,
        disk: 81_920,
        vcpus: 2,
        transfer: 4_000,
        monthly: 36.0,
        hourly: 0.054,
        monthly_elsewhere: [50.4, 43.2],
    },
];

pub(super) struct Image {
    pub(super) id: &'static str,
    label: &'static str,
    vendor: &'static str,
    /// Whether user data is run.
    pub(super) cloud_init: bool,
    deprecated: bool,
}

const fn image_of(
    id: &'static str,
    label: &'static str,
    vendor: &'static str,
    cloud_init: bool,
    deprecated: bool,
) -> Image {
    Image {
        id,
        label,
        vendor,
        cloud_init,
        deprecated,
    }
}

const IMAGES: &[Image] = &[
    image_of("linode/ubuntu24.04", "Ubuntu 24.04 LTS", "Ubuntu", true, false),
    image_of("linode/ubuntu22.04", "Ubuntu 22.04 LTS", "Ubuntu", true, false),
    image_of("linode/ubuntu26.04", "Ubuntu 26.04 LTS", "Ubuntu", true, false),
    image_of("linode/debian12", "Debian 12", "Debian", true, false),
    image_of("linode/slackware15.0", "Slackware 15.0", "Slackware", false, false),
    image_of("linode/debian10", "Debian 10", "Debian", false, true),
];

impl Region {
    fn show(&self) -> Value {
        let mut capabilities = vec![
            "Linodes",
            "Backups",
            "Block Storage",
            "Cloud Firewall",
            "Linode Interfaces",
        ];
        if self.metadata {
            capabilities.push("Metadata");
        }
        json!({
            "id": self.id, "label": self.label, "country": self.country, "capabilities": capabilities,
            "status": self.status, "site_type": "core", "monitors": { "alerts": [], "metrics": [] },
            "resolvers": { "ipv4": "192.0.2.53", "ipv6": "2001:db8::53" },
            "placement_group_limits": { "maximum_pgs_per_customer": 100, "maximum_linodes_per_pg": 5 },
        })
    }
}

impl Type {
    fn show(&self) -> Value {
        let elsewhere: Vec<_> = DEAR
            .iter()
            .zip(self.monthly_elsewhere)
            .map(|(region, monthly)| json!({ "id": region, "hourly": monthly / 667.0, "monthly": monthly }))
            .collect();
        json!({
            "id": self.id, "label": self.label, "class": self.class, "memory": self.memory, "disk": self.disk,
            "vcpus": self.vcpus, "gpus": 0, "accelerated_devices": 0, "transfer": self.transfer, "network_out": 1_000,
            "price": { "hourly": self.hourly, "monthly": self.monthly }, "region_prices": elsewhere,
            "addons": { "backups": { "price": { "hourly": 0.003, "monthly": 2.0 }, "region_prices": [] } },
            "successor": null,
        })
    }
}

impl Image {
    fn show(&self) -> Value {
        let capabilities = if self.cloud_init {
            json!(["cloud-init"])
        } else {
            json!([])
        };
        json!({
            "id": self.id, "label": self.label, "vendor": self.vendor, "description": "", "is_public": true,
            "is_shared": false, "deprecated": self.deprecated, "status": "available", "type": "manual", "size": 3_500,
            "total_size": 3_500, "capabilities": capabilities, "created": "2026-04-25T13:26:27",
            "updated": "2026-04-25T13:26:27", "created_by": "linode", "eol": "2031-04-25T04:00:00", "expiry": null,
            "regions": [], "tags": [],
        })
    }
}

pub(super) fn region(id: &str) -> Option<&'static Region> {
    REGIONS.iter().find(|region| region.id == id)
}

pub(super) fn image(id: &str) -> Option<&'static Image> {
    IMAGES.iter().find(|image| image.id == id)
}

pub(super) fn has_type(id: &str) -> bool {
    TYPES.iter().any(|kind| kind.id == id)
}

/// What a type costs in a month in a region, USD.
pub(super) fn monthly(id: &str, region: &str) -> Option<f64> {
    let kind = TYPES.iter().find(|kind| kind.id == id)?;
    let elsewhere = DEAR.iter().position(|dear| *dear == region);
    Some(
        elsewhere
            .and_then(|at| kind.monthly_elsewhere.get(at))
            .copied()
            .unwrap_or(kind.monthly),
    )
}

/// What an instance shows of its type.
pub(super) fn specs(id: &str) -> Option<Value> {
    let kind = TYPES.iter().find(|kind| kind.id == id)?;
    Some(json!({
        "disk": kind.disk, "memory": kind.memory, "vcpus": kind.vcpus, "gpus": 0, "accelerated_devices": 0,
        "transfer": kind.transfer,
    }))
}

pub(super) fn regions() -> Vec<Value> {
    REGIONS.iter().map(Region::show).collect()
}

pub(super) fn types() -> Vec<Value> {
    TYPES.iter().map(Type::show).collect()
}

pub(super) fn images() -> Vec<Value> {
    IMAGES.iter().map(Image::show).collect()
}
