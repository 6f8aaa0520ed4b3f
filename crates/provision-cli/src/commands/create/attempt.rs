use std::time::Duration;

use provision::{
    BasicHost, HostId, ProvisionedHost, explain_refusal,
    wait::{Creation, Observation, TokioTimer},
};

use crate::{
    context::{Cloud, Context},
    duration,
    failure::{Failure, Outcome},
    id,
    interrupt::Interrupt,
    progress::{Progress, hint, say},
};

/// How long a create is repeated when nothing else is said.
pub(super) const CREATE_TIMEOUT: Duration = Duration::from_secs(120);
/// How long a create that is under way may take to finish after Ctrl-C.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// What came of asking for the host.
pub(in crate::commands) enum Created {
    Host(ProvisionedHost),
    /// The cloud has no room for it and made nothing: another place can be asked.
    NoRoom(Failure),
    /// Ctrl-C came first; the host if the create under way still brought one.
    Interrupted(Option<ProvisionedHost>),
}

/// Asks for the host until the cloud answers.
pub(in crate::commands) async fn create(
    context: &Context,
    cloud: &Cloud,
    host: &BasicHost,
    timeout: Duration,
    timer: &TokioTimer,
    interrupt: &Interrupt,
    rerun: &str,
) -> Outcome<Created> {
    let mut creation = Creation::new(&*cloud.provisioner, host, timer, cloud.pace(timeout));
    let progress = Progress::start(format!("creating {}", host.name));
    let show = |observation: &Observation| {
        if let Observation::Retrying { error, delay } = observation {
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
            if creation.lacks_room(&error) {
                return Ok(Created::NoRoom(error.into()));
            }
            let failure = Failure::from(explain_refusal(&*cloud.provisioner, host, error).await);
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

/// The cloud may have created a host whose id nobody knows here.
fn lost(failure: Failure, rerun: &str) -> Failure {
    failure
        .hint("the cloud may have created the host, its answer was lost")
        .hint(format!("run this to get it, never a second one: {rerun}"))
}
