#![doc = include_str!("../README.md")]

mod args;
mod commands;
mod config;
mod context;
mod duration;
mod environment;
mod exchange;
mod failure;
mod files;
mod filter;
mod help;
mod id;
mod interrupt;
mod log;
mod output;
mod price;
mod progress;
mod ready;
mod seen;
mod settings;
mod simulator;
mod size;
mod terminal;
mod user_data;

use std::process::ExitCode;

use clap::FromArgMatches as _;
use clap_complete::CompleteEnv;

use crate::{
    args::Cli,
    failure::Exit,
    progress::{complain, hint},
};

/// Reads the command line, runs the command and returns its exit code.
#[must_use]
pub fn main() -> ExitCode {
    #[cfg(panic = "abort")]
    exit_on_panic();
    // A shell that asks for completions is answered here, and the process ends.
    CompleteEnv::with_factory(help::command).complete();
    let mut command = help::command();
    let parsed = command.try_get_matches_from_mut(std::env::args_os());
    let parsed = parsed.and_then(|matches| Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command)));
    let mut cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            // Also help and version, on stdout and with exit code 0. A closed pipe is not worth a word.
            let _ = error.print();
            let arguments: Vec<String> = std::env::args_os()
                .map(|argument| argument.to_string_lossy().into_owned())
                .collect();
            if let Some(ours) = help::hint_for(&error, &command, &arguments) {
                hint(&ours);
            }
            return ExitCode::from(if error.use_stderr() { Exit::Usage } else { Exit::Ok });
        }
    };
    let filled = environment::fill(&mut cli.globals);
    progress::begin(cli.globals.quiet, cli.globals.output);
    environment::warn_about_unknown();
    log::start(cli.globals.verbose);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let exit = match runtime {
        Ok(runtime) => filled.and_then(|()| runtime.block_on(commands::run(cli))),
        Err(error) => Err(failure::Failure::other("cannot start the async runtime", &error)),
    };
    exit.unwrap_or_else(|failure| {
        complain(&failure);
        failure.exit()
    })
    .into()
}

/// Where a panic would end the process by a signal, such as in the profile `dist`, it ends with the exit code that a panic has
/// elsewhere.
#[cfg(panic = "abort")]
fn exit_on_panic() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        usual(panic);
        std::process::exit(101);
    }));
}
