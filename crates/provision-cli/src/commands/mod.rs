//! The commands, one module each.

mod catalog;
mod config;
mod create;
mod delete;
mod doctor;
mod ended;
mod gc;
mod inlets;
mod list;
mod login;
mod man;
mod providers;
mod sim;
mod status;
mod target;
mod user_data;
mod wait;

use clap_complete::env::Shells;

use crate::{
    args::{Cli, Command, SimCommand},
    context::Context,
    failure::{Exit, Failure, Outcome},
    interrupt::Interrupt,
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
        Command::Man { folder } => man::run(&folder),
        Command::Inlets(command) => inlets::run(globals, &command).await,
        command => {
            let context = Context::new(globals)?;
            // A login may make it.
            if !matches!(command, Command::Login(_)) {
                context.config.check_profile()?;
            }
            match command {
                Command::Create(args) => create::run(&context, &args).await,
                Command::Wait(args) => wait::run(&context, &args).await,
                Command::Delete(args) => delete::run(&context, &args).await,
                Command::Login(args) => login::run(&context, &args).await,
                Command::Config(command) => config::run(&context, &command),
                Command::UserData(command) => user_data::run(&context, &command),
                Command::Providers(args) => providers::run(&context, &args),
                command => {
                    let interrupt = Interrupt::listen()?;
                    let ended = interrupt.or(look(&context, command)).await;
                    ended.unwrap_or(Ok(Exit::Interrupted))
                }
            }
        }
    }
}

/// Commands that Ctrl-C may end anywhere.
async fn look(context: &Context, command: Command) -> Outcome {
    match command {
        Command::Status(args) => status::run(context, &args).await,
        Command::List(args) => list::run(context, &args).await,
        Command::Plans(args) => catalog::plans(context, &args).await,
        Command::Images(args) => catalog::images(context, &args).await,
        Command::Regions(args) => catalog::regions(context, &args).await,
        Command::Gc(args) => gc::run(context, &args).await,
        Command::Doctor => doctor::run(context).await,
        // The others have been run.
        _ => Ok(Exit::Ok),
    }
}

/// Prints what makes a shell ask this program for completions.
fn completions(shell: clap_complete::Shell) -> Outcome {
    let name = shell.to_string();
    let shells = Shells::builtins();
    let completer = shells
        .completer(&name)
        .ok_or_else(|| Failure::usage(format!("there are no completions for {name}")))?;
    let mut script = Vec::new();
    completer
        .write_registration("COMPLETE", "provision", "provision", "provision", &mut script)
        .map_err(|error| Failure::other("cannot write the completion script", &error))?;
    output::print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Ok)
}
