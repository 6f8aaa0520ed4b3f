use provision::{
    Deletion, HostDeleteRequest, RegionFilter,
    wait::{Removal, RemovalOutcome, TokioTimer, find_by_ip},
};

use crate::{
    args::DeleteArgs,
    context::{Cloud, Context},
    duration,
    failure::{Exit, Failure, Outcome},
    id,
    interrupt::Interrupt,
    output::{self, HostDocument},
    progress::{Progress, hint, say},
};

const DELETING: &str = "deleting";
const DELETED: &str = "deleted";

/// `provision delete ID` and `provision delete --ip IP`
pub(super) async fn run(context: &Context, args: &DeleteArgs) -> Outcome {
    let (cloud, id, document) = find(context, args).await?;
    let info = cloud.provisioner.info();
    let repeat = context.host_command("delete", info.id, &id, &["--wait"]);
    let shown = id::shown(info.id, &id);
    if !args.wait {
        let status = match cloud.provisioner.delete(&HostDeleteRequest::Id(id)).await? {
            Deletion::Removed => DELETED,
            Deletion::NotFound => return Err(not_there(&shown)),
            Deletion::InProgress => {
                hint(&format!(
                    "the cloud is still at it; repeat until nothing is left: {repeat}"
                ));
                DELETING
            }
        };
        output::host(context.format(), &document.with_status(status))?;
        return Ok(Exit::Ok);
    }
    let interrupt = Interrupt::listen()?;
    let timer = TokioTimer::new();
    let mut removal = Removal::new(&*cloud.provisioner, id, &timer, cloud.pace(args.timeout.0));
    let mut progress = Progress::start(&shown);
    let ended = tokio::select! {
        biased;
        () = interrupt.happened() => None,
        ended = removal.run(|observation| progress.observe(observation)) => Some(ended),
    };
    drop(progress);
    match ended {
        Some(Ok(RemovalOutcome::Complete)) => {
            output::host(context.format(), &document.with_status(DELETED))?;
            Ok(Exit::Ok)
        }
        Some(Ok(RemovalOutcome::NotFound)) => Err(not_there(&shown)),
        Some(Ok(_)) => {
            if removal.is_accepted() {
                output::host(context.format(), &document.with_status(DELETING))?;
            }
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
            Err(Failure::new(Exit::TimedOut, message).hint(format!("repeat: {repeat}")))
        }
        Some(Err(error)) => Err(Failure::from(error).hint(format!("repeat: {repeat}"))),
        None => {
            if removal.is_accepted() {
                output::host(context.format(), &document.with_status(DELETING))?;
            }
            say(&format!(
                "interrupted: something of {shown} may still be there, and bill"
            ));
            hint(&format!("repeat: {repeat}"));
            Ok(Exit::Interrupted)
        }
    }
}

fn not_there(shown: &str) -> Failure {
    Failure::new(
        Exit::NotFound,
        format!("{shown} does not exist, or no longer does: nothing was deleted"),
    )
}

/// The host to delete. An address is looked up first, because repeating a deletion needs the id: a host that is gone
/// has no address any more by which the rest could be found.
async fn find(context: &Context, args: &DeleteArgs) -> Outcome<(Cloud, provision::HostId, HostDocument)> {
    if let Some(id) = &args.id {
        let (info, id) = context.host_id(id)?;
        let document = HostDocument::of_id(info.id, &id, DELETING);
        return Ok((context.connect(info).await?, id, document));
    }
    let Some(ip) = args.ip else {
        return Err(Failure::usage("say which host: its id, or its address with --ip"));
    };
    let cloud = context.connect(context.provider()?).await?;
    let region = args.region.clone().map_or(RegionFilter::All, RegionFilter::Only);
    let host = find_by_ip(&*cloud.provisioner, ip, region).await?;
    let document = HostDocument::from(&host);
    Ok((cloud, host.id, document))
}
