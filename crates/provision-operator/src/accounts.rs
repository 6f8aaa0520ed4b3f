//! Which accounts there are: one for each cloud and set of credentials.

use std::{
    collections::BTreeMap,
    fmt,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use provision::{
    Error, ErrorKind, Provisioner, Result, Settings, connect_with,
    http::{Bounds, ReqwestTransport, Transport},
};
use tokio::sync::mpsc::UnboundedSender;

use crate::{
    account::{Account, Pace, Watcher},
    clock::Clock,
    metrics::Metrics,
};

/// Where an account's credentials come from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Credentials {
    /// The operator's own flags, files and environment.
    Own,
    /// A Secret.
    Secret {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
}

/// Makes a cloud from its name and settings, without asking it anything. It may read files.
pub type Connect = Arc<dyn Fn(&str, &Settings) -> Result<Arc<dyn Provisioner>> + Send + Sync>;

/// Makes clouds that share their connections, and take less from those of tenants at a time.
///
/// # Errors
/// `Unavailable` when the system has no certificates.
pub fn connector() -> Result<Connect> {
    let own = ReqwestTransport::new()?;
    let tenants: Arc<dyn Transport> = Arc::new(own.clone().with_bounds(Bounds::NARROW));
    let own: Arc<dyn Transport> = Arc::new(own);
    Ok(Arc::new(move |provider, settings| {
        let transport = if settings.are_from_strangers() { &tenants } else { &own };
        Ok(Arc::from(connect_with(provider, settings, transport.clone())?))
    }))
}

/// How long after its last look at an account a resource counts as one that uses it. Each is looked at every ten minutes; one
/// that went unseen is forgotten then.
const USE: Duration = Duration::from_secs(3_600);

type Key = (String, Credentials);

/// An account, and who uses it.
struct Known {
    /// Of the settings that it was made from.
    fingerprint: u64,
    account: Arc<Account>,
    /// Resources by their uid, and when they last asked for it.
    users: BTreeMap<String, SystemTime>,
}

/// Every account in use.
pub struct Accounts {
    connect: Connect,
    clock: Clock,
    pace: Pace,
    metrics: Metrics,
    events: UnboundedSender<Watcher>,
    polls_itself: bool,
    known: Mutex<BTreeMap<Key, Known>>,
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts")
            .field("pace", &self.pace)
            .finish_non_exhaustive()
    }
}

impl Accounts {
    /// No accounts yet. With `polls_itself` each one polls in a task of its own; else the caller does.
    pub fn new(
        connect: Connect,
        clock: Clock,
        pace: Pace,
        metrics: Metrics,
        events: UnboundedSender<Watcher>,
        polls_itself: bool,
    ) -> Self {
        Self {
            connect,
            clock,
            pace,
            metrics,
            events,
            polls_itself,
            known: Mutex::default(),
        }
    }

    /// The account of these credentials, for a resource by its uid; a new one as soon as they change.
    ///
    /// # Errors
    /// As the cloud's `from_settings`: a missing credential, an unknown setting.
    pub async fn get(
        &self,
        provider: &str,
        credentials: Credentials,
        settings: &Settings,
        user: Option<&str>,
    ) -> Result<Arc<Account>> {
        let fingerprint = fingerprint(settings);
        let key = (provider.to_owned(), credentials);
        if let Some(account) = self.known_one(&key, fingerprint, user) {
            return Ok(account);
        }
        let (connect, name, settings) = (self.connect.clone(), provider.to_owned(), settings.clone());
        let cloud = off_the_runtime(move || connect(&name, &settings)).await?;
        // Somebody else may have been faster.
        if let Some(account) = self.known_one(&key, fingerprint, user) {
            return Ok(account);
        }
        let account = Arc::new(Account::new(
            cloud,
            self.clock.clone(),
            self.pace.clone(),
            self.metrics.clone(),
            self.events.clone(),
        ));
        let mut known = self.known();
        self.drop_unused(&mut known);
        let mut users = BTreeMap::new();
        if let Some(old) = known.remove(&key) {
            tracing::info!(provider, "the credentials changed");
            old.account.retire();
            users = old.users;
        }
        users.extend(user.map(|user| (user.to_owned(), self.clock.now())));
        let entry = Known {
            fingerprint,
            account: account.clone(),
            users,
        };
        known.insert(key, entry);
        drop(known);
        if self.polls_itself {
            let account = account.clone();
            tokio::spawn(async move { account.keep_polling().await });
        }
        Ok(account)
    }

    fn known_one(&self, key: &Key, fingerprint: u64, user: Option<&str>) -> Option<Arc<Account>> {
        let mut known = self.known();
        let entry = known.get_mut(key).filter(|entry| entry.fingerprint == fingerprint)?;
        entry.users.extend(user.map(|user| (user.to_owned(), self.clock.now())));
        Some(entry.account.clone())
    }

    /// Says that a resource is gone. Accounts of Secrets that nobody uses any more go with it.
    pub fn forget(&self, user: &str) {
        let mut known = self.known();
        for entry in known.values_mut() {
            entry.users.remove(user);
        }
        self.drop_unused(&mut known);
    }

    fn drop_unused(&self, known: &mut BTreeMap<Key, Known>) {
        let now = self.clock.now();
        known.retain(|(_, credentials), entry| {
            entry
                .users
                .retain(|_, last| now.duration_since(*last).unwrap_or_default() < USE);
            let stays = *credentials == Credentials::Own
                || !entry.users.is_empty()
                || !entry.account.leaving_orphans().is_empty();
            if !stays {
                entry.account.retire();
            }
            stays
        });
    }

    /// Whether there is an account of these credentials.
    #[must_use]
    pub fn has(&self, provider: &str, credentials: &Credentials) -> bool {
        self.known().contains_key(&(provider.to_owned(), credentials.clone()))
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Account>> {
        self.known().values().map(|entry| entry.account.clone()).collect()
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<Key, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs something that may read files where it holds nobody up.
///
/// # Errors
/// Those of the work; `Unavailable` when the runtime is going down.
pub(crate) async fn off_the_runtime<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Error::new(ErrorKind::Unavailable, "the operator is stopping").with_source(error)),
    }
}

/// Tells one set of settings from another without keeping it. Never leaves the process.
fn fingerprint(settings: &Settings) -> u64 {
    let mut hasher = DefaultHasher::new();
    for name in settings.names() {
        (name, settings.get(name)).hash(&mut hasher);
    }
    hasher.finish()
}
