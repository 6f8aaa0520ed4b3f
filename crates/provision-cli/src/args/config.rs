use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Write a configuration file to begin with, unless there is one
    Init,
    /// List the profiles and the clouds that they have settings of
    List,
    /// Show the settings that are in force, each with where it comes from; secrets are masked
    Show,
    /// Print where the configuration file is, or would be
    Path,
}
