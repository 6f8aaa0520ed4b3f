use provision_core::{Result, SecretString, Settings};
use provision_http::Endpoint;

use crate::info::INFO;

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
        Ok(Self {
            token: settings.require_secret(&INFO, "token")?,
            endpoint: Endpoint::from_settings(&INFO, settings, "https://api.hetzner.cloud")?,
        })
    }
}
