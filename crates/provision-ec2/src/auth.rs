use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use provision_core::{Error, ErrorKind, Result, SecretString, Settings};
use provision_http::Transport;

use crate::config::INFO;

/// An access key, with a session token if it is a temporary one.
#[derive(Debug, Clone)]
pub struct Keys {
    /// Id of the access key.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: SecretString,
    /// The session token of temporary credentials.
    pub session_token: Option<SecretString>,
}

/// Where the credentials come from.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Credentials {
    /// From this access key.
    Keys(Keys),
    /// From the AWS chain (SSO, web identity, roles, instance metadata, ...), asked when the first request is signed.
    #[cfg(feature = "aws-config")]
    Chain {
        /// Profile of the shared config files; `None` for the default one.
        profile: Option<String>,
    },
}

/// The credentials of the settings, and the region of the profile. Keys in the settings win over a profile, as in AWS's
/// own tools. Files are only read for what the settings lack.
pub(crate) fn from_settings(settings: &Settings) -> Result<(Credentials, Option<String>)> {
    let keys = match (settings.get("access-key-id"), settings.secret("secret-access-key")) {
        (Some(id), Some(secret)) => Some(Keys {
            access_key_id: id.to_owned(),
            secret_access_key: secret,
            session_token: settings.secret("session-token"),
        }),
        (None, None) => None,
        (id, _) => {
            let missing = if id.is_none() {
                "access-key-id"
            } else {
                "secret-access-key"
            };
            return Err(settings.require(&INFO, missing).err().unwrap_or_else(missing_keys));
        }
    };
    if let (Some(keys), true) = (&keys, settings.get("region").is_some()) {
        return Ok((Credentials::Keys(keys.clone()), None));
    }
    let profile = Profile::read(settings, keys.is_none())?;
    let credentials = match keys.or_else(|| profile.keys()) {
        Some(keys) => Credentials::Keys(keys),
        #[cfg(feature = "aws-config")]
        None => Credentials::Chain {
            profile: settings.get("profile").map(str::to_owned),
        },
        #[cfg(not(feature = "aws-config"))]
        None => return Err(profile.explain_missing(settings)),
    };
    Ok((credentials, profile.0.get("region").cloned()))
}

fn missing_keys() -> Error {
    Error::new(ErrorKind::Unauthorized, "AWS EC2 needs an access key").provider(INFO.id)
}

/// What the shared files say about one profile:
/// <https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>.
#[derive(Default)]
struct Profile(BTreeMap<String, String>);

impl Profile {
    /// Reads config and, if wanted, credentials file; the latter wins. A file that is not there is empty, unless the
    /// settings name it.
    fn read(settings: &Settings, with_credentials: bool) -> Result<Self> {
        let name = settings.get("profile").unwrap_or("default");
        let config_section = if name == "default" {
            name.to_owned()
        } else {
            format!("profile {name}")
        };
        let mut files = vec![("config-file", "config", config_section)];
        if with_credentials {
            files.push(("credentials-file", "credentials", name.to_owned()));
        }
        let mut profile = Self::default();
        for (setting, file, section) in files {
            if let Some(text) = read_file(settings, setting, file)? {
                profile.0.extend(section_of(&text, &section));
            }
        }
        Ok(profile)
    }

    fn keys(&self) -> Option<Keys> {
        Some(Keys {
            access_key_id: self.0.get("aws_access_key_id")?.clone(),
            secret_access_key: SecretString::from(self.0.get("aws_secret_access_key")?.as_str()),
            session_token: self
                .0
                .get("aws_session_token")
                .map(|token| SecretString::from(token.as_str())),
        })
    }

    #[cfg_attr(feature = "aws-config", allow(dead_code, reason = "the chain takes over"))]
    fn explain_missing(&self, settings: &Settings) -> Error {
        let indirect = [
            "sso_session",
            "sso_start_url",
            "role_arn",
            "credential_process",
            "web_identity_token_file",
        ];
        let name = settings.get("profile").unwrap_or("default");
        let message = if let Some(entry) = indirect.iter().find(|entry| self.0.contains_key(**entry)) {
            format!(
                "profile `{name}` has no keys but `{entry}`, for which this program must be built with the feature `aws-config`: `aws configure export-credentials --format env` prints keys that can be set instead"
            )
        } else {
            format!(
                "AWS EC2 needs the settings `access-key-id` and `secret-access-key` (environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY) or keys in profile `{name}`"
            )
        };
        Error::new(ErrorKind::Unauthorized, message).provider(INFO.id)
    }
}

fn read_file(settings: &Settings, setting: &str, file: &str) -> Result<Option<String>> {
    let home = settings.get("home").map(PathBuf::from);
    let (path, named) = match (settings.get(setting), &home) {
        (Some(path), Some(home)) if path.starts_with("~/") => (home.join(path.trim_start_matches("~/")), true),
        (Some(path), _) => (PathBuf::from(path), true),
        (None, Some(home)) => (home.join(".aws").join(file), false),
        (None, None) => return Ok(None),
    };
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !named => Ok(None),
        Err(error) => Err(Error::invalid(format!(
            "cannot read {} ({}): correct the setting `{setting}`",
            path.display(),
            error.kind()
        ))
        .provider(INFO.id)),
    }
}

/// The entries of one section. Indented lines belong to nested entries, which are of no use here.
fn section_of(text: &str, wanted: &str) -> BTreeMap<String, String> {
    let mut entries = BTreeMap::new();
    let mut inside = false;
    for line in text.lines().filter(|line| !line.starts_with([' ', '\t', '#', ';'])) {
        let line = line.trim_end();
        if let Some(header) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            inside = header.split_whitespace().eq(wanted.split_whitespace());
        } else if let (true, Some((key, value))) = (inside, line.split_once('=')) {
            let value = value.split(" #").next().unwrap_or_default().trim();
            entries.insert(key.trim().to_ascii_lowercase(), value.to_owned());
        }
    }
    entries
}

/// Gives the keys for a request.
#[derive(Debug)]
pub(crate) struct Source {
    credentials: Credentials,
    #[cfg(feature = "aws-config")]
    chain: chain::Chain,
}

impl Source {
    #[cfg_attr(
        not(feature = "aws-config"),
        allow(unused_variables, reason = "only the chain sends requests")
    )]
    pub(crate) fn new(credentials: Credentials, transport: &Arc<dyn Transport>) -> Self {
        Self {
            credentials,
            #[cfg(feature = "aws-config")]
            chain: chain::Chain::new(transport.clone()),
        }
    }

    #[cfg_attr(
        not(feature = "aws-config"),
        allow(unused_variables, reason = "only the chain has a region")
    )]
    pub(crate) async fn keys(&self, region: &str) -> Result<Keys> {
        match &self.credentials {
            Credentials::Keys(keys) => Ok(keys.clone()),
            #[cfg(feature = "aws-config")]
            Credentials::Chain { profile } => self.chain.keys(profile.as_deref(), region).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use provision_core::ExposeSecret;

    use super::*;

    const CREDENTIALS: &str = "# mine\n[default]\naws_access_key_id = AKIDDEFAULT\naws_secret_access_key=default/secret=\n\n[work]\naws_access_key_id=AKIDWORK # ours\naws_secret_access_key=work-secret\naws_session_token=work-token\n";
    const CONFIG: &str = "[default]\nregion = eu-central-1\ns3 =\n  region = nested\n[profile work]\nregion=eu-west-3\n[profile sso]\nsso_session = corp\n";

    fn home() -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join(".aws")).unwrap();
        std::fs::write(home.path().join(".aws/credentials"), CREDENTIALS).unwrap();
        std::fs::write(home.path().join(".aws/config"), CONFIG).unwrap();
        home
    }

    fn read(settings: &Settings) -> Result<(String, String, Option<String>)> {
        let (credentials, region) = from_settings(settings)?;
        match credentials {
            Credentials::Keys(keys) => Ok((
                keys.access_key_id,
                keys.secret_access_key.expose_secret().to_owned(),
                region,
            )),
            #[cfg(feature = "aws-config")]
            Credentials::Chain { .. } => Ok(("chain".to_owned(), String::new(), region)),
        }
    }

    #[test]
    fn a_profile_gives_what_the_settings_lack() {
        let home = home();
        let at_home = Settings::new().with("home", home.path().to_str().unwrap());
        let (id, secret, region) = read(&at_home).unwrap();
        assert_eq!((id.as_str(), secret.as_str()), ("AKIDDEFAULT", "default/secret="));
        assert_eq!(region.as_deref(), Some("eu-central-1"));

        let (id, _, region) = read(&at_home.clone().with("profile", "work")).unwrap();
        assert_eq!((id.as_str(), region.as_deref()), ("AKIDWORK", Some("eu-west-3")));

        let keys = at_home
            .with("access-key-id", "AKIDSET")
            .with("secret-access-key", "set");
        let (id, _, region) = read(&keys).unwrap();
        assert_eq!((id.as_str(), region.as_deref()), ("AKIDSET", Some("eu-central-1")));
        assert_eq!(
            read(&keys.with("region", "us-west-2")).unwrap().2,
            None,
            "no file is needed"
        );
    }

    #[cfg(not(feature = "aws-config"))]
    #[test]
    fn missing_keys_are_explained() {
        let home = home();
        let at_home = Settings::new().with("home", home.path().to_str().unwrap());
        for (settings, expected) in [
            (Settings::new(), "AWS_ACCESS_KEY_ID"),
            (at_home.clone().with("profile", "none"), "profile `none`"),
            (at_home.with("profile", "sso"), "feature `aws-config`"),
        ] {
            let error = read(&settings).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unauthorized);
            assert!(error.to_string().contains(expected), "{error}");
        }
    }

    #[test]
    fn half_a_key_and_a_named_file_that_is_not_there_are_refused() {
        let error = read(&Settings::new().with("access-key-id", "AKID")).unwrap_err();
        assert!(error.to_string().contains("AWS_SECRET_ACCESS_KEY"), "{error}");
        let error = read(&Settings::new().with("credentials-file", "/nonexistent/file")).unwrap_err();
        assert!(error.to_string().contains("`credentials-file`"), "{error}");
    }
}
