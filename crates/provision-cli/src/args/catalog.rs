use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct CatalogArgs {
    /// As offered in this region
    #[arg(short, long)]
    pub(crate) region: Option<String>,
}
