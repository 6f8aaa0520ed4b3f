//! The contract against a real control plane: Keystone, Nova (with its fake driver), Neutron and Glance, as `cargo xtask openstack up`
//! starts them. Runs where `OPENSTACK_LAB` names the folder of that; else it is skipped and says so.
//!
//! `OPENSTACK_LAB_CASES` names the cases to run, separated by commas, also those that take too long for every run.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

mod real_stand;

use std::{io::Write as _, path::PathBuf, time::Instant};

use provision_testkit::contract;
use real_stand::RealStand;

/// Cases that do not run here, and why.
const SKIPPED: &[(&str, &str)] = &[
    ("defaults_and_overrides", "the lab has one region"),
    ("an_id_that_lacks_a_part_is_not_guessed", "the lab has one region"),
    ("list_pages", "the fake driver has room for eight servers"),
    (
        "oversized_user_data",
        "leaves its host behind, as the largest text that fits is told by the simulator",
    ),
    ("invalid_name_rules", "makes more hosts at once than there is room for"),
    ("user_data_arrives", "the fake driver runs none"),
    ("sold_out", "accepted first: see a_plan_without_room_fails"),
    ("quota", "the lab's quota is that of an administrator"),
    ("a_plan_has_one_price", "OpenStack's APIs tell no prices"),
    ("late_lists_make_no_second_host", "a real list cannot be made late"),
    ("simultaneous_creates_end_as_one", "twenty hosts have no room"),
    ("list_only_marked", "nobody else makes hosts here"),
    (
        "request_counts",
        "counted over the simulator; twelve creates are refused half-way",
    ),
    (
        "firewall_failure_rolls_back_or_is_findable",
        "hundred creates: half an hour",
    ),
    (
        "a_failure_after_the_host_exists_names_it",
        "forty creates: a quarter of an hour",
    ),
    ("a_foreign_not_found_is_no_gone", "hundred creates: half an hour"),
    ("server_error_on_create", "a dozen creates: minutes"),
    ("key_adopts_after_lost_answer", "a dozen creates: minutes"),
];

#[tokio::test]
async fn the_contract_holds_at_a_real_control_plane() {
    // Not by `println!`, whose text the test harness keeps to itself.
    let say = |text: String| drop(writeln!(std::io::stderr(), "{text}"));
    let Some(folder) = std::env::var_os("OPENSTACK_LAB").map(PathBuf::from) else {
        say("SKIPPED: no OpenStack runs here (cargo xtask openstack up, and OPENSTACK_LAB)".to_owned());
        return;
    };
    let chosen = std::env::var("OPENSTACK_LAB_CASES").ok();
    let mut failed = Vec::new();
    for case in contract::cases() {
        match &chosen {
            Some(chosen) if chosen.split(',').all(|name| name != case.name) => continue,
            Some(_) => {}
            None => {
                if let Some((_, why)) = SKIPPED.iter().find(|(name, _)| *name == case.name) {
                    say(format!("skipped {}: {why}", case.name));
                    continue;
                }
            }
        }
        let stand = RealStand::start(&folder);
        stand.empty();
        let begun = Instant::now();
        let outcome = case.run(&stand).await;
        let took = begun.elapsed().as_secs();
        match outcome {
            Ok(()) => say(format!("passed  {} in {took} s", case.name)),
            Err(failure) => {
                say(format!("FAILED  {} in {took} s: {failure}", case.name));
                failed.push(case.name);
            }
        }
        stand.empty();
    }
    assert!(failed.is_empty(), "{failed:?}");
}

/// Accepted at first, and told later: what the simulator plays is what Nova does.
#[tokio::test]
async fn a_plan_without_room_fails() {
    use provision_core::{BasicHost, HostStatus, UserData};
    use provision_testkit::{Connect, Stand as _};

    let Some(folder) = std::env::var_os("OPENSTACK_LAB").map(PathBuf::from) else {
        return;
    };
    if std::env::var_os("OPENSTACK_LAB_CASES").is_some() {
        return;
    }
    let stand = RealStand::start(&folder);
    let cloud = stand.connect(&Connect::new()).unwrap();
    let host = BasicHost::new("too-large".parse().unwrap(), UserData::empty()).with_plan("huge");
    let created = cloud.provision(&host).await.unwrap();
    let failed = loop {
        let host = cloud.status(&created.id).await.unwrap();
        if host.status != HostStatus::Provisioning {
            break host;
        }
        stand.advance(std::time::Duration::from_secs(1));
    };
    assert_eq!(failed.status, HostStatus::Failed);
    assert!(failed.message.unwrap().starts_with("capacity: No valid host was found"));
    while !cloud.delete(&created.id.clone().into()).await.unwrap().is_over() {
        stand.advance(std::time::Duration::from_secs(1));
    }
    assert_eq!(stand.inventory(), []);
}
