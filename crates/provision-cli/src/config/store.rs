//! The file of stored credentials: beside the configuration, for its owner alone, written by `login` only. It is apart so that
//! what a person wrote stays as it is.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{
    Table,
    file::{File, Section},
};
use crate::{
    failure::{Failure, Outcome},
    files,
};

const NAME: &str = "credentials.toml";
const HEAD: &str =
    "# Written by `provision login`, which replaces it. What you write yourself belongs into config.toml.\n";

pub(super) fn path(config: &Path) -> PathBuf {
    config.with_file_name(NAME)
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    provider: BTreeMap<&'a str, &'a Table>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    profile: BTreeMap<&'a str, Providers<'a>>,
}

#[derive(Default, Serialize)]
struct Providers<'a> {
    provider: BTreeMap<&'a str, &'a Table>,
}

/// Writes what was stored, with one table replaced.
pub(super) fn write(path: &Path, stored: &File, profile: Option<&str>, provider: &str, table: Table) -> Outcome<()> {
    fn tables(section: &Section) -> BTreeMap<&str, &Table> {
        section.providers.iter().map(|(id, table)| (*id, table)).collect()
    }
    let mut document = Document {
        provider: tables(&stored.base),
        profile: BTreeMap::new(),
    };
    for (name, section) in &stored.profiles {
        document.profile.insert(
            name,
            Providers {
                provider: tables(section),
            },
        );
    }
    let place = match profile {
        Some(name) => &mut document.profile.entry(name).or_default().provider,
        None => &mut document.provider,
    };
    place.insert(provider, &table);
    let failed = |error: &dyn std::error::Error| Failure::other(format!("cannot write {}", path.display()), error);
    let text = toml::to_string(&document).map_err(|error| failed(&error))?;
    if let Some(folder) = path.parent() {
        files::make_private_folder(folder).map_err(|error| failed(&error))?;
    }
    files::write_private(path, &format!("{HEAD}\n{text}")).map_err(|error| failed(&error))
}
