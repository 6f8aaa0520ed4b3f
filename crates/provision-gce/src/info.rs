use std::time::Duration;

use provision_core::{
    AdditionalInfo, Capabilities, CommonSetting, Login, MonthlyCost, NameRules, Polling, ProviderInfo, SettingInfo,
    UserDataRules,
};

/// Static facts about Google Compute Engine.
///
/// How the defaults were chosen (2026-11-20):
/// - plan `e2-micro`: the cheapest [shared-core type](https://cloud.google.com/compute/vm-instance-pricing#sharedcore)
///   that every region has, 6.12 USD for 730 hours, with a 10 GB `pd-standard` disk (0.40) and the external IPv4 (3.65).
///   One is [always free](https://cloud.google.com/free/docs/free-cloud-features#compute) in us-west1, us-central1 and
///   us-east1, without the address. Read in public tables of 2025 and 2026; Google's own list could not be read.
/// - image `ubuntu-2404-lts-amd64`: Ubuntu LTS by its
///   [family](https://cloud.google.com/compute/docs/images/os-details#ubuntu_lts), which Google keeps pointing at the
///   newest build, so no look-up is needed.
/// - zone `us-central1-a`: in the region of the always-free host, among Google's cheapest.
pub static INFO: ProviderInfo = ProviderInfo::new("gce", "Google Compute Engine")
    .with_aliases(&["google", "gcp"])
    .with_defaults("us-central1-a", "e2-micro", "ubuntu-2404-lts-amd64")
    .with_monthly_cost(MonthlyCost::new(
        10.17,
        "USD",
        "2026-11-20",
        "public IPv4 (3.65), 10 GB standard disk (0.40); egress is billed on top",
    ))
    .with_price_list(monthly_price)
    // One metadata value: https://cloud.google.com/compute/docs/metadata/setting-custom-metadata#limitations
    .with_user_data(UserDataRules::new(262_144))
    // https://cloud.google.com/compute/docs/naming-resources; three characters are left for the `-fw` of the firewall rule.
    .with_name_rules(NameRules::HOST_NAME.with_len(1, 60).with_letter_first())
    .with_settings(&[
        SettingInfo::secret("service-account", "key of a service account: the text of its JSON file")
            .known_as(CommonSetting::AccessKey)
            .with_env(&["GOOGLE_CREDENTIALS"]),
        SettingInfo::file(
            "service-account-file",
            "path of a JSON file with the key of a service account, or with application default credentials",
        )
        .with_env(&["GOOGLE_APPLICATION_CREDENTIALS"]),
        SettingInfo::secret(
            "access-token",
            "ready access token, as `gcloud auth print-access-token` prints it; wins over every key",
        )
        .with_env(&["GOOGLE_OAUTH_ACCESS_TOKEN", "CLOUDSDK_AUTH_ACCESS_TOKEN"]),
        SettingInfo::value("project", "id of the project; without it, that of the service account")
            .known_as(CommonSetting::Project)
            .with_env(&["GOOGLE_CLOUD_PROJECT", "GOOGLE_PROJECT", "CLOUDSDK_CORE_PROJECT"]),
        SettingInfo::value("zone", "zone for hosts that name none")
            .known_as(CommonSetting::Zone)
            .with_env(&["CLOUDSDK_COMPUTE_ZONE", "GOOGLE_ZONE"]),
        SettingInfo::file(
            "gcloud-config",
            "folder in which `gcloud auth application-default login` left its credentials",
        )
        .with_env(&["CLOUDSDK_CONFIG"]),
        SettingInfo::file("home", "home folder; gcloud's folder is `.config/gcloud` in it").with_env(&["HOME"]),
        SettingInfo::ENDPOINT,
        SettingInfo::ALLOW_HTTP,
    ])
    .with_additional(&[
        AdditionalInfo::new(
            "network",
            "name of the VPC network in the project; without it `default`",
        )
        .grants_access(),
        AdditionalInfo::new(
            "subnetwork",
            "name of the subnetwork in the zone's region, for a network in custom mode; needs `network`",
        )
        .grants_access(),
        AdditionalInfo::new("disk-gb", "size of the boot disk in GB; without it 10").changes_price(),
        AdditionalInfo::new(
            "disk-type",
            "type of the boot disk, such as `pd-balanced`; without it `pd-standard`",
        )
        .changes_price(),
        AdditionalInfo::new(
            "vm-service-account",
            "e-mail of the service account that the host acts as; without it none",
        )
        .grants_access(),
        // A tag puts the host behind whatever firewall rules and routes of the account name it.
        AdditionalInfo::new(
            "tags",
            "further network tags, separated by commas, for firewall rules of your own",
        )
        .grants_access(),
    ])
    .with_login(
        Login::new(
            "https://console.cloud.google.com/iam-admin/serviceaccounts",
            &["service-account-file"],
        )
        .with_tools(&[("gcloud", ".config/gcloud/application_default_credentials.json")]),
    )
    .with_capabilities(
        Capabilities::new()
            .with_restrict_ports()
            .with_ssh_keys()
            .with_unique_names()
            .with_lists_all_regions(),
    )
    // 1,500 a minute: https://cloud.google.com/compute/api-quota
    .with_polling(Polling::new(Some(500), Some(90_000)))
    // Nothing is published about how soon a list shows a new instance: UNCONFIRMED.
    .with_visible_within(Duration::from_secs(30));

/// Hourly prices in USD of the regions us-central1, us-east1 and us-west1, which cost the same:
/// <https://cloud.google.com/compute/vm-instance-pricing#sharedcore>, from public tables of 2025 and 2026 (`e2-micro`,
/// `f1-micro`); `e2-small` and `e2-medium` are twice and four times that, UNCONFIRMED. The API knows no prices; other plans
/// and regions have none here.
const HOURLY_PRICES: [(&str, f64); 4] = [
    ("e2-micro", 0.00838),
    ("e2-small", 0.01675),
    ("e2-medium", 0.03351),
    ("f1-micro", 0.0076),
];
/// A 10 GB `pd-standard` disk and the external IPv4, in USD a month.
const DISK_AND_ADDRESS: f64 = 4.05;

/// What a plan costs in a month of 730 hours with disk and address, where that is known.
fn monthly_price(plan: &str, zone: &str) -> Option<f64> {
    let cheap = ["us-central1-", "us-east1-", "us-west1-"];
    if !cheap.iter().any(|region| zone.starts_with(region)) {
        return None;
    }
    let (_, hourly) = HOURLY_PRICES.iter().find(|(known, _)| *known == plan)?;
    Some(hourly * 730.0 + DISK_AND_ADDRESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_known_of_few_plans_in_few_regions() {
        assert!(monthly_price("e2-small", "us-east1-b").is_some());
        assert_eq!(monthly_price("e2-micro", "europe-west1-b"), None);
        assert_eq!(monthly_price("c4-standard-2", "us-central1-a"), None);
    }
}
