//! Carries out what the engine says: one reconcile for Tunnels and Hosts, one for Services.

mod drive;
mod host;
mod removal;
mod service;
mod tunnel;
mod work;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use kube::{Resource, runtime::controller::Action};
use provision::{BasicHost, ErrorKind, IdempotencyKey, ProviderInfo};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

pub use drive::reconcile;
pub use service::reconcile as reconcile_service;

use crate::{
    account::Credentials,
    context::{Context, Options},
    crd::HostPhase,
    engine::State,
    mapping::conditions::Problem,
};

/// Why a reconcile stopped.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The cluster's API.
    #[error("the cluster's API: {0}")]
    Kube(#[from] kube::Error),
    /// A cloud, or a request that no cloud would take.
    #[error("{0}")]
    Cloud(#[from] provision::Error),
    /// Something that the resource refers to is not there.
    #[error("{message}")]
    Missing {
        /// In a word.
        reason: &'static str,
        /// In a sentence.
        message: String,
    },
}

impl Failure {
    /// The reason and the sentence for people.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let reason = match self {
            Self::Kube(_) => "ClusterUnavailable",
            Self::Missing { reason, .. } => reason,
            Self::Cloud(error) => match error.kind() {
                ErrorKind::InvalidRequest => "InvalidRequest",
                ErrorKind::Unauthorized => "Unauthorized",
                ErrorKind::Forbidden => "Forbidden",
                ErrorKind::NotFound => "NotFound",
                ErrorKind::AlreadyExists => "NameTaken",
                ErrorKind::Conflict => "CloudBusy",
                ErrorKind::Quota => "QuotaReached",
                ErrorKind::Capacity => "SoldOut",
                ErrorKind::RateLimited => "RateLimited",
                ErrorKind::Unavailable => "CloudUnavailable",
                ErrorKind::Unsupported => "Unsupported",
                _ => "UnexpectedResponse",
            },
        };
        Problem {
            reason: reason.to_owned(),
            message: self.to_string(),
        }
    }

    /// How long to wait before the next attempt, after so many failures in a row.
    #[must_use]
    pub fn delay(&self, failures: u32) -> Duration {
        let first = match self {
            Self::Kube(_) => 2,
            Self::Missing { .. } => 30,
            Self::Cloud(error) => match error.kind() {
                // A create whose answer was lost may show up late; asked again too soon, it would be made twice at clouds
                // that know no token of the caller's.
                ErrorKind::Unavailable | ErrorKind::UnexpectedResponse => 15,
                ErrorKind::Conflict => 5,
                ErrorKind::RateLimited => 10,
                ErrorKind::Capacity | ErrorKind::Quota => 60,
                _ => 120,
            },
        };
        let backoff = Duration::from_secs(first)
            .saturating_mul(2_u32.saturating_pow(failures.min(10)))
            .min(Duration::from_secs(600));
        let asked = match self {
            Self::Cloud(error) => error.retry_after().unwrap_or_default(),
            _ => Duration::ZERO,
        };
        backoff.max(asked)
    }
}

/// A kind of resource that has a host.
#[async_trait]
pub trait Managed:
    Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
    + Clone
    + std::fmt::Debug
    + Serialize
    + DeserializeOwned
    + Send
    + Sync
    + 'static
{
    /// The kind's name.
    const KIND: &'static str;

    /// The id of the host, as the status has it.
    fn stored_id(&self) -> Option<&str>;
    /// The phase, as the status has it.
    fn stored_phase(&self) -> HostPhase;
    /// Whether the host outlives the resource.
    fn retains(&self) -> bool;
    /// When the resource is deleted by itself; `None`: never, or nobody can tell.
    fn expires(&self) -> Option<SystemTime>;
    /// The cloud and the credentials.
    fn account(&self, options: &Options) -> (Option<String>, Credentials);
    /// The region that its host is asked for in.
    fn region(&self, options: &Options) -> Option<String>;
    /// The plan that its host is asked for.
    fn plan(&self, options: &Options) -> Option<String>;
    /// The host to ask for. Reads, and makes, what the host needs to know.
    async fn request(
        &mut self,
        context: &Context,
        key: &IdempotencyKey,
        info: &ProviderInfo,
    ) -> Result<BasicHost, Failure>;
    /// Merge patch that brings the status up to date.
    fn status_patch(&self, id: Option<&str>, state: &State, news: &News, now: SystemTime) -> Option<Value>;
    /// Does for the rest of the cluster what follows from the host's state.
    async fn follow(&mut self, context: &Context, state: &State) -> Result<(), Failure>;
    /// Undoes it, before the host is deleted.
    async fn withdraw(&self, context: &Context) -> Result<(), Failure>;
}

/// What a status says beside the host's state.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct News {
    /// What is wrong.
    pub problem: Option<Problem>,
    /// What a month costs.
    pub cost: Option<String>,
}

/// When to try again after a reconcile that failed.
pub fn retry<K>(_resource: Arc<K>, failure: &Failure, _context: Arc<Context>) -> Action {
    Action::requeue(failure.delay(0))
}
