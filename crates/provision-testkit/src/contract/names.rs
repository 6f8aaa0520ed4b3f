use std::time::Duration;

use futures_util::future::join_all;
use provision_core::{
    Deletion, ErrorKind, HostDeleteRequest, HostId, HostStatus, Origin, ProvisionedHost, Provisioner,
};

use super::bench::{Bench, elaborate, host, join, key, with_key};
use crate::{
    Connect, Failure, Stand, Trouble,
    failure::{During, ensure},
};

const ALWAYS: u32 = u32::MAX;

/// A host is known by its key, which is its name unless another is given: the same key with another name, another plan or
/// other user data is answered with the first host, and says so.
///
/// # Errors
/// [`Failure`] that says how the provider breaks it.
pub async fn a_host_is_known_by_its_key(stand: &dyn Stand) -> Result<(), Failure> {
    let bench = Bench::new(stand)?;
    let plain = host("known-1")?;
    let created = bench.cloud.provision(&plain).await.during("provision")?;
    ensure!(
        created.origin == Some(Origin::Created),
        "provision of a new host should say that it was created, but says {:?}",
        created.origin
    );
    let again = bench.provision(&plain, "provision with the same name").await?;
    ensure!(
        again.id == created.id && again.origin == Some(Origin::Adopted),
        "the same name should give {} as adopted, but gave {} as {:?}",
        created.id,
        again.id,
        again.origin
    );
    bench.delete(created.id).await?;
    bench.nothing_left("after deleting the host of a name")?;

    let first = elaborate(&bench, "known-2")?;
    let created = bench.cloud.provision(&first).await.during("provision")?;
    let mut renamed = elaborate(&bench, "known-3")?;
    renamed = renamed.with_key(key("known-2")?);
    let mut changed = first.clone();
    changed.user_data = host("known-4")?.user_data;
    changed.labels = super::create::labels("team=web")?;
    for (what, wanted) in [("another name", renamed), ("another label", changed)] {
        let what = format!("provision with the same key and {what}");
        let found = bench.provision(&wanted, &what).await?;
        ensure!(
            found.id == created.id,
            "{what} should give the host {} of that key, but gave {}",
            created.id,
            found.id
        );
        ensure!(
            found.origin == Some(Origin::AdoptedDifferent),
            "{what} should say that something else was asked for, but says {:?}",
            found.origin
        );
        one_host(&bench, &what)?;
    }
    bench.delete(created.id).await?;
    bench.nothing_left("after deleting the host of a key")
}

/// A host that is being deleted is not adopted: its key is answered with `Conflict` until it is gone, and then makes another
/// host.
///
/// # Errors
/// [`Failure`] that says how the provider breaks it.
pub async fn a_dying_host_is_not_adopted(stand: &dyn Stand) -> Result<(), Failure> {
    let bench = Bench::new(stand)?;
    let wanted = elaborate(&bench, "dying-1")?;
    let old = bench.active(&wanted).await?;
    let by_id = HostDeleteRequest::from(old.id.clone());
    let deleted = bench.cloud.delete(&by_id).await.during("delete")?;
    // Another process knows nothing of the deletion but what the cloud tells.
    let other = Bench::new(stand)?;
    match other.cloud.provision(&wanted).await {
        Ok(found) if deleted == Deletion::InProgress => {
            let ids = bench.hosts();
            ensure!(
                found.id != old.id && found.status != HostStatus::Deleting,
                "provision with the key of a host that is being deleted answered that host, {} ({}); the account holds {}",
                found.id,
                found.status,
                join(&ids)
            );
        }
        Ok(_) => {}
        Err(error) => ensure!(
            error.kind() == ErrorKind::Conflict,
            "provision with the key of a host that is being deleted should fail with conflict, but failed with {}: {error}",
            error.kind()
        ),
    }
    bench.delete(old.id.clone()).await?;
    let anew = other
        .provision(&wanted, "provision with the key of a host that is gone")
        .await?;
    // Some clouds name hosts by their names alone.
    let active = other.until_active(&anew.id).await?;
    one_host(&bench, "after the key of a deleted host was used again")?;
    bench.delete(active.id).await?;
    bench.nothing_left("after deleting the second host of a key")
}

/// When the answer to the create is lost and lists show new hosts late, no call before they must makes a second host, and the
/// host is found in the end.
///
/// # Errors
/// [`Failure`] that says how the provider breaks it.
pub async fn late_lists_make_no_second_host(stand: &dyn Stand) -> Result<(), Failure> {
    let bench = Bench::new(stand)?;
    let (created, steps) = bench
        .counted(bench.cloud.provision(&elaborate(&bench, "late-0")?))
        .await?;
    bench.delete(created.during("provision")?.id).await?;
    let mut lost = 0;
    for millis in [500, 1_500, 5_000, 20_000] {
        for step in 0..steps {
            let wanted = elaborate(&bench, &format!("late-{millis}-{step}"))?;
            stand.cause(Trouble::LateVisibility { millis }, 0, ALWAYS);
            stand.cause(Trouble::ResetAfter, u32::try_from(step).unwrap_or(ALWAYS), 1);
            let when = format!("when lists lag {millis} ms and the answer to request {step} of provision is lost");
            let first = bench.cloud.provision(&wanted).await;
            lost += usize::from(first.is_err() && !bench.hosts().is_empty());
            // Impatient callers must not make a second one either.
            for _ in 0..2 {
                drop(bench.cloud.provision(&wanted).await);
                ensure!(
                    bench.hosts().len() <= 1,
                    "{when}, calling again at once made a second host: {}",
                    join(&bench.hosts())
                );
            }
            let found = bench.provision(&wanted, &format!("provision {when}")).await?;
            one_host(&bench, &when)?;
            stand.calm();
            let active = bench.until_active(&found.id).await?;
            one_host(&bench, &when)?;
            bench.delete(active.id).await?;
            bench.nothing_left(&format!("{when} and the host was deleted"))?;
        }
    }
    ensure!(
        lost > 0,
        "no lost answer left a host behind: the stand cannot lose the answer of a create"
    );
    Ok(())
}

/// When two or twenty processes make a host with one key at the same moment, all of them end with the same host, and one is
/// left.
///
/// # Errors
/// [`Failure`] that says how the provider breaks it.
pub async fn simultaneous_creates_end_as_one(stand: &dyn Stand) -> Result<(), Failure> {
    let bench = Bench::new(stand)?;
    for callers in [2_usize, 20] {
        let wanted = with_key(&format!("at-once-{callers}"))?;
        let clouds = (0..callers)
            .map(|_| stand.connect(&Connect::new()).during("connecting"))
            .collect::<Result<Vec<_>, _>>()?;
        let mut made = Vec::new();
        for first in join_all(clouds.iter().map(|cloud| cloud.provision(&wanted))).await {
            made.push(first);
        }
        let mut ended = Vec::new();
        for (cloud, first) in clouds.iter().zip(made) {
            let created = match first {
                Ok(created) => created,
                Err(error) if error.is_retryable() => provision_with(&bench, &**cloud, &wanted).await?,
                Err(error) => return Err(error).during(&format!("provision of {callers} callers at the same moment")),
            };
            ended.push(created);
        }
        let mut kept: Vec<HostId> = Vec::new();
        for (cloud, created) in clouds.iter().zip(ended) {
            kept.push(settled(&bench, &**cloud, created).await?.id);
        }
        // Once more, now that the others have settled as well.
        kept.sort();
        kept.dedup();
        ensure!(
            kept.len() == 1,
            "{callers} callers with one key should all end with the same host, but ended with {}",
            join(&kept)
        );
        one_host(&bench, &format!("after {callers} callers with one key settled"))?;
        for id in kept {
            bench.delete(id).await?;
        }
        bench.nothing_left(&format!("after the one host of {callers} callers was deleted"))?;
    }
    Ok(())
}

async fn provision_with(
    bench: &Bench<'_>,
    cloud: &dyn Provisioner,
    wanted: &provision_core::BasicHost,
) -> Result<ProvisionedHost, Failure> {
    for _ in 0..120 {
        match cloud.provision(wanted).await {
            Ok(host) => return Ok(host),
            Err(error) if error.is_retryable() => {
                let wait = error.retry_after().unwrap_or(Duration::from_secs(5));
                bench.stand.advance(wait);
            }
            Err(error) => return Err(error).during("provision beside other callers"),
        }
    }
    Err(Failure::new("provision beside other callers went on failing"))
}

/// What a caller does that waits until a host is active: see `Wait` of the umbrella crate.
async fn settled(
    bench: &Bench<'_>,
    cloud: &dyn Provisioner,
    created: ProvisionedHost,
) -> Result<ProvisionedHost, Failure> {
    let mut known = created;
    let mut duplicates: Vec<HostId> = Vec::new();
    for _ in 0..240 {
        let read = cloud.status(&known.id).await;
        let active = match read {
            Ok(host) if host.status == HostStatus::Active => host,
            Ok(host) if host.status != HostStatus::Deleting => {
                known = host;
                bench.stand.advance(Duration::from_secs(5));
                continue;
            }
            Ok(_) => known.clone(),
            Err(error) if error.kind() == ErrorKind::NotFound => known.clone(),
            Err(error) => return Err(error).during("status beside other callers"),
        };
        let settled = cloud.settle(&active).await.during("settle")?;
        duplicates.extend(settled.duplicates);
        let mut left = Vec::new();
        for duplicate in duplicates {
            let deleted = cloud.delete(&duplicate.clone().into()).await;
            match deleted {
                Ok(deleted) if deleted.is_over() => {}
                Ok(_) => left.push(duplicate),
                Err(error) if error.is_retryable() => left.push(duplicate),
                Err(error) => return Err(error).during("delete of a second host"),
            }
        }
        duplicates = left;
        if settled.certain
            && duplicates.is_empty()
            && settled.host.id == active.id
            && settled.host.status == HostStatus::Active
        {
            return Ok(settled.host);
        }
        known = settled.host;
        bench.stand.advance(Duration::from_secs(5));
    }
    Err(Failure::new(
        "a caller beside others did not settle for a host in twenty minutes of the cloud's time",
    ))
}

fn one_host(bench: &Bench<'_>, when: &str) -> Result<(), Failure> {
    let hosts = bench.hosts();
    ensure!(
        hosts.len() == 1,
        "{when} there should be one host, but there are {}: {}",
        hosts.len(),
        join(&hosts)
    );
    Ok(())
}
