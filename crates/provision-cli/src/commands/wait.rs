use std::time::Duration;

use provision::{
    HostId, ProviderInfo,
    http::ReqwestTransport,
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
    ready::{self, Check},
};

/// `provision wait NAME|ID...`
pub(super) async fn run(context: &Context, args: &WaitArgs) -> Outcome {
    let mut tally = Tally::default();
    let interrupt = Interrupt::listen()?;
    let Some(targets) = interrupt.or(target::find(context, &args.hosts, &mut tally)).await else {
        return Ok(Exit::Interrupted);
    };
    let targets = targets?;
    let deleted = args.deleted.then(|| "--deleted".to_owned());
    let repeat: Vec<String> = deleted.into_iter().chain(repeated(&args.wait_for)).collect();
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
            repeat: repeat.clone(),
            gone_is_fine: args.deleted,
            limit: duration::short(args.timeout.0),
            wait_for: &args.wait_for,
            timer: &timer,
            until: args.timeout.0,
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

/// The options that repeat what is waited for.
pub(super) fn repeated(checks: &[Check]) -> impl Iterator<Item = String> {
    checks
        .iter()
        .flat_map(|check| ["--wait-for".to_owned(), check.to_string()])
}

/// Waiting for one host, shared with `create --wait`: progress, Ctrl-C and how it ended.
pub(super) struct Watch<'a> {
    pub(super) context: &'a Context,
    pub(super) info: &'static ProviderInfo,
    pub(super) id: HostId,
    /// Options of the `wait` command that carries on.
    pub(super) repeat: Vec<String>,
    pub(super) gone_is_fine: bool,
    /// The timeout in words.
    pub(super) limit: String,
    /// What has to answer once the host is active.
    pub(super) wait_for: &'a [Check],
    pub(super) timer: &'a TokioTimer,
    /// When the timer shows this, the time is up.
    pub(super) until: Duration,
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
                self.active(&wait, document, interrupt).await
            }
            WaitOutcome::Gone if self.gone_is_fine => Ended::well(document.with_status("deleted")),
            WaitOutcome::Gone => {
                let error = provision::Error::host_not_found(&self.id).with_provider(self.info.id);
                let delete = self.command("delete", &[]);
                Ended::failed(
                    None,
                    explain(error).hint(format!("remove what may be left of it: {delete}")),
                )
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

    /// The host is active: whether it is up.
    async fn active(&self, wait: &Wait<'_>, document: HostDocument, interrupt: &Interrupt) -> Ended {
        let id = wait.host().map_or(&self.id, |host| &host.id);
        let shown = id::shown(self.info.id, id);
        // The addresses of simulated hosts lead nowhere.
        let (nowhere, checks): (Vec<Check>, Vec<Check>) =
            (self.wait_for.iter().cloned()).partition(|check| self.context.globals.sim && check.is_of_address());
        for check in nowhere {
            say(&format!("simulated hosts run nothing: {check} was not waited for"));
        }
        if checks.is_empty() {
            return Ended::up(document, &[]);
        }
        let answered = match wait.host().and_then(|host| host.ip) {
            Some(ip) => {
                let transport = match ReqwestTransport::new() {
                    Ok(transport) => transport,
                    Err(error) => return Ended::failed(Some(document), error.into()),
                };
                let mut progress = Progress::start(&shown);
                let show = |line: &str| progress.show(line);
                let answers = ready::until_all_answer(&checks, ip, &transport, self.timer, self.until, show);
                interrupt.or(answers).await
            }
            None => Some(Err("nothing can be asked, for it has no public address".to_owned())),
        };
        match answered {
            Some(Ok(())) => Ended::up(document, &checks),
            Some(Err(missing)) => {
                self.how_to_go_on();
                let message = format!("{shown} is active and bills, but within {} {missing}", self.limit);
                Ended::failed(Some(document), Failure::new(Exit::TimedOut, message))
            }
            None => {
                say(&format!("interrupted: {shown} is kept"));
                self.how_to_go_on();
                Ended::interrupted(Some(document))
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
        let repeat: Vec<&str> = self.repeat.iter().map(String::as_str).collect();
        hint(&format!("look at it:   {}", self.command("status", &[])));
        hint(&format!("wait for it:  {}", self.command("wait", &repeat)));
        hint(&format!("delete it:    {}", self.command("delete", &["--wait"])));
    }

    fn command(&self, command: &str, options: &[&str]) -> String {
        self.context.host_command(command, self.info.id, &self.id, options)
    }
}
