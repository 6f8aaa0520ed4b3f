//! What is there already: the host of the key, or something else in its place.

use provision_core::{BasicHost, ErrorKind, HostStatus, IdempotencyKey, Origin, Provisioner};
use provision_testkit::{
    wire::{self, answer, answer_once},
    wiremock::MockServer,
};
use serde_json::{Value, json};

use super::{
    CREATE, connect, deployment, deployment_path, error, full_host, group, group_path, groups_path, ids, keyed_host,
    machine, machine_path, nothing_is_there, ours, received_in_any_order, sent, small_host, tags,
};

/// The list by key shows this group.
async fn listed(server: &MockServer, group: Value) {
    answer(server, "GET", &groups_path(), 200, json!({"value": [group]})).await;
    answer(server, "GET", &group_path(), 200, group).await;
    let other = super::path("resourcegroups/provision-exit-2");
    answer(server, "GET", &other, 404, error("ResourceGroupNotFound")).await;
}

/// The group has this deployment and no machine yet.
async fn with_deployment(server: &MockServer, status: u16, body: Value) {
    answer(server, "GET", &deployment_path(), status, body).await;
    answer(server, "GET", &machine_path(), 404, error("ResourceNotFound")).await;
}

fn renamed(host: &BasicHost) -> BasicHost {
    let mut host = host.clone();
    host.name = "exit-2".parse().unwrap();
    host
}

#[tokio::test]
async fn a_host_is_found_by_its_key_whatever_it_is_called() {
    for (wanted, origin) in [
        (keyed_host(), Origin::Adopted),
        (renamed(&keyed_host()), Origin::AdoptedDifferent),
    ] {
        let server = wire::server().await;
        let cloud = connect(&server).await;
        listed(&server, ours(&keyed_host())).await;
        with_deployment(&server, 200, deployment("Running")).await;
        let host = cloud.provision(&wanted).await.unwrap();
        assert_eq!(
            (host.id.as_str(), host.status),
            ("provision-exit-1|exit-1", HostStatus::Provisioning)
        );
        assert_eq!(host.origin, Some(origin));
        if origin == Origin::Adopted {
            insta::assert_snapshot!(received_in_any_order(&server).await);
        }
    }
}

#[tokio::test]
async fn a_create_that_was_cut_off_is_continued_however_old_it_is() {
    for (status, answered) in [(409, error("DeploymentActive")), (201, deployment("Accepted"))] {
        let server = wire::server().await;
        let cloud = connect(&server).await;
        let mut cut_off = ours(&keyed_host());
        cut_off["tags"]["provision-created"] = json!("1000000000");
        listed(&server, cut_off).await;
        with_deployment(&server, 404, error("DeploymentNotFound")).await;
        answer(&server, "PUT", &deployment_path(), status, answered).await;
        let host = cloud.provision(&keyed_host()).await.unwrap();
        assert_eq!(
            (host.status, host.origin),
            (HostStatus::Provisioning, Some(Origin::Adopted))
        );
        let mut sent = sent(&server).await;
        sent[..4].sort();
        // The group keeps its tags.
        let reads = ["GET exit-1", "GET exit-1", "GET provision-exit-1", "GET resourcegroups"];
        assert_eq!(sent, [&reads[..], &["PUT exit-1"]].concat());
    }
}

#[tokio::test]
async fn a_host_is_deployed_where_its_group_is() {
    let server = wire::server().await;
    let cloud = connect(&server).await;
    let mut elsewhere = full_host();
    elsewhere.region = Some("westeurope".into());
    listed(&server, ours(&keyed_host())).await;
    with_deployment(&server, 404, error("DeploymentNotFound")).await;
    answer(&server, "PUT", &deployment_path(), 201, deployment("Accepted")).await;
    let host = cloud.provision(&elsewhere).await.unwrap();
    assert_eq!(
        (host.region.as_deref(), host.plan.as_deref()),
        (Some("eastus"), Some("Standard_B1s"))
    );
    let requests = server.received_requests().await.unwrap();
    let body: Value = requests.last().unwrap().body_json().unwrap();
    assert_eq!(body["properties"]["parameters"]["location"]["value"], "eastus");
    assert_eq!(body["tags"]["provision-created"], "1795168800", "as the group says");
}

#[tokio::test]
async fn a_deployment_that_is_over_is_never_put_again() {
    let running = (200, machine("provision-exit-1", "exit-1", "running"));
    let none = (404, error("ResourceNotFound"));
    for (state, machine, expected) in [
        ((200, deployment("Succeeded")), running.clone(), HostStatus::Active),
        // Its machine was deleted by somebody else.
        ((200, deployment("Succeeded")), none.clone(), HostStatus::Failed),
        ((200, deployment("Failed")), none, HostStatus::Failed),
        // Deployments can be deleted without what they made.
        ((404, error("DeploymentNotFound")), running, HostStatus::Provisioning),
    ] {
        let server = wire::server().await;
        let cloud = connect(&server).await;
        listed(&server, ours(&keyed_host())).await;
        answer(&server, "GET", &deployment_path(), state.0, state.1).await;
        answer(&server, "GET", &machine_path(), machine.0, machine.1).await;
        let addresses = super::path("resourceGroups/provision-exit-1/providers/Microsoft.Network/publicIPAddresses");
        answer(&server, "GET", &addresses, 200, json!({"value": []})).await;
        let host = cloud.provision(&keyed_host()).await.unwrap();
        assert_eq!(host.status, expected);
        assert!(sent(&server).await.iter().all(|line| line.starts_with("GET")));
    }
}

#[tokio::test]
async fn a_taken_name_is_left_alone() {
    let foreign = group("provision-exit-1", "Succeeded", json!({"owner": "somebody"}));
    let untagged = group("provision-exit-1", "Succeeded", Value::Null);
    let deleting = group("provision-exit-1", "Deleting", tags(&keyed_host()));
    let other_key = group("provision-exit-1", "Succeeded", tags(&small_host()));
    for (found, kind, word) in [
        (foreign, ErrorKind::AlreadyExists, "not made by this tool"),
        (untagged, ErrorKind::AlreadyExists, "not made by this tool"),
        (deleting, ErrorKind::Conflict, "is being deleted"),
        (other_key, ErrorKind::AlreadyExists, "another key"),
    ] {
        let server = wire::server().await;
        let cloud = connect(&server).await;
        answer(&server, "GET", &groups_path(), 200, json!({"value": []})).await;
        answer(&server, "GET", &group_path(), 200, found).await;
        with_deployment(&server, 404, error("DeploymentNotFound")).await;
        let error = cloud.provision(&keyed_host()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(word), "{error}");
        assert!(error.to_string().contains("provision-exit-1/exit-1"), "{error}");
        assert!(sent(&server).await.iter().all(|line| line.starts_with("GET")));
    }
}

#[tokio::test]
async fn a_dying_host_is_not_adopted() {
    let server = wire::server().await;
    let cloud = connect(&server).await;
    listed(&server, group("provision-exit-1", "Deleting", tags(&keyed_host()))).await;
    let error = cloud.provision(&keyed_host()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(sent(&server).await.len(), 2, "the list and the group");
}

#[tokio::test]
async fn the_host_of_the_key_that_no_list_shows_yet_is_adopted() {
    let server = wire::server().await;
    let cloud = connect(&server).await;
    answer(&server, "GET", &groups_path(), 200, json!({"value": []})).await;
    answer(&server, "GET", &group_path(), 200, ours(&keyed_host())).await;
    with_deployment(&server, 200, deployment("Running")).await;
    let host = cloud.provision(&keyed_host()).await.unwrap();
    assert_eq!(
        (host.status, host.origin),
        (HostStatus::Provisioning, Some(Origin::Adopted))
    );
    assert!(host.labels.has_key(&IdempotencyKey::new("order-17").unwrap()));
    assert!(sent(&server).await.iter().all(|line| line.starts_with("GET")));
}

/// Another call made the group between our look and our PUT, which is then answered with 200.
#[tokio::test]
async fn what_a_quicker_call_made_is_adopted_and_never_taken_back() {
    // It deploys already; it has not yet, and our own deployment is refused.
    for deploys in [true, false] {
        let server = wire::server().await;
        let cloud = connect(&server).await;
        answer(&server, "GET", &groups_path(), 200, json!({"value": []})).await;
        answer_once(&server, "GET", &group_path(), 404, error("ResourceGroupNotFound")).await;
        answer(&server, "GET", &group_path(), 200, ours(&keyed_host())).await;
        answer(&server, "PUT", &group_path(), 200, ours(&keyed_host())).await;
        answer(&server, "PUT", &deployment_path(), 400, error("QuotaExceeded")).await;
        match deploys {
            true => with_deployment(&server, 200, deployment("Running")).await,
            false => with_deployment(&server, 404, error("DeploymentNotFound")).await,
        }
        let provisioned = cloud.provision(&keyed_host()).await;
        match deploys {
            true => assert_eq!(provisioned.unwrap().origin, Some(Origin::Adopted)),
            false => {
                let refused = provisioned.unwrap_err();
                assert_eq!(
                    (refused.kind(), ids(&refused)),
                    (ErrorKind::Quota, Some("provision-exit-1|exit-1"))
                );
            }
        }
        let sent = sent(&server).await;
        assert_eq!(sent[..3], CREATE[..3]);
        assert_eq!(sent.contains(&CREATE[3].to_owned()), !deploys, "{sent:?}");
        assert!(!sent.iter().any(|line| line.starts_with("DELETE")), "{sent:?}");
    }
}

#[tokio::test]
async fn a_group_in_another_region_is_looked_at() {
    let server = wire::server().await;
    let cloud = connect(&server).await;
    nothing_is_there(&server).await;
    answer(
        &server,
        "PUT",
        &group_path(),
        409,
        error("InvalidResourceGroupLocation"),
    )
    .await;
    let error = cloud.provision(&keyed_host()).await.unwrap_err();
    // It is gone by then.
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert!(error.retry_after().is_some(), "{error}");
    let looked_again = ["GET provision-exit-1"];
    assert_eq!(sent(&server).await, [&CREATE[..3], &looked_again].concat());
}
