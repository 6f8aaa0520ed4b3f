mod confirm;

use provision::{
    Deletion, HostDeleteRequest, ListFilter, Provisioner, RegionFilter, survey,
    wait::{Removal, RemovalOutcome, TokioTimer},
};

use super::{
    ended::{self, Ended},
    target::{self, Target, Targets},
};
use crate::{
    args::DeleteArgs,
    context::{Cloud, Context},
    duration,
    failure::{Exit, Failure, Outcome, Tally},
    interrupt::Interrupt,
    progress::{Progress, hint, say},
};

const DELETING: &str = "deleting";
const DELETED: &str = "deleted";

/// `provision delete NAME|ID...` and `provision delete --ip IP`
pub(super) async fn run(context: &Context, args: &DeleteArgs) -> Outcome {
    let mut tally = Tally::default();
    // The question is asked before signals are ours: Ctrl-C answers it.
    let targets = find(context, args, &mut tally).await?;
    if !args.yes && !confirm::ask(&targets).await? {
        return Err(Failure::new(Exit::Error, "nothing was deleted"));
    }
    let interrupt = Interrupt::listen()?;
    let deleting = targets.all.iter().map(async |target| {
        let cloud = targets.cloud(target)?;
        Ok(delete(context, args, cloud, target, &interrupt).await)
    });
    let ended: Outcome<Vec<Ended>> = futures_util::future::join_all(deleting).await.into_iter().collect();
    ended::print(context, &args.table, ended?, targets.several, tally)
}

async fn delete(context: &Context, args: &DeleteArgs, cloud: &Cloud, target: &Target, interrupt: &Interrupt) -> Ended {
    let info = cloud.provisioner.info();
    let shown = target.shown(cloud);
    let repeat = context.host_command("delete", info.id, &target.id, &["--wait"]);
    if !args.wait {
        let request = HostDeleteRequest::Id(target.id.clone());
        return match cloud.provisioner.delete(&request).await {
            Ok(Deletion::Removed) => Ended::well(target.document(cloud, DELETED)),
            Ok(Deletion::NotFound) => Ended::failed(None, target.not_there(cloud)),
            Ok(Deletion::InProgress) => {
                hint(&format!(
                    "the cloud is still at it; repeat until nothing is left: {repeat}"
                ));
                Ended::well(target.document(cloud, DELETING))
            }
            Err(error) => Ended::failed(None, target.failure(cloud, error)),
        };
    }
    let timer = TokioTimer::new();
    let mut removal = Removal::new(
        &*cloud.provisioner,
        target.id.clone(),
        &timer,
        cloud.pace(args.timeout.0),
    );
    let mut progress = Progress::start(&shown);
    let ended = tokio::select! {
        biased;
        () = interrupt.happened() => None,
        ended = removal.run(|observation| progress.observe(observation)) => Some(ended),
    };
    drop(progress);
    let deleting = removal.is_accepted().then(|| target.document(cloud, DELETING));
    match ended {
        Some(Ok(RemovalOutcome::Complete)) => Ended::well(target.document(cloud, DELETED)),
        Some(Ok(RemovalOutcome::NotFound)) => Ended::failed(None, target.not_there(cloud)),
        Some(Ok(_)) => {
            let reason = removal
                .last_error()
                .map_or_else(String::new, |error| format!(": {error}"));
            let limit = duration::short(args.timeout.0);
            let bills = if removal.is_accepted() {
                ", something may still bill"
            } else {
                ": the cloud has not accepted it, the host bills"
            };
            let message = format!("{shown} was not deleted within {limit}{bills}{reason}");
            let failure = Failure::new(Exit::TimedOut, message).hint(format!("repeat: {repeat}"));
            Ended::failed(deleting, failure)
        }
        Some(Err(error)) => {
            let failure = target.failure(cloud, error);
            Ended::failed(
                None,
                match failure.exit() {
                    // The same words would be refused again.
                    Exit::NotFound | Exit::Usage => failure,
                    _ => failure.hint(format!("repeat: {repeat}")),
                },
            )
        }
        None => {
            say(&format!(
                "interrupted: something of {shown} may still be there, and bill"
            ));
            hint(&format!("repeat: {repeat}"));
            Ended::interrupted(deleting)
        }
    }
}

/// The hosts to delete. An address is looked up first, because repeating a deletion needs the id: a host that is gone
/// has no address any more by which the rest could be found.
async fn find(context: &Context, args: &DeleteArgs, tally: &mut Tally) -> Outcome<Targets> {
    let Some(ip) = args.ip else {
        return target::find(context, &args.hosts, tally).await;
    };
    let clouds = context.connect_all(&context.selection()?, tally).await?;
    let region = args.region.clone().map_or(RegionFilter::All, RegionFilter::Only);
    let filter = ListFilter::all().with_region(region);
    let progress = Progress::start(format!("looking for {ip}"));
    let places: Vec<&dyn Provisioner> = clouds.iter().map(|cloud| &*cloud.provisioner).collect();
    let mut survey = survey::hosts_on(&places, &filter).await;
    drop(progress);
    survey.hosts.retain(|host| host.ip == Some(ip));
    if let [one, other, ..] = survey.hosts.as_slice() {
        return Err(Failure::usage(format!(
            "{} and {} both have the address {ip}: delete by id",
            one.host_ref(),
            other.host_ref()
        )));
    }
    if survey.hosts.is_empty() {
        if let Some(gap) = survey.gaps.into_iter().next() {
            return Err(gap.error.into());
        }
        return Err(provision::Error::no_host_with_ip(ip).into());
    }
    Ok(Targets::known(clouds, survey.hosts))
}
