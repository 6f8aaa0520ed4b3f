//! From flags to the settings of the operator's own cloud: clouds call the same thing by different names.

use std::{collections::BTreeMap, path::Path};

use provision::{CommonSetting, Error, ProviderInfo, Result, SettingRole, Settings, http::read_small_file};

use crate::args::{Flags, Secret, pairs, words};

/// Reads the settings of the operator's own cloud from flags, files and then the variables that the cloud's own tools
/// honour. Called again and again, so that a replaced file counts.
///
/// # Errors
/// `InvalidRequest` when a file cannot be read or a flag means nothing to the cloud. Never repeats a value.
pub fn settings(flags: &Flags, info: &ProviderInfo, variable: impl Fn(&str) -> Option<String>) -> Result<Settings> {
    let mut settings = Settings::new();
    let keys = [
        (
            CommonSetting::AccessKey,
            "access-key",
            &flags.access_key,
            flags.access_key_file.as_deref(),
        ),
        (
            CommonSetting::SecretKey,
            "secret-key",
            &flags.secret_key,
            flags.secret_key_file.as_deref(),
        ),
    ];
    for (common, flag, value, file) in keys {
        put_secret(&mut settings, info, common, flag, value, file)?;
    }
    let texts = [
        (CommonSetting::Project, given(&flags.project_id)),
        (CommonSetting::Project, given(&flags.organization_id)),
        (CommonSetting::Project, given(&flags.subscription_id)),
        (CommonSetting::Zone, words(&flags.zone).next()),
        (CommonSetting::Region, words(&flags.region).next()),
    ];
    for (common, value) in texts {
        if let Some(setting) = info.common_setting(common)
            && let Some(value) = value
            && settings.get(setting.name).is_none()
        {
            settings.set(setting.name, value);
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

/// The regions for hosts that name none, in the order in which they are tried: the zones where the cloud has zones and one is
/// given.
#[must_use]
pub fn regions(flags: &Flags, info: &ProviderInfo) -> Vec<String> {
    let has_zones = info.common_setting(CommonSetting::Zone).is_some();
    let given = match words(&flags.zone).next().is_some() && has_zones {
        true => &flags.zone,
        false => &flags.region,
    };
    words(given).map(str::to_owned).collect()
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

fn given(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

fn put_secret(
    settings: &mut Settings,
    info: &ProviderInfo,
    common: CommonSetting,
    flag: &str,
    value: &Secret,
    file: Option<&Path>,
) -> Result<()> {
    let given = value.expose();
    if given.is_none() && file.is_none() {
        return Ok(());
    }
    let Some(setting) = info.common_setting(common) else {
        return Err(Error::invalid(format!("{} has no --{flag}", info.title)));
    };
    let is_file = setting.role == SettingRole::File;
    match file {
        Some(file) if is_file => settings.set(setting.name, file.to_string_lossy()),
        Some(file) => settings.set(setting.name, read(file)?),
        None if is_file => return Err(Error::invalid(format!("{} wants --{flag}-file", info.title))),
        None => settings.set(setting.name, given.unwrap_or_default()),
    }
    Ok(())
}

fn read(path: &Path) -> Result<String> {
    let cannot = |why: String| Error::invalid(format!("file {} cannot be read: {why}", path.display()));
    let bytes = read_small_file(path).map_err(|error| cannot(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| cannot("it is no text".to_owned()))?;
    Ok(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::Parser as _;

    use super::*;
    use crate::args::Cli;

    fn flags(arguments: &[&str]) -> Flags {
        Cli::parse_from([&["o"], arguments].concat()).args
    }

    #[test]
    fn the_access_key_becomes_the_setting_that_every_cloud_requires() {
        for info in provision::providers() {
            let name = info
                .common_setting(CommonSetting::AccessKey)
                .map(|setting| setting.name);
            assert!(name.is_some(), "{} has no setting for --access-key", info.id);
            let given = flags(&["--access-key", "hunter2"]);
            match settings(&given, info, |_| None) {
                Ok(settings) => assert_eq!(settings.get(name.unwrap()), Some("hunter2"), "{}", info.id),
                Err(error) => assert!(error.to_string().contains("--access-key-file"), "{}: {error}", info.id),
            }
        }
    }

    #[test]
    fn files_come_first_and_the_environment_last() {
        let Some(info) = provision::providers()
            .into_iter()
            .find(|info| info.setting("token").is_some())
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
    fn flags_reach_the_setting_that_each_cloud_has_for_them() {
        let line = [
            "--access-key=ak",
            "--secret-key=sk",
            "--project-id=p",
            "--organization-id=o",
            "--zone=z",
            "--region=r",
        ];
        let table: [(&str, &[(&str, &str)]); 4] = [
            (
                "ec2",
                &[("access-key-id", "ak"), ("secret-access-key", "sk"), ("region", "r")],
            ),
            (
                "scaleway",
                &[
                    ("access-key", "ak"),
                    ("secret-key", "sk"),
                    ("project", "p"),
                    ("zone", "z"),
                ],
            ),
            (
                "ovh",
                &[
                    ("application-key", "ak"),
                    ("application-secret", "sk"),
                    ("project", "p"),
                    ("region", "r"),
                ],
            ),
            (
                "azure",
                &[("auth-file", "/key"), ("client-secret", "sk"), ("subscription-id", "s")],
            ),
        ];
        for (id, expected) in table {
            let Ok(info) = provision::find(id) else { continue };
            let line: Vec<&str> = match id {
                "azure" => vec!["--access-key-file=/key", "--secret-key=sk", "--subscription-id=s"],
                _ => line.to_vec(),
            };
            let settings = settings(&flags(&line), info, |_| None).unwrap();
            for (name, value) in expected {
                assert_eq!(settings.get(name), Some(*value), "{id}: {name}");
            }
            assert_eq!(settings.names().count(), expected.len(), "{id}: {settings:?}");
        }
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
        assert_eq!(regions(&chart, info), ["fsn1"]);
        let several = flags(&["--region", "fsn1, nbg1,"]);
        assert_eq!(regions(&several, info), ["fsn1", "nbg1"]);
        assert!(additional(&chart, info).is_empty());
        assert!(settings(&flags(&["--secret-key", "x"]), info, |_| None).is_err());
    }
}
