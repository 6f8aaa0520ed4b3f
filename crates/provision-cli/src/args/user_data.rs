use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::SecretPair;

#[derive(Debug, Subcommand)]
pub(crate) enum UserDataCommand {
    /// Look for what is wrong with user data, without a cloud
    ///
    /// Reports what cloud-init could not use, with its line: YAML that does not parse is an error, an unknown key or a text
    /// where a list belongs a warning. Exits with 2 when there is an error.
    Check(CheckArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// User data; `-` is stdin
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) options: UserDataOptions,
}

/// How user data is read.
#[derive(Debug, Args)]
pub(crate) struct UserDataOptions {
    /// Put VALUE, or what is in FILE, in the place of `${NAME}` in the user data; repeatable
    #[arg(long = "var", value_name = "NAME=VALUE|@FILE", value_parser = SecretPair)]
    pub(crate) variables: Vec<(String, String)>,

    /// Refuse user data in which anything looks wrong
    #[arg(long)]
    pub(crate) strict: bool,
}
