use provision::{RegionFilter, gc, wait::TokioTimer};
use serde::Serialize;

use crate::{
    args::GcArgs,
    context::Context,
    failure::{Exit, Failure, Outcome},
    id,
    output::{self, or_dash, rfc3339},
    progress::{Progress, complain, hint},
};

#[derive(Serialize)]
struct Document {
    provider: &'static str,
    dry_run: bool,
    hosts: Vec<Row>,
    errors: Vec<String>,
}

#[derive(Serialize)]
struct Row {
    provider: &'static str,
    id: String,
    name: String,
    region: Option<String>,
    expires: Option<String>,
    action: &'static str,
    reason: String,
}

/// `provision gc`
pub(super) async fn run(context: &Context, args: &GcArgs) -> Outcome {
    let info = context.provider()?;
    let cloud = context.connect(info).await?;
    let mut options = gc::Options::dry_run();
    options.delete = args.delete;
    options.region = args.region.clone().map_or(RegionFilter::All, RegionFilter::Only);
    options.pace = cloud.pace(args.timeout.0);
    let progress = Progress::start(format!("collecting on {}", info.title));
    let report = gc::collect(&*cloud.provisioner, &TokioTimer::new(), &options).await;
    drop(progress);
    print(context, args, &report)?;
    let would_delete = report
        .hosts
        .iter()
        .any(|finding| finding.action == gc::Action::WouldDelete);
    if would_delete {
        let command = context.command(&["-p", info.id, "gc", "--delete"]);
        hint(&format!("nothing was deleted; to delete: {command}"));
    }
    let mut exit = Exit::Ok;
    for error in report.errors {
        let failure = Failure::from(error);
        complain(&failure);
        exit = if exit == Exit::Ok { failure.exit() } else { exit };
    }
    Ok(exit)
}

fn print(context: &Context, args: &GcArgs, report: &gc::Report) -> Outcome<()> {
    let rows = report.hosts.iter().map(|finding| Row {
        provider: report.provider,
        id: id::shown(report.provider, &finding.host.id),
        name: finding.host.name.clone(),
        region: finding.host.region.clone(),
        expires: finding.host.expires().and_then(rfc3339),
        action: finding.action.as_str(),
        reason: finding.reason.clone(),
    });
    let document = Document {
        provider: report.provider,
        dry_run: !args.delete,
        hosts: rows.collect(),
        errors: report.errors.iter().map(ToString::to_string).collect(),
    };
    let rows = document.hosts.iter().map(|row| {
        vec![
            row.id.clone(),
            row.name.clone(),
            or_dash(row.expires.as_deref()),
            row.action.to_owned(),
            row.reason.clone(),
        ]
    });
    output::rows(
        context.format(),
        &document,
        &["ID", "NAME", "EXPIRES", "ACTION", "REASON"],
        rows,
    )
}
