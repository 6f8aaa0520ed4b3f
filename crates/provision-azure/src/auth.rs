//! Tokens by client credentials, and the password that a machine must have. Sources:
//! <https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow>,
//! <https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes> (read 2026-11).

use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use provision_core::{Error, ErrorKind, ExposeSecret, SecretString, async_trait};
use provision_http::{
    Authorize, Client, Endpoint, Failure, Request, Retry, Subject, Vendor, VendorError, kind_of_status,
};
use serde::{Deserialize, Deserializer};

use crate::info::INFO;

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

    /// Sees to it that there is a token, so that what is then sent side by side does not ask for one each.
    pub(crate) async fn ready(&self) -> provision_core::Result<()> {
        match self.cached() {
            Some(_) => Ok(()),
            None => self.fetch().await.map(|_| ()),
        }
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
        .about(Subject::Other)
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
pub(crate) const LOGIN: Vendor =
    Vendor::new("azure", "Microsoft Entra", classify).with_request_id_headers(&["x-ms-request-id"]);

/// "The server terminated an operation because it encountered a client request loop": too many requests for tokens. It comes
/// as a refusal of the grant.
const CLIENT_LOOP: u64 = 50_196;

#[derive(Deserialize)]
struct Refusal {
    error: String,
    error_description: Option<String>,
    error_codes: Option<Vec<u64>>,
}

/// UNCONFIRMED beyond 401 `invalid_client`: every 400 about the application, tenant or grant counts as a bad credential.
fn classify(failure: &Failure<'_>) -> VendorError {
    let Some(refusal) = failure.json::<Refusal>() else {
        return failure.by_status();
    };
    let numbers = refusal.error_codes.unwrap_or_default();
    let kind = match (failure.status, refusal.error.as_str()) {
        _ if numbers.contains(&CLIENT_LOOP) => ErrorKind::RateLimited,
        (429, _) => ErrorKind::RateLimited,
        (_, "temporarily_unavailable") => ErrorKind::Unavailable,
        (_, "invalid_scope" | "invalid_resource") => ErrorKind::InvalidRequest,
        (400 | 401 | 403, _) => ErrorKind::Unauthorized,
        (status, _) => kind_of_status(status),
    };
    // The lines below the first are trace ids and a time.
    let description = refusal.error_description.unwrap_or_default();
    let message = description.lines().next().unwrap_or_default();
    let code = match numbers.first() {
        Some(number) => format!("AADSTS{number}"),
        None => refusal.error,
    };
    let error = VendorError::new(kind, message).code(code);
    match kind {
        // Of whatever it is, not of a host.
        ErrorKind::NotFound => error.not_about_it(),
        _ => error,
    }
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    String::deserialize(deserializer).map(SecretString::from)
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
    use provision_http::http::Method;
    use provision_testkit::tables::classify;

    use super::*;

    fn refusal(word: &str, number: u64) -> String {
        format!(
            r#"{{"error":"{word}","error_description":"AADSTS{number}: why.\r\nTrace ID: 1","error_codes":[{number}]}}"#
        )
    }

    #[test]
    fn every_refusal_of_the_token_service_has_its_kind() {
        let table = [
            (401, "invalid_client", 7_000_215, ErrorKind::Unauthorized),
            (400, "unauthorized_client", 700_016, ErrorKind::Unauthorized),
            (400, "invalid_request", 90_002, ErrorKind::Unauthorized),
            (400, "invalid_scope", 70_011, ErrorKind::InvalidRequest),
            (429, "invalid_grant", 50_196, ErrorKind::RateLimited),
            (400, "invalid_grant", 50_196, ErrorKind::RateLimited),
            (503, "temporarily_unavailable", 90_033, ErrorKind::Unavailable),
            (500, "server_error", 0, ErrorKind::Unavailable),
        ];
        for (status, word, number, kind) in table {
            let error = classify_post(status, &refusal(word, number));
            assert_eq!(error.kind, kind, "{status} {word}");
            assert_eq!(error.message, format!("AADSTS{number}: why."));
            assert_eq!(error.code.unwrap(), format!("AADSTS{number}"));
        }
        let without_more = r#"{"error":"invalid_client","error_description":null,"error_codes":null}"#;
        assert_eq!(classify_post(401, without_more).code.as_deref(), Some("invalid_client"));
    }

    #[test]
    fn no_404_is_a_word_about_a_host() {
        for body in [refusal("invalid_request", 900_023).as_str(), "<html>", ""] {
            for status in [404, 410] {
                assert!(classify_post(status, body).foreign, "{status} {body}");
            }
        }
    }

    fn classify_post(status: u16, body: &str) -> VendorError {
        classify(&LOGIN, &Method::POST, Subject::Other, status, body)
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
