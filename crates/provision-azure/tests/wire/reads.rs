//! Status, lists and the catalog.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use provision_azure::Azure;
use provision_core::{CatalogQuery, Clock, Deletion, ErrorKind, HostStatus, ListFilter, Provisioner, async_trait};
use provision_http::{Request, Response, Transport, TransportError};
use provision_testkit::wire::{self, answer, answer_once};
use serde_json::{Value, json};

use super::{
    address, connect, deployment, deployment_path, error, group, group_path, groups_path, id, machine, machine_path,
    ours, path, received, received_in_any_order, sent, settings, small_host, tags,
};

#[tokio::test]
async fn status_of_an_active_host() {
    let server = wire::server().await;
    let cloud = connect(&server).await;
    answer(&server, "GET", &group_path(), 200, ours(&small_host())).await;
    answer(&server, "GET", &deployment_path(), 200, deployment("Succeeded")).await;
    answer(
        &server,
        "GET",
        &machine_path(),
        200,
        machine("provision-exit-1", "exit-1", "running"),
    )
    .await;
    let host = cloud.status(&id()).await.unwrap();
    assert_eq!(
        (host.status, host.raw_status.as_str(), host.ip),
        (HostStatus::Active, "running", "203.0.113.7".parse().ok())
    );
    assert_eq!(
        (host.plan.as_deref(), host.image.as_deref()),
        (Some("Standard_B1s"), Some("a:b:c:d"))
    );
    assert_eq!(host.labels, wire::labels(Azure::INFO, &small_host()));
    assert_eq!(
        host.created,
        Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_168_800))
    );
    insta::assert_snapshot!(received_in_any_order(&server).await);
}

#[tokio::test]
async fn status_of_a_failed_deployment_tells_the_cause() {
    let server = wire::server().await;
    let cloud = connect(&server).await;
    let mut failed = deployment("Failed");
    let inner = json!({"error": {"code": "AllocationFailed", "message": "no capacity"}}).to_string();
    failed["properties"]["error"] = json!({"code": "DeploymentFailed", "message": "one failed", "details": [{"code": "Conflict", "message": inner}]});
    answer(&server, "GET", &group_path(), 200, ours(&small_host())).await;
    answer(&server, "GET", &deployment_path(), 200, failed).await;
    answer(&server, "GET", &machine_path(), 404, error("ResourceNotFound")).await;
    let host = cloud.status(&id()).await.unwrap();
    assert_eq!((host.status, host.raw_status.as_str()), (HostStatus::Failed, "Failed"));
    assert_eq!(host.message.as_deref(), Some("AllocationFailed: no capacity"));
}

#[tokio::test]
async fn status_without_a_deployment_goes_by_the_age_and_the_machine() {
    let young = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let mut new = ours(&small_host());
    new["tags"]["provision-created"] = json!(young.to_string());
    let mut old = ours(&small_host());
    old["tags"]["provision-created"] = json!((young - 3_600).to_string());
    for (group, machine_answer, expected) in [
        (new, (404, error("ResourceNotFound")), HostStatus::Provisioning),
        (old.clone(), (404, error("ResourceNotFound")), HostStatus::Failed),
        (
            old,
            (200, machine("provision-exit-1", "exit-1", "running")),
            HostStatus::Active,
        ),
    ] {
        let server = wire::server().await;
        let cloud = connect(&server).await;
        answer(&server, "GET", &group_path(), 200, group).await;
        answer(&server, "GET", &deployment_path(), 404, error("DeploymentNotFound")).await;
        answer(&server, "GET", &machine_path(), machine_answer.0, machine_answer.1).await;
        let addresses = path("resourceGroups/provision-exit-1/providers/Microsoft.Network/publicIPAddresses");
        answer(
            &server,
            "GET",
            &addresses,
            200,
            json!({"value": [address("provision-exit-1", "203.0.113.7")]}),
        )
        .await;
        assert_eq!(cloud.status(&id()).await.unwrap().status, expected);
    }
}

#[tokio::test]
async fn a_dying_host_is_deleting_whatever_is_left_of_it() {
    let server = wire::server().await;
    let cloud = connect(&server).await;
    let dying = group("provision-exit-1", "Deleting", tags(&small_host()));
    answer(&server, "GET", &group_path(), 200, dying).await;
    let host = cloud.status(&id()).await.unwrap();
    assert_eq!(
        (host.status, host.raw_status.as_str()),
        (HostStatus::Deleting, "Deleting")
    );
    assert_eq!(sent(&server).await, ["GET provision-exit-1"]);
}

#[tokio::test]
async fn only_the_resource_manager_s_own_words_make_a_host_gone() {
    for (status, body, kind) in [
        (404, error("ResourceGroupNotFound"), ErrorKind::NotFound),
        (404, error("ResourceNotFound"), ErrorKind::UnexpectedResponse),
        (404, error("SubscriptionNotFound"), ErrorKind::Forbidden),
        (404, json!("nothing here"), ErrorKind::UnexpectedResponse),
        (404, json!({"error": "not_found"}), ErrorKind::UnexpectedResponse),
        (404, Value::Null, ErrorKind::UnexpectedResponse),
        (401, error("InvalidAuthenticationToken"), ErrorKind::Unauthorized),
        (429, error("SubscriptionRequestsThrottled"), ErrorKind::RateLimited),
    ] {
        let server = wire::server().await;
        let cloud = connect(&server).await;
        answer(&server, "GET", &group_path(), status, body).await;
        assert_eq!(cloud.status(&id()).await.unwrap_err().kind(), kind);
        let deleted = cloud.delete(&id().into()).await;
        match kind {
            ErrorKind::NotFound => assert_eq!(deleted.unwrap(), Deletion::NotFound),
            kind => assert_eq!(deleted.unwrap_err().kind(), kind),
        }
    }
}

#[tokio::test]
async fn a_part_is_missing_in_the_resource_manager_s_own_words_only() {
    for (deployment, machine) in [
        ((404, json!("nothing here")), (404, error("ResourceNotFound"))),
        ((404, error("DeploymentNotFound")), (404, Value::Null)),
        ((404, error("NotFound")), (404, error("ResourceNotFound"))),
    ] {
        let server = wire::server().await;
        let cloud = connect(&server).await;
        answer(&server, "GET", &group_path(), 200, ours(&small_host())).await;
        answer(&server, "GET", &deployment_path(), deployment.0, deployment.1).await;
        answer(&server, "GET", &machine_path(), machine.0, machine.1).await;
        let error = cloud.status(&id()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedResponse, "{error}");
    }
}

#[tokio::test]
async fn absent_and_null_fields_are_read() {
    let server = wire::server().await;
    let cloud = connect(&server).await;
    let mut bare = ours(&small_host());
    bare["tags"]["note"] = Value::Null;
    bare["properties"] = Value::Null;
    let machines = json!([
        {"id": null, "name": "a", "properties": null},
        {"id": path("resourceGroups/provision-exit-1/x"), "name": "exit-1", "properties": {"instanceView": {"statuses": null}}},
    ]);
    let addresses = json!([
        {"id": null, "properties": null},
        {"id": path("resourceGroups/other/x"), "properties": {"ipAddress": ""}},
    ]);
    answer(
        &server,
        "GET",
        &groups_path(),
        200,
        json!({"value": [bare], "nextLink": null}),
    )
    .await;
    answer(
        &server,
        "GET",
        &path("providers/Microsoft.Network/publicIPAddresses"),
        200,
        json!({"value": addresses}),
    )
    .await;
    answer(
        &server,
        "GET",
        &path("providers/Microsoft.Compute/virtualMachines"),
        200,
        json!({"value": machines}),
    )
    .await;
    let hosts = cloud.list(&ListFilter::all()).await.unwrap();
    assert_eq!(
        hosts.iter().map(|host| host.status).collect::<Vec<_>>(),
        [HostStatus::Unknown]
    );
}

#[tokio::test]
async fn a_list_without_its_list_is_an_error() {
    let server = wire::server().await;
    let cloud = connect(&server).await;
    answer(&server, "GET", &groups_path(), 200, json!({})).await;
    let error = cloud.list(&ListFilter::all()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedResponse);
}

/// Lets other work go on before it sends, and tells how many requests were under way at most.
#[derive(Debug)]
struct Counting {
    inner: Arc<dyn Transport>,
    now: AtomicUsize,
    most: Arc<AtomicUsize>,
}

#[async_trait]
impl Transport for Counting {
    fn clock(&self) -> Clock {
        self.inner.clock()
    }

    async fn send(&self, request: &Request, timeout: Duration) -> Result<Response, TransportError> {
        self.most
            .fetch_max(self.now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        let answer = self.inner.send(request, timeout).await;
        self.now.fetch_sub(1, Ordering::SeqCst);
        answer
    }
}

#[tokio::test]
async fn what_does_not_depend_on_each_other_is_read_side_by_side() {
    let server = wire::server().await;
    drop(connect(&server).await);
    answer(
        &server,
        "GET",
        &groups_path(),
        200,
        json!({"value": [ours(&small_host())]}),
    )
    .await;
    answer(
        &server,
        "GET",
        &path("providers/Microsoft.Network/publicIPAddresses"),
        200,
        json!({"value": []}),
    )
    .await;
    answer(
        &server,
        "GET",
        &path("providers/Microsoft.Compute/virtualMachines"),
        200,
        json!({"value": []}),
    )
    .await;
    answer(&server, "GET", &group_path(), 200, ours(&small_host())).await;
    answer(&server, "GET", &deployment_path(), 200, deployment("Running")).await;
    answer(&server, "GET", &machine_path(), 404, error("ResourceNotFound")).await;
    let most = Arc::new(AtomicUsize::new(0));
    let transport = Counting {
        inner: wire::transport(),
        now: AtomicUsize::new(0),
        most: most.clone(),
    };
    let cloud = Azure::from_settings(&settings(&server), Arc::new(transport)).unwrap();
    cloud.list(&ListFilter::all()).await.unwrap();
    assert_eq!(most.swap(0, Ordering::SeqCst), 2, "addresses and machines");
    cloud.status(&id()).await.unwrap();
    assert_eq!(most.load(Ordering::SeqCst), 2, "deployment and machine");
}

#[tokio::test]
async fn list_joins_groups_addresses_and_machines_over_all_pages() {
    let server = wire::server().await;
    let cloud = connect(&server).await;
    let next = format!(
        "{}{}?api-version=2021-04-01&$skiptoken=2",
        server.uri(),
        path("resourcegroups")
    );
    let second = group("provision-exit-2", "Deleting", tags(&small_host()));
    let mut third = group("provision-exit-3", "Succeeded", tags(&small_host()));
    third["tags"]["provision-created"] = json!("1000000000");
    let groups = path("resourcegroups");
    answer_once(
        &server,
        "GET",
        &groups,
        200,
        json!({"value": [ours(&small_host())], "nextLink": next}),
    )
    .await;
    answer(&server, "GET", &groups, 200, json!({"value": [second, third]})).await;
    let addresses = json!({"value": [address("PROVISION-EXIT-1", "203.0.113.7"), address("other", "203.0.113.8")]});
    answer(
        &server,
        "GET",
        &path("providers/Microsoft.Network/publicIPAddresses"),
        200,
        addresses,
    )
    .await;
    let machines =
        json!({"value": [machine("PROVISION-EXIT-1", "exit-1", "running"), machine("other", "o", "running")]});
    answer(
        &server,
        "GET",
        &path("providers/Microsoft.Compute/virtualMachines"),
        200,
        machines,
    )
    .await;
    let hosts = cloud.list(&ListFilter::all()).await.unwrap();
    let seen: Vec<_> = hosts
        .iter()
        .map(|host| (host.id.as_str(), host.status, host.ip))
        .collect();
    assert_eq!(
        seen,
        [
            (
                "provision-exit-1|exit-1",
                HostStatus::Active,
                "203.0.113.7".parse().ok()
            ),
            ("provision-exit-2|exit-2", HostStatus::Deleting, None),
            ("provision-exit-3|exit-3", HostStatus::Failed, None),
        ]
    );
    // A `+` for a space is not safe with the Resource Manager.
    let requests = server.received_requests().await.unwrap();
    assert!(
        requests[1]
            .url
            .query()
            .unwrap()
            .contains("tagName%20eq%20%27managed-by%27%20and%20tagValue")
    );
    insta::assert_snapshot!(received_in_any_order(&server).await);
}

#[tokio::test]
async fn catalog_reads_sizes_and_regions() {
    let server = wire::server().await;
    let cloud = connect(&server).await;
    let size = |name: &str| json!({"name": name, "numberOfCores": 2, "memoryInMB": 1024, "maxDataDiskCount": 4});
    let sizes = path("providers/Microsoft.Compute/locations/eastus/vmSizes");
    let found = json!({"value": [size("Standard_D2s_v5"), size("Standard_B2ats_v2")]});
    answer(&server, "GET", &sizes, 200, found).await;
    let region = |name: &str, kind: &str| json!({"name": name, "displayName": name, "metadata": {"regionType": kind}});
    let regions =
        json!({"value": [region("westeurope", "Physical"), region("eastus", "Physical"), region("europe", "Logical")]});
    answer(&server, "GET", &path("locations"), 200, regions).await;
    let catalog = cloud.catalog(&CatalogQuery::all()).await.unwrap();
    let plans: Vec<_> = catalog
        .plans
        .iter()
        .map(|plan| (plan.id.as_str(), plan.monthly_cost))
        .collect();
    assert_eq!(plans, [("Standard_B2ats_v2", Some(12.91)), ("Standard_D2s_v5", None)]);
    let regions: Vec<_> = catalog.regions.iter().map(|region| region.id.as_str()).collect();
    assert_eq!(regions, ["eastus", "westeurope"]);
    insta::assert_snapshot!(received(&server).await);
}
