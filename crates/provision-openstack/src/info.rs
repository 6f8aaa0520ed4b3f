use std::time::Duration;

use provision_core::{
    AdditionalInfo, Capabilities, CommonSetting, Login, MonthlyCost, Polling, ProviderInfo, SettingInfo, UserDataRules,
};

/// Static facts about OpenStack.
///
/// Every cloud has flavors, images and regions of its own. How the defaults were chosen (2026-11-28):
/// - plan `m1.small`: the name that OpenStack's own documentation and
///   [DevStack](https://opendev.org/openstack/devstack/src/branch/master/lib/nova) give to the smallest flavor on which Ubuntu
///   runs. A request that names no plan gets the smallest flavor that fits, whatever it is called.
/// - image `Ubuntu 24.04`: how [OVHcloud](https://www.ovhcloud.com/en/public-cloud/prices/) and others call their image of Ubuntu
///   24.04 LTS. Where there is none of that name, the newest with the properties `os_distro=ubuntu` and `os_version=24.04` is taken
///   ([common properties](https://docs.openstack.org/glance/latest/admin/useful-image-properties.html)).
/// - region `RegionOne`: Keystone's and DevStack's default; clouds with other regions are told theirs by `region`.
pub static INFO: ProviderInfo = ProviderInfo::new("openstack", "OpenStack")
    .with_defaults("RegionOne", "m1.small", "Ubuntu 24.04")
    // Of every cloud's dashboard the path is the same, its host is not.
    .with_login(
        Login::new(
            "https://docs.openstack.org/keystone/latest/user/application_credentials.html",
            &["endpoint", "application-credential-id", "application-credential-secret"],
        )
        .with_tools(&[("openstack", ".config/openstack/clouds.yaml")]),
    )
    // OpenStack's APIs know no prices, and every cloud has its own.
    .with_monthly_cost(MonthlyCost::unknown("USD", "", ""))
    .with_price_list(|_, _| None)
    // 65,535 characters of base64 (seen, Nova 34): https://docs.openstack.org/api-ref/compute/#create-server
    .with_user_data(UserDataRules::new(49_149))
    .with_settings(&[
        SettingInfo::credential("application-credential-id", "id of an application credential, instead of a user")
            .known_as(CommonSetting::AccessKey)
            .with_env(&["OS_APPLICATION_CREDENTIAL_ID"]),
        SettingInfo::secret("application-credential-secret", "secret of the application credential")
            .known_as(CommonSetting::SecretKey)
            .with_env(&["OS_APPLICATION_CREDENTIAL_SECRET"]),
        SettingInfo::credential(
            "application-credential-name",
            "name of the application credential, instead of its id; needs the user, too",
        )
        .with_env(&["OS_APPLICATION_CREDENTIAL_NAME"]),
        SettingInfo::credential("username", "name of the user").with_env(&["OS_USERNAME"]),
        SettingInfo::credential("user-id", "id of the user, instead of name and domain").with_env(&["OS_USER_ID"]),
        SettingInfo::secret("password", "password of the user").with_env(&["OS_PASSWORD"]),
        SettingInfo::credential("user-domain", "name of the user's domain; without it the one with the id `default`")
            .with_env(&["OS_USER_DOMAIN_NAME"]),
        SettingInfo::credential("user-domain-id", "id of the user's domain, instead of its name")
            .with_env(&["OS_USER_DOMAIN_ID"]),
        SettingInfo::value("project", "name of the project that holds the hosts; not with an application credential")
            .known_as(CommonSetting::Project)
            .with_env(&["OS_PROJECT_NAME", "OS_TENANT_NAME"]),
        SettingInfo::value("project-id", "id of the project, instead of name and domain")
            .with_env(&["OS_PROJECT_ID", "OS_TENANT_ID"]),
        SettingInfo::value("project-domain", "name of the project's domain; without it the user's")
            .with_env(&["OS_PROJECT_DOMAIN_NAME"]),
        SettingInfo::value("project-domain-id", "id of the project's domain, instead of its name")
            .with_env(&["OS_PROJECT_DOMAIN_ID"]),
        SettingInfo::value(
            "region",
            "region where hosts are created, listed and looked for unless a request names another, instead of RegionOne",
        )
        .known_as(CommonSetting::Region)
        .with_env(&["OS_REGION_NAME"]),
        SettingInfo::behaviour("interface", "which of the catalog's endpoints are used: `public`, `internal` or `admin`")
            .with_env(&["OS_INTERFACE"]),
        SettingInfo::file(
            "profile",
            "name of a cloud in `clouds.yaml`; the other settings win over what it says there",
        )
        .with_env(&["OS_CLOUD"]),
        SettingInfo::file(
            "config-file",
            "path of `clouds.yaml`, instead of the working folder, `~/.config/openstack` and `/etc/openstack`",
        )
        .with_env(&["OS_CLIENT_CONFIG_FILE"]),
        SettingInfo::file("home", "folder in which `.config/openstack` is looked for").with_env(&["HOME"]),
        SettingInfo::endpoint("endpoint", "URL of the identity service (Keystone), version 3")
            .with_env(&["OS_AUTH_URL"]),
        SettingInfo::ALLOW_HTTP,
    ])
    .with_additional(&[
        AdditionalInfo::new(
            "network",
            "name or id of the network for the host, where the project has more than one to choose from",
        )
        .grants_access(),
        AdditionalInfo::new(
            "floating-network",
            "name or id of the external network that gives the floating IP, or `none` where the host's network is reachable without",
        )
        .grants_access(),
        AdditionalInfo::new(
            "security-group",
            "id of an existing security group for the host, instead of one of its own",
        )
        .grants_access(),
        AdditionalInfo::new("availability-zone", "availability zone within the region"),
    ])
    .with_capabilities(Capabilities::new().with_restrict_ports().with_ssh_keys())
    // No limit is published, and each cloud sets its own.
    .with_polling(Polling::new(Some(100), None))
    // A list shows a server with the answer to its create (seen); with several API servers over a database cluster nothing is
    // promised: UNCONFIRMED.
    .with_visible_within(Duration::from_secs(30));
