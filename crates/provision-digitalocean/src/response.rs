//! What the API answers, as far as the provider reads it.

use std::net::IpAddr;

use provision_core::{HostId, Image, Labels, Plan, ProvisionedHost, Region, Result, parse_rfc3339};
use serde::{Deserialize, de::DeserializeOwned};

use crate::{config::INFO, status::host_status};

#[derive(Deserialize)]
pub(crate) struct DropletAnswer {
    pub(crate) droplet: Droplet,
}

#[derive(Deserialize)]
pub(crate) struct Droplet {
    pub(crate) id: u64,
    name: String,
    status: String,
    size_slug: Option<String>,
    image: Option<DropletImage>,
    region: Option<DropletRegion>,
    #[serde(default)]
    networks: Networks,
    #[serde(default)]
    tags: Vec<String>,
    created_at: Option<String>,
}

#[derive(Deserialize)]
struct DropletImage {
    slug: Option<String>,
    name: Option<String>,
}

#[derive(Deserialize)]
struct DropletRegion {
    slug: String,
}

#[derive(Deserialize, Default)]
struct Networks {
    #[serde(default)]
    v4: Vec<Network>,
}

#[derive(Deserialize)]
struct Network {
    ip_address: IpAddr,
    #[serde(rename = "type")]
    kind: String,
}

impl Droplet {
    pub(crate) fn into_host(self) -> Result<ProvisionedHost> {
        // The order of addresses is not fixed, private ones stand among them.
        let ip = self
            .networks
            .v4
            .iter()
            .find(|network| network.kind == "public")
            .map(|network| network.ip_address);
        let id = HostId::new(self.id.to_string())?;
        let status = host_status(&self.status, ip.is_some());
        let mut host = ProvisionedHost::new(INFO.id, id, self.name, status, self.status);
        host.ip = ip;
        host.region = self.region.map(|region| region.slug);
        host.plan = self.size_slug;
        host.image = self.image.and_then(|image| image.slug.or(image.name));
        host.labels = Labels::from_tags(self.tags.iter().map(String::as_str));
        host.created = self.created_at.as_deref().and_then(parse_rfc3339);
        Ok(host)
    }
}

/// One page of a list.
pub(crate) trait Page: DeserializeOwned {
    type Item;
    fn into_parts(self) -> (Vec<Self::Item>, bool);
}

/// `links` is `{}` when everything fits on one page; otherwise `pages.next` is absent on the last.
#[derive(Deserialize, Default)]
struct Links {
    #[serde(default)]
    pages: Pages,
}

#[derive(Deserialize, Default)]
struct Pages {
    next: Option<String>,
}

macro_rules! page {
    ($page:ident, $field:ident, $item:ty) => {
        #[derive(Deserialize)]
        pub(crate) struct $page {
            $field: Vec<$item>,
            #[serde(default)]
            links: Links,
        }

        impl Page for $page {
            type Item = $item;
            fn into_parts(self) -> (Vec<$item>, bool) {
                (self.$field, self.links.pages.next.is_some())
            }
        }
    };
}

page!(Droplets, droplets, Droplet);
page!(Firewalls, firewalls, Firewall);
page!(Sizes, sizes, Size);
page!(Images, images, DistributionImage);
page!(Regions, regions, RegionEntry);

#[derive(Deserialize)]
pub(crate) struct Firewall {
    pub(crate) id: String,
    pub(crate) name: String,
}

#[derive(Deserialize)]
pub(crate) struct Size {
    slug: String,
    #[serde(default)]
    description: String,
    memory: u64,
    vcpus: f64,
    disk: u64,
    price_monthly: f64,
    #[serde(default)]
    pub(crate) regions: Vec<String>,
    available: bool,
}

impl Size {
    pub(crate) fn into_plan(self, region: Option<&str>) -> Plan {
        let sold_there = region.is_none_or(|region| self.regions.iter().any(|known| known == region));
        Plan {
            id: self.slug,
            description: self.description,
            vcpus: Some(self.vcpus),
            memory_mib: Some(self.memory),
            disk_gb: Some(self.disk),
            monthly_cost: Some(self.price_monthly),
            currency: "USD".to_owned(),
            available: Some(self.available && sold_there && !self.regions.is_empty()),
            regions: self.regions,
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct DistributionImage {
    id: u64,
    slug: Option<String>,
    name: String,
    distribution: String,
    #[serde(default)]
    pub(crate) regions: Vec<String>,
}

impl DistributionImage {
    pub(crate) fn into_image(self) -> Image {
        Image {
            id: self.slug.unwrap_or_else(|| self.id.to_string()),
            description: format!("{} {}", self.distribution, self.name),
            architecture: Some("x86_64".to_owned()),
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct RegionEntry {
    pub(crate) slug: String,
    name: String,
    available: bool,
}

impl RegionEntry {
    pub(crate) fn into_region(self) -> Region {
        Region {
            id: self.slug,
            description: self.name,
            available: Some(self.available),
        }
    }
}
