use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct LoginArgs {
    /// Store the credentials even when the look at the cloud fails for another reason than the credentials
    #[arg(long)]
    pub(crate) no_check: bool,
}
