use provision_core::{
    AdditionalInfo, Capabilities, Error, MonthlyCost, NameRules, Polling, ProviderInfo, Result, SettingInfo, Settings,
    UserDataRules,
};
use provision_http::Endpoint;

use crate::auth::{self, Credentials};

/// Static facts about EC2.
///
/// How the defaults were chosen (2026-11-20):
/// - plan `t3.micro`: the smallest x86 type with 1 GiB of memory, in which Ubuntu and a container fit;
///   [on demand](https://aws.amazon.com/ec2/pricing/on-demand/) 0.0104 USD an hour in `us-east-1`. `t4g.nano` is the
///   cheapest of all (7.36 USD with address and disk), but ARM and 0.5 GiB.
/// - image: Canonical's [public parameter](https://documentation.ubuntu.com/aws/aws-how-to/instances/find-ubuntu-images/)
///   for Ubuntu 24.04 LTS, which EC2 resolves in the region at launch; the ARM one for plans with ARM processors.
/// - region `us-east-1`: among the cheapest, and the one that every account has.
pub static INFO: ProviderInfo = ProviderInfo {
    id: "ec2",
    aliases: &["aws"],
    title: "AWS EC2",
    default_region: "us-east-1",
    default_plan: "t3.micro",
    default_image: UBUNTU_X86,
    monthly_cost: MonthlyCost {
        // 730 hours at 0.0104 + 0.005 USD, and 8 GiB at 0.08 USD.
        amount: Some(11.88),
        currency: "USD",
        as_of: PRICES_AS_OF,
        includes: "public IPv4 (3.65), 8 GiB gp3 disk (0.64); traffic extra",
    },
    // https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html: 16 KB before base64; cloud-init takes gzip.
    user_data: UserDataRules {
        max_bytes: 16_384,
        gzip: true,
    },
    name_rules: NameRules::HOST_NAME,
    settings: &[
        SettingInfo {
            name: "access-key-id",
            env: &["AWS_ACCESS_KEY_ID"],
            required: false,
            secret: false,
            help: "id of an access key; without it the profile is asked",
            role: provision_core::SettingRole::Value,
        },
        SettingInfo {
            name: "secret-access-key",
            env: &["AWS_SECRET_ACCESS_KEY"],
            required: false,
            secret: true,
            help: "the secret of the access key",
            role: provision_core::SettingRole::Value,
        },
        SettingInfo {
            name: "session-token",
            env: &["AWS_SESSION_TOKEN"],
            required: false,
            secret: true,
            help: "session token of temporary credentials",
            role: provision_core::SettingRole::Value,
        },
        SettingInfo {
            name: "region",
            env: &["AWS_REGION", "AWS_DEFAULT_REGION"],
            required: false,
            secret: false,
            help: "region when a request names none; else the profile's, else us-east-1",
            role: provision_core::SettingRole::Value,
        },
        SettingInfo {
            name: "profile",
            env: &["AWS_PROFILE"],
            required: false,
            secret: false,
            help: "section of the credentials and config files; `default` when absent",
            role: provision_core::SettingRole::Value,
        },
        SettingInfo {
            name: "credentials-file",
            env: &["AWS_SHARED_CREDENTIALS_FILE"],
            required: false,
            secret: false,
            help: "path of the shared credentials file; ~/.aws/credentials when absent",
            role: provision_core::SettingRole::Value,
        },
        SettingInfo {
            name: "config-file",
            env: &["AWS_CONFIG_FILE"],
            required: false,
            secret: false,
            help: "path of the shared config file; ~/.aws/config when absent",
            role: provision_core::SettingRole::Value,
        },
        SettingInfo {
            name: "home",
            env: &["HOME", "USERPROFILE"],
            required: false,
            secret: false,
            help: "home directory in which .aws is looked for",
            role: provision_core::SettingRole::Value,
        },
        SettingInfo {
            env: &["AWS_ENDPOINT_URL_EC2", "AWS_ENDPOINT_URL"],
            ..SettingInfo::ENDPOINT
        },
        SettingInfo::ALLOW_HTTP,
    ],
    additional: &[
        AdditionalInfo {
            key: "vpc-id",
            help: "VPC to launch in, needed where there is no default one; its first available subnet is used",
            role: provision_core::AdditionalRole::Harmless,
        },
        AdditionalInfo {
            key: "subnet-id",
            help: "subnet to launch in, which also chooses the availability zone",
            role: provision_core::AdditionalRole::Harmless,
        },
        AdditionalInfo {
            key: "security-group",
            help: "id of your own security group to use instead of one made for the host; never deleted",
            role: provision_core::AdditionalRole::Harmless,
        },
        AdditionalInfo {
            key: "key-name",
            help: "name of an EC2 key pair to install",
            role: provision_core::AdditionalRole::Harmless,
        },
        AdditionalInfo {
            key: "instance-profile",
            help: "name or ARN of an IAM instance profile",
            role: provision_core::AdditionalRole::Harmless,
        },
    ],
    capabilities: Capabilities {
        restrict_ports: true,
        ssh_keys: true,
        unique_names: false,
        create_tokens: true,
        lists_all_regions: false,
    },
    // 20 requests a second are refilled: https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
    polling: Polling {
        page_size: Some(500),
        requests_per_page: 1,
        hourly_limit: Some(72_000),
    },
    label_max_len: None,
    visible_within: std::time::Duration::from_secs(30),
    retired: None,
};

/// Ubuntu 24.04 LTS for x86, as EC2 resolves it in `ImageId`.
pub(crate) const UBUNTU_X86: &str =
    "resolve:ssm:/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id";
/// The same for ARM.
pub(crate) const UBUNTU_ARM: &str =
    "resolve:ssm:/aws/service/canonical/ubuntu/server/24.04/stable/current/arm64/hvm/ebs-gp3/ami-id";

/// When [`PRICES`] were read.
const PRICES_AS_OF: &str = "2026-11-20";
/// The region that [`PRICES`] are of.
pub(crate) const PRICES_REGION: &str = "us-east-1";
/// Hours of a month, as AWS's calculator counts them.
pub(crate) const HOURS: f64 = 730.0;

/// Linux on demand in USD an hour, [`PRICES_REGION`], [`PRICES_AS_OF`], without address and disk. EC2's API tells no
/// prices. Source: <https://aws.amazon.com/ec2/pricing/on-demand/> through third-party tables that agree, for the sizes
/// `nano` and `micro` (of `t3a` only `nano`); the others follow from AWS doubling a family's price with each size, UNCONFIRMED.
pub(crate) const PRICES: &[(&str, f64)] = &[
    ("t4g.nano", 0.0042),
    ("t4g.micro", 0.0084),
    ("t4g.small", 0.0168),
    ("t4g.medium", 0.0336),
    ("t4g.large", 0.0672),
    ("t3a.nano", 0.0047),
    ("t3a.micro", 0.0094),
    ("t3a.small", 0.0188),
    ("t3a.medium", 0.0376),
    ("t3a.large", 0.0752),
    ("t3.nano", 0.0052),
    ("t3.micro", 0.0104),
    ("t3.small", 0.0208),
    ("t3.medium", 0.0416),
    ("t3.large", 0.0832),
];

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
        check_region(&region)?;
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

/// Checks that a text has the form of a region, such as `eu-west-1` or `us-gov-east-1`, as it becomes part of a host name.
pub(crate) fn check_region(region: &str) -> Result<()> {
    let parts: Vec<&str> = region.split('-').collect();
    let is_region = match parts.as_slice() {
        [area, names @ .., number] => {
            area.len() >= 2
                && !names.is_empty()
                && [*area]
                    .iter()
                    .chain(names)
                    .all(|name| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase()))
                && (1..=2).contains(&number.len())
                && number.bytes().all(|b| b.is_ascii_digit())
        }
        _ => false,
    };
    if is_region && region.len() <= 32 {
        return Ok(());
    }
    let shown: String = region.chars().take(40).collect();
    Err(Error::invalid(format!(
        "region {shown:?} does not exist: AWS's are written like `us-east-1` (a zone such as `us-east-1a` is chosen by `subnet-id`)"
    ))
    .with_provider(INFO.id))
}

/// Whether a plan has an ARM processor: its family has a `g` behind its generation (`t4g`, `c7gn`, `im4gn`), or is `a1`.
/// <https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html>
pub(crate) fn is_arm(plan: &str) -> bool {
    let family = plan.split('.').next().unwrap_or_default();
    let options = family.trim_start_matches(|c: char| c.is_ascii_lowercase());
    family == "a1" || options.starts_with(|c: char| c.is_ascii_digit()) && options.contains('g')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_have_a_form_that_fits_a_host_name() {
        for good in [
            "us-east-1",
            "ap-southeast-7",
            "us-gov-west-1",
            "cn-north-1",
            "us-iso-east-1",
        ] {
            assert!(check_region(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "nowhere-9",
            "us-east-1a",
            "us-east-1.evil.example",
            "us_east_1",
            "US-EAST-1",
            "us--1",
            "-a-1",
        ] {
            assert!(check_region(bad).is_err(), "{bad}");
        }
    }

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

    #[test]
    fn arm_is_told_by_the_family() {
        for arm in [
            "t4g.nano",
            "c7gn.large",
            "im4gn.large",
            "a1.medium",
            "g5g.xlarge",
            "m8g.medium",
            "x2gd.medium",
        ] {
            assert!(is_arm(arm), "{arm}");
        }
        for x86 in [
            "t3.micro",
            "t3a.nano",
            "g4dn.xlarge",
            "m5zn.large",
            "u-6tb1.metal",
            "p4d.24xlarge",
            "gr6.4xlarge",
        ] {
            assert!(!is_arm(x86), "{x86}");
        }
    }
}
