//! The token service, versions 1 and 2, and the check of what it issued.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{CLIENT, READER, SECRET, TENANT, at, error};
use crate::{
    call::Call,
    cloud::{Handled, Trouble},
    kit::{answer::Answer, query::Query, text::rfc3339},
};

/// How long a token lasts, seconds.
const LIFETIME: u64 = 3_599;
/// The two names of the management API, each with a slash behind it or none.
const AUDIENCES: [&str; 4] = [
    "https://management.azure.com",
    "https://management.azure.com/",
    "https://management.core.windows.net",
    "https://management.core.windows.net/",
];
/// Scopes that are no resource's: MSAL sends them along.
const OWN_SCOPES: [&str; 4] = ["openid", "offline_access", "profile", "email"];

/// Whether a request is for the token service.
pub(super) fn is_login(call: &Call<'_>) -> bool {
    match call.segments.as_slice() {
        ["common", "discovery", "instance"] => true,
        [_, rest @ ..] => matches!(
            rest,
            ["oauth2", "token"]
                | ["oauth2", "v2.0", "token"]
                | ["v2.0", ".well-known", "openid-configuration"]
                | [".well-known", "openid-configuration"]
        ),
        [] => false,
    }
}

/// Answers for the token service, if the request is for it.
pub(super) fn handle(call: &mut Call<'_>) -> Option<Handled> {
    if !is_login(call) {
        return None;
    }
    let base = call.base_url();
    let (method, segments) = (call.method().to_owned(), call.segments.clone());
    Some(match (method.as_str(), segments.as_slice()) {
        ("GET", ["common", "discovery", "instance"]) => Ok(Answer::json(
            200,
            &json!({
                "tenant_discovery_endpoint": format!("{base}/{TENANT}/v2.0/.well-known/openid-configuration"),
                "api-version": "1.1",
                "metadata": [],
            }),
        )),
        ("GET", [tenant, "v2.0", ..] | [tenant, ".well-known", _]) => check_tenant(call, tenant).map(|()| {
            Answer::json(
                200,
                &json!({
                    "issuer": format!("{base}/{TENANT}/v2.0"),
                    "authorization_endpoint": format!("{base}/{TENANT}/oauth2/v2.0/authorize"),
                    "token_endpoint": format!("{base}/{TENANT}/oauth2/v2.0/token"),
                    "jwks_uri": format!("{base}/{TENANT}/discovery/v2.0/keys"),
                    "response_types_supported": ["code", "id_token"],
                    "subject_types_supported": ["pairwise"],
                    "id_token_signing_alg_values_supported": ["RS256"],
                }),
            )
        }),
        ("POST", [tenant, "oauth2", "v2.0", _]) => check_tenant(call, tenant).and_then(|()| issue(call, "scope")),
        ("POST", [tenant, "oauth2", _]) => check_tenant(call, tenant).and_then(|()| issue(call, "resource")),
        _ => Err(refusal(
            call,
            405,
            "invalid_request",
            900_561,
            "The endpoint only accepts POST requests.",
        )),
    })
}

fn check_tenant(call: &Call<'_>, tenant: &str) -> Result<(), Answer> {
    if tenant.eq_ignore_ascii_case(TENANT) {
        return Ok(());
    }
    let message = format!("Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID.");
    Err(refusal(call, 400, "invalid_request", 90_002, &message))
}

fn issue(call: &Call<'_>, audience_field: &str) -> Handled {
    let form = call.header("content-type").unwrap_or_default();
    if !form.starts_with("application/x-www-form-urlencoded") {
        return Err(refusal(
            call,
            400,
            "invalid_request",
            900_144,
            "The request body must be a form.",
        ));
    }
    let form = call.form();
    let client = required(call, &form, "client_id")?;
    let grant = required(call, &form, "grant_type")?;
    if grant != "client_credentials" {
        let message = format!("The app requested an unsupported grant type '{grant}'.");
        return Err(refusal(call, 400, "unsupported_grant_type", 70_003, &message));
    }
    let secret = required(call, &form, "client_secret")?;
    let audience = required(call, &form, audience_field)?;
    // Of several scopes, only those of one resource's `.default` are allowed for an application.
    let audience = if audience_field == "scope" {
        let mut scopes = audience.split(' ').filter(|scope| !OWN_SCOPES.contains(scope));
        let resource = scopes.next().and_then(|scope| scope.strip_suffix("/.default"));
        resource.filter(|_| scopes.next().is_none())
    } else {
        Some(audience)
    };
    if ![CLIENT, READER].iter().any(|known| client.eq_ignore_ascii_case(known)) {
        let message = format!("Application with identifier '{client}' was not found in the directory '{TENANT}'.");
        return Err(refusal(call, 400, "unauthorized_client", 700_016, &message));
    }
    if secret != SECRET {
        let message = format!(
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{client}'."
        );
        return Err(refusal(call, 401, "invalid_client", 7_000_215, &message));
    }
    let Some(audience) = audience.filter(|audience| AUDIENCES.contains(audience)) else {
        let message = "The provided value for the input parameter 'scope' is not valid.";
        return Err(refusal(call, 400, "invalid_scope", 70_011, message));
    };
    let now = call.now / 1_000;
    let token = sign(&json!({
        "aud": audience, "iss": format!("https://sts.windows.net/{TENANT}/"), "iat": now, "nbf": now,
        "exp": now + LIFETIME, "appid": client.to_ascii_lowercase(), "tid": TENANT, "ver": "1.0",
    }));
    // Version 1 writes its numbers as texts.
    let answer = if audience_field == "scope" {
        json!({ "token_type": "Bearer", "expires_in": LIFETIME, "ext_expires_in": LIFETIME, "access_token": token })
    } else {
        json!({
            "token_type": "Bearer", "expires_in": LIFETIME.to_string(), "ext_expires_in": LIFETIME.to_string(),
            "expires_on": (now + LIFETIME).to_string(), "not_before": now.to_string(), "resource": audience,
            "access_token": token,
        })
    };
    Ok(Answer::json(200, &answer).header("cache-control", "no-store, no-cache"))
}

fn required<'a>(call: &Call<'_>, form: &'a Query, field: &str) -> Result<&'a str, Answer> {
    form.filled(field).ok_or_else(|| {
        let message = format!("The request body must contain the following parameter: '{field}'.");
        refusal(call, 400, "invalid_request", 900_144, &message)
    })
}

/// HTTP numbers other than that of `invalid_client` are UNCONFIRMED.
fn refusal(call: &Call<'_>, status: u16, word: &str, number: u32, message: &str) -> Answer {
    let time = rfc3339(call.now).replace('T', " ");
    let text = format!(
        "AADSTS{number}: {message} Trace ID: {0} Correlation ID: {0} Timestamp: {time}",
        call.request_id
    );
    Answer::json(
        status,
        &json!({
            "error": word, "error_description": text, "error_codes": [number], "timestamp": time,
            "trace_id": call.request_id, "correlation_id": call.request_id,
            "error_uri": format!("https://login.microsoftonline.com/error?code={number}"),
        }),
    )
}

/// The token service's words for trouble.
pub(super) fn trouble(call: &Call<'_>, trouble: Trouble) -> Answer {
    match trouble {
        Trouble::RateLimited(wait) => {
            let answer = refusal(
                call,
                429,
                "invalid_grant",
                50_196,
                "The server terminated an operation because it encountered a client request loop.",
            );
            answer.header("retry-after", wait.unwrap_or(17).to_string())
        }
        Trouble::ServerError(status) => refusal(
            call,
            status,
            "temporarily_unavailable",
            90_033,
            "A transient error has occurred. Please try again.",
        ),
        Trouble::Unauthorized => refusal(
            call,
            401,
            "invalid_client",
            7_000_215,
            "Invalid client secret provided.",
        ),
    }
}

fn sign(claims: &Value) -> String {
    let head = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"HS256"}"#);
    let payload = URL_SAFE_NO_PAD.encode(claims.to_string());
    let signed = format!("{head}.{payload}");
    let signature = signature(&signed);
    format!("{signed}.{signature}")
}

/// Not a real signature, but nobody without the simulator's secret has it.
fn signature(signed: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(format!("{SECRET}{signed}")))
}

/// Checks the token of a request to the Resource Manager; says whether it may write.
pub(super) fn check_bearer(call: &Call<'_>) -> Result<bool, Answer> {
    if call.header("authorization").is_none() {
        let message = "Authentication failed. The 'Authorization' header is missing.";
        return Err(invalid_token("AuthenticationFailed", message));
    }
    let invalid = || invalid_token("InvalidAuthenticationToken", "The access token is invalid.");
    let token = call.bearer().ok_or_else(|| {
        invalid_token(
            "AuthenticationFailedInvalidHeader",
            "Authentication failed. The 'Authorization' header is provided in an invalid format.",
        )
    })?;
    let (signed, given) = token.rsplit_once('.').ok_or_else(invalid)?;
    if given != signature(signed) {
        return Err(invalid());
    }
    let payload = signed.split_once('.').map(|(_, payload)| payload).ok_or_else(invalid)?;
    let claims = URL_SAFE_NO_PAD.decode(payload).map_err(|_| invalid())?;
    let claims: Value = serde_json::from_slice(&claims).map_err(|_| invalid())?;
    let expires = at(&claims, "/exp").as_u64().unwrap_or_default();
    if call.now / 1_000 >= expires {
        let message = format!(
            "The access token expiry UTC time '{}' is earlier than current UTC time '{}'.",
            rfc3339(expires * 1_000),
            rfc3339(call.now)
        );
        return Err(invalid_token("ExpiredAuthenticationToken", &message));
    }
    Ok(at(&claims, "/appid") == CLIENT)
}

pub(super) fn invalid_token(code: &str, message: &str) -> Answer {
    let challenge = format!(
        "Bearer authorization_uri=\"https://login.microsoftonline.com/{TENANT}\", error=\"invalid_token\", error_description=\"{message}\""
    );
    error(401, code, message).header("www-authenticate", challenge)
}
