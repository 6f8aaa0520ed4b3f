use provision_core::{
    AdditionalInfo, Capabilities, MonthlyCost, NameRules, Polling, ProviderInfo, Result, SecretString, SettingInfo,
    Settings, UserDataRules,
};
use provision_http::Endpoint;

/// Static facts about Hetzner Cloud.
///
/// How the defaults were chosen (2026-11-20):
/// - plan `cx23`: the cheapest [shared x86 plan](https://www.hetzner.com/cloud), 5.49 EUR a month and 0.50 EUR for the
///   IPv4, after the repricing of 2026-06-15, read 2026-09-25. It is often sold out; `cpx12` (11.49 EUR) is the cheapest
///   that could always be ordered then.
/// - image `ubuntu-24.04`: Ubuntu LTS by
///   [name](https://docs.hetzner.cloud/reference/cloud#images), the same for x86 and ARM, kept current by Hetzner.
/// - location `nbg1`: Nuremberg, where every plan family is sold.
pub static INFO: ProviderInfo = ProviderInfo {
    id: "hetzner",
    aliases: &["hcloud"],
    title: "Hetzner Cloud",
    default_region: "nbg1",
    default_plan: "cx23",
    default_image: "ubuntu-24.04",
    monthly_cost: MonthlyCost {
        amount: Some(5.99),
        currency: "EUR",
        as_of: "2026-09-25",
        includes: "public IPv4 (0.50), 40 GB disk, 20 TB transfer",
    },
    // 32 KiB: https://docs.hetzner.cloud/reference/cloud#servers-create-a-server
    user_data: UserDataRules {
        max_bytes: 32_768,
        gzip: false,
    },
    name_rules: NameRules::HOST_NAME,
    settings: &[
        SettingInfo {
            name: "token",
            env: &["HCLOUD_TOKEN"],
            required: true,
            secret: true,
            help: "API token of a project with read and write access, from the console under Security > API tokens",
            role: provision_core::SettingRole::Value,
        },
        SettingInfo::ENDPOINT,
        SettingInfo::ALLOW_HTTP,
    ],
    additional: &[
        AdditionalInfo {
            key: "network",
            help: "id of a private network to attach as well",
            role: provision_core::AdditionalRole::Harmless,
        },
        AdditionalInfo {
            key: "placement-group",
            help: "id of a placement group",
            role: provision_core::AdditionalRole::Harmless,
        },
    ],
    capabilities: Capabilities {
        restrict_ports: true,
        ssh_keys: true,
        unique_names: true,
        create_tokens: false,
        lists_all_regions: true,
    },
    // https://docs.hetzner.cloud/reference/cloud#rate-limiting
    polling: Polling {
        page_size: Some(50),
        requests_per_page: 1,
        hourly_limit: Some(3_600),
    },
    label_max_len: None,
    visible_within: std::time::Duration::from_secs(30),
    retired: None,
};

/// Settings of the provider, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// API token of one project.
    pub token: SecretString,
    /// Base URL of the API; paths start with `/v1`.
    pub endpoint: Endpoint,
}

impl Config {
    /// Reads the settings `token`, `endpoint` and `allow-http`.
    ///
    /// # Errors
    /// `Unauthorized` without a token; `InvalidRequest` for an unknown setting or a bad endpoint.
    pub fn from_settings(settings: &Settings) -> Result<Self> {
        settings.check_names(&INFO)?;
        let endpoint = settings.get("endpoint").unwrap_or("https://api.hetzner.cloud");
        Ok(Self {
            token: settings.require_secret(&INFO, "token")?,
            endpoint: Endpoint::parse(endpoint, settings.flag(&INFO, "allow-http")?)?,
        })
    }
}
