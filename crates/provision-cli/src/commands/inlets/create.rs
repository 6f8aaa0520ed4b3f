use std::{net::IpAddr, time::Duration};

use provision::{
    BasicHost, HostName, OpenPorts, Origin, ProviderInfo,
    http::ReqwestTransport,
    wait::{Outcome, Timer as _, TokioTimer, Wait},
};
use provision_exit_server::inlets::{Https, InletsPro, Mode};

use super::{
    LABEL, cloud,
    document::{self, Tunnel},
    token::Token,
};
use crate::{
    args::{InletsCreateArgs, TableArgs},
    commands::{
        create::{
            attempt::{self, Created},
            different, plan,
            rerun::command,
        },
        ended,
        list::labels,
    },
    context::{Cloud, Context},
    duration,
    failure::{Exit, Failure, Outcome as CommandOutcome},
    id,
    interrupt::Interrupt,
    output,
    price::{self, PriceBook},
    progress::{Progress, hint, say},
    ready::{self, Check},
};

/// `provision inlets create`
pub(super) async fn run(context: &Context, info: &'static ProviderInfo, args: &InletsCreateArgs) -> CommandOutcome {
    let name = args.name.clone().unwrap_or_else(new_name);
    let server = server(args)?;
    let mode = Mode::of(&server);
    let mut host = request(context, args, info, &name, &server)?;
    // Checked before a token is made.
    info.check(&host)?;
    let token = Token::of(args, &context.globals, info.id, &name)?;
    host.user_data = server.user_data(&token.token)?;
    info.check(&host)?;
    if args.dry_run {
        plan::print(context, &[(info, &host)], &PriceBook::default())?;
        say("nothing was created: this is a dry run");
        return Ok(Exit::Ok);
    }
    let rerun = rerun(args, &name);
    let cloud = context.connect(info).await?;
    let interrupt = Interrupt::listen()?;
    let Some(priced) = interrupt.or(announce(&cloud, &host)).await else {
        return Ok(Exit::Interrupted);
    };
    let prices = priced?;
    let timer = TokioTimer::new();
    let limit = args.timeout.0;
    let created = match attempt::create(context, &cloud, &host, limit, &timer, &interrupt, &rerun).await? {
        Created::Host(created) => created,
        Created::NoRoom(failure) => return Err(failure),
        Created::Interrupted(created) => {
            if let Some(created) = created {
                output::host(&context.view(&TableArgs::default()), &prices.document(&created))?;
                say(&format!("interrupted: {} was created", id::shown(info.id, &created.id)));
                hint(&format!("go on with it: {rerun}"));
            }
            return Ok(Exit::Interrupted);
        }
    };
    let shown = id::shown(info.id, &created.id);
    match created.origin {
        Some(Origin::AdoptedDifferent) => {
            output::host(&context.view(&TableArgs::default()), &prices.document(&created))?;
            return Err(different::different(context, &host, &created));
        }
        Some(Origin::Adopted) => say(&format!("{shown} exists already: nothing was created")),
        // Said before the wait, so that the id is known whatever happens to this process.
        _ => say(&format!("created {shown}")),
    }
    let mut pace = cloud.pace(limit.saturating_sub(timer.now()));
    if let Some(poll) = args.poll {
        pace.interval = poll.0;
    }
    let limit = duration::short(limit);
    let mut wait = Wait::until_active(&*cloud.provisioner, created.id.clone(), &timer, pace).created(created);
    let mut progress = Progress::start(&shown);
    let ended = tokio::select! {
        biased;
        () = interrupt.happened() => None,
        ended = wait.run(|observation| progress.observe(observation)) => Some(ended),
    };
    drop(progress);
    let go_on = format!("go on with it: {rerun}");
    let active = match (ended, wait.host()) {
        (Some(Ok(Outcome::Active)), Some(active)) => active.clone(),
        (Some(Err(error)), _) => return Err(Failure::from(error).hint(go_on)),
        (None, _) => {
            say(&format!("interrupted: {shown} is kept"));
            hint(&go_on);
            return Ok(Exit::Interrupted);
        }
        (Some(Ok(Outcome::Failed | Outcome::Gone)), _) => {
            let command = context.command(&["inlets", "delete", &shown]);
            let failure = Failure::new(Exit::Error, format!("{shown} failed, or was deleted by somebody"));
            return Err(failure.hint(format!("remove what is left: {command}")));
        }
        _ => {
            let failure = Failure::new(
                Exit::TimedOut,
                format!("{shown} was not active within {limit}, it is kept"),
            );
            return Err(failure.hint(go_on));
        }
    };
    let answers = match active.ip {
        // The addresses of simulated hosts lead nowhere.
        Some(ip) if !context.globals.sim => answers(&shown, ip, &timer, args.timeout.0, &interrupt).await?,
        _ => Answers::Simulated,
    };
    let tunnel = Tunnel::new(context, &active, mode, Some(&token), Some(answers == Answers::Yes));
    document::print(context, &prices.document(&active), &active, &tunnel)?;
    if args.ttl.is_some() {
        ended::say_who_deletes(context, info.id);
    }
    answers.told(context, &shown, &limit)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answers {
    Yes,
    No,
    Simulated,
    Interrupted,
}

impl Answers {
    /// How the command ends, when the host is active.
    fn told(self, context: &Context, shown: &str, limit: &str) -> CommandOutcome {
        match self {
            Self::Yes => Ok(Exit::Ok),
            Self::Simulated => {
                say("simulated hosts run nothing: the tunnel's server was not waited for");
                Ok(Exit::Ok)
            }
            Self::Interrupted => {
                say(&format!("interrupted: {shown} is kept"));
                Ok(Exit::Interrupted)
            }
            Self::No => Err(Failure::new(
                Exit::TimedOut,
                format!(
                    "{shown} is active, but its port {} did not answer within {limit}; it is kept",
                    InletsPro::CONTROL_PORT
                ),
            )
            .hint(format!(
                "its first boot may need longer: look again with `{}`, or on the host at /var/log/cloud-init-output.log",
                context.command(&["inlets", "status", shown])
            ))),
        }
    }
}

/// Waits for the server of the tunnel.
async fn answers(
    shown: &str,
    ip: IpAddr,
    timer: &TokioTimer,
    until: Duration,
    interrupt: &Interrupt,
) -> CommandOutcome<Answers> {
    let transport = ReqwestTransport::new()?;
    let check = [Check::port(InletsPro::CONTROL_PORT)];
    let mut progress = Progress::start(shown);
    progress.show(&format!("waiting for port {}", InletsPro::CONTROL_PORT));
    let show = |line: &str| progress.show(line);
    let answering = ready::until_all_answer(&check, ip, &transport, timer, until, show);
    Ok(match interrupt.or(answering).await {
        None => Answers::Interrupted,
        Some(Ok(())) => Answers::Yes,
        Some(Err(_)) => Answers::No,
    })
}

/// Says what the host is going to cost. Credentials that are refused here are not tried again with the create.
async fn announce(cloud: &Cloud, host: &BasicHost) -> CommandOutcome<PriceBook> {
    let mut prices = PriceBook::default();
    let place = price::place(cloud, host.plan.as_deref(), host.region.as_deref());
    let failures = prices.learn(&[cloud], [place.clone()].into()).await;
    price::refused(cloud, failures)?;
    say(&format!(
        "{}: {}",
        host.name,
        price::announced(prices.at(&place).as_ref())
    ));
    Ok(prices)
}

fn server(args: &InletsCreateArgs) -> CommandOutcome<InletsPro> {
    let mut server = InletsPro::new(&args.inlets_version)?;
    if let Some(checksum) = &args.inlets_checksum {
        server = server.with_checksum(checksum)?;
    }
    if !args.letsencrypt_domains.is_empty() {
        let mut https = Https::new(&args.letsencrypt_domains)?.with_issuer(args.letsencrypt_issuer);
        if let Some(email) = &args.letsencrypt_email {
            https = https.with_email(email)?;
        }
        server = server.with_https(https);
    }
    Ok(server)
}

/// The host, still without user data.
fn request(
    context: &Context,
    args: &InletsCreateArgs,
    info: &ProviderInfo,
    name: &str,
    server: &InletsPro,
) -> CommandOutcome<BasicHost> {
    let mut host = BasicHost::new(HostName::new(name)?, provision::UserData::empty());
    let defaults = context.config.host_defaults(info);
    host.region = cloud::region(&args.cloud, info)?.or(defaults.region);
    host.plan = args.plan.clone().or(defaults.plan);
    host.image = args.image.clone().or(defaults.image);
    host.labels = defaults.labels;
    for (key, value) in &labels(&args.labels)? {
        host.labels.insert(key, value)?;
    }
    host.labels.insert(LABEL, Mode::of(server).as_str())?;
    host.ports = ports(info, server.open_ports(&args.ports));
    if let Some(ttl) = args.ttl.or(defaults.ttl) {
        host = host.with_ttl(ttl.0);
    }
    for (flag, key, value) in [
        ("vpc-id", "vpc-id", &args.vpc_id),
        ("subnet-id", "subnet-id", &args.subnet_id),
        ("aws-key-name", "key-name", &args.aws_key_name),
    ] {
        if let Some(value) = value {
            host.additional
                .insert(cloud::extra(info, flag, key)?.to_owned(), value.clone());
        }
    }
    Ok(host)
}

/// Some clouds cannot close ports: there the tunnel works all the same, and that is said.
fn ports(info: &ProviderInfo, wanted: OpenPorts) -> OpenPorts {
    match wanted.restricted() {
        Some(ports) if !info.capabilities.restrict_ports => {
            let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
            say(&format!(
                "{} has no firewall for hosts: every port is open, not only {}",
                info.title,
                ports.join(", ")
            ));
            OpenPorts::All
        }
        _ => wanted,
    }
}

/// The command that finds the host again.
fn rerun(args: &InletsCreateArgs, name: &str) -> String {
    let mut again = cloud::without_secrets(std::env::args().skip(1));
    if args.name.is_none() {
        // The same command would make another host.
        again.push(name.to_owned());
    }
    command(again)
}

fn new_name() -> String {
    let letters: String = std::iter::repeat_with(|| fastrand::char('a'..='z')).take(8).collect();
    format!("inlets-{letters}")
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[test]
    fn a_server_that_does_not_answer_is_kept_and_said() {
        let cli = crate::args::Cli::try_parse_from(["provision", "--sim", "providers"]).unwrap();
        let context = Context::new(cli.globals).unwrap();
        let failure = Answers::No.told(&context, "hetzner/1", "10m").unwrap_err();
        assert_eq!(failure.exit(), Exit::TimedOut);
        assert_eq!(
            failure.lines(),
            ["hetzner/1 is active, but its port 8123 did not answer within 10m; it is kept"]
        );
        let again = "look again with `provision --sim inlets status hetzner/1`";
        assert!(failure.hints()[0].contains(again), "{:?}", failure.hints());
        for (answers, exit) in [
            (Answers::Yes, Exit::Ok),
            (Answers::Simulated, Exit::Ok),
            (Answers::Interrupted, Exit::Interrupted),
        ] {
            assert_eq!(answers.told(&context, "hetzner/1", "10m").unwrap(), exit);
        }
    }
}
