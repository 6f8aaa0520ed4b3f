//! What the matrix finds and is not mended yet: each with its reason. Whatever is not listed here fails the run, and so does an
//! entry that no case meets any more.

use crate::{
    operation::Operation,
    verdict::{Column, Table},
};

/// An open point.
#[derive(Debug)]
pub(crate) struct Known {
    /// `None`: of every cloud.
    pub(crate) cloud: Option<&'static str>,
    pub(crate) operations: &'static [Operation],
    pub(crate) column: Column,
    pub(crate) reason: &'static str,
}

const CREATES: &[Operation] = &[Operation::Create, Operation::CreateWithPorts];
const LOOK_UPS: &[Operation] = &[Operation::DeleteByName, Operation::DeleteByAddress, Operation::Gc];

const fn openstack(operations: &'static [Operation], column: Column, reason: &'static str) -> Known {
    Known {
        cloud: Some("openstack"),
        operations,
        column,
        reason,
    }
}

pub(crate) const KNOWN: &[Known] = &[
    Known {
        cloud: None,
        operations: LOOK_UPS,
        column: Column::Left,
        reason: "cut off between the host and its firewall: the host is gone, and neither its name nor its address leads to what is left",
    },
    openstack(
        LOOK_UPS,
        Column::Lost,
        "cut off between the server and its floating IP, in a region that is down by then: a new process that knows name or address \
         only finds nothing, and the floating IP goes on billing. Deleting by id finds it",
    ),
    openstack(
        LOOK_UPS,
        Column::NotFound,
        "the server is on its way out and no longer has its floating IP, or it is gone and its floating IP is not: neither name nor \
         address leads there. Deleting by id does",
    ),
    openstack(
        CREATES,
        Column::Parts,
        "port and group of a create that was cut off are not taken for the next one, which may run at the same time: they are free \
         of charge, and go with the host",
    ),
    openstack(
        CREATES,
        Column::Calls,
        "a process's first create gets a token and asks for the version before anything else: two requests more in a row",
    ),
    openstack(
        CREATES,
        Column::Kind,
        "a token that was accepted a moment ago and is refused now counts as expired, not as wrong: the next call gets a new one",
    ),
];

/// The open point that an objection belongs to.
pub(crate) fn find(cloud: &str, operation: Operation, column: Column) -> Option<&'static Known> {
    KNOWN.iter().find(|known| {
        known.column == column && known.operations.contains(&operation) && known.cloud.is_none_or(|of| of == cloud)
    })
}

/// Open points that no case of a whole run met: they are mended.
pub(crate) fn unmet(table: &Table) -> Vec<String> {
    let unmet = KNOWN.iter().filter(|known| {
        let met = |operation: &Operation| table.objections(known.cloud, operation.name(), known.column) > 0;
        !known.operations.iter().all(met)
    });
    unmet
        .map(|known| format!("an open point is not met by each of its operations: {}", known.reason))
        .collect()
}
