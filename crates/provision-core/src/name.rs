use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::Invalid;

/// The name of a host: a lower-case DNS label, 1 to 63 characters of `a-z`, `0-9` and `-`, starting and ending with a
/// letter or digit.
///
/// Every cloud accepts such a name as a host name (RFC 1123, section 2.1). A cloud with narrower rules states them in
/// [`NameRules`](crate::NameRules), which are checked before any request is sent.
///
/// ```
/// use provision_core::HostName;
/// let name: HostName = "web-1".parse()?;
/// assert_eq!(name.as_str(), "web-1");
/// assert!("Web_1".parse::<HostName>().unwrap_err().to_string().contains("try `web-1`"));
/// # Ok::<(), provision_core::Invalid>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostName(String);

impl HostName {
    /// The longest name in characters.
    pub const MAX_LEN: usize = 63;

    /// Checks and wraps a name.
    ///
    /// # Errors
    /// [`Invalid`] with the broken rule and, where one can be made, a name that would be accepted.
    pub fn new(name: impl Into<String>) -> Result<Self, Invalid> {
        let name = name.into();
        if is_label(&name) {
            return Ok(Self(name));
        }
        let rule = "a host name is 1 to 63 characters of a-z, 0-9 and `-`, starting and ending with a letter or digit";
        let shown: String = name.chars().take(80).collect();
        let suggestion = suggest(&name).map(|s| format!("; try `{s}`")).unwrap_or_default();
        Err(Invalid::new(format!(
            "host name {shown:?} is not valid: {rule}{suggestion}"
        )))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_label(name: &str) -> bool {
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = name.as_bytes();
    bytes.len() <= HostName::MAX_LEN
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes
            .iter()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
}

fn suggest(name: &str) -> Option<String> {
    let mapped: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .take(HostName::MAX_LEN)
        .collect();
    let trimmed = mapped.trim_matches('-');
    is_label(trimmed).then(|| trimmed.to_owned())
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for HostName {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::new(text)
    }
}

impl TryFrom<String> for HostName {
    type Error = Invalid;
    fn try_from(text: String) -> Result<Self, Invalid> {
        Self::new(text)
    }
}

impl From<HostName> for String {
    fn from(name: HostName) -> Self {
        name.0
    }
}
