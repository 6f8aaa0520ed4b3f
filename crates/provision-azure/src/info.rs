use std::time::Duration;

use provision_core::{
    AdditionalInfo, Capabilities, CommonSetting, Image, Login, MonthlyCost, NameRules, Polling, ProviderInfo,
    SettingInfo, UserDataRules,
};

use crate::config::CLOUDS;

/// Static facts about Azure.
///
/// How the defaults were chosen (2026-11-20):
/// - plan `Standard_B2ats_v2`: the cheapest size that new subscriptions can rely on, of the
///   [Basv2 series](https://learn.microsoft.com/en-us/azure/virtual-machines/sizes/general-purpose/basv2-series). In East
///   US 0.0094 USD an hour, 6.86 a month of 730 hours. `Standard_B1ls` (3.80) is cheaper, but the
///   [B v1 series](https://learn.microsoft.com/en-us/azure/virtual-machines/sizes-b-series-burstable) retires on
///   2028-11-15 and is refused to many new subscriptions (UNCONFIRMED how many).
/// - image: [Canonical's](https://documentation.ubuntu.com/azure/azure-how-to/instances/find-ubuntu-images/) Ubuntu 24.04
///   LTS of generation 2; `latest` is resolved when the machine is deployed.
/// - region `eastus`: among the cheapest, with every size.
///
/// Prices are those of public tables, [East US, Linux, pay as you
/// go](https://azure.microsoft.com/en-us/pricing/details/virtual-machines/linux/): size 6.86, a Standard IPv4 address
/// 3.65, a 32 GiB Standard SSD (E4) about 2.40 (UNCONFIRMED to the cent).
pub static INFO: ProviderInfo = ProviderInfo::new("azure", "Azure")
    .with_defaults("eastus", "Standard_B2ats_v2", "Canonical:ubuntu-24_04-lts:server:latest")
    .with_monthly_cost(MonthlyCost::new(
        12.91,
        "USD",
        "2026-11-20",
        "public IPv4 (3.65), 30 GiB Standard SSD (about 2.40); traffic beyond 100 GB is extra",
    ))
    .with_price_list(monthly_price)
    // 65,535 bytes before base64: https://learn.microsoft.com/en-us/azure/virtual-machines/custom-data
    // cloud-init reads gzip, but whether it does behind `customData` is UNCONFIRMED.
    .with_user_data(UserDataRules::new(65_535))
    // A virtual network has 64 characters at most, and the host's is called `<name>-vnet`:
    // https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/resource-name-rules#microsoftnetwork
    .with_name_rules(NameRules::HOST_NAME.with_len(1, 59))
    .with_settings(&[
        SettingInfo::value(
            "subscription-id",
            "subscription that pays, a UUID; needed unless `auth-file` names it",
        ).known_as(CommonSetting::Project)
        .with_env(&["AZURE_SUBSCRIPTION_ID", "ARM_SUBSCRIPTION_ID"]),
        SettingInfo::credential("tenant-id", "directory of the service principal, a UUID or domain")
            .with_env(&["AZURE_TENANT_ID", "ARM_TENANT_ID"]),
        SettingInfo::credential("client-id", "application id of the service principal")
            .with_env(&["AZURE_CLIENT_ID", "ARM_CLIENT_ID"]),
        SettingInfo::secret("client-secret", "secret of the service principal").known_as(CommonSetting::SecretKey)
            .with_env(&["AZURE_CLIENT_SECRET", "ARM_CLIENT_SECRET"]),
        SettingInfo::secret(
            "access-token",
            "ready access token instead of a service principal, such as from `az account get-access-token`",
        )
        .with_env(&["AZURE_ACCESS_TOKEN"]),
        SettingInfo::file(
            "auth-file",
            "path of a JSON file from `az ad sp create-for-rbac --sdk-auth`; the other settings win over its content",
        ).known_as(CommonSetting::AccessKey)
        .with_env(&["AZURE_AUTH_LOCATION"]),
        SettingInfo::endpoint(
            "login-endpoint",
            "base URL of the token service instead of the one that belongs to `endpoint`",
        )
        .with_public_values(&[CLOUDS[0].1, CLOUDS[1].1, CLOUDS[2].1])
        .with_env(&["AZURE_AUTHORITY_HOST"]),
        SettingInfo::ENDPOINT.with_public_values(&[CLOUDS[0].0, CLOUDS[1].0, CLOUDS[2].0]),
        SettingInfo::ALLOW_HTTP,
    ])
    .with_additional(&[
        AdditionalInfo::new(
            "admin-username",
            "who logs in with the SSH keys; `provision` by default",
        ),
        AdditionalInfo::new(
            "subnet",
            "resource id of an existing subnet (/subscriptions/../subnets/..) in the host's region, instead of a network of its own",
        )
        .grants_access(),
    ])
    .with_login(
        Login::new("https://portal.azure.com/#view/Microsoft_AAD_RegisteredApps/ApplicationsListBlade", &["subscription-id", "tenant-id", "client-id", "client-secret"])
            .with_tools(&[("az", ".azure/azureProfile.json")]),
    )
    .with_capabilities(
        Capabilities::new()
            .with_restrict_ports()
            .with_ssh_keys()
            .with_unique_names()
            .with_lists_all_regions(),
    )
    // 25 reads a second are refilled: https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/request-limits-and-throttling
    // Pages hold what the server likes; 100 is UNCONFIRMED. Groups, addresses and machines are lists of their own.
    .with_polling(Polling::new(Some(100), Some(90_000)).with_requests_per_page(3))
    // Nothing is published about how soon a list shows a new group: UNCONFIRMED, and far more than was ever reported.
    .with_visible_within(Duration::from_secs(30));

/// A Standard IPv4 address and a 32 GiB Standard SSD (E4) in USD a month.
const ADDRESS_AND_DISK: f64 = 3.65 + 2.40;

/// A month of 730 hours of sizes in East US, Linux, pay as you go, with address and disk, in USD:
/// <https://azure.microsoft.com/en-us/pricing/details/virtual-machines/linux/> (public tables, read 2026-11-20). The
/// [price API](https://learn.microsoft.com/en-us/rest/api/cost-management/retail-prices/azure-retail-prices) is another
/// host, so that prices of other sizes and regions are left open.
fn monthly_price(size: &str, region: &str) -> Option<f64> {
    const EAST_US: [(&str, f64); 3] = [
        ("Standard_B1ls", 3.80),
        ("Standard_B2ats_v2", 6.86),
        ("Standard_B1s", 7.59),
    ];
    let known = EAST_US.iter().filter(|_| region == "eastus");
    let mut named = known.filter(|(name, _)| name.eq_ignore_ascii_case(size));
    named.next().map(|(_, price)| *price + ADDRESS_AND_DISK)
}

/// Images that run cloud-init and belong to nobody's account. The API lists tens of thousands, publisher by publisher:
/// <https://documentation.ubuntu.com/azure/azure-how-to/instances/find-ubuntu-images/>,
/// <https://wiki.debian.org/Cloud/MicrosoftAzure> (read 2026-11-20).
pub(crate) fn images() -> Vec<Image> {
    const IMAGES: [(&str, &str, &str); 6] = [
        (
            "Canonical:ubuntu-24_04-lts:server:latest",
            "Ubuntu Server 24.04 LTS",
            "x86_64",
        ),
        (
            "Canonical:ubuntu-24_04-lts:minimal:latest",
            "Ubuntu Minimal 24.04 LTS",
            "x86_64",
        ),
        (
            "Canonical:ubuntu-24_04-lts:server-gen1:latest",
            "Ubuntu Server 24.04 LTS, generation 1",
            "x86_64",
        ),
        (
            "Canonical:ubuntu-24_04-lts:server-arm64:latest",
            "Ubuntu Server 24.04 LTS",
            "arm64",
        ),
        (
            "Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2:latest",
            "Ubuntu Server 22.04 LTS",
            "x86_64",
        ),
        ("Debian:debian-12:12-gen2:latest", "Debian 12", "x86_64"),
    ];
    let image = |(id, description, architecture)| Image::new(id, description).with_architecture(architecture);
    IMAGES.map(image).into()
}
