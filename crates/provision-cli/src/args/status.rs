use clap::Args;

use super::TableArgs;

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// The hosts, by name or id
    #[arg(required = true, value_name = "NAME|ID")]
    pub(crate) hosts: Vec<String>,

    #[command(flatten)]
    pub(crate) table: TableArgs,
}
