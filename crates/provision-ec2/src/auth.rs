use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use provision_core::{Error, ErrorKind, Result, SecretString, Settings};
use provision_http::{Transport, read_file_of};

use crate::info::INFO;

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
        /// Profile of the shared files; `None` for the default one.
        profile: Option<String>,
        /// The config file, where it is not the usual one.
        config_file: Option<PathBuf>,
        /// The credentials file, where it is not the usual one.
        credentials_file: Option<PathBuf>,
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
    if settings.are_from_strangers() {
        // Neither this machine's files nor its own role.
        let keys = keys.ok_or_else(|| {
            let needed = settings.require(&INFO, "access-key-id");
            needed.err().unwrap_or_else(missing_keys)
        })?;
        return Ok((Credentials::Keys(keys), None));
    }
    if let (Some(keys), true) = (&keys, settings.get("region").is_some()) {
        return Ok((Credentials::Keys(keys.clone()), None));
    }
    let profile = Profile::read(settings, keys.is_none())?;
    let credentials = match keys.or_else(|| profile.keys()) {
        Some(keys) => Credentials::Keys(keys),
        #[cfg(feature = "aws-config")]
        None => Credentials::Chain {
            profile: settings.get("profile").map(str::to_owned),
            config_file: settings.get("config-file").map(PathBuf::from),
            credentials_file: settings.get("credentials-file").map(PathBuf::from),
        },
        #[cfg(not(feature = "aws-config"))]
        None => return Err(profile.explain_missing(settings)),
    };
    Ok((credentials, profile.0.get("region").cloned()))
}

fn missing_keys() -> Error {
    Error::new(ErrorKind::Unauthorized, "AWS EC2 needs an access key").with_provider(INFO.id)
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
        Error::new(ErrorKind::Unauthorized, message).with_provider(INFO.id)
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
    let cannot = |why: String| {
        let path = path.display();
        Error::invalid(format!("cannot read {path} ({why}): correct the setting `{setting}`")).with_provider(INFO.id)
    };
    match read_file_of(settings, &path) {
        Ok(bytes) => String::from_utf8(bytes)
            .map(Some)
            .map_err(|_| cannot("it is no text".to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !named => Ok(None),
        Err(error) => Err(cannot(error.to_string())),
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
            chain @ Credentials::Chain { .. } => self.chain.keys(chain, region).await,
        }
    }
}

/// AWS's own chain of providers. Its requests go over the same transport as all others, so that there is one HTTP stack.
#[cfg(feature = "aws-config")]
mod chain {
    use std::{
        sync::{Arc, Mutex, PoisonError},
        time::{Duration, SystemTime},
    };

    use aws_config::{BehaviorVersion, Region};
    use aws_credential_types::provider::{ProvideCredentials as _, error::CredentialsError};
    use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
    use aws_smithy_runtime_api::{
        client::{
            http::{
                HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
                SharedHttpConnector,
            },
            orchestrator::{HttpRequest, HttpResponse},
            result::ConnectorError,
            runtime_components::RuntimeComponents,
        },
        http::StatusCode,
    };
    use aws_smithy_types::body::SdkBody;
    use provision_core::{Error, ErrorKind, Result, SecretString};
    use provision_http::{Request, Transport, TransportError};

    use super::{Credentials, Keys};
    use crate::info::INFO;

    /// How long before their end credentials are fetched anew.
    const MARGIN: Duration = Duration::from_secs(300);
    /// The longest that a request of the chain may take.
    const TIMEOUT: Duration = Duration::from_secs(5);

    /// Fetches credentials when they are first needed and again before they end.
    #[derive(Debug)]
    pub(super) struct Chain {
        transport: Arc<dyn Transport>,
        /// The keys and their end, if they have one.
        known: Mutex<Option<(Keys, Option<SystemTime>)>>,
    }

    impl Chain {
        pub(super) fn new(transport: Arc<dyn Transport>) -> Self {
            Self {
                transport,
                known: Mutex::new(None),
            }
        }

        pub(super) async fn keys(&self, wanted: &Credentials, region: &str) -> Result<Keys> {
            let soon = SystemTime::now() + MARGIN;
            if let Some((keys, end)) = &*self.known.lock().unwrap_or_else(PoisonError::into_inner)
                && end.is_none_or(|end| soon < end)
            {
                return Ok(keys.clone());
            }
            let mut loader = aws_config::defaults(BehaviorVersion::latest())
                .http_client(SharedHttpClient::new(Bridge(self.transport.clone())))
                .region(Region::new(region.to_owned()));
            if let Credentials::Chain {
                profile,
                config_file,
                credentials_file,
            } = wanted
            {
                if let Some(profile) = profile {
                    loader = loader.profile_name(profile);
                }
                let mut files = EnvConfigFiles::builder();
                for (kind, file) in [
                    (EnvConfigFileKind::Config, config_file),
                    (EnvConfigFileKind::Credentials, credentials_file),
                ] {
                    files = match (kind, file) {
                        (kind, Some(file)) => files.with_file(kind, file),
                        (EnvConfigFileKind::Config, None) => files.include_default_config_file(true),
                        (_, None) => files.include_default_credentials_file(true),
                    };
                }
                loader = loader.profile_files(files.build());
            }
            let config = loader.load().await;
            let provider = config.credentials_provider().ok_or_else(none)?;
            let found = provider.provide_credentials().await.map_err(|error| match &error {
                CredentialsError::CredentialsNotLoaded(_) => none(),
                // The text of an inner error may hold an answer: only its kind is told.
                _ => Error::new(
                    ErrorKind::Unauthorized,
                    format!("the AWS credential chain failed: {error}"),
                )
                .with_provider(INFO.id),
            })?;
            let keys = Keys {
                access_key_id: found.access_key_id().to_owned(),
                secret_access_key: SecretString::from(found.secret_access_key()),
                session_token: found.session_token().map(SecretString::from),
            };
            *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some((keys.clone(), found.expiry()));
            Ok(keys)
        }
    }

    fn none() -> Error {
        let message = "AWS EC2 needs credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or log in with `aws sso login`";
        Error::new(ErrorKind::Unauthorized, message).with_provider(INFO.id)
    }

    /// AWS's HTTP client over our transport.
    #[derive(Debug, Clone)]
    struct Bridge(Arc<dyn Transport>);

    impl HttpClient for Bridge {
        fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
            SharedHttpConnector::new(self.clone())
        }
    }

    impl HttpConnector for Bridge {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            let transport = self.0.clone();
            HttpConnectorFuture::new(async move {
                let request = convert(request)?;
                let answer = transport.send(&request, TIMEOUT).await.map_err(|error| match error {
                    TransportError::Timeout => ConnectorError::timeout(error.into()),
                    _ => ConnectorError::io(error.into()),
                })?;
                let status =
                    StatusCode::try_from(answer.status.as_u16()).map_err(|error| ConnectorError::user(error.into()))?;
                let mut response = HttpResponse::new(status, SdkBody::from(answer.body));
                for (name, value) in &answer.headers {
                    if let Ok(value) = value.to_str() {
                        response
                            .headers_mut()
                            .append(name.as_str().to_owned(), value.to_owned());
                    }
                }
                Ok(response)
            })
        }
    }

    fn convert(request: HttpRequest) -> std::result::Result<Request, ConnectorError> {
        let request = request
            .try_into_http1x()
            .map_err(|error| ConnectorError::user(error.into()))?;
        let (head, body) = request.into_parts();
        let url = head
            .uri
            .to_string()
            .parse()
            .map_err(|_| ConnectorError::user("not a URL".into()))?;
        let body = body.bytes().map(<[u8]>::to_vec).unwrap_or_default();
        Ok(Request::new("get credentials", head.method, url)
            .body("", body)
            .header_map(head.headers))
    }
}

#[cfg(test)]
mod tests;
