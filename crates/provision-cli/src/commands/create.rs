mod plan;
mod rerun;

use std::time::Duration;

use provision::{
    BasicHost, ProvisionedHost,
    wait::{Creation, Timer as _, Wait},
};

use super::wait::Watch;
use crate::{
    args::CreateArgs,
    context::{Cloud, Context},
    duration,
    failure::{Exit, Failure, Outcome},
    id,
    interrupt::Interrupt,
    output::{self, HostDocument},
    progress::{Progress, hint, say},
    timer::TokioTimer,
};

/// How long a create is repeated when nothing else is said, and how long waiting for an active host takes at most.
const CREATE_TIMEOUT: Duration = Duration::from_secs(60);
const WAIT_TIMEOUT: Duration = Duration::from_secs(600);
/// How long a create that is under way may take to finish after Ctrl-C.
const LAST_WORDS: Duration = Duration::from_secs(5);

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
    let rerun = rerun::command(std::env::args().skip(1), &host);
    let created = match create(&cloud, &host, args, &timer, &interrupt, &rerun).await? {
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
    if !args.wait {
        output::host(context.format(), &HostDocument::from(&created))?;
        let command = context.host_command("wait", info.id, &created.id, &[]);
        hint(&format!("wait until it is active: {command}"));
        say_how_to_delete(context, &created);
        return Ok(Exit::Ok);
    }
    // Said before the wait, so that the id is known whatever happens to this process.
    say(&format!("created {shown}"));
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

enum Created {
    Host(ProvisionedHost),
    /// Ctrl-C came first; the host if the create under way still brought one.
    Interrupted(Option<ProvisionedHost>),
}

async fn create(
    cloud: &Cloud,
    host: &BasicHost,
    args: &CreateArgs,
    timer: &TokioTimer,
    interrupt: &Interrupt,
    rerun: &str,
) -> Outcome<Created> {
    let key = host.key.as_ref().map_or("", |key| key.as_str());
    let timeout = args.timeout.map_or(CREATE_TIMEOUT, |timeout| timeout.0);
    let mut creation = Creation::new(&*cloud.provisioner, host, timer, cloud.pace(timeout))?;
    let progress = Progress::start(format!("creating {}", host.name));
    if args.key.is_none() {
        progress.note(&format!("key: {key} (with the same --key no second host is made)"));
    }
    let show = |observation: &provision::wait::Observation| {
        if let provision::wait::Observation::Retrying { error, delay } = observation {
            progress.note(&format!(
                "trying again with the same key in {}: {error}",
                duration::short(*delay)
            ));
        }
    };
    let ended = tokio::select! {
        biased;
        () = interrupt.happened() => None,
        ended = creation.run(show) => Some(ended),
    };
    match ended {
        Some(Ok(created)) => Ok(Created::Host(created)),
        Some(Err(error)) => {
            let failure = Failure::from(error);
            Err(if creation.may_exist() {
                lost(failure, rerun)
            } else {
                failure
            })
        }
        None => {
            progress.note(&format!("interrupted (again to stop at once); the key is {key}"));
            if creation.may_exist() {
                progress.note(&format!("hint: run this to get the host, never a second one: {rerun}"));
            }
            if creation.is_under_way() {
                progress.note("waiting a moment for the cloud's answer");
                // One step, so that nothing is sent again.
                let _ = tokio::time::timeout(LAST_WORDS, creation.next()).await;
            }
            if let Some(created) = creation.host() {
                return Ok(Created::Interrupted(Some(created.clone())));
            }
            drop(progress);
            say(if creation.may_exist() {
                "the cloud may have created the host"
            } else {
                "nothing was created"
            });
            Ok(Created::Interrupted(None))
        }
    }
}

/// The cloud may have created a host whose id nobody knows here.
fn lost(failure: Failure, rerun: &str) -> Failure {
    failure
        .hint("the cloud may have created the host, its answer was lost")
        .hint(format!("run this to get it, never a second one: {rerun}"))
}

fn say_how_to_delete(context: &Context, created: &ProvisionedHost) {
    let command = context.host_command("delete", created.provider, &created.id, &["--wait"]);
    hint(&format!("delete it: {command}"));
}
