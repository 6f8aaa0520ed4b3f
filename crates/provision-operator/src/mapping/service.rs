//! Which Services want a tunnel, the Tunnel that is made for one, and the address that is written into one.

use std::net::IpAddr;

use k8s_openapi::{
    api::core::v1::{LoadBalancerIngress, Service},
    apimachinery::pkg::apis::meta::v1::OwnerReference,
};
use kube::{Resource as _, ResourceExt as _, api::ObjectMeta};
use serde_json::{Value, json};

use crate::crd::{ResourceRef, Tunnel, TunnelSpec};

/// The annotation that asks for a tunnel (`1`) or refuses one (`0`).
pub const MANAGE_ANNOTATION: &str = "operator.inlets.dev/manage";
/// The class by which a Service asks for a tunnel and for no other load balancer.
pub const CLASS: &str = "operator.inlets.dev/tunnel";

/// Whether a Service is to have a tunnel.
#[must_use]
pub fn wants_tunnel(service: &Service, annotated_only: bool) -> bool {
    let spec = service.spec.as_ref();
    let class = spec.and_then(|spec| spec.load_balancer_class.as_deref());
    if service.metadata.deletion_timestamp.is_some()
        || !is_balanced(service)
        || class.is_some_and(|class| class != CLASS)
    {
        return false;
    }
    match service.annotations().get(MANAGE_ANNOTATION) {
        // Go's `strconv.ParseBool`, which inlets-operator read it with.
        Some(value) => matches!(value.as_str(), "1" | "t" | "T" | "true" | "TRUE" | "True"),
        None => class.is_some() || !annotated_only,
    }
}

/// Whether a Service is of the type that load balancers are for.
#[must_use]
pub fn is_balanced(service: &Service) -> bool {
    let spec = service.spec.as_ref();
    spec.and_then(|spec| spec.type_.as_deref()) == Some("LoadBalancer")
}

/// Whether a Service could have a tunnel that it no longer wants. Most Services never have anything to do with tunnels, and
/// need no look at the cluster's Tunnels.
#[must_use]
pub fn may_have_tunnel(service: &Service) -> bool {
    let addresses = service.spec.as_ref().and_then(|spec| spec.external_ips.as_ref());
    let has_address = addresses.is_some_and(|addresses| !addresses.is_empty());
    is_balanced(service) || has_address || service.annotations().contains_key(MANAGE_ANNOTATION)
}

/// The name of the Tunnel that belongs to a Service.
#[must_use]
pub fn tunnel_name(service: &str) -> String {
    format!("{service}-tunnel")
}

/// The Service that a Tunnel of this name belongs to.
#[must_use]
pub fn service_of(tunnel: &str) -> Option<&str> {
    tunnel.strip_suffix("-tunnel").filter(|service| !service.is_empty())
}

/// The Tunnel that a Service is to have; `None` for a Service that the cluster has not stored yet.
#[must_use]
pub fn tunnel_for(service: &Service) -> Option<Tunnel> {
    let name = service.metadata.name.clone()?;
    let namespace = service.metadata.namespace.clone()?;
    let spec = TunnelSpec {
        service_ref: Some(ResourceRef {
            name: name.clone(),
            namespace: namespace.clone(),
        }),
        update_service_ip: Some(true),
        ..TunnelSpec::default()
    };
    let mut tunnel = Tunnel::new(&tunnel_name(&name), spec);
    tunnel.metadata = ObjectMeta {
        name: tunnel.metadata.name,
        namespace: Some(namespace),
        owner_references: Some(vec![service.controller_owner_ref(&())?]),
        ..ObjectMeta::default()
    };
    Some(tunnel)
}

/// Whether a Tunnel was made for a Service: it is then deleted when the Service no longer wants it.
#[must_use]
pub fn owns(service: &Service, tunnel: &Tunnel) -> bool {
    service
        .uid()
        .is_some_and(|uid| owner(tunnel).is_some_and(|owner| owner.uid == uid))
}

/// The Service that owns a Tunnel.
#[must_use]
pub fn owner(tunnel: &Tunnel) -> Option<&OwnerReference> {
    tunnel.owner_references().iter().find(|owner| owner.kind == "Service")
}

/// Whether the host's address goes into the Service.
#[must_use]
pub fn takes_address(tunnel: &Tunnel) -> bool {
    tunnel.spec.update_service_ip.unwrap_or_else(|| owner(tunnel).is_some())
}

/// TCP ports of a Service, as the client takes them: `80,443`. A tunnel carries nothing but TCP.
#[must_use]
pub fn tcp_ports(service: &Service) -> String {
    let ports = service
        .spec
        .as_ref()
        .and_then(|spec| spec.ports.as_deref())
        .unwrap_or_default();
    let tcp = |protocol: Option<&str>| protocol.is_none_or(|protocol| protocol == "TCP");
    let ports: Vec<String> = ports
        .iter()
        .filter(|port| tcp(port.protocol.as_deref()))
        .map(|port| port.port.to_string())
        .collect();
    ports.join(",")
}

/// What changes when an address of ours comes and another one goes. Addresses of others stay.
#[derive(Debug, Default, PartialEq)]
pub struct AddressChange {
    /// Merge patch of the Service, if its external IPs change.
    pub spec: Option<Value>,
    /// Merge patch of the Service's status, if its load balancer's addresses change.
    pub status: Option<Value>,
}

/// The patches that put `new` in the place of `old`.
#[must_use]
pub fn change_address(service: &Service, old: Option<IpAddr>, new: Option<IpAddr>) -> AddressChange {
    let (old, new) = (old.map(|ip| ip.to_string()), new.map(|ip| ip.to_string()));
    let external = service
        .spec
        .as_ref()
        .and_then(|spec| spec.external_ips.clone())
        .unwrap_or_default();
    let shown: Vec<LoadBalancerIngress> = service
        .status
        .as_ref()
        .and_then(|status| status.load_balancer.as_ref()?.ingress.clone())
        .unwrap_or_default();
    let replaced = |list: Vec<String>| {
        let mut list: Vec<String> = list
            .into_iter()
            .filter(|ip| Some(ip) != old.as_ref() || old == new)
            .collect();
        if let Some(new) = &new
            && !list.contains(new)
        {
            list.push(new.clone());
        }
        list
    };
    let wanted = replaced(external.clone());
    let shown: Vec<String> = shown.into_iter().filter_map(|entry| entry.ip).collect();
    let wanted_shown = replaced(shown.clone());
    let entries = |list: &[String]| list.iter().map(|ip| json!({ "ip": ip })).collect::<Vec<_>>();
    AddressChange {
        spec: (wanted != external).then(|| json!({ "spec": { "externalIPs": wanted } })),
        status: (wanted_shown != shown)
            .then(|| json!({ "status": { "loadBalancer": { "ingress": entries(&wanted_shown) } } })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(value: Value) -> Service {
        let mut service: Service = serde_json::from_value(value).unwrap();
        service.metadata.name = Some("web".into());
        service.metadata.namespace = Some("shop".into());
        service.metadata.uid = Some("uid-1".into());
        service
    }

    #[test]
    fn services_that_never_had_to_do_with_tunnels_are_known_by_their_looks() {
        let may = |spec: Value, annotations: Value| {
            may_have_tunnel(&service(
                json!({ "spec": spec, "metadata": { "annotations": annotations } }),
            ))
        };
        assert!(!may(json!({ "type": "ClusterIP" }), json!({})));
        assert!(!may(json!({ "type": "NodePort", "externalIPs": [] }), json!({})));
        assert!(may(json!({ "type": "LoadBalancer" }), json!({})));
        assert!(may(
            json!({ "type": "ClusterIP", "externalIPs": ["192.0.2.1"] }),
            json!({})
        ));
        assert!(may(json!({ "type": "ClusterIP" }), json!({ MANAGE_ANNOTATION: "0" })));
    }

    #[test]
    fn annotation_class_and_type_decide_who_gets_a_tunnel() {
        let lb = json!({ "type": "LoadBalancer" });
        let ours = json!({ "type": "LoadBalancer", "loadBalancerClass": CLASS });
        let other = json!({ "type": "LoadBalancer", "loadBalancerClass": "metallb.io/x" });
        let cluster_ip = json!({ "type": "ClusterIP" });
        // spec, annotation, wanted by default, wanted with --annotated-only
        let table = [
            (&lb, None, true, false),
            (&lb, Some("1"), true, true),
            (&lb, Some("true"), true, true),
            (&lb, Some("0"), false, false),
            (&lb, Some("yes please"), false, false),
            (&ours, None, true, true),
            (&ours, Some("0"), false, false),
            (&other, None, false, false),
            (&other, Some("1"), false, false),
            (&cluster_ip, Some("1"), false, false),
        ];
        for (spec, annotation, by_default, annotated_only) in table {
            let annotations = annotation.map(|value| json!({ MANAGE_ANNOTATION: value }));
            let service = service(json!({ "metadata": { "annotations": annotations }, "spec": spec }));
            assert_eq!(wants_tunnel(&service, false), by_default, "{spec} {annotation:?}");
            assert_eq!(wants_tunnel(&service, true), annotated_only, "{spec} {annotation:?}");
        }
        let mut going = service(json!({ "spec": lb }));
        going.metadata.deletion_timestamp = Some(serde_json::from_value(json!("2026-11-20T10:00:00Z")).unwrap());
        assert!(!wants_tunnel(&going, false));
    }

    #[test]
    fn the_tunnel_belongs_to_its_service() {
        let service = service(json!({ "spec": { "type": "LoadBalancer" } }));
        let tunnel = tunnel_for(&service).unwrap();
        assert_eq!(tunnel.name_any(), "web-tunnel");
        assert_eq!(tunnel.namespace().as_deref(), Some("shop"));
        assert!(owns(&service, &tunnel) && takes_address(&tunnel));
        let by_hand = Tunnel::new("web-tunnel", TunnelSpec::default());
        assert!(!owns(&service, &by_hand) && !takes_address(&by_hand));
    }

    #[test]
    fn only_tcp_goes_through_a_tunnel() {
        let service = service(json!({ "spec": { "ports": [
            { "port": 80 }, { "port": 53, "protocol": "UDP" }, { "port": 443, "protocol": "TCP" }
        ] } }));
        assert_eq!(tcp_ports(&service), "80,443");
    }

    #[test]
    fn our_address_comes_and_goes_and_others_stay() {
        let ip = |last: u8| Some(IpAddr::from([192, 0, 2, last]));
        let empty = service(json!({ "spec": {} }));
        let change = change_address(&empty, None, ip(1));
        assert_eq!(
            change.spec.unwrap(),
            json!({ "spec": { "externalIPs": ["192.0.2.1"] } })
        );
        assert_eq!(
            change.status.unwrap(),
            json!({ "status": { "loadBalancer": { "ingress": [{ "ip": "192.0.2.1" }] } } })
        );
        let full = service(json!({
            "spec": { "externalIPs": ["198.51.100.9", "192.0.2.1"] },
            "status": { "loadBalancer": { "ingress": [{ "ip": "192.0.2.1" }] } }
        }));
        assert_eq!(change_address(&full, None, ip(1)), AddressChange::default());
        assert_eq!(change_address(&full, ip(1), ip(1)), AddressChange::default());
        let moved = change_address(&full, ip(1), ip(2)).spec.unwrap();
        assert_eq!(
            moved,
            json!({ "spec": { "externalIPs": ["198.51.100.9", "192.0.2.2"] } })
        );
        let gone = change_address(&full, ip(1), None);
        assert_eq!(
            gone.spec.unwrap(),
            json!({ "spec": { "externalIPs": ["198.51.100.9"] } })
        );
        assert_eq!(
            gone.status.unwrap(),
            json!({ "status": { "loadBalancer": { "ingress": [] } } })
        );
    }
}
