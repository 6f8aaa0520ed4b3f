use std::path::PathBuf;

use clap::Args;

use super::{SizeArgs, TableArgs, UserDataOptions, pair};
use crate::{duration::TimeSpan, ready::Check};

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// Names of the hosts: 1 to 63 characters of a-z, 0-9 and `-`; a host for each
    #[arg(required_unless_present = "count", value_name = "NAME")]
    pub(crate) names: Vec<String>,

    /// So many hosts, called by --name-prefix and a number from 1
    #[arg(long, value_name = "NUMBER", requires = "name_prefix", conflicts_with = "names", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) count: Option<u16>,

    /// What the names of --count begin with: `web` makes web-1, web-2, ...
    #[arg(long, value_name = "PREFIX", requires = "count")]
    pub(crate) name_prefix: Option<String>,

    /// What the host runs at first boot: a script, a cloud-config or any other format of cloud-init; `-` is stdin; several are
    /// combined
    #[arg(short, long, value_name = "FILE")]
    pub(crate) user_data: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) user_data_options: UserDataOptions,

    /// Region or zone; of several separated by commas the next one is taken when there is no room in the one before.
    /// PROVIDER/REGION counts for one cloud of several
    #[arg(short, long = "region", value_name = "REGION", value_delimiter = ',')]
    pub(crate) regions: Vec<String>,

    /// Plan, as `provision plans` lists them, or `cheapest`; several as with --region
    #[arg(long = "plan", value_name = "PLAN", value_delimiter = ',')]
    pub(crate) plans: Vec<String>,

    #[command(flatten)]
    pub(crate) size: SizeArgs,

    /// Image, as `provision images` lists them
    #[arg(long)]
    pub(crate) image: Option<String>,

    /// A label; repeatable
    #[arg(short, long = "label", value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) labels: Vec<(String, String)>,

    /// An inbound port to leave open, such as 80, 53/udp or 8000-8100; repeatable, or 80,443; without any all are open
    #[arg(long = "port", value_name = "PORT", value_delimiter = ',')]
    pub(crate) ports: Vec<provision::PortRange>,

    /// An SSH key to install, in the form that the cloud wants; repeatable
    #[arg(long = "ssh-key", value_name = "KEY")]
    pub(crate) ssh_keys: Vec<String>,

    /// What the host is known by: the same key never makes a second host [default: its name]
    #[arg(long, conflicts_with = "count")]
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

    /// Wait until this answers, too: tcp:22, http://:80/path or https://NAME/path; without a name it is the host's address;
    /// repeatable
    #[arg(long, value_name = "CHECK")]
    pub(crate) wait_for: Vec<Check>,

    /// Give up after this time, such as 90s [default: 2m without --wait, 10m with it]
    #[arg(long, value_name = "TIME")]
    pub(crate) timeout: Option<TimeSpan>,

    /// Check everything that can be checked and show what would be asked for; no request is made
    #[arg(long)]
    pub(crate) dry_run: bool,

    #[command(flatten)]
    pub(crate) table: TableArgs,
}
