//! What Tunnels and Hosts have in common: facts about a resource that has a host, without asking anybody.

mod host;
mod tunnel;

use std::time::SystemTime;

use kube::{Resource, ResourceExt as _, core::NamespaceResourceScope};
use provision::ProviderInfo;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    accounts::Credentials,
    budget::Price,
    crd::HostPhase,
    engine::State,
    mapping::{
        choices::{Attempt, Choice},
        conditions::Problem,
    },
    options::Options,
};

/// A kind of resource that has a host.
pub trait Managed:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
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
    /// The name of the host that inlets-operator made for such a resource; `None` where it made none.
    fn predecessor_name(&self) -> Option<String>;
    /// When the resource is deleted by itself; `None`: never, or nobody can tell.
    fn expires(&self) -> Option<SystemTime>;
    /// The cloud and the credentials.
    fn account(&self, options: &Options) -> (Option<String>, Credentials);
    /// The host's public address, as the status has it.
    fn stored_address(&self) -> Option<&str>;
    /// Where its host may be asked for and as what, in the order in which that is tried. At least one.
    fn choices(&self, options: &Options) -> Vec<Choice>;
    /// How far the attempts have come.
    fn attempt(&self) -> Attempt {
        Attempt::of(self.annotations())
    }
    /// Where its host is asked for now.
    fn choice(&self, options: &Options) -> Choice {
        let mut choices = self.choices(options);
        match choices.len() {
            0 => Choice::default(),
            many => choices.swap_remove(self.attempt().choice % many),
        }
    }
    /// The keys of what is asked for beside plan, image and region.
    fn additional(&self) -> Vec<&str> {
        Vec::new()
    }
    /// Why its host may not be made in this account, if it may not.
    fn refusal(&self, _options: &Options, _info: &ProviderInfo) -> Option<Problem> {
        None
    }
    /// What a month cost when its host was admitted, as the status has it.
    fn admitted_cost(&self) -> Option<Price>;
    /// Merge patch that brings the status up to date.
    fn status_patch(&self, id: Option<&str>, state: &State, news: &News, now: SystemTime) -> Option<Value>;
}

/// What a status says beside the host's state.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct News {
    /// What is wrong.
    pub problem: Option<Problem>,
    /// What a month costs.
    pub cost: Option<String>,
    /// The region that the host was made in.
    pub region: Option<String>,
}
