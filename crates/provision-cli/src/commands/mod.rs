//! The commands, one module each.

mod catalog;
mod create;
mod delete;
mod gc;
mod list;
mod providers;
mod sim;
mod status;
mod wait;

use clap::CommandFactory as _;

use crate::{
    args::{Cli, Command, SimCommand},
    context::Context,
    failure::{Exit, Outcome},
    output,
};

/// Runs one command.
pub(crate) async fn run(cli: Cli) -> Outcome {
    let Cli { globals, command } = cli;
    match command {
        // These need no cloud and no configuration.
        Command::Completions { shell } => completions(shell),
        Command::Sim(SimCommand::Serve(args)) => sim::serve(&globals, &args).await,
        Command::Sim(command) => sim::run(&globals, &command),
        command => {
            let context = Context::new(globals)?;
            match command {
                Command::Create(args) => create::run(&context, &args).await,
                Command::Status(args) => status::run(&context, &args).await,
                Command::List(args) => list::run(&context, &args).await,
                Command::Wait(args) => wait::run(&context, &args).await,
                Command::Delete(args) => delete::run(&context, &args).await,
                Command::Plans(args) => catalog::plans(&context, args.region).await,
                Command::Images(args) => catalog::images(&context, args.region).await,
                Command::Regions => catalog::regions(&context).await,
                Command::Gc(args) => gc::run(&context, &args).await,
                Command::Providers | Command::Completions { .. } | Command::Sim(_) => providers::run(&context),
            }
        }
    }
}

fn completions(shell: clap_complete::Shell) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "provision", &mut script);
    output::print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Ok)
}
