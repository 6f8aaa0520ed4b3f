//! What the API answers, as far as the provider reads it.

use std::net::IpAddr;

use provision_core::{HostId, HostStatus, Image, Labels, Plan, ProvisionedHost, Region, Result, parse_rfc3339};
use provision_http::{Answer, NumberedPage};
use serde::Deserialize;

use crate::{info::INFO, status::host_status};

#[derive(Deserialize)]
pub(crate) struct DropletAnswer {
    pub(crate) droplet: Droplet,
}

#[derive(Deserialize)]
pub(crate) struct Droplet {
    pub(crate) id: u64,
    name: String,
    status: String,
    #[serde(default)]
    locked: bool,
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
    /// As a host that a create may take up. An event is pending on a locked one; of those that an active Droplet can have, its
    /// destruction is the one that matters here, because such a Droplet reads as before until it is gone. UNCONFIRMED: that it
    /// is locked all that time.
    pub(crate) fn into_candidate(self) -> Result<ProvisionedHost> {
        let locked = self.locked;
        let mut host = self.into_host()?;
        if locked && matches!(host.status, HostStatus::Active | HostStatus::Stopped) {
            host.status = HostStatus::Deleting;
        }
        Ok(host)
    }

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

/// `links` is `{}` or null when everything fits on one page; otherwise `pages.next` is absent on the last.
#[derive(Deserialize, Default)]
struct Links {
    pages: Option<Pages>,
}

#[derive(Deserialize)]
struct Pages {
    next: Option<String>,
}

macro_rules! page {
    ($page:ident, $field:ident, $item:ty) => {
        #[derive(Deserialize)]
        pub(crate) struct $page {
            $field: Vec<$item>,
            links: Option<Links>,
        }

        impl NumberedPage for $page {
            type Item = $item;
            fn has_more(&self, _page: usize, _seen: &mut usize, _answer: &Answer) -> bool {
                let pages = self.links.as_ref().and_then(|links| links.pages.as_ref());
                pages.is_some_and(|pages| pages.next.is_some())
            }
            fn into_items(self) -> Vec<$item> {
                self.$field
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
    id: String,
    pub(crate) name: String,
}

impl Firewall {
    /// The id, checked before it becomes part of a URL.
    pub(crate) fn id(&self) -> Result<HostId> {
        Ok(HostId::new(&self.id)?)
    }
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
    regions: Vec<String>,
    available: bool,
}

impl Size {
    pub(crate) fn into_plan(self, region: Option<&str>) -> Plan {
        let sold_there = region.is_none_or(|region| self.regions.iter().any(|known| known == region));
        let mut plan = Plan::new(self.slug);
        plan.description = self.description;
        plan.vcpus = Some(self.vcpus);
        plan.memory_mib = Some(self.memory);
        plan.disk_gb = Some(self.disk);
        plan.monthly_cost = Some(self.price_monthly);
        plan.currency = "USD".to_owned();
        plan.available = Some(self.available && sold_there && !self.regions.is_empty());
        plan.regions = self.regions;
        plan
    }
}

#[derive(Deserialize)]
pub(crate) struct DistributionImage {
    id: u64,
    slug: Option<String>,
    name: String,
    distribution: String,
    #[serde(default)]
    regions: Vec<String>,
}

impl DistributionImage {
    pub(crate) fn is_in(&self, region: &str) -> bool {
        self.regions.iter().any(|known| known == region)
    }

    pub(crate) fn into_image(self) -> Image {
        let description = format!("{} {}", self.distribution, self.name);
        Image::new(self.slug.unwrap_or_else(|| self.id.to_string()), description).with_architecture("x86_64")
    }
}

#[derive(Deserialize)]
pub(crate) struct RegionEntry {
    slug: String,
    name: String,
    available: bool,
}

impl RegionEntry {
    pub(crate) fn into_region(self) -> Region {
        Region::new(self.slug, self.name).with_available(self.available)
    }
}
