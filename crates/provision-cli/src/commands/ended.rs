use provision::ProvisionedHost;

use crate::{
    args::TableArgs,
    context::{Cloud, Context},
    failure::{Exit, Failure, Outcome, Tally},
    interrupt::Interrupt,
    output::{self, HostDocument},
    price::PriceBook,
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

/// Puts what they cost into the hosts, looked up where it is not known.
pub(super) async fn price(ended: &mut [Ended], clouds: &[&Cloud], mut prices: PriceBook, interrupt: &Interrupt) {
    let documents = || ended.iter().filter_map(|one| one.document.as_ref());
    let hosts: Vec<ProvisionedHost> = documents().filter_map(HostDocument::host).cloned().collect();
    // Without an answer a host is shown without its price.
    let _ = interrupt.or(prices.learn_hosts(clouds, &hosts)).await;
    for document in ended.iter_mut().filter_map(|one| one.document.as_mut()) {
        document.set_price(document.host().and_then(|host| prices.of_host(host)));
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
