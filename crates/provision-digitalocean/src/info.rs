use std::time::Duration;

use provision_core::{
    AdditionalInfo, Capabilities, CommonSetting, Login, MonthlyCost, Polling, ProviderInfo, SettingInfo, UserDataRules,
};

/// Static facts about DigitalOcean.
///
/// How the defaults were chosen (2026-11-20):
/// - plan `s-1vcpu-512mb-10gb`: the cheapest Droplet with a public IPv4,
///   [4.00 USD a month](https://www.digitalocean.com/pricing/droplets), read 2026-09-20.
/// - image `ubuntu-24-04-x64`: the [distribution slug](https://docs.digitalocean.com/products/droplets/details/images/) of
///   Ubuntu LTS; DigitalOcean keeps it pointing at the newest build, so no look-up is needed.
/// - region `lon1`: the default of the Go package `cloud-provision`, kept so that moving over moves no host.
pub static INFO: ProviderInfo = ProviderInfo::new("digitalocean", "DigitalOcean")
    .with_aliases(&["do"])
    .with_defaults("lon1", "s-1vcpu-512mb-10gb", "ubuntu-24-04-x64")
    .with_monthly_cost(
        MonthlyCost::new(4.00, "USD", "2026-09-20", "public IPv4, 10 GB disk, 500 GB transfer").everywhere(),
    )
    // 64 KiB: https://docs.digitalocean.com/reference/api/reference/droplets/#droplets_create
    .with_user_data(UserDataRules::new(65_536))
    .with_settings(&[
        SettingInfo::secret("token", "API token, from the control panel under API > Tokens")
            .known_as(CommonSetting::AccessKey)
            .with_env(&["DIGITALOCEAN_ACCESS_TOKEN", "DIGITALOCEAN_TOKEN"])
            .required(),
        SettingInfo::ENDPOINT,
        SettingInfo::ALLOW_HTTP,
    ])
    .with_additional(&[
        AdditionalInfo::new(
            "vpc-uuid",
            "VPC to put the Droplet into, instead of the region's default",
        )
        .grants_access(),
        AdditionalInfo::new("ipv6", "`true` adds a public IPv6 address"),
        AdditionalInfo::new("monitoring", "`true` installs the monitoring agent"),
    ])
    .with_login(
        Login::new("https://cloud.digitalocean.com/account/api/tokens", &["token"])
            .with_tools(&[("doctl", ".config/doctl/config.yaml")]),
    )
    .with_capabilities(
        Capabilities::new()
            .with_restrict_ports()
            .with_ssh_keys()
            .with_lists_all_regions(),
    )
    // https://docs.digitalocean.com/reference/api/digitalocean/#section/Introduction/Rate-Limit
    .with_polling(Polling::new(Some(200), Some(5_000)))
    .with_label_max_len(255)
    // Nothing is published about how soon a list shows a new Droplet: UNCONFIRMED, and far more than was ever reported.
    .with_visible_within(Duration::from_secs(30));
