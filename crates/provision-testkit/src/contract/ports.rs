use provision_core::{ErrorKind, ListFilter};

use super::bench::{Bench, elaborate, host, join, ports};
use crate::{
    Failure, Item, Stand, Trouble,
    failure::{During, ensure, refused},
};

fn firewalls(bench: &Bench<'_>) -> Vec<Item> {
    let is_firewall = |item: &Item| matches!(item.kind.as_str(), "firewall" | "security-group");
    bench.ours().into_iter().filter(is_firewall).collect()
}

/// Restricting ports makes the cloud's firewall, with the ports asked for, for as long as the host exists; a cloud without
/// one says so before any request.
///
/// # Errors
/// [`Failure`] that says how the provider breaks it.
pub async fn ports_restricted(stand: &dyn Stand) -> Result<(), Failure> {
    let bench = Bench::new(stand)?;
    let mut wanted = host("ports-1")?;
    wanted.ports = ports(&["34567", "45678-45689/udp"])?;
    if !bench.restricts_ports() {
        let (result, requests) = bench.counted(bench.cloud.provision(&wanted)).await?;
        refused(
            result,
            ErrorKind::Unsupported,
            "provision with restricted ports on a cloud without a firewall",
        )?;
        ensure!(
            requests == 0,
            "it should be refused before any request, but {requests} were sent"
        );
        return Ok(());
    }
    let (created, _) = bench.counted(bench.cloud.provision(&wanted)).await?;
    let created = created.during("provision with restricted ports")?;
    let bodies: String = bench
        .observer
        .sent()
        .iter()
        .map(|sent| String::from_utf8_lossy(sent.request.body_bytes()).into_owned())
        .collect();
    for port in ["34567", "45678", "45689"] {
        ensure!(bodies.contains(port), "port {port} is in no request of provision");
    }
    for unwanted in ["65535", "icmp"] {
        ensure!(
            !inbound_mentions(&bodies, unwanted),
            "provision with two port ranges also mentions {unwanted} for inbound traffic"
        );
    }
    ensure!(
        !firewalls(&bench).is_empty(),
        "there is no firewall for a host with restricted ports, only {}",
        join(&bench.ours())
    );
    let active = bench.until_active(&created.id).await?;
    ensure!(
        !firewalls(&bench).is_empty(),
        "the firewall of a host with restricted ports is gone while the host is active"
    );
    bench.delete(active.id).await?;
    bench.nothing_left("after deleting a host with restricted ports")?;
    // No port at all.
    let mut closed = host("ports-2")?;
    closed.ports = ports(&[])?;
    let created = bench
        .cloud
        .provision(&closed)
        .await
        .during("provision with every port closed")?;
    ensure!(
        !firewalls(&bench).is_empty(),
        "there is no firewall for a host with every port closed"
    );
    bench.delete(created.id).await?;
    bench.nothing_left("after deleting a host with every port closed")
}

/// Outbound rules may be as wide as they like; they stand in a field of their own where the API has them.
fn inbound_mentions(bodies: &str, text: &str) -> bool {
    let inbound = match (bodies.find("inbound"), bodies.find("outbound")) {
        (Some(start), Some(end)) if start < end => bodies.get(start..end),
        (_, Some(_)) => None,
        (_, None) => Some(bodies),
    };
    inbound.is_some_and(|inbound| inbound.contains(text))
}

/// Whichever step of a create with restricted ports fails, no host is lost: it is rolled back, or listed and then deleted
/// with everything that was made for it; a second call with the same key succeeds; and when the key is given up instead,
/// `delete_leftovers` removes what was made for a host that was never created.
///
/// # Errors
/// [`Failure`] that says how the provider breaks it.
pub async fn firewall_failure_rolls_back_or_is_findable(stand: &dyn Stand) -> Result<(), Failure> {
    let bench = Bench::new(stand)?;
    let (created, steps) = bench
        .counted(bench.cloud.provision(&elaborate(&bench, "step-0")?))
        .await?;
    bench.delete(created.during("provision")?.id).await?;
    let troubles = [
        Trouble::ServerError(500),
        Trouble::ResetBefore,
        Trouble::ResetAfter,
        Trouble::RateLimited { retry_after: 7 },
    ];
    for step in 0..steps {
        for (number, trouble) in troubles.into_iter().enumerate() {
            let when = format!("after request {step} of provision met {trouble:?}");
            // Once given up, once continued with the same key.
            for again in [false, true] {
                let wanted = elaborate(&bench, &format!("step-{}-{number}-{again}", step + 1))?;
                stand.cause(trouble, u32::try_from(step).unwrap_or(u32::MAX), 1);
                let first = bench.cloud.provision(&wanted).await;
                stand.calm();
                // What was made before the host itself may be listed, too: it has to go like a host.
                let listed = bench.cloud.list(&ListFilter::all()).await.during("list")?;
                let hosts = bench.hosts();
                ensure!(
                    hosts.len() <= listed.len() && listed.len() <= 1,
                    "{when} the account holds {}, but list finds {:?}: a host that bills has to be findable",
                    join(&hosts),
                    listed.iter().map(|host| &host.id).collect::<Vec<_>>()
                );
                if let (Ok(created), true) = (&first, hosts.is_empty()) {
                    return Err(Failure::new(format!(
                        "{when} it answered {}, but there is no host",
                        created.id
                    )));
                }
                ensure!(
                    first.is_err() || !bench.restricts_ports() || !firewalls(&bench).is_empty(),
                    "{when} it answered a host without its firewall, every port of which is open: an error of that step must not be dropped"
                );
                let billing: Vec<_> = bench
                    .ours()
                    .into_iter()
                    .filter(|item| item.bills && !item.is_host())
                    .collect();
                ensure!(
                    billing.is_empty() || !hosts.is_empty(),
                    "{when} there is no host, but the account is billed for {}",
                    join(&billing)
                );
                if again {
                    let what = format!("the second provision with the same key, {when},");
                    bench.provision(&wanted, &what).await?;
                    ensure!(
                        !bench.restricts_ports() || !firewalls(&bench).is_empty(),
                        "{when} the second provision with the same key leaves the host without its firewall: every port is open"
                    );
                }
                let to_delete = bench.cloud.list(&ListFilter::all()).await.during("list")?;
                let any = !to_delete.is_empty();
                for host in to_delete {
                    bench.delete(host.id).await?;
                }
                if any {
                    bench.nothing_left(&format!("{when} and everything listed was deleted"))?;
                } else if !again {
                    // Nothing bills. Whoever gives up the key has nothing else.
                    bench.delete_leftovers(&wanted).await?;
                    bench.nothing_left(&format!("{when} and the leftovers of the key were deleted"))?;
                } else {
                    // Nothing bills. What is left has to go once the same key is provisioned and deleted.
                    let second = bench.provision(&wanted, "provision with the same key").await?;
                    bench.delete(second.id).await?;
                    bench.nothing_left(&format!("{when}, was provisioned again with the same key and deleted"))?;
                }
            }
        }
    }
    Ok(())
}
