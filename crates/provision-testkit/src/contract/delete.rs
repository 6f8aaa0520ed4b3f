use std::net::{IpAddr, Ipv4Addr};

use provision_core::{Deletion, ErrorKind, HostDeleteRequest, ListFilter};

use super::bench::{Bench, elaborate, host, join, other_id, ports};
use crate::{
    Failure, Stand,
    failure::{During, ensure, refused},
};

/// Delete by id removes that host and no other.
///
/// # Errors
/// [`Failure`] that says how the provider breaks it.
pub async fn delete_by_id(stand: &dyn Stand) -> Result<(), Failure> {
    let bench = Bench::new(stand)?;
    let goes = bench.active(&host("goes-1")?).await?;
    let stays = bench.active(&host("stays-1")?).await?;
    bench.delete(goes.id.clone()).await?;
    only_left(&bench, &stays.id.clone().into(), "stays-1").await?;
    refused(
        bench.cloud.status(&goes.id).await,
        ErrorKind::NotFound,
        "status after delete was complete",
    )?;
    // A host that is still being built can be deleted, too.
    let young = bench.cloud.provision(&host("young-1")?).await.during("provision")?;
    bench.delete(young.id).await?;
    only_left(&bench, &stays.id.into(), "stays-1").await
}

async fn only_left(bench: &Bench<'_>, _request: &HostDeleteRequest, name: &str) -> Result<(), Failure> {
    let left = bench.hosts();
    ensure!(
        matches!(left.as_slice(), [only] if only.is_called(name)),
        "delete should leave the host {name} and no other, but the account holds {}",
        join(&left)
    );
    let listed = bench.cloud.list(&ListFilter::all()).await.during("list")?;
    ensure!(
        listed.iter().map(|host| host.name.as_str()).eq([name]),
        "list should hold {name} and no other after a delete, but holds {:?}",
        listed.iter().map(|host| &host.name).collect::<Vec<_>>()
    );
    Ok(())
}

/// Delete is repeated until it is complete, and repeating it after that is harmless.
///
/// # Errors
/// [`Failure`] that says how the provider breaks it.
pub async fn delete_again(stand: &dyn Stand) -> Result<(), Failure> {
    let bench = Bench::new(stand)?;
    let active = bench.active(&elaborate(&bench, "again-1")?).await?;
    let request = HostDeleteRequest::from(active.id.clone());
    // Twice in a row, without time to take effect in between.
    for _ in 0..2 {
        match bench.cloud.delete(&request).await {
            Ok(Deletion::Removed | Deletion::NotFound) => bench.nothing_left("delete said complete, but")?,
            Ok(Deletion::InProgress) => {}
            Err(error) if error.kind() == ErrorKind::Conflict => {}
            Err(error) => return Err(error).during("a repeated delete"),
        }
    }
    bench.delete(active.id).await?;
    bench.nothing_left("delete said complete, but")?;
    for _ in 0..2 {
        let repeated = bench.cloud.delete(&request).await.during("delete of a deleted host")?;
        ensure!(
            repeated == Deletion::NotFound,
            "delete of a deleted host should find nothing, but is {repeated:?}"
        );
    }
    Ok(())
}

/// Deleting a well-formed id that no host has is complete.
///
/// # Errors
/// [`Failure`] that says how the provider breaks it.
pub async fn delete_unknown_id(stand: &dyn Stand) -> Result<(), Failure> {
    let bench = Bench::new(stand)?;
    let stays = bench.active(&host("stays-1")?).await?;
    let unknown = HostDeleteRequest::from(other_id(&stays.id)?);
    let (deleted, requests) = bench.counted(bench.cloud.delete(&unknown)).await?;
    let deleted = deleted.during("delete of an id that no host has")?;
    ensure!(
        deleted == Deletion::NotFound,
        "delete of an id that no host has should find nothing, but is {deleted:?}"
    );
    ensure!(
        requests > 0,
        "delete of an unknown id was called complete without asking the cloud"
    );
    only_left(&bench, &unknown, "stays-1").await
}

/// Delete by IP removes the marked host that has the address, and no other.
///
/// # Errors
/// [`Failure`] that says how the provider breaks it.
pub async fn delete_by_ip(stand: &dyn Stand) -> Result<(), Failure> {
    let bench = Bench::new(stand)?;
    let stays = bench.active(&host("stays-1")?).await?;
    // Where every port is closed by itself, a host with all ports open has a firewall, too.
    let others = bench.ours();
    let goes = bench.active(&elaborate(&bench, "goes-1")?).await?;
    let ip = goes.ip.during("the address of an active host")?;
    let by_ip = HostDeleteRequest::ip(ip);
    let mut by_id = false;
    for _ in 0..120 {
        match bench.cloud.delete(&by_ip).await {
            Ok(Deletion::Removed | Deletion::NotFound) => break,
            Ok(Deletion::InProgress) => {}
            Err(error) if error.kind() == ErrorKind::Conflict => {}
            // A cloud may take the address from a host that is being deleted; its leftovers are removed by id.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                by_id = true;
                break;
            }
            Err(error) => return Err(error).during("delete by IP"),
        }
        stand.advance(std::time::Duration::from_secs(5));
    }
    ensure!(
        !bench.hosts().iter().any(|host| host.is_called("goes-1")),
        "delete by IP should have removed the host at {ip}"
    );
    if by_id {
        bench.delete(goes.id).await?;
    }
    only_left(&bench, &stays.id.clone().into(), "stays-1").await?;
    let stray: Vec<_> = bench
        .ours()
        .into_iter()
        .filter(|item| item.kind == "firewall" && !others.contains(item))
        .collect();
    ensure!(stray.is_empty(), "delete by IP left {}", join(&stray));
    Ok(())
}

/// Delete by an IP that no marked host has is `NotFound`, and deletes nothing.
///
/// # Errors
/// [`Failure`] that says how the provider breaks it.
pub async fn delete_by_ip_unknown(stand: &dyn Stand) -> Result<(), Failure> {
    let bench = Bench::new(stand)?;
    bench.active(&host("stays-1")?).await?;
    // A host without an address yet must not count as the one.
    bench.cloud.provision(&host("stays-2")?).await.during("provision")?;
    let nobody = HostDeleteRequest::ip(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 254)));
    refused(
        bench.cloud.delete(&nobody).await,
        ErrorKind::NotFound,
        "delete by an IP that no host has",
    )?;
    ensure!(
        bench.hosts().len() == 2,
        "delete by an IP that no host has removed a host"
    );
    Ok(())
}

/// Once delete is complete nothing is left: neither the host nor anything that was created for it.
///
/// # Errors
/// [`Failure`] that says how the provider breaks it.
pub async fn delete_leaves_nothing(stand: &dyn Stand) -> Result<(), Failure> {
    let bench = Bench::new(stand)?;
    let plain = bench.active(&host("plain-1")?).await?;
    bench.delete(plain.id).await?;
    bench.nothing_left("after deleting a host without any wishes")?;
    if bench.restricts_ports() {
        // Without a key, so that nothing can be found by it.
        let mut closed = host("closed-1")?;
        closed.ports = ports(&["443", "8000-8100/udp"])?;
        let closed = bench.active(&closed).await?;
        bench.delete(closed.id).await?;
        bench.nothing_left("after deleting a host with restricted ports")?;
    }
    let elaborate = bench.active(&elaborate(&bench, "elaborate-1")?).await?;
    bench.delete(elaborate.id).await?;
    bench.nothing_left("after deleting a host with a key")
}
