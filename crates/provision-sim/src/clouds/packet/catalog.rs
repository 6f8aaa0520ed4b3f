//! Plans, operating systems and metros: a realistic handful, among them a plan that one metro does not have and one that is
//! sold out. Prices are of the right order only; the last real ones are UNCONFIRMED.

use serde_json::{Map, Value, json};

use super::{body, unprocessable, wrong_type};
use crate::{call::Call, cloud::Handled, kit::answer::Answer};

pub(super) struct Metro {
    pub(super) id: &'static str,
    pub(super) code: &'static str,
    name: &'static str,
    country: &'static str,
}

const METROS: &[Metro] = &[
    Metro {
        id: "108b2cfb-246b-45e3-885a-bf3e82fce1a0",
        code: "am",
        name: "Amsterdam",
        country: "NL",
    },
    Metro {
        id: "d3d6b29f-042d-43b7-b3ce-0bf53d5754ca",
        code: "da",
        name: "Dallas",
        country: "US",
    },
    Metro {
        id: "60666d92-e00f-43a8-a9f8-fddf665390ca",
        code: "dc",
        name: "Washington DC",
        country: "US",
    },
    Metro {
        id: "f2f0f0b3-5359-4296-a402-56abad842f56",
        code: "fr",
        name: "Frankfurt",
        country: "DE",
    },
    Metro {
        id: "d2a8e94f-2b42-4440-9c8e-8ef01defcd27",
        code: "sg",
        name: "Singapore",
        country: "SG",
    },
    Metro {
        id: "2991b022-b8c4-497e-8db7-5a407c3a209b",
        code: "sv",
        name: "Silicon Valley",
        country: "US",
    },
];

pub(super) struct Plan {
    id: &'static str,
    slug: &'static str,
    cpu: &'static str,
    memory: &'static str,
    drives: &'static [(u32, &'static str)],
    hour: f64,
    /// Metros that do not have it.
    missing: &'static [&'static str],
    /// Metros where it is sold out.
    sold_out: &'static [&'static str],
    arm: bool,
}

const PLANS: &[Plan] = &[
    Plan {
        id: "6d1f1ffa-7912-4b78-b50d-88cc7c8ab40f",
        slug: "c3.small.x86",
        cpu: "1 x 8 core @ 3.4 GHz",
        memory: "32GB",
        drives: &[(2, "480GB")],
        hour: 0.75,
        missing: &[],
        sold_out: &[],
        arm: false,
    },
    Plan {
        id: "d6570cfb-38fa-4467-92b3-e45d059bb249",
        slug: "m3.small.x86",
        cpu: "1 x 8 core @ 2.8 GHz",
        memory: "64GB",
        drives: &[(2, "480GB")],
        hour: 1.05,
        missing: &[],
        sold_out: &[],
        arm: false,
    },
    Plan {
        id: "3f3d5b8a-0c9e-4b7e-8f39-1c1e53c2a0d1",
        slug: "c3.medium.x86",
        cpu: "1 x 24 core @ 2.8 GHz",
        memory: "64GB",
        drives: &[(2, "240GB"), (2, "480GB")],
        hour: 1.5,
        missing: &["sg"],
        sold_out: &["am"],
        arm: false,
    },
    Plan {
        id: "0f6b1a52-6bd4-4a1c-93b5-b0f4c7e3a9d2",
        slug: "c3.large.arm64",
        cpu: "1 x 80 core @ 3.0 GHz",
        memory: "256GB",
        drives: &[(2, "960GB")],
        hour: 2.5,
        missing: &["am", "fr", "sg"],
        sold_out: &[],
        arm: true,
    },
    Plan {
        id: "a3729923-fdc4-4e85-a972-aafbad3695db",
        slug: "n3.xlarge.x86",
        cpu: "1 x 32 core @ 2.2 GHz",
        memory: "512GB",
        drives: &[(2, "240GB"), (2, "3.84TB")],
        hour: 4.5,
        missing: &[],
        sold_out: &["am", "da", "dc", "fr", "sg", "sv"],
        arm: false,
    },
];

/// Id, slug, distribution, version, name, and whether there is a build for ARM.
const OPERATING_SYSTEMS: &[(&str, &str, &str, &str, &str, bool)] = &[
    (
        "5ec0ffee-0101-4000-8000-5ec0ffee5ec0",
        "ubuntu_24_04",
        "ubuntu",
        "24.04",
        "Ubuntu 24.04 LTS",
        true,
    ),
    (
        "5ec0ffee-0102-4000-8000-5ec0ffee5ec0",
        "ubuntu_22_04",
        "ubuntu",
        "22.04",
        "Ubuntu 22.04 LTS",
        true,
    ),
    (
        "5ec0ffee-0103-4000-8000-5ec0ffee5ec0",
        "debian_12",
        "debian",
        "12",
        "Debian 12",
        true,
    ),
    (
        "5ec0ffee-0104-4000-8000-5ec0ffee5ec0",
        "rocky_9",
        "rocky",
        "9",
        "Rocky 9",
        false,
    ),
];

impl Metro {
    pub(super) fn show(&self) -> Value {
        json!({ "id": self.id, "code": self.code, "name": self.name, "country": self.country })
    }

    /// The only facility of the metro.
    pub(super) fn show_facility(&self) -> Value {
        json!({ "id": self.id, "code": format!("{}6", self.code), "name": format!("{} 6", self.name),
            "metro": self.show(), "features": ["baremetal"], "address": null })
    }
}

/// What the servers of all plans have.
pub(super) const FEATURES: &[&str] = &["txt", "uefi"];

impl Plan {
    /// Singapore is dearer.
    fn hour_in(&self, metro: &str) -> f64 {
        if metro == "sg" { self.hour * 1.2 } else { self.hour }
    }

    pub(super) fn runs(&self, operating_system: &str) -> bool {
        let known = OPERATING_SYSTEMS.iter().find(|known| known.1 == operating_system);
        known.is_none_or(|known| known.5 || !self.arm)
    }

    pub(super) fn show(&self) -> Value {
        let drives: Vec<Value> = self
            .drives
            .iter()
            .map(|(count, size)| json!({ "count": count, "size": size, "type": "SSD", "category": "boot" }))
            .collect();
        let offer = |metro: &Metro| {
            json!({ "href": format!("/metal/v1/locations/metros/{}", metro.id),
                "price": { "hour": self.hour_in(metro.code) } })
        };
        let offers: Vec<Value> = METROS
            .iter()
            .filter(|metro| !self.missing.contains(&metro.code))
            .map(offer)
            .collect();
        json!({
            "id": self.id, "slug": self.slug, "name": self.slug, "class": self.slug, "line": "baremetal",
            "description": format!("Our {} configuration", self.slug), "type": "standard", "legacy": false,
            "categories": ["compute", "current_gen"], "deployment_types": ["on_demand", "spot_market"],
            "pricing": { "hour": self.hour }, "available_in": [], "available_in_metros": offers,
            "specs": { "cpus": [{ "count": 1, "type": self.cpu }], "memory": { "total": self.memory }, "drives": drives,
                "nics": [{ "count": 2, "type": "10Gbps" }], "features": { "raid": false, "txt": FEATURES.contains(&"txt"), "uefi": FEATURES.contains(&"uefi") } },
        })
    }
}

pub(super) fn metro(code: &str) -> Option<&'static Metro> {
    METROS.iter().find(|metro| metro.code == code || metro.id == code)
}

pub(super) fn plan(slug: &str) -> Option<&'static Plan> {
    PLANS.iter().find(|plan| plan.slug == slug)
}

/// What a plan costs in a month of 730 hours in a metro, USD.
pub(super) fn monthly(slug: &str, metro: &str) -> Option<f64> {
    Some(plan(slug)?.hour_in(metro) * 730.0)
}

pub(super) fn is_operating_system(slug: &str) -> bool {
    OPERATING_SYSTEMS.iter().any(|known| known.1 == slug)
}

pub(super) fn is_in_stock(slug: &str, metro: &str) -> bool {
    plan(slug).is_some_and(|plan| !plan.missing.contains(&metro) && !plan.sold_out.contains(&metro))
}

/// Where a device goes whose metro is `any`: the first that has the plan.
pub(super) fn best_metro(plan: &str) -> String {
    let metro = METROS.iter().find(|metro| is_in_stock(plan, metro.code));
    metro.map_or_else(|| "any".to_owned(), |metro| metro.code.to_owned())
}

pub(super) fn metros() -> Vec<Value> {
    METROS.iter().map(Metro::show).collect()
}

pub(super) fn plans() -> Vec<Value> {
    PLANS.iter().map(Plan::show).collect()
}

pub(super) fn operating_systems() -> Vec<Value> {
    let slugs = OPERATING_SYSTEMS.iter().map(|known| known.1);
    slugs.map(show_operating_system).collect()
}

pub(super) fn show_operating_system(slug: &str) -> Value {
    let Some((id, slug, distro, version, name, _)) = OPERATING_SYSTEMS.iter().find(|known| known.1 == slug) else {
        return Value::Null;
    };
    let plans: Vec<&str> = PLANS
        .iter()
        .filter(|plan| plan.runs(slug))
        .map(|plan| plan.slug)
        .collect();
    json!({ "id": id, "slug": slug, "distro": distro, "version": version, "name": name, "provisionable_on": plans,
        "preinstallable": true, "pricing": {}, "licensed": false, "default_operating_system": *slug == "ubuntu_24_04" })
}

/// How much of each plan each metro has; a plan that is not offered is not there.
pub(super) fn capacity() -> Value {
    let of = |metro: &Metro| -> Map<String, Value> {
        let offered = PLANS.iter().filter(|plan| !plan.missing.contains(&metro.code));
        offered
            .map(|plan| {
                let (level, servers) = match plan.sold_out.contains(&metro.code) {
                    true => ("unavailable", 0),
                    false => ("normal", 25),
                };
                let entry = json!({ "level": level, "available_servers": servers });
                (plan.slug.to_owned(), entry)
            })
            .collect()
    };
    METROS
        .iter()
        .map(|metro| (metro.code.to_owned(), Value::Object(of(metro))))
        .collect::<Map<_, _>>()
        .into()
}

/// `{"servers": [{"metro": "am", "plan": "c3.small.x86", "quantity": "1"}]}`; the answer says which can be had.
pub(super) fn check_capacity(call: &Call<'_>) -> Handled {
    let fields = body(call)?;
    let mut servers = Vec::new();
    for server in fields.objects("servers").map_err(|problem| wrong_type(&problem))? {
        let text = |field: &str| {
            server
                .text(field)
                .map_err(|problem| wrong_type(&problem))
                .map(Option::unwrap_or_default)
        };
        let (code, slug) = (text("metro")?, text("plan")?);
        if metro(code).is_none() || plan(slug).is_none() {
            // Wording UNCONFIRMED.
            return Err(unprocessable("Servers is invalid"));
        }
        servers.push(json!({ "metro": code, "plan": slug, "quantity": server.get("quantity"),
            "available": is_in_stock(slug, code) }));
    }
    Ok(Answer::json(200, &json!({ "servers": servers })))
}
