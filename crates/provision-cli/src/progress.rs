//! Everything on stderr: progress, hints, warnings, errors. A closed stderr is no reason to fail.

use std::{
    io::{self, Write as _},
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use provision::{HostStatus, wait::Observation};

use crate::{
    args::Format,
    duration,
    failure::Failure,
    terminal::{self, Tone, clean},
};

/// What stands on stderr, set once at the start.
#[derive(Debug, Clone, Copy, Default)]
struct Manner {
    quiet: bool,
    colors: bool,
    moves: bool,
}

static MANNER: OnceLock<Manner> = OnceLock::new();
static SPINNERS: OnceLock<MultiProgress> = OnceLock::new();

/// Whether errors are JSON: the configuration may say so later than the command line.
static JSON: AtomicBool = AtomicBool::new(false);

/// Says how stderr is written, before anything is written there.
pub(crate) fn begin(quiet: bool, format: Option<Format>) {
    write_as(format.unwrap_or_default());
    let manner = Manner {
        quiet,
        colors: terminal::stderr_has_colors(),
        moves: terminal::stderr_moves(),
    };
    // A second call would change nothing.
    let _ = MANNER.set(manner);
}

/// Says what form errors have.
pub(crate) fn write_as(format: Format) {
    JSON.store(format == Format::Json, Ordering::Relaxed);
}

fn manner() -> Manner {
    MANNER.get().copied().unwrap_or_default()
}

fn spinners() -> &'static MultiProgress {
    SPINNERS.get_or_init(MultiProgress::new)
}

/// Takes the spinners off the terminal, before the process ends without a word.
pub(crate) fn clear() {
    if let Some(spinners) = SPINNERS.get() {
        // A terminal that is gone needs no clearing.
        let _ = spinners.clear();
    }
}

/// A line above the spinners. What a terminal would obey is written out.
fn write(tone: Tone, label: &str, line: &str) {
    let label = tone.paint(label, manner().colors);
    let line = format!("{label}{}", clean(line));
    let write = || {
        let _ = writeln!(io::stderr().lock(), "{line}");
    };
    match SPINNERS.get() {
        Some(spinners) => spinners.suspend(write),
        None => write(),
    }
}

/// A line on stderr, unless it is to be quiet.
pub(crate) fn say(line: &str) {
    if !manner().quiet {
        write(Tone::Plain, "", line);
    }
}

/// A hint: what to do next, or a command to copy.
pub(crate) fn hint(line: &str) {
    if !manner().quiet {
        write(Tone::Faint, "hint: ", line);
    }
}

pub(crate) fn warn(line: &str) {
    write(Tone::Busy, "warning: ", line);
}

/// The error, its causes line by line, and its hints; with `-o json` one line of JSON.
pub(crate) fn complain(failure: &Failure) {
    if JSON.load(Ordering::Relaxed) {
        let line = serde_json::to_string(failure).unwrap_or_default();
        let line = terminal::clean_json(&line).into_owned();
        let write = || {
            let _ = writeln!(io::stderr().lock(), "{line}");
        };
        match SPINNERS.get() {
            Some(spinners) => spinners.suspend(write),
            None => write(),
        }
        return;
    }
    for (depth, line) in failure.lines().into_iter().enumerate() {
        if depth == 0 {
            write(Tone::Bad, "error: ", line);
        } else {
            write(Tone::Bad, "  caused by: ", line);
        }
    }
    for line in failure.hints() {
        write(Tone::Faint, "hint: ", line);
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
        let bar = (manner().moves && !manner().quiet).then(|| {
            let bar = spinners().add(ProgressBar::new_spinner());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
                bar.set_style(style);
            }
            bar.set_message(clean(&subject).into_owned());
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
            Some(bar) => bar.set_message(clean(&line).into_owned()),
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
        say(line);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
