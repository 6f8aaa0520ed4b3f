//! The settings of a provider, each with where it comes from.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use provision::{ProviderInfo, SettingInfo, SettingRole, Settings, clean_credential};

use crate::{
    config::{self, Config, Value},
    environment,
    failure::{Exit, Failure, Outcome},
    files,
};

/// The most bytes of a secret in a file.
const MAX_SECRET: usize = 1 << 20;

/// Where a setting comes from, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// An option of the command line.
    Option(&'static str),
    Variable(&'static str),
    File(PathBuf),
    /// Given to `login` by the terminal or stdin.
    Typed,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option(name) => write!(f, "option {name}"),
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::File(path) => write!(f, "file {}", files::shown(path)),
            Self::Typed => f.write_str("as it was typed"),
        }
    }
}

/// Settings from everywhere; those that came first stay.
pub(crate) struct Gathered {
    info: &'static ProviderInfo,
    pub(crate) settings: Settings,
    sources: BTreeMap<String, Source>,
}

impl Gathered {
    /// Begins with settings that need no source, such as the simulator's.
    pub(crate) fn new(info: &'static ProviderInfo, settings: Settings) -> Self {
        Self {
            info,
            settings,
            sources: BTreeMap::new(),
        }
    }

    /// Sets what the command line says, whatever was set before.
    pub(crate) fn replace(&mut self, name: &str, value: String, source: Source) -> Outcome<()> {
        let value = self.cleaned(name, value, &source)?;
        let names_file = |setting: &SettingInfo| setting.role == SettingRole::File && name.ends_with("-file");
        if self
            .info
            .settings
            .iter()
            .any(|setting| setting.name == name && names_file(setting))
        {
            config::warn_about_others(Path::new(&value));
        }
        self.settings.set(name, value);
        self.sources.insert(name.to_owned(), source);
        Ok(())
    }

    /// Sets what is in a file that the command line names.
    pub(crate) fn replace_from_file(&mut self, name: &str, path: &str) -> Outcome<()> {
        let path = files::expand_home(path);
        let value = self.read(name, &path)?;
        self.replace(name, value, Source::File(path))
    }

    /// Fills in what is absent: from the chosen profile, the environment, the configuration, in this order.
    pub(crate) fn fill(&mut self, config: &Config) -> Outcome<()> {
        if config.profile_is_chosen() {
            self.fill_from_files(config)?;
        }
        for setting in self.info.settings {
            let found = setting
                .env
                .iter()
                .find_map(|name| Some((*name, environment::text(name)?)));
            if let Some((name, value)) = found {
                self.offer(setting.name, value, Source::Variable(name))?;
            }
        }
        self.fill_from_files(config)
    }

    fn fill_from_files(&mut self, config: &Config) -> Outcome<()> {
        for given in config.given(self.info) {
            // A file that is not needed is not looked for.
            if self.has(given.name) {
                continue;
            }
            match given.value {
                Value::Text(text) => self.offer(given.name, text, Source::File(given.from))?,
                Value::In(path) => {
                    let text = self.read(given.name, &path)?;
                    self.offer(given.name, text, Source::File(path))?;
                }
            }
        }
        Ok(())
    }

    /// Sets what is absent.
    pub(crate) fn offer(&mut self, name: &str, value: String, source: Source) -> Outcome<()> {
        if self.has(name) || value.is_empty() {
            return Ok(());
        }
        self.replace(name, value, source)
    }

    pub(crate) fn info(&self) -> &'static ProviderInfo {
        self.info
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.settings.get(name).is_some()
    }

    /// Where a setting comes from, if it is set.
    pub(crate) fn source(&self, name: &str) -> Option<&Source> {
        self.sources.get(name).filter(|_| self.has(name))
    }

    /// The settings that are set, in the provider's order.
    pub(crate) fn set(&self) -> impl Iterator<Item = (&'static SettingInfo, &str, Option<&Source>)> {
        let known = self.info.settings.iter();
        known.filter_map(|setting| Some((setting, self.settings.get(setting.name)?, self.source(setting.name))))
    }

    /// Whether there is any credential.
    pub(crate) fn has_credentials(&self) -> bool {
        self.set().any(|(setting, ..)| setting.role == SettingRole::Credential)
    }

    /// Says everything that is missing at once.
    pub(crate) fn check_complete(&self) -> Outcome<()> {
        let required = self.info.settings.iter().filter(|setting| setting.required);
        let missing: Vec<String> = required.filter(|setting| !self.has(setting.name)).map(named).collect();
        let word = match missing.len() {
            0 => return Ok(()),
            1 => "setting",
            _ => "settings",
        };
        let message = format!("{} needs the {word} {}", self.info.title, missing.join(", "));
        Err(Failure::new(Exit::Credentials, message))
    }

    fn cleaned(&self, name: &str, value: String, source: &Source) -> Outcome<String> {
        let is_credential = |setting: &&SettingInfo| setting.name == name && setting.role == SettingRole::Credential;
        if !self.info.settings.iter().any(|setting| is_credential(&setting)) {
            return Ok(value.trim().to_owned());
        }
        match clean_credential(&value) {
            Ok(clean) => Ok(clean.to_owned()),
            Err(invalid) => Err(Failure::new(
                Exit::Credentials,
                format!("`{name}` of {} ({source}) {invalid}", self.info.title),
            )),
        }
    }

    fn read(&self, name: &str, path: &Path) -> Outcome<String> {
        let bytes = files::read(path, MAX_SECRET)?;
        if self
            .info
            .settings
            .iter()
            .any(|setting| setting.name == name && setting.secret)
        {
            config::warn_about_others(path);
        }
        String::from_utf8(bytes).map_err(|_| {
            Failure::new(
                Exit::Credentials,
                format!(
                    "`{name}` of {} (file {}) is not UTF-8 text",
                    self.info.title,
                    path.display()
                ),
            )
        })
    }
}

/// How to get credentials for a cloud, on a failure that lacks them.
pub(crate) fn how_to_log_in(failure: Failure, info: &ProviderInfo) -> Failure {
    let failure = match info.login.url {
        "" => failure,
        url => failure.hint(format!("make credentials at {url}")),
    };
    failure
        .hint(format!("store them with `provision login -p {}`", info.id))
        .hint("to try it without any: add --sim")
}

/// A setting with the variables that may hold it.
fn named(setting: &SettingInfo) -> String {
    if setting.env.is_empty() {
        format!("`{}`", setting.name)
    } else {
        format!("`{}` (environment: {})", setting.name, setting.env.join(" or "))
    }
}
