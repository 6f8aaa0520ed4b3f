//! Which clouds a test runs on, and how: each in a thread of its own, so that all of them take little longer than one.

use std::thread;

/// Every cloud of `providers.toml`, from which the registry is generated.
pub(crate) fn every_cloud() -> Vec<&'static str> {
    provision::providers().iter().map(|info| info.id).collect()
}

/// For what is the operator's business and not the cloud's: one cloud without unique names, one with.
pub(crate) const TWO: [&str; 2] = ["digitalocean", "hetzner"];

/// Clouds that make a second host for a key when they are asked to: those without unique names and tokens.
pub(crate) fn with_twins() -> Vec<&'static str> {
    let makes = |info: &&&provision::ProviderInfo| {
        let capabilities = &info.capabilities;
        !capabilities.unique_names && !capabilities.create_tokens
    };
    provision::providers()
        .iter()
        .filter(makes)
        .map(|info| info.id)
        .collect()
}

/// Runs a test on these clouds at the same time. All of them run to their end; then those that failed are named.
#[track_caller]
pub(crate) fn on<F>(clouds: &[&'static str], test: impl Fn(&'static str) -> F + Sync)
where
    F: Future<Output = ()>,
{
    let run = |cloud| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(test(cloud));
    };
    let failed: Vec<&str> = thread::scope(|scope| {
        let running: Vec<_> = clouds
            .iter()
            .map(|&cloud| {
                let thread = thread::Builder::new().name(cloud.to_owned());
                (cloud, thread.spawn_scoped(scope, move || run(cloud)).unwrap())
            })
            .collect();
        let ended = running.into_iter().map(|(cloud, thread)| (cloud, thread.join()));
        ended.filter(|(_, end)| end.is_err()).map(|(cloud, _)| cloud).collect()
    });
    assert!(failed.is_empty(), "failed on {failed:?}: see above");
}

/// Runs a test on every cloud at the same time.
#[track_caller]
pub(crate) fn on_every_cloud<F>(test: impl Fn(&'static str) -> F + Sync)
where
    F: Future<Output = ()>,
{
    on(&every_cloud(), test);
}
