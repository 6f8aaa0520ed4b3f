use std::fs;

use provision::{ErrorKind, HostId, ProviderInfo};

use super::{cloud, status, status::no_tunnel, token};
use crate::{
    args::{DeleteArgs, InletsDeleteArgs, InletsctlArgs, TableArgs},
    commands::{self, target},
    context::{Cloud, Context},
    failure::{Exit, Outcome, Tally},
    id,
};

/// `provision inlets delete`
pub(super) async fn run(context: &Context, info: &'static ProviderInfo, args: &InletsDeleteArgs) -> Outcome {
    let region = cloud::region(&args.cloud, info)?;
    let mut name = None;
    let mut wanted = None;
    if let Some(given) = args.id.as_deref().or(args.host.as_deref()) {
        let cloud = context.connect(info).await?;
        let mut found = None;
        if args.id.is_none() && id::split(given).0.is_none() {
            let mut tally = Tally::default();
            let targets = target::find(context, &[given.to_owned()], &mut tally).await?;
            let Some(target) = targets.all.first() else {
                return Ok(tally.exit_of_each());
            };
            found = status::server(context, given, target)?.cloned();
        }
        wanted = Some(match found {
            Some(host) => {
                name = Some(host.name.clone());
                id::shown(info.id, &host.id)
            }
            None => match whole(context, &cloud, given, &args.cloud).await? {
                Some(id) => id,
                // The cloud says what an id of its looks like.
                None if args.id.is_some() && id::split(given).0.is_none() => format!("{}/{given}", info.id),
                None if args.id.is_some() => given.to_owned(),
                None => return Err(no_tunnel(context, given)),
            },
        });
    }
    let delete = DeleteArgs {
        hosts: wanted.into_iter().collect(),
        ip: args.ip,
        region: region.filter(|_| args.ip.is_some()),
        wait: true,
        // It is one tunnel, and what inletsctl made has no marker.
        yes: true,
        timeout: args.timeout,
        table: TableArgs::default(),
    };
    let exit = commands::delete::run(context, &delete).await?;
    if let (Exit::Ok, Some(name)) = (exit, name) {
        // It is of no use any more. That it stays where it cannot be removed does no harm.
        let _ = fs::remove_file(token::kept(&context.globals, info.id, &name)?);
    }
    Ok(exit)
}

/// An id as inletsctl printed it, with the parts that ours have and its flags name. Nothing is guessed: what is missing is told
/// by the cloud, before any request. `None` when no such id can be one of the cloud's.
async fn whole(context: &Context, cloud: &Cloud, given: &str, flags: &InletsctlArgs) -> Outcome<Option<String>> {
    let (info, id) = match id::split(given) {
        // inletsctl's ids have no provider in front.
        (Some(prefix), _) if provision::find(prefix).is_ok() => context.host_id(given)?,
        _ => (cloud.provisioner.info(), HostId::from_text(given)?),
    };
    let place = flags.zone.as_ref().or(flags.region.as_ref());
    let project = flags.project_id.as_ref();
    let parts: [Vec<&String>; 4] = [
        Vec::new(),
        place.into_iter().collect(),
        project.into_iter().collect(),
        place.into_iter().chain(project).collect(),
    ];
    for more in parts {
        let Ok(candidate) = HostId::from_parts(id.parts().chain(more.into_iter().map(String::as_str))) else {
            continue;
        };
        match cloud.provisioner.status(&candidate).await {
            Err(error) if error.kind() == ErrorKind::InvalidRequest => {}
            _ => return Ok(Some(id::shown(info.id, &candidate))),
        }
    }
    Ok(None)
}
