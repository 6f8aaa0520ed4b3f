//! A [`Stand`] over a real control plane. Time is real; trouble befalls requests on their way, at the transport.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use provision_core::{ProvisionedHost, Provisioner, Result, Settings, async_trait};
use provision_http::{
    Request, ReqwestTransport, Response, Transport, TransportError,
    http::{HeaderMap, Method, StatusCode},
    url::Url,
};
use provision_openstack::OpenStack;
use provision_testkit::{Connect, Failure, Item, LoggedRequest, Stand, Trouble};
use serde_json::{Value, json};

/// The longest wait between two looks: a server is there after two seconds, and gone after one.
const STEP: Duration = Duration::from_millis(500);
const TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) struct RealStand {
    folder: PathBuf,
    road: Road,
}

impl RealStand {
    pub(crate) fn start(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            road: Road {
                inner: ReqwestTransport::new().unwrap(),
                state: Arc::default(),
            },
        }
    }

    fn settings(&self) -> Settings {
        Settings::new()
            .with("config-file", self.folder.join("clouds.yaml").to_str().unwrap())
            .with("profile", "demo")
    }

    /// Removes everything of the project's that has our names, and waits until it is gone.
    pub(crate) fn empty(&self) {
        for _ in 0..60 {
            let things = things();
            if things.is_empty() {
                return;
            }
            let delete = |kind: &str| {
                let urls = things
                    .iter()
                    .filter(|thing| thing.item.kind == kind)
                    .map(|thing| thing.url.clone());
                blocking(async move |cloud: &Bare| {
                    for url in urls.collect::<Vec<_>>() {
                        cloud.send(Method::DELETE, &url).await;
                    }
                });
            };
            for kind in ["host", "address", "port", "security-group"] {
                delete(kind);
            }
            std::thread::sleep(STEP);
        }
        panic!("the project cannot be emptied");
    }
}

/// One thing of the project's, and where it is.
struct Thing {
    item: Item,
    url: String,
}

/// The services, asked without the provider.
struct Bare {
    transport: ReqwestTransport,
    token: String,
    endpoints: BTreeMap<String, String>,
}

impl Bare {
    async fn log_in() -> Self {
        let transport = ReqwestTransport::new().unwrap();
        let domain = json!({"name": "Default"});
        let user = json!({"name": "demo", "domain": domain, "password": "lab-secret"});
        let auth = json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": {"name": "demo", "domain": domain}},
        }});
        let url: Url = "http://127.0.0.1:15000/v3/auth/tokens".parse().unwrap();
        let request = Request::post("token", url).json(&auth).unwrap();
        let answer = transport.send(&request, TIMEOUT).await.unwrap();
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        let services = body["token"]["catalog"].as_array().unwrap().iter();
        let endpoint = |service: &Value| {
            let url = service["endpoints"][0]["url"].as_str().unwrap();
            (service["type"].as_str().unwrap().to_owned(), url.to_owned())
        };
        Self {
            token: answer.headers["x-subject-token"].to_str().unwrap().to_owned(),
            endpoints: services.map(endpoint).collect(),
            transport,
        }
    }

    async fn send(&self, method: Method, url: &str) -> Value {
        let request = Request::new("bare", method, url.parse().unwrap());
        let request = request.secret_header("x-auth-token", &self.token).unwrap();
        let answer = self.transport.send(&request, TIMEOUT).await.unwrap();
        serde_json::from_slice(&answer.body).unwrap_or_default()
    }

    async fn things(&self) -> Vec<Thing> {
        let (compute, network) = (&self.endpoints["compute"], &self.endpoints["network"]);
        let text = |value: &Value, field: &str| value[field].as_str().unwrap_or_default().to_owned();
        let mut things = Vec::new();
        let servers = self.send(Method::GET, &format!("{compute}/servers/detail")).await;
        for server in servers["servers"].as_array().into_iter().flatten() {
            let addresses = server["addresses"].as_object().unwrap().values();
            let mut floating = addresses
                .flat_map(|addresses| addresses.as_array().unwrap())
                .filter(|address| address["OS-EXT-IPS:type"] == "floating");
            let mut item = item("host", &text(server, "id"), &text(server, "name"), true);
            item.ip = floating.next().map(|address| text(address, "addr"));
            let url = format!("{compute}/servers/{}", item.id);
            things.push(Thing { item, url });
        }
        for (path, list, kind, name) in [
            ("floatingips", "floatingips", "address", "description"),
            ("ports", "ports", "port", "name"),
            ("security-groups", "security_groups", "security-group", "name"),
        ] {
            let found = self.send(Method::GET, &format!("{network}/v2.0/{path}")).await;
            for one in found[list].as_array().into_iter().flatten() {
                let item = item(kind, &text(one, "id"), &text(one, name), kind == "address");
                if item.name.starts_with("provision") {
                    let url = format!("{network}/v2.0/{path}/{}", item.id);
                    things.push(Thing { item, url });
                }
            }
        }
        things
    }
}

fn item(kind: &str, id: &str, name: &str, bills: bool) -> Item {
    Item {
        kind: kind.to_owned(),
        id: id.to_owned(),
        name: name.to_owned(),
        bills,
        ip: None,
        user_data_sha256: None,
    }
}

fn things() -> Vec<Thing> {
    blocking(async |cloud: &Bare| cloud.things().await)
}

/// Asks the services from a function that cannot wait.
fn blocking<T: Send>(ask: impl AsyncFnOnce(&Bare) -> T + Send) -> T {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async { ask(&Bare::log_in().await).await })
    };
    std::thread::scope(|scope| scope.spawn(run).join().unwrap())
}

#[async_trait]
impl Stand for RealStand {
    fn connect(&self, connect: &Connect) -> Result<Box<dyn Provisioner>> {
        let mut settings = self.settings();
        for (name, value) in &connect.overrides {
            settings.set(name, value);
        }
        let transport = connect.wrap(Arc::new(self.road.clone()));
        Ok(Box::new(OpenStack::from_settings(&settings, transport)?))
    }

    fn wrong_credentials(&self) -> Vec<(String, String)> {
        vec![("password".to_owned(), "lab-secreu".to_owned())]
    }

    fn secrets(&self) -> Vec<String> {
        vec!["lab-secret".to_owned()]
    }

    fn advance(&self, by: Duration) {
        std::thread::sleep(by.min(STEP));
    }

    fn cause(&self, trouble: Trouble, skip: u32, times: u32) {
        let mut state = self.road.state.lock().unwrap();
        state.trouble = Some((trouble, skip, times));
    }

    fn calm(&self) {
        self.road.state.lock().unwrap().trouble = None;
    }

    fn inventory(&self) -> Vec<Item> {
        things().into_iter().map(|thing| thing.item).collect()
    }

    fn requests(&self) -> Vec<LoggedRequest> {
        self.road.state.lock().unwrap().log.clone()
    }

    fn forget_requests(&self) {
        self.road.state.lock().unwrap().log.clear();
    }

    async fn seed_foreign_host(&self) -> Result<ProvisionedHost, Failure> {
        Err(Failure::new("nobody else makes hosts here"))
    }

    fn request_budget(&self) -> BTreeMap<String, u64> {
        let manifest = provision_testkit::Manifest::find(env!("CARGO_MANIFEST_DIR")).unwrap();
        let row = manifest.rows.into_iter().find(|row| row.id == "openstack");
        row.unwrap().requests
    }
}

/// The way to the cloud, on which requests meet trouble.
#[derive(Debug, Clone)]
struct Road {
    inner: ReqwestTransport,
    state: Arc<Mutex<RoadState>>,
}

#[derive(Debug, Default)]
struct RoadState {
    trouble: Option<(Trouble, u32, u32)>,
    log: Vec<LoggedRequest>,
}

impl Road {
    fn trouble(&self) -> Option<Trouble> {
        let mut state = self.state.lock().unwrap();
        match &mut state.trouble {
            Some((_, skip, _)) if *skip > 0 => {
                *skip -= 1;
                None
            }
            Some((trouble, _, times)) if *times > 0 => {
                *times -= 1;
                Some(*trouble)
            }
            _ => None,
        }
    }
}

fn answer(status: u16, retry_after: Option<u64>, body: Value) -> Response {
    let mut headers = HeaderMap::new();
    if let Some(seconds) = retry_after {
        headers.insert("retry-after", seconds.into());
    }
    Response::new(StatusCode::from_u16(status).unwrap(), headers, body.to_string())
}

#[async_trait]
impl Transport for Road {
    async fn send(&self, request: &Request, timeout: Duration) -> std::result::Result<Response, TransportError> {
        // An answer that never left this process must not come before requests beside it were sent.
        tokio::task::yield_now().await;
        let broken = || TransportError::Interrupted("the connection was reset".into());
        let outcome = match self.trouble() {
            None => self.inner.send(request, timeout).await,
            Some(Trouble::RateLimited { retry_after }) => Ok(answer(429, Some(retry_after), json!({}))),
            Some(Trouble::ServerError(status)) => Ok(answer(status, None, json!({}))),
            Some(Trouble::Unauthorized) => Ok(answer(401, None, json!({}))),
            Some(Trouble::ResetBefore) => Err(broken()),
            Some(_) => {
                drop(self.inner.send(request, timeout).await);
                Err(broken())
            }
        };
        self.state.lock().unwrap().log.push(LoggedRequest {
            method: request.method().to_string(),
            path: request.url().path().to_owned(),
            status: outcome.as_ref().map_or(0, |answer| answer.status.as_u16()),
        });
        outcome
    }
}
