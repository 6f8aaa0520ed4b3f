use provision_core::{Result, Settings};
use provision_http::Endpoint;

use crate::{
    auth::{self, Credentials},
    id::check_region,
    info::INFO,
};

/// Settings of the provider, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the credentials come from.
    pub credentials: Credentials,
    /// Region when a request names none.
    pub region: String,
    /// Base URL of the API for every region, instead of `https://ec2.<region>.amazonaws.com`.
    pub endpoint: Option<Endpoint>,
}

impl Config {
    /// Reads the settings of [`INFO`]. Where keys or the region are absent, the shared credentials and config files are
    /// read, once: the only files that this crate ever touches.
    ///
    /// # Errors
    /// `Unauthorized` without credentials; `InvalidRequest` for an unknown setting, a bad endpoint or region, or a file
    /// that cannot be read.
    pub fn from_settings(settings: &Settings) -> Result<Self> {
        settings.check_names(&INFO)?;
        let (credentials, profile_region) = auth::from_settings(settings)?;
        let region = settings
            .get("region")
            .map(str::to_owned)
            .or(profile_region)
            .unwrap_or_else(|| INFO.default_region.to_owned());
        check_region(&region).map_err(|error| error.with_provider(INFO.id))?;
        let allow_http = settings.flag(&INFO, "allow-http")?;
        let endpoint = settings
            .get("endpoint")
            .map(|text| Endpoint::parse(text, allow_http))
            .transpose()?;
        Ok(Self {
            credentials,
            region,
            endpoint,
        })
    }

    /// Where a region is served: <https://docs.aws.amazon.com/general/latest/gr/ec2-service.html>.
    pub(crate) fn endpoint(&self, region: &str) -> Result<Endpoint> {
        if let Some(endpoint) = &self.endpoint {
            return Ok(endpoint.clone());
        }
        let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
        Endpoint::parse(&format!("https://ec2.{region}.amazonaws.com{suffix}"), false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_region_has_its_host_unless_an_endpoint_is_set() {
        let settings = Settings::new()
            .with("access-key-id", "AKIDEXAMPLE")
            .with("secret-access-key", "secret")
            .with("region", "eu-west-1");
        let config = Config::from_settings(&settings).unwrap();
        let url = |region| config.endpoint(region).unwrap().as_str().to_owned();
        assert_eq!(url("eu-west-1"), "https://ec2.eu-west-1.amazonaws.com");
        assert_eq!(url("cn-north-1"), "https://ec2.cn-north-1.amazonaws.com.cn");
        let config = Config::from_settings(&settings.with("endpoint", "http://127.0.0.1:1/ec2")).unwrap();
        assert_eq!(config.endpoint("eu-west-1").unwrap().as_str(), "http://127.0.0.1:1/ec2");
    }
}
