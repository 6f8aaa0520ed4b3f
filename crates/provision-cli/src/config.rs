//! The configuration file and the file of stored credentials: profiles, and for each provider its settings and the defaults of
//! its hosts.

mod advice;
mod file;
mod store;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use etcetera::BaseStrategy as _;
use provision::{Labels, PortRange, ProviderInfo};

use self::file::{File, Section};
use crate::{
    args::Format,
    duration::TimeSpan,
    environment,
    failure::{Failure, Outcome},
    files,
    progress::warn,
};

/// The part of the name that says that a setting is in a file.
const FILE_SUFFIX: &str = "-file";
/// The region of hosts, before what a file says.
const REGION: &str = "PROVISION_REGION";
/// The most bytes of a configuration file.
const MAX_BYTES: usize = 1 << 20;

/// The names of a provider's table in a file, with their values.
type Table = BTreeMap<String, String>;

/// What the files say, checked. Values are not shown by `Debug`: they may be secrets.
#[derive(Default)]
pub(crate) struct Config {
    pub(crate) default_provider: Option<String>,
    /// The form of the data on stdout.
    pub(crate) output: Option<Format>,
    /// Where the file is, or would be.
    path: Option<PathBuf>,
    /// What the user wrote, and what `login` stored.
    written: File,
    stored: File,
    profile: Option<Profile>,
}

/// The profile in use.
struct Profile {
    name: String,
    /// By the command line or the environment, and not by the file.
    chosen: bool,
}

/// What hosts get when the command line says nothing.
#[derive(Debug, Default)]
pub(crate) struct HostDefaults {
    pub(crate) region: Option<String>,
    pub(crate) plan: Option<String>,
    pub(crate) image: Option<String>,
    pub(crate) labels: Labels,
    pub(crate) ports: Vec<PortRange>,
    pub(crate) ttl: Option<TimeSpan>,
}

/// A setting that a file gives.
pub(crate) struct Given<'a> {
    pub(crate) name: &'a str,
    pub(crate) value: Value,
    /// The file that gives it.
    pub(crate) from: PathBuf,
}

/// How a file gives a setting.
pub(crate) enum Value {
    Text(String),
    /// The text is in this file.
    In(PathBuf),
}

/// A table of a file, for `config list`.
pub(crate) struct Listed<'a> {
    pub(crate) profile: Option<&'a str>,
    pub(crate) provider: &'static str,
    pub(crate) names: Vec<&'a str>,
    pub(crate) stored: bool,
}

impl Config {
    /// Reads the file that the user named, or the usual one if it is there, and the credentials beside it.
    pub(crate) fn load(given: Option<&Path>, profile: Option<&str>) -> Outcome<Self> {
        let given = given
            .map(Path::to_owned)
            .or_else(|| environment::text("PROVISION_CONFIG").map(PathBuf::from));
        let usual = || {
            Some(
                etcetera::choose_base_strategy()
                    .ok()?
                    .config_dir()
                    .join("provision/config.toml"),
            )
        };
        let must_exist = given.is_some();
        let Some(path) = given.or_else(usual) else {
            return Ok(Self::default());
        };
        let written = File::read(&path, must_exist)?;
        let stored = File::read(&store::path(&path), false)?;
        let chosen = profile
            .map(str::to_owned)
            .or_else(|| environment::text("PROVISION_PROFILE"));
        let profile = match (chosen, &written.default_profile) {
            (Some(name), _) => Some(Profile { name, chosen: true }),
            (None, Some(name)) => Some(Profile {
                name: name.clone(),
                chosen: false,
            }),
            (None, None) => None,
        };
        let mut config = Self {
            default_provider: None,
            output: None,
            path: Some(path),
            written,
            stored,
            profile,
        };
        let of_profile = config.section(&config.written);
        let both = || of_profile.into_iter().chain([&config.written.base]);
        config.default_provider = both().find_map(|section| section.default_provider.clone());
        config.output = both().find_map(|section| section.defaults.output);
        Ok(config)
    }

    /// Refuses a profile that no file has. Not for `login`, which may make it.
    pub(crate) fn check_profile(&self) -> Outcome<()> {
        let Some(profile) = &self.profile else { return Ok(()) };
        if self.section(&self.written).is_some() || self.section(&self.stored).is_some() {
            return Ok(());
        }
        let known = self.profiles();
        let known = if known.is_empty() {
            "none".to_owned()
        } else {
            known.join(", ")
        };
        let command = format!("provision login --profile {}", profile.name);
        Err(
            Failure::usage(format!("there is no profile `{}`; known: {known}", profile.name))
                .hint(format!("make it: {command}")),
        )
    }

    /// The name of the profile in use.
    pub(crate) fn profile(&self) -> Option<&str> {
        self.profile.as_ref().map(|profile| profile.name.as_str())
    }

    /// Whether the profile was named by the command line or the environment: then its settings come before the vendors'
    /// environment variables, which may be of another account.
    pub(crate) fn profile_is_chosen(&self) -> bool {
        self.profile.as_ref().is_some_and(|profile| profile.chosen)
    }

    /// The profiles of both files.
    pub(crate) fn profiles(&self) -> Vec<&str> {
        let names = self.written.profiles.keys().chain(self.stored.profiles.keys());
        let mut names: Vec<&str> = names.map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Where the configuration is, or would be.
    pub(crate) fn path(&self) -> Outcome<&Path> {
        self.path
            .as_deref()
            .ok_or_else(|| Failure::usage("the user's config folder is not known: name a file with --config"))
    }

    /// Where `login` stores credentials.
    pub(crate) fn credentials_path(&self) -> Outcome<PathBuf> {
        Ok(store::path(self.path()?))
    }

    pub(crate) fn host_defaults(&self, info: &ProviderInfo) -> HostDefaults {
        let tables = self.tables(info);
        let get = |key: &str| tables.iter().find_map(|(table, _)| table.get(key)).cloned();
        let base = &self.written.base.defaults;
        let of_profile = self.section(&self.written).map(|section| &section.defaults);
        let mut labels = base.labels.clone();
        for (key, value) in of_profile.into_iter().flat_map(|defaults| defaults.labels.iter()) {
            // They were checked when the file was read.
            let _ = labels.insert(key, value);
        }
        let ports = of_profile
            .map(|defaults| &defaults.ports)
            .filter(|ports| !ports.is_empty());
        HostDefaults {
            region: environment::text(REGION).or_else(|| get("region")),
            plan: get("plan"),
            image: get("image"),
            labels,
            ports: ports.unwrap_or(&base.ports).clone(),
            ttl: of_profile.and_then(|defaults| defaults.ttl).or(base.ttl),
        }
    }

    /// The settings of a provider that the files give, those that count first.
    pub(crate) fn given<'a>(&'a self, info: &ProviderInfo) -> Vec<Given<'a>> {
        let mut given: Vec<Given<'a>> = Vec::new();
        for (table, from) in self.tables(info) {
            for (key, value) in table {
                let (name, is_file) = match key.strip_suffix(FILE_SUFFIX) {
                    Some(name) if !is_setting(info, key) => (name, true),
                    _ => (key.as_str(), false),
                };
                if !is_setting(info, name) || given.iter().any(|known| known.name == name) {
                    continue;
                }
                let folder = from.parent().unwrap_or(Path::new(""));
                given.push(Given {
                    name,
                    value: if is_file {
                        Value::In(folder.join(files::expand_home(value)))
                    } else {
                        Value::Text(value.clone())
                    },
                    from: from.to_owned(),
                });
            }
        }
        given
    }

    /// Whether a file says anything about a provider.
    pub(crate) fn mentions(&self, info: &ProviderInfo) -> bool {
        !self.tables(info).is_empty()
    }

    /// Region, plan and image of a provider's hosts, as far as they are set, each with where it comes from.
    pub(crate) fn of_hosts(&self, info: &ProviderInfo) -> Vec<(&'static str, String, String)> {
        let mut found = Vec::new();
        for name in file::OF_HOSTS {
            // Of some clouds the region is a setting, and shown as one.
            let from_file = self
                .tables(info)
                .into_iter()
                .find_map(|(table, path)| Some((table.get(name)?.clone(), format!("file {}", files::shown(path)))));
            let from_variable = (name == "region")
                .then(|| environment::text(REGION))
                .flatten()
                .map(|region| (region, format!("environment variable {REGION}")));
            if let Some((value, source)) = from_variable.or(from_file.filter(|_| !is_setting(info, name))) {
                found.push((name, value, source));
            }
        }
        found
    }

    /// Every table of both files.
    pub(crate) fn listed(&self) -> Vec<Listed<'_>> {
        let mut listed = Vec::new();
        for (file, stored) in [(&self.written, false), (&self.stored, true)] {
            let profiles = file
                .profiles
                .iter()
                .map(|(name, section)| (Some(name.as_str()), section));
            for (profile, section) in [(None, &file.base)].into_iter().chain(profiles) {
                for (provider, table) in &section.providers {
                    listed.push(Listed {
                        profile,
                        provider,
                        names: table.keys().map(String::as_str).collect(),
                        stored,
                    });
                }
            }
        }
        listed.sort_by_key(|listed| (listed.profile.map(str::to_owned), listed.provider, listed.stored));
        listed
    }

    /// Stores the settings of a provider, in the profile in use, in the place of those that were stored before.
    pub(crate) fn store(&self, info: &ProviderInfo, table: Table) -> Outcome<PathBuf> {
        let path = self.credentials_path()?;
        store::write(&path, &self.stored, self.profile(), info.id, table)?;
        Ok(path)
    }

    /// The tables that count for a provider: of the profile in use, if it has any for a cloud; nothing is mixed, so that no part of
    /// one account's credentials meets another's.
    fn tables(&self, info: &ProviderInfo) -> Vec<(&Table, &Path)> {
        let files = [&self.written, &self.stored];
        let of_profile = || files.into_iter().filter_map(|file| Some((self.section(file)?, file)));
        let has_any = of_profile().any(|(section, _)| !section.providers.is_empty());
        let sections: Vec<(&Section, &File)> = if has_any {
            of_profile().collect()
        } else {
            files.into_iter().map(|file| (&file.base, file)).collect()
        };
        let tables = sections
            .into_iter()
            .filter_map(|(section, file)| Some((section.providers.get(info.id)?, file.path.as_path())));
        tables.collect()
    }

    fn section<'a>(&self, file: &'a File) -> Option<&'a Section> {
        file.profiles.get(&self.profile.as_ref()?.name)
    }
}

fn is_setting(info: &ProviderInfo, name: &str) -> bool {
    info.settings.iter().any(|setting| setting.name == name)
}

/// Other users of the machine should not be able to read or replace what is secret.
pub(crate) fn warn_about_others(path: &Path) {
    if let Some(what) = files::open_to_others(path) {
        warn(&format!(
            "{} holds a secret and other users can {what} it: chmod 600 it",
            path.display()
        ));
    }
}
