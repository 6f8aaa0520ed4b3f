use provision_core::ErrorKind;

use super::bench::{Bench, elaborate, join, with_key};
use crate::{
    Failure, Stand, Trouble,
    failure::{During, ensure},
};

/// Whichever answer of a create is lost, nothing is sent again on its own, and calling again with the same key returns
/// the one host.
///
/// # Errors
/// [`Failure`] that says how the provider breaks it.
pub async fn key_adopts_after_lost_answer(stand: &dyn Stand) -> Result<(), Failure> {
    let bench = Bench::new(stand)?;
    let wanted = elaborate(&bench, "lost-0")?;
    let (created, steps) = bench.counted(bench.cloud.provision(&wanted)).await?;
    bench.delete(created.during("provision")?.id).await?;
    let mut made_and_lost = 0;
    for step in 0..steps {
        for trouble in [Trouble::ResetAfter, Trouble::Truncated] {
            let wanted = elaborate(&bench, &format!("lost-{}-{trouble:?}", step + 1).to_lowercase())?;
            stand.cause(trouble, u32::try_from(step).unwrap_or(u32::MAX), 1);
            let first = bench.cloud.provision(&wanted).await;
            stand.calm();
            let hosts = bench.hosts();
            ensure!(
                hosts.len() <= 1,
                "the answer to request {step} of provision was lost ({trouble:?}) and {} hosts were made: a create must never be sent again without looking first",
                hosts.len()
            );
            if let Err(error) = &first {
                ensure!(
                    error.kind() == ErrorKind::Unavailable,
                    "provision whose answer is lost at request {step} ({trouble:?}) should fail with unavailable, but failed with {}: {error}",
                    error.kind()
                );
                made_and_lost += hosts.len();
            }
            let what = format!("provision with the same key after the answer to request {step} was lost ({trouble:?})");
            let second = bench.provision(&wanted, &what).await?;
            one_host(
                &bench,
                &second.id,
                &format!(
                    "after the answer to request {step} was lost ({trouble:?}) and a second provision with the same key"
                ),
            )?;
            let active = bench.until_active(&second.id).await?;
            ensure!(
                active.name == wanted.name.as_str(),
                "the adopted host is named {:?}",
                active.name
            );
            bench.delete(second.id).await?;
            bench.nothing_left("after deleting the adopted host")?;
        }
    }
    ensure!(
        made_and_lost > 0,
        "no lost answer left a host behind, so that nothing was adopted: the stand cannot lose the answer of a create"
    );
    Ok(())
}

/// Two provisions with one key make one host; another key makes another.
///
/// # Errors
/// [`Failure`] that says how the provider breaks it.
pub async fn key_same_twice(stand: &dyn Stand) -> Result<(), Failure> {
    let bench = Bench::new(stand)?;
    let wanted = elaborate(&bench, "twice-1")?;
    let first = bench.cloud.provision(&wanted).await.during("provision")?;
    let second = bench
        .cloud
        .provision(&wanted)
        .await
        .during("provision with the same key")?;
    ensure!(
        first.id == second.id,
        "two provisions with one key should give one id, but gave {} and {}",
        first.id,
        second.id
    );
    one_host(&bench, &first.id, "after two provisions with one key")?;
    bench.until_active(&first.id).await?;
    let third = bench
        .cloud
        .provision(&wanted)
        .await
        .during("provision with the same key of an active host")?;
    ensure!(
        third.id == first.id,
        "provision with the key of an active host should give its id {}, but gave {}",
        first.id,
        third.id
    );
    one_host(&bench, &first.id, "after three provisions with one key")?;
    let other = bench
        .cloud
        .provision(&with_key("twice-2")?)
        .await
        .during("provision with another key")?;
    ensure!(
        other.id != first.id && bench.hosts().len() == 2,
        "another key should make another host, but there are {}",
        bench.hosts().len()
    );
    bench.delete(first.id.clone()).await?;
    let anew = bench
        .cloud
        .provision(&wanted)
        .await
        .during("provision with the key of a deleted host")?;
    bench.until_active(&anew.id).await?;
    Ok(())
}

/// The key works across restarts: a provider made anew finds the host of the earlier one.
///
/// # Errors
/// [`Failure`] that says how the provider breaks it.
pub async fn key_after_restart(stand: &dyn Stand) -> Result<(), Failure> {
    let bench = Bench::new(stand)?;
    let wanted = elaborate(&bench, "restart-1")?;
    let first = bench.cloud.provision(&wanted).await.during("provision")?;
    let restarted = Bench::new(stand)?;
    let second = restarted
        .cloud
        .provision(&wanted)
        .await
        .during("provision with the same key after a restart")?;
    ensure!(
        first.id == second.id,
        "provision with the same key after a restart should give the id {}, but gave {}",
        first.id,
        second.id
    );
    one_host(
        &bench,
        &first.id,
        "after a restart and a second provision with the same key",
    )?;
    bench.delete(second.id).await?;
    bench.nothing_left("after deleting it")
}

fn one_host(bench: &Bench<'_>, id: &provision_core::HostId, when: &str) -> Result<(), Failure> {
    let hosts = bench.hosts();
    ensure!(
        hosts.len() == 1,
        "{when} there should be one host ({id}), but there are {}: {}",
        hosts.len(),
        join(&hosts)
    );
    Ok(())
}
