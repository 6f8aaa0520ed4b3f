//! A question before more is deleted than is easily made again, where somebody sits at a terminal.

use std::io::{self, BufRead as _, Write as _};

use provision::ErrorKind;

use crate::{
    commands::target::Targets,
    failure::{Failure, Outcome},
    terminal::{clean, is_interactive},
};

/// Whether to go on: asks for several hosts, and for one that does not carry our marker.
pub(super) async fn ask(targets: &Targets) -> Outcome<bool> {
    if targets.all.is_empty() || !is_interactive() {
        return Ok(true);
    }
    let mut lines = Vec::new();
    let mut foreign = false;
    for target in &targets.all {
        let cloud = targets.cloud(target)?;
        let read = match &target.host {
            Some(host) => Some(host.clone()),
            // An id may be of any host of the account.
            None => match cloud.provisioner.status(&target.id).await {
                Ok(host) => Some(host),
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidRequest) => None,
                Err(error) => return Err(target.failure(cloud, error)),
            },
        };
        let Some(host) = read else { continue };
        let ip = host.ip.map_or_else(|| "no address".to_owned(), |ip| ip.to_string());
        let mark = if host.labels.is_managed() {
            ""
        } else {
            "  not created with this tool"
        };
        foreign |= !host.labels.is_managed();
        lines.push(format!("  {}  {}  {ip}{mark}", host.host_ref(), host.name));
    }
    if lines.len() < 2 && !foreign {
        return Ok(true);
    }
    let failed = |error: io::Error| Failure::other("cannot ask", &error).hint("--yes deletes without asking");
    let mut stderr = io::stderr().lock();
    for line in &lines {
        writeln!(stderr, "{}", clean(line)).map_err(failed)?;
    }
    let what = if lines.len() == 1 {
        "this host".to_owned()
    } else {
        format!("these {} hosts", lines.len())
    };
    write!(stderr, "Delete {what}? [y/N] ")
        .and_then(|()| stderr.flush())
        .map_err(failed)?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(failed)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
