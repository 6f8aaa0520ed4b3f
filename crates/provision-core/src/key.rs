use std::{fmt, str::FromStr};

use sha2::{Digest, Sha256};

use crate::{HostName, Invalid, digest::hex};

/// What a host is known by: `provision` with the same key never makes a second host. Unless a caller chooses one, it is the
/// host's name.
///
/// Any non-empty text of up to 255 bytes will do, such as a UUID or a Kubernetes resource UID. A key belongs to the account,
/// and to the region on clouds whose lists are per region
/// ([`lists_all_regions`](crate::Capabilities::lists_all_regions) is off). Only its hash leaves the
/// machine, as the value of label [`KEY_LABEL`](crate::KEY_LABEL) or as a vendor's client token.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Checks and wraps a key.
    ///
    /// # Errors
    /// [`Invalid`] when it is empty or longer than 255 bytes.
    pub fn new(key: impl Into<String>) -> Result<Self, Invalid> {
        let key = key.into();
        if key.is_empty() || key.len() > 255 {
            return Err(Invalid::new(
                "an idempotency key is 1 to 255 bytes of text, for example a UUID",
            ));
        }
        Ok(Self(key))
    }

    /// A key that nobody else has, for a host that is to be made whatever else there is. Keep it: only with the same key is
    /// a create safe to repeat.
    #[must_use]
    pub fn random() -> Self {
        Self(format!("{:032x}", fastrand::u128(..)))
    }

    /// The key as the caller gave it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first 128 bits of the key's SHA-256 as 32 lower-case hexadecimal digits: short enough for every cloud's tags.
    #[must_use]
    pub fn hash(&self) -> String {
        self.hash_with(&[])
    }

    /// As [`hash`](Self::hash), over the key and further parts such as a project, a zone and a name.
    #[must_use]
    pub fn hash_with(&self, parts: &[&str]) -> String {
        let mut hasher = Sha256::new();
        hasher.update(self.0.as_bytes());
        for part in parts {
            hasher.update([0]);
            hasher.update(part.as_bytes());
        }
        hex(hasher)
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdempotencyKey({})", self.hash())
    }
}

impl From<&HostName> for IdempotencyKey {
    fn from(name: &HostName) -> Self {
        Self(name.as_str().to_owned())
    }
}

impl FromStr for IdempotencyKey {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_pinned_because_hosts_are_found_by_it() {
        let key = IdempotencyKey::new("web-1").unwrap();
        // printf web-1 | sha256sum
        assert_eq!(key.hash(), "c4719afa76fa448b5eca99e673688584");
        assert_ne!(key.hash(), key.hash_with(&["zone"]));
        assert_ne!(key.hash_with(&["a", "b"]), key.hash_with(&["ab"]));
    }

    #[test]
    fn an_empty_or_endless_key_is_refused() {
        assert!(IdempotencyKey::new("").is_err());
        assert!(IdempotencyKey::new("k".repeat(256)).is_err());
    }
}
