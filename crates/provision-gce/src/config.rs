use provision_core::{
    AdditionalInfo, BasicHost, Capabilities, Error, ErrorKind, ExposeSecret, HostId, MonthlyCost, NameRules, Polling,
    ProviderInfo, Result, SettingInfo, Settings, UserDataRules,
};
use provision_http::Endpoint;

use crate::auth::Credentials;

/// Static facts about Google Compute Engine.
///
/// How the defaults were chosen (2026-11-20):
/// - plan `e2-micro`: the cheapest [shared-core type](https://cloud.google.com/compute/vm-instance-pricing#sharedcore)
///   that every region has, 6.12 USD for 730 hours, with a 10 GB `pd-standard` disk (0.40) and the external IPv4 (3.65).
///   One is [always free](https://cloud.google.com/free/docs/free-cloud-features#compute) in us-west1, us-central1 and
///   us-east1, without the address. Read in public tables of 2025 and 2026; Google's own list could not be read.
/// - image `ubuntu-2404-lts-amd64`: Ubuntu LTS by its
///   [family](https://cloud.google.com/compute/docs/images/os-details#ubuntu_lts), which Google keeps pointing at the
///   newest build, so no look-up is needed.
/// - zone `us-central1-a`: in the region of the always-free host, among Google's cheapest.
pub static INFO: ProviderInfo = ProviderInfo {
    id: "gce",
    aliases: &["google", "gcp"],
    title: "Google Compute Engine",
    default_region: "us-central1-a",
    default_plan: "e2-micro",
    default_image: "ubuntu-2404-lts-amd64",
    monthly_cost: MonthlyCost {
        amount: Some(10.17),
        currency: "USD",
        as_of: "2026-11-20",
        includes: "public IPv4 (3.65), 10 GB standard disk (0.40); egress is billed on top",
    },
    // One metadata value: https://cloud.google.com/compute/docs/metadata/setting-custom-metadata#limitations
    user_data: UserDataRules {
        max_bytes: 262_144,
        gzip: false,
    },
    // https://cloud.google.com/compute/docs/naming-resources; three characters are left for the `-fw` of the firewall rule.
    name_rules: NameRules {
        min_len: 1,
        max_len: 60,
        starts_with_letter: true,
        double_hyphen: true,
    },
    settings: &[
        SettingInfo {
            name: "service-account",
            env: &["GOOGLE_CREDENTIALS"],
            required: false,
            secret: true,
            help: "key of a service account: the JSON text, or the path of its file",
            role: provision_core::SettingRole::Value,
        },
        SettingInfo {
            name: "service-account-file",
            env: &["GOOGLE_APPLICATION_CREDENTIALS"],
            required: false,
            secret: false,
            help: "path of a JSON file with the key of a service account, or with application default credentials",
            role: provision_core::SettingRole::Value,
        },
        SettingInfo {
            name: "access-token",
            env: &["GOOGLE_OAUTH_ACCESS_TOKEN", "CLOUDSDK_AUTH_ACCESS_TOKEN"],
            required: false,
            secret: true,
            help: "ready access token, as `gcloud auth print-access-token` prints it; wins over every key",
            role: provision_core::SettingRole::Value,
        },
        SettingInfo {
            name: "project",
            env: &["GOOGLE_CLOUD_PROJECT", "GOOGLE_PROJECT", "CLOUDSDK_CORE_PROJECT"],
            required: false,
            secret: false,
            help: "id of the project; without it, that of the service account",
            role: provision_core::SettingRole::Value,
        },
        SettingInfo {
            name: "zone",
            env: &["CLOUDSDK_COMPUTE_ZONE", "GOOGLE_ZONE"],
            required: false,
            secret: false,
            help: "zone for hosts that name none",
            role: provision_core::SettingRole::Value,
        },
        SettingInfo {
            name: "gcloud-config",
            env: &["CLOUDSDK_CONFIG"],
            required: false,
            secret: false,
            help: "folder in which `gcloud auth application-default login` left its credentials",
            role: provision_core::SettingRole::Value,
        },
        SettingInfo {
            name: "home",
            env: &["HOME"],
            required: false,
            secret: false,
            help: "home folder; gcloud's folder is `.config/gcloud` in it",
            role: provision_core::SettingRole::Value,
        },
        SettingInfo::ENDPOINT,
        SettingInfo::ALLOW_HTTP,
    ],
    additional: &[
        AdditionalInfo {
            key: "network",
            help: "name of the VPC network in the project; without it `default`",
            role: provision_core::AdditionalRole::Harmless,
        },
        AdditionalInfo {
            key: "subnetwork",
            help: "name of the subnetwork in the zone's region, for a network in custom mode; needs `network`",
            role: provision_core::AdditionalRole::Harmless,
        },
        AdditionalInfo {
            key: "disk-gb",
            help: "size of the boot disk in GB; without it 10",
            role: provision_core::AdditionalRole::Harmless,
        },
        AdditionalInfo {
            key: "disk-type",
            help: "type of the boot disk, such as `pd-balanced`; without it `pd-standard`",
            role: provision_core::AdditionalRole::Harmless,
        },
        AdditionalInfo {
            key: "vm-service-account",
            help: "e-mail of the service account that the host acts as; without it none",
            role: provision_core::AdditionalRole::Harmless,
        },
        AdditionalInfo {
            key: "tags",
            help: "further network tags, separated by commas, for firewall rules of your own",
            role: provision_core::AdditionalRole::Harmless,
        },
    ],
    capabilities: Capabilities {
        restrict_ports: true,
        ssh_keys: true,
        unique_names: true,
        create_tokens: false,
        lists_all_regions: true,
    },
    // 1,500 a minute: https://cloud.google.com/compute/api-quota
    polling: Polling {
        page_size: Some(500),
        requests_per_page: 1,
        hourly_limit: Some(90_000),
    },
    label_max_len: None,
    visible_within: std::time::Duration::from_secs(30),
    retired: None,
};

/// Hourly prices in USD of the regions us-central1, us-east1 and us-west1, which cost the same:
/// <https://cloud.google.com/compute/vm-instance-pricing#sharedcore>, from public tables of 2025 and 2026 (`e2-micro`,
/// `f1-micro`); `e2-small` and `e2-medium` are twice and four times that, UNCONFIRMED. The API knows no prices; other plans
/// and regions have none here.
const HOURLY_PRICES: [(&str, f64); 4] = [
    ("e2-micro", 0.00838),
    ("e2-small", 0.01675),
    ("e2-medium", 0.03351),
    ("f1-micro", 0.0076),
];
/// A 10 GB `pd-standard` disk and the external IPv4, in USD a month.
const DISK_AND_ADDRESS: f64 = 4.05;

/// What a plan costs in a month of 730 hours with disk and address, where that is known.
pub(crate) fn monthly_price(plan: &str, zone: &str) -> Option<f64> {
    let cheap = ["us-central1-", "us-east1-", "us-west1-"];
    if !cheap.iter().any(|region| zone.starts_with(region)) {
        return None;
    }
    let (_, hourly) = HOURLY_PRICES.iter().find(|(known, _)| *known == plan)?;
    Some(((hourly * 730.0 + DISK_AND_ADDRESS) * 100.0).round() / 100.0)
}

/// Settings of the provider, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// What the requests are authorised with.
    pub credentials: Credentials,
    /// Id of the project.
    pub project: String,
    /// Zone of hosts that name none.
    pub zone: String,
    /// Base URL of the API; paths start with `/compute/v1`.
    pub endpoint: Endpoint,
}

impl Config {
    /// Reads the settings. Credentials come from the first of `access-token`, `service-account`, `service-account-file`
    /// and gcloud's application default credentials that is there.
    ///
    /// # Errors
    /// `Unauthorized` without usable credentials; `InvalidRequest` for an unknown setting, a bad endpoint, no project.
    pub fn from_settings(settings: &Settings) -> Result<Self> {
        settings.check_names(&INFO)?;
        let allow_http = settings.flag(&INFO, "allow-http")?;
        let endpoint = settings.get("endpoint").unwrap_or("https://compute.googleapis.com");
        let endpoint = Endpoint::parse(endpoint, allow_http)?;
        let credentials = credentials(settings, allow_http)?;
        let project = settings.get("project").or(credentials.project()).ok_or_else(|| {
            refused("no project is known: give the setting `project` (environment: GOOGLE_CLOUD_PROJECT)")
        })?;
        if !is_project(project) {
            return Err(refused(format!("project {project:?} is not the id of a project")));
        }
        let zone = settings.get("zone").unwrap_or(INFO.default_region);
        check_zone(zone)?;
        Ok(Self {
            project: project.to_owned(),
            zone: zone.to_owned(),
            credentials,
            endpoint,
        })
    }
}

fn credentials(settings: &Settings, allow_http: bool) -> Result<Credentials> {
    if let Some(token) = settings.secret("access-token") {
        return Ok(Credentials::access_token(token));
    }
    if let Some(key) = settings.secret("service-account") {
        let text = key.expose_secret();
        return match text.trim_start().starts_with('{') {
            true => Credentials::from_json(text, allow_http),
            false => Credentials::from_json(&read("service-account", text)?, allow_http),
        };
    }
    if let Some(path) = settings.get("service-account-file") {
        return Credentials::from_json(&read("service-account-file", path)?, allow_http);
    }
    // https://cloud.google.com/docs/authentication/application-default-credentials#personal
    let folder = match (settings.get("gcloud-config"), settings.get("home")) {
        (Some(folder), _) => Some(std::path::PathBuf::from(folder)),
        (None, Some(home)) => Some(std::path::Path::new(home).join(".config").join("gcloud")),
        (None, None) => None,
    };
    if let Some(text) = folder
        .map(|folder| folder.join("application_default_credentials.json"))
        .and_then(|path| std::fs::read_to_string(path).ok())
    {
        return Credentials::from_json(&text, allow_http);
    }
    let message = "Google Compute Engine needs credentials: the setting `service-account` (environment: \
        GOOGLE_CREDENTIALS), `service-account-file` (GOOGLE_APPLICATION_CREDENTIALS), `access-token` \
        (GOOGLE_OAUTH_ACCESS_TOKEN), or `gcloud auth application-default login`";
    Err(Error::new(ErrorKind::Unauthorized, message).with_provider(INFO.id))
}

/// The path is not shown: it may be a key that was put into the wrong setting.
fn read(setting: &str, path: &str) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| {
        let message = format!(
            "the file that setting `{setting}` names cannot be read: {}",
            error.kind()
        );
        Error::new(ErrorKind::Unauthorized, message).with_provider(INFO.id)
    })
}

pub(crate) fn refused(message: impl Into<String>) -> Error {
    Error::invalid(message).with_provider(INFO.id)
}

/// An id such as `my-project`, or `example.com:my-project` in an old organisation.
pub(crate) fn is_project(text: &str) -> bool {
    (1..=100).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b".:-".contains(&b))
}

/// A name of the API: a lower-case letter, then lower-case letters, digits and hyphens.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// A zone such as `us-central1-a`: its region is what stands before the last hyphen.
pub(crate) fn check_zone(text: &str) -> Result<()> {
    let ends_with_letter = text.ends_with(|c: char| c.is_ascii_lowercase());
    if is_name(text) && ends_with_letter && text.matches('-').count() >= 2 {
        return Ok(());
    }
    Err(refused(format!(
        "region {text:?} is not a zone: hosts are made in zones such as us-central1-a, list them with `regions`"
    )))
}

/// The region of a zone: `us-central1` of `us-central1-a`.
pub(crate) fn region_of(zone: &str) -> &str {
    zone.rsplit_once('-').map_or(zone, |(region, _)| region)
}

/// Which instance: names are unique in a zone of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) zone: String,
    pub(crate) project: String,
    /// In ids of the Go package: the region of a reserved address that has the host's name.
    pub(crate) address_region: Option<String>,
}

impl Target {
    /// Where a new host goes.
    pub(crate) fn of_new(host: &BasicHost, config: &Config) -> Result<Self> {
        let zone = host.region.as_deref().unwrap_or(&config.zone);
        check_zone(zone)?;
        Ok(Self {
            name: host.name.as_str().to_owned(),
            zone: zone.to_owned(),
            project: config.project.clone(),
            address_region: None,
        })
    }

    /// Reads `name|zone|project`, the Go package's `name|zone|project|region`, or a bare name in the configured zone.
    pub(crate) fn parse(id: &HostId, config: &Config) -> Result<Self> {
        let mut parts = id.parts();
        let mut next = || parts.next();
        let (name, zone, project, region) = (next(), next(), next(), next());
        let target = Self {
            name: name.unwrap_or_default().to_owned(),
            zone: zone.unwrap_or(&config.zone).to_owned(),
            project: project.unwrap_or(&config.project).to_owned(),
            address_region: region.map(str::to_owned),
        };
        let of_zone = |region: &str| region == region_of(&target.zone);
        let fits = is_name(&target.name)
            && check_zone(&target.zone).is_ok()
            && is_project(&target.project)
            && target.address_region.as_deref().is_none_or(of_zone);
        match fits {
            true => Ok(target),
            false => Err(refused(format!(
                "{:?} is not a host id of Google Compute Engine: it must be `name|zone|project`, such as web-1|us-central1-a|my-project",
                id.as_str()
            ))),
        }
    }

    pub(crate) fn id(&self) -> Result<HostId> {
        let parts = [&self.name, &self.zone, &self.project].map(String::as_str);
        Ok(HostId::from_parts(
            parts.into_iter().chain(self.address_region.as_deref()),
        )?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_monthly_cost_is_the_sum_of_its_parts() {
        assert_eq!(
            monthly_price(INFO.default_plan, INFO.default_region),
            INFO.monthly_cost.amount
        );
        assert_eq!(monthly_price("e2-micro", "europe-west1-b"), None);
        assert_eq!(monthly_price("c4-standard-2", "us-central1-a"), None);
    }

    #[test]
    fn a_region_is_not_a_zone() {
        for good in ["us-central1-a", "europe-west10-c", "us-central1-ai1a"] {
            assert!(check_zone(good).is_ok(), "{good}");
        }
        for bad in ["us-central1", "nowhere-9", "b", "us-central1-A", "", "us-central1-"] {
            assert!(check_zone(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_first_credentials_in_order_are_used() {
        let folder = tempfile::tempdir().unwrap();
        let adc = r#"{"type":"authorized_user","client_id":"c","client_secret":"s","refresh_token":"r"}"#;
        std::fs::create_dir_all(folder.path().join(".config/gcloud")).unwrap();
        let file = folder
            .path()
            .join(".config/gcloud/application_default_credentials.json");
        std::fs::write(&file, adc).unwrap();
        let home = Settings::new()
            .with("home", folder.path().to_str().unwrap())
            .with("project", "p1");
        let read = |settings: &Settings| format!("{:?}", Config::from_settings(settings).unwrap().credentials);
        assert_eq!(read(&home), "AuthorizedUser");
        assert_eq!(read(&home.clone().with("access-token", "t")), "AccessToken");
        let by_path = Settings::new()
            .with("project", "p1")
            .with("service-account", file.to_str().unwrap());
        assert_eq!(read(&by_path), "AuthorizedUser");
        let absent = Settings::new().with("service-account-file", "/no/such/file-s3cret");
        let error = Config::from_settings(&absent).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthorized);
        assert!(!error.to_string().contains("s3cret"), "{error}");
        let none = Config::from_settings(&Settings::new().with("home", "/no/such/folder")).unwrap_err();
        assert!(none.to_string().contains("GOOGLE_CREDENTIALS"), "{none}");
        let no_project = Config::from_settings(&Settings::new().with("access-token", "t")).unwrap_err();
        assert!(no_project.to_string().contains("GOOGLE_CLOUD_PROJECT"), "{no_project}");
    }
}
