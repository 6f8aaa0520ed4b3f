//! The configuration file: a default provider, and for each provider its settings and the defaults of its hosts.

mod advice;

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use etcetera::BaseStrategy as _;
use provision::{ProviderInfo, Settings};
use serde::Deserialize;

use crate::{
    failure::{Failure, Outcome},
    progress::warn,
};

/// The part of the name that says that a setting is in a file.
const FILE_SUFFIX: &str = "-file";

/// What the file says, checked. Values are not shown by `Debug`: they may be secrets.
#[derive(Default)]
pub(crate) struct Config {
    pub(crate) default_provider: Option<String>,
    folder: PathBuf,
    providers: BTreeMap<&'static str, BTreeMap<String, String>>,
}

/// What hosts get when the command line says nothing.
#[derive(Debug, Default)]
pub(crate) struct HostDefaults {
    pub(crate) region: Option<String>,
    pub(crate) plan: Option<String>,
    pub(crate) image: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    default_provider: Option<String>,
    #[serde(default)]
    provider: BTreeMap<String, BTreeMap<String, String>>,
}

impl Config {
    /// Reads the file that the user named, or the usual one if it is there.
    pub(crate) fn load(given: Option<&Path>) -> Outcome<Self> {
        let given = given.map(Path::to_owned).or_else(|| {
            std::env::var_os("PROVISION_CONFIG")
                .filter(|path| !path.is_empty())
                .map(PathBuf::from)
        });
        let usual = || {
            Some(
                etcetera::choose_base_strategy()
                    .ok()?
                    .config_dir()
                    .join("provision/config.toml"),
            )
        };
        let Some(path) = given.clone().or_else(usual) else {
            return Ok(Self::default());
        };
        match fs::read_to_string(&path) {
            Ok(text) => {
                let config = Self::parse(&text, path.parent().unwrap_or(Path::new("")))
                    .map_err(|problem| Failure::usage(format!("{}: {problem}", path.display())))?;
                config.warn_about_open_secrets(&path);
                Ok(config)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && given.is_none() => Ok(Self::default()),
            Err(error) => Err(Failure::other(format!("cannot read {}", path.display()), &error)),
        }
    }

    fn parse(text: &str, folder: &Path) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| {
            // Only where and what: the error's own text quotes the line, which may hold a secret.
            let line = error
                .span()
                .and_then(|span| text.get(..span.start))
                .map_or(1, |before| before.matches('\n').count() + 1);
            let advice = advice::outside(error.message()).map_or_else(String::new, |advice| format!("; {advice}"));
            format!("line {line}: {}{advice}", error.message())
        })?;
        let mut config = Self {
            default_provider: file.default_provider,
            folder: folder.to_owned(),
            providers: BTreeMap::new(),
        };
        for (name, table) in file.provider {
            let info = match provision::find(&name) {
                Ok(info) => info,
                // A build without that cloud reads the same file.
                Err(_) if provision::registry::KNOWN.contains(&name.as_str()) => continue,
                Err(error) => return Err(error.to_string()),
            };
            for key in table.keys() {
                check_key(info, key, &table)?;
            }
            if config.providers.insert(info.id, table).is_some() {
                return Err(format!("provider `{}` stands twice, under two names", info.id));
            }
        }
        Ok(config)
    }

    pub(crate) fn host_defaults(&self, info: &ProviderInfo) -> HostDefaults {
        let get = |key: &str| self.providers.get(info.id)?.get(key).cloned();
        HostDefaults {
            region: get("region"),
            plan: get("plan"),
            image: get("image"),
        }
    }

    /// Fills in the settings that are not set yet.
    pub(crate) fn fill(&self, info: &ProviderInfo, settings: &mut Settings) -> Outcome<()> {
        for (key, value) in self.providers.get(info.id).into_iter().flatten() {
            let (name, from_file) = match key.strip_suffix(FILE_SUFFIX) {
                Some(name) if !is_setting(info, key) => (name, true),
                _ => (key.as_str(), false),
            };
            if !is_setting(info, name) || settings.names().any(|known| known == name) {
                continue;
            }
            if from_file {
                settings.set(name, read_secret(&self.folder.join(expand_home(value)))?);
            } else {
                settings.set(name, value.clone());
            }
        }
        Ok(())
    }

    /// Other users of the machine should not be able to read a token.
    fn warn_about_open_secrets(&self, path: &Path) {
        let secret = |(id, table): (&&str, &BTreeMap<String, String>)| {
            provision::find(id).is_ok_and(|info| {
                info.settings
                    .iter()
                    .any(|setting| setting.secret && table.contains_key(setting.name))
            })
        };
        if self.providers.iter().any(secret) && others_can_read(path) {
            warn(&format!(
                "{} holds a secret and can be read by other users: chmod 600 it",
                path.display()
            ));
        }
    }
}

fn check_key(info: &ProviderInfo, key: &str, table: &BTreeMap<String, String>) -> Result<(), String> {
    if ["region", "plan", "image"].contains(&key) || is_setting(info, key) {
        return Ok(());
    }
    match key.strip_suffix(FILE_SUFFIX) {
        Some(name) if is_setting(info, name) && table.contains_key(name) => Err(format!(
            "provider `{}` has both `{name}` and `{key}`: keep one",
            info.id
        )),
        Some(name) if is_setting(info, name) => Ok(()),
        _ => {
            let settings = info.settings.iter().map(|setting| setting.name);
            let known: Vec<&str> = ["region", "plan", "image"].into_iter().chain(settings).collect();
            Err(format!(
                "provider `{}` has no key `{key}`{}; known: {}, and each setting with `{FILE_SUFFIX}` behind it",
                info.id,
                advice::instead(info, key),
                known.join(", ")
            ))
        }
    }
}

fn is_setting(info: &ProviderInfo, name: &str) -> bool {
    info.settings.iter().any(|setting| setting.name == name)
}

/// A secret from a file, without the line end behind it.
pub(crate) fn read_secret(path: &Path) -> Outcome<String> {
    let text =
        fs::read_to_string(path).map_err(|error| Failure::other(format!("cannot read {}", path.display()), &error))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// `~/` at the start becomes the user's home folder.
pub(crate) fn expand_home(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), etcetera::home_dir()) {
        (Some(rest), Ok(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}

#[cfg(unix)]
fn others_can_read(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o044 != 0)
}

#[cfg(not(unix))]
fn others_can_read(_path: &Path) -> bool {
    false
}
