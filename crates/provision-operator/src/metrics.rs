//! What the operator counts, in the form that Prometheus reads.

use std::time::Duration;

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

/// Which reconcile.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ReconcileLabels {
    /// `Tunnel`, `Host` or `Service`.
    pub kind: &'static str,
    /// `ok` or `error`.
    pub outcome: &'static str,
}

/// Which call to a cloud.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct CallLabels {
    /// The provider's id.
    pub provider: &'static str,
    /// `provision`, `status`, `delete`, `delete_leftovers`, `settle`, `list` or `catalog`.
    pub operation: &'static str,
    /// `ok`, or the kind of the error.
    pub outcome: &'static str,
}

/// Which hosts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct HostLabels {
    /// `Tunnel` or `Host`.
    pub kind: &'static str,
    /// The phase.
    pub phase: &'static str,
}

/// Which provider.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ProviderLabels {
    /// The provider's id.
    pub provider: &'static str,
}

/// Every metric. Clones share the numbers.
#[derive(Debug, Clone)]
pub struct Metrics {
    reconciles: Family<ReconcileLabels, Counter>,
    calls: Family<CallLabels, Counter>,
    hosts: Family<HostLabels, Gauge>,
    to_active: Family<ProviderLabels, Histogram>,
    orphans: Family<ProviderLabels, Gauge>,
    leader: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            reconciles: Family::default(),
            calls: Family::default(),
            hosts: Family::default(),
            to_active: Family::new_with_constructor(|| {
                Histogram::new([5.0, 10.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0])
            }),
            orphans: Family::default(),
            leader: Gauge::default(),
        }
    }
}

impl Metrics {
    /// Counts a reconcile.
    pub fn reconciled(&self, kind: &'static str, fine: bool) {
        let outcome = if fine { "ok" } else { "error" };
        self.reconciles.get_or_create(&ReconcileLabels { kind, outcome }).inc();
    }

    /// Counts a call to a cloud.
    pub fn called(&self, provider: &'static str, operation: &'static str, outcome: &'static str) {
        let labels = CallLabels {
            provider,
            operation,
            outcome,
        };
        self.calls.get_or_create(&labels).inc();
    }

    /// How many calls of an operation were made, whatever came of them.
    #[must_use]
    pub fn calls(&self, provider: &'static str, operation: &'static str, outcome: &'static str) -> u64 {
        let labels = CallLabels {
            provider,
            operation,
            outcome,
        };
        self.calls.get_or_create(&labels).get()
    }

    /// Moves a host from one phase to another; `None` is before it was known, or after it is gone.
    pub fn moved(&self, kind: &'static str, from: Option<&'static str>, to: Option<&'static str>) {
        if from == to {
            return;
        }
        if let Some(phase) = from {
            self.hosts.get_or_create(&HostLabels { kind, phase }).dec();
        }
        if let Some(phase) = to {
            self.hosts.get_or_create(&HostLabels { kind, phase }).inc();
        }
    }

    /// Notes how long a resource took from its creation to an active host.
    pub fn became_active(&self, provider: &'static str, after: Duration) {
        self.to_active
            .get_or_create(&ProviderLabels { provider })
            .observe(after.as_secs_f64());
    }

    /// Notes how many hosts of this cluster no resource asks for.
    pub fn orphans(&self, provider: &'static str, count: usize) {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.orphans.get_or_create(&ProviderLabels { provider }).set(count);
    }

    /// Notes whether this replica leads.
    pub fn leads(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    /// The text that `/metrics` answers.
    #[must_use]
    pub fn text(&self) -> String {
        let mut registry = Registry::with_prefix("provision_operator");
        registry.register("reconciles", "Reconciles by kind and outcome", self.reconciles.clone());
        registry.register(
            "cloud_calls",
            "Calls to clouds by provider, operation and outcome",
            self.calls.clone(),
        );
        registry.register("hosts", "Hosts by kind of resource and phase", self.hosts.clone());
        registry.register(
            "time_to_active_seconds",
            "Time from the creation of a resource to its active host",
            self.to_active.clone(),
        );
        registry.register(
            "orphaned_hosts",
            "Hosts of this cluster that no resource asks for",
            self.orphans.clone(),
        );
        registry.register("leader", "Whether this replica leads", self.leader.clone());
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &registry);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_has_every_metric() {
        let metrics = Metrics::default();
        metrics.reconciled("Tunnel", true);
        metrics.called("hetzner", "list", "rate_limited");
        metrics.moved("Host", None, Some("Active"));
        metrics.moved("Host", Some("Active"), None);
        metrics.became_active("hetzner", Duration::from_secs(12));
        metrics.orphans("hetzner", 2);
        metrics.leads(true);
        let text = metrics.text();
        for line in [
            r#"provision_operator_reconciles_total{kind="Tunnel",outcome="ok"} 1"#,
            r#"provision_operator_cloud_calls_total{provider="hetzner",operation="list",outcome="rate_limited"} 1"#,
            r#"provision_operator_hosts{kind="Host",phase="Active"} 0"#,
            r#"provision_operator_time_to_active_seconds_count{provider="hetzner"} 1"#,
            r#"provision_operator_orphaned_hosts{provider="hetzner"} 2"#,
            "provision_operator_leader 1",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
