use std::{collections::BTreeMap, sync::Arc};

use crate::{ConnectFn, Failure, Manifest, SimStand, contract};

/// Runs one case for one provider over the simulator on a runtime of its own, honouring the manifest; `contract_tests!`
/// expands to calls of this.
///
/// # Panics
/// When the case fails.
pub fn run_case(provider: &str, case: &str, connect: Arc<ConnectFn>, folder: &str) {
    let outcome = Manifest::find(folder).and_then(|manifest| {
        let row = manifest.row(provider)?;
        match row.skip.get(case) {
            Some(reason) => println!("skipped: {reason}"),
            None => {
                run_one(provider, case, connect, row.requests.clone())?;
            }
        }
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("contract case {case} fails for {provider}: {failure}");
    }
}

/// Runs one case for one provider over a fresh simulator, on a runtime of its own, and says how many requests it took
/// in all.
///
/// # Errors
/// [`Failure`] when the case fails or does not exist.
pub fn run_one(
    provider: &str,
    case: &str,
    connect: Arc<ConnectFn>,
    budget: BTreeMap<String, u64>,
) -> Result<u64, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("no runtime: {error}")))?;
    runtime.block_on(async {
        let stand = SimStand::start(provider, connect).await?.with_budget(budget);
        contract::run(case, &stand).await?;
        Ok(stand.requests_in_all())
    })
}
