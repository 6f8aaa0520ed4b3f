//! Services: sees to it that each one that wants a tunnel has one, and no other one.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Service;
use kube::{
    ResourceExt as _,
    api::{DeleteParams, PostParams, Preconditions},
    runtime::controller::Action,
};

use crate::{
    cache::Cached,
    context::Context,
    crd::Tunnel,
    failure::Failure,
    mapping::service::{may_have_tunnel, owns, tunnel_for, tunnel_name, wants_tunnel},
};

/// Makes or deletes the Tunnel of a Service. What becomes of it is the Tunnel's affair.
///
/// # Errors
/// When the cluster's API fails.
pub async fn reconcile(service: Arc<Service>, context: Arc<Context>) -> Result<Action, Failure> {
    let result = run(&service, &context).await;
    context.metrics.reconciled("Service", result.is_ok());
    result.map(|()| Action::await_change())
}

async fn run(service: &Service, context: &Context) -> Result<(), Failure> {
    // The cluster deletes what a Service owns together with it.
    if service.metadata.deletion_timestamp.is_some() || context.options.provider.is_none() {
        return Ok(());
    }
    if !context.options.scope.has(service) {
        return Ok(());
    }
    let namespace = service.namespace().unwrap_or_default();
    let api = context.api::<Tunnel>(&namespace);
    let name = tunnel_name(&service.name_any());
    let wanted = wants_tunnel(service, context.options.annotated_only);
    // A Tunnel whose Service became something else notices that by itself.
    if !wanted && !may_have_tunnel(service) {
        return Ok(());
    }
    let tunnel = match context.tunnels.get(&namespace, &name) {
        Cached::Unknown => api.get_opt(&name).await?.map(Arc::new),
        Cached::Absent => None,
        Cached::Seen(tunnel) => Some(tunnel),
    };
    match tunnel {
        None if wanted => {
            let Some(mut tunnel) = tunnel_for(service) else {
                return Ok(());
            };
            tunnel.metadata.labels = context.options.scope.labels_of(service);
            match api.create(&PostParams::default(), &tunnel).await {
                Ok(_) => tracing::info!(namespace, name, "a service wants a tunnel"),
                Err(kube::Error::Api(status)) if status.code == 409 => {}
                Err(error) => return Err(error.into()),
            }
        }
        Some(tunnel) if !wanted && owns(service, &tunnel) && tunnel.metadata.deletion_timestamp.is_none() => {
            tracing::info!(namespace, name, "the service no longer wants its tunnel");
            let precondition = DeleteParams {
                preconditions: Some(Preconditions {
                    uid: tunnel.uid(),
                    resource_version: None,
                }),
                ..DeleteParams::default()
            };
            match api.delete(&name, &precondition).await {
                Ok(_) => {}
                Err(kube::Error::Api(status)) if status.code == 404 => {}
                Err(error) => return Err(error.into()),
            }
        }
        _ => {}
    }
    Ok(())
}
