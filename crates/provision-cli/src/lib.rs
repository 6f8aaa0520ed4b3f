#![doc = include_str!("../README.md")]

mod args;
mod commands;
mod config;
mod context;
mod duration;
mod failure;
mod id;
mod interrupt;
mod log;
mod output;
mod progress;
mod simulator;

use std::process::ExitCode;

use clap::Parser as _;

use crate::{args::Cli, failure::Exit, progress::complain};

/// Reads the command line, runs the command and returns its exit code.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Also help and version, on stdout and with exit code 0. A closed pipe is not worth a word.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { Exit::Usage } else { Exit::Ok });
        }
    };
    log::start(cli.globals.verbose);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let exit = match runtime {
        Ok(runtime) => runtime.block_on(commands::run(cli)),
        Err(error) => Err(failure::Failure::other("cannot start the async runtime", &error)),
    };
    exit.unwrap_or_else(|failure| {
        complain(&failure);
        failure.exit()
    })
    .into()
}
