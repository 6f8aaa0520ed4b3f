use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use serde_json::json;

use crate::{ConnectFn, Failure, Manifest, SimStand, contract};

/// The variable that names a folder for the report: a file for each case and provider, which `cargo xtask matrix` reads.
const REPORT: &str = "PROVISION_MATRIX_REPORT";

/// Runs one case for one provider over the simulator on a runtime of its own, honouring the manifest; `contract_tests!`
/// expands to calls of this.
///
/// # Panics
/// When the case fails, or its outcome cannot be written into the report.
pub fn run_case(provider: &str, case: &str, connect: Arc<ConnectFn>, folder: &str) {
    let report = |outcome: &str, reason: &str| {
        if let Err(error) = note(provider, case, outcome, reason) {
            panic!("the report of {case} for {provider} cannot be written: {error}");
        }
    };
    // A case that panics is reported as failed, since nothing takes that back.
    report("fail", "panicked, or did not end; see the output of the test");
    let outcome = Manifest::find(folder).and_then(|manifest| {
        let row = manifest.row(provider)?;
        match row.skip.get(case) {
            Some(reason) => {
                println!("skipped: {reason}");
                report("skip", reason);
            }
            None => {
                run_one(provider, case, connect, row.requests.clone())?;
                report("pass", "");
            }
        }
        Ok(())
    });
    if let Err(failure) = outcome {
        report("fail", &failure.to_string());
        panic!("contract case {case} fails for {provider}: {failure}");
    }
}

/// Writes the outcome of a case where a report is wanted.
fn note(provider: &str, case: &str, outcome: &str, reason: &str) -> std::io::Result<()> {
    let Some(folder) = std::env::var_os(REPORT).map(PathBuf::from) else {
        return Ok(());
    };
    std::fs::create_dir_all(&folder)?;
    let number = contract::cases().iter().position(|known| known.name == case);
    let text = json!({"provider": provider, "case": case, "number": number, "outcome": outcome, "reason": reason});
    std::fs::write(folder.join(format!("{provider}.{case}.json")), format!("{text}\n"))
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
