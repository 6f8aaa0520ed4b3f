use clap::Args;

use super::TableArgs;
use crate::duration::TimeSpan;

#[derive(Debug, Args)]
pub(crate) struct WaitArgs {
    /// The hosts, by name or id
    #[arg(required = true, value_name = "NAME|ID")]
    pub(crate) hosts: Vec<String>,

    /// Wait until the host is gone instead
    #[arg(long)]
    pub(crate) deleted: bool,

    /// Give up after this time
    #[arg(long, value_name = "TIME", default_value = "10m")]
    pub(crate) timeout: TimeSpan,

    #[command(flatten)]
    pub(crate) table: TableArgs,
}
