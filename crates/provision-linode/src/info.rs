use std::time::Duration;

use provision_core::{
    AdditionalInfo, Capabilities, CommonSetting, Login, MonthlyCost, NameRules, Polling, ProviderInfo, SettingInfo,
    UserDataRules,
};

/// Static facts about Linode.
///
/// How the defaults were chosen (2026-11-20):
/// - plan `g6-nanode-1`: the cheapest [shared plan](https://www.linode.com/pricing/), 5.00 USD a month with its IPv4, read
///   from <https://api.linode.com/v4/linode/types> as of 2026-09-17; 7 USD in `br-gru`, 6 USD in `id-cgk`.
/// - image `linode/ubuntu24.04`: Ubuntu LTS by [id](https://techdocs.akamai.com/linode-api/reference/get-images), kept
///   current by Linode, with cloud-init.
/// - region `eu-west`: London; it offers the Metadata service, through which user data arrives.
pub static INFO: ProviderInfo = ProviderInfo::new("linode", "Linode")
    .with_aliases(&["akamai"])
    .with_defaults("eu-west", "g6-nanode-1", "linode/ubuntu24.04")
    .with_monthly_cost(MonthlyCost::new(
        5.00,
        "USD",
        "2026-09-17",
        "public IPv4, 25 GB disk, 1 TB transfer",
    ))
    // 65,535 bytes before base64: https://techdocs.akamai.com/linode-api/reference/post-linode-instance. No gzip:
    // cloud-init's DataSourceAkamai decodes base64 and then UTF-8.
    .with_user_data(UserDataRules::new(65_535))
    // 3 to 64 characters, of which a host name has 63 at most; the same page, field `label`.
    .with_name_rules(
        NameRules::HOST_NAME
            .with_len(3, 63)
            .with_letter_first()
            .without_double_hyphen(),
    )
    .with_settings(&[
        SettingInfo::secret(
            "token",
            "personal access token, from the Cloud Manager under Profile > API Tokens",
        ).known_as(CommonSetting::AccessKey)
        .with_env(&["LINODE_TOKEN", "LINODE_CLI_TOKEN"])
        .required(),
        SettingInfo::ENDPOINT,
        SettingInfo::ALLOW_HTTP,
    ])
    .with_additional(&[AdditionalInfo::new(
        "interfaces",
        "`legacy` (default) or `linode`: the generation of network interfaces; `linode` for accounts that allow no other",
    )])
    .with_login(
        Login::new("https://cloud.linode.com/profile/tokens", &["token"])
            .with_tools(&[("linode-cli", ".config/linode-cli")]),
    )
    .with_capabilities(
        Capabilities::new()
            .with_restrict_ports()
            .with_ssh_keys()
            .with_unique_names()
            .with_lists_all_regions(),
    )
    // 800 in two minutes: https://techdocs.akamai.com/linode-api/reference/rate-limits
    .with_polling(Polling::new(Some(500), Some(24_000)))
    // A tag has 1 to 50 characters (validation of the Cloud Manager, github.com/linode/manager).
    .with_label_max_len(50)
    // Nothing is published about how soon a list shows a new instance: UNCONFIRMED. The cloud itself refuses a second one of
    // the same label.
    .with_visible_within(Duration::from_secs(30));
