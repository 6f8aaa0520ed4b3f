use std::time::SystemTime;

use kube::ResourceExt as _;
use serde_json::{Value, json};

use super::{Managed, News};
use crate::{
    accounts::Credentials,
    budget::Price,
    crd::{HostPhase, Tunnel},
    engine::State,
    mapping::{choices::Choice, client, tunnel},
    options::Options,
};

impl Managed for Tunnel {
    const KIND: &'static str = "Tunnel";

    fn stored_id(&self) -> Option<&str> {
        self.status.as_ref()?.host_id.as_deref().filter(|id| !id.is_empty())
    }

    fn stored_phase(&self) -> HostPhase {
        tunnel::phase(self)
    }

    fn retains(&self) -> bool {
        false
    }

    fn predecessor_name(&self) -> Option<String> {
        Some(self.name_any())
    }

    fn expires(&self) -> Option<SystemTime> {
        None
    }

    fn account(&self, options: &Options) -> (Option<String>, Credentials) {
        (options.provider.clone(), Credentials::Own)
    }

    fn stored_address(&self) -> Option<&str> {
        self.status.as_ref()?.host_ip.as_deref().filter(|ip| !ip.is_empty())
    }

    fn choices(&self, options: &Options) -> Vec<Choice> {
        Choice::all(&options.defaults.regions, &options.defaults.plans)
    }

    fn admitted_cost(&self) -> Option<Price> {
        None
    }

    fn status_patch(&self, id: Option<&str>, state: &State, news: &News, now: SystemTime) -> Option<Value> {
        let mut patch = tunnel::status_patch(self, id, state, news.problem.as_ref(), now);
        let name = client::token_secret_name(self);
        // The Secret's name is stored together with the id: one write less for each tunnel.
        if id.is_some()
            && let Some(reference) = tunnel::reference_patch(self, "authTokenRef", &name)
        {
            let target = patch.get_or_insert_with(|| json!({ "status": {} }));
            let target = target.pointer_mut("/status").and_then(Value::as_object_mut);
            if let (Some(target), Some(reference)) = (target, reference.pointer("/status/authTokenRef")) {
                target.insert("authTokenRef".to_owned(), reference.clone());
            }
        }
        patch
    }
}
