mod clouds_yaml;

use provision_core::{Error, ErrorKind, Result, SecretString, Settings};
use provision_http::Endpoint;

use crate::{id, info::INFO};
use clouds_yaml::Entry;

/// Settings of the provider, checked.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// Whose hosts they are.
    pub credentials: Credentials,
    /// URL of the identity service; paths start with `/auth`.
    pub identity: Endpoint,
    /// Region for requests that name none.
    pub region: String,
    /// Which of the catalog's endpoints are used: `public`, `internal` or `admin`.
    pub interface: String,
    /// Whether the catalog's endpoints may be plain http on a host other than loopback.
    pub allow_http: bool,
}

/// How Keystone knows us: <https://docs.openstack.org/api-ref/identity/v3/#authentication-and-token-management>.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Credentials {
    /// A user with a password, for one project.
    Password {
        /// The user.
        user: Named,
        /// Its password.
        password: SecretString,
        /// The project that holds the hosts.
        project: Named,
    },
    /// What a user made for a program: it belongs to a project.
    ApplicationCredential {
        /// Its id; of one that is given by its name, whose it is as well.
        id: Named,
        /// Its user, for one that is given by its name.
        user: Option<Named>,
        /// Its secret.
        secret: SecretString,
    },
}

/// Something that is known by its id alone, or by its name within a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// By its id.
    Id(String),
    /// By its name, and its domain where it has one.
    Name(String, Option<Domain>),
}

/// A domain of Keystone's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Domain {
    /// By its id.
    Id(String),
    /// By its name.
    Name(String),
}

impl Config {
    /// Reads the settings, see [`INFO`], and the cloud in `clouds.yaml` that `profile` names.
    ///
    /// # Errors
    /// `Unauthorized` when a credential is missing; `InvalidRequest` for an unknown setting, a bad endpoint or region, or a
    /// file that cannot be read. Nothing of the file's content is repeated but names.
    pub fn from_settings(settings: &Settings) -> Result<Self> {
        settings.check_names(&INFO)?;
        let refused = |error: Error| error.with_provider(INFO.id);
        let file = clouds_yaml::read(settings).map_err(refused)?.unwrap_or_default();
        let given = Given { settings, file: &file };
        let allow_http = settings.flag(&INFO, "allow-http")?;
        let identity = given.require("endpoint").map_err(|error| match given.credentials() {
            Ok(_) => error,
            Err(also) => refused(Error::new(
                error.kind(),
                format!("{}; {}", error.message(), also.message()),
            )),
        })?;
        let region = given.text("region").unwrap_or(INFO.default_region.to_owned());
        id::region(&region).map_err(refused)?;
        let interface = given.text("interface").unwrap_or_else(|| "public".to_owned());
        // Older clients say `publicURL`.
        let interface = interface.trim_end_matches("URL").to_owned();
        if !["public", "internal", "admin"].contains(&interface.as_str()) {
            return Err(refused(Error::invalid(
                "setting `interface` must be `public`, `internal` or `admin`",
            )));
        }
        Ok(Self {
            credentials: given.credentials()?,
            identity: version_3(&identity, allow_http).map_err(refused)?,
            region,
            interface,
            allow_http,
        })
    }
}

/// Users name Keystone with its version and without.
fn version_3(url: &str, allow_http: bool) -> Result<Endpoint> {
    let bare = url.trim_end_matches('/');
    let bare = bare.strip_suffix("/v2.0").unwrap_or(bare);
    match bare.ends_with("/v3") {
        true => Endpoint::parse(bare, allow_http),
        false => Endpoint::parse(&format!("{bare}/v3"), allow_http),
    }
}

/// The settings, and behind them the cloud of a file.
struct Given<'a> {
    settings: &'a Settings,
    file: &'a Entry,
}

impl Given<'_> {
    fn text(&self, name: &str) -> Option<String> {
        self.settings
            .get(name)
            .map(str::to_owned)
            .or_else(|| self.file.text(name))
    }

    fn require(&self, name: &str) -> Result<String> {
        match self.text(name) {
            Some(text) => Ok(text),
            None => self.settings.require(&INFO, name).map(str::to_owned),
        }
    }

    fn secret(&self, name: &str) -> Result<SecretString> {
        match self.settings.secret(name).or_else(|| self.file.secret(name)) {
            Some(secret) => Ok(secret),
            None => self.settings.require_secret(&INFO, name),
        }
    }

    fn credentials(&self) -> Result<Credentials> {
        let (id, name) = (
            self.text("application-credential-id"),
            self.text("application-credential-name"),
        );
        if let Some(id) = id {
            return Ok(Credentials::ApplicationCredential {
                id: Named::Id(id),
                user: None,
                secret: self.secret("application-credential-secret")?,
            });
        }
        let Some(user) = self.named("user-id", "username", self.domain("user-domain")) else {
            // This machine's files and variables are not a stranger's.
            let profile = match self.settings.are_from_strangers() {
                true => "",
                false => ", or the name of a cloud in `clouds.yaml` (`profile`, environment: OS_CLOUD)",
            };
            return Err(Error::new(
                ErrorKind::Unauthorized,
                format!(
                    "OpenStack needs credentials: an application credential (`application-credential-id` and `application-credential-secret`), or a user (`username`, `password` and `project`){profile}"
                ),
            )
            .with_provider(INFO.id));
        };
        if let Some(name) = name {
            return Ok(Credentials::ApplicationCredential {
                id: Named::Name(name, None),
                user: Some(user),
                secret: self.secret("application-credential-secret")?,
            });
        }
        let domain = self.domain("project-domain").or_else(|| self.domain("user-domain"));
        let project = match self.named("project-id", "project", domain) {
            Some(project) => project,
            None => Named::Name(self.require("project")?, None),
        };
        Ok(Credentials::Password {
            user,
            password: self.secret("password")?,
            project,
        })
    }

    fn named(&self, id: &str, name: &str, domain: Option<Domain>) -> Option<Named> {
        if let Some(id) = self.text(id) {
            return Some(Named::Id(id));
        }
        let domain = domain.unwrap_or_else(|| Domain::Id("default".to_owned()));
        self.text(name).map(|name| Named::Name(name, Some(domain)))
    }

    fn domain(&self, name: &str) -> Option<Domain> {
        let id = self.text(&format!("{name}-id")).map(Domain::Id);
        id.or_else(|| self.text(name).map(Domain::Name))
    }
}

#[cfg(test)]
mod tests {
    use provision_core::{ExposeSecret, StrangerRules};

    use super::*;

    fn user() -> Settings {
        Settings::new()
            .with("endpoint", "https://keystone.example:5000")
            .with("username", "demo")
            .with("password", "hush-hush")
            .with("project", "web")
    }

    fn missing(settings: &Settings) -> String {
        let error = Config::from_settings(settings).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
        error.message().to_owned()
    }

    #[test]
    fn a_user_is_of_the_default_domain_and_its_project_of_the_user_s() {
        let Credentials::Password { user: who, project, .. } = Config::from_settings(&user()).unwrap().credentials
        else {
            unreachable!("a password");
        };
        let default = || Some(Domain::Id("default".into()));
        assert_eq!(who, Named::Name("demo".into(), default()));
        assert_eq!(project, Named::Name("web".into(), default()));
        let settings = user().with("user-domain", "staff").with("project-id", "17");
        let Credentials::Password { user: who, project, .. } = Config::from_settings(&settings).unwrap().credentials
        else {
            unreachable!("a password");
        };
        assert_eq!(who, Named::Name("demo".into(), Some(Domain::Name("staff".into()))));
        assert_eq!(project, Named::Id("17".into()));
        let settings = user().with("user-domain", "staff");
        let Credentials::Password { project, .. } = Config::from_settings(&settings).unwrap().credentials else {
            unreachable!("a password");
        };
        assert_eq!(project, Named::Name("web".into(), Some(Domain::Name("staff".into()))));
    }

    #[test]
    fn an_application_credential_needs_no_user_unless_it_is_named() {
        let settings = Settings::new()
            .with("endpoint", "https://keystone.example/identity/v3/")
            .with("application-credential-id", "4711")
            .with("application-credential-secret", "hush-hush");
        let config = Config::from_settings(&settings).unwrap();
        assert_eq!(config.identity.as_str(), "https://keystone.example/identity/v3");
        assert!(matches!(
            config.credentials,
            Credentials::ApplicationCredential { id: Named::Id(id), user: None, secret }
                if id == "4711" && secret.expose_secret() == "hush-hush"
        ));
        let by_name = settings
            .with("application-credential-id", "")
            .with("application-credential-name", "robot");
        assert!(missing(&by_name).contains("`username`"));
        let config = Config::from_settings(&by_name.with("username", "demo")).unwrap();
        assert!(matches!(
            config.credentials,
            Credentials::ApplicationCredential { user: Some(_), .. }
        ));
    }

    #[test]
    fn what_is_missing_is_named() {
        assert!(missing(&user().with("endpoint", "")).contains("OS_AUTH_URL"));
        let all = missing(&Settings::new());
        assert!(
            all.contains("OS_AUTH_URL") && all.contains("`application-credential-id`"),
            "{all}"
        );
        assert!(missing(&user().with("password", "")).contains("OS_PASSWORD"));
        assert!(missing(&user().with("project", "")).contains("OS_PROJECT_NAME"));
        assert!(missing(&user().with("username", "")).contains("OS_CLOUD"));
        for (name, value) in [
            ("interface", "secret"),
            ("region", "a/b"),
            ("endpoint", "http://keystone.example"),
        ] {
            let error = Config::from_settings(&user().with(name, value)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
        }
    }

    #[test]
    fn users_name_keystone_with_its_version_and_without() {
        for url in [
            "https://k.example",
            "https://k.example/",
            "https://k.example/v3",
            "https://k.example/v2.0/",
        ] {
            assert_eq!(version_3(url, false).unwrap().as_str(), "https://k.example/v3", "{url}");
        }
    }

    #[test]
    fn strangers_name_no_cloud_of_this_machine_s_files() {
        let rules = StrangerRules::new().with_endpoint("https://keystone.example/v3");
        for (name, value) in [
            ("profile", "ours"),
            ("config-file", "/etc/openstack/clouds.yaml"),
            ("home", "/root"),
        ] {
            let error = Settings::from_strangers(&INFO, &rules, [(name, value)]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{name}");
        }
        let theirs = [
            ("endpoint", "https://keystone.example/v3"),
            ("application-credential-id", "1"),
            ("application-credential-secret", "2"),
        ];
        let settings = Settings::from_strangers(&INFO, &rules, theirs).unwrap();
        assert!(Config::from_settings(&settings).is_ok());
    }
}
