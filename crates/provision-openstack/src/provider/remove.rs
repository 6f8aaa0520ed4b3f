//! Removing a host and what was made for it. Group and port are in use until their server is gone, and go in a later call; the
//! floating IP, which bills and survives its server, goes with it. Not before it: a server without its address that lives on, as
//! whoever deletes it dies in between, would never be active again.

use futures_util::future::{join, join_all, join3, join4};
use provision_core::{Deletion, ErrorKind, HostStatus, ProvisionedHost, Result};
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
    let (floating, others): (Vec<FloatingIp>, Vec<FloatingIp>) = floating.into_iter().partition(is_ours);
    match found {
        Some(ServerAnswer { server }) => {
            remove_server(session, place, server, (&ports, &groups, &floating), others).await
        }
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

/// What exists with a key: servers, and ports and groups whatever they are called.
async fn of_key(session: &Session, place: &Place, hash: &str) -> Result<(Vec<ProvisionedHost>, Vec<Port>, Vec<Group>)> {
    let (ports, groups) = (
        request::list_ports_of_key(place, hash),
        request::list_groups_of_key(place, hash),
    );
    let (hosts, ports, groups) = join3(
        servers(session, place, Some(hash)),
        session.pages::<Ports>(|marker| after(ports.clone(), marker)),
        session.pages::<Groups>(|marker| after(groups.clone(), marker)),
    )
    .await;
    let (mut hosts, mut ports, mut groups) = (hosts?, ports?, groups?);
    let description = parts::description_of_part(hash);
    hosts.retain(|host| host.labels.key_hash() == Some(hash));
    ports.retain(|port| port.description == description);
    groups.retain(|group| group.description == description);
    Ok((hosts, ports, groups))
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
    (ports, groups, floating): (&[Port], &[Group], &[FloatingIp]),
    other_floating: Vec<FloatingIp>,
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
    let freed = delete_floating_ips(place, floating)?;
    let (named, left) = join(
        remove_all(session, unnamed.into_iter().flatten()),
        left_of_key(session, place, labels.key_hash(), &parts, &id, other_floating),
    )
    .await;
    // Parts that nothing leads to would be left. Only what asking again cannot mend must not keep a host that bills.
    let named = match named {
        Err(error) if error.kind() != ErrorKind::Forbidden => return Err(error),
        named => named,
    };
    let removed = async {
        if status != HostStatus::Deleting {
            session.remove(request::delete_server(place, &id)).await?.accepted()?;
        }
        remove_all(session, freed).await
    };
    let (removed, swept) = join(removed, async { remove_all(session, left?).await }).await;
    removed?;
    named?;
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

/// What calls with a key made for a server that never came to be, or that was removed by somebody who did not come to the end of it,
/// while the key has no other server: one that is being made would lose its port. Nothing of it is in use by a server.
async fn left_of_key(
    session: &Session,
    place: &Place,
    key_hash: Option<&str>,
    parts: &Parts,
    server: &str,
    mut floating: Vec<FloatingIp>,
) -> Result<Vec<Request>> {
    let Some(hash) = key_hash else {
        return Ok(Vec::new());
    };
    let (hosts, mut ports, mut groups) = of_key(session, place, hash).await?;
    if hosts.iter().any(|host| host.id.parts().next() != Some(server)) {
        return Ok(Vec::new());
    }
    floating.retain(|ip| parts::is_for_key(ip.description(), hash));
    ports.retain(|port| !port.is_used() && port.id().ok() != parts.port.as_deref());
    groups.retain(|group| group.id().ok() != parts.group.as_deref());
    let mut deletes = delete_floating_ips(place, &floating)?;
    deletes.extend(delete_ports(place, &ports)?);
    deletes.extend(delete_groups(place, &groups)?);
    Ok(deletes)
}

/// What was made with a key for a host that was never created, or that somebody else removed.
pub(super) async fn leftovers(session: &Session, place: &Place, hash: &str) -> Result<Deletion> {
    let (of_key, floating) = join(of_key(session, place, hash), floating_ips(session, place)).await;
    let ((hosts, ports, groups), floating) = (of_key?, floating?);
    if !hosts.is_empty() {
        // Their own deletion takes them along.
        let names: Vec<String> = hosts
            .iter()
            .filter_map(|host| host.id.parts().next())
            .map(parts::name_for_host)
            .collect();
        let mut named = ports
            .iter()
            .map(|port| &port.name)
            .chain(groups.iter().map(|group| &group.name));
        return Ok(match named.all(|name| names.contains(name)) {
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
