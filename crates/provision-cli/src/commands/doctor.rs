//! `provision doctor`: what the credentials of each cloud are, and whether they work.

mod watch;

use std::{path::PathBuf, sync::Arc};

use futures_util::future::join_all;
use provision::{ErrorKind, ListFilter, ProviderInfo, Settings};
use serde::Serialize;

use self::watch::Watch;
use crate::{
    context::Context,
    failure::{Exit, Failure, Outcome},
    files, output,
    progress::warn,
    settings::Gathered,
};

/// Seconds by which the clocks may differ: vendors that sign with the time refuse requests some minutes apart.
const SKEW: i64 = 60;

/// What is known about a cloud.
#[derive(Serialize)]
struct Report {
    provider: &'static str,
    state: State,
    /// Where the credentials come from.
    credentials: Vec<Credential>,
    /// Vendors' tools that have credentials of their own, which are not read here.
    tools: Vec<Tool>,
    /// How far this computer's clock is ahead of the cloud's.
    clock_skew_seconds: Option<i64>,
    problem: Option<String>,
    remedy: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    /// There are no credentials.
    None,
    /// They do not work, or it could not be seen whether they do.
    Problem,
}

#[derive(Serialize)]
struct Credential {
    setting: &'static str,
    source: String,
}

#[derive(Serialize)]
struct Tool {
    tool: &'static str,
    file: PathBuf,
}

pub(super) async fn run(context: &Context) -> Outcome {
    if context.globals.sim {
        return Err(Failure::usage("simulated clouds need no credentials: leave --sim out"));
    }
    let selection = context.selection_or_every()?;
    let named = !selection.is_every();
    let globals = &context.globals;
    let has_options = globals.endpoint.is_some() || !globals.settings.is_empty() || !globals.secret_files.is_empty();
    if has_options && !selection.is_one() {
        return Err(Failure::usage(
            "--endpoint, --set and --secret-file are of one cloud: name it with -p",
        ));
    }
    let looks = selection.infos.iter().map(|info| look_at(context, info));
    let reports = join_all(looks).await;
    let rows = reports.iter().map(|report| {
        let credentials = report.credentials.iter();
        let mut sources: Vec<&str> = credentials.map(|credential| credential.source.as_str()).collect();
        sources.dedup();
        vec![
            report.provider.to_owned(),
            match report.state {
                State::Ok => "ok",
                State::None => "no credentials",
                State::Problem => "problem",
            }
            .to_owned(),
            output::or_dash(Some(&sources.join(", "))),
            output::or_dash(report.remedy.as_deref()),
        ]
    });
    output::rows(
        context.format(),
        &reports,
        &["CLOUD", "STATE", "CREDENTIALS FROM", "WHAT TO DO"],
        rows,
    )?;
    for report in &reports {
        if let Some(problem) = &report.problem {
            warn(&format!("{}: {problem}", report.provider));
        }
    }
    // Clouds without credentials are no failure, unless one was asked for.
    let failed = |report: &Report| report.state == State::Problem || named && report.state == State::None;
    Ok(if reports.iter().any(failed) {
        Exit::Credentials
    } else {
        Exit::Ok
    })
}

async fn look_at(context: &Context, info: &'static ProviderInfo) -> Report {
    let mut report = Report {
        provider: info.id,
        state: State::None,
        credentials: Vec::new(),
        tools: tools(info),
        clock_skew_seconds: None,
        problem: None,
        remedy: Some(log_in(info)),
    };
    let gathered = match context.gather(info, Settings::new()) {
        Ok(gathered) => gathered,
        Err(failure) => {
            report.state = State::Problem;
            report.problem = Some(failure.lines().join(": "));
            report.remedy = Some("mend what is named below".to_owned());
            return report;
        }
    };
    report.credentials = credentials(&gathered);
    if let Some(tool) = report.tools.first() {
        report.remedy = Some(format!(
            "{}; {} has its own in {}",
            log_in(info),
            tool.tool,
            files::shown(&tool.file)
        ));
    }
    if let Err(failure) = gathered.check_complete() {
        if gathered.has_credentials() {
            report.state = State::Problem;
            report.problem = Some(failure.lines().join(": "));
        }
        return report;
    }
    let watch = match Watch::new() {
        Ok(watch) => Arc::new(watch),
        Err(error) => {
            report.state = State::Problem;
            report.problem = Some(error.to_string());
            return report;
        }
    };
    let listed = match provision::connect_with(info.id, &gathered.settings, watch.clone()) {
        Ok(provisioner) => provisioner.list(&ListFilter::all()).await,
        // Of these clouds no setting is required by itself.
        Err(error) if error.kind() == ErrorKind::Unauthorized && !gathered.has_credentials() => return report,
        Err(error) => Err(error),
    };
    report.clock_skew_seconds = watch.skew();
    let skewed = report.clock_skew_seconds.filter(|skew| skew.abs() > SKEW);
    match listed {
        Ok(_) => {
            report.state = State::Ok;
            report.remedy = None;
        }
        Err(error) => {
            report.state = State::Problem;
            report.remedy = Some(remedy(info, error.kind()));
            report.problem = Some(error.to_string());
        }
    }
    if let Some(skew) = skewed {
        report.state = State::Problem;
        report.problem = Some(format!("this computer's clock is {skew} seconds ahead of the cloud's"));
        report.remedy = Some("set the clock of this computer, for example with NTP".to_owned());
    }
    report
}

fn log_in(info: &ProviderInfo) -> String {
    format!("provision login -p {}", info.id)
}

fn remedy(info: &ProviderInfo, kind: ErrorKind) -> String {
    match kind {
        ErrorKind::Unauthorized => format!("make new credentials, then {}", log_in(info)),
        ErrorKind::Forbidden => format!("give them the permission, or make others, then {}", log_in(info)),
        ErrorKind::InvalidRequest => format!("mend the settings: provision config show -p {}", info.id),
        ErrorKind::RateLimited | ErrorKind::Unavailable => "try again later".to_owned(),
        _ => format!("look closer: provision -v -p {} list", info.id),
    }
}

fn credentials(gathered: &Gathered) -> Vec<Credential> {
    let asked_for = gathered.info().login.settings;
    gathered
        .set()
        .filter(|(setting, ..)| asked_for.contains(&setting.name) || setting.role == provision::SettingRole::Credential)
        .filter_map(|(setting, _, source)| {
            Some(Credential {
                setting: setting.name,
                source: source?.to_string(),
            })
        })
        .collect()
}

/// The files of the vendor's tools that are there. They are not opened.
fn tools(info: &ProviderInfo) -> Vec<Tool> {
    let Ok(home) = etcetera::home_dir() else {
        return Vec::new();
    };
    let tools = info.login.tools.iter().map(|(tool, path)| Tool {
        tool,
        file: home.join(path),
    });
    let found: Vec<Tool> = tools.filter(|tool| tool.file.is_file()).collect();
    for tool in &found {
        if let Some(what) = files::open_to_others(&tool.file) {
            warn(&format!(
                "{} holds credentials of {} and other users can {what} it: chmod 600 it",
                files::shown(&tool.file),
                tool.tool
            ));
        }
    }
    found
}
