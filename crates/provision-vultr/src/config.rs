use provision_core::{
    AdditionalInfo, Capabilities, MonthlyCost, NameRules, Polling, ProviderInfo, Result, SecretString, SettingInfo,
    Settings, UserDataRules,
};
use provision_http::Endpoint;

/// Static facts about Vultr.
///
/// How the defaults were chosen (2026-11-20):
/// - plan `vc2-1c-1gb`: the cheapest [Cloud Compute plan](https://www.vultr.com/pricing/#cloud-compute) that is sold in
///   every region and has a public IPv4, 5.00 USD a month by [`/v2/plans`](https://api.vultr.com/v2/plans), read
///   2026-09-25. `vc2-1c-0.5gb` (3.50 USD) is sold in a few regions only and is often out of stock.
/// - image `2284`: Ubuntu 24.04 LTS x64 in [`/v2/os`](https://api.vultr.com/v2/os), read 2026-09-25. Vultr keeps the number
///   for each release and renews the build behind it, so no look-up is needed.
/// - region `lhr`: London, where every plan family is sold.
pub static INFO: ProviderInfo = ProviderInfo {
    id: "vultr",
    aliases: &[],
    title: "Vultr",
    default_region: "lhr",
    default_plan: "vc2-1c-1gb",
    default_image: "2284",
    monthly_cost: MonthlyCost {
        amount: Some(5.00),
        currency: "USD",
        as_of: "2026-09-25",
        includes: "public IPv4, 25 GB disk, 1 TB transfer",
    },
    // What is sent is held to 64 KiB, see `MOST_USER_DATA`. The user's text stands in it as base64 in lines, which takes
    // 37 % more, beside the part that opens the ports: 45 KiB always fit.
    user_data: UserDataRules {
        max_bytes: 46_080,
        gzip: false,
    },
    name_rules: NameRules::HOST_NAME,
    settings: &[
        SettingInfo {
            name: "token",
            env: &["VULTR_API_KEY"],
            required: true,
            secret: true,
            help: "API key, from the console under Account > API, which also lists the addresses that may use it",
            role: provision_core::SettingRole::Value,
        },
        SettingInfo::ENDPOINT,
        SettingInfo::ALLOW_HTTP,
    ],
    additional: &[
        AdditionalInfo {
            key: "ipv6",
            help: "`true` adds a public IPv6 address",
            role: provision_core::AdditionalRole::Harmless,
        },
        AdditionalInfo {
            key: "vpc",
            help: "id of a VPC to attach as well",
            role: provision_core::AdditionalRole::Harmless,
        },
        AdditionalInfo {
            key: "firewall-group",
            help: "id of a firewall group of yours to put in front of the host",
            role: provision_core::AdditionalRole::Harmless,
        },
        AdditionalInfo {
            key: "host-firewall",
            help: "`keep` leaves the image's own firewall as it is (22/tcp open) and the user data untouched",
            role: provision_core::AdditionalRole::Harmless,
        },
    ],
    capabilities: Capabilities {
        restrict_ports: true,
        ssh_keys: true,
        unique_names: false,
        create_tokens: false,
        lists_all_regions: true,
    },
    // 30 requests a second: https://www.vultr.com/api/#section/Introduction/Rate-Limiting
    polling: Polling {
        page_size: Some(500),
        requests_per_page: 1,
        hourly_limit: Some(108_000),
    },
    // Tags of 512 characters were accepted, 2026-09: more than a label can have.
    label_max_len: None,
    visible_within: std::time::Duration::from_secs(30),
    retired: None,
};

/// The most bytes of user data that are sent, before the base64 of the API. Vultr documents no limit and took 4 MiB, but
/// only 64 KiB were seen to arrive at the guest whole (2026-09).
pub(crate) const MOST_USER_DATA: usize = 65_536;

/// The most tags of an instance: 50 were accepted, 100 refused (2026-09); nothing is documented.
pub(crate) const MOST_TAGS: usize = 50;

/// Settings of the provider, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// API key.
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
        let endpoint = settings.get("endpoint").unwrap_or("https://api.vultr.com");
        Ok(Self {
            token: settings.require_secret(&INFO, "token")?,
            endpoint: Endpoint::parse(endpoint, settings.flag(&INFO, "allow-http")?)?,
        })
    }
}
