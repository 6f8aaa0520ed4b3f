use serde::Serialize;

/// One key of [`BasicHost::additional`](crate::BasicHost::additional).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AdditionalInfo {
    /// The key.
    pub key: &'static str,
    /// What it is for, in a line.
    pub help: &'static str,
    /// What it can do, which decides who may set it.
    pub role: AdditionalRole,
}

/// What an extra of a provider can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AdditionalRole {
    /// Nothing that costs or opens anything.
    Harmless,
    /// It changes the price.
    ChangesPrice,
    /// It gives the host an identity in the account, or a place in something of the account's: a network, a group.
    GrantsAccess,
}

impl AdditionalInfo {
    /// An extra that costs and opens nothing.
    #[must_use]
    pub const fn new(key: &'static str, help: &'static str) -> Self {
        Self {
            key,
            help,
            role: AdditionalRole::Harmless,
        }
    }

    /// It changes the price.
    #[must_use]
    pub const fn changes_price(mut self) -> Self {
        self.role = AdditionalRole::ChangesPrice;
        self
    }

    /// It gives the host an identity in the account, or a place in something of the account's: a network, a group.
    #[must_use]
    pub const fn grants_access(mut self) -> Self {
        self.role = AdditionalRole::GrantsAccess;
        self
    }
}
