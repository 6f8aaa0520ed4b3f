//! `cargo xtask man [FOLDER]`: the command line's manual pages, for packages.

use std::path::Path;
use std::process::ExitCode;

use crate::{Result, cargo};

/// Where the pages go when nobody says.
const FOLDER: &str = "target/man";

/// Has the command line tool write its pages: it knows its arguments, and xtask imports no workspace crate.
pub(crate) fn run(root: &Path, folder: Option<&str>) -> Result<ExitCode> {
    let folder = root.join(folder.unwrap_or(FOLDER));
    let folder = folder.to_string_lossy();
    let arguments = ["run", "--quiet", "--package", "provision-cli", "--", "man", &folder];
    let output = cargo::run(root, &arguments, &[])?;
    if output.success {
        println!("{folder}: written");
        Ok(ExitCode::SUCCESS)
    } else {
        Err("the command line tool does not write its manual pages".to_owned())
    }
}
