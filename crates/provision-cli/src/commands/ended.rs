use crate::{
    args::TableArgs,
    context::Context,
    failure::{Exit, Failure, Outcome, Tally},
    output::{self, HostDocument},
};

/// How a command ended for one of its hosts, to be printed when it has for all.
#[derive(Default)]
pub(super) struct Ended {
    pub(super) document: Option<HostDocument>,
    pub(super) failure: Option<Failure>,
    pub(super) interrupted: bool,
}

impl Ended {
    pub(super) fn well(document: HostDocument) -> Self {
        Self {
            document: Some(document),
            ..Self::default()
        }
    }

    pub(super) fn failed(document: Option<HostDocument>, failure: Failure) -> Self {
        Self {
            document,
            failure: Some(failure),
            interrupted: false,
        }
    }

    pub(super) fn interrupted(document: Option<HostDocument>) -> Self {
        Self {
            document,
            failure: None,
            interrupted: true,
        }
    }
}

/// Prints the hosts and says what failed.
pub(super) fn print(
    context: &Context,
    table: &TableArgs,
    ended: Vec<Ended>,
    several: bool,
    mut tally: Tally,
) -> Outcome {
    let mut documents = Vec::new();
    let mut failures = Vec::new();
    let mut interrupted = false;
    for one in ended {
        documents.extend(one.document);
        failures.extend(one.failure);
        interrupted |= one.interrupted;
    }
    output::some_hosts(&context.view(table), &documents, several)?;
    for failure in &failures {
        tally.failed(failure);
    }
    Ok(if interrupted {
        Exit::Interrupted
    } else {
        tally.exit_of_each()
    })
}
