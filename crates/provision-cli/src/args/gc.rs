use clap::{Args, ValueEnum};

use std::time::Duration;

use super::TableArgs;
use crate::duration::TimeSpan;

#[derive(Debug, Args)]
pub(crate) struct GcArgs {
    /// Delete; without it the hosts are only shown
    #[arg(long)]
    pub(crate) delete: bool,

    /// Print what runs `gc --delete` every hour, ready to be used, and do nothing else
    #[arg(long, value_enum, value_name = "KIND", conflicts_with = "delete")]
    pub(crate) install: Option<InstallKind>,

    /// Look only in this region
    #[arg(short, long)]
    pub(crate) region: Option<String>,

    /// Give up on a host after this time
    #[arg(long, value_name = "TIME", default_value = "5m")]
    pub(crate) timeout: TimeSpan,

    #[command(flatten)]
    pub(crate) table: TableArgs,
}

impl InstallKind {
    /// As it is typed.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Systemd => "systemd",
            Self::Cron => "cron",
            Self::GithubActions => "github-actions",
        }
    }
}

impl GcArgs {
    /// The default of `--timeout`.
    pub(crate) const TIMEOUT: Duration = Duration::from_secs(300);
}

/// What runs the garbage collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum InstallKind {
    /// A shell script that writes and starts a timer of the user's systemd
    Systemd,
    /// A line for a crontab
    Cron,
    /// A workflow for a repository on GitHub
    GithubActions,
}
