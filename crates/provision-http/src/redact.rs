use std::{borrow::Cow, fmt};

use provision_core::{ExposeSecret, SecretString};

/// Texts that must never reach an error or a log.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Vec<SecretString>);

impl Secrets {
    /// Shorter texts are no secrets, and replacing them would make messages unreadable.
    const MIN_LEN: usize = 8;

    pub(crate) fn add(&mut self, secret: &str) {
        if secret.len() >= Self::MIN_LEN {
            self.0.push(SecretString::from(secret.to_owned()));
        }
    }

    /// Adds a whole text and each of its longer lines, because a cloud may quote only a part of it.
    pub(crate) fn add_text(&mut self, text: &str) {
        self.add(text);
        for line in text
            .lines()
            .map(str::trim)
            .filter(|line| line.len() >= Self::MIN_LEN && *line != text)
        {
            self.add(line);
        }
    }

    /// The text with every secret replaced.
    pub(crate) fn scrub<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.0.iter().fold(Cow::Borrowed(text), |text, secret| {
            if text.contains(secret.expose_secret()) {
                Cow::Owned(text.replace(secret.expose_secret(), "[redacted]"))
            } else {
                text
            }
        })
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} secrets]", self.0.len())
    }
}
