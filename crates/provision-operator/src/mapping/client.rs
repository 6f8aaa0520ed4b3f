//! The Deployment in the cluster that runs a tunnel's client, and the Secrets it needs.

use k8s_openapi::{
    ByteString,
    api::{apps::v1::Deployment, core::v1::Secret},
};
use kube::{Resource as _, ResourceExt as _, api::ObjectMeta};
use provision_exit_server::{AuthToken, inlets::InletsPro};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::crd::Tunnel;

/// The ports that a client was made for; inlets-operator wrote the same annotation.
pub const PORTS_ANNOTATION: &str = "inlets.dev/ports";
/// Digest of what was applied, so that nothing is applied again until it changes.
pub const DIGEST_ANNOTATION: &str = "provision.dev/digest";
/// The Secret with the license, in each namespace that has a tunnel.
pub const LICENSE_SECRET: &str = "inlets-license";
/// A user that no image and no node has; the client needs no rights.
const NOBODY: i64 = 65532;

/// How clients are run.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientSettings {
    /// Container image.
    pub image: String,
    /// Memory limit, such as `128Mi`.
    pub max_memory: String,
}

/// The Secret that holds a tunnel's token: named in the spec, else made, else about to be made under the Tunnel's name.
#[must_use]
pub fn token_secret_name(tunnel: &Tunnel) -> String {
    let given = tunnel.spec.auth_token_ref.as_ref();
    let made = tunnel.status.as_ref().and_then(|status| status.auth_token_ref.as_ref());
    given
        .or(made)
        .map(|reference| reference.name.clone())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| tunnel.name_any())
}

/// The Secret with the license that a tunnel's client reads.
#[must_use]
pub fn license_secret_name(tunnel: &Tunnel) -> String {
    let given = tunnel.spec.license_ref.as_ref().map(|reference| reference.name.clone());
    given
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| LICENSE_SECRET.to_owned())
}

/// The name of the client's Deployment.
#[must_use]
pub fn deployment_name(tunnel: &Tunnel) -> String {
    let made = tunnel
        .status
        .as_ref()
        .and_then(|status| status.client_deployment_ref.as_ref());
    made.map(|reference| reference.name.clone())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| format!("{}-client", tunnel.name_any()))
}

/// A Secret with a new token, owned by the Tunnel.
#[must_use]
pub fn token_secret(tunnel: &Tunnel, token: &AuthToken) -> Secret {
    Secret {
        metadata: ObjectMeta {
            name: Some(token_secret_name(tunnel)),
            namespace: tunnel.namespace(),
            owner_references: tunnel.controller_owner_ref(&()).map(|owner| vec![owner]),
            ..ObjectMeta::default()
        },
        data: Some([("token".to_owned(), ByteString(token.expose().as_bytes().to_vec()))].into()),
        ..Secret::default()
    }
}

/// The client's Deployment, for server-side apply. `None` while the tunnel has no address or the Service no TCP port.
#[must_use]
pub fn deployment(tunnel: &Tunnel, ip: &str, ports: &str, settings: &ClientSettings) -> Option<Deployment> {
    let upstream = tunnel.spec.service_ref.as_ref()?.name.clone();
    if ports.is_empty() || ip.is_empty() {
        return None;
    }
    let name = deployment_name(tunnel);
    let host = if ip.contains(':') {
        format!("[{ip}]")
    } else {
        ip.to_owned()
    };
    // The selector of an existing Deployment cannot change: it is the one that inlets-operator made.
    let labels = json!({ "app.kubernetes.io/name": name });
    let spec = json!({
        "replicas": 1,
        "selector": { "matchLabels": labels },
        "template": {
            "metadata": { "labels": labels },
            "spec": {
                "automountServiceAccountToken": false,
                // What a namespace asks for whose pods have to keep to the standard "restricted".
                "securityContext": {
                    "runAsNonRoot": true,
                    "runAsUser": NOBODY,
                    "runAsGroup": NOBODY,
                    "seccompProfile": { "type": "RuntimeDefault" },
                },
                "containers": [{
                    "name": "inlets-client",
                    "image": settings.image,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["inlets-pro"],
                    "args": [
                        "tcp", "client",
                        format!("--url=wss://{host}:{}/connect", InletsPro::CONTROL_PORT),
                        "--token-file=/var/inlets/auth-token/token",
                        format!("--upstream={upstream}"),
                        format!("--ports={ports}"),
                        "--license-file=/var/inlets/license/license",
                    ],
                    "securityContext": {
                        "allowPrivilegeEscalation": false,
                        "capabilities": { "drop": ["ALL"] },
                    },
                    "resources": {
                        "limits": { "memory": settings.max_memory },
                        "requests": { "cpu": "25m", "memory": "25Mi" },
                    },
                    "volumeMounts": [
                        { "name": "auth-token-volume", "mountPath": "/var/inlets/auth-token", "readOnly": true },
                        { "name": "license-volume", "mountPath": "/var/inlets/license", "readOnly": true },
                    ],
                }],
                "volumes": [
                    { "name": "auth-token-volume", "secret": { "secretName": token_secret_name(tunnel) } },
                    { "name": "license-volume", "secret": { "secretName": license_secret_name(tunnel) } },
                ],
            },
        },
    });
    let digest = format!("{:x?}", Sha256::digest(spec.to_string()).as_slice())
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(32)
        .collect::<String>();
    let metadata = ObjectMeta {
        name: Some(name),
        namespace: tunnel.namespace(),
        annotations: Some(
            [
                (PORTS_ANNOTATION.to_owned(), ports.to_owned()),
                (DIGEST_ANNOTATION.to_owned(), digest),
            ]
            .into(),
        ),
        owner_references: tunnel.controller_owner_ref(&()).map(|owner| vec![owner]),
        ..ObjectMeta::default()
    };
    Some(Deployment {
        metadata,
        spec: serde_json::from_value(spec).ok(),
        status: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crd::{ResourceRef, TunnelSpec};

    fn tunnel() -> Tunnel {
        let reference = |name: &str| {
            Some(ResourceRef {
                name: name.to_owned(),
                namespace: "shop".to_owned(),
            })
        };
        let spec = TunnelSpec {
            service_ref: reference("web"),
            ..TunnelSpec::default()
        };
        let mut tunnel = Tunnel::new("web-tunnel", spec);
        tunnel.metadata.namespace = Some("shop".to_owned());
        tunnel.metadata.uid = Some("uid-2".to_owned());
        tunnel
    }

    fn settings() -> ClientSettings {
        ClientSettings {
            image: "ghcr.io/inlets/inlets-pro:0.9.40".to_owned(),
            max_memory: "128Mi".to_owned(),
        }
    }

    #[test]
    fn the_client_connects_to_the_host_and_forwards_the_services_ports() {
        let made = deployment(&tunnel(), "192.0.2.1", "80,443", &settings()).unwrap();
        assert_eq!(made.name_any(), "web-tunnel-client");
        assert_eq!(made.annotations()[PORTS_ANNOTATION], "80,443");
        assert_eq!(made.owner_references()[0].name, "web-tunnel");
        let container = &made.spec.unwrap().template.spec.unwrap().containers[0];
        let args = container.args.clone().unwrap();
        for arg in ["--url=wss://192.0.2.1:8123/connect", "--upstream=web", "--ports=80,443"] {
            assert!(args.iter().any(|given| given == arg), "{args:?}");
        }
        let v6 = deployment(&tunnel(), "2001:db8::1", "80", &settings()).unwrap();
        assert!(
            serde_json::to_string(&v6)
                .unwrap()
                .contains("wss://[2001:db8::1]:8123/connect")
        );
    }

    #[test]
    fn the_digest_changes_with_what_is_run_and_with_nothing_else() {
        let digest = |ports: &str| {
            let made = deployment(&tunnel(), "192.0.2.1", ports, &settings()).unwrap();
            made.annotations()[DIGEST_ANNOTATION].clone()
        };
        assert_eq!(digest("80"), digest("80"));
        assert_eq!(digest("80").len(), 32);
        assert_ne!(digest("80"), digest("81"));
    }

    #[test]
    fn without_ports_or_address_there_is_no_client() {
        assert!(deployment(&tunnel(), "192.0.2.1", "", &settings()).is_none());
        assert!(deployment(&tunnel(), "", "80", &settings()).is_none());
    }

    #[test]
    fn secrets_are_those_of_the_spec_then_those_that_were_made() {
        let mut tunnel = tunnel();
        assert_eq!(token_secret_name(&tunnel), "web-tunnel");
        assert_eq!(license_secret_name(&tunnel), "inlets-license");
        let named = |name: &str| {
            Some(ResourceRef {
                name: name.to_owned(),
                namespace: String::new(),
            })
        };
        tunnel.status.get_or_insert_default().auth_token_ref = named("made");
        assert_eq!(token_secret_name(&tunnel), "made");
        tunnel.spec.auth_token_ref = named("mine");
        tunnel.spec.license_ref = named("paid");
        assert_eq!(token_secret_name(&tunnel), "mine");
        assert_eq!(license_secret_name(&tunnel), "paid");
    }
}
