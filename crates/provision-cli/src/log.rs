//! Traces of what is sent, on stderr, for `-v`.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

/// Shows our own crates' traces: once for requests and answers, twice for everything. Never those of the HTTP libraries,
/// which may show headers.
pub(crate) fn start(verbosity: u8) {
    let level = match verbosity {
        0 => return,
        1 => "provision=debug",
        _ => "provision=trace",
    };
    let colors = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(level))
        .with_writer(io::stderr)
        .with_ansi(colors)
        .init();
}
