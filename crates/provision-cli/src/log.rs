//! Traces of what is sent, on stderr, for `-v`.

use std::io;

use tracing_subscriber::EnvFilter;

use crate::terminal::stderr_has_colors;

/// Shows our own crates' traces: once for requests and answers, twice for everything. Never those of the HTTP libraries,
/// which may show headers.
pub(crate) fn start(verbosity: u8) {
    let level = match verbosity {
        0 => return,
        1 => "provision=debug",
        _ => "provision=trace",
    };
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(level))
        .with_writer(io::stderr)
        .with_ansi(stderr_has_colors())
        .init();
}
