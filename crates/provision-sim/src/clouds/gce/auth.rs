//! Tokens: the exchange of a signed assertion for an access token, self-signed tokens, and ready ones. Signatures are
//! checked with the key of the simulated account, times against this machine's clock, as the clients' clocks go by it.
//!
//! Facts from <https://developers.google.com/identity/protocols/oauth2/service-account>; wording of the refusals
//! UNCONFIRMED.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::{
    Engine as _,
    engine::{
        DecodePaddingMode,
        general_purpose::{GeneralPurpose, GeneralPurposeConfig},
    },
};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    ID,
    account::{EMAIL, KEY_ID, PUBLIC_KEY},
};
use crate::{
    call::Call,
    cloud::Handled,
    kit::{
        access::{Access, token_access},
        answer::Answer,
        text::sha256,
    },
};

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const AUDIENCE: &str = "https://compute.googleapis.com/";
/// Lifetime of a token, seconds.
const LIFETIME: u64 = 3_600;
/// How far clocks may differ, seconds.
const SKEW: u64 = 300;
/// Makes access tokens that only this simulator can have issued.
const SALT: &str = "provision-sim-gce";
/// The parts of a JWT. yup-oauth2 pads them, against RFC 7515, and is in use with Google.
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
/// The refresh token of the simulated account's owner.
const REFRESH_TOKEN: &str = "sim-refresh-token-gce";

#[derive(Deserialize)]
struct Header {
    alg: String,
    typ: Option<String>,
    kid: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: Option<String>,
    aud: Option<String>,
    scope: Option<String>,
    iat: u64,
    exp: u64,
}

/// What the `Authorization` header of a request allows.
pub(super) fn access(call: &Call<'_>) -> Access {
    let Some(token) = call.bearer() else {
        return Access::None;
    };
    if let Some(rest) = token.strip_prefix("ya29.sim-") {
        return issued_access(rest);
    }
    if token.matches('.').count() == 2 {
        return self_signed_access(token);
    }
    token_access(Some(token), ID)
}

/// Tokens carry their end and what they allow, so that nothing has to be remembered.
fn issue(access: Access) -> String {
    let rights = if access == Access::Full { "full" } else { "read" };
    let until = now() + LIFETIME;
    format!("ya29.sim-{until}-{rights}-{}", seal(until, rights))
}

fn seal(until: u64, rights: &str) -> String {
    sha256(format!("{SALT} {until} {rights}"))
}

fn issued_access(text: &str) -> Access {
    let mut parts = text.splitn(3, '-');
    let (until, rights, digest) = (parts.next(), parts.next(), parts.next());
    let until: u64 = until.and_then(|until| until.parse().ok()).unwrap_or_default();
    let rights = rights.unwrap_or_default();
    if until < now() || digest != Some(seal(until, rights).as_str()) {
        return Access::None;
    }
    if rights == "full" {
        Access::Full
    } else {
        Access::ReadOnly
    }
}

fn self_signed_access(token: &str) -> Access {
    let Ok(claims) = verify(token) else {
        return Access::None;
    };
    // With an audience the subject is the service account itself; with a scope the audience is left out.
    match (claims.aud.as_deref(), claims.scope.as_deref()) {
        (Some(AUDIENCE), None) if claims.sub.as_deref() == Some(&claims.iss) => Access::Full,
        (None, Some(scope)) => scope_access(scope),
        _ => Access::None,
    }
}

fn scope_access(scope: &str) -> Access {
    let has = |name: &str| {
        scope
            .split(' ')
            .any(|one| one.strip_prefix("https://www.googleapis.com/auth/") == Some(name))
    };
    if has("compute") || has("cloud-platform") {
        Access::Full
    } else if has("compute.readonly") || has("cloud-platform.read-only") {
        Access::ReadOnly
    } else {
        Access::None
    }
}

/// `POST /token`.
pub(super) fn token(call: &Call<'_>) -> Handled {
    let form = call.form();
    let access = match form.get("grant_type") {
        Some(JWT_BEARER) => {
            let claims =
                verify(form.get("assertion").unwrap_or_default()).map_err(|why| refuse("invalid_grant", why))?;
            // SDKs write the address that they know, or the one that they are told.
            if !claims.aud.as_deref().is_some_and(|aud| aud.ends_with("/token")) {
                return Err(refuse("invalid_grant", "Invalid JWT: Failed audience check."));
            }
            match scope_access(claims.scope.as_deref().unwrap_or_default()) {
                Access::None => {
                    return Err(refuse(
                        "invalid_scope",
                        "Invalid OAuth scope or ID token audience provided.",
                    ));
                }
                access => access,
            }
        }
        Some("refresh_token") => {
            if form.filled("client_id").is_none() || form.filled("client_secret").is_none() {
                return Err(refuse("invalid_client", "The OAuth client was not found."));
            }
            if form.get("refresh_token") != Some(REFRESH_TOKEN) {
                return Err(refuse("invalid_grant", "Bad Request"));
            }
            Access::Full
        }
        _ => return Err(refuse("unsupported_grant_type", "Invalid grant_type")),
    };
    let token = issue(access);
    Ok(Answer::json(
        200,
        &json!({ "access_token": token, "expires_in": LIFETIME - 1, "token_type": "Bearer" }),
    ))
}

fn refuse(error: &str, description: &str) -> Answer {
    let status = if error == "invalid_client" { 401 } else { 400 };
    Answer::json(status, &json!({ "error": error, "error_description": description }))
}

/// Checks form, signature and times of a JWT (RFC 7519) signed with RS256.
fn verify(token: &str) -> Result<Claims, &'static str> {
    const MALFORMED: &str = "Bad Request";
    let (signed, signature) = token.rsplit_once('.').ok_or(MALFORMED)?;
    let (header, claims) = signed.split_once('.').ok_or(MALFORMED)?;
    let read = |part: &str| BASE64_URL.decode(part).map_err(|_| MALFORMED);
    let header: Header = serde_json::from_slice(&read(header)?).map_err(|_| MALFORMED)?;
    let claims: Claims = serde_json::from_slice(&read(claims)?).map_err(|_| MALFORMED)?;
    let key = PUBLIC_KEY.as_ref().ok_or(MALFORMED)?;
    if header.alg != "RS256" || header.typ.as_deref().is_some_and(|typ| typ != "JWT") {
        return Err("Invalid JWT: unsupported algorithm.");
    }
    if claims.iss != EMAIL {
        return Err("Invalid grant: account not found");
    }
    if header.kid.is_some_and(|kid| kid != KEY_ID) || !is_signed(key, signed, &read(signature)?) {
        return Err("Invalid JWT Signature.");
    }
    let now = now();
    let in_time = claims.iat <= now + SKEW && now < claims.exp + SKEW && claims.iat < claims.exp;
    if !in_time || claims.exp - claims.iat > LIFETIME {
        return Err("Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.");
    }
    Ok(claims)
}

fn is_signed(key: &[u8], text: &str, signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key)
        .verify(text.as_bytes(), signature)
        .is_ok()
}

/// Seconds since 1970 by this machine's clock.
fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO)
        .as_secs()
}

/// The answer to a missing or unknown token; details UNCONFIRMED.
pub(super) fn unauthenticated() -> Answer {
    let message = "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid \
                   authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.";
    let body: Value = json!({ "error": {
        "code": 401, "message": message, "status": "UNAUTHENTICATED",
        "errors": [{ "message": "Invalid Credentials", "domain": "global", "reason": "authError",
            "location": "Authorization", "locationType": "header" }],
    }});
    Answer::json(401, &body).header(
        "www-authenticate",
        "Bearer realm=\"https://accounts.google.com/\", error=\"invalid_token\"",
    )
}
