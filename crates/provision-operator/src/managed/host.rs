use std::time::SystemTime;

use kube::ResourceExt as _;
use provision::ProviderInfo;
use serde_json::Value;

use super::{Managed, News};
use crate::{
    accounts::Credentials,
    budget::{self, Price},
    crd::{DeletionPolicy, Host, HostPhase, Word},
    engine::State,
    mapping::{additional, choices::Choice, conditions::Problem, host},
    options::Options,
};

impl Managed for Host {
    const KIND: &'static str = "Host";

    fn stored_id(&self) -> Option<&str> {
        self.status.as_ref()?.id.as_deref().filter(|id| !id.is_empty())
    }

    fn stored_phase(&self) -> HostPhase {
        self.status
            .as_ref()
            .and_then(|status| status.phase)
            .unwrap_or(HostPhase::Pending)
    }

    fn retains(&self) -> bool {
        self.spec.deletion_policy == DeletionPolicy::Retain
    }

    fn predecessor_name(&self) -> Option<String> {
        None
    }

    fn expires(&self) -> Option<SystemTime> {
        host::expires(self).ok().flatten()
    }

    fn account(&self, options: &Options) -> (Option<String>, Credentials) {
        let provider = self.spec.provider.clone().or_else(|| options.provider.clone());
        let credentials = self
            .spec
            .credentials_ref
            .as_ref()
            .map_or(Credentials::Own, |secret| Credentials::Secret {
                namespace: self.namespace().unwrap_or_default(),
                name: secret.name.clone(),
            });
        (provider, credentials)
    }

    fn stored_address(&self) -> Option<&str> {
        self.status.as_ref()?.ip.as_deref().filter(|ip| !ip.is_empty())
    }

    fn choices(&self, options: &Options) -> Vec<Choice> {
        let spec = &self.spec;
        let own = options.is_own_cloud(spec.provider.as_deref());
        let words = |one: &Option<String>, several: &[Word], default: &[String]| -> Vec<String> {
            let named: Vec<String> = one.iter().chain(several.iter().map(|word| &word.0)).cloned().collect();
            match named.is_empty() && own {
                true => default.to_vec(),
                false => named,
            }
        };
        let regions = words(&spec.region, &spec.regions, &options.defaults.regions);
        let plans = words(&spec.plan, &spec.plans, &options.defaults.plans);
        Choice::all(&regions, &plans)
    }

    fn additional(&self) -> Vec<&str> {
        self.spec.additional.keys().map(String::as_str).collect()
    }

    fn refusal(&self, options: &Options, info: &ProviderInfo) -> Option<Problem> {
        let own = self.spec.credentials_ref.is_none();
        let keys = self.additional().into_iter().filter(|_| own);
        additional::refusal(keys, info, &options.allow_additional)
    }

    fn admitted_cost(&self) -> Option<Price> {
        budget::from_text(self.status.as_ref()?.monthly_cost.as_deref()?)
    }

    fn status_patch(&self, id: Option<&str>, state: &State, news: &News, now: SystemTime) -> Option<Value> {
        host::status_patch(self, id, state, news, now)
    }
}
