//! The command line, as clap reads it: a file for each command. No logic here.

mod catalog;
mod config;
mod create;
mod delete;
mod gc;
mod globals;
mod inlets;
mod list;
mod login;
mod sim;
mod status;
mod table;
mod user_data;
mod wait;

use std::ffi::OsStr;

use clap::{Arg, Parser, Subcommand, builder::TypedValueParser, error::ErrorKind};
use clap_complete::Shell;

pub(crate) use catalog::{ImagesArgs, PlansArgs, RegionsArgs, SizeArgs};
pub(crate) use config::ConfigCommand;
pub(crate) use create::CreateArgs;
pub(crate) use delete::DeleteArgs;
pub(crate) use gc::{GcArgs, InstallKind};
pub(crate) use globals::{Format, Globals};
pub(crate) use inlets::{InletsCommand, InletsCreateArgs, InletsDeleteArgs, InletsStatusArgs, InletsctlArgs};
pub(crate) use list::ListArgs;
pub(crate) use login::LoginArgs;
pub(crate) use sim::{ServeArgs, SimCommand};
pub(crate) use status::StatusArgs;
pub(crate) use table::TableArgs;
pub(crate) use user_data::{CheckArgs, UserDataCommand, UserDataOptions};
pub(crate) use wait::WaitArgs;

/// Create, watch, list and delete cheap cloud hosts.
///
/// stdout is data, stderr is progress and hints. Exit codes: 0 ok, 1 error, 2 usage, 3 not found, 4 credentials,
/// 5 quota or capacity, 6 timed out (the host is kept and its id printed), 130 interrupted.
#[derive(Debug, Parser)]
#[command(name = "provision", version, propagate_version = true, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create a host
    Create(Box<CreateArgs>),
    /// Show one host
    Status(StatusArgs),
    /// List the hosts that were created with this tool
    List(ListArgs),
    /// Wait until a host is active
    Wait(WaitArgs),
    /// Delete a host and everything that was created for it
    Delete(DeleteArgs),
    /// List the plans with their prices
    Plans(PlansArgs),
    /// List the images
    Images(ImagesArgs),
    /// List the regions
    Regions(RegionsArgs),
    /// List the clouds that this tool knows
    Providers(TableArgs),
    /// Delete hosts whose time to live has passed; only shows them unless told to
    Gc(GcArgs),
    /// Servers of inlets tunnels: a public address for something private
    #[command(subcommand)]
    Inlets(Box<InletsCommand>),
    /// Store the credentials of a cloud, after a look whether they work
    ///
    /// A secret is read without showing it. From a pipe each line is one setting, in the order in which they are asked for. They
    /// are stored in credentials.toml beside the configuration, which only you can read.
    Login(LoginArgs),
    /// Look at the credentials of every cloud: where they come from, whether they work, what to do
    Doctor,
    /// Profiles, defaults and where settings come from
    #[command(subcommand)]
    Config(ConfigCommand),
    /// What hosts run at first boot
    #[command(subcommand)]
    UserData(UserDataCommand),
    /// The simulator of all clouds
    #[command(subcommand)]
    Sim(SimCommand),
    /// Write the manual pages to a folder
    Man {
        /// The folder, such as /usr/local/share/man/man1
        folder: std::path::PathBuf,
    },
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// `NAME=VALUE` where the value may be a secret. clap's own error would repeat the text.
#[derive(Debug, Clone, Copy)]
struct SecretPair;

impl TypedValueParser for SecretPair {
    type Value = (String, String);

    fn parse_ref(
        &self,
        command: &clap::Command,
        option: Option<&Arg>,
        text: &OsStr,
    ) -> Result<Self::Value, clap::Error> {
        text.to_str().and_then(|text| pair(text).ok()).ok_or_else(|| {
            let option = option.map(ToString::to_string).unwrap_or_default();
            let message = format!("a value of `{option}` is not of this form\n");
            clap::Error::raw(ErrorKind::ValueValidation, message).with_cmd(command)
        })
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        // The text is not repeated: it may be a secret.
        _ => Err("write NAME=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_page_of_commands_names_each() {
        let page = include_str!("../COMMANDS.md");
        let mut commands = vec![(String::new(), super::Cli::command())];
        while let Some((path, command)) = commands.pop() {
            for below in command.get_subcommands() {
                let name = format!("{path}{}", below.get_name());
                let leaf = below.get_subcommands().next().is_none();
                assert!(
                    !leaf || page.contains(&format!("| `{name}")),
                    "`{name}` is not in COMMANDS.md"
                );
                commands.push((format!("{name} "), below.clone()));
            }
        }
    }

    #[test]
    fn the_arguments_are_consistent() {
        super::Cli::command().debug_assert();
    }
}
