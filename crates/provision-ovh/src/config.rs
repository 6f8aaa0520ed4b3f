use provision_core::{
    AdditionalInfo, Capabilities, Error, HostId, MonthlyCost, NameRules, Polling, ProviderInfo, Result, SecretString,
    SettingInfo, Settings, UserDataRules,
};
use provision_http::Endpoint;

/// Static facts about OVHcloud Public Cloud.
///
/// How the defaults were chosen (2026-11-20):
/// - plan `d2-2`: the cheapest general flavor that takes any Linux image, 0.0104 EUR an hour without VAT in the
///   [public order catalog](https://eu.api.ovh.com/1.0/order/catalog/public/cloud?ovhSubsidiary=IE) as others read it in
///   June 2026 (UNCONFIRMED by a reading of our own; `catalog` asks for today's).
/// - image `Ubuntu 24.04`: Ubuntu LTS under the name that the API gives it in every region; its id differs by region and
///   is looked up.
/// - region `GRA11`: Gravelines, one of the
///   [regions](https://www.ovhcloud.com/en/public-cloud/regions-availability/) that new projects have.
pub static INFO: ProviderInfo = ProviderInfo {
    id: "ovh",
    aliases: &["ovhcloud"],
    title: "OVHcloud Public Cloud",
    default_region: "GRA11",
    default_plan: "d2-2",
    default_image: "Ubuntu 24.04",
    monthly_cost: MonthlyCost {
        // 730 hours.
        amount: Some(7.59),
        currency: "EUR",
        as_of: "2026-06-30",
        includes: "public IPv4 and IPv6, 25 GB disk, traffic",
    },
    // Nova takes 65,535 characters of base64; OVH's own limit is UNCONFIRMED.
    // https://docs.openstack.org/api-ref/compute/#create-server
    user_data: UserDataRules {
        max_bytes: 49_149,
        gzip: false,
    },
    name_rules: NameRules::HOST_NAME,
    settings: &[
        SettingInfo {
            name: "application-key",
            env: &["OVH_APPLICATION_KEY"],
            required: true,
            secret: false,
            help: "application key, made at eu.api.ovh.com/createToken or the same page of your endpoint",
            role: provision_core::SettingRole::Value,
        },
        SettingInfo {
            name: "application-secret",
            env: &["OVH_APPLICATION_SECRET"],
            required: true,
            secret: true,
            help: "application secret that came with the application key",
            role: provision_core::SettingRole::Value,
        },
        SettingInfo {
            name: "consumer-key",
            env: &["OVH_CONSUMER_KEY"],
            required: true,
            secret: true,
            help: "consumer key with GET, POST and DELETE on /cloud/project/*",
            role: provision_core::SettingRole::Value,
        },
        SettingInfo {
            name: "project",
            env: &["OVH_CLOUD_PROJECT_SERVICE"],
            required: true,
            secret: false,
            help: "id of the Public Cloud project, 32 hexadecimal digits",
            role: provision_core::SettingRole::Value,
        },
        SettingInfo {
            name: "region",
            env: &[],
            required: false,
            secret: false,
            help: "region of hosts that name none, instead of GRA11",
            role: provision_core::SettingRole::Value,
        },
        SettingInfo {
            name: "endpoint",
            env: &["OVH_ENDPOINT"],
            required: false,
            secret: false,
            help: "ovh-eu (default), ovh-ca or ovh-us, or a base URL with its version such as http://127.0.0.1:8080/ovh/1.0",
            role: provision_core::SettingRole::Value,
        },
        SettingInfo::ALLOW_HTTP,
    ],
    additional: &[
        AdditionalInfo {
            key: "availability-zone",
            help: "availability zone, for regions that have several",
            role: provision_core::AdditionalRole::Harmless,
        },
        AdditionalInfo {
            key: "group-id",
            help: "id of an instance group (affinity or anti-affinity)",
            role: provision_core::AdditionalRole::Harmless,
        },
    ],
    capabilities: Capabilities {
        // The v1 API has no security groups.
        restrict_ports: false,
        ssh_keys: true,
        unique_names: false,
        create_tokens: false,
        lists_all_regions: true,
    },
    // Nothing is published; OVH's staff advise 60 a minute: https://github.com/ovh/python-ovh/issues/81
    polling: Polling {
        page_size: None,
        requests_per_page: 1,
        hourly_limit: Some(3_600),
    },
    // Labels share the instance's name; `request::instance_name` checks the whole.
    label_max_len: None,
    visible_within: std::time::Duration::from_secs(30),
    retired: None,
};

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
        let project = settings.require(&INFO, "project")?;
        check_project(project)?;
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

    /// The instance and the project that an id names; an id without a project is of the configured one.
    pub(crate) fn instance<'a>(&'a self, id: &'a HostId) -> Result<(&'a str, &'a str)> {
        let mut parts = id.parts();
        let instance = HostId::check_uuid(parts.next().unwrap_or_default())?;
        let project = parts.next().unwrap_or(&self.project);
        if parts.next().is_some() {
            return Err(Error::invalid(format!(
                "{:?} is not a host id of this cloud: it must be `uuid|project`",
                id.as_str()
            ))
            .with_provider(INFO.id));
        }
        check_project(project)?;
        Ok((instance, project))
    }
}

/// Projects have 32 hexadecimal digits; other letters and digits are let through, because that is UNCONFIRMED for every
/// endpoint.
fn check_project(project: &str) -> Result<()> {
    if (1..=64).contains(&project.len()) && project.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Ok(());
    }
    Err(
        Error::invalid("the project must be its id, 32 hexadecimal digits as the control panel shows it, not its name")
            .with_provider(INFO.id),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROJECT: &str = "0123456789abcdef0123456789abcdef";
    const UUID: &str = "b3a8c1de-7a2f-4b21-9d0a-3e5d5c1f0001";

    fn settings() -> Settings {
        Settings::new()
            .with("application-key", "ak")
            .with("application-secret", "as")
            .with("consumer-key", "ck")
            .with("project", PROJECT)
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

    #[test]
    fn an_id_names_its_project_or_takes_the_configured_one() {
        let config = Config::from_settings(&settings()).unwrap();
        let read = |text: &str| {
            let id = HostId::new(text).unwrap();
            config
                .instance(&id)
                .map(|(instance, project)| (instance.to_owned(), project.to_owned()))
        };
        assert_eq!(read(UUID).unwrap(), (UUID.to_owned(), PROJECT.to_owned()));
        assert_eq!(
            read(&format!("{UUID}|ff00")).unwrap(),
            (UUID.to_owned(), "ff00".to_owned())
        );
        for bad in [
            "512345678",
            "b3a8c1de|ff00",
            &format!("{UUID}|ff00|x"),
            &format!("{UUID}|a-b"),
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
