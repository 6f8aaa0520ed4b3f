//! What the API answers, as far as the provider reads it.

use std::net::IpAddr;

use provision_core::{HostId, Image, Labels, Plan, ProvisionedHost, Result, parse_rfc3339};
use serde::Deserialize;

use crate::{
    info::INFO,
    request::read_name,
    status::{host_status, is_gone},
};

/// Lists name the flavor and the image by their ids; single reads hold both objects.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Instance {
    id: HostId,
    name: String,
    status: String,
    region: Option<String>,
    created: Option<String>,
    ip_addresses: Option<Vec<Address>>,
    plan_code: Option<String>,
    flavor: Option<Named>,
    flavor_id: Option<String>,
    image: Option<Named>,
    image_id: Option<String>,
}

#[derive(Deserialize)]
struct Address {
    ip: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Named {
    name: Option<String>,
}

impl Instance {
    /// Whether it is only shown as a memory.
    pub(crate) fn is_gone(&self) -> bool {
        is_gone(&self.status)
    }

    /// Its public address, IPv4 before IPv6. What is not an address, or of no known kind, is left out.
    fn public_address(&self) -> Option<IpAddr> {
        let all = self.ip_addresses.iter().flatten();
        let public = all.filter(|address| address.kind.as_deref() == Some("public"));
        let addresses = public.filter_map(|address| address.ip.as_deref()?.parse::<IpAddr>().ok());
        addresses.min_by_key(IpAddr::is_ipv6)
    }

    pub(crate) fn into_host(self, project: &str) -> Result<ProvisionedHost> {
        let ip = self.public_address();
        let id = HostId::from_parts([self.id.as_str(), project])?;
        let (name, labels) = read_name(&self.name).unwrap_or_else(|| (self.name.clone(), Labels::new()));
        // Every instance of ours gets an IPv4 address: one that shows only its IPv6 address yet is not complete.
        let status = host_status(&self.status, ip.is_some_and(|ip| ip.is_ipv4()));
        let mut host = ProvisionedHost::new(INFO.id, id, name, status, self.status);
        host.ip = ip;
        host.region = self.region;
        // `d2-2.consumption`, `b3-8.consumption.3AZ`, `d2-2.monthly.postpaid`
        let by_code = || {
            let code = self.plan_code?;
            let end = code.find(".consumption").or_else(|| code.find(".monthly"));
            Some(code.get(..end?)?.to_owned())
        };
        host.plan = self
            .flavor
            .and_then(|flavor| flavor.name)
            .or_else(by_code)
            .or(self.flavor_id);
        host.image = self.image.and_then(|image| image.name).or(self.image_id);
        host.labels = labels;
        host.created = self.created.as_deref().and_then(parse_rfc3339);
        Ok(host)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Flavor {
    pub(crate) id: String,
    pub(crate) name: String,
    os_type: Option<String>,
    /// `false` when sold out.
    pub(crate) available: Option<bool>,
    vcpus: Option<f64>,
    /// MiB.
    ram: Option<u64>,
    /// GB.
    disk: Option<u64>,
    plan_codes: Option<PlanCodes>,
}

#[derive(Deserialize)]
struct PlanCodes {
    hourly: Option<String>,
}

impl Flavor {
    pub(crate) fn is_linux(&self) -> bool {
        self.os_type.as_deref().is_none_or(|kind| kind == "linux")
    }

    pub(crate) fn into_plan(self, region: &str, prices: &PriceList) -> Plan {
        let code = self.plan_codes.and_then(|codes| codes.hourly);
        let mut plan = Plan::new(self.name);
        plan.vcpus = self.vcpus;
        plan.memory_mib = self.ram;
        plan.disk_gb = self.disk;
        plan.monthly_cost = code.and_then(|code| prices.monthly(&code));
        plan.currency.clone_from(&prices.locale.currency_code);
        plan.regions = vec![region.to_owned()];
        plan.available = self.available;
        plan
    }
}

/// The public price list: <https://eu.api.ovh.com/console/?section=%2Forder&branch=v1#get-/order/catalog/public/cloud>
#[derive(Deserialize)]
pub(crate) struct PriceList {
    locale: Locale,
    addons: Vec<Addon>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Locale {
    currency_code: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Addon {
    plan_code: String,
    pricings: Option<Vec<Pricing>>,
}

/// Without tax, in hundred-millionths of the currency.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pricing {
    price: f64,
    interval_unit: Option<String>,
}

impl PriceList {
    /// The price of 730 hours.
    fn monthly(&self, plan_code: &str) -> Option<f64> {
        let addon = self.addons.iter().find(|addon| addon.plan_code == plan_code)?;
        let mut pricings = addon.pricings.iter().flatten();
        let hour = pricings.find(|pricing| pricing.interval_unit.as_deref() == Some("hour"))?;
        Some(hour.price / 1e8 * 730.0)
    }
}

#[derive(Deserialize)]
pub(crate) struct SystemImage {
    pub(crate) id: String,
    pub(crate) name: String,
    status: Option<String>,
}

impl SystemImage {
    pub(crate) fn is_active(&self) -> bool {
        self.status.as_deref().is_none_or(|status| status == "active")
    }

    pub(crate) fn into_image(self) -> Image {
        Image::new(self.name, "")
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SshKey {
    pub(crate) id: String,
    name: String,
    public_key: Option<String>,
}

impl SshKey {
    /// Whether an id, a name or the text of a public key names it. Comments behind a key do not count.
    pub(crate) fn is_called(&self, wanted: &str) -> bool {
        let text = |key: &str| key.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
        let same_text = |key: &String| wanted.contains(' ') && text(key) == text(wanted);
        self.id == wanted || self.name == wanted || self.public_key.as_ref().is_some_and(same_text)
    }
}
