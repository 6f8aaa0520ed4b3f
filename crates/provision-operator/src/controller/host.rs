//! Hosts: what the shared reconcile needs to know of them.

use std::time::SystemTime;

use async_trait::async_trait;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::ResourceExt as _;
use provision::{BasicHost, IdempotencyKey, ProviderInfo, UserData};
use serde_json::Value;

use super::{Failure, Managed, News};
use crate::{
    account::Credentials,
    context::{Context, Options},
    crd::{DeletionPolicy, Host, HostPhase},
    engine::State,
    mapping::host,
};

#[async_trait]
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

    fn region(&self, options: &Options) -> Option<String> {
        let own = is_own_cloud(self, options);
        self.spec
            .region
            .clone()
            .or_else(|| options.defaults.region.clone().filter(|_| own))
    }

    fn plan(&self, options: &Options) -> Option<String> {
        let own = is_own_cloud(self, options);
        self.spec
            .plan
            .clone()
            .or_else(|| options.defaults.plan.clone().filter(|_| own))
    }

    async fn request(
        &mut self,
        context: &Context,
        key: &IdempotencyKey,
        info: &ProviderInfo,
    ) -> Result<BasicHost, Failure> {
        let data = user_data(self, context).await?;
        let own = is_own_cloud(self, &context.options);
        Ok(host::request(self, key, data, &context.options.defaults, own, info)?)
    }

    fn status_patch(&self, id: Option<&str>, state: &State, news: &News, now: SystemTime) -> Option<Value> {
        host::status_patch(self, id, state, news.problem.as_ref(), news.cost.as_deref(), now)
    }

    async fn follow(&mut self, _context: &Context, _state: &State) -> Result<(), Failure> {
        Ok(())
    }

    async fn withdraw(&self, _context: &Context) -> Result<(), Failure> {
        Ok(())
    }
}

/// Whether the host is asked for where the operator's own region and plan mean something.
fn is_own_cloud(host: &Host, options: &Options) -> bool {
    let own = options.provider.as_deref();
    match (&host.spec.provider, own) {
        (None, _) => true,
        (Some(given), Some(own)) => given == own || provision::find(given).is_ok_and(|info| info.is_called(own)),
        (Some(_), None) => false,
    }
}

async fn user_data(host: &Host, context: &Context) -> Result<UserData, Failure> {
    let Some(source) = &host.spec.user_data else {
        return Ok(UserData::empty());
    };
    let namespace = host.namespace().unwrap_or_default();
    let missing = |what: &str, name: &str| Failure::Missing {
        reason: "UserDataMissing",
        message: format!("{what} `{name}` of spec.userData does not exist: create it in the namespace of the Host"),
    };
    let text = if let Some(text) = &source.inline {
        text.clone()
    } else if let Some(key) = &source.secret_key_ref {
        let secret = context.api::<Secret>(&namespace).get_opt(&key.name).await?;
        let secret = secret.ok_or_else(|| missing("secret", &key.name))?;
        let value = secret.data.unwrap_or_default().remove(&key.key);
        let value = value.ok_or_else(|| missing("key of the secret", &key.key))?;
        String::from_utf8(value.0).map_err(|_| provision::Error::invalid("the user data is no text"))?
    } else if let Some(key) = &source.config_map_key_ref {
        let map = context.api::<ConfigMap>(&namespace).get_opt(&key.name).await?;
        let map = map.ok_or_else(|| missing("config map", &key.name))?;
        let value = map.data.unwrap_or_default().remove(&key.key);
        value.ok_or_else(|| missing("key of the config map", &key.key))?
    } else {
        return Ok(UserData::empty());
    };
    Ok(UserData::new(text).map_err(provision::Error::from)?)
}
