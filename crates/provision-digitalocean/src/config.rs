use provision_core::{
    AdditionalInfo, Capabilities, MonthlyCost, NameRules, Polling, ProviderInfo, Result, SecretString, SettingInfo,
    Settings, UserDataRules,
};
use provision_http::Endpoint;

/// Static facts about DigitalOcean.
///
/// How the defaults were chosen (2026-11-20):
/// - plan `s-1vcpu-512mb-10gb`: the cheapest Droplet with a public IPv4,
///   [4.00 USD a month](https://www.digitalocean.com/pricing/droplets), read 2026-09-20.
/// - image `ubuntu-24-04-x64`: the [distribution slug](https://docs.digitalocean.com/products/droplets/details/images/) of
///   Ubuntu LTS; DigitalOcean keeps it pointing at the newest build, so no look-up is needed.
/// - region `lon1`: the default of the Go package `cloud-provision`, kept so that moving over moves no host.
pub static INFO: ProviderInfo = ProviderInfo {
    id: "digitalocean",
    aliases: &["do"],
    title: "DigitalOcean",
    default_region: "lon1",
    default_plan: "s-1vcpu-512mb-10gb",
    default_image: "ubuntu-24-04-x64",
    monthly_cost: MonthlyCost {
        amount: Some(4.00),
        currency: "USD",
        as_of: "2026-09-20",
        includes: "public IPv4, 10 GB disk, 500 GB transfer",
    },
    // 64 KiB: https://docs.digitalocean.com/reference/api/reference/droplets/#droplets_create
    user_data: UserDataRules {
        max_bytes: 65_536,
        gzip: false,
    },
    name_rules: NameRules::HOST_NAME,
    settings: &[
        SettingInfo {
            name: "token",
            env: &["DIGITALOCEAN_ACCESS_TOKEN", "DIGITALOCEAN_TOKEN"],
            required: true,
            secret: true,
            help: "API token, from the control panel under API > Tokens",
        },
        SettingInfo::ENDPOINT,
        SettingInfo::ALLOW_HTTP,
    ],
    additional: &[
        AdditionalInfo {
            key: "vpc-uuid",
            help: "VPC to put the Droplet into, instead of the region's default",
        },
        AdditionalInfo {
            key: "ipv6",
            help: "`true` adds a public IPv6 address",
        },
        AdditionalInfo {
            key: "monitoring",
            help: "`true` installs the monitoring agent",
        },
    ],
    capabilities: Capabilities {
        restrict_ports: true,
        ssh_keys: true,
        unique_names: false,
        lists_all_regions: true,
    },
    // https://docs.digitalocean.com/reference/api/digitalocean/#section/Introduction/Rate-Limit
    polling: Polling {
        page_size: Some(200),
        requests_per_page: 1,
        hourly_limit: Some(5_000),
    },
    label_max_len: Some(255),
    retired: None,
};

/// Settings of the provider, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// API token.
    pub token: SecretString,
    /// Base URL of the API; paths start with `/v2`.
    pub endpoint: Endpoint,
}

impl Config {
    /// Reads the settings `token`, `endpoint` and `allow-http`.
    ///
    /// # Errors
    /// `Unauthorized` without a token; `InvalidRequest` for an unknown setting or a bad endpoint.
    pub fn from_settings(settings: &Settings) -> Result<Self> {
        settings.check_names(&INFO)?;
        let endpoint = settings.get("endpoint").unwrap_or("https://api.digitalocean.com");
        Ok(Self {
            token: settings.require_secret(&INFO, "token")?,
            endpoint: Endpoint::parse(endpoint, settings.flag(&INFO, "allow-http")?)?,
        })
    }
}
