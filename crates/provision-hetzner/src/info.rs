use std::time::Duration;

use provision_core::{
    AdditionalInfo, Capabilities, CommonSetting, Login, MonthlyCost, Polling, ProviderInfo, SettingInfo, UserDataRules,
};

/// Static facts about Hetzner Cloud.
///
/// How the defaults were chosen (2026-11-20):
/// - plan `cx23`: the cheapest [shared x86 plan](https://www.hetzner.com/cloud), 5.49 EUR a month and 0.50 EUR for the
///   IPv4, after the repricing of 2026-06-15, read 2026-09-25. It is often sold out; `cpx12` (11.49 EUR) is the cheapest
///   that could always be ordered then.
/// - image `ubuntu-24.04`: Ubuntu LTS by
///   [name](https://docs.hetzner.cloud/reference/cloud#images), the same for x86 and ARM, kept current by Hetzner.
/// - location `nbg1`: Nuremberg, where every plan family is sold.
pub static INFO: ProviderInfo = ProviderInfo::new("hetzner", "Hetzner Cloud")
    .with_aliases(&["hcloud"])
    .with_defaults("nbg1", "cx23", "ubuntu-24.04")
    .with_monthly_cost(MonthlyCost::new(
        5.99,
        "EUR",
        "2026-09-25",
        "public IPv4 (0.50), 40 GB disk, 20 TB transfer",
    ))
    // 32 KiB: https://docs.hetzner.cloud/reference/cloud#servers-create-a-server
    .with_user_data(UserDataRules::new(32_768))
    .with_settings(&[
        SettingInfo::secret(
            "token",
            "API token of a project with read and write access, from the console under Security > API tokens",
        )
        .known_as(CommonSetting::AccessKey)
        .with_env(&["HCLOUD_TOKEN"])
        .required(),
        SettingInfo::ENDPOINT,
        SettingInfo::ALLOW_HTTP,
    ])
    .with_additional(&[
        AdditionalInfo::new("network", "id of a private network to attach as well").grants_access(),
        // A group is limited in size.
        AdditionalInfo::new("placement-group", "id of a placement group").grants_access(),
    ])
    .with_login(
        Login::new("https://console.hetzner.com/projects", &["token"])
            .with_tools(&[("hcloud", ".config/hcloud/cli.toml")]),
    )
    .with_capabilities(
        Capabilities::new()
            .with_restrict_ports()
            .with_ssh_keys()
            .with_unique_names()
            .with_lists_all_regions(),
    )
    // https://docs.hetzner.cloud/reference/cloud#rate-limiting
    .with_polling(Polling::new(Some(50), Some(3_600)))
    // Nothing is published about how soon a list shows a new server: UNCONFIRMED. The cloud itself refuses a second one of the
    // same name.
    .with_visible_within(Duration::from_secs(30));
