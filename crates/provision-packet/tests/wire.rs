//! Pins every request that the provider sends, over the real transport against a mock server. The answers are those of the
//! [specification](https://github.com/equinix/equinix-sdk-go/tree/v0.66.0/spec/services/metalv1/oas3.fetched) and of the
//! fixtures of the official clients (read 2026-11), shortened.

#![allow(clippy::unwrap_used, reason = "a failed check ends the test")]

use std::time::{Duration, SystemTime};

use provision_core::{
    BasicHost, CatalogQuery, Deletion, ErrorKind, HostDeleteRequest, HostId, HostStatus, IdempotencyKey, ListFilter,
    Provisioner, RegionFilter, Settings, UserData,
};
use provision_packet::Packet;
use provision_testkit::{
    wire::{self, answer, answer_once, received},
    wiremock::{Mock, MockServer, ResponseTemplate, matchers::any},
};
use serde_json::{Value, json};

const PROJECT: &str = "f3f131c8-f302-49ef-8c44-9405022dc6dd";
const ID: &str = "9f7eafab-6f6b-4ae4-988d-c2a686367791|f3f131c8-f302-49ef-8c44-9405022dc6dd";
const OTHER: &str = "11111111-6f6b-4ae4-988d-c2a686367791";
const OUR_PROJECT: &str = "/metal/v1/projects/f3f131c8-f302-49ef-8c44-9405022dc6dd";
const DEVICES: &str = "/metal/v1/projects/f3f131c8-f302-49ef-8c44-9405022dc6dd/devices";
const DEVICE: &str = "/metal/v1/devices/9f7eafab-6f6b-4ae4-988d-c2a686367791";

fn connect(server: &MockServer) -> impl Provisioner {
    let settings = Settings::new()
        .with("token", "metal-secret-token")
        .with("project", PROJECT)
        .with("endpoint", format!("{}/metal/v1", server.uri()));
    Packet::from_settings(&settings, wire::transport()).unwrap()
}

fn small_host() -> BasicHost {
    BasicHost::new(
        "exit-1".parse().unwrap(),
        UserData::new("#!/bin/sh\necho hi\n").unwrap(),
    )
}

fn full_host() -> BasicHost {
    let mut host = small_host();
    host.region = Some("sv".into());
    host.plan = Some("m3.small.x86".into());
    host.image = Some("ubuntu_22_04".into());
    host.labels = "team=web".parse().unwrap();
    host.ssh_keys = vec![
        "084a5dec-30be-415a-8937-9c615932e459".into(),
        "user:1c1dc5c0-9c2b-4ac5-8f3d-2f6f2c7b9e11".into(),
    ];
    host = host.with_key(IdempotencyKey::new("order-17").unwrap());
    host.expires = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    host.additional = [
        ("terminate-at-expiry", "true"),
        ("hardware-reservation", "next-available"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into();
    host
}

fn device(state: &str, addresses: Value, host: &BasicHost) -> Value {
    json!({
        "id": "9f7eafab-6f6b-4ae4-988d-c2a686367791", "short_id": "9f7eafab", "hostname": "exit-1", "state": state,
        "tags": wire::labels(Packet::INFO, host).to_tags(), "billing_cycle": "hourly", "locked": false, "user": "root",
        "created_at": "2026-05-22T17:59:43Z", "updated_at": "2026-05-22T17:59:43Z", "provisioning_percentage": 0.0,
        "ip_addresses": addresses, "root_password": "hunter2hunter2", "userdata": "#!/bin/sh\necho hi\n",
        "operating_system": {"slug": "ubuntu_24_04", "distro": "ubuntu", "version": "24.04", "name": "Ubuntu 24.04 LTS"},
        "plan": {"id": "6d1f1ffa-7912-4b78-b50d-88cc7c8ab40f", "slug": "c3.small.x86", "pricing": {"hour": 0.75}},
        "metro": {"id": "108b2cfb-246b-45e3-885a-bf3e82fce1a0", "code": "am", "name": "Amsterdam", "country": "NL"},
        "facility": {"id": "8e6470b3-b75e-47d1-bb93-45b225750975", "code": "am6"},
        "project": {"href": format!("/metal/v1/projects/{PROJECT}")}, "ssh_keys": [], "volumes": [], "network_ports": [],
        "href": DEVICE,
    })
}

/// A public IPv6 address comes first, the device's own public IPv4 last.
fn addresses() -> Value {
    json!([
        {"address": "2001:db8::3", "address_family": 6, "public": true, "management": true, "cidr": 127, "enabled": true},
        {"address": "10.80.1.3", "address_family": 4, "public": false, "management": true, "cidr": 31, "enabled": true},
        {"address": "198.51.100.9", "address_family": 4, "public": true, "management": false, "cidr": 32, "enabled": true},
        {"address": "203.0.113.10", "address_family": 4, "public": true, "management": true, "cidr": 31, "enabled": true},
    ])
}

fn ours(state: &str) -> Value {
    device(state, addresses(), &small_host())
}

fn page(devices: Value, more: bool) -> Value {
    let next = more.then(|| json!({"href": "https://elsewhere.example/metal/v1/devices?page=2"}));
    json!({"devices": devices, "meta": {
        "self": {"href": format!("{DEVICES}?page=1")}, "previous": null, "next": next, "total": 1, "current_page": 1, "last_page": 1,
    }})
}

fn errors(text: &str) -> Value {
    json!({ "errors": [text] })
}

fn hidden() -> Value {
    json!({"error": "You are not authorized to delete this device"})
}

#[tokio::test]
async fn create_with_defaults() {
    let server = wire::server().await;
    answer(&server, "GET", DEVICES, 200, page(json!([]), false)).await;
    answer(
        &server,
        "POST",
        DEVICES,
        201,
        device("queued", json!([]), &small_host()),
    )
    .await;
    let host = connect(&server).provision(&small_host()).await.unwrap();
    assert_eq!(
        (host.id.as_str(), host.status, host.ip),
        (ID, HostStatus::Provisioning, None)
    );
    assert!(!format!("{host:?}").contains("hunter2"));
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn create_with_everything_looks_up_the_key() {
    let server = wire::server().await;
    answer(&server, "GET", DEVICES, 200, page(json!([]), false)).await;
    answer(&server, "POST", DEVICES, 201, device("queued", json!([]), &full_host())).await;
    let host = connect(&server).provision(&full_host()).await.unwrap();
    assert!(host.labels.has_key(&IdempotencyKey::new("order-17").unwrap()));
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn a_lost_create_is_adopted() {
    let server = wire::server().await;
    // A filter that lets others through, and an earlier host of the key that is on its way out.
    let mut going = device("deprovisioning", addresses(), &full_host());
    going["id"] = json!("22222222-6f6b-4ae4-988d-c2a686367791");
    let found = device("active", addresses(), &full_host());
    let mut other_key = full_host();
    other_key = other_key.with_key(IdempotencyKey::new("order-18").unwrap());
    let mut other = device("active", addresses(), &other_key);
    other["id"] = json!(OTHER);
    answer(&server, "GET", DEVICES, 200, page(json!([other, going, found]), false)).await;
    let host = connect(&server).provision(&full_host()).await.unwrap();
    assert_eq!((host.id.as_str(), host.status), (ID, HostStatus::Active));
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn a_host_that_is_being_deleted_is_not_adopted_and_not_made_twice() {
    let server = wire::server().await;
    let going = device("deprovisioning", addresses(), &full_host());
    answer(&server, "GET", DEVICES, 200, page(json!([going]), false)).await;
    let error = connect(&server).provision(&full_host()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains(&ID.replace('|', "/")), "{error}");
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_refusal_names_what_was_asked_for_and_hides_what_is_secret() {
    let server = wire::server().await;
    answer(&server, "GET", DEVICES, 200, page(json!([]), false)).await;
    let text = "Userdata #!/bin/sh echo secret-in-user-data is invalid for metal-secret-token";
    answer(&server, "POST", DEVICES, 422, errors(text)).await;
    let mut host = small_host();
    host.user_data = UserData::new("#!/bin/sh\necho secret-in-user-data\n").unwrap();
    let error = connect(&server).provision(&host).await.unwrap_err();
    let shown = format!("{error} {error:?}");
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(shown.contains("plan `c3.small.x86`"), "{shown}");
    assert!(
        !shown.contains("secret-in-user-data") && !shown.contains("metal-secret-token"),
        "{shown}"
    );
}

#[tokio::test]
async fn status_picks_the_public_ipv4_address_of_the_device() {
    let server = wire::server().await;
    answer(&server, "GET", DEVICE, 200, ours("active")).await;
    let cloud = connect(&server);
    let host = cloud.status(&ID.parse().unwrap()).await.unwrap();
    assert_eq!(
        (host.status, host.ip),
        (HostStatus::Active, Some("203.0.113.10".parse().unwrap()))
    );
    insta::assert_json_snapshot!(host);
    // The vendor's id alone will do.
    let same = cloud
        .status(&"9f7eafab-6f6b-4ae4-988d-c2a686367791".parse().unwrap())
        .await
        .unwrap();
    assert_eq!(same, host);
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn list_reads_every_page_from_the_configured_endpoint() {
    let server = wire::server().await;
    let mut foreign = ours("active");
    foreign["tags"] = json!(["web"]);
    let mut second = ours("inactive");
    second["id"] = json!(OTHER);
    answer_once(
        &server,
        "GET",
        DEVICES,
        200,
        page(json!([ours("active"), foreign]), true),
    )
    .await;
    answer_once(&server, "GET", DEVICES, 200, page(json!([second]), false)).await;
    let hosts = connect(&server).list(&ListFilter::all()).await.unwrap();
    let statuses: Vec<_> = hosts.iter().map(|host| host.status).collect();
    assert_eq!(statuses, [HostStatus::Active, HostStatus::Stopped]);
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn delete_by_id_until_it_is_gone() {
    let server = wire::server().await;
    for (status, body) in [
        (422, errors("Cannot delete a device while it is provisioning")),
        (204, Value::Null),
        (422, errors("Cannot delete a device while it is deprovisioning")),
        (404, errors("Not found")),
    ] {
        answer_once(&server, "DELETE", DEVICE, status, body).await;
    }
    answer(&server, "GET", OUR_PROJECT, 200, json!({ "id": PROJECT })).await;
    let cloud = connect(&server);
    let request = HostDeleteRequest::Id(ID.parse().unwrap());
    let busy = cloud.delete(&request).await.unwrap_err();
    assert_eq!(busy.kind(), ErrorKind::Conflict);
    assert!(busy.is_retryable());
    for expected in [Deletion::InProgress, Deletion::InProgress, Deletion::NotFound] {
        assert_eq!(cloud.delete(&request).await.unwrap(), expected);
    }
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn a_device_that_left_its_project_is_gone() {
    let server = wire::server().await;
    let mut other = ours("active");
    other["id"] = json!(OTHER);
    answer(&server, "DELETE", DEVICE, 403, hidden()).await;
    answer(&server, "GET", DEVICE, 403, hidden()).await;
    answer(&server, "GET", DEVICES, 200, page(json!([other]), false)).await;
    let cloud = connect(&server);
    let id = ID.parse().unwrap();
    assert_eq!(cloud.status(&id).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(cloud.delete(&id.into()).await.unwrap(), Deletion::NotFound);
    insta::assert_snapshot!(received(&server).await);
}

/// A path that the API does not have is "Not found" in the words of a device that is gone.
#[tokio::test]
async fn a_device_is_not_gone_while_the_endpoint_may_be_wrong() {
    let table = [
        (200, json!({ "id": PROJECT }), ErrorKind::NotFound),
        (404, errors("Not found"), ErrorKind::InvalidRequest),
        (404, Value::Null, ErrorKind::UnexpectedResponse),
        (403, hidden(), ErrorKind::Forbidden),
        (429, json!({"error": "Too many requests"}), ErrorKind::RateLimited),
        (500, errors("Oh snap, something went wrong!"), ErrorKind::Unavailable),
    ];
    for (status, body, kind) in table {
        let server = wire::server().await;
        for verb in ["GET", "DELETE"] {
            answer(&server, verb, DEVICE, 404, errors("Not found")).await;
        }
        answer(&server, "GET", OUR_PROJECT, status, body).await;
        let cloud = connect(&server);
        for id in [ID, "9f7eafab-6f6b-4ae4-988d-c2a686367791"] {
            let id: HostId = id.parse().unwrap();
            assert_eq!(cloud.status(&id).await.unwrap_err().kind(), kind, "{status}");
            match cloud.delete(&id.into()).await {
                Ok(deleted) => assert_eq!((deleted, kind), (Deletion::NotFound, ErrorKind::NotFound)),
                Err(error) => assert_eq!(error.kind(), kind, "{status}"),
            }
        }
    }
}

#[tokio::test]
async fn a_404_that_is_not_packet_s_is_told_as_such_by_every_request() {
    for body in ["<html>not found</html>", "", r#"{"message":"no Route matched"}"#] {
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
        answer(&server, "GET", DEVICES, 200, page(json!([]), false)).await;
        Mock::given(any()).respond_with(foreign).mount(&server).await;
        errors.push(connect(&server).provision(&small_host()).await.unwrap_err());
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::UnexpectedResponse, "{error}");
        }
    }
}

/// A device went while the pages were read, and the wanted one moved to the page that had been read before: as many devices
/// came as the last page counts.
#[tokio::test]
async fn a_list_that_changed_while_it_was_read_does_not_say_that_a_device_is_gone() {
    let server = wire::server().await;
    let of = |id: &str| {
        let mut device = ours("active");
        device["id"] = json!(id);
        device
    };
    let first = json!({"devices": [of(OTHER)], "meta": {"next": {"href": "/x?page=2"}, "total": 3}});
    let second = json!({"devices": [of(PROJECT)], "meta": {"next": null, "total": 2}});
    answer(&server, "GET", DEVICE, 403, hidden()).await;
    answer_once(&server, "GET", DEVICES, 200, first).await;
    answer_once(&server, "GET", DEVICES, 200, second).await;
    let error = connect(&server).status(&ID.parse().unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
}

/// The create was accepted: nobody may take it that nothing was made.
#[tokio::test]
async fn an_accepted_create_with_a_strange_id_may_have_made_a_host() {
    let server = wire::server().await;
    let mut strange = ours("queued");
    strange["id"] = json!("../projects");
    answer(&server, "GET", DEVICES, 200, page(json!([]), false)).await;
    answer(&server, "POST", DEVICES, 201, strange).await;
    let error = connect(&server).provision(&small_host()).await.unwrap_err();
    assert_eq!((error.kind(), error.may_exist()), (ErrorKind::UnexpectedResponse, true));
}

/// 403 is no proof that a device is gone while anything else explains it.
#[tokio::test]
async fn a_device_that_the_token_may_not_see_is_not_gone() {
    let mut other = ours("active");
    other["id"] = json!(OTHER);
    let table = [
        (200, page(json!([ours("active")]), false), ErrorKind::Forbidden),
        // Two devices, of which a page that moved shows one twice; and a list that does not say how many it has.
        (
            200,
            json!({"devices": [other, other], "meta": {"next": null, "total": 2}}),
            ErrorKind::Forbidden,
        ),
        (200, json!({"devices": []}), ErrorKind::Forbidden),
        (403, hidden(), ErrorKind::Forbidden),
        (404, errors("Not found"), ErrorKind::Forbidden),
        (
            401,
            json!({"error": "Invalid authentication token"}),
            ErrorKind::Unauthorized,
        ),
        (429, json!({"error": "Too many requests"}), ErrorKind::RateLimited),
        (500, errors("Oh snap, something went wrong!"), ErrorKind::Unavailable),
        (200, json!({"plans": []}), ErrorKind::UnexpectedResponse),
    ];
    for (status, body, kind) in table {
        let server = wire::server().await;
        answer(&server, "DELETE", DEVICE, 403, hidden()).await;
        answer(&server, "GET", DEVICE, 403, hidden()).await;
        answer(&server, "GET", DEVICES, status, body).await;
        let cloud = connect(&server);
        let id: HostId = ID.parse().unwrap();
        assert_eq!(cloud.status(&id).await.unwrap_err().kind(), kind, "{status}");
        assert_eq!(cloud.delete(&id.into()).await.unwrap_err().kind(), kind, "{status}");
    }
}

/// The configured project may be another than the device's: without the project nothing can be told.
#[tokio::test]
async fn a_bare_id_is_not_looked_for_in_the_configured_project() {
    let server = wire::server().await;
    answer(&server, "DELETE", DEVICE, 403, hidden()).await;
    let id: HostId = "9f7eafab-6f6b-4ae4-988d-c2a686367791".parse().unwrap();
    let error = connect(&server).delete(&id.into()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(error.to_string().contains("`packet/<device>/<project>`"), "{error}");
    assert_eq!(server.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn delete_by_ip_finds_the_host_among_ours() {
    let server = wire::server().await;
    answer(&server, "GET", DEVICES, 200, page(json!([ours("active")]), false)).await;
    answer(&server, "DELETE", DEVICE, 204, Value::Null).await;
    let cloud = connect(&server);
    let at = |ip: &str| HostDeleteRequest::ip(ip.parse().unwrap());
    for nobody in ["203.0.113.8", "10.80.1.3", "2001:db8::3"] {
        let missing = cloud.delete(&at(nobody)).await.unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound, "{nobody}");
    }
    let elsewhere = HostDeleteRequest::Ip {
        ip: "203.0.113.10".parse().unwrap(),
        region: RegionFilter::Only("sv".into()),
    };
    assert_eq!(cloud.delete(&elsewhere).await.unwrap_err().kind(), ErrorKind::NotFound);
    let server = wire::server().await;
    answer(&server, "GET", DEVICES, 200, page(json!([ours("active")]), false)).await;
    answer(&server, "DELETE", DEVICE, 204, Value::Null).await;
    let deleted = connect(&server).delete(&at("203.0.113.10")).await.unwrap();
    assert_eq!(deleted, Deletion::InProgress);
    insta::assert_snapshot!(received(&server).await);
}

#[tokio::test]
async fn catalog_of_a_metro() {
    let server = wire::server().await;
    let metros = json!({"metros": [
        {"id": "108b2cfb-246b-45e3-885a-bf3e82fce1a0", "code": "am", "name": "Amsterdam", "country": "NL"},
        {"id": "2991b022-b8c4-497e-8db7-5a407c3a209b", "code": "sv", "name": "Silicon Valley", "country": "US"},
    ]});
    let am = "/metal/v1/locations/metros/108b2cfb-246b-45e3-885a-bf3e82fce1a0";
    let sv = "/metal/v1/locations/metros/2991b022-b8c4-497e-8db7-5a407c3a209b";
    let specs = json!({"cpus": [{"count": 1, "type": "AMD EPYC 7402P"}], "memory": {"total": "64GB"},
        "drives": [{"count": 2, "size": "240GB", "type": "SSD"}, {"count": 1, "size": "3.84TB", "type": "NVME"}]});
    let plans = json!({"plans": [
        {"slug": "c3.small.x86", "name": "c3.small.x86", "description": "Our c3.small.x86 configuration",
         "deployment_types": ["on_demand", "spot_market"], "pricing": {"hour": 0.75}, "specs": {"memory": {"total": "32GB"}},
         "available_in_metros": [{"href": am, "price": {"hour": 0.75}}, {"href": sv, "price": {"hour": 0.9}}]},
        {"slug": "c3.medium.x86", "name": "c3.medium.x86", "pricing": {"hour": 1.5}, "specs": specs,
         "available_in_metros": [{"href": sv}, {"href": "/metal/v1/locations/metros/unknown"}]},
        {"slug": "m3.small.x86", "name": "m3.small.x86", "pricing": {"hour": 1.05}, "specs": {},
         "available_in_metros": [{"href": am}]},
        {"slug": "baremetal_x", "name": "reserved", "deployment_types": [], "pricing": {}, "specs": {}},
    ]});
    let capacity = json!({"capacity": {
        "am": {"c3.small.x86": {"level": "normal", "available_servers": 25}},
        "sv": {"c3.small.x86": {"level": "limited"}, "c3.medium.x86": {"level": "unavailable"}},
    }});
    let systems = json!({"operating_systems": [
        {"id": "5ec0ffee", "slug": "ubuntu_24_04", "distro": "ubuntu", "version": "24.04", "name": "Ubuntu 24.04 LTS"},
        {"id": "5ec0ffef", "slug": "debian_12", "distro": "debian", "version": "12", "name": "Debian 12"},
    ]});
    answer(&server, "GET", "/metal/v1/locations/metros", 200, metros).await;
    answer(&server, "GET", "/metal/v1/plans", 200, plans).await;
    answer_once(&server, "GET", "/metal/v1/capacity/metros", 200, capacity).await;
    answer(&server, "GET", "/metal/v1/capacity/metros", 403, hidden()).await;
    answer(&server, "GET", "/metal/v1/operating-systems", 200, systems).await;
    let cloud = connect(&server);
    insta::assert_json_snapshot!(cloud.catalog(&CatalogQuery::all().with_region("sv")).await.unwrap());
    // Plans, stock and metros are asked for at the same time: in which order they arrive does not matter.
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
        "packet: catalog: region \"mars\" does not exist; known: am, sv"
    );
    // A key that may not see the stock still sees the plans.
    let plans = cloud.catalog(&CatalogQuery::plans()).await.unwrap().plans;
    assert!(
        plans
            .iter()
            .any(|plan| plan.id == "c3.small.x86" && plan.available.is_none())
    );
}
