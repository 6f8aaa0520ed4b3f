//! A cluster and simulated clouds in one process, and operators that live and die in them. Time moves only when told to.

#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod api;
pub(crate) mod clouds;
pub(crate) mod gate;
pub(crate) mod inlets;
pub(crate) mod tenant;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use futures_util::future::join_all;
use provision::{
    BasicHost, CatalogQuery, ErrorKind, HostDeleteRequest, HostId, IdempotencyKey, Provisioner, Settings,
    StrangerRules, UserData, connect_with,
    http::{Request, Response, Transport, TransportError},
};
use provision_operator::{
    account::{Pace, Watcher},
    accounts::{Accounts, Connect, connector},
    budget::Caps,
    clock::Clock,
    context::Context,
    controller::{reconcile, reconcile_service},
    crd::{Host, Tunnel},
    mapping::{Defaults, client::ClientSettings},
    metrics::Metrics,
    options::Options,
    scope::Scope,
};
use provision_sim::{Item, Sim, SimOutcome, SimRequest};
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;

use api::FakeCluster;
use gate::{Fate, Gate};

pub(crate) const TUNNELS: &str = "operator.inlets.dev/tunnels";
pub(crate) const HOSTS: &str = "provision.dev/hosts";

/// Speaks to the simulator without a socket.
#[derive(Debug)]
pub(crate) struct SimTransport {
    pub(crate) sim: Sim,
    pub(crate) gate: Arc<Gate>,
}

#[async_trait]
impl Transport for SimTransport {
    fn clock(&self) -> provision::Clock {
        let clock = self.sim.clock().clone();
        provision::Clock::new(move || clock.now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
    }

    async fn send(&self, request: &Request, _timeout: Duration) -> Result<Response, TransportError> {
        // Others have their turn while a request is under way.
        tokio::task::yield_now().await;
        let label = format!("cloud {} {}", request.method(), request.url().path());
        let fate = self.gate.pass(&label);
        if fate == Fate::DieBefore {
            return Err(TransportError::Connect("the process is dead".into()));
        }
        let mut sent = SimRequest::new(request.method().clone(), request.url().as_str());
        sent.headers = request.headers().clone();
        sent.body = request.body_bytes().clone();
        match self.sim.handle(sent) {
            SimOutcome::Answer(answer) if fate == Fate::Go => {
                let (parts, body) = answer.into_parts();
                Ok(Response::new(parts.status, parts.headers, body))
            }
            _ => Err(TransportError::Interrupted("connection reset".into())),
        }
    }
}

/// Wraps a cloud.
pub(crate) type Between = fn(Arc<dyn Provisioner>) -> Arc<dyn Provisioner>;

/// What operators are started with in a test, beside the cloud.
#[derive(Clone, Default)]
pub(crate) struct Setup {
    pub(crate) annotated_only: bool,
    pub(crate) adopt_unmarked: bool,
    pub(crate) caps: Caps,
    pub(crate) scope: Scope,
    /// The mark of this installation.
    pub(crate) installation: Option<&'static str>,
    /// The operator's own regions.
    pub(crate) regions: Vec<String>,
    /// What tenants may choose beside credentials and plain values.
    pub(crate) strangers: StrangerRules,
    /// What Hosts in the operator's own account may have.
    pub(crate) allow_additional: &'static [&'static str],
    /// Clouds are reached as in production, and not the simulator without a socket.
    pub(crate) real_network: bool,
    /// Stands between the operator and its clouds.
    pub(crate) between: Option<Between>,
    /// Accounts poll in tasks of their own.
    pub(crate) polls_itself: bool,
    /// Time passes by itself.
    pub(crate) real_time: bool,
    /// Polls come as in production also where time passes by itself.
    pub(crate) unhurried: bool,
    /// Clouds refuse requests beyond the limits that they announce.
    pub(crate) limits: bool,
    /// How long the clouds take to delete a host, if not two seconds.
    pub(crate) delete_time: Option<Duration>,
    /// How long the clouds take to make a host, if not three seconds.
    pub(crate) boot_time: Option<Duration>,
}

/// A cluster and its clouds.
pub(crate) struct World {
    pub(crate) cluster: FakeCluster,
    pub(crate) sim: Sim,
    pub(crate) cloud: &'static str,
    pub(crate) setup: Setup,
    /// What the clouds held before anything was made: default networks, for example.
    before: Vec<Item>,
}

/// One process: everything it remembers dies with it.
pub(crate) struct Operator {
    pub(crate) context: Arc<Context>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) events: UnboundedReceiver<Watcher>,
    cluster: FakeCluster,
    sim: Sim,
}

impl World {
    pub(crate) fn new(cloud: &'static str) -> Self {
        Self::with(cloud, Setup::default())
    }

    pub(crate) fn with(cloud: &'static str, setup: Setup) -> Self {
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_168_800);
        let clock = if setup.real_time {
            provision_sim::Clock::system()
        } else {
            provision_sim::Clock::manual(start)
        };
        let mut sim = Sim::builder().clock(clock).enforce_limits(setup.limits);
        if let Some(time) = setup.delete_time {
            sim = sim.delete_time(time);
        }
        if let Some(time) = setup.boot_time {
            sim = sim.boot_time(time);
        }
        let sim = sim.build().unwrap();
        let clock = sim.clock().clone();
        Self {
            cluster: FakeCluster::new(Arc::new(move || clock.now())),
            before: sim.inventory(),
            sim,
            cloud,
            setup,
        }
    }

    pub(crate) fn clock(&self) -> Clock {
        let clock = self.sim.clock().clone();
        Clock::new(move || clock.now())
    }

    /// The settings with which the simulated cloud is reached.
    pub(crate) fn settings(cloud: &str) -> Settings {
        let info = provision_sim::clouds()
            .into_iter()
            .find(|known| known.id == cloud)
            .unwrap();
        let settings: Settings = info.settings.iter().copied().collect();
        settings.with(
            "endpoint",
            format!(
                "http://localhost/{}{}",
                cloud,
                info.endpoint_path.trim_start_matches(&format!("/{cloud}"))
            ),
        )
    }

    /// In the simulator tenants may name its clouds.
    fn strangers(&self) -> StrangerRules {
        let clouds = provision::providers().into_iter().filter(|_| !self.setup.real_network);
        clouds.fold(self.setup.strangers.clone(), |rules, info| {
            match Self::settings(info.id).get("endpoint") {
                Some(url) => rules.with_endpoint(url),
                None => rules,
            }
        })
    }

    pub(crate) fn start(&self) -> Operator {
        self.start_with(Gate::open())
    }

    pub(crate) fn start_with(&self, gate: Gate) -> Operator {
        let gate = Arc::new(gate);
        let (sender, events) = tokio::sync::mpsc::unbounded_channel();
        let transport: Arc<dyn Transport> = Arc::new(SimTransport {
            sim: self.sim.clone(),
            gate: gate.clone(),
        });
        let between = self.setup.between.unwrap_or(|cloud| cloud);
        let connect: Connect = match self.setup.real_network {
            true => connector().unwrap(),
            false => Arc::new(move |provider, settings| {
                Ok(between(Arc::from(connect_with(provider, settings, transport.clone())?)))
            }),
        };
        let metrics = Metrics::default();
        let mut pace = Pace::default();
        if self.setup.real_time && !self.setup.unhurried {
            pace.busy = Duration::from_secs(1);
            pace.list_gap = Duration::from_secs(1);
        }
        let accounts = Accounts::new(
            connect,
            self.clock(),
            pace,
            metrics.clone(),
            sender,
            self.setup.polls_itself,
        );
        let cloud = self.cloud;
        let options = Options {
            provider: Some(cloud.to_owned()),
            settings: Arc::new(move || Ok(Self::settings(cloud))),
            strangers: self.strangers(),
            allow_additional: self
                .setup
                .allow_additional
                .iter()
                .map(|key| (*key).to_owned())
                .collect(),
            license: Arc::new(|| Ok(Some("license-1".to_owned()))),
            defaults: Defaults {
                cluster: "cluster-1".to_owned(),
                inlets_release: "0.9.40".to_owned(),
                regions: self.setup.regions.clone(),
                installation: self.setup.installation.map(str::to_owned),
                ..Defaults::default()
            },
            client: ClientSettings {
                image: "ghcr.io/inlets/inlets-pro:0.9.40".to_owned(),
                max_memory: "128Mi".to_owned(),
            },
            annotated_only: self.setup.annotated_only,
            adopt_unmarked: self.setup.adopt_unmarked,
            caps: self.setup.caps.clone(),
            scope: self.setup.scope.clone(),
        };
        let client = self.cluster.client(gate.clone());
        Operator {
            context: Arc::new(Context::new(client, accounts, options, self.clock(), metrics, None)),
            gate,
            events,
            cluster: self.cluster.clone(),
            sim: self.sim.clone(),
        }
    }

    pub(crate) fn make_service(&self, name: &str) {
        self.cluster.create("services", service(name));
    }

    pub(crate) fn make_host(&self, name: &str, spec: Value) {
        let host = json!({ "apiVersion": "provision.dev/v1alpha1", "kind": "Host", "metadata": { "name": name, "namespace": "shop" }, "spec": spec });
        self.cluster.create(HOSTS, host);
    }

    /// Makes a host with the key of a Host, as somebody would who knows nothing of the operator.
    pub(crate) async fn make_twin_of(&self, name: &str) -> HostId {
        let uid = self.host(name)["metadata"]["uid"].as_str().unwrap().to_owned();
        let twin =
            BasicHost::new("twin".parse().unwrap(), UserData::empty()).with_key(IdempotencyKey::new(uid).unwrap());
        self.by_hand().provision(&twin).await.unwrap().id
    }

    /// The cloud, as somebody uses it who knows nothing of the operator.
    pub(crate) fn by_hand(&self) -> Box<dyn Provisioner> {
        let transport = SimTransport {
            sim: self.sim.clone(),
            gate: Arc::default(),
        };
        connect_with(self.cloud, &Self::settings(self.cloud), Arc::new(transport)).unwrap()
    }

    /// The cloud's own region and another one that sells the same plan, as the cloud writes them.
    pub(crate) async fn two_regions(&self) -> [String; 2] {
        let cloud = self.by_hand();
        let probe = BasicHost::new("probe".parse().unwrap(), UserData::empty());
        let id = cloud.provision(&probe).await.unwrap().id;
        let probe = cloud.status(&id).await.unwrap();
        for _ in 0..100 {
            self.sim.clock().advance(Duration::from_secs(5));
            match cloud.delete(&HostDeleteRequest::Id(id.clone())).await {
                Ok(deletion) if deletion.is_over() => break,
                Ok(_) => {}
                Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error}"),
            }
        }
        let (own, plan) = (probe.region.unwrap(), probe.plan.unwrap());
        let regions = cloud.catalog(&CatalogQuery::regions()).await.unwrap().regions;
        for region in regions {
            let plans = CatalogQuery::plans().with_region(region.id.clone());
            if !region.id.eq_ignore_ascii_case(&own)
                && let Ok(catalog) = cloud.catalog(&plans).await
                && catalog
                    .plans
                    .iter()
                    .any(|known| known.id == plan && known.available != Some(false))
            {
                return [own, region.id];
            }
        }
        panic!("{} sells {plan} in {own} only", self.cloud);
    }

    pub(crate) fn tunnel(&self, name: &str) -> Value {
        self.cluster.get(TUNNELS, "shop", name).unwrap_or_default()
    }

    pub(crate) fn host(&self, name: &str) -> Value {
        self.cluster.get(HOSTS, "shop", name).unwrap_or_default()
    }

    pub(crate) fn hosts_at_cloud(&self) -> usize {
        self.sim.inventory().iter().filter(|item| item.kind == "host").count()
    }

    /// Nothing that bills is left, and nothing that was made for a host. Tags are names that a cloud keeps, free of charge.
    #[track_caller]
    pub(crate) fn assert_empty(&self, place: &str) {
        self.assert_empty_but(&[], place);
    }

    /// As [`assert_empty`](Self::assert_empty), but for things of these names that bill nothing.
    #[track_caller]
    pub(crate) fn assert_empty_but(&self, stays: &[&str], place: &str) {
        let mut left = self.made();
        left.retain(|item| item.bills || !stays.contains(&item.name.as_str()));
        assert!(left.is_empty(), "{}, {place}: {left:#?}", self.cloud);
    }

    /// What is there and was not at the beginning, without tags that bill nothing.
    pub(crate) fn made(&self) -> Vec<Item> {
        let mut items = self.sim.inventory();
        items.retain(|item| !self.before.contains(item) && (item.kind != "tag" || item.bills));
        items
    }

    pub(crate) fn is_active(&self, tunnel: &str) -> bool {
        let tunnel = self.tunnel(tunnel);
        tunnel["status"]["hostStatus"] == "active" && tunnel["status"]["clientDeploymentRef"].is_object()
    }
}

pub(crate) fn service(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "name": name, "namespace": "shop" },
        "spec": { "type": "LoadBalancer", "ports": [{ "port": 80, "protocol": "TCP" }] }
    })
}

impl Operator {
    /// Lets the operator work, and time pass, until something is so. At the latest after an hour of the simulated time.
    #[track_caller]
    pub(crate) fn until<'a>(
        &'a mut self,
        what: &'a str,
        mut holds: impl FnMut() -> bool + 'a,
    ) -> impl Future<Output = ()> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            for _ in 0..720 {
                if holds() || self.gate.is_dead() {
                    return;
                }
                self.round().await;
                self.sim.clock().advance(Duration::from_secs(5));
            }
            panic!(
                "{caller}: it never came to this: {what}\n{:#?}\n{:#?}",
                self.cluster.list(TUNNELS),
                self.cluster.list(HOSTS)
            );
        }
    }

    /// One look at everything, then one poll.
    pub(crate) async fn round(&mut self) {
        for object in self.cluster.list("services") {
            let _ = reconcile_service(Arc::new(serde_json::from_value(object).unwrap()), self.context.clone()).await;
        }
        self.reconcile_all().await;
        self.poll().await;
        self.reconcile_all().await;
    }

    /// One poll of every account.
    pub(crate) async fn poll(&mut self) {
        for account in self.context.accounts.all() {
            account.poll().await;
        }
        while self.events.try_recv().is_ok() {}
    }

    /// One look at every Host at the same time, as controllers do it.
    pub(crate) async fn reconcile_hosts_at_once(&mut self) {
        let hosts = self.cluster.list(HOSTS).into_iter();
        let hosts = hosts.map(|object| Arc::new(serde_json::from_value::<Host>(object).unwrap()));
        join_all(hosts.map(|host| reconcile(host, self.context.clone()))).await;
    }

    /// One look at every Tunnel and Host.
    pub(crate) async fn reconcile_all(&mut self) {
        for object in self.cluster.list(TUNNELS) {
            let tunnel: Tunnel = serde_json::from_value(object).unwrap();
            let _ = reconcile(Arc::new(tunnel), self.context.clone()).await;
        }
        for object in self.cluster.list(HOSTS) {
            let host: Host = serde_json::from_value(object).unwrap();
            let _ = reconcile(Arc::new(host), self.context.clone()).await;
        }
    }
}
