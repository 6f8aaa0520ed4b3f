//! The suite has to notice what it is there for: real providers, each broken in one way, and the case that has to fail.
//!
//! Every contract case is failed by at least one of the bugs, so that none of them is an ornament.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests, which clippy does not count as tests"
)]

mod provisioner;
mod transport;

use std::{collections::BTreeSet, sync::Arc};

use provision_core::Settings;
use provision_http::Transport;
use provision_testkit::{ConnectFn, Manifest, contract, run_one};

use provisioner::{Broken, Bug};
use transport::{BrokenTransport, WireBug};

/// A bug in the provider's own logic, the case that must fail, and words of its failure.
const BUGS: &[(Bug, &str, &str)] = &[
    (Bug::SleepsInStatus, "no_waiting", "status, a booting host: waits"),
    (Bug::SleepsInDelete, "no_waiting", "delete, "),
    (Bug::BlocksTheThread, "no_waiting", "besides its requests"),
    (Bug::PollsUntilActive, "request_counts", "`provision` sends"),
    (Bug::ActiveTooEarly, "create_to_active", "active"),
    (Bug::EncodesUserDataTwice, "user_data_arrives", "other user data"),
    (Bug::ForgetsLabels, "defaults_and_overrides", "asked for labels"),
    (Bug::GoneIsDeleting, "status_unknown_id", "should fail with not_found"),
    (Bug::AsksBeforeChecking, "malformed_id", "sent 1 requests"),
    (Bug::FirstPageOnly, "list_pages", "the list holds"),
    (Bug::IgnoresFilter, "list_filters", "list by label team=web"),
    (Bug::CompleteTooEarly, "delete_by_id", "no other"),
    (Bug::CompleteTooEarly, "delete_leaves_nothing", "still holds"),
    (Bug::GoneIsAnError, "delete_again", "should succeed"),
    (Bug::GoneIsAnError, "delete_unknown_id", "should succeed"),
    (Bug::DeletesTheWrongOne, "delete_by_ip", "at"),
    (
        Bug::DeletesTheWrongOne,
        "delete_by_ip_unknown",
        "should fail with not_found",
    ),
    (Bug::UnauthorizedIsGone, "bad_token", "should fail with unauthorized"),
    (Bug::TriesBadTokenAgain, "bad_token", "sent 2 requests"),
    (
        Bug::FallsBackToDefaults,
        "bad_region",
        "should fail with invalid_request",
    ),
    (Bug::FallsBackToDefaults, "bad_plan", "should fail with invalid_request"),
    (
        Bug::FallsBackToDefaults,
        "bad_image",
        "should fail with invalid_request",
    ),
    (
        Bug::EmptyCatalog,
        "a_refusal_names_the_nearest",
        "should ask `did you mean`",
    ),
    (
        Bug::CutsUserData,
        "oversized_user_data",
        "should fail with invalid_request",
    ),
    (Bug::RenamesHosts, "invalid_name_rules", "should be named"),
    (
        Bug::DropsExtras,
        "unknown_additional_key",
        "should fail with invalid_request",
    ),
    (Bug::RateLimitIsNotFound, "rate_limited", "failed with not_found"),
    (Bug::RateLimitIsGone, "rate_limited", "succeeded: Removed"),
    (Bug::RetriesRateLimit, "rate_limited", "went on after the first refusal"),
    (Bug::ProvisionsAgain, "server_error_on_create", "with 500"),
    (Bug::RetriesReads, "safe_get_retried_once", "give up after 2"),
    (Bug::SoldOutIsInvalid, "sold_out", "should fail with capacity"),
    (Bug::QuotaIsInvalid, "quota", "should fail with quota"),
    (Bug::IgnoresKey, "key_adopts_after_lost_answer", "same key"),
    (Bug::IgnoresKey, "key_same_twice", "key"),
    (
        Bug::RemembersKeysInMemory,
        "key_after_restart",
        "same key after a restart",
    ),
    (Bug::IgnoresKey, "a_host_is_known_by_its_key", "the same name"),
    (Bug::AdoptsTheDying, "a_dying_host_is_not_adopted", "answered that host"),
    (Bug::ProvisionsAgain, "late_lists_make_no_second_host", "second host"),
    (
        Bug::NeverSettles,
        "simultaneous_creates_end_as_one",
        "should all end with the same host",
    ),
    (
        Bug::ForeignNotFoundIsGone,
        "a_foreign_not_found_is_no_gone",
        "only the cloud's own word",
    ),
    (
        Bug::ForbiddenIsEmpty,
        "a_missing_permission_is_no_empty_answer",
        "should fail with forbidden",
    ),
    (
        Bug::GuessesTheRegion,
        "an_id_that_lacks_a_part_is_not_guessed",
        "should fail with invalid_request",
    ),
    (
        Bug::LosesTheId,
        "a_failure_after_the_host_exists_names_it",
        "neither carries the host's id",
    ),
    (Bug::IgnoresPorts, "ports_restricted", "is in no request"),
    (
        Bug::HidesYoungHosts,
        "firewall_failure_rolls_back_or_is_findable",
        "has to be findable",
    ),
    (
        Bug::LeavesLeftovers,
        "firewall_failure_rolls_back_or_is_findable",
        "the leftovers of the key were deleted",
    ),
    (Bug::UnsortedCatalog, "catalog_plans", "order"),
    (
        Bug::PricesPlansWithoutAddress,
        "a_plan_has_one_price",
        "what a host bills",
    ),
    (Bug::UnsortedCatalog, "catalog_regions", "order"),
    (Bug::EmptyCatalog, "catalog_images", "is not in the catalog"),
    (
        Bug::UnknownRegionIsEmpty,
        "catalog_unknown_region",
        "should fail with invalid_request",
    ),
    (Bug::LeaksToken, "secrets_absent", "a credential appears in the error"),
    (Bug::LogsUserData, "secrets_absent", "the user data appears in a trace"),
];

/// A bug on the way to the cloud, the case that must fail, and words of its failure.
const WIRE_BUGS: &[(WireBug, &str, &str)] = &[
    (WireBug::ResendsCreates, "server_error_on_create", "sent 2 times"),
    (WireBug::ResendsCreates, "key_adopts_after_lost_answer", "lost"),
    (
        WireBug::LeavesFirewalls,
        "delete_leaves_nothing",
        "still holds firewall",
    ),
    (WireBug::LeavesFirewalls, "ports_restricted", "still holds firewall"),
    (
        WireBug::LosesFirewallErrors,
        "firewall_failure_rolls_back_or_is_findable",
        "must not be dropped",
    ),
    (WireBug::SeesNoMarker, "list_only_marked", "belongs to somebody else"),
];

fn connect(id: &str, bug: Option<Bug>, wire_bug: Option<WireBug>) -> Arc<ConnectFn> {
    let id = id.to_owned();
    Arc::new(move |settings: &Settings, transport: Arc<dyn Transport>| {
        let transport = match wire_bug {
            Some(bug) => Arc::new(BrokenTransport::new(transport, bug)),
            None => transport,
        };
        let cloud = provision::connect_with(&id, settings, transport)?;
        Ok(match bug {
            Some(bug) => Box::new(Broken::new(cloud, bug, settings)),
            None => cloud,
        })
    })
}

/// The clouds whose providers are broken: the suite is tested here, not the clouds. One has neither unique names nor an
/// idempotency key, the other has unique names; both have firewalls as objects of their own.
const CLOUDS: &[&str] = &["digitalocean", "hetzner"];

/// Where something is made before the host.
const CLOUDS_WITH_LEFTOVERS: &[&str] = &["civo", "ec2"];

/// Where an id has the host's region in it.
const CLOUDS_WITH_REGIONS: &[&str] = &["civo", "ec2"];

/// Where the cloud itself refuses no second host.
const CLOUDS_WITHOUT_HELP: &[&str] = &["digitalocean", "vultr"];

/// Makes no difference on a cloud that removes hosts at once.
const NOT_EVERYWHERE: &[Bug] = &[Bug::CompleteTooEarly, Bug::AdoptsTheDying];

/// The cases that should have failed and did not, or failed for another reason.
fn unnoticed(bug: Option<Bug>, wire_bug: Option<WireBug>, case: &str, words: &str) -> Vec<String> {
    let manifest = Manifest::find(env!("CARGO_MANIFEST_DIR")).unwrap();
    let name = match (bug, wire_bug) {
        (Some(bug), _) => format!("{bug:?}"),
        (None, wire_bug) => format!("{wire_bug:?}"),
    };
    let (mut passes, mut noticed) = (Vec::new(), 0);
    let clouds = match bug {
        Some(Bug::LeavesLeftovers) => CLOUDS_WITH_LEFTOVERS,
        Some(Bug::GuessesTheRegion) => CLOUDS_WITH_REGIONS,
        Some(Bug::NeverSettles | Bug::ProvisionsAgain) => CLOUDS_WITHOUT_HELP,
        _ => CLOUDS,
    };
    for row in manifest.rows.iter().filter(|row| clouds.contains(&row.id.as_str())) {
        match run_one(&row.id, case, connect(&row.id, bug, wire_bug), row.requests.clone()) {
            Ok(_) => passes.push(format!("{}: {case} passes with {name}", row.id)),
            Err(failure) if failure.to_string().contains(words) => {
                println!("{}: {case} notices {name}: {failure}", row.id);
                noticed += 1;
            }
            Err(failure) => passes.push(format!(
                "{}: {case} fails with {name}, but does not say {words:?}: {failure}",
                row.id
            )),
        }
    }
    if noticed > 0 && bug.is_some_and(|bug| NOT_EVERYWHERE.contains(&bug)) {
        passes.clear();
    }
    passes
}

#[test]
fn every_bug_of_a_provider_is_noticed() {
    let unnoticed: Vec<String> = BUGS
        .iter()
        .flat_map(|&(bug, case, words)| unnoticed(Some(bug), None, case, words))
        .collect();
    assert!(unnoticed.is_empty(), "\n{}", unnoticed.join("\n"));
}

#[test]
fn every_bug_on_the_wire_is_noticed() {
    let unnoticed: Vec<String> = WIRE_BUGS
        .iter()
        .flat_map(|&(bug, case, words)| unnoticed(None, Some(bug), case, words))
        .collect();
    assert!(unnoticed.is_empty(), "\n{}", unnoticed.join("\n"));
}

#[test]
fn every_case_notices_a_bug() {
    let noticing: BTreeSet<&str> = BUGS
        .iter()
        .map(|(_, case, _)| *case)
        .chain(WIRE_BUGS.iter().map(|(_, case, _)| *case))
        .collect();
    let cases: BTreeSet<&str> = contract::cases().iter().map(|case| case.name).collect();
    assert_eq!(noticing, cases, "cases that notice a bug (left) and all cases (right)");
}
