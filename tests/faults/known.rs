//! What the matrix finds and is not mended yet: each with its reason. Whatever is not listed here fails the run, and so does an
//! entry that no case meets any more.

use crate::{
    operation::Operation,
    verdict::{Column, Table},
};

/// An open point.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) operations: &'static [Operation],
    pub(crate) column: Column,
    pub(crate) reason: &'static str,
}

pub(crate) const KNOWN: &[Known] = &[Known {
    operations: &[Operation::DeleteByName, Operation::DeleteByAddress, Operation::Gc],
    column: Column::Left,
    reason: "cut off between the host and its firewall: the host is gone, and neither its name nor its address leads to what is left",
}];

/// The open point that an objection belongs to.
pub(crate) fn find(operation: Operation, column: Column) -> Option<&'static Known> {
    KNOWN
        .iter()
        .find(|known| known.column == column && known.operations.contains(&operation))
}

/// Open points that no case of a whole run met: they are mended.
pub(crate) fn unmet(table: &Table) -> Vec<String> {
    let unmet = KNOWN.iter().filter(|known| {
        let met = |operation: &Operation| table.objections(operation.name(), known.column) > 0;
        !known.operations.iter().all(met)
    });
    unmet
        .map(|known| format!("an open point is not met by each of its operations: {}", known.reason))
        .collect()
}
