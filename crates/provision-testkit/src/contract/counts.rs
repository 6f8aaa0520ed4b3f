use std::collections::BTreeMap;

use provision_core::{Deletion, HostDeleteRequest, ListFilter};

use super::bench::{Bench, elaborate, host, ports, with_key};
use crate::{
    Failure, Stand, Trouble,
    failure::{During, ensure},
};

/// The operations whose requests are counted.
const OPERATIONS: [&str; 7] = [
    "provision",
    "provision-with-ports",
    "status",
    "list",
    "delete",
    "delete-again",
    "delete-by-ip",
];

/// The most requests of an operation of which each needs the answer to the one before it.
const LONGEST_CHAIN: usize = 5;

/// Each operation takes exactly the number of requests that `providers.toml` says: `provision`, `provision-with-ports`, `status`, `list` (of one host), `delete` (the first call), `delete-again` (of a host that is
/// gone) and `delete-by-ip` (the first call). No more than five of them are sent one after the other, also when a create is
/// refused half-way.
///
/// # Errors
/// [`Failure`] that names every operation with another number, and its requests.
pub async fn request_counts(stand: &dyn Stand) -> Result<(), Failure> {
    let bench = Bench::new(stand)?;
    bench.warm_up().await;
    let budget = stand.request_budget();
    let mut found: BTreeMap<&str, (usize, String)> = BTreeMap::new();
    let mut chains: Vec<(&str, usize)> = Vec::new();

    let plain = host("count-1")?;
    let (created, count) = bench.counted(bench.cloud.provision(&plain)).await?;
    found.insert("provision", (count, bench.log()));
    chains.push(("provision", bench.observer.longest_chain()));
    let first = bench.until_active(&created.during("provision")?.id).await?;

    let (status, count) = bench.counted(bench.cloud.status(&first.id)).await?;
    found.insert("status", (count, bench.log()));
    chains.push(("status", bench.observer.longest_chain()));
    status.during("status")?;

    let filter = ListFilter::all();
    let (listed, count) = bench.counted(bench.cloud.list(&filter)).await?;
    found.insert("list", (count, bench.log()));
    chains.push(("list", bench.observer.longest_chain()));
    listed.during("list")?;

    let by_id = HostDeleteRequest::from(first.id.clone());
    let (deleted, count) = bench.counted(bench.cloud.delete(&by_id)).await?;
    found.insert("delete", (count, bench.log()));
    chains.push(("delete", bench.observer.longest_chain()));
    let _: Deletion = deleted.during("delete")?;
    bench.delete(first.id).await?;
    let (deleted, count) = bench.counted(bench.cloud.delete(&by_id)).await?;
    found.insert("delete-again", (count, bench.log()));
    chains.push(("delete-again", bench.observer.longest_chain()));
    let _: Deletion = deleted.during("delete of a host that is gone")?;

    let keyed = with_key("count-2")?;
    let created = bench.cloud.provision(&keyed).await;
    let second = bench.until_active(&created.during("provision with a key")?.id).await?;
    let by_ip = HostDeleteRequest::ip(second.ip.during("the address of an active host")?);
    let (deleted, count) = bench.counted(bench.cloud.delete(&by_ip)).await?;
    found.insert("delete-by-ip", (count, bench.log()));
    chains.push(("delete-by-ip", bench.observer.longest_chain()));
    let _: Deletion = deleted.during("delete by IP")?;

    if bench.restricts_ports() {
        let mut closed = host("count-3")?;
        closed.ports = ports(&["443"])?;
        let (created, count) = bench.counted(bench.cloud.provision(&closed)).await?;
        found.insert("provision-with-ports", (count, bench.log()));
        chains.push(("provision-with-ports", bench.observer.longest_chain()));
        created.during("provision with restricted ports")?;
    }
    chains.extend(refused_half_way(&bench, stand).await?);
    for (operation, chain) in chains {
        ensure!(
            chain <= LONGEST_CHAIN,
            "`{operation}` sends {chain} requests one after the other, {LONGEST_CHAIN} are allowed: send those side by side that do not need each other's answers"
        );
    }
    compare(&budget, &found)
}

/// Chains of creates of which one step is refused, with what is taken back.
async fn refused_half_way(bench: &Bench<'_>, stand: &dyn Stand) -> Result<Vec<(&'static str, usize)>, Failure> {
    let whole = elaborate(bench, "count-4")?;
    let (created, steps) = bench.counted(bench.cloud.provision(&whole)).await?;
    bench.delete(created.during("provision")?.id).await?;
    let mut chains = Vec::new();
    for step in 0..steps {
        let wanted = elaborate(bench, &format!("count-4-{step}"))?;
        stand.cause(Trouble::Unauthorized, u32::try_from(step).unwrap_or(u32::MAX), 1);
        let (_, requests) = bench.counted(bench.cloud.provision(&wanted)).await?;
        stand.calm();
        ensure!(
            requests > step,
            "request {step} of provision was not sent: {}",
            bench.log()
        );
        chains.push(("provision that is refused half-way", bench.observer.longest_chain()));
        for host in bench.cloud.list(&ListFilter::all()).await.during("list")? {
            bench.delete(host.id).await?;
        }
        bench.delete_leftovers(&wanted).await?;
    }
    Ok(chains)
}

fn compare(budget: &BTreeMap<String, u64>, found: &BTreeMap<&str, (usize, String)>) -> Result<(), Failure> {
    let mut problems: Vec<String> = budget
        .keys()
        .filter(|operation| !found.contains_key(operation.as_str()))
        .map(|operation| {
            let known = OPERATIONS.join(", ");
            format!("providers.toml counts `{operation}`, which is not run; known: {known}")
        })
        .collect();
    for (operation, (count, log)) in found {
        match budget.get(*operation) {
            Some(expected) if *expected == *count as u64 => {}
            Some(expected) => problems.push(format!(
                "`{operation}` takes {count} requests, providers.toml says {expected} ({log})"
            )),
            None => problems.push(format!(
                "`{operation}` takes {count} requests, providers.toml does not say how many ({log})"
            )),
        }
    }
    ensure!(problems.is_empty(), "{}", problems.join("; "));
    Ok(())
}
