//! The steps of a create, none of which waits for an answer that it does not need: at most five requests in a row.

use futures_util::future::{join, join_all, join3};
use provision_core::{Error, ErrorKind, HostId, Made, Order, ProvisionedHost, REQUEST_LABEL, Result};
use provision_http::Request;

use crate::{
    id,
    network::{self, Way},
    parts::{self, Parts},
    request::{self, Ground, Opening, after},
    response::{
        Flavor, Flavors, FloatingIps, GroupAnswer, ImageEntry, Images, Networks, NewServerAnswer, PortAnswer,
        choose_flavor,
    },
    session::{Place, Session},
};

/// Where a request is not sent to.
fn nowhere() -> Result<Place> {
    let endpoint = provision_http::Endpoint::parse("https://openstack.invalid", false)?;
    Ok(Place {
        region: String::new(),
        compute: endpoint.clone(),
        tags: true,
        network: endpoint.clone(),
        image: endpoint,
        project: String::new(),
    })
}

/// What can be checked without the cloud.
pub(super) fn check(order: &Order) -> Result<()> {
    id::region(&order.region)?;
    properties(&order.image)?;
    request::create_server(&nowhere()?, order, &Ground::default()).map(|_| ())
}

pub(super) async fn create(session: &Session, order: &Order) -> Result<ProvisionedHost> {
    let place = &session.place(&order.region).await?;
    let (image, flavors, networks) = look_up(session, place, order).await?;
    let flavor = choose_flavor(flavors, order, &image)?;
    let way = network::choose(&networks, &place.project, order)?;
    let parts = make_parts(session, place, order, &way).await?;
    let ground = Ground {
        image: &image.id,
        flavor: &flavor.id,
        network: &way.network,
        parts,
    };
    match make_server(session, place, order, &ground, &flavor).await {
        Ok(host) => Ok(host),
        Err(error) => Err(take_back(session, place, &ground.parts, error).await),
    }
}

async fn look_up(
    session: &Session,
    place: &Place,
    order: &Order,
) -> Result<(ImageEntry, Vec<Flavor>, Vec<network::Network>)> {
    let (flavors, networks) = (request::list_flavors(place), request::list_networks(place));
    let (image, flavors, networks) = join3(
        find_image(session, place, order),
        session.pages::<Flavors>(|marker| after(flavors.clone(), marker)),
        session.pages::<Networks>(|marker| after(networks.clone(), marker)),
    )
    .await;
    Ok((image?, flavors?, networks?))
}

/// Properties of an image, as in `os_distro=ubuntu,os_version=24.04`; `None` for a name.
fn properties(image: &str) -> Result<Option<Vec<(&str, &str)>>> {
    if !image.contains('=') {
        return Ok(None);
    }
    let pairs = image.split(',').map(|pair| pair.split_once('='));
    let pairs: Option<Vec<_>> = pairs.collect();
    match pairs.filter(|pairs| {
        pairs
            .iter()
            .all(|(key, value)| !key.trim().is_empty() && !value.is_empty())
    }) {
        Some(pairs) => Ok(Some(pairs)),
        None => Err(Error::invalid(format!(
            "image {image:?} is neither a name nor properties such as `os_distro=debian,os_version=12`"
        ))),
    }
}

/// The properties of the default image, wherever it has another name.
const DEFAULT_IMAGE: [(&str, &str); 2] = [("os_distro", "ubuntu"), ("os_version", "24.04")];

async fn find_image(session: &Session, place: &Place, order: &Order) -> Result<ImageEntry> {
    let wanted = order.image.as_str();
    if HostId::check_uuid(wanted).is_ok() {
        return Ok(ImageEntry::of_id(wanted));
    }
    let first = |find: Request| async { Ok::<_, Error>(session.read::<Images>(find).await?.into_first()) };
    let found = match properties(wanted)? {
        Some(properties) => first(request::find_image(place, properties)).await?,
        None => {
            let named = request::find_image(place, [("name", wanted)]);
            match order.default_image {
                false => first(named).await?,
                true => {
                    let alike = request::find_image(place, DEFAULT_IMAGE);
                    let (named, alike) = join(first(named), first(alike)).await;
                    let alike = alike?;
                    named?.or(alike)
                }
            }
        }
    };
    found.ok_or_else(|| {
        Error::invalid(format!(
            "image {wanted:?} does not exist in region {}: list the images, or name one by its id or by properties such as `os_distro=debian,os_version=12`",
            place.region
        ))
    })
}

/// Group and port, side by side. They cost nothing, and their name holds the key until their host exists. They are never those of
/// an earlier call: it may still be running, and of two servers that are given one port one ends in `ERROR` and takes the port
/// from the other (seen).
async fn make_parts(session: &Session, place: &Place, order: &Order, way: &Way) -> Result<Parts> {
    let hash = order.key.hash();
    let chosen = order.extra("security-group");
    let group = async {
        match chosen {
            Some(_) => Ok(None),
            None => {
                let create = request::create_group(place, &hash)?;
                let made = session.read::<GroupAnswer>(create).await?.security_group;
                made.id().map(|id| Some(id.to_owned()))
            }
        }
    };
    let port = async {
        match way.floating {
            None => Ok(None),
            Some(_) => {
                let create = request::create_port(place, &way.network, &hash, chosen)?;
                let made = session.read::<PortAnswer>(create).await?.port;
                made.id().map(|id| Some(id.to_owned()))
            }
        }
    };
    // Both are waited for, so that none is made that nobody knows.
    let (group, port) = join(group, port).await;
    let floating = way.floating.clone();
    match (group, port) {
        (Ok(group), Ok(port)) => Ok(Parts { group, port, floating }),
        (group, port) => {
            let (mut made, mut error) = (Parts::default(), None);
            match group {
                Ok(group) => made.group = group,
                Err(refused) => error = Some(refused),
            }
            match port {
                Ok(port) => made.port = port,
                Err(refused) => error = error.or(Some(refused)),
            }
            match error {
                Some(error) => Err(take_back(session, place, &made, error).await),
                None => Ok(made),
            }
        }
    }
}

async fn make_server(
    session: &Session,
    place: &Place,
    order: &Order,
    ground: &Ground<'_>,
    flavor: &Flavor,
) -> Result<ProvisionedHost> {
    let create = request::create_server(place, order, ground)?;
    let answer = session.send(create).await?;
    let made = answer.json::<NewServerAnswer>()?.server;
    made.into_host(place, order, &flavor.name, &ground.parts)
        .map_err(|error| answer.unexpected(error.message()))
}

/// After a create that made no server its parts go, unless the next call with the key comes soon: its host's deletion takes them
/// along. Neither needs the other to be gone, as the port is not in the group yet.
async fn take_back(session: &Session, place: &Place, parts: &Parts, error: Error) -> Error {
    if error.may_exist() || error.is_retryable() {
        return error;
    }
    let deletes = [
        parts.port.as_deref().map(|port| request::delete_port(place, port)),
        parts.group.as_deref().map(|group| request::delete_group(place, group)),
    ];
    let deletes = deletes.into_iter().flatten().map(|delete| session.remove(delete));
    match join_all(deletes).await.into_iter().collect::<Result<Vec<_>>>() {
        Ok(going) if !going.iter().any(provision_http::Going::is_busy) => error,
        _ => error.hint("a port or security group of the key, which are free of charge, is left"),
    }
}

/// What is left to do for a server: its rules, its port's group, the names of its parts, its floating IP. All side by side.
pub(super) async fn complete(session: &Session, order: &Order, host: &ProvisionedHost, made: Made) -> Result<()> {
    let (server, region) = id::parse(&host.id)?;
    let place = &session.place(region).await?;
    let parts = &Parts::of(&host.labels);
    let left = match made {
        Made::Now => Left::all(order, parts),
        Made::Earlier => Left::of(session, place, order, host).await?,
    };
    let send = |request: Option<Request>| async {
        match request {
            Some(request) => session.send(request).await.map(|_| ()),
            None => Ok(()),
        }
    };
    let group = parts.group.as_deref();
    let rules = match group {
        Some(group) if !left.openings.is_empty() => Some(request::create_rules(place, group, &left.openings)?),
        _ => None,
    };
    let name = match group {
        Some(group) if left.group => Some(request::name_group(place, group, server)?),
        _ => None,
    };
    let port = match &parts.port {
        Some(port) if left.port => Some(request::change_port(place, port, server, group)?),
        _ => None,
    };
    let floating = match (&parts.floating, &parts.port) {
        (Some(network), Some(port)) if left.floating => {
            let hash = host.labels.key_hash().unwrap_or_default();
            Some(request::create_floating_ip(place, network, port, server, hash)?)
        }
        _ => None,
    };
    let done = join_all([rules, name, port, floating].map(send)).await;
    done.into_iter()
        .collect::<Result<()>>()
        .map_err(|error| match error.kind() {
            // Somebody else was quicker with the rules, or took a part away: the next call looks what is there.
            ErrorKind::AlreadyExists | ErrorKind::NotFound => error.with_kind(ErrorKind::Conflict),
            _ => error,
        })
}

/// What is missing of a host.
struct Left {
    /// Rules.
    openings: Vec<Opening>,
    /// The group's name.
    group: bool,
    /// The port's name and group.
    port: bool,
    floating: bool,
}

impl Left {
    fn all(order: &Order, parts: &Parts) -> Self {
        Self {
            openings: Opening::of(order),
            group: parts.group.is_some(),
            port: parts.port.is_some(),
            floating: parts.floating.is_some(),
        }
    }

    async fn of(session: &Session, place: &Place, order: &Order, host: &ProvisionedHost) -> Result<Self> {
        let (server, _) = id::parse(&host.id)?;
        let parts = &Parts::of(&host.labels);
        let other_request = host.labels.get(REQUEST_LABEL) != order.labels.get(REQUEST_LABEL);
        let mut left = Self::all(order, parts);
        let named = parts::name_for_host(server);
        let group = async {
            match &parts.group {
                None => Ok(None),
                Some(group) => session
                    .find::<GroupAnswer>(request::get_group(place, group))
                    .await
                    .and_then(there),
            }
        };
        let port = async {
            match &parts.port {
                None => Ok(None),
                Some(port) => session
                    .find::<PortAnswer>(request::get_port(place, port))
                    .await
                    .and_then(there),
            }
        };
        let floating = async {
            if parts.floating.is_none() {
                return Ok(Vec::new());
            }
            let list = request::list_floating_ips(place);
            session.pages::<FloatingIps>(|marker| after(list.clone(), marker)).await
        };
        let (group, port, floating) = join3(group, port, floating).await;
        let (group, port, floating) = (group?, port?, floating?);
        if let Some(GroupAnswer { security_group: group }) = group {
            left.group = group.name != named;
            // A host that was asked for with other ports keeps those that it has, also when it has none.
            let opened = group.rules.iter().any(|rule| rule.direction == "ingress");
            if opened || other_request {
                left.openings.clear();
            }
        }
        if let Some(PortAnswer { port }) = port {
            let inside = parts
                .group
                .as_ref()
                .is_none_or(|group| port.security_groups.contains(group));
            left.port = port.name != named || !inside;
        }
        left.floating &= !floating.iter().any(|ip| parts::is_for_host(ip.description(), server));
        Ok(left)
    }
}

/// A part that its host cannot do without.
fn there<T>(found: Option<T>) -> Result<Option<T>> {
    match found {
        Some(found) => Ok(Some(found)),
        None => Err(Error::new(
            ErrorKind::Conflict,
            "the host's port or security group is gone: it is being removed, or can only be deleted and made anew",
        )),
    }
}
