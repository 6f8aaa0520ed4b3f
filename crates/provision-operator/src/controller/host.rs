//! Hosts: what is read from the cluster for them.

use async_trait::async_trait;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::ResourceExt as _;
use provision::{BasicHost, IdempotencyKey, ProviderInfo, UserData};

use super::effects::Effects;
use crate::{context::Context, crd::Host, engine::State, failure::Failure, managed::Managed as _, mapping::host};

#[async_trait]
impl Effects for Host {
    async fn request(
        &mut self,
        context: &Context,
        key: &IdempotencyKey,
        info: &ProviderInfo,
    ) -> Result<BasicHost, Failure> {
        let data = user_data(self, context).await?;
        let choice = self.choice(&context.options);
        Ok(host::request(self, key, data, choice, &context.options.defaults, info)?)
    }

    async fn follow(&mut self, _context: &Context, _state: &State) -> Result<(), Failure> {
        Ok(())
    }

    async fn withdraw(&self, _context: &Context) -> Result<(), Failure> {
        Ok(())
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
