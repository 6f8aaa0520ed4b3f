use std::time::Duration;

use provision_core::{
    AdditionalInfo, Capabilities, CommonSetting, Login, MonthlyCost, Polling, ProviderInfo, SettingInfo, UserDataRules,
};

/// Static facts about EC2.
///
/// How the defaults were chosen (2026-11-20):
/// - plan `t3.micro`: the smallest x86 type with 1 GiB of memory, in which Ubuntu and a container fit;
///   [on demand](https://aws.amazon.com/ec2/pricing/on-demand/) 0.0104 USD an hour in `us-east-1`. `t4g.nano` is the
///   cheapest of all (7.36 USD with address and disk), but ARM and 0.5 GiB.
/// - image: Canonical's [public parameter](https://documentation.ubuntu.com/aws/aws-how-to/instances/find-ubuntu-images/)
///   for Ubuntu 24.04 LTS, or the newest image that it stands for; the ARM one for plans with ARM processors.
/// - region `us-east-1`: among the cheapest, and the one that every account has.
pub static INFO: ProviderInfo = ProviderInfo::new("ec2", "AWS EC2")
    .with_aliases(&["aws"])
    .with_defaults("us-east-1", "t3.micro", UBUNTU_X86)
    .with_monthly_cost(MonthlyCost::new(
        11.88,
        "USD",
        PRICES_AS_OF,
        "public IPv4 (3.65), 8 GiB gp3 disk (0.64); traffic extra",
    ))
    .with_price_list(monthly_price)
    // https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html: 16 KB before base64; cloud-init takes gzip.
    .with_user_data(UserDataRules::new(16_384).with_gzip())
    .with_settings(&[
        SettingInfo::credential("access-key-id", "id of an access key; without it the profile is asked")
            .known_as(CommonSetting::AccessKey)
            .with_env(&["AWS_ACCESS_KEY_ID"]),
        SettingInfo::secret("secret-access-key", "the secret of the access key")
            .known_as(CommonSetting::SecretKey)
            .with_env(&["AWS_SECRET_ACCESS_KEY"]),
        SettingInfo::secret("session-token", "session token of temporary credentials").with_env(&["AWS_SESSION_TOKEN"]),
        SettingInfo::value(
            "region",
            "region when a request names none; else the profile's, else us-east-1",
        )
        .known_as(CommonSetting::Region)
        .with_env(&["AWS_REGION", "AWS_DEFAULT_REGION"]),
        SettingInfo::file(
            "profile",
            "section of the credentials and config files; `default` when absent",
        )
        .with_env(&["AWS_PROFILE"]),
        SettingInfo::file(
            "credentials-file",
            "path of the shared credentials file; ~/.aws/credentials when absent",
        )
        .with_env(&["AWS_SHARED_CREDENTIALS_FILE"]),
        SettingInfo::file(
            "config-file",
            "path of the shared config file; ~/.aws/config when absent",
        )
        .with_env(&["AWS_CONFIG_FILE"]),
        SettingInfo::file("home", "home directory in which .aws is looked for").with_env(&["HOME", "USERPROFILE"]),
        SettingInfo::ENDPOINT.with_env(&["AWS_ENDPOINT_URL_EC2", "AWS_ENDPOINT_URL"]),
        SettingInfo::ALLOW_HTTP,
    ])
    .with_additional(&[
        AdditionalInfo::new(
            "vpc-id",
            "VPC to launch in, needed where there is no default one; its subnet with the most free addresses is used",
        )
        .grants_access(),
        AdditionalInfo::new(
            "subnet-id",
            "subnet to launch in, which also chooses the availability zone",
        )
        .grants_access(),
        AdditionalInfo::new(
            "security-group",
            "id of your own security group to use instead of one made for the host; never deleted",
        )
        .grants_access(),
        AdditionalInfo::new("key-name", "name of an EC2 key pair to install").grants_access(),
        AdditionalInfo::new("instance-profile", "name or ARN of an IAM instance profile").grants_access(),
    ])
    .with_login(
        Login::new(
            "https://console.aws.amazon.com/iam/home#/security_credentials",
            &["access-key-id", "secret-access-key"],
        )
        .with_tools(&[("aws", ".aws/credentials")]),
    )
    .with_capabilities(
        Capabilities::new()
            .with_restrict_ports()
            .with_ssh_keys()
            .with_create_tokens(),
    )
    // 20 requests a second are refilled: https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
    .with_polling(Polling::new(Some(500), Some(72_000)))
    // Usually a new instance is seen within seconds, no time is promised:
    // https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html
    .with_visible_within(Duration::from_secs(60));

/// Ubuntu 24.04 LTS for x86, as EC2 resolves it in `ImageId`.
pub(crate) const UBUNTU_X86: &str =
    "resolve:ssm:/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id";
/// The same for ARM.
pub(crate) const UBUNTU_ARM: &str =
    "resolve:ssm:/aws/service/canonical/ubuntu/server/24.04/stable/current/arm64/hvm/ebs-gp3/ami-id";

/// Label of an instance with the id of the security group that was made for it.
pub(crate) const GROUP_LABEL: &str = "provision-group";
/// Tag of a security group that names its instance, so that it is found when the instance is long gone.
pub(crate) const HOST_TAG: &str = "provision:host";

/// When [`PRICES`] were read.
const PRICES_AS_OF: &str = "2026-11-20";
/// The region that [`PRICES`] are of.
const PRICES_REGION: &str = "us-east-1";
/// Hours of a month, as AWS's calculator counts them.
const HOURS: f64 = 730.0;
/// The public IPv4 in USD an hour, and the 8 GiB of gp3 that Ubuntu's image brings in USD a month at 0.08 a GiB.
const ADDRESS_HOURLY: f64 = 0.005;
const DISK_MONTHLY: f64 = 0.64;

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

/// What a plan bills in a month with address and disk, where that is known.
fn monthly_price(plan: &str, region: &str) -> Option<f64> {
    let known = PRICES.iter().filter(|_| region == PRICES_REGION);
    let (_, hourly) = known.into_iter().find(|(known, _)| *known == plan)?;
    Some((hourly + ADDRESS_HOURLY) * HOURS + DISK_MONTHLY)
}
