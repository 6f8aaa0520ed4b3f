//! The Pod Security Standard "restricted" (https://kubernetes.io/docs/concepts/security/pod-security-standards/, 2026-11).

use provision_operator::{
    crd::{ResourceRef, Tunnel, TunnelSpec},
    mapping::client::{ClientSettings, deployment},
};
use serde_json::{Value, json};

const VOLUMES: [&str; 8] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

/// Why a cluster would refuse this pod in a namespace with that standard.
pub(crate) fn faults(pod: &Value) -> Vec<String> {
    let spec = &pod["spec"];
    let mut faults = Vec::new();
    let mut fault = |is: bool, text: &str| {
        if is {
            faults.push(text.to_owned());
        }
    };
    for field in ["hostNetwork", "hostPID", "hostIPC"] {
        fault(spec[field] == true, field);
    }
    for volume in spec["volumes"].as_array().into_iter().flatten() {
        let mut kinds = volume.as_object().unwrap().keys().filter(|key| *key != "name");
        fault(!kinds.all(|kind| VOLUMES.contains(&kind.as_str())), "volumes");
    }
    let containers = ["initContainers", "containers"].map(|list| spec[list].as_array().into_iter().flatten());
    let containers: Vec<&Value> = containers.into_iter().flatten().collect();
    fault(containers.is_empty(), "no containers");
    for container in containers {
        let own = &container["securityContext"];
        let either = |field: &str| {
            let value = &own[field];
            if value.is_null() {
                &spec["securityContext"][field]
            } else {
                value
            }
        };
        fault(own["privileged"] == true, "privileged");
        fault(own["allowPrivilegeEscalation"] != false, "allowPrivilegeEscalation");
        fault(own["capabilities"]["drop"] != json!(["ALL"]), "capabilities.drop");
        let added = own["capabilities"]["add"].as_array().into_iter().flatten();
        fault(
            added.into_iter().any(|one| one != "NET_BIND_SERVICE"),
            "capabilities.add",
        );
        fault(*either("runAsNonRoot") != true, "runAsNonRoot");
        fault(*either("runAsUser") == 0, "runAsUser");
        let profile = &either("seccompProfile")["type"];
        fault(
            *profile != "RuntimeDefault" && *profile != "Localhost",
            "seccompProfile",
        );
        let ports = container["ports"].as_array().into_iter().flatten();
        fault(ports.into_iter().any(|port| !port["hostPort"].is_null()), "hostPort");
    }
    faults
}

#[test]
fn the_standard_is_known_here() {
    let pod = json!({ "spec": {
        "hostNetwork": true,
        "volumes": [{ "name": "v", "hostPath": { "path": "/" } }],
        "containers": [{ "securityContext": { "runAsUser": 0 }, "ports": [{ "hostPort": 80 }] }],
    } });
    let all = [
        "hostNetwork",
        "volumes",
        "allowPrivilegeEscalation",
        "capabilities.drop",
        "runAsNonRoot",
        "runAsUser",
        "seccompProfile",
        "hostPort",
    ];
    assert_eq!(faults(&pod), all);
}

/// A Service in a namespace with the standard gets a tunnel all the same.
#[test]
fn clients_of_tunnels_keep_to_it() {
    let spec = TunnelSpec {
        service_ref: Some(ResourceRef {
            name: "web".to_owned(),
            namespace: "shop".to_owned(),
        }),
        ..TunnelSpec::default()
    };
    let settings = ClientSettings {
        image: "client".to_owned(),
        max_memory: "128Mi".to_owned(),
    };
    let made = deployment(&Tunnel::new("web-tunnel", spec), "192.0.2.1", "80", &settings).unwrap();
    let made = serde_json::to_value(made).unwrap();
    let pod = &made["spec"]["template"];
    assert_eq!(faults(pod), [""; 0]);
    assert_eq!(pod["spec"]["automountServiceAccountToken"], false);
}
