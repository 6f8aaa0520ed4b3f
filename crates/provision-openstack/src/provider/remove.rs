//! Removing a host and what was made for it. Group and port are in use until their server is gone, and go in a later call; the
//! floating IP, which bills and survives its server, goes with it.

use futures_util::future::{join, join_all, join3, join4};
use provision_core::{Deletion, Error, ErrorKind, HostStatus, ProvisionedHost, Result};
use provision_http::{Going, Request};

use super::servers;
use crate::{
    parts::{self, Parts},
    request::{self, after},
    response::{FloatingIp, FloatingIps, Group, Groups, Port, Ports, Server, ServerAnswer},
    session::{Place, Session},
};

pub(super) async fn host(session: &Session, place: &Place, server: &str) -> Result<Deletion> {
    let name = parts::name_for_host(server);
    let get = request::get_server(place, server)?;
    let (found, ports, groups, floating) = join4(
        session.find::<ServerAnswer>(get),
        ports(session, place, &name),
        groups(session, place, &name),
        floating_ips(session, place),
    )
    .await;
    let (found, ports, groups, floating) = (found?, ports?, groups?, floating?);
    let is_ours = |ip: &FloatingIp| parts::is_for_host(ip.description(), server);
    let floating: Vec<FloatingIp> = floating.into_iter().filter(is_ours).collect();
    match found {
        Some(ServerAnswer { server }) => remove_server(session, place, server, &ports, &groups, &floating).await,
        None => remove_parts(session, place, &ports, &groups, &floating).await,
    }
}

async fn ports(session: &Session, place: &Place, name: &str) -> Result<Vec<Port>> {
    let list = request::list_ports(place, name);
    let mut ports = session.pages::<Ports>(|marker| after(list.clone(), marker)).await?;
    ports.retain(|port| port.name == name);
    Ok(ports)
}

async fn groups(session: &Session, place: &Place, name: &str) -> Result<Vec<Group>> {
    let list = request::list_groups(place, name);
    let mut groups = session.pages::<Groups>(|marker| after(list.clone(), marker)).await?;
    groups.retain(|group| group.name == name);
    Ok(groups)
}

async fn floating_ips(session: &Session, place: &Place) -> Result<Vec<FloatingIp>> {
    let list = request::list_floating_ips(place);
    session.pages::<FloatingIps>(|marker| after(list.clone(), marker)).await
}

/// Removes the server with its floating IP, and what earlier calls with its key left. Before that its id has to lead to its parts:
/// their names are changed if whoever made it did not come to that.
async fn remove_server(
    session: &Session,
    place: &Place,
    server: Server,
    ports: &[Port],
    groups: &[Group],
    floating: &[FloatingIp],
) -> Result<Deletion> {
    let (id, labels) = (server.id.clone(), server.labels());
    let status = server.into_host(place)?.status;
    let parts = Parts::of(&labels);
    let unnamed = [
        match &parts.port {
            Some(port) if ports.is_empty() => Some(request::change_port(place, port, &id, None)?),
            _ => None,
        },
        match &parts.group {
            Some(group) if groups.is_empty() => Some(request::name_group(place, group, &id)?),
            _ => None,
        },
    ];
    let (named, freed, left) = join3(
        remove_all(session, unnamed.into_iter().flatten()),
        remove_all(session, delete_floating_ips(place, floating)?),
        left_of_key(session, place, labels.key_hash(), &parts, &id),
    )
    .await;
    // Parts that nothing leads to would be left. Only what asking again cannot mend must not keep a host that bills.
    let named = match named {
        Err(error) if error.kind() != ErrorKind::Forbidden => return Err(error),
        named => named,
    };
    let deleted = async {
        if status != HostStatus::Deleting {
            session.remove(request::delete_server(place, &id)).await?.accepted()?;
        }
        Ok::<(), Error>(())
    };
    let (deleted, swept) = join(deleted, async { remove_all(session, left?).await }).await;
    deleted?;
    named?;
    freed?;
    swept?;
    Ok(Deletion::InProgress)
}

/// What a server left that is gone: its port first, which is in its group.
async fn remove_parts(
    session: &Session,
    place: &Place,
    ports: &[Port],
    groups: &[Group],
    floating: &[FloatingIp],
) -> Result<Deletion> {
    let first = delete_floating_ips(place, floating)?
        .into_iter()
        .chain(delete_ports(place, ports)?);
    let mut going = remove_all(session, first).await?;
    going.extend(remove_all(session, delete_groups(place, groups)?).await?);
    Ok(match () {
        () if going.iter().any(Going::is_busy) => Deletion::InProgress,
        () if going.iter().any(|going| !going.is_gone()) => Deletion::Removed,
        () => Deletion::NotFound,
    })
}

/// What calls with a key made for a server that never came to be, while the key has no other server: one that is being made would
/// lose its port. Nothing of it is in use by a server, and a port of it is in no group.
async fn left_of_key(
    session: &Session,
    place: &Place,
    key_hash: Option<&str>,
    parts: &Parts,
    server: &str,
) -> Result<Vec<Request>> {
    let Some(hash) = key_hash else {
        return Ok(Vec::new());
    };
    let name = parts::name_for_key(hash);
    let (hosts, ports, groups) = join3(
        servers(session, place, Some(hash)),
        ports(session, place, &name),
        groups(session, place, &name),
    )
    .await;
    let (hosts, mut ports, mut groups) = (hosts?, ports?, groups?);
    let is_other =
        |host: &ProvisionedHost| host.labels.key_hash() == Some(hash) && host.id.parts().next() != Some(server);
    if hosts.iter().any(is_other) {
        return Ok(Vec::new());
    }
    ports.retain(|port| !port.is_used() && port.id().ok() != parts.port.as_deref());
    groups.retain(|group| group.id().ok() != parts.group.as_deref());
    let deletes = delete_ports(place, &ports)?
        .into_iter()
        .chain(delete_groups(place, &groups)?);
    Ok(deletes.collect())
}

/// What was made with a key for a host that was never created, or that somebody else removed.
pub(super) async fn leftovers(session: &Session, place: &Place, hash: &str) -> Result<Deletion> {
    let name = parts::name_for_key(hash);
    let (hosts, ports, groups, floating) = join4(
        servers(session, place, Some(hash)),
        ports(session, place, &name),
        groups(session, place, &name),
        floating_ips(session, place),
    )
    .await;
    let (hosts, ports, groups, floating) = (hosts?, ports?, groups?, floating?);
    if hosts.iter().any(|host| host.labels.key_hash() == Some(hash)) {
        // Its own deletion takes them along.
        return Ok(match ports.is_empty() && groups.is_empty() {
            true => Deletion::NotFound,
            false => Deletion::InProgress,
        });
    }
    let (used, unused): (Vec<Port>, Vec<Port>) = ports.into_iter().partition(Port::is_used);
    let is_left = |ip: &FloatingIp| parts::is_for_key(ip.description(), hash);
    let floating: Vec<FloatingIp> = floating.into_iter().filter(is_left).collect();
    let removed = remove_parts(session, place, &unused, &groups, &floating).await?;
    Ok(if used.is_empty() { removed } else { Deletion::InProgress })
}

fn delete_floating_ips(place: &Place, floating: &[FloatingIp]) -> Result<Vec<Request>> {
    let delete = |ip: &FloatingIp| Ok(request::delete_floating_ip(place, ip.id()?));
    floating.iter().map(delete).collect()
}

fn delete_ports(place: &Place, ports: &[Port]) -> Result<Vec<Request>> {
    let delete = |port: &Port| Ok(request::delete_port(place, port.id()?));
    ports.iter().map(delete).collect()
}

fn delete_groups(place: &Place, groups: &[Group]) -> Result<Vec<Request>> {
    let delete = |group: &Group| Ok(request::delete_group(place, group.id()?));
    groups.iter().map(delete).collect()
}

/// Sends changes and deletions of parts side by side, and waits for all of them: one that is gone is as good.
async fn remove_all(session: &Session, requests: impl IntoIterator<Item = Request>) -> Result<Vec<Going>> {
    let sent = requests.into_iter().map(|request| session.remove(request));
    join_all(sent).await.into_iter().collect()
}
