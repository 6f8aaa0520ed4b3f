use clap::Args;

use super::TableArgs;
use crate::duration::TimeSpan;

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

    #[command(flatten)]
    pub(crate) table: TableArgs,
}
