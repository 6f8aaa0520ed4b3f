use crate::{Error, ProviderInfo, Result, SettingInfo, SettingRole};

/// What strangers may choose in [their settings](crate::Settings::from_strangers) beside credentials and plain values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StrangerRules {
    endpoints: Vec<String>,
}

impl StrangerRules {
    /// Nothing beside credentials and plain values.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Requests may be sent to this base URL, too, if the settings name it, word for word except for a slash at the end.
    #[must_use]
    pub fn with_endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoints.push(url.into());
        self
    }

    /// Whether requests may be sent to this base URL.
    #[must_use]
    pub fn allows(&self, url: &str) -> bool {
        let bare = |url: &str| url.trim_end_matches('/').to_owned();
        self.endpoints.iter().any(|allowed| bare(allowed) == bare(url))
    }

    /// Checks one setting; see [`Settings::from_strangers`](crate::Settings::from_strangers).
    pub(crate) fn check(&self, info: &ProviderInfo, name: &str, value: &str) -> Result<()> {
        let refused = |what: String| Err(Error::invalid(what).with_provider(info.id));
        let Some(setting) = info.setting(name) else {
            let shown: String = name.chars().take(40).collect();
            return refused(format!(
                "{} has no setting `{shown}`; {}",
                info.title,
                open_to_all(info)
            ));
        };
        if setting.role.is_open_to_strangers() {
            return Ok(());
        }
        let why = match setting.role {
            SettingRole::Endpoint if setting.leads_to_the_vendor(value) || self.allows(value) => return Ok(()),
            SettingRole::Endpoint => {
                let public = match setting.public_values {
                    [] => String::new(),
                    values => format!(" or choose one of {}", values.join(", ")),
                };
                format!(
                    "says where requests are sent, which only whoever runs this program may allow: leave it out{public}"
                )
            }
            SettingRole::File => {
                "names a file of the machine that this program runs on: give the credentials themselves".to_owned()
            }
            _ => "is for whoever runs this program: leave it out".to_owned(),
        };
        refused(format!("setting `{name}` {why}; {}", open_to_all(info)))
    }
}

/// The settings that strangers may choose.
fn open_to_all(info: &ProviderInfo) -> String {
    let open = |setting: &&SettingInfo| setting.role.is_open_to_strangers();
    let names: Vec<&str> = info.settings.iter().filter(open).map(|setting| setting.name).collect();
    format!("allowed here: {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorKind, Settings};

    static INFO: ProviderInfo = ProviderInfo::new("acme", "Acme").with_settings(&[
        SettingInfo::secret("token", "").with_env(&["ACME_TOKEN"]).required(),
        SettingInfo::value("project", ""),
        SettingInfo::file("key-file", "").with_env(&["ACME_KEY_FILE"]),
        SettingInfo::endpoint("endpoint", "").with_public_values(&["acme-eu"]),
        SettingInfo::ALLOW_HTTP,
    ]);

    fn read(rules: &StrangerRules, name: &str, value: &str) -> Result<Settings> {
        Settings::from_strangers(&INFO, rules, [("token", "s3cret"), (name, value)])
    }

    #[test]
    fn strangers_choose_credentials_and_values_and_nothing_else() {
        let rules = StrangerRules::new().with_endpoint("https://copy.example/acme/");
        for (name, value) in [
            ("project", "p"),
            ("endpoint", "acme-eu"),
            ("endpoint", "https://copy.example/acme"),
        ] {
            assert_eq!(read(&rules, name, value).unwrap().get(name), Some(value));
        }
        for (name, value) in [
            ("key-file", "/etc/shadow"),
            ("endpoint", "https://evil.example"),
            ("endpoint", "https://copy.example/acme/../x"),
            ("endpoint", "https://copy.example/acme.evil.example"),
            ("allow-http", "true"),
            ("tokens", "x"),
        ] {
            let error = read(&rules, name, value).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{name}");
            let text = error.to_string();
            assert!(
                text.contains(name) && text.contains("allowed here: token, project"),
                "{text}"
            );
            assert!(!text.contains(value) || value == "x", "{text}");
            assert!(!text.contains("copy.example"), "{text}");
        }
        let none = read(&StrangerRules::new(), "endpoint", "https://copy.example/acme").unwrap_err();
        assert!(none.to_string().contains("choose one of acme-eu"), "{none}");
    }

    #[test]
    fn the_environment_is_not_theirs() {
        let mut settings = Settings::from_strangers(&INFO, &StrangerRules::new(), [("project", "p")]).unwrap();
        settings.fill_from(&INFO, |_| Some("the operator's own".to_owned()));
        assert_eq!(settings.names().collect::<Vec<_>>(), ["project"]);
        let missing = settings.require_secret(&INFO, "token").unwrap_err().to_string();
        assert!(
            missing.contains("`token`") && !missing.contains("ACME_TOKEN"),
            "{missing}"
        );
        assert!(settings.are_from_strangers() && !settings.may_lead_to("https://evil.example"));
        let own = Settings::new().with("token", "t");
        assert!(!own.are_from_strangers() && own.may_lead_to("https://any.example"));
    }
}
