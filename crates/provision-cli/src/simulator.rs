//! The simulator inside this process, for `--sim`.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use etcetera::BaseStrategy as _;
use provision::Settings;
use provision_sim::{Clock, Server, Sim};

use crate::{
    args::Globals,
    failure::{Exit, Failure, Outcome},
};

/// Opens the simulated clouds of a state file, which is made when it is missing. Its clock is the computer's.
pub(crate) fn open(globals: &Globals) -> Outcome<Sim> {
    open_with(
        Some(&state_file(globals.sim_state.as_deref())?),
        globals.sim_boot_time.0,
        false,
    )
}

/// Opens the simulated clouds of a state file, or empty ones in memory, which keep to the limits that they announce or do not.
pub(crate) fn open_with(state: Option<&Path>, boot_time: Duration, limits: bool) -> Outcome<Sim> {
    // Going takes two thirds of the time that coming does.
    let mut builder = Sim::builder()
        .clock(Clock::system())
        .boot_time(boot_time)
        .enforce_limits(limits)
        .delete_time(boot_time * 2 / 3);
    if let Some(path) = state {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)
                .map_err(|error| Failure::other(format!("cannot make the folder {}", folder.display()), &error))?;
        }
        builder = builder.state_file(path.to_owned());
    }
    let shown = || state.map_or_else(|| "in memory".to_owned(), |path| path.display().to_string());
    builder.build().map_err(|error| {
        Failure::other(format!("cannot open the simulated clouds {}", shown()), &error)
            .hint("--sim-state names another file")
    })
}

/// The state file: the given one, or the one in the user's state folder.
pub(crate) fn state_file(given: Option<&Path>) -> Outcome<PathBuf> {
    if let Some(path) = given {
        return Ok(path.to_owned());
    }
    let folders = etcetera::choose_base_strategy().map_err(|error| {
        Failure::other("cannot find the user's state folder", &error).hint("name a file with --sim-state")
    })?;
    // Windows has no folder for state.
    let folder = folders.state_dir().unwrap_or_else(|| folders.data_dir());
    Ok(folder.join("provision").join("sim.json"))
}

/// Serves the simulated clouds on a free port of the loopback interface.
pub(crate) async fn serve(sim: &Sim) -> Outcome<Server> {
    sim.serve(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        .await
        .map_err(|error| Failure::other("cannot serve the simulated clouds on 127.0.0.1", &error))
}

/// The settings that lead a provider to a server of simulated clouds.
pub(crate) fn settings(server: &Server, provider: &str) -> Outcome<Settings> {
    let cloud = provision_sim::clouds()
        .into_iter()
        .find(|cloud| cloud.id == provider)
        .ok_or_else(|| Failure::new(Exit::Usage, format!("there is no simulator of `{provider}` yet")))?;
    let mut settings: Settings = cloud.settings.iter().copied().collect();
    settings.set("endpoint", format!("{}{}", server.base_url(), cloud.endpoint_path));
    Ok(settings)
}
