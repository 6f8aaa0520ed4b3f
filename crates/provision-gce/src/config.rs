use provision_core::{
    Capabilities, MonthlyCost, NameRules, ProviderInfo, Result, SecretString, SettingInfo, Settings, UserDataRules,
};
use provision_http::Endpoint;

/// Static facts about Gce.
///
/// How the defaults were chosen (FILL-IN: the day):
/// - plan: FILL-IN, with a link to the price.
/// - image: FILL-IN, with a link.
/// - region: FILL-IN.
pub static INFO: ProviderInfo = ProviderInfo {
    id: "gce",
    aliases: &[],
    title: "Gce",
    default_region: "FILL-IN",
    default_plan: "FILL-IN",
    default_image: "FILL-IN",
    monthly_cost: MonthlyCost {
        amount: None,
        currency: "USD",
        as_of: "FILL-IN",
        includes: "",
    },
    // FILL-IN: the vendor's page.
    user_data: UserDataRules {
        max_bytes: 16_384,
        gzip: false,
    },
    name_rules: NameRules::HOST_NAME,
    settings: &[
        SettingInfo {
            name: "token",
            env: &[],
            required: true,
            secret: true,
            help: "API token",
        },
        SettingInfo::ENDPOINT,
        SettingInfo::ALLOW_HTTP,
    ],
    additional: &[],
    capabilities: Capabilities {
        restrict_ports: false,
        ssh_keys: false,
        unique_names: false,
        lists_all_regions: true,
    },
    label_max_len: None,
    retired: None,
};

/// Settings of the provider, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// API token.
    pub token: SecretString,
    /// Base URL of the API. FILL-IN: what paths start with.
    pub endpoint: Endpoint,
}

impl Config {
    /// Reads the settings `token`, `endpoint` and `allow-http`.
    ///
    /// # Errors
    /// `Unauthorized` without a token; `InvalidRequest` for an unknown setting or a bad endpoint.
    pub fn from_settings(settings: &Settings) -> Result<Self> {
        settings.check_names(&INFO)?;
        let endpoint = settings.get("endpoint").unwrap_or("https://api.gce.example");
        Ok(Self {
            token: settings.require_secret(&INFO, "token")?,
            endpoint: Endpoint::parse(endpoint, settings.flag(&INFO, "allow-http")?)?,
        })
    }
}
