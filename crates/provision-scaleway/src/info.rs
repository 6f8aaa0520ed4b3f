use std::time::Duration;

use provision_core::{
    AdditionalInfo, Capabilities, CommonSetting, Login, MonthlyCost, Polling, ProviderInfo, SettingInfo, UserDataRules,
};

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
pub static INFO: ProviderInfo = ProviderInfo::new("scaleway", "Scaleway")
    .with_aliases(&["scw"])
    .with_defaults("fr-par-1", "DEV1-S", "ubuntu_noble")
    // UNCONFIRMED: whether the local disk is billed on top.
    .with_monthly_cost(MonthlyCost::new(
        9.47,
        "EUR",
        "2026-07-30",
        "public IPv4 (2.92), traffic",
    ))
    // 127,998 characters, as Scaleway's Terraform provider checks; counted in bytes here, which is never more:
    // https://github.com/scaleway/terraform-provider-scaleway/blob/master/internal/services/instance/server.go
    .with_user_data(UserDataRules::new(127_998))
    .with_settings(&[
        SettingInfo::secret(
            "secret-key",
            "secret key of an API key, a UUID, from the console under IAM > API keys",
        )
        .known_as(CommonSetting::SecretKey)
        .with_env(&["SCW_SECRET_KEY"])
        .required(),
        SettingInfo::value(
            "project",
            "id of the project in which hosts are created and listed, a UUID",
        )
        .known_as(CommonSetting::Project)
        .with_env(&["SCW_DEFAULT_PROJECT_ID"])
        .required(),
        SettingInfo::value("zone", "zone of hosts that name none; fr-par-1 when absent")
            .known_as(CommonSetting::Zone)
            .with_env(&["SCW_DEFAULT_ZONE"]),
        SettingInfo::credential(
            "access-key",
            "access key of the API key; accepted because Scaleway's tools have it, never sent",
        )
        .known_as(CommonSetting::AccessKey)
        .with_env(&["SCW_ACCESS_KEY"]),
        SettingInfo::ENDPOINT,
        SettingInfo::ALLOW_HTTP,
    ])
    // A group is limited in size.
    .with_additional(&[AdditionalInfo::new("placement-group", "id of a placement group of the zone").grants_access()])
    .with_login(
        Login::new("https://console.scaleway.com/iam/api-keys", &["secret-key", "project"])
            .with_tools(&[("scw", ".config/scw/config.yaml")]),
    )
    // The project's own SSH keys are installed in every server; there is nothing to send.
    .with_capabilities(Capabilities::new().with_restrict_ports())
    // How many requests are allowed is not published.
    .with_polling(Polling::new(Some(100), None))
    // Nothing is published about how soon a list shows a new server: UNCONFIRMED, and far more than was ever reported.
    .with_visible_within(Duration::from_secs(30));

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
