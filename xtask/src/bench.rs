//! `cargo xtask bench operator`: how the operator does with many resources.

use std::path::Path;
use std::process::{Command, ExitCode};

use crate::Result;

/// Runs the measurement, optimised. It is a test that is ignored otherwise, because it needs what the tests need: a cluster's
/// API and clouds in memory.
pub(crate) fn run(root: &Path) -> Result<ExitCode> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .current_dir(root)
        .args([
            "test",
            "--release",
            "--package",
            "provision-operator",
            "--test",
            "scale",
        ])
        .args(["--", "--ignored", "--nocapture"])
        .status()
        .map_err(|error| format!("cannot start cargo: {error}"))?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
