//! What the operator has to be allowed in the cluster. The roles under `deploy/` grant this and nothing more.

/// Where a permission is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Wherever there may be Services, Tunnels and Hosts.
    Everywhere,
    /// In the operator's own namespace.
    Own,
}

/// What may be done with one kind of resource, as a rule of a role says it.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Permission {
    /// API group; empty for the core group.
    pub group: &'static str,
    /// Plural, with the subresource: `tunnels/status`.
    pub resource: &'static str,
    /// The only object that it is about.
    pub name: Option<&'static str>,
    /// Verbs, in the order of the roles.
    pub verbs: &'static [&'static str],
    /// Where.
    pub scope: Scope,
    /// What does not work without it.
    pub purpose: &'static str,
}

const fn everywhere(
    group: &'static str,
    resource: &'static str,
    verbs: &'static [&'static str],
    purpose: &'static str,
) -> Permission {
    Permission {
        group,
        resource,
        name: None,
        verbs,
        scope: Scope::Everywhere,
        purpose,
    }
}

/// Every permission, in the order of the roles.
pub const PERMISSIONS: &[Permission] = &[
    everywhere(
        "operator.inlets.dev",
        "tunnels",
        &["get", "list", "watch", "create", "patch", "delete"],
        "tunnels of Services, their finalizers, and the clean-up",
    ),
    everywhere(
        "operator.inlets.dev",
        "tunnels/status",
        &["patch"],
        "ids and addresses of hosts",
    ),
    everywhere(
        "provision.dev",
        "hosts",
        &["get", "list", "watch", "patch", "delete"],
        "hosts, their finalizers, their ttl, and the clean-up",
    ),
    everywhere(
        "provision.dev",
        "hosts/status",
        &["patch"],
        "ids and addresses of hosts",
    ),
    everywhere(
        "",
        "services",
        &["get", "list", "watch", "patch"],
        "which Services want an address, and spec.externalIPs",
    ),
    everywhere("", "services/status", &["patch"], "the address of a Service"),
    everywhere(
        "",
        "secrets",
        &["get", "create", "patch"],
        "tokens and licenses of tunnels, and the credentials and user data that a Host names",
    ),
    everywhere("", "configmaps", &["get"], "user data that a Host names"),
    everywhere("apps", "deployments", &["get", "create", "patch"], "clients of tunnels"),
    everywhere(
        "events.k8s.io",
        "events",
        &["create", "patch"],
        "what `kubectl describe` shows",
    ),
    Permission {
        group: "",
        resource: "namespaces",
        name: Some("kube-system"),
        verbs: &["get"],
        scope: Scope::Everywhere,
        purpose: "the cluster's name in the labels of its hosts; not with --cluster-id",
    },
    Permission {
        group: "coordination.k8s.io",
        resource: "leases",
        name: None,
        verbs: &["get", "create", "update"],
        scope: Scope::Own,
        purpose: "leader election",
    },
];
