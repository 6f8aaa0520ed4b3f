//! From flags to a running operator.

use std::{
    io::{self, Write as _},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use clap::Parser as _;
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api, Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use provision::{Settings, StrangerRules, http::Endpoint};
use tokio::sync::{mpsc::UnboundedReceiver, watch};
use tracing_subscriber::EnvFilter;

use crate::{
    account::{Pace, Watcher},
    accounts::{Accounts, Credentials, connector},
    args::{Cleanup, Cli, Command, Flags, LogFormat, with_two_hyphens, words},
    budget::{Caps, CostCap},
    causes::with_causes,
    check, cleanup,
    clock::Clock,
    context::Context,
    controllers::{self, OrphanChecks},
    crd,
    health::{self, Health},
    lease::{Elector, GIVE_UP, LOOK, RENEWAL},
    mapping::{Defaults, additional::check_flag, client::ClientSettings, names::installation_mark},
    metrics::Metrics,
    options::Options,
    own_cloud,
    scope::Scope,
};

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

const LEASE: &str = "provision-operator";
/// The operator's pods are removed after a clean-up; none of them may begin again before.
const UNTIL_UNINSTALLED: Duration = Duration::from_secs(600);
/// After a clean-up that failed the operator works again, but not between two attempts of a Job.
const UNTIL_NEXT_ATTEMPT: Duration = Duration::from_secs(60);

/// Runs the binary.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse_from(with_two_hyphens(std::env::args_os()));
    start_log(cli.args.log_format);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "cannot start");
            return ExitCode::FAILURE;
        }
    };
    let flags = Arc::new(cli.args);
    let done = runtime.block_on(async {
        match cli.command {
            Some(Command::Crds) => print_definitions(),
            Some(Command::Check) => look_around(&flags).await,
            Some(Command::Cleanup(how)) => clean_up(flags, &how).await,
            None => operate(flags).await,
        }
    });
    match done {
        Ok(code) => code,
        Err(error) => {
            tracing::error!("{}", with_causes(&*error));
            ExitCode::FAILURE
        }
    }
}

fn start_log(format: LogFormat) {
    // Never those of the HTTP libraries below warnings: they may show headers.
    let filter = EnvFilter::try_from_env("PROVISION_LOG")
        .unwrap_or_else(|_| EnvFilter::new("warn,provision=info,provision_operator=info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(false);
    match format {
        LogFormat::Json => log.json().flatten_event(true).init(),
        LogFormat::Text => log.init(),
    }
}

fn print_definitions() -> Outcome<ExitCode> {
    let mut text = String::new();
    for (_, definition) in crd::definitions() {
        text.push_str("---\n");
        text.push_str(&crd::to_yaml(&definition)?);
        text.push('\n');
    }
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn print(text: &str) -> io::Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        // A reader that has gone away, such as `head`, is no failure.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

async fn look_around(flags: &Arc<Flags>) -> Outcome<ExitCode> {
    let (client, namespace) = connect(flags).await?;
    // The cluster's id is for the labels of new hosts: nothing here makes one.
    let cluster = flags.cluster_id.clone().unwrap_or_else(|| "check".to_owned());
    let options = options(flags, cluster, &namespace)?;
    let own = options
        .provider
        .as_deref()
        .map(|provider| provision::connect(provider, &(options.settings)()?))
        .transpose();
    let mut findings = vec![
        check::permissions(
            &client,
            &namespace,
            flags.watch_namespace.as_deref(),
            flags.cluster_id.is_some(),
        )
        .await,
        check::definitions(&client).await,
    ];
    if flags.leader_elect {
        findings.push(check::leader(&client, &namespace, LEASE).await);
    }
    findings.push(check::license((options.license)()));
    findings.push(check::cloud(own).await);
    let mut text = String::new();
    for finding in &findings {
        text.push_str(&format!("{finding}\n"));
    }
    print(&text)?;
    let fine = findings.iter().all(|finding| finding.seen.is_ok());
    Ok(if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn operate(flags: Arc<Flags>) -> Outcome<ExitCode> {
    let metrics = Metrics::default();
    let health = Health::default();
    let (address, server) = health::listen(flags.listen, health.clone(), metrics.clone()).await?;
    tokio::spawn(server);
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        stop_signal().await;
        tracing::info!("stopping");
        let _ = stop.send(true);
    });
    let set_up = async {
        let (client, namespace) = connect(&flags).await?;
        let (context, events) = context(&flags, client.clone(), &namespace, metrics.clone()).await?;
        Outcome::Ok((client, namespace, context, events))
    };
    // A cluster that does not answer must not hold up a stop.
    let mut asked_to_stop = stopped.clone();
    let (client, namespace, context, events) = tokio::select! {
        done = set_up => done?,
        _ = asked_to_stop.wait_for(|stop| *stop) => return Ok(ExitCode::SUCCESS),
    };
    health.is_ready(true);
    tracing::info!(%address, provider = flags.provider, version = env!("CARGO_PKG_VERSION"), "started");
    if !flags.leader_elect {
        metrics.leads(true);
        work(context, events, stopped, &flags).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut elector = Elector::new(Api::namespaced(client, &namespace), LEASE, holder(&flags));
    if !wait_for_lease(&mut elector, stopped.clone()).await {
        return Ok(ExitCode::SUCCESS);
    }
    tracing::info!("leading");
    metrics.leads(true);
    let done = tokio::select! {
        done = work(context, events, stopped, &flags) => done.map(|()| ExitCode::SUCCESS),
        () = keep_lease(&mut elector) => {
            // Somebody else works now: nothing that is under way here may go on.
            tracing::error!("lost the lease");
            health.is_alive(false);
            return Ok(ExitCode::FAILURE);
        }
    };
    if let Err(error) = elector.release().await {
        tracing::debug!(error = with_causes(&error), "the lease was not given up, it runs out");
    }
    done
}

async fn work(
    context: Arc<Context>,
    events: UnboundedReceiver<Watcher>,
    stop: watch::Receiver<bool>,
    flags: &Flags,
) -> Outcome<()> {
    context.count_what_exists().await?;
    // The operator's own account is there from the start, so that orphans are found without any resource.
    if let Some(provider) = &context.options.provider {
        let settings = (context.options.settings)()?;
        context
            .accounts
            .get(provider, Credentials::Own, &settings, None)
            .await?;
    }
    let orphans = OrphanChecks {
        interval: flags.orphan_interval,
        delete: flags.delete_orphans,
    };
    controllers::run(context, events, stop, orphans).await;
    Ok(())
}

async fn clean_up(flags: Arc<Flags>, how: &Cleanup) -> Outcome<ExitCode> {
    let (client, namespace) = connect(&flags).await?;
    let (context, _events) = context(&flags, client.clone(), &namespace, Metrics::default()).await?;
    let mut elector = Elector::new(
        Api::namespaced(client, &namespace),
        LEASE,
        format!("cleanup-{}", holder(&flags)),
    );
    let alone = elector.acquire().await?;
    while !alone && !elector.take_over().await? {}
    if !alone {
        tracing::info!("waiting until the operator has stopped");
        tokio::time::sleep(GIVE_UP.max(RENEWAL)).await;
    }
    let report = tokio::select! {
        report = cleanup::run(&context, Duration::from_secs(how.timeout), Duration::from_secs(5)) => report?,
        () = keep_lease(&mut elector) => return Err("lost the lease".into()),
    };
    if report.left.is_empty() {
        elector.hold_for(UNTIL_UNINSTALLED).await?;
        tracing::info!(removed = report.removed, "cleaned up");
        return Ok(ExitCode::SUCCESS);
    }
    elector.hold_for(UNTIL_NEXT_ATTEMPT).await?;
    tracing::error!(
        removed = report.removed,
        left = report.left.join("; "),
        "these are left after {} seconds; the operator goes on with them where it still runs, and the clean-up can be repeated",
        how.timeout
    );
    Ok(ExitCode::FAILURE)
}

async fn wait_for_lease(elector: &mut Elector, stop: watch::Receiver<bool>) -> bool {
    let wait = async {
        let mut told = None;
        loop {
            match elector.acquire().await {
                Ok(true) => return,
                Ok(false) => {
                    let holder = elector.seen_holder().map(str::to_owned);
                    if told != holder {
                        tracing::info!(holder, "waiting for the lease");
                        told = holder;
                    }
                }
                Err(error) => tracing::warn!(error = with_causes(&error), "the lease cannot be read"),
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    let mut stop = stop;
    tokio::select! {
        () = wait => true,
        _ = stop.wait_for(|stop| *stop) => false,
    }
}

/// Renews the Lease; returns when it is lost.
async fn keep_lease(elector: &mut Elector) {
    let mut renewed = tokio::time::Instant::now();
    loop {
        tokio::time::sleep(RENEWAL).await;
        let left = (renewed + GIVE_UP).saturating_duration_since(tokio::time::Instant::now());
        let begun = tokio::time::Instant::now();
        match tokio::time::timeout(left, elector.acquire()).await {
            Ok(Ok(true)) => renewed = begun,
            Ok(Ok(false)) => return,
            Ok(Err(error)) => {
                tracing::warn!(error = with_causes(&error), "the lease cannot be renewed");
                if renewed.elapsed() >= GIVE_UP {
                    return;
                }
            }
            Err(_) => return,
        }
    }
}

async fn connect(flags: &Flags) -> Outcome<(Client, String)> {
    let mut config = match &flags.kubeconfig {
        Some(path) => {
            Config::from_custom_kubeconfig(Kubeconfig::read_from(path)?, &KubeConfigOptions::default()).await?
        }
        None => Config::infer().await?,
    };
    if !flags.master.is_empty() {
        config.cluster_url = flags.master.parse()?;
    }
    // Watches are long; everything else answers soon or not at all.
    config.read_timeout = Some(Duration::from_secs(300));
    config.connect_timeout = Some(Duration::from_secs(10));
    let namespace = flags
        .namespace
        .clone()
        .unwrap_or_else(|| config.default_namespace.clone());
    Ok((Client::try_from(config)?, namespace))
}

/// Everything that reconciles work with, from flags.
async fn context(
    flags: &Arc<Flags>,
    client: Client,
    namespace: &str,
    metrics: Metrics,
) -> Outcome<(Arc<Context>, UnboundedReceiver<Watcher>)> {
    let cluster = match &flags.cluster_id {
        Some(id) => id.clone(),
        None => cluster_id(&client).await?,
    };
    let options = options(flags, cluster, namespace)?;
    let (sender, events) = tokio::sync::mpsc::unbounded_channel();
    let mut pace = Pace::default();
    pace.busy = flags.poll_interval.max(Duration::from_secs(1));
    pace.idle = flags.idle_poll_interval.max(pace.busy);
    let accounts = Accounts::new(connector()?, Clock::system(), pace, metrics.clone(), sender, true);
    let context = Context::new(
        client,
        accounts,
        options,
        Clock::system(),
        metrics,
        flags.pod_name.clone(),
    );
    Ok((Arc::new(context), events))
}

fn options(flags: &Arc<Flags>, cluster: String, namespace: &str) -> Outcome<Options> {
    let info = match flags.provider.as_str() {
        "" => None,
        name => Some(provision::find(name)?),
    };
    let environment = |name: &str| std::env::var(name).ok();
    let scope = Scope {
        namespace: flags.watch_namespace.clone().filter(|namespace| !namespace.is_empty()),
        labels: flags.tunnel_selector.clone(),
    };
    let defaults = Defaults {
        regions: info.map(|info| own_cloud::regions(flags, info)).unwrap_or_default(),
        plans: words(&flags.plan).map(str::to_owned).collect(),
        additional: info.map(|info| own_cloud::additional(flags, info)).unwrap_or_default(),
        cluster,
        // Installations of one cluster are in namespaces of their own, as their Leases have one name.
        installation: (!scope.is_everything()).then(|| installation_mark(namespace)),
        inlets_release: flags.inlets_release.trim().to_owned(),
    };
    // What is wrong with the flags is said now, not when the first tunnel is wanted.
    defaults.labels("tunnel", namespace)?;
    if let Some(info) = info {
        own_cloud::settings(flags, info, environment)?;
    } else {
        tracing::warn!("no --provider: Services get no tunnels, and Hosts need spec.provider and spec.credentialsRef");
    }
    if own_cloud::license(flags)?.is_none() {
        tracing::info!("no license: tunnels need a secret inlets-license in their namespace");
    }
    let image = match flags.client_image.trim() {
        "" => format!("ghcr.io/inlets/inlets-pro:{}", flags.inlets_release.trim()),
        image => image.to_owned(),
    };
    let (for_settings, for_license) = (flags.clone(), flags.clone());
    Ok(Options {
        provider: info.map(|info| info.id.to_owned()),
        settings: Arc::new(move || {
            info.map_or_else(
                || Ok(Settings::new()),
                |info| own_cloud::settings(&for_settings, info, environment),
            )
        }),
        license: Arc::new(move || own_cloud::license(&for_license)),
        defaults,
        client: ClientSettings {
            image,
            max_memory: flags.max_client_memory.clone(),
        },
        strangers: strangers(&flags.tenant_endpoints)?,
        allow_additional: check_flag(flags.allow_additional.iter().map(String::as_str))?,
        annotated_only: flags.annotated_only,
        adopt_unmarked: flags.adopt_unmarked,
        caps: Caps {
            max_hosts: flags.max_hosts,
            max_monthly_cost: CostCap::new("--max-monthly-cost", &flags.max_monthly_cost)?,
            max_hosts_per_namespace: flags.max_hosts_per_namespace,
            max_monthly_cost_per_namespace: CostCap::new(
                "--max-monthly-cost-per-namespace",
                &flags.max_monthly_cost_per_namespace,
            )?,
        },
        scope,
    })
}

fn strangers(endpoints: &[String]) -> Outcome<StrangerRules> {
    let mut rules = StrangerRules::new();
    for url in endpoints {
        Endpoint::parse(url, false).map_err(|error| error.context("--tenant-endpoint"))?;
        rules = rules.with_endpoint(url.trim());
    }
    Ok(rules)
}

/// The id of namespace kube-system, which lasts as long as the cluster does.
async fn cluster_id(client: &Client) -> Outcome<String> {
    let namespace = Api::<Namespace>::all(client.clone()).get("kube-system").await?;
    namespace
        .metadata
        .uid
        .ok_or_else(|| "namespace kube-system has no id: give --cluster-id".into())
}

fn holder(flags: &Flags) -> String {
    let name = flags.pod_name.clone().or_else(|| std::env::var("HOSTNAME").ok());
    let mut bytes = [0; 4];
    // Two replicas of one name differ by this; without random numbers, by their process ids.
    let mark = getrandom::fill(&mut bytes).map_or(std::process::id(), |()| u32::from_le_bytes(bytes));
    format!("{}-{mark:08x}", name.unwrap_or_else(|| "provision-operator".to_owned()))
}

async fn stop_signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
