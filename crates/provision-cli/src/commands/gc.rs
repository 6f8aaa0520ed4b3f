mod install;

use provision::{RegionFilter, gc, wait::TokioTimer};
use serde::Serialize;

use crate::{
    args::GcArgs,
    context::Context,
    failure::{Failure, Outcome, Tally},
    id,
    output::{self, Cell, Column, rfc3339},
    progress::{Progress, hint},
    terminal::Tone,
};

const COLUMNS: [Column; 5] = [
    Column::new("ID").shortens_to(18),
    Column::new("NAME").shortens_to(12),
    Column::new("EXPIRES").goes(1),
    Column::new("ACTION"),
    Column::new("REASON").goes(2).shortens_to(12),
];

#[derive(Serialize)]
struct Document {
    /// `null` with several clouds.
    provider: Option<&'static str>,
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
    if let Some(kind) = args.install {
        return install::print(context, &context.selection()?, args, kind);
    }
    let mut tally = Tally::default();
    let clouds = context.connect_all(&context.selection()?, &mut tally).await?;
    let titles: Vec<&str> = clouds.iter().map(|cloud| cloud.provisioner.info().title).collect();
    let progress = Progress::start(format!("collecting on {}", titles.join(", ")));
    let collecting = clouds.iter().map(async |cloud| {
        let mut options = gc::Options::dry_run();
        options.delete = args.delete;
        options.region = args.region.clone().map_or(RegionFilter::All, RegionFilter::Only);
        options.pace = cloud.pace(args.timeout.0);
        gc::collect(&*cloud.provisioner, &TokioTimer::new(), &options).await
    });
    let reports = futures_util::future::join_all(collecting).await;
    drop(progress);
    print(context, args, &reports)?;
    let would_delete = |report: &gc::Report| {
        let mut findings = report.hosts.iter();
        findings.any(|finding| finding.action == gc::Action::WouldDelete)
    };
    let providers: Vec<&str> = reports
        .iter()
        .filter(|report| would_delete(report))
        .map(|report| report.provider)
        .collect();
    if !providers.is_empty() {
        let command = context.command(&["-p", &providers.join(","), "gc", "--delete"]);
        hint(&format!("nothing was deleted; to delete: {command}"));
    }
    for report in reports {
        tally.done(report.hosts.len().max(usize::from(report.errors.is_empty())));
        for error in report.errors {
            tally.failed(&Failure::from(error));
        }
    }
    Ok(tally.exit_of_whole())
}

fn print(context: &Context, args: &GcArgs, reports: &[gc::Report]) -> Outcome<()> {
    let findings = reports
        .iter()
        .flat_map(|report| report.hosts.iter().map(move |finding| (report, finding)));
    let rows = findings.map(|(report, finding)| Row {
        provider: report.provider,
        id: id::shown(report.provider, &finding.host.id),
        name: finding.host.name.clone(),
        region: finding.host.region.clone(),
        expires: finding.host.expires().and_then(rfc3339),
        action: finding.action.as_str(),
        reason: finding.reason.clone(),
    });
    let errors = reports.iter().flat_map(|report| &report.errors);
    let document = Document {
        provider: match reports {
            [report] => Some(report.provider),
            _ => None,
        },
        dry_run: !args.delete,
        hosts: rows.collect(),
        errors: errors.map(ToString::to_string).collect(),
    };
    let rows = document.hosts.iter().map(|row| {
        vec![
            Cell::from(row.id.as_str()),
            Cell::from(row.name.as_str()),
            Cell::from(row.expires.as_deref()),
            Cell::from(row.action).with_tone(tone(row.action)),
            Cell::from(row.reason.as_str()),
        ]
    });
    output::sheet(&context.view(&args.table), &document, &COLUMNS, rows.collect())
}

fn tone(action: &str) -> Tone {
    match action {
        "would-delete" => Tone::Busy,
        "not-deleted" => Tone::Bad,
        "deleted" => Tone::Faint,
        _ => Tone::Plain,
    }
}
