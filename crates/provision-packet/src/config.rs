use provision_core::{Error, HostId, Result, SecretString, Settings};
use provision_http::Endpoint;

use crate::info::INFO;

/// Stands behind every error while the endpoint is the public one.
pub(crate) const RETIRED: &str =
    "the service was retired on 30 June 2026: set `endpoint` to a private copy of its API, or choose another cloud";

/// The public endpoint with its version path, as the vendor's SDKs take it.
const PUBLIC_ENDPOINT: &str = "https://api.equinix.com/metal/v1";
/// Hosts of the public API; the second is Packet's own, whose paths have no prefix.
const PUBLIC_HOSTS: [&str; 2] = ["api.equinix.com", "api.packet.net"];

/// Settings of the provider, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// API key of a user or a project.
    pub token: SecretString,
    /// Id of the project that hosts belong to, a UUID in lower case.
    pub project: String,
    /// Base URL of the API with its version path; paths start with `/projects` and `/devices`.
    pub endpoint: Endpoint,
}

impl Config {
    /// Reads the settings `token`, `project`, `endpoint` and `allow-http`.
    ///
    /// # Errors
    /// `Unauthorized` without a token or project; `InvalidRequest` for an unknown setting, a project that is not a UUID or
    /// a bad endpoint.
    pub fn from_settings(settings: &Settings) -> Result<Self> {
        settings.check_names(&INFO)?;
        let endpoint = Endpoint::from_settings(&INFO, settings, PUBLIC_ENDPOINT)?;
        let hinted = |error: Error| retired(&endpoint).into_iter().fold(error, Error::hint);
        settings.require_all(&INFO, &["token", "project"]).map_err(hinted)?;
        let token = settings.require_secret(&INFO, "token")?;
        let project = settings.require(&INFO, "project")?;
        HostId::check_uuid(project).map_err(|_| {
            hinted(
                Error::invalid("the project must be its id, a UUID as the console shows it, not its name")
                    .with_provider(INFO.id),
            )
        })?;
        let project = project.to_ascii_lowercase();
        Ok(Self {
            token,
            project,
            endpoint,
        })
    }

    /// What to say behind every error: the public service is gone.
    pub(crate) fn retired(&self) -> Option<&'static str> {
        retired(&self.endpoint)
    }
}

fn retired(endpoint: &Endpoint) -> Option<&'static str> {
    PUBLIC_HOSTS.contains(&endpoint.host()).then_some(RETIRED)
}

#[cfg(test)]
mod tests {
    use provision_core::ErrorKind;

    use super::*;

    const PROJECT: &str = "f3f131c8-f302-49ef-8c44-9405022dc6dd";

    fn settings() -> Settings {
        Settings::new().with("token", "secret").with("project", PROJECT)
    }

    #[test]
    fn the_hint_stands_for_the_public_endpoints_only() {
        for (endpoint, retired) in [
            ("", true),
            ("https://API.equinix.com/metal/v1", true),
            ("https://api.packet.net", true),
            ("https://metal.example.com/metal/v1", false),
            ("http://127.0.0.1:8080/packet/metal/v1", false),
        ] {
            let config = Config::from_settings(&settings().with("endpoint", endpoint)).unwrap();
            assert_eq!(config.retired().is_some(), retired, "{endpoint}");
        }
        let default = Config::from_settings(&settings()).unwrap();
        assert_eq!(default.endpoint.as_str(), "https://api.equinix.com/metal/v1");
        assert!(INFO.retired.is_some());
    }

    #[test]
    fn missing_settings_say_that_there_is_no_use_in_finding_them() {
        let error = Config::from_settings(&Settings::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthorized);
        assert!(error.to_string().contains("METAL_AUTH_TOKEN"), "{error}");
        assert!(error.to_string().contains("retired on 30 June 2026"), "{error}");
        let elsewhere = Settings::new().with("endpoint", "http://127.0.0.1:1");
        let error = Config::from_settings(&elsewhere).unwrap_err();
        assert!(!error.to_string().contains("retired"), "{error}");
        for project in ["my project", "f3f131c8"] {
            let error = Config::from_settings(&settings().with("project", project)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{project}");
        }
    }
}
