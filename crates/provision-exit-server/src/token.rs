use std::fmt;

use provision_core::Invalid;

/// The secret that a tunnel's client and server share, in an alphabet that needs no quoting anywhere.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthToken(String);

impl AuthToken {
    /// Checks a token. Surrounding white space is dropped: files end with a line break.
    ///
    /// # Errors
    /// [`Invalid`] when it is empty or has characters that a shell or systemd could misread; it is not repeated.
    pub fn new(token: &str) -> Result<Self, Invalid> {
        let token = token.trim();
        let fine = |c: char| c.is_ascii_alphanumeric() || "._~+/=-".contains(c);
        if token.is_empty() || token.len() > 512 || !token.chars().all(fine) {
            return Err(Invalid::new(
                "the tunnel's token must be 1 to 512 letters, digits and `._~+/=-`",
            ));
        }
        Ok(Self(token.to_owned()))
    }

    /// A new token of 64 letters and digits from bytes that must come from a secure source.
    #[must_use]
    pub fn from_random(bytes: &[u8; 32]) -> Self {
        Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The token itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AuthToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthToken([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_can_end_no_quote_and_is_never_shown() {
        for token in [
            "",
            "a'b",
            "a b",
            "$(reboot)",
            "a\nb",
            "`x`",
            "\"",
            "\\",
            &"a".repeat(513),
        ] {
            let error = AuthToken::new(token).unwrap_err().to_string();
            assert!(token.is_empty() || token == "`x`" || !error.contains(token), "{error}");
        }
        let token = AuthToken::new(" s3cret\n").unwrap();
        assert_eq!(token.expose(), "s3cret");
        assert!(!format!("{token:?}").contains("s3cret"));
        assert_eq!(AuthToken::from_random(&[7; 32]).expose(), "07".repeat(32));
    }
}
