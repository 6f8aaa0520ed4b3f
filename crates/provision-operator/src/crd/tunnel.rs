use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A tunnel from a host with a public address to a Service inside the cluster.
#[derive(CustomResource, Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "operator.inlets.dev",
    version = "v1alpha1",
    kind = "Tunnel",
    plural = "tunnels",
    singular = "tunnel",
    namespaced,
    status = "TunnelStatus",
    derive = "PartialEq",
    derive = "Default",
    doc = "Tunnel gives a Service a public address: a host at a cloud and a client in the cluster",
    printcolumn = r#"{"jsonPath":".spec.serviceRef.name","name":"Service","type":"string"}"#,
    printcolumn = r#"{"jsonPath":".status.clientDeploymentRef.name","name":"Client","priority":1,"type":"string"}"#,
    printcolumn = r#"{"jsonPath":".status.hostStatus","name":"HostStatus","type":"string"}"#,
    printcolumn = r#"{"jsonPath":".status.hostIP","name":"HostIP","type":"string"}"#,
    printcolumn = r#"{"jsonPath":".metadata.creationTimestamp","name":"Created","type":"date"}"#,
    printcolumn = r#"{"jsonPath":".status.hostId","name":"HostID","priority":1,"type":"string"}"#,
    printcolumn = r#"{"jsonPath":".spec.updateServiceIP","name":"UpdateServiceIP","priority":1,"type":"boolean"}"#,
    printcolumn = r#"{"jsonPath":".status.generated","name":"Generated","priority":1,"type":"boolean"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct TunnelSpec {
    /// The Service inside the cluster that the tunnel leads to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_ref: Option<ResourceRef>,
    /// The Secret whose key `token` authenticates the client with the host; made when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_token_ref: Option<ResourceRef>,
    /// The Secret whose key `license` holds the license of the client; `inlets-license` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license_ref: Option<ResourceRef>,
    /// Whether the host's address is written into the Service; when absent, only if the Service owns the Tunnel.
    #[serde(default, rename = "updateServiceIP", skip_serializing_if = "Option::is_none")]
    pub update_service_ip: Option<bool>,
}

/// How far a tunnel has come.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TunnelStatus {
    /// Whether the operator made the Tunnel for a Service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated: Option<bool>,
    /// State of the host: `provisioning`, `active` or what the cloud made of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_status: Option<String>,
    /// Public address of the host.
    #[serde(default, rename = "hostIP", skip_serializing_if = "Option::is_none")]
    pub host_ip: Option<String>,
    /// The host's id at its cloud.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_id: Option<String>,
    /// The Secret with the token that was made for the tunnel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_token_ref: Option<ResourceRef>,
    /// The Deployment that runs the tunnel's client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_deployment_ref: Option<ResourceRef>,
    /// `Ready` once the host is active and the client runs, `Progressing` and `Degraded`, each with its reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

/// Name and namespace of another resource.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResourceRef {
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// Its namespace; the Tunnel's own is the only one that is looked at.
    #[serde(default)]
    pub namespace: String,
}
