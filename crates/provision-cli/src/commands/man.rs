use std::path::Path;

use crate::{
    failure::{Exit, Failure, Outcome},
    help,
    progress::say,
};

/// `provision man FOLDER`: a manual page for each command.
pub(super) fn run(folder: &Path) -> Outcome {
    let failed =
        |error: std::io::Error| Failure::other(format!("cannot write manual pages to {}", folder.display()), &error);
    std::fs::create_dir_all(folder).map_err(failed)?;
    clap_mangen::generate_to(help::command(), folder).map_err(failed)?;
    say(&format!("manual pages are in {}", folder.display()));
    Ok(Exit::Ok)
}
