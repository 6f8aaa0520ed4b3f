//! Regions, sizes and images.

use serde_json::{Value, json};

/// A machine size: <https://learn.microsoft.com/en-us/azure/virtual-machines/sizes/overview>.
pub(super) struct Size {
    pub(super) name: &'static str,
    cores: u32,
    memory_mb: u32,
    arm: bool,
    /// Regions where it is not sold.
    missing: &'static [&'static str],
}

/// Accepted, but never to be had: for deployments that fail later.
pub(super) const NEVER_ALLOCATED: &str = "Standard_M416ms_v2";

pub(super) const SIZES: [Size; 9] = [
    size("Standard_B1ls", 1, 512, &["swedencentral"]),
    size("Standard_B1s", 1, 1_024, &[]),
    size("Standard_B1ms", 1, 2_048, &[]),
    size("Standard_B2s", 2, 4_096, &[]),
    size("Standard_B2ats_v2", 2, 1_024, &[]),
    size("Standard_B2als_v2", 2, 4_096, &[]),
    size("Standard_D2s_v5", 2, 8_192, &[]),
    Size {
        arm: true,
        ..size("Standard_B2pts_v2", 2, 1_024, &[])
    },
    size(NEVER_ALLOCATED, 416, 11_673_600, &[]),
];

const fn size(name: &'static str, cores: u32, memory_mb: u32, missing: &'static [&'static str]) -> Size {
    Size {
        name,
        cores,
        memory_mb,
        arm: false,
        missing,
    }
}

/// Name, text for people, and the geography's group.
const REGIONS: [(&str, &str, &str); 6] = [
    ("eastus", "East US", "US"),
    ("westus2", "West US 2", "US"),
    ("northeurope", "North Europe", "Europe"),
    ("westeurope", "West Europe", "Europe"),
    ("swedencentral", "Sweden Central", "Europe"),
    ("southeastasia", "Southeast Asia", "Asia Pacific"),
];

/// Publisher, offer, SKU, whether it is for ARM processors.
const IMAGES: [(&str, &str, &str, bool); 6] = [
    ("Canonical", "ubuntu-24_04-lts", "server", false),
    ("Canonical", "ubuntu-24_04-lts", "minimal", false),
    ("Canonical", "ubuntu-24_04-lts", "server-gen1", false),
    ("Canonical", "ubuntu-24_04-lts", "server-arm64", true),
    ("Canonical", "0001-com-ubuntu-server-jammy", "22_04-lts-gen2", false),
    ("Debian", "debian-12", "12-gen2", false),
];
const IMAGE_VERSION: &str = "24.04.202611050";

/// The proper name of a region, which may be written `East US`, too.
pub(super) fn region(text: &str) -> Option<&'static str> {
    let name = text.replace(' ', "").to_ascii_lowercase();
    REGIONS.iter().map(|(known, ..)| *known).find(|known| *known == name)
}

pub(super) fn region_list() -> String {
    REGIONS.map(|(name, ..)| name).join(",")
}

pub(super) fn locations(subscription: &str) -> Vec<Value> {
    let physical = REGIONS.iter().map(|(name, title, geography)| {
        json!({
            "id": format!("/subscriptions/{subscription}/locations/{name}"), "name": name, "type": "Region",
            "displayName": title, "regionalDisplayName": format!("({geography}) {title}"),
            "metadata": { "regionType": "Physical", "regionCategory": "Recommended", "geographyGroup": geography },
        })
    });
    let logical = json!({
        "id": format!("/subscriptions/{subscription}/locations/europe"), "name": "europe", "type": "Region",
        "displayName": "Europe", "regionalDisplayName": "Europe",
        "metadata": { "regionType": "Logical", "regionCategory": "Other" },
    });
    physical.chain([logical]).collect()
}

impl Size {
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        SIZES.iter().find(|size| size.name.eq_ignore_ascii_case(name))
    }

    pub(super) fn offered_in(&self, region: &str) -> bool {
        !self.missing.contains(&region)
    }

    pub(super) fn show(&self) -> Value {
        json!({
            "name": self.name, "numberOfCores": self.cores, "memoryInMB": self.memory_mb, "maxDataDiskCount": 4,
            "osDiskSizeInMB": 1_047_552, "resourceDiskSizeInMB": 0,
        })
    }

    /// As in the list of SKUs.
    pub(super) fn sku(&self, region: &str) -> Value {
        let architecture = if self.arm { "Arm64" } else { "x64" };
        json!({
            "resourceType": "virtualMachines", "name": self.name, "tier": "Standard", "locations": [region],
            "capabilities": [
                { "name": "vCPUs", "value": self.cores.to_string() },
                { "name": "MemoryGB", "value": (f64::from(self.memory_mb) / 1024.0).to_string() },
                { "name": "CpuArchitectureType", "value": architecture },
            ],
            "restrictions": [],
        })
    }
}

/// Checks an image and that the size can run it.
pub(super) fn check_image(reference: &Value, size: &Size) -> Result<(), (&'static str, String)> {
    let field = |name: &str| reference.get(name).and_then(Value::as_str).unwrap_or_default();
    if let Some(id) = reference.get("id").and_then(Value::as_str) {
        let message = format!("The image '{id}' was not found.");
        return Err(("ImageNotFound", message));
    }
    let (publisher, offer, sku, version) = (field("publisher"), field("offer"), field("sku"), field("version"));
    let image = IMAGES.iter().find(|(known, of, is, _)| {
        known.eq_ignore_ascii_case(publisher) && of.eq_ignore_ascii_case(offer) && is.eq_ignore_ascii_case(sku)
    });
    match image {
        Some((.., arm)) if version == "latest" || version == IMAGE_VERSION => {
            if *arm == size.arm {
                return Ok(());
            }
            let message = format!(
                "Cannot create a VM of size '{}' because this VM size only supports a CPU Architecture of '{}', but an image or disk with another architecture was given.",
                size.name,
                if size.arm { "Arm64" } else { "x64" }
            );
            Err(("InvalidParameter", message))
        }
        _ => {
            let message = format!(
                "The platform image '{publisher}:{offer}:{sku}:{version}' is not available. Verify that all fields in the storage profile are correct."
            );
            Err(("PlatformImageNotFound", message))
        }
    }
}

/// The versions of an image; `None` when there is no such image.
pub(super) fn image_versions(publisher: &str, offer: &str, sku: &str, region: &str) -> Option<Vec<Value>> {
    IMAGES.iter().find(|(known, of, is, _)| {
        known.eq_ignore_ascii_case(publisher) && of.eq_ignore_ascii_case(offer) && is.eq_ignore_ascii_case(sku)
    })?;
    Some(vec![json!({ "name": IMAGE_VERSION, "location": region })])
}
