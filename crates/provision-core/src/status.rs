use std::fmt;

use serde::{Deserialize, Serialize};

/// The standard state of a host, the same for every cloud. Text and JSON use the lower-case name.
///
/// Each provider maps its vendor's words to these; the vendor's own word stays available as
/// [`ProvisionedHost::raw_status`](crate::ProvisionedHost::raw_status). A host that is gone has no status: asking for it
/// gives [`ErrorKind::NotFound`](crate::ErrorKind::NotFound).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum HostStatus {
    /// The cloud accepted the host and is still building, booting or changing it.
    Provisioning,
    /// The host is powered on and its public IP is known. Cloud-init may still be at work inside it.
    Active,
    /// The host exists but is switched off. Most clouds go on billing it.
    Stopped,
    /// The cloud is removing the host.
    Deleting,
    /// The host could not be built or was broken by the cloud; delete it. The reason is in
    /// [`ProvisionedHost::message`](crate::ProvisionedHost::message).
    Failed,
    /// The vendor's word has no known meaning; it is kept in the raw status.
    Unknown,
}

impl HostStatus {
    /// The lower-case name that text and JSON show.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Provisioning => "provisioning",
            Self::Active => "active",
            Self::Stopped => "stopped",
            Self::Deleting => "deleting",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }

    /// [`Active`](Self::Active) only when a public address is there, else [`Provisioning`](Self::Provisioning).
    ///
    /// Providers call this where the vendor says "running", because an active host without an address is of no use yet.
    #[must_use]
    pub fn active_if(has_public_ip: bool) -> Self {
        if has_public_ip {
            Self::Active
        } else {
            Self::Provisioning
        }
    }
}

impl fmt::Display for HostStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
