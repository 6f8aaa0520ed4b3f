mod auth_file;

use provision_core::{Error, HostId, Result, SecretString, Settings};
use provision_http::Endpoint;

use crate::info::INFO;
use auth_file::AuthFile;

/// The clouds with their Resource Manager and their token service:
/// <https://learn.microsoft.com/en-us/azure/azure-government/compare-azure-government-global-azure>,
/// <https://learn.microsoft.com/en-us/azure/china/resources-developer-guide> (read 2026-11).
const PUBLIC: (&str, &str) = ("https://management.azure.com", "https://login.microsoftonline.com");
pub(crate) const CLOUDS: [(&str, &str); 3] = [
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
            Some(path) => AuthFile::read(settings, path).map_err(refused)?,
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
        let own = file.resource_manager_url.as_deref().unwrap_or(public);
        let endpoint = Endpoint::from_settings(&INFO, settings, own).map_err(refused)?;
        let cloud = CLOUDS.into_iter().find(|(manager, _)| *manager == endpoint.as_str());
        let login_endpoint = match (settings.get("login-endpoint"), &file.active_directory_url, cloud) {
            (Some(url), ..) => parse(url)?,
            (None, Some(url), _) if settings.get("endpoint").is_none() => parse(url)?,
            (None, _, Some((_, login))) => parse(login)?,
            // A simulator or private copy: the secret goes there and nowhere else.
            (None, _, None) => endpoint.clone(),
        };
        let login = match settings.get("access-token") {
            Some(_) => Vec::new(),
            None => vec![
                ("tenant-id", file.tenant_id.is_some()),
                ("client-id", file.client_id.is_some()),
                ("client-secret", file.client_secret.is_some()),
            ],
        };
        let needed = std::iter::once(("subscription-id", file.subscription_id.is_some())).chain(login);
        let not_in_file: Vec<&str> = needed.filter(|(_, in_file)| !in_file).map(|(name, _)| name).collect();
        settings.require_all(&INFO, &not_in_file)?;
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
        let error = Config::from_settings(&Settings::new()).unwrap_err();
        for name in ["subscription-id", "tenant-id", "client-id", "client-secret"] {
            assert!(error.message().contains(name), "all at once: {error}");
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
