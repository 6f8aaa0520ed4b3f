//! Tokens of Google Compute Engine, over `Sim::handle`: signed with the key that the simulator hands out.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod support;

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{
    Engine as _,
    engine::general_purpose::{GeneralPurpose, STANDARD, URL_SAFE, URL_SAFE_NO_PAD},
};
use http::Method;
use provision_sim::{Sim, SimRequest};
use ring::{rand::SystemRandom, rsa::KeyPair, signature::RSA_PKCS1_SHA256};
use serde_json::{Value, json};
use support::{Got, got, sim};

const COMPUTE: &str = "https://www.googleapis.com/auth/compute";

fn account() -> Value {
    let cloud = provision_sim::clouds()
        .into_iter()
        .find(|cloud| cloud.id == "gce")
        .unwrap();
    let (_, text) = cloud
        .settings
        .iter()
        .find(|(name, _)| *name == "service-account")
        .unwrap();
    serde_json::from_str(text).unwrap()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn claims(more: Value) -> Value {
    let email = account()["client_email"].clone();
    let mut claims = json!({ "iss": email, "iat": now(), "exp": now() + 3_600 });
    claims
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    claims
}

fn signed(header: &Value, claims: &Value) -> String {
    signed_in(&URL_SAFE_NO_PAD, header, claims)
}

fn signed_in(base64url: &GeneralPurpose, header: &Value, claims: &Value) -> String {
    let account = account();
    let pem = account["private_key"].as_str().unwrap();
    let base64: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let key = KeyPair::from_pkcs8(&STANDARD.decode(base64).unwrap()).unwrap();
    let part = |value: &Value| base64url.encode(value.to_string());
    let text = format!("{}.{}", part(header), part(claims));
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature)
        .unwrap();
    format!("{text}.{}", base64url.encode(signature))
}

fn jwt(claims: &Value) -> String {
    signed(
        &json!({ "alg": "RS256", "typ": "JWT", "kid": account()["private_key_id"] }),
        claims,
    )
}

fn ask(sim: &Sim, method: Method, token: &str) -> Got {
    let path = "https://compute.googleapis.com/compute/v1/projects/sim-project/zones/us-central1-a/disks/none";
    got(sim.handle(SimRequest::new(method, path).bearer(token)))
}

fn exchange(sim: &Sim, form: &[(&str, &str)]) -> Got {
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish();
    let request = SimRequest::new(Method::POST, "https://oauth2.googleapis.com/token")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body);
    got(sim.handle(request))
}

fn assertion(sim: &Sim, assertion: &str) -> Got {
    let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    exchange(sim, &[("grant_type", grant), ("assertion", assertion)])
}

#[test]
fn an_assertion_buys_a_token() {
    let sim = sim();
    for aud in ["https://oauth2.googleapis.com/token", "http://127.0.0.1:8080/gce/token"] {
        let answer = assertion(&sim, &jwt(&claims(json!({ "scope": COMPUTE, "aud": aud }))));
        assert_eq!((answer.status, &answer.json["token_type"]), (200, &json!("Bearer")));
        let token = answer.json["access_token"].as_str().unwrap();
        assert_eq!(ask(&sim, Method::GET, token).status, 404);
        assert_eq!(ask(&sim, Method::GET, &format!("{token}0")).status, 401);
    }
    let scope = "https://www.googleapis.com/auth/compute.readonly";
    let answer = assertion(
        &sim,
        &jwt(&claims(
            json!({ "scope": scope, "aud": "https://oauth2.googleapis.com/token" }),
        )),
    );
    let token = answer.json["access_token"].as_str().unwrap();
    assert_eq!(ask(&sim, Method::GET, token).status, 404);
    assert_eq!(ask(&sim, Method::DELETE, token).status, 403);
}

/// As yup-oauth2 writes them, with which google-compute1 signs in, against RFC 7515.
#[test]
fn an_assertion_may_be_padded() {
    let sim = sim();
    let claims = claims(json!({ "scope": COMPUTE, "aud": "https://oauth2.googleapis.com/token", "sub": null }));
    let padded = signed_in(&URL_SAFE, &json!({ "alg": "RS256", "typ": "JWT" }), &claims);
    assert!(padded.ends_with("=="), "{padded}");
    assert_eq!(assertion(&sim, &padded).status, 200);
}

#[test]
fn bad_assertions_are_refused() {
    let sim = sim();
    let aud = "https://oauth2.googleapis.com/token";
    let good = jwt(&claims(json!({ "scope": COMPUTE, "aud": aud })));
    let (text, _) = good.rsplit_once('.').unwrap();
    let other = jwt(&claims(json!({ "scope": COMPUTE, "aud": aud, "x": 1 })));
    let (_, of_other) = other.rsplit_once('.').unwrap();
    let table = [
        (format!("{text}.{of_other}"), "invalid_grant", "Invalid JWT Signature."),
        (
            signed(
                &json!({ "alg": "RS256", "kid": "0" }),
                &claims(json!({ "scope": COMPUTE, "aud": aud })),
            ),
            "invalid_grant",
            "Invalid JWT Signature.",
        ),
        (
            signed(
                &json!({ "alg": "none" }),
                &claims(json!({ "scope": COMPUTE, "aud": aud })),
            ),
            "invalid_grant",
            "Invalid JWT: unsupported algorithm.",
        ),
        (
            jwt(&claims(json!({ "scope": COMPUTE, "aud": aud, "iss": "x@example.com" }))),
            "invalid_grant",
            "Invalid grant: account not found",
        ),
        (
            jwt(&claims(json!({ "scope": COMPUTE, "aud": aud, "iat": 0, "exp": 3_600 }))),
            "invalid_grant",
            "Invalid JWT: Token must be",
        ),
        (
            jwt(&claims(json!({ "scope": COMPUTE, "aud": aud, "exp": now() + 9_000 }))),
            "invalid_grant",
            "Invalid JWT: Token must be",
        ),
        (
            jwt(&claims(json!({ "scope": COMPUTE, "aud": "https://example.com" }))),
            "invalid_grant",
            "Invalid JWT: Failed audience",
        ),
        (
            jwt(&claims(json!({ "aud": aud }))),
            "invalid_scope",
            "Invalid OAuth scope",
        ),
        ("x".to_owned(), "invalid_grant", "Bad Request"),
    ];
    for (token, code, text) in table {
        let refused = assertion(&sim, &token);
        assert_eq!((refused.status, &refused.json["error"]), (400, &json!(code)), "{text}");
        let said = refused.json["error_description"].as_str().unwrap();
        assert!(said.starts_with(text), "{said}");
    }
    let grant = exchange(&sim, &[("grant_type", "password")]);
    assert_eq!(grant.json["error"], "unsupported_grant_type");
}

#[test]
fn a_refresh_token_buys_a_token() {
    let sim = sim();
    let form = |refresh: &'static str| {
        [
            ("grant_type", "refresh_token"),
            ("client_id", "a"),
            ("client_secret", "b"),
            ("refresh_token", refresh),
        ]
    };
    let answer = exchange(&sim, &form("sim-refresh-token-gce"));
    assert_eq!(
        ask(&sim, Method::GET, answer.json["access_token"].as_str().unwrap()).status,
        404
    );
    assert_eq!(exchange(&sim, &form("x")).json["error"], "invalid_grant");
    assert_eq!(exchange(&sim, &form("x")[..2]).status, 401);
}

#[test]
fn a_self_signed_token_does_without_the_exchange() {
    let sim = sim();
    let email = account()["client_email"].clone();
    let audience = "https://compute.googleapis.com/";
    let by_audience = json!({ "sub": email, "aud": audience });
    assert_eq!(ask(&sim, Method::GET, &jwt(&claims(by_audience))).status, 404);
    let by_scope = json!({ "sub": email, "scope": format!("openid {COMPUTE}") });
    assert_eq!(ask(&sim, Method::DELETE, &jwt(&claims(by_scope))).status, 404);
    for bad in [
        json!({ "sub": email, "aud": audience, "scope": COMPUTE }),
        json!({ "sub": "x", "aud": audience }),
        json!({ "sub": email, "aud": "https://storage.googleapis.com/" }),
        json!({ "sub": email, "aud": audience, "iat": 0, "exp": 3_600 }),
    ] {
        let refused = ask(&sim, Method::GET, &jwt(&claims(bad.clone())));
        assert_eq!(
            (refused.status, &refused.json["error"]["status"]),
            (401, &json!("UNAUTHENTICATED")),
            "{bad}"
        );
    }
    assert_eq!(ask(&sim, Method::DELETE, "sim-token-gce").status, 404);
    assert_eq!(ask(&sim, Method::GET, "sim-token-gce2").status, 401);
}
