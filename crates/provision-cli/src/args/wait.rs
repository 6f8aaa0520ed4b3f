use clap::Args;

use crate::duration::TimeSpan;

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
