//! Every contract case for every cloud of the manifest, through the umbrella's registry, over the simulator.
//!
//! Writes a report for `cargo xtask matrix` to the path in `PROVISION_MATRIX_REPORT`, or to `matrix.json` beside the
//! build's artifacts.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "helpers of tests, which clippy does not count as tests"
)]

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{Arc, Mutex},
    thread,
    time::Instant,
};

use provision_testkit::{ConnectFn, Failure, Manifest, ManifestRow, contract, run_one};
use serde_json::{Value, json};

enum Outcome {
    Pass { requests: u64 },
    Fail(String),
    Skip(String),
}

#[test]
fn every_provider_keeps_the_contract() {
    let started = Instant::now();
    let manifest = Manifest::find(env!("CARGO_MANIFEST_DIR")).unwrap();
    let compiled_in: BTreeSet<&str> = provision::providers().iter().map(|info| info.id).collect();
    let listed: BTreeSet<&str> = manifest.rows.iter().map(|row| row.id.as_str()).collect();
    assert_eq!(
        compiled_in, listed,
        "the umbrella's registry (left) and providers.toml (right) differ: run `cargo xtask generate`"
    );
    let results = run_all(&manifest);
    let report = report(&manifest, &results);
    let file = report_file();
    std::fs::write(&file, format!("{report:#}\n")).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut failures = Vec::new();
    for (row, results) in manifest.rows.iter().zip(&results) {
        let (mut passed, mut failed, mut skipped) = (0, 0, 0);
        for (case, outcome) in contract::cases().iter().zip(results) {
            match outcome {
                Outcome::Pass { .. } => passed += 1,
                Outcome::Fail(reason) => {
                    failed += 1;
                    failures.push(format!("{} fails {}: {reason}", row.id, case.name));
                }
                Outcome::Skip(reason) => {
                    skipped += 1;
                    println!("{:<14} {} skipped: {reason}", row.id, case.name);
                }
            }
        }
        println!("{:<14} {passed} passed, {failed} failed, {skipped} skipped", row.id);
        if passed + failed == 0 {
            failures.push(format!("{} is in providers.toml but ran no case", row.id));
        }
    }
    println!("{} cases in {:.1?}", contract::cases().len(), started.elapsed());
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

/// One list of outcomes per row, in the order of the cases; as many at a time as there are processors.
fn run_all(manifest: &Manifest) -> Vec<Vec<Outcome>> {
    let cases = contract::cases();
    let mut waiting: Vec<(usize, usize)> = (0..manifest.rows.len())
        .flat_map(|row| (0..cases.len()).map(move |case| (row, case)))
        .collect();
    waiting.reverse();
    let waiting = Mutex::new(waiting);
    let done = Mutex::new(Vec::new());
    let workers = thread::available_parallelism().map_or(2, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().unwrap().pop();
                    let Some((row, case)) = next else { break };
                    let outcome = run(&manifest.rows[row], cases[case].name);
                    done.lock().unwrap().push((row, case, outcome));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|(row, case, _)| (*row, *case));
    let mut results: Vec<Vec<Outcome>> = manifest.rows.iter().map(|_| Vec::new()).collect();
    for (row, _, outcome) in done {
        results[row].push(outcome);
    }
    results
}

fn run(row: &ManifestRow, case: &str) -> Outcome {
    if let Some(reason) = row.skip.get(case) {
        return Outcome::Skip(reason.clone());
    }
    let id = row.id.clone();
    let connect: Arc<ConnectFn> =
        Arc::new(move |settings, transport| provision::connect_with(&id, settings, transport));
    // A case that panics must not take the whole table with it.
    let attempt = std::panic::AssertUnwindSafe(|| run_one(&row.id, case, connect, row.requests.clone()));
    let ran = std::panic::catch_unwind(attempt);
    match ran.unwrap_or_else(|_| Err(Failure::new("panicked; the message stands above"))) {
        Ok(requests) => Outcome::Pass { requests },
        Err(failure) => Outcome::Fail(failure.to_string()),
    }
}

fn report(manifest: &Manifest, results: &[Vec<Outcome>]) -> Value {
    let names: Vec<&str> = contract::cases().iter().map(|case| case.name).collect();
    let result = |(case, outcome): (&&str, &Outcome)| match outcome {
        Outcome::Pass { requests } => json!({"case": case, "outcome": "pass", "requests": requests}),
        Outcome::Fail(reason) => json!({"case": case, "outcome": "fail", "reason": reason}),
        Outcome::Skip(reason) => json!({"case": case, "outcome": "skip", "reason": reason}),
    };
    let providers: Vec<Value> = manifest
        .rows
        .iter()
        .zip(results)
        .map(|(row, results)| {
            let results: Vec<Value> = names.iter().zip(results).map(result).collect();
            json!({"id": row.id, "results": results})
        })
        .collect();
    json!({"cases": names, "providers": providers})
}

fn report_file() -> PathBuf {
    match std::env::var_os("PROVISION_MATRIX_REPORT") {
        Some(path) => path.into(),
        // Made by cargo for this package's tests, inside the target folder.
        None => PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("matrix.json"),
    }
}
