use std::time::Duration;

use provision_core::{
    AdditionalInfo, Capabilities, CommonSetting, Login, MonthlyCost, Polling, ProviderInfo, SettingInfo, UserDataRules,
};

/// Static facts about Civo.
///
/// How the defaults were chosen (2026-11-20):
/// - plan `g4s.xsmall`: the smallest instance of the current generation in the
///   [list of sizes](https://github.com/civo/cli#instance-sizes), 1 CPU, 1 GB, 25 GB.
/// - image `ubuntu-noble`: Ubuntu 24.04 LTS by the name in `GET /v2/disk_images`; its id differs by region and changes with
///   each build, so that it is looked up.
/// - region `LON1`: Civo's first, and the default of the Go package `cloud-provision`.
pub static INFO: ProviderInfo = ProviderInfo::new("civo", "Civo")
    .with_defaults("LON1", "g4s.xsmall", "ubuntu-noble")
    // 0.00744 USD an hour, 730 hours. UNCONFIRMED: from a rate table of a third party (April 2026); the API has no prices,
    // Civo's own are at https://www.civo.com/pricing
    .with_monthly_cost(
        MonthlyCost::new(5.43, "USD", "2026-04-01", "public IPv4, 25 GB disk, 1 TB transfer").everywhere(),
    )
    .with_price_list(|_, _| None)
    // UNCONFIRMED: Civo states no limit. 16 KiB is what the oldest clouds take.
    .with_user_data(UserDataRules::new(16_384))
    .with_settings(&[
        SettingInfo::secret("token", "API key, from the dashboard under Settings > Profile > Security").known_as(CommonSetting::AccessKey)
            .with_env(&["CIVO_TOKEN", "CIVO_API_KEY"])
            .required(),
        SettingInfo::value(
            "region",
            "region where hosts are created, listed and looked for unless a request names another, instead of LON1",
        ).known_as(CommonSetting::Region)
        .with_env(&["CIVO_REGION"]),
        SettingInfo::ENDPOINT,
        SettingInfo::ALLOW_HTTP,
    ])
    .with_additional(&[
        AdditionalInfo::new(
            "network",
            "id of the network to put the host into, instead of the region's default; saves a request",
        )
        .grants_access(),
        AdditionalInfo::new(
            "firewall",
            "id of an existing firewall for the host, instead of the network's default; needed with `network`, unless ports are restricted",
        )
        .grants_access(),
    ])
    .with_login(
        Login::new("https://dashboard.civo.com/security", &["token"])
            .with_tools(&[("civo", ".civo.json")]),
    )
    .with_capabilities(Capabilities::new().with_restrict_ports().with_ssh_keys())
    // No limit is published: https://www.civo.com/api
    .with_polling(Polling::new(Some(100), None))
    // Nothing is published about how soon a list shows a new instance: UNCONFIRMED, and far more than was ever reported.
    .with_visible_within(Duration::from_secs(30));
