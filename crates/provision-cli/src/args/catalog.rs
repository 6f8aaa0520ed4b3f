use clap::Args;

use super::TableArgs;
use crate::{exchange::Rate, size::Memory};

#[derive(Debug, Args)]
pub(crate) struct PlansArgs {
    /// As offered in this region
    #[arg(short, long)]
    pub(crate) region: Option<String>,

    #[command(flatten)]
    pub(crate) size: SizeArgs,

    /// Leave out what cannot be ordered now, as far as the cloud says
    #[arg(long)]
    pub(crate) available: bool,

    /// Only plans that cost at most this in a month
    #[arg(long, value_name = "AMOUNT", value_parser = amount)]
    pub(crate) max_price: Option<f64>,

    /// Prices in this currency, by the rates of --rate
    #[arg(long, value_name = "CODE", value_parser = currency)]
    pub(crate) currency: Option<String>,

    /// What one unit of a currency is worth in that of --currency, such as EUR=1.1; repeatable
    #[arg(
        long = "rate",
        value_name = "CODE=VALUE",
        requires = "currency",
        value_delimiter = ','
    )]
    pub(crate) rates: Vec<Rate>,

    #[command(flatten)]
    pub(crate) table: TableArgs,
}

/// How large a host has to be.
#[derive(Debug, Args, Clone, Copy)]
pub(crate) struct SizeArgs {
    /// At least this much memory, such as 1GiB or 512MiB
    #[arg(long, value_name = "SIZE")]
    pub(crate) min_memory: Option<Memory>,

    /// At least this many virtual processors
    #[arg(long, value_name = "NUMBER", value_parser = amount)]
    pub(crate) min_vcpus: Option<f64>,
}

#[derive(Debug, Args)]
pub(crate) struct ImagesArgs {
    /// As offered in this region
    #[arg(short, long)]
    pub(crate) region: Option<String>,

    #[command(flatten)]
    pub(crate) table: TableArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RegionsArgs {
    #[command(flatten)]
    pub(crate) table: TableArgs,
}

fn amount(text: &str) -> Result<f64, String> {
    let number: Option<f64> = text.parse().ok();
    number
        .filter(|number| number.is_finite() && *number > 0.0)
        .ok_or_else(|| "write a number above 0, such as 6 or 4.50".to_owned())
}

fn currency(text: &str) -> Result<String, String> {
    crate::exchange::code(text)
}
