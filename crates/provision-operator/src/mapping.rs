//! From resources to host requests and back: pure functions that know no Kubernetes client and no cloud.

pub mod additional;
pub mod choices;
pub mod client;
pub mod conditions;
pub mod host;
pub mod names;
pub mod service;
pub mod tunnel;

use provision::{Labels, Result};

use names::namespace_mark;

/// Label of every host that the operator makes: which cluster it belongs to. The orphan check goes by it.
pub const CLUSTER_LABEL: &str = "kubernetes-cluster";

/// Label of every host that the operator makes: the kind of resource it was made for, `tunnel` or `host`.
pub const KIND_LABEL: &str = "kubernetes-kind";

/// Label of every host that the operator makes: marks of the namespace of its resource and, where there are several
/// installations in the cluster, of the one that made it. Short, because there are clouds that hold labels in a name.
pub const NAMESPACE_LABEL: &str = "kubernetes-ns";

/// What the labels start with that are not for users.
pub const RESERVED_LABELS: &str = "kubernetes-";

/// What every host request of this operator has in common.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Defaults {
    /// Regions of hosts that name none, in the order in which they are tried.
    pub regions: Vec<String>,
    /// Plans of hosts that name none, on the operator's own cloud, in that order.
    pub plans: Vec<String>,
    /// Settings that only the cloud knows, for Tunnels.
    pub additional: std::collections::BTreeMap<String, String>,
    /// Which cluster this is, in the alphabet of labels.
    pub cluster: String,
    /// The mark of this installation, where there are several in the cluster.
    pub installation: Option<String>,
    /// Release of the tunnel server that exit servers install.
    pub inlets_release: String,
}

impl Defaults {
    /// The labels that mark a host as one of this cluster.
    ///
    /// # Errors
    /// `InvalidRequest` when the cluster's name cannot stand in a label.
    pub fn labels(&self, kind: &str, namespace: &str) -> Result<Labels> {
        let mut labels = Labels::new();
        labels.insert(KIND_LABEL, kind)?;
        let namespace = namespace_mark(namespace);
        let mark = match &self.installation {
            Some(installation) => format!("{namespace}-{installation}"),
            None => namespace,
        };
        labels.insert(NAMESPACE_LABEL, &mark)?;
        if !self.cluster.is_empty() {
            labels.insert(CLUSTER_LABEL, &self.cluster)?;
        }
        Ok(labels)
    }

    /// Whether a host was made by this installation.
    #[must_use]
    pub fn is_ours(&self, labels: &Labels) -> bool {
        let installation = labels.get(NAMESPACE_LABEL).and_then(|mark| mark.split_once('-'));
        labels.get(CLUSTER_LABEL) == Some(self.cluster.as_str())
            && installation.map(|(_, installation)| installation) == self.installation.as_deref()
    }

    /// The mark of the namespace of a host's resource.
    #[must_use]
    pub fn namespace_of(&self, labels: &Labels) -> Option<String> {
        let mark = labels.get(NAMESPACE_LABEL)?;
        Some(mark.split('-').next().unwrap_or(mark).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_belongs_to_the_installation_that_made_it() {
        let installation = |mark: Option<&str>, cluster: &str| Defaults {
            cluster: cluster.to_owned(),
            installation: mark.map(str::to_owned),
            ..Defaults::default()
        };
        let (whole, one, other) = (
            installation(None, "a"),
            installation(Some("0a0a0a"), "a"),
            installation(Some("0b0b0b"), "a"),
        );
        let made = |by: &Defaults| by.labels("host", "shop").unwrap();
        for by in [&whole, &one, &other] {
            let owners: Vec<bool> = [&whole, &one, &other].map(|of| of.is_ours(&made(by))).to_vec();
            assert_eq!(owners.iter().filter(|is| **is).count(), 1, "{by:?}");
            assert!(by.is_ours(&made(by)) && !installation(None, "b").is_ours(&made(by)));
            assert_eq!(by.namespace_of(&made(by)), Some(namespace_mark("shop")));
        }
        // One that was made before there was such a label.
        let mut old = Labels::new();
        old.insert(CLUSTER_LABEL, "a").unwrap();
        assert!(whole.is_ours(&old) && !one.is_ours(&old) && whole.namespace_of(&old).is_none());
    }
}
