use provision_core::{
    AdditionalInfo, Capabilities, Error, HostId, Image, MonthlyCost, NameRules, Polling, ProviderInfo, Result,
    SecretString, SettingInfo, Settings, UserDataRules,
};
use provision_http::Endpoint;

use crate::auth::AuthFile;

/// Static facts about Azure.
///
/// How the defaults were chosen (2026-11-20):
/// - plan `Standard_B2ats_v2`: the cheapest size that new subscriptions can rely on, of the
///   [Basv2 series](https://learn.microsoft.com/en-us/azure/virtual-machines/sizes/general-purpose/basv2-series). In East
///   US 0.0094 USD an hour, 6.86 a month of 730 hours. `Standard_B1ls` (3.80) is cheaper, but the
///   [B v1 series](https://learn.microsoft.com/en-us/azure/virtual-machines/sizes-b-series-burstable) retires on
///   2028-11-15 and is refused to many new subscriptions (UNCONFIRMED how many).
/// - image: [Canonical's](https://documentation.ubuntu.com/azure/azure-how-to/instances/find-ubuntu-images/) Ubuntu 24.04
///   LTS of generation 2; `latest` is resolved when the machine is deployed.
/// - region `eastus`: among the cheapest, with every size.
///
/// Prices are those of public tables, [East US, Linux, pay as you
/// go](https://azure.microsoft.com/en-us/pricing/details/virtual-machines/linux/): size 6.86, a Standard IPv4 address
/// 3.65, a 32 GiB Standard SSD (E4) about 2.40 (UNCONFIRMED to the cent).
pub static INFO: ProviderInfo = ProviderInfo {
    id: "azure",
    aliases: &[],
    title: "Azure",
    default_region: "eastus",
    default_plan: "Standard_B2ats_v2",
    default_image: "Canonical:ubuntu-24_04-lts:server:latest",
    monthly_cost: MonthlyCost {
        amount: Some(12.91),
        currency: "USD",
        as_of: "2026-11-20",
        includes: "public IPv4 (3.65), 30 GiB Standard SSD (about 2.40); traffic beyond 100 GB is extra",
    },
    // 65,535 bytes before base64: https://learn.microsoft.com/en-us/azure/virtual-machines/custom-data
    // cloud-init reads gzip, but whether it does behind `customData` is UNCONFIRMED.
    user_data: UserDataRules {
        max_bytes: 65_535,
        gzip: false,
    },
    // 1 to 64 characters for a Linux computer: https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/resource-name-rules
    name_rules: NameRules::HOST_NAME,
    settings: SETTINGS,
    additional: &[
        AdditionalInfo {
            key: "admin-username",
            help: "who logs in with the SSH keys; `provision` by default",
            role: provision_core::AdditionalRole::Harmless,
        },
        AdditionalInfo {
            key: "subnet",
            help: "resource id of an existing subnet (/subscriptions/../subnets/..) in the host's region, instead of a network of its own",
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
    // 25 reads a second are refilled: https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/request-limits-and-throttling
    // Pages hold what the server likes; 100 is UNCONFIRMED. Networks, addresses and machines are lists of their own.
    polling: Polling {
        page_size: Some(100),
        requests_per_page: 3,
        hourly_limit: Some(90_000),
    },
    label_max_len: None,
    visible_within: std::time::Duration::from_secs(30),
    retired: None,
};

const SETTINGS: &[SettingInfo] = &[
    SettingInfo {
        name: "subscription-id",
        env: &["AZURE_SUBSCRIPTION_ID", "ARM_SUBSCRIPTION_ID"],
        required: false,
        secret: false,
        help: "subscription that pays, a UUID; needed unless `auth-file` names it",
        role: provision_core::SettingRole::Value,
    },
    SettingInfo {
        name: "tenant-id",
        env: &["AZURE_TENANT_ID", "ARM_TENANT_ID"],
        required: false,
        secret: false,
        help: "directory of the service principal, a UUID or domain",
        role: provision_core::SettingRole::Value,
    },
    SettingInfo {
        name: "client-id",
        env: &["AZURE_CLIENT_ID", "ARM_CLIENT_ID"],
        required: false,
        secret: false,
        help: "application id of the service principal",
        role: provision_core::SettingRole::Value,
    },
    SettingInfo {
        name: "client-secret",
        env: &["AZURE_CLIENT_SECRET", "ARM_CLIENT_SECRET"],
        required: false,
        secret: true,
        help: "secret of the service principal",
        role: provision_core::SettingRole::Value,
    },
    SettingInfo {
        name: "access-token",
        env: &["AZURE_ACCESS_TOKEN"],
        required: false,
        secret: true,
        help: "ready access token instead of a service principal, such as from `az account get-access-token`",
        role: provision_core::SettingRole::Value,
    },
    SettingInfo {
        name: "auth-file",
        env: &["AZURE_AUTH_LOCATION"],
        required: false,
        secret: false,
        help: "path of a JSON file from `az ad sp create-for-rbac --sdk-auth`; the other settings win over its content",
        role: provision_core::SettingRole::Value,
    },
    SettingInfo {
        name: "login-endpoint",
        env: &["AZURE_AUTHORITY_HOST"],
        required: false,
        secret: false,
        help: "base URL of the token service instead of the one that belongs to `endpoint`",
        role: provision_core::SettingRole::Value,
    },
    SettingInfo::ENDPOINT,
    SettingInfo::ALLOW_HTTP,
];

/// The clouds with their Resource Manager and their token service:
/// <https://learn.microsoft.com/en-us/azure/azure-government/compare-azure-government-global-azure>,
/// <https://learn.microsoft.com/en-us/azure/china/resources-developer-guide> (read 2026-11).
const PUBLIC: (&str, &str) = ("https://management.azure.com", "https://login.microsoftonline.com");
const CLOUDS: [(&str, &str); 3] = [
    PUBLIC,
    (
        "https://management.usgovcloudapi.net",
        "https://login.microsoftonline.us",
    ),
    ("https://management.chinacloudapi.cn", "https://login.chinacloudapi.cn"),
];

/// Settings of the provider, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// The subscription in which everything happens.
    pub subscription: String,
    /// How requests are authorised.
    pub credentials: Credentials,
    /// Base URL of the Resource Manager; paths start with `/subscriptions`.
    pub endpoint: Endpoint,
    /// Base URL of the token service; paths start with the tenant.
    pub login_endpoint: Endpoint,
    /// What tokens are asked for.
    pub scope: String,
}

/// How requests are authorised.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// A service principal that trades its secret for tokens.
    ClientSecret {
        /// Its directory.
        tenant: String,
        /// Its application id.
        client_id: String,
        /// Its secret.
        secret: SecretString,
    },
    /// A token that was fetched elsewhere; it lasts for about an hour.
    AccessToken(SecretString),
}

impl Config {
    /// Reads the settings, see [`INFO`], and the file that `auth-file` names.
    ///
    /// # Errors
    /// `Unauthorized` when a credential is missing; `InvalidRequest` for an unknown setting, a bad endpoint or id, or a
    /// file that cannot be read. Nothing of the file's content is repeated.
    pub fn from_settings(settings: &Settings) -> Result<Self> {
        settings.check_names(&INFO)?;
        let refused = |error: Error| error.with_provider(INFO.id);
        let file = match settings.get("auth-file") {
            Some(path) => AuthFile::read(path).map_err(refused)?,
            None => AuthFile::default(),
        };
        let text = |name: &str, in_file: &Option<String>| -> Result<String> {
            match (settings.get(name), in_file) {
                (None, Some(value)) => Ok(value.clone()),
                _ => settings.require(&INFO, name).map(str::to_owned),
            }
        };
        let allow_http = settings.flag(&INFO, "allow-http")?;
        let parse = |url: &str| Endpoint::parse(url, allow_http).map_err(refused);
        let (public, _) = PUBLIC;
        let own_endpoint = settings.get("endpoint").or(file.resource_manager_url.as_deref());
        let endpoint = parse(own_endpoint.unwrap_or(public))?;
        let cloud = CLOUDS.into_iter().find(|(manager, _)| *manager == endpoint.as_str());
        let login_endpoint = match (settings.get("login-endpoint"), &file.active_directory_url, cloud) {
            (Some(url), ..) => parse(url)?,
            (None, Some(url), _) if settings.get("endpoint").is_none() => parse(url)?,
            (None, _, Some((_, login))) => parse(login)?,
            // A simulator or private copy: the secret goes there and nowhere else.
            (None, _, None) => endpoint.clone(),
        };
        let subscription = text("subscription-id", &file.subscription_id)?;
        HostId::check_uuid(&subscription).map_err(|_| {
            refused(Error::invalid(
                "setting `subscription-id` must be a UUID such as 5d1c2f0e-7a55-4d3b-9c65-0a7d3f0f6f11",
            ))
        })?;
        let credentials = match settings.secret("access-token") {
            Some(token) => Credentials::AccessToken(token),
            None => Credentials::ClientSecret {
                tenant: text("tenant-id", &file.tenant_id)?,
                client_id: text("client-id", &file.client_id)?,
                secret: match (settings.secret("client-secret"), file.client_secret) {
                    (None, Some(secret)) => secret,
                    _ => settings.require_secret(&INFO, "client-secret")?,
                },
            },
        };
        Ok(Self {
            subscription,
            credentials,
            // A copy of the public cloud takes the public cloud's tokens.
            scope: format!("{}/.default", cloud.map_or(public, |(manager, _)| manager)),
            endpoint,
            login_endpoint,
        })
    }
}

/// A month of 730 hours of sizes in East US, Linux, pay as you go, without disk and address, in USD:
/// <https://azure.microsoft.com/en-us/pricing/details/virtual-machines/linux/> (public tables, read 2026-11-20). The
/// [price API](https://learn.microsoft.com/en-us/rest/api/cost-management/retail-prices/azure-retail-prices) is another
/// host, so that prices of other sizes and regions are left open.
pub(crate) fn price(region: &str, size: &str) -> Option<f64> {
    const EAST_US: [(&str, f64); 3] = [
        ("Standard_B1ls", 3.80),
        ("Standard_B2ats_v2", 6.86),
        ("Standard_B1s", 7.59),
    ];
    let known = EAST_US.iter().filter(|_| region == "eastus");
    let mut named = known.filter(|(name, _)| name.eq_ignore_ascii_case(size));
    named.next().map(|(_, price)| *price)
}

/// Images that run cloud-init and belong to nobody's account. The API lists tens of thousands, publisher by publisher:
/// <https://documentation.ubuntu.com/azure/azure-how-to/instances/find-ubuntu-images/>,
/// <https://wiki.debian.org/Cloud/MicrosoftAzure> (read 2026-11-20).
pub(crate) fn images() -> Vec<Image> {
    const IMAGES: [(&str, &str, &str); 6] = [
        (
            "Canonical:ubuntu-24_04-lts:server:latest",
            "Ubuntu Server 24.04 LTS",
            "x86_64",
        ),
        (
            "Canonical:ubuntu-24_04-lts:minimal:latest",
            "Ubuntu Minimal 24.04 LTS",
            "x86_64",
        ),
        (
            "Canonical:ubuntu-24_04-lts:server-gen1:latest",
            "Ubuntu Server 24.04 LTS, generation 1",
            "x86_64",
        ),
        (
            "Canonical:ubuntu-24_04-lts:server-arm64:latest",
            "Ubuntu Server 24.04 LTS",
            "arm64",
        ),
        (
            "Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2:latest",
            "Ubuntu Server 22.04 LTS",
            "x86_64",
        ),
        ("Debian:debian-12:12-gen2:latest", "Debian 12", "x86_64"),
    ];
    let image = |(id, description, architecture): (&str, &str, &str)| Image {
        id: id.to_owned(),
        description: description.to_owned(),
        architecture: Some(architecture.to_owned()),
    };
    IMAGES.map(image).into()
}

#[cfg(test)]
mod tests {
    use provision_core::{ErrorKind, ExposeSecret};

    use super::*;

    const SUBSCRIPTION: &str = "5d1c2f0e-7a55-4d3b-9c65-0a7d3f0f6f11";

    fn complete() -> Settings {
        Settings::new()
            .with("subscription-id", SUBSCRIPTION)
            .with("tenant-id", "contoso.example")
            .with("client-id", "app")
            .with("client-secret", "hush-hush")
    }

    #[test]
    fn the_token_service_belongs_to_the_resource_manager() {
        let table = [
            (
                None,
                "https://login.microsoftonline.com",
                "https://management.azure.com/.default",
            ),
            (
                Some("https://management.usgovcloudapi.net/"),
                "https://login.microsoftonline.us",
                "https://management.usgovcloudapi.net/.default",
            ),
            (
                Some("http://127.0.0.1:8080/azure"),
                "http://127.0.0.1:8080/azure",
                "https://management.azure.com/.default",
            ),
        ];
        for (endpoint, login, scope) in table {
            let settings = complete().with("endpoint", endpoint.unwrap_or_default());
            let config = Config::from_settings(&settings).unwrap();
            assert_eq!((config.login_endpoint.as_str(), config.scope.as_str()), (login, scope));
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        for name in ["subscription-id", "tenant-id", "client-id", "client-secret"] {
            let error = Config::from_settings(&complete().with(name, "")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unauthorized, "{name}");
            assert!(
                error.message().contains(name) && error.message().contains("AZURE_"),
                "{error}"
            );
        }
        let error = Config::from_settings(&complete().with("subscription-id", "../x")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        let token = Settings::new()
            .with("subscription-id", SUBSCRIPTION)
            .with("access-token", "eyJ0");
        let config = Config::from_settings(&token).unwrap();
        assert!(matches!(config.credentials, Credentials::AccessToken(token) if token.expose_secret() == "eyJ0"));
    }
}
