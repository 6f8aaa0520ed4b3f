use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// The host's id, as `create` and `list` print it
    pub(crate) id: String,
}
