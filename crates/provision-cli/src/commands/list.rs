mod watch;

use provision::{
    Labels, Provisioner, RegionFilter,
    prices::Totals,
    survey::{self, Survey},
};

use crate::{
    args::ListArgs,
    context::{Cloud, Context},
    failure::{Failure, Outcome, Tally},
    filter::Shown,
    output::{self, HostDocument},
    price::PriceBook,
    progress::{Progress, hint, say},
};

/// `provision list`
pub(super) async fn run(context: &Context, args: &ListArgs) -> Outcome {
    let mut shown = Shown::new(args)?;
    shown.filter.region = args.region.clone().map_or(RegionFilter::All, RegionFilter::Only);
    let selection = context.selection()?;
    let mut tally = Tally::default();
    let clouds = context.connect_all(&selection, &mut tally).await?;
    if let Some(every) = args.watch {
        return watch::run(context, args, &clouds, &shown, every.0).await;
    }
    let progress = Progress::start("listing");
    let survey = look(&clouds, &shown).await;
    let hosts = survey.hosts;
    let prices = PriceBook::of_hosts(&clouds.iter().collect::<Vec<_>>(), &hosts).await;
    drop(progress);
    if hosts.is_empty() && survey.gaps.is_empty() {
        let titles: Vec<&str> = clouds.iter().map(|cloud| cloud.provisioner.info().title).collect();
        let which = if shown.is_narrow() { "such hosts" } else { "hosts" };
        hint(&format!(
            "no {which} on {} that were created with this tool",
            titles.join(", ")
        ));
    }
    let documents: Vec<HostDocument> = hosts.iter().map(|host| prices.document(host)).collect();
    // A place that was read counts, even one without hosts.
    let read = clouds
        .len()
        .saturating_sub(survey.gaps.iter().filter(|gap| gap.region.is_none()).count());
    let read = read.max(documents.len());
    tally.done(read);
    // An empty list would say that there are none.
    if read > 0 {
        output::hosts(&context.view(&args.table), &documents)?;
    }
    if !documents.is_empty() {
        let totals: Totals = documents.iter().map(|document| document.price().cloned()).collect();
        say(&format!("a month, without tax and traffic: {totals}"));
    }
    for gap in survey.gaps {
        tally.failed(&Failure::from(gap.error));
    }
    Ok(tally.exit_of_whole())
}

/// The hosts of every cloud that the user wants to see.
async fn look(clouds: &[Cloud], shown: &Shown) -> Survey {
    let clouds: Vec<&dyn Provisioner> = clouds.iter().map(|cloud| &*cloud.provisioner).collect();
    let mut survey = survey::hosts_on(&clouds, &shown.filter).await;
    survey.hosts.retain(|host| shown.matches(host));
    survey
}

/// Labels from the command line.
pub(super) fn labels(pairs: &[(String, String)]) -> Outcome<Labels> {
    let mut labels = Labels::new();
    for (key, value) in pairs {
        labels.insert(key, value)?;
    }
    Ok(labels)
}
