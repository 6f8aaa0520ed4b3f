//! `cargo xtask new-provider ID`: adds a cloud.

use std::path::Path;
use std::process::ExitCode;

use crate::Result;

pub(crate) fn run(_root: &Path, _arguments: &[&str]) -> Result<ExitCode> {
    Err("not yet".to_owned())
}
