//! `cargo xtask dev-cluster`: a cluster's API and simulated clouds on this machine, for work on the operator. No nodes, no
//! controllers, no container: etcd, kube-apiserver and the simulator, until Ctrl-C.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Write as _},
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{Result, cargo, manifest};

mod key;

/// Relative to the target folder: what the last run left is there until the next one.
const FOLDER: &str = "dev-cluster";
/// Where `.ci/kube-assets` is asked to put the programs; relative to the target folder.
const BUILT: &str = "tools/kube";
const DEFAULT_PROVIDER: &str = "digitalocean";
/// A busy machine takes a while.
const DEADLINE: Duration = Duration::from_secs(120);
const TOKEN: &str = "dev-cluster";

/// Starts everything and says how to use it; returns when one of the programs ended.
pub(crate) fn run(root: &Path, arguments: &[&str]) -> Result<ExitCode> {
    let mut provider = DEFAULT_PROVIDER;
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match *argument {
            "--provider" => provider = rest.next().ok_or("--provider wants the id of a cloud")?,
            other => return Err(format!("`{other}` means nothing here; give --provider ID, or nothing")),
        }
    }
    let known = manifest::load(root)?;
    if !known.iter().any(|cloud| cloud.id == provider) {
        let ids: Vec<&str> = known.iter().map(|cloud| cloud.id.as_str()).collect();
        return Err(format!("there is no cloud `{provider}`; known: {}", ids.join(", ")));
    }
    let target = cargo::target_directory(root)?;
    let programs = Programs::find(&target)?;
    let tool = build(root, &target)?;
    let folder = target.join(FOLDER);
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).map_err(failed)?;

    let mut running = Running::default();
    let kubeconfig = start_cluster(&programs, &folder, &mut running)?;
    let hints = start_simulator(&tool, &folder, &mut running)?;
    wait_for_cluster(&programs.kubectl, &kubeconfig, &mut running)?;
    let cloud = Simulated::of(provider, &hints).ok_or_else(|| {
        format!(
            "`provision sim serve` does not say how to reach {provider}; see {}",
            folder.display()
        )
    })?;
    print!("{}", instructions(&kubeconfig, &folder, provider, &cloud));
    let _ = std::io::stdout().flush();
    let ended = loop {
        if let Some(name) = running.ended() {
            break name;
        }
        std::thread::sleep(Duration::from_millis(500));
    };
    Err(format!("{ended} has ended; its log is in {}", folder.display()))
}

/// The programs that are not ours.
#[derive(Debug)]
struct Programs {
    etcd: PathBuf,
    apiserver: PathBuf,
    kubectl: PathBuf,
}

impl Programs {
    fn find(target: &Path) -> Result<Self> {
        let paths = std::env::var_os("PATH").unwrap_or_default();
        let mut folders: Vec<PathBuf> = std::env::var_os("KUBEBUILDER_ASSETS")
            .map(PathBuf::from)
            .into_iter()
            .collect();
        folders.push(target.join(BUILT));
        folders.extend(std::env::split_paths(&paths));
        Self::in_folders(&folders, target)
    }

    /// Each from the first folder that has it.
    fn in_folders(folders: &[PathBuf], target: &Path) -> Result<Self> {
        let mut missing = Vec::new();
        let mut find = |name: &'static str| {
            let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
            let found = folders
                .iter()
                .map(|folder| folder.join(&file))
                .find(|path| path.is_file());
            found.unwrap_or_else(|| {
                missing.push(name);
                PathBuf::new()
            })
        };
        let programs = Self {
            etcd: find("etcd"),
            apiserver: find("kube-apiserver"),
            kubectl: find("kubectl"),
        };
        if missing.is_empty() {
            return Ok(programs);
        }
        let built = target.join(BUILT);
        Err(format!(
            "{missing} not found in KUBEBUILDER_ASSETS, {built} or PATH. Get them in one of these ways:\n  \
             go install sigs.k8s.io/controller-runtime/tools/setup-envtest@latest\n  \
             export KUBEBUILDER_ASSETS=$(setup-envtest use -p path)    # downloads them, kubectl as well\n  \
             bash .ci/kube-assets {built}    # builds etcd and kube-apiserver with Go, in about ten minutes",
            missing = missing.join(", "),
            built = built.display()
        ))
    }
}

/// The programs that run, with their names. They end with this value.
#[derive(Default)]
struct Running(Vec<(&'static str, Child)>);

impl Running {
    /// Starts a program whose output goes to `NAME.log`.
    fn start(&mut self, name: &'static str, folder: &Path, command: &mut Command) -> Result<()> {
        let failed = |error: std::io::Error| format!("{name} cannot be started: {error}");
        let log = File::create(folder.join(format!("{name}.log"))).map_err(failed)?;
        let child = command
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(failed)?)
            .stderr(log)
            .spawn()
            .map_err(failed)?;
        outlive_nobody(&child);
        self.0.push((name, child));
        Ok(())
    }

    /// A program that is no longer there.
    fn ended(&mut self) -> Option<&'static str> {
        let mut programs = self.0.iter_mut();
        programs.find_map(|(name, child)| (!matches!(child.try_wait(), Ok(None))).then_some(*name))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for (_, child) in self.0.iter_mut().rev() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Has a program killed when this process is gone, in whatever way. Ctrl-C ends all of them at once, and kube-apiserver without its
/// etcd would go on for minutes.
#[cfg(unix)]
fn outlive_nobody(child: &Child) {
    use std::os::unix::process::CommandExt as _;

    let script = r#"while kill -0 "$0" 2>/dev/null; do sleep 1; done; kill -9 "$1" 2>/dev/null"#;
    // In a group of its own: the terminal's Ctrl-C is not for it. Without a shell the programs are ended as before.
    let _ = Command::new("sh")
        .args(["-c", script])
        .args([std::process::id(), child.id()].map(|id| id.to_string()))
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
}

#[cfg(not(unix))]
fn outlive_nobody(_: &Child) {}

/// Builds the command line tool, which has the simulator, and the operator.
fn build(root: &Path, target: &Path) -> Result<PathBuf> {
    let built = cargo::run(
        root,
        &["build", "--package", "provision-cli", "--package", "provision-operator"],
        &[],
    )?;
    if !built.success {
        return Err("the simulator and the operator do not compile".to_owned());
    }
    Ok(target
        .join("debug")
        .join(format!("provision{}", std::env::consts::EXE_SUFFIX)))
}

/// Writes the kubeconfig, and starts what it leads to.
fn start_cluster(programs: &Programs, folder: &Path, running: &mut Running) -> Result<PathBuf> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    let [client, peer, secure] = free_ports().map_err(|error| format!("there is no free port: {error}"))?;
    std::fs::write(folder.join("accounts.pem"), key::generate().map_err(failed)?).map_err(failed)?;
    let tokens = format!("{TOKEN},admin,admin,\"system:masters\"\n");
    std::fs::write(folder.join("tokens.csv"), tokens).map_err(failed)?;
    let kubeconfig = folder.join("kubeconfig");
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "dev",
        "clusters": [{ "name": "dev", "cluster": {
            "server": format!("https://127.0.0.1:{secure}"),
            // Which kube-apiserver makes and signs by itself.
            "certificate-authority": folder.join("certificates/apiserver.crt"),
        } }],
        "users": [{ "name": "dev", "user": { "token": TOKEN } }],
        "contexts": [{ "name": "dev", "context": { "cluster": "dev", "user": "dev", "namespace": "default" } }],
    });
    std::fs::write(&kubeconfig, format!("{config:#}\n")).map_err(failed)?;
    running.start(
        "etcd",
        folder,
        Command::new(&programs.etcd).args([
            "--data-dir=etcd".to_owned(),
            format!("--listen-client-urls=http://127.0.0.1:{client}"),
            format!("--advertise-client-urls=http://127.0.0.1:{client}"),
            format!("--listen-peer-urls=http://127.0.0.1:{peer}"),
            "--unsafe-no-fsync".to_owned(),
        ]),
    )?;
    running.start(
        "kube-apiserver",
        folder,
        Command::new(&programs.apiserver).args([
            format!("--etcd-servers=http://127.0.0.1:{client}"),
            "--cert-dir=certificates".to_owned(),
            "--bind-address=127.0.0.1".to_owned(),
            format!("--secure-port={secure}"),
            "--token-auth-file=tokens.csv".to_owned(),
            "--authorization-mode=RBAC".to_owned(),
            "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
            "--service-account-issuer=https://localhost".to_owned(),
            "--service-account-key-file=accounts.pem".to_owned(),
            "--service-account-signing-key-file=accounts.pem".to_owned(),
            // No controller makes service accounts here.
            "--disable-admission-plugins=ServiceAccount".to_owned(),
        ]),
    )?;
    Ok(kubeconfig)
}

fn free_ports<const N: usize>() -> std::io::Result<[u16; N]> {
    let mut ports = [0; N];
    // All of them are held until the last one is known, so that none is given twice.
    let mut listeners = Vec::new();
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        *port = listener.local_addr()?.port();
        listeners.push(listener);
    }
    Ok(ports)
}

/// What `provision sim serve` says: for each cloud, a command that leads there.
fn start_simulator(tool: &Path, folder: &Path, running: &mut Running) -> Result<Vec<String>> {
    const LAST: &str = "serving simulated clouds";
    let mut command = Command::new(tool);
    command.args(["sim", "serve", "--listen", "127.0.0.1:0", "--boot-time", "5s"]);
    running.start("simulator", folder, &mut command)?;
    let log = folder.join("simulator.log");
    let begun = Instant::now();
    while begun.elapsed() < DEADLINE {
        let lines: Vec<String> = File::open(&log)
            .map(|file| {
                BufReader::new(file)
                    .lines()
                    .map_while(std::result::Result::ok)
                    .collect()
            })
            .unwrap_or_default();
        if lines.iter().any(|line| line.contains(LAST)) {
            return Ok(lines);
        }
        if let Some(name) = running.ended() {
            return Err(format!("{name} has ended: {}", lines.join("\n")));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Err(format!("the simulator does not come up; see {}", log.display()))
}

fn wait_for_cluster(kubectl: &Path, kubeconfig: &Path, running: &mut Running) -> Result<()> {
    let begun = Instant::now();
    while begun.elapsed() < DEADLINE {
        let answer = Command::new(kubectl)
            .args(["get", "--raw=/readyz", "--request-timeout=5s", "--kubeconfig"])
            .arg(kubeconfig)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("kubectl cannot be started: {error}"))?;
        if answer.status.success() {
            return Ok(());
        }
        if let Some(name) = running.ended() {
            let folder = kubeconfig.parent().unwrap_or(kubeconfig);
            return Err(format!("{name} has ended; its log is in {}", folder.display()));
        }
        std::thread::sleep(Duration::from_millis(300));
    }
    Err("kube-apiserver does not become ready; its log is beside the kubeconfig".to_owned())
}

/// How to reach a simulated cloud.
#[derive(Debug, PartialEq, Eq)]
struct Simulated {
    endpoint: String,
    /// `name=value`.
    settings: Vec<String>,
}

impl Simulated {
    /// Read from the line for this cloud: `provision -p hetzner --endpoint URL --set token=... list`.
    fn of(provider: &str, lines: &[String]) -> Option<Self> {
        let start = format!("provision -p {provider} --endpoint ");
        let rest = lines.iter().find_map(|line| line.split_once(&start))?.1;
        let words: Vec<&str> = rest.split_whitespace().collect();
        let settings = words.windows(2).filter(|pair| pair.first() == Some(&"--set"));
        Some(Self {
            endpoint: (*words.first()?).to_owned(),
            settings: settings
                .filter_map(|pair| pair.get(1))
                .map(|text| (*text).to_owned())
                .collect(),
        })
    }
}

fn instructions(kubeconfig: &Path, folder: &Path, provider: &str, cloud: &Simulated) -> String {
    let settings: String = std::iter::once(&format!("endpoint={}", cloud.endpoint))
        .chain(&cloud.settings)
        .map(|setting| format!(" \\\n    --setting {setting}"))
        .collect();
    let sets: String = cloud
        .settings
        .iter()
        .map(|setting| format!(" --set {setting}"))
        .collect();
    format!(
        "A cluster's API and simulated clouds run until Ctrl-C; nothing here is real or bills. Logs are in {folder}.
There are no nodes and no controllers: Deployments get no pods, and what an object owns is not deleted with it.

In a second terminal, the definitions and the operator:

  export KUBECONFIG={kubeconfig}
  cargo run -q -p provision-operator -- crds | kubectl apply -f -
  cargo run -p provision-operator -- --kubeconfig $KUBECONFIG --provider {provider}{settings} \\
    --license none --poll-interval 1 --idle-poll-interval 5 --listen 127.0.0.1:8080 --log-format text

In a third one:

  export KUBECONFIG={kubeconfig}
  kubectl create service loadbalancer web --tcp=80
  kubectl get tunnels,services --watch
  cargo run -q -p provision-cli -- -p {provider} --endpoint {endpoint}{sets} list
  kubectl delete service web
",
        folder = folder.display(),
        kubeconfig = kubeconfig.display(),
        endpoint = cloud.endpoint,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_that_are_missing_are_named_with_ways_to_get_them() {
        let folder = std::env::temp_dir().join(format!("xtask-dev-cluster-{}", std::process::id()));
        let assets = folder.join("assets");
        std::fs::create_dir_all(&assets).unwrap();
        for name in ["etcd", "kubectl"] {
            std::fs::write(assets.join(format!("{name}{}", std::env::consts::EXE_SUFFIX)), "").unwrap();
        }
        let folders = [folder.join("nowhere"), assets.clone()];
        let error = Programs::in_folders(&folders, &folder).unwrap_err();
        assert!(error.starts_with("kube-apiserver not found in"), "{error}");
        for way in ["setup-envtest use -p path", "bash .ci/kube-assets"] {
            assert!(error.contains(way), "{error}");
        }
        let file = format!("kube-apiserver{}", std::env::consts::EXE_SUFFIX);
        std::fs::write(assets.join(&file), "").unwrap();
        let found = Programs::in_folders(&folders, &folder).unwrap();
        assert_eq!(found.apiserver, assets.join(file));
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_cloud_is_reached_as_the_simulator_says() {
        let lines = [
            "http://127.0.0.1:9".to_owned(),
            "hint: provision -p civo --endpoint http://127.0.0.1:9/civo --set token=t list".to_owned(),
            "hint: provision -p ovh --endpoint http://127.0.0.1:9/ovh --set a=1 --set b=2 list".to_owned(),
        ];
        let cloud = Simulated::of("ovh", &lines).unwrap();
        assert_eq!(cloud.endpoint, "http://127.0.0.1:9/ovh");
        assert_eq!(cloud.settings, ["a=1", "b=2"]);
        assert_eq!(Simulated::of("o", &lines), None);
        let text = instructions(Path::new("/x/kubeconfig"), Path::new("/x"), "ovh", &cloud);
        for part in [
            "--kubeconfig $KUBECONFIG --provider ovh",
            "--setting endpoint=http://127.0.0.1:9/ovh \\\n    --setting a=1 \\\n    --setting b=2",
            "-p ovh --endpoint http://127.0.0.1:9/ovh --set a=1 --set b=2 list",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn what_is_not_known_is_refused() {
        let root = crate::workspace_root();
        let unknown = run(&root, &["--provider", "moon"]).unwrap_err();
        assert!(unknown.contains("there is no cloud `moon`; known: "), "{unknown}");
        assert!(run(&root, &["--cloud"]).unwrap_err().contains("--provider ID"));
    }
}
