use provision_core::{Error, Result, SecretString, Settings};
use provision_http::Endpoint;

use crate::{id::is_project, info::INFO};

/// The public endpoints: name, base URL, and the subsidiary whose price list belongs to it.
/// <https://github.com/ovh/go-ovh#configuration>
const ENDPOINTS: [(&str, &str, &str); 3] = [
    ("ovh-eu", "https://eu.api.ovh.com/1.0", "IE"),
    ("ovh-ca", "https://ca.api.ovh.com/1.0", "CA"),
    ("ovh-us", "https://api.us.ovhcloud.com/1.0", "US"),
];

/// Settings of the provider, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Application key. Keys work only on the endpoint where they were made.
    pub application_key: String,
    /// Application secret: never sent, only signed with.
    pub application_secret: SecretString,
    /// Consumer key.
    pub consumer_key: SecretString,
    /// Id of the Public Cloud project that new hosts belong to.
    pub project: String,
    /// Region of hosts that name none.
    pub region: String,
    /// Base URL of the API with its version; paths start with `/cloud/project`.
    pub endpoint: Endpoint,
    /// Subsidiary whose public price list `catalog` reads, such as `IE`; it decides the currency.
    pub subsidiary: String,
}

impl Config {
    /// Reads the settings `application-key`, `application-secret`, `consumer-key`, `project`, `region`, `endpoint` and
    /// `allow-http`.
    ///
    /// # Errors
    /// `Unauthorized` without keys or project; `InvalidRequest` for an unknown setting, a bad project or a bad endpoint.
    pub fn from_settings(settings: &Settings) -> Result<Self> {
        settings.check_names(&INFO)?;
        let chosen = settings.get("endpoint").unwrap_or("ovh-eu");
        let named = ENDPOINTS.iter().find(|(name, _, _)| *name == chosen);
        let (url, subsidiary) = named.map_or((chosen, "IE"), |(_, url, subsidiary)| (*url, *subsidiary));
        if !url.contains('/') {
            let known: Vec<&str> = ENDPOINTS.iter().map(|(name, _, _)| *name).collect();
            return Err(Error::invalid(format!(
                "endpoint {chosen:?} does not exist; known: {}, or a base URL",
                known.join(", ")
            ))
            .with_provider(INFO.id));
        }
        let needed = ["application-key", "application-secret", "consumer-key", "project"];
        settings.require_all(&INFO, &needed)?;
        let project = settings.require(&INFO, "project")?;
        if !is_project(project) {
            return Err(Error::invalid(
                "the project must be its id, 32 hexadecimal digits as the control panel shows it, not its name",
            )
            .with_provider(INFO.id));
        }
        Ok(Self {
            application_key: settings.require(&INFO, "application-key")?.to_owned(),
            application_secret: settings.require_secret(&INFO, "application-secret")?,
            consumer_key: settings.require_secret(&INFO, "consumer-key")?,
            project: project.to_owned(),
            region: settings.get("region").unwrap_or(INFO.default_region).to_owned(),
            endpoint: Endpoint::parse(url, settings.flag(&INFO, "allow-http")?)?,
            subsidiary: subsidiary.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings::new()
            .with("application-key", "ak")
            .with("application-secret", "as")
            .with("consumer-key", "ck")
            .with("project", "0123456789abcdef0123456789abcdef")
    }

    #[test]
    fn an_endpoint_is_a_name_or_a_url() {
        for (chosen, url, subsidiary) in [
            ("", "https://eu.api.ovh.com/1.0", "IE"),
            ("ovh-eu", "https://eu.api.ovh.com/1.0", "IE"),
            ("ovh-ca", "https://ca.api.ovh.com/1.0", "CA"),
            ("ovh-us", "https://api.us.ovhcloud.com/1.0", "US"),
            ("http://127.0.0.1:1/ovh/1.0", "http://127.0.0.1:1/ovh/1.0", "IE"),
        ] {
            let config = Config::from_settings(&settings().with("endpoint", chosen)).unwrap();
            assert_eq!(
                (config.endpoint.as_str(), config.subsidiary.as_str()),
                (url, subsidiary)
            );
        }
        let error = Config::from_settings(&settings().with("endpoint", "ovh-mars")).unwrap_err();
        assert!(error.to_string().contains("ovh-eu, ovh-ca, ovh-us"), "{error}");
        assert!(Config::from_settings(&settings().with("endpoint", "http://api.example.com/1.0")).is_err());
        assert!(Config::from_settings(&settings().with("project", "my project")).is_err());
    }
}
