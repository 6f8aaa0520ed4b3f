//! What Scaleway needs beyond the contract: several requests make a host, and whatever ends them early, nothing is lost.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed check ends the test")]

use std::{sync::Arc, time::Duration};

use provision_core::{
    BasicHost, Deletion, ErrorKind, HostDeleteRequest, HostId, HostStatus, IdempotencyKey, ListFilter, OpenPorts,
    Provisioner, RegionFilter, Settings, UserData,
};
use provision_http::Transport;
use provision_scaleway::Scaleway;
use provision_testkit::{Connect, SimStand, Stand, Trouble};

async fn start() -> (SimStand, Box<dyn Provisioner>) {
    let connect = |settings: &Settings, transport: Arc<dyn Transport>| {
        Ok(Box::new(Scaleway::from_settings(settings, transport)?) as Box<dyn Provisioner>)
    };
    let stand = SimStand::start("scaleway", Arc::new(connect)).await.unwrap();
    let cloud = stand.connect(&Connect::new()).unwrap();
    (stand, cloud)
}

fn host(name: &str) -> BasicHost {
    BasicHost::new(name.parse().unwrap(), UserData::new("#!/bin/sh\ntrue\n").unwrap())
}

fn closed(name: &str) -> BasicHost {
    let mut host = host(name);
    host.ports = OpenPorts::Only(vec!["443".parse().unwrap()]);
    host
}

async fn delete(stand: &SimStand, cloud: &dyn Provisioner, request: &HostDeleteRequest) {
    for _ in 0..60 {
        match cloud.delete(request).await {
            Ok(Deletion::Removed | Deletion::NotFound) => return,
            Ok(Deletion::InProgress) => {}
            Err(error) if error.kind() == ErrorKind::Conflict => {}
            Err(error) => panic!("{error}"),
        }
        stand.advance(Duration::from_secs(5));
    }
    panic!("delete never became complete: {:?}", stand.inventory());
}

#[tokio::test]
async fn without_a_key_a_create_that_fails_is_rolled_back_or_says_what_to_delete() {
    // The create is the second of seven requests.
    for step in 2..7 {
        for trouble in [Trouble::ServerError(500), Trouble::ResetBefore, Trouble::ResetAfter] {
            let (stand, cloud) = start().await;
            stand.cause(trouble, step, 1);
            let error = cloud.provision(&closed("exit-1")).await.unwrap_err();
            let left = stand.inventory();
            let started = step == 6 && trouble == Trouble::ResetAfter;
            if !started {
                assert!(left.is_empty(), "step {step}, {trouble:?}: {left:?}");
                assert!(error.to_string().contains("removed again"), "{error}");
                continue;
            }
            let host = left.iter().find(|item| item.is_host()).unwrap();
            assert!(error.to_string().contains(&format!("{}|fr-par-1", host.id)), "{error}");
            let id = HostId::new(format!("{}|fr-par-1", host.id)).unwrap();
            delete(&stand, &*cloud, &id.into()).await;
            assert_eq!(stand.inventory(), []);
        }
    }
}

#[tokio::test]
async fn a_rollback_that_fails_as_well_leaves_a_host_that_can_be_found() {
    let (stand, cloud) = start().await;
    stand.cause(Trouble::ServerError(500), 2, u32::MAX);
    let error = cloud.provision(&closed("exit-1")).await.unwrap_err();
    stand.calm();
    let listed = cloud.list(&ListFilter::all()).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].status, HostStatus::Stopped);
    assert!(error.to_string().contains(listed[0].id.as_str()), "{error}");
    delete(&stand, &*cloud, &listed[0].id.clone().into()).await;
    assert_eq!(stand.inventory(), []);
}

#[tokio::test]
async fn a_disk_whose_server_was_deleted_is_found_by_the_server_s_id() {
    for step in 1..6 {
        for trouble in [
            Trouble::ResetBefore,
            Trouble::ResetAfter,
            Trouble::RateLimited { retry_after: 1 },
        ] {
            let (stand, cloud) = start().await;
            // Made but never started: without its power-on a host is deleted instead of terminated.
            let mut wanted = closed("exit-1");
            wanted.key = Some(IdempotencyKey::new("order-17").unwrap());
            stand.cause(Trouble::ResetBefore, 7, 1);
            cloud.provision(&wanted).await.unwrap_err();
            stand.calm();
            let id = cloud.list(&ListFilter::all()).await.unwrap()[0].id.clone();
            stand.cause(trouble, step, 1);
            let first = cloud.delete(&id.clone().into()).await;
            stand.calm();
            assert!(
                !matches!(first, Ok(Deletion::Removed)) || stand.inventory().is_empty(),
                "step {step}, {trouble:?}: {:?}",
                stand.inventory()
            );
            delete(&stand, &*cloud, &id.into()).await;
            assert_eq!(stand.inventory(), [], "step {step}, {trouble:?}");
        }
    }
}

#[tokio::test]
async fn deletion_by_ip_is_finished_by_ip_alone() {
    let (stand, cloud) = start().await;
    let mut wanted = closed("exit-1");
    wanted.region = Some("nl-ams-2".into());
    let id = cloud.provision(&wanted).await.unwrap().id;
    stand.advance(Duration::from_secs(60));
    let ip = cloud.status(&id).await.unwrap().ip.unwrap();
    let by_ip = HostDeleteRequest::ip(ip);
    let elsewhere = HostDeleteRequest::Ip {
        ip,
        region: RegionFilter::Default,
    };
    assert_eq!(cloud.delete(&elsewhere).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(cloud.delete(&by_ip).await.unwrap(), Deletion::InProgress);
    assert_eq!(cloud.delete(&by_ip).await.unwrap(), Deletion::InProgress);
    // The host is gone now, its security group is not.
    stand.advance(Duration::from_secs(60));
    assert_eq!(cloud.status(&id).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(stand.inventory().len(), 1);
    assert_eq!(cloud.delete(&by_ip).await.unwrap(), Deletion::Removed);
    assert_eq!(stand.inventory(), []);
    assert_eq!(cloud.delete(&by_ip).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn all_zones_are_listed_when_asked_for() {
    let (stand, cloud) = start().await;
    for (name, zone) in [("exit-1", "fr-par-1"), ("exit-2", "pl-waw-3"), ("exit-3", "pl-waw-3")] {
        let mut wanted = host(name);
        wanted.region = Some(zone.into());
        cloud.provision(&wanted).await.unwrap();
    }
    let mut filter = ListFilter::all();
    let names = |hosts: Vec<provision_core::ProvisionedHost>| {
        let mut names: Vec<String> = hosts.into_iter().map(|host| host.name).collect();
        names.sort_unstable();
        names.join(" ")
    };
    assert_eq!(names(cloud.list(&filter).await.unwrap()), "exit-1");
    filter.region = RegionFilter::Only("pl-waw-3".into());
    assert_eq!(names(cloud.list(&filter).await.unwrap()), "exit-2 exit-3");
    filter.region = RegionFilter::All;
    stand.forget_requests();
    assert_eq!(names(cloud.list(&filter).await.unwrap()), "exit-1 exit-2 exit-3");
    assert_eq!(stand.requests().len(), 10);
    // One zone that cannot be read makes the whole list fail.
    stand.cause(Trouble::ServerError(500), 4, 1);
    assert_eq!(cloud.list(&filter).await.unwrap_err().kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_list_of_450_hosts_takes_5_requests() {
    let (stand, cloud) = start().await;
    for number in 0..450 {
        cloud.provision(&host(&format!("exit-{number}"))).await.unwrap();
    }
    stand.forget_requests();
    let hosts = cloud.list(&ListFilter::all()).await.unwrap();
    assert_eq!((hosts.len(), stand.requests().len()), (450, 5));
}
