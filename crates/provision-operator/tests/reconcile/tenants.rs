//! What somebody can do who may create Secrets, Hosts and Services in one namespace.

use std::fs;

use k8s_openapi::ByteString;
use provision::{SettingRole, StrangerRules};
use provision_operator::budget::{Caps, CostCap};
use serde_json::{Value, json};

use crate::world::{
    HOSTS, Operator, Setup, World,
    clouds::{TWO, every_cloud, on_every_cloud},
    tenant::TenantCloud,
};

fn make_secret(world: &World, name: &str, data: &[(&str, &str)]) {
    let data: serde_json::Map<String, Value> = data
        .iter()
        .map(|(key, value)| ((*key).to_owned(), json!(ByteString(value.as_bytes().to_vec()))))
        .collect();
    let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name, "namespace": "shop" }, "data": data });
    world.cluster.create("secrets", secret);
}

fn make_host_with(world: &World, name: &str, provider: &str, data: &[(&str, &str)]) {
    make_secret(world, name, data);
    world.make_host(
        name,
        json!({ "provider": provider, "credentialsRef": { "name": name } }),
    );
}

/// The reason and message of what is wrong with a Host.
fn wrong(world: &World, name: &str) -> (String, String) {
    let host = world.host(name);
    let conditions = host["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let found = conditions
        .into_iter()
        .find(|c| c["type"] == "Degraded" && c["status"] == "True");
    let text = |key: &str| {
        found
            .as_ref()
            .map_or_else(String::new, |c| c[key].as_str().unwrap_or_default().to_owned())
    };
    (text("reason"), text("message"))
}

fn world(setup: Setup) -> (World, Operator) {
    let world = World::with(
        TWO[0],
        Setup {
            real_network: true,
            ..setup
        },
    );
    let operator = world.start();
    (world, operator)
}

/// A Host's name, its cloud, and the data of its Secret.
type Attack<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);

/// What a tenant's Secret would have the operator read of its own files and send to a server of the tenant's.
#[tokio::test]
async fn the_operators_credentials_stay_where_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("operators-own.json");
    let own = r#"{"type":"authorized_user","client_id":"CANARY","client_secret":"CANARY","refresh_token":"CANARY",
        "clientId":"CANARY","clientSecret":"CANARY","tenantId":"CANARY","subscriptionId":"5d1c2f0e-7a55-4d3b-9c65-0a7d3f0f6f11"}"#;
    fs::write(&file, own).unwrap();
    fs::create_dir(folder.path().join(".aws")).unwrap();
    let keys = "[default]\naws_access_key_id = CANARY\naws_secret_access_key = CANARY\n";
    fs::write(folder.path().join(".aws/credentials"), keys).unwrap();
    let (file, home) = (
        file.to_str().unwrap().to_owned(),
        folder.path().to_str().unwrap().to_owned(),
    );
    let credentials = format!("{home}/.aws/credentials");
    let absent = format!("{home}/absent");

    let tenant = TenantCloud::start(|_| "{}".to_owned());
    let (world, mut operator) = world(Setup::default());
    let to = [("endpoint", tenant.url.as_str()), ("allow-http", "true")];
    let attacks: [Attack<'_>; 8] = [
        ("azure-file", "azure", &[("auth-file", &file), to[0], to[1]]),
        ("azure-absent", "azure", &[("auth-file", &absent), to[0], to[1]]),
        (
            "azure-login",
            "azure",
            &[("auth-file", &file), ("login-endpoint", &tenant.url)],
        ),
        (
            "gce-file",
            "gce",
            &[("service-account-file", &file), ("project", "p1"), to[0]],
        ),
        ("gce-home", "gce", &[("gcloud-config", &home), ("project", "p1"), to[0]]),
        (
            "gce-zero",
            "gce",
            &[("service-account-file", "/dev/zero"), ("project", "p1")],
        ),
        ("ec2-file", "ec2", &[("credentials-file", &credentials), to[0]]),
        ("ec2-home", "ec2", &[("home", &home), to[0]]),
    ];
    for (name, provider, data) in attacks {
        make_host_with(&world, name, provider, data);
    }
    operator.round().await;
    operator.round().await;
    for (name, ..) in attacks {
        let (reason, message) = wrong(&world, name);
        assert_eq!(reason, "InvalidRequest", "{name}: {message}");
        assert!(
            message.contains("of spec.credentialsRef: setting `"),
            "{name}: {message}"
        );
        assert!(!message.contains(&home), "{name}: {message}");
    }
    assert_eq!(
        wrong(&world, "azure-file").1.replace("azure-file", ""),
        wrong(&world, "azure-absent").1.replace("azure-absent", ""),
        "which files exist is nobody's business"
    );
    assert_eq!(tenant.told(), Vec::<String>::new());
}

/// On every cloud: an endpoint of the tenant's is refused, unless the operator was started with it.
#[tokio::test]
async fn requests_go_where_the_operator_allows() {
    let tenant = TenantCloud::start(|_| "{}".to_owned());
    let rules = StrangerRules::new().with_endpoint(&tenant.url);
    for (strangers, reached) in [(StrangerRules::new(), false), (rules, true)] {
        let (world, mut operator) = world(Setup {
            strangers,
            ..Setup::default()
        });
        for cloud in every_cloud() {
            let info = provision::find(cloud).unwrap();
            let account = provision_sim::clouds()
                .into_iter()
                .find(|known| known.id == cloud)
                .unwrap();
            let open = |(name, _): &(&str, &str)| {
                info.setting(name)
                    .is_some_and(|setting| setting.role.is_open_to_strangers())
            };
            let mut data: Vec<(&str, &str)> = account.settings.iter().copied().filter(open).collect();
            data.push(("endpoint", &tenant.url));
            assert_eq!(
                info.setting("endpoint").map(|setting| setting.role),
                Some(SettingRole::Endpoint)
            );
            let before = tenant.told().len();
            make_host_with(&world, &format!("at-{cloud}"), cloud, &data);
            operator.round().await;
            let (reason, message) = wrong(&world, &format!("at-{cloud}"));
            assert_eq!(tenant.told().len() > before, reached, "{cloud}: {reason}: {message}");
            if !reached {
                assert!(message.contains("--tenant-endpoint"), "{cloud}: {message}");
            }
        }
    }
}

/// The tenant's server makes up one page of a list after the other.
#[tokio::test]
async fn a_list_without_an_end_costs_little() {
    let tenant = TenantCloud::start(|number| {
        let pad = "x".repeat(1_000_000);
        format!(r#"{{"droplets":[],"pad":"{number}{pad}","links":{{"pages":{{"next":"more"}}}}}}"#)
    });
    let strangers = StrangerRules::new().with_endpoint(&tenant.url);
    let (world, mut operator) = world(Setup {
        strangers,
        ..Setup::default()
    });
    make_host_with(
        &world,
        "endless",
        "digitalocean",
        &[("token", "t"), ("endpoint", &tenant.url)],
    );
    operator.round().await;
    let (reason, message) = wrong(&world, "endless");
    assert_eq!(reason, "UnexpectedResponse", "{message}");
    assert!(message.contains("16777216 bytes"), "{message}");
    let sent = tenant.sent();
    assert!((16_000_000..18_000_000).contains(&sent), "{sent}");
}

#[test]
fn the_operators_networks_and_roles_need_permission() {
    on_every_cloud(async |cloud| {
        let info = provision::find(cloud).unwrap();
        let extras = info.additional.iter();
        let guarded: Vec<&str> = extras
            .filter(|extra| extra.role != provision::AdditionalRole::Harmless)
            .map(|extra| extra.key)
            .collect();
        let world = World::new(cloud);
        let mut operator = world.start();
        for key in &guarded {
            world.make_host(
                &format!("with-{key}"),
                json!({ "additional": { (*key): "operators-own" } }),
            );
        }
        world.make_host("plain", json!({}));
        operator
            .until("the plain one has a host", || {
                world.host("plain")["status"]["id"].is_string()
            })
            .await;
        for key in &guarded {
            let (reason, message) = wrong(&world, &format!("with-{key}"));
            assert_eq!(reason, "AdditionalNotAllowed", "{cloud}: {message}");
            assert!(
                message.contains(&format!("--allow-additional {key}")),
                "{cloud}: {message}"
            );
        }
        assert_eq!(world.hosts_at_cloud(), 1, "{cloud}");
    });
}

#[tokio::test]
async fn a_larger_disk_is_no_way_round_the_cap_on_costs() {
    let spec = || json!({ "additional": { "disk-gb": "65536" } });
    let caps = Caps {
        max_monthly_cost: Some(CostCap::Single(15.0)),
        ..Caps::default()
    };
    let allowed = Setup {
        allow_additional: &["disk-gb"],
        ..Setup::default()
    };
    let capped = Setup {
        caps,
        ..allowed.clone()
    };
    for (setup, expected) in [(allowed, None), (capped, Some("OverBudget"))] {
        let world = World::with("gce", setup);
        let mut operator = world.start();
        world.make_host("large", spec());
        operator.round().await;
        match expected {
            Some(reason) => assert_eq!(wrong(&world, "large").0, reason),
            None => {
                let status = &world.host("large")["status"];
                assert!(status["id"].is_string() && status["monthlyCost"].is_null(), "{status}");
            }
        }
    }
}

#[tokio::test]
async fn a_deployment_of_somebody_else_is_left_alone() {
    let world = World::new(TWO[0]);
    let theirs = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": "web-tunnel-client", "namespace": "shop" },
        "spec": { "replicas": 3 }
    });
    let theirs = world.cluster.create("apps/deployments", theirs);
    world.make_service("web");
    let mut operator = world.start();
    let degraded = || {
        let tunnel = world.tunnel("web-tunnel");
        let conditions = tunnel["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let found = conditions
            .into_iter()
            .find(|c| c["type"] == "Degraded")
            .unwrap_or_default();
        (found["reason"].clone(), found["message"].clone())
    };
    operator.until("it is told", || degraded().0 == "ClientNameTaken").await;
    let message = degraded().1;
    assert!(
        message
            .as_str()
            .unwrap()
            .contains("`web-tunnel-client` is not this tunnel's"),
        "{message}"
    );
    let find = || {
        world
            .cluster
            .get("apps/deployments", "shop", "web-tunnel-client")
            .unwrap()
    };
    assert_eq!(find(), theirs);
    // As soon as the name is free the tunnel has it.
    world.cluster.delete("apps/deployments", "shop", "web-tunnel-client");
    operator
        .until("the tunnel is active", || world.is_active("web-tunnel"))
        .await;
    assert!(find().to_string().contains("--ports=80"));
}

#[tokio::test]
async fn a_license_of_the_namespaces_own_stays() {
    let world = World::new(TWO[0]);
    make_secret(&world, "inlets-license", &[("license", "paid-by-the-tenant")]);
    let before = world.cluster.get("secrets", "shop", "inlets-license");
    world.make_service("web");
    let mut operator = world.start();
    operator
        .until("the tunnel is active", || world.is_active("web-tunnel"))
        .await;
    assert_eq!(world.cluster.get("secrets", "shop", "inlets-license"), before);
}

/// Sockets, Secrets and tasks of this process.
fn held(operator: &Operator) -> (usize, usize, usize, usize) {
    let sockets = fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let context = &operator.context;
    (context.accounts.all().len(), context.known_secrets(), tasks, sockets)
}

fn memory_mb() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kb: Option<f64> = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
    kb.unwrap_or_default() / 1024.0
}

/// Six hundred Hosts, each with a Secret of its own, that are made and deleted: connections, tasks and memory go with them.
#[tokio::test]
async fn accounts_that_nobody_uses_are_dropped() {
    const BATCHES: usize = 6;
    let cloud = "hetzner";
    let setup = Setup {
        real_network: true,
        polls_itself: true,
        ..Setup::default()
    };
    let mut world = World::with(cloud, setup);
    let server = world.sim.serve(([127, 0, 0, 1], 0).into()).await.unwrap();
    let endpoint = format!("{}/hetzner", server.base_url());
    world.setup.strangers = StrangerRules::new().with_endpoint(&endpoint);
    let mut operator = world.start();
    let token = World::settings(cloud).get("token").unwrap().to_owned();
    let (mut before, mut most) = (held(&operator), 0);
    let memory = memory_mb();
    for batch in 0..BATCHES {
        let names: Vec<String> = (0..100).map(|number| format!("host-{batch}-{number}")).collect();
        for name in &names {
            make_host_with(&world, name, cloud, &[("token", &token), ("endpoint", &endpoint)]);
        }
        operator
            .until("all have a host", || {
                names.iter().all(|name| world.host(name)["status"]["id"].is_string())
            })
            .await;
        most = most.max(held(&operator).0);
        for name in &names {
            world.cluster.delete(HOSTS, "shop", name);
        }
        operator
            .until("all are gone", || names.iter().all(|name| world.host(name).is_null()))
            .await;
        if batch == 0 {
            before = held(&operator);
        }
    }
    // A task that was told to end does so when it has its turn.
    for _ in 0..10_000 {
        tokio::task::yield_now().await;
    }
    let after = held(&operator);
    eprintln!(
        "600 Hosts with Secrets: accounts, secrets, tasks and descriptors {before:?} after the first hundred, {after:?} after all; \
         {memory:.0} MB before, {:.0} MB after",
        memory_mb()
    );
    assert_eq!(most, 100);
    assert_eq!((after.0, after.1), (0, 0));
    assert!(after.2 <= before.2 + 5, "tasks: {before:?}, {after:?}");
    assert!(after.3 <= before.3 + 50, "descriptors: {before:?}, {after:?}");
    server.shutdown().await;
}
