//! The command line, as clap reads it. No logic here.

use std::{net::IpAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::duration::TimeSpan;

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

/// Options that every command takes.
#[derive(Debug, Args)]
pub(crate) struct Globals {
    /// The cloud, by id or alias [environment: PROVISION_PROVIDER; default: digitalocean]
    #[arg(short, long, global = true)]
    pub(crate) provider: Option<String>,

    /// Form of the data on stdout
    #[arg(short, long, global = true, value_enum, default_value_t = Format::Table)]
    pub(crate) output: Format,

    /// Use a simulated cloud inside this process: no account, no bill, state kept between commands
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
    #[arg(long = "set", global = true, value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) settings: Vec<(String, String)>,

    /// A setting of the provider read from a file, for tokens; repeatable
    #[arg(long = "secret-file", global = true, value_name = "NAME=FILE", value_parser = pair)]
    pub(crate) secret_files: Vec<(String, String)>,

    /// Configuration [environment: PROVISION_CONFIG; default: provision/config.toml in the user's config folder]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Show the requests on stderr, without secrets; twice for more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// Form of the data on stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// One JSON document.
    Json,
    /// One YAML document.
    Yaml,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create a host
    Create(Box<CreateArgs>),
    /// Show one host
    Status {
        /// The host's id, as `create` and `list` print it
        id: String,
    },
    /// List the hosts that were created with this tool
    List(ListArgs),
    /// Wait until a host is active
    Wait(WaitArgs),
    /// Delete a host and everything that was created for it
    Delete(DeleteArgs),
    /// List the plans with their prices
    Plans(CatalogArgs),
    /// List the images
    Images(CatalogArgs),
    /// List the regions
    Regions,
    /// List the clouds that this tool knows
    Providers,
    /// Delete hosts whose time to live has passed; only shows them unless told to
    Gc(GcArgs),
    /// The simulator of all clouds
    #[command(subcommand)]
    Sim(SimCommand),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// Name of the host: 1 to 63 characters of a-z, 0-9 and `-`
    pub(crate) name: String,

    /// What the host runs at first boot: a script or a cloud-config; `-` is stdin; several are combined
    #[arg(short, long, value_name = "FILE")]
    pub(crate) user_data: Vec<PathBuf>,

    /// Region or zone
    #[arg(short, long)]
    pub(crate) region: Option<String>,

    /// Plan, as `provision plans` lists them
    #[arg(long)]
    pub(crate) plan: Option<String>,

    /// Image, as `provision images` lists them
    #[arg(long)]
    pub(crate) image: Option<String>,

    /// A label; repeatable
    #[arg(short, long = "label", value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) labels: Vec<(String, String)>,

    /// An inbound port to leave open, such as 80, 53/udp or 8000-8100; repeatable; without any all are open
    #[arg(long = "port", value_name = "PORT")]
    pub(crate) ports: Vec<provision::PortRange>,

    /// An SSH key to install, in the form that the cloud wants; repeatable
    #[arg(long = "ssh-key", value_name = "KEY")]
    pub(crate) ssh_keys: Vec<String>,

    /// What the host is known by: the same key never makes a second host [default: its name]
    #[arg(long)]
    pub(crate) key: Option<String>,

    /// Let `provision gc` delete the host after this time, such as 2h or 7d
    #[arg(long, value_name = "TIME")]
    pub(crate) ttl: Option<TimeSpan>,

    /// A setting of this cloud's hosts, see `provision providers -o yaml`; repeatable
    #[arg(short = 'x', long = "set-additional", value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) additional: Vec<(String, String)>,

    /// Wait until the host is active
    #[arg(short, long)]
    pub(crate) wait: bool,

    /// Give up after this time, such as 90s [default: 2m without --wait, 10m with it]
    #[arg(long, value_name = "TIME")]
    pub(crate) timeout: Option<TimeSpan>,

    /// Check everything that can be checked and show what would be asked for; no request is made
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only this region
    #[arg(short, long)]
    pub(crate) region: Option<String>,

    /// Every region, on clouds where one list does not cover them all
    #[arg(long, conflicts_with = "region")]
    pub(crate) all_regions: bool,

    /// Only hosts with this label; repeatable
    #[arg(short, long = "label", value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) labels: Vec<(String, String)>,

    /// Only the hosts with this name
    #[arg(long)]
    pub(crate) name: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct WaitArgs {
    /// The host's id, as `create` and `list` print it
    pub(crate) id: String,

    /// Wait until the host is gone instead
    #[arg(long)]
    pub(crate) deleted: bool,

    /// Give up after this time
    #[arg(long, value_name = "TIME", default_value = "10m")]
    pub(crate) timeout: TimeSpan,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// The host's id, as `create` and `list` print it
    #[arg(required_unless_present = "ip", conflicts_with = "ip")]
    pub(crate) id: Option<String>,

    /// The host's public address, instead of its id; only hosts created with this tool are looked at
    #[arg(long)]
    pub(crate) ip: Option<IpAddr>,

    /// With --ip: look only in this region
    #[arg(short, long, requires = "ip")]
    pub(crate) region: Option<String>,

    /// Repeat until nothing is left
    #[arg(short, long)]
    pub(crate) wait: bool,

    /// Give up after this time
    #[arg(long, value_name = "TIME", default_value = "10m")]
    pub(crate) timeout: TimeSpan,
}

#[derive(Debug, Args)]
pub(crate) struct CatalogArgs {
    /// As offered in this region
    #[arg(short, long)]
    pub(crate) region: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct GcArgs {
    /// Delete; without it the hosts are only shown
    #[arg(long)]
    pub(crate) delete: bool,

    /// Look only in this region
    #[arg(short, long)]
    pub(crate) region: Option<String>,

    /// Give up on a host after this time
    #[arg(long, value_name = "TIME", default_value = "5m")]
    pub(crate) timeout: TimeSpan,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SimCommand {
    /// Serve all simulated clouds; the base URL is the first line on stdout
    Serve(ServeArgs),
    /// Print lines for a hosts file that send programs to the simulator
    Hosts {
        /// Address of the simulator
        #[arg(long, default_value = "127.0.0.1")]
        ip: IpAddr,
    },
    /// Show everything that exists and bills in the simulated clouds
    Inventory,
    /// Empty the simulated clouds
    Reset,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    pub(crate) listen: std::net::SocketAddr,

    /// Serve https by host name, with certificates made on the spot
    #[arg(long)]
    pub(crate) tls: bool,

    /// Write the certificate authority that clients have to trust to this file
    #[arg(long, value_name = "FILE", requires = "tls")]
    pub(crate) ca_out: Option<PathBuf>,

    /// Until a host is active
    #[arg(long, value_name = "TIME", default_value = "3s")]
    pub(crate) boot_time: TimeSpan,

    /// Make something go wrong, such as `reset-after:method=POST,times=1`; repeatable
    #[arg(long = "fault", value_name = "FAULT")]
    pub(crate) faults: Vec<provision_sim::Fault>,
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
    fn the_arguments_are_consistent() {
        super::Cli::command().debug_assert();
    }
}
