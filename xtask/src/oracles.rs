//! `cargo xtask oracles`: runs the vendors' Python SDKs (`tests/oracles-py`) against simulators that it starts, and prints
//! the table SDK x case.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Instant;

use crate::{Result, cargo, read};

const FOLDER: &str = "tests/oracles-py";
/// With and without their dependencies.
const REQUIREMENTS: &str = "tests/oracles-py/requirements.txt";
const ALONE: &str = "tests/oracles-py/requirements-alone.txt";
/// The simulators' boot time: short, as their clock runs ahead of the SDKs' with each host that is waited for, and AWS's
/// signatures are good for minutes only.
const BOOT_MS: &str = "500";
/// Ends the task when Python or its package index cannot be had, which is no failure of the workspace.
const SKIPPED: u8 = 77;

/// Runs all oracles, or those of `--only`. The last line it prints is `N passed, N failed, N skipped`.
pub(crate) fn run(root: &Path, only: Option<&str>) -> Result<ExitCode> {
    let target = cargo::target_directory(root)?;
    let start = Instant::now();
    let python = match environment(root, &target.join("oracles-py")) {
        Ok(python) => python,
        // A fault of the files, not of the machine.
        Err(why) if why.contains("ResolutionImpossible") => return Err(why),
        Err(why) => {
            println!("skipped: {why}");
            return Ok(ExitCode::from(SKIPPED));
        }
    };
    eprintln!("virtual environment: {} s", start.elapsed().as_secs());
    let built = cargo::run(
        root,
        &["build", "--quiet", "--locked", "--package", "provision-cli"],
        &[],
    )?;
    if !built.success {
        return Err("the command line tool does not compile".to_owned());
    }
    let tool = target
        .join("debug")
        .join(format!("provision{}", std::env::consts::EXE_SUFFIX));
    let authority = target.join("oracles-ca.pem");
    let plain = Simulator::start(&tool, &[])?;
    let encrypted = Simulator::start(&tool, &["--tls".as_ref(), "--ca-out".as_ref(), authority.as_os_str()])?;
    let mut command = Command::new(&python);
    // Byte code would land beside the sources.
    command
        .current_dir(root.join(FOLDER))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg("run.py")
        .args(["--http", &plain.url, "--tls"])
        // SDKs check the host name, and some take no address for one.
        .arg(encrypted.url.replace("127.0.0.1", "localhost"))
        .arg("--ca")
        .arg(&authority)
        .args(["--boot-ms", BOOT_MS]);
    if let Some(names) = only {
        command.args(["--only", names]);
    }
    let status = command
        .status()
        .map_err(|error| format!("cannot start {}: {error}", python.display()))?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The Python of a virtual environment that holds what the requirements file lists. One that is there is used again unless
/// the file has changed since.
fn environment(root: &Path, folder: &Path) -> Result<PathBuf> {
    let wanted = read(root, REQUIREMENTS)? + &read(root, ALONE)?;
    let bin = folder.join(if cfg!(windows) { "Scripts" } else { "bin" });
    let python = bin.join(format!("python{}", std::env::consts::EXE_SUFFIX));
    // Written last, so that an environment which was broken off is made again.
    let mark = folder.join("requirements.txt");
    if std::fs::read_to_string(&mark).is_ok_and(|made| made == wanted) && python.is_file() {
        return Ok(python);
    }
    let _ = std::fs::remove_file(&mark);
    let system = if cfg!(windows) { "python" } else { "python3" };
    let made = Command::new(system)
        .args(["-m", "venv", "--clear"])
        .arg(folder)
        .output();
    said(made, "python3 cannot make a virtual environment")?;
    for (file, more) in [(REQUIREMENTS, None), (ALONE, Some("--no-deps"))] {
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
            .args(more)
            .arg("--requirement")
            .arg(root.join(file));
        said(pip.output(), "the SDKs cannot be installed")?;
    }
    std::fs::write(&mark, wanted).map_err(|error| format!("{}: cannot be written: {error}", mark.display()))?;
    Ok(python)
}

/// Fails with the last error that a command complained about.
fn said(output: std::io::Result<std::process::Output>, what: &str) -> Result<()> {
    let output = output.map_err(|error| format!("{what}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
    let said: Vec<&str> = text.lines().filter(|line| line.starts_with("ERROR")).collect();
    let last = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
    Err(format!("{what}: {}", said.last().unwrap_or(&last)))
}

/// A simulator on a free port, in memory; it ends with this value.
struct Simulator {
    process: Child,
    url: String,
}

impl Simulator {
    fn start(tool: &Path, more: &[&std::ffi::OsStr]) -> Result<Self> {
        let mut command = Command::new(tool);
        command
            .args(["sim", "serve", "--listen", "127.0.0.1:0", "--boot-time"])
            .arg(format!("{BOOT_MS}ms"))
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            // Hints for people.
            .stderr(Stdio::null());
        let mut process = command
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", tool.display()))?;
        let stdout = process.stdout.take();
        let mut simulator = Self {
            process,
            url: String::new(),
        };
        // It prints its URL as soon as it listens.
        if let Some(stdout) = stdout {
            let _ = BufReader::new(stdout).read_line(&mut simulator.url);
        }
        simulator.url = simulator.url.trim().to_owned();
        if simulator.url.is_empty() {
            return Err(format!("`{} sim serve` ended without a word", tool.display()));
        }
        Ok(simulator)
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sdk_is_pinned_and_each_oracle_is_run() {
        let root = crate::workspace_root();
        let requirements = read(&root, REQUIREMENTS).unwrap() + &read(&root, ALONE).unwrap();
        for line in requirements.lines().filter(|line| !line.starts_with('#')) {
            assert!(line.contains("=="), "{line}");
        }
        let all = read(&root, "tests/oracles-py/oracles/__init__.py").unwrap();
        for entry in std::fs::read_dir(root.join(FOLDER).join("oracles")).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if let Some(module) = name.strip_suffix(".py").filter(|name| name.starts_with("sdk_")) {
                assert!(
                    all.contains(&format!("\"{module}\"")),
                    "{module} is not in oracles/__init__.py"
                );
            }
        }
    }

    #[test]
    fn a_failed_command_says_why() {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let failed = said(command.arg("--no-such-flag").output(), "it failed").unwrap_err();
        assert!(failed.starts_with("it failed: "), "{failed}");
        let missing = said(Command::new("no-such-program-anywhere").output(), "it failed").unwrap_err();
        assert!(missing.starts_with("it failed: "), "{missing}");
    }
}
