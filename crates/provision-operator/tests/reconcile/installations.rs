//! Two installations in one cluster and one account, apart by namespace or by label.

use std::time::Duration;

use provision_operator::{cleanup, orphans, scope::Scope};
use serde_json::{Value, json};

use crate::world::{HOSTS, Operator, TUNNELS, World, clouds::TWO, service};

/// An installation: its mark, what it works on, and where its Service is.
struct Installation {
    mark: &'static str,
    scope: Scope,
    namespace: &'static str,
    labels: Value,
}

fn by_namespace() -> [Installation; 2] {
    [("0a0a0a", "shop"), ("0b0b0b", "other")].map(|(mark, namespace)| Installation {
        mark,
        scope: Scope {
            namespace: Some(namespace.to_owned()),
            labels: None,
        },
        namespace,
        labels: json!({}),
    })
}

fn by_labels() -> [Installation; 2] {
    [("0a0a0a", "a"), ("0b0b0b", "b")].map(|(mark, team)| Installation {
        mark,
        scope: Scope {
            namespace: None,
            labels: Some(format!("team={team}").parse().unwrap()),
        },
        namespace: "shop",
        labels: json!({ "team": team }),
    })
}

impl Installation {
    fn start(&self, world: &mut World) -> Operator {
        world.setup.scope = self.scope.clone();
        world.setup.installation = Some(self.mark);
        world.start()
    }

    fn make_service(&self, world: &World) {
        let mut service = service(&self.name());
        service["metadata"]["namespace"] = json!(self.namespace);
        service["metadata"]["labels"] = self.labels.clone();
        world.cluster.create("services", service);
    }

    fn make_host(&self, world: &World) {
        let metadata = json!({ "name": self.name(), "namespace": self.namespace, "labels": self.labels });
        world.cluster.create(
            HOSTS,
            json!({ "apiVersion": "provision.dev/v1alpha1", "kind": "Host", "metadata": metadata, "spec": {} }),
        );
    }

    fn name(&self) -> String {
        format!("web-{}", self.mark)
    }

    fn tunnel(&self, world: &World) -> Value {
        let name = format!("{}-tunnel", self.name());
        world.cluster.get(TUNNELS, self.namespace, &name).unwrap_or_default()
    }

    fn is_active(&self, world: &World) -> bool {
        let host = world
            .cluster
            .get(HOSTS, self.namespace, &self.name())
            .unwrap_or_default();
        self.tunnel(world)["status"]["hostStatus"] == "active" && host["status"]["phase"] == "Active"
    }
}

async fn keep_apart(installations: [Installation; 2]) {
    let [one, other] = installations;
    let mut world = World::new(TWO[0]);
    for installation in [&one, &other] {
        installation.make_service(&world);
        installation.make_host(&world);
    }
    let mut a = one.start(&mut world);
    a.until("its own are active", || one.is_active(&world)).await;
    assert!(
        other.tunnel(&world).is_null(),
        "the other's Service has no Tunnel of this one"
    );
    assert_eq!(world.hosts_at_cloud(), 2);
    let mut b = other.start(&mut world);
    b.until("its own are active", || other.is_active(&world)).await;
    a.round().await;
    assert_eq!(world.hosts_at_cloud(), 4);

    // An orphan of the other's is the other's.
    let forced = json!({ "metadata": { "finalizers": [] } });
    let name = format!("{}-tunnel", other.name());
    world.cluster.patch(TUNNELS, other.namespace, &name, &forced);
    world.cluster.delete("services", other.namespace, &other.name());
    assert!(other.tunnel(&world).is_null());
    let wait = || world.sim.clock().advance(Duration::from_secs(11));
    for _ in 0..3 {
        wait();
        assert_eq!(orphans::check(&a.context, true).await.unwrap(), []);
    }
    assert_eq!(world.hosts_at_cloud(), 4);
    wait();
    assert_eq!(orphans::check(&b.context, true).await.unwrap().len(), 1);
    for _ in 0..5 {
        wait();
        orphans::check(&b.context, true).await.unwrap();
    }
    assert_eq!(world.hosts_at_cloud(), 3);

    // One that has left the labels has a resource all the same.
    let relabelled = json!({ "metadata": { "labels": { "team": "c" } } });
    world.cluster.patch(HOSTS, one.namespace, &one.name(), &relabelled);
    wait();
    assert_eq!(orphans::check(&a.context, true).await.unwrap(), []);
    world.cluster.patch(
        HOSTS,
        one.namespace,
        &one.name(),
        &json!({ "metadata": { "labels": one.labels } }),
    );

    // A clean-up takes its own along, and nothing else.
    for _ in 0..20 {
        let report = cleanup::run(&a.context, Duration::ZERO, Duration::ZERO).await.unwrap();
        if report.left.is_empty() {
            break;
        }
        world.sim.clock().advance(Duration::from_secs(5));
    }
    assert!(one.tunnel(&world).is_null());
    let left = world.cluster.list(HOSTS);
    assert_eq!(left.len(), 1, "{left:#?}");
    assert_eq!(
        (&left[0]["metadata"]["name"], world.hosts_at_cloud()),
        (&json!(other.name()), 1)
    );
}

#[tokio::test]
async fn two_installations_keep_apart_by_namespace() {
    keep_apart(by_namespace()).await;
}

#[tokio::test]
async fn two_installations_keep_apart_by_label() {
    keep_apart(by_labels()).await;
}
