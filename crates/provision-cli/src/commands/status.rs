use super::target;
use crate::{
    args::StatusArgs,
    context::Context,
    failure::{Outcome, Tally},
    output::{self, HostDocument},
    price::PriceBook,
};

/// `provision status NAME|ID...`
pub(super) async fn run(context: &Context, args: &StatusArgs) -> Outcome {
    let mut tally = Tally::default();
    let targets = target::find(context, &args.hosts, &mut tally).await?;
    let reading = targets.all.iter().map(async |target| {
        let cloud = targets.cloud(target)?;
        match &target.host {
            // The list that showed its name said all of it.
            Some(host) => Ok(host.clone()),
            None => {
                let read = cloud.provisioner.status(&target.id).await;
                read.map_err(|error| target.failure(cloud, error))
            }
        }
    });
    let mut hosts = Vec::new();
    for read in futures_util::future::join_all(reading).await {
        match read {
            Ok(host) => hosts.push(host),
            Err(failure) => tally.failed(&failure),
        }
    }
    let prices = PriceBook::of_hosts(&targets.clouds(), &hosts).await;
    let documents: Vec<HostDocument> = hosts.iter().map(|host| prices.document(host)).collect();
    output::some_hosts(&context.view(&args.table), &documents, targets.several)?;
    Ok(tally.exit_of_each())
}
