pub(super) mod attempt;
pub(super) mod different;
pub(super) mod plan;
pub(super) mod rerun;

use std::time::Duration;

use provision::{
    Origin, ProvisionedHost,
    wait::{Timer as _, TokioTimer, Wait},
};

use self::attempt::{CREATE_TIMEOUT, Created};
use super::wait::Watch;
use crate::{
    args::CreateArgs,
    context::Context,
    duration,
    failure::{Exit, Outcome},
    id,
    interrupt::Interrupt,
    output::{self, HostDocument},
    progress::{hint, say},
};

/// How long waiting for an active host takes at most when nothing else is said.
const WAIT_TIMEOUT: Duration = Duration::from_secs(600);

/// `provision create NAME`
pub(super) async fn run(context: &Context, args: &CreateArgs) -> Outcome {
    let info = context.provider()?;
    let host = plan::read(context, args, info)?;
    info.check(&host)?;
    if args.dry_run {
        plan::print(context, info, &host)?;
        say("nothing was created: this is a dry run");
        return Ok(Exit::Ok);
    }
    let cloud = context.connect(info).await?;
    let interrupt = Interrupt::listen()?;
    let timer = TokioTimer::new();
    let rerun = rerun::command(std::env::args().skip(1));
    let timeout = args.timeout.map_or(CREATE_TIMEOUT, |timeout| timeout.0);
    let created = match attempt::create(context, &cloud, &host, timeout, &timer, &interrupt, &rerun).await? {
        Created::Host(created) => created,
        Created::Interrupted(Some(created)) => {
            output::host(context.format(), &HostDocument::from(&created))?;
            say(&format!("interrupted: {} was created", id::shown(info.id, &created.id)));
            say_how_to_delete(context, &created);
            return Ok(Exit::Interrupted);
        }
        Created::Interrupted(None) => return Ok(Exit::Interrupted),
    };
    let shown = id::shown(info.id, &created.id);
    if created.origin == Some(Origin::AdoptedDifferent) {
        output::host(context.format(), &HostDocument::from(&created))?;
        return Err(different::different(context, &host, &created));
    }
    if created.origin == Some(Origin::Adopted) {
        say(&format!("{shown} exists already: nothing was created"));
    }
    if !args.wait {
        output::host(context.format(), &HostDocument::from(&created))?;
        let command = context.host_command("wait", info.id, &created.id, &[]);
        hint(&format!("wait until it is active: {command}"));
        say_how_to_delete(context, &created);
        return Ok(Exit::Ok);
    }
    // Said before the wait, so that the id is known whatever happens to this process.
    if created.origin != Some(Origin::Adopted) {
        say(&format!("created {shown}"));
    }
    let timeout = args.timeout.map_or(WAIT_TIMEOUT, |timeout| timeout.0);
    let left = timeout.saturating_sub(timer.now());
    let watch = Watch {
        context,
        info,
        id: created.id.clone(),
        repeat: &[],
        gone_is_fine: false,
        limit: duration::short(timeout),
    };
    let wait = Wait::until_active(&*cloud.provisioner, created.id.clone(), &timer, cloud.pace(left));
    watch.run(wait.created(created), &interrupt).await
}

fn say_how_to_delete(context: &Context, created: &ProvisionedHost) {
    let command = context.host_command("delete", created.provider, &created.id, &["--wait"]);
    hint(&format!("delete it: {command}"));
}
