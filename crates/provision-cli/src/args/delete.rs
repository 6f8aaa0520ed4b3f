use std::net::IpAddr;

use clap::Args;

use super::TableArgs;
use crate::duration::TimeSpan;

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// The hosts, by name or id
    #[arg(required_unless_present = "ip", conflicts_with = "ip", value_name = "NAME|ID")]
    pub(crate) hosts: Vec<String>,

    /// The host's public address, instead of its id; only hosts created with this tool are looked at
    #[arg(long)]
    pub(crate) ip: Option<IpAddr>,

    /// With --ip: look only in this region
    #[arg(short, long, requires = "ip")]
    pub(crate) region: Option<String>,

    /// Repeat until nothing is left
    #[arg(short, long)]
    pub(crate) wait: bool,

    /// Do not ask before several hosts, or one that was not created with this tool, are deleted
    #[arg(short, long)]
    pub(crate) yes: bool,

    /// Give up after this time
    #[arg(long, value_name = "TIME", default_value = "10m")]
    pub(crate) timeout: TimeSpan,

    #[command(flatten)]
    pub(crate) table: TableArgs,
}
