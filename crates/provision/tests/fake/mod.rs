//! A cloud that plays a script and a timer that never waits.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::{
    collections::VecDeque,
    future::poll_fn,
    pin::pin,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use provision::{
    BasicHost, Capabilities, Catalog, CatalogQuery, Deletion, Error, ErrorKind, HostDeleteRequest, HostId, HostStatus,
    IdempotencyKey, Labels, ListFilter, MonthlyCost, Origin, Plan, Polling, ProviderInfo, ProvisionedHost, Provisioner,
    Result, Settled, UserData, async_trait,
    wait::{BoxFuture, Pace, Timer},
};

/// One answer of the scripted cloud.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "a script is short")]
pub(crate) enum Step {
    Host(HostStatus),
    /// What provision answers of a host that is there already.
    Adopted,
    Deletion(Deletion),
    List(Vec<ProvisionedHost>),
    Plans(Vec<Plan>),
    Read(ProvisionedHost),
    Fails(ErrorKind),
    FailsFor(ErrorKind, Duration),
    /// A create whose outcome is unknown, and how long a list may lack its host.
    Lost(ErrorKind, Duration),
    /// A host was made, and what follows failed.
    Unfinished(ErrorKind),
    /// Which of several hosts stays.
    Settles(&'static str, &'static [&'static str], bool),
}

/// Answers calls in the order of a script, whatever they are, and notes them. A call beyond the script fails the test.
#[derive(Debug, Default)]
pub(crate) struct FakeCloud {
    script: Mutex<VecDeque<Step>>,
    calls: Mutex<Vec<String>>,
    held: AtomicBool,
}

impl FakeCloud {
    pub(crate) fn new(script: impl IntoIterator<Item = Step>) -> Self {
        Self {
            script: Mutex::new(script.into_iter().collect()),
            ..Self::default()
        }
    }

    pub(crate) fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }

    /// Steps that were not played.
    pub(crate) fn left(&self) -> usize {
        self.script.lock().unwrap().len()
    }

    /// While held, calls that were sent get no answer.
    pub(crate) fn hold(&self, held: bool) {
        self.held.store(held, Ordering::Relaxed);
    }

    async fn answer(&self, call: String) -> Result<Step> {
        self.calls.lock().unwrap().push(call.clone());
        poll_fn(|_| match self.held.load(Ordering::Relaxed) {
            true => Poll::Pending,
            false => Poll::Ready(()),
        })
        .await;
        let step = self.script.lock().unwrap().pop_front();
        match step.unwrap_or_else(|| panic!("unexpected call: {call}")) {
            Step::Fails(kind) => Err(Error::new(kind, "scripted")),
            Step::FailsFor(kind, wait) => Err(Error::new(kind, "scripted").with_retry_after(Some(wait))),
            Step::Unfinished(kind) => Err(Error::new(kind, "scripted").with_host(id())),
            Step::Lost(kind, wait) => Err(Error::new(kind, "scripted")
                .with_retry_after(Some(wait))
                .with_may_exist(true)),
            step => Ok(step),
        }
    }

    /// Whether the next step of the script is about settling; without one, every host is the only one.
    fn settles(&self) -> bool {
        let script = self.script.lock().unwrap();
        matches!(script.front(), Some(Step::Settles(..)))
    }
}

/// The host `1` in a state, with the marker.
pub(crate) fn host(status: HostStatus) -> ProvisionedHost {
    host_called("1", status)
}

pub(crate) fn host_called(id: &str, status: HostStatus) -> ProvisionedHost {
    let mut host = ProvisionedHost::new("fake", HostId::new(id).unwrap(), "web-1", status, status.as_str());
    host.labels = Labels::from_vendor([("managed-by", "provision")]);
    host
}

/// What a caller asks for.
pub(crate) fn wanted() -> BasicHost {
    let mut host = BasicHost::new("web-1".parse().unwrap(), UserData::empty());
    host = host.with_key(IdempotencyKey::new("order-17").unwrap());
    host
}

pub(crate) fn id() -> HostId {
    HostId::new("1").unwrap()
}

static INFO: ProviderInfo = ProviderInfo::new("fake", "Fake")
    .with_defaults("here", "small", "ubuntu")
    .with_monthly_cost(MonthlyCost::new(3.0, "EUR", "2026-11-20", "public IPv4"))
    .with_capabilities(
        Capabilities::new()
            .with_restrict_ports()
            .with_ssh_keys()
            .with_lists_all_regions(),
    )
    .with_polling(Polling::new(Some(2), Some(7_200)))
    .with_visible_within(Duration::from_secs(30));

/// What a provisioner does that makes no second host.
#[derive(Debug)]
struct NoDuplicates;

#[async_trait]
impl Provisioner for NoDuplicates {
    fn info(&self) -> &'static ProviderInfo {
        &INFO
    }
    async fn provision(&self, _host: &BasicHost) -> Result<ProvisionedHost> {
        panic!("nobody asks it")
    }
    async fn status(&self, _id: &HostId) -> Result<ProvisionedHost> {
        panic!("nobody asks it")
    }
    async fn delete(&self, _request: &HostDeleteRequest) -> Result<Deletion> {
        panic!("nobody asks it")
    }
    async fn list(&self, _filter: &ListFilter) -> Result<Vec<ProvisionedHost>> {
        panic!("nobody asks it")
    }
    async fn catalog(&self, _query: &CatalogQuery) -> Result<Catalog> {
        panic!("nobody asks it")
    }
}

#[async_trait]
impl Provisioner for FakeCloud {
    fn info(&self) -> &'static ProviderInfo {
        &INFO
    }
    async fn provision(&self, wanted: &BasicHost) -> Result<ProvisionedHost> {
        let key = wanted.key();
        let key = key.as_str();
        match self.answer(format!("provision {key}")).await? {
            Step::Host(status) => Ok(host(status)),
            Step::Adopted => {
                let mut found = host(HostStatus::Provisioning);
                found.origin = Some(Origin::Adopted);
                Ok(found)
            }
            step => panic!("{step:?} does not answer provision"),
        }
    }
    async fn status(&self, id: &HostId) -> Result<ProvisionedHost> {
        match self.answer(format!("status {id}")).await? {
            Step::Host(status) => Ok(host_called(id.as_str(), status)),
            Step::Read(host) => Ok(host),
            step => panic!("{step:?} does not answer status"),
        }
    }
    async fn delete(&self, request: &HostDeleteRequest) -> Result<Deletion> {
        let HostDeleteRequest::Id(id) = request else {
            panic!("deleted by something else than an id")
        };
        match self.answer(format!("delete {id}")).await? {
            Step::Deletion(deletion) => Ok(deletion),
            step => panic!("{step:?} does not answer delete"),
        }
    }
    async fn settle(&self, known: &ProvisionedHost) -> Result<Settled> {
        let mut settled = NoDuplicates.settle(known).await?;
        if self.settles() {
            match self.answer(format!("settle {}", known.id)).await? {
                Step::Settles(id, duplicates, certain) => {
                    settled.host = host_called(id, HostStatus::Active);
                    settled.duplicates = duplicates.iter().map(|id| HostId::new(*id).unwrap()).collect();
                    settled.certain = certain;
                }
                step => panic!("{step:?} does not answer settle"),
            }
        }
        Ok(settled)
    }
    async fn list(&self, _filter: &ListFilter) -> Result<Vec<ProvisionedHost>> {
        match self.answer("list".to_owned()).await? {
            Step::List(hosts) => Ok(hosts),
            step => panic!("{step:?} does not answer list"),
        }
    }
    async fn catalog(&self, query: &CatalogQuery) -> Result<Catalog> {
        match self
            .answer(format!("catalog {}", query.region().unwrap_or("-")))
            .await?
        {
            Step::Plans(plans) => {
                let mut catalog = Catalog::default();
                catalog.plans = plans;
                Ok(catalog)
            }
            step => panic!("{step:?} does not answer catalog"),
        }
    }
}

/// Time that passes only by sleeping, at once. While held, sleeps do not end.
#[derive(Debug, Default)]
pub(crate) struct FakeTimer {
    now: Mutex<Duration>,
    slept: Mutex<Vec<Duration>>,
    held: AtomicBool,
}

impl FakeTimer {
    /// Every sleep that was asked for.
    pub(crate) fn slept(&self) -> Vec<Duration> {
        self.slept.lock().unwrap().clone()
    }

    /// As [`slept`](Self::slept), in milliseconds.
    pub(crate) fn slept_ms(&self) -> Vec<u128> {
        self.slept().iter().map(Duration::as_millis).collect()
    }

    pub(crate) fn hold(&self, held: bool) {
        self.held.store(held, Ordering::Relaxed);
    }

    pub(crate) fn advance(&self, by: Duration) {
        *self.now.lock().unwrap() += by;
    }
}

impl Timer for FakeTimer {
    fn now(&self) -> Duration {
        *self.now.lock().unwrap()
    }
    fn sleep(&self, time: Duration) -> BoxFuture<'_, ()> {
        self.slept.lock().unwrap().push(time);
        let until = self.now() + time;
        Box::pin(poll_fn(move |_| {
            if self.held.load(Ordering::Relaxed) {
                return Poll::Pending;
            }
            let mut now = self.now.lock().unwrap();
            *now = until.max(*now);
            Poll::Ready(())
        }))
    }
}

/// The default pace without chance: 3 s between answers, back-off 1 s doubling to 30 s.
pub(crate) fn steady(timeout: Option<Duration>) -> Pace {
    let mut pace = Pace::default();
    pace.jitter = 0.0;
    pace.timeout = timeout;
    pace
}

/// Polls a future once and drops it; true when it was still pending.
pub(crate) fn dropped_while_pending<T>(future: impl Future<Output = T>) -> bool {
    pin!(future).poll(&mut Context::from_waker(Waker::noop())).is_pending()
}
