use provision_core::{Result, SecretString, Settings};
use provision_http::Endpoint;

use crate::{id, info::INFO};

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
        Ok(Self {
            token: settings.require_secret(&INFO, "token")?,
            region: id::region(settings.get("region").unwrap_or(INFO.default_region))?,
            endpoint: Endpoint::from_settings(&INFO, settings, "https://api.civo.com")?,
        })
    }
}
