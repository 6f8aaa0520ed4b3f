//! The binary against a real API server and a simulated cloud.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests"
)]

mod cluster;

use std::{
    io::{BufRead as _, BufReader},
    net::{Ipv4Addr, SocketAddr},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use cluster::{Cluster, DEADLINE, SPACE};
use k8s_openapi::{
    api::{
        apps::v1::Deployment,
        core::v1::{Secret, Service},
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, ResourceExt as _,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use provision_operator::crd::{Host, HostPhase, Tunnel, definitions};
use provision_sim::{Server, Sim};
use serde_json::{Value, json};

/// Waits for a condition, up to the deadline.
#[track_caller]
pub(crate) fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) -> impl Future<Output = ()> {
    let caller = std::panic::Location::caller();
    let start = Instant::now();
    async move {
        while !holds().await {
            assert!(start.elapsed() < DEADLINE, "{caller}: never: {what}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// The operator's process, and its log.
struct Operator {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
}

impl Operator {
    fn start(cluster: &Cluster, endpoint: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_provision-operator"))
            .args(arguments)
            .args([
                "--provider=hetzner",
                "--poll-interval=1",
                "--idle-poll-interval=1",
                &format!("--namespace={SPACE}"),
            ])
            .args([
                "--listen=127.0.0.1:0",
                "--max-hosts=5",
                &format!("--setting=endpoint={endpoint}"),
            ])
            .arg(format!("--kubeconfig={}", cluster.kubeconfig.display()))
            .env_clear()
            .env("PROVISION_ACCESS_KEY", "sim-token-hetzner")
            .env("PROVISION_LICENSE", "license-secret-1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::<Mutex<Vec<String>>>::default();
        let (lines, pipe) = (log.clone(), child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                lines.lock().unwrap().push(line);
            }
        });
        Self { child, log }
    }

    fn says(&self, text: &str) -> bool {
        self.log.lock().unwrap().iter().any(|line| line.contains(text))
    }

    fn address(&self) -> Option<String> {
        let log = self.log.lock().unwrap();
        let line = log.iter().find(|line| line.contains("\"address\""))?;
        let line: Value = serde_json::from_str(line).unwrap();
        line["address"].as_str().map(str::to_owned)
    }

    fn get(&self, path: &str) -> (u16, String) {
        use std::io::{Read as _, Write as _};
        let Some(address) = self.address() else {
            return (0, String::new());
        };
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        (text[9..12].parse().unwrap(), text)
    }

    fn terminate(mut self) -> (bool, Vec<String>) {
        let done = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status();
        assert!(done.unwrap().success());
        let status = self.child.wait().unwrap();
        (status.success(), self.log.lock().unwrap().clone())
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{:#?}", self.log.lock().unwrap());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `provision-operator check`: whether all is well, and what it printed.
fn check(cluster: &Cluster, endpoint: &str, token: &str) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_provision-operator"))
        .args(["check", "--provider=hetzner", &format!("--namespace={SPACE}")])
        .arg(format!("--setting=endpoint={endpoint}"))
        .arg(format!("--kubeconfig={}", cluster.kubeconfig.display()))
        .env_clear()
        .env("PROVISION_ACCESS_KEY", token)
        .env("PROVISION_LICENSE", "license-secret-1")
        .output()
        .unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

struct Cloud {
    sim: Sim,
    _server: Server,
    endpoint: String,
}

impl Cloud {
    async fn start() -> Self {
        let sim = Sim::builder().boot_time(Duration::from_secs(2)).build().unwrap();
        let server = sim.serve(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.unwrap();
        let path = provision_sim::clouds()
            .into_iter()
            .find(|cloud| cloud.id == "hetzner")
            .unwrap()
            .endpoint_path;
        let endpoint = format!("{}{path}", server.base_url());
        Self {
            sim,
            _server: server,
            endpoint,
        }
    }

    fn hosts(&self) -> usize {
        self.sim.inventory().iter().filter(|item| item.kind == "host").count()
    }

    fn bills(&self) -> usize {
        self.sim.inventory().iter().filter(|item| item.bills).count()
    }
}

async fn install(cluster: &Cluster) {
    let api = Api::<CustomResourceDefinition>::all(cluster.client.clone());
    for (_, definition) in definitions() {
        let name = definition.name_any();
        api.patch(&name, &PatchParams::apply("e2e"), &Patch::Apply(&definition))
            .await
            .unwrap();
        eventually("the definition is served", async || {
            let conditions = api
                .get(&name)
                .await
                .unwrap()
                .status
                .and_then(|status| status.conditions)
                .unwrap_or_default();
            assert!(
                !conditions
                    .iter()
                    .any(|c| c.type_ == "NonStructuralSchema" && c.status == "True"),
                "{conditions:?}"
            );
            conditions
                .iter()
                .any(|c| c.type_ == "Established" && c.status == "True")
        })
        .await;
    }
}

fn service(name: &str) -> Service {
    serde_json::from_value(json!({
        "metadata": { "name": name },
        "spec": { "type": "LoadBalancer", "selector": { "app": name }, "ports": [{ "name": "http", "port": 80 }] }
    }))
    .unwrap()
}

fn ingress(service: &Service) -> Option<String> {
    let status = service.status.as_ref()?.load_balancer.as_ref()?.ingress.as_ref()?;
    status.first()?.ip.clone()
}

fn api<K>(cluster: &Cluster) -> Api<K>
where
    K: kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>,
{
    Api::namespaced(cluster.client.clone(), SPACE)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_gets_an_address_and_nothing_is_left_behind() {
    let Some(cluster) = Cluster::start().await else { return };
    let cloud = Cloud::start().await;
    install(&cluster).await;
    let first = Operator::start(&cluster, &cloud.endpoint, &[]);
    eventually("the first replica leads", async || first.says("leading")).await;
    let second = Operator::start(&cluster, &cloud.endpoint, &[]);
    eventually("the second replica is ready", async || second.get("/readyz").0 == 200).await;
    assert!(second.get("/metrics").1.contains("provision_operator_leader 0"));

    services_get_addresses(&cluster, &cloud).await;
    hosts_are_checked_and_made(&cluster, &cloud).await;

    // The leader dies; the other replica finds everything as it was.
    drop(first);
    eventually("the second replica leads", async || second.says("leading")).await;
    assert_eq!(cloud.hosts(), 2);
    services_lose_their_hosts(&cluster, &cloud).await;

    // An uninstall, with the operator still there.
    api::<Service>(&cluster)
        .create(&PostParams::default(), &service("last"))
        .await
        .unwrap();
    eventually("another tunnel", async || cloud.hosts() == 2).await;
    let cleanup = Operator::start(&cluster, &cloud.endpoint, &["cleanup", "--timeout=100"]);
    eventually("everything is gone", async || cleanup.says("cleaned up")).await;
    assert_eq!((cloud.hosts(), cloud.bills()), (0, 0));
    assert!(
        api::<Tunnel>(&cluster)
            .list(&Default::default())
            .await
            .unwrap()
            .items
            .is_empty()
    );
    assert!(
        api::<Host>(&cluster)
            .list(&Default::default())
            .await
            .unwrap()
            .items
            .is_empty()
    );
    eventually("the operator has stopped", async || second.says("lost the lease")).await;
    for operator in [&second, &cleanup] {
        for secret in ["sim-token", "license-secret"] {
            assert!(!operator.says(secret), "{secret} is in the log");
        }
    }
    drop((second, cleanup));
    cluster.sweep().await;
}

async fn services_get_addresses(cluster: &Cluster, cloud: &Cloud) {
    let services = api::<Service>(cluster);
    services.create(&PostParams::default(), &service("web")).await.unwrap();
    eventually("the service has an address", async || {
        ingress(&services.get("web").await.unwrap()).is_some()
    })
    .await;
    let web = services.get("web").await.unwrap();
    let ip = ingress(&web).unwrap();
    assert_eq!(web.spec.unwrap().external_ips.unwrap(), std::slice::from_ref(&ip));
    let tunnels = api::<Tunnel>(cluster);
    eventually("the tunnel has a client, and is ready", async || {
        let status = tunnels.get("web-tunnel").await.unwrap().status.unwrap_or_default();
        let mut conditions = status.conditions.iter();
        let ready = conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True");
        status.client_deployment_ref.is_some() && ready
    })
    .await;
    let status = tunnels.get("web-tunnel").await.unwrap().status.unwrap();
    assert_eq!(
        (status.host_status.as_deref(), status.host_ip.as_deref()),
        (Some("active"), Some(ip.as_str()))
    );
    assert_eq!(
        (status.generated, status.auth_token_ref.unwrap().name),
        (Some(true), "web-tunnel".to_owned())
    );
    let secrets = api::<Secret>(cluster);
    assert!(
        secrets
            .get("web-tunnel")
            .await
            .unwrap()
            .data
            .unwrap()
            .contains_key("token")
    );
    assert_eq!(
        secrets.get("inlets-license").await.unwrap().data.unwrap()["license"].0,
        b"license-secret-1"
    );
    assert_eq!(cloud.hosts(), 1);
    // A port more.
    let ports = json!({ "spec": { "ports": [{ "name": "http", "port": 80 }, { "name": "tls", "port": 443 }] } });
    services
        .patch("web", &PatchParams::default(), &Patch::Merge(ports))
        .await
        .unwrap();
    let deployments = api::<Deployment>(cluster);
    eventually("the client forwards the new port", async || {
        let client = deployments.get("web-tunnel-client").await.unwrap();
        serde_json::to_string(&client).unwrap().contains("--ports=80,443")
    })
    .await;
}

async fn hosts_are_checked_and_made(cluster: &Cluster, cloud: &Cloud) {
    let hosts = api::<Host>(cluster);
    let host = |spec: Value| -> Host {
        let host = json!({ "apiVersion": "provision.dev/v1alpha1", "kind": "Host", "metadata": { "name": "runner" }, "spec": spec });
        serde_json::from_value(host).unwrap()
    };
    let two = json!({ "userData": { "inline": "#!/bin/sh\n", "secretKeyRef": { "name": "a", "key": "b" } } });
    let refused = hosts
        .create(&PostParams::default(), &host(two))
        .await
        .unwrap_err()
        .to_string();
    assert!(refused.contains("exactly one of"), "{refused}");
    let odd = json!({ "ports": ["http"] });
    assert!(hosts.create(&PostParams::default(), &host(odd)).await.is_err());
    let good = json!({ "ports": ["22"], "labels": { "team": "ci" }, "userData": { "inline": "#!/bin/sh\ntrue\n" } });
    hosts.create(&PostParams::default(), &host(good)).await.unwrap();
    let region = json!({ "spec": { "region": "nbg1" } });
    let refused = hosts
        .patch("runner", &PatchParams::default(), &Patch::Merge(region))
        .await
        .unwrap_err()
        .to_string();
    assert!(refused.contains("region cannot be changed"), "{refused}");
    eventually("the host is active", async || {
        let status = hosts.get("runner").await.unwrap().status.unwrap_or_default();
        status.phase == Some(HostPhase::Active)
    })
    .await;
    let status = hosts.get("runner").await.unwrap().status.unwrap();
    assert!(
        status.ip.is_some() && status.id.is_some() && status.monthly_cost.is_some(),
        "{status:?}"
    );
    assert!(
        status
            .conditions
            .iter()
            .any(|condition| condition.type_ == "Ready" && condition.status == "True")
    );
    assert_eq!(cloud.hosts(), 2);
}

async fn services_lose_their_hosts(cluster: &Cluster, cloud: &Cloud) {
    let services = api::<Service>(cluster);
    let tunnels = api::<Tunnel>(cluster);
    // Refused by annotation: the tunnel goes, and the address with it.
    let refuse = json!({ "metadata": { "annotations": { "operator.inlets.dev/manage": "0" } } });
    services
        .patch("web", &PatchParams::default(), &Patch::Merge(refuse))
        .await
        .unwrap();
    eventually("the tunnel is gone", async || {
        tunnels.get_opt("web-tunnel").await.unwrap().is_none()
    })
    .await;
    eventually("the host is gone", async || cloud.hosts() == 1).await;
    let web = services.get("web").await.unwrap();
    assert!(ingress(&web).is_none() && web.spec.unwrap().external_ips.unwrap_or_default().is_empty());
    // Wanted again, and then the Service itself is deleted.
    let want = json!({ "metadata": { "annotations": { "operator.inlets.dev/manage": "1" } } });
    services
        .patch("web", &PatchParams::default(), &Patch::Merge(want))
        .await
        .unwrap();
    eventually("the service has an address again", async || {
        ingress(&services.get("web").await.unwrap()).is_some()
    })
    .await;
    // Made again before its tunnel is gone: what a watch last shows of that one is a matter of the real server.
    let before = tunnels.get("web-tunnel").await.unwrap().uid();
    services.delete("web", &DeleteParams::default()).await.unwrap();
    services.create(&PostParams::default(), &service("web")).await.unwrap();
    eventually("another tunnel, and an address", async || {
        let tunnel = tunnels.get_opt("web-tunnel").await.unwrap();
        tunnel.is_some_and(|tunnel| tunnel.uid() != before) && ingress(&services.get("web").await.unwrap()).is_some()
    })
    .await;
    services.delete("web", &DeleteParams::default()).await.unwrap();
    eventually("the tunnel is gone with its service", async || {
        tunnels.get_opt("web-tunnel").await.unwrap().is_none()
    })
    .await;
    eventually("its host is gone too", async || cloud.hosts() == 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_operator_gives_the_lease_up_and_comes_back() {
    let Some(cluster) = Cluster::start().await else { return };
    let cloud = Cloud::start().await;
    let (fine, text) = check(&cluster, &cloud.endpoint, "sim-token-hetzner");
    for missing in [
        "FAILED definitions  Tunnel is not defined",
        "FAILED leader       no replica",
    ] {
        assert!(!fine && text.contains(missing), "{text}");
    }
    install(&cluster).await;
    let first = Operator::start(&cluster, &cloud.endpoint, &[]);
    eventually("it leads", async || first.says("leading")).await;
    // A new API server knows what everybody may ask a moment after it answers.
    eventually("all is well", async || {
        let (fine, text) = check(&cluster, &cloud.endpoint, "sim-token-hetzner");
        assert_eq!(fine, text.matches("ok ").count() == 5, "{text}");
        fine
    })
    .await;
    let (fine, text) = check(&cluster, &cloud.endpoint, "another-token");
    assert!(!fine && text.contains("FAILED cloud"), "{text}");
    assert!(!text.contains("another-token"), "{text}");
    api::<Service>(&cluster)
        .create(&PostParams::default(), &service("web"))
        .await
        .unwrap();
    eventually("a host is on its way", async || cloud.hosts() == 1).await;
    let (fine, log) = first.terminate();
    assert!(fine, "{log:#?}");
    let start = Instant::now();
    let second = Operator::start(&cluster, &cloud.endpoint, &[]);
    eventually("the next one leads", async || second.says("leading")).await;
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "the lease was not given up: {:?}",
        start.elapsed()
    );
    let services = api::<Service>(&cluster);
    eventually("the service has an address", async || {
        ingress(&services.get("web").await.unwrap()).is_some()
    })
    .await;
    assert_eq!(cloud.hosts(), 1);
    services.delete("web", &DeleteParams::default()).await.unwrap();
    eventually("nothing is left", async || cloud.hosts() == 0).await;
    let (fine, log) = second.terminate();
    assert!(fine, "{log:#?}");
    cluster.sweep().await;
}
