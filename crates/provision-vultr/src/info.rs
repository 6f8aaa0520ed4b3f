use std::time::Duration;

use provision_core::{
    AdditionalInfo, Capabilities, CommonSetting, Login, MonthlyCost, Polling, ProviderInfo, SettingInfo, UserDataRules,
};

/// Static facts about Vultr.
///
/// How the defaults were chosen (2026-11-20):
/// - plan `vc2-1c-1gb`: the cheapest [Cloud Compute plan](https://www.vultr.com/pricing/#cloud-compute) that is sold in
///   every region and has a public IPv4, 5.00 USD a month by [`/v2/plans`](https://api.vultr.com/v2/plans), read
///   2026-09-25. `vc2-1c-0.5gb` (3.50 USD) is sold in a few regions only and is often out of stock.
/// - image `2284`: Ubuntu 24.04 LTS x64 in [`/v2/os`](https://api.vultr.com/v2/os), read 2026-09-25. Vultr keeps the number
///   for each release and renews the build behind it, so no look-up is needed.
/// - region `lhr`: London, where every plan family is sold.
pub static INFO: ProviderInfo = ProviderInfo::new("vultr", "Vultr")
    .with_defaults("lhr", "vc2-1c-1gb", "2284")
    .with_monthly_cost(MonthlyCost::new(
        5.00,
        "USD",
        "2026-09-25",
        "public IPv4, 25 GB disk, 1 TB transfer",
    ))
    // What is sent is held to 64 KiB, see `request::MOST_USER_DATA`. The user's text stands in it as base64 in lines, which
    // takes 37 % more, beside the part that opens the ports: 45 KiB always fit.
    .with_user_data(UserDataRules::new(46_080))
    .with_settings(&[
        SettingInfo::secret(
            "token",
            "API key, from the console under Account > API, which also lists the addresses that may use it",
        )
        .known_as(CommonSetting::AccessKey)
        .with_env(&["VULTR_API_KEY"])
        .required(),
        SettingInfo::ENDPOINT,
        SettingInfo::ALLOW_HTTP,
    ])
    .with_additional(&[
        AdditionalInfo::new("ipv6", "`true` adds a public IPv6 address"),
        AdditionalInfo::new("vpc", "id of a VPC to attach as well").grants_access(),
        AdditionalInfo::new(
            "firewall-group",
            "id of a firewall group of yours to put in front of the host",
        )
        .grants_access(),
        AdditionalInfo::new(
            "host-firewall",
            "`keep` leaves the image's own firewall as it is (22/tcp open) and the user data untouched",
        ),
    ])
    .with_login(
        Login::new("https://my.vultr.com/settings/#settingsapi", &["token"])
            .with_tools(&[("vultr-cli", ".vultr-cli.yaml")]),
    )
    .with_capabilities(
        Capabilities::new()
            .with_restrict_ports()
            .with_ssh_keys()
            .with_lists_all_regions(),
    )
    // 30 requests a second: https://www.vultr.com/api/#section/Introduction/Rate-Limiting
    .with_polling(Polling::new(Some(500), Some(108_000)))
    // Nothing is published about how soon a new instance is shown. Lists took about a second (2026-09), but reads have said
    // "instance not found" for more than ten, and not any more after 60:
    // https://github.com/vultr/terraform-provider-vultr/issues/462. UNCONFIRMED for today.
    .with_visible_within(Duration::from_secs(60));

/// Whether a plan's hosts have an IPv6 address only: `vc2-1c-0.5gb-v6` and the like. They would never be active here.
pub(crate) fn has_no_ipv4(plan: &str) -> bool {
    plan.ends_with("-v6")
}
