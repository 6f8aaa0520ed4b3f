//! What the API answers, as far as the provider reads it.

use std::{collections::BTreeMap, net::IpAddr};

use provision_core::{HostId, Image, Labels, Plan, ProvisionedHost, Region, Result, parse_rfc3339};
use serde::{Deserialize, de::DeserializeOwned};

use crate::{config::INFO, status::host_status};

#[derive(Deserialize)]
pub(crate) struct ServerAnswer {
    pub(crate) server: Server,
}

#[derive(Deserialize)]
pub(crate) struct Server {
    pub(crate) id: u64,
    name: String,
    status: String,
    public_net: PublicNet,
    server_type: Option<Named>,
    image: Option<ServerImage>,
    location: Option<Named>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    created: Option<String>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

/// Snapshots have no name.
#[derive(Deserialize)]
struct ServerImage {
    id: u64,
    name: Option<String>,
}

#[derive(Deserialize)]
struct PublicNet {
    ipv4: Option<Ipv4>,
}

#[derive(Deserialize)]
struct Ipv4 {
    ip: IpAddr,
}

impl Server {
    pub(crate) fn ip(&self) -> Option<IpAddr> {
        self.public_net.ipv4.as_ref().map(|ipv4| ipv4.ip)
    }

    pub(crate) fn labels(&self) -> Labels {
        Labels::from_vendor(self.labels.iter().map(|(key, value)| (key.as_str(), value.as_str())))
    }

    pub(crate) fn into_host(self) -> Result<ProvisionedHost> {
        let (ip, labels) = (self.ip(), self.labels());
        let id = HostId::new(self.id.to_string())?;
        let status = host_status(&self.status, ip.is_some());
        let mut host = ProvisionedHost::new(INFO.id, id, self.name, status, self.status);
        host.ip = ip;
        host.region = self.location.map(|location| location.name);
        host.plan = self.server_type.map(|plan| plan.name);
        host.image = self
            .image
            .map(|image| image.name.unwrap_or_else(|| image.id.to_string()));
        host.labels = labels;
        host.created = self.created.as_deref().and_then(parse_rfc3339);
        Ok(host)
    }
}

/// One page of a list.
pub(crate) trait Page: DeserializeOwned {
    type Item;
    fn into_parts(self) -> (Vec<Self::Item>, bool);
}

#[derive(Deserialize, Default)]
struct Meta {
    #[serde(default)]
    pagination: Pagination,
}

/// All neighbours are null where there is none.
#[derive(Deserialize, Default)]
struct Pagination {
    next_page: Option<u64>,
}

macro_rules! page {
    ($page:ident, $field:ident, $item:ty) => {
        #[derive(Deserialize)]
        pub(crate) struct $page {
            $field: Vec<$item>,
            #[serde(default)]
            meta: Meta,
        }

        impl Page for $page {
            type Item = $item;
            fn into_parts(self) -> (Vec<$item>, bool) {
                (self.$field, self.meta.pagination.next_page.is_some())
            }
        }
    };
}

page!(Servers, servers, Server);
page!(Firewalls, firewalls, Firewall);
page!(PrimaryIps, primary_ips, PrimaryIp);
page!(ServerTypes, server_types, ServerType);
page!(Images, images, SystemImage);
page!(Locations, locations, Location);

#[derive(Deserialize)]
pub(crate) struct Firewall {
    pub(crate) id: u64,
    pub(crate) name: String,
}

#[derive(Deserialize)]
pub(crate) struct PrimaryIp {
    pub(crate) ip: IpAddr,
    pub(crate) assignee_id: Option<u64>,
    pub(crate) assignee_type: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct PricingAnswer {
    pub(crate) pricing: Pricing,
}

#[derive(Deserialize)]
pub(crate) struct Pricing {
    pub(crate) currency: String,
}

#[derive(Deserialize)]
pub(crate) struct ServerType {
    name: String,
    #[serde(default)]
    description: String,
    cores: f64,
    /// In GiB.
    memory: f64,
    disk: u64,
    #[serde(default)]
    prices: Vec<LocationPrice>,
    #[serde(default)]
    locations: Vec<Availability>,
}

#[derive(Deserialize)]
struct LocationPrice {
    location: String,
    price_monthly: Amount,
}

/// Decimal text, without tax.
#[derive(Deserialize)]
struct Amount {
    net: String,
}

#[derive(Deserialize)]
struct Availability {
    name: String,
    available: Option<bool>,
}

impl ServerType {
    pub(crate) fn locations(&self) -> impl Iterator<Item = &str> {
        self.prices.iter().map(|price| price.location.as_str())
    }

    pub(crate) fn into_plan(self, region: &str, currency: &str) -> Plan {
        let price = self.prices.iter().find(|price| price.location == region);
        let there = self.locations.iter().find(|location| location.name == region);
        Plan {
            monthly_cost: price.and_then(|price| price.price_monthly.net.parse().ok()),
            currency: currency.to_owned(),
            available: match there {
                Some(location) => location.available,
                // Without an entry of its own, a price means that it is sold there.
                None => Some(self.locations.is_empty() && price.is_some()),
            },
            regions: self.locations().map(str::to_owned).collect(),
            id: self.name,
            description: self.description,
            vcpus: Some(self.cores),
            // Whole MiB below 2^53: the conversion loses nothing.
            memory_mib: Some((self.memory * 1024.0).round() as u64),
            disk_gb: Some(self.disk),
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct SystemImage {
    id: u64,
    name: Option<String>,
    #[serde(default)]
    description: String,
    architecture: Option<String>,
}

impl SystemImage {
    pub(crate) fn into_image(self) -> Image {
        let architecture = self
            .architecture
            .map(|name| if name == "x86" { "x86_64".to_owned() } else { name });
        Image {
            id: self.name.unwrap_or_else(|| self.id.to_string()),
            description: self.description,
            architecture,
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct Location {
    pub(crate) name: String,
    #[serde(default)]
    city: String,
    #[serde(default)]
    country: String,
}

impl Location {
    pub(crate) fn into_region(self) -> Region {
        Region {
            id: self.name,
            description: format!("{}, {}", self.city, self.country),
            available: None,
        }
    }
}
