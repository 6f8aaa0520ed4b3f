//! What the API answers, as far as the provider reads it.

use std::{collections::BTreeMap, net::IpAddr};

use provision_core::{HostId, Image, Labels, Plan, ProvisionedHost, Region, Result, parse_rfc3339};
use provision_http::{Answer, NumberedPage};
use serde::Deserialize;

use crate::{info::INFO, status::host_status};

#[derive(Deserialize)]
pub(crate) struct ServerAnswer {
    pub(crate) server: Server,
}

#[derive(Deserialize)]
pub(crate) struct Server {
    id: u64,
    name: String,
    status: String,
    public_net: Option<PublicNet>,
    server_type: Option<Named>,
    image: Option<ServerImage>,
    location: Option<Named>,
    labels: Option<BTreeMap<String, String>>,
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
    pub(crate) fn into_host(self) -> Result<ProvisionedHost> {
        let ip = self.public_net.and_then(|net| net.ipv4).map(|ipv4| ipv4.ip);
        let id = HostId::new(self.id.to_string())?;
        let status = host_status(&self.status, ip.is_some());
        let mut host = ProvisionedHost::new(INFO.id, id, self.name, status, self.status);
        host.ip = ip;
        host.region = self.location.map(|location| location.name);
        host.plan = self.server_type.map(|plan| plan.name);
        host.image = self
            .image
            .map(|image| image.name.unwrap_or_else(|| image.id.to_string()));
        let labels = self.labels.unwrap_or_default();
        host.labels = Labels::from_vendor(labels.iter().map(|(key, value)| (key.as_str(), value.as_str())));
        host.created = self.created.as_deref().and_then(parse_rfc3339);
        Ok(host)
    }
}

/// What the API does after it has answered.
#[derive(Deserialize)]
pub(crate) struct Action {
    command: String,
    status: String,
    error: Option<ActionError>,
}

#[derive(Deserialize)]
struct ActionError {
    code: Option<String>,
    message: Option<String>,
}

impl Action {
    /// Why the server could not be made, if this is the action that should have made it.
    pub(crate) fn failed_create(self) -> Option<String> {
        if self.command != "create_server" || self.status != "error" {
            return None;
        }
        let (code, message) = self.error.map(|error| (error.code, error.message)).unwrap_or_default();
        let message = message.filter(|message| !message.is_empty());
        Some(match (message, code) {
            (Some(message), Some(code)) => format!("{message} ({code})"),
            (Some(reason), None) | (None, Some(reason)) => reason,
            (None, None) => "Hetzner Cloud could not make the server, and does not say why".to_owned(),
        })
    }
}

#[derive(Deserialize)]
struct Meta {
    pagination: Option<Pagination>,
}

/// All neighbours are null where there is none.
#[derive(Deserialize)]
struct Pagination {
    next_page: Option<u64>,
}

macro_rules! page {
    ($page:ident, $field:ident, $item:ty) => {
        #[derive(Deserialize)]
        pub(crate) struct $page {
            $field: Vec<$item>,
            meta: Option<Meta>,
        }

        impl NumberedPage for $page {
            type Item = $item;
            fn has_more(&self, _page: usize, _seen: &mut usize, _answer: &Answer) -> bool {
                let pagination = self.meta.as_ref().and_then(|meta| meta.pagination.as_ref());
                pagination.is_some_and(|pagination| pagination.next_page.is_some())
            }
            fn into_items(self) -> Vec<$item> {
                self.$field
            }
        }
    };
}

page!(Servers, servers, Server);
page!(Actions, actions, Action);
page!(Firewalls, firewalls, Firewall);
page!(ServerTypes, server_types, ServerType);
page!(Images, images, SystemImage);
page!(Locations, locations, Location);

#[derive(Deserialize)]
pub(crate) struct Firewall {
    pub(crate) id: u64,
    pub(crate) name: String,
}

#[derive(Deserialize)]
pub(crate) struct PricingAnswer {
    pub(crate) pricing: Pricing,
}

#[derive(Deserialize)]
pub(crate) struct Pricing {
    currency: String,
    primary_ips: Option<Vec<AddressPrices>>,
}

#[derive(Deserialize)]
struct AddressPrices {
    #[serde(rename = "type")]
    kind: String,
    prices: Option<Vec<LocationPrice>>,
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

impl Pricing {
    /// What the IPv4 of a server costs.
    fn ipv4(&self, location: &str) -> Option<f64> {
        let addresses = self.primary_ips.iter().flatten();
        let ipv4 = addresses.filter(|address| address.kind == "ipv4");
        monthly(ipv4.flat_map(|address| address.prices.iter().flatten()), location)
    }
}

fn monthly<'a>(mut prices: impl Iterator<Item = &'a LocationPrice>, location: &str) -> Option<f64> {
    prices.find(|price| price.location == location)?.monthly()
}

impl LocationPrice {
    fn monthly(&self) -> Option<f64> {
        self.price_monthly.net.parse().ok()
    }
}

#[derive(Deserialize)]
pub(crate) struct ServerType {
    name: String,
    description: Option<String>,
    cores: f64,
    /// In GiB.
    memory: f64,
    disk: u64,
    prices: Option<Vec<LocationPrice>>,
    locations: Option<Vec<Availability>>,
}

#[derive(Deserialize)]
struct Availability {
    name: String,
    available: Option<bool>,
}

impl ServerType {
    pub(crate) fn into_plan(self, region: &str, pricing: &Pricing) -> Plan {
        let (prices, locations) = (self.prices.unwrap_or_default(), self.locations.unwrap_or_default());
        // Without an IPv4 no host is made.
        let with_ipv4 = |price: &LocationPrice| {
            let total = price.monthly()? + pricing.ipv4(&price.location)?;
            Some((price.location.clone(), total))
        };
        let by_location: BTreeMap<String, f64> = prices.iter().filter_map(with_ipv4).collect();
        let mut plan = Plan::new(self.name);
        plan.description = self.description.unwrap_or_default();
        plan.vcpus = Some(self.cores);
        // Whole MiB below 2^53: the conversion loses nothing.
        plan.memory_mib = Some((self.memory * 1024.0).round() as u64);
        plan.disk_gb = Some(self.disk);
        plan.monthly_cost = by_location.get(region).copied();
        plan.regional_costs = by_location;
        plan.currency.clone_from(&pricing.currency);
        plan.available = match locations.iter().find(|location| location.name == region) {
            Some(location) => location.available,
            // Without an entry of its own, a price means that it is sold there.
            None => Some(locations.is_empty() && monthly(prices.iter(), region).is_some()),
        };
        plan.regions = prices.into_iter().map(|price| price.location).collect();
        plan
    }
}

#[derive(Deserialize)]
pub(crate) struct SystemImage {
    id: u64,
    name: Option<String>,
    description: Option<String>,
    architecture: Option<String>,
}

impl SystemImage {
    pub(crate) fn into_image(self) -> Image {
        let id = self.name.unwrap_or_else(|| self.id.to_string());
        let image = Image::new(id, self.description.unwrap_or_default());
        match self.architecture.as_deref() {
            Some("x86") => image.with_architecture("x86_64"),
            Some(other) => image.with_architecture(other),
            None => image,
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct Location {
    name: String,
    city: Option<String>,
    country: Option<String>,
}

impl Location {
    pub(crate) fn into_region(self) -> Region {
        let place: Vec<String> = self.city.into_iter().chain(self.country).collect();
        Region::new(self.name, place.join(", "))
    }
}
