use clap::Args;

/// How a table looks.
#[derive(Debug, Args, Default)]
#[command(next_help_heading = "Table")]
pub(crate) struct TableArgs {
    /// Only these columns, in this order, separated by commas
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    pub(crate) columns: Vec<String>,

    /// Sort by this column; with `-` before it the other way round
    #[arg(long, value_name = "COLUMN", allow_hyphen_values = true)]
    pub(crate) sort: Option<String>,

    /// Leave the line with the titles out
    #[arg(long)]
    pub(crate) no_header: bool,
}
