//! `provision list --watch`: on a terminal the table is drawn again; elsewhere each change is a line.

use std::{collections::BTreeMap, io::IsTerminal as _, time::Duration};

use provision::survey::Survey;

use super::look;
use crate::{
    args::{Format, ListArgs},
    context::{Cloud, Context},
    failure::{Failure, Outcome},
    filter::Shown,
    output::{self, HostDocument},
    price::PriceBook,
    progress::complain,
};

/// The share of the vendor's request limit that looking may take, as the poller's.
const LIMIT_SHARE: f64 = 0.5;
/// Puts the cursor at the top and clears what is below.
const FROM_THE_TOP: &str = "\x1b[H\x1b[J";

/// Looks until Ctrl-C, which ends the whole command.
pub(super) async fn run(
    context: &Context,
    args: &ListArgs,
    clouds: &[Cloud],
    shown: &Shown,
    every: Duration,
) -> Outcome {
    let redraw = std::io::stdout().is_terminal() && matches!(context.format(), Format::Table | Format::Wide);
    let mut before = BTreeMap::new();
    let mut prices = PriceBook::default();
    let reached: Vec<&Cloud> = clouds.iter().collect();
    let mut first = true;
    loop {
        let survey = look(clouds, shown).await;
        prices.learn_hosts(&reached, &survey.hosts).await;
        let pause = pause(clouds, &survey, every);
        if redraw {
            let documents: Vec<HostDocument> = survey.hosts.iter().map(|host| prices.document(host)).collect();
            output::print(FROM_THE_TOP)?;
            output::hosts(&context.view(&args.table), &documents)?;
        } else {
            let changes = changes(&mut before, &survey, &prices);
            print_changes(context, args, &changes, first)?;
            first &= changes.is_empty();
        }
        for gap in survey.gaps {
            complain(&Failure::from(gap.error));
        }
        tokio::time::sleep(pause).await;
    }
}

/// The pause that keeps to what the vendors allow, and to what they asked for.
fn pause(clouds: &[Cloud], survey: &Survey, every: Duration) -> Duration {
    let allowed = clouds.iter().map(|cloud| {
        let info = cloud.provisioner.info();
        let hosts = survey.hosts.iter().filter(|host| host.provider == info.id).count();
        let polling = &info.polling;
        polling.time_for(polling.requests_for_list(hosts), LIMIT_SHARE)
    });
    let asked = survey.gaps.iter().filter_map(|gap| gap.error.retry_after());
    allowed.chain(asked).fold(every, Duration::max)
}

/// The hosts that are new, changed or gone. Of a place that could not be read nothing is gone.
fn changes(
    before: &mut BTreeMap<String, (String, HostDocument)>,
    survey: &Survey,
    prices: &PriceBook,
) -> Vec<HostDocument> {
    let mut changes = Vec::new();
    let mut now = BTreeMap::new();
    for host in &survey.hosts {
        let document = prices.document(host);
        let state = format!("{}|{:?}|{:?}", host.status, host.ip, host.plan);
        let id = host.host_ref().to_string();
        if before.get(&id).is_none_or(|(known, _)| *known != state) {
            changes.push(document.clone());
        }
        now.insert(id, (state, document));
    }
    for (id, (state, document)) in std::mem::take(before) {
        if now.contains_key(&id) {
            continue;
        }
        if survey.is_whole() {
            changes.push(document.with_status("deleted"));
        } else {
            now.insert(id, (state, document));
        }
    }
    *before = now;
    changes
}

/// A line for each change; with JSON a document on each line.
fn print_changes(context: &Context, args: &ListArgs, changes: &[HostDocument], header: bool) -> Outcome<()> {
    match context.format() {
        Format::Json => changes.iter().try_for_each(output::json_line),
        Format::Yaml => changes.iter().try_for_each(|change| {
            output::print("---\n")?;
            output::document(Format::Yaml, change)
        }),
        Format::Table | Format::Wide | Format::Name => {
            let mut view = context.view(&args.table);
            view.look.no_header |= !header;
            output::hosts(&view, changes)
        }
    }
}
