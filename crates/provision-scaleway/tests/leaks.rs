//! What Scaleway needs beyond the contract: several requests make a host, and whatever ends them early, nothing is lost.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed check ends the test")]

use std::{sync::Arc, time::Duration};

use provision_core::{
    BasicHost, Deletion, ErrorKind, HostDeleteRequest, HostStatus, ListFilter, OpenPorts, Origin, ProvisionedHost,
    Provisioner, RegionFilter, Settings, UserData,
};
use provision_http::Transport;
use provision_scaleway::Scaleway;
use provision_testkit::{Connect, Item, SimStand, Stand, Trouble};

/// The requests of a create with closed ports: look for the host; image, groups and a new group side by side; server; user
/// data, rules and the group's name side by side; power on.
const STEPS: u32 = 9;
const POWER_ON: u32 = STEPS - 1;

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
    host(name).with_ports(OpenPorts::Only(vec!["443".parse().unwrap()]))
}

fn groups(stand: &SimStand) -> Vec<Item> {
    let items = stand.inventory().into_iter();
    items.filter(|item| item.kind == "security-group").collect()
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

/// Calls again as callers are told to.
async fn provision(stand: &SimStand, cloud: &dyn Provisioner, wanted: &BasicHost) -> ProvisionedHost {
    for _ in 0..60 {
        match cloud.provision(wanted).await {
            Ok(host) => return host,
            Err(error) if error.is_retryable() => {
                stand.advance(error.retry_after().unwrap_or(Duration::from_secs(1)));
            }
            Err(error) => panic!("{error}"),
        }
    }
    panic!("provision never succeeded");
}

#[tokio::test]
async fn a_create_that_is_refused_at_any_step_leaves_nothing_or_names_the_host() {
    for step in 0..STEPS {
        let (stand, cloud) = start().await;
        stand.cause(Trouble::Unauthorized, step, 1);
        let error = cloud.provision(&closed("exit-1")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthorized, "step {step}");
        // Four requests come before the server.
        assert_eq!(error.host().is_some(), step > 4, "step {step}: {error}");
        if let Some(host) = error.host() {
            // The next call goes on with it.
            let finished = provision(&stand, &*cloud, &closed("exit-1")).await;
            assert_eq!((&finished.id, finished.origin), (host, Some(Origin::Adopted)));
            delete(&stand, &*cloud, &finished.id.into()).await;
        }
        assert_eq!(stand.inventory(), [], "step {step}: {error}");
    }
}

#[tokio::test]
async fn a_host_that_cannot_be_started_is_named_and_can_be_found() {
    let (stand, cloud) = start().await;
    stand.cause(Trouble::Unauthorized, POWER_ON, u32::MAX);
    let error = cloud.provision(&closed("exit-1")).await.unwrap_err();
    stand.calm();
    let listed = cloud.list(&ListFilter::all()).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].status, HostStatus::Stopped);
    assert_eq!(error.host(), Some(&listed[0].id));
    assert!(error.to_string().contains(&listed[0].host_ref().to_string()), "{error}");
    delete(&stand, &*cloud, &listed[0].id.clone().into()).await;
    assert_eq!(stand.inventory(), []);
}

#[tokio::test]
async fn a_group_whose_host_never_came_to_be_is_taken_up_or_removed_by_its_key() {
    for step in 1..5 {
        for given_up in [false, true] {
            let (stand, cloud) = start().await;
            let wanted = closed("exit-1");
            stand.cause(Trouble::ResetAfter, step, 1);
            let first = cloud.provision(&wanted).await;
            stand.calm();
            // A safe request is repeated: two of the four are.
            if first.is_err() && given_up {
                for found in cloud.list(&ListFilter::all()).await.unwrap() {
                    delete(&stand, &*cloud, &found.id.into()).await;
                }
                let key = wanted.key();
                let removed = cloud.delete_leftovers(&key, &RegionFilter::All).await.unwrap();
                assert!(removed.is_over());
                assert_eq!(stand.inventory(), [], "step {step}");
                continue;
            }
            let made = provision(&stand, &*cloud, &wanted).await;
            assert_eq!(groups(&stand).len(), 1, "step {step}: {:?}", stand.inventory());
            let key = wanted.key();
            let kept = cloud.delete_leftovers(&key, &RegionFilter::All).await.unwrap();
            assert_eq!(kept, Deletion::InProgress, "a host uses it");
            delete(&stand, &*cloud, &made.id.into()).await;
            assert_eq!(stand.inventory(), [], "step {step}");
        }
    }
}

#[tokio::test]
async fn what_a_server_leaves_is_found_by_its_id_whatever_ends_the_deletion_early() {
    for step in 1..7 {
        for trouble in [
            Trouble::ResetBefore,
            Trouble::ResetAfter,
            Trouble::RateLimited { retry_after: 1 },
        ] {
            let (stand, cloud) = start().await;
            // Made but never started: without its power-on a host is deleted instead of terminated.
            stand.cause(Trouble::ResetBefore, POWER_ON, 1);
            let error = cloud.provision(&closed("exit-1")).await.unwrap_err();
            stand.calm();
            let id = error.host().cloned().unwrap();
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
async fn deletion_by_ip_finds_the_host_and_the_rest_goes_by_its_id() {
    let (stand, cloud) = start().await;
    let wanted = closed("exit-1").with_region("nl-ams-2");
    let id = cloud.provision(&wanted).await.unwrap().id;
    stand.advance(Duration::from_secs(60));
    let ip = cloud.status(&id).await.unwrap().ip.unwrap();
    let by_ip = HostDeleteRequest::ip(ip);
    let elsewhere = HostDeleteRequest::Ip {
        ip,
        region: RegionFilter::Default,
    };
    assert_eq!(cloud.delete(&elsewhere).await.unwrap_err().kind(), ErrorKind::NotFound);
    for _ in 0..2 {
        assert_eq!(cloud.delete(&by_ip).await.unwrap(), Deletion::InProgress);
    }
    // The host is gone now, its security group is not.
    stand.advance(Duration::from_secs(60));
    assert_eq!(cloud.status(&id).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(cloud.delete(&by_ip).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(groups(&stand).len(), 1);
    assert_eq!(cloud.delete(&id.clone().into()).await.unwrap(), Deletion::Removed);
    assert_eq!(stand.inventory(), []);
    assert_eq!(cloud.delete(&id.into()).await.unwrap(), Deletion::NotFound);
}

#[tokio::test]
async fn all_zones_are_listed_when_asked_for() {
    let (stand, cloud) = start().await;
    for (name, zone) in [("exit-1", "fr-par-1"), ("exit-2", "pl-waw-3"), ("exit-3", "pl-waw-3")] {
        cloud.provision(&host(name).with_region(zone)).await.unwrap();
    }
    let mut filter = ListFilter::all();
    let names = |hosts: Vec<ProvisionedHost>| {
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
