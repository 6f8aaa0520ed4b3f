//! Tunnels: what is read from the cluster for them, and what follows from an active host.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use k8s_openapi::{
    ByteString,
    api::{
        apps::v1::Deployment,
        core::v1::{Secret, Service},
    },
};
use kube::{
    Resource, ResourceExt as _,
    api::{DeleteParams, ObjectMeta, Patch, PatchParams, PostParams, Preconditions},
};
use provision::{BasicHost, Error, ErrorKind, IdempotencyKey, ProviderInfo};
use provision_exit_server::AuthToken;
use serde_json::{Value, json};

use super::{effects::Effects, work::write_status};
use crate::{
    cache::Cached,
    context::{Context, MANAGER},
    crd::{HostPhase, Tunnel},
    engine::State,
    failure::Failure,
    managed::Managed as _,
    mapping::{
        client::{self, DIGEST_ANNOTATION, LICENSE_SECRET},
        service, tunnel,
    },
};

/// The label of what the operator made and may change.
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// How long the client and the license are taken for what they were when they were last looked at.
const LOOK_AGAIN: Duration = Duration::from_secs(300);

#[async_trait]
impl Effects for Tunnel {
    async fn request(
        &mut self,
        context: &Context,
        key: &IdempotencyKey,
        info: &ProviderInfo,
    ) -> Result<BasicHost, Failure> {
        // A host for a Service that is not there would bill for nothing.
        let target = find_service(self, context).await?;
        if leave_with_owner(self, context, target.as_deref()).await? || target.is_none() {
            return Err(Failure::Missing {
                reason: "NoService",
                message: "the service of spec.serviceRef does not exist in the tunnel's namespace: create it there, or delete the tunnel".to_owned(),
            });
        }
        let token = token(self, context).await?;
        let choice = self.choice(&context.options);
        Ok(tunnel::request(
            self,
            key,
            &token,
            choice,
            &context.options.defaults,
            info,
        )?)
    }

    async fn follow(&mut self, context: &Context, state: &State) -> Result<(), Failure> {
        let target = find_service(self, context).await?;
        if leave_with_owner(self, context, target.as_deref()).await? {
            return Ok(());
        }
        match (state.phase, state.ip) {
            (HostPhase::Active, Some(ip)) => {
                let Some(target) = target else { return Ok(()) };
                if service::takes_address(self) {
                    write_address(context, &target, None, Some(ip)).await?;
                }
                run_client(self, context, &target, &ip.to_string(), state).await
            }
            // Somebody else may have the address by now.
            (HostPhase::Gone, _) => self.withdraw(context).await,
            _ => Ok(()),
        }
    }

    async fn withdraw(&self, context: &Context) -> Result<(), Failure> {
        let ip = self
            .status
            .as_ref()
            .and_then(|status| status.host_ip.as_deref())
            .and_then(|ip| ip.parse().ok());
        let Some(ip) = ip.filter(|_| service::takes_address(self)) else {
            return Ok(());
        };
        let target = match (reference(self), self.namespace()) {
            (Some(name), Some(namespace)) => context.services.get(&namespace, name),
            _ => return Ok(()),
        };
        let target = match target {
            // One that has gone has no address any more.
            Cached::Absent => None,
            Cached::Seen(target) => Some(target),
            Cached::Unknown => find_service(self, context).await?,
        };
        match target {
            Some(target) => write_address(context, &target, Some(ip), None).await,
            None => Ok(()),
        }
    }
}

/// The name of a Tunnel's Service. Only the Tunnel's own namespace is looked at: nobody gets at the Services of others.
fn reference(tunnel: &Tunnel) -> Option<&str> {
    let reference = tunnel.spec.service_ref.as_ref()?;
    let namespace = tunnel.metadata.namespace.as_deref().unwrap_or_default();
    let is_here = reference.namespace.is_empty() || reference.namespace == namespace;
    Some(reference.name.as_str()).filter(|name| is_here && !name.is_empty())
}

/// The Service of a Tunnel, as the watch shows it. What that would end the Tunnel for is read from the cluster itself.
async fn find_service(tunnel: &Tunnel, context: &Context) -> Result<Option<Arc<Service>>, Failure> {
    let Some(name) = reference(tunnel) else {
        return Ok(None);
    };
    let namespace = tunnel.namespace().unwrap_or_default();
    if let Cached::Seen(seen) = context.services.get(&namespace, name)
        && service::owner(tunnel).is_none_or(|owner| is_still_its_own(&seen, &owner.uid))
    {
        return Ok(Some(seen));
    }
    let found = context.api::<Service>(&namespace).get_opt(name).await?;
    Ok(found.map(Arc::new))
}

/// Whether a Service is the one with that UID, and of the type that tunnels are for.
fn is_still_its_own(target: &Service, owner: &str) -> bool {
    target.uid().as_deref() == Some(owner) && service::is_balanced(target)
}

/// Deletes a Tunnel whose Service is gone, or of another type by now. The cluster's garbage collector deletes it with its
/// Service as well, later or, where it is switched off, never; meanwhile the host would bill. Whether it is on its way out.
async fn leave_with_owner(tunnel: &Tunnel, context: &Context, target: Option<&Service>) -> Result<bool, Failure> {
    let Some(owner) = service::owner(tunnel) else {
        return Ok(false);
    };
    if target.is_some_and(|target| is_still_its_own(target, &owner.uid)) || tunnel.metadata.deletion_timestamp.is_some()
    {
        return Ok(false);
    }
    let precondition = DeleteParams {
        preconditions: Some(Preconditions {
            uid: tunnel.uid(),
            resource_version: None,
        }),
        ..DeleteParams::default()
    };
    let api = context.api::<Tunnel>(&tunnel.namespace().unwrap_or_default());
    gone_is_fine(api.delete(&tunnel.name_any(), &precondition).await)?;
    Ok(true)
}

async fn write_address(
    context: &Context,
    target: &Service,
    old: Option<std::net::IpAddr>,
    new: Option<std::net::IpAddr>,
) -> Result<(), Failure> {
    match try_address(context, target, old, new).await {
        // Somebody, maybe this operator, changed it after the watch showed it.
        Err(Failure::Kube(kube::Error::Api(status))) if status.code == 409 => {
            let api = context.api::<Service>(&target.namespace().unwrap_or_default());
            match api.get_opt(&target.name_any()).await? {
                Some(now) if now.uid() == target.uid() => try_address(context, &now, old, new).await,
                _ => Ok(()),
            }
        }
        done => done,
    }
}

async fn try_address(
    context: &Context,
    target: &Service,
    old: Option<std::net::IpAddr>,
    new: Option<std::net::IpAddr>,
) -> Result<(), Failure> {
    let change = service::change_address(target, old, new);
    let api = context.api::<Service>(&target.namespace().unwrap_or_default());
    let name = target.name_any();
    // The list is replaced as a whole, so nobody may have changed it meanwhile.
    let mut version = target.resource_version();
    if let Some(patch) = change.spec {
        let patch = locked(patch, target, version.as_deref());
        match api.patch(&name, &PatchParams::default(), &Patch::Merge(patch)).await {
            Ok(written) => {
                version = written.resource_version();
                context.services.put(written);
            }
            Err(kube::Error::Api(status)) if status.code == 404 => return Ok(()),
            // The admission plugin DenyServiceExternalIPs, for one. The status is what says the address to everybody.
            Err(kube::Error::Api(status)) if matches!(status.code, 403 | 422) => {
                tracing::warn!(
                    name,
                    answer = status.message,
                    "the address cannot be in spec.externalIPs"
                );
            }
            Err(error) => return Err(error.into()),
        }
    }
    if let Some(patch) = change.status {
        let patch = locked(patch, target, version.as_deref());
        let written = api
            .patch_status(&name, &PatchParams::default(), &Patch::Merge(patch))
            .await;
        if let Some(written) = gone_is_fine(written)? {
            context.services.put(written);
        }
    }
    Ok(())
}

fn locked(mut patch: Value, target: &Service, version: Option<&str>) -> Value {
    if let Some(map) = patch.as_object_mut() {
        let metadata = json!({ "uid": target.uid(), "resourceVersion": version });
        map.insert("metadata".to_owned(), metadata);
    }
    patch
}

fn gone_is_fine<T>(result: Result<T, kube::Error>) -> Result<Option<T>, Failure> {
    match result {
        Ok(written) => Ok(Some(written)),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The token of a Tunnel. One that the spec names must exist; else one is made, once.
async fn token(tunnel: &Tunnel, context: &Context) -> Result<AuthToken, Failure> {
    let name = client::token_secret_name(tunnel);
    let api = context.api::<Secret>(&tunnel.namespace().unwrap_or_default());
    let status = tunnel.status.as_ref();
    let is_made = tunnel.spec.auth_token_ref.is_some() || status.is_some_and(|status| status.auth_token_ref.is_some());
    // What was never made is not looked for first.
    let found = if is_made { api.get_opt(&name).await? } else { None };
    let secret = match found {
        Some(secret) => secret,
        None if tunnel.spec.auth_token_ref.is_some() => {
            return Err(Failure::Missing {
                reason: "TokenMissing",
                message: format!("secret `{name}` of spec.authTokenRef does not exist: create it with a key `token`"),
            });
        }
        None => {
            let mut bytes = [0; 32];
            getrandom::fill(&mut bytes).map_err(|error| {
                Error::new(
                    ErrorKind::Unavailable,
                    format!("no random numbers for a token: {error}"),
                )
            })?;
            let made = client::token_secret(tunnel, &AuthToken::from_random(&bytes));
            match api.create(&PostParams::default(), &made).await {
                Ok(secret) => secret,
                // Somebody was faster: a replica that led a moment ago.
                Err(kube::Error::Api(status)) if status.code == 409 => api.get(&name).await?,
                Err(error) => return Err(error.into()),
            }
        }
    };
    let token = secret
        .data
        .as_ref()
        .and_then(|data| data.get("token"))
        .map(|value| value.0.clone());
    let token = token
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| Failure::Missing {
            reason: "TokenMissing",
            message: format!("secret `{name}` has no key `token`: add it"),
        })?;
    AuthToken::new(&token).map_err(|invalid| {
        let text = format!("{invalid}: replace key `token` of secret `{name}`");
        Error::invalid(text).into()
    })
}

/// Runs the tunnel's client, with the ports that the Service has now.
async fn run_client(
    tunnel: &mut Tunnel,
    context: &Context,
    target: &Service,
    ip: &str,
    state: &State,
) -> Result<(), Failure> {
    let ports = service::tcp_ports(target);
    let Some(wanted) = client::deployment(tunnel, ip, &ports, &context.options.client) else {
        return Err(Failure::Missing {
            reason: "NoTcpPorts",
            message: "the service has no TCP port, and a tunnel carries nothing else: add one".to_owned(),
        });
    };
    let name = wanted.name_any();
    let api = context.api::<Deployment>(&tunnel.namespace().unwrap_or_default());
    let digest = |deployment: &Deployment| deployment.annotations().get(DIGEST_ANNOTATION).cloned();
    let uid = tunnel.uid().unwrap_or_default();
    let now = context.clock.now();
    let wanted_digest = digest(&wanted).unwrap_or_default();
    let is_known = |(known, at): (String, SystemTime)| known == wanted_digest && is_recent(at, now);
    let has_reference = tunnel::reference_patch(tunnel, "clientDeploymentRef", &name).is_none();
    if has_reference && context.memory(&uid).client.is_some_and(is_known) {
        return Ok(());
    }
    copy_license(tunnel, context).await?;
    // What was never deployed is not looked for first.
    let is_new = !has_reference && create(&api, &wanted).await?;
    if !is_new {
        let existing = api.get_opt(&name).await?;
        if let Some(existing) = existing.as_ref().filter(|existing| !is_controlled(*existing, tunnel)) {
            return Err(name_taken(existing, tunnel));
        }
        if existing.as_ref().and_then(digest) != digest(&wanted) {
            match existing {
                Some(existing) => {
                    // Of the very object that was looked at: another one may have its name by now.
                    let mut wanted = wanted.clone();
                    wanted.metadata.uid = existing.uid();
                    api.patch(&name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(&wanted))
                        .await?;
                }
                None => {
                    api.create(&as_manager(), &wanted).await?;
                }
            }
            let note = format!("deployment {name} forwards ports {ports}");
            context.tell(tunnel, false, "ClientUpdated", "Connect", &note).await;
        }
    }
    context.remember(&uid, |memory| memory.client = Some((wanted_digest, now)));
    if let Some(patch) = tunnel::client_patch(tunnel, &name, state, context.clock.now()) {
        *tunnel = write_status(context, tunnel, patch).await?;
    }
    Ok(())
}

/// Whether there was none, and now is.
async fn create(api: &kube::Api<Deployment>, wanted: &Deployment) -> Result<bool, Failure> {
    match api.create(&as_manager(), wanted).await {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn as_manager() -> PostParams {
    PostParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PostParams::default()
    }
}

/// Whether what was seen then need not be looked at again.
fn is_recent(at: SystemTime, now: SystemTime) -> bool {
    now.duration_since(at).is_ok_and(|age| age < LOOK_AGAIN)
}

/// Whether an object is there for a Tunnel, as the cluster's garbage collector sees it.
fn is_controlled<K: Resource>(object: &K, tunnel: &Tunnel) -> bool {
    let owners = object.meta().owner_references.iter().flatten();
    let mut controllers = owners.filter(|owner| owner.controller == Some(true));
    controllers.any(|owner| Some(&owner.uid) == tunnel.metadata.uid.as_ref())
}

fn name_taken(deployment: &Deployment, tunnel: &Tunnel) -> Failure {
    let name = deployment.name_any();
    Failure::Missing {
        reason: "ClientNameTaken",
        message: format!(
            "deployment `{name}` is not this tunnel's and is left as it is: delete or rename it, or make the tunnel anew under \
             another name than `{}`",
            tunnel.name_any()
        ),
    }
}

/// Puts the license that the operator was given beside the client that needs it.
async fn copy_license(tunnel: &Tunnel, context: &Context) -> Result<(), Failure> {
    if client::license_secret_name(tunnel) != LICENSE_SECRET {
        return Ok(());
    }
    let Some(license) = context.license().await? else {
        return Ok(());
    };
    let namespace = tunnel.namespace().unwrap_or_default();
    let now = context.clock.now();
    let mark = digest_of(&license);
    if context
        .licensed(&namespace)
        .is_some_and(|(known, at)| known == mark && is_recent(at, now))
    {
        return Ok(());
    }
    let api = context.api::<Secret>(&namespace);
    let data = ByteString(license.into_bytes());
    match api.get_opt(LICENSE_SECRET).await? {
        Some(existing) if existing.data.as_ref().and_then(|map| map.get("license")) == Some(&data) => {}
        // Somebody else's: the namespace has a license of its own.
        Some(existing) if existing.labels().get(MANAGED_BY).map(String::as_str) != Some(MANAGER) => {}
        Some(existing) => {
            let patch = json!({ "metadata": { "uid": existing.uid() }, "data": { "license": data } });
            api.patch(LICENSE_SECRET, &PatchParams::default(), &Patch::Merge(patch))
                .await?;
        }
        None => {
            let secret = Secret {
                metadata: ObjectMeta {
                    name: Some(LICENSE_SECRET.to_owned()),
                    labels: Some([(MANAGED_BY.to_owned(), MANAGER.to_owned())].into()),
                    ..ObjectMeta::default()
                },
                data: Some([("license".to_owned(), data)].into()),
                ..Secret::default()
            };
            match api.create(&PostParams::default(), &secret).await {
                Ok(_) => {}
                // Another tunnel of the namespace was faster.
                Err(kube::Error::Api(status)) if status.code == 409 => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }
    context.is_licensed(&namespace, mark, now);
    Ok(())
}

/// Tells one license from another without keeping it. Never leaves the process.
fn digest_of(license: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    license.hash(&mut hasher);
    hasher.finish()
}
