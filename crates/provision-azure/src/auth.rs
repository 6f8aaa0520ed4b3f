//! Tokens by client credentials, and the credential file of the old SDKs. Sources:
//! <https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow>,
//! <https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes> (read 2026-11).

use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use provision_core::{Error, ErrorKind, ExposeSecret, SecretString, async_trait};
use provision_http::{Authorize, Client, Endpoint, Failure, Request, Retry, Vendor, VendorError, kind_of_status};
use serde::{Deserialize, Deserializer};

use crate::config::INFO;

/// Fetches access tokens for a service principal and keeps them until a minute before they expire.
pub(crate) struct TokenSource {
    client: Client,
    request: Request,
    cached: Mutex<Option<(SecretString, Instant)>>,
}

impl TokenSource {
    /// How long before its end a token is no longer used.
    const MARGIN: Duration = Duration::from_secs(60);

    pub(crate) fn new(client: Client, request: Request) -> Self {
        Self {
            client,
            request,
            cached: Mutex::new(None),
        }
    }

    /// Drops the token, and says whether there was one. A suspended machine keeps a token for too long, as its clock of
    /// uptime stands still.
    pub(crate) fn forget(&self) -> bool {
        self.cached
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
            .is_some()
    }

    fn cached(&self) -> Option<SecretString> {
        let cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        let (token, until) = cached.as_ref()?;
        (Instant::now() < *until).then(|| token.clone())
    }

    async fn fetch(&self) -> provision_core::Result<SecretString> {
        let asked = Instant::now();
        let token: Token = self.client.send(self.request.clone()).await?.json()?;
        let lasts = token.expires_in.seconds().saturating_sub(Self::MARGIN);
        if let Some(until) = asked.checked_add(lasts) {
            *self.cached.lock().unwrap_or_else(PoisonError::into_inner) = Some((token.access_token.clone(), until));
        }
        Ok(token.access_token)
    }
}

#[async_trait]
impl Authorize for TokenSource {
    async fn authorize(&self, request: &mut Request) -> provision_core::Result<()> {
        let token = match self.cached() {
            Some(token) => token,
            None => self.fetch().await?,
        };
        let token = token.expose_secret();
        *request = request.clone().redact(token);
        request.set_secret_header("authorization", &format!("Bearer {token}"))
    }
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSource")
            .field("url", &self.request.url().as_str())
            .finish_non_exhaustive()
    }
}

/// The request for a token. Asking twice changes nothing.
pub(crate) fn token_request(
    login: &Endpoint,
    tenant: &str,
    client_id: &str,
    secret: &SecretString,
    scope: &str,
) -> Request {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", client_id),
        ("client_secret", secret.expose_secret()),
        ("scope", scope),
    ];
    Request::post("get access token", login.join([tenant, "oauth2", "v2.0", "token"]))
        .form(form)
        .redact(secret.expose_secret())
        .retry(Retry::Safe)
}

#[derive(Deserialize)]
struct Token {
    #[serde(deserialize_with = "secret")]
    access_token: SecretString,
    expires_in: Seconds,
}

/// A number in version 2 of the token service, a text in version 1.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(u64),
    Text(String),
}

impl Seconds {
    fn seconds(&self) -> Duration {
        Duration::from_secs(match self {
            Self::Number(seconds) => *seconds,
            Self::Text(text) => text.parse().unwrap_or_default(),
        })
    }
}

/// How the token service reports errors.
pub(crate) const LOGIN: Vendor = Vendor {
    provider: "azure",
    title: "Azure",
    request_id_headers: &["x-ms-request-id"],
    rate_limit_reset_header: None,
    classify,
};

#[derive(Deserialize)]
struct Refusal {
    error: String,
    #[serde(default)]
    error_description: String,
    #[serde(default)]
    error_codes: Vec<u64>,
}

/// UNCONFIRMED beyond 401 `invalid_client`: every 400 about the application, tenant or grant counts as a bad credential.
fn classify(failure: &Failure<'_>) -> VendorError {
    let Some(refusal) = failure.json::<Refusal>() else {
        return failure.by_status();
    };
    let kind = match (failure.status, refusal.error.as_str()) {
        (429, _) => ErrorKind::RateLimited,
        (_, "temporarily_unavailable") => ErrorKind::Unavailable,
        (_, "invalid_scope" | "invalid_resource") => ErrorKind::InvalidRequest,
        (400 | 401 | 403, _) => ErrorKind::Unauthorized,
        (status, _) => kind_of_status(status),
    };
    // The lines below the first are trace ids and a time.
    let message = refusal.error_description.lines().next().unwrap_or_default();
    let code = match refusal.error_codes.first() {
        Some(number) => format!("AADSTS{number}"),
        None => refusal.error,
    };
    VendorError::new(kind, message).code(code)
}

/// What `az ad sp create-for-rbac --sdk-auth` writes, as far as it is used.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuthFile {
    pub(crate) client_id: Option<String>,
    #[serde(default, deserialize_with = "optional_secret")]
    pub(crate) client_secret: Option<SecretString>,
    pub(crate) tenant_id: Option<String>,
    pub(crate) subscription_id: Option<String>,
    #[serde(rename = "activeDirectoryEndpointUrl")]
    pub(crate) active_directory_url: Option<String>,
    #[serde(rename = "resourceManagerEndpointUrl")]
    pub(crate) resource_manager_url: Option<String>,
}

impl AuthFile {
    /// Reads the file at `path`; see [`parse`](Self::parse).
    pub(crate) fn read(path: &str) -> provision_core::Result<Self> {
        let bytes = std::fs::read(path).map_err(|error| {
            Error::invalid(format!(
                "cannot read the file {path:?} that `auth-file` names: {}",
                error.kind()
            ))
        })?;
        Self::parse(&bytes)
            .ok_or_else(|| Error::invalid(format!("the file {path:?} that `auth-file` names is not a credential file: write it anew with `az ad sp create-for-rbac --sdk-auth` (its content is not shown, as it is secret)")))
    }

    /// Reads JSON in UTF-8, with or without a byte order mark, or in UTF-16 with one, as PowerShell writes it. `None`
    /// says no more, because the parser's words quote the content.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
            let (units, rest) = bytes.as_chunks::<2>();
            let units = units.iter().map(|pair| unit(*pair));
            let text = char::decode_utf16(units).collect::<Result<String, _>>().ok();
            text.filter(|_| rest.is_empty())
        };
        let text = match bytes {
            [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes)?,
            [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes)?,
            [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8(rest.to_vec()).ok()?,
            other => String::from_utf8(other.to_vec()).ok()?,
        };
        serde_json::from_str(&text).ok()
    }
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    String::deserialize(deserializer).map(SecretString::from)
}

fn optional_secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretString>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(SecretString::from))
}

/// A password that nobody knows: Azure wants one for a machine without SSH keys. 32 random characters, and one of each
/// class that the rules ask for
/// (<https://learn.microsoft.com/en-us/azure/virtual-machines/linux/faq#what-are-the-password-requirements-when-creating-a-vm->).
pub(crate) fn throw_away_password() -> provision_core::Result<SecretString> {
    use ring::rand::{SecureRandom, SystemRandom};
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut bytes = [0_u8; 32];
    SystemRandom::new().fill(&mut bytes).map_err(|_| {
        Error::new(
            ErrorKind::Unavailable,
            "the system gives no random numbers for the machine's password",
        )
        .with_provider(INFO.id)
    })?;
    let letter = |byte: &u8| LETTERS.get(usize::from(byte % 64)).map(|letter| char::from(*letter));
    let password: String = bytes.iter().filter_map(letter).chain("aA1-".chars()).collect();
    Ok(SecretString::from(password))
}

#[cfg(test)]
mod tests {
    use provision_http::http::HeaderMap;

    use super::*;

    const FILE: &str = r#"{"clientId":"app","clientSecret":"hüsh-hush","subscriptionId":"sub","tenantId":"ten",
        "activeDirectoryEndpointUrl":"https://login.example","resourceManagerEndpointUrl":"https://arm.example/",
        "galleryEndpointUrl":"https://gallery.example"}"#;

    #[test]
    fn the_auth_file_is_read_in_every_encoding_that_tools_write() {
        let le: Vec<u8> = FILE.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let be: Vec<u8> = FILE.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let files = [
            FILE.as_bytes().to_vec(),
            [b"\xef\xbb\xbf", FILE.as_bytes()].concat(),
            [&b"\xff\xfe"[..], &le].concat(),
            [&b"\xfe\xff"[..], &be].concat(),
        ];
        for file in files {
            let read = AuthFile::parse(&file).unwrap();
            assert_eq!(read.client_secret.unwrap().expose_secret(), "hüsh-hush");
            assert_eq!(read.client_id.unwrap(), "app");
            assert_eq!(read.active_directory_url.unwrap(), "https://login.example");
            assert_eq!(read.resource_manager_url.unwrap(), "https://arm.example/");
        }
        assert!(AuthFile::parse(&[0xff, 0xfe, b'{']).is_none(), "half a character");
    }

    #[test]
    fn a_broken_auth_file_is_named_but_not_shown() {
        let path = std::env::temp_dir().join(format!("provision-azure-auth-{}", std::process::id()));
        std::fs::write(&path, r#"{"clientSecret": "hush-hush", oops}"#).unwrap();
        let error = AuthFile::read(path.to_str().unwrap()).unwrap_err();
        std::fs::remove_file(&path).unwrap();
        let text = format!("{error} {error:?}");
        assert!(
            text.contains("auth-file") && !text.contains("hush-hush") && !text.contains("oops"),
            "{text}"
        );
        assert!(
            AuthFile::read("/does/not/exist")
                .unwrap_err()
                .message()
                .contains("/does/not/exist")
        );
    }

    #[test]
    fn every_refusal_of_the_token_service_has_its_kind() {
        let table = [
            (401, "invalid_client", 7_000_215, ErrorKind::Unauthorized),
            (400, "unauthorized_client", 700_016, ErrorKind::Unauthorized),
            (400, "invalid_request", 90_002, ErrorKind::Unauthorized),
            (400, "invalid_scope", 70_011, ErrorKind::InvalidRequest),
            (429, "invalid_grant", 50_196, ErrorKind::RateLimited),
            (503, "temporarily_unavailable", 90_033, ErrorKind::Unavailable),
            (500, "server_error", 0, ErrorKind::Unavailable),
        ];
        for (status, word, number, kind) in table {
            let body = format!(
                r#"{{"error":"{word}","error_description":"AADSTS{number}: why.\r\nTrace ID: 1","error_codes":[{number}]}}"#
            );
            let failure = Failure {
                operation: "get access token",
                subject: provision_http::Subject::Host,
                method: &provision_http::http::Method::GET,
                status,
                headers: &HeaderMap::new(),
                body: body.as_bytes(),
            };
            let error = classify(&failure);
            assert_eq!(error.kind, kind, "{status} {word}");
            assert_eq!(error.message, format!("AADSTS{number}: why."));
            assert_eq!(error.code.unwrap(), format!("AADSTS{number}"));
        }
    }

    #[test]
    fn the_password_meets_the_rules_and_never_repeats() {
        let (first, second) = (throw_away_password().unwrap(), throw_away_password().unwrap());
        let text = first.expose_secret();
        assert_eq!(text.len(), 36);
        assert!(text.contains(|c: char| c.is_ascii_uppercase()) && text.contains(|c: char| c.is_ascii_lowercase()));
        assert!(text.contains(|c: char| c.is_ascii_digit()) && text.contains('-'));
        assert_ne!(text, second.expose_secret());
    }
}
