//! User data before it is sent: variables that are filled in, and what can be seen to be wrong.
//!
//! A cloud takes any text and reports nothing: what cloud-init cannot use shows on the host, minutes later, in a log. So a text
//! is looked at first. [`look_at`] knows the formats, reads YAML as cloud-init's parser does, and knows the keys of a
//! cloud-config with their types. What cloud-init cannot use at all is an error, what it would pass over or complain about a
//! warning.
//!
//! ```
//! use provision::{UserData, user_data::{Severity, Variables, look_at}};
//!
//! let mut variables = Variables::new();
//! variables.insert("DOMAIN", "www.example.com")?;
//! let text = variables.fill("#cloud-config\npackage: [nginx]\nfqdn: ${DOMAIN}\n")?;
//! variables.finish()?;
//!
//! let findings = look_at(&UserData::new(text)?);
//! assert_eq!(findings[0].severity, Severity::Warning);
//! assert_eq!(
//!     findings[0].to_string(),
//!     "line 2: cloud-init has no key `package`: did you mean `packages`?"
//! );
//! # Ok::<(), provision::Invalid>(())
//! ```

mod cloud_config;
mod formats;
mod keys;
mod variables;
mod yaml;

use std::fmt;

use provision_core::UserData;
use serde::Serialize;

pub use variables::Variables;

/// Something that was seen in user data. Holds no value of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The part of a multi-part text, counted from 1.
    pub part: Option<usize>,
    /// The line, counted from 1; in a multi-part text that of the part.
    pub line: Option<usize>,
    /// What is wrong, and what to do about it.
    pub message: String,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// cloud-init cannot use the text.
    Error,
    /// cloud-init passes over something, or complains about it in its log.
    Warning,
}

impl Finding {
    fn error(line: Option<usize>, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, line, message)
    }

    fn warning(line: Option<usize>, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, line, message)
    }

    fn new(severity: Severity, line: Option<usize>, message: impl Into<String>) -> Self {
        Self {
            severity,
            part: None,
            line,
            message: message.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.part, self.line) {
            (Some(part), Some(line)) => write!(f, "part {part}, line {line}: ")?,
            (Some(part), None) => write!(f, "part {part}: ")?,
            (None, Some(line)) => write!(f, "line {line}: ")?,
            (None, None) => {}
        }
        f.write_str(&self.message)
    }
}

/// What can be seen to be wrong with user data, in the order of the text.
#[must_use]
pub fn look_at(user_data: &UserData) -> Vec<Finding> {
    formats::look_at(user_data)
}

#[cfg(test)]
mod tests;
