//! A real API server: started here with its etcd from the folder in `KUBEBUILDER_ASSETS` (the convention of envtest; users get
//! the binaries with `setup-envtest`), or the cluster of `KUBECONFIG`, if nobody uses it for anything that the tests disturb.

use std::{
    fs::File,
    io::Write as _,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use k8s_openapi::{
    api::core::v1::{Namespace, Service},
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client, Config, ResourceExt as _,
    api::{DeleteParams, PostParams},
    config::{KubeConfigOptions, Kubeconfig},
};
use provision_operator::crd::definitions;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};

/// The longest that anything here may take, on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(120);
/// How long an existing cluster may take to answer, before it counts as none.
const ANSWER: Duration = Duration::from_secs(10);
/// Where everything is that the tests make, the operator's Lease included.
pub(crate) const SPACE: &str = "provision-e2e";

/// Tests that share an existing cluster run one after the other.
static EXISTING: Mutex<()> = Mutex::const_new(());

/// A cluster for one test, gone with it.
pub(crate) struct Cluster {
    /// For the operator: with the permissions of `deploy/operator.yaml` and no others, where that can be had.
    pub(crate) kubeconfig: PathBuf,
    pub(crate) client: Client,
    processes: Vec<Child>,
    folder: TempDir,
    turn: Option<MutexGuard<'static, ()>>,
}

impl Cluster {
    /// `None`, with the reason printed, where there is no cluster to be had.
    pub(crate) async fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut turn = None;
        let (admin, kubeconfig, processes) = match std::env::var_os("KUBEBUILDER_ASSETS") {
            Some(assets) => start_server(Path::new(&assets), folder.path()),
            None => {
                turn = Some(EXISTING.lock().await);
                let found = tokio::time::timeout(ANSWER, existing(folder.path())).await;
                let found = found.unwrap_or_else(|_| Err("the cluster of KUBECONFIG does not answer".to_owned()));
                match found {
                    Ok(kubeconfig) => (kubeconfig.clone(), kubeconfig, Vec::new()),
                    Err(reason) => {
                        // Not by `eprintln!`, whose text the test harness keeps to itself.
                        let _ = writeln!(std::io::stderr(), "SKIPPED: {reason}");
                        return None;
                    }
                }
            }
        };
        let cluster = Self {
            kubeconfig,
            client: client(&admin).await.unwrap(),
            processes,
            folder,
            turn,
        };
        super::eventually("the API server answers", async || {
            let namespace = Api::<Namespace>::all(cluster.client.clone());
            namespace.get("kube-system").await.is_ok()
        })
        .await;
        let space: Namespace = serde_json::from_value(json!({ "metadata": { "name": SPACE } })).unwrap();
        super::eventually("there is a namespace", async || {
            let spaces = Api::<Namespace>::all(cluster.client.clone());
            spaces.create(&PostParams::default(), &space).await.is_ok()
        })
        .await;
        if !cluster.processes.is_empty() {
            grant(&cluster.client).await;
        }
        let version = cluster.client.apiserver_version().await.unwrap();
        eprintln!("Kubernetes {}", version.git_version);
        Some(cluster)
    }

    /// Leaves an existing cluster as it was found.
    pub(crate) async fn sweep(self) {
        if self.turn.is_none() {
            return;
        }
        let params = DeleteParams::default();
        let spaces = Api::<Namespace>::all(self.client.clone());
        let kinds = Api::<CustomResourceDefinition>::all(self.client.clone());
        spaces.delete(SPACE, &params).await.unwrap();
        for (_, definition) in definitions() {
            kinds.delete(&definition.name_any(), &params).await.unwrap();
        }
        super::eventually("everything that the test made is gone", async || {
            let mut left = spaces.get_opt(SPACE).await.unwrap().is_some();
            for (_, definition) in definitions() {
                left |= kinds.get_opt(&definition.name_any()).await.unwrap().is_some();
            }
            !left
        })
        .await;
    }
}

/// The cluster of `KUBECONFIG` as a file of one configuration, or why it is left alone. The operator would make tunnels for
/// its Services, and its clean-up deletes all Tunnels and Hosts.
async fn existing(folder: &Path) -> Result<PathBuf, String> {
    let found = Kubeconfig::from_env().map_err(|error| format!("KUBECONFIG cannot be read: {error}"))?;
    let found = found.ok_or(
        "set KUBEBUILDER_ASSETS to a folder with etcd and kube-apiserver, or KUBECONFIG to a cluster without \
         LoadBalancer Services, Tunnels and Hosts",
    )?;
    let path = folder.join("kubeconfig");
    std::fs::write(&path, serde_json::to_string(&found).unwrap()).unwrap();
    let unreadable = |error: kube::Error| format!("the cluster of KUBECONFIG does not answer: {error}");
    let client = client(&path).await.map_err(unreadable)?;
    let services = Api::<Service>::all(client.clone());
    let services = services.list(&Default::default()).await.map_err(unreadable)?;
    let balanced = |service: &&Service| {
        let kind = service.spec.as_ref().and_then(|spec| spec.type_.as_deref());
        kind == Some("LoadBalancer")
    };
    if let Some(service) = services.iter().find(balanced) {
        return Err(format!(
            "the cluster of KUBECONFIG is in use: it has the LoadBalancer Service {}",
            service.name_any()
        ));
    }
    for (_, definition) in definitions() {
        let name = definition.name_any();
        let kinds = Api::<CustomResourceDefinition>::all(client.clone());
        if kinds.get_opt(&name).await.map_err(unreadable)?.is_some() {
            return Err(format!(
                "the cluster of KUBECONFIG is in use: it has the definition {name}"
            ));
        }
    }
    Ok(path)
}

async fn client(kubeconfig: &Path) -> Result<Client, kube::Error> {
    let config = Kubeconfig::read_from(kubeconfig).unwrap();
    let config = Config::from_custom_kubeconfig(config, &KubeConfigOptions::default())
        .await
        .unwrap();
    Client::try_from(config)
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.folder.path().join("kube-apiserver.log")).unwrap_or_default();
            let lines: Vec<&str> = log.lines().rev().take(20).collect();
            eprintln!("{}", lines.into_iter().rev().collect::<Vec<_>>().join("\n"));
        }
        for process in self.processes.iter_mut().rev() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Kubeconfigs of the test and of the operator.
fn start_server(assets: &Path, folder: &Path) -> (PathBuf, PathBuf, Vec<Child>) {
    let [client, peer, secure] = free_ports();
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let etcd = spawn(
        &assets.join("etcd"),
        folder,
        &[
            format!("--data-dir={}", path("etcd")),
            format!("--listen-client-urls=http://127.0.0.1:{client}"),
            format!("--advertise-client-urls=http://127.0.0.1:{client}"),
            format!("--listen-peer-urls=http://127.0.0.1:{peer}"),
            "--unsafe-no-fsync".to_owned(),
        ],
    );
    let key = rcgen::KeyPair::generate().unwrap();
    std::fs::write(path("accounts.key"), key.serialize_pem()).unwrap();
    std::fs::write(path("accounts.pub"), key.public_key_pem()).unwrap();
    std::fs::write(
        path("tokens.csv"),
        "test-token,admin,admin,\"system:masters\"\noperator-token,operator,operator\n",
    )
    .unwrap();
    let server = spawn(
        &assets.join("kube-apiserver"),
        folder,
        &[
            format!("--etcd-servers=http://127.0.0.1:{client}"),
            format!("--cert-dir={}", path("certificates")),
            "--bind-address=127.0.0.1".to_owned(),
            format!("--secure-port={secure}"),
            format!("--token-auth-file={}", path("tokens.csv")),
            "--authorization-mode=RBAC".to_owned(),
            "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
            "--service-account-issuer=https://localhost".to_owned(),
            format!("--service-account-key-file={}", path("accounts.pub")),
            format!("--service-account-signing-key-file={}", path("accounts.key")),
            // No controller makes service accounts here.
            "--disable-admission-plugins=ServiceAccount".to_owned(),
        ],
    );
    let write = |name: &str, token: &str| {
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{ "name": "test", "cluster": { "server": format!("https://127.0.0.1:{secure}"), "insecure-skip-tls-verify": true } }],
            "users": [{ "name": "test", "user": { "token": token } }],
            "contexts": [{ "name": "test", "context": { "cluster": "test", "user": "test", "namespace": "default" } }],
        });
        std::fs::write(folder.join(name), config.to_string()).unwrap();
        folder.join(name)
    };
    let (admin, operator) = (write("admin", "test-token"), write("operator", "operator-token"));
    (admin, operator, vec![etcd, server])
}

/// Gives user `operator` the roles that the operator is deployed with.
async fn grant(client: &Client) {
    let text = include_str!("../../../../deploy/operator.yaml");
    for document in text.split("\n---\n") {
        let Ok(mut object) = serde_saphyr::from_str::<Value>(document) else {
            continue;
        };
        let kind = object["kind"].as_str().unwrap_or_default().to_owned();
        let plural = match kind.as_str() {
            "ClusterRole" | "ClusterRoleBinding" | "Role" | "RoleBinding" => format!("{}s", kind.to_lowercase()),
            _ => continue,
        };
        object["metadata"].as_object_mut().unwrap().remove("namespace");
        if kind.ends_with("Binding") {
            object["subjects"] =
                json!([{ "kind": "User", "name": "operator", "apiGroup": "rbac.authorization.k8s.io" }]);
        }
        let namespace = if kind.starts_with("Cluster") {
            ""
        } else {
            "namespaces/provision-e2e/"
        };
        let url = format!("/apis/rbac.authorization.k8s.io/v1/{namespace}{plural}");
        let request = http::Request::post(url).header("content-type", "application/json");
        let request = request.body(serde_json::to_vec(&object).unwrap()).unwrap();
        super::eventually("the role is made", async || {
            let again = request.clone();
            match client.request::<Value>(again).await {
                Ok(_) => true,
                Err(kube::Error::Api(status)) => status.code == 409,
                Err(_) => false,
            }
        })
        .await;
    }
}

fn spawn(binary: &Path, folder: &Path, arguments: &[String]) -> Child {
    let name = binary.file_name().unwrap().to_str().unwrap();
    let log = File::create(folder.join(format!("{name}.log"))).unwrap();
    Command::new(binary)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", binary.display()))
}

fn free_ports<const N: usize>() -> [u16; N] {
    let listeners: Vec<TcpListener> = (0..N)
        .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap())
        .collect();
    std::array::from_fn(|index| listeners[index].local_addr().unwrap().port())
}
