use std::collections::BTreeMap;

use provision_core::{Deletion, HostDeleteRequest, ListFilter};

use super::bench::{Bench, host, ports, with_key};
use crate::{
    Failure, Stand,
    failure::{During, ensure},
};

/// The operations whose requests are counted.
const OPERATIONS: [&str; 8] = [
    "provision",
    "provision-with-key",
    "provision-with-ports",
    "status",
    "list",
    "delete",
    "delete-again",
    "delete-by-ip",
];

/// Each operation takes exactly the number of requests that `providers.toml` says: `provision`, `provision-with-key`,
/// `provision-with-ports`, `status`, `list` (of one host), `delete` (the first call), `delete-again` (of a host that is
/// gone) and `delete-by-ip` (the first call).
///
/// # Errors
/// [`Failure`] that names every operation with another number, and its requests.
pub async fn request_counts(stand: &dyn Stand) -> Result<(), Failure> {
    let bench = Bench::new(stand)?;
    bench.warm_up().await;
    let budget = stand.request_budget();
    let mut found: BTreeMap<&str, (usize, String)> = BTreeMap::new();

    let plain = host("count-1")?;
    let (created, count) = bench.counted(bench.cloud.provision(&plain)).await?;
    found.insert("provision", (count, bench.log()));
    let first = bench.until_active(&created.during("provision")?.id).await?;

    let (status, count) = bench.counted(bench.cloud.status(&first.id)).await?;
    found.insert("status", (count, bench.log()));
    status.during("status")?;

    let filter = ListFilter::all();
    let (listed, count) = bench.counted(bench.cloud.list(&filter)).await?;
    found.insert("list", (count, bench.log()));
    listed.during("list")?;

    let by_id = HostDeleteRequest::from(first.id.clone());
    let (deleted, count) = bench.counted(bench.cloud.delete(&by_id)).await?;
    found.insert("delete", (count, bench.log()));
    let _: Deletion = deleted.during("delete")?;
    bench.delete(first.id).await?;
    let (deleted, count) = bench.counted(bench.cloud.delete(&by_id)).await?;
    found.insert("delete-again", (count, bench.log()));
    let _: Deletion = deleted.during("delete of a host that is gone")?;

    let keyed = with_key("count-2")?;
    let (created, count) = bench.counted(bench.cloud.provision(&keyed)).await?;
    found.insert("provision-with-key", (count, bench.log()));
    let second = bench.until_active(&created.during("provision with a key")?.id).await?;
    let by_ip = HostDeleteRequest::ip(second.ip.during("the address of an active host")?);
    let (deleted, count) = bench.counted(bench.cloud.delete(&by_ip)).await?;
    found.insert("delete-by-ip", (count, bench.log()));
    let _: Deletion = deleted.during("delete by IP")?;

    if bench.restricts_ports() {
        let mut closed = host("count-3")?;
        closed.ports = ports(&["443"])?;
        let (created, count) = bench.counted(bench.cloud.provision(&closed)).await?;
        found.insert("provision-with-ports", (count, bench.log()));
        created.during("provision with restricted ports")?;
    }
    compare(&budget, &found)
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
