use std::fmt;

use provision_core::{
    AdditionalInfo, Capabilities, Error, HostId, MonthlyCost, NameRules, Polling, ProviderInfo, RegionFilter, Result,
    SecretString, SettingInfo, Settings, UserDataRules,
};
use provision_http::Endpoint;

/// Static facts about Scaleway.
///
/// How the defaults were chosen (2026-11-20):
/// - plan `DEV1-S`: the cheapest plan with a local disk that can regularly be ordered, 0.008976 EUR an hour (6.55 a month)
///   and 0.004 EUR an hour (2.92) for the IPv4; [prices](https://www.scaleway.com/en/pricing/virtual-instances/) as the
///   [list of types](https://www.scaleway.com/en/developers/api/instance/#path-instance-types-list-instance-types) gave
///   them on 2026-07-30. `STARDUST1-S` (0.44 EUR) is nearly always sold out.
/// - image `ubuntu_noble`: the [marketplace](https://www.scaleway.com/en/developers/api/marketplace/) label of Ubuntu 24.04
///   LTS; its id differs by zone and build, so that it is looked up.
/// - zone `fr-par-1`: the default of Scaleway's own tools, where every plan family with local disks is sold.
pub static INFO: ProviderInfo = ProviderInfo {
    id: "scaleway",
    aliases: &["scw"],
    title: "Scaleway",
    default_region: "fr-par-1",
    default_plan: "DEV1-S",
    default_image: "ubuntu_noble",
    monthly_cost: MonthlyCost {
        amount: Some(9.47),
        currency: "EUR",
        as_of: "2026-07-30",
        // UNCONFIRMED: whether the local disk is billed on top.
        includes: "public IPv4 (2.92), traffic",
    },
    // 127,998 characters, as Scaleway's Terraform provider checks; counted in bytes here, which is never more:
    // https://github.com/scaleway/terraform-provider-scaleway/blob/master/internal/services/instance/server.go
    user_data: UserDataRules {
        max_bytes: 127_998,
        gzip: false,
    },
    name_rules: NameRules::HOST_NAME,
    settings: &[
        SettingInfo {
            name: "secret-key",
            env: &["SCW_SECRET_KEY"],
            required: true,
            secret: true,
            help: "secret key of an API key, a UUID, from the console under IAM > API keys",
            role: provision_core::SettingRole::Value,
        },
        SettingInfo {
            name: "project",
            env: &["SCW_DEFAULT_PROJECT_ID"],
            required: true,
            secret: false,
            help: "id of the project in which hosts are created and listed, a UUID",
            role: provision_core::SettingRole::Value,
        },
        SettingInfo {
            name: "zone",
            env: &["SCW_DEFAULT_ZONE"],
            required: false,
            secret: false,
            help: "zone of hosts and ids that name none; fr-par-1 when absent",
            role: provision_core::SettingRole::Value,
        },
        SettingInfo {
            name: "access-key",
            env: &["SCW_ACCESS_KEY"],
            required: false,
            secret: false,
            help: "access key of the API key; accepted because Scaleway's tools have it, never sent",
            role: provision_core::SettingRole::Value,
        },
        SettingInfo::ENDPOINT,
        SettingInfo::ALLOW_HTTP,
    ],
    additional: &[AdditionalInfo {
        key: "placement-group",
        help: "id of a placement group of the zone",
        role: provision_core::AdditionalRole::Harmless,
    }],
    capabilities: Capabilities {
        restrict_ports: true,
        // The project's own SSH keys are installed in every server; there is nothing to send.
        ssh_keys: false,
        unique_names: false,
        create_tokens: false,
        lists_all_regions: false,
    },
    // Numbers are not published.
    polling: Polling {
        page_size: Some(100),
        requests_per_page: 1,
        hourly_limit: None,
    },
    label_max_len: None,
    visible_within: std::time::Duration::from_secs(30),
    retired: None,
};

/// The zones of the Instance API. There is no request that lists them; these are those of Scaleway's
/// [Go SDK](https://github.com/scaleway/scaleway-sdk-go/blob/master/api/instance/v1/instance_sdk.go), read 2026-11-20.
pub(crate) const ZONES: [(&str, &str); 10] = [
    ("fr-par-1", "Paris 1"),
    ("fr-par-2", "Paris 2"),
    ("fr-par-3", "Paris 3"),
    ("it-mil-1", "Milan 1"),
    ("nl-ams-1", "Amsterdam 1"),
    ("nl-ams-2", "Amsterdam 2"),
    ("nl-ams-3", "Amsterdam 3"),
    ("pl-waw-1", "Warsaw 1"),
    ("pl-waw-2", "Warsaw 2"),
    ("pl-waw-3", "Warsaw 3"),
];

/// A zone such as `fr-par-1`: two letters, three letters and a digit, so that zones to come work as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(String);

impl Zone {
    /// Checks and wraps a zone.
    ///
    /// # Errors
    /// `InvalidRequest` that lists the known zones when the text does not have the form of one.
    pub fn new(text: &str) -> Result<Self> {
        let letters = |part: &str, len| part.len() == len && part.bytes().all(|byte| byte.is_ascii_lowercase());
        let parts: Vec<&str> = text.split('-').collect();
        match parts.as_slice() {
            [country, city, number]
                if letters(country, 2)
                    && letters(city, 3)
                    && number.len() == 1
                    && number.bytes().all(|byte| (b'1'..=b'9').contains(&byte)) =>
            {
                Ok(Self(text.to_owned()))
            }
            _ => Err(Error::unknown_region(text, &ZONES.map(|(zone, _)| zone)).with_provider(INFO.id)),
        }
    }

    /// The zone as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Settings of the provider, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Secret key of an API key.
    pub secret_key: SecretString,
    /// Id of the project.
    pub project: String,
    /// Zone of hosts and ids that name none.
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
        let endpoint = settings.get("endpoint").unwrap_or("https://api.scaleway.com");
        let secret_key = settings.require_secret(&INFO, "secret-key")?;
        let project = settings.require(&INFO, "project")?;
        if !is_uuid(project) {
            return Err(Error::invalid("setting `project` must be the id of a project, a UUID: it stands in the console under Project dashboard > Settings").with_provider(INFO.id));
        }
        Ok(Self {
            secret_key,
            project: project.to_owned(),
            zone: Zone::new(settings.get("zone").unwrap_or(INFO.default_region))?,
            endpoint: Endpoint::parse(endpoint, settings.flag(&INFO, "allow-http")?)?,
        })
    }

    /// The zone of a region that a caller names, or the configured one.
    pub(crate) fn zone_or(&self, region: Option<&str>) -> Result<Zone> {
        region.map_or_else(|| Ok(self.zone.clone()), Zone::new)
    }

    /// The zones to look at, the configured one first.
    pub(crate) fn zones(&self, filter: &RegionFilter) -> Result<Vec<Zone>> {
        let mut zones = vec![self.zone.clone()];
        match filter {
            RegionFilter::Only(zone) => zones = vec![Zone::new(zone)?],
            RegionFilter::All => zones.extend(
                ZONES
                    .map(|(zone, _)| Zone(zone.to_owned()))
                    .into_iter()
                    .filter(|zone| *zone != self.zone),
            ),
            _ => {}
        }
        Ok(zones)
    }

    /// The zone and the server's UUID of an id: `<uuid>|<zone>`, or a bare UUID in the configured zone.
    pub(crate) fn parse_id(&self, id: &HostId) -> Result<(Zone, String)> {
        let mut parts = id.parts();
        let server = HostId::check_uuid(parts.next().unwrap_or_default())?.to_ascii_lowercase();
        let zone = match (parts.next(), parts.next()) {
            (None, _) => self.zone.clone(),
            (Some(zone), None) => Zone::new(zone)?,
            (Some(_), Some(_)) => {
                return Err(Error::invalid(format!(
                    "`{id}` is not a host id of Scaleway: it must be `<uuid>|<zone>`"
                ))
                .with_provider(INFO.id));
            }
        };
        Ok((zone, server))
    }
}

/// Whether a text is the id of something at Scaleway.
pub(crate) fn is_uuid(text: &str) -> bool {
    HostId::check_uuid(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROJECT: &str = "11111111-1111-4111-8111-111111111111";
    const SERVER: &str = "5d1c2f0e-7a55-4d3b-9c65-0a7d3f0f6f11";

    fn settings() -> Settings {
        Settings::new()
            .with("secret-key", "22222222-2222-4222-8222-222222222222")
            .with("project", PROJECT)
    }

    #[test]
    fn an_id_names_its_zone_or_takes_the_configured_one() {
        let config = Config::from_settings(&settings().with("zone", "pl-waw-2")).unwrap();
        let parsed = |text: &str| {
            config
                .parse_id(&HostId::new(text).unwrap())
                .map(|(zone, id)| format!("{id} in {zone}"))
        };
        assert_eq!(
            parsed(&format!("{SERVER}|fr-par-1")).unwrap(),
            format!("{SERVER} in fr-par-1")
        );
        assert_eq!(parsed(SERVER).unwrap(), format!("{SERVER} in pl-waw-2"));
        for bad in [
            "512",
            "fr-par-1",
            &format!("{SERVER}|paris"),
            &format!("{SERVER}|fr-par-1|x"),
            &format!("fr-par-1|{SERVER}"),
        ] {
            assert!(parsed(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn zones_are_checked_by_their_form() {
        for good in ZONES.map(|(zone, _)| zone).into_iter().chain(["de-ber-1"]) {
            assert!(Zone::new(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "fr-par",
            "fr-par-0",
            "fr-par-10",
            "FR-PAR-1",
            "fr-par-1-1",
            "fr/par-1",
            "nowhere-9",
        ] {
            let error = Zone::new(bad).unwrap_err().to_string();
            assert!(error.contains("it-mil-1"), "{error}");
        }
    }

    #[test]
    fn settings_are_checked_before_any_request() {
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
