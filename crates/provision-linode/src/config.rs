use provision_core::{
    AdditionalInfo, Capabilities, MonthlyCost, NameRules, Polling, ProviderInfo, Result, SecretString, SettingInfo,
    Settings, UserDataRules,
};
use provision_http::Endpoint;

/// Static facts about Linode.
///
/// How the defaults were chosen (2026-11-20):
/// - plan `g6-nanode-1`: the cheapest [shared plan](https://www.linode.com/pricing/), 5.00 USD a month with its IPv4, read
///   from <https://api.linode.com/v4/linode/types> as of 2026-09-17; 7 USD in `br-gru`, 6 USD in `id-cgk`.
/// - image `linode/ubuntu24.04`: Ubuntu LTS by [id](https://techdocs.akamai.com/linode-api/reference/get-images), kept
///   current by Linode, with cloud-init.
/// - region `eu-west`: London; it offers the Metadata service, through which user data arrives.
pub static INFO: ProviderInfo = ProviderInfo {
    id: "linode",
    aliases: &["akamai"],
    title: "Linode",
    default_region: "eu-west",
    default_plan: "g6-nanode-1",
    default_image: "linode/ubuntu24.04",
    monthly_cost: MonthlyCost {
        amount: Some(5.00),
        currency: "USD",
        as_of: "2026-09-17",
        includes: "public IPv4, 25 GB disk, 1 TB transfer",
    },
    // 65,535 bytes before base64: https://techdocs.akamai.com/linode-api/reference/post-linode-instance. No gzip:
    // cloud-init's DataSourceAkamai decodes base64 and then UTF-8.
    user_data: UserDataRules {
        max_bytes: 65_535,
        gzip: false,
    },
    // 3 to 64 characters, of which a host name has 63 at most; the same page, field `label`.
    name_rules: NameRules {
        min_len: 3,
        max_len: 63,
        starts_with_letter: true,
        double_hyphen: false,
    },
    settings: &[
        SettingInfo {
            name: "token",
            env: &["LINODE_TOKEN", "LINODE_CLI_TOKEN"],
            required: true,
            secret: true,
            help: "personal access token, from the Cloud Manager under Profile > API Tokens",
            role: provision_core::SettingRole::Value,
        },
        SettingInfo::ENDPOINT,
        SettingInfo::ALLOW_HTTP,
    ],
    additional: &[AdditionalInfo {
        key: "interfaces",
        help: "`legacy` (default) or `linode`: the generation of network interfaces; `linode` for accounts that allow no other",
        role: provision_core::AdditionalRole::Harmless,
    }],
    capabilities: Capabilities {
        restrict_ports: true,
        ssh_keys: true,
        unique_names: true,
        create_tokens: false,
        lists_all_regions: true,
    },
    // 800 in two minutes: https://techdocs.akamai.com/linode-api/reference/rate-limits
    polling: Polling {
        page_size: Some(500),
        requests_per_page: 1,
        hourly_limit: Some(24_000),
    },
    // A tag has 1 to 50 characters (validation of the Cloud Manager, github.com/linode/manager).
    label_max_len: Some(50),
    visible_within: std::time::Duration::from_secs(30),
    retired: None,
};

/// Settings of the provider, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Personal access token.
    pub token: SecretString,
    /// Base URL of the API; paths start with `/v4`.
    pub endpoint: Endpoint,
}

impl Config {
    /// Reads the settings `token`, `endpoint` and `allow-http`.
    ///
    /// # Errors
    /// `Unauthorized` without a token; `InvalidRequest` for an unknown setting or a bad endpoint.
    pub fn from_settings(settings: &Settings) -> Result<Self> {
        settings.check_names(&INFO)?;
        let endpoint = settings.get("endpoint").unwrap_or("https://api.linode.com");
        Ok(Self {
            token: settings.require_secret(&INFO, "token")?,
            endpoint: Endpoint::parse(endpoint, settings.flag(&INFO, "allow-http")?)?,
        })
    }
}
