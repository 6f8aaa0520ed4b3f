//! Sizes, images and regions: a realistic handful, among them a closed region, a size missing in a region and one that
//! is sold out.

use serde_json::{Value, json};

pub(super) struct Region {
    pub(super) slug: &'static str,
    pub(super) name: &'static str,
    /// Whether new droplets are accepted.
    pub(super) available: bool,
}

/// Names as the API shows them; `nyc2` is a region that takes no new droplets.
const REGIONS: &[Region] = &[
    Region {
        slug: "ams3",
        name: "Amsterdam 3",
        available: true,
    },
    Region {
        slug: "blr1",
        name: "Bangalore 1",
        available: true,
    },
    Region {
        slug: "fra1",
        name: "Frankfurt 1",
        available: true,
    },
    Region {
        slug: "lon1",
        name: "London 1",
        available: true,
    },
    Region {
        slug: "nyc1",
        name: "New York 1",
        available: true,
    },
    Region {
        slug: "nyc2",
        name: "New York 2",
        available: false,
    },
    Region {
        slug: "nyc3",
        name: "New York 3",
        available: true,
    },
    Region {
        slug: "sfo3",
        name: "San Francisco 3",
        available: true,
    },
    Region {
        slug: "sgp1",
        name: "Singapore 1",
        available: true,
    },
    Region {
        slug: "syd1",
        name: "Sydney 1",
        available: true,
    },
    Region {
        slug: "tor1",
        name: "Toronto 1",
        available: true,
    },
];

pub(super) struct Size {
    pub(super) slug: &'static str,
    /// MB.
    pub(super) memory: u32,
    pub(super) vcpus: u32,
    /// GB.
    pub(super) disk: u32,
    /// TB.
    transfer: f64,
    /// USD.
    pub(super) monthly: f64,
    /// Sold out everywhere when false.
    available: bool,
    /// Regions that do not have it.
    missing: &'static [&'static str],
}

const SIZES: &[Size] = &[
    Size {
        slug: "s-1vcpu-512mb-10gb",
        memory: 512,
        vcpus: 1,
        disk: 10,
        transfer: 0.5,
        monthly: 4.0,
        available: true,
        missing: &[],
    },
    Size {
        slug: "s-1vcpu-1gb",
        memory: 1_024,
        vcpus: 1,
        disk: 25,
        transfer: 1.0,
        monthly: 6.0,
        available: true,
        missing: &[],
    },
    Size {
        slug: "s-1vcpu-2gb",
        memory: 2_048,
        vcpus: 1,
        disk: 50,
        transfer: 2.0,
        monthly: 12.0,
        available: true,
        missing: &["blr1"],
    },
    Size {
        slug: "s-2vcpu-4gb",
        memory: 4_096,
        vcpus: 2,
        disk: 80,
        transfer: 4.0,
        monthly: 24.0,
        available: true,
        missing: &[],
    },
    Size {
        slug: "c-2",
        memory: 4_096,
        vcpus: 2,
        disk: 25,
        transfer: 4.0,
        monthly: 42.0,
        available: false,
        missing: &[],
    },
];

pub(super) struct Image {
    pub(super) id: u64,
    pub(super) slug: &'static str,
    name: &'static str,
    distribution: &'static str,
    /// GB.
    min_disk: u32,
}

const IMAGES: &[Image] = &[
    Image {
        id: 181_234_567,
        slug: "ubuntu-24-04-x64",
        name: "24.04 (LTS) x64",
        distribution: "Ubuntu",
        min_disk: 7,
    },
    Image {
        id: 181_234_568,
        slug: "ubuntu-22-04-x64",
        name: "22.04 (LTS) x64",
        distribution: "Ubuntu",
        min_disk: 7,
    },
    Image {
        id: 181_234_569,
        slug: "ubuntu-26-04-x64",
        name: "26.04 (LTS) x64",
        distribution: "Ubuntu",
        min_disk: 7,
    },
    Image {
        id: 181_234_570,
        slug: "debian-13-x64",
        name: "13 x64",
        distribution: "Debian",
        min_disk: 7,
    },
];

impl Size {
    /// Whether a droplet of this size can be had in a region.
    pub(super) fn offered_in(&self, region: &str) -> bool {
        self.available && !self.missing.contains(&region)
    }

    pub(super) fn show(&self) -> Value {
        let regions: Vec<_> = REGIONS
            .iter()
            .filter(|region| region.available && self.offered_in(region.slug))
            .map(|region| region.slug)
            .collect();
        json!({
            "slug": self.slug, "memory": self.memory, "vcpus": self.vcpus, "disk": self.disk,
            "transfer": self.transfer, "price_monthly": self.monthly, "price_hourly": self.monthly / 672.0,
            "regions": regions, "available": self.available, "description": "Basic",
        })
    }
}

impl Image {
    pub(super) fn show(&self) -> Value {
        let regions: Vec<_> = REGIONS.iter().map(|region| region.slug).collect();
        json!({
            "id": self.id, "name": self.name, "distribution": self.distribution, "slug": self.slug, "public": true,
            "regions": regions, "created_at": "2026-04-28T00:00:00Z", "min_disk_size": self.min_disk, "type": "base",
            "size_gigabytes": 1.0, "description": format!("{} {}", self.distribution, self.name), "tags": [],
            "status": "available", "error_message": "",
        })
    }
}

impl Region {
    pub(super) fn show(&self) -> Value {
        let sizes: Vec<_> = SIZES
            .iter()
            .filter(|size| self.available && size.offered_in(self.slug))
            .map(|size| size.slug)
            .collect();
        json!({
            "slug": self.slug, "name": self.name, "available": self.available, "sizes": sizes,
            "features": ["backups", "ipv6", "metadata", "install_agent", "storage", "image_transfer"],
        })
    }
}

pub(super) fn region(slug: &str) -> Option<&'static Region> {
    REGIONS.iter().find(|region| region.slug == slug)
}

pub(super) fn size(slug: &str) -> Option<&'static Size> {
    SIZES.iter().find(|size| size.slug == slug)
}

/// An image by slug or number.
pub(super) fn image(id: &str) -> Option<&'static Image> {
    IMAGES
        .iter()
        .find(|image| image.slug == id || image.id.to_string() == id)
}

pub(super) fn sizes() -> Vec<Value> {
    SIZES.iter().map(Size::show).collect()
}

pub(super) fn regions() -> Vec<Value> {
    REGIONS.iter().map(Region::show).collect()
}

/// All images of a type; there are only distributions.
pub(super) fn images(kind: Option<&str>) -> Vec<Value> {
    match kind {
        None | Some("" | "distribution") => IMAGES.iter().map(Image::show).collect(),
        Some(_) => Vec::new(),
    }
}
