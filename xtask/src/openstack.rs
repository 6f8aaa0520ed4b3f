//! `cargo xtask openstack up|down`: a real OpenStack control plane on loopback, under target/, for `provision-openstack`.
//! What it is made of is in `tests/openstack`.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::{Result, cargo, read};

const FOLDER: &str = "tests/openstack";
const CONSTRAINTS: &str = "tests/openstack/constraints.txt";
/// What is asked for; the constraints tell the versions of these and of all that they need.
const PACKAGES: [&str; 8] = [
    "keystone",
    "nova",
    "neutron",
    "glance",
    "openstack-placement",
    "openstacksdk",
    "PyMySQL",
    "waitress",
];
/// Debian's packages mariadb-server-core and mariadb-client-core.
const DATABASE: [&str; 2] = ["mariadbd", "mariadb-install-db"];
/// Ends the task when Python, its package index or MariaDB cannot be had, which is no failure of the workspace.
const SKIPPED: u8 = 77;

/// Starts it, and prints how to use it. One that runs is ended first.
pub(crate) fn up(root: &Path) -> Result<ExitCode> {
    let folder = cargo::target_directory(root)?.join("openstack");
    let lacking = DATABASE.into_iter().find(|program| which(program).is_none());
    let environment = match lacking {
        Some(program) => Err(format!(
            "there is no {program} (Debian: apt-get install mariadb-server-core mariadb-client-core)"
        )),
        None => environment(root, &folder.join("venv")),
    };
    let python = match environment {
        Ok(python) => python,
        Err(why) => {
            println!("skipped: {why}");
            return Ok(ExitCode::from(SKIPPED));
        }
    };
    let state = folder.join("state");
    let status = lab(root, &python, "up")
        .arg(&state)
        .arg(folder.join("venv"))
        .status()
        .map_err(|error| format!("cannot start {}: {error}", python.display()))?;
    if !status.success() {
        down(root)?;
        return Err("it did not start".to_owned());
    }
    println!(
        "\nrun the contract:  OPENSTACK_LAB={0} cargo test -p provision-openstack --test real -- --nocapture\n\
         use it:            OS_CLIENT_CONFIG_FILE={0}/clouds.yaml OS_CLOUD=demo cargo run -- -p openstack plans\n\
         end it:            cargo xtask openstack down",
        state.display()
    );
    Ok(ExitCode::SUCCESS)
}

/// Ends what `up` started.
pub(crate) fn down(root: &Path) -> Result<ExitCode> {
    let folder = cargo::target_directory(root)?.join("openstack");
    let python = python_of(&folder.join("venv"));
    if !python.is_file() {
        println!("nothing runs");
        return Ok(ExitCode::SUCCESS);
    }
    let status = lab(root, &python, "down")
        .arg(folder.join("state"))
        .status()
        .map_err(|error| format!("cannot start {}: {error}", python.display()))?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn lab(root: &Path, python: &Path, what: &str) -> Command {
    let mut command = Command::new(python);
    // Byte code would land beside the sources.
    command
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg(root.join(FOLDER).join("lab.py"))
        .arg(what);
    command
}

fn python_of(venv: &Path) -> PathBuf {
    venv.join("bin").join("python")
}

/// The Python of a virtual environment with the services in it. One that is there is used again unless the constraints have
/// changed since.
fn environment(root: &Path, venv: &Path) -> Result<PathBuf> {
    let wanted = read(root, CONSTRAINTS)?;
    let python = python_of(venv);
    // Written last, so that an environment which was broken off is made again.
    let mark = venv.join("constraints.txt");
    if std::fs::read_to_string(&mark).is_ok_and(|made| made == wanted) && python.is_file() {
        return Ok(python);
    }
    let made = Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(venv)
        .output();
    said(made, "python3 cannot make a virtual environment")?;
    let mut pip = Command::new(&python);
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--constraint",
    ])
    .arg(root.join(CONSTRAINTS))
    .args(PACKAGES);
    said(pip.output(), "OpenStack cannot be installed")?;
    std::fs::write(&mark, wanted).map_err(|error| format!("{}: cannot be written: {error}", mark.display()))?;
    Ok(python)
}

/// Fails with the last thing that a command complained about.
fn said(output: std::io::Result<std::process::Output>, what: &str) -> Result<()> {
    let output = output.map_err(|error| format!("{what}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let last = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
    Err(format!("{what}: {last}"))
}

fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut candidates = std::env::split_paths(&path).map(|folder| folder.join(program));
    candidates.find(|candidate| candidate.is_file())
}
