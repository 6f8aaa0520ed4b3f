//! A file as it is written, and what it may say.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use clap::ValueEnum as _;
use provision::{Labels, PortRange, ProviderInfo};
use serde::Deserialize;

use super::{FILE_SUFFIX, MAX_BYTES, Table, advice, is_setting, warn_about_others};
use crate::{
    args::Format,
    duration::TimeSpan,
    failure::{Failure, Outcome},
    files,
};

/// Keys of a provider's table that are no settings of the provider.
pub(super) const OF_HOSTS: [&str; 3] = ["region", "plan", "image"];

/// A whole file, checked.
#[derive(Default)]
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) default_profile: Option<String>,
    pub(super) base: Section,
    pub(super) profiles: BTreeMap<String, Section>,
}

/// What stands at the top of a file, and in each profile.
#[derive(Default)]
pub(super) struct Section {
    pub(super) default_provider: Option<String>,
    pub(super) defaults: Defaults,
    pub(super) providers: BTreeMap<&'static str, Table>,
}

#[derive(Default)]
pub(super) struct Defaults {
    pub(super) output: Option<Format>,
    pub(super) labels: Labels,
    pub(super) ports: Vec<PortRange>,
    pub(super) ttl: Option<TimeSpan>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawFile {
    default_profile: Option<String>,
    default_provider: Option<String>,
    #[serde(default)]
    defaults: RawDefaults,
    #[serde(default)]
    provider: BTreeMap<String, Table>,
    #[serde(default)]
    profile: BTreeMap<String, RawSection>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawSection {
    default_provider: Option<String>,
    #[serde(default)]
    defaults: RawDefaults,
    #[serde(default)]
    provider: BTreeMap<String, Table>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawDefaults {
    output: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    ports: Vec<RawPort>,
    ttl: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a port such as 80 or \"8000-8100\"")]
enum RawPort {
    Number(u16),
    Text(String),
}

impl File {
    /// Reads a file, or nothing where none has to be.
    pub(super) fn read(path: &Path, must_exist: bool) -> Outcome<Self> {
        if !must_exist && matches!(path.try_exists(), Ok(false)) {
            return Ok(Self {
                path: path.to_owned(),
                ..Self::default()
            });
        }
        let wrong = |problem: String| Failure::usage(format!("{}: {problem}", path.display()));
        let bytes = files::read(path, MAX_BYTES)?;
        let text = String::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8 text".to_owned()))?;
        let file = Self::parse(&text, path).map_err(wrong)?;
        if file.holds_secrets() {
            warn_about_others(path);
        }
        Ok(file)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, String> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let raw: RawFile = toml::from_str(text).map_err(|error| {
            // Only where and what: the error's own text quotes the line, which may hold a secret.
            let line = error
                .span()
                .and_then(|span| text.get(..span.start))
                .map_or(1, |before| before.matches('\n').count() + 1);
            let advice = advice::outside(error.message()).map_or_else(String::new, |advice| format!("; {advice}"));
            format!("line {line}: {}{advice}", without_values(error.message()))
        })?;
        let base = Section::parse(RawSection {
            default_provider: raw.default_provider,
            defaults: raw.defaults,
            provider: raw.provider,
        })?;
        let mut profiles = BTreeMap::new();
        for (name, section) in raw.profile {
            let section = Section::parse(section).map_err(|problem| format!("profile `{name}`: {problem}"))?;
            profiles.insert(name, section);
        }
        Ok(Self {
            path: path.to_owned(),
            default_profile: raw.default_profile,
            base,
            profiles,
        })
    }

    fn holds_secrets(&self) -> bool {
        let sections = self.profiles.values().chain([&self.base]);
        let mut tables = sections.flat_map(|section| &section.providers);
        tables.any(|(id, table)| {
            provision::find(id).is_ok_and(|info| {
                let mut secrets = info.settings.iter().filter(|setting| setting.secret);
                secrets.any(|setting| table.contains_key(setting.name))
            })
        })
    }
}

impl Section {
    fn parse(raw: RawSection) -> Result<Self, String> {
        let mut section = Self {
            default_provider: raw.default_provider,
            defaults: Defaults::parse(raw.defaults).map_err(|problem| format!("[defaults]: {problem}"))?,
            providers: BTreeMap::new(),
        };
        for (name, table) in raw.provider {
            let info = match provision::find(&name) {
                Ok(info) => info,
                // A build without that cloud reads the same file.
                Err(_) if provision::registry::KNOWN.contains(&name.as_str()) => continue,
                Err(error) => return Err(error.to_string()),
            };
            for key in table.keys() {
                check_key(info, key, &table)?;
            }
            if section.providers.insert(info.id, table).is_some() {
                return Err(format!("provider `{}` stands twice, under two names", info.id));
            }
        }
        Ok(section)
    }
}

impl Defaults {
    fn parse(raw: RawDefaults) -> Result<Self, String> {
        let output = raw.output.map(|name| {
            Format::from_str(&name, false).map_err(|_| "`output` is none of the forms that -o takes".to_owned())
        });
        let mut labels = Labels::new();
        for (key, value) in &raw.labels {
            labels.insert(key, value).map_err(|invalid| invalid.to_string())?;
        }
        let ports = raw.ports.into_iter().map(|port| match port {
            RawPort::Number(port) => port.to_string().parse(),
            RawPort::Text(text) => text.parse(),
        });
        let ports = ports
            .collect::<Result<Vec<PortRange>, _>>()
            .map_err(|invalid| format!("`ports`: {invalid}"))?;
        let ttl = raw
            .ttl
            .map(|text| text.parse().map_err(|problem| format!("`ttl`: {problem}")));
        Ok(Self {
            output: output.transpose()?,
            labels,
            ports,
            ttl: ttl.transpose()?,
        })
    }
}

fn check_key(info: &ProviderInfo, key: &str, table: &Table) -> Result<(), String> {
    if OF_HOSTS.contains(&key) || is_setting(info, key) {
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
            let known: Vec<&str> = OF_HOSTS.into_iter().chain(settings).collect();
            Err(format!(
                "provider `{}` has no key `{key}`{}; known: {}, and each setting with `{FILE_SUFFIX}` behind it",
                info.id,
                advice::instead(info, key),
                known.join(", ")
            ))
        }
    }
}

/// What was expected, without what was found: that may be a secret.
fn without_values(message: &str) -> String {
    match message.split_once("expected ") {
        Some((found, expected)) if found.starts_with("invalid ") => format!("expected {expected}"),
        _ => message.to_owned(),
    }
}
