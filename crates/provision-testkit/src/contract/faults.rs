use std::{collections::BTreeMap, fmt::Debug, time::Duration};

use provision_core::{CatalogQuery, Deletion, ErrorKind, HostDeleteRequest, ListFilter, Result as CoreResult};

use super::bench::{Bench, elaborate, host, join, with_key};
use crate::{
    Failure, LoggedRequest, Stand, Trouble,
    failure::{During, ensure, refused},
};

const ALWAYS: u32 = u32::MAX;
const WAIT: u64 = 7;

/// A rate limit is `RateLimited` at once, with the wait that the vendor names; never retried, never "gone".
///
/// # Errors
/// [`Failure`] that says how the provider breaks it.
pub async fn rate_limited(stand: &dyn Stand) -> Result<(), Failure> {
    let bench = Bench::new(stand)?;
    let active = bench.active(&elaborate(&bench, "limit-1")?).await?;
    let ip = active.ip.during("the address of an active host")?;
    let by_id = HostDeleteRequest::from(active.id.clone());
    let by_ip = HostDeleteRequest::ip(ip);
    let (plain, keyed) = (host("limit-2")?, with_key("limit-3")?);
    let (all, everything) = (ListFilter::all(), CatalogQuery::all());
    stand.cause(Trouble::RateLimited { retry_after: WAIT }, 0, ALWAYS);
    limited(&bench, "provision", bench.cloud.provision(&plain)).await?;
    limited(&bench, "provision with a key", bench.cloud.provision(&keyed)).await?;
    limited(&bench, "status", bench.cloud.status(&active.id)).await?;
    limited(&bench, "list", bench.cloud.list(&all)).await?;
    limited(&bench, "delete", bench.cloud.delete(&by_id)).await?;
    limited(&bench, "delete by IP", bench.cloud.delete(&by_ip)).await?;
    limited(&bench, "catalog", bench.cloud.catalog(&everything)).await?;
    // In the middle of a delete: whatever step it hits, the host is not called gone, and the next call goes on.
    for step in 1..10 {
        stand.calm();
        stand.cause(Trouble::RateLimited { retry_after: WAIT }, step, ALWAYS);
        match bench.cloud.delete(&by_id).await {
            Ok(Deletion::InProgress) => {}
            Ok(Deletion::Removed | Deletion::NotFound) => {
                bench.nothing_left(&format!(
                    "delete was rate limited after {step} requests and said complete, but"
                ))?;
            }
            Err(error) if matches!(error.kind(), ErrorKind::RateLimited | ErrorKind::Conflict) => {}
            Err(error) => {
                return Err(Failure::new(format!(
                    "delete that is rate limited after {step} requests should fail with rate_limited, but failed with {}: {error}",
                    error.kind()
                )));
            }
        }
        stand.advance(Duration::from_secs(5));
    }
    stand.calm();
    bench.delete(active.id).await?;
    bench.nothing_left("after a delete that was rate limited at every step")
}

async fn limited<T: Debug>(
    bench: &Bench<'_>,
    what: &str,
    call: impl Future<Output = CoreResult<T>>,
) -> Result<(), Failure> {
    let (result, requests) = bench.counted(call).await?;
    let error = refused(result, ErrorKind::RateLimited, &format!("{what} that is rate limited"))?;
    // What was sent side by side with the first could not know.
    ensure!(
        requests > 0 && bench.observer.longest_chain() == 1,
        "{what} that is rate limited went on after the first refusal: {}",
        bench.log()
    );
    let sent = bench.observer.sent();
    let told = sent
        .first()
        .and_then(|sent| sent.answer_headers.get("retry-after")?.to_str().ok());
    let wait = error.retry_after();
    let heeded = match told {
        None => true,
        Some(seconds) if seconds.parse::<u64>().is_ok() => wait == Some(Duration::from_secs(WAIT)),
        // A date, by another clock.
        Some(_) => wait.is_some(),
    };
    ensure!(
        heeded,
        "{what} was told `retry-after: {}`, but `retry_after` of its error is {wait:?}",
        told.unwrap_or_default()
    );
    Ok(())
}

/// A create that the cloud answers with a fault of its own is not sent again by anyone, whichever step it hits; calling
/// again with the same key then makes exactly one host.
///
/// # Errors
/// [`Failure`] that says how the provider breaks it.
pub async fn server_error_on_create(stand: &dyn Stand) -> Result<(), Failure> {
    let bench = Bench::new(stand)?;
    bench.warm_up().await;
    let (created, steps) = bench.counted(bench.cloud.provision(&with_key("fault-0")?)).await?;
    let usual = changes(&stand.requests());
    bench.delete(created.during("provision")?.id).await?;
    for step in 0..steps {
        let wanted = with_key(&format!("fault-{}", step + 1))?;
        stand.cause(Trouble::ServerError(500), u32::try_from(step).unwrap_or(ALWAYS), 1);
        let (result, _) = bench.counted(bench.cloud.provision(&wanted)).await?;
        let log = bench.log();
        stand.calm();
        let hit = stand.requests().iter().any(|request| request.status == 500);
        ensure!(hit, "no request of provision met the fault at step {step}: {log}");
        for (request, count) in changes(&stand.requests()) {
            let at_most = usual.get(&request).copied().unwrap_or_default();
            ensure!(
                count <= at_most,
                "`{request}` was sent {count} times after the cloud answered it with 500, usually it is sent {at_most} times: a create must never be sent again without looking first ({log})"
            );
        }
        refused(
            result,
            ErrorKind::Unavailable,
            &format!("provision whose request {step} is answered with 500"),
        )?;
        let again = bench
            .provision(&wanted, "the second provision with the same key")
            .await?;
        let hosts = bench.hosts();
        ensure!(
            hosts.len() == 1,
            "after a fault and a second provision with the same key there should be one host, but there are {}: {}",
            hosts.len(),
            join(&hosts)
        );
        bench.delete(again.id).await?;
        bench.nothing_left("after a create that met a fault, was repeated and deleted,")?;
    }
    Ok(())
}

/// How often each request that creates or changes something was sent. Ids in paths, which differ from host to host, are
/// left out: every part that holds a digit.
fn changes(requests: &[LoggedRequest]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for request in requests {
        if !matches!(request.method.as_str(), "GET" | "HEAD" | "DELETE") {
            let without_id = |part| match str::contains(part, |c: char| c.is_ascii_digit()) {
                true => "*",
                false => part,
            };
            let path: Vec<&str> = request.path.split('/').map(without_id).collect();
            *counts
                .entry(format!("{} {}", request.method, path.join("/")))
                .or_default() += 1;
        }
    }
    counts
}

/// A read whose connection breaks is sent once more, and only once.
///
/// # Errors
/// [`Failure`] that says how the provider breaks it.
pub async fn safe_get_retried_once(stand: &dyn Stand) -> Result<(), Failure> {
    let bench = Bench::new(stand)?;
    let active = bench.active(&host("retry-1")?).await?;
    let (status, usual) = bench.counted(bench.cloud.status(&active.id)).await?;
    status.during("status")?;
    for trouble in [Trouble::ResetBefore, Trouble::ServerError(503)] {
        stand.cause(trouble, 0, 1);
        let (status, requests) = bench.counted(bench.cloud.status(&active.id)).await?;
        status.during(&format!("status whose first request meets {trouble:?}"))?;
        ensure!(
            requests == usual + 1,
            "status whose first request meets {trouble:?} should take {} requests, but took {requests}",
            usual + 1
        );
        stand.calm();
        stand.cause(trouble, 0, ALWAYS);
        let (status, requests) = bench.counted(bench.cloud.status(&active.id)).await?;
        refused(
            status,
            ErrorKind::Unavailable,
            &format!("status while every request meets {trouble:?}"),
        )?;
        ensure!(
            requests == 2,
            "status while every request meets {trouble:?} should give up after 2 requests, but sent {requests}"
        );
        stand.calm();
    }
    Ok(())
}

/// A plan that is out of stock is `Capacity`, and nothing is left of the attempt.
///
/// # Errors
/// [`Failure`] that says how the provider breaks it.
pub async fn sold_out(stand: &dyn Stand) -> Result<(), Failure> {
    refused_create(stand, Trouble::SoldOut, ErrorKind::Capacity).await
}

/// A used-up account limit is `Quota`, and nothing is left of the attempt.
///
/// # Errors
/// [`Failure`] that says how the provider breaks it.
pub async fn quota(stand: &dyn Stand) -> Result<(), Failure> {
    refused_create(stand, Trouble::Quota, ErrorKind::Quota).await
}

async fn refused_create(stand: &dyn Stand, trouble: Trouble, kind: ErrorKind) -> Result<(), Failure> {
    let bench = Bench::new(stand)?;
    for wanted in [host("refused-1")?, elaborate(&bench, "refused-2")?] {
        stand.cause(trouble, 0, ALWAYS);
        refused(
            bench.cloud.provision(&wanted).await,
            kind,
            &format!("provision that meets {trouble:?}"),
        )?;
        bench.nothing_left(&format!("after a provision that met {trouble:?}"))?;
        stand.calm();
        let created = bench.cloud.provision(&wanted).await.during("provision after that")?;
        bench.delete(created.id).await?;
        bench.nothing_left("after deleting it")?;
    }
    Ok(())
}
