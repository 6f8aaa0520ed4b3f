//! How answers and refusals are read, over the real transport against a mock server.

#![allow(clippy::unwrap_used, reason = "a failed check ends the test")]

mod support;

use provision_core::{Deletion, ErrorKind, ListFilter, OpenPorts, Provisioner};
use provision_testkit::wire::{self, answer, answer_once};
use serde_json::json;

use support::{
    FLAVOR, ID, IMAGE, addresses, by_id, connect, empty, error, id, instance, name, name_of, out_of_time, path,
    received, server, small_host, stocked,
};

#[tokio::test]
async fn what_cannot_be_had_is_refused_before_the_create() {
    let server = stocked().await;
    let cloud = connect(&server);
    for (plan, image, kind, says) in [
        ("c2-7", "Ubuntu 24.04", ErrorKind::Capacity, "sold out in GRA11"),
        (
            "win-b3-8",
            "Ubuntu 24.04",
            ErrorKind::InvalidRequest,
            "known: b3-8, c2-7, d2-2",
        ),
        (
            "d2-2",
            "Ubuntu 6.06",
            ErrorKind::InvalidRequest,
            "known: Debian 13, Ubuntu 24.04",
        ),
    ] {
        let mut host = small_host();
        (host.plan, host.image) = (Some(plan.into()), Some(image.into()));
        let error = cloud.provision(&host).await.unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(error.to_string().contains(says), "{error}");
    }
    let mut closed = small_host();
    closed.ports = OpenPorts::Only(Vec::new());
    let error = cloud.provision(&closed).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(!received(&server).await.contains("POST"));
}

#[tokio::test]
async fn a_region_that_does_not_exist_is_told_from_a_plan_or_image_that_it_lacks() {
    let mut host = small_host();
    host.region = Some("gra11".into());
    let unknown = error("Client::BadRequest", "Region gra11 not found");
    for (status, flavors, images) in [(200, json!([]), json!([])), (400, unknown.clone(), unknown)] {
        let server = empty().await;
        answer(&server, "GET", &path("flavor"), status, flavors).await;
        answer(&server, "GET", &path("image"), status, images).await;
        answer(&server, "GET", &path("region"), 200, json!(["GRA11", "DE1"])).await;
        let error = connect(&server).provision(&host).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(
            error
                .to_string()
                .contains("\"gra11\" does not exist; known: DE1, GRA11"),
            "{error}"
        );
        assert_eq!(received(&server).await.matches("/region\n").count(), 1);
    }
}

#[tokio::test]
async fn a_deleted_instance_and_a_wrong_project_are_two_things() {
    let server = server().await;
    let url = path(&format!("instance/{ID}"));
    answer_once(&server, "GET", &url, 200, instance(&name(), "DELETED", json!([]))).await;
    answer_once(
        &server,
        "GET",
        &url,
        404,
        error("Client::NotFound", "Instance not found"),
    )
    .await;
    let cloud = connect(&server);
    for _ in 0..2 {
        let error = cloud.status(&id()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
    let no_project = error("Client::NotFound", "This service does not exist");
    answer(&server, "GET", &url, 404, no_project.clone()).await;
    answer(&server, "DELETE", &url, 404, no_project).await;
    let status = cloud.status(&id()).await.unwrap_err();
    let delete = cloud.delete(&by_id()).await.unwrap_err();
    for error in [status, delete] {
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(error.to_string().contains("`project`"), "{error}");
    }
}

#[tokio::test]
async fn a_wrong_base_path_says_nothing_about_a_host() {
    let server = server().await;
    let url = path(&format!("instance/{ID}"));
    let no_such_url = error("Client::NotFound", "Got an invalid (or empty) URL");
    answer(&server, "GET", &url, 404, no_such_url.clone()).await;
    answer(&server, "DELETE", &url, 404, no_such_url).await;
    let cloud = connect(&server);
    let status = cloud.status(&id()).await.unwrap_err();
    let delete = cloud.delete(&by_id()).await.unwrap_err();
    for error in [status, delete] {
        assert_eq!(error.kind(), ErrorKind::UnexpectedResponse);
        assert!(error.to_string().contains("`endpoint`"), "{error}");
    }
}

#[tokio::test]
async fn a_refused_delete_says_what_the_instance_is_at() {
    let url = path(&format!("instance/{ID}"));
    for status in [400, 409] {
        let server = server().await;
        answer(
            &server,
            "DELETE",
            &url,
            status,
            error("Client::BadRequest", "Instance is not active"),
        )
        .await;
        answer_once(&server, "GET", &url, 200, instance(&name(), "BUILD", json!([]))).await;
        answer_once(&server, "GET", &url, 200, instance(&name(), "DELETED", json!([]))).await;
        answer_once(
            &server,
            "GET",
            &url,
            404,
            error("Client::NotFound", "Instance not found"),
        )
        .await;
        answer_once(
            &server,
            "GET",
            &url,
            403,
            error("Client::Forbidden", "User not granted"),
        )
        .await;
        let cloud = connect(&server);
        assert_eq!(cloud.delete(&by_id()).await.unwrap_err().kind(), ErrorKind::Conflict);
        assert_eq!(cloud.delete(&by_id()).await.unwrap(), Deletion::NotFound);
        assert_eq!(cloud.delete(&by_id()).await.unwrap(), Deletion::NotFound);
        assert_eq!(cloud.delete(&by_id()).await.unwrap_err().kind(), ErrorKind::Forbidden);
    }
}

#[tokio::test]
async fn the_time_is_read_once_and_again_when_a_signature_is_out_of_time() {
    let server = server().await;
    let url = path(&format!("instance/{ID}"));
    answer_once(&server, "GET", &url, 200, instance(&name(), "ACTIVE", addresses())).await;
    answer_once(&server, "GET", &url, 400, out_of_time()).await;
    answer_once(&server, "GET", &url, 200, instance(&name(), "ACTIVE", addresses())).await;
    answer(&server, "GET", &url, 400, out_of_time()).await;
    let cloud = connect(&server);
    let id = id();
    cloud.status(&id).await.unwrap();
    cloud.status(&id).await.unwrap();
    let refused = cloud.status(&id).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unavailable);
    let log = received(&server).await;
    let requests: Vec<&str> = log
        .lines()
        .filter(|line| line.starts_with("GET"))
        .map(|line| line.rsplit('/').next().unwrap())
        .collect();
    assert_eq!(requests, ["time", ID, ID, "time", ID, ID, "time", ID]);
}

#[tokio::test]
async fn a_create_out_of_time_is_the_caller_s_to_repeat() {
    for refusal in [out_of_time(), error("Client::BadRequest", "Query out of time")] {
        let server = empty().await;
        let mut host = small_host();
        (host.plan, host.image) = (Some(FLAVOR.into()), Some(IMAGE.into()));
        answer_once(&server, "POST", &path("instance"), 400, refusal).await;
        answer_once(
            &server,
            "POST",
            &path("instance"),
            200,
            instance(&name_of(&host), "BUILD", json!([])),
        )
        .await;
        let cloud = connect(&server);
        let refused = cloud.provision(&host).await.unwrap_err();
        assert!(refused.is_retryable() && !refused.may_exist(), "{refused}");
        assert_eq!(received(&server).await.matches("POST").count(), 1);
        cloud.provision(&host).await.unwrap();
        let log = received(&server).await;
        assert_eq!(log.matches("POST").count(), 2);
        assert_eq!(log.matches("GET /1.0/auth/time").count(), 2);
    }
}

#[tokio::test]
async fn a_create_whose_outcome_is_unknown_is_sent_once() {
    let server = stocked().await;
    let fault = error("Server::InternalServerError", "Internal server error");
    answer(&server, "POST", &path("instance"), 500, fault).await;
    let cloud = connect(&server);
    for _ in 0..2 {
        let unknown = cloud.provision(&small_host()).await.unwrap_err();
        assert!(unknown.may_exist() && unknown.retry_after().is_some(), "{unknown}");
    }
    assert_eq!(received(&server).await.matches("POST").count(), 1);
}

#[tokio::test]
async fn a_consumer_key_that_waits_for_its_owner_is_told_so() {
    let server = server().await;
    let pending = json!({"errorCode": "NOT_CREDENTIAL", "httpCode": "403 Forbidden",
        "message": "This credential is not validated"});
    answer(&server, "GET", &path("instance"), 403, pending).await;
    let refused = connect(&server).list(&ListFilter::all()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unauthorized);
    assert!(refused.to_string().contains("`validationUrl`"), "{refused}");
}

#[tokio::test]
async fn a_cloud_that_does_not_tell_the_time_gets_no_request() {
    let server = wire::server().await;
    answer(
        &server,
        "GET",
        "/1.0/auth/time",
        500,
        json!({"class": "Server::Fault", "message": "no"}),
    )
    .await;
    let cloud = connect(&server);
    let error = cloud.delete(&by_id()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(!received(&server).await.contains("DELETE"));
}
