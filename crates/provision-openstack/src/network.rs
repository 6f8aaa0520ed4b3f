//! How a host gets its public address.

use provision_core::{Error, Order, Result};
use serde::Deserialize;

#[derive(Deserialize)]
pub(crate) struct Network {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(rename = "router:external", default)]
    external: bool,
    #[serde(default)]
    shared: bool,
    project_id: Option<String>,
    /// The same, by its old name.
    tenant_id: Option<String>,
    #[serde(default)]
    subnets: Vec<String>,
}

/// What a host is attached to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Way {
    /// The network's id.
    pub(crate) network: String,
    /// The external network that a floating IP comes from; without one the host's address on its network is its public one.
    pub(crate) floating: Option<String>,
}

/// The value of `floating-network` for a network that needs no floating IP.
const NONE: &str = "none";

/// The network that the order names. Else the only external one that projects may attach hosts to, or else the project's only own
/// one with a floating IP of the only external one.
///
/// # Errors
/// `InvalidRequest` that says what there is to choose from.
pub(crate) fn choose(networks: &[Network], project: &str, order: &Order) -> Result<Way> {
    let wanted = order.extra("network");
    let network = match wanted {
        Some(wanted) => named(networks, wanted, "network", &order.region)?,
        None => default(networks, project, &order.region)?,
    };
    let floating = match order.extra("floating-network") {
        Some(NONE) => None,
        Some(wanted) => {
            let external = named(networks, wanted, "floating-network", &order.region)?;
            if !external.external {
                return Err(Error::invalid(format!(
                    "network {wanted:?} gives no floating IPs, because it is not external: name another with the additional setting `floating-network`"
                )));
            }
            Some(external)
        }
        None if network.external => None,
        None => Some(only(
            networks.iter().filter(|network| network.external).collect(),
            "an external network for a floating IP",
            "floating-network",
            &order.region,
        )?),
    };
    Ok(Way {
        network: network.id.clone(),
        floating: floating.map(|network| network.id.clone()),
    })
}

fn default<'a>(networks: &'a [Network], project: &str, region: &str) -> Result<&'a Network> {
    let usable = |network: &&Network| !network.subnets.is_empty();
    let direct: Vec<_> = networks
        .iter()
        .filter(usable)
        .filter(|network| network.external && network.shared)
        .collect();
    if !direct.is_empty() {
        return only(
            direct,
            "an external network that hosts are attached to",
            "network",
            region,
        );
    }
    let ours = |network: &&Network| {
        let owner = network.project_id.as_deref().or(network.tenant_id.as_deref());
        owner == Some(project) && !network.external
    };
    let own: Vec<_> = networks.iter().filter(usable).filter(ours).collect();
    only(own, "a network of the project's with a subnet", "network", region)
}

fn only<'a>(found: Vec<&'a Network>, what: &str, extra: &str, region: &str) -> Result<&'a Network> {
    match found.as_slice() {
        [one] => Ok(one),
        [] => Err(Error::invalid(format!(
            "region {region} lacks {what}: make one, or name a network with the additional setting `{extra}`"
        ))),
        many => {
            let names: Vec<&str> = many.iter().map(|network| network.name.as_str()).collect();
            Err(Error::invalid(format!(
                "region {region} has more than one that could be {what}: choose with the additional setting `{extra}` from {}",
                names.join(", ")
            )))
        }
    }
}

fn named<'a>(networks: &'a [Network], wanted: &str, extra: &str, region: &str) -> Result<&'a Network> {
    let found: Vec<_> = networks
        .iter()
        .filter(|network| network.id == wanted || network.name == wanted)
        .collect();
    match found.as_slice() {
        [one] => Ok(one),
        [] => {
            let names: Vec<&str> = networks.iter().map(|network| network.name.as_str()).collect();
            Err(Error::invalid(format!(
                "network {wanted:?} of the additional setting `{extra}` does not exist in region {region}; known: {}",
                names.join(", ")
            )))
        }
        _ => Err(Error::invalid(format!(
            "more than one network is called {wanted:?} in region {region}: name it by its id in the additional setting `{extra}`"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use provision_core::{BasicHost, UserData};

    use super::*;
    use crate::info::INFO;

    const PROJECT: &str = "b58112659c6b427fba21cfe20a019d2b";

    fn network(name: &str, external: bool, shared: bool, project: &str) -> Network {
        Network {
            id: format!("id-of-{name}"),
            name: name.to_owned(),
            external,
            shared,
            project_id: Some(project.to_owned()),
            tenant_id: None,
            subnets: vec!["s".to_owned()],
        }
    }

    fn chosen(networks: &[Network], extras: &[(&str, &str)]) -> std::result::Result<(String, Option<String>), String> {
        let mut host = BasicHost::new("web-1".parse().unwrap(), UserData::empty());
        for (key, value) in extras {
            host = host.with_additional(*key, *value);
        }
        let order = Order::new(&INFO, "RegionOne", &host).unwrap();
        let way = choose(networks, PROJECT, &order).map_err(|error| error.to_string())?;
        Ok((way.network, way.floating))
    }

    #[test]
    fn a_shared_external_network_is_used_directly() {
        let networks = [
            network("Ext-Net", true, true, "other"),
            network("private", false, false, PROJECT),
        ];
        assert_eq!(chosen(&networks, &[]), Ok(("id-of-Ext-Net".into(), None)));
        let told = chosen(&networks, &[("network", "private")]);
        assert_eq!(told, Ok(("id-of-private".into(), Some("id-of-Ext-Net".into()))));
        let told = chosen(&networks, &[("network", "id-of-private"), ("floating-network", "none")]);
        assert_eq!(told, Ok(("id-of-private".into(), None)));
        let told = chosen(&networks, &[("floating-network", "private")]);
        assert!(told.unwrap_err().contains("not external"));
        let unknown = chosen(&networks, &[("network", "prviate")]);
        assert!(unknown.unwrap_err().contains("known: Ext-Net, private"));
    }

    #[test]
    fn else_the_own_network_with_a_floating_ip() {
        let mut networks = vec![
            network("public", true, false, "other"),
            network("private", false, false, PROJECT),
            network("somebody-s", false, true, "other"),
        ];
        assert_eq!(
            chosen(&networks, &[]),
            Ok(("id-of-private".into(), Some("id-of-public".into())))
        );
        // One without a subnet gives no address.
        networks.push(network("empty", false, false, PROJECT));
        networks.last_mut().unwrap().subnets.clear();
        assert!(chosen(&networks, &[]).is_ok());
        networks.push(network("second", false, false, PROJECT));
        let many = chosen(&networks, &[]).unwrap_err();
        assert!(many.contains("`network` from private, second"), "{many}");
        networks.push(network("internet", true, false, "other"));
        let many = chosen(&networks, &[("network", "second")]).unwrap_err();
        assert!(many.contains("`floating-network` from public, internet"), "{many}");
        assert!(chosen(&[], &[]).unwrap_err().contains("lacks a network"));
    }

    #[test]
    fn a_name_that_two_have_is_no_choice() {
        let networks = [
            network("net", false, false, PROJECT),
            network("net", false, true, "other"),
        ];
        assert!(
            chosen(&networks, &[("network", "net")])
                .unwrap_err()
                .contains("by its id")
        );
    }
}
