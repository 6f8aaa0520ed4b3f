//! From the arguments to the request, and how a dry run shows it.

use provision::{
    BasicHost, HostName, IdempotencyKey, Labels, OpenPorts, Order, PortRange, Price, ProviderInfo, UserData,
    UserDataKind,
};
use serde::Serialize;

use super::places::Place;

use crate::{
    args::{CreateArgs, Format},
    commands::list::labels,
    context::Context,
    failure::Outcome,
    output::{self, or_dash, rfc3339},
    price::{self, PriceBook},
    user_data,
};

/// What the hosts run at first boot. Read once, also from stdin, to the most that any of the places takes.
pub(super) fn user_data(args: &CreateArgs, places: &[Place]) -> Outcome<UserData> {
    let max_bytes = places.iter().map(|place| place.info.user_data.max_text()).max();
    user_data::of_host(&args.user_data, &args.user_data_options, max_bytes.unwrap_or_default())
}

/// The host of that name which the arguments and the configuration ask for, in one of the places.
pub(super) fn read(
    context: &Context,
    args: &CreateArgs,
    name: &HostName,
    user_data: &UserData,
    place: &Place,
) -> Outcome<BasicHost> {
    let mut host = BasicHost::new(name.clone(), user_data.clone());
    let defaults = context.config.host_defaults(place.info);
    host.region = place.region.clone();
    host.plan = place.plan.clone();
    host.image = args.image.clone().or(defaults.image);
    host.labels = defaults.labels;
    for (key, value) in &labels(&args.labels)? {
        host.labels.insert(key, value)?;
    }
    let ports = match args.ports.as_slice() {
        [] => &defaults.ports,
        ports => ports,
    };
    if !ports.is_empty() {
        host.ports = OpenPorts::Only(ports.to_vec());
    }
    host.ssh_keys = args.ssh_keys.clone();
    if let Some(key) = &args.key {
        host = host.with_key(IdempotencyKey::new(key)?);
    }
    if let Some(ttl) = args.ttl.or(defaults.ttl) {
        host = host.with_ttl(ttl.0);
    }
    host.additional = args.additional.iter().cloned().collect();
    Ok(host)
}

/// What a dry run shows. Neither user data nor anything that a real run would learn from the cloud.
#[derive(Serialize)]
struct Plan<'a> {
    provider: &'static str,
    id: Option<String>,
    name: &'a str,
    status: &'static str,
    ip: Option<String>,
    region: &'a str,
    plan: &'a str,
    image: &'a str,
    labels: Labels,
    /// `null`: all are open.
    ports: Option<&'a [PortRange]>,
    ssh_keys: usize,
    key: String,
    expires: Option<String>,
    user_data: UserDataFacts,
    additional: &'a std::collections::BTreeMap<String, String>,
    /// As far as it is known.
    price: Option<Price>,
}

#[derive(Serialize)]
struct UserDataFacts {
    kind: UserDataKind,
    bytes: usize,
}

/// Prints what would be asked for: of one name a document, of several a list.
pub(in crate::commands) fn print(
    context: &Context,
    orders: &[(&'static ProviderInfo, &BasicHost)],
    prices: &PriceBook,
) -> Outcome<()> {
    let plans: Vec<Plan<'_>> = orders
        .iter()
        .map(|(info, host)| of(info, host, prices))
        .collect::<Outcome<_>>()?;
    match (context.format(), plans.as_slice()) {
        (Format::Json | Format::Yaml, [plan]) => output::document(context.format(), plan),
        (Format::Json | Format::Yaml, plans) => output::document(context.format(), &plans),
        (_, plans) => plans.iter().try_for_each(|plan| table(context, plan)),
    }
}

fn of<'a>(info: &'static ProviderInfo, host: &'a BasicHost, prices: &PriceBook) -> Outcome<Plan<'a>> {
    let region = host.region.as_deref().unwrap_or(info.default_region);
    let plan = host.plan.as_deref().unwrap_or(info.default_plan);
    let order = Order::new(info, region, host)?;
    Ok(Plan {
        provider: info.id,
        id: None,
        name: host.name.as_str(),
        status: "dry-run",
        ip: None,
        region,
        plan,
        image: host.image.as_deref().unwrap_or(info.default_image),
        labels: order.labels,
        ports: host.ports.restricted(),
        ssh_keys: host.ssh_keys.len(),
        key: order.key.as_str().to_owned(),
        expires: host.expires.and_then(rfc3339),
        user_data: UserDataFacts {
            kind: host.user_data.kind(),
            bytes: host.user_data.len(),
        },
        additional: &host.additional,
        price: prices.of(info, plan, region),
    })
}

fn table(context: &Context, plan: &Plan<'_>) -> Outcome<()> {
    let ports = plan
        .ports
        .map(|ports| ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
    let kind = serde_json::to_value(plan.user_data.kind).unwrap_or_default();
    let rows = [
        ("provider", plan.provider.to_owned()),
        ("name", plan.name.to_owned()),
        ("region", plan.region.to_owned()),
        ("plan", plan.plan.to_owned()),
        ("image", plan.image.to_owned()),
        ("price", price_row(context, plan)),
        ("labels", plan.labels.to_tags().join(", ")),
        ("open ports", ports.unwrap_or_else(|| "all".to_owned())),
        ("ssh keys", plan.ssh_keys.to_string()),
        ("key", plan.key.clone()),
        ("expires", or_dash(plan.expires.as_deref())),
        (
            "user data",
            format!("{}, {} bytes", kind.as_str().unwrap_or_default(), plan.user_data.bytes),
        ),
    ];
    let additional = plan
        .additional
        .iter()
        .map(|(key, value)| vec![key.clone(), value.clone()]);
    let rows = rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]);
    output::rows(Format::Table, plan, &["WOULD CREATE", ""], rows.chain(additional))
}

fn price_row(context: &Context, plan: &Plan<'_>) -> String {
    match &plan.price {
        Some(price) => price::announced(Some(price)),
        None => format!(
            "not known without asking the cloud, see: {}",
            context.command(&["-p", plan.provider, "plans", "--region", plan.region])
        ),
    }
}
