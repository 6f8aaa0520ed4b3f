//! The command line with what its types do not say: aliases, examples, and values for completion.

mod examples;
mod peers;
mod values;

use clap::{Command, CommandFactory as _};

pub(crate) use peers::hint_for;

use crate::args::Cli;

/// Names by which peers have our commands.
const ALIASES: [(&str, &[&str]); 3] = [("list", &["ls"]), ("delete", &["rm"]), ("status", &["show", "get"])];

/// The whole command line.
pub(crate) fn command() -> Command {
    let mut command = Cli::command();
    for (name, aliases) in ALIASES {
        command = command.mut_subcommand(name, |command| command.visible_aliases(aliases));
    }
    values::attach(examples::attach(command, &mut Vec::new()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }
}
