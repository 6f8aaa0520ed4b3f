//! How requests are authorised: tokens that are signed, exchanged and refreshed, and what a refusal shows.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed check ends the test"
)]

mod support;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use provision_core::{ErrorKind, HostId, Labels, Provisioner, Settings};
use provision_gce::Gce;
use provision_testkit::wire::{self, answer, received};
use serde_json::{Value, json};

use support::{ID, INSTANCE, TOKEN_URI, account, instance, with};

#[tokio::test]
async fn a_key_file_of_google_s_signs_its_own_tokens() {
    let server = wire::server().await;
    answer(&server, "GET", INSTANCE, 200, instance("RUNNING", &Labels::new())).await;
    let cloud = with(&server, "service-account", &account(TOKEN_URI));
    for _ in 0..2 {
        cloud.status(&ID.parse().unwrap()).await.unwrap();
    }
    let requests = server.received_requests().await.unwrap();
    let token = |at: usize| requests[at].headers["authorization"].to_str().unwrap().to_owned();
    assert_eq!((requests.len(), token(0)), (2, token(1)));
    let parts: Vec<Vec<u8>> = token(0)["Bearer ".len()..]
        .split('.')
        .map(|part| URL_SAFE_NO_PAD.decode(part).unwrap())
        .collect();
    let header: Value = serde_json::from_slice(&parts[0]).unwrap();
    assert_eq!(header, json!({"alg": "RS256", "typ": "JWT", "kid": "test-only-key"}));
    let claims: Value = serde_json::from_slice(&parts[1]).unwrap();
    let email = "test-only@p1.iam.gserviceaccount.com";
    let (iat, exp) = (claims["iat"].as_u64().unwrap(), claims["exp"].as_u64().unwrap());
    let expected =
        json!({"iss": email, "sub": email, "aud": "https://compute.googleapis.com/", "iat": iat, "exp": exp});
    assert_eq!((claims, exp - iat, parts[2].len()), (expected, 3600, 256));
}

#[tokio::test]
async fn another_token_uri_exchanges_an_assertion_once() {
    let server = wire::server().await;
    let file = account(&format!("{}/token", server.uri()));
    let token = json!({"access_token": "ya29.fetched", "expires_in": 3599, "token_type": "Bearer"});
    answer(&server, "POST", "/token", 200, token).await;
    answer(&server, "GET", INSTANCE, 200, instance("RUNNING", &Labels::new())).await;
    let cloud = with(&server, "service-account", &file);
    for _ in 0..2 {
        cloud.status(&ID.parse().unwrap()).await.unwrap();
    }
    insta::assert_snapshot!(received(&server).await);
    let requests = server.received_requests().await.unwrap();
    assert_eq!(requests[2].headers["authorization"], "Bearer ya29.fetched");
}

#[tokio::test]
async fn a_token_that_is_about_to_expire_is_fetched_anew() {
    let server = wire::server().await;
    let user = json!({"type": "authorized_user", "client_id": "id-1", "client_secret": "hush-client", "refresh_token": "hush-refresh",
        "token_uri": format!("{}/token", server.uri())});
    let token = json!({"access_token": "ya29.fetched", "expires_in": 60, "token_type": "Bearer"});
    answer(&server, "POST", "/token", 200, token).await;
    answer(&server, "GET", INSTANCE, 200, instance("RUNNING", &Labels::new())).await;
    let cloud = with(&server, "service-account", &user.to_string());
    for _ in 0..2 {
        cloud.status(&ID.parse().unwrap()).await.unwrap();
    }
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn a_refused_credential_is_unauthorized_and_not_shown() {
    let server = wire::server().await;
    let file = account(&format!("{}/token", server.uri()));
    let refused = json!({"error": "invalid_grant", "error_description": "Invalid JWT Signature."});
    answer(&server, "POST", "/token", 400, refused).await;
    let cloud = with(&server, "service-account", &file);
    let error = cloud.status(&ID.parse().unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert!(error.to_string().contains("Invalid JWT Signature"), "{error}");

    for broken in [
        "{\"type\": \"service_account\", \"private_key\": \"hush",
        "{\"type\": 17, \"x\": \"hush\"}",
    ] {
        let settings = Settings::new().with("service-account", broken);
        let error = Gce::from_settings(&settings, wire::transport()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthorized);
        let text = format!("{error} {error:?}");
        assert!(!text.contains("hush") && !text.contains("17"), "{text}");
    }
}

/// Google's own, or one that a key names; the metadata server of a Google instance has the same answers.
#[tokio::test]
async fn a_token_service_that_is_not_there_says_nothing_about_a_host() {
    let html = Value::String("<html>not found</html>".to_owned());
    let absent = json!({"error": "not_found", "error_description": "service account not found"});
    for body in [html, Value::Null, absent] {
        let server = wire::server().await;
        let file = account(&format!("{}/token", server.uri()));
        answer(&server, "POST", "/token", 404, body).await;
        let cloud = with(&server, "service-account", &file);
        let id: HostId = ID.parse().unwrap();
        let status = cloud.status(&id).await.unwrap_err();
        let delete = cloud.delete(&id.into()).await.unwrap_err();
        for error in [status, delete] {
            assert_eq!(
                (error.kind(), error.operation()),
                (ErrorKind::UnexpectedResponse, Some("fetch access token")),
                "{error}"
            );
        }
    }
}
