use serde::Serialize;

/// One setting of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SettingInfo {
    /// The name, such as `token`.
    pub name: &'static str,
    /// Environment variables that may hold it, the preferred one first.
    pub env: &'static [&'static str],
    /// Whether the provider cannot work without it.
    pub required: bool,
    /// Whether it must never be shown.
    pub secret: bool,
    /// What it is for, in a line.
    pub help: &'static str,
    /// What kind of thing it is, which decides from whom it may come.
    pub role: SettingRole,
    /// What it is in the words that hold for every cloud, if there is one.
    pub common: Option<CommonSetting>,
    /// Of an endpoint, the values that lead to the vendor's own services: these anybody may choose.
    pub public_values: &'static [&'static str],
}

/// What kind of thing a setting is. [Settings from strangers](crate::Settings::from_strangers) are credentials and values only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SettingRole {
    /// A part of the credentials: a token, a key, the id that goes with it.
    Credential,
    /// A plain value: a project, a region.
    Value,
    /// A path on this machine, a profile in a file of this machine, or the like.
    File,
    /// Where requests are sent.
    Endpoint,
    /// How the provider behaves.
    Behaviour,
}

impl SettingRole {
    /// Whether anybody may choose the value of such a setting, strangers included.
    #[must_use]
    pub const fn is_open_to_strangers(self) -> bool {
        match self {
            Self::Credential | Self::Value => true,
            Self::File | Self::Endpoint | Self::Behaviour => false,
        }
    }
}

/// What a setting is in the words that hold for every cloud, so that one flag, such as `--access-key`, serves them all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CommonSetting {
    /// The token, or the first half of a key: every cloud has exactly one.
    AccessKey,
    /// The secret half of a key.
    SecretKey,
    /// What holds the hosts and pays for them: a project, a subscription.
    Project,
    /// The region of hosts that name none.
    Region,
    /// The zone of hosts that name none.
    Zone,
}

impl SettingInfo {
    /// The setting that sends requests elsewhere, such as to the simulator. Every provider has it.
    pub const ENDPOINT: Self = Self::endpoint(
        "endpoint",
        "base URL of the API instead of the public one, for a simulator or a private copy",
    );

    /// The setting that permits plain http to hosts other than loopback. Every provider has it.
    pub const ALLOW_HTTP: Self = Self::behaviour(
        "allow-http",
        "`true` lets the endpoint be plain http on a host other than loopback",
    );

    const fn new(name: &'static str, role: SettingRole, help: &'static str) -> Self {
        Self {
            name,
            env: &[],
            required: false,
            secret: false,
            help,
            role,
            common: None,
            public_values: &[],
        }
    }

    /// A part of the credentials that must never be shown.
    #[must_use]
    pub const fn secret(name: &'static str, help: &'static str) -> Self {
        let mut setting = Self::new(name, SettingRole::Credential, help);
        setting.secret = true;
        setting
    }

    /// A part of the credentials that is no secret, such as the id of a key.
    #[must_use]
    pub const fn credential(name: &'static str, help: &'static str) -> Self {
        Self::new(name, SettingRole::Credential, help)
    }

    /// A plain value.
    #[must_use]
    pub const fn value(name: &'static str, help: &'static str) -> Self {
        Self::new(name, SettingRole::Value, help)
    }

    /// A path or profile on this machine.
    #[must_use]
    pub const fn file(name: &'static str, help: &'static str) -> Self {
        Self::new(name, SettingRole::File, help)
    }

    /// Where requests are sent.
    #[must_use]
    pub const fn endpoint(name: &'static str, help: &'static str) -> Self {
        Self::new(name, SettingRole::Endpoint, help)
    }

    /// How the provider behaves.
    #[must_use]
    pub const fn behaviour(name: &'static str, help: &'static str) -> Self {
        Self::new(name, SettingRole::Behaviour, help)
    }

    /// Environment variables that may hold it, the preferred one first.
    #[must_use]
    pub const fn with_env(mut self, env: &'static [&'static str]) -> Self {
        self.env = env;
        self
    }

    /// What it is in the words that hold for every cloud.
    #[must_use]
    pub const fn known_as(mut self, common: CommonSetting) -> Self {
        self.common = Some(common);
        self
    }

    /// Of an endpoint, the values that lead to the vendor's own services.
    #[must_use]
    pub const fn with_public_values(mut self, values: &'static [&'static str]) -> Self {
        self.public_values = values;
        self
    }

    /// Whether a value is one of the [`public_values`](Self::public_values), a slash at its end aside.
    #[must_use]
    pub fn leads_to_the_vendor(&self, value: &str) -> bool {
        self.public_values.contains(&value.trim_end_matches('/'))
    }

    /// The provider cannot work without it.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }
}
