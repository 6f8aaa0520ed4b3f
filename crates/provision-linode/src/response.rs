//! What the API answers, as far as the provider reads it.

use std::net::{IpAddr, Ipv4Addr};

use provision_core::{
    HostId, HostName, HostStatus, Image, Labels, Plan, ProvisionedHost, Region, Result, parse_rfc3339,
};
use serde::Deserialize;

use crate::{config::INFO, status::host_status};

/// One page of any list.
#[derive(Deserialize)]
pub(crate) struct Page<T> {
    pub(crate) data: Vec<T>,
    /// How many pages there are.
    #[serde(default)]
    pub(crate) pages: usize,
}

#[derive(Deserialize)]
pub(crate) struct Instance {
    pub(crate) id: u64,
    label: String,
    status: String,
    /// May hold a private address, too.
    #[serde(default)]
    ipv4: Vec<Ipv4Addr>,
    region: Option<String>,
    #[serde(rename = "type")]
    plan: Option<String>,
    image: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    created: Option<String>,
}

impl Instance {
    /// The public address: the first that is not private.
    pub(crate) fn ip(&self) -> Option<IpAddr> {
        self.public_ips().next()
    }

    pub(crate) fn has_ip(&self, ip: IpAddr) -> bool {
        self.public_ips().any(|own| own == ip)
    }

    fn public_ips(&self) -> impl Iterator<Item = IpAddr> {
        self.ipv4.iter().filter(|ip| !ip.is_private()).map(|ip| IpAddr::V4(*ip))
    }

    pub(crate) fn labels(&self) -> Labels {
        Labels::from_tags(self.tags.iter().map(String::as_str))
    }

    pub(crate) fn is_named(&self, name: &HostName) -> bool {
        self.label == name.as_str()
    }

    pub(crate) fn is_being_deleted(&self) -> bool {
        host_status(&self.status, true) == HostStatus::Deleting
    }

    pub(crate) fn into_host(self) -> Result<ProvisionedHost> {
        let (ip, labels) = (self.ip(), self.labels());
        let status = host_status(&self.status, ip.is_some());
        let id = HostId::new(self.id.to_string())?;
        let message = (status == HostStatus::Failed)
            .then(|| "the account is suspended for its bills: pay them, or ask Linode's support".to_owned());
        let mut host = ProvisionedHost::new(INFO.id, id, self.label, status, self.status);
        host.ip = ip;
        host.region = self.region;
        host.plan = self.plan;
        host.image = self.image;
        host.labels = labels;
        // Times are UTC without saying so.
        host.created = self.created.and_then(|created| parse_rfc3339(&format!("{created}Z")));
        host.message = message;
        Ok(host)
    }
}

#[derive(Deserialize)]
pub(crate) struct Firewall {
    pub(crate) id: u64,
    pub(crate) label: String,
    #[serde(default)]
    pub(crate) tags: Vec<String>,
}

#[derive(Deserialize)]
pub(crate) struct LinodeType {
    id: String,
    #[serde(default)]
    label: String,
    vcpus: Option<u32>,
    /// In MiB.
    memory: Option<u64>,
    /// In MiB.
    disk: Option<u64>,
    price: Option<Price>,
    /// Regions where the price is another one.
    #[serde(default)]
    region_prices: Vec<RegionPrice>,
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
        let there = self.region_prices.iter().find(|price| price.id == region);
        let everywhere = self.price.and_then(|price| price.monthly);
        Plan {
            monthly_cost: there
                .map_or(everywhere, |price| price.monthly)
                .filter(|cost| *cost > 0.0),
            currency: "USD".to_owned(),
            id: self.id,
            description: self.label,
            vcpus: self.vcpus.map(f64::from),
            memory_mib: self.memory,
            disk_gb: self.disk.map(|mib| mib / 1024),
            regions: Vec::new(),
            available: None,
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct DiskImage {
    id: String,
    #[serde(default)]
    label: String,
    #[serde(default)]
    capabilities: Vec<String>,
    status: Option<String>,
}

impl DiskImage {
    /// Whether a host can be made from it whose user data is run.
    pub(crate) fn is_usable(&self) -> bool {
        self.status.as_deref().is_none_or(|status| status == "available")
            && self.capabilities.iter().any(|capability| capability == "cloud-init")
    }

    pub(crate) fn into_image(self) -> Image {
        Image {
            id: self.id,
            description: self.label,
            architecture: None,
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct LinodeRegion {
    pub(crate) id: String,
    #[serde(default)]
    label: String,
    #[serde(default)]
    capabilities: Vec<String>,
    status: Option<String>,
}

impl LinodeRegion {
    pub(crate) fn into_region(self) -> Region {
        // Without the Metadata service the user data would not arrive.
        let can = |what: &str| self.capabilities.iter().any(|capability| capability == what);
        let works = self.status.as_deref().is_none_or(|status| status == "ok");
        Region {
            available: Some(works && can("Linodes") && can("Metadata")),
            id: self.id,
            description: self.label,
        }
    }
}
