//! Pins every request that the provider sends, over the real transport against a mock server. The answers are those of
//! <https://techdocs.akamai.com/linode-api/reference> (read 2026-11) and linodego's recordings, shortened.

#![allow(clippy::unwrap_used, reason = "a failed check ends the test")]

use std::time::{Duration, SystemTime};

use provision_core::{
    BasicHost, CatalogQuery, Deletion, ErrorKind, HostDeleteRequest, HostId, HostStatus, IdempotencyKey, Labels,
    ListFilter, OpenPorts, Provisioner, Settings, UserData,
};
use provision_linode::Linode;
use provision_testkit::{
    wire::{self, answer, answer_once, received},
    wiremock::{self, MockServer},
};
use serde_json::{Value, json};

const INSTANCES: &str = "/v4/linode/instances";
const INSTANCE: &str = "/v4/linode/instances/90210345";
const FIREWALLS: &str = "/v4/networking/firewalls";
const ID: u64 = 90_210_345;

fn connect(server: &MockServer) -> impl Provisioner {
    let settings = Settings::new()
        .with("token", "linode-secret")
        .with("endpoint", server.uri());
    Linode::from_settings(&settings, wire::transport()).unwrap()
}

fn small_host() -> BasicHost {
    BasicHost::new(
        "exit-1".parse().unwrap(),
        UserData::new("#!/bin/sh\necho hi\n").unwrap(),
    )
}

fn keyed_host() -> BasicHost {
    let mut host = small_host();
    host = host.with_key(IdempotencyKey::new("order-17").unwrap());
    host
}

fn closed_host() -> BasicHost {
    let mut host = keyed_host();
    host.ports = OpenPorts::Only(vec!["80".parse().unwrap(), "8000-8100/udp".parse().unwrap()]);
    host
}

fn full_host() -> BasicHost {
    let mut host = closed_host();
    host.region = Some("us-east".into());
    host.plan = Some("g6-standard-1".into());
    host.image = Some("private/4711".into());
    host.labels = "team=web".parse().unwrap();
    host.ssh_keys = vec!["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== me".into(), "my-user".into()];
    host.expires = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    host.additional.insert("interfaces".into(), "legacy".into());
    host
}

fn instance(id: u64, status: &str, labels: &Labels) -> Value {
    json!({
        "id": id, "label": "exit-1", "group": "", "status": status, "created": "2026-11-20T10:00:00",
        "updated": "2026-11-20T10:00:00", "type": "g6-nanode-1", "ipv4": ["192.168.128.9", "203.0.113.7"],
        "ipv6": "2001:db8::f03c:95ff:fe00:1/128", "image": "linode/ubuntu24.04", "region": "eu-west",
        "specs": {"disk": 25600, "memory": 1024, "vcpus": 1, "gpus": 0, "transfer": 1000},
        "tags": labels.to_tags(), "has_user_data": true, "interface_generation": "legacy_config",
    })
}

fn page(items: Value, number: u64, pages: u64) -> Value {
    json!({"data": items, "page": number, "pages": pages, "results": 1})
}

fn error(reason: &str, field: &str) -> Value {
    json!({"errors": [{"reason": reason, "field": field}]})
}

fn not_found() -> Value {
    json!({"errors": [{"reason": "Not found"}]})
}

fn taken() -> Value {
    error("Label must be unique among your linodes", "label")
}

fn wall() -> Value {
    json!([{"id": 59867, "label": "provision-90210345", "status": "enabled",
        "tags": ["managed-by:provision"]}])
}

fn labels(host: &BasicHost) -> Labels {
    wire::labels(Linode::INFO, host)
}

fn ours() -> Labels {
    labels(&small_host())
}

fn no_scope() -> Value {
    json!({"errors": [{"reason": "Your OAuth token is not authorized to use this endpoint."}]})
}

/// The look for the host of the key finds nothing.
async fn nothing_known(server: &MockServer) {
    answer_once(server, "GET", INSTANCES, 200, page(json!([]), 1, 1)).await;
}

#[tokio::test]
async fn create_with_defaults() {
    let server = wire::server().await;
    nothing_known(&server).await;
    answer(&server, "POST", INSTANCES, 200, instance(ID, "provisioning", &ours())).await;
    let host = connect(&server).provision(&small_host()).await.unwrap();
    assert_eq!((host.id.as_str(), host.status), ("90210345", HostStatus::Provisioning));
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn create_with_everything_makes_a_firewall() {
    let server = wire::server().await;
    nothing_known(&server).await;
    let labels = labels(&full_host());
    answer(&server, "POST", INSTANCES, 200, instance(ID, "provisioning", &labels)).await;
    answer(&server, "POST", FIREWALLS, 200, json!({"id": 59867})).await;
    connect(&server).provision(&full_host()).await.unwrap();
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn create_with_linode_interfaces_and_no_user_data() {
    let server = wire::server().await;
    nothing_known(&server).await;
    answer(&server, "POST", INSTANCES, 200, instance(ID, "provisioning", &ours())).await;
    let mut host = BasicHost::new("exit-1".parse().unwrap(), UserData::empty());
    host.additional.insert("interfaces".into(), "linode".into());
    let cloud = connect(&server);
    cloud.provision(&host).await.unwrap();
    // Refused before any request.
    host.ports = OpenPorts::Only(Vec::new());
    assert_eq!(cloud.provision(&host).await.unwrap_err().kind(), ErrorKind::Unsupported);
    host.additional.insert("interfaces".into(), "modern".into());
    assert_eq!(
        cloud.provision(&host).await.unwrap_err().kind(),
        ErrorKind::InvalidRequest
    );
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn every_create_has_another_password() {
    let server = wire::server().await;
    answer(&server, "GET", INSTANCES, 200, page(json!([]), 1, 1)).await;
    answer(&server, "POST", INSTANCES, 200, instance(ID, "provisioning", &ours())).await;
    let cloud = connect(&server);
    for host in [small_host(), keyed_host()] {
        cloud.provision(&host).await.unwrap();
    }
    let requests = server.received_requests().await.unwrap();
    let creates = requests.iter().filter(|request| request.method.as_str() == "POST");
    let passwords: Vec<String> = creates
        .map(|request| {
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            body.get("root_pass").and_then(Value::as_str).unwrap().to_owned()
        })
        .collect();
    assert_eq!(passwords.len(), 2);
    assert_ne!(passwords.first(), passwords.last());
}

#[tokio::test]
async fn a_label_that_is_taken_is_looked_up() {
    let server = wire::server().await;
    let host = keyed_host();
    // The list by tag lags behind, the one by label does not.
    nothing_known(&server).await;
    answer(&server, "POST", INSTANCES, 400, taken()).await;
    let found = instance(ID, "running", &labels(&host));
    answer(&server, "GET", INSTANCES, 200, page(json!([found]), 1, 1)).await;
    let cloud = connect(&server);
    let adopted = cloud.provision(&host).await.unwrap();
    assert_eq!((adopted.id.as_str(), adopted.status), ("90210345", HostStatus::Active));
    insta::assert_snapshot!(received(&server).await);

    let mut other = host;
    other = other.with_key(IdempotencyKey::new("order-18").unwrap());
    for host in [other, small_host()] {
        let refused = cloud.provision(&host).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::AlreadyExists);
    }
}

#[tokio::test]
async fn an_instance_that_is_going_is_not_adopted() {
    // Found by its tag, found by its label only, and no longer listed.
    let going = page(json!([instance(ID, "deleting", &labels(&keyed_host()))]), 1, 1);
    let nothing = page(json!([]), 1, 1);
    for (by_tag, by_label) in [(&going, &going), (&nothing, &going), (&nothing, &nothing)] {
        let server = wire::server().await;
        answer_once(&server, "GET", INSTANCES, 200, by_tag.clone()).await;
        answer(&server, "POST", INSTANCES, 400, taken()).await;
        answer(&server, "GET", INSTANCES, 200, by_label.clone()).await;
        let refused = connect(&server).provision(&keyed_host()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Conflict, "{refused}");
        assert!(refused.is_retryable());
    }
}

#[tokio::test]
async fn an_adopted_instance_gets_its_missing_firewall_and_no_second_one() {
    let server = wire::server().await;
    let host = closed_host();
    let found = instance(ID, "running", &labels(&host));
    answer(&server, "GET", INSTANCES, 200, page(json!([found]), 1, 1)).await;
    let other = json!([{"id": 59868, "label": "provision-902103456", "status": "enabled"}]);
    answer_once(&server, "GET", FIREWALLS, 200, page(other, 1, 1)).await;
    answer(&server, "GET", FIREWALLS, 200, page(wall(), 1, 1)).await;
    answer_once(&server, "POST", FIREWALLS, 200, json!({"id": 59867})).await;
    let cloud = connect(&server);
    for _ in 0..2 {
        cloud.provision(&host).await.unwrap();
    }
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn a_firewall_that_another_call_made_first_is_as_good() {
    let server = wire::server().await;
    nothing_known(&server).await;
    answer(&server, "POST", INSTANCES, 200, instance(ID, "provisioning", &ours())).await;
    answer(&server, "POST", FIREWALLS, 400, error("Label must be unique", "label")).await;
    let host = connect(&server).provision(&closed_host()).await.unwrap();
    assert_eq!(host.id.as_str(), "90210345");
}

#[tokio::test]
async fn an_instance_whose_firewall_is_refused_is_removed_again() {
    let server = wire::server().await;
    nothing_known(&server).await;
    answer(&server, "POST", INSTANCES, 200, instance(ID, "provisioning", &ours())).await;
    let refusal = json!({"errors": [{"reason": "Account Limit reached. Please open a support ticket."}]});
    answer(&server, "POST", FIREWALLS, 400, refusal).await;
    answer(&server, "DELETE", INSTANCE, 200, json!({})).await;
    answer(&server, "GET", FIREWALLS, 200, page(json!([]), 1, 1)).await;
    let refused = connect(&server).provision(&closed_host()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Quota);
    assert!(refused.to_string().contains("is being removed again"), "{refused}");
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn a_firewall_that_meets_a_busy_instance_is_left_to_the_next_call() {
    let server = wire::server().await;
    nothing_known(&server).await;
    answer(&server, "POST", INSTANCES, 200, instance(ID, "provisioning", &ours())).await;
    answer(
        &server,
        "POST",
        FIREWALLS,
        400,
        json!({"errors": [{"reason": "Linode busy."}]}),
    )
    .await;
    let busy = connect(&server).provision(&closed_host()).await.unwrap_err();
    assert_eq!(busy.kind(), ErrorKind::Conflict);
    assert_eq!(busy.host().map(HostId::as_str), Some("90210345"));
    assert_eq!(server.received_requests().await.unwrap().len(), 3);
}

#[tokio::test]
async fn too_many_ports_are_refused_before_any_request() {
    let server = wire::server().await;
    let mut host = small_host();
    let ports = (1..=26).map(|port| format!("{}", port * 2).parse().unwrap());
    host.ports = OpenPorts::Only(ports.collect());
    let refused = connect(&server).provision(&host).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidRequest);
    assert!(server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn status_picks_the_public_address() {
    let server = wire::server().await;
    answer(&server, "GET", INSTANCE, 200, instance(ID, "running", &ours())).await;
    let host = connect(&server).status(&"90210345".parse().unwrap()).await.unwrap();
    insta::assert_json_snapshot!(host);
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn a_private_address_does_not_make_a_host_active() {
    let server = wire::server().await;
    let mut private = instance(ID, "running", &ours());
    *private.get_mut("ipv4").unwrap() = json!(["192.168.128.9"]);
    answer(&server, "GET", INSTANCE, 200, private).await;
    let host = connect(&server).status(&"90210345".parse().unwrap()).await.unwrap();
    assert_eq!((host.status, host.ip), (HostStatus::Provisioning, None));
}

#[tokio::test]
async fn list_reads_every_page() {
    let server = wire::server().await;
    let first = page(json!([instance(1, "running", &ours())]), 1, 2);
    answer_once(&server, "GET", INSTANCES, 200, first).await;
    let foreign = instance(3, "running", &Labels::new());
    let second = page(json!([instance(2, "offline", &ours()), foreign]), 2, 2);
    answer_once(&server, "GET", INSTANCES, 200, second).await;
    let hosts = connect(&server).list(&ListFilter::all()).await.unwrap();
    assert_eq!(
        hosts.iter().map(|host| host.id.as_str()).collect::<Vec<_>>(),
        ["1", "2"]
    );
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn delete_by_id_until_nothing_is_left() {
    let server = wire::server().await;
    answer_once(&server, "DELETE", INSTANCE, 200, json!({})).await;
    answer_once(&server, "GET", FIREWALLS, 200, page(wall(), 1, 1)).await;
    answer_once(&server, "DELETE", "/v4/networking/firewalls/59867", 200, json!({})).await;
    answer_once(&server, "DELETE", INSTANCE, 404, not_found()).await;
    answer_once(&server, "GET", FIREWALLS, 200, page(json!([]), 1, 1)).await;
    let cloud = connect(&server);
    let request = HostDeleteRequest::Id("90210345".parse().unwrap());
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::InProgress);
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::NotFound);
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn a_firewall_that_is_left_is_removed_and_said_to_be() {
    let server = wire::server().await;
    answer(&server, "DELETE", INSTANCE, 404, not_found()).await;
    answer(&server, "GET", FIREWALLS, 200, page(wall(), 1, 1)).await;
    let busy = json!({"errors": [{"reason": "Linode busy."}]});
    answer_once(&server, "DELETE", "/v4/networking/firewalls/59867", 400, busy).await;
    answer_once(&server, "DELETE", "/v4/networking/firewalls/59867", 200, json!({})).await;
    let cloud = connect(&server);
    let request = HostDeleteRequest::Id("90210345".parse().unwrap());
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::InProgress);
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::Removed);
}

#[tokio::test]
async fn a_busy_instance_is_not_gone() {
    let server = wire::server().await;
    answer(
        &server,
        "DELETE",
        INSTANCE,
        400,
        json!({"errors": [{"reason": "Linode busy."}]}),
    )
    .await;
    let request = HostDeleteRequest::Id("90210345".parse().unwrap());
    let busy = connect(&server).delete(&request).await.unwrap_err();
    assert_eq!(busy.kind(), ErrorKind::Conflict);
}

#[tokio::test]
async fn a_token_that_may_not_see_firewalls_is_told_so_and_nothing_is_called_removed() {
    for (status, body) in [
        (401, no_scope()),
        (403, json!({"errors": [{"reason": "Unauthorized"}]})),
    ] {
        let server = wire::server().await;
        answer(&server, "DELETE", INSTANCE, 404, not_found()).await;
        answer(&server, "GET", FIREWALLS, status, body).await;
        let request = HostDeleteRequest::Id("90210345".parse().unwrap());
        let refused = connect(&server).delete(&request).await.unwrap_err();
        assert_eq!(
            (refused.kind(), refused.operation()),
            (ErrorKind::Forbidden, Some("find firewall"))
        );
    }
}

#[tokio::test]
async fn a_404_that_is_not_in_the_vendors_words_says_nothing_about_a_host() {
    for body in [
        Value::Null,
        json!("<html>not found</html>"),
        json!({"error": "not found"}),
        json!({"errors": [{"message": "Not found"}]}),
    ] {
        let server = wire::server().await;
        let template = wiremock::ResponseTemplate::new(404);
        let template = match &body {
            Value::Null => template,
            body => template.set_body_json(body),
        };
        let any = wiremock::Mock::given(wiremock::matchers::any());
        any.respond_with(template).mount(&server).await;
        let cloud = connect(&server);
        let id: HostId = "90210345".parse().unwrap();
        let errors = [
            cloud.status(&id).await.unwrap_err(),
            cloud.delete(&HostDeleteRequest::Id(id)).await.unwrap_err(),
            cloud.list(&ListFilter::all()).await.unwrap_err(),
            cloud.provision(&small_host()).await.unwrap_err(),
            cloud.catalog(&CatalogQuery::all()).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::UnexpectedResponse, "{body} {error}");
        }
    }
}

#[test]
fn an_endpoint_with_the_version_in_it_is_refused() {
    let refused = |endpoint: &str| {
        let settings = Settings::new()
            .with("token", "linode-secret")
            .with("endpoint", endpoint);
        Linode::from_settings(&settings, wire::transport())
            .err()
            .map(|error| error.kind())
    };
    for endpoint in ["https://api.linode.com/v4", "https://api.linode.com/v4beta/"] {
        assert_eq!(refused(endpoint), Some(ErrorKind::InvalidRequest), "{endpoint}");
    }
    assert_eq!(refused("https://v4.example.com/linode"), None);
}

#[tokio::test]
async fn what_may_be_null_is_read_and_a_list_without_its_list_is_an_error() {
    let server = wire::server().await;
    let bare = json!({"id": ID, "label": "exit-1", "status": "running", "ipv4": null, "tags": null, "region": null,
        "type": null, "image": null, "created": null});
    answer(&server, "GET", INSTANCE, 200, bare).await;
    answer(&server, "GET", INSTANCES, 200, json!({"page": 1, "pages": 1})).await;
    let cloud = connect(&server);
    let host = cloud.status(&"90210345".parse().unwrap()).await.unwrap();
    assert_eq!((host.status, host.ip), (HostStatus::Provisioning, None));
    let error = cloud.list(&ListFilter::all()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedResponse);
}

#[tokio::test]
async fn delete_by_ip_finds_the_host_among_ours() {
    let server = wire::server().await;
    // A private copy may not filter by tag: one that is not ours is left alone.
    let found = json!([instance(7, "running", &Labels::new()), instance(ID, "running", &ours()),]);
    answer(&server, "GET", INSTANCES, 200, page(found, 1, 1)).await;
    answer(&server, "DELETE", INSTANCE, 200, json!({})).await;
    answer(&server, "GET", FIREWALLS, 200, page(json!([]), 1, 1)).await;
    let cloud = connect(&server);
    let missing = HostDeleteRequest::ip("203.0.113.8".parse().unwrap());
    assert_eq!(cloud.delete(&missing).await.unwrap_err().kind(), ErrorKind::NotFound);
    let request = HostDeleteRequest::ip("203.0.113.7".parse().unwrap());
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::InProgress);
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn maintenance_is_not_hammered() {
    let server = wire::server().await;
    let template = wiremock::ResponseTemplate::new(503).insert_header("x-maintenance-mode", "all");
    wiremock::Mock::given(wiremock::matchers::any())
        .respond_with(template)
        .mount(&server)
        .await;
    let closed = connect(&server).status(&"90210345".parse().unwrap()).await.unwrap_err();
    assert_eq!(
        (closed.kind(), closed.retry_after()),
        (ErrorKind::Unavailable, Some(Duration::from_secs(60)))
    );
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn catalog_of_a_region() {
    let server = wire::server().await;
    let types = json!([
        {"id": "g6-standard-1", "label": "Linode 2GB", "class": "standard", "memory": 2048, "disk": 51200, "vcpus": 1,
         "transfer": 2000, "price": {"hourly": 0.018, "monthly": 12.0}, "region_prices": []},
        {"id": "g6-nanode-1", "label": "Nanode 1GB", "class": "nanode", "memory": 1024, "disk": 25600, "vcpus": 1,
         "transfer": 1000, "price": {"hourly": 0.0075, "monthly": 5.0},
         "region_prices": [{"id": "br-gru", "hourly": 0.0105, "monthly": 7.0}]},
    ]);
    let images = json!([
        {"id": "linode/ubuntu24.04", "label": "Ubuntu 24.04 LTS", "capabilities": ["cloud-init"], "status": "available"},
        {"id": "linode/slackware15.0", "label": "Slackware 15.0", "capabilities": [], "status": "available"},
        {"id": "private/7", "label": "half", "capabilities": ["cloud-init"], "status": "creating"},
    ]);
    let regions = json!([
        {"id": "eu-west", "label": "London, UK", "country": "gb", "capabilities": ["Linodes", "Metadata"], "status": "ok"},
        {"id": "br-gru", "label": "Sao Paulo, BR", "country": "br", "capabilities": ["Linodes", "Metadata"], "status": "outage"},
        {"id": "old", "label": "Old", "country": "us", "capabilities": ["Linodes"], "status": "ok"},
    ]);
    answer(&server, "GET", "/v4/regions", 200, page(regions, 1, 1)).await;
    answer(&server, "GET", "/v4/linode/types", 200, page(types, 1, 1)).await;
    answer(&server, "GET", "/v4/images", 200, page(images, 1, 1)).await;
    let cloud = connect(&server);
    let catalog = cloud.catalog(&CatalogQuery::all().with_region("br-gru")).await.unwrap();
    insta::assert_json_snapshot!(catalog);
    insta::assert_snapshot!(received(&server).await);
    let unknown = cloud
        .catalog(&CatalogQuery::plans().with_region("mars1"))
        .await
        .unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "linode: catalog: region \"mars1\" does not exist; known: br-gru, eu-west, old"
    );
}

#[tokio::test]
async fn images_are_read_without_the_token_if_it_may_not() {
    let server = wire::server().await;
    answer_once(&server, "GET", "/v4/images", 401, no_scope()).await;
    let images = json!([{"id": "linode/ubuntu24.04", "label": "Ubuntu 24.04 LTS", "capabilities": ["cloud-init"]}]);
    answer(&server, "GET", "/v4/images", 200, page(images, 1, 1)).await;
    let catalog = connect(&server).catalog(&CatalogQuery::images()).await.unwrap();
    assert_eq!(catalog.images.len(), 1);
    insta::assert_snapshot!(received(&server).await);
}
