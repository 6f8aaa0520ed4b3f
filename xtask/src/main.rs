//! The workspace's own tasks: `cargo xtask <task>`. Plain Rust and few dependencies, so that a task starts at once.
//! Imports no workspace crate: what it knows of them it reads from `providers.toml`, `cargo metadata` and the command
//! line tool's JSON.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a task talks to the terminal")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

mod api;
mod bench;
mod cargo;
mod cloud_config;
mod crds;
mod dev_cluster;
mod features;
mod generate;
mod man;
mod manifest;
mod matrix;
mod new_provider;
mod openstack;
mod oracles;
mod tidy;

/// An error is a sentence for whoever ran the task: what is wrong and what to do.
type Result<T> = std::result::Result<T, String>;

const USAGE: &str = "\
usage: cargo xtask <task>

tasks:
  generate            write the generated blocks from providers.toml and from the providers' own facts
  generate --check    write nothing; fail when a block is stale or missing
  tidy                check what imports what, the standard file set, file sizes, links and more
  matrix              run the contract suite of every provider and print the table provider x case; --report FOLDER only
                      prints what an earlier run with PROVISION_MATRIX_REPORT=FOLDER left
  matrix --faults [-p CLOUD[,CLOUD]] [--case NAME] [--seed NUMBER]
                      run every fault at every request of every operation and write docs/faults.md; minutes. With a seed, the share
                      that `cargo test` runs, drawn with it
  oracles [--only NAMES]
                      run the vendors' Python SDKs against the simulator and print the table SDK x case
  features            check that each feature of the umbrella compiles alone and pulls in no other provider
  api [--check]       write the public API of each library crate to its api.txt, or fail when that is stale: a change there is
                      a change for users
  crds [--check]      write the operator's resource definitions to deploy/, or fail when they are stale there
  dev-cluster [--provider ID]
                      start etcd, kube-apiserver and the simulator for work on the operator, and print the commands
  openstack up|down   start a real OpenStack control plane on loopback, and end it; needs Python, its package index and MariaDB
  man [FOLDER]        write the command line tool's manual pages, to target/man
  cloud-config SCHEMA VERSION DATE
                      write the table of a cloud-config's keys from the JSON schema of that version of cloud-init, of that day
  bench operator      measure the operator with 2,000 Tunnels against the simulator
  bench poller        measure the requests of a look at 1, 100 and 5,000 hosts of each cloud
  bench sim           measure the requests a second of a simulator with 10,000 hosts
  new-provider ID [--type NAME] [--maintainer @USER]
                      add a cloud: crate, simulator module and row in providers.toml
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let root = workspace_root();
    let done = match arguments.as_slice() {
        ["generate"] => generate::run(&root, generate::Mode::Write),
        ["generate", "--check"] => generate::run(&root, generate::Mode::Check),
        ["tidy"] => tidy::run(&root),
        ["matrix", rest @ ..] => matrix::run(&root, rest),
        ["oracles"] => oracles::run(&root, None),
        ["oracles", "--only", names] => oracles::run(&root, Some(names)),
        ["features"] => features::run(&root),
        ["api"] => api::run(&root, generate::Mode::Write),
        ["api", "--check"] => api::run(&root, generate::Mode::Check),
        ["crds"] => crds::run(&root, generate::Mode::Write),
        ["crds", "--check"] => crds::run(&root, generate::Mode::Check),
        ["dev-cluster", rest @ ..] => dev_cluster::run(&root, rest),
        ["openstack", "up"] => openstack::up(&root),
        ["openstack", "down"] => openstack::down(&root),
        ["man"] => man::run(&root, None),
        ["man", folder] => man::run(&root, Some(folder)),
        ["cloud-config", schema, version, date] => cloud_config::run(&root, schema, version, date),
        ["bench", name] => bench::run(&root, name),
        ["new-provider", rest @ ..] if !rest.is_empty() => new_provider::run(&root, rest),
        ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    done.unwrap_or_else(|message| {
        eprintln!("error: {message}");
        ExitCode::FAILURE
    })
}

/// The folder above this crate. Cargo says where that is when it runs the task, so a moved checkout needs no rebuild.
fn workspace_root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    here.parent().map_or_else(|| here.clone(), Path::to_path_buf)
}

/// Reads a file of the workspace; `path` is relative to its root.
fn read(root: &Path, path: &str) -> Result<String> {
    std::fs::read_to_string(root.join(path)).map_err(|error| format!("{path}: cannot be read: {error}"))
}

/// Writes a file of the workspace, with the folders above it; `path` is relative to its root.
fn write(root: &Path, path: &str, text: &str) -> Result<()> {
    let full = root.join(path);
    let written = full
        .parent()
        .map_or(Ok(()), std::fs::create_dir_all)
        .and_then(|()| std::fs::write(&full, text));
    written.map_err(|error| format!("{path}: cannot be written: {error}"))
}
