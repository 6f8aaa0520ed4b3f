//! What the cloud offers: zones, machine types, images, networks. A sample of the real ones.

use serde_json::{Value, json};

use super::{PROJECT, error, link, list_page, not_found};
use crate::{call::Call, cloud::Handled, kit::answer::Answer};

pub(super) const ZONES: &[&str] = &[
    "asia-southeast1-a",
    "europe-west1-b",
    "europe-west1-c",
    "europe-west1-d",
    "us-central1-a",
    "us-central1-b",
    "us-central1-c",
    "us-central1-f",
    "us-east1-b",
    "us-east1-c",
    "us-west1-a",
    "us-west1-b",
];
pub(super) const DISK_TYPES: &[&str] = &["hyperdisk-balanced", "pd-balanced", "pd-ssd", "pd-standard"];
const NETWORKS: &[&str] = &["default", "sim-vpc"];

pub(super) struct MachineType {
    pub(super) name: &'static str,
    description: &'static str,
    cpus: u32,
    memory_mb: u32,
    pub(super) arm: bool,
    deprecated: bool,
}

const fn x86(name: &'static str, description: &'static str, cpus: u32, memory_mb: u32) -> MachineType {
    MachineType {
        name,
        description,
        cpus,
        memory_mb,
        arm: false,
        deprecated: false,
    }
}

const MACHINE_TYPES: &[MachineType] = &[
    MachineType {
        arm: true,
        ..x86("c4a-standard-1", "1 vCPU, 4 GB RAM", 1, 4_096)
    },
    x86(
        "e2-medium",
        "Efficient Instance, 2 vCPU (1 shared physical core) and 4 GB RAM",
        2,
        4_096,
    ),
    x86(
        "e2-micro",
        "Efficient Instance, 2 vCPU (1/8 shared physical core) and 1 GB RAM",
        2,
        1_024,
    ),
    x86(
        "e2-small",
        "Efficient Instance, 2 vCPU (1/4 shared physical core) and 2 GB RAM",
        2,
        2_048,
    ),
    x86("e2-standard-2", "Efficient Instance, 2 vCPUs, 8 GB RAM", 2, 8_192),
    x86("f1-micro", "1 vCPU (shared physical core) and 0.6 GB RAM", 1, 614),
    MachineType {
        deprecated: true,
        ..x86("g1-small", "1 vCPU (shared physical core) and 1.7 GB RAM", 1, 1_740)
    },
    x86("n1-standard-1", "1 vCPU, 3.75 GB RAM", 1, 3_840),
];

pub(super) struct Image {
    pub(super) project: &'static str,
    family: &'static str,
    pub(super) name: &'static str,
    description: &'static str,
    pub(super) disk_gb: u64,
    deprecated: bool,
}

const fn image(
    project: &'static str,
    family: &'static str,
    name: &'static str,
    description: &'static str,
    deprecated: bool,
) -> Image {
    Image {
        project,
        family,
        name,
        description,
        disk_gb: 10,
        deprecated,
    }
}

const UBUNTU: &str = "ubuntu-os-cloud";
const DEBIAN: &str = "debian-cloud";

/// The newest of a family is the last that is not deprecated.
const IMAGES: &[Image] = &[
    image(
        DEBIAN,
        "debian-12",
        "debian-12-bookworm-v20261014",
        "Debian, 12 (bookworm), amd64",
        false,
    ),
    image(
        DEBIAN,
        "debian-13",
        "debian-13-trixie-v20261014",
        "Debian, 13 (trixie), amd64",
        false,
    ),
    image(PROJECT, "", "golden-1", "", false),
    image(
        UBUNTU,
        "ubuntu-2204-lts",
        "ubuntu-2204-jammy-v20261012",
        "Canonical, Ubuntu, 22.04 LTS, amd64 jammy",
        false,
    ),
    image(
        UBUNTU,
        "ubuntu-2404-lts-amd64",
        "ubuntu-2404-noble-amd64-v20261012",
        "Canonical, Ubuntu, 24.04 LTS, amd64 noble",
        true,
    ),
    image(
        UBUNTU,
        "ubuntu-2404-lts-amd64",
        "ubuntu-2404-noble-amd64-v20261110",
        "Canonical, Ubuntu, 24.04 LTS, amd64 noble",
        false,
    ),
    image(
        UBUNTU,
        "ubuntu-2404-lts-arm64",
        "ubuntu-2404-noble-arm64-v20261110",
        "Canonical, Ubuntu, 24.04 LTS, arm64 noble",
        false,
    ),
    // The one that inletsctl names; an image that is deprecated can still be used.
    image(
        UBUNTU,
        "ubuntu-minimal-2204-lts",
        "ubuntu-minimal-2204-jammy-v20240606",
        "Canonical, Ubuntu, 22.04 LTS Minimal, amd64 jammy",
        true,
    ),
    image(
        UBUNTU,
        "ubuntu-minimal-2204-lts",
        "ubuntu-minimal-2204-jammy-v20261110",
        "Canonical, Ubuntu, 22.04 LTS Minimal, amd64 jammy",
        false,
    ),
    image(
        UBUNTU,
        "ubuntu-minimal-2404-lts-amd64",
        "ubuntu-minimal-2404-noble-amd64-v20261110",
        "Canonical, Ubuntu, 24.04 LTS Minimal, amd64 noble",
        false,
    ),
    image(
        UBUNTU,
        "ubuntu-minimal-2604-lts-amd64",
        "ubuntu-minimal-2604-amd64-v20261110",
        "Canonical, Ubuntu, 26.04 LTS Minimal, amd64",
        false,
    ),
];

pub(super) fn is_zone(name: &str) -> bool {
    ZONES.contains(&name)
}

pub(super) fn is_region(name: &str) -> bool {
    ZONES.iter().any(|zone| region_of(zone) == name)
}

pub(super) fn is_network(name: &str) -> bool {
    NETWORKS.contains(&name)
}

pub(super) fn region_of(zone: &str) -> &str {
    zone.rsplit_once('-').map_or(zone, |(region, _)| region)
}

pub(super) fn find_machine_type(name: &str) -> Option<&'static MachineType> {
    MACHINE_TYPES.iter().find(|machine_type| machine_type.name == name)
}

/// Whether a project other than ours has images for all.
pub(super) fn publishes(project: &str) -> bool {
    project == UBUNTU || project == DEBIAN
}

/// `projects/{project}/global/images/...` of a reference to an image, if it has that form.
pub(super) fn image_path(reference: &str) -> Option<String> {
    let at = reference.find("/compute/v1/").map_or(0, |at| at + "/compute/v1/".len());
    let path = reference.get(at..)?;
    match path.strip_prefix("global/images/") {
        Some(_) => Some(format!("projects/{PROJECT}/{path}")),
        None => (path.starts_with("projects/") && path.contains("/global/images/")).then(|| path.to_owned()),
    }
}

pub(super) fn find_image(reference: &str) -> Option<&'static Image> {
    let path = image_path(reference)?;
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        ["projects", project, "global", "images", "family", family] => newest(project, family),
        ["projects", project, "global", "images", name] => IMAGES
            .iter()
            .find(|image| image.project == *project && image.name == *name),
        _ => None,
    }
}

fn newest(project: &str, family: &str) -> Option<&'static Image> {
    let of_family = |image: &&Image| image.project == project && image.family == family && !image.deprecated;
    IMAGES
        .iter()
        .rev()
        .filter(|image| !image.family.is_empty())
        .find(of_family)
}

impl Image {
    fn show(&self) -> Value {
        let path = format!("projects/{}/global/images/{}", self.project, self.name);
        let mut shown = json!({
            "kind": "compute#image", "id": "1", "name": self.name, "description": self.description, "status": "READY",
            "diskSizeGb": self.disk_gb.to_string(), "selfLink": format!("https://www.googleapis.com/compute/v1/{path}"),
            "architecture": if self.name.contains("arm64") { "ARM64" } else { "X86_64" }, "sourceType": "RAW",
            "archiveSizeBytes": "1", "creationTimestamp": "2026-10-12T00:00:00.000-07:00",
        });
        if let Some(fields) = shown.as_object_mut() {
            if !self.family.is_empty() {
                fields.insert("family".to_owned(), json!(self.family));
            }
            if self.deprecated {
                fields.insert("deprecated".to_owned(), json!({ "state": "DEPRECATED" }));
            }
        }
        shown
    }
}

/// `GET projects/{project}/global/images/...`
pub(super) fn images(call: &Call<'_>, project: &str, rest: &[&str]) -> Handled {
    let own = |image: &&Image| image.project == project;
    let found = match rest {
        [] => {
            let shown = IMAGES.iter().filter(own).map(Image::show).collect();
            return list_page(call, "compute#imageList", shown);
        }
        ["family", family] => newest(project, family),
        [name] => IMAGES.iter().filter(own).find(|image| image.name == *name),
        _ => None,
    };
    match found {
        Some(image) => Ok(Answer::json(200, &image.show())),
        None => {
            let path = format!("projects/{project}/global/images/{}", rest.join("/"));
            Err(error(404, "notFound", &format!("The resource '{path}' was not found")))
        }
    }
}

fn show_zone(name: &str) -> Value {
    json!({
        "kind": "compute#zone", "id": "2000", "name": name, "description": name, "status": "UP",
        "region": link(&format!("regions/{}", region_of(name))), "selfLink": link(&format!("zones/{name}")),
        "creationTimestamp": "1969-12-31T16:00:00.000-08:00", "supportsPzs": true,
    })
}

pub(super) fn zone(name: &str) -> Answer {
    Answer::json(200, &show_zone(name))
}

pub(super) fn zones(call: &Call<'_>) -> Handled {
    list_page(
        call,
        "compute#zoneList",
        ZONES.iter().map(|zone| show_zone(zone)).collect(),
    )
}

impl MachineType {
    fn show(&self, zone: &str) -> Value {
        let mut shown = json!({
            "kind": "compute#machineType", "id": "334002", "name": self.name, "description": self.description,
            "guestCpus": self.cpus, "memoryMb": self.memory_mb, "imageSpaceGb": 0, "zone": zone,
            "maximumPersistentDisks": 16, "maximumPersistentDisksSizeGb": "3072", "isSharedCpu": self.memory_mb < 5_000,
            "architecture": if self.arm { "ARM64" } else { "X86_64" },
            "selfLink": link(&format!("zones/{zone}/machineTypes/{}", self.name)),
            "creationTimestamp": "1969-12-31T16:00:00.000-08:00",
        });
        if let (true, Some(fields)) = (self.deprecated, shown.as_object_mut()) {
            fields.insert("deprecated".to_owned(), json!({ "state": "DEPRECATED" }));
        }
        shown
    }
}

pub(super) fn machine_types(call: &Call<'_>, zone: &str) -> Handled {
    let shown = MACHINE_TYPES
        .iter()
        .map(|machine_type| machine_type.show(zone))
        .collect();
    list_page(call, "compute#machineTypeList", shown)
}

pub(super) fn machine_type(zone: &str, name: &str) -> Handled {
    match find_machine_type(name) {
        Some(machine_type) => Ok(Answer::json(200, &machine_type.show(zone))),
        None => Err(not_found(&format!("zones/{zone}/machineTypes/{name}"))),
    }
}

pub(super) fn network(name: &str) -> Handled {
    if !is_network(name) {
        return Err(not_found(&format!("global/networks/{name}")));
    }
    Ok(Answer::json(
        200,
        &json!({
            "kind": "compute#network", "id": "3000", "name": name, "autoCreateSubnetworks": name == "default",
            "selfLink": link(&format!("global/networks/{name}")), "routingConfig": { "routingMode": "REGIONAL" },
        }),
    ))
}

pub(super) fn project() -> Answer {
    Answer::json(
        200,
        &json!({
            "kind": "compute#project", "id": "100000000000", "name": PROJECT,
            "selfLink": format!("https://www.googleapis.com/compute/v1/projects/{PROJECT}"),
            "commonInstanceMetadata": { "kind": "compute#metadata", "fingerprint": "AAAAAAAAAAA=" },
            "quotas": [{ "metric": "FIREWALLS", "limit": 10_000.0, "usage": 0.0 }], "xpnProjectStatus": "UNSPECIFIED_XPN_PROJECT_STATUS",
        }),
    )
}
