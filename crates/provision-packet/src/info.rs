use std::time::Duration;

use provision_core::{
    AdditionalInfo, Capabilities, CommonSetting, Login, MonthlyCost, Polling, ProviderInfo, SettingInfo, UserDataRules,
};

/// Static facts about Packet, later Equinix Metal.
///
/// How the defaults were chosen (2026-11-20; the service closed on 2026-06-30, so that none can be ordered any more):
/// - plan `c3.small.x86`: the smallest server that was sold on demand to the end. It was never cheap, and what it last cost
///   is UNCONFIRMED: about 0.75 USD an hour.
/// - image `ubuntu_24_04`: Ubuntu LTS, a
///   [slug](https://github.com/equinix/equinix-sdk-go/blob/v0.66.0/spec/services/metalv1/oas3.fetched/components/schemas/OperatingSystem.yaml)
///   that names a release, not a build of it.
/// - region `am`: the metro Amsterdam, which took the place of the facility `am6`.
pub static INFO: ProviderInfo = ProviderInfo::new("packet", "Packet (Equinix Metal)")
    .with_aliases(&["equinix-metal"])
    .with_defaults("am", "c3.small.x86", "ubuntu_24_04")
    // The prices ended with the service.
    .with_monthly_cost(MonthlyCost::unknown("USD", "2026-06-30", ""))
    // The API's limit was never published; whether more than 64 KiB would pass is UNCONFIRMED.
    .with_user_data(UserDataRules::new(65_535))
    .with_settings(&[
        SettingInfo::secret("token", "API key of a user or a project, with read and write access")
            .known_as(CommonSetting::AccessKey)
            .with_env(&["METAL_AUTH_TOKEN", "PACKET_AUTH_TOKEN"])
            .required(),
        SettingInfo::value("project", "id of the project that hosts belong to, a UUID")
            .known_as(CommonSetting::Project)
            .with_env(&["METAL_PROJECT_ID", "PACKET_PROJECT_ID"])
            .required(),
        SettingInfo::ENDPOINT,
        SettingInfo::ALLOW_HTTP,
    ])
    .with_additional(&[
        AdditionalInfo::new(
            "terminate-at-expiry",
            "`true` has the cloud itself delete the host when its ttl ends, whatever its labels say",
        ),
        // A server that the account has paid for in advance.
        AdditionalInfo::new(
            "hardware-reservation",
            "id of the hardware reservation to use, or `next-available`",
        )
        .changes_price(),
    ])
    .with_login(
        Login::new("https://console.equinix.com/", &["token", "project"])
            .with_tools(&[("metal", ".config/equinix/metal.yaml")]),
    )
    .with_capabilities(Capabilities::new().with_ssh_keys().with_lists_all_regions())
    // Numbers of requests were never published. Neither was a limit for tags.
    .with_polling(Polling::new(Some(100), None))
    // Nothing is published about how soon a list shows a new device: UNCONFIRMED, and far more than was ever reported.
    .with_visible_within(Duration::from_secs(30))
    .with_retired("closed on 30 June 2026: of use with a private copy of its API, or with the simulator");
