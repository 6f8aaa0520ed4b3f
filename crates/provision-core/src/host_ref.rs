use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{HostId, Invalid};

/// A host of some provider, as text: the provider's id, then the parts of the host's id, joined by `/`, which no shell reads
/// as anything else: `gce/web-1/us-central1-a/my-project`. A `|` between the parts is understood as well.
///
/// ```
/// use provision_core::HostRef;
/// let host: HostRef = "gce/web-1/us-central1-a/my-project".parse()?;
/// assert_eq!((host.provider(), host.id().as_str()), ("gce", "web-1|us-central1-a|my-project"));
/// assert_eq!("gce/web-1|us-central1-a|my-project".parse::<HostRef>()?, host);
/// assert_eq!(host.to_string(), "gce/web-1/us-central1-a/my-project");
/// # Ok::<(), provision_core::Invalid>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostRef {
    provider: String,
    id: HostId,
}

impl HostRef {
    /// A host of a provider.
    #[must_use]
    pub fn new(provider: impl Into<String>, id: HostId) -> Self {
        Self {
            provider: provider.into(),
            id,
        }
    }

    /// The provider's id, or an alias if that is what the text had.
    #[must_use]
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// The host's id.
    #[must_use]
    pub fn id(&self) -> &HostId {
        &self.id
    }

    /// The host's id alone.
    #[must_use]
    pub fn into_id(self) -> HostId {
        self.id
    }
}

impl fmt::Display for HostRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}", self.provider, self.id.to_text()))
    }
}

impl FromStr for HostRef {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let is_word =
            |provider: &str| !provider.is_empty() && provider.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        match text.split_once('/') {
            Some((provider, id)) if is_word(provider) => Ok(Self::new(provider, HostId::from_text(id)?)),
            _ => {
                let shown: String = text.chars().take(80).collect();
                Err(Invalid::new(format!(
                    "{shown:?} does not name a host: write its provider, a slash and its id, as `create` and `list` print it"
                )))
            }
        }
    }
}

impl TryFrom<String> for HostRef {
    type Error = Invalid;
    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<HostRef> for String {
    fn from(host: HostRef) -> Self {
        host.to_string()
    }
}
