use provision::{
    HostId, ProviderInfo,
    wait::{Outcome as WaitOutcome, TokioTimer, Wait},
};

use super::{
    ended::{self, Ended},
    target,
};
use crate::{
    args::WaitArgs,
    context::Context,
    duration,
    failure::{Exit, Failure, Outcome, Tally},
    id,
    interrupt::Interrupt,
    output::HostDocument,
    price::PriceBook,
    progress::{Progress, hint, say},
};

/// `provision wait NAME|ID...`
pub(super) async fn run(context: &Context, args: &WaitArgs) -> Outcome {
    let mut tally = Tally::default();
    let interrupt = Interrupt::listen()?;
    let Some(targets) = interrupt.or(target::find(context, &args.hosts, &mut tally)).await else {
        return Ok(Exit::Interrupted);
    };
    let targets = targets?;
    let repeat = if args.deleted { &["--deleted"][..] } else { &[] };
    let waiting = targets.all.iter().map(async |target| {
        let cloud = targets.cloud(target)?;
        let timer = TokioTimer::new();
        let pace = cloud.pace(args.timeout.0);
        let id = target.id.clone();
        let wait = if args.deleted {
            Wait::until_gone(&*cloud.provisioner, id, &timer, pace)
        } else {
            Wait::until_active(&*cloud.provisioner, id, &timer, pace)
        };
        let watch = Watch {
            context,
            info: cloud.provisioner.info(),
            id: target.id.clone(),
            repeat,
            gone_is_fine: args.deleted,
            limit: duration::short(args.timeout.0),
        };
        let explain = |error| target.failure(cloud, error);
        Ok(watch.run(wait, &interrupt, explain).await)
    });
    let ended: Outcome<Vec<Ended>> = futures_util::future::join_all(waiting).await.into_iter().collect();
    let mut ended = ended?;
    if !args.deleted {
        ended::price(&mut ended, &targets.clouds(), PriceBook::default(), &interrupt).await;
    }
    ended::print(context, &args.table, ended, targets.several, tally)
}

/// Waiting for one host, shared with `create --wait`: progress, Ctrl-C and how it ended.
pub(super) struct Watch<'a> {
    pub(super) context: &'a Context,
    pub(super) info: &'static ProviderInfo,
    pub(super) id: HostId,
    /// Options of the `wait` command that carries on.
    pub(super) repeat: &'a [&'a str],
    pub(super) gone_is_fine: bool,
    /// The timeout in words.
    pub(super) limit: String,
}

impl Watch<'_> {
    pub(super) async fn run(
        &self,
        mut wait: Wait<'_>,
        interrupt: &Interrupt,
        explain: impl Fn(provision::Error) -> Failure,
    ) -> Ended {
        let shown = id::shown(self.info.id, &self.id);
        let mut progress = Progress::start(&shown);
        let ended = tokio::select! {
            biased;
            () = interrupt.happened() => None,
            ended = wait.run(|observation| progress.observe(observation)) => Some(ended),
        };
        drop(progress);
        let document = self.document(&wait);
        let ended = match ended {
            Some(Ok(ended)) => ended,
            Some(Err(error)) => {
                let failure = explain(error);
                if failure.exit() != Exit::NotFound {
                    self.how_to_go_on();
                }
                return Ended::failed(None, failure);
            }
            None => {
                say(&format!("interrupted: {shown} is kept"));
                self.how_to_go_on();
                return Ended::interrupted(Some(document));
            }
        };
        match ended {
            WaitOutcome::Active => {
                if let Some(kept) = wait.host().filter(|host| host.id != self.id) {
                    say(&format!(
                        "{} was made with the same name or key at the same moment and is kept; {shown} was deleted",
                        id::shown(self.info.id, &kept.id)
                    ));
                }
                Ended::well(document)
            }
            WaitOutcome::Gone if self.gone_is_fine => Ended::well(document.with_status("deleted")),
            WaitOutcome::Gone => {
                let error = provision::Error::host_not_found(&self.id).with_provider(self.info.id);
                Ended::failed(None, explain(error))
            }
            WaitOutcome::Failed => {
                let reason = wait.host().and_then(|host| host.message.clone());
                let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
                let failure = Failure::new(Exit::Error, format!("{shown} failed{reason}"))
                    .hint(format!("delete it: {}", self.command("delete", &["--wait"])));
                Ended::failed(Some(document), failure)
            }
            _ => {
                let reason = wait.last_error().map_or_else(String::new, |error| format!(": {error}"));
                let message = format!("{shown} was not ready within {}, it is kept{reason}", self.limit);
                self.how_to_go_on();
                Ended::failed(Some(document), Failure::new(Exit::TimedOut, message))
            }
        }
    }

    fn document(&self, wait: &Wait<'_>) -> HostDocument {
        match wait.host() {
            Some(host) => HostDocument::from(host),
            None => HostDocument::of_id(self.info.id, &self.id, "unknown"),
        }
    }

    fn how_to_go_on(&self) {
        hint(&format!("look at it:   {}", self.command("status", &[])));
        hint(&format!("wait for it:  {}", self.command("wait", self.repeat)));
        hint(&format!("delete it:    {}", self.command("delete", &["--wait"])));
    }

    fn command(&self, command: &str, options: &[&str]) -> String {
        self.context.host_command(command, self.info.id, &self.id, options)
    }
}
