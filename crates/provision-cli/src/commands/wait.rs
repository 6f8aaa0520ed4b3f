use provision::{
    HostId, ProviderInfo,
    wait::{Outcome as WaitOutcome, TokioTimer, Wait},
};

use crate::{
    args::WaitArgs,
    context::Context,
    duration,
    failure::{Exit, Failure, Outcome},
    id,
    interrupt::Interrupt,
    output::{self, HostDocument},
    progress::{Progress, hint, say},
};

/// `provision wait ID`
pub(super) async fn run(context: &Context, args: &WaitArgs) -> Outcome {
    let (info, id) = context.host_id(&args.id)?;
    let cloud = context.connect(info).await?;
    let interrupt = Interrupt::listen()?;
    let timer = TokioTimer::new();
    let pace = cloud.pace(args.timeout.0);
    let wait = if args.deleted {
        Wait::until_gone(&*cloud.provisioner, id.clone(), &timer, pace)
    } else {
        Wait::until_active(&*cloud.provisioner, id.clone(), &timer, pace)
    };
    let repeat = if args.deleted { &["--deleted"][..] } else { &[] };
    let watch = Watch {
        context,
        info,
        id,
        repeat,
        gone_is_fine: args.deleted,
        limit: duration::short(args.timeout.0),
    };
    watch.run(wait, &interrupt).await
}

/// Waiting for one host, shared with `create --wait`: progress, Ctrl-C, the host on stdout and how it ended.
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
    pub(super) async fn run(&self, mut wait: Wait<'_>, interrupt: &Interrupt) -> Outcome {
        let shown = id::shown(self.info.id, &self.id);
        let mut progress = Progress::start(&shown);
        let ended = tokio::select! {
            biased;
            () = interrupt.happened() => None,
            ended = wait.run(|observation| progress.observe(observation)) => Some(ended),
        };
        drop(progress);
        let Some(ended) = ended else {
            self.print(&wait, None)?;
            say(&format!("interrupted: {shown} is kept"));
            self.how_to_go_on();
            return Ok(Exit::Interrupted);
        };
        match ended.inspect_err(|_| self.how_to_go_on())? {
            WaitOutcome::Active => {
                if let Some(kept) = wait.host().filter(|host| host.id != self.id) {
                    say(&format!(
                        "{} was made with the same name or key at the same moment and is kept; {shown} was deleted",
                        id::shown(self.info.id, &kept.id)
                    ));
                }
                self.print(&wait, None)?;
                Ok(Exit::Ok)
            }
            WaitOutcome::Gone if self.gone_is_fine => {
                self.print(&wait, Some("deleted"))?;
                Ok(Exit::Ok)
            }
            WaitOutcome::Gone => Err(provision::Error::host_not_found(&self.id)
                .with_provider(self.info.id)
                .into()),
            WaitOutcome::Failed => {
                self.print(&wait, None)?;
                let reason = wait.host().and_then(|host| host.message.clone());
                let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
                Err(Failure::new(Exit::Error, format!("{shown} failed{reason}"))
                    .hint(format!("delete it: {}", self.command("delete", &["--wait"]))))
            }
            _ => {
                self.print(&wait, None)?;
                let reason = wait.last_error().map_or_else(String::new, |error| format!(": {error}"));
                let message = format!("{shown} was not ready within {}, it is kept{reason}", self.limit);
                self.how_to_go_on();
                Err(Failure::new(Exit::TimedOut, message))
            }
        }
    }

    fn print(&self, wait: &Wait<'_>, status: Option<&str>) -> Outcome<()> {
        let document = match wait.host() {
            Some(host) => HostDocument::from(host),
            None => HostDocument::of_id(self.info.id, &self.id, "unknown"),
        };
        let document = match status {
            Some(status) => document.with_status(status),
            None => document,
        };
        output::host(self.context.format(), &document)
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
