//! The two kinds of resources that the operator serves, and their definitions as the cluster wants them.

mod host;
mod tunnel;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt as _;
use serde_json::Value;

pub use host::{
    CredentialsRef, DeletionPolicy, Host, HostPhase, HostResourceSpec, HostResourceStatus, KeyRef, Port, Text,
    UserDataSource, Word,
};
pub use tunnel::{ResourceRef, Tunnel, TunnelSpec, TunnelStatus};

/// Keeps a resource until nothing of its host is left at the cloud. Both kinds carry the same one.
pub const FINALIZER: &str = "provision.dev/host";
/// Says at which cloud the host of a resource is: written together with the finalizer, so that an operator that was
/// moved to another cloud never asks the wrong one whether a host is gone.
pub const PROVIDER_ANNOTATION: &str = "provision.dev/provider";

/// Says which of several regions and plans is tried for the host of a resource, and how many hosts were given up: `1/0`.
pub const ATTEMPT_ANNOTATION: &str = "provision.dev/attempt";
/// The id of a host that failed: it is deleted before the next one is asked for.
pub const REPLACES_ANNOTATION: &str = "provision.dev/replaces";

/// Definition of the Tunnel kind, in the form that inlets-operator installed it.
#[must_use]
pub fn tunnel_definition() -> CustomResourceDefinition {
    let mut definition = Tunnel::crd();
    definition.metadata.name = Some("tunnels.operator.inlets.dev".to_owned());
    for version in &mut definition.spec.versions {
        // The derive makes `spec` required; the definition in the field never did.
        if let Some(schema) = version
            .schema
            .as_mut()
            .and_then(|schema| schema.open_api_v3_schema.as_mut())
        {
            schema.required = None;
        }
    }
    definition
}

/// Definition of the Host kind.
#[must_use]
pub fn host_definition() -> CustomResourceDefinition {
    Host::crd()
}

/// Both definitions with the file names that they are kept under.
#[must_use]
pub fn definitions() -> [(&'static str, CustomResourceDefinition); 2] {
    [
        ("operator.inlets.dev_tunnels.yaml", tunnel_definition()),
        ("provision.dev_hosts.yaml", host_definition()),
    ]
}

/// A definition as YAML.
///
/// # Errors
/// When it cannot be written as YAML, which would be a defect of this crate.
pub fn to_yaml(definition: &CustomResourceDefinition) -> Result<String, String> {
    let mut value = serde_json::to_value(definition).map_err(|error| error.to_string())?;
    drop_empty(&mut value);
    serde_saphyr::to_string(&value).map_err(|error| error.to_string())
}

/// What is absent stays absent: the generator writes empty lists and nulls where nothing was said.
fn drop_empty(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|key, value| {
                drop_empty(value);
                let empty_names = matches!(
                    key.as_str(),
                    "categories" | "shortNames" | "selectableFields" | "required"
                ) && value.as_array().is_some_and(Vec::is_empty);
                !value.is_null() && !empty_names
            });
        }
        Value::Array(list) => list.iter_mut().for_each(drop_empty),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(definition: &CustomResourceDefinition) -> Value {
        let value = serde_json::to_value(definition).unwrap();
        value["spec"]["versions"][0].clone()
    }

    #[test]
    fn a_tunnel_is_what_it_was_under_inlets_operator() {
        let definition = tunnel_definition();
        let names = &definition.spec.names;
        assert_eq!(definition.spec.group, "operator.inlets.dev");
        assert_eq!(
            (names.kind.as_str(), names.plural.as_str(), names.singular.as_deref()),
            ("Tunnel", "tunnels", Some("tunnel"))
        );
        assert_eq!(definition.spec.scope, "Namespaced");
        let version = schema(&definition);
        assert_eq!(version["name"], "v1alpha1");
        assert!(version["subresources"]["status"].is_object());
        let columns: Vec<String> = version["additionalPrinterColumns"]
            .as_array()
            .unwrap()
            .iter()
            .map(|column| {
                let text = |key: &str| column[key].as_str().unwrap_or_default().to_owned();
                format!(
                    "{} {} {} {}",
                    text("name"),
                    text("type"),
                    text("jsonPath"),
                    column["priority"].as_i64().unwrap_or(0)
                )
            })
            .collect();
        assert_eq!(
            columns,
            [
                "Service string .spec.serviceRef.name 0",
                "Client string .status.clientDeploymentRef.name 1",
                "HostStatus string .status.hostStatus 0",
                "HostIP string .status.hostIP 0",
                "Created date .metadata.creationTimestamp 0",
                "HostID string .status.hostId 1",
                "UpdateServiceIP boolean .spec.updateServiceIP 1",
                "Generated boolean .status.generated 1",
            ]
        );
        let root = &version["schema"]["openAPIV3Schema"];
        assert!(root.get("required").is_none());
        let reference = |path: &Value| {
            let mut names: Vec<&String> = path["properties"].as_object().unwrap().keys().collect();
            names.sort();
            assert_eq!(names, ["name", "namespace"]);
            assert!(path.get("required").is_none());
        };
        let spec = &root["properties"]["spec"]["properties"];
        assert_eq!(spec.as_object().unwrap().len(), 4);
        for name in ["serviceRef", "authTokenRef", "licenseRef"] {
            reference(&spec[name]);
        }
        assert_eq!(spec["updateServiceIP"]["type"], "boolean");
        let status = &root["properties"]["status"]["properties"];
        // What inlets-operator has, and one field that it does not know.
        assert_eq!(status.as_object().unwrap().len(), 7);
        assert_eq!(status["conditions"]["type"], "array");
        assert!(root["properties"]["status"].get("required").is_none());
        for name in ["authTokenRef", "clientDeploymentRef"] {
            reference(&status[name]);
        }
        for name in ["hostStatus", "hostIP", "hostId"] {
            assert_eq!(status[name]["type"], "string");
        }
        assert_eq!(status["generated"]["type"], "boolean");
    }

    #[test]
    fn what_a_host_was_made_from_cannot_be_changed() {
        let version = schema(&host_definition());
        let rules = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["x-kubernetes-validations"].to_string();
        for field in [
            "provider",
            "region",
            "plan",
            "image",
            "userData",
            "labels",
            "ports",
            "ttl",
            "sshKeys",
            "additional",
        ] {
            assert!(
                rules.contains(&format!("{field} cannot be changed")),
                "{field}: {rules}"
            );
        }
        assert!(!rules.contains("deletionPolicy"));
    }

    #[test]
    fn yaml_reads_back_as_the_same_definition() {
        for (file, definition) in definitions() {
            let text = to_yaml(&definition).unwrap();
            let value: Value = serde_saphyr::from_str(&text).unwrap();
            assert_eq!(
                value["metadata"]["name"],
                file.trim_end_matches(".yaml")
                    .split_once('_')
                    .map(|(group, plural)| format!("{plural}.{group}"))
                    .unwrap()
            );
            assert!(!text.contains(": null"), "{text}");
        }
    }
}
