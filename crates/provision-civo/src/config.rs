use provision_core::{
    AdditionalInfo, Capabilities, Error, MonthlyCost, NameRules, Polling, ProviderInfo, Result, SecretString,
    SettingInfo, Settings, UserDataRules,
};
use provision_http::Endpoint;

/// Static facts about Civo.
///
/// How the defaults were chosen (2026-11-20):
/// - plan `g4s.xsmall`: the smallest instance of the current generation in the
///   [list of sizes](https://github.com/civo/cli#instance-sizes), 1 CPU, 1 GB, 25 GB.
/// - image `ubuntu-noble`: Ubuntu 24.04 LTS by the name in `GET /v2/disk_images`; its id differs by region and changes with
///   each build, so that it is looked up.
/// - region `LON1`: Civo's first, and the default of the Go package `cloud-provision`.
pub static INFO: ProviderInfo = ProviderInfo {
    id: "civo",
    aliases: &[],
    title: "Civo",
    default_region: "LON1",
    default_plan: "g4s.xsmall",
    default_image: "ubuntu-noble",
    // 0.00744 USD an hour, 730 hours. UNCONFIRMED: from a rate table of a third party (April 2026); the API has no prices,
    // Civo's own are at https://www.civo.com/pricing
    monthly_cost: MonthlyCost {
        amount: Some(5.43),
        currency: "USD",
        as_of: "2026-04-01",
        includes: "public IPv4, 25 GB disk, 1 TB transfer",
    },
    // UNCONFIRMED: Civo states no limit. 16 KiB is what the oldest clouds take.
    user_data: UserDataRules {
        max_bytes: 16_384,
        gzip: false,
    },
    name_rules: NameRules::HOST_NAME,
    settings: &[
        SettingInfo {
            name: "token",
            env: &["CIVO_TOKEN", "CIVO_API_KEY"],
            required: true,
            secret: true,
            help: "API key, from the dashboard under Settings > Profile > Security",
            role: provision_core::SettingRole::Value,
        },
        SettingInfo {
            name: "region",
            env: &["CIVO_REGION"],
            required: false,
            secret: false,
            help: "region where hosts are created, listed and looked for unless a request names another, instead of LON1",
            role: provision_core::SettingRole::Value,
        },
        SettingInfo::ENDPOINT,
        SettingInfo::ALLOW_HTTP,
    ],
    additional: &[
        AdditionalInfo {
            key: "network",
            help: "id of the network to put the host into, instead of the region's default; saves a request",
            role: provision_core::AdditionalRole::Harmless,
        },
        AdditionalInfo {
            key: "firewall",
            help: "id of an existing firewall for the host, instead of the network's default; needed with `network`, unless ports are restricted",
            role: provision_core::AdditionalRole::Harmless,
        },
    ],
    capabilities: Capabilities {
        restrict_ports: true,
        ssh_keys: true,
        unique_names: false,
        create_tokens: false,
        lists_all_regions: false,
    },
    // No limit is published: https://www.civo.com/api
    polling: Polling {
        page_size: Some(100),
        requests_per_page: 1,
        hourly_limit: None,
    },
    // UNCONFIRMED: no limit is known.
    label_max_len: None,
    visible_within: std::time::Duration::from_secs(30),
    retired: None,
};

/// Settings of the provider, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// API key of the account.
    pub token: SecretString,
    /// Region for requests that name none, upper case.
    pub region: String,
    /// Base URL of the API; paths start with `/v2`.
    pub endpoint: Endpoint,
}

impl Config {
    /// Reads the settings `token`, `region`, `endpoint` and `allow-http`.
    ///
    /// # Errors
    /// `Unauthorized` without a token; `InvalidRequest` for an unknown setting or a bad region or endpoint.
    pub fn from_settings(settings: &Settings) -> Result<Self> {
        settings.check_names(&INFO)?;
        let endpoint = settings.get("endpoint").unwrap_or("https://api.civo.com");
        Ok(Self {
            token: settings.require_secret(&INFO, "token")?,
            region: region(settings.get("region").unwrap_or(INFO.default_region))?,
            endpoint: Endpoint::parse(endpoint, settings.flag(&INFO, "allow-http")?)?,
        })
    }
}

/// A region's code in the upper case in which the API answers it.
///
/// # Errors
/// `InvalidRequest` for what cannot be one.
pub(crate) fn region(code: &str) -> Result<String> {
    let good = (1..=32).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if good {
        Ok(code.to_ascii_uppercase())
    } else {
        let shown: String = code.chars().take(40).collect();
        Err(Error::invalid(format!(
            "region {shown:?} is not a region of Civo: it must be a code such as LON1"
        ))
        .with_provider(INFO.id))
    }
}
