use std::{collections::BTreeMap, fmt};

use secrecy::{ExposeSecret, SecretString};

use crate::{Error, ErrorKind, ProviderInfo, Result};

/// A provider's configuration as a flat map of names to texts, such as `token` or `project`.
///
/// Command line, operator and tests all configure a provider through it. Which names a provider knows, which environment
/// variables hold them and which are required is in [`ProviderInfo::settings`]. Every value counts as a secret: none is
/// ever shown.
#[derive(Clone, Default)]
pub struct Settings(BTreeMap<String, SecretString>);

impl Settings {
    /// No settings.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds or replaces one setting; an empty value counts as absent and removes it.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let (name, value) = (name.into(), value.into());
        if value.is_empty() {
            self.0.remove(&name);
        } else {
            self.0.insert(name, SecretString::from(value));
        }
    }

    /// As [`set`](Self::set), by value.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.set(name, value);
        self
    }

    /// The text of a setting that is not secret, such as a region.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(ExposeSecret::expose_secret)
    }

    /// A secret setting.
    #[must_use]
    pub fn secret(&self, name: &str) -> Option<SecretString> {
        self.0.get(name).cloned()
    }

    /// The names that are set.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Fills in what is absent from the environment variables that the provider honours, through `variable` (usually
    /// `|name| std::env::var(name).ok()`); the first variable that is set and not empty wins.
    pub fn fill_from(&mut self, info: &ProviderInfo, variable: impl Fn(&str) -> Option<String>) {
        for setting in info.settings {
            if self.0.contains_key(setting.name) {
                continue;
            }
            if let Some(value) = setting
                .env
                .iter()
                .find_map(|name| variable(name).filter(|value| !value.is_empty()))
            {
                self.set(setting.name, value);
            }
        }
    }

    /// Refuses names that the provider does not know, and says which it does.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] naming the unknown setting and listing the known ones.
    pub fn check_names(&self, info: &ProviderInfo) -> Result<()> {
        match self
            .names()
            .find(|name| !info.settings.iter().any(|known| known.name == *name))
        {
            None => Ok(()),
            Some(unknown) => {
                let known: Vec<&str> = info.settings.iter().map(|setting| setting.name).collect();
                let message = format!("{} has no setting `{unknown}`; known: {}", info.title, known.join(", "));
                Err(Error::new(ErrorKind::InvalidRequest, message).with_provider(info.id))
            }
        }
    }

    /// A secret setting that the provider cannot do without.
    ///
    /// # Errors
    /// [`ErrorKind::Unauthorized`] that names the environment variables which would supply it.
    pub fn require_secret(&self, info: &ProviderInfo, name: &str) -> Result<SecretString> {
        self.secret(name).ok_or_else(|| missing(info, name))
    }

    /// A setting that is not secret and that the provider cannot do without.
    ///
    /// # Errors
    /// As [`require_secret`](Self::require_secret).
    pub fn require(&self, info: &ProviderInfo, name: &str) -> Result<&str> {
        self.get(name).ok_or_else(|| missing(info, name))
    }

    /// A yes-or-no setting: `true`/`1`/`yes` or `false`/`0`/`no`; `false` when absent.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] for any other text.
    pub fn flag(&self, info: &ProviderInfo, name: &str) -> Result<bool> {
        match self.get(name) {
            None | Some("false" | "0" | "no") => Ok(false),
            Some("true" | "1" | "yes") => Ok(true),
            Some(_) => {
                let message = format!("setting `{name}` must be `true` or `false`");
                Err(Error::new(ErrorKind::InvalidRequest, message).with_provider(info.id))
            }
        }
    }
}

fn missing(info: &ProviderInfo, name: &str) -> Error {
    let env = info
        .settings
        .iter()
        .find(|setting| setting.name == name)
        .map_or(&[][..], |setting| setting.env);
    let hint = if env.is_empty() {
        String::new()
    } else {
        format!(" (environment: {})", env.join(" or "))
    };
    Error::new(
        ErrorKind::Unauthorized,
        format!("{} needs the setting `{name}`{hint}", info.title),
    )
    .with_provider(info.id)
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Settings {
    fn from_iter<T: IntoIterator<Item = (N, V)>>(pairs: T) -> Self {
        let mut settings = Self::new();
        for (name, value) in pairs {
            settings.set(name, value);
        }
        settings
    }
}
