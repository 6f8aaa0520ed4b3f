//! The token that every request needs, and where it comes from.

use provision_azure::Azure;
use provision_core::{ErrorKind, HostDeleteRequest, ListFilter, Provisioner, Settings};
use provision_testkit::wire::{self, answer, answer_once};
use serde_json::json;

use super::{SECRET, SUBSCRIPTION, TOKEN, connect, error, group_path, id, path, settings, small_host};

#[tokio::test]
async fn the_token_does_not_follow_a_link_elsewhere() {
    let server = wire::server().await;
    let elsewhere = wire::server().await;
    let cloud = connect(&server).await;
    let page = json!({"value": [], "nextLink": format!("{}/next", elsewhere.uri())});
    answer(&server, "GET", &path("resourcegroups"), 200, page).await;
    let error = cloud.list(&ListFilter::all()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedResponse);
    assert!(elsewhere.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_token_that_ran_out_early_is_fetched_anew_once() {
    let server = wire::server().await;
    let cloud = connect(&server).await;
    answer_once(&server, "GET", &group_path(), 401, error("ExpiredAuthenticationToken")).await;
    answer_once(&server, "GET", &group_path(), 404, error("ResourceGroupNotFound")).await;
    assert_eq!(cloud.status(&id()).await.unwrap_err().kind(), ErrorKind::NotFound);
    answer(&server, "GET", &group_path(), 401, error("ExpiredAuthenticationToken")).await;
    assert_eq!(cloud.status(&id()).await.unwrap_err().kind(), ErrorKind::Unauthorized);
    let requests = server.received_requests().await.unwrap();
    let tokens = requests.iter().filter(|request| request.url.path() == TOKEN).count();
    assert_eq!((tokens, requests.len()), (3, 7));
}

#[tokio::test]
async fn a_refused_secret_is_told_without_showing_it() {
    let server = wire::server().await;
    let refusal = json!({
        "error": "invalid_client", "error_codes": [7_000_215],
        "error_description": format!("AADSTS7000215: Invalid client secret provided: {SECRET}.\r\nTrace ID: 1"),
    });
    answer(&server, "POST", TOKEN, 401, refusal).await;
    let cloud = Azure::from_settings(&settings(&server), wire::transport()).unwrap();
    let error = cloud.list(&ListFilter::all()).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::Unauthorized, Some("AADSTS7000215"))
    );
    let shown = format!("{error} {error:?} {cloud:?}");
    assert!(!shown.contains(SECRET) && !shown.contains("Trace ID"), "{shown}");
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_access_token_is_used_as_it_is() {
    let server = wire::server().await;
    let settings = Settings::new()
        .with("subscription-id", SUBSCRIPTION)
        .with("access-token", "eyJ0-handed-in")
        .with("endpoint", server.uri());
    let cloud = Azure::from_settings(&settings, wire::transport()).unwrap();
    answer(&server, "GET", &path("resourcegroups"), 200, json!({"value": []})).await;
    assert!(cloud.list(&ListFilter::all()).await.unwrap().is_empty());
    let requests = server.received_requests().await.unwrap();
    let header = requests[0].headers.get("authorization").unwrap();
    assert_eq!((requests.len(), header.to_str().unwrap()), (1, "Bearer eyJ0-handed-in"));
}

#[tokio::test]
async fn a_404_of_the_token_service_is_no_word_about_a_host() {
    let in_json = json!({
        "error": "invalid_request", "error_codes": [900_023], "error_description": "AADSTS900023: no such endpoint",
    });
    for body in [json!("<html>not found</html>"), in_json] {
        let server = wire::server().await;
        answer(&server, "POST", TOKEN, 404, body).await;
        let cloud = Azure::from_settings(&settings(&server), wire::transport()).unwrap();
        let by_ip = HostDeleteRequest::ip("203.0.113.7".parse().unwrap());
        for error in [
            cloud.status(&id()).await.unwrap_err(),
            cloud.delete(&id().into()).await.unwrap_err(),
            cloud.delete(&by_ip).await.unwrap_err(),
            cloud.list(&ListFilter::all()).await.unwrap_err(),
            cloud.provision(&small_host()).await.unwrap_err(),
        ] {
            assert_eq!(
                (error.kind(), error.operation()),
                (ErrorKind::UnexpectedResponse, Some("get access token")),
                "{error}"
            );
            assert!(error.to_string().contains("is the endpoint right?"), "{error}");
        }
    }
}

#[tokio::test]
async fn too_many_requests_for_tokens_are_a_rate_limit() {
    let server = wire::server().await;
    let refusal = json!({
        "error": "invalid_grant", "error_codes": [50_196],
        "error_description": "AADSTS50196: The server terminated an operation because it encountered a client request loop.",
    });
    answer(&server, "POST", TOKEN, 400, refusal).await;
    let cloud = Azure::from_settings(&settings(&server), wire::transport()).unwrap();
    let error = cloud.status(&id()).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::RateLimited, Some("AADSTS50196"))
    );
}
