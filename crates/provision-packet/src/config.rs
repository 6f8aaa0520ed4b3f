use provision_core::{
    AdditionalInfo, Capabilities, Error, HostId, MonthlyCost, NameRules, Polling, ProviderInfo, Result, SecretString,
    SettingInfo, Settings, UserDataRules,
};
use provision_http::Endpoint;

/// Static facts about Packet, later Equinix Metal.
///
/// How the defaults were chosen (2026-11-20; the service closed on 2026-06-30, so that none can be ordered any more):
/// - plan `c3.small.x86`: the smallest server that was sold on demand to the end. It was never cheap, and what it last cost
///   is UNCONFIRMED: about 0.75 USD an hour.
/// - image `ubuntu_24_04`: Ubuntu LTS, a
///   [slug](https://github.com/equinix/equinix-sdk-go/blob/v0.66.0/spec/services/metalv1/oas3.fetched/components/schemas/OperatingSystem.yaml)
///   that names a release, not a build of it.
/// - region `am`: the metro Amsterdam, which took the place of the facility `am6`.
pub static INFO: ProviderInfo = ProviderInfo {
    id: "packet",
    aliases: &["equinix-metal"],
    title: "Packet (Equinix Metal)",
    default_region: "am",
    default_plan: "c3.small.x86",
    default_image: "ubuntu_24_04",
    monthly_cost: MonthlyCost {
        // The prices ended with the service.
        amount: None,
        currency: "USD",
        as_of: "2026-06-30",
        includes: "",
    },
    // The API's limit was never published; whether more than 64 KiB would pass is UNCONFIRMED.
    user_data: UserDataRules {
        max_bytes: 65_535,
        gzip: false,
    },
    name_rules: NameRules::HOST_NAME,
    settings: &[
        SettingInfo {
            name: "token",
            env: &["METAL_AUTH_TOKEN", "PACKET_AUTH_TOKEN"],
            required: true,
            secret: true,
            help: "API key of a user or a project, with read and write access",
            role: provision_core::SettingRole::Value,
        },
        SettingInfo {
            name: "project",
            env: &["METAL_PROJECT_ID", "PACKET_PROJECT_ID"],
            required: true,
            secret: false,
            help: "id of the project that hosts belong to, a UUID",
            role: provision_core::SettingRole::Value,
        },
        SettingInfo::ENDPOINT,
        SettingInfo::ALLOW_HTTP,
    ],
    additional: &[
        AdditionalInfo {
            key: "terminate-at-expiry",
            help: "`true` has the cloud itself delete the host when its ttl ends, whatever its labels say",
            role: provision_core::AdditionalRole::Harmless,
        },
        AdditionalInfo {
            key: "hardware-reservation",
            help: "id of the hardware reservation to use, or `next-available`",
            role: provision_core::AdditionalRole::Harmless,
        },
    ],
    capabilities: Capabilities {
        restrict_ports: false,
        ssh_keys: true,
        unique_names: false,
        create_tokens: false,
        lists_all_regions: true,
    },
    // Numbers were never published.
    polling: Polling {
        page_size: Some(100),
        requests_per_page: 1,
        hourly_limit: None,
    },
    // No limit is documented.
    label_max_len: None,
    visible_within: std::time::Duration::from_secs(30),
    retired: Some("closed on 30 June 2026: of use with a private copy of its API, or with the simulator"),
};

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

/// What a host id names: a device, and the project that it belongs to where the id says so.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct DeviceId<'a> {
    pub(crate) device: &'a str,
    pub(crate) project: Option<&'a str>,
}

impl Config {
    /// Reads the settings `token`, `project`, `endpoint` and `allow-http`.
    ///
    /// # Errors
    /// `Unauthorized` without a token or project; `InvalidRequest` for an unknown setting, a project that is not a UUID or
    /// a bad endpoint.
    pub fn from_settings(settings: &Settings) -> Result<Self> {
        settings.check_names(&INFO)?;
        let endpoint = settings.get("endpoint").unwrap_or(PUBLIC_ENDPOINT);
        let endpoint = Endpoint::parse(endpoint, settings.flag(&INFO, "allow-http")?)?;
        let hinted = |error: Error| retired(&endpoint).into_iter().fold(error, Error::hint);
        let token = settings.require_secret(&INFO, "token").map_err(hinted)?;
        let project = settings.require(&INFO, "project").map_err(hinted)?;
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

impl<'a> DeviceId<'a> {
    /// Takes `device|project` apart; a device alone will do.
    pub(crate) fn parse(id: &'a HostId) -> Result<Self> {
        let mut parts = id.parts();
        let device = HostId::check_uuid(parts.next().unwrap_or_default())?;
        let project = parts.next().map(HostId::check_uuid).transpose()?;
        if parts.next().is_some() {
            return Err(Error::invalid(format!(
                "{:?} is not a host id of this cloud: it must be `device|project`, two UUIDs",
                id.as_str()
            ))
            .with_provider(INFO.id));
        }
        Ok(Self { device, project })
    }
}

#[cfg(test)]
mod tests {
    use provision_core::ErrorKind;

    use super::*;

    const PROJECT: &str = "f3f131c8-f302-49ef-8c44-9405022dc6dd";
    const DEVICE: &str = "9f7eafab-6f6b-4ae4-988d-c2a686367791";

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

    #[test]
    fn an_id_is_one_uuid_or_two() {
        let read = |text: &str| {
            let id = HostId::new(text).unwrap();
            DeviceId::parse(&id).map(|id| (id.device.to_owned(), id.project.map(str::to_owned)))
        };
        assert_eq!(read(DEVICE).unwrap(), (DEVICE.to_owned(), None));
        let both = format!("{DEVICE}|{PROJECT}");
        assert_eq!(read(&both).unwrap(), (DEVICE.to_owned(), Some(PROJECT.to_owned())));
        for bad in [
            "9f7eafab".to_owned(),
            "12".to_owned(),
            format!("{DEVICE}|x"),
            format!("{both}|x"),
        ] {
            assert!(read(&bad).is_err(), "{bad}");
        }
    }
}
