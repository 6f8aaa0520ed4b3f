//! Server types, images, locations and prices: a realistic handful, among them a disabled location, a type that is not
//! offered everywhere and one that is sold out.
//!
//! Monthly prices in EUR without VAT as of 2026-09.

use serde_json::{Value, json};

use crate::call::Call;

pub(super) struct Location {
    id: u64,
    pub(super) name: &'static str,
    country: &'static str,
    city: &'static str,
    zone: &'static str,
    /// Whether servers can be made there.
    pub(super) enabled: bool,
}

const LOCATIONS: &[Location] = &[
    Location {
        id: 1,
        name: "fsn1",
        country: "DE",
        city: "Falkenstein",
        zone: "eu-central",
        enabled: true,
    },
    Location {
        id: 2,
        name: "nbg1",
        country: "DE",
        city: "Nuremberg",
        zone: "eu-central",
        enabled: true,
    },
    Location {
        id: 3,
        name: "hel1",
        country: "FI",
        city: "Helsinki",
        zone: "eu-central",
        enabled: true,
    },
    Location {
        id: 4,
        name: "ash",
        country: "US",
        city: "Ashburn, VA",
        zone: "us-east",
        enabled: true,
    },
    Location {
        id: 5,
        name: "hil",
        country: "US",
        city: "Hillsboro, OR",
        zone: "us-west",
        enabled: false,
    },
    Location {
        id: 6,
        name: "sin",
        country: "SG",
        city: "Singapore",
        zone: "ap-southeast",
        enabled: true,
    },
];

pub(super) struct ServerType {
    id: u64,
    pub(super) name: &'static str,
    cores: u32,
    /// GB.
    memory: f64,
    /// GB.
    pub(super) disk: u32,
    pub(super) architecture: &'static str,
    /// Location, EUR per month, and whether it is in stock.
    offers: &'static [(&'static str, f64, bool)],
}

const SERVER_TYPES: &[ServerType] = &[
    ServerType {
        id: 114,
        name: "cx23",
        cores: 2,
        memory: 4.0,
        disk: 40,
        architecture: "x86",
        offers: &[("fsn1", 5.49, true), ("nbg1", 5.49, true), ("hel1", 5.49, true)],
    },
    // Sold out in Nuremberg.
    ServerType {
        id: 45,
        name: "cax11",
        cores: 2,
        memory: 4.0,
        disk: 40,
        architecture: "arm",
        offers: &[("fsn1", 5.99, true), ("nbg1", 5.99, false), ("hel1", 5.99, true)],
    },
    ServerType {
        id: 117,
        name: "cpx12",
        cores: 1,
        memory: 2.0,
        disk: 40,
        architecture: "x86",
        offers: &[
            ("fsn1", 11.49, true),
            ("nbg1", 11.49, true),
            ("hel1", 11.49, true),
            ("sin", 15.99, true),
        ],
    },
    ServerType {
        id: 118,
        name: "cpx22",
        cores: 2,
        memory: 4.0,
        disk: 80,
        architecture: "x86",
        offers: &[("fsn1", 19.49, true), ("nbg1", 19.49, true), ("hel1", 19.49, true)],
    },
    ServerType {
        id: 22,
        name: "cpx11",
        cores: 2,
        memory: 2.0,
        disk: 40,
        architecture: "x86",
        offers: &[("ash", 17.49, true), ("hil", 17.49, true)],
    },
];

pub(super) struct Image {
    pub(super) id: u64,
    name: &'static str,
    description: &'static str,
    flavor: &'static str,
    version: &'static str,
    architecture: &'static str,
}

/// x86 and ARM images share their names.
const IMAGES: &[Image] = &[
    Image {
        id: 161_547_269,
        name: "ubuntu-24.04",
        description: "Ubuntu 24.04",
        flavor: "ubuntu",
        version: "24.04",
        architecture: "x86",
    },
    Image {
        id: 161_547_270,
        name: "ubuntu-24.04",
        description: "Ubuntu 24.04",
        flavor: "ubuntu",
        version: "24.04",
        architecture: "arm",
    },
    Image {
        id: 67_794_396,
        name: "ubuntu-22.04",
        description: "Ubuntu 22.04",
        flavor: "ubuntu",
        version: "22.04",
        architecture: "x86",
    },
    Image {
        id: 301_547_269,
        name: "ubuntu-26.04",
        description: "Ubuntu 26.04",
        flavor: "ubuntu",
        version: "26.04",
        architecture: "x86",
    },
    Image {
        id: 114_690_387,
        name: "debian-12",
        description: "Debian 12",
        flavor: "debian",
        version: "12",
        architecture: "x86",
    },
    Image {
        id: 114_690_389,
        name: "debian-12",
        description: "Debian 12",
        flavor: "debian",
        version: "12",
        architecture: "arm",
    },
    Image {
        id: 310_557_660,
        name: "debian-13",
        description: "Debian 13",
        flavor: "debian",
        version: "13",
        architecture: "x86",
    },
    Image {
        id: 310_557_661,
        name: "debian-13",
        description: "Debian 13",
        flavor: "debian",
        version: "13",
        architecture: "arm",
    },
];

/// Price of an IPv4 address per month, EUR.
pub(super) const IPV4_MONTHLY: f64 = 0.50;

/// Price of a floating IPv4 address per month, EUR.
const FLOATING_MONTHLY: f64 = 3.00;
/// Price of a TB of traffic beyond what is included, EUR.
const TRAFFIC_TB: f64 = 1.00;

/// Decimal strings, as the API has them. German VAT in the gross price.
fn amount(net: f64) -> Value {
    json!({ "net": format!("{net:.4}"), "gross": format!("{:.4}", net * 1.19) })
}

fn price(monthly: f64) -> Value {
    json!({ "price_hourly": amount(monthly / 625.0), "price_monthly": amount(monthly) })
}

impl Location {
    pub(super) fn show(&self) -> Value {
        json!({
            "id": self.id, "name": self.name, "description": format!("{} DC Park", self.city), "country": self.country,
            "city": self.city, "latitude": 0.0, "longitude": 0.0, "network_zone": self.zone,
        })
    }
}

impl ServerType {
    /// Whether it is offered and in stock at a location.
    pub(super) fn available_in(&self, location: &str) -> bool {
        self.offers.iter().any(|(name, _, stock)| *name == location && *stock)
    }

    pub(super) fn show(&self) -> Value {
        let prices: Vec<_> = self
            .offers
            .iter()
            .map(|(name, monthly, _)| {
                let mut price = price(*monthly);
                if let Some(price) = price.as_object_mut() {
                    price.insert("location".into(), json!(name));
                    price.insert("included_traffic".into(), json!(21_990_232_555_520_u64));
                    price.insert("price_per_tb_traffic".into(), amount(TRAFFIC_TB));
                }
                price
            })
            .collect();
        let locations: Vec<_> = self
            .offers
            .iter()
            .filter_map(|(name, _, stock)| {
                let id = location(name)?.id;
                Some(json!({ "id": id, "name": name, "available": stock, "recommended": stock, "deprecation": null }))
            })
            .collect();
        // The API announced to leave out `deprecated` from 2026-11-02 on; the crate hcloud 0.26 cannot do without it.
        json!({
            "id": self.id, "name": self.name, "description": self.name.to_ascii_uppercase(), "cores": self.cores,
            "memory": self.memory, "disk": self.disk, "prices": prices, "storage_type": "local", "cpu_type": "shared",
            "category": "cost_optimized", "architecture": self.architecture, "locations": locations, "deprecated": false,
        })
    }
}

impl Image {
    pub(super) fn show(&self) -> Value {
        json!({
            "id": self.id, "type": "system", "status": "available", "name": self.name, "description": self.description,
            "image_size": null, "disk_size": 5, "created": "2026-04-25T13:26:27Z", "created_from": null,
            "bound_to": null, "os_flavor": self.flavor, "os_version": self.version, "rapid_deploy": true,
            "protection": { "delete": false }, "deprecated": null, "deleted": null, "labels": {},
            "architecture": self.architecture,
        })
    }
}

/// A location by name or number.
pub(super) fn location(id: &str) -> Option<&'static Location> {
    LOCATIONS
        .iter()
        .find(|location| location.name == id || location.id.to_string() == id)
}

/// A server type by name or number.
pub(super) fn server_type(id: &str) -> Option<&'static ServerType> {
    SERVER_TYPES
        .iter()
        .find(|kind| kind.name == id || kind.id.to_string() == id)
}

/// An image by name, for an architecture, or by number.
/// What a type costs in a month at a location, EUR.
pub(super) fn monthly(kind: &str, location: &str) -> Option<f64> {
    let offers = server_type(kind)?.offers;
    offers
        .iter()
        .find(|(name, ..)| *name == location)
        .map(|(_, monthly, _)| *monthly)
}

pub(super) fn image(id: &str, architecture: &str) -> Option<&'static Image> {
    IMAGES
        .iter()
        .find(|image| (image.name == id && image.architecture == architecture) || image.id.to_string() == id)
}

pub(super) fn locations() -> Vec<Value> {
    LOCATIONS.iter().map(Location::show).collect()
}

pub(super) fn server_types() -> Vec<Value> {
    SERVER_TYPES.iter().map(ServerType::show).collect()
}

/// Images that the query asks for by type, status and architecture; `name` is left to the caller.
pub(super) fn images(call: &Call<'_>) -> Vec<Value> {
    let asked = |parameter: &str, value: &str| {
        let mut wanted = call.query.all(parameter).peekable();
        wanted.peek().is_none() || wanted.any(|wanted| wanted == value)
    };
    IMAGES
        .iter()
        .filter(|image| {
            asked("architecture", image.architecture) && asked("type", "system") && asked("status", "available")
        })
        .map(Image::show)
        .collect()
}

pub(super) fn pricing() -> Value {
    let located = |location: &Location, monthly: f64| {
        let mut price = price(monthly);
        if let Some(price) = price.as_object_mut() {
            price.insert("location".into(), json!(location.name));
        }
        price
    };
    let addresses = |monthly: f64| {
        LOCATIONS
            .iter()
            .map(|place| located(place, monthly))
            .collect::<Vec<_>>()
    };
    // Floating IPs have no price by the hour.
    let floating: Vec<_> = LOCATIONS
        .iter()
        .map(|place| json!({ "location": place.name, "price_monthly": amount(FLOATING_MONTHLY) }))
        .collect();
    let types: Vec<_> = server_types()
        .iter()
        .map(|kind| json!({ "id": kind.get("id"), "name": kind.get("name"), "prices": kind.get("prices") }))
        .collect();
    json!({ "pricing": {
        "currency": "EUR", "vat_rate": "19.000000",
        "primary_ips": [
            { "type": "ipv4", "prices": addresses(IPV4_MONTHLY) }, { "type": "ipv6", "prices": addresses(0.0) },
        ],
        "floating_ip": { "price_monthly": amount(FLOATING_MONTHLY) },
        "floating_ips": [{ "type": "ipv4", "prices": floating }],
        "server_types": types, "load_balancer_types": [], "image": { "price_per_gb_month": amount(0.011) },
        "server_backup": { "percentage": "20.000000" }, "volume": { "price_per_gb_month": amount(0.044) },
    }})
}
