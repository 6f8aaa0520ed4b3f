//! What the API answers, as far as the provider reads it.

use std::net::{IpAddr, Ipv4Addr};

use provision_core::{HostId, HostStatus, Image, Labels, Plan, ProvisionedHost, Region, Result, parse_rfc3339};
use provision_http::{Answer, NumberedPage};
use serde::{Deserialize, de::DeserializeOwned};

use crate::{info::INFO, status::host_status};

/// One page of any list.
#[derive(Deserialize)]
pub(crate) struct Page<T> {
    data: Vec<T>,
    /// How many pages there are.
    pages: Option<usize>,
}

impl<T: DeserializeOwned + Send> NumberedPage for Page<T> {
    type Item = T;
    fn has_more(&self, page: usize, _seen: &mut usize, _answer: &Answer) -> bool {
        self.pages.is_some_and(|pages| page < pages)
    }
    fn into_items(self) -> Vec<T> {
        self.data
    }
}

#[derive(Deserialize)]
pub(crate) struct Instance {
    id: u64,
    label: String,
    status: String,
    /// May hold a private address, too.
    ipv4: Option<Vec<Ipv4Addr>>,
    region: Option<String>,
    #[serde(rename = "type")]
    plan: Option<String>,
    image: Option<String>,
    tags: Option<Vec<String>>,
    created: Option<String>,
}

impl Instance {
    pub(crate) fn into_host(self) -> Result<ProvisionedHost> {
        let ip = self
            .ipv4
            .into_iter()
            .flatten()
            .find(|ip| !ip.is_private())
            .map(IpAddr::V4);
        let status = host_status(&self.status, ip.is_some());
        let id = HostId::new(self.id.to_string())?;
        let mut host = ProvisionedHost::new(INFO.id, id, self.label, status, self.status);
        host.ip = ip;
        host.region = self.region;
        host.plan = self.plan;
        host.image = self.image;
        host.labels = Labels::from_tags(self.tags.iter().flatten().map(String::as_str));
        // Times are UTC without saying so.
        host.created = self.created.and_then(|created| parse_rfc3339(&format!("{created}Z")));
        host.message = (status == HostStatus::Failed)
            .then(|| "the account is suspended for its bills: pay them, or ask Linode's support".to_owned());
        Ok(host)
    }
}

#[derive(Deserialize)]
pub(crate) struct Firewall {
    pub(crate) id: u64,
    pub(crate) label: String,
}

#[derive(Deserialize)]
pub(crate) struct LinodeType {
    id: String,
    label: Option<String>,
    vcpus: Option<u32>,
    /// In MiB.
    memory: Option<u64>,
    /// In MiB.
    disk: Option<u64>,
    price: Option<Price>,
    /// Regions where the price is another one.
    region_prices: Option<Vec<RegionPrice>>,
}

/// In USD.
#[derive(Deserialize)]
struct Price {
    monthly: Option<f64>,
}

#[derive(Deserialize)]
struct RegionPrice {
    id: String,
    monthly: Option<f64>,
}

impl LinodeType {
    pub(crate) fn into_plan(self, region: &str) -> Plan {
        let told = self.region_prices.unwrap_or_default();
        let there = told.iter().find(|price| price.id == region);
        let common = self.price.and_then(|price| price.monthly);
        let mut plan = Plan::new(self.id);
        plan.description = self.label.unwrap_or_default();
        plan.vcpus = self.vcpus.map(f64::from);
        plan.memory_mib = self.memory;
        plan.disk_gb = self.disk.map(|mib| mib / 1024);
        plan.monthly_cost = there.map_or(common, |price| price.monthly);
        plan.regional_costs = told
            .into_iter()
            .filter_map(|price| Some((price.id, price.monthly?)))
            .collect();
        plan.currency = "USD".to_owned();
        plan
    }
}

#[derive(Deserialize)]
pub(crate) struct DiskImage {
    id: String,
    label: Option<String>,
    capabilities: Option<Vec<String>>,
    status: Option<String>,
}

impl DiskImage {
    /// Whether a host can be made from it whose user data is run.
    pub(crate) fn is_usable(&self) -> bool {
        self.status.as_deref().is_none_or(|status| status == "available") && has(&self.capabilities, "cloud-init")
    }

    pub(crate) fn into_image(self) -> Image {
        Image::new(self.id, self.label.unwrap_or_default())
    }
}

#[derive(Deserialize)]
pub(crate) struct LinodeRegion {
    id: String,
    label: Option<String>,
    capabilities: Option<Vec<String>>,
    status: Option<String>,
}

impl LinodeRegion {
    pub(crate) fn into_region(self) -> Region {
        let works = self.status.as_deref().is_none_or(|status| status == "ok");
        // Without the Metadata service the user data would not arrive.
        let offers = has(&self.capabilities, "Linodes") && has(&self.capabilities, "Metadata");
        Region::new(self.id, self.label.unwrap_or_default()).with_available(works && offers)
    }
}

fn has(capabilities: &Option<Vec<String>>, wanted: &str) -> bool {
    capabilities.iter().flatten().any(|capability| capability == wanted)
}
