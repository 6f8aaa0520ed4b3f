//! From resources to host requests and back: pure functions that know no Kubernetes client and no cloud.

pub mod additional;
pub mod client;
pub mod conditions;
pub mod host;
pub mod names;
pub mod service;
pub mod tunnel;

use provision::{Labels, Result};

/// Label of every host that the operator makes: which cluster it belongs to. The orphan check goes by it.
pub const CLUSTER_LABEL: &str = "kubernetes-cluster";

/// Label of every host that the operator makes: the kind of resource it was made for, `tunnel` or `host`.
pub const KIND_LABEL: &str = "kubernetes-kind";

/// What every host request of this operator has in common.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Defaults {
    /// Region of hosts that name none.
    pub region: Option<String>,
    /// Plan of hosts that name none, on the operator's own cloud.
    pub plan: Option<String>,
    /// Settings that only the cloud knows, for Tunnels.
    pub additional: std::collections::BTreeMap<String, String>,
    /// Which cluster this is, in the alphabet of labels.
    pub cluster: String,
    /// Release of the tunnel server that exit servers install.
    pub inlets_release: String,
}

impl Defaults {
    /// The labels that mark a host as one of this cluster.
    ///
    /// # Errors
    /// `InvalidRequest` when the cluster's name cannot stand in a label.
    pub fn labels(&self, kind: &str) -> Result<Labels> {
        let mut labels = Labels::new();
        labels.insert(KIND_LABEL, kind)?;
        if !self.cluster.is_empty() {
            labels.insert(CLUSTER_LABEL, &self.cluster)?;
        }
        Ok(labels)
    }
}
