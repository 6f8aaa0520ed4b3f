//! A real API server: started here with its etcd from the folder in `KUBEBUILDER_ASSETS` (the convention of envtest; users get
//! the binaries with `setup-envtest`), or an existing cluster.

use std::{
    fs::File,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::json;
use tempfile::TempDir;

/// The longest that anything here may take, on a busy machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(120);

/// A cluster for one test, gone with it.
pub(crate) struct Cluster {
    pub(crate) kubeconfig: PathBuf,
    pub(crate) client: Client,
    processes: Vec<Child>,
    folder: TempDir,
}

impl Cluster {
    /// `None`, with the reason printed, where there is no cluster to be had.
    pub(crate) async fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        // An existing cluster is swept clean at the end, so the variable that everybody has set is not enough.
        let existing =
            std::env::var_os("KUBECONFIG").filter(|_| std::env::var_os("PROVISION_E2E_ON_KUBECONFIG").is_some());
        let (kubeconfig, processes) = match (std::env::var_os("KUBEBUILDER_ASSETS"), existing) {
            (Some(assets), _) => start_server(Path::new(&assets), folder.path()),
            (None, Some(kubeconfig)) => (PathBuf::from(kubeconfig), Vec::new()),
            (None, None) => {
                eprintln!(
                    "SKIPPED: set KUBEBUILDER_ASSETS to a folder with etcd and kube-apiserver, \
                     or KUBECONFIG and PROVISION_E2E_ON_KUBECONFIG=1 for a cluster that may be swept clean"
                );
                return None;
            }
        };
        let config = Kubeconfig::read_from(&kubeconfig).unwrap();
        let config = Config::from_custom_kubeconfig(config, &KubeConfigOptions::default())
            .await
            .unwrap();
        let client = Client::try_from(config).unwrap();
        let cluster = Self {
            kubeconfig,
            client,
            processes,
            folder,
        };
        super::eventually("the API server answers", async || {
            let namespace = kube::Api::<k8s_openapi::api::core::v1::Namespace>::all(cluster.client.clone());
            namespace.get("kube-system").await.is_ok()
        })
        .await;
        let version = cluster.client.apiserver_version().await.unwrap();
        eprintln!("Kubernetes {}", version.git_version);
        Some(cluster)
    }
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

fn start_server(assets: &Path, folder: &Path) -> (PathBuf, Vec<Child>) {
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
    std::fs::write(path("tokens.csv"), "test-token,admin,admin,\"system:masters\"\n").unwrap();
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
    let kubeconfig = folder.join("kubeconfig");
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{ "name": "test", "cluster": { "server": format!("https://127.0.0.1:{secure}"), "insecure-skip-tls-verify": true } }],
        "users": [{ "name": "test", "user": { "token": "test-token" } }],
        "contexts": [{ "name": "test", "context": { "cluster": "test", "user": "test", "namespace": "default" } }],
    });
    std::fs::write(&kubeconfig, config.to_string()).unwrap();
    (kubeconfig, vec![etcd, server])
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
