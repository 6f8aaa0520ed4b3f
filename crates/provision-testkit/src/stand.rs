use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use provision_core::{ProvisionedHost, Provisioner, Result};
use provision_http::Transport;

use crate::Failure;

type Wrap = Arc<dyn Fn(Arc<dyn Transport>) -> Arc<dyn Transport> + Send + Sync>;

/// What the contract suite stands on: a fresh, empty account at a simulated cloud, and the provider under test in front
/// of it. Each case is given its own.
///
/// [`SimStand`](crate::SimStand) is the one over `provision-sim`. Implement it over a simulator of your own to run the
/// suite for a provider outside this workspace.
#[async_trait]
pub trait Stand: Send + Sync {
    /// A provisioner with good credentials, except for the settings that `connect` overrides, whose every request goes
    /// through [`Connect::wrap`].
    ///
    /// # Errors
    /// What the provider says about its settings.
    fn connect(&self, connect: &Connect) -> Result<Box<dyn Provisioner>>;

    /// Settings that make the credentials well-formed but wrong.
    fn wrong_credentials(&self) -> Vec<(String, String)>;

    /// The texts that must never be shown: the token, the secret key.
    fn secrets(&self) -> Vec<String>;

    /// Puts the cloud's clock ahead, on which alone hosts boot and go: a new host is not running before it moved, and is after
    /// ten minutes at most.
    fn advance(&self, by: Duration);

    /// Lets trouble befall the next requests, after `skip` of them passed unharmed, as long as it hit fewer than `times`.
    /// [`Trouble::SoldOut`], [`Trouble::Quota`] and
    /// [`Trouble::LateVisibility`] only ever hit the request that would make a host.
    fn cause(&self, trouble: Trouble, skip: u32, times: u32);

    /// Ends all trouble.
    fn calm(&self);

    /// Everything that the account holds: hosts, firewalls, volumes, addresses, keys, scripts.
    fn inventory(&self) -> Vec<Item>;

    /// The requests that reached the cloud since the last [`forget_requests`](Self::forget_requests), in order, lost ones
    /// included.
    fn requests(&self) -> Vec<LoggedRequest>;

    /// Empties the request log.
    fn forget_requests(&self);

    /// Makes a host that does not carry our marker, as if somebody else had.
    ///
    /// # Errors
    /// [`Failure`] when the stand has no way to do that: then the provider skips the case.
    async fn seed_foreign_host(&self) -> Result<ProvisionedHost, Failure>;

    /// How many requests each operation costs, by the names in [`contract::request_counts`](crate::contract::request_counts).
    fn request_budget(&self) -> BTreeMap<String, u64>;
}

/// How to connect: which settings differ, and what goes around the transport.
#[derive(Clone, Default)]
pub struct Connect {
    /// Settings that replace those of the stand.
    pub overrides: Vec<(String, String)>,
    wrap: Option<Wrap>,
}

impl Connect {
    /// With good credentials and the bare transport.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Replaces settings.
    #[must_use]
    pub fn overriding(mut self, settings: Vec<(String, String)>) -> Self {
        self.overrides = settings;
        self
    }

    /// Puts something around the transport; what was put there before stays inside.
    #[must_use]
    pub fn through<T: Transport + 'static>(
        mut self,
        outer: impl Fn(Arc<dyn Transport>) -> T + Send + Sync + 'static,
    ) -> Self {
        let inner = self.wrap.take();
        self.wrap = Some(Arc::new(move |transport| {
            let transport = inner.as_ref().map_or(transport.clone(), |inner| inner(transport));
            Arc::new(outer(transport))
        }));
        self
    }

    /// Applies it: a stand calls this on the transport that it hands to the provider.
    #[must_use]
    pub fn wrap(&self, transport: Arc<dyn Transport>) -> Arc<dyn Transport> {
        self.wrap.as_ref().map_or(transport.clone(), |wrap| wrap(transport))
    }
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.overrides.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Connect")
            .field("overrides", &names)
            .field("wrapped", &self.wrap.is_some())
            .finish()
    }
}

/// What can befall a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trouble {
    /// Refused as one too many, with the wait that the vendor names where it names one.
    RateLimited {
        /// Seconds to wait.
        retry_after: u64,
    },
    /// Not applied; the vendor's answer to a fault of its own, with this status (500 to 599).
    ServerError(u16),
    /// Not applied; the connection ends without an answer.
    ResetBefore,
    /// Applied; the connection ends without an answer.
    ResetAfter,
    /// Applied; the answer breaks off in the middle of its body.
    Truncated,
    /// Not applied; the cloud's answer to a bad credential.
    Unauthorized,
    /// New hosts are missing from lists, and from single reads where the cloud does so, for so many milliseconds.
    LateVisibility {
        /// Milliseconds of the cloud's time.
        millis: u64,
    },
    /// A create is refused: the plan is out of stock.
    SoldOut,
    /// A create is refused: the account's limit is reached.
    Quota,
}

/// One thing that the account holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What it is: `host`, `firewall`, `volume`, `address`, ...
    pub kind: String,
    /// The cloud's id of it.
    pub id: String,
    /// Its name, empty where it has none.
    pub name: String,
    /// Whether the cloud charges for it.
    pub bills: bool,
    /// The public address, where it has one.
    pub ip: Option<String>,
    /// SHA-256 in lower-case hexadecimal of the user data as the guest would see it, for hosts where the stand knows it.
    pub user_data_sha256: Option<String>,
}

impl Item {
    /// Whether it is a host.
    #[must_use]
    pub fn is_host(&self) -> bool {
        self.kind == "host"
    }

    /// Whether it is the thing of that name. A cloud without labels may hold them in the name, behind `--`.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        let rest = self.name.strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("--"))
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {:?}", self.kind, self.id, self.name)
    }
}

/// A request that reached the cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedRequest {
    /// Method, upper case.
    pub method: String,
    /// Path without a prefix of the stand's.
    pub path: String,
    /// Status of the answer, 0 when there was none.
    pub status: u16,
}

impl fmt::Display for LoggedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} -> {}", self.method, self.path, self.status)
    }
}
