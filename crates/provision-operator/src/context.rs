//! What every reconcile works with.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use k8s_openapi::api::core::v1::Service;
use kube::{
    Api, Client, Resource, ResourceExt as _,
    runtime::events::{Event, EventType, Recorder, Reporter},
};
use provision::{Error, ErrorKind, HostId, Result};

use crate::{
    account::Account,
    accounts::{Accounts, Credentials, off_the_runtime},
    budget::Budget,
    cache::Cache,
    causes::with_causes,
    clock::Clock,
    crd::Tunnel,
    engine::Removal,
    managed::Managed,
    mapping::conditions::Problem,
    metrics::Metrics,
    options::Options,
    secrets::{SecretOf, Secrets},
};

/// The name under which the operator writes, and reports events.
pub const MANAGER: &str = "provision-operator";

/// What every reconcile works with.
pub struct Context {
    /// The cluster.
    pub client: Client,
    /// The clouds.
    pub accounts: Accounts,
    /// What the operator was started with.
    pub options: Options,
    /// The time.
    pub clock: Clock,
    /// What is counted.
    pub metrics: Metrics,
    /// What may be created.
    pub budget: Budget,
    /// The cluster's Services, as far as a watch shows them.
    pub services: Cache<Service>,
    /// Its Tunnels.
    pub tunnels: Cache<Tunnel>,
    recorder: Recorder,
    memories: Mutex<BTreeMap<String, Memory>>,
    secrets: Secrets,
    /// Which license was found or put in a namespace, and when.
    licensed: Mutex<BTreeMap<String, (u64, SystemTime)>>,
}

/// What is remembered of a resource while the operator runs. Nothing depends on it: forgotten, work is repeated.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    /// How far the removal of its host has come.
    pub removal: Removal,
    /// Hosts of it that are gone, and since when.
    pub removed: BTreeMap<HostId, SystemTime>,
    /// Failures in a row.
    pub failures: u32,
    /// No new attempt before this moment.
    pub retry_at: Option<SystemTime>,
    /// Why the last attempt to do what follows from the host's state failed.
    pub hitch: Option<Problem>,
    /// Second hosts whose deletion was begun.
    pub duplicates: BTreeSet<HostId>,
    /// Hosts that the status named and that are another's.
    pub disowned: BTreeSet<HostId>,
    /// From when on a list must show the host.
    pub certain_by: Option<SystemTime>,
    /// The version of the resource after the last write: a cache that shows it is not behind.
    pub written: Option<String>,
    /// The digest of the tunnel's client as it was found or deployed, and when.
    pub client: Option<(String, SystemTime)>,
    /// The last event, so that it is not repeated.
    pub told: Option<(String, String)>,
    /// The phase that the metrics count it under.
    pub counted: Option<&'static str>,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("accounts", &self.accounts)
            .finish_non_exhaustive()
    }
}

impl Context {
    /// A context that remembers nothing yet.
    pub fn new(
        client: Client,
        accounts: Accounts,
        options: Options,
        clock: Clock,
        metrics: Metrics,
        instance: Option<String>,
    ) -> Self {
        let reporter = Reporter {
            controller: MANAGER.into(),
            instance,
        };
        Self {
            recorder: Recorder::new(client.clone(), reporter),
            budget: Budget::new(options.caps.clone()),
            client,
            accounts,
            options,
            clock,
            metrics,
            memories: Mutex::default(),
            secrets: Secrets::default(),
            services: Cache::default(),
            tunnels: Cache::default(),
            licensed: Mutex::default(),
        }
    }

    /// The license that the operator was given.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be read. Why not is in the operator's log only.
    pub async fn license(&self) -> Result<Option<String>> {
        let license = self.options.license.clone();
        off_the_runtime(move || license()).await.map_err(|error| {
            tracing::error!(error = with_causes(&error), "the license cannot be read");
            Error::new(
                ErrorKind::Unavailable,
                "the operator's license cannot be read: its log says why",
            )
        })
    }

    /// How many Secrets with credentials are remembered.
    #[must_use]
    pub fn known_secrets(&self) -> usize {
        self.secrets.count()
    }

    /// The account that a resource's host is in.
    ///
    /// # Errors
    /// `InvalidRequest` without a cloud; `Unauthorized` without credentials; an error of the cluster as `Unavailable`.
    pub async fn account<K: Managed>(&self, resource: &K) -> Result<Arc<Account>> {
        let (provider, credentials) = resource.account(&self.options);
        let provider = provider.ok_or_else(|| {
            Error::invalid("no cloud is named: set spec.provider, or start the operator with --provider")
        })?;
        let info = provision::find(&provider)?;
        let settings = match &credentials {
            Credentials::Own => {
                let own = self.options.provider.as_deref();
                if !own.is_some_and(|own| info.is_called(own)) {
                    return Err(Error::new(
                        ErrorKind::Unauthorized,
                        format!(
                            "the operator has no credentials for {}: name a secret in spec.credentialsRef",
                            info.id
                        ),
                    ));
                }
                let settings = self.options.settings.clone();
                off_the_runtime(move || settings()).await
            }
            Credentials::Secret { namespace, name } => {
                let of = SecretOf {
                    provider: info.id,
                    namespace: namespace.clone(),
                    name: name.clone(),
                };
                let leaves = resource.meta().deletion_timestamp.is_some();
                let (rules, now) = (&self.options.strangers, self.clock.now());
                self.secrets.read(&self.client, info, rules, &of, leaves, now).await
            }
        };
        let own = credentials == Credentials::Own;
        let account = match settings {
            Ok(settings) => {
                let uid = resource.uid();
                self.accounts.get(info.id, credentials, &settings, uid.as_deref()).await
            }
            Err(error) => Err(error),
        };
        account.map_err(|error| match own {
            true => own_trouble(info.id, &error),
            false => error,
        })
    }

    /// What is remembered of a resource.
    #[must_use]
    pub fn memory(&self, uid: &str) -> Memory {
        lock(&self.memories).get(uid).cloned().unwrap_or_default()
    }

    /// Remembers something of a resource.
    pub fn remember(&self, uid: &str, change: impl FnOnce(&mut Memory)) {
        change(lock(&self.memories).entry(uid.to_owned()).or_default());
    }

    /// Which license a namespace was last seen to have, by its digest, and when.
    pub(crate) fn licensed(&self, namespace: &str) -> Option<(u64, SystemTime)> {
        lock(&self.licensed).get(namespace).copied()
    }

    /// A namespace has this license.
    pub(crate) fn is_licensed(&self, namespace: &str, license: u64, at: SystemTime) {
        lock(&self.licensed).insert(namespace.to_owned(), (license, at));
    }

    /// Forgets a resource that is gone, and the credentials that only it used.
    pub fn forget(&self, uid: &str) -> Memory {
        self.accounts.forget(uid);
        self.secrets.keep(|of| {
            let credentials = Credentials::Secret {
                namespace: of.namespace.clone(),
                name: of.name.clone(),
            };
            self.accounts.has(of.provider, &credentials)
        });
        lock(&self.memories).remove(uid).unwrap_or_default()
    }

    /// Tells whoever looks at a resource, once: the same news is not repeated.
    pub async fn tell<K: Managed>(&self, resource: &K, warning: bool, reason: &str, action: &str, note: &str) {
        let uid = resource.uid().unwrap_or_default();
        let news = (reason.to_owned(), note.to_owned());
        if self.memory(&uid).told.as_ref() == Some(&news) {
            return;
        }
        self.remember(&uid, |memory| memory.told = Some(news));
        let (namespace, name) = (resource.namespace().unwrap_or_default(), resource.name_any());
        if warning {
            tracing::warn!(kind = K::KIND, namespace, name, reason, "{note}");
        } else {
            tracing::info!(kind = K::KIND, namespace, name, reason, "{note}");
        }
        let event = Event {
            type_: if warning { EventType::Warning } else { EventType::Normal },
            reason: reason.to_owned(),
            note: Some(note.chars().take(1000).collect()),
            action: action.to_owned(),
            secondary: None,
        };
        // An event that cannot be written must not hold up the work that it is about.
        if let Err(error) = self.recorder.publish(&event, &resource.object_ref(&())).await {
            tracing::debug!(error = with_causes(&error), "an event cannot be written");
        }
    }

    /// The API of a kind in the namespace of a resource.
    pub fn api<K>(&self, namespace: &str) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), namespace)
    }
}

/// What is wrong with the operator's own credentials is for its log: whoever reads a resource is told no more than that, and
/// nothing of the operator's files.
fn own_trouble(provider: &'static str, error: &Error) -> Error {
    tracing::error!(
        provider,
        error = with_causes(error),
        "the operator's own credentials cannot be used"
    );
    let message = format!("the operator's own credentials for {provider} cannot be used: its log says why");
    Error::new(error.kind(), message).with_provider(provider)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
