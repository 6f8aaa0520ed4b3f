use provision::{ListFilter, ProviderInfo, ProvisionedHost, RegionFilter, http::ReqwestTransport};
use provision_exit_server::{
    AuthToken,
    inlets::{InletsPro, Mode},
};

use super::{
    LABEL, cloud,
    document::{self, Tunnel},
    token::{self, Token},
};
use crate::{
    args::{Format, InletsStatusArgs, TableArgs},
    commands::target::{self, Target},
    context::{Cloud, Context},
    failure::{Exit, Failure, Outcome, Tally},
    files, id,
    output::{self, HostDocument},
    price::PriceBook,
    progress::hint,
    ready::Check,
};

/// `provision inlets status`
pub(super) async fn run(context: &Context, info: &'static ProviderInfo, args: &InletsStatusArgs) -> Outcome {
    let region = cloud::region(&args.cloud, info)?;
    let Some(wanted) = &args.host else {
        return all(context, &context.connect(info).await?, region).await;
    };
    let mut tally = Tally::default();
    let targets = target::find(context, std::slice::from_ref(wanted), &mut tally).await?;
    let Some(target) = targets.all.first() else {
        return Ok(tally.exit_of_each());
    };
    let cloud = targets.cloud(target)?;
    let host = match server(context, wanted, target)? {
        Some(host) => host.clone(),
        None => match cloud.provisioner.status(&target.id).await {
            Ok(host) => host,
            Err(error) => {
                let failure = target.failure(cloud, error);
                return Err(match failure.exit() {
                    Exit::NotFound if id::split(wanted).0.is_none() => no_tunnel(context, wanted),
                    _ => failure,
                });
            }
        },
    };
    let answers = match host.ip {
        Some(ip) if !context.globals.sim => {
            let look = Check::port(InletsPro::CONTROL_PORT);
            Some(look.look(ip, &ReqwestTransport::new()?).await.is_ok())
        }
        _ => None,
    };
    let tunnel = tunnel(context, &host, answers)?;
    let prices = PriceBook::of_hosts(&[cloud], std::slice::from_ref(&host)).await;
    document::print(context, &prices.document(&host), &host, &tunnel)?;
    Ok(Exit::Ok)
}

/// All servers of tunnels.
async fn all(context: &Context, cloud: &Cloud, region: Option<String>) -> Outcome {
    let hosts = servers(cloud, region).await?;
    let prices = PriceBook::of_hosts(&[cloud], &hosts).await;
    if !matches!(context.format(), Format::Json | Format::Yaml) {
        let documents: Vec<HostDocument> = hosts.iter().map(|host| prices.document(host)).collect();
        if hosts.is_empty() {
            hint(&format!(
                "no tunnels' servers on {} that were created with this tool",
                cloud.provisioner.info().title
            ));
        }
        output::hosts(&context.view(&TableArgs::default()), &documents)?;
        return Ok(Exit::Ok);
    }
    let documents = hosts
        .iter()
        .map(|host| document::document(&prices.document(host), &tunnel(context, host, None)?));
    output::document(context.format(), &documents.collect::<Outcome<Vec<_>>>()?)?;
    Ok(Exit::Ok)
}

/// The servers of tunnels that were made here.
async fn servers(cloud: &Cloud, region: Option<String>) -> Outcome<Vec<ProvisionedHost>> {
    let mut filter = ListFilter::all();
    filter.region = region.map_or(RegionFilter::All, RegionFilter::Only);
    let mut hosts = cloud.provisioner.list(&filter).await?;
    hosts.retain(|host| host.labels.get(LABEL).is_some());
    hosts.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| a.id.cmp(&b.id)));
    Ok(hosts)
}

/// The tunnel's server that a name was found to be; `None` for what may be an id.
pub(super) fn server<'a>(context: &Context, wanted: &str, target: &'a Target) -> Outcome<Option<&'a ProvisionedHost>> {
    match &target.host {
        Some(host) if host.labels.get(LABEL).is_none() => Err(no_tunnel(context, wanted)),
        host => Ok(host.as_ref()),
    }
}

/// What was typed is neither a name nor an id.
pub(super) fn no_tunnel(context: &Context, wanted: &str) -> Failure {
    Failure::new(
        Exit::NotFound,
        format!("no tunnel's server is called `{wanted}`, and it is no id of this cloud"),
    )
    .hint(format!(
        "list the servers with `{}`; one that inletsctl made is only known by its --id",
        context.command(&["inlets", "status"])
    ))
}

fn tunnel(context: &Context, host: &ProvisionedHost, answers: Option<bool>) -> Outcome<Tunnel> {
    let kept = token::kept(&context.globals, host.provider, &host.name)?;
    let token = if kept.exists() {
        Some(Token {
            token: AuthToken::new(&files::read_secret(&kept)?)?,
            file: Some(kept),
        })
    } else {
        None
    };
    let mode = host.labels.get(LABEL).and_then(|mode| mode.parse().ok());
    Ok(Tunnel::new(
        context,
        host,
        mode.unwrap_or(Mode::Tcp),
        token.as_ref(),
        answers,
    ))
}
