//! The three controllers, and what brings a resource up: a change of its own, of its Service, or of its host.

use std::{sync::Arc, time::Duration};

use futures_util::{Stream, StreamExt as _, stream};
use k8s_openapi::api::core::v1::Service;
use kube::{
    ResourceExt as _,
    runtime::{
        Controller,
        controller::{Config, Error as ControllerError},
        reflector::ObjectRef,
    },
};
use tokio::sync::{
    mpsc::{UnboundedReceiver, unbounded_channel},
    watch,
};

use crate::{
    account::Watcher,
    causes::with_causes,
    context::Context,
    controller::{reconcile, reconcile_service, retry},
    crd::{FINALIZER, Host, Tunnel},
    managed::Managed,
    mapping::service::service_of,
    orphans,
};

/// How many resources are worked on at a time; calls to clouds are what takes the time.
pub const CONCURRENCY: u16 = 16;

/// Runs until `stop` says so; what is under way is finished.
pub async fn run(
    context: Arc<Context>,
    mut events: UnboundedReceiver<Watcher>,
    stop: watch::Receiver<bool>,
    orphans: OrphanChecks,
) {
    let (tunnels, tunnel_events) = unbounded_channel();
    let (services_of_tunnels, service_events) = unbounded_channel();
    let tunnels_of_services = tunnels.clone();
    let (hosts, host_events) = unbounded_channel();
    let sort = async move {
        while let Some(watcher) = events.recv().await {
            let sent = if watcher.kind == Tunnel::KIND {
                tunnels
                    .send(ObjectRef::new(&watcher.name).within(&watcher.namespace))
                    .is_ok()
            } else {
                hosts
                    .send(ObjectRef::new(&watcher.name).within(&watcher.namespace))
                    .is_ok()
            };
            if !sent {
                return;
            }
        }
    };
    let (client, scope) = (context.client.clone(), &context.options.scope);
    // Any Service of the namespace may be that of a Tunnel: the caches hold them whatever their labels are.
    let (services_in, tunnels_in) = (
        scope.api::<Service>(client.clone()),
        scope.api::<Tunnel>(client.clone()),
    );
    let config = || Config::default().concurrency(CONCURRENCY);

    let tunnels = Controller::new(tunnels_in.clone(), scope.watch());
    let store = tunnels.store();
    // What a change brings up reads the caches: they know of the change first.
    let services = context.services.clone();
    let services = services.follow(services_in.clone(), move |service| {
        for tunnel in store.state().iter().filter(|tunnel| refers(tunnel, service)) {
            let _ = tunnels_of_services.send(ObjectRef::from_obj(&**tunnel));
        }
    });
    let seen_tunnels = context.tunnels.clone();
    let seen_tunnels = seen_tunnels.follow(tunnels_in.clone(), move |tunnel| {
        if let Some(service) = service_without(tunnel) {
            let _ = services_of_tunnels.send(service);
        }
    });
    let caches = async { tokio::join!(services, seen_tunnels) };
    let tunnels = tunnels
        .reconcile_on(from_channel(tunnel_events))
        .with_config(config())
        .graceful_shutdown_on(stopped(stop.clone()))
        .run(reconcile::<Tunnel>, retry, context.clone())
        .for_each(|result| async move { note(Tunnel::KIND, &result) });

    let hosts = Controller::new(scope.api::<Host>(client), scope.watch())
        .reconcile_on(from_channel(host_events))
        .with_config(config())
        .graceful_shutdown_on(stopped(stop.clone()))
        .run(reconcile::<Host>, retry, context.clone())
        .for_each(|result| async move { note(Host::KIND, &result) });

    let services = Controller::new(services_in, scope.watch())
        .reconcile_on(from_channel(service_events))
        .with_config(config())
        .graceful_shutdown_on(stopped(stop.clone()))
        .run(reconcile_service, retry, context.clone())
        .for_each(|result| async move { note("Service", &result) });

    let checks = check_orphans(context.clone(), orphans, stop.clone());
    tokio::select! {
        _ = async { tokio::join!(tunnels, hosts, services) } => {}
        // Neither ends before the controllers do.
        _ = async { tokio::join!(sort, checks, caches, std::future::pending::<()>()) } => {}
    }
}

/// Whether a Tunnel leads to a Service.
fn refers(tunnel: &Tunnel, service: &Service) -> bool {
    let named = tunnel.spec.service_ref.as_ref();
    let named = named.map(|reference| reference.name.as_str());
    tunnel.namespace() == service.namespace() && named == service.metadata.name.as_deref()
}

/// The Service that may want a new Tunnel once the one of its name is gone. Watches do not tell the last sight of a resource
/// from the ones before; a Tunnel that is neither new nor on its way out will not be the last of its name.
fn service_without(tunnel: &Tunnel) -> Option<ObjectRef<Service>> {
    let is_claimed = tunnel.finalizers().iter().any(|name| name == FINALIZER);
    if is_claimed && tunnel.metadata.deletion_timestamp.is_none() {
        return None;
    }
    let name = service_of(tunnel.metadata.name.as_deref()?)?;
    Some(ObjectRef::new(name).within(&tunnel.namespace()?))
}

/// When hosts are compared with resources.
#[derive(Debug, Clone, Copy)]
pub struct OrphanChecks {
    /// Between two checks; zero for never.
    pub interval: Duration,
    /// Whether what was found is deleted.
    pub delete: bool,
}

async fn check_orphans(context: Arc<Context>, checks: OrphanChecks, stop: watch::Receiver<bool>) {
    if checks.interval.is_zero() {
        return;
    }
    loop {
        tokio::select! {
            () = tokio::time::sleep(checks.interval) => {}
            () = stopped(stop.clone()) => return,
        }
        if let Err(error) = orphans::check(&context, checks.delete).await {
            tracing::warn!(error = with_causes(&error), "hosts cannot be compared with resources");
        }
    }
}

fn from_channel<T: Send + 'static>(receiver: UnboundedReceiver<T>) -> impl Stream<Item = T> + Send + 'static {
    stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|item| (item, receiver))
    })
}

async fn stopped(mut stop: watch::Receiver<bool>) {
    // A sender that is gone stops as well.
    let _ = stop.wait_for(|stop| *stop).await;
}

fn note<T, E: std::error::Error + 'static, Q: std::error::Error + 'static>(
    kind: &str,
    result: &Result<T, ControllerError<E, Q>>,
) {
    match result {
        // A resource that is gone when its turn comes is no failure.
        Ok(_) | Err(ControllerError::ObjectNotFound(_)) => {}
        Err(error) => tracing::warn!(
            kind,
            error = with_causes(error),
            "a reconcile failed and will be tried again"
        ),
    }
}
