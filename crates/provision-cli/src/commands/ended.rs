mod summary;

use std::{
    io::{self, IsTerminal as _},
    time::SystemTime,
};

use provision::ProvisionedHost;

use crate::{
    args::TableArgs,
    context::{Cloud, Context},
    failure::{Exit, Failure, Outcome, Tally},
    interrupt::Interrupt,
    output::{self, HostDocument},
    price::PriceBook,
    progress::{hint, say},
    ready::Check,
};

/// How a command ended for one of its hosts, to be printed when it has for all.
#[derive(Default)]
pub(super) struct Ended {
    pub(super) document: Option<HostDocument>,
    pub(super) failure: Option<Failure>,
    pub(super) interrupted: bool,
    /// The host is up, and this answered.
    pub(super) up: Option<Vec<Check>>,
}

impl Ended {
    pub(super) fn well(document: HostDocument) -> Self {
        Self {
            document: Some(document),
            ..Self::default()
        }
    }

    /// The host is up, as far as that was asked for.
    pub(super) fn up(document: HostDocument, answering: &[Check]) -> Self {
        Self {
            document: Some(document),
            up: Some(answering.to_vec()),
            ..Self::default()
        }
    }

    pub(super) fn failed(document: Option<HostDocument>, failure: Failure) -> Self {
        Self {
            document,
            failure: Some(failure),
            ..Self::default()
        }
    }

    pub(super) fn interrupted(document: Option<HostDocument>) -> Self {
        Self {
            document,
            interrupted: true,
            ..Self::default()
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

/// A time to live does nothing by itself.
pub(super) fn say_who_deletes(context: &Context, providers: &str) {
    let gc = |words: &[&str]| context.command(&[&["-p", providers, "gc"], words].concat());
    let mut line = format!(
        "nothing deletes it by itself: `{}` does when its time has passed",
        gc(&["--delete"])
    );
    // Nothing bills in a simulated cloud.
    if !context.globals.sim {
        line.push_str(&format!("; to run that every hour: {}", gc(&["--install", "systemd"])));
    }
    hint(&line);
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
    let mut last_words = Vec::new();
    for one in ended {
        if let (Some(document), Some(answering)) = (&one.document, &one.up) {
            last_words.extend(summary::lines(context, document, answering, SystemTime::now()));
        }
        documents.extend(one.document);
        failures.extend(one.failure);
        interrupted |= one.interrupted;
    }
    // A host that nobody can name bills all the same.
    output::some_hosts(&context.view(table), &documents, several).map_err(|failure| {
        documents.iter().fold(failure, |failure, one| {
            failure.hint(format!("not printed: {}", one.in_words()))
        })
    })?;
    if io::stderr().is_terminal() {
        last_words.iter().for_each(|line| say(line));
    }
    for failure in &failures {
        tally.failed(failure);
    }
    Ok(if interrupted {
        Exit::Interrupted
    } else {
        tally.exit_of_each()
    })
}
