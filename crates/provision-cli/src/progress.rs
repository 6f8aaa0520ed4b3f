//! Everything on stderr: progress, hints, warnings, errors. A closed stderr is no reason to fail.

use std::{
    io::{self, IsTerminal as _, Write as _},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use provision::{HostStatus, wait::Observation};

use crate::{duration, failure::Failure};

/// A line on stderr.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// A hint: what to do next, or a command to copy.
pub(crate) fn hint(line: &str) {
    say(&format!("hint: {line}"));
}

pub(crate) fn warn(line: &str) {
    say(&format!("warning: {line}"));
}

/// The error, its causes line by line, and its hints.
pub(crate) fn complain(failure: &Failure) {
    for (depth, line) in failure.lines().into_iter().enumerate() {
        say(&if depth == 0 {
            format!("error: {line}")
        } else {
            format!("  caused by: {line}")
        });
    }
    for line in failure.hints() {
        hint(line);
    }
}

/// What a command is waiting for: a spinner with the elapsed time on a terminal, else a line for each change.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    subject: String,
    last: String,
}

impl Progress {
    pub(crate) fn start(subject: impl Into<String>) -> Self {
        let subject = subject.into();
        let bar = io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
                bar.set_style(style);
            }
            bar.set_message(subject.clone());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self {
            bar,
            subject,
            last: String::new(),
        }
    }

    /// The state that the subject is in now.
    pub(crate) fn show(&mut self, state: &str) {
        if state == self.last {
            return;
        }
        state.clone_into(&mut self.last);
        let line = format!("{}: {state}", self.subject);
        match &self.bar {
            Some(bar) => bar.set_message(line),
            None => say(&line),
        }
    }

    /// What one call to the cloud brought.
    pub(crate) fn observe(&mut self, observation: &Observation) {
        match observation {
            Observation::Host(host) => {
                let status = host.status;
                let word = host.raw_status.as_str();
                // The cloud's own word says more while something happens.
                let detail = if status == HostStatus::Active || word.is_empty() || word == status.as_str() {
                    String::new()
                } else {
                    format!(" ({word})")
                };
                self.show(&format!("{status}{detail}"));
            }
            Observation::NotVisible => self.show("not visible yet"),
            Observation::Deleting => self.show("deleting"),
            Observation::Retrying { error, delay } => {
                self.note(&format!("trying again in {}: {error}", duration::short(*delay)));
            }
            _ => {}
        }
    }

    /// A line that stays, above the spinner.
    pub(crate) fn note(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| say(line)),
            None => say(line),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
