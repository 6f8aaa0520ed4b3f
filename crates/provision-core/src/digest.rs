use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// The first 128 bits of a SHA-256 over texts, as 32 lower-case hexadecimal digits: short enough for every cloud's tags.
/// Each part is preceded by its length, so that no two lists of parts are hashed alike.
pub(crate) struct Digest(Sha256);

impl Digest {
    pub(crate) fn new() -> Self {
        Self(Sha256::new())
    }

    pub(crate) fn part(&mut self, text: impl AsRef<str>) {
        let text = text.as_ref();
        self.0.update((text.len() as u64).to_be_bytes());
        self.0.update(text.as_bytes());
    }

    pub(crate) fn list(&mut self, texts: impl IntoIterator<Item = impl AsRef<str>>) {
        let mut inner = Self::new();
        for text in texts {
            inner.part(text);
        }
        self.part(inner.hex());
    }

    pub(crate) fn hex(self) -> String {
        hex(self.0)
    }
}

/// The first 128 bits of a hash in hexadecimal.
pub(crate) fn hex(hasher: Sha256) -> String {
    let bytes = hasher.finalize();
    bytes.iter().take(16).fold(String::with_capacity(32), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
