//! The contract that every provider keeps, over the simulator, and what only this cloud does.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed check ends the test"
)]

use std::{sync::Arc, time::Duration};

use provision_core::{BasicHost, ErrorKind, HostStatus, OpenPorts, Provisioner, Settings, UserData};
use provision_openstack::OpenStack;
use provision_testkit::{Connect, SimStand, Stand, Trouble};

provision_testkit::contract_tests!("openstack", OpenStack);

async fn stand() -> SimStand {
    let connect = Arc::new(|settings: &Settings, transport| {
        Ok(Box::new(OpenStack::from_settings(settings, transport)?) as Box<dyn Provisioner>)
    });
    SimStand::start("openstack", connect).await.unwrap()
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

/// Stands for the contract's `sold_out`, which expects the refusal in the create's own answer.
#[tokio::test]
async fn a_cloud_without_room_shows_in_the_status() {
    for region in ["RegionOne", "RegionTwo"] {
        let stand = stand().await;
        let cloud = stand.connect(&Connect::new()).unwrap();
        let mut wanted = BasicHost::new("web-1".parse().unwrap(), UserData::new("#!/bin/sh\n").unwrap());
        wanted.ports = OpenPorts::Only(vec!["443".parse().unwrap()]);
        wanted.region = Some(region.to_owned());
        stand.cause(Trouble::SoldOut, 0, u32::MAX);
        let created = cloud.provision(&wanted).await.unwrap();
        assert_eq!(created.status, HostStatus::Provisioning);
        stand.advance(Duration::from_secs(60));
        let failed = cloud.status(&created.id).await.unwrap();
        assert_eq!(failed.status, HostStatus::Failed);
        assert_eq!(failed.message.as_deref(), Some("capacity: No valid host was found."));
        // The same call answers the failed host; it counts against the quota until it is deleted.
        assert_eq!(cloud.provision(&wanted).await.unwrap().id, created.id);
        stand.calm();
        delete(&stand, &*cloud, &created.id).await;
        assert_eq!(stand.inventory(), [], "{region}");
        assert_eq!(cloud.status(&created.id).await.unwrap_err().kind(), ErrorKind::NotFound);
        let again = cloud.provision(&wanted).await.unwrap();
        stand.advance(Duration::from_secs(60));
        assert_eq!(cloud.status(&again.id).await.unwrap().status, HostStatus::Active);
        delete(&stand, &*cloud, &again.id).await;
        assert_eq!(stand.inventory(), []);
    }
}

/// What somebody removed with another program leaves nothing that bills, nor anything else.
#[tokio::test]
async fn a_server_that_somebody_else_deletes_leaves_nothing_once_it_is_deleted_by_id() {
    let stand = stand().await;
    let cloud = stand.connect(&Connect::new()).unwrap();
    let wanted = BasicHost::new("web-1".parse().unwrap(), UserData::new("#!/bin/sh\n").unwrap());
    let created = cloud.provision(&wanted).await.unwrap();
    stand.advance(Duration::from_secs(60));
    let server = created.id.parts().next().unwrap().to_owned();
    stand
        .sim()
        .rewrite("openstack", |state| {
            let mut state: serde_json::Value = serde_json::from_str(state).unwrap();
            state["servers"] = serde_json::json!([]);
            state
                .to_string()
                .replace(&format!("\"device\":\"{server}\""), "\"device\":\"\"")
        })
        .unwrap();
    assert!(stand.inventory().iter().any(|item| item.bills), "the floating IP");
    delete(&stand, &*cloud, &created.id).await;
    assert_eq!(stand.inventory(), []);
}
