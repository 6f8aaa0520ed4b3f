//! Tokens of the simulated accounts.

/// What a token allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everything.
    Full,
    /// Reads only.
    ReadOnly,
    /// Nothing: missing or unknown.
    None,
}

/// What a token allows at a cloud: `sim-token-<cloud>` everything, `sim-token-<cloud>-readonly` reads.
pub(crate) fn token_access(token: Option<&str>, cloud: &str) -> Access {
    match token.and_then(|token| token.strip_prefix("sim-token-")?.strip_prefix(cloud)) {
        Some("") => Access::Full,
        Some("-readonly") => Access::ReadOnly,
        _ => Access::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_account_s_tokens_are_accepted() {
        assert_eq!(token_access(Some("sim-token-ovh"), "ovh"), Access::Full);
        assert_eq!(token_access(Some("sim-token-ovh-readonly"), "ovh"), Access::ReadOnly);
        assert_eq!(token_access(Some("sim-token-ovh2"), "ovh"), Access::None);
        assert_eq!(token_access(Some("sim-token-ec2"), "ovh"), Access::None);
        assert_eq!(token_access(None, "ovh"), Access::None);
    }
}
