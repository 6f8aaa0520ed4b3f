//! Why a command failed: a text, hints and an exit code.

use std::{fmt, process::ExitCode};

use provision::ErrorKind;
use serde::{Serialize, Serializer};

use crate::progress::complain;

/// The exit codes, as documented in the README.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Ok = 0,
    Error = 1,
    Usage = 2,
    NotFound = 3,
    Credentials = 4,
    QuotaOrCapacity = 5,
    TimedOut = 6,
    Interrupted = 130,
}

impl Exit {
    /// The word for programs.
    fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Usage => "usage",
            Self::NotFound => "not_found",
            Self::Credentials => "credentials",
            Self::QuotaOrCapacity => "quota_or_capacity",
            Self::TimedOut => "timed_out",
            Self::Interrupted => "interrupted",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// What is left to tell when a command went on after failures: they were said when they happened.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    exits: Vec<Exit>,
    done: usize,
}

impl Tally {
    /// Says a failure and goes on.
    pub(crate) fn failed(&mut self, failure: &Failure) {
        complain(failure);
        self.exits.push(failure.exit());
    }

    /// Counts what went well.
    pub(crate) fn done(&mut self, count: usize) {
        self.done += count;
    }

    /// The exit code of something that was asked of several things, each on its own: that of the failures when they agree.
    pub(crate) fn exit_of_each(&self) -> Exit {
        match self.exits.split_first() {
            None => Exit::Ok,
            Some((first, rest)) if rest.iter().all(|exit| exit == first) => *first,
            _ => Exit::Error,
        }
    }

    /// The exit code of something that is a whole: any failure makes it less than that.
    pub(crate) fn exit_of_whole(&self) -> Exit {
        match self.done {
            _ if self.exits.is_empty() => Exit::Ok,
            0 => self.exit_of_each(),
            _ => Exit::Error,
        }
    }
}

/// What a command returns: an exit code when it has said everything itself, or why it failed.
pub(crate) type Outcome<T = Exit> = Result<T, Failure>;

/// Why a command failed. Holds no secret.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    /// The library's word for what kind of failure it is.
    kind: Option<ErrorKind>,
    lines: Vec<String>,
    hints: Vec<String>,
}

/// For programs: one object with the message, its causes, hints, the exit code and the kind.
impl Serialize for Failure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Fields<'a> {
            kind: &'static str,
            exit_code: u8,
            message: &'a str,
            causes: &'a [&'a str],
            hints: &'a [String],
        }
        #[derive(Serialize)]
        struct Document<'a> {
            error: Fields<'a>,
        }
        let lines = self.lines();
        let (message, causes) = lines
            .split_first()
            .map_or(("", &[][..]), |(first, rest)| (*first, rest));
        let error = Fields {
            kind: self.kind.map_or(self.exit.as_str(), ErrorKind::as_str),
            exit_code: self.exit as u8,
            message,
            causes,
            hints: &self.hints,
        };
        Document { error }.serialize(serializer)
    }
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            kind: None,
            lines: vec![message.into()],
            hints: Vec::new(),
        }
    }

    /// Wrong arguments.
    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self::new(Exit::Usage, message.to_string())
    }

    /// Anything without an exit code of its own, with its causes.
    pub(crate) fn other(message: impl Into<String>, cause: &dyn std::error::Error) -> Self {
        let mut failure = Self::new(Exit::Error, message);
        failure.lines.push(cause.to_string());
        failure.lines.extend(causes(cause));
        failure
    }

    /// Adds a cause.
    pub(crate) fn because(mut self, cause: impl Into<String>) -> Self {
        self.lines.push(cause.into());
        self
    }

    /// Adds a line that says what to do.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    pub(crate) fn hints(&self) -> &[String] {
        &self.hints
    }

    /// The message, then its causes from the outside in, leaving out those that only repeat the line before.
    pub(crate) fn lines(&self) -> Vec<&str> {
        let mut shown: Vec<&str> = Vec::new();
        for line in &self.lines {
            if !shown.last().is_some_and(|before| before.contains(line.as_str())) {
                shown.push(line);
            }
        }
        shown
    }
}

impl From<provision::Error> for Failure {
    fn from(error: provision::Error) -> Self {
        let exit = match error.kind() {
            ErrorKind::InvalidRequest | ErrorKind::Unsupported => Exit::Usage,
            ErrorKind::Unauthorized | ErrorKind::Forbidden => Exit::Credentials,
            ErrorKind::NotFound => Exit::NotFound,
            ErrorKind::Quota | ErrorKind::Capacity => Exit::QuotaOrCapacity,
            _ => Exit::Error,
        };
        let mut lines = vec![error.to_string()];
        lines.extend(causes(&error));
        Self {
            exit,
            kind: Some(error.kind()),
            lines,
            hints: Vec::new(),
        }
    }
}

impl From<provision::Invalid> for Failure {
    fn from(invalid: provision::Invalid) -> Self {
        Self::usage(invalid)
    }
}

fn causes(error: &dyn std::error::Error) -> Vec<String> {
    std::iter::successors(error.source(), |cause| cause.source())
        .map(ToString::to_string)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_exit_code() {
        for (kind, exit) in [
            (ErrorKind::InvalidRequest, 2),
            (ErrorKind::Unsupported, 2),
            (ErrorKind::NotFound, 3),
            (ErrorKind::Unauthorized, 4),
            (ErrorKind::Forbidden, 4),
            (ErrorKind::Quota, 5),
            (ErrorKind::Capacity, 5),
            (ErrorKind::AlreadyExists, 1),
            (ErrorKind::Conflict, 1),
            (ErrorKind::RateLimited, 1),
            (ErrorKind::Unavailable, 1),
            (ErrorKind::UnexpectedResponse, 1),
        ] {
            let failure = Failure::from(provision::Error::new(kind, "x"));
            assert_eq!(failure.exit() as u8, exit, "{kind}");
        }
    }

    #[test]
    fn causes_follow_line_by_line_and_are_not_repeated() {
        let inner = std::io::Error::other("connection refused");
        let error = provision::Error::new(ErrorKind::Unavailable, "cannot connect to 127.0.0.1:1").with_source(inner);
        assert_eq!(
            Failure::from(error).lines(),
            ["cannot connect to 127.0.0.1:1", "connection refused"]
        );
    }
}
