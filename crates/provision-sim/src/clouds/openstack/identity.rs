//! Keystone: tokens and the catalog. One user with a password, and one application credential of its.

use serde_json::{Value, json};

use super::{
    catalog,
    fault::unauthorized,
    state::{State, Token},
};
use crate::{
    call::Call,
    cloud::Handled,
    kit::{
        access::{Access, token_access},
        answer::Answer,
        text::rfc3339,
    },
};

pub(super) const USER_NAME: &str = "sim";
pub(super) const PROJECT_NAME: &str = "sim-project";
pub(super) const USER: &str = "95f9e75d5450483bbc0b15c6b8fe93db";
pub(super) const PROJECT: &str = "b58112659c6b427fba21cfe20a019d2b";
/// The application credential's id; its secret is the user's password.
const CREDENTIAL: &str = "8edde78a27df46f991f618069539043b";
/// How long a token lasts: Keystone's default.
const LASTS_MS: u64 = 3_600_000;

pub(super) fn handle(call: &mut Call<'_>, state: &mut State, rest: &[&str]) -> Handled {
    match (call.method(), rest) {
        ("GET", []) => Ok(version(call)),
        ("POST", ["auth", "tokens"]) => token(call, state),
        ("GET", ["auth", "catalog"]) => {
            check(call, state)?;
            let own = format!("{}/identity/v3/auth/catalog", call.base_url());
            Ok(Answer::json(
                200,
                &json!({ "catalog": services(call), "links": { "self": own } }),
            ))
        }
        _ => Err(error(
            404,
            "Not Found",
            "The requested URL was not found on the server.",
        )),
    }
}

fn version(call: &Call<'_>) -> Answer {
    let media = json!({ "base": "application/json", "type": "application/vnd.openstack.identity-v3+json" });
    let version = json!({
        "id": "v3.14", "status": "stable", "updated": "2020-04-07T00:00:00Z",
        "links": [{ "rel": "self", "href": format!("{}/identity/v3/", call.base_url()) }], "media-types": [media],
    });
    Answer::json(200, &json!({ "version": version })).content_type("application/json")
}

fn error(status: u16, title: &str, message: &str) -> Answer {
    let error = json!({ "error": { "code": status, "message": message, "title": title } });
    Answer::json(status, &error).content_type("application/json")
}

/// Whether the token of a request may only read.
pub(super) fn check(call: &Call<'_>, state: &State) -> Result<bool, Answer> {
    let token = call.header("x-auth-token").unwrap_or_default();
    let known = state.tokens.iter().find(|known| known.text == token);
    let known = known.filter(|known| known.expires > call.now);
    known.map(|known| known.read_only).ok_or_else(unauthorized)
}

fn token(call: &mut Call<'_>, state: &mut State) -> Handled {
    let body: Value = serde_json::from_slice(&call.request.body)
        .map_err(|_| error(400, "Bad Request", "Expecting to find valid JSON"))?;
    let missing = |what: &str| error(400, "Bad Request", &format!("'{what}' is a required property"));
    let auth = body.get("auth").ok_or_else(|| missing("auth"))?;
    let identity = auth.get("identity").ok_or_else(|| missing("identity"))?;
    let method = identity
        .pointer("/methods/0")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let (method, secret, scope) = match method {
        "password" => {
            let user = identity.pointer("/password/user").ok_or_else(|| missing("password"))?;
            if !is_user(user) {
                return Err(unauthorized());
            }
            ("password", user.get("password"), auth.get("scope"))
        }
        "application_credential" => {
            let credential = identity
                .get("application_credential")
                .ok_or_else(|| missing("application_credential"))?;
            if auth.get("scope").is_some() {
                let refused = "Application credentials cannot request a scope.";
                return Err(error(401, "Unauthorized", refused));
            }
            if credential.get("id").and_then(Value::as_str) != Some(CREDENTIAL) {
                return Err(unauthorized());
            }
            ("application_credential", credential.get("secret"), None)
        }
        _ => return Err(unauthorized()),
    };
    let read_only = match token_access(secret.and_then(Value::as_str), super::ID) {
        Access::Full => false,
        Access::ReadOnly => true,
        Access::None => return Err(unauthorized()),
    };
    if let Some(project) = scope.and_then(|scope| scope.get("project"))
        && !is_named(project, PROJECT, PROJECT_NAME)
    {
        return Err(unauthorized());
    }
    let scoped = method == "application_credential" || scope.is_some();
    let text = format!("gAAAAAB{}", call.hex(64));
    let expires = call.now.saturating_add(LASTS_MS);
    state.tokens.push(Token {
        text: text.clone(),
        expires,
        read_only,
    });
    let micros = |ms: u64| rfc3339(ms).replace('Z', ".000000Z");
    let domain = json!({ "id": "default", "name": "Default" });
    let mut token = json!({
        "methods": [method],
        "user": { "domain": domain, "id": USER, "name": USER_NAME, "password_expires_at": null },
        "audit_ids": [call.hex(22)], "expires_at": micros(expires), "issued_at": micros(call.now),
    });
    if let (Some(token), true) = (token.as_object_mut(), scoped) {
        let role = if read_only { "reader" } else { "member" };
        token.insert(
            "project".into(),
            json!({ "domain": domain, "id": PROJECT, "name": PROJECT_NAME }),
        );
        token.insert("is_domain".into(), json!(false));
        token.insert(
            "roles".into(),
            json!([{ "id": "d39970c12ff742319ec343883a319c03", "name": role }]),
        );
        token.insert("catalog".into(), services(call));
    }
    let answer = Answer::json(201, &json!({ "token": token })).content_type("application/json");
    Ok(answer.header("x-subject-token", text).header("vary", "X-Auth-Token"))
}

fn is_user(user: &Value) -> bool {
    is_named(user, USER, USER_NAME)
}

/// By its id, or by its name in the default domain.
fn is_named(what: &Value, id: &str, name: &str) -> bool {
    let text = |pointer: &str| what.pointer(pointer).and_then(Value::as_str);
    let domain = text("/domain/id") == Some("default") || text("/domain/name") == Some("Default");
    text("/id") == Some(id) || text("/name") == Some(name) && domain
}

fn services(call: &Call<'_>) -> Value {
    let base = call.base_url();
    let number = |kind: usize, region: usize| format!("c359eca105ba49328de8d7c09af1{kind:02}{region:02}");
    let service = |kind: usize, kind_name: &str, name: &str, path: &str| {
        let endpoints: Vec<Value> = catalog::REGIONS
            .iter()
            .enumerate()
            .map(|(at, region)| {
                let url = match path {
                    "identity/v3" => format!("{base}/{path}"),
                    _ => format!("{base}/{}/{path}", region.name),
                };
                json!({ "id": number(kind, at), "interface": "public", "region_id": region.name, "url": url, "region": region.name })
            })
            .collect();
        json!({ "endpoints": endpoints, "id": number(kind, 99), "type": kind_name, "name": name })
    };
    json!([
        service(1, "network", "neutron", "network"),
        service(2, "compute", "nova", "compute/v2.1"),
        service(3, "identity", "keystone", "identity/v3"),
        service(4, "image", "glance", "image"),
    ])
}
