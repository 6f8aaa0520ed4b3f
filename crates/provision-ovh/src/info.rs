use std::time::Duration;

use provision_core::{
    AdditionalInfo, Capabilities, CommonSetting, Login, MonthlyCost, Polling, ProviderInfo, SettingInfo, UserDataRules,
};

/// Static facts about OVHcloud Public Cloud.
///
/// How the defaults were chosen (2026-11-20):
/// - plan `d2-2`: the cheapest general flavor that takes any Linux image, 0.0104 EUR an hour without VAT in the
///   [public order catalog](https://eu.api.ovh.com/1.0/order/catalog/public/cloud?ovhSubsidiary=IE) as others read it in
///   June 2026 (UNCONFIRMED by a reading of our own; `catalog` asks for today's).
/// - image `Ubuntu 24.04`: Ubuntu LTS under the name that the API gives it in every region; its id differs by region and
///   is looked up.
/// - region `GRA11`: Gravelines, one of the
///   [regions](https://www.ovhcloud.com/en/public-cloud/regions-availability/) that new projects have.
pub static INFO: ProviderInfo = ProviderInfo::new("ovh", "OVHcloud Public Cloud")
    .with_aliases(&["ovhcloud"])
    .with_defaults("GRA11", "d2-2", "Ubuntu 24.04")
    // 730 hours.
    .with_monthly_cost(MonthlyCost::new(
        7.59,
        "EUR",
        "2026-06-30",
        "public IPv4 and IPv6, 25 GB disk, traffic",
    ))
    // Nova takes 65,535 characters of base64; OVH's own limit is UNCONFIRMED.
    // https://docs.openstack.org/api-ref/compute/#create-server
    .with_user_data(UserDataRules::new(49_149))
    .with_settings(&[
        SettingInfo::credential(
            "application-key",
            "application key, made at eu.api.ovh.com/createToken or the same page of your endpoint",
        )
        .known_as(CommonSetting::AccessKey)
        .with_env(&["OVH_APPLICATION_KEY"])
        .required(),
        SettingInfo::secret(
            "application-secret",
            "application secret that came with the application key",
        )
        .known_as(CommonSetting::SecretKey)
        .with_env(&["OVH_APPLICATION_SECRET"])
        .required(),
        SettingInfo::secret(
            "consumer-key",
            "consumer key with GET, POST and DELETE on /cloud/project/*",
        )
        .with_env(&["OVH_CONSUMER_KEY"])
        .required(),
        SettingInfo::value("project", "id of the Public Cloud project, 32 hexadecimal digits")
            .known_as(CommonSetting::Project)
            .with_env(&["OVH_CLOUD_PROJECT_SERVICE"])
            .required(),
        SettingInfo::value("region", "region of hosts that name none, instead of GRA11")
            .known_as(CommonSetting::Region),
        SettingInfo::endpoint(
            "endpoint",
            "ovh-eu (default), ovh-ca or ovh-us, or a base URL with its version such as http://127.0.0.1:8080/ovh/1.0",
        )
        .with_public_values(&["ovh-eu", "ovh-ca", "ovh-us"])
        .with_env(&["OVH_ENDPOINT"]),
        SettingInfo::ALLOW_HTTP,
    ])
    .with_additional(&[
        AdditionalInfo::new("availability-zone", "availability zone, for regions that have several"),
        // A place in it may keep others out.
        AdditionalInfo::new("group-id", "id of an instance group (affinity or anti-affinity)").grants_access(),
    ])
    .with_login(
        Login::new(
            "https://eu.api.ovh.com/createToken/",
            &["application-key", "application-secret", "consumer-key", "project"],
        )
        .with_tools(&[("ovhcloud", ".ovh.conf")]),
    )
    // The v1 API has no security groups, so that ports cannot be restricted.
    .with_capabilities(Capabilities::new().with_ssh_keys().with_lists_all_regions())
    // Nothing is published; OVH's staff advise 60 a minute: https://github.com/ovh/python-ovh/issues/81
    .with_polling(Polling::new(None, Some(3_600)))
    // Nothing is published about how soon a list shows a new instance: UNCONFIRMED, and far more than was ever reported.
    .with_visible_within(Duration::from_secs(30));
