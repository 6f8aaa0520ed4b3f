use std::fmt;

/// Why a value was refused before any request was sent: says which value, the rule it broke and how to mend it.
///
/// The text never repeats a secret or user data, so it can be shown and logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Invalid(String);

impl Invalid {
    /// A refusal with its whole text: lower-case, no trailing period, saying what the caller can do.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Invalid({:?})", self.0)
    }
}

impl std::error::Error for Invalid {}
