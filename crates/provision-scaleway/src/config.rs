use provision_core::{Error, Result, SecretString, Settings};
use provision_http::Endpoint;

use crate::{
    id::{Uuid, Zone},
    info::INFO,
};

/// Settings of the provider, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Secret key of an API key.
    pub secret_key: SecretString,
    /// Id of the project.
    pub project: String,
    /// Zone of hosts that name none.
    pub zone: Zone,
    /// Base URL of the API; paths start with `/instance/v1` and `/marketplace/v2`.
    pub endpoint: Endpoint,
}

impl Config {
    /// Reads the settings `secret-key`, `project`, `zone`, `access-key`, `endpoint` and `allow-http`.
    ///
    /// # Errors
    /// `Unauthorized` without a secret key or project; `InvalidRequest` for an unknown setting, a project that is no UUID,
    /// a bad zone or a bad endpoint.
    pub fn from_settings(settings: &Settings) -> Result<Self> {
        settings.check_names(&INFO)?;
        settings.require_all(&INFO, &["secret-key", "project"])?;
        let secret_key = settings.require_secret(&INFO, "secret-key")?;
        let project = settings.require(&INFO, "project")?;
        if Uuid::new(project).is_err() {
            return Err(Error::invalid("setting `project` must be the id of a project, a UUID: it stands in the console under Project dashboard > Settings").with_provider(INFO.id));
        }
        let zone = Zone::new(settings.get("zone").unwrap_or(INFO.default_region));
        Ok(Self {
            secret_key,
            project: project.to_owned(),
            zone: zone.map_err(|error| error.with_provider(INFO.id))?,
            endpoint: Endpoint::from_settings(&INFO, settings, "https://api.scaleway.com")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_checked_before_any_request() {
        let settings = || {
            Settings::new()
                .with("secret-key", "22222222-2222-4222-8222-222222222222")
                .with("project", "11111111-1111-4111-8111-111111111111")
        };
        assert!(Config::from_settings(&settings()).is_ok());
        assert!(Config::from_settings(&settings().with("access-key", "SCW00000000000000000")).is_ok());
        for (name, value) in [
            ("project", "default"),
            ("zone", "paris"),
            ("secret-key", ""),
            ("token", "x"),
        ] {
            assert!(Config::from_settings(&settings().with(name, value)).is_err(), "{name}");
        }
    }
}
