use provision::{ErrorKind, ListFilter, ProviderInfo, ProvisionedHost, RegionFilter};
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
    config::read_secret,
    context::{Cloud, Context},
    failure::{Exit, Failure, Outcome},
    id,
    output::{self, HostDocument},
    price::PriceBook,
    progress::hint,
    reach,
};

/// `provision inlets status`
pub(super) async fn run(context: &Context, info: &'static ProviderInfo, args: &InletsStatusArgs) -> Outcome {
    let region = cloud::region(&args.cloud, info)?;
    let cloud = context.connect(info).await?;
    let Some(wanted) = &args.host else {
        return all(context, &cloud, region).await;
    };
    let host = find(context, &cloud, wanted, region).await?;
    let answers = match host.ip {
        Some(ip) if !context.globals.sim => Some(reach::is_open(ip, InletsPro::CONTROL_PORT).await),
        _ => None,
    };
    let tunnel = tunnel(context, &host, answers)?;
    let prices = PriceBook::of_hosts(&[&cloud], std::slice::from_ref(&host)).await;
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
pub(super) async fn servers(cloud: &Cloud, region: Option<String>) -> Outcome<Vec<ProvisionedHost>> {
    let mut filter = ListFilter::all();
    filter.region = region.map_or(RegionFilter::All, RegionFilter::Only);
    let mut hosts = cloud.provisioner.list(&filter).await?;
    hosts.retain(|host| host.labels.get(LABEL).is_some());
    hosts.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| a.id.cmp(&b.id)));
    Ok(hosts)
}

/// The host of a name or an id. What could be either is taken for a name first: names are what people type.
async fn find(context: &Context, cloud: &Cloud, wanted: &str, region: Option<String>) -> Outcome<ProvisionedHost> {
    if id::split(wanted).0.is_none() {
        let info = cloud.provisioner.info();
        let named = servers(cloud, region).await?;
        let mut named = named.into_iter().filter(|host| host.name == wanted);
        match (named.next(), named.next()) {
            (Some(host), None) => return Ok(host),
            (Some(host), Some(other)) => {
                return Err(Failure::usage(format!(
                    "several tunnels are called `{wanted}`: {}, {} ...; name one by its id",
                    id::shown(info.id, &host.id),
                    id::shown(info.id, &other.id)
                )));
            }
            (None, _) => {}
        }
    }
    let (_, id) = context.host_id(wanted)?;
    match cloud.provisioner.status(&id).await {
        Err(error) if error.kind() == ErrorKind::InvalidRequest && id::split(wanted).0.is_none() => {
            Err(no_tunnel(wanted))
        }
        found => Ok(found?),
    }
}

/// What was typed is neither a name nor an id.
pub(super) fn no_tunnel(wanted: &str) -> Failure {
    Failure::new(
        Exit::NotFound,
        format!("no tunnel's server is called `{wanted}`, and it is no id of this cloud"),
    )
    .hint("list the servers with `provision inlets status`; one that inletsctl made is only known by its --id")
}

fn tunnel(context: &Context, host: &ProvisionedHost, answers: Option<bool>) -> Outcome<Tunnel> {
    let kept = token::kept(&context.globals, host.provider, &host.name)?;
    let token = if kept.exists() {
        Some(Token {
            token: AuthToken::new(&read_secret(&kept)?)?,
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
