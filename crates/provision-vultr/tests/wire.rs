//! Pins every request that the provider sends, over the real transport against a mock server. The answers are those of
//! <https://www.vultr.com/api/> (read 2026-11), shortened.

#![allow(clippy::unwrap_used, reason = "a failed check ends the test")]

use std::time::{Duration, SystemTime};

use provision_core::{
    BasicHost, CatalogQuery, Deletion, ErrorKind, HostDeleteRequest, HostId, HostStatus, IdempotencyKey, ListFilter,
    OpenPorts, Provisioner, Settings, UserData,
};
use provision_testkit::{
    wire::{self, answer, answer_once, received},
    wiremock::{Mock, MockServer, ResponseTemplate, matchers::any},
};
use provision_vultr::Vultr;
use serde_json::{Value, json};

const ID: &str = "5d1c2f0e-7a55-4d3b-9c65-0a7d3f0f6f11";
const PATH: &str = "/v2/instances/5d1c2f0e-7a55-4d3b-9c65-0a7d3f0f6f11";

fn connect(server: &MockServer) -> impl Provisioner {
    let settings = Settings::new()
        .with("token", "VULTRSECRETKEY")
        .with("endpoint", server.uri());
    Vultr::from_settings(&settings, wire::transport()).unwrap()
}

fn small_host() -> BasicHost {
    BasicHost::new(
        "exit-1".parse().unwrap(),
        UserData::new("#!/bin/sh\necho hi\n").unwrap(),
    )
}

fn full_host() -> BasicHost {
    let mut host = small_host();
    host.region = Some("ewr".into());
    host.plan = Some("vc2-1c-2gb".into());
    host.image = Some("debian 13 x64 (trixie)".into());
    host.labels = "team=web".parse().unwrap();
    host.ports = OpenPorts::Only(vec!["80".parse().unwrap(), "8000-8100/udp".parse().unwrap()]);
    host.ssh_keys = vec!["0f3a9a6c-5c1b-4a63-8a57-2f0a5c1f7e01".into()];
    host = host.with_key(IdempotencyKey::new("order-17").unwrap());
    host.expires = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    host.additional = [
        ("ipv6", "true"),
        ("vpc", "c2b5d7e0-41aa-4f6e-8a1d-93f0a5b6e712"),
        ("firewall-group", "6b1a0c9e-0e5d-4d0a-9f59-8a35b2f0c3d4"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into();
    host
}

fn instance(id: &str, words: [&str; 3], ip: &str, tags: &[String]) -> Value {
    let [status, server, power] = words;
    json!({
        "id": id, "os": "Ubuntu 24.04 LTS x64", "ram": 1024, "disk": 25, "main_ip": ip, "vcpu_count": 1, "region": "lhr",
        "plan": "vc2-1c-1gb", "date_created": "2026-11-20T10:00:00+00:00", "status": status, "power_status": power,
        "server_status": server, "v6_main_ip": "", "label": "exit-1", "hostname": "exit-1", "os_id": 2284, "app_id": 0,
        "image_id": "", "snapshot_id": "", "firewall_group_id": "", "features": [], "tags": tags,
    })
}

fn fresh(tags: &[String]) -> Value {
    let mut created = instance(ID, ["pending", "none", "running"], "0.0.0.0", tags);
    let fields = created.as_object_mut().unwrap();
    fields.insert("default_password".into(), "only-in-the-create-answer".into());
    json!({ "instance": created })
}

fn running(id: &str, ip: &str, tags: &[String]) -> Value {
    instance(id, ["active", "ok", "running"], ip, tags)
}

fn tags(host: &BasicHost) -> Vec<String> {
    wire::labels(Vultr::INFO, host).to_tags()
}

fn ours() -> Vec<String> {
    tags(&small_host())
}

fn page(field: &str, items: Value, next: &str) -> Value {
    json!({field: items, "meta": {"total": 1, "links": {"next": next, "prev": ""}}})
}

fn failure(status: u16, text: &str) -> Value {
    json!({"error": text, "status": status})
}

/// The look-up that comes before every create finds nothing.
async fn no_hosts(server: &MockServer) {
    answer(server, "GET", "/v2/instances", 200, page("instances", json!([]), "")).await;
}

fn systems() -> Value {
    json!([
        {"id": 124, "name": "Windows 2012 R2 Standard x64", "arch": "x64", "family": "windows"},
        {"id": 164, "name": "Snapshot", "arch": "x64", "family": "snapshot"},
        {"id": 2284, "name": "Ubuntu 24.04 LTS x64", "arch": "x64", "family": "ubuntu"},
        {"id": 2467, "name": "AlmaLinux 9 x64", "arch": "x64", "family": "almalinux"},
        {"id": 2625, "name": "Debian 13 x64 (trixie)", "arch": "x64", "family": "debian"},
    ])
}

#[tokio::test]
async fn create_with_defaults() {
    let server = wire::server().await;
    no_hosts(&server).await;
    answer(&server, "POST", "/v2/instances", 202, fresh(&ours())).await;
    let host = connect(&server).provision(&small_host()).await.unwrap();
    assert_eq!(
        (host.id.as_str(), host.status, host.ip),
        (ID, HostStatus::Provisioning, None)
    );
    let shown = format!("{host:?}");
    assert!(!shown.contains("only-in-the-create-answer"), "{shown}");
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn create_with_everything_looks_up_key_and_image() {
    let server = wire::server().await;
    no_hosts(&server).await;
    answer(&server, "GET", "/v2/os", 200, page("os", systems(), "")).await;
    let tags = tags(&full_host());
    answer(&server, "POST", "/v2/instances", 202, fresh(&tags)).await;
    let host = connect(&server).provision(&full_host()).await.unwrap();
    assert!(host.labels.has_key(&IdempotencyKey::new("order-17").unwrap()));
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn the_user_data_is_untouched_where_the_host_s_firewall_is_kept() {
    let server = wire::server().await;
    no_hosts(&server).await;
    answer(&server, "POST", "/v2/instances", 202, fresh(&ours())).await;
    let mut host = small_host();
    host.additional.insert("host-firewall".into(), "keep".into());
    connect(&server).provision(&host).await.unwrap();
    let sent = received(&server).await;
    assert!(sent.contains(&host.user_data.to_base64()), "{sent}");
    insta::assert_snapshot!(sent);
}

#[tokio::test]
async fn a_lost_create_is_adopted_by_the_exact_tag() {
    let server = wire::server().await;
    let tags = tags(&full_host());
    let shouted: Vec<String> = tags.iter().map(|tag| tag.to_uppercase()).collect();
    // The API compares tags in any case; a stranger's must not be taken for ours.
    let stranger = running("11111111-7a55-4d3b-9c65-0a7d3f0f6f11", "203.0.113.8", &shouted);
    let found = json!([stranger, running(ID, "203.0.113.7", &tags)]);
    answer(&server, "GET", "/v2/instances", 200, page("instances", found, "")).await;
    let host = connect(&server).provision(&full_host()).await.unwrap();
    assert_eq!((host.id.as_str(), host.status), (ID, HostStatus::Active));
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn an_image_that_cannot_serve_is_refused_before_the_create() {
    let server = wire::server().await;
    no_hosts(&server).await;
    answer(&server, "GET", "/v2/os", 200, page("os", systems(), "")).await;
    let cloud = connect(&server);
    let mut host = small_host();
    host.image = Some("Ubuntu 9.10".into());
    let unknown = cloud.provision(&host).await.unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::InvalidRequest);
    assert!(unknown.to_string().contains("Ubuntu 9.10"), "{unknown}");
    // By its number: without ufw the ports would stay open.
    host.image = Some("2467".into());
    host.ports = OpenPorts::Only(vec!["443".parse().unwrap()]);
    let unfit = cloud.provision(&host).await.unwrap_err();
    assert_eq!(unfit.kind(), ErrorKind::Unsupported);
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn status_needs_all_three_words_and_a_real_address() {
    let server = wire::server().await;
    let steps = [
        (["pending", "none", "running"], "0.0.0.0"),
        (["active", "locked", "stopped"], "203.0.113.7"),
        (["active", "ok", "running"], "0.0.0.0"),
        (["active", "ok", "running"], "203.0.113.7"),
    ];
    for (words, ip) in steps {
        let shown = json!({ "instance": instance(ID, words, ip, &ours()) });
        answer_once(&server, "GET", PATH, 200, shown).await;
    }
    let cloud = connect(&server);
    for expected in [
        HostStatus::Provisioning,
        HostStatus::Provisioning,
        HostStatus::Provisioning,
        HostStatus::Active,
    ] {
        let host = cloud.status(&ID.parse().unwrap()).await.unwrap();
        assert_eq!(host.status, expected, "{}", host.raw_status);
        if expected == HostStatus::Active {
            insta::assert_json_snapshot!(host);
        }
    }
    answer_once(&server, "GET", PATH, 404, failure(404, "Invalid instance-id.")).await;
    let gone = cloud.status(&ID.parse().unwrap()).await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound);
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn list_reads_every_page_by_cursor() {
    let server = wire::server().await;
    let first = json!([running(ID, "203.0.113.7", &ours())]);
    let stopped = instance(
        "22222222-7a55-4d3b-9c65-0a7d3f0f6f11",
        ["active", "ok", "stopped"],
        "203.0.113.9",
        &ours(),
    );
    let shouted: Vec<String> = ours().iter().map(|tag| tag.to_uppercase()).collect();
    let foreign = running("33333333-7a55-4d3b-9c65-0a7d3f0f6f11", "203.0.113.8", &shouted);
    let second = json!([stopped, foreign]);
    answer_once(
        &server,
        "GET",
        "/v2/instances",
        200,
        page("instances", first, "bmV4dF9fMQ=="),
    )
    .await;
    answer_once(&server, "GET", "/v2/instances", 200, page("instances", second, "")).await;
    let hosts = connect(&server).list(&ListFilter::all()).await.unwrap();
    assert_eq!(
        hosts
            .iter()
            .map(|host| (host.id.as_str(), host.status))
            .collect::<Vec<_>>(),
        [
            (ID, HostStatus::Active),
            ("22222222-7a55-4d3b-9c65-0a7d3f0f6f11", HostStatus::Stopped)
        ]
    );
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn delete_waits_for_the_lock_and_confirms_that_nothing_is_left() {
    let server = wire::server().await;
    let locked = failure(
        500,
        "Unable to destroy server: Unable to remove VM: Server is currently locked",
    );
    answer_once(&server, "DELETE", PATH, 500, locked).await;
    // Accepted, still there; asked for again while it goes, still there; the same, and gone.
    answer_once(&server, "DELETE", PATH, 204, Value::Null).await;
    let pending = failure(500, "Server is already pending destruction");
    answer_once(&server, "DELETE", PATH, 500, pending.clone()).await;
    answer_once(&server, "DELETE", PATH, 500, pending).await;
    let still = json!({ "instance": running(ID, "203.0.113.7", &ours()) });
    answer_once(&server, "GET", PATH, 200, still.clone()).await;
    answer_once(&server, "GET", PATH, 200, still).await;
    let missing = failure(404, "Invalid instance-id.");
    answer_once(&server, "GET", PATH, 404, missing.clone()).await;
    answer_once(&server, "DELETE", PATH, 404, missing.clone()).await;
    // Accepted, and missing at once.
    answer_once(&server, "DELETE", PATH, 204, Value::Null).await;
    answer_once(&server, "GET", PATH, 404, missing).await;
    let cloud = connect(&server);
    let request = HostDeleteRequest::Id(ID.parse().unwrap());
    let busy = cloud.delete(&request).await.unwrap_err();
    assert_eq!((busy.kind(), busy.is_retryable()), (ErrorKind::Conflict, true));
    for expected in [
        Deletion::InProgress,
        Deletion::InProgress,
        Deletion::Removed,
        Deletion::NotFound,
        Deletion::Removed,
    ] {
        assert_eq!(cloud.delete(&request).await.unwrap(), expected);
    }
    insta::assert_snapshot!(received(&server).await);
}

/// Recorded in <https://github.com/vultr/terraform-provider-vultr/issues/177>.
#[tokio::test]
async fn an_instance_that_is_no_more_may_be_a_400() {
    let server = wire::server().await;
    for verb in ["GET", "DELETE"] {
        answer(&server, verb, PATH, 400, failure(400, "invalid instance ID")).await;
    }
    let cloud = connect(&server);
    let gone = cloud.status(&ID.parse().unwrap()).await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound);
    let request = HostDeleteRequest::Id(ID.parse().unwrap());
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::NotFound);
}

/// As with `--endpoint https://api.vultr.com/v2`, which doubles the path. The text is that of
/// <https://github.com/vultr/terraform-provider-vultr/issues/753>.
#[tokio::test]
async fn a_wrong_path_is_no_instance_that_is_gone() {
    let server = wire::server().await;
    for verb in ["GET", "DELETE"] {
        answer(&server, verb, PATH, 404, failure(404, "Not found.")).await;
    }
    let cloud = connect(&server);
    let id: HostId = ID.parse().unwrap();
    let read = cloud.status(&id).await.unwrap_err();
    let delete = cloud.delete(&id.into()).await.unwrap_err();
    for error in [read, delete] {
        assert_eq!(error.kind(), ErrorKind::UnexpectedResponse, "{error}");
        assert!(error.to_string().contains("is the endpoint right?"), "{error}");
    }
}

#[tokio::test]
async fn a_404_that_is_not_vultr_s_is_told_as_such_by_every_request() {
    for body in ["<html>not found</html>", "", r#"{"message":"no route"}"#] {
        let foreign = ResponseTemplate::new(404).set_body_string(body);
        let server = wire::server().await;
        Mock::given(any()).respond_with(foreign.clone()).mount(&server).await;
        let cloud = connect(&server);
        let id: HostId = ID.parse().unwrap();
        let mut errors = vec![
            cloud.provision(&small_host()).await.unwrap_err(),
            cloud.status(&id).await.unwrap_err(),
            cloud.delete(&id.into()).await.unwrap_err(),
            cloud.list(&ListFilter::all()).await.unwrap_err(),
        ];
        for query in [CatalogQuery::regions(), CatalogQuery::plans(), CatalogQuery::images()] {
            errors.push(cloud.catalog(&query).await.unwrap_err());
        }
        let server = wire::server().await;
        no_hosts(&server).await;
        Mock::given(any()).respond_with(foreign).mount(&server).await;
        errors.push(connect(&server).provision(&small_host()).await.unwrap_err());
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::UnexpectedResponse, "{error}");
        }
    }
}

#[tokio::test]
async fn the_reason_of_a_403_is_shown() {
    let server = wire::server().await;
    let reason = ResponseTemplate::new(403).set_body_string("This key may not manage servers.");
    Mock::given(any()).respond_with(reason).mount(&server).await;
    let error = connect(&server).status(&ID.parse().unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(error.to_string().contains("This key may not manage servers"), "{error}");
}

/// The create was accepted: nobody may take it that nothing was made.
#[tokio::test]
async fn an_accepted_create_with_a_strange_id_may_have_made_a_host() {
    let server = wire::server().await;
    no_hosts(&server).await;
    let mut strange = fresh(&ours());
    strange["instance"]["id"] = json!("../instances");
    answer(&server, "POST", "/v2/instances", 202, strange).await;
    let error = connect(&server).provision(&small_host()).await.unwrap_err();
    assert_eq!((error.kind(), error.may_exist()), (ErrorKind::UnexpectedResponse, true));
}

#[tokio::test]
async fn an_accepted_deletion_whose_end_cannot_be_seen_is_in_progress() {
    let server = wire::server().await;
    answer(&server, "DELETE", PATH, 204, Value::Null).await;
    answer(&server, "GET", PATH, 429, failure(429, "Rate limit reached.")).await;
    let request = HostDeleteRequest::Id(ID.parse().unwrap());
    assert_eq!(connect(&server).delete(&request).await.unwrap(), Deletion::InProgress);
}

#[tokio::test]
async fn delete_by_ip_finds_the_host_among_ours() {
    let server = wire::server().await;
    let foreign = running(
        "33333333-7a55-4d3b-9c65-0a7d3f0f6f11",
        "203.0.113.8",
        &["web".to_owned()],
    );
    // As if the filter were ignored: the address is compared again.
    let all = json!([foreign, running(ID, "203.0.113.7", &ours())]);
    answer(&server, "GET", "/v2/instances", 200, page("instances", all, "")).await;
    answer(&server, "DELETE", PATH, 204, Value::Null).await;
    answer(&server, "GET", PATH, 404, failure(404, "Invalid instance-id.")).await;
    let cloud = connect(&server);
    for nobody in ["203.0.113.8", "203.0.113.9", "0.0.0.0"] {
        let request = HostDeleteRequest::ip(nobody.parse().unwrap());
        assert_eq!(cloud.delete(&request).await.unwrap_err().kind(), ErrorKind::NotFound);
    }
    let request = HostDeleteRequest::ip("203.0.113.7".parse().unwrap());
    assert_eq!(cloud.delete(&request).await.unwrap(), Deletion::Removed);
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn catalog_of_a_region() {
    let server = wire::server().await;
    let regions = json!([
        {"id": "lhr", "city": "London", "country": "GB", "continent": "Europe", "options": []},
        {"id": "sao", "city": "São Paulo", "country": "BR", "continent": "South America", "options": []},
    ]);
    let plan = |id: &str, cost: f64, costs: Value| {
        json!({"id": id, "vcpu_count": 1, "ram": 1024, "disk": 25, "disk_count": 1, "bandwidth": 1024, "type": "vc2",
               "monthly_cost": cost, "locations": ["lhr", "sao"], "location_cost": costs})
    };
    let plans = json!([
        plan(
            "vc2-1c-1gb",
            5.0,
            json!({"sao": {"monthly_cost": 7.5, "hourly_cost": 0.01}})
        ),
        plan("vc2-1c-2gb", 10.0, json!([])),
        plan("vc2-1c-0.5gb-v6", 2.5, json!([])),
        plan("vc2-1c-0.5gb-free", 0.0, json!([])),
    ]);
    answer(&server, "GET", "/v2/regions", 200, page("regions", regions, "")).await;
    answer(&server, "GET", "/v2/plans", 200, page("plans", plans, "")).await;
    let stock = json!({"available_plans": ["vc2-1c-1gb", "vc2-1c-0.5gb-v6"]});
    answer(&server, "GET", "/v2/regions/sao/availability", 200, stock).await;
    answer(&server, "GET", "/v2/os", 200, page("os", systems(), "")).await;
    let cloud = connect(&server);
    insta::assert_json_snapshot!(cloud.catalog(&CatalogQuery::all().with_region("sao")).await.unwrap());
    // Plans and stock are asked for at the same time: in which order they arrive does not matter.
    let sent = received(&server).await;
    let mut sent: Vec<&str> = sent.split("\n\n--------\n\n").collect();
    sent.sort_unstable();
    insta::assert_snapshot!(sent.join("\n\n--------\n\n"));
    let unknown = cloud
        .catalog(&CatalogQuery::plans().with_region("mars"))
        .await
        .unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "vultr: catalog: region \"mars\" does not exist; known: lhr, sao"
    );
}

#[tokio::test]
async fn what_the_cloud_echoes_of_the_user_data_is_not_shown() {
    let server = wire::server().await;
    no_hosts(&server).await;
    let mut host = small_host();
    host.user_data = UserData::new("#!/bin/sh\necho hi-token-7f3a\n").unwrap();
    let encoded = host.user_data.to_base64();
    let echo = format!("Invalid user_data: {encoded} is not echo hi-token-7f3a");
    answer(&server, "POST", "/v2/instances", 400, failure(400, &echo)).await;
    let text = connect(&server).provision(&host).await.unwrap_err().to_string();
    assert!(!text.contains("hi-token-7f3a") && !text.contains(&encoded), "{text}");
    assert!(text.contains("asked for plan `vc2-1c-1gb`"), "{text}");
}
