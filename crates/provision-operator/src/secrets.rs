//! Credentials in Secrets: those of tenants, who choose nothing else with them.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};
use provision::{Error, ErrorKind, ProviderInfo, Result, SettingRole, Settings, StrangerRules};

use crate::crd::FINALIZER;

/// How long a Secret is taken for unchanged.
const AGE: Duration = Duration::from_secs(30);

/// Which Secret, and for which cloud.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SecretOf {
    pub(crate) provider: &'static str,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

/// The Secrets that were read.
#[derive(Default)]
pub(crate) struct Secrets(Mutex<BTreeMap<SecretOf, (SystemTime, Settings)>>);

impl Secrets {
    /// The settings in a Secret. `leaves`: the resource that refers to it is being deleted.
    ///
    /// # Errors
    /// `Unauthorized` without the Secret; `InvalidRequest` for what tenants may not choose; `Unavailable` when the cluster does
    /// not answer.
    pub(crate) async fn read(
        &self,
        client: &Client,
        info: &ProviderInfo,
        rules: &StrangerRules,
        of: &SecretOf,
        leaves: bool,
        now: SystemTime,
    ) -> Result<Settings> {
        let known = self.lock(|known| known.get(of).cloned());
        if let Some((read, settings)) = &known
            && now.duration_since(*read).unwrap_or_default() < AGE
        {
            return Ok(settings.clone());
        }
        let name = &of.name;
        let secret = Api::<Secret>::namespaced(client.clone(), &of.namespace)
            .get_opt(name)
            .await
            .map_err(|error| {
                Error::new(ErrorKind::Unavailable, format!("secret `{name}` cannot be read")).with_source(error)
            })?;
        let secret = match (secret, known) {
            (Some(secret), _) => secret,
            // With a namespace its Secrets go at once, its Hosts only after their hosts, and a new Secret is refused: what
            // was read last is the only way to these hosts.
            (None, Some((_, settings))) if leaves => return Ok(settings),
            (None, _) => return Err(missing(of, leaves)),
        };
        let settings = settings(secret, name, info, rules)?;
        self.lock(|known| known.insert(of.clone(), (now, settings.clone())));
        Ok(settings)
    }

    /// Forgets those that are not wanted.
    pub(crate) fn keep(&self, wanted: impl Fn(&SecretOf) -> bool) {
        self.lock(|known| known.retain(|of, _| wanted(of)));
    }

    /// How many are known.
    pub(crate) fn count(&self) -> usize {
        self.lock(|known| known.len())
    }

    fn lock<T>(&self, work: impl FnOnce(&mut BTreeMap<SecretOf, (SystemTime, Settings)>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn settings(secret: Secret, name: &str, info: &ProviderInfo, rules: &StrangerRules) -> Result<Settings> {
    let mut pairs = Vec::new();
    for (setting, value) in secret.data.unwrap_or_default() {
        let text = String::from_utf8(value.0)
            .map_err(|_| Error::invalid(format!("key `{setting}` of secret `{name}` is no text")))?;
        pairs.push((setting, text.trim().to_owned()));
    }
    let endpoint = pairs.iter().any(|(setting, _)| {
        let role = info.setting(setting).map(|setting| setting.role);
        role == Some(SettingRole::Endpoint)
    });
    Settings::from_strangers(info, rules, pairs).map_err(|error| {
        let error = error.context(format!("secret `{name}` of spec.credentialsRef"));
        match endpoint {
            true => error.hint("the operator's flag --tenant-endpoint allows an endpoint"),
            false => error,
        }
    })
}

fn missing(of: &SecretOf, leaves: bool) -> Error {
    let SecretOf { name, namespace, .. } = of;
    let mut message = format!(
        "secret `{name}` of spec.credentialsRef does not exist in namespace `{namespace}`: create it, with the cloud's settings \
         as its keys"
    );
    if leaves {
        message.push_str(&format!(
            "; in a namespace that is being deleted, delete the host at the cloud and take the finalizer {FINALIZER} off"
        ));
    }
    Error::new(ErrorKind::Unauthorized, message)
}
