use clap::Args;

use super::TableArgs;
use crate::{duration::TimeSpan, filter::LabelFilter};

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only hosts with one of these names; `*` and `?` stand for any letters and any letter
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,

    /// Only this region
    #[arg(short, long)]
    pub(crate) region: Option<String>,

    /// Every region, which is the default
    #[arg(long, hide = true, conflicts_with = "region")]
    pub(crate) all_regions: bool,

    /// Only hosts with this label, in the form KEY, KEY=VALUE or KEY!=VALUE; repeatable
    #[arg(short, long = "label", value_name = "LABEL")]
    pub(crate) labels: Vec<LabelFilter>,

    /// Only hosts with this name, as the argument
    #[arg(long)]
    pub(crate) name: Option<String>,

    /// Look again and again until Ctrl-C, at most as often as this
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "10s")]
    pub(crate) watch: Option<TimeSpan>,

    #[command(flatten)]
    pub(crate) table: TableArgs,
}
