use clap::Args;

use super::pair;

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only this region
    #[arg(short, long)]
    pub(crate) region: Option<String>,

    /// Every region, on clouds where one list does not cover them all
    #[arg(long, conflicts_with = "region")]
    pub(crate) all_regions: bool,

    /// Only hosts with this label; repeatable
    #[arg(short, long = "label", value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) labels: Vec<(String, String)>,

    /// Only the hosts with this name
    #[arg(long)]
    pub(crate) name: Option<String>,
}
