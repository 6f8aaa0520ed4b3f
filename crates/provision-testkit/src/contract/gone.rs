use provision_core::{Deletion, ErrorKind, HostDeleteRequest, HostId, ListFilter};

use super::{
    bench::{Bench, elaborate, join},
    create::create_another,
};
use crate::{
    Failure, Stand, Trouble,
    failure::{During, ensure},
    forger::Forgery,
};

/// The most dependent requests of an operation, and more.
const STEPS: usize = 12;

/// A 404 that is not the cloud's word about this very host, whichever request it answers, never means "gone" or "there is
/// nothing", and loses no host.
///
/// # Errors
/// [`Failure`] that says how the provider breaks it.
pub async fn a_foreign_not_found_is_no_gone(stand: &dyn Stand) -> Result<(), Failure> {
    let bench = Bench::new(stand)?;
    bench.warm_up().await;
    let active = bench.active(&elaborate(&bench, "foreign-1")?).await?;
    let ip = active.ip.during("the address of an active host")?;
    for forgery in Forgery::NOT_FOUND {
        for step in 0..STEPS {
            let what = format!("when {forgery:?} answers request {step}");
            bench.forger.forge(forgery, step, 1);
            let status = bench.cloud.status(&active.id).await;
            if bench.forger.stop() > 0 {
                not_gone(status.map(|_| ()), &format!("status {what}"))?;
            }
            bench.forger.forge(forgery, step, 1);
            let listed = bench.cloud.list(&ListFilter::all()).await;
            if bench.forger.stop() > 0 {
                if let Ok(hosts) = &listed {
                    ensure!(hosts.len() == 1, "list {what} answered {} hosts", hosts.len());
                }
                not_gone(listed.map(|_| ()), &format!("list {what}"))?;
            }
            bench.forger.forge(forgery, step, 1);
            let settled = bench.cloud.settle(&active).await;
            if bench.forger.stop() > 0 {
                not_gone(settled.map(|_| ()), &format!("settle {what}"))?;
            }
            let nobody = HostDeleteRequest::ip(std::net::IpAddr::from([192, 0, 2, 254]));
            bench.forger.forge(forgery, step, 1);
            let deleted = bench.cloud.delete(&nobody).await;
            if bench.forger.stop() > 0 {
                not_gone(deleted.map(|_| ()), &format!("delete by IP {what}"))?;
            }
        }
    }
    let creates = creates(&bench).await?;
    for forgery in Forgery::NOT_FOUND {
        for step in 0..creates {
            let wanted = elaborate(&bench, &format!("foreign-{step}-{forgery:?}").to_lowercase())?;
            let what = format!("provision when {forgery:?} answers request {step}");
            bench.forger.forge(forgery, step, 1);
            let created = bench.cloud.provision(&wanted).await;
            bench.forger.stop();
            not_gone(created.map(|_| ()), &what)?;
            let again = bench.provision(&wanted, &format!("a second call after {what}")).await?;
            ensure!(
                bench.hosts().len() == 2,
                "{what} and a second call should have made one more host, but the account holds {}",
                join(&bench.hosts())
            );
            deletions(&bench, forgery, &again.id).await?;
        }
    }
    // The first one as well, by its address.
    for forgery in Forgery::NOT_FOUND {
        bench.forger.forge(forgery, 0, 1);
        let deleted = bench.cloud.delete(&HostDeleteRequest::ip(ip)).await;
        bench.forger.stop();
        ensure!(
            !deleted.as_ref().is_ok_and(|deleted| deleted.is_over()),
            "delete by IP whose first request {forgery:?} answers says {deleted:?}, but the host is there"
        );
        not_gone(
            deleted.map(|_| ()),
            &format!("delete by IP whose first request {forgery:?} answers"),
        )?;
    }
    bench.delete(active.id).await?;
    bench.nothing_left("after all hosts were deleted")
}

/// Deletes a host while every request in turn is answered by somebody else, until it is over.
async fn deletions(bench: &Bench<'_>, forgery: Forgery, id: &HostId) -> Result<(), Failure> {
    let by_id = HostDeleteRequest::from(id.clone());
    for step in 0..STEPS {
        let what = format!("delete when {forgery:?} answers request {step}");
        bench.forger.forge(forgery, step, 1);
        let deleted = bench.cloud.delete(&by_id).await;
        let forged = bench.forger.stop() > 0;
        match deleted {
            Ok(Deletion::InProgress) => {}
            Ok(over) => {
                let left: Vec<_> = bench
                    .ours()
                    .into_iter()
                    .filter(|item| item.id != first_id(bench))
                    .collect();
                let others = bench.hosts().len();
                ensure!(
                    others == 1,
                    "{what} says {over:?}, but the account holds {}",
                    join(&left)
                );
            }
            Err(error) if forged => {
                not_gone(Err(error), &what)?;
            }
            Err(error) if error.kind() == ErrorKind::Conflict => {}
            Err(error) => return Err(error).during(&what),
        }
        bench.stand.advance(std::time::Duration::from_secs(2));
    }
    bench.delete(id.clone()).await
}

fn first_id(bench: &Bench<'_>) -> String {
    bench.hosts().first().map(|host| host.id.clone()).unwrap_or_default()
}

/// How many requests the most elaborate create takes.
async fn creates(bench: &Bench<'_>) -> Result<usize, Failure> {
    let wanted = elaborate(bench, "foreign-0")?;
    let (created, steps) = bench.counted(bench.cloud.provision(&wanted)).await?;
    bench.delete(created.during("provision")?.id).await?;
    Ok(steps)
}

fn not_gone(result: provision_core::Result<()>, what: &str) -> Result<(), Failure> {
    match result {
        Ok(()) => Ok(()),
        Err(error) => {
            ensure!(
                error.kind() != ErrorKind::NotFound,
                "{what} failed with not_found, which only the cloud's own word about this host may say: {error}"
            );
            Ok(())
        }
    }
}

/// A missing permission, whichever request it answers, is an error and never an empty answer.
///
/// # Errors
/// [`Failure`] that says how the provider breaks it.
pub async fn a_missing_permission_is_no_empty_answer(stand: &dyn Stand) -> Result<(), Failure> {
    let bench = Bench::new(stand)?;
    bench.warm_up().await;
    let active = bench.active(&elaborate(&bench, "forbidden-1")?).await?;
    for step in 0..STEPS {
        bench.forger.forge(Forgery::ForbiddenPage, step, usize::MAX);
        let listed = bench.cloud.list(&ListFilter::all()).await;
        if bench.forger.stop() > 0 {
            ensure!(
                listed.as_ref().is_err_and(|error| error.kind() == ErrorKind::Forbidden)
                    || listed.as_ref().is_ok_and(|hosts| hosts.len() == 1),
                "list whose requests from number {step} on are forbidden should fail with forbidden, but gave {listed:?}"
            );
        }
        bench.forger.forge(Forgery::ForbiddenPage, step, usize::MAX);
        let status = bench.cloud.status(&active.id).await;
        if bench.forger.stop() > 0 {
            ensure!(
                !status.as_ref().is_err_and(|error| error.kind() == ErrorKind::NotFound),
                "status whose requests from number {step} on are forbidden says that the host is gone"
            );
        }
    }
    // Last requests first, so that the host is deleted as late as can be.
    let by_id = HostDeleteRequest::from(active.id.clone());
    for round in 0..2 {
        for step in (0..STEPS).rev() {
            bench.forger.forge(Forgery::ForbiddenPage, step, usize::MAX);
            let deleted = bench.cloud.delete(&by_id).await;
            if bench.forger.stop() > 0
                && let Ok(over @ (Deletion::Removed | Deletion::NotFound)) = deleted
            {
                bench.nothing_left(&format!(
                    "delete whose requests from number {step} on are forbidden (round {round}) says {over:?}, but"
                ))?;
            }
            bench.stand.advance(std::time::Duration::from_secs(2));
        }
    }
    bench.delete(active.id).await?;
    bench.nothing_left("after the permission was there again and delete was complete")
}

/// The parts that an id lacks are not guessed: it is refused before any request, unless the cloud needs no more to know the
/// host.
///
/// # Errors
/// [`Failure`] that says how the provider breaks it.
pub async fn an_id_that_lacks_a_part_is_not_guessed(stand: &dyn Stand) -> Result<(), Failure> {
    let bench = Bench::new(stand)?;
    // Where a guess would be wrong: not in the default region.
    let mut wanted = elaborate(&bench, "part-1")?;
    let created = create_another(&bench, &mut wanted).await?;
    let active = bench.until_active(&created.id).await?;
    let parts: Vec<&str> = active.id.parts().collect();
    for kept in 1..parts.len() {
        let id = HostId::from_parts(parts.iter().take(kept).copied())
            .ok()
            .during("the shorter id")?;
        let by_id = HostDeleteRequest::from(id.clone());
        let (status, requests) = bench.counted(bench.cloud.status(&id)).await?;
        match status {
            Ok(found) => ensure!(found.ip == active.ip, "status of {id} found another host, {}", found.id),
            Err(error) => {
                ensure!(
                    error.kind() == ErrorKind::InvalidRequest && requests == 0,
                    "status of {id}, which lacks a part, should fail with invalid_request before any request, but sent {requests} and failed with {}: {error}",
                    error.kind()
                );
                let (deleted, requests) = bench.counted(bench.cloud.delete(&by_id)).await?;
                ensure!(
                    deleted
                        .as_ref()
                        .is_err_and(|error| error.kind() == ErrorKind::InvalidRequest)
                        && requests == 0,
                    "delete of {id}, which lacks a part, should fail with invalid_request before any request, but sent {requests} and gave {deleted:?}"
                );
            }
        }
    }
    bench.delete(active.id).await?;
    bench.nothing_left("after deleting the host by its whole id")
}

/// When a step after the host exists fails for good, the host is taken back, or the error carries its id and says so.
///
/// # Errors
/// [`Failure`] that says how the provider breaks it.
pub async fn a_failure_after_the_host_exists_names_it(stand: &dyn Stand) -> Result<(), Failure> {
    let bench = Bench::new(stand)?;
    bench.warm_up().await;
    let steps = creates(&bench).await?;
    for (number, trouble) in [
        Trouble::Unauthorized,
        Trouble::RateLimited { retry_after: 7 },
        Trouble::ServerError(500),
    ]
    .into_iter()
    .enumerate()
    {
        for step in 0..steps {
            let wanted = elaborate(&bench, &format!("named-{number}-{step}"))?;
            let what = format!("provision whose requests from number {step} on meet {trouble:?}");
            stand.cause(trouble, u32::try_from(step).unwrap_or(u32::MAX), u32::MAX);
            let result = bench.cloud.provision(&wanted).await;
            stand.calm();
            let hosts = bench.hosts();
            match (result, hosts.is_empty()) {
                (Ok(created), false) => bench.delete(created.id).await?,
                (Ok(created), true) => {
                    return Err(Failure::new(format!(
                        "{what} answered {}, but there is no host",
                        created.id
                    )));
                }
                (Err(_), true) => {}
                (Err(error), false) => {
                    let Some(id) = error.host().cloned() else {
                        ensure!(
                            error.may_exist(),
                            "{what} left {}, but its error neither carries the host's id nor says that a host may exist: {error}",
                            join(&hosts)
                        );
                        let found = bench.provision(&wanted, &format!("a second call after {what}")).await?;
                        bench.delete(found.id).await?;
                        continue;
                    };
                    let text = error.to_string();
                    ensure!(
                        text.contains(&id.to_text()) && text.contains("delete"),
                        "{what} left a host, but its error does not say which and how to be rid of it: {text}"
                    );
                    bench
                        .cloud
                        .status(&id)
                        .await
                        .during(&format!("status of the host that {what} left"))?;
                    bench.delete(id).await?;
                }
            }
            if bench.ours().is_empty() {
                continue;
            }
            // What was made before the host goes with its key.
            bench.delete_leftovers(&wanted).await?;
            bench.nothing_left(&format!("after {what} and everything it named was deleted"))?;
        }
    }
    Ok(())
}
