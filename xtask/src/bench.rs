//! `cargo xtask bench`: how the operator, the poller and the simulator do with many hosts.

use std::path::Path;
use std::process::ExitCode;

use crate::{Result, cargo};

/// What is measured: the name on the command line, and the test that measures it. They are tests that are ignored otherwise,
/// because they take minutes, and the first needs a cluster's API.
const MEASUREMENTS: [(&str, [&str; 4]); 3] = [
    ("operator", ["--package", "provision-operator", "--test", "scale"]),
    ("poller", ["--package", "provision-tests", "--test", "many"]),
    ("sim", ["--package", "provision-sim", "--test", "load"]),
];

/// Runs a measurement, optimised.
pub(crate) fn run(root: &Path, name: &str) -> Result<ExitCode> {
    let known: Vec<&str> = MEASUREMENTS.iter().map(|(name, _)| *name).collect();
    let (_, test) = MEASUREMENTS
        .iter()
        .find(|(known, _)| *known == name)
        .ok_or_else(|| format!("there is no measurement `{name}`; known: {}", known.join(", ")))?;
    let status = cargo::program()
        .current_dir(root)
        .args(["test", "--release"])
        .args(test)
        .args(["--", "--ignored", "--nocapture"])
        .status()
        .map_err(|error| format!("cannot start cargo: {error}"))?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
