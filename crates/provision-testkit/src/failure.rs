use std::fmt;

use provision_core::{Error, ErrorKind, Result};

/// Why a case failed, written for the author of the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure(String);

impl Failure {
    /// A failure with its whole text.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

/// Ends a case with a formatted failure unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err($crate::Failure::new(format!($($message)+)));
        }
    };
}
pub(crate) use ensure;

/// Says what a call was for when it should have succeeded and did not.
pub(crate) trait During<T> {
    fn during(self, what: &str) -> Result<T, Failure>;
}

impl<T> During<T> for Result<T> {
    fn during(self, what: &str) -> Result<T, Failure> {
        self.map_err(|error| Failure::new(format!("{what} should succeed, but failed: {error} [{}]", error.kind())))
    }
}

impl<T> During<T> for Option<T> {
    fn during(self, what: &str) -> Result<T, Failure> {
        self.ok_or_else(|| Failure::new(format!("{what} is missing")))
    }
}

/// The error of a call that has to fail with this kind.
pub(crate) fn refused<T: fmt::Debug>(result: Result<T>, kind: ErrorKind, what: &str) -> Result<Error, Failure> {
    match result {
        Ok(value) => Err(Failure::new(format!(
            "{what} should fail with {kind}, but succeeded: {value:?}"
        ))),
        Err(error) if error.kind() == kind => Ok(error),
        Err(error) => Err(Failure::new(format!(
            "{what} should fail with {kind}, but failed with {}: {error}",
            error.kind()
        ))),
    }
}
