//! What `Hosted` promises, over a cloud in memory whose lists lag and whose steps fail as told.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests, which clippy does not count as tests"
)]

use std::{
    collections::BTreeMap,
    future::poll_fn,
    pin::pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
    time::{Duration, SystemTime},
};

use provision_core::{
    BasicHost, Capabilities, CatalogQuery, Clock, Cloud, Deletion, Error, ErrorKind, Find, HostDeleteRequest, HostId,
    HostStatus, Hosted, IdempotencyKey, Image, Labels, ListFilter, Made, MonthlyCost, Order, Origin, Plan,
    ProviderInfo, ProvisionedHost, Provisioner, Region, RegionFilter, Result, UserData, async_trait, explain_refusal,
};

const VISIBLE_WITHIN: Duration = Duration::from_secs(30);

static PLAIN: ProviderInfo = ProviderInfo::new("fake", "Fake")
    .with_defaults("here", "small", "ubuntu")
    .with_capabilities(
        Capabilities::new()
            .with_restrict_ports()
            .with_ssh_keys()
            .with_lists_all_regions(),
    )
    .with_visible_within(VISIBLE_WITHIN);
static UNIQUE: ProviderInfo = ProviderInfo::new("fake", "Fake")
    .with_defaults("here", "small", "ubuntu")
    .with_capabilities(Capabilities::new().with_unique_names().with_lists_all_regions())
    .with_visible_within(VISIBLE_WITHIN);
static REGIONAL: ProviderInfo = ProviderInfo::new("fake", "Fake")
    .with_defaults("here", "small", "ubuntu")
    .with_capabilities(Capabilities::new())
    .with_visible_within(VISIBLE_WITHIN);

/// Which step goes wrong next, and how.
type Fault = (&'static str, Box<dyn Fn() -> Error + Send>);

#[derive(Default)]
struct World {
    hosts: Vec<ProvisionedHost>,
    /// Ids that lists do not show yet.
    hidden: Vec<HostId>,
    /// Hosts that single reads do not show either.
    denied: bool,
    faults: Vec<Fault>,
    calls: Vec<String>,
    /// The create is applied, and its answer is lost.
    loses_answer: bool,
    /// A deleted host is still shown, and nothing about it says that it goes.
    lingers: bool,
    now: Duration,
}

#[derive(Clone)]
struct Fake {
    info: &'static ProviderInfo,
    world: Arc<Mutex<World>>,
}

impl std::fmt::Debug for Fake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fake")
    }
}

impl Fake {
    fn new(info: &'static ProviderInfo) -> Self {
        Self {
            info,
            world: Arc::default(),
        }
    }

    /// A process of its own in front of the cloud.
    fn hosted(&self) -> Hosted<Self> {
        let world = self.world.clone();
        Hosted::new(self.clone(), Clock::new(move || world.lock().unwrap().now))
    }

    fn fails(&self, step: &'static str, error: impl Fn() -> Error + Send + 'static) {
        self.world.lock().unwrap().faults.push((step, Box::new(error)));
    }

    fn change(&self, change: impl FnOnce(&mut World)) {
        change(&mut self.world.lock().unwrap());
    }

    fn ids(&self) -> Vec<String> {
        let world = self.world.lock().unwrap();
        world.hosts.iter().map(|host| host.id.to_string()).collect()
    }

    fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.world.lock().unwrap().calls)
    }

    async fn step(&self, step: &'static str, detail: impl std::fmt::Display) -> Result<()> {
        // Another call has its turn here, as it would while a request is under way.
        let mut waited = false;
        poll_fn(|_| match std::mem::replace(&mut waited, true) {
            false => Poll::Pending,
            true => Poll::Ready(()),
        })
        .await;
        let mut world = self.world.lock().unwrap();
        world.calls.push(format!("{step} {detail}").trim().to_owned());
        match world.faults.iter().position(|(wanted, _)| *wanted == step) {
            Some(at) => Err(world.faults.remove(at).1()),
            None => Ok(()),
        }
    }
}

#[async_trait]
impl Cloud for Fake {
    fn info(&self) -> &'static ProviderInfo {
        self.info
    }

    fn check(&self, order: &Order) -> Result<()> {
        match order.plan.as_str() {
            "impossible" => Err(Error::invalid("no such plan")),
            _ => Ok(()),
        }
    }

    async fn hosts(&self, find: Find<'_>, region: Option<&str>) -> Result<Vec<ProvisionedHost>> {
        let what = match find {
            Find::Key(_) => "key".to_owned(),
            Find::Name(name) => format!("name {name}"),
            Find::Address(ip) => format!("address {ip}"),
            _ => "ours".to_owned(),
        };
        let place = region.map(|region| format!(" in {region}")).unwrap_or_default();
        self.step("hosts", format!("{what}{place}")).await?;
        let world = self.world.lock().unwrap();
        let shown = world.hosts.iter().filter(|host| !world.hidden.contains(&host.id));
        // A cloud whose one list covers every region does not look at the region.
        let everywhere = self.info.capabilities.lists_all_regions;
        Ok(shown
            .filter(|host| everywhere || region.is_none_or(|region| host.region.as_deref() == Some(region)))
            .cloned()
            .collect())
    }

    async fn create(&self, order: &Order) -> Result<ProvisionedHost> {
        self.step("create", &order.name).await?;
        let mut world = self.world.lock().unwrap();
        if self.info.capabilities.unique_names && world.hosts.iter().any(|host| host.name == order.name.as_str()) {
            return Err(Error::new(ErrorKind::AlreadyExists, "the name is taken"));
        }
        let number = world.hosts.len() + 1;
        let mut host = made(&number.to_string(), order.name.as_str(), number as u64);
        host.labels = order.labels.clone();
        host.region = Some(order.region.clone());
        world.hosts.push(host.clone());
        if std::mem::take(&mut world.loses_answer) {
            world.hidden.push(host.id.clone());
            return Err(lost());
        }
        Ok(host)
    }

    async fn complete(&self, _order: &Order, host: ProvisionedHost, made: Made) -> Result<ProvisionedHost> {
        self.step("complete", format!("{} {made:?}", host.id)).await?;
        Ok(host)
    }

    async fn read(&self, id: &HostId) -> Result<ProvisionedHost> {
        self.step("read", id).await?;
        let world = self.world.lock().unwrap();
        let found = world.hosts.iter().find(|host| host.id == *id && !world.denied);
        found
            .cloned()
            .ok_or_else(|| Error::new(ErrorKind::NotFound, "in the vendor's words"))
    }

    async fn remove(&self, id: &HostId) -> Result<Deletion> {
        self.step("remove", id).await?;
        let mut world = self.world.lock().unwrap();
        if world.denied {
            return Ok(Deletion::NotFound);
        }
        if world.lingers {
            return Ok(Deletion::InProgress);
        }
        let before = world.hosts.len();
        world.hosts.retain(|host| host.id != *id);
        Ok(match world.hosts.len() < before {
            true => Deletion::InProgress,
            false => Deletion::NotFound,
        })
    }

    async fn remove_leftovers(&self, _key: &IdempotencyKey, region: &str) -> Result<Deletion> {
        self.step("leftovers", region).await?;
        Ok(match region {
            "there" => Deletion::Removed,
            _ => Deletion::NotFound,
        })
    }

    async fn regions(&self) -> Result<Vec<Region>> {
        self.step("regions", "").await?;
        Ok(vec![Region::new("here", "Here"), Region::new("there", "There")])
    }

    async fn plans(&self, region: Option<&str>) -> Result<Vec<Plan>> {
        self.step("plans", region.unwrap_or("anywhere")).await?;
        let plan = |id: &str, cost: Option<f64>| {
            let mut plan = Plan::new(id);
            plan.monthly_cost = cost;
            plan.regional_costs = BTreeMap::from([("there".into(), f64::NAN), ("here".into(), 4.999)]);
            plan
        };
        Ok(vec![
            plan("small", Some(3.004)),
            plan("negative", Some(-1.0)),
            plan("not-a-number", Some(f64::NAN)),
            plan("infinite", Some(f64::INFINITY)),
            plan("free", Some(0.0)),
            plan("unknown", None),
        ])
    }

    async fn images(&self, region: Option<&str>) -> Result<Vec<Image>> {
        self.step("images", region.unwrap_or("anywhere")).await?;
        Ok(vec![Image::new("ubuntu", "Ubuntu")])
    }
}

fn made(id: &str, name: &str, second: u64) -> ProvisionedHost {
    let id = HostId::new(id).unwrap();
    let mut host = ProvisionedHost::new("fake", id, name, HostStatus::Provisioning, "new");
    host.labels = Labels::from_vendor([("managed-by", "provision")]);
    host.region = Some("here".to_owned());
    host.created = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(second));
    host
}

fn lost() -> Error {
    Error::new(ErrorKind::Unavailable, "no answer").with_may_exist(true)
}

fn busy() -> Error {
    Error::new(ErrorKind::RateLimited, "too many requests").with_retry_after(Some(Duration::from_secs(7)))
}

fn forbidden() -> Error {
    Error::new(ErrorKind::Forbidden, "not allowed")
}

fn named(name: &str) -> BasicHost {
    BasicHost::new(name.parse().unwrap(), UserData::empty())
}

/// Polls to the end: nothing here waits for anything but its turn.
fn run<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    for _ in 0..10_000 {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return value;
        }
    }
    panic!("it never ends")
}

#[test]
fn a_host_is_known_by_its_name_or_key() {
    let fake = Fake::new(&PLAIN);
    let cloud = fake.hosted();
    let first = run(cloud.provision(&named("web-1"))).unwrap();
    assert_eq!(first.origin, Some(Origin::Created));
    let again = run(fake.hosted().provision(&named("web-1"))).unwrap();
    assert_eq!((&again.id, again.origin), (&first.id, Some(Origin::Adopted)));
    // The same host as ever, though its time to live moves on.
    let with_ttl = named("web-1").with_ttl(Duration::from_secs(60));
    assert_eq!(run(cloud.provision(&with_ttl)).unwrap().origin, Some(Origin::Adopted));
    for different in [
        named("web-2").with_key(IdempotencyKey::new("web-1").unwrap()),
        named("web-1").with_plan("large"),
        named("web-1").with_region("there"),
        named("web-1").with_image("debian"),
        named("web-1").with_labels("team=web".parse().unwrap()),
        named("web-1").with_ssh_keys(["mine"]),
        named("web-1").with_ports(provision_core::OpenPorts::Only(Vec::new())),
        BasicHost::new("web-1".parse().unwrap(), UserData::new("#!/bin/sh\n").unwrap()),
    ] {
        let found = run(cloud.provision(&different)).unwrap();
        assert_eq!(
            (&found.id, found.origin),
            (&first.id, Some(Origin::AdoptedDifferent)),
            "{different:?}"
        );
    }
    assert_eq!(fake.ids(), ["1"]);
    let random = named("web-1").with_key(IdempotencyKey::random());
    assert_eq!(run(cloud.provision(&random)).unwrap().origin, Some(Origin::Created));
    assert_eq!(fake.ids(), ["1", "2"]);
}

#[test]
fn a_refusal_names_the_nearest_that_the_cloud_has() {
    let fake = Fake::new(&PLAIN);
    let cloud = fake.hosted();
    let explained = |host: BasicHost| {
        let text = run(explain_refusal(&cloud, &host, Error::invalid("no"))).to_string();
        (text, fake.calls().join(", "))
    };
    let (text, looked) = explained(named("web-1").with_plan("smal"));
    assert_eq!(text, "no; plan `smal` is not in the catalog: did you mean `small`?");
    assert_eq!(looked, "plans anywhere");
    let (text, _) = explained(named("web-1").with_image("ubunto").with_region("THERE"));
    assert_eq!(text, "no; image `ubunto` is not in the catalog: did you mean `ubuntu`?");
    let (text, _) = explained(named("web-1").with_plan("small").with_region("ther"));
    assert_eq!(text, "no; region `ther` is not in the catalog: did you mean `there`?");
    // What is in the catalog, and what is like nothing there.
    for host in [
        named("web-1").with_plan("small").with_region("HERE"),
        named("web-1").with_plan("xyz"),
    ] {
        assert_eq!(explained(host).0, "no");
    }
    // What nobody named is not looked at.
    assert_eq!(explained(named("web-1")), ("no".to_owned(), String::new()));
    // A catalog that cannot be read changes nothing.
    fake.fails("plans", busy);
    assert_eq!(explained(named("web-1").with_plan("smal")).0, "no");
    // A refusal of another kind is not looked into.
    fake.calls();
    let full = Error::new(ErrorKind::Capacity, "sold out");
    let full = run(explain_refusal(&cloud, &named("web-1").with_plan("smal"), full));
    assert_eq!((full.message(), fake.calls().len()), ("sold out", 0));
}

#[test]
fn what_cannot_be_is_refused_before_the_cloud_is_asked() {
    let fake = Fake::new(&UNIQUE);
    let cloud = fake.hosted();
    let closed = named("web-1").with_ports(provision_core::OpenPorts::Only(Vec::new()));
    for (host, kind) in [
        (named("web-1").with_plan("impossible"), ErrorKind::InvalidRequest),
        (
            named("web-1").with_additional("colour", "red"),
            ErrorKind::InvalidRequest,
        ),
        (closed, ErrorKind::Unsupported),
    ] {
        let error = run(cloud.provision(&host)).unwrap_err();
        assert_eq!((error.kind(), error.provider()), (kind, Some("fake")));
    }
    assert_eq!(fake.calls(), [""; 0]);
}

#[test]
fn a_dying_host_is_not_adopted_and_its_name_is_free_when_it_is_gone() {
    let fake = Fake::new(&PLAIN);
    let cloud = fake.hosted();
    run(cloud.provision(&named("web-1"))).unwrap();
    fake.change(|world| world.hosts[0].status = HostStatus::Deleting);
    let error = run(cloud.provision(&named("web-1"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains("host `1`"), "{error}");
    // One that lives is taken rather than one that dies.
    fake.change(|world| {
        let mut living = made("7", "web-1", 99);
        living.labels = world.hosts[0].labels.clone();
        world.hosts.push(living);
    });
    assert_eq!(run(cloud.provision(&named("web-1"))).unwrap().id.as_str(), "7");
    fake.change(|world| world.hosts.clear());
    let other = fake.hosted();
    assert_eq!(
        run(other.provision(&named("web-1"))).unwrap().origin,
        Some(Origin::Created)
    );
}

#[test]
fn after_a_lost_answer_nothing_is_created_before_the_list_must_show_it() {
    let fake = Fake::new(&PLAIN);
    let cloud = fake.hosted();
    fake.change(|world| world.loses_answer = true);
    let error = run(cloud.provision(&named("web-1"))).unwrap_err();
    assert_eq!(
        (error.kind(), error.retry_after()),
        (ErrorKind::Unavailable, Some(VISIBLE_WITHIN))
    );
    fake.change(|world| world.now = Duration::from_secs(10));
    let error = run(cloud.provision(&named("web-1"))).unwrap_err();
    assert!(error.is_retryable() && error.may_exist());
    assert_eq!(error.retry_after(), Some(Duration::from_secs(20)));
    assert_eq!(fake.ids(), ["1"]);
    // Shown early, it is taken early.
    let hidden = std::mem::take(&mut fake.world.lock().unwrap().hidden);
    assert_eq!(
        run(cloud.provision(&named("web-1"))).unwrap().origin,
        Some(Origin::Adopted)
    );
    // When the list must show it and does not, it was never made.
    fake.change(|world| {
        world.hidden = hidden;
        world.now = VISIBLE_WITHIN;
    });
    assert_eq!(
        run(cloud.provision(&named("web-1"))).unwrap().origin,
        Some(Origin::Created)
    );
}

#[test]
fn what_no_cloud_can_mean_is_no_price() {
    let fake = Fake::new(&PLAIN);
    let plans = run(fake.hosted().catalog(&CatalogQuery::plans())).unwrap().plans;
    let prices: Vec<_> = plans.iter().map(|plan| (plan.id.as_str(), plan.monthly_cost)).collect();
    let unknown = ["free", "infinite", "negative", "not-a-number", "unknown"].map(|id| (id, None));
    assert_eq!(prices, [&[("small", Some(3.0))][..], &unknown].concat());
    assert_eq!(plans[0].regional_costs, BTreeMap::from([("here".to_owned(), 5.0)]));
}

#[test]
fn a_price_list_fills_in_what_the_api_does_not_tell() {
    static LISTED: ProviderInfo = ProviderInfo::new("listed", "Listed")
        .with_defaults("here", "small", "ubuntu")
        .with_monthly_cost(MonthlyCost::new(3.0, "EUR", "2026-11-20", "public IPv4"))
        .with_price_list(|plan, region| (plan == "unknown" && region == "here").then_some(7.0));
    let cloud = Fake::new(&LISTED).hosted();
    let read = |query| {
        let plans = run(cloud.catalog(&query)).unwrap().plans;
        let plan = plans.into_iter().find(|plan| plan.id == "unknown").unwrap();
        plan.price().map(|price| (price.to_string(), price.as_of))
    };
    let known = Some(("7.00 EUR".to_owned(), Some("2026-11-20".to_owned())));
    assert_eq!(read(CatalogQuery::plans().with_region("here")), known);
    assert_eq!(read(CatalogQuery::plans().with_region("there")), None);
    assert_eq!(LISTED.price("small", "here").unwrap().amount, 3.0);
    assert_eq!(LISTED.price("small", "there"), None);
}

#[test]
fn a_cloud_that_refuses_a_second_host_is_asked_at_once() {
    let fake = Fake::new(&UNIQUE);
    let cloud = fake.hosted();
    fake.change(|world| world.loses_answer = true);
    let error = run(cloud.provision(&named("web-1"))).unwrap_err();
    assert_eq!(error.retry_after(), None);
    // The list lacks it, the name is taken: it may be ours.
    let error = run(cloud.provision(&named("web-1"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.retry_after().is_some());
    // Under another name it would be a second host.
    let renamed = named("web-2").with_key(IdempotencyKey::new("web-1").unwrap());
    assert!(run(cloud.provision(&renamed)).unwrap_err().may_exist());
    fake.change(|world| world.hidden.clear());
    assert_eq!(
        run(cloud.provision(&named("web-1"))).unwrap().origin,
        Some(Origin::Adopted)
    );
    assert_eq!(fake.ids(), ["1"]);
}

#[test]
fn a_name_that_somebody_else_has_is_said_to_be_taken() {
    let fake = Fake::new(&UNIQUE);
    let cloud = fake.hosted();
    run(cloud.provision(&named("web-1"))).unwrap();
    let other_key = named("web-1").with_key(IdempotencyKey::new("other").unwrap());
    let error = run(cloud.provision(&other_key)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert!(error.to_string().contains("made with another key"), "{error}");
    fake.change(|world| world.hosts[0].labels = Labels::new());
    let error = run(fake.hosted().provision(&named("web-1"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert!(error.to_string().contains("not made by this tool"), "{error}");
    // On its way out, it frees its name soon.
    fake.change(|world| world.hosts[0].status = HostStatus::Deleting);
    let error = run(fake.hosted().provision(&named("web-1"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
}

#[test]
fn a_create_whose_future_is_dropped_counts_as_lost() {
    let fake = Fake::new(&PLAIN);
    let cloud = fake.hosted();
    let wanted = named("web-1");
    {
        let mut dropped = pin!(cloud.provision(&wanted));
        // The look-up, then the create that is under way.
        for _ in 0..2 {
            assert!(
                dropped
                    .as_mut()
                    .poll(&mut Context::from_waker(Waker::noop()))
                    .is_pending()
            );
        }
    }
    let error = run(cloud.provision(&named("web-1"))).unwrap_err();
    assert!(error.may_exist(), "{error}");
    assert_eq!(
        run(cloud.provision(&named("web-2"))).unwrap().origin,
        Some(Origin::Created)
    );
}

#[test]
fn calls_of_one_process_with_one_key_take_turns() {
    let fake = Fake::new(&PLAIN);
    let cloud = fake.hosted();
    let wanted = named("web-1");
    let (first, second) = run(futures_util::future::join(
        cloud.provision(&wanted),
        cloud.provision(&wanted),
    ));
    assert_eq!(first.unwrap().origin, Some(Origin::Created));
    assert_eq!(second.unwrap().origin, Some(Origin::Adopted));
    let (other, _) = run(futures_util::future::join(
        cloud.provision(&named("web-2")),
        cloud.provision(&named("web-3")),
    ));
    other.unwrap();
    assert_eq!(fake.ids().len(), 3);
}

#[test]
fn a_host_made_a_moment_ago_is_known_though_the_cloud_denies_it() {
    let fake = Fake::new(&PLAIN);
    let cloud = fake.hosted();
    let created = run(cloud.provision(&named("web-1"))).unwrap();
    fake.change(|world| world.hidden = vec![created.id.clone()]);
    assert_eq!(
        run(cloud.provision(&named("web-1"))).unwrap().id,
        created.id,
        "by its id"
    );
    fake.change(|world| world.denied = true);
    let error = run(cloud.provision(&named("web-1"))).unwrap_err();
    assert_eq!(
        (error.kind(), error.retry_after()),
        (ErrorKind::Conflict, Some(VISIBLE_WITHIN))
    );
    assert_eq!(run(cloud.status(&created.id)).unwrap().id, created.id);
    let by_id = HostDeleteRequest::from(created.id.clone());
    assert_eq!(run(cloud.delete(&by_id)).unwrap(), Deletion::InProgress);
    // Others, and later calls, are told what the cloud says.
    let error = run(fake.hosted().status(&created.id)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(
        error.to_string().contains("host `1` does not exist, or no longer does"),
        "{error}"
    );
    fake.change(|world| world.now = VISIBLE_WITHIN);
    assert_eq!(run(cloud.status(&created.id)).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(run(cloud.delete(&by_id)).unwrap(), Deletion::NotFound);
}

#[test]
fn a_deleted_host_is_forgotten() {
    let fake = Fake::new(&PLAIN);
    let cloud = fake.hosted();
    let created = run(cloud.provision(&named("web-1"))).unwrap();
    assert_eq!(
        run(cloud.delete(&created.id.clone().into())).unwrap(),
        Deletion::InProgress
    );
    assert_eq!(run(cloud.status(&created.id)).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(
        run(cloud.provision(&named("web-1"))).unwrap().origin,
        Some(Origin::Created)
    );
}

#[test]
fn what_may_be_finished_later_stays_and_is_named() {
    let fake = Fake::new(&PLAIN);
    let cloud = fake.hosted();
    fake.fails("complete", busy);
    let error = run(cloud.provision(&named("web-1"))).unwrap_err();
    assert_eq!(
        (error.kind(), error.host().map(HostId::as_str)),
        (ErrorKind::RateLimited, Some("1"))
    );
    assert!(error.to_string().contains("fake/1 exists and bills"), "{error}");
    assert_eq!(
        run(cloud.provision(&named("web-1"))).unwrap().origin,
        Some(Origin::Adopted)
    );
    assert_eq!(
        fake.calls(),
        [
            "hosts key",
            "create web-1",
            "complete 1 Now",
            "hosts key",
            "complete 1 Earlier"
        ]
    );
    // One that was there before is never taken back.
    fake.fails("complete", forbidden);
    let error = run(cloud.provision(&named("web-1"))).unwrap_err();
    assert_eq!(
        (error.kind(), error.host().map(HostId::as_str)),
        (ErrorKind::Forbidden, Some("1"))
    );
    assert_eq!(fake.ids(), ["1"]);
}

#[test]
fn a_host_that_its_cloud_names_as_harmless_is_not_taken_back() {
    let fake = Fake::new(&PLAIN);
    let cloud = fake.hosted();
    fake.fails("complete", || forbidden().with_host(HostId::new("1").unwrap()));
    let error = run(cloud.provision(&named("web-1"))).unwrap_err();
    assert!(error.to_string().contains("fake/1 exists and bills"), "{error}");
    assert_eq!(fake.ids(), ["1"]);
}

#[test]
fn what_can_not_be_finished_is_taken_back_or_named() {
    let fake = Fake::new(&PLAIN);
    let cloud = fake.hosted();
    fake.fails("complete", forbidden);
    let error = run(cloud.provision(&named("web-1"))).unwrap_err();
    assert_eq!(
        (error.kind(), error.host().map(HostId::as_str)),
        (ErrorKind::Forbidden, Some("1"))
    );
    assert!(error.to_string().contains("being removed again"), "{error}");
    assert_eq!(fake.ids(), [""; 0]);

    fake.fails("complete", forbidden);
    fake.fails("remove", forbidden);
    let error = run(cloud.provision(&named("web-1"))).unwrap_err();
    assert_eq!(error.host().map(HostId::as_str), Some("1"));
    assert_eq!(fake.ids(), ["1"]);
}

#[test]
fn a_refused_create_says_what_was_asked_for() {
    let fake = Fake::new(&PLAIN);
    fake.fails("create", || Error::new(ErrorKind::Capacity, "sold out"));
    let error = run(fake.hosted().provision(&named("web-1").with_plan("large"))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "fake: provision: sold out; asked for plan `large` with image `ubuntu` in region `here`"
    );
}

#[test]
fn of_several_hosts_with_one_key_the_oldest_stays() {
    let fake = Fake::new(&PLAIN);
    let cloud = fake.hosted();
    let mine = run(cloud.provision(&named("web-1"))).unwrap();
    fake.change(|world| {
        let labels = world.hosts[0].labels.clone();
        for (id, second, status) in [
            ("8", 0, HostStatus::Failed),
            ("9", 0, HostStatus::Active),
            ("6", 5, HostStatus::Active),
            ("5", 0, HostStatus::Deleting),
        ] {
            let mut other = made(id, "web-1", second);
            (other.labels, other.status) = (labels.clone(), status);
            world.hosts.push(other);
        }
        // Another key's.
        world.hosts.push(made("4", "web-1", 0));
    });
    // As long as the list lacks the host that is asked about, it may lack older ones, too.
    fake.change(|world| world.hidden = vec![mine.id.clone()]);
    let settled = run(cloud.settle(&mine)).unwrap();
    assert!(!settled.certain && settled.duplicates.is_empty());
    assert_eq!(settled.host.id.as_str(), "9");
    fake.change(|world| world.hidden.clear());
    let settled = run(cloud.settle(&mine)).unwrap();
    assert!(settled.certain);
    assert_eq!(settled.host.id.as_str(), "9");
    let mut duplicates: Vec<&str> = settled.duplicates.iter().map(HostId::as_str).collect();
    duplicates.sort_unstable();
    assert_eq!(duplicates, ["1", "6", "8"]);
    assert_eq!(fake.ids(), ["9", "5", "4"]);
    let alone = run(cloud.settle(&settled.host)).unwrap();
    assert!(alone.certain && alone.duplicates.is_empty());
    // Without a key there is nothing to compare.
    fake.calls();
    assert!(run(cloud.settle(&made("4", "web-1", 0))).unwrap().certain);
    assert_eq!(fake.calls(), [""; 0]);
}

#[test]
fn whoever_settles_for_another_callers_host_completes_it() {
    let fake = Fake::new(&PLAIN);
    fake.change(|world| world.loses_answer = true);
    run(fake.hosted().provision(&named("web-1"))).unwrap_err();
    // That caller died. The list lags, so that another one makes a second host.
    let cloud = fake.hosted();
    let mine = run(cloud.provision(&named("web-1"))).unwrap();
    fake.change(|world| world.hidden.clear());
    fake.calls();
    fake.fails("complete", busy);
    let error = run(cloud.settle(&mine)).unwrap_err();
    assert_eq!(
        (error.kind(), error.host().map(HostId::as_str)),
        (ErrorKind::RateLimited, Some("1"))
    );
    let calls = fake.calls();
    assert!(calls.contains(&"complete 1 Earlier".to_owned()), "{calls:?}");
    assert_eq!(fake.ids(), ["1"]);
}

#[test]
fn a_host_that_this_process_deletes_is_not_adopted_though_nothing_shows_it() {
    let fake = Fake::new(&PLAIN);
    let cloud = fake.hosted();
    let mine = run(cloud.provision(&named("web-1"))).unwrap();
    fake.change(|world| world.lingers = true);
    assert_eq!(
        run(cloud.delete(&mine.id.clone().into())).unwrap(),
        Deletion::InProgress
    );
    let error = run(cloud.provision(&named("web-1"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    // A deletion that never comes about does not count for ever.
    fake.change(|world| world.now = Duration::from_secs(61));
    assert_eq!(run(cloud.provision(&named("web-1"))).unwrap().id, mine.id);
}

#[test]
fn nothing_is_deleted_for_a_host_that_only_a_stale_list_shows() {
    let fake = Fake::new(&PLAIN);
    let cloud = fake.hosted();
    let mine = run(cloud.provision(&named("web-1"))).unwrap();
    fake.change(|world| {
        let mut older = made("0", "web-1", 0);
        older.labels = world.hosts[0].labels.clone();
        world.hosts.push(older);
        world.denied = true;
    });
    let settled = run(cloud.settle(&mine)).unwrap();
    assert!(!settled.certain && settled.duplicates.is_empty());
    assert_eq!(
        (settled.host.id, fake.ids()),
        (mine.id, vec!["1".to_owned(), "0".to_owned()])
    );
}

#[test]
fn a_second_host_that_can_not_be_deleted_is_named() {
    let fake = Fake::new(&PLAIN);
    let cloud = fake.hosted();
    let mine = run(cloud.provision(&named("web-1"))).unwrap();
    fake.change(|world| {
        let mut other = made("2", "web-1", 50);
        other.labels = world.hosts[0].labels.clone();
        world.hosts.push(other);
    });
    fake.fails("remove", busy);
    assert_eq!(run(cloud.settle(&mine)).unwrap().duplicates.len(), 1, "later");
    fake.fails("remove", forbidden);
    let error = run(cloud.settle(&mine)).unwrap_err();
    assert_eq!(
        (error.kind(), error.host().map(HostId::as_str)),
        (ErrorKind::Forbidden, Some("2"))
    );
}

#[test]
fn an_address_leads_to_one_marked_host_or_to_none() {
    let fake = Fake::new(&REGIONAL);
    let cloud = fake.hosted();
    let at = |id: &str, ip: &str, region: &str| {
        let mut host = made(id, "web-1", 1);
        host.ip = Some(ip.parse().unwrap());
        host.region = Some(region.to_owned());
        host
    };
    fake.change(|world| {
        let mut foreign = at("9", "192.0.2.9", "here");
        foreign.labels = Labels::new();
        world.hosts = vec![
            at("1", "192.0.2.1", "here"),
            at("2", "192.0.2.2", "there"),
            at("3", "192.0.2.3", "there"),
            at("4", "192.0.2.3", "there"),
            foreign,
        ];
    });
    let delete = |ip: &str| run(cloud.delete(&HostDeleteRequest::ip(ip.parse().unwrap())));
    assert_eq!(delete("192.0.2.9").unwrap_err().kind(), ErrorKind::NotFound, "not ours");
    assert_eq!(delete("192.0.2.3").unwrap_err().kind(), ErrorKind::InvalidRequest);
    let elsewhere = HostDeleteRequest::Ip {
        ip: "192.0.2.1".parse().unwrap(),
        region: RegionFilter::Only("there".to_owned()),
    };
    assert_eq!(run(cloud.delete(&elsewhere)).unwrap_err().kind(), ErrorKind::NotFound);
    fake.calls();
    assert_eq!(delete("192.0.2.1").unwrap(), Deletion::InProgress);
    assert_eq!(fake.calls(), ["hosts address 192.0.2.1 in here", "remove 1"]);
    assert_eq!(delete("192.0.2.2").unwrap(), Deletion::InProgress);
    assert_eq!(
        fake.calls(),
        [
            "hosts address 192.0.2.2 in here",
            "regions",
            "hosts address 192.0.2.2 in there",
            "remove 2"
        ]
    );
    assert_eq!(fake.ids(), ["3", "4", "9"]);
}

#[test]
fn an_address_in_another_region_than_the_one_named_leads_to_no_host() {
    let fake = Fake::new(&PLAIN);
    let cloud = fake.hosted();
    let ip = "192.0.2.1".parse().unwrap();
    let created = run(cloud.provision(&named("web-1"))).unwrap();
    fake.change(|world| world.hosts[0].ip = Some(ip));
    let delete = |region: &str| {
        let region = RegionFilter::Only(region.to_owned());
        run(cloud.delete(&HostDeleteRequest::Ip { ip, region }))
    };
    assert_eq!(delete("there").unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(fake.ids(), [created.id.as_str()]);
    assert_eq!(delete("here").unwrap(), Deletion::InProgress);
}

#[test]
fn lists_are_of_ours_and_of_the_regions_asked_for() {
    let fake = Fake::new(&REGIONAL);
    let cloud = fake.hosted();
    let created = run(cloud.provision(&named("web-1").with_region("there"))).unwrap();
    run(cloud.provision(&named("web-2"))).unwrap();
    fake.change(|world| {
        let mut foreign = made("9", "web-9", 1);
        foreign.labels = Labels::new();
        world.hosts.push(foreign);
    });
    let names = |filter: &ListFilter| {
        let listed = run(cloud.list(filter)).unwrap();
        listed.into_iter().map(|host| host.name).collect::<Vec<_>>()
    };
    let in_region = |region| ListFilter::all().with_region(region);
    assert_eq!(names(&ListFilter::all()), ["web-2"]);
    assert_eq!(names(&in_region(RegionFilter::All)), ["web-2", "web-1"]);
    assert_eq!(names(&in_region(RegionFilter::Only("there".to_owned()))), ["web-1"]);
    let all = in_region(RegionFilter::All);
    assert_eq!(names(&all.clone().with_name("web-1".parse().unwrap())), ["web-1"]);
    assert_eq!(names(&all.with_key(&IdempotencyKey::new("web-2").unwrap())), ["web-2"]);
    assert_eq!(created.region.as_deref(), Some("there"));
    fake.calls();
    let key = IdempotencyKey::new("web-1").unwrap();
    assert_eq!(
        run(cloud.delete_leftovers(&key, &RegionFilter::All)).unwrap(),
        Deletion::Removed
    );
    assert_eq!(
        run(cloud.delete_leftovers(&key, &RegionFilter::Default)).unwrap(),
        Deletion::NotFound
    );
    assert_eq!(
        fake.calls(),
        ["regions", "leftovers here", "leftovers there", "leftovers here"]
    );
}

#[test]
fn a_catalog_is_of_a_region_that_exists() {
    let fake = Fake::new(&PLAIN);
    let cloud = fake.hosted();
    run(cloud.catalog(&CatalogQuery::plans())).unwrap();
    run(cloud.catalog(&CatalogQuery::all().with_region("THERE"))).unwrap();
    assert_eq!(
        fake.calls(),
        ["plans anywhere", "regions", "plans there", "images there"]
    );
    let error = run(cloud.catalog(&CatalogQuery::images().with_region("mars"))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "fake: catalog: region \"mars\" does not exist; known: here, there"
    );
}

#[test]
fn whoever_can_reach_a_provisioner_can_use_it() {
    let fake = Fake::new(&PLAIN);
    let shared: Arc<dyn Provisioner> = Arc::new(fake.hosted());
    fn name_of(cloud: impl Provisioner) -> &'static str {
        cloud.info().id
    }
    assert_eq!(name_of(shared.clone()), "fake");
    assert_eq!(name_of(&shared), "fake");
    let boxed: Box<dyn Provisioner> = Box::new(shared);
    let created = run(boxed.provision(&named("web-1"))).unwrap();
    assert_eq!(run(Provisioner::settle(&&boxed, &created)).unwrap().host.id, created.id);
    assert_eq!(run(boxed.status(&created.id)).unwrap().id, created.id);
}
