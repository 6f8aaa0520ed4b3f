//! From a Tunnel to a host request, and from a host's state to a Tunnel's status.

use std::time::SystemTime;

use kube::ResourceExt as _;
use provision::{BasicHost, IdempotencyKey, ProviderInfo, Result};
use provision_exit_server::{AuthToken, inlets::InletsPro};
use serde_json::{Map, Value, json};

use super::{
    Defaults,
    choices::Choice,
    conditions::{Problem, conditions},
    names::host_name,
    service,
};
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
    choice: Choice,
    defaults: &Defaults,
    info: &ProviderInfo,
) -> Result<BasicHost> {
    let name = host_name(&tunnel.name_any(), key, &info.name_rules)?;
    let mut host = BasicHost::new(name, InletsPro::new(&defaults.inlets_release)?.user_data(token)?);
    host.region = choice.region;
    host.plan = choice.plan;
    host.additional = defaults.additional.clone();
    host.labels = defaults.labels("tunnel", &tunnel.namespace().unwrap_or_default())?;
    host = host.with_key(key.clone());
    Ok(host)
}

/// Merge patch of a Tunnel's status: what differs between what it says and what it should say. `None`: nothing does.
#[must_use]
pub fn status_patch(
    tunnel: &Tunnel,
    id: Option<&str>,
    state: &State,
    problem: Option<&Problem>,
    now: SystemTime,
) -> Option<Value> {
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
    let kept = status.host_ip.clone().filter(|_| id.is_some());
    let ip = state.ip.map(|ip| ip.to_string()).or(kept);
    set("hostIP", status.host_ip.as_deref(), ip.as_deref());
    let generated = service::owner(tunnel).is_some();
    if status.generated != Some(generated) {
        patch.insert("generated".to_owned(), json!(generated));
    }
    // Without its client a host with an address leads nowhere.
    let pending = status.client_deployment_ref.is_none().then_some("ClientPending");
    let generation = tunnel.metadata.generation;
    let conditions = conditions(&status.conditions, state, pending, problem, generation, now);
    if conditions != status.conditions {
        patch.insert("conditions".to_owned(), json!(conditions));
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

/// Merge patch that stores the reference to a Tunnel's client, and what follows from there being one; `None` when it is there
/// already. One patch for both: a Tunnel becomes ready without a write of its own.
#[must_use]
pub fn client_patch(tunnel: &Tunnel, name: &str, state: &State, now: SystemTime) -> Option<Value> {
    let mut patch = reference_patch(tunnel, "clientDeploymentRef", name)?;
    let mut with_client = tunnel.clone();
    let status = with_client.status.get_or_insert_default();
    status.client_deployment_ref = Some(ResourceRef::default());
    let id = status.host_id.clone();
    if let Some(Value::Object(follows)) = status_patch(&with_client, id.as_deref(), state, None, now)
        && let Some(Value::Object(more)) = follows.get("status")
        && let Some(Value::Object(target)) = patch.get_mut("status")
    {
        target.extend(more.clone());
    }
    Some(patch)
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
    use std::{net::IpAddr, time::Duration};

    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

    use super::*;
    use crate::crd::TunnelSpec;

    fn state(phase: HostPhase, ip: Option<[u8; 4]>) -> State {
        State {
            phase,
            ip: ip.map(IpAddr::from),
            message: None,
        }
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_168_800 + seconds)
    }

    /// What a patch changes beside the conditions, which then are as `Ready/Progressing/Degraded`, with the reason of each.
    fn apply(tunnel: &mut Tunnel, patch: Option<Value>) -> (Value, Vec<String>) {
        let mut patch = patch.unwrap_or_else(|| json!({ "status": {} }))["status"].take();
        let mut status = serde_json::to_value(tunnel.status.clone().unwrap_or_default()).unwrap();
        status
            .as_object_mut()
            .unwrap()
            .extend(patch.as_object().unwrap().clone());
        tunnel.status = Some(serde_json::from_value(status).unwrap());
        patch.as_object_mut().unwrap().remove("conditions");
        let conditions = tunnel.status.as_ref().unwrap().conditions.iter();
        let text = |condition: &Condition| format!("{}:{}", condition.status, condition.reason);
        (patch, conditions.map(text).collect())
    }

    #[test]
    fn a_status_is_patched_only_where_it_changes() {
        let mut tunnel = Tunnel::new("a", TunnelSpec::default());
        tunnel.metadata.generation = Some(3);
        let patch = |tunnel: &Tunnel, state: &State, seconds| status_patch(tunnel, Some("1"), state, None, at(seconds));
        let provisioning = state(HostPhase::Provisioning, None);
        let first = patch(&tunnel, &provisioning, 0);
        assert_eq!(
            apply(&mut tunnel, first),
            (
                json!({ "hostId": "1", "hostStatus": "provisioning", "generated": false }),
                ["False:Provisioning", "True:Provisioning", "False:AsExpected"]
                    .map(str::to_owned)
                    .to_vec()
            )
        );
        assert_eq!(patch(&tunnel, &provisioning, 9), None);
        let active = state(HostPhase::Active, Some([192, 0, 2, 1]));
        let second = patch(&tunnel, &active, 10);
        assert_eq!(
            apply(&mut tunnel, second),
            (
                json!({ "hostStatus": "active", "hostIP": "192.0.2.1" }),
                ["False:ClientPending", "True:ClientPending", "False:AsExpected"]
                    .map(str::to_owned)
                    .to_vec()
            )
        );
        // The reference to the client makes it ready, in one patch.
        let third = client_patch(&tunnel, "a-client", &active, at(20));
        assert_eq!(
            apply(&mut tunnel, third),
            (
                json!({ "clientDeploymentRef": { "name": "a-client", "namespace": "" } }),
                ["True:Active", "False:Active", "False:AsExpected"]
                    .map(str::to_owned)
                    .to_vec()
            )
        );
        assert_eq!(patch(&tunnel, &active, 99), None);
        assert_eq!(client_patch(&tunnel, "a-client", &active, at(99)), None);
        let ready = tunnel.status.as_ref().unwrap().conditions.first().cloned().unwrap();
        assert_eq!(
            (ready.observed_generation, ready.last_transition_time.0.to_string()),
            (Some(3), "2026-11-20T10:00:20Z".to_owned())
        );
        let gone = patch(&tunnel, &state(HostPhase::Gone, None), 100);
        assert_eq!(
            apply(&mut tunnel, gone),
            (
                // The address stays on record.
                json!({ "hostStatus": "gone" }),
                ["False:Gone", "False:Gone", "True:Gone"].map(str::to_owned).to_vec()
            )
        );
    }

    #[test]
    fn a_problem_is_told_in_the_status() {
        let mut tunnel = Tunnel::new("a", TunnelSpec::default());
        let problem = Problem {
            reason: "SoldOut".into(),
            message: "nothing left".into(),
        };
        let told = status_patch(&tunnel, None, &state(HostPhase::Pending, None), Some(&problem), at(0));
        let (rest, conditions) = apply(&mut tunnel, told);
        assert_eq!(rest, json!({ "generated": false }));
        assert_eq!(conditions, ["False:Pending", "True:Pending", "True:SoldOut"]);
        assert_eq!(
            tunnel.status.as_ref().unwrap().conditions.last().unwrap().message,
            "nothing left"
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
