//! The contract that every provider keeps, over the simulator, and what only this cloud does.

#![allow(clippy::unwrap_used, reason = "a failed check ends the test")]

use std::{sync::Arc, time::Duration};

use provision_core::{
    BasicHost, Deletion, ErrorKind, HostStatus, IdempotencyKey, ListFilter, OpenPorts, Origin, Provisioner, UserData,
};
use provision_gce::Gce;
use provision_testkit::{Connect, SimStand, Stand, Trouble};

provision_testkit::contract_tests!("gce", Gce);

async fn stand() -> SimStand {
    let connect = Arc::new(|settings: &provision_core::Settings, transport| {
        Ok(Box::new(Gce::from_settings(settings, transport)?) as Box<dyn Provisioner>)
    });
    SimStand::start("gce", connect).await.unwrap()
}

fn host(name: &str, key: &str) -> BasicHost {
    let mut host = BasicHost::new(name.parse().unwrap(), UserData::new("#!/bin/sh\n").unwrap());
    host.ports = OpenPorts::Only(vec!["443".parse().unwrap()]);
    host = host.with_key(IdempotencyKey::new(key).unwrap());
    host
}

async fn delete(stand: &SimStand, cloud: &dyn Provisioner, id: &provision_core::HostId) {
    for _ in 0..30 {
        if cloud.delete(&id.clone().into()).await.unwrap().is_over() {
            return;
        }
        stand.advance(Duration::from_secs(2));
    }
    unreachable!("delete never became complete: {:?}", stand.inventory());
}

/// Stands for the contract's `sold_out` and `quota`, which expect the refusal in the create's own answer.
#[tokio::test]
async fn a_sold_out_zone_or_quota_shows_in_the_status() {
    for (trouble, kind, word) in [
        (Trouble::SoldOut, "capacity", "ZONE_RESOURCE_POOL_EXHAUSTED"),
        (Trouble::Quota, "quota", "QUOTA_EXCEEDED"),
    ] {
        let stand = stand().await;
        let cloud = stand.connect(&Connect::new()).unwrap();
        let wanted = host("web-1", "order-1");
        stand.cause(trouble, 0, u32::MAX);
        let created = cloud.provision(&wanted).await.unwrap();
        assert_eq!(created.status, HostStatus::Provisioning);
        let waiting = cloud.status(&created.id).await.unwrap();
        assert_eq!(waiting.status, HostStatus::Provisioning, "{trouble:?}");
        // Nothing is called gone as long as the operation runs.
        assert_eq!(cloud.delete(&host_id("web-1")).await.unwrap(), Deletion::InProgress);
        stand.advance(Duration::from_secs(5));

        let failed = cloud.status(&created.id).await.unwrap();
        let message = failed.message.unwrap();
        assert_eq!(failed.status, HostStatus::Failed);
        assert!(message.starts_with(kind) && message.contains(word), "{message}");
        assert!(cloud.list(&ListFilter::all()).await.unwrap().is_empty());

        stand.calm();
        delete(&stand, &*cloud, &created.id).await;
        assert_eq!(stand.inventory(), [], "{trouble:?}");
        let gone = cloud.status(&created.id).await.unwrap_err();
        assert_eq!(gone.kind(), ErrorKind::NotFound);
        // The first create's request id gives its failed operation forever.
        let again = cloud.provision(&wanted).await.unwrap();
        stand.advance(Duration::from_secs(60));
        assert_eq!(cloud.status(&again.id).await.unwrap().status, HostStatus::Active);
        delete(&stand, &*cloud, &again.id).await;
        assert_eq!(stand.inventory(), []);
    }
}

fn host_id(name: &str) -> provision_core::HostDeleteRequest {
    let id = provision_core::HostId::from_parts([name, "us-central1-a", "sim-project"]).unwrap();
    id.into()
}

/// A new instance would boot from a disk of its name instead of from the image.
#[tokio::test]
async fn a_disk_of_the_same_name_is_not_reused() {
    let stand = stand().await;
    let cloud = stand.connect(&Connect::new()).unwrap();
    stand.cause(Trouble::SoldOut, 0, u32::MAX);
    let failed = cloud.provision(&host("web-1", "order-1")).await.unwrap();
    stand.calm();
    stand.advance(Duration::from_secs(60));
    assert!(stand.inventory().iter().any(|item| item.kind == "volume" && item.bills));
    // With the same key it is the failed host, with another or none an error.
    let same = cloud.provision(&host("web-1", "order-1")).await.unwrap();
    assert_eq!((same.id, same.status), (failed.id.clone(), HostStatus::Failed));
    let error = cloud.provision(&host("web-1", "order-2")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert!(
        error
            .to_string()
            .contains("host `web-1/us-central1-a/sim-project` has the name `web-1` and was made with another key"),
        "{error}"
    );
    assert!(stand.inventory().iter().all(|item| !item.is_host()));
    delete(&stand, &*cloud, &failed.id).await;
    assert_eq!(stand.inventory(), []);
}

/// Firewall rules are named after the host, and belong to the whole project.
#[tokio::test]
async fn hosts_of_one_name_in_two_zones_do_not_share_rules() {
    let stand = stand().await;
    let cloud = stand.connect(&Connect::new()).unwrap();
    let first = cloud.provision(&host("web-1", "order-1")).await.unwrap();
    let before = stand.inventory();
    let mut elsewhere = host("web-1", "order-2");
    elsewhere.region = Some("us-east1-b".to_owned());
    let error = cloud.provision(&elsewhere).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
    assert!(error.to_string().contains("firewall rule `web-1-"), "{error}");
    assert_eq!(stand.inventory(), before);
    // With the same key it is the same host, wherever it is asked for.
    elsewhere = elsewhere.with_key(IdempotencyKey::new("order-1").unwrap());
    let adopted = cloud.provision(&elsewhere).await.unwrap();
    assert_eq!(
        (adopted.id, adopted.origin),
        (first.id.clone(), Some(Origin::AdoptedDifferent))
    );
    assert_eq!(stand.inventory(), before);
    delete(&stand, &*cloud, &first.id).await;
    assert_eq!(stand.inventory(), []);
}

#[tokio::test]
async fn a_host_that_is_being_deleted_is_not_adopted() {
    let stand = stand().await;
    let cloud = stand.connect(&Connect::new()).unwrap();
    let wanted = host("web-1", "order-1");
    let first = cloud.provision(&wanted).await.unwrap();
    stand.advance(Duration::from_secs(60));
    assert_eq!(
        cloud.delete(&first.id.clone().into()).await.unwrap(),
        Deletion::InProgress
    );
    let busy = cloud.provision(&wanted).await.unwrap_err();
    assert_eq!(busy.kind(), ErrorKind::Conflict, "{busy}");
    delete(&stand, &*cloud, &first.id).await;
    assert_eq!(cloud.provision(&wanted).await.unwrap().status, HostStatus::Provisioning);
}
