//! Credentials: a self-signed token or a token exchange for service accounts
//! (<https://developers.google.com/identity/protocols/oauth2/service-account>), the refresh token of a user, or a ready
//! access token.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use provision_core::{Error, ErrorKind, ExposeSecret, Result, SecretString, async_trait, unix_seconds};
use provision_http::{Authorize, Client, Endpoint, Request, Retry, Subject, Transport};
use ring::{rand::SystemRandom, rsa::KeyPair, signature::RSA_PKCS1_SHA256};
use rustls_pki_types::{PrivatePkcs8KeyDer, pem::PemObject as _};
use serde::{Deserialize, Serialize};

use crate::{error::TOKEN_VENDOR, info::INFO};

/// Where Google exchanges tokens, now and in older key files. With these a self-signed token does without the exchange.
const GOOGLE_TOKEN_URIS: [&str; 3] = [
    "https://oauth2.googleapis.com/token",
    "https://accounts.google.com/o/oauth2/token",
    "https://www.googleapis.com/oauth2/v4/token",
];
/// Audience of a self-signed token, whatever the endpoint.
const AUDIENCE: &str = "https://compute.googleapis.com/";
const SCOPE: &str = "https://www.googleapis.com/auth/compute";
const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// The longest that Google allows.
const LIFETIME: Duration = Duration::from_secs(3600);
/// A token is not used in its last minute.
const MARGIN: Duration = Duration::from_secs(60);
/// How far this machine's clock may run ahead of Google's.
const CLOCK_AHEAD: Duration = Duration::from_secs(10);

/// What requests are authorised with. `Debug` shows the kind alone.
#[derive(Clone)]
pub struct Credentials(Kind);

#[derive(Clone)]
enum Kind {
    AccessToken(SecretString),
    ServiceAccount(Arc<ServiceAccount>),
    AuthorizedUser(Arc<AuthorizedUser>),
}

struct ServiceAccount {
    email: String,
    key_id: String,
    key: KeyPair,
    project: Option<String>,
    /// `None` for Google's.
    exchange: Option<Endpoint>,
}

struct AuthorizedUser {
    client_id: String,
    client_secret: SecretString,
    refresh_token: SecretString,
    exchange: Endpoint,
}

/// Both kinds of file. <https://cloud.google.com/docs/authentication/application-default-credentials>
#[derive(Deserialize)]
struct File {
    #[serde(rename = "type")]
    kind: String,
    project_id: Option<String>,
    private_key_id: Option<String>,
    private_key: Option<String>,
    client_email: Option<String>,
    token_uri: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    refresh_token: Option<String>,
}

impl Credentials {
    /// A ready access token, used until Google refuses it.
    #[must_use]
    pub fn access_token(token: SecretString) -> Self {
        Self(Kind::AccessToken(token))
    }

    /// The key of a service account, or application default credentials of a user, as JSON. A `token_uri` that is plain
    /// http to another machine is refused unless `allow_http` is on.
    ///
    /// # Errors
    /// `Unauthorized` when it is neither, without repeating any of it; `Unsupported` for other kinds of credentials.
    pub fn from_json(text: &str, allow_http: bool) -> Result<Self> {
        if !text.trim_start().starts_with('{') {
            return Err(unusable(
                "it is not JSON; the path of a file goes into the setting `service-account-file`",
            ));
        }
        let file: File = serde_json::from_str(text).map_err(|error| {
            // The error's own text quotes the place, which is a secret.
            unusable(format!(
                "it is not JSON of the known form (line {}, column {})",
                error.line(),
                error.column()
            ))
        })?;
        let endpoint =
            |uri: &str| Endpoint::parse(uri, allow_http).map_err(|_| unusable("`token_uri` is not an https URL"));
        let uri = file.token_uri.as_deref().unwrap_or(GOOGLE_TOKEN_URIS[0]);
        match file.kind.as_str() {
            "service_account" => Ok(Self(Kind::ServiceAccount(Arc::new(ServiceAccount {
                email: file.client_email.ok_or_else(|| lacks("client_email"))?,
                key_id: file.private_key_id.ok_or_else(|| lacks("private_key_id"))?,
                key: key_pair(&file.private_key.ok_or_else(|| lacks("private_key"))?)?,
                project: file.project_id,
                exchange: match GOOGLE_TOKEN_URIS.contains(&uri) {
                    true => None,
                    false => Some(endpoint(uri)?),
                },
            })))),
            "authorized_user" => Ok(Self(Kind::AuthorizedUser(Arc::new(AuthorizedUser {
                client_id: file.client_id.ok_or_else(|| lacks("client_id"))?,
                client_secret: file.client_secret.ok_or_else(|| lacks("client_secret"))?.into(),
                refresh_token: file.refresh_token.ok_or_else(|| lacks("refresh_token"))?.into(),
                exchange: endpoint(uri)?,
            })))),
            _ => Err(Error::new(
                ErrorKind::Unsupported,
                "only credentials of type `service_account` or `authorized_user` are supported: for others give a token, \
                 for example of `gcloud auth print-access-token`, as setting `access-token`",
            )
            .with_provider(INFO.id)),
        }
    }

    /// Where tokens are got, unless that is Google or they need not be got at all.
    pub(crate) fn exchange_elsewhere(&self) -> Option<&str> {
        let exchange = match &self.0 {
            Kind::AccessToken(_) => None,
            Kind::ServiceAccount(account) => account.exchange.as_ref(),
            Kind::AuthorizedUser(user) => Some(&user.exchange),
        };
        exchange
            .map(Endpoint::as_str)
            .filter(|uri| !GOOGLE_TOKEN_URIS.contains(uri))
    }

    /// The project that the credentials belong to.
    pub(crate) fn project(&self) -> Option<&str> {
        match &self.0 {
            Kind::ServiceAccount(account) => account.project.as_deref(),
            Kind::AccessToken(_) | Kind::AuthorizedUser(_) => None,
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Kind::AccessToken(_) => "AccessToken",
            Kind::ServiceAccount(_) => "ServiceAccount",
            Kind::AuthorizedUser(_) => "AuthorizedUser",
        })
    }
}

fn key_pair(pem: &str) -> Result<KeyPair> {
    let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes())
        .map_err(|_| unusable("`private_key` is not a PEM text that starts with `-----BEGIN PRIVATE KEY-----`"))?;
    KeyPair::from_pkcs8(der.secret_pkcs8_der())
        .map_err(|_| unusable("`private_key` is not an RSA key of 2048 to 4096 bits"))
}

fn lacks(field: &str) -> Error {
    unusable(format!("it lacks the field `{field}`"))
}

fn unusable(why: impl fmt::Display) -> Error {
    let message = format!("the credentials cannot be used: {why}; make a new key file, or log in with gcloud again");
    Error::new(ErrorKind::Unauthorized, message).with_provider(INFO.id)
}

/// Adds the token to every request.
#[derive(Debug)]
pub(crate) struct Authorizer {
    credentials: Credentials,
    exchange: Client,
    /// Two requests at the same time may both fetch a token; the later one stays.
    cache: Mutex<Option<Token>>,
}

#[derive(Clone)]
struct Token {
    text: SecretString,
    until: SystemTime,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    expires_in: u64,
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    typ: &'static str,
    kid: &'a str,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'static str>,
    aud: &'a str,
    iat: u64,
    exp: u64,
}

impl Authorizer {
    pub(crate) fn new(credentials: Credentials, transport: Arc<dyn Transport>) -> Self {
        Self {
            credentials,
            exchange: Client::builder(TOKEN_VENDOR, transport).build(),
            cache: Mutex::new(None),
        }
    }

    async fn token(&self) -> Result<SecretString> {
        if let Kind::AccessToken(token) = &self.credentials.0 {
            return Ok(token.clone());
        }
        let now = SystemTime::now();
        let cached = self.cache.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(token) = cached.filter(|token| now < token.until) {
            return Ok(token.text);
        }
        let token = self.fetch(now).await?;
        *self.cache.lock().unwrap_or_else(PoisonError::into_inner) = Some(token.clone());
        Ok(token.text)
    }

    async fn fetch(&self, now: SystemTime) -> Result<Token> {
        match &self.credentials.0 {
            Kind::AccessToken(text) => Ok(expiring(text.clone(), now, LIFETIME)),
            Kind::ServiceAccount(account) => match &account.exchange {
                None => account.self_signed(now),
                Some(exchange) => {
                    let assertion = account.assertion(now, exchange.as_str())?;
                    let form = [("grant_type", GRANT_TYPE), ("assertion", assertion.as_str())];
                    self.exchange(exchange, form, &[&assertion], now).await
                }
            },
            Kind::AuthorizedUser(user) => {
                let (secret, refresh) = (user.client_secret.expose_secret(), user.refresh_token.expose_secret());
                let form = [
                    ("grant_type", "refresh_token"),
                    ("client_id", user.client_id.as_str()),
                    ("client_secret", secret),
                    ("refresh_token", refresh),
                ];
                self.exchange(&user.exchange, form, &[secret, refresh], now).await
            }
        }
    }

    async fn exchange<'a>(
        &self,
        endpoint: &Endpoint,
        form: impl IntoIterator<Item = (&'a str, &'a str)> + Send,
        secrets: &[&str],
        now: SystemTime,
    ) -> Result<Token> {
        // Fetching a token changes nothing, so that it may be repeated.
        let request = Request::post("fetch access token", endpoint.join([]))
            .about(Subject::Other)
            .form(form)
            .retry(Retry::Safe);
        let request = secrets.iter().fold(request, |request, secret| request.redact(secret));
        let answer = self.exchange.send(request).await?.json::<TokenAnswer>()?;
        Ok(expiring(
            answer.access_token.into(),
            now,
            Duration::from_secs(answer.expires_in),
        ))
    }
}

fn expiring(text: SecretString, from: SystemTime, lifetime: Duration) -> Token {
    let until = from.checked_add(lifetime.saturating_sub(MARGIN)).unwrap_or(from);
    Token { text, until }
}

impl ServiceAccount {
    fn self_signed(&self, now: SystemTime) -> Result<Token> {
        let issued = now.checked_sub(CLOCK_AHEAD).unwrap_or(now);
        let text = self.sign(&self.claims(issued, AUDIENCE, Some(&self.email), None))?;
        Ok(expiring(SecretString::from(text), issued, LIFETIME))
    }

    fn assertion(&self, now: SystemTime, audience: &str) -> Result<String> {
        let issued = now.checked_sub(CLOCK_AHEAD).unwrap_or(now);
        self.sign(&self.claims(issued, audience, None, Some(SCOPE)))
    }

    fn claims<'a>(
        &'a self,
        issued: SystemTime,
        aud: &'a str,
        sub: Option<&'a str>,
        scope: Option<&'static str>,
    ) -> Claims<'a> {
        let iat = unix_seconds(issued);
        let exp = iat.saturating_add(LIFETIME.as_secs());
        let iss = &self.email;
        Claims {
            iss,
            sub,
            scope,
            aud,
            iat,
            exp,
        }
    }

    /// A JSON Web Token (RFC 7519) signed with RS256 (RFC 7518, section 3.3).
    fn sign(&self, claims: &Claims<'_>) -> Result<String> {
        let failed = || {
            Error::new(ErrorKind::Unauthorized, "the private key cannot sign: make a new one").with_provider(INFO.id)
        };
        let header = Header {
            alg: "RS256",
            typ: "JWT",
            kid: &self.key_id,
        };
        let part =
            |json: serde_json::Result<Vec<u8>>| json.map(|json| URL_SAFE_NO_PAD.encode(json)).map_err(|_| failed());
        let text = format!(
            "{}.{}",
            part(serde_json::to_vec(&header))?,
            part(serde_json::to_vec(claims))?
        );
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature)
            .map_err(|_| failed())?;
        Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

#[async_trait]
impl Authorize for Authorizer {
    async fn authorize(&self, request: &mut Request) -> Result<()> {
        let token = self.token().await?;
        request.set_secret_header("authorization", &format!("Bearer {}", token.expose_secret()))?;
        // An answer may quote the token without the word before it.
        *request = request.clone().redact(token.expose_secret());
        Ok(())
    }
}
