use std::{collections::BTreeMap, fmt};

use secrecy::{ExposeSecret, SecretString};

use crate::{Error, ErrorKind, ProviderInfo, Result, StrangerRules};

/// A provider's configuration as a flat map of names to texts, such as `token` or `project`.
///
/// Command line, operator and tests all configure a provider through it. Which names a provider knows, which environment
/// variables hold them and which are required is in [`ProviderInfo::settings`]. Every value counts as a secret: none is
/// ever shown.
///
/// [`new`](Self::new) is for the settings of whoever runs the program; those of anybody else are read by
/// [`from_strangers`](Self::from_strangers), and no provider takes anything from this machine for them.
#[derive(Clone, Default)]
pub struct Settings {
    values: BTreeMap<String, SecretString>,
    /// What strangers may choose, if the settings are theirs.
    strangers: Option<StrangerRules>,
}

impl Settings {
    /// No settings.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The settings of strangers, such as the owner of a Secret in a shared cluster: credentials and plain values only. A file, a
    /// profile, an endpoint or a switch of the provider is refused, and later nothing is taken from this machine's files and
    /// environment in the place of what is absent. `rules` may allow endpoints.
    ///
    /// # Errors
    /// `InvalidRequest` that names a setting which the cloud does not have, or which strangers may not choose. It repeats no
    /// value and says nothing of this machine.
    pub fn from_strangers<N: Into<String>, V: Into<String>>(
        info: &ProviderInfo,
        rules: &StrangerRules,
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self> {
        let mut settings = Self {
            values: BTreeMap::new(),
            strangers: Some(rules.clone()),
        };
        for (name, value) in pairs {
            let (name, value) = (name.into(), value.into());
            rules.check(info, &name, &value)?;
            settings.set(name, value);
        }
        Ok(settings)
    }

    /// Whether these are [settings from strangers](Self::from_strangers): whoever makes a provider of them takes no file,
    /// environment variable, metadata service or other credentials of this machine in the place of what they lack.
    #[must_use]
    pub fn are_from_strangers(&self) -> bool {
        self.strangers.is_some()
    }

    /// Whether requests may go to a URL that stands within a setting, such as that of a token service in a key file. Strangers
    /// may only name one that was allowed them.
    #[must_use]
    pub fn may_lead_to(&self, url: &str) -> bool {
        self.strangers.as_ref().is_none_or(|rules| rules.allows(url))
    }

    /// Adds or replaces one setting; an empty value counts as absent and removes it.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let (name, value) = (name.into(), value.into());
        if value.is_empty() {
            self.values.remove(&name);
        } else {
            self.values.insert(name, SecretString::from(value));
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
        self.values.get(name).map(ExposeSecret::expose_secret)
    }

    /// A secret setting.
    #[must_use]
    pub fn secret(&self, name: &str) -> Option<SecretString> {
        self.values.get(name).cloned()
    }

    /// The names that are set.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// Fills in what is absent from the environment variables that the provider honours, through `variable` (usually
    /// `|name| std::env::var(name).ok()`); the first variable that is set and not empty wins. Settings from strangers stay as
    /// they are: the environment is not theirs.
    pub fn fill_from(&mut self, info: &ProviderInfo, variable: impl Fn(&str) -> Option<String>) {
        if self.are_from_strangers() {
            return;
        }
        for setting in info.settings {
            if self.values.contains_key(setting.name) {
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
        self.secret(name).ok_or_else(|| self.missing(info, &[name]))
    }

    /// A setting that is not secret and that the provider cannot do without.
    ///
    /// # Errors
    /// As [`require_secret`](Self::require_secret).
    pub fn require(&self, info: &ProviderInfo, name: &str) -> Result<&str> {
        self.get(name).ok_or_else(|| self.missing(info, &[name]))
    }

    /// Several that the provider cannot do without, so that one error names all that are missing.
    ///
    /// # Errors
    /// As [`require_secret`](Self::require_secret).
    pub fn require_all(&self, info: &ProviderInfo, names: &[&str]) -> Result<()> {
        let absent = names.iter().copied().filter(|name| self.get(name).is_none());
        match absent.collect::<Vec<_>>() {
            none if none.is_empty() => Ok(()),
            absent => Err(self.missing(info, &absent)),
        }
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

    fn missing(&self, info: &ProviderInfo, names: &[&str]) -> Error {
        let with_hint = |name: &&str| {
            let env = info.setting(name).map_or(&[][..], |setting| setting.env);
            if env.is_empty() || self.are_from_strangers() {
                format!("`{name}`")
            } else {
                format!("`{name}` (environment: {})", env.join(" or "))
            }
        };
        let named: Vec<String> = names.iter().map(with_hint).collect();
        let message = match named.as_slice() {
            [one] => format!("the setting {one} is missing"),
            several => format!("these settings are missing: {}", several.join(", ")),
        };
        Error::new(ErrorKind::Unauthorized, message).with_provider(info.id)
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
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
