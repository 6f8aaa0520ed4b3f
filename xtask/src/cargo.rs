//! Running cargo as a subprocess.

use std::path::{Path, PathBuf};
#[cfg(not(feature = "api"))]
use std::process::ExitCode;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::Result;

/// What a cargo command left behind. Its standard error went to the terminal unless `quiet`.
pub(crate) struct Output {
    pub(crate) success: bool,
    #[cfg_attr(
        feature = "api",
        expect(dead_code, reason = "only passed on by the task that builds itself anew")
    )]
    code: Option<u8>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Output {
    /// The exit code with which this task ends, when it only passes on what the command said.
    #[cfg(not(feature = "api"))]
    pub(crate) fn code(&self) -> ExitCode {
        self.code.map_or(ExitCode::FAILURE, ExitCode::from)
    }
}

/// Runs the cargo that runs this task. Standard output is captured, progress and compiler errors stay visible.
pub(crate) fn run(root: &Path, arguments: &[&str], environment: &[(&str, &Path)]) -> Result<Output> {
    finish(
        command(root, arguments, environment).stderr(Stdio::inherit()),
        arguments,
    )
}

/// Like [`run`], but captures standard error too, for commands whose failure is explained by the caller.
pub(crate) fn run_quietly(root: &Path, arguments: &[&str]) -> Result<Output> {
    finish(command(root, arguments, &[]).stderr(Stdio::piped()), arguments)
}

/// `cargo metadata` without dependencies: reads the manifests only, no lock file, no network.
pub(crate) fn metadata(root: &Path) -> Result<Value> {
    let output = run_quietly(root, &["metadata", "--format-version", "1", "--no-deps", "--offline"])?;
    if !output.success {
        return Err(format!("cargo metadata failed:\n{}", output.stderr));
    }
    serde_json::from_str(&output.stdout).map_err(|error| format!("cargo metadata printed no JSON: {error}"))
}

/// The folder that cargo builds into.
pub(crate) fn target_directory(root: &Path) -> Result<PathBuf> {
    let metadata = metadata(root)?;
    let folder = metadata.get("target_directory").and_then(Value::as_str);
    folder
        .map(PathBuf::from)
        .ok_or_else(|| "cargo metadata names no target_directory".to_owned())
}

/// The cargo that runs this task, without the variables that it set to describe the task's own crate. `ring` builds itself anew
/// when they change, and everything above it: each task would compile most of the workspace again, and so would the next build
/// without a task.
pub(crate) fn program() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(name);
        }
    }
    command
}

fn command(root: &Path, arguments: &[&str], environment: &[(&str, &Path)]) -> Command {
    let mut command = program();
    command
        .current_dir(root)
        .args(arguments)
        .envs(environment.iter().copied())
        .stdin(Stdio::null());
    command.stdout(Stdio::piped());
    command
}

fn finish(command: &mut Command, arguments: &[&str]) -> Result<Output> {
    let shown = || format!("cargo {}", arguments.join(" "));
    let child = command
        .spawn()
        .map_err(|error| format!("cannot start `{}`: {error}", shown()))?;
    let output = child
        .wait_with_output()
        .map_err(|error| format!("cannot wait for `{}`: {error}", shown()))?;
    Ok(Output {
        success: output.status.success(),
        code: output.status.code().and_then(|code| u8::try_from(code).ok()),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_is_not_told_which_crate_the_task_is() {
        let command = program();
        let removed: Vec<&std::ffi::OsStr> = command
            .get_envs()
            .filter_map(|(name, value)| value.is_none().then_some(name))
            .collect();
        for name in ["CARGO_MANIFEST_DIR", "CARGO_PKG_NAME", "CARGO_PKG_VERSION_MAJOR"] {
            assert!(std::env::var_os(name).is_some(), "{name}");
            assert!(removed.contains(&std::ffi::OsStr::new(name)), "{name}");
        }
        assert!(!removed.contains(&std::ffi::OsStr::new("CARGO_TARGET_DIR")));
    }
}
