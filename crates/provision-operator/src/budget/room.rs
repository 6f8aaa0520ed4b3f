//! Whose hosts are counted together.

use crate::{accounts::Credentials, mapping::names::namespace_mark};

/// Hosts of one account are counted together: what is on a tenant's own credentials takes no room from the operator's.
pub type AccountKey = (&'static str, Credentials);

/// Where a resource's host is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The account that it is in.
    pub account: AccountKey,
    /// The mark of its resource's namespace, as its label has it; `None` for a host whose label does not tell.
    pub namespace: Option<String>,
}

impl Place {
    /// The place of a resource's host.
    #[must_use]
    pub fn new(account: AccountKey, namespace: &str) -> Self {
        Self {
            account,
            namespace: Some(namespace_mark(namespace)),
        }
    }

    /// Whether the account is the operator's own.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.account.1 == Credentials::Own
    }
}
