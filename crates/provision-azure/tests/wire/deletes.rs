//! Deletion: by id, by address, and what is never deleted.

use provision_core::{Deletion, ErrorKind, HostDeleteRequest, IdempotencyKey, Provisioner, RegionFilter};
use provision_testkit::{
    wire::{self, answer, answer_once},
    wiremock::MockServer,
};
use serde_json::{Value, json};

use super::{
    address, connect, deployment, deployment_path, error, group, group_path, groups_path, id, keyed_host, machine,
    machine_path, ours, path, received, sent, small_host, tags,
};

#[tokio::test]
async fn delete_by_id_deletes_the_group() {
    let server = wire::server().await;
    let cloud = connect(&server).await;
    answer_once(&server, "GET", &group_path(), 200, ours(&small_host())).await;
    let deleting = group("provision-exit-1", "Deleting", tags(&small_host()));
    answer_once(&server, "GET", &group_path(), 200, deleting).await;
    answer(&server, "GET", &group_path(), 404, error("ResourceGroupNotFound")).await;
    answer(&server, "DELETE", &group_path(), 202, Value::Null).await;
    for expected in [Deletion::InProgress, Deletion::InProgress, Deletion::NotFound] {
        assert_eq!(cloud.delete(&id().into()).await.unwrap(), expected);
    }
    insta::assert_snapshot!(received(&server).await);
}

/// What is listed: this group, and an address in it.
async fn listed(server: &MockServer, group: Value) {
    let addresses = path("providers/Microsoft.Network/publicIPAddresses");
    let address = address("PROVISION-EXIT-1", "203.0.113.7");
    answer(server, "GET", &groups_path(), 200, json!({"value": [group]})).await;
    answer(server, "GET", &addresses, 200, json!({"value": [address]})).await;
    let machines = path("providers/Microsoft.Compute/virtualMachines");
    let machine = machine("provision-exit-1", "exit-1", "running");
    answer(server, "GET", &machines, 200, json!({"value": [machine]})).await;
}

#[tokio::test]
async fn delete_by_ip_finds_the_group() {
    let server = wire::server().await;
    let cloud = connect(&server).await;
    listed(&server, ours(&small_host())).await;
    answer(&server, "GET", &group_path(), 200, ours(&small_host())).await;
    answer(&server, "DELETE", &group_path(), 202, Value::Null).await;
    let by_ip = |ip: &str| HostDeleteRequest::ip(ip.parse().unwrap());
    assert_eq!(
        cloud.delete(&by_ip("203.0.113.9")).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
    assert!(!sent(&server).await.iter().any(|line| line.starts_with("DELETE")));
    assert_eq!(cloud.delete(&by_ip("203.0.113.7")).await.unwrap(), Deletion::InProgress);
    assert_eq!(sent(&server).await.last().unwrap(), "DELETE provision-exit-1");
}

#[tokio::test]
async fn delete_by_ip_follows_a_group_that_is_going() {
    let server = wire::server().await;
    let cloud = connect(&server).await;
    let going = group("provision-exit-1", "Deleting", tags(&small_host()));
    listed(&server, going.clone()).await;
    answer(&server, "GET", &group_path(), 200, going).await;
    let by_ip = HostDeleteRequest::ip("203.0.113.7".parse().unwrap());
    assert_eq!(cloud.delete(&by_ip).await.unwrap(), Deletion::InProgress);
    assert!(!sent(&server).await.iter().any(|line| line.starts_with("DELETE")));
}

#[tokio::test]
async fn a_group_that_we_did_not_make_is_never_deleted() {
    for tags in [Value::Null, json!({"managed-by": "terraform"})] {
        let server = wire::server().await;
        let cloud = connect(&server).await;
        let foreign = group("provision-exit-1", "Succeeded", tags);
        listed(&server, foreign.clone()).await;
        answer(&server, "GET", &group_path(), 200, foreign).await;
        let by_id = cloud.delete(&id().into()).await.unwrap_err();
        assert_eq!(by_id.kind(), ErrorKind::InvalidRequest);
        assert!(by_id.to_string().contains("everything in it"), "{by_id}");
        let by_ip = HostDeleteRequest::ip("203.0.113.7".parse().unwrap());
        assert_eq!(cloud.delete(&by_ip).await.unwrap_err().kind(), ErrorKind::NotFound);
        assert!(!sent(&server).await.iter().any(|line| line.starts_with("DELETE")));
    }
}

#[tokio::test]
async fn a_404_for_the_deletion_counts_in_the_resource_manager_s_own_words_only() {
    for (body, expected) in [
        (error("ResourceGroupNotFound"), Ok(Deletion::NotFound)),
        (error("ResourceNotFound"), Err(ErrorKind::UnexpectedResponse)),
        (json!("<html>"), Err(ErrorKind::UnexpectedResponse)),
        (Value::Null, Err(ErrorKind::UnexpectedResponse)),
    ] {
        let server = wire::server().await;
        let cloud = connect(&server).await;
        answer(&server, "GET", &group_path(), 200, ours(&small_host())).await;
        answer(&server, "DELETE", &group_path(), 404, body).await;
        let deleted = cloud.delete(&id().into()).await;
        assert_eq!(deleted.map_err(|error| error.kind()), expected);
    }
}

#[tokio::test]
async fn leftovers_of_a_key_are_groups_in_which_nothing_was_deployed() {
    let key = IdempotencyKey::new("order-17").unwrap();
    let none = (404, error("DeploymentNotFound"));
    for (found, parts, expected, deleted) in [
        ("Succeeded", none.clone(), Deletion::InProgress, true),
        ("Deleting", none, Deletion::InProgress, false),
        ("Succeeded", (200, deployment("Failed")), Deletion::NotFound, false),
    ] {
        let server = wire::server().await;
        let cloud = connect(&server).await;
        let found = group("provision-exit-1", found, tags(&keyed_host()));
        answer(&server, "GET", &groups_path(), 200, json!({"value": [found]})).await;
        answer(&server, "GET", &group_path(), 200, found).await;
        answer(&server, "GET", &deployment_path(), parts.0, parts.1).await;
        answer(&server, "GET", &machine_path(), 404, error("ResourceNotFound")).await;
        answer(&server, "DELETE", &group_path(), 202, Value::Null).await;
        assert_eq!(
            cloud.delete_leftovers(&key, &RegionFilter::All).await.unwrap(),
            expected
        );
        let sent = sent(&server).await;
        assert_eq!(sent.iter().any(|line| line.starts_with("DELETE")), deleted, "{sent:?}");
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
