//! A simulated account of its own for each case, and the callers in front of it.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use provision::{
    BasicHost, Provisioner, Settings, UserData,
    wait::{BoxFuture, Pace, Timer},
};
use provision_sim::{Clock, CloudInfo, Effect, Item, Sim};

use crate::wire::Wire;

/// Makes a caller's provider of the real one: a test that breaks it on purpose puts something around it.
pub(crate) type Around = dyn Fn(Box<dyn Provisioner>) -> Box<dyn Provisioner> + Send + Sync;

/// A cloud with one account, whose clock moves only when somebody waits.
pub(crate) struct World {
    cloud: CloudInfo,
    around: Arc<Around>,
    pub(crate) sim: Sim,
    pub(crate) wire: Wire,
    pub(crate) timer: StandingClock,
    /// What the account held at the start, such as its default network.
    before: Vec<Item>,
}

/// Time that passes only for whoever waits.
pub(crate) struct StandingClock {
    clock: Clock,
    start: SystemTime,
}

impl Timer for StandingClock {
    fn now(&self) -> Duration {
        self.clock.now().duration_since(self.start).unwrap_or_default()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'_, ()> {
        let until = self.now() + time;
        Box::pin(async move { self.clock.advance(until.saturating_sub(self.now())) })
    }
}

impl World {
    pub(crate) fn new(cloud: &str, around: Arc<Around>) -> Self {
        let cloud = provision_sim::clouds().into_iter().find(|known| known.id == cloud);
        let cloud = cloud.expect("every cloud of the manifest is simulated");
        // 2026-11-20T10:00:00Z
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_168_800);
        let clock = Clock::manual(start);
        let sim = Sim::builder()
            .clock(clock.clone())
            .boot_time(Duration::from_secs(20))
            .delete_time(Duration::from_secs(5))
            .build()
            .expect("a simulator in memory reads nothing");
        Self {
            cloud,
            around,
            wire: Wire::new(sim.clone(), start),
            before: sim.inventory(),
            sim,
            timer: StandingClock { clock, start },
        }
    }

    /// The provider as a new process has it, which remembers nothing.
    pub(crate) fn process(&self) -> Box<dyn Provisioner> {
        let endpoint = format!("http://127.0.0.1:9{}", self.cloud.endpoint_path);
        let account = self.cloud.settings.iter().copied();
        let settings: Settings = account.chain([("endpoint", endpoint.as_str())]).collect();
        let wire = Arc::new(self.wire.clone());
        let cloud = provision::connect_with(self.cloud.id, &settings, wire);
        (self.around)(cloud.expect("the simulated account's settings are good"))
    }

    /// From now on lists lack the next new host for a while.
    pub(crate) fn lag(&self) {
        let fault = provision_sim::Fault::new(Effect::LateVisibility { millis: 20_000 });
        self.sim.faults().add(fault.times(1));
    }

    pub(crate) fn pass(&self, time: Duration) {
        self.sim.clock().advance(time);
    }

    /// What the account holds beyond what it held at the start. Tags are names that a cloud keeps, free of charge.
    pub(crate) fn items(&self) -> Vec<Item> {
        let items = self.sim.inventory().into_iter();
        items
            .filter(|item| item.cloud == self.cloud.id && !self.before.contains(item))
            .filter(|item| item.kind != "tag" || item.bills)
            .collect()
    }

    /// How many of each kind there are.
    pub(crate) fn kinds(&self) -> BTreeMap<String, usize> {
        let mut kinds = BTreeMap::new();
        for item in self.items() {
            *kinds.entry(item.kind).or_default() += 1;
        }
        kinds
    }

    pub(crate) fn hosts(&self) -> Vec<Item> {
        self.items().into_iter().filter(|item| item.kind == "host").collect()
    }
}

/// How a patient caller asks again, without chance.
pub(crate) fn pace() -> Pace {
    let mut pace = Pace::within(Duration::from_secs(600));
    pace.jitter = 0.0;
    pace
}

/// A host with user data; with few open ports where the cloud can close the others.
pub(crate) fn host(cloud: &dyn Provisioner, name: &str, with_ports: bool) -> BasicHost {
    let name = name.parse().expect("a good name");
    let user_data = UserData::new("#!/bin/sh\necho hello\n").expect("good user data");
    let mut host = BasicHost::new(name, user_data);
    if with_ports && cloud.info().capabilities.restrict_ports {
        let ports = ["443", "34567/tcp"]
            .iter()
            .map(|port| port.parse().expect("a good port"));
        host.ports = provision::OpenPorts::Only(ports.collect());
    }
    host
}

pub(crate) fn show(items: &[Item]) -> String {
    let texts: Vec<String> = items
        .iter()
        .map(|item| {
            let bills = if item.bills { ", bills" } else { "" };
            format!("{} {} {:?}{bills}", item.kind, item.id, item.name)
        })
        .collect();
    if texts.is_empty() {
        "nothing".to_owned()
    } else {
        texts.join(", ")
    }
}
