use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use provision_core::{BasicHost, MANAGED_BY_LABEL, ProvisionedHost, Provisioner, Result, Settings, UserData};
use provision_http::{Request, ReqwestTransport, Response, Transport, TransportError};
use provision_sim::{Clock, CloudInfo, Effect, Fault, Server, Sim};

use crate::{Connect, Failure, Item, LoggedRequest, Stand, Trouble};

/// Makes a provider from settings and a transport.
pub type ConnectFn = dyn Fn(&Settings, Arc<dyn Transport>) -> Result<Box<dyn Provisioner>> + Send + Sync;

/// A [`Stand`] over `provision-sim`: a simulator of its own, on a free port, whose clock moves only when a case moves it.
pub struct SimStand {
    cloud: CloudInfo,
    connect: Arc<ConnectFn>,
    sim: Sim,
    server: Server,
    transport: Arc<dyn Transport>,
    budget: BTreeMap<String, u64>,
    wrong: Option<Vec<(String, String)>>,
    forgotten: AtomicU64,
}

impl SimStand {
    /// Starts a simulator for one case.
    ///
    /// # Errors
    /// [`Failure`] when the simulator does not know the provider or cannot listen on the loopback address.
    pub async fn start(provider: &str, connect: Arc<ConnectFn>) -> Result<Self, Failure> {
        let cloud = provision_sim::clouds()
            .into_iter()
            .find(|cloud| cloud.id == provider)
            .ok_or_else(|| Failure::new(format!("provision-sim does not simulate `{provider}`")))?;
        let failed = |error: std::io::Error| Failure::new(format!("cannot start the simulator: {error}"));
        // 2026-11-20T10:00:00Z
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_168_800);
        let sim_clock = Clock::manual(start);
        let sim = Sim::builder()
            .clock(sim_clock.clone())
            .boot_time(Duration::from_secs(20))
            .delete_time(Duration::from_secs(5))
            .build()
            .map_err(failed)?;
        let server = sim
            .serve(std::net::SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .map_err(failed)?;
        let transport = ReqwestTransport::new().map_err(|error| Failure::new(error.to_string()))?;
        Ok(Self {
            cloud,
            connect,
            sim,
            server,
            transport: Arc::new(SimTransport {
                inner: transport,
                clock: sim_clock.clone(),
                start,
            }),
            budget: BTreeMap::new(),
            wrong: None,
            forgotten: AtomicU64::new(0),
        })
    }

    /// Says how many requests each operation may cost.
    #[must_use]
    pub fn with_budget(mut self, budget: BTreeMap<String, u64>) -> Self {
        self.budget = budget;
        self
    }

    /// Says which settings make the credentials wrong, for a cloud whose credentials are more than one word.
    #[must_use]
    pub fn with_wrong_credentials(mut self, settings: Vec<(String, String)>) -> Self {
        self.wrong = Some(settings);
        self
    }

    /// The simulator.
    #[must_use]
    pub fn sim(&self) -> &Sim {
        &self.sim
    }

    /// How many requests the cloud received since the start, forgotten ones included.
    #[must_use]
    pub fn requests_in_all(&self) -> u64 {
        self.forgotten.load(Ordering::Relaxed) + self.requests().len() as u64
    }

    fn settings(&self) -> Settings {
        let endpoint = format!(
            "{}{}",
            self.server.base_url().trim_end_matches('/'),
            self.cloud.endpoint_path
        );
        let account = self.cloud.settings.iter().copied();
        account.chain([("endpoint", endpoint.as_str())]).collect()
    }

    fn secret_settings(&self) -> Vec<(String, String)> {
        let Ok(cloud) = self.connect(&Connect::new()) else {
            return Vec::new();
        };
        let is_secret = |name: &str| {
            let known = cloud.info().settings.iter().find(|known| known.name == name);
            known.is_some_and(|known| known.secret)
        };
        let account = self.cloud.settings.iter();
        account
            .filter(|(name, _)| is_secret(name))
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }
}

#[async_trait]
impl Stand for SimStand {
    fn connect(&self, connect: &Connect) -> Result<Box<dyn Provisioner>> {
        let mut settings = self.settings();
        for (name, value) in &connect.overrides {
            settings.set(name, value);
        }
        (self.connect)(&settings, connect.wrap(self.transport.clone()))
    }

    fn wrong_credentials(&self) -> Vec<(String, String)> {
        match &self.wrong {
            Some(wrong) => wrong.clone(),
            None => self
                .secret_settings()
                .into_iter()
                .map(|(name, value)| (name, spoil(&value)))
                .collect(),
        }
    }

    fn secrets(&self) -> Vec<String> {
        self.secret_settings().into_iter().map(|(_, value)| value).collect()
    }

    fn advance(&self, by: Duration) {
        self.sim.clock().advance(by);
    }

    fn cause(&self, trouble: Trouble, skip: u32, times: u32) {
        let effect = match trouble {
            Trouble::RateLimited { retry_after } => Effect::RateLimited {
                retry_after: Some(retry_after),
            },
            Trouble::ServerError(status) => Effect::ServerError { status },
            Trouble::ResetBefore => Effect::ResetBefore,
            Trouble::ResetAfter => Effect::ResetAfter,
            Trouble::Truncated => Effect::Truncated,
            Trouble::Unauthorized => Effect::Unauthorized,
            Trouble::LateVisibility { millis } => Effect::LateVisibility { millis },
            Trouble::SoldOut => Effect::SoldOut,
            Trouble::Quota => Effect::Quota,
        };
        let fault = Fault::new(effect).cloud(self.cloud.id).skip(skip).times(times);
        self.sim.faults().add(fault);
    }

    fn calm(&self) {
        self.sim.faults().clear();
    }

    fn inventory(&self) -> Vec<Item> {
        let items = self.sim.inventory().into_iter();
        items
            .filter(|item| item.cloud == self.cloud.id)
            .map(|item| Item {
                kind: item.kind,
                id: item.id,
                name: item.name,
                bills: item.bills,
                ip: item.ip,
                user_data_sha256: item.user_data_sha256,
            })
            .collect()
    }

    fn requests(&self) -> Vec<LoggedRequest> {
        let requests = self.sim.requests().into_iter();
        requests
            .filter(|request| request.cloud == self.cloud.id)
            .map(|request| LoggedRequest {
                method: request.method,
                path: request.path,
                status: request.status,
            })
            .collect()
    }

    fn forget_requests(&self) {
        self.forgotten
            .fetch_add(self.requests().len() as u64, Ordering::Relaxed);
        self.sim.clear_requests();
    }

    /// The provider's own create, after which the marker's name is replaced in what the simulator keeps: a changed request
    /// would not do at clouds that sign it.
    async fn seed_foreign_host(&self) -> Result<ProvisionedHost, Failure> {
        const FOREIGN: &str = "foreign-by";
        let failed = |error: provision_core::Error| Failure::new(format!("cannot make somebody else's host: {error}"));
        let name = "foreign-1"
            .parse()
            .map_err(|error| failed(provision_core::Error::from(error)))?;
        let cloud = self.connect(&Connect::new()).map_err(failed)?;
        let host = cloud
            .provision(&BasicHost::new(name, UserData::empty()))
            .await
            .map_err(failed)?;
        let mut marked = false;
        let unmark = |state: &str| {
            marked = state.contains(MANAGED_BY_LABEL);
            state.replace(MANAGED_BY_LABEL, FOREIGN)
        };
        self.sim
            .rewrite(self.cloud.id, unmark)
            .map_err(|error| Failure::new(format!("cannot make somebody else's host: {error}")))?;
        if marked {
            return Ok(host);
        }
        Err(Failure::new(
            "cannot make somebody else's host: the cloud kept the marker `managed-by` nowhere",
        ))
    }

    fn request_budget(&self) -> BTreeMap<String, u64> {
        self.budget.clone()
    }
}

impl std::fmt::Debug for SimStand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SimStand({})", self.cloud.id)
    }
}

/// Sends requests over the network, and goes by the simulator's clock.
#[derive(Debug)]
struct SimTransport {
    inner: ReqwestTransport,
    clock: Clock,
    start: SystemTime,
}

#[async_trait]
impl Transport for SimTransport {
    async fn send(&self, request: &Request, timeout: Duration) -> Result<Response, TransportError> {
        self.inner.send(request, timeout).await
    }

    fn clock(&self) -> provision_core::Clock {
        let (clock, start) = (self.clock.clone(), self.start);
        provision_core::Clock::new(move || clock.now().duration_since(start).unwrap_or_default())
    }
}

/// A key file (JSON) with other ids and secrets in it, so that it can still be read; of any other credential another
/// text of the same shape.
fn spoil(secret: &str) -> String {
    let Ok(serde_json::Value::Object(mut file)) = serde_json::from_str(secret) else {
        return garble(secret);
    };
    for (name, value) in &mut file {
        if let (true, serde_json::Value::String(text)) = (name.ends_with("_id") || name.contains("secret"), value) {
            *text = garble(text);
        }
    }
    serde_json::Value::Object(file).to_string()
}

/// Another text of the same shape: digits stay digits, hexadecimal digits stay hexadecimal.
fn garble(secret: &str) -> String {
    let next = |c: char, from: char, to: char| if c == to { from } else { char::from(c as u8 + 1) };
    secret
        .chars()
        .map(|c| match c {
            '0'..='9' => next(c, '0', '9'),
            'a'..='f' => next(c, 'a', 'f'),
            'g'..='z' => next(c, 'g', 'z'),
            'A'..='F' => next(c, 'A', 'F'),
            'G'..='Z' => next(c, 'G', 'Z'),
            other => other,
        })
        .collect()
}
