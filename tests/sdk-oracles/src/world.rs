//! A simulator of its own for every case, on a free port, with a clock that stands still until it is advanced.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, SystemTime};

use provision_sim::{Clock, Effect, Fault, Item, Server, Sim};
use sha2::{Digest, Sha256};

/// How long a new host takes.
const BOOT: Duration = Duration::from_secs(30);
/// How long a deleted one is to be seen.
const DELETE: Duration = Duration::from_secs(10);

/// User data that no encoding may change: quotes, a tab, a line without an end, and letters beyond ASCII.
pub(crate) const USER_DATA: &str = "#!/bin/sh\necho \"größe\t$HOME\" && echo 'a+b=c&d' > /tmp/x";

/// The simulator, on a socket.
pub(crate) struct World {
    sim: Sim,
    server: Server,
}

#[allow(dead_code, reason = "no SDK needs all of it, and one may be built alone")]
impl World {
    pub(crate) async fn start() -> std::io::Result<Self> {
        let sim = Sim::builder()
            // Signatures and tokens carry the time of this machine.
            .clock(Clock::manual(SystemTime::now()))
            .boot_time(BOOT)
            .delete_time(DELETE)
            .build()?;
        let server = sim.serve(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        Ok(Self { sim, server })
    }

    /// Where the simulator listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.server.local_addr()
    }

    /// The base URL of a cloud by path prefix.
    pub(crate) fn url(&self, cloud: &str) -> String {
        format!("{}/{cloud}", self.server.base_url())
    }

    /// What the simulator holds of a kind, as `/_sim/inventory` shows it.
    pub(crate) fn items(&self, kind: &str) -> Vec<Item> {
        let mut items = self.sim.inventory();
        items.retain(|item| item.kind == kind);
        items
    }

    /// The only host.
    pub(crate) fn host(&self) -> Result<Item, String> {
        match <[Item; 1]>::try_from(self.items("host")) {
            Ok([host]) => Ok(host),
            Err(hosts) => Err(format!("{} hosts instead of one: {hosts:?}", hosts.len())),
        }
    }

    /// Everything that bills.
    pub(crate) fn bills(&self) -> Vec<Item> {
        let mut items = self.sim.inventory();
        items.retain(|item| item.bills);
        items
    }

    /// Until new hosts run.
    pub(crate) fn boot(&self) {
        self.sim.clock().advance(BOOT);
    }

    /// Until deleted hosts are gone.
    pub(crate) fn pass_deletion(&self) {
        self.sim.clock().advance(DELETE);
    }

    /// Lets part of the boot time pass.
    pub(crate) fn boot_percent(&self, percent: u32) {
        self.sim.clock().advance(BOOT * percent / 100);
    }

    /// Lets something happen to the next request with this method.
    pub(crate) fn fault(&self, method: &str, effect: Effect) {
        self.sim.faults().add(Fault::new(effect).method(method).times(1));
    }

    /// How many requests with this method reached a cloud, those whose answer was lost among them.
    pub(crate) fn requests(&self, method: &str) -> usize {
        let requests = self.sim.requests();
        requests.iter().filter(|request| request.method == method).count()
    }

    /// A setting that the simulated account accepts.
    pub(crate) fn setting(cloud: &str, name: &str) -> String {
        let clouds = provision_sim::clouds();
        let of_cloud = clouds.iter().filter(|known| known.id == cloud);
        let mut settings = of_cloud.flat_map(|known| known.settings);
        settings
            .find(|(known, _)| *known == name)
            .map_or_else(String::new, |(_, value)| (*value).to_owned())
    }
}

/// As the inventory has it.
pub(crate) fn digest(user_data: &str) -> Option<String> {
    let digest = Sha256::digest(user_data);
    Some(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}
