use provision_core::{Error, Result, SecretString, Settings};
use provision_http::Endpoint;

use crate::info::INFO;

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
        let endpoint = Endpoint::from_settings(&INFO, settings, "https://api.linode.com")?;
        // SDKs want it there. The API answers a path that it does not know in the words it has for an instance that is gone.
        if let Some(version @ ("v4" | "v4beta")) = endpoint.as_str().rsplit('/').next() {
            return Err(Error::invalid(format!(
                "the endpoint ends with `/{version}`, with which every path begins: leave it out"
            )));
        }
        Ok(Self {
            token: settings.require_secret(&INFO, "token")?,
            endpoint,
        })
    }
}
