//! From a Host resource to a host request, and from a host's state to a Host's status.

use std::time::SystemTime;

use kube::ResourceExt as _;
use provision::{BasicHost, Error, IdempotencyKey, OpenPorts, PortRange, ProviderInfo, Result, UserData};
use serde_json::{Map, Value, json};

use super::{
    Defaults, RESERVED_LABELS,
    choices::Choice,
    conditions::conditions,
    names::{host_name, parse_ttl},
};
use crate::{
    crd::{Host, HostPhase},
    engine::State,
    managed::News,
};

/// The host that a resource asks for.
///
/// # Errors
/// `InvalidRequest` when a field does not say what it should, naming it.
pub fn request(
    host: &Host,
    key: &IdempotencyKey,
    user_data: UserData,
    choice: Choice,
    defaults: &Defaults,
    info: &ProviderInfo,
) -> Result<BasicHost> {
    let spec = &host.spec;
    let name = host_name(&host.name_any(), key, &info.name_rules)?;
    let mut request = BasicHost::new(name, user_data);
    request.region = choice.region;
    request.plan = choice.plan;
    request.image = spec.image.clone();
    request.labels = defaults.labels("host", &host.namespace().unwrap_or_default())?;
    for (label, value) in &spec.labels {
        // The operator tells its hosts by them, and counts them.
        if label.starts_with(RESERVED_LABELS) {
            return Err(Error::invalid(format!(
                "label `{label}` is reserved: choose a key that does not start with `{RESERVED_LABELS}`"
            )));
        }
        request.labels.insert(label, &value.0)?;
    }
    if let Some(ports) = &spec.ports {
        let ranges: Result<Vec<PortRange>, _> = ports.iter().map(|port| port.0.parse()).collect();
        request.ports = OpenPorts::Only(ranges?);
    }
    request.ssh_keys = spec.ssh_keys.iter().map(|key| key.0.clone()).collect();
    request.additional = spec
        .additional
        .iter()
        .map(|(name, text)| (name.clone(), text.0.clone()))
        .collect();
    request = request.with_key(key.clone());
    request.expires = expires(host)?;
    Ok(request)
}

/// When a Host is deleted by itself; `None` for one without a time to live.
///
/// # Errors
/// `InvalidRequest` when the time to live is not a time.
pub fn expires(host: &Host) -> Result<Option<SystemTime>> {
    let Some(ttl) = &host.spec.ttl else { return Ok(None) };
    let ttl = parse_ttl(ttl)?;
    let created = host.creation_timestamp().map(|time| SystemTime::from(time.0));
    Ok(created.and_then(|created| created.checked_add(ttl)))
}

/// Merge patch of a Host's status: what differs between what it says and what it should say. `None`: nothing does.
#[must_use]
pub fn status_patch(host: &Host, id: Option<&str>, state: &State, news: &News, now: SystemTime) -> Option<Value> {
    let status = host.status.clone().unwrap_or_default();
    let mut patch = Map::new();
    let kept = status.ip.clone().filter(|_| id.is_some());
    let ip = state.ip.map(|ip| ip.to_string()).or(kept);
    let texts = [
        ("id", status.id.as_deref(), id),
        ("ip", status.ip.as_deref(), ip.as_deref()),
        (
            "monthlyCost",
            status.monthly_cost.as_deref(),
            news.cost.as_deref().or(status.monthly_cost.as_deref()),
        ),
        (
            "region",
            status.region.as_deref(),
            news.region
                .as_deref()
                .or(status.region.as_deref())
                .filter(|_| id.is_some()),
        ),
        ("phase", status.phase.map(HostPhase::as_str), Some(state.phase.as_str())),
    ];
    for (field, old, new) in texts {
        if old != new {
            patch.insert(field.to_owned(), json!(new));
        }
    }
    if status.observed_generation != host.metadata.generation {
        patch.insert("observedGeneration".to_owned(), json!(host.metadata.generation));
    }
    let conditions = conditions(
        &status.conditions,
        state,
        None,
        news.problem.as_ref(),
        host.metadata.generation,
        now,
    );
    if conditions != status.conditions {
        patch.insert("conditions".to_owned(), json!(conditions));
    }
    (!patch.is_empty()).then(|| json!({ "status": patch }))
}

#[cfg(test)]
mod tests {
    use std::{net::IpAddr, time::Duration};

    use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
    use provision::{NameRules, providers};

    use super::*;
    use crate::{crd::HostResourceSpec, mapping::conditions::Problem};

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_168_800 + seconds)
    }

    fn host(spec: Value) -> Host {
        let spec: HostResourceSpec = serde_json::from_value(spec).unwrap();
        let mut host = Host::new("runner-1", spec);
        host.metadata.uid = Some("uid-1".into());
        host.metadata.generation = Some(1);
        host.metadata.creation_timestamp = Some(Time(Timestamp::try_from(at(0)).unwrap()));
        host
    }

    fn state(phase: HostPhase) -> State {
        State {
            phase,
            ip: (phase == HostPhase::Active).then(|| IpAddr::from([192, 0, 2, 1])),
            message: None,
        }
    }

    #[test]
    fn every_field_reaches_the_request() {
        let info = *providers().first().unwrap();
        let resource = host(json!({
            "image": "debian-13", "labels": { "team": "ci" },
            "ports": ["22", "8000-8100/udp"], "ttl": "2h", "sshKeys": ["7"], "additional": { "a": "b" }
        }));
        let key = IdempotencyKey::new("uid-1").unwrap();
        let defaults = Defaults {
            cluster: "c1".into(),
            ..Defaults::default()
        };
        let choice = Choice {
            region: Some("fra1".into()),
            plan: Some("big".into()),
        };
        let made = request(&resource, &key, UserData::empty(), choice, &defaults, info).unwrap();
        assert_eq!(
            (made.region.as_deref(), made.plan.as_deref(), made.image.as_deref()),
            (Some("fra1"), Some("big"), Some("debian-13"))
        );
        assert_eq!(
            (made.labels.get("team"), made.labels.get("kubernetes-cluster")),
            (Some("ci"), Some("c1"))
        );
        assert_eq!(made.ports.restricted().unwrap().len(), 2);
        assert_eq!(made.expires, Some(at(7200)));
        assert_eq!(made.key(), key);
        assert_eq!(
            (made.ssh_keys, made.additional["a"].as_str()),
            (vec!["7".to_owned()], "b")
        );
        NameRules::HOST_NAME.check("a cloud", &made.name).unwrap();
        let bare = host(json!({}));
        let made = request(&bare, &key, UserData::empty(), Choice::default(), &defaults, info).unwrap();
        assert!(made.region.is_none() && made.ports.restricted().is_none());
    }

    #[test]
    fn what_is_wrong_is_named() {
        let info = *providers().first().unwrap();
        let key = IdempotencyKey::new("uid-1").unwrap();
        for spec in [
            json!({ "labels": { "Team": "x" } }),
            json!({ "labels": { "kubernetes-cluster": "x" } }),
            json!({ "labels": { "kubernetes-ns": "x" } }),
            json!({ "ports": ["0"] }),
            json!({ "ttl": "soon" }),
        ] {
            let made = request(
                &host(spec.clone()),
                &key,
                UserData::empty(),
                Choice::default(),
                &Defaults::default(),
                info,
            );
            assert!(made.is_err(), "{spec}");
        }
    }

    #[test]
    fn a_status_settles_and_then_stays() {
        let mut resource = host(json!({}));
        let patch = status_patch(
            &resource,
            Some("1"),
            &state(HostPhase::Active),
            &News {
                cost: Some("4.00 USD".to_owned()),
                region: Some("fra1".to_owned()),
                ..News::default()
            },
            at(1),
        )
        .unwrap();
        resource.status = serde_json::from_value(patch["status"].clone()).unwrap();
        let status = resource.status.clone().unwrap();
        assert_eq!(
            (status.id.as_deref(), status.ip.as_deref()),
            (Some("1"), Some("192.0.2.1"))
        );
        assert_eq!(
            (status.phase, status.observed_generation),
            (Some(HostPhase::Active), Some(1))
        );
        let held = |name: &str| {
            status
                .conditions
                .iter()
                .find(|c| c.type_ == name)
                .unwrap()
                .status
                .clone()
        };
        assert_eq!(
            (held("Ready"), held("Progressing"), held("Degraded")),
            ("True".into(), "False".into(), "False".into())
        );
        assert_eq!(
            status_patch(
                &resource,
                Some("1"),
                &state(HostPhase::Active),
                &News::default(),
                at(99)
            ),
            None
        );
        let news = News {
            problem: Some(Problem {
                reason: "RateLimited".into(),
                message: "too many requests".into(),
            }),
            ..News::default()
        };
        let worse = status_patch(&resource, Some("1"), &state(HostPhase::Active), &news, at(99)).unwrap();
        let conditions = worse["status"]["conditions"].as_array().unwrap();
        assert_eq!(
            conditions[0]["lastTransitionTime"], "2026-11-20T10:00:01Z",
            "Ready did not change"
        );
        assert_eq!(
            (&conditions[2]["status"], &conditions[2]["reason"]),
            (&json!("True"), &json!("RateLimited"))
        );
        assert_eq!(conditions[2]["lastTransitionTime"], "2026-11-20T10:01:39Z");
        // What was the host's goes with it.
        let forgotten = status_patch(&resource, None, &state(HostPhase::Pending), &News::default(), at(99)).unwrap();
        for field in ["id", "ip", "region"] {
            assert_eq!(forgotten["status"].get(field), Some(&Value::Null), "{field}");
        }
    }
}
