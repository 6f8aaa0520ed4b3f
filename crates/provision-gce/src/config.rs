use std::path::{Path, PathBuf};

use provision_core::{Error, ErrorKind, ExposeSecret, Result, Settings};
use provision_http::{Endpoint, read_file_of};

use crate::{
    auth::Credentials,
    id::{check_zone, is_project},
    info::INFO,
};

/// Settings of the provider, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// What the requests are authorised with.
    pub credentials: Credentials,
    /// Id of the project.
    pub project: String,
    /// Zone of hosts that name none.
    pub zone: String,
    /// Base URL of the API; paths start with `/compute/v1`.
    pub endpoint: Endpoint,
}

impl Config {
    /// Reads the settings. Credentials come from the first of `access-token`, `service-account`, `service-account-file`
    /// and gcloud's application default credentials that is there.
    ///
    /// # Errors
    /// `Unauthorized` without usable credentials; `InvalidRequest` for an unknown setting, a bad endpoint, no project.
    pub fn from_settings(settings: &Settings) -> Result<Self> {
        settings.check_names(&INFO)?;
        let credentials = credentials(settings)?;
        let project = settings.get("project").or(credentials.project()).ok_or_else(|| {
            refused("no project is known: give the setting `project` (environment: GOOGLE_CLOUD_PROJECT)")
        })?;
        if !is_project(project) {
            return Err(refused(format!("project {project:?} is not the id of a project")));
        }
        let zone = settings.get("zone").unwrap_or(INFO.default_region);
        check_zone(zone).map_err(|error| error.with_provider(INFO.id))?;
        Ok(Self {
            project: project.to_owned(),
            zone: zone.to_owned(),
            endpoint: Endpoint::from_settings(&INFO, settings, "https://compute.googleapis.com")?,
            credentials,
        })
    }
}

fn credentials(settings: &Settings) -> Result<Credentials> {
    if let Some(token) = settings.secret("access-token") {
        return Ok(Credentials::access_token(token));
    }
    // The text alone, never a path: whoever may choose the credentials must not thereby read this machine's files.
    if let Some(key) = settings.secret("service-account") {
        return from_json(settings, key.expose_secret());
    }
    if let Some(path) = settings.get("service-account-file") {
        // The path is not shown: it may be a key that was put into the wrong setting.
        let cannot = |why: String| {
            unusable(format!(
                "the file that setting `service-account-file` names cannot be read: {why}"
            ))
        };
        let bytes = read_file_of(settings, path).map_err(|error| cannot(error.to_string()))?;
        let text = String::from_utf8(bytes).map_err(|_| cannot("it is no text".to_owned()))?;
        return from_json(settings, &text);
    }
    // https://cloud.google.com/docs/authentication/application-default-credentials#personal
    let folder = match (settings.get("gcloud-config"), settings.get("home")) {
        (Some(folder), _) => Some(PathBuf::from(folder)),
        (None, Some(home)) => Some(Path::new(home).join(".config").join("gcloud")),
        (None, None) => None,
    };
    if let Some(text) = folder
        .map(|folder| folder.join("application_default_credentials.json"))
        .and_then(|path| String::from_utf8(read_file_of(settings, path).ok()?).ok())
    {
        return from_json(settings, &text);
    }
    if settings.are_from_strangers() {
        return Err(unusable(
            "Google Compute Engine needs credentials: the setting `service-account` or `access-token`",
        ));
    }
    Err(unusable(
        "Google Compute Engine needs credentials: the setting `service-account` (environment: GOOGLE_CREDENTIALS), \
         `service-account-file` (GOOGLE_APPLICATION_CREDENTIALS), `access-token` (GOOGLE_OAUTH_ACCESS_TOKEN), or \
         `gcloud auth application-default login`",
    ))
}

/// A key names the service that its assertions go to. Away from Google's that counts only together with an endpoint, so that
/// whoever may choose the credentials alone cannot send requests of this machine elsewhere.
fn from_json(settings: &Settings, text: &str) -> Result<Credentials> {
    let credentials = Credentials::from_json(text, settings.flag(&INFO, "allow-http")?)?;
    let Some(elsewhere) = credentials.exchange_elsewhere() else {
        return Ok(credentials);
    };
    if !settings.may_lead_to(elsewhere) {
        return Err(unusable("the `token_uri` of the credentials is not Google's"));
    }
    match settings.get("endpoint") {
        Some(_) => Ok(credentials),
        None => Err(unusable(
            "the `token_uri` of the credentials is not Google's: give the setting `endpoint`, too, if both lead elsewhere",
        )),
    }
}

fn unusable(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Unauthorized, message).with_provider(INFO.id)
}

fn refused(message: impl Into<String>) -> Error {
    Error::invalid(message).with_provider(INFO.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: &str = r#"{"type":"authorized_user","client_id":"c","client_secret":"s","refresh_token":"r"}"#;

    #[test]
    fn the_first_credentials_in_order_are_used() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join(".config/gcloud")).unwrap();
        let file = folder
            .path()
            .join(".config/gcloud/application_default_credentials.json");
        std::fs::write(&file, USER).unwrap();
        let home = Settings::new()
            .with("home", folder.path().to_str().unwrap())
            .with("project", "p1");
        let read = |settings: &Settings| format!("{:?}", Config::from_settings(settings).unwrap().credentials);
        assert_eq!(read(&home), "AuthorizedUser");
        assert_eq!(read(&home.clone().with("access-token", "t")), "AccessToken");
        let by_path = Settings::new()
            .with("project", "p1")
            .with("service-account-file", file.to_str().unwrap());
        assert_eq!(read(&by_path), "AuthorizedUser");
        let absent = Settings::new().with("service-account-file", "/no/such/file-s3cret");
        let error = Config::from_settings(&absent).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthorized);
        assert!(!error.to_string().contains("s3cret"), "{error}");
        let none = Config::from_settings(&Settings::new().with("home", "/no/such/folder")).unwrap_err();
        assert!(none.to_string().contains("GOOGLE_CREDENTIALS"), "{none}");
        let no_project = Config::from_settings(&Settings::new().with("access-token", "t")).unwrap_err();
        assert!(no_project.to_string().contains("GOOGLE_CLOUD_PROJECT"), "{no_project}");
    }

    #[test]
    fn credentials_alone_read_no_file_and_lead_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("operators-own.json");
        std::fs::write(&file, USER).unwrap();
        let path = Settings::new()
            .with("project", "p1")
            .with("service-account", file.to_str().unwrap());
        let error = Config::from_settings(&path).unwrap_err();
        assert!(error.to_string().contains("`service-account-file`"), "{error}");

        let elsewhere = USER.replace('}', r#","token_uri":"https://10.0.0.1/token"}"#);
        let elsewhere = Settings::new().with("project", "p1").with("service-account", elsewhere);
        let error = Config::from_settings(&elsewhere).unwrap_err();
        assert!(error.to_string().contains("`token_uri`"), "{error}");
        Config::from_settings(&elsewhere.with("endpoint", "https://10.0.0.1")).unwrap();
    }
}
