//! Each column has to notice what it is there for: real providers, each broken in one way, and the column that objects.

#[path = "../broken/provisioner.rs"]
#[allow(
    dead_code,
    reason = "shared with the tests of the contract suite, which need all of it"
)]
mod provisioner;

use std::{collections::BTreeSet, sync::Arc};

use provision::{Provisioner, Settings};

use crate::{all_cases, case::Case, run_all, verdict::Column, world::Around};
use provisioner::{Broken, Bug};

/// A bug, the column that must object, and a cloud and the cases of which one has to notice, whatever request the fault hits.
const BUGS: &[(Bug, Column, &str, &str)] = &[
    (
        Bug::HidesYoungHosts,
        Column::Lost,
        "hetzner",
        "create-with-ports/*/timeout-before/give-up",
    ),
    (
        Bug::IgnoresKey,
        Column::Doubled,
        "digitalocean",
        "create/*/timeout-after/anew",
    ),
    (
        Bug::LosesTheId,
        Column::Unsaid,
        "hetzner",
        "create-with-ports/*/timeout-before/anew",
    ),
    (
        Bug::CompleteTooEarly,
        Column::FalseDeleted,
        "digitalocean",
        "delete-by-id/*/no-connection",
    ),
    (
        Bug::LeavesLeftovers,
        Column::Left,
        "civo",
        "create-with-ports/*/killed-after/give-up",
    ),
    (
        Bug::ForeignNotFoundIsGone,
        Column::NotFound,
        "linode",
        "status/*/404-empty",
    ),
    (Bug::ForbiddenIsEmpty, Column::EmptyList, "vultr", "list/*/403-gateway"),
    (Bug::LosesTheId, Column::Kind, "vultr", "status/*/429-seconds"),
    (
        Bug::ProvisionsAgain,
        Column::Calls,
        "digitalocean",
        "create/*/500-before/anew",
    ),
    (Bug::GoneIsAnError, Column::Stuck, "linode", "delete-by-id/*/503"),
    (
        Bug::IgnoresPorts,
        Column::Parts,
        "hetzner",
        "create-with-ports/*/reset-before/anew",
    ),
    (Bug::IgnoresFilter, Column::Others, "hetzner", "delete-by-name/*/503"),
];

fn around(bug: Bug) -> Arc<Around> {
    Arc::new(move |real| Box::new(Broken::new(real, bug, &Settings::new())) as Box<dyn Provisioner>)
}

#[test]
fn every_column_notices_a_bug() {
    let clouds: BTreeSet<String> = BUGS.iter().map(|(_, _, cloud, _)| (*cloud).to_owned()).collect();
    let all = all_cases(&clouds.into_iter().collect::<Vec<_>>());
    for (bug, column, cloud, part) in BUGS {
        let mut cases = all.clone();
        let (before, after) = part.split_once('*').unwrap();
        let (before, after) = (format!("{cloud}/{before}"), format!("{after}/"));
        let names = |case: &Case| format!("{case}/");
        cases.retain(|case| names(case).starts_with(&before) && names(case).contains(&after));
        let verdicts = run_all(&cases, &around(*bug));
        let noticed = verdicts
            .iter()
            .flat_map(|verdict| &verdict.0)
            .any(|(found, _)| found == column);
        assert!(
            noticed,
            "{cloud}/{part} does not notice {bug:?} in {column:?}: {verdicts:?}"
        );
    }
    let noticing: BTreeSet<Column> = BUGS.iter().map(|(_, column, ..)| *column).collect();
    assert_eq!(noticing, BTreeSet::from(Column::ALL));
}
