//! From flags to the settings of the operator's own cloud: clouds call the same thing by different names.

use std::{collections::BTreeMap, fs, path::Path};

use provision::{Error, ProviderInfo, Result, Settings};

use crate::args::{Flags, Secret, pairs};

/// Names that clouds have for what the flags call access key, secret key, project and organization; the first known one wins.
const ACCESS_KEY: &[&str] = &[
    "token",
    "access-key-id",
    "access-key",
    "service-account",
    "application-key",
    "auth-file",
];
const SECRET_KEY: &[&str] = &["secret-access-key", "secret-key", "application-secret", "client-secret"];
const PROJECT: &[&str] = &["project", "project-id"];
const ORGANIZATION: &[&str] = &["organization", "organization-id", "project"];

/// Reads the settings of the operator's own cloud from flags, files and then the variables that the cloud's own tools
/// honour. Called again and again, so that a replaced file counts.
///
/// # Errors
/// `InvalidRequest` when a file cannot be read or a flag means nothing to the cloud. Never repeats a value.
pub fn settings(flags: &Flags, info: &ProviderInfo, variable: impl Fn(&str) -> Option<String>) -> Result<Settings> {
    let mut settings = Settings::new();
    let keys = [
        (
            ACCESS_KEY,
            "access-key",
            &flags.access_key,
            flags.access_key_file.as_deref(),
        ),
        (
            SECRET_KEY,
            "secret-key",
            &flags.secret_key,
            flags.secret_key_file.as_deref(),
        ),
    ];
    for (names, flag, value, file) in keys {
        put_secret(&mut settings, info, names, flag, value, file)?;
    }
    let texts: [(&[&str], &str); 6] = [
        (PROJECT, &flags.project_id),
        (ORGANIZATION, &flags.organization_id),
        (&["subscription-id"], &flags.subscription_id),
        (&["zone"], &flags.zone),
        (&["region"], &flags.region),
        (&[], ""),
    ];
    for (names, value) in texts {
        if let Some(name) = known(info, names)
            && !value.is_empty()
            && settings.get(name).is_none()
        {
            settings.set(name, value);
        }
    }
    for (name, value) in pairs("setting", &flags.settings).map_err(Error::invalid)? {
        settings.set(name, value);
    }
    for (name, path) in pairs("setting-file", &flags.setting_files).map_err(Error::invalid)? {
        settings.set(name, read(Path::new(&path))?);
    }
    settings.fill_from(info, variable);
    Ok(settings)
}

/// The region for hosts that name none: the zone where the cloud has zones and one is given.
#[must_use]
pub fn region(flags: &Flags, info: &ProviderInfo) -> Option<String> {
    let zone = Some(&flags.zone).filter(|zone| !zone.is_empty() && known(info, &["zone"]).is_some());
    let region = Some(&flags.region).filter(|region| !region.is_empty());
    zone.or(region).cloned()
}

/// The flags that only some clouds know as extras of a host.
#[must_use]
pub fn additional(flags: &Flags, info: &ProviderInfo) -> BTreeMap<String, String> {
    let extras = [("vpc-id", &flags.vpc_id), ("subnet-id", &flags.subnet_id)];
    extras
        .into_iter()
        .filter(|(key, value)| !value.is_empty() && info.additional.iter().any(|known| known.key == *key))
        .map(|(key, value)| (key.to_owned(), value.clone()))
        .collect()
}

/// The license of the tunnel's client, where one was given.
///
/// # Errors
/// `InvalidRequest` when its file cannot be read.
pub fn license(flags: &Flags) -> Result<Option<String>> {
    if let Some(license) = flags.license.expose() {
        return Ok(Some(license.to_owned()));
    }
    flags.license_file.as_deref().map(read).transpose()
}

fn put_secret(
    settings: &mut Settings,
    info: &ProviderInfo,
    names: &[&'static str],
    flag: &str,
    value: &Secret,
    file: Option<&Path>,
) -> Result<()> {
    let given = value.expose();
    if given.is_none() && file.is_none() {
        return Ok(());
    }
    let Some(name) = known(info, names) else {
        return Err(Error::invalid(format!("{} has no --{flag}", info.title)));
    };
    match file {
        // The setting is itself the name of a file.
        Some(file) if name.ends_with("-file") => settings.set(name, file.to_string_lossy()),
        Some(file) => settings.set(name, read(file)?),
        None if name.ends_with("-file") => {
            return Err(Error::invalid(format!("{} wants --{flag}-file", info.title)));
        }
        None => settings.set(name, given.unwrap_or_default()),
    }
    Ok(())
}

fn known(info: &ProviderInfo, names: &[&'static str]) -> Option<&'static str> {
    names
        .iter()
        .copied()
        .find(|name| info.settings.iter().any(|setting| setting.name == *name))
}

fn read(path: &Path) -> Result<String> {
    let text = fs::read_to_string(path)
        .map_err(|error| Error::invalid(format!("file {} cannot be read: {error}", path.display())))?;
    Ok(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::Cli;

    fn flags(arguments: &[&str]) -> Flags {
        Cli::parse_from([&["o"], arguments].concat()).args
    }

    #[test]
    fn the_access_key_becomes_the_setting_that_every_cloud_requires() {
        for info in provision::providers() {
            let name = known(info, ACCESS_KEY);
            assert!(name.is_some(), "{} has no setting for --access-key", info.id);
            let given = flags(&["--access-key", "hunter2"]);
            if let Ok(settings) = settings(&given, info, |_| None) {
                assert_eq!(settings.get(name.unwrap()), Some("hunter2"), "{}", info.id);
            }
        }
    }

    #[test]
    fn files_come_first_and_the_environment_last() {
        let Some(info) = provision::providers()
            .into_iter()
            .find(|info| known(info, &["token"]).is_some())
        else {
            return;
        };
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        fs::write(&file, "from-file\n").unwrap();
        let path = file.to_str().unwrap().to_owned();
        let both = flags(&["--access-key", "from-flag", "--access-key-file", &path]);
        let variable = |_: &str| Some("from-environment".to_owned());
        assert_eq!(settings(&both, info, variable).unwrap().get("token"), Some("from-file"));
        assert_eq!(
            settings(&flags(&["--access-key", "from-flag"]), info, variable)
                .unwrap()
                .get("token"),
            Some("from-flag")
        );
        assert_eq!(
            settings(&flags(&[]), info, variable).unwrap().get("token"),
            Some("from-environment")
        );
        let setting = flags(&["--setting", "endpoint=http://127.0.0.1:1/x"]);
        assert_eq!(
            settings(&setting, info, |_| None).unwrap().get("endpoint"),
            Some("http://127.0.0.1:1/x")
        );
        let missing = flags(&["--access-key-file", "/does/not/exist"]);
        assert!(
            settings(&missing, info, |_| None)
                .unwrap_err()
                .to_string()
                .contains("/does/not/exist")
        );
    }

    #[test]
    fn what_a_cloud_does_not_know_is_left_out_or_refused() {
        let Some(info) = provision::providers().into_iter().find(|info| info.id == "hetzner") else {
            return;
        };
        let chart = flags(&[
            "--zone",
            "us-central1-a",
            "--region",
            "fsn1",
            "--project-id",
            "p",
            "--vpc-id",
            "v",
        ]);
        assert_eq!(settings(&chart, info, |_| None).unwrap().names().count(), 0);
        assert_eq!(region(&chart, info).as_deref(), Some("fsn1"));
        assert!(additional(&chart, info).is_empty());
        assert!(settings(&flags(&["--secret-key", "x"]), info, |_| None).is_err());
    }
}
