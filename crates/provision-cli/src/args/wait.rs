use clap::Args;

use super::TableArgs;
use crate::{duration::TimeSpan, ready::Check};

#[derive(Debug, Args)]
pub(crate) struct WaitArgs {
    /// The hosts, by name or id
    #[arg(required = true, value_name = "NAME|ID")]
    pub(crate) hosts: Vec<String>,

    /// Wait until the host is gone instead
    #[arg(long)]
    pub(crate) deleted: bool,

    /// Wait until this answers, too: tcp:22, http://:80/path or https://NAME/path; without a name it is the host's address;
    /// repeatable
    #[arg(long, value_name = "CHECK", conflicts_with = "deleted")]
    pub(crate) wait_for: Vec<Check>,

    /// Give up after this time
    #[arg(long, value_name = "TIME", default_value = "10m")]
    pub(crate) timeout: TimeSpan,

    #[command(flatten)]
    pub(crate) table: TableArgs,
}
