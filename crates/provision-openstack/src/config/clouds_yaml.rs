//! One cloud of `clouds.yaml`, with the secrets of the `secure.yaml` beside it:
//! <https://docs.openstack.org/openstacksdk/latest/user/config/configuration.html> (read 2026-11-28).

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use provision_core::{Error, Result, SecretString, Settings};
use provision_http::read_file_of;
use serde::Deserialize;

#[derive(Deserialize, Default)]
struct File {
    #[serde(default)]
    clouds: BTreeMap<String, Option<Entry>>,
}

/// What a file says about one cloud.
#[derive(Deserialize, Default)]
pub(super) struct Entry {
    #[serde(default)]
    auth: BTreeMap<String, Option<String>>,
    auth_type: Option<String>,
    region_name: Option<String>,
    interface: Option<String>,
    endpoint_type: Option<String>,
    /// A vendor whose URL other programs know.
    profile: Option<serde::de::IgnoredAny>,
}

/// The settings with the keys of `auth` that say the same.
const AUTH: [(&str, &[&str]); 12] = [
    ("endpoint", &["auth_url"]),
    ("application-credential-id", &["application_credential_id"]),
    ("application-credential-secret", &["application_credential_secret"]),
    ("application-credential-name", &["application_credential_name"]),
    ("username", &["username", "user_name"]),
    ("user-id", &["user_id"]),
    ("password", &["password"]),
    ("user-domain", &["user_domain_name", "domain_name"]),
    ("user-domain-id", &["user_domain_id", "domain_id"]),
    ("project", &["project_name", "tenant_name"]),
    ("project-id", &["project_id", "tenant_id"]),
    ("project-domain", &["project_domain_name", "domain_name"]),
];

impl Entry {
    pub(super) fn text(&self, setting: &str) -> Option<String> {
        match setting {
            "region" => self.region_name.clone(),
            "interface" => self.interface.clone().or_else(|| self.endpoint_type.clone()),
            "project-domain-id" => self.auth_text(&["project_domain_id", "domain_id"]),
            _ => {
                let (_, keys) = AUTH.iter().find(|(name, _)| *name == setting)?;
                self.auth_text(keys)
            }
        }
    }

    pub(super) fn secret(&self, setting: &str) -> Option<SecretString> {
        self.text(setting).map(SecretString::from)
    }

    fn auth_text(&self, keys: &[&str]) -> Option<String> {
        let found = keys.iter().find_map(|key| self.auth.get(*key)?.clone());
        found.filter(|text| !text.is_empty())
    }

    /// Takes what another file adds, which wins.
    fn merge(&mut self, other: Self) {
        self.auth.extend(other.auth);
        self.auth_type = other.auth_type.or(self.auth_type.take());
        self.region_name = other.region_name.or(self.region_name.take());
        self.interface = other.interface.or(self.interface.take());
    }

    fn check(&self, name: &str) -> Result<()> {
        const KNOWN: [&str; 4] = [
            "password",
            "v3password",
            "v3applicationcredential",
            "v3_application_credential",
        ];
        if let Some(kind) = self.auth_type.as_deref().filter(|kind| !KNOWN.contains(kind)) {
            let shown: String = kind.chars().take(40).collect();
            return Err(Error::invalid(format!(
                "cloud `{name}` of clouds.yaml has the auth_type {shown:?}: make an application credential (`openstack application credential create`) and use that"
            )));
        }
        if self.profile.is_some() && self.text("endpoint").is_none() {
            return Err(Error::invalid(format!(
                "cloud `{name}` of clouds.yaml names a vendor's profile in the place of its URL: add `auth_url` to its `auth`"
            )));
        }
        Ok(())
    }
}

/// The cloud that the settings name; `None` when they name none.
///
/// # Errors
/// `InvalidRequest` when it is in no file, or the file cannot be read. Nothing of a file's content is repeated but names.
pub(super) fn read(settings: &Settings) -> Result<Option<Entry>> {
    let named = settings.get("config-file");
    let Some(cloud) = settings.get("profile") else {
        return match named {
            None => Ok(None),
            Some(path) => Err(Error::invalid(format!(
                "the setting `config-file` names {path}, but not which of its clouds: add the setting `profile` (environment: OS_CLOUD)"
            ))),
        };
    };
    let paths = match named {
        Some(path) => vec![PathBuf::from(path)],
        None => usual_places(settings),
    };
    for path in &paths {
        let Some(mut file) = read_file(settings, path, named.is_some())? else {
            continue;
        };
        let Some(entry) = file.clouds.remove(cloud) else {
            let known: Vec<&str> = file.clouds.keys().map(String::as_str).collect();
            return Err(Error::invalid(format!(
                "there is no cloud {cloud:?} in {}; known: {}",
                path.display(),
                known.join(", ")
            )));
        };
        let mut entry = entry.unwrap_or_default();
        if let Some(mut secrets) = read_file(settings, &path.with_file_name("secure.yaml"), false)?
            && let Some(Some(more)) = secrets.clouds.remove(cloud)
        {
            entry.merge(more);
        }
        entry.check(cloud)?;
        return Ok(Some(entry));
    }
    let looked: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    Err(Error::invalid(format!(
        "there is no clouds.yaml in which to look for cloud {cloud:?}; looked for {}",
        looked.join(", ")
    )))
}

fn usual_places(settings: &Settings) -> Vec<PathBuf> {
    let home = settings
        .get("home")
        .map(|home| Path::new(home).join(".config/openstack"));
    let folders = [Some(PathBuf::new()), home, Some(PathBuf::from("/etc/openstack"))];
    let folders = folders.into_iter().flatten();
    folders.map(|folder| folder.join("clouds.yaml")).collect()
}

fn read_file(settings: &Settings, path: &Path, must_be: bool) -> Result<Option<File>> {
    let cannot = |why: &str| Error::invalid(format!("cannot read {} ({why}): correct it", path.display()));
    let bytes = match read_file_of(settings, path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound && !must_be => return Ok(None),
        Err(error) => return Err(cannot(&error.to_string())),
    };
    let text = String::from_utf8(bytes).map_err(|_| cannot("it is no text"))?;
    // The parser's words may quote a secret: only the line is told.
    let file = serde_saphyr::from_str(&text).map_err(|error| match error.location() {
        Some(place) => cannot(&format!(
            "line {} is no YAML, or not of the form of clouds.yaml",
            place.line()
        )),
        None => cannot("it is no YAML, or not of the form of clouds.yaml"),
    })?;
    Ok(Some(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOUDS: &str = "\
clouds:
  lab:
    auth:
      auth_url: https://keystone.example:5000/v3
      username: demo
      project_name: web
      user_domain_name: Default
    region_name: RegionTwo
    interface: internal
  sso:
    auth_type: v3oidcpassword
    auth: {auth_url: https://keystone.example}
  vendor:
    profile: ovh
    auth: {username: demo}
";

    fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, Settings) {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join(".config/openstack");
        std::fs::create_dir_all(&home).unwrap();
        for (name, text) in files {
            std::fs::write(home.join(name), text).unwrap();
        }
        let settings = Settings::new().with("home", folder.path().to_str().unwrap());
        (folder, settings)
    }

    fn refused(settings: &Settings) -> String {
        let error = read(settings).err().unwrap();
        assert_eq!(error.kind(), provision_core::ErrorKind::InvalidRequest);
        error.to_string()
    }

    #[test]
    fn a_cloud_is_read_with_the_secrets_beside_it() {
        let secrets = "clouds: {lab: {auth: {password: 12345}}}";
        let (_folder, settings) = folder(&[("clouds.yaml", CLOUDS), ("secure.yaml", secrets)]);
        assert!(read(&settings).unwrap().is_none(), "nobody named a cloud");
        let entry = read(&settings.with("profile", "lab")).unwrap().unwrap();
        for (setting, expected) in [
            ("endpoint", Some("https://keystone.example:5000/v3")),
            ("username", Some("demo")),
            ("password", Some("12345")),
            ("project", Some("web")),
            ("user-domain", Some("Default")),
            ("region", Some("RegionTwo")),
            ("interface", Some("internal")),
            ("project-id", None),
            ("home", None),
        ] {
            assert_eq!(entry.text(setting).as_deref(), expected, "{setting}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said_without_its_content() {
        let (home, settings) = folder(&[("clouds.yaml", CLOUDS)]);
        let named = |name: &str| settings.clone().with("profile", name);
        assert!(refused(&named("lba")).contains("known: lab, sso, vendor"));
        assert!(refused(&named("sso")).contains("application credential create"));
        assert!(refused(&named("vendor")).contains("auth_url"));
        let absent = named("lab").with("config-file", "/nowhere/clouds.yaml");
        assert!(refused(&absent).contains("/nowhere/clouds.yaml"));
        assert!(refused(&settings.clone().with("config-file", "x")).contains("OS_CLOUD"));
        let path = home.path().join(".config/openstack/clouds.yaml");
        std::fs::write(path, "clouds:\n  lab: {auth: [hush-hush]}\n").unwrap();
        let text = refused(&named("lab"));
        assert!(text.contains("clouds.yaml") && !text.contains("hush"), "{text}");
    }
}
