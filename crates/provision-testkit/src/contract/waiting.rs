use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use provision_core::{CatalogQuery, HostDeleteRequest, HostId, ListFilter, Provisioner};

use super::bench::{Bench, elaborate};
use crate::{
    Connect, Failure, Observer, Stand, Trouble,
    failure::ensure,
    paused::{self, Bridge},
};

/// How long an operation may be at work besides its requests. Generous, because build machines are slow; a provider that
/// sleeps on a thread does so for longer.
const BOUND: Duration = Duration::from_millis(400);

/// No method waits, whatever the cloud answers: neither on a timer nor by blocking the thread.
///
/// # Errors
/// [`Failure`] that names the operation that waits, and for how long.
pub async fn no_waiting(stand: &dyn Stand) -> Result<(), Failure> {
    let bench = Bench::new(stand)?;
    let wanted = elaborate(&bench, "wait-1")?;
    let observer = Observer::new();
    let (eye, runtime) = (observer.clone(), tokio::runtime::Handle::current());
    let connect = Connect::new()
        .through(move |inner| Bridge::new(inner, runtime.clone()))
        .through(move |inner| eye.around(inner));
    let cloud: Arc<dyn Provisioner> = stand
        .connect(&connect)
        .map_err(|error| Failure::new(error.to_string()))?
        .into();
    let watch = Watch { cloud, observer };
    let id = watch.create("provision", &wanted).await?;
    watch.create("provision with a known key", &wanted).await?;
    watch.reads("a booting host", &id).await?;
    bench.until_active(&id).await?;
    watch.reads("an active host", &id).await?;
    for trouble in [
        Trouble::RateLimited { retry_after: 7 },
        Trouble::ServerError(503),
        Trouble::ResetBefore,
        Trouble::SoldOut,
    ] {
        let when = format!("requests that meet {trouble:?}");
        stand.cause(trouble, 0, u32::MAX);
        watch.reads(&when, &id).await?;
        watch.delete(&when, &id).await?;
        let _ = watch
            .create_or_fail(&format!("provision, with {when}"), &elaborate(&bench, "wait-2")?)
            .await?;
        stand.calm();
    }
    for call in ["the first call", "the second call", "the third call"] {
        watch.delete(call, &id).await?;
    }
    for _ in 0..24 {
        stand.advance(Duration::from_secs(5));
        watch.delete("a host that is going", &id).await?;
    }
    watch.delete("a host that is gone", &id).await
}

struct Watch {
    cloud: Arc<dyn Provisioner>,
    observer: Observer,
}

type Call<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl Watch {
    async fn create(&self, what: &str, host: &provision_core::BasicHost) -> Result<HostId, Failure> {
        let created = self.create_or_fail(what, host).await?;
        created.map_err(|error| Failure::new(format!("{what} should succeed, but failed: {error}")))
    }

    async fn create_or_fail(
        &self,
        what: &str,
        host: &provision_core::BasicHost,
    ) -> Result<provision_core::Result<HostId>, Failure> {
        let host = host.clone();
        self.timed(what, move |cloud| {
            let host = host.clone();
            Box::pin(async move { cloud.provision(&host).await.map(|host| host.id) })
        })
        .await
    }

    async fn reads(&self, when: &str, id: &HostId) -> Result<(), Failure> {
        let id = id.clone();
        let status = move |cloud: Arc<dyn Provisioner>| -> Call<()> {
            let id = id.clone();
            Box::pin(async move { drop(cloud.status(&id).await) })
        };
        self.timed(&format!("status, {when}"), status).await?;
        let list = |cloud: Arc<dyn Provisioner>| -> Call<()> {
            Box::pin(async move { drop(cloud.list(&ListFilter::all()).await) })
        };
        self.timed(&format!("list, {when}"), list).await?;
        let catalog = |cloud: Arc<dyn Provisioner>| -> Call<()> {
            Box::pin(async move { drop(cloud.catalog(&CatalogQuery::all()).await) })
        };
        self.timed(&format!("catalog, {when}"), catalog).await
    }

    async fn delete(&self, when: &str, id: &HostId) -> Result<(), Failure> {
        let request = HostDeleteRequest::from(id.clone());
        let delete = move |cloud: Arc<dyn Provisioner>| -> Call<()> {
            let request = request.clone();
            Box::pin(async move { drop(cloud.delete(&request).await) })
        };
        self.timed(&format!("delete, {when}"), delete).await
    }

    /// Runs a call and fails when it waited. A busy machine may hold up any thread: only a call that is slow three times
    /// in a row is called slow.
    async fn timed<T: Send + 'static>(
        &self,
        what: &str,
        call: impl Fn(Arc<dyn Provisioner>) -> Call<T>,
    ) -> Result<T, Failure> {
        let mut tries = 0;
        loop {
            tries += 1;
            self.observer.forget();
            let (value, waited) = paused::run(call(self.cloud.clone())).await?;
            ensure!(
                waited.timers.is_zero(),
                "{what}: waits {:?} on a timer: no method may sleep, the caller polls",
                waited.timers
            );
            let requests: Duration = self.observer.sent().iter().map(|sent| sent.took).sum();
            let blocked = waited.total.saturating_sub(requests);
            if blocked < BOUND {
                return Ok(value);
            }
            ensure!(
                tries < 3,
                "{what}: takes {blocked:?} besides its requests: no method may sleep, the caller polls"
            );
        }
    }
}
