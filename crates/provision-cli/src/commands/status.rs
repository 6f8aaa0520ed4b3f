use crate::{
    args::StatusArgs,
    context::Context,
    failure::{Exit, Outcome},
    output::{self, HostDocument},
};

/// `provision status ID`
pub(super) async fn run(context: &Context, args: &StatusArgs) -> Outcome {
    let (info, id) = context.host_id(&args.id)?;
    let cloud = context.connect(info).await?;
    let host = cloud.provisioner.status(&id).await?;
    output::host(context.format(), &HostDocument::from(&host))?;
    Ok(Exit::Ok)
}
