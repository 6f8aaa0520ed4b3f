//! From a Tunnel to a host request, and from a host's state to a Tunnel's status.

use kube::ResourceExt as _;
use provision::{BasicHost, IdempotencyKey, ProviderInfo, Result};
use serde_json::{Map, Value, json};

use super::{Defaults, exit_server, exit_server::AuthToken, names::host_name, service};
use crate::{
    crd::{HostPhase, ResourceRef, Tunnel},
    engine::State,
};

/// The host that a Tunnel asks for: an exit server. All of its ports are open, because the Service's ports may change.
///
/// # Errors
/// `InvalidRequest` when the operator's own settings do not make a host.
pub fn request(
    tunnel: &Tunnel,
    key: &IdempotencyKey,
    token: &AuthToken,
    defaults: &Defaults,
    info: &ProviderInfo,
) -> Result<BasicHost> {
    let name = host_name(&tunnel.name_any(), key, &info.name_rules)?;
    let mut host = BasicHost::new(name, exit_server::user_data(token, &defaults.inlets_release)?);
    host.region = defaults.region.clone();
    host.plan = defaults.plan.clone();
    host.additional = defaults.additional.clone();
    host.labels = defaults.labels("tunnel")?;
    host.key = Some(key.clone());
    Ok(host)
}

/// Merge patch of a Tunnel's status: what differs between what it says and what it should say. `None`: nothing does.
#[must_use]
pub fn status_patch(tunnel: &Tunnel, id: Option<&str>, state: &State) -> Option<Value> {
    let status = tunnel.status.clone().unwrap_or_default();
    let mut patch = Map::new();
    let mut set = |field: &str, old: Option<&str>, new: Option<&str>| {
        if old.unwrap_or_default() != new.unwrap_or_default() {
            patch.insert(field.to_owned(), json!(new.unwrap_or_default()));
        }
    };
    set("hostId", status.host_id.as_deref(), id);
    set(
        "hostStatus",
        status.host_status.as_deref(),
        Some(state.phase.tunnel_word()),
    );
    // The address stays while the host does: it is needed to take it out of the Service.
    let ip = state.ip.map(|ip| ip.to_string()).or_else(|| status.host_ip.clone());
    set("hostIP", status.host_ip.as_deref(), ip.as_deref());
    let generated = service::owner(tunnel).is_some();
    if status.generated != Some(generated) {
        patch.insert("generated".to_owned(), json!(generated));
    }
    (!patch.is_empty()).then(|| json!({ "status": patch }))
}

/// Merge patch that stores a reference in a Tunnel's status, such as `authTokenRef`; `None` when it is there already.
#[must_use]
pub fn reference_patch(tunnel: &Tunnel, field: &str, name: &str) -> Option<Value> {
    let status = tunnel.status.as_ref();
    let old: Option<&ResourceRef> = match field {
        "authTokenRef" => status.and_then(|status| status.auth_token_ref.as_ref()),
        _ => status.and_then(|status| status.client_deployment_ref.as_ref()),
    };
    let namespace = tunnel.namespace().unwrap_or_default();
    let same = old.is_some_and(|old| old.name == name && old.namespace == namespace);
    (!same).then(|| json!({ "status": { field: { "name": name, "namespace": namespace } } }))
}

/// The phase that a Tunnel's status has on record.
#[must_use]
pub fn phase(tunnel: &Tunnel) -> HostPhase {
    let word = tunnel.status.as_ref().and_then(|status| status.host_status.as_deref());
    let all = [
        HostPhase::Provisioning,
        HostPhase::Active,
        HostPhase::Stopped,
        HostPhase::Failed,
        HostPhase::Gone,
        HostPhase::Deleting,
    ];
    match word {
        None | Some("") => HostPhase::Pending,
        Some(word) => all
            .into_iter()
            .find(|phase| phase.tunnel_word() == word)
            .unwrap_or(HostPhase::Unknown),
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::crd::{TunnelSpec, TunnelStatus};

    fn state(phase: HostPhase, ip: Option<[u8; 4]>) -> State {
        State {
            phase,
            ip: ip.map(IpAddr::from),
            message: None,
        }
    }

    #[test]
    fn a_status_is_patched_only_where_it_changes() {
        let mut tunnel = Tunnel::new("a", TunnelSpec::default());
        let provisioning = state(HostPhase::Provisioning, None);
        assert_eq!(
            status_patch(&tunnel, Some("1"), &provisioning).unwrap(),
            json!({ "status": { "hostId": "1", "hostStatus": "provisioning", "generated": false } })
        );
        tunnel.status = Some(TunnelStatus {
            generated: Some(false),
            host_id: Some("1".into()),
            host_status: Some("provisioning".into()),
            ..TunnelStatus::default()
        });
        assert_eq!(status_patch(&tunnel, Some("1"), &provisioning), None);
        let active = state(HostPhase::Active, Some([192, 0, 2, 1]));
        assert_eq!(
            status_patch(&tunnel, Some("1"), &active).unwrap(),
            json!({ "status": { "hostStatus": "active", "hostIP": "192.0.2.1" } })
        );
        tunnel.status.as_mut().unwrap().host_ip = Some("192.0.2.1".into());
        let gone = status_patch(&tunnel, Some("1"), &state(HostPhase::Gone, None)).unwrap();
        assert_eq!(
            gone,
            json!({ "status": { "hostStatus": "gone" } }),
            "the address stays on record"
        );
    }

    #[test]
    fn phases_survive_the_way_through_the_status() {
        let mut tunnel = Tunnel::new("a", TunnelSpec::default());
        assert_eq!(phase(&tunnel), HostPhase::Pending);
        for expected in [
            HostPhase::Provisioning,
            HostPhase::Active,
            HostPhase::Failed,
            HostPhase::Gone,
            HostPhase::Deleting,
        ] {
            tunnel.status.get_or_insert_default().host_status = Some(expected.tunnel_word().to_owned());
            assert_eq!(phase(&tunnel), expected);
        }
        tunnel.status.get_or_insert_default().host_status = Some("odd".to_owned());
        assert_eq!(phase(&tunnel), HostPhase::Unknown);
    }
}
