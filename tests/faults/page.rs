//! The page of the repository that holds the table: `docs/faults.md`.

use std::{collections::BTreeMap, path::Path};

use crate::{
    case::Case,
    fault::{FAULTS, Scope},
    known::KNOWN,
    verdict::{self, Column, Table},
};

/// The page after a run of all cases.
pub(crate) fn render(table: &Table) -> String {
    let mut text = "\
# The fault matrix

Written by `cargo xtask matrix --faults`: do not edit. Each request of each operation on each cloud meets each fault once, over
the simulator; then the caller repeats the command, as the same process and as a new one, or gives the host up, as the
documentation tells it to. `cargo test` runs a share of the cases, and checks that the numbers of cases below are those of the
code. Every column was seen objecting to a provider that is broken on purpose
([tests/faults/broken.rs](../tests/faults/broken.rs)).

A number in a column is the number of cases in which this happened:

| column | what must not happen |
|---|---|
"
    .to_owned();
    for column in Column::ALL {
        text.push_str(&format!("| {} | {} |\n", column.title(), column.meaning()));
    }
    text.push('\n');
    text.push_str(&table.render());
    text.push_str("\n## Faults\n\n| fault | the request is carried out | it hits |\n|---|---|---|\n");
    for fault in FAULTS {
        let applied = if fault.applied { "yes" } else { "no" };
        let scope = match fault.scope {
            Scope::Once => "one request",
            Scope::FromThere => "all from that request on, for ten minutes",
            Scope::SameSort => "all of the same sort, for ten minutes",
        };
        let late = if fault.late {
            ", and lists lack the new host for 20 s"
        } else {
            ""
        };
        text.push_str(&format!("| {} | {applied} | {scope}{late} |\n", fault.name));
    }
    if !KNOWN.is_empty() {
        text.push_str("\n## Open\n\n");
    }
    for known in KNOWN {
        let operations: Vec<&str> = known.operations.iter().map(|operation| operation.name()).collect();
        text.push_str(&format!(
            "- {}{}, {}: {}\n",
            known.cloud.map(|cloud| format!("{cloud}, ")).unwrap_or_default(),
            known.column.title(),
            operations.join(", "),
            known.reason
        ));
    }
    text
}

/// Where the page stands.
pub(crate) fn path() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/faults.md"))
}

/// How many cases each row has: what the page says, and what the code has.
pub(crate) fn rows(page: &str) -> BTreeMap<(String, String), usize> {
    let rows = verdict::rows(page).filter_map(|(cloud, operation, counts)| {
        let row = (cloud.to_owned(), operation.to_owned());
        Some((row, *counts.first()?))
    });
    rows.collect()
}

pub(crate) fn rows_of(cases: &[Case]) -> BTreeMap<(String, String), usize> {
    let mut rows = BTreeMap::new();
    for case in cases {
        let row = (case.cloud.clone(), case.operation.name().to_owned());
        *rows.entry(row).or_default() += 1;
    }
    rows
}
