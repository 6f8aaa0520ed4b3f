//! Deletion: by id, by address, and what is never deleted.

use provision_core::{Deletion, ErrorKind, HostDeleteRequest, Provisioner};
use provision_testkit::wire::{self, answer, answer_once};
use serde_json::{Value, json};

use super::{address, connect, error, group, group_path, id, ours, path, received, sent, small_host, tags};

#[tokio::test]
async fn delete_by_id_deletes_the_group() {
    let server = wire::server().await;
    let cloud = connect(&server).await;
    answer_once(&server, "GET", &group_path(), 200, ours(&small_host())).await;
    let deleting = group("provision-exit-1", "Deleting", tags(&small_host()));
    answer_once(&server, "GET", &group_path(), 200, deleting).await;
    answer(&server, "GET", &group_path(), 404, error("ResourceGroupNotFound")).await;
    answer(&server, "DELETE", &group_path(), 202, Value::Null).await;
    for expected in [Deletion::InProgress, Deletion::InProgress, Deletion::Removed] {
        assert_eq!(cloud.delete(&id().into()).await.unwrap(), expected);
    }
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn delete_by_ip_finds_the_group() {
    let server = wire::server().await;
    let cloud = connect(&server).await;
    let addresses = path("providers/Microsoft.Network/publicIPAddresses");
    answer(
        &server,
        "GET",
        &addresses,
        200,
        json!({"value": [address("PROVISION-EXIT-1", "203.0.113.7")]}),
    )
    .await;
    answer(&server, "GET", &group_path(), 200, ours(&small_host())).await;
    answer(&server, "DELETE", &group_path(), 202, Value::Null).await;
    let by_ip = |ip: &str| HostDeleteRequest::ip(ip.parse().unwrap());
    assert_eq!(cloud.delete(&by_ip("203.0.113.7")).await.unwrap(), Deletion::InProgress);
    assert_eq!(
        cloud.delete(&by_ip("203.0.113.9")).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn a_group_that_we_did_not_make_is_never_deleted() {
    for tags in [Value::Null, json!({"managed-by": "terraform"})] {
        let server = wire::server().await;
        let cloud = connect(&server).await;
        let addresses = path("providers/Microsoft.Network/publicIPAddresses");
        answer(
            &server,
            "GET",
            &addresses,
            200,
            json!({"value": [address("provision-exit-1", "203.0.113.7")]}),
        )
        .await;
        answer(
            &server,
            "GET",
            &group_path(),
            200,
            group("provision-exit-1", "Succeeded", tags),
        )
        .await;
        let by_id = cloud.delete(&id().into()).await.unwrap_err();
        assert_eq!(by_id.kind(), ErrorKind::InvalidRequest);
        assert!(by_id.to_string().contains("everything in it"), "{by_id}");
        let by_ip = HostDeleteRequest::ip("203.0.113.7".parse().unwrap());
        assert_eq!(cloud.delete(&by_ip).await.unwrap_err().kind(), ErrorKind::NotFound);
        assert!(!sent(&server).await.iter().any(|line| line.starts_with("DELETE")));
    }
}

#[tokio::test]
async fn a_second_deletion_and_a_lock_are_told_apart() {
    let server = wire::server().await;
    let cloud = connect(&server).await;
    answer(&server, "GET", &group_path(), 200, ours(&small_host())).await;
    answer_once(
        &server,
        "DELETE",
        &group_path(),
        409,
        error("ResourceGroupBeingDeleted"),
    )
    .await;
    answer_once(&server, "DELETE", &group_path(), 409, error("ScopeLocked")).await;
    assert_eq!(cloud.delete(&id().into()).await.unwrap(), Deletion::InProgress);
    let locked = cloud.delete(&id().into()).await.unwrap_err();
    assert_eq!(locked.kind(), ErrorKind::Forbidden);
    assert!(locked.to_string().contains("remove the lock"), "{locked}");
}
