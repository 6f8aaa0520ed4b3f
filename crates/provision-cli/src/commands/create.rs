mod plan;
mod rerun;

use std::time::Duration;

use provision::{
    BasicHost, HostId, Origin, ProvisionedHost,
    wait::{Creation, Timer as _, TokioTimer, Wait},
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
};

/// How long a create is repeated when nothing else is said, and how long waiting for an active host takes at most.
const CREATE_TIMEOUT: Duration = Duration::from_secs(120);
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
    let rerun = rerun::command(std::env::args().skip(1));
    let created = match create(context, &cloud, &host, args, &timer, &interrupt, &rerun).await? {
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
        return Err(different(context, &host, &created));
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

enum Created {
    Host(ProvisionedHost),
    /// Ctrl-C came first; the host if the create under way still brought one.
    Interrupted(Option<ProvisionedHost>),
}

async fn create(
    context: &Context,
    cloud: &Cloud,
    host: &BasicHost,
    args: &CreateArgs,
    timer: &TokioTimer,
    interrupt: &Interrupt,
    rerun: &str,
) -> Outcome<Created> {
    let timeout = args.timeout.map_or(CREATE_TIMEOUT, |timeout| timeout.0);
    let mut creation = Creation::new(&*cloud.provisioner, host, timer, cloud.pace(timeout));
    let progress = Progress::start(format!("creating {}", host.name));
    let show = |observation: &provision::wait::Observation| {
        if let provision::wait::Observation::Retrying { error, delay } = observation {
            progress.note(&format!("trying again in {}: {error}", duration::short(*delay)));
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
            Err(match creation.existing() {
                Some(id) => exists(context, cloud, id, failure, rerun),
                None if creation.may_exist() => lost(failure, rerun),
                None => failure,
            })
        }
        None => {
            progress.note("interrupted (again to stop at once)");
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
            if let Some(id) = creation.existing() {
                let info = cloud.provisioner.info();
                say(&format!("{} exists and bills", id::shown(info.id, id)));
                let command = context.host_command("delete", info.id, id, &["--wait"]);
                hint(&format!("delete it: {command}"));
            } else {
                say(if creation.may_exist() {
                    "the cloud may have created the host"
                } else {
                    "nothing was created"
                });
            }
            Ok(Created::Interrupted(None))
        }
    }
}

/// A host exists though something that follows its creation failed.
fn exists(context: &Context, cloud: &Cloud, id: &HostId, failure: Failure, rerun: &str) -> Failure {
    let command = context.host_command("delete", cloud.provisioner.info().id, id, &["--wait"]);
    failure
        .hint(format!("go on with it:  {rerun}"))
        .hint(format!("delete it:      {command}"))
}

/// The host of this name or key is another one than was asked for.
fn different(context: &Context, host: &BasicHost, found: &ProvisionedHost) -> Failure {
    let mut differences = Vec::new();
    if found.name != host.name.as_str() {
        differences.push(format!("its name is {}, not {}", found.name, host.name));
    }
    for (what, asked, has) in [
        ("region", &host.region, &found.region),
        ("plan", &host.plan, &found.plan),
        ("image", &host.image, &found.image),
    ] {
        if let (Some(asked), Some(has)) = (asked, has)
            && !asked.eq_ignore_ascii_case(has)
        {
            differences.push(format!("its {what} is {has}, not {asked}"));
        }
    }
    for (key, value) in &host.labels {
        if found.labels.get(key) != Some(value) {
            differences.push(format!("it lacks the label {key}={value}"));
        }
    }
    if differences.is_empty() {
        differences.push("its user data, open ports, ssh keys or other settings differ".to_owned());
    }
    let shown = id::shown(found.provider, &found.id);
    let command = context.host_command("delete", found.provider, &found.id, &["--wait"]);
    Failure::usage(format!(
        "{shown} has this name or key already, and was asked for differently: {}",
        differences.join("; ")
    ))
    .hint("choose another name, or ask for it as it was")
    .hint(format!("delete it: {command}"))
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
