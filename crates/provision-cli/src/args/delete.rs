use std::net::IpAddr;

use clap::Args;

use crate::duration::TimeSpan;

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
