//! Which accounts there are: one for each cloud and set of credentials.

use std::{
    collections::BTreeMap,
    fmt,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::{Arc, Mutex, PoisonError},
};

use provision::{Provisioner, Result, Settings};
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

/// Makes a cloud from its name and settings, without asking it anything.
pub type Connect = Arc<dyn Fn(&str, &Settings) -> Result<Arc<dyn Provisioner>> + Send + Sync>;

/// By provider and credentials; with the fingerprint of the settings that it was made from.
type Known = BTreeMap<(String, Credentials), (u64, Arc<Account>)>;

/// Every account in use.
pub struct Accounts {
    connect: Connect,
    clock: Clock,
    pace: Pace,
    metrics: Metrics,
    events: UnboundedSender<Watcher>,
    polls_itself: bool,
    known: Mutex<Known>,
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

    /// The account of these credentials; a new one as soon as they change.
    ///
    /// # Errors
    /// As the cloud's `from_settings`: a missing credential, an unknown setting.
    pub fn get(&self, provider: &str, credentials: Credentials, settings: &Settings) -> Result<Arc<Account>> {
        let fingerprint = fingerprint(settings);
        let key = (provider.to_owned(), credentials);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((same, account)) = known.get(&key)
            && *same == fingerprint
        {
            return Ok(account.clone());
        }
        let cloud = (self.connect)(provider, settings)?;
        let account = Arc::new(Account::new(
            cloud,
            self.clock.clone(),
            self.pace.clone(),
            self.metrics.clone(),
            self.events.clone(),
        ));
        if let Some((_, old)) = known.insert(key, (fingerprint, account.clone())) {
            tracing::info!(provider, "the credentials changed");
            old.retire();
        }
        if self.polls_itself {
            let account = account.clone();
            tokio::spawn(async move { account.keep_polling().await });
        }
        Ok(account)
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Account>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.values().map(|(_, account)| account.clone()).collect()
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
