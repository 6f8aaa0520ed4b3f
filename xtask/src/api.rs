//! `cargo xtask api [--check]`: the public API of each library crate as text, in its `api.txt`. A change of that file is a change
//! for users, to be looked at and to be in the CHANGELOG; a line that goes is a breaking one.

use std::path::Path;
use std::process::ExitCode;

use crate::generate::Mode;
use crate::{Result, cargo};

/// Writes the files, or says which are stale. Builds this crate again with what reading an API needs.
#[cfg(not(feature = "api"))]
pub(crate) fn run(root: &Path, mode: Mode) -> Result<ExitCode> {
    let mut arguments = vec![
        "run",
        "--quiet",
        "--locked",
        "--package",
        "xtask",
        "--features",
        "api",
        "--",
        "api",
    ];
    if mode == Mode::Check {
        arguments.push("--check");
    }
    let output = cargo::run(root, &arguments, &[])?;
    print!("{}", output.stdout);
    Ok(output.code())
}

/// Writes the files, or says which are stale.
#[cfg(feature = "api")]
pub(crate) fn run(root: &Path, mode: Mode) -> Result<ExitCode> {
    use crate::{manifest, read, write};

    // A folder of its own: the switch that lets a stable compiler write an API as JSON would have the others built anew.
    let folder = cargo::target_directory(root)?.join("api");
    let mut crates: Vec<String> = [
        "provision",
        "provision-core",
        "provision-exit-server",
        "provision-http",
        "provision-testkit",
    ]
    .map(str::to_owned)
    .into();
    crates.extend(manifest::load(root)?.iter().map(manifest::Provider::package));
    let mut stale = 0;
    for name in &crates {
        let Some(text) = public_api(root, &folder, name)? else {
            println!("this compiler writes APIs in a form that cannot be read here: skipped");
            return Ok(ExitCode::from(SKIPPED));
        };
        let path = format!("crates/{name}/api.txt");
        if read(root, &path).is_ok_and(|existing| existing == text) {
            continue;
        }
        stale += 1;
        match mode {
            Mode::Write => {
                write(root, &path, &text)?;
                println!("{path}: written");
            }
            Mode::Check => println!("{path}: is stale; run `cargo xtask api`, and look at what changes for users"),
        }
    }
    if stale == 0 {
        println!("the public APIs of {} crates are as their api.txt says", crates.len());
    }
    Ok(if stale > 0 && mode == Mode::Check {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// The exit code of a task that could not be done here.
#[cfg(feature = "api")]
const SKIPPED: u8 = 77;

/// One line for each public item, sorted; `None` when the compiler's JSON is of another version than is understood.
#[cfg(feature = "api")]
fn public_api(root: &Path, folder: &Path, name: &str) -> Result<Option<String>> {
    let arguments = [
        "rustdoc",
        "--quiet",
        "--locked",
        "--package",
        name,
        "--lib",
        "--all-features",
        "--",
        "-Z",
        "unstable-options",
        "--output-format",
        "json",
        "--cap-lints",
        "allow",
    ];
    let environment = [
        ("CARGO_TARGET_DIR", folder),
        ("RUSTC_BOOTSTRAP", Path::new("1")),
        ("RUSTDOCFLAGS", Path::new("")),
    ];
    let output = cargo::run(root, &arguments, &environment)?;
    if !output.success {
        return Err(format!("the documentation of {name} cannot be built"));
    }
    let json = folder.join("doc").join(format!("{}.json", name.replace('-', "_")));
    let api = public_api::Builder::from_rustdoc_json(json)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build();
    Ok(api.ok().map(|api| api.to_string()))
}
