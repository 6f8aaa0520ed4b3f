use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{SecretPair, pair};
use crate::duration::TimeSpan;

/// Options that every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Globals {
    /// The cloud, by id or alias; several separated by commas, or `all` with credentials [environment: PROVISION_PROVIDER;
    /// default: digitalocean]
    #[arg(short, long, global = true)]
    pub(crate) provider: Option<String>,

    /// A profile of the configuration, for several accounts of one cloud [environment: PROVISION_PROFILE]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,

    /// Form of the data on stdout [environment: PROVISION_OUTPUT; default: table]
    #[arg(short, long, global = true, value_enum)]
    pub(crate) output: Option<Format>,

    /// Use a simulated cloud inside this process: no account, no bill, state kept between commands [environment:
    /// PROVISION_SIM]
    #[arg(long, global = true)]
    pub(crate) sim: bool,

    /// File for the simulated clouds' state [default: provision/sim.json in the user's state folder]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) sim_state: Option<PathBuf>,

    /// Until a host of `--sim` is active
    #[arg(
        long,
        global = true,
        value_name = "TIME",
        env = "PROVISION_SIM_BOOT_TIME",
        default_value = "3s"
    )]
    pub(crate) sim_boot_time: TimeSpan,

    /// Base URL of the cloud's API instead of the public one
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) endpoint: Option<String>,

    /// A setting of the provider, see `provision providers -o yaml`; repeatable
    #[arg(long = "set", global = true, value_name = "NAME=VALUE", value_parser = SecretPair)]
    pub(crate) settings: Vec<(String, String)>,

    /// A setting of the provider read from a file, for tokens; repeatable
    #[arg(long = "secret-file", global = true, value_name = "NAME=FILE", value_parser = pair)]
    pub(crate) secret_files: Vec<(String, String)>,

    /// Configuration [environment: PROVISION_CONFIG; default: provision/config.toml in the user's config folder]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Nothing on stderr but warnings and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,

    /// Show the requests on stderr, without secrets; twice for more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// Form of the data on stdout.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Table,
    /// A table with every column, in full.
    Wide,
    /// Only the names of the rows, one a line: of hosts their ids.
    Name,
    /// One JSON document.
    Json,
    /// One YAML document.
    Yaml,
}
