//! Regions, flavors and images: those that DevStack makes, and some that a cloud's users know.

use serde_json::{Value, json};

use super::fault::bad_request;
use crate::{call::Call, cloud::Handled, kit::answer::Answer};

pub(super) struct Region {
    pub(super) name: &'static str,
    /// Whether hosts are attached to the external network, which is shared.
    pub(super) direct: bool,
    /// Tells its ids from those of the others.
    number: u32,
}

pub(super) const REGIONS: &[Region] = &[
    Region {
        name: "RegionOne",
        direct: false,
        number: 1,
    },
    Region {
        name: "RegionTwo",
        direct: true,
        number: 2,
    },
];

pub(super) fn region(name: &str) -> Option<&'static Region> {
    REGIONS.iter().find(|region| region.name == name)
}

impl Region {
    fn id(&self, number: u32) -> String {
        format!("e7f31be1-b664-4eec-8e95-{number:06x}{:06x}", self.number)
    }

    pub(super) fn external_network(&self) -> String {
        self.id(0x10)
    }

    pub(super) fn own_network(&self) -> String {
        self.id(0x11)
    }

    pub(super) fn subnet_of(&self, network: &str) -> String {
        let external = network == self.external_network();
        self.id(if external { 0x20 } else { 0x21 })
    }

    pub(super) fn router(&self) -> String {
        self.id(0x30)
    }

    pub(super) fn default_group(&self) -> String {
        self.id(0x40)
    }
}

pub(super) struct Flavor {
    pub(super) name: &'static str,
    number: u32,
    pub(super) vcpus: u32,
    /// MB.
    pub(super) ram: u32,
    /// GB.
    pub(super) disk: u32,
}

const FLAVORS: &[Flavor] = &[
    Flavor {
        name: "m1.tiny",
        number: 0x51,
        vcpus: 1,
        ram: 512,
        disk: 1,
    },
    Flavor {
        name: "m1.small",
        number: 0x52,
        vcpus: 1,
        ram: 2_048,
        disk: 20,
    },
    Flavor {
        name: "m1.medium",
        number: 0x53,
        vcpus: 2,
        ram: 4_096,
        disk: 40,
    },
    Flavor {
        name: "m1.large",
        number: 0x54,
        vcpus: 4,
        ram: 8_192,
        disk: 80,
    },
];

pub(super) struct Image {
    pub(super) name: &'static str,
    number: u32,
    distro: &'static str,
    version: &'static str,
    /// GB.
    pub(super) min_disk: u32,
    created: &'static str,
}

/// The newest first. Of one name there are two: the older is what a renewal left.
const IMAGES: &[Image] = &[
    Image {
        name: "Ubuntu 24.04",
        number: 0x61,
        distro: "ubuntu",
        version: "24.04",
        min_disk: 4,
        created: "2026-11-01T06:00:00Z",
    },
    Image {
        name: "Debian 13",
        number: 0x62,
        distro: "debian",
        version: "13",
        min_disk: 3,
        created: "2026-10-20T06:00:00Z",
    },
    Image {
        name: "Ubuntu 24.04",
        number: 0x63,
        distro: "ubuntu",
        version: "24.04",
        min_disk: 4,
        created: "2026-08-01T06:00:00Z",
    },
    Image {
        name: "Rocky 9",
        number: 0x64,
        distro: "rocky",
        version: "9",
        min_disk: 10,
        created: "2026-06-11T06:00:00Z",
    },
];

pub(super) fn flavor(region: &Region, id: &str) -> Option<&'static Flavor> {
    FLAVORS.iter().find(|flavor| region.id(flavor.number) == id)
}

pub(super) fn flavor_by_name(name: &str) -> Option<&'static Flavor> {
    FLAVORS.iter().find(|flavor| flavor.name == name)
}

pub(super) fn image(region: &Region, id: &str) -> Option<&'static Image> {
    IMAGES.iter().find(|image| region.id(image.number) == id)
}

/// A slice of a list by `limit` and `marker`, and the id of its last item if more follow.
pub(super) fn slice<'a, T>(
    call: &Call<'_>,
    list: Vec<&'a T>,
    id: impl Fn(&T) -> String,
) -> Result<(Vec<&'a T>, Option<String>), Answer> {
    let limit = match call.query.filled("limit").map(str::parse::<usize>) {
        None => 1_000,
        Some(Ok(limit)) => limit.min(1_000),
        Some(Err(_)) => return Err(bad_request("limit must be an integer")),
    };
    let start = match call.query.filled("marker") {
        None => 0,
        Some(marker) => match list.iter().position(|item| id(item) == marker) {
            Some(at) => at + 1,
            None => return Err(bad_request(&format!("marker [{marker}] not found"))),
        },
    };
    let whole = list.len();
    let page: Vec<&T> = list.into_iter().skip(start).take(limit).collect();
    // A full page has a link, also when it is the last one.
    let full = page.len() == limit && limit > 0 && whole > 0;
    let next = page.last().filter(|_| full).map(|item| id(item));
    Ok((page, next))
}

/// The links of a page: the same request with the marker set anew.
pub(super) fn links(call: &Call<'_>, next: Option<String>) -> Option<Value> {
    let next = next?;
    let query = call.query.with(&[("marker", next)]);
    let href = format!("{}{}?{query}", call.base_url(), call.path);
    Some(json!([{ "rel": "next", "href": href }]))
}

/// A list with its links, where there are any.
pub(super) fn listed(call: &Call<'_>, what: &str, items: Vec<Value>, next: Option<String>) -> Answer {
    let mut body = json!({ what: items });
    if let (Some(links), Some(body)) = (links(call, next), body.as_object_mut()) {
        body.insert(format!("{what}_links"), links);
    }
    Answer::json(200, &body)
}

/// Neutron's versions, which stand at its root.
pub(super) fn network_versions(call: &Call<'_>) -> Answer {
    versions(call, 200, &[("v2.0", "CURRENT", "v2.0")])
}

/// Glance's, with the status that says that there are several.
pub(super) fn image_versions(call: &Call<'_>) -> Answer {
    versions(call, 300, &[("v2.17", "CURRENT", "v2"), ("v2.0", "SUPPORTED", "v2")])
}

fn versions(call: &Call<'_>, status: u16, known: &[(&str, &str, &str)]) -> Answer {
    let root = format!("{}{}", call.base_url(), call.path.trim_end_matches('/'));
    let show = |(id, state, path): &(&str, &str, &str)| json!({ "id": id, "status": state, "links": [{ "rel": "self", "href": format!("{root}/{path}/") }] });
    let versions: Vec<Value> = known.iter().map(show).collect();
    Answer::json(status, &json!({ "versions": versions })).content_type("application/json")
}

pub(super) fn flavors(call: &Call<'_>, region: &Region) -> Handled {
    let base = format!("{}/{}/compute", call.base_url(), region.name);
    let (page, next) = slice(call, FLAVORS.iter().collect(), |flavor| region.id(flavor.number))?;
    let show = |flavor: &Flavor| {
        let id = region.id(flavor.number);
        json!({
            "id": id, "name": flavor.name, "ram": flavor.ram, "disk": flavor.disk, "swap": "",
            "OS-FLV-EXT-DATA:ephemeral": 0, "OS-FLV-DISABLED:disabled": false, "vcpus": flavor.vcpus,
            "os-flavor-access:is_public": true, "rxtx_factor": 1.0,
            "links": [
                { "rel": "self", "href": format!("{base}/v2.1/flavors/{id}") },
                { "rel": "bookmark", "href": format!("{base}/flavors/{id}") },
            ],
        })
    };
    Ok(listed(call, "flavors", page.into_iter().map(show).collect(), next))
}

pub(super) fn zones() -> Answer {
    let zone = json!({ "zoneName": "nova", "zoneState": { "available": true }, "hosts": null });
    Answer::json(200, &json!({ "availabilityZoneInfo": [zone] }))
}

/// Filtered by name, status and any property, as Glance does; the simulator sorts by age whatever is asked.
pub(super) fn images(call: &Call<'_>, region: &Region) -> Handled {
    let fits = |image: &&Image| {
        call.query.pairs().all(|(name, value)| match name {
            "name" => image.name == value,
            "status" => value == "active",
            "os_distro" => image.distro == value,
            "os_version" => image.version == value,
            "limit" | "marker" | "sort" | "sort_key" | "sort_dir" | "visibility" => true,
            // A property that no image has.
            _ => false,
        })
    };
    let (page, next) = slice(call, IMAGES.iter().filter(fits).collect(), |image| {
        region.id(image.number)
    })?;
    let show = |image: &Image| {
        let id = region.id(image.number);
        json!({
            "os_distro": image.distro, "os_version": image.version,
            "name": image.name, "disk_format": "qcow2", "container_format": "bare", "visibility": "public",
            "size": 600_000_000, "virtual_size": 3_758_096_384_u64, "status": "active",
            "checksum": "0f343b0931126a20f133d67c2b018a3b", "protected": false, "min_ram": 0,
            "min_disk": image.min_disk, "owner": "147b69e0e3f040ccb80aa7d8205c8ec3", "os_hidden": false,
            "os_hash_algo": "sha512", "os_hash_value": "8efb4f73c5655351", "id": id, "created_at": image.created,
            "updated_at": image.created, "tags": [], "self": format!("/v2/images/{id}"),
            "file": format!("/v2/images/{id}/file"), "schema": "/v2/schemas/image", "stores": "file",
        })
    };
    let items: Vec<Value> = page.into_iter().map(show).collect();
    let first = call.query.with(&[]);
    let mut body = json!({ "images": items, "first": format!("/v2/images?{first}"), "schema": "/v2/schemas/images" });
    if let (Some(next), Some(body)) = (next, body.as_object_mut()) {
        let query = call.query.with(&[("marker", next)]);
        body.insert("next".into(), json!(format!("/v2/images?{query}")));
    }
    Ok(Answer::json(200, &body).content_type("application/json"))
}
